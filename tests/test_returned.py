"""The dropped workbook comes back as itself, marked; corrected and dropped again, just the corrected rows are taken (N1, D37)."""

import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from python_calamine import CalamineWorkbook
from reportlab.pdfgen.canvas import Canvas

from fbbatch.render.marked import COVER, RESULT, WHY, Cover, marked
from fbbatch.render.parts import UnmarkableError
from fbbatch.render.sheet_xml import RowMark, SheetMarks
from fbbatch.wording import in_all_languages, say
from tests.builders import (
    CUSTOMER,
    GOOD,
    cells,
    counts,
    delimited,
    drop,
    first_night,
    mail,
    people,
    run,
    sheet,
    word,
    workbook,
    workspace,
    zipped,
)
from tests.test_amendments import codes
from tests.test_run import ledger

NOTE = say("render.note", "zh-Hans")
COVERS = set(in_all_languages(COVER))


QUIET = {"case_reports": "[]", "forms": "[]"}
"""Settings by which a run issues nothing for its cases."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return workspace(tmp_path, **QUIET)


def faulty(n_rows: int = 12, bad: tuple[int, ...] = (3, 7, 10)) -> list[list[Any]]:
    """A questionnaire of which some rows (1 is the first answer) lack the phone or tell no date."""
    table = [list(row) for row in cells(people(n_rows))]
    for nth, number in enumerate(bad):
        table[number][1 if nth % 2 == 0 else 2] = None if nth % 2 == 0 else "昨天下午"
    return table


def returned(place: Path, result: Any, suffix: str = ".xlsx") -> list[Path]:
    folder = place / "outbox" / result.manifest["run"]
    return [
        folder / d["path"]
        for d in result.manifest["documents"]
        if d["kind"] == "returned" and d["path"].endswith(suffix)
    ]


def page_of(path: Path) -> tuple[Any, Any]:
    book = openpyxl.load_workbook(path)
    return book, next(
        page for page in book if page.sheet_state == "visible" and page.title not in COVERS
    )


def notes(page: Any) -> dict[str, str]:
    return {
        cell.coordinate: cell.comment.text
        for row in page.iter_rows()
        for cell in row
        if cell.comment
    }


def corrected(path: Path, *, phone: str = "13911112222", date: str = "2026-11-05") -> bytes:
    """The workbook after somebody has filled in what the notes ask for."""
    book, page = page_of(path)
    for place in notes(page):
        if place[0] == "B":
            page[place].value = phone
        if place[0] == "C":
            page[place].value = date
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def resaved(place: Path, content: bytes, extension: str) -> bytes:
    """The workbook as LibreOffice saves it."""
    source = place / f"resaved.{'xlsx' if extension != 'xlsx' else 'in.xlsx'}"
    source.write_bytes(content)
    out = place / "saved"
    command = [
        "soffice",
        f"-env:UserInstallation=file://{place}/lo",
        "--headless",
        "--convert-to",
        extension,
        "--outdir",
        str(out),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return next(out.iterdir()).read_bytes()


# --- what comes back ---


def test_bad_cells_are_noted_in_place_and_good_rows_carry_their_case(place: Path) -> None:
    drop(place, "customer/问卷.xlsx", sheet(faulty(), name="问卷", above=[["2026 年问卷"], []]))
    result = run(place)
    assert counts(result) == (12, 9, 3, 0, 0)
    (path,) = returned(place, result)
    _, page = page_of(path)
    told = notes(page)
    assert set(told) == {"B6", "C10", "B13"}
    assert all(text.startswith(NOTE) for text in told.values())
    assert "“联系方式”未填" in told["B6"]
    assert "例如：0912-345-678" in told["B6"]
    assert "“昨天下午”" in told["C10"]
    assert [page.cell(3, column).value for column in (8, 9)] == [
        say(RESULT, "zh-Hans"),
        say(WHY, "zh-Hans"),
    ]
    marks = {row: str(page.cell(row, 8).value) for row in range(4, 16)}
    assert sum("FB-20261120-" in mark for mark in marks.values()) == 9
    assert {row for row, mark in marks.items() if "待更正" in mark} == {6, 10, 13}
    assert page.auto_filter.ref == "A3:I15"
    assert page["B6"].fill.fgColor.rgb != page["B5"].fill.fgColor.rgb
    assert page["A5"].fill.patternType == "solid"


def test_first_sheet_says_how_many_and_until_when_and_what_to_do(place: Path) -> None:
    drop(place, "customer/问卷.xlsx", sheet(faulty(), name="问卷"))
    (path,) = returned(place, run(place))
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[:2] == [say(COVER, "zh-Hans"), "问卷"]
    assert book["_fbbatch"].sheet_state == "hidden"
    rows = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    text = "\n".join(str(value) for row in rows for value in row if value)
    assert "2026年11月25日" in text
    assert ["问卷", "12", "9", "3", "0", "0"] in rows
    assert say(RESULT, "zh-Hans") in text


def test_corrected_copy_gives_just_the_corrected_rows_as_cases(tmp_path: Path) -> None:
    place, first = first_night(tmp_path, {"customer/问卷.xlsx": sheet(faulty())}, **QUIET)
    (path,) = returned(place, first)
    again = corrected(path)
    drop(place, "换了名字.xlsx", again)
    result = run(place, "2026-11-21")
    assert counts(result) == (12, 3, 0, 9, 0)
    assert (
        codes(result, "FB-column-unknown", "FB-sheet-skipped", "FB-amended", "FB-loose-text") == []
    )
    drop(place, "customer/又一次.xlsx", corrected(path, date="2026-11-05") + b"")
    assert counts(run(place, "2026-11-22"))[1] == 0
    assert ledger(place, "SELECT count(*) FROM case_") == [(12,)]


def test_corrected_row_corrected_once_more_amends_the_case_it_has_become(tmp_path: Path) -> None:
    place, first = first_night(tmp_path, {"customer/问卷.xlsx": sheet(faulty())}, **QUIET)
    (path,) = returned(place, first)
    drop(place, "a.xlsx", corrected(path))
    assert counts(run(place, "2026-11-21"))[1] == 3
    drop(place, "b.xlsx", corrected(path, phone="13700000000"))
    result = run(place, "2026-11-22")
    assert counts(result) == (12, 0, 0, 12, 0)
    assert [code for code, *_ in codes(result, "FB-amended")] == ["FB-amended"] * 2
    assert ledger(place, "SELECT count(*) FROM case_") == [(12,)]


def test_taken_row_that_is_edited_in_the_returned_copy_amends_its_case(tmp_path: Path) -> None:
    place, first = first_night(tmp_path, {"customer/问卷.xlsx": sheet(faulty())}, **QUIET)
    (path,) = returned(place, first)
    book, page = page_of(path)
    for column, text in ((2, "13900009999"), (4, "扫地机器人"), (7, "卧室")):
        page.cell(2, column).value = text
    book.save(place / "inbox" / "a.xlsx")
    result = run(place, "2026-11-21")
    assert counts(result) == (12, 0, 3, 9, 0)
    assert sorted(field for _, _, field in codes(result, "FB-amended")) == [
        "contact",
        "product",
        "scene",
    ]


def test_rows_sorted_apart_from_their_marks_are_set_aside(place: Path) -> None:
    drop(place, "customer/问卷.xlsx", sheet(faulty(3, bad=(3,))))
    (path,) = returned(place, run(place))
    book, page = page_of(path)
    for column, text in enumerate(
        ["赵六", "13655556666", "2026-11-08", "电饭煲", "Z-9", "内胆涂层脱落，请更换", "厨房"], 1
    ):
        page.cell(2, column).value = text
    book.save(place / "inbox" / "a.xlsx")
    result = run(place, "2026-11-21")
    assert codes(result, "FB-mark-differs") == [("FB-mark-differs", 2, None)]
    assert counts(result) == (3, 0, 1, 1, 1)


def test_answers_sorted_apart_from_the_marks_give_just_the_corrected_rows_as_cases(
    tmp_path: Path,
) -> None:
    """Excel sorts a table without the columns beside it; then each row has another one's mark."""
    place, first = first_night(tmp_path, {"customer/问卷.xlsx": sheet(faulty())}, **QUIET)
    (path,) = returned(place, first)
    book = openpyxl.load_workbook(io.BytesIO(corrected(path)))
    page = next(page for page in book if page.title == "Sheet1")
    rows = [[page.cell(row, column).value for column in range(1, 8)] for row in range(13, 1, -1)]
    for number, values in enumerate(rows, 2):
        for column, value in enumerate(values, 1):
            page.cell(number, column).value = value
    book.save(place / "inbox" / "a.xlsx")
    result = run(place, "2026-11-21")
    assert counts(result) == (12, 3, 0, 9, 0)
    assert codes(result, "FB-amended", "FB-mark-differs") == []


def test_taken_row_that_was_copied_for_a_new_answer_leaves_its_case_alone(tmp_path: Path) -> None:
    place, first = first_night(tmp_path, {"customer/问卷.xlsx": sheet(faulty())}, **QUIET)
    (path,) = returned(place, first)
    book, page = page_of(path)
    for column in range(1, 10):
        page.cell(14, column).value = page.cell(2, column).value
    page["A14"], page["B14"] = "新客户", "13777777777"
    book.save(place / "inbox" / "a.xlsx")
    result = run(place, "2026-11-21")
    assert counts(result) == (13, 1, 3, 9, 0)
    assert codes(result, "FB-amended") == []


def test_copy_corrected_in_part_comes_back_with_fresh_marks(tmp_path: Path) -> None:
    place, first = first_night(tmp_path, {"customer/问卷.xlsx": sheet(faulty())}, **QUIET)
    (path,) = returned(place, first)
    book, page = page_of(path)
    page["B4"].value = "13911112222"
    book.save(place / "inbox" / "a.xlsx")
    result = run(place, "2026-11-21")
    assert counts(result) == (12, 1, 2, 9, 0)
    (path,) = returned(place, result)
    book, page = page_of(path)
    assert set(notes(page)) == {"C8", "B11"}
    assert page.max_column == 9
    assert [name for name in book.sheetnames if name in COVERS] == [say(COVER, "zh-Hans")]
    assert sum("待更正" in str(page.cell(row, 8).value) for row in range(2, 14)) == 2
    drop(place, "b.xlsx", corrected(path))
    assert counts(run(place, "2026-11-22")) == (12, 2, 0, 10, 0)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("soffice") is None,
    reason="LibreOffice is not installed: nothing to save the copy with",
)
@pytest.mark.parametrize("extension", ["xlsx", "ods"])
def test_corrected_copy_saved_by_libreoffice_gives_the_same(tmp_path: Path, extension: str) -> None:
    place, first = first_night(tmp_path, {"customer/问卷.xlsx": sheet(faulty())}, **QUIET)
    (path,) = returned(place, first)
    drop(place, f"改好.{extension}", resaved(place, corrected(path), extension))
    assert counts(run(place, "2026-11-21")) == (12, 3, 0, 9, 0)


# --- everything else stays as it was ---


def elaborate() -> bytes:
    """A workbook with a note, a formula, a picture's like (a chart), widths, a merged area, a filter, a name, a second sheet."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    page, other = book.add_worksheet("问卷"), book.add_worksheet("说明")
    bold = book.add_format({"bold": True, "bg_color": "#DDEEFF"})
    for row, values in enumerate(faulty(6, bad=(2,)), 1):
        for column, value in enumerate(values):
            page.write(row, column, "" if value is None else str(value), bold if row == 1 else None)
    page.merge_range("A1:G1", "二〇二六年问卷", bold)
    page.write_formula("I3", "=LEN(A3)", None, 5)
    page.write_comment("A3", "我自己的批注")
    page.set_column("F:F", 50)
    page.set_column("G:XFD", 11)
    page.autofilter("A2:G8")
    page.freeze_panes(2, 0)
    page.data_validation("D3:D8", {"validate": "list", "source": ["智能音箱", "电饭煲"]})
    page.conditional_format("A3:A8", {"type": "duplicate", "format": bold})
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=问卷!$I$3:$I$8"})
    other.insert_chart("B2", chart)
    other.write_string(0, 0, "别的工作表")
    other.activate()
    book.define_name("问卷!区域", "=问卷!$A$3:$G$8")
    book.close()
    return buffer.getvalue()


def test_authors_comments_widths_formulas_charts_and_other_sheets_stay(place: Path) -> None:
    content = elaborate()
    drop(place, "customer/问卷.xlsx", content)
    (path,) = returned(place, run(place))
    before, after = zipfile.ZipFile(io.BytesIO(content)), zipfile.ZipFile(path)
    assert set(after.namelist()) - set(before.namelist()) == {
        "xl/worksheets/sheetFb1.xml",
        "xl/worksheets/sheetFb2.xml",
    }
    assert {name for name in before.namelist() if before.read(name) == after.read(name)} == {
        "_rels/.rels", "docProps/app.xml", "docProps/core.xml", "xl/charts/chart1.xml", "xl/drawings/drawing1.xml", "xl/drawings/_rels/drawing1.xml.rels",
        "xl/sharedStrings.xml", "xl/theme/theme1.xml", "xl/worksheets/_rels/sheet2.xml.rels",
    }  # fmt: skip
    book, page = page_of(path)
    assert notes(page)["A3"].startswith("我自己的批注")
    assert page["I3"].value == "=LEN(A3)"
    assert page.column_dimensions["F"].width == pytest.approx(50, abs=1)
    assert page.freeze_panes == "A3"
    assert page.auto_filter.ref == "A2:K8"
    assert [str(area) for area in page.merged_cells.ranges] == ["A1:G1"]
    assert len(page.data_validations.dataValidation) == 1
    assert book["说明"]["A1"].value == "别的工作表"
    assert page.defined_names["区域"].attr_text == "问卷!$A$3:$G$8"
    assert book.active.title == say(COVER, "zh-Hans")
    assert page.cell(2, 10).value == say(RESULT, "zh-Hans")


def test_note_of_the_author_at_a_bad_cell_is_left_alone(place: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheet(faulty(3, bad=(2,)))))
    book.active["B3"].comment = Comment("问过客户，没给电话", "me")
    book.save(place / "inbox" / "a.xlsx")
    (path,) = returned(place, run(place))
    _, page = page_of(path)
    told = notes(page)
    assert told["B3"] == "问过客户，没给电话"
    assert "“联系方式”未填" in told["H3"]


def grid(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
VALUES = st.one_of(
    st.none(),
    TEXTS,
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(VALUES, min_size=1, max_size=6), min_size=2, max_size=8), st.data())
def test_marking_changes_no_cell_of_the_author(rows: list[list[Any]], data: st.DataObject) -> None:
    rows[0][0] = rows[0][0] or "头"
    original = workbook({"表": rows, "别的": [["x", 1]]})
    numbers = data.draw(st.sets(st.integers(2, len(rows))))
    marks = {
        n: RowMark(
            "#abc",
            n % 2 == 0,
            "错 <&>",
            {data.draw(st.integers(0, 8)): "说明"} if n % 2 == 0 else {},
        )
        for n in numbers
    }
    after = grid(
        marked(
            original,
            {"表": SheetMarks(1, marks)},
            Cover("标题", ["一行"], []),
            {"form": "returned"},
            "zh-Hans",
        )
    )
    before = grid(original)
    assert after.pop("别的") == before["别的"]
    width = max(map(len, before["表"]))
    kept = [row[:width] for row in after["表"]]
    wide = [row + [""] * (width - len(row)) for row in before["表"]]
    assert [row + [""] * (width - len(row)) for row in kept][: len(wide)] == wide


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", delimited("| a |")])
def test_what_is_no_workbook_cannot_be_marked(content: bytes) -> None:
    with pytest.raises(UnmarkableError):
        marked(content, {}, Cover("", [], []), {}, "en")


def test_workbook_with_macros_keeps_them(place: Path) -> None:
    content = io.BytesIO(sheet(faulty()))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    drop(place, "customer/a.xlsm", content.getvalue())
    (path,) = returned(place, run(place), ".xlsm")
    assert zipfile.ZipFile(path).read("xl/vbaProject.bin") == b"macro"


# --- what came otherwise ---


def test_text_file_comes_back_as_a_note_and_a_register_that_is_filled_in(place: Path) -> None:
    table = f"{CUSTOMER}\n{GOOD}\n{GOOD.replace('13800001111', '')}\n{GOOD.replace('2026-11-05', '昨天').replace('王小明', '李四')}"
    drop(place, "customer/b.csv", delimited(table))
    result = run(place)
    assert counts(result) == (3, 1, 2, 0, 0)
    (note,) = returned(place, result, ".docx")
    text = "\n".join(
        cell.text
        for table in docx.Document(str(note)).tables
        for row in table.rows
        for cell in row.cells
    )
    assert "“联系方式”未填" in text
    assert "第 3 行" in text
    (register,) = returned(place, result)
    book, page = page_of(register)
    told = notes(page)
    assert len([text for text in told.values() if text.startswith(NOTE)]) == 2
    values = [str(cell.value) for row in page.iter_rows() for cell in row if cell.value]
    assert values.count("李四") == 1
    for where, text in told.items():
        page[where].value = "13911112222" if "联系方式" in text else "2026-11-05"
    book.save(place / "inbox" / "更正.xlsx")
    result = run(place, "2026-11-21")
    assert counts(result) == (2, 2, 0, 0, 0), result.manifest["files"]


def test_word_form_comes_back_with_its_points_by_label_and_a_register_that_takes_their_place(
    place: Path,
) -> None:
    answers = dict(
        zip(
            (c.strip() for c in CUSTOMER.strip("| ").split("|")),
            (c.strip() for c in GOOD.strip("| ").split("|")),
            strict=True,
        )
    )
    drop(
        place,
        "customer/a.docx",
        word([[name, "" if name == "电话" else text] for name, text in answers.items()]),
    )
    result = run(place)
    assert counts(result) == (1, 0, 1, 0, 0)
    (note,) = returned(place, result, ".docx")
    (table,) = docx.Document(str(note)).tables
    assert [cell.text for cell in table.rows[1].cells][1:3] == ["联系方式", "“联系方式”未填"]
    (register,) = returned(place, result)
    book, page = page_of(register)
    ((where, _),) = [(where, text) for where, text in notes(page).items() if text.startswith(NOTE)]
    page[where].value = "13911112222"
    book.save(place / "inbox" / "更正.xlsx")
    assert counts(run(place, "2026-11-21")) == (1, 1, 0, 0, 0)


def test_pdf_form_comes_back_as_a_note_and_a_register(place: Path) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    told = {
        "reporter": "Wang",
        "contact": "13800001111",
        "reported_at": "some day",
        "product": "smart speaker",
        "model": "X-1",
    }
    told |= {"description": "The blue light blinks and nothing plays", "scene": "kitchen"}
    for n, (name, value) in enumerate(told.items()):
        canvas.drawString(50, 800 - 30 * n, name)
        canvas.acroForm.textfield(
            name=name, value=value, x=150, y=795 - 30 * n, width=300, height=20
        )
    canvas.save()
    drop(place, "customer/form.pdf", buffer.getvalue())
    result = run(place)
    assert counts(result) == (1, 0, 1, 0, 0)
    (note,) = returned(place, result, ".docx")
    assert [cell.text for cell in docx.Document(str(note)).tables[0].rows[1].cells][1:3] == [
        "反馈时间",
        "“反馈时间”不是日期：“some day”",
    ]
    book, page = page_of(*returned(place, result))
    ((where, _),) = [(where, text) for where, text in notes(page).items() if text.startswith(NOTE)]
    page[where].value = "2026-11-05"
    book.save(place / "inbox" / "更正.xlsx")
    assert counts(run(place, "2026-11-21")) == (1, 1, 0, 0, 0)


def test_mail_that_cannot_be_taken_comes_back_with_its_points_and_words_for_codes(
    place: Path,
) -> None:
    body = "姓名：赵六\n电话：13800001115\n反馈日期：前天\n产品名称：智能音箱\n型号：X-1\n问题描述：屏幕不亮了\n使用场景：客厅"
    drop(place, "customer/c.eml", mail(body))
    result = run(place)
    assert counts(result) == (1, 0, 1, 0, 0)
    _, page = page_of(*returned(place, result))
    values = {str(cell.value) for row in page.iter_rows() for cell in row if cell.value}
    assert {"赵六", "13800001115", "前天", "客户反馈邮箱"} <= values
    assert "email" not in values


def test_points_of_a_note_stand_in_the_order_of_the_rows(place: Path) -> None:
    rows = [
        GOOD.replace("2026-11-05", "昨天"),
        GOOD.replace("13800001111", ""),
        GOOD.replace("2026-11-05", "上周"),
    ]
    drop(place, "customer/b.csv", delimited("\n".join([CUSTOMER, *rows])))
    (note,) = returned(place, run(place), ".docx")
    places = [row.cells[1].text for row in docx.Document(str(note)).tables[0].rows[1:]]
    assert [text[:5] for text in places] == ["第 2 行", "第 3 行", "第 4 行"]


def test_mail_with_a_faulty_workbook_gives_the_workbook_back(place: Path) -> None:
    drop(place, "a.eml", mail("请见附件", files={"问卷.xlsx": sheet(faulty())}))
    result = run(place)
    (path,) = returned(place, result)
    assert path.name == "001 退回更正.xlsx"
    drop(place, "again.xlsx", corrected(path))
    assert counts(run(place, "2026-11-21")) == (12, 3, 0, 9, 0)


def test_workbook_inside_an_archive_comes_back_by_itself(place: Path) -> None:
    drop(
        place,
        "customer/a.zip",
        zipped({"甲/问卷.xlsx": sheet(faulty()), "b.xlsx": sheet(people(2))}),
    )
    result = run(place)
    (path,) = returned(place, result)
    assert [d.get("file") for d in result.manifest["documents"] if d["kind"] == "returned"] == [
        "customer/a.zip/问卷.xlsx"
    ]
    assert set(notes(page_of(path)[1])) == {"B4", "C8", "B11"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("坏.xlsx", b"PK\x03\x04 torn"),
        ("未知.dat", b"\0\1\2" * 50),
        ("空.docx", b""),
        ("表.xlsx", sheet("| 甲 | 乙 |\n| 1 | 2 |")),
    ],
)
def test_file_that_cannot_be_taken_comes_back_as_a_note_with_the_reason(
    place: Path, name: str, content: bytes
) -> None:
    drop(place, f"customer/{name}", content)
    result = run(place)
    (note,) = returned(place, result, ".docx")
    document = docx.Document(str(note))
    text = "\n".join(
        [
            *(p.text for p in document.paragraphs),
            *(c.text for t in document.tables for row in t.rows for c in row.cells),
        ]
    )
    assert name in text
    assert "binary" not in text
    assert "整份文件" in text or "工作表" in text
    assert returned(place, result) == []


def test_name_of_a_dropped_file_is_told_on_the_page_and_names_no_file_of_ours(place: Path) -> None:
    drop(
        place,
        "customer/王小明的问卷.csv",
        delimited(f"{CUSTOMER}\n{GOOD.replace('13800001111', '')}"),
    )
    result = run(place)
    assert [path.name for path in returned(place, result, "")] == [
        "001 更正通知.docx",
        "001 更正表.xlsx",
    ]
    page = (place / "outbox" / result.manifest["run"] / "index.html").read_text(encoding="utf-8")
    assert ">王小明的问卷.csv" in page or "customer/王小明的问卷.csv" in page


def test_nothing_goes_back_where_everything_was_taken(place: Path) -> None:
    drop(place, "customer/a.xlsx", sheet(people(3)))
    result = run(place)
    kinds = {d["kind"] for d in result.manifest["documents"]}
    assert (counts(result), "receipt" in kinds, "returned" in kinds) == (
        (3, 3, 0, 0, 0),
        True,
        False,
    )


def test_run_that_is_done_again_after_a_crash_sends_back_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(place, "customer/a.xlsx", sheet(faulty()))
    from fbbatch.ledger import Ledger

    def dies(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "close_run", dies)
        with pytest.raises(RuntimeError):
            run(place)
    (before,) = (place / "outbox").glob("2*/returned/*.xlsx")
    first = before.read_bytes()
    result = run(place)
    assert [path.read_bytes() for path in returned(place, result)] == [first]
