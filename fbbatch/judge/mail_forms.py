"""A form pasted into a mail → the paper that it would be. Source: N2.

What the mail quotes was said before and is left out.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from lxml import html

from fbbatch.model import Cell
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
_Rows = tuple[tuple[str, ...], ...]
"""A table: its rows, all of one width."""


def pasted_paper(letter: Letter) -> Paper:
    """A mail's own words as a written document: its tables, and its lines outside them."""
    if letter.html:
        return _paper_of_page(_unquoted(letter.html))
    return paper_of_lines(_own_lines(letter.body))


def paper_of_lines(own: Sequence[str]) -> Paper:
    """Lines as a written document; those with tabs, one below the other, are its tables."""
    lines = [line.strip() for line in own if "\t" not in line]
    return Paper(
        tables=tuple(_tabbed(own)),
        lines=tuple(filter(None, lines)),
    )


def _paper_of_page(markup: str) -> Paper:
    own = _own_lines(readable(markup))
    tables = tuple(_own_tables(markup, own))
    lines = [line for line in own if "\t" not in line]
    in_tables = set(_lines_in(tables))
    return Paper(
        tables=tables,
        lines=tuple(line for line in lines if line not in in_tables),
    )


def _own_tables(markup: str, own: Sequence[str]) -> Iterator[_Rows]:
    """The tables of a page all of whose cells begin with words that the mail says itself."""
    said: set[str] = set()
    for line in own:
        said.update(cell.strip() for cell in line.split("\t"))
    for rows in read_tables(markup):
        table = _even([_stripped(row) for row in rows])
        if table and _is_said(table, said):
            yield table


def _is_said(table: _Rows, said: Collection[str]) -> bool:
    for row in table:
        for cell in row:
            if cell and _first(cell) not in said:
                return False
    return True


def _lines_in(tables: Iterable[_Rows]) -> Iterator[str]:
    """The lines of all cells, as a reader sees them."""
    for table in tables:
        for row in table:
            for cell in row:
                for line in cell.split("\n"):
                    yield _plain(line)


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
    return _plain(cell.split("\n")[0])


def _plain(line: str) -> str:
    return " ".join(line.split())


def _stripped(cells: Iterable[Cell]) -> list[str]:
    return [str(cell or "").strip() for cell in cells]


def _tabbed(lines: Sequence[str]) -> Iterator[_Rows]:
    """The tables of a plain text: lines one below the other whose cells are set apart by tabs."""
    filled = [line for line in lines if line.strip()]
    for is_table, group in groupby(filled, key=lambda line: "\t" in line):
        if is_table:
            yield _even([_stripped(line.split("\t")) for line in group])


def _even(rows: Sequence[Sequence[str]]) -> _Rows:
    """Rows of one width."""
    width = max(map(len, rows), default=0)
    return tuple((*row, *[""] * (width - len(row))) for row in rows)
