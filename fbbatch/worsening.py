"""What programs do to answers when a table is saved again or converted.

A row that was good and comes again with zeros gone, long numbers cut, or question marks for its
characters has not been corrected by anybody.

Source: N4.
"""

import re
from collections.abc import Sequence

_EXACT_DIGITS = 15
"""A spreadsheet program keeps no more digits of a number."""

_LONG = 200
"""Characters: a text that ends earlier than before, but below that, was shortened by somebody."""

_LOST = re.compile("[?？\ufffd]+")
"""What is written for characters that an encoding does not have."""

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
"""Characters that older databases do not take, such as emoji."""

_DAY_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")

_WRITTEN_AS = "utf-8", "gb18030", "big5"
_READ_AS = "cp1252", "latin-1", "gb18030", "big5"
"""Encodings that are taken for one another."""


def is_worse(before: object, after: object) -> bool:
    """True when an answer only says less than what was known, for it is empty or damaged.

    Args:
        before: the typed answer that is known.
        after: what stands there now; None for nothing.
    """
    if after is None or after == []:
        return True
    if not isinstance(before, str) or not isinstance(after, str):
        return False
    return any(has_suffered(before, after) for has_suffered in _DAMAGES)


def _has_lost_digits(before: str, after: str) -> bool:
    """Zeros in front, a plus sign, or what stands behind the fifteenth digit.

    What a program fills up with is zeros, or the digits of the nearest float.
    """
    if not after.isdecimal():
        return after == f"{before}.0"
    if len(after) < len(before):
        return before.lstrip("+0") == after.lstrip("0")
    if not before.isdecimal() or len(after) <= _EXACT_DIGITS:
        return False
    filled_up = before[:_EXACT_DIGITS].ljust(len(before), "0")
    as_float = str(int(float(before)))
    return after != before and after in {filled_up, as_float}


def _has_lost_characters(before: str, after: str) -> bool:
    """Question marks stand for characters of the text, or emoji are gone.

    What is left must stand there as it was, from beginning to end.
    """
    if after == _BEYOND.sub("", before):
        return True
    pieces = _LOST.split(after)
    n_lost = len(pieces) - len(_LOST.split(before))
    # one more question mark, with all characters still there, is somebody's
    if n_lost < 1 or len("".join(pieces)) >= len(before):
        return False
    if not before.startswith(pieces[0]) or not before.endswith(pieces[-1]):
        return False
    return _stand_in_order(pieces, before)


def _stand_in_order(pieces: Sequence[str], text: str) -> bool:
    """Whether the pieces follow one another in the text, with anything between them."""
    place = 0
    for piece in pieces:
        place = text.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


def _is_cut_short(before: str, after: str) -> bool:
    """The end of a long text, the time of a day, or all line breaks are gone."""
    if len(after) >= _LONG and before.startswith(after.rstrip("….")):
        return True
    if "\n" in before and "\n" not in after:
        return before.split() == after.split()
    has_time = _DAY_AND_TIME.fullmatch(before)
    return bool(has_time) and before.startswith(after + " ")


def _is_misread(before: str, after: str) -> bool:
    """The text was written in one encoding and read in another.

    Characters that either does not have are lost on the way.
    """
    if before.isascii():
        return False
    for encoding in _WRITTEN_AS:
        written = before.encode(encoding, "replace")
        for other in _READ_AS:
            if written.decode(other, "replace") == after:
                return True
    return False


_DAMAGES = (_has_lost_digits, _has_lost_characters, _is_cut_short, _is_misread)
