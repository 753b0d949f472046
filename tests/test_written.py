"""Word files → `Paper`: every visible text in its place, every blank whole, and never an exception for what a file holds."""

import csv
import datetime as dt
import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import docx
import pytest
from docx.oxml import parse_xml
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from fbbatch.model import Finding
from fbbatch.read.answers import BOXES
from fbbatch.read.limits import Limits
from fbbatch.read.paper import Blank, Paper
from fbbatch.read.word_form import read_word
from fbbatch.render import word
from fbbatch.render.blocks import Choice, Column, Document, Grid, Pair, Table
from tests.builders import REPOSITORY

TRANSITIONAL = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
W14 = "http://schemas.microsoft.com/office/word/2010/wordml"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
NAMES = f'xmlns:w="{{}}" xmlns:w14="{W14}" xmlns:mc="{MC}" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
LETTERHEAD = (REPOSITORY / "templates/letterhead.docx").read_bytes()


# --- files ---


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def repacked(content: bytes, change: dict[str, str | bytes | None]) -> bytes:
    """The same package with some parts replaced, added, or (None) taken out."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts: dict[str, str | bytes | None] = {
            name: archive.read(name) for name in archive.namelist()
        }
    return packed({name: part for name, part in {**parts, **change}.items() if part is not None})


def relations(*listed: tuple[str, str]) -> str:
    rows = "".join(
        f'<Relationship Id="r{n}" Type="{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(listed)
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def root(name: str, content: str, space: str = TRANSITIONAL) -> str:
    return f"<w:{name} {NAMES.format(space)}>{content}</w:{name}>"


def package(body: str, *, space: str = TRANSITIONAL, **others: str) -> dict[str, str]:
    """A Word package by hand; `others` are further parts by the type of their relation: their content."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return {
        "[Content_Types].xml": f'<Types xmlns="t"><Override PartName="/word/main.xml" ContentType="{kind}"/></Types>',
        "_rels/.rels": relations((f"{OFFICE}/officeDocument", "/word/main.xml")),
        "word/main.xml": root("document", f"<w:body>{body}</w:body>", space),
        "word/_rels/main.xml.rels": relations(
            *((f"{OFFICE}/{kind}", f"{kind}.xml") for kind in others)
        ),
        **{f"word/{name}.xml": root(name, content, space) for name, content in others.items()},
    }


def word_file(body: str, **others: str) -> bytes:
    return packed(package(body, **others))


def read(body: str, **others: str) -> Paper:
    return paper_of(word_file(body, **others))


def paper_of(content: bytes) -> Paper:
    found = read_word(content, Limits())
    assert isinstance(found, Paper), found
    return found


def refused(content: bytes, **limits: int) -> str:
    found = read_word(content, Limits(**limits))
    assert isinstance(found, Finding), found
    return found.code


def answers(paper: Paper) -> dict[str, str]:
    assert len({blank.name for blank in paper.blanks}) == len(paper.blanks)
    return {blank.name: blank.text for blank in paper.blanks}


def labels(paper: Paper) -> dict[str, str]:
    return {blank.name: blank.label for blank in paper.blanks}


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def p(*content: str) -> str:
    """A paragraph of texts and (where they begin with `<`) XML."""
    return (
        f"<w:p><w:pPr/>{''.join(one if one.startswith('<') else r(one) for one in content)}</w:p>"
    )


def tc(content: str = "", properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content if content.startswith('<') else p(content)}</w:tc>"


def tr(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(c if c.startswith('<') else tc(c) for c in cells)}</w:tr>"


def tbl(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(rows)}</w:tbl>"


def start(name: str, id: int = 1, more: str = "") -> str:
    return f'<w:bookmarkStart w:id="{id}" w:name="fb_{name}" {more}/>'


def end(id: int = 1) -> str:
    return f'<w:bookmarkEnd w:id="{id}"/>'


def sdt(tag: str, content: str, properties: str = "") -> str:
    named = f'<w:tag w:val="{tag}"/>' if tag else ""
    return f"<w:sdt><w:sdtPr>{named}{properties}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def form_field(name: str, kind: str, data: str, result: str = "") -> str:
    char = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    begin = f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:name w:val="{name}"/>{data}</w:ffData></w:fldChar></w:r>'
    return f"{begin}<w:r><w:instrText> {kind} </w:instrText></w:r>{char.format('separate')}{result}{char.format('end')}"


def tick(name: str, state: str) -> str:
    return form_field(name, "FORMCHECKBOX", f"<w:checkBox><w:sizeAuto/>{state}</w:checkBox>")


def drop_down(name: str, chosen: str) -> str:
    return form_field(
        name,
        "FORMDROPDOWN",
        f'<w:ddList>{chosen}<w:listEntry w:val="一般"/><w:listEntry w:val="嚴重"/></w:ddList>',
    )


# --- text ---


@pytest.mark.parametrize(
    ("run", "text"),
    [
        ("<w:r><w:t>一</w:t><w:tab/><w:t>二</w:t></w:r>", "一\t二"),
        ("<w:r><w:t>一</w:t><w:br/><w:t>二</w:t><w:cr/><w:t>三</w:t></w:r>", "一\n二\n三"),
        ("<w:r><w:t>02</w:t><w:noBreakHyphen/><w:t>1234</w:t></w:r>", "02-1234"),
        ("<w:r><w:t>一\n  二</w:t></w:r>", "一   二"),
        (
            '<w:hyperlink w:anchor="a"><w:smartTag>' + r("連結") + "</w:smartTag></w:hyperlink>",
            "連結",
        ),
        ('<w:fldSimple w:instr="PAGE">' + r("7") + "</w:fldSimple>", "7"),
        ("<w:customXml>" + r("自訂") + "</w:customXml>", "自訂"),
        ("<m:oMath><m:r><m:t>x+1</m:t></m:r></m:oMath>", "x+1"),
        (
            "<w:ins>"
            + r("新")
            + "</w:ins><w:del><w:r><w:delText>舊</w:delText></w:r>"
            + r("舊")
            + "</w:del>",
            "新",
        ),
        (
            "<w:moveFrom>"
            + r("移")
            + "</w:moveFrom>"
            + r("，")
            + "<w:moveTo>"
            + r("移")
            + "</w:moveTo>",
            "，移",
        ),
        (
            f"<w:ruby><w:rubyPr/><w:rt>{r('かん')}</w:rt><w:rubyBase>{r('漢')}</w:rubyBase></w:ruby>",
            "漢かん",
        ),
    ],
)
def test_a_run_is_read_as_it_is_seen(run: str, text: str) -> None:
    assert read(f"<w:p>{run}</w:p>").lines == (text,)


@pytest.mark.parametrize(
    ("font", "char", "sign"),
    [
        ("Wingdings", "F0FE", "☑"), ("Wingdings", "F0FC", "☑"), ("Wingdings", "F052", "☑"), ("Wingdings 2", "f052", "☑"),
        ("Wingdings", "00FE", "☑"), ("Wingdings", "F0A8", "☐"), ("Wingdings", "F06F", "☐"), ("Wingdings 2", "F0A3", "☐"),
        ("Wingdings", "F0FD", "☒"), ("Symbol", "F0FE", "\uf0fe"), ("Arial", "4E2D", "中"), ("Arial", "D800", ""), ("Arial", "no", ""),
        ("Arial", "", ""), ("Wingdings", "FFFFF0FE", ""),
    ],
)  # fmt: skip
def test_a_symbol_is_the_sign_it_looks_like(font: str, char: str, sign: str) -> None:
    assert read(p("甲", f'<w:r><w:sym w:font="{font}" w:char="{char}"/></w:r>', "乙")).lines == (
        f"甲{sign}乙",
    )


def test_a_symbol_that_was_saved_as_text_is_the_same_sign() -> None:
    fonts = '<w:rFonts w:ascii="Wingdings" w:hAnsi="Wingdings"/>'
    assert read(p(r("\uf0fe是", fonts), r("\uf0a8否", fonts), r("\uf0fe"))).lines == (
        "☑是☐否\uf0fe",
    )


def test_a_paragraph_whose_end_was_deleted_goes_on_in_the_next() -> None:
    joined = f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{r('一')}</w:p>"
    paper = read(f"{joined}{p('二')}{joined}{tbl(tr(tc(joined + p('二')), tc(joined)))}{p('三')}")
    assert paper.lines == ("一二", "一", "三")
    assert paper.tables == ((("一二", "一"),),)


def test_text_boxes_are_lines_and_stand_there_once() -> None:
    box = "<w:r><mc:AlternateContent><mc:Choice>{}</mc:Choice><mc:Fallback>{}</mc:Fallback></mc:AlternateContent></w:r>"
    new, old = (
        "<w:txbxContent>{}</w:txbxContent>",
        "<w:pict><v:shape><v:textbox><w:txbxContent>{}</w:txbxContent></v:textbox></v:shape></w:pict>",
    )
    both = box.format(new.format(p("框", "中") + p("再")), old.format(p("框中") + p("再")))
    older = box.format("<w:drawing/>", old.format(p("舊框")))
    paper = read(
        p("前", both, "後") + tbl(tr(tc(p("格", older)))) + p(f"<w:r>{old.format(p('圖'))}</w:r>")
    )
    assert paper.lines == ("前後", "框中", "再", "舊框", "圖")
    assert paper.tables == ((("格",),),)


def test_blocks_in_any_wrapping_are_walked() -> None:
    wrapped = sdt(
        "", p("一") + sdt("", f"<w:customXml>{p('二')}</w:customXml>") + f"<w:ins>{p('三')}</w:ins>"
    )
    assert read(wrapped + p() + p("  ") + p("四")).lines == ("一", "二", "三", "四")


def test_text_that_stands_outside_every_paragraph_is_a_line() -> None:
    assert (
        read(
            r("散") + tbl(r("表間") + "<w:tr>" + r("行間") + "</w:tr>") + tc("無行") + tr("無表")
        ).text()
        == "散\n表間\n行間\n無行\n無表\n"[:-1]
    )


def test_notes_and_comments_are_lines_headers_and_footers_the_margin() -> None:
    paper = read(
        p("正文"),
        header=tbl(tr("示範公司", "QF-01")) + p("頁首"),
        footer=p("第 ", '<w:fldSimple w:instr="PAGE"/>', "頁"),
        footnotes=f"<w:footnote>{p('腳註')}</w:footnote>",
        endnotes=f"<w:endnote>{p('尾註')}</w:endnote>",
        comments=f'<w:comment w:author="x">{p("批註")}{tbl(tr("表"))}</w:comment>',
    )
    assert paper.lines == ("正文", "腳註", "尾註", "批註")
    assert paper.margin == ("示範公司", "QF-01", "頁首", "第 頁")
    assert paper.tables == ((("表",),),)


# --- tables ---


def test_rows_of_a_table_are_equally_wide_whatever_is_merged() -> None:
    paper = read(
        tbl(
            tr(tc("一", '<w:gridSpan w:val="2"/>'), "二"),
            tr("三", properties='<w:gridBefore w:val="1"/><w:gridAfter w:val="1"/>'),
            tr(tc("四", '<w:vMerge w:val="restart"/>'), "五", "六"),
            tr(tc("", "<w:vMerge/>"), "七"),
            tr(tc("藏", '<w:vMerge w:val="continue"/>'), "八", "九"),
            tr(tc("十", "<w:vMerge/>"), tc("另", "<w:vMerge/>")),
            sdt("", tr(sdt("", tc(p("甲") + p() + p("乙"))), tc("丙"))),
            tr(tc("刪"), properties="<w:del/>"),
        )
    )
    assert paper.tables == (
        (
            ("一", "", "二"),
            ("", "三", ""),
            ("四\n藏\n十", "五", "六"),
            ("", "七", ""),
            ("", "八", "九"),
            ("", "另", ""),
            ("甲\n\n乙", "丙", ""),
        ),
    )


def test_a_nested_table_stands_after_the_outer_one_and_every_text_once() -> None:
    paper = read(
        tbl(tr("外", tc(p("前") + tbl(tr("內", tc(tbl(tr("最內")) + p()))) + p("後"))))
        + tbl(tr("次"))
        + tbl()
    )
    assert paper.tables == ((("外", "前\n後"),), (("內", ""),), (("最內",),), (("次",),))
    assert paper.lines == ()


@pytest.mark.parametrize("span", ["0", "-3", "x", "", "99999999999"])
def test_a_span_that_is_no_number_is_one(span: str) -> None:
    assert read(tbl(tr(tc("甲", f'<w:gridSpan w:val="{span}"/>'), "乙"))).tables == (
        (("甲", "乙"),),
    )


# --- blanks: bookmarks ---


@pytest.mark.parametrize(
    "cell",
    [
        tc(p(start("a"), "答案", end())),
        tc(p(start("a"), end(), "答案")),
        tc(p("答案", start("a"), end())),
        tc(p("答", start("a"), "案", end())),
        tc(start("a") + p("答案") + end()),
        tc(p(start("a"), "答案")),
        tc(p(start("a", 1), start("a", 2), end(2), "答案")),
        tc(p(f"<w:del>{start('a')}{r('舊')}{end()}</w:del>", f"<w:ins>{r('答案')}</w:ins>")),
        start("a") + tc("答案") + end(),
        sdt("", tc(p(start("a"), "答案", end()))),
    ],
)
def test_a_bookmark_in_a_cell_is_all_of_the_cell_wherever_it_stands(cell: str) -> None:
    paper = read(tbl(tr("姓名：", cell, "電話", tc(p(start("b", 9), end(9))))))
    assert paper.blanks == (
        Blank("a", "答案", "姓名", "bookmark", 1, 1, 2),
        Blank("b", "", "電話", "bookmark", 1, 1, 4),
    )
    assert paper.tables == ((("姓名：", "答案", "電話", ""),),)


def test_a_bookmark_in_a_cell_takes_all_paragraphs_boxes_and_tables_in_it() -> None:
    box = f"<w:r><w:pict><v:textbox><w:txbxContent>{p('框')}</w:txbxContent></v:textbox></w:pict></w:r>"
    paper = read(
        tbl(
            tr(
                "說明",
                tc(p(start("a"), "一", end()) + p() + p("二", box) + tbl(tr("表", "格")) + p("三")),
            )
        )
    )
    assert answers(paper) == {"a": "一\n\n二\n框\n\n表\n格\n三"}
    assert (paper.lines, paper.tables) == (("框",), ((("說明", "一\n\n二\n三"),), (("表", "格"),)))


def test_several_bookmarks_in_a_cell_are_each_its_own_stretch() -> None:
    cell = tc(
        p("高：", start("high", 1), "3", end(1), " 低：", start("low", 2), "1", end(2))
        + p("備註：", start("note", 3), end(3))
    )
    paper = read(tbl(tr("範圍", cell)))
    assert answers(paper) == {"high": "3", "low": "1", "note": ""}
    assert labels(paper) == {"high": "高", "low": "低", "note": "備註"}


def test_a_bookmark_that_names_its_column_is_in_that_cell() -> None:
    first = tc(p(start("a", 1, 'w:colFirst="1" w:colLast="1"'), "姓名"))
    paper = read(tbl(tr(first, "王小明" + ""), tr(start("b", 2, 'w:colFirst="7"'), "x")))
    assert paper.blanks == (Blank("a", "王小明", "姓名", "bookmark", 1, 1, 2), Blank("b", ""))


def test_a_bookmark_between_rows_is_in_the_next_row_or_nowhere() -> None:
    paper = read(tbl(tr("甲"), start("a"), end(), tr("乙"), start("b", 2)))
    assert paper.blanks == (Blank("a", "乙", "甲", "bookmark", 1, 2, 1), Blank("b", ""))


@pytest.mark.parametrize(
    ("body", "text", "label"),
    [
        (p(start("a"), "答案", end()), "答案", ""),
        (p(start("a"), "答", end(), "案"), "答案", ""),
        (p("姓名： ", start("a"), "答案", end(), "（先生）"), "答案", "姓名"),
        (p("姓名：", start("a"), end(), "答案"), "答案", "姓名"),
        (p("姓名：", start("a"), end()), "", "姓名"),
        (p("姓名：", start("a"), "答案"), "答案", "姓名"),
        (p(start("a"), "一") + p("二") + p("三", end(), "外"), "一\n二\n三", ""),
        (start("a") + p("一") + p("二") + end() + p("三"), "一\n二", ""),
        (p("說明：", start("a", 1), "一") + p(start("a", 2), "二", end(2)), "一\n二", "說明"),
    ],
)
def test_a_bookmark_outside_tables_is_its_paragraph_or_its_stretch(
    body: str, text: str, label: str
) -> None:
    assert read(body).blanks == (Blank("a", text, label),)


def test_other_bookmarks_are_no_blanks() -> None:
    assert (
        read(
            p(
                '<w:bookmarkStart w:id="1" w:name="_GoBack"/><w:bookmarkEnd w:id="1"/><w:bookmarkEnd w:id="5"/>',
                "x",
            )
        ).blanks
        == ()
    )


def test_answers_are_no_labels_and_running_numbers_are_none_either() -> None:
    head = tr("序號", "品名", "數量")
    rows = [
        tr(f"{n}", tc(p(start(f"name_{n}", n), f"品{n}", end(n))), tc(sdt(f"count_{n}", p(f"{n}"))))
        for n in (1, 2)
    ]
    paper = read(tbl(head, *rows))
    assert labels(paper) == {
        "name_1": "品名",
        "count_1": "數量",
        "name_2": "品名",
        "count_2": "數量",
    }
    assert [(b.row, b.column) for b in paper.blanks] == [(2, 2), (2, 3), (3, 2), (3, 3)]


# --- blanks: content controls ---


def test_content_controls_are_blanks_at_every_level() -> None:
    paper = read(
        sdt("block", p("一") + p("二"))
        + p(
            "嚴重：",
            sdt("inline", r("嚴重"), "<w:dropDownList/>"),
            "，日期：",
            sdt("date", r("2026-11-20"), "<w:date/>"),
        )
        + tbl(
            tr("型號", sdt("cell", tc("X-200"))),
            sdt("row", tr("顏色", tc(p(sdt("nested", sdt("inner", r("白"))))))),
        )
    )
    assert paper.blanks == (
        Blank("block", "一\n二", "", "control"),
        Blank("inline", "嚴重", "嚴重", "control"),
        Blank("date", "2026-11-20", "，日期", "control"),
        Blank("cell", "X-200", "型號", "control", 1, 1, 2),
        Blank("row", "顏色\n白", "", "control", 1, 2, 1),
        Blank("nested", "白", "顏色", "control", 1, 2, 2),
        Blank("inner", "白", "顏色", "control", 1, 2, 2),
    )
    assert paper.lines == ("一", "二", "嚴重：嚴重，日期：2026-11-20")
    assert paper.tables == ((("型號", "X-200"), ("顏色", "白")),)


def test_a_control_without_tag_goes_by_its_title_and_without_both_is_none() -> None:
    paper = read(
        p(
            sdt("", r("甲"), '<w:alias w:val="客戶"/><w:tag w:val=""/>'),
            sdt("", r("乙")),
            "<w:sdt/>",
        )
    )
    assert answers(paper) == {"客戶": "甲"}


def test_a_placeholder_is_no_answer_of_any_blank_around_it() -> None:
    hint = sdt("hint", r("按這裡輸入"), "<w:showingPlcHdr/>")
    paper = read(
        tbl(tr("姓名", tc(p(start("name"), hint, end()))))
        + p(sdt("off", r("有"), '<w:showingPlcHdr w:val="0"/>'))
    )
    assert answers(paper) == {"name": "", "hint": "", "off": "有"}
    assert paper.tables == ((("姓名", "按這裡輸入"),),)


def test_checkboxes_are_ticked_or_not_whatever_sign_they_show() -> None:
    def box(tag: str, state: str, shown: str) -> str:
        return sdt(tag, r(shown), f"<w14:checkbox>{state}</w14:checkbox>")

    on, off = '<w14:checked w14:val="1"/>', '<w14:checked w14:val="0"/>'
    paper = read(
        tbl(
            tr(
                "隱患",
                tc(
                    p(
                        start("all"),
                        box("yes", on, "☒"),
                        "是 ",
                        box("no", off, "☐"),
                        "否 ",
                        box("none", "", "□"),
                        end(),
                    )
                ),
            )
        )
    )
    assert answers(paper) == {"all": "☑是 ☐否 ☐", "yes": "☑", "no": "☐", "none": "☐"}
    assert paper.tables == ((("隱患", "☑是 ☐否 ☐"),),)


def test_a_repeating_section_gives_every_item() -> None:
    item = "<w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>"
    rows = "".join(item.format(tr(tc(p(sdt("part", r(name)))))) for name in ("甲", "乙"))
    paper = read(tbl(tr("零件"), sdt("parts", rows)))
    assert [(b.name, b.text, b.row) for b in paper.blanks] == [
        ("parts", "甲\n乙", 2),
        ("part", "甲", 2),
        ("part", "乙", 3),
    ]


# --- blanks: form fields ---


def test_form_fields_of_the_old_kind_are_blanks() -> None:
    paper = read(
        p(
            "電話：",
            form_field("phone", "FORMTEXT", "<w:textInput/>", r("0912")),
            " 空：",
            form_field("none", "FORMTEXT", "", r("\u2002" * 5)),
        )
        + p(
            tick("on", "<w:checked/>"),
            "一",
            tick("off", '<w:default/><w:checked w:val="0"/>'),
            "二",
            tick("default", "<w:default/>"),
            "三",
        )
        + p(
            "級別：",
            drop_down("chosen", '<w:result w:val="1"/>'),
            "／",
            drop_down("first", ""),
            "／",
            drop_down("over", '<w:result w:val="9"/>'),
        )
    )
    assert answers(paper) == {
        "phone": "0912", "none": "", "on": "☑", "off": "☐", "default": "☑", "chosen": "嚴重", "first": "一般", "over": "",
    }  # fmt: skip
    assert paper.lines == ("電話：0912 空：", "☑一☐二☑三", "級別：嚴重／一般／")
    assert (labels(paper)["phone"], labels(paper)["none"], labels(paper)["chosen"]) == (
        "電話",
        "空",
        "級別",
    )


def test_a_form_field_without_end_or_name_loses_nothing() -> None:
    begun = '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:name w:val="{}"/></w:ffData></w:fldChar></w:r>'
    closing = '<w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:fldChar/></w:r>'
    paper = read(
        p(begun.format("open"), "一")
        + p(begun.format(""), "二")
        + p(closing * 3, "三", tick("", "<w:checked/>"))
    )
    assert paper.lines == ("一", "二", "三☑")
    assert [blank.name for blank in paper.blanks] == ["open"]


def test_what_a_field_is_made_of_is_no_answer_but_not_lost() -> None:
    paper = read(
        p(
            form_field(
                "a", "IF </w:instrText></w:r>" + r("參數") + "<w:r><w:instrText>", "", r("果")
            )
        )
    )
    assert (answers(paper), paper.lines) == ({"a": "果"}, ("參數果",))


def test_nested_fields_show_their_results() -> None:
    inner = form_field("in", "FORMTEXT", "", r("內"))
    assert read(p(form_field("out", "IF", "", r("外") + inner))).blanks == (
        Blank("out", "外內", "", "field"),
        Blank("in", "內", "外", "field"),
    )


# --- what no reader sees ---

WHITE = '<w:color w:val="FFFFFF"/>'
STYLES = (
    '<w:style w:styleId="off"><w:rPr><w:vanish/></w:rPr></w:style><w:style w:styleId="on"><w:basedOn w:val="off"/>'
    '<w:rPr><w:vanish w:val="0"/></w:rPr></w:style><w:style w:styleId="below"><w:basedOn w:val="off"/></w:style>'
    '<w:style w:styleId="round"><w:basedOn w:val="round"/></w:style>'
)


@pytest.mark.parametrize(
    "properties",
    [
        "<w:vanish/>",
        '<w:vanish w:val="true"/>',
        '<w:sz w:val="2"/>',
        WHITE,
        '<w:rStyle w:val="off"/>',
        '<w:rStyle w:val="below"/>',
    ],
)
def test_text_that_no_reader_sees_is_not_read_but_counted(properties: str) -> None:
    paper = read(p(r("看得見"), r("看 不見", properties)), styles=STYLES)
    assert (paper.lines, paper.n_hidden) == (("看得見",), 3)


def test_paragraph_of_a_hidden_style_is_not_read() -> None:
    assert (
        read(
            '<w:p><w:pPr><w:pStyle w:val="off"/></w:pPr>' + r("暗") + "</w:p>", styles=STYLES
        ).n_hidden
        == 1
    )


@pytest.mark.parametrize(
    "properties",
    [
        '<w:vanish w:val="0"/>', '<w:rStyle w:val="on"/>', '<w:rStyle w:val="round"/>', '<w:rStyle w:val="nobody"/>', '<w:sz w:val="4"/>',
        '<w:sz w:val="big"/>', WHITE + '<w:shd w:fill="000000"/>', WHITE + '<w:highlight w:val="black"/>',
    ],
)  # fmt: skip
def test_text_that_is_seen_is_read(properties: str) -> None:
    paper = read(p(r("看得見", properties)), styles=STYLES)
    assert (paper.lines, paper.n_hidden) == (("看得見",), 0)


def test_white_text_in_a_table_is_read_for_the_table_may_have_a_ground() -> None:
    paper = read("<w:tbl><w:tr><w:tc>" + p(r("表頭", WHITE)) + "</w:tc></w:tr></w:tbl>")
    assert (paper.tables, paper.n_hidden) == (((("表頭",),),), 0)


# --- the package ---


def test_the_document_is_found_by_the_relations_or_by_its_type() -> None:
    parts = package(p("字"), header=p("首"))
    assert (
        paper_of(
            packed({name: part for name, part in parts.items() if name != "_rels/.rels"})
        ).text()
        == "字\n首"
    )
    moved = {name.replace("word/", "a b/").replace("/", "\\"): part for name, part in parts.items()}
    moved["_rels\\.rels"] = relations((f"{OFFICE}/officeDocument", "a%20b/./main.xml"))
    assert paper_of(packed(moved)).text() == "字\n首"


def test_strict_files_are_read_with_all_they_hold() -> None:
    body = (
        tbl(tr("姓名", tc(p(start("a"), "答", end()))))
        + p(sdt("b", r("乙"), "<w:showingPlcHdr/>"))
        + p(tick("c", "<w:checked/>"))
    )
    paper = paper_of(packed(package(body, space=STRICT, comments=p("批"))))
    assert answers(paper) == {"a": "答", "b": "", "c": "☑"}
    assert paper.lines == ("乙", "☑", "批")


def test_macro_documents_are_read_as_documents() -> None:
    parts = package(p("字"))
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        "vnd.openxmlformats-officedocument.wordprocessingml.document.main",
        "vnd.ms-word.document.macroEnabled.main",
    )
    del parts["_rels/.rels"]
    assert paper_of(packed(parts)).lines == ("字",)


def test_the_identity_is_what_the_custom_properties_of_ours_say() -> None:
    properties = "".join(
        f'<property name="{name}"><x>{value}</x></property>'
        for name, value in (("fbbatch.form", "reply"), ("Owner", "某"), ("fbbatch.case", "FB-1"))
    )
    for kind, space in (
        ("custom-properties", "officeDocument/2006"),
        ("customProperties", "strict"),
    ):
        parts = package(p("字"))
        parts["docProps/custom.xml"] = f'<Properties xmlns="{space}">{properties}</Properties>'
        parts["_rels/.rels"] = relations(
            (f"{OFFICE}/officeDocument", "word/main.xml"),
            (f"{OFFICE}/{kind}", "docProps/custom.xml"),
        )
        assert paper_of(packed(parts)).identity == {"form": "reply", "case": "FB-1"}


# --- trouble ---


def broken(**change: str | bytes | None) -> bytes:
    names = {
        "types": "[Content_Types].xml",
        "rels": "_rels/.rels",
        "main": "word/main.xml",
        "main_rels": "word/_rels/main.xml.rels",
        "header": "word/header.xml",
    }
    return repacked(
        word_file(p("字"), header=p("首")), {names[name]: part for name, part in change.items()}
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512,
        packed({"a.txt": "x"}),
        broken(types=None),
        broken(main=None),
        broken(header=None),
        broken(rels=relations((f"{OFFICE}/officeDocument", "/word/header.xml"))),
        broken(rels=relations((f"{OFFICE}/officeDocument", "../../../etc/passwd"))),
        broken(rels="<Relationships>"),
        broken(main=""),
        broken(main=root("document", "<w:body>")[:-20]),
        broken(main=f'<!DOCTYPE x>{root("document", p("字"))}'),
        broken(header=f'<!DOCTYPE x [<!ENTITY a "b">]>{root("header", p("&a;"))}'.replace("&amp;", "&")),
        broken(main=f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x SYSTEM "file:///etc/passwd">{root("document", p("字"))}'.encode("utf-16")),
        broken(main=root("document", p("字")).encode("utf-16-be")[:-1]),
        broken(main='<?xml version="1.0" encoding="martian"?><a/>'),
        broken(main=root("document", p("a" * 10_100_000))),
        broken(main_rels=b"\xff\xfe\x00"),
    ],
)  # fmt: skip
def test_what_is_no_sound_word_file_is_one_finding(content: bytes) -> None:
    assert refused(content) == "FB-broken"


def test_a_part_elsewhere_is_not_fetched() -> None:
    relation = '<Relationship Id="r" Type="x/header" Target="http://example.com/h.xml" TargetMode="External"/>'
    assert paper_of(broken(main_rels=f"<Relationships>{relation}</Relationships>")).text() == "字"


def test_a_file_with_a_password_says_so() -> None:
    assert (
        refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"))
        == "FB-encrypted"
    )
    content = bytearray(word_file(p("字")))
    for at in (m.start() for m in re.finditer(b"PK\x01\x02", content)):
        content[at + 8] |= 1
    assert refused(bytes(content)) == "FB-encrypted"


@pytest.mark.parametrize(
    ("body", "limits", "code"),
    [
        (p("字" * 6), {"paper_chars": 5}, "FB-limit-paper-chars"),
        (sdt("a", sdt("b", sdt("c", p("字字")))), {"paper_chars": 5}, "FB-limit-paper-chars"),
        (tbl(tr(tbl(tr("x")))) * 2, {"paper_tables": 3}, "FB-limit-paper-tables"),
        (tbl(tr(tc("x", '<w:gridSpan w:val="999999999"/>'))), {}, "FB-limit-cells"),
        (
            tbl(tr(tc("x", '<w:gridSpan w:val="50"/>')), *[tr("x")] * 50),
            {"cells": 2_500},
            "FB-limit-cells",
        ),
        (sdt("", p("x")), {"xml_depth": 8}, None),
        (sdt("", sdt("", p("x"))), {"xml_depth": 8}, "FB-limit-xml-depth"),
        ("<w:ins>" * 300 + "</w:ins>" * 300, {}, "FB-limit-xml-depth"),
        ("<w:ins>" * 300 + "</w:ins>" * 300, {"xml_depth": 1_000}, "FB-broken"),
    ],
)
def test_too_much_is_told_by_the_limit_it_is_over(
    body: str, limits: dict[str, int], code: str | None
) -> None:
    found = read_word(word_file(body), Limits(**limits))
    assert (found.code if isinstance(found, Finding) else None) == code


@pytest.mark.parametrize("depth", [40, 240])
def test_deep_nesting_is_read_once_and_through(depth: int) -> None:
    boxes = depth // 6
    box = "<w:r><mc:AlternateContent><mc:Choice/><mc:Fallback><w:txbxContent><w:p>"
    nested = f"<w:p>{box * boxes}{r('底')}{'</w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>' * boxes}</w:p>"
    assert read(nested).lines == ("底",)
    tables = depth // 3 - 2
    paper = read("<w:tbl><w:tr><w:tc>" * tables + p("底") + "</w:tc></w:tr></w:tbl>" * tables)
    assert paper.tables == ((("",),),) * (tables - 1) + ((("底",),),)
    controls = depth // 2 - 2
    opening = "".join(
        f'<w:sdt><w:sdtPr><w:tag w:val="c{n}"/></w:sdtPr><w:sdtContent>' for n in range(controls)
    )
    assert answers(read(opening + p("底") + "</w:sdtContent></w:sdt>" * controls)) == {
        f"c{n}": "底" for n in range(controls)
    }


@pytest.mark.slow
def test_many_blanks_are_read_as_fast_as_few() -> None:
    rows = [tr(tc(p(start(f"r{n}", n), f"{n}", end(n)))) for n in range(5_000)]
    assert len(read(tbl(tr("欄"), *rows)).blanks) == 5_000
    row = tr(*(tc(p(start(f"c{n}", n), end(n))) for n in range(5_000)))
    assert len(read(tbl(row)).blanks) == 5_000
    inline = "".join(f"{r('字')}{start(f'b{n}', n)}" for n in range(5_000))
    found = read_word(word_file(p(inline)), Limits())
    assert isinstance(found, Finding)  # each would hold all that follows
    assert found.code == "FB-limit-paper-chars"


EVERYTHING = packed(
    package(
        tbl(
            tr(
                "姓名",
                tc(p(start("a"), "答", end())),
                tc("x", '<w:gridSpan w:val="2"/><w:vMerge/>'),
            ),
            sdt("s", tr("乙")),
        )
        + p(
            "電話：",
            form_field("f", "FORMTEXT", "", r("1")),
            drop_down("d", '<w:result w:val="1"/>'),
            tick("t", "<w:default/>"),
        )
        + p(
            sdt("c", r("☒"), '<w14:checkbox><w14:checked w14:val="1"/></w14:checkbox>'),
            '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>',
        ),
        header=p("首"),
        footnotes=p("註"),
    )
)


@given(at=st.integers(0, len(EVERYTHING) - 1), value=st.integers(0, 255), cut=st.booleans())
@settings(max_examples=300)
def test_no_damaged_byte_is_an_exception(at: int, value: int, cut: bool) -> None:
    content = EVERYTHING[:at] if cut else EVERYTHING[:at] + bytes([value]) + EVERYTHING[at + 1 :]
    found = read_word(content, Limits())
    assert isinstance(found, Paper) or found.code in {"FB-broken", "FB-encrypted"}


LEAVES = ("fldChar", "bookmarkStart", "bookmarkEnd")
ELEMENTS = (
    "p",
    "r",
    "tbl",
    "tr",
    "tc",
    "sdt",
    "sdtContent",
    "txbxContent",
    "del",
    "ins",
    "ruby",
    "rt",
    "rubyBase",
    "pPr",
    "tcPr",
    *LEAVES,
)


@given(
    picks=st.lists(st.sampled_from([*ELEMENTS, "up", "text", "text"]), max_size=40),
    kind=st.sampled_from(["begin", "separate", "end"]),
)
@settings(max_examples=300)
def test_no_order_of_elements_is_an_exception_or_loses_a_text(picks: list[str], kind: str) -> None:
    space = f"{{{TRANSITIONAL}}}"
    here = top = etree.fromstring(root("document", ""))
    said = []
    for n, pick in enumerate(picks):
        if pick == "up":
            here = here if here is top else here.getparent()
        elif pick == "text":
            etree.SubElement(here, f"{space}t").text = f"«{n}»"
            around = {etree.QName(one).localname for one in (here, *here.iterancestors())}
            said += [] if around & {"del", "pPr", "tcPr"} else [f"«{n}»"]
        else:
            made = etree.SubElement(
                here,
                f"{space}{pick}",
                {f"{space}name": "fb_x", f"{space}id": "1", f"{space}fldCharType": kind},
            )
            here = here if pick in LEAVES else made
    paper = paper_of(
        repacked(
            EVERYTHING, {"word/main.xml": etree.tostring(top), "word/_rels/main.xml.rels": None}
        )
    )
    assert sorted(re.findall("«[0-9]+»", paper.text())) == sorted(said)


# --- files of others ---


def test_what_python_docx_does_not_see_is_read() -> None:
    names = f'xmlns:w="{TRANSITIONAL}" xmlns:w14="{W14}"'
    document = docx.Document()
    document.add_heading("登記表", 1)
    paragraph = document.add_paragraph("嚴重程度：")
    paragraph._p.append(
        parse_xml(
            sdt("severity", r("嚴重"), "<w:dropDownList/>").replace(
                "<w:sdt>", f"<w:sdt {names}>", 1
            )
        )
    )
    table = document.add_table(2, 3)
    table.cell(0, 0).text, table.cell(1, 0).text = "產品型號", "跨欄"
    table.cell(1, 1).merge(table.cell(1, 2)).text = "一\n二"
    table.cell(0, 1)._tc.insert(
        1, parse_xml(sdt("product", p("X-200")).replace("<w:sdt>", f"<w:sdt {names}>", 1))
    )
    document.sections[0].header.paragraphs[0].text = "頁首"
    buffer = io.BytesIO()
    document.save(buffer)
    paper = paper_of(buffer.getvalue())
    assert paper.blanks == (
        Blank("severity", "嚴重", "嚴重程度", "control"),
        Blank("product", "X-200", "產品型號", "control", 1, 1, 2),
    )
    assert paper.tables == ((("產品型號", "X-200", ""), ("跨欄", "一\n二", "")),)
    assert (paper.lines, paper.margin) == (("登記表", "嚴重程度：嚴重"), ("頁首",))


CORPUS = REPOSITORY.parent / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.csv"
ACCEPTED: list[str] = []
if MANIFEST.is_file():
    with MANIFEST.open(encoding="utf-8", newline="") as listed:
        ACCEPTED = [
            row["path"]
            for row in csv.DictReader(listed)
            if row["ext"] in {"docx", "docm"} and row["expect"] == "accept"
        ]


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.mark.skipif(not ACCEPTED, reason=f"the files of others are not here: {CORPUS}")
@pytest.mark.parametrize("path", ACCEPTED or [""])
def test_every_text_of_a_real_document_is_read_and_none_twice(path: str) -> None:
    content = (CORPUS / "files" / path).read_bytes()
    paper = paper_of(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        document = etree.fromstring(archive.read("word/document.xml"))
        parts = [
            etree.fromstring(archive.read(n))
            for n in archive.namelist()
            if re.fullmatch(
                r"word/(document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml", n
            )
        ]
    gone = [f"{{{TRANSITIONAL}}}del", f"{{{TRANSITIONAL}}}moveFrom"]
    seen = [
        t.text or ""
        for t in document.iter(f"{{{TRANSITIONAL}}}t")
        if next(t.iterancestors(f"{{{MC}}}Fallback", *gone), None) is None
        and (t.text or "-") not in BOXES  # of a check box its state is read, whatever is drawn
    ]
    text = bare(paper.text())
    assert [one for one in seen if bare(one) not in text] == []
    assert Counter(bare("".join(seen))) - Counter(text) == Counter()
    written = Counter(
        bare(
            "".join(
                t.text or ""
                for part in parts
                for t in part.iter("{*}t")
                if next(t.iterancestors(*gone), None) is None
            )
        )
    )
    assert set(Counter(text) - written) <= set("☑☐-") | {chr(n) for n in range(0xF020, 0xF100)}


@pytest.mark.skipif(not ACCEPTED, reason=f"the files of others are not here: {CORPUS}")
def test_a_strict_file_that_python_docx_cannot_open_is_read() -> None:
    assert paper_of((CORPUS / "files/mammoth/strict-format.docx").read_bytes()).lines == ("Test",)


# --- our own forms ---

IDENTITY = {"form": "reply", "version": "2", "case": "FB-20261120-0001", "issue": "1"}
FORM = Document(
    "reply", "答复单", "FB-20261120-0001", "示范科技有限公司", "zh-Hans", dt.date(2026, 11, 20), identity=IDENTITY,
    blocks=(
        Grid((Pair("答复人", "", blank="replied_by"), Pair("电话", "13800001111", blank="phone"), Pair("案件", "FB-20261120-0001"))),
        Grid((Pair("答复内容", "", wide=True, blank="reply", lines=4),)),
        Choice("是否满意", (("满意", True), ("不满意", False)), blank="satisfied"),
        Table((Column("日期"), Column("事项")), ((dt.date(2026, 11, 5), "登记"),), title="经过"),
    ),
)  # fmt: skip
FILLED = {
    "replied_by": "王小明",
    "phone": "13800001111",
    "reply": "第一段<&>\n第二段",
    "satisfied": "☑ 满意　□ 不满意",
}
LABELS = {"replied_by": "答复人", "phone": "电话", "reply": "答复内容", "satisfied": "是否满意"}


def filled(content: bytes, answers: Mapping[str, str]) -> bytes:
    """Type answers as editors leave them: behind the end of the bookmark, one paragraph for each line."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = archive.read("word/document.xml").decode()
    for name, text in answers.items():
        mark = re.findall(
            rf'<w:bookmarkStart [^>]*w:name="fb_{name}"/>(?:<w:bookmarkStart [^>]*/>)*<w:bookmarkEnd [^>]*/>',
            body,
        )
        assert len(mark) == 1, name
        body = body.replace(mark[0], mark[0] + "</w:p><w:p>".join(map(r, text.split("\n"))))
    return repacked(content, {"word/document.xml": body})


def assert_is_the_form(paper: Paper, expected: Mapping[str, str] = FILLED) -> None:
    assert answers(paper) == expected
    assert labels(paper) == LABELS
    assert paper.identity == IDENTITY
    assert [(b.table, b.row, b.column) for b in paper.blanks] == [
        (1, 1, 2),
        (1, 1, 4),
        (2, 1, 2),
        (3, 1, 2),
    ]
    assert all(paper.tables[b.table - 1][b.row - 1][b.column - 1] == b.text for b in paper.blanks)
    assert paper.tables[-1] == (("日期", "事项"), ("2026-11-05", "登记"))
    assert {"答复单", "经过"} < set(paper.lines)


def test_our_own_form_comes_back_as_it_was_filled_in() -> None:
    empty = word.render(FORM, LETTERHEAD)
    assert_is_the_form(paper_of(empty), {**FILLED, "replied_by": "", "reply": ""})
    assert_is_the_form(
        paper_of(filled(empty, {name: FILLED[name] for name in ("replied_by", "reply")}))
    )


OFFICE_SUITE = shutil.which("soffice") or shutil.which("libreoffice")


def resaved(content: bytes, folder: Path, *kinds: str) -> bytes:
    """The file opened and saved by LibreOffice, as each of the kinds in turn."""
    path = folder / "form.docx"
    path.write_bytes(content)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    for n, kind in enumerate(kinds):
        to = folder / f"{n}"
        command = [
            str(OFFICE_SUITE),
            profile,
            "--headless",
            "--convert-to",
            kind,
            "--outdir",
            str(to),
            str(path),
        ]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        path = to / f"form.{kind}"
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(OFFICE_SUITE is None, reason="LibreOffice is not on this machine")
@pytest.mark.parametrize("kinds", [("docx",), ("odt", "docx")])
def test_our_own_form_survives_libreoffice(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    empty = word.render(FORM, LETTERHEAD)
    typed = {name: FILLED[name] for name in ("replied_by", "reply")}
    assert_is_the_form(paper_of(resaved(filled(empty, typed), tmp_path, *kinds)))
    assert_is_the_form(paper_of(filled(resaved(empty, tmp_path, *kinds), typed)))
