"""One dropped file → judged rows: read, identify, validate, classify, assign. Runs in a killable worker.

The stages are pure; this module only puts them in order and turns their records into frames of JSON, so that a
parser that goes wrong in a worker can hand nothing but data to the run. `python -m fbbatch.judge` is the worker.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from fbbatch.assign import Assigner
from fbbatch.classify import Classifier
from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.findings import finding
from fbbatch.identity import Fingerprints
from fbbatch.model import Cell, Finding
from fbbatch.read import Limits, Sheet, open_file
from fbbatch.schema import Book, Layout, identify
from fbbatch.validate import Checked, Checker, text_of

CHUNK_ROWS = 1_000
SOLVE_WITHIN = "T03"


@dataclass(frozen=True, slots=True)
class Setup:
    """What every task needs: the book, the limits, the as-of time, and the language of messages."""

    book: Book
    limits: Limits
    received: dt.datetime
    language: str


@dataclass(frozen=True, slots=True)
class Task:
    """One file to judge; `folder` is the inbox sub-folder it lay in."""

    path: Path
    folder: str | None


class Judge:
    """The compiled rule book; `judge` takes one file."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._book = setup.book
        self._classifier = Classifier(setup.book.classification)
        self._assigner = Assigner(setup.book)
        self._deadlines = Deadlines(setup.book.deadlines, Calendar(setup.book.calendar))
        self._today = setup.received.date()

    def frames(self, task: Task) -> Iterator[bytes]:
        """As `judge`, as frames for the pipe."""
        for message in self.judge(task):
            yield orjson.dumps(message, default=_plain)

    def judge(self, task: Task) -> Iterator[dict[str, Any]]:
        """Judge a file.

        Yields:
            `{"head": …}` once per understood sheet; `{"rows": […], "returned": […], "findings": […]}` per chunk;
            `{"failed": finding}` instead of everything when the file cannot be read or understood.
        """
        declared = [s for s in self._book.sources if s.is_of_folder(task.folder)]
        schema = declared[0] if len(declared) == 1 else None
        try:
            opened = open_file(
                task.path, self._setup.limits, delimiter=schema.delimiter if schema else None, encoding=schema.encoding if schema else None
            )  # fmt: skip
            if isinstance(opened, Finding):
                yield {"failed": opened, "kind": ""}
                return
            yield {"kind": opened.kind}
            yield from self._sheets(list(opened.sheets) if opened.kind == "csv" else opened.sheets, task)
        except MemoryError:
            yield {"failed": finding("FB-too-expensive", what="memory")}
        except Exception as error:
            yield {"failed": finding("FB-broken", reason=type(error).__name__)}

    def _sheets(self, sheets: Any, task: Task) -> Iterator[dict[str, Any]]:
        understood, refused, answers, cells = 0, [], 0, 0
        fingerprints: dict[tuple[str, ...], Fingerprints] = {}
        for sheet in sheets:
            if not any(any(cell not in {None, ""} for cell in row) for row in sheet.head):
                continue
            layout = identify(sheet.head, self._book.sources, sheet=sheet.name, folder=task.folder, merged=sheet.merged)
            if isinstance(layout, Finding):
                refused.append((sheet.name, layout, sum(any(row) for row in sheet.rows())))
                continue
            understood += 1
            notes = list(layout.findings)
            if sheet.hidden:
                notes.append(finding("FB-hidden-sheet", sheet=sheet.name, name=sheet.name))
            yield {"head": layout.schema.id, "sheet": sheet.name, "findings": notes}
            for chunk in self._rows(sheet, layout, fingerprints):
                answers += len(chunk["rows"]) + len(chunk["returned"])
                cells += chunk.pop("cells")
                if over := self._over(answers, cells):
                    yield {"failed": over}
                    return
                yield chunk
        if not understood:
            yield {"failed": refused[0][1] if refused else finding("FB-empty-file", size=task.path.stat().st_size)}
            return
        yield {"findings": [finding("FB-sheet-skipped", sheet=name, name=name, rows=rows) for name, _, rows in refused]}
        if not answers:
            yield {"findings": [finding("FB-no-rows")]}

    def _over(self, answers: int, cells: int) -> Finding | None:
        for what, value, limit in (
            ("rows", answers, self._setup.limits.rows),
            ("cells", cells, self._setup.limits.cells),
        ):
            if value > limit:
                return finding("FB-too-large", what=what, value=f"{value:,}", limit=f"{limit:,}")
        return None

    def _rows(self, sheet: Sheet, layout: Layout, fingerprints: dict[tuple[str, ...], Fingerprints]) -> Iterator[dict[str, Any]]:
        checker = Checker(layout, self._book, received=self._setup.received, language=self._setup.language, merged=sheet.merged)
        prints = fingerprints.setdefault(
            (layout.schema.source_code, *checker.fields), Fingerprints(layout.schema.source_code, checker.fields)
        )
        firsts: dict[str, int] = {}
        answered = _answered(layout)
        numbered = ((number, row) for number, row in enumerate(sheet.rows(), 1) if number >= layout.first_row)
        for chunk in _chunks(numbered):
            rows, numbers, notes = [], [], []
            for number, row in chunk:
                if len(row) > self._setup.limits.columns:
                    yield {"rows": [], "returned": [], "cells": self._setup.limits.cells + 1, "findings": []}
                    return
                if answered(row):
                    rows.append(row)
                    numbers.append(number)
                elif text := _stray(row):
                    notes.append(finding("FB-stray-text", sheet=sheet.name, row=number, text=text))
            if not rows and not notes:
                continue
            checked = checker.check(rows, numbers, sheet.name)
            if sheet.torn and sheet.torn.row in numbers:
                checked = _torn(checked, numbers.index(sheet.torn.row), sheet)
            yield self._chunk(sheet, layout, checked, rows, numbers, prints, firsts, notes)

    def _chunk(self, sheet: Sheet, layout: Layout, checked: Checked, rows: Sequence[Sequence[Cell]], numbers: Sequence[int],
               prints: Fingerprints, firsts: dict[str, int], notes: list[Finding]) -> dict[str, Any]:  # fmt: skip
        accepted: list[tuple[Any, ...]] = []
        returned: list[tuple[int, str]] = []
        findings = [*notes, *checked.findings]
        fields, source = checked.fields, layout.schema.source_code
        channel = layout.schema.channels[0] if layout.schema.channels else ""
        for index, (number, row, values) in enumerate(zip(numbers, rows, checked.values, strict=True)):
            cells = orjson.dumps(row, default=str).decode()
            if index in checked.bad:
                returned.append((number, cells))
                continue
            fingerprint = prints.of(values)
            occurrence = prints.occurrence(fingerprint)
            if occurrence:
                findings.append(finding("FB-twice", sheet=sheet.name, row=number, first=firsts[fingerprint]))
            else:
                firsts[fingerprint] = number
            answers = {f: v for f, v in zip(fields, values, strict=True) if v is not None}
            texts = self._classifier.fold_texts(answers)
            judged = self._classifier.classify(answers, texts)
            assigned = self._assigner.assign(answers, source, judged, "\n".join(texts.values()))
            due = self._deadlines.due(SOLVE_WITHIN, judged.severity, self._today)
            evidence = {
                "reasons": judged.evidence,
                "score": judged.score,
                "margin": judged.margin,
                "unsure": judged.unsure,
                "safety": judged.safety,
            }
            details = {"rule": assigned.rule, "cooperating": assigned.cooperating, "escalations": assigned.escalations}
            if due:
                details |= {"due_rule": due.rule, "due_days": due.days, "provisional": due.provisional}
            findings += [self._note(note, sheet.name, number) for note in judged.notes]
            accepted.append(
                (
                    number, cells, orjson.dumps(answers).decode(), fingerprint, occurrence, answers.get("channel", channel), judged.kind, judged.type, judged.severity, orjson.dumps(evidence).decode(),
                    assigned.department, due.on.isoformat() if due else None, orjson.dumps(details).decode(),
                )
            )  # fmt: skip
        return {
            "rows": accepted,
            "returned": returned,
            "findings": findings,
            "cells": sum(map(len, rows)),
            "sheet": sheet.name,
        }

    def _note(self, note: str, sheet: str, row: int) -> Finding:
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


def _plain(value: object) -> object:
    """Findings travel as lists; what a parser may hand out besides JSON's own types travels as text."""
    return tuple(value) if isinstance(value, tuple) else str(value)


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _answered(layout: Layout) -> Callable[[Sequence[Cell]], bool]:
    """A test whether a row answers anything: some mapped cell is not blank."""
    columns = [mapping.column for mapping in layout.columns]
    pick = itemgetter(*columns)

    def test(row: Sequence[Cell]) -> bool:
        try:
            cells = pick(row)
        except IndexError:
            cells = tuple(row[c] for c in columns if c < len(row))
        if not isinstance(cells, tuple):
            cells = (cells,)
        return any(cells) and any(text_of(cell) for cell in cells)

    return test


def _stray(row: Sequence[Cell]) -> str:
    """Text in a row that answers nothing; serial numbers in front of empty rows do not count."""
    words = [text_of(cell) for cell in row if isinstance(cell, str)]
    return " ".join(word for word in words if word and not word.replace(".", "").isdigit())[:60]


def _torn(checked: Checked, index: int, sheet: Sheet) -> Checked:
    assert sheet.torn is not None  # noqa: S101 - the caller looked
    note = finding("FB-row-torn", sheet=sheet.name, row=sheet.torn.row, expected=sheet.torn.columns)
    others = [f for f in checked.findings if f.row != sheet.torn.row]
    return Checked(checked.fields, checked.values, checked.bad | {index}, [*others, note])


def main() -> None:
    """The worker process."""
    from fbbatch.workers import serve

    serve(
        lambda setup: Judge(setup).frames,
        memory_bytes=lambda s: s.limits.memory_bytes,
        cpu_seconds=lambda s: s.limits.cpu_seconds,
    )


if __name__ == "__main__":
    main()
