"""What of a page a reader sees: text that is hidden, without size, off the screen or in the colour of its ground is left out.

Mail programs do not show such text; whoever writes it means a machine to read it. Source: N2.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import css_inline
from lxml import etree

_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_NEVER_SHOWN = frozenset({"script", "style", "title", "template", "head"})
_DEEPEST = 300  # css_inline goes down by recursion
_LARGEST = 2_000_000
_SMALLEST_PX, _FAR_PX = 2.0, -400.0
_PX = {"px": 1.0, "": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "%": 16 / 100}
_LENGTH = re.compile(r"(-?\d*\.?\d+)\s*(px|pt|em|rem|in|cm|mm|%)?")
_NAMED = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "green": (0, 128, 0),
}
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+))?")
_NEAR = 10  # a difference of colour that nobody sees

Colour = tuple[int, int, int]


class _Look(NamedTuple):
    """How text looks at a place: whether it is shown at all, its colour, and that of what is behind it."""

    is_shown: bool = True
    colour: Colour = (0, 0, 0)
    ground: Colour = (255, 255, 255)

    @property
    def is_seen(self) -> bool:
        return self.is_shown and any(abs(a - b) > _NEAR for a, b in zip(self.colour, self.ground, strict=True))


def seen(html: str) -> tuple[str, int]:
    """A page with what a reader sees of it, and how many characters of text were left out.

    Scripts, styles, comments and the title do not count. Style sheets in the page are heeded; nothing is fetched.
    """
    if "<style" in html.lower() and len(html) <= _LARGEST and _depth(html) <= _DEEPEST:
        html = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False).inline(html)
    page = _Page()
    parser = etree.HTMLParser(target=page)
    parser.feed(html or " ")
    parser.close()
    return "".join(page.written), page.n_hidden


def _depth(html: str) -> int:
    """How deep a page is nested."""
    target = _Depth()
    parser = etree.HTMLParser(target=target)
    parser.feed(html)
    parser.close()
    return target.deepest


class _Depth:
    """Takes the events of the parser and counts how many elements are open."""

    def __init__(self) -> None:
        self.open = self.deepest = 0

    def start(self, _tag: str, _attributes: object) -> None:
        self.open += 1
        self.deepest = max(self.deepest, self.open)

    def end(self, _tag: str) -> None:
        self.open -= 1

    def close(self) -> None:
        """Nothing is left to do."""


class _Page:
    """Takes the events of the parser, which closes every element it opens, and writes the page again."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.looks = [_Look()]
        self.never = 0
        self.n_hidden = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.never += tag in _NEVER_SHOWN
        self.looks.append(_look(tag, attributes, self.looks[-1]))
        if not self.never:
            told = "".join(f' {name}="{escape(value or "")}"' for name, value in attributes.items())
            self.written.append(f"<{tag}{told}>")

    def end(self, tag: str) -> None:
        if not self.never and tag not in _VOID:
            self.written.append(f"</{tag}>")
        self.never -= tag in _NEVER_SHOWN
        self.looks.pop()

    def data(self, text: str) -> None:
        if self.never:
            return
        if self.looks[-1].is_seen:
            self.written.append(escape(text, quote=False))
        else:
            self.n_hidden += len("".join(text.split()))

    def close(self) -> None:
        """Nothing is left to do."""


def _look(tag: str, attributes: Mapping[str, str], around: _Look) -> _Look:
    """How an element looks within what is around it."""
    styles = {}
    for part in (attributes.get("style") or "").split(";"):
        name, _, value = part.partition(":")
        styles[name.strip().lower()] = value.replace("!important", "").strip().lower()
    ground = _colour(styles.get("background-color") or styles.get("background") or attributes.get("bgcolor"))
    given = styles.get("color") or attributes.get("color" if tag == "font" else "text")
    is_shown = around.is_shown and "hidden" not in attributes and not _is_hidden(styles) and not _is_transparent(given)
    return _Look(is_shown, _colour(given) or around.colour, ground or around.ground)


def _is_hidden(styles: Mapping[str, str]) -> bool:
    """True for an element that takes no room, has no size, or is off the screen."""
    if styles.get("display") == "none" or styles.get("visibility") in {"hidden", "collapse"} or styles.get("mso-hide") == "all":
        return True
    if _px(styles.get("opacity")) == 0 or "scale(0)" in styles.get("transform", ""):
        return True
    size = _px(styles.get("font-size"))
    if size is not None and size < _SMALLEST_PX:
        return True
    is_cut = styles.get("overflow") == "hidden"
    if is_cut and any(_px(styles.get(name)) == 0 for name in ("height", "max-height", "width", "max-width")):
        return True
    is_moved = styles.get("position") in {"absolute", "fixed"}
    if is_moved and any((_px(styles.get(name)) or 0) < _FAR_PX for name in ("left", "top", "right", "bottom")):
        return True
    is_clipped = re.search(r"rect\(0|inset\((?:50|100)%", styles.get("clip", "") + styles.get("clip-path", ""))
    return bool(is_clipped) or (_px(styles.get("text-indent")) or 0) < _FAR_PX or (_px(styles.get("margin-left")) or 0) < _FAR_PX


def _px(text: str | None) -> float | None:
    """A length in pixels; None where it is none."""
    found = _LENGTH.match(text or "")
    return float(found[1]) * _PX[found[2] or ""] if found else None


def _colour(text: str | None) -> Colour | None:
    """A colour; None where it is none that we know."""
    told = (text or "").strip().lower()
    if found := _HEX.search(told):
        code = found[1] if len(found[1]) == 6 else "".join(2 * sign for sign in found[1])
        return int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)
    if found := _RGB.search(told):
        return int(found[1]), int(found[2]), int(found[3])
    return next((colour for name, colour in _NAMED.items() if name in told.split()), None)


def _is_transparent(text: str | None) -> bool:
    told = (text or "").strip().lower()
    found = _RGB.search(told)
    return told == "transparent" or bool(found and found[4] and float(found[4]) == 0)
