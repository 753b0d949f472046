"""Printing in bulk: matters → finished files, here or in workers beside the run."""

import contextlib
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from fbbatch.codes import Codes, Subject, foot_line
from fbbatch.documents import Templates, case_document
from fbbatch.documents.case import Office
from fbbatch.model import Facts
from fbbatch.publish.places import RECORDS, path_of, recipient
from fbbatch.read import Letter, Limits, open_content
from fbbatch.read.open_file import kind_of
from fbbatch.render import excel_form, pdf, word
from fbbatch.render.blocks import Document, PageBreak
from fbbatch.render.marked import Cover, marked
from fbbatch.render.parts import UnmarkableError
from fbbatch.render.sheet_xml import SheetMarks
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.owed import Owed

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MACROS = "application/vnd.ms-excel.sheet.macroEnabled.12"
HTML = "text/html"

CASES_PER_TASK = 40
ORDER_ENDS = b"."


@dataclass(frozen=True)
class Order:
    """A matter to print, and which documents of it are owed."""

    matter: Matter
    owed: tuple[Owed, ...]


@dataclass(frozen=True)
class Printed:
    """A finished file.

    `path` is relative to the run folder; `matter` is the number of the one that it is about,
    `about` the name of the dropped file that it speaks of.
    """

    kind: str
    number: str
    path: str
    media_type: str
    content: bytes
    matter: str | None = None
    department: str | None = None
    missing: str = ""
    form: bool = False
    issue: int = 0
    about: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Press:
    """Everything that documents of a run have in common.

    Forms tell the name of the `run`, which leads to the copy in the outbox, and carry one of the
    workspace's check `codes`.
    """

    office: Office
    templates: Templates
    now: dt.datetime
    codes: Codes
    run: str = ""

    def print_jobs(self, jobs: Sequence[Order]) -> Iterator[Printed]:
        """The owed documents of each case.

        Forms come as Word, and as Excel or PDF too where that is wanted.
        """
        for job in jobs:
            for owed in job.owed:
                document = case_document(
                    owed.kind,
                    job.matter,
                    self.office,
                    self.templates,
                    now=self.now,
                    issue=owed.issue,
                    filled=owed.filled,
                    department=owed.department,
                )
                department = self.recipient(owed, job.matter)
                if document.identity:
                    document = self._signed(document, department)
                yield from self._editions(document, owed, job.matter.facts, department)

    def _signed(self, form: Document, department: str | None) -> Document:
        """A form with the run and the department that it was issued to, and its check code.

        By that code it will be known.
        """
        told = {**form.identity, "run": self.run, "department": department or ""}
        subject = Subject(told["form"], told["case"], told["issue"], told["department"])
        told |= {"workspace": self.codes.workspace, "code": self.codes.of(subject)}
        foot = foot_line(
            form.language,
            number=told["case"],
            form=form.form_number,
            issue=told["issue"],
            code=told["code"],
        )
        return replace(form, identity=told, foot=foot)

    def _editions(
        self, document: Document, owed: Owed, facts: Facts, department: str | None
    ) -> Iterator[Printed]:
        template = self.templates[owed.kind]
        path = path_of(
            template,
            self.office,
            document.title,
            folder=RECORDS if owed.filled else None,
            department=department,
            case=facts.number,
            issue=owed.issue,
        )
        editions = template.editions.of(facts.severity)
        printed = Printed(
            document.kind,
            document.number,
            path,
            WORD,
            b"",
            facts.number,
            department,
            form=bool(document.identity),
            issue=owed.issue if document.identity else 0,
            code=document.identity.get("code"),
        )
        if "word" in editions:
            content = word.render(document, self.templates.letterhead)
            yield replace(printed, path=f"{path}.docx", content=content)
        if "excel" in editions and document.identity:
            content = excel_form.render(document)
            yield replace(printed, path=f"{path}.xlsx", media_type=EXCEL, content=content)
        if "pdf" in editions or owed.filled:
            shown = _without_record(document) if template.record_behind else document
            yield self.pdf(shown, path, matter=facts.number, department=department)

    def recipient(self, owed: Owed, matter: Matter) -> str | None:
        """The department that has to act on a document."""
        if owed.department or owed.filled:
            return owed.department or matter.facts.department
        return recipient(self.templates[owed.kind], matter, self.office.teller.book)

    def place(self, kind: str, title: str, day: dt.date, department: str | None = None) -> str:
        """The path, without ending, of a document about no single case."""
        template = self.templates[kind]
        return path_of(template, self.office, title, day=day.isoformat(), department=department)

    def both(
        self, document: Document, path: str, *, department: str | None = None
    ) -> Iterator[Printed]:
        """A document about no single case, as Word and as PDF; `path` without its ending."""
        content = word.render(document, self.templates.letterhead)
        yield Printed(
            document.kind, document.number, f"{path}.docx", WORD, content, department=department
        )
        yield self.pdf(document, path, department=department)

    def pdf(
        self,
        document: Document,
        path: str,
        *,
        matter: str | None = None,
        department: str | None = None,
    ) -> Printed:
        """A document as PDF."""
        content, missing = pdf.render(document)
        return Printed(
            document.kind,
            document.number,
            f"{path}.pdf",
            PDF,
            content,
            matter,
            department,
            "".join(sorted(missing)),
        )

    def frames(self, jobs: Sequence[Order]) -> Iterator[bytes]:
        """As `print_jobs`, for the pipe: a line of JSON, then the file.

        After the files of each order comes `ORDER_ENDS`.
        """
        for job in jobs:
            for p in self.print_jobs([job]):
                head = [
                    p.kind,
                    p.number,
                    p.path,
                    p.media_type,
                    p.matter,
                    p.department,
                    p.missing,
                    p.form,
                    p.issue,
                    p.code,
                ]
                yield orjson.dumps(head) + b"\n" + p.content
            yield ORDER_ENDS


def _without_record(letter: Document) -> Document:
    """A letter without the internal page behind it."""
    end = next(
        (n for n, block in enumerate(letter.blocks) if isinstance(block, PageBreak)),
        len(letter.blocks),
    )
    return replace(letter, blocks=letter.blocks[:end], subtitle="")


def printed(frame: bytes) -> Printed | None:
    """A frame of `Press.frames` as a record again; None for the end of an order."""
    if frame == ORDER_ENDS:
        return None
    head, _, content = frame.partition(b"\n")
    kind, number, path, media_type, matter, department, missing, form, issue, code = orjson.loads(
        head
    )
    return Printed(
        kind, number, path, media_type, content, matter, department, missing, form, issue, code=code
    )


# --- workbooks that go back -----------------------------------------------------------


@dataclass(frozen=True)
class MarkTask:
    """A dropped workbook to mark.

    The file that it is, or is in, the sha256 of its bytes, and what `render.marked` wants to know.
    One without `sheets` cannot be marked.
    """

    path: Path | None
    sha256: str
    sheets: Mapping[str, SheetMarks]
    cover: Cover
    identity: Mapping[str, str]
    language: str


def marking(limits: Limits) -> Callable[[MarkTask], Iterator[bytes]]:
    """What a worker does with a workbook that goes back: it gives the marked copy.

    It gives nothing where the workbook cannot be marked.
    """

    def mark(task: MarkTask) -> Iterator[bytes]:
        content = (
            _found(task.path.read_bytes(), task.sha256, limits)
            if task.path and task.sheets
            else None
        )
        if content is not None and kind_of(content) == "xlsx":
            with contextlib.suppress(UnmarkableError):
                yield marked(content, task.sheets, task.cover, task.identity, task.language)

    return mark


def _found(content: bytes, sha256: str, limits: Limits, depth: int = 0) -> bytes | None:
    """The file with these bytes: this one, or one inside it."""
    if hashlib.sha256(content).hexdigest() == sha256:
        return content
    opened = open_content(content, limits) if depth < _DEEPEST else None
    parts = (
        opened.parts if isinstance(opened, Letter) else opened if isinstance(opened, list) else ()
    )
    return next(
        (
            found
            for part in parts
            if (found := _found(part.content, sha256, limits, depth + 1)) is not None
        ),
        None,
    )


_DEEPEST = 3


def work(press: Press) -> Callable[[Sequence[Order]], Iterator[bytes]]:
    """What a worker does (`fbbatch.workers`)."""
    return press.frames
