"""An edited ledger → the cells that somebody changed, compared with the issued copy. Source: N3.

Rows are known by their case number and columns by their headers, so sorting, filtering, inserted
columns and deleted rows change nothing. What was changed is checked as an answer of the form;
whether it may be applied, the run decides.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from fbbatch.codes import printed_codes
from fbbatch.findings import finding
from fbbatch.judge.messages import Message
from fbbatch.judge.rows import Setup
from fbbatch.model import CASE_NUMBER, WAITING_NUMBER, Cell, Finding
from fbbatch.read import Limits, Reading, Sheet, open_content
from fbbatch.schema import Layout, MappedColumn, SchemaModel
from fbbatch.validate import Checker, text_of

_HEADER_ROWS = 40
_KEY = re.compile(rf"{CASE_NUMBER.pattern}|{WAITING_NUMBER.pattern}")
_HEADERS = 5
_FIELD_OF = {"notes": "remarks"}


@dataclass(frozen=True, slots=True)
class _Table:
    """A workbook's values and where they stand, by (case number, column id).

    A case may stand on several sheets. `headers` are the rows (1-based) of the headers, by sheet.
    """

    values: dict[tuple[str, str], list["_Place"]] = field(default_factory=dict)
    headers: dict[str, int] = field(default_factory=dict)


class _Place(NamedTuple):
    """A cell: what stands in it, its sheet, row and column (1-based)."""

    cell: Cell
    sheet: str
    row: int
    column: int


def edits_message(
    reading: Reading, issued: Path | None, schema: SchemaModel, setup: Setup
) -> Message:
    """What a worker tells of an edited ledger.

    `edits` holds who edited it and the changes that may be applied.

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
    before = _Table()
    for sheet in original.sheets:
        if f"columns:{sheet.name}" in told:
            ids, header_row = (
                told[f"columns:{sheet.name}"].split(),
                int(told[f"header_row:{sheet.name}"]),
            )
            rows = list(sheet.rows())
            headers |= dict(
                zip((text_of(cell) for cell in rows[header_row - 1]), ids, strict=False)
            )
            _take(rows[header_row:], dict(enumerate(ids)), sheet.name, header_row + 1, before)
    after = _Table()
    heads = {sheet.name: _read_back(sheet, headers, after) for sheet in reading.sheets}
    own_heads = {
        name: rows for name, rows in heads.items() if name in after.headers
    }  # no other sheet is signed
    editors = {
        name: editor
        for name, rows in own_heads.items()
        if (editor := next(filter(None, map(_editor_in, rows)), ""))
    }
    message = _told(before, after, editors, schema, frozenset(told["editable"].split()), setup)
    own = reading.identity
    above = "\n".join(text for rows in heads.values() for row in rows for text in row)
    codes = [own.get("code", ""), *(code for code, _ in printed_codes(above))]
    message["edits"] |= {
        "kind": own["form"],
        "issue": own.get("issue", ""),
        "codes": [code for code in codes if code],
        "headers": after.headers,
    }
    return message


def _take(
    rows: Iterable[Sequence[Cell]], columns: Mapping[int, str], sheet: str, first: int, into: _Table
) -> None:
    place = next((n for n, name in columns.items() if name == "number"), None)
    for number, row in enumerate(rows, first):
        case = text_of(row[place]) if place is not None and place < len(row) else ""
        if _KEY.fullmatch(case):
            for n, name in columns.items():
                if name not in {"-", "serial", "number"}:
                    cell = row[n] if n < len(row) else None
                    into.values.setdefault((case, name), []).append(
                        _Place(cell, sheet, number, n + 1)
                    )


def _read_back(sheet: Sheet, headers: Mapping[str, str], into: _Table) -> list[list[str]]:
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


def _editor_in(texts: Sequence[str]) -> str:
    for n, text in enumerate(texts):
        if text.startswith(_EDITOR):
            own = text.replace(":", "：").partition("：")[2].strip()
            return own or next((other for other in texts[n + 1 :] if other), "")
    return ""


def _told(
    before: _Table,
    after: _Table,
    editors: Mapping[str, str],
    schema: SchemaModel,
    editable: frozenset[str],
    setup: Setup,
) -> Message:
    fields = {one.id: one for one in schema.fields}
    names = set(editors.values())
    editor = (
        names.pop() if len(names) == 1 else ""
    )  # who signs one sheet signs the workbook, unless somebody else does, too
    changes: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for (case, column), places in after.values.items():
        issued = before.values.get((case, column), ())
        old = text_of(issued[0].cell) if issued else ""
        edited = [one for one in places if text_of(one.cell) != old]
        if not edited:
            continue
        place, new = edited[0], text_of(edited[0].cell)
        at: dict[str, Any] = {"sheet": place.sheet, "row": place.row, "column": place.column}
        name = _FIELD_OF.get(column, column)
        if (case, column) not in before.values:
            findings.append(finding("FB-edit-unknown-case", **at, case=case))
        elif name not in fields or column not in editable:
            findings.append(
                finding("FB-edit-protected", **at, field=column, case=case, old=old, new=new)
            )
        elif other := next((text for one in edited if (text := text_of(one.cell)) != new), ""):
            findings.append(
                finding(
                    "FB-edit-differs",
                    **at,
                    field=name,
                    case=case,
                    old=old,
                    new=new,
                    elsewhere=other,
                )
            )
        elif not new:
            findings.append(finding("FB-edit-emptied", **at, field=name, case=case, old=old))
        else:
            layout = Layout(schema, (MappedColumn(0, fields[name], name),), 1, None)
            checker = Checker(layout, setup.book, received=setup.received, language=setup.language)
            checked = checker.check([[place.cell]], [place.row], place.sheet)
            findings += [f._replace(column=place.column) for f in checked.findings]
            if not checked.bad:
                told = {
                    "case": case,
                    "field": name,
                    "old": old,
                    "new": new,
                    "value": checked.columns[name][0],
                }
                changes.append({**told, **at, "by": editors.get(place.sheet, editor)})
    return {"edits": {"form": schema.id, "changes": changes}, "findings": list(_one_each(findings))}


def _one_each(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; of a case that was not issued only the first, whatever its cells say."""
    unknown: set[str] = set()
    for item in findings:
        if item.code != "FB-edit-unknown-case":
            yield item
        elif item.details["case"] not in unknown:
            unknown.add(item.details["case"])
            yield item._replace(column=None)
