"""`anonymise`: personal data of cases that were closed long ago goes; what is counted stays.

The ledger is rewritten in one transaction and its file written anew. Originals and documents that
are about nobody else are removed; documents that tell of others, too, are printed again without the
persons. A removal is recorded before it
is done, and so is the sha256 of what is printed again: what was interrupted is finished by calling
the command again.
"""

import datetime as dt
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from fbbatch import failpoints
from fbbatch.errors import BusyError, StorageError
from fbbatch.ledger import Ledger, auditing
from fbbatch.ledger.anonymise import Forgotten, compact, forget, forget_places
from fbbatch.ledger.sharing import Stays
from fbbatch.outbox import MANIFEST
from fbbatch.schema import Book
from fbbatch.upkeep.bundle import KEY
from fbbatch.upkeep.pseudonyms import Pseudonyms
from fbbatch.upkeep.reprinting import Folders, finish, refresh_latest

_KEY_BYTES = 32
_OLD_LEDGERS = "ledger.db.before-*"
_HALF_DONE = (
    ".fbbatch/work/*",
    "outbox/.work/*",
    "backups/.*.partial",
    "exports/.*.partial",
    "archive/*/*/*.partial",
    ".fbbatch/*.partial",
)


class Left(NamedTuple):
    """What still holds personal data, or tells of these cases.

    That is what, where, how many, and since when or until when. `until` are the days on which it
    can go: of documents and originals that are shared with cases that are not due; None where
    nobody knows yet. `made` are the days on which backups and the like were made.
    """

    what: str
    where: str
    number: int
    until: tuple[dt.date | None, ...] = ()
    made: tuple[dt.date, ...] = ()
    paths: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """For programs; a stable contract."""
        return {
            "what": self.what,
            "where": self.where,
            "files": self.number,
            "until": [day.isoformat() if day else None for day in self.until],
            "made": [day.isoformat() for day in self.made],
            "paths": list(self.paths),
        }


@dataclass
class Anonymised:
    """What was replaced (or would be), what was removed, and what still holds personal data."""

    before: dt.date
    n_cases: int
    counts: dict[str, int]
    removed: dict[str, int] = field(default_factory=dict)
    n_printed_again: int = 0
    n_old_ledgers: int = 0
    left: list[Left] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """For programs; a stable contract."""
        return {
            "before": self.before.isoformat(),
            "closed_cases": self.n_cases,
            "changed": self.counts,
            "removed": self.removed,
            "printed_again": self.n_printed_again,
            "old_ledgers": self.n_old_ledgers,
            "left": [one.told() for one in self.left],
        }


def anonymise(
    workspace: Path,
    ledger: Ledger,
    book: Book,
    before: dt.date,
    *,
    at: dt.datetime,
    retention: dt.timedelta,
    dry_run: bool,
    with_files: bool,
) -> Anonymised:
    """Anonymise what was closed before a day; the caller holds the lock.

    Args:
        workspace: the workspace.
        ledger: its ledger.
        book: its schemas, which say what is personal.
        before: the day.
        at: the clock.
        retention: how long after closing a case is kept; tells when the rest can go.
        dry_run: only say what would be done.
        with_files: also remove originals and documents, or print them again.

    Raises:
        StorageError: the database or the disk refused. Call it again.
        BusyError: a run is not finished; its documents would be printed from what is forgotten.
    """
    if not dry_run and (run := ledger.unfinished_run()):
        raise BusyError(f"Run {run.name} is not finished: call fbbatch run, then anonymise again")
    rules = Pseudonyms(book, _key(workspace, dry_run=dry_run))
    try:
        if not dry_run:
            finish(workspace, ledger)
        folders = Folders(workspace, auditing.manifests(ledger), rules.staff, keep=not dry_run)
        done = forget(
            ledger,
            rules,
            before,
            retention=retention,
            keep=not dry_run,
            at=at.isoformat(),
            outside=folders if with_files else None,
        )
        result = Anonymised(before, done.n_cases, done.counts)
        if not dry_run:
            _tidy(workspace)
        if with_files:
            result.n_printed_again = len(done.reprinted.documents)
            result.n_old_ledgers = len(_old_ledgers(workspace))
            result.removed = (
                _planned(workspace, done) if dry_run else _remove(workspace, ledger, done)
            )
        if with_files and not dry_run:
            forget_places(ledger, rules, done.originals)
    except OSError as error:
        again = "anonymise --with-files" if with_files else "anonymise --keep-files"
        raise StorageError(
            f"A file refuses ({error.strerror}); mend that and call {again} again"
        ) from error
    finally:
        if not dry_run:
            compact(ledger)
    result.left = list(_left(workspace, done, folders.n_changed, with_files=with_files))
    return result


def _key(workspace: Path, *, dry_run: bool) -> bytes:
    """The workspace's secret, made on first use."""
    path = workspace / KEY
    try:
        if path.exists():
            return path.read_bytes()
        key = secrets.token_bytes(_KEY_BYTES)
        if not dry_run:
            with os.fdopen(
                os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
                ),
                "wb",
            ) as stream:
                stream.write(key)
                stream.flush()
                os.fsync(stream.fileno())
    except OSError as error:
        raise StorageError(
            f"The key of the pseudonyms cannot be kept: {error.strerror}: {path}"
        ) from error
    return key


def _tidy(workspace: Path) -> None:
    """Remove what killed attempts have left: drafts, copies that were not finished."""
    for pattern in _HALF_DONE:
        for leftover in workspace.glob(pattern):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def _planned(workspace: Path, done: Forgotten) -> dict[str, int]:
    """What `_remove` would do."""
    return {
        "originals": _there(workspace, done.originals.values()),
        "documents": _there(workspace, done.documents.values()),
        "run_folders": len(done.runs),
    }


def _there(workspace: Path, paths: Iterable[str]) -> int:
    return sum((workspace / path).is_file() for path in paths)


def _old_ledgers(workspace: Path) -> list[Path]:
    """The copies of the ledger from before an upgrade: it has been opened since, and works."""
    return sorted((workspace / ".fbbatch").glob(_OLD_LEDGERS))


def _remove(workspace: Path, ledger: Ledger, done: Forgotten) -> dict[str, int]:
    finish(workspace, ledger)
    removed = {
        "originals": _unlink(workspace, done.originals.values()),
        "documents": _unlink(workspace, done.documents.values()),
        "run_folders": len(done.runs),
    }
    _unlink(workspace, (f"outbox/{run}/{MANIFEST}" for run in done.runs))
    _unlink(workspace, (f".fbbatch/{path.name}" for path in _old_ledgers(workspace)))
    for top in ("archive", "outbox"):
        folders = [
            path
            for path in (workspace / top).rglob("*")
            if path.is_dir() and path.parent != workspace / "archive"
        ]
        for folder in sorted(folders, reverse=True):
            if folder.name != "latest" and not any(folder.iterdir()):
                folder.rmdir()
    refresh_latest(workspace, ledger)
    return removed


def _unlink(workspace: Path, paths: Iterable[str]) -> int:
    number = 0
    for path in paths:
        if (workspace / path).is_file():
            (workspace / path).unlink()
            failpoints.reach("unlinked")
            number += 1
    return number


def _left(workspace: Path, done: Forgotten, n_changed: int, *, with_files: bool) -> Iterator[Left]:
    """What still holds personal data outside the ledger, or tells of the cases in question."""
    if not with_files:
        for what, where, paths in (
            ("originals of these cases; kept, as you asked", "archive/", done.originals),
            ("documents about these cases; kept, as you asked", "outbox/", done.documents),
        ):
            if number := _there(workspace, paths.values()):
                yield Left(what, where, number)
    stays = [one for one in done.stays if (workspace / one.path).is_file()]
    copies = [one for one in stays if one.is_copy]
    yield from _shared("originals that hold rows of other cases, too, as they were dropped", copies)
    told = "documents that tell of other cases, too; these persons are no longer in them"
    yield from _shared(
        told if with_files else "documents that tell of other cases, too",
        [one for one in stays if not one.is_copy],
    )
    if n_changed:
        yield Left(
            "documents that somebody has changed since they were published (see fbbatch verify)",
            "outbox/",
            n_changed,
        )
    private = workspace / ".fbbatch"
    for what, where, found in (
        (
            "copies of the ledger from before an upgrade; kept, as you asked",
            _OLD_LEDGERS,
            () if with_files else _old_ledgers(workspace),
        ),
        (
            "folders that a restore has set aside: yours to delete, when you miss nothing",
            ".fbbatch/before-restore-*",
            private.glob("before-restore-*"),
        ),
        (
            "backups: yours to delete; after restoring one, call anonymise again",
            "backups/",
            (workspace / "backups").glob("*.zip"),
        ),
        (
            "exports: yours to delete; nobody else knows who uses them",
            "exports/",
            (workspace / "exports").glob("*"),
        ),
    ):
        if ours := sorted(found):
            days = sorted(
                {dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date() for path in ours}
            )
            yield Left(what, where, len(ours), made=tuple(days))


def _shared(what: str, stays: Iterable[Stays]) -> Iterator[Left]:
    """What is shared with cases that are not due, by its folder."""
    folders: dict[str, list[Stays]] = {}
    for one in stays:
        folder = "/".join(one.path.split("/")[: 3 if one.path.startswith("archive/") else 2])
        folders.setdefault(folder, []).append(one)
    for folder, found in sorted(folders.items()):
        until = sorted({one.until for one in found}, key=lambda day: day or dt.date.max)
        yield Left(
            what,
            f"{folder}/",
            len(found),
            tuple(until),
            paths=tuple(sorted(one.path for one in found)),
        )
