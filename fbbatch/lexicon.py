"""Many words found in one pass over a folded text (an Aho-Corasick automaton).

Chinese words and marks (`?`) are found anywhere; Latin words only whole, `burn*` as a stem. All
overlaps are found.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ahocorasick_rs import AhoCorasick

from fbbatch.words import fold

Spot = tuple[int, int, int]
"""A word in a text: its place in the lexicon, and where it stands, from start to before end."""
Pattern = tuple[int, ...]
"""Which words stand in a text, and how far from the first.

It is the same for texts in which the same words stand alike.
"""

_JOINT = "\0"
_HALVES = re.compile("[\ud800-\udfff]")


class Lexicon:
    """A list of words, compiled.

    Args:
        words: as people write them; a trailing `*` marks a stem. The position in the list is the
            word's number.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words: list[str] = []
        written_alike: dict[tuple[int, str], list[int]] = {}
        for number, written in enumerate(words):
            word = fold(written.rstrip("*")).strip()
            kind = _kind_of(word, is_stem=written.endswith("*"))
            self.words.append(word)
            written_alike.setdefault((kind, word), []).append(number)
        kinds: list[int] = []
        patterns: list[str] = []
        self._numbers: list[Sequence[int]] = []
        self._place_of: dict[int, int] = {}
        for kind, word in sorted(written_alike):
            numbers = written_alike[kind, word]
            self._place_of |= dict.fromkeys(numbers, len(kinds))
            self._numbers.append(numbers)
            kinds.append(kind)
            patterns.append(word)
        self._first_latin = bisect_left(kinds, _WHOLE)
        self._first_stem = bisect_left(kinds, _STEM)
        self._automaton = AhoCorasick(patterns)

    def scan(self, texts: Sequence[str]) -> list[list[Spot]]:
        """For each text, where which words stand in it.

        Places count from the start of the first text, with a NUL between two. All texts are
        searched in one go. `numbers` tells the words, `starts` where the texts are.
        """
        joined = _JOINT.join(texts)
        spots = self._spots(joined)
        ends = [end for _, _, end in spots]
        found: list[list[Spot]] = []
        low = 0
        edge = -len(_JOINT)
        for text in texts:
            edge += len(_JOINT) + len(text)
            high = bisect_right(ends, edge, low)
            found.append(spots[low:high])
            low = high
        return found

    def _spots(self, text: str) -> list[Spot]:
        """Where which words stand in one text, by their ends."""
        try:
            spots = self._automaton.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:  # half of a pair is no character
            whole = _HALVES.sub("\ufffd", text)
            spots = self._automaton.find_matches_as_indexes(whole, overlapping=True)
        latin = self._first_latin
        return [spot for spot in spots if spot[0] < latin or self._stands(text, spot)]

    def _stands(self, text: str, spot: Spot) -> bool:
        """True for a Latin word that is no part of a longer one, or begins one as a stem.

        What begins with a mark ('s arm) may stand behind a letter.
        """
        place, start, end = spot
        before = text[start - 1 : start]
        if _is_latin(before) and text[start].isalnum():
            return False
        return place >= self._first_stem or not _is_latin(text[end : end + 1])

    def patterns(self, found: Sequence[Sequence[Spot]]) -> list[Pattern]:
        """The pattern of what `scan` has found in each text; `()` where that is nothing."""
        patterns: list[Pattern] = []
        for spots in found:
            first = spots[0][2] if spots else 0
            patterns.append(tuple([place << 32 | end - first for place, _, end in spots]))
        return patterns

    def numbers(self, place: int) -> Sequence[int]:
        """The numbers of the words at a place: those that are written alike."""
        return self._numbers[place]

    def places(self, numbers: Iterable[int]) -> frozenset[int]:
        """The places at which any of these words may be found."""
        return frozenset(map(self._place_of.__getitem__, numbers))


def _is_latin(character: str) -> bool:
    """True for a letter or digit of a word that is found only whole; False for no character."""
    return character.isascii() and character.isalnum()


_ANYWHERE, _WHOLE, _STEM = range(3)


def starts(texts: Sequence[str]) -> list[int]:
    """Where each text starts, counted as `Lexicon.scan` does."""
    return list(accumulate((len(text) + len(_JOINT) for text in texts[:-1]), initial=0))


def _kind_of(word: str, *, is_stem: bool) -> int:
    """How a folded word is found: Chinese ones and marks are so anywhere."""
    if not word[0].isascii() or not any(map(str.isalnum, word)):
        return _ANYWHERE
    return _STEM if is_stem else _WHOLE
