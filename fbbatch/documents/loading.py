"""Reads a workspace's `templates/` and says what in them would not print."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from jinja2 import TemplateSyntaxError

from fbbatch.documents.facts import TOLD
from fbbatch.documents.story import STORY
from fbbatch.documents.templates import BlockModel, FactLabels, Item, Template, Templates, names_in
from fbbatch.errors import InvalidSetupError
from fbbatch.schema import Book
from fbbatch.schema.loading import read_model
from fbbatch.schema.models import SchemaModel
from fbbatch.schema.shipped import shipped_folder
from fbbatch.schema.wording import DEFAULT_LANGUAGE, Problem, words

_FACTS = "facts"


@cache
def shipped_kinds() -> tuple[str, ...]:
    """The kinds of document whose templates come with fbbatch and may not be missing."""
    names = {path.stem for path in (shipped_folder() / "templates").glob("*.yaml")}
    return tuple(sorted(names - {_FACTS}))


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
    facts, _ = read_model(
        folder / "facts.yaml", "templates/facts.yaml", FactLabels, problems, language
    )
    facts = _with_labels(facts) if facts else None
    templates = {}
    own = {path.stem for path in folder.glob("*.yaml")} - {_FACTS}
    for kind in sorted({*shipped_kinds(), *own}):
        name = f"templates/{kind}.yaml"
        template, yaml = read_model(folder / f"{kind}.yaml", name, Template, problems, language)
        if template and yaml and facts:
            whole = templates[kind] = _completed(template, _shipped(kind))
            found = [
                Problem(yaml, path, f"template.{code}", details)
                for path, code, details in _troubles(kind, whole, facts, book)
            ]
            problems += [problem.told(language) for problem in found]
    problems += _without_template(book, templates, language)
    try:
        letterhead = (folder / "letterhead.docx").read_bytes()
    except OSError:
        problems.append(f"templates/letterhead.docx: {words('file.letterhead_missing', language)}")
        letterhead = b""
    if problems or facts is None:
        raise InvalidSetupError(problems)
    return Templates(templates, facts, letterhead)


def _without_template(
    book: Book, templates: Mapping[str, Template], language: str
) -> Iterator[str]:
    """Kinds of document that a process issues and that nothing says how to print."""
    for process in book.processes.values():
        for state, kinds in process.issues.items():
            for kind in kinds:
                if kind not in templates:
                    place = f"schemas/processes/{process.id}.yaml: issues.{state}"
                    yield f"{place}: {words('file.no_template', language, kind=kind)}"


_HEAD = ("to", "folder", "file", "editions", "page", "record_behind")


def _completed(template: Template, shipped: Template | None) -> Template:
    """A template whose head says all: what an older one leaves out is as in the shipped one."""
    if shipped is None:
        return template
    left_out = [name for name in _HEAD if name not in template.model_fields_set]
    head = {name: getattr(shipped, name) for name in left_out}
    new_tables = {name: shipped.tables[name] for name in _NEW_TABLES if name in shipped.tables}
    return template.model_copy(update={**head, "tables": {**new_tables, **template.tables}})


_NEW_TABLES = ("matters",)
"""Tables that older templates do not have."""


@cache
def _shipped(kind: str) -> Template | None:
    """The edition of a template that comes with fbbatch; None for a kind of the company's own.

    It has all that the program itself asks for.
    """
    if kind not in shipped_kinds():
        return None
    problems: list[str] = []
    name = f"{kind}.yaml"
    template, _ = read_model(shipped_folder() / "templates" / name, name, Template, problems)
    if template is None:
        raise InvalidSetupError(problems)
    return template


def _with_labels(own: FactLabels) -> FactLabels:
    """The company's labels of facts, and those of newer facts as they come with fbbatch."""
    path, problems = shipped_folder() / "templates/facts.yaml", list[str]()
    shipped, _ = read_model(path, path.name, FactLabels, problems)
    labels = shipped.facts if shipped else {}
    return FactLabels(facts={**labels, **own.facts})


_Path = tuple[str | int, ...]
_Trouble = tuple[_Path, str, dict[str, object]]
"""Path to what is wrong, the sentence of the group `template` that says it, what is filled in."""


def _troubles(kind: str, template: Template, facts: FactLabels, book: Book) -> Iterator[_Trouble]:
    """Everything in a template that would not print."""
    form = book.schema(template.form) if template.form else None
    if template.form and form is None:
        yield ("form",), "no_form", {"form": template.form}
    if template.id != kind:
        yield ("id",), "id", {"kind": kind}
    shipped = _shipped(kind)
    if shipped and shipped.form and template.form is None:
        yield (), "form_missing", {"form": shipped.form}
        return
    labelled = {*facts.facts, "rest"}
    for source in book.sources:
        labelled |= {field.id for field in source.fields}
    for other in book.forms:
        labelled |= {f"{other.id}.{field.id}" for field in other.fields}
    known = {*labelled, *STORY}
    for number, block in enumerate(template.blocks):
        path = ("blocks", number)
        yield from _in_grid(block, path, form, known, labelled)
        yield from _in_tables(block, path, template, form)
        yield from _in_texts(block, path, template, known)
    if shipped:
        yield from _in_words(template, shipped)
        yield from _missing_tables(template, shipped)
        yield from _missing_columns(template, shipped)
    else:
        yield from _in_own_words(template)


def _in_grid(
    block: BlockModel,
    path: _Path,
    form: SchemaModel | None,
    known: set[str],
    labelled: set[str],
) -> Iterator[_Trouble]:
    """Pairs that name no blank of the form, or nothing that is known, or that has no label."""
    blanks = {field.id for field in form.fields} if form else set()
    for number, pair in enumerate(block.grid or []):
        item = Item(of=pair) if isinstance(pair, str) else pair
        place = (*path, "grid", number)
        if item.blank and item.blank not in blanks:
            of_form = form.id if form else None
            yield place, "no_blank", {"form": of_form, "field": item.blank}
        if item.label or not item.of or item.blank:
            continue
        if item.of not in known:
            yield place, "no_fact", {"name": item.of}
        elif item.of not in labelled:
            yield place, "no_label", {"name": item.of}


def _in_tables(
    block: BlockModel, path: _Path, template: Template, form: SchemaModel | None
) -> Iterator[_Trouble]:
    """Tables that neither the form nor the template has."""
    fields = form.fields if form else []
    tables = {field.id for field in fields if field.type == "table"}
    if block.rows and block.rows.of not in tables:
        yield (*path, "rows"), "no_rows", {"form": template.form, "field": block.rows.of}
    if block.table and block.table not in template.tables:
        yield (*path, "table"), "no_table", {"table": block.table}


def _in_texts(
    block: BlockModel, path: _Path, template: Template, known: set[str]
) -> Iterator[_Trouble]:
    """Expressions that are none, or that name nothing that is known."""
    names = known | TOLD | set(template.words) | {"letter"}
    for key in ("heading", "text", "note"):
        for language, text in (getattr(block, key) or {}).items():
            for code, details in _syntax(text, language, names):
                yield (*path, key), code, details


_OPTIONAL = {"reply": "", "register": "ask_", "summary": "by_kind"}
"""Templates of which words beginning so may be left out: they are asked for only where they are."""


def _in_words(template: Template, shipped: Template) -> Iterator[_Trouble]:
    """Words that the program itself says, or names in them that it does not fill in."""
    optional = _OPTIONAL.get(template.id)
    for name in shipped.words:
        is_optional = optional is not None and name.startswith(optional)
        if name not in template.words and not is_optional:
            yield ("words",), "no_word", {"word": name}
    for name, label in template.words.items():
        filled: set[str] | None = None
        if name in shipped.words and template.id != "reply":
            filled = set().union(*map(names_in, shipped.words[name].values()))
        yield from _in_label(name, label, filled)


def _in_own_words(template: Template) -> Iterator[_Trouble]:
    """Words of a kind of the company's own: the program says none of them itself."""
    for name, label in template.words.items():
        yield from _in_label(name, label, None)


def _in_label(name: str, label: dict[str, str], filled: set[str] | None) -> Iterator[_Trouble]:
    for language, text in label.items():
        for code, details in _syntax(text, language, filled):
            yield ("words", name), code, details


def _missing_tables(template: Template, shipped: Template) -> Iterator[_Trouble]:
    """Tables that the program fills in and that are not there; columns that it does not fill in."""
    for name, table in shipped.tables.items():
        if name not in template.tables:
            yield ("tables",), "no_table", {"table": name}
            continue
        cells = sorted({column.of for column in table.columns})
        for number, column in enumerate(template.tables[name].columns):
            if column.of not in cells:
                path = ("tables", name, "columns", number)
                yield path, "no_cell", {"column": column.of, "cells": ", ".join(cells)}


def _missing_columns(template: Template, shipped: Template) -> Iterator[_Trouble]:
    """Columns of an edition, workbook or print, of which none is left."""
    if shipped.columns and not template.columns:
        yield (), "no_columns", {}
    for left_out in ("only", False):  # of what the workbook has, and of what is printed
        wanted = [column for column in shipped.columns if column.print != left_out]
        kept = [column for column in template.columns if column.print != left_out]
        if wanted and not kept:
            yield ("columns",), "no_printed_column", {}


def _syntax(
    text: str, language: str, known: set[str] | None
) -> Iterator[tuple[str, dict[str, object]]]:
    """What is wrong with a text; `known` are the names that it may have, None for any."""
    try:
        names = names_in(text)
    except TemplateSyntaxError:
        yield "expression", {"language": language}
        return
    if known is not None:
        for name in sorted(names - known):
            yield "name", {"language": language, "name": name}
