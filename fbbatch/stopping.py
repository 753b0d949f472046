"""Stopping a run between two steps: where it is asked, and how what takes long is watched."""

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
Ask = Callable[[], None]
"""Called between two steps of a run; raises `InterruptedRunError` when it is to end there."""

_BEAT_SECONDS = 0.2


class InterruptedRunError(Exception):
    """The run was asked to stop; the text says in words where it ended.

    The next run goes on from there.
    """

    def __init__(self, where: str = "Stopped; the next run goes on from there.") -> None:
        super().__init__(where)


def never() -> None:
    """The answer of a run that nobody stops."""


def attended(ask: Ask, work: Callable[[], Result]) -> Result:
    """Do what takes long and has no steps, as the making of a large document, and ask meanwhile.

    Args:
        ask: as `Ask`. When it raises, the work is left alone; nobody waits for it any more.
        work: what gives a value and changes nothing.

    Raises:
        Exception: whatever the work raises, or `ask`.
    """
    results: list[Result] = []
    failures: list[BaseException] = []

    def carry_out() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=carry_out, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_BEAT_SECONDS)
        ask()
    if failures:
        raise failures[0]
    return results[0]
