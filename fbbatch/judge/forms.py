"""A form that came back → its answers, checked one by one.

What it does to its case, the run decides (`fbbatch.workflow.process`).

Answers are found by bookmark, else by the label beside them; the rows of a table by
`fb_<table>_<row>_<column>`, else by the headers of a table. Source: N2, DESIGN 7.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fbbatch.codes import printed_codes
from fbbatch.findings import finding
from fbbatch.judge.beside_blanks import outside_blanks, pairs_of_cells
from fbbatch.judge.issued import issued_form
from fbbatch.judge.rows import Setup
from fbbatch.messages import FormRead
from fbbatch.model import MATTER_NUMBER, REPORTER, Cell, FilledForm, Finding
from fbbatch.read import Limits, Paper, Reading, open_content
from fbbatch.read.answers import answers_of, ticked
from fbbatch.read.paper import TABLE_BLANK
from fbbatch.schema import Book, FieldModel, Layout, MappedColumn, SchemaModel, field_for
from fbbatch.validate import Checker

_LONGEST_NUMBER = 10
_TICKABLE = frozenset({"choice", "choices", "boolean", "rating"})
_Texts = dict[str, str]
"""What was written, by field id."""


class _Filled(NamedTuple):
    """What was written in a form; `rows` are those of each table that hold anything."""

    texts: _Texts
    rows: dict[str, list[_Texts]]

    def answers(self) -> Iterator[str]:
        """All that was written."""
        yield from self.texts.values()
        for table in self.rows.values():
            for row in table:
                yield from row.values()


@dataclass(frozen=True, slots=True)
class Identity:
    """Which form for which case.

    `issue` is 0 when the document no longer says; `case` holds several numbers when it cannot be
    told. `department` is the one that it was issued to, None when it no longer says; `code` is the
    check code in its properties.
    """

    kind: str
    case: str
    issue: int
    version: int
    department: str | None = None
    code: str = ""


def identity_of(told: Mapping[str, str], paper: Paper | None, book: Book) -> Identity | None:
    """Which form this is: by its properties, else by its title and the number of a matter.

    The number is the one in the visible text that is no answer.
    """
    if paper is None:
        return None
    known = {form.id for form in book.forms}
    if told.get("form") in known and MATTER_NUMBER.fullmatch(told.get("case", "")):
        issue, version = _number(told.get("issue")), _number(told.get("version"))
        return Identity(
            told["form"], told["case"], issue, version, told.get("department"), told.get("code", "")
        )
    if told.get("form"):
        return None
    return _identity_by_title(paper, book)


def _identity_by_title(paper: Paper, book: Book) -> Identity | None:
    lines = {line.strip() for line in paper.text().split("\n")}
    titled = [form for form in book.forms if lines & set(form.title.values())]
    if len(titled) != 1:
        return None
    form = titled[0]
    numbers = set(book.numbers.findall(paper.text()))
    if len(numbers) > 1:
        texts = _filled(paper, form).texts
        for field in form.fields:
            if field.type == "case":
                answer = texts.get(field.id, "")
                numbers.discard(answer.strip())
    if not numbers:
        return None
    return Identity(form.id, "、".join(sorted(numbers)), 0, 0)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < _LONGEST_NUMBER else 0


def form_message(
    paper: Paper, identity: Identity, schema: SchemaModel, setup: Setup, *, ending: str = ".docx"
) -> FormRead:
    """What a worker tells of a returned form.

    Args:
        paper: what came back.
        identity: which form it is.
        schema: the form's.
        setup: the rules, and the outbox with the form as it was issued.
        ending: of the edition that it was, `.docx` or `.xlsx`.
    """
    plain = [field for field in schema.fields if field.type != "table"]
    filled = _filled(paper, schema)
    values, findings = _checked(schema, plain, [filled.texts], setup)
    answers: dict[str, Any] = values[0] if values else {}
    for table in _tables(schema):
        lines, wrong = _checked_rows(schema, table, filled.rows.get(table.id, []), setup)
        findings += wrong
        if lines:
            answers[table.id] = lines
    findings += _answered_twice(paper, schema)
    bad = any(f.severity == "error" for f in findings)
    if issued := _as_issued(paper, identity, setup, ending):
        findings += outside_blanks(paper, issued, filled.answers())
    form = FilledForm(
        identity.kind,
        identity.case,
        identity.issue,
        identity.version,
        answers,
        bad,
        by=_signer(schema, answers),
        on=answers.get(schema.signed_on or ""),
        text=paper.text(),
        department=identity.department,
        code=identity.code,
        facts=_facts(paper, setup),
        printed=list(printed_codes(paper.text())),
    )
    return FormRead(form, findings)


def _tables(schema: SchemaModel) -> list[FieldModel]:
    return [field for field in schema.fields if field.type == "table"]


def _checked_rows(
    schema: SchemaModel,
    table: FieldModel,
    rows: Sequence[_Texts],
    setup: Setup,
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """As `_checked`, for the rows of a table, of which there may have to be one."""
    if rows:
        lines, findings = _checked(_as_schema(schema, table), table.fields, rows, setup)
        return lines, [f._replace(field=f"{table.id}.{f.field}") for f in findings]
    if table.required is True:
        return [], [finding("FB-blank", field=table.id)]
    return [], []


def _answered_twice(paper: Paper, schema: SchemaModel) -> list[Finding]:
    """A finding for each blank that stands in the form several times and says different things."""
    fields = {f.id for f in schema.fields}
    said: dict[str, set[str]] = {}
    for blank in paper.blanks:
        if text := ticked(blank.text).strip():
            said.setdefault(blank.name, set()).add(text)
    wrong = {name: sorted(texts) for name, texts in said.items() if len(texts) > 1}
    found = []
    for name, texts in wrong.items():
        match = TABLE_BLANK.fullmatch(name)
        field = name if name in fields else f"{match[1]}.{match[3]}" if match else ""
        if field:
            found.append(
                finding("FB-answered-twice", field=field, value=texts[0], elsewhere=texts[1])
            )
    return found


def _facts(paper: Paper, setup: Setup) -> dict[str, list[str]]:
    """What a form prints of its case's product, reporter and description, by answer."""
    known = {_folded(label): name for name, labels in setup.fact_labels.items() for label in labels}
    found: dict[str, list[str]] = {}
    for label, value in _labelled(paper):
        name = known.get(_folded(label))
        if name and value.strip():
            found.setdefault(name, []).append(value.strip())
    return found


def _labelled(paper: Paper) -> Iterator[tuple[str, str]]:
    """(label, text) of what stands beside a label, in a table or in a line."""
    yield from pairs_of_cells(paper)
    for line in paper.lines:
        label, colon, value = line.replace(":", "：").partition("：")
        if colon:
            yield label, value


def _folded(label: str) -> str:
    return "".join(label.split()).rstrip("*＊：:")


def _as_issued(paper: Paper, identity: Identity, setup: Setup, ending: str) -> Paper | None:
    """The form as handed out; None when it does not tell its run, or is gone from the outbox."""
    path = issued_form(
        setup.outbox,
        paper,
        identity.kind,
        case=identity.case,
        issue=identity.issue or 1,
        ending=ending,
    )
    copy = open_content(path.read_bytes(), Limits()) if path else None
    return copy.paper if isinstance(copy, Reading) else None


def _signer(schema: SchemaModel, answers: Mapping[str, Any]) -> str:
    """Who signed, by id; a reporter's name goes no further than the form."""
    field = next((f for f in schema.fields if f.id == schema.signed_by), None)
    if field is None or field.personal:
        return REPORTER if field else ""
    return str(answers.get(field.id, ""))


def _filled(paper: Paper, schema: SchemaModel) -> _Filled:
    """What stands in the blanks of a form; where some are gone, beside their labels."""
    texts, cells = _by_blank(paper, schema)
    tables = _tables(schema)
    if len(texts) < len(schema.fields) - len(tables):
        answered = {name: text for name, text in texts.items() if text.strip()}
        texts = _by_label(paper, schema) | answered
    rows: dict[str, list[_Texts]] = {}
    for name, by_number in cells.items():
        numbered = sorted(by_number.items())
        rows[name] = [row for _, row in numbered if _holds(row)]
    for table in tables:
        if table.id not in cells:
            rows[table.id] = _rows_by_header(paper, table)
    return _Filled(texts, rows)


def _by_blank(paper: Paper, schema: SchemaModel) -> tuple[_Texts, dict[str, dict[int, _Texts]]]:
    """The texts by field id, and those of each table by row and column, as blanks are named."""
    fields = {field.id for field in schema.fields}
    tables = {table.id for table in _tables(schema)}
    texts: _Texts = {}
    cells: dict[str, dict[int, _Texts]] = {}
    for blank in paper.blanks:
        name = blank.name
        if name in fields:
            texts.setdefault(name, blank.text)
            continue
        match = TABLE_BLANK.fullmatch(name)
        if match and match[1] in tables:
            rows = cells.setdefault(match[1], {})
            row = rows.setdefault(int(match[2]), {})
            row[match[3]] = blank.text
    return texts, cells


def _holds(row: Mapping[str, str]) -> bool:
    return any(ticked(text).strip() for text in row.values())


def _by_label(paper: Paper, schema: SchemaModel) -> _Texts:
    """The texts beside the labels of a form; its tables are none of them."""
    grids = tuple(grid for grid in paper.tables if not _is_of_a_table(grid, schema))
    answers = answers_of(Paper(tables=grids, lines=paper.lines), [schema])
    for sheet in answers.sheets:
        header, *rows = sheet.rows()
        if rows:
            texts = {}
            for name, cell in zip(header, rows[0], strict=False):
                if field := field_for(str(name), schema.by_header):
                    texts[field.id] = str(cell or "")
            return texts
    return {}


def _is_of_a_table(grid: Sequence[Sequence[str]], schema: SchemaModel) -> bool:
    return any(_header(grid, table) for table in _tables(schema))


def _rows_by_header(paper: Paper, table: FieldModel) -> list[_Texts]:
    """The rows below the header of a table."""
    for grid in paper.tables:
        if found := _header(grid, table):
            number, ids = found
            rows = [_row(ids, cells) for cells in grid[number + 1 :]]
            return [row for row in rows if _holds(row)]
    return []


def _row(ids: Sequence[str], cells: Sequence[str]) -> _Texts:
    """The cells by the ids of their columns; a column without an id is not ours."""
    return {name: cell for name, cell in zip(ids, cells, strict=True) if name}


def _header(grid: Sequence[Sequence[str]], table: FieldModel) -> tuple[int, list[str]] | None:
    """The first row that names two or more of a table's columns: its place (from 0), their ids."""
    index: dict[str, str] = {}
    for column in table.fields:
        for name in (*column.label.values(), *column.aliases, column.id):
            index.setdefault("".join(name.split()), column.id)
    for number, row in enumerate(grid):
        ids = [index.get("".join(cell.split()).rstrip("*＊：:"), "") for cell in row]
        if sum(map(bool, ids)) >= 2:
            return number, ids
    return None


def _as_schema(schema: SchemaModel, table: FieldModel) -> SchemaModel:
    return SchemaModel.model_construct(
        id=f"{schema.id}.{table.id}",
        version=schema.version,
        kind="form",
        title=table.label,
        fields=table.fields,
        header=True,
    )


def _checked(
    schema: SchemaModel,
    fields: Sequence[FieldModel],
    rows: Sequence[_Texts],
    setup: Setup,
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Each row's typed answers, and what is wrong; a bad answer is left out of its row."""
    layout = Layout(schema, tuple(MappedColumn(n, f, f.id) for n, f in enumerate(fields)), 1, None)
    checker = Checker(layout, setup.book, received=setup.received, language=setup.language)
    cells: list[list[Cell]] = []
    for row in rows:
        cells.append([_cell(field, row.get(field.id, "")) for field in fields])
    checked = checker.check(cells, range(1, len(cells) + 1), "")
    findings = [
        f._replace(column=None, sheet=None, row=f.row if len(rows) > 1 else None)
        for f in checked.findings
    ]
    return [checked.answers(index) for index in range(len(rows))], findings


def _cell(field: FieldModel, text: str) -> str:
    """What was written in a blank; of boxes, those that are ticked."""
    return ticked(text) if field.type in _TICKABLE else text
