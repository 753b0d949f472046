"""The command line: help, exit codes, data on stdout, and nobody's data on the terminal."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

from fbbatch import batch, cli
from fbbatch.cli import look
from fbbatch.errors import ExitCode
from fbbatch.findings import CATALOGUE
from tests.builders import (
    CUSTOMER,
    GOOD,
    delimited,
    drop,
    moment,
    people,
    run,
    sheet,
    tree,
    workspace,
)

TROUBLE = GOOD.replace("2026-11-05", "昨天下午")
CANARIES = (
    "黄小雨canary",
    "13799998888",
    "canary@example.com",
    "秘密描述canary",
    "秘密场景canary",
    "wxid_canary",
)


class Told(NamedTuple):
    code: int
    out: str
    err: str


def call(*args: str | Path) -> Told:
    """Run a command in this process, as the installed program would."""
    code: list[int] = []

    @click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def program(rest: tuple[str, ...]) -> None:
        code.append(cli._run(list(rest)))

    done = CliRunner().invoke(program, [str(a) for a in args], catch_exceptions=False)
    return Told(int(code[0]), done.stdout, done.stderr)


def program(*args: str | Path, umask: int = 0o022, **environment: str) -> Told:
    """Run the installed program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "fbbatch", *map(str, args)],
        capture_output=True,
        env={**os.environ, **environment},
        umask=umask,
        timeout=120,
        check=False,
    )
    return Told(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a run behind it: two cases, one row returned."""
    place = workspace(tmp_path_factory.mktemp("cli"))
    drop(
        place,
        "客户/a.xlsx",
        sheet(f"{CUSTOMER}\n{GOOD}\n{GOOD.replace('蓝牙经常断开', '插头漏电')}\n{TROUBLE}"),
    )
    run(place)
    return place


# --- help ---


@pytest.mark.parametrize("name", cli._COMMANDS)
def test_every_command_has_help(name: str) -> None:
    told = call(name, "--help")
    assert (told.code, told.err) == (ExitCode.DONE, "")
    assert cli._COMMANDS[name][1].split()[0] in told.out


def test_overview_names_every_command_without_importing_it() -> None:
    told = program("--help")
    assert told.code == ExitCode.DONE
    assert [name for name in cli._COMMANDS if name not in told.out] == []
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fbbatch", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stderr
    assert "sqlalchemy" not in imported
    assert "reportlab" not in imported


def test_version_is_told() -> None:
    assert re.fullmatch(r"fbbatch, version \d+\.\d+\.\d+\s*", call("--version").out)


@pytest.mark.parametrize("name", [n for n in cli._COMMANDS if n not in {"schedule"}])
def test_every_command_takes_the_common_options(name: str) -> None:
    told = call(name, "--help").out
    assert [
        option for option in ("-w", "--workspace", "--json", "-q", "-v") if option not in told
    ] == []


# --- exit codes ---


def test_run_with_nothing_wrong_is_0(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER}\n{GOOD}"))
    assert call("run", "-w", place, "--as-of", "2026-11-20").code == 0


def test_run_that_returned_something_is_1(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER}\n{TROUBLE}"))
    assert call("run", "-w", place, "--as-of", "2026-11-20").code == 1


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("run", "--nonsense"),
        ("run", "--jobs", "0"),
        ("run", "--as-of", "gestern"),
        ("check",),
        ("check", "/no/such/file.xlsx"),
        ("case",),
        ("init",),
        ("demo", "a", "b"),
    ],
)
def test_wrong_usage_is_2_and_says_so_on_stderr(lived_in: Path, args: tuple[str, ...]) -> None:
    told = call(*args, *(("-w", str(lived_in)) if args[0] in {"run", "check", "case"} else ()))
    assert (told.code, told.out) == (2, "")
    assert told.err


def test_missing_workspace_is_2_and_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for args in (("status",), ("run",), ("status", "-w", str(tmp_path))):
        told = call(*args)
        assert told.code == 2
        assert "fbbatch init" in told.err


def test_unknown_case_is_2(lived_in: Path) -> None:
    for command in ("case", "explain"):
        told = call(command, "FB-20990101-0001", "-w", lived_in)
        assert (told.code, told.out) == (2, "")
        assert "FB-20990101-0001" in told.err


@pytest.mark.parametrize(
    "file",
    [
        "schemas/sources/customer.yaml",
        "templates/summary.yaml",
        "fbbatch.yaml",
        "schemas/rules/assignment.yaml",
    ],
)
@pytest.mark.parametrize("command", ["run", "lint"])
def test_invalid_setup_is_3_with_the_place_and_touches_nothing(
    place: Path, file: str, command: str
) -> None:
    path = place / file
    path.write_text(path.read_text(encoding="utf-8") + "\nnonsense: 1\n", encoding="utf-8")
    drop(place, "a.xlsx", sheet(people(1)))
    before = tree(place)
    told = call(command, "-w", place)
    assert told.code == 3
    assert re.search(rf"{re.escape(file)}:\d+:\d+: 没有“nonsense”这个键", told.err + told.out)
    assert tree(place) == before


def test_workspace_in_use_is_4(place: Path) -> None:
    with batch.locked(place):
        told = call("run", "-w", place)
    assert (told.code, told.out) == (4, "")
    assert told.err


def test_refusing_storage_is_5(place: Path) -> None:
    (place / ".fbbatch/ledger.db").write_bytes(b"no database at all" * 100)
    told = call("run", "-w", place)
    assert told.code == 5
    assert told.err


def test_bug_is_70_and_its_message_shows_no_data(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError(f"could not convert {CANARIES[0]}")

    monkeypatch.setattr(batch, "run", broken)
    told = call("run", "-w", place)
    assert told.code == 70
    assert "ValueError" in told.err
    assert CANARIES[0] not in told.err + told.out


def test_interruption_is_130_and_says_it_is_safe(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trouble in (KeyboardInterrupt, batch.InterruptedRunError):

        def stopped(*_: object, trouble: type[BaseException] = trouble, **__: object) -> None:
            raise trouble

        monkeypatch.setattr(batch, "run", stopped)
        assert call("run", "-w", place).code == 130


# --- data ---


@pytest.mark.parametrize(
    "args",
    [
        ("status",),
        ("cases",),
        ("case", "FB-20261120-0001"),
        ("explain", "FB-20261120-0002"),
        ("explain", "FB-blank"),
        ("lint",),
        ("doctor",),
        ("schedule", "print"),
        ("run", "--dry-run"),
    ],
)
def test_json_is_all_there_is_on_stdout(lived_in: Path, args: tuple[str, ...]) -> None:
    told = call(*args, "--json", "-w", lived_in)
    assert told.err == ""
    json.loads(told.out)


def test_doctor_lists_what_reads_mails_of_outlook_as_optional(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outlook() -> dict[str, object]:
        told = call("doctor", "--json", "-w", tmp_path)
        assert told.code == ExitCode.DONE
        return next(check for check in json.loads(told.out) if check["check"] == "Outlook mails")

    assert outlook()["ok"] is True
    monkeypatch.setitem(sys.modules, "olefile", None)
    assert outlook()["ok"] is None
    assert "fbbatch[msg]" in str(outlook()["text"])


CASE_KEYS = {
    "number", "schema", "source", "channel", "kind", "type", "severity", "state", "department", "cooperating", "reporter", "contact", "product", "model",
    "description", "reported_at", "due_on", "due_rule", "registered_on", "escalations", "file", "sheet", "row", "run", "values",
}  # fmt: skip


def test_cases_as_json_have_the_contracts_keys(lived_in: Path) -> None:
    listed = json.loads(call("cases", "--json", "-w", lived_in).out)
    assert [case["number"] for case in listed] == ["FB-20261120-0001", "FB-20261120-0002"]
    assert all(set(case) >= CASE_KEYS for case in listed)
    first = listed[0]
    assert (
        first["reporter"],
        first["contact"],
        first["reported_at"],
        first["row"],
        first["file"],
    ) == (
        "王小明",
        "13800001111",
        "2026-11-05",
        2,
        "客户/a.xlsx",
    )
    assert (first["state"], first["department"], first["due_on"], first["registered_on"]) == (
        "assigned",
        "rd",
        "2026-11-27",
        "2026-11-20",
    )


def test_one_case_as_json_adds_its_history_documents_and_raw_row(lived_in: Path) -> None:
    case = json.loads(call("case", "fb-20261120-0002", "--json", "-w", lived_in).out)
    assert set(case) >= CASE_KEYS | {"history", "documents", "submission", "evidence"}
    assert [step["to"] for step in case["history"]] == ["registered", "assigned"]
    assert all(
        {"to", "document", "by", "happened_on", "recorded_at", "run"} <= set(step)
        for step in case["history"]
    )
    assert {d["kind"] for d in case["documents"]} == {
        "case_report",
        "escalation",
        "impact",
        "assignment",
    }
    assert all((lived_in / d["path"]).is_file() for d in case["documents"])
    assert case["submission"][:2] == ["王小明", "13800001111"]


@pytest.mark.parametrize(
    ("options", "n"),
    [
        ((), 2),
        (("--state", "assigned"), 2),
        (("--state", "已分配"), 2),
        (("--state", "closed"), 0),
        (("--department", "质量控制部"), 1),
        (("--department", "rd"), 1),
        (("--department", "品保"), 1),
    ],
)
def test_cases_can_be_narrowed_by_word_or_code(
    lived_in: Path, options: tuple[str, ...], n: int
) -> None:
    assert len(json.loads(call("cases", *options, "--json", "-w", lived_in).out)) == n


def test_word_that_names_no_state_is_told_the_states(lived_in: Path) -> None:
    told = call("cases", "--state", "飞走", "-w", lived_in)
    assert told.code == 2
    assert "assigned" in told.err


def test_overdue_cases_are_found_by_the_clock(
    lived_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(day: str) -> int:
        monkeypatch.setattr(look, "now", lambda _: moment(lived_in, day))
        return len(json.loads(call("cases", "--overdue", "--json", "-w", lived_in).out))

    assert [listed(day) for day in ("2026-11-24", "2026-11-25", "2026-11-27", "2026-11-28")] == [
        0,
        1,
        1,
        2,
    ]


def test_status_counts_cases_by_state_and_files_waiting(lived_in: Path) -> None:
    told = json.loads(call("status", "--json", "-w", lived_in).out)
    assert (told["cases"], told["waiting_files"], told["last_run"], told["unfinished_run"]) == (
        {"assigned": 2},
        0,
        "20261120-001",
        None,
    )


def test_run_as_json_is_the_manifest(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER}\n{TROUBLE}"))
    told = call("run", "--json", "-w", place, "--as-of", "2026-11-20")
    (folder,) = (place / "outbox").glob("2*")
    assert json.loads(told.out) == json.loads((folder / "manifest.json").read_bytes())


def test_quiet_says_nothing_and_still_works(place: Path) -> None:
    drop(place, "a.xlsx", sheet(f"{CUSTOMER}\n{TROUBLE}"))
    assert call("run", "-q", "-w", place, "--as-of", "2026-11-20") == (1, "", "")


# --- explanations ---


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_finding_code_is_explained_in_three_languages(code: str) -> None:
    told = call("explain", code)
    assert (told.code, told.err) == (0, "")
    assert code in told.out
    parts = json.loads(call("explain", code, "--json").out)
    assert set(parts) >= {"code", "severity", "zh-Hant", "zh-Hans", "en"}
    for language in ("zh-Hant", "zh-Hans", "en"):
        assert all(
            parts[language][part] and not set("{}") & set(parts[language][part])
            for part in ("found", "expected", "remedy")
        )


def test_case_is_explained_by_rule_words_and_deadline(lived_in: Path) -> None:
    told = call("explain", "FB-20261120-0002", "-w", lived_in).out
    for piece in ("SAF-ELECTRIC", "漏电", "质量控制部", "2026-11-24"):
        assert piece in told


# --- nobody's data on the terminal ---


def test_run_and_check_show_nobodys_data(place: Path) -> None:
    rows = [
        f"| {CANARIES[0]} | {CANARIES[1]} | 2026-11-05 | 智能音箱 | X-1 | {CANARIES[3]} | {CANARIES[4]} |",
        f"| {CANARIES[0]} | {CANARIES[2]} | {CANARIES[3]} | {CANARIES[4]} | {CANARIES[5]} | 无 | |",
        f"| | {CANARIES[0]} | 03/04/2026 | {CANARIES[0]} | | {CANARIES[3]} | {CANARIES[4]} |",
    ]
    header = f"{CUSTOMER} 数量 | 满意度 | 反馈渠道 | 严重程度 | 记录人 | 购买日期 |"
    rows = [
        f"{row} {CANARIES[0]} | {CANARIES[0]} | {CANARIES[0]} | {CANARIES[0]} | {CANARIES[0]} | {CANARIES[0]} |"
        for row in rows
    ]
    path = drop(place, "a.xlsx", sheet("\n".join([header, *rows, rows[0]])))
    drop(place, "b.csv", delimited("| 甲 | 乙 |\n| " + " | ".join(CANARIES[:2]) + " |"))
    for how, args in (
        (call, ("check", path, "-v")),
        (call, ("run", "--dry-run", "-v")),
        (program, ("run", "-v")),
        (call, ("status", "-v")),
    ):
        told = how(*args, "-w", place)
        assert told.out
        assert [canary for canary in CANARIES if canary in told.out + told.err] == [], args


# --- setting up ---


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
def test_fresh_workspace_is_sound_and_for_its_owner_only(tmp_path: Path, locale: str) -> None:
    place = tmp_path / "w"
    assert program("init", place, "--locale", locale, umask=0).code == 0
    assert program("lint", "-w", place).code == 0
    assert {n: oct(m) for n, (m, _) in tree(place).items() if m & 0o077} == {}
    assert place.stat().st_mode & 0o077 == 0


def test_role_that_nobody_holds_is_a_warning_of_lint(place: Path) -> None:
    file = place / "schemas/company/organisation.yaml"
    file.write_text(
        re.sub(
            r"P02: \{people: \[[^\]]*\]\}", "P02: {people: []}", file.read_text(encoding="utf-8")
        ),
        encoding="utf-8",
    )
    told = json.loads(call("lint", "--json", "-w", place).out)
    assert (told["problems"], len(told["warnings"])) == ([], 1)
    assert "P02" in told["warnings"][0]  # FB-role-vacant


def test_init_leaves_alone_what_is_already_there(place: Path) -> None:
    (place / "schemas/company/products.yaml").write_text("products: []\n", encoding="utf-8")
    file = place / "schemas/company/calendar.yaml"
    file.write_text("country: TW # as we decided\n", encoding="utf-8")
    before = tree(place)
    assert call("init", place, "--locale", "zh-Hans").code == 0
    assert tree(place) == before


def test_run_under_a_careless_umask_keeps_everything_private(place: Path) -> None:
    drop(place, "客户/a.xlsx", sheet(people(1)))
    assert (
        program("run", "-w", place, "--as-of", "2026-11-20", umask=0, LANG="C", LC_ALL="C").code
        == 0
    )
    loose = {
        n: oct(m)
        for n, (m, _) in tree(place).items()
        if m & 0o077 and n.split("/")[0] in {"archive", "outbox", ".fbbatch"}
    }
    assert loose == {}


def test_workspace_is_found_from_a_folder_inside_it(
    lived_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lived_in / "inbox")
    assert json.loads(call("status", "--json").out)["workspace"] == str(lived_in)


def test_check_writes_nothing(lived_in: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.xlsx"
    path.write_bytes(sheet(people(2)))
    before = tree(lived_in)
    assert call("check", path, "-w", lived_in).code == 0
    assert tree(lived_in) == before


def test_reading_commands_write_nothing(lived_in: Path) -> None:
    before = {
        name: told for name, told in tree(lived_in).items() if not name.endswith(("-wal", "-shm"))
    }
    for args in (
        ("status",),
        ("cases",),
        ("case", "FB-20261120-0001"),
        ("explain", "FB-20261120-0001"),
        ("lint",),
    ):
        assert call(*args, "-w", lived_in).code == 0
    assert {
        name: told for name, told in tree(lived_in).items() if not name.endswith(("-wal", "-shm"))
    } == before


def test_demo_builds_a_company_and_refuses_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    assert call("demo", tmp_path / "d", "--locale", "zh-Hans").code in {0, 1}
    assert (tmp_path / "d/outbox/latest/index.html").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("keep me", encoding="utf-8")
    assert call("demo", tmp_path / "mine").code == 2
    assert (tmp_path / "mine/letter.txt").read_text(encoding="utf-8") == "keep me"


def test_entries_for_other_schedulers_name_the_workspace_and_its_times(lived_in: Path) -> None:
    told = json.loads(call("schedule", "print", "--json", "-w", lived_in).out)
    assert set(told) == {"systemd", "cron", "launchd", "windows"}
    assert all(str(lived_in) in text for text in told.values())
    assert (
        "OnCalendar=*-*-* 23:00:00 Asia/Shanghai" in told["systemd"],
        "0 23 * * *" in told["cron"],
    ) == (True, True)
    assert "SuccessExitStatus=1" in told["systemd"]
