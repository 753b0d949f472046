"""Sheets without a header: forms with labels beside values, records turned, a table that goes on."""

import pytest

from tests.builders import CUSTOMER, GOOD, judge, sheet, told, workbook

HEADER = CUSTOMER.splitlines()[0]
SECOND = GOOD.replace("王小明", "李美玲").replace("13800001111", "13800002222")
FORM = """
| 客户投诉登记表 | |
| 姓名 | 陈先生 |
| 电话 | 0912-345-678 |
| 日期 | date:2026-11-05 14:30 |
| 产品 | 智能音箱 |
| 型号 | X-1 |
| 使用场景 | 厨房 |
| 问题描述 | 开机后没有声音，按键没有反应 |
"""


def answers(judged) -> list[tuple[str, str, str]]:
    rows = (row["answers"] for row in judged.accepted)
    return [(row["reporter"], row["contact"], row["reported_at"]) for row in rows]


def test_form_with_labels_beside_values_is_one_record(book, tmp_path) -> None:
    judged = judge(book, tmp_path, sheet(FORM))
    assert answers(judged) == [("陈先生", "0912345678", "2026-11-05 14:30")]
    assert (judged.returned, judged.findings) == ([], [])


def test_form_in_four_columns_is_one_record(book, tmp_path) -> None:
    form = """
    | 客户投诉登记表 | | | |
    | 姓名 | 陈先生 | 电话 | 0912-345-678 |
    | 日期 | 2026-11-05 | 产品 | 智能音箱 |
    | 型号 | X-1 | 使用场景 | 厨房 |
    | 问题描述 | 开机后没有声音，按键没有反应 | | |
    """
    judged = judge(book, tmp_path, sheet(form))
    assert answers(judged) == [("陈先生", "0912345678", "2026-11-05")]


def test_records_side_by_side_under_labels_at_the_left_are_a_row_each(book, tmp_path) -> None:
    turned = """
    | 姓名 | 陈先生 | 林小姐 |
    | 电话 | 0912-345-678 | 0912-345-679 |
    | 日期 | 2026-11-05 | 2026-11-06 |
    | 产品 | 智能音箱 | 智能音箱 |
    | 型号 | X-1 | X-1 |
    | 使用场景 | 厨房 | 客厅 |
    | 问题描述 | 开机后没有声音，按键没有反应 | 蓝牙经常断开，需要重新配对 |
    """
    judged = judge(book, tmp_path, sheet(turned))
    assert answers(judged) == [
        ("陈先生", "0912345678", "2026-11-05"),
        ("林小姐", "0912345679", "2026-11-06"),
    ]


def test_form_with_a_wrong_answer_goes_back(book, tmp_path) -> None:
    judged = judge(book, tmp_path, sheet(FORM.replace("date:2026-11-05 14:30", "昨天下午")))
    assert (judged.accepted, len(judged.returned)) == ([], 1)
    assert ("FB-not-date", "reported_at") in {(f.code, f.field) for f in judged.findings}


def test_sheet_that_explains_the_labels_of_a_table_is_no_form(book, tmp_path) -> None:
    explained = """
    | 姓名 | 填写全名 |
    | 电话 | 手机或座机 |
    | 日期 | 发生的那一天 |
    | 问题描述 | 请写明现象 |
    """
    judged = judge(book, tmp_path, workbook({"登记": f"{HEADER}\n{GOOD}", "说明": explained}))
    assert (len(judged.accepted), judged.returned) == (1, [])
    assert [f.code for f in judged.findings] == ["FB-sheet-skipped"]


def test_second_sheet_without_a_header_goes_on_and_is_told(book, tmp_path) -> None:
    judged = judge(book, tmp_path, workbook({"一": f"{HEADER}\n{GOOD}", "二": SECOND}))
    assert [name for name, *_ in answers(judged)] == ["王小明", "李美玲"]
    assert told(judged.findings) == [("FB-sheet-continued", None, None)]


@pytest.mark.parametrize(
    "notes", ["| 说明 | 甲 |\n| 以上 | 乙 |", "| 王 | 李 | 张 | 陈 | 林 | 黄 | 吴 |"]
)
def test_second_sheet_that_does_not_fit_is_skipped_and_told(book, tmp_path, notes: str) -> None:
    judged = judge(book, tmp_path, workbook({"一": f"{HEADER}\n{GOOD}", "二": notes}))
    assert len(judged.accepted) == 1
    assert [f.code for f in judged.findings] == ["FB-sheet-skipped"]
