"""`verify`: read the ledger, the outbox and the archive, and say where they do not agree."""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from fbbatch.errors import InvalidSetupError, StorageError
from fbbatch.inbox import sha256_of
from fbbatch.ledger import Ledger, auditing
from fbbatch.ledger.auditing import Expected
from fbbatch.outbox import MANIFEST
from fbbatch.schema import load_book
from fbbatch.schema.process import CASE, CASE_ENDS
from fbbatch.upkeep.agreement import (
    Disagreement,
    Progress,
    of_files,
    of_latest,
    of_ledger,
    of_manifest,
    of_strangers,
)
from fbbatch.upkeep.folders import files_below, shown
from fbbatch.upkeep.reprinting import STAGE

_PACKAGES = (".xlsx", ".docx")
_IN_LATEST = ("summary", "tracking_ledger")
_ABOUT_A_RUN = ("receipt.xlsx", "index.html", MANIFEST)
_OUR_FOLDERS = frozenset({"latest", "forms"})


@dataclass
class Verified:
    """What was looked at and what does not agree; `notes` are no problems."""

    checked: dict[str, int] = field(default_factory=dict)
    problems: list[Disagreement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """For programs; a stable contract."""
        problems = [
            {**problem._asdict(), "where": shown(problem.where)} for problem in self.problems
        ]
        return {
            "ok": not problems,
            "checked": self.checked,
            "problems": problems,
            "notes": self.notes,
        }


def _known_states(workspace: Path) -> auditing.Known:
    """The states of the processes.

    Where the set-up cannot be read, only in which a case is done with: it is the same everywhere.
    """
    try:
        processes = load_book(workspace / "schemas").processes
    except InvalidSetupError:
        return auditing.Known({CASE: [CASE_ENDS]}, ())
    ends = {process.id: process.ends for process in processes.values()}
    return auditing.Known(ends, processes[CASE].states)


def verify(workspace: Path, database: str | None, progress: Progress) -> Verified:
    """Whether ledger, outbox and archive agree; changes nothing. The caller holds the lock.

    Args:
        workspace: the workspace.
        database: the ledger's URL, None for the workspace's own file.
        progress: told how many files have been read.
    """
    result = Verified()
    own = workspace / ".fbbatch" / "ledger.db"
    if database is None and not own.exists():
        if files_below(workspace, "archive") or any((workspace / "outbox").glob("*/" + MANIFEST)):
            todo = (
                "restore the newest backup (fbbatch restore), "
                "or drop the originals into the inbox again"
            )
            result.problems.append(
                Disagreement(
                    "there is no ledger, but originals or documents", ".fbbatch/ledger.db", todo
                )
            )
        else:
            result.notes.append("Nothing has been run here yet.")
        return result
    try:
        ledger = Ledger(database or own)
    except StorageError as error:
        result.problems.append(
            Disagreement(
                "the ledger cannot be opened",
                str(error),
                "restore the newest backup (fbbatch restore)",
            )
        )
        return result
    try:
        with ledger.doubted():
            result.problems += of_ledger(auditing.flaws(ledger, _known_states(workspace)))
            if (workspace / STAGE).exists():
                todo = "call fbbatch anonymise again"
                result.problems.append(Disagreement("anonymise was interrupted", STAGE, todo))
            if not any("damaged" in problem.what for problem in result.problems):
                _FolderCheck(workspace, ledger, result, progress).compare()
    except StorageError as error:
        result.problems.append(
            Disagreement(
                "the ledger cannot be read",
                str(error),
                "restore the newest backup (fbbatch restore)",
            )
        )
    finally:
        ledger.close()
    return result


class _FolderCheck:
    """The folders against what the ledger says of them."""

    def __init__(
        self, workspace: Path, ledger: Ledger, result: Verified, progress: Progress
    ) -> None:
        self.workspace = workspace
        self.ledger = ledger
        self.result = result
        self.progress = progress
        self.closed, self.unclosed = auditing.runs(ledger)
        self.documents, removed = auditing.documents(ledger)
        self.by_run, self.removed = _by_run(self.documents), _by_run(removed)
        self.originals = auditing.originals(ledger)
        self.manifests = auditing.manifests(ledger)

    def compare(self) -> None:
        result, unclosed = self.result, self.unclosed
        if unclosed:
            result.notes.append(
                f"Run {unclosed} is not closed; the next run finishes it. "
                "Its documents and originals were not looked at."
            )
        paths = [
            path
            for path in (*self.outbox(), *files_below(self.workspace, "archive"))
            if not self.is_in_hand(path)
        ]
        sizes = self.unread()
        found = self.hashed([path for path in paths if path not in sizes])
        result.problems += of_files([*self.documents, *self.originals], found, sizes)
        manifests = {f"outbox/{run}/{MANIFEST}" for run in self.closed}
        known = {item.path for item in (*self.documents, *self.originals)} | manifests
        result.problems += of_strangers(paths, known, set(self.closed))
        for run in self.closed:
            result.problems += self.manifest(run, found)
        result.problems += self.torn(found)
        if not unclosed and self.closed:
            result.problems += of_latest(self.expected_latest(), self.present_latest())
        result.checked = {
            **auditing.counts(self.ledger),
            "documents": len(self.documents),
            "originals": len(self.originals),
            "files_read": len(found),
        }

    def outbox(self) -> list[str]:
        """Everything in the folders of runs; what people keep beside them is theirs."""
        folder = self.workspace / "outbox"
        names = (
            sorted(path.name for path in folder.iterdir() if path.is_dir())
            if folder.is_dir()
            else []
        )
        runs = set(self.closed)
        mine = [
            name
            for name in names
            if not name.startswith(".") and (name in runs or (folder / name / MANIFEST).exists())
        ]
        strange = [
            name
            for name in names
            if name not in {*mine, *_OUR_FOLDERS, self.unclosed} and not name.startswith(".")
        ]
        if strange:
            self.result.notes.append(
                f"{len(strange)} folders in the outbox are no run's and were not looked at."
            )
        return [
            path
            for name in mine
            if name not in _OUR_FOLDERS
            for path in files_below(self.workspace, f"outbox/{name}")
        ]

    def is_in_hand(self, path: str) -> bool:
        """True for what belongs to the run that is not closed."""
        if self.unclosed is None:
            return False
        return path.startswith(f"outbox/{self.unclosed}/") or path in self.in_hand

    @cached_property
    def in_hand(self) -> set[str]:
        """Where its originals go."""
        return auditing.archived_by(self.ledger, self.unclosed or "")

    def hashed(self, paths: list[str]) -> dict[str, str]:
        """The sha256 of each file that can be read."""
        found: dict[str, str] = {}
        for number, path in enumerate(paths, 1):
            try:
                found[path] = sha256_of(self.workspace / path)
            except OSError as error:
                self.result.problems.append(
                    Disagreement(
                        f"the file cannot be read: {error.strerror}",
                        path,
                        "give its owner the right to read it",
                    )
                )
            self.progress("files", number, len(paths))
        return found

    def unread(self) -> dict[str, int]:
        """The present sizes, in bytes by path, of originals that were too large to be read.

        They are known by nothing else.
        """
        sizes: dict[str, int] = {}
        for item in self.originals:
            if not item.sha256:
                with suppress(OSError):
                    sizes[item.path] = (self.workspace / item.path).stat().st_size
        return sizes

    def manifest(self, run: str, found: Mapping[str, str]) -> Iterator[Disagreement]:
        """A run's manifest against the ledger.

        A run whose documents were all removed on purpose has none.
        """
        if run not in self.by_run:
            return
        recorded = self.manifests.get(run)  # runs of older versions: not recorded, not checked
        is_published = recorded is None or found.get(f"outbox/{run}/{MANIFEST}") == recorded
        removed = self.removed.get(run, ())
        yield from of_manifest(
            run, self.named(run), self.by_run[run], removed, is_published=is_published
        )

    def named(self, run: str) -> list[tuple[str, str]] | None:
        try:
            told = orjson.loads((self.workspace / "outbox" / run / MANIFEST).read_bytes())
            return [(entry["path"], entry["sha256"]) for entry in told["documents"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def torn(self, found: dict[str, str]) -> Iterator[Disagreement]:
        """Office files of ours that are whole by their sha256 and yet torn."""
        for item in self.documents:
            if (
                item.path.endswith(_PACKAGES)
                and found.get(item.path) == item.sha256
                and _is_torn(self.workspace / item.path)
            ):
                yield Disagreement(
                    "the file is torn",
                    item.path,
                    "report it; the next run of the case issues its forms again",
                )

    def expected_latest(self) -> dict[str, str]:
        """What `outbox/latest` should hold, as sha256 by file name.

        That is what the last run wrote, and the newest of what a run does not always write.
        """
        last = self.closed[-1]
        if last not in self.by_run:
            return {}
        newest = [
            item
            for item in auditing.newest(self.ledger, _IN_LATEST)
            if (self.workspace / item.path).is_file()
        ]
        expected = {Path(item.path).name: item.sha256 for item in newest}
        for name in _ABOUT_A_RUN:
            path = self.workspace / "outbox" / last / name
            if path.is_file():
                expected[name] = sha256_of(path)
        return expected

    def present_latest(self) -> dict[str, str]:
        """What it holds; the page without the line that says where its run folder is."""
        found = {}
        for path in files_below(self.workspace, "outbox/latest"):
            content = (self.workspace / path).read_bytes()
            if path.endswith(".html"):
                content = content.replace(f'<base href="../{self.closed[-1]}/">'.encode(), b"", 1)
            found[Path(path).name] = hashlib.sha256(content).hexdigest()
        return found


def _by_run(documents: list[Expected]) -> dict[str, list[Expected]]:
    found: dict[str, list[Expected]] = {}
    for item in documents:
        found.setdefault(item.run, []).append(item)
    return found


def _is_torn(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as package:
            return package.testzip() is not None
    except (zipfile.BadZipFile, OSError):
        return True
