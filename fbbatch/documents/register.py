"""D01–D04, blank forms made from the schemas: registers of the sources, and the questionnaire.

A field that is added to a schema appears in its register, with its label, hint, example and
drop-down. The questionnaire asks fields of the customer schema, so that what comes back is judged
by it. Source: 3.1.x, 2.1.4b.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fbbatch.documents.case import Office
from fbbatch.documents.facts import Teller
from fbbatch.documents.templates import Templates
from fbbatch.model import LANGUAGES
from fbbatch.render import pdf, word
from fbbatch.render import register as excel
from fbbatch.render.blocks import (
    Block,
    CellValue,
    Column,
    Document,
    Grid,
    Heading,
    Note,
    Pair,
    Register,
    RegisterColumn,
    Table,
    Text,
    WorkSheet,
)
from fbbatch.render.words import cell_text, text_width
from fbbatch.schema import Book, FieldModel, SchemaModel
from fbbatch.schema.text import header_keys
from fbbatch.validate.parsers import Parsers
from fbbatch.validate.values import Bad
from fbbatch.wording import say
from fbbatch.words import file_name, simplified

_NUMBERS = {"customer": "D01", "employee": "D02", "partner": "D03"}
_QUESTIONNAIRE, _ASKED_SOURCE = "D04", "customer"
_QUESTIONS = {
    "part_product": ("product", "model", "scene"),
    "part_opinion": ("satisfaction", "description", "remedy"),
    "part_you": ("reporter", "contact", "reported_at", "reply_wanted"),
}
"""What the questionnaire asks, where the schema has it; its other required fields come last."""
_ISSUE = "1"
N_ROWS = 200


class FieldGroup(NamedTuple):
    """Fields of a form under a heading; `heading` is the name of its wording."""

    heading: str
    fields: tuple[FieldModel, ...]


@dataclass(frozen=True)
class BlankForm:
    """A blank form: what kind of document, of which schema, with which fields.

    `title` is in the office's language.
    """

    kind: str  # register | questionnaire
    number: str  # of the document in the regulation
    title: str
    schema: SchemaModel
    parts: tuple[FieldGroup, ...]

    @property
    def fields(self) -> tuple[FieldModel, ...]:
        """Its fields in order."""
        return tuple(field for part in self.parts for field in part.fields)

    def identity(self) -> dict[str, str]:
        """What it must carry to be recognised when it comes back."""
        return {
            "form": self.kind,
            "schema": self.schema.id,
            "version": str(self.schema.version),
            "issue": _ISSUE,
        }


class BlankFile(NamedTuple):
    """A finished blank form; `path` is relative, `number` the document's in the regulation."""

    path: str
    content: bytes
    kind: str
    number: str


def is_needed(field: FieldModel) -> bool:
    """True when a row without it, or without any of its group, is returned."""
    return field.required is True or field.either_or is not None


def register_form(schema: SchemaModel, office: Office) -> BlankForm:
    """D01–D03: every field of a source.

    Required ones come first, then those asked for, then the others. Source: 3.1.x.
    """
    needed = tuple(f for f in schema.fields if is_needed(f))
    others = sorted(
        (f for f in schema.fields if not is_needed(f)), key=lambda f: f.required != "ask"
    )
    number = (
        _NUMBERS.get(schema.source_code) or f"D01-{schema.source_code}"
    )  # a source that the company has added
    parts = (FieldGroup("part_required", needed), FieldGroup("part_optional", tuple(others)))
    return BlankForm(
        "register",
        number,
        schema.title[office.language],
        schema,
        tuple(p for p in parts if p.fields),
    )


def questionnaire_form(schema: SchemaModel, office: Office) -> BlankForm:
    """D04: a few questions to customers. Source: 2.1.4b."""
    known = {field.id: field for field in schema.fields}
    asked: dict[str, list[FieldModel]] = {}
    for heading, ids in _QUESTIONS.items():
        asked[heading] = [known.pop(name) for name in ids if name in known]
    asked["part_you"] += filter(is_needed, known.values())
    parts = []
    for heading, fields in asked.items():
        if fields:
            parts.append(FieldGroup(heading, tuple(fields)))
    title = office.title("questionnaire")
    return BlankForm("questionnaire", _QUESTIONNAIRE, title, schema, tuple(parts))


# --- what a field asks for ------------------------------------------------------------


_HINT_SUFFICES = frozenset(
    {"text", "contact", "department", "product", "person", "rating", "table"}
)
_LISTED = frozenset({"choice", "boolean", "rating", "department", "product"})
_LONGEST_SCALE = 10  # a rating in more steps is typed
_NOTE_WIDTH, _NOTE_LINES = 44, 3  # of a cell in the sheet that explains; longer notes are skipped


def _scale(field: FieldModel) -> tuple[float, float]:
    """The lowest and the highest rating."""
    return (1 if field.minimum is None else field.minimum), (
        5 if field.maximum is None else field.maximum
    )


class Prompter:
    """Says in one language what belongs into a field."""

    def __init__(self, form: BlankForm, office: Office, templates: Templates) -> None:
        self._form = form
        self._book = office.teller.book
        self.language = office.language
        self._template = templates["register"]
        self._parsers = Parsers(self._book, office.language, None)

    def word(self, name: str, /, **values: object) -> str:
        """A wording of the template, filled in."""
        return self._template.word(name, self.language, **values)

    def label(self, field: FieldModel) -> str:
        """Its label; in the questionnaire a friendlier one, if the schema will know it again."""
        own = field.label[self.language]
        friendly = self._template.words.get(f"ask_{field.id}")
        if friendly is None or self._form.kind != "questionnaire":
            return own
        asked = friendly[self.language]
        index = self._form.schema.by_header
        known = [index[key] for key in header_keys(asked) if key in index]
        if known and known[0] is field:
            return asked
        return own

    def mark(self, field: FieldModel) -> str:
        """What follows the label of a field that must be answered."""
        if field.required is True:
            return self.word("mark_required")
        return self.word("mark_either") if field.either_or else ""

    def need(self, field: FieldModel) -> str:
        """Whether it must be answered."""
        if field.required is True:
            return self.word("need_required")
        if field.either_or:
            return self.word("need_either")
        return self.word("need_ask" if field.required == "ask" else "need_optional")

    def kind(self, field: FieldModel) -> str:
        """What its type takes, in a sentence."""
        values: dict[str, str] = {}
        if field.type == "boolean":
            yes, no = self._yes_no()
            values = {"yes": yes, "no": no}
        elif field.type == "rating":
            low, high = _scale(field)
            values = {"low": f"{low:g}", "high": f"{high:g}"}
        return self.word(f"type_{field.type}", **values)

    def what(self, field: FieldModel) -> str:
        """What to write, in at most three lines: hint, type, pattern."""
        told = []
        if field.hint:
            told.append(field.hint[self.language])
        if not field.hint or field.type not in _HINT_SUFFICES:
            told.append(self.kind(field))
        if field.pattern:
            told.append(field.pattern.explain[self.language])
        return "\n".join(told)

    def allowed(self, field: FieldModel) -> str:
        """Its allowed values, or where to find them; `''` when there is no limit."""
        options = [
            cell_text(option, "text", self.language)
            for option in self.options(field) or self.ticks(field)
        ]
        if field.type == "rating" and field.values:
            options = [f"{v.code} {v.label[self.language]}" for v in self._book.values(field)]
        if not options:
            return self._range(field)
        text = say("choices", self.language).join(options)
        if text_width(text) > _NOTE_WIDTH * _NOTE_LINES:
            return self.word("in_list", n=len(options))
        return text

    def _range(self, field: FieldModel) -> str:
        """Between which numbers it lies; `''` when there is no limit."""
        low = "" if field.minimum is None else f"{field.minimum:g}"
        high = "" if field.maximum is None else f"{field.maximum:g}"
        if low and high:
            return self.word("within", low=low, high=high)
        if low:
            return self.word("at_least", low=low)
        return self.word("at_most", high=high) if high else ""

    def options(self, field: FieldModel) -> tuple[str | float, ...]:
        """What a drop-down offers; each is an answer as it stands."""
        match field.type:
            case "choice":
                return self._words(field)
            case "boolean":
                return self._yes_no()
            case "rating":
                low, high = map(int, _scale(field))
                return tuple(range(high, low - 1, -1)) if high - low <= _LONGEST_SCALE else ()
            case "department":
                return tuple(d.label[self.language] for d in self._book.organisation.departments)
            case "product":
                names = [p.name for p in self._book.products.products if p.active]
                return tuple(simplified(n) if self.language == "zh-Hans" else n for n in names)
            case _:
                return ()

    def ticks(self, field: FieldModel) -> tuple[str, ...]:
        """What paper offers to be ticked; each is an answer as it stands.

        Master lists are too long for that.
        """
        if field.type in {"choice", "choices"} or (field.type == "rating" and field.values):
            return self._words(field)
        return tuple(map(str, self.options(field))) if field.type in {"boolean", "rating"} else ()

    def _words(self, field: FieldModel) -> tuple[str, ...]:
        """The words of a choice; of channels only those that the source has."""
        only = self._form.schema.channels if field.values == "channel" else None
        return tuple(
            v.label[self.language] for v in self._book.values(field) if not only or v.code in only
        )

    def _yes_no(self) -> tuple[str, str]:
        """The words of the vocabulary for yes and no."""
        yes = self._book.word("yes_no", "yes", self.language)
        no = self._book.word("yes_no", "no", self.language)
        return yes, no

    def example(self, field: FieldModel) -> CellValue:
        """The example as a cell: words in the language, real dates and numbers."""
        example = self._parsers.example(field)
        if example is None or isinstance(example, list):
            return None
        shown = str(example)
        value = self._parsers.of(field)(shown)
        if value is None or isinstance(value, Bad):
            return shown or None
        match field.type:
            case "date":
                return dt.date.fromisoformat(str(value))
            case "datetime":
                return dt.datetime.fromisoformat(str(value))
            case "integer" | "number" | "rating":
                return value if isinstance(value, int | float) else shown
            case _:
                return shown


# --- the workbook ---------------------------------------------------------------------


def register_workbook(
    form: BlankForm, office: Office, templates: Templates, *, date: dt.date, n_rows: int = N_ROWS
) -> Register:
    """The form as a workbook, one row for each piece of feedback."""
    prompter = Prompter(form, office, templates)
    said = prompter.word
    fill, either = "line_fill" if form.kind == "register" else "survey_row", _either(form, prompter)
    return Register(
        form.title,
        office.company,
        office.language,
        date,
        tuple(said(line, either=either) for line in (fill, "line_how", "line_return")),
        said("serial"),
        said("example"),
        tuple(_entry(field, prompter) for field in form.fields),
        _notes(form, prompter),
        {**form.identity(), "case": "", "language": office.language},
        _form_number(form, office),
        n_rows,
        max(1, form.schema.header_rows - 1 + form.schema.skip_rows_after_header),
    )


def _either(form: BlankForm, prompter: Prompter) -> str:
    """The words on groups of which one must be answered, where the form has any."""
    return prompter.word("either") if any(field.either_or for field in form.fields) else ""


def _entry(field: FieldModel, prompter: Prompter) -> RegisterColumn:
    """A column of the register, with what helps to fill it in."""
    header = prompter.label(field)
    mark = prompter.mark(field)
    options = prompter.options(field)
    example = prompter.example(field)
    kind = {"rating": "number"}.get(field.type, field.type)
    closed = field.type in {"choice", "boolean", "rating", "integer", "number"} or (
        field.type in _LISTED and field.strict
    )
    return RegisterColumn(
        field.id,
        header,
        mark,
        kind if kind in {"date", "datetime", "integer", "number"} else "text",
        _width(field, header + mark, options, prompter),
        options,
        field.minimum,
        field.maximum,
        closed,
        prompter.what(field),
        prompter.word("wrong", what=prompter.kind(field)),
        example,
    )


_PROSE_WIDTH, _SENTENCE_WIDTH, _LONGEST = 42.0, 26.0, 24
_WIDTHS = {"date": 13.0, "datetime": 18.0, "contact": 20.0, "person": 12.0}
_ARROW, _HEADER = (
    5,
    12,
)  # the drop-down's button; a header longer than this goes on in a second line


def _n_lines(field: FieldModel, prompter: Prompter) -> int:
    """How many lines an answer is likely to take: a description several, a sentence two."""
    if field.type == "text" and field.empty_phrases:
        return 6
    if field.type == "table":
        return 2
    is_sentence = text_width(str(prompter.example(field) or "")) > 20
    return 2 if field.type == "text" and is_sentence else 1


def _width(
    field: FieldModel, header: str, options: Sequence[str | float], prompter: Prompter
) -> float:
    """The width of a column in characters: what is likely to stand in it; longer texts wrap."""
    lines = _n_lines(field, prompter)
    if lines > 1:
        return _PROSE_WIDTH if lines > 2 else _SENTENCE_WIDTH
    header_width: float = text_width(header)
    if header_width > _HEADER:  # it goes on in a second line, but no word is broken
        longest_word = max(map(text_width, header.split()))
        header_width = max(header_width / 2, longest_word)
    content = max(
        (text_width(str(option)) + _ARROW for option in options),
        default=text_width(str(prompter.example(field) or "")) + 2,
    )
    return max(_WIDTHS.get(field.type, 0), header_width + 3, float(min(content, _LONGEST)))


def _notes(form: BlankForm, prompter: Prompter) -> WorkSheet:
    """The sheet that explains every column."""
    said = prompter.word
    heads = ("serial", "field", "need", "what", "allowed", "example")
    columns = tuple(
        Column(said(name), align="center" if name in {"serial", "need"} else "left")
        for name in heads
    )
    rows = tuple(
        (
            number,
            prompter.label(field) + prompter.mark(field),
            prompter.need(field),
            prompter.what(field),
            prompter.allowed(field),
            cell_text(prompter.example(field), "text", prompter.language),
        )
        for number, field in enumerate(form.fields, 1)
    )
    marks = {number: "soft" for number, field in enumerate(form.fields) if is_needed(field)}
    return WorkSheet(
        said("notes"), f"{form.title}　{said('notes')}", (), (Table(columns, rows, marks=marks),)
    )


# --- the sheet of paper ---------------------------------------------------------------


_AROUND: dict[str, tuple[tuple[str, ...], str]] = {
    "register": (("paper_fill",), "paper_return"),
    "questionnaire": (("greeting", "survey_fill"), "thanks"),
}
"""Wording above and below the blanks of each kind."""


def register_document(
    form: BlankForm, office: Office, templates: Templates, *, date: dt.date
) -> Document:
    """The form as a document for one piece of feedback; each blank is marked by its field's id."""
    prompter = Prompter(form, office, templates)
    said = prompter.word
    above, below = _AROUND[form.kind]
    either = _either(form, prompter)
    blocks: list[Block] = [Text(said(line, either=either), "small") for line in above]
    for part in form.parts:
        blocks += [
            Heading(said(part.heading)),
            Grid(tuple(_pair(field, prompter) for field in part.fields)),
        ]
    number = _form_number(form, office)
    return Document(
        form.kind,
        form.title,
        "",
        office.company,
        office.language,
        date,
        (*blocks, Note(said(below))),
        number,
        said("form_number", form=number),
        identity=form.identity(),
        foot=f"{form.title} · {form.schema.version} · {_ISSUE}　{number}",
    )


_HALF = 17  # em of text that the value of half a row takes


_BOX = 2.5  # em that a box to be ticked takes, with the room around it


def _pair(field: FieldModel, prompter: Prompter) -> Pair:
    """A field with its blank, or with the boxes to be ticked."""
    label = prompter.label(field) + prompter.mark(field)
    options = prompter.ticks(field)
    lines = _n_lines(field, prompter)
    ticks_width = sum(text_width(option) / 2 + _BOX for option in options)
    wide = lines > 1 or ticks_width > _HALF
    ticks = tuple((option, False) for option in options)
    return Pair(label, "", wide, field.id, lines, ticks)


# --- all of them ----------------------------------------------------------------------


def _form_number(form: BlankForm, office: Office) -> str:
    """The number of the form, e.g. `QR-D01 A/1`."""
    prefix = f"{office.form_prefix}-" if office.form_prefix else ""
    return f"{prefix}{form.number} A/{form.schema.version}"


def forms_of(office: Office) -> list[BlankForm]:
    """The forms that a company's schemas make; a source whose files have no header row has none."""
    sources = [schema for schema in office.teller.book.sources if schema.header]
    asked = [schema for schema in sources if schema.source_code == _ASKED_SOURCE]
    forms = [register_form(schema, office) for schema in sources]
    if asked:
        forms.append(questionnaire_form(asked[0], office))
    return forms


def blank_forms(
    book: Book,
    languages: Sequence[str],
    *,
    company: str,
    form_prefix: str,
    templates: Templates,
    date: dt.date,
    wanted: Callable[[BlankForm], bool] = lambda _: True,
) -> Iterator[BlankFile]:
    """The blank forms as finished files: workbook and Word, the questionnaire also as PDF.

    Paths are the titles; with several languages, in a folder for each. Source: 3.1.x, 2.1.4b.
    """
    for language in languages:
        office = Office(company, form_prefix, Teller(book, language, templates.facts))
        taken: set[str] = set()
        for form in filter(wanted, forms_of(office)):
            title = form.title.replace("/", "／")
            title = f"{title} ({form.schema.id})" if title in taken else title
            taken.add(title)
            name = file_name(title)
            path = f"{language}/{name}" if len(languages) > 1 else name
            yield BlankFile(
                f"{path}.xlsx",
                excel.render(register_workbook(form, office, templates, date=date)),
                form.kind,
                form.number,
            )
            document = register_document(form, office, templates, date=date)
            yield BlankFile(
                f"{path}.docx", word.render(document, templates.letterhead), form.kind, form.number
            )
            if form.kind == "questionnaire":
                yield BlankFile(f"{path}.pdf", pdf.render(document)[0], form.kind, form.number)


def printed_lines(book: Book, *, templates: Templates, date: dt.date) -> frozenset[str]:
    """What the Word registers print outside their blanks, in every language.

    Nobody has typed these lines.
    """
    lines: set[str] = set()
    for language in LANGUAGES:
        office = Office("", "", Teller(book, language, templates.facts))
        for form in forms_of(office):
            document = register_document(form, office, templates, date=date)
            lines |= {
                document.title,
                *(b.text.strip() for b in document.blocks if isinstance(b, Heading | Text | Note)),
            }
    return frozenset(lines)
