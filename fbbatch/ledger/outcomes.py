"""What a file's outcome is, by its rows and by the files in it. Source: N5."""

from collections.abc import Mapping, Sequence

HARMLESS = frozenset({"FB-about-case", "FB-own-document", "FB-cover-letter", "FB-automatic-mail"})
"""Findings that say why rows were kept but became no feedback; nothing is wrong with them."""
_SOUND = frozenset({"accepted", "duplicate", "step"})
_TROUBLED = frozenset({"returned", "quarantined"})


def together(outcomes: Sequence[str]) -> str:
    """The outcome of a file that holds others: partly, where some went well and some did not."""
    different = set(outcomes) - {"set_aside"} or {"set_aside"}  # a cover letter changes nothing
    if len(different) == 1:
        return different.pop()
    if different <= _SOUND:
        return "step" if "step" in different else "accepted"
    if different <= _TROUBLED:
        return "returned"
    return "partly" if different & (_TROUBLED | {"partly"}) else "accepted"


def outcome_of(counts: Mapping[str, int], n_amended: int, n_not_rows: int = 0) -> str:
    """The outcome of a file by its rows.

    Rows that amend a case count as duplicates, for they make no case. `n_not_rows` of those set
    aside are no feedback, such as totals: they decide nothing where there are others.
    """
    if not counts["rows"]:
        return "accepted"
    n_rows = counts["rows"] - n_not_rows
    n_disputed = counts["set_aside"] - n_not_rows
    accepted = counts["accepted"]
    duplicate = counts["duplicate"]
    if n_rows == n_disputed:
        return "set_aside"
    if n_rows == accepted:
        return "accepted"
    if n_rows == duplicate:
        return "accepted" if n_amended else "duplicate"
    if not accepted and not duplicate:
        return "returned"
    if counts["returned"] or n_disputed:
        return "partly"
    return "accepted"
