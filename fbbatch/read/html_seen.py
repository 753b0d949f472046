"""What of a page a reader sees.

Text that is hidden, without size, off the screen or in the colour of its ground is left out. Mail
programs do not show such text; whoever writes it means a machine to read it. Source: N2.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import css_inline
import tinycss2
from lxml import etree
from tinycss2 import color4

_VOID = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    }
)
_NEVER_SHOWN = frozenset(
    {"script", "style", "title", "template", "head", "iframe", "object", "noframes"}
)
_SHOWN_WHEN_OPEN = frozenset({"details", "dialog"})
_DEEPEST = 300  # css_inline goes down by recursion
_LARGEST = 2_000_000
_SMALLEST_PX, _FAR_PX = 2.0, -400.0
_PX = {
    "px": 1.0,
    "": 1.0,
    "pt": 4 / 3,
    "em": 16.0,
    "rem": 16.0,
    "in": 96.0,
    "cm": 37.8,
    "mm": 3.78,
    "%": 16 / 100,
}
_LENGTH = re.compile(r"(-?\d*\.?\d+)\s*(px|pt|em|rem|in|cm|mm|%)?")
_FAINT = 0.1  # of what is less opaque, nobody sees anything
_NEAR = 10  # a difference of colour that nobody sees

Colour = tuple[int, int, int]


class _Look(NamedTuple):
    """How text looks at a place.

    It says whether the text is shown at all, its colour, and the colour of what is behind it.
    """

    is_shown: bool = True
    colour: Colour = (0, 0, 0)
    ground: Colour = (255, 255, 255)

    @property
    def is_seen(self) -> bool:
        return self.is_shown and any(
            abs(a - b) > _NEAR for a, b in zip(self.colour, self.ground, strict=True)
        )


def seen(html: str) -> tuple[str, int]:
    """A page with what a reader sees of it, and how many characters of text were left out.

    Scripts, styles, comments and the title do not count. Style sheets in the page are heeded;
    nothing is fetched.
    """
    if "<style" in html.lower() and len(html) <= _LARGEST and _depth(html) <= _DEEPEST:
        html = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False).inline(
            html
        )
    page = _PageRewriter()
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


class _PageRewriter:
    """Takes the events of the parser and writes the page again.

    The parser closes every element it opens.
    """

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
    styles = _styles(attributes.get("style") or "")
    given = (
        styles.get("-webkit-text-fill-color")
        or styles.get("color")
        or attributes.get("color" if tag == "font" else "text")
    )
    ground = _colour(
        styles.get("background-color") or styles.get("background") or attributes.get("bgcolor")
    )
    is_closed = tag in _SHOWN_WHEN_OPEN and "open" not in attributes
    is_hidden = "hidden" in attributes or is_closed or _is_hidden(styles) or _is_transparent(given)
    return _Look(
        around.is_shown and not is_hidden, _colour(given) or around.colour, ground or around.ground
    )


def _styles(text: str) -> dict[str, str]:
    """The declarations of a style attribute by name, in lower case and without comments."""
    declared = tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True)
    plain = [one for one in declared if one.type == "declaration"]
    return {
        one.lower_name: _COMMENT.sub("", tinycss2.serialize(one.value)).strip().lower()
        for one in plain
    }


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NO_SIZE = re.compile(r"scale(?:x|y|3d)?\(\s*0(?:\.0*)?\s*[,)]")
_MOVED = re.compile(r"translate(?:x|y|3d)?\(([^)]*)\)")
_CUT_OUT = re.compile(r"rect\(\s*0|inset\(\s*(?:50|100)%|(?:circle|ellipse)\(\s*0")


def _is_hidden(styles: Mapping[str, str]) -> bool:
    """True for an element without room or size, see-through or off the screen."""
    is_off = styles.get("display") == "none" or styles.get("visibility") in {"hidden", "collapse"}
    is_off = (
        is_off or styles.get("content-visibility") == "hidden" or styles.get("mso-hide") == "all"
    )
    return is_off or _is_faint(styles) or _has_no_size(styles) or _is_moved_away(styles)


def _is_faint(styles: Mapping[str, str]) -> bool:
    opacity = _px(styles.get("opacity"))
    through = re.search(r"opacity\(([^)]*)\)", styles.get("filter", ""))
    told = [opacity, _px(through[1]) if through else None]
    return any(value is not None and value < _FAINT for value in told)


def _has_no_size(styles: Mapping[str, str]) -> bool:
    sizes = [
        styles.get("font-size"),
        *re.findall(r"(?:^|\s)(\d[^\s/]*|calc\([^)]*\))(?=\s*/|\s)", styles.get("font", "")),
    ]
    if any((px := _px(size)) is not None and px < _SMALLEST_PX for size in sizes):
        return True
    is_cut = styles.get("overflow") in {"hidden", "clip"}
    rooms = ("height", "max-height", "width", "max-width")
    if is_cut and any(
        (px := _px(styles.get(name))) is not None and px < _SMALLEST_PX for name in rooms
    ):
        return True
    clipped = styles.get("clip", "") + styles.get("clip-path", "")
    return bool(_NO_SIZE.search(styles.get("transform", "")) or _CUT_OUT.search(clipped))


def _is_moved_away(styles: Mapping[str, str]) -> bool:
    moved = _MOVED.search(styles.get("transform", ""))
    places = moved[1].split(",") if moved else []
    is_placed = styles.get("position") in {"absolute", "fixed", "relative"}
    places += [styles.get(name, "") for name in ("left", "top", "right", "bottom") if is_placed]
    places += [styles.get(name, "") for name in ("text-indent", "margin-left", "margin-top")]
    return any((_px(place) or 0) < _FAR_PX for place in places)


def _px(text: str | None) -> float | None:
    """A length in pixels; None where it is none."""
    found = _LENGTH.match((text or "").strip().removeprefix("calc(").strip())
    return float(found[1]) * _PX[found[2] or ""] if found else None


def _colour(text: str | None) -> Colour | None:
    """A colour; None where it is none that we know."""
    told = (text or "").strip().lower()
    words = [told, f"#{told}", *told.split()]
    known = next(
        (
            colour
            for word in words
            if (colour := color4.parse_color(word)) not in {None, "currentcolor"}
        ),
        None,
    )
    if known is None:
        return None
    red, green, blue = known.to("srgb").coordinates
    return round(255 * (red or 0)), round(255 * (green or 0)), round(255 * (blue or 0))


def _is_transparent(text: str | None) -> bool:
    colour = color4.parse_color((text or "").strip())
    return colour not in {None, "currentcolor"} and colour.alpha < _FAINT
