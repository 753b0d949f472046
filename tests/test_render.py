"""Documents as bytes: read back by independent readers, the same bytes twice, text always as text."""

import dataclasses
import datetime as dt
import hashlib
import io
import os
import re
import subprocess
import sys
import zipfile
import zlib

import docx
import openpyxl
import pypdfium2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from fbbatch.model import LANGUAGES
from fbbatch.render import excel, html, pdf, word
from fbbatch.render.blocks import (
    Chart,
    Choice,
    Column,
    Document,
    Grid,
    Heading,
    Note,
    PageBreak,
    Pair,
    Signatures,
    Table,
    Text,
    WorkBook,
    WorkSheet,
    clean,
)
from fbbatch.render.fonts import face
from tests.builders import REPOSITORY

LETTERHEAD = (REPOSITORY / "templates/letterhead.docx").read_bytes()
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

HOSTILE = [
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "{{7*7}} {% raw %}",
    "<b>&amp;</b>]]><!--",
    "a\x00b\x0bc\x1fd",
    "\ud800\uffff",
    "_x0041_BC",
    "#N/A",
    "http://example.com/?a=1&b=2",
    "\u202egnp.exe\u202c",
    "tab\there",
    "&C&P",
    "'quoted",
    "😀🀄𠮷",
]


IDENTITY = {"form": "escalation", "version": "1", "case": "FB-20261120-0001", "issue": "1"}


def document(*blocks, language: str = "zh-Hans", **attributes) -> Document:
    return Document(
        "case_report",
        "案卷",
        "FB-20261120-0001",
        "示范科技有限公司",
        language,
        dt.date(2026, 11, 20),
        blocks,
        **attributes,
    )


EVERYTHING = (
    Heading("一、基本情况"),
    Text("正文第一段。\n第二行"),
    Text("居中", "centre"),
    Text("靠右", "right"),
    Text("小字", "small"),
    Text("重点", "strong"),
    Grid((Pair("编号", "FB-1"), Pair("日期", "2026-11-05"), Pair("描述", "插电后冒烟" * 20, wide=True), Pair("批示", wide=True, blank="instruction", lines=4))),
    Table((Column("序号", 0.5, "center", "integer"), Column("内容", 3), Column("日期", 1, kind="date"), Column("占比", 1, "right", "percent")),
          ((1, "甲", dt.date(2026, 11, 5), 0.25), (2, None, None, 1.0)), title="一览", marks={1: "total"}),
    Table((Column("空"), Column("表")), (), empty="没有"),
    Choice("结论", (("同意", False), ("不同意", True)), blank="verdict"),
    Note("附注"),
    PageBreak(),
    Signatures(("编制", "审核")),
)  # fmt: skip


# --- Word ---


def opened(blocks, **attributes):
    return docx.Document(io.BytesIO(word.render(document(*blocks, **attributes), LETTERHEAD)))


def said(found) -> str:
    body = found.element.body
    return "\n".join("".join(t.text or "" for t in p.iter(f"{W}t")) for p in body.iter(f"{W}p"))


def test_word_file_opens_and_says_every_block() -> None:
    text = said(opened(EVERYTHING))
    wanted = [
        "示范科技有限公司",
        "案卷",
        "一、基本情况",
        "正文第一段。",
        "居中",
        "编号",
        "FB-1",
        "插电后冒烟",
        "一览",
        "甲",
        "2026-11-05",
        "25.0%",
        "没有",
        "□ 同意",
        "☑ 不同意",
        "附注",
        "编制",
    ]
    assert [piece for piece in wanted if piece not in text] == []


def test_blanks_of_a_form_are_bookmarked_and_tinted() -> None:
    found = opened(EVERYTHING)
    marks = {mark.get(f"{W}name"): mark for mark in found.element.body.iter(f"{W}bookmarkStart")}
    assert set(marks) == {"fb_instruction", "fb_verdict"}
    cell = next(marks["fb_instruction"].iterancestors(f"{W}tc"))
    assert cell.find(f"{W}tcPr/{W}shd").get(f"{W}fill") == "FFF8DC"
    ids = [mark.get(f"{W}id") for mark in marks.values()]
    assert len(set(ids)) == 2
    assert {end.get(f"{W}id") for end in found.element.body.iter(f"{W}bookmarkEnd")} == set(ids)


def test_form_carries_its_identity_in_custom_properties() -> None:
    with zipfile.ZipFile(
        io.BytesIO(word.render(document(identity=IDENTITY), LETTERHEAD))
    ) as archive:
        root = etree.fromstring(archive.read("docProps/custom.xml"))
        types = archive.read("[Content_Types].xml").decode()
        relations = archive.read("_rels/.rels").decode()
        assert archive.testzip() is None
    assert {p.get("name"): "".join(p.itertext()) for p in root} == {
        f"fbbatch.{k}": v for k, v in IDENTITY.items()
    }
    assert (types.count("/docProps/custom.xml"), relations.count("docProps/custom.xml")) == (1, 1)


def test_word_file_has_each_part_once_and_sound_xml() -> None:
    with zipfile.ZipFile(io.BytesIO(word.render(document(*EVERYTHING), LETTERHEAD))) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        for name in names:
            if name.endswith((".xml", ".rels")):
                etree.fromstring(archive.read(name))
        parts = [
            override.get("PartName").lstrip("/")
            for override in etree.fromstring(archive.read("[Content_Types].xml"))
            if override.get("PartName")
        ]
    assert sorted(parts) == sorted(
        name for name in names if name != "[Content_Types].xml" and not name.endswith(".rels")
    )


def test_title_and_date_stand_in_the_core_properties() -> None:
    found = opened(())
    assert (found.core_properties.title, found.core_properties.author) == (
        "案卷 FB-20261120-0001",
        "示范科技有限公司",
    )
    assert found.core_properties.created.date() == dt.date(2026, 11, 20)


@pytest.mark.parametrize(
    ("language", "font", "tag"), [("zh-Hant", "新細明體", "zh-TW"), ("zh-Hans", "宋体", "zh-CN")]
)
def test_word_file_names_the_east_asian_font_and_language(
    language: str, font: str, tag: str
) -> None:
    with zipfile.ZipFile(
        io.BytesIO(word.render(document(language=language), LETTERHEAD))
    ) as archive:
        defaults = etree.fromstring(archive.read("word/styles.xml")).find(
            f"{W}docDefaults/{W}rPrDefault/{W}rPr"
        )
    assert defaults.find(f"{W}rFonts").get(f"{W}eastAsia") == font
    assert defaults.find(f"{W}lang").get(f"{W}eastAsia") == tag


def test_landscape_document_lies_on_its_side() -> None:
    section = opened((Text("a"),), landscape=True).sections[-1]
    assert section.page_width > section.page_height


@pytest.mark.parametrize(
    "block",
    [
        Table((Column("a"), Column("b")), (("1", "2"), ("3", "4"))),
        Grid((Pair("a", "1"), Pair("b", "2"))),
        Note("n"),
    ],
)
def test_signatures_in_word_stay_on_the_page_of_what_stands_before_them(block) -> None:
    body = docx.Document(
        io.BytesIO(word.render(document(block, Signatures(("甲", "乙"))), LETTERHEAD))
    ).element.body
    kept = [p for p in body.iter(f"{W}p") if p.find(f"{W}pPr/{W}keepNext") is not None]
    last = [
        p
        for p in body.iter(f"{W}p")
        if "".join(p.itertext(f"{W}t"))
        in ({"3", "4"} if isinstance(block, Table) else {"a", "1", "b", "2", "n"})
    ]
    assert last
    assert all(p in kept for p in last)
    assert not [
        p for p in kept if "".join(p.itertext(f"{W}t")) in {"甲：＿＿＿＿＿", "乙：＿＿＿＿＿"}
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_word(text: str) -> None:
    found = opened((Text(text), Grid((Pair(text, text),)), Table((Column(text),), ((text,),))))
    told = said(found)
    assert told.count(clean(text).replace("\t", "")) >= 4 or clean(text) in told.replace("\n", "")
    assert not list(found.element.body.iter(f"{W}fldSimple", f"{W}hyperlink", f"{W}instrText"))


@given(st.text(max_size=80))
@example("\ud800")
@example("\x00\x01\x02\ufffe\uffff")
@example("\u2028\u2029\x85")
def test_any_text_survives_word(text: str) -> None:
    visible = clean(text)
    found = opened((Text(text),))
    assert "".join(t.text or "" for t in found.element.body.iter(f"{W}t")).startswith(
        "示范科技有限公司案卷" + visible.replace("\n", "").replace("\t", "\t")
    )


# --- PDF ---


def pages(content: bytes) -> list[str]:
    file = pypdfium2.PdfDocument(content)
    try:
        texts = []
        for page in file:
            textpage = page.get_textpage()
            texts.append(textpage.get_text_bounded())
            textpage.close()
            page.close()
        return texts
    finally:
        file.close()


def test_pdf_says_every_block() -> None:
    content, missing = pdf.render(document(*EVERYTHING))
    text = "".join(pages(content)).replace("\r\n", "")
    wanted = [
        "示范科技有限公司",
        "一、基本情况",
        "正文第一段。",
        "居中",
        "FB-1",
        "插电后冒烟",
        "一览",
        "甲",
        "2026-11-05",
        "25.0%",
        "没有",
        "□ 同意",
        "☑ 不同意",
        "附注",
        "编制",
    ]
    assert [piece for piece in wanted if piece not in text] == []
    assert missing == frozenset()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_font_of_a_pdf_is_embedded(language: str) -> None:
    content, _ = pdf.render(document(*EVERYTHING, language=language))
    fonts = re.findall(rb"/Type /Font\b.*?>>", content, re.DOTALL)
    descriptors = re.findall(
        rb"/Type /FontDescriptor.*?>>|<<[^<>]*/Type /FontDescriptor[^<>]*>>", content, re.DOTALL
    )
    assert fonts
    assert b"/Helvetica" not in content
    assert all(b"/Type1" not in font for font in fonts)
    assert descriptors
    assert content.count(b"/FontFile2") == content.count(b"/Type /FontDescriptor")


def test_regional_shapes_differ_between_the_scripts() -> None:
    def pictures(language: str) -> list[bytes]:
        file = pypdfium2.PdfDocument(pdf.render(document(Text("骨直角"), language=language))[0])
        try:
            return [bytes(page.render().buffer) for page in file]
        finally:
            file.close()

    assert pictures("zh-Hant") != pictures("zh-Hans")


def test_characters_beyond_the_basic_plane_are_drawn_and_can_be_searched() -> None:
    rare = next(chr(p) for p in sorted(face("zh-Hant").known) if p > 0x20000)
    content, missing = pdf.render(document(Text(f"人名{rare}先生"), language="zh-Hant"))
    assert missing == frozenset()
    assert f"人名{rare}先生" in "".join(pages(content))


def test_character_no_font_has_is_replaced_and_told() -> None:
    content, missing = pdf.render(
        document(Heading("标题😀"), Text("好\u0e01坏"), Grid((Pair("签", "甲\u0e01"),)))
    )
    assert missing == frozenset("😀\u0e01")
    text = "".join(pages(content))
    assert ("标题〓" in text, "好〓坏" in text, "甲〓" in text) == (True, True, True)


def test_character_no_font_has_is_replaced_wherever_a_company_may_put_it() -> None:
    content, missing = pdf.render(
        dataclasses.replace(
            document(Signatures(("编制\u0e01",))),
            title="案\u0e02卷",
            form_number="表\u0e03",
            company="公\u0e04司",
        )
    )
    assert missing == frozenset("\u0e01\u0e02\u0e03\u0e04")
    assert "".join(pages(content)).count("〓") >= 4


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_pdf(text: str) -> None:
    content, missing = pdf.render(
        document(Text(text), Grid((Pair(text, text),)), Table((Column(text),), ((text,),)))
    )
    shown = "".join("〓" if c in missing else c for c in clean(text)).replace("\t", "")
    told = re.sub(r"\s", "", "".join(pages(content)))
    assert re.sub(r"\s", "", shown).replace("\ufeff", "") in told
    for word_ in (b"/JavaScript", b"/Launch", b"/URI", b"/OpenAction"):
        assert word_ not in content


@given(st.text(max_size=60))
@example("\ud800\uffff\x00")
def test_any_text_survives_pdf(text: str) -> None:
    content, _ = pdf.render(document(Text(text), Grid((Pair(text, text),))))
    shown = "".join(pages(content))
    assert [c for c in text if c.isascii() and c.isalnum() and c not in shown] == []


def test_pages_are_counted_and_a_table_repeats_its_head() -> None:
    rows = tuple((n, f"第{n}行内容") for n in range(1, 201))
    content, _ = pdf.render(
        document(Table((Column("序号", kind="integer"), Column("内容表头", 3)), rows))
    )
    texts = pages(content)
    assert len(texts) > 2
    assert all("内容表头" in text for text in texts)
    assert [f"第 {n} 页／共 {len(texts)} 页" in text for n, text in enumerate(texts, 1)] == [
        True
    ] * len(texts)
    assert all(f"第{n}行内容" in "".join(texts) for n in range(1, 201))


@pytest.mark.parametrize("last", ["grid", "table"])
def test_signatures_never_stand_alone_on_a_page(last: str) -> None:
    for number in range(30, 46):
        rows = tuple((f"行{n}", "x") for n in range(number))
        block = (
            Grid(tuple(Pair(*row, wide=True) for row in rows))
            if last == "grid"
            else Table((Column("甲"), Column("乙")), rows)
        )
        blocks = (Heading("一、情況"), block, Note("說明"), Signatures(("編製", "審核")))
        content, _ = pdf.render(
            Document(
                "case_report", "案卷", "FB-1", "公司", "zh-Hant", dt.date(2026, 11, 20), blocks
            )
        )
        file = pypdfium2.PdfDocument(content)
        end = file[len(file) - 1].get_textpage().get_text_bounded()
        assert "編製" in end
        assert f"行{number - 1}" in end, number


def test_cell_taller_than_a_page_goes_on_over_the_next_and_loses_nothing() -> None:
    text = "".join(chr(0x4E00 + n) for n in range(6_000))
    content, missing = pdf.render(document(Grid((Pair("描述", text, wide=True),))))
    shown = "".join(pages(content))
    assert len(pages(content)) > 1
    assert [c for c in text if c not in shown and c not in missing] == []


# --- line breaking ---

FACE = face("zh-Hans")
PROSE = st.text(st.sampled_from("中文，。（）「」abcABC123 -@.：、；！？…%\n"), max_size=120)


@given(PROSE, st.floats(30, 400), st.sampled_from([7.5, 9.0, 10.5]))
@example("一一一一一一一一一一（（（（（abcdefghijklmnopqrstuvwxyz", 110.0, 10.5)
@example("（" * 60, 60.0, 10.5)
@example("。" * 60, 60.0, 10.5)
def test_wrapped_lines_fit_and_lose_no_character(text: str, width: float, size: float) -> None:
    lines = pdf.wrap(text, FACE, size, width)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    hanging = size * 0.6  # a stop may hang over the edge
    too_wide = [
        line for line in lines if FACE.width(line, size) > width + hanging + 0.01 and len(line) > 1
    ]
    assert too_wide == []


@given(st.text(max_size=100), st.floats(20, 300))
def test_wrapping_any_text_loses_nothing_but_spaces(text: str, width: float) -> None:
    assert re.sub(r"\s", "", "".join(pdf.wrap(text, FACE, 9.0, width))) == re.sub(r"\s", "", text)


def test_no_line_begins_with_a_stop_or_ends_with_an_opening_bracket() -> None:
    text = "经过三次测试，设备仍然无法启动（见附件），请尽快处理。" * 6
    for width in range(80, 300, 7):
        lines = pdf.wrap(text, FACE, 10.5, width)
        assert "".join(lines) == text
        for line in lines:
            assert line[0] not in "，。）、"
            assert line[-1] not in "（"


def test_case_number_is_not_broken_in_two() -> None:
    for width in range(110, 300, 9):
        lines = pdf.wrap("请查看案件 FB-20261120-0001 的全部处理经过和结论", FACE, 10.5, width)
        assert any("FB-20261120-0001" in line for line in lines)


TOKENS = ("FB-20261120-0001", "chen.dawen@example.com", "0912-345-678", "X-1")


@given(
    st.lists(
        st.tuples(st.sampled_from([*TOKENS, "见", "案件"]), st.sampled_from("，。）」（「见 "))
    ),
    st.floats(140, 300),
)
@example([("见", "见"), ("见", "见"), ("FB-20261120-0001", "。")], 140.0)
def test_token_that_fits_on_a_line_is_never_split(
    parts: list[tuple[str, str]], width: float
) -> None:
    text = "".join(map("".join, parts))
    lines = pdf.wrap(text, FACE, 10.5, width)
    for token in TOKENS:
        assert sum(line.count(token) for line in lines) == text.count(token)


# --- Excel ---


def book_of(*tables: Table, **attributes) -> WorkBook:
    sheet = WorkSheet("汇总", "产品反馈汇总表", ("统计期间：2026年11月20日",), tables, **attributes)
    return WorkBook(
        "summary", "产品反馈汇总表", "示范科技有限公司", "zh-Hans", dt.date(2026, 11, 20), (sheet,)
    )


def grid_of(book: WorkBook) -> list[list[openpyxl.cell.cell.Cell]]:
    page = openpyxl.load_workbook(io.BytesIO(excel.render(book))).worksheets[0]
    return [list(row) for row in page.iter_rows()]


def test_text_stays_text_whatever_it_looks_like() -> None:
    content = excel.render(
        book_of(Table((Column("甲"), Column("乙")), tuple((text, "x") for text in HOSTILE)))
    )
    page = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    column = [row[0] for row in page.iter_rows(min_row=5)]
    assert [cell.value for cell in column] == [clean(text) for text in HOSTILE]
    assert {cell.data_type for cell in column} == {"s"}
    assert not any(cell.hyperlink for cell in column)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
        strings = archive.read("xl/sharedStrings.xml").decode()
    assert b"<f>" not in sheet
    assert "_x005F_x0041_BC" in strings


def test_dates_numbers_and_shares_are_real() -> None:
    table = Table(
        (
            Column("日", kind="date"),
            Column("时", kind="datetime"),
            Column("数", kind="integer"),
            Column("率", kind="percent"),
        ),
        (
            (dt.date(2026, 11, 5), dt.datetime(2026, 11, 5, 14, 30), 12, 0.25),
            (None, None, None, None),
        ),
    )
    row = grid_of(book_of(table))[-2]
    assert [cell.value for cell in row] == [
        dt.datetime(2026, 11, 5),
        dt.datetime(2026, 11, 5, 14, 30),
        12,
        0.25,
    ]
    assert [cell.number_format for cell in row] == [
        "yyyy-mm-dd",
        "yyyy-mm-dd hh:mm",
        "#,##0",
        "0.0%",
    ]


def test_text_too_long_for_a_cell_is_cut_visibly_and_nothing_is_lost_silently() -> None:
    row = grid_of(book_of(Table((Column("甲"), Column("乙")), (("长" * 40_000, "x"),))))[-1]
    assert len(row[0].value) <= 32_767
    assert "ledger" in row[0].value


def test_names_of_sheets_are_ones_excel_takes() -> None:
    names = ["a/b:c*d?[e]", "a/b:c*d?[e]", "很长的工作表名称" * 6, "'", "汇总"]
    sheets = tuple(WorkSheet(name, "t", (), (Table((Column("甲"),), (("x",),)),)) for name in names)
    content = excel.render(dataclasses.replace(book_of(), sheets=sheets))
    taken = openpyxl.load_workbook(io.BytesIO(content)).sheetnames
    assert len(set(taken)) == len(names)
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in taken)


@pytest.mark.parametrize("columns", [1, 2, 7])
def test_empty_table_says_so(columns: int) -> None:
    grid = grid_of(
        book_of(
            Table(tuple(Column(f"列{n}") for n in range(columns)), (), empty="本日无反馈（零报告）")
        )
    )
    assert "本日无反馈（零报告）" in {cell.value for row in grid for cell in row}


def test_editable_cell_keeps_its_tint_in_a_row_that_is_set_off() -> None:
    table = Table(
        (Column("編號"), Column("類型", editable=True)), (("1", "質量"),), marks={0: "severe"}
    )
    page = openpyxl.load_workbook(io.BytesIO(excel.render(book_of(table)))).worksheets[0]
    fills = {
        cell.value: cell.fill.fgColor.rgb[-6:]
        for row in page.iter_rows()
        for cell in row
        if cell.value in {"1", "質量"}
    }
    assert fills == {"1": "FADBD8", "質量": "FFF8DC"}


def test_title_of_a_sheet_two_pages_wide_stands_on_the_first() -> None:
    columns = tuple(Column(f"欄{n}", id=f"c{n}") for n in range(30))
    book = dataclasses.replace(
        book_of(Table(columns, (("x",) * 30,))), identity={"form": "tracking_ledger"}
    )
    page = openpyxl.load_workbook(io.BytesIO(excel.render(book))).worksheets[0]
    title = next(
        cell for row in page.iter_rows() for cell in row if cell.value and cell.font.size == 16
    )
    (span,) = [area for area in page.merged_cells.ranges if title.coordinate in area]
    assert (span.min_col, span.max_col < 15) == (
        3,
        True,
    )  # clear of the two columns that both pages repeat


def test_charts_stand_side_by_side() -> None:
    table = Table((Column("類型"), Column("件數", kind="integer")), (("質量", 3),), title="甲")
    book = book_of(table, charts=(Chart("一", "甲", (1,)), Chart("二", "甲", (1,))))
    with zipfile.ZipFile(io.BytesIO(excel.render(book))) as archive:
        drawing = etree.fromstring(archive.read("xl/drawings/drawing1.xml"))
    places = [
        tuple(
            int(anchor.findtext(f"{{*}}{end}/{{*}}{part}"))
            for end in ("from", "to")
            for part in ("col", "colOff")
        )
        for anchor in drawing
    ]
    assert places[1][:2] > places[0][2:]


def test_grouped_heads_tables_charts_and_signatures_are_there() -> None:
    grouped = Table(
        (
            Column("序号", kind="integer"),
            Column("轻微", group="严重程度", kind="integer"),
            Column("严重", group="严重程度", kind="integer"),
        ),
        ((1, 2, 3), (2, 4, 5)),
        "按类型",
    )
    content = excel.render(
        book_of(
            grouped,
            charts=(Chart("按类型", "按类型", (1, 2), stacked=True),),
            signatures=("编制", "审核"),
            notes=("附注",),
            freeze=False,
        )
    )
    page = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    values = {cell.value for row in page.iter_rows() for cell in row}
    assert {"严重程度", "轻微", "严重", "附注"} <= values
    assert any(isinstance(value, str) and "编制" in value and "审核" in value for value in values)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert [name for name in archive.namelist() if "charts/chart" in name]


def test_companys_name_is_not_taken_for_a_formula_or_page_code() -> None:
    book = dataclasses.replace(
        book_of(Table((Column("甲"),), (("x",),))), company="=A&B 科技", form_number="QR-8&D"
    )
    page = openpyxl.load_workbook(io.BytesIO(excel.render(book))).worksheets[0]
    assert (page["A1"].value, page["A1"].data_type) == ("=A&B 科技", "s")
    assert page.oddFooter.left.text in {"QR-8&&D", "QR-8&D"}


# --- HTML ---


def page_of(*sections: html.Section) -> html.Page:
    return html.Page("zh-Hans", "A&B", "<t>", "", "3 行", sections)


def test_page_shows_markup_as_text_and_links_by_path() -> None:
    bad = "<script>alert(1)</script>"
    one = html.PageLine(bad, (html.Link(bad, "客户/a b&c#d.pdf"),), "<i>注</i>")
    two = html.PageLine(
        bad, (html.Link("Word", "javascript:alert(1)"), html.Link(bad, "客户/b.pdf"))
    )
    page = html.index(page_of(html.Section(bad, [one, two]))).decode()
    assert ("<script>" in page, "<i>" in page, "<t>" in page) == (False, False, False)
    assert "%E5%AE%A2%E6%88%B7/a%20b%26c%23d.pdf" in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page)[1:] == [
        "javascript%3Aalert%281%29",
        "%E5%AE%A2%E6%88%B7/b.pdf",
    ]


# --- for every format ---


RENDERERS = {
    "word": lambda: word.render(document(*EVERYTHING, identity=IDENTITY), LETTERHEAD),
    "pdf": lambda: pdf.render(document(*EVERYTHING))[0],
    "excel": lambda: excel.render(
        book_of(
            Table((Column("甲"), Column("乙", kind="date")), (("x", dt.date(2026, 11, 5)),), "表"),
            charts=(Chart("图", "表", (1,)),),
        )
    ),
    "html": lambda: html.index(page_of()),
}


@pytest.mark.parametrize("kind", RENDERERS)
def test_same_document_gives_the_same_bytes(kind: str) -> None:
    assert RENDERERS[kind]() == RENDERERS[kind]()


@pytest.mark.slow
def test_same_document_gives_the_same_bytes_in_another_process() -> None:
    script = "import hashlib, tests.test_render as t\nfor k, r in sorted(t.RENDERERS.items()): print(k, hashlib.sha256(r()).hexdigest())"
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert told[0] == "".join(
        f"{kind} {hashlib.sha256(make()).hexdigest()}\n" for kind, make in sorted(RENDERERS.items())
    )


def test_identity_of_a_form_stands_visibly_at_its_foot() -> None:
    foot = "FB-20261120-0001 · D29 A/1 · 第 1 次 · 校驗碼 34679ACD"
    last = [
        text
        for text in said(opened((Text("a"),), identity=IDENTITY, foot=foot)).split("\n")
        if text
    ][-1]
    assert last == foot


@given(st.text())
def test_cleaned_text_can_stand_in_xml_and_is_left_alone_the_second_time(text: str) -> None:
    visible = clean(text)
    assert clean(visible) == visible
    etree.fromstring(f"<a>{visible.replace('&', '&amp;').replace('<', '&lt;')}</a>".encode())


def test_control_characters_are_shown_and_not_dropped() -> None:
    assert clean("a\x00b\x1b[31mc\u202ed") == "a\\x00b\\x1b[31mc\\u202ed"


def test_zip_of_word_is_packed_by_the_book() -> None:
    content = word.render(document(Text("甲" * 1_000)), LETTERHEAD)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        packed = archive.infolist()
        assert "word/document.xml" in {info.filename for info in packed}
        for info in packed:
            assert zlib.crc32(archive.read(info)) == info.CRC
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
