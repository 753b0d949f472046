"""One dropped file → judged rows: read, identify, validate, classify, assign.

It runs in a worker that can be killed.
"""

from fbbatch.judge.files import FileToJudge, Judge, work
from fbbatch.judge.hearing import Hearing
from fbbatch.judge.rows import RowJudge, Setup

__all__ = ["FileToJudge", "Hearing", "Judge", "RowJudge", "Setup", "work"]
