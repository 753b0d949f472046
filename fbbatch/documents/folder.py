"""What stands at the top of a run folder: the page for people, the manifest for programs.

Source: 1.3.2.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from fbbatch import findings
from fbbatch.documents.case import Office
from fbbatch.documents.receipt import (
    COUNTS,
    Labels,
    Receipt,
    balance,
    field_labels,
    ignored_line,
    ignored_names,
    labels_for,
    outcome_word,
    people_list,
)
from fbbatch.documents.templates import Templates
from fbbatch.model import CASE_NUMBER, FileOutcome, IssuedDocument
from fbbatch.render.html import Link, Page, PageLine, Section

_EDITIONS = {".docx": "Word", ".pdf": "PDF", ".xlsx": "Excel"}


def manifest(receipt: Receipt, issued: Sequence[IssuedDocument], office: Office) -> dict[str, Any]:
    """manifest.json without the program's version: what the run did, for other programs.

    Its form is a stable contract.
    """
    labels = field_labels(office)
    return {
        "run": receipt.run,
        "as_of": receipt.as_of.isoformat(timespec="seconds"),
        "counts": {"files": len(receipt.files), **{name: receipt.total(name) for name in COUNTS}},
        "files": [_file(file, labels, office) for file in receipt.files],
        "ignored": {"count": len(receipt.ignored), "names": list(receipt.ignored)},
        "cases": [
            {
                "number": c.number,
                "state": c.state,
                "source": c.source,
                "type": c.type,
                "severity": c.severity,
                "department": c.department,
            }
            for c in (*receipt.cases, *receipt.moved)
        ],
        "documents": [
            {
                "kind": d.kind,
                "number": d.number,
                "case": d.matter if d.matter and CASE_NUMBER.fullmatch(d.matter) else None,
                "matter": d.matter,
                "department": d.department,
                "period": d.period,
                "path": d.path,
                "media_type": d.media_type,
                "sha256": d.sha256,
                "form": d.form,
                "file": d.about,
            }
            for d in issued
            if d.kind != "index"
        ],
    }


def _file(file: FileOutcome, labels: Labels, office: Office) -> dict[str, Any]:
    return {
        "name": file.name,
        "sha256": file.sha256,
        "bytes": file.size,
        "schema": file.schema,
        "outcome": file.outcome,
        "code": file.code,
        **{name: getattr(file, name) for name in COUNTS},
        "archived": file.archived,
        "findings": [
            {
                "code": f.code,
                "severity": f.severity,
                "sheet": f.sheet or None,
                "row": f.row,
                "column": f.column,
                "cell": f.cell,
                "field": f.field,
                "message": findings.message(f, office.language, labels_for(file, f, labels)),
            }
            for f in file.findings
        ],
    }


def run_page(
    receipt: Receipt, issued: Sequence[IssuedDocument], office: Office, templates: Templates
) -> Page:
    """The page by which people find the run's documents.

    What waits for somebody comes first, then one line per case.
    """
    template, language = templates["receipt"], office.language
    people = [
        PageLine(subject, (), f"{matter}　{who}")
        for subject, matter, who in people_list(receipt, office, templates)
    ]
    kinds = sorted(dict.fromkeys(d.kind for d in issued), key=templates.page_of)
    sections = [
        Section(office.title(kind), _entries(kind, receipt, issued, office)) for kind in kinds
    ]
    files = [
        PageLine(f.name, (Link(f.name, _original(f)),), outcome_word(f, office))
        for f in receipt.files
    ]
    left_alone, told = ignored_names(receipt, office, templates)
    as_of = receipt.as_of.strftime("%Y-%m-%d %H:%M")
    return Page(
        language=language,
        company=office.company,
        title=template.word("index", language),
        subtitle=template.word("run", language, run=receipt.run, as_of=as_of),
        balance="　".join(
            filter(
                None,
                (balance(receipt, office, templates), ignored_line(receipt, office, templates)),
            )
        ),
        sections=[
            Section(template.word("people", language), people),
            *sections,
            Section(template.word("files", language), files),
            Section(left_alone, [PageLine(name, (), why) for name, why in told]),
        ],
    )


def _entries(
    kind: str, receipt: Receipt, issued: Sequence[IssuedDocument], office: Office
) -> list[PageLine]:
    """One line for each document number, with a link to each edition."""
    cases = {case.number: case for case in (*receipt.cases, *receipt.moved)}
    editions: dict[str, list[IssuedDocument]] = {}
    for document in issued:
        if document.kind == kind:
            editions.setdefault(document.number, []).append(document)
    entries = []
    for number, documents in editions.items():
        case = cases.get(documents[0].matter or "")
        about = (
            "　".join(office.teller.fact(case, name) for name in ("severity", "type", "department"))
            if case
            else ""
        )
        if case is None and documents[0].department:
            about = office.teller.book.department(documents[0].department, office.language)
        links = tuple(
            Link(_EDITIONS.get(PurePosixPath(d.path).suffix, d.path), d.path) for d in documents
        )
        entries.append(
            PageLine(
                documents[0].matter
                or documents[0].about
                or documents[0].period
                or office.title(kind)
                or number,
                links,
                about,
            )
        )
    return entries


def _original(file: FileOutcome) -> str:
    return f"../../{file.archived}" if file.archived else f"../../inbox/{file.name}"
