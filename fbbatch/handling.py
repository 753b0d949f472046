"""What moves cases on in a run: forms that came back, and time. Decisions are `fbbatch.workflow`'s; they are recorded here.

Every step that is appended names its document, who signed it, the day it happened and the run that recorded it.
Source: regulation part 4, 1.3.3a, 5.1–5.5.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import orjson

from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.documents.facts import Teller
from fbbatch.findings import finding
from fbbatch.gates import late_promises
from fbbatch.identity import changes, is_related
from fbbatch.ledger import Ledger
from fbbatch.ledger.kinship import Edited
from fbbatch.ledger.recording import FileRecorder
from fbbatch.ledger.store import RunRecord
from fbbatch.model import CASE_NUMBER, REPORTER, Case, Finding, ReturnedForm, Transition
from fbbatch.render.words import REPORTER_WORD
from fbbatch.schema import Book
from fbbatch.stopping import Ask, never
from fbbatch.workflow import FOLLOWED, FORMS, ORDER, Move, Standing, is_early, moves_of_time, part_of, replay, resume, step

SOLVE_WITHIN, SURVEY_EXPIRES, REOPEN_WITHIN = "T03", "T15a", "T16"
BY_TIME, LEDGER, AMENDMENT = "time", "tracking_ledger", "amendment"
MERGE = "main_case"


@dataclass(frozen=True)
class Handling:
    """The rules of the workspace, as they hold on a run's day."""

    book: Book
    record: RunRecord
    language: str

    @property
    def today(self) -> dt.date:
        """The as-of date."""
        return self.record.as_of.date()

    @cached_property
    def _teller(self) -> Teller:
        return Teller(self.book, self.language, {})

    def _days(self, deadline: str) -> int:
        """A period of days that the company has set, round the clock."""
        found = next(d for d in self.book.deadlines.deadlines if d.id == deadline)
        hours = found.hours.get("all")
        return int(hours // 24) if hours else int(found.working_days.get("all", 0))

    # --- forms ---------------------------------------------------------------------------------------------

    def turn(self, message: Mapping[str, Any]) -> tuple[str, int]:
        """When a form has its turn among those of a run: by the day it tells, then in the order of the steps."""
        told = message["form"]
        return self._happened(told["on"]).isoformat(), ORDER.index(told["kind"]) if told["kind"] in ORDER else len(ORDER)

    def is_early(self, recorder: FileRecorder, message: Mapping[str, Any]) -> bool:
        """True for a form that skips a step: the missing one may lie in the same inbox."""
        told = message["form"]
        case = None if told["bad"] or told["kind"] not in FORMS else recorder.case(told["case"])
        if case is None:
            return False
        form = self._returned(told, case)
        standing, _ = self._by_then(case, recorder.history(case), form.happened_on)
        return is_early(standing, form)

    def take_form(self, recorder: FileRecorder, message: Mapping[str, Any]) -> None:
        """Record what a returned form does to its case; whatever keeps it from doing so is a finding on paper."""
        told = message["form"]
        recorder.follows(told["kind"])
        recorder.note(Finding(*f) for f in message["findings"])
        case = recorder.case(told["case"])
        if case is None:
            is_one = CASE_NUMBER.fullmatch(told["case"])
            reason = finding("FB-step-no-case", case=told["case"]) if is_one else finding("FB-step-numbers", numbers=told["case"])
            recorder.refuse(reason, "set_aside")
            return
        recorder.keep_form(case, told)
        if told["kind"] not in FORMS:
            recorder.refuse(self._worded(finding("FB-own-document", kind=told["kind"])), "set_aside")
            return
        printed = sorted(set(CASE_NUMBER.findall(told["text"])))
        if printed and case.number not in printed:
            recorder.refuse(finding("FB-step-numbers", numbers="、".join([case.number, *printed])), "set_aside")
            return
        if told["bad"]:
            recorder.refuse(self._worded(finding("FB-step-incomplete", kind=told["kind"], case=case.number)), "returned")
            return
        form = self._returned(told, case)
        standing, ended = self._by_then(case, recorder.history(case), form.happened_on)
        verdict = step(
            standing, form, self.book, severity=case.severity, today=self.today,
            newest_issue=recorder.newest_issue(case, form.kind, part_of(standing, form)),
            reopen_days=self._days(REOPEN_WITHIN),
        )  # fmt: skip
        if verdict.moves:
            if verdict.moves[-1].details.get("main_case") and not self._merge(recorder, case, form):
                return
            opened = self._open_linked(recorder, case, form) if FOLLOWED in verdict.moves[-1].details else None
            moved = [self._recorded(case, standing, move, form.kind, form.by, form.happened_on) for move in verdict.moves]
            moved = [replace(step, details={**step.details, FOLLOWED: opened}) for step in moved] if opened else moved
            recorder.append(case, [*ended, *_remarked(moved, message["findings"])])
            taken = finding("FB-step-taken", kind=form.kind, case=case.number, state=verdict.moves[-1].to)
            told = (f._replace(details={**f.details, "opened": opened}) if opened else f for f in verdict.findings)
            recorder.note(map(self._worded, (*told, *late_promises(form, case.due_on), taken)))
            recorder.settle("step")
            return
        first, *others = map(self._worded, verdict.findings)
        recorder.note(others)
        recorder.refuse(first, verdict.outcome)

    def _returned(self, told: Mapping[str, Any], case: Case) -> ReturnedForm:
        return ReturnedForm(told["kind"], case.number, told["issue"], told["values"], str(told["by"]), self._happened(told["on"]))

    def _by_then(self, case: Case, history: Sequence[Transition], day: dt.date) -> tuple[Standing, list[Transition]]:
        """Where a case stood on a day, and the end of its hold where that is still to be recorded, as after missed nights."""
        standing = replay(history)
        moves = moves_of_time(standing, day, 0) if standing.state == "on_hold" else []
        ended = [self._recorded(case, standing, move, BY_TIME, "batch", day) for move in moves]
        return replay([*history, *ended]), ended

    def _worded(self, item: Finding) -> Finding:
        """A finding with words and names in place of codes; the form's id stays beside its title."""
        book, told = self.book, dict(item.details)
        for name, key, of in (("kind", "kind", "document"), ("missing_kind", "missing", "document"), ("state", "state", "state")):
            if told.get(name):
                told[key] = book.word(of, told[name], self.language)
        for name, key in (("person_id", "person"), ("by", "by")):
            if person := book.person(told.get(name, "")):
                told[key] = person.name
        if told.get("department_id"):
            told["department"] = book.department(told["department_id"], self.language)
        if told.get("by") == REPORTER:
            told["by"] = REPORTER_WORD[self.language]
        told = {name: value for name, value in told.items() if value}
        return item._replace(details=told | ({"form": item.details["kind"]} if "kind" in item.details else {}))

    def _merge(self, recorder: FileRecorder, case: Case, form: ReturnedForm) -> bool:
        number = str(form.values[MERGE])
        main = self._main(recorder, case, number)
        if main is None:
            recorder.refuse(finding("FB-main-case" if recorder.case(number) else "FB-step-no-case", case=number), "set_aside")
            return False
        recorder.merge(case, main)
        return True

    def _main(self, recorder: FileRecorder, case: Case, number: str) -> Case | None:
        """The case that another one may be merged into: an open one, or one that was merged into an open one itself."""
        main = last = recorder.case(number)
        while last and last.id != case.id and last.state == "closed" and (further := replay(recorder.history(last)).main_case):
            last = recorder.case(further)
        return None if last is None or last.id == case.id or last.state == "closed" else main

    def _unmergeable(self, recorder: FileRecorder, case: Case, change: Mapping[str, Any]) -> str | None:
        if change["field"] != MERGE:
            return None
        return None if self._main(recorder, case, str(change["value"])) else "FB-edit-main-case"

    def _open_linked(self, recorder: FileRecorder, case: Case, form: ReturnedForm) -> str:
        """The case that takes the place of one closed too long ago: its answers, and the new complaint. Source: T16."""
        values = {**case.values, "description": form.values["reason"]}
        values |= {"reported_at": form.happened_on.isoformat()} if "reported_at" in values else {}
        begun = Standing(department=case.department)
        moves = Move("registered", {"follows": case.number}), Move("assigned", {"department": case.department, "rule": "linked"})
        return recorder.open_linked(
            case, values, form.by, [self._recorded(case, begun, move, form.kind, form.by, form.happened_on) for move in moves]
        )

    def _happened(self, day: object) -> dt.date:
        """The day a form gives for what it reports, never later than today."""
        return min(dt.date.fromisoformat(str(day)[:10]), self.today) if day else self.today

    def _recorded(self, case: Case, standing: Standing, move: Move, kind: str, by: str, happened_on: dt.date) -> Transition:
        details = dict(move.details)
        if (
            (move.to == "assigned" and standing.state != "assigned")
            or ("rule" in details and "due_on" not in details)
            or details.get("verdict") == "failed"
            or "held_days" in details
        ):
            details |= self._due(case, standing, details)
        return Transition(move.to, kind, by, move.on or happened_on, self.record.as_of, self.record.name, details)

    def _due(self, case: Case, standing: Standing, details: Mapping[str, Any]) -> dict[str, Any]:
        """The new date for handling: the working days held are added, a new round or department begins anew. Source: 5.1.2a."""
        calendar = Calendar(self.book.calendar)
        department = details.get("department") or standing.department or case.department
        kept = {
            "department": department,
            "cooperating": [name for name in case.cooperating if name != department],
            "escalations": list(case.escalations),
        }
        if "held_days" in details and case.due_on:
            since = standing.held_since or self.today
            held = calendar.working_days(since, since + dt.timedelta(days=int(details["held_days"]) - 1))
            due_on = calendar.after(case.due_on, len(held))
            return {**kept, "rule": case.assignment_rule, "due_on": due_on.isoformat(), **_rule_of(case)}
        due = Deadlines(self.book.deadlines, calendar).due(SOLVE_WITHIN, case.severity, self.today)
        base = {**kept, "rule": details.get("rule") or case.assignment_rule}
        return {**base, "due_on": due.on.isoformat(), "due_rule": due.rule, "due_days": due.days} if due else base

    # --- ledgers -------------------------------------------------------------------------------------------

    def take_edits(self, recorder: FileRecorder, message: Mapping[str, Any]) -> None:
        """Apply what was edited in a ledger, and list every change."""
        edits = message["edits"]
        recorder.follows(edits["form"])
        troubles = [Finding(*f) for f in message["findings"]]
        recorder.note(troubles)
        by_case: dict[str, list[dict[str, Any]]] = {}
        for change in edits["changes"]:
            by_case.setdefault(change["case"], []).append(change)
        n_applied = sum(self._edit(recorder, number, changes, edits["by"]) for number, changes in by_case.items())
        if not n_applied and not troubles and not by_case:
            recorder.note([finding("FB-edit-none")])
        failed = any(f.severity == "error" for f in troubles) or n_applied < len(edits["changes"])
        recorder.settle("step" if n_applied or not failed else "returned")

    def _raised(self, case: Case, judged: Mapping[str, Any], move: Move) -> Move:
        """A case that is severe from now on goes to the leaders and gets the date of a severe one. Source: 3.3.3a."""
        if judged.get("severity") != "severe" or case.severity == "severe":
            return move
        due = Deadlines(self.book.deadlines, Calendar(self.book.calendar)).due(SOLVE_WITHIN, "severe", self.today)
        reasons = [rule.id for rule in self.book.assignment.escalation if "severe" in rule.severity]
        details: dict[str, Any] = {
            "department": case.department, "cooperating": list(case.cooperating), "rule": case.assignment_rule, "raised": True,
            "escalations": list(dict.fromkeys([*case.escalations, *reasons])),
        }  # fmt: skip
        if due:
            details |= {"due_on": due.on.isoformat(), "due_rule": due.rule, "due_days": due.days}
        return move._replace(details={**details, **move.details})

    def _edit(self, recorder: FileRecorder, number: str, changes: list[dict[str, Any]], by: str) -> int:
        """Apply the changes of one case; how many were."""
        case = recorder.case(number)
        if case is None:
            recorder.note([finding("FB-step-no-case", case=number)])
            return 0
        standing = replay(recorder.history(case))
        told = {change["field"]: change["value"] for change in changes}
        refused = [
            (change, code)
            for change in changes
            if (code := _refusal(case, standing, change, by, told) or self._unmergeable(recorder, case, change))
        ]
        taken = [change for change in changes if not any(change is other for other, _ in refused)]
        recorder.note(self._worded(_edit_finding(code, change, state=case.state)) for change, code in refused)
        if not taken:
            return 0
        judged = {change["field"]: change["value"] for change in taken if change["field"] in {"type", "severity"}}
        if judged:
            recorder.override(case, by, **judged)
        if main := next((change["value"] for change in taken if change["field"] == MERGE), None):
            recorder.merge(case, self._main(recorder, case, main) or case)
        move = self._raised(case, judged, _edit_move(case, standing, {change["field"]: change["value"] for change in taken}, self.today))
        recorder.append(case, [self._recorded(case, standing, move, LEDGER, by or "—", self.today)])
        recorder.note(_edit_finding("FB-edit-taken", change, by=by or "—") for change in taken)
        return len(taken)

    # --- edited rows ---------------------------------------------------------------------------------------

    def take_amendments(self, recorder: FileRecorder, ask: Ask = never) -> None:
        """Give cases the answers of the rows of a file (and of the files in it) that are edited copies of theirs. Source: N4."""
        for part in recorder.whole():
            for one in part.edited():
                ask()
                self._amend(part, one)

    def _amend(self, recorder: FileRecorder, one: Edited) -> None:
        case, new = recorder.case(one.kin.number), orjson.loads(one.row.answers)
        assert case is not None  # noqa: S101 - it has just been found
        if not is_related(case.values, new):
            recorder.dispute(one, finding("FB-mark-differs", sheet=one.sheet or None, row=one.row.row, case=case.number))
            return
        history = recorder.history(case)
        new = self._together(case, new, history)
        told = changes(case.values, new)
        ruled = recorder.ruling(one.ruling_id)
        is_other = recorder.is_ruled(case) and ruled != {"kind": case.kind, "type": case.type, "severity": case.severity}
        recorder.amend(case, one, new, told)
        if is_other:
            recorder.rejudge(case, one.ruling_id)
        move = self._raised(case, ruled if is_other else {}, Move(case.state, {"changes": told}))
        recorder.append(case, [self._recorded(case, replay(history), move, AMENDMENT, "batch", self.today)])
        place: dict[str, Any] = {"sheet": one.sheet or None, "row": one.row.row, "case": case.number}
        for name, both in told.items():
            old, value = (self._teller.tell(name, said, case.schema) for said in both)
            recorder.note([finding("FB-amended", **place, field=name, old=old or "—", new=value or "—")])

    def _together(self, case: Case, new: Mapping[str, Any], history: Sequence[Transition]) -> dict[str, Any]:
        """What a row says, with the answers that another file of this run has corrected: files of a run have no order."""
        steps = [step for step in history if step.document == AMENDMENT and step.run == self.record.name]
        before = [(name, old) for step in steps for name, (old, _) in step.details["changes"].items()]
        kept = {name: value for name, value in case.values.items() if (name, new.get(name)) in before}
        return {**new, **kept}

    # --- time ----------------------------------------------------------------------------------------------

    def pass_time(self, ledger: Ledger, ask: Ask = never) -> None:
        """Holds that end and surveys that expire today; each once, however many nights were missed."""
        for case, steps in self._overdue_steps(ledger):
            ask()
            ledger.append(self.record, case, steps)

    def _overdue_steps(self, ledger: Ledger) -> Iterator[tuple[Case, list[Transition]]]:
        for state in ("on_hold", "replied"):
            for case in list(ledger.cases(state=state)):
                standing = replay(ledger.history(case))
                moves = moves_of_time(standing, self.today, self._days(SURVEY_EXPIRES))
                if moves:
                    yield case, [self._recorded(case, standing, move, BY_TIME, "batch", self.today) for move in moves]


def _remarked(steps: list[Transition], findings: Sequence[Sequence[Any]]) -> list[Transition]:
    """The steps of a form, the first with what somebody wrote outside its blanks: it belongs to the case's story."""
    remarks = [told["text"] for code, *_, told in findings if code == "FB-loose-text"]
    first, *others = steps
    return [replace(first, details={**first.details, "remarks": remarks}), *others] if remarks else steps


def _rule_of(case: Case) -> dict[str, Any]:
    """The rule of a due date as the ledger keeps it."""
    if not case.due_rule:
        return {}
    rule, _, days = case.due_rule.partition(":")
    return {"due_rule": rule, "due_days": float(days)}


def _edit_finding(code: str, change: Mapping[str, Any], **details: Any) -> Finding:
    return finding(
        code, sheet=change["sheet"], row=change["row"], field=change["field"], case=change["case"], old=change["old"], new=change["new"], **details
    )  # fmt: skip


_NAMED = frozenset({"type", "severity", "department", "priority", "main_case"})
_UNTIL = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})")
_UNTIL_WHEN = re.compile(rf"[，,；; ]*(?:暫停至|暂停至|至|到|\buntil\b)?\s*{_UNTIL.pattern}\s*日?(?:為止|为止|止)?", re.IGNORECASE)


def _refusal(case: Case, standing: Standing, change: Mapping[str, Any], by: str, told: Mapping[str, Any]) -> str | None:
    """The code of the finding that keeps a change from being applied. Source: N3, N7."""
    name, value = change["field"], change["value"]
    if name in _NAMED and not by:
        return "FB-edit-unsigned"
    if name == "severity" and case.severity == "severe" and value != "severe" and not told.get("remarks"):
        return "FB-edit-safety"
    if name == "held" and value and _until(str(value)) is None:
        return "FB-edit-hold"
    if not standing.is_open and name != "remarks":
        return "FB-edit-state"
    if name == "replied_on" and standing.state != "verified" and not standing.decided:
        return "FB-edit-state"
    return "FB-edit-state" if name == "department" and standing.state not in {"registered", "assigned"} else None


def _until(text: str) -> dt.date | None:
    found = _UNTIL.search(text)
    try:
        return dt.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _edit_move(case: Case, standing: Standing, told: Mapping[str, Any], today: dt.date) -> Move:
    """The step that edited cells amount to. Source: 5.3.1, 5.3.3, 5.5.1."""
    details: dict[str, Any] = {"edited": {name: str(value or "") for name, value in told.items() if name in _NOTES}}
    details |= {name: told[name] for name in ("responsible", "priority") if told.get(name)}
    state = standing.state
    if told.get(MERGE):
        return Move("closed", {**details, "outcome": "duplicate", MERGE: told[MERGE], "decided": True})
    if told.get("department"):
        state = "assigned"
        details |= {"department": told["department"], "rule": LEDGER}
    elif told.get("due_on"):
        kept = {"department": case.department, "cooperating": list(case.cooperating), "escalations": list(case.escalations)}
        details |= {**kept, "rule": case.assignment_rule, "due_on": told["due_on"], "due_rule": LEDGER, "due_days": 0}
    if told.get("held"):
        until = _until(str(told["held"]))
        reason = _UNTIL_WHEN.sub("", str(told["held"])).strip("，,。.；; ")
        details |= {"reason": reason, "held_until": until.isoformat() if until else "", "held_from": standing.held_from or state}
        state = "on_hold"
    elif "held" in told and standing.state == "on_hold":
        resumed = resume(standing, today)
        return resumed._replace(details={**details, **resumed.details})
    if told.get("replied_on"):
        state = "replied"
    return Move(state, details)


_NOTES = frozenset({"last_progress", "difficulties", "remarks"})
