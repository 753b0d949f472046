"""A workbook that went back and comes again: our columns are taken off. Source: N1, N4.

What they say of each row is kept.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from fbbatch.model import CASE_NUMBER, Cell
from fbbatch.read import Sheet
from fbbatch.render.marked import COVER, RESULT, WHY
from fbbatch.validate import text_of

_HEADERS = frozenset({*RESULT.values(), *WHY.values()})
_ISSUE = re.compile(r"\d{8}-\d{3,}/[0-9a-f]{12}")
_COVERS = frozenset(COVER.values())
_MARK = re.compile(rf"{CASE_NUMBER.pattern}|(?<=#)[0-9a-f]{{6}}-\d+")


def is_cover(sheet: Sheet) -> bool:
    """True for the sheet of ours that explains."""
    return sheet.name in _COVERS


def issue_on_cover(text: str) -> str:
    """Which return of which file a sheet that explains says it is; `''` when it does not."""
    found = _ISSUE.search(text)
    return found[0] if found else ""


def without_marks(sheet: Sheet) -> Sheet:
    """The sheet as its author wrote it, with `marks`."""
    places = next((found for row in sheet.head if (found := _own(row))), {})
    if not places:
        return sheet
    result = next((n for n, text in places.items() if text in RESULT.values()), None)
    marks: dict[int, str] = {}
    rows = _stripped(chain(sheet.head, sheet.rest), places, result, marks)
    sheet.head, sheet.rest, sheet.marks = (
        list(islice(rows, len(sheet.head))),
        rows,
        marks,
    )  # in place: it may yet find itself torn
    return sheet


def _own(row: Sequence[Cell]) -> dict[int, str]:
    return {
        n: str(cell) for n, cell in enumerate(row) if isinstance(cell, str) and cell in _HEADERS
    }


def _stripped(
    rows: Iterator[Sequence[Cell]],
    places: dict[int, str],
    result: int | None,
    marks: dict[int, str],
) -> Iterator[Sequence[Cell]]:
    for number, row in enumerate(rows, 1):
        if (
            result is not None
            and result < len(row)
            and (found := _MARK.search(text_of(row[result])))
        ):
            marks[number] = found[0]
        yield [None if n in places else cell for n, cell in enumerate(row)]
