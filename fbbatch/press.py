"""Printing in bulk: cases → finished files, here or in workers beside the run."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from fbbatch.documents import Templates, case_report, escalation
from fbbatch.documents.case import Office
from fbbatch.model import Case, Transition
from fbbatch.render import pdf, word
from fbbatch.render.blocks import Document

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTML = "text/html"
JSON = "application/json"

CASES_PER_TASK = 40


@dataclass(frozen=True)
class Order:
    """A case to print: with its history, and which documents of it are owed."""

    case: Case
    history: tuple[Transition, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Printed:
    """A finished file; `path` is relative to the run folder."""

    kind: str
    number: str
    path: str
    media_type: str
    content: bytes
    case: str | None = None
    department: str | None = None
    missing: str = ""
    form: bool = False


@dataclass(frozen=True)
class Press:
    """Everything that documents of a run have in common."""

    office: Office
    templates: Templates
    date: dt.date

    def print_jobs(self, jobs: Sequence[Order]) -> Iterator[Printed]:
        """The owed documents of each case, as Word and PDF."""
        make: dict[str, Callable[..., Document]] = {"case_report": case_report, "escalation": escalation}
        for job in jobs:
            for kind in job.kinds:
                document = make[kind](job.case, job.history, self.office, self.templates, date=self.date)
                folder = f"cases/{job.case.number}" if kind == "case_report" else "management"
                yield from self.both(
                    document,
                    f"{folder}/{document.title} {job.case.number}",
                    case=job.case.number,
                    department=job.case.department,
                )

    def both(self, document: Document, path: str, *, case: str | None = None, department: str | None = None) -> Iterator[Printed]:
        """A document as Word and as PDF."""
        path = file_name(path)
        yield Printed(
            document.kind,
            document.number,
            f"{path}.docx",
            WORD,
            word.render(document, self.templates.letterhead),
            case,
            department,
            form=bool(document.identity),
        )
        yield self.pdf(document, path, case=case, department=department)

    def pdf(self, document: Document, path: str, *, case: str | None = None, department: str | None = None) -> Printed:
        """A document as PDF."""
        content, missing = pdf.render(document)
        return Printed(
            document.kind,
            document.number,
            f"{file_name(path)}.pdf",
            PDF,
            content,
            case,
            department,
            "".join(sorted(missing)),
        )

    def frames(self, jobs: Sequence[Order]) -> Iterator[bytes]:
        """As `print_jobs`, for the pipe: a line of JSON, then the file."""
        for p in self.print_jobs(jobs):
            yield (orjson.dumps([p.kind, p.number, p.path, p.media_type, p.case, p.department, p.missing, p.form]) + b"\n" + p.content)


def printed(frame: bytes) -> Printed:
    """A frame of `Press.frames` as a record again."""
    head, _, content = frame.partition(b"\n")
    kind, number, path, media_type, case, department, missing, form = orjson.loads(head)
    return Printed(kind, number, path, media_type, content, case, department, missing, form)


def file_name(path: str) -> str:
    """A path whose parts every file system takes; titles bring `／` and the like."""
    return "".join(c if c.isprintable() and c not in '<>:"\\|?*' else "_" for c in path)


def work(press: Press) -> Callable[[Sequence[Order]], Iterator[bytes]]:
    """What a worker does (`fbbatch.workers`)."""
    return press.frames
