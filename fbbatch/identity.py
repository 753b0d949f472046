"""When two things dropped are the same: file, row, edited row, or perhaps the same matter.

A row is known by what it says, not by where it stands: the canonical form of its typed answers, so
that another order, another format or another file makes no second case. Rows that are truly the
same twice in one file are told apart by an occurrence counter. What differs in an answer or two may
be the row as it was corrected; what tells of the same product by the same person in like words may
be the same matter, and that a person decides.

Source: N4, 1.3.2.
"""

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from operator import eq
from typing import Any, NamedTuple
from zlib import crc32

import orjson
from rapidfuzz import fuzz

from fbbatch.words import fold
from fbbatch.worsening import is_worse

VOLATILE = frozenset({"recorded_at", "attachments"})
"""Fields that may differ between two records of the same feedback."""


class Fingerprints:
    """Fingerprints of one file's rows.

    Args:
        source: code of the source; the same words from another source are another matter.
    """

    def __init__(self, source: str) -> None:
        self._source = source.encode() + b"\0"
        self._seen: dict[bytes, int] = {}
        self._again: dict[bytes, int] = {}

    def of(self, answers: Sequence[str], *, letter: str = "") -> list[bytes]:
        """For each row, 16 bytes that stand for what it says; blank answers do not count.

        Args:
            answers: the typed answers by field id, as JSON with sorted keys.
            letter: what tells the mail that the rows come from from others with the same words.
        """
        together = "\0".join(answers)
        if not unicodedata.is_normalized("NFC", together) or any(
            f'"{name}":' in together for name in VOLATILE
        ):
            answers = list(map(_lasting, answers))
        source, end = self._source, f"\0{letter}".encode() if letter else b""
        return [
            hashlib.blake2b(source + told.encode() + end, digest_size=16).digest()
            for told in answers
        ]

    def occurrences(self, fingerprints: Sequence[bytes], rows: Sequence[int]) -> list[int]:
        """For each row, how often its fingerprint came before in this file.

        That is 0 when it is the first with it, 1 when it is the second, and so on.
        """
        different = set(fingerprints)
        if len(different) == len(fingerprints) and different.isdisjoint(self._seen):
            self._seen.update(zip(fingerprints, rows, strict=True))
            return [0] * len(fingerprints)
        return list(map(self._occurrence, fingerprints, rows))

    def _occurrence(self, fingerprint: bytes, row: int) -> int:
        if fingerprint not in self._seen:
            self._seen[fingerprint] = row
            return 0
        self._again[fingerprint] = count = self._again.get(fingerprint, 0) + 1
        return count

    def first(self, fingerprint: bytes) -> int:
        """The row that had the fingerprint first."""
        return self._seen[fingerprint]


def kin_keys(source: str, columns: Mapping[str, Sequence[Any]], n_rows: int) -> list[Sequence[int]]:
    """For each row, keys (32 bits) shared with others about the same product by the same person.

    Few other rows share them. Those that name no product are about the same one here.

    Args:
        source: code of the source.
        columns: the typed answers by field id, one a row; None is a blank.
        n_rows: how many there are.
    """
    start, blank = crc32(source.encode() + b"\0"), (None,) * n_rows
    products = [str(product or "").casefold() for product in columns.get(_PRODUCT, blank)]
    sums = {product: crc32(product.encode(), start) for product in set(products)}
    about = [sums[product] for product in products]
    keyed = [
        _keys([str(person or "").casefold() for person in columns.get(name, blank)], about)
        for name in PERSONS
    ]
    keys: list[Sequence[int]] = list(zip(*keyed, strict=True))
    if not any(None in column for column in keyed) and not any(map(eq, *keyed)):
        return keys
    return [list(dict.fromkeys(key for key in row if key is not None)) for row in keys]


def _keys(persons: Sequence[str], about: Sequence[int]) -> list[int | None]:
    nobody = {person for person in set(persons) if person.strip() in _NOBODY}
    if not nobody:
        return list(map(crc32, map(str.encode, persons), about))
    pairs = zip(persons, about, strict=True)
    return [None if person in nobody else crc32(person.encode(), start) for person, start in pairs]


PERSONS = ("reporter", "contact")
_PRODUCT, _TEXT, _DAY = "product", "description", "reported_at"
_MOST_CHANGED, _LEAST_KEPT = 2, 3
_SAME_TEXT, _LIKE_TEXT = 80, 60  # per cent
_MOST_OF_OTHERS = 99  # per cent, of texts that are not the same
_LIKE_PAIRS, _LIKE_PAIRS_OF_SHORT = 70, 90  # per cent
_RELATED_PAIRS = 45  # per cent: with fewer, the same letters in order are chance (English)
_LONG_TEXT = 20  # characters
_LEAST_PAIRS = 7  # of fewer, pairs prove nothing
SAME_MATTER_DAYS = 30


_NOBODY = frozenset(
    {
        "",
        "匿名",
        "匿名用户",
        "匿名用戶",
        "匿名使用者",
        "不具名",
        "无名",
        "無名",
        "无名氏",
        "無名氏",
        "无",
        "無",
        "anonymous",
        "anon",
        "n/a",
        "none",
    }
)
"""What people write who do not give their name: it makes no two of them the same."""


def _is_somebody(name: object) -> bool:
    return str(name or "").casefold().strip() not in _NOBODY


def _lasting(answers: str) -> str:
    """What a row says, without what may differ between two records of it.

    It is the same however its characters are composed.
    """
    told = orjson.loads(answers)
    if not VOLATILE.isdisjoint(told):
        answers = orjson.dumps(
            {k: v for k, v in told.items() if k not in VOLATILE}, option=orjson.OPT_SORT_KEYS
        ).decode()
    return unicodedata.normalize("NFC", answers)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What an edited row says otherwise: field id → (old, new).

    None where one of them is silent.
    """
    names = [
        name for name in (*old, *(name for name in new if name not in old)) if name not in VOLATILE
    ]
    return {
        name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    }


def worsened(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of a row dropped again that only say less: field id → what it says now.

    They were emptied, or a program has damaged them; nobody has corrected anything by that.
    """
    worse = {}
    for name, (before, after) in changes(old, new).items():
        if before is not None and is_worse(before, after):
            worse[name] = after
    return worse


def restored(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says, with the known answers in place of those that only say less."""
    best = dict(new)
    for name in worsened(old, new):
        best[name] = old[name]
    return best


def corrections(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """As `changes`, without what only says less."""
    return changes(old, restored(old, new))


def is_worse_copy(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """True when a row says nothing but what is known, and some of it worse."""
    if not worsened(old, new):
        return False
    return not corrections(old, new)


def is_edited(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """True when `new` reads as `old` with an answer or two corrected.

    Answers that were added, or only say less, do not count against it.
    """
    changed = changes(old, new)
    kept = sum(name not in changed for name in old)
    best = restored(old, new)
    altered = sum(before is not None for before, _ in changes(old, best).values())
    if altered > _MOST_CHANGED:
        return False
    if kept < max(_LEAST_KEPT, altered + 1):
        return False
    return _alike(old, best) >= _SAME_TEXT


def is_of_one_person(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """True when both name the same reporter.

    Only who has sent a form can send it again, corrected.
    """
    return bool(new.get(PERSONS[0])) and old.get(PERSONS[0]) == new[PERSONS[0]]


def is_related(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """True when a row said to copy another one still has as many of its answers as not."""
    changed = changes(old, new)
    kept = sum(name not in changed for name in old)
    return kept >= sum(before is not None for before, _ in changed.values())


class Likeness(NamedTuple):
    """Why two cases may be the same matter.

    What is the same, the days between them, and how like their texts are (per cent).
    """

    same: tuple[str, ...]
    days: int
    percent: int

    @property
    def is_at_once(self) -> bool:
        """Whether the same was said twice on one day."""
        return self.days == 0 and self.percent == 100


def likeness(old: Mapping[str, Any], new: Mapping[str, Any]) -> Likeness | None:
    """Whether `new` may tell of the same matter as `old`, and why.

    The same product and person, at most 30 days apart, in like words. Where neither names a
    product, only the very same words speak for it.
    """
    same = tuple(
        name
        for name in (_PRODUCT, *PERSONS)
        if _is_somebody(new.get(name)) and old.get(name) == new[name]
    )
    days = _days_between(old.get(_DAY), new.get(_DAY))
    if same in {(), (_PRODUCT,)} or days is None or days > SAME_MATTER_DAYS:
        return None
    percent = _like_words(_text_of(old), _text_of(new))
    if _PRODUCT not in same:
        names_one = old.get(_PRODUCT) or new.get(_PRODUCT)
        percent = 100 if percent == 100 and not names_one else 0
    return Likeness(same, days, percent) if percent else None


def _like_words(one: str, other: str) -> int:
    """How like two folded texts are, in per cent; 0 where that is not enough to speak of it.

    100 are the same words; those that hold all of the other one and more have fewer.
    The order of characters tells typing errors; that most pairs of one text stand in the other one
    tells sentences that were moved, added or left out.
    """
    if one == other:
        return 100
    in_order = round(_same_order(one, other))
    fewer, more = sorted((_pairs(one), _pairs(other)), key=len)
    shared = round(100 * len(fewer & more) / len(fewer)) if fewer else 0
    are_long = min(len(one), len(other)) >= _LONG_TEXT
    enough = _LIKE_PAIRS if are_long else _LIKE_PAIRS_OF_SHORT
    if shared >= enough and len(fewer) >= _LEAST_PAIRS:
        return min(max(in_order, shared), _MOST_OF_OTHERS)
    is_chance = are_long and shared < _RELATED_PAIRS
    enough = _SAME_TEXT if is_chance else _LIKE_TEXT
    return min(in_order, _MOST_OF_OTHERS) if in_order >= enough else 0


@lru_cache(maxsize=4096)
def _pairs(text: str) -> frozenset[tuple[str, str]]:
    """The pairs of neighbours in a folded text: Chinese characters, Latin words, numbers.

    What a mark or a break separates is no pair.
    """
    clauses = (_UNITS.findall(clause) for clause in _MARKS.split(text))
    return frozenset(chain.from_iterable(map(pairwise, clauses)))


_MARKS = re.compile(r"[^\w\s']+|\n")
_UNITS = re.compile(r"[a-z0-9']+|\w")


def _alike(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    return _same_order(_text_of(old), _text_of(new))


def _text_of(answers: Mapping[str, Any]) -> str:
    """What somebody wrote, folded."""
    return _folded(str(answers.get(_TEXT) or ""))


_folded = lru_cache(maxsize=4096)(fold)
"""A text is compared with those of many cases."""


def _same_order(one: str, other: str) -> float:
    """How many characters of two folded texts stand in the same order (per cent); 0 for few."""
    if one == other:
        return 100.0
    ratios = (fuzz.ratio, fuzz.token_sort_ratio)
    return max(ratio(one, other, score_cutoff=_LIKE_TEXT) for ratio in ratios)


def _days_between(one: object, other: object) -> int | None:
    if not one or not other:
        return None
    return abs((dt.date.fromisoformat(str(one)[:10]) - dt.date.fromisoformat(str(other)[:10])).days)


def digest(chunks: Iterable[bytes]) -> str:
    """sha256 of a file's bytes, as hex."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def gives_address(contact: str, address: str) -> bool:
    """True where a contact, as people write it, has this mail address in it.

    Args:
        contact: the answer, perhaps with a phone number or a name beside the address.
        address: the whole address, in any case.
    """
    return bool(address) and address.lower() in _BETWEEN_CONTACTS.split(contact.lower())


_BETWEEN_CONTACTS = re.compile(r"[\s,;；，、/|<>()（）]+")
