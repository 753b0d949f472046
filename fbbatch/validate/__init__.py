"""Rows + schema → typed values + findings.

Good rows are taken, bad rows go back with all that is wrong.

A schema is compiled once per sheet; rows are then checked column by column, so that what repeats in
a column (products, dates, channels) is judged once. Source: 1.3.2b, 1.3.2c, 3.1.1–3.1.3.
"""

from fbbatch.validate.check import Checked, Checker, validate
from fbbatch.validate.values import Bad, text_of

__all__ = ["Bad", "Checked", "Checker", "text_of", "validate"]
