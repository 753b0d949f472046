"""What is attached to a mail and is no feedback of its own: a letter, evidence, or not understood.

A letter is judged with the mail. A picture is evidence. Whatever else is attached may say what the
mail does not: somebody has to look.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fbbatch.findings import finding
from fbbatch.judge.mails import Enclosed
from fbbatch.messages import Message, Refusal
from fbbatch.model import Finding
from fbbatch.read import Limits, Part
from fbbatch.read.attached_letter import is_formality, letter_in

_PICTURES = frozenset(
    {
        "PNG",
        "JPEG",
        "GIF",
        "BMP",
        "TIFF",
        "MP4",
        "MP3",
        "OGG",
        "media",
    }
)
"""Kinds of files that show or let hear something, as `FB-not-readable` calls them."""


@dataclass(frozen=True, slots=True)
class Enclosures:
    """The attachments of a mail that are no feedback of their own.

    Attributes:
        evidence: pictures, films, sounds, and what mailers attach by themselves.
        letters: each with its words.
        unread: all others, which somebody has to open.
    """

    evidence: tuple[Part, ...]
    letters: tuple[tuple[Part, str], ...]
    unread: tuple[Part, ...]

    def names(self) -> tuple[str, ...]:
        """The names of all: evidence first, then letters, then what was not understood."""
        return (
            *_names_of(self.evidence),
            *_names_of(self._letters()),
            *_names_of(self.unread),
        )

    def enclosed(self) -> Enclosed:
        """The names of all, and the letters to be judged with the mail."""
        words: list[tuple[str, str]] = []
        for part, text in self.letters:
            words.append((part.name, text))
        return Enclosed(self.names(), tuple(words))

    def findings(self) -> list[Finding]:
        """What is said of them where the mail is judged."""
        return [
            *_each("FB-evidence", self.evidence),
            *_each("FB-attached-letter", self._letters()),
            *_each("FB-attachment-unread", self.unread),
        ]

    def unheard(self) -> list[Finding]:
        """What is said of them where the mail is not judged.

        Its letters are not judged then, either, so that somebody has to open them.
        """
        return [
            *_each("FB-evidence", self.evidence),
            *_each("FB-attachment-unread", self._letters()),
            *_each("FB-attachment-unread", self.unread),
        ]

    def _letters(self) -> list[Part]:
        return [part for part, _ in self.letters]


def sorted_enclosures(kept: Iterable[tuple[Part, Sequence[Message]]], limits: Limits) -> Enclosures:
    """Tell letters and evidence from what was not understood.

    Args:
        kept: the attachments, each with what was said of it when it was judged.
        limits: how much is too much.
    """
    evidence: list[Part] = []
    letters: list[tuple[Part, str]] = []
    unread: list[Part] = []
    for part, messages in kept:
        if _shows(messages) or is_formality(part):
            evidence.append(part)
        elif text := letter_in(part, limits):
            letters.append((part, text))
        else:
            unread.append(part)
    return Enclosures(tuple(evidence), tuple(letters), tuple(unread))


def _shows(messages: Sequence[Message]) -> bool:
    """Whether a file, or all in a zip, is a picture, film or sound."""
    for message in messages:
        if not isinstance(message, Refusal):
            continue
        kind = message.reason.details.get("found")
        if kind not in _PICTURES:
            return False
    return True


def _names_of(parts: Iterable[Part]) -> list[str]:
    return [part.name for part in parts]


def _each(code: str, parts: Iterable[Part]) -> list[Finding]:
    """A finding for each file, which it names."""
    return [finding(code, name=part.name) for part in parts]
