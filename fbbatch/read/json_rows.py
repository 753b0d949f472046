"""JSON exports as rows.

An export is an array of objects, one object, such an array within an object, or one object per
line.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.read.limits import Limits

# A string that is not closed reaches to the end, or each of its quotes would be tried anew.
_STRING = r'"(?>[^"\\]+|\\.?)*+"?'
_STRINGS = re.compile(_STRING, re.DOTALL)
_TOKENS = re.compile(rf'{_STRING}|[\[\]{{}}:]|[^\s\[\]{{}}:,"]+', re.DOTALL)
_ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMA = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_LONGEST_INTEGER = 4_300
_EXACT = 2**53  # what a spreadsheet's numbers hold
_ALWAYS_EXACT = 16  # fifteen digits and the point
_LISTS = frozenset({"data", "rows", "responses", "items", "records", "results", "list"})


class _RejectedError(ValueError):
    """What the standard library accepts and we do not.

    `token` is where to look for it, `''` the first doubled key.
    """

    def __init__(self, reason: str, token: str = "") -> None:
        super().__init__(reason)
        self.reason, self.token = reason, token


def read_json(text: str, limits: Limits) -> tuple[list[str], list[list[Cell]]] | Finding:
    """The records of a JSON text.

    Objects within a record become columns `parent.child`; lists of plain values are joined by `、`,
    other lists stay JSON. Integers beyond 2⁵³ and decimals that a float would change are given as
    text; null is None. An array within an object is taken when its key is one of `data`, `rows`,
    `responses`, `items`, … and no other such array stands beside it.

    Args:
        text: the text.
        limits: how much is too much.

    Returns:
        The keys in order of first appearance, and a row for each record with None where a key is
        missing; or the finding `FB-json`, `FB-limit-json-…`, `FB-limit-rows`, `FB-limit-columns`,
        `FB-limit-cells`.
    """
    text = text.removeprefix("\ufeff")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limits.json_bytes:
        return limits.over("json_bytes", size)
    if (depth := _depth(text, limits.json_depth)) > limits.json_depth:
        return limits.over("json_depth", depth)
    if (at := _lone_surrogate(text)) is not None:
        return _wrong(text, at, "UTF-16")
    try:
        records = _records(text)
        if isinstance(records, Finding):
            return records
        return _table([_flat(record) for record in records], limits)
    except json.JSONDecodeError as error:
        return _wrong(text, error.pos, _seen(text, error.pos))
    except _RejectedError as error:
        return _wrong(text, _place(text, error.token), error.reason)
    except RecursionError:  # where the limit has been raised too far
        return limits.over("json_depth", limits.json_depth + 1)


def _table(
    records: Sequence[Mapping[str, Cell]], limits: Limits
) -> tuple[list[str], list[list[Cell]]] | Finding:
    header = list(dict.fromkeys(key for record in records for key in record))
    numbers = {"rows": len(records), "columns": len(header), "cells": len(records) * len(header)}
    for name, number in numbers.items():
        if number > getattr(limits, name):
            return limits.over(name, number)
    return header, [list(map(record.get, header)) for record in records]


# --- before parsing -------------------------------------------------------------------


def _depth(text: str, limit: int) -> int:
    """How deep objects and arrays are nested, counted no further than one beyond the limit.

    Brackets in strings are no brackets.
    """
    depth = deepest = 0
    for bracket in _NO_BRACKETS.sub("", _STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
        if deepest > limit:
            break
    return deepest


def _lone_surrogate(text: str) -> int | None:
    """Where half a character stands, as itself or as an escape."""
    if raw := _SURROGATE.search(text):
        return raw.start()
    if not _SURROGATE_ESCAPE.search(text):
        return None
    first: re.Match[str] | None = None
    for escape in _ESCAPES.finditer(text):
        code = int(escape[1], 16) if escape[1] else 0
        is_second = 0xDC00 <= code < 0xE000
        if first and not (is_second and escape.start() == first.end()):
            return first.start()
        if is_second and not first:
            return escape.start()
        first = escape if 0xD800 <= code < 0xDC00 else None
    return first.start() if first else None


# --- values ---------------------------------------------------------------------------


def _records(text: str) -> list[dict[str, Any]] | Finding:
    """The objects that are records, or the finding where something else stands among them."""
    values = _values(text, 0, _SPACE)
    first = next(values, None)
    if first is None:
        return _wrong(text, len(text), "EOF")
    second = next(values, None)
    if second is None:
        return _document(text, *first)
    lines = [first[1]]
    for at, value in chain([second], values):
        if not (isinstance(lines[0], dict) and isinstance(value, dict)):
            return _wrong(text, at, _seen(text, at))
        lines.append(value)
    return lines


def _document(text: str, at: int, document: Any) -> list[dict[str, Any]] | Finding:
    if isinstance(document, dict):
        return _within(document)
    if isinstance(document, list):
        number = next((n for n, item in enumerate(document) if not isinstance(item, dict)), None)
        if number is None:
            return document
        at = next(islice(_values(text, at + 1, _COMMA), number, None))[0]
    return _wrong(text, at, _seen(text, at))


def _values(text: str, at: int, between: re.Pattern[str]) -> Iterator[tuple[int, Any]]:
    """The values that follow each other from `at` on, each with its place."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_int=_integer,
        parse_float=_decimal,
    )
    at = _end(_SPACE, text, at)
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        yield at, value
        at = _end(between, text, end)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _within(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The one array of objects inside, where its name is one of `_LISTS`.

    Else the object is the one record.
    """
    if list(document.values()) == [[]] and _LISTS & document.keys():
        return []
    found = list(_arrays("", document))
    return found[0][1] if len(found) == 1 and found[0][0] in _LISTS else [document]


def _arrays(key: str, value: object) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _arrays(name, inner)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        yield key, value


def _flat(record: Mapping[str, Any], above: str = "") -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for key, value in record.items():
        name = f"{above}{key}"
        inner = _flat(value, f"{name}.") if isinstance(value, dict) else {name: _cell(value)}
        if twice := next((n for n in inner if n in cells), None):
            raise _RejectedError(f'"{twice[:40]}" × 2', json.dumps(twice, ensure_ascii=False))
        cells |= inner
    return cells


def _cell(value: Any) -> Cell:
    if not isinstance(value, list):
        plain: Cell = value
        return plain
    if any(isinstance(item, dict | list) for item in value):
        return json.dumps(value, ensure_ascii=False)
    return (
        "、".join(
            item if isinstance(item, str) else json.dumps(item)
            for item in value
            if item is not None
        )
        or None
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, _ in pairs)
        twice = next(key for key, number in times.items() if number > 1)
        raise _RejectedError(f'"{twice[:40]}" × 2')
    return found


def _constant(name: str) -> None:
    raise _RejectedError(name, name)


def _integer(digits: str) -> int | str:
    if len(digits.lstrip("-")) > _LONGEST_INTEGER:
        raise _RejectedError(f"> {_LONGEST_INTEGER:,}", digits)
    return number if abs(number := int(digits)) <= _EXACT else digits


def _decimal(digits: str) -> float | str:
    if len(digits) <= _ALWAYS_EXACT and "e" not in digits.lower():
        return float(digits)
    try:
        is_exact = len(digits) < 400 and Decimal(repr(float(digits))) == Decimal(digits)
    except ArithmeticError:
        is_exact = False
    return float(digits) if is_exact else digits


# --- places ---------------------------------------------------------------------------


def _place(text: str, token: str) -> int:
    """Where the token stands; without one, where an object's key stands a second time."""
    keys: list[set[str]] = []
    last: re.Match[str] | None = None
    for found in _TOKENS.finditer(text):
        match found[0]:
            case "{" | "[":
                keys.append(set())
            case "}" | "]" if keys:
                keys.pop()
            case ":" if keys and last and not token:
                key = json.loads(last[0], strict=False)
                if key in keys[-1]:
                    return last.start()
                keys[-1].add(key)
            case same if token and same == token:
                return found.start()
        last = found
    return 0


def _seen(text: str, at: int) -> str:
    """The mark at which reading ended, never a word of the content."""
    if at >= len(text.rstrip()):
        return "EOF"
    return (
        text[at]
        if text[at].isascii() and text[at].isprintable() and not text[at].isalnum()
        else "…"
    )


def _wrong(text: str, at: int, reason: str) -> Finding:
    return finding("FB-json", line=text.count("\n", 0, at) + 1, reason=reason)
