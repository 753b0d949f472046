"""What reading gives: sheets of raw cells, and written documents."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fbbatch.model import Cell, Finding
from fbbatch.read.csv_rows import Torn
from fbbatch.read.paper import Paper

HEAD_ROWS = 40

Merged = tuple[int, int, int, int]


@dataclass(slots=True)
class Sheet:
    """One sheet. `head` holds its first rows; `rows()` all of them, once.

    `merged` areas are (top, left, bottom, right), 0-based. `torn` names the row (1-based) in which
    a text file breaks off; it is known when all rows have been taken. `serial_days` are added to
    bare numbers that stand for dates (workbooks of the 1904 system). `written` sheets come from a
    written document: their rows and columns are no places that anybody could look up. `findings`
    are remarks of the reader. `marks` say of rows (1-based) that came back
    corrected what they were: the number of a case or of a returned row; known of every row that has
    been taken.
    """

    name: str
    hidden: bool
    head: list[Sequence[Cell]]
    rest: Iterator[Sequence[Cell]]
    merged: list[Merged] = field(default_factory=list)
    torn: Torn | None = None
    serial_days: int = 0
    written: bool = False
    findings: list[Finding] = field(default_factory=list)
    marks: dict[int, str] = field(default_factory=dict)

    def rows(self) -> Iterator[Sequence[Cell]]:
        """All rows from the first, blank ones included; can be taken once."""
        yield from self.head
        yield from self.rest


@dataclass(frozen=True, slots=True)
class Reading:
    """An opened file.

    It has its sheets in order, and what stands in it as a written document, where it is one.

    `kind` is what it really is: `xlsx`, `xls`, `xlsb`, `ods`, `csv`, `json`, `html`, `docx`, `pdf`,
    `txt`. A text has both views. `identity` is what a document of ours says of itself (`form`,
    `version`, `case`, `issue`, …). `findings` are remarks of the reader on the whole file.
    """

    kind: str
    sheets: Iterable[Sheet] = ()
    paper: Paper | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def sheet_of(name: str, rows: Sequence[Sequence[Cell]]) -> Sheet:
    """Rows that are all there as a sheet."""
    return Sheet(name, False, list(rows[:HEAD_ROWS]), iter(rows[HEAD_ROWS:]))
