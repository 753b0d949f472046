"""What programs put around and into an answer that nobody wrote: it is taken off.

Characters that nobody sees, lines printed for writing on, formulas and quotation marks by which
programs keep a number from being one.
"""

import re

_EDGE = " \t\r\n\f\v\u00a0\u3000\u200b\u200e\u200f\u2060\ufeff"
_UNSEEN = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
    # joiners belong between emoji and in some scripts, not behind Latin, digits and Han
    "|(?<=[\0-\u024f\u2e80-\u9fff\uff00-\uffef])[\u200c\u200d]+"
)
_HARD_SPACE = re.compile("[\u00a0\u2007\u202f]")
_LINE = re.compile(
    "^[_＿]+(?=\\s|[^\0-\x7f])|^[_＿]{3,}|(?:(?<=\\s)|(?<=[^\0-\x7f]))[_＿]+$|[_＿]{3,}$"
)
"""A line printed for writing on, before or behind the answer; `__name` may be an account."""
_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_QUOTED = re.compile(r"['`‘’](\+?\d[\d /.:-]+)['`‘’]?")
STARTS = frozenset("='`‘’_＿")
"""Characters with which an answer begins that may have something to be taken off."""


def tidy(text: str) -> str:
    """The text as somebody wrote it: edges trimmed, line breaks as LF, nothing unseen within."""
    text = text.strip(_EDGE)
    if not text:
        return text
    if not text.isprintable():
        text = _HARD_SPACE.sub(" ", _UNSEEN.sub("", text)).strip(_EDGE)
    if "\r" in text or "_x000D_" in text:
        text = text.replace("_x000D_", "").replace("\r\n", "\n").replace("\r", "\n")
    if text[-1:] in {"_", "＿"} or text[:1] in STARTS:
        text = _unwrapped(text)
    return text


def _unwrapped(text: str) -> str:
    """The text without lines for writing on, and out of a formula or quotation marks."""
    text = _LINE.sub("", text).strip(_EDGE)
    if formula := _FORMULA.fullmatch(text):
        return formula[1].replace('""', '"').strip(_EDGE)
    quoted = _QUOTED.fullmatch(text)
    return quoted[1].strip() if quoted else text
