"""When two things dropped are the same: same file, same row. Source: features N4, 1.3.2.

A row is known by what it says, not by where it stands: the canonical form of its typed answers, so that another
order, another format or another file makes no second case. Rows that are truly the same twice in one file are
told apart by an occurrence counter.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

VOLATILE = frozenset({"recorded_at", "attachments"})
"""Fields that may differ between two records of the same feedback."""


class Fingerprints:
    """Fingerprints of one file's rows.

    Args:
        source: code of the source; the same words from another source are another matter.
    """

    def __init__(self, source: str) -> None:
        self._source = source.encode() + b"\0"
        self._seen: dict[str, int] = {}
        self._again: dict[str, int] = {}

    def of(self, answers: Mapping[str, Any], canonical: str) -> str:
        """32 hex digits that say what the row says; blank answers do not count.

        Args:
            answers: the typed answers by field id.
            canonical: the same as JSON with sorted keys.
        """
        if not VOLATILE.isdisjoint(answers):
            canonical = orjson.dumps({k: v for k, v in answers.items() if k not in VOLATILE}, option=orjson.OPT_SORT_KEYS).decode()
        if not unicodedata.is_normalized("NFC", canonical):
            canonical = unicodedata.normalize("NFC", canonical)
        return hashlib.blake2b(self._source + canonical.encode(), digest_size=16).hexdigest()

    def occurrence(self, fingerprint: str, row: int) -> int:
        """0 for the first row of this file with the fingerprint, 1 for the second, and so on."""
        if fingerprint not in self._seen:
            self._seen[fingerprint] = row
            return 0
        self._again[fingerprint] = count = self._again.get(fingerprint, 0) + 1
        return count

    def first(self, fingerprint: str) -> int:
        """The row that had the fingerprint first."""
        return self._seen[fingerprint]


def digest(chunks: Iterable[bytes]) -> str:
    """sha256 of a file's bytes, as hex."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()
