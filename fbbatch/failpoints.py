"""Named points of a run at which a test may make it fail.

Nothing happens, and nothing is looked up, unless one is armed.

`FBBATCH_FAILPOINT=renamed:2:kill` kills the run when it passes the point `renamed` for the second
time. Modes: `kill` (as a power cut ends it), `raise` (a bug), `ENOSPC` and `EIO` (what the system
would say), `sleep` (two seconds).
"""

import errno
import os
import signal
import time

from fbbatch.errors import InvalidSetupError

POINTS = (
    *(
        "scanned",
        "hashed",
        "claimed",
        "parsing",
        "parsed",
        "beginning",
        "committing",
        "committed",
        "drafting",
        "writing",
        "vouched",
        "written",
    ),
    *(
        "synced",
        "replacing",
        "renamed",
        "refreshing",
        "archiving",
        "copying",
        "copied",
        "archived",
        "closing",
    ),
)
UPKEEP_POINTS = (
    "reprinted",
    "forgotten",
    "swapped",
    "unlinked",
    "copying",
    "migrating",
    "exporting",
)
"""Besides runs: of `anonymise`, of a migration of the ledger, of `export`."""
MODES = ("kill", "raise", "ENOSPC", "EIO", "sleep")
_SLEEP_SECONDS = 2

_armed: list[str | int] | None = None  # name, passings left, mode, the process that is the run


def arm(text: str | None) -> None:
    """Arm one point (`name:n:mode`), or none.

    Raises:
        InvalidSetupError: there is no such point or mode.
    """
    global _armed
    name, number, mode = (*(text or "").split(":"), "", "")[:3]
    if text and (
        name not in (*POINTS, *UPKEEP_POINTS) or mode not in MODES or not number.isdecimal()
    ):
        points, modes = ", ".join((*POINTS, *UPKEEP_POINTS)), ", ".join(MODES)
        raise InvalidSetupError(
            [
                f"FBBATCH_FAILPOINT: '{text}' is no point:number:mode;"
                f" points: {points}; modes: {modes}"
            ]
        )
    _armed = [name, int(number), mode, os.getpid()] if text else None


def reach(name: str, error: type[Exception] = OSError) -> None:
    """Pass a point; `error` is how the system's refusal would show there."""
    if _armed is None or _armed[0] != name:
        return
    _armed[1] = int(_armed[1]) - 1
    if _armed[1] == 0:
        _fail(str(_armed[2]), name, int(_armed[3]), error)


def _fail(mode: str, name: str, owner: int, error: type[Exception]) -> None:
    if mode == "kill":
        for process in (owner, os.getpid()):  # a worker dies with its run
            os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    elif mode == "raise":
        raise RuntimeError(f"failpoint {name}")
    elif mode == "sleep":
        time.sleep(_SLEEP_SECONDS)
    else:
        number = getattr(errno, mode)
        raise error(number, os.strerror(number))


arm(os.environ.get("FBBATCH_FAILPOINT"))
