"""The periods in which the batch opens matters by itself."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.steps.openings import period_of


@pytest.mark.parametrize(
    ("day", "every", "name", "first", "last"),
    [
        ("2026-11-28", "month", "2026-11", "2026-11-01", "2026-11-30"),
        ("2026-12-31", "month", "2026-12", "2026-12-01", "2026-12-31"),
        ("2028-02-29", "month", "2028-02", "2028-02-01", "2028-02-29"),
        ("2026-11-28", "quarter", "2026-Q4", "2026-10-01", "2026-12-31"),
        ("2026-01-01", "quarter", "2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-06-30", "year", "2026", "2026-01-01", "2026-12-31"),
    ],
)
def test_period_has_a_name_and_its_days(
    day: str, every: str, name: str, first: str, last: str
) -> None:
    period = period_of(dt.date.fromisoformat(day), every)
    told = (period.name, period.first.isoformat(), period.last.isoformat())
    assert told == (name, first, last)


@given(
    day=st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31)),
    every=st.sampled_from(["month", "quarter", "year"]),
)
def test_periods_follow_each_other_without_gap_and_every_day_of_one_names_it(
    day: dt.date, every: str
) -> None:
    period = period_of(day, every)
    assert period.first <= day <= period.last
    assert period_of(period.first, every) == period_of(period.last, every) == period
    following = period_of(period.last + dt.timedelta(days=1), every)
    assert following.first == period.last + dt.timedelta(days=1)
    assert following.name > period.name
