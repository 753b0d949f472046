"""What ends a run: exceptions, and the exit codes that other programs rely on."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The published exit codes of `fbbatch`; the README's table is tested against this list."""

    DONE = 0
    RETURNED = 1
    USAGE = 2
    INVALID = 3
    BUSY = 4
    STORAGE = 5
    MISSING_COMPONENT = 6
    BUG = 70
    INTERRUPTED = 130


class FbbatchError(Exception):
    """Trouble with the machine or the set-up that an operator can mend; the text says how."""

    exit_code = ExitCode.BUG


class InvalidSetupError(FbbatchError):
    """Settings, a schema, a rule file or a template is wrong; nothing has been touched.

    Args:
        problems: one line each, beginning with `file:line:column` where that is known.
    """

    exit_code = ExitCode.INVALID

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnusableTimeError(FbbatchError):
    """A run cannot be as of this time: it lies too far back or ahead.

    Most likely it is a slip of the pen, or a wrong clock.
    """

    exit_code = ExitCode.USAGE


class BusyError(FbbatchError):
    """Another run holds the workspace."""

    exit_code = ExitCode.BUSY


class StorageError(FbbatchError):
    """The disk or the database refused; what was dropped is still in the inbox."""

    exit_code = ExitCode.STORAGE


class UnrecordableError(StorageError):
    """The database refused what is to be written: a constraint does not hold.

    It does not refuse to write; one file's content is the cause.
    """


class NotFoundError(FbbatchError):
    """The person asked for something that does not exist (a case number, a code, a workspace)."""

    exit_code = ExitCode.USAGE
