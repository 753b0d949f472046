"""One dropped file → judged rows: read, identify, validate, classify, assign. Runs in a killable worker."""

from fbbatch.judge.files import Judge, Task, work
from fbbatch.judge.frames import Message, head_of, unframed
from fbbatch.judge.rows import RowJudge, Ruling, Setup

__all__ = ["Judge", "Message", "RowJudge", "Ruling", "Setup", "Task", "head_of", "unframed", "work"]
