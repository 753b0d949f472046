"""Bytes → sheets of raw cells and written documents.

What the file is, its content decides, not its name.
"""

from fbbatch.read.limits import Limits
from fbbatch.read.open_file import Hints, kind_of, open_content
from fbbatch.read.paper import Letter, Paper, Part
from fbbatch.read.sheet import Reading, Sheet, sheet_of
from fbbatch.read.workbook_check import ReadersDisagreeError

__all__ = [
    "Hints",
    "Letter",
    "Limits",
    "Paper",
    "Part",
    "ReadersDisagreeError",
    "Reading",
    "Sheet",
    "kind_of",
    "open_content",
    "sheet_of",
]
