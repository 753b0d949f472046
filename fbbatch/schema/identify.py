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
from fbbatch.schema.columns import (
    MappedColumn,
    Matched,
    UnknownColumn,
    UnusedColumn,
    match_columns,
)
from fbbatch.schema.lower_headers import imported_row, is_lower_header
from fbbatch.schema.models import FieldModel, SchemaModel
from fbbatch.schema.text import header_key

HEADER_SEARCH_ROWS = 21
_SIMILAR = 75
_LIKELIEST = 50
_TWO_ROWS_COST = 0.6
_ENOUGH = 3
_SHOWN, _SHOWN_CHARS = 12, 20  # headers of a row, and characters of each
_SERIALS = frozenset(
    header_key(name) for name in ("序號", "編號", "No.", "#", "ID", "項次", "行號", "serial")
)
"""Headers of running numbers, which say nothing and are passed over without a word."""

MergedArea = tuple[int, int, int, int]
"""The top, left, bottom and right of merged cells; each counts from 0."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a sheet is to be read: `first_row` is the first row of answers (1-based).

    `columns` has each field once; `further` are the other columns of a field, `unused` those that
    name one and do not answer it. `headed` are the columns that have any header, from 0.
    """

    schema: SchemaModel
    columns: tuple[MappedColumn, ...]
    first_row: int
    header_row: int | None
    unknown: tuple[UnknownColumn, ...] = ()
    further: tuple[MappedColumn, ...] = ()
    unused: tuple[UnusedColumn, ...] = ()
    headed: frozenset[int] = frozenset()
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


class _Candidate(NamedTuple):
    """Rows that may be a header, counted from 0, and the header of each column."""

    top: int
    bottom: int
    headers: list[str]


class _Fit(NamedTuple):
    """A schema, and the rows that are its header if a sheet follows it."""

    score: float
    schema: SchemaModel
    matched: Matched
    top: int
    bottom: int
    headers: list[str]

    @property
    def columns(self) -> list[MappedColumn]:
        """The columns of fields, each field once."""
        return self.matched.columns


def _text(cell: Cell) -> str:
    return cell.strip() if isinstance(cell, str) else ""


def _texts(rows: Sequence[Sequence[Cell]], merged: Sequence[MergedArea]) -> list[list[str]]:
    """The texts of the rows; cells of a merged area all have its text."""
    texts = [list(map(_text, row)) for row in rows]
    for area in merged:
        _fill(texts, area)
    return texts


def _candidates(texts: Sequence[list[str]]) -> list[_Candidate]:
    """What may be a header: every row, and every pair of rows as group and part."""
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


def _score(matched: Matched) -> float:
    """How well a header fits: by the fields it names, also those of which it has only parts."""
    mappings = [*matched.columns, *(unused.mapping for unused in matched.unused)]
    fields = {mapping.field.id: mapping.field for mapping in mappings}
    return sum(1.5 if field.required else 1 for field in fields.values())


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
    is_told = bool(hinted) or len(schemas) == 1
    positional = [schema for schema in allowed if not schema.header]
    if positional and is_told:
        return _by_position(positional[0])
    texts = _texts(rows[:HEADER_SEARCH_ROWS], merged)
    candidates = _candidates(texts)
    fits = _fits(_with_header(allowed, is_told=is_told), candidates, rows)
    if not fits:
        return _no_header(allowed, candidates, sheet)
    best = fits[0]
    if rivals := _rivals(fits):
        return finding(
            "FB-which-source",
            sheet=sheet,
            row=best.bottom + 1,
            candidate_schemas=",".join(dict.fromkeys([best.schema.id, *rivals])),
        )
    return _layout(_with_lower_header(best, texts, rows), rows, sheet)


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
    fits = _fits([schema], _candidates(_texts([row], ())), [row])
    if not fits:
        return None
    layout = _layout(fits[0], [row], sheet)
    above = number - 1
    return replace(
        layout,
        first_row=layout.first_row + above,
        header_row=number,
        findings=tuple(told._replace(row=number) for told in layout.findings),
    )


def _with_header(schemas: Sequence[SchemaModel], *, is_told: bool) -> list[SchemaModel]:
    """The schemas that a header can show; one that names none only where it is told."""
    return [schema for schema in schemas if schema.header and (is_told or schema.is_named)]


def _fits(
    schemas: Sequence[SchemaModel],
    candidates: Sequence[_Candidate],
    rows: Sequence[Sequence[Cell]],
) -> list[_Fit]:
    """The schemas that a sheet may follow, by each possible header; the best comes first."""
    fits: list[_Fit] = []
    for schema in schemas:
        for top, bottom, headers in candidates:
            matched = match_columns(headers, schema, rows[bottom + 1 :])
            if _convinces(matched.columns, schema):
                score = _score(matched) - (_TWO_ROWS_COST if top != bottom else 0)
                fits.append(_Fit(score, schema, matched, top, bottom, headers))
    fits.sort(key=lambda fit: (fit.score, -fit.bottom), reverse=True)
    return fits


def _no_header(
    allowed: Sequence[SchemaModel], candidates: Sequence[_Candidate], sheet: str
) -> Finding:
    """That no header was found: the row and schema that come nearest, and what they lack.

    Headers are told only of a row that has a known one; any other may hold somebody's answers.
    """
    schema, row, columns = _nearest(allowed, candidates)
    present = {mapped.field.id for mapped in columns}
    required = [field.id for field in schema.fields if field.required is True]
    missing = ",".join(name for name in required if name not in present)
    told = partial(
        finding,
        "FB-no-header",
        sheet=sheet,
        expected_fields=missing or None,
        schema=schema.id,
        known=len(columns),
        least=min(_ENOUGH, len(schema.fields)),
    )
    if row is None:
        return told()
    headers = [header[:_SHOWN_CHARS] for header in row.headers if header]
    return told(
        row=row.bottom + 1,
        headers="、".join(headers[:_SHOWN]),
    )


def _nearest(
    allowed: Sequence[SchemaModel], candidates: Sequence[_Candidate]
) -> tuple[SchemaModel, _Candidate | None, list[MappedColumn]]:
    """The schema and row that have most columns in common; no row where none has any."""
    nearest: tuple[SchemaModel, _Candidate | None, list[MappedColumn]] = (
        allowed[0],
        None,
        [],
    )
    for schema in allowed:
        for row in candidates:
            columns = match_columns(row.headers, schema, ()).columns
            if len(columns) > len(nearest[2]) and row.top == row.bottom:
                nearest = schema, row, columns
    return nearest


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


def _with_lower_header(
    fit: _Fit, texts: Sequence[list[str]], rows: Sequence[Sequence[Cell]]
) -> _Fit:
    """The fit with the row below its header, where that belongs to the header."""
    below = fit.bottom + 1
    if fit.top != fit.bottom or below >= len(texts):
        return fit
    choices = {m.column for m in fit.columns if m.field.type == "choices"}
    if not is_lower_header(fit.headers, rows[below], choices):
        return fit
    headers = _two_rows(fit.headers, texts[below])
    matched = match_columns(headers, fit.schema, rows[below + 1 :])
    return fit._replace(matched=matched, bottom=below, headers=headers)


def _layout(fit: _Fit, rows: Sequence[Sequence[Cell]], sheet: str) -> Layout:
    """How a sheet is to be read that follows a schema."""
    schema, matched = fit.schema, fit.matched
    skipped = fit.top + 1 + schema.header_rows + schema.skip_rows_after_header
    layout = Layout(
        schema=schema,
        columns=tuple(matched.columns),
        first_row=max(imported_row(rows, fit.bottom) + 2, skipped),
        header_row=fit.bottom + 1,
        unknown=tuple(matched.unknown),
        further=tuple(matched.further),
        unused=tuple(matched.unused),
        headed=frozenset(column for column, text in enumerate(fit.headers) if text.strip()),
    )
    return replace(layout, findings=tuple(_remarks(layout, sheet)))


def _convinces(columns: list[MappedColumn], schema: SchemaModel) -> bool:
    """Whether enough columns are known by their headers."""
    required = [f for f in schema.fields if f.required is True and not f.column]
    named = [m for m in columns if not m.field.column]
    found = sum(m.field.required is True for m in named)
    n_fields = sum(not field.column for field in schema.fields)
    return len(named) >= min(_ENOUGH, n_fields) and (not required or found * 2 >= len(required))


def _by_position(schema: SchemaModel) -> Layout:
    columns = tuple(MappedColumn(f.column - 1, f, f.label["en"]) for f in schema.fields if f.column)
    return Layout(schema, columns, 1 + schema.skip_rows_after_header, None)


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
    remarks += _doubled(layout, place)
    index = layout.schema.by_header
    for column, header in layout.unknown:
        if (column, header) not in suggested and header_key(header) not in _SERIALS:
            remarks.append(
                place(
                    "FB-column-unknown",
                    column=column + 1,
                    header=header,
                    near_field=_most_alike(header, index),
                )
            )
    return remarks


def _doubled(layout: Layout, place: "partial[Finding]") -> list[Finding]:
    """Fields with several headers; headers that name a field and are not its answer."""
    first = {mapping.field.id: mapping.header for mapping in layout.columns}
    remarks: list[Finding] = []
    for mapping in layout.further:
        if mapping.field.type != "choices" and not mapping.option:
            remarks.append(
                place(
                    "FB-column-doubled",
                    column=mapping.column + 1,
                    field=mapping.field.id,
                    header=mapping.header,
                    first=first[mapping.field.id],
                )
            )
    for mapping, code in layout.unused:
        remarks.append(
            place(
                code,
                column=mapping.column + 1,
                field=mapping.field.id,
                header=mapping.header,
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
