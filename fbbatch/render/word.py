"""Document → Word.

The parts that never change are zipped once per letterhead; each document appends its own.

Every blank is a plain table cell marked by a bookmark `fb_<field id>`: that survives Word, WPS and
LibreOffice, where content controls do not. The identity of a form stands in custom document
properties and, visibly, at its foot.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple
from xml.sax.saxutils import escape

from fbbatch.render import look
from fbbatch.render.blocks import (
    Block,
    Choice,
    Column,
    Document,
    Grid,
    Heading,
    Note,
    PageBreak,
    Pair,
    Signatures,
    Table,
    Text,
    clean,
)
from fbbatch.render.words import cell_text, page_number, ticks
from fbbatch.wording import say

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_CUSTOM = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
_VT = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
_OWN_PARTS = ("word/document.xml", "docProps/core.xml", "docProps/custom.xml")
_FAST, _SMALLEST = 1, 9  # what each document packs for itself; what is packed once
_SMALL_PART = 1_500  # bytes; not worth packing
_WIDTH, _WIDE = 9840, 14760  # twips between the margins, portrait and landscape


def _records(name: str, content: bytes, offset: int, level: int) -> tuple[bytes, bytes]:
    """The local record (with data) and the directory record of one zip entry.

    The time is always 1980-01-01.
    """
    stored = len(content) < _SMALL_PART
    if stored:
        data = content
    else:
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        data = packer.compress(content) + packer.flush()
    encoded = name.encode()
    common = struct.pack(
        "<HHHHHIIIHH",
        20,
        0x800,
        0 if stored else 8,
        0,
        33,
        zlib.crc32(content),
        len(data),
        len(content),
        len(encoded),
        0,
    )
    local = b"PK\x03\x04" + common + encoded + data
    directory = (
        b"PK\x01\x02"
        + struct.pack("<H", 20)
        + common
        + struct.pack("<HHHII", 0, 0, 0, 0o600 << 16, offset)
        + encoded
    )
    return local, directory


@dataclass(frozen=True)
class _Letterhead:
    """The unchanging part of a Word package, ready for what a document adds."""

    local: bytes
    directory: bytes
    entries: int
    root: str
    section: str

    def with_parts(self, parts: Sequence[tuple[str, bytes]]) -> bytes:
        """The whole file."""
        pieces, directory, size = [self.local], [self.directory], len(self.local)
        for name, content in parts:
            local, record = _records(name, content, size, _FAST)
            pieces.append(local)
            directory.append(record)
            size += len(local)
        index = b"".join(directory)
        count = self.entries + len(parts)
        end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(index), size, 0)
        return b"".join([*pieces, index, end])


@cache
def _package(letterhead: bytes, language: str) -> _Letterhead:
    """Take the letterhead apart.

    Styles get the language's fonts, the rest stays as the company made it.
    """
    with zipfile.ZipFile(io.BytesIO(letterhead)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    body = parts["word/document.xml"].decode()
    root = re.search(r"<w:document[^>]*>", body)
    section = re.findall(r"<w:sectPr.*?</w:sectPr>", body, re.DOTALL)
    if root is None or not section:
        raise ValueError("letterhead.docx has no section; make it anew with `fbbatch init`")
    for name in [n for n in parts if re.fullmatch(r"word/footer\d*\.xml", n)]:
        parts[name] = _footer(parts[name].decode(), language).encode()
    parts["word/styles.xml"] = _styles(parts["word/styles.xml"].decode(), language).encode()
    types = parts["[Content_Types].xml"].decode()
    if "/docProps/custom.xml" not in types:
        override = (
            '<Override PartName="/docProps/custom.xml" ContentType="application/'
            'vnd.openxmlformats-officedocument.custom-properties+xml"/>'
        )
        parts["[Content_Types].xml"] = types.replace("</Types>", f"{override}</Types>").encode()
    relations = parts["_rels/.rels"].decode()
    if "custom-properties" not in relations:
        relation = (
            '<Relationship Id="rIdCustom" Type="http://schemas.openxmlformats.org/'
            'officeDocument/2006/relationships/custom-properties" Target="docProps/custom.xml"/>'
        )
        parts["_rels/.rels"] = relations.replace(
            "</Relationships>", f"{relation}</Relationships>"
        ).encode()
    pieces, directory, size = [], [], 0
    constant = [
        (name, content)
        for name, content in parts.items()
        if name not in _OWN_PARTS and name != "docProps/thumbnail.jpeg"
    ]
    for name, content in constant:
        local, record = _records(name, content, size, _SMALLEST)
        pieces.append(local)
        directory.append(record)
        size += len(local)
    return _Letterhead(b"".join(pieces), b"".join(directory), len(constant), root[0], section[-1])


def _footer(footer: str, language: str) -> str:
    """The plain letterhead's `page / pages` in the words of the language.

    A company's own footer stays.
    """
    before, between, after = page_number("|", "|", language).split("|")
    fields = list(
        re.finditer(
            r"<w:r>(?:(?!</w:r>).)*?<w:instrText[^>]*>(?:PAGE|NUMPAGES)</w:instrText>.*?</w:r>",
            footer,
            re.DOTALL,
        )
    )
    if len(fields) != 2 or f">{_SLASH}<" not in footer:
        return footer
    small = '<w:rPr><w:sz w:val="16"/></w:rPr>'
    words = [
        f'<w:r>{small}<w:t xml:space="preserve">{text}</w:t></w:r>' for text in (before, after)
    ]
    footer = footer.replace(f">{_SLASH}<", f">{between}<")
    footer = footer.replace(fields[0][0], words[0] + fields[0][0], 1)
    return footer.replace(fields[1][0], fields[1][0] + words[1], 1)


_SLASH = " / "


def _styles(styles: str, language: str) -> str:
    fonts = look.OFFICE_FONTS[language]

    def run(body: str, latin: str) -> str:
        return f'<w:rFonts w:ascii="{latin}" w:hAnsi="{latin}" w:eastAsia="{body}" w:cs="{latin}"/>'

    latin_tag = "en-GB" if language == "en" else "en-US"
    asian_tag = fonts.tag if language != "en" else "zh-CN"
    tag = f'<w:lang w:val="{latin_tag}" w:eastAsia="{asian_tag}"/>'
    defaults = (
        f"<w:rPrDefault><w:rPr>{run(fonts.body, fonts.latin)}"
        f'<w:sz w:val="21"/><w:szCs w:val="21"/>{tag}</w:rPr></w:rPrDefault>'
    )
    styles = re.sub(
        r"<w:rPrDefault>.*?</w:rPrDefault>", lambda _: defaults, styles, count=1, flags=re.DOTALL
    )
    missing = "".join(
        style for name, style in _OWN_STYLES.items() if f'w:styleId="{name}"' not in styles
    )
    styles = styles.replace("</w:styles>", f"{missing}</w:styles>")
    for name in ("Title", "Heading1", "Heading2"):
        pattern = rf'(<w:style [^>]*w:styleId="{name}".*?)<w:rFonts[^>]*/>'
        styles = re.sub(
            pattern,
            lambda m: m[1] + run(fonts.heading, fonts.latin),
            styles,
            count=1,
            flags=re.DOTALL,
        )
    return styles


def _run(text: str, properties: str = "") -> str:
    inner = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    if not text.isprintable():
        lines = [
            f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in clean(text).split("\n")
        ]
        return f"<w:r>{inner}{'<w:br/>'.join(lines)}</w:r>"
    if "&" in text or "<" in text or ">" in text:
        text = escape(text)
    return f'<w:r>{inner}<w:t xml:space="preserve">{text}</w:t></w:r>'


@lru_cache(maxsize=512)
def _frame_start(widths: tuple[int, ...]) -> str:
    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    edges = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="{look.LINE}"/>' for side in sides
    )
    grid = "".join(f'<w:gridCol w:w="{w}"/>' for w in widths)
    margins = (
        '<w:tblCellMar><w:left w:w="85" w:type="dxa"/>'
        '<w:right w:w="85" w:type="dxa"/></w:tblCellMar>'
    )
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f'<w:tblInd w:w="85" w:type="dxa"/><w:tblBorders>{edges}</w:tblBorders>'
        f'<w:tblLayout w:type="fixed"/>{margins}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
    )


_CELL_END = "</w:p></w:tc>"
_AFTER_TABLE = (
    '<w:p><w:pPr><w:spacing w:before="0" w:after="60" w:line="120" w:lineRule="exact"/>'
    "</w:pPr></w:p>"
)
_KEPT_AFTER_TABLE = _AFTER_TABLE.replace("<w:pPr>", "<w:pPr><w:keepNext/>")


def _frame(widths: tuple[int, ...], rows: str) -> str:
    return f"{_frame_start(widths)}{rows}</w:tbl>{_AFTER_TABLE}"


def _row(cells: str, lines: int = 0, *, head: bool = False) -> str:
    """A row; with `lines` to write into it is at least so high."""
    if not lines and not head:
        return f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{cells}</w:tr>"
    height = (
        f'<w:trHeight w:val="{max(_BLANK_ROW, lines * _LINE)}" w:hRule="atLeast"/>' if lines else ""
    )
    repeated = "<w:tblHeader/>" if head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{height}{repeated}</w:trPr>{cells}</w:tr>"


@lru_cache(maxsize=512)
def _cell_start(
    width: int, fill: str, span: int, align: str, style: str, middle: bool = False
) -> str:
    shade = f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>' if fill else ""
    grid = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    jc = f'<w:jc w:val="{align}"/>' if align else ""
    level = '<w:vAlign w:val="center"/>' if middle else ""
    properties = f'<w:tcW w:w="{width}" w:type="dxa"/>{grid}{shade}{level}'
    return f'<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:pPr><w:pStyle w:val="{style}"/>{jc}</w:pPr>'


@lru_cache(maxsize=1024)
def _paragraph(
    text: str, style: str = "", align: str = "", properties: str = "", keep: bool = False
) -> str:
    inner = (
        (f'<w:pStyle w:val="{style}"/>' if style else "")
        + ("<w:keepNext/>" if keep else "")
        + (f'<w:jc w:val="{align}"/>' if align else "")
    )
    start = f"<w:pPr>{inner}</w:pPr>" if inner else ""
    run = _run(text, properties) if text else ""
    return f"<w:p>{start}{run}</w:p>"


@lru_cache(maxsize=4096)
def _cell(
    text: str, width: int, fill: str, span: int, align: str, style: str, middle: bool = False
) -> str:
    """A table cell; labels, dates and words of the vocabulary come again and again."""
    start = _cell_start(width, fill, span, align, style, middle)
    run = _run(text) if text else ""
    return f"{start}{run}{_CELL_END}"


def _own_style(name: str, half_points: int, line: int, *, bold: bool) -> str:
    """A paragraph style for table cells.

    A company that defines it in its letterhead has its own way.
    """
    weight = "<w:b/>" if bold else ""
    return (
        f'<w:style w:type="paragraph" w:customStyle="1" w:styleId="{name}">'
        f'<w:name w:val="{name}"/><w:basedOn w:val="Normal"/>'
        f'<w:pPr><w:spacing w:before="20" w:after="20" w:line="{line}" w:lineRule="exact"/></w:pPr>'
        f'<w:rPr>{weight}<w:sz w:val="{half_points}"/><w:szCs w:val="{half_points}"/></w:rPr>'
        "</w:style>"
    )


_OWN_STYLES = {
    "FBCell": _own_style("FBCell", 18, 260, bold=False),
    "FBLabel": _own_style("FBLabel", 18, 260, bold=True),
    "FBTight": _own_style("FBTight", 15, 220, bold=False),
    "FBTightLabel": _own_style("FBTightLabel", 15, 220, bold=True),
}


class _TableLayout(NamedTuple):
    """What a table's rows have in common: the header row, the cells' style, the printed columns.

    Of each printed column `columns` has its place, the column (for its kind), its width in twips
    and its alignment.
    """

    head: str
    style: str
    columns: tuple[tuple[int, Column, int, str], ...]

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(width for _, _, width, _ in self.columns)


@lru_cache(maxsize=256)
def _layout(columns: tuple[Column, ...], width: int) -> _TableLayout:
    kept = [(n, c) for n, c in enumerate(columns) if c.printed]
    tight = len(kept) > 8
    total = sum(c.weight for _, c in kept)  # Word itself never breaks a word that fits a line
    sized = tuple(
        (n, c, int(width * c.weight / total), "" if c.align == "left" else c.align) for n, c in kept
    )
    label = "FBTightLabel" if tight else "FBLabel"
    head = "".join(
        _cell(c.header, own, look.GREY_HEAD, 1, "center", label) for _, c, own, _ in sized
    )
    return _TableLayout(_row(head, head=True), "FBTight" if tight else "FBCell", sized)


@lru_cache(maxsize=256)
def _signatures(labels: tuple[str, ...], whole: int, colon: str) -> str:
    """A row without frame: a label and the line to sign on, for each."""
    width = whole // len(labels)
    start = f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
    cells = "".join(
        f"{start}{_paragraph(f'{label}{colon}＿＿＿＿＿', 'FBCell')}</w:tc>" for label in labels
    )
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for _ in labels)
    table = (
        f'<w:tbl><w:tblPr><w:tblW w:w="{width * len(labels)}" w:type="dxa"/>'
        f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
    )
    return f"{_gap(160, keep=True)}{table}{_row(cells)}</w:tbl>{_gap(20)}"


_BOXES = "□☑"
_LINE, _BLANK_ROW = 280, 420  # twips: a line of a blank, and the least that a hand can write into
_CELL_POINTS, _MARGIN = 9, 170  # of FBCell; both margins of a cell, in twips


def _lines(pair: Pair) -> int:
    """How many lines there must be to write on."""
    return pair.lines if pair.blank else 0


def _room(twips: int) -> float:
    """How many em of text a line of a cell takes."""
    return (twips - _MARGIN) / 20 / _CELL_POINTS


def _gap(twips: int, *, keep: bool = False) -> str:
    """An empty line of that height; with `keep` on the same page as what follows."""
    kept = "<w:keepNext/>" if keep else ""
    return (
        f'<w:p><w:pPr>{kept}<w:spacing w:before="0" w:after="0" w:line="{twips}" '
        'w:lineRule="exact"/></w:pPr></w:p>'
    )


def _together(blocks: Sequence[Block], written: list[str]) -> list[str]:
    """The written blocks; the last row or paragraph before signatures stays on their page."""
    for number, block in enumerate(blocks[1:]):
        if isinstance(block, Signatures):
            xml = written[number]
            is_table = xml.endswith(_AFTER_TABLE)
            at = max(xml.rfind("<w:tr>" if is_table else "<w:p>"), 0)
            last = _STYLED.sub(
                r"\g<0><w:keepNext/>", xml[at:].removesuffix(_AFTER_TABLE) if is_table else xml[at:]
            )
            written[number] = xml[:at] + last + (_KEPT_AFTER_TABLE if is_table else "")
    return written


_STYLED = re.compile(r'<w:pStyle w:val="[^"]*"/>(?!<w:keepNext/>)')


class _BodyWriter:
    """Builds the body of one document."""

    def __init__(self, document: Document) -> None:
        self.language = document.language
        self.width = _WIDE if document.landscape else _WIDTH
        self.marks = 0

    def block(self, block: Block) -> str:
        match block:
            case Heading(text, level):
                return _paragraph(text, f"Heading{level}", keep=True)
            case Text(text, style):
                align = {"right": "right", "centre": "center"}.get(style, "")
                return _paragraph(
                    text,
                    "Caption" if style == "small" else "",
                    align,
                    "<w:b/>" if style == "strong" else "",
                )
            case Note(text):
                return _paragraph(text, "Caption")
            case Grid(pairs):
                return self.grid(pairs)
            case Table():
                return self.table(block)
            case Choice(label, options, blank):
                return self.grid((Pair(label, wide=True, blank=blank, options=options),))
            case Signatures(labels):
                return _signatures(tuple(labels), self.width, say("colon", self.language))
            case PageBreak():
                return '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'

    def marked(self, text: str, mark: str, start: str) -> str:
        """A cell to be filled in, between the two ends of its bookmark."""
        self.marks += 1
        content = self.boxed(text) if text else ""
        return (
            f'{start}<w:bookmarkStart w:id="{self.marks}" w:name="fb_{mark}"/>{content}'
            f'<w:bookmarkEnd w:id="{self.marks}"/>{_CELL_END}'
        )

    def boxed(self, text: str) -> str:
        """Runs in which □ and ☑ are of one font, whatever stands beside them."""
        font = look.OFFICE_FONTS[self.language].body
        box = f'<w:rFonts w:ascii="{font}" w:hAnsi="{font}" w:eastAsia="{font}" w:hint="eastAsia"/>'
        return "".join(
            _run(part, box if part in _BOXES else "")
            for part in re.split(f"([{_BOXES}])", text)
            if part
        )

    def grid(self, pairs: Sequence[Pair]) -> str:
        label = int(self.width * 0.18)
        value = self.width // 2 - label
        rows, waiting = [], None
        for pair in pairs:
            if pair.wide:
                if waiting:
                    rows.append(self.alone(waiting, label))
                    waiting = None
                rows.append(self.alone(pair, label))
            elif waiting:
                cells = self.pair(waiting, label, value) + self.pair(pair, label, value)
                rows.append(_row(cells, max(_lines(waiting), _lines(pair))))
                waiting = None
            else:
                waiting = pair
        if waiting:
            rows.append(self.alone(waiting, label))
        return _frame((label, value, label, self.width - 2 * label - value), "".join(rows))

    def alone(self, pair: Pair, label: int) -> str:
        """A pair that takes the whole row."""
        return _row(self.pair(pair, label, self.width - label, span=3), _lines(pair))

    def pair(self, pair: Pair, label: int, value: int, span: int = 1) -> str:
        told = ticks(pair.options, _room(value)) if pair.options else pair.value
        head = _cell(pair.label, label, look.GREY_LABEL, 1, "", "FBLabel", bool(pair.blank))
        if not pair.blank:
            return head + _cell(told, value, "", span, "", "FBCell")
        return head + self.marked(
            told,
            pair.blank,
            _cell_start(
                value, "" if pair.given else look.BLANK, span, "", "FBCell", pair.lines == 1
            ),
        )

    def table(self, table: Table) -> str:
        layout = _layout(table.columns, self.width)
        rows = [layout.head]
        for number, row in enumerate(table.rows):
            fill = look.MARKS.get(table.marks.get(number, ""), "")
            cells = []
            for place, column, width, align in layout.columns:
                text = cell_text(row[place], column.kind, self.language)
                if table.blank and column.id:
                    start = _cell_start(width, look.BLANK, 1, align, layout.style)
                    cells.append(
                        self.marked(text, f"{table.blank}_{number + 1}_{column.id}", start)
                    )
                else:
                    cells.append(_cell(text, width, fill, 1, align, layout.style))
            rows.append(_row("".join(cells), 2 if table.blank else 0))
        widths = layout.widths
        if not table.rows and table.empty:
            rows.append(
                _row(_cell(table.empty, sum(widths), "", len(widths), "center", layout.style))
            )
        return (_paragraph(table.title, "Heading2", keep=True) if table.title else "") + _frame(
            widths, "".join(rows)
        )


def render(document: Document, letterhead: bytes) -> bytes:
    """The document as a .docx file; the same document gives the same bytes.

    Args:
        document: what it says.
        letterhead: the company's letterhead.docx.
    """
    package = _package(letterhead, document.language)
    writer = _BodyWriter(document)
    parts = [
        _paragraph(document.company, "Subtitle") if document.company else "",
        _paragraph(document.title, "Title"),
        _paragraph(document.subtitle, "Caption", "center") if document.subtitle else "",
        *_together(document.blocks, [writer.block(block) for block in document.blocks]),
    ]
    if document.foot:  # a form says at its foot what it is, for readers and for the way back
        parts.append(_paragraph(document.foot, "Caption"))
    section = _landscape(package.section) if document.landscape else package.section
    body = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{package.root}'
        f"<w:body>{''.join(parts)}{section}</w:body></w:document>"
    )
    return package.with_parts(
        [
            ("word/document.xml", body.encode()),
            ("docProps/core.xml", _core(document)),
            ("docProps/custom.xml", _custom(document)),
        ]
    )


def _landscape(section: str) -> str:
    size = re.search(r"<w:pgSz[^>]*/>", section)
    return (
        section.replace(size[0], '<w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/>')
        if size
        else section
    )


def _core(document: Document) -> bytes:
    title = escape(clean(f"{document.title} {document.number}".strip()))
    stamp = f"{document.date.isoformat()}T00:00:00Z"
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><cp:coreProperties '
        'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{title}</dc:title>"
        f"<dc:creator>{escape(clean(document.company)) or 'fbbatch'}</dc:creator>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{stamp}</dcterms:created>'
        f'<dcterms:modified xsi:type="dcterms:W3CDTF">{stamp}</dcterms:modified>'
        "</cp:coreProperties>"
    ).encode()


def _custom(document: Document) -> bytes:
    properties = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{pid}" '
        f'name="fbbatch.{escape(name)}"><vt:lpwstr>{escape(clean(value))}</vt:lpwstr></property>'
        for pid, (name, value) in enumerate(document.identity.items(), 2)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<Properties xmlns="{_CUSTOM}" xmlns:vt="{_VT}">{properties}</Properties>'
    ).encode()
