"""Large worksheets read straight from their XML, where it is written as programs export it.

They are read a few thousand rows at a time. A row is matched whole by one regular expression, made
of the columns that the sheet has; so every byte of it is accounted for, and thousands of rows cost
one call. What the expression does not match (formulas, comments, rare types) is left to the general
reader, from that row on. Values are those that python-calamine gives; error cells keep their text.
"""

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from operator import lt

import orjson
from python_calamine import CalamineError, CalamineWorkbook

from fbbatch.findings import finding
from fbbatch.model import Cell, column_number
from fbbatch.read.ooxml import ListedSheet, Package
from fbbatch.read.workbook_check import ReadersDisagreeError

PLAIN_BYTES = 1 << 20
"""Smaller sheets are left to the general reader: they are read in no time anyway."""
_PIECE = 1 << 20
_MOST_COLUMNS = 120
_REMEMBERED = 50_000

_ROW = rb'<row r="([0-9]++)"([^>]*+)>(?:(?<=/>)|%s</row>)'
_CELL = (
    rb'(?:<c r="%s\1"([^>]*+>'
    rb"(?:<v>[^<]*+</v></c>|</c>|(?<=/>)|<is><t(?: [^>]*+)?>[^<]*+</t></is></c>)))?"
)
_OF_A_CELL = re.compile(rb"([^>]*+)>(?:<v>([^<]*+)|<is><t(?: [^>]*+)?>([^<]*+))?")
_COLUMN = re.compile(rb'<c r="([A-Z]{1,3})[0-9]')
_ROW_NUMBER = re.compile(rb'<row r="([0-9]{1,7})"')
_HIDDEN_ROW = re.compile(rb'<row [^>]*\bhidden="(?:1|true)"')
_INLINE = re.compile(rb"<is><t(?: [^>]*)?>[^<]")
_ATTRIBUTE = re.compile(rb' ([a-z]+)="([^"<&]*)"')
_NUMBERS = re.compile(rb"[0-9eE+. -]*")
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_OTHER_ENCODING = re.compile(rb"encoding\s*=\s*[\"'](?!utf-8[\"'])", re.IGNORECASE)
_PLAIN_STRING = re.compile(r"<si><t(?: [^>]*)?>([^<]*)</t></si>")
_ANY_STRING = re.compile(r"<si>(.*?)</si>|<si/>", re.DOTALL)
_TAGS = 4  # of a plain string
_PHONETIC = re.compile(r"<rPh .*?</rPh>", re.DOTALL)
_TEXT = re.compile(r"<t(?: [^>]*)?>([^<]*)</t>")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));|(&)")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SERIALS = range(
    61, 2_958_466
)  # from the 1st of March 1900, before which Excel counts a day that never was, to the end of 9999
_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's serials have no zone
_DAY_MS = 86_400_000
_TROUBLE = (ValueError, IndexError, TypeError, OverflowError)


class NotPlainError(Exception):
    """The XML is written in a way that this reader does not know.

    From here on the general one has to read.
    """


def plain_sheets(package: Package) -> dict[str, "PlainSheet"]:
    """The large worksheets of a workbook by name; none where one of them does not begin plainly.

    Args:
        package: the workbook.
    """
    listed = package.sheet_list
    large = [sheet for sheet in listed.sheets if sheet.size >= PLAIN_BYTES]
    if not large or not listed.is_sound or listed.date_1904:
        return {}
    strings = _Strings(package)
    try:
        return {sheet.name: PlainSheet(package, sheet, strings) for sheet in large}
    except NotPlainError:
        return {}


class PlainSheet:
    """One worksheet; its rows can be taken once.

    Args:
        package: the workbook.
        sheet: the worksheet.
        strings: the workbook's shared strings.

    Raises:
        NotPlainError: it does not begin plainly.
    """

    def __init__(self, package: Package, sheet: ListedSheet, strings: "_Strings") -> None:
        self._package = package
        self._sheet = sheet
        self._converters = _Converters(package, strings)
        self._columns: list[bytes] = []
        self._pattern: re.Pattern[bytes] = re.compile(b"")
        self._filled = 0
        self.n_rows = 0
        """How many rows it has given."""
        head = package.part(sheet.path, _PIECE) or b""
        start, end = head.find(b"<sheetData>"), head.rfind(b"</row>")
        if not 0 <= start < end or _is_foreign(head):
            raise NotPlainError
        self._matched(head, start, end + 6)

    @cached_property
    def _xml(self) -> bytes | bytearray:
        return self._package.part(self._sheet.path) or b""

    @cached_property
    def hidden_rows(self) -> int:
        """How many rows are hidden."""
        return len(_HIDDEN_ROW.findall(self._xml)) if b"hidden=" in self._xml else 0

    @cached_property
    def merged(self) -> list[tuple[int, int, int, int]]:
        """Its merged areas: (top, left, bottom, right), 0-based.

        Raises:
            NotPlainError: they are not told plainly.
        """
        tail = self._xml.rfind(b"</sheetData>")
        areas = _MERGED.findall(self._xml, tail)
        if len(areas) != self._xml.count(b"<mergeCell ", tail):
            raise NotPlainError
        return [
            (int(top) - 1, _index(left), int(bottom) - 1, _index(right))
            for left, top, right, bottom in areas
        ]

    def rows(self) -> Iterator[Sequence[Cell]]:
        """Its rows from the first of the sheet, blank ones as `()`.

        Raises:
            NotPlainError: the rows not yet given have to be read in another way.
            ReadersDisagreeError: not every cell that holds something has been seen.
        """
        xml = self._xml
        start, end = xml.find(b"<sheetData>") + 11, xml.rfind(b"</sheetData>")
        numbers = orjson.loads(b"[%s]" % b",".join(_ROW_NUMBER.findall(xml)))
        if _is_foreign(xml) or start > end or not all(map(lt, numbers, numbers[1:])):
            raise NotPlainError
        begin, place = start, 0
        while place < len(numbers):
            cut = xml.rfind(b"</row>", start, min(start + _PIECE, end)) + 6
            cut = end if cut < start + 6 or xml.find(b"<row", cut, end) < 0 else cut
            if not (found := self._matched(xml, start, cut)):
                raise NotPlainError
            here = numbers[place : place + len(found)]
            rows = self._cells(found)
            if here[-1] - self.n_rows > len(found):
                rows = _spaced(rows, here, self.n_rows)
            yield from rows
            start, place, self.n_rows = cut, place + len(found), here[-1]
        if self._filled != xml.count(b"<v>", begin, end) and self._filled != (
            expected := _filled(xml, begin, end)
        ):
            told = finding(
                "FB-readers-disagree",
                sheet=self._sheet.name,
                first=self._filled,
                second=expected,
                rows=len(numbers),
            )
            raise ReadersDisagreeError(told)
        del self._xml

    def _matched(self, xml: bytes | bytearray, start: int, end: int) -> list[tuple[bytes, ...]]:
        """The groups of `_ROW` for each row in a stretch of the XML."""
        n_rows = xml.count(b"<row", start, end)
        found = self._pattern.findall(xml, start, end) if self._columns else []
        if len(found) != n_rows and self._learn(xml, start, end):
            found = self._pattern.findall(xml, start, end)
        if len(found) != n_rows:
            raise NotPlainError
        return found

    def _learn(self, xml: bytes | bytearray, start: int, end: int) -> bool:
        """Take in columns that had no cell so far; False when there are none."""
        columns = sorted({*self._columns, *_COLUMN.findall(xml, start, end)}, key=_index)
        if len(columns) == len(self._columns):
            return False
        if len(columns) > _MOST_COLUMNS:
            raise NotPlainError
        self._columns = columns
        self._pattern = re.compile(_ROW % b"".join(_CELL % column for column in columns))
        return True

    def _cells(self, found: list[tuple[bytes, ...]]) -> Iterator[Sequence[Cell]]:
        _, _, *groups = zip(*found, strict=True)  # a row's number and attributes, then its cells
        blank: Sequence[Cell] = ("",) * len(found)
        columns = [blank] * (_index(self._columns[-1]) + 1)
        for name, cells in zip(self._columns, groups, strict=True):
            columns[_index(name)], filled = self._converters.column(cells)
            self._filled += filled
        return zip(*columns, strict=True)


class _Converters:
    """Turn what cells hold in the XML into values, a column at a time."""

    def __init__(self, package: Package, strings: "_Strings") -> None:
        self._package = package
        self._strings = strings
        self._kinds: dict[bytes, str] = {}
        dates, durations = _Moments(_to_date), _Moments(_to_duration)
        self._all: dict[str, Callable[[Sequence[bytes]], Sequence[Cell]]] = {
            "string": lambda values: list(map(self._strings.texts.__getitem__, _to_places(values))),
            "number": _to_numbers,
            "date": lambda values: list(map(dates.__getitem__, values)),
            "duration": lambda values: list(map(durations.__getitem__, values)),
            "text": lambda values: [_plain_text(value.decode()) for value in values],
            "boolean": lambda values: [_BOOLEANS.index(value) == 1 for value in values],
            "error": lambda values: [value.decode("ascii") for value in values],
        }

    def column(self, cells: Sequence[bytes]) -> tuple[Sequence[Cell], int]:
        """The values of a column's cells, and how many of them hold something.

        `cells` are what follows the cells' references in the XML.

        Raises:
            NotPlainError: one of them is of a kind that is left to the general reader.
        """
        try:
            return self._alike(cells) or self._unlike(cells)
        except _TROUBLE as error:
            raise NotPlainError from error

    def _alike(self, cells: Sequence[bytes]) -> tuple[Sequence[Cell], int] | None:
        """As `column`, for cells that all hold a number and have the same attributes.

        The numbers may be those of strings, days and so on. For other cells it is None.
        """
        told, has_value, _ = cells[0].partition(b"><v>")
        if not has_value or (kind := self._kind(told)) in {"text", "error", "inline"}:
            return None
        written, begin = b"".join(cells), told + b"><v>"
        if written.count(begin) != len(cells):
            return None
        *values, _ = written.replace(begin, b"").split(b"</v></c>")
        try:
            return self._all[kind](values), len(values)
        except _TROUBLE:  # some hold nothing, or have further attributes, of which a part is left
            return None

    def _unlike(self, cells: Sequence[bytes]) -> tuple[Sequence[Cell], int]:
        parts = [
            found.groups(b"") if (found := _OF_A_CELL.match(cell)) else (b"", b"", b"")
            for cell in cells
        ]
        values: list[Cell] = [""] * len(cells)
        n_found = 0
        for kind in {self._kind(told) for told, _, _ in parts}:
            at, convert = (2, self._all["text"]) if kind == "inline" else (1, self._all[kind])
            places = [
                place
                for place, part in enumerate(parts)
                if part[at] and self._kinds[part[0]] == kind
            ]
            for place, value in zip(
                places, convert([parts[place][at] for place in places]), strict=True
            ):
                values[place] = value
            n_found += len(places)
        if n_found != sum(
            bool(value or text) for _, value, text in parts
        ):  # one that says it holds a text of its own, and does not
            raise NotPlainError
        return values, n_found

    def _kind(self, told: bytes) -> str:
        kind = self._kinds.get(told)
        if kind is None:
            kind = self._kinds[told] = self._kind_of(told.removesuffix(b"/"))
        return kind

    def _kind_of(self, told: bytes) -> str:
        known = dict(_ATTRIBUTE.findall(told))
        if b"".join(b' %s="%s"' % pair for pair in known.items()) != told or not known.keys() <= {
            b"s",
            b"t",
        }:
            raise NotPlainError
        kind = _KINDS.get(known.get(b"t", b"n"))
        if kind is None:
            raise NotPlainError
        return self._styled(int(known[b"s"])) if kind == "number" and b"s" in known else kind

    def _styled(self, style: int) -> str:
        """What a number of this style is: `duration`, `date` or `number`.

        The general reader is asked, so that both tell dates alike.
        """
        styles = self._package.part("xl/styles.xml")
        if styles is None:
            raise NotPlainError
        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(_sample(style, styles)))
            cell = book.get_sheet_by_index(0).to_python()[0][0]
        except CalamineError as error:
            raise NotPlainError from error
        return (
            "duration"
            if isinstance(cell, dt.timedelta)
            else "date"
            if isinstance(cell, dt.date)
            else "number"
        )


class _Strings:
    """The shared strings of a workbook."""

    def __init__(self, package: Package) -> None:
        self._package = package

    @cached_property
    def texts(self) -> list[str]:
        """All of them, by their number from 0."""
        content = self._package.part("xl/sharedStrings.xml") or b""
        if _is_foreign(content):
            raise NotPlainError
        texts: list[str] = []
        start = max(0, content.find(b"<si"))
        while content.find(b"<si", start) >= 0:
            cut = content.rfind(b"</si>", start, start + _PIECE) + 5
            cut = len(content) if cut < start + 5 else cut
            texts += _strings_in(content[start:cut].decode())
            start = cut
        return texts


def _strings_in(xml: str) -> list[str]:
    """The shared strings in a stretch of their XML."""
    n_strings = xml.count("<si>") + xml.count("<si/>")
    start, end = xml.find("<si><t>"), xml.rfind("</t></si>")
    is_plain = xml.count("<", start, end) == _TAGS * n_strings - 2
    texts = (
        xml[start + 7 : end].split("</t></si><si><t>") if is_plain else _PLAIN_STRING.findall(xml)
    )
    if len(texts) != n_strings:
        texts = [
            "".join(_TEXT.findall(_PHONETIC.sub("", text))) for text in _ANY_STRING.findall(xml)
        ]
    if len(texts) != n_strings:
        raise NotPlainError
    return (
        [_plain_text(text) for text in texts] if "&" in xml or "_x" in xml or "\r" in xml else texts
    )


_KINDS = {
    b"n": "number",
    b"s": "string",
    b"str": "text",
    b"inlineStr": "inline",
    b"b": "boolean",
    b"e": "error",
}
_BOOLEANS = (b"0", b"1")


class _Moments(dict[bytes, Cell]):
    """Number as written → the moment it stands for. Bounded."""

    def __init__(self, convert: Callable[[float], Cell]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, written: bytes) -> Cell:
        if len(self) > _REMEMBERED:
            self.clear()
        cell = self[written] = self._convert(*_to_numbers([written]))
        return cell


def _to_places(values: Sequence[bytes]) -> list[int]:
    """The numbers of shared strings."""
    together = b",".join(values)
    if together.translate(None, b"0123456789,"):
        raise ValueError
    places: list[int] = orjson.loads(b"[%s]" % together)
    return places


def _to_numbers(values: Sequence[bytes]) -> list[float]:
    if not _NUMBERS.fullmatch(b" ".join(values)):
        raise ValueError
    return list(map(float, values))


def _to_date(serial: float) -> Cell:
    """A date; with a time of day a date-time, below 1 a time of day alone."""
    days, rest = divmod(round(serial * _DAY_MS), _DAY_MS)
    if days not in _SERIALS and days != 0:
        raise ValueError
    moment = _EPOCH + dt.timedelta(days=days, milliseconds=rest)
    if days == 0:
        return moment.time()
    return moment if rest else moment.date()


def _to_duration(serial: float) -> Cell:
    return dt.timedelta(milliseconds=round(serial * _DAY_MS))


def _plain_text(xml: str) -> str:
    """Text as XML and Excel wrote it, with their escapes resolved."""
    if "\r" in xml:  # as it stands there; a carriage return that is meant is escaped
        xml = xml.replace("\r\n", "\n").replace("\r", "\n")
    if "&" in xml:
        xml = _REFERENCE.sub(_referred, xml)
    return _ESCAPE.sub(lambda found: _character(int(found[1], 16)), xml) if "_x" in xml else xml


def _referred(found: re.Match[str]) -> str:
    decimal, hexadecimal, name, _ = found.groups()
    if name:
        return _NAMED[name]
    return _character(int(decimal or hexadecimal or "", 10 if decimal else 16))


def _character(code: int) -> str:
    if 0xD800 <= code < 0xE000:
        raise NotPlainError
    return chr(code)


def _spaced(
    rows: Iterator[Sequence[Cell]], numbers: Sequence[int], last: int
) -> Iterator[Sequence[Cell]]:
    """The rows with these numbers, and blank ones for those between them and the last before."""
    for number, row in zip(numbers, rows, strict=True):
        yield from ((),) * (number - last - 1)
        yield row
        last = number


def _filled(xml: bytes | bytearray, start: int, end: int) -> int:
    """How many cells hold something."""
    return (
        xml.count(b"<v>", start, end)
        - xml.count(b"<v><", start, end)
        + len(_INLINE.findall(xml, start, end))
    )


def _is_foreign(xml: bytes | bytearray) -> bool:
    """True for XML with comments, CDATA, or in another encoding than UTF-8."""
    return b"<!" in xml or bool(_OTHER_ENCODING.search(xml, 0, 200))


def _index(column: bytes) -> int:
    return column_number(column.decode()) - 1


def _sample(style: int, styles: bytes | bytearray) -> bytes:
    """A workbook of one number in a given style."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in _SAMPLE.items():
            archive.writestr(path, content.replace("STYLE", str(style)))
        archive.writestr("xl/styles.xml", styles)
    return buffer.getvalue()


_SCHEMAS = "http://schemas.openxmlformats.org"
_MAIN, _RELATION = (
    f"{_SCHEMAS}/spreadsheetml/2006/main",
    f"{_SCHEMAS}/officeDocument/2006/relationships",
)


def _relations(**targets: str) -> str:
    told = (
        f'<Relationship Id="{kind}" Type="{_RELATION}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    namespace = f"{_SCHEMAS}/package/2006/relationships"
    return f'<Relationships xmlns="{namespace}">{"".join(told)}</Relationships>'


_SAMPLE = {
    "_rels/.rels": _relations(officeDocument="xl/workbook.xml"),
    "xl/_rels/workbook.xml.rels": _relations(worksheet="sheet.xml", styles="styles.xml"),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}">'
        '<sheets><sheet name="1" sheetId="1" r:id="worksheet"/></sheets></workbook>'
    ),
    "xl/sheet.xml": (
        f'<worksheet xmlns="{_MAIN}"><sheetData>'
        '<row r="1"><c r="A1" s="STYLE"><v>46328.5</v></c></row></sheetData></worksheet>'
    ),
}
