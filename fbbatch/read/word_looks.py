"""Which text of a Word file a reader sees.

What is hidden, without size or white on white is meant for a machine to read. White text counts as
unseen only where nothing around it is shaded: outside tables and boxes, which may have a ground.
"""

from typing import NamedTuple

from fbbatch.read.ooxml import Xml, child, is_on, value

_SMALLEST = 3  # half-points
_WHITE = frozenset({"ffffff", "fefefe", "fdfdfd"})
_GROUNDS = ("shd", "highlight")


class _Formatting(NamedTuple):
    """What an element says of its text; None where it says nothing."""

    is_hidden: bool | None = None
    half_points: int | None = None
    colour: str | None = None

    def over(self, below: "_Formatting") -> "_Formatting":
        """What holds where the one below says what this one does not."""
        said = {name: told for name, told in self._asdict().items() if told is not None}
        return below._replace(**said)


class Looks:
    """How text looks by the styles of a file.

    Args:
        styles: the root of its part of styles; None where it has none.
    """

    def __init__(self, styles: Xml) -> None:
        listed = [] if styles is None else list(styles.iterchildren("{*}style"))
        self._styles = {value(style, "styleId"): style for style in listed}
        self._known: dict[str, _Formatting] = {}

    def hides(self, run: Xml, *, may_have_ground: bool) -> bool:
        """True for a run of which no reader sees the text.

        Args:
            run: the element around the text.
            may_have_ground: what is around it may be shaded.
        """
        about, paragraph = child(run, "rPr"), self._paragraph(run)
        of_paragraph = child(paragraph, "pPr")
        look = (
            _look(about)
            .over(self._style(value(child(about, "rStyle"))))
            .over(self._style(value(child(of_paragraph, "pStyle"))))
        )
        if look.is_hidden or (look.half_points is not None and look.half_points <= _SMALLEST):
            return True
        is_shaded = any(
            child(around, name) is not None for around in (about, of_paragraph) for name in _GROUNDS
        )
        return look.colour in _WHITE and not is_shaded and not may_have_ground

    @staticmethod
    def _paragraph(run: Xml) -> Xml:
        return next(run.iterancestors("{*}p"), None)

    def _style(self, name: str) -> _Formatting:
        """What a style says, with those it is based on; a circle of styles ends where it began."""
        if name not in self._known:
            self._known[name] = _Formatting()
            style = self._styles.get(name)
            if style is not None:
                self._known[name] = _look(child(style, "rPr")).over(
                    self._style(value(child(style, "basedOn")))
                )
        return self._known[name]


def _look(about: Xml) -> _Formatting:
    if about is None:
        return _Formatting()
    hidden, size, colour = (
        child(about, "vanish"),
        value(child(about, "sz")),
        value(child(about, "color")),
    )
    return _Formatting(
        None if hidden is None else is_on(hidden),
        int(size) if size.isdecimal() and len(size) < 5 else None,
        colour.lower() or None,
    )
