"""All that brings steps in a run, behind one door."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from fbbatch.ledger import Ledger, RunRecord
from fbbatch.ledger.recording import FileRecorder
from fbbatch.messages import EditedWorkbook, FormRead, WorkbookProof
from fbbatch.model import Facts, FilledForm, Transition
from fbbatch.schema.process import CASE
from fbbatch.steps.amendments import take_amendments
from fbbatch.steps.edits import Edits
from fbbatch.steps.forms import Forms
from fbbatch.steps.openings import open_of_period
from fbbatch.steps.proof import is_proven_workbook
from fbbatch.steps.record import Signed, record
from fbbatch.steps.rules import BY_TIME, Rules
from fbbatch.stopping import Ask, never
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.process import moves_of_time


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
        """Record what happens by itself today: holds that end, surveys that expire.

        Each once, however many nights were missed.
        """
        rules, run = self.rules, _OfRun(ledger, self.rules.record)
        for matter in self._timed(ledger):
            if moves := moves_of_time(matter.standing, rules.today, rules.days):
                ask()
                record(
                    rules,
                    run,
                    matter,
                    moves,
                    Signed(BY_TIME, "batch", rules.today),
                )

    def _timed(self, ledger: Ledger) -> Iterator[Matter]:
        """The matters that are in a state in which something happens by itself."""
        processes = self.rules.book.processes.values()
        states = {process.id: [p.in_state for p in process.time] for process in processes}
        for state in states[CASE]:
            for case in list(ledger.cases(state=state)):
                yield self.rules.matter(case, ledger.history(case))
        for facts, history in ledger.matters(in_hand=True):
            if facts.state in states[facts.process]:
                yield self.rules.matter(facts, history)

    def open_matters(self, ledger: Ledger, ask: Ask = never) -> None:
        """Open what the processes say that the batch opens by itself, once in each period."""
        for process in self.rules.book.processes.values():
            if process.opens:
                ask()
                open_of_period(self.rules, ledger, process, process.opens)


class _OfRun:
    """Where steps are kept that no file has brought."""

    def __init__(self, ledger: Ledger, run: RunRecord) -> None:
        self.ledger, self.run = ledger, run

    def append(self, matter: Facts, steps: Sequence[Transition], *, is_open: bool) -> None:
        """Append steps to a matter's history."""
        self.ledger.append(self.run, matter, steps, is_open=is_open)
