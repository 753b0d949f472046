"""Into which case another one may be merged. Source: N4, 1.3.2b."""

from fbbatch.ledger.recording import FileRecorder
from fbbatch.model import Case
from fbbatch.workflow.standing import replay

MERGE = "main_case"


def main_case(recorder: FileRecorder, case: Case, number: str) -> Case | None:
    """The case with this number, if `case` may be merged into it; else None.

    It may be an open one, or one merged into an open one itself.
    """
    main = last = recorder.case(number)
    while (
        last
        and last.id != case.id
        and last.state == "closed"
        and (further := replay(recorder.history(last)).main_case)
    ):
        last = recorder.case(further)
    return None if last is None or last.id == case.id or last.state == "closed" else main
