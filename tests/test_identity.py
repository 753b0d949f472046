"""A row is known by what it says, not by where it stands, in which file, order or format (N4, 1.3.2)."""

import random

import pytest

from fbbatch.identity import Fingerprints, digest, gives_address
from tests.builders import CUSTOMER, GOOD, cells, delimited, judge, ods, people, sheet, workbook


def prints(book, tmp_path, content: bytes, **options) -> list[tuple[str, int]]:
    judged = judge(book, tmp_path, content, **options)
    assert judged.accepted, judged
    return sorted((row["fingerprint"], row["occurrence"]) for row in judged.accepted)


def test_rows_in_another_order_are_the_same_rows(book, tmp_path) -> None:
    table = cells(people(5))
    shuffled = [table[0], *random.Random(1).sample(table[1:], 5)]
    assert prints(book, tmp_path, sheet(table)) == prints(book, tmp_path, sheet(shuffled))


def test_columns_in_another_order_are_the_same_rows(book, tmp_path) -> None:
    table = cells(people(3))
    assert prints(book, tmp_path, sheet(table)) == prints(
        book, tmp_path, sheet([row[::-1] for row in table])
    )


def test_another_format_holds_the_same_rows(book, tmp_path) -> None:
    table = people(3)
    expected = prints(book, tmp_path, sheet(table))
    assert prints(book, tmp_path, delimited(table)) == expected
    assert prints(book, tmp_path, delimited(table, encoding="gb18030", delimiter="\t")) == expected
    assert prints(book, tmp_path, ods(table)) == expected


def test_typed_cells_and_their_text_are_the_same_row(book, tmp_path) -> None:
    text = f"{CUSTOMER} 数量 |\n{GOOD} 3 |"
    typed = (
        text.replace("| 13800001111", "| num:13800001111")
        .replace("| 2026-11-05", "| date:2026-11-05")
        .replace("| 3 |", "| num:3 |")
    )
    assert prints(book, tmp_path, sheet(typed)) == prints(book, tmp_path, delimited(text))


def test_junk_rows_blank_columns_and_unknown_columns_change_nothing(book, tmp_path) -> None:
    plain = prints(book, tmp_path, sheet(f"{CUSTOMER}\n{GOOD}"))
    assert prints(book, tmp_path, sheet(f"{CUSTOMER}\n{GOOD}", above=[["问卷"], []])) == plain
    assert prints(book, tmp_path, sheet(f"{CUSTOMER} 备注 | 星座 |\n{GOOD} | 天蝎 |")) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("13800001111", "138-0000-1111"),
        ("智能音箱", "智慧音箱"),
        ("2026-11-05", "2026年11月5日"),
        ("王小明", " 王小明 "),
        ("蓝牙经常断开", "蓝牙经常断开\u200b"),
    ],
)
def test_other_spelling_of_the_same_answer_is_the_same_row(
    book, tmp_path, one: str, other: str
) -> None:
    table = [*cells(f"{CUSTOMER}\n{GOOD.replace('，需要重新配对', '')}")]
    spelt = [[other if cell == one else cell for cell in row] for row in table]
    assert spelt != table
    assert prints(book, tmp_path, sheet(table)) == prints(book, tmp_path, sheet(spelt))


def test_composed_and_decomposed_letters_are_the_same_row(book, tmp_path) -> None:
    composed, apart = GOOD.replace("王小明", "Ren\u00e9"), GOOD.replace("王小明", "Rene\u0301")
    assert prints(book, tmp_path, sheet(f"{CUSTOMER}\n{composed}")) == prints(
        book, tmp_path, sheet(f"{CUSTOMER}\n{apart}")
    )


@pytest.mark.parametrize(
    "word", ["王小明", "13800001111", "2026-11-05", "智能音箱", "X-1", "蓝牙经常断开", "客厅"]
)
def test_any_other_answer_is_another_row(book, tmp_path, word: str) -> None:
    changed = GOOD.replace(
        word,
        {"2026-11-05": "2026-11-04", "13800001111": "13800001112", "智能音箱": "電飯煲"}.get(
            word, word + "甲"
        ),
    )
    assert prints(book, tmp_path, sheet(f"{CUSTOMER}\n{GOOD}")) != prints(
        book, tmp_path, sheet(f"{CUSTOMER}\n{changed}")
    )


def test_same_row_twice_in_a_file_is_counted_and_noted(book, tmp_path) -> None:
    judged = judge(
        book, tmp_path, sheet("\n".join([CUSTOMER, GOOD, people(1).splitlines()[1], GOOD, GOOD]))
    )
    assert [row["occurrence"] for row in judged.accepted] == [0, 0, 1, 2]
    assert [(f.code, f.row, f.details["first"]) for f in judged.findings] == [
        ("FB-twice", 4, "2"),
        ("FB-twice", 5, "2"),
    ]


def test_same_row_on_sheets_with_other_columns_is_counted_on(book, tmp_path) -> None:
    table = cells(f"{CUSTOMER}\n{GOOD}")
    judged = judge(book, tmp_path, workbook({"一": table, "二": [row[::-1] for row in table]}))
    assert (judged.failed, [row["occurrence"] for row in judged.accepted]) == (None, [0, 1])


def test_same_words_from_another_source_are_another_matter(book, tmp_path) -> None:
    table = "| 合作伙伴名称 | 姓名 | 部门 | 反馈时间 | 问题描述 | 初步分析 |\n| 大华 | 刘经理 | 客服部 | 2026-11-05 | 无法开机 | 电源松动 |"
    employee, partner = (
        prints(book, tmp_path, sheet(table), folder=folder) for folder in ("employee", "partner")
    )
    assert employee != partner


def test_when_it_was_typed_in_and_what_was_attached_do_not_make_another_row(book, tmp_path) -> None:
    def with_remark(recorded: str, picture: str) -> bytes:
        return sheet(f"{CUSTOMER} 登记时间 | 附件 |\n{GOOD} {recorded} | {picture} |")

    assert prints(book, tmp_path, with_remark("2026-11-05", "a.jpg")) == prints(
        book, tmp_path, with_remark("2026-11-06", "b.jpg")
    )


def test_rows_keep_the_fingerprints_by_which_ledgers_know_them() -> None:
    assert (
        Fingerprints("customer").of(['{"description":"蓝牙断开","product":"智能音箱"}'])[0].hex()
        == "009028cb0734f8b32ab6cfe7fd1e6f99"
    )


def test_digest_is_of_the_bytes_however_they_come() -> None:
    assert (
        digest([b"ab", b"c"])
        == digest([b"abc"])
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@pytest.mark.parametrize(
    ("contact", "gives"),
    [
        ("wang@example.com", True),
        ("電郵（Wang@Example.com）", True),
        ("0912345678 / wang@example.com", True),
        ("xwang@example.com", False),
        ("", False),
    ],
)
def test_address_is_found_in_a_contact_however_people_write_it(contact: str, gives: bool) -> None:
    assert gives_address(contact, "wang@example.com") is gives
    assert not gives_address(contact, "")
