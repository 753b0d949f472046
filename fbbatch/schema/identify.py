"""Which schema a sheet follows, where its header is, and which column answers which field.

Headers are compared by `header_keys`: decoration, script, case and language set aside. Up to 20
junk rows may stand above; a header may take two rows (groups over parts, merged cells).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from rapidfuzz import fuzz, process

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.schema.models import FieldModel, SchemaModel
from fbbatch.schema.text import header_key, header_keys

HEADER_SEARCH_ROWS = 21
_SIMILAR = 75
_ENOUGH = 3
_SERIALS = frozenset(
    header_key(name) for name in ("序號", "編號", "No.", "#", "ID", "項次", "行號", "serial")
)
"""Headers of running numbers, which say nothing and are passed over without a word."""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column and the field it answers. `column` is 0-based; `header` is the text as written."""

    column: int
    field: FieldModel
    header: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How a sheet is to be read: `first_row` is the first row of answers (1-based)."""

    schema: SchemaModel
    columns: tuple[MappedColumn, ...]
    first_row: int
    header_row: int | None
    unknown: tuple[tuple[int, str], ...] = ()
    findings: tuple[Finding, ...] = field(default=())

    @property
    def missing(self) -> list[FieldModel]:
        """Required fields for which the sheet has no column."""
        present = {mapping.field.id for mapping in self.columns}
        groups = {m.field.either_or for m in self.columns if m.field.either_or}
        return [
            f
            for f in self.schema.fields
            if f.required is True
            and f.id not in present
            and f.default is None
            and f.split_from not in present
            and not (f.either_or and f.either_or in groups)
        ]


def field_for(header: str, index: dict[str, FieldModel]) -> FieldModel | None:
    """The field that a header names, in an index such as `SchemaModel.by_header`."""
    return next((index[key] for key in header_keys(header) if key in index), None)


def _match(
    headers: Sequence[str], schema: SchemaModel
) -> tuple[list[MappedColumn], list[tuple[int, str]]]:
    index = schema.by_header
    taken: dict[str, int] = {}
    columns: list[MappedColumn] = []
    unknown: list[tuple[int, str]] = []
    for column, header in enumerate(headers):
        if not header.strip():
            continue
        found = field_for(header, index)
        if found is None or found.id in taken:
            unknown.append((column, header))
            continue
        taken[found.id] = column
        columns.append(MappedColumn(column, found, header))
    return columns, unknown


def _text(cell: Cell) -> str:
    if cell is None or isinstance(cell, bool):
        return ""
    return str(cell).strip() if isinstance(cell, str) else ""


def _candidates(
    rows: Sequence[Sequence[Cell]], merged: Sequence[tuple[int, int, int, int]]
) -> list[tuple[int, int, list[str]]]:
    """What may be a header: every row, and every pair of rows as group and part.

    Each is (first row, last row, header texts); rows count from 0.
    """
    filled = [[_text(cell) for cell in row] for row in rows]
    for top, left, bottom, right in merged:
        for r in range(top, min(bottom, len(filled) - 1) + 1):
            for c in range(left, min(right, len(filled[r]) - 1) + 1):
                filled[r][c] = filled[top][left] if left < len(filled[top]) else ""
    result = []
    for number, texts in enumerate(filled):
        if sum(map(bool, texts)) >= 2:
            result.append((number, number, texts))
        if number and any(texts) and any(filled[number - 1]):
            above, group = filled[number - 1], ""
            pair = []
            for column in range(max(len(above), len(texts))):
                upper = above[column] if column < len(above) else ""
                lower = texts[column] if column < len(texts) else ""
                group = upper or (group if lower else "")
                pair.append(
                    lower
                    if lower and lower == group
                    else f"{group}\n{lower}".strip()
                    if not lower or not upper
                    else f"{upper}\n{lower}"
                )
            result.append((number - 1, number, pair))
    return result


def _score(columns: list[MappedColumn]) -> float:
    return sum(1.5 if m.field.required else 1 for m in columns)


def _pair_keys(header: str) -> list[str]:
    upper, _, lower = header.partition("\n")
    return [lower, upper, upper + lower] if lower else [header]


def _match_pair(
    headers: Sequence[str], schema: SchemaModel
) -> tuple[list[MappedColumn], list[tuple[int, str]]]:
    """As `_match`, for two-row headers: the part decides, then the group, then both together."""
    index = schema.by_header
    chosen = []
    for header in headers:
        options = [option for option in _pair_keys(header) if option and field_for(option, index)]
        chosen.append(options[0] if options else header.replace("\n", " "))
    return _match(chosen, schema)


def identify(
    rows: Sequence[Sequence[Cell]],
    schemas: Sequence[SchemaModel],
    *,
    sheet: str,
    folder: str | None = None,
    merged: Sequence[tuple[int, int, int, int]] = (),
) -> Layout | Finding:
    """Find the schema and the header of a sheet.

    Args:
        rows: the sheet's first rows, at least `HEADER_SEARCH_ROWS` of them where there are so many.
        schemas: the schemas it may follow.
        sheet: the sheet's name, for messages.
        folder: the name of the inbox sub-folder it lay in; it narrows the schemas.
        merged: merged areas as (top, left, bottom, right), 0-based.

    Returns:
        The layout, with findings for unknown, doubled and missing columns; or one finding
        (`FB-no-header`, `FB-which-source`) when no schema fits.
    """
    hinted = [s for s in schemas if s.is_of_folder(folder)]
    allowed = hinted or list(schemas)
    positional = [s for s in allowed if not s.header]
    if positional and (hinted or len(schemas) == 1):
        return _by_position(positional[0])
    best: list[
        tuple[float, int, SchemaModel, list[MappedColumn], list[tuple[int, str]], int, int]
    ] = []
    candidates = _candidates(rows[:HEADER_SEARCH_ROWS], merged)
    for schema in (s for s in allowed if s.header):
        for top, bottom, headers in candidates:
            matcher = _match if top == bottom else _match_pair
            columns, unknown = matcher(headers, schema)
            if not _convinces(columns, schema):
                continue
            score = _score(columns) - (0.6 if top != bottom else 0)
            best.append((score, -bottom, schema, columns, unknown, top, bottom))
    best.sort(key=lambda item: item[:2], reverse=True)
    if not best:
        wanted = [f.id for s in allowed[:1] for f in s.fields if f.required is True]
        return finding(
            "FB-no-header", sheet=sheet, expected_fields=",".join(wanted), schema=allowed[0].id
        )
    score, _, schema, columns, unknown, top, bottom = best[0]
    rivals = [
        s.id
        for other, _, s, cols, *_ in best
        if s.id != schema.id and other == score and len(cols) == len(columns)
    ]
    if rivals:
        return finding(
            "FB-which-source",
            sheet=sheet,
            row=bottom + 1,
            candidates="、".join(dict.fromkeys([schema.id, *rivals])),
        )
    first_row = max(bottom + 2, top + 1 + schema.header_rows) + schema.skip_rows_after_header
    layout = Layout(schema, tuple(columns), first_row, bottom + 1, tuple(unknown))
    return Layout(
        schema,
        layout.columns,
        first_row,
        bottom + 1,
        layout.unknown,
        tuple(_remarks(layout, sheet)),
    )


def _convinces(columns: list[MappedColumn], schema: SchemaModel) -> bool:
    required = [f for f in schema.fields if f.required is True]
    found = sum(m.field.required is True for m in columns)
    return len(columns) >= min(_ENOUGH, len(schema.fields)) and (
        not required or found * 2 >= len(required)
    )


def _by_position(schema: SchemaModel) -> Layout:
    columns = tuple(MappedColumn(f.column - 1, f, f.label["en"]) for f in schema.fields if f.column)
    return Layout(schema, columns, 1, None)


def _remarks(layout: Layout, sheet: str) -> list[Finding]:
    """Missing required columns (errors); unknown and doubled ones (notes).

    An error tells the likeliest header.
    """
    spare = {header_key(text): (column, text) for column, text in layout.unknown}
    taken = {m.field.id: m.header for m in layout.columns}
    index = layout.schema.by_header
    remarks = []
    suggested: set[tuple[int, str]] = set()
    for f in layout.missing:
        names = [header_key(name) for name in (*f.label.values(), *f.aliases)]
        near = max(
            (
                (hit[1], spare[hit[0]])
                for name in names
                if (hit := process.extractOne(name, list(spare), scorer=fuzz.ratio))
            ),
            default=None,
        )
        column, text = near[1] if near and near[0] >= 50 else (None, "")
        if column is not None:
            suggested.add((column, text))
        remarks.append(
            finding(
                "FB-column-missing",
                sheet=sheet,
                row=layout.header_row,
                column=None if column is None else column + 1,
                field=f.id,
                near=text or None,
            )
        )
    for column, text in layout.unknown:
        known = field_for(text, index)
        place = partial(finding, sheet=sheet, row=layout.header_row, column=column + 1)
        if known and known.id in taken:
            doubled = place("FB-column-doubled", field=known.id, header=text, first=taken[known.id])
            remarks.append(doubled)
            continue
        if (column, text) in suggested or header_key(text) in _SERIALS:
            continue
        alike = process.extractOne(
            header_key(text), list(index), scorer=fuzz.ratio, score_cutoff=_SIMILAR
        )
        near_field = index[alike[0]].id if alike else None
        remarks.append(place("FB-column-unknown", header=text, near_field=near_field))
    return remarks
