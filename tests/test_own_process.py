"""A process of the company's own: opened by the batch, two forms, an approval, a clock; by YAML alone."""

import contextlib
import datetime as dt
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from click.testing import CliRunner
from docx.oxml.ns import qn

from fbbatch.batch import RunResult
from fbbatch.cli import cli
from fbbatch.documents import load_templates
from fbbatch.errors import InvalidSetupError
from fbbatch.ledger import Ledger
from fbbatch.model import Facts
from fbbatch.schema import load_book
from fbbatch.workflow.matter import Matter, matter_of
from tests.builders import (
    EACH_LANGUAGE,
    drop,
    edit,
    examples,
    fill,
    first_night,
    problems,
    run,
    shop_of,
    workspace,
)

PROCESS = """
id: channels
clause: '2.1'
title: {zh-Hant: 渠道檢查, zh-Hans: 渠道检查, en: Check of channels}
number: QD
opens: {every: month, lead: P01}
states: [opened, checked, approved]
begins: [opened]
ends: [approved]
steps:
  - form: channel_check
    from: [opened]
    to: checked
    clock: T01b
    settles: [responsible]
    signed_by: {checked_by: [of_addressee]}
    needs:
      - {when: {result: [faulty]}, fields: [faults]}
  - form: channel_approval
    from: [checked]
    to: {approved: {'yes': approved, 'no': opened}}
    clock: T01
    signed_by: {approved_by: [P03]}
issues:
  opened: [channel_check]
  checked: [channel_approval]
never:
  - {reach: approved, without: [checked]}
  - {take: channel_approval, unsigned: approved_by, only: [P03]}
"""
CHECK = """
id: channel_check
version: 1
kind: form
clause: '2.1'
title: {zh-Hant: 渠道檢查表, zh-Hans: 渠道检查表, en: Channel check}
signed_by: checked_by
signed_on: checked_on
fields:
  - id: result
    label: {zh-Hant: 檢查結果, zh-Hans: 检查结果, en: Result}
    type: choice
    required: true
    values:
      - {code: sound, label: {zh-Hant: 暢通, zh-Hans: 畅通, en: All open}}
      - {code: faulty, label: {zh-Hant: 有故障, zh-Hans: 有故障, en: Some fail}}
    example: sound
  - {id: faults, label: {zh-Hant: 故障說明, zh-Hans: 故障说明, en: Faults}}
  - {id: responsible, label: {zh-Hant: 負責人, zh-Hans: 负责人, en: Responsible}, type: person, example: 王思妤}
  - {id: checked_by, label: {zh-Hant: 檢查人, zh-Hans: 检查人, en: Checked by}, type: person, required: true, example: 王思妤}
  - {id: checked_on, label: {zh-Hant: 檢查日期, zh-Hans: 检查日期, en: Date}, type: date, required: true, example: 2026-11-22}
"""
APPROVAL = """
id: channel_approval
version: 1
kind: form
clause: '2.1'
title: {zh-Hant: 渠道檢查審批表, zh-Hans: 渠道检查审批表, en: Approval of the channel check}
signed_by: approved_by
signed_on: approved_on
fields:
  - {id: approved, label: {zh-Hant: 是否批准, zh-Hans: 是否批准, en: Approved}, type: boolean, required: true, example: 'yes'}
  - {id: approved_by, label: {zh-Hant: 審批人, zh-Hans: 审批人, en: Approved by}, type: person, required: true, example: 趙明遠}
  - {id: approved_on, label: {zh-Hant: 審批日期, zh-Hans: 审批日期, en: Date}, type: date, required: true, example: 2026-11-22}
"""
TEMPLATES = {
    "channel_check": """
id: channel_check
document: D41
form: channel_check
folder: "{department}/channels"
file: "{title} {case}"
editions: {word: always}
blocks:
  - grid: [number, period, department, {of: answer_by, label: {zh-Hant: 應交時間, en: Wanted by}}]
  - grid: [{blank: result, wide: true}, {blank: faults, wide: true, lines: 3}, {blank: responsible}, {blank: checked_by}, {blank: checked_on}]
""",
    "channel_approval": """
id: channel_approval
document: D42
form: channel_approval
to: leaders
folder: "{department}/channels"
file: "{title} {case}"
editions: {word: always}
blocks:
  - grid: [number, period, channel_check.result, channel_check.faults, channel_check.checked_by, {of: answer_by, label: {zh-Hant: 應交時間, en: Wanted by}}]
  - grid: [{blank: approved, wide: true}, {blank: approved_by}, {blank: approved_on}]
""",
}
DOCUMENTS = """
      - {code: channel_check, label: {zh-Hant: 渠道檢查表, zh-Hans: 渠道检查表, en: Channel check}}
      - {code: channel_approval, label: {zh-Hant: 渠道檢查審批表, zh-Hans: 渠道检查审批表, en: Approval of the channel check}}
"""
STATES = """
      - {code: opened, label: {zh-Hant: 待檢查, zh-Hans: 待检查, en: To be checked}}
      - {code: checked, label: {zh-Hant: 已檢查, zh-Hans: 已检查, en: Checked}}
      - {code: approved, label: {zh-Hant: 已批准, zh-Hans: 已批准, en: Approved}}
"""
FIRST = dt.date(2026, 11, 2)  # a Monday
NUMBER = "QD-20261102-0001"


def with_own_process(place: Path) -> None:
    """Lay the process into a workspace: nothing but YAML."""
    files = {
        "schemas/processes/channels.yaml": PROCESS,
        "schemas/forms/channel_check.yaml": CHECK,
        "schemas/forms/channel_approval.yaml": APPROVAL,
        **{f"templates/{kind}.yaml": text for kind, text in TEMPLATES.items()},
    }
    for name, text in files.items():
        (place / name).write_text(text, encoding="utf-8")
    last = "        label: {zh-Hant: 退回更正表, en: Returned for correction}\n"
    first = "      - code: registered\n"
    edit(
        place,
        "schemas/vocabulary.yaml",
        (last, last + DOCUMENTS.lstrip("\n")),
        (first, STATES.lstrip("\n") + first),
    )


class Bureau:
    """A workspace with the process, and its days."""

    def __init__(self, folder: Path, locale: str = "zh-Hant") -> None:
        self.today = FIRST
        self.place, self.result = first_night(
            folder, {}, FIRST.isoformat(), locale, laid_in=with_own_process
        )

    def night(self, days: int = 1) -> RunResult:
        self.today += dt.timedelta(days=days)
        self.result = run(self.place, self.today.isoformat())
        return self.result

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with contextlib.closing(shop_of(self.place).ledger()) as ledger:
            yield ledger

    def matters(self) -> list[Matter]:
        with self.ledger() as ledger:
            return [matter_of(shop_of(self.place).book, *told) for told in ledger.matters()]

    def matter(self) -> Matter:
        (found,) = [matter for matter in self.matters() if matter.number == NUMBER]
        return found

    def issued(self, kind: str) -> list[Path]:
        folders = sorted(path.parent for path in self.place.glob("outbox/2*/manifest.json"))
        return [
            folder / told["path"]
            for folder in folders
            for told in json.loads((folder / "manifest.json").read_bytes())["documents"]
            if told["kind"] == kind and told["matter"] == NUMBER
        ]

    def hand_in(
        self, kind: str, changes: Mapping[str, Any] = {}, issue: int = -1
    ) -> dict[str, Any]:
        shop = shop_of(self.place)
        day = (self.today + dt.timedelta(days=1)).isoformat()
        answers = examples(shop.book, kind, day, shop.settings.locale) | changes
        name = f"{kind} {len(list(self.place.glob('outbox/2*')))}.docx"
        drop(self.place, name, fill(self.issued(kind)[issue].read_bytes(), answers))
        entries = self.night().manifest["files"]
        (entry,) = [entry for entry in entries if entry["name"] == name]
        return entry

    def told(self, *args: str) -> Any:
        done = CliRunner().invoke(cli, [*args, "-w", str(self.place), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


def errors(entry: Mapping[str, Any]) -> list[str]:
    return [f["code"] for f in entry["findings"] if f["severity"] == "error"]


def text_of(path: Path) -> str:
    body = docx.Document(str(path)).element.body
    return "\n".join("".join(t.text or "" for t in p.iter(qn("w:t"))) for p in body.iter(qn("w:p")))


@pytest.mark.parametrize("locale", EACH_LANGUAGE)
def test_process_of_the_companys_own_runs_from_issue_to_close(tmp_path: Path, locale: str) -> None:
    here = Bureau(tmp_path, locale)
    assert [m.number for m in here.matters()] == [NUMBER]
    assert here.matter().standing.expected == "channel_check"
    (form,) = here.issued("channel_check")
    assert here.hand_in("channel_check")["outcome"] == "step"
    assert (here.matter().standing.state, here.matter().standing.responsible) == (
        "checked",
        "wang_siyu",
    )
    (approval,) = here.issued("channel_approval")
    assert approval.relative_to(here.place / "outbox").parts[1] == "management"
    assert {"zh-Hant": "暢通", "zh-Hans": "畅通", "en": "All open"}[locale] in text_of(approval)
    for path in (form, approval):
        assert NUMBER in text_of(path)
        assert not {"channel_check", "checked_by", "wang_siyu"} & set(text_of(path).split())
    assert here.hand_in("channel_approval")["outcome"] == "step"
    assert (here.matter().standing.state, here.matter().standing.is_open) == ("approved", False)
    assert here.told("matters") == []
    (whole,) = here.told("matters", "--all", "--process", "channels")
    assert [step["to"] for step in whole["history"]] == ["opened", "checked", "approved"]


def test_whoever_may_not_sign_is_refused_and_what_an_answer_needs_is_asked_for(
    tmp_path: Path,
) -> None:
    here = Bureau(tmp_path)
    assert errors(here.hand_in("channel_check", {"checked_by": "張偉銘"})) == ["FB-wrong-signer"]
    assert errors(here.hand_in("channel_check", {"result": "有故障"})) == ["FB-needed"]
    assert here.matter().standing.state == "opened"
    assert here.hand_in("channel_check")["outcome"] == "step"
    assert errors(here.hand_in("channel_approval", {"approved_by": "王思妤"})) == [
        "FB-wrong-signer"
    ]
    assert here.matter().standing.state == "checked"


def test_other_answers_to_a_step_that_was_taken_are_set_aside(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    here.hand_in("channel_check")
    again = here.hand_in("channel_check")  # dated a day later
    assert again["outcome"] == "set_aside"
    assert [f["code"] for f in again["findings"]] == ["FB-step-differs"]


def test_form_made_out_for_another_matter_proves_nothing(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    here.night(31)
    other = f"QD-{here.today:%Y%m%d}-0001"
    assert [matter.number for matter in here.matters()] == [NUMBER, other]
    (form,) = here.issued("channel_check")
    forged = io.BytesIO()
    with zipfile.ZipFile(form) as old, zipfile.ZipFile(forged, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(NUMBER.encode(), other.encode()))
    answers = examples(shop_of(here.place).book, "channel_check", here.today.isoformat(), "zh-Hant")
    drop(here.place, "x.docx", fill(forged.getvalue(), answers))
    (entry,) = here.night().manifest["files"]
    assert (entry["outcome"], errors(entry)) == ("set_aside", ["FB-code-wrong"])
    assert {matter.standing.state for matter in here.matters()} == {"opened"}


def test_approval_that_is_refused_sends_the_matter_back_for_a_new_round(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    here.hand_in("channel_check")
    assert here.hand_in("channel_approval", {"approved": "否"})["outcome"] == "step"
    assert (here.matter().standing.state, here.matter().standing.round) == ("opened", 2)
    assert len(here.issued("channel_check")) == 2
    assert here.hand_in("channel_check")["outcome"] == "step"
    assert here.hand_in("channel_approval")["outcome"] == "step"
    assert here.matter().standing.is_open is False


def test_matter_is_opened_once_a_month_also_after_missed_nights(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    for days in (1, 1, 40, 1):
        here.night(days)
    assert [matter.facts.text("period") for matter in here.matters()] == ["2026-11", "2026-12"]


def test_late_form_is_reminded_of_in_the_work_list_and_stands_in_the_ledger(
    tmp_path: Path,
) -> None:
    here = Bureau(tmp_path)
    result = here.night(20)
    assert result.folder is not None
    lists = [d for d in result.manifest["documents"] if d["kind"] == "inspection"]
    (own,) = [d for d in lists if d["department"] == "customer_service" and d["path"].endswith("x")]
    text = text_of(result.folder / own["path"])
    assert NUMBER in text
    assert "渠道檢查表" in text
    assert "渠道檢查 2026-11" in text
    with here.ledger() as ledger:
        (given,) = ledger.reminders().values()
    assert max(reminder.level for reminder in given) >= 4
    assert "management" in {d["path"].split("/")[0] for d in lists}
    (path,) = [d["path"] for d in result.manifest["documents"] if d["kind"] == "tracking_ledger"]
    book = openpyxl.load_workbook(result.folder / path)
    rows = [
        [str(cell or "") for cell in row] for row in book["渠道檢查"].iter_rows(values_only=True)
    ]
    (row,) = [row for row in rows if NUMBER in row]
    assert {"2026-11", "客服部", "待檢查", "渠道檢查表"} <= set(row)


def test_open_matter_is_edited_in_the_ledger_by_the_same_rules(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    (told,) = [d for d in here.result.manifest["documents"] if d["kind"] == "tracking_ledger"]
    assert here.result.folder is not None
    path = here.result.folder / told["path"]
    book = openpyxl.load_workbook(path)
    page = book["渠道檢查"]
    cells = {str(cell.value): cell for row in page.iter_rows() for cell in row if cell.value}
    row = cells[NUMBER].row
    (editor,) = [cell for text, cell in cells.items() if text.startswith("修改人")]
    editor.value += "王思妤"
    page.cell(row, cells["責任人"].column, "王思妤")
    page.cell(row, cells["備註"].column, "熱線改號")
    page.cell(row, cells["處理狀態"].column, "已批准")
    back = here.place / "inbox" / "臺賬.xlsx"
    book.save(back)
    (entry,) = here.night().manifest["files"]
    assert sorted(f["code"] for f in entry["findings"]) == [
        "FB-edit-protected",
        "FB-edit-taken",
        "FB-edit-taken",
    ]
    standing = here.matter().standing
    assert (standing.state, standing.responsible, standing.notes["remarks"]) == (
        "opened",
        "wang_siyu",
        "熱線改號",
    )


def test_run_that_is_done_again_opens_nothing_twice(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    with here.ledger() as ledger:
        last = ledger.last_run()
        assert last is not None
        with ledger.writing() as connection:
            connection.exec_driver_sql("UPDATE run SET finished_at = NULL")
    again = run(here.place, FIRST.isoformat())
    assert [m.number for m in here.matters()] == [NUMBER]
    assert len([d for d in again.manifest["documents"] if d["matter"] == NUMBER]) == 1


def test_matter_whose_process_or_state_is_gone_ends_the_run_in_words(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    name = "schemas/processes/channels.yaml"
    edit(
        here.place, name, ("opened, checked", "begun, checked"), *((": [opened]", ": [begun]"),) * 2
    )
    edit(here.place, name, ("'no': opened", "'no': begun"), ("opened: [channel", "begun: [channel"))
    edit(here.place, "schemas/vocabulary.yaml", ("code: opened", "code: begun"))
    with pytest.raises(InvalidSetupError, match=f"{NUMBER}.*opened"):
        here.night()
    (here.place / name).unlink()
    with pytest.raises(InvalidSetupError, match=f"{NUMBER}.*channels"):
        here.night()


def test_facts_tell_nothing_of_feedback_where_none_opened_the_matter(tmp_path: Path) -> None:
    here = Bureau(tmp_path)
    facts = here.matter().facts
    assert type(facts) is Facts
    teller = shop_of(here.place).office.teller
    told = {name: teller.fact(facts, name) for name in ("number", "period", "department", "type")}
    assert told == {"number": NUMBER, "period": "2026-11", "department": "客服部", "type": ""}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("states: [opened, checked, approved]", "states: [opened, checked, approved, lost]", "vocabulary.yaml 的 state 中沒有「lost」"),
        ("    from: [checked]", "    from: [approved]", "從狀態「checked」出發到不了任何終點"),
        ("'yes': approved, 'no': opened", "'yes': approved", "也可以答「no」"),
        ("{approved: {'yes'", "{approves: {'yes'", "表單 channel_approval 沒有欄位「approves」"),
        ("to: checked", "to: approved", "不經過 checked 也能到達「approved」"),
        ("only: [P03]", "only: [P04]", "表單 channel_approval 必須由 `approved_by` 簽名"),
        ("lead: P01", "lead: P88", "「P88」既不是有人擔任的角色，也不是部門"),
        ("number: QD", "number: FB", "請改用別的字母"),
        ("id: channels", "id: channel", "`id` 應與檔名相同"),
        ("  checked: [channel_approval]\n", "", "表單 channel_approval 從不發出"),
        ("clock: T01b\n    settles", "clock: T04\n    settles", "期限 T04 只按嚴重程度"),
        ("    from: [opened]\n", "", "沒有 `from`"),
    ],
)  # fmt: skip
def test_process_that_would_not_run_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    place = workspace(tmp_path, "zh-Hant")
    with_own_process(place)
    edit(place, "schemas/processes/channels.yaml", (old, new))
    lines = problems(place / "schemas", "zh-Hant")
    assert any("channels.yaml:" in line and told in line for line in lines), lines


def test_form_that_has_no_template_is_refused(tmp_path: Path) -> None:
    place = workspace(tmp_path, "zh-Hant")
    with_own_process(place)
    (place / "templates/channel_approval.yaml").unlink()
    book = load_book(place / "schemas", "zh-Hant")
    with pytest.raises(InvalidSetupError, match="channel_approval"):
        load_templates(place / "templates", book, "zh-Hant")


def test_workspace_from_before_needs_no_new_table_and_no_new_labels(tmp_path: Path) -> None:
    place = workspace(tmp_path, "zh-Hant")
    ledger = place / "templates/tracking_ledger.yaml"
    text = ledger.read_text(encoding="utf-8")
    begin, end = text.index("tables: # a sheet"), text.index("words:\n")
    ledger.write_text(text[:begin] + text[end:], encoding="utf-8")
    facts = place / "templates/facts.yaml"
    lines = facts.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(("  awaited", "  period", "  process"))]
    assert len(lines) - len(kept) == 4
    facts.write_text("".join(kept), encoding="utf-8")
    templates = load_templates(place / "templates", load_book(place / "schemas"), "zh-Hant")
    assert templates["tracking_ledger"].tables["matters"].columns
    assert templates.facts["awaited"]["zh-Hant"] == "待交表單"
