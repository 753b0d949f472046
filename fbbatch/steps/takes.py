"""All that brings steps in a run, behind one door."""

from collections.abc import Iterator
from functools import cached_property

from fbbatch.ledger import Ledger
from fbbatch.ledger.recording import FileRecorder
from fbbatch.messages import EditedWorkbook, FormRead, WorkbookProof
from fbbatch.model import Case, FilledForm, Transition
from fbbatch.steps.amendments import take_amendments
from fbbatch.steps.edits import Edits
from fbbatch.steps.forms import Forms
from fbbatch.steps.proof import is_proven_workbook
from fbbatch.steps.rules import BY_TIME, SURVEY_EXPIRES, Rules
from fbbatch.stopping import Ask, never
from fbbatch.workflow.process import moves_of_time
from fbbatch.workflow.standing import replay


class Steps:
    """Takes what comes back in a run, by the rules of the workspace."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    @cached_property
    def _forms(self) -> Forms:
        return Forms(self.rules)

    def turn(self, form: FilledForm) -> tuple[str, int]:
        """When a form has its turn among those of a run."""
        return self._forms.turn(form)

    def expect(self, form: FilledForm) -> None:
        """Know of a form that will be taken later in this run."""
        self._forms.expect(form)

    def is_early(self, recorder: FileRecorder, form: FilledForm) -> bool:
        """True for a form that skips a step: the missing one may lie in the same inbox."""
        return self._forms.is_early(recorder, form)

    def take_form(self, recorder: FileRecorder, message: FormRead) -> None:
        """Record what a returned form does to its case.

        Whatever keeps it from doing so is a finding on paper.
        """
        self._forms.take(recorder, message.form, message.findings)

    def take_edits(self, recorder: FileRecorder, workbook: EditedWorkbook) -> None:
        """Apply what was edited in a ledger or summary, and list every change."""
        Edits(self.rules, self._forms).take(recorder, workbook)

    def take_amendments(self, recorder: FileRecorder, ask: Ask = never) -> None:
        """Give cases the answers of rows that are edited copies of theirs."""
        take_amendments(self.rules, recorder, ask)

    def take_sender(self, recorder: FileRecorder, address: str | None) -> None:
        """Say who has mailed a file; None where it did not come by mail."""
        if address is None:
            return
        people = self.rules.book.organisation.people
        is_known = any(person.mail and person.mail.lower() == address.lower() for person in people)
        recorder.came_by_mail(address, is_known=is_known)

    def take_marks(self, recorder: FileRecorder, proof: WorkbookProof) -> None:
        """Say whether the marks of a workbook that went back are ours."""
        if is_proven_workbook(self.rules, recorder, proof):
            recorder.believe_marks(proof.issue.rpartition("/")[2])

    # --- time -------------------------------------------------------------------------

    def pass_time(self, ledger: Ledger, ask: Ask = never) -> None:
        """Record the holds that end and the surveys that expire today.

        Each once, however many nights were missed.
        """
        for case, steps in self._overdue_steps(ledger):
            ask()
            ledger.append(self.rules.record, case, steps)

    def _overdue_steps(self, ledger: Ledger) -> Iterator[tuple[Case, list[Transition]]]:
        rules = self.rules
        for state in ("on_hold", "replied"):
            for case in list(ledger.cases(state=state)):
                standing = replay(ledger.history(case))
                moves = moves_of_time(standing, rules.today, rules.days(SURVEY_EXPIRES))
                if moves:
                    yield (
                        case,
                        [
                            rules.recorded(case, standing, move, BY_TIME, "batch", rules.today)
                            for move in moves
                        ],
                    )
