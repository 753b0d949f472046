"""Bytes → sheets of raw cells. What the file is, its content decides, not its name."""

from fbbatch.read.limits import Limits
from fbbatch.read.reading import Reading, Sheet, open_file

__all__ = ["Limits", "Reading", "Sheet", "open_file"]
