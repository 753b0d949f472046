"""The tracking ledger and the summary as forms, the reminder ladder, blank forms on the command line and in a run."""

import datetime as dt
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from fbbatch.batch import RunResult
from fbbatch.cli import cli
from fbbatch.model import Transition
from fbbatch.workflow.matter import matter_of
from fbbatch.workflow.reminders import Chaser, fresh_reminders
from tests.builders import delimited, drop, first_night, people, run, sheet, shop_of, workspace

RECEIVED = "2026-11-20"
HEADER = 5


def issued(place: Path, result: RunResult, kind: str) -> Path:
    """The workbook of this kind that a run has issued."""
    (path,) = [
        d["path"]
        for d in result.manifest["documents"]
        if d["kind"] == kind and d["path"].endswith(".xlsx")
    ]
    return place / "outbox" / result.manifest["run"] / path


def edited(
    source: Path, edit: Callable[[Any, dict[str, int]], None], sheet_number: int = 0
) -> bytes:
    """The workbook after somebody has worked in it; `edit` gets the sheet and the columns by header."""
    book = openpyxl.load_workbook(source)
    page = book.worksheets[sheet_number]
    header = next(
        row
        for row in range(1, 12)
        if any(cell.value in {"案件编号", "反馈编号"} for cell in page[row])
    )
    edit(page, {str(cell.value): cell.column for cell in page[header] if cell.value} | {"": header})
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def sign(page: Any, at: dict[str, int], name: str = "謝承恩") -> None:
    """Give the editor's name on the line for it above the header."""
    (cell,) = [
        c
        for row in page.iter_rows(max_row=at[""])
        for c in row
        if str(c.value or "").startswith("修改人")
    ]
    cell.value = f"{cell.value}{name}"


def office(folder: Path, n_rows: int = 8) -> tuple[Path, RunResult]:
    """A workspace with so many cases, the day after they came."""
    files = {"customer/a.csv": delimited(people(n_rows))}
    return first_night(folder, files, RECEIVED, case_reports="[]", forms="[]")


def back(
    place: Path, content: bytes, as_of: str = "2026-11-23", name: str = "台账.xlsx"
) -> tuple[str, list[tuple[str, str | None]]]:
    """Drop an edited workbook and run: (outcome, [(code, field)])."""
    drop(place, name, content)
    (file,) = run(place, as_of).manifest["files"]
    return file["outcome"], [(f["code"], f["field"]) for f in file["findings"]]


def case_of(place: Path, number: str) -> Any:
    ledger = shop_of(place).ledger()
    try:
        (case,) = ledger.cases(number=number)
        return case, ledger.history(case)
    finally:
        ledger.close()


def test_sorted_filtered_cut_and_widened_ledger_gives_exactly_the_two_changes_made(
    tmp_path,
) -> None:
    place, result = office(tmp_path)
    before = {c["number"]: c for c in result.manifest["cases"]}

    def edit(page: Any, at: dict[str, int]) -> None:
        rows = [[cell.value for cell in row] for row in page.iter_rows(min_row=at[""] + 1)][:-3]
        random.Random(5).shuffle(rows)
        rows[0][at["处理期限"] - 1], rows[3][at["处理期限"] - 1] = (
            dt.datetime(2026, 12, 25),
            "2026年12月28日",
        )
        page.delete_rows(at[""] + 1, page.max_row)
        for number, row in enumerate(rows, at[""] + 1):
            for column, value in enumerate(row, 1):
                page.cell(number, column, value)
        page.insert_cols(5)
        page.cell(at[""], 5, "我的栏")
        page.auto_filter.ref = f"A{at['']}:AF{page.max_row}"
        page.column_dimensions["H"].hidden = True
        sign(page, at)

    outcome, told = back(place, edited(issued(place, result, "tracking_ledger"), edit))
    assert (outcome, told) == ("step", [("FB-edit-taken", "due_on")] * 2)
    ledger = shop_of(place).ledger()
    dates = sorted(str(case.due_on) for case in ledger.cases())
    ledger.close()
    assert dates[-2:] == ["2026-12-25", "2026-12-28"]
    assert len(dates) == len(before)


def test_untouched_ledger_changes_nothing(tmp_path) -> None:
    place, result = office(tmp_path)
    assert back(place, issued(place, result, "tracking_ledger").read_bytes()) == (
        "step",
        [("FB-edit-none", None)],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value", "name", "outcome", "code"),
    [
        ("责任人", "羅心怡", "", "returned", "FB-edit-unsigned"),
        ("责任人", "羅心怡", "謝承恩", "step", "FB-edit-taken"),
        ("责任人", "羅心怡", "张三", "returned", "FB-edit-stranger"),
        ("责任人", "没有此人", "", "returned", "FB-unknown-person"),
        ("当前进度", "70%，零件已到位", "", "step", "FB-edit-taken"),
        ("困难与协调事项", "缺 20 片电源板", "", "step", "FB-edit-taken"),
        ("备注", "客户要求电话回复", "", "step", "FB-edit-taken"),
        ("问题摘要", "改写摘要", "", "returned", "FB-edit-protected"),
        ("问题摘要", "改写摘要", "謝承恩", "returned", "FB-edit-protected"),
        ("问题类型", None, "謝承恩", "returned", "FB-edit-emptied"),
        ("严重程度", None, "謝承恩", "returned", "FB-edit-emptied"),
        ("处理期限", None, "謝承恩", "returned", "FB-edit-emptied"),
        ("处理期限", dt.datetime(2026, 12, 25), "", "returned", "FB-edit-unsigned"),
        ("严重程度", "轻微", "謝承恩", "returned", "FB-edit-not-allowed"),
        ("严重程度", "轻微", "趙明遠", "step", "FB-edit-taken"),
        ("并入案件", "FB-20261120-0002", "謝承恩", "returned", "FB-edit-not-allowed"),
        ("并入案件", "FB-20261120-0002", "赵总", "step", "FB-edit-taken"),
        ("状态", "已结案", "", None, None),
        ("优先级", "P1 立即", "", "returned", "FB-edit-unsigned"),
        ("优先级", "P1 立即", "謝承恩", "step", "FB-edit-taken"),
        ("责任部门", "生产部", "", "returned", "FB-edit-unsigned"),
        ("责任部门", "生产部", "謝承恩", "step", "FB-edit-taken"),
        ("问题类型", "易用性问题", "謝承恩", "step", "FB-edit-taken"),
        ("暂停原因及至何日", "等供应商样品，至 2026-12-01", "", "returned", "FB-edit-unsigned"),
        ("暂停原因及至何日", "等供应商样品，至 2026-12-01", "謝承恩", "step", "FB-edit-taken"),
        ("暂停原因及至何日", "等一等", "謝承恩", "returned", "FB-edit-hold"),
        ("答复日期", dt.datetime(2026, 11, 21), "謝承恩", "returned", "FB-edit-state"),
        ("处理期限", "尽快", "", "returned", "FB-not-date"),
    ],
)  # fmt: skip
def test_one_edit_and_what_comes_of_it(
    tmp_path, column: str, value: Any, name: str, outcome: str | None, code: str | None
) -> None:
    place, result = office(tmp_path, 2)

    def edit(page: Any, at: dict[str, int]) -> None:
        if column in at:
            page.cell(at[""] + 1, at[column]).value = value
        if name:
            sign(page, at, name)

    found, told = back(place, edited(issued(place, result, "tracking_ledger"), edit))
    if outcome is None:
        assert "FB-edit-taken" not in {c for c, _ in told}
        return
    assert (found, told[0][0]) == (outcome, code)


def test_hold_written_into_the_ledger_ends_on_its_day(tmp_path) -> None:
    place, result = office(tmp_path, 1)
    number = result.manifest["cases"][0]["number"]

    def hold(page: Any, at: dict[str, int]) -> None:
        page.cell(at[""] + 1, at["暂停原因及至何日"], "等样品，至 2026-12-01")
        sign(page, at)

    back(place, edited(issued(place, result, "tracking_ledger"), hold))
    case, history = case_of(place, number)
    assert (case.state, history[-1].details.held_until, history[-1].details.reason) == (
        "on_hold",
        "2026-12-01",
        "等样品",
    )
    run(place, "2026-12-02")
    assert case_of(place, number)[0].state == "assigned"


def test_severity_of_a_safety_matter_is_not_lowered_without_a_reason(tmp_path) -> None:
    place = workspace(tmp_path, case_reports="[]", forms="[]")
    row = "| 王小明 | 13800001111 | 2026-11-05 | 智能音箱 | X-1 | 充电时突然冒烟起火 | 客厅 |"
    drop(place, "customer/a.csv", delimited(f"{people(1).splitlines()[0]}\n{row}"))
    result = run(place, RECEIVED)

    def lower(reason: str) -> Callable[[Any, dict[str, int]], None]:
        def edit(page: Any, at: dict[str, int]) -> None:
            page.cell(at[""] + 1, at["严重程度"]).value = "一般"
            sign(page, at, "趙明遠")
            if reason:
                page.cell(at[""] + 1, at["备注"]).value = reason

        return edit

    source = issued(place, result, "tracking_ledger")
    assert back(place, edited(source, lower("")))[1] == [("FB-edit-safety", "severity")]
    assert ("FB-edit-taken", "severity") in back(
        place, edited(source, lower("实物检查无异常")), "2026-11-24", "二.xlsx"
    )[1]
    assert case_of(place, result.manifest["cases"][0]["number"])[0].severity == "general"


def test_summary_sheet_takes_an_override_of_the_class_with_a_name(tmp_path) -> None:
    place, result = office(tmp_path, 2)

    def edit(page: Any, at: dict[str, int]) -> None:
        page.cell(at[""] + 1, at["问题类型"]).value = "易用性问题"

    outcome, told = back(place, edited(issued(place, result, "summary"), edit))
    assert (outcome, told[0]) == ("returned", ("FB-edit-unsigned", "type"))


def test_kind_is_chosen_in_the_summary_and_counted_in_a_row_of_its_own(tmp_path) -> None:
    place, result = office(tmp_path, 2)
    path = issued(place, result, "summary")
    book = openpyxl.load_workbook(path)
    rules = [rule.formula1 for page in book for rule in page.data_validations.dataValidation]
    assert any("未分类" in formula and "客户投诉" in formula for formula in rules)
    counts = [row[0].value for row in book["统计"].iter_rows()]
    assert "按反馈性质" in counts

    def edit(page: Any, at: dict[str, int]) -> None:
        page.cell(at[""] + 1, at["反馈性质"]).value = "客户投诉"
        sign(page, at, "谢承恩")

    outcome, told = back(place, edited(path, edit, sheet_number=1))
    assert (outcome, told[0]) == ("step", ("FB-edit-taken", "kind"))
    assert case_of(place, result.manifest["cases"][0]["number"])[0].kind == "complaint"


def test_older_schema_of_edited_ledgers_leaves_the_kind_protected(tmp_path) -> None:
    place = workspace(tmp_path, "zh-Hans")
    path = place / "schemas/forms/tracking_ledger.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(x for x in lines if "id: kind" not in x), encoding="utf-8")
    drop(place, "a.xlsx", sheet(people(2)))
    result = run(place)

    def edit(page: Any, at: dict[str, int]) -> None:
        page.cell(at[""] + 1, at["反馈性质"]).value = "客户投诉"

    edited_copy = edited(issued(place, result, "summary"), edit, sheet_number=1)
    assert back(place, edited_copy)[1] == [("FB-edit-protected", "kind")]


def test_ledger_whose_issued_copy_is_gone_is_sent_back(tmp_path) -> None:
    place, result = office(tmp_path, 1)
    content = issued(place, result, "tracking_ledger").read_bytes()
    issued(place, result, "tracking_ledger").unlink()
    drop(place, "a.xlsx", content)
    (file,) = run(place, "2026-11-23").manifest["files"]
    assert (file["outcome"], file["code"]) == ("returned", "FB-edit-no-issue")


def test_row_of_a_case_that_was_not_issued_is_told(tmp_path) -> None:
    place, result = office(tmp_path, 1)

    def edit(page: Any, at: dict[str, int]) -> None:
        page.cell(at[""] + 2, at["案件编号"]).value = "FB-20200101-0001"
        page.cell(at[""] + 2, at["备注"]).value = "x"

    assert back(place, edited(issued(place, result, "tracking_ledger"), edit))[1] == [
        ("FB-edit-unknown-case", None)
    ]


def test_ledger_is_written_when_there_is_news_and_stays_in_latest_otherwise(tmp_path) -> None:
    place, _ = office(tmp_path, 1)
    again = run(place, RECEIVED)
    assert "tracking_ledger" not in {d["kind"] for d in again.manifest["documents"]}
    assert [p.name for p in (place / "outbox" / "latest").glob("*台账*.xlsx")] == [
        f"问题处理跟踪台账 {RECEIVED}.xlsx"
    ]


# --- reminders ---


def assigned(on: str) -> Transition:
    moment = dt.datetime.fromisoformat(f"{on}T23:00:00+08:00")
    return Transition("assigned", "assignment_rules", "rules", moment.date(), moment, "r")


def levels(place: Path, days: list[str]) -> list[tuple[int, str]]:
    """The reminders of the one case after runs on these days: (level, its day)."""
    for day in days:
        run(place, day)
    ledger = shop_of(place).ledger()
    found = [
        (r.level, r.on.isoformat()) for reminders in ledger.reminders().values() for r in reminders
    ]
    ledger.close()
    return found


def test_ten_nightly_runs_and_one_run_after_ten_days_remind_alike(tmp_path) -> None:
    one, _ = office(tmp_path / "one", 1)
    ten, _ = office(tmp_path / "ten", 1)
    nightly = levels(ten, [f"2026-11-{day}" for day in range(21, 31)])
    assert nightly == levels(one, ["2026-11-30"])
    assert [level for level, _ in nightly] == [2, 3, 4]


def test_each_reminder_is_given_once(tmp_path) -> None:
    place, _ = office(tmp_path, 1)
    listed = [
        [
            d["department"]
            for d in run(place, day).manifest["documents"]
            if d["kind"] == "inspection"
        ]
        for day in ("2026-11-23", "2026-11-24", "2026-11-24", "2026-11-25", "2026-11-26")
    ]
    assert [len(names) for names in listed] == [2, 2, 0, 0, 4]


def test_ladder_counts_working_days_and_goes_on_weekly(book) -> None:
    place = dt.timezone(dt.timedelta(hours=8))
    case = next(iter_case())
    for today, expected in (
        ("2026-11-23", [2]),
        ("2026-11-24", [2, 3]),
        ("2026-11-26", [2, 3, 4]),
        ("2026-12-10", [2, 3, 4, 5, 6]),
    ):
        matter = matter_of(book, case, [assigned("2026-11-20")])
        waiting = Chaser(book, dt.date.fromisoformat(today), place).waiting(matter)
        assert waiting is not None
        assert [r.level for r in waiting.reminders] == expected
        assert (
            fresh_reminders(
                waiting, {(r.clock, r.due_on.isoformat(), r.level) for r in waiting.reminders}
            )
            == []
        )


def iter_case() -> Any:
    """One case of general severity."""
    from fbbatch.model import Case

    moment = dt.datetime.fromisoformat("2026-11-20T23:00:00+08:00")
    yield Case(
        1, "case", "FB-20261120-0001", moment.date(), moment, {}, "general", "assigned", "quality", (), None, dt.date(2026, 11, 27), None, (),
        "20261120-001", "customer", "customer", "email", "problem", "quality", {"reasons": ()}, "a.csv", "", 2,
    )  # fmt: skip


# --- blank forms ---


def command(*args: str) -> Any:
    return CliRunner().invoke(cli, list(args), standalone_mode=False, catch_exceptions=False)


def test_forms_writes_registers_in_the_languages_asked_for(tmp_path) -> None:
    place = workspace(tmp_path)
    command(
        "forms",
        "customer",
        "--to",
        str(tmp_path / "out"),
        "--locale",
        "zh-Hant",
        "--locale",
        "en",
        "-w",
        str(place),
    )
    names = sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")
    )
    assert "zh-Hant/客戶反饋登記表.xlsx" in names
    assert "en/Customer feedback register.docx" in names


def test_forms_as_json_tells_fields_examples_and_columns(tmp_path) -> None:
    place = workspace(tmp_path)
    (form,) = json.loads(command("forms", "measures", "--json", "-w", str(place)).output)
    steps = next(f for f in form["fields"] if f["id"] == "steps")
    assert {"id", "label", "type", "required", "example"} <= set(steps)
    columns = ["step", "cause", "owner", "due", "expected"]
    assert [c["id"] for c in steps["columns"]][:5] == columns
    assert [[name for name in columns if name in row] for row in steps["example"]] == [columns] * 3


@pytest.mark.parametrize(
    ("locale", "effect", "category", "step"),
    [
        ("zh-Hant", "電源過熱的投訴量由每月 5 件降到 1 件以下", "法", "焊接溫度偏低造成虛焊"),
        ("zh-Hans", "电源过热的投诉量由每月 5 件降到 1 件以下", "法", "焊接温度偏低造成虚焊"),
        (
            "en",
            "Complaints about overheating power supplies down from 5 a month",
            "Method",
            "Soldering temperature too low",
        ),
    ],
)
def test_forms_as_json_gives_examples_in_the_language_of_the_workspace(
    tmp_path, locale: str, effect: str, category: str, step: str
) -> None:
    place = workspace(tmp_path, locale)
    (form,) = json.loads(command("forms", "measures", "--json", "-w", str(place)).output)
    told = {f["id"]: f["example"] for f in form["fields"]}
    assert told["effect"].startswith(effect)
    assert told["cause_category"] == category
    assert told["steps"][0]["cause"].startswith(step)
    assert (told["steps"][0]["due"], told["baseline"]) == ("2026-11-23", 5)


@pytest.mark.slow
def test_questionnaire_is_issued_once_in_a_survey_period(tmp_path) -> None:
    place = workspace(tmp_path, surveys='["11-01"]')
    kinds = [
        {d["kind"] for d in run(place, day).manifest["documents"]}
        for day in ("2026-11-20", "2026-11-23", "2027-11-02")
    ]
    assert ["questionnaire" in found for found in kinds] == [True, False, True]


def test_summary_dropped_back_makes_no_cases(tmp_path) -> None:
    place, result = office(tmp_path, 3)
    assert back(place, issued(place, result, "summary").read_bytes())[0] == "step"
    assert len(json.loads(command("cases", "--json", "-w", str(place)).output)) == 3


def test_workbook_of_others_is_still_a_questionnaire(tmp_path) -> None:
    place, _ = office(tmp_path, 1)
    drop(place, "customer/b.xlsx", sheet(people(4)))
    (file,) = run(place, "2026-11-23").manifest["files"]
    assert (file["accepted"], file["duplicate"]) == (3, 1)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("waiting for material, until 2026-12-01", "waiting for material"),
        ("waiting for unit 2026-12-01", "waiting for unit"),
        ("等待供應商樣品，至 2026-12-01", "等待供應商樣品"),
        ("停產到節日，暫停至2026年12月1日止", "停產到節日"),
    ],
)
def test_reason_of_a_hold_is_kept_to_the_letter(tmp_path, written: str, reason: str) -> None:
    place, result = office(tmp_path, 1)
    number = result.manifest["cases"][0]["number"]

    def hold(page: Any, at: dict[str, int]) -> None:
        page.cell(at[""] + 1, at["暂停原因及至何日"], written)
        sign(page, at)

    back(place, edited(issued(place, result, "tracking_ledger"), hold))
    details = case_of(place, number)[1][-1].details
    assert (details.reason, details.held_until) == (reason, "2026-12-01")


def test_page_of_the_run_names_the_department_of_each_work_list(tmp_path) -> None:
    place, _ = office(tmp_path, 1)
    late = run(place, "2026-11-24")
    listed = {d["department"] for d in late.manifest["documents"] if d["kind"] == "inspection"}
    page = (place / "outbox" / late.manifest["run"] / "index.html").read_text(encoding="utf-8")
    section = page[page.index("检查督办记录") :].split("<summary", 1)[0]
    assert listed == {"rd"}
    assert "研发部" in section


def test_hold_ended_in_the_ledger_by_a_word_has_its_days_counted_and_an_emptied_cell_ends_nothing(
    tmp_path,
) -> None:
    place, result = office(tmp_path, 1)
    number = result.manifest["cases"][0]["number"]

    def held(text: str | None) -> Callable[[Any, dict[str, int]], None]:
        def edit(page: Any, at: dict[str, int]) -> None:
            page.cell(at[""] + 1, at["暂停原因及至何日"]).value = text
            sign(page, at)

        return edit

    back(place, edited(issued(place, result, "tracking_ledger"), held("等样品，至 2026-12-31")))
    due = case_of(place, number)[0].due_on
    source = issued(place, run(place, "2026-11-24"), "tracking_ledger")
    assert back(place, edited(source, held(None)), "2026-11-24", "空.xlsx")[1] == [
        ("FB-edit-emptied", "held")
    ]
    assert case_of(place, number)[0].state == "on_hold"
    back(place, edited(source, held("恢复处理")), "2026-11-25", "二.xlsx")
    case, history = case_of(place, number)
    assert (case.state, history[-1].details.held_days) == ("assigned", 2)
    assert case.due_on > due
