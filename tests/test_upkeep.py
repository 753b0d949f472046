"""What an administrator does besides runs: verify, backup, restore, export, anonymise."""

import contextlib
import csv
import datetime as dt
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alembic.command
import click
import openpyxl
import pytest
import sqlalchemy as sa
from alembic.config import Config
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fbbatch import batch, cli, inbox, outbox
from fbbatch.errors import ExitCode
from fbbatch.ledger.export import table_names
from fbbatch.schema import Book
from fbbatch.upkeep import backup as upkeep_backup
from fbbatch.upkeep.export_formats import ExportTable, XlsxWriter, harmless, plain
from fbbatch.upkeep.pseudonyms import Pseudonyms
from tests.builders import (
    CUSTOMER,
    GOOD,
    REPOSITORY,
    copied,
    delimited,
    drop,
    mail,
    run,
    sheet,
    tree,
    unpacked,
    workspace,
    zipped,
)
from tests.crash import ended, process_of

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
NAME, PHONE, MORE = "黄小雨canary", "13799998888", "秘密描述canary"
CANARY = GOOD.replace("王小明", NAME).replace("13800001111", PHONE).replace("客厅", MORE)


def other(number: int) -> str:
    """A row of somebody else about something else."""
    words = (
        "充不进电",
        "屏幕发黑",
        "按键失灵",
        "声音很小",
        "收不到快递",
        "说明书缺页",
        "外壳开裂",
        "无法联网",
        "遥控没有反应",
    )
    text = GOOD.replace("王小明", f"客户{number}").replace("13800001111", f"1390000{number:04d}")
    return text.replace(
        "蓝牙经常断开，需要重新配对", f"{words[number % len(words)]}，已经有{number}天"
    )


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
    with (
        contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection,
        connection,
    ):
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
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
    drop(place, "客户/c.xlsx", sheet(f"{CUSTOMER}\n{other(1)}"))
    run(place, "2026-11-23")
    os.umask(mask)
    return place


@pytest.fixture
def lived(pattern: Path, tmp_path: Path) -> Path:
    """A copy of it to work with."""
    place = tmp_path / "lived"
    copied(pattern, place)
    return place


# --- verify ---


def test_verify_of_a_fresh_workspace_and_of_one_that_was_used(place: Path, lived: Path) -> None:
    assert told(place) == {
        "ok": True,
        "checked": {},
        "problems": [],
        "notes": ["Nothing has been run here yet."],
    }
    before = tree(lived / "outbox") | tree(lived / "archive")
    found = told(lived)
    assert (found["ok"], found["problems"], found["notes"]) == (True, [], [])
    checked = found["checked"]
    assert {name: checked[name] for name in ("runs", "files", "cases", "originals")} == {
        "runs": 2,
        "files": 3,
        "cases": 3,
        "originals": 3,
    }
    assert (
        checked["files_read"] == checked["documents"] + checked["originals"] + checked["runs"]
    )  # a manifest each
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
        (lambda p: sql(p, "DELETE FROM open_matter WHERE matter_id = (SELECT min(id) FROM case_)"),
         [("the index of open matters and the last step of a matter differ", "ledger: FB-20261120-0001")]),
        (lambda p: sql(p, "DELETE FROM transition WHERE n = 1 AND matter_id = (SELECT min(id) FROM case_)"),
         [("a matter has no first step", "ledger: FB-20261120-0001"), ("a step is missing in the history of a matter", "ledger: FB-20261120-0001")]),
        (lambda p: sql(p, "UPDATE matter SET number = 'FB-20261119-0001' WHERE id = (SELECT min(id) FROM matter)"),
         [("a case number is not of the form FB-<date>-<number> or not of its day", "ledger: FB-20261119-0001")]),
        (lambda p: sql(p, "UPDATE finding SET file_id = 99 WHERE id = 1"), [("a row refers to one that is not there", "ledger: finding 1 → file")]),
        (lambda p: sql(p, "UPDATE document SET sha256 = '00' WHERE id = 1"), [("the document has been changed", R1), ("the manifest and the ledger differ in 2 entries", f"{R1}/manifest.json")]),
        (lambda p: (p / ".fbbatch/ledger.db").write_bytes(b"no database at all" * 999), [("the ledger cannot be opened", "The ledger (")]),
        (lambda p: [path.unlink() for path in (p / ".fbbatch").glob("ledger.db*")], [("there is no ledger, but originals or documents", ".fbbatch/ledger.db")]),
    ],
)  # fmt: skip
def test_verify_finds(
    lived: Path, damage: Callable[[Path], object], expected: list[tuple[str, str]]
) -> None:
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


@pytest.mark.slow
def test_verify_waits_for_no_run_and_disturbs_none(lived: Path) -> None:
    with batch.locked(lived):
        code, out, _ = call("verify", "-w", lived, "--json")
    assert (code, out) == (ExitCode.BUSY, "")


class _KilledError(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "name"),
    [
        (batch.Edition, "publish"), (outbox.Draft, "manifest"), (outbox.Draft, "publish"), (outbox, "refresh_latest"), (inbox, "archive"),
        (batch.Ledger, "close_run"),
    ],
)  # fmt: skip
def test_killed_attempts_leave_nothing_that_verify_minds(
    lived: Path, where: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise _KilledError

    for day, rows in (("2026-11-24", 2), ("2026-11-25", 3)):
        drop(lived, f"客户/d{rows}.xlsx", sheet("\n".join([CUSTOMER, *[other(rows)] * rows])))
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


@pytest.mark.slow
def test_after_an_older_ledger_was_put_back_verify_says_what_to_drop_again_and_nothing_is_doubled(
    lived: Path,
) -> None:
    sql(lived, "PRAGMA wal_checkpoint(TRUNCATE)")
    old = (lived / ".fbbatch/ledger.db").read_bytes()
    drop(lived, "客户/d.xlsx", sheet(f"{CUSTOMER}\n{other(4)}\n{GOOD}"))
    run(lived, "2026-11-24")
    for path in (lived / ".fbbatch").glob("ledger.db*"):
        path.unlink()
    (lived / ".fbbatch/ledger.db").write_bytes(old)
    found = problems(lived)
    assert (
        "the ledger does not know this original",
        "archive/accepted/2026-11-24/客户_d.xlsx",
    ) in found
    assert any(where == "outbox/20261124-001" for _, where in found)
    (lived / "outbox/20261124-001").rename(lived.parent / "aside")
    (lived / "archive/accepted/2026-11-24/客户_d.xlsx").rename(lived / "inbox/客户/d.xlsx")
    (lived / "archive/accepted/2026-11-23/客户_c.xlsx").rename(
        lived / "inbox/客户/c.xlsx"
    )  # one that it does know, too
    result = run(lived, "2026-11-24")
    assert {f["name"]: f["outcome"] for f in result.manifest["files"]} == {
        "客户/c.xlsx": "duplicate",
        "客户/d.xlsx": "accepted",
    }
    assert len({number for (number,) in sql(lived, "SELECT number FROM matter")}) == 4
    assert [where for _, where in problems(lived)] == [
        "archive/accepted/2026-11-23/客户_c.xlsx"
    ]  # somebody took it out of there


# --- backup and restore ---


def everything(place: Path) -> dict[str, str]:
    """All of a workspace by sha256, without the ledger's own files, work and lock."""
    return {
        name: digest
        for name, (_, digest) in tree(place).items()
        if digest and not name.startswith((".fbbatch/", "backups/", "outbox/latest/"))
    }


def dump(place: Path, *without: str) -> list[str]:
    """The ledger as text."""
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection:
        return [
            line
            for line in connection.iterdump()
            if not any(f'INTO "{name}"' in line for name in without)
        ]


def private(folder: Path) -> list[str]:
    """What others than the owner may touch."""
    return [name for name, (mode, _) in tree(folder).items() if mode & 0o077]


def restored(zip_file: Path, into: Path, *options: str) -> Path:
    code, _, err = call("restore", zip_file, "-w", into, "--json", *options)
    assert (code, err) == (ExitCode.DONE, "")
    return into


@pytest.mark.slow
def test_backup_restored_into_an_empty_folder_is_the_same_workspace(
    lived: Path, tmp_path: Path
) -> None:
    drop(lived, "客户/waits.xlsx", sheet(f"{CUSTOMER}\n{other(5)}"))
    (lived / "outbox/our notes").mkdir()
    (lived / "outbox/our notes/a.txt").write_text("x")
    code, out, err = call("backup", "-w", lived)
    assert (code, err) == (ExitCode.DONE, "")
    assert not any(word in out for word in (NAME, "waits.xlsx"))
    (made,) = (lived / "backups").iterdir()
    assert (made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert call("backup", "-w", lived, made)[0] == ExitCode.STORAGE  # never overwritten
    place = restored(made, tmp_path / "new")
    assert everything(place) == everything(lived)
    assert dump(place, "upkeep") == dump(lived, "upkeep")
    assert [row[0] for row in sql(place, "SELECT kind FROM upkeep")] == ["restore"]
    assert private(place) == []
    found = told(place)
    assert (found["problems"], found["notes"]) == (
        [],
        ["1 folders in the outbox are no run's and were not looked at."],
    )
    result = run(place, "2026-11-24")
    assert [f["outcome"] for f in result.manifest["files"]] == ["accepted"]
    assert told(place)["ok"]


class _Unruly:
    """Does something once, when the backup has come so far."""

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        self.at, self.act, self.done = at, act, False

    def __call__(self, what: str, number: int, total: int) -> None:
        if number == self.at and not self.done:
            self.done = True
            self.act()


def _arrive_and_run(place: Path) -> None:
    drop(place, "客户/y.xlsx", sheet(f"{CUSTOMER}\n{other(6)}"))
    run(place, "2026-11-24")


@pytest.mark.slow
@pytest.mark.parametrize("position", ["first", "inbox", "ledger", "archive", "outbox"])
def test_backup_during_which_a_run_goes_by_is_of_one_instant(
    lived: Path, tmp_path: Path, position: str
) -> None:
    drop(lived, "客户/x.xlsx", sheet(f"{CUSTOMER}\n{other(7)}"))
    with contextlib.closing(sqlite3.connect(lived / ".fbbatch/ledger.db")) as connection:
        n_cases = connection.execute("SELECT count(*) FROM case_").fetchone()[0]
    settings = 1 + sum(
        1
        for folder in ("schemas", "templates")
        for path in (lived / folder).rglob("*")
        if path.is_file()
    )
    waiting = sum(1 for path in (lived / "inbox").rglob("*") if path.is_file())
    at = {
        "first": 1,
        "inbox": settings + waiting,
        "ledger": settings + waiting + 1,
        "archive": settings + waiting + 2,
        "outbox": settings + waiting + 6,
    }
    unruly = _Unruly(at[position], lambda: _arrive_and_run(lived))
    made = upkeep_backup.backup(
        lived, None, tmp_path / "b.zip", at=NOW, ledger_only=False, progress=unruly
    )
    assert unruly.done
    place = restored(made.path, tmp_path / "new")
    assert problems(place) == []
    run(place, "2026-11-25")
    assert problems(place) == []
    came = {name for (name,) in sql(place, "SELECT name FROM file WHERE outcome = 'accepted'")}
    assert "客户/x.xlsx" in came
    assert sql(place, "SELECT count(*) FROM case_")[0][0] == n_cases + len(
        came & {"客户/x.xlsx", "客户/y.xlsx"}
    )


@pytest.mark.slow
@pytest.mark.parametrize("point", ["reading", "publish", "archive", "close_run"])
def test_backup_in_the_middle_of_a_run_can_be_run_on(
    lived: Path, tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(lived, "客户/x.xlsx", sheet(f"{CUSTOMER}\n{other(7)}"))
    drop(lived, "客户/y.xlsx", sheet(f"{CUSTOMER}\n{other(6)}"))

    def backed_up(*_: object, **__: object) -> None:
        if not (tmp_path / "b.zip").exists():
            upkeep_backup.backup(
                lived, None, tmp_path / "b.zip", at=NOW, ledger_only=False, progress=lambda *_: None
            )

    if point == "reading":
        run(lived, "2026-11-24", progress=backed_up)
    else:
        where = {"publish": outbox.Draft, "archive": inbox, "close_run": batch.Ledger}[point]
        original = getattr(where, point)

        def then(*args: Any, **options: Any) -> Any:
            result = original(*args, **options)
            backed_up()
            return result

        monkeypatch.setattr(where, point, then)
        run(lived, "2026-11-24")
        monkeypatch.undo()
    place = restored(tmp_path / "b.zip", tmp_path / "new")
    assert problems(place) == []
    if point != "close_run":
        run(place, "2026-11-24")
        assert problems(place) == []
    assert sql(place, "SELECT count(*) FROM case_") == [(5,)]
    assert sorted(dump(place, "upkeep", "run")) == sorted(dump(lived, "upkeep", "run"))


@pytest.mark.slow
def test_restore_with_force_sets_aside_what_is_there_and_says_what_to_drop_again(
    lived: Path, tmp_path: Path
) -> None:
    assert call("backup", tmp_path / "b.zip", "-w", lived)[0] == ExitCode.DONE
    drop(lived, "客户/d.xlsx", sheet(f"{CUSTOMER}\n{other(4)}\n{GOOD}"))
    run(lived, "2026-11-24")
    drop(lived, "客户/秘密canary.xlsx", sheet(f"{CUSTOMER}\n{other(8)}"))
    newer = everything(lived)
    code, _, err = call("restore", tmp_path / "b.zip", "-w", lived)
    assert (code, everything(lived)) == (ExitCode.USAGE, newer)
    assert "--force" in err
    code, out, err = call("restore", tmp_path / "b.zip", "-w", lived, "--force")
    assert code == ExitCode.DONE
    assert "1 files that waited in its inbox and 1 originals" in err
    assert "canary" not in out + err
    (aside,) = (lived / ".fbbatch").glob("before-restore-*")
    assert everything(aside) == newer
    assert (aside / ".fbbatch/ledger.db").is_file()
    assert private(lived) == []
    assert problems(lived) == []
    shutil.copy(aside / "archive/accepted/2026-11-24/客户_d.xlsx", lived / "inbox/客户/d.xlsx")
    shutil.copy(aside / "inbox/客户/秘密canary.xlsx", lived / "inbox/客户/e.xlsx")
    run(lived, "2026-11-24")
    assert sql(lived, "SELECT count(*), count(DISTINCT number) FROM matter") == [(5, 5)]
    assert told(lived)["ok"]


def test_ledger_alone_is_backed_up_and_put_back(lived: Path, tmp_path: Path) -> None:
    assert call("backup", tmp_path / "b.zip", "-w", lived, "--ledger-only")[0] == ExitCode.DONE
    with zipfile.ZipFile(tmp_path / "b.zip") as package:
        assert sorted(package.namelist()) == [
            ".fbbatch/ledger.db",
            ".fbbatch/secret.json",
            "fbbatch-backup.json",
        ]
    before = everything(lived)
    (lived / ".fbbatch/ledger.db").write_bytes(b"torn" * 4096)
    for path in (lived / ".fbbatch").glob("ledger.db-*"):
        path.unlink()
    assert not told(lived)["ok"]
    restored(tmp_path / "b.zip", lived, "--force")
    assert told(lived)["ok"]
    assert everything(lived) == before


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda parts: parts.update({"archive/../../evil.txt": b"x"}), "leads elsewhere"),
        (lambda parts: parts.update({"/tmp/evil.txt": b"x"}), "leads elsewhere"),
        (lambda parts: parts.update({".fbbatch/lock/evil": b"x"}), "leads elsewhere"),
        (lambda parts: parts.update({"inbox/more.txt": b"x"}), "not what it says"),
        (lambda parts: parts.pop("fbbatch.yaml"), "not what it says"),
        (lambda parts: parts.update({"fbbatch.yaml": parts["fbbatch.yaml"] + b" "}), "not what was backed up"),
        (lambda parts: parts.pop("fbbatch-backup.json"), "has no fbbatch-backup.json"),
        (lambda parts: parts.update({"fbbatch-backup.json": b"{}"}), "no backup"),
    ],
)  # fmt: skip
def test_restore_refuses_what_is_not_wholly_ours(
    lived: Path, tmp_path: Path, damage: Callable[[dict[str, bytes]], object], words: str
) -> None:
    assert call("backup", tmp_path / "b.zip", "-w", lived)[0] == ExitCode.DONE
    parts = unpacked((tmp_path / "b.zip").read_bytes())
    damage(parts)
    (tmp_path / "c.zip").write_bytes(zipped(parts))
    before = tree(tmp_path)
    code, _, err = call("restore", tmp_path / "c.zip", "-w", tmp_path / "new")
    assert code == ExitCode.STORAGE
    assert words in err
    assert "nothing was touched" in err
    assert tree(tmp_path) == before
    assert call("restore", tmp_path / "c.zip", "-w", lived, "--force")[0] == ExitCode.STORAGE
    assert tree(tmp_path) == before


def test_restore_refuses_a_torn_file_and_a_torn_ledger(lived: Path, tmp_path: Path) -> None:
    assert call("backup", tmp_path / "b.zip", "-w", lived, "--ledger-only")[0] == ExitCode.DONE
    content = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(content[: len(content) // 2])
    assert call("restore", tmp_path / "b.zip", "-w", tmp_path / "new")[0] == ExitCode.STORAGE
    parts = unpacked(content)
    ledger = b"SQLite format 3\0" + b"\xff" * 40000
    told = json.loads(parts["fbbatch-backup.json"])
    told["members"][".fbbatch/ledger.db"] |= {
        "sha256": hashlib.sha256(ledger).hexdigest(),
        "bytes": len(ledger),
    }
    (tmp_path / "c.zip").write_bytes(
        zipped({".fbbatch/ledger.db": ledger, "fbbatch-backup.json": json.dumps(told).encode()})
    )
    assert call("restore", tmp_path / "c.zip", "-w", tmp_path / "new")[0] == ExitCode.STORAGE
    assert not (tmp_path / "new").exists()
    assert call("restore", tmp_path / "c.zip")[0] == ExitCode.USAGE


def test_backup_leaves_nothing_half_done(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    before = set(tree(lived))
    code, _, err = call("backup", tmp_path / "b.zip", "-w", lived)
    assert code == ExitCode.STORAGE
    assert "No space left" in err
    assert [path.name for path in tmp_path.iterdir()] == ["lived"]
    passing = {".fbbatch/work", ".fbbatch/ledger.db-wal", ".fbbatch/ledger.db-shm"}
    assert set(tree(lived)) - passing == before - passing


def test_backup_of_a_ledger_in_a_database_of_its_own_says_how_to_get_that(
    lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBBATCH_DATABASE", f"sqlite:///{lived / '.fbbatch/ledger.db'}")
    code, _, err = call("backup", tmp_path / "b.zip", "-w", lived)
    assert (code, "pg_dump" in err) == (ExitCode.DONE, True)
    with zipfile.ZipFile(tmp_path / "b.zip") as package:
        assert ".fbbatch/ledger.db" not in package.namelist()
        assert "outbox/20261120-001/receipt.xlsx" in package.namelist()
    code, _, err = call("backup", tmp_path / "c.zip", "-w", lived, "--ledger-only")
    assert (code, "pg_dump" in err) == (ExitCode.USAGE, True)


# --- export ---

HOSTILE = '=HYPERLINK("http://x")'


@pytest.fixture
def hostile(lived: Path) -> Path:
    """The same with a case whose answers look like formulas."""
    row = GOOD.replace("客厅", HOSTILE).replace("王小明", "'@SUM(1)").replace("11-05", "11-12")
    drop(lived, "客户/h.xlsx", sheet(f"{CUSTOMER}\n{row}"))
    run(lived, "2026-11-24")
    return lived


def jsonl(folder: Path, name: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def as_csv(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_export_holds_every_row_of_every_table(hostile: Path, tmp_path: Path) -> None:
    for kind in ("jsonl", "csv", "xlsx"):
        code, out, err = call("export", tmp_path / kind, "-w", hostile, "--format", kind)
        assert (code, err) == (ExitCode.DONE, "")
        assert NAME not in out
        assert call("export", tmp_path / kind, "-w", hostile, "--format", kind)[0] == ExitCode.USAGE
        assert (tmp_path / kind).stat().st_mode & 0o077 == 0
        assert private(tmp_path / kind) == []
        assert (
            call("export", tmp_path / "again" / kind, "-w", hostile, "--format", kind)[0]
            == ExitCode.DONE
        )
        assert tree(tmp_path / kind) == tree(
            tmp_path / "again" / kind
        )  # the same ledger gives the same bytes
    book = openpyxl.load_workbook(tmp_path / "xlsx/ledger.xlsx", read_only=True)
    for name in table_names():
        own = "case_" if name == "case_rows" else name
        columns = [row[1] for row in sql(hostile, f'PRAGMA table_info("{own}")')]
        (n_rows,) = sql(hostile, f'SELECT count(*) FROM "{own}"')[0]
        lines = jsonl(tmp_path / "jsonl", name)
        assert len(lines) == len(as_csv(tmp_path / "csv", name)) == n_rows
        assert sum(1 for _ in book[name].iter_rows()) == n_rows + 1
        for line in lines[:1]:
            assert set(columns) - set(line) == set(), name
    raw = {row["id"]: row["cells"] for row in jsonl(tmp_path / "jsonl", "submission")}
    assert raw == {
        row[0]: json.loads(row[1]) for row in sql(hostile, "SELECT id, cells FROM submission")
    }


@pytest.mark.slow
def test_export_of_cases_is_legible_and_harmless(hostile: Path, tmp_path: Path) -> None:
    for kind in ("jsonl", "csv", "xlsx"):
        assert call("export", tmp_path / kind, "-w", hostile, "--format", kind)[0] == ExitCode.DONE
    case = jsonl(tmp_path / "jsonl", "cases")[-1]
    assert (case["answer.reporter"], case["answer.scene"], case["state_label"]) == (
        "'@SUM(1)",
        HOSTILE,
        "已分配",
    )
    row = as_csv(tmp_path / "csv", "cases")[-1]
    assert (row["客户姓名 (reporter)"], row["使用场景 (scene)"]) == ("''@SUM(1)", f"'{HOSTILE}")
    assert (plain(row["客户姓名 (reporter)"]), plain(row["使用场景 (scene)"])) == (
        "'@SUM(1)",
        HOSTILE,
    )
    content = (tmp_path / "csv/cases.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    cells_of = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert not any(
        cell.startswith(("=", "+", "-", "@", "\t")) for line in cells_of for cell in line
    )
    with zipfile.ZipFile(tmp_path / "xlsx/ledger.xlsx") as package:
        pages = b"".join(
            package.read(name) for name in package.namelist() if name.startswith("xl/worksheets/")
        )
        assert (b"<f>" in pages, b"hyperlink" in pages.lower().replace(b"=hyperlink(", b"")) == (
            False,
            False,
        )
    book = openpyxl.load_workbook(tmp_path / "xlsx/ledger.xlsx")
    heads, *_, last = book["cases"].iter_rows(values_only=True)
    assert dict(zip(heads, last, strict=True))["使用场景 (scene)"] == HOSTILE


def test_texts_longer_than_a_cell_are_whole_in_a_sheet_of_their_own(tmp_path: Path) -> None:
    writer = XlsxWriter(tmp_path, NOW)
    text = "字😀" * 20_000
    assert (
        writer.write(
            ExportTable(
                "t",
                ["a", "b"],
                ["a", "b"],
                iter([{"a": text, "b": None}, {"a": -1.5, "b": [True, 10**18]}]),
            )
        )
        == 2
    )
    writer.close()
    book = openpyxl.load_workbook(tmp_path / "ledger.xlsx")
    assert book["t"]["A2"].value == "→ long_texts"
    assert [(c.value, c.data_type) for c in book["t"][3]] == [
        (-1.5, "n"),
        ("[true,1000000000000000000]", "s"),
    ]
    assert (
        "".join(row[4] for row in book["long_texts"].iter_rows(min_row=2, values_only=True)) == text
    )


@given(st.text())
def test_harmless_text_can_be_turned_back(text: str) -> None:
    assert plain(harmless(text)) == text
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r"))


# --- anonymise ---

OTHERS = "陈大文"
OTHER_PHONE = "13622223333"


def close_all(place: Path, on: str, *numbers: str) -> None:
    """Let time close cases, as an expired survey does."""
    for number in numbers:
        sql(
            place,
            "INSERT INTO transition (matter_id, n, run_id, to_state, document, by_whom, happened_on, recorded_at, details) "
            f"SELECT id, 9, run_id, 'closed', 'time', 'batch', '{on}', '{on}T23:00:00+08:00', "
            f"""'{{"answers": {{"name": "{NAME}", "remarks": "请回电 137-9999-8888 {NAME}"}}, "reason": "{NAME}说的"}}' FROM case_ JOIN matter USING (id) WHERE number = '{number}'""",
            f"UPDATE transition SET document = 'satisfaction' WHERE n = 9 AND matter_id = (SELECT id FROM matter WHERE number = '{number}')",
            f"UPDATE transition SET n = 3 WHERE n = 9 AND matter_id = (SELECT id FROM matter WHERE number = '{number}')",
            f"DELETE FROM open_matter WHERE matter_id = (SELECT id FROM matter WHERE number = '{number}')",
        )


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Old cases of one person by file, other file and mail, closed; a returned row; and a young open case of another."""
    mask = os.umask(0o077)
    place = workspace(tmp_path_factory.mktemp("aged"), case_reports="[severe]")
    told = CANARY.replace("需要重新配对", f"联系{NAME}或137-9999-8888")
    old = told.replace("2026", "2022")
    drop(
        place,
        "客户/a.xlsx",
        sheet(
            f"{CUSTOMER} 微信 |\n{old} wx{MORE} |\n{old.replace('2022-11-05', '昨天')} wx{MORE} |"
        ),
    )
    drop(
        place,
        "客户/b.xlsx",
        sheet(
            f"{CUSTOMER}\n{old.replace('11-05', '11-06').replace('蓝牙经常断开', '屏幕发黑，按键全部失灵').replace('智能音箱', '智能手錶')}"
        ),
    )
    drop(
        place,
        f"客户/{NAME}.eml",
        mail(
            f"智能音箱 X-1 蓝牙断开，我是{NAME}",
            sender=f"{NAME} <canary@example.com>",
            date="Sat, 05 Nov 2022 10:30:00 +0800",
        ),
    )
    run(place, "2022-11-07")
    drop(place, "客户/c.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('王小明', OTHERS)}"))
    run(place, "2026-11-20")
    close_all(place, "2022-12-01", "FB-20221107-0001", "FB-20221107-0002", "FB-20221107-0003")
    sql(
        place,
        "UPDATE transition SET details = replace(details, '137-9999-8888', '') WHERE matter_id = 4",
    )  # whose number nobody knows
    os.umask(mask)
    return place


@pytest.fixture
def personal(aged: Path, tmp_path: Path) -> Path:
    """A copy of it to work with."""
    place = tmp_path / "personal"
    copied(aged, place)
    return place


SECRETS = (NAME, PHONE, "137-9999-8888", "canary@example.com")


def ledger_bytes(place: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((place / ".fbbatch").glob("ledger.db*")))


def test_no_name_remains_in_the_ledger_and_what_is_counted_stays(personal: Path) -> None:
    assert all(secret.encode() in ledger_bytes(personal) for secret in SECRETS)
    kept = (
        "SELECT number, registered_on, source, channel, schema_id FROM case_ JOIN matter USING (id)",
        "SELECT kind, type, severity FROM ruling",
        "SELECT hex(fingerprint) FROM fingerprint",
    )
    before = [sql(personal, query) for query in kept]
    triggers = sql(
        personal, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    )
    code, out, err = call("anonymise", "-w", personal, "--keep-files")
    assert (code, err) == (ExitCode.DONE, "")
    assert [secret for secret in SECRETS if secret in out] == []
    found = ledger_bytes(personal)
    remains = {secret for secret in SECRETS if secret.encode() in found}
    assert remains == {NAME}  # where the mail was put; it is still there
    assert sql(personal, f"SELECT archived FROM file WHERE archived LIKE '%{NAME}%'") == [
        (f"archive/accepted/2022-11-07/客户_{NAME}.eml",)
    ]
    assert found.count(NAME.encode()) == 1
    assert OTHERS.encode() in found
    assert [sql(personal, query) for query in kept] == before
    assert (
        sql(personal, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        == triggers
    )
    with (
        contextlib.closing(sqlite3.connect(personal / ".fbbatch/ledger.db")) as connection,
        pytest.raises(sqlite3.IntegrityError),
    ):
        connection.execute("UPDATE case_ SET answers = '{}'")
    answers = [json.loads(row[0]) for row in sql(personal, "SELECT answers FROM case_ ORDER BY id")]
    assert len({one["reporter"] for one in answers[:3]}) == 1  # one person, one pseudonym
    assert answers[0]["reporter"].startswith("anon-name-")
    assert answers[0]["description"].startswith("anon-text-")
    assert (answers[0]["product"], answers[3]["reporter"]) == ("智能音箱", OTHERS)
    (details,) = sql(personal, "SELECT details FROM upkeep WHERE kind = 'anonymise'")
    changed = json.loads(details[0])["counts"]
    assert changed.pop("findings")
    assert changed == {"cases": 3, "amendments": 0, "steps": 3, "rows": 4, "files": 3, "waiting": 0}
    assert (personal / ".fbbatch/pseudonyms.key").stat().st_mode & 0o777 == 0o600
    assert problems(personal) == []


@pytest.mark.slow
def test_anonymising_again_changes_nothing_and_a_rehearsal_nothing_at_all(personal: Path) -> None:
    before = dump(personal), tree(personal / "archive"), tree(personal / "outbox")
    code, out, _ = call("anonymise", "-w", personal, "--dry-run", "--with-files", "--json")
    told_first = json.loads(out)
    assert (
        code,
        told_first["closed_cases"],
        told_first["changed"]["cases"],
        told_first["dry_run"],
    ) == (0, 3, 3, True)
    assert (dump(personal), tree(personal / "archive"), tree(personal / "outbox")) == before
    assert not (personal / ".fbbatch/pseudonyms.key").exists()
    assert (
        json.loads(call("anonymise", "-w", personal, "--json")[1])["changed"]
        == told_first["changed"]
    )
    after = dump(personal)
    again = json.loads(call("anonymise", "-w", personal, "--json")[1])
    assert (set(again["changed"].values()), dump(personal)) == ({0}, after)


@pytest.mark.slow
def test_cases_that_are_open_or_closed_lately_keep_their_data(personal: Path) -> None:
    code, out, _ = call("anonymise", "-w", personal, "--before", "2022-12-01", "--json")
    assert (code, json.loads(out)["closed_cases"]) == (ExitCode.DONE, 0)
    assert (
        NAME in json.loads(sql(personal, "SELECT answers FROM case_ ORDER BY id")[0][0])["reporter"]
    )
    (personal / "fbbatch.yaml").write_text(
        (personal / "fbbatch.yaml").read_text(encoding="utf-8") + "retention_days: 36500\n",
        encoding="utf-8",
    )
    assert json.loads(call("anonymise", "-w", personal, "--json")[1])["closed_cases"] == 0
    with batch.locked(personal):
        assert call("anonymise", "-w", personal)[0] == ExitCode.BUSY


@pytest.mark.slow
def test_the_same_feedback_dropped_again_is_still_known(personal: Path) -> None:
    originals = {
        path.name: path.read_bytes() for path in (personal / "archive").rglob("*") if path.is_file()
    }
    assert call("anonymise", "-w", personal, "--with-files")[0] == ExitCode.DONE
    drop(personal, "客户/again.xlsx", originals["客户_b.xlsx"])
    drop(
        personal,
        "客户/as text.csv",
        delimited(
            f"{CUSTOMER}\n{CANARY.replace('2026-11-05', '2022-11-06').replace('蓝牙经常断开', '屏幕发黑，按键全部失灵').replace('智能音箱', '智能手錶').replace('需要重新配对', f'联系{NAME}或137-9999-8888')}"
        ),
    )
    result = run(personal, "2026-11-21")
    assert {f["name"]: f["outcome"] for f in result.manifest["files"]} == {
        "客户/again.xlsx": "duplicate",
        "客户/as text.csv": "duplicate",
    }
    assert problems(personal) == []


@pytest.mark.slow
def test_with_files_removes_what_is_about_nobody_else_and_verify_accepts_it(personal: Path) -> None:
    run(personal, "2026-11-23")
    code, out, _ = call("anonymise", "-w", personal, "--with-files", "--json")
    told_now = json.loads(out)
    assert code == ExitCode.DONE
    assert told_now["removed"]["originals"] == 3
    assert told_now["removed"]["documents"] > 3
    assert told_now["removed"]["run_folders"] == 1
    left = {
        path.relative_to(personal).as_posix()
        for path in (personal / "archive").rglob("*")
        if path.is_file()
    }
    assert left == {"archive/accepted/2026-11-20/客户_c.xlsx"}
    assert not (personal / "outbox/20221107-001").exists()
    assert (personal / "outbox/20261120-001/receipt.xlsx").is_file()
    found = ledger_bytes(personal)
    assert [secret for secret in SECRETS if secret.encode() in found] == []
    assert [
        path
        for path in personal.rglob("*")
        if path.is_file() and path.suffix != ".pdf" and NAME.encode() in path.read_bytes()
    ] == []
    assert problems(personal) == []
    assert json.loads(call("anonymise", "-w", personal, "--with-files", "--json")[1])[
        "removed"
    ] == {
        "originals": 0,
        "documents": 0,
        "run_folders": 1,
    }
    assert sql(personal, "SELECT count(*) FROM upkeep") == [(1,)]
    run(personal, "2026-11-24")
    assert problems(personal) == []


@pytest.mark.slow
def test_interrupted_removal_is_finished_by_calling_again(
    personal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(13, "Permission denied"))
        )
        code, _, err = call("anonymise", "-w", personal, "--with-files")
    assert (code, "call anonymise --with-files again" in err) == (ExitCode.STORAGE, True)
    assert call("anonymise", "-w", personal, "--with-files")[0] == ExitCode.DONE
    assert problems(personal) == []
    assert not any(NAME in path.name for path in personal.rglob("*"))


@pytest.mark.slow
def test_cells_are_told_apart_where_it_was_written_down_how_the_sheet_was_read(
    personal: Path,
) -> None:
    columns = json.dumps(
        [
            [n, name, ""]
            for n, name in enumerate(
                ("reporter", "contact", "reported_at", "product", "model", "description", "scene"),
                1,
            )
        ]
    )
    sql(
        personal,
        f"INSERT OR REPLACE INTO sheet SELECT DISTINCT file_id, sheet, 'customer', 1, '{columns}' FROM submission WHERE sheet != ''",
    )
    assert call("anonymise", "-w", personal)[0] == ExitCode.DONE
    first, second = (
        json.loads(row[0])
        for row in sql(personal, "SELECT cells FROM submission WHERE file_id = 1 ORDER BY row")
    )
    assert first[3:5] == ["智能音箱", "X-1"]  # words of the company's own
    assert all(cell.startswith("anon-text-") for cell in (first[2], first[5], first[6]))
    answers = json.loads(sql(personal, "SELECT answers FROM case_ ORDER BY id")[0][0])
    contacts = answers["contact"].split("; ")  # 微信 is the second column of it
    assert first[:2] == second[:2] == [answers["reporter"], contacts[0]]
    assert len(contacts) == 2
    assert first[7].startswith("anon-text-")  # nobody has said what this column is


def test_forms_and_tables_lose_the_names_in_them(book: Book) -> None:
    rules = Pseudonyms(book, b"k" * 32)
    known = rules.known("customer", [{"reporter": NAME, "contact": PHONE}])
    assert known[NAME] != Pseudonyms(book, b"other").of("name", NAME)
    kept, values = rules.cells(
        "step", "satisfaction", None, [f"我是{NAME}", {"name": NAME, "overall": 5}], known
    )
    assert kept.startswith("anon-text-")
    assert values == {"name": known[NAME], "overall": 5}
    assert (
        rules.text(f"找{NAME}，电话+{PHONE[:3]} {PHONE[3:7]}-{PHONE[7:]}", known)
        == f"找{known[NAME]}，电话+{known[PHONE]}"
    )
    assert rules.changes("customer", {"reporter": [OTHERS, NAME], "product": ["a", "b"]}, known) == {
        "reporter": [rules.of("name", OTHERS), known[NAME]], "product": ["a", "b"],
    }  # fmt: skip
    assert rules.remark("FB-bad-contact", {"value": PHONE, "example": "x"}) == {
        "value": rules.of("text", PHONE),
        "example": "x",
    }
    assert (
        rules.of("name", "ＡＢＣ")
        == rules.of("name", "abc")
        == rules.of("name", rules.of("name", "abc"))
    )


def test_each_of_several_contacts_is_known_and_keeps_its_mark(book: Book) -> None:
    rules = Pseudonyms(book, b"k" * 32)
    mail = "canary@example.com"
    both = {"reporter": NAME, "contact": f"{PHONE}; {mail}"}
    known = rules.known("customer", [both])
    alone = [rules.of("contact", PHONE), rules.of("contact", mail)]
    assert rules.text(f"已致电{PHONE[:3]} {PHONE[3:]}，又写信到 {mail}", known) == (
        f"已致电{alone[0]}，又写信到 {alone[1]}"
    )
    kept = rules.answers("customer", both, known)
    assert kept["contact"] == "; ".join(alone)
    assert rules.answers("customer", kept, {}) == kept
    written = rules.known("customer", [{"contact": f"微信同号 {PHONE} {OTHER_PHONE}，{mail}"}])
    assert {PHONE, OTHER_PHONE, mail} < written.keys()
    columns = [[1, "contact", ""], [2, "contact", ""]]
    _, told = rules.told_by("customer", columns, [PHONE, mail])
    assert {PHONE, mail} == rules.known("customer", told).keys()


# --- the manifest's own hash; damage; what is killed ---


def test_changed_manifest_is_a_problem_and_one_of_an_older_version_is_not_checked(
    lived: Path,
) -> None:
    path = lived / R1 / "manifest.json"
    told_there = json.loads(path.read_text(encoding="utf-8"))
    told_there["counts"]["rows"] = 99
    path.write_text(json.dumps(told_there), encoding="utf-8")
    assert problems(lived) == [("the manifest has been changed", f"{R1}/manifest.json")]
    sql(lived, "UPDATE run SET manifest_sha256 = NULL WHERE id = 1")
    assert problems(lived) == []


def test_run_records_the_hash_of_the_manifest_that_it_publishes(lived: Path) -> None:
    recorded = dict(sql(lived, "SELECT name, manifest_sha256 FROM run"))
    assert recorded == {
        name: hashlib.sha256((lived / "outbox" / name / "manifest.json").read_bytes()).hexdigest()
        for name in recorded
    }


def test_file_too_large_to_be_read_is_known_by_its_size(place: Path) -> None:
    path = drop(place, "huge.csv", b"")
    with path.open("r+b") as stream:
        stream.truncate(1 << 28)
    run(place)
    assert problems(place) == []
    (kept,) = (place / "archive").rglob("huge.csv")
    with kept.open("r+b") as stream:
        stream.truncate((1 << 28) - 1)
    where = kept.relative_to(place).as_posix()
    assert problems(place) == [("the original has been changed", where)]
    kept.unlink()
    assert problems(place) == [("the original is not there", where)]


def pages_of(place: Path) -> dict[str, tuple[str, int]]:
    """name → (table, number of the first page) of every table and index of the ledger, whose journal is emptied."""
    rows = sql(
        place,
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "SELECT name, tbl_name, rootpage FROM sqlite_master WHERE rootpage > 1",
    )
    return {name: (table, page) for name, table, page in rows}


def with_ledger(place: Path, content: bytes) -> None:
    """Put these bytes in the place of the ledger."""
    for path in (place / ".fbbatch").glob("ledger.db*"):
        path.unlink()
    (place / ".fbbatch/ledger.db").write_bytes(content)


PAGE = 16_384


SOME_TABLES = frozenset({"alembic_version", "case_", "transition", "waiting_form"})


@pytest.mark.parametrize(
    "tables", [SOME_TABLES, pytest.param(None, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_damaged_page_of_any_table_or_index_is_5_with_the_table_named(
    lived: Path, tables: frozenset[str] | None
) -> None:
    pages = pages_of(lived)
    good = (lived / ".fbbatch/ledger.db").read_bytes()
    assert {table for table, _ in pages.values()} > SOME_TABLES
    for name, (table, page) in sorted(pages.items()):
        if tables and table not in tables:
            continue
        broken = bytearray(good)
        start = PAGE * (page - 1)
        broken[start : start + 12] = bytes(255 - byte for byte in good[start : start + 12])
        with_ledger(lived, bytes(broken))
        if table == "alembic_version":
            assert call("verify", "-w", lived)[0] == ExitCode.STORAGE
            continue
        found = told(lived)
        assert [p["what"] for p in found["problems"]][:1] == ["the database file is damaged"], name
        assert any(f"table {table}" in p["where"] for p in found["problems"]), (
            name,
            found["problems"],
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (
            "UPDATE case_ SET answers = replace(answers, ':', '!') WHERE id = (SELECT min(id) FROM case_)",
            "case_",
        ),
        (
            "UPDATE case_ SET registered_on = '2026-1!-20' WHERE id = (SELECT min(id) FROM case_)",
            "case_",
        ),
        (
            "UPDATE transition SET to_state = 'assigoed' WHERE n = 2 AND matter_id = (SELECT min(id) FROM case_)",
            "transition",
        ),
        (
            "UPDATE transition SET details = '!' || substr(details, 2) WHERE n = 2 AND matter_id = (SELECT min(id) FROM case_)",
            "transition",
        ),
        (
            "UPDATE transition SET happened_on = '2026-11-2x' WHERE n = 1 AND matter_id = (SELECT min(id) FROM case_)",
            "transition",
        ),
        ("UPDATE ruling SET evidence = '[]' WHERE id = 1", "ruling"),
        ("UPDATE run SET as_of = '2026-11-20' WHERE id = 1", "run"),
        ("UPDATE finding SET details = '{' WHERE id = 1", "finding"),
        ("UPDATE finding SET severity = 'errnr' WHERE id = 1", "finding"),
        ("UPDATE submission SET cells = x'5b5d' WHERE id = 1", "submission"),
        ("UPDATE file SET outcome = 'accepxed' WHERE id = 1", "file"),
        ("UPDATE document SET form = 'x' WHERE id = 1", "document"),
    ],
)
def test_damaged_value_is_5_with_the_table_named_and_no_command_takes_it_for_a_bug(
    lived: Path, statement: str, table: str
) -> None:
    sql(lived, statement)
    found = told(lived)["problems"]
    assert any(f"table {table}" in problem["where"] for problem in found), found
    for command in (("status",), ("run", "--as-of", "2026-11-24")):
        assert call(*command, "-w", lived)[0] in {
            ExitCode.DONE,
            ExitCode.RETURNED,
            ExitCode.INVALID,  # the state is not among those of the process
            ExitCode.STORAGE,
        }, command


@pytest.mark.slow
def test_flipped_bytes_anywhere_are_never_a_bug(lived: Path) -> None:
    pages_of(lived)
    good = (lived / ".fbbatch/ledger.db").read_bytes()
    written = [at for at, byte in enumerate(good) if byte]
    chance = random.Random(2026)
    codes = set()
    for at in (*range(0, 100, 24), *chance.sample(written, 8)):
        broken = bytearray(good)
        broken[at] ^= chance.choice((1, 4, 32, 255))
        for command in (("verify",), ("status",)):
            with_ledger(lived, bytes(broken))
            codes.add(call(*command, "-w", lived)[0])
    assert codes == {ExitCode.DONE, ExitCode.STORAGE}
    for at in chance.sample(written, 3):
        broken = bytearray(good)
        broken[at] ^= 255
        with_ledger(lived, bytes(broken))
        assert call("run", "--as-of", "2026-11-24", "-w", lived)[0] in {
            ExitCode.DONE,
            ExitCode.STORAGE,
        }


@pytest.mark.slow
def test_ledger_whose_first_page_lists_no_tables_is_not_taken_for_a_new_one(lived: Path) -> None:
    pages_of(lived)
    broken = bytearray((lived / ".fbbatch/ledger.db").read_bytes())
    broken[103:105] = b"\0\0"
    with_ledger(lived, bytes(broken))
    assert call("status", "-w", lived)[0] == ExitCode.STORAGE
    assert told(lived)["problems"][0]["what"] == "the ledger cannot be opened"
    assert (lived / ".fbbatch/ledger.db").read_bytes()[:PAGE] == bytes(broken[:PAGE])


def older(place: Path) -> None:
    """Make a ledger of revision r0003 out of this one: its tables as they were made then, with these rows."""
    ledger = place / ".fbbatch/ledger.db"
    newer = place / "newer.db"
    with contextlib.closing(sqlite3.connect(ledger)) as connection:
        connection.execute("VACUUM INTO ?", [str(newer)])
    for path in ledger.parent.glob("ledger.db*"):
        path.unlink()
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "fbbatch/ledger/migrations"))
    engine = sa.create_engine(f"sqlite:///{ledger}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "r0003")
    engine.dispose()
    with contextlib.closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("ATTACH ? AS newer", [str(newer)])
        tables = (
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        for (table,) in connection.execute(tables).fetchall():
            if table != "alembic_version":
                connection.execute(_back_into(connection, table))
    newer.unlink()


def _back_into(connection: sqlite3.Connection, table: str) -> str:
    """The statement that puts the rows of the newer ledger into a table of the older one."""

    def columns(database: str, name: str) -> list[str]:
        return [row[1] for row in connection.execute(f"PRAGMA {database}.table_info({name})")]

    source = {"open_case": "open_matter"}.get(table, table)
    wanted = columns("main", table)
    known = columns("newer", source)
    told = []
    for name in wanted:
        if name in known:
            told.append(f'"{name}"')
        elif (table, name) == ("case_", "number"):
            told.append("(SELECT number FROM newer.matter WHERE matter.id = case_.id)")
        else:
            assert name == "case_id"
            told.append("matter_id")
    names = ", ".join(f'"{name}"' for name in wanted)
    return f"INSERT INTO main.{table} ({names}) SELECT {', '.join(told)} FROM newer.{source}"


def schema_of(place: Path) -> list[tuple[Any, ...]]:
    """The tables with their columns, and the revision."""
    names = [
        name
        for (name,) in sql(
            place, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
    ]
    columns = [
        (name, sorted(row[1] for row in sql(place, f"PRAGMA table_info({name})"))) for name in names
    ]
    return [*columns, *sql(place, "SELECT version_num FROM alembic_version")]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")
@pytest.mark.parametrize("point", ["copying:1", "migrating:1"])
def test_killed_upgrade_leaves_the_ledger_as_it_was_and_the_next_command_completes_it(
    lived: Path, point: str
) -> None:
    new, cases = schema_of(lived), sql(lived, "SELECT * FROM case_")
    older(lived)
    old = schema_of(lived)
    pid = process_of(lambda: call("status", "-w", lived), point=f"{point}:kill")
    assert ended(pid) == -signal.SIGKILL
    assert schema_of(lived) == old
    saved = lived / ".fbbatch/ledger.db.before-r0005"
    assert saved.exists() is point.startswith("migrating")
    assert told(lived)["ok"]
    assert (schema_of(lived), sql(lived, "SELECT * FROM case_")) == (new, cases)
    with contextlib.closing(sqlite3.connect(saved)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (
            "r0003",
        )
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert len(connection.execute("SELECT * FROM case_").fetchall()) == len(cases)
    assert not list((lived / ".fbbatch").glob("*.partial"))
    run(lived, "2026-11-24")
    assert problems(lived) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")
@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
def test_killed_export_leaves_nothing_under_its_name_and_the_next_is_complete(
    lived: Path, tmp_path: Path, kind: str
) -> None:
    export = ("export", tmp_path / "out", "-w", lived, "--format", kind)
    pid = process_of(lambda: call(*export), point="exporting:1:kill")
    assert ended(pid) == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [
        ".out.partial"
    ]
    assert call(*export)[0] == ExitCode.DONE
    assert call("export", tmp_path / "calm", "-w", lived, "--format", kind)[0] == ExitCode.DONE
    assert tree(tmp_path / "out") == tree(tmp_path / "calm")
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
