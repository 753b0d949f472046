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
_UNDERSCORES = "_＿"
_LONG_LINE = 3
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
        text = _UNSEEN.sub("", text)
        text = _HARD_SPACE.sub(" ", text).strip(_EDGE)
    if "_x000D_" in text:
        text = text.replace("_x000D_", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        text = text.replace("\r", "\n")
    if text[-1:] in {"_", "＿"} or text[:1] in STARTS:
        text = _unwrapped(text)
    return text


def _without_lines(text: str) -> str:
    """The text without a line printed for writing on, before or behind it.

    Few underscores beside a Latin letter are no line: `__name` may be an account.
    """
    behind = text.lstrip(_UNDERSCORES)
    if _is_line(len(text) - len(behind), behind[:1]):
        text = behind
    before = text.rstrip(_UNDERSCORES)
    if _is_line(len(text) - len(before), before[-1:]):
        text = before
    return text


def _is_line(length: int, beside: str) -> bool:
    """Whether so many underscores beside a character are a line; `''` where there is none."""
    if beside.isspace() or not beside.isascii():
        return True
    return length >= _LONG_LINE


def _unwrapped(text: str) -> str:
    """The text without lines for writing on, and out of a formula or quotation marks."""
    text = _without_lines(text).strip(_EDGE)
    if formula := _FORMULA.fullmatch(text):
        content = formula[1].replace('""', '"')
        return content.strip(_EDGE)
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1].strip()
    return text
