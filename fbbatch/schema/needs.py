"""What the closed loop takes for granted in the forms that come back.

A company's own schemas may add to it, not take away.

`fbbatch.workflow` and `fbbatch.steps` read these answers by name. A schema that
calls one of them optional, gives it another type or another set of codes would stop a run in its
middle, so it is refused before the run.
"""

from typing import NamedTuple

_OUTCOMES = ("unfounded", "misuse", "not_reproduced", "declined")


class NeededField(NamedTuple):
    """A field that the closed loop reads.

    `type` is the type it must have, `required` whether it may not be left blank. Of a choice,
    `codes` are the codes that it must offer; where `closed`, it may offer no others, since each of
    them says how the case moves on. `strict`: only a name of the master list will do. Why it is
    needed says `wording.yaml`, under `need`.
    """

    form: str
    field: str
    type: str = "text"
    required: bool = False
    codes: tuple[str, ...] = ()
    closed: bool = False
    strict: bool = False


NEEDS: tuple[NeededField, ...] = (
    NeededField("assignment", "verdict", "choice", True, ("accept", "not_ours"), True),
    NeededField("assignment", "responsible", "person", strict=True),
    NeededField("assignment", "responsible_reason"),
    NeededField("assignment", "promised_on", "date"),
    NeededField("assignment", "proposed_department", "department", strict=True),
    NeededField("assignment", "reason"),
    NeededField("assignment", "answered_by", "person", True),
    NeededField("measures", "department", "department", strict=True),
    NeededField("measures", "containment"),
    NeededField("measures", "prevention"),
    NeededField("measures", "steps", "table", True),
    NeededField("measures", "approved_by", "person", True),
    NeededField("inspection", "percent", "integer", True),
    NeededField("result", "containment"),
    NeededField("result", "prevention"),
    NeededField(
        "result", "outcome", "choice", True, ("solved", "partly", "unsolved", *_OUTCOMES), True
    ),
    NeededField("result", "approved_by", "person", True),
    NeededField("verification", "solved", "boolean", True),
    NeededField("verification", "meets", "boolean", True),
    NeededField(
        "verification", "conclusion", "choice", True, ("pass", "conditional", "fail"), True
    ),
    NeededField("verification", "remaining"),
    NeededField("verification", "verified_by", "person", True),
    NeededField("reply", "letter", "choice", False, ("interim",)),
    NeededField("satisfaction", "solved", "choice", False, ("no",)),
    NeededField("impact", "priority", "choice", True),
    NeededField("escalation", "instructed_by", "person", True),
    NeededField(
        "coordination",
        "decision",
        "choice",
        True,
        ("continue", "hold", "merge", "close_without_measure", "reopen"),
        True,
    ),
    NeededField("coordination", "reason"),
    NeededField("coordination", "hold_until", "date"),
    NeededField("coordination", "main_case", "case"),
    NeededField("coordination", "outcome", "choice", False, (*_OUTCOMES, "withdrawn"), True),
    NeededField("coordination", "verifier", "person", strict=True),
    NeededField("coordination", "approved_by", "person", True),
    NeededField(
        "tracking_ledger", "decision", "choice", False, ("a", "b", "c", "d", "ignore"), True
    ),
)
