"""`run` and `check`."""

import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from fbbatch.cli.common import Call, agrees, command, now, parse_as_of, progress_of, table
from fbbatch.errors import ExitCode

if TYPE_CHECKING:
    from fbbatch.batch import RunResult
    from fbbatch.model import FileOutcome, Finding
    from fbbatch.workspace import Workspace


@command("run")
@click.option(
    "--as-of",
    help="Compute as of this date or time (default: now).",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would happen; write nothing.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="Worker processes.",
)
def run(call: Call, as_of: str | None, dry_run: bool, jobs: int | None) -> int:
    """Take what is in the inbox, record it, and write the documents."""
    from fbbatch import batch

    shop = call.shop(jobs=jobs)
    moment, clock = parse_as_of(as_of, shop.settings), now(shop.settings.zone)
    if dry_run:
        with progress_of(call) as progress:
            result = batch.rehearse(
                shop,
                moment,
                now=clock,
                progress=progress,
            )
    else:
        from fbbatch.schema.wording import words

        language = shop.settings.locale
        if not agrees(
            moment, clock, language, foresee=lambda: batch.foresee(shop, moment, now=clock)
        ):
            click.echo(
                words("time.declined", language),
                err=True,
            )
            return ExitCode.INTERRUPTED
        asked: list[int] = []

        def stop(number: int, _: FrameType | None) -> None:
            asked.append(number)
            if asked.count(signal.SIGINT) > 1:
                raise KeyboardInterrupt

        before = [
            (number, signal.signal(number, stop)) for number in (signal.SIGTERM, signal.SIGINT)
        ]
        try:
            with progress_of(call) as progress:
                result = batch.run(
                    shop, moment, now=clock, progress=progress, should_stop=lambda: bool(asked)
                )
        except batch.InterruptedRunError as stopped:
            click.echo(str(stopped), err=True)
            return ExitCode.INTERRUPTED
        finally:
            for number, handler in before:
                signal.signal(number, handler)
        if gone := result.given_up:
            call.say(
                words(
                    "time.given_up",
                    language,
                    run=gone.name,
                    as_of=gone.as_of.date(),
                )
            )
    return show(call, shop, result)


@command("check")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
)
@click.option(
    "--as-of",
    help="Compute as of this date or time (default: now).",
)
def check(call: Call, files: tuple[Path, ...], as_of: str | None) -> int:
    """Say what would happen to FILES; write nothing."""
    from fbbatch import batch

    shop = call.shop()
    moment = parse_as_of(as_of, shop.settings)
    with progress_of(call) as progress:
        result = batch.rehearse(
            shop,
            moment,
            now=now(shop.settings.zone),
            files=[f.resolve() for f in files],
            progress=progress,
        )
    return show(call, shop, result)


def show(call: Call, shop: "Workspace", result: "RunResult") -> int:
    """The receipt on the terminal, in the workspace's language.

    It shows no personal data, which stays in the outbox.
    """
    if call.as_json:
        call.data(result.manifest)
        return result.exit_code
    from fbbatch.documents.receipt import (
        COUNTS,
        balance,
        field_labels,
        ignored_line,
        labels_for,
        outcome_word,
    )

    office, templates = shop.office, shop.templates
    language = office.language

    def word(name: str, **values: object) -> str:
        return templates["receipt"].word(name, language, **values)

    receipt = result.receipt
    as_of = receipt.as_of.strftime("%Y-%m-%d %H:%M")
    call.say(f"{office.title('receipt')}　{word('run', run=receipt.run, as_of=as_of)}")
    if receipt.files:
        heads = [word("file"), word("outcome"), *(word(name) for name in COUNTS)]
        call.say(
            table(
                heads,
                [
                    [
                        _printable(f.name),
                        outcome_word(f, office),
                        *(str(getattr(f, name)) for name in COUNTS),
                    ]
                    for f in receipt.files
                ],
            )
        )
    else:
        call.say(word("no_files"))
    labels = field_labels(office)
    for file in receipt.files:
        for item in _worth_saying(file, verbose=call.verbose):
            for line in _told(
                file,
                item,
                language,
                labels_for(file, item, labels),
            ):
                call.say(line)
    call.say(balance(receipt, office, templates))
    if left_alone := ignored_line(receipt, office, templates):
        call.say(left_alone)
    if result.folder:
        call.say(f"→ {result.folder / 'index.html'}")
    return result.exit_code


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name.encode("utf-8", "replace").decode())


def _worth_saying(file: "FileOutcome", *, verbose: bool) -> "list[Finding]":
    """What the screen tells of a file: why it went back; with -v, every error and warning."""
    return [
        item
        for item in file.findings
        if (item.code == file.code and item.severity == "error")
        or (verbose and item.severity in {"error", "warning"})
    ]


def _told(
    file: "FileOutcome", item: "Finding", language: str, labels: dict[str, str]
) -> Iterator[str]:
    """The lines about a finding: where and what it is; below, what was expected and what to do."""
    from fbbatch import findings

    public = item._replace(details=_impersonal(item))
    place = findings.where(item, language)
    found, expected, remedy = (
        findings.part(public, part, language, labels) for part in ("found", "expected", "remedy")
    )
    yield f"  {_printable(file.name)}　{place}　{found}"
    yield f"      {expected}"
    yield f"      → {remedy}"


def _impersonal(item: "Finding") -> dict[str, str]:
    """A finding's details without what was typed into cells.

    That may be personal, and a terminal is no place for it. Titles of forms, numbers of cases,
    headers and what schemas say are not.
    """
    from fbbatch import findings

    kept = {name: text for name, text in item.details.items() if name in _PUBLIC}
    if item.code in findings.ABOUT_ATTACHMENTS:
        kept.pop("name", None)  # strangers choose it
    if item.code in _NEAR_IS_PUBLIC and "near" in item.details:
        kept["near"] = item.details["near"]
    return kept


_NEAR_IS_PUBLIC = frozenset({"FB-column-missing", "FB-not-a-choice"})
_PUBLIC = frozenset(
    [
        *("minimum", "maximum", "length", "allowed", "limit", "range", "example", "explain"),
        *("what", "size", "byte", "reason", "found", "name", "rows", "row", "line", "setting"),
        *("first", "second", "first_line", "second_line", "encoding", "where"),
        *("expected", "expected_fields", "near_field", "same_fields", "other", "labels"),
        *("schema", "candidates", "candidate_schemas", "known", "least", "headers", "header"),
        *("kind", "case", "numbers", "number", "state", "missing", "issue", "newest"),
        *("opened", "days", "department"),
    ]
)
"""The details that a terminal shows."""
