"""Many words found in one pass over a folded text (an Aho-Corasick automaton).

Chinese words are found anywhere; Latin words only whole, `burn*` as a stem. All overlaps are found.
"""

import re
from collections.abc import Iterable, Sequence

from ahocorasick_rs import AhoCorasick

from fbbatch.words import fold

Spot = tuple[int, int, int]
"""A word in a text: its place in the lexicon, and where it stands, from start to before end."""

_HALVES = re.compile("[\ud800-\udfff]")


class Lexicon:
    """A list of words, compiled.

    Args:
        words: as people write them; a trailing `*` marks a stem. The position in the list is the word's number.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words: list[str] = []
        places: dict[tuple[str, bool], list[int]] = {}
        for number, written in enumerate(words):
            word = fold(written.rstrip("*")).strip()
            self.words.append(word)
            places.setdefault((word, written.endswith("*") and word[0].isascii()), []).append(number)
        self._numbers = list(places.values())
        self._whole = frozenset(place for place, (word, is_stem) in enumerate(places) if word[0].isascii() and not is_stem)
        self._stems = frozenset(place for place, (_, is_stem) in enumerate(places) if is_stem)
        self._automaton = AhoCorasick([word for word, _ in places])

    def scan(self, texts: Sequence[str]) -> list[list[Spot]]:
        """For each text, where which words stand in it; `numbers` tells the words."""
        find, whole, stems = self._automaton.find_matches_as_indexes, self._whole, self._stems
        found = []
        for text in texts:
            try:
                spots = find(text, overlapping=True)
            except UnicodeEncodeError:  # half of a pair is no character
                spots = find(_HALVES.sub("\ufffd", text), overlapping=True)
            found.append(
                [s for s in spots if not (s[0] in whole and not _is_whole(text, s)) and not (s[0] in stems and not _begins(text, s))]
            )
        return found

    def numbers(self, place: int) -> Sequence[int]:
        """The numbers of the words at a place: those that are written alike."""
        return self._numbers[place]

    def places(self, numbers: Iterable[int]) -> frozenset[int]:
        """The places at which any of these words may be found."""
        wanted = set(numbers)
        return frozenset(place for place, same in enumerate(self._numbers) if not wanted.isdisjoint(same))


def _begins(text: str, spot: Spot) -> bool:
    before = text[spot[1] - 1 : spot[1]]
    return not (before.isascii() and before.isalnum())


def _is_whole(text: str, spot: Spot) -> bool:
    after = text[spot[2] : spot[2] + 1]
    return _begins(text, spot) and not (after.isascii() and after.isalnum())
