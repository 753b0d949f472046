"""What the YAML files of a workspace may say, as pydantic models.

The models are the one definition: the loader checks files against them, the JSON Schemas for
editors and `docs/schemas.md` are generated from them. Every description below is printed there.
"""

import datetime as dt
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fbbatch.model import LANGUAGES
from fbbatch.schema.text import header_key
from fbbatch.schema.wording import trouble
from fbbatch.words import simplified

Id = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case name for code: letters, digits, _"),
]
EDITORS = ("anyone", "organisation", "head_of_lead")
"""Who may edit a cell of a ledger, besides roles."""


class Strict(BaseModel):
    """A model that refuses unknown keys and is frozen once read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


def _label(value: object) -> object:
    """A text by language; a missing zh-Hans is the zh-Hant text in simplified characters.

    A text alone is the one of all languages, as it is written.
    """
    if isinstance(value, str):
        return dict.fromkeys(LANGUAGES, value)
    if not isinstance(value, dict):
        return value
    label = dict(value)
    if "zh-Hant" in label and "zh-Hans" not in label and isinstance(label["zh-Hant"], str):
        label["zh-Hans"] = simplified(label["zh-Hant"])
    return label


def _three_languages(label: dict[str, str]) -> dict[str, str]:
    if missing := [
        language for language in ("zh-Hant", "zh-Hans", "en") if not label.get(language, "").strip()
    ]:
        raise trouble("languages", missing=", ".join(missing))
    return label


if TYPE_CHECKING:
    _Texts = dict[str, str]
else:  # editors are told which languages there are
    _Texts = dict[Literal["zh-Hant", "zh-Hans", "en"], str]
Label = Annotated[
    _Texts,
    BeforeValidator(_label, json_schema_input_type=str | _Texts),
    AfterValidator(_three_languages),
]
"""A text in the three languages; a company of one language writes it alone (`label: 客服部`)."""


def _example(value: object) -> object:
    """Checks an example that names its languages.

    That is done before the other kinds of example are tried and each says what it misses.
    """
    if isinstance(value, list):
        return [
            {name: _example(cell) for name, cell in row.items()} if isinstance(row, dict) else row
            for row in value
        ]
    if not isinstance(value, dict):
        return value
    label = _label(value)
    assert isinstance(label, dict)  # noqa: S101 - it was one
    if unknown := [str(key) for key in label if key not in LANGUAGES]:
        raise trouble("example_language", language=unknown[0])
    if not all(isinstance(text, str) for text in label.values()):
        raise trouble("example_number")
    return _three_languages(label)


FieldType = Literal[
    "text",
    "integer",
    "number",
    "date",
    "datetime",
    "boolean",
    "choice",
    "choices",
    "rating",
    "contact",
    "department",
    "product",
    "person",
    "case",
    "table",
]


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise trouble("regex", position=(error.pos or 0) + 1) from error
    except (RecursionError, OverflowError) as error:
        raise trouble("regex", position=1) from error
    return text


def _delimiter(text: str) -> str:
    """One character that can stand between two cells; blank: it is guessed."""
    if len(text) > 1 or text in {'"', "\n", "\r"}:
        raise trouble("delimiter")
    return text


def _separator(text: str) -> str:
    """What stands between two choices: anything but nothing."""
    if not text:
        raise trouble("blank")
    return text


def _encoding(name: str) -> str:
    """An encoding of text that Python knows."""
    try:
        "".encode(name)
    except (LookupError, ValueError) as error:
        raise trouble("encoding", name=name) from error
    return name


def _line_pattern(text: str) -> str:
    if not re.compile(_regex(text)).groupindex:
        raise trouble("line_groups")
    return text


def _day(text: str) -> str:
    """A date that the calendar has."""
    try:
        dt.date.fromisoformat(text)
    except ValueError as error:
        raise trouble("no_such_day", date=text) from error
    return text


def _word(text: str) -> str:
    if not text.strip():
        raise trouble("blank")
    return text


Word = Annotated[str, AfterValidator(_word)]
"""A name or a word: not blank, for blanks would be found everywhere."""


class Pattern(Strict):
    """A pattern the answer must match, with a sentence that explains it."""

    regex: Annotated[str, AfterValidator(_regex)] = Field(
        description="regular expression for the whole answer"
    )
    explain: Label = Field(description="what the pattern means, for the person who fills in")


class Value(Strict):
    """One allowed value of a choice."""

    code: Word = Field(description="the value in code and in the ledger")
    label: Label
    aliases: list[Word] = Field(default=[], description="other ways to write it; compared folded")


class FieldModel(Strict):
    """One field of a schema. Source: 3.1.1, 3.1.2, 3.1.3."""

    id: Id
    label: Label = Field(description="the header or label people see")
    aliases: list[Word] = Field(
        default=[], description="other headers for it, any script; compared without decoration"
    )
    type: FieldType = "text"
    required: bool | Literal["ask"] = Field(
        default=False,
        description=(
            "true: a row without it is returned; ask: it is accepted but listed; false: optional"
        ),
    )
    either_or: str | None = Field(
        default=None, description="name of a group of fields of which one must be answered"
    )
    values: list[Value] | str | None = Field(
        default=None,
        description="choice, choices: the allowed values, or the name of a set in vocabulary.yaml",
    )
    strict: bool = Field(
        default=False,
        description=(
            "product, department, person: a name that the master list does not know is returned, "
            "not just noted"
        ),
    )
    pattern: Pattern | None = None
    minimum: float | None = Field(
        default=None, description="integer, number, rating: smallest value"
    )
    maximum: float | None = Field(
        default=None, description="integer, number, rating: largest value"
    )
    not_after: str | None = Field(
        default=None, description="date: not later than this field, or `received`"
    )
    not_before: str | None = Field(default=None, description="date: not earlier than this field")
    min_length: int = Field(default=0, ge=0, description="text: fewest useful characters")
    empty_phrases: bool = Field(
        default=False, description="text: answers such as 無, 同上, test count as blank"
    )
    unique: bool = Field(
        default=False, description="no two rows of a file may have the same answer"
    )
    default: str | int | float | bool | None = Field(
        default=None, description="the answer where nothing was given"
    )
    carry_down: bool = Field(
        default=False,
        description=(
            "cells of a merged area all take its answer, as in any field; here without a remark"
        ),
    )
    split_from: str | None = Field(
        default=None, description="where blank, take the last word of this field (name+model)"
    )
    column: int | None = Field(
        default=None,
        ge=1,
        description=(
            "1-based column, whatever its header; for files without a header row, or a header "
            "that says nothing"
        ),
    )
    nth: int | None = Field(
        default=None,
        ge=1,
        description=(
            "which of the columns with this header, 1 for the first, where several fields share it"
        ),
    )
    separator: Annotated[str, AfterValidator(_separator)] | None = Field(
        default=None,
        description=(
            "choices: what stands between several in one cell (default: `┋`, line break, ；;、|，,/"
            "; an option that contains one is found first)"
        ),
    )
    date_order: Literal["day-first", "month-first"] | None = Field(
        default=None,
        description="how 03/04/2026 is meant in this column; undeclared, such a date is returned",
    )
    personal: Literal["name", "phone", "mail", "id", "address", "contact"] | None = Field(
        default=None, description="class of personal data; masked in editions that circulate"
    )
    editable_by: list[str] = Field(
        default=["organisation"],
        description=(
            "in a dropped ledger or summary, who may change it: roles (P02), head_of_lead, "
            "organisation (anybody in it), anyone (also unsigned)"
        ),
    )
    hint: Label | None = Field(default=None, description="one line for the person who fills in")
    example: Annotated[
        str | int | float | bool | Label | list[dict[str, str | int | float | Label]] | None,
        BeforeValidator(_example),
    ] = Field(
        default=None,
        description=(
            "a valid answer, one for all languages or one for each; "
            "a table's example is a list of rows"
        ),
    )
    fields: list["FieldModel"] = Field(default=[], description="table: its columns")
    clause: str | None = Field(
        default=None, description="clause of the regulation it answers, e.g. 3.1.1b"
    )

    @model_validator(mode="after")
    def _fits(self) -> "FieldModel":
        if self.type in {"choice", "choices"} and self.values is None:
            raise trouble("choice_values")
        if self.type == "table" and not self.fields:
            raise trouble("table_fields")
        if self.type != "table" and self.fields:
            raise trouble("only_table")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise trouble("range", at=("minimum",), minimum=self.minimum, maximum=self.maximum)
        return self


Severity = Literal["minor", "general", "severe"]


class SchemaModel(Strict):
    """`schemas/sources/*.yaml`, `schemas/forms/*.yaml`: the fields of a source or of a form."""

    id: Id
    version: int = Field(default=1, ge=1)
    kind: Literal["source", "form"] = "source"
    source: str | None = Field(
        default=None, description="code of the source in vocabulary.yaml (default: the id)"
    )
    clause: str | None = None
    title: Label
    folders: list[Word] = Field(
        default=[], description="names of inbox sub-folders whose files are of this schema"
    )
    channels: list[str] = Field(
        default=[], description="codes of channels this source may come by; first: default"
    )
    header: bool = Field(
        default=True, description="false: the file has no header row; fields have `column` numbers"
    )
    header_rows: int = Field(
        default=1, ge=1, le=3, description="rows that the header takes; found by itself up to 2"
    )
    skip_rows_after_header: int = Field(
        default=0, ge=0, le=5, description="rows under the header that are no answers"
    )
    footer: Annotated[str, AfterValidator(_regex)] | None = Field(
        default=None,
        description=(
            "regular expression, searched in the texts of a row; the first row with it and all "
            "that follow are no answers"
        ),
    )
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = Field(
        default=None, description="csv: the delimiter, where it should not be guessed"
    )
    encoding: Annotated[str, AfterValidator(_encoding)] | None = Field(
        default=None, description="csv: the encoding, where it should not be guessed"
    )
    lines: Annotated[str, AfterValidator(_line_pattern)] | None = Field(
        default=None,
        description=(
            "txt: regular expression of a line that begins a message of a chat; "
            "its named groups are field ids"
        ),
    )
    case_reports: Literal["none"] | list[Severity] | None = Field(
        default=None,
        description="source: severities that get a case report (default: as in fbbatch.yaml)",
    )
    forms: Literal["none"] | list[Severity] | None = Field(
        default=None,
        description=(
            "source: severities whose new cases get an assignment notice "
            "(default: as in fbbatch.yaml)"
        ),
    )
    signed_by: str | None = Field(
        default=None, description="form: the field that says who answers for it"
    )
    signed_on: str | None = Field(
        default=None, description="form: the field with the day on which that happened"
    )
    fields: list[FieldModel] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "SchemaModel":
        ids = [field.id for field in self.fields]
        _check_each_once(ids)
        for number, field in enumerate(self.fields):
            _check_others(field, number, ids)
        self._check_signer(ids)
        self._check_lines(ids)
        if not self.header and not any(field.column for field in self.fields):
            raise trouble("no_header", at=("header",))
        return self

    def _check_signer(self, ids: Sequence[str]) -> None:
        """The fields that tell who signed, and when, are there."""
        for key, name in (("signed_by", self.signed_by), ("signed_on", self.signed_on)):
            if name and name not in ids:
                raise trouble("signer", at=(key,), other=name)

    def _check_lines(self, ids: Sequence[str]) -> None:
        """The groups of the pattern for lines of a chat are fields."""
        if not self.lines:
            return
        strange = sorted(set(re.compile(self.lines).groupindex) - set(ids))
        if strange:
            raise trouble("lines_fields", at=("lines",), fields=", ".join(strange))

    @property
    def source_code(self) -> str:
        """Code of the source that the schema's submissions come from."""
        return self.source or self.id

    def is_of_folder(self, folder: str | None) -> bool:
        """True when files in the inbox sub-folder `folder` follow this schema."""
        return bool(folder) and header_key(folder or "") in {
            header_key(name) for name in (self.id, *self.folders)
        }

    @cached_property
    def by_header(self) -> dict[str, FieldModel]:
        """The fields by every bare header they may stand under."""
        index: dict[str, FieldModel] = {}
        for field in self.fields:
            for name in (*field.label.values(), *field.aliases, field.id):
                index.setdefault(header_key(name), field)
        return index

    @cached_property
    def by_shared_header(self) -> dict[str, dict[int, FieldModel]]:
        """By each bare header that several columns have, the field of the nth of them."""
        index: dict[str, dict[int, FieldModel]] = {}
        for field in self.fields:
            if field.nth is None:
                continue
            for name in (*field.label.values(), *field.aliases, field.id):
                index.setdefault(header_key(name), {}).setdefault(field.nth, field)
        return index

    @property
    def is_named(self) -> bool:
        """Whether any field is found by its header."""
        return any(field.column is None for field in self.fields)


def _check_each_once(ids: Sequence[str]) -> None:
    """No field has the id of another."""
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    if doubled:
        last = max(number for number, name in enumerate(ids) if name == doubled[0])
        raise trouble("fields_twice", at=("fields", last, "id"), fields=", ".join(doubled))


def _check_others(field: FieldModel, number: int, ids: Sequence[str]) -> None:
    """The other fields that a field names, the `number`th from 0, are there."""
    named = (
        ("not_after", field.not_after),
        ("not_before", field.not_before),
        ("split_from", field.split_from),
    )
    for key, other in named:
        if other and other != "received" and other not in ids:
            place = ("fields", number, key)
            raise trouble("unknown_field", at=place, field=field.id, key=key, other=other)


class VocabularySet(Strict):
    """One list of codes with their words."""

    label: Label
    values: list[Value] = Field(min_length=1)


class Vocabulary(Strict):
    """`schemas/vocabulary.yaml`: codes that documents print, with words. Source: 3.2.1–3.2.3."""

    sets: dict[str, VocabularySet]


class RatingRange(Strict):
    """The ratings that a rule is about, both ends included."""

    at_least: float | None = Field(default=None, description="the lowest of them")
    at_most: float | None = Field(default=None, description="the highest of them")

    @model_validator(mode="after")
    def _is_a_range(self) -> "RatingRange":
        low, high = self.at_least, self.at_most
        if low is None and high is None:
            raise trouble("rating_range")
        if low is not None and high is not None and low > high:
            raise trouble("rating_none", at=("at_least",), low=low, high=high)
        return self

    def holds(self, rating: float) -> bool:
        """True for a rating within the range."""
        low, high = self.at_least, self.at_most
        return (low is None or rating >= low) and (high is None or rating <= high)


class Rule(Strict):
    """A classification rule: what speaks for one value of one dimension. Source: 3.2.x.

    That is words in a text, or a rating.
    """

    id: str = Field(
        description="name of the rule, printed as the reason", pattern=r"^[A-Z][A-Z0-9-]*$"
    )
    kind: str | None = None
    type: str | None = None
    severity: str | None = None
    safety: bool = Field(default=False, description="safety words always win for severity (3.2.2c)")
    weight: float = Field(
        default=1, gt=0, description="added once for each different word that matches"
    )
    words: list[Word] = Field(
        default=[],
        description="words in either script; English ones match whole words, `burn*` a stem",
    )
    never_denied: bool = Field(
        default=False, description="a negation in front changes nothing: 沒有貨嗎 still asks"
    )
    beside: list[Word] = Field(
        default=[],
        description="the words count only where one of these stands near, in the same clause",
    )
    rating: RatingRange | None = Field(
        default=None, description="in place of words: ratings (in `fields`) that speak for it"
    )
    only_alone: bool = Field(
        default=False,
        description=(
            "of a kind: counts only where nothing else tells of a kind, of a type in "
            "`fault_types`, or of a severity above minor"
        ),
    )
    only_short: bool = Field(
        default=False, description="only in texts of at most `short_text` characters"
    )
    fields: list[str] = Field(
        default=[], description="only in these fields (default: the texts named in `texts`)"
    )

    @model_validator(mode="after")
    def _one_value(self) -> "Rule":
        if sum(value is not None for value in (self.kind, self.type, self.severity)) != 1:
            raise trouble("one_dimension")
        if bool(self.words) == (self.rating is not None):
            raise trouble("words_or_rating")
        if self.rating and not self.fields:
            raise trouble("rating_fields")
        if self.only_alone and self.kind is None:
            raise trouble("only_alone", at=("only_alone",))
        if self.safety and self.severity is None:
            raise trouble("safety")
        return self


class Negation(Strict):
    """Words that turn what follows into its opposite; `漏電：無` is known without being listed."""

    before: list[Word] = Field(
        description=(
            "沒有漏電, no smoke: words in front; one-character ones only reach their neighbour"
        )
    )
    reach: int = Field(
        default=8,
        ge=1,
        le=20,
        description="how many characters a Chinese negation reaches within its clause",
    )
    reach_words: int = Field(
        default=5, ge=1, le=20, description="how many words an English one reaches"
    )
    exceptions: list[Word] = Field(
        default=[], description="phrases that look like a negation and are none"
    )
    asked: list[Word] = Field(
        default=[],
        description=(
            "為什麼沒有配送: words that ask; a negation close behind them denies nothing, "
            "but for the words of safety rules"
        ),
    )


class Supposition(Strict):
    """Words of feared or imagined harm: it did not happen, so it counts as `speaks_as` says."""

    speaks_as: str = Field(description="id of the rule for whose words imagined harm counts")
    before: list[Word] = Field(description="could have, 万一: words that suffice by themselves")
    feared: list[Word] = Field(
        default=[], description="afraid, 担心: words that need one of `unreal` behind them"
    )
    unreal: list[Word] = Field(
        default=[], description="might, 会: what makes a fear one of things to come"
    )
    possible: list[Word] = Field(
        default=[],
        description="could cause, 可能会: words that suffice for what `consequences` tell of",
    )
    consequences: list[str] = Field(
        default=[],
        description=(
            "ids of the rules for what danger leads to; a hazard that is possible is a hazard"
        ),
    )
    subjects: list[Word] = Field(
        default=[], description="i, it: what begins a clause of its own, and ends all but a fear"
    )
    real: list[Word] = Field(
        default=[],
        description=(
            "because, the, 又: what stands before things that have happened, and ends a supposition"
        ),
    )
    reach: int = Field(
        default=8,
        ge=1,
        le=20,
        description="how many characters a Chinese one reaches within its clause",
    )
    reach_words: int = Field(
        default=6, ge=1, le=20, description="how many words an English one reaches"
    )


class ClassificationRules(Strict):
    """`schemas/rules/classification.yaml`."""

    texts: list[str] = Field(description="ids of the fields whose text is judged")
    default_kind: str = Field(default="problem", description="kind where no rule matches")
    default_severity: str = Field(
        default="general", description="severity where nothing else settles it; marked unsure"
    )
    severity_by_kind: dict[str, str] = Field(
        default={}, description="usual severity of a kind, where no word tells more"
    )
    severity_by_type: dict[str, str] = Field(
        default={}, description="usual severity of a type, where no word tells more"
    )
    short_text: int = Field(
        default=80, ge=1, description="characters up to which a text is short, for `only_short`"
    )
    fault_types: list[str] = Field(
        default=[], description="types whose words tell of a fault: rules `only_alone` are silent"
    )
    kind_of_faults: str | None = Field(
        default=None,
        description=(
            "kind where no word tells it, but words tell of harm, or of one of `fault_types` and "
            "of a severity above minor"
        ),
    )
    type_by_kind: dict[str, str] = Field(
        default={}, description="kinds that settle the type, e.g. suggestion"
    )
    minimum_score: float = Field(default=1, description="a type needs at least this score")
    minimum_margin: float = Field(
        default=0.5, description="and must lead the second by this much, else unclassified"
    )
    touched_share: float = Field(
        default=0.6, description="a second type of this share of the first counts as touched"
    )
    negation: Negation
    supposition: Supposition | None = None
    rules: list[Rule]

    @model_validator(mode="after")
    def _known(self) -> "ClassificationRules":
        if self.supposition and self.supposition.speaks_as not in {
            rule.id for rule in self.rules if rule.severity and not rule.safety
        }:
            raise trouble(
                "speaks_as", at=("supposition", "speaks_as"), rule=self.supposition.speaks_as
            )
        if self.supposition and (
            unknown := set(self.supposition.consequences) - {rule.id for rule in self.rules}
        ):
            raise trouble("consequence", at=("supposition", "consequences"), rule=min(unknown))
        return self


class When(Strict):
    """Conditions of an assignment rule; all that are given must hold, each by any of its values."""

    source: list[str] = []
    kind: list[str] = []
    type: list[str] = []
    severity: list[str] = []
    product: list[str] = []
    line: list[str] = []
    words: list[Word] = []


class AssignmentRule(Strict):
    """Which department handles what. Source: 5.1.1a."""

    id: str = Field(pattern=r"^[A-Z][A-Z0-9-]*$")
    when: When = When()
    lead: str = Field(
        description="department id, or `product` for the department of the product's master record"
    )
    cooperating: list[str] = []


class EscalationRule(Strict):
    """When a case goes to leaders and heads. Source: 3.3.3."""

    id: str = Field(pattern=r"^[A-Z][A-Z0-9-]*$")
    label: Label
    severity: list[str] = Field(default=[], description="any of these severities")
    departments: int | None = Field(
        default=None, ge=2, description="at least so many departments touched"
    )
    only_severity: list[str] = Field(
        default=[], description="`departments` and `words` count for these severities only"
    )
    words: list[Word] = Field(
        default=[], description="any of these words (stoppage, formal demands)"
    )
    to: list[str] = Field(description="roles it goes to, e.g. P03, P04")


class AssignmentRules(Strict):
    """`schemas/rules/assignment.yaml`."""

    rules: list[AssignmentRule] = Field(min_length=1)
    departments_by_type: dict[str, str] = Field(
        description="department that a type touches, for cooperation"
    )
    escalation: list[EscalationRule] = []


class Deadline(Strict):
    """A period of the regulation that the company decides (T01–T20)."""

    id: str = Field(pattern=r"^T[0-9]{2}[a-z]?$")
    label: Label
    clause: str
    working_days: dict[str, Annotated[float, Field(ge=-3660, le=3660)]] = Field(
        default={}, description="by severity, or `all`"
    )
    hours: dict[str, Annotated[float, Field(ge=0, le=87_840)]] = Field(
        default={}, description="by severity, or `all`; round the clock"
    )
    decided: bool = Field(
        default=False,
        description="true once the company has decided it; until then marked 〔公司待定〕",
    )


class DeadlineRules(Strict):
    """`schemas/rules/deadlines.yaml`. Source: 5.1.2a, 4.12."""

    deadlines: list[Deadline]


class Department(Strict):
    """A department of the company."""

    id: Id
    label: Label
    aliases: list[Word] = []
    head: str | None = Field(default=None, description="id of the person who heads it (P04)")
    deputies: list[str] = Field(default=[], description="ids of those who may sign for the head")


class Person(Strict):
    """A person the regulation gives something to do."""

    id: Id
    name: Word
    department: str
    title: str | None = None
    mail: str | None = None
    aliases: list[Word] = []


class Role(Strict):
    """A role of the regulation, P01–P13, with its holders in order; the second is the deputy."""

    people: list[str] = Field(description="ids of people; the first acts, the others are deputies")


class Organisation(Strict):
    """`schemas/company/organisation.yaml`. Source: 4.9."""

    departments: list[Department] = Field(min_length=1)
    people: list[Person] = []
    roles: dict[str, Role] = Field(default={}, description="P01 … P13")


class Product(Strict):
    """A product of the company. Source: 1.2a."""

    name: Word
    models: list[str] = []
    aliases: list[Word] = []
    line: str | None = None
    department: str | None = Field(default=None, description="department responsible for it")
    active: bool = True


class Products(Strict):
    """`schemas/company/products.yaml`."""

    products: list[Product] = []


class Day(Strict):
    """A day that differs from the public calendar."""

    date: Annotated[str, AfterValidator(_day)] = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    label: str = ""


_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class CalendarModel(Strict):
    """`schemas/company/calendar.yaml`. Source: 5.1.2a."""

    country: Literal["CN", "TW", "HK", "none"] = Field(
        description="whose public holidays and make-up days count"
    )
    weekend: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = ["sat", "sun"]
    holidays: list[Day] = Field(default=[], description="further days off")
    working_days: list[Day] = Field(
        default=[], description="days worked although the public calendar says off"
    )

    @model_validator(mode="after")
    def _leaves_days(self) -> "CalendarModel":
        if len(set(self.weekend)) == len(_WEEK):
            raise trouble("no_weekday", at=("weekend",))
        if both := {day.date for day in self.holidays} & {day.date for day in self.working_days}:
            raise trouble("day_twice", at=("holidays",), date=min(both))
        return self
