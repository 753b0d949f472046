"""What the closed loop takes for granted in the forms that come back.

A company's own schemas may add to it, not take away.

`fbbatch.workflow` and `fbbatch.steps` read these answers by name. A schema that
calls one of them optional, gives it another type or another set of codes would stop a run in its
middle, so it is refused before the run.
"""

from typing import NamedTuple

_OUTCOMES = ("unfounded", "misuse", "not_reproduced", "declined")


class Need(NamedTuple):
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


NEEDS: tuple[Need, ...] = (
    Need("assignment", "verdict", "choice", True, ("accept", "not_ours"), True),
    Need("assignment", "responsible", "person", strict=True),
    Need("assignment", "responsible_reason"),
    Need("assignment", "promised_on", "date"),
    Need("assignment", "proposed_department", "department", strict=True),
    Need("assignment", "reason"),
    Need("assignment", "answered_by", "person", True),
    Need("measures", "department", "department", strict=True),
    Need("measures", "containment"),
    Need("measures", "prevention"),
    Need("measures", "steps", "table", True),
    Need("measures", "approved_by", "person", True),
    Need("inspection", "percent", "integer", True),
    Need("result", "containment"),
    Need("result", "prevention"),
    Need("result", "outcome", "choice", True, ("solved", "partly", "unsolved", *_OUTCOMES), True),
    Need("result", "approved_by", "person", True),
    Need("verification", "solved", "boolean", True),
    Need("verification", "meets", "boolean", True),
    Need("verification", "conclusion", "choice", True, ("pass", "conditional", "fail"), True),
    Need("verification", "remaining"),
    Need("verification", "verified_by", "person", True),
    Need("reply", "letter", "choice", False, ("interim",)),
    Need("satisfaction", "solved", "choice", False, ("no",)),
    Need("impact", "priority", "choice", True),
    Need("escalation", "instructed_by", "person", True),
    Need(
        "coordination",
        "decision",
        "choice",
        True,
        ("continue", "hold", "merge", "close_without_measure", "reopen"),
        True,
    ),
    Need("coordination", "reason"),
    Need("coordination", "hold_until", "date"),
    Need("coordination", "main_case", "case"),
    Need("coordination", "outcome", "choice", False, (*_OUTCOMES, "withdrawn"), True),
    Need("coordination", "verifier", "person", strict=True),
    Need("coordination", "approved_by", "person", True),
    Need("tracking_ledger", "decision", "choice", False, ("a", "b", "c", "d", "ignore"), True),
)
