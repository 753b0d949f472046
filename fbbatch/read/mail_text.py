"""The words of mails: charsets as they are meant, encoded words, parameters, transfer codings.

Bytes in, text out; nothing here raises on what a mail holds, and nothing loses text for a wrong or
unknown charset.
"""

import binascii
import codecs
import re
from email.message import Message
from typing import Any

from fbbatch.read import csv_rows

_ENCODED_WORD = re.compile(
    r"=\?([^?\s]{1,60})\?(?:([bB])\?([^?]*)|[qQ]\?([^?]*(?:\?(?!=)[^?]*){0,5}))(?:\?=|\?$|$)"
)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)
_MEANT = {
    **{
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "big5": "cp950",
        "euc_kr": "cp949",
        "shift_jis": "cp932",
    },
    **{"iso8859-1": "cp1252", "ascii": "utf-8"},
}
"""What mailers mean by a charset (as `codecs` calls it): the larger set that contains it."""
_LEGACY = frozenset({"gb18030", "cp950", "cp1252"})
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})
"""What Python decodes, but slowly."""
_UUENCODED = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,300})\r?\n((?:[!-`][ -`]{0,90}\r?\n)+?)[ `]?\r?\n?end[ \t]*$",
    re.MULTILINE,
)
# The longest structured header in characters: the time that the standard library takes to split its
# parameters is quadratic.
_LONGEST_VALUE = 4_096


def parameters(value: str) -> dict[str, str]:
    """The parameters of a structured header by lower-case name.

    RFC 2231 continuations are joined and decoded.
    """
    holder = Message()
    holder["Content-Type"] = value[:_LONGEST_VALUE]
    try:
        pairs: list[tuple[str, Any]] = holder.get_params([])
    except (ValueError, TypeError):  # numbered wrongly
        return {}
    return {
        name.lower(): _extended(*told) if isinstance(told, tuple) else told
        for name, told in reversed(pairs)
    }


def _extended(charset: str | None, _language: str | None, text: str) -> str:
    try:
        return decoded(text.encode("latin-1"), charset or "")[0]
    except UnicodeEncodeError:  # raw characters where percent signs belong
        return text


def header_line(value: str) -> str:
    """A header's text on one line, without control characters.

    Encoded words are decoded, also when a character is cut between two of them.
    """
    found: list[str] = []
    run, charset, end = b"", "", 0
    for word in _ENCODED_WORD.finditer(value):
        gap, told = value[end : word.start()], word[1].partition("*")[0].lower()
        if gap.strip() or told != charset:
            found.append(decoded(run, charset)[0])
            run, charset = b"", told
        if gap.strip() or not end:
            found.append(gap)
        run += (
            from_base64(word[3].encode())
            if word[2]
            else binascii.a2b_qp(word[4].encode(), header=True)
        )
        end = word.end()
    text = "".join([*found, decoded(run, charset)[0], value[end:]])
    return _CONTROLS.sub("_", " ".join(text.split()))


def from_base64(raw: bytes) -> bytes:
    """The bytes of a base64 text; of a torn or stained one all that can be decoded."""
    try:
        return binascii.a2b_base64(raw)
    except binascii.Error:
        letters = raw.translate(None, _NOT_BASE64)
        return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")


def from_uuencode(raw: bytes) -> bytes | None:
    """The bytes of a uuencoded file; None where there is none. Source: POSIX uuencode."""
    found = _UUENCODED.search(raw)
    return _uudecoded(found[2]) if found else None


def without_uuencoded(raw: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """A text without the uuencoded files in it, and these with their names.

    What only looks like one stays in the text.
    """
    if b"begin " not in raw:
        return raw, []
    files: list[tuple[str, bytes]] = []
    kept: list[bytes] = []
    end = 0
    for found in _UUENCODED.finditer(raw):
        content = _uudecoded(found[2])
        if content is None:
            continue
        files.append((decoded(found[1].strip(), "")[0], content))
        kept.append(raw[end : found.start()])
        end = found.end()
    return b"".join([*kept, raw[end:]]), files


def _uudecoded(lines: bytes) -> bytes | None:
    """The bytes of uuencoded lines; None where one is none.

    A line begins with its length in bytes. Many mailers drop blanks at its end, others add a sum.
    """
    content = bytearray()
    for line in lines.splitlines():
        n_bytes = (line[0] - 32) & 63
        n_letters = (n_bytes + 2) // 3 * 4
        width = 1 + n_letters
        letters = line.ljust(width)[:width]
        if len(line) > len(letters) + 2:
            return None
        try:
            content += binascii.a2b_uu(letters)
        except binascii.Error:
            return None
    return bytes(content)


def charset_of(raw: bytes, declared: str) -> str:
    """The charset by which a text is read, where it is declared, fits, and is not UTF-8.

    Returns:
        its name in `codecs`, or `""`: then the text tells by itself what it is in.
    """
    meant = _charset(declared)
    if not declared or meant == "utf-8" or not decoded(raw, declared)[1]:
        return ""
    for candidate in (meant, "big5hkscs") if meant == "cp950" else (meant,):
        if _strictly(raw, candidate) is not None:
            return candidate
    return ""


def decoded(raw: bytes, declared: str) -> tuple[str, bool]:
    """The text, and whether it is in the declared charset.

    Order: UTF-8 where that cannot be chance; the declared one or the larger set meant by it; either
    with a few damaged characters; GB18030 or Big5 by likelihood; Latin-1 last, which never fails.
    """
    meant = _charset(declared)
    as_utf8 = _strictly(raw, "utf-8")
    if as_utf8 is not None and (
        meant == "utf-8"
        or (meant in _LEGACY and _cannot_be_chance(as_utf8[:20_000]))
        or (meant == "cp1252" and not as_utf8.isascii())
    ):
        return as_utf8, meant == "utf-8"
    for candidate in (meant, "big5hkscs") if meant == "cp950" else (meant,):
        if (text := _strictly(raw, candidate)) is not None:
            return text, True
    if as_utf8 is not None:
        return as_utf8, False
    for candidate in dict.fromkeys((meant, "utf-8")):
        if candidate == "utf-7":  # a damaged one gives what is no text
            continue
        text = raw.decode(candidate, "replace")
        if 10 * text.count("\ufffd") < len(text) - len(text.encode("ascii", "ignore")):
            return text, False
    guess = csv_rows.decode(raw.replace(b"\x00", b""), None)
    return guess if isinstance(guess, str) else raw.decode("latin-1"), False


def _strictly(raw: bytes, charset: str) -> str | None:
    try:
        text = raw.decode(charset)
        if charset == "utf-7":
            text.encode()  # it can hide half a character
    except ValueError:
        return None
    return text


def _cannot_be_chance(text: str) -> bool:
    """True when text of three-byte characters prevails.

    Bytes of a legacy charset hardly ever make those.
    """
    return len(re.findall("[\u0800-\U0010ffff]", text)) > len(re.findall("[\x80-\u07ff]", text))


def _charset(declared: str) -> str:
    try:
        name = codecs.lookup(declared.strip("\"' ") or "utf-8").name
        b"".decode(name)
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in _NO_CHARSETS else _MEANT.get(name, name)


def unflowed(text: str, drops_space: bool) -> str:
    """A text of `format=flowed` with its paragraphs on one line each. Source: RFC 3676.

    Args:
        text: its lines, line feeds between them.
        drops_space: the parameter `delsp`; Chinese text is flowed with it.
    """
    paragraphs: list[list[str]] = []
    flows, above = False, 0
    for raw in text.split("\n"):
        depth = len(raw) - len(raw.lstrip(">"))
        line = raw[depth:].removeprefix(" ")
        if not (flows and depth == above) or line == "-- ":
            paragraphs.append(["> " * (depth > 0)])
        flows, above = line.endswith(" ") and line != "-- ", depth
        paragraphs[-1].append(line[:-1] if flows and drops_space else line)
    return "\n".join("".join(lines) for lines in paragraphs)
