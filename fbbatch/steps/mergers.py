"""Into which case another one may be merged. Source: N4, 1.3.2b."""

from fbbatch.ledger.recording import FileRecorder
from fbbatch.model import Case
from fbbatch.schema.process import CASE_ENDS
from fbbatch.steps.rules import Rules

MERGE = "main_case"


def main_case(rules: Rules, recorder: FileRecorder, case: Case, number: str) -> Case | None:
    """The case with this number, if `case` may be merged into it; else None.

    It may be an open one, or one merged into an open one itself.
    """
    main = last = recorder.case(number)
    while last and last.id != case.id and last.state == CASE_ENDS:
        further = rules.matter(last, recorder.history(last)).standing.main_case
        if further is None:
            break
        last = recorder.case(further)
    return None if last is None or last.id == case.id or last.state == CASE_ENDS else main
