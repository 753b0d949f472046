"""What moves cases on in a run: forms that came back, and time. Decisions are `fbbatch.workflow`'s; they are recorded here.

Every step that is appended names its document, who signed it, the day it happened and the run that recorded it.
Source: regulation part 4, 1.3.3a, 5.1–5.5.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.findings import finding
from fbbatch.ledger import Ledger
from fbbatch.ledger.recording import FileRecorder
from fbbatch.ledger.store import RunRecord
from fbbatch.model import Case, Finding, ReturnedForm, Transition
from fbbatch.schema import Book
from fbbatch.workflow import Move, Standing, moves_of_time, replay, step

SOLVE_WITHIN, SURVEY_EXPIRES, REOPEN_WITHIN = "T03", "T15a", "T16"
BY_TIME = "time"


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

    def _days(self, deadline: str) -> int:
        """A period of days that the company has set, round the clock."""
        found = next(d for d in self.book.deadlines.deadlines if d.id == deadline)
        hours = found.hours.get("all")
        return int(hours // 24) if hours else int(found.working_days.get("all", 0))

    # --- forms ---------------------------------------------------------------------------------------------

    def take_form(self, recorder: FileRecorder, message: Mapping[str, Any]) -> None:
        """Record what a returned form does to its case; whatever keeps it from doing so is a finding on paper."""
        told = message["form"]
        recorder.follows(told["kind"])
        recorder.note(Finding(*f) for f in message["findings"])
        case = recorder.case(told["case"])
        if case is None:
            recorder.refuse(finding("FB-step-no-case", case=told["case"]), "set_aside")
            return
        recorder.keep_form(case, told)
        if told["bad"]:
            recorder.refuse(self._worded(finding("FB-step-incomplete", kind=told["kind"], case=case.number)), "returned")
            return
        form = ReturnedForm(told["kind"], case.number, told["issue"], told["values"], str(told["by"]), self._happened(told["on"]))
        standing = replay(recorder.history(case))
        verdict = step(
            standing, form, self.book, severity=case.severity, newest_issue=recorder.newest_issue(case, form.kind), today=self.today,
            reopen_days=self._days(REOPEN_WITHIN),
        )  # fmt: skip
        if verdict.moves:
            if verdict.moves[-1].details.get("main_case") and not self._merge(recorder, case, form):
                return
            recorder.append(case, [self._recorded(case, standing, move, form.kind, form.by, form.happened_on) for move in verdict.moves])
            taken = finding("FB-step-taken", kind=form.kind, case=case.number, state=verdict.moves[-1].to)
            recorder.note(map(self._worded, (*verdict.findings, taken)))
            recorder.settle("step")
            return
        first, *others = map(self._worded, verdict.findings)
        recorder.note(others)
        recorder.refuse(first, verdict.outcome)

    def _worded(self, item: Finding) -> Finding:
        """A finding with words and names in place of codes; the form's id stays beside its title."""
        book, told = self.book, dict(item.details)
        for name, key, of in (("kind", "kind", "document"), ("missing_kind", "missing", "document"), ("state", "state", "state")):
            if told.get(name):
                told[key] = book.word(of, told[name], self.language)
        for name, key in (("person_id", "person"), ("by", "by")):
            if person := book.person(told.get(name, "")):
                told[key] = person.name
        return item._replace(details=told | ({"form": item.details["kind"]} if "kind" in item.details else {}))

    def _merge(self, recorder: FileRecorder, case: Case, form: ReturnedForm) -> bool:
        main = recorder.case(str(form.values["main_case"]))
        if main is None or main.id == case.id:
            recorder.refuse(finding("FB-step-no-case", case=form.values["main_case"]), "set_aside")
            return False
        recorder.merge(case, main)
        return True

    def _happened(self, day: object) -> dt.date:
        """The day a form gives for what it reports, never later than today."""
        return min(dt.date.fromisoformat(str(day)[:10]), self.today) if day else self.today

    def _recorded(self, case: Case, standing: Standing, move: Move, kind: str, by: str, happened_on: dt.date) -> Transition:
        details = dict(move.details)
        if move.to == "assigned" or details.get("verdict") == "failed" or "held_days" in details:
            details |= self._due(case, standing, details)
        return Transition(move.to, kind, by, happened_on, self.record.as_of, self.record.name, details)

    def _due(self, case: Case, standing: Standing, details: Mapping[str, Any]) -> dict[str, Any]:
        """The new date for handling: held days are added, a new round or department begins anew. Source: 5.1.2a."""
        calendar = Calendar(self.book.calendar)
        department = details.get("department") or standing.department or case.department
        kept = {"department": department, "cooperating": list(case.cooperating), "escalations": list(case.escalations)}
        if "held_days" in details and case.due_on:
            due_on = case.due_on + dt.timedelta(days=int(details["held_days"]))
            while not calendar.is_working_day(due_on):
                due_on += dt.timedelta(days=1)
            return {**kept, "rule": case.assignment_rule, "due_on": due_on.isoformat(), **_rule_of(case)}
        due = Deadlines(self.book.deadlines, calendar).due(SOLVE_WITHIN, case.severity, self.today)
        base = {**kept, "rule": details.get("rule") or case.assignment_rule}
        return {**base, "due_on": due.on.isoformat(), "due_rule": due.rule, "due_days": due.days} if due else base

    # --- time ----------------------------------------------------------------------------------------------

    def pass_time(self, ledger: Ledger) -> None:
        """Holds that end and surveys that expire today; each once, however many nights were missed."""
        for case, steps in self._overdue_steps(ledger):
            ledger.append(self.record, case, steps)

    def _overdue_steps(self, ledger: Ledger) -> Iterator[tuple[Case, list[Transition]]]:
        for state in ("on_hold", "replied"):
            for case in list(ledger.cases(state=state)):
                standing = replay(ledger.history(case))
                moves = moves_of_time(standing, self.today, self._days(SURVEY_EXPIRES))
                if moves:
                    yield case, [self._recorded(case, standing, move, BY_TIME, "batch", self.today) for move in moves]


def _rule_of(case: Case) -> dict[str, Any]:
    """The rule of a due date as the ledger keeps it."""
    if not case.due_rule:
        return {}
    rule, _, days = case.due_rule.partition(":")
    return {"due_rule": rule, "due_days": float(days)}
