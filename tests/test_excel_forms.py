"""The forms that also come as a workbook: filled in as people do in Excel, saved by this and that program, and dropped back."""

import datetime as dt
import io
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName

from fbbatch.model import Finding
from fbbatch.read import Limits, open_content
from tests.builders import CASE_FORMS, drop, examples, fill, mail, shop_of, unpacked
from tests.test_closed_loop import (
    FIRST,
    NUMBER,
    REPORTED,
    Bureau,
    bureau,
    bureau_in,
    codes,
    converted,
    outside,
    told_by,
)

KINDS = ("impact", "measures", "inspection", "satisfaction")
BEFORE = {
    "impact": "assigned",
    "measures": "accepted",
    "inspection": "planned",
    "satisfaction": "replied",
}
AFTER = {
    "impact": "assigned",
    "measures": "planned",
    "inspection": "in_progress",
    "satisfaction": "closed",
}
_REFERENCE = re.compile(r"'(.+)'!\$([A-Z]+)\$(\d+)")


def form_of(here: Bureau, kind: str) -> Path:
    return here.issued(kind, edition=".xlsx")[-1]


def edited(content: bytes, edit: Callable[[Any, Any], object]) -> bytes:
    """A workbook after somebody has worked in it: `edit` gets the book and its one visible sheet."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    edit(book, book.worksheets[0])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def typed(content: bytes, values: Mapping[str, object]) -> bytes:
    """A form with answers typed into its blanks as Excel keeps them: days are dates, numbers are numbers."""

    def edit(book: Any, _: Any) -> None:
        for name, value in values.items():
            (place,) = book.defined_names[f"fb_{name}"].destinations
            is_day = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)
            book[place[0]][place[1]] = dt.date.fromisoformat(str(value)) if is_day else value

    return edited(content, edit)


def filled(here: Bureau, kind: str, changes: Mapping[str, object] = {}) -> bytes:
    day = (here.today + dt.timedelta(days=1)).isoformat()
    return typed(form_of(here, kind).read_bytes(), {**examples(here.book, kind, day), **changes})


def hand_in(
    here: Bureau, content: bytes, name: str = "新增 Microsoft Excel 工作表.xlsx"
) -> dict[str, Any]:
    drop(here.place, name, content)
    return here.told(here.run(), name)


def texts(path: Path) -> list[str]:
    page = openpyxl.load_workbook(path).worksheets[0]
    return [str(cell.value) for row in page.iter_rows() for cell in row if cell.value is not None]


# --- there and back ---


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
def test_case_is_closed_by_forms_that_came_back_as_workbooks(tmp_path: Path, locale: str) -> None:
    here = bureau(tmp_path, REPORTED, locale=locale)
    for kind in (
        "impact",
        "assignment",
        "measures",
        "inspection",
        "result",
        "verification",
        "reply",
        "satisfaction",
    ):
        entry = hand_in(here, filled(here, kind)) if kind in KINDS else here.hand_in(kind)
        assert (kind, entry["schema"], entry["outcome"], codes(entry), outside(entry)) == (
            kind,
            kind,
            "step",
            [],
            [],
        )
    standing = here.standing()
    assert (here.state(), standing.outcome, standing.priority, standing.responsible) == (
        "closed",
        "solved",
        "P1",
        "luo_xinyi",
    )
    assert [len(standing.answers[kind]["steps"]) for kind in ("measures", "inspection")] == [3, 2]


def test_workbook_answers_exactly_what_the_word_form_answers(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    day = (FIRST + dt.timedelta(days=1)).isoformat()
    for kind in KINDS:
        values = examples(here.book, kind, day)
        sheet, page = tmp_path / "a.xlsx", tmp_path / "a.docx"
        sheet.write_bytes(typed(form_of(here, kind).read_bytes(), values))
        page.write_bytes(fill(here.issued(kind)[-1].read_bytes(), values))
        assert told_by(here, sheet, here.place / "outbox") == told_by(
            here, page, here.place / "outbox"
        )


def test_each_workbook_is_an_edition_of_its_word_form(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    templates = shop_of(here.place).templates
    also_excel = {one.id for one in templates if one.form and one.editions.excel != "never"}
    assert set(KINDS) == also_excel - {"tracking_ledger"}
    for kind in CASE_FORMS:
        pages, sheets = here.forms(kind), here.forms(kind, edition=".xlsx")
        if kind not in KINDS:
            assert sheets == []
            continue
        assert [
            (path.with_suffix(""), told["number"], told["department"]) for path, told in pages
        ] == [(path.with_suffix(""), told["number"], told["department"]) for path, told in sheets]
        book = openpyxl.load_workbook(sheets[-1][0])
        hidden = {row[0].value: row[1].value for row in book["_fbbatch"].iter_rows()}
        custom = unpacked(pages[-1][0].read_bytes())["docProps/custom.xml"].decode()
        told = dict(re.findall(r'name="fbbatch\.(\w+)"><vt:lpwstr>(.*?)<', custom))
        assert {key: hidden[key] for key in told} == told
        assert (told["case"], book["_fbbatch"].sheet_state) == (NUMBER, "veryHidden")


def test_same_ledger_gives_the_same_workbook(tmp_path: Path) -> None:
    one, other = bureau_in(tmp_path / "a", "accepted"), bureau_in(tmp_path / "b", "accepted")
    one.run()
    assert form_of(one, "measures").read_bytes() == form_of(other, "measures").read_bytes()


def test_workbook_prints_on_upright_a4_and_is_wide_as_one_page(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    for kind in KINDS:
        page = openpyxl.load_workbook(form_of(here, kind)).worksheets[0]
        setup = page.page_setup
        assert (
            setup.paperSize,
            setup.orientation,
            setup.fitToWidth or 1,
            page.sheet_properties.pageSetUpPr.fitToPage,
        ) == (
            9,
            "portrait",
            1,
            True,
        )
        told = texts(form_of(here, kind))
        assert told[1] == here.book.schema(kind).title["zh-Hant"]  # type: ignore[union-attr]
        assert not {text for text in told if re.search(r"None|\{\{|[a-z]_[a-z]", text)}


def test_text_longer_than_the_highest_row_goes_over_several(tmp_path: Path) -> None:
    row = [*REPORTED]
    row[5] = "插電後冒煙並有燒焦味，" + "外殼燙手，斷電十分鐘後仍有餘溫。" * 120
    here = bureau(tmp_path, row)
    page = openpyxl.load_workbook(form_of(here, "impact")).worksheets[0]
    (place,) = [
        cell
        for line in page.iter_rows()
        for cell in line
        if str(cell.value).startswith("插電後冒煙")
    ]
    (area,) = [area for area in page.merged_cells.ranges if place.coordinate in area]
    assert place.value == row[5]
    heights = [
        page.row_dimensions[number].height for number in range(area.min_row, area.max_row + 1)
    ]
    assert len(heights) > 1
    assert max(heights) <= 409
    assert sum(heights) > 15 * len(row[5]) / 45
    entry = hand_in(here, filled(here, "impact"))
    assert (entry["outcome"], outside(entry)) == ("step", [])


# --- how people fill it in ---


def test_choices_may_be_ticked_or_picked(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "replied")
    content = form_of(here, "satisfaction").read_bytes()
    page = openpyxl.load_workbook(io.BytesIO(content))
    lists = {
        str(rule.sqref): rule.formula1
        for rule in page.worksheets[0].data_validations.dataValidation
    }
    (place,) = page.defined_names["fb_solved"].destinations
    assert lists[place[1].replace("$", "")] == '"是,部分,否"'
    ticks = {
        "solved": "□ 是　☑ 部分　□ 否",
        "result": 3,
        "speed": "4",
        "attitude": "□ 5　□ 4√　□ 3　□ 2　□ 1",
        "overall": "□ 5  ■ 4  □ 3  □ 2  □ 1",
    }
    told = {"contact_again": "否", "name": "王小明", "answered_on": "2026年11月20日"}
    entry = hand_in(here, typed(content, ticks | told))
    assert (entry["outcome"], outside(entry)) == ("step", [])
    answers = here.standing().answers["satisfaction"]
    assert [answers[name] for name in ("solved", "result", "speed", "attitude", "overall")] == [
        "partly",
        3,
        4,
        4,
        4,
    ]


def test_choice_may_be_overwritten_with_its_word(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")
    entry = hand_in(here, filled(here, "measures", {"cause_category": "法"}))
    assert (entry["outcome"], here.standing().answers["measures"]["cause_category"]) == (
        "step",
        "method",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_unfilled_workbook_is_no_step(tmp_path: Path, kind: str) -> None:
    here = bureau_in(tmp_path, BEFORE[kind])
    steps = len(here.history())
    entry = hand_in(here, edited(form_of(here, kind).read_bytes(), lambda *_: None))
    assert entry["outcome"] == "returned"
    assert "FB-blank" in codes(entry, "error") or kind == "satisfaction"
    assert (here.state(), len(here.history())) == (BEFORE[kind], steps)


def test_wrong_answers_are_named_and_the_form_comes_back_with_a_note(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")
    entry = hand_in(
        here,
        filled(
            here, "measures", {"steps_2_due": "下個月", "cause_category": "天氣", "approved_by": ""}
        ),
    )
    assert entry["outcome"] == "returned"
    wrong = {f["field"] for f in entry["findings"] if f["severity"] == "error"}
    assert {"approved_by", "steps.due"} <= wrong, wrong
    notes = [path for path, told in here.documents() if told["kind"] == "returned"]
    assert [path.suffix for path in notes] == [".docx"]
    assert hand_in(here, filled(here, "measures"), "改好了.xlsx")["outcome"] == "step"


def test_row_that_was_inserted_into_the_table_is_a_step_like_the_others(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")
    content = filled(here, "measures")
    book = openpyxl.load_workbook(io.BytesIO(content))
    ((_, first),) = book.defined_names["fb_steps_1_step"].destinations
    values = examples(here.book, "measures", (here.today + dt.timedelta(days=1)).isoformat())

    def edit(book: Any, page: Any) -> None:
        insert(book, page, rows=int(re.sub(r"\D", "", first)) + 1)
        for column in ("step", "cause", "owner", "due", "expected"):
            ((_, reference),) = book.defined_names[f"fb_steps_1_{column}"].destinations
            cell = page[reference.replace("$", "")]
            page.cell(cell.row + 1, cell.column).value = (
                values[f"steps_1_{column}"] if column != "step" else "回流焊每班測一次溫度曲線"
            )

    entry = hand_in(here, edited(content, edit))
    assert (entry["outcome"], codes(entry), outside(entry)) == ("step", [], [])
    steps = [row["step"] for row in here.standing().answers["measures"]["steps"]]
    assert (len(steps), steps[-1]) == (4, "回流焊每班測一次溫度曲線")


def test_text_outside_the_blanks_and_changed_facts_are_noted(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")

    def edit(_: Any, page: Any) -> None:
        labels = {str(cell.value): cell for row in page.iter_rows() for cell in row if cell.value}
        label = labels["責任人"]
        area = (
            next(area for area in page.merged_cells.ranges if label.coordinate in area)
            if label.coordinate in page.merged_cells
            else None
        )
        page.cell(label.row, (area.max_col if area else label.column) + 1).value = "江浩然"
        page.cell(page.max_row + 2, 1).value = "另請注意：供應商十二月停產"
        page.cell(label.row, page.max_column + 3).value = "週五前請先來電"

    entry = hand_in(here, edited(filled(here, "measures"), edit))
    found = outside(entry)
    assert [code for code, _ in found] == ["FB-printed-changed", "FB-loose-text"]
    assert "原為「羅心怡」，現為「江浩然」" in found[0][1]
    assert all(text in found[1][1] for text in ("供應商十二月停產", "週五前請先來電"))
    assert (entry["outcome"], here.standing().responsible) == ("step", "luo_xinyi")


def test_signed_form_and_other_notes_in_their_places_give_no_note(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")

    def edit(_: Any, page: Any) -> None:
        for row in page.iter_rows():
            for cell in row:
                if "＿" in str(cell.value):
                    cell.value = re.sub("＿+", " 黃俊傑", str(cell.value))

    entry = hand_in(here, edited(filled(here, "measures"), edit))
    assert (entry["outcome"], outside(entry)) == ("step", [])


@pytest.mark.parametrize("kind", KINDS)
def test_sheet_copied_into_another_workbook_is_known_by_title_and_number(
    tmp_path: Path, kind: str
) -> None:
    here = bureau_in(tmp_path, BEFORE[kind])
    entry = hand_in(here, edited(filled(here, kind), lambda book, _: book.remove(book["_fbbatch"])))
    assert (entry["schema"], entry["outcome"], codes(entry), here.state()) == (
        kind,
        "step",
        [],
        AFTER[kind],
    )


# --- both editions ---


def test_form_that_comes_as_word_and_as_workbook_counts_once(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")
    page, sheet = here.filled("measures"), filled(here, "measures")
    other = filled(here, "measures", {"containment": "同批 50 臺全部攔回，逐臺檢查"})
    drop(here.place, "a.docx", page)
    assert here.told(here.run(), "a.docx")["outcome"] == "step"
    drop(here.place, "b.xlsx", sheet)
    drop(here.place, "c.xlsx", other)
    result = here.run()
    told = {
        file["name"]: (file["outcome"], codes(file, "note", "warning"))
        for file in result.manifest["files"]
    }
    assert told == {
        "b.xlsx": ("duplicate", ["FB-step-done"]),
        "c.xlsx": ("set_aside", ["FB-step-differs"]),
    }
    assert (here.state(), len([s for s in here.history() if s.document == "measures"])) == (
        "planned",
        1,
    )


def test_workbook_attached_to_a_mail_moves_the_case(tmp_path: Path) -> None:
    here = bureau(tmp_path, [REPORTED[0], "wang@example.com", *REPORTED[2:]])
    for kind in ("assignment", "measures", "result", "verification"):
        here.hand_in(kind)
    drop(
        here.place,
        "回信.eml",
        mail(
            "調查表已填好，見附件。",
            subject="Re: 調查表",
            sender="王小明 <wang@example.com>",
            files={"調查表.xlsx": filled(here, "satisfaction")},
        ),
    )
    here.run()
    assert here.state() == "closed"


# --- what programs do to it ---


def insert(book: Any, page: Any, *, rows: int = 0, columns: int = 0, names: bool = True) -> None:
    """Insert a row or column before the one named, as Excel does it: merged areas move and grow, and so do the `names`."""

    def moved(row: int, column: int) -> tuple[int, int]:
        return row + bool(rows and row >= rows), column + bool(columns and column >= columns)

    areas = [area.bounds for area in page.merged_cells.ranges]
    for left, top, right, bottom in areas:
        page.unmerge_cells(start_row=top, start_column=left, end_row=bottom, end_column=right)
    if rows:
        page.insert_rows(rows)
    if columns:
        page.insert_cols(columns)
    for left, top, right, bottom in areas:
        (top, left), (bottom, right) = moved(top, left), moved(bottom, right)
        page.merge_cells(start_row=top, start_column=left, end_row=bottom, end_column=right)
    for name, defined in list(book.defined_names.items()) if names else ():
        if match := _REFERENCE.fullmatch(defined.attr_text):
            cell = page[f"{match[2]}{match[3]}"]
            row, column = moved(cell.row, cell.column)
            book.defined_names[name] = DefinedName(
                name, attr_text=f"'{match[1]}'!${get_column_letter(column)}${row}"
            )


def rename(book: Any, page: Any) -> None:
    for name, defined in list(book.defined_names.items()):
        book.defined_names[name] = DefinedName(
            name, attr_text=defined.attr_text.replace(page.title, "李的表")
        )
    page.title = "李的表"


def nameless(book: Any, _: Any) -> None:
    for name in list(book.defined_names):
        del book.defined_names[name]


def far_off(book: Any, page: Any) -> None:
    for number in range(300):
        book.defined_names[f"fb_far_{number}"] = DefinedName(
            f"fb_far_{number}", attr_text=f"'{page.title}'!$XFD${1_048_576 - number}"
        )


CHANGED: dict[str, Callable[[Any, Any], object]] = {
    "saved again": lambda *_: None,
    "row and column inserted": lambda book, page: (
        insert(book, page, rows=9),
        insert(book, page, columns=2),
    ),
    "rows on top": lambda book, page: (insert(book, page, rows=1), insert(book, page, rows=1)),
    "column in front": lambda book, page: insert(book, page, columns=1),
    "sheet renamed": rename,
    "sheet renamed and names left behind": lambda _, page: setattr(page, "title", "李的表"),
    "rows inserted and names left behind": lambda book, page: insert(
        book, page, rows=10, names=False
    ),
    "names lost": nameless,
    "names that point far out": far_off,
    "a sheet added": lambda book, _: book.create_sheet("空白"),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGED)
def test_workbook_is_understood_whatever_was_moved_in_it(tmp_path: Path, change: str) -> None:
    here = bureau_in(tmp_path, "closed")
    day = (FIRST + dt.timedelta(days=1)).isoformat()
    for kind in KINDS:
        content = typed(form_of(here, kind).read_bytes(), examples(here.book, kind, day))
        meant, found = tmp_path / "meant.xlsx", tmp_path / "found.xlsx"
        meant.write_bytes(content)
        found.write_bytes(edited(content, CHANGED[change]))
        told = told_by(here, found, here.place / "outbox")
        assert told == told_by(here, meant, here.place / "outbox"), kind
        assert told[-1] == []


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("soffice") is None,
    reason="LibreOffice is not installed: nothing to save the forms with",
)
def test_workbooks_saved_by_libreoffice_and_by_way_of_other_formats_move_the_case(
    tmp_path: Path,
) -> None:
    here, later = bureau_in(tmp_path / "a", "assigned"), bureau_in(tmp_path / "b", "closed")
    day = (FIRST + dt.timedelta(days=1)).isoformat()
    folder = tmp_path / "typed"
    folder.mkdir()
    for kind in KINDS:  # every run issues the same forms, so they can be saved all at once
        (folder / f"{kind}.xlsx").write_bytes(
            typed(
                later.issued(kind, edition=".xlsx")[0].read_bytes(), examples(here.book, kind, day)
            )
        )
    again = converted(sorted(folder.iterdir()), "xlsx", tmp_path / "xlsx")
    ods = converted(sorted(folder.iterdir()), "ods", tmp_path / "ods")
    xls = converted(sorted(folder.iterdir()), "xls", tmp_path / "xls")
    back = converted(ods, "xlsx", tmp_path / "back")
    for files in (again, ods, xls, back):
        assert sorted(path.stem for path in files) == sorted(KINDS)
    for kind in KINDS:
        meant = told_by(here, folder / f"{kind}.xlsx", later.place / "outbox")
        assert meant[-1] == []
        for path in (*again, *ods, *xls, *back):
            if path.stem == kind:
                assert told_by(here, path, later.place / "outbox") == meant, path
    for kind in (
        "impact",
        "assignment",
        "measures",
        "inspection",
        "result",
        "verification",
        "reply",
        "satisfaction",
    ):
        if kind in KINDS:
            drop(here.place, f"{kind}.xlsx", (tmp_path / "back" / f"{kind}.xlsx").read_bytes())
            entry = here.told(here.run(), f"{kind}.xlsx")
        else:
            entry = here.hand_in(kind, examples(here.book, kind, day))
        assert (kind, entry["outcome"], codes(entry)) == (kind, "step", [])
    assert here.state() == "closed"


@pytest.mark.parametrize(
    ("limit", "code"), [("paper_chars", "FB-limit-paper-chars"), ("cells", "FB-limit-cells")]
)
def test_workbook_with_more_in_it_than_the_limits_allow_is_not_read(
    tmp_path: Path, limit: str, code: str
) -> None:
    here = bureau_in(tmp_path, "accepted")
    found = open_content(form_of(here, "measures").read_bytes(), Limits(**{limit: 50}))
    assert isinstance(found, Finding)
    assert found.code == code
