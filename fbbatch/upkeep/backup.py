"""`backup`: one file with all of a workspace, made while a run may be active.

The order makes it whole. What waits in the inbox is copied first, then the ledger at one instant,
then what that ledger knows of archive and outbox. A file that moves meanwhile from the inbox to the
archive is in the backup once or twice, never not at all; what a run has done after that instant is
left out, and its files are still in the inbox of the backup.
"""

import contextlib
import datetime as dt
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fbbatch import __version__, inbox, lasting
from fbbatch.errors import NotFoundError, StorageError
from fbbatch.ledger import Ledger, auditing, copy_ledger
from fbbatch.upkeep.agreement import Progress
from fbbatch.upkeep.bundle import FILES, KEYS, LEDGER, Packer
from fbbatch.upkeep.folders import files_below, folders_below, shown, written

ELSEWHERE = (
    "The ledger is in a database of its own; its own tools back it up and restore it "
    "(PostgreSQL: pg_dump and pg_restore). "
    "Take that dump first, then this backup of the folders."
)


class BackedUp(NamedTuple):
    """The backup file, how many files are in it, and what should be known about it."""

    path: Path
    n_files: int
    n_bytes: int
    notes: tuple[str, ...]


def backup(
    workspace: Path,
    database: str | None,
    target: Path | None,
    *,
    at: dt.datetime,
    ledger_only: bool,
    progress: Progress,
) -> BackedUp:
    """Make a backup.

    Args:
        workspace: the workspace.
        database: the ledger's URL, None for the workspace's own file.
        target: a folder, or the name of a file that is not there yet; None for `backups` in the
            workspace.
        at: the clock.
        ledger_only: leave the folders out.
        progress: told how many files are done.

    Raises:
        NotFoundError: there is no ledger to back up alone.
        StorageError: nothing was made.
    """
    if ledger_only and database is not None:
        raise NotFoundError(ELSEWHERE)
    path = _free_name(target or workspace / "backups", at)
    _check_space(workspace, path.parent, ledger_only=ledger_only)
    with _ledger(workspace, database) as (ledger, snapshot), written(path) as stream:
        packer = Packer(stream)
        job = _Packing(workspace, ledger, packer, progress)
        if ledger_only and snapshot is None:
            raise NotFoundError(f"There is no ledger in {workspace} yet")
        if not ledger_only:
            job.settings()
            job.inbox()
        if snapshot is not None:
            job.ledger_at_once(snapshot)
        job.keys()
        if not ledger_only:
            job.originals()
            job.documents()
        packer.close(
            {
                "version": __version__,
                "at": at.isoformat(),
                "ledger": snapshot is not None,
                **job.about(),
            }
        )
    lasting.sync_folder(path.parent)
    notes = (*job.notes, *([ELSEWHERE] if database is not None else []))
    return BackedUp(path, len(packer.members), path.stat().st_size, notes)


def _free_name(target: Path, at: dt.datetime) -> Path:
    if target.suffix.lower() == ".zip" and not target.is_dir():
        return target
    name = f"fbbatch-{at:%Y%m%d-%H%M%S}"
    number = 1
    while (path := target / (f"{name}.zip" if number == 1 else f"{name}-{number}.zip")).exists():
        number += 1
    return path


def _check_space(workspace: Path, folder: Path, *, ledger_only: bool) -> None:
    names = (
        [LEDGER]
        if ledger_only
        else [
            LEDGER,
            *files_below(workspace, "inbox"),
            *files_below(workspace, "archive"),
            *files_below(workspace, "outbox"),
        ]
    )
    needed = 0
    for name in names:
        with contextlib.suppress(OSError):
            needed += (workspace / name).stat().st_size
    there = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise StorageError(
            f"Only {free // 1_000_000:,} MB are free in {there}; "
            f"the backup may need {needed // 1_000_000:,} MB"
        )


@contextlib.contextmanager
def _ledger(
    workspace: Path, database: str | None
) -> "Iterator[tuple[Ledger | None, _Snapshot | None]]":
    """The ledger to ask, and how to take its snapshot, for the workspace's own file."""
    if database is not None:
        with contextlib.closing(Ledger(database)) as ledger:
            yield ledger, None
        return
    own = workspace / LEDGER
    if not own.exists():
        yield None, None
        return
    work = workspace / ".fbbatch" / "work"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backup-", dir=work) as scratch:
        yield None, _Snapshot(own, Path(scratch) / "ledger.db")


class _Snapshot(NamedTuple):
    """The ledger's file and where its copy goes."""

    source: Path
    target: Path

    def take(self) -> None:
        """Copy the ledger as it is at one instant, whatever is being written.

        Raises:
            StorageError: it is damaged.
        """
        try:
            copy_ledger(self.source, self.target)
            with contextlib.closing(sqlite3.connect(self.target)) as new:
                new.execute("PRAGMA journal_mode=DELETE")
                sound = new.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            raise StorageError(
                f"The ledger cannot be copied: {error}; `fbbatch verify` tells more"
            ) from error
        if sound != "ok":
            raise StorageError(
                "The ledger is damaged; no backup was made. `fbbatch verify` tells more"
            )


class _Packing:
    """One backup in the making."""

    def __init__(
        self, workspace: Path, ledger: Ledger | None, packer: Packer, progress: Progress
    ) -> None:
        self.workspace = workspace
        self.ledger = ledger
        self.packer = packer
        self.progress = progress
        self.runs = auditing.runs(ledger) if ledger else auditing.Runs([], None)
        self.known = auditing.originals_of_all(ledger) if ledger else {}
        self.before = set(files_below(workspace, "archive"))
        self.notes: list[str] = []

    def about(self) -> dict[str, Any]:
        """Where the ledger of the backup stands."""
        return {
            "last_run": self.runs.closed[-1] if self.runs.closed else None,
            "unclosed_run": self.runs.unclosed,
        }

    def add(self, path: str, source: Path | None = None) -> bool:
        """Put a file in, if it is still there."""
        name = os.fsencode(path).decode("utf-8", "backslashreplace")
        try:
            self.packer.add(name, source or self.workspace / path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(
                f"{shown(path)} cannot be read: {error.strerror or error}; no backup was made"
            ) from error
        self.progress("files", len(self.packer.members), len(self.packer.members))
        return True

    def settings(self) -> None:
        """fbbatch.yaml, schemas and templates."""
        for path in (
            *FILES,
            *files_below(self.workspace, "schemas"),
            *files_below(self.workspace, "templates"),
        ):
            self.add(path)

    def inbox(self) -> None:
        """What waits; a file that is being dropped is copied as far as it is, and that is said."""
        for folder in folders_below(self.workspace, "inbox"):
            self.packer.folder(folder)
        torn = 0
        for path in files_below(self.workspace, "inbox"):
            before = _stamp(self.workspace / path)
            torn += self.add(path) and _stamp(self.workspace / path) not in {before, None}
        if torn:
            self.notes.append(
                f"{torn} files in the inbox were being written; "
                "make another backup when they have arrived."
            )

    def keys(self) -> None:
        """The keys of pseudonyms and check codes."""
        for path in KEYS:
            self.add(path)

    def ledger_at_once(self, snapshot: _Snapshot) -> None:
        """The ledger at one instant."""
        snapshot.take()
        self.add(LEDGER, snapshot.target)
        with contextlib.closing(Ledger(snapshot.target)) as ledger:
            self.runs, self.known = auditing.runs(ledger), auditing.originals_of_all(ledger)

    def originals(self) -> None:
        """The archive as it was before, and what the ledger knows besides.

        The latter is there already, still in the inbox, or there by now.
        """
        for path in sorted(self.before | set(self.known)):
            self.add(path)
        missing = {
            sha256: path for path, sha256 in self.known.items() if path not in self.packer.members
        }
        if missing:
            have = {
                entry["sha256"]
                for name, entry in self.packer.members.items()
                if name.startswith("inbox/")
            }
            for path in files_below(self.workspace, "inbox"):
                with contextlib.suppress(FileNotFoundError):
                    if (
                        path not in self.packer.members
                        and inbox.sha256_of(self.workspace / path) in missing.keys() - have
                    ):
                        self.add(path)
            for path in missing.values():
                self.add(path)

    def documents(self) -> None:
        """The folders of closed runs, and what else people keep in the outbox.

        `latest` is left out; it is made anew.
        """
        later = {
            path.parent.name for path in (self.workspace / "outbox").glob("*/manifest.json")
        } - set(self.runs.closed)
        for path in files_below(self.workspace, "outbox"):
            if path.split("/")[1] not in {"latest", self.runs.unclosed, *later}:
                self.add(path)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
