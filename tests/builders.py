"""What tests are made of: files from Markdown tables, workspaces, runs. All people, numbers and products are invented."""

import atexit
import contextlib
import csv
import dataclasses
import datetime as dt
import hashlib
import io
import json
import os
import re
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import deepcopy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import docx
import pytest
import xlsxwriter
from lxml import etree

from fbbatch import batch
from fbbatch.batch import RunResult
from fbbatch.cli.setup import lay_out
from fbbatch.errors import InvalidSetupError
from fbbatch.judge import FileToJudge, Hearing, Judge, RowJudge, Setup
from fbbatch.ledger import Ledger
from fbbatch.messages import HeardRows, PartHead, Refusal, SetAside, SheetHead
from fbbatch.model import LANGUAGES, Cell, Classification, Finding
from fbbatch.read import Limits
from fbbatch.schema import Book, Layout, SchemaModel, identify, load_book
from fbbatch.schema.strict_yaml import parse
from fbbatch.settings import load_settings
from fbbatch.validate import Checked, Checker
from fbbatch.validate.parsers import Parsers
from fbbatch.workspace import Workspace, open_workspace
from tests.ole import compound_file

REPOSITORY = Path(__file__).parents[1]
RECEIVED = dt.datetime(2026, 11, 22, 23, 0, tzinfo=ZoneInfo("Asia/Taipei"))

CUSTOMER = "| 姓名 | 电话 | 反馈日期 | 产品名称 | 型号 | 问题描述 | 使用场景 |"
"""The header of a customer's questionnaire: exactly the seven columns that the regulation names (3.1.1b-h)."""

GOOD = "| 王小明 | 13800001111 | 2026-11-05 | 智能音箱 | X-1 | 蓝牙经常断开，需要重新配对 | 客厅 |"

Grid = list[list[Cell]]

EACH_LANGUAGE = [
    language if language == "zh-Hant" else pytest.param(language, marks=pytest.mark.slow)
    for language in LANGUAGES
]
"""For parametrize: what goes through the whole house; quick in the language of most workspaces."""

CASE_FORMS = (
    "escalation",
    "impact",
    "assignment",
    "measures",
    "inspection",
    "coordination",
    "result",
    "verification",
    "reply",
    "satisfaction",
)
"""The forms about a case, in the order of the regulation; test_closed_loop holds them against the process."""


# --- tables --------------------------------------------------------------------------------------------------


def cells(markdown: str) -> Grid:
    """The cells of a Markdown table: empty ones are None; `date:2026-11-05`, `date:2026-11-05 14:30`, `num:1.5` are typed, `\\n` is a break."""
    rows = [line.strip().strip("|").split("|") for line in markdown.strip().splitlines()]
    return [
        [_cell(text.strip()) for text in row] for row in rows if not set("".join(row)) <= set("- :")
    ]


def _cell(text: str) -> Cell:
    if not text:
        return None
    kind, _, rest = text.partition(":")
    if kind == "date":
        moment = dt.datetime.fromisoformat(rest)
        return moment if " " in rest else moment.date()
    if kind == "num":
        return float(rest)
    return text.replace("\\n", "\n")


def people(number: int, *, header: str = CUSTOMER) -> str:
    """A questionnaire of so many different good answers."""
    rows = [
        f"| 客户{n:03d} | 139{n:08d} | 2026-11-05 | 智能音箱 | X-1 | 第{n}台蓝牙经常断开，需要重新配对 | 客厅 |"
        for n in range(1, number + 1)
    ]
    return "\n".join([header, *rows])


def sheet(
    markdown: str | Grid,
    *,
    name: str = "Sheet1",
    above: Sequence[Sequence[Cell]] = (),
    merged: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A real .xlsx with one sheet; `above` are rows over the table, `merged` pairs of (area such as A1:B2, text)."""
    return workbook(
        {name: [*map(list, above), *(cells(markdown) if isinstance(markdown, str) else markdown)]},
        merged=merged,
    )


def workbook(
    sheets: Mapping[str, str | Grid],
    *,
    merged: Sequence[tuple[str, str]] = (),
    hidden: Iterable[str] = (),
) -> bytes:
    """A real .xlsx with several sheets."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": dt.datetime(2026, 11, 20)})
    day, moment = (
        book.add_format({"num_format": "yyyy-mm-dd"}),
        book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
    )
    for name, content in sheets.items():
        page = book.add_worksheet(name)
        for row, values in enumerate(cells(content) if isinstance(content, str) else content):
            for column, value in enumerate(values):
                if isinstance(value, dt.datetime):
                    page.write_datetime(row, column, value, moment)
                elif isinstance(value, dt.date):
                    page.write_datetime(row, column, dt.datetime.combine(value, dt.time()), day)
                elif isinstance(value, bool):
                    page.write_boolean(row, column, value)
                elif isinstance(value, int | float):
                    page.write_number(row, column, value)
                elif value:
                    page.write_string(row, column, str(value))
        for area, text in merged:
            page.merge_range(area, text)
        if name in hidden:
            page.hide()
    book.close()
    return buffer.getvalue()


def delimited(markdown: str | Grid, *, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """A delimited text file."""
    text = io.StringIO(newline="")
    rows = cells(markdown) if isinstance(markdown, str) else markdown
    csv.writer(text, delimiter=delimiter).writerows(
        [["" if c is None else str(c) for c in row] for row in rows]
    )
    return text.getvalue().encode(encoding)


def ods(markdown: str) -> bytes:
    """A minimal OpenDocument spreadsheet, written by hand."""
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(str(c or ""))}</text:p></table:table-cell>'
            for c in row
        )
        + "</table:table-row>"
        for row in cells(markdown)
    )
    names = ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    names += ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"'
    body = f'<office:body><office:spreadsheet><table:table table:name="Sheet1">{rows}</table:table></office:spreadsheet></office:body>'
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names}>{body}</office:document-content>',
        )
    return buffer.getvalue()


_BIFF_ERRORS: dict[Cell, int] = {
    "#NULL!": 0x00,
    "#DIV/0!": 0x07,
    "#VALUE!": 0x0F,
    "#REF!": 0x17,
    "#NAME?": 0x1D,
    "#NUM!": 0x24,
    "#N/A": 0x2A,
}


def xls(table: Grid, *, date_1904: bool = False) -> bytes:
    """A minimal .xls: one sheet of texts, numbers, dates and error values (texts such as `#N/A`) in a compound file."""

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def text(value: str, length: str) -> bytes:
        return struct.pack(length, len(value)) + b"\x01" + value.encode("utf-16-le")

    def stream(offset: int) -> bytes:
        bof, eof = struct.pack("<HHHHII", 0x0600, 5, 0, 1997, 0, 6), record(0x0A, b"")
        bound = record(0x85, struct.pack("<IBB", offset, 0, 0) + text("Sheet1", "<B"))
        looks = b"".join(
            record(0xE0, struct.pack("<HH16x", 0, number_format)) for number_format in (0, 14)
        )
        start = (
            record(0x809, bof)
            + record(0x42, struct.pack("<H", 1200))
            + record(0x22, struct.pack("<H", date_1904))
            + looks
            + bound
            + eof
        )
        body = record(0x809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 1997, 0, 6))
        for r, row in enumerate(table):
            for c, value in enumerate(row):
                place = struct.pack("<HHH", r, c, 0)
                if value in _BIFF_ERRORS:
                    body += record(0x205, place + bytes([_BIFF_ERRORS[value], 1]))
                elif isinstance(value, float):
                    body += record(0x203, place + struct.pack("<d", value))
                elif isinstance(value, dt.date):
                    days = (
                        value.toordinal()
                        - dt.date(*((1904, 1, 1) if date_1904 else (1899, 12, 30))).toordinal()
                    )
                    body += record(0x203, struct.pack("<HHHd", r, c, 1, days))
                elif value:
                    body += record(0x204, place + text(str(value), "<H"))
        return start + body + eof if offset else struct.pack("<I", len(start))

    content = stream(struct.unpack("<I", stream(0))[0])
    return compound_file({"Workbook": content.ljust(4096, b"\0")})


def zipped(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file; the same time in all of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 0, 0, 0)), content, method)
    return buffer.getvalue()


def repacked(content: bytes, /, **edits: Callable[[str], str]) -> bytes:
    """An Office file with parts edited as text: `sheet1=lambda xml: …` edits the part whose file name begins with `sheet1.`."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in parts:
        if edit := edits.pop(name.rpartition("/")[2].partition(".")[0], None):
            parts[name] = edit(parts[name].decode()).encode()
    assert not edits, edits
    return zipped(parts)


def word(*blocks: str | Sequence[Sequence[str]]) -> bytes:
    """A Word file made with python-docx: texts are paragraphs, lists of rows are tables."""
    document = docx.Document()
    for block in blocks:
        if isinstance(block, str):
            document.add_paragraph(block)
            continue
        table = document.add_table(len(block), max(map(len, block)))
        for row, texts in zip(table.rows, block, strict=True):
            for cell, text in zip(row.cells, texts, strict=False):
                cell.text = text
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def mail(
    body: str = "",
    *,
    subject: str = "",
    sender: str = "王小明 <wang@example.com>",
    date: str | None = "Thu, 05 Nov 2026 10:30:00 +0800",
    files: Mapping[str, bytes] | None = None,
    **headers: str,
) -> bytes:
    """A mail as mailers write it; `files` are attached, further headers have `_` for `-`."""
    message = EmailMessage()
    told = {
        "From": sender,
        "To": "feedback@example.com",
        "Subject": subject,
        "Date": date,
        "Message-ID": "<1@example.com>",
        **headers,
    }
    for name, value in told.items():
        if value is not None:
            message[name.replace("_", "-")] = value
    message.set_content(body)
    for name, content in (files or {}).items():
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name
        )
    return message.as_bytes()


def columns_of(page: Any, row: int) -> list[Any]:
    """The values of one row of an openpyxl sheet."""
    return [cell.value for cell in page[row]]


# --- schemas -------------------------------------------------------------------------------------------------


def schema(fields: str, **attributes: Any) -> SchemaModel:
    """A source schema from the YAML list of its fields, each `{id: …, zh: …}`; `zh` is short for the label."""
    listed = parse(fields, "fields.yaml").content
    for one in listed:
        word = one.pop("zh", one["id"])
        one.setdefault("label", {"zh-Hant": word, "en": one["id"]})
    content = {
        "id": "customer",
        "title": {"zh-Hant": "表", "en": "Form"},
        "fields": listed,
        **attributes,
    }
    return SchemaModel.model_validate(content)


def problems(schemas: Path, language: str = "en") -> list[str]:
    """Why a folder of schemas is refused, a line a problem."""
    with pytest.raises(InvalidSetupError) as refused:
        load_book(schemas, language)
    return refused.value.problems


def layout_of(fields: str, header: Sequence[str] | None = None, **attributes: Any) -> Layout:
    """The layout of a sheet with the header (default: every field's label, in order)."""
    model = schema(fields, **attributes)
    found = identify([header or [f.label["zh-Hans"] for f in model.fields]], [model], sheet="S")
    assert isinstance(found, Layout), found
    return found


def checked(
    book: Book,
    fields: str,
    rows: Sequence[Sequence[Cell]],
    *,
    language: str = "zh-Hans",
    merged: Any = (),
    **attributes: Any,
) -> Checked:
    """Rows checked against fields; the header stands in row 1, so the first row is row 2."""
    layout = layout_of(fields, **attributes)
    checker = Checker(layout, book, received=RECEIVED, language=language, merged=merged)
    return checker.check(rows, range(2, 2 + len(rows)), "S")


def told(findings: Iterable[Finding]) -> list[tuple[str, int | None, str | None]]:
    """Findings as a table of (code, row, field)."""
    return [(f.code, f.row, f.field) for f in findings]


# --- judging and running -------------------------------------------------------------------------------------


@dataclasses.dataclass
class Judged:
    """What the judge says about one file: accepted rows as dictionaries, row numbers that go back, findings."""

    accepted: list[dict[str, Any]]
    returned: list[int]
    findings: list[Finding]
    failed: str | None
    schema: str | None
    aside: list[list[Any]] = dataclasses.field(default_factory=list)
    parts: dict[str, "Judged"] = dataclasses.field(default_factory=dict)

    @property
    def told(self) -> list[tuple[str, int | None, str | None]]:
        return told(self.findings)


def judge(
    book: Book,
    tmp_path: Path,
    content: bytes,
    *,
    folder: str | None = "customer",
    limits: Limits | None = None,
    name: str = "a",
) -> Judged:
    """Judge one file in this process, without a worker and without a workspace."""
    path = tmp_path / name
    path.write_bytes(content)
    setup = Setup(book, limits or Limits(), RECEIVED, "zh-Hans")
    told = whole = Judged([], [], [], None, None)
    hearing = Hearing()
    for frame in Judge(setup).frames(FileToJudge(path, folder)):
        message = hearing.message(frame)
        match message:
            case PartHead():
                told = whole.parts[message.name] = Judged([], [], [], None, None)
            case Refusal(reason):
                told.failed = reason.code
            case SheetHead():
                told.schema = message.schema
            case HeardRows():
                told.accepted.extend(
                    {**row._asdict(), "answers": json.loads(row.answers)}
                    for row in message.rows.each()
                )
                told.returned.extend(row for row, _ in message.returned)
            case SetAside():
                told.aside.extend(json.loads(cells) for _, cells in message.rows)
        told.findings.extend(getattr(message, "findings", ()))
    return whole


_LAID_OUT: dict[str, Path] = {}


new_database: Callable[[str], str] | None = None
"""Gives the URL of a database, a copy of another or empty; None: each workspace has its own file."""


def workspace(folder: Path, locale: str = "zh-Hans", **settings: Any) -> Path:
    """A workspace laid out as `fbbatch init` does; files are taken at once, by one worker."""
    if new_database:
        settings = {"database": new_database(""), **settings}
    place = folder / "workspace"
    if locale not in _LAID_OUT:
        pattern = Path(tempfile.mkdtemp(prefix="fbbatch-tests-"))
        atexit.register(shutil.rmtree, pattern, ignore_errors=True)
        mask = os.umask(0o077)  # as every command does
        lay_out(pattern / "workspace", locale)
        os.umask(mask)
        _LAID_OUT[locale] = pattern / "workspace"
    shutil.copytree(_LAID_OUT[locale], place)
    file = place / "fbbatch.yaml"
    text = file.read_text(encoding="utf-8")
    for key, value in {"jobs": 1, "settle_seconds": 0, **settings}.items():
        text = re.sub(rf"^{key}:.*\n", "", text, flags=re.MULTILINE) + f"{key}: {value}\n"
    file.write_text(text, encoding="utf-8")
    return place


def copied(place: Path, to: Path) -> Path:
    """A copy of a workspace with its ledger."""
    shutil.copytree(place, to)
    if new_database:
        file = to / "fbbatch.yaml"
        text = file.read_text(encoding="utf-8")
        old = load_settings(to, environment={}).database
        file.write_text(text.replace(str(old), new_database(str(old))), encoding="utf-8")
    return to


def edit(place: Path, name: str, *changes: tuple[str, str]) -> None:
    """Replace the first of each text in a file of a workspace."""
    path = place / name
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def drop(place: Path, name: str, content: bytes) -> Path:
    """Put a file into the inbox."""
    path = place / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def moment(place: Path, as_of: str) -> dt.datetime:
    """A date as the run time of that day in the workspace's zone."""
    zone = load_settings(place, environment={}).zone
    return dt.datetime.combine(dt.date.fromisoformat(as_of), dt.time(23), zone)


_SHOPS: dict[bytes, Workspace] = {}


def shop_of(place: Path) -> Workspace:
    """The workspace, read and checked; the same YAML is read once for all tests."""
    settings = load_settings(place, environment={})
    digest = hashlib.sha256()
    for path in sorted((*place.glob("schemas/**/*.yaml"), *place.glob("templates/*"))):
        digest.update(str(path.relative_to(place)).encode() + path.read_bytes())
    first = _SHOPS.get(digest.digest()) or open_workspace(place, settings)
    _SHOPS[digest.digest()] = first
    shop = dataclasses.replace(first, folder=place, settings=settings)
    vars(shop)["printed"] = first.printed  # it depends on the YAML only
    return shop


@cache
def _empty_ledger() -> bytes:
    """What a ledger is before the first run; all its tables are made once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        Ledger(file).close()
        return file.read_bytes()


_DOORS = ("inbox", "archive", "outbox", ".fbbatch")


def _begin(shop: Workspace) -> None:
    """Give a workspace in which nothing has been run its empty ledger, as a database of its own has one.

    None where a door is shut, for then the run must not make one either. Whoever is second, of
    several that begin at once, leaves it alone.
    """
    file = shop.ledger_file
    if shop.settings.database or file.exists() or any(shop.folder.glob("outbox/2*")):
        return
    if all(os.access(shop.folder / name, os.W_OK) for name in _DOORS):
        copy = file.with_name(f"ledger.{os.getpid()}.tmp")
        copy.touch(0o600)
        copy.write_bytes(_empty_ledger())
        with contextlib.suppress(FileExistsError):
            os.link(copy, file)
        copy.unlink()


def run(place: Path, as_of: str = "2026-11-20", **options: Any) -> RunResult:
    """One run of the batch in this process."""
    shop = shop_of(place)
    _begin(shop)
    time = moment(place, as_of)
    return batch.run(shop, time, now=time, **{"progress": lambda *_: None, **options})


_NIGHTS: dict[Hashable, tuple[Path, RunResult]] = {}


def first_night(
    folder: Path,
    files: Mapping[str, bytes],
    as_of: str = "2026-11-20",
    locale: str = "zh-Hans",
    *,
    laid_in: Callable[[Path], None] = lambda _: None,
    **settings: Any,
) -> tuple[Path, RunResult]:
    """A workspace after the first run, in which these files were taken, and that run; made once, then copied.

    `laid_in` lays further files into the workspace before.
    """
    key = (locale, as_of, tuple(files.items()), laid_in, tuple(settings.items()))
    if key not in _NIGHTS:
        place = workspace(Path(tempfile.mkdtemp(dir=_home())), locale, **settings)
        laid_in(place)
        for name, content in files.items():
            drop(place, name, content)
        _NIGHTS[key] = (place, run(place, as_of))
    made, result = _NIGHTS[key]
    assert result.folder is not None
    place = copied(made, folder / "workspace")
    issued = place / result.folder.relative_to(made)
    return place, result._replace(manifest=deepcopy(result.manifest), folder=issued)


@cache
def _home() -> str:
    home = tempfile.mkdtemp(prefix="fbbatch-nights-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def rehearse(
    place: Path, as_of: str = "2026-11-20", files: Sequence[Path] | None = None
) -> RunResult:
    """A rehearsal (`check`, `run --dry-run`)."""
    shop = shop_of(place)
    time = moment(place, as_of)
    return batch.rehearse(shop, time, now=time, files=files, progress=lambda *_: None)


def counts(result: RunResult) -> tuple[int, int, int, int, int]:
    """(rows, accepted, returned, duplicate, set aside) of a run; checks that they balance for every file and in total."""
    for one in (*result.manifest["files"], result.manifest["counts"]):
        assert (
            one["rows"] == one["accepted"] + one["returned"] + one["duplicate"] + one["set_aside"]
        ), one
    total = result.manifest["counts"]
    assert all(
        total[n] == sum(f[n] for f in result.manifest["files"])
        for n in ("rows", "accepted", "returned", "duplicate", "set_aside")
    )
    return (
        total["rows"],
        total["accepted"],
        total["returned"],
        total["duplicate"],
        total["set_aside"],
    )


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Every entry below the folder with its mode and the sha256 of its bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")] = (
            path.lstat().st_mode,
            digest,
        )
    return found


def codes(result: RunResult) -> list[tuple[str, int | None, str | None]]:
    """The findings of a run as a table of (code, row, field)."""
    return [
        (f["code"], f["row"], f["field"])
        for file in result.manifest["files"]
        for f in file["findings"]
    ]


@dataclasses.dataclass(frozen=True)
class Ruled:
    """What the rules say of one answer sheet: its classification, and who handles it by when."""

    classification: Classification
    department: str
    cooperating: tuple[str, ...]
    escalations: tuple[str, ...]
    rule: str
    due_on: str | None


def ruled(
    book: Book,
    description: str,
    *,
    source: str = "customer",
    received: dt.datetime = RECEIVED,
    **answers: Any,
) -> Ruled:
    """Classify and assign one piece of feedback by the rules of the book."""
    columns = {name: [value] for name, value in {"description": description, **answers}.items()}
    ((ruling,), (judged,)) = _compiled(book, received).rule(columns, 1, source)
    details = json.loads(ruling.details)
    return Ruled(
        judged,
        ruling.department,
        tuple(details.get("cooperating", ())),
        tuple(details.get("escalations", ())),
        details["rule"],
        ruling.due_on,
    )


_COMPILED: dict[tuple[int, dt.datetime], tuple[Book, RowJudge]] = {}


def _compiled(book: Book, received: dt.datetime) -> RowJudge:
    """A judge is costly to make; one for each book and time is kept."""
    key = (id(book), received)
    if key not in _COMPILED:
        _COMPILED[key] = (book, RowJudge(Setup(book, Limits(), received, "zh-Hans")))
    return _COMPILED[key][1]


# --- forms that come back ------------------------------------------------------------------------------------

_WORDML = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def unpacked(content: bytes) -> dict[str, bytes]:
    """The parts of an Office file by name, in their order."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def fill(content: bytes, values: Mapping[str, object]) -> bytes:
    """A Word form with answers typed into its blanks, as a person does: the cell that `fb_<name>` marks says this and nothing else."""
    parts = unpacked(content)
    root = etree.fromstring(parts["word/document.xml"])
    marks = {
        str(mark.get(f"{_WORDML}name")).removeprefix("fb_"): mark
        for mark in root.iter(f"{_WORDML}bookmarkStart")
    }
    assert not set(values) - set(marks), set(values) - set(marks)
    for name, value in values.items():
        paragraph = next(marks[name].iterancestors(f"{_WORDML}p"))
        for run in list(paragraph.iter(f"{_WORDML}r")):
            run.getparent().remove(run)
        etree.SubElement(etree.SubElement(paragraph, f"{_WORDML}r"), f"{_WORDML}t").text = str(
            value
        )
    return zipped(
        parts
        | {
            "word/document.xml": etree.tostring(
                root, xml_declaration=True, encoding="UTF-8", standalone=True
            )
        }
    )


def examples(book: Book, kind: str, day: str, language: str = "zh-Hant") -> dict[str, Any]:
    """The examples of a form in a language, by the names of its blanks; every date is the day."""
    form = book.schema(kind)
    assert form is not None, kind
    told: dict[str, Any] = {}
    parsers = Parsers(book, language, None)
    for field in form.fields:
        example = parsers.example(field)
        if isinstance(example, list):
            for number, row in enumerate(example, 1):
                told |= {
                    f"{field.id}_{number}_{c.id}": day if c.type == "date" else row[c.id]
                    for c in field.fields
                    if c.id in row
                }
        elif field.type == "date":
            told[field.id] = day
        elif example not in {None, ""}:
            told[field.id] = example
    return told
