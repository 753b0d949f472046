r"""Which columns of a header answer which field.

A field may stand under several headers, and its options or parts in a column each: `功能[音樂]`,
`功能:音樂`, or two rows of headers (`group\npart`). Columns of one option each make up the answer;
parts of a matrix question are not the whole.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from fbbatch.model import Cell
from fbbatch.schema.models import FieldModel, SchemaModel
from fbbatch.schema.text import header_key, header_keys, is_number
from fbbatch.words import DEFAULT_PLACEHOLDERS, fold, spellings

UnknownColumn = tuple[int, str]
"""A column that answers no field: its number, from 0, and its header as written."""

TICKS = frozenset(
    {
        "1",
        "1.0",
        "y",
        "yes",
        "t",
        "true",
        "x",
        "v",
        "✓",
        "✔",
        "√",
        "☑",
        "☒",
        "■",
        "●",
        "是",
        "有",
        "选中",
        "已选",
        "选择",
        "已选择",
        "勾选",
        "selected",
        "checked",
    }
)
"""What a column of one option says of an option that was chosen, folded."""

_NOT_TICKED = frozenset(
    {
        "",
        "not selected",
        "not checked",
        "0",
        "0.0",
        "n",
        "no",
        "f",
        "false",
        "/",
        "—",
        "□",
        "☐",
        "○",
        "否",
        "未选",
        "未选中",
        "未选择",
        "未勾选",
        "unchecked",
    }
)
NO_TICKS = _NOT_TICKED | frozenset(map(fold, spellings(DEFAULT_PLACEHOLDERS)))
"""What it says of one that was not."""

_NUMERIC = frozenset({"rating", "number", "integer"})
PART_OF_QUESTION = re.compile(
    r"(?P<whole>.*[^\s])\s*"
    r"(?:[(\[（【](?P<bracketed>[^()\[\]（）【】]+)[)\]）】]\s*"
    r"|(?:[/／:：]|\s[-–]\s|[—–]+)\s*(?P<behind>[^/／:：—–]+))",
    re.DOTALL,
)
_CODED = re.compile(r"\s*[A-Za-z]\w*(?:\[\w*\])*\.\s+(?=\S)")
_USUALLY_CODED = 3
"""So many headers must begin with a code (`name. Your name`) before words are taken for one."""
_PATH = re.compile(r"[/／]")
_ACCOUNT = (
    {"id", "编号"},
    {"starttime", "开始时间"},
    {"completiontime", "完成时间"},
    {"email", "电子邮件", "电邮"},
    {"name", "名称", "姓名"},
)
"""The first columns of an export of Microsoft Forms; the last two are of the account."""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column and the field it answers.

    `column` is 0-based; `header` is the text as written. With an `option`, the column only says
    whether that was chosen.
    """

    column: int
    field: FieldModel
    header: str
    option: str = ""


class UnusedColumn(NamedTuple):
    """A column that names a field and is not its answer; `code` is the finding that says why."""

    mapping: MappedColumn
    code: str


class Matched(NamedTuple):
    """What the columns of a header are.

    `columns` are the first ones of each field, `further` the others that also answer it.
    """

    columns: list[MappedColumn]
    further: list[MappedColumn]
    unused: list[UnusedColumn]
    unknown: list[UnknownColumn]


class _NamedColumn(NamedTuple):
    """A header that names a field, or `part` of it; `behind` a mark and not in brackets."""

    column: int
    header: str
    field: FieldModel
    part: str = ""
    behind: bool = False

    def mapped(self, option: str = "") -> MappedColumn:
        """The column as one that answers the field."""
        return MappedColumn(self.column, self.field, self.header.replace("\n", " "), option)


def field_for(header: str, index: dict[str, FieldModel]) -> FieldModel | None:
    """The field that a header names, in an index such as `SchemaModel.by_header`."""
    return next((index[key] for key in header_keys(header) if key in index), None)


class _Namer:
    """Finds the field of each header in turn.

    It counts headers that several fields share, and knows the groups (`group/name`) of the header.
    """

    def __init__(
        self,
        schema: SchemaModel,
        headers: Iterable[str],
    ) -> None:
        self._index = schema.by_header
        self._shared = schema.by_shared_header
        self._met: Counter[str] = Counter()
        self._groups = _groups(headers)
        n_coded = sum(bool(_CODED.match(header)) for header in headers)
        self._are_coded = n_coded >= _USUALLY_CODED

    def name(
        self,
        column: int,
        header: str,
    ) -> _NamedColumn | None:
        """The field that a column names, and which part of it; None where it names none."""
        upper, is_pair, lower = header.partition("\n")
        if is_pair and lower:
            return self._of_pair(column, header, upper, lower)
        part = PART_OF_QUESTION.fullmatch(header)
        if found := self._field(header):
            return _NamedColumn(column, header, found, self._part_of(found, part))
        if part and (found := self._field(part["whole"])):
            text = part["bracketed"] or part["behind"]
            return _NamedColumn(column, header, found, text.strip(), behind=True)
        return None

    def _part_of(self, field: FieldModel, part: "re.Match[str] | None") -> str:
        """The part that a header names beside its field, and is no other name of that."""
        if part is None:
            return ""
        if part["bracketed"]:
            return str(part["bracketed"]).strip()
        behind = str(part["behind"]).strip()
        is_name = field_for(behind, self._index) is not None
        whole = self._in_group(part["whole"]) or field_for(part["whole"], self._index)
        return "" if is_name or whole is not field else behind

    def _of_pair(
        self,
        column: int,
        header: str,
        upper: str,
        lower: str,
    ) -> _NamedColumn | None:
        """The part decides, unless it is an option of the group; then the group, then both."""
        group = field_for(upper, self._index)
        if group and fold(lower) in _options(group):
            return _NamedColumn(column, header, group, lower)
        if found := self._field(lower):
            return _NamedColumn(column, lower, found)
        if group:
            return _NamedColumn(column, header, group, lower)
        both = self._field(upper + lower)
        return _NamedColumn(column, header, both) if both else None

    def _field(self, text: str) -> FieldModel | None:
        """The field of a header, also behind the code of a question or in a group."""
        for key in header_keys(text):
            if key in self._shared:
                self._met[key] += 1
                if found := self._shared[key].get(self._met[key]):
                    return found
            elif key in self._index:
                return self._index[key]
        if self._are_coded and (code := _CODED.match(text)):
            return field_for(text[code.end() :], self._index)
        return self._in_group(text)

    def _in_group(self, text: str) -> FieldModel | None:
        """The field of the last name of a path, in one of the header's groups."""
        names = _PATH.split(text)
        if len(names) > 1 and names[0] in self._groups:
            return field_for(names[-1], self._index)
        return None


def _groups(headers: Iterable[str]) -> set[str]:
    """The first names of paths (`group/name`) that at least two headers have."""
    once: set[str] = set()
    groups: set[str] = set()
    for header in headers:
        first, *others = _PATH.split(header)
        if others and first in once:
            groups.add(first)
        elif others and first:
            once.add(first)
    return groups


def _options(field: FieldModel) -> set[str]:
    """The options of a field of several choices that the schema lists, folded."""
    if field.type != "choices" or not isinstance(field.values, list):
        return set()
    names: set[str] = set()
    for value in field.values:
        names.update(map(fold, (value.code, *value.label.values(), *value.aliases)))
    return names


def match_columns(
    headers: Sequence[str], schema: SchemaModel, below: Sequence[Sequence[Cell]] = ()
) -> Matched:
    r"""Say of each column which field it answers.

    Args:
        headers: of the columns; of two rows, as `group\npart`.
        schema: the fields.
        below: the first rows under the header; they tell marks from other answers.
    """
    found = Matched([], [], [], [])
    named = _named(headers, schema, found)
    _place(headers, schema, named, found)
    accounts = _accounts(headers)
    for names in named.values():
        more = _without_header(names[-1], headers, below)
        asked = _without_accounts([*names, *more], accounts, found)
        _settle(asked, below, found)
    found.columns.sort(key=lambda mapping: mapping.column)
    found.unknown.sort()
    return found


def _named(
    headers: Sequence[str], schema: SchemaModel, found: Matched
) -> dict[str, list[_NamedColumn]]:
    """By field, the columns whose header names it; headers that name none go to `found`."""
    placed = {field.column - 1 for field in schema.fields if field.column}
    namer = _Namer(schema, headers)
    named: dict[str, list[_NamedColumn]] = {}
    for column, header in enumerate(headers):
        if column in placed or not header.strip():
            continue
        if name := namer.name(column, header):
            named.setdefault(name.field.id, []).append(name)
        else:
            found.unknown.append((column, header.replace("\n", " ")))
    return named


def _place(
    headers: Sequence[str],
    schema: SchemaModel,
    named: dict[str, list[_NamedColumn]],
    found: Matched,
) -> None:
    """Give the fields that say their column that one; their names elsewhere are unknown."""
    for field in schema.fields:
        if not field.column:
            continue
        for name in named.get(field.id, ()):
            found.unknown.append((name.column, name.header))
        column = field.column - 1
        header = headers[column].strip() if column < len(headers) else ""
        named[field.id] = [
            _NamedColumn(
                column,
                header or field.label["en"],
                field,
            ),
        ]


def _without_header(
    last: _NamedColumn, headers: Sequence[str], below: Sequence[Sequence[Cell]]
) -> list[_NamedColumn]:
    """The columns right of the last one of several choices that have only more of its options."""
    options = _options(last.field)
    more: list[_NamedColumn] = []
    for column in range(last.column + 1, len(headers) if options else 0):
        beside = last._replace(column=column)
        texts = _cells_below(beside, below)
        if headers[column].strip() or not texts or not texts <= options:
            break
        more.append(beside)
    return [] if last.part else more


def _accounts(headers: Sequence[str]) -> frozenset[int]:
    """The columns of an export of Microsoft Forms that tell of the account, from 0."""
    if len(headers) < len(_ACCOUNT):
        return frozenset()
    for header, known in zip(headers, _ACCOUNT, strict=False):
        if header_key(header) not in known:
            return frozenset()
    return frozenset({3, 4})


def _without_accounts(
    names: list[_NamedColumn], accounts: frozenset[int], found: Matched
) -> Sequence[_NamedColumn]:
    """The columns of a field but those of the account, where the form asks for it itself."""
    asked = [name for name in names if name.column not in accounts]
    if not asked:
        return names
    for name in names:
        if name.column in accounts:
            found.unused.append(UnusedColumn(name.mapped(), "FB-column-account"))
    return asked


def _settle(
    names: Sequence[_NamedColumn],
    below: Sequence[Sequence[Cell]],
    found: Matched,
) -> None:
    """Say which of the columns of one field make up its answer."""
    parts = [name for name in names if name.part]
    wholes = [name for name in names if not name.part]
    if len({fold(name.part) for name in parts}) < 2:
        _settle_lone(names, found, has_whole=bool(wholes))
        return
    what = _what_parts_are(names[0].field, parts, below)
    if what is _MeaningOfParts.WHOLES:
        _take(names, found)
    elif what is _MeaningOfParts.OPTIONS and not wholes:
        first, *others = [name.mapped(option=name.part) for name in parts]
        found.columns.append(first)
        found.further.extend(others)
    else:
        for name in parts:
            unused = UnusedColumn(name.mapped(), "FB-column-part")
            found.unused.append(unused)
        _take(wholes, found)


def _settle_lone(names: Sequence[_NamedColumn], found: Matched, *, has_whole: bool) -> None:
    """Columns of a field of which one at most has a part: that is decoration, or unknown."""
    taken: list[_NamedColumn] = []
    for name in names:
        is_of_number = has_whole and name.field.type in _NUMERIC
        if name.part and (name.behind or is_of_number):
            found.unknown.append((name.column, name.header))
        else:
            taken.append(name)
    _take(taken, found)


def _take(names: Sequence[_NamedColumn], found: Matched) -> None:
    """Columns that answer a field as a whole; the first filled one counts."""
    mapped = [name.mapped() for name in names]
    found.columns.extend(mapped[:1])
    found.further.extend(mapped[1:])


class _MeaningOfParts(Enum):
    """What columns are that have a part of one field's header each."""

    OPTIONS = auto()
    WHOLES = auto()
    OF_A_MATRIX = auto()


def _what_parts_are(
    field: FieldModel, parts: Sequence[_NamedColumn], below: Sequence[Sequence[Cell]]
) -> _MeaningOfParts:
    """What columns with parts of a field's header are, by its type and what stands below."""
    match field.type:
        case "choices":
            return _MeaningOfParts.OPTIONS
        case "rating" | "number" | "integer" | "boolean":
            return _MeaningOfParts.OF_A_MATRIX
        case "choice":
            is_marked = _are_marks(parts, below)
            return _MeaningOfParts.OPTIONS if is_marked else _MeaningOfParts.OF_A_MATRIX
        case "text":
            if _are_marks(parts, below):
                return _MeaningOfParts.OPTIONS
            are_ratings = _are_ratings(parts, below)
            return _MeaningOfParts.OF_A_MATRIX if are_ratings else _MeaningOfParts.WHOLES
        case _:
            return _MeaningOfParts.WHOLES


def _cells_below(name: _NamedColumn, below: Sequence[Sequence[Cell]]) -> set[str]:
    """What stands in a column, folded; blanks left out."""
    texts: set[str] = set()
    for row in below:
        cell = row[name.column] if name.column < len(row) else None
        if cell is not None:
            texts.add(fold(str(cell).strip()))
    return texts - {""}


def _are_marks(parts: Sequence[_NamedColumn], below: Sequence[Sequence[Cell]]) -> bool:
    """Whether the columns only say, by mark or name, which options were chosen."""
    is_filled = False
    marks = TICKS | NO_TICKS
    for name in parts:
        texts = _cells_below(name, below)
        own_name = fold(name.part)
        if not texts <= marks | {own_name}:
            return False
        if texts:
            is_filled = True
    return is_filled


def _are_ratings(parts: Sequence[_NamedColumn], below: Sequence[Sequence[Cell]]) -> bool:
    """Whether there are only numbers in the columns."""
    texts: set[str] = set()
    for name in parts:
        texts |= _cells_below(name, below)
    return bool(texts) and all(map(is_number, texts))
