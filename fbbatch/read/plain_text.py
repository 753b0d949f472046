"""Plain text: notes, and chats as messengers export them."""

import re

from fbbatch.model import Finding
from fbbatch.read.limits import Limits
from fbbatch.read.paper import Paper

_TESTED = 4_000  # characters of a line; keeps most patterns that backtrack within bounds


def read_note(text: str, limits: Limits) -> Paper | Finding:
    """A note as a written document: its lines that are not blank, without the spaces at their ends.

    Returns:
        The document, or the finding `FB-limit-paper-chars`.
    """
    if len(text) > limits.paper_chars:
        return limits.over("paper_chars", len(text))
    return Paper(lines=tuple(line.rstrip() for line in _lines(text) if line.strip()))


def read_chat(text: str, pattern: str) -> tuple[list[str], list[list[str]], list[int]] | None:
    r"""The messages of an exported chat.

    A message begins with a line whose beginning matches; what that line holds beyond the match, and
    the lines after it that do not match, belong to the text of its last group. What stands above
    the first message is no message.

    Args:
        text: the export.
        pattern: with named groups in the order of the columns, e.g. `\[(?P<asked_at>[^\]]+)\]
            (?P<name>[^:：]+)[:：](?P<text>.*)`.

    Returns:
        The names of the groups, a row for each message, and the number (1-based) of the line with
        which it begins; None when no line matches.

    Raises:
        re.error: the pattern is none.
    """
    compiled = re.compile(pattern)
    header = sorted(compiled.groupindex, key=compiled.groupindex.__getitem__)
    rows: list[list[str]] = []
    numbers: list[int] = []
    told: list[list[str]] = []
    for number, line in enumerate(_lines(text), 1):
        match = compiled.match(line, 0, _TESTED)
        if match and header:
            *first, last = (match[name] or "" for name in header)
            rows.append([value.strip() for value in first])
            told.append([last + line[match.end() :]])
            numbers.append(number)
        elif told:
            told[-1].append(line)
    for row, lines in zip(rows, told, strict=True):
        row.append("\n".join(lines).strip())
    return (header, rows, numbers) if rows else None


def _lines(text: str) -> list[str]:
    """The lines of a text as an editor numbers them.

    `str.splitlines` also breaks at characters that messengers put inside a line.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
