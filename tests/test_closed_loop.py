"""A case from the inbox to closed by the Word forms that the batch issues: filled in as people do, and dropped back."""

import atexit
import contextlib
import dataclasses
import datetime as dt
import io
import json
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import EmailMessage
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import docx
import openpyxl
import pypdfium2
import pytest
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from fbbatch.batch import InterruptedRunError, RunResult
from fbbatch.documents.case import story_of
from fbbatch.documents.receipt import people_list
from fbbatch.errors import ExitCode
from fbbatch.judge import FileToJudge, Judge, Setup
from fbbatch.ledger import Ledger
from fbbatch.messages import FormRead
from fbbatch.model import Case, Transition
from fbbatch.read import Limits
from fbbatch.schema import Book
from fbbatch.workflow.matter import Matter, matter_of
from fbbatch.workflow.reminders import Chaser
from fbbatch.workflow.standing import Standing
from tests.builders import (
    CASE_FORMS,
    EACH_LANGUAGE,
    copied,
    delimited,
    drop,
    examples,
    fill,
    first_night,
    mail,
    moment,
    rehearse,
    run,
    shop_of,
    unpacked,
    word,
    workspace,
    zipped,
)

HEADER = ["客戶姓名", "聯繫方式", "反饋時間", "產品名稱", "產品型號", "問題描述", "使用場景"]
REPORTED = [
    "王小明",
    "0912345678",
    "2026-11-12 10:00",
    "智能音箱",
    "X-1",
    "插電後冒煙並有燒焦味，無法使用",
    "客廳",
]
WIDE = [
    "林志明",
    "0955123456",
    "2026-11-12 09:00",
    "智能音箱",
    "X-1",
    "整批產品冒煙，同批次多臺",
    "倉庫",
]
ALSO = [
    "李美玲",
    "0987654321",
    "2026-11-12 18:30",
    "智能音箱",
    "X-1",
    "通電十分鐘後冒煙，有燒焦味",
    "臥室",
]
FIRST = dt.date(2026, 11, 13)  # a Friday
LEADER_MAIL = "趙明遠 <zhao.my@example.com>"
NUMBER, OTHER = "FB-20261113-0001", "FB-20261113-0002"

CHANGES: dict[str, dict[str, Any]] = {
    "fail": {
        "conclusion": "不通過",
        "solved": "否",
        "meets": "否",
        "remaining": "滿載溫升仍有 52 K",
    },
    "not ours": {
        "verdict": "非本部門職責",
        "responsible": "",
        "promised_on": "",
        "proposed_department": "研發部",
        "reason": "屬電路設計",
    },
    "hold": {"decision": "暫停", "reason": "等供應商補足電源板"},
    "merge": {"decision": "併入主案", "reason": "同一批產品的同一問題", "main_case": NUMBER},
    "close": {"decision": "不採取措施結案", "reason": "樣機檢測正常", "outcome": "無法重現"},
    "reopen": {"decision": "重開", "reason": "反饋人稱問題再次出現"},
    "low": {"solved": "否", "overall": "2", "reason": "換新後仍然發燙"},
}


_CALLED = {
    "assignment": "張偉銘寫的",
    "measures": "方案 最終版",
    "result": "新增 Microsoft Word 文件",
    "verification": "掃描前",
}
"""Files come back under any name."""


@dataclasses.dataclass
class Bureau:
    """A workspace and its days: forms that came out of its outbox, filled in and dropped back."""

    place: Path
    today: dt.date = FIRST
    messages: list[str] = dataclasses.field(default_factory=list)

    @property
    def book(self) -> Book:
        return shop_of(self.place).book

    @property
    def locale(self) -> str:
        return shop_of(self.place).settings.locale

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with contextlib.closing(shop_of(self.place).ledger()) as ledger:
            yield ledger

    def case(self, number: str = NUMBER) -> Case:
        with self.ledger() as ledger:
            found = ledger.first_case(number=number)
            assert found is not None
            return found

    def history(self, number: str = NUMBER) -> list[Transition]:
        with self.ledger() as ledger:
            return ledger.history(self.case(number))

    def matter(self, number: str = NUMBER) -> Matter:
        return matter_of(self.book, self.case(number), self.history(number))

    def standing(self, number: str = NUMBER) -> Standing:
        return self.matter(number).standing

    def state(self, number: str = NUMBER) -> str:
        return self.case(number).state

    def run(self, days: int = 1) -> RunResult:
        """The run of a later day; what it says about files is kept."""
        self.today += dt.timedelta(days=days)
        result = run(self.place, self.today.isoformat())
        self.messages += [
            f["message"] for file in result.manifest["files"] for f in file["findings"]
        ]
        return result

    def issued(self, kind: str, number: str = NUMBER, edition: str = ".docx") -> list[Path]:
        """Every issue of a form for a case so far, oldest first."""
        return [
            path
            for path, told in self.forms(kind, number, edition)
            if told["department"] not in self.case(number).cooperating
        ]

    def forms(
        self, kind: str, number: str = NUMBER, edition: str = ".docx"
    ) -> list[tuple[Path, dict[str, Any]]]:
        """Likewise, with what the manifest says, and those of cooperating departments too."""
        forms = [
            (path, told)
            for path, told in self.documents()
            if (told["kind"], told["case"], told["form"]) == (kind, number, True)
        ]
        return [(path, told) for path, told in forms if path.suffix == edition]

    def documents(self) -> list[tuple[Path, dict[str, Any]]]:

        folders = sorted(path.parent for path in self.place.glob("outbox/2*/manifest.json"))
        return [
            (folder / told["path"], told)
            for folder in folders
            for told in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))[
                "documents"
            ]
        ]

    def filled(
        self, kind: str, changes: Mapping[str, Any] = {}, *, number: str = NUMBER, issue: int = -1
    ) -> bytes:
        """An issue of a form with the schema's examples and changes typed in; dated tomorrow, when it will be dropped."""
        day = (self.today + dt.timedelta(days=1)).isoformat()
        return fill(
            self.issued(kind, number)[issue].read_bytes(),
            examples(self.book, kind, day, self.locale) | changes,
        )

    def hand_in(
        self, kind: str, changes: Mapping[str, Any] = {}, *, number: str = NUMBER, issue: int = -1
    ) -> dict[str, Any]:
        """Fill in a form, drop it under another name, let the night pass; what the run says about it."""
        name = f"回覆（{len(self.messages)}）{_CALLED.get(kind, '某表')}.docx"
        drop(self.place, name, self.filled(kind, changes, number=number, issue=issue))
        return self.told(self.run(), name)

    @staticmethod
    def told(result: RunResult, name: str) -> dict[str, Any]:
        (entry,) = [file for file in result.manifest["files"] if file["name"] == name]
        return entry

    def copy(self, folder: Path) -> "Bureau":
        copied(self.place, folder / "workspace")
        return dataclasses.replace(self, place=folder / "workspace", messages=[])


def bureau(folder: Path, *rows: list[str], locale: str = "zh-Hant") -> Bureau:
    """A workspace after the run in which the rows became cases."""
    files = {"customer/十一月.csv": delimited([HEADER, *rows])}
    return Bureau(first_night(folder, files, FIRST.isoformat(), locale)[0])


WAY = {
    "accepted": [("assignment", {})], "planned": [("measures", {})], "in_progress": [("inspection", {})], "awaiting_verification": [("result", {})],
    "verified": [("verification", {})], "replied": [("reply", {})], "closed": [("satisfaction", {})],
}  # fmt: skip
_MADE: dict[str, Bureau] = {}


def bureau_in(folder: Path, state: str) -> Bureau:
    """A workspace whose one case has come to a state by forms; made once, then copied."""
    if state not in _MADE:
        before = ["assigned", *WAY][list(WAY).index(state)] if state in WAY else None
        here = Path(tempfile.mkdtemp(prefix="fbbatch-loop-", dir=_home()))
        made = bureau_in(here, before) if before else bureau(here, REPORTED)
        for kind, changes in WAY.get(state, ()):
            assert made.hand_in(kind, changes)["outcome"] == "step"
        assert made.state() == state
        _MADE[state] = made
    return _MADE[state].copy(folder)


@cache
def _home() -> str:
    home = tempfile.mkdtemp(prefix="fbbatch-loops-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def codes(entry: Mapping[str, Any], *severities: str) -> list[str]:
    return [
        f["code"]
        for f in entry["findings"]
        if f["severity"] in (severities or ("error", "warning"))
    ]


def paragraphs(path: Path) -> str:
    """Every paragraph of a Word file, those in tables too, through python-docx."""
    return "\n".join(
        paragraph.text for paragraph in docx.Document(str(path)).element.body.iter(qn("w:p"))
    )


def pdf_text(path: Path) -> str:
    file = pypdfium2.PdfDocument(path)
    try:
        return "".join(page.get_textpage().get_text_bounded() for page in file)
    finally:
        file.close()


def ids_of(book: Book) -> set[str]:
    """What only programs call things; nobody in the office should read it."""
    sets = {
        value.code
        for name in ("state", "outcome", "document", "verification")
        for value in book.vocabulary.sets[name].values
    }
    return {
        name
        for name in {
            *sets,
            *(p.id for p in book.organisation.people),
            *(d.id for d in book.organisation.departments),
            *book.processes["case"].states,
        }
        if len(name) > 3
    }


# --- the whole way ---


@pytest.mark.parametrize("locale", EACH_LANGUAGE)
def test_severe_case_goes_from_one_row_to_closed_by_its_forms(tmp_path: Path, locale: str) -> None:
    here = bureau(tmp_path, REPORTED, locale=locale)
    assert here.case().severity == "severe"
    assert set(CASE_FORMS) == set(here.book.processes["case"].forms)
    states = []
    for kind in CASE_FORMS:  # the examples of every schema are good answers in the issued form
        entry = here.hand_in(kind)
        assert (kind, entry["schema"], entry["outcome"], codes(entry)) == (kind, kind, "step", [])
        assert "FB-step-taken" in codes(entry, "note")
        states.append(here.state())
    assert states == [
        "assigned", "assigned", "accepted", "planned", "in_progress", "in_progress", "awaiting_verification", "verified", "replied", "closed",
    ]  # fmt: skip
    standing = here.standing()
    assert (standing.outcome, standing.priority, standing.responsible, standing.closed_on) == (
        "solved",
        "P1",
        "luo_xinyi",
        here.today,
    )
    assert [(s.document, s.by) for s in here.history() if s.document in {"verification", "satisfaction"}] == [
        ("verification", "huang_junjie"), ("satisfaction", "reporter"), ("satisfaction", "reporter"),
    ]  # fmt: skip
    if locale == "en":
        return
    assert_in_words(here)
    for path, _ in here.documents():
        if path.suffix == ".docx":
            text = paragraphs(path)
            assert not set(re.findall(r"[a-z_]{4,}", text)) & ids_of(here.book), path.name
            assert not re.search(r"None|\{\{|\}\}", text), path.name


def test_manifest_lists_every_form_with_its_case_and_department(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    listed = here.documents()
    editions = [
        told for path, told in listed if told["form"] and told["case"] and path.suffix != ".docx"
    ]
    assert {told["kind"] for told in editions} == {
        "impact",
        "measures",
        "inspection",
        "satisfaction",
    }
    forms = {
        told["kind"]: (path.name, told)
        for path, told in listed
        if told["form"] and told["case"] and told not in editions
    }
    assert set(forms) == set(CASE_FORMS)
    quality, service = "quality", "customer_service"
    assert {kind: told["department"] for kind, (_, told) in forms.items()} == {
        **dict.fromkeys(CASE_FORMS, quality), "reply": service, "satisfaction": service,
    }  # fmt: skip
    assert all(told["case"] == NUMBER and name.endswith(".docx") for name, told in forms.values())
    places = {kind: told["path"].split("/")[0] for kind, (_, told) in forms.items()}
    assert places == {
        **dict.fromkeys(("assignment", "measures", "inspection", "coordination", "result", "verification"), "departments"),
        **dict.fromkeys(("escalation", "impact"), "management"), **dict.fromkeys(("reply", "satisfaction"), "reporters"),
    }  # fmt: skip
    for path, told in listed:
        if path.suffix == ".docx":
            docx.Document(str(path))
        assert path.is_file(), told


def test_filled_verification_is_kept_with_the_case_as_a_finished_record(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "verified")
    records = {
        path.suffix: (path, told)
        for path, told in here.documents()
        if told["path"].startswith(f"cases/{NUMBER}/驗證報告")
    }
    assert set(records) == {".docx", ".pdf"}
    assert not any(told["form"] for _, told in records.values())
    for text in (paragraphs(records[".docx"][0]), pdf_text(records[".pdf"][0])):
        assert "最高 31 K" in text
        assert "黃俊傑" in text
        assert "□" not in text
    assert (
        "docProps/custom.xml" not in unpacked(records[".docx"][0].read_bytes())
        or b"fbbatch.form" not in unpacked(records[".docx"][0].read_bytes())["docProps/custom.xml"]
    )


def test_letter_as_pdf_has_no_internal_page_and_the_word_edition_has_it(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "verified")
    (letter,) = [
        path for path, told in here.documents() if told["kind"] == "reply" and path.suffix == ".pdf"
    ]
    assert "發送記錄" in paragraphs(letter.with_suffix(".docx"))
    text = pdf_text(letter)
    assert "發送記錄" not in text
    assert "王小明" in text
    assert "您的產品內部一處焊點接觸不良" in re.sub(r"\s", "", text)
    assert len(pypdfium2.PdfDocument(letter)) == 1


def test_case_report_of_a_closed_case_tells_its_whole_story(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    report = paragraphs(
        [
            path
            for path, told in here.documents()
            if told["kind"] == "case_report" and path.suffix == ".docx"
        ][-1]
    )
    for word_ in ("已結案", "驗證報告", "黃俊傑", "處理結果滿意度調查表"):
        assert word_ in report


def in_ledger(here: Bureau, column: str, number: str = NUMBER) -> str:
    """What the newest tracking ledger says of a case in the column with that header."""
    book = openpyxl.load_workbook(max(here.place.glob("outbox/2*/*臺賬*.xlsx")))
    for page in book:
        rows = [[str(cell) for cell in row] for row in page.iter_rows(values_only=True)]
        head = next((row for row in rows if "案件編號" in row), [])
        for row in rows:
            if number in row:
                return row[head.index(column)][:10]
    raise AssertionError(number)


@pytest.mark.slow
def test_day_of_a_state_is_the_day_the_case_came_to_it(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    here.hand_in("escalation")
    here.hand_in("assignment")
    accepted = here.today.isoformat()
    for kind, changes in (
        ("measures", {}),
        ("result", {}),
        ("verification", CHANGES["fail"]),
        ("measures", {}),
        ("result", {}),
    ):
        here.hand_in(kind, changes)
    assert (in_ledger(here, "派單日期"), in_ledger(here, "受理日期")) == (
        FIRST.isoformat(),
        accepted,
    )
    here.hand_in("verification")
    here.hand_in("reply")
    replied = here.today.isoformat()
    here.hand_in("satisfaction")
    assert (here.state(), in_ledger(here, "答覆日期")) == ("closed", replied)
    report = [
        path
        for path, told in here.documents()
        if told["kind"] == "case_report" and path.suffix == ".docx"
    ][-1]
    text = paragraphs(report)
    assert "驗證報告（不通過）" in text
    assert "驗證報告（通過）" in text


LONG = (
    "The whole batch smokes and smells of burning a few minutes after it is plugged in, and cannot be used; one housing has already "
    "deformed, and we told our shops to stop selling it"
)


@pytest.mark.slow
def test_english_documents_cut_no_word_and_have_no_chinese_punctuation(tmp_path: Path) -> None:
    here = bureau(tmp_path, [*REPORTED[:5], LONG, "living room"], locale="en")
    for kind in ("assignment", "measures", "inspection", "result", "verification"):
        assert here.hand_in(kind)["outcome"] == "step"
    (letter,) = [
        path for path, told in here.documents() if told["kind"] == "reply" and path.suffix == ".pdf"
    ]
    text = re.sub(r"\s+", " ", pdf_text(letter))
    assert "Dear 王小明," in text
    assert "and we told our shops…'. It is on our records" in text
    assert not re.search(r"return it to us by [^.]*:", text)  # a day, not a time of day
    result = paragraphs(here.issued("result")[-1])
    assert re.search(r" \(陳志強, 2026-\d\d-\d\d\)", result)
    sheet = paragraphs(here.issued("coordination")[-1])
    assert (
        "Only 30 of the power boards for the replacement have arrived; Purchasing, please" in sheet
    )
    page = max(here.place.glob("outbox/2*/index.html")).read_text(encoding="utf-8")
    assert "Run receipt (1)" in page


# --- round two, other departments, holds ---


def test_failed_verification_leads_through_a_second_round_to_closed(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    assert here.hand_in("verification", CHANGES["fail"])["outcome"] == "step"
    assert here.state() == "accepted"
    plan = here.issued("measures")[-1]
    assert plan.name.endswith(" (2).docx")
    assert "滿載溫升仍有 52 K" in paragraphs(plan)
    assert "驗證不通過" in paragraphs(plan)
    for kind in ("measures", "result", "verification"):
        assert b">2<" in unpacked(here.issued(kind)[-1].read_bytes())["docProps/custom.xml"]
        assert here.hand_in(kind)["outcome"] == "step"
        assert len(here.issued(kind)) == 2
    assert here.state() == "verified"
    for kind in ("reply", "satisfaction"):
        here.hand_in(kind)
    assert here.state() == "closed"
    assert here.standing().round == 2
    assert (
        len(
            [
                path
                for path, told in here.documents()
                if told["path"].startswith(f"cases/{NUMBER}/驗證報告") and path.suffix == ".pdf"
            ]
        )
        == 2
    )


def test_not_ours_is_issued_to_the_department_that_was_proposed(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    assert here.hand_in("assignment", CHANGES["not ours"])["outcome"] == "step"
    case = here.case()
    assert (case.state, case.department, case.assignment_rule) == ("assigned", "rd", "proposal")
    notice = here.issued("assignment")[-1]
    assert notice.parent.name == "研發部"
    assert notice.name.endswith(" (2).docx")
    text = paragraphs(notice)
    assert "屬電路設計" in text
    assert "原部門建議轉交" in text
    assert case.due_on is not None
    assert here.hand_in("assignment")["outcome"] == "step"
    assert (here.state(), here.case().department) == ("accepted", "rd")


def test_hold_is_resumed_by_time_and_the_forms_that_were_out_stay_good(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "in_progress")
    before = here.case()
    out = here.filled("result")
    until = here.today + dt.timedelta(days=6)
    assert (
        here.hand_in("coordination", CHANGES["hold"] | {"hold_until": until.isoformat()})["outcome"]
        == "step"
    )
    assert here.state() == "on_hold"
    letter = here.issued("reply")[-1]
    assert "目前正在處理中" in paragraphs(letter)
    assert here.hand_in("reply", {"letter": ""})["outcome"] == "step"  # the interim letter was sent
    assert here.state() == "on_hold"
    here.run(3)
    assert here.state() == "on_hold"
    here.run(1)
    after = here.case()
    assert (after.state, here.standing().held_days) == ("in_progress", 5)
    assert before.due_on is not None
    assert after.due_on is not None
    assert after.due_on > before.due_on
    assert (here.history()[-1].document, here.history()[-1].happened_on) == ("time", until)
    drop(here.place, "早已填好的.docx", out)
    here.run()
    assert here.state() == "awaiting_verification"


def test_form_of_after_a_hold_is_taken_though_no_run_has_seen_the_hold_end(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "in_progress")
    here.hand_in(
        "coordination",
        CHANGES["hold"] | {"hold_until": (here.today + dt.timedelta(days=3)).isoformat()},
    )
    here.today += dt.timedelta(days=5)  # five nights without a run
    assert here.hand_in("result")["outcome"] == "step"
    assert here.state() == "awaiting_verification"
    assert [(s.to, s.document) for s in here.history()[-2:]] == [
        ("in_progress", "time"),
        ("awaiting_verification", "result"),
    ]
    assert here.standing().held_days == 2


def test_hold_that_ends_before_it_was_decided_goes_back(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "in_progress")
    entry = here.hand_in("coordination", CHANGES["hold"] | {"hold_until": "2026-11-01"})
    assert (entry["outcome"], codes(entry)) == (
        "returned",
        ["FB-date-before", "FB-step-incomplete"],
    )
    assert here.state() == "in_progress"


@pytest.mark.slow
def test_ten_nightly_runs_and_one_after_ten_days_end_alike(tmp_path: Path) -> None:
    found = []
    for nights in ([1] * 10, [10]):
        here = bureau_in(tmp_path / str(len(nights)), "replied")
        rules = here.place / "schemas/rules/deadlines.yaml"
        rules.write_text(
            re.sub(r"(?s)(- id: T15a.*?all: )720", r"\g<1>120", rules.read_text(encoding="utf-8")),
            encoding="utf-8",
        )
        here.hand_in(
            "coordination",
            CHANGES["hold"] | {"hold_until": (here.today + dt.timedelta(days=4)).isoformat()},
        )
        decided_on = here.today
        for days in nights:
            here.run(days)
        story = [(s.to, s.document, (s.happened_on - decided_on).days) for s in here.history()[-3:]]
        assert story == [
            ("on_hold", "coordination", 0),
            ("replied", "time", 3),
            ("closed", "time", 8),
        ]
        found.append(
            (
                [(s.to, s.happened_on) for s in here.history()],
                here.case().due_on,
                here.standing().held_days,
            )
        )
    assert found[0] == found[1]


def test_promise_for_after_the_due_date_is_taken_and_told_to_the_head(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    due_on = here.case().due_on
    assert due_on is not None
    late = (due_on + dt.timedelta(days=3)).isoformat()
    entry = here.hand_in("assignment", {"promised_on": late})
    assert (entry["outcome"], codes(entry), here.state()) == (
        "step",
        ["FB-promise-late"],
        "accepted",
    )
    assert f"承諾的日期 {late} 晚於處理期限 {due_on.isoformat()}" in here.messages[-2]
    (listed,) = here.place.glob(f"outbox/{here.today:%Y%m%d}-*/departments/質量控制部/*待辦*.docx")
    assert f"{late}（晚於期限）" in paragraphs(listed)
    ledger = next(here.place.glob(f"outbox/{here.today:%Y%m%d}-*/*臺賬*.xlsx"))
    assert f"{late}（晚於期限）" in everything(ledger)


def everything(workbook: Path) -> list[str]:
    """Every cell of a workbook as text."""
    return [
        str(cell)
        for sheet in openpyxl.load_workbook(workbook)
        for row in sheet.iter_rows(values_only=True)
        for cell in row
    ]


@pytest.mark.parametrize("days", [0, 9])
@pytest.mark.parametrize("state", ["assigned", "accepted", "awaiting_verification", "verified"])
def test_form_that_is_issued_later_or_again_is_wanted_by_the_day_that_the_reminders_count_to(
    tmp_path: Path, state: str, days: int
) -> None:
    here = bureau_in(tmp_path, state)
    now = moment(here.place, here.today.isoformat()) + dt.timedelta(days=days)
    (waiting,) = Chaser(here.book, now.date(), now.tzinfo).waits(here.matter())
    story = story_of(waiting.form, here.matter(), shop_of(here.place).office, now)
    until = story.until(waiting.form)
    assert until is not None
    assert until.date() == waiting.due_on


def test_department_with_a_slash_in_its_name_has_one_folder(tmp_path: Path) -> None:
    place = workspace(tmp_path, "zh-Hant")
    organisation = place / "schemas/company/organisation.yaml"
    text = organisation.read_text(encoding="utf-8")
    organisation.write_text(text.replace("質量控制部,", "質量/控制部,", 1), encoding="utf-8")
    drop(place, "customer/十一月.csv", delimited([HEADER, REPORTED]))
    run(place, FIRST.isoformat())
    folders = {path.name for path in place.glob("outbox/2*/departments/*")}
    assert folders == {"質量／控制部"}
    (folder,) = place.glob("outbox/2*/departments/質量／控制部")
    assert all(path.is_file() for path in folder.iterdir())
    assert any("待辦" in path.name for path in folder.iterdir())


# --- departments that cooperate ---


def part_of(
    here: Bureau, department: str, changes: Mapping[str, Any] = {}, issue: int = -1
) -> bytes:
    """The plan of measures of a cooperating department, filled in; dated tomorrow."""
    path = [path for path, told in here.forms("measures") if told["department"] == department][
        issue
    ]
    return fill(
        path.read_bytes(),
        examples(here.book, "measures", (here.today + dt.timedelta(days=1)).isoformat()) | changes,
    )


def hand_in_part(
    here: Bureau, department: str, changes: Mapping[str, Any] = {}, issue: int = -1
) -> dict[str, Any]:
    name = f"{department} {len(here.messages)}.docx"
    drop(here.place, name, part_of(here, department, changes, issue))
    return here.told(here.run(), name)


def wide_bureau(folder: Path) -> Bureau:
    """A case of the quality department that production cooperates in, accepted."""
    here = bureau(folder, WIDE)
    assert (here.case().department, here.case().cooperating) == ("quality", ("production",))
    assert here.hand_in("assignment")["outcome"] == "step"
    return here


@pytest.mark.slow
def test_cooperating_department_plans_measures_of_its_own_and_the_case_moves_by_the_leads(
    tmp_path: Path,
) -> None:
    here = wide_bureau(tmp_path)
    lead, part = here.forms("measures")
    assert (lead[1]["department"], part[1]["department"]) == ("quality", "production")
    assert (part[0].parent.name, part[1]["number"]) == ("生產部", f"{NUMBER}-D14-生產部")
    assert re.search(r"填報部門\s*生產部", paragraphs(part[0]))
    assert re.search(r"填報部門\s*質量控制部", paragraphs(lead[0]))
    entry = hand_in_part(here, "production", {"steps_1_step": "焊接線每班首件切片檢查 3 片"})
    assert (entry["outcome"], codes(entry), here.state()) == ("step", [], "accepted")
    assert codes(entry, "note") == [
        "FB-step-taken"
    ]  # its own number is not taken for something written beside the blanks
    assert (
        here.standing().parts["production"].answers["steps"][0]["step"]
        == "焊接線每班首件切片檢查 3 片"
    )
    again = hand_in_part(here, "production", {"solution": "另一個方案"})
    assert (again["outcome"], codes(again)) == ("set_aside", ["FB-step-differs"])
    assert here.hand_in("measures")["outcome"] == "step"
    assert here.state() == "planned"
    told = re.sub(r"\s", "", paragraphs(here.issued("result")[-1]))
    assert "質量控制部：1.回流焊" in told
    assert "生產部：1.焊接線每班首件切片檢查3片" in told
    for kind in ("result", "verification", "reply", "satisfaction"):
        assert here.hand_in(kind)["outcome"] == "step"
    report = paragraphs(
        [
            path
            for path, one in here.documents()
            if one["kind"] == "case_report" and path.suffix == ".docx"
        ][-1]
    )
    assert "焊接線每班首件切片檢查 3 片" in report
    assert_in_words(here)


@pytest.mark.slow
def test_what_a_cooperating_department_owes_is_asked_for_after_the_lead_has_planned(
    tmp_path: Path,
) -> None:
    here = wide_bureau(tmp_path)
    assert here.hand_in("measures")["outcome"] == "step"
    assert here.state() == "planned"
    here.run(6)
    (listed,) = here.place.glob(f"outbox/{here.today:%Y%m%d}-*/departments/生產部/*待辦*.docx")
    rows = [[cell.text for cell in row.cells] for row in docx.Document(str(listed)).tables[0].rows]
    assert any("處理措施方案" in row and NUMBER in row for row in rows), rows
    ledger = next(here.place.glob(f"outbox/{here.today:%Y%m%d}-*/*臺賬*.xlsx"))
    assert any("生產部：措施待交" in cell for cell in everything(ledger))
    with here.ledger() as book:
        assert {r.clock for r in book.reminders()[here.case().id]} >= {"measures/1/production"}
    entry = hand_in_part(here, "production")
    assert (entry["outcome"], here.state()) == ("step", "planned")
    assert here.standing().still_owing == ()
    here.run()
    (listed,) = here.place.glob(f"outbox/{here.today:%Y%m%d}-*/departments/生產部/*待辦*.docx")
    assert "完成本部門措施" in paragraphs(listed)


def test_department_that_neither_leads_nor_cooperates_has_no_measures_to_plan(
    tmp_path: Path,
) -> None:
    here = wide_bureau(tmp_path)
    entry = hand_in_part(here, "production", {"department": "採購部"})
    assert (entry["outcome"], codes(entry), here.state()) == (
        "set_aside",
        ["FB-code-wrong"],
        "accepted",
    )


def test_next_round_asks_the_cooperating_departments_again_and_an_old_plan_goes_back(
    tmp_path: Path,
) -> None:
    here = wide_bureau(tmp_path)
    for kind in ("measures", "result"):
        assert here.hand_in(kind)["outcome"] == "step"
    assert hand_in_part(here, "production")["outcome"] == "step"
    assert here.hand_in("verification", CHANGES["fail"])["outcome"] == "step"
    assert [told["number"] for _, told in here.forms("measures")[2:]] == [
        f"{NUMBER}-D14-2",
        f"{NUMBER}-D14-生產部-2",
    ]
    old = hand_in_part(here, "production", {"solution": "仍用上一輪的表單"}, issue=0)
    assert (old["outcome"], codes(old)) == ("returned", ["FB-step-stale"])
    assert here.forms("measures")[-1][1]["number"] == f"{NUMBER}-D14-生產部-2"
    entry = hand_in_part(here, "production")
    assert (entry["outcome"], codes(entry, "note")) == ("step", ["FB-step-taken"])
    assert here.hand_in("measures")["outcome"] == "step"
    assert (here.state(), here.standing().round) == ("planned", 2)


# --- several cases, decisions, reopening ---


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Bureau:
    """Two reporters of the same matter: the first case waits for verification, a coordination sheet for the second is out."""
    here = bureau(tmp_path_factory.mktemp("twins"), REPORTED, ALSO)
    for kinds in (("assignment",), ("measures",), ("result", "inspection")):
        for kind in kinds:
            for number in (NUMBER, OTHER):
                if (kind, number) not in {("result", OTHER), ("inspection", NUMBER)}:
                    drop(here.place, f"{kind} {number[-1]}.docx", here.filled(kind, number=number))
        here.run()
    assert (here.state(), here.state(OTHER)) == ("awaiting_verification", "in_progress")
    return here


def letters(here: Bureau, number: str) -> list[str]:
    return [
        re.sub(r"\s", "", pdf_text(path))
        for path, told in here.documents()
        if (told["kind"], told["case"], path.suffix) == ("reply", number, ".pdf")
    ]


MERGED, SOLVED = "現已合併處理", "您反映的問題已經解決"


def test_both_reporters_of_a_merged_matter_are_told_the_result(
    twins: Bureau, tmp_path: Path
) -> None:
    here = twins.copy(tmp_path)
    assert here.hand_in("coordination", CHANGES["merge"], number=OTHER)["outcome"] == "step"
    assert here.state(OTHER) == "closed"
    (first,) = letters(here, OTHER)
    assert MERGED in first
    assert "李美玲" in first
    here.hand_in("verification")
    (own,) = letters(here, NUMBER)
    assert SOLVED in own
    assert "王小明" in own
    _, second = letters(here, OTHER)
    for words in (SOLVED, "李美玲", OTHER, "您的產品內部一處焊點接觸不良", "已為您換新"):
        assert words in second
    assert "滿意度調查表" in own
    assert "滿意度調查表" not in second  # there is none for a case that is closed
    assert NUMBER not in second
    for issue in (0, 1):  # both are recorded as sent, the first though there is a second
        assert (
            here.hand_in("reply", {"letter": "", "changes": str(issue)}, number=OTHER, issue=issue)[
                "outcome"
            ]
            == "step"
        )
    assert here.state(OTHER) == "closed"


@pytest.mark.parametrize("order", ["together", "verified first"])
def test_case_merged_when_the_result_is_known_gets_the_result_at_once(
    twins: Bureau, tmp_path: Path, order: str
) -> None:
    here = twins.copy(tmp_path)
    drop(here.place, "v.docx", here.filled("verification"))
    if order == "verified first":
        here.run()
    drop(here.place, "m.docx", here.filled("coordination", CHANGES["merge"], number=OTHER))
    here.run()
    assert (here.state(), here.state(OTHER)) == ("verified", "closed")
    (letter,) = letters(here, OTHER)
    assert SOLVED in letter
    assert "李美玲" in letter


@pytest.mark.slow
def test_case_is_merged_into_another_open_one_only(twins: Bureau, tmp_path: Path) -> None:
    here = twins.copy(tmp_path)
    for main, code in ((OTHER, "FB-main-case"), ("FB-20261113-0077", "FB-step-no-case")):
        entry = here.hand_in("coordination", CHANGES["merge"] | {"main_case": main}, number=OTHER)
        assert (entry["outcome"], codes(entry)) == ("set_aside", [code])
    for kind in ("verification", "reply", "satisfaction"):
        here.hand_in(kind)
    entry = here.hand_in("coordination", CHANGES["merge"], number=OTHER)
    assert (here.state(), entry["outcome"], codes(entry)) == (
        "closed",
        "set_aside",
        ["FB-main-case"],
    )
    assert here.state(OTHER) == "in_progress"


@pytest.mark.slow
def test_merged_case_can_be_reopened_and_merged_again(twins: Bureau, tmp_path: Path) -> None:
    here = twins.copy(tmp_path)
    sheet = here.issued("coordination", OTHER)[-1].read_bytes()
    for number, changes, state in (
        (1, "merge", "closed"),
        (2, "reopen", "assigned"),
        (3, "merge", "closed"),
    ):
        day = (here.today + dt.timedelta(days=1)).isoformat()
        drop(
            here.place,
            f"{number}.docx",
            fill(sheet, examples(here.book, "coordination", day) | CHANGES[changes]),
        )
        assert here.told(here.run(), f"{number}.docx")["outcome"] == "step"
        assert here.state(OTHER) == state
    here.hand_in("verification")
    assert SOLVED in letters(here, OTHER)[-1]


def test_case_is_closed_without_measures_by_its_head(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "in_progress")
    entry = here.hand_in("coordination", CHANGES["close"] | {"approved_by": "羅心怡"})
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-wrong-signer"])
    assert "羅心怡" in entry["findings"][0]["message"]
    here.hand_in("coordination", CHANGES["close"])
    assert "目前未能重現該現象" in letters(here, NUMBER)[-1]
    entry = here.hand_in("result")
    assert (entry["outcome"], codes(entry)) == ("set_aside", ["FB-step-early"])
    assert "跨部門協調單" in entry["findings"][0]["message"]
    for kind in ("reply", "satisfaction"):
        here.hand_in(kind, {"letter": ""} if kind == "reply" else {})
    assert (here.state(), here.standing().outcome) == ("closed", "not_reproduced")


@pytest.mark.slow
def test_dissatisfied_reporter_leads_to_a_second_look_and_reopening(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "verified")
    here.hand_in("satisfaction", CHANGES["low"])
    assert here.state() == "closed"
    sheet = here.issued("coordination")[-1]
    assert "換新後仍然發燙" in paragraphs(sheet)
    before = here.case()
    assert here.hand_in("coordination", CHANGES["reopen"])["outcome"] == "step"
    assert (here.state(), here.standing().reopened) == ("assigned", 1)
    notice = here.issued("assignment")[-1]
    assert notice.name.endswith(" (2).docx")
    for words in ("反饋人稱問題再次出現", "重開"):
        assert words in paragraphs(notice)
    assert before.due_on is not None
    assert here.case().due_on > before.due_on  # type: ignore[operator]
    entry = here.hand_in("assignment", issue=0)
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-step-stale"])
    assert here.hand_in("assignment")["outcome"] == "step"
    assert here.state() == "accepted"


def test_case_that_would_be_reopened_after_the_window_gets_a_sequel(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    here.run(31)
    content = here.filled("coordination", CHANGES["reopen"])
    drop(here.place, "重開.docx", content)
    entry = here.told(here.run(), "重開.docx")
    number = f"FB-{here.today:%Y%m%d}-0001"
    assert (entry["outcome"], codes(entry), here.state()) == ("step", ["FB-reopen-late"], "closed")
    assert number in here.messages[-2]
    old, new = here.case(), here.case(number)
    assert (here.standing().followed_by, here.standing(number).follows) == (
        (number,),
        NUMBER,
    )
    assert (new.state, new.department, new.severity, new.text("reporter")) == (
        "assigned",
        old.department,
        old.severity,
        "王小明",
    )
    assert (new.text("description"), new.text("reported_at")) == (
        "反饋人稱問題再次出現",
        here.today.isoformat(),
    )
    assert new.due_on is not None
    assert new.due_on > here.today
    notice = paragraphs(here.issued("assignment", number)[-1])
    assert f"原案件 {NUMBER}" in notice
    assert "原案件的責任部門" in notice
    assert (
        "「冒煙" in notice
    )  # the words that decided are the old case's, in the script of the document
    assert not set("烟烧无") & set(notice)
    report = [
        path
        for path, told in here.documents()
        if (told["kind"], told["case"]) == ("case_report", number)
    ]
    assert f"跨部門協調單（原案件 {NUMBER}）" in paragraphs(report[0])
    with_word = fill(
        content, {"matter": "更換用的電源板缺 20 片，影響同批產品的更換進度"}
    )  # the same answers, saved again
    drop(here.place, "再存一次.docx", with_word)
    drop(here.place, "同一份.docx", content)
    result = here.run()
    assert {here.told(result, name)["outcome"] for name in ("再存一次.docx", "同一份.docx")} == {
        "duplicate"
    }
    with here.ledger() as ledger:
        assert [case.number for case in ledger.cases()] == [NUMBER, number]
    assert here.hand_in("assignment", number=number)["outcome"] == "step"
    assert here.state(number) == "accepted"


def test_sequels_and_rows_of_one_night_have_numbers_of_their_own(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    here.run(31)
    drop(here.place, "a.zip", zipped({
        "customer.csv": delimited([HEADER, ALSO]), "重開.docx": here.filled("coordination", CHANGES["reopen"]),
    }))  # fmt: skip
    drop(here.place, "customer/z.csv", delimited([HEADER, [*ALSO[:5], "按鍵失靈", "書房"]]))
    here.run()
    with here.ledger() as ledger:
        numbers = [case.number for case in ledger.cases()]
    assert len(numbers) == 4
    assert sorted(numbers)[1:] == [f"FB-{here.today:%Y%m%d}-{n:04d}" for n in range(1, 4)]
    (sequel,) = here.standing().followed_by
    assert sequel in sorted(numbers)[1:]


# --- what is wrong with a form ---


def test_old_issue_goes_back_with_the_newest_issued_again(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    here.hand_in("verification", CHANGES["fail"])
    entry = here.hand_in("measures", {"effect": "投訴量降到 0 件"}, issue=0)
    assert (entry["outcome"], codes(entry), entry["code"]) == (
        "returned",
        ["FB-step-stale"],
        "FB-step-stale",
    )
    assert here.state() == "accepted"
    assert [path.name[-8:] for path in here.issued("measures")] == [
        "001.docx",
        "(2).docx",
        "(3).docx",
    ]
    assert here.hand_in("measures")["outcome"] == "step"
    assert_in_words(here)


def test_form_out_of_order_is_set_aside_with_the_missing_step_in_words(tmp_path: Path) -> None:
    here, later = bureau_in(tmp_path / "a", "assigned"), bureau_in(tmp_path / "b", "verified")
    drop(
        here.place,
        "結果.docx",
        fill(later.issued("result")[0].read_bytes(), examples(here.book, "result", "2026-11-14")),
    )
    result = here.run()
    entry = here.told(result, "結果.docx")
    assert (entry["outcome"], codes(entry), here.state()) == (
        "set_aside",
        ["FB-step-early"],
        "assigned",
    )
    assert entry["findings"][0]["message"].startswith(
        "案件現為「已分配」，還缺前一步：問題處理通知單。"
    )
    (waiting,) = [
        row
        for row in people_list(
            result.receipt, shop_of(here.place).office, shop_of(here.place).templates
        )
        if row[0] == "結果.docx"
    ]
    assert "還缺前一步：問題處理通知單" in waiting[1]
    assert entry["archived"].startswith("archive/")
    assert_in_words(here)


def assert_in_words(here: Bureau) -> None:
    messages = [re.sub(r"\w+\.(?:docx|eml|zip|yaml)", "", message) for message in here.messages]
    assert messages
    assert [m for m in messages if re.search(r"[a-z_]{4,}", m)] == []


def test_form_filled_in_twice_is_a_duplicate_and_with_other_content_both_are_kept(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "accepted")
    same = here.filled(
        "assignment", {"answered_on": FIRST.isoformat(), "promised_on": "2026-11-18"}
    )
    (was,) = (here.place / "archive").rglob("*張偉銘*")
    again = zipped(unpacked(was.read_bytes()), zipfile.ZIP_STORED)  # as somebody saves it once more
    assert again != was.read_bytes()
    drop(here.place, "再交一次.docx", again)
    drop(here.place, "另一份.docx", same)
    drop(here.place, "原檔.docx", was.read_bytes())
    result = here.run()
    outcomes = {
        file["name"]: (file["outcome"], codes(file, "note", "warning"))
        for file in result.manifest["files"]
    }
    assert outcomes == {
        "再交一次.docx": ("duplicate", ["FB-step-done"]), "另一份.docx": ("set_aside", ["FB-step-differs"]), "原檔.docx": ("duplicate", ["FB-same-file"]),
    }  # fmt: skip
    assert (
        "這一步已於 2026-11-14 由 趙明遠 完成"
        in here.told(result, "再交一次.docx")["findings"][0]["message"]
    )
    assert here.state() == "accepted"
    assert len(here.history()) == 3
    assert len(list((here.place / "archive").rglob("*.docx"))) == 4
    with here.ledger() as ledger, ledger.reading() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM correspondence").scalar()
    assert kept == 3
    assert_in_words(here)


def test_form_of_a_case_that_does_not_exist_is_set_aside(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    content = here.filled("assignment").replace(b"", b"")
    parts = {
        name: part.replace(NUMBER.encode(), b"FB-20261113-0042")
        for name, part in unpacked(content).items()
    }
    drop(here.place, "a.docx", zipped(parts))
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], codes(entry)) == ("set_aside", ["FB-step-no-case"])
    assert_in_words(here)


def test_form_whose_printed_number_is_that_of_another_case_is_set_aside(
    twins: Bureau, tmp_path: Path
) -> None:
    here = twins.copy(tmp_path)
    parts = unpacked(here.filled("verification"))
    parts["word/document.xml"] = parts["word/document.xml"].replace(NUMBER.encode(), OTHER.encode())
    drop(here.place, "a.docx", zipped(parts))
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], codes(entry)) == ("set_aside", ["FB-step-numbers"])
    assert (here.state(), here.state(OTHER)) == ("awaiting_verification", "in_progress")
    assert_in_words(here)


def test_survey_that_comes_twice_names_no_reporter_in_the_receipt(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "closed")
    was = max(
        (here.place / "archive").rglob("*某表*"), key=lambda path: path.parent.name
    )  # the last that came
    drop(here.place, "再交.docx", zipped(unpacked(was.read_bytes()), zipfile.ZIP_STORED))
    entry = here.told(here.run(), "再交.docx")
    assert (entry["outcome"], codes(entry, "note")) == ("duplicate", ["FB-step-done"])
    assert "由 反饋人 完成" in entry["findings"][-1]["message"]
    report = [
        path
        for path, told in here.documents()
        if told["kind"] == "case_report" and path.suffix == ".docx"
    ][-1]
    assert [row[-2] for row in rows_of(report) if row[3:4] == ["處理結果滿意度調查表"]] == [
        "反饋人",
        "反饋人",
    ]


def rows_of(path: Path) -> list[list[str]]:
    return [
        [cell.text for cell in row.cells]
        for table in docx.Document(str(path)).tables
        for row in table.rows
    ]


def ticked(path: Path, **options: str) -> dict[str, str]:
    """What stands in the blanks of choices, with the box of one option ticked by hand."""
    root = etree.fromstring(unpacked(path.read_bytes())["word/document.xml"])
    space = {"w": root.nsmap["w"]}
    printed = {
        name: "".join(
            root.xpath(
                f"//w:tc[.//w:bookmarkStart[@w:name='fb_{name}']]//w:t/text()", namespaces=space
            )
        )
        for name in options
    }
    told = {
        name: re.sub(rf"□ ({re.escape(option)})(?=　|$)", r"☑ \1", printed[name])
        for name, option in options.items()
    }
    assert all("☑" in text and "□" in text for text in told.values()), told
    return told


def test_boxes_may_be_ticked_as_they_are_printed(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    boxes = ticked(
        here.issued("verification")[-1],
        conclusion="有條件通過",
        implemented="部分落實",
        solved="是",
        meets="是",
        items_1_verdict="合格",
    )
    assert here.hand_in("verification", boxes | {"remaining": "兩台待複測"})["outcome"] == "step"
    assert (here.state(), here.standing().outcome) == ("verified", "partly")
    assert here.history()[-1].answers["items"][0]["verdict"] == "pass"
    boxes = ticked(here.issued("reply")[-1], letter="部分解決", sent_through="郵寄", reached="否")
    assert here.hand_in("reply", boxes)["outcome"] == "step"
    boxes = ticked(
        here.issued("satisfaction")[-1],
        solved="部分",
        overall="4",
        result="3",
        speed="5",
        contact_again="否",
    )
    assert here.hand_in("satisfaction", boxes)["outcome"] == "step"
    answers = here.standing().answers
    assert [answers["satisfaction"][name] for name in ("solved", "overall", "result", "speed")] == [
        "partly",
        4,
        3,
        5,
    ]
    assert (answers["reply"]["letter"], answers["reply"]["sent_through"]) == ("partly", "post")


def test_incomplete_form_goes_back_with_every_point_and_corrected_it_is_taken(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "accepted")
    entry = here.hand_in(
        "measures",
        {
            "root_cause": "",
            "steps_2_owner": "張三",
            "approved_on": "下週",
            "steps_3_step": "",
            "steps_3_due": "",
        },
    )
    assert entry["outcome"] == "returned"
    assert {(f["code"], f["field"]) for f in entry["findings"] if f["severity"] == "error"} >= {
        ("FB-blank", "root_cause"), ("FB-unknown-person", "steps.owner"), ("FB-blank", "steps.step"), ("FB-step-incomplete", None),
    }  # fmt: skip
    assert here.state() == "accepted"
    assert_in_words(here)
    entry = here.hand_in("measures", {"steps_1_step": "加強管理", "steps_2_step": "今後注意"})
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-empty-measure"] * 2)
    entry = here.hand_in("measures", {"containment": "", "approved_by": "羅心怡"})
    assert (entry["outcome"], sorted(codes(entry))) == (
        "returned",
        ["FB-needed", "FB-wrong-signer"],
    )
    assert here.hand_in("measures")["outcome"] == "step"
    assert_in_words(here)


def test_verifier_of_the_own_department_goes_back(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    entry = here.hand_in("verification", {"verified_by": "羅心怡"})
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-verifier-not-independent"])
    entry = here.hand_in("verification", {"solved": "否"})
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-contradiction"])
    assert here.state() == "awaiting_verification"
    assert_in_words(here)


@pytest.mark.slow
def test_other_refusals_are_told_in_words(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    for changes, code in (
        (CHANGES["not ours"] | {"proposed_department": "質量控制部"}, "FB-proposal"),
        (CHANGES["not ours"] | {"reason": ""}, "FB-needed"),
        ({"answered_by": "王思妤"}, "FB-wrong-signer"),
    ):
        assert codes(here.hand_in("assignment", changes)) == [code]
    here = bureau_in(tmp_path / "b", "in_progress")
    assert codes(here.hand_in("coordination", CHANGES["reopen"])) == ["FB-reopen-open"]
    here = bureau_in(tmp_path / "c", "closed")
    assert codes(here.hand_in("coordination", CHANGES["hold"] | {"hold_until": "2027-01-04"})) == [
        "FB-step-closed"
    ]
    assert_in_words(here)


def test_form_that_only_a_company_knows_is_kept_and_moves_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    own = (here.place / "schemas/forms/escalation.yaml").read_text(encoding="utf-8")
    own = (
        own.replace("id: escalation", "id: visit")
        .replace("重大（複雜）問題上報單", "客戶拜訪單")
        .replace("Escalation of a severe or complex problem", "Visit")
    )
    (here.place / "schemas/forms/visit.yaml").write_text(own, encoding="utf-8")
    drop(
        here.place,
        "a.docx",
        word(
            "客戶拜訪單",
            [
                ["案件編號", NUMBER],
                ["領導批示", "同意"],
                ["批示人", "趙明遠"],
                ["批示日期", "2026-11-14"],
            ],
        ),
    )
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], codes(entry, "note")) == ("set_aside", ["FB-own-document"])
    assert here.state() == "assigned"


# --- what is written outside the blanks ---


def written_on(content: bytes, edit: Callable[[Any], object]) -> bytes:
    """A form after somebody has worked in it with python-docx."""
    document = docx.Document(io.BytesIO(content))
    edit(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def beside(document: Any, label: str) -> Any:
    """The cell to the right of a label."""
    rows = [row.cells for table in document.tables for row in table.rows]
    return next(
        right for row in rows for left, right in pairwise(row) if left.text == label != right.text
    )


def outside(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a run says of text outside the blanks."""
    return [
        (f["code"], f["message"])
        for f in entry["findings"]
        if f["code"] in {"FB-loose-text", "FB-printed-changed"}
    ]


def test_text_outside_the_blanks_of_a_form_is_noted_and_told_in_the_case_report(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "accepted")

    def edit(document: Any) -> None:
        document.add_paragraph("另請注意：供應商十二月停產")
        beside(document, "責任人").paragraphs[0].add_run("（十二月起請找江浩然）")
        document.sections[0].footer.add_paragraph("週五前請先來電")
        row = document.tables[3].add_row()
        row.cells[0].text, row.cells[1].text = "7", "加裝散熱片"

    drop(here.place, "a.docx", written_on(here.filled("measures"), edit))
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], here.state()) == ("step", "planned")
    ((code, message),) = outside(entry)
    assert code == "FB-loose-text"
    texts = ("另請注意：供應商十二月停產", "（十二月起請找江浩然）", "週五前請先來電", "加裝散熱片")
    assert all(text in message for text in texts), message
    for kind in ("result", "verification", "reply", "satisfaction"):
        assert outside(here.hand_in(kind)) == []
    report = paragraphs(
        [
            path
            for path, told in here.documents()
            if told["kind"] == "case_report" and path.suffix == ".docx"
        ][-1]
    )
    assert all(text in report for text in texts)
    assert_in_words(here)


def test_printed_fact_that_was_changed_is_noted_and_changes_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")

    def edit(document: Any) -> None:
        beside(document, "責任人").text = "江浩然"
        cell = beside(document, "問題描述")
        cell.text = cell.text.replace("冒煙", "冒火")

    drop(here.place, "a.docx", written_on(here.filled("measures"), edit))
    entry = here.told(here.run(), "a.docx")
    assert [code for code, _ in outside(entry)] == ["FB-printed-changed"] * 2
    told = "".join(message for _, message in outside(entry))
    assert "「責任人」被改動：原為「羅心怡」，現為「江浩然」" in told
    assert "冒火" in told
    assert (entry["outcome"], here.standing().responsible) == ("step", "luo_xinyi")
    assert_in_words(here)


def test_form_filled_in_as_it_was_meant_to_be_gives_no_note(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    boxes = ticked(
        here.issued("verification")[-1],
        conclusion="通過",
        implemented="全部落實",
        items_1_verdict="合格",
    )

    def edit(document: Any) -> None:
        for text in document.element.body.iter(qn("w:t")):
            text.text = (text.text or "").replace("　", "  ").replace("＿＿＿＿＿", " 黃俊傑 11-14")
        (foot,) = document.sections[0].footer.paragraphs
        assert foot.text == "第  頁／共  頁"
        foot.text = "第 1 頁／共 12 頁"

    drop(here.place, "a.docx", written_on(here.filled("verification", boxes), edit))
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], outside(entry)) == ("step", [])


def test_form_whose_issued_copy_is_gone_is_taken_without_notes(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")
    written = written_on(
        here.filled("measures"), lambda document: document.add_paragraph("另請注意")
    )
    here.issued("measures")[-1].unlink()
    drop(here.place, "a.docx", written)
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], outside(entry)) == ("step", [])


# --- other ways back ---


def stripped(content: bytes, *, bookmarks: bool = False) -> bytes:
    """A form whose properties, and maybe bookmarks, some other program has dropped."""
    parts = unpacked(content)
    del parts["docProps/custom.xml"]
    parts["[Content_Types].xml"] = re.sub(
        rb'<Override PartName="/docProps/custom.xml"[^>]*/>', b"", parts["[Content_Types].xml"]
    )
    parts["_rels/.rels"] = re.sub(
        rb'<Relationship [^>]*custom-properties"[^>]*/>', b"", parts["_rels/.rels"]
    )
    if bookmarks:
        parts["word/document.xml"] = re.sub(
            rb"<w:bookmark(?:Start|End)[^>]*/>", b"", parts["word/document.xml"]
        )
    return zipped(parts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "kind", "bookmarks", "state"),
    [
        ("assigned", "assignment", True, "accepted"), ("accepted", "measures", True, "planned"), ("in_progress", "result", False, "awaiting_verification"),
        ("awaiting_verification", "verification", True, "verified"), ("verified", "satisfaction", True, "closed"),
    ],
)  # fmt: skip
def test_form_without_properties_is_known_by_title_and_number(
    tmp_path: Path, before: str, kind: str, bookmarks: bool, state: str
) -> None:
    here = bureau_in(tmp_path, before)
    drop(here.place, "a.docx", stripped(here.filled(kind), bookmarks=bookmarks))
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], codes(entry)) == ("step", [])
    assert here.state() == state


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["zh-Hant", "en"])
def test_form_typed_as_plain_lines_is_known_by_title_and_number(
    tmp_path: Path, locale: str
) -> None:
    here = bureau(tmp_path, REPORTED, locale=locale)
    form = here.book.schema("assignment")
    assert form is not None
    answers = examples(here.book, "assignment", "2026-11-14", locale)
    lines = [form.title[locale], f"{'Case no.' if locale == 'en' else '案件編號'}：{NUMBER}"]
    lines += [
        f"{field.label[locale]}：{answers[field.id]}"
        for field in form.fields
        if field.id in answers
    ]
    drop(here.place, "a.txt", "\n".join([*lines, foot_of(here, "assignment")]).encode())
    entry = here.told(here.run(), "a.txt")
    assert (entry["outcome"], codes(entry)) == ("step", [])
    assert here.state() == "accepted"


def foot_of(here: Bureau, kind: str) -> str:
    """What the newest issue of a form says at its foot: case, form number, issue, check code."""
    return next(
        line
        for line in paragraphs(here.issued(kind)[-1]).split("\n")
        if re.search("校驗碼|校验码|check code", line)
    )


def pasted_lines(here: Bureau, kind: str, changes: Mapping[str, Any] = {}) -> str:
    """A form as `label：value` lines in a mail."""
    form = here.book.schema(kind)
    assert form is not None
    answers = examples(here.book, kind, (here.today + dt.timedelta(days=1)).isoformat()) | changes
    lines = [form.title["zh-Hant"], f"案件編號：{NUMBER}"]
    lines += [
        f"{field.label['zh-Hant']}：{answers[field.id]}"
        for field in form.fields
        if answers.get(field.id)
    ]
    return "\n".join([*lines, foot_of(here, kind)])


def pasted_page(form: bytes) -> str:
    """A filled-in Word form as the HTML that a mail program makes of it."""
    told = []
    for block in docx.Document(io.BytesIO(form)).element.body:
        if block.tag == qn("w:p"):
            told.append(f"<p>{escape(''.join(t.text or '' for t in block.iter(qn('w:t'))))}</p>")
        for row in block.iter(qn("w:tr")) if block.tag == qn("w:tbl") else ():
            spans = [(cell, cell.find(f".//{qn('w:gridSpan')}")) for cell in row.iter(qn("w:tc"))]
            cells = [
                f'<td colspan="{1 if span is None else span.get(qn("w:val"))}"><p>{escape("".join(t.text or "" for t in cell.iter(qn("w:t"))))}</p></td>'
                for cell, span in spans
            ]
            told.append(
                f"{'' if row.getprevious().tag == qn('w:tr') else '<table>'}<tr>{''.join(cells)}</tr>{'' if row.getnext() is not None else '</table>'}"
            )
    return "\n".join(told)


def page_mail(page: str, *, plain: str = "") -> bytes:
    """A mail as HTML, with a plain text beside it where one is given."""
    message = EmailMessage()
    for name, value in {
        "From": LEADER_MAIL,
        "To": "feedback@example.com",
        "Subject": f"回覆 {NUMBER}",
    }.items():
        message[name] = value
    message.set_content(plain or page, subtype="plain" if plain else "html")
    if plain:
        message.add_alternative(page, subtype="html")
    return message.as_bytes()


def test_form_pasted_into_a_mail_as_lines_moves_the_case(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    body = f"您好，請查收：\n\n{pasted_lines(here, 'assignment', {'verdict': '受理'})}\n\n> {NUMBER} 請於三日內答覆\n> 處理通知單"
    drop(
        here.place,
        "m.eml",
        mail(
            body,
            subject=f"Re: {NUMBER}",
            sender=LEADER_MAIL,
            files={"照片.png": b"\x89PNG\r\n\x1a\n" + b"\0" * 64},
        ),
    )
    entry = here.told(here.run(), "m.eml")
    assert (entry["outcome"], entry["schema"], codes(entry), here.state()) == (
        "step",
        "assignment",
        [],
        "accepted",
    )
    assert {"FB-step-taken", "FB-evidence"} <= set(codes(entry, "note"))
    assert (here.history()[-1].by, here.standing().responsible) == (
        "zhao_mingyuan",
        "luo_xinyi",
    )


@pytest.mark.parametrize("plain", ["", "這封郵件是 HTML 格式"])
@pytest.mark.parametrize(
    ("before", "kind", "state"),
    [("assigned", "assignment", "accepted"), ("accepted", "measures", "planned")],
)
def test_form_pasted_into_a_mail_with_its_tables_moves_the_case(
    tmp_path: Path, before: str, kind: str, state: str, plain: str
) -> None:
    here = bureau_in(tmp_path, before)
    page = f"<p>您好</p>{pasted_page(here.filled(kind))}<blockquote>{pasted_page(here.issued(kind)[-1].read_bytes())}</blockquote>"
    drop(here.place, "m.eml", page_mail(page, plain=plain))
    entry = here.told(here.run(), "m.eml")
    assert (entry["outcome"], codes(entry), here.state()) == ("step", [], state)
    if kind == "measures":
        assert len(here.history()[-1].answers["steps"]) == 3


def test_form_that_a_mail_merely_quotes_moves_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    lines, page = pasted_lines(here, "assignment"), pasted_page(here.filled("assignment"))
    for name, content in {
        "marked": mail(
            "同意。\n" + "\n".join(f"> {line}" for line in lines.split("\n")),
            subject=f"Re: {NUMBER}",
        ),
        "below": mail(f"同意。\n-----原始郵件-----\n{lines}"),
        "headed": mail(f"同意。\n\n寄件者: 黃淑芬\n日期: 2026-11-13\n\n{lines}"),
        "wrote": mail(f"OK\n\nOn Fri, 13 Nov 2026, Huang wrote:\n\n{lines}"),
        "block": page_mail(f"<p>同意</p><blockquote>{page}</blockquote>"),
        "gmail": page_mail(
            f'<div>同意</div><div class="gmail_quote">{page}</div>', plain=f"同意\n{lines}"
        ),
        "outlook": page_mail(
            f"<p>同意</p><div><p><b>From:</b> Huang</p><p><b>Sent:</b> Friday</p></div>{page}"
        ),
    }.items():
        drop(here.place, f"{name}.eml", content)
    result = here.run()
    assert len(result.manifest["files"]) == 7
    assert {
        (f["name"], f["outcome"])
        for f in result.manifest["files"]
        if codes(f, "note") != ["FB-about-case"]
    } == set()
    assert here.state() == "assigned"


def test_pasted_form_that_is_not_clear_is_filed_with_the_case(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    lines = pasted_lines(here, "assignment")
    for name, content in {
        "incomplete": mail(pasted_lines(here, "assignment", {"answered_by": ""})),
        "two cases": mail(f"{lines}\n同 FB-20261101-0009"),
        "other subject": mail(lines, subject=f"回覆 {NUMBER[:-1]}7"),
        "no title": mail(lines.partition("\n")[2]),
        "empty": page_mail(pasted_page(here.issued("assignment")[-1].read_bytes())),
    }.items():
        drop(here.place, f"{name}.eml", content)
    result = here.run()
    assert len(result.manifest["files"]) == 5
    assert {
        (f["name"], f["outcome"])
        for f in result.manifest["files"]
        if codes(f, "note") != ["FB-about-case"]
    } == set()
    assert here.state() == "assigned"


def test_typed_merger_is_about_the_case_and_not_about_its_main_case(
    twins: Bureau, tmp_path: Path
) -> None:
    here = twins.copy(tmp_path)
    drop(
        here.place,
        "a.docx",
        stripped(here.filled("coordination", CHANGES["merge"], number=OTHER), bookmarks=True),
    )
    assert here.told(here.run(), "a.docx")["outcome"] == "step"
    assert (here.state(), here.state(OTHER)) == ("awaiting_verification", "closed")


def test_form_without_properties_that_names_two_cases_is_set_aside(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    drop(
        here.place, "a.docx", stripped(here.filled("assignment", {"needs": "同 FB-20261101-0009"}))
    )
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], here.state()) == ("set_aside", "assigned")
    assert_in_words(here)


def test_finished_record_that_is_dropped_moves_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "verified")
    (record,) = [
        path
        for path, told in here.documents()
        if told["path"].startswith(f"cases/{NUMBER}/驗證報告") and path.suffix == ".docx"
    ]
    drop(here.place, "a.docx", record.read_bytes())
    entry = here.told(here.run(), "a.docx")
    assert (entry["outcome"], here.state()) == ("duplicate", "verified")


def test_form_attached_to_a_mail_moves_the_case(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    drop(
        here.place,
        "m.eml",
        mail(
            "請查收。",
            subject=f"回覆 {NUMBER}",
            sender=LEADER_MAIL,
            files={"處理通知單.docx": here.filled("assignment")},
        ),
    )
    entry = here.told(here.run(), "m.eml/處理通知單.docx")
    assert (entry["outcome"], here.state()) == ("step", "accepted")
    drop(
        here.place,
        "n.eml",
        mail(
            "附件是措施方案",
            subject="措施",
            sender=LEADER_MAIL,
            files={"方案.docx": here.filled("measures")},
        ),
    )
    result = here.run()
    assert {f["name"]: f["outcome"] for f in result.manifest["files"]} == {
        "n.eml": "step",
        "n.eml/方案.docx": "step",
    }
    assert here.state() == "planned"
    assert_in_words(here)


def test_rehearsal_tells_what_a_form_would_do_and_does_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    before = here.history()
    result = rehearse(
        here.place, "2026-11-14", [drop(here.place, "a.docx", here.filled("assignment"))]
    )
    assert (here.told(result, "a.docx")["outcome"], result.exit_code) == ("step", ExitCode.DONE)
    assert here.history() == before
    assert here.run().exit_code == ExitCode.DONE
    assert here.state() == "accepted"


def test_forms_of_consecutive_steps_in_one_zip_are_both_taken(tmp_path: Path) -> None:
    here, later = bureau_in(tmp_path / "a", "assigned"), bureau_in(tmp_path / "b", "accepted")
    plan = fill(
        later.issued("measures")[-1].read_bytes(), examples(here.book, "measures", "2026-11-14")
    )
    drop(here.place, "z.zip", zipped({"1.docx": here.filled("assignment"), "2.docx": plan}))
    result = here.run()
    assert {f["name"]: f["outcome"] for f in result.manifest["files"]} == {
        "z.zip": "step",
        "z.zip/1.docx": "step",
        "z.zip/2.docx": "step",
    }
    assert here.state() == "planned"
    kinds = [told["kind"] for told in result.manifest["documents"] if told["form"] and told["case"]]
    assert sorted(kinds) == ["inspection", "inspection", "result"]  # the first as Word and as Excel


def test_form_that_came_before_its_turn_is_taken_when_it_is_dropped_again(tmp_path: Path) -> None:
    here, later = bureau_in(tmp_path / "a", "assigned"), bureau_in(tmp_path / "b", "accepted")
    plan = fill(
        later.issued("measures")[-1].read_bytes(), examples(here.book, "measures", "2026-11-14")
    )
    drop(here.place, "a 措施.docx", plan)
    assert here.told(here.run(), "a 措施.docx")["outcome"] == "set_aside"
    drop(here.place, "b 受理.docx", here.filled("assignment", {"answered_on": "2026-11-14"}))
    assert here.told(here.run(), "b 受理.docx")["outcome"] == "step"
    drop(here.place, "a 措施.docx", plan)
    assert here.told(here.run(), "a 措施.docx")["outcome"] == "step"
    assert here.state() == "planned"


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Forms of all steps of one case up to the reply, some of one day."""
    later = bureau_in(tmp_path_factory.mktemp("pile"), "closed")
    days = {
        "assignment": "2026-11-14", "measures": "2026-11-14", "inspection": "2026-11-15", "result": "2026-11-16", "verification": "2026-11-16",
        "reply": "2026-11-17",
    }  # fmt: skip
    return [
        fill(later.issued(kind)[0].read_bytes(), examples(later.book, kind, day))
        for kind, day in days.items()
    ]


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(names=st.permutations("123456"))
def test_order_of_the_files_of_a_run_does_not_matter(pile: list[bytes], names: list[str]) -> None:
    """Law: any permutation of file names gives the same states, answers and outcomes."""
    with tempfile.TemporaryDirectory(dir=_home()) as folder:
        here = bureau_in(Path(folder), "assigned")
        for name, content in zip(names, pile, strict=True):
            drop(here.place, f"{name}.docx", content)
        here.run(days=7)
        told = [(step.to, step.document, step.details.answers) for step in here.history()]
        outcomes = [
            next(f["outcome"] for f in manifest_of(here)["files"] if f["name"] == f"{name}.docx")
            for name in names
        ]
    assert set(outcomes) == {"step"}
    assert (told[-1][0], len(told)) == ("replied", 8)
    assert _FIRST_TOLD.setdefault("pile", (told, outcomes)) == (told, outcomes)


_FIRST_TOLD: dict[str, Any] = {}


def manifest_of(here: Bureau) -> dict[str, Any]:
    """What the newest run has told."""
    newest = max(here.place.glob("outbox/2*/manifest.json"))
    return dict(json.loads(newest.read_text(encoding="utf-8")))


def test_run_that_is_stopped_between_forms_ends_like_one_that_is_not(
    pile: list[bytes], tmp_path: Path
) -> None:
    found = []
    for stops in (0, 1, 3):
        here = bureau_in(tmp_path / str(stops), "assigned")
        for number, content in enumerate(reversed(pile)):
            drop(here.place, f"{number}.docx", content)
        taken: list[str] = []
        with contextlib.suppress(InterruptedRunError):
            run(
                here.place,
                "2026-11-20",
                progress=lambda what, *_, taken=taken: taken.append(what),  # type: ignore[misc]
                should_stop=lambda taken=taken, stops=stops: len(taken) == stops > 0,  # type: ignore[misc]
            )
        run(here.place, "2026-11-20")
        found.append([(step.to, step.document, step.details.answers) for step in here.history()])
    assert found[1:] == found[:1] * 2
    assert found[0][-1][0] == "replied"


def test_forms_that_skip_a_step_are_each_recorded_once(tmp_path: Path, pile: list[bytes]) -> None:
    here = bureau_in(tmp_path, "assigned")
    for number, content in enumerate(pile[3:6]):
        drop(here.place, f"{number}.docx", content)
    drop(here.place, "register.csv", delimited([HEADER, ALSO]))
    result = here.run(days=7)
    assert {f["name"]: (f["outcome"], codes(f, "warning")) for f in result.manifest["files"]} == {
        "register.csv": ("accepted", []), **{f"{n}.docx": ("set_aside", ["FB-step-early"]) for n in range(3)},
    }  # fmt: skip
    assert here.state() == "assigned"
    assert not list((here.place / "inbox").rglob("*.docx"))


def test_forms_of_a_zip_are_taken_in_their_turn_and_wait_for_those_beside_it(
    pile: list[bytes], tmp_path: Path
) -> None:
    for names in ("az", "za"):
        here = bureau_in(tmp_path / names, "assigned")
        drop(
            here.place, f"{names[0]}.zip", zipped({"1 驗證.docx": pile[4], "2 結果.docx": pile[3]})
        )
        drop(
            here.place,
            f"{names[1]}.eml",
            mail("請查收", sender=LEADER_MAIL, files={"措施.docx": pile[1], "受理.docx": pile[0]}),
        )
        result = here.run(days=7)
        assert {f["outcome"] for f in result.manifest["files"]} == {"step"}
        assert here.state() == "verified"


def test_record_of_the_letter_that_comes_with_the_survey_is_kept_whichever_is_read_first(
    tmp_path: Path,
) -> None:
    for names in (("1.docx", "2.docx"), ("2.docx", "1.docx")):
        here = bureau_in(tmp_path / names[0], "verified")
        for name, kind in zip(names, ("reply", "satisfaction"), strict=True):
            drop(here.place, name, here.filled(kind))
        result = here.run()
        assert [file["outcome"] for file in result.manifest["files"]] == ["step", "step"]
        assert here.state() == "closed"
        assert here.standing().answers["reply"]["sent_by"] == "wang_siyu"


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("soffice") is None,
    reason="LibreOffice is not installed: nothing to save the forms with",
)
def test_forms_saved_by_libreoffice_and_by_way_of_odt_move_the_case(tmp_path: Path) -> None:
    here, later = bureau_in(tmp_path / "a", "assigned"), bureau_in(tmp_path / "b", "closed")
    day = (FIRST + dt.timedelta(days=1)).isoformat()
    typed = tmp_path / "typed"
    typed.mkdir()
    kinds = ("assignment", "measures", "result", "verification", "satisfaction")
    for kind in kinds:  # every run issues the same forms, so they can be saved all at once
        (typed / f"{kind}.docx").write_bytes(
            fill(later.issued(kind)[0].read_bytes(), examples(here.book, kind, day))
        )
    odt = converted(sorted(typed.iterdir()), "odt", tmp_path / "odt")
    for path in odt:
        path.rename(path.with_stem(f"{path.stem} odt"))
    back = converted(
        [*sorted(typed.iterdir()), *sorted((tmp_path / "odt").iterdir())], "docx", tmp_path / "back"
    )
    assert len(back) == 2 * len(kinds)
    for kind in kinds:
        forms = (typed / f"{kind}.docx", *(path for path in back if path.stem.startswith(kind)))
        meant, *others = (told_by(here, path, later.place / "outbox") for path in forms)
        assert others == [meant, meant]
        assert not {code for code, _ in meant[-1]} & {"FB-loose-text", "FB-printed-changed"}
    for kind in kinds:
        drop(here.place, f"{kind}.docx", (tmp_path / "back" / f"{kind} odt.docx").read_bytes())
        entry = here.told(here.run(), f"{kind}.docx")
        assert (kind, entry["outcome"], codes(entry)) == (kind, "step", [])
    assert here.state() == "closed"


def told_by(here: Bureau, form: Path, outbox: Path) -> tuple[Any, ...]:
    """What the judge reads in a form: its identity, its answers, and what is wrong with them or stands beside them."""
    setup = Setup(here.book, Limits(), moment(here.place, "2026-11-30"), "zh-Hant", outbox)
    (message,) = [m for m in Judge(setup).judge(FileToJudge(form, None)) if isinstance(m, FormRead)]
    told = message.form
    return (
        told.kind,
        told.case,
        told.issue,
        told.values,
        [(f.code, f.field) for f in message.findings],
    )


def converted(files: Sequence[Path], to: str, folder: Path) -> list[Path]:
    """Documents, opened and saved by LibreOffice."""
    profile = f"-env:UserInstallation={(folder.parent / 'profile').as_uri()}"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        to,
        "--outdir",
        str(folder),
        *map(str, files),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return sorted(folder.iterdir())
