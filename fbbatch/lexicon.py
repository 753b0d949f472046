"""Many words found in one pass over a folded text (an Aho-Corasick automaton).

Chinese words are found anywhere; Latin words only whole, `burn*` as a stem. All overlaps are found.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import ahocorasick

from fbbatch.words import fold


class Lexicon:
    """A list of words, compiled.

    Args:
        words: as people write them; a trailing `*` marks a stem. The position in the list is the word's number.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words: list[str] = []
        self._same: list[tuple[int, ...]] = []
        self._latin: set[int] = set()
        self._stems: set[int] = set()
        places: dict[str, int] = {}
        for number, written in enumerate(words):
            word = fold(written.rstrip("*")).strip()
            self.words.append(word)
            if written.endswith("*"):
                self._stems.add(number)
            place = places.setdefault(word, len(self._same))
            if place == len(self._same):
                self._same.append(())
                if word[0].isascii():
                    self._latin.add(place)
            self._same[place] += (number,)
        self._automaton: Any = ahocorasick.Automaton()
        for word, place in places.items():
            self._automaton.add_word(word, place)
        if places:
            self._automaton.make_automaton()
        self._lengths = [len(self.words[same[0]]) for same in self._same]
        self._empty = not places

    def scan(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """For each text, (index of the last character, place) of every word in it; `at` tells the rest.

        All texts are searched in one go, as one long text; a NUL keeps them apart.
        """
        found: list[list[tuple[int, int]]] = [[] for _ in texts]
        if self._empty or not texts:
            return found
        joined = "\0".join(texts)
        latin = self._latin
        row, start, end = 0, 0, len(texts[0])
        for last, place in self._automaton.iter(joined):
            while last >= end:
                row += 1
                start, end = end + 1, end + 1 + len(texts[row])
            if place not in latin or self._is_whole(joined, last, place):
                found[row].append((last - start, place))
        return found

    def places(self, numbers: Iterable[int]) -> frozenset[int]:
        """The places at which any of these words may be found."""
        wanted = set(numbers)
        return frozenset(place for place, same in enumerate(self._same) if not wanted.isdisjoint(same))

    def at(self, place: int, last: int, text: str = "") -> list[tuple[int, int, int]]:
        """(word's number, start, end) of the words at a place of `scan`."""
        start, end = last - self._lengths[place] + 1, last + 1
        numbers = self._same[place]
        if place in self._latin and text[end : end + 1].isalnum() and text[end : end + 1].isascii():
            numbers = tuple(n for n in numbers if n in self._stems)
        return [(number, start, end) for number in numbers]

    def _is_whole(self, text: str, last: int, place: int) -> bool:
        start = last - self._lengths[place] + 1
        if start and text[start - 1].isascii() and text[start - 1].isalnum():
            return False
        after = text[last + 1 : last + 2]
        return not (after.isascii() and after.isalnum()) or not self._stems.isdisjoint(self._same[place])
