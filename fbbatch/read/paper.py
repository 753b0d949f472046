"""What a written document holds, before anybody knows what it answers.

Such a document is a Word form, a PDF form or a note. Readers put every visible text into exactly
these four places, in reading order, so that nothing of it can vanish: named blanks, tables, lines,
and the margin (headers, footers). Which of them answer what is decided in `fbbatch.read.answers`.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

TABLE_BLANK = re.compile(r"([a-z][a-z0-9_]*?)_(\d+)_([a-z][a-z0-9_]*)")
"""The name of a blank in a form's table: `<table>_<row>_<column>`. Source: DESIGN 7."""


class Blank(NamedTuple):
    r"""One blank that carries a name: a bookmark `fb_…`, a content control, a form field.

    `name` is the bookmark without `fb_`, the control's tag (else its title), the field's full name.
    `text` is what stands in it as a reader sees it, tracked changes accepted, paragraphs joined by
    `\\n`; a checkbox gives `☑` or `☐`. `label` is the text beside it (the cell to the left, else
    the text in front of it in the same paragraph), `''` when there is none. `table`, `row`,
    `column` are 1-based places in `Paper.tables`, 0 outside tables. `kind` tells `bookmark`,
    `control`, `field`. `is_shown`: its text also stands in a cell or line of the paper.
    """

    name: str
    text: str
    label: str = ""
    kind: str = "bookmark"
    table: int = 0
    row: int = 0
    column: int = 0
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Paper:
    """A written document as read.

    `identity` holds the custom properties `fbbatch.*` without that prefix (`form`, `version`,
    `case`, `issue`). `tables` are rows of cell texts: a merged area has its text in its first cell
    and `''` in the others, so that every row of a table is equally wide. `lines` are the paragraphs
    outside tables, text boxes and notes included. `margin` are the lines of headers and footers. A
    blank inside a table also stands in that table's cell, a blank in a paragraph also in that line.
    `n_hidden` characters, which no reader sees, are left out.
    """

    blanks: tuple[Blank, ...] = ()
    tables: tuple[tuple[tuple[str, ...], ...], ...] = ()
    lines: tuple[str, ...] = ()
    margin: tuple[str, ...] = ()
    identity: Mapping[str, str] = field(default_factory=dict)
    n_hidden: int = 0

    def text(self) -> str:
        """All of it, for whoever must find a word in it."""
        cells = (cell for table in self.tables for row in table for cell in row if cell)
        return "\n".join([*self.lines, *cells, *self.margin])


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside another one: an attachment, a member of a zip.

    `name` is its own name, without folders. `charset` is what a mail declares of an attached text,
    where that fits it and is not UTF-8; else `""`.
    """

    name: str
    content: bytes
    charset: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as read.

    `sender` is the display name (`''` when none is given), `address` the mail address, `sent_at`
    aware or None when the header is missing or broken. `body` is the plain text, or the HTML made
    readable; earlier mails quoted below stay in it. `reply_to` is the name and address to which an
    answer is wanted, `("", "")` where that is not told; `recipients` are the addresses in To and
    Cc. `html` is the text of its HTML parts as they
    are marked up; `n_hidden` characters of it, which no reader sees, are left out. `automatic` says
    why the mail is not from a person or says nothing (`auto-reply`, `bounce`, `calendar`, `list`,
    `own`, `recall`), else `''`.
    `references` are the message ids it answers. `parts` are the attachments, attached mails
    included.
    """

    sender: str
    address: str
    subject: str
    sent_at: dt.datetime | None
    body: str
    parts: tuple[Part, ...] = ()
    automatic: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    html: str = ""
    n_hidden: int = 0
    reply_to: tuple[str, str] = ("", "")
    recipients: tuple[str, ...] = ()
