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

from fbbatch.findings import ABOUT_ATTACHMENTS
from fbbatch.schema import Book, FieldModel, SchemaModel
from fbbatch.upkeep.effacing import Effacer, contacts_in, pattern_of
from fbbatch.words import CONTACT_JOINT, fold

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
_FILE_NAMES = ABOUT_ATTACHMENTS | {"FB-same-file", "FB-cover-letter"}


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
                    found |= self._marks(field.personal, str(value).strip())
        return found

    def said(self, schema: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """What reporters have written of a matter: text → what stands in its place.

        A text of several lines is in it whole and line by line.
        """
        model = self._book.schema(schema)
        found: dict[str, str] = {}
        if not self._is_of_reporter(model):
            return found
        for told in answers:
            for name, value in told.items():
                field = self._field(model, name)
                if not isinstance(value, str) or (field and field.personal):
                    continue
                new = self._answer(model, field, value, {})
                if new != value:
                    found |= self._lines(value, new)
        return found

    def _lines(self, text: str, mark: str) -> dict[str, str]:
        """What a reporter has written, whole and line by line, without words of the company's."""
        lines: dict[str, str] = {}
        for line in (text, *text.splitlines()):
            said = line.strip()
            if said and said not in self._ours and not _ONE.fullmatch(said):
                lines[said] = mark
        return lines

    def told_by(
        self, schema: str | None, columns: Sequence[Sequence[Any]] | None, cells: Sequence[Any]
    ) -> tuple[str, list[dict[str, Any]]]:
        """The schema and the answers of a row as they were written, one in each.

        Several cells may answer one field.

        There are no answers where nobody has said how the row was read.
        """
        model = self._book.schema(schema) if schema else None
        if model is None:
            return "", []
        if columns is None:
            is_form = len(cells) == 2 and isinstance(cells[1], dict)
            return model.id, [cells[1]] if is_form else []
        answers: list[dict[str, Any]] = []
        for column, name, *_ in columns:
            at = int(column)
            if 0 < at <= len(cells):
                answers.append({name: cells[at - 1]})
        return model.id, answers

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
        text = str(value).strip()
        return known.get(text) or self._mark(kind, text)

    def _marks(self, kind: str, text: str) -> dict[str, str]:
        """What stands for a personal answer, and for what people quote of it."""
        marks: dict[str, str] = {}
        ways = {text}
        if kind == "contact":
            ways |= contacts_in(text)
        for said in ways:
            if said and said not in self.staff and not _ONE.fullmatch(said):
                marks[said] = self._mark(kind, said)
        return marks

    def _mark(self, kind: str, text: str) -> str:
        """What stands for a personal answer; each of several contacts has its own."""
        if kind != "contact":
            return self.of(kind, text)
        each = text.split(CONTACT_JOINT)
        return CONTACT_JOINT.join([self.of(kind, one) for one in each])

    def _unless_ours(self, value: Any) -> Any:
        """A word of the company's own as it is; anything else is replaced whole."""
        return value if str(value).strip() in self._ours else self._whole(value)

    def step(
        self, schema: str, document: str, details: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, Any]:
        """The details of a step of a case of that schema, which the form `document` has brought."""
        told = dict(details)
        if isinstance(told.get("answers"), dict):
            told["answers"] = self._form(document, told["answers"], known)
        if isinstance(told.get("changes"), dict):
            told["changes"] = self.changes(schema, told["changes"], known)
        for name in _SAID_BY_PEOPLE:
            if name in told:
                told[name] = self._texts(told[name], known)
        return told

    def _form(
        self, schema: str, answers: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, Any]:
        """The answers of a form, which may name somebody else than who is known."""
        own = self.known(schema, [answers])
        return self.answers(schema, answers, {**own, **known})

    def waiting(self, kind: str, told: Any, known: Mapping[str, str]) -> Any:
        """A form of that kind that waits for a decision, as the judge told it."""
        if isinstance(told, list):
            return [self.waiting(kind, one, known) for one in told]
        if not isinstance(told, dict):
            return self._texts(told, known)
        new = {name: self.waiting(kind, value, known) for name, value in told.items()}
        if isinstance(told.get("values"), dict):
            new["values"] = self._form(kind, told["values"], known)
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
        match item:
            case [code, *others, dict(details)]:
                return [code, *others, self.remark(str(code), details)]
            case _:
                return self._texts(item, known)

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
            return [self._whole(cells[0]), self._form(schema, cells[1], known)]
        model = self._book.schema(schema) if schema else None
        fields: dict[int, FieldModel | None] = {}
        if model:
            for column, name, *_ in columns or ():
                fields[int(column)] = self._field(model, name)
        new: list[Any] = []
        for number, cell in enumerate(cells, 1):
            new.append(self._cell(fields.get(number), cell, known))
        return new

    def _cell(self, field: FieldModel | None, cell: Any, known: Mapping[str, str]) -> Any:
        if field and field.personal and cell is not None and cell != "":
            return self._person(field.personal, cell, known)
        return self._unless_ours(cell)

    def _whole(self, cell: Any) -> Any:
        return cell if cell is None or cell == "" else self.of("text", cell)

    # --- texts ------------------------------------------------------------------------

    def remark(self, code: str, details: Mapping[str, Any]) -> dict[str, Any]:
        """The details of a finding: what was quoted goes; limits, codes and case numbers stay."""
        kept = set(_PLAIN_DETAILS)
        if code not in _FILE_NAMES:
            kept |= _PLACES
        new: dict[str, Any] = {}
        for name, value in details.items():
            new[name] = value if name in kept else self._whole(value)
        return new

    def place(self, path: str) -> str:
        """Where an original was that is gone: the folder and the ending stay, the name goes."""
        folder, _, name = path.rpartition("/")
        stem, _, ending = name.rpartition(".")
        if not stem:
            return f"{folder}/{self.of('file', name)}"
        return f"{folder}/{self.of('file', stem)}.{ending}"

    def name(self, path: str) -> str:
        """What a file is called of which nothing else is left; the folder of its source stays."""
        first, *others = parts = path.split("/")
        new: list[str] = []
        if others and any(schema.is_of_folder(first) for schema in self._book.sources):
            new.append(first)
            parts = others
        for part in parts:
            new.append(self.place(f"/{part}")[1:])
        return "/".join(new)

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
