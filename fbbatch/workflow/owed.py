"""Which documents a case owes after a run: its reports, and the forms for whoever must act next.

Derived from the ledger each time, never stored before the documents exist, so that a run that is
done again owes the same. Source: 1.3.3, 3.3.3, 4.3, 5.1–5.5, 5.5.2.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from fbbatch.model import Case, Transition
from fbbatch.schema import Book
from fbbatch.workflow.standing import Standing, may_verify, replay


class Owed(NamedTuple):
    """A document to print.

    A form's issue number counts from 1; `filled` is the finished record of one that came back.
    `department` is a cooperating one that answers for itself; the others go to whoever is in
    charge.
    """

    kind: str
    issue: int = 1
    filled: bool = False
    department: str | None = None


def owed_by_new(case: Case, *, reports: Sequence[str], forms: Sequence[str]) -> tuple[Owed, ...]:
    """What a new case owes.

    Args:
        case: the case.
        reports: severities that get a case report.
        forms: severities whose new cases get an assignment notice.
    """
    kinds = ["case_report"] if case.severity in reports else []
    kinds += ["escalation", "impact"] if case.escalations else []
    if case.severity in forms and case.state == "assigned":
        kinds += ["assignment", "coordination"] if case.cooperating else ["assignment"]
    return tuple(Owed(kind) for kind in kinds)


def owed_by_moved(
    case: Case,
    history: Sequence[Transition],
    run: str,
    issues: Mapping[str, int],
    book: Book,
    *,
    reports: Sequence[str],
    again: Collection[str] = (),
) -> tuple[Owed, ...]:
    """What a case owes that a form or the passing of time has moved in this run.

    Args:
        case: the case.
        history: all its steps.
        run: the run's name.
        issues: the newest issue of each form before this run.
        book: who may verify.
        reports: severities that get a case report.
        again: forms to issue once more, because an old issue came back; `measures/<department>` for
            one of a cooperating department.
    """
    past = [step for step in history if step.run != run]
    fresh = [step for step in history if step.run == run]
    before, now = replay(past), replay(history)
    kinds = [kind for kind in again if "/" not in kind]
    kinds += _issued_on_entry(before, now, fresh, book)
    kinds += _because_of(fresh)
    kinds = _with_verification(kinds, now, fresh, book)
    if _departments_must_agree(kinds, now, fresh, issues):
        kinds.append("coordination")
    still_out = _still_out(before, now, past, book)
    owed = []
    for kind in dict.fromkeys(kinds):
        is_new = kind == "reply" or kind not in still_out
        owed.append(Owed(kind, issues.get(kind, 0) + is_new))
    newest = {**issues, **{one.kind: one.issue for one in owed}}
    owed += _owed_by_parts(before, now, fresh, newest, again)
    if any(step.document == "verification" for step in fresh):
        owed.append(Owed("verification", filled=True))
    is_closed_now = now.state == "closed" and before.state != "closed"
    if is_closed_now and case.severity in reports:
        owed.append(Owed("case_report"))
    return tuple(owed)


def _issued_on_entry(
    before: Standing, now: Standing, fresh: Sequence[Transition], book: Book
) -> Sequence[str]:
    """What is issued because the case has come to its state, or to a new round of it."""
    has_come = now.state != before.state or any("verdict" in step.details for step in fresh)
    return book.process.issues.get(now.state, ()) if fresh and has_come else ()


def _with_verification(
    kinds: Sequence[str], now: Standing, fresh: Sequence[Transition], book: Book
) -> list[str]:
    """A leader names a verifier first where nobody may verify. Source: 5.4.2a."""
    found = list(kinds)
    if "verification" in found and not may_verify(now, book):
        found = ["coordination" if kind == "verification" else kind for kind in found]
    is_named = any("verifier" in step.details for step in fresh)
    if now.state == "awaiting_verification" and is_named:
        found.append("verification")
    return found


def _departments_must_agree(
    kinds: Collection[str],
    now: Standing,
    fresh: Sequence[Transition],
    issues: Mapping[str, int],
) -> bool:
    """True where several departments have to do with a case that is assigned or taken on now."""
    if not now.cooperating:
        return False
    is_taken_on = now.state == "accepted" and any(step.document == "assignment" for step in fresh)
    return "assignment" in kinds or (is_taken_on and not issues.get("coordination"))


def _still_out(
    before: Standing, now: Standing, past: Sequence[Transition], book: Book
) -> Sequence[str]:
    """The forms of the state to which a hold has ended: issued before it, they stay good."""
    is_back = before.state == "on_hold" and now.state == before.held_from
    return book.process.issues.get(now.state, ()) if is_back and _were_out(past) else ()


def _owed_by_parts(
    before: Standing,
    now: Standing,
    fresh: Sequence[Transition],
    issues: Mapping[str, int],
    again: Collection[str],
) -> Iterator[Owed]:
    """The measures of cooperating departments.

    They are asked for with the lead's, or once more after a hold or when an old issue came. They
    bear the number of the lead's newest, or of the one that it did not need, having handed in at
    once.

    Source: 5.5.2a.
    """
    is_accepted = any(
        step.to == "accepted" and was != "accepted"
        for was, step in zip([before.state, *(s.to for s in fresh)], fresh, strict=False)
    )
    number = issues.get("measures", 0) + (is_accepted and now.state != "accepted")
    is_resumed = before.state == "on_hold" and now.state != "on_hold"
    for department in now.still_owing:
        if is_accepted or is_resumed or f"measures/{department}" in again:
            yield Owed("measures", max(1, number), department=department)


def _were_out(past: Sequence[Transition]) -> bool:
    """True when the forms of the state before a hold were issued, because a run ended there.

    They stay good, only the date is new.
    """
    began = max(
        n for n, step in enumerate(past) if step.to == "on_hold" and past[n - 1].to != "on_hold"
    )
    return past[began - 1].run != past[began].run


def has_result(history: Sequence[Transition]) -> bool:
    """True for a case whose reporters can be told how it ended."""
    standing = replay(history)
    return standing.outcome != "duplicate" and (
        standing.decided or standing.state in {"verified", "replied", "closed"}
    )


def brings_result(history: Sequence[Transition], run: str) -> bool:
    """True when the run has brought a case's result.

    It passed verification, or it was decided to take no measures.
    """
    return any(
        step.run == run
        and (
            (step.to == "verified" and step.document == "verification")
            or step.details.get("decided")
        )
        for step in history
    ) and has_result(history)


def _because_of(fresh: Sequence[Transition]) -> list[str]:
    """Forms that an answer brings about.

    Coordination for difficulties, letters for a decision without measures.
    """
    kinds: list[str] = []
    for step in fresh:
        answers = step.details.get("answers", {})
        if step.document == "inspection" and (
            answers.get("difficulties") or answers.get("support")
        ):
            kinds.append("coordination")
        if step.document == "result" and answers.get("outcome") == "unsolved":
            kinds.append("coordination")
        if (
            step.to == "assigned"
            and step.document == "tracking_ledger"
            and "department" in step.details
        ):
            kinds.append("assignment")
        if step.details.get("raised"):
            kinds += ["escalation", "impact"]
        if step.details.get("review"):
            kinds.append("coordination")
        if step.details.get("decided"):
            kinds += (
                ["reply"] if step.details["outcome"] == "duplicate" else ["reply", "satisfaction"]
            )
    return kinds
