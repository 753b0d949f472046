"""One dropped file → judged rows: read, identify, validate, classify, assign. Runs in a killable worker."""

from fbbatch.judge.files import Judge, Task, work
from fbbatch.judge.rows import Message, RowJudge, Ruling, Setup

__all__ = ["Judge", "Message", "RowJudge", "Ruling", "Setup", "Task", "work"]
