"""What brings a step of a case, and records it. Source: part 4.

That is: forms, edited ledgers, amended rows, decisions, time.

Decisions about a case are `fbbatch.workflow.process`'s; here they are asked for and written down.
"""

from fbbatch.steps.rules import Rules
from fbbatch.steps.takes import Steps

__all__ = ["Rules", "Steps"]
