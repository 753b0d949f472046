"""What every command shares: its options, the workspace, the clock, and how it prints."""

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fbbatch.errors import NotFoundError

if TYPE_CHECKING:
    from fbbatch.publish.edition import Progress
    from fbbatch.settings import Settings
    from fbbatch.workspace import Workspace


@dataclass(frozen=True)
class Call:
    """The options that every command takes."""

    workspace: Path | None
    as_json: bool
    quiet: bool
    verbose: bool

    @property
    def folder(self) -> Path:
        """The workspace: given, or found from the current folder upward.

        Raises:
            NotFoundError: there is none.
        """
        from fbbatch.settings import SETTINGS_FILE, find_workspace

        if self.workspace is not None:
            if not (self.workspace / SETTINGS_FILE).is_file():
                raise NotFoundError(
                    f"{self.workspace} is not a workspace (no {SETTINGS_FILE});"
                    " `fbbatch init DIR` makes one"
                )
            return self.workspace.resolve()
        found = find_workspace(Path.cwd())
        if found is None:
            raise NotFoundError(
                "No workspace here or above; go into one, or name it with -w DIR;"
                " `fbbatch init DIR` makes one"
            )
        return found

    def settings(self, **options: Any) -> "Settings":
        """The workspace's settings."""
        from fbbatch.settings import load_settings

        return load_settings(self.folder, **options)

    def shop(self, **options: Any) -> "Workspace":
        """The workspace, read and checked.

        Raises:
            InvalidSetupError: with what is wrong in fbbatch.yaml, and in the schemas, at once.
        """
        from fbbatch.errors import InvalidSetupError
        from fbbatch.schema import load_book
        from fbbatch.settings import language_of
        from fbbatch.workspace import open_workspace

        try:
            settings = self.settings(**options)
        except InvalidSetupError as error:
            try:
                load_book(self.folder / "schemas", language_of(self.folder))
            except InvalidSetupError as further:
                raise InvalidSetupError([*error.problems, *further.problems]) from error
            raise
        return open_workspace(self.folder, settings)

    def say(self, text: str) -> None:
        """Print for people; nothing with --quiet or --json.

        A terminal that is gone or full is no reason to fail.
        """
        if not self.quiet and not self.as_json:
            with suppress(OSError):
                click.echo(text)

    def data(self, value: object) -> None:
        """Print data for programs."""
        import orjson

        click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A click command with the common options; the function gets a `Call` first."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @wraps(function)
        def wrapped(
            workspace: Path | None, as_json: bool, quiet: bool, verbose: bool, **rest: Any
        ) -> Any:
            os.umask(0o077)
            return function(Call(workspace, as_json, quiet, verbose), **rest)

        for option in (
            click.option("-v", "--verbose", is_flag=True, help="Say more."),
            click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
            click.option("--json", "as_json", is_flag=True, help="Print data only, as JSON."),
            click.option(
                "-w",
                "--workspace",
                type=click.Path(path_type=Path, file_okay=False),
                help="The workspace (default: found upward).",
            ),
        ):
            wrapped = option(wrapped)
        return click.command(name, **attributes)(wrapped)  # type: ignore[no-any-return,no-untyped-call]

    return decorate


def now(zone: dt.tzinfo) -> dt.datetime:
    """The clock, in whole seconds."""
    return dt.datetime.now(zone).replace(microsecond=0)


def parse_as_of(text: str | None, settings: "Settings") -> dt.datetime:
    """`--as-of`: a date means that day at the first run time; a time is taken as it is.

    Raises:
        click.BadParameter: it is neither.
    """
    zone = settings.zone
    if text is None:
        return now(zone)
    try:
        if len(text) == 10:
            hour, minute = map(int, (settings.run_times or ["23:00"])[0].split(":"))
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(hour, minute), zone)
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    except (
        ValueError,
        OverflowError,
    ) as error:  # at the ends of the calendar no other zone's time can be told
        raise click.BadParameter(
            f"'{text}' is neither a date (2026-11-22) nor a time (2026-11-22T23:00)",
            param_hint="--as-of",
        ) from error


def agrees(
    moment: dt.datetime, clock: dt.datetime, language: str, *, foresee: Callable[[], None]
) -> bool:
    """Whether a run may be as of a time ahead of the clock.

    On a terminal a person is asked; elsewhere the time is meant so.

    Args:
        moment: the time that is asked for.
        clock: the time it is.
        language: of the question.
        foresee: raises where the time is impossible, so that nobody is asked in vain.
    """
    if moment - clock <= dt.timedelta(days=1) or not sys.stdin.isatty():
        return True
    foresee()
    from fbbatch.schema.wording import words

    return click.confirm(
        words("time.ahead", language, as_of=f"{moment:%Y-%m-%d}"), default=False, err=True
    )


@contextmanager
def progress_of(call: Call) -> "Iterator[Progress]":
    """A progress bar on a terminal, nothing elsewhere; gone when the block ends."""
    if call.quiet or call.as_json or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

    tasks: dict[str, TaskID] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


def table(headers: list[str], rows: list[list[str]]) -> str:
    """A plain table for the terminal; wide characters count double."""
    from unicodedata import east_asian_width

    def width(text: str) -> int:
        return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)

    every = [headers, *rows]
    widths = [max(width(row[n]) for row in every) for n in range(len(headers))]
    lines = [
        "  ".join(
            cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)
        ).rstrip()
        for row in every
    ]
    lines.insert(1, "  ".join("─" * w for w in widths))
    return "\n".join(lines)
