"""Large plain worksheets, read straight from their XML: what they give is what the general reader gives."""

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.model import Cell
from fbbatch.read import Limits, ReadersDisagreeError, Reading, open_content, workbook_fast
from fbbatch.read.ooxml import Package
from tests.builders import Grid, cells, people, repacked, sheet, workbook
from tests.test_corpus import CORPUS, PATHS

DAY, MOMENT = dt.date(2026, 11, 5), dt.datetime(2026, 11, 5, 14, 30)


@pytest.fixture(autouse=True)
def _no_sheet_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_fast, "PLAIN_BYTES", 1)


def trimmed(rows: Iterator[list[Cell]]) -> Grid:
    found = [[None if cell == "" else cell for cell in row] for row in rows]
    short = [
        row[: max((n for n, cell in enumerate(row, 1) if cell is not None), default=0)]
        for row in found
    ]
    while short and not short[-1]:
        short.pop()
    return short


def plainly(content: bytes) -> Grid:
    """What the plain reader gives of the first sheet."""
    (page, *_) = workbook_fast.plain_sheets(Package(content, Limits())).values()
    return trimmed(page.rows())


def opened(content: bytes) -> tuple[list[Grid], list[str]]:
    """Every sheet by whoever reads it, and what is remarked; no rows, where two readers disagree about them."""
    reading = open_content(content, Limits())
    assert isinstance(reading, Reading), reading
    try:
        pages = list(reading.sheets)
        return [trimmed(page.rows()) for page in pages], [
            f.code for page in pages for f in page.findings
        ]
    except ReadersDisagreeError as error:
        return [], [error.reason.code]


def generally(content: bytes) -> tuple[list[Grid], list[str]]:
    """As `opened`, by the general reader alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbook_fast, "PLAIN_BYTES", 1 << 40)
        return opened(content)


def is_plain(content: bytes) -> bool:
    """Whether the plain reader takes all of it."""
    try:
        return bool(plainly(content)) or True
    except (workbook_fast.NotPlainError, ValueError):
        return False


def written(table: Grid, *, inline: bool = False) -> bytes:
    """By XlsxWriter; inline texts stand in their cells, as many exporting programs put them."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": inline, "in_memory": not inline})
    page, formats = (
        book.add_worksheet(),
        {dt.date: "yyyy/m/d", dt.datetime: "yyyy-mm-dd hh:mm:ss", dt.timedelta: "[h]:mm"},
    )
    looks = {kind: book.add_format({"num_format": told}) for kind, told in formats.items()}
    for r, row in enumerate(table):
        for c, value in enumerate(row):
            if isinstance(value, dt.date | dt.timedelta):
                page.write_datetime(r, c, value, looks[type(value)])
            elif isinstance(value, bool):
                page.write_boolean(r, c, value)
            elif isinstance(value, int | float):
                page.write_number(r, c, value)
            elif value is not None:
                page.write_string(r, c, value)
            elif r % 3 == 0:
                page.write_blank(r, c, None, looks[dt.date])
    book.close()
    return buffer.getvalue()


def saved(table: Grid, **_: bool) -> bytes:
    """By openpyxl."""
    book = openpyxl.Workbook()
    for row in table:
        book.active.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# --- the same as the general reader ---

TEXTS = st.one_of(st.sampled_from(["张三", "a < b & c", "第一行\n第二行", " 前后 ", "_x000D_", "_x0041_", "😀", "1", "=1+1", '"', "é"]), st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), min_size=1, max_size=8,
))  # fmt: skip
VALUES = st.one_of(
    st.none(), TEXTS, st.booleans(), st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9).map(lambda x: round(x, 6)),
    st.dates(dt.date(1901, 1, 1), dt.date(2099, 12, 31)),
    st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2099, 12, 31)).map(lambda m: m.replace(microsecond=0)),
)  # fmt: skip


def to_the_second(table: Grid) -> Grid:
    """A moment stored as a fraction of a day comes back a millisecond off."""
    return [
        [
            (c + dt.timedelta(milliseconds=500)).replace(microsecond=0)
            if isinstance(c, dt.datetime)
            else c
            for c in row
        ]
        for row in table
    ]


@given(
    st.lists(st.lists(VALUES, min_size=1, max_size=6), min_size=1, max_size=8),
    st.booleans(),
    st.sampled_from([written, saved]),
)
def test_any_table_is_read_as_the_general_reader_reads_it(
    table: Grid, inline: bool, write: Callable[..., bytes]
) -> None:
    if write is saved:
        table = [
            [
                None
                if isinstance(c, str) and (c.startswith("=") or c != c.strip() or "\t" in c)
                else c
                for c in row
            ]
            for row in table
        ]
    content = write(table, inline=inline)
    assert [to_the_second(grid) for grid in opened(content)[0]] == [
        to_the_second(grid) for grid in generally(content)[0]
    ]


@pytest.mark.parametrize("inline", [False, True])
def test_usual_export_is_plain_to_the_end(inline: bool) -> None:
    table = [
        ["姓名", "日期", "时刻", "数", "真", "空"],
        *[[f"张{n}", DAY, MOMENT, n + 0.5, n % 2 == 0, "有" if n % 3 else None] for n in range(60)],
    ]
    assert plainly(written(table, inline=inline)) == trimmed(iter(table))


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in PATHS if path.endswith((".xlsx", ".xlsm"))])
def test_real_workbooks_are_read_alike(path: str) -> None:
    content = (CORPUS / "files" / path).read_bytes()
    if not isinstance(open_content(content, Limits()), Reading):
        pytest.skip("no table")
    (grids, codes), (expected, notes) = opened(content), generally(content)
    assert grids == expected
    assert codes == notes or notes == [
        "FB-one-reader"
    ]  # what the general reader cannot open, the plain one may


# --- what is not plain is left to the general reader, from that row on ---

MANY = cells(people(3_000))


def edited(table: Grid, edit: Callable[[str], str]) -> bytes:
    return repacked(sheet(table), sheet1=edit)


def cell(row: int, content: str) -> Callable[[str], str]:
    """Replaces the cell in column D of a row."""
    return lambda xml: re.sub(
        rf'<c r="D{row}"[^>]*>.*?</c>', content.replace("ROW", str(row)), xml, count=1
    )


@pytest.mark.slow
@pytest.mark.parametrize("row", [2, 30, 2_900])
@pytest.mark.parametrize(
    "content",
    [
        '<c r="DROW" t="str"><f>A1</f><v>公式</v></c>',
        '<c r="DROW" t="e"><v>#N/A</v></c>',
        '<c r="DROW" t="b"><v>1</v></c>',
        '<c r="DROW" t="inlineStr"><is><t xml:space="preserve"> 行内 </t></is></c>',
        '<c r="DROW" t="inlineStr"><is><r><t>富</t></r><r><t>文本</t></r></is></c>',
        '<c r="DROW" t="inlineStr"><v>5</v></c>',
        '<c r="DROW" t="d"><v>2026-11-05</v></c>',
        '<c r="DROW"><!-- 注 --><v>5</v></c>',
        '<c t="n" r="DROW"><v>5</v></c>',
        '<c r="DROW"/>',
        '<c r="DROW"></c>',
        '<c r="DROW"><v></v></c>',
        '<c r="DROW"><v>1e3</v></c>',
        '<c r="DROW" s="9999"><v>5</v></c>',
        '<c r="DROW" t="s"><v>9999999</v></c>',
        '<c r="DROW" t="s"><v>-1</v></c>',
        '<c r="DROW" t="s"><v>true</v></c>',
        "",
    ],
)
def test_odd_cell_anywhere_changes_nothing_else(row: int, content: str) -> None:
    book = edited(MANY, cell(row, content))
    assert opened(book) == generally(book)


def test_formula_far_down_is_read_and_the_rows_before_it_are_given_once() -> None:
    book = edited(MANY, cell(2_900, '<c r="DROW" t="str"><f>A1</f><v>公式</v></c>'))
    ((grid,), codes) = opened(book)
    assert not is_plain(book)
    assert (len(grid), grid[2_899][3], codes) == (3_001, "公式", [])
    assert [row for n, row in enumerate(grid) if n != 2_899] == [
        row for n, row in enumerate(trimmed(iter(MANY))) if n != 2_899
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "edit",
    [
        lambda xml: re.sub(
            r'(<row r="7".*?</row>)(<row r="8".*?</row>)', r"\2\1", xml
        ),  # out of order
        lambda xml: re.sub(
            r'<row r="7"(.*?)</row>', r'<row r="7"\1</row><row r="7"\1</row>', xml, count=1
        ),  # twice
        lambda xml: re.sub(r'<row r="7".*?</row>', "", xml),  # a gap
        lambda xml: re.sub(r'<row r="7".*?</row>', '<row r="7" spans="1:7"/>', xml),
        lambda xml: re.sub(r'<row r="(\d+)"', r"<row", xml),  # no numbers
        lambda xml: re.sub(r'(<c r="A7"[^>]*>.*?</c>)(<c r="B7"[^>]*>.*?</c>)', r"\2\1", xml),
        lambda xml: re.sub(r'(<c r="A7"[^>]*>.*?</c>)', r"\1\1", xml, count=1),
        lambda xml: re.sub(
            r"(<row r=\"2900\".*?)</row>",
            r'\1<c r="K2900" t="inlineStr"><is><t>另注</t></is></c></row>',
            xml,
        ),
        lambda xml: xml.replace("</row>", "</row>\n  "),
        lambda xml: xml.replace("<v>", "<v >"),
        lambda xml: xml.replace("<sheetData>", "<!-- x --><sheetData>"),
        lambda xml: re.sub(r'<row r="(\d+)"[^>]*>', r'<row r="\1" hidden="1">', xml, count=4),
    ],
)
def test_odd_rows_change_nothing(edit: Callable[[str], str]) -> None:
    book = edited(MANY, edit)
    assert opened(book) == generally(book)


def test_merged_areas_and_hidden_sheets_are_told_as_ever() -> None:
    book = workbook({"a": MANY, "b": MANY}, merged=[("A5:A7", "合并")], hidden=["b"])
    reading = open_content(book, Limits())
    assert isinstance(reading, Reading)
    merged = [(4, 0, 6, 0)]
    assert [(page.name, page.hidden, page.merged) for page in reading.sheets] == [
        ("a", False, merged),
        ("b", True, merged),
    ]
    assert opened(book) == generally(book)


@pytest.mark.slow
@pytest.mark.parametrize(
    "edit",
    [
        lambda xml: xml.replace("<si><t>", '<si><t xml:space="preserve">', 3),
        lambda xml: re.sub(r"<si><t>(.*?)</t></si>", r"<si><r><rPr><b/></rPr><t>\1</t></r><r><t>富</t></r></si>", xml, count=2),
        lambda xml: re.sub(r"<si><t>(.*?)</t></si>", r'<si><t>\1</t><rPh sb="0" eb="1"><t>カナ</t></rPh></si>', xml, count=2),
        lambda xml: re.sub(r"<si><t>(.*?)</t></si>", "<si/>", xml, count=2),
        lambda xml: re.sub(r"<si><t>(.*?)</t></si>", "<si><t>一\r\n二\n三&#13;四</t></si>", xml, count=2),
        lambda xml: re.sub(r"<si><t>(.*?)</t></si>", "<si><t>&#x5F20;&#19977; &amp;amp; _x000D_</t></si>", xml, count=2),
        lambda xml: re.sub(r"<si><t>(.*?)</t></si>", "<si><t><![CDATA[张 & 三]]></t></si>", xml, count=2),
        lambda xml: xml.replace("<si>", "<x:si>").replace("</si>", "</x:si>").replace("<sst ", '<sst xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '),
    ],
)  # fmt: skip
def test_odd_strings_are_read_as_ever(edit: Callable[[str], str]) -> None:
    book = repacked(sheet(MANY), sharedStrings=edit)
    assert opened(book) == generally(book)


def test_cell_that_escapes_the_reader_is_noticed() -> None:
    book = edited(MANY, lambda xml: xml.replace("</sheetData>", "<v>漏</v></sheetData>"))
    with pytest.raises(ReadersDisagreeError):
        plainly(book)
