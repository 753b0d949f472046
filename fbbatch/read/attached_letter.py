"""An attached file → the words of a letter, where it is one: a note, a Word or PDF letter, a page.

Whoever cannot say it in the mail attaches it. A table is no letter, and neither is what is as long
as a manual: these need somebody who looks.
"""

from collections.abc import Sequence

from fbbatch.model import Finding
from fbbatch.read import csv_rows
from fbbatch.read.html_seen import seen
from fbbatch.read.html_text import readable
from fbbatch.read.limits import Limits
from fbbatch.read.open_file import kind_of
from fbbatch.read.paper import Paper, Part
from fbbatch.read.pdf_form import read_pdf
from fbbatch.read.plain_text import read_note
from fbbatch.read.word_form import read_word
from fbbatch.read.zip_files import examine

LONGEST_LETTER = 8_000
"""In characters; what is longer is no letter."""
_BUSINESS = (
    b"BEGIN:VCARD",
    b"BEGIN:VCALENDAR",
    b"-----BEGIN PGP",
)
_SIGNED = bytes.fromhex("2a864886f70d010702")  # the object identifier of an S/MIME signature
_TABLE_SIZE = 3
"""So many rows and columns make a table of a letterhead's layout."""
_TESTED_LINES = 20
_DELIMITERS = ",\t;|"


def letter_in(part: Part, limits: Limits) -> str:
    """The words of an attached letter; `""` where it is none, or cannot be read.

    Args:
        part: the file, with the charset that its mail declares.
        limits: how much is too much.
    """
    text = ""
    kind = kind_of(part.content)
    match kind:
        case "docx":
            text = _of_word(part.content, limits)
        case "pdf":
            paper = read_pdf(part.content, limits)
            text = _of_paper(paper)
        case "html":
            text = _of_page(part)
        case "text":
            text = _of_note(part, limits)
    if len(text) > LONGEST_LETTER:
        return ""
    return text


def is_formality(part: Part) -> bool:
    """True for what mailers attach by themselves.

    That is a business card, an entry of a calendar, or a signature (OpenPGP, S/MIME): none says
    anything about a product.
    """
    head = part.content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(_BUSINESS):
        return True
    return head.startswith(b"\x30") and _SIGNED in head[:64]


def _of_word(content: bytes, limits: Limits) -> str:
    """The words of a Word file that is no bomb."""
    parts = examine(content, limits)
    if isinstance(parts, Finding):
        return ""
    paper = read_word(content, limits)
    return _of_paper(paper)


def _of_paper(paper: Paper | Finding) -> str:
    """The words of a written document that was read and holds no table of rows."""
    if isinstance(paper, Finding):
        return ""
    if any(map(_is_grid, paper.tables)):
        return ""
    return paper.text().strip()


def _is_grid(table: tuple[tuple[str, ...], ...]) -> bool:
    """Whether it has rows and columns to be read as such; letterheads are laid out in tables."""
    if len(table) < _TABLE_SIZE:
        return False
    first_row = table[0]
    return len(first_row) >= _TABLE_SIZE


def _of_page(part: Part) -> str:
    """The words of a web page that a reader sees."""
    text = csv_rows.decode(part.content, part.charset or None)
    if isinstance(text, Finding):
        return ""
    page, _ = seen(text)
    return readable(page).strip()


def _of_note(part: Part, limits: Limits) -> str:
    """The words of a plain text, unless it is a table or made for programs."""
    text = csv_rows.decode(part.content, part.charset or None)
    if isinstance(text, Finding):
        return ""
    note = read_note(text, limits)
    if isinstance(note, Finding):
        return ""
    is_for_programs = text.lstrip().startswith(("{", "["))
    if is_for_programs or _is_table(note.lines[:_TESTED_LINES]):
        return ""
    return "\n".join(note.lines).strip()


def _is_table(lines: Sequence[str]) -> bool:
    """Whether all lines are split by the same mark."""
    if len(lines) < 2:
        return False
    marks = set(_DELIMITERS)
    for line in lines:
        marks.intersection_update(line)
    return bool(marks)
