"""Open a dropped file and hand out its sheets.

python-calamine reads the cells (it is many times faster than openpyxl and never trusts `<dimension>`); csv is
decoded and split here. Every exception of a parser becomes a finding at this door.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.read import delimited
from fbbatch.read.limits import Limits

HEAD_ROWS = 40

Merged = tuple[int, int, int, int]


@dataclass(slots=True)
class Sheet:
    """One sheet. `head` holds its first rows; `rows()` all of them, once.

    `merged` areas are (top, left, bottom, right), 0-based. `torn` names the row (1-based) in which a text file
    breaks off; it is known when all rows have been taken.
    """

    name: str
    hidden: bool
    head: list[Sequence[Cell]]
    rest: Iterator[Sequence[Cell]]
    merged: list[Merged] = field(default_factory=list)
    torn: "delimited.Torn | None" = None

    def rows(self) -> Iterator[Sequence[Cell]]:
        """All rows from the first, blank ones included; can be taken once."""
        yield from self.head
        yield from self.rest


@dataclass(frozen=True, slots=True)
class Reading:
    """An opened file: its real kind (`xlsx`, `xls`, `xlsb`, `ods`, `csv`) and its sheets in order."""

    kind: str
    sheets: Iterable[Sheet]


def open_file(path: Path, limits: Limits, *, delimiter: str | None = None, encoding: str | None = None) -> Reading | Finding:
    """Open the file for reading, or say why it cannot be read.

    Args:
        path: the file.
        limits: how much is too much.
        delimiter: of a csv file, where a schema declares it.
        encoding: likewise.
    """
    size = path.stat().st_size
    if size == 0:
        return finding("FB-empty-file", size=size)
    if size > limits.file_bytes:
        return finding("FB-too-large", what="bytes", value=f"{size:,}", limit=f"{limits.file_bytes:,}")
    content = path.read_bytes()
    kind = _kind(content)
    match kind:
        case "ooxml" | "ods" | "xlsb":
            return _zip_trouble(content, limits) or _workbook(content, kind, limits)
        case "ole":
            if "EncryptedPackage".encode("utf-16-le") in content:
                return finding("FB-encrypted")
            return _workbook(content, "xls", limits)
        case "text":
            return _text(content, delimiter, encoding, limits)
        case _:
            return finding("FB-not-readable", found=kind)


def _kind(content: bytes) -> str:
    if content.startswith(b"PK\x03\x04"):
        return _zip_kind(content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "ole"
    for magic, name in (
        (b"%PDF", "PDF"),
        (b"\x89PNG", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF8", "GIF"),
        (b"{\\rtf", "RTF"),
        (b"Rar!", "RAR"),
        (b"7z\xbc\xaf", "7z"),
    ):
        if content[:1024].lstrip().startswith(magic):
            return name
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" not in content[:4096] or delimited.looks_utf16(content):
        head = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        return "HTML" if head.startswith((b"<!doctype html", b"<html")) else "XML" if head.startswith(b"<?xml") else "text"
    return "binary"


def _zip_kind(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if "xl/workbook.bin" in names:
                return "xlsb"
            if any(name.lower().replace("\\", "/") == "xl/workbook.xml" for name in names):
                return "ooxml"
            if "mimetype" in names and b"opendocument.spreadsheet" in archive.read("mimetype")[:100]:
                return "ods"
            return "docx" if "word/document.xml" in names else "ooxml" if "[Content_Types].xml" in names else "zip"
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        return "ooxml"


def _zip_trouble(content: bytes, limits: Limits) -> Finding | None:
    """What the directory of a zip already gives away: bombs, passwords, overlaps."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
        return finding("FB-broken", reason=type(error).__name__)
    if len(entries) > limits.zip_entries:
        return finding("FB-too-large", what="entries", value=len(entries), limit=limits.zip_entries)
    end = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.flag_bits & 1:
            return finding("FB-encrypted")
        if entry.header_offset < end:
            return finding("FB-broken", reason="overlapping entries")
        end = entry.header_offset + 30 + entry.compress_size
        if entry.file_size > limits.zip_part_bytes:
            return finding("FB-too-large", what=entry.filename, value=f"{entry.file_size:,}", limit=f"{limits.zip_part_bytes:,}")
        if entry.file_size > 102_400 and entry.file_size > limits.zip_ratio * max(1, entry.compress_size):
            return finding(
                "FB-too-large",
                what=entry.filename,
                value=f"{entry.file_size // max(1, entry.compress_size)}:1",
                limit=f"{limits.zip_ratio}:1",
            )
    total = sum(entry.file_size for entry in entries)
    if total > limits.zip_total_bytes:
        return finding("FB-too-large", what="unpacked", value=f"{total:,}", limit=f"{limits.zip_total_bytes:,}")
    return None


def _workbook(content: bytes, kind: str, limits: Limits) -> Reading | Finding:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    except PasswordError:
        return finding("FB-encrypted")
    except CalamineError as error:
        return finding("FB-broken", reason=_short(error))
    except Exception as error:
        return finding("FB-broken", reason=type(error).__name__)
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    if len(sheets) > limits.sheets:
        return finding("FB-too-large", what="sheets", value=len(sheets), limit=limits.sheets)
    return Reading(
        "xlsx" if kind == "ooxml" else kind,
        (_sheet(workbook, s.name, s.visible != SheetVisibleEnum.Visible) for s in sheets),
    )


def _sheet(workbook: CalamineWorkbook, name: str, hidden: bool) -> Sheet:
    sheet = workbook.get_sheet_by_name(name)
    left = sheet.start[1] if sheet.start else 0
    rows: Iterator[Sequence[Cell]] = iter(sheet.iter_rows())
    if left:
        rows = ([None] * left + row for row in rows)  # type: ignore[operator]
    merged = [(top, first, bottom, last) for (top, first), (bottom, last) in sheet.merged_cell_ranges or ()]
    return Sheet(name, hidden, list(islice(rows, HEAD_ROWS)), rows, merged)


def _text(content: bytes, delimiter: str | None, encoding: str | None, limits: Limits) -> Reading | Finding:
    text = delimited.decode(content, encoding)
    if isinstance(text, Finding):
        return text
    torn = delimited.Torn()
    rows = delimited.split(text, delimiter, torn)
    head: list[Sequence[Cell]] = list(islice(rows, HEAD_ROWS))
    return Reading("csv", [Sheet("", False, head, rows, torn=torn)])


def _short(error: Exception) -> str:
    """A parser's own words, cut short and without anything that could be a cell's content."""
    return str(error).split("'")[0].split('"')[0].strip(" :")[:80] or type(error).__name__
