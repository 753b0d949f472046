"""What a worker tells the run about a file: its messages, and how they go through the pipe.

A message is a record. As a frame it is a line of JSON, with the message's kind in front; behind a
chunk of rows come lines of JSON for the rows. The rows' own JSON goes into the ledger as it is, so
nobody has to quote it in between, or to read it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from fbbatch.findings import finding
from fbbatch.model import FeedbackRows, FilledForm, Finding

_LEFT_OUT = ("mailed", "would")
"""What a form tells only where there is something to tell."""


class FileKind(NamedTuple):
    """What the file turned out to be: its format, or `mail`, or `zip`.

    `sender` is the address from which a mail came; None of what is none.
    """

    kind: str
    sender: str | None = None


class PartHead(NamedTuple):
    """From here on it is about a file inside this one.

    Its name, the sha256 of its bytes and how many there are. `sender` is the address that has
    mailed it, None where it did not come by mail.
    """

    name: str
    sha256: str
    size: int
    sender: str | None = None


class Refusal(NamedTuple):
    """The file or part cannot be taken, and why; nothing else that was said of it counts."""

    reason: Finding


class SheetHead(NamedTuple):
    """A sheet that a schema understands; its rows follow.

    The schema's id and the code of its source; the sheet's name, `''` of what is no sheet; the row
    in which its header ends, None when it was read by position; (column, field id, header) of its
    columns. Rows and columns count from 1. `letter` is what tells the mail that the rows come from
    from others with the same words.
    """

    schema: str
    source: str
    sheet: str
    header_row: int | None
    columns: Sequence[tuple[int, str, str]]
    findings: Sequence[Finding]
    letter: str = ""


class Ruling(NamedTuple):
    """Everything that follows from the rules for a row; evidence and details are JSON.

    Many rows share one.
    """

    kind: str
    type: str
    severity: str
    evidence: str
    department: str
    due_on: str | None
    details: str


class RowChunk(NamedTuple):
    """Some rows of a sheet, as a worker has judged them.

    Of the accepted rows, one entry each: their numbers, channels, rulings (by number, a sheet
    numbers them from 0) and kin keys. `returned` are the numbers of the others. `rulings` are those
    that come up for the first time. `marks` are (row, what we once wrote beside it). `is_written`
    is true where nobody could look up a row, as in a form. `n_cells` were looked at. `lines` are
    the cells of the accepted rows, their answers, and the cells of the returned rows: JSON, a line
    each.
    """

    sheet: str
    is_written: bool
    numbers: Sequence[int]
    channels: Sequence[str]
    ruled: Sequence[int]
    kin: Sequence[Sequence[int]]
    returned: Sequence[int]
    rulings: Sequence[Ruling]
    marks: Sequence[tuple[int, str]]
    findings: Sequence[Finding]
    n_cells: int
    lines: bytes


class HeardRows(NamedTuple):
    """A chunk of rows as the run has heard it, with fingerprints, on its way into the ledger.

    `plain` are the fingerprints that the rows of a mail would have had they not come by mail; empty
    of other rows. `returned` are (row, cells), the cells as JSON. The others as in a `RowChunk`.
    """

    sheet: str
    rows: FeedbackRows
    plain: Sequence[bytes]
    returned: Sequence[tuple[int, str]]
    rulings: Sequence[Ruling]
    marks: Sequence[tuple[int, str]]
    findings: Sequence[Finding]


class SetAside(NamedTuple):
    """What is kept without becoming feedback: (row, cells), the cells as JSON.

    `about` is the number of the case of which it speaks, None where it speaks of none. Those
    `of_table` stand among the feedback in `sheet` and are none, such as a total.
    """

    rows: Sequence[tuple[int, str]]
    about: str | None
    findings: Sequence[Finding]
    sheet: str = ""
    of_table: bool = False


class Remarks(NamedTuple):
    """Findings about the file as a whole."""

    findings: Sequence[Finding]


class FormRead(NamedTuple):
    """A form that came back, and what is wrong with its answers or stands beside them."""

    form: FilledForm
    findings: Sequence[Finding]


class WorkbookProof(NamedTuple):
    """How a workbook proves that it is ours.

    Which kind of document it says it is, of which issue, and the check codes found in it.
    """

    kind: str
    issue: str
    codes: Sequence[str]


class CellChange(NamedTuple):
    """A cell that somebody has changed.

    Of which case (or decision), which field, what stood there, what stands there now.

    `value` is the typed answer; `by` the name above the sheet, `''` when there is none.
    """

    case: str
    field: str
    old: str
    new: str
    value: Any
    sheet: str
    row: int
    column: int
    by: str

    def finding(self, code: str, **details: object) -> Finding:
        """A finding at this cell."""
        told = {"case": self.case, "old": self.old, "new": self.new, **details}
        return finding(
            code,
            sheet=self.sheet,
            row=self.row,
            column=self.column,
            field=self.field,
            **told,
        )


class EditedWorkbook(NamedTuple):
    """A ledger or summary that was edited, and the changes that may be applied.

    The form schema of what may be edited in it, how it proves itself, the rows (from 1) of its
    headers by sheet, and what is wrong with the other changes. `mailed` is the address that has
    mailed it, `''` where it was dropped.
    """

    schema: str
    proof: WorkbookProof
    headers: Mapping[str, int]
    changes: Sequence[CellChange]
    findings: Sequence[Finding]
    mailed: str = ""


ForLedger = SheetHead | HeardRows | SetAside | Remarks
"""What the ledger records as it stands."""
_OfFile = FileKind | PartHead | Refusal | FormRead | WorkbookProof | EditedWorkbook
Message = _OfFile | SheetHead | RowChunk | SetAside | Remarks
"""What a worker says."""
Heard = _OfFile | ForLedger
"""What the run hears."""

_KINDS: dict[str, type[Message]] = {
    "file": FileKind,
    "part": PartHead,
    "refusal": Refusal,
    "sheet": SheetHead,
    "rows": RowChunk,
    "aside": SetAside,
    "remarks": Remarks,
    "form": FormRead,
    "proof": WorkbookProof,
    "edits": EditedWorkbook,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode(message: Message) -> bytes:
    """A message as a frame for the pipe."""
    told = {"message": _NAMES[type(message)], **message._asdict()}
    lines = told.pop("lines", b"")
    head = orjson.dumps(told, default=_plain)
    return b"\n".join((head, lines)) if lines else head


def decode(frame: bytes) -> Message:
    """The message of a frame; sequences are lists now, and pairs in them tuples."""
    head, _, lines = frame.partition(b"\n")
    told = orjson.loads(head)
    kind = _KINDS[told.pop("message")]
    for name in told.keys() & _RECORDS.keys():
        told[name] = _RECORDS[name](told[name])
    if kind is RowChunk:
        told["lines"] = lines
    return kind(**told)


def is_a(kind: type[Message], frame: bytes) -> bool:
    """True for the frame of a message of that kind; the frame is not read for it."""
    return frame.startswith(b'{"message":"%s"' % _NAMES[kind].encode())


def encode_form(form: FilledForm) -> str:
    """A form as JSON, as the ledger keeps it."""
    return orjson.dumps(_form_as_told(form)).decode()


def decode_form(text: str) -> FilledForm:
    """A form of the ledger's JSON; what an older version did not tell is as if there was none."""
    return _form(orjson.loads(text))


def _form_as_told(form: FilledForm) -> dict[str, object]:
    told = form._asdict()
    for name in _LEFT_OUT:
        if not told[name]:
            del told[name]
    return told


def _form(told: Mapping[str, Any]) -> FilledForm:
    known = {name: told[name] for name in FilledForm._fields if name in told}
    known["printed"] = _pairs(known.get("printed", ()))
    return FilledForm(**known)


def _plain(value: object) -> object:
    """What JSON has no word for: a form by names, other records as lists, the rest as text."""
    if isinstance(value, FilledForm):
        return _form_as_told(value)
    return tuple(value) if isinstance(value, tuple) else str(value)


def _pairs(told: Iterable[Iterable[object]]) -> list[tuple[object, ...]]:
    return list(map(tuple, told))


def _each(
    record: Callable[[Iterable[object]], object],
) -> Callable[[Iterable[Iterable[object]]], list[object]]:
    """Makes of each list the record that it was."""
    return lambda told: list(map(record, told))


_RECORDS: dict[str, Callable[[Any], object]] = {
    "reason": Finding._make,
    "findings": _each(Finding._make),
    "rulings": _each(Ruling._make),
    "changes": _each(CellChange._make),
    "proof": WorkbookProof._make,
    "form": _form,
    "columns": _pairs,
    "marks": _pairs,
    "rows": _pairs,
}
"""How a field becomes what it was, where JSON has no word for that; by its name in any message."""
