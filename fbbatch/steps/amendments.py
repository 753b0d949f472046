"""Rows that are edited copies of rows in the ledger: they amend their cases. Source: N4."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from fbbatch.findings import finding
from fbbatch.identity import changes, is_related, restored, worsened
from fbbatch.ledger.edited_rows import Edited
from fbbatch.ledger.recording import FileRecorder
from fbbatch.model import Case, Details, Finding, Transition
from fbbatch.steps.record import Signed, record
from fbbatch.steps.rules import AMENDMENT, Rules
from fbbatch.stopping import Ask, never
from fbbatch.workflow.standing import Move


def take_amendments(rules: Rules, recorder: FileRecorder, ask: Ask = never) -> None:
    """Give cases the answers of those rows of a file that are edited copies of theirs.

    The rows of the files in it are taken as well.
    """
    for part in recorder.whole():
        for one in part.edited():
            ask()
            _amend(rules, part, one)


def _amend(rules: Rules, recorder: FileRecorder, one: Edited) -> None:
    case, new = recorder.case(one.kin.number), orjson.loads(one.row.answers)
    assert case is not None  # noqa: S101 - it has just been found
    place: dict[str, Any] = {
        "sheet": one.sheet or None,
        "row": one.row.row,
        "case": case.number,
    }
    worse = _told_worse(rules, case, worsened(case.values, new), place)
    new = restored(case.values, new)
    if not is_related(case.values, new):
        recorder.dispute(one, finding("FB-mark-differs", **place))
        return
    history = recorder.history(case)
    new = _together(rules, case, new, history)
    told = changes(case.values, new)
    if worse and not told:
        same = finding("FB-same-row", **place)
        recorder.repeat(case, one, [same, *worse])
        return
    recorder.note(worse)
    ruled = recorder.ruling(one.ruling_id)
    is_other = recorder.is_ruled(case) and ruled != {
        "kind": case.kind,
        "type": case.type,
        "severity": case.severity,
    }
    recorder.amend(case, one, new, told)
    if is_other:
        recorder.rejudge(case, one.ruling_id)
    amended = Move(case.state, Details(changes=told))
    move = rules.raised(case, ruled if is_other else {}, amended)
    signed = Signed(AMENDMENT, "batch", rules.today)
    record(rules, recorder, rules.matter(case, history), [move], signed)
    for name, both in told.items():
        old, value = (rules.teller.tell(name, said, case.schema) for said in both)
        recorder.note(
            [
                finding(
                    "FB-amended",
                    **place,
                    field=name,
                    old=old or "—",
                    new=value or "—",
                )
            ]
        )


def _told_worse(
    rules: Rules, case: Case, worse: Mapping[str, Any], place: Mapping[str, Any]
) -> list[Finding]:
    """What is to be said of answers that only say less than the case's, which stay.

    Args:
        rules: to tell answers in words.
        case: whose answers are known.
        worse: what the row says now, by field id.
        place: of the row, and the case's number.
    """
    emptied = []
    found = []
    for name, after in worse.items():
        if not after:
            emptied.append(name)
            continue
        value = rules.teller.tell(name, after, case.schema)
        found.append(finding("FB-worse", **place, field=name, value=value))
    if emptied:
        names = ",".join(emptied)
        found.append(finding("FB-emptied", **place, same_fields=names))
    return found


def _together(
    rules: Rules,
    case: Case,
    new: Mapping[str, Any],
    history: Sequence[Transition],
) -> dict[str, Any]:
    """What a row says, with the answers that another file of this run has corrected.

    Files of a run have no order.
    """
    steps = [
        step for step in history if step.document == AMENDMENT and step.run == rules.record.name
    ]
    before = [
        (name, old) for step in steps for name, (old, _) in (step.details.changes or {}).items()
    ]
    kept = {name: value for name, value in case.values.items() if (name, new.get(name)) in before}
    return {**new, **kept}
