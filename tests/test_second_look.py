"""Workbooks as they really are: error cells, wrong dimensions, hidden rows, old dates; and what happens when two readers disagree."""

import datetime as dt
import io
import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from fbbatch.errors import ExitCode
from fbbatch.model import Cell, Finding
from fbbatch.read import Limits, ReadersDisagreeError, Reading, open_content
from fbbatch.read.workbook_check import openpyxl_sheets, xlrd_sheets
from tests.builders import (
    CUSTOMER,
    GOOD,
    Grid,
    cells,
    codes,
    counts,
    delimited,
    drop,
    judge,
    mail,
    people,
    repacked,
    run,
    sheet,
    workbook,
    workspace,
    xls,
    zipped,
)

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "files"
HEADER, ROW = cells(f"{CUSTOMER}\n{GOOD}")
FIELDS = ["reporter", "contact", "reported_at", "product", "model", "description", "scene"]


def rows_of(content: bytes) -> Grid:
    """Every row of every sheet, blanks as None, without those at the end of a row."""
    opened = open_content(content, Limits())
    assert isinstance(opened, Reading), opened
    found = [[None if c == "" else c for c in row] for page in opened.sheets for row in page.rows()]
    return [
        row[: max((n for n, c in enumerate(row, 1) if c is not None), default=0)] for row in found
    ]


def noted(content: bytes) -> list[str]:
    opened = open_content(content, Limits())
    assert isinstance(opened, Reading), opened
    found: list[Finding] = []
    for page in opened.sheets:
        list(page.rows())
        found += page.findings
    return [f.code for f in found]


def typed(table: Grid) -> bytes:
    """By openpyxl, which makes real error cells of `#N/A` and the like."""
    book = openpyxl.Workbook()
    for row in table:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def calculated(table: Grid) -> bytes:
    """Error values as the cached results of formulas."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    page = book.add_worksheet()
    for r, row in enumerate(table):
        for c, value in enumerate(row):
            if str(value).startswith("#"):
                page.write_formula(r, c, "=VLOOKUP(1,Z:Z,1)", None, value)
            elif value is not None:
                page.write_string(r, c, str(value))
    book.close()
    return buffer.getvalue()


# --- error cells ---


@pytest.mark.parametrize("make", [typed, calculated, xls, delimited])
@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#FIELD!"])
def test_error_cell_comes_back_at_its_cell(
    book, tmp_path: Path, make: Callable[[Grid], bytes], error: str
) -> None:
    bad = [*ROW[:5], error, ROW[6]]
    found = judge(book, tmp_path, make([HEADER, ROW, bad, ROW]))
    assert found.told == [("FB-error-cell", 3, "description"), ("FB-twice", 4, None)]
    assert ([row["row"] for row in found.accepted], found.returned) == ([2, 4], [3])
    assert found.findings[0].cell == "F3"
    assert found.findings[0].details["value"] == error


@pytest.mark.parametrize("make", [typed, calculated, xls])
@pytest.mark.parametrize("place", [1, 2])
def test_row_of_nothing_but_errors_does_not_vanish(
    book, tmp_path: Path, make: Callable[[Grid], bytes], place: int
) -> None:
    table = [HEADER, ROW]
    table.insert(place, ["#N/A"] * 7)
    found = judge(book, tmp_path, make(table))
    assert (len(found.accepted), found.returned) == (1, [place + 1])
    assert found.told == [("FB-error-cell", place + 1, field) for field in FIELDS]


def test_formula_that_was_never_calculated_is_a_blank_and_takes_no_value_of_its_neighbour(
    book, tmp_path: Path
) -> None:
    content = repacked(
        calculated([HEADER, [*ROW[:5], "#N/A", ROW[6]]]),
        sheet1=lambda xml: xml.replace("<v>#N/A</v>", ""),
    )
    assert judge(book, tmp_path, content).told == [("FB-blank", 2, "description")]


def test_error_far_below_the_table_is_a_row_of_its_own(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, typed([HEADER, ROW, *[[]] * 60, [None] * 5 + ["#N/A"]]))
    assert (len(found.accepted), found.returned) == (1, [63])


def test_error_in_a_column_nobody_uses_keeps_no_answer_back(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, typed([[*HEADER, "我的公式"], [*ROW, "#REF!"]]))
    assert ([f.code for f in found.findings], len(found.accepted)) == (["FB-column-unknown"], 1)
    assert "#REF!" in found.accepted[0]["cells"]


# --- what the file says of itself ---


@pytest.mark.parametrize(
    "dimension",
    ['<dimension ref="A1"/>', '<dimension ref="A1:XFD1048576"/>', '<dimension ref="C3:D4"/>', ""],
)
def test_rows_are_counted_and_not_believed(dimension: str) -> None:
    content = repacked(
        sheet(people(5)), sheet1=lambda xml: re.sub(r"<dimension [^>]*/>", dimension, xml)
    )
    assert rows_of(content) == cells(people(5))
    assert noted(content) == []


def in_hidden_rows(*hidden: int) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    page = book.add_worksheet("问卷")
    for r, row in enumerate(cells(people(4))):
        page.write_row(r, 0, row)
    for r in hidden:
        page.set_row(r, None, None, {"hidden": True})
    book.close()
    return buffer.getvalue()


def test_hidden_rows_and_sheets_are_read_and_told(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, in_hidden_rows(2, 3))
    assert (
        len(found.accepted),
        [(f.code, f.sheet, f.details["rows"]) for f in found.findings],
    ) == (4, [("FB-hidden-rows", "问卷", "2")])
    found = judge(
        book, tmp_path, workbook({"a": people(2), "b": f"{CUSTOMER}\n{GOOD}"}, hidden=["b"])
    )
    assert (len(found.accepted), found.told) == (3, [("FB-hidden-sheet", None, None)])


def test_very_hidden_sheet_is_told_like_a_hidden_one(book, tmp_path: Path) -> None:
    content = repacked(
        workbook({"a": people(2), "b": f"{CUSTOMER}\n{GOOD}"}, hidden=["b"]),
        workbook=lambda xml: xml.replace('"hidden"', '"veryHidden"'),
    )
    assert judge(book, tmp_path, content).told == [("FB-hidden-sheet", None, None)]


def dated(value: Cell, number_format: int | str | None, **options: object) -> bytes:
    """A good row whose date cell is written as told."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, **options})
    page = book.add_worksheet()
    page.write_row(0, 0, HEADER)
    page.write_row(1, 0, ROW)
    look = book.add_format({"num_format": number_format}) if number_format is not None else None
    if isinstance(value, dt.datetime):
        page.write_datetime(1, 2, value, look)
    else:
        page.write_number(1, 2, value, look)
    book.close()
    return buffer.getvalue()


def on_day(value: Cell) -> Grid:
    """A header and a good row with this date."""
    return [HEADER, [*ROW[:2], value, *ROW[3:]]]


_DAY = dt.datetime(2026, 11, 5)
_SERIAL = 46_331


@pytest.mark.parametrize(
    "content",
    [
        *[dated(_DAY, "yyyy-mm-dd"), dated(_DAY, 14), dated(_SERIAL, None), dated(_SERIAL, "0"), dated(_DAY, '[$-404]e"年"m"月"d"日"')],
        *[dated(_DAY, "yyyy-mm-dd", date_1904=True), dated(_SERIAL - 1462, None, date_1904=True), dated(_SERIAL - 1462, "0.00", date_1904=True)],
        *[dated(_SERIAL, n) for n in (27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58)],
        *[repacked(dated(_DAY, "yyyy-mm-dd", date_1904=True), workbook=lambda xml: xml.replace("date1904=\"1\"", "date1904='true'"))],
        *[xls(on_day(_DAY.date())), xls(on_day(float(_SERIAL)))],
        *[xls(on_day(_DAY.date()), date_1904=True), xls(on_day(float(_SERIAL - 1462)), date_1904=True)],
    ],
)  # fmt: skip
def test_day_is_the_same_in_every_calendar_and_format(book, tmp_path: Path, content: bytes) -> None:
    (row,) = judge(book, tmp_path, content).accepted
    assert row["answers"]["reported_at"][:10] == "2026-11-05"


def test_second_reader_alone_knows_the_calendar_too() -> None:
    for content, look in (
        (xls(on_day(float(_SERIAL - 1462)), date_1904=True), xlrd_sheets),
        (dated(_SERIAL - 1462, None, date_1904=True), openpyxl_sheets),
    ):
        found = look(content)
        assert found is not None
        assert (found.sheets[0][2][1][2], found.serial_days) == (_SERIAL - 1462, 1462)


def strict(content: bytes) -> bytes:
    """The same workbook as Excel saves it under ‘Strict Open XML’."""
    names = {
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships": b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    }
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for old, new in names.items():
        parts = {name: part.replace(old, new) for name, part in parts.items()}
    return zipped(parts)


def test_strict_workbook_is_a_workbook(book, tmp_path: Path) -> None:
    iso = repacked(
        sheet(people(3)),
        sheet1=lambda xml: re.sub(
            r'<c r="C2" t="s"><v>\d+', '<c r="C2" t="d"><v>2026-11-05T00:00:00', xml
        ),
    )
    for content in (strict(sheet(people(3))), strict(iso), iso):
        found = judge(book, tmp_path, content)
        assert (len(found.accepted), found.told) == (3, [])
    assert judge(book, tmp_path, strict(typed([HEADER, ROW, ["#N/A"] * 7]))).returned == [3]


def inline(table: Grid) -> bytes:
    """Texts in the cells themselves, as many exporters write them."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": True})
    page = book.add_worksheet()
    for r, row in enumerate(table):
        page.write_row(r, 0, row)
    book.close()
    return buffer.getvalue()


def test_texts_in_the_cells_and_texts_of_several_runs_are_whole() -> None:
    assert b"inlineStr" in zipfile.ZipFile(io.BytesIO(inline([["a"]]))).read(
        "xl/worksheets/sheet1.xml"
    )
    assert rows_of(inline(cells(people(4)))) == cells(people(4))
    runs = '<si><r><t xml:space="preserve">蓝牙</t></r><r><rPr><b/></rPr><t>断开</t></r><rPh sb="0" eb="1"><t>lan</t></rPh></si>'
    content = repacked(
        sheet("| a | b |\n| x | y |"),
        sharedStrings=lambda xml: xml.replace("<si><t>x</t></si>", runs),
    )
    assert rows_of(content) == [["a", "b"], ["蓝牙断开", "y"]]
    assert noted(content) == []


# --- what stands where nobody looks ---


def test_table_that_begins_too_far_down_is_told_as_such_and_not_as_an_empty_file(
    book, tmp_path: Path
) -> None:
    below: Grid = [*[[]] * 50, HEADER, ROW]
    assert judge(book, tmp_path, sheet(below)).failed == "FB-no-header"
    found = judge(book, tmp_path, workbook({"问卷": people(2), "后面": below, "空": []}))
    assert (len(found.accepted), [(f.code, dict(f.details)) for f in found.findings]) == (
        2,
        [("FB-sheet-skipped", {"name": "后面", "rows": "2"})],
    )


def test_stray_cell_in_the_last_corner_of_another_sheet_holds_nothing_up(
    book, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    far = xlsxwriter.Workbook(buffer, {"in_memory": True})
    page = far.add_worksheet("问卷")
    for r, row in enumerate(cells(people(2))):
        page.write_row(r, 0, row)
    far.add_worksheet("别的").write_string(1_048_575, 16_383, "x")
    far.close()
    found = judge(book, tmp_path, buffer.getvalue())
    assert (len(found.accepted), found.told) == (2, [("FB-sheet-skipped", None, None)])


# --- two readers ---


def broken_rows(xml: str) -> str:
    return xml.replace('<row r="3"', '</sheetData><sheetData><row r="3"')


def doubled_cell(xml: str) -> str:
    return re.sub(r'r="F3"', 'r="E3"', xml)


def doubled_row(xml: str) -> str:
    return re.sub(r'r="([A-G]?)3"', r'r="\g<1>2"', xml)


def hidden_text(xml: str) -> str:
    return re.sub(r'(<c r="F3" t="s">)<v>(\d+)</v>', r"\1<v><![CDATA[\2]]></v>", xml)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trick", "figures"),
    [
        (broken_rows, ("14", "28")),
        (doubled_cell, ("27", "28")),
        (doubled_row, ("21", "28")),
        (hidden_text, ("27", "28")),
    ],
)
def test_file_that_two_readers_see_differently_is_set_aside_with_both_figures(
    tmp_path: Path, trick: Callable[[str], str], figures: tuple[str, str]
) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "a.xlsx", repacked(sheet(people(3)), sheet1=trick))
    drop(place, "b.xlsx", sheet(people(2)))
    result = run(place)
    disputed, sound = result.receipt.files
    assert (disputed.outcome, disputed.code, sound.outcome) == (
        "set_aside",
        "FB-readers-disagree",
        "accepted",
    )
    assert (
        disputed.findings[0].details["first"],
        disputed.findings[0].details["second"],
    ) == figures
    assert disputed.rows == disputed.set_aside > 0
    assert counts(result)[1] == 2
    assert result.exit_code == ExitCode.RETURNED  # somebody has to look at it
    with closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as ledger:
        assert ledger.execute("SELECT count(*) FROM submission WHERE file_id = 1").fetchone() == (
            0,
        )


def test_dispute_over_one_sheet_keeps_the_whole_file_back(book, tmp_path: Path) -> None:
    content = repacked(
        workbook({"a": people(2), "b": f"{CUSTOMER}\n{GOOD}\n{GOOD}"}), sheet2=broken_rows
    )
    assert judge(book, tmp_path, content).failed == "FB-readers-disagree"


@pytest.mark.slow
def test_disputed_attachment_is_the_trouble_of_its_mail(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(
        place,
        "m.eml",
        mail(
            "智能音箱 X-1 无法开机",
            files={"a.xlsx": repacked(sheet(people(3)), sheet1=broken_rows)},
        ),
    )
    drop(
        place,
        "z.zip",
        zipped(
            {
                "a.xlsx": repacked(sheet(people(3)), sheet1=broken_rows),
                "b.csv": delimited(people(3)),
            }
        ),
    )
    assert [(f["name"], f["outcome"]) for f in run(place).manifest["files"]] == [
        ("m.eml", "partly"),
        ("m.eml/a.xlsx", "set_aside"),
        ("z.zip", "partly"),
        ("z.zip/a.xlsx", "set_aside"),
        ("z.zip/b.csv", "accepted"),
    ]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("phpspreadsheet/tests/data/Reader/XLSX/issue2109b.xlsx", "74", "100")],
)
def test_real_file_that_readers_see_differently_is_disputed(
    name: str, first: str, second: str
) -> None:
    if not (CORPUS / name).exists():
        pytest.skip(f"the files of others are not here: {CORPUS}")
    with pytest.raises(ReadersDisagreeError) as disputed:
        rows_of((CORPUS / name).read_bytes())
    assert (disputed.value.reason.details["first"], disputed.value.reason.details["second"]) == (
        first,
        second,
    )


def utf16(content: bytes, only: str = "") -> bytes:
    """The workbook with its XML in UTF-16, which the first reader does not know."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, part in parts.items():
        if name.endswith((".xml", ".rels")) and only in name:
            parts[name] = part.decode().replace('"UTF-8"', '"UTF-16"').encode("utf-16")
    return zipped(parts)


def test_file_that_only_the_second_reader_opens_is_taken_and_told(book, tmp_path: Path) -> None:
    found = judge(book, tmp_path, utf16(sheet(people(3))))
    assert (len(found.accepted), found.told) == (3, [("FB-one-reader", None, None)])
    assert rows_of(utf16(workbook({"a": [[], [None, "x"], [], [1.5, None, _DAY]]}))) == [
        [],
        [None, "x"],
        [],
        [1.5, None, _DAY],
    ]


def test_workbook_of_ours_is_known_as_such_by_the_second_reader_too(book, tmp_path: Path) -> None:
    content = workbook(
        {"汇总": people(2), "_fbbatch": [["form", "receipt"], ["version", "1"]]},
        hidden=["_fbbatch"],
    )
    found = judge(book, tmp_path, utf16(content))
    assert (found.accepted, [f.code for f in found.findings]) == ([], ["FB-own-document"])


def test_limits_hold_for_the_second_reader_too() -> None:
    opened = open_content(utf16(workbook({f"s{n}": "| a |" for n in range(4)})), Limits(sheets=3))
    assert isinstance(opened, Finding)
    assert opened.code == "FB-limit-sheets"


def test_sheet_that_the_first_reader_sees_as_blank_is_no_empty_file(book, tmp_path: Path) -> None:
    assert judge(book, tmp_path, utf16(sheet(people(3)), "sheet1")).failed == "FB-readers-disagree"


def test_texts_that_are_there_but_empty_are_no_disagreement() -> None:
    content = repacked(
        sheet("| a | b |\n| x | y |"), sharedStrings=lambda xml: xml.replace("<t>x</t>", "<t></t>")
    )
    assert rows_of(content) == [["a", "b"], [None, "y"]]


# --- whatever is written is read ---


_TEXTS = st.text(
    st.characters(min_codepoint=0x20, blacklist_categories=["Cs", "Cc", "Cn"]),
    min_size=1,
    max_size=12,
).filter(lambda text: not re.search(r"_x[0-9A-Fa-f]{4}_", text))
_CELLS = st.one_of(
    st.none(),
    _TEXTS,
    st.sampled_from(
        [
            "=1+1",
            "#N/A ",
            "http://example.com",
            " x ",
            "1",
            "0013800001111",
            "第一行\n第二行",
            "TRUE",
            "a" * 32_767,
        ]
    ),
    st.integers(-(2**53), 2**53),
    st.floats(-1e12, 1e12, allow_nan=False).map(lambda number: float(f"{number:.12g}")),
    st.booleans(),
    st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2200, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.dates(dt.date(1901, 1, 1), dt.date(2200, 1, 1)),
)


def same(written: Cell, read: Cell) -> bool:
    if (
        isinstance(written, dt.date)
        and isinstance(read, dt.datetime)
        and not isinstance(written, dt.datetime)
    ):
        return read == dt.datetime.combine(written, dt.time())
    if (
        isinstance(written, dt.datetime)
        and isinstance(read, dt.date)
        and not isinstance(read, dt.datetime)
    ):
        return written == dt.datetime.combine(read, dt.time())
    return (read == written) and (isinstance(read, bool) is isinstance(written, bool))


def aligned(written: Grid, read: Grid) -> Iterator[tuple[Cell, Cell]]:
    for r in range(max(len(written), len(read))):
        ours, theirs = (grid[r] if r < len(grid) else [] for grid in (written, read))
        for c in range(max(len(ours), len(theirs))):
            yield (ours[c] if c < len(ours) else None), (theirs[c] if c < len(theirs) else None)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(st.lists(_CELLS, max_size=5), max_size=6), st.integers(0, 3), st.integers(0, 3))
def test_whatever_is_written_is_read_at_its_place(table: Grid, down: int, right: int) -> None:
    written: Grid = [*[[]] * down, *[[None] * right + row for row in table]]
    content = workbook({"S": written})
    read = rows_of(content)
    assert [pair for pair in aligned(written, read) if not same(*pair)] == []
    assert noted(content) == []


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.none(),
                _TEXTS.map(str.strip),
                st.floats(-1e9, 1e9).map(lambda n: float(f"{n:.9g}")),
            ),
            max_size=4,
        ),
        max_size=5,
    )
)
def test_both_readers_of_old_workbooks_see_what_was_written(table: Grid) -> None:
    written = [[cell or None if isinstance(cell, str) else cell for cell in row] for row in table]
    if any(
        ord(character) > 0xFFFF
        for row in written
        for cell in row
        if isinstance(cell, str)
        for character in cell
    ):
        return  # the hand-written file counts characters, not halves of pairs
    content = xls(written)
    assert [pair for pair in aligned(written, rows_of(content)) if not same(*pair)] == []


def test_findings_of_a_run_tell_error_cells_with_their_places(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[]")
    drop(place, "a.xlsx", typed([HEADER, ROW, [*ROW[:6], "#DIV/0!"]]))
    result = run(place)
    assert codes(result) == [("FB-error-cell", 3, "scene")]
    assert counts(result) == (2, 1, 1, 0, 0)
