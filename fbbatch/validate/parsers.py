"""The parser of each field: what its type, choices and the master lists make of a cell.

The master lists are the company's.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rapidfuzz import fuzz, process

from fbbatch.model import LANGUAGES, Cell
from fbbatch.schema import Book, FieldModel
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

ERROR_VALUES = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#ERROR!"}
) | {
    f"#{name}"
    for name in (
        "SPILL!",
        "CALC!",
        "FIELD!",
        "BLOCKED!",
        "CONNECT!",
        "UNKNOWN!",
        "BUSY!",
        "EXTERNAL!",
        "GETTING_DATA",
    )
}
"""What a workbook shows where a formula has failed; also as text in what was exported from one."""
BETWEEN = {"zh-Hant": "、", "zh-Hans": "、", "en": "; "}
"""What stands between several choices; their English words have commas."""
_LETTER_GRADES = (
    frozenset("abcdefs") | {f"s{n}" for n in range(6)} | {f"p{n}" for n in range(6)} | {"major"}
)


class Parsers:
    """Makes the parsers of a schema's fields.

    Args:
        book: the rule book, for choices and master lists.
        language: of the details that findings carry.
        zone: the workspace's; date-times that name another zone are turned into it.
    """

    def __init__(self, book: Book, language: str, zone: dt.tzinfo | None) -> None:
        self._book = book
        self._language = language
        self._zone = zone

    def of(self, field: FieldModel) -> Parse:
        """The parser of a field: a cell → its value, None for a blank, or what is wrong with it."""
        simple: dict[str, Parse] = {
            "boolean": partial(parse_boolean, words=self._yes_no()),
            "contact": partial(parse_contact, example=example_of(field, self._language)),
            "case": parse_case,
            "date": date_parser(with_time=False, order=field.date_order, zone=self._zone),
            "datetime": date_parser(with_time=True, order=field.date_order, zone=self._zone),
        }
        numeric: dict[str, Parse] = {
            "integer": parse_integer,
            "number": parse_number,
            "rating": parse_number,
        }
        match field.type:
            case "choice" | "choices":
                parse: Parse = self._choice(field)
            case "department" | "product" | "person":
                parse = self._lookup(field)
            case "integer" | "number" | "rating":
                worded = {
                    fold(n): float(v.code)
                    for v in self._book.values(field)
                    for n in (*v.label.values(), *v.aliases)
                }
                numeric["rating"] = partial(_rated, worded=worded)
                parse = partial(
                    _ranged, parse=numeric[field.type], field=field, language=self._language
                )
            case "text" | "table":
                parse = partial(_text, field=field, example=example_of(field, self._language))
            case _:
                parse = simple[field.type]
        if field.pattern:
            parse = self._patterned(field, parse)
        return partial(_holdable, parse=parse)

    def example(self, field: FieldModel) -> Any:
        """The example as somebody writes it in the language.

        That is a choice, a department, yes or no in words, a table as rows.
        """
        if not isinstance(field.example, list):
            return (
                None
                if field.example is None
                else self._worded(field, _said(field.example, self._language))
            )
        columns = {column.id: column for column in field.fields}
        rows = [
            {name: _said(cell, self._language) for name, cell in row.items()}
            for row in field.example
        ]
        return [
            {
                name: self._worded(columns[name], cell) if name in columns else cell
                for name, cell in row.items()
            }
            for row in rows
        ]

    def _worded(self, field: FieldModel, example: Cell) -> Cell:
        if field.type not in {"choice", "choices", "department", "boolean"}:
            return example
        value = self.of(field)(text_of(example))
        if value is None or isinstance(value, Bad):
            return example
        if field.type == "boolean":
            return self._book.word("yes_no", "yes" if value else "no", self._language)
        if field.type == "department":
            return self._book.department(str(value), self._language)
        words = {v.code: v.label[self._language] for v in self._book.values(field)}
        return BETWEEN[self._language].join(
            words[str(code)] for code in (value if isinstance(value, list) else [value])
        )

    def _yes_no(self) -> dict[str, bool]:
        """The words of the vocabulary for yes and no."""
        known = self._book.vocabulary.sets.get("yes_no")
        values = known.values if known else []
        return {
            fold(name): value.code == "yes"
            for value in values
            for name in (*value.label.values(), *value.aliases)
        }

    def _patterned(self, field: FieldModel, parse: Parse) -> Parse:
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
        allowed = (", " if self._language == "en" else "、").join(
            value.label[self._language] for value in values
        )
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
        """Master lists: the id (department, person) or the proper name (product).

        Unknown names are noted or returned.
        """
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


def _parts(text: str) -> list[str]:
    for separator in ("\n", "；", ";", "、", "|", "，", ",", "/"):
        if separator in text:
            return text.split(separator)
    return [text]


def example_of(field: FieldModel, language: str) -> str:
    """A valid answer as the schema gives it for the reader's language; `''` where it has none."""
    if field.example is None or isinstance(field.example, list):
        return ""
    return str(_said(field.example, language))


def example_cells(field: FieldModel) -> list[Cell]:
    """The example as a cell may hold it, in each language.

    There is none where the schema has none, or rows.
    """
    if field.example is None or isinstance(field.example, list):
        return []
    said = [_said(field.example, language) for language in LANGUAGES]
    return list(dict.fromkeys(str(cell) if isinstance(cell, bool) else cell for cell in said))


def _said(example: str | float | dict[str, str], language: str) -> str | float:
    """An example in a language; one for all languages is in the reader's script."""
    if isinstance(example, dict):
        return example[language]
    return simplified(example) if language == "zh-Hans" and isinstance(example, str) else example


def _holdable(cell: Cell, *, parse: Parse) -> Value | Bad:
    """What no answer can be: an error value, or a text longer than a cell of Excel.

    Such a text goes back whole instead of being cut.
    """
    if isinstance(cell, str) and len(cell) > MAX_TEXT:
        return Bad("FB-too-long", {"length": str(len(cell)), "maximum": str(MAX_TEXT)})
    if cell in ERROR_VALUES:
        return Bad("FB-error-cell", {"value": str(cell)})
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
    if isinstance(value, int | float) and (
        (low is not None and value < low) or (high is not None and value > high)
    ):
        wording = _RANGES[language][
            2 if low is not None and high is not None else 0 if low is not None else 1
        ]
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


def plain_texts(column: Sequence[Cell], field: FieldModel) -> list[Any] | None:
    """The values of a column of ordinary texts or phone numbers at one go.

    None when a cell needs a closer look. What it gives is what the parser of the field would give
    cell by cell.
    """
    if field.type not in {"text", "contact"} or field.pattern or set(map(type, column)) != {str}:
        return None
    texts: list[str] = list(map(str.strip, column))  # type: ignore[arg-type]
    if field.type == "contact":
        return (
            texts
            if all(map(str.isdecimal, texts))
            and "".join(texts).isascii()
            and 6 <= min(map(len, texts)) <= max(map(len, texts)) <= 24
            else None
        )
    together = "".join(texts)
    if not together.isprintable() or "_x000D_" in together or max(map(len, texts)) > MAX_TEXT:
        return None
    if not ERROR_VALUES.isdisjoint(texts):
        return None
    lengths = min(map(len, texts))
    if lengths < max(1, field.min_length):
        return None
    if (
        field.empty_phrases
        and lengths < 20
        and any(says_nothing(fold(text)) for text in texts if len(text) < 20)
    ):
        return None
    return texts
