"""What a written document answers, as rows of a sheet.

Its answers are in named blanks, label–value tables and `label：value` lines. Only labels that a
schema knows begin an answer; everything else that stands there is handed out as loose text, so that
nothing vanishes. Source: 3.1.1, N2.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fbbatch.model import Cell
from fbbatch.read.paper import Blank, Paper
from fbbatch.read.sheet import Sheet, sheet_of
from fbbatch.schema import Layout, SchemaModel, field_for, identify
from fbbatch.schema.models import FieldModel
from fbbatch.schema.text import header_key

_TICKED = "☑☒■√✓✔⊠●◉▣☛✗✘✅✕✖❎⮽🗹🗸🗷🗵◼⬛⚫⦿⊗⍻◾▪"
_OPEN = "□☐○◯▢⬜◻⚪❏❐❑❒◽▫"
BOXES = f"{_TICKED}{_OPEN}"
"""What a box may look like, ticked or not."""
_BOX_TEXTS = frozenset(BOXES)
_BRACKETED = re.compile(r"[\[(（【]\s*([xX√✓✔v vV☑■●])\s*[\])）】]|[\[(（【][\s　]*[\])）】]")
_MARK = re.compile(rf"[{_TICKED}{_OPEN}]")
_TICK = re.compile(f"[{_TICKED}]")
_TOGETHER = re.compile(rf"[{_TICKED}{_OPEN}]{{2,}}")
_VARIANT = re.compile("[\ufe0e\ufe0f]")  # says only whether a sign is drawn in colour
_PIECE = re.compile(rf"[^\s　{_TICKED}{_OPEN}]+")
_MARKS_OF_WRITING = frozenset("<>=+~±≤≥℃℉№™©®°$￥¥^`|¬¦×÷")
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
    _take_blanks(paper, index, records)
    registers = [
        schema for schema in schemas if schema.kind != "form"
    ]  # a form has no records below a header, whatever its rows look like
    with_blanks = {blank.table for blank in paper.blanks if blank.table}
    tables: list[Sheet] = []
    for number, table in enumerate(paper.tables, 1):
        if number not in with_blanks and _is_of_rows(table, registers, folder):
            tables.append(
                _written(
                    f"#{number}",
                    [list(row) for row in table],
                )
            )
        else:
            _pairs_of_table(table, index, records)
    lines = (part for line in paper.lines for part in line.split("\n"))
    _pairs_of_lines(
        lines,
        index,
        records,
        titles=_most_titles(paper),
    )
    form = [_written("", rows)] if (rows := records.rows()) else []
    return Answers(
        (*tables, *form),
        tuple(records.loose),
    )


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


def _take_blanks(paper: Paper, index: dict[str, FieldModel], records: "_Records") -> None:
    """Take the named blanks; one whose name no schema knows answers what stands beside it."""
    boxes: dict[str, list[Blank]] = {}
    for blank in paper.blanks:
        known = field_for(blank.name, index)
        header = blank.name if known or not blank.label else blank.label
        known = known or field_for(header, index)
        if blank.text not in _BOX_TEXTS:
            records.put(
                header,
                known,
                blank.text,
            )
        elif known or not blank.is_shown:
            boxes.setdefault(header, []).append(blank)
    read_there = set()
    for header, alike in boxes.items():
        text = _answer_of_boxes(
            paper,
            header,
            alike,
        )
        if text is None:
            read_there |= {box.name for box in alike}
        else:
            records.put(
                header,
                field_for(header, index),
                text,
            )
    controls = {blank.name for blank in paper.blanks if blank.kind != "bookmark"}
    records.seal(controls - read_there)


def _answer_of_boxes(paper: Paper, header: str, boxes: Sequence[Blank]) -> str | None:
    """What the boxes say that bear one name, or stand beside one label.

    A box belongs to the option beside it. None where that is read with the row of the table. Where
    no option is to be seen, a single box speaks for itself, and several are called by their names.
    """
    first = boxes[0]
    if first.is_shown and not (first.name == header and len(boxes) == 1):
        if first.table:
            row = paper.tables[first.table - 1][first.row - 1]
            if header in map(_label, row):
                return None
            return "\n".join(dict.fromkeys(row[box.column - 1] for box in boxes))
        rest = (line.partition(header)[2] for line in paper.lines if header in line)
        return next((_label(text) for text in rest if _MARK.search(text)), first.text)
    if len(boxes) == 1:
        return first.text
    return "、".join(box.name.rpartition(".")[2] for box in boxes if box.text in _TICKED)


def _is_of_rows(
    table: Sequence[Sequence[str]], registers: Sequence[SchemaModel], folder: str | None
) -> bool:
    """Whether the table has its records below the header of a register."""
    if not registers:
        return False
    return isinstance(
        identify(
            table,
            registers,
            sheet="",
            folder=folder,
        ),
        Layout,
    )


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

    def put(self, header: str, known: FieldModel | None, text: str) -> str:
        """Take an answer, and give its key; what the named blanks have said is not said again."""
        key = known.id if known else header
        value = ticked(text) if known and known.type in _CHOICES else text.strip()
        if key in self.sealed:
            if value and self.sealed[key] and value not in {self.sealed[key], text}:
                self.loose.append(f"{header}：{value}")
            return key
        if value and self.open.get(key) and self._is_further(key, header):
            # another label for the field: one more answer of the same record
            key = f"{key}\n{header_key(header)}"
        if value or not self.open.get(key):
            self._put(key, header, value)
        return key

    def _put(self, key: str, header: str, value: str) -> None:
        """Take an answer into the record at hand.

        It begins the next one where its label stands there already.
        """
        if value and key in self.open:
            is_first = len(self.open) > 1 and key == next(iter(self.open))
            is_first = is_first and not self._is_further(key, header)
            if self.open[key] or is_first:
                self.done.append(self.open)
                self.open = {}
        self.headers.setdefault(key, header)
        self.open[key] = value

    def _is_further(self, key: str, header: str) -> bool:
        """Whether the label is another one than that under which the field has been answered."""
        labels = {header_key(name) for name in (self.headers[key], key)}
        return header_key(header) not in labels

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
    for row in _with_options_below(table, index):
        cells = [cell for cell in row if cell.strip()]
        spots = _spots(row, index)
        if not spots:
            _lines_or_loose(
                cells,
                index,
                records,
            )
            continue
        records.loose += [cell for cell in row[: spots[0]] if cell.strip()]
        for spot, following in zip(spots, [*spots[1:], len(row)], strict=True):
            values = [cell for cell in row[spot + 1 : following] if cell.strip()]
            records.put(
                _label(row[spot]),
                field_for(row[spot], index),
                "\n".join(values),
            )


def _with_options_below(
    table: Sequence[Sequence[str]], index: dict[str, FieldModel]
) -> list[list[str]]:
    """The rows; options in a row without a label belong to the choice above."""
    rows: list[list[str]] = []
    for row in table:
        has_boxes = bool(row) and not row[0].strip() and bool(_MARK.search("".join(row)))
        if has_boxes and rows and _ends_with_choice(rows[-1], index) and not _spots(row, index):
            rows[-1] = ["\n".join(filter(None, pair)) for pair in zip(rows[-1], row, strict=True)]
        else:
            rows.append(list(row))
    return rows


def _ends_with_choice(row: Sequence[str], index: dict[str, FieldModel]) -> bool:
    spots = _spots(row, index)
    known = field_for(row[spots[-1]], index) if spots else None
    return known is not None and known.type in _CHOICES


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
        _pairs_of_lines(
            cell.split("\n"),
            index,
            records,
        )


def _label(text: str) -> str:
    return text.strip().strip("：: ")


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
            value = line[match.end() : end].strip(" 　,，;；|")
            key = records.put(_label(match[1]), known, value)


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
    chosen = _chosen(
        plain,
        boxes,
        options,
        are_behind=are_behind,
    )
    if _has_unknown_mark(
        plain,
        boxes,
        is_ticked=bool(chosen),
    ):
        return plain
    return "、".join(dict.fromkeys(chosen))


def _has_unknown_mark(plain: str, boxes: Sequence[re.Match[str]], *, is_ticked: bool) -> bool:
    """Whether a sign that may be somebody's tick stands beside an open box.

    Beside any box where nothing is ticked; else only where it touches an open one.
    """
    ends = {box.end() for box in boxes if box[0] in _OPEN}
    starts = {box.start() for box in boxes if box[0] in _OPEN}
    for piece in _PIECE.finditer(plain):
        first, last = piece[0][0], piece[0][-1]
        touches = (piece.start() in ends and _is_sign(first)) or (
            piece.end() in starts and _is_sign(last)
        )
        if touches or (ends and not is_ticked and (_is_sign(first) or _is_sign(last))):
            return True
    return False


def _is_sign(character: str) -> bool:
    """A symbol that is neither a letter nor punctuation nor a usual mark of writing."""
    is_symbol = unicodedata.category(character) in {"So", "Sm", "Sk", "Co", "Cn"}
    return is_symbol and character not in _MARKS_OF_WRITING and not "←" <= character <= "⇿"


def _with_plain_boxes(text: str) -> str:
    """The text with one sign for each box; brackets and typed ticks become boxes, too."""
    plain = _VARIANT.sub("", text)
    plain = _BRACKETED.sub(
        lambda m: "☑" if m[1] and m[1].strip() else "☐",
        plain,
    ).strip()
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
