"""Working time, and the dates by which something is due. Source: 5.1.2a, 4.12 (T01–T20)."""

import datetime as dt
from functools import cache
from typing import NamedTuple

import holidays

from fbbatch.schema.models import CalendarModel, DeadlineRules

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Due(NamedTuple):
    """A date with the rule it follows from, so that a document can print both.

    `provisional`: the public calendar of that year has not been announced yet.
    """

    on: dt.date
    rule: str
    days: float
    provisional: bool


class Calendar:
    """The company's working days.

    They follow from public holidays with make-up days, weekends, and the company's own exceptions.
    """

    def __init__(self, model: CalendarModel) -> None:
        self._weekend = {_WEEKDAYS.index(day) for day in model.weekend}
        self._off = {dt.date.fromisoformat(day.date) for day in model.holidays}
        self._on = {dt.date.fromisoformat(day.date) for day in model.working_days}
        self._country = model.country

    @cache  # noqa: B019 - a run has one calendar
    def _year(self, year: int) -> tuple[frozenset[dt.date], frozenset[dt.date]]:
        """Public holidays and make-up working days of a year."""
        if self._country == "none":
            return frozenset(), frozenset()
        public = holidays.country_holidays(self._country, years=year)
        return frozenset(public), frozenset(d for d in public.weekend_workdays if d.year == year)

    @cache  # noqa: B019
    def is_working_day(self, day: dt.date) -> bool:
        """True when the company works on `day`."""
        if day in self._on:
            return True
        if day in self._off:
            return False
        public, made_up = self._year(day.year)
        return day in made_up or (day.weekday() not in self._weekend and day not in public)

    def is_announced(self, year: int) -> bool:
        """False while the make-up days of a coming year are not known.

        Mainland China announces them in November.
        """
        return self._country != "CN" or bool(self._year(year)[1])

    def after(self, day: dt.date, n_days: int) -> dt.date:
        """The `n_days`-th working day after `day`.

        When `n_days` is 0: the first working day from `day` on.
        """
        current = day
        while n_days > 0:
            current += dt.timedelta(days=1)
            n_days -= self.is_working_day(current)
        while not self.is_working_day(current):
            current += dt.timedelta(days=1)
        return current

    def working_days(self, first: dt.date, last: dt.date) -> list[dt.date]:
        """The working days from `first` to `last`, both included."""
        days = (last - first).days + 1
        return [
            d for d in (first + dt.timedelta(days=n) for n in range(days)) if self.is_working_day(d)
        ]


class Deadlines:
    """The company's periods (T01–T20) on its calendar."""

    def __init__(self, rules: DeadlineRules, calendar: Calendar) -> None:
        self._rules = {rule.id: rule for rule in rules.deadlines}
        self._calendar = calendar

    @cache  # noqa: B019
    def due(self, rule_id: str, severity: str, start: dt.date) -> Due | None:
        """When a matter of `severity` that began on `start` is due.

        None where the company sets no such period.

        Source: 5.1.2a (T03).
        """
        rule = self._rules.get(rule_id)
        days = (
            None if rule is None else rule.working_days.get(severity, rule.working_days.get("all"))
        )
        if days is None:
            return None
        on = self._calendar.after(start, round(days))
        return Due(on, rule_id, days, not self._calendar.is_announced(on.year))

    def until(self, rule_id: str, severity: str, start: dt.datetime) -> dt.datetime | None:
        """The last moment of a period that began at `start`.

        Hours run round the clock, working days to the end of the day.
        """
        if due := self.due(rule_id, severity, start.date()):
            return dt.datetime.combine(due.on, dt.time(23, 59), start.tzinfo)
        rule = self._rules.get(rule_id)
        hours = None if rule is None else rule.hours.get(severity, rule.hours.get("all"))
        return None if hours is None else start + dt.timedelta(hours=hours)
