"""Workers that can be killed: parsers die natively, hang, or eat memory; only their file suffers.

A worker is another Python process that speaks frames (four bytes of length, then the bytes) over its pipes. Its
memory and processor time are limited by the kernel where that can be done, its silence by the parent's patience.
"""

import contextlib
import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Generic, NamedTuple, TypeVar

_LENGTH = struct.Struct(">I")
_MOST = 64_000_000
_END = b""

Task = TypeVar("Task")


class WorkerLostError(Exception):
    """The worker died or fell silent; the text says in which way (`memory`, `time`, `silence`, `exit -6`)."""


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


class _Worker:
    """One worker process and the thread that listens to it."""

    def __init__(self, module: str, setup: bytes) -> None:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )  # fmt: skip
        self._answers: queue.Queue[bytes | None] = queue.Queue(maxsize=4)
        threading.Thread(target=self._listen, daemon=True).start()
        self.send(setup)

    def send(self, payload: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is awaited
            write_frame(self._process.stdin, payload)

    def answers(self, patience_seconds: float) -> Iterator[bytes]:
        """The frames of the task at hand, up to the empty one that ends it."""
        while True:
            try:
                answer = self._answers.get(timeout=patience_seconds)
            except queue.Empty:
                self.kill()
                raise WorkerLostError("silence") from None
            if answer is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(5)
                self.kill()
                raise WorkerLostError(_cause(self._process.returncode))
            if answer == _END:
                return
            yield answer

    def kill(self) -> None:
        """End the process; nothing is left behind."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(OSError, ValueError):
            while (frame := read_frame(self._process.stdout)) is not None:
                self._answers.put(frame)
        self._answers.put(None)


def _cause(exit_code: int) -> str:
    return {-24: "time", -9: "killed", -6: "memory", 1: "memory"}.get(exit_code, f"exit {exit_code}")


class Answer(NamedTuple, Generic[Task]):
    """A task and the stream of its answers; the stream raises `WorkerLostError`."""

    task: Task
    frames: Iterator[bytes]


def run_tasks(tasks: Iterable[Task], *, module: str, setup: object, jobs: int, patience_seconds: float) -> Iterator[Answer[Task]]:
    """Run tasks in worker processes and hand out their answers in the tasks' order.

    Args:
        tasks: picklable; the next ones are started while the answers of one are taken.
        module: the module to run (`python -m module`), which calls `serve`.
        setup: sent to each worker once; picklable.
        jobs: how many workers.
        patience_seconds: how long a worker may be silent while its answer is awaited.
    """
    setup_frame = pickle.dumps(setup, protocol=5)
    waiting = iter(tasks)
    started: list[tuple[Task, _Worker]] = []
    idle: list[_Worker] = []

    def start_more() -> None:
        while len(started) < jobs:
            try:
                task = next(waiting)
            except StopIteration:
                return
            worker = idle.pop() if idle else _Worker(module, setup_frame)
            worker.send(pickle.dumps(task, protocol=5))
            started.append((task, worker))

    def frames(worker: _Worker, sound: list[bool]) -> Iterator[bytes]:
        sound[0] = False
        yield from worker.answers(patience_seconds)
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


def serve(
    prepare: Callable[[Any], Callable[[Any], Iterator[bytes]]],
    *,
    memory_bytes: Callable[[Any], int],
    cpu_seconds: Callable[[Any], int],
) -> None:
    """The worker's main loop: setup, then tasks until the parent is gone.

    Args:
        prepare: setup → (task → frames, none of them empty).
        memory_bytes: the limit, from the setup.
        cpu_seconds: the limit for each task, from the setup.
    """
    import gc
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    tasks = sys.stdin.buffer
    first = read_frame(tasks)
    if first is None:
        return
    setup = pickle.loads(first)  # noqa: S301 - from our own parent
    _limit("RLIMIT_AS", memory_bytes(setup))
    _limit("RLIMIT_CORE", 0)
    work = prepare(setup)
    gc.disable()  # the cells of a sheet are no cycles
    with contextlib.suppress(BrokenPipeError):
        while (frame := read_frame(tasks)) is not None:
            task = pickle.loads(frame)  # noqa: S301
            _limit("RLIMIT_CPU", int(sum(os.times()[:2])) + 1 + cpu_seconds(setup))
            for answer in work(task):
                write_frame(answers, answer)
            write_frame(answers, _END)


def _limit(name: str, value: int) -> None:
    """Set a soft kernel limit where the platform has it (Windows has none; `doctor` says so)."""
    try:
        import resource
    except ImportError:
        return
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
