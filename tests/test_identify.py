"""Which schema a sheet follows, where its header is, and which column answers which field."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from fbbatch.model import Finding
from fbbatch.read import Limits, Reading, open_content
from fbbatch.schema import Layout, identify
from fbbatch.schema.text import header_key, header_keys
from tests.builders import CUSTOMER, GOOD, cells, judge, schema, sheet, told, workbook

CUSTOMER_FIELDS = ["reporter", "contact", "reported_at", "product", "model", "description", "scene"]


def fields(layout: Layout | Finding) -> dict[int, str]:
    assert isinstance(layout, Layout), layout
    return {mapping.column: mapping.field.id for mapping in layout.columns}


def found(book, rows, *, folder="customer", **options) -> Layout | Finding:
    return identify(
        cells(rows) if isinstance(rows, str) else rows,
        book.sources,
        sheet="S",
        folder=folder,
        **options,
    )


# --- headers ---


@pytest.mark.parametrize(
    "written",
    [
        "姓名",
        "姓名*",
        "＊姓名：",
        "姓名（必填）",
        "姓名(required)",
        "【必填】姓名",
        "1. 姓名",
        "Q1、姓名",
        "一、姓名",
        "您的姓名",
        "请输入您的姓名",
        "姓 名",
        "姓\n名",
        "姓名 Name",
        "Name 姓名",
        "姓名/Name",
        "NAME",
        "客戶姓名",
        "2. 您的姓名 Name（必填）",
        "顾客\u3000姓名",
        "\ufeff姓名",
    ],
)
def test_decorated_header_is_the_plain_one(book, written: str) -> None:
    layout = found(book, [[written, *[str(c) for c in cells(CUSTOMER)[0][1:]]]])
    assert fields(layout)[0] == "reporter"


@given(st.text(max_size=60))
def test_header_keys_never_fail_and_are_never_empty(text: str) -> None:
    keys = header_keys(text)
    assert all(keys)
    assert len(keys) == len(set(keys))
    assert not header_key(text) or keys


# --- where the header is ---


def test_header_under_junk_rows_is_found(book) -> None:
    junk = [["产品使用情况问卷（导出）"], [], ["导出时间：2026-11-20", None, "制表：行政部"], []]
    layout = found(book, [*junk, *cells(f"{CUSTOMER}\n{GOOD}")])
    assert (list(fields(layout).values()), layout.header_row, layout.first_row) == (
        CUSTOMER_FIELDS,
        5,
        6,
    )


def test_header_under_twenty_junk_rows_is_found_and_under_thirty_is_not(book) -> None:
    table = cells(f"{CUSTOMER}\n{GOOD}")
    assert fields(found(book, [*[["说明"]] * 20, *table]))
    missing = found(book, [*[["说明"]] * 30, *table])
    assert isinstance(missing, Finding)
    assert missing.code == "FB-no-header"


def test_table_that_does_not_begin_in_the_corner_keeps_its_row_numbers(book, tmp_path) -> None:
    rows = [
        [],
        [],
        *[
            [None, None, *row]
            for row in cells(
                f"{CUSTOMER}\n{GOOD}\n| 李美玲 | 13800002222 | 昨天下午 | 智能音箱 | X-1 | 无法开机 | 客厅 |"
            )
        ],
    ]
    judged = judge(book, tmp_path, sheet(rows))
    assert ([row["row"] for row in judged.accepted], judged.returned) == ([4], [5])
    assert told(judged.findings) == [("FB-not-date", 5, "reported_at")]
    assert [f.cell for f in judged.findings] == ["E5"]


def test_header_in_two_rows_of_groups_and_parts_is_found(book) -> None:
    rows = """
    | 客户信息 |      | 反馈内容 |      |      |          |          |
    | 姓名     | 电话 | 反馈日期 | 产品 | 型号 | 问题描述 | 使用场景 |
    """
    layout = found(book, rows)
    assert (list(fields(layout).values()), layout.first_row) == (CUSTOMER_FIELDS, 3)


def test_header_of_merged_cells_is_found(book, tmp_path) -> None:
    rows = [
        ["客户", None, "反馈", None, "产品", None, "备注"],
        ["姓名", "电话", "日期", "问题描述", "名称", "型号", None],
        *cells("| 王小明 | 13800001111 | 2026-11-05 | 无法开机 | 智能音箱 | X-1 | 急 |"),
    ]
    merged = [("A1:B1", "客户"), ("C1:D1", "反馈"), ("E1:F1", "产品"), ("G1:G2", "备注")]
    path = tmp_path / "a.xlsx"
    path.write_bytes(sheet(rows, merged=merged))
    opened = open_content(path.read_bytes(), Limits())
    assert isinstance(opened, Reading)
    (page,) = opened.sheets
    layout = found(book, page.head, merged=page.merged)
    names = fields(layout)
    assert [names.get(n) for n in (0, 1, 2, 3, 5, 6)] == [
        "reporter",
        "contact",
        "reported_at",
        "description",
        "model",
        "remarks",
    ]
    assert layout.first_row == 3


def test_merged_ranges_reach_the_reader() -> None:
    content = sheet([["a", None], ["b", "c"]], merged=[("A1:B1", "a")])
    page = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    assert page.merged_cell_ranges


def test_columns_in_any_order_and_either_language_are_found(book) -> None:
    layout = found(
        book, "| Description | Model | Product | Scene of use | Date | Phone | Customer name |"
    )
    assert set(fields(layout).values()) == set(CUSTOMER_FIELDS)


def test_bilingual_headers_are_known_by_either_half(book) -> None:
    layout = found(
        book,
        "| 姓名 Name | 电话 Phone | 日期 Date | 产品 Product | 型号 Model No. | 问题描述 Description | 使用场景 Scene |",
    )
    assert list(fields(layout).values()) == CUSTOMER_FIELDS


def test_traditional_and_simplified_headers_are_the_same(book) -> None:
    simple = found(
        book, "| 客户姓名 | 联系电话 | 反馈时间 | 产品名称 | 产品型号 | 问题描述 | 使用场景 |"
    )
    traditional = found(
        book, "| 客戶姓名 | 聯繫電話 | 反饋時間 | 產品名稱 | 產品型號 | 問題描述 | 使用場景 |"
    )
    assert fields(simple) == fields(traditional)


# --- columns that are missing, unknown, twice ---


def test_unknown_column_is_kept_and_noted_with_its_place(book, tmp_path) -> None:
    judged = judge(book, tmp_path, sheet(f"{CUSTOMER} 星座 |\n{GOOD} 天蝎 |"))
    assert [(f.code, f.severity, f.cell) for f in judged.findings] == [
        ("FB-column-unknown", "note", "H1")
    ]
    assert judged.findings[0].details["header"] == "星座"
    assert "天蝎" in judged.accepted[0]["cells"]


def test_column_twice_is_taken_once_and_the_second_is_kept(book, tmp_path) -> None:
    judged = judge(book, tmp_path, sheet(f"{CUSTOMER} 客户姓名 |\n{GOOD} 别名 |"))
    assert [(f.code, f.severity, f.cell, f.field) for f in judged.findings] == [
        ("FB-column-doubled", "warning", "H1", "reporter")
    ]
    assert judged.accepted[0]["answers"]["reporter"] == "王小明"
    assert "别名" in judged.accepted[0]["cells"]


def test_missing_required_column_returns_every_row_and_names_the_likeliest_header(
    book, tmp_path
) -> None:
    header = CUSTOMER.replace("使用场景", "使用场景说")
    judged = judge(book, tmp_path, sheet(f"{header}\n{GOOD}"))
    assert (judged.accepted, judged.returned) == ([], [2])
    missing = [f for f in judged.findings if f.code == "FB-column-missing"]
    assert [(f.field, f.cell, f.details.get("near")) for f in missing] == [
        ("scene", "G1", "使用场景说")
    ]


def test_misspelt_header_is_suggested_and_never_guessed(book) -> None:
    layout = found(book, f"{CUSTOMER} 订单编码号 |")
    assert isinstance(layout, Layout)
    assert "order_no" not in fields(layout).values()
    (note,) = layout.findings
    assert (note.code, note.details["near_field"]) == ("FB-column-unknown", "order_no")


def test_model_column_may_be_missing_where_it_stands_with_the_product(book) -> None:
    layout = found(book, "| 姓名 | 电话 | 反馈日期 | 产品名称及型号 | 问题描述 | 使用场景 |")
    assert isinstance(layout, Layout)
    assert told(layout.findings) == []


# --- which schema ---


def test_folder_decides_where_headers_fit_more_than_one_source(book) -> None:
    rows = "| 姓名 | 日期 | 内容 | 部门 | 原因 | 公司 |"
    assert {f: found(book, rows, folder=f).schema.id for f in ("員工", "合作伙伴")} == {
        "員工": "employee",
        "合作伙伴": "partner",
    }


def test_headers_decide_where_no_folder_says_so(book) -> None:
    assert found(book, CUSTOMER, folder=None).schema.id == "customer"
    assert (
        found(book, "| 姓名 | 部门 | 反馈时间 | 问题详情 | 可能原因 |", folder=None).schema.id
        == "employee"
    )
    assert (
        found(book, "| 合作伙伴名称 | 反馈人 | 日期 | 问题或建议内容 |", folder=None).schema.id
        == "partner"
    )


def test_folder_that_names_no_source_says_nothing(book) -> None:
    assert found(book, CUSTOMER, folder="2026年11月").schema.id == "customer"


def test_two_sources_that_fit_alike_are_asked_about() -> None:
    listed = "[{id: a, zh: 姓名, required: true}, {id: b, zh: 日期}, {id: c, zh: 内容}]"
    either = [schema(listed, id="left"), schema(listed, id="right")]
    layout = identify([["姓名", "日期", "内容"]], either, sheet="S")
    assert isinstance(layout, Finding)
    assert (layout.code, layout.row, layout.details["candidate_schemas"]) == (
        "FB-which-source",
        1,
        "left,right",
    )


def test_sheet_that_fits_two_of_three_sources_is_asked_about_and_not_called_unknown(book) -> None:
    layout = found(
        book, "| 姓名 | 日期 | 内容 |", folder=None
    )  # enough for employee and for partner, too little for customer
    assert isinstance(layout, Finding)
    assert layout.code == "FB-which-source"


@pytest.mark.parametrize(
    "rows",
    [[], [[]], [[None, None]], [["说明"]], [["a", "b", "c"], ["1", "2", "3"]], [[1.0, 2.0, True]]],
)
def test_sheet_without_a_known_header_is_one_finding(book, rows) -> None:
    layout = found(book, rows)
    assert isinstance(layout, Finding)
    assert layout.code == "FB-no-header"


def test_header_words_inside_an_answer_do_not_make_it_the_header(book) -> None:
    rows = f"{CUSTOMER}\n| 姓名 | 电话 | 日期 | 智能音箱 | X-1 | 问题描述 | 场景 |"
    assert found(book, rows).first_row == 2


def test_file_without_header_is_read_by_position() -> None:
    positional = schema(
        "[{id: when, zh: 日期, column: 2}, {id: text, zh: 内容, column: 1}]", header=False, id="log"
    )
    layout = identify([["无法开机", "2026-11-05"]], [positional], sheet="S")
    assert (fields(layout), layout.first_row, layout.header_row) == (
        {0: "text", 1: "when"},
        1,
        None,
    )


def test_positional_schema_is_only_used_where_the_folder_says_so(book) -> None:
    positional = schema(
        "[{id: when, zh: 日期, column: 2}, {id: text, zh: 内容, column: 1}]", header=False, id="log"
    )
    everything = [*book.sources, positional]
    assert identify(cells(CUSTOMER), everything, sheet="S").schema.id == "customer"
    assert identify(cells(CUSTOMER), everything, sheet="S", folder="log").schema.id == "log"


def test_rows_under_the_header_that_are_no_answers_are_skipped_where_declared() -> None:
    exported = schema(
        "[{id: a, zh: 姓名}, {id: b, zh: 日期}, {id: c, zh: 内容}]", skip_rows_after_header=2
    )
    assert identify([["姓名", "日期", "内容"]], [exported], sheet="S").first_row == 4


# --- workbooks of several sheets ---


def test_sheet_without_header_beside_a_good_one_is_noted_with_its_rows(book, tmp_path) -> None:
    judged = judge(
        book,
        tmp_path,
        workbook({"问卷": f"{CUSTOMER}\n{GOOD}", "统计": "| 合计 | 12 |\n| 平均 | 3 |"}),
    )
    assert len(judged.accepted) == 1
    assert [(f.code, f.details["name"], f.details["rows"]) for f in judged.findings] == [
        ("FB-sheet-skipped", "统计", "2")
    ]


def test_hidden_sheet_is_read_and_noted(book, tmp_path) -> None:
    other = GOOD.replace("王小明", "李美玲")
    judged = judge(
        book,
        tmp_path,
        workbook({"问卷": f"{CUSTOMER}\n{GOOD}", "旧表": f"{CUSTOMER}\n{other}"}, hidden=["旧表"]),
    )
    assert [row["answers"]["reporter"] for row in judged.accepted] == ["王小明", "李美玲"]
    assert told(judged.findings) == [("FB-hidden-sheet", None, None)]


def test_same_row_on_two_sheets_is_noted_and_both_are_taken(book, tmp_path) -> None:
    judged = judge(
        book, tmp_path, workbook({"一": f"{CUSTOMER}\n{GOOD}", "二": f"{CUSTOMER}\n{GOOD}"})
    )
    assert judged.failed is None
    assert [row["occurrence"] for row in judged.accepted] == [0, 1]
    assert told(judged.findings) == [("FB-twice", 2, None)]


def test_header_without_any_answer_is_told(book, tmp_path) -> None:
    judged = judge(book, tmp_path, sheet(CUSTOMER))
    assert (judged.accepted, judged.failed) == ([], "FB-no-rows")


def test_text_in_unknown_columns_only_is_noted_and_no_answer(book, tmp_path) -> None:
    judged = judge(
        book, tmp_path, sheet(f"{CUSTOMER} 星座 |\n{GOOD} |\n| | | | | | | | 以上另寄 |")
    )
    assert len(judged.accepted) == 1
    assert ("FB-stray-text", 3, None) in told(judged.findings)


def test_blank_rows_between_answers_are_no_answers_and_do_not_shift_numbers(book, tmp_path) -> None:
    rows = [
        *cells(CUSTOMER),
        [],
        *cells(GOOD),
        [],
        [],
        ["李美玲", "13800002222", None, "智能音箱", "X-1", "无法开机", "客厅"],
    ]
    judged = judge(book, tmp_path, sheet(rows))
    assert ([row["row"] for row in judged.accepted], judged.returned) == ([3], [6])
    assert told(judged.findings) == [("FB-blank", 6, "reported_at")]


def test_serial_numbers_in_front_of_blank_rows_make_no_answers(book, tmp_path) -> None:
    judged = judge(
        book, tmp_path, sheet(f"| 序号 {CUSTOMER}\n| num:1 {GOOD}\n| num:2 | | | | | | | |")
    )
    assert (len(judged.accepted), judged.returned) == (1, [])
    assert "FB-stray-text" not in {f.code for f in judged.findings}
