"""`restore`: a workspace out of a backup.

Everything is checked and unpacked before anything is replaced; nothing is deleted. What was there
is set aside by renames below `.fbbatch/before-restore-<time>/`, and what was unpacked takes its
place.
"""

import contextlib
import datetime as dt
import shutil
import sqlite3
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from fbbatch import inbox, lasting, outbox
from fbbatch.errors import NotFoundError, StorageError
from fbbatch.ledger import Ledger, auditing
from fbbatch.upkeep.agreement import Progress
from fbbatch.upkeep.bundle import FILES, FOLDERS, KEYS, LEDGER, Bundle, checked, unpack
from fbbatch.upkeep.folders import files_below

_BASED = "index.html"
_COPIED = ("receipt.xlsx", _BASED, outbox.MANIFEST)
_KINDS = ("summary", "tracking_ledger")
_LEDGER_FILES = (LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm")


class Restored(NamedTuple):
    """What was restored; `aside` is where the former things are, None when there were none."""

    n_files: int
    last_run: str | None
    aside: Path | None
    n_waiting: int
    n_newer: int


def inspected(path: Path, folder: Path, *, force: bool) -> Bundle:
    """Check a backup, and whether it may go into the folder; nothing is touched.

    Raises:
        NotFoundError: the folder holds something, and `force` was not given.
        StorageError: the backup is damaged, newer than this version, or too large.
    """
    if not force and folder.exists() and any(folder.iterdir()):
        raise NotFoundError(
            f"{folder} is not empty; name an empty folder, or set aside what is there with --force"
        )
    bundle = checked(path)
    there = next(place for place in (folder.resolve(), *folder.resolve().parents) if place.exists())
    if shutil.disk_usage(there).free < bundle.n_bytes:
        raise StorageError(
            f"{bundle.n_bytes // 1_000_000:,} MB are needed in {there}; nothing was touched"
        )
    if bundle.has_ledger:
        _check_ledger(bundle)
    return bundle


def _check_ledger(bundle: Bundle) -> None:
    with tempfile.TemporaryDirectory(prefix="fbbatch-") as scratch:
        copy = Path(scratch) / "ledger.db"
        copy.touch(mode=0o600)
        with (
            zipfile.ZipFile(bundle.path) as package,
            package.open(LEDGER) as stream,
            copy.open("wb") as out,
        ):
            shutil.copyfileobj(stream, out)
        try:
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                sound = connection.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            raise StorageError(
                f"The ledger in {bundle.path} is no database ({error}); nothing was touched"
            ) from error
        if sound != "ok":
            raise StorageError(f"The ledger in {bundle.path} is damaged; nothing was touched")
        Ledger(copy).close()  # refuses what a newer version has written


def restore(bundle: Bundle, folder: Path, *, at: dt.datetime, progress: Progress) -> Restored:
    """Put a checked backup in place. The caller holds the lock of the folder.

    Args:
        bundle: from `inspected`.
        folder: the workspace to be.
        at: the clock.
        progress: told how many files are done.

    Raises:
        StorageError: what was there is where it was, or set aside; the message says which.
    """
    private = folder / ".fbbatch"
    stage, aside = (
        private / f"restoring-{at:%Y%m%d-%H%M%S}",
        private / f"before-restore-{at:%Y%m%d-%H%M%S}",
    )
    if stage.exists() or aside.exists():
        raise StorageError(f"{aside} is there already; try again in a second")
    stage.mkdir(mode=0o700)
    try:
        for number, _ in enumerate(unpack(bundle, stage), 1):
            progress("files", number, len(bundle.members))
        last = _prepared(bundle, stage, at)
        n_waiting, n_newer = _left_behind(folder, stage) if not _is_ledger_only(bundle) else (0, 0)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    try:
        moved = _exchange(bundle, folder, stage, aside)
    except OSError as error:
        raise StorageError(
            f"The restore stopped half-way ({error.strerror or error}). "
            f"What was there is in {aside}, what was not yet put in place "
            f"in {stage}; mend the cause and restore again with --force"
        ) from error
    shutil.rmtree(stage, ignore_errors=True)
    if last and not _is_ledger_only(bundle):
        _refresh_latest(folder, last)
    return Restored(len(bundle.members), last, aside if moved else None, n_waiting, n_newer)


def _is_ledger_only(bundle: Bundle) -> bool:
    return not any(name in bundle.members for name in FILES)


def _prepared(bundle: Bundle, stage: Path, at: dt.datetime) -> str | None:
    """Migrate the unpacked ledger if need be and write the restore down in it.

    It gives the name of the ledger's last closed run.
    """
    if not _is_ledger_only(bundle):
        for name in FOLDERS:
            (stage / name).mkdir(mode=0o700, exist_ok=True)
    if not bundle.has_ledger:
        return None
    with contextlib.closing(Ledger(stage / LEDGER)) as ledger:
        last = next(reversed(auditing.runs(ledger).closed), None)
        details = {
            "made_at": bundle.told.get("at"),
            "by_version": bundle.told.get("version"),
            "last_run": last,
            "files": len(bundle.members),
        }
        auditing.record_upkeep(ledger, at.isoformat(), "restore", details)
    return last


def _left_behind(folder: Path, stage: Path) -> tuple[int, int]:
    """How many files of the present inbox, and how many originals, the backup does not have."""
    have = {
        inbox.sha256_of(stage / path)
        for name in ("archive", "inbox")
        for path in files_below(stage, name)
    }
    waiting = [path for path in files_below(folder, "inbox") if not path.endswith("/README.txt")]
    newer = [
        path
        for path in files_below(folder, "archive")
        if inbox.sha256_of(folder / path) not in have
    ]
    return sum(inbox.sha256_of(folder / path) not in have for path in waiting), len(newer)


def _exchange(bundle: Bundle, folder: Path, stage: Path, aside: Path) -> bool:
    """Set aside what is there, put what was unpacked in its place; True when anything was there."""
    places = [*_LEDGER_FILES] if bundle.has_ledger else []
    if not _is_ledger_only(bundle):
        places = [*places, *FOLDERS, *FILES]
    places += [key for key in KEYS if key in bundle.members]
    moved = False
    for place in places:
        if (folder / place).exists():
            (aside / place).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / place).rename(aside / place)
            moved = True
        if (stage / place).exists():
            (stage / place).rename(folder / place)
    for extra in (stage / ".fbbatch").glob("ledger.db.before-*"):  # what the migration has saved
        if not (folder / ".fbbatch" / extra.name).exists():
            extra.rename(folder / ".fbbatch" / extra.name)
    lasting.sync_folder(folder)
    lasting.sync_folder(folder / ".fbbatch")
    return moved


def _refresh_latest(folder: Path, last: str) -> None:
    """Make `outbox/latest` anew; a backup leaves it out."""
    run = folder / "outbox" / last
    with contextlib.closing(Ledger(folder / LEDGER)) as ledger:
        newest = [
            f"../{Path(item.path).relative_to('outbox').as_posix()}"
            for item in auditing.newest(ledger, _KINDS)
        ]
    paths = [path for path in (*_COPIED, *newest) if (run / path).is_file()]
    if _BASED in paths:
        outbox.refresh_latest(folder, run, paths, based=_BASED)
