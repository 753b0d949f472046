"""Rows of a sheet that are no feedback: told, kept, counted, and nobody has to correct them."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.judge.not_rows import parts_between
from tests.builders import (
    CUSTOMER,
    GOOD,
    cells,
    codes,
    counts,
    delimited,
    drop,
    judge,
    run,
    schema,
    sheet,
    told,
)

HEADER = CUSTOMER.splitlines()[0]
SECOND = GOOD.replace("王小明", "李美玲").replace("13800001111", "13800002222")
SWAPPED = """
| 反馈日期 | 电话 | 姓名 | 使用场景 | 问题描述 | 型号 | 产品名称 |
| 2026-11-06 | 13900003333 | 陈大文 | 办公室 | 按键没有反应，重启也没有用 | X-1 | 智能音箱 |
"""


def not_rows(judged) -> list[tuple[int | None, str]]:
    found = [f for f in judged.findings if f.code == "FB-not-a-row"]
    return [(f.row, f.details["what"]) for f in found]


def test_header_title_and_totals_of_each_printed_page_are_told_and_kept(book, tmp_path) -> None:
    judged = judge(
        book,
        tmp_path,
        sheet(
            f"| 2026年11月客诉登记表 |\n{HEADER}\n{GOOD}\n| 小计 | | | | | | 1 |\n"
            f"| 2026年11月客诉登记表 |\n{HEADER}\n{SECOND}\n| 合计 | | | | | | 2 |\n"
            "| 制表：王小明 | | 审核： |\n| 备注：以上资料截至11月底 |"
        ),
    )
    assert [row["row"] for row in judged.accepted] == [3, 7]
    assert judged.returned == []
    assert not_rows(judged) == [
        (4, "小计或合计"),
        (5, "标题"),
        (6, "表头"),
        (8, "小计或合计"),
        (9, "签署栏"),
        (10, "附注"),
    ]
    assert judged.aside[0][0] == "小计"


@pytest.mark.parametrize(
    "row",
    [
        "| 智能音箱小计 | | | | | | 2 件 |",
        "| | | 合计 | | | | 2 |",
        "| 小计 | | 2026-11-05 | | | | 2 |",
        "| Grand total | | | | | | 2 |",
        "| 审核 ： 李四 |",
        "| Prepared by: A. Chan | | Approved by: |",
        "| 以下空白 |",
        "| 共 2 条记录 |",
        "| 2 records |",
        "| 第 1 页 共 1 页 |",
        "| Page 1 of 1 |",
        "| 导出时间：2026-11-20 08:00 |",
        "| Exported at 2026-11-20 |",
        "| ※ 带星号为必填 |",
        "| Note: figures are provisional |",
        "| ============= |",
    ],
)
def test_line_under_a_table_is_no_feedback(book, tmp_path, row: str) -> None:
    judged = judge(book, tmp_path, sheet(f"{HEADER}\n{GOOD}\n{row}"))
    assert (len(judged.accepted), judged.returned) == (1, [])
    assert [number for number, _ in not_rows(judged)] == [3]


@pytest.mark.parametrize(
    "hints",
    [
        "| 必填 | 必填 | 必填 yyyy-mm-dd | 必填 | 选填 | 必填 | 必填 |",
        "| (required) | (required) | yyyy-mm-dd | required | optional | required | required |",
        "| 请填写全名 | 请填手机 | 格式：2026-11-05 | | | 请写明现象 | |",
        "| 例：王小明 | 例：0912345678 | 例：2026-11-05 | 例：音箱 | 例：X | 例：坏了 | 例：家 |",
        "| 范例 | 13800000000 | 2026-11-05 | 智能音箱 | X-1 | 无法开机 | 客厅 |",
    ],
)
def test_row_of_hints_under_the_header_is_no_feedback(book, tmp_path, hints: str) -> None:
    judged = judge(book, tmp_path, sheet(f"{HEADER}\n{hints}\n{GOOD}"))
    assert ([row["row"] for row in judged.accepted], judged.returned) == ([3], [])
    assert [number for number, _ in not_rows(judged)] == [2]


@pytest.mark.parametrize(
    "row",
    [
        "| 合计 | 13800001111 | 2026-11-05 | 智能音箱 | X-1 | 说明：无法开机，一直没有反应 | 客厅 |",
        "| 备注 | 13800001111 | 2026-11-05 | 智能音箱 | 标题 | 共3条记录都是这样，无法开机 | 客厅 |",
    ],
)
def test_row_that_answers_all_is_feedback_whatever_its_words(book, tmp_path, row: str) -> None:
    judged = judge(book, tmp_path, sheet(f"{HEADER}\n{GOOD}\n{row}"))
    assert len(judged.accepted) == 2
    assert not_rows(judged) == []


@pytest.mark.parametrize(
    "row",
    [
        "| 李美玲 |",
        "| | | | | | 说明：无法开机，一直没有反应 | |",
        "| 李美玲 | | | 智能音箱 | | 无法开机，一直没有反应 | |",
        "| 小计 | | | | | 请尽快处理，客户很急 | |",
    ],
)
def test_row_with_gaps_that_no_word_betrays_goes_back_as_before(book, tmp_path, row: str) -> None:
    judged = judge(book, tmp_path, sheet(f"{HEADER}\n{GOOD}\n{row}"))
    assert (judged.returned, not_rows(judged)) == ([3], [])


def test_cell_over_several_columns_alone_in_its_row_is_a_title(book, tmp_path) -> None:
    rows = [*cells(f"{HEADER}\n{GOOD}"), ["华东区"], *cells(SECOND)]
    judged = judge(book, tmp_path, sheet(rows, merged=[("A3:G3", "华东区")]))
    assert ([row["row"] for row in judged.accepted], judged.returned) == ([2, 4], [])
    assert not_rows(judged) == [(3, "标题")]


def test_header_below_with_its_own_order_of_columns_begins_a_new_layout(book, tmp_path) -> None:
    judged = judge(book, tmp_path, delimited(f"{HEADER}\n{GOOD}{SWAPPED}"))
    first, second = (row["answers"] for row in judged.accepted)
    assert (first["reporter"], first["scene"]) == ("王小明", "客厅")
    assert (second["reporter"], second["scene"]) == ("陈大文", "办公室")
    assert judged.returned == []


def test_rows_below_a_header_that_lacks_a_column_go_back(book, tmp_path) -> None:
    short = SWAPPED.replace(" 电话 |", " 备用栏 |")
    judged = judge(book, tmp_path, delimited(f"{HEADER}\n{GOOD}{short}"))
    assert (len(judged.accepted), judged.returned) == (1, [4])
    assert ("FB-column-missing", 3, "contact") in told(judged.findings)


def test_schema_without_required_fields_takes_no_repeated_header_for_an_answer(
    book, tmp_path
) -> None:
    plain = schema("- {id: a, zh: 甲}\n- {id: b, zh: 乙}\n- {id: c, zh: 丙}")
    own = dataclasses.replace(book, sources=(plain,))
    table = "| 甲 | 乙 | 丙 |\n| x | y | z |\n| 甲 | 乙 | 丙 |\n| 合计 | | 3 |"
    judged = judge(own, tmp_path, sheet(table), folder=None)
    assert [json.loads(row["cells"]) for row in judged.accepted] == [["x", "y", "z"]]


def test_file_with_totals_is_wholly_accepted_and_the_balance_holds(place) -> None:
    drop(place, "customer/a.xlsx", sheet(f"{HEADER}\n{GOOD}\n| 合计 | | | | | | 1 |"))
    first = run(place)
    assert (counts(first), first.exit_code) == ((2, 1, 0, 0, 1), 0)
    drop(place, "customer/b.csv", delimited(f"{HEADER}\n{GOOD}\n| 合计 | | | | | | 2 |"))
    second = run(place, "2026-11-21")
    assert (counts(second), second.exit_code) == ((2, 0, 0, 1, 1), 0)
    assert ("FB-not-a-row", 3, None) in codes(second)


@given(st.integers(0, 30), st.sets(st.integers(0, 29)))
def test_parts_between_headers_hold_every_row_once(n_rows: int, headers: set[int]) -> None:
    inside = sorted(index for index in headers if index < n_rows)
    parts = list(parts_between(n_rows, inside))
    assert [index for part in parts for index in part] == list(range(n_rows))
