"""The format-neutral content of a document: what it says, in what order; not how it looks."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CellValue = str | int | float | dt.date | dt.datetime | None


@dataclass(frozen=True, slots=True)
class Heading:
    """A numbered or plain heading; level 1 or 2."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. `style`: normal, right, centre, small, strong."""

    text: str
    style: str = "normal"


class Pair(NamedTuple):
    """A label and its value.

    `blank` is the field id that a person fills in here (a bookmark marks it). `given`: the blank
    holds its answer already and is not to be changed. `options` are printed as the value: □ for
    each, ☑ where it holds. `lines` is the height of a blank. `kind` is what a workbook expects in
    it: text, date.
    """

    label: str
    value: str = ""
    wide: bool = False
    blank: str | None = None
    lines: int = 1
    options: tuple[tuple[str, bool], ...] = ()
    given: bool = False
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Grid:
    """Label–value pairs in four columns; wide ones take the whole row."""

    pairs: tuple[Pair, ...]


class Column(NamedTuple):
    """A table's column.

    `weight` is its share of the width; `align`: left, center, right; `kind` is for workbooks.
    `options` go into a drop-down of its cells.
    """

    header: str
    weight: float = 1
    align: str = "left"
    kind: str = "text"  # text, date, datetime, integer, number, percent
    group: str = ""
    printed: bool = True
    id: str = ""
    editable: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a header row.

    `marks` names rows (0-based) to be set off: severe, total, good, soft.

    `blank` is the id of a form's table field: then every cell is to be filled in, row n and column
    id marked `fb_<blank>_<n>_<column id>` (n from 1); a column without an id is printed only.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[CellValue, ...], ...]
    title: str = ""
    empty: str = ""
    marks: Mapping[int, str] = field(default_factory=dict)
    blank: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A question answered by ticking: □ for each option, ☑ where it holds."""

    label: str
    options: tuple[tuple[str, bool], ...]
    blank: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart of the workbook's own cells: rows of a table's first column against others."""

    title: str
    table: str
    series: tuple[int, ...]
    kind: str = "column"
    stacked: bool = False
    colours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A remark in small letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Signatures:
    """A line of blanks to sign; the batch never signs."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageBreak:
    """The next block begins on a new page."""


Block = Heading | Text | Grid | Table | Choice | Note | Signatures | PageBreak


@dataclass(frozen=True, slots=True)
class Document:
    """A document for Word and PDF; a form for Excel, too.

    `identity` holds what a form must carry to be recognised when it comes back (`form`, `version`,
    `case`, `issue`, `department`, `code`); `foot` is what of it people see, at the end of the text
    and at the foot of each page.
    """

    kind: str
    title: str
    number: str
    company: str
    language: str
    date: dt.date
    blocks: tuple[Block, ...]
    form_number: str = ""
    subtitle: str = ""
    landscape: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)
    foot: str = ""


@dataclass(frozen=True, slots=True)
class WorkSheet:
    """A sheet of a workbook.

    It has title lines, one or more tables one under the other, charts, signatures and notes.
    """

    name: str
    title: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...] = ()
    signatures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    landscape: bool = True
    freeze: bool = True


@dataclass(frozen=True, slots=True)
class WorkBook:
    """A document for Excel.

    `identity` goes onto a hidden sheet, with the header row and the column ids of the first table.
    `foot` is what people see of it: above each table that may be edited, and at the foot of each
    page.
    """

    kind: str
    title: str
    company: str
    language: str
    date: dt.date
    sheets: tuple[WorkSheet, ...]
    form_number: str = ""
    identity: Mapping[str, str] = field(default_factory=dict)
    foot: str = ""


class RegisterColumn(NamedTuple):
    """A column of a register.

    `id` is the field's; `mark` follows the header (` *`). `kind`: text, date, datetime, integer,
    number. `width` in characters. `options` go into a drop-down; `low` and `high` bound a number.
    `closed`: nothing else is valid, so Excel refuses it; otherwise it only asks. `prompt` appears
    beside a chosen cell, `error` with a refusal.
    """

    id: str
    header: str
    mark: str = ""
    kind: str = "text"
    width: float = 12
    options: tuple[str | int | float, ...] = ()
    low: float | None = None
    high: float | None = None
    closed: bool = False
    prompt: str = ""
    error: str = ""
    example: CellValue = None


@dataclass(frozen=True, slots=True)
class Register:
    """A workbook to fill in, one row for each piece of feedback.

    `lines` stand above the header. `serial` heads the running numbers, in which `example` marks the
    example row. `n_between` rows stand between the header and the first blank row, the example row
    among them. `notes` is the sheet that explains the columns. `filled` are texts that stand in the
    first rows already, one for each entry. `identity` is what it must carry to be recognised when
    it comes back.
    """

    title: str
    company: str
    language: str
    date: dt.date
    lines: tuple[str, ...]
    serial: str
    example: str
    entries: tuple[RegisterColumn, ...]
    notes: WorkSheet
    identity: Mapping[str, str]
    form_number: str = ""
    n_rows: int = 200
    n_between: int = 1
    foot: str = ""
    filled: tuple[tuple[str, ...], ...] = ()


def clean(text: str) -> str:
    """Text that every format can hold.

    Control characters and lone surrogates become visible escapes.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in "\n\t" or c in _SPACES else _escape(c) for c in text
    )


_SPACES = frozenset("\u00a0\u3000\u2002\u2003\u2009\u200b\u202f\u200d")


def _escape(char: str) -> str:
    code = ord(char)
    if code in {0xFEFF, 0x200C, 0x00AD}:
        return ""
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
