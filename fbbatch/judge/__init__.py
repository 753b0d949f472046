"""One dropped file → judged rows: read, identify, validate, classify, assign.

It runs in a worker that can be killed.
"""

from fbbatch.judge.files import FileToJudge, Judge, work
from fbbatch.judge.messages import Hearing, Message, head_of
from fbbatch.judge.rows import RowJudge, Ruling, Setup

__all__ = [
    "FileToJudge",
    "Hearing",
    "Judge",
    "Message",
    "RowJudge",
    "Ruling",
    "Setup",
    "head_of",
    "work",
]
