"""Who may move a case: forms that are not ours, mails of strangers, edits without a name, verifiers with a part, contradictions."""

import contextlib
import datetime as dt
import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from fbbatch.cli import cli
from fbbatch.codes import LENGTH, Codes, Key, Subject, printed_codes
from fbbatch.errors import ExitCode
from fbbatch.read.html_seen import seen
from fbbatch.render.marked import RESULT
from fbbatch.secret import SECRET, read_codes
from fbbatch.wording import say
from tests.builders import (
    REPOSITORY,
    delimited,
    drop,
    examples,
    fill,
    mail,
    run,
    sheet,
    shop_of,
    workspace,
    zipped,
)
from tests.test_closed_loop import (
    ALSO,
    CHANGES,
    FIRST,
    HEADER,
    LEADER_MAIL,
    NUMBER,
    OTHER,
    REPORTED,
    Bureau,
    bureau,
    bureau_in,
    codes,
    foot_of,
    page_mail,
    paragraphs,
    pasted_lines,
    pasted_page,
    stripped,
    wide_bureau,
)

STRANGER = "路人 <stranger@example.com>"


def told_of(here: Bureau, name: str, content: bytes) -> dict[str, Any]:
    """What the next run says of a file."""
    drop(here.place, name, content)
    return here.told(here.run(), name)


def with_properties(content: bytes, **changes: str | None) -> bytes:
    """A Word form with custom properties changed; None takes one away."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    custom = parts["docProps/custom.xml"].decode()
    for name, value in changes.items():
        pattern = (
            rf'(<property [^>]*name="fbbatch\.{name}"><vt:lpwstr>)[^<]*(</vt:lpwstr></property>)'
        )
        assert re.search(pattern, custom), name
        custom = re.sub(pattern, "" if value is None else rf"\g<1>{value}\g<2>", custom)
    parts["docProps/custom.xml"] = custom.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return buffer.getvalue()


def retyped(content: bytes, old: str, new: str) -> bytes:
    """A Word form in whose text somebody has replaced something."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts["word/document.xml"].decode()
    parts["word/document.xml"] = parts["word/document.xml"].decode().replace(old, new).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return buffer.getvalue()


# --- a form proves where it comes from ---


def test_every_form_of_a_run_shows_number_form_issue_and_code_at_its_foot_and_carries_them(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "assigned")
    (form,) = here.issued("assignment")
    properties = zipfile.ZipFile(form).read("docProps/custom.xml").decode()
    (code,) = re.findall(r'name="fbbatch\.code"><vt:lpwstr>([^<]+)<', properties)
    assert len(code) == LENGTH
    assert foot_of(here, "assignment") == f"{NUMBER} · D13 A/1 · 第 1 次 · 校驗碼 {code}"
    for kind in ("tracking_ledger", "summary"):
        (path,) = [
            path
            for path, told in here.documents()
            if told["kind"] == kind and path.suffix == ".xlsx"
        ][-1:]
        book = openpyxl.load_workbook(path)
        hidden = {row[0].value: row[1].value for row in book["_fbbatch"].iter_rows()}
        printed = [
            code
            for row in book.worksheets[0].iter_rows(max_row=6)
            for cell in row
            for code, _ in printed_codes(str(cell.value))
        ]
        assert printed == [hidden["code"]]
        assert hidden["code"] in str(book.worksheets[0].oddFooter.left.text)


def test_form_of_another_company_with_the_same_number_is_set_aside(tmp_path: Path) -> None:
    here, theirs = (
        bureau(tmp_path / "ours", REPORTED),
        Bureau(workspace(tmp_path / "theirs", "zh-Hant")),
    )
    (theirs.place / SECRET).unlink()
    drop(theirs.place, "customer/十一月.csv", delimited([HEADER, REPORTED]))
    run(theirs.place, FIRST.isoformat())
    drop(here.place, "受理.docx", theirs.filled("assignment"))
    result = here.run()
    entry = here.told(result, "受理.docx")
    assert (entry["outcome"], entry["code"], result.exit_code) == (
        "set_aside",
        "FB-code-wrong",
        ExitCode.RETURNED,
    )
    assert here.state() == "assigned"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": None}, "FB-code-missing"),
        ({"code": "34679ACD"}, "FB-code-wrong"),
        ({"issue": "2"}, "FB-code-wrong"),
        ({"department": "production"}, "FB-code-wrong"),
        ({"form": "coordination"}, "FB-code-wrong"),
    ],
)
def test_form_with_other_properties_than_it_was_issued_with_moves_nothing(
    tmp_path: Path, changes: dict[str, str | None], code: str
) -> None:
    here = bureau_in(tmp_path, "assigned")
    foot = foot_of(here, "assignment")
    content = retyped(
        here.filled("assignment"), foot, foot.partition(" · ")[0]
    )  # nor does its foot show the code
    entry = told_of(here, "a.docx", with_properties(content, **changes))
    assert (entry["outcome"], entry["code"], here.state()) == ("set_aside", code, "assigned")


def test_form_of_another_case_whose_number_was_typed_over_moves_nothing(tmp_path: Path) -> None:
    here = bureau(tmp_path, REPORTED, ALSO)
    content = retyped(here.filled("assignment", number=OTHER), OTHER, NUMBER)
    entry = told_of(here, "a.docx", with_properties(content, case=NUMBER))
    assert (entry["outcome"], entry["code"], here.state(), here.state(OTHER)) == (
        "set_aside",
        "FB-code-wrong",
        "assigned",
        "assigned",
    )


def test_text_that_imitates_a_form_is_set_aside(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    foot = foot_of(here, "assignment")
    lines = pasted_lines(here, "assignment", {"verdict": "受理"}).replace(foot, "")
    entry = told_of(here, "a.txt", lines.encode())
    assert (entry["outcome"], entry["code"], here.state()) == (
        "set_aside",
        "FB-code-missing",
        "assigned",
    )


def test_printed_code_serves_where_the_properties_are_lost(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")
    entry = told_of(here, "a.docx", stripped(here.filled("measures")))
    assert (entry["outcome"], here.state()) == ("step", "planned")


def test_workbook_with_a_hidden_sheet_made_by_hand_changes_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    (source,) = [path for path, told in here.documents() if told["kind"] == "tracking_ledger"][-1:]
    book = openpyxl.load_workbook(source)
    forged = openpyxl.Workbook()
    forged.remove(forged.active)
    for page in book.worksheets:
        copy = forged.create_sheet(page.title)
        for row in page.iter_rows():
            for cell in row:
                hidden = page.title == "_fbbatch" and page.cell(cell.row, 1).value in {
                    "code",
                    "workspace",
                }
                text = (
                    re.sub("校驗碼 .*", "", str(cell.value))
                    if isinstance(cell.value, str)
                    else cell.value
                )
                copy.cell(cell.row, cell.column, None if hidden else text)
        for row in copy.iter_rows():
            for cell in row:
                if str(cell.value or "").startswith("修改人"):
                    cell.value = f"{cell.value}趙明遠"
                if cell.value == "質量控制部":
                    cell.value = "生產部"
    buffer = io.BytesIO()
    forged.save(buffer)
    drop(here.place, "臺賬.xlsx", buffer.getvalue())
    result = here.run()
    entry = here.told(result, "臺賬.xlsx")
    assert (entry["outcome"], entry["code"], result.exit_code) == (
        "set_aside",
        "FB-edit-no-code",
        ExitCode.RETURNED,
    )
    assert here.case().department == "quality"


def test_codes_differ_in_everything_they_stand_for_and_have_no_lookalikes() -> None:
    ours, theirs = Codes("a", (Key(b"1" * 32),)), Codes("b", (Key(b"1" * 32),))
    subjects = [
        Subject(kind, case, issue, department)
        for kind in "mr"
        for case in "12"
        for issue in "12"
        for department in ("", "rd")
    ]
    made = [codes.of(subject) for codes in (ours, theirs) for subject in subjects]
    assert len(set(made)) == len(made) == 32
    assert not set("".join(made)) & set("0OQ1IL2Z5S8BU") - {"Q"}
    assert all(
        ours.prove(f" {code.lower()[:4]} {code[4:]}", subject, FIRST)
        for code, subject in zip(made, subjects, strict=False)
    )


def test_renewed_secret_proves_old_forms_until_a_day(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    form = here.filled("assignment")
    result = CliRunner().invoke(
        cli, ["codes", "--renew", "--old-until", "2026-11-14", "-w", str(here.place)]
    )
    assert result.exit_code == 0
    later = here.copy(tmp_path / "later")
    assert told_of(here, "a.docx", form)["outcome"] == "step"
    later.run()  # the 14th
    entry = told_of(later, "a.docx", form)  # the 15th
    assert (entry["outcome"], entry["code"]) == ("set_aside", "FB-code-wrong")


def test_secret_is_the_owners_only_is_ignored_by_git_and_in_the_backup(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    assert (place / SECRET).stat().st_mode & 0o777 == 0o600
    made = read_codes(place)
    assert made is not None
    assert made.workspace not in str(place)
    assert len(made.workspace) == 16
    assert (
        CliRunner().invoke(cli, ["backup", str(tmp_path / "b.zip"), "-w", str(place)]).exit_code
        == 0
    )
    assert zipfile.ZipFile(tmp_path / "b.zip").read(SECRET) == (place / SECRET).read_bytes()
    assert (
        CliRunner()
        .invoke(cli, ["restore", str(tmp_path / "b.zip"), "-w", str(tmp_path / "again")])
        .exit_code
        == 0
    )
    assert read_codes(tmp_path / "again") == made
    assert repr(made).count(made.keys[0].secret.hex()) == 0


def test_first_run_after_an_upgrade_makes_the_secret_and_takes_old_forms_until_the_day_in_the_settings(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "assigned")
    foot = foot_of(here, "assignment")
    old = retyped(
        with_properties(here.filled("assignment"), code=None, department=None),
        foot,
        foot.partition(" · ")[0],
    )
    with (
        here.ledger() as ledger,
        ledger.writing() as connection,
    ):  # as a run of the version before has left it
        connection.exec_driver_sql("UPDATE document SET code = NULL")
    (here.place / SECRET).unlink()
    refused = here.copy(tmp_path / "refused")
    assert told_of(refused, "a.docx", old)["code"] == "FB-code-missing"
    settings = here.place / "fbbatch.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + "forms_without_code_until: 2026-11-30\n",
        encoding="utf-8",
    )
    mailed, late, unknown = (here.copy(tmp_path / name) for name in ("mailed", "late", "unknown"))
    assert told_of(here, "a.docx", old)["outcome"] == "step"
    assert (here.place / SECRET).exists()
    drop(mailed.place, "m.eml", mail("附上", sender=LEADER_MAIL, files={"a.docx": old}))
    assert mailed.told(mailed.run(), "m.eml/a.docx")["code"] == "FB-code-missing"
    late.run(20)
    assert told_of(late, "a.docx", old)["code"] == "FB-code-missing"
    with unknown.ledger() as ledger, ledger.writing() as connection:
        connection.exec_driver_sql("DELETE FROM document WHERE kind = 'assignment'")
    assert told_of(unknown, "a.docx", old)["code"] == "FB-code-missing"


# --- mail ---


def test_mailed_form_of_a_stranger_waits_and_the_dropped_attachment_confirms_it(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "assigned")
    form = here.filled("assignment")
    drop(here.place, "m.eml", mail("附上", sender=STRANGER, files={"受理.docx": form}))
    result = here.run()
    entry = here.told(result, "m.eml/受理.docx")
    assert (entry["outcome"], entry["code"], here.state(), result.exit_code) == (
        "set_aside",
        "FB-mail-sender",
        "assigned",
        ExitCode.DONE,
    )
    (item,) = entry["findings"]
    assert "stranger@example.com" in item["message"]
    assert "已受理" in item["message"]  # what it would have done
    (waiting,) = decisions(here)
    assert (waiting["案件編號"], waiting["表單"]) == (NUMBER, "問題處理通知單")
    assert "stranger@example.com" in waiting["收到的表單"]
    assert told_of(here, "受理.docx", form)["outcome"] == "step"
    assert here.state() == "accepted"
    with here.ledger() as ledger:
        assert ledger.waiting_forms() == []


@pytest.mark.parametrize(("sender", "setting", "state"), [
    (LEADER_MAIL, "known", "accepted"),
    ("孫麗雯 <SUN.LW@example.com>", "known", "accepted"),  # of the signer's department
    ("黃淑芬 <huang.sf@example.com>", "known", "assigned"),  # of another one
    (LEADER_MAIL, "never", "assigned"),
])  # fmt: skip
def test_mailed_form_counts_from_the_signer_or_the_signers_department(
    tmp_path: Path, sender: str, setting: str, state: str
) -> None:
    here = bureau_in(tmp_path, "assigned")
    settings = here.place / "fbbatch.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + f"mail_forms: {setting}\n", encoding="utf-8"
    )
    drop(
        here.place,
        "m.eml",
        mail("附上", sender=sender, files={"受理.docx": here.filled("assignment")}),
    )
    here.run()
    assert here.state() == state


def test_mail_in_a_mail_is_from_whoever_sent_the_outer_one(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    inner = mail("附上", sender=LEADER_MAIL, files={"受理.docx": here.filled("assignment")})
    drop(here.place, "m.eml", mail("轉寄", sender=STRANGER, files={"原信.eml": inner}))
    here.run()
    assert here.state() == "assigned"


def test_survey_mailed_from_another_address_is_decided_by_the_head_of_customer_service(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "verified")
    survey = here.filled("satisfaction")
    drop(here.place, "m.eml", mail("已填", sender=STRANGER, files={"調查表.docx": survey}))
    here.run()
    assert here.state() == "verified"
    own = here.copy(tmp_path / "own")
    assert "FB-edit-not-allowed" in codes(decide(own, "採用甲", "江浩然"))
    assert own.state() == "verified"
    entry = decide(here, "採用甲", "林雅婷")
    assert (entry["outcome"], codes(entry)) == ("step", [])
    assert here.state() == "closed"
    assert here.history()[-2].details.decided_by == "lin_yating"


def test_survey_mailed_by_the_contact_of_the_case_counts(tmp_path: Path) -> None:
    here = bureau(tmp_path, [REPORTED[0], "wang@example.com", *REPORTED[2:]])
    for kind in ("assignment", "measures", "result", "verification"):
        here.hand_in(kind)
    drop(
        here.place,
        "m.eml",
        mail(
            "已填",
            sender="王小明 <Wang@example.com>",
            files={"調查表.docx": here.filled("satisfaction")},
        ),
    )
    here.run()
    assert here.state() == "closed"


def test_edited_ledger_out_of_a_mail_changes_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    content = edited(here, "tracking_ledger", {"責任部門": "生產部"}, "趙明遠")
    drop(here.place, "m.eml", mail("臺賬", sender=LEADER_MAIL, files={"臺賬.xlsx": content}))
    entry = here.told(here.run(), "m.eml/臺賬.xlsx")
    assert (entry["outcome"], entry["code"], here.case().department) == (
        "set_aside",
        "FB-edit-mailed",
        "quality",
    )


def test_row_that_a_stranger_mails_amends_nobodys_case(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    lines = "\n".join(
        f"{label}：{value}"
        for label, value in zip(HEADER, [REPORTED[0], "0999999999", *REPORTED[2:]], strict=True)
    )
    drop(here.place, "m.eml", mail(lines, subject="更正", sender=STRANGER))
    here.run()
    assert here.case().text("contact") == "0912345678"


@pytest.mark.parametrize(
    "markup",
    [
        '<div style="display:none">{}</div>', "<div hidden>{}</div>", '<div style="font-size:0">{}</div>', '<div style="color:#fff">{}</div>',
        '<table bgcolor="#eeeeee"><tr><td><font color="#EEEEEE">{}</font></td></tr></table>', '<div style="position:absolute;left:-9999px">{}</div>',
        "<style>.x{{visibility:hidden}}</style><div class=x>{}</div>", '<div style="display:none"><div style="display:block">{}</div></div>',
        '<div style="opacity:0">{}</div>', '<div style="color:rgba(0,0,0,0)">{}</div>', '<div style="max-height:0;overflow:hidden">{}</div>',
    ],
)  # fmt: skip
def test_text_of_a_mail_that_no_reader_sees_is_not_read(tmp_path: Path, markup: str) -> None:
    here = bureau_in(tmp_path, "assigned")
    form = pasted_page(here.filled("assignment"))
    page, n_hidden = seen(markup.format("藏起來的字"))
    assert ("藏" in page, n_hidden) == (False, 5)
    entry = told_of(here, "m.eml", page_mail(f"<p>請看 {NUMBER}</p>{markup.format(form)}"))
    assert here.state() == "assigned"
    assert "FB-hidden-text" in codes(entry, "note")


@pytest.mark.parametrize(
    "style",
    [
        "display:/**/none", "color:#ffffffff", "color:snow", "color:hsl(0,0%,100%)", "color:rgb(100%,100%,100%)", "font:0/0 a",
        "font-size:calc(0px)", "-webkit-text-fill-color:transparent", "height:0;overflow:clip", "opacity:0.001", "filter:opacity(0)",
        "clip-path:circle(0)", "content-visibility:hidden", "transform:scale(0,0)", "transform:translateX(-9999px)",
        "position:relative;left:-9999px", "DISPLAY : NONE", "color:white !important",
    ],
)  # fmt: skip
def test_style_that_hides_a_text_is_known_however_it_is_written(style: str) -> None:
    page, n_hidden = seen(f'<div style="{style}">藏起來的字</div><p>看得見</p>')
    assert ("藏" in page, "看得見" in page, n_hidden) == (False, True, 5)


@pytest.mark.parametrize("tag", ["details", "dialog"])
def test_text_of_a_closed_element_is_not_read(tag: str) -> None:
    assert [seen(f"<{tag}{state}><p>字</p></{tag}>")[1] for state in ("", " open")] == [1, 0]


def test_text_of_a_mail_that_a_reader_sees_is_read(tmp_path: Path) -> None:
    for markup in (
        '<p style="color:white;background:#333">{}</p>',
        "<p style='display:block;font:10pt/1.5 Arial;margin-left:-3px;color:windowtext'>{}</p>",
        "<p style='font-size:0.9em'>{}</p>",
        "<font size=1>{}</font>",
    ):
        page, n_hidden = seen(markup.format("看得見"))
        assert ("看得見" in page, n_hidden) == (True, 0)


# --- the organisation ---


def test_form_dated_before_the_step_that_it_answers_goes_back(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "verified")
    entry = told_of(here, "a.docx", here.filled("satisfaction", {"answered_on": "2001-01-01"}))
    assert (entry["outcome"], codes(entry), here.state()) == (
        "returned",
        ["FB-date-before"],
        "verified",
    )


@pytest.mark.parametrize(
    ("kind", "state"),
    [("measures", "accepted"), ("result", "planned"), ("coordination", "planned")],
)
def test_head_of_another_department_approves_nothing(tmp_path: Path, kind: str, state: str) -> None:
    here = bureau_in(tmp_path, state)
    if kind == "coordination":
        drop(here.place, "難.docx", here.filled("inspection", {"difficulties": "缺電源板"}))
        here.run()
    entry = told_of(here, "a.docx", here.filled(kind, {"approved_by": "陳國棟"}))
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-wrong-signer"])
    assert "黃淑芬" in entry["findings"][-1]["message"]  # who may
    assert (
        told_of(here, "b.docx", here.filled(kind, {"approved_by": "黃淑芬"}))["outcome"] == "step"
    )


def test_responsible_person_of_another_department_needs_a_reason(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    entry = told_of(
        here,
        "a.docx",
        here.filled("assignment", {"responsible": "江浩然", "responsible_reason": ""}),
    )
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-needed-for-other"])
    assert (
        told_of(here, "b.docx", here.filled("assignment", {"responsible": "江浩然"}))["outcome"]
        == "step"
    )


def test_form_and_work_list_and_case_name_who_may_verify_and_never_who_made_it(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    text = paragraphs(here.issued("verification")[-1])
    assert "可以驗證的人：黃俊傑、潘郁晴、黃淑芬" in text
    lists = [
        path
        for path, told in here.documents()
        if told["kind"] == "inspection"
        and told["department"] == "quality"
        and path.suffix == ".docx"
        and not told["case"]
    ]
    listed = paragraphs(lists[-1])
    assert "黃俊傑" in listed
    assert "羅心怡" not in listed
    shown = CliRunner().invoke(cli, ["case", NUMBER, "-w", str(here.place)]).output
    assert "羅心怡" not in next(
        line for line in shown.splitlines() if line.startswith("→ 驗證報告")
    )
    assert "黃俊傑" in next(line for line in shown.splitlines() if line.startswith("→ 驗證報告"))


def test_where_nobody_may_verify_a_leader_names_somebody_on_a_coordination_sheet(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "planned")
    steps = {f"steps_{n}_owner": name for n, name in enumerate(("黃俊傑", "潘郁晴", "黃淑芬"), 1)}
    entry = told_of(here, "r.docx", here.filled("result", steps))
    assert (entry["outcome"], here.state()) == ("step", "awaiting_verification")
    assert here.issued("verification") == []
    (sheet,) = here.forms("coordination")
    assert sheet[1]["department"] == "management"
    named = {"verifier": "劉子軒", "matter": "指定驗證人"}
    assert "FB-wrong-signer" in codes(
        told_of(here, "a.docx", here.filled("coordination", named | {"approved_by": "黃淑芬"}))
    )
    assert "FB-verifier-not-independent" in codes(
        told_of(here, "b.docx", here.filled("coordination", named | {"verifier": "羅心怡"}))
    )
    entry = told_of(here, "c.docx", here.filled("coordination", named))
    assert (entry["outcome"], codes(entry)) == ("step", [])
    assert "FB-wrong-signer" not in codes(
        told_of(here, "d.docx", here.filled("verification", {"verified_by": "劉子軒"}))
    )
    assert here.state() == "verified"


# --- contradictions, and what a person decides on paper ---


def sheet_of(path: Path, name: str) -> Any:
    book = openpyxl.load_workbook(path)
    return book, next((sheet for sheet in book.worksheets if sheet.title == name), None)


def newest_summary(here: Bureau) -> Path:
    return [
        path
        for path, told in here.documents()
        if told["kind"] == "summary" and path.suffix == ".xlsx"
    ][-1]


def decisions(here: Bureau) -> list[dict[str, str]]:
    """What waits for a person, as the newest summary tells it."""
    _, sheet = sheet_of(newest_summary(here), "待決")
    if sheet is None:
        return []
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    at = next(n for n, row in enumerate(rows) if "待決編號" in row)
    return [
        dict(zip(rows[at], row, strict=True))
        for row in rows[at + 1 :]
        if row[0] and str(row[0]).startswith("W-")
    ]


def decide(here: Bureau, choice: str, name: str) -> dict[str, Any]:
    """Choose in the drop-down of the newest summary, sign, drop it back; what the run says of it."""
    _, sheet = sheet_of(newest_summary(here), "待決")
    assert choice in sheet.data_validations.dataValidation[0].formula1
    return decide_on(here, newest_summary(here), choice, name)


def decide_on(here: Bureau, path: Path, choice: str, name: str) -> dict[str, Any]:
    """Likewise in any summary, whatever its drop-down offers."""
    book, sheet = sheet_of(path, "待決")
    for row in sheet.iter_rows():
        for cell in row:
            if str(cell.value or "").startswith("修改人"):
                cell.value = f"{cell.value}{name}"
            if str(cell.value or "").startswith("W-"):
                sheet.cell(cell.row, sheet.max_column, choice)
    buffer = io.BytesIO()
    book.save(buffer)
    return told_of(here, f"決定{len(here.messages)}.xlsx", buffer.getvalue())


def signed(page: Any, name: str) -> None:
    """Give the editor's name on the line for it."""
    for row in page.iter_rows(max_row=12):
        for cell in row:
            if name and str(cell.value or "").startswith("修改人"):
                cell.value = f"{cell.value}{name}"


def edited(here: Bureau, kind: str, changes: Mapping[str, Any], name: str) -> bytes:
    """The newest ledger or summary with cells of the case changed on the first sheet that has it, signed by `name`."""
    path = [
        path for path, told in here.documents() if told["kind"] == kind and path.suffix == ".xlsx"
    ][-1]
    book = openpyxl.load_workbook(path)
    page, row = next(
        (p, cell.row)
        for p in book.worksheets
        for line in p.iter_rows()
        for cell in line
        if cell.value == NUMBER
    )
    header = next(
        line
        for line in page.iter_rows()
        if {"案件編號", "反饋編號"} & {cell.value for cell in line}
    )
    at = {cell.value: cell.column for cell in header}
    for label, value in changes.items():
        page.cell(row, at[label]).value = value
    signed(page, name)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_two_different_forms_for_one_step_are_both_set_aside_and_a_person_decides(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    drop(here.place, f"{names[0]}.docx", here.filled("verification"))
    drop(
        here.place,
        f"{names[1]}.docx",
        here.filled("verification", CHANGES["fail"] | {"verified_by": "潘郁晴"}),
    )
    result = here.run()
    assert [(f["outcome"], f["code"]) for f in result.manifest["files"]] == [
        ("set_aside", "FB-step-contradiction")
    ] * 2
    assert (here.state(), result.exit_code) == ("awaiting_verification", ExitCode.RETURNED)
    (waiting,) = decisions(here)
    lines = waiting["收到的表單"].split("\n")
    assert len(lines) == 2
    failed = next(n for n, line in enumerate(lines) if "不通過" in line)
    assert "潘郁晴" in lines[failed]
    more = here.copy(tmp_path / "more")
    assert (
        told_of(more, "c.docx", more.filled("verification", {"criteria": "另一個依據 QS-1"}))[
            "code"
        ]
        == "FB-step-contradiction"
    )
    assert len(decisions(more)[0]["收到的表單"].split("\n")) == 3
    nobody = here.copy(tmp_path / "nobody")
    assert decide(nobody, "都不採用", "黃淑芬")["outcome"] == "step"
    assert (nobody.state(), decisions(nobody)) == ("awaiting_verification", [])
    entry = decide(here, ("採用甲", "採用乙")[failed], "趙明遠")
    assert (entry["outcome"], codes(entry)) == ("step", [])
    assert here.state() == "accepted"


def test_two_coordination_sheets_of_one_case_are_two_decisions_and_no_contradiction(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "planned")
    drop(here.place, "a.docx", here.filled("inspection", {"difficulties": "缺電源板"}))
    here.run()
    drop(
        here.place,
        "b.docx",
        here.filled("inspection", {"difficulties": "又缺連接器", "percent": "70"}),
    )
    here.run()
    first, second = here.issued("coordination")[-2:]
    assert first.name != second.name
    drop(here.place, "1.docx", here.filled("coordination", {"matter": "協調電源板"}, issue=-2))
    drop(here.place, "2.docx", here.filled("coordination", {"matter": "協調連接器"}, issue=-1))
    assert {f["outcome"] for f in here.run().manifest["files"]} == {"step"}


def test_contradiction_is_seen_also_when_the_run_was_killed_between_the_two(tmp_path: Path) -> None:
    from fbbatch.batch import InterruptedRunError

    here = bureau_in(tmp_path, "awaiting_verification")
    drop(here.place, "a.docx", here.filled("verification"))
    drop(here.place, "b.docx", here.filled("verification", CHANGES["fail"]))
    asked = iter([True])
    with contextlib.suppress(InterruptedRunError):
        run(here.place, "2026-11-20", should_stop=lambda: next(asked, False))
    run(here.place, "2026-11-20")
    assert here.state() == "awaiting_verification"


def test_form_about_another_product_reporter_and_problem_is_not_this_case(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    content = here.filled("assignment")
    for old, new in (
        (REPORTED[0], "陳大文"),
        (REPORTED[3], "電飯煲"),
        (REPORTED[5], "煮飯不熟，按鍵失靈"),
    ):
        content = retyped(content, old, new)
    entry = told_of(here, "a.docx", content)
    assert (entry["outcome"], entry["code"], here.state()) == (
        "set_aside",
        "FB-not-this-case",
        "assigned",
    )
    one = retyped(here.filled("assignment"), REPORTED[0], "王曉明")
    assert told_of(here, "b.docx", one)["outcome"] == "step"


def test_decision_is_taken_once_and_only_among_the_forms_that_came(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    drop(here.place, "a.docx", here.filled("verification"))
    drop(here.place, "b.docx", here.filled("verification", CHANGES["fail"]))
    here.run()
    again = here.copy(tmp_path / "again")
    _, page = sheet_of(newest_summary(here), "待決")
    assert "採用丙" not in page.data_validations.dataValidation[0].formula1
    assert codes(decide(here, "採用甲", "黃淑芬"), "note") == ["FB-step-taken", "FB-decision-taken"]
    told = codes(decide_on(here, newest_summary(again), "採用乙", "黃淑芬"), "note")
    assert told == ["FB-decision-gone"]
    third = codes(decide_on(again, newest_summary(again), "採用丙", "黃淑芬"))
    assert (third, again.state()) == (["FB-decision-option"], "awaiting_verification")


def test_ledger_says_no_day_of_the_reply_before_the_verification(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "verified")
    entry = told_of(
        here, "早.xlsx", edited(here, "tracking_ledger", {"答覆日期": "2026-11-13"}, "王思妤")
    )
    assert (codes(entry), here.state()) == (["FB-edit-date"], "verified")
    told_of(
        here,
        "後.xlsx",
        edited(here, "tracking_ledger", {"答覆日期": here.today.isoformat()}, "王思妤"),
    )
    assert (here.state(), here.history()[-1].happened_on) == (
        "replied",
        here.today - dt.timedelta(days=1),
    )


def test_marks_that_nobody_of_us_has_made_are_not_believed(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    row = [
        REPORTED[0],
        "0999999999",
        *REPORTED[2:5],
        "插電後冒煙並有燒焦味，無法使用，請改寄到別處",
        "客廳",
    ]
    other = ["", *ALSO]
    drop(
        here.place,
        "customer/x.xlsx",
        sheet([[say(RESULT, "zh-Hant"), *HEADER], [f"已受理　{NUMBER}", *row], other]),
    )
    (entry,) = here.run().manifest["files"]
    assert "FB-marks-unproven" in codes(entry, "note")
    assert here.case().text("contact") == REPORTED[1]


# --- edited ledgers ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "name", "code"),
    [
        ({"問題類型": None}, "趙明遠", "FB-edit-emptied"),
        ({"嚴重程度": None}, "趙明遠", "FB-edit-emptied"),
        ({"問題類型": "易用性問題"}, "", "FB-edit-unsigned"),
        ({"問題類型": "易用性問題"}, "某外人", "FB-edit-stranger"),
        ({"嚴重程度": "一般", "備註": "已檢查"}, "謝承恩", "FB-edit-not-allowed"),
        ({"問題摘要": "已結案"}, "趙明遠", "FB-edit-protected"),
        ({"答覆日期": "2026-11-13"}, "趙明遠", "FB-edit-state"),
    ],
)
def test_refused_edit_says_where_and_comes_back_marked_and_changes_nothing(
    tmp_path: Path, changes: dict[str, Any], name: str, code: str
) -> None:
    here = bureau_in(tmp_path, "assigned")
    before = here.case()
    drop(here.place, "臺賬.xlsx", edited(here, "tracking_ledger", changes, name))
    result = here.run()
    entry = here.told(result, "臺賬.xlsx")
    assert (entry["outcome"], result.exit_code) == ("returned", ExitCode.RETURNED)
    item = next(f for f in entry["findings"] if f["code"] == code)
    assert item["sheet"]
    assert item["cell"]
    assert NUMBER in item["message"]
    assert not {"state", "assigned"} & set(re.findall("[a-z_]+", item["message"]))
    assert (here.case().type, here.case().severity, here.state()) == (
        before.type,
        before.severity,
        before.state,
    )
    (back,) = [path for path, told in here.documents() if told["kind"] == "returned"]
    marked = openpyxl.load_workbook(back)
    notes = {
        cell.coordinate: cell.comment.text
        for sheet in marked
        for row in sheet.iter_rows()
        for cell in row
        if cell.comment
    }
    assert item["cell"] in notes
    assert here.run().exit_code == ExitCode.DONE  # nothing stays behind


def test_corrected_copy_of_a_returned_ledger_is_taken_and_what_was_applied_is_not_applied_twice(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "assigned")
    drop(
        here.place,
        "臺賬.xlsx",
        edited(here, "tracking_ledger", {"責任人": "羅心怡", "問題類型": None}, "謝承恩"),
    )
    here.run()
    n_steps = len(here.history())
    (back,) = [path for path, told in here.documents() if told["kind"] == "returned"]
    book = openpyxl.load_workbook(back)
    for page in book.worksheets:
        for row in page.iter_rows():
            for cell in row:
                if cell.comment and not cell.value:
                    cell.value = "易用性問題"
    buffer = io.BytesIO()
    book.save(buffer)
    entry = told_of(here, "改.xlsx", buffer.getvalue())
    assert (entry["outcome"], sorted(codes(entry, "note"))) == (
        "step",
        ["FB-edit-same", "FB-edit-taken"],
    )
    assert (here.case().type, len(here.history())) == ("usability", n_steps + 1)


def test_two_sheets_of_one_workbook_that_say_otherwise_of_one_cell_change_nothing(
    tmp_path: Path,
) -> None:
    here = bureau_in(tmp_path, "assigned")
    path = newest_summary(here)
    book = openpyxl.load_workbook(path)
    for page, value in zip(book.worksheets[:2], ("易用性問題", "兼容性問題"), strict=True):
        header = next(row for row in page.iter_rows() if "反饋編號" in {cell.value for cell in row})
        at = {cell.value: cell.column for cell in header}
        page.cell(header[0].row + 1, at["問題類型"]).value = value
        signed(page, "趙明遠")
    buffer = io.BytesIO()
    book.save(buffer)
    before = here.case().type
    assert codes(told_of(here, "匯總.xlsx", buffer.getvalue())) == ["FB-edit-differs"]
    assert here.case().type == before


def test_second_ledger_of_a_run_that_says_otherwise_is_refused(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    for name, due in (("一.xlsx", "2026-12-24"), ("二.xlsx", "2026-12-25")):
        drop(here.place, name, edited(here, "tracking_ledger", {"處理期限": due}, "謝承恩"))
    result = here.run()
    assert [codes(f) for f in result.manifest["files"]] in (
        [[], ["FB-edit-differs"]],
        [["FB-edit-differs"], []],
    )


# --- nothing stops a run ---


_OF_ROWS = (
    "submission",
    "sheet",
    "matter",
    "case_",
    "classification",
    "ruling",
    "transition",
    "fingerprint",
    "kin",
    "open_matter",
)
_OF_FORMS = ("submission", "correspondence", "transition")


def poisoned(place: Path, table: str) -> None:
    """From now on, no file whose name holds `bad` can write into a table: some constraint of it does not hold."""
    is_bad = "(SELECT name FROM file ORDER BY id DESC LIMIT 1) LIKE '%bad%'"
    broken = "NOT NULL constraint failed"
    with contextlib.closing(shop_of(place).ledger()) as ledger, ledger.writing() as connection:
        if connection.dialect.name == "sqlite":
            trigger = f"WHEN {is_bad} BEGIN SELECT RAISE(ABORT, '{broken}'); END"
        else:
            fails = f"RAISE not_null_violation USING MESSAGE = '{broken}'"
            body = f"BEGIN IF {is_bad} THEN {fails}; END IF; RETURN NEW; END"
            function = f"CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
            connection.execute(sa.text(function))
            trigger = "FOR EACH ROW EXECUTE FUNCTION poison()"
        connection.execute(sa.text(f"CREATE TRIGGER poison BEFORE INSERT ON {table} {trigger}"))


@pytest.mark.slow
@pytest.mark.parametrize("table", _OF_ROWS)
def test_constraint_that_one_file_breaks_is_that_files_outcome_tonight_and_tomorrow(
    tmp_path: Path, table: str
) -> None:
    place = workspace(tmp_path)
    run(place, "2026-11-20")
    poisoned(place, table)
    for day in ("2026-11-23", "2026-11-24"):
        drop(
            place,
            f"customer/bad {day}.csv",
            delimited([HEADER, [*REPORTED[:5], f"{day} 冒煙", "客廳"]]),
        )
        drop(
            place,
            f"customer/good {day}.csv",
            delimited([HEADER, [*ALSO[:5], f"{day} 按鍵失靈", "書房"]]),
        )
        result = run(place, day)
        told = {
            f["name"].split("/")[1].split()[0]: (f["outcome"], f["code"])
            for f in result.manifest["files"]
        }
        assert told == {"good": ("accepted", None), "bad": ("quarantined", "FB-not-recorded")}
        assert result.exit_code == ExitCode.RETURNED


@pytest.mark.parametrize("table", _OF_FORMS)
def test_constraint_that_one_form_breaks_leaves_its_case_where_it_is(
    tmp_path: Path, table: str
) -> None:
    here = bureau(tmp_path, REPORTED, ALSO)
    poisoned(here.place, table)
    drop(here.place, "bad.docx", here.filled("assignment"))
    drop(here.place, "good.docx", here.filled("assignment", number=OTHER))
    result = here.run()
    assert {f["name"]: (f["outcome"], f["code"]) for f in result.manifest["files"]} == {
        "bad.docx": ("quarantined", "FB-not-recorded"), "good.docx": ("step", None),
    }  # fmt: skip
    assert (here.state(), here.state(OTHER), here.run().exit_code) == (
        "assigned",
        "accepted",
        ExitCode.DONE,
    )


def test_constraint_that_a_mailed_form_breaks_is_the_mails_outcome(tmp_path: Path) -> None:
    here = bureau(tmp_path, REPORTED, ALSO)
    poisoned(here.place, "waiting_form")
    drop(
        here.place,
        "bad.eml",
        mail("附上", sender=STRANGER, files={"受理.docx": here.filled("assignment")}),
    )
    drop(here.place, "good.docx", here.filled("assignment", number=OTHER))
    told = {f["name"]: (f["outcome"], f["code"]) for f in here.run().manifest["files"]}
    assert told == {"bad.eml": ("quarantined", "FB-not-recorded"), "good.docx": ("step", None)}


@pytest.mark.parametrize(
    ("sender", "exit_code"), [(STRANGER, ExitCode.DONE), (LEADER_MAIL, ExitCode.RETURNED)]
)
def test_what_a_stranger_mails_makes_no_night_exit_1(
    tmp_path: Path, sender: str, exit_code: ExitCode
) -> None:
    here = bureau_in(tmp_path, "assigned")
    drop(
        here.place,
        "m.eml",
        mail(
            "附上",
            sender=sender,
            files={"壞.xlsx": b"PK\x03\x04 torn", "表.docx": b"PK\x03\x04 torn"},
        ),
    )
    assert here.run().exit_code == exit_code


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="the worker is found by its parent in /proc"
)
def test_form_whose_worker_died_keeps_its_turn(tmp_path: Path) -> None:
    here, later = bureau_in(tmp_path / "a", "assigned"), bureau_in(tmp_path / "b", "accepted")
    drop(here.place, "1 措施.docx", later.filled("measures"))
    drop(here.place, "2 受理.docx", here.filled("assignment"))
    command = [
        sys.executable,
        "-m",
        "fbbatch",
        "run",
        "--as-of",
        "2026-11-16",
        "--jobs",
        "1",
        "-q",
        "-w",
        str(here.place),
    ]
    environment = {**os.environ, "FBBATCH_FAILPOINT": "parsing:1:sleep"}
    with subprocess.Popen(command, env=environment, cwd=REPOSITORY) as started:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        end = time.monotonic() + 60
        while time.monotonic() < end and not (found := children.read_text().split()):
            time.sleep(0.02)
        time.sleep(0.5)  # it sleeps over the first file, the measures
        os.kill(int(found[0]), signal.SIGKILL)
        assert started.wait(timeout=60) == ExitCode.DONE
    assert here.state() == "planned"


# --- what an attack has found ---


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", dt.datetime(9999, 12, 31)])
def test_day_that_no_calendar_has_is_refused_and_stops_no_run(tmp_path: Path, day: Any) -> None:
    here = bureau_in(tmp_path, "assigned")
    entry = told_of(here, "a.xlsx", edited(here, "tracking_ledger", {"處理期限": day}, "謝承恩"))
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-not-date"])
    assert here.run().exit_code == ExitCode.DONE


def test_hold_that_is_over_before_it_begins_is_refused(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "planned")
    entry = told_of(
        here,
        "a.xlsx",
        edited(here, "tracking_ledger", {"暫停原因及至何日": "等樣品，至 2020-01-01"}, "謝承恩"),
    )
    assert (codes(entry), here.state()) == (["FB-edit-hold"], "planned")


def test_long_number_in_a_plan_holds_nobody_up(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "accepted")
    assert (
        told_of(here, "a.docx", here.filled("measures", {"solution": "1" * 300 + "甲"}))["outcome"]
        == "step"
    )


def test_marks_speak_only_of_rows_of_the_file_that_went_back(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    drop(
        here.place,
        "customer/我的.xlsx",
        sheet([HEADER, ["", *ALSO[1:]], [*REPORTED[:5], "按鍵失靈", "書房"]]),
    )
    here.run()
    (back,) = [path for path, told in here.documents() if told["kind"] == "returned"]
    book = openpyxl.load_workbook(back)
    page = next(p for p in book.worksheets if any(cell.value == HEADER[0] for cell in p[1]))
    at = {cell.value: cell.column for cell in page[1]}
    page.cell(2, at[say(RESULT, "zh-Hant")]).value = f"已受理　{NUMBER}"
    for label, value in zip(
        HEADER, [REPORTED[0], "attacker@example.com", *REPORTED[2:]], strict=True
    ):
        page.cell(2, at[label]).value = value
    buffer = io.BytesIO()
    book.save(buffer)
    drop(here.place, "customer/又.xlsx", buffer.getvalue())
    here.run()
    assert here.case().text("contact") == REPORTED[1]


def test_mail_of_a_stranger_in_a_zip_is_still_a_strangers(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    rows = delimited([HEADER, [REPORTED[0], "0999999999", *REPORTED[2:]]])
    drop(
        here.place,
        "customer/z.zip",
        zipped({"m.eml": mail("附上", sender=STRANGER, files={"十一月.csv": rows})}),
    )
    here.run()
    assert here.case().text("contact") == REPORTED[1]


def test_plan_of_one_department_is_not_handed_in_as_anothers(tmp_path: Path) -> None:
    here = wide_bureau(tmp_path)
    here.hand_in("assignment")
    other = next(d for d in here.case().cooperating)
    content = next(
        path for path, told in here.forms("measures") if told["department"] == other
    ).read_bytes()
    day = (here.today + dt.timedelta(days=1)).isoformat()
    lead = here.book.department(here.case().department, "zh-Hant")
    entry = told_of(
        here, "a.docx", fill(content, examples(here.book, "measures", day) | {"department": lead})
    )
    assert (entry["outcome"], entry["code"], here.state()) == (
        "set_aside",
        "FB-code-wrong",
        "accepted",
    )


def test_name_on_a_sheet_without_cases_signs_nothing(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    book = openpyxl.load_workbook(io.BytesIO(edited(here, "tracking_ledger", {"優先級": "P1"}, "")))
    book["填寫說明"]["A30"] = "修改人：趙明遠"
    buffer = io.BytesIO()
    book.save(buffer)
    assert codes(told_of(here, "a.xlsx", buffer.getvalue())) == ["FB-edit-unsigned"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.zip", "z.zip"])
def test_contradiction_is_seen_also_in_a_large_zip_whatever_its_name(
    tmp_path: Path, name: str
) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    many = delimited(
        [
            HEADER,
            *(
                [f"客戶{n}", f"139{n:08d}", *REPORTED[2:5], f"第 {n} 台" + "按鍵失靈" * 60, "書房"]
                for n in range(400)
            ),
        ]
    )
    drop(here.place, name, zipped({"customer.csv": many, "v.docx": here.filled("verification")}))
    drop(here.place, "b.docx", here.filled("verification", CHANGES["fail"]))
    result = here.run()
    told = {f["name"]: f["code"] for f in result.manifest["files"]}
    assert (told[f"{name}/v.docx"], told["b.docx"], here.state()) == (
        *["FB-step-contradiction"] * 2,
        "awaiting_verification",
    )


def test_form_that_is_in_one_file_twice_with_different_answers_goes_back(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    first, second = (
        docx.Document(io.BytesIO(here.filled("verification", changes)))
        for changes in ({}, CHANGES["fail"])
    )
    for element in list(second.element.body)[:-1]:
        first.element.body.insert(-1, element)
    buffer = io.BytesIO()
    first.save(buffer)
    entry = told_of(here, "a.docx", buffer.getvalue())
    assert (entry["outcome"], "FB-answered-twice" in codes(entry), here.state()) == (
        "returned",
        True,
        "awaiting_verification",
    )


def test_waiting_form_that_said_otherwise_is_told_when_its_step_is_taken(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "awaiting_verification")
    drop(
        here.place,
        "m.eml",
        mail(
            "附上", sender=STRANGER, files={"v.docx": here.filled("verification", CHANGES["fail"])}
        ),
    )
    here.run()
    entry = told_of(here, "b.docx", here.filled("verification"))
    assert (entry["outcome"], codes(entry)) == ("step", ["FB-decision-passed"])


def test_former_responsible_person_does_not_verify(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "planned")
    for number, name in enumerate(("黃俊傑", "羅心怡")):
        told_of(here, f"{number}.xlsx", edited(here, "tracking_ledger", {"責任人": name}, "謝承恩"))
    told_of(here, "r.docx", here.filled("result"))
    entry = told_of(here, "v.docx", here.filled("verification", {"verified_by": "黃俊傑"}))
    assert (entry["outcome"], codes(entry)) == ("returned", ["FB-verifier-not-independent"])


def test_older_ledger_does_not_write_over_what_a_newer_one_has_said(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    first, second = (
        edited(here, "tracking_ledger", {"處理期限": day}, "謝承恩")
        for day in ("2026-12-24", "2026-12-31")
    )
    assert told_of(here, "一.xlsx", first)["outcome"] == "step"
    entry = told_of(here, "二.xlsx", second)
    assert (codes(entry), str(here.case().due_on)) == (["FB-edit-differs"], "2026-12-24")


def test_number_of_an_issue_that_is_no_number_loses_no_worker(tmp_path: Path) -> None:
    here = bureau_in(tmp_path, "assigned")
    entry = told_of(here, "a.docx", with_properties(here.filled("assignment"), issue="9" * 25))
    assert (entry["outcome"], here.state()) == ("step", "accepted")  # its foot tells the issue
