"""Timing, and the peak memory of a process with its children.

A ratio is the median of several turns taken alternately.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    gc.collect()
    gc.freeze()  # what the benchmark itself has loaded is nobody's cost
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(ours: Callable[[], object], theirs: Callable[[], object], *, turns: int = 3) -> float:
    """Median of ours ÷ theirs, in alternating turns."""
    ratios = sorted(seconds(ours) / seconds(theirs) for _ in range(turns))
    return ratios[turns // 2]


def _own(process: "psutil.Process") -> int:  # type: ignore[name-defined]  # noqa: F821
    """A process's memory in bytes.

    What forked processes share is divided among them where the system tells.
    """
    return getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """Gives a function that tells the highest memory (MB) so far.

    It is that of this process and its children.
    """
    import psutil

    process, highest, done = psutil.Process(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            total = 0
            for one in (process, *process.children(recursive=True)):
                try:
                    total += _own(one)
                except psutil.Error:
                    continue
            highest[0] = max(highest[0], total / 1e6)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: highest[0]
    finally:
        done.set()
        thread.join()
