"""The first rows of a file → its columns: what stands above each, and the answers below."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fbbatch.model import Cell, Finding
from fbbatch.read import Limits
from fbbatch.read.open_file import open_content
from fbbatch.read.sheet import Reading, Sheet
from fbbatch.schema.columns import PART_OF_QUESTION
from fbbatch.schema.identify import HEADER_SEARCH_ROWS
from fbbatch.schema.lower_headers import imported_row, is_lower_header
from fbbatch.schema.text import header_key
from fbbatch.validate.values import text_of

_ROWS = 2_000
_LEAST_HEADERS = 3
Rows = Sequence[Sequence[Cell]]


class DraftError(Exception):
    """No schema can be made of a file.

    `reason` says why it cannot be read; None where it holds no table with a header.
    """

    def __init__(self, reason: Finding | None = None) -> None:
        super().__init__(reason.code if reason else "")
        self.reason = reason


class SampledColumn(NamedTuple):
    """A column of a sheet that has a header.

    `at` is its place, from 0. `part` is its name within a question that has several columns, `''`
    in any other. `cells` are its answers, without blanks.
    """

    at: int
    header: str
    part: str
    cells: list[Cell]


class _Header(NamedTuple):
    """The texts above the answers, those of parts, and the row with the first answers, from 0."""

    texts: list[str]
    parts: list[str]
    below: int


class Sample(NamedTuple):
    """The columns of some files; the row of their header, from 1; how many answers there are."""

    columns: list[SampledColumn]
    header_row: int
    n_rows: int


def rows_of(path: Path, limits: Limits) -> Rows:
    """The first rows of the first sheet of a file that has any.

    Raises:
        DraftError: it cannot be read, or holds no table.
    """
    opened = open_content(path.read_bytes(), limits)
    if isinstance(opened, Finding):
        raise DraftError(opened)
    if not isinstance(opened, Reading):
        raise DraftError
    for sheet in opened.sheets:
        rows = _filled(sheet)
        if rows:
            return rows
    raise DraftError


def _filled(sheet: Sheet) -> Rows:
    """The first rows of a sheet; none of one that is hidden or blank."""
    if sheet.hidden:
        return []
    taken = islice(sheet.rows(), _ROWS)
    rows = list(taken)
    for row in rows:
        if _is_filled(row):
            return rows
    return []


def _is_filled(row: Sequence[Cell]) -> bool:
    return any(map(text_of, row))


def sample(files: Sequence[Rows], placeholders: frozenset[str]) -> Sample:
    """The columns of files of one kind; the header is that of the first one.

    Above the header of another one may stand more or fewer rows; its columns are taken to be in
    the same order.

    Args:
        files: of each its first rows.
        placeholders: what stands where nothing was answered, as `spellings` gives it.

    Raises:
        DraftError: one has no header.
    """
    first = files[0]
    at = _header_row(first)
    header = _header(first, at)
    answers: list[Sequence[Cell]] = []
    for rows in files:
        start = _header_row(rows) + header.below - at
        for row in rows[start:]:
            if _is_filled(row):
                answers.append(row)
    columns = list(_columns(header, answers, placeholders))
    return Sample(columns, at + 1, len(answers))


def _header_row(rows: Rows) -> int:
    """The first row that has more than half as many different texts as any, from 0.

    Raises:
        DraftError: none has three.
    """
    counts: list[int] = []
    for row in rows[:HEADER_SEARCH_ROWS]:
        texts: set[str] = set()
        for cell in row:
            if isinstance(cell, str):
                texts.add(header_key(cell))
        texts.discard("")
        counts.append(len(texts))
    most = max(counts, default=0)
    if most < _LEAST_HEADERS:
        raise DraftError
    for number, count in enumerate(counts):
        if count * 2 > most:
            return number
    raise DraftError


def _header(rows: Rows, at: int) -> _Header:
    """The header that begins in a row: a second row of it has the parts, or the questions.

    Args:
        rows: the first rows of a sheet.
        at: the number of that row, from 0.
    """
    texts = _texts(rows[at])
    imported = imported_row(rows, at)
    if imported > at:  # the questions stand above the row of Qualtrics' ids
        return _Header(_texts(rows[imported - 1]), [], imported + 1)
    below = rows[at + 1] if at + 1 < len(rows) else ()
    grouped: set[int] = set()
    for number, following in enumerate(texts[1:]):
        if texts[number] and not following:
            grouped.add(number)
    if grouped and is_lower_header(texts, below, grouped):
        return _Header(texts, _texts(below), at + 2)
    return _with_parts(texts, at + 1)


def _texts(row: Sequence[Cell]) -> list[str]:
    return list(map(text_of, row))


def _with_parts(texts: Sequence[str], below: int) -> _Header:
    """A header in one row, the names of parts taken off where a question has several.

    Args:
        texts: as they stand in the row.
        below: the row with the first answers, from 0.
    """
    numbers: Counter[str] = Counter()
    for text in texts:
        if found := PART_OF_QUESTION.fullmatch(text):
            numbers[found["whole"]] += 1
    wholes: list[str] = []
    parts: list[str] = []
    for text in texts:
        whole = text
        part = ""
        found = PART_OF_QUESTION.fullmatch(text)
        if found and numbers[found["whole"]] > 1:
            whole = found["whole"].strip()
            part = found["bracketed"] or found["behind"]
        wholes.append(whole)
        parts.append(part)
    return _Header(wholes, parts, below)


def _columns(
    header: _Header, answers: Rows, placeholders: frozenset[str]
) -> Iterator[SampledColumn]:
    """The columns that have a header; a part without one has that of the column before it."""
    blanks = {"", *placeholders}
    above = ""
    for at in range(max(len(header.texts), len(header.parts))):
        text = _at(header.texts, at)
        part = _at(header.parts, at)
        if text:
            above = text
        elif not part:
            above = ""
        if not above:
            continue
        cells: list[Cell] = []
        for row in answers:
            if at < len(row) and text_of(row[at]) not in blanks:
                cells.append(row[at])
        yield SampledColumn(at, above, part, cells)


def _at(texts: Sequence[str], at: int) -> str:
    return texts[at] if at < len(texts) else ""


def groups_of(columns: Sequence[SampledColumn]) -> list[list[SampledColumn]]:
    """Neighbours that are parts of one question together; any other column alone."""
    groups: list[list[SampledColumn]] = []
    for column in columns:
        last = groups[-1][-1] if groups else None
        if last and last.part and column.part and last.header == column.header:
            groups[-1].append(column)
        else:
            groups.append([column])
    return groups
