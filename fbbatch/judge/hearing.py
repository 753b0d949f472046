"""The frames of a worker → what the run hears of a file.

What each row says becomes its fingerprint here. The run knows rows by fingerprints, and has the
time for it: a worker has more to do.
"""

from collections.abc import Iterator

from fbbatch.findings import finding
from fbbatch.identity import Fingerprints
from fbbatch.messages import Heard, HeardRows, PartHead, RowChunk, SheetHead, decode
from fbbatch.model import FeedbackRows, Finding


class Hearing:
    """Takes the frames of one file in their order and gives their messages."""

    def __init__(self) -> None:
        self._prints: dict[str, Fingerprints] = {}
        self._source = ""
        self._letter = ""

    def message(self, frame: bytes) -> Heard:
        """The message of a frame, a chunk of rows with fingerprints.

        Rows that are alike are counted within a file, also within one inside another.
        """
        message = decode(frame)
        if isinstance(message, RowChunk):
            return self._heard(message)
        if isinstance(message, PartHead):
            self._prints = {}
        elif isinstance(message, SheetHead):
            self._source = message.source
            self._letter = message.letter
        return message

    def _heard(self, chunk: RowChunk) -> HeardRows:
        """A chunk whose lines are told apart, and whose rows are known."""
        numbers = chunk.numbers
        n = len(numbers)
        lines = chunk.lines.decode().split("\n")
        answers = lines[n : 2 * n]
        prints = self._prints.setdefault(self._source, Fingerprints(self._source))
        fingerprints = prints.of(answers, letter=self._letter)
        rows = FeedbackRows(
            row=numbers,
            cells=lines[:n],
            answers=answers,
            fingerprint=fingerprints,
            occurrence=prints.occurrences(fingerprints, numbers),
            channel=chunk.channels,
            ruling=chunk.ruled,
            kin=chunk.kin,
        )
        findings = list(chunk.findings)
        if any(rows.occurrence):
            findings += _said_again(chunk, rows, prints)
        return HeardRows(
            chunk.sheet,
            rows,
            plain=prints.of(answers) if self._letter else (),
            returned=list(zip(chunk.returned, lines[2 * n :], strict=False)),
            rulings=chunk.rulings,
            marks=chunk.marks,
            findings=findings,
        )


def _said_again(chunk: RowChunk, rows: FeedbackRows, prints: Fingerprints) -> Iterator[Finding]:
    """A finding for each row that says what one before it in the file has said."""
    sheet = None if chunk.is_written else chunk.sheet
    known = zip(rows.row, rows.fingerprint, rows.occurrence, strict=True)
    for row, same, n_before in known:
        if n_before:
            first = prints.first(same)
            yield finding("FB-twice", sheet=sheet, row=row, first=first)
