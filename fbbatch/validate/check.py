"""The compiled checks of one sheet's layout."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rapidfuzz import fuzz, process

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding, Submission
from fbbatch.schema import Book, FieldModel, Layout, Mapping_
from fbbatch.validate.values import (
    MAX_TEXT,
    Bad,
    Parse,
    Value,
    date_parser,
    parse_boolean,
    parse_case,
    parse_contact,
    parse_integer,
    parse_number,
    says_nothing,
    text_of,
)
from fbbatch.words import fold, simplified

_MEMO = 50_000
_LETTER_GRADES = frozenset("abcdefs") | {f"s{n}" for n in range(6)} | {f"p{n}" for n in range(6)} | {"major"}


class _Memo(dict[Cell, Any]):
    """Cell → value; what repeats is parsed once. Bounded, so that a column of unlike answers costs no memory."""

    def __init__(self, parse: Parse) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, cell: Cell) -> Any:
        if len(self) > _MEMO:
            self.clear()
        value = self[cell] = self._parse(cell)
        return value


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of checking some rows.

    `fields` are the ids of the answered fields; `values` one tuple per row in that order; `bad` the indices
    (from 0) of rows that go back; `findings` name rows as the file shows them.
    """

    fields: tuple[str, ...]
    values: list[tuple[Value, ...]]
    bad: frozenset[int]
    findings: list[Finding]


class Checker:
    """The checks of one layout, compiled. Keeps what is needed across the rows of one sheet (uniqueness)."""

    def __init__(
        self,
        layout: Layout,
        book: Book,
        *,
        received: dt.datetime,
        language: str,
        merged: Sequence[tuple[int, int, int, int]] = (),
    ) -> None:
        self._layout = layout
        self._book = book
        self._language = language
        self._received = received.date().isoformat()
        self._zone = received.tzinfo
        mapped = {mapping.field.id: mapping for mapping in layout.columns}
        derived = [f for f in layout.schema.fields if f.id not in mapped and (f.default is not None or f.split_from in mapped)]
        self._mappings = [*layout.columns, *(Mapping_(-1, f, "") for f in derived)]
        self.fields = tuple(mapping.field.id for mapping in self._mappings)
        self._place = {field_id: number for number, field_id in enumerate(self.fields)}
        self._memos = [_Memo(self._parser(mapping.field)) for mapping in self._mappings]
        self._seen: dict[str, dict[Any, int]] = {m.field.id: {} for m in self._mappings if m.field.unique}
        self._noted: set[tuple[str, Value]] = set()
        carried = {m.column for m in layout.columns if m.field.carry_down}
        self._spans = {
            c: {row + 1: top + 1 for top, left, bottom, right in merged if left <= c <= right for row in range(top, bottom + 1)}
            for c in carried
        }
        self._tops: dict[tuple[int, int], Cell] = {}
        self._column_missing = bool(layout.missing)
        self._width = 1 + max((mapping.column for mapping in layout.columns), default=-1)

    # --- rows ----------------------------------------------------------------------------------------------

    def check(self, rows: Sequence[Sequence[Cell]], row_numbers: Sequence[int], sheet: str) -> Checked:
        """Check rows of the sheet in order; never raises for what a cell holds.

        Args:
            rows: the cells of each row, at least as wide as the layout (shorter ones are filled up).
            row_numbers: the 1-based number of each row.
            sheet: the sheet's name.
        """
        at = _Places(sheet, row_numbers, {m.field.id: m.column + 1 for m in self._mappings if m.column >= 0})
        columns = self._columns(rows, row_numbers)
        findings = self._split(columns, at)
        parsed = [
            _plain_texts(column, mapping.field) or list(map(memo.__getitem__, column))
            for mapping, memo, column in zip(self._mappings, self._memos, columns, strict=True)
        ]
        for number, mapping in enumerate(self._mappings):
            findings += self._sift(mapping.field, parsed[number], at)
        for number, mapping in enumerate(self._mappings):
            field, values = mapping.field, parsed[number]
            if field.default is not None:
                parsed[number] = values = [field.default if v is None else v for v in values]
            if field.required and not field.either_or and None in values:
                code = "FB-blank" if field.required is True else "FB-asked"
                flagged = {(f.row, f.field) for f in findings if f.severity == "error"}
                findings += [
                    f
                    for f in at.each(code, field.id, _where(values, None), example=_example(field, self._language))
                    if (f.row, f.field) not in flagged
                ]
            findings += self._relations(field, values, parsed, at)
        findings += self._groups(parsed, at)
        errors = {f.row for f in findings if f.severity == "error"}
        bad = frozenset(range(len(rows))) if self._column_missing else frozenset(i for i, n in enumerate(row_numbers) if n in errors)
        return Checked(self.fields, list(zip(*parsed, strict=True)) if parsed else [() for _ in rows], bad, findings)

    def _columns(self, rows: Sequence[Sequence[Cell]], row_numbers: Sequence[int]) -> list[Sequence[Cell]]:
        if any(len(row) < self._width for row in rows):
            rows = [(*row, *[None] * (self._width - len(row))) for row in rows]
        every = list(zip(*rows, strict=False))
        blank: Sequence[Cell] = [None] * len(rows)
        columns: list[Sequence[Cell]] = []
        for mapping in self._mappings:
            column: Sequence[Cell] = every[mapping.column] if mapping.column >= 0 and every else blank
            if self._spans.get(mapping.column):
                column = self._carried(mapping.column, column, row_numbers)
            if bool in set(map(type, column)):  # True would be found under 1.0
                column = [text_of(c) if isinstance(c, bool) else c for c in column]
            columns.append(column)
        return columns

    def _carried(self, number: int, column: Sequence[Cell], row_numbers: Sequence[int]) -> list[Cell]:
        """Cells of a merged area take its first cell's answer; a blank outside merged areas stays blank."""
        result = []
        for cell, row in zip(column, row_numbers, strict=True):
            top = self._spans[number].get(row)
            if top == row:
                self._tops[number, top] = cell
            result.append(self._tops.get((number, top), cell) if top and cell in {None, ""} else cell)
        return result

    def _sift(self, field: FieldModel, values: list[Any], at: "_Places") -> list[Finding]:
        """Take the bad values out of a column (they become None) and say what is wrong with each."""
        if Bad not in set(map(type, values)):
            return []
        found = []
        for index, value in enumerate(values):
            if type(value) is not Bad:
                continue
            if value.code in _NOTED_ONCE:
                values[index] = value.details["value"]
                if (field.id, value.details["value"]) in self._noted:
                    continue
                self._noted.add((field.id, value.details["value"]))
            else:
                values[index] = None
            found.append(at.one(value.code, field.id, index, value.details))
        return found

    def _split(self, columns: list[Sequence[Cell]], at: "_Places") -> list[Finding]:
        """Name and model in one cell: `智能音箱 X-1`; the model's column then gets its part. Source: 3.1.1f."""
        found = []
        for number, mapping in enumerate(self._mappings):
            other = self._place.get(mapping.field.split_from or "")
            if other is None:
                continue
            names, models = list(columns[other]), list(columns[number])
            for index, (whole, own) in enumerate(zip(names, models, strict=True)):
                if not isinstance(whole, str) or text_of(own) or not isinstance(self._memos[other][whole], Bad):
                    continue
                name, _, model = whole.strip().replace("／", "/").replace("/", " ").rpartition(" ")
                if name.strip() and model and any(c.isdigit() for c in model):
                    names[index], models[index] = name.strip(), model
                    details = {"value": whole.strip(), "name": name.strip(), "model": model}
                    found.append(at.one("FB-split", mapping.field.id, index, details)._replace(column=at.columns.get(self.fields[other])))
            columns[other], columns[number] = names, models
        return found

    def _relations(self, field: FieldModel, values: list[Any], parsed: list[list[Any]], at: "_Places") -> list[Finding]:
        found: list[Finding] = []
        for other, code in ((field.not_after, "FB-date-after"), (field.not_before, "FB-date-before")):
            if other is None:
                continue
            if other == "received":
                limits: Iterable[Any] = [self._received] * len(values)
            elif other in self._place:
                limits = parsed[self._place[other]]
            else:
                continue
            late = code == "FB-date-after"
            for index, (value, limit) in enumerate(zip(values, limits, strict=True)):
                if value and limit and ((value[:10] > limit[:10]) if late else (value[:10] < limit[:10])):
                    name = _TODAY[self._language] if other == "received" else other
                    found.append(at.one(code, field.id, index, {"value": value, "limit": limit[:10], "other": name}))
        if field.unique:
            seen = self._seen[field.id]
            for index, value in enumerate(tuple(v) if isinstance(v, list) else v for v in values):
                first = seen.setdefault(value, at.rows[index]) if value is not None else at.rows[index]
                if first != at.rows[index]:
                    found.append(at.one("FB-not-unique", field.id, index, {"value": str(value), "first": str(first)}))
        return found

    def _groups(self, parsed: list[list[Any]], at: "_Places") -> list[Finding]:
        groups: dict[str, list[str]] = {}
        for f in self._layout.schema.fields:
            if f.either_or:
                groups.setdefault(f.either_or, []).append(f.id)
        found = []
        for ids in groups.values():
            columns = [parsed[self._place[i]] for i in ids if i in self._place]
            if not columns:
                continue
            labels = (", " if self._language == "en" else "、").join(
                f.label[self._language] for f in self._layout.schema.fields if f.id in ids
            )
            first = next(i for i in ids if i in self._place)
            for index, answers in enumerate(zip(*columns, strict=True)):
                if all(answer is None for answer in answers):
                    found.append(at.one("FB-either-or", first, index, {"labels": labels}))
        return found

    # --- parsers -------------------------------------------------------------------------------------------

    def _parser(self, field: FieldModel) -> Parse:
        simple: dict[str, Parse] = {
            "boolean": partial(parse_boolean, words=self._yes_no()),
            "contact": partial(parse_contact, example=_example(field, self._language)),
            "case": parse_case,
            "date": date_parser(with_time=False, order=field.date_order, zone=self._zone),
            "datetime": date_parser(with_time=True, order=field.date_order, zone=self._zone),
        }
        numeric: dict[str, Parse] = {"integer": parse_integer, "number": parse_number, "rating": parse_number}
        match field.type:
            case "choice" | "choices":
                parse: Parse = self._choice(field)
            case "department" | "product" | "person":
                parse = self._lookup(field)
            case "integer" | "number" | "rating":
                worded = {fold(n): float(v.code) for v in self._book.values(field) for n in (*v.label.values(), *v.aliases)}
                numeric["rating"] = partial(_rated, worded=worded)
                parse = partial(_ranged, parse=numeric[field.type], field=field, language=self._language)
            case "text" | "table":
                parse = partial(_text, field=field, example=_example(field, self._language))
            case _:
                parse = simple[field.type]
        if field.pattern:
            parse = self._patterned(field, parse)
        return partial(_holdable, parse=parse)

    def _yes_no(self) -> dict[str, bool]:
        """The words of the vocabulary for yes and no."""
        known = self._book.vocabulary.sets.get("yes_no")
        values = known.values if known else []
        return {fold(name): value.code == "yes" for value in values for name in (*value.label.values(), *value.aliases)}

    def _patterned(self, field: FieldModel, parse: Parse) -> Parse:
        import re

        assert field.pattern is not None  # noqa: S101 - the caller looked
        regex, explain = re.compile(field.pattern.regex), field.pattern.explain[self._language]

        def check(cell: Cell) -> Value | Bad:
            value = parse(cell)
            if value is None or isinstance(value, Bad) or regex.fullmatch(str(value)):
                return value
            return Bad("FB-pattern", {"value": str(value), "explain": explain})

        return check

    def _choice(self, field: FieldModel) -> Parse:
        known: dict[str, str] = {}
        values = self._book.values(field)
        for value in values:
            for name in (value.code, *value.label.values(), *value.aliases):
                known.setdefault(fold(name), value.code)
        allowed = (", " if self._language == "en" else "、").join(value.label[self._language] for value in values)
        words = {fold(value.label[self._language]): value.label[self._language] for value in values}

        def one(text: str) -> str | Bad:
            folded = fold(text).strip("。.；; ")
            if folded in known:
                return known[folded]
            if folded in _LETTER_GRADES and field.values == "severity":
                return Bad("FB-letter-grade", {"value": text, "allowed": allowed})
            near = process.extractOne(folded, list(words), scorer=fuzz.ratio, score_cutoff=50)
            return Bad(
                "FB-not-a-choice",
                {"value": text, "allowed": allowed, **({"near": words[near[0]]} if near else {})},
            )

        def parse(cell: Cell) -> Value | Bad:
            text = text_of(cell)
            if not text or (text in {"-", "/", "—"} and fold(text) not in known):
                return None
            if field.type == "choice":
                return one(text)
            found = [one(part.strip()) for part in _parts(text) if part.strip()]
            wrong = [part for part in found if isinstance(part, Bad)]
            return wrong[0] if wrong else list(found)

        return parse

    def _lookup(self, field: FieldModel) -> Parse:
        """Master lists: the id (department, person) or the proper name (product); unknown names are noted or returned."""
        known: dict[str, str] = {}
        names: dict[str, str] = {}
        if field.type == "product":
            for product in self._book.products.products:
                for name in (product.name, *product.aliases):
                    known[fold(name)] = product.name
                names[fold(product.name)] = product.name
            code = "FB-unlisted-product" if field.strict else "FB-unknown-product"
        elif field.type == "department":
            for department in self._book.organisation.departments:
                for name in (department.id, *department.label.values(), *department.aliases):
                    known[fold(name)] = department.id
                names[fold(department.label[self._language])] = department.label[self._language]
            code = "FB-unknown-department" if field.strict else "FB-unlisted-department"
        else:
            for person in self._book.organisation.people:
                for name in (person.id, person.name, *person.aliases):
                    known[fold(name)] = person.id
                names[fold(person.name)] = person.name
            code = "FB-unknown-person" if field.strict else "FB-unlisted-person"

        def parse(cell: Cell) -> Value | Bad:
            text = text_of(cell)
            if text in {"", "-", "/", "—"}:
                return None
            folded = fold(text)
            if folded in known:
                return known[folded]
            near = process.extractOne(folded, list(names), scorer=fuzz.ratio, score_cutoff=50)
            return Bad(code, {"value": text, **({"near": names[near[0]]} if near else {})})

        return parse


_NOTED_ONCE = frozenset({"FB-unknown-product", "FB-unlisted-department", "FB-unlisted-person"})
_TODAY = {"zh-Hant": "收件日", "zh-Hans": "收件日", "en": "the day of receipt"}


def _parts(text: str) -> list[str]:
    for separator in ("\n", "；", ";", "、", "|", "，", ",", "/"):
        if separator in text:
            return text.split(separator)
    return [text]


def _example(field: FieldModel, language: str) -> str:
    if field.example is None or isinstance(field.example, list):
        return ""
    return simplified(str(field.example)) if language == "zh-Hans" else str(field.example)


def _where(values: list[Any], wanted: object) -> list[int]:
    return [index for index, value in enumerate(values) if value is wanted]


def _holdable(cell: Cell, *, parse: Parse) -> Value | Bad:
    """No document can hold an answer longer than a cell of Excel; it goes back whole instead of being cut."""
    if isinstance(cell, str) and len(cell) > MAX_TEXT:
        return Bad("FB-too-long", {"length": str(len(cell)), "maximum": str(MAX_TEXT)})
    return parse(cell)


def _rated(cell: Cell, *, worded: Mapping[str, float]) -> Value | Bad:
    """A rating as a number or in the words of its scale."""
    found = worded.get(fold(text_of(cell))) if worded and isinstance(cell, str) else None
    return parse_number(cell if found is None else found)


_RANGES = {
    "zh-Hant": ("不小於 {0:g}", "不大於 {1:g}", "{0:g} 至 {1:g}"),
    "zh-Hans": ("不小于 {0:g}", "不大于 {1:g}", "{0:g} 至 {1:g}"),
    "en": ("At least {0:g}", "At most {1:g}", "{0:g} to {1:g}"),
}


def _ranged(cell: Cell, *, parse: Parse, field: FieldModel, language: str) -> Value | Bad:
    value = parse(cell)
    low, high = field.minimum, field.maximum
    if isinstance(value, int | float) and ((low is not None and value < low) or (high is not None and value > high)):
        wording = _RANGES[language][2 if low is not None and high is not None else 0 if low is not None else 1]
        return Bad("FB-out-of-range", {"value": text_of(cell), "range": wording.format(low, high)})
    return value


def _text(cell: Cell, *, field: FieldModel, example: str) -> Value | Bad:
    text = text_of(cell)
    if not text:
        return None
    if field.empty_phrases and len(text) < 20 and says_nothing(fold(text)):
        return Bad("FB-empty-phrase", {"value": text, "example": example})
    if len(text) < field.min_length:
        return Bad("FB-too-short", {"value": text, "minimum": str(field.min_length)})
    return text


def _plain_texts(column: Sequence[Cell], field: FieldModel) -> list[Any] | None:
    """The values of a column of ordinary texts or phone numbers at one go; None when a cell needs a closer look.

    What it gives is what the parser of the field would give cell by cell.
    """
    if field.type not in {"text", "contact"} or field.pattern or set(map(type, column)) != {str}:
        return None
    texts = [cell.strip() for cell in column]  # type: ignore[union-attr]
    if field.type == "contact":
        return (
            texts
            if all(map(str.isdecimal, texts)) and "".join(texts).isascii() and 6 <= min(map(len, texts)) <= max(map(len, texts)) <= 24
            else None
        )
    if not "".join(texts).isprintable() or "_x000D_" in "".join(texts) or max(map(len, texts)) > MAX_TEXT:
        return None
    lengths = min(map(len, texts))
    if lengths < max(1, field.min_length):
        return None
    if field.empty_phrases and lengths < 20 and any(says_nothing(fold(text)) for text in texts if len(text) < 20):
        return None
    return texts


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the rows and columns at hand are, for findings."""

    sheet: str
    rows: Sequence[int]
    columns: dict[str, int]

    def one(self, code: str, field: str, index: int, details: Any) -> Finding:
        return finding(code, sheet=self.sheet, row=self.rows[index], column=self.columns.get(field), field=field, **details)

    def each(self, code: str, field: str, indices: Iterable[int], **details: str) -> list[Finding]:
        return [self.one(code, field, index, details) for index in indices]


def validate(
    submission: Submission, layout: Layout, book: Book, *, received: dt.datetime, language: str = "zh-Hant"
) -> tuple[dict[str, Value] | None, list[Finding]]:
    """Check one submission; the typed values by field id (None when it must go back), and all findings."""
    checker = Checker(layout, book, received=received, language=language)
    checked = checker.check([submission.cells], [submission.row], submission.sheet)
    findings = [*layout.findings, *checked.findings]
    if checked.bad:
        return None, findings
    return {f: v for f, v in zip(checked.fields, checked.values[0], strict=True) if v is not None}, findings
