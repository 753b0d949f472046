"""What is embedded whole in a Word file (`altChunk`): pages, texts and other Word files.

Word shows it in its place like everything else, so it is made into the same elements, and whoever
walks the file walks it, too.
"""

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read import encodings
from fbbatch.read.html_seen import seen
from fbbatch.read.limits import Limits
from fbbatch.read.mail import looks_like_mail, read_mail
from fbbatch.read.ooxml import Package, RefusedError, Xml
from fbbatch.read.paper import Letter
from fbbatch.read.zip_files import examine

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CHARSET = re.compile(
    rb"charset=[\"']?\s*([\w.:-]+)",
    re.IGNORECASE,
)
_SPACES = re.compile("[ \t\r\n\f]+")
_PAGE = re.compile(
    r"\s*(?:<\?xml|<!doctype html|<html|<body|<table|<meta|<div|<p\b)", re.IGNORECASE
)
_INLINE = frozenset(
    [
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "em", "font", "i"),
        *("ins", "kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span", "strike"),
        *("strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    ]
)
_TABLE_PARTS = frozenset({"tbody", "thead", "tfoot", "colgroup", "col"})
_BOXES = frozenset({"checkbox", "radio"})
_UNSEEN_INPUTS = frozenset({"hidden", "submit", "button", "reset", "image", "password", "file"})
_WIDEST = 500


def embedded(package: Package, part: str, id: str, limits: Limits) -> tuple[Xml, int]:
    """What a part of a Word file embeds under the id of a relation.

    Returns:
        An element with paragraphs and tables, and how many characters of it no reader sees.

    Raises:
        RefusedError: it is missing, not within the file, or of a kind that is not read.
    """
    path = package.path_of(
        part,
        id,
    )
    content = bytes(package.part(path) or b"") if path else b""
    if not content:
        raise RefusedError(
            finding(
                "FB-broken",
                reason="altChunk",
            )
        )
    if content.startswith(b"PK\x03\x04"):
        unsafe = examine(
            content,
            limits,
        )
        if isinstance(unsafe, Finding):
            raise RefusedError(unsafe)
        inner = Package(
            content,
            limits,
        )
        return inner.root(
            inner.main(),
            "}document",
        ), 0
    if looks_like_mail(content):
        letter = read_mail(
            content,
            limits,
        )
        if not isinstance(letter, Letter):
            raise RefusedError(letter)
        page = _paragraphs_of_page(letter.html) if letter.html else _lines(letter.body)
        return page, letter.n_hidden
    return _of_text(content)


def _of_text(content: bytes) -> tuple[Xml, int]:
    told = _CHARSET.search(content[:2_048])
    text = encodings.decode(
        content,
        told[1].decode() if told else None,
    )
    if isinstance(text, Finding) and told:
        text = encodings.decode(
            content,
            None,
        )
    if isinstance(text, Finding):
        raise RefusedError(text)
    if text.startswith("{\\rtf"):
        raise RefusedError(
            finding(
                "FB-not-readable",
                found="Word + RTF",
            )
        )
    if not _PAGE.match(text):
        return _lines(text), 0
    shown, n_hidden = seen(text)
    return _paragraphs_of_page(shown), n_hidden


def _lines(text: str) -> Xml:
    """A paragraph for each line."""
    page = _EmbeddedPage()
    for line in text.splitlines():
        page.data(line)
        page.end_paragraph()
    return page.close()


def _paragraphs_of_page(html: str) -> Xml:
    """The paragraphs and tables of a page."""
    parser = etree.HTMLParser(target=_EmbeddedPage())
    parser.feed(html or " ")
    return parser.close()


class _OpenTable:
    """A table that is being made.

    `below` tells for each column how many rows more a cell above reaches into.
    """

    def __init__(self, element: Xml, around: Xml) -> None:
        self.element, self.around = element, around
        self.row: Xml = None
        self.column = 0
        self.below: dict[int, int] = {}

    def begin_row(self) -> None:
        self.end_row()
        self.row, self.column = (
            etree.SubElement(
                self.element,
                f"{_W}tr",
            ),
            0,
        )

    def end_row(self) -> None:
        """Go on with the cells from above that stand behind the last cell."""
        if self.row is not None:
            while any(n > 0 for column, n in self.below.items() if column >= self.column):
                self._from_above()
            self.row = None

    def cell(self, attributes: Mapping[str, str]) -> Xml:
        if self.row is None:
            self.begin_row()
        while (
            self.below.get(
                self.column,
                0,
            )
            > 0
        ):
            self._from_above()
        width, height = (_number(attributes.get(name)) for name in ("colspan", "rowspan"))
        cell, about = self._add()
        if width > 1:
            etree.SubElement(about, f"{_W}gridSpan").set(
                f"{_W}val",
                str(width),
            )
        if height > 1:
            etree.SubElement(about, f"{_W}vMerge").set(
                f"{_W}val",
                "restart",
            )
        for column in range(self.column, self.column + width):
            self.below[column] = height - 1
        self.column += width
        return cell

    def _from_above(self) -> None:
        if (
            self.below.get(
                self.column,
                0,
            )
            > 0
        ):
            self.below[self.column] -= 1
            etree.SubElement(
                self._add()[1],
                f"{_W}vMerge",
            )
        else:
            self._add()
        self.column += 1

    def _add(self) -> tuple[Xml, Xml]:
        cell = etree.SubElement(
            self.row,
            f"{_W}tc",
        )
        return cell, etree.SubElement(
            cell,
            f"{_W}tcPr",
        )


class _EmbeddedPage:
    """Takes the events of the parser and makes elements of Word of them."""

    def __init__(self) -> None:
        self.body = self.room = etree.Element(f"{_W}body")
        self.tables: list[_OpenTable] = []
        self.run: Xml = None
        self.literal = self.options = 0
        self.is_chosen = True

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.literal += tag == "pre"
        if tag == "br":
            etree.SubElement(
                self._run(),
                f"{_W}br",
            )
        elif tag == "input":
            self._input(attributes)
        elif tag == "option":
            self.options += 1
            self.is_chosen = "selected" in attributes
        elif tag == "table":
            self._table()
        elif tag == "tr" and self.tables:
            self.end_paragraph()
            self.tables[-1].begin_row()
        elif tag in {"td", "th"} and self.tables:
            self.end_paragraph()
            self.room = self.tables[-1].cell(attributes)
        elif tag not in _INLINE and tag not in _TABLE_PARTS:
            self.end_paragraph()

    def _table(self) -> None:
        self.end_paragraph()
        table = etree.SubElement(
            self.room,
            f"{_W}tbl",
        )
        self.tables.append(
            _OpenTable(
                table,
                self.room,
            )
        )

    def _input(self, attributes: Mapping[str, str]) -> None:
        kind = attributes.get(
            "type",
            "text",
        ).lower()
        if kind in _BOXES:
            self.data("☑" if "checked" in attributes else "☐")
        elif kind not in _UNSEEN_INPUTS:
            self.data(
                attributes.get(
                    "value",
                    "",
                )
            )

    def end(self, tag: str) -> None:
        self.literal -= tag == "pre"
        if tag == "option":
            self.options -= 1
        elif tag in {"td", "th"} and self.tables:
            self.end_paragraph()
            self.room = self.tables[-1].around
        elif tag == "tr" and self.tables:
            self.tables[-1].end_row()
        elif tag == "table" and self.tables:
            self.end_paragraph()
            self.room = self.tables.pop().around
        elif tag not in _INLINE and tag not in _TABLE_PARTS and tag not in {"br", "input"}:
            self.end_paragraph()

    def data(self, text: str) -> None:
        if self.options and not self.is_chosen:
            return
        plain = (
            text
            if self.literal
            else _SPACES.sub(
                " ",
                text,
            )
        )
        if plain.strip() or self.run is not None:
            etree.SubElement(
                self._run(),
                f"{_W}t",
            ).text = _storable(plain)

    def _run(self) -> Xml:
        if self.run is None:
            paragraph = etree.SubElement(
                self.room,
                f"{_W}p",
            )
            self.run = etree.SubElement(
                paragraph,
                f"{_W}r",
            )
        return self.run

    def end_paragraph(self) -> None:
        self.run = None

    def close(self) -> Any:
        return self.body


def _number(text: str | None) -> int:
    digits = (text or "").strip()
    return max(1, min(int(digits), _WIDEST)) if digits.isdecimal() and len(digits) < 10 else 1


def _storable(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return "".join(c for c in text if c >= " " or c in "\t\n")
