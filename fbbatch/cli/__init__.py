"""The command line. Commands are imported when they are called, so that `fbbatch --help` is quick.

This package is the only place that exits and reads the clock.
"""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from fbbatch import __version__
from fbbatch.errors import ExitCode, FbbatchError

_COMMANDS = {
    "init": ("setup", "Lay out a new workspace."),
    "demo": ("demo", "Build an invented company's workspace, drop files into it, and run."),
    "doctor": ("setup", "Check the machine, the installation and the workspace."),
    "lint": ("setup", "Check settings, schemas, rules and templates."),
    "check": ("run", "Say what would happen to files; write nothing."),
    "run": ("run", "Take what is in the inbox, record it, and write the documents."),
    "status": ("look", "Say where the workspace stands."),
    "cases": ("look", "List cases."),
    "matters": ("look", "List the open matters of other processes."),
    "case": ("look", "Tell one case's whole story."),
    "explain": ("look", "Explain a case's class, deadline and department, or what a code means."),
    "schema": ("schema", "Write a schema for files like those named."),
    "forms": ("forms", "Write blank registers and questionnaires, or tell a form's fields."),
    "serve": ("serve", "Run at the times of fbbatch.yaml until told to stop."),
    "schedule": ("serve", "Entries for the system's own scheduler."),
    "codes": ("setup", "Tell how long the check codes of forms hold; renew their secret."),
    "verify": ("upkeep", "Check that ledger, outbox and archive agree."),
    "backup": ("upkeep", "Write one file with everything in the workspace."),
    "restore": ("upkeep", "Make a workspace out of a backup."),
    "export": ("upkeep", "Write everything that is in the ledger as csv, jsonl or xlsx."),
    "anonymise": ("upkeep", "Replace the personal data of cases that were closed long ago."),
}


class _Lazy(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"fbbatch.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(
    cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="fbbatch")
def cli() -> None:
    """Carry out the product feedback regulation: files in, documents out."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with a published code."""
    _stand_firm()
    gc.set_threshold(_RECORDS, 20, 50)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    code = _run(args)
    _let_go()
    sys.exit(code)


_RECORDS = 50_000
"""So many new records before Python looks for cycles among them.

A batch makes many records, and hardly any cycle.
"""


def _stand_firm() -> None:
    """Hold out where a scheduler has closed the standard streams, or removed the current folder."""
    if os.name != "posix":
        return
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # else a file or a pipe of ours would take the number of a standard stream
    os.close(handle)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir("/")


def _let_go() -> None:
    """Flush what was said; a reader that is gone, or a full disk, is no trouble of the run's."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(args: list[str] | None) -> int:
    try:
        outcome: Any = cli.main(args=args, standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.UsageError as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; it is safe to run again.", err=True)
        return ExitCode.INTERRUPTED
    except FbbatchError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except ImportError as error:
        click.echo(
            f"A component is missing: {error.name}. Install it with `pip install {error.name}`.",
            err=True,
        )
        return ExitCode.MISSING_COMPONENT
    except BrokenPipeError:
        return ExitCode.DONE
    except Exception as error:
        if os.environ.get("FBBATCH_DEBUG"):
            raise
        place = _place(error)
        click.echo(
            f"This is a bug in fbbatch ({type(error).__name__} at {place})."
            " What was dropped is safe; run again, and report it.",
            err=True,
        )
        return ExitCode.BUG
    return int(outcome or ExitCode.DONE)


def _place(error: BaseException) -> str:
    """Where it happened: file and line of our own code, never what was in the data."""
    trace, place = error.__traceback__, "?"
    while trace:
        name = trace.tb_frame.f_code.co_filename
        if "fbbatch" in name:
            place = (
                name.rsplit("fbbatch", 1)[-1].replace(chr(92), "/").lstrip("/")
                + f":{trace.tb_lineno}"
            )
        trace = trace.tb_next
    return place
