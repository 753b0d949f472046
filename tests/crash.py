"""Runs that end badly: in a process of their own, at a named point, at a random moment, or as another account."""

import contextlib
import json
import os
import signal
import sqlite3
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fbbatch import failpoints
from fbbatch.batch import InterruptedRunError
from fbbatch.errors import ExitCode, FbbatchError
from tests import builders
from tests.builders import CUSTOMER, GOOD, delimited, drop, run, sheet, tree, workspace

NOBODY = 65_534
KILLS_WHILE_COPYING = ["copying:1", "copied:1"]
"""Points that a run passes only with originals that it may not move."""
TABLES = (
    *(
        "file",
        "submission",
        "case_",
        "transition",
        "classification",
        "ruling",
        "finding",
        "document",
        "fingerprint",
        "summary_day",
    ),
    *("open_matter", "reminder"),
)
_ENDS = {".pdf": b"%%EOF", ".html": b"</html>"}


def night(folder: Path) -> Path:
    """A small workspace before the run that will end badly: one run behind it, three files in the inbox."""
    place = workspace(folder, case_reports="[severe]")
    run(place, "2026-11-17")  # so that the night in question has missed days to make good
    drop(
        place,
        "客户/a.xlsx",
        sheet(
            f"{CUSTOMER}\n{GOOD}\n{GOOD.replace('2026-11-05', '昨天下午').replace('王小明', '李美玲')}"
        ),
    )
    drop(place, "b.csv", delimited(f"{CUSTOMER}\n{GOOD.replace('蓝牙经常断开', '插头漏电')}"))
    drop(place, "c.png", b"\x89PNG\r\n\x1a\n\x00")
    return place


def copied(place: Path, folder: Path) -> Path:
    """The workspace again, with the ages of its files."""
    return builders.copied(place, folder / "workspace")


def process_of(
    work: Callable[[], object], *, point: str | None = None, account: int | None = None
) -> int:
    """Start `work` in a process of its own, which a point may end; its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no other thread is at work here
        pid = os.fork()
    if pid:
        return pid
    code = int(ExitCode.BUG)
    try:
        os.umask(0o077)
        if account is not None:
            os.setgroups([])
            os.setgid(account)
            os.setuid(account)
        failpoints.arm(point)
        code = int(getattr(work(), "exit_code", ExitCode.DONE))
    except FbbatchError as error:
        os.write(2, f"{error}\n".encode())
        code = int(error.exit_code)
    except InterruptedRunError:
        code = int(ExitCode.INTERRUPTED)
    except BaseException as error:
        os.write(2, f"{type(error).__name__} {error}\n".encode())
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """How a process ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def attempt(
    place: Path, *, point: str | None = None, account: int | None = None, **options: Any
) -> int:
    """One run in a process of its own; how it ended."""
    return ended(process_of(lambda: run(place, **options), point=point, account=account))


def killed_after(place: Path, seconds: float) -> bool:
    """Kill a run after so long; False when it was quicker."""
    pid = process_of(lambda: run(place))
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return ended(pid) == -signal.SIGKILL


def torn(place: Path) -> list[str]:
    """The files of the outbox that are not whole."""
    return [
        str(path.relative_to(place))
        for path in sorted((place / "outbox").rglob("*"))
        if path.is_file() and not _is_whole(path)
    ]


def _is_whole(path: Path) -> bool:
    content = path.read_bytes()
    if path.suffix in {".xlsx", ".docx"}:
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        except zipfile.BadZipFile:
            return False
    if path.suffix == ".json":
        try:
            return bool(json.loads(content))
        except ValueError:
            return False
    return content.rstrip().endswith(_ENDS.get(path.suffix, b""))


def dump(place: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that the ledger holds, without the times of the clock."""
    with contextlib.closing(sqlite3.connect(place / ".fbbatch/ledger.db")) as connection:
        found = {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in TABLES
        }
        return {
            **found,
            "run": connection.execute(
                "SELECT id, name, as_of, finished_at IS NULL FROM run"
            ).fetchall(),
        }


def standing(place: Path) -> dict[str, object]:
    """Where a workspace stands: ledger, outbox, archive and inbox by bytes, and what else lies about."""
    folders = {
        name: {
            path: content
            for path, (_, content) in tree(place / name).items()
            if "/." not in f"/{path}"
        }
        for name in ("archive", "inbox")
    }
    ours = {path.name for path in (place / ".fbbatch").rglob("*")} - {
        "ledger.db-wal",
        "ledger.db-shm",
    }
    return {
        "ledger": dump(place),
        "outbox": {path: content for path, (_, content) in tree(place / "outbox").items()},
        **folders,
        "ours": ours,
    }
