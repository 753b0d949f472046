"""Replaces texts wherever they stand, and prints the documents in which they stand again.

It is pure, and made for many texts at once. Of Office packages only texts and attributes of their
XML change, so that styles, formulas and blanks stay as they are. A name that is split over several
runs of a paragraph is found, too.
"""

import html
import io
import re
import urllib.parse
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from ahocorasick_rs import AhoCorasick
from lxml import etree

from fbbatch.read.ooxml import SAFE_XML
from fbbatch.words import CONTACT_JOINT

_SHORTEST, _SHORTEST_LATIN, _NUMBER_DIGITS = 2, 4, 7
_SHORTEST_SAID, _HEAD = 3, 8  # what is shorter tells nothing; by so much a longer text is found
SEPARATORS = r"\s\-().－"
"""What people put between the digits of a number."""
_BETWEEN_DIGITS = re.compile(f"[{SEPARATORS}]")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(rf"(?<!\d)\+?\d(?:[{SEPARATORS}]?\d){{6,14}}(?!\d)")
_HALVES = re.compile("[\ud800-\udfff]")
_PARSER = etree.XMLParser(remove_blank_text=False, strip_cdata=False, **SAFE_XML)
_XML = (".xml", ".rels", ".vml")
_PARAGRAPHS = frozenset({"p", "si", "is", "text"})
_TEXT = "t"


def digits_of(value: str) -> str:
    """The digits of a number as people write one; `''` for any other text."""
    digits = "".join(character for character in value if character.isdigit())
    is_number = all(c.isdigit() or c in "+-() .－" for c in value)
    return digits if is_number and len(digits) >= _NUMBER_DIGITS else ""


def pattern_of(value: str) -> str | None:
    """A regular expression for how a name, number or address is written in a text.

    None for one too short to be told from other words.
    """
    if digits := digits_of(value):
        return f"[{SEPARATORS}]{{0,2}}".join(digits)
    if len(value) >= (_SHORTEST_LATIN if value.isascii() else _SHORTEST):
        return re.escape(value)
    return None


def contacts_in(text: str) -> set[str]:
    """Each address and number in a contact as people write it: one alone may be quoted."""
    each = text.split(CONTACT_JOINT)
    return {*each, *_ADDRESS.findall(text), *_NUMBER.findall(text)}


class Effacer:
    """Replaces texts.

    Args:
        persons: text → what stands in its place, wherever it stands.
        kept: texts that stay, also where one of the others is a part of them.
        words: further ones that stand by themselves, such as names of files.
        others: further ones.
        said: what people have written; see `_Said`.
    """

    def __init__(
        self,
        persons: Mapping[str, str],
        kept: Iterable[str] = (),
        words: Mapping[str, str] = {},
        others: "Effacer | None" = None,
        said: Mapping[str, str] = {},
    ) -> None:
        stays = set(kept)
        self._others = others
        self._said = _Said(said)
        self._texts: dict[str, tuple[str, str]] = {}
        for text, mark in persons.items():
            if text not in stays and (pattern := pattern_of(text)):
                self._texts[text] = mark, pattern
        for text, mark in ((text, mark) for text, mark in words.items() if text not in stays):
            self._texts[text] = mark, f"(?<![0-9A-Za-z]){re.escape(text)}(?![0-9A-Za-z])"
        self._index()
        around = [text for text in stays if pattern_of(text) and self._standing(text)]
        self._texts.update({text: (text, pattern_of(text) or "") for text in around})
        self._kept = frozenset(around)
        self._index()

    def _index(self) -> None:
        """Search for all texts in one go: as they are written, and numbers by their digits."""
        self._written = [text for text in self._texts if not digits_of(text)]
        self._numbers = [text for text in self._texts if digits_of(text)]
        self._words = AhoCorasick([text.lower() for text in self._written])
        self._digits = AhoCorasick([digits_of(text) for text in self._numbers])

    def _standing(self, text: str) -> tuple[str, ...]:
        """The texts that may stand in this one, the longest first."""
        plain = _whole_characters(text)
        found = {
            self._written[n]
            for n, *_ in self._words.find_matches_as_indexes(plain.lower(), overlapping=True)
        }
        packed = _BETWEEN_DIGITS.sub("", plain)
        found |= {
            self._numbers[n]
            for n, *_ in self._digits.find_matches_as_indexes(packed, overlapping=True)
        }
        return tuple(sorted(found, key=lambda one: (-len(one), one)))

    def spots(self, text: str) -> list[tuple[int, int, str]]:
        """All (start, end, what stands there now) to replace in a text; of overlaps the longest."""
        found = (
            self._said.spots(text)
            + self._own_spots(text)
            + (self._others.spots(text) if self._others else [])
        )
        taken: list[tuple[int, int, str]] = []
        for one in sorted(found, key=lambda one: one[0] - one[1]):
            if not any(a < one[1] and b > one[0] for a, b, _ in taken):
                taken.append(one)
        return sorted(taken)

    def may_stand(self, text: str) -> bool:
        """False where nothing of it stands in a text, nor in a part of it."""
        there = self._said.stands_alone_in(text) or bool(self.spots(text))
        return there or (self._others is not None and self._others.may_stand(text))

    def _own_spots(self, text: str) -> list[tuple[int, int, str]]:
        standing = self._standing(text)
        if not standing or self._kept.issuperset(standing):
            return []
        pattern = _compiled(tuple(self._texts[one][1] for one in standing))
        found = []
        for match in pattern.finditer(text):
            one = standing[(match.lastindex or 1) - 1]
            if one not in self._kept:
                found.append((match.start(), match.end(), self._texts[one][0]))
        return found

    def text(self, text: str) -> str:
        """A text without them."""
        return _replaced(text, self.spots(text))


class _Said:
    """What people have written.

    A short text is found where it stands alone, a longer one anywhere, also cut short by `…`.

    Args:
        said: text → what stands in its place.
    """

    def __init__(self, said: Mapping[str, str]) -> None:
        said = {_whole_characters(text): mark for text, mark in said.items()}
        self._alone = {
            text: mark for text, mark in said.items() if _SHORTEST_SAID <= len(text) <= _HEAD
        }
        self._marks = {text: mark for text, mark in said.items() if len(text) > _HEAD}
        self._by_head: dict[str, list[str]] = {}
        for text in sorted(self._marks, key=len, reverse=True):
            self._by_head.setdefault(text[:_HEAD], []).append(text)
        self._heads = AhoCorasick(list(self._by_head))
        self._short = AhoCorasick(list(self._alone))

    def stands_alone_in(self, text: str) -> bool:
        """True where a short one stands in a text."""
        return bool(self._alone) and bool(
            self._short.find_matches_as_indexes(_whole_characters(text))
        )

    def spots(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, what stands there now), as of an effacer; they may overlap.

        A longer text is found by its beginning, then compared as far as it agrees: it counts where
        all of it stands there, or where `…` says that the rest was cut.
        """
        plain = _whole_characters(text)
        alone = self._alone.get(plain.strip())
        found = [(0, len(text), alone)] if alone else []
        heads = (
            self._heads.find_matches_as_indexes(plain, overlapping=True) if self._by_head else []
        )
        for _, start, end in heads:
            for one in self._by_head[plain[start:end]]:
                length = _agree(plain[start : start + len(one)], one)
                is_cut = plain[start + length : start + length + 1] == "…"
                if is_cut or length == len(one):
                    found.append((start, start + length + is_cut, self._marks[one]))
                    break
        return found


def _agree(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _whole_characters(text: str) -> str:
    """A text of the same length without halves of characters, which no search takes."""
    return _HALVES.sub("\ufffd", text)


@lru_cache(maxsize=4096)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"({pattern})" for pattern in patterns), re.IGNORECASE)


def _replaced(text: str, spots: Iterable[tuple[int, int, str]]) -> str:
    parts, at = [], 0
    for start, end, mark in spots:
        parts += [text[at:start], mark]
        at = end
    return "".join([*parts, text[at:]])


# --- documents ------------------------------------------------------------------------


def package(content: bytes, effacer: Effacer) -> bytes:
    """An Office file without the texts; the same bytes where it has none of them.

    Raises:
        ValueError: it is no whole package.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old:
            parts = [(item, old.read(item)) for item in old.infolist()]
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise ValueError("no whole package") from error
    changed = {
        item.filename: new
        for item, part in parts
        if (new := _part(item.filename, part, effacer)) != part
    }
    if not changed:
        return content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as new_package:
        for item, part in parts:
            new_package.writestr(item, changed.get(item.filename, part), item.compress_type)
    return buffer.getvalue()


def _part(name: str, part: bytes, effacer: Effacer) -> bytes:
    if not name.lower().endswith(_XML):
        return part
    plain = part.decode("utf-8", "replace")
    if not (
        effacer.may_stand(html.unescape(plain))
        or effacer.may_stand(html.unescape(re.sub("<[^>]*>", "", plain)))
    ):
        return part
    try:
        root = etree.fromstring(part, _PARSER)
    except etree.XMLSyntaxError as error:
        raise ValueError("a part is no XML") from error
    for element in root.iter(etree.Element):
        if etree.QName(element).localname in _PARAGRAPHS:
            _efface_paragraph(element, effacer)
    for element in root.iter(etree.Element):
        for attribute, value in element.attrib.items():
            if (new := effacer.text(value)) != value:
                element.set(attribute, new)
        element.text = effacer.text(element.text) if element.text else element.text
        element.tail = effacer.text(element.tail) if element.tail else element.tail
    told: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return told


def _efface_paragraph(paragraph: Any, effacer: Effacer) -> None:
    """Replace what stands in the texts of a paragraph taken together.

    What stands now goes into the first of them.
    """
    nodes = [node for node in paragraph.iter(etree.Element) if etree.QName(node).localname == _TEXT]
    whole = "".join(node.text or "" for node in nodes)
    spots = effacer.spots(whole) if len(nodes) > 1 else []
    start = 0
    for node in nodes if spots else ():
        text, end = node.text or "", start + len(node.text or "")
        here = [
            (max(a, start) - start, min(b, end) - start, mark if a >= start else "")
            for a, b, mark in spots
            if a < end and b > start
        ]
        node.text = _replaced(text, here)
        start = end


def page(content: bytes, effacer: Effacer) -> bytes:
    """An HTML page of ours without the texts; they may stand in texts, and in links as well."""

    def linked(match: re.Match[str]) -> str:
        old = urllib.parse.unquote(html.unescape(match[2]))
        new = effacer.text(old)
        return (
            match[0]
            if new == old
            else f"{match[1]}{html.escape(urllib.parse.quote(new))}{match[3]}"
        )

    def told(match: re.Match[str]) -> str:
        old = html.unescape(match[0])
        new = effacer.text(old)
        return match[0] if new == old else html.escape(new)

    text = content.decode("utf-8", "surrogateescape")
    text = re.sub('(<a href=")([^"]*)(")', linked, text)
    return re.sub("(?<=>)[^<>]+(?=<)", told, text).encode("utf-8", "surrogateescape")


def data(
    content: bytes, effacer: Effacer, also: Callable[[Any], None] = lambda told: None
) -> bytes:
    """A JSON file without the texts; the same bytes where nothing has changed.

    Args:
        content: the file.
        effacer: the texts.
        also: what else is to change in it.

    Raises:
        ValueError: it is no JSON.
    """
    old = orjson.loads(content)
    new = _walked(old, effacer)
    also(new)
    return content if new == old else orjson.dumps(new, option=orjson.OPT_INDENT_2)


def _walked(value: Any, effacer: Effacer) -> Any:
    if isinstance(value, str):
        return effacer.text(value)
    if isinstance(value, list):
        return [_walked(one, effacer) for one in value]
    if isinstance(value, dict):
        return {name: _walked(one, effacer) for name, one in value.items()}
    return value
