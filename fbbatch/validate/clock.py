"""The time of day and the zone behind a date, as people and survey tools write them.

`下午3點半`, `3:20:15 下午 GMT+8`, `2:30 p.m.`, `凌晨 1:05`. What can be read in two ways is not
guessed: 晚上12:30 may be of the day before, and not everybody takes 早上12點 for the same hour.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import NamedTuple

_WORDS = (
    r"上午|下午|晚上|晚间|晚間|早上|早晨|清晨|凌晨|中午|正午|午後|午后|傍晚|夜里|夜裡|夜間|夜间"
    r"|深夜|半夜|午夜|a\.?m\.?|p\.?m\.?"
)
TIME = (
    rf"(?:[T,\s]*(?P<half>{_WORDS})?"
    r"\s*(?P<h>\d{1,2})\s*[:时時點点]\s*(?:(?P<mi>\d{1,2})|(?P<part>半|[一1]刻|[三3]刻|[整钟鐘正]))?"
    r"\s*(?:[:分]\s*(?P<s>\d{1,2})(?:\.\d+)?)?\s*[分秒]?"
    rf"\s*(?P<half2>{_WORDS})?)?"
)
"""A pattern for a time of day; its groups are what `wall_time` asks for."""
ZONE = (
    r"(?:\s*(?P<zone>Z(?![a-z])|\[?\(?(?:GMT|UTC)\s*(?:[+-]\s*\d{1,2}(?::?\d{2})?)?\)?\]?"
    r"|[+-]\d{2}(?::?\d{2})?)"
    r"(?:\s*[\[(][^\])]{1,40}[\])])?)?"
)
"""A pattern for a zone: `Z`, `+0800`, `GMT+8`, `UTC+08:00`, perhaps with its name in brackets."""
_OFFSET = re.compile(r"(?P<sign>[+-])\s*(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?")
_FARTHEST = dt.timedelta(hours=14)
_PARTS = {"半": 30, "一": 15, "1": 15, "三": 45, "3": 45}


def _hours(as_said: range, later: range = range(0), **midnight: int) -> Mapping[int, int]:
    """The hours of the day by the number somebody says; those of `later` are of the afternoon."""
    hours = {hour: hour for hour in as_said}
    hours |= {hour: hour + 12 for hour in later}
    if midnight:
        hours[12] = midnight["twelve"]
    return hours


_MORNING = _hours(range(12))
_AFTERNOON = _hours(range(12, 24), range(12))
_EVENING = _hours(range(17, 24), range(5, 12))
_NIGHT = _hours(range(19, 24), range(7, 12))
_NOON = _hours(range(11, 15), range(1, 3))
_BY_WORD = {
    "上午": _hours(range(12), twelve=0),
    "am": _hours(range(12), twelve=0),
    "早上": _MORNING,
    "早晨": _MORNING,
    "清晨": _MORNING,
    "凌晨": _hours(range(7), twelve=0),
    "中午": _NOON,
    "正午": _NOON,
    "下午": _AFTERNOON,
    "午后": _AFTERNOON,
    "午後": _AFTERNOON,
    "pm": _AFTERNOON,
    "傍晚": _hours(range(16, 21), range(4, 9)),
    "晚上": _EVENING,
    "晚间": _EVENING,
    "晚間": _EVENING,
    "夜里": _NIGHT,
    "夜裡": _NIGHT,
    "夜间": _NIGHT,
    "夜間": _NIGHT,
    "深夜": _NIGHT,
    "半夜": _NIGHT,
    "午夜": _NIGHT,
}
"""Which hour of the day a number means behind a word; one that is not there is not clear."""


class WallTime(NamedTuple):
    """Hour (0-23, more where somebody wrote more) and minute; `is_clear` tells no other reading."""

    hour: int
    minute: int
    is_clear: bool = True


def wall_time(part: Mapping[str, str | None]) -> WallTime | None:
    """The time of day that the groups of `TIME` tell; None where there is none.

    Small hours of the evening or night may be of this day or of the next: they are not clear. So is
    an hour that contradicts its word (上午 15:20).
    """
    if not part.get("h"):
        return None
    hour, minute = int(part["h"] or 0), int(part.get("mi") or 0)
    if told := part.get("part"):
        minute = _PARTS.get(told[0], 0)
    meant = set()
    for name in ("half", "half2"):
        if word := part.get(name):
            meant.add(_BY_WORD[word.lower().replace(".", "")].get(hour))
    if not meant:
        return WallTime(hour, minute)
    only = meant.pop()
    if only is None or meant:
        return WallTime(hour, minute, is_clear=False)
    return WallTime(only, minute)


def zone_of(written: str | None) -> dt.tzinfo | None:
    """The zone that the group of `ZONE` names.

    Raises:
        ValueError: there is no such zone.
    """
    if not written:
        return None
    offset = _OFFSET.search(written)
    if offset is None:
        return dt.UTC
    size = dt.timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    if size > _FARTHEST or int(offset["minutes"] or 0) > 59:
        raise ValueError(written)
    return dt.timezone(-size if offset["sign"] == "-" else size)
