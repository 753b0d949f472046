"""A workbook that goes back opens in Excel without a repair, however it was made (N1). What Excel insists on is checked part by part."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from lxml import etree
from openpyxl.comments import Comment

from fbbatch.render.marked import COVER, RESULT, WHY, Cover, marked
from fbbatch.render.parts import MAIN, UnmarkableError
from fbbatch.render.sheet_xml import RowMark, SheetMarks
from fbbatch.wording import say
from tests.builders import cells, people, repacked, unpacked, workbook, zipped
from tests.test_returned import grid

NOTE = say("render.note", "zh-Hans")
TABLE = cells(people(5))
MARKS = SheetMarks(
    1,
    {
        2: RowMark("#abc123-1", True, "错", {2: "没有电话"}),
        3: RowMark("FB-20261120-0001", False),
        4: RowMark("#abc123-2", True, "整行", {0: "整行"}),
    },
)
ORDER = (
    "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection protectedRanges scenarios autoFilter sortState "
    "dataConsolidate customSheetViews mergeCells phoneticPr conditionalFormatting dataValidations hyperlinks printOptions pageMargins "
    "pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches ignoredErrors smartTags drawing legacyDrawing legacyDrawingHF "
    "drawingHF picture oleObjects controls webPublishItems tableParts extLst"
)
RANK = {name: rank for rank, name in enumerate(ORDER.split())}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


def made(
    build: Callable[[Any, Any], object] = lambda _book, _page: None, **edits: Callable[[str], str]
) -> bytes:
    """A questionnaire as XlsxWriter makes it, then edited as text."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    page = book.add_worksheet("问卷")
    for row, values in enumerate(TABLE):
        page.write_row(row, 0, values)
    build(book, page)
    book.close()
    return repacked(buffer.getvalue(), **edits) if edits else buffer.getvalue()


def without_drawing(content: bytes) -> bytes:
    """Comments as some programs write them: without the boxes."""
    parts = {
        name: part for name, part in unpacked(content).items() if not name.lower().endswith(".vml")
    }
    for name, part in parts.items():
        if name.endswith(("sheet1.xml", "sheet1.xml.rels")):
            parts[name] = re.sub(
                rb"<Relationship [^>]*vmlDrawing[^>]*/>|<legacyDrawing[^>]*/>", b"", part
            )
    return zipped(parts)


def with_comment() -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(made()))
    book.active["B2"].comment = Comment("问过客户", "我")
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def prefixed(prefix: str) -> Callable[[str], str]:
    return lambda xml: re.sub(r"<(/?)(?=[a-zA-Z])", rf"<\1{prefix}:", xml).replace(
        'xmlns="http://schemas.openx', f'xmlns:{prefix}="http://schemas.openx', 1
    )


def quoted(new: str) -> Callable[[str], str]:
    return lambda xml: re.sub(r'(?<=\w)="([^"]*)"(?=[^?]*$)', new, xml)


def after_rows(element: str) -> Callable[[str], str]:
    return lambda xml: xml.replace("</sheetData>", f"</sheetData>{element}")


VIEWS = '<customSheetViews><customSheetView guid="{D2A0D1B0-0000-4C4B-9F3B-000000000001}"><autoFilter ref="A1:G9"/></customSheetView></customSheetViews>'
CONSTRUCTIONS: dict[str, bytes] = {
    "plain": made(),
    "data bar": made(lambda _, page: page.conditional_format("A2:A6", {"type": "data_bar", "data_bar_2010": True})),
    "sparkline": made(lambda _, page: page.add_sparkline("I2", {"range": "A2:A5"})),
    "table": made(lambda _, page: page.add_table(0, 0, 5, 6, {"columns": [{"header": h} for h in TABLE[0]]})),
    "button": made(lambda _, page: page.insert_button("J2", {"caption": "x"})),
    "picture in the header": made(lambda _, page: page.set_header("&L&G", {"image_left": "a.png", "image_data_left": io.BytesIO(PNG)})),
    "comments": made(lambda _, page: [page.write_comment(row, 1, "批注", {"author": f"甲{row}"}) for row in range(1, 5)]),
    "comments without boxes": without_drawing(with_comment()),
    "all columns": made(lambda _, page: page.set_column("A:XFD", 11)),
    "hidden columns": made(lambda _, page: page.set_column("H:XFD", None, None, {"hidden": True})),
    "protected": made(lambda _, page: page.protect("x")),
    "prefix": made(sheet1=prefixed("calc")),
    "short prefix": made(sheet1=prefixed("c")),
    "no places": made(sheet1=lambda xml: re.sub(r' r="[A-Z]*\d+"', "", xml)),
    "single quotes": made(sheet1=quoted(r"='\1'")),
    "spaces": made(sheet1=quoted(r' = "\1"')),
    "filter of one cell": made(sheet1=after_rows('<autoFilter ref="A1"/>')),
    "filter in a view": made(sheet1=after_rows(VIEWS)),
    "no columns": made(sheet1=lambda xml: xml.replace("<sheetData>", "<cols/><sheetData>")),
    "backslashes": zipped({name.replace("/", "\\"): part for name, part in unpacked(made()).items()}),
}  # fmt: skip


def again(content: bytes, marks: SheetMarks = MARKS) -> bytes:
    return marked(
        content,
        {"问卷": marks},
        Cover("标题", ["一行"], [[["a"], ["1"]]]),
        {"form": "returned"},
        "zh-Hans",
    )


def shown(content: bytes) -> dict[str, str]:
    """Notes by cell of the sheet."""
    return {
        cell.coordinate: cell.comment.text
        for row in openpyxl.load_workbook(io.BytesIO(content))["问卷"].iter_rows()
        for cell in row
        if cell.comment
    }


def assert_sound(content: bytes) -> None:
    parts = unpacked(content)
    for name, part in parts.items():
        if name.endswith((".xml", ".rels", ".vml")):
            tree = etree.fromstring(part)
        if name.startswith("xl/worksheets/sheet"):
            found = [etree.QName(child).localname for child in tree]
            ranks = [RANK[child] for child in found if child != "conditionalFormatting"]
            assert ranks == sorted(set(ranks)), (name, found)
            places = [cell.get("r") for cell in tree.iter(f"{{{MAIN}}}c") if cell.get("r")]
            assert len(places) == len(set(places))
    selected = [name for name, part in parts.items() if b'tabSelected="1"' in part]
    book = etree.fromstring(parts["xl/workbook.xml"])
    sheets = [sheet.get("name") for sheet in book.iterfind(f"{{{MAIN}}}sheets/{{{MAIN}}}sheet")]
    shown = [int(view.get("activeTab", "0")) for view in book.iter(f"{{{MAIN}}}workbookView")]
    assert len(selected) == 1
    assert [sheets[number] for number in shown] == [say(COVER, "zh-Hans")]


@pytest.mark.filterwarnings(
    "ignore:.*extension is not supported:UserWarning"
)  # openpyxl reads no data bars and sparklines
@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_marked_copy_is_sound_and_keeps_every_cell_and_note(name: str) -> None:
    before = CONSTRUCTIONS[name]
    after = again(before)
    twice = again(after)
    for content in (after, twice):
        assert_sound(content)
        values = grid(content)["问卷"]
        assert [row[:7] for row in values[:6]] == [row[:7] for row in grid(before)["问卷"][:6]]
        assert (values[0].count(say(RESULT, "zh-Hans")), values[0].count(say(WHY, "zh-Hans"))) == (
            1,
            1,
        )
        told = shown(content)
        assert sum(text.startswith(NOTE) for text in told.values()) == 2
        theirs = (
            {} if name == "backslashes" else shown(before)
        )  # openpyxl does not find the texts there
        assert {place: told[place] for place in theirs} == theirs


def test_boxes_of_notes_do_not_go_into_the_picture_of_the_header() -> None:
    content = CONSTRUCTIONS["picture in the header"]
    before, after = unpacked(content), unpacked(again(content))
    (picture,) = [name for name in before if name.endswith(".vml")]
    assert after[picture] == before[picture]
    assert b"<legacyDrawing " in after["xl/worksheets/sheet1.xml"]


def test_notes_of_the_author_that_had_no_box_get_one() -> None:
    drawing = next(
        part
        for name, part in unpacked(again(CONSTRUCTIONS["comments without boxes"])).items()
        if name.endswith(".vml")
    )
    assert drawing.count(b"<v:shape ") == 3


def test_added_columns_are_shown_though_the_author_hid_all_behind_the_table() -> None:
    page = openpyxl.load_workbook(io.BytesIO(again(CONSTRUCTIONS["hidden columns"])))["问卷"]
    assert not page.column_dimensions["H"].hidden
    assert not page.column_dimensions["I"].hidden
    assert page.column_dimensions["J"].hidden


def test_column_that_was_put_between_ours_is_left_alone() -> None:
    book = openpyxl.load_workbook(io.BytesIO(again(made())))
    page = book["问卷"]
    page.insert_cols(9)
    for row in range(1, 7):
        page.cell(row, 9).value = f"我的{row}"
    buffer = io.BytesIO()
    book.save(buffer)
    values = grid(again(buffer.getvalue()))["问卷"]
    assert [row[8] for row in values[:6]] == [f"我的{row}" for row in range(1, 7)]
    assert [values[0][7], values[0][9]] == [say(RESULT, "zh-Hans"), say(WHY, "zh-Hans")]
    assert values[1][7:10] == ["#abc123-1", "我的2", "错"]


def test_note_that_finds_no_free_cell_is_told_in_the_column_that_explains() -> None:
    book = openpyxl.load_workbook(io.BytesIO(made()))
    for place in ("B2", "H2", "I2"):
        book.active[place].comment = Comment("我的", "我")
    buffer = io.BytesIO()
    book.save(buffer)
    after = again(buffer.getvalue())
    assert [shown(after)[place] for place in ("B2", "H2", "I2")] == ["我的"] * 3
    comments = next(
        part for name, part in unpacked(after).items() if "omment" in name and name.endswith(".xml")
    )
    assert comments.count(b'ref="I2"') == 1
    assert grid(after)["问卷"][1][8] == "错"


def test_blank_cells_that_only_have_a_format_do_not_push_the_columns_out() -> None:
    def build(book: Any, page: Any) -> None:
        page.write_row(7, 7, [""] * 900, book.add_format({"bold": True}))

    assert grid(again(made(build)))["问卷"][0][7] == say(RESULT, "zh-Hans")


@pytest.mark.parametrize(
    "content",
    [
        made(sheet1=lambda xml: xml.replace("UTF-8", "ISO-8859-1")),
        made(sheet1=after_rows('<autoFilter ref="A1:G5"/><sheetProtection/>')),
        zipped(
            {
                name: part
                for name, part in unpacked(made()).items()
                if name != "xl/_rels/workbook.xml.rels"
            }
        ),
        zipped(
            {
                name: part.replace(
                    b"schemas.openxmlformats.org/spreadsheetml/2006",
                    b"purl.oclc.org/ooxml/spreadsheetml",
                )
                for name, part in unpacked(made()).items()
            }
        ),
        zipped(
            {name: part.replace(b"/styles", b"/other") for name, part in unpacked(made()).items()}
        ),
    ],
)
def test_what_cannot_be_edited_without_risk_is_not_marked(content: bytes) -> None:
    with pytest.raises(UnmarkableError):
        again(content)


def test_workbook_is_written_with_the_same_parts_in_the_same_order() -> None:
    content = workbook({"问卷": TABLE, "别的": [["x"]]})
    before, after = unpacked(content), unpacked(again(content))
    assert list(after)[: len(before)] == list(before)
    assert {name for name in before if before[name] != after[name]} == {
        "[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/worksheets/sheet1.xml"
    }  # fmt: skip
    assert zipfile.ZipFile(io.BytesIO(again(content))).testzip() is None
