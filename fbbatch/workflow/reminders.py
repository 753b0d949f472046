"""Reminders: which step of the ladder a case has reached whose next form is due.

Pure: the ladder's steps are days counted from the due date, so ten nightly runs and one run after
ten days reach the same step, and each step is taken once.

Source: 5.3.2b, T14, T15.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.model import Case, Reminder, Transition
from fbbatch.schema import Book
from fbbatch.workflow.due import due
from fbbatch.workflow.standing import Standing, entered, parts_asked, replay

OWNER, DUE_TODAY, HEAD, LEADER = 1, 2, 3, 4
STEPS = "steps"
_LADDER = (("T14", OWNER), ("T14a", DUE_TODAY), ("T14b", HEAD), ("T14c", LEADER))
_AGAIN = "T14d"
_MOST_REPEATS = 520


class Waiting(NamedTuple):
    """What a case waits for: the form, since when and until when, and the reminders for it so far.

    `level` tells how far the reminders have come (0: none). `department` is the cooperating
    department that owes it; None: whoever is in charge of the case.
    """

    case: Case
    standing: Standing
    form: str
    since: dt.date
    due_on: dt.date
    reminders: tuple[Reminder, ...]
    department: str | None = None

    @property
    def level(self) -> int:
        """The highest step of the ladder that has been reached."""
        return max((r.level for r in self.reminders), default=0)


class Chaser:
    """The ladder of the company, as it stands on a day."""

    def __init__(self, book: Book, today: dt.date, zone: dt.tzinfo | None) -> None:
        self._calendar = Calendar(book.calendar)
        self._deadlines = Deadlines(book.deadlines, self._calendar)
        self._steps = {d.id: d for d in book.deadlines.deadlines}
        self._process = book.process
        self._today = today
        self._zone = zone

    def waits(self, case: Case, history: Sequence[Transition]) -> list[Waiting]:
        """All that an open case waits for.

        That is what moves it on, and what cooperating departments owe, each on its own clock. They
        owe their measures, and then (`STEPS`, which is no form) the carrying out, until the lead
        reports the result.
        """
        first = self.waiting(case, history)
        return [*([first] if first else ()), *self._parts(case, history)]

    def _parts(self, case: Case, history: Sequence[Transition]) -> Iterator[Waiting]:
        standing = replay(history)
        for department, step in standing.parts_in_hand.items():
            days = [
                str(row["due"])[:10]
                for row in step.details["answers"].get("steps") or ()
                if row.get("due")
            ]
            if days:
                last, since = dt.date.fromisoformat(max(days)), step.recorded_at.date()
                yield self._part(case, standing, STEPS, since, last, department)
        if not standing.still_owing:
            return
        since = parts_asked(history).recorded_at.date()
        for department in standing.still_owing:
            if due_on := self._due_on(case, history, "measures", department):
                yield self._part(case, standing, "measures", since, due_on, department)

    def _part(
        self,
        case: Case,
        standing: Standing,
        form: str,
        since: dt.date,
        due_on: dt.date,
        department: str,
    ) -> Waiting:
        clock = f"{form}/{standing.round}/{department}"
        reminders = tuple(Reminder(clock, n, on, due_on) for n, on in self._reached(due_on, since))
        return Waiting(case, standing, form, since, due_on, reminders, department)

    def waiting(self, case: Case, history: Sequence[Transition]) -> Waiting | None:
        """What an open case waits for; None when nothing has a date."""
        standing = replay(history)
        form = standing.expected
        if form is None or standing.state == "on_hold":
            return None
        begun = entered(history, {standing.state})
        due_on = self._due_on(case, history, form)
        if due_on is None:
            return None
        clock = f"{form}/{standing.round}"
        since = begun.recorded_at.date()
        levels = self._asked_once(since) if form == "satisfaction" else self._reached(due_on, since)
        return Waiting(
            case,
            standing,
            form,
            since,
            due_on,
            tuple(Reminder(clock, n, on, due_on) for n, on in levels),
        )

    def _due_on(
        self, case: Case, history: Sequence[Transition], form: str, part: str | None = None
    ) -> dt.date | None:
        until = due(case, history, form, self._process, self._deadlines, self._zone, part=part)
        return until.date() if until else None

    def _asked_once(self, since: dt.date) -> list[tuple[int, dt.date]]:
        """Reporters are reminded of the survey once. Source: 5.5.1c, T15."""
        step = self._steps.get("T15")
        on = since + dt.timedelta(hours=step.hours["all"]) if step and "all" in step.hours else None
        return [(OWNER, on)] if on and on <= self._today else []

    def _reached(self, due_on: dt.date, since: dt.date) -> list[tuple[int, dt.date]]:
        """(level, its day) of every step whose day has come.

        Steps before the case was even here are left out.
        """
        days = [
            (level, self._counted(due_on, round(self._steps[name].working_days["all"])))
            for name, level in _LADDER
            if name in self._steps
        ]
        if days and _AGAIN in self._steps:
            level, last = days[-1]
            every = max(1, int(self._steps[_AGAIN].hours.get("all", 168) // 24))
            repeats = min(_MOST_REPEATS, max(0, (self._today - last).days // every))
            days += [
                (level + n, last + dt.timedelta(days=every * n)) for n in range(1, repeats + 1)
            ]
        return [(level, on) for level, on in days if since < on <= self._today]

    def _counted(self, day: dt.date, working_days: int) -> dt.date:
        """So many working days after (or before) a day."""
        current, step, left = day, 1 if working_days > 0 else -1, abs(working_days)
        while left:
            current += dt.timedelta(days=step)
            left -= self._calendar.is_working_day(current)
        return current


def fresh_reminders(waiting: Waiting, known: Collection[tuple[str, str, int]]) -> list[Reminder]:
    """The reminders that have not been given yet.

    `known` holds (clock, due date, level) of those that have.
    """
    return [r for r in waiting.reminders if (r.clock, r.due_on.isoformat(), r.level) not in known]
