"""What the closed loop takes for granted in the forms that come back; a company's own schemas may add to it, not take away.

`fbbatch.workflow`, `fbbatch.gates` and `fbbatch.steps` read these answers by name. A schema that calls one of them
optional, gives it another type or another set of codes would stop a run in its middle, so it is refused before the run.
"""

from typing import NamedTuple

_OUTCOMES = ("unfounded", "misuse", "not_reproduced", "declined")


class Need(NamedTuple):
    """A field that the closed loop reads.

    `type` is the type it must have, `required` whether it may not be left blank. Of a choice, `codes` are the codes that
    it must offer; where `closed`, it may offer no others, since each of them says how the case moves on. `strict`: only a
    name of the master list will do.
    """

    form: str
    field: str
    why: str
    type: str = "text"
    required: bool = False
    codes: tuple[str, ...] = ()
    closed: bool = False
    strict: bool = False


NEEDS: tuple[Need, ...] = (
    Need("assignment", "verdict", "says whether the case is taken on", "choice", True, ("accept", "not_ours"), True),
    Need("assignment", "responsible", "names who handles the case", "person", strict=True),
    Need("assignment", "responsible_reason", "is asked for where the responsible person is of another department"),
    Need("assignment", "promised_on", "is asked for where the case is taken on", "date"),
    Need("assignment", "proposed_department", "says where the case goes instead", "department", strict=True),
    Need("assignment", "reason", "is asked for where the case goes to another department"),
    Need("assignment", "answered_by", "names the head who answers", "person", True),
    Need("measures", "department", "tells the lead's measures from those of each cooperating department", "department", strict=True),
    Need("measures", "containment", "is asked for where the problem is severe"),
    Need("measures", "prevention", "is asked for where the problem is severe"),
    Need("measures", "steps", "holds the measures, their persons and dates", "table", True),
    Need("measures", "approved_by", "names the head who approves", "person", True),
    Need("inspection", "percent", "says whether the work has begun", "integer", True),
    Need("result", "containment", "is asked for where the problem is severe"),
    Need("result", "prevention", "is asked for where the problem is severe"),
    Need("result", "outcome", "says how the matter ended", "choice", True, ("solved", "partly", "unsolved", *_OUTCOMES), True),
    Need("result", "approved_by", "names the head who approves", "person", True),
    Need("verification", "solved", "must agree with the conclusion", "boolean", True),
    Need("verification", "meets", "must agree with the conclusion", "boolean", True),
    Need("verification", "conclusion", "decides whether the case goes on or back", "choice", True, ("pass", "conditional", "fail"), True),
    Need("verification", "remaining", "is asked for where not everything passed"),
    Need("verification", "verified_by", "names who verifies, who must be independent", "person", True),
    Need("reply", "letter", "tells an interim letter from the last one", "choice", False, ("interim",)),
    Need("satisfaction", "solved", "asks for a second look where it is no", "choice", False, ("no",)),
    Need("impact", "priority", "sets the priority of the case", "choice", True),
    Need("escalation", "instructed_by", "names the leader who instructs", "person", True),
    Need(
        "coordination", "decision", "decides what becomes of the case", "choice", True,
        ("continue", "hold", "merge", "close_without_measure", "reopen"), True,
    ),
    Need("coordination", "reason", "is asked for with every decision but to continue"),
    Need("coordination", "hold_until", "ends a hold", "date"),
    Need("coordination", "main_case", "names the case that this one is merged into", "case"),
    Need("coordination", "outcome", "says how a case without measures ended", "choice", False, (*_OUTCOMES, "withdrawn"), True),
    Need("coordination", "verifier", "names a verifier where nobody may verify", "person", strict=True),
    Need("tracking_ledger", "decision", "chooses among forms that wait", "choice", False, ("a", "b", "c", "d", "ignore"), True),
    Need("coordination", "approved_by", "names who decides", "person", True),
)  # fmt: skip
