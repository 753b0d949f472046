"""Writes down what a form, an edit or the passing of time does to a matter: in one place."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from fbbatch.model import NOTHING, Details, Facts, Transition
from fbbatch.steps.rules import Rules
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import Move


class Keeper(Protocol):
    """Where steps are kept: the ledger, or the record of one file in it."""

    def append(self, matter: Facts, steps: Sequence[Transition], *, is_open: bool) -> None:
        """Append steps to a matter's history; `is_open` says whether it is in hand after them."""


class Signed(NamedTuple):
    """What has brought a step, who signed it, and on which day it happened."""

    document: str
    by: str
    on: dt.date


def record(
    rules: Rules,
    keeper: Keeper,
    matter: Matter,
    moves: Sequence[Move],
    signed: Signed,
    *,
    remarks: Details = NOTHING,
) -> Matter:
    """Append what moves a matter to its history; the matter after it.

    Args:
        rules: of the workspace.
        keeper: where steps are kept.
        matter: as it is in the ledger, perhaps with the end of a hold that is still to be recorded.
        moves: at least one.
        signed: what has brought them.
        remarks: what is told with the first of them besides.
    """
    first, *others = moves
    moves = (first._replace(details=first.details.over(remarks)), *others)
    steps = [rules.recorded(matter, move, signed.document, signed.by, signed.on) for move in moves]
    moved = matter.after(steps)
    keeper.append(matter.facts, steps, is_open=moved.standing.is_open)
    return moved
