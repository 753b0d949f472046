"""FB Sans, registered with ReportLab: one collection per weight.

Face 0 has the Simplified shapes, face 1 the Traditional ones.
"""

from functools import cache
from importlib.resources import as_file, files
from typing import Any

from reportlab.pdfbase import pdfmetrics, ttfonts

_FACES = {"zh-Hans": 0, "en": 0, "zh-Hant": 1}
MISSING = "〓"


class Face:
    """One registered face: its name for ReportLab, its widths, and what it can draw."""

    def __init__(self, name: str, font: Any) -> None:
        self.name = name
        self.widths: dict[int, float] = font.face.charWidths
        self.known: frozenset[int] = frozenset(font.face.charToGlyph)
        self.default_width: float = font.face.defaultWidth

    def width(self, text: str, size: float) -> float:
        """The width of `text` in points."""
        get, default = self.widths.get, self.default_width
        return sum(get(ord(char), default) for char in text) * size / 1000


@cache
def face(language: str, *, bold: bool = False) -> Face:
    """The face for a language and weight; the font file is read on first use only."""
    weight = "Bold" if bold else "Regular"
    index = _FACES[language]
    name = f"FB-{'TC' if index else 'SC'}-{weight}"
    with as_file(files(__package__) / f"FBSans-{weight}.ttc") as path:
        font = ttfonts.TTFont(name, str(path), subfontIndex=index)
    pdfmetrics.registerFont(font)
    return Face(name, font)


def _to_unicode(name: str, subset: list[int]) -> str:
    """A ToUnicode map that is right beyond U+FFFF too, where ReportLab's own is not."""
    ranges = [
        f"<{code:02X}> <{chr(point).encode('utf-16-be').hex().upper()}>"
        for code, point in enumerate(subset)
    ]
    blocks = [ranges[n : n + 100] for n in range(0, len(ranges), 100)]
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        f"/CIDSystemInfo << /Registry ({name}) /Ordering ({name}) /Supplement 0 >> def",
        f"/CMapName /{name} def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        f"<00> <{len(subset) - 1:02X}>",
        "endcodespacerange",
    ]
    for block in blocks:
        lines += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    return "\n".join(
        [*lines, "endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end"]
    )


ttfonts.makeToUnicodeCMap = _to_unicode
