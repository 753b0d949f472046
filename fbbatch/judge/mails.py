"""A mail → one answer of a source: who writes, when, about which product, and what.

Whoever writes a mail has no form before him. So the headers answer what they can, `label：value`
lines answer more, and what is still missing is asked for instead of sending the mail back. Source:
2.1.3a, 2.3.2b.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fbbatch.lexicon import Lexicon
from fbbatch.model import Cell
from fbbatch.read import Letter, Paper
from fbbatch.read.answers import answers_of
from fbbatch.schema import Book, FieldModel, Layout, MappedColumn, SchemaModel, field_for, identify
from fbbatch.schema.models import Person
from fbbatch.words import fold

CHANNEL = "email"
_TEXT = "description"


@dataclass(frozen=True, slots=True)
class Addressed:
    """A mail as rows of `layout.schema`.

    `labelled` is true where its text is written as label–value lines; `loose` is the rest of the
    text.
    """

    layout: Layout
    rows: list[list[Cell]]
    labelled: bool
    loose: tuple[str, ...] = ()


class _Name(NamedTuple):
    """A word for a product, or for one of its models; `model` is `""` where it is the product's."""

    product: str
    model: str
    word: str


def address(
    letter: Letter,
    attachments: Sequence[str],
    book: Book,
    *,
    folder: str | None,
    received: dt.datetime,
) -> Addressed:
    """Find out what a mail answers.

    Args:
        letter: the mail.
        attachments: names of files kept with it as evidence.
        book: the schemas, the people (by their mail address) and the products.
        folder: the inbox sub-folder it lay in, which may name the schema.
        received: the as-of time; a mail is not dated later.
    """
    person = _person(letter.address, book)
    records, named, loose = _labelled(letter.body, book, folder)
    schema = _relaxed(_schema(book, folder, named, is_staff=person is not None))
    given: dict[str, Cell] = {
        **_writer(letter, person),
        "reported_at": _sent(letter, received),
        "channel": CHANNEL if CHANNEL in schema.channels else None,
        "attachments": "、".join(attachments) or None,
        **_product(f"{letter.subject}\n{letter.body}", book),
    }
    described = [record for record in records if record.get(_TEXT)]
    if described:
        signature = [record for record in records if not record.get(_TEXT)]
        loose = (*loose, *_answers_in(signature))
        if subject := letter.subject.strip():
            loose = (subject, *loose)
        records = described
    else:
        given[_TEXT] = f"{letter.subject}\n{letter.body}".strip()
    answers = [_completed(record, given) for record in records] or [given]
    layout = _layout(schema, answers)
    ids = [column.field.id for column in layout.columns]
    rows = [list(map(answer.get, ids)) for answer in answers]
    return Addressed(layout, rows, bool(records), loose)


def letter_key(letter: Letter) -> str:
    """What tells a mail from another with the same words.

    Its Message-ID and the bytes of its attachments. Equal for the same mail however often and in
    whatever it was dropped; without a Message-ID the attachments alone decide. Nothing of the mail
    can be read from it.
    """
    attached = sorted(hashlib.sha256(part.content).hexdigest() for part in letter.parts)
    told = "\0".join(["mail", letter.message_id, *attached])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _person(mail_address: str, book: Book) -> Person | None:
    """The one of the company's people whose mail address this is."""
    wanted = mail_address.lower()
    for person in book.organisation.people:
        if person.mail and person.mail.lower() == wanted:
            return person
    return None


def _writer(letter: Letter, person: Person | None) -> dict[str, Cell]:
    """Who writes, as the headers say it; what is known of our own people goes before."""
    contact = letter.address or None
    if person:
        return {
            "reporter": person.name,
            "reporter_department": person.department,
            "contact": contact,
        }
    name = letter.sender or letter.address.partition("@")[0]
    return {"reporter": name, "contact": contact}


def _answers_in(records: Iterable[Mapping[str, Cell]]) -> Iterator[str]:
    for record in records:
        for value in record.values():
            if value:
                yield str(value)


def _completed(record: Mapping[str, Cell], given: Mapping[str, Cell]) -> dict[str, Cell]:
    """What a record answers; what it leaves blank is taken from `given`."""
    answered = {name: value for name, value in record.items() if value}
    return {**given, **answered}


def _layout(schema: SchemaModel, answers: Sequence[Mapping[str, Cell]]) -> Layout:
    """A column for each field that is required or answered."""
    answered = {name for answer in answers for name, value in answer.items() if value}
    fields = [field for field in schema.fields if field.required or field.id in answered]
    columns = tuple(MappedColumn(n, field, field.id) for n, field in enumerate(fields))
    return Layout(schema, columns, 1, None)


def _labelled(
    body: str, book: Book, folder: str | None
) -> tuple[list[dict[str, Cell]], SchemaModel | None, tuple[str, ...]]:
    """The `label：value` records of a text by field id, their schema, and what is outside them.

    A text that is written freely has no records and no schema.
    """
    told = answers_of(Paper(lines=tuple(body.split("\n"))), book.sources, folder=folder)
    for sheet in told.sheets:
        layout = identify(sheet.head, book.sources, sheet="", folder=folder)
        if isinstance(layout, Layout):
            header, *rows = sheet.rows()
            ids = [_id_of(name, layout.schema) for name in header]
            records = [dict(zip(ids, row, strict=True)) for row in rows]
            return records, layout.schema, told.loose
    return [], None, ()


def _id_of(header: Cell, schema: SchemaModel) -> str:
    """The id of the field that a header names; `""` where it names none."""
    field = field_for(str(header), schema.by_header)
    return field.id if field else ""


def _schema(
    book: Book, folder: str | None, named: SchemaModel | None, *, is_staff: bool
) -> SchemaModel:
    """The schema that a mail answers: its folder's, the one its labels name, or its writer's."""
    for schema in book.sources:
        if schema.is_of_folder(folder):
            return schema
    if named:
        return named
    if is_staff:
        for schema in book.sources:
            if _asks_for_department(schema):
                return schema
    return next((schema for schema in book.sources if CHANNEL in schema.channels), book.sources[0])


def _asks_for_department(schema: SchemaModel) -> bool:
    """True for the source that our own people answer."""
    return any(field.id == "reporter_department" for field in schema.fields)


def _relaxed(schema: SchemaModel) -> SchemaModel:
    """The schema with no field that would send a mail back for being blank or short."""

    def asking(field: FieldModel) -> FieldModel:
        required = "ask" if field.required is True and field.id != _TEXT else field.required
        return field.model_copy(
            update={
                "required": required,
                "either_or": None,
                "min_length": 0,
                "empty_phrases": False,
            }
        )

    return schema.model_copy(update={"fields": [asking(field) for field in schema.fields]})


def _sent(letter: Letter, received: dt.datetime) -> Cell:
    """When it was sent, in the workspace's time; None where that is missing or in the future."""
    if letter.sent_at is None or letter.sent_at > received:
        return None
    return letter.sent_at.astimezone(received.tzinfo).strftime("%Y-%m-%d %H:%M")


def _product(text: str, book: Book) -> dict[str, Cell]:
    """The one product and the one model that the text names; nothing where it names several."""
    names = _names_in(text, list(_known_names(book)))
    products = {name.product for name in names if not name.model}
    products = products or {name.product for name in names}
    if len(products) != 1:
        return {}
    product = products.pop()
    models = {name.model for name in names if name.model and name.product == product}
    model: dict[str, Cell] = {"model": models.pop()} if len(models) == 1 else {}
    return {"product": product, **model}


def _known_names(book: Book) -> Iterator[_Name]:
    """What products and their models are called; one character is no name of a model."""
    for product in book.products.products:
        for word in (product.name, *product.aliases):
            yield _Name(product.name, "", word)
    for product in book.products.products:
        for model in product.models:
            if len(model) > 1:
                yield _Name(product.name, model, model)


def _names_in(text: str, known: Sequence[_Name]) -> list[_Name]:
    """The names that stand in a text; one within a longer one does not count."""
    lexicon = Lexicon(name.word for name in known)
    places = lexicon.scan([fold(text)])[0]
    spans = [(start, end) for _, start, end in places]
    numbers: list[int] = []
    for place, start, end in places:
        if not _is_within_longer(start, end, spans):
            numbers += lexicon.numbers(place)
    return [known[number] for number in numbers]


def _is_within_longer(start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    length = end - start
    return any(a <= start and end <= b and length < b - a for a, b in spans)
