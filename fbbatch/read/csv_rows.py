"""Delimited text: which delimiter, which rows; and whether it breaks off."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from fbbatch.read.encodings import decode as decode

_DELIMITERS = (",", "\t", ";", "|", "，", "；")


@dataclass(slots=True)
class Torn:
    """Filled when the last row has been taken: the row (1-based) in which the text breaks off.

    `is_cut` is known before: it breaks off within a character.
    """

    row: int | None = None
    columns: int = 0
    is_cut: bool = False


def split(text: str, delimiter: str | None, torn: Torn, *, line_bytes: int) -> Iterator[list[str]]:
    """The rows of the text; `torn` is filled after the last one.

    Raises:
        csv.Error: an answer is longer than `line_bytes`; usually a quote is never closed.
    """
    csv.field_size_limit(line_bytes)
    delimiter = delimiter or _delimiter(text)
    quoting = _quoting(text, delimiter)
    usual: Counter[int] = Counter()
    row: list[str] = []
    number = 0
    for row in _reader(io.StringIO(text, newline=""), delimiter, quoting):
        number += 1
        usual[len(row)] += 1
        yield row
    columns = usual.most_common(1)[0][0] if usual else 0
    ends_in_row = not text.endswith(("\n", "\r"))
    cut = ends_in_row and (torn.is_cut or len(row) < columns)
    if row and (cut or (quoting != csv.QUOTE_NONE and _ends_in_quotes(text, row, delimiter))):
        torn.row, torn.columns = number, columns


def _ends_in_quotes(text: str, row: list[str], delimiter: str) -> bool:
    """True when the last field was opened by a quote that is never closed."""
    last = row[-1].rstrip("\r\n")
    if text.count('"') % 2 == 0 or text.rstrip("\r\n").endswith('"'):
        return False
    tail = text.rstrip("\r\n")[-(len(last) + last.count('"') + 2) :]
    return tail.startswith((f'{delimiter}"', '\n"', '"')) or "\n" in last


def _reader(
    lines: Iterator[str] | io.StringIO, delimiter: str, quoting: int
) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]


def _delimiter(text: str) -> str:
    """The delimiter that gives the most rows the same number (two or more) of columns."""
    sample = text[:65_536]

    def score(delimiter: str) -> tuple[float, int]:
        if delimiter not in sample:
            return (0.0, 0)
        counts = Counter(
            len(row)
            for row in itertools.islice(
                _reader(io.StringIO(sample, newline=""), delimiter, csv.QUOTE_MINIMAL), 200
            )
            if row
        )
        columns, rows = max(
            ((c, n) for c, n in counts.items() if c > 1), key=lambda item: item[1], default=(0, 0)
        )
        return (rows / max(1, counts.total()), columns)

    return max(_DELIMITERS, key=score)


def _quoting(text: str, delimiter: str) -> int:
    """Tab-separated exports often do not quote at all; then a `"` is just a character."""
    if delimiter != "\t" or '"' not in text:
        return csv.QUOTE_MINIMAL
    sample = text[:262_144]

    def unlike(quoting: int) -> int:
        counts = Counter(
            len(row) for row in _reader(io.StringIO(sample, newline=""), delimiter, quoting)
        )
        return counts.total() - counts.most_common(1)[0][1]

    return (
        csv.QUOTE_MINIMAL if unlike(csv.QUOTE_MINIMAL) <= unlike(csv.QUOTE_NONE) else csv.QUOTE_NONE
    )
