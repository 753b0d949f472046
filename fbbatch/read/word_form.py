"""Word files (docx, docm) → `Paper`.

One walk over each part, without recursion. Every text is said twice: to the paragraph it belongs to
(a line, a cell, the margin) and to a stream from which blanks are cut out: a blank is two places in
the stream, however deep it stands. Where exactly, `fbbatch.read.word_blanks` decides at the end.
python-docx is no help here: it does not see content controls, text boxes and tracked insertions,
where answers stand.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fbbatch.findings import finding
from fbbatch.model import Finding
from fbbatch.read.limits import Limits
from fbbatch.read.ooxml import Package, RefusedError, Xml, child, is_on, value
from fbbatch.read.paper import Paper
from fbbatch.read.word_blanks import Mark, Paragraph, WordCell, WordRow, WordTable, blanks, settle
from fbbatch.read.word_embedded import embedded
from fbbatch.read.word_looks import Looks

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LABEL_CHARS = 200  # what stands further in front of a blank is not its label
_PRIVATE = re.compile("[\uf020-\uf0ff]")  # where symbol fonts keep their characters
_HEXADECIMAL = re.compile("[0-9A-Fa-f]{1,5}")
_MARK = "fb_"
_SIGNS = {
    "wingdings": {
        **dict.fromkeys((0xFE, 0xFC, 0x52), "☑"),
        **dict.fromkeys((0xFB, 0xFD, 0x78), "☒"),
        **dict.fromkeys((0x6F, 0x70, 0x71, 0x72, 0xA8), "☐"),
        **dict.fromkeys((0x6E, 0xA7), "■"),
    },
    "wingdings 2": {
        **dict.fromkeys((0x50, 0x52), "☑"),
        **dict.fromkeys((0x4F, 0x51, 0x53, 0x54), "☒"),
        **dict.fromkeys((0x2A, 0xA3), "☐"),
        0xA2: "■",
    },
    "webdings": {0x61: "☑", 0x72: "☒", 0x63: "☐", 0x67: "■"},
    "marlett": {0x61: "☑", 0x62: "☑"},
    "symbol": {0xD6: "√"},
}
_ONLY_SIGNS = frozenset({"wingdings", "wingdings 2", "wingdings 3", "webdings"})
_PRIVATE_FROM = 0xF000


def read_word(content: bytes, limits: Limits) -> Paper | Finding:
    """What a Word file holds, tracked changes accepted.

    Lines are stripped and never empty; footnotes, endnotes and comments stand after the text. A
    nested table stands after the one around it and only there, but a blank around it holds its
    text, too. The zip package has been checked before.

    Returns:
        The paper, or `FB-broken`, `FB-encrypted`, `FB-limit-paper-chars`, `FB-limit-paper-tables`,
        `FB-limit-xml-depth`, `FB-limit-cells` (a cell that claims to span a million columns).
    """
    if content.startswith(_OLE):
        return (
            finding("FB-encrypted")
            if "EncryptedPackage".encode("utf-16-le") in content
            else finding("FB-broken", reason="OLE")
        )
    try:
        return _paper(Package(content, limits), limits)
    except RefusedError as refused:
        return refused.why
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        return finding("FB-broken", reason=type(error).__name__)


def _paper(package: Package, limits: Limits) -> Paper:
    main = package.main()
    related = package.related(main)
    styles = next(iter(related.get("styles", ())), None)
    walk = _Walk(package, limits, Looks(package.root(styles) if styles else None))
    walk.part = main
    walk.read(package.root(main, "}document"), walk.lines)
    for kind in ("footnotes", "endnotes", "comments", "header", "footer"):
        for part in related.get(kind, ()):
            walk.part = part
            walk.read(
                package.root(part), walk.margin if kind in {"header", "footer"} else walk.lines
            )
    return walk.paper(package.identity())


class _Surroundings(NamedTuple):
    """Where the walk is.

    `sink` is the list that takes paragraphs; the others are the table, row, cell and paragraph
    around.
    """

    sink: list[str]
    table: WordTable | None = None
    row: WordRow | None = None
    cell: WordCell | None = None
    paragraph: Paragraph | None = None


class _Walk:
    """Reads parts one after the other and makes a paper of them.

    `_WAYS` tells which method goes through which element.
    """

    def __init__(self, package: Package, limits: Limits, looks: Looks) -> None:
        self.package, self.limits, self.looks = package, limits, looks
        self.part = ""  # the one that is walked
        self.n_embedded = 0
        self.lines: list[str] = []
        self.margin: list[str] = []
        self.tables: list[WordTable] = []
        self.marks: list[Mark] = []
        self.stream: list[str] = []
        self.chars = 0
        self.n_hidden = 0
        self.mute = False  # what is said is no answer: a placeholder, the sign drawn by a checkbox

    def read(self, root: Xml, sink: list[str]) -> None:
        """Walk one part; its paragraphs outside tables go to `sink`."""
        self.outer, self.place, self.whole = sink, _Surroundings(sink), root
        self.unended: Paragraph | None = None
        self.bookmarks: dict[str, str] = {}  # names by the ids that tie a bookmark's ends together
        self.begun: dict[str, Mark] = {}
        self.fields: list[Mark | None] = []
        pending: list[Iterator[Xml]] = [iter((root,))]
        while pending:
            element = next(pending[-1], None)
            if element is None:
                pending.pop()
                continue
            self.check("xml_depth", len(pending))
            way = _WAYS.get(element.tag.rpartition("}")[2])
            children = way(self, element) if way else iter(element)
            if children is not None:
                pending.append(children)

    def check(self, limit: str, value: int) -> None:
        if value > getattr(self.limits, limit):
            raise RefusedError(self.limits.over(limit, value))

    def inside(
        self, element: Xml, leave: Callable[[], None] | None = None, **place: Any
    ) -> Iterator[Xml]:
        """Walk the children at another place."""
        before = self.place
        self.place = before._replace(**place)
        yield from element
        self.place = before
        if leave:
            leave()

    def say(self, text: str) -> None:
        self.chars += len(text)
        self.check("paper_chars", self.chars)
        if not self.mute:
            self.stream.append(text)
        paragraph = self.place.paragraph
        if paragraph:
            paragraph.pieces.append(text)
            paragraph.ahead = (paragraph.ahead + text)[-_LABEL_CHARS:]
        else:
            self.place.sink.append(text)

    def text(self, element: Xml) -> None:
        font = value(child(element.getparent(), "rPr", "rFonts"), "ascii")
        told = _in_font((element.text or "").replace("\n", " "), font)
        if self.is_hidden(element):
            self.n_hidden += len("".join(told.split()))
        else:
            self.say(told)

    def is_hidden(self, element: Xml) -> bool:
        may_have_ground = (
            self.place.table is not None
            or next(element.iterancestors("{*}txbxContent"), None) is not None
        )
        return self.looks.hides(element.getparent(), may_have_ground=may_have_ground)

    def symbol(self, element: Xml) -> None:
        digits = value(element, "char")
        self.say(
            _sign(
                value(element, "font"),
                int(digits, 16) if _HEXADECIMAL.fullmatch(digits) else 0,
            )
        )

    def alternate(self, element: Xml) -> Iterator[Xml]:
        """One and the same content for newer and older readers: only one of them is walked."""
        options = [*element.iterchildren("{*}Choice"), *element.iterchildren("{*}Fallback")]
        worded = filter(_has_words, options)
        return iter([next(worded, options[0])] if options else ())

    def embedded(self, element: Xml) -> Iterator[Xml]:
        """A page, text or file that stands here; within such a one, nothing is embedded again."""
        self.n_embedded += 1
        self.check("zip_entries", self.n_embedded)
        if element.getroottree().getroot() is not self.whole:
            raise RefusedError(finding("FB-broken", reason="altChunk"))
        ids = (str(told) for name, told in element.attrib.items() if str(name).endswith("}id"))
        root, n_hidden = embedded(self.package, self.part, next(ids, ""), self.limits)
        self.n_hidden += n_hidden
        return iter(root)

    def ruby(self, element: Xml) -> Iterator[Xml]:
        """The words first, then how they are pronounced; in the file it is the other way round."""
        return iter(sorted(element, key=lambda one: not one.tag.endswith("}rubyBase")))

    def deleted(self, element: Xml) -> Iterator[Xml]:
        """Nothing of it is there any more, but a bookmark may have been caught in it."""
        return iter(list(element.iter("{*}bookmarkStart", "{*}bookmarkEnd")))

    def paragraph(self, element: Xml) -> Iterator[Xml]:
        sink, paragraph, about = self.place.sink, self.unended, child(element, "pPr", "rPr")
        if paragraph is None or paragraph.sink is not sink or paragraph.slot != len(sink) - 1:
            self.stream.append("\n")
            paragraph = Paragraph(len(self.stream), sink=sink, slot=len(sink))
            sink.append("")
        self.unended, one = None, paragraph

        def leave() -> None:
            one.end, sink[one.slot] = len(self.stream), "".join(one.pieces)
            if child(about, "del") is not None or child(about, "moveFrom") is not None:
                self.unended = one  # its end was deleted: the next paragraph goes on with it

        return self.inside(element, leave, paragraph=one)

    def box(self, element: Xml) -> Iterator[Xml]:
        """A text box; wherever it hangs, its paragraphs are lines."""
        place = dict.fromkeys(("table", "row", "cell", "paragraph"))
        return self.inside(
            element,
            lambda: self.stream.append("\n"),
            sink=self.outer,
            **place,
        )

    def table(self, element: Xml) -> Iterator[Xml]:
        """A table; in the margin it is layout, and its cells are lines."""
        if self.outer is self.margin:
            return iter(element)
        self.tables.append(WordTable())
        self.check("paper_tables", len(self.tables))
        return self.inside(element, table=self.tables[-1], row=None, cell=None)

    def row(self, element: Xml) -> Iterator[Xml]:
        about, table = child(element, "trPr"), self.place.table
        if table is None or child(about, "del") is not None:
            return iter(element if table is None else ())
        table.rows.append(WordRow(len(table.rows), _number(child(about, "gridBefore"))))
        return self.inside(element, row=table.rows[-1], cell=None)

    def cell(self, element: Xml) -> Iterator[Xml]:
        table, row, about = self.place.table, self.place.row, child(element, "tcPr")
        if table is None or row is None:
            return iter(element)
        cell = WordCell(
            len(self.stream), column=row.width + 1, span=max(1, _number(child(about, "gridSpan")))
        )
        row.cells.append(cell)
        row.width += cell.span
        merging, merged = table.merging, child(about, "vMerge")

        def leave() -> None:
            cell.end = len(self.stream)
            head = merging.get(cell.column)
            if merged is None:
                merging.pop(cell.column, None)
            elif value(merged) == "restart" or head is None:
                merging[cell.column] = cell
            else:
                # It goes on with the one above; text that it holds all the same is put there.
                head.lines += filter(str.strip, cell.lines)
                cell.lines = []

        return self.inside(
            element,
            leave,
            sink=cell.lines,
            cell=cell,
            paragraph=None,
        )

    def mark(self, name: str, kind: str, number: str = "") -> Mark:
        """A blank begins here.

        `number` (from 0) is that of its cell in the row, when the file names it.
        """
        _, table, row, cell, paragraph = self.place
        mark = Mark(
            name, kind, len(self.stream), cell, paragraph, paragraph.ahead if paragraph else ""
        )
        if table and (number or not cell):
            at, following = (row.at, len(row.cells)) if row else (len(table.rows), 0)
            mark.sought = table, at, int(number[:9] or following)
        if name:
            self.marks.append(mark)
        return mark

    def close(self, mark: Mark) -> None:
        mark.end = len(self.stream)
        if self.place.paragraph and mark.name:
            self.place.paragraph.ahead = ""

    def bookmark(self, element: Xml) -> None:
        """A bookmark begins here; one that has not ended and begins again goes on.

        LibreOffice lets them begin in every paragraph.
        """
        name, number = value(element, "name"), value(element, "colFirst")
        if name.startswith(_MARK):
            if name not in self.begun:
                self.begun[name] = self.mark(
                    name.removeprefix(_MARK), "bookmark", number if number.isdecimal() else ""
                )
            self.bookmarks[value(element, "id")] = name

    def bookmark_end(self, element: Xml) -> None:
        name = self.bookmarks.pop(value(element, "id"), "")
        if name in self.begun:
            self.close(self.begun.pop(name))

    def control(self, element: Xml) -> Iterator[Xml]:
        about = child(element, "sdtPr")
        name = value(child(about, "tag")).strip() or value(child(about, "alias")).strip()
        mark, mute, checkbox = self.mark(name, "control"), self.mute, child(about, "checkbox")
        if checkbox is not None and self.place.paragraph:
            self.say(_box(child(checkbox, "checked")))  # whatever sign it may be drawn with
            self.close(mark)
            return iter(())
        if checkbox is not None and not mute:
            self.stream.append(_box(child(checkbox, "checked")))
        self.mute = mute or checkbox is not None or is_on(child(about, "showingPlcHdr"))

        def leave() -> None:
            self.mute = mute
            self.close(mark)

        return self.inside(element, leave)

    def field(self, element: Xml) -> None:
        """A form field of the old kind.

        Its answer is what it shows, or what Word draws in its place.
        """
        match value(element, "fldCharType"):
            case "begin":
                form = child(element, "ffData")
                self.fields.append(None if form is None else self.form_field(form))
            case "separate" if self.fields and (begun := self.fields[-1]):
                begun.start = len(self.stream)
            case "end" if self.fields and (ended := self.fields.pop()):
                if ended.shown and ended.said == self.chars:
                    self.say(ended.shown)
                self.close(ended)

    def form_field(self, form: Xml) -> Mark:
        mark = self.mark(value(child(form, "name")).strip(), "field")
        checkbox, choices = child(form, "checkBox"), child(form, "ddList")
        mark.said = self.chars
        if checkbox is not None:
            checked = child(checkbox, "checked")
            mark.shown = _box(checked if checked is not None else child(checkbox, "default"))
        elif choices is not None:
            at = _number(child(choices, "result"), _number(child(choices, "default")))
            mark.shown = "".join(
                value(entry)
                for n, entry in enumerate(choices.iterchildren("{*}listEntry"))
                if n == at
            )
        return mark

    def paper(self, identity: Mapping[str, str]) -> Paper:
        """The paper, with everything in its place.

        What one part of the file tells about another is settled only here.
        """
        tables = [table for table in self.tables if table.rows]
        self.check(
            "cells",
            sum(len(table.rows) * table.width() for table in tables),
        )
        settle(self.marks, tables)
        lines, margin = (
            tuple(filter(None, map(str.strip, part))) for part in (self.lines, self.margin)
        )
        return Paper(
            tuple(blanks(self.marks, self.stream, self.limits)),
            tuple(table.grid() for table in tables),
            lines,
            margin,
            identity,
            self.n_hidden,
        )


def _has_words(element: Xml) -> bool:
    """Whether there is any text in it."""
    texts = element.iter("{*}t", "{*}sym")
    return any(text.text or text.tag.endswith("}sym") for text in texts)


def _number(element: Xml, otherwise: int = 0) -> int:
    digits = value(element)
    return int(digits) if digits.isdecimal() and len(digits) < 10 else otherwise


def _in_font(text: str, font: str) -> str:
    """What a reader sees of a text; a sign that nobody knows stays a private character."""
    if font.lower() in _ONLY_SIGNS and not text.isspace():
        text = "".join(chr(_PRIVATE_FROM | ord(c)) if " " < c < "\u0100" else c for c in text)
    elif font.lower() in _SIGNS:
        known = _SIGNS[font.lower()]
        text = "".join(known.get(ord(c), c) for c in text)
    return _PRIVATE.sub(lambda private: _sign(font, ord(private[0])), text)


def _sign(font: str, code: int) -> str:
    """What a character of that font looks like; `''` when it is none."""
    seen = _SIGNS.get(font.lower(), {}).get(code & 0xFF if code >> 8 in {0, 0xF0} else 0)
    return seen or (chr(code) if 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE else "")


def _box(checked: Xml) -> str:
    return "☑" if is_on(checked) else "☐"


def _says(text: str) -> "_Way":
    return lambda walk, _: walk.say(text)


_Way = Callable[[_Walk, Xml], Iterator[Xml] | None]
_WAYS: dict[str, _Way] = {
    "t": _Walk.text,
    "tab": _says("\t"),
    "ptab": _says("\t"),
    "br": _says("\n"),
    "cr": _says("\n"),
    "noBreakHyphen": _says("-"),
    "sym": _Walk.symbol,
    "ruby": _Walk.ruby,
    "AlternateContent": _Walk.alternate,
    "del": _Walk.deleted,
    "moveFrom": _Walk.deleted,
    "p": _Walk.paragraph,
    "txbxContent": _Walk.box,
    "tbl": _Walk.table,
    "tr": _Walk.row,
    "tc": _Walk.cell,
    "bookmarkStart": _Walk.bookmark,
    "bookmarkEnd": _Walk.bookmark_end,
    "sdt": _Walk.control,
    "altChunk": _Walk.embedded,
    "fldChar": _Walk.field,
    **dict.fromkeys(
        ("pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "sectPr"),
        lambda _, __: None,
    ),
}
