"""A case report as Word against docxtpl, and as PDF against bare ReportLab platypus.

The same content each, written to disk.

Every turn writes new files, as a run does: what overwriting an old file costs is the file system's
doing, not ours or theirs.
"""

import datetime as dt
import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from docx import Document as WordDocument
from docx.shared import Pt
from docxtpl import DocxTemplate
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Table as PdfTable

from benchmarks.measure import ratio
from benchmarks.samples import AS_OF, questionnaire, workshop
from fbbatch import inbox
from fbbatch.documents import case_report
from fbbatch.intake import Taking
from fbbatch.render import pdf, word
from fbbatch.render.blocks import Block, Document, Grid, Heading, Note, Signatures, Table
from fbbatch.render.fonts import face
from fbbatch.render.words import cell_text
from fbbatch.steps import Rules, Steps
from fbbatch.workspace import Workspace

REPORTS = 60


def reports(scratch: Path) -> tuple[list[tuple[object, ...]], Workspace]:
    """Cases with their histories, as a run has them."""
    place = scratch / "customer"
    place.mkdir()
    shop = workshop(scratch / "w")
    ledger = shop.ledger()
    record = ledger.begin_run(AS_OF, started_at=AS_OF, version="bench")
    Taking(shop, ledger, record, Steps(Rules(shop.book, record, shop.settings, shop.codes))).take(
        inbox.claim_one(questionnaire(place / "q.xlsx", REPORTS))
    )
    found = [(case, ledger.history(case)) for case in ledger.cases(run=record)]
    ledger.close()
    return found, shop


def tables(blocks: Sequence[Block]) -> list[tuple[str, list[list[str]]]]:
    """The document's content as plain headings and rows, for the peers."""
    parts: list[tuple[str, list[list[str]]]] = []
    for block in blocks:
        if isinstance(block, Heading):
            parts.append((block.text, []))
        elif isinstance(block, Grid):
            parts[-1][1].extend([pair.label, pair.value] for pair in block.pairs)
        elif isinstance(block, Table):
            parts[-1][1].append([c.header for c in block.columns])
            parts[-1][1].extend(
                [cell_text(v, c.kind, "zh-Hans") for v, c in zip(row, block.columns, strict=True)]
                for row in block.rows
            )
        elif isinstance(block, Note):
            parts[-1][1].append([block.text])
        elif isinstance(block, Signatures):
            parts.append(("　".join(block.labels), []))
    return parts


def peer_template(path: Path, document: Document) -> Path:
    """The docxtpl template that an office would make for this report.

    It has python-docx's own styles, framed tables of the same columns, and loops for rows.
    """
    made = WordDocument()
    made.add_paragraph("{{ company }}", style="Subtitle")
    made.add_paragraph("{{ title }}", style="Title")
    made.add_paragraph("{{ line }}", style="Caption")
    for number, (name, rows) in enumerate(tables(document.blocks)):
        made.add_paragraph(name, style="Heading 1")
        if not rows:
            continue
        columns = max(map(len, rows))
        grid = made.add_table(rows=3, cols=columns, style="Table Grid")
        grid.rows[0].cells[0].text = f"{{%tr for row in parts[{number}] %}}"
        for column, cell in enumerate(grid.rows[1].cells):
            cell.text = f"{{{{ row[{column}] }}}}"
            cell.paragraphs[0].runs[0].font.size = Pt(9)
        grid.rows[2].cells[0].text = "{%tr endfor %}"
    made.save(str(path))
    return path


def with_docxtpl(template: Path, documents: Sequence[Document], folder: Path) -> None:
    """Render and save each with docxtpl, autoescape on."""
    for number, document in enumerate(documents):
        peer = DocxTemplate(template)
        parts = [[[*row, *[""] * 6] for row in rows] for _, rows in tables(document.blocks)]
        peer.render(
            {
                "company": document.company,
                "title": document.title,
                "line": document.subtitle,
                "parts": parts,
            },
            autoescape=True,
        )
        peer.save(folder / f"peer{number}.docx")


def with_platypus(documents: Sequence[Document], folder: Path) -> None:
    """Build each with SimpleDocTemplate, the same fonts embedded."""
    regular, bold = face("zh-Hans").name, face("zh-Hans", bold=True).name
    normal = ParagraphStyle(
        "n", fontName=regular, fontSize=9, leading=13, wordWrap="CJK", bulletFontName=regular
    )
    heading = ParagraphStyle("h", parent=normal, fontName=bold, fontSize=12, leading=17)
    title = ParagraphStyle("t", parent=heading, fontSize=17, leading=26, alignment=1)
    look = TableStyle(
        [
            ("FONT", (0, 0), (-1, -1), regular, 9),
            ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    for number, document in enumerate(documents):
        story = [
            Paragraph(escape(document.company), normal),
            Paragraph(escape(document.title), title),
            Paragraph(escape(document.subtitle), normal),
        ]
        for name, rows in tables(document.blocks):
            story.append(Paragraph(escape(name), heading))
            for row in rows:
                story.append(
                    PdfTable(
                        [[Paragraph(escape(cell), normal) for cell in row]],
                        colWidths=[490 / len(row)] * len(row),
                        style=look,
                    )
                )
            story.append(Spacer(1, 6))
        SimpleDocTemplate(
            str(folder / f"peer{number}.pdf"), pagesize=A4, initialFontName=regular
        ).build(story)


def folders(parent: Path) -> Callable[[], Path]:
    """Gives a new folder at every call."""
    numbers = itertools.count()

    def new() -> Path:
        folder = parent / f"turn{next(numbers)}"
        folder.mkdir()
        return folder

    return new


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found, shop = reports(folder)
        office, templates, now = (
            shop.office,
            shop.templates,
            dt.datetime(2026, 11, 22, 23, tzinfo=dt.UTC),
        )
        documents = [
            case_report(case, history, office, templates, now=now) for case, history in found
        ]
        template, fresh = peer_template(folder / "peer.docx", documents[0]), folders(folder)

        def our_word() -> None:
            place = fresh()
            for number, (case, history) in enumerate(found):
                document = case_report(case, history, office, templates, now=now)
                (place / f"ours{number}.docx").write_bytes(
                    word.render(document, templates.letterhead)
                )

        def our_pdf() -> None:
            place = fresh()
            for number, (case, history) in enumerate(found):
                (place / f"ours{number}.pdf").write_bytes(
                    pdf.render(case_report(case, history, office, templates, now=now))[0]
                )

        our_word()
        our_pdf()
        share = ratio(our_word, lambda: with_docxtpl(template, documents, fresh()), turns=5)
        print(f"word     case report written to disk ÷ docxtpl: 1/{1 / share:.0f} (aim ≤ 1/40)")
        pdf_ratio = ratio(our_pdf, lambda: with_platypus(documents, fresh()))
        print(f"pdf      case report ÷ bare platypus: {pdf_ratio:.2f} (aim ≤ 1.5)")


if __name__ == "__main__":
    main()
