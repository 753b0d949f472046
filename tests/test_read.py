"""Bytes → sheets. What a file is, its content decides; what cannot be read is one finding and never an exception."""

import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbbatch.findings import CATALOGUE
from fbbatch.model import Cell, Finding
from fbbatch.read import Hints, Limits, Part, Reading, open_content
from fbbatch.read.csv_rows import Torn, decode, split
from tests.builders import (
    CUSTOMER,
    GOOD,
    cells,
    delimited,
    judge,
    ods,
    people,
    sheet,
    workbook,
    xls,
    zipped,
)

TABLE = f"{CUSTOMER}\n{GOOD}\n| 李美玲 | 13900002222 | 2026-11-06 | 掃地機器人 | X-3 | 一直無法開機，指示燈不亮 | 臥室 |"
SIMPLE = people(6)


def read(tmp_path, content: bytes, limits: Limits | None = None, **options) -> Reading | Finding:
    del tmp_path
    return open_content(content, limits or Limits(), Hints(**options))


def rows(opened: Reading | Finding) -> list[list[Cell]]:
    assert isinstance(opened, Reading), opened
    return [[c or None for c in row] for page in opened.sheets for row in page.rows()]


def refused(tmp_path, content: bytes, limits: Limits | None = None) -> Finding:
    found = read(tmp_path, content, limits)
    assert isinstance(found, Finding), found
    return found


# --- text: encodings ---


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "big5", "cp950"],
)
def test_encoding_is_known_without_being_told(tmp_path, encoding: str) -> None:
    table = (
        SIMPLE
        if encoding == "gb18030"
        else "\n".join(
            [
                CUSTOMER.replace("电话", "電話")
                .replace("反馈", "反饋")
                .replace("产品名称", "產品名稱")
                .replace("型号", "型號")
                .replace("问题描述", "問題描述")
                .replace("使用场景", "使用場景"),
                *TABLE.splitlines()[2:] * 4,
            ]
        )
    )
    opened = read(tmp_path, delimited(table, encoding=encoding))
    assert rows(opened) == cells(table)


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_utf16_with_its_mark_is_known_in_either_order(tmp_path, order: str) -> None:
    mark = "\ufeff".encode(order)
    assert rows(read(tmp_path, mark + delimited(TABLE, encoding=order))) == cells(TABLE)


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_utf16_without_mark_is_known_though_its_characters_hold_zero_bytes(
    tmp_path, order: str
) -> None:
    table = f"{CUSTOMER}\n| 王一 | 一 | 二 | 智能音箱一 | 一 | 一直无法开机，一点反应都没有，一切正常操作都没有任何作用 | 一楼 |"  # 一 is U+4E00
    assert rows(read(tmp_path, delimited(table, encoding=order))) == cells(table)


def test_declared_encoding_is_believed(tmp_path) -> None:
    assert rows(
        read(tmp_path, delimited("| 客戶 | b |\n| c | d |", encoding="big5"), encoding="big5")
    ) == [["客戶", "b"], ["c", "d"]]


def test_text_in_no_known_encoding_is_refused_with_the_byte_and_never_patched(tmp_path) -> None:
    found = decode(b"a,b\n" + b"\xff\xfe\xfd\x80" * 20, "utf-8")
    assert isinstance(found, Finding)
    assert (found.code, found.details) == ("FB-encoding", {"byte": "4"})


def test_nul_in_text_is_refused(tmp_path) -> None:
    found = decode(b"a,b\x00\nc,d\n", None)
    assert isinstance(found, Finding)
    assert found.code == "FB-encoding"


def test_single_byte_order_mark_is_no_part_of_the_first_header(tmp_path) -> None:
    assert rows(read(tmp_path, delimited(TABLE, encoding="utf-8-sig")))[0][0] == "姓名"


# --- text: delimiters, quotes, ends ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(tmp_path, delimiter: str) -> None:
    assert rows(read(tmp_path, delimited(TABLE, delimiter=delimiter))) == cells(TABLE)


def test_commas_inside_answers_do_not_outvote_the_delimiter(tmp_path) -> None:
    table = "| 姓名 | 内容 |\n| 王 | a, b, c, d |\n| 李 | e, f, g, h |\n| 张 | i, j, k, l |"
    assert rows(read(tmp_path, delimited(table, delimiter=";"))) == cells(table)


def test_declared_delimiter_is_believed(tmp_path) -> None:
    assert rows(read(tmp_path, b"a,b;c\nd,e;f\n", delimiter=";")) == [["a,b", "c"], ["d,e", "f"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_lines(tmp_path, end: str) -> None:
    assert rows(read(tmp_path, f"a,b{end}c,d{end}".encode())) == [["a", "b"], ["c", "d"]]


def test_line_breaks_and_quotes_inside_quotes_are_part_of_the_answer(tmp_path) -> None:
    content = 'a,b\n"第一行\n第二行，""引用""",x\n'.encode()
    assert rows(read(tmp_path, content)) == [["a", "b"], ['第一行\n第二行，"引用"', "x"]]


def test_inch_marks_in_tab_separated_exports_are_characters(tmp_path) -> None:
    content = b'size\tcolour\tname\n"5"" x 7"\tred\ta\n9"\tblue\tb\n10"\tgreen\tc\n11\tgrey\td\n'
    assert len(rows(read(tmp_path, content))) == 5


def torn(text: str) -> Torn:
    state = Torn()
    list(split(text, ",", state, line_bytes=1_000_000))
    return state


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("a,b,c\n1,2,3\n4,5", 3),
        ("a,b,c\n1,2,3\n4", 3),
        ('a,b,c\n1,2,3\n4,"5', 3),
        ('a,b,c\n1,2,"3\n4,5,6\n', 2),
        ('a,b,c\n1,"2,3\n4,5,6\n7,8,9\n', 2),
        ('a,b,c\n1,2,"3', 2),
    ],
)
def test_row_in_which_the_text_breaks_off_is_known(text: str, row: int) -> None:
    assert torn(text).row == row


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "a,b\n1,2",
        "a,b\n1,2\n3\n",
        "a,b\n1,2\n\n",
        'a,b\n1,"2"',
        "a,b\n",
        "",
        'a,b\n1,5" \n',
    ],
)
def test_text_that_ends_well_is_not_torn(text: str) -> None:
    assert torn(text).row is None


def test_torn_last_row_goes_back_and_the_others_are_taken(book, tmp_path) -> None:
    content = delimited(people(3))
    judged = judge(book, tmp_path, content[:-40])
    assert (len(judged.accepted), judged.returned) == (2, [4])
    assert ("FB-row-torn", 4, None) in judged.told


def test_file_cut_inside_a_character_is_a_torn_row_and_not_an_unknown_encoding(
    book, tmp_path
) -> None:
    content = delimited(people(3)).rstrip()
    judged = judge(book, tmp_path, content[:-1])
    assert judged.failed is None
    assert len(judged.accepted) >= 2


def test_quote_left_open_in_the_last_column_does_not_swallow_the_rows_below(book, tmp_path) -> None:
    lines = delimited(people(4)).decode().splitlines()
    lines[2] = lines[2].removesuffix("客厅") + '"客厅'
    judged = judge(book, tmp_path, "\n".join(lines).encode() + b"\n")
    assert ("FB-row-torn", 3, None) in judged.told
    assert 3 in judged.returned


def test_torn_row_is_known_where_the_rows_fill_a_chunk_exactly(book, tmp_path) -> None:
    content = delimited(people(1_000)).rstrip()
    judged = judge(book, tmp_path, content[: -len(",客厅".encode())])
    assert ("FB-row-torn", 1_001, None) in judged.told


@given(
    st.lists(
        st.lists(
            st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")),
            min_size=2,
            max_size=4,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_what_a_csv_writer_writes_is_what_is_read(table: list[list[str]]) -> None:
    width = len(table[0])
    table = [[*row, *[""] * width][:width] for row in table]
    content = delimited(table).decode()
    assert list(split(content, ",", Torn(), line_bytes=1_000_000)) == table


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_any_bytes_are_text_in_a_table_or_a_finding(tmp_path_factory, content: bytes) -> None:
    found = read(tmp_path_factory.mktemp("any"), content)
    if isinstance(found, Finding):
        assert (found.severity, found.code in CATALOGUE) == ("error", True)
        return
    assert found.kind == "csv"
    assert {type(cell) for row in rows(found) for cell in row} <= {str, type(None)}


@settings(max_examples=60)
@given(st.text(st.characters(categories=["L", "N"], include_characters=', ";\t\n'), max_size=200))
def test_no_letter_or_digit_of_a_text_is_lost(tmp_path_factory, text: str) -> None:
    found = read(tmp_path_factory.mktemp("any"), f"姓名,{text}".encode())
    kept = "".join(str(cell or "") for row in rows(found) for cell in row)
    assert [c for c in kept if c.isalnum()] == [c for c in f"姓名{text}" if c.isalnum()]


# --- workbooks ---


def test_every_format_gives_the_same_answers(book, tmp_path) -> None:
    readings = [
        judge(book, tmp_path, content)
        for content in (sheet(TABLE), delimited(TABLE), ods(TABLE), xls(cells(TABLE)))
    ]
    assert [[row["answers"] for row in judged.accepted] for judged in readings] == [
        [row["answers"] for row in readings[0].accepted]
    ] * 4
    assert len(readings[0].accepted) == 2


def test_kind_is_known_by_content_whatever_the_name(tmp_path) -> None:
    kinds = {
        "xlsx": sheet(TABLE),
        "csv": delimited(TABLE),
        "ods": ods(TABLE),
        "xls": xls(cells(TABLE)),
    }
    assert {name: read(tmp_path, content).kind for name, content in kinds.items()} == {
        name: name for name in kinds
    }


def test_real_dates_and_numbers_come_as_such(tmp_path) -> None:
    (_, row) = rows(
        read(tmp_path, sheet("| a | b | c |\n| date:2026-11-05 | num:12 | date:2026-11-05 14:30 |"))
    )
    assert [str(value) for value in row] == ["2026-11-05", "12.0", "2026-11-05 14:30:00"]


def test_first_row_of_a_sheet_keeps_its_number_when_rows_above_are_blank(tmp_path) -> None:
    assert rows(read(tmp_path, sheet([[], [], [None, "x", "y"]]))) in (
        [[], [], [None, "x", "y"]],
        [[None] * 3, [None] * 3, [None, "x", "y"]],
    )


def test_hidden_sheets_are_told_apart(tmp_path) -> None:
    opened = read(tmp_path, workbook({"a": "| x |", "b": "| y |"}, hidden=["b"]))
    assert isinstance(opened, Reading)
    assert [(page.name, page.hidden) for page in opened.sheets] == [("a", False), ("b", True)]


# --- what is refused ---


def test_empty_file_is_refused(tmp_path) -> None:
    assert refused(tmp_path, b"").code == "FB-empty-file"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 64, "PNG"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 64, "JPEG"),
        (b"GIF89a" + b"\x00" * 32, "GIF"),
        (b"{\\rtf1\\ansi a}", "RTF"),
        (b'<?xml version="1.0"?><Workbook/>', "XML"),
        (bytes(range(256)) * 2, "binary"),
        (b"7z\xbc\xaf\x27\x1c" + b"\x00" * 30, "7z"),
    ],
)
def test_file_that_is_something_else_is_named_for_what_it_is(
    tmp_path, content: bytes, kind: str
) -> None:
    found = refused(tmp_path, content)
    assert (found.code, found.details["found"]) == ("FB-not-readable", kind)


def test_word_file_without_a_document_and_pdf_without_pages_are_broken(tmp_path) -> None:
    assert (
        refused(
            tmp_path, zipped({"word/document.xml": b"<w/>", "[Content_Types].xml": b"<T/>"})
        ).code
        == "FB-broken"
    )
    assert refused(tmp_path, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n").code == "FB-broken"


def test_plain_zip_is_the_files_in_it(tmp_path) -> None:
    assert open_content(zipped({"folder/readme.txt": b"hello"}), Limits()) == [
        Part("readme.txt", b"hello")
    ]


@pytest.mark.parametrize(
    "begin", [b"<!DOCTYPE html><html>", b"\xef\xbb\xbf<html>", b'<meta charset="utf-8">', b""]
)
def test_page_with_tables_is_its_tables(tmp_path, begin: bytes) -> None:
    content = (
        begin
        + "<table><tr><th>姓名<br>（全名）</th><td colspan=2>b</td></tr><tr><td>c</table><table><tr><td>d</table>".encode()
    )
    assert rows(read(tmp_path, content)) == [["姓名\n（全名）", "b", None], ["c"], ["d"]]


def test_password_protected_office_file_is_named(tmp_path) -> None:
    ole = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\x00" * 504
        + "EncryptedPackage".encode("utf-16-le")
        + b"\x00" * 512
    )
    assert refused(tmp_path, ole).code == "FB-encrypted"


def test_password_protected_zip_is_named(tmp_path) -> None:
    content = bytearray(zipped({"xl/workbook.xml": b"<w/>", "[Content_Types].xml": b"<T/>"}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(magic)
        content[start + offset] |= 1
    assert refused(tmp_path, bytes(content)).code == "FB-encrypted"


def test_bomb_is_refused_by_its_ratio_before_anything_is_unpacked(tmp_path) -> None:
    found = refused(
        tmp_path, zipped({"xl/workbook.xml": b"<w/>", "xl/worksheets/sheet1.xml": b" " * 2_000_000})
    )
    assert (found.code, found.details["where"], found.details["limit"]) == (
        "FB-limit-zip-ratio",
        "xl/worksheets/sheet1.xml",
        "100:1",
    )


def test_ordinary_workbook_of_repeated_text_is_no_bomb(tmp_path) -> None:
    table = [["姓名", "内容"], *[["王小明", "蓝牙经常断开，需要重新配对"]] * 3_000]
    assert len(rows(read(tmp_path, sheet(table)))) == 3_001


def test_too_many_parts_are_refused(tmp_path) -> None:
    content = zipped({"xl/workbook.xml": b"<w/>", **{f"xl/p{n}.xml": b"" for n in range(30)}})
    found = refused(tmp_path, content, Limits(zip_entries=20))
    assert (found.code, found.details["value"], found.details["limit"]) == (
        "FB-limit-zip-entries",
        "31",
        "20",
    )


def test_unpacked_size_is_limited(tmp_path) -> None:
    parts = {
        "xl/workbook.xml": b"<w/>",
        "a.bin": bytes(range(256)) * 200,
        "b.bin": bytes(range(256)) * 200,
    }
    assert (
        refused(tmp_path, zipped(parts, zipfile.ZIP_STORED), Limits(zip_total_bytes=60_000)).code
        == "FB-limit-zip-total-bytes"
    )
    assert (
        refused(tmp_path, zipped(parts, zipfile.ZIP_STORED), Limits(zip_part_bytes=50_000)).details[
            "where"
        ]
        == "a.bin"
    )


def test_overlapping_parts_are_refused(tmp_path) -> None:
    content = bytearray(
        zipped({"xl/workbook.xml": b"<w/>" * 20, "xl/sheet.xml": b"<s/>" * 20}, zipfile.ZIP_STORED)
    )
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    content[second + 42 : second + 46] = struct.pack("<I", 40)  # points into the first part
    assert refused(tmp_path, bytes(content)).code == "FB-broken"


def test_file_over_the_size_limit_is_refused_unread(tmp_path) -> None:
    found = refused(tmp_path, b"a,b\n" * 1_000, Limits(file_bytes=100))
    assert (found.code, found.details["limit"], found.details["value"]) == (
        "FB-limit-file-bytes",
        "100",
        "4,000",
    )


def test_too_many_sheets_are_refused(tmp_path) -> None:
    assert (
        refused(tmp_path, workbook({f"s{n}": "| a |" for n in range(4)}), Limits(sheets=3)).code
        == "FB-limit-sheets"
    )


@pytest.mark.parametrize("cut", [30, 200, 0.5, 0.9])
def test_truncated_workbook_is_broken_and_no_crash(tmp_path, cut: float) -> None:
    content = sheet(TABLE)
    assert (
        refused(tmp_path, content[: int(cut if cut > 1 else len(content) * cut)]).code
        == "FB-broken"
    )


def test_reason_of_a_broken_file_does_not_quote_its_content(tmp_path) -> None:
    found = refused(
        tmp_path,
        zipped({"xl/workbook.xml": "<w><王小明></w>".encode(), "[Content_Types].xml": b"<T/>"}),
    )
    assert found.code == "FB-broken"
    assert "王小明" not in str(found.details)


@pytest.mark.parametrize(
    ("limit", "what"),
    [({"rows": 2}, "rows"), ({"cells": 20}, "cells"), ({"columns": 3}, "columns")],
)
def test_more_than_the_limits_allow_is_refused_whole_and_said(
    book, tmp_path, limit: dict[str, int], what: str
) -> None:
    path = tmp_path / "a.csv"
    judged = judge(book, tmp_path, delimited(SIMPLE), limits=Limits(**limit), name=path.name)
    assert judged.failed == f"FB-limit-{what}"
