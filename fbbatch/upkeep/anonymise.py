"""`anonymise`: personal data of cases that were closed long ago goes; what is counted stays.

The ledger is rewritten in one transaction and its file written anew. What else holds the data is listed; with files, the
originals and documents that are about nobody else are removed. A removal is recorded before it is done, so that one that
was interrupted is finished by calling the command again.
"""

import datetime as dt
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fbbatch.errors import StorageError
from fbbatch.ledger import Ledger
from fbbatch.ledger.forgetting import Forgotten, compact, forget, forget_places
from fbbatch.outbox import MANIFEST
from fbbatch.schema import Book
from fbbatch.upkeep.bundle import KEY
from fbbatch.upkeep.pseudonyms import Pseudonyms

_KEY_BYTES = 32


@dataclass
class Anonymised:
    """What was replaced (or would be), what was removed, and what still holds personal data: what, where, how many."""

    before: dt.date
    n_cases: int
    counts: dict[str, int]
    removed: dict[str, int] = field(default_factory=dict)
    left: list[tuple[str, str, int]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """For programs; a stable contract."""
        left = [{"what": what, "where": where, "files": number} for what, where, number in self.left]
        return {
            "before": self.before.isoformat(),
            "closed_cases": self.n_cases,
            "changed": self.counts,
            "removed": self.removed,
            "left": left,
        }


def anonymise(
    workspace: Path, ledger: Ledger, book: Book, before: dt.date, *, at: dt.datetime, dry_run: bool, with_files: bool
) -> Anonymised:
    """Anonymise what was closed before a day; the caller holds the lock.

    Args:
        workspace: the workspace.
        ledger: its ledger.
        book: its schemas, which say what is personal.
        before: the day.
        at: the clock.
        dry_run: only say what would be done.
        with_files: also remove the originals and documents that are about nobody else.

    Raises:
        StorageError: the database or the disk refused. Call it again.
    """
    rules = Pseudonyms(book, _key(workspace, dry_run=dry_run))
    done = forget(ledger, rules, before, keep=not dry_run, at=at.isoformat(), with_files=with_files)
    result = Anonymised(before, done.n_cases, done.counts)
    if dry_run:
        _list(workspace, done, result)
        return result
    for leftover in (workspace / ".fbbatch" / "work").glob("*"):  # drafts of killed attempts
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        if with_files:
            result.removed = _remove(workspace, done)
            forget_places(ledger, rules, done.originals)
    except OSError as error:
        raise StorageError(f"A file cannot be removed ({error.strerror}); mend that and call anonymise --with-files again") from error
    finally:
        compact(ledger)
    _list(workspace, done, result)
    return result


def _key(workspace: Path, *, dry_run: bool) -> bytes:
    """The workspace's secret, made on first use."""
    path = workspace / KEY
    try:
        if path.exists():
            return path.read_bytes()
        key = secrets.token_bytes(_KEY_BYTES)
        if not dry_run:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as stream:
                stream.write(key)
                stream.flush()
                os.fsync(stream.fileno())
    except OSError as error:
        raise StorageError(f"The key of the pseudonyms cannot be kept: {error.strerror}: {path}") from error
    return key


def _remove(workspace: Path, done: Forgotten) -> dict[str, int]:
    originals = _unlink(workspace, done.originals.values())
    documents = _unlink(workspace, done.documents.values())
    _unlink(workspace, (f"outbox/{run}/{MANIFEST}" for run in done.runs))
    for top in ("archive", "outbox"):
        folders = [path for path in (workspace / top).rglob("*") if path.is_dir() and path.parent != workspace / "archive"]
        for folder in sorted(folders, reverse=True):
            if folder.name != "latest" and not any(folder.iterdir()):
                folder.rmdir()
    return {"originals": originals, "documents": documents, "run_folders": len(done.runs)}


def _unlink(workspace: Path, paths: Iterable[str]) -> int:
    number = 0
    for path in paths:
        if (workspace / path).is_file():
            (workspace / path).unlink()
            number += 1
    return number


def _list(workspace: Path, done: Forgotten, result: Anonymised) -> None:
    """What still holds personal data outside the ledger."""
    private = workspace / ".fbbatch"
    for what, where, number in (
        (
            "originals of these cases; --with-files removes them",
            "archive/",
            sum((workspace / p).is_file() for p in done.originals.values()),
        ),
        (
            "documents about these cases; --with-files removes them",
            "outbox/",
            sum((workspace / p).is_file() for p in done.documents.values()),
        ),
        ("receipts, summaries and ledgers that tell of other cases, too", "outbox/", done.n_shared),
        ("copies of the ledger from before an upgrade", ".fbbatch/ledger.db.before-*", len(list(private.glob("ledger.db.before-*")))),
        ("what was set aside by a restore", ".fbbatch/before-restore-*", len(list(private.glob("before-restore-*")))),
        ("backups", "backups/", len(list((workspace / "backups").glob("*.zip")))),
        ("exports", "exports/", len(list((workspace / "exports").glob("*")))),
    ):
        if number:
            result.left.append((what, where, number))
