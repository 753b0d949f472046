"""Every finding about an answer stands at its row, column and field; good rows are never held up by bad ones."""

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fbbatch import findings
from fbbatch.model import Submission
from fbbatch.schema import Layout
from fbbatch.validate import validate
from fbbatch.validate.check import Checker
from tests.builders import (
    CUSTOMER,
    GOOD,
    RECEIVED,
    cells,
    checked,
    delimited,
    judge,
    layout_of,
    sheet,
    told,
    workbook,
)

NAME = "{id: name, zh: 姓名}"
TAIL = "{id: tail, zh: 备注}, {id: more, zh: 附件}"  # a header needs three columns to be one


def answers(found) -> list[dict[str, object]]:
    return [
        dict(zip(found.columns, values, strict=True))
        for values in zip(*found.columns.values(), strict=True)
    ]


# --- one test per code ---


def test_blank_required_answer_is_one_finding_at_its_cell(book) -> None:
    found = checked(
        book,
        f"[{NAME[:-1]}, required: true, example: 王小明}}, {TAIL}]",
        [["王"], [None], ["  "], ["李"]],
    )
    assert told(found.findings) == [("FB-blank", 3, "name"), ("FB-blank", 4, "name")]
    assert [f.cell for f in found.findings] == ["A3", "A4"]
    assert found.findings[0].details["example"] == "王小明"
    assert found.bad == {1, 2}


SAID = [
    ("example: {zh-Hant: 開機無顯示, en: No picture}", ("開機無顯示", "开机无显示", "No picture")),
    ("type: choice, values: severity, example: general", ("一般", "一般", "General")),
    ("type: department, example: 生產部", ("生產部", "生产部", "Production")),
    ("type: boolean, example: 'yes'", ("是", "是", "Yes")),
    ("type: integer, example: 5", ("5", "5", "5")),
    ("example: 王麗華", ("王麗華", "王丽华", "王麗華")),
]


@pytest.mark.parametrize(("keys", "said"), SAID)
def test_message_on_a_blank_gives_the_example_in_the_readers_language(
    book, keys: str, said: tuple[str, str, str]
) -> None:
    fields = f"[{NAME[:-1]}, required: true, {keys}}}, {TAIL}]"
    found = [
        checked(book, fields, [[None, "x"]], language=language).findings[0]
        for language in ("zh-Hant", "zh-Hans", "en")
    ]
    assert [(f.code, f.details["example"]) for f in found] == [("FB-blank", text) for text in said]


def test_answer_that_is_asked_for_is_noted_and_the_row_is_taken(book) -> None:
    found = checked(
        book,
        f"[{NAME}, {{id: place, zh: 地点, required: ask}}, {TAIL}]",
        [["王", None], ["李", "客厅"]],
    )
    assert told(found.findings) == [("FB-asked", 2, "place")]
    assert found.bad == frozenset()


EITHER = "[{id: phone, zh: 电话, either_or: reach}, {id: mail, zh: 邮箱, either_or: reach}, {id: name, zh: 姓名}]"


def test_one_of_a_group_must_be_answered(book) -> None:
    found = checked(
        book, EITHER, [["1", None, "a"], [None, "2", "b"], ["1", "2", "c"], [None, None, "d"]]
    )
    assert told(found.findings) == [("FB-either-or", 5, "phone")]
    assert found.findings[0].details["labels"] == "电话、邮箱"


def test_group_with_one_column_in_the_sheet_is_judged_by_that_column(book) -> None:
    fields = EITHER[:-1] + ", {id: tail, zh: 备注}]"
    checker = Checker(
        layout_of(fields, ["电话", "姓名", "备注"]), book, received=RECEIVED, language="zh-Hans"
    )
    assert told(checker.check([["1", "a"], [None, "b"]], [2, 3], "S").findings) == [
        ("FB-either-or", 3, "phone")
    ]


def test_same_answer_where_each_must_differ_names_the_first(book) -> None:
    found = checked(
        book,
        f"[{{id: no, zh: 单号, unique: true}}, {TAIL}]",
        [["A1"], ["A2"], ["A1"], [None], [None]],
    )
    assert told(found.findings) == [("FB-not-unique", 4, "no")]
    assert found.findings[0].details["first"] == "2"


def test_uniqueness_holds_across_chunks_of_a_sheet(book) -> None:
    checker = Checker(
        layout_of(f"[{{id: no, zh: 单号, unique: true}}, {TAIL}]"),
        book,
        received=RECEIVED,
        language="zh-Hans",
    )
    checker.check([["A1"]], [2], "S")
    assert told(checker.check([["A1"]], [3], "S").findings) == [("FB-not-unique", 3, "no")]


DATES = "[{id: bought, zh: 购买日期, type: date, not_after: when}, {id: when, zh: 反馈日期, type: datetime, not_after: received}, {id: text, zh: 内容}]"


def test_date_after_the_day_of_receipt_or_after_another_date_goes_back(book) -> None:
    rows = [
        ["2026-11-01", "2026-11-05"],
        ["2026-11-06", "2026-11-05"],
        [None, "2026-11-23"],
        [None, "2026-11-22 23:59"],
    ]
    found = checked(book, DATES, rows)
    assert told(found.findings) == [("FB-date-after", 3, "bought"), ("FB-date-after", 4, "when")]
    assert found.findings[0].details["limit"] == "2026-11-05"


def test_date_before_another_goes_back(book) -> None:
    fields = "[{id: a, zh: 开始, type: date}, {id: b, zh: 结束, type: date, not_before: a}, {id: c, zh: 内容}]"
    assert told(
        checked(book, fields, [["2026-11-05", "2026-11-04"], ["2026-11-05", "2026-11-05"]]).findings
    ) == [("FB-date-before", 2, "b")]


def test_too_short_an_answer_goes_back(book) -> None:
    found = checked(
        book, f"[{{id: text, zh: 内容, min_length: 4}}, {TAIL}]", [["冒烟"], ["无法开机"]]
    )
    assert told(found.findings) == [("FB-too-short", 2, "text")]


@pytest.mark.parametrize("phrase", ["无", "同上", "見附件", "test", "......", "N/A", "无。"])
def test_phrase_that_tells_nothing_goes_back_as_one_finding(book, phrase: str) -> None:
    found = checked(
        book,
        f"[{{id: text, zh: 内容, required: true, min_length: 2, empty_phrases: true}}, {TAIL}]",
        [[phrase]],
    )
    assert told(found.findings) == [("FB-empty-phrase", 2, "text")]


def test_phrase_is_an_answer_where_the_schema_does_not_say_otherwise(book) -> None:
    assert checked(book, f"[{{id: text, zh: 内容}}, {TAIL}]", [["无"]]).findings == []


def test_text_over_the_limit_goes_back_and_is_not_cut(book) -> None:
    found = checked(book, f"[{{id: text, zh: 内容}}, {TAIL}]", [["a" * 32_767], ["a" * 32_768]])
    assert told(found.findings) == [("FB-too-long", 3, "text")]
    assert found.findings[0].details == {"length": "32768", "maximum": "32767"}


@pytest.mark.parametrize(
    "kind", ["product", "department", "person", "contact", "choice, values: channel"]
)
def test_no_field_takes_a_text_that_no_document_can_hold(book, kind: str) -> None:
    found = checked(book, f"[{{id: a, zh: 甲, type: {kind}}}, {TAIL}]", [["a1" * 20_000]])
    assert found.bad == {0}


def test_number_out_of_range_goes_back(book) -> None:
    fields = f"[{{id: n, zh: 数量, type: integer, minimum: 0, maximum: 10}}, {TAIL}]"
    assert told(checked(book, fields, [["-1"], ["0"], ["10"], ["11"]]).findings) == [
        ("FB-out-of-range", 2, "n"),
        ("FB-out-of-range", 5, "n"),
    ]


@pytest.mark.parametrize(
    ("kind", "cell", "code"),
    [
        ("integer", "1.5", "FB-not-integer"),
        ("number", "很多", "FB-not-number"),
        ("date", "昨天", "FB-not-date"),
        ("datetime", "03/04/2026", "FB-date-ambiguous"),
        ("boolean", "也许", "FB-not-boolean"),
        ("contact", "无", "FB-contact"),
        ("case", "FB-1", "FB-not-a-case"),
        ("rating", "很好吃", "FB-not-number"),
    ],
)
def test_cell_of_the_wrong_type_goes_back_with_what_was_written(
    book, kind: str, cell: str, code: str
) -> None:
    found = checked(book, f"[{{id: x, zh: 甲, type: {kind}}}, {TAIL}]", [[cell]])
    assert told(found.findings) == [(code, 2, "x")]
    assert found.findings[0].details["value"] == cell


def test_wrong_answer_to_a_required_question_is_one_finding_and_not_two(book) -> None:
    found = checked(book, f"[{{id: d, zh: 日期, type: date, required: true}}, {TAIL}]", [["昨天"]])
    assert told(found.findings) == [("FB-not-date", 2, "d")]


def test_pattern_explains_itself(book) -> None:
    pattern = "{regex: 'B[0-9]{4}', explain: {zh-Hant: B 加四位數字, en: B and four digits}}"
    found = checked(
        book, f"[{{id: b, zh: 批号, pattern: {pattern}}}, {TAIL}]", [["B1234"], ["B12345"], [None]]
    )
    assert told(found.findings) == [("FB-pattern", 3, "b")]
    assert found.findings[0].details["explain"] == "B 加四位数字"


def test_choice_is_known_by_code_label_and_alias_in_any_script(book) -> None:
    found = checked(
        book,
        f"[{{id: k, zh: 渠道, type: choice, values: channel}}, {TAIL}]",
        [["hotline"], ["客服熱線"], ["客服热线"], ["Hotline"], ["400電話。"]],
    )
    assert (found.findings, [row["k"] for row in answers(found)]) == ([], ["hotline"] * 5)


def test_unknown_choice_goes_back_with_the_choices_and_the_nearest(book) -> None:
    found = checked(
        book, f"[{{id: k, zh: 渠道, type: choice, values: channel}}, {TAIL}]", [["客服热点"]]
    )
    assert told(found.findings) == [("FB-not-a-choice", 2, "k")]
    assert "客服热线" in found.findings[0].details["allowed"]
    assert found.findings[0].details["near"] == "客服热线"


@pytest.mark.parametrize("grade", ["A", "b", "S1", "P0", "Major"])
def test_letter_grade_is_not_guessed(book, grade: str) -> None:
    found = checked(
        book, f"[{{id: severity, zh: 严重程度, type: choice, values: severity}}, {TAIL}]", [[grade]]
    )
    assert told(found.findings) == [("FB-letter-grade", 2, "severity")]


def test_letter_grade_is_taken_where_the_company_declares_it(book) -> None:
    values = "[{code: severe, label: {zh-Hant: 嚴重, en: Severe}, aliases: [A]}]"
    found = checked(
        book, f"[{{id: severity, zh: 严重程度, type: choice, values: {values}}}, {TAIL}]", [["A"]]
    )
    assert answers(found)[0]["severity"] == "severe"


def test_several_choices_in_one_cell_are_told_apart(book) -> None:
    found = checked(
        book,
        f"[{{id: k, zh: 渠道, type: choices, values: channel}}, {TAIL}]",
        [["热线；邮箱"], ["热线、邮箱、问卷"], ["热线\n邮箱"], ["热线；飞鸽"]],
    )
    assert [row["k"] for row in answers(found)] == [
        ["hotline", "email"],
        ["hotline", "email", "survey"],
        ["hotline", "email"],
        None,
    ]
    assert told(found.findings) == [("FB-not-a-choice", 5, "k")]


def test_several_choices_may_be_required_to_differ_between_rows(book) -> None:
    fields = f"[{{id: k, zh: 渠道, type: choices, values: channel, unique: true}}, {TAIL}]"
    assert told(checked(book, fields, [["热线；邮箱"], ["热线；邮箱"]]).findings) == [
        ("FB-not-unique", 3, "k")
    ]


@pytest.mark.parametrize(
    ("word", "points"),
    [
        ("5", 5),
        ("5.0", 5),
        ("非常满意", 5),
        ("滿意", 4),
        ("3星", 3),
        ("★★", 2),
        ("Very dissatisfied", 1),
    ],
)
def test_rating_is_understood_in_the_words_of_its_scale(book, word: str, points: int) -> None:
    found = checked(
        book,
        f"[{{id: s, zh: 满意度, type: rating, values: satisfaction, minimum: 1, maximum: 5}}, {TAIL}]",
        [[word]],
    )
    assert (told(found.findings), answers(found)[0]["s"]) == ([], points)


LOOKUPS = [("product", "智能音箱", "FB-unlisted-product", "FB-unknown-product", "智能音香"), ("department", "客服部", "FB-unknown-department", "FB-unlisted-department", "客服布"),
           ("person", "林雅婷", "FB-unknown-person", "FB-unlisted-person", "林雅停")]  # fmt: skip


@pytest.mark.parametrize(("kind", "known", "strict", "loose", "typo"), LOOKUPS)
def test_name_off_the_master_list_is_returned_where_strict_and_else_noted_once(
    book, kind: str, known: str, strict: str, loose: str, typo: str
) -> None:
    refused = checked(
        book,
        f"[{{id: x, zh: 甲, type: {kind}, strict: true}}, {TAIL}]",
        [[known], [typo]],
        language="zh-Hans",
    )
    assert (told(refused.findings), refused.bad) == ([(strict, 3, "x")], {1})
    assert known in refused.findings[0].details["near"]
    noted = checked(book, f"[{{id: x, zh: 甲, type: {kind}}}, {TAIL}]", [[known], [typo], [typo]])
    assert (told(noted.findings), noted.bad) == ([(loose, 3, "x")], frozenset())
    assert answers(noted)[2]["x"] == typo


def test_master_names_are_known_by_alias_and_script_and_kept_as_one(book) -> None:
    fields = "[{id: p, zh: 产品, type: product}, {id: d, zh: 部门, type: department}, {id: who, zh: 记录人, type: person}]"
    found = checked(
        book,
        fields,
        [
            ["智能音箱", "客服部", "林雅婷"],
            ["smart speaker", "Customer Service", "Lin Yating"],
            ["智慧喇叭", "呼叫中心", "林經理"],
        ],
    )
    assert answers(found) == [{"p": "智能音箱", "d": "customer_service", "who": "lin_yating"}] * 3
    assert found.findings == []


# --- name and model in one cell ---

SPLIT = "[{id: product, zh: 产品, type: product, required: true}, {id: model, zh: 型号, required: true, split_from: product}, {id: text, zh: 内容}]"


def test_name_and_model_in_one_cell_are_split_and_noted(book) -> None:
    found = checked(
        book, SPLIT, [["智能音箱 X-2", None], ["智能音箱／X-2", None], ["智能音箱", "X-2"]]
    )
    assert [(row["product"], row["model"]) for row in answers(found)] == [("智能音箱", "X-2")] * 3
    assert ("FB-split", 2, "model") in told(found.findings)
    assert found.bad == frozenset()


def test_split_name_is_looked_up_like_any_other(book) -> None:
    found = checked(book, SPLIT, [["智慧喇叭 X-2", None]])
    assert (answers(found)[0]["product"], told(found.findings)) == (
        "智能音箱",
        [("FB-split", 2, "model")],
    )


def test_known_product_with_its_model_is_not_called_unknown(book) -> None:
    assert told(checked(book, SPLIT, [["智能音箱 X-2", None]]).findings) == [
        ("FB-split", 2, "model")
    ]


def test_name_without_a_model_is_not_cut(book) -> None:
    found = checked(book, SPLIT, [["smart speaker", None]])
    assert (answers(found)[0]["product"], told(found.findings)) == (
        "智能音箱",
        [("FB-blank", 2, "model")],
    )


# --- carrying down ---

CARRY = f"[{{id: name, zh: 姓名, carry_down: true, required: true}}, {TAIL}]"


def test_answer_of_a_merged_area_holds_for_its_rows_and_for_no_other(book) -> None:
    rows = [["王", "a"], [None, "b"], [None, "c"], [None, "d"]]
    found = checked(book, CARRY, rows, merged=[(1, 0, 3, 0)])  # rows 2 to 4
    assert [row["name"] for row in answers(found)] == ["王", "王", "王", None]
    assert told(found.findings) == [("FB-blank", 5, "name")]


def test_blank_below_an_answer_is_a_gap_where_nothing_is_merged(book) -> None:
    assert told(checked(book, CARRY, [["王", "a"], [None, "b"]]).findings) == [
        ("FB-blank", 3, "name")
    ]


def test_merged_cells_of_a_field_that_is_not_meant_for_it_are_carried_and_told_once(book) -> None:
    fields = CARRY.replace("carry_down: true, ", "")
    rows = [["王", "a"], [None, "b"], [None, "c"], [None, "d"]]
    found = checked(book, fields, rows, merged=[(1, 0, 3, 0)])
    assert [row["name"] for row in answers(found)] == ["王", "王", "王", None]
    assert told(found.findings) == [("FB-carried-down", 3, "name"), ("FB-blank", 5, "name")]
    assert found.findings[0].details == {"value": "王", "first": "2", "last": "4"}


def test_carrying_down_works_from_a_real_file(book, tmp_path) -> None:
    rows = """
    | 合作伙伴名称 | 反馈人 | 日期       | 问题或建议内容           |
    |              | 刘经理 | 2026-11-05 | 开机后自动重启           |
    |              | 刘经理 | 2026-11-05 | 建议外箱加印防潮标示     |
    |              | 蔡小姐 | 2026-11-05 | 到货延迟四天，外箱破损   |
    """
    judged = judge(book, tmp_path, sheet(rows, merged=[("A2:A3", "大华电器行")]), folder="partner")
    assert [row["answers"]["partner"] for row in judged.accepted] == ["大华电器行", "大华电器行"]
    assert [t for t in judged.told if t[0] == "FB-blank"] == [("FB-blank", 4, "partner")]


# --- the whole row ---


def test_all_that_is_wrong_with_a_row_is_said_at_once(book, tmp_path) -> None:
    judged = judge(
        book, tmp_path, sheet(f"{CUSTOMER}\n| | 无 | 昨天 | 智能音箱 | | 无 | 客厅 |\n{GOOD}")
    )
    expected = {
        "reporter": "FB-blank",
        "contact": "FB-blank",
        "reported_at": "FB-not-date",
        "model": "FB-blank",
        "description": "FB-empty-phrase",
    }
    assert {f.field: f.code for f in judged.findings} == expected
    assert ({f.row for f in judged.findings}, judged.returned, len(judged.accepted)) == (
        {2},
        [2],
        1,
    )


def test_finding_names_its_sheet_row_and_cell(book, tmp_path) -> None:
    bad = GOOD.replace("2026-11-05", "昨天")
    judged = judge(
        book, tmp_path, workbook({"统计": "| 合计 |", "十一月": f"{CUSTOMER}\n{GOOD}\n{bad}"})
    )
    (found,) = [f for f in judged.findings if f.code == "FB-not-date"]
    assert findings.where(found, "zh-Hans") == "工作表“十一月”，第 3 行，单元格 C3"
    assert findings.where(found, "en") == "sheet '十一月', row 3, cell C3"


def test_validate_gives_the_values_of_a_good_row_and_none_for_a_bad_one(book) -> None:
    layout = layout_of(f"[{NAME[:-1]}, required: true}}, {TAIL}]")
    good, none = validate(Submission("S", 2, ("王", None, "x")), layout, book, received=RECEIVED)
    assert (good, none) == ({"name": "王", "more": "x"}, [])
    bad, found = validate(Submission("S", 3, (None,)), layout, book, received=RECEIVED)
    assert (bad, told(found)) == (None, [("FB-blank", 3, "name")])


def test_default_answers_what_was_not_given(book) -> None:
    found = checked(
        book, f"[{{id: a, zh: 甲, default: 无, required: true}}, {TAIL}]", [[None], ["有"]]
    )
    assert [row["a"] for row in answers(found)] == ["无", "有"]
    assert found.findings == []


def test_short_and_long_rows_are_judged_by_their_columns(book) -> None:
    found = checked(book, f"[{NAME}, {TAIL}]", [["王"], ["李", "b", "c", "d", "e"], []])
    assert answers(found) == [
        {"name": "王", "tail": None, "more": None},
        {"name": "李", "tail": "b", "more": "c"},
        {"name": None, "tail": None, "more": None},
    ]


def test_a_row_with_a_number_too_large_for_a_ledger_does_not_take_the_file_with_it(
    book, tmp_path
) -> None:
    judged = judge(
        book,
        tmp_path,
        delimited(
            f"{CUSTOMER} 数量 |\n{GOOD} 99999999999999999999999 |\n{GOOD.replace('王小明', '李美玲')} 3 |"
        ),
    )
    assert judged.failed is None
    assert (judged.returned, [row["answers"]["quantity"] for row in judged.accepted]) == ([2], [3])


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_message_speaks_the_readers_language(book, language: str) -> None:
    (found,) = checked(
        book,
        f"[{{id: k, zh: 渠道, type: choice, values: channel}}, {TAIL}]",
        [["飞鸽"]],
        language=language,
    ).findings
    message = findings.message(found, language, {"k": "CH"})
    assert {
        "zh-Hant": "「CH」沒有「飞鸽」這個選項",
        "zh-Hans": "“CH”没有“飞鸽”这个选项",
        "en": "'CH' has no choice '飞鸽'",
    }[language] in message
    assert {"zh-Hant": "客服熱線", "zh-Hans": "客服热线", "en": "Hotline"}[language] in message


# --- laws ---

CELLS = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.sampled_from(
        [
            "2026-11-05",
            "03/04/2026",
            "智能音箱 X-2",
            "13800001111",
            "无",
            "严重",
            "=1+1",
            "是",
            "5",
            "客服部",
        ]
    ),
)


@given(
    rows=st.lists(st.lists(CELLS, max_size=32), max_size=5),
    source=st.sampled_from(["customer", "employee", "partner"]),
)
@example(
    rows=[[float("nan")] * 32, [float("inf")] * 32, [10**40] * 32, ["\ud800"] * 32, ["\x00"] * 32],
    source="customer",
)
def test_whatever_the_cells_hold_checking_never_raises(book, rows, source: str) -> None:
    model = book.schema(source)
    header = [f.label["zh-Hans"] for f in model.fields]
    layout = _layout(book, source, header)
    found = Checker(layout, book, received=RECEIVED, language="en").check(
        rows, range(2, 2 + len(rows)), "S"
    )
    assert {len(column) for column in found.columns.values()} == {len(rows)}
    errors = {f.row - 2 for f in found.findings if f.severity == "error"}
    assert found.bad == errors
    for item in found.findings:
        assert findings.message(item, "zh-Hant")


@given(st.permutations(range(10)), st.lists(st.lists(CELLS, min_size=10, max_size=10), max_size=4))
def test_the_order_of_columns_does_not_matter(book, order, rows) -> None:
    names = [f.label["zh-Hans"] for f in book.schema("customer").fields[:10]]
    plain = _check(book, names, rows)
    mixed = _check(book, [names[n] for n in order], [[row[n] for n in order] for row in rows])
    assert mixed == plain


def _layout(book, source: str, header: list[str]) -> Layout:
    from fbbatch.schema import identify

    found = identify([header], [book.schema(source)], sheet="S")
    assert isinstance(found, Layout)
    return found


def _check(book, header: list[str], rows) -> tuple[object, ...]:
    found = Checker(
        _layout(book, "customer", header), book, received=RECEIVED, language="en"
    ).check(rows, range(2, 2 + len(rows)), "S")
    values = [sorted(((k, repr(v)) for k, v in row.items()), key=str) for row in answers(found)]
    return (
        values,
        found.bad,
        sorted((f.code, f.row, f.field or "", sorted(f.details.items())) for f in found.findings),
    )


def test_checking_by_chunks_is_checking_at_once(book) -> None:
    rows = [["王" if n % 3 else None, str(n)] for n in range(12)]
    layout = layout_of(CARRY)
    whole = Checker(layout, book, received=RECEIVED, language="en").check(rows, range(2, 14), "S")
    parts = Checker(layout, book, received=RECEIVED, language="en")
    halves = [parts.check(rows[:5], range(2, 7), "S"), parts.check(rows[5:], range(7, 14), "S")]
    assert told(whole.findings) == told(f for half in halves for f in half.findings)
    assert answers(whole) == [row for half in halves for row in answers(half)]


def test_real_dates_and_their_text_are_the_same_answer(book) -> None:
    found = checked(
        book,
        f"[{{id: d, zh: 日期, type: datetime}}, {TAIL}]",
        [[dt.datetime(2026, 11, 5, 14, 30)], ["2026/11/5 下午2:30"], [46331.604166667]],
    )
    assert len({row["d"] for row in answers(found)}) == 1


def test_cells_helper_reads_what_it_shows() -> None:
    assert cells("| a | |\n|---|---|\n| num:1.5 | date:2026-11-05 |") == [
        ["a", None],
        [1.5, dt.date(2026, 11, 5)],
    ]
