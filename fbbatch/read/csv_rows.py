"""Delimited text: which encoding, which delimiter, which rows; and whether it breaks off."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from fbbatch.findings import finding
from fbbatch.model import Finding

_DELIMITERS = (",", "\t", ";", "|", "，", "；")
_LEGACY = ["gb18030", "big5", "cp950"]
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(slots=True)
class Torn:
    """Filled when the last row has been taken: the row (1-based) in which the text breaks off."""

    row: int | None = None
    columns: int = 0


def looks_utf16(content: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` for lines of UTF-16 text without a mark, else None."""
    sample = content[:2048]
    if b"\x00" not in sample or len(content) % 2:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample[: len(sample) // 2 * 2].decode(encoding, "ignore")
        plain = sum(
            c.isascii() or "\u3000" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" for c in text
        )
        if (
            "\x00" not in text
            and ("\n" in text or "\r" in text or any(d in text for d in _DELIMITERS))
            and plain > 0.9 * len(text)
        ):
            return encoding
    return None


def decode(content: bytes, encoding: str | None) -> str | Finding:
    """The text in its real encoding; never decoded with `replace`.

    Unless `encoding` is given, it is what the mark says, else UTF-16, UTF-8, or GB18030 or Big5 by
    likelihood.
    """
    if encoding is None:
        encoding = next(
            (name for mark, name in _BOMS if content.startswith(mark)), None
        ) or looks_utf16(content)
    candidates = [str(encoding)] if encoding else ["utf-8", *_guesses(content)]
    failed = 0
    for candidate in candidates:
        try:
            text = content.decode(candidate)
        except UnicodeDecodeError as error:
            failed = failed or error.start
            if len(content) - error.start < 4 and error.reason.startswith(
                ("unexpected end", "truncated", "incomplete")
            ):
                return content[: error.start].decode(
                    candidate
                )  # cut inside a character; the torn row is found later
            continue
        except LookupError:
            continue
        if "\x00" in text:
            return finding("FB-encoding", byte=text.index("\x00"))
        return text.removeprefix("\ufeff")
    return finding("FB-encoding", byte=failed)


def _guesses(content: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    best = (
        from_bytes(content[:65_536], cp_isolation=_LEGACY).best()
        or from_bytes(content[:65_535], cp_isolation=_LEGACY).best()
    )
    first = best.encoding if best else "gb18030"
    return list(dict.fromkeys([first.replace("_", "-"), *_LEGACY]))


def split(text: str, delimiter: str | None, torn: Torn, *, line_bytes: int) -> Iterator[list[str]]:
    """The rows of the text; `torn` is filled after the last one.

    Raises:
        csv.Error: an answer is longer than `line_bytes`; usually a quote is never closed.
    """
    csv.field_size_limit(line_bytes)
    delimiter = delimiter or _delimiter(text)
    quoting = _quoting(text, delimiter)
    usual: Counter[int] = Counter()
    row: list[str] = []
    number = 0
    for row in _reader(io.StringIO(text, newline=""), delimiter, quoting):
        number += 1
        usual[len(row)] += 1
        yield row
    columns = usual.most_common(1)[0][0] if usual else 0
    cut = not text.endswith(("\n", "\r")) and len(row) < columns
    if row and (cut or (quoting != csv.QUOTE_NONE and _ends_in_quotes(text, row, delimiter))):
        torn.row, torn.columns = number, columns


def _ends_in_quotes(text: str, row: list[str], delimiter: str) -> bool:
    """True when the last field was opened by a quote that is never closed."""
    last = row[-1].rstrip("\r\n")
    if text.count('"') % 2 == 0 or text.rstrip("\r\n").endswith('"'):
        return False
    tail = text.rstrip("\r\n")[-(len(last) + last.count('"') + 2) :]
    return tail.startswith((f'{delimiter}"', '\n"', '"')) or "\n" in last


def _reader(
    lines: Iterator[str] | io.StringIO, delimiter: str, quoting: int
) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]


def _delimiter(text: str) -> str:
    """The delimiter that gives the most rows the same number (two or more) of columns."""
    sample = text[:65_536]

    def score(delimiter: str) -> tuple[float, int]:
        if delimiter not in sample:
            return (0.0, 0)
        counts = Counter(
            len(row)
            for row in itertools.islice(
                _reader(io.StringIO(sample, newline=""), delimiter, csv.QUOTE_MINIMAL), 200
            )
            if row
        )
        columns, rows = max(
            ((c, n) for c, n in counts.items() if c > 1), key=lambda item: item[1], default=(0, 0)
        )
        return (rows / max(1, counts.total()), columns)

    return max(_DELIMITERS, key=score)


def _quoting(text: str, delimiter: str) -> int:
    """Tab-separated exports often do not quote at all; then a `"` is just a character."""
    if delimiter != "\t" or '"' not in text:
        return csv.QUOTE_MINIMAL
    sample = text[:262_144]

    def unlike(quoting: int) -> int:
        counts = Counter(
            len(row) for row in _reader(io.StringIO(sample, newline=""), delimiter, quoting)
        )
        return counts.total() - counts.most_common(1)[0][1]

    return (
        csv.QUOTE_MINIMAL if unlike(csv.QUOTE_MINIMAL) <= unlike(csv.QUOTE_NONE) else csv.QUOTE_NONE
    )
