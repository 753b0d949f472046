"""One cell, one typed value, or what is wrong with it."""

import datetime as dt
import json
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.findings import CATALOGUE
from fbbatch.validate.values import (
    Bad,
    date_parser,
    parse_boolean,
    parse_case,
    parse_contact,
    parse_integer,
    parse_number,
    says_nothing,
    text_of,
)
from fbbatch.words import fold, simplified
from tests.builders import CUSTOMER, GOOD, checked, judge, sheet

ZONE = ZoneInfo("Asia/Taipei")
on = date_parser(with_time=False, order=None, zone=ZONE)
at = date_parser(with_time=True, order=None, zone=ZONE)


@pytest.mark.parametrize(
    ("cell", "day", "time"),
    [
        (dt.date(2026, 11, 5), "2026-11-05", "2026-11-05"),
        (dt.datetime(2026, 11, 5), "2026-11-05", "2026-11-05"),
        (dt.datetime(2026, 11, 5, 14, 30), "2026-11-05", "2026-11-05 14:30"),
        (46331, "2026-11-05", "2026-11-05"),
        (46331.0, "2026-11-05", "2026-11-05"),
        (46331.604166667, "2026-11-05", "2026-11-05 14:30"),
        ("46331", "2026-11-05", "2026-11-05"),
        ("2026-11-05", "2026-11-05", "2026-11-05"),
        ("2026/11/5", "2026-11-05", "2026-11-05"),
        ("2026.11.5", "2026-11-05", "2026-11-05"),
        ("2026 - 11 - 05", "2026-11-05", "2026-11-05"),
        ("２０２６／１１／５", "2026-11-05", "2026-11-05"),
        ("20261105", "2026-11-05", "2026-11-05"),
        ("2026年11月5日", "2026-11-05", "2026-11-05"),
        ("2026年11月05號", "2026-11-05", "2026-11-05"),
        ("2026 年 11 月 5 日", "2026-11-05", "2026-11-05"),
        ("2026年11月5日（星期四）", "2026-11-05", "2026-11-05"),
        ("2026/11/5 週四", "2026-11-05", "2026-11-05"),
        ("民國115年11月5日", "2026-11-05", "2026-11-05"),
        ("民国 115 年 11 月 5 日", "2026-11-05", "2026-11-05"),
        ("115/11/5", "2026-11-05", "2026-11-05"),
        ("115.11.05", "2026-11-05", "2026-11-05"),
        ("115年11月5日", "2026-11-05", "2026-11-05"),
        ("民國115年11月5日 下午2:30", "2026-11-05", "2026-11-05 14:30"),
        ("115/11/5 14:30", "2026-11-05", "2026-11-05 14:30"),
        ("2026-11-05 14:30", "2026-11-05", "2026-11-05 14:30"),
        ("2026-11-05T14:30:59", "2026-11-05", "2026-11-05 14:30"),
        ("2026/11/5 下午 02:30", "2026-11-05", "2026-11-05 14:30"),
        ("2026/11/5 下午02:30:15", "2026-11-05", "2026-11-05 14:30"),
        ("2026/11/5 上午 9:05", "2026-11-05", "2026-11-05 09:05"),
        ("2026/11/5 上午12:05", "2026-11-05", "2026-11-05 00:05"),
        ("2026/11/5 下午12:05", "2026-11-05", "2026-11-05 12:05"),
        ("2026年11月5日 14時30分", "2026-11-05", "2026-11-05 14:30"),
        ("2026年11月5日14点30分", "2026-11-05", "2026-11-05 14:30"),
        ("2026年11月5日 9点", "2026-11-05", "2026-11-05 09:00"),
        ("2026-11-05 2:30 PM", "2026-11-05", "2026-11-05 14:30"),
        ("20261105 1430", "2026-11-05", "2026-11-05 14:30"),
        ("20261105143059", "2026-11-05", "2026-11-05 14:30"),
        ("2026-11-05T14:30:00Z", "2026-11-05", "2026-11-05 22:30"),
        ("2026-11-05T20:30:00+00:00", "2026-11-06", "2026-11-06 04:30"),
        ("5 November 2026", "2026-11-05", "2026-11-05"),
        ("5 Nov 2026", "2026-11-05", "2026-11-05"),
        ("Nov 5, 2026", "2026-11-05", "2026-11-05"),
        ("November 5th, 2026", "2026-11-05", "2026-11-05"),
        ("Thursday, 5 November 2026", "2026-11-05", "2026-11-05"),
        ("Thu, Nov 5, 2026 2:30 pm", "2026-11-05", "2026-11-05 14:30"),
        ("5-Nov-2026", "2026-11-05", "2026-11-05"),
        ("25/11/2026", "2026-11-25", "2026-11-25"),
        ("11/25/2026", "2026-11-25", "2026-11-25"),
        ("11/11/2026", "2026-11-11", "2026-11-11"),
        (" 2026-11-05\u3000", "2026-11-05", "2026-11-05"),
        ("__2026__年__11__月__5__日", "2026-11-05", "2026-11-05"),
        ("2026/11/05 3:20:15 下午 GMT+8", "2026-11-05", "2026-11-05 15:20"),
        ("2026/11/05 10:20:15 上午 [GMT+09:00]", "2026-11-05", "2026-11-05 09:20"),
        ("2026-11-05 15:20 UTC", "2026-11-05", "2026-11-05 23:20"),
        ("2026-11-05 20:20 GMT", "2026-11-06", "2026-11-06 04:20"),
        ("2026-11-05 15:20 +0800", "2026-11-05", "2026-11-05 15:20"),
        ("11/25/2026 3:20 PM UTC+08:00", "2026-11-25", "2026-11-25 15:20"),
        (
            "Thu Nov 05 2026 15:20:15 GMT+0800 (China Standard Time)",
            "2026-11-05",
            "2026-11-05 15:20",
        ),
        ("2026/11/5（四）下午3:20", "2026-11-05", "2026-11-05 15:20"),
        ("2026/11/5 下午3點半", "2026-11-05", "2026-11-05 15:30"),
        ("2026年11月5日下午3点一刻", "2026-11-05", "2026-11-05 15:15"),
        ("2026/11/5 凌晨1:05", "2026-11-05", "2026-11-05 01:05"),
        ("2026/11/5 凌晨12點半", "2026-11-05", "2026-11-05 00:30"),
        ("2026/11/5 中午12:30", "2026-11-05", "2026-11-05 12:30"),
        ("2026/11/5 中午1點", "2026-11-05", "2026-11-05 13:00"),
        ("2026/11/5 傍晚6點", "2026-11-05", "2026-11-05 18:00"),
        ("2026/11/5 晚上8點", "2026-11-05", "2026-11-05 20:00"),
        ("2026/11/5 2:30 p.m.", "2026-11-05", "2026-11-05 14:30"),
        ("46331.64", "2026-11-05", "2026-11-05 15:22"),
        ("2028-02-29", "2028-02-29", "2028-02-29"),
    ],
)
def test_date_is_read_as_it_is_meant(cell, day: str, time: str) -> None:
    assert (on(cell), at(cell)) == (day, time)


@pytest.mark.parametrize(
    "time",
    [
        "晚上12:30",
        "晚上1:00",
        "夜裡2點",
        "午夜12點",
        "早上12:10",
        "上午15:10",
        "15:10 AM",
        "中午5點",
    ],
)
def test_time_that_may_be_of_two_days_or_halves_is_not_guessed(time: str) -> None:
    cell = f"2026/11/5 {time}"
    assert at(cell) == Bad("FB-time-unclear", {"value": cell})
    assert on(cell) == "2026-11-05"


@given(st.sampled_from(["晚上", "夜里", "深夜", "凌晨"]), st.integers(0, 4) | st.just(12))
def test_small_hours_never_become_hours_of_the_afternoon(word: str, hour: int) -> None:
    value = at(f"2026-11-05 {word}{hour}:30")
    assert isinstance(value, Bad) or int(value[11:13]) < 5


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-05 10:00+99:00",
        "0001-01-01 00:00+14:00",
        "2026-11-05-11:00",
        "2026-11-05 15:20 CST",
    ],
)
def test_zone_that_does_not_exist_or_is_not_clear_goes_back(cell: str) -> None:
    assert at(cell) == Bad("FB-not-date", {"value": cell})


@pytest.mark.parametrize(
    "cell",
    [
        "03/04/2026",
        "3.4.2026",
        "3-4-2026",
        "26/11/05",
        "26-11-5",
        "5/11/26",
        "26年11月5日",
        "5.11.26",
    ],
)
def test_date_that_can_be_read_in_two_ways_is_not_guessed(cell: str) -> None:
    assert on(cell) == Bad("FB-date-ambiguous", {"value": cell})


def test_declared_order_settles_which_is_the_day() -> None:
    assert date_parser(with_time=False, order="day-first")("03/04/2026") == "2026-04-03"
    assert date_parser(with_time=False, order="month-first")("03/04/2026") == "2026-03-04"


def test_declared_order_does_not_turn_an_impossible_month_into_a_day() -> None:
    assert date_parser(with_time=False, order="day-first")("32/04/2026") == Bad(
        "FB-not-date", {"value": "32/04/2026"}
    )


@pytest.mark.parametrize(
    "cell",
    [
        "2026-02-30",
        "2026-13-01",
        "2026年0月5日",
        "2026-11-31",
        "2027-02-29",
        "2026-11-05 25:00",
        "2026-11-05 14:75",
        "31/31/2026",
        "民國115年2月30日",
        "30 Feb 2026",
        "昨天下午",
        "上週三",
        "11月5日",
        "待定",
        "2026",
        "2026-11",
        12,
        0.5,
        9_999_999,
        True,
        dt.time(14, 30),
        "5 Foo 2026",
        "00000000",
    ],
)
def test_what_is_no_date_goes_back_as_it_was_written(cell) -> None:
    found = on(cell)
    assert isinstance(found, Bad)
    assert found == Bad("FB-not-date", {"value": text_of(cell)})


@pytest.mark.parametrize("cell", [None, "", " ", "\u3000", "-", "——", "/"])
def test_blank_is_blank_whatever_the_type(cell) -> None:
    assert (
        on(cell),
        parse_integer(cell),
        parse_number(cell),
        parse_boolean(cell),
        parse_contact(cell),
        parse_case(cell),
    ) == (None,) * 6


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (1e308, "1e+308"),
        (-1e308, "-1e+308"),
    ],
)
def test_number_at_the_edge_is_no_value_of_any_type(cell: float, text: str) -> None:
    value = {"value": text}
    assert text_of(cell) == text
    assert [on(cell), at(cell)] == [Bad("FB-not-date", value)] * 2
    assert parse_integer(cell) == Bad("FB-not-integer", value)
    assert parse_number(cell) == Bad("FB-not-number", value)
    assert parse_boolean(cell) == Bad("FB-not-boolean", value)
    assert parse_contact(cell) == Bad("FB-contact", {**value, "example": ""})
    assert parse_case(cell) == Bad("FB-not-a-case", value)


def test_integer_of_forty_digits_is_a_number_and_may_be_a_contact_and_nothing_else() -> None:
    cell, text = 10**40, "1" + "0" * 40
    assert (text_of(cell), parse_number(cell), parse_contact(cell)) == (text, 1e40, text)
    assert [type(parse(cell)) for parse in (on, at, parse_integer, parse_boolean, parse_case)] == [
        Bad
    ] * 5


# --- text and numbers ---


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (13800001111.0, "13800001111"),
        (13800001111, "13800001111"),
        (886912345678.0, "886912345678"),
        ("0912345678", "0912345678"),
        ("00123", "00123"),
        (1.5, "1.5"),
        (-3.0, "-3"),
        (True, "TRUE"),
        (None, ""),
        ("  王\u00a0", "王"),
        ("\u200b王\ufeff", "王"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a_x000D_\nb", "a\nb"),
        (dt.date(2026, 11, 5), "2026-11-05"),
        (dt.datetime(2026, 11, 5, 9, 5), "2026-11-05 09:05"),
    ],
)
def test_cell_as_text(cell, text: str) -> None:
    assert text_of(cell) == text


def test_phone_and_order_number_typed_as_numbers_stay_digit_for_digit(book, tmp_path) -> None:
    row = GOOD.replace("13800001111", "num:13800001111")
    judged = judge(book, tmp_path, sheet(f"{CUSTOMER} 订单号 |\n{row} num:202611050001 |"))
    answers = judged.accepted[0]["answers"]
    assert (answers["contact"], answers["order_no"]) == ("13800001111", "202611050001")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12),
        (12.0, 12),
        ("１２", 12),
        ("1,200", 1200),
        ("-3", -3),
        ("+3", 3),
        ("9007199254740993", 9007199254740993),
        ("0", 0),
    ],
)
def test_whole_number(cell, value: int) -> None:
    assert parse_integer(cell) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_number_is_kept_exactly(number: int) -> None:
    assert parse_integer(str(number)) == number


@pytest.mark.parametrize(
    "cell",
    [
        "1.5",
        1.5,
        "十二",
        "12台",
        "1e400",
        "nan",
        "inf",
        "0x1F",
        "１２台",
        "1_000",
        "99999999999999999999999",
    ],
)
def test_what_is_no_whole_number_goes_back(cell) -> None:
    assert parse_integer(cell) == Bad("FB-not-integer", {"value": text_of(cell)})


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1.5", 1.5), ("2.0", 2), ("1,234.5", 1234.5), (3, 3), (0.1, 0.1), ("-0.5", -0.5)],
)
def test_number(cell, value: float) -> None:
    assert parse_number(cell) == value


@pytest.mark.parametrize("cell", ["50%", "3元", "NaN", "infinity", "-inf", "很多"])
def test_what_is_no_number_goes_back(cell: str) -> None:
    assert parse_number(cell) == Bad("FB-not-number", {"value": cell})


@pytest.mark.parametrize(
    "cell", ["是", "有", "Yes", "Y", "TRUE", "√", "☑", True, 1, 1.0, "需要", "要"]
)
def test_yes(cell) -> None:
    assert parse_boolean(cell) is True


@pytest.mark.parametrize(
    "cell", ["否", "無", "沒有", "No", "n", "FALSE", False, 0, 0.0, "不需要", "□"]
)
def test_no(cell) -> None:
    assert parse_boolean(cell) is False


@pytest.mark.parametrize("cell", ["也许", "看情况", "2", "是否"])
def test_neither_yes_nor_no_goes_back(cell: str) -> None:
    assert parse_boolean(cell) == Bad("FB-not-boolean", {"value": cell})


def test_every_word_of_the_vocabulary_for_yes_and_no_is_understood(book) -> None:
    words = {
        value.code: [*value.label.values(), *value.aliases]
        for value in book.vocabulary.sets["yes_no"].values
    }
    known_words = {fold(word): code == "yes" for code, known in words.items() for word in known}
    wrong = [
        (word, code)
        for code, known in words.items()
        for word in known
        if parse_boolean(word, known_words) is not (code == "yes")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("138-0000-1111", "13800001111"),
        ("138 0000 1111", "13800001111"),
        ("(02) 2345-6789", "0223456789"),
        ("（０２）２３４５－６７８９", "0223456789"),
        ("+886 912 345 678", "+886912345678"),
        (13800001111.0, "13800001111"),
        ("chen@example.com", "chen@example.com"),
        ("微信 wxid_abc123", "微信 wxid_abc123"),
        ("line: wang.2026", "line: wang.2026"),
        ("0912-345-678 / chen@example.com", "0912-345-678 / chen@example.com"),
    ],
)
def test_contact_is_kept_so_that_it_can_be_used(cell, kept: str) -> None:
    assert parse_contact(cell) == kept


def test_extension_of_a_phone_is_kept_apart_from_its_number() -> None:
    assert parse_contact("02-2345-6789 分机 123") == "0223456789分机123"


@pytest.mark.parametrize("cell", ["無", "没有", "123", "不方便", "@", "微信", "见附件"])
def test_what_reaches_nobody_goes_back(cell: str) -> None:
    found = parse_contact(cell)
    assert isinstance(found, Bad)
    assert (found.code, found.details["value"]) == ("FB-contact", cell)


@pytest.mark.parametrize(
    "cell", ["FB-20261122-0001", "fb-20261122-0001", " FB－20261122－0001 ", "ＦＢ-20261122-0001"]
)
def test_case_number_in_any_width_and_case(cell: str) -> None:
    assert parse_case(cell) == "FB-20261122-0001"


@pytest.mark.parametrize("cell", ["FB-2026", "20261122-0001", "FB-20261122-01", "X"])
def test_what_is_no_case_number_goes_back(cell: str) -> None:
    assert parse_case(cell) == Bad("FB-not-a-case", {"value": cell})


@pytest.mark.parametrize(
    "text",
    ["无", "無。", "同上", "见附件", "test", "N/A", "...", "。。。", "xxx", "哈哈哈", "—", "测试"],
)
def test_phrase_that_says_nothing_is_known(text: str) -> None:
    assert says_nothing(fold(text))


@pytest.mark.parametrize("text", ["无法开机", "没有声音", "测试时冒烟", "111", "漏电", "不制冷"])
def test_short_answer_that_says_something_is_not_taken_for_nothing(text: str) -> None:
    assert not says_nothing(fold(text))


# --- folding ---


def test_folding_twice_is_folding_once() -> None:
    points = (*range(0xD800), *range(0xE000, 0x33480))
    assert [chr(p) for p in points if fold(fold(chr(p))) != fold(chr(p))] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("客戶", "客户"),
        ("ＡＢＣ１２", "abc12"),
        ("回覆", "回复"),
        ("Wi-Fi", "WI-FI"),
        ("計畫", "计划"),
        ("don’t", "don't"),
    ],
)
def test_width_case_and_script_do_not_matter(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_own_wording_in_simplified_characters_uses_mainland_quotes_and_words() -> None:
    assert simplified("「檔案」已回覆") == "“文件”已回复"


@given(
    st.one_of(
        st.text(),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.none(),
        st.datetimes(),
        st.dates(),
        st.times(),
        st.timedeltas(),
    )
)
def test_any_cell_is_a_value_of_its_type_or_blank_or_what_is_wrong_with_it(cell) -> None:
    assert text_of(text_of(cell)) == text_of(cell)
    for parse, form in (
        (on, r'"\d{4}-\d\d-\d\d"'),
        (at, r'"\d{4}-\d\d-\d\d( \d\d:\d\d)?"'),
        (parse_integer, r"-?\d{1,19}"),
        (parse_number, r"-?\d+(\.\d+)?(e[-+]?\d+)?"),
        (parse_boolean, r"true|false"),
        (parse_contact, r'".+"'),
        (parse_case, r'"FB-\d{8}-\d{4,}"'),
    ):
        found = parse(cell)
        if isinstance(found, Bad):
            assert found.code in CATALOGUE
        elif found is not None:
            assert re.fullmatch(form, json.dumps(found, allow_nan=False)), parse


def test_impossible_date_is_one_finding_at_its_cell(book) -> None:
    found = checked(
        book,
        "[{id: a, zh: 姓名}, {id: d, zh: 日期, type: date}, {id: c, zh: 内容}]",
        [["王", "2026-02-30", "x"]],
    ).findings
    assert [(f.code, f.cell) for f in found] == [("FB-not-date", "B2")]
