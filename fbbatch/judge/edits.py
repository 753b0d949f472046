"""An edited ledger → the cells that somebody changed, compared with the issued copy. Source: N3.

Rows are known by their case number and columns by their headers, so sorting, filtering, inserted
columns and deleted rows change nothing. What was changed is checked as an answer of the form;
whether it may be applied, the run decides.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from fbbatch.codes import printed_codes
from fbbatch.findings import finding
from fbbatch.judge.rows import Setup
from fbbatch.messages import CellChange, EditedWorkbook, Refusal, WorkbookProof
from fbbatch.model import MATTER_NUMBER, WAITING_NUMBER, Cell, Finding
from fbbatch.read import Limits, Reading, Sheet, open_content
from fbbatch.schema import FieldModel, Layout, MappedColumn, SchemaModel
from fbbatch.validate import Checked, Checker, text_of

_HEADER_ROWS = 40
_KEY = re.compile(rf"{MATTER_NUMBER.pattern}|{WAITING_NUMBER.pattern}")
_HEADERS = 5
_FIELD_OF = {"notes": "remarks"}


@dataclass(frozen=True, slots=True)
class _CaseValues:
    """A workbook's values and where they stand, by (case number, column id).

    A case may stand on several sheets. `headers` are the rows (1-based) of the headers, by sheet.
    """

    values: dict[tuple[str, str], list["_FoundCell"]] = field(default_factory=dict)
    headers: dict[str, int] = field(default_factory=dict)


class _FoundCell(NamedTuple):
    """A cell: what stands in it, its sheet, row and column (1-based)."""

    cell: Cell
    sheet: str
    row: int
    column: int


def edits_message(
    reading: Reading, issued: Path | None, schema: SchemaModel, setup: Setup
) -> EditedWorkbook | Refusal:
    """What a worker tells of an edited ledger.

    Args:
        reading: the workbook that came back.
        issued: the copy in the outbox, None when it is gone.
        schema: the editable columns.
        setup: the rules.
    """
    own = reading.identity
    issue = own.get("issue", "")
    original = open_content(issued.read_bytes(), Limits()) if issued else None
    if not isinstance(original, Reading):
        return Refusal(finding("FB-edit-no-issue", issue=issue))
    before, headers = _as_issued(original)
    after = _CaseValues()
    heads = {sheet.name: _read_back(sheet, headers, after) for sheet in reading.sheets}
    editors = _editors(heads, after.headers)
    editable = frozenset(original.identity["editable"].split())
    changes, findings = _compared(before, after, editors, _EditRules(schema, editable, setup))
    above = [text for rows in heads.values() for row in rows for text in row]
    codes = [own.get("code", ""), *(code for code, _ in printed_codes("\n".join(above)))]
    return EditedWorkbook(
        schema.id,
        WorkbookProof(own["form"], issue, [code for code in codes if code]),
        after.headers,
        changes,
        findings,
    )


def _as_issued(original: Reading) -> tuple[_CaseValues, dict[str, str]]:
    """The issued copy's values, and the ids of its columns by their headers."""
    properties = original.identity
    values = _CaseValues()
    headers: dict[str, str] = {}
    for sheet in original.sheets:
        if f"columns:{sheet.name}" not in properties:
            continue
        ids = properties[f"columns:{sheet.name}"].split()
        header_row = int(properties[f"header_row:{sheet.name}"])
        rows = list(sheet.rows())
        headers |= dict(zip(map(text_of, rows[header_row - 1]), ids, strict=False))
        _take(rows[header_row:], dict(enumerate(ids)), sheet.name, header_row + 1, values)
    return values, headers


def _take(
    rows: Iterable[Sequence[Cell]],
    columns: Mapping[int, str],
    sheet: str,
    first: int,
    into: _CaseValues,
) -> None:
    place = next((n for n, name in columns.items() if name == "number"), None)
    for number, row in enumerate(rows, first):
        case = text_of(row[place]) if place is not None and place < len(row) else ""
        if _KEY.fullmatch(case):
            for n, name in columns.items():
                if name not in {"-", "serial", "number"}:
                    cell = row[n] if n < len(row) else None
                    into.values.setdefault((case, name), []).append(
                        _FoundCell(cell, sheet, number, n + 1)
                    )


def _read_back(sheet: Sheet, headers: Mapping[str, str], into: _CaseValues) -> list[list[str]]:
    """Take the cases of a returned sheet; the rows of texts above its header.

    Among those texts are the editor's name and the check code.
    """
    rows = list(sheet.rows())
    above: list[list[str]] = []
    for number, row in enumerate(rows[:_HEADER_ROWS]):
        texts = [text_of(cell) for cell in row]
        found = {n: headers[text] for n, text in enumerate(texts) if text in headers}
        if "number" in found.values() and len(found) >= _HEADERS:
            into.headers[sheet.name] = number + 1
            _take(rows[number + 1 :], found, sheet.name, number + 2, into)
            return above
        above.append(texts)
    return above


_EDITOR = ("修改人", "修改人", "Edited by")


def _editors(
    heads: Mapping[str, Iterable[Sequence[str]]], signed: Collection[str]
) -> dict[str, str]:
    """Who has edited each sheet, as it says above its header; the others are not signed."""
    editors: dict[str, str] = {}
    for sheet, rows in heads.items():
        if sheet in signed:
            named = filter(None, map(_editor_in, rows))
            if editor := next(named, ""):
                editors[sheet] = editor
    return editors


def _editor_in(texts: Sequence[str]) -> str:
    for n, text in enumerate(texts):
        if text.startswith(_EDITOR):
            own = text.replace(":", "：").partition("：")[2].strip()
            return own or next((other for other in texts[n + 1 :] if other), "")
    return ""


class _Edit(NamedTuple):
    """Cells of one column of one case that say something else than the issued one, `old`."""

    case: str
    column: str
    old: str
    places: list[_FoundCell]
    is_issued: bool

    @property
    def field(self) -> str:
        """The id of the field that the column holds."""
        return _FIELD_OF.get(self.column, self.column)

    @property
    def new(self) -> str:
        """What the first of the cells says."""
        return text_of(self.places[0].cell)

    @property
    def elsewhere(self) -> str:
        """What another of the cells says that does not agree with the first."""
        new = self.new
        texts = (text_of(place.cell) for place in self.places)
        return next((text for text in texts if text != new), "")

    @property
    def at(self) -> dict[str, Any]:
        """Where the first of the cells stands."""
        place = self.places[0]
        return {"sheet": place.sheet, "row": place.row, "column": place.column}


class _EditRules(NamedTuple):
    """By which an edit is judged; `editable` are the columns that may be edited."""

    schema: SchemaModel
    editable: frozenset[str]
    setup: Setup

    def refusal(self, edit: _Edit) -> Finding | None:
        """Why an edit is not even looked at as an answer."""
        at, case, old, new = edit.at, edit.case, edit.old, edit.new
        if not edit.is_issued:
            return finding("FB-edit-unknown-case", **at, case=case)
        if self._field(edit) is None or edit.column not in self.editable:
            return finding(
                "FB-edit-protected", **at, field=edit.column, case=case, old=old, new=new
            )
        if elsewhere := edit.elsewhere:
            return finding(
                "FB-edit-differs",
                **at,
                field=edit.field,
                case=case,
                old=old,
                new=new,
                elsewhere=elsewhere,
            )
        if not new:
            return finding("FB-edit-emptied", **at, field=edit.field, case=case, old=old)
        return None

    def checked(self, edit: _Edit) -> Checked:
        """What is new, as an answer of the form."""
        field = self._field(edit)
        assert field is not None  # noqa: S101 - else it was refused
        layout = Layout(self.schema, (MappedColumn(0, field, field.id),), 1, None)
        checker = Checker(
            layout,
            self.setup.book,
            received=self.setup.received,
            language=self.setup.language,
        )
        place = edit.places[0]
        return checker.check([[place.cell]], [place.row], place.sheet)

    def _field(self, edit: _Edit) -> FieldModel | None:
        return next((one for one in self.schema.fields if one.id == edit.field), None)


def _compared(
    before: _CaseValues, after: _CaseValues, editors: Mapping[str, str], rules: _EditRules
) -> tuple[list[CellChange], list[Finding]]:
    """The changes that may be applied, and what is wrong with the others.

    Who signs one sheet signs the workbook, unless somebody else does, too.
    """
    names = set(editors.values())
    only_editor = names.pop() if len(names) == 1 else ""
    changes: list[CellChange] = []
    findings: list[Finding] = []
    for edit in _edits(before, after):
        if refusal := rules.refusal(edit):
            findings.append(refusal)
            continue
        checked = rules.checked(edit)
        column = edit.places[0].column
        findings += [f._replace(column=column) for f in checked.findings]
        if not checked.bad:
            place = edit.places[0]
            change = CellChange(
                edit.case,
                edit.field,
                edit.old,
                edit.new,
                checked.columns[edit.field][0],
                place.sheet,
                place.row,
                place.column,
                by=editors.get(place.sheet, only_editor),
            )
            changes.append(change)
    return changes, list(_one_each(findings))


def _edits(before: _CaseValues, after: _CaseValues) -> Iterator[_Edit]:
    for (case, column), places in after.values.items():
        issued = before.values.get((case, column))
        old = text_of(issued[0].cell) if issued else ""
        edited = [place for place in places if text_of(place.cell) != old]
        if edited:
            yield _Edit(case, column, old, edited, is_issued=issued is not None)


def _one_each(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; of a case that was not issued only the first, whatever its cells say."""
    unknown: set[str] = set()
    for item in findings:
        if item.code != "FB-edit-unknown-case":
            yield item
        elif item.details["case"] not in unknown:
            unknown.add(item.details["case"])
            yield item._replace(column=None)
