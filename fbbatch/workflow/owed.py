"""Which documents a matter owes after a run: reports, and the forms for whoever must act next.

Derived from the ledger each time, never stored before the documents exist, so that a run that is
done again owes the same. Source: 1.3.3, 3.3.3, 4.3, 5.1–5.5, 5.5.2.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from fbbatch.model import Case, Transition
from fbbatch.schema import Book
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import HELD, Standing, may_verify


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
    matter: Matter,
    run: str,
    issues: Mapping[str, int],
    book: Book,
    *,
    reports: Sequence[str],
    again: Collection[str] = (),
) -> tuple[Owed, ...]:
    """What a matter owes that a form or the passing of time has moved in this run.

    Args:
        matter: with all its steps.
        run: the run's name.
        issues: the newest issue of each form before this run.
        book: who may verify.
        reports: severities that get a case report.
        again: forms to issue once more, because an old issue came back; `measures/<department>` for
            one of a cooperating department.
    """
    past = matter.before(run)
    fresh = matter.history[len(past.history) :]
    before, now = past.standing, matter.standing
    kinds = [kind for kind in again if "/" not in kind]
    kinds += _issued_on_entry(before, now, fresh)
    kinds += _because_of(fresh)
    kinds = _with_verification(kinds, now, fresh, book)
    if _departments_must_agree(kinds, now, fresh, issues):
        kinds.append("coordination")
    still_out = _still_out(past, now)
    owed = []
    for kind in dict.fromkeys(kinds):
        is_new = kind == "reply" or kind not in still_out
        owed.append(Owed(kind, issues.get(kind, 0) + is_new))
    newest = {**issues, **{one.kind: one.issue for one in owed}}
    owed += _owed_by_parts(before, now, fresh, newest, again)
    if any(step.document == "verification" for step in fresh):
        owed.append(Owed("verification", filled=True))
    is_closed_now = before.is_open and not now.is_open
    if is_closed_now and matter.is_case and matter.facts.severity in reports:
        owed.append(Owed("case_report"))
    return tuple(owed)


def _issued_on_entry(before: Standing, now: Standing, fresh: Sequence[Transition]) -> Sequence[str]:
    """What is issued because the matter has come to its state, or to a new round of it."""
    is_new = fresh and not before.came_on
    is_turned = any(step.details.verdict is not None for step in fresh)
    has_come = is_new or now.state != before.state or is_turned
    return now.process.issues.get(now.state, ()) if fresh and has_come else ()


def _with_verification(
    kinds: Sequence[str], now: Standing, fresh: Sequence[Transition], book: Book
) -> list[str]:
    """A leader names a verifier first where nobody may verify. Source: 5.4.2a."""
    found = list(kinds)
    if "verification" in found and not may_verify(now, book):
        found = ["coordination" if kind == "verification" else kind for kind in found]
    is_named = any(step.details.verifier is not None for step in fresh)
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


def _still_out(past: Matter, now: Standing) -> Sequence[str]:
    """The forms of the state to which a hold has ended: issued before it, they stay good."""
    before = past.standing
    is_back = before.state == HELD and now.state == before.held_from
    return now.process.issues.get(now.state, ()) if is_back and _were_out(past.history) else ()


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
    form = now.process.parts_form
    if form is None:
        return
    asking = now.process.asked_in(form)
    states = [before.state, *(step.to for step in fresh)]
    is_asked_now = any(to == asking != was for was, to in pairwise(states))
    number = issues.get(form, 0) + (is_asked_now and now.state != asking)
    is_resumed = before.state == HELD and now.state != HELD
    for department in now.still_owing:
        if is_asked_now or is_resumed or f"{form}/{department}" in again:
            yield Owed(form, max(1, number), department=department)


def _were_out(past: Sequence[Transition]) -> bool:
    """True when the forms of the state before a hold were issued, because a run ended there.

    They stay good, only the date is new.
    """
    began = max(n for n, step in enumerate(past) if step.to == HELD and past[n - 1].to != HELD)
    return past[began - 1].run != past[began].run


def has_result(matter: Matter) -> bool:
    """True for a case whose reporters can be told how it ended."""
    standing = matter.standing
    return standing.outcome != "duplicate" and (
        standing.decided or standing.state in {"verified", "replied", "closed"}
    )


def brings_result(matter: Matter, run: str) -> bool:
    """True when the run has brought a case's result.

    It passed verification, or it was decided to take no measures.
    """
    fresh = [step for step in matter.history if step.run == run]
    return any(map(_settles, fresh)) and has_result(matter)


def _settles(step: Transition) -> bool:
    is_passed = step.to == "verified" and step.document == "verification"
    return is_passed or bool(step.details.decided)


def _because_of(fresh: Sequence[Transition]) -> list[str]:
    """Forms that a step brings about, whatever state it leads to."""
    return [kind for step in fresh for kind in (*_of_answers(step), *_of_details(step))]


def _of_answers(step: Transition) -> Iterator[str]:
    """Coordination, for difficulties and for what could not be solved."""
    answers = step.answers
    if step.document == "inspection" and (answers.get("difficulties") or answers.get("support")):
        yield "coordination"
    if step.document == "result" and answers.get("outcome") == "unsolved":
        yield "coordination"


def _of_details(step: Transition) -> Iterator[str]:
    """A new assignment, papers for the leaders, letters for a decision without measures."""
    details = step.details
    if step.to == "assigned" and step.document == "tracking_ledger" and details.department:
        yield "assignment"
    if details.raised:
        yield from ("escalation", "impact")
    if details.review:
        yield "coordination"
    if details.decided:
        yield "reply"
    if details.decided and details.outcome != "duplicate":
        yield "satisfaction"
