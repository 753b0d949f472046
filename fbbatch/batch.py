"""The shell: one run of the batch, top to bottom. It only sequences.

Lock → settle and claim files → read and judge in workers → one transaction per file → render what
is owed → publish the run folder by one rename → archive the originals → close the run. A run that
finds an unclosed one finishes it
first: what is in the ledger stays, the rest is done again, so that a run killed anywhere ends where
an undisturbed one would have.
"""

import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from fbbatch import __version__, failpoints, inbox, outbox
from fbbatch.documents import Receipt
from fbbatch.errors import (
    BusyError,
    ExitCode,
    InvalidSetupError,
    StorageError,
    UnusableTimeError,
)
from fbbatch.inbox import ArchiveMove
from fbbatch.intake import Taking
from fbbatch.ledger import Ledger, RunRecord, copy_ledger
from fbbatch.ledger.outcomes import HARMLESS
from fbbatch.ledger.unfinished import give_up
from fbbatch.model import FileOutcome
from fbbatch.publish.edition import Edition, Progress
from fbbatch.schema.wording import words
from fbbatch.steps import Rules, Steps
from fbbatch.stopping import InterruptedRunError
from fbbatch.workspace import Workspace

__all__ = ["Edition", "InterruptedRunError", "Ledger", "RunResult", "locked", "rehearse", "run"]

_BEFORE = "Stopped before a file was read; the next run goes on from there."
_BETWEEN = "Stopped after all files were read; the next run goes on from there."
_PRINTING = "Stopped while printing; the next run goes on from there."
_ARCHIVING = "Stopped while originals were archived; the next run goes on from there."


class RunResult(NamedTuple):
    """What a run did: its manifest, its folder in the outbox, its receipt, and the exit code.

    `folder` is None for a rehearsal. `given_up` is the unfinished run that was removed before it
    began, if there was one.
    """

    manifest: dict[str, Any]
    folder: Path | None
    receipt: Receipt
    exit_code: ExitCode
    given_up: RunRecord | None = None


_EARLIEST = dt.date(1990, 1, 1)
_FURTHEST_DAYS = 400


def check_time(
    as_of: dt.datetime, *, now: dt.datetime, last: RunRecord | None, language: str
) -> None:
    """See that a run can be as of a time.

    That is not before 1990, and not more than 400 days after the later of the clock and the last
    run.

    Args:
        as_of: the aware time that is asked for.
        now: the clock.
        last: the newest closed run.
        language: of the message.

    Raises:
        UnusableTimeError: it says why.
    """
    latest = max(now, last.as_of) if last else now
    day = as_of.date()
    if day < _EARLIEST:
        raise UnusableTimeError(words("time.early", language, as_of=day, bound=_EARLIEST))
    if (day - latest.date()).days > _FURTHEST_DAYS:
        bound = latest.date() + dt.timedelta(days=_FURTHEST_DAYS)
        raise UnusableTimeError(
            words("time.late", language, as_of=day, bound=bound, days=_FURTHEST_DAYS)
        )


def _is_usable(as_of: dt.datetime, now: dt.datetime, last: RunRecord | None) -> bool:
    try:
        check_time(as_of, now=now, last=last, language="en")
    except UnusableTimeError:
        return False
    return True


def foresee(shop: Workspace, as_of: dt.datetime, *, now: dt.datetime) -> None:
    """See that a run can be as of a time, before it takes hold of the workspace.

    It comes before a person is asked about that time.

    Raises:
        UnusableTimeError: as `check_time`.
    """
    if not shop.settings.database and not shop.ledger_file.exists():
        check_time(as_of, now=now, last=None, language=shop.settings.locale)
        return
    with contextlib.closing(shop.ledger()) as ledger:
        check_time(as_of, now=now, last=ledger.last_run(), language=shop.settings.locale)


def _give_up(ledger: Ledger, as_of: dt.datetime, now: dt.datetime) -> RunRecord | None:
    """The unfinished run that was removed, if one was.

    It goes where its time cannot be used and nothing but files was noted, or it is later than
    `as_of` and nothing was.
    """
    unfinished = ledger.unfinished_run()
    if unfinished is None:
        return None
    is_usable = _is_usable(unfinished.as_of, now, ledger.last_run())
    if is_usable and unfinished.as_of <= as_of:
        return None
    return unfinished if give_up(ledger, unfinished, with_files=not is_usable) else None


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
        raise BusyError(
            f"Another run is active in {private.parent}; try again when it has ended"
        ) from error
    except OSError as error:
        raise StorageError(
            f"The workspace cannot be written to: {error.strerror}: {private}"
        ) from error
    try:
        yield
    finally:
        lock.release()


def run(
    shop: Workspace,
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
        should_stop: asked between any two steps that take long: after every file and every chunk of
            rows, every printed document, every archived original.

    Raises:
        UnusableTimeError: `as_of` is impossible; nothing has been touched.
        BusyError, StorageError: what was dropped is still in the inbox, or its run is finished by
        the next one.
        InterruptedRunError: it was asked to stop.
    """
    with locked(shop.folder), contextlib.closing(_ledger(shop)) as ledger, ledger.doubted():
        ledger.check()
        check_time(as_of, now=now, last=ledger.last_run(), language=shop.settings.locale)
        if given_up := _give_up(ledger, as_of, now):
            outbox.discard(shop.folder, given_up.name)
        _check_matters(shop, ledger)
        shop.with_secret()
        if unfinished := ledger.unfinished_run():
            result = _Run(shop, ledger, unfinished, progress, should_stop).carry_out(now)
            if unfinished.as_of.date() == as_of.date():
                return result
        taken = outbox.run_names(shop.folder, f"{as_of:%Y%m%d}")
        begun = ledger.begin_run(as_of, started_at=now, version=__version__, taken=taken)
        result = _Run(shop, ledger, begun, progress, should_stop).carry_out(now)
        return result._replace(given_up=given_up)


def _check_matters(shop: Workspace, ledger: Ledger) -> None:
    """See that there is a process, and a state in it, for every matter in hand.

    Raises:
        InvalidSetupError: one was taken away while matters are in it.
    """
    told = []
    for process_id, state, number in ledger.states_in_hand():
        process = shop.book.processes.get(process_id)
        if process is None or state not in process.states:
            code = "process.state_gone" if process else "process.gone"
            about = {"process": process_id, "state": state, "number": number}
            told.append(words(code, shop.settings.locale, **about))
    if told:
        raise InvalidSetupError(told)


def _ledger(shop: Workspace) -> Ledger:
    """The ledger, opened once the doors are seen to be open."""
    outbox.workroom(shop.folder)
    inbox.check_doors(shop.folder)
    return shop.ledger()


def rehearse(
    shop: Workspace,
    as_of: dt.datetime,
    *,
    now: dt.datetime,
    files: Sequence[Path] | None = None,
    progress: Progress,
) -> RunResult:
    """What a run would do, by the same code on a copy of the ledger.

    Nothing is written to the workspace.

    Args:
        shop: the workspace.
        as_of: as `run`.
        now: as `run`.
        files: judge these instead of the inbox.
        progress: as `run`.

    Raises:
        UnusableTimeError: as `run`.
    """
    with tempfile.TemporaryDirectory(prefix="fbbatch-") as scratch:
        copy = Path(scratch) / "ledger.db"
        if shop.settings.database:
            with contextlib.closing(shop.ledger()) as whole:
                whole.copy_to(copy)
        elif shop.ledger_file.exists():
            copy_ledger(shop.ledger_file, copy)
        with contextlib.closing(Ledger(copy)) as ledger:
            check_time(as_of, now=now, last=ledger.last_run(), language=shop.settings.locale)
            _give_up(ledger, as_of, now)
            taken = outbox.run_names(shop.folder, f"{as_of:%Y%m%d}")
            begun = ledger.unfinished_run() or ledger.begin_run(
                as_of, started_at=now, version=__version__, taken=taken
            )
            return _Run(shop, ledger, begun, progress, lambda: False).rehearse(files)


class _Run:
    """One run in the making."""

    def __init__(
        self,
        shop: Workspace,
        ledger: Ledger,
        record: RunRecord,
        progress: Progress,
        should_stop: Callable[[], bool],
    ) -> None:
        self.shop = shop
        self.ledger = ledger
        self.record = record
        self.progress = progress
        self.should_stop = should_stop
        self.edition = Edition(shop, ledger, record, progress, lambda: self.ask(_PRINTING))
        self.steps = Steps(Rules(shop.book, record, shop.settings, shop.codes))
        # a ledger that was restored does not know of all that has been published
        day = f"{record.as_of:%Y%m%d}"
        ledger.reserve(
            outbox.case_numbers(
                shop.folder, outbox.run_names(shop.folder, day) - ledger.closed_runs(day)
            )
        )
        self.taking = Taking(
            shop,
            ledger,
            record,
            self.steps,
            lambda n, total: progress("files", n, total),
            should_stop,
        )

    def ask(self, where: str) -> None:
        if self.should_stop():
            raise InterruptedRunError(where)

    def carry_out(self, now: dt.datetime) -> RunResult:
        limits = self.shop.settings.limits
        claimed = inbox.claim(
            self.shop.folder / "inbox",
            settle_seconds=self.shop.settings.settle_seconds,
            most_files=limits.run_files,
            most_bytes=limits.run_bytes,
            largest=limits.file_bytes,
            ask=lambda: self.ask(_BEFORE),
        )
        inbox.check_space(self.shop.folder, claimed, free_bytes=limits.free_bytes)
        ignored = inbox.ignored(self.shop.folder / "inbox")
        self.taking.take(claimed)
        self.steps.open_matters(self.ledger, lambda: self.ask(_BETWEEN))
        self.steps.pass_time(self.ledger, lambda: self.ask(_BETWEEN))
        files = self.ledger.files_of(self.record)
        receipt = Receipt(
            self.record.name,
            self.record.as_of,
            files,
            list(self.edition.each(self.ledger.cases(run=self.record))),
            moved=self.ledger.touched(self.record),
            ignored=ignored,
        )
        manifest, folder = self.edition.publish(receipt, {item.name: item.path for item in claimed})
        paths = {(item.name, item.sha256): item.path for item in claimed}
        moves = [(paths.get((file.name, file.sha256)), file) for file in files]
        inbox.archive(
            self.shop.folder,
            [
                ArchiveMove(path, file.archived, file.sha256, file.size)
                for path, file in moves
                if path and file.archived
            ],
            ask=lambda: self.ask(_ARCHIVING),
        )
        outbox.forget_draft(self.shop.folder, self.record.name)
        failpoints.reach("closing")
        self.ledger.close_run(self.record, now)
        return RunResult(manifest, folder, receipt, _exit_code(files))

    def rehearse(self, paths: Sequence[Path] | None) -> RunResult:
        inbox_folder = self.shop.folder / "inbox"
        self.taking.take(
            inbox.claim(inbox_folder, settle_seconds=0)
            if paths is None
            else [item for path in paths for item in inbox.claim_one(path)]
        )
        files = [replace(file, archived=None) for file in self.ledger.files_of(self.record)]
        cases = list(self.ledger.cases(run=self.record))
        ignored = inbox.ignored(inbox_folder) if paths is None else ()
        receipt = Receipt(self.record.name, self.record.as_of, files, cases, ignored=ignored)
        return RunResult(self.edition.manifest(receipt, []), None, receipt, _exit_code(files))


def _exit_code(files: Sequence[FileOutcome]) -> ExitCode:
    return ExitCode.RETURNED if any(map(_asks_for_work, files)) else ExitCode.DONE


def _asks_for_work(file: FileOutcome) -> bool:
    """True where staff have to act on a file.

    What a stranger mails makes no night's exit code by itself.
    """
    if file.mailed_by == "stranger":
        return False
    is_wrong = file.outcome == "set_aside" and file.code not in HARMLESS
    return is_wrong or bool(file.returned) or file.outcome in {"returned", "partly", "quarantined"}
