"""What a file's outcome is, by its rows and by the files in it. Source: N5."""

from collections.abc import Sequence

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


def outcome_of(counts: dict[str, int], n_amended: int) -> str:
    """The outcome of a file by its rows.

    Rows that amend a case count as duplicates, for they make no case.
    """
    if not counts["rows"] or counts["rows"] == counts["accepted"]:
        return "accepted"
    if counts["rows"] == counts["duplicate"]:
        return "accepted" if n_amended else "duplicate"
    if counts["rows"] == counts["set_aside"]:
        return "set_aside"
    if not counts["accepted"] and not counts["duplicate"]:
        return "returned"
    return "partly" if counts["returned"] or counts["set_aside"] else "accepted"
