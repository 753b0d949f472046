"""The parser of each field: what its type, choices and the master lists make of a cell.

The master lists are the company's.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from rapidfuzz import fuzz, process

from fbbatch.model import LANGUAGES, Cell
from fbbatch.schema import Book, FieldModel
from fbbatch.validate.several import bare_option, split_choices
from fbbatch.validate.trust import Doubted, Reading, may_be_spoilt, trusted
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
from fbbatch.wording import say
from fbbatch.words import fold, simplified, spellings

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
_LETTER_GRADES = (
    frozenset("abcdefs") | {f"s{n}" for n in range(6)} | {f"p{n}" for n in range(6)} | {"major"}
)
_NOT_LISTED = {
    "product": ("FB-unknown-product", "FB-unlisted-product"),
    "department": ("FB-unlisted-department", "FB-unknown-department"),
    "person": ("FB-unlisted-person", "FB-unknown-person"),
}
"""What a name gives that a master list has not: where it is only noted, where it goes back."""


class _Listed(NamedTuple):
    """An entry of a master list.

    `value` is what an answer that names it becomes, `shown` how messages call it.
    """

    value: str
    shown: str
    names: Sequence[str]


class Parsers:
    """Makes the parsers of a schema's fields.

    Args:
        book: the rule book, for choices and master lists.
        language: of the details that findings carry.
        zone: the workspace's; date-times that name another zone are turned into it.
        placeholders: what stands where nothing was answered, besides dashes.
    """

    def __init__(
        self,
        book: Book,
        language: str,
        zone: dt.tzinfo | None,
        placeholders: Iterable[str] = (),
    ) -> None:
        self.placeholders = spellings(placeholders)
        self._book = book
        self._language = language
        self._zone = zone

    def of(self, field: FieldModel) -> Reading:
        """The parser of a field: a cell → its value, None for a blank, or what is wrong with it.

        What cannot be taken as it stands comes with what is to be told of it.
        """
        return trusted(self._parse(field), field, self.placeholders)

    def _parse(self, field: FieldModel) -> Parse:
        """What the field's type makes of a cell that can be believed."""
        match field.type:
            case "choice" | "choices":
                parse = self._choice(field)
            case "department" | "product" | "person":
                parse = self._lookup(field)
            case "integer" | "number" | "rating":
                parse = self._number(field)
            case "date" | "datetime":
                with_time = field.type == "datetime"
                parse = date_parser(with_time=with_time, order=field.date_order, zone=self._zone)
            case "boolean":
                parse = partial(parse_boolean, words=self._yes_no())
            case "contact":
                parse = partial(parse_contact, example=example_of(field, self._language))
            case "case":
                parse = parse_case
            case "text" | "table":
                parse = partial(_text, field=field, example=example_of(field, self._language))
        if field.pattern:
            parse = self._patterned(field, parse)
        return partial(_holdable, parse=parse)

    def example(self, field: FieldModel) -> Any:
        """The example as somebody writes it in the language.

        That is a choice, a department, yes or no in words, a table as rows.
        """
        if field.example is None:
            return None
        if isinstance(field.example, list):
            columns = {column.id: column for column in field.fields}
            return [self._worded_row(row, columns) for row in field.example]
        return self._worded(field, _said(field.example, self._language))

    def _worded_row(
        self, row: Mapping[str, Any], columns: Mapping[str, FieldModel]
    ) -> dict[str, Cell]:
        """A row of a table's example; `columns` are the table's, by their ids."""
        worded: dict[str, Cell] = {}
        for name, example in row.items():
            said = _said(example, self._language)
            worded[name] = self._worded(columns[name], said) if name in columns else said
        return worded

    def _worded(self, field: FieldModel, example: Cell) -> Cell:
        """The example in words of the language; as it is, where it is no code of anything."""
        if field.type not in {"choice", "choices", "department", "boolean"}:
            return example
        value = self.of(field)(text_of(example))
        if value is None or isinstance(value, Bad | Doubted):
            return example
        if field.type == "boolean":
            return self._book.word("yes_no", "yes" if value else "no", self._language)
        if field.type == "department":
            return self._book.department(str(value), self._language)
        words = {v.code: v.label[self._language] for v in self._book.values(field)}
        codes = value if isinstance(value, list) else [value]
        chosen = [words[str(code)] for code in codes]
        return say("choices", self._language).join(chosen)

    def _number(self, field: FieldModel) -> Parse:
        """A number within the field's range; a rating also in the words of its scale."""
        scale = {
            fold(name): float(value.code)
            for value in self._book.values(field)
            for name in (*value.label.values(), *value.aliases)
        }
        numeric: dict[str, Parse] = {
            "integer": parse_integer,
            "number": parse_number,
            "rating": partial(_rated, worded=scale),
        }
        return partial(_ranged, parse=numeric[field.type], field=field, language=self._language)

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
        """The same parser for values that follow the field's pattern."""
        assert field.pattern is not None  # noqa: S101 - the caller looked
        regex = re.compile(field.pattern.regex)
        explain = field.pattern.explain[self._language]

        def check(cell: Cell) -> Value | Bad:
            value = parse(cell)
            if value is None or isinstance(value, Bad) or regex.fullmatch(str(value)):
                return value
            return Bad("FB-pattern", {"value": str(value), "explain": explain})

        return check

    def _choice(self, field: FieldModel) -> Parse:
        """One choice, or several, by code, label or alias in any language.

        They are handed on as codes. What is none of them goes back with those that are allowed and
        the one that is most like it.
        """
        known: dict[str, str] = {}
        labels: list[str] = []
        for value in self._book.values(field):
            labels.append(value.label[self._language])
            for name in (value.code, *value.label.values(), *value.aliases):
                known.setdefault(fold(name), value.code)
        allowed = say("list", self._language).join(labels)
        by_folded_label = {fold(label): label for label in labels}

        def chosen(text: str) -> str | Bad:
            folded = fold(bare_option(text, known)).strip("。.；; ")
            if folded in known:
                return known[folded]
            if folded in _LETTER_GRADES and field.values == "severity":
                return Bad("FB-letter-grade", {"value": text, "allowed": allowed})
            details = {"value": text, "allowed": allowed, **_nearest(folded, by_folded_label)}
            return Bad("FB-not-a-choice", details)

        def parse(cell: Cell) -> Value | Bad:
            text = text_of(cell)
            if not text or (text in {"-", "/", "—"} and fold(text) not in known):
                return None
            if field.type == "choice":
                return chosen(text)
            choices = [chosen(part) for part in split_choices(text, known, field.separator)]
            wrong = next((choice for choice in choices if isinstance(choice, Bad)), None)
            return list(dict.fromkeys(choices)) if wrong is None else wrong

        return parse

    def _lookup(self, field: FieldModel) -> Parse:
        """Master lists: the id (department, person) or the proper name (product).

        Unknown names are noted or returned.
        """
        known: dict[str, str] = {}
        names: dict[str, str] = {}
        for entry in self._listed(field.type):
            known.update(dict.fromkeys(map(fold, entry.names), entry.value))
            names[fold(entry.shown)] = entry.shown
        noted, returned = _NOT_LISTED[field.type]
        code = returned if field.strict else noted

        def parse(cell: Cell) -> Value | Bad:
            text = text_of(cell)
            if text in {"", "-", "/", "—"}:
                return None
            folded = fold(text)
            if folded in known:
                return known[folded]
            return Bad(code, {"value": text, **_nearest(folded, names)})

        return parse

    def _listed(self, kind: str) -> Iterator[_Listed]:
        """The entries of a master list."""
        match kind:
            case "product":
                for product in self._book.products.products:
                    names = (product.name, *product.aliases)
                    yield _Listed(product.name, product.name, names)
            case "department":
                for department in self._book.organisation.departments:
                    names = (department.id, *department.label.values(), *department.aliases)
                    yield _Listed(department.id, department.label[self._language], names)
            case "person":
                for person in self._book.organisation.people:
                    names = (person.id, person.name, *person.aliases)
                    yield _Listed(person.id, person.name, names)


def _nearest(folded: str, names: Mapping[str, str]) -> dict[str, str]:
    """For a finding's details: the name, by its folded form, that is most like what was written."""
    near = process.extractOne(folded, list(names), scorer=fuzz.ratio, score_cutoff=50)
    return {"near": names[near[0]]} if near else {}


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
    if worded and isinstance(cell, str):
        rating = worded.get(fold(text_of(cell)))
        if rating is not None:
            return parse_number(rating)
    return parse_number(cell)


def _ranged(cell: Cell, *, parse: Parse, field: FieldModel, language: str) -> Value | Bad:
    """What `parse` gives, where the field's smallest and largest value allow it."""
    value = parse(cell)
    low, high = field.minimum, field.maximum
    if not isinstance(value, int | float):
        return value
    is_too_small = low is not None and value < low
    is_too_large = high is not None and value > high
    if is_too_small or is_too_large:
        told = _range(low, high, language)
        return Bad("FB-out-of-range", {"value": text_of(cell), "range": told})
    return value


def _range(low: float | None, high: float | None, language: str) -> str:
    """What a number may be, in words; it has a smallest or a largest value, or both."""
    if low is None:
        return say("validate.at_most", language, high=high)
    if high is None:
        return say("validate.at_least", language, low=low)
    return say("validate.between", language, low=low, high=high)


def _text(cell: Cell, *, field: FieldModel, example: str) -> Value | Bad:
    """A text that says something, and is as long as the field wants it."""
    text = text_of(cell)
    if not text:
        return None
    if field.empty_phrases and len(text) < 20 and says_nothing(fold(text)):
        return Bad("FB-empty-phrase", {"value": text, "example": example})
    if len(text) < field.min_length:
        return Bad("FB-too-short", {"value": text, "minimum": str(field.min_length)})
    return text


def plain_texts(
    column: Sequence[Cell], field: FieldModel, placeholders: frozenset[str] = frozenset()
) -> list[Any] | None:
    """The values of a column of ordinary texts or phone numbers at one go.

    None when a cell needs a closer look. What it gives is what the parser of the field would give
    cell by cell; `placeholders` are the parsers'.
    """
    if field.type not in {"text", "contact"} or field.pattern or set(map(type, column)) != {str}:
        return None
    texts: list[str] = list(map(str.strip, column))  # type: ignore[arg-type]
    if field.type == "contact":
        return texts if _are_bare_phones(texts) else None
    together = "".join(texts)
    if not _are_plain(texts, together, field):
        return None
    return None if may_be_spoilt(texts, together, placeholders) else texts


def _are_bare_phones(texts: Sequence[str]) -> bool:
    """Whether all are digits and nothing else, as many as a phone number has."""
    if not all(map(str.isdecimal, texts)) or not "".join(texts).isascii():
        return False
    lengths = set(map(len, texts))
    return min(lengths) >= 6 and max(lengths) <= 24 and _WITHOUT_ZERO not in lengths


_WITHOUT_ZERO = 9  # digits of a phone number that has perhaps lost its leading zero


def _are_plain(texts: Sequence[str], together: str, field: FieldModel) -> bool:
    """Whether the field's parser would hand on all of them, `together` as one, as they are."""
    if not together.isprintable() or "_x000D_" in together or max(map(len, texts)) > MAX_TEXT:
        return False
    if not ERROR_VALUES.isdisjoint(texts):
        return False
    shortest = min(map(len, texts))
    if shortest < max(1, field.min_length):
        return False
    if not field.empty_phrases or shortest >= 20:
        return True
    return not any(says_nothing(fold(text)) for text in texts if len(text) < 20)
