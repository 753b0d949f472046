"""HTML made readable: the text that a person sees, in lines."""

import re
from collections.abc import Mapping

from lxml import etree

_BLOCKS = frozenset(
    [
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "br",
            "caption",
            "center",
            "dd",
            "div",
            "dl",
            "dt",
            "fieldset",
        ),
        *(
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "legend",
            "li",
            "main",
            "nav",
            "ol",
        ),
        *(
            "option",
            "p",
            "pre",
            "section",
            "table",
            "tbody",
            "td",
            "tfoot",
            "th",
            "thead",
            "tr",
            "ul",
        ),
    ]
)
_UNSEEN = frozenset({"script", "style", "title"})
_DEEPEST_TABLE = 50
_DEEPEST_QUOTE = 20


def readable(html: str) -> str:
    """The text of a page: a line for each paragraph, list item and table row.

    The cells of a row are set apart by tabs. Scripts, styles, comments and the title are left out;
    links are their text. Lines of a mail that is quoted begin with `> `. Nothing is fetched, no
    depth is too deep.
    """
    parser = etree.HTMLParser(target=_PageText())
    parser.feed(html or " ")
    return str(parser.close())


class _PageText:
    """Takes the events of the parser, which closes every element it opens."""

    def __init__(self) -> None:
        self.line: list[str] = []
        self.cells: list[list[str]] = [
            []
        ]  # the lines of the page, and of every open cell within another
        self.rows: list[list[list[str]]] = []  # the finished cells of every open row
        self.mark = ""
        self.quotes: list[bool] = []  # of every open blockquote, whether it is a mail's quote
        self.unseen = self.literal = self.too_deep = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.unseen += tag in _UNSEEN
        self.literal += tag == "pre"
        if tag in _BLOCKS:
            self.end_line()
        if tag == "blockquote":
            self.quotes.append(_is_quote(attributes))
        if tag == "li":
            self.mark = "- "
        elif tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"} and len(self.cells) < _DEEPEST_TABLE:
            self.cells.append([])
        elif tag in {"td", "th"}:
            self.too_deep += 1

    def end(self, tag: str) -> None:
        self.unseen -= tag in _UNSEEN
        self.literal -= tag == "pre"
        if tag in _BLOCKS:
            self.end_line()
        if tag == "blockquote" and self.quotes:
            self.quotes.pop()
        if tag == "tr" and self.rows:
            self.cells[-1] += _row(self.rows.pop())
        elif tag in {"td", "th"} and self.too_deep:
            self.too_deep -= 1
        elif tag in {"td", "th"} and len(self.cells) > 1:
            cell = self.cells.pop()
            if self.rows:
                self.rows[-1].append(cell)
            else:
                self.cells[-1] += cell

    def data(self, text: str) -> None:
        if self.unseen:
            return
        first, *others = text.split("\n") if self.literal else [text]
        self.line.append(first)
        for line in others:
            self.end_line()
            self.line.append(line)

    def end_line(self) -> None:
        text = re.sub("[ \t\r\n\f\xa0]+", " ", "".join(self.line)).strip(" ")
        self.line.clear()
        if text:
            quoted = "> " * sum(self.quotes[-_DEEPEST_QUOTE:])
            self.cells[-1].append(quoted + self.mark + text)
            self.mark = ""

    def close(self) -> str:
        self.end_line()
        return "\n".join(line for cell in self.cells for line in cell)


def _is_quote(attributes: Mapping[str, str]) -> bool:
    """Whether a blockquote is a mail that is answered; others may only be indented."""
    classes = attributes.get("class", "")
    is_of_mailer = any(
        name in classes for name in ("gmail_quote", "yahoo_quoted", "protonmail_quote")
    )
    return attributes.get("type", "").lower() == "cite" or is_of_mailer


def _row(cells: list[list[str]]) -> list[str]:
    """The lines of a table row: one, and what more its last cell has.

    Where other cells have several lines, they stand side by side for the looks only, and every line
    is a line of its own.
    """
    if any(len(cell) > 1 for cell in cells[:-1]):
        return [line for cell in cells for line in cell]
    first = "\t".join(cell[0] if cell else "" for cell in cells).strip("\t")
    return [line for line in (first, *(cells[-1][1:] if cells else ())) if line]
