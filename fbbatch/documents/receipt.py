"""D36, the receipt of a run: what came, and what happened to it.

The terminal shows the same. Source: 1.3.2.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fbbatch import findings as catalogue
from fbbatch.documents.case import Office
from fbbatch.documents.templates import Templates
from fbbatch.model import Case, FileOutcome, Finding
from fbbatch.render.blocks import CellValue, Column, Table, WorkBook, WorkSheet
from fbbatch.schema import SchemaModel
from fbbatch.schema.models import Label

COUNTS = ("rows", "accepted", "returned", "duplicate", "set_aside")
_MOST_FINDINGS = 20_000
_MOST_IGNORED = 1_000


@dataclass(frozen=True)
class Receipt:
    """What a receipt tells: the run, its files with their findings, and its cases.

    `cases` are the new ones, `moved` those that forms or time have moved. `ignored` are the names
    of what lies in the inbox and was left alone.
    """

    run: str
    as_of: dt.datetime
    files: Sequence[FileOutcome]
    cases: Sequence[Case]
    glyphs: str = ""
    moved: Sequence[Case] = ()
    ignored: Sequence[str] = ()

    def total(self, name: str) -> int:
        """The sum of one count over all files."""
        return sum(getattr(file, name) for file in self.files)


Word = Callable[..., str]
Labels = dict[str, dict[str, str]]
"""Labels by schema and field id."""


def balance(receipt: Receipt, office: Office, templates: Templates) -> str:
    """The balance in one line."""
    totals = {name: receipt.total(name) for name in COUNTS}
    return templates["receipt"].word("balance", office.language, files=len(receipt.files), **totals)


def ignored_line(receipt: Receipt, office: Office, templates: Templates) -> str:
    """How many files were left alone, in one line; `''` when none were."""
    if not receipt.ignored:
        return ""
    return templates["receipt"].word("ignored_count", office.language, n=len(receipt.ignored))


Told = list[tuple[str, str]]


def ignored_names(receipt: Receipt, office: Office, templates: Templates) -> tuple[str, Told]:
    """What was left alone: the heading, and (name, why and what to do) of the first thousand."""
    template = templates["receipt"]
    remark = template.word("ignored_remark", office.language)
    told = [(name, remark) for name in receipt.ignored[:_MOST_IGNORED]]
    further = len(receipt.ignored) - len(told)
    if further:
        more = template.word("ignored_more", office.language, n=further)
        told.append((more, ""))
    return template.word("ignored", office.language), told


def receipt_workbook(receipt: Receipt, office: Office, templates: Templates) -> WorkBook:
    """The receipt as a workbook: files, findings, what needs a person."""
    template, title = templates["receipt"], office.title("receipt")

    def word(name: str, **values: object) -> str:
        return template.word(name, office.language, **values)

    run = word("run", run=receipt.run, as_of=receipt.as_of.strftime("%Y-%m-%d %H:%M"))
    about = balance(receipt, office, templates), ignored_line(receipt, office, templates)
    lines = tuple(filter(None, (run, *about)))
    labels = field_labels(office)
    tables = (
        _files(receipt, office, templates, word, labels),
        *_ignored(receipt, office, templates, word),
    )
    sheets = (
        WorkSheet(word("files"), title, lines, tables),
        WorkSheet(
            word("findings"),
            f"{title}　{word('findings')}",
            lines[:1],
            (_findings(receipt, office, word, labels),),
        ),
        WorkSheet(
            word("people"),
            f"{title}　{word('people')}",
            lines[:1],
            (_people(receipt, office, templates, word, labels),),
        ),
    )
    return WorkBook(
        "receipt",
        title,
        office.company,
        office.language,
        receipt.as_of.date(),
        sheets,
        office.form_number(template),
    )


def field_labels(office: Office) -> Labels:
    """Labels by field id for each schema, in the office's language; titles of schemas in each."""
    book = office.teller.book
    schemas = (*book.sources, *book.forms)
    titles = {f"{catalogue.SCHEMA}{s.id}": s.title[office.language] for s in schemas}
    labels: Labels = {"": titles}
    for schema in schemas:
        named = {name: label[office.language] for name, label in _named(schema)}
        labels[schema.id] = titles | named
    edited = labels.get("tracking_ledger", {})  # its other columns are facts
    return labels | {"tracking_ledger": {**office.teller.fact_labels, **edited}}


def _named(schema: SchemaModel) -> Iterator[tuple[str, Label]]:
    """(id, label) of every field, the columns of tables as `table.column`."""
    for field in schema.fields:
        yield field.id, field.label
        yield from ((f"{field.id}.{column.id}", column.label) for column in field.fields)


def labels_for(file: FileOutcome, item: Finding, labels: Labels) -> dict[str, str]:
    """The labels of the schema that a finding speaks of."""
    return labels.get(file.schema or item.details.get("schema", ""), labels[""])


def outcome_word(file: FileOutcome, office: Office) -> str:
    """What became of a file, in a word."""
    return office.teller.book.word("file_outcome", file.outcome, office.language)


def remark(file: FileOutcome, office: Office, templates: Templates, labels: Labels) -> str:
    """Why the whole file was treated so, in a sentence; `''` when its rows tell."""
    if file.code:
        reason = next((f for f in file.findings if f.code == file.code), None)
        if reason is None:
            return ""
        return catalogue.message(reason, office.language, labels_for(file, reason, labels))
    if file.returned:
        return templates["receipt"].word("see_findings", office.language, n=file.returned)
    return ""


def _files(
    receipt: Receipt, office: Office, templates: Templates, word: Word, labels: Labels
) -> Table:
    columns = (
        Column(word("serial"), align="center", kind="integer"),
        Column(word("file")),
        Column(word("schema")),
        Column(word("outcome")),
        *(Column(word(name), align="right", kind="integer") for name in COUNTS),
        Column(word("archived")),
        Column(word("remark")),
    )
    rows: list[tuple[CellValue, ...]] = []
    for number, file in enumerate(receipt.files, 1):
        schema = office.teller.book.schema(file.schema or "")
        title = schema.title[office.language] if schema else ""
        counts = [getattr(file, name) for name in COUNTS]
        rows.append(
            (
                number,
                file.name,
                title,
                outcome_word(file, office),
                *counts,
                file.archived or "",
                remark(file, office, templates, labels),
            )
        )
    marks = {
        n: "severe"
        for n, file in enumerate(receipt.files)
        if file.outcome in {"returned", "quarantined", "partly"}
    }
    if rows:
        marks[len(rows)] = "total"
        rows.append(
            (None, word("total"), "", "", *(receipt.total(name) for name in COUNTS), "", "")
        )
    return Table(columns, tuple(rows), empty=word("no_files"), marks=marks)


def _ignored(receipt: Receipt, office: Office, templates: Templates, word: Word) -> Iterator[Table]:
    """The table of what was left alone, below that of the files; none when nothing was."""
    if not receipt.ignored:
        return
    heading, told = ignored_names(receipt, office, templates)
    serial = Column(word("serial"), align="center", kind="integer")
    columns = serial, Column(word("file")), Column(word("remark"))
    rows = []
    for number, (name, remark_on_it) in enumerate(told, 1):
        rows.append((number, name, remark_on_it))
    yield Table(columns, tuple(rows), title=heading)


def _findings(receipt: Receipt, office: Office, word: Word, labels: Labels) -> Table:
    names = (
        "serial",
        "severity",
        "file",
        "sheet",
        "row",
        "cell",
        "found",
        "expected",
        "remedy",
        "code",
    )
    columns = tuple(
        Column(
            word(n),
            align="center" if n in {"serial", "row", "cell"} else "left",
            kind="integer" if n in {"serial", "row"} else "text",
        )
        for n in names
    )
    rows: list[tuple[CellValue, ...]] = []
    marks: dict[int, str] = {}
    levels = {"error": 0, "warning": 1, "note": 2}
    everything = [(file, item) for file in receipt.files for item in file.findings]
    everything.sort(key=lambda pair: (levels[pair[1].severity], pair[0].name, pair[1].row or 0))
    for file, item in everything[:_MOST_FINDINGS]:
        if item.severity == "error":
            marks[len(rows)] = "severe"
        rows.append(_finding(len(rows) + 1, file, item, office, labels_for(file, item, labels)))
    return Table(columns, tuple(rows), empty=word("none"), marks=marks)


def _finding(
    number: int, file: FileOutcome, item: Finding, office: Office, labels: dict[str, str]
) -> tuple[CellValue, ...]:
    language = office.language
    level = office.teller.book.word("finding_severity", item.severity, language)
    parts = [
        catalogue.part(item, which, language, labels) for which in ("found", "expected", "remedy")
    ]
    return (
        number,
        level,
        file.name,
        item.sheet or "",
        item.row,
        item.cell or "",
        *parts,
        item.code,
    )


def people_list(
    receipt: Receipt, office: Office, templates: Templates
) -> list[tuple[str, str, str]]:
    """(subject, matter, for whom) of everything that waits for a person."""
    template = templates["receipt"]

    def word(name: str, **values: object) -> str:
        return template.word(name, office.language, **values)

    return [
        (str(r[1]), str(r[2]), str(r[3]))
        for r in _people(receipt, office, templates, word, field_labels(office)).rows
    ]


def _people(
    receipt: Receipt, office: Office, templates: Templates, word: Word, labels: Labels
) -> Table:
    """Everything that waits for a person: what it is about, what it is, for whom."""
    summariser, escalator = _holder("P02", office), _holder("P03", office)
    found: list[tuple[str, str, str]] = []
    for file in receipt.files:
        if file.returned:
            found.append((file.name, word("file_returned", n=file.returned), summariser))
        if file.code and file.outcome not in {"duplicate"}:
            found.append((file.name, remark(file, office, templates, labels), summariser))
    if receipt.glyphs:
        glyphs = word("glyphs", characters=receipt.glyphs)
        found.append((word("documents"), glyphs, summariser))
    for case in receipt.cases:
        if case.escalations:
            recipients = office.teller.recipients(case) or escalator
            found.append((case.number, word("escalated"), recipients))
        for matter in _to_judge(case, office, word):
            found.append((case.number, matter, summariser))
    rows: list[tuple[CellValue, ...]] = []
    for number, item in enumerate(found, 1):
        rows.append((number, *item))
    columns = (
        Column(word("serial"), align="center", kind="integer"),
        Column(word("subject")),
        Column(word("matter")),
        Column(word("who")),
    )
    return Table(columns, tuple(rows), empty=word("none"))


def _holder(role: str, office: Office) -> str:
    """The person that has a role first; `''` where nobody has it."""
    people = office.teller.book.holders(role)
    return people[0].name if people else ""


def _to_judge(case: Case, office: Office, word: Word) -> Iterator[str]:
    """What a person has to judge of a new case, as the rules could not."""
    if case.alike:
        yield office.teller.fact(case, "repeated")
    unsure = case.evidence.get("unsure", ())
    if "type" in unsure:
        yield word("unclassified")
    elif "severity" in unsure:
        yield word("unsure")
