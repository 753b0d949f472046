"""Forms that came back: what each does to its case, and what keeps it from doing so.

Source: part 4, 5.1–5.5, N2.

A form goes through the same questions in the same order: is there such a case, is the form ours,
does it say one case, is it complete, may it come this way, is it about this matter, may it do what
it says (`workflow.process`), and does another form say otherwise. What a person has to decide
waits, and is decided on a sheet of the summary.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fbbatch.findings import finding
from fbbatch.ledger.recording import FileRecorder
from fbbatch.model import (
    CASE_NUMBER,
    DISPUTE,
    Case,
    FilledForm,
    Finding,
    ReturnedForm,
    Transition,
    WaitingForm,
)
from fbbatch.schema import Book
from fbbatch.steps.mergers import MERGE, main_case
from fbbatch.steps.proof import is_of_another_matter, may_mail, proven_form
from fbbatch.steps.rules import BY_TIME, REOPEN_WITHIN, Rules
from fbbatch.workflow.gates import late_promises
from fbbatch.workflow.process import (
    FOLLOWED,
    Verdict,
    is_early,
    moves_of_time,
    part_of,
    repeated,
    step,
)
from fbbatch.workflow.standing import FROM, Move, Standing, replay

_MAY_COME_OFTEN = frozenset({"inspection"})
"""Forms of which one issue may be handed in several times: each tells how far the work is."""


class Weighed(NamedTuple):
    """A form that was looked at.

    What it is, where its case stands, and the verdict; or the refusal with its outcome.

    `is_strange_mail`: it is ours, but came out of a mail whose sender may not bring it.
    """

    form: ReturnedForm | None = None
    standing: Standing = Standing()
    ended: tuple[Transition, ...] = ()
    verdict: Verdict | None = None
    refusal: Finding | None = None
    outcome: str = "set_aside"
    is_strange_mail: bool = False

    @property
    def moves(self) -> tuple[Move, ...]:
        """What it would do to its case."""
        return self.verdict.moves if self.verdict else ()


@dataclass
class Forms:
    """Takes the forms of a run.

    `rivals` are all of them that are known so far, by what they answer.
    """

    rules: Rules
    rivals: dict[tuple[str, ...], list[FilledForm]] = field(default_factory=dict)

    @property
    def _book(self) -> Book:
        return self.rules.book

    # --- in which order ---------------------------------------------------------------

    def turn(self, told: FilledForm) -> tuple[str, int]:
        """When a form of a run has its turn: by the day it tells, then by the order of steps."""
        forms = self._book.process.forms
        place = forms.index(told.kind) if told.kind in forms else len(forms)
        return self.rules.happened(told.on).isoformat(), place

    def expect(self, told: FilledForm) -> None:
        """Know of a form that will be taken later in this run."""
        self.rivals.setdefault(_answers_what(told), []).append(told)

    def is_early(self, recorder: FileRecorder, told: FilledForm) -> bool:
        """True for a form that skips a step: the missing one may lie in the same inbox."""
        if told.bad or told.kind not in self._book.process.forms:
            return False
        case = recorder.case(told.case)
        if case is None:
            return False
        form = self._form(told, case, told.issue, told.department)
        standing, _ = self._by_then(case, recorder.history(case), form.happened_on)
        return is_early(standing, form)

    # --- one form ---------------------------------------------------------------------

    def take(self, recorder: FileRecorder, told: FilledForm, findings: Sequence[Finding]) -> None:
        """Record what a returned form does to its case.

        Whatever keeps it from doing so is a finding on paper.
        """
        recorder.follows(told.kind)
        recorder.note(findings)
        case = recorder.case(told.case)
        if case is None:
            is_one = CASE_NUMBER.fullmatch(told.case)
            reason = (
                finding("FB-step-no-case", case=told.case)
                if is_one
                else finding("FB-step-numbers", numbers=told.case)
            )
            recorder.refuse(reason, "set_aside")
            return
        recorder.keep_form(case, told)
        weighed = self._weigh(recorder, told, case)
        if weighed.is_strange_mail:
            self._hold_mail(recorder, told, case)
        elif weighed.refusal:
            recorder.refuse(self.rules.worded(weighed.refusal), weighed.outcome)
        elif weighed.moves and (others := self._contradicting(recorder, told, case)) is not None:
            number = recorder.await_decision(case, told, DISPUTE, others or None)
            reason = finding(DISPUTE, kind=told.kind, case=case.number, number=number)
            recorder.refuse(self.rules.worded(reason), "set_aside")
        else:
            self._apply(recorder, told, case, weighed, remarks=findings)

    def _weigh(
        self, recorder: FileRecorder, told: FilledForm, case: Case, *, is_decided: bool = False
    ) -> Weighed:
        """Ask all questions but whether other forms contradict it.

        With `is_decided` a person answers for the way it came.
        """
        if told.kind not in self._book.process.forms:
            return Weighed(refusal=finding("FB-own-document", kind=told.kind))
        proven = proven_form(self.rules, recorder, told, case)
        if proven.refusal:
            return self._done_before(recorder, told, case) or Weighed(refusal=proven.refusal)
        printed = sorted(set(CASE_NUMBER.findall(told.text)))
        if printed and case.number not in printed:
            return Weighed(
                refusal=finding("FB-step-numbers", numbers="、".join([case.number, *printed]))
            )
        history = recorder.history(case)
        if is_of_another_matter(told.facts, case, history):
            return Weighed(refusal=finding("FB-not-this-case", kind=told.kind, case=case.number))
        is_mail = bool(told.mailed) and not is_decided
        if is_mail and not may_mail(self.rules, told, case):
            return Weighed(is_strange_mail=True)
        if told.bad:
            return Weighed(
                refusal=finding("FB-step-incomplete", kind=told.kind, case=case.number),
                outcome="returned",
            )
        form = self._form(told, case, proven.issue, proven.department)
        if _is_of_another_department(form, case):
            return Weighed(refusal=finding("FB-code-wrong", kind=told.kind, case=case.number))
        standing, ended = self._by_then(case, history, form.happened_on)
        verdict = step(
            standing,
            form,
            self._book,
            severity=case.severity,
            today=self.rules.today,
            newest_issue=recorder.newest_issue(case, form.kind, part_of(standing, form)),
            reopen_days=self.rules.days(REOPEN_WITHIN),
        )
        return Weighed(form, standing, tuple(ended), verdict)

    def _done_before(self, recorder: FileRecorder, told: FilledForm, case: Case) -> Weighed | None:
        """A form that proves nothing, but says what was taken already.

        The finished record is such a form.
        """
        form, standing = (
            self._form(told, case, told.issue, told.department),
            replay(recorder.history(case)),
        )
        verdict = repeated(standing, form)
        return Weighed(form, standing, (), verdict) if verdict else None

    def _form(
        self, told: FilledForm, case: Case, issue: int, department: str | None
    ) -> ReturnedForm:
        happened_on = self.rules.happened(told.on)
        return ReturnedForm(
            told.kind,
            case.number,
            issue,
            told.values,
            str(told.by),
            happened_on,
            department,
        )

    def _by_then(
        self, case: Case, history: Sequence[Transition], day: dt.date
    ) -> tuple[Standing, list[Transition]]:
        """Where a case stood on a day, and the end of its hold if still to be recorded.

        It is still to be recorded after missed nights.
        """
        standing = replay(history)
        moves = moves_of_time(standing, day, 0) if standing.state == "on_hold" else []
        ended = [self.rules.recorded(case, standing, move, BY_TIME, "batch", day) for move in moves]
        return replay([*history, *ended]), ended

    def _apply(
        self,
        recorder: FileRecorder,
        told: FilledForm,
        case: Case,
        weighed: Weighed,
        *,
        remarks: Sequence[Finding] = (),
        decided_by: str = "",
    ) -> bool:
        """Write down what a form does, or why nothing; True when the case has a step more."""
        form, verdict = weighed.form, weighed.verdict
        assert form is not None and verdict is not None  # noqa: S101, PT018 - nothing has refused it
        if not verdict.moves:
            first, *others = map(self.rules.worded, verdict.findings)
            recorder.note(others)
            recorder.refuse(first, verdict.outcome)
            return False
        if verdict.moves[-1].details.get(MERGE) and not self._merge(recorder, case, form):
            return False
        opened = (
            self._open_linked(recorder, case, form)
            if FOLLOWED in verdict.moves[-1].details
            else None
        )
        moved = [
            self.rules.recorded(case, weighed.standing, move, form.kind, form.by, form.happened_on)
            for move in verdict.moves
        ]
        moved = (
            [replace(one, details={**one.details, FOLLOWED: opened}) for one in moved]
            if opened
            else moved
        )
        moved[0] = _remarked(moved[0], remarks, decided_by)
        recorder.append(case, [*weighed.ended, *moved])
        self._pass_by(recorder, told, case)
        noted = (
            f._replace(details={**f.details, "opened": opened}) if opened else f
            for f in verdict.findings
        )
        taken = finding(
            "FB-step-taken", kind=form.kind, case=case.number, state=verdict.moves[-1].to
        )
        recorder.note(map(self.rules.worded, (*noted, *late_promises(form, case.due_on), taken)))
        recorder.settle("step")
        return True

    def _pass_by(self, recorder: FileRecorder, told: FilledForm, case: Case) -> None:
        """What waits of a step that was taken need not be decided any more.

        What said otherwise is told.
        """
        waiting = [
            one
            for one in recorder.waiting(case, told.kind)
            if _answers_what(one.told) == _answers_what(told)
        ]
        recorder.passed(waiting)
        others = sorted({one.number for one in waiting if one.told.values != told.values})
        recorder.note(finding("FB-decision-passed", number=number) for number in others)

    # --- what a person decides --------------------------------------------------------

    def _contradicting(self, recorder: FileRecorder, told: FilledForm, case: Case) -> str | None:
        """The number of the decision, where forms for this step contradict each other.

        `''` for a decision that is new; None where none contradicts.
        """
        if told.kind in _MAY_COME_OFTEN:
            return None
        waiting = [
            one
            for one in recorder.waiting(case, told.kind)
            if _answers_what(one.told) == _answers_what(told)
        ]
        if disputed := next(
            (one for one in waiting if one.told.values != told.values and one.is_dispute),
            None,
        ):
            return disputed.number
        rivals = [
            other
            for other in self.rivals.get(_answers_what(told), ())
            if other.values != told.values
        ]
        return "" if any(self._weigh(recorder, other, case).moves for other in rivals) else None

    def _hold_mail(self, recorder: FileRecorder, told: FilledForm, case: Case) -> None:
        """Keep a mailed form with its case; it waits for a person where it would do anything."""
        would = self._weigh(recorder, told, case, is_decided=True).moves
        state = would[-1].to if would else case.state
        reason = finding(
            "FB-mail-sender",
            kind=told.kind,
            case=case.number,
            sender=told.mailed,
            state=state,
        )
        if would:
            recorder.await_decision(case, told._replace(would=state), reason.code, None)
        recorder.refuse(self.rules.worded(reason), "set_aside")

    def decide(
        self, recorder: FileRecorder, options: Sequence[WaitingForm], choice: str, by: str
    ) -> Finding | None:
        """Take the form that a person has chosen among those that wait, or none of them.

        Returns:
            why it cannot be, else None; it still waits then.
        """
        chosen = next((one for one in options if one.option == choice), None)
        if chosen is None:
            recorder.decided(options, None, by)
            return None
        case = recorder.case(chosen.told.case)
        if case is None:
            return finding("FB-step-no-case", case=str(chosen.told.case))
        weighed = self._weigh(recorder, chosen.told, case, is_decided=True)
        if not weighed.moves:
            troubles = weighed.verdict.findings if weighed.verdict else (weighed.refusal,)
            return self.rules.worded(next(f for f in troubles if f))
        recorder.decided(options, chosen, by)
        recorder.keep_form(case, chosen.told)
        self._apply(recorder, chosen.told, case, weighed, decided_by=by)
        return None

    # --- what some forms bring besides ------------------------------------------------

    def _merge(self, recorder: FileRecorder, case: Case, form: ReturnedForm) -> bool:
        number = str(form.values[MERGE])
        main = main_case(recorder, case, number)
        if main is None:
            recorder.refuse(
                finding(
                    "FB-main-case" if recorder.case(number) else "FB-step-no-case", case=number
                ),
                "set_aside",
            )
            return False
        recorder.merge(case, main)
        return True

    def _open_linked(self, recorder: FileRecorder, case: Case, form: ReturnedForm) -> str:
        """Open the case in place of one closed too long ago; its number. Source: T16.

        It has the answers of that one, and the new complaint.
        """
        values = {**case.values, "description": form.values["reason"]}
        values |= {"reported_at": form.happened_on.isoformat()} if "reported_at" in values else {}
        begun = Standing(department=case.department)
        moves = (
            Move("registered", {"follows": case.number}),
            Move("assigned", {"department": case.department, "rule": "linked"}),
        )
        steps = [
            self.rules.recorded(case, begun, move, form.kind, form.by, form.happened_on)
            for move in moves
        ]
        return recorder.open_linked(case, values, form.by, steps)


def _is_of_another_department(form: ReturnedForm, case: Case) -> bool:
    """True for a plan of measures in another department's name. Source: 5.5.2a.

    That is: another department than the one that it was issued to.
    """
    if form.kind != "measures" or not form.department:
        return False
    return (form.values.get("department") or case.department) != form.department


def _answers_what(told: FilledForm) -> tuple[str, ...]:
    """What two forms that answer the same step have in common.

    Their kind, their case, and whose measures they are.

    A case may have several sheets and letters at a time; then it is the issue that tells which was
    answered.
    """
    kind = told.kind
    part = str(told.values.get("department") or "") if kind == "measures" else ""
    is_one_step = kind in FROM and kind != "reply"
    return kind, told.case, part, "" if is_one_step else str(told.issue)


def _remarked(first: Transition, findings: Sequence[Finding], decided_by: str) -> Transition:
    """The first step of a form, with its remarks and who decided that it counts.

    Remarks are what somebody wrote outside its blanks.
    """
    remarks = [f.details["text"] for f in findings if f.code == "FB-loose-text"]
    told: dict[str, Any] = {"remarks": remarks} if remarks else {}
    told |= {"decided_by": decided_by} if decided_by else {}
    return replace(first, details={**first.details, **told}) if told else first
