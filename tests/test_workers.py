"""A parser that dies, hangs or eats memory takes its own file with it and nothing else."""

import contextlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import pytest

from fbbatch.workers import Job, WorkerLostError, read_frame, run_tasks, write_frame
from tests.builders import REPOSITORY

Told = list[list[str] | str]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


def job(*, cpu: int = 20, patience: float = 20) -> Job:
    return Job("tests.worker:prepare", {"greeting": "hello"}, 300_000_000, cpu, patience)


def answers(tasks: Sequence[tuple[str, object]], *, jobs: int = 1, **limits: int) -> Told:
    """For each task its frames, or why its worker was lost."""
    told: Told = []
    with contextlib.closing(run_tasks(tasks, job(**limits), jobs=jobs)) as running:
        for answer in running:
            try:
                told.append([frame.decode() for frame in answer.frames])
            except WorkerLostError as lost:
                told.append(str(lost))
    return told


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children() -> set[int]:
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat,
            ):
                if stat.read().rpartition(")")[2].split()[1] == str(os.getpid()):
                    found.add(int(name))
    return found


def test_answers_come_in_the_order_of_tasks() -> None:
    assert answers([("say", n) for n in range(6)], jobs=2) == [[f"hello {n}"] for n in range(6)]


def test_one_worker_serves_many_tasks() -> None:
    assert len({pid for (pid,) in answers([("pid", None)] * 3)}) == 1


def test_many_frames_and_large_ones_arrive_whole() -> None:
    many, long = answers([("many", 200), ("long", 3_000_000)])
    assert (len(many), len(long[0])) == (200, 3_000_000)


def test_what_a_parser_prints_reaches_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    assert answers([("print", None), ("say", 1)]) == [["quiet"], ["hello 1"]]
    assert capfd.readouterr() == ("", "")


def test_no_tasks_need_no_worker() -> None:
    assert answers([], jobs=0) == []


@pytest.mark.parametrize(
    ("task", "cause"),
    [
        (("abort", None), "memory"),
        (("segfault", None), "exit -11"),
        (("exit", 3), "exit 3"),
        (("eat", None), "memory"),
        (("raise", None), "memory"),
    ],
)
def test_worker_that_dies_loses_its_own_task_only(task: tuple[str, object], cause: str) -> None:
    assert answers([("say", 1), task, ("say", 2)]) == [["hello 1"], cause, ["hello 2"]]


def test_two_workers_that_die_do_not_hold_up_the_others() -> None:
    assert answers([("abort", None), ("say", 1), ("abort", None), ("say", 2)], jobs=2) == [
        "memory",
        ["hello 1"],
        "memory",
        ["hello 2"],
    ]


@pytest.mark.slow
def test_worker_that_falls_silent_is_killed_when_patience_ends() -> None:
    assert answers([("hang", None), ("say", 1)], patience=2) == ["silence", ["hello 1"]]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processor time is limited by the kernel")
def test_worker_that_spins_is_stopped_by_its_processor_time() -> None:
    assert answers([("spin", None), ("say", 1)], cpu=1) == ["time", ["hello 1"]]


def test_frames_before_the_end_of_a_worker_are_not_taken_for_the_whole() -> None:
    running = run_tasks([("abort", None)], job(), jobs=1)
    with contextlib.closing(running):
        frames = next(running).frames
        assert next(frames) == b"begun"
        with pytest.raises(WorkerLostError):
            next(frames)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_no_process_is_left_behind_however_it_ends() -> None:
    before = children()
    tasks = [("pid", None), ("abort", None), ("hang", None), ("say", 2)]
    (first,), *others = answers(tasks, jobs=2, patience=2)
    assert others == ["memory", "silence", ["hello 2"]]
    assert int(first) not in before  # a process of its own, which is gone
    assert not is_alive(int(first))
    assert children() <= before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_no_process_is_left_behind_when_the_run_stops_in_the_middle() -> None:
    before = children()
    running = run_tasks([("pid", None), ("hang", None), ("many", 500)], job(), jobs=3)
    pid = int(next(next(running).frames))
    running.close()
    assert not is_alive(pid)
    assert children() <= before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_who_waits_for_a_silent_worker_is_asked_and_may_end_it_all() -> None:
    before, asked = children(), list[int]()

    def ask() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise KeyError("stop")

    start = time.monotonic()
    with (
        pytest.raises(KeyError),
        contextlib.closing(
            run_tasks([("hang", None), ("hang", None)], job(patience=60), jobs=2, ask=ask)
        ) as running,
    ):
        list(next(running).frames)
    assert time.monotonic() - start < 20
    assert children() <= before


def test_no_thread_waits_on_for_answers_that_nobody_takes() -> None:
    before = threading.active_count()
    for _ in range(3):
        running = run_tasks([("many", 500)], job(), jobs=1)
        next(next(running).frames)
        running.close()
    assert threading.active_count() == before


@pytest.mark.slow
def test_worker_ends_by_itself_when_its_parent_is_gone() -> None:
    script = (
        "import os\nfrom fbbatch.workers import Job, run_tasks\n"
        "r = run_tasks([('pid', None)], Job('tests.worker:prepare', {}, 300_000_000, 20, 60), jobs=1)\na = next(r)\n"
        "print(next(a.frames).decode(), flush=True)\nos._exit(1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        check=False,
    )
    pid = int(done.stdout)
    for _ in range(100):
        if not is_alive(pid):
            break
        time.sleep(0.05)
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        assert (
            stat.read().rpartition(")")[2].split()[0] == "Z"
        )  # ended, and only not yet reaped by whoever adopted it
        return
    assert not is_alive(pid)


def test_torn_and_oversized_frames_are_no_frames() -> None:
    pipe = io.BytesIO()
    write_frame(pipe, b"abc")
    whole = pipe.getvalue()
    assert read_frame(io.BytesIO(whole)) == b"abc"
    assert [read_frame(io.BytesIO(whole[:n])) for n in range(len(whole))] == [None] * len(whole)
    assert read_frame(io.BytesIO(b"\xff\xff\xff\xff" + b"x" * 100)) is None
