"""How values are written out in documents."""

import datetime as dt

from fbbatch.render.blocks import CellValue
from fbbatch.render.look import DATE_WORDS


def cell_text(value: CellValue, kind: str, language: str) -> str:
    """A table cell's value as text; dates in cells are `2026-11-05`, shares one decimal."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.1%}" if kind == "percent" else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and kind == "integer" else str(value)


def long_date(day: dt.date, language: str) -> str:
    """A date in prose: 2026年11月5日, 5 November 2026."""
    return DATE_WORDS[language].format(day)
