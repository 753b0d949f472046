"""As of when a run computes: impossible times are refused before it begins, and what an impossible one has left is given up."""

import contextlib
import datetime as dt
import json
import os
import pty
import select
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fbbatch import batch
from fbbatch.cli import serve
from fbbatch.cli.common import Call
from fbbatch.errors import ExitCode, UnusableTimeError
from fbbatch.ledger import Ledger, RunRecord
from tests.builders import (
    CUSTOMER,
    GOOD,
    codes,
    drop,
    moment,
    rehearse,
    run,
    sheet,
    shop_of,
    tree,
    workspace,
)
from tests.test_cli import call

NOW = dt.datetime(2026, 11, 28, 8, tzinfo=dt.UTC)
FILE = sheet(f"{CUSTOMER}\n{GOOD}")


def unfinished(place: Path, as_of: str) -> RunRecord:
    """An unfinished run that has recorded nothing, as a crash leaves it."""
    run_time = dt.datetime.combine(dt.date.fromisoformat(as_of), dt.time(23), NOW.tzinfo)
    with contextlib.closing(Ledger(place / ".fbbatch/ledger.db")) as ledger:
        return ledger.begin_run(run_time, started_at=NOW, version="0.1.0")


def runs(place: Path) -> list[tuple[str, bool]]:
    """(name, whether it is closed) of every run in the ledger."""
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as ledger:
        return [
            (name, closed is not None)
            for name, closed in ledger.execute("SELECT name, finished_at FROM run ORDER BY id")
        ]


# --- bounds ---


@pytest.mark.parametrize(
    ("as_of", "last", "fits"),
    [
        ("1989-12-31", None, False),
        ("1990-01-01", None, True),
        ("2026-11-28", None, True),
        ("2028-01-02", None, True),  # 400 days after the clock
        ("2028-01-03", None, False),
        ("2028-01-03", "2026-11-27", False),
        (
            "2028-01-03",
            "2026-11-29",
            True,
        ),  # 400 days after the last run, which was ahead of the clock
        ("2099-01-01", None, False),
        ("9999-12-31", None, False),
        ("0001-01-01", None, False),
        ("9999-12-31", "9998-12-31", True),
    ],
)
def test_a_run_is_neither_before_1990_nor_400_days_after_clock_and_last_run(
    as_of: str, last: str | None, fits: bool
) -> None:
    asked = dt.datetime.combine(dt.date.fromisoformat(as_of), dt.time(23), dt.UTC)
    newest = (
        RunRecord(
            1, "x", dt.datetime.combine(dt.date.fromisoformat(last), dt.time(23), dt.UTC), "closed"
        )
        if last
        else None
    )
    try:
        batch.check_time(asked, now=NOW, last=newest, language="en")
        refusal = ""
    except UnusableTimeError as error:
        refusal = str(error)
    assert (as_of in refusal) is not fits
    assert bool(refusal) is not fits


@pytest.mark.slow
@pytest.mark.parametrize(
    "as_of",
    [
        "9999-12-31",
        "2099-01-01",
        "1989-12-31",
        "0001-01-01",
        "9999-12-31T23:59-12:00",
        "0001-01-01T00:00+14:00",
    ],
)
@pytest.mark.parametrize("how", ["run", "dry", "check"])
def test_impossible_time_is_wrong_usage_and_touches_nothing(
    place: Path, as_of: str, how: str
) -> None:
    path = drop(place, "a.xlsx", FILE)
    run(place, "2026-11-20")
    before = tree(place)
    args: dict[str, tuple[str | Path, ...]] = {
        "run": ("run",),
        "dry": ("run", "--dry-run"),
        "check": ("check", place / "archive"),
    }
    told = call(*args[how], "-w", place, "--as-of", as_of)
    assert (told.code, told.out) == (ExitCode.USAGE, "")
    assert told.err.strip()
    assert not path.exists()
    assert {n: m for n, m in tree(place).items() if not n.endswith(("-wal", "-shm"))} == {
        n: m for n, m in before.items() if not n.endswith(("-wal", "-shm"))
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("locale", "words"),
    [("zh-Hant", "請核對年份"), ("zh-Hans", "请核对年份"), ("en", "Check the year")],
)
def test_refusal_says_why_in_the_workspaces_language(
    tmp_path: Path, locale: str, words: str
) -> None:
    place = workspace(tmp_path, locale)
    for as_of in ("2099-01-01", "1980-01-01"):
        told = call("run", "-w", place, "--as-of", as_of)
        assert told.code == ExitCode.USAGE
        assert words in told.err
        assert as_of in told.err


# --- what an impossible time has left ---


@pytest.mark.slow
@pytest.mark.parametrize("left", ["9999-12-31", "2099-01-01", "1970-01-01", "2026-11-21"])
def test_workspace_with_an_empty_run_at_an_unusable_or_later_time_heals_by_the_next_run(
    place: Path, left: str
) -> None:
    name = unfinished(place, left).name
    drop(place, "a.xlsx", FILE)
    told = call("run", "-w", place, "--as-of", "2026-11-20")
    assert told.code == ExitCode.DONE
    assert name in told.out
    assert "已放弃" in told.out
    assert runs(place) == [("20261120-001", True)]
    assert call("run", "-w", place, "--as-of", "2026-11-21").code == ExitCode.DONE


def test_workspace_that_an_impossible_time_has_bricked_with_files_in_the_inbox_heals_and_judges_them_anew(
    place: Path,
) -> None:
    drop(place, "a.csv", b"\x00\x01\x02 no table")
    drop(place, "b.xlsx", sheet(f"{CUSTOMER}\n{GOOD.replace('2026-11-05', 'sometime')}"))
    drop(place, "c.xlsx", FILE)
    shop, name = shop_of(place), unfinished(place, "9999-12-31").name
    with (
        contextlib.closing(shop.ledger()) as ledger,
        pytest.raises(OverflowError),
    ):  # as it went before times were checked
        batch._Run(shop, ledger, ledger.unfinished_run(), lambda *_: None, lambda: False).carry_out(
            NOW
        )
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as ledger:
        assert {outcome for (outcome,) in ledger.execute("SELECT outcome FROM file")} == {
            "quarantined",
            "returned",
        }
    result = run(place)
    assert result.given_up is not None
    assert result.given_up.name == name
    assert [(f.name, f.outcome) for f in result.receipt.files] == [
        ("a.csv", "quarantined"),
        ("b.xlsx", "returned"),
        ("c.xlsx", "accepted"),
    ]
    assert [code for code, row, _ in codes(result) if row] == ["FB-not-date"]
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as ledger:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            ledger.execute("DELETE FROM submission")
        assert ledger.execute("PRAGMA foreign_key_check").fetchall() == []
    assert call("verify", "-w", place).code == ExitCode.DONE


def test_run_at_an_unusable_time_that_has_registered_a_case_stays(place: Path) -> None:
    drop(place, "a.xlsx", FILE)
    run(place, "2028-06-01")
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE run SET finished_at = NULL")
    assert run(place, "2026-11-20").given_up is None
    assert runs(place) == [("20280601-001", True), ("20261120-001", True)]


def test_draft_of_a_run_that_was_given_up_is_thrown_away(place: Path) -> None:
    name = unfinished(place, "9999-12-31").name
    draft = place / ".fbbatch/work" / name
    draft.mkdir(parents=True)
    (draft / "x.txt").write_text("half", encoding="utf-8")
    assert run(place).given_up is not None
    assert not draft.exists()


def test_empty_run_within_the_bounds_is_finished_first_under_its_own_name(place: Path) -> None:
    unfinished(place, "2026-11-19")
    assert run(place, "2026-11-20").given_up is None
    assert runs(place) == [("20261119-001", True), ("20261120-001", True)]


def test_later_run_that_has_recorded_something_is_finished_first(place: Path) -> None:
    drop(place, "a.xlsx", FILE)
    run(place, "2026-11-25")
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE run SET finished_at = NULL")
    assert run(place, "2026-11-20").given_up is None
    assert runs(place) == [("20261125-001", True), ("20261120-001", True)]


def test_rehearsal_passes_over_an_empty_run_at_an_unusable_time(place: Path) -> None:
    unfinished(place, "9999-12-31")
    drop(place, "a.xlsx", FILE)
    assert rehearse(place).receipt.run == "20261120-001"
    assert runs(place) == [("99991231-001", False)]


def test_scheduler_gives_the_run_up_and_says_so_in_its_log(place: Path) -> None:
    unfinished(place, "9999-12-31")
    log = serve._log(place)
    serve._attempt(Call(place, as_json=False, quiet=True, verbose=False), threading.Event(), log)
    for handler in log.handlers:
        handler.close()
    log.handlers = []
    told = (place / ".fbbatch/logs/serve.log").read_text(encoding="utf-8")
    assert "99991231-001 was given up" in told
    assert [closed for _, closed in runs(place)] == [True]


# --- asked back ---


def on_terminal(answer: bytes, *args: str | Path) -> tuple[int, str]:
    """Call the program on a terminal, answer its question if there is one: (exit code, what the terminal showed)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fbbatch", *map(str, args)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown, answered, end = b"", False, time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    shown += os.read(ours, 65_536)
                except OSError:  # the other side is gone
                    break
            elif process.poll() is not None:
                break
            if not answered and b"[y/N]" in shown:
                answered = True
                os.write(ours, answer)
        return process.wait(30), shown.decode("utf-8", "replace")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a terminal is made")
@pytest.mark.parametrize(
    ("answer", "code", "n_runs"), [(b"y\n", ExitCode.DONE, 1), (b"n\n", ExitCode.INTERRUPTED, 0)]
)
def test_time_more_than_a_day_ahead_is_asked_back_on_a_terminal(
    place: Path, answer: bytes, code: int, n_runs: int
) -> None:
    ahead = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=3)).isoformat()
    ended, shown = on_terminal(answer, "run", "-w", place, "--as-of", ahead)
    assert (ended, "[y/N]" in shown, ahead in shown) == (code, True, True)
    assert len(list((place / "outbox").glob("2*"))) == n_runs


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a terminal is made")
@pytest.mark.parametrize(
    ("days", "code"), [(0, ExitCode.DONE), (-3, ExitCode.DONE), (30_000, ExitCode.USAGE)]
)
def test_nobody_is_asked_about_the_present_the_past_and_the_impossible(
    place: Path, days: int, code: int
) -> None:
    day = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)).isoformat()
    ended, shown = on_terminal(b"y\n", "run", "-w", place, "--as-of", day)
    assert (ended, "[y/N]" in shown) == (code, False)


def test_without_a_terminal_a_time_ahead_is_meant_so(place: Path) -> None:
    ahead = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=100)
    told = call("run", "-w", place, "--json", "--as-of", ahead.isoformat())
    assert told.code == ExitCode.DONE
    assert json.loads(told.out)["run"].startswith(f"{ahead:%Y%m%d}")


def test_foreseeing_a_run_within_the_bounds_touches_nothing(place: Path) -> None:
    shop, before = shop_of(place), tree(place)
    batch.foresee(shop, moment(place, "2026-11-20"), now=NOW)
    assert tree(place) == before
    with pytest.raises(UnusableTimeError):
        batch.foresee(shop, moment(place, "2099-01-01"), now=NOW)
    assert tree(place) == before
