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
        places: dict[tuple[int, str], list[int]] = {}
        for number, written in enumerate(words):
            word = fold(written.rstrip("*")).strip()
            self.words.append(word)
            places.setdefault((_kind_of(word, is_stem=written.endswith("*")), word), []).append(
                number
            )
        ordered = sorted(places)
        self._numbers = [places[place] for place in ordered]
        kinds = [kind for kind, _ in ordered]
        self._first_latin, self._first_stem = bisect_left(kinds, _WHOLE), bisect_left(kinds, _STEM)
        self._automaton = AhoCorasick([word for _, word in ordered])

    def scan(self, texts: Sequence[str]) -> list[list[Spot]]:
        """For each text, where which words stand in it.

        Places count from the start of the first text, with a NUL between two. All texts are
        searched in one go. `numbers` tells the words, `starts` where the texts are.
        """
        joined, latin = _JOINT.join(texts), self._first_latin
        try:
            spots = self._automaton.find_matches_as_indexes(joined, overlapping=True)
        except UnicodeEncodeError:  # half of a pair is no character
            spots = self._automaton.find_matches_as_indexes(
                _HALVES.sub("\ufffd", joined), overlapping=True
            )
        spots = [spot for spot in spots if spot[0] < latin or self._stands(joined, spot)]
        ends = [end for _, _, end in spots]
        found, low, edge = [], 0, -len(_JOINT)
        for text in texts:
            edge += len(_JOINT) + len(text)
            high = bisect_right(ends, edge, low)
            found.append(spots[low:high])
            low = high
        return found

    def _stands(self, text: str, spot: Spot) -> bool:
        """True for a Latin word that is no part of a longer one, or begins one as a stem.

        What begins with a mark ('s arm) may stand behind a letter.
        """
        place, start, end = spot
        before, after = (
            text[start - 1 : start],
            "" if place >= self._first_stem else text[end : end + 1],
        )
        is_within = before.isascii() and before.isalnum() and text[start].isalnum()
        return not is_within and not (after.isascii() and after.isalnum())

    def patterns(self, found: Sequence[Sequence[Spot]]) -> list[Pattern]:
        """The pattern of what `scan` has found in each text; `()` where that is nothing."""
        return [
            tuple([place << 32 | end - spots[0][2] for place, _, end in spots]) for spots in found
        ]  # they come by their ends

    def numbers(self, place: int) -> Sequence[int]:
        """The numbers of the words at a place: those that are written alike."""
        return self._numbers[place]

    def places(self, numbers: Iterable[int]) -> frozenset[int]:
        """The places at which any of these words may be found."""
        wanted = set(numbers)
        return frozenset(
            place for place, same in enumerate(self._numbers) if not wanted.isdisjoint(same)
        )


_ANYWHERE, _WHOLE, _STEM = range(3)


def starts(texts: Sequence[str]) -> list[int]:
    """Where each text starts, counted as `Lexicon.scan` does."""
    return list(accumulate((len(text) + len(_JOINT) for text in texts[:-1]), initial=0))


def _kind_of(word: str, *, is_stem: bool) -> int:
    if not word[0].isascii() or not any(map(str.isalnum, word)):
        return _ANYWHERE
    return _STEM if is_stem else _WHOLE
