"""Which schema a sheet follows, where its header is, and which column answers which field.

Headers are compared by `header_keys`: decoration, script, case and language set aside. Up to 20
junk rows may stand above; a header may take two rows (groups over parts, merged cells).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from typing import NamedTuple

from rapidfuzz import fuzz, process

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.schema.models import FieldModel, SchemaModel
from fbbatch.schema.text import header_key, header_keys

HEADER_SEARCH_ROWS = 21
_SIMILAR = 75
_LIKELIEST = 50
_TWO_ROWS_COST = 0.6
_ENOUGH = 3
_SERIALS = frozenset(
    header_key(name) for name in ("序號", "編號", "No.", "#", "ID", "項次", "行號", "serial")
)
"""Headers of running numbers, which say nothing and are passed over without a word."""

MergedArea = tuple[int, int, int, int]
"""The top, left, bottom and right of merged cells; each counts from 0."""

UnknownColumn = tuple[int, str]
"""A column that answers no field: its number, from 0, and its header as written."""


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
    unknown: tuple[UnknownColumn, ...] = ()
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
) -> tuple[list[MappedColumn], list[UnknownColumn]]:
    index = schema.by_header
    taken: dict[str, int] = {}
    columns: list[MappedColumn] = []
    unknown: list[UnknownColumn] = []
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


class _Candidate(NamedTuple):
    """Rows that may be a header, counted from 0, and the header of each column."""

    top: int
    bottom: int
    headers: list[str]


class _Fit(NamedTuple):
    """A schema, and the rows that are its header if a sheet follows it."""

    score: float
    schema: SchemaModel
    columns: list[MappedColumn]
    unknown: list[UnknownColumn]
    top: int
    bottom: int


def _text(cell: Cell) -> str:
    return cell.strip() if isinstance(cell, str) else ""


def _candidates(rows: Sequence[Sequence[Cell]], merged: Sequence[MergedArea]) -> list[_Candidate]:
    """What may be a header: every row, and every pair of rows as group and part."""
    texts = [list(map(_text, row)) for row in rows]
    for area in merged:
        _fill(texts, area)
    result: list[_Candidate] = []
    above: list[str] = []
    for number, row in enumerate(texts):
        if sum(map(bool, row)) >= 2:
            result.append(_Candidate(number, number, row))
        if any(row) and any(above):
            result.append(_Candidate(number - 1, number, _two_rows(above, row)))
        above = row
    return result


def _fill(texts: list[list[str]], area: MergedArea) -> None:
    """Write the text of a merged area into each of its cells."""
    top, left, bottom, right = area
    rows = texts[top : bottom + 1]
    text = rows[0][left] if rows and left < len(rows[0]) else ""
    for row in rows:
        for column in range(left, min(right + 1, len(row))):
            row[column] = text


def _two_rows(above: list[str], below: list[str]) -> list[str]:
    r"""Headers of two rows, as `group\npart`; a group goes on until the next one or a gap."""
    headers: list[str] = []
    group = ""
    for upper, part in zip_longest(above, below, fillvalue=""):
        group = upper or (group if part else "")
        headers.append(part if part == group else f"{group}\n{part}".strip())
    return headers


def _score(columns: list[MappedColumn]) -> float:
    return sum(1.5 if m.field.required else 1 for m in columns)


def _pair_keys(header: str) -> list[str]:
    upper, _, lower = header.partition("\n")
    return [lower, upper, upper + lower] if lower else [header]


def _match_pair(
    headers: Sequence[str], schema: SchemaModel
) -> tuple[list[MappedColumn], list[UnknownColumn]]:
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
    merged: Sequence[MergedArea] = (),
) -> Layout | Finding:
    """Find the schema and the header of a sheet.

    Args:
        rows: the sheet's first rows, at least `HEADER_SEARCH_ROWS` of them where there are so many.
        schemas: the schemas it may follow.
        sheet: the sheet's name, for messages.
        folder: the name of the inbox sub-folder it lay in; it narrows the schemas.
        merged: its merged areas.

    Returns:
        The layout, with findings for unknown, doubled and missing columns; or one finding
        (`FB-no-header`, `FB-which-source`) when no schema fits.
    """
    hinted = [schema for schema in schemas if schema.is_of_folder(folder)]
    allowed = hinted or list(schemas)
    positional = [schema for schema in allowed if not schema.header]
    if positional and (hinted or len(schemas) == 1):
        return _by_position(positional[0])
    candidates = _candidates(rows[:HEADER_SEARCH_ROWS], merged)
    fits = _fits([schema for schema in allowed if schema.header], candidates)
    if not fits:
        return _no_header(allowed, sheet)
    best = fits[0]
    if rivals := _rivals(fits):
        return finding(
            "FB-which-source",
            sheet=sheet,
            row=best.bottom + 1,
            candidates="、".join(dict.fromkeys([best.schema.id, *rivals])),
        )
    return _layout(best, sheet)


def header_in(
    row: Sequence[Cell], schema: SchemaModel, *, sheet: str, number: int
) -> Layout | None:
    """The layout that a row in the middle of a sheet begins; None where it is no header.

    Args:
        row: its cells.
        schema: the one that the sheet follows.
        sheet: the sheet's name, for messages.
        number: of the row, as Excel shows it.
    """
    fits = _fits([schema], _candidates([row], ()))
    if not fits:
        return None
    place = number - 1
    return _layout(fits[0]._replace(top=place, bottom=place), sheet)


def _fits(schemas: Sequence[SchemaModel], candidates: Sequence[_Candidate]) -> list[_Fit]:
    """The schemas that a sheet may follow, by each possible header; the best comes first."""
    fits: list[_Fit] = []
    for schema in schemas:
        for top, bottom, headers in candidates:
            is_pair = top != bottom
            columns, unknown = (_match_pair if is_pair else _match)(headers, schema)
            if _convinces(columns, schema):
                score = _score(columns) - (_TWO_ROWS_COST if is_pair else 0)
                fits.append(_Fit(score, schema, columns, unknown, top, bottom))
    fits.sort(key=lambda fit: (fit.score, -fit.bottom), reverse=True)
    return fits


def _no_header(allowed: Sequence[SchemaModel], sheet: str) -> Finding:
    """That no header was found, with the fields that are wanted first of all."""
    schema = allowed[0]
    required = [field.id for field in schema.fields if field.required is True]
    return finding(
        "FB-no-header",
        sheet=sheet,
        expected_fields=",".join(required),
        schema=schema.id,
    )


def _rivals(fits: Sequence[_Fit]) -> list[str]:
    """The schemas that fit just as well as the best one."""
    best = fits[0]
    return [
        fit.schema.id
        for fit in fits
        if fit.schema.id != best.schema.id
        and fit.score == best.score
        and len(fit.columns) == len(best.columns)
    ]


def _layout(fit: _Fit, sheet: str) -> Layout:
    """How a sheet is to be read that follows a schema."""
    schema = fit.schema
    below_header = max(fit.bottom + 2, fit.top + 1 + schema.header_rows)
    layout = Layout(
        schema=schema,
        columns=tuple(fit.columns),
        first_row=below_header + schema.skip_rows_after_header,
        header_row=fit.bottom + 1,
        unknown=tuple(fit.unknown),
    )
    return replace(layout, findings=tuple(_remarks(layout, sheet)))


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
    suggested: set[UnknownColumn] = set()
    place = partial(finding, sheet=sheet, row=layout.header_row)
    remarks: list[Finding] = []
    for missing in layout.missing:
        column, near = None, None
        if likeliest := _likeliest(missing, spare):
            suggested.add(likeliest)
            column, near = likeliest[0] + 1, likeliest[1]
        remarks.append(
            place(
                "FB-column-missing",
                column=column,
                field=missing.id,
                near=near,
            )
        )
    taken = {mapping.field.id: mapping.header for mapping in layout.columns}
    index = layout.schema.by_header
    for column, header in layout.unknown:
        at = partial(place, column=column + 1)
        known = field_for(header, index)
        if known and known.id in taken:
            remarks.append(
                at(
                    "FB-column-doubled",
                    field=known.id,
                    header=header,
                    first=taken[known.id],
                )
            )
        elif (column, header) not in suggested and header_key(header) not in _SERIALS:
            remarks.append(
                at(
                    "FB-column-unknown",
                    header=header,
                    near_field=_most_alike(header, index),
                )
            )
    return remarks


def _likeliest(missing: FieldModel, spare: dict[str, UnknownColumn]) -> UnknownColumn | None:
    """The column, of those nobody knows, that is most likely meant by a field."""
    likely: list[tuple[float, UnknownColumn]] = []
    keys = list(spare)
    for name in (*missing.label.values(), *missing.aliases):
        match = process.extractOne(
            header_key(name),
            keys,
            scorer=fuzz.ratio,
        )
        if match and match[1] >= _LIKELIEST:
            key, score, _ = match
            likely.append((score, spare[key]))
    return max(likely)[1] if likely else None


def _most_alike(header: str, index: dict[str, FieldModel]) -> str | None:
    """The field that has a name most like a header."""
    match = process.extractOne(
        header_key(header),
        list(index),
        scorer=fuzz.ratio,
        score_cutoff=_SIMILAR,
    )
    return index[match[0]].id if match else None
