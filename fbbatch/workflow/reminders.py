"""Reminders: which step of the ladder a matter has reached whose next form is due.

Pure: the ladder's steps are days counted from the due date, so ten nightly runs and one run after
ten days reach the same step, and each step is taken once.

Source: 5.3.2b, T14, T15.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from typing import NamedTuple

from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.model import Reminder
from fbbatch.schema import Book
from fbbatch.workflow.due import due, entry, parts_asked
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import HELD

OWNER, DUE_TODAY, HEAD, LEADER = 1, 2, 3, 4
STEPS = "steps"
_LADDER = (
    ("T14", OWNER),
    ("T14a", DUE_TODAY),
    ("T14b", HEAD),
    ("T14c", LEADER),
)
_AGAIN = "T14d"
_MOST_REPEATS = 520


class Waiting(NamedTuple):
    """What a matter waits for: the form, since when and until when, and the reminders so far.

    `level` tells how far the reminders have come (0: none). `department` is the cooperating
    department that owes it; None: whoever is in charge of the matter.
    """

    matter: Matter
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
        self._today = today
        self._zone = zone

    def waits(self, matter: Matter) -> list[Waiting]:
        """All that an open matter waits for.

        That is what moves it on, and what cooperating departments owe, each on its own clock. They
        owe their measures, and then (`STEPS`, which is no form) the carrying out, until the lead
        reports the result.
        """
        first = self.waiting(matter)
        return [*([first] if first else ()), *self._parts(matter)]

    def _parts(self, matter: Matter) -> Iterator[Waiting]:
        standing = matter.standing
        for department, step in standing.parts_in_hand.items():
            rows = step.answers.get("steps") or ()
            days = [str(row["due"])[:10] for row in rows if row.get("due")]
            if days:
                last, since = (
                    dt.date.fromisoformat(max(days)),
                    step.recorded_at.date(),
                )
                yield self._part(matter, STEPS, since, last, department)
        form = matter.process.parts_form
        if form is None or not standing.still_owing:
            return
        since = parts_asked(matter).recorded_at.date()
        for department in standing.still_owing:
            if due_on := self._due_on(matter, form, department):
                yield self._part(matter, form, since, due_on, department)

    def _part(
        self,
        matter: Matter,
        form: str,
        since: dt.date,
        due_on: dt.date,
        department: str,
    ) -> Waiting:
        clock = f"{form}/{matter.standing.round}/{department}"
        reminders = tuple(Reminder(clock, n, on, due_on) for n, on in self._reached(due_on, since))
        return Waiting(matter, form, since, due_on, reminders, department)

    def waiting(self, matter: Matter) -> Waiting | None:
        """What an open matter waits for; None when nothing has a date."""
        standing = matter.standing
        form = standing.expected
        due_on = self._due_on(matter, form) if form and standing.state != HELD else None
        if form is None or due_on is None:
            return None
        clock = f"{form}/{standing.round}"
        since = entry(matter).recorded_at.date()
        once = matter.process.step(form).reminded_after
        levels = self._once(once, since) if once else self._reached(due_on, since)
        reminders = tuple(Reminder(clock, n, on, due_on) for n, on in levels)
        return Waiting(matter, form, since, due_on, reminders)

    def _due_on(self, matter: Matter, form: str, part: str | None = None) -> dt.date | None:
        until = due(matter, form, self._deadlines, self._zone, part=part)
        return until.date() if until else None

    def _once(self, period: str, since: dt.date) -> list[tuple[int, dt.date]]:
        """Reporters are reminded of the survey once. Source: 5.5.1c, T15."""
        step = self._steps.get(period)
        on = since + dt.timedelta(hours=step.hours["all"]) if step and "all" in step.hours else None
        return [(OWNER, on)] if on and on <= self._today else []

    def _reached(self, due_on: dt.date, since: dt.date) -> list[tuple[int, dt.date]]:
        """(level, its day) of every step whose day has come.

        Steps before the case was even here are left out.
        """
        days = [
            (
                level,
                self._counted(due_on, round(self._steps[name].working_days["all"])),
            )
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
        current, step, left = (
            day,
            1 if working_days > 0 else -1,
            abs(working_days),
        )
        while left:
            current += dt.timedelta(days=step)
            left -= self._calendar.is_working_day(current)
        return current


def fresh_reminders(waiting: Waiting, known: Collection[tuple[str, str, int]]) -> list[Reminder]:
    """The reminders that have not been given yet.

    `known` holds (clock, due date, level) of those that have.
    """
    return [r for r in waiting.reminders if (r.clock, r.due_on.isoformat(), r.level) not in known]
