"""Workers that can be killed: parsers die natively, hang, or eat memory; only their task suffers.

A worker is another process that speaks frames (four bytes of length, then the bytes) over its
pipes. Its memory and processor time are limited by the kernel where that can be done, its silence
by the parent's patience. On Linux it is forked, before any thread is started, and closes every
handle but its pipes, so that it holds no lock and costs milliseconds; elsewhere it is a fresh
interpreter.
"""

import contextlib
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Generic, NamedTuple, NoReturn, TypeVar

from fbbatch.stopping import Ask, never

_LENGTH = struct.Struct(">I")
_MOST = 64_000_000
_END = b""
_BEAT_SECONDS = 0.2
_MOST_BEATS = 100
_MAY_FORK = sys.platform == "linux"

Task = TypeVar("Task")


class WorkerLostError(Exception):
    """The worker died or fell silent.

    The text says in which way (`memory`, `time`, `silence`, `exit -6`).
    """


@dataclass(frozen=True)
class Job:
    """What workers do.

    `work` names a function `module:name` that takes the setup and gives a function task → frames
    (none empty).
    """

    work: str
    setup: object
    memory_bytes: int
    cpu_seconds: int
    patience_seconds: float


def write_frame(pipe: IO[bytes], payload: bytes) -> None:
    """Write one frame."""
    pipe.write(_LENGTH.pack(len(payload)) + payload)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> bytes | None:
    """Read one frame; None at the end of the pipe or when the frame is torn or too long."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _LENGTH.unpack(head)[0]
    if length > _MOST:
        return None
    payload = pipe.read(length)
    return payload if len(payload) == length else None


# --- the parent's side ----------------------------------------------------------------


class _Worker:
    """One worker process; `listen` starts the thread that takes its answers."""

    def __init__(self, job: Job) -> None:
        self._answers: queue.Queue[bytes | None] = queue.Queue(maxsize=4)
        self._is_over = False
        self._listener: threading.Thread | None = None
        self._exit_code: int | None = None
        if _MAY_FORK:
            self._process: subprocess.Popen[bytes] | None = None
            self._pid, self._to, self._from = _fork(job)
        else:
            command = [sys.executable, "-m", "fbbatch.workers"]
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert self._process.stdin is not None  # noqa: S101 - both are pipes
            assert self._process.stdout is not None  # noqa: S101
            self._pid, self._to, self._from = (
                self._process.pid,
                self._process.stdin,
                self._process.stdout,
            )
            self.send(job)

    def send(self, message: object) -> None:
        """Hand over a task."""
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is awaited
            write_frame(self._to, pickle.dumps(message, protocol=5))

    def answers(self, patience_seconds: float, ask: Ask) -> Iterator[bytes]:
        """The frames of the task at hand, up to the empty one; `ask` is called while none comes."""
        if self._listener is None:
            self._listener = threading.Thread(target=self._listen, daemon=True)
            self._listener.start()
        while True:
            answer = self._next_answer(patience_seconds, ask)
            if answer is None:
                raise WorkerLostError(_cause(self._wait()))
            if answer == _END:
                return
            yield answer

    def _next_answer(self, patience_seconds: float, ask: Ask) -> bytes | None:
        end = time.monotonic() + patience_seconds
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=min(left, _BEAT_SECONDS))
            ask()
        self.kill()
        raise WorkerLostError("silence")

    def kill(self) -> None:
        """End the process; nothing is left behind."""
        if self._exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            self._wait()
        self._let_listener_go()
        for pipe in (self._to, self._from):
            with contextlib.suppress(OSError):
                pipe.close()

    def _let_listener_go(self) -> None:
        """End the thread that listens: it may be waiting to hand on what nobody takes any more."""
        self._is_over = True
        for _ in range(_MOST_BEATS):
            if self._listener is None or not self._listener.is_alive():
                return
            with contextlib.suppress(queue.Empty):
                self._answers.get_nowait()
            self._listener.join(_BEAT_SECONDS / 20)

    def _wait(self) -> int:
        if self._exit_code is None:
            if self._process is not None:
                self._exit_code = self._process.wait()
            else:
                self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._exit_code

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self._is_over and (frame := read_frame(self._from)) is not None:
                self._answers.put(frame)
        self._answers.put(None)


def _fork(job: Job) -> tuple[int, IO[bytes], IO[bytes]]:
    """Fork a worker: (process id, pipe to it, pipe from it)."""
    tasks_out, tasks_in = os.pipe()
    answers_out, answers_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(job, tasks_out, answers_in)
    os.close(tasks_out)
    os.close(answers_in)
    return pid, os.fdopen(tasks_in, "wb"), os.fdopen(answers_out, "rb")


def _cause(exit_code: int) -> str:
    return {-24: "time", -9: "killed", -6: "memory", 1: "memory"}.get(
        exit_code, f"exit {exit_code}"
    )


class Answer(NamedTuple, Generic[Task]):
    """A task and the stream of its answers; the stream raises `WorkerLostError`."""

    task: Task
    frames: Iterator[bytes]


def run_tasks(
    tasks: Iterable[Task], job: Job, *, jobs: int, ask: Ask = never
) -> Generator[Answer[Task], None, None]:
    """Run tasks in worker processes and hand out their answers in the tasks' order.

    Args:
        tasks: picklable; the next ones are started while the answers of one are taken.
        job: what to do.
        jobs: how many workers.
        ask: called now and then while an answer is awaited; it may raise to end it all. The workers
            end with this generator, whatever they are doing.
    """
    waiting = iter(tasks)
    started: list[tuple[Task, _Worker]] = []
    idle = [_Worker(job) for _ in range(jobs)]

    def start_more() -> None:
        while len(started) < jobs:
            try:
                task = next(waiting)
            except StopIteration:
                return
            worker = idle.pop() if idle else _Worker(job)
            worker.send(task)
            started.append((task, worker))

    def frames(worker: _Worker, sound: list[bool]) -> Iterator[bytes]:
        sound[0] = False
        yield from worker.answers(job.patience_seconds, ask)
        sound[0] = True

    try:
        start_more()
        while started:
            task, worker = started[0]
            sound = [False]
            yield Answer(task, frames(worker, sound))
            started.pop(0)
            if sound[0]:
                idle.append(worker)
            else:
                worker.kill()
            start_more()
    finally:
        for worker in (*idle, *(worker for _, worker in started)):
            worker.kill()


# --- the worker's side ----------------------------------------------------------------


def _child(job: Job, tasks: int, answers: int) -> NoReturn:
    """The forked worker.

    Nothing of the parent's is touched again, and no handler or finaliser of it runs.
    """
    code = 1
    try:
        for number in (
            signal.SIGTERM,
            signal.SIGINT,
        ):  # a service is stopped by a signal to all of its processes
            signal.signal(number, signal.SIG_IGN)
        silence = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(silence, standard)
        sys.stdout = sys.stderr = os.fdopen(1, "w", closefd=False)
        kept = sorted({tasks, answers})
        for low, high in zip(
            [3, *(k + 1 for k in kept)], [*kept, os.sysconf("SC_OPEN_MAX")], strict=True
        ):
            os.closerange(low, min(high, 65_536))
        _serve(job, os.fdopen(tasks, "rb"), os.fdopen(answers, "wb", buffering=0))
        code = 0
    finally:
        os._exit(code)


def _serve(job: Job, tasks: IO[bytes], answers: IO[bytes]) -> None:
    """Tasks until the parent is gone."""
    import gc

    gc.disable()  # the cells of a sheet are no cycles
    _take_memory_in_large_steps()
    _limit("RLIMIT_AS", _virtual_bytes() + job.memory_bytes)
    _limit("RLIMIT_CORE", 0)
    module, _, name = job.work.partition(":")
    work = getattr(import_module(module), name)(job.setup)
    with contextlib.suppress(BrokenPipeError):
        while (frame := read_frame(tasks)) is not None:
            task = pickle.loads(frame)  # noqa: S301 - from our own parent
            _limit("RLIMIT_CPU", int(sum(os.times()[:2])) + 1 + job.cpu_seconds)
            for answer in work(task):
                write_frame(answers, answer)
            write_frame(answers, _END)


def _take_memory_in_large_steps() -> None:
    """Let glibc ask the kernel for memory in large steps.

    A sheet of a million cells is a million small blocks; else glibc asks for them 128 KiB at a
    time.
    """
    with contextlib.suppress(Exception):
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in (
            (_M_TOP_PAD, 64 << 20),
            (_M_MMAP_THRESHOLD, 1 << 30),
            (_M_TRIM_THRESHOLD, (1 << 31) - 1),
        ):
            mallopt(parameter, value)


_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def _virtual_bytes() -> int:
    """What the process already has: inherited memory does not count against the worker."""
    try:
        with open("/proc/self/statm", "rb") as statistics:  # noqa: PTH123 - no path object in a fresh fork
            return int(statistics.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


def _limit(name: str, value: int) -> bool:
    """Set a soft kernel limit; False where the system does not allow it.

    It has none of that name (Windows), or refuses it (macOS some).
    """
    try:
        import resource

        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(
            kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard)
        )
    except (ImportError, AttributeError, ValueError, OverflowError, OSError):
        return False
    return True


# --- do the limits hold? --------------------------------------------------------------

LIMITS = ("memory", "time")
_HELD = 42  # exit code of a trial
_TRIAL_BYTES, _TRIAL_SECONDS = 256_000_000, 5
_TRIAL_PATIENCE_SECONDS = 30


def held_limits() -> dict[str, bool]:
    """Which kernel limits really hold here.

    Each is tried in a process of its own that goes beyond it.
    """
    return {name: _is_held(name) for name in LIMITS}


def _is_held(name: str) -> bool:
    command = [sys.executable, "-m", "fbbatch.workers", name]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            command, capture_output=True, timeout=_TRIAL_PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode in {_HELD, -int(getattr(signal, "SIGXCPU", signal.SIGTERM))}


def _try_memory() -> bool:
    """True when more memory than allowed is refused."""
    if not _limit("RLIMIT_AS", _virtual_bytes() + _TRIAL_BYTES // 4):
        return False
    try:
        return not bytearray(_TRIAL_BYTES)
    except MemoryError:
        return True


def _try_time() -> bool:
    """Work on until the kernel ends this process; False when it does not."""
    _limit("RLIMIT_CORE", 0)
    begun = sum(os.times()[:2])
    if not _limit("RLIMIT_CPU", int(begun) + 1):
        return False
    while sum(os.times()[:2]) < begun + _TRIAL_SECONDS:
        pass
    return False


def main() -> None:
    """A worker as a fresh interpreter: the first frame is its `Job`.

    With a name of `LIMITS`, a trial of that limit.
    """
    if sys.argv[1:]:
        sys.exit(_HELD if {"memory": _try_memory, "time": _try_time}[sys.argv[1]]() else 0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if (first := read_frame(sys.stdin.buffer)) is not None:
        _serve(pickle.loads(first), sys.stdin.buffer, answers)  # noqa: S301 - from our own parent


if __name__ == "__main__":
    main()
