"""Everything else that may be wrong with the machine, the folders and the names: what docs/faults.md lists."""

import contextlib
import datetime as dt
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fbbatch import failpoints, inbox
from fbbatch.batch import RunResult
from fbbatch.cli import serve
from fbbatch.errors import BusyError, ExitCode, StorageError
from fbbatch.ledger import store
from fbbatch.schema import Book
from tests.builders import (
    CUSTOMER,
    GOOD,
    REPOSITORY,
    codes,
    counts,
    delimited,
    drop,
    judge,
    people,
    run,
    sheet,
    shop_of,
    tree,
    workspace,
)
from tests.crash import NOBODY, attempt, copied, dump, ended, night, process_of, standing

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="permissions, links, signals and file systems as POSIX has them"
)
ANOTHER_DISK = Path("/dev/shm")


@pytest.fixture(autouse=True)
def _private_by_default() -> None:
    os.umask(0o077)  # as every command does


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace before its run, and the same after it."""
    os.umask(0o077)
    before = night(tmp_path_factory.mktemp("before"))
    after = copied(before, tmp_path_factory.mktemp("after"))
    run(after)
    return before, after


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another device."""
    if (
        not ANOTHER_DISK.is_dir()
        or ANOTHER_DISK.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev
    ):
        pytest.skip("there is no second file system to write to")
    folder = Path(tempfile.mkdtemp(dir=ANOTHER_DISK))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def restricted(
    nights: tuple[Path, Path], book: Book, tmp_path: Path
) -> Iterator[tuple[Path, int | None]]:
    """A workspace of an account to which permissions apply, and that account (None: the one the tests run as)."""
    judge(
        book, tmp_path, delimited(people(1))
    )  # after this and the `nights`, no module is left that the account may not read
    folder = Path(tempfile.mkdtemp(prefix="fbbatch-restricted-"))
    folder.chmod(0o755)
    place = workspace(folder)
    account = None
    if os.getuid() == 0:
        account = NOBODY
        for path in (place, *place.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    yield place, account
    shutil.rmtree(folder, ignore_errors=True)


def owned(path: Path, account: int | None) -> Path:
    if account is not None:
        os.chown(path, account, account)
    return path


def outcomes(result: RunResult) -> dict[str, tuple[str, str | None]]:
    return {file["name"]: (file["outcome"], file["code"]) for file in result.manifest["files"]}


def names_in(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.rglob("*") if path.is_file() and path.name != "README.txt"
    )


# --- folders ---


@pytest.mark.parametrize("name", ["outbox", "archive", "inbox"])
def test_folder_that_may_not_be_written_is_told_before_the_ledger_is_touched(
    restricted: tuple[Path, int | None], name: str, capfd
) -> None:
    place, account = restricted
    (place / name).chmod(0o500)
    before = tree(place)
    assert attempt(place, account=account) == ExitCode.STORAGE
    assert f"The {name}" in capfd.readouterr().err
    assert {
        path: found
        for path, found in tree(place).items()
        if path not in {".fbbatch/lock", ".fbbatch/work"}
    } == before


def test_missing_outbox_is_told_before_the_ledger_is_touched(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(1)))
    (place / "outbox").rmdir()
    with pytest.raises(StorageError, match="is its disk mounted"):
        run(place)
    assert not (place / ".fbbatch/ledger.db").exists()
    assert not (place / "outbox").exists()
    (place / "outbox").mkdir()
    assert counts(run(place)) == (1, 1, 0, 0, 0)


@pytest.mark.slow
def test_outbox_and_archive_on_another_disk_end_as_on_the_same(
    nights: tuple[Path, Path], tmp_path: Path, elsewhere: Path
) -> None:
    before, here = nights
    there = copied(before, tmp_path / "there")
    for name in ("outbox", "archive"):
        shutil.move(there / name, elsewhere / name)
        (there / name).symlink_to(elsewhere / name)
    assert attempt(there, point="renamed:1:kill") == -signal.SIGKILL
    run(there)
    assert {name: tree(there / name) for name in ("outbox", "archive")} == {
        name: tree(here / name) for name in ("outbox", "archive")
    }
    assert dump(there) == dump(here)


def test_copy_to_another_disk_that_breaks_off_leaves_the_original_and_no_torn_file(
    place: Path, elsewhere: Path
) -> None:
    shutil.move(place / "archive", elsewhere / "archive")
    (place / "archive").symlink_to(elsewhere / "archive")
    drop(place, "a.xlsx", sheet(people(1)))
    assert attempt(place, point="copying:1:ENOSPC") == ExitCode.STORAGE
    assert names_in(place / "inbox") == ["a.xlsx"]
    assert names_in(elsewhere) == []
    run(place)
    assert (names_in(place / "inbox"), names_in(elsewhere)) == ([], ["a.xlsx"])


def test_file_of_another_account_is_archived_as_ours(restricted: tuple[Path, int | None]) -> None:
    place, account = restricted
    if account is None:
        pytest.skip("only root can drop a file as somebody else")
    path = drop(place, "a.csv", delimited(people(1)))
    path.chmod(0o644)
    assert attempt(place, account=account) == ExitCode.DONE
    (kept,) = (place / "archive").rglob("a.csv")
    assert (kept.stat().st_uid, kept.stat().st_mode & 0o777) == (NOBODY, 0o600)
    assert names_in(place / "inbox") == []


# --- two at once ---


@pytest.mark.slow
def test_of_twenty_starts_at_once_one_works_and_the_others_say_so(place: Path) -> None:
    drop(place, "a.xlsx", sheet(people(30)))
    shop_of(place)
    processes = [process_of(lambda: run(place), point="claimed:1:sleep") for _ in range(20)]
    start = time.monotonic()
    codes_seen = sorted(ended(process) for process in processes)
    assert codes_seen == [ExitCode.DONE, *[ExitCode.BUSY] * 19]
    assert time.monotonic() - start < 60
    assert len(dump(place)["case_"]) == 30
    assert len(dump(place)["run"]) == 1


# --- time ---


def test_files_from_1970_and_2099_are_taken(place: Path) -> None:
    for name, year in (("a.xlsx", 1970), ("b.csv", 2099)):
        path = drop(
            place, name, sheet(people(1)) if name == "a.xlsx" else delimited(f"{CUSTOMER}\n{GOOD}")
        )
        stamp = dt.datetime(year, 1, 2, tzinfo=dt.UTC).timestamp()
        os.utime(path, (stamp, stamp))
    assert counts(run(place)) == (2, 2, 0, 0, 0)


@pytest.mark.slow
def test_hour_that_comes_twice_and_a_machine_in_another_zone_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fbbatch import batch

    told = []
    for zone in ("Asia/Taipei", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        place = workspace(tmp_path / zone.partition("/")[2], time_zone="America/New_York")
        for fold in (0, 1):
            drop(
                place,
                f"{fold}.csv",
                delimited(
                    f"{CUSTOMER}\n{GOOD.replace('王小明', f'甲{fold}').replace('2026-11-05', '2026-10-30')}"
                ),
            )
            moment = dt.datetime(2026, 11, 1, 1, 30, tzinfo=shop_of(place).settings.zone, fold=fold)
            told.append(
                batch.run(shop_of(place), moment, now=moment, progress=lambda *_: None).manifest
            )
    monkeypatch.undo()
    time.tzset()
    assert [(m["run"], m["as_of"], m["cases"][0]["number"]) for m in told[:2]] == [
        ("20261101-001", "2026-11-01T01:30:00-04:00", "FB-20261101-0001"),
        ("20261101-002", "2026-11-01T01:30:00-05:00", "FB-20261101-0002"),
    ]
    assert told[:2] == told[2:]


# --- files that move under the run's hands ---


@pytest.mark.slow
def test_file_that_is_still_being_copied_waits_until_it_is_whole(tmp_path: Path) -> None:
    place = workspace(tmp_path, settle_seconds=0.3)
    content, done = delimited(people(40)), threading.Event()
    path = drop(place, "a.csv", content[:50])

    def copy() -> None:
        for n in range(50, len(content), 40):
            if done.wait(0.02):
                break
            with path.open("ab") as stream:
                stream.write(content[n : n + 40])

    writer = threading.Thread(target=copy)
    writer.start()
    try:
        result = run(place)
    finally:
        done.set()
        writer.join()
    assert outcomes(result) == {"a.csv": ("deferred", "FB-changed")}
    path.write_bytes(content)
    assert counts(run(place)) == (40, 40, 0, 0, 0)


def at(name: str, monkeypatch: pytest.MonkeyPatch, do) -> None:
    """Do something when a run passes a point."""
    monkeypatch.setattr(failpoints, "reach", lambda reached, *_: do() if reached == name else None)


@pytest.mark.parametrize("point", ["scanned", "claimed"])
def test_file_that_vanishes_is_deferred_and_the_others_are_taken(
    place: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    path = drop(place, "a.csv", delimited(people(1)))
    drop(place, "b.csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    at(point, monkeypatch, lambda: path.unlink(missing_ok=True))
    result = run(place)
    assert outcomes(result) == {"a.csv": ("deferred", "FB-changed"), "b.csv": ("accepted", None)}
    assert result.exit_code == ExitCode.DONE


def test_file_that_is_replaced_before_it_is_read_is_not_taken_for_the_one_that_was_seen(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = delimited(people(1)), delimited(f"{CUSTOMER}\n{GOOD}")
    path = drop(place, "a.csv", old)
    drop(place, "copy.csv", old)
    with monkeypatch.context() as patch:
        at("claimed", patch, lambda: path.write_bytes(new))
        result = run(place)
    assert outcomes(result) == {
        "a.csv": ("deferred", "FB-changed"),
        "copy.csv": ("deferred", "FB-changed"),
    }
    assert names_in(place / "inbox") == ["a.csv", "copy.csv"]
    assert counts(run(place)) == (2, 2, 0, 0, 0)
    assert names_in(place / "inbox") == []


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["~${}", ".~lock.{}#", ".~{}"])
def test_lock_file_of_office_is_heeded_for_a_day_and_then_told(place: Path, lock: str) -> None:
    drop(place, "a.csv", delimited(people(1)))
    beside = drop(place, lock.format("a.csv"), b"lock")
    assert outcomes(run(place)) == {"a.csv": ("deferred", "FB-locked")}
    yesterday = time.time() - 25 * 3600
    os.utime(beside, (yesterday, yesterday))
    result = run(place)
    assert outcomes(result) == {"a.csv": ("accepted", None)}
    assert codes(result) == [("FB-lock-left", None, None)]
    assert beside.exists()


# --- names ---

HOSTILE = [
    *(
        "e\u0301.csv".encode(),
        "\u00e9.csv".encode(),
        b"x" * 251 + b".csv",
        b"y" * 255,
        "换行\n.csv".encode(),
        b"-rf.csv",
        b"-rf",
    ),
    *(
        "\u202evsc.txt".encode(),
        b"\xc0\xaf\xff.csv",
        b"\xff" * 250 + b".csv",
        b"CON.csv",
        b"nul",
        "😀.csv".encode(),
        b"dot.csv.",
        b" .csv",
    ),
    *(
        b"$(reboot).csv",
        b"a\\b.csv",
        b"%00.csv",
        b"...csv",
        "客户/客户.csv".encode(),
        "客户_客户.csv".encode(),
    ),
]


@pytest.mark.slow
def test_files_of_any_name_are_all_taken_apart_and_kept(place: Path) -> None:
    contents = []
    for n, name in enumerate(HOSTILE):
        contents.append(delimited(f"{CUSTOMER}\n{GOOD.replace('王小明', f'甲{n:02d}')}"))
        try:
            with open(os.path.join(os.fsencode(place / "inbox"), name), "wb") as stream:
                stream.write(contents[-1])
        except OSError:
            pytest.skip("this file system refuses such names")
    result = run(place)
    assert counts(result) == (len(HOSTILE), len(HOSTILE), 0, 0, 0)
    assert (
        len({file["name"] for file in result.manifest["files"]})
        == len({file["archived"] for file in result.manifest["files"]})
        == len(HOSTILE)
    )
    assert sorted(
        path.read_bytes() for path in (place / "archive").rglob("*") if path.is_file()
    ) == sorted(contents)
    assert names_in(place / "inbox") == []
    assert all(name.encode() for name in outcomes(result))  # text, whatever the bytes were
    again = drop(place, "x" * 251 + ".csv", delimited(f"{CUSTOMER}\n{GOOD}"))
    run(place)
    assert not again.exists()


def test_what_is_no_file_is_never_opened_and_is_told(place: Path) -> None:
    (place / "inbox/passwd.xlsx").symlink_to("/etc/passwd")
    (place / "inbox/ledger.xlsx").symlink_to(place / ".fbbatch/ledger.db")
    os.mkfifo(place / "inbox/pipe.xlsx")
    (place / "inbox/folder.xlsx").mkdir()
    with contextlib.chdir(place / "inbox"), socket.socket(socket.AF_UNIX) as door:
        door.bind("door.xlsx")
        before = tree_without_reading(place / "inbox")
        drop(place, "a.csv", delimited(people(1)))
        result = run(place)
    told = dict.fromkeys(
        ("passwd.xlsx", "ledger.xlsx", "pipe.xlsx", "door.xlsx"), ("deferred", "FB-not-a-file")
    )
    assert outcomes(result) == {**told, "a.csv": ("accepted", None)}
    assert result.exit_code == ExitCode.DONE
    assert tree_without_reading(place / "inbox") == before


def tree_without_reading(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mode) for path in folder.rglob("*"))


def test_file_and_folder_that_may_not_be_read_are_deferred_and_the_others_taken(
    restricted: tuple[Path, int | None],
) -> None:
    place, account = restricted
    owned(drop(place, "a.csv", delimited(people(1))), account).chmod(0)
    owned(drop(place, "b.csv", delimited(f"{CUSTOMER}\n{GOOD}")), account)
    owned(drop(place, "秘/c.csv", delimited(people(3))).parent, account).chmod(0)
    assert attempt(place, account=account) == ExitCode.DONE
    told = {(row[2], row[6], row[7]) for row in dump(place)["file"]}
    assert told == {
        ("a.csv", "deferred", "FB-locked"),
        ("b.csv", "accepted", None),
        ("秘", "deferred", "FB-locked"),
    }
    (place / "inbox/秘").chmod(0o700)


@pytest.mark.slow
def test_file_in_a_folder_that_it_may_not_leave_is_deferred_and_the_run_is_closed(
    restricted: tuple[Path, int | None],
) -> None:
    place, account = restricted
    folder = owned(owned(drop(place, "秘/a.csv", delimited(people(1))), account).parent, account)
    owned(drop(place, "b.csv", delimited(f"{CUSTOMER}\n{GOOD}")), account)
    folder.chmod(0o500)
    assert attempt(place, account=account) == ExitCode.DONE
    assert {(row[2], row[6], row[7]) for row in dump(place)["file"]} == {
        ("秘/a.csv", "deferred", "FB-locked"),
        ("b.csv", "accepted", None),
    }
    folder.chmod(0o700)
    assert attempt(place, account=account, as_of="2026-11-23") == ExitCode.DONE
    assert len(dump(place)["case_"]) == 2
    assert names_in(place / "inbox") == []


def test_file_of_a_gigabyte_goes_to_quarantine_unread(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with drop(place, "huge.csv", b"").open("r+b") as stream:
        stream.truncate(1 << 30)
    drop(place, "a.csv", delimited(people(1)))
    honest, read = inbox.sha256_of, []
    monkeypatch.setattr(inbox, "sha256_of", lambda path: read.append(path.name) or honest(path))
    result = run(place)
    assert set(read) == {"a.csv"}
    assert outcomes(result) == {
        "a.csv": ("accepted", None),
        "huge.csv": ("quarantined", "FB-limit-file-bytes"),
    }
    (kept,) = (place / "archive/quarantined").rglob("huge.csv")
    assert kept.stat().st_size == 1 << 30


# --- the ledger ---


@pytest.mark.slow
def test_ledger_that_another_program_holds_is_waited_for_and_then_told(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(place, "2026-11-19")
    drop(place, "a.csv", delimited(people(1)))
    monkeypatch.setattr(store, "_PATIENCE_MS", 300)
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match="in use by another program"):
            run(place)
    assert names_in(place / "inbox") == ["a.csv"]
    monkeypatch.setattr(store, "_PATIENCE_MS", 30_000)
    with contextlib.closing(
        sqlite3.connect(place / ".fbbatch/ledger.db", check_same_thread=False)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.5, other.rollback).start()
        assert counts(run(place)) == (1, 1, 0, 0, 0)


def test_read_only_ledger_is_exit_5_and_nothing_is_processed(
    restricted: tuple[Path, int | None], capfd
) -> None:
    place, account = restricted
    assert attempt(place, account=account) == ExitCode.DONE
    owned(drop(place, "a.csv", delimited(people(1))), account)
    (place / ".fbbatch/ledger.db").chmod(0o400)
    assert attempt(place, account=account) == ExitCode.STORAGE
    assert "readonly" in capfd.readouterr().err
    assert names_in(place / "inbox") == ["a.csv"]


def free_pages(ledger: bytes) -> set[int]:
    """The pages of a SQLite file that hold nothing, counted from 1; its header leads to them."""
    found: set[int] = set()
    (trunk,) = struct.unpack_from(">I", ledger, 32)
    while trunk:
        at = 16_384 * (trunk - 1)
        following, number = struct.unpack_from(">II", ledger, at)
        found |= {trunk, *struct.unpack_from(f">{number}I", ledger, at + 8)}
        trunk = following
    return found


@pytest.mark.slow
def test_ledger_with_flipped_bytes_is_exit_5_and_nothing_is_processed(
    nights: tuple[Path, Path], tmp_path: Path
) -> None:
    place = copied(nights[0], tmp_path)
    file = place / ".fbbatch/ledger.db"
    content = file.read_bytes()
    before = standing(place)
    free = free_pages(content)
    pages = [page for page in range(2, len(content) // 16_384) if page + 1 not in free]
    assert len(pages) > 20
    for page in pages:
        broken = bytearray(content)
        broken[16_384 * page : 16_384 * page + 12] = bytes(
            255 - byte for byte in content[16_384 * page : 16_384 * page + 12]
        )
        file.write_bytes(broken)
        with pytest.raises(StorageError, match=r"damaged|malformed|not a database"):
            run(place)
    file.write_bytes(content)
    assert standing(place) == {**before, "ours": {"ledger.db", "lock", "secret.json", "work"}}
    assert counts(run(place)) == (3, 2, 1, 0, 0)


# --- surroundings ---


def test_log_that_cannot_be_written_never_stops_a_run(place: Path, capfd) -> None:
    from fbbatch.cli.common import Call

    (place / ".fbbatch/logs").write_text("no folder", encoding="utf-8")
    drop(place, "a.csv", delimited(people(1)))
    call = Call(place, as_json=False, quiet=True, verbose=False)
    serve._attempt(call, threading.Event(), serve._log(place))
    told = capfd.readouterr().err
    assert "The log cannot be written to" in told
    assert "accepted=1" in told
    assert names_in(place / "inbox") == []


BARE = {
    "like cron": ("cd {gone}; rmdir {gone}; umask 000; exec {run} <&- >&- 2>&-", {"LANG": "C"}),
    "full terminal": ("exec {run} > /dev/full", {"LC_ALL": "C", "TZ": "America/New_York"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", BARE)
def test_run_ends_alike_whatever_surrounds_it(
    nights: tuple[Path, Path], tmp_path: Path, how: str
) -> None:
    before, calm = nights
    bare = copied(before, tmp_path / "bare")
    gone = tmp_path / "gone"
    gone.mkdir()
    script, environment = BARE[how]
    command = f"{sys.executable} -m fbbatch run --as-of 2026-11-20 -w {bare}"
    done = subprocess.run(
        ["sh", "-c", script.format(run=command, gone=gone)],
        env={"PATH": os.defpath, "PYTHONPATH": str(REPOSITORY), **environment}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == ExitCode.RETURNED, done.stderr
    assert standing(bare) == standing(calm)
    loose = [
        str(path)
        for folder in ("outbox", "archive", ".fbbatch")
        for path in (bare / folder).rglob("*")
        if path.stat().st_mode & 0o077
    ]
    assert loose == []


@pytest.mark.slow
def test_folder_that_is_gone_is_told_where_the_workspace_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = f"cd {tmp_path}/gone; rmdir ../gone; exec {sys.executable} -m fbbatch run"
    done = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": os.defpath, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == ExitCode.USAGE
    assert "-w DIR" in done.stderr


# --- the list ---


def test_every_test_that_the_list_of_faults_names_exists() -> None:
    text = (REPOSITORY / "docs/faults.md").read_text(encoding="utf-8")
    assert [f"F{n:02d}" for n in range(1, 49)] == sorted(
        {
            f"F{n:02d}"
            for row in re.findall(r"^\| (F[^|]+) \|", text, re.MULTILINE)
            for n in numbers(row)
        }
    )
    named = set(re.findall(r"`(test_\w+)\.py::(test_\w+)`", text))
    assert len(named) > 30
    for file in {file for file, _ in named}:
        source = (REPOSITORY / "tests" / f"{file}.py").read_text(encoding="utf-8")
        assert {name for f, name in named if f == file} - set(
            re.findall(r"^def (test_\w+)", source, re.MULTILINE)
        ) == set()


def numbers(row: str) -> Iterator[int]:
    for first, last in re.findall(r"F(\d+)(?:–F(\d+))?", row):
        yield from range(int(first), int(last or first) + 1)
