"""What a document may say of how a matter was handled: told from its history, in words.

The facts of `fbbatch.documents.facts` are what was reported and judged; these are what people have
done since.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fbbatch.deadlines import Deadlines
from fbbatch.model import Case, Facts, Reminder, Transition
from fbbatch.render.words import long_date, text_width
from fbbatch.workflow.due import contained_by, due
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import HELD, Standing, may_verify

if TYPE_CHECKING:
    from fbbatch.documents.facts import Teller

_SUMMARY_WIDTH = 160  # columns: 80 Chinese characters
_STOPS = "。.；; \n"


@dataclass(frozen=True)
class Story:
    """A matter's handling so far, for one document.

    `kind` is the document that is being written, `now` the as-of time; `company` and
    `service_contact` stand in letters, `part` is the cooperating department for which it is
    written.
    """

    matter: Matter
    kind: str
    now: dt.datetime
    deadlines: Deadlines
    company: str
    service_contact: str = ""
    reminders: tuple[Reminder, ...] = ()
    part: str | None = None

    @property
    def facts(self) -> Facts:
        """What opened the matter."""
        return self.matter.facts

    @property
    def case(self) -> Case:
        """What the feedback was, where it is a case."""
        return self.matter.case

    @property
    def history(self) -> tuple[Transition, ...]:
        """All its steps, oldest first."""
        return self.matter.history

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return self.matter.standing

    def newest(self, form: str) -> Mapping[str, Any]:
        """The newest answers to a form; empty when it has not come back."""
        return self.standing.answers.get(form, {})

    def entered(self, *states: str) -> Transition | None:
        """The newest step into one of the states."""
        return next((step for step in reversed(self.history) if step.to in states), None)

    def until(self, kind: str) -> dt.datetime | None:
        """When the form is wanted back, by the cooperating department where it is one's."""
        part = self.part if kind == self.matter.process.parts_form else None
        return due(self.matter, kind, self.deadlines, self.now.tzinfo, part=part)

    @property
    def reply(self) -> str:
        """The kind of letter that fits: by outcome once it is settled, interim before."""
        standing, outcome = self.standing, self.standing.outcome
        if outcome == "duplicate" or standing.main_case:
            return "duplicate"
        if standing.state not in {"verified", "replied", "closed"} and not standing.decided:
            return "interim"
        if outcome == "solved" and self.case.kind == "suggestion":
            return "adopted"
        if outcome == "solved" and self.case.kind in {"inquiry", "praise"}:
            return "answered"
        return outcome or "solved"


def story_fact(teller: "Teller", story: Story, name: str) -> str | None:
    """A fact of the handling; None when `name` is none. What only cases have is empty else."""
    tell = _FACTS.get(name)
    if tell is not None:
        return tell(teller, story)
    of_case = _OF_CASES.get(name)
    if of_case is None:
        return None
    return of_case(teller, story) if story.matter.is_case else ""


def _trim(text: object) -> str:
    return str(text or "").strip().rstrip(_STOPS)


def _moment(moment: dt.datetime | None, language: str) -> str:
    if moment is None:
        return ""
    return long_date(moment.date(), language) + _time(moment)


def _prose_day(moment: dt.datetime | None, language: str) -> str:
    """A day as a letter names it."""
    return long_date(moment.date(), language) if moment else ""


def _stamp(moment: dt.datetime | None) -> str:
    """A moment in a cell."""
    return moment.date().isoformat() + _time(moment) if moment else ""


def _time(moment: dt.datetime) -> str:
    """The time of day; none for the end of a day."""
    return "" if moment.time() >= dt.time(23, 59) else f" {moment:%H:%M}"


def _summary(text: str) -> str:
    """The first line; where it is too long it ends with a whole word and `…`."""
    line = _trim(text.strip().split("\n")[0])
    if text_width(line) <= _SUMMARY_WIDTH:
        return line
    end = next(n for n in range(len(line)) if text_width(line[: n + 1]) > _SUMMARY_WIDTH)
    words = line[:end].rpartition(" ")[0] if line[end - 1 : end + 1].isascii() else ""
    return (words if len(words) > end // 2 else line[:end]).rstrip(",，、;；:： ") + "…"


def _day(text: object) -> str:
    return str(text or "")[:10]


def _measures(teller: "Teller", story: Story) -> str:
    told = _steps(
        teller, story.newest("result").get("steps") or story.newest("measures").get("steps") or ()
    )
    standing, colon = story.standing, ": " if teller.language == "en" else "："
    others = {
        d: ["", *_steps(teller, step.answers.get("steps") or ())]
        for d, step in standing.parts.items()
    }
    others |= {d: [_still_owed(teller, story)] for d in standing.still_owing}
    if others and told and standing.department:
        others = {standing.department: ["", *told], **others}
        told = []
    return "\n".join(
        [
            *told,
            *(
                teller.book.department(d, teller.language) + colon + "\n".join(lines)
                for d, lines in others.items()
            ),
        ]
    )


def _still_owed(teller: "Teller", story: Story) -> str:
    first, zone = story.standing.cooperating[0], story.now.tzinfo
    by = due(story.matter, "measures", story.deadlines, zone, part=first)
    return _OWED[teller.language].format(_stamp(by) or "—")


_OWED = {
    "zh-Hant": "措施待交，應於 {} 前",
    "zh-Hans": "措施待交，应于 {} 前",
    "en": "measures wanted by {}",
}


def _steps(teller: "Teller", steps: Sequence[Mapping[str, Any]]) -> list[str]:
    told = []
    for number, row in enumerate(steps, 1):
        who = _COMMA[teller.language].join(
            filter(
                None, [teller.person(row.get("owner")), _day(row.get("done_on") or row.get("due"))]
            )
        )
        brackets = _BRACKETS[teller.language]
        told.append(f"{number}. {row.get('step', '')}{brackets.format(who) if who else ''}")
    return told


_COMMA = {"zh-Hant": "，", "zh-Hans": "，", "en": ", "}
_BRACKETS = {"zh-Hant": "（{}）", "zh-Hans": "（{}）", "en": " ({})"}


def _result(teller: "Teller", story: Story) -> str:
    result = story.newest("result")
    if not result:
        return ""
    word = teller.book.word("outcome", str(result["outcome"]), teller.language)
    return f"{word}{'. ' if teller.language == 'en' else '。'}{result.get('summary', '')}"


def _came_back(teller: "Teller", story: Story) -> str:
    """Why it is here again: not taken by another department, failed, or reopened."""
    step = next((s for s in reversed(story.history) if s.details.verdict in _BACK), None)
    if step is None:
        return ""
    answers = step.answers
    reason = answers.get("remaining") or answers.get("reason") or step.details.reason or ""
    word = _BACK[str(step.details.verdict)][teller.language]
    return f"{word}{': ' if teller.language == 'en' else '：'}{reason}" if reason else word


_BACK = {
    "failed": {"zh-Hant": "驗證不通過", "zh-Hans": "验证不通过", "en": "Verification failed"},
    "not_ours": {
        "zh-Hant": "原部門退回",
        "zh-Hans": "原部门退回",
        "en": "Returned by the former department",
    },
    "reopened": {"zh-Hant": "重開", "zh-Hans": "重开", "en": "Reopened"},
}
_HELD = {
    "zh-Hant": "{reason}，至 {until}",
    "zh-Hans": "{reason}，至 {until}",
    "en": "{reason}, until {until}",
}
_HELD_DAYS = {
    "zh-Hant": "累計暫停 {} 天",
    "zh-Hans": "累计暂停 {} 天",
    "en": "held for {} days in all",
}
_PROPOSED = {
    "zh-Hant": "{}（建議，待評估）",
    "zh-Hans": "{}（建议，待评估）",
    "en": "{} (proposed, to be assessed)",
}
_BY_SEVERITY = {"severe": "P1", "general": "P3", "minor": "P4"}


def proposed_priority(case: Case) -> str:
    """The priority that the severity suggests, until somebody has decided. Source: 4.3.2."""
    return (
        "P2"
        if case.severity == "general" and case.escalations
        else _BY_SEVERITY.get(case.severity, "P3")
    )


def _priority(teller: "Teller", story: Story) -> str:
    if story.standing.priority:
        return teller.book.word("priority", story.standing.priority, teller.language)
    return _PROPOSED[teller.language].format(
        teller.book.word("priority", proposed_priority(story.case), teller.language)
    )


def _may_verify(teller: "Teller", story: Story) -> str:
    """Who may verify the result, by name; where nobody may, that a leader has to name somebody.

    `''` unless the case is planned, in progress or awaiting verification. Source: 5.4.2a.
    """
    if story.standing.state not in {"awaiting_verification", "planned", "in_progress"}:
        return ""
    names = [person.name for person in may_verify(story.standing, teller.book)]
    return teller.join(names) or _TO_NAME[teller.language]


_TO_NAME = {
    "zh-Hant": "由領導在協調單上指定",
    "zh-Hans": "由领导在协调单上指定",
    "en": "to be named by a leader on a coordination sheet",
}


def _held(teller: "Teller", story: Story) -> str:
    step = story.entered(HELD)
    if story.standing.state == HELD and step and story.standing.held_until:
        return _HELD[teller.language].format(
            reason=step.details.reason or "", until=story.standing.held_until.isoformat()
        )
    return (
        _HELD_DAYS[teller.language].format(story.standing.held_days)
        if story.standing.held_days
        else ""
    )


def _progress(teller: "Teller", story: Story) -> str:
    if told := story.standing.notes.get("last_progress"):
        return told
    step = story.standing.taken.get("inspection")
    percent = story.newest("inspection").get("percent", "")
    return (
        f"{percent}%{_BRACKETS[teller.language].format(step.happened_on.isoformat())}"
        if step
        else ""
    )


def _why_coordination(teller: "Teller", story: Story) -> str:
    inspection, survey = story.newest("inspection"), story.newest("satisfaction")
    told = [
        inspection.get("difficulties"),
        inspection.get("support"),
        survey.get("reason") or survey.get("comments"),
    ]
    return ("; " if teller.language == "en" else "；").join(_trim(text) for text in told if text)


def _written_beside(teller: "Teller", story: Story) -> str:
    """What came on the forms outside their blanks, form by form."""
    told = [
        f"{step.happened_on.isoformat()} "
        f"{teller.book.word('document', step.document, teller.language)}"
        f"{_COLON[teller.language]}{text}"
        for step in story.history
        for text in step.details.remarks or ()
    ]
    return "\n".join(told)


_COLON = {"zh-Hant": "：", "zh-Hans": "：", "en": ": "}


def _promise(teller: "Teller", story: Story) -> str:
    """The day for which the handling is promised, newest answer first.

    A word is added where that is after the due date. Source: 5.1.2a.
    """
    steps = [_day(row.get("due")) for row in story.newest("measures").get("steps") or ()]
    day = max(steps, default="") or _day(story.newest("assignment").get("promised_on"))
    due_on = story.facts.due_on
    return day + _LATE[teller.language] if day and due_on and day > due_on.isoformat() else day


_LATE = {"zh-Hant": "（晚於期限）", "zh-Hans": "（晚于期限）", "en": " (after the due date)"}


def _linked(teller: "Teller", story: Story) -> str:
    both = (
        linked(story.standing.follows, None, teller.language),
        linked(None, teller.join(story.standing.followed_by), teller.language),
    )
    return teller.join(text for text in both if text)


def linked(follows: str | None, followed_by: str | None, language: str) -> str:
    """The closed case that a case follows, else those that follow it. Source: T16."""
    before, after = _LINKED[language]
    return before.format(follows) if follows else after.format(followed_by) if followed_by else ""


_LINKED = {
    "zh-Hant": ("原案件 {}", "後續案件 {}"),
    "zh-Hans": ("原案件 {}", "后续案件 {}"),
    "en": ("follows {}", "followed by {}"),
}


_MILESTONES = (
    "registered",
    "assigned",
    "accepted",
    "planned",
    "awaiting_verification",
    "verified",
    "replied",
    "closed",
)


def _milestones(teller: "Teller", story: Story) -> str:
    """The days on which the case first came to each state. Source: 5.3.1c."""
    first: dict[str, str] = {}
    for step in story.history:
        first.setdefault(step.to, f"{step.happened_on:%m-%d}")
    return "\n".join(
        f"{teller.book.word('state', state, teller.language)} {first[state]}"
        for state in _MILESTONES
        if state in first
    )


def _awaited(teller: "Teller", story: Story) -> str:
    """The form that moves the matter on."""
    return teller.book.word("document", story.standing.expected, teller.language)


def _idle(teller: "Teller", story: Story) -> str:
    """The last movement, and for how many days there was none. Source: 5.3.1b."""
    if not story.history:
        return ""
    last = story.history[-1].recorded_at.date()
    days = (story.now.date() - last).days
    idle = _IDLE[teller.language].format(days) if days and story.standing.is_open else ""
    return f"{last.isoformat()}{idle}"


_IDLE = {"zh-Hant": "（{} 天未更新）", "zh-Hans": "（{} 天未更新）", "en": " (idle for {} days)"}


def _reported(case: Case) -> dt.date:
    """The day of the feedback, else that of its registration."""
    told = case.text("reported_at")[:10]
    return dt.date.fromisoformat(told) if told else case.registered_on


def _dates(story: Story, state: str) -> str:
    """The day on which the case came to the state.

    An answer that leaves it there, a hold that ends or a new round is no new day.
    """
    day, before = "", ""
    for step in story.history:
        if step.to == state and before not in {state, HELD} and step.details.verdict != "failed":
            day = step.happened_on.isoformat()
        before = step.to
    return day


_LEVELS = {
    1: {"zh-Hant": "提醒責任人", "zh-Hans": "提醒责任人", "en": "person reminded"},
    2: {"zh-Hant": "到期提醒", "zh-Hans": "到期提醒", "en": "due today"},
    3: {"zh-Hant": "逾期報部門負責人", "zh-Hans": "逾期报部门负责人", "en": "overdue: head"},
    4: {"zh-Hant": "逾期報領導", "zh-Hans": "逾期报领导", "en": "overdue: leaders"},
}
_Tell = Callable[["Teller", Story], str]


def _long(form: str, name: str) -> _Tell:
    return lambda _, s: str(s.newest(form).get(name) or "")


_FACTS: dict[str, _Tell] = {
    "assigned_on": lambda _, s: _dates(s, "assigned"),
    "accepted_on": lambda _, s: _dates(s, "accepted"),
    "finished_on": lambda _, s: _day(s.newest("result").get("finished_on")),
    "verified_on": lambda _, s: (
        _day(s.newest("verification").get("verified_on"))
        if s.standing.taken.get("verification")
        else ""
    ),
    "replied_on": lambda _, s: _dates(s, "replied"),
    "closed_on": lambda _, s: s.standing.closed_on.isoformat() if s.standing.closed_on else "",
    "responsible": lambda t, s: t.person(s.standing.responsible),
    "may_verify": _may_verify,
    "promised_on": lambda _, s: _day(s.newest("assignment").get("promised_on")),
    "promise": _promise,
    "measures_by": lambda _, s: _stamp(s.until("measures")),
    "answering_department": lambda t, s: t.book.department(
        s.part or s.facts.department, t.language
    ),
    "step_back_reason": _came_back,
    "round": lambda _, s: str(s.standing.round),
    "containment": lambda _, s: str(
        s.newest("result").get("containment")
        or s.newest("measures").get("containment")
        or s.newest("assignment").get("containment")
        or ""
    ),
    "measures_summary": _measures,
    "expected_effect": _long("measures", "effect"),
    "root_cause": lambda _, s: str(
        s.newest("result").get("root_cause") or s.newest("measures").get("root_cause") or ""
    ),
    "result_summary": _result,
    "self_check": lambda t, s: ("; " if t.language == "en" else "；").join(
        str(v) for n in ("check_method", "check_result") if (v := s.newest("result").get(n))
    ),
    "submitted_by": lambda t, s: t.person(s.newest("result").get("prepared_by")),
    "submitted_on": lambda _, s: _day(s.newest("result").get("prepared_on")),
    "verification": lambda t, s: (
        t.book.word("verification", str(c), t.language)
        if (c := s.newest("verification").get("conclusion"))
        else ""
    ),
    "verified_by": lambda t, s: t.person(s.newest("verification").get("verified_by")),
    "outcome": lambda t, s: (
        t.book.word("outcome", s.standing.outcome, t.language) if s.standing.outcome else ""
    ),
    "survey_score": lambda _, s: str(
        next(
            (
                v
                for n in ("overall", "result")
                if (v := s.newest("satisfaction").get(n)) is not None
            ),
            "",
        )
    ),
    "last_progress": _progress,
    "difficulties": lambda _, s: (
        s.standing.notes.get("difficulties")
        or str(s.newest("inspection").get("difficulties") or "")
    ),
    "idle_days": lambda _, s: (
        str((s.now.date() - s.history[-1].recorded_at.date()).days) if s.history else ""
    ),
    "days_left": lambda _, s: (
        str((s.facts.due_on - s.now.date()).days) if s.facts.due_on and s.standing.is_open else ""
    ),
    "held": _held,
    "coordination_reason": _why_coordination,
    "linked_cases": _linked,
    "similar_cases": lambda _, __: "",
    "reminders": lambda t, s: "\n".join(
        f"{r.on:%m-%d} {_LEVELS[min(r.level, 4)][t.language]}" for r in s.reminders
    ),
    "milestones": _milestones,
    "written_beside": _written_beside,
    "idle": _idle,
    "main_case": lambda _, s: s.standing.main_case or "",
    "notes": lambda _, s: s.standing.notes.get("remarks", ""),
    "answer_by": lambda t, s: _moment(s.until(s.kind), t.language),
    "due_date": lambda t, s: long_date(s.facts.due_on, t.language) if s.facts.due_on else "",
    "letter_date": lambda t, s: long_date(s.now.date(), t.language),
    "company": lambda _, s: s.company,
    "service_contact": lambda _, s: s.service_contact,
    "tell_finding": lambda _, s: _trim(s.newest("result").get("tell_finding")),
    "tell_action": lambda _, s: _trim(s.newest("result").get("tell_action")),
    "awaited": _awaited,
    "awaited_by": lambda _, s: _stamp(s.until(s.standing.expected)) if s.standing.expected else "",
}
"""Of any matter."""
_OF_CASES: dict[str, _Tell] = {
    "contain_by": lambda _, s: (
        _stamp(contained_by(s.matter, s.deadlines, s.now.tzinfo))
        if s.case.severity == "severe"
        else ""
    ),
    "priority": _priority,
    "priority_proposal": lambda t, s: t.book.word(
        "priority", proposed_priority(s.case), t.language
    ),
    "problem_summary": lambda _, s: _summary(s.case.text("description")),
    "reply_kind": lambda t, s: t.book.word("reply", s.reply, t.language),
    "survey_by": lambda t, s: (
        ""
        if s.reply in {"interim", "duplicate"} or s.case.state == "closed"
        else _prose_day(s.until("satisfaction"), t.language)
    ),
    "reported_date": lambda t, s: long_date(_reported(s.case), t.language),
    "safety": lambda t, s: (
        "yes"
        if any(r["rule"] in t.safety_rules and r["words"] for r in s.case.evidence["reasons"])
        else ""
    ),
}
"""Of what feedback opened."""
STORY = frozenset({*_FACTS, *_OF_CASES})
"""The names of these facts."""
