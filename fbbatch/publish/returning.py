"""What goes back to be corrected.

Workbooks go back as themselves with marks, the rest as a note and a register.

Source: 1.3.2c, N1.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from fbbatch import workers
from fbbatch.deadlines import Calendar, Deadlines
from fbbatch.documents import Correction
from fbbatch.ledger import Ledger, RunRecord
from fbbatch.model import FileOutcome
from fbbatch.publish import press
from fbbatch.publish.press import MarkTask, Printed
from fbbatch.render import register as excel
from fbbatch.render import word
from fbbatch.render.marked import marked
from fbbatch.render.parts import UnmarkableError
from fbbatch.render.sheet_xml import SheetMarks
from fbbatch.stopping import Ask, attended, never
from fbbatch.words import file_name
from fbbatch.workers import WorkerLostError
from fbbatch.workspace import Workspace

RESUBMIT_WITHIN = "T01b"
_FOLDER = "returned"
_NOTHING_TO_DO = frozenset({"accepted", "duplicate", "step", "deferred"})


def going_back(
    shop: Workspace,
    ledger: Ledger,
    record: RunRecord,
    files: Sequence[FileOutcome],
    originals: Mapping[str, Path],
    *,
    ask: Ask = never,
) -> Iterator[Printed]:
    """Everything that a run sends back.

    Args:
        shop: the workspace.
        ledger: how each row fared.
        record: the run.
        files: what it did with every file.
        originals: where the files that still lie in the inbox are, by name.
        ask: called before each file and while one is marked; may raise to end the run there.
    """
    day, limits = record.as_of.date(), shop.settings.limits
    due = Deadlines(shop.book.deadlines, Calendar(shop.book.calendar)).due(
        RESUBMIT_WITHIN, "all", day
    )
    going = [file for file in files if _goes_back(file)]
    ahead: deque[Correction] = deque()

    def correction(file: FileOutcome) -> Correction:
        return Correction(
            ledger.fate_of(file),
            record.name,
            day,
            due.on if due else None,
            shop.office,
            shop.templates,
            shop.codes,
        )

    def tasks() -> Iterator[
        MarkTask
    ]:  # taken one by one, so that few files are in memory at a time
        for file in filter(_has_rows, going):
            ahead.append(correction(file))
            yield _mark_task(
                ahead[-1], _original(shop.folder, file, originals), shop.settings.locale
            )

    job = workers.Job(
        "fbbatch.publish.press:marking",
        limits,
        limits.memory_bytes,
        limits.cpu_seconds,
        limits.wall_seconds,
    )
    n_tasks = sum(map(_has_rows, going))
    with contextlib.closing(
        workers.run_tasks(tasks(), job, jobs=min(shop.settings.jobs, n_tasks), ask=ask)
    ) as answers:
        for number, file in enumerate(going, 1):
            ask()
            name, content = f"D37-{record.name}-{number:03d}", b""
            if not _has_rows(file):
                yield from _attended_papers(ask, correction(file), name, number)
                continue
            with contextlib.suppress(WorkerLostError):
                content = b"".join(next(answers).frames)
            told = ahead.popleft()
            yield from (
                _workbook(told, name, number, content)
                if content
                else _attended_papers(ask, told, name, number)
            )


def _has_rows(file: FileOutcome) -> bool:
    """True where rows or edited cells went back.

    What was refused whole has nothing to be marked.
    """
    return file.returned > 0 or (file.schema == "tracking_ledger" and file.outcome == "returned")


def _goes_back(file: FileOutcome) -> bool:
    """True where something of the file itself (not of a file in it) is to be corrected."""
    if file.returned:
        return True
    decided = next((f for f in file.findings if f.code == file.code), None)
    return (
        file.outcome not in _NOTHING_TO_DO and decided is not None and decided.severity == "error"
    )


def _original(workspace: Path, file: FileOutcome, originals: Mapping[str, Path]) -> Path | None:
    """Where the file is that was dropped, or in which it was.

    That is still in the inbox, or in the archive already.
    """
    names = [file.name, *(parent.as_posix() for parent in PurePosixPath(file.name).parents)]
    places = [
        *(originals[name] for name in names if name in originals),
        *((workspace / file.archived,) if file.archived else ()),
    ]
    return next((place for place in places if place.is_file()), None)


def _path(correction: Correction, name: str, number: int, suffix: str) -> str:
    """The path of a file of ours; no name of a dropped file becomes part of it.

    That may be a person's name; the run's page says which is which.
    """
    return f"{_FOLDER}/{number:03d} {file_name(correction.word(name))}{suffix}"


def _mark_task(correction: Correction, path: Path | None, locale: str) -> MarkTask:
    """What is to be marked; no sheet of a file that is gone, or whose headers are not known."""
    marks = correction.marks() if path else {}
    if not all(sheet.header_row for sheet in marks.values()):
        marks = {}
    return MarkTask(
        path,
        correction.fate.outcome.sha256,
        marks,
        correction.cover(),
        correction.identity(),
        locale,
    )


def _workbook(correction: Correction, name: str, number: int, content: bytes) -> Iterator[Printed]:
    """The workbook itself, with its marks."""
    about = correction.fate.outcome.name
    suffix, media = (
        (".xlsm", press.MACROS) if about.lower().endswith(".xlsm") else (".xlsx", press.EXCEL)
    )
    yield Printed(
        "returned",
        name,
        _path(correction, "file_marked", number, suffix),
        media,
        content,
        form=True,
        about=about,
        code=correction.code,
    )


def _attended_papers(ask: Ask, correction: Correction, name: str, number: int) -> list[Printed]:
    return attended(ask, lambda: list(_papers(correction, name, number)))


def _papers(correction: Correction, name: str, number: int) -> Iterator[Printed]:
    """A note of every point, and a register of the rows that went back."""
    filled, about = list(correction.registers()), correction.fate.outcome.name
    note = correction.note(name, has_register=bool(filled))
    content = word.render(note, correction.templates.letterhead)
    yield Printed(
        "returned",
        name,
        _path(correction, "file_note", number, ".docx"),
        press.WORD,
        content,
        about=about,
    )
    for nth, (register, marks) in enumerate(filled, 1):
        header, first = excel.places(register)
        rows = {first + n: mark for n, mark in marks.items()}
        blank = excel.render(register)
        with contextlib.suppress(UnmarkableError):
            blank = marked(
                blank,
                {register.title: SheetMarks(header, rows)},
                correction.cover(),
                {},
                correction.office.language,
            )
        path = _path(correction, "file_register", number, f" {nth}.xlsx" if nth > 1 else ".xlsx")
        yield Printed(
            "returned", name, path, press.EXCEL, blank, form=True, about=about, code=correction.code
        )
