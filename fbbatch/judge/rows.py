"""Rows of an understood sheet → judged rows: validate, classify, assign, set the due date.

The stages are pure; this module only puts them in order and turns their records into messages for
the run.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import orjson

from fbbatch.assign import Assigner, assignment_words
from fbbatch.classify import Classifier
from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.findings import finding
from fbbatch.identity import kin_keys
from fbbatch.judge.answer_lines import answers_as_json
from fbbatch.judge.beyond import Beyond, Footer
from fbbatch.judge.not_rows import HINTED_ROWS, NotRows, as_text, front_of, label_of, parts_between
from fbbatch.messages import Remarks, RowChunk, Ruling, SetAside
from fbbatch.model import Assignment, Cell, Classification, Finding
from fbbatch.read import Limits, Sheet
from fbbatch.read.csv_rows import Torn
from fbbatch.schema import Book, Layout, SchemaModel, header_in
from fbbatch.validate import Checked, Checker, text_of
from fbbatch.words import DEFAULT_PLACEHOLDERS, fold

CHUNK_ROWS = 1_000
SOLVE_WITHIN = "T03"
UNSPECIFIED = "unspecified"
Value = TypeVar("Value")
_Rows = Sequence[Sequence[Cell]]
_Columns = Mapping[str, Sequence[Any]]
"""Typed answers by field id, one a row; None is a blank."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What every task needs.

    The book, the limits, the as-of time, the language of messages, where issued documents are
    (`outbox`), what our blank forms print outside their blanks (`printed`), and beside which words
    forms print what a case is about (`fact_labels`, by answer); `placeholders` stand in exports
    where nothing was answered.
    """

    book: Book
    limits: Limits
    received: dt.datetime
    language: str
    outbox: Path | None = None
    printed: frozenset[str] = frozenset()
    fact_labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    placeholders: tuple[str, ...] = DEFAULT_PLACEHOLDERS


class LimitError(Exception):
    """A file is over a limit; `reason` is the finding that says which."""

    def __init__(self, reason: Finding) -> None:
        super().__init__(reason.code)
        self.reason = reason


_MEMO = 20_000
_TELLING_ANSWERS = 2


class RowJudge:
    """Judges the sheets of one file after another; the rules are compiled for the first row."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._book = setup.book
        self._today = setup.received.date()
        self._rulings: dict[tuple[int, int], tuple[Ruling, Classification, Assignment]] = {}

    @cached_property
    def _classifier(self) -> Classifier:
        return Classifier(self._book.classification, also=assignment_words(self._book))

    @cached_property
    def _assigner(self) -> Assigner:
        return Assigner(self._book, self._classifier.lexicon)

    @cached_property
    def _deadlines(self) -> Deadlines:
        return Deadlines(self._book.deadlines, Calendar(self._book.calendar))

    def rows(
        self, sheet: Sheet, layout: Layout, *, channel: str
    ) -> Iterator[RowChunk | SetAside | Remarks]:
        """Judge the rows of a sheet, in chunks.

        Args:
            sheet: its rows are taken here.
            layout: how they are to be read.
            channel: of rows that do not say it.

        Yields:
            what `_Chunker.chunk` makes; rows that are no feedback, and what is to be said of a
            header below the first one.

        Raises:
            LimitError: the sheet is too wide.
        """
        recorder = _Chunker(self, sheet, layout, channel)
        table = _TableBelow(self, sheet, layout, recorder)
        footer = Footer(layout.schema.footer, sheet.name)
        for first, whole in self._chunks(sheet, layout.first_row):
            chunk, notes = footer.cut(whole, first)
            yield from table.messages(first, chunk)
            if notes:
                yield Remarks(notes)

    def checker(self, layout: Layout, sheet: Sheet) -> Checker:
        """The checks of rows of a sheet that are read so."""
        return Checker(
            layout,
            self._book,
            received=self._setup.received,
            language=self._setup.language,
            merged=sheet.merged,
            serial_days=sheet.serial_days,
            placeholders=self._setup.placeholders,
        )

    def fits(self, sheet: Sheet, layout: Layout) -> bool:
        """Whether most of a sheet's first rows would be taken if they were read so.

        Texts fit everywhere: two other answers have to be of their kinds in each.
        """
        rows = [row for row in sheet.head[layout.first_row - 1 :] if any(row)]
        if not rows:
            return False
        checked = self.checker(layout, sheet).check(rows, range(len(rows)), sheet.name)
        typed = [m.field.id for m in layout.columns if m.field.type != "text"]
        n_good = 0
        for index in range(len(rows)):
            answers = checked.answers(index)
            is_telling = sum(name in answers for name in typed) >= _TELLING_ANSWERS
            n_good += is_telling and index not in checked.bad
        return 2 * n_good > len(rows)

    def not_a_row(self, kind: str, sheet: str, number: int, text: str) -> Finding:
        """That a row is no feedback, and what it is instead."""
        what = label_of(kind, self._setup.language)
        return finding("FB-not-a-row", sheet=sheet, row=number, what=what, text=text)

    def _chunks(self, sheet: Sheet, first: int) -> Iterator[tuple[int, _Rows]]:
        """A sheet's rows from number `first` on, a thousand at a time, with the first's number.

        The next ones are read ahead, so that a last, torn row is known as such in time.
        """
        limits = self._setup.limits
        rows_left = islice(sheet.rows(), first - 1, None)
        ahead = list(islice(rows_left, CHUNK_ROWS))
        while chunk := ahead:
            ahead = list(islice(rows_left, CHUNK_ROWS))
            widest = max(map(len, chunk))
            if widest > limits.columns:
                raise LimitError(limits.over("columns", widest, where=sheet.name))
            yield first, chunk
            first += len(chunk)

    @property
    def limit_of_columns(self) -> int:
        """How many columns a sheet may have."""
        return self._setup.limits.columns

    def channel(self, schema: SchemaModel, name: str) -> str:
        """The channel of rows that do not say it.

        It is the schema's only one, or one that the file's or sheet's name tells; else
        `unspecified`.
        """
        if len(schema.channels) == 1:
            return schema.channels[0]
        folded = fold(name)
        for value in self._book.vocabulary.sets["channel"].values:
            names = (fold(word) for word in (*value.label.values(), *value.aliases))
            if value.code in schema.channels and any(
                len(word) > 1 and word in folded for word in names
            ):
                return value.code
        return UNSPECIFIED

    def rule(
        self, columns: _Columns, n_rows: int, source: str
    ) -> tuple[list[Ruling], list[Classification]]:
        """What each piece of feedback is, who handles it and by when.

        The same ruling is the same object.

        Args:
            columns: the typed answers by field id, one a row; None is a blank.
            n_rows: how many there are.
            source: code of the source.
        """
        found = self._classifier.scan(columns)
        judged = self._classifier.classify(columns, n_rows, found)
        said = self._assigner.said((told.patterns for told in found.values()), n_rows)
        products = [product or "" for product in columns.get("product", (None,) * n_rows)]
        facts = list(zip(map(id, judged), products, said, strict=True))
        different = dict(zip(facts, judged, strict=True))
        rulings = {
            fact: self._ruled(one, self._assigner.assign(source, one, *fact[1:]))
            for fact, one in different.items()
        }
        return [rulings[fact] for fact in facts], judged

    def _ruled(self, judged: Classification, assigned: Assignment) -> Ruling:
        key = (id(judged), id(assigned))
        found = self._rulings.get(key)
        if found is None or found[1] is not judged:
            if len(self._rulings) > _MEMO:
                self._rulings.clear()
            found = self._rulings[key] = (
                self._ruling(judged, assigned),
                judged,
                assigned,
            )  # kept, so that ids stay theirs
        return found[0]

    def _ruling(self, judged: Classification, assigned: Assignment) -> Ruling:
        due = self._deadlines.due(SOLVE_WITHIN, judged.severity, self._today)
        evidence = {
            "reasons": judged.evidence,
            "score": judged.score,
            "margin": judged.margin,
            "unsure": judged.unsure,
        }
        details: dict[str, Any] = {"rule": assigned.rule}
        if assigned.cooperating:
            details["cooperating"] = assigned.cooperating
        if assigned.escalations:
            details["escalations"] = assigned.escalations
        if due:
            details |= {"due_rule": due.rule, "due_days": due.days}
            if due.provisional:
                details["provisional"] = True
        return Ruling(
            judged.kind,
            judged.type,
            judged.severity,
            orjson.dumps(evidence).decode(),
            assigned.department,
            due.on.isoformat() if due else None,
            orjson.dumps(details).decode(),
        )

    def note(self, note: str, sheet: str, row: int) -> Finding:
        """A remark of the classification as a finding."""
        code, given, ruled, words = note.split("|", 3)
        name = "type" if code == "FB-type-differs" else "severity"
        word = self._book.word
        language = self._setup.language
        return finding(
            code,
            sheet=sheet,
            row=row,
            field=name,
            given=word(name, given, language),
            ruled=word(name, ruled, language),
            words=words or None,
        )


class _TableBelow:
    """The rows of one table of a sheet, from its header on; a further header begins them anew."""

    def __init__(self, judge: RowJudge, sheet: Sheet, layout: Layout, recorder: "_Chunker") -> None:
        self._judge = judge
        self._sheet = sheet
        self._recorder = recorder
        self._columns = range(judge.limit_of_columns)
        head = sheet.head[: layout.header_row or 0]
        self._front = front_of(head, self._columns)
        self._is_letter = sheet.written and not sheet.name
        self._header_row = layout.first_row - 1
        self._begin(layout)

    def _begin(self, layout: Layout) -> None:
        """Read what follows so."""
        self._layout = layout
        self._checker = self._judge.checker(layout, self._sheet)
        self._answered = _answered(layout)
        self._beyond = Beyond(self._sheet, layout)
        self._not_rows = NotRows(layout, self._columns, self._front, self._sheet.merged)

    def messages(self, first: int, rows: _Rows) -> Iterator[RowChunk | SetAside | Remarks]:
        """Judge some rows, the first of which has this number."""
        if self._is_letter:
            yield from self._judged(first, rows, ())
            return
        suspects = self._not_rows.suspects(rows)
        headers = [index for index in suspects if self._not_rows.is_header(rows[index])]
        if not headers:
            yield from self._without_others(first, rows, suspects)
            return
        for part in parts_between(len(rows), headers):
            start = part.start
            if start in headers:
                yield from self._header(first + start, rows[start])
                start += 1
            own = rows[start : part.stop]
            yield from self._without_others(first + start, own, self._not_rows.suspects(own))

    def _header(self, number: int, row: Sequence[Cell]) -> Iterator[SetAside | Remarks]:
        """A header below the first one: from here on rows are read by it."""
        yield self._set_aside(number, [row], {0: "header"})
        self._header_row = number
        again = header_in(row, self._layout.schema, sheet=self._sheet.name, number=number)
        if again and _places(again) != _places(self._layout):
            self._begin(again)
            yield Remarks(again.findings)

    def _without_others(
        self, first: int, rows: _Rows, suspects: Iterable[int]
    ) -> Iterator[RowChunk | SetAside]:
        """Set aside the rows that are no feedback, and judge the others."""
        kinds = {}
        n_hinted = max(0, min(len(rows), self._header_row + HINTED_ROWS + 1 - first))
        examples = self._checker.examples(rows[:n_hinted])
        for index in sorted({*range(n_hinted), *suspects} - examples):
            number = first + index
            if kind := self._not_rows.kind(rows[index], number, number - self._header_row):
                kinds[index] = kind
        if kinds:
            yield self._set_aside(first, rows, kinds)
        yield from self._judged(first, rows, kinds)

    def _set_aside(self, first: int, rows: _Rows, kinds: Mapping[int, str]) -> SetAside:
        name = self._sheet.name
        kept: list[tuple[int, str]] = []
        told: list[Finding] = []
        for index, kind in kinds.items():
            row, number = rows[index], first + index
            kept.append((number, orjson.dumps(row, default=str).decode()))
            text = as_text(row, self._columns)
            told.append(self._judge.not_a_row(kind, name, number, text))
        return SetAside(kept, None, told, sheet=name, of_table=True)

    def _judged(self, first: int, rows: _Rows, others: Collection[int]) -> Iterator[RowChunk]:
        """Judge rows; `others` are the indices of those that are no feedback."""
        kept: Sequence[int] = self._answered(rows)
        notes: list[Finding] = []
        numbers: Sequence[int] = range(first, first + len(rows))
        if others:
            kept = [index for index in kept if index not in others]
        if len(kept) < len(rows):
            notes = _stray_texts(rows, first, {*kept, *others}, self._sheet.name)
            rows = _picked(rows, kept)
            numbers = _picked(numbers, kept)
        # the example under a register's header, left as it was
        if examples := self._checker.examples(rows):
            own = [index for index in range(len(rows)) if index not in examples]
            rows = _picked(rows, own)
            numbers = _picked(numbers, own)
        if not rows and not notes:
            return
        checked = self._checker.check(rows, numbers, self._sheet.name)
        checked = self._beyond.look(checked, rows, numbers)
        torn = self._sheet.torn
        if torn and torn.row in numbers:
            checked = _torn(checked, numbers.index(torn.row), torn, self._sheet.name)
        yield self._recorder.chunk(checked, rows, numbers, notes)


def _places(layout: Layout) -> dict[int, str]:
    """Which field each column answers."""
    return {mapping.column: mapping.field.id for mapping in layout.columns}


class _Chunker:
    """Checked rows of one sheet → chunks for the ledger.

    A ruling is sent with the first row it applies to.
    """

    def __init__(self, judge: RowJudge, sheet: Sheet, layout: Layout, channel: str) -> None:
        self._judge = judge
        self._sheet = sheet.name
        self._marks = sheet.marks
        self._written = sheet.written
        self._source = layout.schema.source_code
        self._channel = channel
        self._sent: dict[Ruling, int] = {}

    def chunk(
        self,
        checked: Checked,
        rows: _Rows,
        numbers: Sequence[int],
        notes: list[Finding],
    ) -> RowChunk:
        """The chunk's message: the accepted rows column by column, the numbers of those returned.

        Args:
            checked: the answers of all rows, and which rows go back.
            rows: their cells.
            numbers: of the rows, as Excel shows them.
            notes: findings about other rows.
        """
        bad = sorted(checked.bad)
        good, columns = _accepted(checked, len(rows))
        cells = [orjson.dumps(row, default=str) for row in rows]
        accepted = _picked(numbers, good)
        ruled, judged = self._judge.rule(columns, len(good), self._source)
        rulings, places = self._numbered(ruled)
        findings = [*notes, *checked.findings, *self._remarks(accepted, judged)]
        if self._written:  # nobody could look up a row or column of a form
            findings = [f._replace(column=None, sheet=None) for f in findings]
        channels = columns.get("channel", (None,) * len(good))
        lines = (
            *_picked(cells, good),
            *answers_as_json(columns, len(good)),
            *_picked(cells, bad),
        )
        marks = [(n, self._marks[n]) for n in numbers if n in self._marks]
        return RowChunk(
            self._sheet,
            self._written,
            accepted,
            channels=[code or self._channel for code in channels],
            ruled=[places[id(ruling)] for ruling in ruled],
            kin=kin_keys(self._source, columns, len(good)),
            returned=_picked(numbers, bad),
            rulings=rulings,
            marks=marks,
            findings=findings,
            n_cells=sum(map(len, rows)),
            lines=b"\n".join(lines),
        )

    def _remarks(
        self, numbers: Sequence[int], judged: Sequence[Classification]
    ) -> Iterator[Finding]:
        """The remarks of the classification, by the numbers of their rows."""
        for number, classification in zip(numbers, judged, strict=True):
            for note in classification.notes:
                yield self._judge.note(note, self._sheet, number)

    def _numbered(self, ruled: Sequence[Ruling]) -> tuple[list[Ruling], dict[int, int]]:
        """The rulings that have not been sent yet, and the number of each of all by its id."""
        fresh, places = [], {}
        for ruling in {id(one): one for one in ruled}.values():
            if ruling not in self._sent:
                self._sent[ruling] = len(self._sent)
                fresh.append(ruling)
            places[id(ruling)] = self._sent[ruling]
        return fresh, places


def _picked(values: Sequence[Value], places: Iterable[int]) -> list[Value]:
    return [values[place] for place in places]


def _accepted(checked: Checked, n_rows: int) -> tuple[Sequence[int], _Columns]:
    """The indices of the rows that are taken, and their answers."""
    if not checked.bad:
        return range(n_rows), checked.columns
    good = [index for index in range(n_rows) if index not in checked.bad]
    columns = {}
    for name, values in checked.columns.items():
        columns[name] = _picked(values, good)
    return good, columns


def _answered(layout: Layout) -> Callable[[_Rows], Sequence[int]]:
    """A function that gives the indices of the rows that answer anything.

    A row does when some mapped cell is not blank.
    """
    columns = [mapping.column for mapping in (*layout.columns, *layout.further)]
    pick = itemgetter(*columns, columns[0])  # at least two, so that it always gives a tuple

    def test(rows: _Rows) -> Sequence[int]:
        try:
            picked = list(map(pick, rows))
        except IndexError:
            picked = [_within(row, columns) for row in rows]
        if all(map(any, picked)) and not any(
            cells[0] is None or cells[0] == "" for cells in picked
        ):
            return range(len(rows))
        return [index for index, cells in enumerate(picked) if any(map(text_of, cells))]

    return test


def _within(row: Sequence[Cell], columns: Iterable[int]) -> tuple[Cell, ...]:
    """The cells of a row in these columns; it may be shorter than others."""
    return tuple(row[column] for column in columns if column < len(row))


def _stray_texts(rows: _Rows, first: int, answered: Collection[int], sheet: str) -> list[Finding]:
    """A finding for each row that answers nothing, but says something."""
    notes = []
    for index, row in enumerate(rows):
        if index in answered:
            continue
        if text := _stray(row):
            number = first + index
            notes.append(finding("FB-stray-text", sheet=sheet, row=number, text=text))
    return notes


def _stray(row: Sequence[Cell]) -> str:
    """Text in a row that answers nothing; serial numbers in front of empty rows do not count."""
    words = []
    for cell in row:
        word = text_of(cell) if isinstance(cell, str) else ""
        if word and not word.replace(".", "").isdigit():
            words.append(word)
    return " ".join(words)[:60]


def _torn(checked: Checked, index: int, torn: Torn, sheet: str) -> Checked:
    """The row that the file ends in goes back for that alone."""
    note = finding(
        "FB-row-torn",
        sheet=sheet,
        row=torn.row,
        expected=torn.columns,
    )
    others = [f for f in checked.findings if f.row != torn.row]
    return Checked(checked.columns, checked.bad | {index}, [*others, note])
