"""A form pasted into a mail → the paper that it would be. Source: N2.

What the mail quotes was said before and is left out.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from lxml import html

from fbbatch.read import Letter, Paper
from fbbatch.read.html_text import readable
from fbbatch.read.webpage import read_tables

_QUOTED = (
    "//blockquote | //*[contains(@class, 'gmail_quote') or contains(@class, 'moz-cite')"
    " or contains(@class, 'yahoo_quoted')]"
    " | //*[@id='divRplyFwdMsg' or @id='appendonsend' or @id='OLK_SRC_BODY_SECTION']"
    " | //*[@id='divRplyFwdMsg' or @id='appendonsend']/following-sibling::*"
)
_BELOW = re.compile(
    r"\s*(-{2,}\s*(original|forwarded|原始|原邮|原郵|转发|轉寄|轉發|回复的|回覆的)"
    r"|_{10,}\s*$|(from|发件人|發件人|寄件者|寄件人)\s*[:：])",
    re.IGNORECASE,
)
_WROTE = re.compile(r".{0,200}(wrote|写道|寫道)\s*[:：]\s*$", re.IGNORECASE)
_MARK = ">"


def pasted_paper(letter: Letter) -> Paper:
    """A mail's own words as a written document: its tables, and its lines outside them."""
    if not letter.html:
        own = _own_lines(letter.body)
        return Paper(
            tables=tuple(_tabbed(own)),
            lines=tuple(line.strip() for line in own if line.strip() and "\t" not in line),
        )
    markup = _unquoted(letter.html)
    own = _own_lines(readable(markup))
    told = {line.strip() for text in own for line in text.split("\t")}
    tables = tuple(
        _even([[str(cell or "").strip() for cell in row] for row in table])
        for table in read_tables(markup)
    )
    kept = tuple(
        table
        for table in tables
        if table and all(_first(cell) in told for row in table for cell in row if cell)
    )
    cells = {
        " ".join(line.split())
        for table in kept
        for row in table
        for cell in row
        for line in cell.split("\n")
    }
    return Paper(
        tables=kept, lines=tuple(line for line in own if "\t" not in line and line not in cells)
    )


def _unquoted(markup: str) -> str:
    try:
        page = html.document_fromstring(
            markup.encode(), parser=html.HTMLParser(encoding="utf-8", huge_tree=False)
        )
    except (ValueError, html.etree.LxmlError):
        return ""
    for quoted in page.xpath(_QUOTED):
        if quoted.getparent() is not None:
            quoted.drop_tree()
    return str(html.tostring(page, encoding="unicode"))


def _own_lines(text: str) -> list[str]:
    """The lines that this mail says itself.

    Left out are lines marked as quoted, and all from the mail on that it answers or forwards.
    """
    lines = text.split("\n")
    is_marked = any(line.lstrip().startswith(_MARK) for line in lines)
    own: list[str] = []
    for line in lines:
        if _BELOW.match(line) or (_WROTE.match(line) and not is_marked):
            break
        if not line.lstrip().startswith(_MARK):
            own.append(line)
    return own


def _first(cell: str) -> str:
    """The first line of a cell as a reader sees it."""
    return " ".join(cell.split("\n")[0].split())


def _tabbed(lines: Sequence[str]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """The tables of a plain text: lines one below the other whose cells are set apart by tabs."""
    for is_table, group in groupby(
        (line for line in lines if line.strip()), key=lambda line: "\t" in line
    ):
        if is_table:
            yield _even([[cell.strip() for cell in line.split("\t")] for line in group])


def _even(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Rows of one width."""
    width = max(map(len, rows), default=0)
    return tuple((*row, *[""] * (width - len(row))) for row in rows)
