"""Taking what was dropped: each file is judged in a worker and recorded in one transaction.

Files with forms wait until the others are recorded, and are then taken in the order of the steps
that they bring, so that their names do not matter.
"""

import contextlib
import gc
import heapq
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import IO, NamedTuple, assert_never

from fbbatch import failpoints, inbox, workers
from fbbatch.errors import UnrecordableError
from fbbatch.findings import finding
from fbbatch.inbox import Claimed
from fbbatch.judge import FileToJudge, Hearing, Setup
from fbbatch.ledger import Ledger, RunRecord
from fbbatch.ledger.recording import FileRecorder
from fbbatch.messages import (
    EditedWorkbook,
    FileKind,
    FormRead,
    Heard,
    HeardRows,
    PartHead,
    Refusal,
    Remarks,
    SetAside,
    SheetHead,
    WorkbookProof,
    decode,
    is_a,
)
from fbbatch.model import Finding
from fbbatch.steps import Steps
from fbbatch.stopping import InterruptedRunError
from fbbatch.workers import WorkerLostError
from fbbatch.workspace import Workspace

QUARANTINE = (
    "FB-not-recorded",
    "FB-broken",
    "FB-encrypted",
    "FB-limit-",
    "FB-too-expensive",
    "FB-not-readable",
    "FB-no-outlook-reader",
    "FB-encoding",
)
DEFERRED = ("FB-changed", "FB-locked")
_USED_UP = frozenset({"time", "silence"})
"""Ways to lose a worker that another reader would share: it is no faster."""
_HELD_BYTES = (
    1 << 18
)  # a file that tells more than this is recorded as it is read, whatever forms are in it
_IN_MEMORY_BYTES = 1 << 26
_GRACE_SECONDS = 5
"""For so long a run that is to stop waits for a silent reader: most files are finished by then."""
_AFTER_FILE = "Stopped after the file in hand; the next run goes on from there."
_WITHIN_FILE = "Stopped while reading a file, which stays in the inbox and is read anew next time."

_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What a file may bring out in the code that records it.

Then that file is put aside, and the others go on, tomorrow too.
"""

Frames = Iterable[bytes]
_CONTAINERS = frozenset({"zip", "mail"})


class _HeardForm(NamedTuple):
    """A form that came back, and who records the file that it is."""

    recorder: FileRecorder
    read: FormRead


class Taking:
    """The files of one run on their way into the ledger.

    Args:
        shop: the workspace.
        ledger: where they go.
        record: the run.
        steps: what forms and edits do.
        taken: told after each file how many are recorded and of how many.
        should_stop: asked after each file, and within a large one after each chunk of rows.
    """

    def __init__(
        self,
        shop: Workspace,
        ledger: Ledger,
        record: RunRecord,
        steps: Steps,
        taken: Callable[[int, int], None] = lambda *_: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.shop = shop
        self.ledger = ledger
        self.record = record
        self.steps = steps
        self.taken = taken
        self.should_stop = should_stop
        self.asked_at: float | None = None
        self.archived: list[str] = []
        self.n_recorded = 0

    def take(self, claimed: Sequence[Claimed]) -> None:
        """Judge and record every claimed file that this run has not recorded yet."""
        recorded = self.ledger.files_of(self.record)
        self.archived = [file.archived for file in recorded if file.archived]
        done = {(file.name, file.sha256) for file in recorded}
        left = [item for item in claimed if (item.name, item.sha256) not in done]
        fresh, copies = self._told_apart(left, {file.sha256 for file in recorded})
        self._judge(fresh, len(fresh) + len(copies))
        self._record_copies(copies)

    def _told_apart(
        self, items: Iterable[Claimed], recorded: Collection[str]
    ) -> tuple[list[Claimed], list[Claimed]]:
        """The files to judge, and those with the bytes of one that is judged or in the ledger.

        Those that are not to be read are recorded here. `recorded` are the sha256 of the files that
        an interrupted attempt at this run has recorded.
        """
        fresh: dict[str, Claimed] = {}
        copies: list[Claimed] = []
        for item in items:
            self.between_files()
            if self._record_unread(item):
                continue
            known = item.sha256 in fresh or item.sha256 in recorded
            if known or self.ledger.file_of(item.sha256):
                copies.append(item)
            else:
                fresh[item.sha256] = item
        return list(fresh.values()), copies

    def _record_unread(self, item: Claimed) -> bool:
        """Record a file that this run does not read: it is one too many, or too large."""
        limits = self.shop.settings.limits
        if item.deferred:
            reason = finding(item.deferred, limit=f"{limits.run_files:,}")
            self.record_whole(item, reason, "deferred")
        elif item.unread:
            self.record_whole(item, limits.over("file_bytes", item.size), "quarantined")
        return bool(item.deferred or item.unread)

    def _record_copies(self, copies: Sequence[Claimed]) -> None:
        """Record files whose bytes the ledger has by now, by what became of the first of them.

        Where its rows are not recorded yet, the copy waits with it.
        """
        if not copies:
            return
        here = {file.sha256: file for file in reversed(self.ledger.files_of(self.record))}
        for item in copies:
            self.between_files()
            first = here.get(item.sha256) or self.ledger.file_of(item.sha256)
            assert first is not None  # noqa: S101 - it was one of the two that put the file here
            if first.outcome == "deferred":
                self.record_whole(item, finding(first.code or "FB-changed"), "deferred")
            else:
                same = finding("FB-same-file", first=first.name)
                self.record_whole(item, same, "duplicate", rows=first.rows)

    def _judge(self, items: Sequence[Claimed], total: int) -> None:
        tasks = [FileToJudge(item.path, item.folder, item.sha256) for item in items]
        answers = workers.run_tasks(
            tasks, self.job, jobs=min(self.shop.settings.jobs, len(tasks)), ask=self.while_silent
        )
        with contextlib.closing(answers), tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as spool:
            held = _Held(spool)
            for item, answer in zip(items, answers, strict=True):
                if not self.hold(held, item, answer.frames):
                    self.count(total)
            self.take_held(held, total)

    @cached_property
    def job(self) -> workers.Job:
        """What the workers of this run do, and within which limits."""
        shop, limits = self.shop, self.shop.settings.limits
        setup = Setup(
            shop.book,
            limits,
            self.record.as_of,
            shop.settings.locale,
            shop.folder / "outbox",
            shop.printed,
            shop.fact_labels,
            tuple(shop.settings.placeholders),
        )
        return workers.Job(
            "fbbatch.judge:work",
            setup,
            limits.memory_bytes,
            limits.cpu_seconds,
            limits.wall_seconds,
        )

    def count(self, total: int) -> None:
        """One more file is in the ledger."""
        self.n_recorded += 1
        self.taken(self.n_recorded, total)
        self.between_files()

    # --- asked to stop ----------------------------------------------------------------

    def between_files(self) -> None:
        """End the run here, where it is asked to stop."""
        if self.should_stop():
            raise InterruptedRunError(_AFTER_FILE)

    def within_file(self) -> None:
        """End the run in the middle of a file, of which nothing is kept then."""
        if self.should_stop():
            raise InterruptedRunError(_WITHIN_FILE)

    def while_silent(self) -> None:
        """As `within_file`, once the reader has had time to finish."""
        if self.should_stop():
            self.asked_at = self.asked_at or time.monotonic()
            if time.monotonic() - self.asked_at > _GRACE_SECONDS:
                raise InterruptedRunError(_WITHIN_FILE)

    # --- in which order ---------------------------------------------------------------

    def hold(self, held: "_Held", item: Claimed, frames: Iterator[bytes]) -> bool:
        """Hold a file with forms back, or record it at once; True when it was held.

        A file whose worker has died is read once more by the second reader before its turn is
        known, so that it keeps it.
        Source: RELIABILITY F38.
        """
        try:
            told, rest = _begun(frames)
        except WorkerLostError as error:
            if str(error) in _USED_UP:
                self.record_whole(item, finding("FB-too-expensive", what=str(error)), "quarantined")
                return False
            with self.read_again(item) as again:
                return self._hold_second(held, item, again, str(error))
        return self._keep(held, item, told, rest)

    def _hold_second(
        self, held: "_Held", item: Claimed, frames: Iterator[bytes], what: str
    ) -> bool:
        """As `hold`, for a file of which the first reader has died.

        Where the second does no better, that is the reason.
        """
        with contextlib.suppress(WorkerLostError):
            told, rest = _begun(frames)
            if not any(is_a(Refusal, frame) for frame in told):
                return self._keep(held, item, told, rest)
        self.record_whole(item, finding("FB-too-expensive", what=what), "quarantined")
        return False

    def _keep(
        self, held: "_Held", item: Claimed, told: Sequence[bytes], rest: Iterator[bytes] | None
    ) -> bool:
        """Hold a file whose frames are all here and hold forms; record any other."""
        read = [decode(frame) for frame in told if is_a(FormRead, frame)] if rest is None else []
        forms = [message.form for message in read if isinstance(message, FormRead)]
        if not forms:
            self.record_judged(item, chain(told, rest or ()))
            return False
        for form in forms:
            self.steps.expect(form)
        cases = frozenset(form.case for form in forms)
        held.keep((min(map(self.steps.turn, forms)), item.sha256), item, cases, told)
        return True

    @contextlib.contextmanager
    def read_again(self, item: Claimed) -> Iterator[Iterator[bytes]]:
        """The frames of a file as the second reader gives them."""
        second = [FileToJudge(item.path, item.folder, item.sha256, second=True)]
        with contextlib.closing(
            workers.run_tasks(second, self.job, jobs=1, ask=self.while_silent)
        ) as again:
            yield next(again).frames

    def take_held(self, held: "_Held", total: int) -> None:
        """Take the files with forms, whatever their names, in the order of the forms' turns.

        One that comes too early is looked at again whenever its case has moved; when none can go
        on, the first is recorded as it is. What is taken next depends only on the ledger and on
        what is left, so that an interrupted run ends alike.
        """
        early: dict[str, list[_HeldFile]] = {}
        ready = held.waiting
        heapq.heapify(ready)
        while ready or early:
            is_stuck = not ready
            one = (
                heapq.heappop(ready)
                if ready
                else min(waiting for some in early.values() for waiting in some)
            )
            if missing := self.record_judged(one.item, held.frames(one), may_wait=not is_stuck):
                early.setdefault(missing, []).append(one)
                continue
            self.count(total)
            for number in one.cases & early.keys():
                for other in early.pop(number):
                    if other is not one:
                        heapq.heappush(ready, other)

    # --- one file ---------------------------------------------------------------------

    def record_judged(self, item: Claimed, frames: Frames, *, may_wait: bool = False) -> str:
        """Record one file; what goes wrong in the worker becomes its outcome.

        That is so once the second reader has failed, too.

        Returns:
            `''` once the file is recorded. With `may_wait` nothing is recorded of a file with a
            form that comes too early: then the number of its case.

        Source: RELIABILITY F38.
        """
        try:
            reason = self._recorded(item, frames, may_wait=may_wait)
            if (
                reason
                and reason.code == "FB-too-expensive"
                and reason.details["what"] not in _USED_UP
            ):
                with self.read_again(item) as again:
                    reason = self._recorded(item, again, may_wait=False) and reason
        except _EarlyError as early:
            return early.case
        if reason:
            self.record_whole(item, reason, _outcome_of(reason), rows=_rows_of(reason))
        return ""

    def _recorded(self, item: Claimed, frames: Frames, *, may_wait: bool) -> Finding | None:
        """One transaction with all that a worker says of a file.

        Where it cannot be taken, nothing is kept but why.
        """
        try:
            with (
                self.ledger.doubted(),
                self.ledger.record_file(
                    self.record, name=item.name, sha256=item.sha256, size=item.size
                ) as recorder,
            ):
                recorder.note([finding(item.note)] if item.note else [])
                with _uncollected():
                    forms = self._heard(recorder, frames)
                failpoints.reach("parsed")
                self._take_forms(forms, may_wait=may_wait)
                self.steps.take_amendments(recorder, self.within_file)
                recorder.close(archive=self.archive_path(item))
        except _FileRefusedError as refused:
            with contextlib.suppress(WorkerLostError):
                list(frames)  # to the end: a worker that is left in the middle has to be replaced
            return refused.reason
        except WorkerLostError as error:
            return finding("FB-too-expensive", what=str(error))
        except (UnrecordableError, *_FAULTS) as error:
            return finding("FB-not-recorded", reason=_cause(error))
        return None

    def _heard(self, recorder: FileRecorder, frames: Frames) -> list[_HeardForm]:
        """Record what a worker says of a file and of the files in it.

        It gives the forms, which are taken when all has been said.
        """
        current, hearing = recorder, Hearing()
        forms: list[_HeardForm] = []
        n_chunks = 0
        for frame in frames:
            message = hearing.message(frame)
            n_chunks += isinstance(message, HeardRows)
            if n_chunks > 1:  # a small file is rather finished
                self.within_file()
            if isinstance(message, PartHead):
                current = recorder.part(name=message.name, sha256=message.sha256, size=message.size)
            elif isinstance(message, Refusal) and current is recorder:
                raise _FileRefusedError(message.reason)
            elif isinstance(message, FormRead):
                forms.append(_HeardForm(current, message))
            self._take(current, message)
        return forms

    def _take(self, recorder: FileRecorder, message: Heard) -> None:
        """Record a message with the file, or the file inside another, that it is about."""
        match message:
            case FileKind() | PartHead():
                self.steps.take_sender(recorder, message.sender)
            case Refusal(reason):
                recorder.refuse(reason, _outcome_of(reason), rows=_rows_of(reason))
            case WorkbookProof():
                self.steps.take_marks(recorder, message)
            case EditedWorkbook():
                self.steps.take_edits(recorder, message)
            case SheetHead() | HeardRows() | SetAside() | Remarks():
                recorder.hear(message)
            case FormRead():  # in its turn, when all has been said
                pass
            case _:
                assert_never(message)

    def _take_forms(self, forms: list[_HeardForm], *, may_wait: bool) -> None:
        """The forms of one file, each in its turn, one that comes too early after the others.

        Raises:
            _EarlyError: with `may_wait`, when one still comes too early.
        """
        forms.sort(key=lambda one: self.steps.turn(one.read.form))
        while forms:
            in_time = (n for n, one in enumerate(forms) if not self._is_early(one))
            at = next(in_time, None)
            if at is None and may_wait:
                raise _EarlyError(forms[0].read.form.case)
            one = forms.pop(at or 0)
            self.steps.take_form(one.recorder, one.read)

    def _is_early(self, one: _HeardForm) -> bool:
        return self.steps.is_early(one.recorder, one.read.form)

    def record_whole(self, item: Claimed, reason: Finding, outcome: str, *, rows: int = 0) -> None:
        """Record a file whose outcome one finding decides."""
        with self.ledger.record_file(
            self.record, name=item.name, sha256=item.sha256, size=item.size
        ) as recorder:
            recorder.note([finding(item.note)] if item.note else [])
            recorder.refuse(reason, outcome, rows=rows)
            recorder.close(archive=None if outcome == "deferred" else self.archive_path(item))

    def archive_path(self, item: Claimed) -> Callable[[str], str]:
        """Where the original will go, once its outcome is known."""

        def choose(outcome: str) -> str:
            target = inbox.archive_path(
                self.shop.folder,
                item.name,
                outcome,
                self.record.as_of.date().isoformat(),
                self.archived,
            )
            self.archived.append(target)
            return target

        return choose


def _cause(error: Exception) -> str:
    """What kept a file from being recorded, without what stands in it."""
    return (
        str(error).split(":")[0] if isinstance(error, UnrecordableError) else type(error).__name__
    )


class _FileRefusedError(Exception):
    """Leaves a file's transaction: nothing of it is kept but the reason."""

    def __init__(self, reason: Finding) -> None:
        super().__init__(reason.code)
        self.reason = reason


class _EarlyError(Exception):
    """Leaves a file's transaction: a form in it skips a step of the case.

    The missing one may be among the other files.
    """

    def __init__(self, case: str) -> None:
        super().__init__(case)
        self.case = case


class _HeldFile(NamedTuple):
    """A file with forms that is held back.

    Its turn (no two have the same), its cases, where in the spool its frames are, and how many.
    """

    turn: tuple[tuple[str, int], str]
    item: Claimed
    cases: frozenset[str]
    at: int
    n_frames: int


class _Held:
    """The files with forms of a run, and what their workers told, frame by frame.

    It is on disk when it is much.
    """

    def __init__(self, spool: IO[bytes]) -> None:
        self.waiting: list[_HeldFile] = []
        self._spool = spool

    def keep(
        self,
        turn: tuple[tuple[str, int], str],
        item: Claimed,
        cases: frozenset[str],
        frames: Sequence[bytes],
    ) -> None:
        self.waiting.append(_HeldFile(turn, item, cases, self._spool.tell(), len(frames)))
        for frame in frames:
            workers.write_frame(self._spool, frame)

    def frames(self, one: _HeldFile) -> list[bytes]:
        self._spool.seek(one.at)
        return [workers.read_frame(self._spool) or b"" for _ in range(one.n_frames)]


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for cycles.

    Rows make none, and there are so many that all of them would be looked at again and again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _begun(frames: Iterator[bytes]) -> tuple[list[bytes], Iterator[bytes] | None]:
    """The first frames of a file, and the others; None where these are all, and not many.

    Raises:
        WorkerLostError: the worker died of it before so much was told.
    """
    told: list[bytes] = []
    size, may_hold_forms = 0, False
    for frame in frames:
        told.append(frame)
        size += len(frame)
        may_hold_forms = may_hold_forms or _may_hold_forms(frame)
        if size > _HELD_BYTES and not may_hold_forms:
            return told, frames
    return told, None


def _may_hold_forms(frame: bytes) -> bool:
    """True for a frame that is a form, or says that the file holds others.

    Their forms come in their turn, however long it is.
    """
    if not is_a(FileKind, frame):
        return is_a(FormRead, frame)
    kind = decode(frame)
    return isinstance(kind, FileKind) and kind.kind in _CONTAINERS


def _outcome_of(reason: Finding) -> str:
    """The outcome of a file that `reason` keeps from being taken."""
    if reason.code == "FB-readers-disagree":
        return "set_aside"
    if reason.code in DEFERRED:
        return "deferred"
    return "quarantined" if reason.code.startswith(QUARANTINE) else "returned"


def _rows_of(reason: Finding) -> int:
    return int(reason.details.get("rows", 0)) if reason.code == "FB-readers-disagree" else 0
