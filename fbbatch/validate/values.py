"""One cell → one typed value, or what is wrong with it.

Values are ready for JSON: text, int, float, bool, lists; dates are ISO text (`2026-11-05`),
date-times `2026-11-05 14:30`. Numbers that are really text (phone, order number) are kept digit for
digit.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fbbatch.model import Cell
from fbbatch.validate.clock import TIME, ZONE, wall_time, zone_of
from fbbatch.validate.tidy import tidy

Value = str | int | float | bool | list[Any] | None


class Bad(NamedTuple):
    """A cell that is no value of its field: the finding's code and details."""

    code: str
    details: Mapping[str, str] = {}


Parse = Callable[[Cell], "Value | Bad"]

_EXCEL_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's serials have no zone
_SERIALS = range(18264, 73051)  # 1950 to 2099
_SERIAL_TEXT = re.compile(r"[0-9]{5}(?:\.[0-9]{1,15})?")
_BLANKS = frozenset({"", "-", "--", "—", "——", "/", "\\"})
MAX_TEXT = 32_767


def text_of(cell: Cell) -> str:
    """The cell as text: whole floats without `.0`, ISO dates, texts as `tidy` makes them."""
    if isinstance(cell, str):
        return tidy(cell)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e16 else repr(cell)
    if isinstance(cell, dt.datetime):
        return _iso(cell)
    return str(cell)


def _iso(moment: dt.datetime) -> str:
    return (
        moment.strftime("%Y-%m-%d")
        if moment.time() == dt.time()
        else moment.strftime("%Y-%m-%d %H:%M")
    )


_INTEGER = re.compile(r"[-+]?\d{1,19}(?:\.0*)?")
_INT64 = range(-(2**63), 2**63)
_DECIMAL = re.compile(r"[-+]?(?:\d{1,60}(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,2})?")


def _plain_number(text: str) -> str:
    """Digits as a person typed them, with width and thousands separators set aside."""
    return unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "")


def parse_integer(cell: Cell) -> Value | Bad:
    """A whole number; `1,200` and `１２` count."""
    text = text_of(cell)
    if text in _BLANKS:
        return None
    plain = _plain_number(text)
    if _INTEGER.fullmatch(plain) and (value := int(plain.partition(".")[0])) in _INT64:
        return value
    return Bad("FB-not-integer", {"value": text})


def parse_number(cell: Cell) -> Value | Bad:
    """A number; percentages and units are not numbers."""
    text = text_of(cell)
    if text in _BLANKS:
        return None
    plain = _plain_number(text)
    if _INTEGER.fullmatch(plain) and (value := int(plain.partition(".")[0])) in _INT64:
        return value
    return float(plain) if _DECIMAL.fullmatch(plain) else Bad("FB-not-number", {"value": text})


_YES = frozenset(
    [
        "是",
        "有",
        "对",
        "要",
        "需要",
        "yes",
        "y",
        "true",
        "t",
        "1",
        "√",
        "✓",
        "☑",
        "■",
        "✔",
        "已",
        "1.0",
    ]
)
_NO = frozenset(
    [
        "否",
        "无",
        "没有",
        "不",
        "不要",
        "不需要",
        "no",
        "n",
        "false",
        "f",
        "0",
        "×",
        "✗",
        "□",
        "☐",
        "未",
        "0.0",
    ]
)


def parse_boolean(cell: Cell, words: Mapping[str, bool] = {}) -> Value | Bad:
    """Yes or no in the usual spellings, as True or False."""
    from fbbatch.words import fold

    text = fold(text_of(cell)).strip("。.")
    if text in words:
        return words[text]
    if text in _YES:
        return True
    if text in _NO:
        return False
    return None if text in _BLANKS else Bad("FB-not-boolean", {"value": text_of(cell)})


_WEEKDAY = re.compile(
    r"\s*\([一二三四五六日天]\)|\s*\(?(?:星期|周|週|礼拜|禮拜)[一二三四五六日天]\)?"
    r"|,?\s*\(?\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\b\.?\)?,?",
    re.IGNORECASE,
)
_YMD = re.compile(
    r"(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*[日号號]?" + TIME + ZONE,
    re.IGNORECASE,
)
_ROC = re.compile(
    r"(?P<roc>民国|民國|roc)?\s*(?P<y>\d{2,3}|元)\s*[-/.年]"
    r"\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*[日号號]?" + TIME + ZONE,
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\s*(?P<h>\d{2}):?(?P<mi>\d{2}):?(?P<s>\d{2})?)?"
)
_DMY = re.compile(
    r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4})" + TIME + ZONE, re.IGNORECASE
)
_SHORT_YEAR = re.compile(r"\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?\b.*")
_YEARS = range(1900, 2201)
_LONGEST_DATE = 100  # the patterns take their time over long runs of spaces
_MONTHS = {
    m: n
    for n, m in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_NAMED = re.compile(
    r"(?:(?P<d1>\d{1,2})(?:st|nd|rd|th)?[ -])?(?P<mon>[a-z]{3})[a-z]*\.?[ -]"
    r"(?:(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?[ -])?(?P<y>\d{4})" + TIME + ZONE,
    re.IGNORECASE,
)


class _Written(NamedTuple):
    """A date as it is written; `part` holds the time of day and the zone, if any."""

    year: int
    month: int
    day: int
    part: Mapping[str, str | None]


def _year_first(text: str) -> _Written | None:
    match = _YMD.fullmatch(text) or _COMPACT.fullmatch(text)
    if not match:
        return None
    return _Written(int(match["y"]), int(match["m"]), int(match["d"]), match.groupdict())


def _of_roc(text: str) -> _Written | None:
    """Years of the Republic of China; without that word they have three digits."""
    match = _ROC.fullmatch(text)
    if not match or not (match["roc"] or len(match["y"]) == 3):
        return None
    year = 1 if match["y"] == "元" else int(match["y"])
    return _Written(year + 1911, int(match["m"]), int(match["d"]), match.groupdict())


def _with_month_name(text: str) -> _Written | None:
    match = _NAMED.fullmatch(text)
    if not match:
        return None
    day, month = match["d1"] or match["d2"], _MONTHS.get(match["mon"].lower())
    if not day or not month:
        return None
    return _Written(int(match["y"]), month, int(day), match.groupdict())


def _moment(written: _Written, *, with_time: bool, zone: dt.tzinfo | None) -> str | Bad | None:
    """The date, or the moment in the zone, as ISO text; None when there is no such day or time.

    A date that needs no time is that day, however its time may be read; a time that can be read in
    two ways is no moment.
    """
    year, month, day, part = written
    time = wall_time(part)
    hour, minute, is_clear = time or (0, 0, True)
    if not is_clear and with_time:
        return Bad("FB-time-unclear")
    if not time and (part.get("zone") or "").startswith("-"):  # it may as well be an hour
        return None
    try:
        moment = dt.datetime(year, month, day, hour, minute)  # noqa: DTZ001 - wall time as written
        own_zone = zone_of(part.get("zone")) if time and is_clear else None
        if own_zone and zone is not None:
            moment = moment.replace(tzinfo=own_zone).astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return _iso(moment) if with_time else moment.strftime("%Y-%m-%d")


def _bare_date(written: str) -> str:
    """The text without width, needless spaces and day of the week; `…` when too long for a date."""
    if len(written) > _LONGEST_DATE:
        return "…"
    return _WEEKDAY.sub(
        " ", " ".join(unicodedata.normalize("NFKC", written.replace("_", " ")).split())
    ).strip()


def _of_serial(cell: Cell) -> dt.datetime | None:
    """The moment that a number stands for in Excel, within the years that make sense."""
    if (
        isinstance(cell, float | int)
        and not isinstance(cell, bool)
        and abs(cell) < 1e6
        and int(cell) in _SERIALS
    ):
        return _EXCEL_EPOCH + dt.timedelta(minutes=round(cell * 1440))
    return None


def _of_serial_text(text: str) -> dt.datetime | None:
    """The moment of such a number that was written as text: `46331`, `46331.64`."""
    return _of_serial(float(text)) if _SERIAL_TEXT.fullmatch(text) else None


def _within_years(parse: Parse) -> Parse:
    """The same parser for the years that make sense.

    Calendars end somewhere, and what lies further out is a slip.
    """

    def parse_within(cell: Cell) -> Value | Bad:
        found = parse(cell)
        if isinstance(found, str) and int(found.partition("-")[0]) not in _YEARS:
            return Bad("FB-not-date", {"value": text_of(cell)})
        return found

    return parse_within


def date_parser(*, with_time: bool, order: str | None, zone: dt.tzinfo | None = None) -> Parse:
    """A parser for dates (or date-times).

    It reads real dates, Excel serials, ISO, 年月日, 民國, English months, with
    time and zone. A date that can be read
    in two ways comes back as `FB-date-ambiguous` unless `order` (`day-first`, `month-first`)
    settles it. Source: 3.1.1d.
    """

    def parse(cell: Cell) -> Value | Bad:
        if isinstance(cell, dt.datetime):
            return _iso(cell) if with_time else cell.strftime("%Y-%m-%d")
        if isinstance(cell, dt.date):
            return cell.isoformat()
        if moment := _of_serial(cell):
            return _iso(moment) if with_time else moment.strftime("%Y-%m-%d")
        written = text_of(cell)
        text = _bare_date(written)
        if text in _BLANKS:
            return None
        return _parse_text(text, written)

    def _parse_text(text: str, written: str) -> Value | Bad:
        if date := _year_first(text):
            return _existing(date, written)
        if moment := _of_serial_text(text):
            return _iso(moment) if with_time else moment.strftime("%Y-%m-%d")
        if match := _DMY.fullmatch(text):
            return _by_order(match, written)
        if date := _of_roc(text) or _with_month_name(text):
            return _existing(date, written)
        if _SHORT_YEAR.fullmatch(text):
            return Bad("FB-date-ambiguous", {"value": written})
        return Bad("FB-not-date", {"value": written})

    def _by_order(match: re.Match[str], written: str) -> Value | Bad:
        a, b = int(match["a"]), int(match["b"])
        if a <= 12 and b <= 12 and a != b and order is None:
            return Bad("FB-date-ambiguous", {"value": written})
        day, month = (a, b) if a > 12 or (b <= 12 and order == "day-first") else (b, a)
        return _existing(_Written(int(match["y"]), month, day, match.groupdict()), written)

    def _existing(date: _Written, written: str) -> Value | Bad:
        moment = _moment(date, with_time=with_time, zone=zone)
        if isinstance(moment, Bad):
            return moment._replace(details={"value": written})
        return moment or Bad("FB-not-date", {"value": written})

    return _within_years(parse)


_LONGEST_CONTACT = 400
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_EXTENSION = (
    r"(?:\s*[(]?\s*(?:转|轉|ext(?:ension)?\.?|x|[#*]|分机|分機|内线|內線)[:.]?\s*\d{1,6}\s*[)]?)?"
)
_PHONE = re.compile(r"\+?[\d() .\-ー－]{6,24}" + _EXTENSION, re.IGNORECASE)
_WITH_EXTENSION = re.compile(r"([(]?0\d{1,3}[)]?[- ]?(?:\d{7,8}|\d{3,4}[- ]\d{4}))\s*-\s*(\d{1,6})")
"""An area code, a number, and behind another dash an extension."""
_ACCOUNT = re.compile(r"[\w.@:：/\-+ ]*[A-Za-z0-9_\-.]{5,}")
_PHONE_AS_FLOAT = re.compile(r"\+?\d{6,15}\.0+")
_DAY_NOT_PHONE = re.compile(
    r"(?:19|20)\d\d\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?(?:[T\s]+\d{1,2}:\d{2}.{0,20})?"
)
_LONGEST_PHONE = 13  # digits, with the code of a country, without its leading 00


def parse_contact(cell: Cell, example: str = "") -> Value | Bad:
    """A phone number, e-mail address or messenger account. Source: 3.1.1c.

    Phones lose spaces and dashes; an extension stays apart, and two phones stay as they are
    written.
    """
    written = text_of(cell)
    text = unicodedata.normalize("NFKC", written)
    if text in _BLANKS:
        return None
    if len(text) > _LONGEST_CONTACT:
        return Bad("FB-contact", {"value": written[:40] + "…", "example": example})
    if _PHONE_AS_FLOAT.fullmatch(text):
        text = text.partition(".")[0]
    if _DAY_NOT_PHONE.fullmatch(text):
        return Bad("FB-contact", {"value": written, "example": example})
    if _PHONE.fullmatch(text):
        phone = _bare_phone(text)
        n_digits = sum(map(str.isdigit, phone))
        return phone if n_digits >= 6 else Bad("FB-contact", {"value": written, "example": example})
    if _MAIL.search(text) or _ACCOUNT.search(text) or sum(map(str.isdigit, text)) >= 6:
        return text
    return Bad("FB-contact", {"value": written, "example": example})


def _bare_phone(text: str) -> str:
    """A phone number without what only makes it easier to read."""
    if apart := _WITH_EXTENSION.fullmatch(text):
        return f"{_digits(apart[1])}-{apart[2]}"
    phone = _digits(text)
    number = re.split(r"[^\d+]", phone, maxsplit=1)[0].removeprefix("00")
    are_several = phone != text and len(number) > _LONGEST_PHONE
    return text if are_several else phone


def _digits(text: str) -> str:
    return re.sub(r"[() .\-ー]", "", text)


_CASE = re.compile(r"FB-\d{8}-\d{4,}")


def parse_case(cell: Cell) -> Value | Bad:
    """A case number."""
    text = (
        unicodedata.normalize("NFKC", text_of(cell))
        .upper()
        .replace(" ", "")
        .replace("—", "-")
        .replace("－", "-")
    )
    if text in _BLANKS:
        return None
    return text if _CASE.fullmatch(text) else Bad("FB-not-a-case", {"value": text_of(cell)})


EMPTY_PHRASES = frozenset(
    {
        "无",
        "没有",
        "无无",
        "暂无",
        "不详",
        "不知道",
        "不清楚",
        "不明",
        "同上",
        "如上",
        "同前",
        "见附件",
        "详见附件",
        "见图",
        "如图",
        "如题",
        "略",
        "待补",
        "待补充",
        "待填",
        "测试",
        "测试数据",
        "其他",
        "其它",
        "不适用",
        "空",
        "未填",
        "none",
        "nil",
        "n/a",
        "na",
        "no",
        "nothing",
        "test",
        "testing",
        "tbd",
        "todo",
        "unknown",
        "asdf",
        "xxx",
        "same",
        "sameasabove",
        "seeattachment",
        "seeattached",
        "asabove",
        "ditto",
        "ok",
    }
)
_PUNCTUATION = re.compile(r"[\s\W_]+")


def says_nothing(folded: str) -> bool:
    """True for answers such as 無, 同上, 見附件, test, xxx, ......"""
    bare = _PUNCTUATION.sub("", folded)
    return (
        bare in EMPTY_PHRASES
        or folded in EMPTY_PHRASES
        or (len(bare) > 1 and len(set(bare)) == 1 and not bare.isdigit())
        or not bare
    )
