"""What is personal in the ledger, and what stands in its place; pure.

A pseudonym is a keyed hash: the same person keeps one, so that counts by reporter stay as they
were, and without the key nobody can tell whose it is. What a reporter has written is replaced
whole, unless it is a word of the company's own (a class, a product, a date); of what staff have
written only the reporter's name, number, address and words are, wherever
they stand: it is the company's record of what was done.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from fbbatch.schema import Book, FieldModel, SchemaModel
from fbbatch.upkeep.effacing import Effacer, pattern_of
from fbbatch.words import fold

_ONE = re.compile(r"anon-[a-z]+-[0-9a-f]{16}")
_COUNTED = frozenset({"boolean", "rating", "date", "datetime", "integer", "number", "case"})
_NAMED = frozenset({"choice", "choices", "department", "product"})
_SAID_BY_PEOPLE = ("edited", "said", "reason", "remarks")
_PLAIN_DETAILS = frozenset(
    {
        "minimum",
        "maximum",
        "length",
        "allowed",
        "limit",
        "what",
        "size",
        "byte",
        "expected",
        "reason",
        "found",
        "candidates",
        "rows",
        "labels",
        "case",
        "cases",
        "kind",
        "document",
        "form",
        "state",
        "missing",
        "missing_kind",
        "issue",
        "newest",
        "on",
        "by",
        "person",
        "person_id",
        "setting",
        "where",
        "schema",
        "expected_fields",
        "header",
        "near_field",
        "range",
        "example",
        "second",
        "columns",
        "days",
        "line",
        "role",
        "numbers",
        "ruled",
        "given",
        "words",
    }
)
_PLACES = frozenset({"name", "first"})  # of sheets, and rows, except in findings about files
_FILE_NAMES = frozenset(
    {
        "FB-evidence",
        "FB-attached-letter",
        "FB-attachment-unread",
        "FB-same-file",
        "FB-cover-letter",
    }
)


class Pseudonyms:
    """The rules of a workspace (`fbbatch.ledger.anonymise.PrivacyRules`).

    Args:
        book: the schemas.
        key: the secret.
    """

    def __init__(self, book: Book, key: bytes) -> None:
        self._book = book
        self._key = key
        self._everybody: Effacer | None = None

    def of(self, kind: str, value: Any) -> str:
        """What stands for a value of a kind of personal data; for a replaced one, itself."""
        text = str(value).strip()
        if _ONE.fullmatch(text):
            return text
        digest = hmac.new(
            self._key, f"{kind}\0{fold(text)}".encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()
        return f"anon-{kind}-{digest[:16]}"

    @cached_property
    def staff(self) -> frozenset[str]:
        """The names and addresses of the company's own people.

        In texts they say who did something, and stay.
        """
        people = self._book.organisation.people
        return frozenset(
            text.strip() for person in people for text in (person.name, person.mail) if text
        )

    @cached_property
    def _anywhere(self) -> dict[str, FieldModel]:
        """Every personal field by its id, for schemas that are gone."""
        return {
            field.id: field
            for schema in (*self._book.sources, *self._book.forms)
            for field in schema.fields
            if field.personal
        }

    def _field(self, schema: SchemaModel | None, name: str) -> FieldModel | None:
        if schema is None:
            return self._anywhere.get(name)
        return next((field for field in schema.fields if field.id == name), None)

    @cached_property
    def _ours(self) -> frozenset[str]:
        """Every word of the schemas: whoever writes one tells nothing of himself."""
        book = self._book
        models = (
            *book.sources,
            *book.forms,
            book.vocabulary,
            book.products,
            *book.organisation.departments,
        )
        return frozenset(_strings([model.model_dump() for model in models]))

    # --- a case -----------------------------------------------------------------------

    def known(self, schema: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """What the answers of a case tell of the person: text → what stands in its place."""
        model = self._book.schema(schema)
        found: dict[str, str] = {}
        for told in answers:
            for name, value in told.items():
                field = self._field(model, name)
                if field and field.personal and value is not None:
                    found[str(value).strip()] = self.of(field.personal, value)
        return {
            text: mark
            for text, mark in found.items()
            if text and text not in self.staff and not _ONE.fullmatch(text)
        }

    def said(self, schema: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """What reporters have written of a matter: text → what stands in its place.

        A text of several lines is in it whole and line by line.
        """
        model = self._book.schema(schema)
        found: dict[str, str] = {}
        for told in answers if self._is_of_reporter(model) else ():
            for name, value in told.items():
                field = self._field(model, name)
                new = self._answer(model, field, value, {})
                if isinstance(value, str) and new != value and not (field and field.personal):
                    found |= {line.strip(): new for line in (value, *value.splitlines())}
        return {
            text: mark
            for text, mark in found.items()
            if text and text not in self._ours and not _ONE.fullmatch(text)
        }

    def told_by(
        self, schema: str | None, columns: Sequence[Sequence[Any]] | None, cells: Sequence[Any]
    ) -> tuple[str, dict[str, Any]]:
        """The schema and the answers of a row as they were written.

        There are no answers where nobody has said how the row was read.
        """
        model = self._book.schema(schema) if schema else None
        if model is None:
            return "", {}
        if columns is None:
            is_form = len(cells) == 2 and isinstance(cells[1], dict)
            return model.id, cells[1] if is_form else {}
        places = ((int(column), name) for column, name, *_ in columns)
        return model.id, {name: cells[at - 1] for at, name in places if 0 < at <= len(cells)}

    def _is_of_reporter(self, model: SchemaModel | None) -> bool:
        """True for what reporters fill in: nobody of the company signs it.

        A schema that is no longer known may be one of them.
        """
        if model is None or model.kind == "source":
            return True
        signature = self._field(model, model.signed_by or "")
        return signature is None or signature.type != "person"

    def answers(
        self, schema: str, answers: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, Any]:
        """Answers by field id."""
        model = self._book.schema(schema)
        return {
            name: self._answer(model, self._field(model, name), value, known)
            for name, value in answers.items()
        }

    def changes(
        self, schema: str, changes: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, Any]:
        """What an amendment has changed, field id → [old, new]."""
        model = self._book.schema(schema)
        return {
            name: self._each(model, self._field(model, name), pair, known)
            for name, pair in changes.items()
        }

    def _each(
        self,
        model: SchemaModel | None,
        field: FieldModel | None,
        value: Any,
        known: Mapping[str, str],
    ) -> Any:
        if isinstance(value, list):
            return [self._answer(model, field, one, known) for one in value]
        return self._answer(model, field, value, known)

    def _answer(
        self,
        model: SchemaModel | None,
        field: FieldModel | None,
        value: Any,
        known: Mapping[str, str],
    ) -> Any:
        if value is None or value == "":
            return value
        if field and field.personal:
            return self._person(field.personal, value, known)
        if field and field.type == "table" and isinstance(value, list):
            return self._table(model, field, value, known)
        type_ = field.type if field else None
        if type_ in _COUNTED:
            return value
        if not self._is_of_reporter(model):
            return value if type_ in _NAMED else self._texts(value, known)
        if isinstance(value, list):
            return self._each(model, field, value, known)
        return self._unless_ours(value)

    def _table(
        self,
        model: SchemaModel | None,
        table: FieldModel,
        rows: Sequence[Mapping[str, Any]],
        known: Mapping[str, str],
    ) -> list[dict[str, Any]]:
        """The rows of an answer that is a table."""
        columns = {column.id: column for column in table.fields}
        result: list[dict[str, Any]] = []
        for row in rows:
            result.append(
                {
                    name: self._answer(model, columns.get(name), cell, known)
                    for name, cell in row.items()
                }
            )
        return result

    def _person(self, kind: str, value: Any, known: Mapping[str, str]) -> str:
        """What stands for a personal answer: the mark of the person who is known, or its own."""
        return known.get(str(value).strip()) or self.of(kind, value)

    def _unless_ours(self, value: Any) -> Any:
        """A word of the company's own as it is; anything else is replaced whole."""
        return value if str(value).strip() in self._ours else self._whole(value)

    def step(
        self, schema: str, document: str, details: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, Any]:
        """The details of a step of a case of that schema, which the form `document` has brought."""
        told = dict(details)
        if isinstance(told.get("answers"), dict):
            own = self.known(document, [told["answers"]])
            told["answers"] = self.answers(document, told["answers"], {**own, **known})
        if isinstance(told.get("changes"), dict):
            told["changes"] = self.changes(schema, told["changes"], known)
        for name in _SAID_BY_PEOPLE:
            if name in told:
                told[name] = self._texts(told[name], known)
        return told

    def waiting(self, kind: str, told: Any, known: Mapping[str, str]) -> Any:
        """A form of that kind that waits for a decision, as the judge told it."""
        if isinstance(told, list):
            return [self.waiting(kind, one, known) for one in told]
        if not isinstance(told, dict):
            return self._texts(told, known)
        new = {name: self.waiting(kind, value, known) for name, value in told.items()}
        if isinstance(values := told.get("values"), dict):
            new["values"] = self.answers(kind, values, {**self.known(kind, [values]), **known})
        for name in ("text", "mailed"):
            if isinstance(told.get(name), str):
                new[name] = self._whole(told[name])
        if isinstance(told.get("facts"), dict):
            facts = told["facts"].items()
            new["facts"] = {name: list(map(self._whole, texts)) for name, texts in facts}
        if isinstance(told.get("findings"), list):
            new["findings"] = [self._found(item, known) for item in told["findings"]]
        return new

    def _found(self, item: Any, known: Mapping[str, str]) -> Any:
        """A finding as a list, its details last."""
        if not isinstance(item, list) or not item or not isinstance(item[-1], dict):
            return self._texts(item, known)
        return [*item[:-1], self.remark(str(item[0]), item[-1])]

    # --- rows -------------------------------------------------------------------------

    def cells(
        self,
        outcome: str,
        schema: str | None,
        columns: Sequence[Sequence[Any]] | None,
        cells: Sequence[Any],
        known: Mapping[str, str],
    ) -> list[Any]:
        """The cells of a row as they were written, without what tells of people.

        The person's get the person's mark; others go whole if they hold no word of ours.
        """
        if outcome == "step" and schema and len(cells) == 2 and isinstance(cells[1], dict):
            own = self.known(schema, [cells[1]])
            return [self._whole(cells[0]), self.answers(schema, cells[1], {**own, **known})]
        model = self._book.schema(schema) if schema else None
        fields = (
            {int(column): self._field(model, name) for column, name, *_ in columns or ()}
            if model
            else {}
        )
        return [self._cell(fields.get(number), cell, known) for number, cell in enumerate(cells, 1)]

    def _cell(self, field: FieldModel | None, cell: Any, known: Mapping[str, str]) -> Any:
        if field and field.personal and cell is not None and cell != "":
            return self._person(field.personal, cell, known)
        return self._unless_ours(cell)

    def _whole(self, cell: Any) -> Any:
        return cell if cell is None or cell == "" else self.of("text", cell)

    # --- texts ------------------------------------------------------------------------

    def remark(self, code: str, details: Mapping[str, Any]) -> dict[str, Any]:
        """The details of a finding: what was quoted goes; limits, codes and case numbers stay."""
        kept = _PLAIN_DETAILS if code in _FILE_NAMES else _PLAIN_DETAILS | _PLACES
        return {
            name: value if name in kept else self._whole(value) for name, value in details.items()
        }

    def place(self, path: str) -> str:
        """Where an original was that is gone: the folder and the ending stay, the name goes."""
        folder, _, name = path.rpartition("/")
        stem, dot, ending = name.rpartition(".")
        return (
            f"{folder}/{self.of('file', stem or name)}{dot if stem else ''}{ending if stem else ''}"
        )

    def name(self, path: str) -> str:
        """What a file is called of which nothing else is left; the folder of its source stays."""
        first, slash, rest = path.partition("/")
        is_source = any(schema.is_of_folder(first) for schema in self._book.sources)
        kept = f"{first}/" if slash and is_source else ""
        parts = (rest if kept else path).split("/")
        return kept + "/".join(self.place(f"/{part}")[1:] for part in parts)

    def learn(
        self, persons: Mapping[str, str], kept: Iterable[str], said: Mapping[str, str]
    ) -> None:
        """Whom to look for in every text from now on, and whose words.

        They are looked for besides the person whose text it is; `kept` are those who stay.
        """
        self._everybody = Effacer(persons, {*kept, *self.staff}, said=said)

    def text(self, text: str, known: Mapping[str, str]) -> str:
        """Free text in which the person may be named, or others."""
        for value, mark in sorted(known.items(), key=lambda pair: -len(pair[0])):
            if pattern := pattern_of(value):
                text = re.sub(pattern, mark, text, flags=re.IGNORECASE)
        return self._everybody.text(text) if self._everybody else text

    def _texts(self, value: Any, known: Mapping[str, str]) -> Any:
        if isinstance(value, str):
            return self.text(value, known)
        if isinstance(value, list):
            return [self._texts(one, known) for one in value]
        if isinstance(value, dict):
            return {name: self._texts(one, known) for name, one in value.items()}
        return value


def _strings(value: Any) -> Iterator[str]:
    """Every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
