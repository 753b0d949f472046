"""A workbook that went back and comes again: our columns are taken off. Source: N1, N4.

What they say of each row is kept.
"""

import re
from collections.abc import Iterator, Sequence, Set
from itertools import chain, islice

from fbbatch.model import CASE_NUMBER, Cell
from fbbatch.read import Sheet
from fbbatch.render.marked import COVER, RESULT, WHY
from fbbatch.validate import text_of
from fbbatch.wording import in_all_languages

_ISSUE = re.compile(r"\d{8}-\d{3,}/[0-9a-f]{12}")
_MARK = re.compile(rf"{CASE_NUMBER.pattern}|(?<=#)[0-9a-f]{{6}}-\d+")


def is_cover(sheet: Sheet) -> bool:
    """True for the sheet of ours that explains."""
    return sheet.name in in_all_languages(COVER)


def issue_on_cover(text: str) -> str:
    """Which return of which file a sheet that explains says it is; `''` when it does not."""
    found = _ISSUE.search(text)
    return found[0] if found else ""


def without_marks(sheet: Sheet) -> Sheet:
    """The sheet as its author wrote it, with `marks`."""
    headers = frozenset(in_all_languages(RESULT) + in_all_languages(WHY))
    places = next((found for row in sheet.head if (found := _own(row, headers))), {})
    if not places:
        return sheet
    results = in_all_languages(RESULT)
    result = next((n for n, text in places.items() if text in results), None)
    marks: dict[int, str] = {}
    rows = _stripped(chain(sheet.head, sheet.rest), places, result, marks)
    sheet.head, sheet.rest, sheet.marks = (
        list(islice(rows, len(sheet.head))),
        rows,
        marks,
    )  # in place: it may yet find itself torn
    return sheet


def _own(row: Sequence[Cell], headers: Set[str]) -> dict[int, str]:
    """The headers in a row that are ours, by index of the cell."""
    found = {}
    for index, cell in enumerate(row):
        if isinstance(cell, str) and cell in headers:
            found[index] = cell
    return found


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
