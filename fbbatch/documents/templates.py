"""`templates/*.yaml`: the blocks of each document by field id, with wording in three languages.

Texts may hold small Jinja expressions; they are compiled once, in a sandbox, and an unknown name is
an error. They give plain text, which the renderers escape; what people submitted is only ever a
value in them, never a template.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from jinja2 import StrictUndefined, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import Field, model_validator

from fbbatch.documents.facts import TOLD
from fbbatch.documents.story import STORY
from fbbatch.errors import InvalidSetupError
from fbbatch.schema import Book
from fbbatch.schema.loading import read_model, shipped_folder
from fbbatch.schema.models import Label, SchemaModel, Strict
from fbbatch.schema.wording import DEFAULT_LANGUAGE, Problem, trouble, words

_JINJA = ImmutableSandboxedEnvironment(
    autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True
)

_NAME_ALONE = re.compile(r"\{\{ *\w+ *\}\}")

Fill = Callable[[Mapping[str, object]], str]


class Item(Strict):
    """A pair of a grid: a fact or answered field (`of`), a blank of the form (`blank`), or both.

    A pair is a label and its value. With both, the blank says `of` already.
    """

    of: str | None = Field(
        default=None, description="id of a fact (templates/facts.yaml) or of a schema's field"
    )
    blank: str | None = Field(
        default=None, description="id of a field of the form, to be filled in"
    )
    label: Label | None = Field(default=None, description="another label than the schema's")
    wide: bool = Field(default=False, description="takes the whole row")
    lines: int = Field(default=1, ge=1, le=40, description="height of a blank, in lines")

    @model_validator(mode="after")
    def _one(self) -> "Item":
        if self.of is None and self.blank is None:
            raise trouble("item")
        return self


class ColumnModel(Strict):
    """A column of a table."""

    of: str
    label: Label | None = None
    weight: float = Field(default=1, gt=0)
    align: Literal["left", "center", "right"] = "left"
    kind: Literal["text", "date", "datetime", "integer", "number", "percent"] = "text"
    print: bool | Literal["only"] = Field(
        default=False, description="true: also in the print edition; only: nowhere else"
    )


class TableModel(Strict):
    """A table whose rows the batch supplies."""

    columns: list[ColumnModel] = Field(min_length=1)
    empty: Label | None = Field(
        default=None, description="what stands there when there are no rows"
    )


class RowsModel(Strict):
    """A table of the form, to be filled in."""

    of: str = Field(description="id of the form's table field")
    count: int = Field(ge=1, le=40, description="rows to write in")
    prefill: str | None = Field(
        default=None, description="form whose newest answers to the same table stand there already"
    )


class BlockModel(Strict):
    """One block; exactly one key."""

    heading: Label | None = None
    text: Label | None = None
    note: Label | None = None
    grid: list[Item | str] | None = Field(
        default=None, description="`rest` stands for every answered field not printed elsewhere"
    )
    table: str | None = Field(default=None, description="name of one of the template's tables")
    rows: RowsModel | None = None
    signatures: list[Label] | None = None
    page_break: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> "BlockModel":
        if len(self.model_fields_set) != 1:
            raise trouble("one_key")
        return self


class Template(Strict):
    """`templates/<kind>.yaml`."""

    id: str
    document: str = Field(
        pattern=r"^D[0-9]{2}$", description="number of the document in the regulation"
    )
    version: int = Field(default=1, ge=1)
    form: str | None = Field(
        default=None, description="id of the form schema whose blanks it prints"
    )
    blocks: list[BlockModel] = []
    tables: dict[str, TableModel] = {}
    columns: list[ColumnModel] = []
    words: dict[str, Label] = {}

    @cached_property
    def printed(self) -> frozenset[str]:
        """Names that the template prints by itself, so that `rest` leaves them out."""
        items = [item for block in self.blocks for item in block.grid or []]
        return frozenset(
            {"organisation", *(item if isinstance(item, str) else item.of or "" for item in items)}
        )

    def word(self, name: str, language: str, /, **values: object) -> str:
        """A wording of the template, filled in."""
        return compile_text(self.words[name][language])(values)


class Facts(Strict):
    """`templates/facts.yaml`: labels of what the batch knows of a case."""

    facts: dict[str, Label]


class Templates:
    """All templates of a workspace, and its letterhead."""

    def __init__(self, templates: dict[str, Template], facts: Facts, letterhead: bytes) -> None:
        self._templates = templates
        self.facts = facts.facts
        self.letterhead = letterhead

    def __getitem__(self, kind: str) -> Template:
        return self._templates[kind]


@cache
def compile_text(text: str) -> Fill:
    """A text with Jinja expressions as a function of its names.

    The function raises KeyError for a name that it is not given. For a text without expressions it
    is a constant; for a name alone it gives what the name says.
    """
    if "{{" not in text and "{%" not in text:
        return lambda _: text
    names = sorted(meta.find_undeclared_variables(_JINJA.parse(text)))
    if names and _NAME_ALONE.fullmatch(text):
        return lambda values: str(values[names[0]])
    template = _JINJA.from_string(text)
    return lambda values: template.render({name: values[name] for name in names})


CASE_FORMS = (
    "escalation",
    "impact",
    "assignment",
    "measures",
    "inspection",
    "coordination",
    "result",
    "verification",
    "reply",
    "satisfaction",
)
"""The forms about one case, in the order of the regulation."""
KINDS = (
    "case_report",
    *CASE_FORMS,
    "tracking_ledger",
    "worklist",
    "register",
    "summary",
    "receipt",
    "returned",
)


def load_templates(folder: Path, book: Book, language: str = DEFAULT_LANGUAGE) -> Templates:
    """Read and check a workspace's `templates/`.

    Args:
        folder: where they are.
        book: whose forms and fields they print.
        language: of what is said to be wrong.

    Raises:
        InvalidSetupError: with file, line and column of everything wrong.
    """
    problems: list[str] = []
    facts, _ = read_model(folder / "facts.yaml", "templates/facts.yaml", Facts, problems, language)
    templates = {}
    for kind in KINDS:
        name = f"templates/{kind}.yaml"
        template, yaml = read_model(folder / f"{kind}.yaml", name, Template, problems, language)
        if template and yaml and facts:
            templates[kind] = template
            found = [
                Problem(yaml, path, f"template.{code}", details)
                for path, code, details in _trouble(kind, template, facts, book)
            ]
            problems += [problem.told(language) for problem in found]
    try:
        letterhead = (folder / "letterhead.docx").read_bytes()
    except OSError:
        problems.append(f"templates/letterhead.docx: {words('file.letterhead_missing', language)}")
        letterhead = b""
    if problems or facts is None:
        raise InvalidSetupError(problems)
    return Templates(templates, facts, letterhead)


_Trouble = tuple[tuple[str | int, ...], str, dict[str, object]]
"""Path to what is wrong, the sentence of the group `template` that says it, what is filled in."""


def _trouble(kind: str, template: Template, facts: Facts, book: Book) -> Iterator[_Trouble]:
    known = {*facts.facts, *STORY, *(f.id for s in book.sources for f in s.fields), "rest"}
    form = book.schema(template.form) if template.form else None
    if template.form and form is None:
        yield ("form",), "no_form", {"form": template.form}
    if template.form is None and (wanted := _shipped(kind).form):
        yield (), "form_missing", {"form": wanted}
        return
    for number, block in enumerate(template.blocks):
        yield from _trouble_of_block(block, ("blocks", number), template, form, known)
    yield from _trouble_of_words(template, kind)
    shipped = _shipped(kind)
    for name, table in shipped.tables.items():
        if name not in template.tables:
            yield ("tables",), "no_table", {"table": name}
            continue
        cells = {column.of for column in table.columns}
        for number, column in enumerate(template.tables[name].columns):
            if column.of not in cells:
                yield (
                    ("tables", name, "columns", number),
                    "no_cell",
                    {"column": column.of, "cells": ", ".join(sorted(cells))},
                )
    if shipped.columns and not template.columns:
        yield (), "no_columns", {}
    for left_out in ("only", False):  # of what the workbook has, and of what is printed
        kept = [column for column in template.columns if column.print != left_out]
        if not kept and any(column.print != left_out for column in shipped.columns):
            yield ("columns",), "no_printed_column", {}


_OPTIONAL = {"reply": "", "register": "ask_"}
"""Templates of which words beginning so may be left out: they are asked for only where they are."""


def _trouble_of_words(template: Template, kind: str) -> Iterator[_Trouble]:
    """Words that the program itself says, or names in them that it does not fill in."""
    shipped = _shipped(kind).words
    for name in shipped:
        if name not in template.words and not (
            kind in _OPTIONAL and name.startswith(_OPTIONAL[kind])
        ):
            yield ("words",), "no_word", {"word": name}
    for name, label in template.words.items():
        is_filled = name in shipped and kind != "reply"
        filled = (
            {found for text in shipped[name].values() for found in _names(text)}
            if is_filled
            else None
        )
        for language, text in label.items():
            yield from (
                (("words", name), code, details)
                for code, details in _syntax(text, language, filled)
            )


@cache
def _shipped(kind: str) -> Template:
    """The edition of a template that comes with fbbatch.

    It has all that the program itself asks for.
    """
    problems: list[str] = []
    name = f"{kind}.yaml"
    template, _ = read_model(shipped_folder() / "templates" / name, name, Template, problems)
    if template is None:
        raise InvalidSetupError(problems)
    return template


def _trouble_of_block(
    block: BlockModel,
    path: tuple[str | int, ...],
    template: Template,
    form: SchemaModel | None,
    known: set[str],
) -> Iterator[_Trouble]:
    fields = form.fields if form else []
    blanks = {field.id for field in fields}
    for number, item in enumerate(block.grid or []):
        if isinstance(item, Item) and item.blank and item.blank not in blanks:
            yield (*path, "grid", number), "no_blank", {"form": template.form, "field": item.blank}
        name = item if isinstance(item, str) else item.of
        if name and name not in known and not (isinstance(item, Item) and item.label):
            yield (*path, "grid", number), "no_fact", {"name": name}
    if block.rows and block.rows.of not in {field.id for field in fields if field.type == "table"}:
        yield (*path, "rows"), "no_rows", {"form": template.form, "field": block.rows.of}
    if block.table and block.table not in template.tables:
        yield (*path, "table"), "no_table", {"table": block.table}
    names = known | TOLD | set(template.words) | {"letter"}
    for key in ("heading", "text", "note"):
        for language, text in (getattr(block, key) or {}).items():
            yield from (
                ((*path, key), code, details) for code, details in _syntax(text, language, names)
            )


def _names(text: str) -> set[str]:
    return set(meta.find_undeclared_variables(_JINJA.parse(text)))


def _syntax(
    text: str, language: str, known: set[str] | None = None
) -> Iterator[tuple[str, dict[str, object]]]:
    try:
        names = _names(text)
    except TemplateSyntaxError:
        yield "expression", {"language": language}
        return
    if known is not None:
        for name in sorted(names - known):
            yield "name", {"language": language, "name": name}
