"""Several choices in one cell: where one ends and the next begins."""

import re
from collections.abc import Container, Sequence

from fbbatch.words import fold

_SEPARATORS = (
    "┋",
    "\n",
    "；",
    ";",
    "、",
    "|",
    "，",
    ",",
    "/",
)
"""In their order: the first one that a text has separates there."""
_LETTER = re.compile(r"\s*[A-Za-z0-9]{1,2}\s*[.．、)）:：]\s*(?=\S)")
"""The letter or number of an option, as in `A.聽音樂`."""


def split_choices(text: str, known: Container[str], separator: str | None = None) -> list[str]:
    """The choices that a cell names.

    One separator is used at a time. An option that contains it is found as a whole, the longest
    first. Spaces separate only where every part is an option.

    Args:
        text: the cell.
        known: the names of all options, folded.
        separator: the only one there is; default: whatever separates there.
    """
    if is_option(text, known):
        return [text]
    for candidate in (separator,) if separator else _SEPARATORS:
        if candidate in text:
            return _joined(text.split(candidate), candidate, known)
    words = text.split()
    if separator is None and len(words) > 1:
        found = _joined(words, " ", known)
        if all(is_option(word, known) for word in found):
            return found
    return [text]


def is_option(text: str, known: Container[str]) -> bool:
    """Whether a text names an option.

    Args:
        text: perhaps with the letter of an option in front.
        known: the names of all options, folded.
    """
    return fold(bare_option(text, known)) in known


def bare_option(text: str, known: Container[str]) -> str:
    """An option without the letter before it, where only so it is known.

    Args:
        text: as it was written.
        known: the names of all options, folded.
    """
    stripped = text.strip().strip("。.；; ")
    if fold(stripped) in known:
        return stripped
    letter = _LETTER.match(stripped)
    if letter and fold(stripped[letter.end() :]) in known:
        return stripped[letter.end() :]
    return text.strip()


def _joined(parts: Sequence[str], separator: str, known: Container[str]) -> list[str]:
    """The parts, those put together again that are one option only so."""
    result: list[str] = []
    start = 0
    while start < len(parts):
        end = _end_of_option(parts, start, separator, known)
        text = separator.join(parts[start:end])
        if not text.isspace() and text:
            result.append(text.strip())
        start = end
    return result


_LONGEST = 8
"""So many parts are put together at most."""


def _end_of_option(parts: Sequence[str], start: int, separator: str, known: Container[str]) -> int:
    """Where the longest option that begins at a part ends; behind that part, if it is none."""
    for end in range(min(len(parts), start + _LONGEST), start + 1, -1):
        if is_option(separator.join(parts[start:end]), known):
            return end
    return start + 1
