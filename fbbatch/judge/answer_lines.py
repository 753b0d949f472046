"""The typed answers of many rows → a line of JSON each, as they go into the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

_Columns = Mapping[str, Sequence[Any]]
"""Typed answers by field id, one a row; None is a blank."""
_FILLED_IN = '"%s"'
"""The place of a text that stands in JSON as it is."""
_AS_JSON = "%s"
"""The place of any other answer, which is JSON by then."""


def answers_as_json(columns: _Columns, n_rows: int) -> list[bytes]:
    """The answers of each row as JSON with sorted keys, blanks left out.

    Args:
        columns: the typed answers by field id, one a row; None is a blank.
        n_rows: how many there are.

    Returns:
        all lines together; nothing where there is none.
    """
    lines = _lines(columns) if columns else ["{}"] * n_rows
    if not lines:
        return []
    return ["\n".join(lines).encode()]


def _lines(columns: _Columns) -> list[str]:
    """The lines as if no row had a blank, all by one pattern; then those that have one, anew.

    Most columns hold texts only, and such a pattern is filled in several times faster than each row
    could be dumped.
    """
    places: list[str] = []
    texts: list[Sequence[str]] = []
    blank: set[int] = set()
    for name in sorted(columns):
        values = columns[name]
        if _needs_no_escape(values):
            places.append(f'"{name}":{_FILLED_IN}')
            texts.append(values)
        else:
            places.append(f'"{name}":{_AS_JSON}')
            texts.append(list(map(_as_json, values)))
            blank.update(_blank_among(values))
    pattern = "{" + ",".join(places) + "}"
    rows = zip(*texts, strict=True)
    lines = list(map(pattern.__mod__, rows))
    for index in blank:
        answers = _answered(columns, index)
        lines[index] = _as_json(answers)
    return lines


def _answered(columns: _Columns, index: int) -> dict[str, Any]:
    """What one row answers."""
    answers = {}
    for name, values in columns.items():
        value = values[index]
        if value is not None:
            answers[name] = value
    return answers


def _blank_among(values: Sequence[Any]) -> Iterator[int]:
    """The places of blanks; most columns have none, which is soon seen."""
    if None not in values:
        return
    for index, value in enumerate(values):
        if value is None:
            yield index


def _as_json(value: object) -> str:
    """One answer, or all of a row."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _needs_no_escape(values: Sequence[Any]) -> bool:
    """True for texts that stand in JSON as they are."""
    types = set(map(type, values))
    if types != {str}:
        return False
    together = "".join(values)
    if not together.isprintable():
        return False
    return '"' not in together and "\\" not in together
