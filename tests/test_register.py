"""Blank forms D01–D04: every field is there, is known again when it comes back, and takes what it asks for. Source: 3.1.x, 2.1.4b."""

import dataclasses
import datetime as dt
import io
import re
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import docx
import openpyxl
import pypdfium2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from fbbatch.documents.case import Office
from fbbatch.documents.facts import Teller
from fbbatch.documents.loading import load_templates
from fbbatch.documents.register import (
    BlankForm,
    blank_forms,
    forms_of,
    register_document,
    register_form,
    register_workbook,
)
from fbbatch.judge import RowJudge, Setup
from fbbatch.model import LANGUAGES
from fbbatch.read import Limits
from fbbatch.render import pdf, word
from fbbatch.render import register as excel
from fbbatch.render.blocks import Column, Document, Grid, Pair, Table
from fbbatch.render.marked import RESULT, WHY
from fbbatch.render.words import text_width, ticks
from fbbatch.schema import Layout, identify, load_book
from fbbatch.validate.parsers import ERROR_VALUES
from fbbatch.validate.tidy import tidy
from fbbatch.validate.values import says_nothing
from fbbatch.wording import in_all_languages
from fbbatch.words import DEFAULT_PLACEHOLDERS, fold, spellings
from tests.builders import RECEIVED, REPOSITORY, judge, schema

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
TODAY = dt.date(2026, 11, 20)
BOOK = load_book(REPOSITORY / "schemas")
TEMPLATES = load_templates(REPOSITORY / "templates", BOOK)
COMPANY = {
    "zh-Hant": "示範科技股份有限公司",
    "zh-Hans": "示范科技有限公司",
    "en": "Example Technology Ltd.",
}
FORMS = ("customer", "employee", "partner", "questionnaire")
EVERY = [(form, language) for form in FORMS for language in LANGUAGES]


def office_of(language: str, book=BOOK) -> Office:
    return Office(COMPANY[language], "QR", Teller(book, language, TEMPLATES.facts))


def form_of(name: str, office: Office) -> BlankForm:
    found = {
        form.kind if form.kind == "questionnaire" else form.schema.id: form
        for form in forms_of(office)
    }
    return found[name]


@cache
def workbook_of(name: str, language: str, n_rows: int = 200) -> bytes:
    office = office_of(language)
    return excel.render(
        register_workbook(form_of(name, office), office, TEMPLATES, date=TODAY, n_rows=n_rows)
    )


@cache
def document_of(name: str, language: str) -> bytes:
    office = office_of(language)
    return word.render(
        register_document(form_of(name, office), office, TEMPLATES, date=TODAY),
        TEMPLATES.letterhead,
    )


def opened(name: str, language: str, n_rows: int = 200):
    return openpyxl.load_workbook(io.BytesIO(workbook_of(name, language, n_rows)))


def identity_of(book) -> dict[str, str]:
    return {
        row[0].value: row[1].value or "" for row in book[excel.IDENTITY].iter_rows() if row[0].value
    }


# --- all of them ---


def test_every_form_is_a_file_named_in_the_language() -> None:
    made = list(
        blank_forms(
            BOOK, ["zh-Hant"], company="甲", form_prefix="", templates=TEMPLATES, date=TODAY
        )
    )
    assert [(f.path, f.kind, f.number) for f in made] == [
        ("客戶反饋登記表.xlsx", "register", "D01"),
        ("客戶反饋登記表.docx", "register", "D01"),
        ("內部員工反饋登記表.xlsx", "register", "D02"),
        ("內部員工反饋登記表.docx", "register", "D02"),
        ("合作夥伴反饋登記表.xlsx", "register", "D03"),
        ("合作夥伴反饋登記表.docx", "register", "D03"),
        ("產品使用情況調查問卷.xlsx", "questionnaire", "D04"),
        ("產品使用情況調查問卷.docx", "questionnaire", "D04"),
        ("產品使用情況調查問卷.pdf", "questionnaire", "D04"),
    ]


def test_several_languages_have_a_folder_each_and_the_same_forms_twice_are_the_same_bytes() -> None:
    def make():
        return list(
            blank_forms(
                BOOK, LANGUAGES, company="甲", form_prefix="QR", templates=TEMPLATES, date=TODAY
            )
        )

    first = make()
    assert {f.path.partition("/")[0] for f in first} == set(LANGUAGES)
    assert len({f.path for f in first}) == 27
    assert first == make()


def test_further_source_has_a_register_and_one_without_header_has_none() -> None:
    fields = "[{id: reporter, zh: 姓名, required: true}, {id: description, zh: 描述, column: 2}]"
    other = schema(fields, id="regulator", source="other")
    positional = schema(fields, id="bare", source="other", header=False)
    office = office_of("en", dataclasses.replace(BOOK, sources=(other, positional)))
    assert [(f.number, f.schema.id) for f in forms_of(office)] == [("D01-other", "regulator")]


# --- the workbook ---


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_workbook_has_blanks_notes_and_a_hidden_identity_and_no_formula(
    name: str, language: str
) -> None:
    book = opened(name, language)
    assert [(s.title, s.sheet_state) for s in book] == [
        (form_of(name, office_of(language)).title, "visible"),
        (
            {"zh-Hant": "填寫說明", "zh-Hans": "填写说明", "en": "How to fill in"}[language],
            "visible",
        ),
        (excel.IDENTITY, "hidden"),
    ]
    assert [
        cell.coordinate
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ] == []
    told = identity_of(book)
    form = form_of(name, office_of(language))
    assert {
        key: told[key] for key in ("form", "schema", "version", "case", "issue", "language")
    } == {
        "form": form.kind,
        "schema": form.schema.id,
        "version": "1",
        "case": "",
        "issue": "1",
        "language": language,
    }
    assert told["columns"].split(" ") == ["-", *(f.id for f in form.fields)]
    page = book[told["sheet"]]
    assert (
        page.cell(int(told["header_row"]), 1).value
        == {"zh-Hant": "序號", "zh-Hans": "序号", "en": "No."}[language]
    )
    assert (
        page.cell(int(told["example_row"]), 1).value
        == {"zh-Hant": "範例", "zh-Hans": "示例", "en": "Example"}[language]
    )
    first = int(told["example_row"]) + 1
    assert [page.cell(row, 1).value for row in range(first, page.max_row + 1)] == list(
        range(1, 201)
    )


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_header_is_known_again_column_by_column_whatever_lies_around_it(
    name: str, language: str
) -> None:
    book = opened(name, language)
    told, known = identity_of(book), []
    for sheet in book:
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        merged = [
            (m.min_row - 1, m.min_col - 1, m.max_row - 1, m.max_col - 1)
            for m in sheet.merged_cells.ranges
        ]
        found = identify(rows, BOOK.sources, sheet=sheet.title, merged=merged)
        if sheet.title != told["sheet"]:
            assert not isinstance(found, Layout)
            continue
        assert isinstance(found, Layout)
        known.append(sheet.title)
        assert (found.schema.id, found.header_row, found.findings, found.unknown) == (
            told["schema"],
            int(told["header_row"]),
            (),
            ((0, rows[found.header_row - 1][0]),),
        )
        assert ["-", *(m.field.id for m in found.columns)] == told["columns"].split(" ")
    assert known == [told["sheet"]]


@pytest.mark.parametrize("name", FORMS[:3])
def test_register_has_every_field_of_its_schema_required_ones_first(name: str) -> None:
    model = BOOK.schema(name)
    order = identity_of(opened(name, "en"))["columns"].split(" ")[1:]
    assert sorted(order) == sorted(f.id for f in model.fields)
    needs = [
        {True: 0, "ask": 1, False: 2}[next(f for f in model.fields if f.id == i).required]
        for i in order
    ]
    assert needs == sorted(needs)
    assert order[-1] == "remarks"


def test_questionnaire_asks_every_required_field_of_the_customer_schema_and_few_others() -> None:
    asked = identity_of(opened("questionnaire", "en"))["columns"].split(" ")[1:]
    required = {f.id for f in BOOK.schema("customer").fields if f.required is True}
    assert set(asked) == required | {"satisfaction", "remedy", "reply_wanted"}


def rules_of(page) -> dict[str, object]:
    """The data validation of each column, by its letter."""
    found = {}
    for rule in page.data_validations.dataValidation:
        for area in rule.sqref.ranges:
            found[openpyxl.utils.get_column_letter(area.min_col)] = rule
    return found


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_every_column_has_its_rule_over_all_blanks_and_a_prompt_of_three_lines_at_most(
    name: str, language: str
) -> None:
    book = opened(name, language)
    told, form = identity_of(book), form_of(name, office_of(language))
    page = book[told["sheet"]]
    rules = rules_of(page)
    wanted = {"choice": "list", "boolean": "list", "rating": "list", "department": "list", "product": "list", "date": "date", "datetime": "date",
              "integer": "whole"}  # fmt: skip
    for number, field in enumerate(form.fields, 2):
        rule = rules[openpyxl.utils.get_column_letter(number)]
        assert rule.type == wanted.get(field.type), field.id
        (area,) = rule.sqref.ranges
        assert (area.min_row, area.max_row) == (int(told["example_row"]), page.max_row)
        assert rule.prompt
        assert len(rule.prompt.split("\n")) <= 3
        offered = options_of(book, rule)
        assert all(len(option) < 255 and option == option.strip() for option in offered)
        if rule.type == "list":
            example = page.cell(int(told["example_row"]), number).value
            assert str(example) in offered, field.id
    assert len(rules) == len(form.fields)


def options_of(book, rule) -> list[str]:
    """What a drop-down offers, written out in the rule or on the hidden sheet."""
    if rule.type != "list":
        return []
    if rule.formula1.startswith('"'):
        return rule.formula1.strip('"').split(",")
    sheet, _, area = rule.formula1.partition("!")
    return [cell.value for (cell,) in book[sheet.strip("'")][area.replace("$", "")]]


def test_channels_offered_are_those_of_the_source() -> None:
    book = opened("partner", "en")
    column = identity_of(book)["columns"].split(" ").index("channel") + 1
    rule = rules_of(book.worksheets[0])[openpyxl.utils.get_column_letter(column)]
    assert options_of(book, rule) == [
        "E-mail",
        "Partner meeting",
        "Partner channel",
        "Other channel",
    ]


def test_list_too_long_for_a_rule_or_with_commas_stands_on_the_hidden_sheet() -> None:
    book = opened("customer", "en")
    columns = identity_of(book)["columns"].split(" ")
    rules = {
        field: rules_of(book.worksheets[0])[openpyxl.utils.get_column_letter(n)]
        for n, field in enumerate(columns, 1)
        if n > 1
    }
    assert rules["type"].formula1.startswith(f"'{excel.IDENTITY}'!")
    assert "Service, delivery, documents" in options_of(book, rules["type"])
    assert options_of(book, rules["satisfaction"]) == ["5", "4", "3", "2", "1"]


def test_text_stays_text_dates_are_dates_and_the_page_prints_legibly() -> None:
    book = opened("customer", "zh-Hant")
    told = identity_of(book)
    page = book.worksheets[0]
    row = int(told["example_row"]) + 1
    formats = {
        field: page.cell(row, n).number_format
        for n, field in enumerate(told["columns"].split(" "), 1)
    }
    assert {formats[f] for f in ("contact", "order_no", "batch", "model", "description")} == {"@"}
    assert (formats["reported_at"], formats["bought_on"]) == ("yyyy-mm-dd hh:mm", "yyyy-mm-dd")
    assert page.cell(row, 2).fill.fgColor.rgb == "FFFFF8DC"
    assert page.row_dimensions[row].height is None  # so that Excel lets it grow with its text
    assert page.freeze_panes == f"C{row - 1}"
    assert (page.page_setup.orientation, page.page_setup.paperSize) == ("landscape", 9)
    assert page.print_title_rows == f"${told['header_row']}:${told['header_row']}"
    few = opened("questionnaire", "zh-Hant").worksheets[0]
    assert [
        p.page_setup.fitToWidth or 1
        for p in (page, few)
        if p.sheet_properties.pageSetUpPr.fitToPage
    ] == [3, 1]
    assert "QR-D01 A/1" in page.oddFooter.left.text


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_notes_have_a_line_for_every_field_of_three_lines_at_most(name: str, language: str) -> None:
    page = opened(name, language).worksheets[1]
    form = form_of(name, office_of(language))
    rows = [row for row in page.iter_rows(values_only=True) if isinstance(row[0], int)]
    assert len(rows) == len(form.fields)
    for row, field in zip(rows, form.fields, strict=True):
        assert (row[1].endswith("*"), bool(row[2]), bool(row[3])) == (
            field.required is True,
            True,
            True,
        )
        for text in row[3:5]:
            assert (
                sum(-(-max(1, text_width(line)) // 46) for line in str(text or "").split("\n")) <= 3
            ), (field.id, text)


def test_rows_that_a_schema_passes_over_below_its_header_are_no_blanks() -> None:
    model = schema(
        "[{id: a, zh: 甲, required: true}, {id: b, zh: 乙}, {id: c, zh: 丙}]",
        skip_rows_after_header=3,
    )
    office = office_of("zh-Hant", dataclasses.replace(BOOK, sources=(model,)))
    content = excel.render(
        register_workbook(register_form(model, office), office, TEMPLATES, date=TODAY, n_rows=2)
    )
    page = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    found = identify(rows, [model], sheet="S")
    assert isinstance(found, Layout)
    assert [rows[n][0] for n in range(found.header_row, len(rows))] == ["範例", None, None, 1, 2]
    assert found.first_row == found.header_row + 4


def test_either_or_fields_are_marked_and_known_again() -> None:
    model = schema(
        "[{id: phone, zh: 電話, either_or: way}, {id: mail, zh: 郵箱, either_or: way}, {id: text, zh: 描述, required: true}]"
    )
    office = office_of("zh-Hant", dataclasses.replace(BOOK, sources=(model,)))
    made = register_workbook(register_form(model, office), office, TEMPLATES, date=TODAY, n_rows=2)
    page = openpyxl.load_workbook(io.BytesIO(excel.render(made))).worksheets[0]
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    found = identify(rows, [model], sheet="S")
    assert isinstance(found, Layout)
    assert [(m.header, m.field.id) for m in found.columns] == [
        ("電話（＊擇一）", "phone"),
        ("郵箱（＊擇一）", "mail"),
        ("描述\u00a0*", "text"),
    ]
    assert "擇一" in made.lines[0]


KINDS = """
- {id: text, zh: 編碼, required: true, pattern: {regex: "[A-Z]{3}", explain: {zh-Hant: 三個大寫字母, en: Three capitals}}, example: ABC}
- {id: several, zh: 性質, type: choices, values: kind, example: 問題反饋、表揚}
- {id: share, zh: 比例, type: number, minimum: 0, maximum: 100, example: 12.5}
- {id: most, zh: 上限, type: integer, maximum: 9, example: 3}
- {id: score, zh: 推薦度, type: rating, minimum: 0, maximum: 10, example: 9}
- {id: points, zh: 得分, type: rating, minimum: 0, maximum: 100, example: 85}
- {id: place, zh: 部門, type: department, strict: true, example: 生產部}
- {id: matter, zh: 案件, type: case}
- {id: wrong, zh: 樣例, type: date, example: 不是日期}
- {id: steps, zh: 步驟, type: table, fields: [{id: step, label: {zh-Hant: 步驟, en: Step}}]}
"""


def test_every_type_of_field_has_a_prompt_a_rule_and_an_example() -> None:
    model = schema(KINDS)
    office = office_of("zh-Hant", dataclasses.replace(BOOK, sources=(model,)))
    form = register_form(model, office)
    entries = {e.id: e for e in register_workbook(form, office, TEMPLATES, date=TODAY).entries}
    assert {i: (e.kind, e.closed, e.example) for i, e in entries.items()} == {
        "text": ("text", False, "ABC"),
        "several": ("text", False, "問題反饋、表揚"),
        "share": ("number", True, 12.5),
        "most": ("integer", True, 3),
        "score": ("number", True, 9),
        "points": ("number", True, 85),
        "place": ("text", True, "生產部"),
        "matter": ("text", False, None),
        "wrong": ("date", False, "不是日期"),
        "steps": ("text", False, None),
    }
    assert {i: len(e.options) for i, e in entries.items() if e.options} == {
        "score": 11,
        "place": len(BOOK.organisation.departments),
    }
    assert entries["text"].prompt == "文字\n三個大寫字母"
    assert entries["points"].error == "應為：0 至 100 的評分"
    content = excel.render(register_workbook(form, office, TEMPLATES, date=TODAY))
    book = openpyxl.load_workbook(io.BytesIO(content))
    told = {
        letter: (rule.type, rule.formula1, rule.formula2)
        for letter, rule in rules_of(book.worksheets[0]).items()
    }
    columns = dict(zip(identity_of(book)["columns"].split(" "), "ABCDEFGHIJK", strict=True))
    assert told[columns["share"]] == ("decimal", "0", "100")
    assert told[columns["most"]] == ("whole", "-1000000000000", "9")
    notes = {
        row[1]: row[4]
        for row in book.worksheets[1].iter_rows(values_only=True)
        if isinstance(row[0], int)
    }
    assert (notes["比例"], notes["上限"], notes["得分"]) == ("0 至 100", "不大於 9", "0 至 100")
    assert notes["性質"] == "問題反饋、改進建議、客戶投訴、諮詢、表揚、未分類"
    assert (
        len(
            bookmarks(
                word.render(
                    register_document(form, office, TEMPLATES, date=TODAY), TEMPLATES.letterhead
                )
            )
        )
        == 10
    )


# --- filled in and dropped ---


OURS = frozenset(in_all_languages(RESULT) + in_all_languages(WHY))
"""Headers of the columns that we add to a workbook that goes back; they are read as such."""
NOTHING_SAID = spellings(DEFAULT_PLACEHOLDERS)


def is_taken_as_written(text: str) -> bool:
    """False for what programs and printed lines leave around an answer, or in place of one."""
    return tidy(text) == text and text not in NOTHING_SAID and bool(text.strip("?？"))


PROSE = st.text(
    st.characters(categories=["L", "Nd", "P", "S"], max_codepoint=0x2FA1D), min_size=2, max_size=60
).filter(lambda text: text not in OURS and is_taken_as_written(text))
PAST = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2020, 12, 31)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)
LATELY = st.datetimes(dt.datetime(2021, 1, 1), dt.datetime(2026, 11, 20)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)
PHONES = st.from_regex(r"0[0-9]{9}|1[3-9][0-9]{9}", fullmatch=True)
MAILS = st.from_regex(r"[a-z]{1,8}@[a-z]{2,8}\.example\.com", fullmatch=True)


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d" if moment.time() == dt.time() else "%Y-%m-%d %H:%M")


def answers_to(field, form: BlankForm, language: str) -> st.SearchStrategy:
    """Pairs of what a person enters in that language and the typed answer it means."""
    simple = {"zh-Hant": ("是", "否"), "zh-Hans": ("是", "否"), "en": ("yes", "no")}[language]
    match field.type:
        case "text":
            told = PROSE.map(str.strip).filter(lambda t: len(t) >= 2 and t not in ERROR_VALUES)
            told = told.filter(lambda t: not field.empty_phrases or not says_nothing(fold(t)))
            return told.map(lambda t: (t, t))
        case "datetime":
            return (LATELY if field.id == "reported_at" else PAST).map(lambda m: (m, iso(m)))
        case "date":
            return PAST.map(lambda m: (m.date(), m.date().isoformat()))
        case "integer":
            return st.integers(0, 10**6).map(lambda n: (n, n))
        case "boolean":
            return st.sampled_from([(simple[0], True), (simple[1], False)])
        case "choice":
            return st.sampled_from([(v.label[language], v.code) for v in BOOK.values(field)])
        case "rating":
            return st.sampled_from(
                [(n, n) for n in range(1, 6)]
                + [(v.label[language], int(v.code)) for v in BOOK.values(field)]
            )
        case "contact":
            return (PHONES | MAILS).map(lambda t: (t, t))
        case "department":
            return st.sampled_from(
                [(d.label[language], d.id) for d in BOOK.organisation.departments]
            )
        case "product":
            return st.sampled_from([(p.name, p.name) for p in BOOK.products.products])
        case "person":
            return st.sampled_from([(p.name, p.id) for p in BOOK.organisation.people])
        case _:
            raise AssertionError(field.type)


def rows_for(form: BlankForm, language: str) -> st.SearchStrategy:
    """Rows of answers: required fields always, the others now and then."""
    always = {f.id: answers_to(f, form, language) for f in form.fields if f.required is True}
    sometimes = {f.id: answers_to(f, form, language) for f in form.fields if f.required is not True}
    return st.lists(st.fixed_dictionaries(always, optional=sometimes), min_size=1, max_size=6)


def filled(name: str, language: str, rows, *, with_example: bool = False) -> bytes:
    """The register with the rows typed into its blanks."""
    book = opened(name, language, 8)
    told = identity_of(book)
    page, columns, example = (
        book[told["sheet"]],
        told["columns"].split(" "),
        int(told["example_row"]),
    )
    if not with_example:
        page.delete_rows(example)
    for number, row in enumerate(rows, example + with_example):
        for field, (entered, _) in row.items():
            cell = page.cell(number, columns.index(field) + 1, entered)
            if isinstance(entered, str):
                cell.data_type = "s"  # as in a cell of format @; openpyxl takes `=…` for a formula
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "language"), EVERY)
def test_what_is_filled_in_comes_back_as_the_same_typed_answers(name: str, language: str) -> None:
    form = form_of(name, office_of(language))

    @settings(
        max_examples=12, phases=[Phase.explicit, Phase.generate]
    )  # shrinking a workbook takes minutes
    @given(rows=rows_for(form, language))
    def check(rows) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found = judge(
                BOOK,
                Path(folder),
                filled(name, language, rows),
                folder=None,
                name=f"{form.title}.xlsx",
            )
        assert (found.failed, found.schema, found.returned) == (None, form.schema.id, [])
        assert [row["answers"] for row in found.accepted] == [
            {f: value for f, (_, value) in row.items()} for row in rows
        ]
        assert {f.code for f in found.findings if f.severity != "note"} <= {
            "FB-asked",
            "FB-type-differs",
            "FB-severity-differs",
            "FB-twice",
        }

    check()


GOOD_ROW = {
    "reporter": ("王小明", "王小明"), "contact": ("0912345678", "0912345678"), "reported_at": (dt.datetime(2026, 11, 5), "2026-11-05"),
    "product": ("智能音箱", "智能音箱"), "model": ("007", "007"), "description": ("藍牙經常斷開", "藍牙經常斷開"), "scene": ("客廳", "客廳"),
}  # fmt: skip


def test_leading_zeros_stay_and_the_channel_is_told_by_the_sheets_name(tmp_path) -> None:
    content = filled("questionnaire", "zh-Hant", [GOOD_ROW])
    found = judge(BOOK, tmp_path, content, folder=None, name="renamed.xlsx")
    assert [row["answers"]["model"] for row in found.accepted] == ["007"]
    rows = RowJudge(Setup(BOOK, Limits(), RECEIVED, "zh-Hant"))
    assert (
        rows.channel(
            BOOK.schema("customer"),
            f"renamed {identity_of(opened('questionnaire', 'zh-Hant'))['sheet']}",
        )
        == "survey"
    )


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_example_row_left_as_it_was_is_no_answer(name: str, language: str, tmp_path) -> None:
    found = judge(BOOK, tmp_path, filled(name, language, [], with_example=True), folder=None)
    assert (found.accepted, found.returned, found.failed) == ([], [], "FB-no-rows")


@pytest.mark.parametrize("name", ["customer", "employee", "partner", "questionnaire"])
def test_english_example_row_has_no_chinese_but_names_of_the_master_lists(name: str) -> None:
    book = opened(name, "en")
    told = identity_of(book)
    row = [str(cell.value) for cell in book[told["sheet"]][int(told["example_row"])]]
    names = {p.name for p in BOOK.products.products} | {p.name for p in BOOK.organisation.people}
    assert "智能音箱" in row
    assert {text for text in row if re.search(r"[\u2e80-\u9fff\uff00-\uffef]", text)} <= names


# --- the sheet of paper ---


def bookmarks(content: bytes) -> list[str]:
    body = docx.Document(io.BytesIO(content)).element.body
    return [mark.get(f"{W}name") for mark in body.iter(f"{W}bookmarkStart")]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_document_has_every_blank_once_in_a_tinted_cell_beside_its_label(
    name: str, language: str
) -> None:
    form = form_of(name, office_of(language))
    content = document_of(name, language)
    assert sorted(bookmarks(content)) == sorted(f"fb_{field.id}" for field in form.fields)
    for mark in docx.Document(io.BytesIO(content)).element.body.iter(f"{W}bookmarkStart"):
        cell = next(mark.iterancestors(f"{W}tc"))
        label = "".join(t.text for t in cell.getprevious().iter(f"{W}t"))
        found = identify([[label, *form.schema.by_header]], [form.schema], sheet="S")
        assert isinstance(found, Layout)
        assert (found.columns[0].column, f"fb_{found.columns[0].field.id}") == (
            0,
            mark.get(f"{W}name"),
        )
        assert cell.find(f"{W}tcPr/{W}shd").get(f"{W}fill") == "FFF8DC"


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_options_on_paper_are_answers_as_they_stand(name: str, language: str) -> None:
    form = form_of(name, office_of(language))
    told = {}
    for mark in docx.Document(io.BytesIO(document_of(name, language))).element.body.iter(
        f"{W}bookmarkStart"
    ):
        cell = next(mark.iterancestors(f"{W}tc"))
        text = "".join(
            "\n" if part.tag == f"{W}br" else part.text or ""
            for part in cell.iter(f"{W}t", f"{W}br")
        )
        if text:
            told[mark.get(f"{W}name")[3:]] = [
                option.strip() for option in text.replace("\n", "　").split("□")[1:]
            ]
    for field in form.fields:
        if field.type in {"choice", "rating"}:
            labels = [v.label[language] for v in BOOK.values(field)]
            offered = told.pop(field.id)
            if field.id == "channel":  # only those by which feedback of this source comes
                assert len(offered) > 3
                labels = [label for label in labels if label in offered]
            assert offered == labels
        elif field.type == "boolean":
            assert told.pop(field.id) == {"en": ["Yes", "No"]}.get(language, ["是", "否"])
    assert told == {}


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_document_carries_its_identity_and_fits_one_page(name: str, language: str) -> None:
    form = form_of(name, office_of(language))
    with zipfile.ZipFile(io.BytesIO(document_of(name, language))) as archive:
        root = etree.fromstring(archive.read("docProps/custom.xml"))
        text = "".join(etree.fromstring(archive.read("word/document.xml")).itertext())
    assert {p.get("name"): "".join(p.itertext()) for p in root} == {
        "fbbatch.form": form.kind, "fbbatch.schema": form.schema.id, "fbbatch.version": "1", "fbbatch.issue": "1",
    }  # fmt: skip
    assert f"{form.title} · 1 · 1　QR-{form.number} A/1" in text
    office = office_of(language)
    content, missing = pdf.render(register_document(form, office, TEMPLATES, date=TODAY))
    assert (len(pypdfium2.PdfDocument(content)), missing) == (1, frozenset())


# --- options of blanks ---


def paper(*blocks) -> Document:
    return Document("measures", "處理措施", "", "", "zh-Hant", TODAY, blocks)


STEPS = Table(
    (Column("序號", 0.5), Column("措施", 3, id="step"), Column("責任人", id="owner")),
    ((1, "更換電池", ""), *((n, "", "") for n in range(2, 41))),
    blank="steps",
)


def test_cells_of_a_blank_table_are_marked_by_row_and_column_and_rows_stay_whole() -> None:
    content = word.render(paper(STEPS), TEMPLATES.letterhead)
    assert bookmarks(content) == [
        f"fb_steps_{row}_{column}" for row in range(1, 41) for column in ("step", "owner")
    ]
    rows = docx.Document(io.BytesIO(content)).tables[0].rows
    assert [cell.text for cell in rows[1].cells] == ["1", "更換電池", ""]
    assert all(row._tr.find(f"{W}trPr/{W}cantSplit") is not None for row in rows)
    assert {row._tr.find(f"{W}trPr/{W}trHeight").get(f"{W}val") for row in list(rows)[1:]} == {
        "560"
    }
    texts = [
        page.get_textpage().get_text_range()
        for page in pypdfium2.PdfDocument(pdf.render(paper(STEPS))[0])
    ]
    assert len(texts) > 1
    assert all("責任人" in text for text in texts)


def test_options_of_a_pair_are_ticked_and_marked() -> None:
    grid = Grid((Pair("結論", options=(("通過", True), ("不通過", False)), blank="verdict"),))
    content = word.render(paper(grid), TEMPLATES.letterhead)
    assert bookmarks(content) == ["fb_verdict"]
    assert docx.Document(io.BytesIO(content)).tables[0].rows[0].cells[1].text == "☑ 通過　□ 不通過"
    assert (
        "☑ 通過"
        in pypdfium2.PdfDocument(pdf.render(paper(grid))[0])[0].get_textpage().get_text_range()
    )


@given(
    st.lists(
        st.tuples(st.text(st.characters(categories=["L"]), min_size=1, max_size=12), st.booleans()),
        min_size=1,
    ),
    st.integers(1, 40),
)
def test_no_option_is_broken_over_two_lines(options, room: int) -> None:
    lines = ticks(options, room).split("\n")
    assert [(o[2:], o[0] == "☑") for line in lines for o in line.split("　")] == options
    assert all(text_width(line) / 2 <= room or "　" not in line for line in lines)
