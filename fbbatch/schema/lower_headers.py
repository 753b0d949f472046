"""Rows under a header that belong to it, as survey tools export them.

SurveyMonkey writes the options of a question, or `Response`, under its text; Qualtrics the texts of
the questions under their codes, and under these what it knows them by.
"""

from collections.abc import Sequence

from fbbatch.model import Cell
from fbbatch.words import fold

_RESPONSES = frozenset(
    map(
        fold,
        (
            "Response",
            "Open-Ended Response",
            "開放式回答",
            "開放式回覆",
            "開放式回應",
            "開放式答覆",
            "開放答案",
            "回應",
            "回覆",
            "響應",
        ),
    )
)
_IMPORTED = '"ImportId"'
_IMPORTED_WITHIN = 2  # rows


def imported_row(rows: Sequence[Sequence[Cell]], bottom: int) -> int:
    """The last row of a header that ends at `bottom`, from 0, with the row of Qualtrics' ids."""
    for number in range(bottom + 1, min(bottom + 1 + _IMPORTED_WITHIN, len(rows))):
        filled = [cell for cell in rows[number] if cell not in {None, ""}]
        if filled and all(isinstance(cell, str) and _IMPORTED in cell for cell in filled):
            return number
    return bottom


def is_lower_header(header: Sequence[str], row: Sequence[Cell], choices: set[int]) -> bool:
    """Whether a row under a header is a second row of it.

    It is where every text in it is a word such as `Response`, or one of at least two parts that
    stand under one header.

    Args:
        header: the texts of the row above; the same one again, or a blank, continues a group.
        row: the row in question.
        choices: columns, from 0, of fields that may have several choices.
    """
    if any(cell is not None and not isinstance(cell, str) for cell in row):
        return False
    texts = [str(cell or "").strip() for cell in row]
    groups = _groups(header, texts)
    n_responses, parts = 0, []
    for column, text in enumerate(texts):
        above = header[column] if column < len(header) else ""
        if not text or text == above:
            continue
        if column in groups:
            parts.append((groups[column], text))
        elif fold(text) in _RESPONSES:
            n_responses += 1
        else:
            return False
    if n_responses:
        return True
    known = [part for part in parts if part[0] in choices]
    return len(known) > 1 and len(set(parts)) == len(parts)


def _groups(header: Sequence[str], texts: Sequence[str]) -> dict[int, int]:
    """The columns of groups of two or more, each with the first of its group."""
    first_of: dict[int, int] = {}
    first = -1
    for column, text in enumerate(texts):
        above = header[column] if column < len(header) else ""
        if above and (first < 0 or above != header[first]):
            first = column
        elif not text:
            first = -1
        elif first >= 0:
            first_of[first] = first_of[column] = first
    return first_of
