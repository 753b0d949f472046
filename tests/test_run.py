"""The batch from the inbox to the outbox: real files, a real ledger, real documents."""

import contextlib
import datetime as dt
import hashlib
import io
import json
import os
import random
import re
import sqlite3
import zipfile
from pathlib import Path
from urllib.parse import unquote

import openpyxl
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbbatch import batch, inbox, outbox
from fbbatch.batch import RunResult
from fbbatch.errors import BusyError, ExitCode, StorageError
from fbbatch.intake import Taking
from fbbatch.publish.edition import Edition
from fbbatch.render.blocks import clean
from tests.builders import (
    CUSTOMER,
    GOOD,
    cells,
    codes,
    counts,
    delimited,
    drop,
    mail,
    ods,
    people,
    rehearse,
    run,
    sheet,
    shop_of,
    tree,
    workbook,
    workspace,
    xls,
)

TROUBLE = GOOD.replace("2026-11-05", "昨天下午").replace("王小明", "李美玲")


@pytest.fixture(autouse=True)
def _private_by_default() -> None:
    os.umask(0o077)  # as every command does


def ledger(place: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection:
        return connection.execute(query).fetchall()


def outcomes(result: RunResult) -> dict[str, str]:
    return {file["name"]: file["outcome"] for file in result.manifest["files"]}


def documents(result: RunResult, kind: str) -> list[Path]:
    assert result.folder is not None
    return [result.folder / d["path"] for d in result.manifest["documents"] if d["kind"] == kind]


def published(place: Path) -> dict[str, str]:
    """The outbox without modes: what is in it, by sha256."""
    return {name: sha for name, (_, sha) in tree(place / "outbox").items()}


def pdf_text(path: Path) -> str:
    file = pypdfium2.PdfDocument(path)
    try:
        return "".join(page.get_textpage().get_text_bounded() for page in file)
    finally:
        file.close()


# --- the main job ---


@pytest.mark.slow
def test_questionnaire_of_400_rows_with_23_bad_ones(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[severe]")
    table = cells(people(400))
    bad = random.Random(7).sample(range(1, 401), 23)
    for n, row in enumerate(bad):
        table[row][n % 7] = None  # an answer left empty
    good = next(n for n in range(1, 401) if n not in bad)
    table[good][5] = "插电后冒烟，有烧焦味"
    drop(
        place,
        "十一月问卷.xlsx",
        sheet(table, above=[["产品使用情况问卷（导出）"], [None, "导出时间", "2026-11-20"], []]),
    )
    result = run(place)
    assert counts(result) == (400, 377, 23, 0, 0)
    assert result.exit_code == ExitCode.RETURNED
    assert outcomes(result) == {"十一月问卷.xlsx": "partly"}
    errors = {
        (f["code"], f["row"])
        for f in result.manifest["files"][0]["findings"]
        if f["severity"] == "error"
    }
    assert errors == {("FB-blank", row + 4) for row in bad}  # the header stands in row 4
    assert len({case["number"] for case in result.manifest["cases"]}) == 377
    assert [case["severity"] for case in result.manifest["cases"]].count("severe") == 1
    assert ledger(
        place, "SELECT outcome, count(*) FROM submission GROUP BY outcome ORDER BY outcome"
    ) == [
        ("accepted", 377),
        ("returned", 23),
    ]
    assert (
        len(documents(result, "case_report")) == len(documents(result, "escalation")) == 2
    )  # Word and PDF
    page = openpyxl.load_workbook(
        next(p for p in documents(result, "summary") if p.suffix == ".xlsx")
    ).worksheets[0]
    assert (
        sum(1 for row in page.iter_rows(values_only=True) if str(row[1]).startswith("FB-")) == 377
    )
    (receipt,) = documents(result, "receipt")
    told = [
        row
        for row in openpyxl.load_workbook(receipt).worksheets[1].iter_rows(values_only=True)
        if row[-1] == "FB-blank"
    ]
    assert len(told) == 23

    rehearsed = rehearse(place, files=[drop(place, "again.csv", delimited(table))])
    assert counts(rehearsed) == (400, 0, 23, 377, 0)


def test_corrected_rows_dropped_again_make_only_the_missing_cases(place: Path) -> None:
    drop(place, "客户/问卷.xlsx", sheet(f"{CUSTOMER}\n{GOOD}\n{TROUBLE}"))
    assert counts(run(place)) == (2, 1, 1, 0, 0)
    drop(
        place,
        "客户/问卷.xlsx",
        sheet(f"{CUSTOMER}\n{GOOD}\n{TROUBLE.replace('昨天下午', '2026-11-19')}"),
    )
    result = run(place)
    assert counts(result) == (2, 1, 0, 1, 0)
    assert codes(result) == [("FB-same-row", 2, None), ("FB-alike", 3, None)]
    assert [case["number"] for case in result.manifest["cases"]] == ["FB-20261120-0002"]


def test_dropping_the_same_again_makes_nothing_new(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(3)))
    first = run(place)
    before = ledger(place, "SELECT count(*), max(number) FROM matter")
    drop(place, "a.xlsx", sheet(people(3)))
    drop(place, "other name.xlsx", sheet(people(3)))
    drop(place, "as text.csv", delimited(people(3)))
    again = run(place)
    assert outcomes(again) == {
        "a.xlsx": "duplicate",
        "other name.xlsx": "duplicate",
        "as text.csv": "duplicate",
    }
    assert counts(again) == (9, 0, 0, 9, 0)
    assert again.exit_code == ExitCode.DONE
    assert ledger(place, "SELECT count(*), max(number) FROM matter") == before
    assert again.manifest["cases"] == []
    assert counts(first) == (3, 3, 0, 0, 0)


def test_same_bytes_under_two_names_in_one_run_are_taken_once(place: Path) -> None:
    for name in ("a.xlsx", "b.xlsx", "客户/c.xlsx"):
        drop(place, name, sheet(people(2)))
    result = run(place)
    assert counts(result) == (6, 2, 0, 4, 0)
    assert sorted(outcomes(result).values()) == ["accepted", "duplicate", "duplicate"]
    assert codes(result) == [("FB-same-file", None, None)] * 2
    assert len(list((place / "archive").rglob("*.xlsx"))) == 3


def test_same_row_in_two_files_of_one_run_is_one_case(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(3)))
    drop(place, "b.csv", delimited(people(4)))
    assert counts(run(place)) == (7, 4, 0, 3, 0)


def test_same_rows_on_two_sheets_of_one_file_are_recorded_and_noted(place: Path) -> None:
    table = cells(f"{CUSTOMER}\n{GOOD}")
    drop(place, "a.xlsx", workbook({"一": table, "二": table, "三": [row[::-1] for row in table]}))
    result = run(place)
    assert counts(result) == (3, 3, 0, 0, 0)
    assert [code for code, *_ in codes(result)] == ["FB-twice", "FB-twice"]


def test_all_three_sources_in_one_run(place: Path) -> None:
    drop(place, "客户/a.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    drop(
        place,
        "员工/b.csv",
        delimited(
            "| 反馈人姓名 | 部门 | 反馈时间 | 产品 | 型号 | 问题详情 | 可能原因 | 发现地点 |\n| 郭志强 | 研发部 | 2026年11月5日 14:10 | 智能音箱 | X-1 | 老化测试中电源板过热 | 散热不足 | 实验室 |",
            encoding="gb18030",
        ),
    )
    drop(
        place,
        "合作伙伴/c.xlsx",
        sheet(
            "| 合作伙伴名称 | 反馈人 | 日期 | 产品名称及型号 | 问题或建议内容 |\n| 大华电器行 | 刘经理 | 2026-11-05 | 智能音箱 X-2 | 建议外箱加印防潮标示 |"
        ),
    )
    result = run(place)
    assert [(f["name"], f["schema"], f["outcome"]) for f in result.manifest["files"]] == [
        ("合作伙伴/c.xlsx", "partner", "accepted"), ("员工/b.csv", "employee", "accepted"), ("客户/a.xlsx", "customer", "accepted")
    ]  # fmt: skip
    assert {case["source"] for case in result.manifest["cases"]} == {
        "customer",
        "employee",
        "partner",
    }


# --- one bad file never stops the others ---


def test_bad_files_are_quarantined_or_returned_and_good_ones_taken(tmp_path: Path) -> None:
    place = workspace(tmp_path, limits="{cpu_seconds: 2, wall_seconds: 5}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<w/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 3_000_000)
    drop(place, "1 bomb.xlsx", buffer.getvalue())
    drop(place, "2 picture.xlsx", b"\x89PNG\r\n\x1a\n" + b"\x00" * 100)
    drop(place, "3 cut.xlsx", sheet(people(3))[:900])
    drop(place, "4 empty.csv", b"")
    drop(
        place,
        "5 locked.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\x00" * 504
        + "EncryptedPackage".encode("utf-16-le"),
    )
    drop(place, "6 foreign.csv", b"a,b,c\n1,2,3\n")
    drop(place, "7 good.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    result = run(place)
    assert [(f["name"][0], f["outcome"], f["code"]) for f in result.manifest["files"]] == [
        ("1", "quarantined", "FB-limit-zip-ratio"),
        ("2", "quarantined", "FB-not-readable"),
        ("3", "quarantined", "FB-broken"),
        ("4", "returned", "FB-empty-file"),
        ("5", "quarantined", "FB-encrypted"),
        ("6", "returned", "FB-no-header"),
        ("7", "accepted", None),
    ]
    assert counts(result) == (1, 1, 0, 0, 0)
    assert result.exit_code == ExitCode.RETURNED
    assert {p.name for p in (place / "archive/quarantined").rglob("*.*")} == {
        "1 bomb.xlsx",
        "2 picture.xlsx",
        "3 cut.xlsx",
        "5 locked.xlsx",
    }


def test_file_that_kills_its_reader_is_quarantined(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fbbatch import judge

    honest = judge.Judge.judge

    def deadly(self, task):
        if task.path.name.startswith("deadly"):
            os.abort()
        return honest(self, task)

    monkeypatch.setattr(judge.Judge, "judge", deadly)
    drop(place, "deadly.xlsx", sheet(people(1)))
    drop(place, "good.xlsx", sheet(people(2)))
    result = run(place)
    if os.name != "posix":
        pytest.skip("only a forked worker knows of the change")
    assert outcomes(result) == {"deadly.xlsx": "quarantined", "good.xlsx": "accepted"}
    assert result.manifest["files"][0]["code"] == "FB-too-expensive"


@pytest.mark.skipif(
    not hasattr(os, "register_at_fork"), reason="only a forked worker knows of the change"
)
def test_workbook_that_kills_the_first_reader_is_taken_by_the_second(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fbbatch.read import workbook as reader

    class Deadly:
        @staticmethod
        def from_filelike(_: object) -> None:
            os.abort()

    monkeypatch.setattr(reader, "CalamineWorkbook", Deadly)
    drop(place, "1.xlsx", sheet(people(2)))
    drop(place, "2.xls", xls(cells(people(3))))
    drop(place, "3.eml", mail("请查收", files={"a.xlsx": sheet(people(4))}))
    drop(place, "4.ods", ods(people(5)))
    result = run(place)
    told = {f["name"]: (f["outcome"], f["accepted"], f["code"]) for f in result.manifest["files"]}
    assert told == {
        "1.xlsx": ("accepted", 2, None),
        "2.xls": ("accepted", 1, None),
        "3.eml": ("accepted", 0, None),
        "3.eml/a.xlsx": ("accepted", 1, None),
        "4.ods": ("quarantined", 0, "FB-too-expensive"),
    }
    assert [code for code, *_ in codes(result)].count("FB-one-reader") == 3


@pytest.mark.skipif(
    not hasattr(os, "register_at_fork"), reason="only a forked worker knows of the change"
)
def test_file_that_uses_up_its_time_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fbbatch import judge

    honest = judge.Judge.judge

    def slow(self, task):
        while not task.second:
            pass
        return honest(self, task)

    monkeypatch.setattr(judge.Judge, "judge", slow)
    place = workspace(tmp_path, limits="{cpu_seconds: 1}")
    drop(place, "a.xlsx", sheet(people(1)))
    assert run(place).manifest["files"][0]["code"] == "FB-too-expensive"


def test_returned_file_is_judged_anew_once_the_administrator_has_taught_its_header(
    place: Path,
) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER.replace('姓名', '尊姓大名')}\n{GOOD}"))
    assert counts(run(place)) == (1, 0, 1, 0, 0)
    file = place / "schemas/sources/customer.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("aliases: [姓名,", "aliases: [尊姓大名, 姓名,", 1),
        encoding="utf-8",
    )
    drop(place, "a.xlsx", sheet(f"{CUSTOMER.replace('姓名', '尊姓大名')}\n{GOOD}"))
    assert counts(run(place)) == (1, 1, 0, 0, 0)


def test_quarantined_file_is_read_once_the_limit_is_raised(tmp_path: Path) -> None:
    place = workspace(tmp_path, limits="{rows: 2}")
    drop(place, "a.csv", delimited(people(5)))
    assert outcomes(run(place)) == {"a.csv": "quarantined"}
    file = place / "fbbatch.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("{rows: 2}", "{rows: 9}"), encoding="utf-8"
    )
    drop(place, "a.csv", delimited(people(5)))
    assert counts(run(place)) == (5, 5, 0, 0, 0)


# --- the manifest ---


def test_manifest_has_the_contracts_keys_exactly(place: Path) -> None:
    drop(
        place, "a.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('蓝牙经常断开', '插头漏电')}\n{TROUBLE}")
    )
    result = run(place)
    assert result.folder is not None
    manifest = json.loads((result.folder / "manifest.json").read_bytes())
    assert manifest == result.manifest
    assert set(manifest) == {
        "run",
        "as_of",
        "version",
        "counts",
        "files",
        "ignored",
        "cases",
        "documents",
    }
    assert set(manifest["counts"]) == {
        "files",
        "rows",
        "accepted",
        "returned",
        "duplicate",
        "set_aside",
    }
    (file,) = manifest["files"]
    assert set(file) == {
        "name",
        "sha256",
        "bytes",
        "schema",
        "outcome",
        "code",
        "rows",
        "accepted",
        "returned",
        "duplicate",
        "set_aside",
        "archived",
        "findings",
    }
    (found,) = file["findings"]
    assert set(found) == {"code", "severity", "sheet", "row", "column", "cell", "field", "message"}
    assert (
        found["code"],
        found["sheet"],
        found["row"],
        found["column"],
        found["cell"],
        found["field"],
    ) == (
        "FB-not-date",
        "Sheet1",
        3,
        3,
        "C3",
        "reported_at",
    )
    (case,) = manifest["cases"]
    assert case == {
        "number": "FB-20261120-0001",
        "state": "assigned",
        "source": "customer",
        "type": "quality",
        "severity": "severe",
        "department": "quality",
    }
    assert {tuple(sorted(d)) for d in manifest["documents"]} == {
        (
            "case",
            "department",
            "file",
            "form",
            "kind",
            "matter",
            "media_type",
            "number",
            "path",
            "period",
            "sha256",
        )
    }
    assert {d["kind"] for d in manifest["documents"]} == {
        "case_report", "escalation", "impact", "assignment", "inspection", "tracking_ledger", "summary", "receipt",
        "returned",
    }  # fmt: skip
    assert (manifest["run"], manifest["as_of"]) == ("20261120-001", "2026-11-20T23:00:00+08:00")


def test_manifest_marks_the_documents_that_come_back_as_forms(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('蓝牙经常断开', '插头漏电')}"))
    listed = run(place).manifest["documents"]
    assert {
        d["form"] for d in listed if d["kind"] == "escalation" and d["path"].endswith(".docx")
    } == {True}
    assert {
        d["form"]
        for d in listed
        if d["kind"] in {"summary", "tracking_ledger"} and d["path"].endswith(".xlsx")
    } == {True}
    assert {
        d["form"]
        for d in listed
        if d["kind"] in {"case_report", "receipt"} or d["path"].endswith(".pdf")
    } == {False}


def test_every_document_is_in_the_outbox_with_the_bytes_the_manifest_names(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(2)))
    result = run(place)
    assert result.folder is not None
    listed = {d["path"]: d["sha256"] for d in result.manifest["documents"]}
    found = {
        p.relative_to(result.folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in result.folder.rglob("*")
        if p.is_file()
    }
    assert set(found) - set(listed) == {"index.html", "manifest.json"}
    assert "receipt.xlsx" in listed
    assert {path: found.get(path) for path in listed} == listed


def test_page_links_to_every_document_and_original(place: Path) -> None:
    drop(place, "客户/a b&c#1.xlsx", sheet(people(1)))
    result = run(place)
    assert result.folder is not None
    for page in (result.folder / "index.html", place / "outbox/latest/index.html"):
        text = page.read_text(encoding="utf-8")
        base = re.search(r'<base href="([^"]+)"', text)
        links = [unquote(link) for link in re.findall(r'<a href="([^"]+)"', text)]
        assert links
        assert [
            link for link in links if not (page.parent / (base[1] if base else "") / link).exists()
        ] == []


def test_latest_holds_the_newest_receipt_and_summary(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    run(place, "2026-11-19")
    newest = run(place, "2026-11-20")
    assert newest.folder is not None
    latest = place / "outbox/latest"
    assert json.loads((latest / "manifest.json").read_bytes())["run"] == "20261120-001"
    names = {p.name for p in latest.iterdir()}
    assert {"receipt.xlsx", "index.html"} <= names
    assert any("2026-11-20" in name for name in names)
    assert not any("2026-11-19" in name for name in names)


# --- originals, modes ---


def test_originals_are_archived_byte_for_byte_and_the_inbox_is_empty(place: Path) -> None:
    content = {
        "客户/a.xlsx": sheet(people(2)),
        "b.csv": delimited(f"{CUSTOMER}\n{TROUBLE}"),
        "c.xlsx": b"\x89PNG\r\n\x1a\n\x00",
    }
    for name, data in content.items():
        drop(place, name, data)
    result = run(place)
    assert {
        f["name"]: (place / f["archived"]).read_bytes() for f in result.manifest["files"]
    } == content
    assert [f["archived"].split("/")[1] for f in result.manifest["files"]] == [
        "returned",
        "quarantined",
        "accepted",
    ]
    assert [p for p in (place / "inbox").rglob("*") if p.is_file() and p.name != "README.txt"] == []


def test_files_of_the_same_name_never_take_each_others_place_in_the_archive(place: Path) -> None:
    contents = []
    for n in range(3):
        contents.append(sheet(people(n + 1)))
        drop(place, "客户/a.xlsx", contents[-1])
        run(place)
    assert sorted(p.read_bytes() for p in (place / "archive").rglob("*.xlsx")) == sorted(contents)


def test_everything_personal_is_for_its_owner_only(place: Path) -> None:
    drop(place, "客户/a.xlsx", sheet(people(1))).chmod(0o644)
    drop(place, "b.csv", delimited(f"{CUSTOMER}\n{TROUBLE}"))
    run(place)
    loose = {name: oct(mode) for name, (mode, _) in tree(place).items() if mode & 0o077}
    assert loose == {}


def test_folders_are_private_whatever_the_umask(place: Path) -> None:
    drop(place, "客户/a.xlsx", sheet(people(1)))
    os.umask(0)
    run(place)
    loose = {
        name: oct(mode)
        for name, (mode, _) in tree(place).items()
        if mode & 0o077 and name.split("/")[0] in {"archive", "outbox", ".fbbatch"}
    }
    assert loose == {}


# --- days ---


def test_day_without_feedback_gets_a_zero_report(place: Path) -> None:
    result = run(place)
    assert (result.exit_code, counts(result), result.manifest["files"]) == (
        ExitCode.DONE,
        (0, 0, 0, 0, 0),
        [],
    )
    pdf, xlsx = sorted(documents(result, "summary"))
    assert "本日无反馈（零报告）" in pdf_text(pdf)
    assert any(
        "本日无反馈（零报告）" in row
        for row in openpyxl.load_workbook(xlsx).worksheets[0].iter_rows(values_only=True)
    )


def test_missed_working_days_get_their_zero_reports(place: Path) -> None:
    run(place, "2026-09-30")
    result = run(place, "2026-10-12")
    periods = {d["period"] for d in result.manifest["documents"] if d["kind"] == "summary"}
    assert periods == {
        "2026-10-08",
        "2026-10-09",
        "2026-10-10",
        "2026-10-12",
    }  # the 10th is a Saturday made up


def test_day_off_without_feedback_gets_no_report_and_with_feedback_it_does(place: Path) -> None:
    assert documents(run(place, "2026-11-21"), "summary") == []
    drop(place, "a.xlsx", sheet(people(1)))
    assert len(documents(run(place, "2026-11-22"), "summary")) == 2


def test_every_day_is_reported_where_the_company_wants_it(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    file = place / "fbbatch.yaml"
    file.write_text(
        re.sub(r"daily_summary: \w+", "daily_summary: every_day", file.read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    run(place, "2026-11-20")
    assert {
        d["period"]
        for d in run(place, "2026-11-22").manifest["documents"]
        if d["kind"] == "summary"
    } == {"2026-11-21", "2026-11-22"}


def test_second_run_of_a_day_sums_up_the_whole_day(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    run(place)
    drop(place, "b.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    result = run(place)
    assert result.manifest["run"] == "20261120-002"
    page = openpyxl.load_workbook(
        next(p for p in documents(result, "summary") if p.suffix == ".xlsx")
    ).worksheets[0]
    assert [
        row[1] for row in page.iter_rows(values_only=True) if str(row[1]).startswith("FB-")
    ] == ["FB-20261120-0001", "FB-20261120-0002"]


def test_case_numbers_go_on_and_are_never_used_twice(place: Path) -> None:
    for n, day in enumerate(("2026-11-19", "2026-11-20", "2026-11-19")):
        drop(
            place,
            f"{n}.xlsx",
            sheet(
                f"{CUSTOMER}\n{GOOD.replace('王小明', f'甲{n}').replace('13800001111', f'1380000222{n}')}"
            ),
        )
        run(place, day)
    assert [n for (n,) in ledger(place, "SELECT number FROM matter ORDER BY id")] == [
        "FB-20261119-0001",
        "FB-20261120-0001",
        "FB-20261119-0002",
    ]


def test_feedback_dated_after_the_as_of_day_goes_back(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('2026-11-05', '2026-11-21')}"))
    assert codes(run(place)) == [("FB-date-after", 2, "reported_at")]


def test_due_date_follows_the_mainland_calendar_of_the_workspace(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('2026-11-05', '2026-09-30')}"))
    run(place, "2026-09-30")
    assert ledger(place, "SELECT due_on FROM transition WHERE due_on IS NOT NULL") == [
        ("2026-10-13",)
    ]


# --- runs that meet, runs that die ---


def test_second_run_at_the_same_time_is_told_so_and_touches_nothing(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    seen: list[type] = []

    def meanwhile(*_: object) -> None:
        with pytest.raises(BusyError):
            run(place)
        seen.append(BusyError)

    result = run(place, progress=meanwhile)
    assert seen
    assert counts(result) == (1, 1, 0, 0, 0)
    assert ledger(place, "SELECT count(*) FROM run") == [(1,)]


def test_lock_of_a_run_that_is_gone_holds_nobody_up(place: Path) -> None:
    (place / ".fbbatch/lock").write_text("", encoding="utf-8")
    (place / ".fbbatch/owner.json").write_text('{"pid": 1}', encoding="utf-8")
    assert run(place).exit_code == ExitCode.DONE


class _PowerCut(BaseException):
    pass


def cut(*_: object, **__: object) -> None:
    raise _PowerCut


STEPS = {
    "while taking files": (Taking, "record_judged"),
    "before printing": (Edition, "publish"),
    "while printing": (Edition, "print_receipt"),
    "before the manifest": (outbox.Draft, "manifest"),
    "before the rename": (outbox.Draft, "publish"),
    "before latest": (outbox, "refresh_latest"),
    "before archiving": (inbox, "archive"),
    "before closing": (batch.Ledger, "close_run"),
}


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_run_that_dies_is_finished_by_the_next_as_if_nothing_had_happened(
    tmp_path: Path, step: str
) -> None:
    def prepare(name: str) -> Path:
        place = workspace(tmp_path / name)
        run(place, "2026-11-17")  # so that the night in question has missed days to make good
        drop(place, "客户/a.xlsx", sheet(f"{CUSTOMER}\n{GOOD}\n{TROUBLE}"))
        drop(place, "b.csv", delimited(f"{CUSTOMER}\n{GOOD.replace('蓝牙经常断开', '插头漏电')}"))
        return place

    calm, rough = prepare("calm"), prepare("rough")
    expected = run(calm)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*STEPS[step], cut)
        with pytest.raises(_PowerCut):
            run(rough)
    result = run(rough)
    assert result.manifest == expected.manifest
    assert published(rough) == published(calm)
    assert {n: s for n, (_, s) in tree(rough / "archive").items()} == {
        n: s for n, (_, s) in tree(calm / "archive").items()
    }
    tables = (
        "file",
        "submission",
        "case_",
        "transition",
        "finding",
        "document",
        "fingerprint",
        "summary_day",
    )
    assert [ledger(rough, f"SELECT * FROM {name}") for name in tables] == [
        ledger(calm, f"SELECT * FROM {name}") for name in tables
    ]
    assert list((rough / ".fbbatch/work").iterdir()) == []


def test_run_asked_to_stop_ends_after_the_file_in_hand_and_is_finished_later(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    drop(place, "b.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    told: list[str] = []
    with pytest.raises(batch.InterruptedRunError, match="after the file in hand"):
        run(place, progress=lambda what, *_: told.append(what), should_stop=lambda: bool(told))
    assert ledger(place, "SELECT name FROM file") == [("a.xlsx",)]
    assert not list((place / "outbox").glob("2*"))
    result = run(place)
    assert (result.manifest["run"], counts(result)) == ("20261120-001", (2, 2, 0, 0, 0))


def test_originals_whose_plain_names_collide_are_both_kept_over_an_interruption(
    place: Path,
) -> None:
    first, second = sheet(people(1)), sheet(f"{CUSTOMER}\n{GOOD}")
    drop(place, "客户/a.xlsx", first)
    drop(place, "客户_a.xlsx", second)
    told: list[str] = []
    with pytest.raises(batch.InterruptedRunError):
        run(place, progress=lambda what, *_: told.append(what), should_stop=lambda: bool(told))
    result = run(place)
    assert sorted(p.read_bytes() for p in (place / "archive").rglob("*.xlsx")) == sorted(
        [first, second]
    )
    assert len({f["archived"] for f in result.manifest["files"]}) == 2


def test_unfinished_night_is_made_good_before_the_next(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "archive", cut)
        with pytest.raises(_PowerCut):
            run(place, "2026-11-19")
    result = run(place, "2026-11-20")
    assert result.manifest["run"] == "20261120-001"
    assert sorted(p.name for p in (place / "outbox").glob("2*")) == ["20261119-001", "20261120-001"]
    assert ledger(place, "SELECT count(*) FROM case_") == [(1,)]
    assert ledger(place, "SELECT count(*) FROM run WHERE finished_at IS NULL") == [(0,)]


def test_file_changed_while_the_run_works_is_not_archived_unread(place: Path) -> None:
    path = drop(place, "a.xlsx", sheet(people(1)))
    corrected = sheet(f"{CUSTOMER}\n{GOOD}")

    def overwrite(what: str, *_: object) -> None:
        if what == "files":
            path.write_bytes(corrected)

    run(place, progress=overwrite)
    assert path.read_bytes() == corrected
    assert counts(run(place)) == (1, 1, 0, 0, 0)
    assert ledger(place, "SELECT count(*) FROM case_") == [(2,)]


def test_full_disk_at_publishing_is_a_storage_error_and_the_next_run_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(outbox, "sync_file", full)
        with pytest.raises(StorageError):
            run(place)
    assert (place / "inbox/a.xlsx").exists()
    assert counts(run(place)) == (1, 1, 0, 0, 0)


def test_bug_in_the_middle_is_not_called_a_full_disk(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise FileNotFoundError(2, "a font is missing")

    monkeypatch.setattr(Edition, "print_receipt", broken)
    with pytest.raises(FileNotFoundError):
        run(place)


def test_ledger_of_a_newer_version_is_refused_with_a_reason(place: Path) -> None:
    run(place)
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
        connection.commit()
    with pytest.raises(StorageError, match="newer version"):
        run(place)


def test_damaged_ledger_is_a_storage_error_and_the_inbox_is_untouched(place: Path) -> None:
    (place / ".fbbatch/ledger.db").write_bytes(b"this is no database" * 100)
    drop(place, "a.xlsx", sheet(people(1)))
    with pytest.raises(StorageError):
        run(place)
    assert (place / "inbox/a.xlsx").exists()


def test_history_cannot_be_altered_behind_the_ledgers_back(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    run(place)
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection:
        for statement in (
            "UPDATE transition SET to_state = 'closed'",
            "DELETE FROM transition",
            "UPDATE submission SET cells = '[]'",
            "DELETE FROM case_",
            "UPDATE classification SET by_whom = 'x'",
        ):
            with pytest.raises(sqlite3.DatabaseError):
                connection.execute(statement)


# --- what lies in the inbox but is no feedback ---


def test_litter_links_and_pipes_are_left_alone(place: Path) -> None:
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "~$a.xlsx",
        "._a.xlsx",
        "a.xlsx.part",
        "b.crdownload",
        "~WRL0001.tmp",
        ".hidden/a.xlsx",
    ):
        drop(place, name, b"litter")
    (place / "inbox/link.xlsx").symlink_to("/etc/hosts")
    (place / "inbox/folder.xlsx").mkdir()
    os.mkfifo(place / "inbox/pipe.xlsx")
    before = tree(place / "inbox")
    result = run(place)
    assert outcomes(result) == {"link.xlsx": "deferred", "pipe.xlsx": "deferred"}
    assert codes(result) == [("FB-not-a-file", None, None)] * 2
    assert tree(place / "inbox") == before


def test_file_open_in_office_waits_for_the_next_run(place: Path) -> None:
    path = drop(place, "a.xlsx", sheet(people(1)))
    lock = drop(place, "~$a.xlsx", b"lock")
    result = run(place)
    assert [(f["outcome"], f["archived"]) for f in result.manifest["files"]] == [("deferred", None)]
    assert codes(result) == [("FB-locked", None, None)]
    assert result.exit_code == ExitCode.DONE
    assert path.exists()
    lock.unlink()
    assert counts(run(place)) == (1, 1, 0, 0, 0)


def test_file_still_being_written_waits_for_the_next_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(place, "a.csv", delimited(people(1)))
    honest = inbox.sha256_of

    def growing(which: Path) -> str:
        found = honest(which)
        with which.open("ab") as stream:
            stream.write(b"more\n")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "sha256_of", growing)
        result = run(place)
    assert list(outcomes(result).values()) == ["deferred"]
    assert codes(result) == [("FB-changed", None, None)]
    assert path.exists()


@pytest.mark.parametrize(
    "name",
    [
        "=cmd.xlsx",
        "-rf.xlsx",
        "a&b<c>'\".xlsx",
        "换行\n.xlsx",
        "\u202etxt.xlsx",
        "😀.xlsx",
        "CON.xlsx",
        "e\u0301.xlsx",
        "x" * 240 + ".xlsx",
        "%s{0}{{7*7}}.xlsx",
    ],
)
def test_file_of_any_name_is_taken(place: Path, name: str) -> None:
    drop(place, name, sheet(f"{CUSTOMER}\n{GOOD}\n{TROUBLE}"))
    result = run(place)
    assert counts(result) == (2, 1, 1, 0, 0)
    assert result.folder is not None
    assert "<c>" not in (result.folder / "index.html").read_text(encoding="utf-8")
    assert (place / result.manifest["files"][0]["archived"]).is_file()


def test_file_whose_name_is_no_text_does_not_stop_the_run(place: Path) -> None:
    path = os.path.join(os.fsencode(place / "inbox"), b"\xc0\xaf\xff.xlsx")
    try:
        with open(path, "wb") as stream:
            stream.write(sheet(people(1)))
    except OSError:
        pytest.skip("this file system takes only names that are text")
    drop(place, "good.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    result = run(place)
    assert outcomes(result)["good.xlsx"] == "accepted"
    assert counts(result)[1] >= 1


# --- rehearsals ---


def test_dry_run_and_check_write_nothing(place: Path) -> None:
    drop(place, "客户/a.xlsx", sheet(people(2)))
    run(place, "2026-11-19")
    path = drop(place, "客户/b.xlsx", sheet(f"{people(3)}\n{TROUBLE}"))
    before = tree(place)
    dry = rehearse(place)
    checked = rehearse(place, files=[path])
    assert tree(place) == before
    assert counts(dry) == counts(checked) == (4, 1, 1, 2, 0)
    assert (dry.folder, dry.exit_code) == (None, ExitCode.RETURNED)


def test_rehearsal_in_a_workspace_that_never_ran_writes_nothing(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    before = tree(place)
    assert counts(rehearse(place)) == (1, 1, 0, 0, 0)
    assert tree(place) == before


def test_rehearsal_says_what_the_run_then_does(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{people(3)}\n{TROUBLE}"))
    dry = rehearse(place).manifest
    real = run(place).manifest
    assert (dry["counts"], dry["cases"]) == (real["counts"], real["cases"])
    assert [{**f, "archived": None} for f in real["files"]] == dry["files"]


def test_checking_a_folder_knows_its_source_as_the_run_does(place: Path) -> None:
    table = "| 姓名 | 日期 | 内容 | 部门 | 原因 | 公司 |\n| 王小明 | 2026-11-05 | 无法开机，没有反应 | 研发部 | 电源松动 | 大华 |"
    path = drop(place, "合作伙伴/a.xlsx", sheet(table))
    by_file, by_folder, real = (
        rehearse(place, files=[path]),
        rehearse(place, files=[path.parent]),
        run(place),
    )
    assert [r.manifest["files"][0]["schema"] for r in (by_file, by_folder, real)] == ["partner"] * 3


# --- hostile answers ---


HOSTILE = [
    "=cmd|'/c calc'!A1",
    "+1+1 出错了",
    "@SUM(1) 出错",
    "{{7*7}} {% for %} ${x}",
    "<b>&\"'</b><script>",
    "a\x1b[31mb\x7fc",
    "\u202e反转\u2066",
    "😀🀄 冒出来",
    "'; DROP TABLE case_; --",
    "_x0041_ 冒烟",
    "{value} {0} %s",
]


def test_hostile_answers_arrive_as_data_everywhere(tmp_path: Path) -> None:
    place = workspace(tmp_path, case_reports="[minor, general, severe]")
    rows = [["姓名", "电话", "反馈日期", "产品名称", "型号", "问题描述", "使用场景"]]
    rows += [[text, "13800001111", "2026-11-05", text, text, text, text] for text in HOSTILE]
    drop(place, "a.csv", delimited(rows))
    result = run(place)
    assert counts(result) == (len(HOSTILE), len(HOSTILE), 0, 0, 0)
    stored = [
        json.loads(answers)["description"]
        for (answers,) in ledger(place, "SELECT answers FROM case_ ORDER BY id")
    ]
    # marks that only turn the direction of writing are no part of what was written
    assert stored == [text.strip("\u202e\u2066") for text in HOSTILE]
    assert result.folder is not None
    (summary,) = (p for p in documents(result, "summary") if p.suffix == ".xlsx")
    page = openpyxl.load_workbook(summary).worksheets[0]
    found = [
        cell
        for row in page.iter_rows()
        for cell in row
        if cell.data_type != "n" and cell.value is not None
    ]
    assert {cell.data_type for cell in found} <= {"s", "d"}
    assert {clean(text) for text in stored} <= {cell.value for cell in found}
    html = (result.folder / "index.html").read_text(encoding="utf-8")
    assert "<script>" not in html
    words = [p for p in documents(result, "case_report") if p.suffix == ".docx"]
    assert len(words) == len(HOSTILE)
    for word in words:
        with zipfile.ZipFile(word) as archive:
            text = archive.read("word/document.xml").decode()
        assert "49" not in re.sub(r"w:[A-Za-z]+=\"[^\"]*\"", "", text) or "{{7*7}}" in text
    reports = sorted(p for p in documents(result, "case_report") if p.suffix == ".pdf")
    joined = [re.sub(r"\s", "", pdf_text(report)) for report in reports]
    assert "{{7*7}}{%for%}${x}" in joined[3]
    assert "'/ccalc'!A1" in joined[0]


def test_answer_of_30000_characters_is_taken_whole(tmp_path: Path) -> None:
    place = workspace(tmp_path, limits="{cpu_seconds: 5}")
    long = "蓝牙经常断开。" * 4_285
    drop(
        place,
        "a.csv",
        delimited(
            [
                *cells(f"{CUSTOMER}\n{GOOD}"),
                ["王小明", "13800001111", "2026-11-05", "智能音箱", "X-1", long, "客厅"],
            ]
        ),
    )
    result = run(place)
    assert counts(result) == (2, 2, 0, 0, 0)
    assert (
        json.loads(str(ledger(place, "SELECT answers FROM case_ ORDER BY id DESC LIMIT 1")[0][0]))[
            "description"
        ]
        == long
    )
    last = max(p for p in documents(result, "case_report") if p.suffix == ".pdf")
    assert re.sub(r"\s", "", pdf_text(last)).count("蓝牙经常断开。") >= 4_000


def test_paragraph_pasted_over_and_over_costs_itself_at_most(tmp_path: Path) -> None:
    place = workspace(tmp_path, limits="{cpu_seconds: 3, wall_seconds: 8}", case_reports="[]")
    pasted = [
        "煮饭时没有漏电，也没有冒烟。" * 250,
        "no smoke and no fire. " * 150,
        "蓝牙经常断开。" * 500,
    ]
    rows = [
        [f"甲{n}", "13800001111", "2026-11-05", "智能音箱", "X-1", text, "客厅"]
        for n, text in enumerate(pasted)
    ]
    drop(place, "a.csv", delimited([*cells(f"{CUSTOMER}\n{GOOD}"), *rows]))
    assert counts(run(place)) == (4, 4, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("column", range(7))
def test_row_stuffed_with_text_costs_itself_at_most(tmp_path: Path, column: int) -> None:
    place = workspace(tmp_path, limits="{cpu_seconds: 3, wall_seconds: 8}", case_reports="[]")
    stuffed = [
        ["王小明", "13800001111", "2026-11-05", "智能音箱", "X-1", "蓝牙经常断开", "客厅"]
        for _ in range(2)
    ]
    stuffed[0][column], stuffed[1][column] = "没有冒烟" * 7_500, "a b" * 10_000
    drop(place, "a.csv", delimited([*cells(f"{CUSTOMER}\n{GOOD}"), *stuffed]))
    result = run(place)
    assert result.manifest["files"][0]["code"] is None
    rows, accepted, returned, *_ = counts(result)
    assert (rows, accepted >= 1, accepted + returned) == (3, True, 3)


def test_what_no_font_can_draw_is_noted_on_the_receipt(place: Path) -> None:  # FB-glyph
    drop(place, "a.csv", delimited(CUSTOMER + "\n" + GOOD.replace("客厅", "客厅\u0e01")))
    result = run(place)
    (receipt,) = documents(result, "receipt")
    told = [
        str(cell)
        for page in openpyxl.load_workbook(receipt)
        for row in page.iter_rows(values_only=True)
        for cell in row
    ]
    assert any("\u0e01" in cell for cell in told)


# --- words ---


@pytest.mark.parametrize(
    ("locale", "yes", "no"),
    [
        ("zh-Hant", "產品名稱", "产品名称"),
        ("zh-Hans", "产品名称", "產品名稱"),
        ("en", "Product", "产品名称"),
    ],
)
def test_messages_name_columns_in_the_workspaces_language(
    tmp_path: Path, locale: str, yes: str, no: str
) -> None:
    place = workspace(tmp_path, locale)
    drop(place, "customer/a.xlsx", sheet("| 甲 | 乙 | 丙 |\n| 1 | 2 | 3 |"))
    (message,) = [f["message"] for file in run(place).manifest["files"] for f in file["findings"]]
    assert yes in message
    assert no not in message


# --- laws ---


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["王小明", "李美玲", "", None]),
        st.sampled_from(["13800001111", "无", None]),
        st.sampled_from(["2026-11-05", "昨天", "03/04/2026", None, 46331.0]),
        st.sampled_from(["智能音箱", "飞毯"]),
        st.sampled_from(["X-1", None]),
        st.sampled_from(["无法开机", "无", "插头漏电", "=1+1", None]),
        st.sampled_from(["客厅", None]),
    ),
    max_size=8,
)


@pytest.mark.slow
@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(tables=st.lists(ROWS, min_size=1, max_size=3))
def test_what_goes_in_comes_out_counted_and_running_twice_is_running_once(
    tmp_path_factory: pytest.TempPathFactory, tables
) -> None:
    place = workspace(tmp_path_factory.mktemp("law"), case_reports="[]")
    contents = [sheet([cells(CUSTOMER)[0], *map(list, rows)]) for rows in tables]
    for n, content in enumerate(contents):
        drop(place, f"{n}.xlsx", content)
    first = run(place)
    rows, accepted, *_ = counts(first)
    assert rows == sum(1 for table in tables for row in table if any(cell for cell in row))
    assert ledger(place, "SELECT count(*) FROM case_") == [(accepted,)]
    for n, content in enumerate(contents):
        drop(place, f"again {n}.xlsx", content)
    second = counts(run(place))
    assert second[1] == 0
    assert ledger(place, "SELECT count(*) FROM case_") == [(accepted,)]


def test_order_of_files_does_not_matter_for_what_is_taken(tmp_path: Path) -> None:
    def taken(names: list[str], folder: str) -> list[tuple[object, ...]]:
        place = workspace(tmp_path / folder)
        for name, content in zip(
            names,
            (sheet(people(3)), delimited(people(5)), sheet(f"{people(2)}\n{TROUBLE}")),
            strict=True,
        ):
            drop(place, name, content)
        counts(run(place))
        return ledger(place, "SELECT answers FROM case_ ORDER BY answers")

    assert taken(["1.xlsx", "2.csv", "3.xlsx"], "a") == taken(["3.xlsx", "2.csv", "1.xlsx"], "b")


def test_same_inbox_gives_the_same_outbox_twice(tmp_path: Path) -> None:
    places = [workspace(tmp_path / name) for name in "ab"]
    for place in places:
        drop(
            place,
            "客户/a.xlsx",
            sheet(f"{people(14)}\n{TROUBLE}\n{GOOD.replace('蓝牙经常断开', '插头漏电')}"),
        )
        run(place)
    assert published(places[0]) == published(places[1])


def test_time_is_the_workspaces_and_never_the_clock(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    run(place, "2026-03-02")
    stored = json.dumps(
        [ledger(place, f"SELECT * FROM {t}") for t in ("transition", "case_", "file")],
        ensure_ascii=False,
    )
    assert "2026-03-02" in stored
    assert dt.date.today().isoformat() not in stored


def test_same_bytes_under_two_names_are_told_twice_also_when_rows_of_them_went_back(
    place: Path,
) -> None:
    content = sheet(f"{CUSTOMER}\n{GOOD}\n{TROUBLE}")
    drop(place, "a.xlsx", content)
    drop(place, "b.xlsx", content)
    result = run(place)
    told = [
        (f["name"], f["outcome"], f["rows"], f["accepted"], f["returned"], f["duplicate"])
        for f in result.manifest["files"]
    ]
    assert told == [("a.xlsx", "partly", 2, 1, 1, 0), ("b.xlsx", "duplicate", 2, 0, 0, 2)]
    assert [path.name for path in (place / "inbox").rglob("*.xlsx")] == []


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("", {"case_report", "assignment"}),
        ("forms: none\n", {"case_report"}),
        ("case_reports: none\n", {"assignment"}),
        ("case_reports: [severe]\nforms: [severe]\n", set()),
        ("case_reports: none\nforms: none\n", set()),
    ],
)
def test_source_says_which_of_its_cases_get_papers(
    tmp_path: Path, said: str, kinds: set[str]
) -> None:
    place = workspace(tmp_path, case_reports="[general, severe]", forms="[minor, general, severe]")
    schema = place / "schemas/sources/customer.yaml"
    text = schema.read_text(encoding="utf-8")
    folders = text[text.index("folders: [") :].partition("\n")[0]
    other = text.replace("id: customer\n", "id: dealer\nsource: customer\n", 1)
    other = other.replace(folders, "folders: [门店]", 1)
    (schema.parent / "dealer.yaml").write_text(other, encoding="utf-8")
    schema.write_text(text.replace("kind: source\n", f"kind: source\n{said}", 1), encoding="utf-8")
    drop(place, "customer/a.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    drop(place, "门店/b.csv", delimited(f"{CUSTOMER}\n{GOOD.replace('王小明', '李四')}"))
    result = run(place)
    with contextlib.closing(shop_of(place).ledger()) as ledger:
        cases = {case.number: case.schema for case in ledger.cases()}
    assert sorted(cases.values()) == ["customer", "dealer"]
    issued: dict[str, set[str]] = {"customer": set(), "dealer": set()}
    for document in result.manifest["documents"]:
        if document["case"] in cases:
            issued[cases[document["case"]]].add(document["kind"])
    papers = {"case_report", "assignment"}
    assert issued["customer"] & papers == kinds
    assert issued["dealer"] & papers == papers  # the others have what the settings say
