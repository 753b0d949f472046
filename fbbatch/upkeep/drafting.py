"""Files of one kind → the draft of a schema, for an administrator to look through.

Headers that a known source has become its fields; the others become fields of the source's own,
with the type that their answers have. Nothing of a row is in the draft but the options of choices.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import yaml

from fbbatch.read import Limits
from fbbatch.schema import FieldModel, SchemaModel
from fbbatch.schema.columns import field_for
from fbbatch.schema.text import header_key
from fbbatch.upkeep.draft_columns import (
    DraftError,
    Rows,
    SampledColumn,
    groups_of,
    rows_of,
    sample,
)
from fbbatch.upkeep.draft_types import (
    Keys,
    are_options,
    choice_of,
    fits,
    like,
    mean_length,
    typed,
)

DESCRIPTION = "description"
_LONG_TEXT = 8  # characters on average, of a description
_ID_CHARS = 30
_LETTERS = 26
_DESCRIBED = re.compile(
    "描述|意見|意见|建議|建议|反饋|反馈|問題|问题|describe|problem|comment|feedback"
)
_NOT_OF_ID = re.compile("[^a-z0-9]+")


@dataclass(frozen=True)
class DraftSetup:
    """What drafting needs.

    `sources`: the known ones; of two that know a header, the first counts. `placeholders`: what
    stands where nothing was answered, as `spellings` gives it.
    """

    sources: tuple[SchemaModel, ...]
    limits: Limits
    placeholders: frozenset[str]


class ColumnBecame(NamedTuple):
    """What became of a column, or of several that are one field.

    `columns` are their letters; `is_known`: a known source has the field, too; `n_options`: how
    many a choice has.
    """

    columns: str
    header: str
    field: str
    type: str
    is_known: bool
    n_options: int


class SchemaDraft(NamedTuple):
    """The fields, what each column became, the row of the header, and how many rows there are."""

    fields: list[Keys]
    told: list[ColumnBecame]
    header_row: int
    n_rows: int


def work(setup: DraftSetup) -> Callable[[list[str]], Iterator[bytes]]:
    """For a worker: from the paths of files to their draft as JSON, or why there is none."""

    def carry_out(paths: list[str]) -> Iterator[bytes]:
        try:
            made = draft(paths, setup)
        except DraftError as error:
            reason = error.reason
            told = [reason.code, dict(reason.details)] if reason else None
            yield orjson.dumps({"reason": told})
        else:
            yield orjson.dumps(made._asdict(), default=list)

    return carry_out


def draft(paths: Sequence[str], setup: DraftSetup) -> SchemaDraft:
    """The draft of a schema by which these files can be read.

    Args:
        paths: files of one kind, the first of which has the header that counts.
        setup: what is known.

    Raises:
        DraftError: one of them cannot be read, or has no header.
    """
    files: list[Rows] = []
    for path in paths:
        files.append(rows_of(Path(path), setup.limits))
    taken = sample(files, setup.placeholders)
    drafting = _Drafting(setup.sources)
    drafting.add(taken.columns)
    return SchemaDraft(drafting.fields, drafting.told, taken.header_row, taken.n_rows)


class _Drafting:
    """Makes fields of columns, each with an id of its own.

    A known field is given to the first column that has its header.
    """

    def __init__(self, sources: Sequence[SchemaModel]) -> None:
        self.fields: list[Keys] = []
        self.told: list[ColumnBecame] = []
        self._ids: set[str] = set()
        self._labels: set[str] = set()
        self._known: dict[str, FieldModel] = {}
        for source in reversed(sources):
            self._known |= source.by_header

    def add(self, columns: Sequence[SampledColumn]) -> None:
        """Make the fields of all columns; one of them is the description."""
        numbers: Counter[str] = Counter()
        for column in columns:
            if not column.part:
                numbers[header_key(column.header)] += 1
        described = self._description(columns)
        seen: Counter[str] = Counter()
        for group in groups_of(columns):
            key = header_key(group[0].header)
            if len(group) > 1:
                self._add_group(group)
                continue
            seen[key] += 1
            nth = seen[key] if numbers[key] > 1 else None
            if group[0] is described:
                self._add_text(group[0], nth)
            else:
                self._add_single(group[0], nth)
        if DESCRIPTION not in self._ids:
            self.fields.append({"id": DESCRIPTION, "label": "補充說明"})

    def _description(self, columns: Sequence[SampledColumn]) -> SampledColumn | None:
        """The column to be the description, where none is known as one.

        It is called so, or has the longest texts.
        """
        texts: list[SampledColumn] = []
        for column in columns:
            known = field_for(column.header, self._known)
            if known and known.id == DESCRIPTION:
                return None
            if not known and column.cells and typed(column)["type"] == "text":
                texts.append(column)
        called_so: list[SampledColumn] = []
        for one in texts:
            if _DESCRIBED.search(one.header.lower()):
                called_so.append(one)
        longest = max(called_so or texts, key=mean_length, default=None)
        if longest and (called_so or mean_length(longest) >= _LONG_TEXT):
            return longest
        return None

    def _add_group(self, group: Sequence[SampledColumn]) -> None:
        """Add columns of one question: the options of it, or questions of their own."""
        whole = group[0]
        if not are_options(group):
            for column in group:
                label = self._label(column)
                head = {"id": self._id(column.part, column.at), "label": label}
                self._put([column], {**head, "column": column.at + 1, **typed(column)})
            return
        known = self._known_for(whole)
        if known and known.type in {"text", "choices"}:
            self._put_known(group, known)
            return
        self._put(
            group,
            {
                "id": self._id(whole.header, whole.at),
                "label": whole.header,
                "type": "choices",
                "values": choice_of(column.part for column in group),
            },
        )

    def _label(self, column: SampledColumn) -> str:
        """What a part is called; with the letter of its column, where another is called so.

        Questions may differ by their numbers only.
        """
        label = f"{column.header}: {column.part}"
        if header_key(label) in self._labels:
            label = f"{label} {_letter(column.at)}"
        self._labels.add(header_key(label))
        return label

    def _add_single(self, column: SampledColumn, nth: int | None) -> None:
        """Add a field that is a known one, or one of the source's own."""
        known = self._known_for(column)
        if known and fits(known, column) and nth in {None, 1}:
            self._put_known([column], known, nth)
            return
        head = {"id": self._id(column.header, column.at), "label": column.header}
        self._put([column], {**head, **typed(column)}, nth)

    def _add_text(self, column: SampledColumn, nth: int | None) -> None:
        """Add the description."""
        self._ids.add(DESCRIPTION)
        self._put([column], {"id": DESCRIPTION, "label": column.header, "type": "text"}, nth)

    def _known_for(self, column: SampledColumn) -> FieldModel | None:
        """The known field that has this header, unless another column has become it."""
        known = field_for(column.header, self._known)
        if known and known.id in self._ids:
            return None
        return known

    def _put_known(
        self, group: Sequence[SampledColumn], known: FieldModel, nth: int | None = None
    ) -> None:
        self._ids.add(known.id)
        head = {"id": known.id, "label": group[0].header}
        self._put(group, {**head, **like(known)}, nth, is_known=True)

    def _put(
        self,
        group: Sequence[SampledColumn],
        field: Keys,
        nth: int | None = None,
        *,
        is_known: bool = False,
    ) -> None:
        """Add a field, and say that these columns have become it."""
        if nth:
            field["nth"] = nth
        self.fields.append(field)
        letters = dict.fromkeys((_letter(group[0].at), _letter(group[-1].at)))
        options = field.get("values")
        became = ColumnBecame(
            columns="–".join(letters),
            header=str(field["label"]),
            field=field["id"],
            type=field["type"],
            is_known=is_known,
            n_options=len(options) if isinstance(options, list) else 0,
        )
        self.told.append(became)

    def _id(self, text: str, at: int) -> str:
        """An id that no other field has: Latin words of the header, else the column's number."""
        words = _NOT_OF_ID.sub("_", text.lower())
        name = words.strip("_")[:_ID_CHARS].rstrip("_")
        if not name[:1].isalpha():
            name = f"q{at + 1}"
        if name in self._ids:
            name = f"{name}_{at + 1}"
        self._ids.add(name)
        return name


def _letter(at: int) -> str:
    """The letter of a column, from 0, as a workbook shows it."""
    letters = ""
    number = at + 1
    while number:
        number, rest = divmod(number - 1, _LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters


def as_yaml(head: Mapping[str, Any], fields: Sequence[Keys]) -> str:
    """A schema as YAML, a line a field."""
    lines = [_dumped(head, is_block=True), "fields:"]
    for field in fields:
        lines.append(f"  - {_dumped(field)}")
    return "\n".join(lines) + "\n"


def _dumped(told: Mapping[str, Any], *, is_block: bool = False) -> str:
    text = yaml.safe_dump(
        dict(told),
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=not is_block,
        width=100_000,
    )
    return str(text).strip()
