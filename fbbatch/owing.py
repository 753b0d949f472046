"""Which documents a case owes after a run: its reports, and the forms for whoever must act next.

Derived from the ledger each time, never stored before the documents exist, so that a run that is done again owes the
same. Source: 1.3.3, 3.3.3, 4.3, 5.1–5.5.
"""

from collections.abc import Iterable, Mapping, Sequence

from fbbatch.model import Case, Transition
from fbbatch.press import Owed
from fbbatch.workflow import Standing, replay

_ON_ENTRY: dict[str, tuple[str, ...]] = {
    "assigned": ("assignment",),
    "accepted": ("measures",),
    "planned": ("result", "inspection"),
    "on_hold": ("coordination", "reply"),
    "awaiting_verification": ("verification",),
    "verified": ("reply", "satisfaction"),
}
"""The forms that are issued when a case enters a state."""


def owed_by_new(case: Case, *, reports: Sequence[str], forms: Sequence[str]) -> tuple[Owed, ...]:
    """What a new case owes.

    Args:
        case: the case.
        reports: severities that get a case report.
        forms: severities that get forms of their own; the others are handled in the tracking ledger alone.
    """
    kinds = ["case_report"] if case.severity in reports else []
    kinds += ["escalation", "impact"] if case.escalations else []
    kinds += ["assignment"] if case.severity in forms and case.state == "assigned" else []
    return tuple(Owed(kind) for kind in kinds)


def owed_by_moved(
    case: Case, history: Sequence[Transition], run: str, issues: Mapping[str, int], *, reports: Sequence[str], again: Iterable[str] = ()
) -> tuple[Owed, ...]:
    """What a case owes that a form or the passing of time has moved in this run.

    Args:
        case: the case.
        history: all its steps.
        run: the run's name.
        issues: the newest issue of each form before this run.
        reports: severities that get a case report.
        again: forms to issue once more, because an old issue came back.
    """
    before = replay([step for step in history if step.run != run])
    now = replay(history)
    fresh = [step for step in history if step.run == run]
    kinds = list(again)
    if fresh and (now.state != before.state or any("verdict" in step.details for step in fresh)):
        kinds += _ON_ENTRY.get(now.state, ())
    kinds += _because_of(fresh, now)
    owed = [Owed(kind, issues.get(kind, 0) + 1) for kind in dict.fromkeys(kinds)]
    if any(step.document == "verification" for step in fresh):
        owed.append(Owed("verification", filled=True))
    if now.state == "closed" and before.state != "closed" and case.severity in reports:
        owed.append(Owed("case_report"))
    return tuple(owed)


def _because_of(fresh: Sequence[Transition], now: Standing) -> list[str]:
    """Forms that an answer brings about: coordination for difficulties, letters for a decision without measures."""
    kinds: list[str] = []
    for step in fresh:
        answers = step.details.get("answers", {})
        if step.document == "inspection" and (answers.get("difficulties") or answers.get("support")):
            kinds.append("coordination")
        if step.document == "result" and answers.get("outcome") == "unsolved":
            kinds.append("coordination")
        if step.details.get("review"):
            kinds.append("coordination")
        if step.document == "coordination" and now.decided:
            kinds.append("reply")
            if now.outcome != "duplicate":
                kinds.append("satisfaction")
    return kinds
