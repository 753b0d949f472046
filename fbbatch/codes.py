"""Check codes: by a short code, a document that comes back says that it is ours.

What we issue and may come back bears one, which also says what it is about.

A code is an HMAC over the workspace, the kind of document, the case, the issue and the department,
under a secret that never leaves the workspace. Nobody who has only seen a form can make the code of
another one. Source: N2, 5.4.2.
"""

import datetime as dt
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from fbbatch.wording import in_all_languages, say

LENGTH = 8
# nothing that looks like another sign: no 0 O, 1 I L, 2 Z, 5 S, 8 B, U
_ALPHABET = "34679ACDEFGHJKMNPQRTVWXY"


class Key(NamedTuple):
    """A secret, and the last day on which codes made with it hold.

    None: it makes the codes of today.
    """

    secret: bytes
    until: dt.date | None = None


class Subject(NamedTuple):
    """What a code is about.

    A kind of document, the case or `''`, the issue (a number or a run), and the department or `''`.
    """

    kind: str
    case: str = ""
    issue: str = ""
    department: str = ""


@dataclass(frozen=True)
class Codes:
    """The codes of one workspace.

    `workspace` is its random id; the first of `keys` makes new codes, the others only prove old
    ones.
    """

    workspace: str
    keys: tuple[Key, ...] = field(repr=False)

    def of(self, subject: Subject) -> str:
        """The code that a new document about this carries: 8 characters."""
        return self._made(self.keys[0], subject)

    def prove(self, code: str, subject: Subject, today: dt.date) -> bool:
        """True for the code of that document, made with a key that still holds."""
        told = plain(code)
        keys = [key for key in self.keys if key.until is None or today <= key.until]
        right = [
            hmac.compare_digest(told.encode(), self._made(key, subject).encode()) for key in keys
        ]
        return any(right)

    def _made(self, key: Key, subject: Subject) -> str:
        told = "\0".join((self.workspace, *subject)).encode("utf-8", "surrogatepass")
        number = int.from_bytes(hmac.new(key.secret, told, hashlib.sha256).digest(), "big")
        signs = []
        for _ in range(LENGTH):
            number, place = divmod(number, len(_ALPHABET))
            signs.append(_ALPHABET[place])
        return "".join(signs)


def plain(code: str) -> str:
    """A code as it was made, however somebody has typed it."""
    return "".join(unicodedata.normalize("NFKC", code).upper().split())


def printed_codes(text: str) -> Iterator[tuple[str, str]]:
    """(code, issue or `''`) that a text shows behind the word for it, in any language, in order."""
    for found in _printed().finditer(unicodedata.normalize("NFKC", text)):
        yield plain(found[3]), found[1] or found[2] or ""


@cache
def _printed() -> re.Pattern[str]:
    """A code as it is printed: perhaps behind the number of the issue, and behind its word."""
    words = "|".join(in_all_languages("check_code"))
    return re.compile(
        r"(?:(?:第\s*(\d{1,6})\s*次|issue\s+(\d{1,6}))\s*·\s*)?"
        rf"(?:{words})[\s:]*([0-9A-Z]{{{LENGTH}}})(?![0-9A-Z])",
        re.IGNORECASE,
    )


def code_line(code: str, language: str) -> str:
    """The word for it, and the code."""
    return f"{say('check_code', language)} {code}"


def foot_line(language: str, *, number: str, form: str, issue: str, code: str) -> str:
    """What a form shows at its foot: the case's number, its own, which issue, and the code."""
    parts = (number, form, say("issue_number", language, number=issue), code_line(code, language))
    return " · ".join(part for part in parts if part)
