"""A mail → one answer of a source: who writes, when, about which product, and what.

Whoever writes a mail has no form before him. So the headers answer what they can, `label：value`
lines answer more, and what is still missing is asked for instead of sending the mail back. Source:
2.1.3a, 2.3.2b.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from fbbatch.lexicon import Lexicon
from fbbatch.model import Cell
from fbbatch.read import Letter, Paper
from fbbatch.read.answers import answers_of
from fbbatch.schema import Book, FieldModel, Layout, MappedColumn, SchemaModel, field_for, identify
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
    person = next(
        (
            p
            for p in book.organisation.people
            if p.mail and p.mail.lower() == letter.address.lower()
        ),
        None,
    )
    records, named, loose = _labelled(letter.body, book, folder)
    schema = _relaxed(_schema(book, folder, named, is_staff=person is not None))
    given: dict[str, Cell] = {
        "reporter": person.name if person else letter.sender or letter.address.partition("@")[0],
        "reporter_department": person.department if person else None,
        "contact": letter.address or None,
        "reported_at": _sent(letter, received),
        "channel": CHANNEL if CHANNEL in schema.channels else None,
        "attachments": "、".join(attachments) or None,
        **_product(f"{letter.subject}\n{letter.body}", book),
    }
    if not any(record.get(_TEXT) for record in records):
        given[_TEXT] = f"{letter.subject}\n{letter.body}".strip()
    else:  # what else is labelled stands in the signature
        loose = (
            *loose,
            *(
                str(value)
                for record in records
                if not record.get(_TEXT)
                for value in record.values()
                if value
            ),
        )
        records = [record for record in records if record.get(_TEXT)]
    filled = [
        {**given, **{key: value for key, value in record.items() if value}} for record in records
    ] or [given]
    fields = [f for f in schema.fields if f.required or any(record.get(f.id) for record in filled)]
    columns = tuple(MappedColumn(n, f, f.id) for n, f in enumerate(fields))
    rows = [[record.get(f.id) for f in fields] for record in filled]
    if _TEXT not in given and letter.subject.strip():
        loose = (letter.subject.strip(), *loose)
    return Addressed(Layout(schema, columns, 1, None), rows, bool(records), loose)


def letter_key(letter: Letter) -> str:
    """What tells a mail from another with the same words.

    Its Message-ID and the bytes of its attachments. Equal for the same mail however often and in
    whatever it was dropped; without a Message-ID the attachments alone decide. Nothing of the mail
    can be read from it.
    """
    attached = sorted(hashlib.sha256(part.content).hexdigest() for part in letter.parts)
    told = "\0".join(["mail", letter.message_id, *attached])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


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
            ids = [
                found.id if (found := field_for(str(name), layout.schema.by_header)) else ""
                for name in header
            ]
            return [dict(zip(ids, row, strict=True)) for row in rows], layout.schema, told.loose
    return [], None, ()


def _schema(
    book: Book, folder: str | None, named: SchemaModel | None, *, is_staff: bool
) -> SchemaModel:
    by_folder = next((s for s in book.sources if s.is_of_folder(folder)), None)
    staff = next(
        (s for s in book.sources if any(f.id == "reporter_department" for f in s.fields)), None
    )
    public = next((s for s in book.sources if CHANNEL in s.channels), book.sources[0])
    return by_folder or named or (staff if is_staff and staff else public)


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
    products = book.products.products
    named = [(p.name, "", name) for p in products for name in (p.name, *p.aliases)]
    named += [(p.name, model, model) for p in products for model in p.models if len(model) > 1]
    lexicon, folded = Lexicon(word for *_, word in named), fold(text)
    found = [
        (number, start, end)
        for place, start, end in lexicon.scan([folded])[0]
        for number in lexicon.numbers(place)
    ]
    widest = [
        (n, a, b)
        for n, a, b in found
        if not any(c <= a and b <= d and b - a < d - c for _, c, d in found)
    ]
    hits = [named[n] for n, *_ in widest]
    names = {name for name, model, _ in hits if not model} or {name for name, *_ in hits}
    if len(names) != 1:
        return {}
    product = names.pop()
    models = {model for name, model, _ in hits if model and name == product}
    found_model: dict[str, Cell] = {"model": models.pop()} if len(models) == 1 else {}
    return {"product": product, **found_model}
