"""How wide a table's columns are: by weight, but never narrower than their longest word."""

import datetime as dt
import re
from collections.abc import Sequence

from fbbatch.render.blocks import Table

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._/:+#%&'=*-]*")
_LATIN, _PADDING = 0.58, 0.9
_MOST = 0.3
_SAMPLE = 300


def shares(table: Table, kept: Sequence[int], width: float, size: float) -> list[float]:
    """The share of the table's width that each column gets; they add up to 1.

    Columns whose longest word would not fit take what they lack from those that have room to spare,
    in proportion; where there is not enough to spare, the weights alone decide.

    Args:
        table: with headers, rows, and a weight for each column.
        kept: the columns that are printed, counted from 0.
        width: the table's width in points.
        size: the size of its type in points.
    """
    total = sum(table.columns[n].weight for n in kept)
    wanted = [table.columns[n].weight / total for n in kept]
    least = [min(_MOST, _longest_word(table, n) * size / width) for n in kept]
    short = [max(0.0, low - share) for low, share in zip(least, wanted, strict=True)]
    spare = [max(0.0, share - low) for low, share in zip(least, wanted, strict=True)]
    if not sum(short) or sum(spare) <= sum(short):
        return wanted
    factor = sum(short) / sum(spare)
    return [
        share + more - factor * less for share, more, less in zip(wanted, short, spare, strict=True)
    ]


def _longest_word(table: Table, column: int) -> float:
    """The width of a column's longest word in em, padding included.

    Looked at are the header and the first rows; words of more than 24 letters may be broken.
    """
    texts = [table.columns[column].header]
    for row in table.rows[:_SAMPLE]:
        value = row[column]
        texts.append("2026-11-22" if isinstance(value, dt.date) else str(value or ""))
    longest = max(
        (len(word) for text in texts for word in _WORD.findall(text) if len(word) <= 24), default=0
    )
    return longest * _LATIN + _PADDING
