"""Cells whose answer cannot be taken as it stands.

A program has lost digits or characters of it, has put a picture in its place, or has written a word
for "nothing was answered". What such a cell says is never taken silently: it is told at its cell.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from fbbatch.model import Cell
from fbbatch.schema import FieldModel
from fbbatch.validate.tidy import STARTS
from fbbatch.validate.values import Bad, Parse, Value, text_of


class Doubted(NamedTuple):
    """A value that is taken, with something to be said of its cell: a finding's code and details.

    The value is None where nothing of the cell can be believed.
    """

    value: Value
    code: str
    details: Mapping[str, str] = {}


Answer = Value | Bad | Doubted
Reading = Callable[[Cell], Answer]

_EXACT = 10**15
"""From here on a number cell has lost the digits behind the fifteenth."""
_TEXTS = ["text", "contact", "date", "datetime", "case", "table"]
_OF_DIGITS = ["text", "contact", "case"]
_SHORTENED = re.compile(
    # as spreadsheets show them
    r"[-+]?\d(?:\.\d*)?[eE][-+]\d{1,3}"
    # as other programs do
    r"|[-+]?\d\.\d+[eE]\d{1,3}"
    # more digits than a number with a fraction has
    r"|\d{16,}\.0+"
)
_PICTURE = re.compile(r"=?\s*(?:_xlfn\.|_xlws\.)*(?:DISPIMG|IMAGE)\s*\(.*\)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+")
_NO_WORDS = re.compile("[?？]{2,}|[?？]*\ufffd[?？\ufffd]*")
_LOST = "\ufffd"
_SIGNS = ("__", "??", "？？", _LOST, "DISPIMG", "dispimg", "IMAGE(", "image(")
"""What stands in any text that wants a closer look, but for those told by how they begin."""
_FIRST = itemgetter(0)
_NUMBERS_BEGIN = frozenset("+-0123456789")
_SHOWN = 60
"""So many characters of an answer are told."""
_NUMBER_WITHOUT_ZERO = re.compile(r"[1-9]\d{8}|[2-9]\d{9}")
"""A phone number that wants a zero in front, in a number cell, which cannot hold one."""
_TEXT_WITHOUT_ZERO = re.compile(r"[2-9]\d{8}")
"""The same as text, as a spreadsheet program has saved it."""


def trusted(parse: Parse, field: FieldModel, placeholders: frozenset[str]) -> Reading:
    """The field's parser for cells as programs leave them.

    Args:
        parse: what the field makes of a cell.
        field: whose cells they are.
        placeholders: as `spellings` gives them.
    """

    def read(cell: Cell) -> Answer:
        text = text_of(cell)
        if text in placeholders:
            return _placed(parse(cell), text, field)
        spoilt = _spoilt(cell, text, field)
        if spoilt:
            return spoilt
        value = parse(cell)
        if value is None or isinstance(value, Bad):
            return value
        code = _doubt(cell, text, value, field)
        if code:
            return Doubted(value, code, {"value": text[:_SHOWN]})
        return value

    return read


def _placed(value: Value | Bad, text: str, field: FieldModel) -> Answer:
    """What a placeholder means in a field: nothing, unless the field knows it as an answer.

    Args:
        value: what the field makes of it.
        text: the placeholder.
        field: where it stands.
    """
    if field.type in _TEXTS:
        if field.required and isinstance(value, Bad) and value.code == "FB-empty-phrase":
            return value
        if _NUMBER.fullmatch(text):
            return Doubted(None, "FB-read-as-blank", {"value": text})
        return None
    if isinstance(value, Bad):
        return None
    if type(value) in {int, float}:
        return Doubted(value, "FB-perhaps-blank", {"value": text})
    return value


def _spoilt(cell: Cell, text: str, field: FieldModel) -> Doubted | None:
    """Of what nothing can be believed.

    It is a picture in place of words, question marks for every character, or what is left of a
    long number.
    """
    details = {"value": text[:_SHOWN]}
    if field.type in _OF_DIGITS and _has_lost_digits(cell, text):
        return Doubted(None, "FB-digits-lost", details)
    if not isinstance(cell, str):
        return None
    if _PICTURE.fullmatch(text):
        return Doubted(None, "FB-picture")
    if _NO_WORDS.fullmatch(text):
        return Doubted(None, "FB-garbled", details)
    return None


def _doubt(cell: Cell, text: str, value: Value, field: FieldModel) -> str:
    """The code of what there is to be said of a value that is taken; `''` for nothing."""
    if field.type == "contact":
        is_number = isinstance(cell, int | float)
        without_zero = _NUMBER_WITHOUT_ZERO if is_number else _TEXT_WITHOUT_ZERO
        if without_zero.fullmatch(str(value)):
            return "FB-lost-zero"
    return "FB-garbled" if _LOST in text else ""


def _has_lost_digits(cell: Cell, text: str) -> bool:
    """True where a program has kept only the first digits of a number."""
    if isinstance(cell, float):
        return abs(cell) >= _EXACT
    return isinstance(cell, str) and bool(_SHORTENED.fullmatch(text))


def may_be_spoilt(texts: Sequence[str], together: str, placeholders: frozenset[str]) -> bool:
    """Whether some of these texts, none of them blank, may want a closer look.

    Args:
        texts: without what is blank at their edges.
        together: all of them as one.
        placeholders: as `spellings` gives them.
    """
    if any(sign in together for sign in _SIGNS):
        return True
    if not placeholders.isdisjoint(texts):
        return True
    starts = set(map(_FIRST, texts))
    if not starts.isdisjoint(STARTS):
        return True
    if starts.isdisjoint(_NUMBERS_BEGIN) or together.isdecimal():
        return False
    return any(map(_SHORTENED.fullmatch, texts))
