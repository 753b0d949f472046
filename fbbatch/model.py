"""The records that travel through a run; all frozen, none knows where it is stored or printed."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

CASE_NUMBER = re.compile(r"FB-\d{8}-\d{4,}")
"""What the number of a case looks like. Source: DESIGN 9."""
MATTER_NUMBER = re.compile(r"[A-Z]{2,4}-\d{8}-\d{4,}")
"""What the number of a matter of any process looks like."""
WAITING_NUMBER = re.compile(r"W-\d{8}-\d{3,}")
"""What the number of a decision looks like that a person has to take."""
LANGUAGES = ("zh-Hant", "zh-Hans", "en")
REPORTER = "reporter"
"""Who took a step that a reporter took: the name itself stands in the form only."""

Cell = str | int | float | bool | dt.datetime | dt.date | dt.time | dt.timedelta | None
"""One cell as a reader gives it; `''` and None both mean empty."""


def cell_name(row: int | None, column: int | None) -> str | None:
    """The name Excel shows for a place, e.g. `C7`; None unless both numbers (1-based) are known."""
    if not row or not column:
        return None
    letters, rest = "", column
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(65 + digit) + letters
    return f"{letters}{row}"


@lru_cache(maxsize=1024)
def column_number(letters: str) -> int:
    """The number (1-based) of the column that Excel calls so, e.g. 3 of `C`."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


class Finding(NamedTuple):
    """One thing wrong or noteworthy in what was submitted.

    `row` and `column` are 1-based, as Excel shows them. `details` fills the wording of the
    catalogue in `fbbatch.findings`; its values are short texts.
    """

    code: str
    severity: str  # error | warning | note
    sheet: str | None = None
    row: int | None = None
    column: int | None = None
    field: str | None = None
    details: Mapping[str, str] = {}

    @property
    def cell(self) -> str | None:
        """The cell's name, e.g. `C7`."""
        return cell_name(self.row, self.column)


@dataclass(frozen=True, slots=True)
class Submission:
    """One answer sheet as received; never altered. Source: 1.3.2a."""

    sheet: str
    row: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """What a piece of feedback is, and why. Source: 3.2.1, 3.2.2, 3.2.3, 3.2.x.

    `evidence` has one entry per reason: `rule`, `says` (dimension=value), `words`, `negated`.
    `score` and `margin` (to the second best type) are plain sums of rule weights; `unsure` names
    the dimensions that no rule could settle; `safety` the safety words found. `notes` holds codes
    such as `given-severity-differs`.
    """

    kind: str
    type: str
    severity: str
    evidence: tuple[Mapping[str, Any], ...] = ()
    score: float = 0
    margin: float = 0
    touched_types: tuple[str, ...] = ()
    safety: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who handles a case, by which rule, and whether it goes to the leaders.

    Source: 5.1.1a, 3.3.3.
    """

    department: str
    cooperating: tuple[str, ...]
    rule: str
    escalations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What opened a matter, as the ledger tells it, and where the matter stands.

    `process` is the id of the one by which it is handled. `values` holds what is known by name: of
    a case, the typed answers by field id. Dates are dates of the workspace's time zone.
    """

    id: int
    process: str
    number: str
    registered_on: dt.date
    registered_at: dt.datetime
    values: Mapping[str, Any]
    severity: str
    state: str
    department: str | None
    cooperating: tuple[str, ...]
    assignment_rule: str | None
    due_on: dt.date | None
    due_rule: str | None
    escalations: tuple[str, ...]
    run: str

    def text(self, name: str) -> str:
        """The value of that name as text, `''` when there is none."""
        value = self.values.get(name)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Case(Facts):
    """A case: a matter that feedback opened. What was reported, and what it is.

    `alike` is what the ledger knows of an older case that may be the same matter: `case`, `same`
    (field ids), `days`, `percent`.
    """

    schema: str
    source: str
    channel: str
    kind: str
    type: str
    evidence: Mapping[str, Any]
    file: str
    sheet: str
    row: int
    alike: Mapping[str, Any] | None = None


class Details(NamedTuple):
    """What a step says besides where it leads; what it does not speak of is None.

    Dates are ISO text, people and departments ids. `rule`, `due_rule` and `due_days` tell why the
    department and the day are these. `raised`: it is severe from now on. `decided`: that nothing is
    to be done, or (false) that it is done after all. `verdict`: `failed` and `reopened` begin a new
    round, `not_ours` passes it on. `part` is the cooperating department whose form it was,
    `interim` a letter that leaves the matter where it is, `review` a survey that asks for a second
    look, `survey` how one ended without an answer. `edited` are texts written into the tracking
    ledger and `said` all that was, by column; `changes` the answers that were amended, old and new,
    by field. `remarks` were written outside a form's blanks.
    """

    department: str | None = None
    cooperating: Sequence[str] | None = None
    rule: str | None = None
    escalations: Sequence[str] | None = None
    raised: bool | None = None
    due_on: str | None = None
    due_rule: str | None = None
    due_days: float | None = None
    responsible: str | None = None
    priority: str | None = None
    verifier: str | None = None
    outcome: str | None = None
    decided: bool | None = None
    verdict: str | None = None
    reason: str | None = None
    held_from: str | None = None
    held_until: str | None = None
    held_days: int | None = None
    main_case: str | None = None
    follows: str | None = None
    followed_by: str | None = None
    part: str | None = None
    interim: bool | None = None
    review: bool | None = None
    survey: str | None = None
    answers: Mapping[str, Any] | None = None
    issue: int | None = None
    remarks: Sequence[str] | None = None
    decided_by: str | None = None
    edited: Mapping[str, str] | None = None
    said: Mapping[str, str] | None = None
    changes: Mapping[str, Sequence[Any]] | None = None

    def encode(self) -> dict[str, object]:
        """What it says, by name, ready for JSON."""
        return {name: said for name, said in self._asdict().items() if said is not None}

    @classmethod
    def decode(cls, told: Mapping[str, Any]) -> "Details":
        """The details of which `encode` gave this; names that it does not know are left out."""
        return cls(**{name: told[name] for name in cls._fields if name in told})

    def over(self, other: "Details") -> "Details":
        """These details, and those of the other where these say nothing."""
        return Details.decode({**other.encode(), **self.encode()})


NOTHING = Details()
"""What a step says that only leads somewhere."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One append-only step of a matter; happened on (in the document), recorded at (the run)."""

    to: str
    document: str
    by: str
    happened_on: dt.date
    recorded_at: dt.datetime
    run: str
    details: Details = NOTHING

    @property
    def answers(self) -> Mapping[str, Any]:
        """What the form answered that brought it; nothing where none did."""
        return self.details.answers or {}


class Reminder(NamedTuple):
    """One step of the ladder that has been taken for a case.

    Of which form's clock it is, how high, when it was taken, and when the form was due.

    Source: 5.3.2b, T14.
    """

    clock: str
    level: int
    on: dt.date
    due_on: dt.date


@dataclass(frozen=True, slots=True)
class ReturnedForm:
    """A form that came back, its answers typed by field id. Source: N2.

    `issue` is 0 and `department` (to which it was issued) None when it no longer says.
    """

    kind: str
    case: str
    issue: int
    values: Mapping[str, Any]
    by: str
    happened_on: dt.date
    department: str | None = None


class FilledForm(NamedTuple):
    """What a worker has read in a form that came back; the ledger keeps it as JSON with these keys.

    `kind`, `case`, `issue`, `version` and `department` are what the form says it is: `issue` is 0
    and `department` None when it no longer says, `case` holds several numbers when it cannot be
    told. `values` are the typed answers by field id, `bad` tells that some are wrong. `by` and `on`
    are who signed (an id) and the day that it tells, `text` is all that stands on it. `code` is the
    check code in its properties, `printed` are (code, issue or `''`) as it shows them. `facts` are
    what it prints of its case's product, reporter and description. `mailed` is the address that
    has mailed it, `would` the state to which it would have led when it began to wait; both `''`
    where there is none.
    """

    kind: str
    case: str
    issue: int
    version: int
    values: Mapping[str, Any]
    bad: bool
    by: str
    on: str | None
    text: str
    department: str | None = None
    code: str = ""
    facts: Mapping[str, Sequence[str]] = {}
    printed: Sequence[tuple[str, str]] = ()
    mailed: str = ""
    would: str = ""


DISPUTE = "FB-step-contradiction"


class WaitingForm(NamedTuple):
    """A form that waits for a decision.

    The number of the decision, which option of it the form is, why it waits, what it says, and
    since which run it waits.
    """

    id: int
    number: str
    option: str
    reason: str
    case: str
    form: str
    told: FilledForm
    run: str

    @property
    def is_dispute(self) -> bool:
        """True where another form says otherwise; else it is the way that it came."""
        return self.reason == DISPUTE


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What a run did with one dropped file; the numbers balance. Source: 1.3.2."""

    name: str
    sha256: str
    size: int
    schema: str | None
    outcome: str  # accepted partly returned duplicate step set_aside quarantined deferred
    code: str | None = None
    rows: int = 0
    accepted: int = 0
    returned: int = 0
    duplicate: int = 0
    set_aside: int = 0
    archived: str | None = None
    findings: tuple[Finding, ...] = ()
    id: int = 0
    mailed_by: str | None = None  # known, stranger; None: it was dropped


class SheetLayout(NamedTuple):
    """How a sheet was read.

    The row (1-based) in which its header ends, None when it was read by position; and (column,
    field id, header) of its columns.
    """

    schema: str
    header_row: int | None
    columns: tuple[tuple[int, str, str], ...]


class FeedbackRow(NamedTuple):
    """A row that passed validation, on its way into the ledger.

    `row` is 1-based; `cells` (as they came) and `answers` (typed, by field id) are JSON;
    `occurrence` counts equal fingerprints within the file from 0; `ruling` numbers the rulings of
    its sheet from 0; `kin` are keys that it shares with few others. Source: 1.3.2, N4.
    """

    row: int
    cells: str
    answers: str
    fingerprint: bytes
    occurrence: int
    channel: str
    ruling: int
    kin: Sequence[int]


class FeedbackRows(NamedTuple):
    """Many `FeedbackRow`s, column by column: equally long, one entry a row. Source: 1.3.2, N4."""

    row: Sequence[int]
    cells: Sequence[str]
    answers: Sequence[str]
    fingerprint: Sequence[bytes]
    occurrence: Sequence[int]
    channel: Sequence[str]
    ruling: Sequence[int]
    kin: Sequence[Sequence[int]]

    def each(self) -> Iterator[FeedbackRow]:
        """The rows one by one."""
        return map(FeedbackRow._make, zip(*self, strict=True))

    @classmethod
    def of(cls, rows: Sequence[FeedbackRow]) -> "FeedbackRows":
        """The rows, column by column."""
        return cls._make(zip(*rows, strict=True)) if rows else cls((), (), (), (), (), (), (), ())


class JudgedRow(NamedTuple):
    """What became of a row: its outcome and the case it opened.

    Of a returned one also its mark and raw cells (JSON).
    """

    sheet: str
    row: int
    outcome: str
    case: str | None
    mark: str
    cells: str


@dataclass(frozen=True, slots=True)
class ReturnedFile:
    """A file of which something went back, and how each of its sheets and rows fared.

    Source: 1.3.2c.
    """

    outcome: FileOutcome
    layouts: Mapping[str, SheetLayout]
    rows: tuple[JudgedRow, ...]


@dataclass(frozen=True, slots=True)
class IssuedDocument:
    """A document in the outbox, as `manifest.json` lists it.

    `path` is relative to the run folder, `matter` the number of the one that it is about, `about` a
    dropped file's name. `code` is the check code of what may come back.
    """

    kind: str
    number: str
    path: str
    media_type: str
    sha256: str
    matter: str | None = None
    department: str | None = None
    period: str | None = None
    form: bool = False
    issue: int = 0
    about: str | None = None
    code: str | None = None
