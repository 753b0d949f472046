"""`templates/*.yaml`: the blocks of each document by field id, with wording in three languages.

Texts may hold small Jinja expressions; they are compiled once, in a sandbox, and an unknown name is
an error. They give plain text, which the renderers escape; what people submitted is only ever a
value in them, never a template.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from typing import Annotated, Literal

from jinja2 import StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import AfterValidator, Field, model_validator

from fbbatch.schema.models import Label, Strict
from fbbatch.schema.wording import trouble

_JINJA = ImmutableSandboxedEnvironment(
    autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True
)

_LAST_ON_PAGE = 99
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


def _pattern(pattern: str) -> str:
    """A pattern of a path, checked: it names what there is, and leads nowhere else."""
    strange = set(_NAME_IN_PATH.findall(pattern)) - _IN_PATHS
    if "." in pattern:
        strange.add(".")
    if strange:
        known = ", ".join(sorted(_IN_PATHS))
        raise trouble("path_pattern", names=", ".join(sorted(strange)), known=known)
    return pattern


_NAME_IN_PATH = re.compile(r"\{(.*?)\}")
_IN_PATHS = frozenset({"title", "case", "day", "department"})


When = Literal["always", "severe", "never"]


class Editions(Strict):
    """In which editions a document comes, each always, for severe cases only, or never."""

    word: When = "never"
    excel: When = "never"
    pdf: When = "never"

    def of(self, severity: str) -> set[str]:
        """The editions for a case of that severity: `word`, `excel`, `pdf`."""
        wanted = {"always", "severe"} if severity == "severe" else {"always"}
        return {name for name, when in self.model_dump().items() if when in wanted}


Recipient = Literal["lead", "verifiers", "deciders", "recorders", "leaders"]


class Template(Strict):
    """`templates/<kind>.yaml`: all about one kind of document."""

    id: str
    document: str = Field(
        pattern=r"^D[0-9]{2}$", description="number of the document in the regulation"
    )
    version: int = Field(default=1, ge=1)
    form: str | None = Field(
        default=None, description="id of the form schema whose blanks it prints"
    )
    to: Recipient = Field(
        default="lead",
        description="who has to act on it: the department in charge; those who may verify; whoever"
        " decides (the leaders where nobody may verify, else the lead); those who record (P01); the"
        " leaders (P03)",
    )
    folder: Annotated[str, AfterValidator(_pattern)] = Field(
        default="",
        description="where it stands in the run folder; {department} is that of the recipient,"
        " {case} the number of the case",
    )
    file: Annotated[str, AfterValidator(_pattern)] = Field(
        default="{title} {case}",
        description="how it is named, without ending: {title}, {case}, {day}, {department}",
    )
    editions: Editions = Editions()
    page: int = Field(default=99, ge=1, description="its place among the kinds on the run's page")
    record_behind: bool = Field(
        default=False,
        description="what stands behind the page break is a record of ours and is not in the PDF",
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


class FactLabels(Strict):
    """`templates/facts.yaml`: labels of what the batch knows of a case."""

    facts: dict[str, Label]


class Templates:
    """All templates of a workspace, and its letterhead."""

    def __init__(
        self, templates: dict[str, Template], facts: FactLabels, letterhead: bytes
    ) -> None:
        self._templates = templates
        self.facts = facts.facts
        self.letterhead = letterhead

    def __getitem__(self, kind: str) -> Template:
        return self._templates[kind]

    def __iter__(self) -> Iterator[Template]:
        """Every template, by its kind."""
        return (self._templates[kind] for kind in sorted(self._templates))

    def page_of(self, kind: str) -> int:
        """The place of a kind on the run's page; those without a template come last."""
        template = self._templates.get(kind)
        return template.page if template else _LAST_ON_PAGE


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


@cache
def names_in(text: str) -> frozenset[str]:
    """The names in a text's expressions.

    Raises:
        TemplateSyntaxError: an expression is none.
    """
    return frozenset(meta.find_undeclared_variables(_JINJA.parse(text)))
