"""A mail → one answer of a source: who reports, when, about which product, and what.

Whoever writes a mail has no form before him. So the headers answer what they can, `label：value`
lines answer more, and what is still missing is asked for instead of sending the mail back. Source:
2.1.3a, 2.3.2b.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fbbatch.judge.mail_forms import paper_of_lines
from fbbatch.judge.mail_writers import MailWriter, shown_name, writer_of
from fbbatch.lexicon import Lexicon
from fbbatch.model import Cell
from fbbatch.read import Letter, Paper
from fbbatch.read.answers import answers_of
from fbbatch.schema import Book, FieldModel, Layout, MappedColumn, SchemaModel, field_for, identify
from fbbatch.words import fold

CHANNEL = "email"
_TEXT = "description"
_WHO = frozenset({"reporter", "contact"})


@dataclass(frozen=True, slots=True)
class Addressed:
    """A mail as rows of `layout.schema`.

    `labelled` is true where its text is written as label–value lines; `loose` is the rest of the
    text. `writer` is who reports.
    """

    layout: Layout
    rows: list[list[Cell]]
    labelled: bool
    writer: MailWriter
    loose: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What is attached to a mail and is no feedback of its own.

    `names` are those of the files; `letters` the name and words of those that are letters.
    """

    names: tuple[str, ...] = ()
    letters: tuple[tuple[str, str], ...] = ()


class _Name(NamedTuple):
    """A word for a product, or for one of its models; `model` is `""` where it is the product's."""

    product: str
    model: str
    word: str


def address(
    letter: Letter,
    enclosed: Enclosed,
    book: Book,
    *,
    folder: str | None,
    received: dt.datetime,
    forwarder: str = "",
) -> Addressed:
    """Find out what a mail answers.

    Args:
        letter: the mail.
        enclosed: what is attached to it.
        book: the schemas, the people (by their mail address) and the products.
        folder: the inbox sub-folder it lay in, which may name the schema.
        received: the as-of time; a mail is not dated later.
        forwarder: the name of whoever attached this mail to his; `""` where nobody did.
    """
    writer = writer_of(letter, book, received)
    records, named, loose = _labelled(writer.text, book, folder)
    schema = _relaxed(_schema(book, folder, named, is_staff=writer.person is not None))
    words = _words(writer, enclosed)
    given: dict[str, Cell] = {
        **_writer(writer),
        **_recorder(writer, forwarder),
        "reported_at": writer.reported_at,
        "channel": CHANNEL if CHANNEL in schema.channels else None,
        "attachments": "、".join(enclosed.names) or None,
        **_product(words, book),
    }
    described = [record for record in records if record.get(_TEXT)]
    if described:
        signature = [record for record in records if not record.get(_TEXT)]
        loose = (*loose, *_answers_in(signature), *_letters(enclosed))
        if subject := writer.subject.strip():
            loose = (subject, *loose)
        records = described
    else:
        given[_TEXT] = words
    answers = [_completed(record, _reported_by(record, given, writer)) for record in records]
    answers = answers or [given]
    layout = _layout(schema, answers)
    ids = [column.field.id for column in layout.columns]
    rows = [list(map(answer.get, ids)) for answer in answers]
    return Addressed(layout, rows, bool(records), writer, loose)


def letter_key(letter: Letter) -> str:
    """What tells a mail from another with the same words.

    Its Message-ID and the bytes of its attachments. Equal for the same mail however often and in
    whatever it was dropped; without a Message-ID the attachments alone decide. Nothing of the mail
    can be read from it.
    """
    attached = sorted(hashlib.sha256(part.content).hexdigest() for part in letter.parts)
    told = "\0".join(["mail", letter.message_id, *attached])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _words(writer: MailWriter, enclosed: Enclosed) -> str:
    """What somebody writes: the subject, his own lines, and the letters attached to them."""
    words = [writer.subject, writer.text, *_letters(enclosed)]
    return "\n".join(words).strip()


def _letters(enclosed: Enclosed) -> Iterator[str]:
    """The attached letters, each below the name of its file."""
    for name, text in enclosed.letters:
        yield f"[{name}]\n{text}"


def _writer(writer: MailWriter) -> dict[str, Cell]:
    """Who reports, as the headers say it; what is known of our own people goes before."""
    known: dict[str, Cell] = {
        "reporter": shown_name(writer) or None,
        "contact": writer.address or None,
    }
    if writer.person:
        known["reporter_department"] = writer.person.department
    return known


def _recorder(writer: MailWriter, forwarder: str) -> dict[str, Cell]:
    """Who records a mail that was passed on, and what that one says himself."""
    if writer.forwarder:
        return {
            "recorder": shown_name(writer.forwarder) or None,
            "remarks": writer.remark or None,
        }
    return {"recorder": forwarder or None}


def _reported_by(
    record: Mapping[str, Cell], given: Mapping[str, Cell], writer: MailWriter
) -> Mapping[str, Cell]:
    """What the mail gives to a record that names its reporter itself.

    Where one of our people has typed what somebody else reports, he records it, and his mail
    address is nobody's contact.
    """
    person = writer.person
    reporter = record.get("reporter")
    if person is None or not reporter or str(reporter) in {person.name, *person.aliases}:
        return given
    without = {name: value for name, value in given.items() if not _is_of_person(name)}
    return {**without, "recorder": given.get("recorder") or person.name}


def _is_of_person(name: str) -> bool:
    return name in {"contact", "reporter_department"}


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
    text: str, book: Book, folder: str | None
) -> tuple[list[dict[str, Cell]], SchemaModel | None, tuple[str, ...]]:
    """The `label：value` records of a text by field id, their schema, and what is outside them.

    They stand in lines, or in tables whose cells are set apart by tabs. A text that is written
    freely has no records and no schema.
    """
    lines = text.split("\n")
    papers = [Paper(lines=tuple(lines))]
    if "\t" in text:
        papers.append(paper_of_lines(lines))
    for paper in papers:
        told = answers_of(paper, book.sources, folder=folder)
        for sheet in told.sheets:
            layout = identify(sheet.head, book.sources, sheet="", folder=folder)
            schema = layout.schema if isinstance(layout, Layout) else None
            schema = schema or _web_form(sheet.head[0], book, folder)
            if schema:
                header, *rows = sheet.rows()
                ids = [_id_of(name, schema) for name in header]
                records = [zip(ids, row, strict=True) for row in rows]
                joined, also = _joined(records)
                return joined, schema, (*told.loose, *also)
    return [], None, ()


def _web_form(header: Sequence[Cell], book: Book, folder: str | None) -> SchemaModel | None:
    """The schema of a form that asks for little more than who somebody is and what he says.

    None where the labels do not ask for that: then they may stand in anybody's sentences.
    """
    of_folder = [schema for schema in book.sources if schema.is_of_folder(folder)]
    by_mail = [schema for schema in book.sources if CHANNEL in schema.channels]
    for schema in of_folder or by_mail:
        ids = {_id_of(name, schema) for name in header}
        if _TEXT in ids and ids & _WHO:
            return schema
    return None


def _joined(
    records: Iterable[Iterable[tuple[str, Cell]]],
) -> tuple[list[dict[str, Cell]], list[str]]:
    """Records with those in front of them that describe nothing, and what that leaves over.

    Two labels of one field, such as mail and phone, begin no second report: the form has one
    description. Both contacts are kept.
    """
    done: list[dict[str, Cell]] = []
    open_record: dict[str, Cell] = {}
    left_over: list[str] = []
    for record in records:
        left_over += _put_together(open_record, record)
        if open_record.get(_TEXT):
            done.append(open_record)
            open_record = {}
    return ([*done, open_record] if open_record else done), left_over


def _put_together(record: dict[str, Cell], further: Iterable[tuple[str, Cell]]) -> Iterator[str]:
    """Add answers, by field id, to a record; yield those that it has already."""
    for name, value in further:
        known = record.get(name)
        if not known or not value or known == value:
            record[name] = known or value
        elif name == "contact":
            record[name] = f"{known}、{value}"
        else:
            yield str(value)


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
