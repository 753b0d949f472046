"""Files that Office opens and that are built otherwise than most."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfWriter

from fbbatch import findings
from fbbatch.model import Finding
from fbbatch.read import Limits, Paper, Reading, open_content
from fbbatch.read.answers import answers_of, ticked
from fbbatch.read.xls_codepage import with_unicode_named
from fbbatch.schema import identify
from tests.builders import CUSTOMER, GOOD, cells, judge, sheet, xls, zipped
from tests.test_written import p, package, packed, paper_of, r, relations, sdt, tbl, tc, tick, tr

WANTED = "是否要求回覆"


def read(content: bytes) -> Reading:
    opened = open_content(content, Limits())
    assert isinstance(opened, Reading), opened
    return opened


def first_rows(content: bytes) -> list[list[object]]:
    return [list(row) for row in next(iter(read(content).sheets)).rows()]


# --- boxes ---


def on(name: str) -> str:
    return tick(name, "<w:checked/>")


def off(name: str) -> str:
    return tick(name, '<w:default w:val="0"/>')


def reply(book, paper: Paper) -> tuple[object, tuple[str, ...]]:
    """What a form says of the reply, and what was loose in it."""
    found = answers_of(paper, book.sources, folder="customer")
    header, *rows = (list(row) for row in found.sheets[-1].rows())
    assert len(rows) == 1
    names = [name for name in header if name in {WANTED, "reply_wanted"}]
    return rows[0][header.index(names[0])], found.loose


@pytest.mark.parametrize(
    ("boxes", "answer"),
    [
        ((on("a"), r("是 "), off("b"), r("否")), "是"),
        ((off("a"), r("是 "), on("b"), r("否")), "否"),
        ((off("a"), r("否 "), on("b"), r("是")), "是"),
        ((r("是"), on("a"), r(" 否"), off("b")), "是"),
        ((r("是"), off("a"), r(" 否"), on("b")), "否"),
        ((off("a"), r("是 "), off("b"), r("否")), None),
        ((on("a"),), "☑"),
    ],
)
@pytest.mark.parametrize("place", ["cell", "line"])
def test_a_box_belongs_to_the_option_beside_it(
    book, boxes: tuple[str, ...], answer: str | None, place: str
) -> None:
    row = p(r(f"{WANTED}："), *boxes) if place == "line" else tbl(tr(WANTED, tc(p(*boxes))))
    paper = paper_of(packed(package(f"{p(r('姓名：陳先生'))}{row}")))
    assert reply(book, paper) == (answer, ())


def test_boxes_in_cells_and_rows_of_their_own_belong_to_the_options_beside_them(book) -> None:
    name = tr("姓名", "陳先生", "", "", "")
    beside = tr(WANTED, tc(p(off("a"))), "是", tc(p(on("b"))), "否")
    below = tbl(tr(WANTED, tc(p(off("a"), r("是")))), tr("", tc(p(on("b"), r("否")))))
    for table in (tbl(name, beside), f"{p(r('姓名：陳先生'))}{below}"):
        assert reply(book, paper_of(packed(package(table)))) == ("否", ())


def test_two_controls_of_one_name_are_its_options_whatever_they_are_drawn_with(book) -> None:
    def box(is_on: bool) -> str:
        state = f'<w14:checkbox><w14:checked w14:val="{int(is_on)}"/></w14:checkbox>'
        return sdt("reply_wanted", r("★" if is_on else "☆"), state)

    row = tr("回覆", tc(p(box(False), r("是 "), box(True), r("否"))))
    said, _ = reply(book, paper_of(packed(package(f"{p(r('姓名：陳先生'))}{tbl(row)}"))))
    assert said == "否"


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("□ 是 ★ 否", "□ 是 ★ 否"),
        ("□是 □★否", "□是 □★否"),
        ("☐ 是 ☐\uf04a 否", "☐ 是 ☐\uf04a 否"),
        ("□是 ✅否", "否"),
        ("☑️ 是 ☐ 否", "是"),
        ("Y □ N ⬛", "N"),
        ("□ ≤5℃ □ >5℃", ""),
        ("□是（必填）□否", ""),
        ("□A. 每天 → 早 □B. 每週", ""),
    ],
)
def test_an_unknown_mark_beside_an_open_box_is_handed_on_and_never_nothing(
    text: str, chosen: str
) -> None:
    assert ticked(text) == chosen


def test_a_sign_of_a_symbol_font_is_what_it_looks_like_or_nobody_knows() -> None:
    wingdings = '<w:rFonts w:ascii="Wingdings" w:hAnsi="Wingdings"/>'
    paper = paper_of(packed(package(p(r("þ", wingdings), r("是 "), r("J", wingdings), r("否")))))
    assert paper.lines == ("☑是 \uf04a否",)


# --- embedded in a Word file ---

PAGE = (
    "<html><body><p>您好<br>第二行</p><p style='display:none'>藏</p>"
    "<table><tr><td rowspan=2>回覆</td><td><input type=checkbox checked>是</td></tr>"
    "<tr><td><input type=checkbox>否</td></tr></table></body></html>"
)
MHT = (
    'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="m"\r\n\r\n'
    '--m\r\nContent-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
    f"{PAGE}\r\n--m--\r\n"
)
SEEN = Paper(
    tables=((("回覆", "☑是"), ("", "☐否")),),
    lines=("登記表", "您好\n第二行"),
    n_hidden=1,
)


def embedding(name: str, content: str | bytes) -> bytes:
    """A Word file with a title, and another file embedded below it."""
    parts = package(p(r("登記表")) + '<w:altChunk xmlns:r="urn:r" r:id="r0"/>')
    parts |= {"word/_rels/main.xml.rels": relations(("aFChunk", name))}
    return packed(parts | {f"word/{name}": content})


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.html", PAGE), ("a.htm", PAGE.encode("gb18030")), ("a.mht", MHT)],
)
def test_an_embedded_page_is_read_where_it_stands(name: str, content: str | bytes) -> None:
    assert paper_of(embedding(name, content)) == SEEN


def test_embedded_texts_and_word_files_are_read_and_what_is_not_is_told() -> None:
    assert paper_of(embedding("a.txt", "姓名：陳\n電話：1")).lines == (
        "登記表",
        "姓名：陳",
        "電話：1",
    )
    inner = packed(package(p(r("裏面"))))
    assert paper_of(embedding("a.docx", inner)).lines == ("登記表", "裏面")
    for name, content, code in (
        ("a.rtf", "{\\rtf1 x}", "FB-not-readable"),
        ("a.html", "", "FB-broken"),
        ("a.docx", embedding("a.html", PAGE), "FB-broken"),
    ):
        told = open_content(embedding(name, content), Limits())
        assert isinstance(told, Finding)
        assert told.code == code


# --- workbooks and PDFs ---


def renamed(content: bytes, change: Callable[[str], str]) -> bytes:
    """A workbook with other paths, of its parts and wherever these are named."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    lists = (".rels", "[Content_Types].xml")
    return zipped(
        {
            change(name): change(data.decode()).encode() if name.endswith(lists) else data
            for name, data in parts.items()
        }
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("workbook.xml", "workbook22.xml"),
        lambda text: text.replace("xl/", "content/").replace("workbook.xml", "book.xml"),
    ],
)
def test_a_workbook_is_read_whatever_its_main_part_is_called(change) -> None:
    table = f"{CUSTOMER}\n{GOOD}"
    assert first_rows(renamed(sheet(table), change)) == cells(table)


def test_a_row_of_such_a_workbook_goes_back_like_any_other(book, tmp_path: Path) -> None:
    content = sheet(f"{CUSTOMER}\n{GOOD}\n| 李 | | | | | | |")
    found = judge(book, tmp_path, renamed(content, lambda t: t.replace("workbook", "w22")))
    assert (len(found.accepted), found.returned) == (1, [3])


def test_texts_of_an_old_workbook_are_unicode_whatever_code_page_it_names() -> None:
    record = struct.pack("<HHH", 0x42, 2, 1252)
    first = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0, 0, 0, 0)
    book = b"\0" * 512 + first + record + struct.pack("<HH", 0x0A, 0)
    assert with_unicode_named(book) == book.replace(record, struct.pack("<HHH", 0x42, 2, 1200))
    sheet_first = b"\0" * 512 + first.replace(b"\x05\0", b"\x10\0") + record
    for other in (b"", sheet_first, book.replace(record, b""), xls([["a"]])):
        assert with_unicode_named(other) == other


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_opens_without_a_password_is_read(algorithm: str) -> None:
    for password, kind in (("", Reading), ("secret", Finding)):
        writer, buffer = PdfWriter(), io.BytesIO()
        writer.add_blank_page(100, 100)
        writer.encrypt(password, "owner", algorithm=algorithm)
        writer.write(buffer)
        assert isinstance(open_content(buffer.getvalue(), Limits()), kind)


# --- what is said of files that are not taken ---


def test_an_office_file_that_is_unsafe_is_never_to_be_unpacked() -> None:
    with zipfile.ZipFile(io.BytesIO(sheet(f"{CUSTOMER}\n{GOOD}"))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    told = open_content(zipped(parts | {"../x.xml": b"<a/>"}), Limits())
    assert isinstance(told, Finding)
    assert (told.code, told.details["reason"]) == ("FB-package-unsafe", "..")
    assert "npack" not in findings.message(told, "en")


def test_a_file_that_opens_and_holds_nothing_is_not_called_empty_of_bytes(
    book, tmp_path: Path
) -> None:
    assert judge(book, tmp_path, sheet([[]])).failed == "FB-no-content"
    assert judge(book, tmp_path, b"").failed == "FB-empty-file"


def unknown(book, table: str) -> Finding:
    """What is said of a table without a header."""
    told = identify(cells(table), book.sources, sheet="S", folder="customer")
    assert isinstance(told, Finding)
    assert told.code == "FB-no-header"
    return told


def test_a_missing_header_is_told_with_the_nearest_row_and_what_it_lacks(book) -> None:
    told = unknown(book, "| 甲 | 姓名 | 電話 |\n| 1 | 2 | 3 |")
    assert (told.row, told.details["known"], told.details["headers"]) == (1, "2", "甲、姓名、電話")
    assert "reporter" not in told.details["expected_fields"].split(",")
    titles = {f"{findings.SCHEMA}customer": "Customer feedback"}
    assert "'Customer feedback'" in findings.part(told, "found", "en", titles)
    assert "At least 3 known columns" in findings.part(told, "expected", "en", titles)


def test_headers_of_a_row_that_may_be_answers_are_not_told(book) -> None:
    told = unknown(book, "| 王小明 | 13800001111 |\n| 李四 | 13900001111 |")
    assert "headers" not in told.details
