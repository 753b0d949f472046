"""Forms that came back: what each does to its matter, and what keeps it from doing so.

Source: part 4, 5.1–5.5, N2.

A form goes through the same questions in the same order: is there such a matter, is the form ours,
does it say one matter, is it complete, may it come this way, is it about this matter, may it do
what it says (`workflow.process`), and does another form say otherwise. What a person has to decide
waits, and is decided on a sheet of the summary.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fbbatch.findings import finding
from fbbatch.ledger.recording import FileRecorder
from fbbatch.model import (
    DISPUTE,
    MATTER_NUMBER,
    Details,
    Facts,
    FilledForm,
    Finding,
    ReturnedForm,
    Transition,
    WaitingForm,
)
from fbbatch.schema.process import Process
from fbbatch.steps.mergers import main_case
from fbbatch.steps.proof import is_of_another_matter, may_mail, proven_form
from fbbatch.steps.record import Signed, record
from fbbatch.steps.rules import BY_TIME, Rules
from fbbatch.workflow.gates import late_promises
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.process import (
    Outcome,
    is_early,
    moves_of_time,
    part_of,
    repeated,
    step,
)
from fbbatch.workflow.standing import HELD, Move

_MAY_COME_OFTEN = frozenset({"inspection"})
"""Forms of which one issue may be handed in several times: each tells how far the work is."""


class Weighed(NamedTuple):
    """A form that was looked at.

    What it is, where its matter stood by then, the end of a hold that is still to be recorded, and
    what comes of it; or the refusal with the file's outcome.

    `is_strange_mail`: it is ours, but came out of a mail whose sender may not bring it.
    """

    form: ReturnedForm | None = None
    matter: Matter | None = None
    ended: tuple[Transition, ...] = ()
    outcome: Outcome | None = None
    refusal: Finding | None = None
    refused: str = "set_aside"
    is_strange_mail: bool = False

    @property
    def moves(self) -> tuple[Move, ...]:
        """What it would do to its matter."""
        return self.outcome.moves if self.outcome else ()


@dataclass
class Forms:
    """Takes the forms of a run.

    `rivals` are all of them that are known so far, by what they answer.
    """

    rules: Rules
    rivals: dict[tuple[str, ...], list[FilledForm]] = field(default_factory=dict)

    def _process(self, told: FilledForm) -> Process | None:
        """The process of the matter that a form names, where that process takes such forms."""
        process = self.rules.book.process_of(told.case)
        return process if process and told.kind in process.forms else None

    # --- in which order ---------------------------------------------------------------

    def turn(self, told: FilledForm) -> tuple[str, int]:
        """When a form of a run has its turn: by the day it tells, then by the order of steps."""
        process = self._process(told)
        place = process.forms.index(told.kind) if process else _LAST
        return self.rules.happened(told.on).isoformat(), place

    def expect(self, told: FilledForm) -> None:
        """Know of a form that will be taken later in this run."""
        self.rivals.setdefault(self._answers_what(told), []).append(told)

    def is_early(self, recorder: FileRecorder, told: FilledForm) -> bool:
        """True for a form that skips a step: the missing one may lie in the same inbox."""
        if told.bad or self._process(told) is None:
            return False
        matter = self._matter(recorder, told.case)
        if matter is None:
            return False
        form = self._form(told, matter.facts, told.issue, told.department)
        by_then, _ = self._by_then(matter, form.happened_on)
        return is_early(by_then.standing, form)

    def _matter(self, recorder: FileRecorder, number: str) -> Matter | None:
        """The matter of which a form speaks, as this transaction sees it."""
        facts = recorder.facts(number)
        return self.rules.matter(facts, recorder.history(facts)) if facts else None

    # --- one form ---------------------------------------------------------------------

    def take(
        self,
        recorder: FileRecorder,
        told: FilledForm,
        findings: Sequence[Finding],
    ) -> None:
        """Record what a returned form does to its matter.

        Whatever keeps it from doing so is a finding on paper.
        """
        recorder.follows(told.kind)
        recorder.note(findings)
        matter = self._matter(recorder, told.case)
        if matter is None:
            recorder.refuse(_unknown(told.case), "set_aside")
            return
        recorder.keep_form(matter.facts, told)
        weighed = self._weigh(recorder, told, matter)
        if weighed.is_strange_mail:
            self._hold_mail(recorder, told, matter)
        elif weighed.refusal:
            recorder.refuse(self.rules.worded(weighed.refusal), weighed.refused)
        elif weighed.moves and (others := self._contradicting(recorder, told, matter)) is not None:
            number = recorder.await_decision(matter.facts, told, DISPUTE, others or None)
            reason = finding(DISPUTE, kind=told.kind, case=matter.number, number=number)
            recorder.refuse(self.rules.worded(reason), "set_aside")
        else:
            self._apply(recorder, told, weighed, remarks=findings)

    def _weigh(
        self,
        recorder: FileRecorder,
        told: FilledForm,
        matter: Matter,
        *,
        is_decided: bool = False,
    ) -> Weighed:
        """Ask all questions but whether other forms contradict it.

        With `is_decided` a person answers for the way it came.
        """
        about: dict[str, Any] = {"kind": told.kind, "case": matter.number}
        if told.kind not in matter.process.forms:
            return Weighed(refusal=finding("FB-own-document", kind=told.kind))
        proven = proven_form(self.rules, recorder, told, matter.facts)
        if proven.refusal:
            return self._done_before(told, matter) or Weighed(refusal=proven.refusal)
        if strange := self._of_another(told, matter):
            return Weighed(refusal=strange)
        is_mail = bool(told.mailed) and not is_decided
        if is_mail and not may_mail(self.rules, told, matter.facts):
            return Weighed(is_strange_mail=True)
        if told.bad:
            return Weighed(
                refusal=finding("FB-step-incomplete", **about),
                refused="returned",
            )
        form = self._form(told, matter.facts, proven.issue, proven.department)
        if _is_of_another_department(form, matter):
            return Weighed(refusal=finding("FB-code-wrong", **about))
        by_then, ended = self._by_then(matter, form.happened_on)
        part = part_of(by_then.standing, form)
        newest = recorder.newest_issue(matter.facts, form.kind, part)
        outcome = step(
            by_then,
            form,
            self.rules.book,
            newest_issue=newest,
            on=self.rules.on,
        )
        return Weighed(form, by_then, ended, outcome)

    def _of_another(self, told: FilledForm, matter: Matter) -> Finding | None:
        """What a form prints that belongs to another matter than the one that it names."""
        numbers = self.rules.book.numbers.findall(told.text)
        printed = {number for number in numbers if _is_like(number, matter.number)}
        if printed and matter.number not in printed:
            told_numbers = "、".join([matter.number, *sorted(printed)])
            return finding("FB-step-numbers", numbers=told_numbers)
        if is_of_another_matter(told.facts, matter.facts, matter.history):
            return finding("FB-not-this-case", kind=told.kind, case=matter.number)
        return None

    def _done_before(self, told: FilledForm, matter: Matter) -> Weighed | None:
        """A form that proves nothing, but says what was taken already.

        The finished record is such a form.
        """
        form = self._form(told, matter.facts, told.issue, told.department)
        outcome = repeated(matter.standing, form)
        return Weighed(form, matter, (), outcome) if outcome else None

    def _form(
        self, told: FilledForm, facts: Facts, issue: int, department: str | None
    ) -> ReturnedForm:
        return ReturnedForm(
            told.kind,
            facts.number,
            issue,
            told.values,
            str(told.by),
            self.rules.happened(told.on),
            department,
        )

    def _by_then(self, matter: Matter, day: dt.date) -> tuple[Matter, tuple[Transition, ...]]:
        """A matter as it stood on a day, and the end of its hold if still to be recorded.

        It is still to be recorded after missed nights.
        """
        standing, rules = matter.standing, self.rules
        moves = moves_of_time(standing, day, rules.days) if standing.state == HELD else []
        ended = tuple(rules.recorded(matter, move, BY_TIME, "batch", day) for move in moves)
        return matter.after(ended), ended

    def _apply(
        self,
        recorder: FileRecorder,
        told: FilledForm,
        weighed: Weighed,
        *,
        remarks: Sequence[Finding] = (),
        decided_by: str = "",
    ) -> None:
        """Write down what a form does, or why nothing."""
        form, matter, outcome = weighed.form, weighed.matter, weighed.outcome
        assert form and matter and outcome  # noqa: S101, PT018 - nothing has refused it
        if not outcome.moves:
            first, *others = map(self.rules.worded, outcome.findings)
            recorder.note(others)
            recorder.refuse(first, outcome.outcome)
            return
        if outcome.merges_into and not self._merge(recorder, matter, outcome.merges_into):
            return
        opened = self._open_sequel(recorder, matter, form) if outcome.opens_sequel else None
        if weighed.ended:
            recorder.append(matter.facts, weighed.ended, is_open=True)
        signed = Signed(form.kind, form.by, form.happened_on)
        told_besides = _remarked(remarks, decided_by)._replace(followed_by=opened)
        moved = record(
            self.rules,
            recorder,
            matter,
            outcome.moves,
            signed,
            remarks=told_besides,
        )
        self._pass_by(recorder, told, matter.facts)
        state = moved.standing.state
        taken = finding("FB-step-taken", kind=form.kind, case=matter.number, state=state)
        noted = [_with_number(f, opened) for f in outcome.findings]
        noted += late_promises(form, matter.facts.due_on)
        recorder.note(map(self.rules.worded, (*noted, taken)))
        recorder.settle("step")

    def _pass_by(self, recorder: FileRecorder, told: FilledForm, facts: Facts) -> None:
        """What waits of a step that was taken need not be decided any more.

        What said otherwise is told.
        """
        waiting = self._waiting(recorder, told, facts)
        recorder.passed(waiting)
        others = sorted({one.number for one in waiting if one.told.values != told.values})
        recorder.note(finding("FB-decision-passed", number=number) for number in others)

    # --- what a person decides --------------------------------------------------------

    def _waiting(self, recorder: FileRecorder, told: FilledForm, facts: Facts) -> list[WaitingForm]:
        """The forms that wait for a decision and answer the same step."""
        same = self._answers_what(told)
        waiting = recorder.waiting(facts, told.kind)
        return [one for one in waiting if self._answers_what(one.told) == same]

    def _contradicting(
        self, recorder: FileRecorder, told: FilledForm, matter: Matter
    ) -> str | None:
        """The number of the decision, where forms for this step contradict each other.

        `''` for a decision that is new; None where none contradicts.
        """
        if told.kind in _MAY_COME_OFTEN:
            return None
        for one in self._waiting(recorder, told, matter.facts):
            if one.is_dispute and one.told.values != told.values:
                return one.number
        rivals = self.rivals.get(self._answers_what(told), ())
        others = [other for other in rivals if other.values != told.values]
        return "" if any(self._weigh(recorder, other, matter).moves for other in others) else None

    def _hold_mail(self, recorder: FileRecorder, told: FilledForm, matter: Matter) -> None:
        """Keep a mailed form with its matter; it waits for a person where it would do anything."""
        would = self._weigh(recorder, told, matter, is_decided=True).moves
        state = would[-1].to if would else matter.standing.state
        reason = finding(
            "FB-mail-sender",
            kind=told.kind,
            case=matter.number,
            sender=told.mailed,
            state=state,
        )
        if would:
            waits = told._replace(would=state)
            recorder.await_decision(matter.facts, waits, reason.code, None)
        recorder.refuse(self.rules.worded(reason), "set_aside")

    def decide(
        self,
        recorder: FileRecorder,
        options: Sequence[WaitingForm],
        choice: str,
        by: str,
    ) -> Finding | None:
        """Take the form that a person has chosen among those that wait, or none of them.

        Returns:
            why it cannot be, else None; it still waits then.
        """
        chosen = next((one for one in options if one.option == choice), None)
        if chosen is None:
            recorder.decided(options, None, by)
            return None
        matter = self._matter(recorder, chosen.told.case)
        if matter is None:
            return finding("FB-step-no-case", case=str(chosen.told.case))
        weighed = self._weigh(recorder, chosen.told, matter, is_decided=True)
        if not weighed.moves:
            troubles = weighed.outcome.findings if weighed.outcome else (weighed.refusal,)
            return self.rules.worded(next(f for f in troubles if f))
        recorder.decided(options, chosen, by)
        recorder.keep_form(matter.facts, chosen.told)
        self._apply(recorder, chosen.told, weighed, decided_by=by)
        return None

    # --- what some forms bring besides ------------------------------------------------

    def _merge(self, recorder: FileRecorder, matter: Matter, number: str) -> bool:
        """Merge a case into another; False where that cannot be, which is told."""
        main = main_case(self.rules, recorder, matter.case, number)
        if main is None:
            code = "FB-main-case" if recorder.case(number) else "FB-step-no-case"
            recorder.refuse(finding(code, case=number), "set_aside")
            return False
        recorder.merge(matter.case, main)
        return True

    def _open_sequel(self, recorder: FileRecorder, matter: Matter, form: ReturnedForm) -> str:
        """Open the case in place of one closed too long ago; its number. Source: T16.

        It has the answers of that one, and the new complaint.
        """
        case = matter.case
        values = {**case.values, "description": form.values["reason"]}
        values |= {"reported_at": form.happened_on.isoformat()} if "reported_at" in values else {}
        new = Matter(matter.process, case, ())
        moves = (
            Move("registered", Details(follows=case.number)),
            Move("assigned", Details(department=case.department, rule="linked")),
        )
        steps = [
            self.rules.recorded(new, move, form.kind, form.by, form.happened_on) for move in moves
        ]
        return recorder.open_linked(case, values, form.by, steps)

    def _answers_what(self, told: FilledForm) -> tuple[str, ...]:
        """What two forms that answer the same step have in common.

        Their kind, their matter, and whose measures they are.

        A case may have several sheets and letters at a time; then it is the issue that tells which
        was answered.
        """
        process = self._process(told)
        step = process.step(told.kind) if process else None
        part = str(told.values.get(step.parts.field) or "") if step and step.parts else ""
        is_one_step = step is not None and not step.is_fact and step.aside is None
        return (
            told.kind,
            told.case,
            part,
            "" if is_one_step else str(told.issue),
        )


_LAST = 1_000


def _unknown(number: str) -> Finding:
    """Why a form cannot be taken whose matter there is none of, or that names several."""
    if MATTER_NUMBER.fullmatch(number):
        return finding("FB-step-no-case", case=number)
    return finding("FB-step-numbers", numbers=number)


def _is_like(number: str, other: str) -> bool:
    """True for numbers of the same process."""
    return number.partition("-")[0] == other.partition("-")[0]


def _is_of_another_department(form: ReturnedForm, matter: Matter) -> bool:
    """True for a plan of measures in another department's name. Source: 5.5.2a.

    That is: another department than the one that it was issued to.
    """
    parts = matter.process.step(form.kind).parts
    if parts is None or not form.department:
        return False
    return (form.values.get(parts.field) or matter.facts.department) != form.department


def _remarked(findings: Sequence[Finding], decided_by: str) -> Details:
    """What is told with the first step of a form: remarks, and who decided that it counts.

    Remarks are what somebody wrote outside its blanks.
    """
    remarks = [f.details["text"] for f in findings if f.code == "FB-loose-text"]
    return Details(remarks=remarks or None, decided_by=decided_by or None)


def _with_number(item: Finding, opened: str | None) -> Finding:
    """A finding with the number of the case that was opened in place of this one."""
    return item._replace(details={**item.details, "opened": opened}) if opened else item
