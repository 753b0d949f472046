"""What programs leave in cells: taken as somebody wrote it, or told at its cell, never silently other."""

import datetime as dt
import io

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.settings import Settings
from fbbatch.validate.check import Checker
from fbbatch.validate.values import Bad, parse_contact, text_of
from fbbatch.words import DEFAULT_PLACEHOLDERS
from tests.builders import (
    CUSTOMER,
    GOOD,
    RECEIVED,
    cells,
    checked,
    delimited,
    judge,
    layout_of,
    told,
)

TAIL = "{id: other, zh: 其他}, {id: third, zh: 第三}"


def answers(book, fields: str, rows, placeholders=DEFAULT_PLACEHOLDERS):
    """The first field's answers, and the findings as a table."""
    layout = layout_of(f"[{fields}, {TAIL}]")
    checker = Checker(
        layout, book, received=RECEIVED, language="zh-Hans", placeholders=placeholders
    )
    found = checker.check([[cell] for cell in rows], range(2, 2 + len(rows)), "S")
    return list(found.columns[checker.fields[0]]), told(found.findings)


# --- what nobody sees, and what is printed ---


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("\u202d0912345601\u202c", "0912345601"),
        ("王\u200b小二", "王小二"),
        ("09123\u200c45602", "0912345602"),
        ("智能\u00a0音箱", "智能 音箱"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("____電飯煲____", "電飯煲"),
        ("__電飯煲__", "電飯煲"),
        ("_ 電飯煲 _", "電飯煲"),
        ("＿＿＿王小明＿＿＿", "王小明"),
        ("________", ""),
        ("__init__", "__init__"),
        ("wang_ming_", "wang_ming_"),
        ('="00123"', "00123"),
        ('="a""b"', 'a"b'),
        ("'0012", "0012"),
        ("`468768768833943384", "468768768833943384"),
        ("'90s 的款式", "'90s 的款式"),
        ("=1+1", "=1+1"),
    ],
)
def test_answer_is_taken_without_what_nobody_wrote(cell: str, text: str) -> None:
    assert text_of(cell) == text


@given(st.text())
def test_tidying_twice_leaves_nothing_unseen_at_the_edges(text: str) -> None:
    once = text_of(text)
    assert text_of(once) == once or once[:1] in "='`‘’"
    assert "\u200b" not in once
    assert "\u202e" not in once


# --- numbers that are text ---


@pytest.mark.parametrize(
    "cell",
    ["1.91431E+18", "4.687E+11", "1.38001e+10", "1.3800138E10", "1E+05", 4.68768768833943e17],
)
@pytest.mark.parametrize("kind", ["text", "contact"])
def test_number_that_has_lost_digits_is_told_and_not_taken(book, kind: str, cell) -> None:
    found = answers(book, f"{{id: no, zh: 号码, type: {kind}}}", [cell])
    assert found == ([None], [("FB-digits-lost", 2, "no")])


@pytest.mark.parametrize("cell", ["2E10", "001E05", "E-100", "468768768833943384", "1.5"])
def test_code_that_only_looks_like_a_number_is_kept(book, cell: str) -> None:
    assert answers(book, "{id: no, zh: 批号}", [cell]) == ([cell], [])


def test_required_number_that_has_lost_digits_goes_back(book) -> None:
    _, findings = answers(
        book, "{id: no, zh: 电话, type: contact, required: true}", ["8.61381E+12"]
    )
    assert findings == [("FB-digits-lost", 2, "no"), ("FB-blank", 2, "no")]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("13800138000.0", "13800138000"),
        ("02-2345-6789#123", "0223456789#123"),
        ("02-23456789-123", "0223456789-123"),
        ("(02)2345-6789 分機：12", "0223456789分機:12"),
        ("0912-345-678", "0912345678"),
        ("0086-13800138000", "008613800138000"),
        ("13800138000/13900139000", "13800138000/13900139000"),
        ("13800138000 13900139000", "13800138000 13900139000"),
        ("0912345678 02-23456789", "0912345678 02-23456789"),
    ],
)
def test_phone_keeps_its_extension_and_two_stay_two(cell: str, kept: str) -> None:
    assert parse_contact(cell) == kept


@pytest.mark.parametrize(
    "cell", ["2026-11-05", "2026/11/5 14:30", "2026年11月5日", dt.date(2026, 11, 5)]
)
def test_date_is_no_phone(cell) -> None:
    found = parse_contact(cell)
    assert isinstance(found, Bad)
    assert found.code == "FB-contact"


@pytest.mark.parametrize("cell", [912345678.0, 912345678, 223456789.0, 2112345678.0, "912345678"])
def test_phone_that_has_perhaps_lost_its_zero_is_taken_and_told(book, cell) -> None:
    found = answers(book, "{id: tel, zh: 电话, type: contact}", [cell])
    assert found == ([text_of(cell)], [("FB-lost-zero", 2, "tel")])


@pytest.mark.parametrize("cell", [13800138000.0, 886912345678.0, "0912345678", "2112345678"])
def test_whole_phone_is_not_suspected(book, cell) -> None:
    assert answers(book, "{id: tel, zh: 电话, type: contact}", [cell])[1] == []


# --- pictures and lost characters ---


@pytest.mark.parametrize(
    "cell", ['=DISPIMG("ID_AB12",1)', '_xlfn.DISPIMG("ID_AB12",1)', '=_xlfn.IMAGE("a.png")']
)
def test_picture_in_a_cell_is_told_and_its_formula_is_no_answer(book, cell: str) -> None:
    assert answers(book, "{id: text, zh: 内容}", [cell]) == ([None], [("FB-picture", 2, "text")])


def test_text_that_has_lost_its_characters_is_told(book) -> None:
    found = answers(book, "{id: text, zh: 内容}", ["???", "王\ufffd明", "真的？"])
    expected = [("FB-garbled", 2, "text"), ("FB-garbled", 3, "text")]
    assert found == ([None, "王\ufffd明", "真的？"], expected)


# --- placeholders ---


@pytest.mark.parametrize(
    "cell",
    [
        "(空)",
        "（空）",
        "〖空〗",
        "(跳过)",
        "(跳過)",
        "N/A",
        "n/a",
        "NULL",
        "null",
        "NaN",
        "nan",
        "-",
        "无",
        "無",
        "None",
        "未填",
        float("nan"),
    ],
)
@pytest.mark.parametrize(
    "field",
    [
        "type: text",
        "type: contact",
        "type: date",
        "type: integer",
        "type: number",
        "type: choice, values: yes_no",
        "type: product",
        "type: rating",
    ],
)
def test_placeholder_is_blank_whatever_the_type(book, field: str, cell) -> None:
    if "yes_no" in field and cell in {"无", "無", "-"}:
        return  # a word for no there
    assert answers(book, f"{{id: a, zh: 甲, {field}}}", [cell]) == ([None], [])


def test_placeholder_where_an_answer_is_required_goes_back(book) -> None:
    found = answers(book, "{id: a, zh: 甲, required: true}", ["(空)"])
    assert found == ([None], [("FB-blank", 2, "a")])


def test_code_for_no_answer_is_told_once_where_it_is_left_out(book) -> None:
    found = answers(book, "{id: a, zh: 甲}", ["-3", -3.0, "-2", "3"])
    expected = [("FB-read-as-blank", 2, "a"), ("FB-read-as-blank", 4, "a")]
    assert found == ([None, None, None, "3"], expected)


def test_number_that_the_field_allows_is_kept_and_told(book) -> None:
    field = "{id: a, zh: 温度, type: number}"
    assert answers(book, field, ["-2", 5]) == ([-2, 5], [("FB-perhaps-blank", 2, "a")])


def test_number_that_the_field_does_not_allow_is_the_code_for_no_answer(book) -> None:
    field = "{id: a, zh: 数量, type: integer, minimum: 0}"
    assert answers(book, field, ["-2", -3.0, -5]) == (
        [None, None, None],
        [("FB-out-of-range", 4, "a")],
    )


def test_no_of_yes_and_no_is_an_answer(book) -> None:
    assert answers(book, "{id: a, zh: 甲, type: boolean}", ["無", "(空)"]) == ([False, None], [])


def test_placeholders_are_those_of_the_settings(book) -> None:
    field = "{id: a, zh: 甲}"
    assert answers(book, field, ["(空)", "未答"], ["未答"]) == (["(空)", None], [])
    content = {"company": {"name": "A"}, "locale": "en", "time_zone": "Asia/Taipei"}
    assert Settings.model_validate({**content, "placeholders": ["未答"]}).placeholders == ["未答"]


def test_export_with_placeholders_is_taken_and_nothing_goes_back(book, tmp_path) -> None:
    rows = [f"{CUSTOMER} 订单号 |", f"{GOOD} (空) |", f"{GOOD} ='x' |", f"{GOOD} NULL |"]
    judged = judge(book, tmp_path, delimited("\n".join(rows)), name="a.csv")
    assert judged.returned == []
    assert [row["answers"].get("order_no") for row in judged.accepted] == [None, "='x'", None]


@pytest.mark.parametrize("kind", ["text", "contact"])
@given(
    column=st.lists(
        st.sampled_from(
            [
                "0912345678",
                "912345678",
                "(空)",
                "-3",
                "1.2E+10",
                "__甲__",
                "'0012",
                "???",
                "甲乙丙丁戊己",
                "wang.ming",
                '=DISPIMG("a",1)',
                "王\u200b明",
                "123456.0",
                "12345678901234567.0",
            ]
        ),
        min_size=1,
    )
)
def test_a_column_at_one_go_is_the_column_cell_by_cell(book, kind: str, column) -> None:
    field = f"{{id: a, zh: 甲, type: {kind}}}"
    singly = [answers(book, field, [cell])[0][0] for cell in column]
    assert answers(book, field, column)[0] == singly


def test_cell_that_is_told_keeps_its_place(book) -> None:
    found = checked(book, f"[{{id: a, zh: 甲}}, {TAIL}]", [["甲"], ["1.5E+12"]])
    assert [(f.code, f.cell) for f in found.findings] == [("FB-digits-lost", "A3")]


# --- text that is struck through ---


def test_struck_words_are_left_out_and_a_struck_row_is_told(book, tmp_path) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as workbook:
        page, gone = workbook.add_worksheet("S"), workbook.add_format({"font_strikeout": True})
        header, good, other = cells(f"{CUSTOMER}\n{GOOD}\n{GOOD}")
        other[0] = "李四"
        page.write_row(0, 0, header)
        page.write_row(1, 0, good)
        page.write_rich_string(1, 4, gone, "X-1", "X-2")
        page.write_row(2, 0, other, gone)
    judged = judge(book, tmp_path, buffer.getvalue(), name="a.xlsx")
    assert [row["answers"]["model"] for row in judged.accepted] == ["X-2", good[4]]
    found = [(f.code, f.row, f.cell) for f in judged.findings if f.code.startswith("FB-struck")]
    assert found == [("FB-struck", 2, "E2"), ("FB-struck-row", 3, None)]
