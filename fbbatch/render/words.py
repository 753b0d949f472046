"""How values are written out in documents."""

import datetime as dt
import unicodedata
from collections.abc import Sequence

from fbbatch.render.blocks import CellValue
from fbbatch.wording import say

_GAP = "　"


def cell_text(value: CellValue, kind: str, language: str) -> str:
    """A table cell's value as text; dates in cells are `2026-11-05`, shares one decimal."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.1%}" if kind == "percent" else f"{value:g}"
    if isinstance(value, int) and kind == "integer":
        return f"{value:,}"
    return str(value)


def long_date(day: dt.date, language: str) -> str:
    """A date in prose: 2026年11月5日, 5 November 2026."""
    return say("render.date", language, day=day)


def page_number(number: object, n_pages: object, language: str) -> str:
    """Which page of how many.

    Both may be what a program replaces by the number, such as `&P` and `&N` in Excel.
    """
    return say("render.page", language, number=number, of=n_pages)


def text_width(text: str) -> int:
    """The width of the longest line, in columns of a fixed-width font.

    A Chinese character takes two.
    """
    widest = 0
    for line in text.split("\n"):
        width = 0
        for char in line:
            is_wide = unicodedata.east_asian_width(char) in "WFA"
            width += 2 if is_wide else 1
        widest = max(widest, width)
    return widest


def ticks(options: Sequence[tuple[str, bool]], room: float) -> str:
    """□ for each option, ☑ where it holds.

    They stand in lines of at most `room` em, so that no option is broken in two.
    """
    lines: list[str] = []
    for text, ticked in options:
        option = f"{'☑' if ticked else '□'} {text}"
        if lines and text_width(f"{lines[-1]}{_GAP}{option}") / 2 <= room:
            lines[-1] += _GAP + option
        else:
            lines.append(option)
    return "\n".join(lines)
