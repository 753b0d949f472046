"""Rows that are edited copies amend their case, matters that may be the same are proposed, and people decide (N4)."""

import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fbbatch.documents.case import history_rows
from fbbatch.errors import ExitCode
from fbbatch.identity import is_edited, is_worse_copy, likeness
from tests.builders import (
    CUSTOMER,
    GOOD,
    cells,
    counts,
    delimited,
    drop,
    first_night,
    people,
    run,
    sheet,
    shop_of,
    workspace,
    zipped,
)
from tests.test_ledger_forms import edited, issued
from tests.test_who_may import poisoned

WEEK = 20


def place_with(tmp_path: Path, content: bytes, name: str = "customer/week1.xlsx") -> Path:
    return first_night(tmp_path, {name: content}, "2026-11-16", case_reports="[]", forms="[]")[0]


def ledger_cases(place: Path) -> list[Any]:
    ledger = shop_of(place).ledger()
    try:
        return list(ledger.cases())
    finally:
        ledger.close()


def history(place: Path, case: Any) -> list[Any]:
    ledger = shop_of(place).ledger()
    try:
        return ledger.history(case)
    finally:
        ledger.close()


def codes(result: Any, *wanted: str) -> list[tuple[str, int | None, str | None]]:
    found = [
        f for file in result.manifest["files"] for f in file["findings"] if f["code"] in wanted
    ]
    return [(f["code"], f["row"], f["field"]) for f in found]


def weeks(number: int) -> list[list[Any]]:
    return cells(people(number))


def test_overlapping_exports_make_each_case_once_and_a_corrected_phone_amends_its_case(
    tmp_path: Path,
) -> None:
    table = weeks(2 * WEEK)
    place = place_with(tmp_path, sheet(table[: WEEK + 1]))
    drop(place, "customer/weeks 1+2.xlsx", sheet(table))
    assert counts(run(place, "2026-11-17")) == (2 * WEEK, WEEK, 0, WEEK, 0)
    corrected = [list(row) for row in [table[0], *reversed(table[WEEK + 1 :])]]
    old, corrected[5][1] = corrected[5][1], "13911112222"
    drop(place, "customer/week 2 sorted.csv", delimited(corrected))
    result = run(place, "2026-11-18")
    assert counts(result) == (WEEK, 0, 0, WEEK, 0)
    assert result.manifest["files"][0]["outcome"] == "accepted"
    assert codes(result, "FB-amended", "FB-alike") == [("FB-amended", 6, "contact")]
    (message,) = [
        f["message"] for f in result.manifest["files"][0]["findings"] if f["code"] == "FB-amended"
    ]
    assert old in message
    assert "13911112222" in message
    every = ledger_cases(place)
    assert len(every) == 2 * WEEK
    (case,) = [c for c in every if c.values["contact"] == "13911112222"]
    last = history(place, case)[-1]
    assert (last.document, last.details.changes) == (
        "amendment",
        {"contact": [old, "13911112222"]},
    )
    assert last.to == case.state


def test_amended_row_dropped_again_in_another_file_is_a_duplicate_and_so_is_the_old_one(
    tmp_path: Path,
) -> None:
    table = weeks(5)
    place = place_with(tmp_path, sheet(table))
    changed = [*table[:3], [*table[3][:1], "13911112222", *table[3][2:]], *table[4:]]
    drop(place, "customer/b.xlsx", sheet(changed))
    assert codes(run(place, "2026-11-17"), "FB-amended") == [("FB-amended", 4, "contact")]
    drop(place, "customer/c.csv", delimited(changed))
    drop(place, "customer/d.csv", delimited(table))
    result = run(place, "2026-11-18")
    assert counts(result) == (10, 0, 0, 10, 0)
    assert codes(result, "FB-amended") == []
    assert sum(c.values["contact"] == "13911112222" for c in ledger_cases(place)) == 1


def test_row_that_stands_beside_its_likeness_is_another_row(tmp_path: Path) -> None:
    table = weeks(4)
    place = place_with(tmp_path, sheet(table))
    twin = [*table[2][:1], "13911112222", *table[2][2:]]
    drop(place, "customer/b.xlsx", sheet([*table, twin]))
    result = run(place, "2026-11-17")
    assert counts(result) == (5, 1, 0, 4, 0)
    assert codes(result, "FB-amended", "FB-same-words") == [("FB-same-words", 6, None)]


def test_file_that_repeats_nothing_amends_nothing(tmp_path: Path) -> None:
    """Two questionnaires may well name two people alike; only a person can tell."""
    table = weeks(4)
    place = place_with(tmp_path, sheet(table))
    others = [
        [*row[:1], f"1391111000{n}", *row[2:5], f"另一件事{n}：外壳开裂", row[6]]
        for n, row in enumerate(table[3:])
    ]
    twins = [[*row[:1], f"1391111999{n}", *row[2:]] for n, row in enumerate(table[1:3])]
    drop(place, "customer/other.xlsx", sheet([table[0], *twins, *others]))
    result = run(place, "2026-11-17")
    assert counts(result) == (4, 4, 0, 0, 0)
    assert [code for code, *_ in codes(result, "FB-amended", "FB-same-words")] == [
        "FB-same-words"
    ] * 2


def test_export_with_a_column_more_amends_every_case_and_makes_none(tmp_path: Path) -> None:
    table = weeks(6)
    place = place_with(tmp_path, sheet(table))
    wider = [[*table[0], "批号"], *([*row, f"L{n}"] for n, row in enumerate(table[1:]))]
    drop(place, "customer/wider.csv", delimited(wider))
    result = run(place, "2026-11-17")
    assert counts(result) == (6, 0, 0, 6, 0)
    assert codes(result, "FB-amended") == [("FB-amended", row, "batch") for row in range(2, 8)]
    assert {c.values["batch"] for c in ledger_cases(place)} == {f"L{n}" for n in range(6)}


def test_parts_of_an_archive_that_hold_edited_rows_are_recorded_one_after_another(
    tmp_path: Path,
) -> None:
    """Rows that are known to be new only at the end of a part come behind those of the parts that follow it."""
    table = weeks(12)
    place = place_with(tmp_path, sheet(table))
    twins = [[row[0], f"1380000000{n}", *row[2:]] for n, row in enumerate((table[1], table[8]))]
    one, other = [*table[:7], twins[0]], [table[0], *table[7:], twins[1]]
    one[2], other[3] = (
        [table[2][0], "13911110001", *table[2][2:]],
        [table[9][0], "13911110002", *table[9][2:]],
    )
    drop(
        place,
        "customer/z.zip",
        zipped({"a.xlsx": sheet(one), "b.xlsx": sheet(other), "c.csv": delimited(table)}),
    )
    result = run(place, "2026-11-17")
    assert counts(result) == (26, 2, 0, 24, 0)
    assert sorted(codes(result, "FB-amended", "FB-same-words")) == [
        ("FB-amended", 3, "contact"), ("FB-amended", 4, "contact"), ("FB-same-words", 8, None), ("FB-same-words", 8, None),
    ]  # fmt: skip
    assert len({case.number for case in ledger_cases(place)}) == 14


def test_row_amends_the_likeliest_case_that_the_file_does_not_repeat(tmp_path: Path) -> None:
    """One person, two matters in nearly the same words: the newer one stands unaltered in the same file."""
    table = cells(
        f"{CUSTOMER}\n{GOOD}\n{GOOD.replace('2026-11-05', '2026-11-06').replace('客厅', '卧室')}"
    )
    place = place_with(tmp_path, sheet(table))
    drop(
        place, "customer/b.xlsx", sheet([table[0], [*table[1][:4], "X-2", *table[1][5:]], table[2]])
    )
    result = run(place, "2026-11-17")
    assert counts(result) == (2, 0, 0, 2, 0)
    assert codes(result, "FB-amended") == [("FB-amended", 2, "model")]
    assert [(case.values["model"], case.values["scene"]) for case in ledger_cases(place)] == [
        ("X-2", "客厅"),
        ("X-1", "卧室"),
    ]


def test_single_form_sent_again_with_one_answer_changed_amends(tmp_path: Path) -> None:
    place = place_with(tmp_path, delimited(f"{CUSTOMER}\n{GOOD}"), "customer/a.csv")
    drop(place, "customer/again.csv", delimited(f"{CUSTOMER}\n{GOOD.replace('X-1', 'X-2')}"))
    result = run(place, "2026-11-17")
    assert counts(result) == (1, 0, 0, 1, 0)
    assert codes(result, "FB-amended") == [("FB-amended", 2, "model")]


def test_form_of_somebody_else_is_another_matter(tmp_path: Path) -> None:
    place = place_with(tmp_path, delimited(f"{CUSTOMER}\n{GOOD}"), "customer/a.csv")
    drop(
        place, "customer/another.csv", delimited(f"{CUSTOMER}\n{GOOD.replace('王小明', '王小红')}")
    )
    result = run(place, "2026-11-17")
    assert counts(result) == (1, 1, 0, 0, 0)
    assert codes(result, "FB-amended", "FB-same-words") == [("FB-same-words", 2, None)]


def test_amendment_that_tells_of_danger_makes_the_case_severe_and_reports_it(
    tmp_path: Path,
) -> None:
    table = weeks(3)
    place = place_with(tmp_path, sheet(table))
    worse = [*table[:2], [*table[2][:5], f"{table[2][5]}，后来冒烟起火", *table[2][6:]], table[3]]
    drop(place, "customer/b.xlsx", sheet(worse))
    result = run(place, "2026-11-17")
    assert codes(result, "FB-amended") == [("FB-amended", 3, "description")]
    (case,) = [c for c in ledger_cases(place) if "冒烟" in c.values["description"]]
    assert case.severity == "severe"
    assert {d["kind"] for d in result.manifest["documents"] if d["case"] == case.number} >= {
        "escalation",
        "impact",
    }


def test_class_that_a_person_has_given_stays_when_the_row_is_amended(tmp_path: Path) -> None:
    table = weeks(3)
    place = workspace(tmp_path, case_reports="[]", forms="[]")
    drop(place, "customer/a.xlsx", sheet(table))
    first = run(place, "2026-11-16")
    number = ledger_cases(place)[1].number

    def judge_it(page: Any, columns: dict[str, int]) -> None:
        page.cell(3, 1).value = "修改人（请填姓名）：赵明远"
        row = next(r for r in range(1, 20) if page.cell(r, columns["反馈编号"]).value == number)
        page.cell(row, columns["问题类型"]).value = "服务问题"

    drop(place, "汇总.xlsx", edited(issued(place, first, "summary"), judge_it, sheet_number=1))
    run(place, "2026-11-17")
    (case,) = [c for c in ledger_cases(place) if c.number == number]
    assert case.type == "service"
    drop(
        place,
        "customer/b.xlsx",
        sheet([*table[:2], [*table[2][:5], f"{table[2][5]}，外壳有划痕", *table[2][6:]], table[3]]),
    )
    assert [c[0] for c in codes(run(place, "2026-11-18"), "FB-amended")] == ["FB-amended"]
    (case,) = [c for c in ledger_cases(place) if c.number == number]
    assert (case.type, "划痕" in case.values["description"]) == ("service", True)


def test_same_person_on_the_same_product_in_like_words_is_proposed_with_the_reason_and_merged_by_a_person(
    tmp_path: Path,
) -> None:
    place = place_with(tmp_path, sheet(f"{CUSTOMER}\n{GOOD}"))
    again = (
        GOOD.replace("2026-11-05", "2026-11-09")
        .replace("需要重新配对", "又要重新配对了")
        .replace("客厅", "卧室")
    )
    drop(place, "customer/later.xlsx", sheet(f"{CUSTOMER}\n{again}\n{people(1).splitlines()[1]}"))
    result = run(place, "2026-11-17")
    assert counts(result) == (2, 2, 0, 0, 0)
    assert codes(result, "FB-alike") == [("FB-alike", 2, None)]
    first, second, _ = ledger_cases(place)
    assert (second.alike["case"], second.alike["days"], second.alike["same"]) == (
        first.number,
        4,
        ["product", "reporter", "contact"],
    )
    waiting = openpyxl.load_workbook(issued(place, result, "receipt")).worksheets[2]
    assert any(
        row[1].value == second.number and first.number in str(row[2].value)
        for row in waiting.iter_rows()
    )
    summary = issued(place, result, "summary")

    def merge(page: Any, columns: dict[str, int]) -> None:
        row = next(
            r for r in range(1, 20) if page.cell(r, columns["反馈编号"]).value == second.number
        )
        assert first.number in page.cell(row, columns["是否重复"]).value
        page.cell(row, columns["并入案件"]).value = first.number
        page.cell(3, 1).value = "修改人（请填姓名）：赵明远"

    drop(place, "汇总.xlsx", edited(summary, merge, sheet_number=1))
    result = run(place, "2026-11-18")
    assert codes(result, "FB-edit-taken") != []
    assert [(c.number, c.state) for c in ledger_cases(place) if c.state == "closed"] == [
        (second.number, "closed")
    ]
    assert {d["kind"] for d in result.manifest["documents"] if d["case"] == second.number} == {
        "reply"
    }


@pytest.mark.parametrize("main", ["FB-20200101-0001", "self"])
def test_merging_into_a_case_that_cannot_take_it_is_not_applied(tmp_path: Path, main: str) -> None:
    place = workspace(tmp_path, case_reports="[]", forms="[]")
    drop(place, "customer/a.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    result = run(place, "2026-11-16")
    (case,) = ledger_cases(place)

    def merge(page: Any, columns: dict[str, int]) -> None:
        row = next(
            r for r in range(1, 20) if page.cell(r, columns["反馈编号"]).value == case.number
        )
        page.cell(row, columns["并入案件"]).value = case.number if main == "self" else main
        page.cell(3, 1).value = "修改人（请填姓名）：赵明远"

    drop(place, "汇总.xlsx", edited(issued(place, result, "summary"), merge, sheet_number=1))
    result = run(place, "2026-11-18")
    assert codes(result, "FB-edit-main-case", "FB-edit-taken")[0][0] == "FB-edit-main-case"
    assert ledger_cases(place)[0].state == "assigned"


@pytest.mark.slow
@pytest.mark.parametrize("others", [{0: 1, 1: 2}, {2: 1, 1: 0}, {0: 1, 1: 0}, {0: 1, 1: 2, 2: 0}])
def test_cases_are_merged_in_chains_but_never_in_a_circle(
    tmp_path: Path, others: dict[int, int]
) -> None:
    place = workspace(tmp_path, case_reports="[]", forms="[]")
    drop(place, "customer/a.xlsx", sheet(weeks(3)))
    result = run(place, "2026-11-16")
    numbers = [case.number for case in ledger_cases(place)]

    def merge(page: Any, columns: dict[str, int]) -> None:
        for one, main in others.items():
            row = next(
                r for r in range(1, 20) if page.cell(r, columns["反馈编号"]).value == numbers[one]
            )
            page.cell(row, columns["并入案件"]).value = numbers[main]
        page.cell(3, 1).value = "修改人（请填姓名）：赵明远"

    drop(place, "汇总.xlsx", edited(issued(place, result, "summary"), merge, sheet_number=1))
    found = [
        code for code, *_ in codes(run(place, "2026-11-18"), "FB-edit-taken", "FB-edit-main-case")
    ]
    is_circle = set(others) == set(others.values()) or len(others) == 3
    assert found.count("FB-edit-main-case") == is_circle
    assert found.count("FB-edit-taken") == len(others) - is_circle
    assert any(case.state == "assigned" for case in ledger_cases(place))


def test_two_edits_of_one_row_in_two_files_of_a_run_both_count(tmp_path: Path) -> None:
    """Which file is read first says nothing of which was written first."""
    table = weeks(3)
    place = place_with(tmp_path, sheet(table))
    drop(
        place,
        "customer/a.xlsx",
        sheet([table[0], [table[1][0], "13911119999", *table[1][2:]], *table[2:]]),
    )
    drop(
        place,
        "customer/b.xlsx",
        sheet([table[0], [*table[1][:4], "Z-9", *table[1][5:]], *table[2:]]),
    )
    result = run(place, "2026-11-17")
    assert sorted(codes(result, "FB-amended")) == [
        ("FB-amended", 2, "contact"),
        ("FB-amended", 2, "model"),
    ]
    values = ledger_cases(place)[0].values
    assert (values["contact"], values["model"]) == ("13911119999", "Z-9")


def test_people_without_a_name_are_not_the_same_person(tmp_path: Path) -> None:
    header, *rows = weeks(9)
    nobody = [header, *(["匿名", *row[1:5], "音质不错", *row[6:]] for row in rows)]
    place = place_with(tmp_path, sheet(nobody[:6]))
    drop(place, "customer/more.xlsx", sheet([header, *nobody[5:]]))
    result = run(place, "2026-11-17")
    assert counts(result) == (5, 4, 0, 1, 0)
    assert codes(result, "FB-amended", "FB-alike") == []


def test_far_apart_or_about_another_product_is_not_proposed() -> None:
    old = {
        "reporter": "王",
        "contact": "1",
        "product": "音箱",
        "reported_at": "2026-11-01",
        "description": "蓝牙经常断开，需要重新配对",
    }
    assert likeness(old, {**old, "reported_at": "2026-11-30"}) is not None
    assert likeness(old, {**old, "reported_at": "2026-12-30"}) is None
    assert likeness(old, {**old, "product": "电饭煲"}) is None
    assert likeness(old, {**old, "reporter": "李", "contact": "2"}) is None
    assert likeness(old, {**old, "description": "希望说明书的字大一些"}) is None


LONG = "音箱放在客厅用了三天，蓝牙每隔十分钟就会断开一次，重新配对以后又能用一会儿。手机换了两台都是这样。"


@pytest.mark.parametrize(
    ("again", "is_proposed"),
    [
        (f"您好，打扰了。{LONG}麻烦尽快处理，谢谢！", True),
        ("手机换了两台都是这样。音箱放在客厅用了三天，蓝牙每隔十分钟就会断开一次，重新配对以后又能用一会儿。", True),
        ("音箱放在客厅用了三天，蓝牙每隔十分钟就会断开一次", True),
        ("音箱放在客厅用了叁天，蓝牙没隔十分钟就会断开一此，从新配对以后又能用一会。手机换了两台都是这样", True),
        ("音箱放在客廳用了三天，藍牙每隔十分鐘就會斷開一次，重新配對以後又能用一會兒。手機換了兩臺都是這樣。", True),
        ("音箱的外壳右下角有一道很深的划痕，拆开包装的时候就在，请给我换一台新的，谢谢。", False),
        ("音箱", False),
    ],
)  # fmt: skip
def test_same_matter_is_known_by_pairs_of_characters(again: str, is_proposed: bool) -> None:
    case = {"reporter": "王", "contact": "1", "product": "音箱", "reported_at": "2026-11-01"}
    found = likeness({**case, "description": LONG}, {**case, "description": again})
    assert (found is not None) == is_proposed


def test_likeness_within_one_file_is_proposed_too(tmp_path: Path) -> None:
    again = GOOD.replace("需要重新配对", "又要重新配对了").replace("客厅", "卧室")
    place = place_with(tmp_path, sheet(f"{CUSTOMER}\n{GOOD}\n{people(1).splitlines()[1]}\n{again}"))
    first, _, third = ledger_cases(place)
    assert (third.alike["case"], third.alike["same"]) == (
        first.number,
        ["product", "reporter", "contact"],
    )


def test_likeness_is_found_behind_many_newer_cases_of_the_reporter(tmp_path: Path) -> None:
    others = [
        GOOD.replace("蓝牙经常断开，需要重新配对", f"{word}有问题，请寄{n}份说明给我")
        for n, word in enumerate(
            ["遥控", "电源", "外壳", "脚垫", "屏幕", "话筒", "按键", "灯带", "纸箱", "贴纸"], 1
        )
    ]
    place = place_with(tmp_path, sheet("\n".join([CUSTOMER, GOOD, *others])))
    again = GOOD.replace("需要重新配对", "又要重新配对了").replace("客厅", "卧室")
    drop(place, "customer/later.xlsx", sheet(f"{CUSTOMER}\n{again}\n{people(1).splitlines()[1]}"))
    result = run(place, "2026-11-17")
    assert ("FB-alike", 2, None) in codes(result, "FB-alike")
    told = {case.values["description"]: case for case in ledger_cases(place)}
    repeat, first = told["蓝牙经常断开，又要重新配对了"], told["蓝牙经常断开，需要重新配对"]
    assert repeat.alike["case"] == first.number


def test_row_with_more_than_two_other_answers_is_not_the_same_row_edited() -> None:
    old = {
        "reporter": "王",
        "contact": "1",
        "product": "音箱",
        "model": "X",
        "scene": "客厅",
        "description": "蓝牙经常断开",
    }
    assert is_edited(old, {**old, "contact": "2", "model": "Y"})
    assert not is_edited(old, {**old, "contact": "2", "model": "Y", "scene": "卧室"})
    assert is_edited(
        old, {**old, "contact": "2", "batch": "L1", "order_no": "S1", "remedy": "repair"}
    )
    assert not is_edited(old, {**old, "description": "包装破损"})


def test_order_of_files_and_rows_does_not_change_what_is_amended(tmp_path: Path) -> None:
    table = weeks(6)
    changed = [
        table[0],
        *random.Random(3).sample(
            [*table[1:4], [*table[4][:1], "13911112222", *table[4][2:]], *table[5:]], 6
        ),
    ]
    told = []
    for n, names in enumerate((("a.xlsx", "b.xlsx"), ("b.xlsx", "a.xlsx"))):
        (tmp_path / str(n)).mkdir()
        place = place_with(tmp_path / str(n), sheet(table))
        drop(place, f"customer/{names[0]}", sheet(changed))
        drop(place, f"customer/{names[1]}", delimited(table))
        run(place, "2026-11-17")
        told.append(sorted((c.number, c.values["contact"]) for c in ledger_cases(place)))
    assert told[0] == told[1]
    assert "13911112222" in {contact for _, contact in told[0]}


def test_story_of_a_case_tells_what_was_amended(tmp_path: Path) -> None:
    place = workspace(tmp_path, forms="[]")
    drop(place, "customer/a.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    run(place, "2026-11-16")
    drop(place, "customer/b.csv", delimited(f"{CUSTOMER}\n{GOOD.replace('X-1', 'X-2')}"))
    run(place, "2026-11-17")
    (case,) = ledger_cases(place)
    (*_, last) = history_rows(history(place, case), shop_of(place).office)
    assert last["document"] == "更正后重报\n产品型号：X-1 → X-2"


def test_edited_rows_in_several_files_of_one_archive_amend_their_cases(tmp_path: Path) -> None:
    table = weeks(8)
    one, two = table[:5], [table[0], *table[5:]]
    place = place_with(
        tmp_path, zipped({"a.xlsx": sheet(one), "b.xlsx": sheet(two)}), "customer/first.zip"
    )
    assert len(ledger_cases(place)) == 8

    def again(rows: list[list[Any]], phone: str, new: int) -> bytes:
        fresh = [
            [
                *rows[1][:1],
                f"1370000{new:04d}",
                *rows[1][2:5],
                f"全新的问题{new}：外壳裂开",
                rows[1][6],
            ]
        ]
        return sheet([rows[0], rows[1], [*rows[2][:1], phone, *rows[2][2:]], *rows[3:], *fresh])

    drop(
        place,
        "customer/second.zip",
        zipped({"a.xlsx": again(one, "13911110001", 1), "b.xlsx": again(two, "13911110002", 2)}),
    )
    result = run(place, "2026-11-17")
    assert counts(result) == (10, 2, 0, 8, 0)
    every = ledger_cases(place)
    assert len(every) == len({c.number for c in every}) == 10
    assert {"13911110001", "13911110002"} <= {c.values["contact"] for c in every}
    assert codes(result, "FB-amended") == [("FB-amended", 3, "contact")] * 2


def test_row_held_back_in_one_part_of_an_archive_becomes_a_case_beside_those_of_the_next(
    tmp_path: Path,
) -> None:
    table = weeks(4)
    place = place_with(tmp_path, sheet(table))
    twin = [
        table[0],
        [*table[1][:1], "13911112222", *table[1][2:]],
        [*table[2][:1], "13911113333", *table[2][2:]],
    ]
    others = [
        table[0],
        ["赵六", "13655556666", "2026-11-08", "电饭煲", "Z-9", "内胆涂层脱落，请更换", "厨房"],
    ]
    drop(place, "customer/b.zip", zipped({"1.xlsx": sheet(twin), "2.xlsx": sheet(others)}))
    assert counts(run(place, "2026-11-17")) == (3, 3, 0, 0, 0)
    every = ledger_cases(place)
    assert len(every) == len({c.number for c in every}) == 7


@pytest.mark.slow
@pytest.mark.parametrize("table", ["amendment", "likeness", "merger"])
def test_constraint_that_an_edited_file_breaks_is_that_files_outcome(
    tmp_path: Path, table: str
) -> None:
    place = place_with(tmp_path, sheet(weeks(3)))
    number = ledger_cases(place)[0].number
    alike, changed = weeks(3), weeks(3)
    changed[2][5] += "，外壳有划痕"
    alike[1][2], alike[1][5], alike[1][6] = "2026-11-09", f"{alike[1][5]}又来了", "卧室"

    def merge(page: Any, columns: dict[str, int]) -> None:
        row = next(
            r
            for r in range(1, 20)
            if page.cell(r, columns["反馈编号"]).value == ledger_cases(place)[1].number
        )
        page.cell(row, columns["并入案件"]).value = number
        page.cell(3, 1).value = "修改人（请填姓名）：赵明远"

    files = {
        "amendment": sheet(changed),
        "likeness": sheet(alike[:2]),
        "merger": edited(next(place.glob("outbox/2*/summary/*.xlsx")), merge, sheet_number=1),
    }
    before = len(ledger_cases(place))
    poisoned(place, table)
    drop(place, "bad.xlsx" if table == "merger" else "customer/bad.xlsx", files[table])
    result = run(place, "2026-11-18")
    assert [(f["outcome"], f["code"]) for f in result.manifest["files"]] == [
        ("quarantined", "FB-not-recorded")
    ]
    assert (len(ledger_cases(place)), run(place, "2026-11-19").exit_code) == (before, ExitCode.DONE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0912345601", "912345601"),
        ("+886912345601", "886912345601"),
        ("468768768833943384", "468768768833943000"),
        ("468768768833943384", str(int(float("468768768833943384")))),
        ("12345678", "12345678.0"),
        ("臺中市西區", "???西區"),
        ("臺中市西區", "?????"),
        ("臺中市西區", "臺中市\ufffd\ufffd"),
        ("很好😀", "很好"),
        ("字" * 300, "字" * 255),
        ("第一行\n第二行", "第一行 第二行"),
        ("2026-11-05 14:30", "2026-11-05"),
        ("王小明", "王小明".encode().decode("latin-1")),
        ("王小明", "王小明".encode().decode("gb18030", "replace")),
        ("臺中市", None),
        (["music"], []),
    ],
)
def test_answer_that_only_says_less_is_a_worse_copy(before: Any, after: Any) -> None:
    old = {"reporter": "李", "product": "音箱", "model": "X", "description": "蓝牙断开"}
    assert is_worse_copy({**old, "a": before}, {**old, "a": after})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("912345601", "0912345601"),
        ("0912345601", "0912345602"),
        ("00123", "00124"),
        ("468768768833943384", "468768768833943385"),
        ("無法開機", "無法開機?"),
        ("能開機嗎?", "不能開機?"),
        ("很好😀", "很好😡"),
        ("字" * 100, "字" * 50),
        ("2026-11-05 14:30", "2026-11-06"),
        (5, 3),
        (None, "臺中市"),
    ],
)
def test_answer_that_somebody_has_changed_is_a_correction(before: Any, after: Any) -> None:
    old = {"reporter": "李", "product": "音箱", "model": "X", "description": "蓝牙断开"}
    assert not is_worse_copy({**old, "a": before}, {**old, "a": after})


def test_damaged_copy_under_another_name_is_a_duplicate_and_the_good_answers_stay(
    tmp_path: Path,
) -> None:
    orders = ["订单号", "468768768833943384", "A-7"]
    table = [[*row, order] for row, order in zip(weeks(2), orders, strict=True)]
    table[1][1], table[2][1] = "0912345601", "0912345602"
    place = place_with(tmp_path, sheet(table))
    spoilt = [list(row) for row in table]
    spoilt[1][1], spoilt[1][7] = "912345601", "4.68769E+17"
    spoilt[2][7] = ""
    drop(place, "customer/resaved.csv", delimited(spoilt))
    result = run(place, "2026-11-17")
    assert counts(result) == (2, 0, 0, 2, 0)
    assert result.manifest["files"][0]["outcome"] == "duplicate"
    assert codes(result, "FB-same-row", "FB-emptied", "FB-worse", "FB-amended") == [
        ("FB-same-row", 2, None),
        ("FB-worse", 2, "contact"),
        ("FB-emptied", 2, None),
        ("FB-same-row", 3, None),
        ("FB-emptied", 3, None),
    ]
    every = {(c.values["contact"], c.values["order_no"]) for c in ledger_cases(place)}
    assert every == {("0912345601", "468768768833943384"), ("0912345602", "A-7")}
    drop(place, "customer/once more.csv", delimited([spoilt[0], spoilt[2], spoilt[1]]))
    again = run(place, "2026-11-18")
    assert counts(again) == (2, 0, 0, 2, 0)
    assert codes(again, "FB-worse") == []


def test_correction_beside_a_damaged_answer_amends_only_what_was_corrected(
    tmp_path: Path,
) -> None:
    table = weeks(3)
    table[1][1] = "0912345601"
    place = place_with(tmp_path, sheet(table))
    both = [list(row) for row in table]
    both[1][1], both[1][6] = "912345601", "办公室"
    drop(place, "customer/week1.csv", delimited(both))
    drop(place, "customer/week1.xlsx", sheet(both))
    result = run(place, "2026-11-17")
    found = codes(result, "FB-worse", "FB-amended")
    assert found == [("FB-worse", 2, "contact"), ("FB-amended", 2, "scene")]
    (case,) = [c for c in ledger_cases(place) if c.values["scene"] == "办公室"]
    assert case.values["contact"] == "0912345601"
