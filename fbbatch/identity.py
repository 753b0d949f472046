"""When two things dropped are the same: same file, same row. Source: features N4, 1.3.2.

A row is known by what it says, not by where it stands: the canonical form of its typed answers, so that another
order, another format or another file makes no second case. Rows that are truly the same twice in one file are
told apart by an occurrence counter.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

_VOLATILE = frozenset({"recorded_at", "attachments"})


class Fingerprints:
    """Fingerprints of one file's rows.

    Args:
        source: code of the source; the same words from another source are another matter.
        fields: ids of the fields, in the order of the values.
    """

    def __init__(self, source: str, fields: Sequence[str]) -> None:
        order = sorted(range(len(fields)), key=lambda n: fields[n])
        self._order = [n for n in order if fields[n] not in _VOLATILE]
        self._fields = [fields[n] for n in self._order]
        self._source = source
        self._counts: dict[str, int] = {}

    def of(self, values: Sequence[Any]) -> str:
        """32 hex digits that say what the row says; blank answers do not count."""
        told = [(f, values[n]) for f, n in zip(self._fields, self._order, strict=True) if values[n] is not None]
        canonical = orjson.dumps((self._source, told))
        if not canonical.isascii():
            canonical = unicodedata.normalize("NFC", canonical.decode()).encode()
        return hashlib.blake2b(canonical, digest_size=16).hexdigest()

    def occurrence(self, fingerprint: str) -> int:
        """0 for the first row of this file with the fingerprint, 1 for the second, …"""
        count = self._counts.get(fingerprint, 0)
        self._counts[fingerprint] = count + 1
        return count


def digest(chunks: Iterable[bytes]) -> str:
    """sha256 of a file's bytes, as hex."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()
