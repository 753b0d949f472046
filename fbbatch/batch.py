"""The shell: one run of the batch, top to bottom. It only sequences.

Lock → settle and claim files → read and judge in workers → one transaction per file, those with forms last → render what is owed → publish
the run folder by one rename → archive the originals → close the run. A run that finds an unclosed one finishes it
first: what is in the ledger stays, the rest is done again, so that a run killed anywhere ends where an undisturbed
one would have.
"""

import contextlib
import datetime as dt
import heapq
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

import filelock
import orjson

from fbbatch import __version__, inbox, workers
from fbbatch.documents import Receipt
from fbbatch.edition import Edition, Progress
from fbbatch.errors import BusyError, ExitCode, StorageError
from fbbatch.findings import finding
from fbbatch.handling import Handling
from fbbatch.inbox import Claimed
from fbbatch.judge import Setup, Task
from fbbatch.ledger import Ledger, RunRecord
from fbbatch.ledger.recording import FileRecorder
from fbbatch.model import Case, FileOutcome, Finding
from fbbatch.workers import WorkerLostError
from fbbatch.workshop import Workshop

_HELD_BYTES = 1 << 18  # a file that tells more than this is recorded as it is read, whatever forms are in it
_IN_MEMORY_BYTES = 1 << 26
QUARANTINE = ("FB-broken", "FB-encrypted", "FB-limit-", "FB-too-expensive", "FB-not-readable", "FB-encoding")


class InterruptedRunError(Exception):
    """The run was asked to stop; it ended after the file in hand and the next run goes on from there."""


class RunResult(NamedTuple):
    """What a run did: its manifest, its folder in the outbox (None for a rehearsal), its receipt, and the exit code."""

    manifest: dict[str, Any]
    folder: Path | None
    receipt: Receipt
    exit_code: ExitCode


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the workspace; free again when the process ends, however it ends.

    Raises:
        BusyError: another run holds it.
    """
    private = folder / ".fbbatch"
    before = os.umask(0o077)
    try:
        with _acquired(private):
            yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _acquired(private: Path) -> Iterator[None]:
    lock = filelock.FileLock(private / "lock", timeout=0, mode=0o600)
    try:
        private.mkdir(mode=0o700, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise BusyError(f"Another run is active in {private.parent}; try again when it has ended") from error
    except OSError as error:
        raise StorageError(f"The workspace cannot be written to: {error.strerror}: {private}") from error
    try:
        yield
    finally:
        lock.release()


def run(
    shop: Workshop,
    as_of: dt.datetime,
    *,
    now: dt.datetime,
    progress: Progress,
    should_stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Carry out one run.

    Args:
        shop: the workspace.
        as_of: the aware time it computes with.
        now: the clock, for the record only.
        progress: told how far the run is.
        should_stop: asked after every file.

    Raises:
        BusyError, StorageError: what was dropped is still in the inbox, or its run is finished by the next one.
        InterruptedRunError: it was asked to stop.
    """
    with locked(shop.folder), contextlib.closing(shop.ledger()) as ledger:
        if unfinished := ledger.unfinished_run():
            result = _Run(shop, ledger, unfinished, progress, should_stop).carry_out(now)
            if unfinished.as_of.date() == as_of.date():
                return result
        begun = ledger.begin_run(as_of, started_at=now, version=__version__)
        return _Run(shop, ledger, begun, progress, should_stop).carry_out(now)


def rehearse(shop: Workshop, as_of: dt.datetime, *, now: dt.datetime, files: Sequence[Path] | None = None, progress: Progress) -> RunResult:
    """What a run would do, by the same code on a copy of the ledger; nothing is written to the workspace.

    Args:
        shop: the workspace.
        as_of: as `run`.
        now: as `run`.
        files: judge these instead of the inbox.
        progress: as `run`.
    """
    with tempfile.TemporaryDirectory(prefix="fbbatch-") as scratch:
        copy = Path(scratch) / "ledger.db"
        source = shop.folder / ".fbbatch" / "ledger.db"
        if source.exists() and not shop.settings.database:
            with (
                contextlib.closing(sqlite3.connect(source)) as old,
                contextlib.closing(sqlite3.connect(copy)) as new,
            ):
                old.backup(new)
        with contextlib.closing(Ledger(copy)) as ledger:
            begun = ledger.unfinished_run() or ledger.begin_run(as_of, started_at=now, version=__version__)
            return _Run(shop, ledger, begun, progress, lambda: False).rehearse(files)


class _Run:
    """One run in the making."""

    def __init__(self, shop: Workshop, ledger: Ledger, record: RunRecord, progress: Progress, should_stop: Callable[[], bool]) -> None:
        self.shop = shop
        self.ledger = ledger
        self.record = record
        self.progress = progress
        self.should_stop = should_stop
        self.edition = Edition(shop, ledger, record, progress)
        self.handling = Handling(shop.book, record, shop.settings.locale)
        self.archived: list[str] = []
        self.n_recorded = 0

    # --- the whole -----------------------------------------------------------------------------------------

    def carry_out(self, now: dt.datetime) -> RunResult:
        limits = self.shop.settings.limits
        claimed = inbox.claim(
            self.shop.folder / "inbox", settle_seconds=self.shop.settings.settle_seconds, most_files=limits.run_files, most_bytes=limits.run_bytes
        )  # fmt: skip
        inbox.check_space(self.shop.folder, claimed, free_bytes=limits.free_bytes)
        self.take(claimed)
        self.handling.pass_time(self.ledger)
        files = self.ledger.files_of(self.record)
        receipt = Receipt(self.record.name, self.record.as_of, files, self.telling_cases(), moved=self.ledger.touched(self.record))
        manifest, folder = self.edition.publish(receipt)
        paths = {item.name: item.path for item in claimed}
        for file in files:
            if file.archived and file.name in paths:
                inbox.archive(self.shop.folder, paths[file.name], file.archived, file.sha256)
        self.ledger.close_run(self.record, now)
        return RunResult(manifest, folder, receipt, _exit_code(files))

    def rehearse(self, paths: Sequence[Path] | None) -> RunResult:
        inbox_folder = self.shop.folder / "inbox"
        self.take(
            inbox.claim(inbox_folder, settle_seconds=0) if paths is None else [item for path in paths for item in inbox.claim_one(path)]
        )
        files = [replace(file, archived=None) for file in self.ledger.files_of(self.record)]
        cases = list(self.ledger.cases(run=self.record))
        receipt = Receipt(self.record.name, self.record.as_of, files, cases)
        return RunResult(self.edition.manifest(receipt, []), None, receipt, _exit_code(files))

    def telling_cases(self) -> list[Case]:
        """The run's cases that a receipt or a document speaks of one by one."""
        return list(self.ledger.cases(run=self.record))

    # --- taking files --------------------------------------------------------------------------------------

    def take(self, claimed: Sequence[Claimed]) -> None:
        """Judge and record every claimed file that this run has not recorded yet, each in one transaction."""
        recorded = self.ledger.files_of(self.record)
        done = {(file.name, file.sha256) for file in recorded}
        self.archived = [file.archived for file in recorded if file.archived]
        waiting = [item for item in claimed if (item.name, item.sha256) not in done]
        taken = {file.sha256 for file in recorded}
        fresh: dict[str, Claimed] = {}
        again: list[Claimed] = []
        for item in waiting:
            if item.deferred:
                self.record_whole(item, finding(item.deferred, limit=f"{self.shop.settings.limits.run_files:,}"), "deferred")
            elif item.sha256 in fresh or item.sha256 in taken or self.ledger.file_of(item.sha256):
                again.append(item)
            else:
                fresh[item.sha256] = item
        tasks = [(item, Task(item.path, item.folder)) for item in fresh.values()]
        setup = Setup(
            self.shop.book,
            self.shop.settings.limits,
            self.record.as_of,
            self.shop.settings.locale,
            self.shop.folder / "outbox",
            self.shop.printed,
        )
        limits = self.shop.settings.limits
        job = workers.Job("fbbatch.judge:work", setup, limits.memory_bytes, limits.cpu_seconds, limits.wall_seconds)
        answers = workers.run_tasks([task for _, task in tasks], job, jobs=min(self.shop.settings.jobs, len(tasks)))
        total = len(tasks) + len(again)
        with contextlib.closing(answers), tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as spool:
            held = _Held(spool)
            for (item, _), answer in zip(tasks, answers, strict=True):
                if not self.hold(held, item, answer):
                    self.recorded(total)
            self.take_held(held, total)
        here = {file.sha256: file for file in reversed(self.ledger.files_of(self.record))} if again else {}
        for item in again:
            first = here.get(item.sha256) or self.ledger.file_of(item.sha256)
            assert first is not None  # noqa: S101 - it was one of the two that put the file here
            self.record_whole(item, finding("FB-same-file", first=first.name), "duplicate", rows=first.rows)

    def recorded(self, total: int) -> None:
        """One more file is in the ledger."""
        self.n_recorded += 1
        self.progress("files", self.n_recorded, total)
        if self.should_stop():
            raise InterruptedRunError

    def hold(self, held: "_Held", item: Claimed, answer: workers.Answer[Task]) -> bool:
        """Hold a file with forms back, or record it at once; True when it was held."""
        told: list[bytes] = []
        size = 0
        try:
            for frame in answer.frames:
                told.append(frame)
                size += len(frame)
                if size > _HELD_BYTES:
                    break
            else:
                if forms := [message for message in map(_form_in, told) if message]:
                    cases = frozenset(str(form["form"]["case"]) for form in forms)
                    held.keep((min(map(self.handling.turn, forms)), item.sha256), item, cases, told)
                    return True
        except WorkerLostError as error:
            self.record_lost(item, error)
            return False
        self.record_judged(item, chain(told, answer.frames))
        return False

    def take_held(self, held: "_Held", total: int) -> None:
        """Take the files with forms, whatever their names, in the order of the forms' turns.

        One that comes too early is looked at again whenever its case has moved; when none can go on, the first is recorded
        as it is. What is taken next depends only on the ledger and on what is left, so that an interrupted run ends alike.
        """
        early: dict[str, list[_Waiting]] = {}
        ready = held.waiting
        heapq.heapify(ready)
        while ready or early:
            is_stuck = not ready
            one = heapq.heappop(ready) if ready else min(waiting for some in early.values() for waiting in some)
            if missing := self.record_judged(one.item, held.frames(one), may_wait=not is_stuck):
                early.setdefault(missing, []).append(one)
                continue
            self.recorded(total)
            for number in one.cases & early.keys():
                for other in early.pop(number):
                    if other is not one:
                        heapq.heappush(ready, other)

    def record_judged(self, item: Claimed, frames: Iterable[bytes], *, may_wait: bool = False) -> str:
        """One file, one transaction; what goes wrong in the worker becomes the file's outcome.

        Returns:
            `''` once the file is recorded. With `may_wait` nothing is recorded of a file with a form that comes too early:
            then the number of its case.
        """
        try:
            with self.ledger.record_file(self.record, name=item.name, sha256=item.sha256, size=item.size) as recorder:
                current = recorder
                forms: list[tuple[FileRecorder, dict[str, Any]]] = []
                for frame in frames:
                    message = orjson.loads(frame)
                    if part := message.get("part"):
                        current = recorder.part(**part)
                    elif failed := message.get("failed"):
                        reason = Finding(*failed)
                        if current is recorder:
                            raise _FileRefusedError(reason)
                        current.refuse(reason, _outcome_of(reason), rows=_rows_of(reason))
                    elif "form" in message:
                        forms.append((current, message))
                    elif "edits" in message:
                        self.handling.take_edits(current, message)
                    else:
                        current.hear(message)
                self.take_forms(forms, may_wait=may_wait)
                recorder.close(archive=self.archive_path(item))
        except _FileRefusedError as refused:
            reason = refused.reason
            with contextlib.suppress(WorkerLostError):
                list(frames)  # to the end: a worker that is left in the middle has to be replaced
        except _EarlyError as early:
            return early.case
        except WorkerLostError as error:
            self.record_lost(item, error)
            return ""
        else:
            return ""
        self.record_whole(item, reason, _outcome_of(reason), rows=_rows_of(reason))
        return ""

    def take_forms(self, forms: list[tuple[FileRecorder, dict[str, Any]]], *, may_wait: bool) -> None:
        """The forms of one file, each in its turn, one that comes too early after the others.

        Raises:
            _EarlyError: with `may_wait`, when one still comes too early.
        """
        forms.sort(key=lambda one: self.handling.turn(one[1]))
        while forms:
            at = next((n for n, one in enumerate(forms) if not self.handling.is_early(*one)), None)
            if at is None and may_wait:
                raise _EarlyError(str(forms[0][1]["form"]["case"]))
            self.handling.take_form(*forms.pop(at or 0))

    def record_lost(self, item: Claimed, error: WorkerLostError) -> None:
        """Record a file whose worker was lost."""
        reason = finding("FB-too-expensive", what=str(error))
        self.record_whole(item, reason, _outcome_of(reason))

    def record_whole(self, item: Claimed, reason: Finding, outcome: str, *, rows: int = 0) -> None:
        """Record a file whose outcome one finding decides."""
        with self.ledger.record_file(self.record, name=item.name, sha256=item.sha256, size=item.size) as recorder:
            recorder.refuse(reason, outcome, rows=rows)
            recorder.close(archive=None if outcome == "deferred" else self.archive_path(item))

    def archive_path(self, item: Claimed) -> Callable[[str], str]:
        """Where the original will go, once its outcome is known."""

        def choose(outcome: str) -> str:
            target = inbox.archive_path(self.shop.folder, item.name, outcome, self.record.as_of.date().isoformat(), self.archived)
            self.archived.append(target)
            return target

        return choose


class _FileRefusedError(Exception):
    """Leaves a file's transaction: nothing of it is kept but the reason."""

    def __init__(self, reason: Finding) -> None:
        super().__init__(reason.code)
        self.reason = reason


class _EarlyError(Exception):
    """Leaves a file's transaction: a form in it skips a step of the case, and the missing one may be among the other files."""

    def __init__(self, case: str) -> None:
        super().__init__(case)
        self.case = case


class _Waiting(NamedTuple):
    """A file with forms that is held back: its turn (no two have the same), its cases, where in the spool its frames are, and how many."""

    turn: tuple[tuple[str, int], str]
    item: Claimed
    cases: frozenset[str]
    at: int
    n_frames: int


class _Held:
    """The files with forms of a run, and what their workers told, a frame a line; on disk when it is much."""

    def __init__(self, spool: IO[bytes]) -> None:
        self.waiting: list[_Waiting] = []
        self._spool = spool

    def keep(self, turn: tuple[tuple[str, int], str], item: Claimed, cases: frozenset[str], frames: Sequence[bytes]) -> None:
        self.waiting.append(_Waiting(turn, item, cases, self._spool.tell(), len(frames)))
        self._spool.writelines(frame + b"\n" for frame in frames)

    def frames(self, one: _Waiting) -> list[bytes]:
        self._spool.seek(one.at)
        return [self._spool.readline() for _ in range(one.n_frames)]


def _form_in(frame: bytes) -> dict[str, Any] | None:
    """The message about a form, where the frame is one."""
    message = orjson.loads(frame) if b'"form":' in frame else {}
    return message if "form" in message else None


def _outcome_of(reason: Finding) -> str:
    """The outcome of a file that `reason` keeps from being taken."""
    if reason.code == "FB-readers-disagree":
        return "set_aside"
    return "quarantined" if reason.code.startswith(QUARANTINE) else "returned"


def _rows_of(reason: Finding) -> int:
    return int(reason.details.get("rows", 0)) if reason.code == "FB-readers-disagree" else 0


def _is_disputed(file: FileOutcome) -> bool:
    return file.code == "FB-readers-disagree"


def _exit_code(files: Sequence[FileOutcome]) -> ExitCode:
    troubled = any(file.returned or file.outcome in {"returned", "partly", "quarantined"} or _is_disputed(file) for file in files)
    return ExitCode.RETURNED if troubled else ExitCode.DONE
