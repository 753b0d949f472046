"""Who handles a case, by when, and whether it goes to the leaders (5.1.1, 5.1.2, 3.3.3)."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.schema.models import CalendarModel
from tests.builders import RECEIVED, ruled


def calendar(country: str, **days) -> Calendar:
    return Calendar(CalendarModel.model_validate({"country": country, **days}))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


# --- the calendar ---


@pytest.mark.parametrize(
    ("country", "date", "works"),
    [
        ("CN", "2026-10-10", True),  # a Saturday made up for the National Day week
        ("CN", "2026-09-20", True),  # a Sunday, likewise
        ("CN", "2026-02-14", True),
        ("CN", "2026-10-07", False),
        ("CN", "2026-10-01", False),
        ("CN", "2026-02-17", False),
        ("CN", "2026-11-07", False),
        ("CN", "2026-11-06", True),
        ("TW", "2026-10-10", False),
        ("TW", "2026-10-09", False),  # the holiday falls on a Saturday
        ("TW", "2026-10-01", True),
        ("TW", "2026-09-20", False),
        ("TW", "2026-02-17", False),
        ("none", "2026-10-01", True),
        ("none", "2026-10-10", False),
        ("none", "2026-12-25", True),
        ("HK", "2026-12-25", False),
        ("HK", "2026-10-10", False),
    ],
)
def test_working_days_follow_the_public_calendar(country: str, date: str, works: bool) -> None:
    assert calendar(country).is_working_day(day(date)) is works


def test_companys_own_days_win_over_the_public_calendar() -> None:
    own = calendar(
        "CN",
        holidays=[{"date": "2026-11-06"}],
        working_days=[{"date": "2026-10-01"}, {"date": "2026-11-07"}],
    )
    assert [own.is_working_day(day(d)) for d in ("2026-11-06", "2026-10-01", "2026-11-07")] == [
        False,
        True,
        True,
    ]


def test_weekend_is_the_companys() -> None:
    own = calendar("none", weekend=["fri", "sat"])
    assert [own.is_working_day(day(d)) for d in ("2026-11-06", "2026-11-07", "2026-11-08")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("country", "start", "days", "due"),
    [
        ("CN", "2026-09-30", 1, "2026-10-08"),
        ("CN", "2026-09-30", 3, "2026-10-10"),
        ("CN", "2026-09-30", 4, "2026-10-12"),
        ("TW", "2026-10-08", 1, "2026-10-12"),
        ("none", "2026-11-06", 1, "2026-11-09"),
        ("none", "2026-11-07", 1, "2026-11-09"),
        ("none", "2026-11-06", 0, "2026-11-06"),
        ("none", "2026-11-07", 0, "2026-11-09"),
        ("none", "2026-11-06", 5, "2026-11-13"),
    ],
)
def test_due_date_counts_working_days_after_the_start(
    country: str, start: str, days: int, due: str
) -> None:
    assert calendar(country).after(day(start), days) == day(due)


@given(
    st.dates(dt.date(2024, 1, 1), dt.date(2027, 6, 1)),
    st.integers(0, 40),
    st.sampled_from(["CN", "TW", "none"]),
)
def test_due_date_is_a_working_day_and_as_many_of_them_away(
    start: dt.date, days: int, country: str
) -> None:
    own = calendar(country)
    due = own.after(start, days)
    assert own.is_working_day(due)
    assert len(own.working_days(start + dt.timedelta(days=1), due)) == days or days == 0
    assert own.after(start, days + 1) > due or days == 0


def test_next_years_make_up_days_are_provisional_in_mainland_china_only() -> None:
    assert (calendar("CN").is_announced(2026), calendar("CN").is_announced(2099)) == (True, False)
    assert calendar("TW").is_announced(2099)


def test_working_days_between_two_dates_include_both() -> None:
    assert calendar("CN").working_days(day("2026-10-08"), day("2026-10-12")) == [
        day(f"2026-10-{d:02d}") for d in (8, 9, 10, 12)
    ]


@pytest.mark.parametrize(
    ("severity", "due"),
    [("severe", "2026-11-24"), ("general", "2026-11-27"), ("minor", "2026-12-11")],
)
def test_time_for_handling_depends_on_severity(book, severity: str, due: str) -> None:
    found = Deadlines(book.deadlines, calendar("none")).due("T03", severity, day("2026-11-20"))
    assert found is not None
    assert (found.on, found.rule, found.provisional) == (day(due), "T03", False)


def test_period_the_company_has_not_set_is_none(book) -> None:
    deadlines = Deadlines(book.deadlines, calendar("none"))
    assert deadlines.due("T19", "severe", day("2026-11-20")) is None
    assert deadlines.due("T99", "severe", day("2026-11-20")) is None


def test_due_date_of_a_case_follows_from_its_severity(book) -> None:
    mainland = dataclasses.replace(book, calendar=CalendarModel(country="CN"))
    received = dt.datetime(2026, 9, 30, 23, tzinfo=RECEIVED.tzinfo)
    assert ruled(mainland, "插头漏电", received=received).due_on == "2026-10-09"
    assert ruled(mainland, "蓝牙经常断开", received=received).due_on == "2026-10-13"


# --- departments ---


@pytest.mark.parametrize(
    ("text", "rule", "department"),
    [
        ("插头漏电，冒烟", "A-SAFETY", "quality"),
        ("整批漏电，要求全检", "A-BATCH", "quality"),
        ("请问什么时候上市", "A-INQUIRY", "customer_service"),
        ("希望增加定时功能", "A-SUGGESTION", "marketing"),
        ("蓝牙连接失败", "A-FUNCTION", "rd"),
        ("外壳有划痕", "A-QUALITY", "quality"),
        ("说明书看不懂，操作太复杂", "A-USABILITY", "rd"),
        ("与旧手机不兼容", "A-COMPATIBILITY", "rd"),
        ("使用不当，是我误操作", "A-MISUSE", "customer_service"),
        ("快递送货太慢", "A-DELIVERY", "logistics"),
        ("今天天气晴", "A-REST", "customer_service"),
    ],
)
def test_first_rule_that_holds_decides(book, text: str, rule: str, department: str) -> None:
    found = ruled(book, text)
    assert (found.rule, found.department) == (rule, department)


def test_lead_may_be_the_products_own_department(book) -> None:
    rules = book.assignment.model_copy(
        update={
            "rules": [
                book.assignment.rules[-1].model_copy(update={"id": "A-PRODUCT", "lead": "product"}),
                book.assignment.rules[-1],
            ]
        }
    )
    own = dataclasses.replace(book, assignment=rules)
    assert (
        ruled(own, "坏了", product="电饭煲").rule == "A-REST"
    )  # not the name on the list, which the check has put there
    assert (
        ruled(own, "坏了", product="電飯煲").rule,
        ruled(own, "坏了", product="電飯煲").department,
    ) == ("A-PRODUCT", "production")
    assert ruled(own, "坏了").rule == "A-REST"


def test_rule_may_look_at_source_product_and_line(book) -> None:
    def only(**when):
        rule = book.assignment.rules[-1].model_copy(
            update={
                "id": "A-OWN",
                "lead": "it",
                "when": book.assignment.rules[0].when.model_copy(
                    update={"severity": [], "words": [], **when}
                ),
            }
        )
        return dataclasses.replace(
            book,
            assignment=book.assignment.model_copy(
                update={"rules": [rule, book.assignment.rules[-1]]}
            ),
        )

    assert ruled(only(source=["partner"]), "坏了", source="partner").rule == "A-OWN"
    assert ruled(only(source=["partner"]), "坏了").rule == "A-REST"
    assert ruled(only(line=["audio"]), "坏了", product="智能音箱").rule == "A-OWN"
    assert ruled(only(product=["智能音箱"]), "坏了", product="電飯煲").rule == "A-REST"


def test_every_case_finds_a_department(book) -> None:
    known = {d.id for d in book.organisation.departments}
    for kind in book.vocabulary.sets["kind"].values:
        for type_ in book.vocabulary.sets["type"].values:
            for severity in book.vocabulary.sets["severity"].values:
                found = ruled(book, "x", kind=kind.code, type=type_.code, severity=severity.code)
                assert found.department in known


# --- to the leaders ---


def test_severe_case_goes_to_the_leaders(book) -> None:
    assert "E-SEVERE" in ruled(book, "插头漏电").escalations


def test_mild_case_of_one_department_does_not(book) -> None:
    found = ruled(book, "外壳有轻微划痕")
    assert (found.escalations, found.cooperating) == ((), ())


def test_case_that_touches_two_departments_is_complex_and_goes_up(book) -> None:
    found = ruled(book, "蓝牙经常断开，外壳生锈")
    assert len({found.department, *found.cooperating}) >= 2
    assert "E-COMPLEX" in found.escalations


def test_cooperating_departments_never_name_the_lead(book) -> None:
    found = ruled(book, "整批漏电，蓝牙经常断开，物流太慢")
    assert found.department not in found.cooperating
    assert len(set(found.cooperating)) == len(found.cooperating)


@pytest.mark.parametrize(
    "text",
    ["外壳有划痕，已发律师函", "外殼有劃痕，要向消保會投訴", "scratches, our lawyers will sue you"],
)
def test_formal_demand_goes_up_whatever_the_severity(book, text: str) -> None:
    assert "E-FORMAL" in ruled(book, text).escalations


def test_words_with_an_innocent_twin_do_not_go_up(book) -> None:
    assert (
        "E-FORMAL"
        not in ruled(book, "the issue with exposure; pursue a better picture").escalations
    )
    assert "E-STOPPAGE" not in ruled(book, "这款型号停产了吗").escalations
