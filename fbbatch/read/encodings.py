"""Bytes → text: what encoding they are in, whether that was guessed, and whether there are two.

A mark and UTF-8 are proof. Everything else is a guess among GB18030, Big5 and the Western code
page of Windows, and a guess is told. A file in two encodings is not read at all.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fbbatch.findings import finding
from fbbatch.model import Finding

_DELIMITERS = (",", "\t", ";", "|", "，", "；")
"""What sets the answers of a line apart; where one is seen, a text is a table."""
_CHINESE = ["gb18030", "big5", "cp950"]
"""What Chinese Windows has written by default; cp950 is what it makes of Big5."""
_WESTERN = "cp1252"
"""What Windows writes in Western Europe and America."""
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""Marks at the beginning of a file, and what they prove."""
_WIDER = {
    **dict.fromkeys(
        ("ascii", "us-ascii", "iso-8859-1", "iso8859-1", "latin-1", "latin1"), "cp1252"
    ),
    **dict.fromkeys(
        ("gb2312", "gbk", "cp936", "x-gbk"),
        "gb18030",
    ),
    **dict.fromkeys(
        ("ks_c_5601-1987", "euc-kr"),
        "cp949",
    ),
}
"""Encodings that programs name, by what they really write."""
_NAMES = {
    "utf-8": "UTF-8",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp950": "Big5",
    "cp1252": "Windows-1252",
}
"""What encodings are called where people read it."""
_HIGH = re.compile(rb"[\x80-\xff]+")
"""A run of bytes that are no ASCII."""
_TWO_WITHIN_WORD = re.compile(rb"(?<=[A-Za-z])[\xc0-\xff]{2}(?=[A-Za-z])")
"""Two accented letters in the middle of a word, as in `Größe`."""
_NOT_ASCII = re.compile("[^\x00-\x7f]")
"""A character beyond ASCII."""
_UPPER, _LOWER = "À-ÖØ-ÞŠŽŸŒ", "ß-öø-ÿšžœ"
_STRANGE_CASE = re.compile(
    f"[A-Za-z{_LOWER}][{_UPPER}][a-z{_LOWER}]|[a-z{_LOWER}][{_UPPER}]|[{_LOWER}][A-Z]"
)
"""An accented letter that is small or large where nobody would write it so."""
_STRANGE_IN_WORD = re.compile(
    f"(?<=[A-Za-z{_UPPER}{_LOWER}])[^\x00-\x7f{_UPPER}{_LOWER}‘’´·–\xad\xa0](?=[A-Za-z{_UPPER}{_LOWER}])"
)
"""A sign within a word that is no letter: the text is in another encoding."""
_ACCENTED_IN_WORD = re.compile(
    f"(?<=[A-Za-z])[{_UPPER}{_LOWER}]{{1,2}}|[{_UPPER}{_LOWER}]{{1,2}}(?=[A-Za-z])"
    "|(?<![A-Za-z])[àáéèóúöÀÉ](?![A-Za-z])"
)
"""Accented letters that touch others, and words of a single one (`à`)."""
_TYPOGRAPHY = "€‚„…‘’“”•–—™\xa0¡£§©«\xad®°±²³´µ·º»¼½¾¿ª×"
"""Signs that Western texts have beside letters."""
_BESIDE_LATIN = re.compile(
    "(?<=[A-Za-z])[\u3400-\u9fff](?![\u3400-\u9fff])|(?<![\u3400-\u9fff])[\u3400-\u9fff](?=[A-Za-z])"
)
"""A Han character that has a Latin letter on one side and no other Han character."""
_SPACED_HAN = re.compile("[\u3400-\u9fff] (?=[\u3400-\u9fff])")
"""A space between Han characters, which Chinese has not and misread Korean has."""
_LONE_HAN = re.compile("(?<=[A-Za-z])[\u3400-\u9fff](?=[A-Za-z])")
"""A Han character between two Latin letters."""
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
"""Any Han character."""
_FITTING = re.compile(
    "[\x00-\x7f\u3000-\u303f\uff01-\uff5e\u2010-\u2033\u2103\u2160-\u216b\u2460-\u249b·×÷±°§¥￥]+"
)
"""What stands in Chinese texts beside Han characters."""
_UTF8_HAN = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}|\xef[\xbc\xbd][\x80-\xbf]){2}")
"""Two Chinese characters in UTF-8; in other encodings hardly ever anything sensible."""
_UTF8_LATIN = re.compile(rb"[A-Za-z]\xc3[\x80-\xbf]|\xc3[\x80-\xbf][A-Za-z]")
"""An accented letter in UTF-8, beside another letter."""
_BLOCK = 100_000
"""So many characters are looked at together."""
_CHINESE_ENOUGH = 0.5  # so many of the characters are usual ones, or it is another encoding
_SURELY_CHINESE = 0.9
_ALL_CHINESE = 0.98
"""Below this ratio of usual characters, lines are looked at one by one."""
_FEW_HAN = 4  # fewer different characters prove nothing
_LEVEL_2 = {"gb18030": 0xD8, "big5": 0xC9, "cp950": 0xC9}
"""The first byte from which on rare characters stand."""


class Decoded(NamedTuple):
    """A text, and the encoding that it was taken for where that is a guess, else `''`.

    `is_cut`: it breaks off within a character, which is left out.
    """

    text: str
    guessed: str = ""
    is_sure: bool = True
    is_cut: bool = False

    def findings(self) -> list[Finding]:
        """What is to be said of the guess."""
        if not self.guessed:
            return []
        code = "FB-encoding-guessed" if self.is_sure else "FB-encoding-unsure"
        return [
            finding(
                code,
                encoding=_NAMES.get(self.guessed, self.guessed),
            )
        ]


def looks_utf16(content: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` for lines of UTF-16 text without a mark, else None."""
    sample = content[:2048]
    if b"\x00" not in sample or len(content) % 2:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample[: len(sample) // 2 * 2].decode(
            encoding,
            "ignore",
        )
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
    """As `decoded`, for whoever has no use for the guess."""
    read = decoded(
        content,
        encoding,
    )
    return read if isinstance(read, Finding) else read.text


def decoded(content: bytes, encoding: str | None) -> Decoded | Finding:
    """The text in its real encoding; never decoded with `replace`.

    Args:
        content: the bytes.
        encoding: what they are declared to be in; None when nobody says.

    Returns:
        The text. Unless declared, its encoding is what the mark says, else UTF-16, UTF-8, or by
        likelihood Windows-1252, GB18030 or Big5. Or the finding `FB-encoding`,
        `FB-encodings-mixed`.
    """
    marked = next((name for mark, name in _BOMS if content.startswith(mark)), None)
    known = encoding or marked or looks_utf16(content)
    read = _strictly(
        content,
        _WIDER.get(known.lower(), known) if known else "utf-8",
    )
    if known or not isinstance(read, int):
        return _without_nul(read)
    return _mixed_with_utf8(content) or _without_nul(
        _guessed(
            content,
            read,
        )
    )


def _without_nul(read: Decoded | Finding | int) -> Decoded | Finding:
    if isinstance(read, int):
        return finding(
            "FB-encoding",
            byte=read,
        )
    if isinstance(read, Finding):
        return read
    if "\x00" in read.text:
        return finding(
            "FB-encoding",
            byte=read.text.index("\x00"),
        )
    return read._replace(text=read.text.removeprefix("\ufeff"))


def _strictly(content: bytes, encoding: str) -> Decoded | int:
    """The text, else the first byte that does not fit.

    Where the last character is cut, the text ends before it; but a plain text with one strange
    byte at its end is in another encoding.
    """
    try:
        return Decoded(content.decode(encoding))
    except LookupError:
        return 0
    except UnicodeDecodeError as error:
        before = content[: error.start]
        is_cut = error.reason.startswith(("unexpected end", "truncated", "incomplete"))
        if is_cut and len(content) - error.start < 4 and not before.isascii():
            return Decoded(
                before.decode(encoding),
                is_cut=True,
            )
        return error.start


# --- guesses --------------------------------------------------------------------------


def _guessed(content: bytes, failed: int) -> Decoded | Finding | int:
    """What a text in no marked encoding is most likely; `failed` where no guess can be right."""
    if _is_western(content):
        return Decoded(
            content.decode(_WESTERN),
            _WESTERN,
            is_sure=False,
        )
    found: list[tuple[float, Decoded]] = []
    for candidate in _candidates(content):
        read = _strictly(
            content,
            candidate,
        )
        if not isinstance(read, int) and not _is_latin_misread(
            read.text,
            candidate,
        ):
            sense = _sense(
                read.text[:_BLOCK],
                candidate,
            )
            found.append((sense, read._replace(guessed=candidate)))
            if sense >= _SURELY_CHINESE:
                break
    if not found:
        return failed
    sense, read = max(found, key=lambda one: one[0])
    if sense < _CHINESE_ENOUGH and len(_NOT_ASCII.findall(read.text)) >= _FEW_HAN:
        return failed
    is_sure = sense >= _SURELY_CHINESE and _is_like_chinese(read.text[:_BLOCK])
    return _mixed_chinese(
        content,
        read,
    ) or read._replace(is_sure=is_sure)


def _is_like_chinese(text: str) -> bool:
    """Whether there are characters enough, and not in words with spaces as in Korean."""
    han = _HAN.findall(text)
    return len(set(han)) >= _FEW_HAN and len(_SPACED_HAN.findall(text)) < 0.1 * len(han)


def _candidates(content: bytes) -> list[str]:
    from charset_normalizer import from_bytes

    best = (
        from_bytes(
            content[:65_536],
            cp_isolation=_CHINESE,
        ).best()
        or from_bytes(
            content[:65_535],
            cp_isolation=_CHINESE,
        ).best()
    )
    first = best.encoding if best else "gb18030"
    return list(
        dict.fromkeys(
            [
                first.replace(
                    "_",
                    "-",
                ),
                *_CHINESE,
            ]
        )
    )


def _is_western(content: bytes) -> bool:
    """Whether the bytes above ASCII are accented letters within words of Latin letters.

    In GB18030 and Big5 such bytes come in pairs, or lead on to bytes of every kind.
    """
    runs = [len(run) for run in _HIGH.findall(content)]
    within = len(_TWO_WITHIN_WORD.findall(content))
    if not runs or runs.count(1) + within < 0.8 * len(runs) or runs.count(1) < within:
        return False
    try:
        text = content.decode(_WESTERN)
    except UnicodeDecodeError:
        return False
    if _STRANGE_CASE.search(text) or _STRANGE_IN_WORD.search(text):
        return False
    signs = _NOT_ASCII.findall(text)
    letters = sum(map(len, _ACCENTED_IN_WORD.findall(text)))
    return letters > 0 and letters + sum(map(signs.count, _TYPOGRAPHY)) >= 0.9 * len(signs)


def _is_latin_misread(text: str, encoding: str) -> bool:
    """Whether most Han characters are rare ones that touch Latin letters, one stands between two.

    These are accented letters of another encoding: `M黮ler`.
    """

    def is_rare(character: str) -> bool:
        packed = character.encode(encoding)
        return len(packed) != 2 or packed[1] < 0x80 or packed[0] >= _LEVEL_2[encoding]

    if not any(map(is_rare, _LONE_HAN.findall(text))):
        return False
    touching = sum(map(is_rare, _BESIDE_LATIN.findall(text)))
    return touching >= 0.5 * len(_HAN.findall(text))


def _sense(text: str, encoding: str) -> float:
    """Which part of the characters beyond ASCII is in everyday Chinese use; 1 where none is."""
    strange = _FITTING.sub(
        "",
        text,
    )
    if not strange:
        return 1.0
    han = "".join(_HAN.findall(strange))
    usual = _n_usual(
        han,
        "big5",
    )
    if encoding == "gb18030":
        usual = _n_usual(han, "gb2312") + _n_usual(
            _beyond_gb2312(han),
            "big5",
        )
    return usual / len(strange)


def _n_usual(han: str, encoding: str) -> int:
    leads = han.encode(
        encoding,
        "ignore",
    )[::2]
    rare = _LEVEL_2["big5" if encoding == "big5" else "gb18030"]
    return sum(map(rare.__gt__, leads))


def _beyond_gb2312(han: str) -> str:
    simple = set(
        han.encode(
            "gb2312",
            "ignore",
        ).decode("gb2312")
    )
    return "".join(character for character in han if character not in simple)


# --- two in one -----------------------------------------------------------------------


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(number from 1, bytes) of the lines that are not plain ASCII."""
    for number, line in enumerate(
        content.split(b"\n"),
        1,
    ):
        if not line.isascii():
            yield number, line


def _mixed_with_utf8(content: bytes) -> Finding | None:
    """That some lines are UTF-8 and others are not."""
    has_han = bool(_UTF8_HAN.search(content))
    if not has_han and not _UTF8_LATIN.search(content):
        return None
    in_utf8 = other = 0
    rest = []
    for number, line in _lines(content):
        if isinstance(
            _strictly(
                line,
                "utf-8",
            ),
            int,
        ):
            other = other or number
            rest.append(line)
        elif _UTF8_HAN.search(line) or _UTF8_LATIN.search(line):
            in_utf8 = in_utf8 or number
    if not in_utf8 or not other:
        return None
    read = _guessed(
        b"\n".join(rest),
        0,
    )
    if not isinstance(read, Decoded) or not (has_han or read.guessed == _WESTERN):
        return None
    return _mixed(
        ("utf-8", in_utf8),
        (read.guessed, other),
    )


def _mixed_chinese(content: bytes, read: Decoded) -> Finding | None:
    """That some lines make sense in GB18030 and others in Big5 only."""
    blocks = range(0, len(read.text), _BLOCK)
    own = read.guessed
    if all(
        _sense(
            read.text[at : at + _BLOCK],
            own,
        )
        > _ALL_CHINESE
        for at in blocks
    ):
        return None
    rival = "big5" if own == "gb18030" else "gb18030"
    fits = rivals = 0
    for number, line in _lines(content):
        by_own, by_rival = (
            _line_sense(line, own),
            _line_sense(
                line,
                rival,
            ),
        )
        if by_own >= _SURELY_CHINESE and by_rival < _CHINESE_ENOUGH:
            fits = fits or number
        elif by_rival >= _SURELY_CHINESE and by_own < _CHINESE_ENOUGH:
            rivals = rivals or number
    return (
        _mixed(
            (own, fits),
            (rival, rivals),
        )
        if fits and rivals
        else None
    )


def _line_sense(line: bytes, encoding: str) -> float:
    """As `_sense`; undecided for a line of few characters."""
    read = _strictly(
        line,
        encoding,
    )
    if isinstance(read, int):
        return 0.0
    n_han = len(_HAN.findall(read.text))
    return (
        _sense(
            read.text,
            encoding,
        )
        if n_han >= _FEW_HAN
        else _CHINESE_ENOUGH
    )


def _mixed(one: tuple[str, int], other: tuple[str, int]) -> Finding:
    (first, at), (second, there) = sorted(
        (one, other),
        key=lambda told: told[1],
    )
    return finding(
        "FB-encodings-mixed",
        first=_NAMES.get(
            first,
            first,
        ),
        first_line=at,
        second=_NAMES.get(
            second,
            second,
        ),
        second_line=there,
    )
