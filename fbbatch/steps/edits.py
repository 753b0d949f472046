"""Edited ledgers and summaries: who may change which cells, and what they do to cases.

Source: N3, N7, 5.3.1, 5.3.3.

What is refused is told at its cell and changes nothing; the others are applied. A cell that says
what the case says already changes nothing either, so that a corrected copy may be dropped whole.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fbbatch.findings import finding
from fbbatch.ledger.recording import FileRecorder
from fbbatch.messages import CellChange, EditedWorkbook
from fbbatch.model import (
    REPORTER,
    WAITING_NUMBER,
    Case,
    Details,
    Finding,
    WaitingForm,
)
from fbbatch.schema.models import Person
from fbbatch.steps.forms import Forms
from fbbatch.steps.mergers import MERGE, main_case
from fbbatch.steps.proof import is_proven_workbook
from fbbatch.steps.record import Signed, record
from fbbatch.steps.rules import LEDGER, Rules
from fbbatch.words import fold
from fbbatch.workflow.decisions import merged_into, resume
from fbbatch.workflow.gates import (
    ANYONE,
    HEADS_OF_P01,
    LEADERS,
    deciders,
    signers,
)
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import HELD, Move, Standing, asked_on, involved

IGNORE = "ignore"
_LONGEST_HOLD_DAYS = 3_660
_NOTES = frozenset({"last_progress", "difficulties", "remarks"})
_JUDGED = ("kind", "type", "severity")
_OF_ANY = _NOTES | {"responsible"}
"""Columns that mean something of a matter of any process; the others are those of cases."""


@dataclass(frozen=True)
class Edits:
    """Takes edited workbooks, by the rules of the workspace."""

    rules: Rules
    forms: Forms

    def take(self, recorder: FileRecorder, workbook: EditedWorkbook) -> None:
        """Apply what was edited in a workbook, and list every change."""
        issue = workbook.proof.issue
        recorder.follows(workbook.schema)
        recorder.lay_out(workbook.schema, workbook.headers)
        if workbook.mailed:
            recorder.refuse(finding("FB-edit-mailed", sender=workbook.mailed), "set_aside")
            return
        if not is_proven_workbook(self.rules, recorder, workbook.proof):
            recorder.refuse(finding("FB-edit-no-code", issue=issue), "set_aside")
            return
        found = list(workbook.findings)
        for part in _together(workbook.changes):
            is_decision = WAITING_NUMBER.fullmatch(part[0].case)
            found += (
                self._decide(recorder, part[0])
                if is_decision
                else self._edit(recorder, part, issue)
            )
        recorder.note(found or [finding("FB-edit-none")])
        wrong = next((f.code for f in found if f.severity == "error"), None)
        recorder.settle("returned" if wrong else "step", wrong)

    # --- one matter -------------------------------------------------------------------

    def _edit(
        self, recorder: FileRecorder, changes: Sequence[CellChange], issued: str
    ) -> list[Finding]:
        """Apply what one person has changed of one matter; a finding for each change.

        The workbook is one that the run `issued` has printed.
        """
        facts = recorder.facts(changes[0].case)
        if facts is None:
            return [finding("FB-step-no-case", case=changes[0].case)]
        matter = self.rules.matter(facts, recorder.history(facts))
        told = {change.field: change.value for change in changes}
        found: list[Finding] = []
        taken: list[CellChange] = []
        for change in changes:
            if _is_so(matter, change):
                found.append(change.finding("FB-edit-same"))
            elif refusal := self._disputed(matter, change, issued) or self._refusal(
                recorder, matter, change, told
            ):
                found.append(self.rules.worded(refusal))
            else:
                taken.append(change)
        if taken:
            self._apply(recorder, matter, taken)
        editor = changes[0].by or "—"
        return [
            *found,
            *(change.finding("FB-edit-taken", by=editor) for change in taken),
        ]

    def _apply(
        self,
        recorder: FileRecorder,
        matter: Matter,
        taken: Sequence[CellChange],
    ) -> None:
        person = self._editor(taken[0])
        by = person.id if person else "—"
        told = {change.field: change.value for change in taken}
        move = _edit_move(matter, told, self.rules.today)
        if matter.is_case:
            move = self._judged(recorder, matter.case, told, move, by)
        record(
            self.rules,
            recorder,
            matter,
            [move],
            Signed(LEDGER, by, self.rules.today),
        )

    def _judged(
        self,
        recorder: FileRecorder,
        case: Case,
        told: Mapping[str, Any],
        move: Move,
        by: str,
    ) -> Move:
        """The move of a case, with another class or main case where a cell says so."""
        judged: dict[str, str] = {name: told[name] for name in _JUDGED if name in told}
        if judged:
            recorder.override(case, by, **judged)
        if MERGE in told and (main := main_case(self.rules, recorder, case, told[MERGE])):
            recorder.merge(case, main)
        return self.rules.raised(case, judged, move)

    # --- what keeps a change from being applied ---------------------------------------

    def _refusal(
        self,
        recorder: FileRecorder,
        matter: Matter,
        change: CellChange,
        told: Mapping[str, Any],
    ) -> Finding | None:
        return (
            self._of_cases_only(matter, change)
            or self._not_allowed(matter, change)
            or self._impossible(matter, change, told)
            or self._unmergeable(recorder, matter, change)
        )

    def _of_cases_only(self, matter: Matter, change: CellChange) -> Finding | None:
        """A change that means something of a case, in the row of another matter."""
        if matter.is_case or change.field in _OF_ANY:
            return None
        return change.finding("FB-edit-protected")

    def _not_allowed(self, matter: Matter, change: CellChange) -> Finding | None:
        """What keeps this editor from changing the cell; None where nothing does.

        Who may change a cell stands in the schema; merging and lowering a severity is always a
        decision.
        """
        words = self._may_edit(matter, change)
        if ANYONE in words:
            return None
        editor = self._editor(change)
        if editor is None:
            return change.finding(
                "FB-edit-stranger" if change.by else "FB-edit-unsigned",
                by=change.by,
            )
        allowed = signers(words, self.rules.book, involved(matter.standing))
        if editor.id in allowed:
            return None
        return change.finding("FB-edit-not-allowed", by=editor.id, may=self._names(allowed))

    def _may_edit(self, matter: Matter, change: CellChange) -> Sequence[str]:
        if change.field == MERGE or self._lowers_severity(matter, change):
            return deciders(self.rules.book)
        schema = self.rules.book.schema(LEDGER)
        assert schema is not None  # noqa: S101 - the change was checked by it
        return next(field.editable_by for field in schema.fields if field.id == change.field)

    def _lowers_severity(self, matter: Matter, change: CellChange) -> bool:
        if change.field != "severity":
            return False
        codes = [value.code for value in self.rules.book.vocabulary.sets["severity"].values]
        return codes.index(change.value) < codes.index(matter.facts.severity)

    def _disputed(self, matter: Matter, change: CellChange, issued: str) -> Finding | None:
        """Another workbook has said otherwise about the same cell since this one was printed."""
        steps = [s for s in matter.history if s.document == LEDGER and s.run > issued]
        said = [s.details.said or {} for s in steps]
        others = [told[change.field] for told in said if change.field in told]
        return change.finding("FB-edit-differs", elsewhere=others[-1]) if others else None

    def _impossible(
        self, matter: Matter, change: CellChange, told: Mapping[str, Any]
    ) -> Finding | None:
        """A change that does not fit the state of the matter, or contradicts itself."""
        name, value, standing = change.field, change.value, matter.standing
        is_severe = matter.facts.severity == "severe"
        if is_severe and self._lowers_severity(matter, change) and not told.get("remarks"):
            return change.finding("FB-edit-safety")
        if name == "held" and not self._says_hold(str(value)):
            return change.finding("FB-edit-hold")
        asked = asked_on(standing, "reply") if name == "replied_on" else None
        if asked and str(value) < asked.isoformat():
            return change.finding("FB-edit-date", asked=asked.isoformat())
        if not _fits(standing, change):
            return change.finding("FB-edit-state", state=standing.state)
        return None

    def _says_hold(self, text: str) -> bool:
        """True for a cell that ends a hold, or says until when one lasts."""
        return _is_resumption(text) or self._is_ahead(_until(text))

    def _is_ahead(self, until: dt.date | None) -> bool:
        """True for a day on which a hold may end."""
        return until is not None and self.rules.today < until <= self.rules.today + dt.timedelta(
            days=_LONGEST_HOLD_DAYS
        )

    def _unmergeable(
        self, recorder: FileRecorder, matter: Matter, change: CellChange
    ) -> Finding | None:
        if change.field != MERGE:
            return None
        main = main_case(self.rules, recorder, matter.case, str(change.value))
        return None if main else change.finding("FB-edit-main-case")

    # --- decisions --------------------------------------------------------------------

    def _decide(self, recorder: FileRecorder, change: CellChange) -> list[Finding]:
        """Take what somebody has decided about forms that wait. Source: N2."""
        options = recorder.options(change.case)
        if not options:
            return [change.finding("FB-decision-gone")]
        editor = self._editor(change)
        if editor is None:
            code = "FB-edit-stranger" if change.by else "FB-edit-unsigned"
            return [change.finding(code, by=change.by)]
        allowed = self._may_decide(recorder, options)
        if editor.id not in allowed:
            refusal = change.finding("FB-edit-not-allowed", by=editor.id, may=self._names(allowed))
            return [self.rules.worded(refusal)]
        choice = str(change.value).upper()
        if choice != IGNORE.upper() and choice not in {one.option for one in options}:
            return [change.finding("FB-decision-option")]
        trouble = self.forms.decide(recorder, options, choice, editor.id)
        return (
            [trouble._replace(severity="error")]
            if trouble
            else [change.finding("FB-decision-taken", by=editor.name)]
        )

    def _may_decide(self, recorder: FileRecorder, options: Sequence[WaitingForm]) -> set[str]:
        """Who may decide about forms that wait: those of a reporter, or of staff."""
        book, facts = self.rules.book, recorder.facts(options[0].case)
        assert facts is not None  # noqa: S101 - forms wait for matters only
        words: Sequence[str] = deciders(book)
        if all(one.told.by == REPORTER for one in options):
            words = (HEADS_OF_P01, LEADERS)
        standing = self.rules.matter(facts, recorder.history(facts)).standing
        return signers(words, book, involved(standing))

    # --- people -----------------------------------------------------------------------

    def _editor(self, change: CellChange) -> Person | None:
        """The person whose name stands above the sheet."""
        return self.rules.book.person_named(change.by) if change.by else None

    def _names(self, people: Iterable[str]) -> str:
        known = set(people)
        return (
            "、".join([p.name for p in self.rules.book.organisation.people if p.id in known][:6])
            or "—"
        )


def _together(changes: Iterable[CellChange]) -> list[list[CellChange]]:
    """The changes of one case (or decision) by one editor, side by side, in their order."""
    parts: dict[tuple[str, str], list[CellChange]] = {}
    for change in changes:
        parts.setdefault((change.case, change.by), []).append(change)
    return list(parts.values())


def _is_so(matter: Matter, change: CellChange) -> bool:
    """True for a cell that says what the matter says already."""
    facts, standing, value = matter.facts, matter.standing, change.value
    match change.field:
        case "kind" | "type" | "severity" | "department":
            return bool(getattr(facts, change.field, None) == value)
        case "priority" | "responsible" | "main_case":
            return bool(getattr(standing, change.field) == value)
        case "due_on":
            return facts.due_on is not None and facts.due_on.isoformat() == value
        case "replied_on":
            on = standing.came_on.get("replied")
            return on is not None and on.isoformat() == value
        case "held" if standing.state == HELD and standing.held_until:
            return _until(str(value)) == standing.held_until
        case "held":
            return _is_resumption(str(value))
        case _:
            return standing.notes.get(change.field) == str(value)


def _fits(standing: Standing, change: CellChange) -> bool:
    """True for a change that may be made in the state that the matter is in."""
    name = change.field
    if not standing.is_open:
        return name == "remarks"
    if name == "replied_on":
        return standing.state == "verified" or standing.decided
    return name != "department" or standing.state in {"registered", "assigned"}


_UNTIL = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})")
_UNTIL_WHEN = re.compile(
    rf"[，,；; ]*(?:暫停至|暂停至|至|到|\buntil\b)?\s*{_UNTIL.pattern}\s*日?(?:為止|为止|止)?",
    re.IGNORECASE,
)
_RESUMED = frozenset(
    map(
        fold,
        (
            "繼續",
            "繼續處理",
            "恢復",
            "恢復處理",
            "解除暫停",
            "結束暫停",
            "resume",
            "resumed",
            "continue",
        ),
    )
)


def _is_resumption(text: str) -> bool:
    """True for words that end a hold."""
    return fold(text).strip("。.") in _RESUMED


def _until(text: str) -> dt.date | None:
    found = _UNTIL.search(text)
    try:
        return dt.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _edit_move(matter: Matter, told: Mapping[str, Any], today: dt.date) -> Move:
    """The step that edited cells amount to. Source: 5.3.1, 5.3.3, 5.5.1."""
    details = Details(
        edited={name: str(value or "") for name, value in told.items() if name in _NOTES},
        said={name: str(value) for name, value in told.items()},
        responsible=told.get("responsible"),
        priority=told.get("priority"),
    )
    standing = matter.standing
    if told.get(MERGE):
        merged = merged_into(told[MERGE])
        return merged._replace(details=details.over(merged.details))
    state, assigned = _assigned(matter, told)
    details = details.over(assigned)
    if told.get("held") and _is_resumption(str(told["held"])):
        resumed = resume(standing, today)
        return resumed._replace(details=details.over(resumed.details))
    if told.get("held"):
        details = details.over(_hold(str(told["held"]), standing.held_from or state))
        state = HELD
    if told.get("replied_on"):
        replied_on = dt.date.fromisoformat(str(told["replied_on"]))
        return Move("replied", details, min(replied_on, today))
    return Move(state, details)


def _assigned(matter: Matter, told: Mapping[str, Any]) -> tuple[str, Details]:
    """The state after another department or another due date, and what that settles."""
    state = matter.standing.state
    if told.get("department"):
        return "assigned", Details(department=told["department"], rule=LEDGER)
    if not told.get("due_on"):
        return state, Details()
    facts = matter.facts
    return state, Details(
        department=facts.department,
        cooperating=list(facts.cooperating),
        escalations=list(facts.escalations),
        rule=facts.assignment_rule,
        due_on=told["due_on"],
        due_rule=LEDGER,
        due_days=0,
    )


def _hold(text: str, held_from: str) -> Details:
    """The hold that a cell tells of: reason, and until when."""
    until = _until(text)
    reason = _UNTIL_WHEN.sub("", text).strip("，,。.；; ")
    return Details(
        reason=reason,
        held_until=until.isoformat() if until else "",
        held_from=held_from,
    )
