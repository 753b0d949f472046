"""What all steps of a run have in common.

The rules of the workspace as they hold on its day, and how a step is written down.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fbbatch.codes import Codes
from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.documents.facts import Teller
from fbbatch.ledger.store import RunRecord
from fbbatch.model import REPORTER, Case, Details, Facts, Finding, Transition
from fbbatch.schema import Book
from fbbatch.settings import Settings
from fbbatch.wording import say
from fbbatch.workflow.decisions import On
from fbbatch.workflow.matter import Matter, matter_of
from fbbatch.workflow.standing import Move, Standing

SOLVE_WITHIN, REOPEN_WITHIN = "T03", "T16"
BY_TIME, LEDGER, AMENDMENT = "time", "tracking_ledger", "amendment"


@dataclass(frozen=True)
class Rules:
    """The rules of a workspace, as they hold on a run's day."""

    book: Book
    record: RunRecord
    settings: Settings
    codes: Codes

    @property
    def today(self) -> dt.date:
        """The as-of date."""
        return self.record.as_of.date()

    @property
    def language(self) -> str:
        """The language of the workspace."""
        return self.settings.locale

    @cached_property
    def teller(self) -> Teller:
        """Tells answers in the workspace's language."""
        return Teller(self.book, self.language, {})

    @cached_property
    def calendar(self) -> Calendar:
        """The company's working days."""
        return Calendar(self.book.calendar)

    @cached_property
    def deadlines(self) -> Deadlines:
        """The company's periods."""
        return Deadlines(self.book.deadlines, self.calendar)

    def days(self, deadline: str) -> int:
        """A period of days that the company has set, round the clock."""
        found = next(d for d in self.book.deadlines.deadlines if d.id == deadline)
        hours = found.hours.get("all")
        return int(hours // 24) if hours else int(found.working_days.get("all", 0))

    @property
    def on(self) -> On:
        """The as-of date, and for how long what is done may be opened again."""
        return On(self.today, self.days(REOPEN_WITHIN))

    def matter(self, facts: Facts, history: Sequence[Transition]) -> Matter:
        """A matter as the ledger tells it."""
        return matter_of(self.book, facts, history)

    def happened(self, day: object) -> dt.date:
        """The day a form gives for what it reports, never later than today."""
        return min(dt.date.fromisoformat(str(day)[:10]), self.today) if day else self.today

    def recorded(
        self,
        matter: Matter,
        move: Move,
        kind: str,
        by: str,
        happened_on: dt.date,
    ) -> Transition:
        """A move as the step that the ledger keeps.

        A new department, a new round or the end of a hold brings a case a new due date.
        """
        details = move.details
        if matter.is_case and self._needs_date(matter.standing, move):
            details = self._due(matter.case, matter.standing, details).over(details)
        on = move.on or happened_on
        return Transition(move.to, kind, by, on, self.record.as_of, self.record.name, details)

    def _needs_date(self, standing: Standing, move: Move) -> bool:
        details = move.details
        is_assigned = move.to == "assigned" and standing.state != "assigned"
        is_ruled = details.rule is not None and details.due_on is None
        is_anew = details.verdict == "failed" or details.held_days is not None
        return is_assigned or is_ruled or is_anew

    def _due(self, case: Case, standing: Standing, details: Details) -> Details:
        """The new date for handling. Source: 5.1.2a.

        The working days held are added; a new round or department begins anew.
        """
        department = details.department or standing.department or case.department
        kept = Details(
            department=department,
            cooperating=[name for name in case.cooperating if name != department],
            escalations=list(case.escalations),
        )
        if details.held_days is not None and case.due_on:
            since = standing.held_since or self.today
            last = since + dt.timedelta(days=details.held_days - 1)
            due_on = self.calendar.after(case.due_on, len(self.calendar.working_days(since, last)))
            rule, days = _rule_of(case)
            return kept._replace(
                rule=case.assignment_rule,
                due_on=due_on.isoformat(),
                due_rule=rule,
                due_days=days,
            )
        ruled = kept._replace(rule=details.rule or case.assignment_rule)
        return self.due(case.severity).over(ruled)

    def due(self, severity: str) -> Details:
        """The date by which a case of that severity is to be solved from today, and its rule.

        Nothing where there is none.
        """
        due = self.deadlines.due(SOLVE_WITHIN, severity, self.today)
        if due is None:
            return Details()
        return Details(due_on=due.on.isoformat(), due_rule=due.rule, due_days=due.days)

    def raised(self, case: Case, judged: Mapping[str, Any], move: Move) -> Move:
        """Raise a case that is severe from now on. Source: 3.3.3a.

        It goes to the leaders and gets the date of a severe one.
        """
        if judged.get("severity") != "severe" or case.severity == "severe":
            return move
        reasons = [rule.id for rule in self.book.assignment.escalation if "severe" in rule.severity]
        raised = Details(
            department=case.department,
            cooperating=list(case.cooperating),
            rule=case.assignment_rule,
            raised=True,
            escalations=list(dict.fromkeys([*case.escalations, *reasons])),
        )
        return move._replace(details=move.details.over(self.due("severe").over(raised)))

    def worded(self, item: Finding) -> Finding:
        """A finding with words and names for codes; the form's id stays beside its title."""
        book, told = self.book, dict(item.details)
        for name, key, of in _WORDS:
            if told.get(name):
                told[key] = book.word(of, told[name], self.language)
        for name, key in (("person_id", "person"), ("by", "by")):
            if person := book.person(told.get(name, "")):
                told[key] = person.name
        if told.get("department_id"):
            told["department"] = book.department(told["department_id"], self.language)
        if told.get("by") == REPORTER:
            told["by"] = say("render.reporter", self.language)
        told = {name: value for name, value in told.items() if value}
        return item._replace(
            details=told | ({"form": item.details["kind"]} if "kind" in item.details else {})
        )


_WORDS = (
    ("kind", "kind", "document"),
    ("missing_kind", "missing", "document"),
    ("state", "state", "state"),
    ("other_state", "other", "state"),
)
"""(detail with a code, detail for its word, set of the vocabulary)."""


def _rule_of(case: Case) -> tuple[str | None, float | None]:
    """The rule of a due date as the ledger keeps it, and its days."""
    if not case.due_rule:
        return None, None
    rule, _, days = case.due_rule.partition(":")
    return rule, float(days)
