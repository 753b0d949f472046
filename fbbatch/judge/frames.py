"""Messages of a worker as frames for its pipe: a line of JSON, then, of a chunk of rows, a line of JSON for each row.

The rows' own JSON goes into the ledger as it is, so nobody has to quote it in between, or to read it.
"""

from typing import Any

import orjson

from fbbatch.model import FeedbackRow

Message = dict[str, Any]
"""What a worker tells the run, ready for JSON; `lines` is what follows it, line by line."""

_OF_ROWS = ("fingerprints", "occurrences", "channels", "ruled", "kin")


def framed(message: Message) -> bytes:
    """A message as a frame."""
    lines = message.pop("lines", ())
    return b"\n".join((orjson.dumps(message, default=_plain), *lines))


def unframed(frame: bytes) -> Message:
    """The message of a frame; of a chunk, `rows` are `FeedbackRow`s, `returned` are (row, cells)."""
    head, _, rest = frame.partition(b"\n")
    message: Message = orjson.loads(head)
    if "rows" in message:
        numbers, lines = message["rows"], rest.decode().split("\n")
        n = len(numbers)
        prints, *others = (message.pop(name) for name in _OF_ROWS)
        columns = (numbers, lines[:n], lines[n : 2 * n], map(bytes.fromhex, prints), *others)
        message["rows"] = list(map(FeedbackRow._make, zip(*columns, strict=True)))
        message["returned"] = list(zip(message["returned"], lines[2 * n :], strict=False))
    return message


def head_of(frame: bytes) -> bytes:
    """The frame without its rows."""
    return frame.partition(b"\n")[0]


def _plain(value: object) -> object:
    """Findings travel as lists; what a parser may hand out besides JSON's own types travels as text."""
    return tuple(value) if isinstance(value, tuple) else str(value)
