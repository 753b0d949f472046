"""Open what was dropped and hand out what stands in it.

What a file is, its content decides, not its name.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.read import csv_rows, encodings
from fbbatch.read.json_rows import read_json
from fbbatch.read.limits import Limits
from fbbatch.read.mail import looks_like_mail, read_mail
from fbbatch.read.ooxml import PROBLEMS
from fbbatch.read.outlook import is_outlook, read_outlook
from fbbatch.read.paper import Letter, Paper, Part
from fbbatch.read.pdf_form import read_pdf
from fbbatch.read.plain_text import read_chat, read_note
from fbbatch.read.sheet import HEAD_ROWS, Reading, Sheet, sheet_of
from fbbatch.read.webpage import read_tables
from fbbatch.read.word_form import read_word
from fbbatch.read.workbook import open_workbook
from fbbatch.read.workbook_paths import main_part, with_usual_paths
from fbbatch.read.zip_files import examine, read_zip

Opened = Reading | Letter | list[Part] | Finding

_MAGIC = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"{\\rtf", "RTF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"ID3", "MP3"),
    (b"OggS", "OGG"),
    (b"RIFF", "media"),
    (b"#!AMR", "media"),
    (b"fLaC", "media"),
    (b"\x1aE\xdf\xa3", "media"),
    (b"\x30\x26\xb2\x75", "media"),
)
_BEGIN_LIKE_WORDS = frozenset({"BMP", "MP3", "media"})
"""What begins with two or three letters is a text, unless a NUL follows."""
_OLE = (("WordDocument", "doc"), ("PowerPoint Document", "ppt"), ("__substg1.0_", "msg"))
_JSON = re.compile(r'\s*(?:\[\s*(?:[\[{"\]]|\Z)|\{\s*(?:["}]|\Z))')


@dataclass(frozen=True, slots=True)
class Hints:
    """What a schema declares about its text files.

    These are the delimiter and encoding of csv files and the line pattern of chats.
    """

    delimiter: str | None = None
    encoding: str | None = None
    lines: str | None = None


_NO_HINTS = Hints()


def open_content(
    content: bytes, limits: Limits, hints: Hints = _NO_HINTS, *, second: bool = False
) -> Opened:
    """What stands in a file.

    Args:
        content: its bytes.
        limits: how much is too much.
        hints: what the schema of its folder declares.
        second: a workbook is left to the second reader, for the first has died of the file.

    Returns:
        Sheets or a written document (`Reading`), a mail (`Letter`), the files in a zip, or why it
        cannot be read.
    """
    if not content:
        return finding("FB-empty-file", size=0)
    if len(content) > limits.file_bytes:
        return limits.over("file_bytes", len(content))
    kind = kind_of(content)
    match kind:
        case "xlsx" | "ods" | "xlsb" | "docx":
            return _package(content, kind, limits, second=second)
        case "zip":
            return read_zip(content, limits)
        case "xls":
            if "EncryptedPackage".encode("utf-16-le") in content:
                return finding("FB-encrypted")
            return open_workbook(content, "xls", limits, second=second)
        case "pdf":
            return _paper(kind, read_pdf(content, limits))
        case "mail":
            return read_mail(content, limits)
        case "msg":
            return read_outlook(content, limits)
        case "text" | "html":
            return _text(content, kind, hints, limits)
        case _:
            return finding("FB-not-readable", found=kind)


def _package(content: bytes, kind: str, limits: Limits, *, second: bool) -> Opened:
    """An Office package, once it is known to be safe."""
    parts = examine(content, limits)
    if isinstance(parts, Finding):
        return parts
    if kind == "docx":
        return _paper(kind, read_word(content, limits))
    if kind != "ods" and not _has_usual_paths(content):
        try:
            content, parts = with_usual_paths(content, main_part(content)), {}
        except PROBLEMS:
            return finding("FB-broken", reason="zip")
    return open_workbook(content, kind, limits, parts, second=second)


def _has_usual_paths(content: bytes) -> bool:
    """Whether readers find the workbook of a package; of a damaged one, they say so themselves."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {name.lower().replace("\\", "/") for name in archive.namelist()}
    except PROBLEMS:
        return True
    return bool(names & {"xl/workbook.xml", "xl/workbook.bin"}) or not main_part(content)


def kind_of(content: bytes) -> str:
    """The kind of a file by its content; `binary` for what nobody here knows."""
    if content.startswith(b"PK\x03\x04"):
        return _zip_kind(content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole_kind(content)
    head = content[:1024].lstrip()
    name = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    if name and not (name in _BEGIN_LIKE_WORDS and b"\x00" not in head[:16]):
        return name
    if b"%PDF-" in content[:1024]:
        return "pdf"
    if content[4:8] == b"ftyp":
        return "MP4"
    if (
        content[:2] in {b"\xff\xfe", b"\xfe\xff"}
        or b"\x00" not in content[:4096]
        or encodings.looks_utf16(content)
    ):
        return _text_kind(content)
    return "binary"


def _text_kind(content: bytes) -> str:
    head = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html", b"<table", b"<meta")):
        return "html"
    if head.startswith(b"<?xml"):
        return "html" if b"<html" in head else "XML"
    return "mail" if looks_like_mail(content) else "text"


def _ole_kind(content: bytes) -> str:
    """The kind of a compound file.

    A mail is asked for first: what is attached to it may have the streams of all others.
    """
    if is_outlook(content):
        return "msg"
    if any(
        name.encode("utf-16-le") in content for name in ("Workbook", "Book\0", "EncryptedPackage")
    ):
        return "xls"
    return next((kind for name, kind in _OLE if name.encode("utf-16-le") in content), "xls")


def _zip_kind(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {name.lower().replace("\\", "/") for name in archive.namelist()}
            if "xl/workbook.bin" in names:
                return "xlsb"
            if "xl/workbook.xml" in names:
                return "xlsx"
            if "mimetype" in names:
                with archive.open("mimetype") as entry:
                    told = entry.read(100)
                if b"opendocument." in told:
                    return "ods" if b"spreadsheet" in told else "OpenDocument"
            if "[content_types].xml" not in names:
                return "zip"
            if "ppt/presentation.xml" in names:
                return "pptx"
            if main := main_part(content):
                return "xlsb" if main.endswith(".bin") else "xlsx"
            return "docx"
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        KeyError,
        zlib.error,
    ):
        return "xlsx"


def _paper(kind: str, paper: Paper | Finding) -> Opened:
    return (
        paper if isinstance(paper, Finding) else Reading(kind, paper=paper, identity=paper.identity)
    )


def _text(content: bytes, kind: str, hints: Hints, limits: Limits) -> Opened:
    read = encodings.decoded(content, hints.encoding)
    if isinstance(read, Finding):
        return read
    opened = _page(read.text) if kind == "html" else _written(read, hints, limits)
    if isinstance(opened, Reading):
        return replace(opened, findings=(*opened.findings, *read.findings()))
    return opened


def _page(text: str) -> Reading | Finding:
    tables = read_tables(text)
    sheets = [sheet_of(f"#{n}", rows) for n, rows in enumerate(tables, 1)]
    return Reading("html", sheets) if sheets else finding("FB-not-readable", found="HTML")


def _written(read: encodings.Decoded, hints: Hints, limits: Limits) -> Reading | Finding:
    """A chat, records in JSON, a table or a note."""
    text = read.text
    if hints.lines and (chat := read_chat(text, hints.lines)):
        return Reading("txt", [sheet_of("", [chat[0], *chat[1]])])
    if _JSON.match(text):
        records = read_json(text, limits)
        if not isinstance(records, Finding):
            return Reading("json", [sheet_of("", [records[0], *records[1]])])
        if not hints.delimiter:
            return records
    return _table_or_note(text, hints, limits, csv_rows.Torn(is_cut=read.is_cut))


def _table_or_note(
    text: str, hints: Hints, limits: Limits, torn: csv_rows.Torn
) -> Reading | Finding:
    """A text may be a table or a note; which of them it is, the schemas decide."""
    rows = csv_rows.split(text, hints.delimiter, torn, line_bytes=limits.csv_line_bytes)
    note = read_note(text, limits) if len(text) <= limits.paper_chars else None
    try:
        head: list[Sequence[Cell]] = list(islice(rows, HEAD_ROWS))
    except csv.Error:
        return limits.over("csv_line_bytes", limits.csv_line_bytes + 1)
    return Reading(
        "csv",
        [Sheet("", False, head, rows, torn=torn)],
        None if isinstance(note, Finding) else note,
    )
