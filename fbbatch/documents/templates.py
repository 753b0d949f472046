"""`templates/*.yaml`: the blocks of each document by field id, with wording in three languages.

Texts may hold small Jinja expressions; they are compiled once, in a sandbox, and an unknown name is an error. They
give plain text, which the renderers escape; what people submitted is only ever a value in them, never a template.
"""

import re
from collections.abc import Callable, Mapping
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
from fbbatch.schema.book import read_model
from fbbatch.schema.models import Label, Strict

_JINJA = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True)

_NAME_ALONE = re.compile(r"\{\{ *\w+ *\}\}")

Fill = Callable[[Mapping[str, object]], str]


class Item(Strict):
    """One label–value pair of a grid: a fact or answered field (`of`), a blank of the document's form, or a blank that says `of` already."""

    of: str | None = Field(default=None, description="id of a fact (templates/facts.yaml) or of a schema's field")
    blank: str | None = Field(default=None, description="id of a field of the form, to be filled in")
    label: Label | None = Field(default=None, description="another label than the schema's")
    wide: bool = Field(default=False, description="takes the whole row")
    lines: int = Field(default=1, ge=1, le=40, description="height of a blank, in lines")

    @model_validator(mode="after")
    def _one(self) -> "Item":
        if self.of is None and self.blank is None:
            raise ValueError("an item has `of` or `blank`")
        return self


class ColumnModel(Strict):
    """A column of a table."""

    of: str
    label: Label | None = None
    weight: float = Field(default=1, gt=0)
    align: Literal["left", "center", "right"] = "left"
    kind: Literal["text", "date", "datetime", "integer", "number", "percent"] = "text"
    print: bool | Literal["only"] = Field(default=False, description="true: also in the print edition; only: nowhere else")


class TableModel(Strict):
    """A table whose rows the batch supplies."""

    columns: list[ColumnModel] = Field(min_length=1)
    empty: Label | None = Field(default=None, description="what stands there when there are no rows")


class RowsModel(Strict):
    """A table of the form, to be filled in."""

    of: str = Field(description="id of the form's table field")
    count: int = Field(ge=1, le=40, description="rows to write in")
    prefill: str | None = Field(default=None, description="form whose newest answers to the same table stand there already")


class BlockModel(Strict):
    """One block; exactly one key."""

    heading: Label | None = None
    text: Label | None = None
    note: Label | None = None
    grid: list[Item | str] | None = Field(default=None, description="`rest` stands for every answered field not printed elsewhere")
    table: str | None = Field(default=None, description="name of one of the template's tables")
    rows: RowsModel | None = None
    signatures: list[Label] | None = None
    page_break: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> "BlockModel":
        if len(self.model_fields_set) != 1:
            raise ValueError("a block has exactly one key")
        return self


class Template(Strict):
    """`templates/<kind>.yaml`."""

    id: str
    document: str = Field(pattern=r"^D[0-9]{2}$", description="number of the document in the regulation")
    version: int = Field(default=1, ge=1)
    form: str | None = Field(default=None, description="id of the form schema whose blanks it prints")
    blocks: list[BlockModel] = []
    tables: dict[str, TableModel] = {}
    columns: list[ColumnModel] = []
    words: dict[str, Label] = {}

    @cached_property
    def printed(self) -> frozenset[str]:
        """Names that the template prints by itself, so that `rest` leaves them out."""
        items = [item for block in self.blocks for item in block.grid or []]
        return frozenset({"organisation", *(item if isinstance(item, str) else item.of or "" for item in items)})

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
    """A text with Jinja expressions as a function of its names (KeyError for one unknown); without any, a constant; of a name alone, what it says."""
    if "{{" not in text and "{%" not in text:
        return lambda _: text
    names = sorted(meta.find_undeclared_variables(_JINJA.parse(text)))
    if names and _NAME_ALONE.fullmatch(text):
        return lambda values: str(values[names[0]])
    template = _JINJA.from_string(text)
    return lambda values: template.render({name: values[name] for name in names})


CASE_FORMS = (
    "escalation", "impact", "assignment", "measures", "inspection", "coordination", "result", "verification", "reply", "satisfaction",
)  # fmt: skip
"""The forms about one case, in the order of the regulation."""
KINDS = ("case_report", *CASE_FORMS, "tracking_ledger", "worklist", "register", "summary", "receipt", "returned")


def load_templates(folder: Path, book: Book) -> Templates:
    """Read and check a workspace's `templates/`.

    Raises:
        InvalidSetupError: with file, line and column of everything wrong.
    """
    problems: list[str] = []
    facts, _ = read_model(folder / "facts.yaml", "templates/facts.yaml", Facts, problems)
    templates = {}
    for kind in KINDS:
        name = f"templates/{kind}.yaml"
        template, yaml = read_model(folder / f"{kind}.yaml", name, Template, problems)
        if template and yaml and facts:
            templates[kind] = template
            for path, text in _trouble(template, facts, book):
                problems.append(f"{yaml.where(path)}: {text}")
    try:
        letterhead = (folder / "letterhead.docx").read_bytes()
    except OSError:
        problems.append("templates/letterhead.docx: the file is missing; `fbbatch init` lays one out")
        letterhead = b""
    if problems or facts is None:
        raise InvalidSetupError(problems)
    return Templates(templates, facts, letterhead)


def _trouble(template: Template, facts: Facts, book: Book) -> list[tuple[tuple[str | int, ...], str]]:
    known = {*facts.facts, *STORY, *(f.id for s in book.sources for f in s.fields), "rest"}
    form = book.schema(template.form) if template.form else None
    blanks = {f.id for f in form.fields} if form else set()
    found: list[tuple[tuple[str | int, ...], str]] = []
    if template.form and form is None:
        found.append((("form",), f"no form schema has the id '{template.form}'"))
    for number, block in enumerate(template.blocks):
        for place, item in enumerate(block.grid or []):
            path = ("blocks", number, "grid", place)
            if isinstance(item, Item) and item.blank and item.blank not in blanks:
                found.append((path, f"the form '{template.form}' has no field '{item.blank}'"))
            name = item if isinstance(item, str) else item.of
            if name and name not in known and not (isinstance(item, Item) and item.label):
                found.append((path, f"neither a fact nor a field of any source is called '{name}'"))
        if block.rows and not any(f.id == block.rows.of and f.type == "table" for f in (form.fields if form else ())):
            found.append((("blocks", number, "rows"), f"the form '{template.form}' has no table '{block.rows.of}'"))
        if block.table and block.table not in template.tables:
            found.append((("blocks", number, "table"), f"the template has no table '{block.table}'"))
        for key in ("heading", "text", "note"):
            for language, text in (getattr(block, key) or {}).items():
                found += [
                    (("blocks", number, key), f"{language}: {problem}")
                    for problem in _syntax(text, known | TOLD | set(template.words) | {"letter"})
                ]
    for name, label in template.words.items():
        found += [(("words", name), problem) for text in label.values() for problem in _syntax(text)]
    return found


def _syntax(text: str, known: set[str] | None = None) -> list[str]:
    try:
        names = meta.find_undeclared_variables(_JINJA.parse(text))
    except TemplateSyntaxError as error:
        return [f"template expression: {error.message}"]
    return [f"template expression: nothing is called '{name}'" for name in sorted(names - known)] if known is not None else []
