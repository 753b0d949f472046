"""What an administrator does besides runs: verify, backup, restore, export, anonymise."""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fbbatch import batch, cli, inbox, outbox
from fbbatch.errors import ExitCode
from tests.builders import CUSTOMER, GOOD, drop, run, sheet, tree, workspace

NAME, PHONE, MORE = "黄小雨canary", "13799998888", "秘密描述canary"
CANARY = GOOD.replace("王小明", NAME).replace("13800001111", PHONE).replace("客厅", MORE)
TROUBLE = GOOD.replace("2026-11-05", "昨天下午").replace("王小明", "李美玲")


@pytest.fixture(autouse=True)
def _private_by_default() -> None:
    os.umask(0o077)  # as every command does


def call(*args: str | Path) -> tuple[int, str, str]:
    """Run a command in this process, as the installed program would: exit code, stdout, stderr."""
    code: list[int] = []

    @click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def program(rest: tuple[str, ...]) -> None:
        code.append(cli._run(list(rest)))

    done = CliRunner().invoke(program, [str(a) for a in args], catch_exceptions=False)
    return int(code[0]), done.stdout, done.stderr


def told(place: Path) -> dict[str, Any]:
    """What `verify --json` says; its exit code and its `ok` agree."""
    code, out, err = call("verify", "-w", place, "--json")
    found: dict[str, Any] = json.loads(out)
    assert (code, err) == (ExitCode.DONE if found["ok"] else ExitCode.STORAGE, "")
    return found


def problems(place: Path) -> list[tuple[str, str]]:
    return [(problem["what"], problem["where"]) for problem in told(place)["problems"]]


def sql(place: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Statements on the ledger, past its triggers and foreign keys; the rows of the last."""
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection, connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        rows = [connection.execute(statement).fetchall() for statement in statements][-1]
        for _, text in triggers:
            connection.execute(text)
    return rows


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: two cases, a row that went back, a duplicate file; then a third case."""
    mask = os.umask(0o077)
    place = workspace(tmp_path_factory.mktemp("upkeep"), case_reports="[severe]")
    content = sheet(f"{CUSTOMER}\n{CANARY}\n{GOOD}\n{TROUBLE}")
    drop(place, "客户/a.xlsx", content)
    drop(place, "客户/b.xlsx", content)
    run(place, "2026-11-20")
    drop(place, "客户/c.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('2026-11-05', '2026-11-06')}"))
    run(place, "2026-11-23")
    os.umask(mask)
    return place


@pytest.fixture
def lived(pattern: Path, tmp_path: Path) -> Path:
    """A copy of it to work with."""
    place = tmp_path / "lived"
    shutil.copytree(pattern, place)
    return place


# --- verify ---


def test_verify_of_a_fresh_workspace_and_of_one_that_was_used(place: Path, lived: Path) -> None:
    assert told(place) == {"ok": True, "checked": {}, "problems": [], "notes": ["Nothing has been run here yet."]}
    before = tree(lived / "outbox") | tree(lived / "archive")
    found = told(lived)
    assert (found["ok"], found["problems"], found["notes"]) == (True, [], [])
    checked = found["checked"]
    assert {name: checked[name] for name in ("runs", "files", "cases", "originals")} == {"runs": 2, "files": 3, "cases": 3, "originals": 3}
    assert checked["files_read"] == checked["documents"] + checked["originals"] + checked["runs"]  # a manifest each
    assert tree(lived / "outbox") | tree(lived / "archive") == before
    code, out, err = call("verify", "-w", lived)
    assert (code, err) == (ExitCode.DONE, "")
    assert "0 problems" in out


R1, R2 = "outbox/20261120-001", "outbox/20261123-001"


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda p: _append(p / R1 / "receipt.xlsx"), [("the document has been changed", f"{R1}/receipt.xlsx")]),
        (lambda p: (p / R1 / "receipt.xlsx").unlink(), [("the document is not there", f"{R1}/receipt.xlsx")]),
        (lambda p: (p / R1 / "own.txt").write_text("x"), [("no run has written this file", f"{R1}/own.txt")]),
        (lambda p: (p / R1 / "~$receipt.xlsx").write_text("x"), []),
        (lambda p: (p / "outbox" / "my notes").mkdir(), []),
        (lambda p: (p / R1 / "manifest.json").write_text("{"), [("the manifest is missing or torn", f"{R1}/manifest.json")]),
        (lambda p: _append(p / "archive/accepted/2026-11-23/客户_c.xlsx"),
         [("the original has been changed", "archive/accepted/2026-11-23/客户_c.xlsx")]),
        (lambda p: (p / "archive/accepted/2026-11-23/客户_c.xlsx").unlink(),
         [("the original is not there", "archive/accepted/2026-11-23/客户_c.xlsx")]),
        (lambda p: (p / "archive/accepted/x.xlsx").write_text("x"), [("the ledger does not know this original", "archive/accepted/x.xlsx")]),
        (lambda p: shutil.copytree(p / R1, p / "outbox/20261121-001"), [("the ledger does not know this run (", "outbox/20261121-001")]),
        (lambda p: _append(p / "outbox/latest/receipt.xlsx"), [("the copy in latest is not the newest one", "outbox/latest/receipt.xlsx")]),
        (lambda p: shutil.rmtree(p / "outbox/latest"), [("the copy in latest is missing", "outbox/latest/index.html")]),
        (lambda p: sql(p, "UPDATE file SET accepted = 7 WHERE id = 1"), [("the rows of a file do not add up", "ledger: run 20261120-001, file 1")]),
        (lambda p: sql(p, "UPDATE file SET accepted = 1, returned = 2 WHERE id = 1"),
         [("the rows of a file do not add up", "ledger: run 20261120-001, file 1")]),
        (lambda p: sql(p, "DELETE FROM open_case WHERE case_id = (SELECT min(id) FROM case_)"),
         [("the index of open cases and the last step of a case differ", "ledger: FB-20261120-0001")]),
        (lambda p: sql(p, "DELETE FROM transition WHERE n = 1 AND case_id = (SELECT min(id) FROM case_)"),
         [("a case has no first step", "ledger: FB-20261120-0001"), ("a step is missing in the history of a case", "ledger: FB-20261120-0001")]),
        (lambda p: sql(p, "UPDATE case_ SET number = 'FB-20261119-0001' WHERE id = (SELECT min(id) FROM case_)"),
         [("a case number is not of the form FB-<date>-<number> or not of its day", "ledger: FB-20261119-0001")]),
        (lambda p: sql(p, "UPDATE finding SET file_id = 99 WHERE id = 1"), [("a row refers to one that is not there", "ledger: finding 1 → file")]),
        (lambda p: sql(p, "UPDATE document SET sha256 = '00' WHERE id = 1"), [("the document has been changed", R1), ("the manifest and the ledger differ in 2 entries", f"{R1}/manifest.json")]),
        (lambda p: (p / ".fbbatch/ledger.db").write_bytes(b"no database at all" * 999), [("the ledger cannot be opened", "The ledger (")]),
        (lambda p: [path.unlink() for path in (p / ".fbbatch").glob("ledger.db*")], [("there is no ledger, but originals or documents", ".fbbatch/ledger.db")]),
    ],
)  # fmt: skip
def test_verify_finds(lived: Path, damage: Callable[[Path], object], expected: list[tuple[str, str]]) -> None:
    damage(lived)
    found = problems(lived)
    assert len(found) >= len(expected)
    assert bool(found) is bool(expected)
    for what, where in expected:
        assert any(w.startswith(what) and p.startswith(where) for w, p in found), found
    if found:
        code, out, err = call("verify", "-w", lived)
        assert code == ExitCode.STORAGE
        assert f"{len(found)} problems" in out
        assert err.count("→ ") >= len(found)
        assert not any(canary in out + err for canary in (NAME, PHONE, MORE, "王小明"))


def test_verify_finds_flipped_bytes_in_the_middle_of_the_ledger(lived: Path) -> None:
    sql(lived, "PRAGMA wal_checkpoint(TRUNCATE)")
    path = lived / ".fbbatch/ledger.db"
    content = bytearray(path.read_bytes())
    content[16384 * 3 : 16384 * 6] = b"\xff" * 16384 * 3
    path.write_bytes(content)
    assert problems(lived)


def test_verify_waits_for_no_run_and_disturbs_none(lived: Path) -> None:
    with batch.locked(lived):
        code, out, _ = call("verify", "-w", lived, "--json")
    assert (code, out) == (ExitCode.BUSY, "")


class _KilledError(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (batch.Edition, "publish"), (outbox.Draft, "manifest"), (outbox.Draft, "publish"), (outbox, "refresh_latest"), (inbox, "archive"),
        (batch.Ledger, "close_run"),
    ],
)  # fmt: skip
def test_killed_attempts_leave_nothing_that_verify_minds(lived: Path, where: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise _KilledError

    for day, rows in (("2026-11-24", 2), ("2026-11-25", 3)):
        drop(lived, f"客户/d{rows}.xlsx", sheet("\n".join([CUSTOMER, *[GOOD.replace("11-05", f"11-{day[-2:]}")] * rows])))
        with monkeypatch.context() as patch, contextlib.suppress(_KilledError):
            patch.setattr(where, name, killed)
            run(lived, day)
        found = told(lived)
        assert (found["problems"], len(found["notes"])) == ([], 1)
    drop(lived, "客户/e.xlsx", sheet(f"{CUSTOMER}\n{CANARY}"))
    (lived / ".fbbatch/work/20261124-001").mkdir(parents=True, exist_ok=True)
    (lived / ".fbbatch/work/20261124-001/torn.xlsx").write_bytes(b"PK")
    run(lived, "2026-11-26")
    assert told(lived)["ok"]


def test_after_an_older_ledger_was_put_back_verify_says_what_to_drop_again_and_nothing_is_doubled(lived: Path) -> None:
    sql(lived, "PRAGMA wal_checkpoint(TRUNCATE)")
    old = (lived / ".fbbatch/ledger.db").read_bytes()
    drop(lived, "客户/d.xlsx", sheet(f"{CUSTOMER}\n{CANARY.replace('11-05', '11-07')}\n{GOOD}"))
    run(lived, "2026-11-24")
    for path in (lived / ".fbbatch").glob("ledger.db*"):
        path.unlink()
    (lived / ".fbbatch/ledger.db").write_bytes(old)
    found = problems(lived)
    assert ("the ledger does not know this original", "archive/accepted/2026-11-24/客户_d.xlsx") in found
    assert any(where == "outbox/20261124-001" for _, where in found)
    (lived / "outbox/20261124-001").rename(lived.parent / "aside")
    (lived / "archive/accepted/2026-11-24/客户_d.xlsx").rename(lived / "inbox/客户/d.xlsx")
    (lived / "archive/accepted/2026-11-23/客户_c.xlsx").rename(lived / "inbox/客户/c.xlsx")  # one that it does know, too
    result = run(lived, "2026-11-24")
    assert {f["name"]: f["outcome"] for f in result.manifest["files"]} == {"客户/c.xlsx": "duplicate", "客户/d.xlsx": "accepted"}
    assert len({number for (number,) in sql(lived, "SELECT number FROM case_")}) == 4
    assert [where for _, where in problems(lived)] == ["archive/accepted/2026-11-23/客户_c.xlsx"]  # somebody took it out of there
