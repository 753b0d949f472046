"""The closed loop as rules: which form moves a case from where to where, who may sign it, what must be filled in."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fbbatch.codes import Codes, Key
from fbbatch.deadlines import Calendar
from fbbatch.findings import message
from fbbatch.ledger import RunRecord
from fbbatch.model import Case, Details, ReturnedForm, Transition
from fbbatch.schema import Book, load_book
from fbbatch.settings import Company, Settings
from fbbatch.steps import Rules
from fbbatch.workflow.decisions import On, is_dissatisfied
from fbbatch.workflow.gates import empty_measures, late_promises
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.owed import Owed, brings_result, owed_by_moved, owed_by_new
from fbbatch.workflow.process import Outcome, moves_of_time, step
from fbbatch.workflow.reminders import LEADER, Chaser
from fbbatch.workflow.standing import Move, Standing, begun, replay
from tests.builders import CASE_FORMS, REPOSITORY, cells

ZONE = ZoneInfo("Asia/Taipei")
FIRST = dt.date(2026, 11, 2)  # a Monday
WINDOW, SURVEY = 30, 30
OTHER_OUTCOMES = frozenset({"unfounded", "misuse", "not_reproduced", "declined", "withdrawn"})

ANSWERS: dict[str, dict[str, Any]] = {
    "assignment": {"verdict": "accept", "responsible": "luo_xinyi", "promised_on": "2026-11-06", "answered_by": "zhang_weiming", "answered_on": "2026-11-02"},
    "measures": {
        "containment": "庫存 32 台停止出貨", "root_cause": "焊點虛焊", "solution": "更正溫度曲線", "effect": "2026-12-31 前由 5 件降到 1 件", "prevention": "修訂指導書第 5.3 條",
        "steps": [{"step": "第 5 溫區更正為 250 ℃，參數加鎖", "cause": "溫度偏低", "owner": "luo_xinyi", "due": "2026-11-05"}], "prepared_by": "luo_xinyi", "approved_by": "zhang_weiming",
    },
    "inspection": {"percent": 40, "inspected_by": "xie_chengen", "inspected_on": "2026-11-04"},
    "result": {
        "containment": "已攔回", "root_cause": "焊點虛焊", "steps": [{"step": "更換電源板", "owner": "luo_xinyi", "done_on": "2026-11-05"}], "outcome": "solved",
        "summary": "50 台已更換", "prevention": "指導書已修訂", "prepared_by": "luo_xinyi", "approved_by": "zhang_weiming", "finished_on": "2026-11-05",
    },
    "verification": {"implemented": "fully", "solved": True, "meets": True, "conclusion": "pass", "verified_by": "huang_junjie", "verified_on": "2026-11-06"},
    "reply": {"letter": "solved", "sent_on": "2026-11-06", "sent_by": "wang_siyu", "sent_through": "email"},
    "satisfaction": {"solved": "yes", "overall": 5, "name": "王小明"},
    "impact": {"experience": 5, "process": 3, "reputation": 4, "grounds": "已有 3 起過熱", "priority": "P1", "assessed_by": "xie_chengen"},
    "escalation": {"instruction": "48 小時內查明原因", "instructed_by": "zhao_mingyuan", "instructed_on": "2026-11-03"},
    "coordination": {"matter": "更換用的電源板缺 20 片", "asked_by": "luo_xinyi", "decision": "continue", "approved_by": "zhang_weiming", "approved_on": "2026-11-04"},
}  # fmt: skip
"""Answers of each form that nothing is wrong with, for a case of the research department."""

HOLD = {"decision": "hold", "reason": "等供應商補件", "hold_until": "2026-11-20"}
MERGE = {"decision": "merge", "reason": "同一問題", "main_case": "FB-20261101-0001"}
CLOSE = {
    "decision": "close_without_measure",
    "reason": "退回樣機檢測正常",
    "outcome": "not_reproduced",
}
REOPEN = {"decision": "reopen", "reason": "反饋人稱問題再次出現"}
FAIL = {"conclusion": "fail", "solved": False, "meets": False, "remaining": "溫升仍超過 45 K"}
NOT_OURS = {
    "verdict": "not_ours",
    "reason": "屬焊接工序",
    "proposed_department": "production",
    "responsible": None,
}


@dataclass
class Loop:
    """A case that forms move; days pass only when told to."""

    book: Book
    severity: str = "general"
    today: dt.date = FIRST
    cooperating: tuple[str, ...] = ()
    history: list[Transition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known = 0, begun(self.book.processes["case"])
        assigned = Details(
            department="rd",
            due_on="2026-11-09",
            rule="A-FUNCTION",
            cooperating=list(self.cooperating),
        )
        self.append("register", "batch", Move("registered"))
        self.append("assignment_rules", "rules", Move("assigned", assigned))

    @property
    def standing(self) -> Standing:
        if self._known[0] != len(self.history):
            self._known = len(self.history), replay(self.book.processes["case"], self.history)
        return self._known[1]

    @property
    def matter(self) -> Matter:
        return matter_with(self)

    @property
    def state(self) -> str:
        return self.standing.state

    def append(self, document: str, by: str, *moves: Move) -> None:
        at = dt.datetime.combine(self.today, dt.time(23), ZONE)
        run = f"{self.today:%Y%m%d}-001"
        self.history += [
            Transition(m.to, document, by, m.on or self.today, at, run, m.details) for m in moves
        ]

    def judge(self, form: ReturnedForm, newest: int = 0) -> Outcome:
        on = On(self.today, WINDOW)
        return step(self.matter, form, self.book, newest_issue=newest, on=on)

    def take(self, kind: str, issue: int = 0, newest: int = 0, **changes: Any) -> Outcome:
        """Hand in a form of good answers with changes (None takes an answer away)."""
        form = self.form(kind, issue, **changes)
        verdict = self.judge(form, newest)
        self.append(kind, form.by, *verdict.moves)
        return verdict

    def form(self, kind: str, issue: int = 0, **changes: Any) -> ReturnedForm:
        answers = ANSWERS[kind] | changes
        if kind == "measures" and "approved_by" not in changes:
            answers["approved_by"] = getattr(
                self.book.head(answers.get("department") or "rd"), "id", None
            )
        values = {name: value for name, value in answers.items() if value is not None}
        return ReturnedForm(kind, "FB-20261102-0001", issue, values, "somebody", self.today)

    def wait(self, days: int) -> list[Move]:
        """Let days pass; what happens by itself, on the last of them only, as after missed nights."""
        self.today += dt.timedelta(days=days)
        moves = moves_of_time(self.standing, self.today, lambda period: SURVEY)
        self.append("time", "batch", *moves)
        return moves


def codes(verdict: Outcome) -> list[str]:
    return [f.code for f in verdict.findings]


def fields(verdict: Outcome) -> list[tuple[str, str | None]]:
    return [(f.code, f.field) for f in verdict.findings]


_WAY: dict[str, list[tuple[str, dict[str, Any]]]] = {"assigned": []}
for _state, _before, _kind, _changes in (
    ("accepted", "assigned", "assignment", {}), ("planned", "accepted", "measures", {}), ("in_progress", "planned", "inspection", {"percent": 10}),
    ("awaiting_verification", "in_progress", "result", {}), ("verified", "awaiting_verification", "verification", {}), ("replied", "verified", "reply", {}),
    ("closed", "replied", "satisfaction", {}), ("on_hold", "planned", "coordination", HOLD),
):  # fmt: skip
    _WAY[_state] = [*_WAY[_before], (_kind, _changes)]


def matter_in(
    book: Book, state: str, severity: str = "general", cooperating: tuple[str, ...] = ()
) -> Loop:
    """A case that has come to a state by good forms."""
    matter = Loop(book, severity, cooperating=cooperating)
    for kind, changes in _WAY[state]:
        assert codes(matter.take(kind, issue=1, **changes)) == []
    assert matter.state == state
    return matter


# --- each form from each state ---

MATRIX = """
| from                  | assignment | measures | inspection            | result                | verification | reply   | satisfaction | impact                | escalation            | coordination          |
| assigned              | accepted   | early    | assigned              | early                 | early        | early   | early        | assigned              | assigned              | assigned              |
| accepted              | differs    | planned  | accepted              | early                 | early        | early   | early        | accepted              | accepted              | accepted              |
| planned               | differs    | differs  | in_progress           | awaiting_verification | early        | early   | early        | planned               | planned               | planned               |
| in_progress           | differs    | differs  | in_progress           | awaiting_verification | early        | early   | early        | in_progress           | in_progress           | in_progress           |
| on_hold               | differs    | differs  | on_hold               | early                 | early        | early   | early        | on_hold               | on_hold               | planned               |
| awaiting_verification | differs    | differs  | awaiting_verification | differs               | verified     | early   | early        | awaiting_verification | awaiting_verification | awaiting_verification |
| verified              | differs    | differs  | verified              | differs               | differs      | replied | closed       | verified              | verified              | verified              |
| replied               | differs    | differs  | replied               | differs               | differs      | differs | closed       | replied               | replied               | replied               |
| closed                | differs    | differs  | closed                | differs               | differs      | differs | differs      | closed                | closed                | closed                |
"""
OTHERWISE: dict[str, dict[str, Any]] = {
    "assignment": {"promised_on": "2026-11-08"}, "measures": {"effect": "2026-12-31 前降到 0 件"}, "inspection": {"percent": 55}, "result": {"summary": "49 台已更換"},
    "verification": {"place": "實驗室"}, "reply": {"sent_through": "phone"}, "satisfaction": {"overall": 4}, "impact": {}, "escalation": {}, "coordination": {},
}  # fmt: skip
_HEAD, *_ROWS = cells(MATRIX)


@pytest.mark.parametrize(
    ("state", "kind", "expected"),
    [(row[0], kind, cell) for row in _ROWS for kind, cell in zip(_HEAD[1:], row[1:], strict=True)],
)
def test_each_form_from_each_state(book: Book, state: str, kind: str, expected: str) -> None:
    matter = matter_in(book, state)
    before = list(matter.history)
    verdict = matter.take(kind, **OTHERWISE[kind])
    if expected in book.processes["case"].states:
        assert (verdict.outcome, matter.state) == ("step", expected)
        assert verdict.findings == ()
        return
    assert (codes(verdict), verdict.outcome) == ([f"FB-step-{expected}"], "set_aside")
    assert matter.history == before


@pytest.mark.parametrize("kind", [kind for kind, _ in _WAY["closed"]])
def test_same_form_once_more_is_answered_with_day_and_name_and_no_step(
    book: Book, kind: str
) -> None:
    matter = matter_in(book, "closed")
    changes = dict(_WAY["closed"])[kind]
    verdict = matter.take(kind, **changes)
    assert (codes(verdict), verdict.outcome, verdict.moves) == (["FB-step-done"], "duplicate", ())
    assert verdict.findings[0].details == {"on": "2026-11-02", "by": "somebody"}


@pytest.mark.parametrize("kind", ["impact", "escalation", "inspection", "coordination"])
def test_same_fact_once_more_is_no_second_step(book: Book, kind: str) -> None:
    matter = matter_in(book, "planned")
    assert matter.take(kind).outcome == "step"
    matter.wait(2)
    assert codes(matter.take(kind)) == ["FB-step-done"]
    assert (
        matter.take(
            kind,
            issue=0,
            **({"percent": 80} if kind == "inspection" else {"remarks": "second thoughts"}),
        ).outcome
        == "step"
    )


def test_hold_that_was_dropped_again_after_it_was_lifted_holds_nothing(book: Book) -> None:
    matter = matter_in(book, "planned")
    matter.take("coordination", **HOLD)
    matter.take("coordination", decision="continue", approved_on="2026-11-05")
    assert matter.state == "planned"
    assert codes(matter.take("coordination", **HOLD)) == ["FB-step-done"]
    assert matter.state == "planned"


def test_early_form_names_the_missing_step(book: Book) -> None:
    verdict = matter_in(book, "accepted").take("result")
    assert verdict.findings[0].details == {"missing_kind": "measures", "state": "accepted"}


def test_new_case_that_nobody_has_assigned_waits_for_its_assignment() -> None:
    new = begun(load_book(REPOSITORY / "schemas").processes["case"])
    assert (new.expected, new.is_open) == ("assignment", True)


def test_form_about_a_case_that_was_closed_before_it_came_is_set_aside(book: Book) -> None:
    matter = matter_in(book, "replied")
    assert [move.to for move in matter.wait(30)] == ["closed"]
    verdict = matter.take("satisfaction")
    assert (codes(verdict), verdict.outcome) == (["FB-step-closed"], "set_aside")
    assert verdict.findings[0].details == {"on": "2026-12-02"}
    assert matter.standing.expected is None


# --- old issues ---


def test_old_issue_goes_back_and_asks_for_the_newest(book: Book) -> None:
    matter = matter_in(book, "accepted")
    verdict = matter.take("measures", issue=1, newest=2)
    assert (codes(verdict), verdict.outcome) == (["FB-step-stale"], "returned")
    assert verdict.findings[0].details == {
        "issue": "1",
        "newest": "2",
        "kind": "measures",
        "case": "FB-20261102-0001",
    }
    assert matter.take("measures", issue=2, newest=2).outcome == "step"


def test_old_issue_of_a_step_already_taken_is_no_reason_to_issue_it_again(book: Book) -> None:
    matter = matter_in(book, "planned")
    assert codes(matter.take("measures", issue=1, newest=2)) == ["FB-step-done"]
    assert codes(matter.take("measures", issue=1, newest=2, effect="別的")) == ["FB-step-differs"]
    assert codes(matter.take("verification", issue=1, newest=2)) == ["FB-step-early"]


def test_old_issue_of_a_fact_is_still_a_fact(book: Book) -> None:
    assert matter_in(book, "planned").take("inspection", issue=1, newest=3).outcome == "step"


def test_issue_that_the_document_no_longer_tells_is_taken(book: Book) -> None:
    assert matter_in(book, "accepted").take("measures", issue=0, newest=2).outcome == "step"


# --- what an answer makes necessary ---


@pytest.mark.parametrize(
    ("state", "kind", "severity", "changes", "wanted"),
    [
        (
            "assigned",
            "assignment",
            "general",
            {"responsible": None, "promised_on": None},
            ["responsible", "promised_on"],
        ),
        (
            "assigned",
            "assignment",
            "general",
            {"verdict": "not_ours"},
            ["reason", "proposed_department"],
        ),
        (
            "accepted",
            "measures",
            "severe",
            {"containment": None, "prevention": None},
            ["containment", "prevention"],
        ),
        ("accepted", "measures", "general", {"containment": None, "prevention": None}, []),
        (
            "planned",
            "result",
            "severe",
            {"containment": None, "prevention": None},
            ["containment", "prevention"],
        ),
        ("planned", "result", "minor", {"containment": None, "prevention": None}, []),
        (
            "awaiting_verification",
            "verification",
            "general",
            FAIL | {"remaining": None},
            ["remaining"],
        ),
        (
            "awaiting_verification",
            "verification",
            "general",
            {"conclusion": "conditional"},
            ["remaining"],
        ),
        ("planned", "coordination", "general", {"decision": "hold"}, ["reason", "hold_until"]),
        ("planned", "coordination", "general", {"decision": "merge"}, ["reason", "main_case"]),
        (
            "planned",
            "coordination",
            "general",
            {"decision": "close_without_measure"},
            ["reason", "outcome"],
        ),
        ("closed", "coordination", "general", {"decision": "reopen"}, ["reason"]),
        ("planned", "coordination", "general", {"decision": "continue"}, []),
    ],
)
def test_answer_makes_others_necessary(
    book: Book, state: str, kind: str, severity: str, changes: dict[str, Any], wanted: list[str]
) -> None:
    matter = matter_in(book, state, severity)
    verdict = matter.take(kind, **changes)
    assert fields(verdict) == [("FB-needed", name) for name in wanted]
    assert verdict.outcome == ("returned" if wanted else "step")


@pytest.mark.parametrize("changes", [{"solved": False}, {"meets": False}, {"solved": None}])
def test_passed_contradicts_a_no_before_it(book: Book, changes: dict[str, Any]) -> None:
    verdict = matter_in(book, "awaiting_verification").take("verification", **changes)
    assert (fields(verdict), verdict.outcome) == ([("FB-contradiction", "conclusion")], "returned")


# --- who may sign ---


@pytest.mark.parametrize(
    ("state", "kind", "field_id", "signer", "may"),
    [
        ("assigned", "assignment", "answered_by", "gao_yuchen", True),  # of the department
        ("assigned", "assignment", "answered_by", "chen_guodong", False),  # another head
        ("assigned", "assignment", "answered_by", "zhao_mingyuan", True),  # a leader
        ("assigned", "assignment", "answered_by", "wang_siyu", False),
        ("accepted", "measures", "approved_by", "zhang_weiming", True),
        ("accepted", "measures", "approved_by", "zhao_mingyuan", True),
        (
            "accepted",
            "measures",
            "approved_by",
            "huang_shufen",
            False,
        ),  # the head of another department
        ("planned", "result", "approved_by", "huang_shufen", False),
        ("planned", "coordination", "approved_by", "chen_guodong", False),
        ("accepted", "measures", "approved_by", "luo_xinyi", False),
        ("planned", "result", "approved_by", "sun_liwen", True),
        ("planned", "result", "approved_by", "luo_xinyi", False),
        ("planned", "coordination", "approved_by", "xie_chengen", False),
        ("planned", "escalation", "instructed_by", "zhang_weiming", True),
        ("planned", "escalation", "instructed_by", "gao_yuchen", False),
        ("planned", "escalation", "instructed_by", "一位不在名冊的人", False),
    ],
)
def test_signer_must_be_somebody_who_may(
    book: Book, state: str, kind: str, field_id: str, signer: str, may: bool
) -> None:
    verdict = matter_in(book, state).take(kind, **{field_id: signer})
    assert (fields(verdict), verdict.outcome) == (
        ([], "step") if may else ([("FB-wrong-signer", field_id)], "returned")
    )


@pytest.mark.parametrize(
    ("responsible", "verifier", "code"),
    [
        ("luo_xinyi", "huang_junjie", None),
        ("luo_xinyi", "pan_yuqing", None),
        ("luo_xinyi", "luo_xinyi", "FB-verifier-not-independent"),
        ("外聘的王工", "外聘的王工", "FB-verifier-not-independent"),
        ("luo_xinyi", "gao_yuchen", "FB-verifier-not-independent"),  # a colleague of hers
        ("luo_xinyi", "zhang_weiming", "FB-verifier-not-independent"),  # the head who approved it
        (
            "luo_xinyi",
            "jiang_haoran",
            "FB-wrong-signer",
        ),  # neither quality control nor named for it
        ("huang_junjie", "huang_junjie", "FB-verifier-not-independent"),
        ("huang_junjie", "pan_yuqing", None),  # quality control is barred only in person
        ("huang_junjie", "xie_chengen", "FB-wrong-signer"),
    ],
)
def test_verifier_is_independent(
    book: Book, responsible: str, verifier: str, code: str | None
) -> None:
    matter = Loop(book)
    for kind in ("assignment", "measures", "result"):
        named = {"responsible": responsible, "responsible_reason": "最熟悉本產品"}
        matter.take(kind, **(named if kind == "assignment" else {}))
    verdict = matter.take("verification", verified_by=verifier)
    assert fields(verdict) == ([(code, "verified_by")] if code else [])
    assert matter.state == ("awaiting_verification" if code else "verified")


# --- round and round ---


def test_failed_verification_begins_the_next_round_with_new_measures(book: Book) -> None:
    matter = matter_in(book, "awaiting_verification")
    assert matter.take("verification", **FAIL).outcome == "step"
    standing = matter.standing
    assert (standing.state, standing.round, standing.expected, standing.outcome) == (
        "accepted",
        2,
        "measures",
        None,
    )
    assert (standing.department, standing.responsible) == ("rd", "luo_xinyi")
    assert set(standing.taken) == {"assignment", "inspection"}
    assert set(standing.answers) == {"assignment", "inspection", "verification"}
    assert codes(matter.take("result", issue=2, newest=2)) == ["FB-step-early"]
    assert codes(matter.take("measures", issue=1, newest=2)) == [
        "FB-step-done"
    ]  # the old plan, dropped again
    assert codes(matter.take("measures", issue=1, newest=2, effect="新的")) == ["FB-step-stale"]
    for kind in ("measures", "result", "verification"):
        assert codes(matter.take(kind, issue=2, newest=2)) == []
    assert (matter.state, matter.standing.round) == ("verified", 2)


def test_conditional_pass_of_a_solved_matter_is_a_partial_solution(book: Book) -> None:
    matter = matter_in(book, "awaiting_verification")
    matter.take("verification", conclusion="conditional", remaining="兩台待複測")
    assert (matter.state, matter.standing.outcome) == ("verified", "partly")


def test_conditional_pass_leaves_another_outcome_as_it_is(book: Book) -> None:
    matter = matter_in(book, "planned")
    matter.take("result", outcome="misuse")
    matter.take("verification", conclusion="conditional", remaining="補發說明書")
    assert (matter.state, matter.standing.outcome) == ("verified", "misuse")


def test_unsolved_result_stays_where_it_is(book: Book) -> None:
    matter = matter_in(book, "in_progress")
    assert matter.take("result", outcome="unsolved").outcome == "step"
    assert (matter.state, matter.standing.outcome) == ("in_progress", "unsolved")
    assert matter.take("result").outcome == "step"
    assert (matter.state, matter.standing.outcome) == ("awaiting_verification", "solved")


def test_not_ours_goes_to_the_proposed_department(book: Book) -> None:
    matter = Loop(book)
    matter.take("assignment", **NOT_OURS)
    assert [(s.to, s.details.department) for s in matter.history[-2:]] == [
        ("registered", None),
        ("assigned", "production"),
    ]
    assert (matter.standing.department, matter.standing.expected, matter.standing.taken) == (
        "production",
        "assignment",
        {},
    )
    assert codes(matter.take("assignment", answered_by="luo_xinyi")) == [
        "FB-wrong-signer",
        "FB-needed-for-other",
    ]  # no longer hers
    matter.take("assignment", responsible="chen_zhiqiang", answered_by="chen_zhiqiang")
    assert (matter.state, matter.standing.responsible) == ("accepted", "chen_zhiqiang")


def test_department_cannot_propose_itself(book: Book) -> None:
    verdict = Loop(book).take("assignment", **NOT_OURS | {"proposed_department": "rd"})
    assert (fields(verdict), verdict.outcome) == (
        [("FB-proposal", "proposed_department")],
        "returned",
    )


def test_assessment_sets_the_priority_and_moves_nothing(book: Book) -> None:
    matter = matter_in(book, "planned")
    matter.take("impact", priority="P2")
    assert (matter.state, matter.standing.priority) == ("planned", "P2")


def test_inspection_of_a_plan_that_has_not_begun_leaves_it_planned(book: Book) -> None:
    matter = matter_in(book, "planned")
    matter.take("inspection", percent=0)
    assert matter.state == "planned"


# --- hold ---


def test_hold_ends_by_itself_on_its_day_also_after_missed_nights(book: Book) -> None:
    for nights in (18, 30):
        matter = matter_in(book, "planned")
        matter.take("coordination", **HOLD)
        assert matter.standing.expected == "coordination"
        assert matter.wait(nights) != []
        assert (matter.state, matter.standing.held_days) == ("planned", 18)
        assert matter.history[-1].happened_on == dt.date(2026, 11, 20)
        assert (
            matter.standing.held_until,
            matter.standing.held_since,
            matter.standing.held_from,
        ) == (None, None, None)


def test_hold_is_still_on_the_day_before(book: Book) -> None:
    matter = matter_in(book, "on_hold")
    assert matter.wait(17) == []
    assert matter.wait(1) != []


@pytest.mark.parametrize("kind", ["impact", "escalation", "inspection"])
def test_fact_that_comes_during_a_hold_does_not_make_it_endless(book: Book, kind: str) -> None:
    matter = matter_in(book, "on_hold")
    matter.wait(2)
    matter.take(kind, **OTHERWISE[kind])
    assert matter.standing.held_until == dt.date(2026, 11, 20)
    matter.wait(16)
    assert (matter.state, matter.standing.held_days) == ("planned", 18)


def test_longer_hold_counts_from_the_first_day(book: Book) -> None:
    matter = matter_in(book, "on_hold")
    matter.wait(3)
    matter.take("coordination", **HOLD | {"hold_until": "2026-11-25"})
    assert (matter.standing.held_since, matter.standing.held_until) == (
        FIRST,
        dt.date(2026, 11, 25),
    )
    matter.wait(20)
    assert (matter.state, matter.standing.held_days) == ("planned", 23)


def test_hold_is_lifted_on_the_day_of_the_decision(book: Book) -> None:
    matter = matter_in(book, "on_hold")
    matter.wait(5)
    form = matter.form("coordination")
    matter.wait(4)  # until somebody dropped it
    matter.append("coordination", "", *matter.judge(form).moves)
    assert (matter.state, matter.standing.held_days) == ("planned", 5)


def test_hold_until_a_day_that_is_past_takes_nothing_off(book: Book) -> None:
    matter = matter_in(book, "planned")
    matter.take("coordination", **HOLD | {"hold_until": "2026-10-28"})
    matter.wait(0)
    assert (matter.state, matter.standing.held_days) == ("planned", 0)


def test_two_holds_add_up(book: Book) -> None:
    matter = matter_in(book, "planned")
    for until, approved_on, days in (
        ("2026-11-04", "2026-11-02", 2),
        ("2026-11-07", "2026-11-04", 3),
    ):
        matter.take("coordination", **HOLD | {"hold_until": until, "approved_on": approved_on})
        matter.wait(days)
    assert (matter.state, matter.standing.held_days) == ("planned", 5)


# --- decisions without measures, mergers, reopening ---


def test_case_is_closed_without_measures_by_a_head_the_letter_and_the_survey(book: Book) -> None:
    matter = matter_in(book, "accepted")
    assert codes(matter.take("coordination", **CLOSE, approved_by="luo_xinyi")) == [
        "FB-wrong-signer"
    ]
    matter.take("coordination", **CLOSE)
    standing = matter.standing
    assert (standing.state, standing.decided, standing.outcome, standing.expected) == (
        "accepted",
        True,
        "not_reproduced",
        "reply",
    )
    matter.take("reply", letter="not_reproduced")
    assert matter.state == "replied"
    assert codes(matter.take("reply", letter="not_reproduced", sent_through="phone")) == [
        "FB-step-differs"
    ]
    matter.take("satisfaction")
    assert (matter.state, matter.standing.outcome) == ("closed", "not_reproduced")


def test_survey_that_comes_before_the_record_of_the_letter_says_that_it_was_sent(
    book: Book,
) -> None:
    matter = matter_in(book, "planned")
    matter.take("coordination", **CLOSE)
    matter.take("satisfaction")
    assert [s.to for s in matter.history[-2:]] == ["replied", "closed"]


@pytest.mark.parametrize(
    ("state", "kind"),
    [("accepted", "measures"), ("planned", "result"), ("awaiting_verification", "verification")],
)
def test_decided_case_is_not_handled_on_until_somebody_says_continue(
    book: Book, state: str, kind: str
) -> None:
    matter = matter_in(book, state)
    matter.take("coordination", **CLOSE)
    verdict = matter.take(kind)
    assert (codes(verdict), verdict.outcome) == (["FB-step-early"], "set_aside")
    assert verdict.findings[0].details["missing_kind"] == "coordination"
    matter.take("coordination", decision="continue", approved_on="2026-11-05")
    assert (matter.standing.decided, matter.standing.outcome) == (False, None)
    assert matter.take(kind).outcome == "step"


def test_decision_during_a_hold_goes_back_to_where_it_was(book: Book) -> None:
    matter = matter_in(book, "on_hold")
    matter.take("coordination", **CLOSE)
    assert (matter.state, matter.standing.decided, matter.standing.held_until) == (
        "planned",
        True,
        None,
    )


def test_merged_case_is_closed_and_keeps_its_main_case(book: Book) -> None:
    matter = matter_in(book, "accepted")
    matter.take("coordination", **MERGE)
    standing = matter.standing
    assert (standing.state, standing.outcome, standing.main_case) == (
        "closed",
        "duplicate",
        "FB-20261101-0001",
    )
    for sent_on in (
        "2026-11-05",
        "2026-11-09",
    ):  # that it is handled with another, and later the result
        assert (
            matter.take("reply", letter="duplicate", sent_on=sent_on, issue=1, newest=2).outcome
            == "step"
        )
    assert codes(matter.take("satisfaction")) == ["FB-step-closed"]
    assert matter.state == "closed"


@pytest.mark.parametrize("changes", [HOLD, MERGE, CLOSE])
def test_nothing_is_decided_about_a_closed_case_but_reopening(
    book: Book, changes: dict[str, Any]
) -> None:
    verdict = matter_in(book, "closed").take("coordination", **changes)
    assert (codes(verdict), verdict.outcome) == (["FB-step-closed"], "set_aside")


@pytest.mark.parametrize(("days", "code"), [(0, None), (30, None), (31, "FB-reopen-late")])
def test_case_is_reopened_within_the_window_only(book: Book, days: int, code: str | None) -> None:
    matter = matter_in(book, "closed")
    matter.wait(days)
    verdict = matter.take("coordination", **REOPEN)
    assert (codes(verdict), verdict.outcome) == ([code] if code else [], "step")
    assert matter.state == ("closed" if code else "assigned")
    assert verdict.opens_sequel is bool(code)  # another case takes its place
    assert codes(matter.take("coordination", **REOPEN)) == ["FB-step-done"]


def test_open_case_cannot_be_reopened(book: Book) -> None:
    verdict = matter_in(book, "planned").take("coordination", **REOPEN)
    assert (codes(verdict), verdict.outcome) == (["FB-reopen-open"], "set_aside")


def test_reopened_case_goes_the_whole_way_again(book: Book) -> None:
    matter = matter_in(book, "closed")
    matter.take("coordination", **REOPEN)
    standing = matter.standing
    assert (
        standing.reopened,
        standing.outcome,
        standing.closed_on,
        standing.department,
        standing.expected,
    ) == (
        1,
        None,
        None,
        "rd",
        "assignment",
    )
    assert codes(matter.take("measures", issue=2, newest=2)) == ["FB-step-early"]
    for kind in ("assignment", "measures", "result", "verification", "reply", "satisfaction"):
        assert codes(matter.take(kind, issue=2, newest=2)) == []
    assert matter.state == "closed"


def test_merged_case_that_is_reopened_stands_for_itself_again(book: Book) -> None:
    matter = matter_in(book, "accepted")
    matter.take("coordination", **MERGE)
    matter.take("coordination", **REOPEN)
    assert (
        matter.state,
        matter.standing.main_case,
        matter.standing.outcome,
        matter.standing.decided,
    ) == ("assigned", None, None, False)


# --- letters and surveys ---


@pytest.mark.parametrize("letter", ["interim", None])
@pytest.mark.parametrize(
    "state", ["assigned", "accepted", "planned", "on_hold", "awaiting_verification"]
)
def test_interim_letter_is_a_fact_and_not_the_reply(
    book: Book, state: str, letter: str | None
) -> None:
    matter = matter_in(book, state)
    assert matter.take("reply", letter=letter).outcome == "step"
    assert (matter.state, "reply" in matter.standing.taken) == (state, False)
    assert codes(matter.take("reply", letter="solved")) == ["FB-step-early"]


def test_letter_left_blank_after_verification_is_the_one_that_was_drafted(book: Book) -> None:
    matter = matter_in(book, "verified")
    matter.take("reply", letter=None)
    assert matter.state == "replied"


def test_record_of_the_letter_may_come_after_the_survey_once(book: Book) -> None:
    matter = matter_in(book, "verified")
    matter.take("satisfaction")
    assert matter.take("reply").outcome == "step"
    assert (matter.state, [s.to for s in matter.history[-3:]]) == (
        "closed",
        ["replied", "closed", "closed"],
    )
    assert codes(matter.take("reply", sent_through="phone")) == ["FB-step-differs"]
    assert matter.standing.closed_on == FIRST


def test_interim_letter_after_verification_does_not_count_as_the_reply(book: Book) -> None:
    matter = matter_in(book, "verified")
    matter.take("reply", letter="interim")
    assert matter.state == "verified"
    matter.take("reply")
    assert matter.state == "replied"


def test_record_of_an_interim_letter_is_taken_though_another_was_written_since(book: Book) -> None:
    assert (
        matter_in(book, "verified").take("reply", letter="interim", issue=1, newest=2).outcome
        == "step"
    )


def test_survey_expires_on_its_day(book: Book) -> None:
    matter = matter_in(book, "replied")
    assert matter.wait(29) == []
    assert matter.wait(1) != []
    late = matter_in(book, "replied")
    late.wait(50)
    assert matter.state == late.state == "closed"
    assert matter.standing.closed_on == late.standing.closed_on == dt.date(2026, 12, 2)


@pytest.mark.parametrize(
    ("changes", "low"),
    [
        ({}, False),
        ({"solved": "partly"}, False),
        ({"solved": "no"}, True),
        ({"overall": 2}, True),
        ({"overall": 3}, False),
        ({"speed": 1}, True),
    ],
)
def test_dissatisfied_answer_asks_for_a_second_look(
    book: Book, changes: dict[str, Any], low: bool
) -> None:
    matter = matter_in(book, "verified")
    matter.wait(1)
    matter.take("satisfaction", **changes)
    assert is_dissatisfied(ANSWERS["satisfaction"] | changes) is low
    assert matter.history[-2].details.review is low
    assert [o.kind for o in owed(matter)] == [*(["coordination"] if low else []), "case_report"]


# --- measures that say something ---

EMPTY = """
加強管理|加强管理。|1. 加強管理|加強員工教育|加強對員工的培訓|提高質量意識|提高員工的質量意識|引起重視|高度重視！|今後注意|下次注意|以後要多加注意
改進|整改|認真對待|嚴格要求、嚴格把關|加強責任心|加強管理，提高意識|一、加強監督和檢查；二、加強溝通|strengthen management|Raise awareness.|pay attention|Be more careful next time|improve quality awareness
"""
REAL = """
加強管理看板：每日 17:00 前由班長核對 12 項點檢表並簽字|對 8 名焊接員工培訓新溫度曲線，考核 90 分以上才上崗|提高第 5 溫區設定值至 250 ℃ 並加鎖|改進夾具定位銷，公差由 0.2 mm 收緊到 0.05 mm
整改倉庫東側貨架，加裝防潮櫃 4 個|在作業指導書第 5.3 條增加「注意極性」圖示|嚴格按 QS-012 第 3 版抽檢，每批 13 台|加強進料檢查：電容每批抽 200 個測容量|重視度不足的環節已列入週會，由張偉銘逐項關閉
溝通供應商 A 於 2026-11-24 前補足 20 片電源板|檢查庫存 32 台，逐台測溫升|監督回流焊爐溫，每 2 小時記錄一次|教育訓練教材增加 3 個失效案例|意識調查問卷發放 50 份，回收率達 90%
把關點前移：首件由質控簽字後才量產|改善散熱孔面積 30%|認真填寫率納入考核，漏填一格扣 1 分|控制焊膏回溫時間在 4 小時以上|Improve the fixture: tolerance from 0.2 to 0.05 mm|Train 8 operators on profile T-1122 by 2026-11-24
"""
PHRASES = [phrase for line in EMPTY.split("\n") for phrase in line.split("|") if phrase]
MEASURES = [phrase for line in REAL.split("\n") for phrase in line.split("|") if phrase]


def plan(text: str) -> list[dict[str, str]]:
    return [{"step": text, "cause": "焊接溫度偏低", "owner": "luo_xinyi", "due": "2026-11-05"}]


@pytest.mark.parametrize("phrase", PHRASES)
def test_stock_phrase_is_no_measure(book: Book, phrase: str) -> None:
    severe = matter_in(book, "accepted", "severe").take("measures", steps=plan(phrase))
    assert [(f.code, f.severity, f.details["value"]) for f in severe.findings] == [
        ("FB-empty-measure", "error", phrase)
    ]
    assert severe.outcome == "returned"
    general = matter_in(book, "accepted").take("measures", steps=plan(phrase))
    assert [(f.code, f.severity) for f in general.findings] == [("FB-empty-measure", "warning")]
    assert general.outcome == "step"


@pytest.mark.parametrize("measure", MEASURES)
def test_real_measure_with_the_same_words_passes(book: Book, measure: str) -> None:
    assert codes(matter_in(book, "accepted", "severe").take("measures", steps=plan(measure))) == []


def test_there_are_twenty_of_each() -> None:
    assert len(PHRASES) >= 20
    assert len(MEASURES) >= 20


def linted(book: Book, **changes: Any) -> list[tuple[str, str | None]]:
    """What is said of a plan; it is advice for a general problem, and sends the plan of a severe one back."""
    advice = matter_in(book, "accepted").take("measures", **changes)
    gate = matter_in(book, "accepted", "severe").take("measures", **changes)
    assert advice.outcome == "step"
    assert {f.severity for f in advice.findings} <= {"warning"}
    assert (gate.outcome, fields(gate)) == (
        "returned" if advice.findings else "step",
        fields(advice),
    )
    return fields(advice)


def test_measure_names_the_cause_it_removes(book: Book) -> None:
    steps = [
        *plan("第 5 溫區更正為 250 ℃"),
        {"step": "老化測試延長至 4 小時", "cause": " ", "owner": "luo_xinyi", "due": "2026-11-05"},
    ]
    assert linted(book, steps=steps) == [("FB-measure-cause", "steps")]
    assert linted(book, steps=plan("第 5 溫區更正為 250 ℃")) == []


CONTAINING = """
停止出貨|立即停售、隔離庫存|同批 50 台凍結|庫存 32 台停止出貨，在途 8 台攔回|召回全部產品|問題批次封存|通知客戶停用|對庫存產品全檢|Stop shipping.|Quarantine the stock|1. 暫停生產；2. 隔離不良品
"""
CORRECTING = """
召回的 10 台逐台切片，確認虛焊後修改鋼網開口|隔離測試工位增設溫升報警，超過 45 K 自動停線|停止使用供應商 A 的電容，改用 105 ℃ 規格|全檢夾具加裝防呆銷，放反時不能閉合
更換電源板為 B 版，取消手工補焊|篩選條件由目視改為自動光學檢查|通知單系統增加重複提醒|凍結工藝參數修改權限，改由工程師雙人確認|攔截點由出廠前移至回流焊後|庫存先進先出改為掃碼強制
返工作業指導書增加拆焊溫度上限 320 ℃|退回的樣機建立失效分析檔案，每月評審|挑選工序取消，由模具保證公差 0.05 mm|停線規則寫入 SOP-07：連續 2 件不良即停|封存樣品作為極限樣本，供首件比對
Sort criteria moved into the fixture design|Stop rule added to the test software at 45 K|Recall notice template rewritten with plug-off step|回收包裝改為防靜電袋|扣留標準改為按批次自動判定
"""
"""Real measures that speak of holding goods back."""


@pytest.mark.parametrize(
    "text", [text for line in CONTAINING.split("\n") for text in line.split("|") if text]
)
def test_containment_is_no_corrective_measure(book: Book, text: str) -> None:
    assert linted(book, solution=text) == [("FB-measure-containment", "solution")]
    assert linted(book, steps=plan(text)) == [("FB-measure-containment", "steps")]
    assert (
        linted(book, steps=plan(text) + plan("第 5 溫區更正為 250 ℃")) == []
    )  # a plan may begin with it


@pytest.mark.parametrize(
    "text", [text for line in CORRECTING.split("\n") for text in line.split("|") if text]
)
def test_measure_that_speaks_of_holding_goods_back_and_does_more_passes(
    book: Book, text: str
) -> None:
    assert linted(book, solution=text, steps=plan(text)) == []


def test_containment_once_more_is_no_solution(book: Book) -> None:
    text = "客戶端 10 台逐一電話通知拔除插頭"
    assert linted(book, containment=text, solution=text) == [("FB-measure-containment", "solution")]


@pytest.mark.parametrize(
    ("changes", "vague"),
    [
        ({"effect": "投訴明顯減少"}, True),
        ({"effect": "投訴由每月 5 件降到 1 件以下"}, True),
        ({"effect": "2026-12-31 前明顯改善"}, True),  # the digits are the day's
        ({"effect": "年底前進一步改善"}, True),
        ({"effect": "客戶十分滿意，下月見效"}, True),
        ({"effect": "complaints drop soon"}, True),
        ({"effect": "投訴由每月 5 件降到 1 件以下，2026-12-31 前達到"}, False),
        ({"effect": "三個月內不良率歸零"}, False),
        ({"effect": "12 月底前減半"}, False),
        ({"effect": "年底前零件不良降到兩件"}, False),
        ({"effect": "不良率 ≤ 0.5%（2026年12月）"}, False),
        ({"effect": "No complaint above 45 K by the end of December"}, False),
        ({"effect": "Half as many returns within two months"}, False),
        ({"effect": "投訴明顯減少", "target": 1.0, "effect_by": "2026-12-31"}, False),
        ({"effect": "投訴降到 1 件", "effect_by": "2026-12-31"}, False),
        ({"effect": "投訴減少", "effect_by": "2026-12-31"}, True),
        ({"effect": "12-31 前投訴歸零", "target": 0.0}, False),
    ],
)
def test_expected_effect_holds_a_number_and_a_day(
    book: Book, changes: dict[str, Any], vague: bool
) -> None:
    assert linted(book, **changes) == ([("FB-measure-effect", "effect")] if vague else [])


@pytest.mark.parametrize(
    ("kind", "changes", "late"),
    [
        ("assignment", {"promised_on": "2026-11-09"}, None),
        ("assignment", {"promised_on": "2026-11-10"}, ("promised_on", "2026-11-10")),
        ("assignment", NOT_OURS | {"promised_on": None}, None),
        (
            "measures",
            {"steps": [{"step": "a", "due": "2026-11-12"}, {"step": "b", "due": "2026-11-08"}]},
            ("steps", "2026-11-12"),
        ),
        ("measures", {}, None),
        ("coordination", {"tasks": [{"task": "a", "due": "2026-11-20"}]}, ("tasks", "2026-11-20")),
        ("coordination", {}, None),
        ("result", {}, None),
    ],
)
def test_promise_for_a_day_after_the_due_date_is_noted(
    book: Book, kind: str, changes: dict[str, Any], late: tuple[str, str] | None
) -> None:
    matter = Loop(book)
    found = late_promises(matter.form(kind, **changes), dt.date(2026, 11, 9))
    assert [(f.code, f.field, f.details["day"], f.severity) for f in found] == (
        [("FB-promise-late", *late, "warning")] if late else []
    )
    assert (
        late_promises(matter.form(kind, **changes), dt.date(2026, 10, 30)) == []
    )  # overdue already: the ladder tells
    assert late_promises(matter.form(kind, **changes), None) == []


def test_only_measures_are_looked_at_for_stock_phrases() -> None:
    assert (
        empty_measures(ReturnedForm("result", "", 0, {"steps": plan("加強管理")}, "", FIRST)) == []
    )


# --- departments that cooperate ---

OTHERS = ("production", "purchasing")


def shared(book: Book, *forms: tuple[str, dict[str, Any]]) -> Loop:
    """A case of the research department in which two others cooperate, each with measures of its own."""
    matter = Loop(book, cooperating=OTHERS)
    for kind, changes in forms:
        assert codes(matter.take(kind, **changes)) == []
    return matter


def test_each_cooperating_department_owes_measures_until_its_own_have_come(book: Book) -> None:
    matter = shared(book)
    assert matter.standing.still_owing == ()
    assert codes(matter.take("measures", department="production")) == ["FB-step-early"]
    matter.take("assignment")
    assert matter.standing.still_owing == OTHERS
    matter.take("measures", department="production")
    assert (matter.state, matter.standing.still_owing) == ("accepted", ("purchasing",))
    matter.take("measures", department="rd")
    assert (matter.state, matter.standing.still_owing) == ("planned", ("purchasing",))
    matter.take("result")
    matter.take("verification")
    assert matter.standing.still_owing == ()  # nobody asks any more, but it may still be told
    assert matter.take("measures", department="purchasing").outcome == "step"
    assert matter.state == "verified"
    for kind in ("reply", "satisfaction"):
        matter.take(kind)
    assert codes(matter.take("measures", department="production", effect="其他")) == [
        "FB-step-differs"
    ]


def test_measures_of_a_part_are_no_measures_of_the_lead(book: Book) -> None:
    matter = shared(
        book,
        ("assignment", {}),
        ("measures", {"department": "production", "effect": "由 9 件降到 0 件，2026-12-31 前"}),
    )
    assert "measures" not in matter.standing.answers
    assert codes(matter.take("measures", department="quality")) == ["FB-not-involved"]
    assert codes(
        matter.take("measures", department="production", effect="另一個效果，0 件，2026-12-31 前")
    ) == ["FB-step-differs"]
    assert matter.take("measures").moves[0].to == "planned"


def test_next_round_and_reopening_ask_for_parts_anew(book: Book) -> None:
    matter = shared(
        book,
        *((k, {}) for k in ("assignment", "measures")),
        ("measures", {"department": "production"}),
        ("result", {}),
    )
    matter.take("verification", **FAIL)
    assert matter.standing.still_owing == OTHERS


def test_parts_are_asked_for_with_the_leads_measures_and_by_the_same_number(book: Book) -> None:
    matter = shared(book)
    matter.today += dt.timedelta(days=1)
    matter.take("assignment")
    plans = [Owed("measures", 1, department=d) for d in (None, *OTHERS)]
    assert owed(matter, {"coordination": 1}) == tuple(plans)
    matter.take("measures")  # the lead's comes in the same run
    assert owed(matter, {"coordination": 1}) == (
        Owed("result", 1),
        Owed("inspection", 1),
        *plans[1:],
    )
    matter.today += dt.timedelta(days=1)
    matter.take("measures", department="production")
    assert owed(matter, {"measures": 1}) == ()
    assert owed(matter, {"measures": 1}, ("measures/purchasing",)) == (plans[2],)


def test_several_departments_get_a_coordination_sheet_with_the_assignment_or_at_the_latest_when_it_is_accepted(
    book: Book,
) -> None:
    matter = shared(book)
    new = case_of(matter, cooperating=OTHERS)
    assert [o.kind for o in owed_by_new(new, reports=(), forms=("general",))] == [
        "assignment",
        "coordination",
    ]
    assert owed_by_new(new, reports=(), forms=("severe",)) == ()
    matter.today += dt.timedelta(days=1)
    matter.take("assignment")
    assert "coordination" in [o.kind for o in owed(matter)]
    assert "coordination" not in [
        o.kind for o in owed(matter, {"assignment": 1, "coordination": 1})
    ]
    elsewhere = shared(book)
    elsewhere.today += dt.timedelta(days=1)
    elsewhere.take("assignment", **NOT_OURS)  # and the sheet goes with it
    assert owed(elsewhere, {"assignment": 1, "coordination": 1}) == (
        Owed("assignment", 2),
        Owed("coordination", 2),
    )


def test_decided_case_asks_no_department_for_measures(book: Book) -> None:
    matter = shared(book, ("assignment", {}), ("coordination", CLOSE))
    assert matter.standing.still_owing == ()
    assert codes(matter.take("measures", department="production")) == ["FB-step-early"]


def test_each_department_has_its_own_clock_that_begins_anew_after_a_hold(book: Book) -> None:
    matter = shared(book, ("assignment", {}), ("measures", {}))

    def clocks() -> dict[str | None, tuple[str, str]]:
        chaser = Chaser(book, matter.today, ZONE)
        return {w.department: (w.form, w.due_on.isoformat()) for w in chaser.waits(matter.matter)}

    assert clocks() == {
        None: ("result", "2026-11-09"),
        **dict.fromkeys(OTHERS, ("measures", "2026-11-04")),
    }
    matter.take("measures", department="production")
    assert clocks()["production"] == ("steps", "2026-11-05")  # the last day of its own steps
    matter.take("coordination", **HOLD)
    assert clocks() == {}
    matter.wait(30)
    assert clocks()["purchasing"] == ("measures", "2026-12-04")
    chaser = Chaser(book, matter.today + dt.timedelta(days=10), ZONE)
    waiting = next(w for w in chaser.waits(matter.matter) if w.department == "purchasing")
    assert waiting.reminders[-1].clock == "measures/1/purchasing"
    assert waiting.level == LEADER
    matter.take("result")
    assert set(clocks()) == {None, "purchasing"}  # the lead has reported for all of them


# --- what a case owes ---


def case_of(matter: Loop, **changes: Any) -> Case:
    told = {
        "id": 1, "process": "case", "number": "FB-20261102-0001", "schema": "customer", "source": "customer", "channel": "hotline", "registered_on": FIRST,
        "registered_at": dt.datetime.combine(FIRST, dt.time(23), ZONE), "values": {}, "kind": "problem", "type": "function", "severity": matter.severity,
        "evidence": {}, "state": matter.state, "department": matter.standing.department, "cooperating": ("production",), "assignment_rule": "A-FUNCTION",
        "due_on": dt.date(2026, 11, 9), "due_rule": "T03:5", "escalations": (), "file": "a", "sheet": "", "row": 1, "run": "20261102-001",
    }  # fmt: skip
    return Case(**told | changes)


def matter_with(loop: Loop, **changes: Any) -> Matter:
    """The case with its steps as the workflow sees it."""
    return Matter(loop.book.processes["case"], case_of(loop, **changes), tuple(loop.history))


def owed(
    matter: Loop, issues: Mapping[str, int] = {}, again: tuple[str, ...] = ()
) -> tuple[Owed, ...]:
    """What the matter owes because of what happened today."""
    run = f"{matter.today:%Y%m%d}-001"
    return owed_by_moved(
        matter.matter,
        run,
        issues,
        matter.book,
        reports=("general", "severe"),
        again=again,
    )


@pytest.mark.parametrize(
    ("state", "kind", "changes", "kinds"),
    [
        ("assigned", "assignment", {}, ["measures"]),
        ("assigned", "assignment", NOT_OURS, ["assignment"]),
        ("accepted", "measures", {}, ["result", "inspection"]),
        ("planned", "inspection", {}, []),
        ("in_progress", "inspection", {"difficulties": "缺料"}, ["coordination"]),
        ("planned", "result", {}, ["verification"]),
        ("planned", "result", {"outcome": "unsolved"}, ["coordination"]),
        ("awaiting_verification", "verification", {}, ["reply", "satisfaction", "verification"]),
        ("awaiting_verification", "verification", FAIL, ["measures", "verification"]),
        ("verified", "reply", {}, []),
        ("planned", "reply", {"letter": "interim"}, []),
        ("replied", "satisfaction", {}, ["case_report"]),
        ("planned", "coordination", {}, []),
        ("planned", "coordination", HOLD, ["coordination", "reply"]),
        ("planned", "coordination", CLOSE, ["reply", "satisfaction"]),
        ("planned", "coordination", MERGE, ["reply", "case_report"]),
        ("closed", "coordination", REOPEN, ["assignment"]),
        ("closed", "coordination", {}, []),
    ],
)
def test_what_is_issued_after_a_form(
    book: Book, state: str, kind: str, changes: dict[str, Any], kinds: list[str]
) -> None:
    matter = matter_in(book, state)
    matter.wait(1)
    assert matter.take(kind, **OTHERWISE[kind] | changes).outcome == "step"
    found = owed(matter, {"measures": 1, "verification": 1})
    assert [one.kind for one in found] == kinds
    assert [one.issue for one in found if not one.filled] == [
        2 if one.kind in {"measures", "verification"} else 1 for one in found if not one.filled
    ]
    assert [one.kind for one in found if one.filled] == (
        ["verification"] if kind == "verification" else []
    )


def test_two_steps_in_one_run_owe_the_forms_of_the_last(book: Book) -> None:
    matter = Loop(book)
    matter.wait(1)
    matter.take("assignment")
    matter.take("measures")
    assert [one.kind for one in owed(matter)] == ["result", "inspection"]


def test_decided_case_owes_no_second_letter_when_a_survey_is_looked_into(book: Book) -> None:
    matter = matter_in(book, "accepted")
    matter.take("coordination", **CLOSE)
    matter.take("satisfaction", overall=1)
    matter.wait(1)
    matter.take("coordination", decision="continue", approved_on="2026-11-03")
    assert (matter.state, owed(matter)) == ("closed", ())


def test_old_issue_that_came_back_is_issued_once_more(book: Book) -> None:
    matter = matter_in(book, "accepted")
    matter.wait(1)
    assert owed(matter, {"measures": 2}, again=("measures",)) == (Owed("measures", 3),)


def test_after_a_hold_the_forms_that_were_out_stay_good(book: Book) -> None:
    matter = matter_in(book, "planned")
    matter.wait(1)
    matter.take("coordination", **HOLD)
    matter.wait(30)
    assert owed(matter, {"result": 1, "inspection": 1, "coordination": 1, "reply": 1}) == (
        Owed("result", 1),
        Owed("inspection", 1),
    )


def test_after_a_hold_that_began_in_the_run_of_the_step_before_its_forms_are_issued(
    book: Book,
) -> None:
    matter = matter_in(book, "on_hold")
    matter.wait(30)
    assert owed(matter, {"measures": 1}) == (Owed("result", 1), Owed("inspection", 1))


def test_result_is_brought_by_verification_or_decision_once(book: Book) -> None:
    matter = matter_in(book, "verified")
    assert brings_result(matter.matter, "20261102-001")
    matter.wait(1)
    matter.take("impact")
    assert not brings_result(matter.matter, "20261103-001")
    decided = matter_in(book, "accepted")
    decided.take("coordination", **CLOSE)
    assert brings_result(decided.matter, "20261102-001")
    merged = matter_in(book, "accepted")
    merged.take("coordination", **MERGE)
    assert not brings_result(merged.matter, "20261102-001")


def test_new_case_owes_what_its_severity_says(book: Book) -> None:
    severe = case_of(Loop(book, "severe"), escalations=("E-SEVERE",), cooperating=())
    assert [o.kind for o in owed_by_new(severe, reports=("severe",), forms=("severe",))] == [
        "case_report",
        "escalation",
        "impact",
        "assignment",
    ]
    assert owed_by_new(case_of(Loop(book, "minor")), reports=("severe",), forms=("severe",)) == ()


# --- dates ---


@pytest.mark.parametrize(
    ("since", "until", "due_on"),
    [
        ("2026-11-02", "2026-11-04", "2026-11-11"),  # Monday to Wednesday: two working days
        ("2026-11-06", "2026-11-09", "2026-11-10"),  # Friday to Monday: one
        ("2026-11-07", "2026-11-08", "2026-11-09"),  # Saturday to Sunday: none
        ("2026-11-02", "2026-11-16", "2026-11-23"),  # two weeks
        ("2026-11-05", "2026-11-05", "2026-11-09"),
        ("2026-11-03", "2026-11-10", "2026-11-16"),
    ],
)
def test_due_date_moves_on_by_the_working_days_held(
    book: Book, since: str, until: str, due_on: str
) -> None:
    matter = matter_in(book, "planned")
    matter.today = dt.date.fromisoformat(since)
    matter.take("coordination", **HOLD | {"hold_until": until})
    (ended,) = moves_of_time(matter.standing, dt.date(2026, 12, 1), lambda period: SURVEY)
    as_of = dt.datetime(2026, 12, 1, 23, tzinfo=ZONE)
    recorded = rules_of(book, as_of).recorded(matter.matter, ended, "time", "batch", as_of.date())
    assert recorded.details.due_on == due_on
    assert (
        recorded.happened_on.isoformat(),
        recorded.details.due_rule,
        recorded.details.due_days,
    ) == (until, "T03", 5)
    assert Calendar(book.calendar).is_working_day(dt.date.fromisoformat(due_on))


def test_new_department_begins_with_a_new_date_and_does_not_cooperate_with_itself(
    book: Book,
) -> None:
    matter = Loop(book)
    as_of = dt.datetime(2026, 11, 4, 23, tzinfo=ZONE)
    _, assigned = matter.judge(matter.form("assignment", **NOT_OURS)).moves
    recorded = rules_of(book, as_of).recorded(
        matter.matter, assigned, "assignment", "zhang_weiming", as_of.date()
    )
    assert (
        recorded.details.department,
        recorded.details.due_on,
        recorded.details.cooperating,
    ) == ("production", "2026-11-11", [])


def rules_of(book: Book, as_of: dt.datetime) -> Rules:
    settings = Settings(company=Company(name="某公司"), locale="zh-Hant", time_zone="Asia/Taipei")
    return Rules(
        book, RunRecord(1, f"{as_of:%Y%m%d}-001", as_of, None), settings, Codes("", (Key(b"k"),))
    )


# --- any sequence at all ---


def _variants(kind: str) -> list[dict[str, Any]]:
    people = (
        "luo_xinyi",
        "gao_yuchen",
        "huang_junjie",
        "pan_yuqing",
        "jiang_haoran",
        "zhang_weiming",
        "zhao_mingyuan",
        None,
    )
    match kind:
        case "assignment":
            return [
                {},
                {"responsible": "huang_junjie"},
                {"responsible": None},
                NOT_OURS,
                NOT_OURS | {"proposed_department": "quality"},
                {"answered_by": "wang_siyu"},
            ]
        case "measures":
            departments = ({"department": d} for d in ("rd", *OTHERS, "quality"))
            return [
                {},
                {"containment": None},
                {"steps": plan("加強管理")},
                {"approved_by": "luo_xinyi"},
                *departments,
            ]
        case "inspection":
            return [{}, {"percent": 0}, {"percent": 100, "difficulties": "缺料"}]
        case "result":
            return [
                {},
                *({"outcome": o} for o in (*sorted(OTHER_OUTCOMES), "partly", "unsolved")),
                {"approved_by": "luo_xinyi"},
            ]
        case "verification":
            return [
                *({"verified_by": person} for person in people),
                FAIL,
                {"conclusion": "conditional", "remaining": "待複測"},
                {"solved": False},
            ]
        case "reply":
            return [{}, {"letter": None}, {"letter": "interim"}, {"letter": "unfounded"}]
        case "satisfaction":
            return [{}, {"overall": 1}, {"solved": "no"}]
        case "coordination":
            signers = ({}, {"approved_by": "luo_xinyi"}, {"approved_by": "zhao_mingyuan"})
            decisions = (
                {},
                HOLD,
                HOLD | {"hold_until": "2026-12-20"},
                HOLD | {"hold_until": "2026-11-01"},
                MERGE,
                CLOSE,
                CLOSE | {"outcome": "unfounded"},
                REOPEN,
                {"decision": "hold"},
            )
            return [decision | signer for decision in decisions for signer in signers]
        case _:
            return [{}, {"priority": "P3", "instructed_by": "gao_yuchen"}]


_BOOK = load_book(REPOSITORY / "schemas")
_DEPARTMENT = {person.id: person.department for person in _BOOK.organisation.people}
_DECIDERS = {p for role in ("P03", "P04") for p in _BOOK.organisation.roles[role].people} | {
    d.head for d in _BOOK.organisation.departments
}
_REMARKS = st.one_of(st.just({}), st.integers(0, 9).map(lambda n: {"remarks": str(n)}))


class AnySequence(RuleBasedStateMachine):
    """Whatever comes in whatever order, the loop is closed only as the regulation says."""

    @initialize(
        severity=st.sampled_from(["minor", "general", "severe"]),
        state=st.sampled_from(sorted(_WAY)),
        others=st.sampled_from([(), OTHERS]),
    )
    def begin(self, severity: str, state: str, others: tuple[str, ...]) -> None:
        self.matter = matter_in(_BOOK, state, severity, others)
        self.taken: list[ReturnedForm] = []

    @rule(
        kind=st.sampled_from(sorted(CASE_FORMS)),
        data=st.data(),
        issue=st.sampled_from([0, 1, 2]),
        remarks=_REMARKS,
    )
    def any_form(self, kind: str, data: st.DataObject, issue: int, remarks: dict[str, Any]) -> None:
        self.hand_in(
            self.matter.form(kind, issue, **data.draw(st.sampled_from(_variants(kind))) | remarks)
        )

    @rule(remarks=_REMARKS, issue=st.sampled_from([0, 2]), data=st.data())
    def form_that_is_waited_for(
        self, remarks: dict[str, Any], issue: int, data: st.DataObject
    ) -> None:
        kind = self.matter.standing.expected
        if kind:
            good = [
                variant
                for variant in _variants(kind)
                if not set(variant) & {"responsible", "containment", "approved_by", "answered_by"}
            ]
            self.hand_in(
                self.matter.form(kind, issue, **data.draw(st.sampled_from(good)) | remarks)
            )

    @precondition(lambda self: getattr(self, "taken", None))
    @rule(data=st.data())
    def same_again(self, data: st.DataObject) -> None:
        verdict = self.matter.judge(data.draw(st.sampled_from(self.taken)), newest=2)
        assert (codes(verdict), verdict.outcome, verdict.moves) == (
            ["FB-step-done"],
            "duplicate",
            (),
        )

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        before = self.matter.standing
        for move in self.matter.wait(days):
            assert (before.state, move.to) in {("on_hold", before.held_from), ("replied", "closed")}

    def hand_in(self, form: ReturnedForm) -> None:
        before, n_steps = self.matter.standing, len(self.matter.history)
        verdict = self.matter.judge(form, newest=2)
        assert [f.code for f in verdict.findings if not message(f, "zh-Hant")] == []
        assert bool(verdict.moves) == (verdict.outcome == "step")
        if not verdict.moves:
            assert verdict.outcome in {"duplicate", "set_aside", "returned"}
            assert verdict.findings
            return
        assert not any(f.severity == "error" for f in verdict.findings)
        if (
            form.issue == 1 and not _BOOK.processes["case"].step(form.kind).is_fact
        ):  # there is a newer one
            assert form.kind == "reply"
            assert verdict.moves[-1].to == before.state
        self.matter.append(form.kind, form.by, *verdict.moves)
        self.taken.append(form)
        if (
            form.values.get("department") in OTHERS
        ):  # what a cooperating department plans moves nothing
            assert self.matter.state == before.state
        for one in self.matter.history[n_steps:]:
            if one.to == "verified" and form.kind == "verification":
                verifier = form.values["verified_by"]
                assert before.responsible is not None
                assert verifier != before.responsible
                assert _DEPARTMENT[verifier] != _DEPARTMENT[before.responsible]

    @invariant()
    def state_is_that_of_the_last_step(self) -> None:
        if matter := getattr(self, "matter", None):
            standing = matter.standing
            assert standing.state in _BOOK.processes["case"].states
            assert standing.state == matter.history[-1].to
            assert standing.held_days >= 0
            assert set(standing.parts) | set(standing.still_owing) <= set(standing.cooperating)
            assert not set(standing.parts) & set(standing.still_owing)
            assert (standing.state == "on_hold") == (standing.held_until is not None)
            assert standing.is_open == (standing.closed_on is None)
            assert standing.round == 1 + sum(s.details.verdict == "failed" for s in matter.history)

    @invariant()
    def closed_is_verified_or_decided_or_merged(self) -> None:
        matter = getattr(self, "matter", None)
        if not matter or matter.state != "closed":
            return
        last = max(
            (
                n
                for n, s in enumerate(matter.history)
                if s.details.verdict in {"reopened", "failed"}
            ),
            default=-1,
        )
        this_round = matter.history[last + 1 :]
        decisions = [s for s in this_round if s.details.decided is not None]
        if decisions and decisions[-1].details.decided:
            answers = decisions[-1].answers
            assert answers["approved_by"] in _DECIDERS
            assert answers["reason"]
            assert matter.standing.outcome in OTHER_OUTCOMES | {"duplicate"}
            assert (matter.standing.outcome == "duplicate") == bool(matter.standing.main_case)
        else:
            assert any(s.to == "verified" and s.document == "verification" for s in this_round)
            assert matter.standing.outcome not in {None, "duplicate", "unsolved"}


AnySequence.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, derandomize=True
)
TestAnySequence = AnySequence.TestCase
