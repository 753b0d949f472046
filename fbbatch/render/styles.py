"""The formats of a dropped workbook.

Each can be had on another ground, and texts of ours have some of their own.
"""

from lxml import etree

from fbbatch.render.parts import MAIN, child, serialised_tree

_FILLS = {"wrong": "FFFFC7CE", "taken": "FFE7E6E6", "head": "FFFFEB9C"}


class Styles:
    """The workbook's formats; `of` gives the number of a cell's own format with another ground."""

    def __init__(self, tree: etree._Element) -> None:
        self._tree = tree
        self._formats = child(tree, "cellXfs")
        self._fills: dict[str, int] = {}
        self._known: dict[tuple[int, str], int] = {}
        self._own: dict[str, int] = {}

    def of(self, base: int, kind: str) -> int:
        """Format `base` on the ground of `kind`."""
        if (base, kind) not in self._known:
            self._known[base, kind] = self._add(self._grounded(base, kind))
        return self._known[base, kind]

    def own(self, kind: str) -> int:
        """A format for texts of ours: `wrong`, `taken`, `head`, `title`, `line`, `cell`."""
        if kind not in self._own:
            style = self._grounded(0, kind)
            for old in style.findall(f"{{{MAIN}}}alignment"):
                style.remove(old)
            style.insert(
                0,
                etree.Element(
                    f"{{{MAIN}}}alignment",
                    vertical="top",
                    **({} if kind in {"title", "line"} else {"wrapText": "1"}),
                ),
            )
            style.set("applyAlignment", "1")
            if kind in {"head", "title"}:
                style.set("fontId", str(self._bold()))
                style.set("applyFont", "1")
            self._own[kind] = self._add(style)
        return self._own[kind]

    def _grounded(self, base: int, kind: str) -> etree._Element:
        style = etree.fromstring(etree.tostring(self._formats[base]))
        if colour := _FILLS.get(kind):
            style.set("fillId", str(self._fill(colour)))
            style.set("applyFill", "1")
        return style

    def _add(self, style: etree._Element) -> int:
        self._formats.append(style)
        self._formats.set("count", str(len(self._formats)))
        return len(self._formats) - 1

    def _fill(self, colour: str) -> int:
        if colour not in self._fills:
            fills = child(self._tree, "fills")
            fill = etree.SubElement(fills, f"{{{MAIN}}}fill")
            pattern = etree.SubElement(fill, f"{{{MAIN}}}patternFill", patternType="solid")
            etree.SubElement(pattern, f"{{{MAIN}}}fgColor", rgb=colour)
            etree.SubElement(pattern, f"{{{MAIN}}}bgColor", indexed="64")
            fills.set("count", str(len(fills)))
            self._fills[colour] = len(fills) - 1
        return self._fills[colour]

    def _bold(self) -> int:
        fonts = child(self._tree, "fonts")
        font = etree.fromstring(etree.tostring(fonts[0]))
        if font.find(f"{{{MAIN}}}b") is None:
            font.insert(0, etree.Element(f"{{{MAIN}}}b"))
        fonts.append(font)
        fonts.set("count", str(len(fonts)))
        return len(fonts) - 1

    def serialised(self) -> bytes:
        """The part as bytes."""
        return serialised_tree(self._tree)
