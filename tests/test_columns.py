"""Several headers for one field, options over columns, second header rows, text under no header."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.schema import Book, SchemaModel, identify
from fbbatch.schema.columns import match_columns
from fbbatch.validate.check import Checker
from fbbatch.validate.several import split_choices
from fbbatch.words import DEFAULT_PLACEHOLDERS, fold
from tests.builders import (
    CUSTOMER,
    GOOD,
    RECEIVED,
    cells,
    checked,
    delimited,
    judge,
    layout_of,
    schema,
    sheet,
    told,
    word,
)

HEADER, ANSWERS = cells(f"{CUSTOMER}\n{GOOD}")
SURVEY = """[
  {id: reporter, zh: 姓名, required: true},
  {id: contact, zh: 電話, type: contact},
  {id: description, zh: 問題, required: true, empty_phrases: true},
  {id: functions, zh: 功能, type: choices, values: [
    {code: music, label: {zh-Hant: 音樂, en: Music}},
    {code: alarm, label: {zh-Hant: 鬧鐘, en: Alarm}},
    {code: news, label: {zh-Hant: 新聞、天氣, en: 'News, weather'}}]},
  {id: score, zh: 滿意度, type: rating, minimum: 1, maximum: 5}]"""
ANN = ["王", "0912345678", "壞了"]


def of(book: Book, *sources: SchemaModel) -> Book:
    """The book with these sources only."""
    return dataclasses.replace(book, sources=sources)


def surveyed(book, tmp_path, rows, **options):
    """A workbook of the survey, judged."""
    return judge(of(book, schema(SURVEY)), tmp_path, sheet(rows), **options)


def answers(judged, field: str) -> list[object]:
    return [row["answers"].get(field) for row in judged.accepted]


# --- several headers for one field ---


def test_first_filled_column_of_a_field_counts_row_by_row(book, tmp_path) -> None:
    rows = [["客户姓名", *HEADER], [None, *ANSWERS], ["李四", *ANSWERS]]
    judged = judge(book, tmp_path, sheet(rows))
    assert answers(judged, "reporter") == ["王小明", "李四"]
    assert [(f.code, f.cell) for f in judged.findings] == [("FB-column-doubled", "B1")]


def test_mail_and_phone_are_both_kept(book, tmp_path) -> None:
    rows = [["电子邮件", *HEADER], ["a@example.com", *ANSWERS], [None, *ANSWERS]]
    judged = judge(book, tmp_path, sheet(rows))
    assert answers(judged, "contact") == ["a@example.com; 13800001111", "13800001111"]


def test_what_stands_under_two_headers_of_the_description_is_all_of_it(book, tmp_path) -> None:
    rows = [
        ["遇到的问题", "您的建议", *HEADER[:5], HEADER[6]],
        ["锅底会焦", "希望附量杯", *ANSWERS[:5], ANSWERS[6]],
        ["无", "插头会烫", *ANSWERS[:5], ANSWERS[6]],
        [None, "盖子希望可以拆洗", *ANSWERS[:5], ANSWERS[6]],
    ]
    judged = judge(book, tmp_path, sheet(rows))
    assert judged.returned == []
    assert answers(judged, "description") == [
        "锅底会焦\n希望附量杯",
        "插头会烫",
        "盖子希望可以拆洗",
    ]


def test_wrong_answer_in_a_second_column_is_told_at_its_cell(book, tmp_path) -> None:
    rows = [[*HEADER, "提交时间"], [*ANSWERS[:2], None, *ANSWERS[3:], "昨天下午"]]
    judged = judge(book, tmp_path, sheet(rows))
    assert [(f.code, f.cell) for f in judged.findings] == [
        ("FB-column-doubled", "H1"),
        ("FB-not-date", "H2"),
    ]


def read_together(book, fields: str, headers: list[str], cells: list[Any], *placeholders: str):
    """The first field's answer in a row of `cells`, and the findings as (code, column from 1)."""
    others = "{id: other, zh: 其他}, {id: third, zh: 第三}"
    layout = layout_of(f"[{fields}, {others}]", [*headers, "其他", "第三"])
    known = (*DEFAULT_PLACEHOLDERS, *placeholders)
    checker = Checker(layout, book, received=RECEIVED, language="zh-Hans", placeholders=known)
    checked = checker.check([[*cells, "甲", "乙"]], [2], "S")
    return checked.columns[checker.fields[0]][0], [(f.code, f.column) for f in checked.findings]


NAMED = ("{id: name, zh: 姓名, aliases: [联系人]}", ["姓名", "联系人"])
CALLED = ("{id: contact, zh: 电话, aliases: [手机], type: contact}", ["电话", "手机"])
SAID = ("{id: said, zh: 描述, aliases: [说明], min_length: 2}", ["描述", "说明"])
COUNTED = ("{id: n, zh: 数量, aliases: [件数], type: integer}", ["数量", "件数"])


@pytest.mark.parametrize(
    ("field", "cells", "answer", "findings"),
    [
        (NAMED, ["NULL", "王小明"], "王小明", []),
        (NAMED, ["-3", "王小明"], "王小明", [("FB-read-as-blank", 1)]),
        (NAMED, ["????", "王小明"], "王小明", [("FB-garbled", 1)]),
        (NAMED, ["王小明", "????"], "王小明", [("FB-garbled", 2)]),
        (NAMED, ["????", "-3"], None, [("FB-read-as-blank", 2), ("FB-garbled", 1)]),
        (CALLED, ["1.38E+10", "0912345678"], "0912345678", [("FB-digits-lost", 1)]),
        (CALLED, ["0912345678", "1.38E+10"], "0912345678", [("FB-digits-lost", 2)]),
        (CALLED, ["????", "0912345678"], "0912345678", [("FB-garbled", 1)]),
        (CALLED, ["0987654321", 912345678], "0987654321; 912345678", [("FB-lost-zero", 2)]),
        (SAID, ["屏幕坏了", '=DISPIMG("a",1)'], "屏幕坏了", [("FB-picture", 2)]),
        (SAID, ["屏幕坏了", "按键\ufffd"], "屏幕坏了\n按键\ufffd", [("FB-garbled", 1)]),
        (COUNTED, ["-3", "5"], 5, [("FB-perhaps-blank", 1)]),
    ],
)
def test_what_cannot_be_believed_hides_no_answer_beside_it_and_is_told(
    book, field, cells, answer, findings
) -> None:
    assert read_together(book, *field, cells) == (answer, findings)


def test_account_of_microsoft_forms_is_not_who_answers(book, tmp_path) -> None:
    account = ["ID", "Start time", "Completion time", "Email", "Name"]
    values = ["num:1", "2026-11-05 09:00", "2026-11-05 09:10", "clerk@example.com", "Clerk"]
    header, good = (
        ["Your name", "Phone", "Product", "Model", "Problem", "Scene of use"],
        [*ANSWERS[:2], *ANSWERS[3:]],
    )
    judged = judge(book, tmp_path, sheet([[*account, *header], [*values, *good]]))
    assert answers(judged, "reporter") == ["王小明"]
    assert answers(judged, "contact") == ["13800001111"]
    noted = [f.cell for f in judged.findings if f.code == "FB-column-account"]
    assert noted == ["D1", "E1"]


def test_account_of_microsoft_forms_counts_where_the_form_does_not_ask(book, tmp_path) -> None:
    header = ["ID", "Start time", "Completion time", "Email", "Name"]
    values = ["num:1", "2026-11-05 09:00", "2026-11-05 09:10", "ann@example.com", "Ann"]
    rows = [[*header, *HEADER[3:]], [*values, *ANSWERS[3:]]]
    judged = judge(book, tmp_path, sheet(rows))
    assert (answers(judged, "reporter"), answers(judged, "contact")) == (
        ["Ann"],
        ["ann@example.com"],
    )


def test_two_labels_for_one_field_do_not_cut_a_written_form(book, tmp_path) -> None:
    pairs = [[label, answer] for label, answer in zip(HEADER, ANSWERS, strict=True)]
    content = word([*pairs[:1], ["电子邮件", "a@example.com"], *pairs[1:]])
    judged = judge(book, tmp_path, content)
    assert (len(judged.accepted), judged.returned) == (1, [])
    assert answers(judged, "contact") == ["a@example.com; 13800001111"]


def test_same_label_again_begins_the_next_record_of_a_written_form(book, tmp_path) -> None:
    pairs = [[label, answer] for label, answer in zip(HEADER, ANSWERS, strict=True)]
    judged = judge(book, tmp_path, word([*pairs, ["姓名", "李四"], *pairs[1:]]))
    assert answers(judged, "reporter") == ["王小明", "李四"]


# --- options and parts over columns ---


@pytest.mark.parametrize(
    ("headers", "marks"),
    [
        (["功能(音樂)", "功能(鬧鐘)", "功能(新聞、天氣)"], ["num:1", "num:0", "num:1"]),
        (["6、功能:音樂", "6、功能:鬧鐘", "6、功能:新聞、天氣"], ["1", "0", "1"]),
        (["功能 [音樂]", "功能 [鬧鐘]", "功能 [新聞、天氣]"], ["是", "否", "是"]),
        (["功能/music", "功能/alarm", "功能/news"], ["True", "False", "True"]),
        (["功能（音樂）", "功能（鬧鐘）", "功能（新聞、天氣）"], ["音樂", None, "新聞、天氣"]),
        (["功能", "功能", "功能"], ["音樂", None, "新聞、天氣"]),
        (["功能", None, None], ["音樂", None, "新聞、天氣"]),
    ],
)
def test_options_over_columns_are_the_answer(book, tmp_path, headers, marks) -> None:
    marks = [float(mark[4:]) if str(mark).startswith("num:") else mark for mark in marks]
    rows = [["姓名", "電話", "問題", *headers], [*ANN, *marks], [*ANN, *["鬧鐘", "鬧鐘", None]]]
    judged = surveyed(book, tmp_path, rows[:2] if headers[1] and headers[1] != "功能" else rows)
    assert answers(judged, "functions")[0] == ["music", "news"]
    assert told(judged.findings) == []


@pytest.mark.parametrize(
    ("cell", "chosen"),
    [
        *[
            (text, ["n"])
            for text in ("NULL", "(无)", "【空】", "N/A", "-3", "(blank)", "未答", "none")
        ],
        ("音乐", ["m", "n"]),
        ("x", ["m", "n"]),
    ],
)
def test_placeholder_in_a_column_of_an_option_chooses_nothing(book, cell, chosen) -> None:
    values = "[{code: m, label: {zh-Hant: 音樂, en: Music}}, {code: n, label: {zh-Hant: 鬧鐘, en: Alarm}}, {code: z, label: {zh-Hant: 無, en: None}}]"
    field = f"{{id: uses, zh: 功能, type: choices, values: {values}}}"
    read = read_together(book, field, ["功能[音乐]", "功能[闹钟]"], [cell, "1"], "未答")
    assert read == (chosen, [])


def test_option_that_is_a_word_for_nothing_is_chosen_by_its_name(book) -> None:
    values = (
        "[{code: m, label: {zh-Hant: 音樂, en: Music}}, {code: z, label: {zh-Hant: 無, en: None}}]"
    )
    field = f"{{id: uses, zh: 功能, type: choices, values: {values}}}"
    assert read_together(book, field, ["功能[音乐]", "功能[无]"], ["", "无"]) == (["z"], [])


def test_options_of_a_text_are_their_names(book, tmp_path) -> None:
    rows = [
        [*HEADER[:6], "使用场景(客厅)", "使用场景(厨房)", "使用场景(卧室)"],
        [*ANSWERS[:6], "1", "0", "1"],
    ]
    assert answers(judge(book, tmp_path, sheet(rows)), "scene") == ["客厅、卧室"]


def test_neither_mark_nor_option_in_a_column_of_an_option_goes_back(book, tmp_path) -> None:
    rows = [["姓名", "電話", "問題", "功能(音樂)", "功能(鬧鐘)"], [*ANN, 0, "車上"]]
    judged = surveyed(book, tmp_path, rows)
    assert judged.returned == [2]
    assert [(f.code, f.details["value"]) for f in judged.findings] == [("FB-not-a-choice", "車上")]


@pytest.mark.parametrize(
    "headers",
    [
        ["滿意度[外觀]", "滿意度[音質]"],
        ["8、滿意度:外觀", "8、滿意度:音質"],
        ["滿意度—外觀", "滿意度—音質"],
    ],
)
def test_parts_of_a_matrix_are_not_the_whole(book, tmp_path, headers) -> None:
    judged = surveyed(book, tmp_path, [["姓名", "電話", "問題", *headers], [*ANN, 5, 1]])
    assert answers(judged, "score") == [None]
    assert [(f.code, f.cell) for f in judged.findings] == [
        ("FB-column-part", "D1"),
        ("FB-column-part", "E1"),
    ]


def test_whole_beside_its_parts_is_the_answer(book, tmp_path) -> None:
    header = ["姓名", "電話", "問題", "滿意度[外觀]", "滿意度[音質]", "滿意度"]
    judged = surveyed(book, tmp_path, [header, [*ANN, 5, 1, 4]])
    assert answers(judged, "score") == [4]


def test_ratings_of_parts_are_no_text(book, tmp_path) -> None:
    rows = [[*HEADER[:6], "使用场景[外观]", "使用场景[音质]"], [*ANSWERS[:6], 5, 2]]
    judged = judge(book, tmp_path, sheet(rows))
    assert judged.returned == [2]
    assert "FB-column-missing" in {f.code for f in judged.findings}


def test_header_whose_parts_are_no_answer_does_not_swallow_the_row_below(book) -> None:
    rows = [[*HEADER[:6], "使用场景[外观]", "使用场景[音质]"], [*ANSWERS[:6], 5, 2]]
    assert identify(rows, book.sources, sheet="S", folder="customer").first_row == 2


def test_phones_of_two_kinds_are_both_kept(book, tmp_path) -> None:
    header = ["姓名", "電話(手機)", "電話(住家)", "問題"]
    judged = surveyed(book, tmp_path, [header, ["王", "0912345678", "02-27001234", "壞了"]])
    assert answers(judged, "contact") == ["0912345678; 0227001234"]


# --- rows of a header ---

TWO_ROWS = ["姓名", "電話", "問題", "功能", None, None]


@pytest.mark.parametrize(
    ("below", "merged"),
    [
        (["Open-Ended Response", None, "Response", "音樂", "鬧鐘", "新聞、天氣"], ()),
        (["開放式回答", "回應", None, "音樂", "鬧鐘", "新聞、天氣"], ()),
        ([None, None, None, "音樂", "鬧鐘", "新聞、天氣"], ()),
        ([None, None, None, "音樂", "鬧鐘", "新聞、天氣"], [("D1:F1", "功能")]),
        (
            [None, None, None, "音樂", "鬧鐘", "新聞、天氣"],
            [("A1:A2", "姓名"), ("B1:B2", "電話"), ("C1:C2", "問題"), ("D1:F1", "功能")],
        ),
    ],
)
def test_second_header_row_of_options_is_no_answer(book, tmp_path, below, merged) -> None:
    rows = [TWO_ROWS, below, [*ANN, None, "鬧鐘", "新聞、天氣"], [*ANN, 1, 0, 0]]
    model = of(book, schema(SURVEY))
    judged = judge(model, tmp_path, sheet(rows, merged=list(merged)))
    assert answers(judged, "functions") == [["alarm", "news"], ["music"]]
    assert (judged.returned, {f.code for f in judged.findings} - {"FB-twice"}) == ([], set())


def test_first_answers_under_a_header_are_not_taken_for_a_second_one(book, tmp_path) -> None:
    rows = [["姓名", "電話", "問題", "功能"], [*ANN, "音樂"]]
    assert len(surveyed(book, tmp_path, rows).accepted) == 1


def test_three_header_rows_of_qualtrics_are_no_answers(book, tmp_path) -> None:
    ids = [f'{{"ImportId":"QID{n}_TEXT"}}' for n in range(4)]
    rows = [["Q1", "Q2", "Q3", "Q4"], ["姓名", "電話", "問題", "功能"], ids, [*ANN, "音樂"]]
    judged = surveyed(book, tmp_path, rows)
    assert ([row["row"] for row in judged.accepted], judged.returned) == ([4], [])


@pytest.mark.parametrize(
    "header",
    [
        ["G01Q01. 姓名", "G01Q02. 電話", "G01Q03. 問題", "G01Q04[SQ001]. 滿意度"],
        ["name. 姓名", "tel. 電話", "what. 問題", "how. 滿意度"],
        ["g1/姓名", "g1/電話", "g1/問題", "g1/滿意度"],
    ],
)
def test_code_or_group_before_a_question_is_set_aside(book, tmp_path, header) -> None:
    judged = surveyed(book, tmp_path, [header, [*ANN, 4]])
    assert (answers(judged, "reporter"), answers(judged, "score")) == (["王"], [4])


def test_abbreviation_is_no_code_of_a_question(book) -> None:
    layout = identify([[*HEADER, "Prod. name"]], book.sources, sheet="S", folder="customer")
    assert [header for _, header in layout.unknown] == ["Prod. name"]


# --- what a schema may say of its columns ---

SHARED = """[{id: reporter, zh: 姓名}, {id: description, zh: 問題, nth: 1},
  {id: second, zh: 問題, nth: 2}, {id: note, zh: 說明, column: 5}]"""


def test_header_that_several_fields_share_goes_to_them_in_order(book, tmp_path) -> None:
    rows = [["姓名", "問題", "問題", "問題", "Q9"], ["王", "壞了", "會燙", "三", "五"]]
    judged = judge(of(book, schema(SHARED)), tmp_path, sheet(rows))
    assert judged.accepted[0]["answers"] == {
        "reporter": "王",
        "description": "壞了",
        "second": "會燙",
        "note": "五",
    }
    assert [(f.code, f.cell) for f in judged.findings] == [("FB-column-unknown", "D1")]


def test_column_of_a_field_counts_whatever_its_header(book, tmp_path) -> None:
    fields = "[{id: a, zh: 姓名}, {id: b, zh: 說明, column: 2}, {id: c, zh: 問題}]"
    rows = [["姓名", None, "問題", "說明"], ["王", "這裡", "壞了", "不是這裡"]]
    judged = judge(of(book, schema(fields)), tmp_path, sheet(rows))
    assert judged.accepted[0]["answers"] == {"a": "王", "b": "這裡", "c": "壞了"}
    assert [(f.code, f.cell) for f in judged.findings] == [("FB-column-unknown", "D1")]


@pytest.mark.parametrize("header", [True, False])
def test_rows_to_skip_and_a_footer_are_declared_with_and_without_header(
    book, tmp_path, header
) -> None:
    columns = ("", "") if header else (", column: 1", ", column: 2")
    fields = f"[{{id: description, zh: 問題{columns[0]}}}, {{id: reporter, zh: 姓名{columns[1]}}}]"
    model = schema(fields, header=header, skip_rows_after_header=1, footer="^合計")
    rows = [["(說明)", "x"], ["壞了", "王"], ["合計", 1], ["簽名", "張"]]
    judged = judge(of(book, model), tmp_path, sheet([["問題", "姓名"], *rows] if header else rows))
    assert answers(judged, "reporter") == ["王"]
    first = 4 if header else 3
    assert told(judged.findings) == [("FB-footer", first, None)]
    assert judged.findings[0].details == {"text": "合計 1", "rows": "2"}


def test_declared_rows_to_skip_and_a_header_row_that_was_found_are_not_added_up(book) -> None:
    model = schema(SURVEY, skip_rows_after_header=1)
    below = ["Open-Ended Response", "Response", "Response", "音樂", "鬧鐘", None]
    assert identify([TWO_ROWS, below, ANN], [model], sheet="S").first_row == 3


# --- several choices in a cell ---


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("音樂┋鬧鐘", ["music", "alarm"]),
        ("A.音樂┋B.鬧鐘", ["music", "alarm"]),
        ("新聞、天氣", ["news"]),
        ("音樂┋新聞、天氣", ["music", "news"]),
        ("新聞、天氣、音樂", ["news", "music"]),
        ("News, weather, Music", ["news", "music"]),
        ("music alarm", ["music", "alarm"]),
        ("音樂;鬧鐘;", ["music", "alarm"]),
    ],
)
def test_choices_in_a_cell_are_told_apart(book, tmp_path, text, chosen) -> None:
    judged = surveyed(book, tmp_path, [["姓名", "電話", "問題", "功能"], [*ANN, text]])
    assert answers(judged, "functions") == [chosen]


def test_words_of_which_one_is_no_option_are_not_cut_at_spaces(book, tmp_path) -> None:
    judged = surveyed(book, tmp_path, [["姓名", "電話", "問題", "功能"], [*ANN, "音樂 其他"]])
    assert [f.details["value"] for f in judged.findings] == ["音樂 其他"]


def test_declared_separator_is_the_only_one(book) -> None:
    field = "{id: f, zh: 功能, type: choices, separator: '#', values: [{code: a, label: {zh-Hant: 甲, en: A}}, {code: b, label: {zh-Hant: '乙,丙', en: B}}]}"
    fields = f"[{field}, {{id: g, zh: 問題}}, {{id: h, zh: 備註}}]"
    found = checked(book, fields, [["甲#乙,丙"], ["甲,甲"]])
    assert (found.columns["f"], told(found.findings)) == (
        [["a", "b"], None],
        [("FB-not-a-choice", 3, "f")],
    )


@given(st.lists(st.sampled_from(["a", "b, c", "d、e", "f"]), min_size=1, max_size=5))
def test_options_joined_by_any_separator_are_found_again(options: list[str]) -> None:
    known = {fold(option) for option in ("a", "b, c", "d、e", "f")}
    for separator in ("┋", "\n", "；"):
        assert split_choices(separator.join(options), known) == options
    assert split_choices("#".join(options), known, "#") == options


# --- text under no header ---


def test_text_in_a_column_without_header_is_told_with_its_cell(book, tmp_path) -> None:
    rows = [
        [*HEADER[:6], None, HEADER[6]],
        [*ANSWERS[:6], "并且会冒烟", ANSWERS[6]],
        [*ANSWERS[:6], "12", ANSWERS[6]],
    ]
    judged = judge(book, tmp_path, sheet(rows))
    (note,) = [f for f in judged.findings if f.code == "FB-no-header-above"]
    assert (note.severity, note.cell, note.details) == (
        "warning",
        "G2",
        {"text": "并且会冒烟", "rows": "1"},
    )
    assert len(judged.accepted) == 2


def test_text_beyond_the_last_column_is_told(book, tmp_path) -> None:
    judged = judge(book, tmp_path, sheet([HEADER, [*ANSWERS, "另外插头会烫"]]))
    assert [(f.code, f.cell) for f in judged.findings] == [("FB-no-header-above", "H2")]


def test_row_with_a_comma_too_many_goes_back_and_the_others_do_not(book, tmp_path) -> None:
    shifted = [*ANSWERS[:5], "声音小", "有杂音", "客厅"]
    judged = judge(book, tmp_path, delimited([HEADER, shifted, ANSWERS]))
    assert ([row["row"] for row in judged.accepted], judged.returned) == ([3], [2])
    assert told(judged.findings) == [("FB-row-too-long", 2, None)]


def test_blank_cells_behind_a_row_shift_nothing(book, tmp_path) -> None:
    judged = judge(book, tmp_path, delimited([HEADER, [*ANSWERS, "", ""], ANSWERS]))
    assert (judged.returned, {f.code for f in judged.findings}) == ([], {"FB-twice"})


def test_column_that_no_row_has_a_header_for_is_told_and_no_row_goes_back(book, tmp_path) -> None:
    rows = [[*ANSWERS, "再等等"], [*ANSWERS, "不急"]]
    judged = judge(book, tmp_path, delimited([HEADER, *rows]))
    assert judged.returned == []
    assert ("FB-no-header-above", 2, None) in told(judged.findings)


# --- laws ---

NAMES = [
    "姓名",
    "客戶姓名",
    "電話",
    "郵箱",
    "問題",
    "功能(音樂)",
    "功能(鬧鐘)",
    "滿意度[a]",
    "星座",
    "",
]


@given(st.lists(st.sampled_from(NAMES), max_size=9))
def test_every_column_with_a_header_is_accounted_for_once(headers: list[str]) -> None:
    found = match_columns(headers, schema(SURVEY))
    columns = [mapping.column for mapping in (*found.columns, *found.further)]
    columns += [unused.mapping.column for unused in found.unused]
    columns += [column for column, _ in found.unknown]
    assert sorted(columns) == [n for n, header in enumerate(headers) if header]
    fields = [mapping.field.id for mapping in found.columns]
    assert len(fields) == len(set(fields))
