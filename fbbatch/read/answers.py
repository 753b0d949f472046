"""What a written document answers, as rows of a sheet.

Its answers are in named blanks, label–value tables and `label：value` lines. Only labels that a
schema knows begin an answer; everything else that stands there is handed out as loose text, so that
nothing vanishes. Source: 3.1.1, N2.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fbbatch.model import Cell
from fbbatch.read.paper import Blank, Paper
from fbbatch.read.sheet import Sheet, sheet_of
from fbbatch.schema import Layout, SchemaModel, field_for, identify
from fbbatch.schema.models import FieldModel

_TICKED = "☑☒■√✓✔⊠●◉▣☛✗✘"
_OPEN = "□☐○◯▢"
BOXES = f"{_TICKED}{_OPEN}"
"""What a box may look like, ticked or not."""
_BRACKETED = re.compile(r"[\[(（【]\s*([xX√✓✔v vV☑■●])\s*[\])）】]|[\[(（【][\s　]*[\])）】]")
_MARK = re.compile(rf"[{_TICKED}{_OPEN}]")
_TICK = re.compile(f"[{_TICKED}]")
_TOGETHER = re.compile(rf"[{_TICKED}{_OPEN}]{{2,}}")
_LONE_LETTER = re.compile(r"(?<![A-Za-z])[vVxX](?![A-Za-z])")
_SPACES, _COLONS = " \t\n　", "：:"
_COLON = re.compile(f"[{_COLONS}]")
_BETWEEN_OPTIONS = " \t\n　,，;；、/／"
_LABELLED = re.compile(
    r"(?:^|(?<=[\s　,，;；|]))([^\s　：:,，;；|][^：:,，;；|\n]{0,29}?)[ 　]*[：:][ \t　]*"
)
_TITLE_CHARS = 40
_LONG_TEXTS = frozenset({"text"})
_CHOICES = frozenset({"choice", "choices", "boolean", "rating"})


@dataclass(frozen=True, slots=True)
class Answers:
    """The sheets of a document.

    First come its tables of rows as they are, then what the rest of it answers, one row per record.
    `loose` are the texts that answer nothing.
    """

    sheets: tuple[Sheet, ...]
    loose: tuple[str, ...]


def answers_of(
    paper: Paper, schemas: Sequence[SchemaModel], *, folder: str | None = None
) -> Answers:
    """Find what a written document answers.

    Args:
        paper: the document.
        schemas: whose labels count.
        folder: the inbox sub-folder it lay in, which may name the schema.
    """
    index: dict[str, FieldModel] = {}
    for schema in schemas:
        index = schema.by_header | index
    records = _Records()
    _take_blanks(paper.blanks, index, records)
    registers = [
        schema for schema in schemas if schema.kind != "form"
    ]  # a form has no records below a header, whatever its rows look like
    with_blanks = {blank.table for blank in paper.blanks if blank.table}
    tables: list[Sheet] = []
    for number, table in enumerate(paper.tables, 1):
        if number not in with_blanks and _is_of_rows(table, registers, folder):
            tables.append(_written(f"#{number}", [list(row) for row in table]))
        else:
            _pairs_of_table(table, index, records)
    lines = (part for line in paper.lines for part in line.split("\n"))
    _pairs_of_lines(lines, index, records, titles=_most_titles(paper))
    form = [_written("", rows)] if (rows := records.rows()) else []
    return Answers((*tables, *form), tuple(records.loose))


def answers_in_cells(
    cells: Sequence[Sequence[str]], index: dict[str, FieldModel]
) -> tuple[list[list[Cell]], tuple[str, ...]] | None:
    """What label–value pairs in the cells of a sheet answer; None where they answer nothing.

    Args:
        cells: their texts, row by row.
        index: the fields by their headers.

    Returns:
        a header row with a row per record, and the texts that answer nothing.
    """
    records = _Records()
    _pairs_of_table(cells, index, records)
    rows = records.rows()
    return (rows, tuple(records.loose)) if rows else None


def _take_blanks(
    blanks: Sequence[Blank], index: dict[str, FieldModel], records: "_Records"
) -> None:
    """Take the named blanks; one whose name no schema knows answers what stands beside it."""
    for blank in blanks:
        header = blank.name if field_for(blank.name, index) or not blank.label else blank.label
        records.put(header, field_for(header, index), blank.text)
    records.seal({blank.name for blank in blanks if blank.kind != "bookmark"})


def _is_of_rows(
    table: Sequence[Sequence[str]], registers: Sequence[SchemaModel], folder: str | None
) -> bool:
    """Whether the table has its records below the header of a register."""
    if not registers:
        return False
    return isinstance(identify(table, registers, sheet="", folder=folder), Layout)


def _most_titles(paper: Paper) -> int:
    """How many lines in front may be titles; in a document of ours, all of them."""
    if paper.identity:
        return len(paper.lines)
    return 2 if paper.blanks or paper.tables else 1


def _written(name: str, rows: Sequence[Sequence[Cell]]) -> Sheet:
    sheet = sheet_of(name, rows)
    sheet.written = True
    return sheet


@dataclass(slots=True)
class _Records:
    """Answers in the order they are met; a label met again begins the next record."""

    headers: dict[str, str] = field(default_factory=dict)
    done: list[dict[str, str]] = field(default_factory=list)
    open: dict[str, str] = field(default_factory=dict)
    sealed: dict[str, str] = field(default_factory=dict)
    loose: list[str] = field(default_factory=list)

    def put(self, header: str, known: FieldModel | None, text: str) -> None:
        """An answer; what the named blanks have said already is not said again."""
        key = known.id if known else header
        value = ticked(text) if known and known.type in _CHOICES else text.strip()
        if key in self.sealed:
            if value and self.sealed[key] and value not in {self.sealed[key], text}:
                self.loose.append(f"{header}：{value}")
            return
        if key in self.open and (value or self.open[key]):
            is_first = len(self.open) > 1 and key == next(iter(self.open))
            if value and (self.open[key] or is_first):
                self.done.append(self.open)
                self.open = {}
            elif not value:
                return
        self.headers.setdefault(key, header)
        self.open[key] = value

    def seal(self, controls: set[str]) -> None:
        """What follows adds to the record of the named blanks, and contradicts nothing in it.

        An empty control is no answer, whatever prompt it shows; beside an empty bookmark somebody
        may have typed.
        """
        self.sealed = {
            key: value
            for key, value in self.open.items()
            if value or self.headers[key] in controls or key in controls
        }

    def append(self, text: str, known: FieldModel | None, key: str) -> bool:
        """A further line of the answer at hand, when it is one that may have several."""
        if (
            known is None
            or known.type not in _LONG_TEXTS
            or key not in self.open
            or key in self.sealed
        ):
            return False
        self.open[key] = f"{self.open[key]}\n{text}".strip()
        return True

    def rows(self) -> list[list[Cell]]:
        """A header row and one row per record; nothing when no answer was found."""
        records = [*self.done, self.open] if self.open else self.done
        if not records:
            return []
        header: list[Cell] = list(self.headers.values())
        return [header, *map(self._row_of, records)]

    def _row_of(self, record: dict[str, str]) -> list[Cell]:
        return [record.get(key) or None for key in self.headers]


def _pairs_of_table(
    table: Sequence[Sequence[str]], index: dict[str, FieldModel], records: _Records
) -> None:
    """Take label–value tables of two or four columns.

    A value stands between a known label and the next one.
    """
    for row in table:
        cells = [cell for cell in row if cell.strip()]
        spots = _spots(row, index)
        if not spots:
            _lines_or_loose(cells, index, records)
            continue
        records.loose += [cell for cell in row[: spots[0]] if cell.strip()]
        for spot, following in zip(spots, [*spots[1:], len(row)], strict=True):
            values = [cell for cell in row[spot + 1 : following] if cell.strip()]
            records.put(_label(row[spot]), field_for(row[spot], index), "\n".join(values))


def _spots(row: Sequence[str], index: dict[str, FieldModel]) -> list[int]:
    """Where the labels of a row are, counted from 0.

    Right of a choice's label is its value, also when that is a word that some label has.
    """
    spots: list[int] = []
    for n, cell in enumerate(row):
        known = field_for(cell, index) if cell.strip() else None
        above = field_for(row[n - 1], index) if spots and spots[-1] == n - 1 else None
        if known and not (above and above.type in _CHOICES):
            spots.append(n)
    return spots


def _lines_or_loose(cells: Sequence[str], index: dict[str, FieldModel], records: _Records) -> None:
    for cell in cells:
        _pairs_of_lines(cell.split("\n"), index, records)


def _label(text: str) -> str:
    return text.strip().rstrip("：: ")


def _pairs_of_lines(
    lines: Iterable[str], index: dict[str, FieldModel], records: _Records, *, titles: int = 0
) -> None:
    """Take lines of the form `label：value`, also several of these in a line.

    Further lines belong to a long answer. Up to `titles` short lines in front may be titles and are
    not loose.
    """
    known: FieldModel | None = None
    key = ""
    for line in lines:
        labels = _labels_in(line, index)
        if not labels:
            text = line.strip()
            if not text or records.append(text, known, key):
                continue
            titles -= 1
            if titles < 0 or len(text) > _TITLE_CHARS:
                records.loose.append(text)
            continue
        titles = 0
        if before := line[: labels[0].start()].strip(" 　,，;；|"):
            records.loose.append(before)
        for match, end in zip(labels, [*(m.start() for m in labels[1:]), len(line)], strict=True):
            known = field_for(match[1], index)
            assert known is not None  # noqa: S101 - `_labels_in` keeps known ones
            key = known.id
            records.put(_label(match[1]), known, line[match.end() : end].strip(" 　,，;；|"))


def _labels_in(line: str, index: dict[str, FieldModel]) -> list[re.Match[str]]:
    """The known labels of a line; after a long-text label the rest of the line is its answer."""
    found: list[re.Match[str]] = []
    for match in _all_labelled(line):
        if (known := field_for(match[1], index)) is None:
            continue
        found.append(match)
        if known.min_length or known.empty_phrases:
            break
    return found


def _all_labelled(line: str) -> Iterator[re.Match[str]]:
    return _LABELLED.finditer(line[:2_000])


def ticked(text: str) -> str:
    """The ticked options of a printed choice, joined by `、`; a text without boxes as it is.

    The box stands before its option (`□ 是 ☑ 否`) or behind it (`是□ 否☑`); a tick typed beside an
    option counts for it, and a bracket with a tick in it is a box. A box alone is handed on: it is
    a yes or a no by itself. Where it cannot be told which option a box belongs to, the text is
    handed on, which is no option.
    """
    plain = _with_plain_boxes(text)
    boxes = list(_MARK.finditer(plain))
    if not boxes or len(plain) == 1:
        return plain
    are_behind = _are_behind_options(plain, boxes)
    if are_behind is None:
        return plain
    options = _options_in_front(plain, boxes) if are_behind else _options_behind(plain, boxes)
    chosen = _chosen(plain, boxes, options, are_behind=are_behind)
    return "、".join(dict.fromkeys(chosen))


def _with_plain_boxes(text: str) -> str:
    """The text with one sign for each box; brackets and typed ticks become boxes, too."""
    plain = _BRACKETED.sub(lambda m: "☑" if m[1] and m[1].strip() else "☐", text).strip()
    plain = _TOGETHER.sub(_together, plain)
    if _MARK.search(plain) and not _TICK.search(plain):
        plain = _LONE_LETTER.sub("☑", plain)
    return plain


def _together(marks: re.Match[str]) -> str:
    """A tick typed at its box, in front or behind."""
    return "☑" if _TICK.search(marks[0]) else "☐"


def _are_behind_options(plain: str, boxes: Sequence[re.Match[str]]) -> bool | None:
    """Whether the boxes stand behind their options; None where that cannot be told."""
    front, rest = plain[: boxes[0].start()], plain[boxes[-1].end() :]
    if not front or not rest.strip():
        return bool(front)
    if front[-1] in _COLONS:  # a label
        return False
    has_space_in_front = front[-1] in _SPACES
    has_space_behind = plain[boxes[0].end()] in _SPACES
    if has_space_in_front and has_space_behind:
        return None
    return not has_space_in_front


def _options_in_front(plain: str, boxes: Sequence[re.Match[str]]) -> list[str]:
    """What stands between each box and the one before it, without a label."""
    starts = [0, *(box.end() for box in boxes[:-1])]
    between = [plain[start : box.start()] for start, box in zip(starts, boxes, strict=True)]
    return [_COLON.split(text)[-1].strip(_BETWEEN_OPTIONS) for text in between]


def _options_behind(plain: str, boxes: Sequence[re.Match[str]]) -> list[str]:
    """What stands between each box and the next one."""
    ends = [*(box.start() for box in boxes[1:]), len(plain)]
    between = [plain[box.end() : end] for box, end in zip(boxes, ends, strict=True)]
    return [text.strip(_BETWEEN_OPTIONS) for text in between]


def _chosen(
    plain: str, boxes: Sequence[re.Match[str]], options: Sequence[str], *, are_behind: bool
) -> list[str]:
    """The options whose box is ticked.

    A box without an option of its own is a second one of the option before it, or belongs to the
    next option where it touches that.
    """
    chosen: list[str] = []
    previous, is_next_chosen = "", False
    for option, box in zip(options, boxes, strict=True):
        is_ticked = box[0] in _TICKED
        if option:
            if is_ticked or is_next_chosen:
                chosen.append(option)
            previous, is_next_chosen = option, False
            continue
        touches_next = are_behind and plain[box.end() : box.end() + 1] not in _SPACES
        if is_ticked and previous and not touches_next:
            chosen.append(previous)
        is_next_chosen = is_next_chosen or (is_ticked and previous not in chosen)
    return chosen
