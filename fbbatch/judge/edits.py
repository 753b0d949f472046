"""An edited ledger → the cells that somebody has changed, compared with the copy that was issued. Source: N3.

Rows are known by their case number and columns by their headers, so sorting, filtering, inserted columns and deleted rows
change nothing. What was changed is checked as an answer of the form; whether it may be applied, the run decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fbbatch.findings import finding
from fbbatch.judge.frames import Message
from fbbatch.judge.rows import Setup
from fbbatch.model import CASE_NUMBER, Cell, Finding
from fbbatch.read import Limits, Reading, Sheet, open_content
from fbbatch.schema import Layout, MappedColumn, SchemaModel
from fbbatch.validate import Checker, text_of

_HEADER_ROWS = 40
_HEADERS = 5
_FIELD_OF = {"notes": "remarks"}


@dataclass(frozen=True, slots=True)
class _Table:
    """A workbook: by (case number, column id) the values and where they stand; a case may stand on several sheets."""

    values: dict[tuple[str, str], list[tuple[Cell, str, int]]]


def edits_message(reading: Reading, issued: Path | None, schema: SchemaModel, setup: Setup) -> Message:
    """What a worker tells of an edited ledger: `edits` holds who edited it and the changes that may be applied.

    Args:
        reading: the workbook that came back.
        issued: the copy in the outbox, None when it is gone.
        schema: the editable columns.
        setup: the rules.
    """
    if issued is None:
        return {"failed": finding("FB-edit-no-issue", issue=reading.identity.get("issue", ""))}
    original = open_content(issued.read_bytes(), Limits())
    if not isinstance(original, Reading):
        return {"failed": finding("FB-edit-no-issue", issue=reading.identity.get("issue", ""))}
    told = original.identity
    headers: dict[str, str] = {}
    before = _Table({})
    for sheet in original.sheets:
        if f"columns:{sheet.name}" in told:
            ids, header_row = told[f"columns:{sheet.name}"].split(), int(told[f"header_row:{sheet.name}"])
            rows = list(sheet.rows())
            headers |= dict(zip((text_of(cell) for cell in rows[header_row - 1]), ids, strict=False))
            _take(rows[header_row:], dict(enumerate(ids)), sheet.name, header_row + 1, before)
    after, editor = _Table({}), ""
    for sheet in reading.sheets:
        editor = _read_back(sheet, headers, after) or editor
    return _told(before, after, editor, schema, frozenset(told["editable"].split()), setup)


def _take(rows: Iterable[Sequence[Cell]], columns: Mapping[int, str], sheet: str, first: int, into: _Table) -> None:
    place = next((n for n, name in columns.items() if name == "number"), None)
    for number, row in enumerate(rows, first):
        case = text_of(row[place]) if place is not None and place < len(row) else ""
        if CASE_NUMBER.fullmatch(case):
            for n, name in columns.items():
                if name not in {"-", "serial", "number"}:
                    into.values.setdefault((case, name), []).append((row[n] if n < len(row) else None, sheet, number))


def _read_back(sheet: Sheet, headers: Mapping[str, str], into: _Table) -> str:
    """Take the cases of a returned sheet; the name that the editor has given above its header."""
    rows = list(sheet.rows())
    editor = ""
    for number, row in enumerate(rows[:_HEADER_ROWS]):
        texts = [text_of(cell) for cell in row]
        found = {n: headers[text] for n, text in enumerate(texts) if text in headers}
        if "number" in found.values() and len(found) >= _HEADERS:
            _take(rows[number + 1 :], found, sheet.name, number + 2, into)
            return editor
        editor = editor or _editor_in(texts)
    return editor


_EDITOR = ("修改人", "修改人", "Edited by")


def _editor_in(texts: Sequence[str]) -> str:
    for n, text in enumerate(texts):
        if text.startswith(_EDITOR):
            own = text.replace(":", "：").partition("：")[2].strip()
            return own or next((other for other in texts[n + 1 :] if other), "")
    return ""


def _told(before: _Table, after: _Table, editor: str, schema: SchemaModel, editable: frozenset[str], setup: Setup) -> Message:
    fields = {field.id: field for field in schema.fields}
    changes: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for (case, column), places in after.values.items():
        old = text_of(before.values.get((case, column), [(None, "", 0)])[0][0])
        cell, sheet, row = next((place for place in places if text_of(place[0]) != old), places[0])
        if (new := text_of(cell)) == old:
            continue
        name = _FIELD_OF.get(column, column)
        if (case, column) not in before.values:
            findings.append(finding("FB-edit-unknown-case", sheet=sheet, row=row, case=case))
        elif name not in fields or column not in editable:
            findings.append(finding("FB-edit-protected", sheet=sheet, row=row, field=column, case=case, old=old, new=new))
        else:
            layout = Layout(schema, (MappedColumn(0, fields[name], name),), 1, None)
            checked = Checker(layout, setup.book, received=setup.received, language=setup.language).check([[cell]], [row], sheet)
            findings += [f._replace(column=None) for f in checked.findings]
            if not checked.bad:
                changes.append(
                    {"case": case, "field": name, "old": old, "new": new, "value": checked.columns[name][0], "sheet": sheet, "row": row}
                )
    unknown = {f.details["case"] for f in findings if f.code == "FB-edit-unknown-case"}
    once = [f for f in findings if f.code != "FB-edit-unknown-case"]
    once += [finding("FB-edit-unknown-case", case=case) for case in sorted(unknown)]
    return {"edits": {"form": schema.id, "by": editor, "changes": changes}, "findings": once}
