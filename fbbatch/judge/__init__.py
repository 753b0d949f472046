"""One dropped file → judged rows: read, identify, validate, classify, assign.

It runs in a worker that can be killed.
"""

from fbbatch.judge.files import Judge, Task, work
from fbbatch.judge.hearing import Hearing
from fbbatch.judge.rows import RowJudge, Setup

__all__ = ["Hearing", "Judge", "RowJudge", "Setup", "Task", "work"]
