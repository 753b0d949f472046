"""Messages of a worker as frames for its pipe.

A frame is a line of JSON, followed, in a chunk of rows, by lines of JSON for the rows. The rows'
own JSON goes into the ledger as it is, so nobody has to quote it in between, or to read it.
"""

from typing import Any

import orjson

from fbbatch.findings import finding
from fbbatch.identity import Fingerprints
from fbbatch.model import FeedbackRows

Message = dict[str, Any]
"""What a worker tells the run, ready for JSON; `lines` is what follows it, line by line."""


def framed(message: Message) -> bytes:
    """A message as a frame."""
    lines = message.pop("lines", ())
    return b"\n".join((orjson.dumps(message, default=_plain), *lines))


class Hearing:
    """Takes the frames of one file in their order and gives their messages.

    What each row says becomes its fingerprint here. The run knows rows by fingerprints, and has the
    time for it: a worker has more to do.
    """

    def __init__(self) -> None:
        self._prints: dict[str, Fingerprints] = {}
        self._source = ""
        self._letter = ""

    def message(self, frame: bytes) -> Message:
        """The message of a frame; a chunk's `rows` are `FeedbackRows`, `returned` are (row, cells).

        Of a mail's chunk, `plain` are the fingerprints that its rows would have had they not come
        by mail.
        """
        head, _, rest = frame.partition(b"\n")
        message: Message = orjson.loads(head)
        if (
            "part" in message
        ):  # rows that are alike are counted within a file, also within one inside another
            self._prints = {}
        self._source = message.get("source", self._source)
        if "head" in message:
            self._letter = message.get("letter", "")
        if "rows" in message:
            self._take_rows(message, rest.decode().split("\n"))
        return message

    def _take_rows(self, message: Message, lines: list[str]) -> None:
        numbers, n = message["rows"], len(message["rows"])
        prints = self._prints.setdefault(self._source, Fingerprints(self._source))
        answers = lines[n : 2 * n]
        fingerprints = prints.of(answers, letter=self._letter)
        message["plain"] = prints.of(answers) if self._letter else ()
        occurrences = prints.occurrences(fingerprints, numbers)
        others = (message.pop("channels"), message.pop("ruled"), message.pop("kin"))
        message["rows"] = FeedbackRows(
            numbers, lines[:n], answers, fingerprints, occurrences, *others
        )
        message["returned"] = list(zip(message["returned"], lines[2 * n :], strict=False))
        if any(occurrences):
            sheet = None if message["written"] else message["sheet"]
            again = [
                (row, same)
                for row, same, n_before in zip(numbers, fingerprints, occurrences, strict=True)
                if n_before
            ]
            message["findings"] += [
                finding("FB-twice", sheet=sheet, row=row, first=prints.first(same))
                for row, same in again
            ]


def head_of(frame: bytes) -> bytes:
    """The frame without its rows."""
    return frame.partition(b"\n")[0]


def _plain(value: object) -> object:
    """Findings travel as lists; what a parser hands out besides JSON's own types, as text."""
    return tuple(value) if isinstance(value, tuple) else str(value)
