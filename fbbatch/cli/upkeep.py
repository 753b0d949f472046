"""`verify`, `backup`, `restore`, `export`, `anonymise`: what an administrator does besides runs."""

import contextlib
import datetime as dt
from pathlib import Path

import click

from fbbatch.cli.common import Call, command, now, progress_of
from fbbatch.errors import ExitCode, NotFoundError, StorageError


@command("verify")
def verify(call: Call) -> int:
    """Check that ledger, outbox and archive agree; change nothing.

    Places in the archive are printed as they are: they may hold the names of files that people
    dropped.
    """
    from fbbatch import batch
    from fbbatch.upkeep.folders import shown
    from fbbatch.upkeep.verify import verify as compare

    settings = call.settings()
    with batch.locked(call.folder), progress_of(call) as progress:
        result = compare(call.folder, settings.database, progress)
    if call.as_json:
        call.data(result.told())
        return ExitCode.STORAGE if result.problems else ExitCode.DONE
    for note in result.notes:
        call.say(note)
    for problem in result.problems:
        click.echo(f"✗ {problem.what}: {shown(problem.where)}\n  → {problem.todo}", err=True)
    checked = ", ".join(
        f"{number:,} {name.replace('_', ' ')}" for name, number in result.checked.items()
    )
    sign = "✗" if result.problems else "✓"
    call.say(f"{sign} {len(result.problems)} problems. Looked at: {checked or 'nothing'}")
    return ExitCode.STORAGE if result.problems else ExitCode.DONE


@command("backup")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--ledger-only", is_flag=True, help="Only the ledger, not the folders.")
def backup(call: Call, target: Path | None, ledger_only: bool) -> int:
    """Write one file with everything that is in the workspace; a run may be active.

    TARGET is a folder, or the name of a new .zip file (default: a file in the workspace's
    backups/). Nothing is overwritten.
    """
    from fbbatch.upkeep.backup import backup as make

    settings = call.settings()
    with progress_of(call) as progress:
        made = make(
            call.folder,
            settings.database,
            target,
            at=now(settings.zone),
            ledger_only=ledger_only,
            progress=progress,
        )
    if call.as_json:
        call.data(
            {
                "file": str(made.path),
                "files": made.n_files,
                "bytes": made.n_bytes,
                "notes": made.notes,
            }
        )
        return ExitCode.DONE
    for note in made.notes:
        click.echo(note, err=True)
    call.say(
        f"{made.path}: {made.n_files:,} files, {made.n_bytes / 1e6:,.1f} MB."
        " It holds personal data; keep it where only you can read it."
    )
    return ExitCode.DONE


@command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--force", is_flag=True, help="Also into a folder that holds something, which is set aside."
)
def restore(call: Call, file: Path, force: bool) -> int:
    """Make a workspace out of the backup FILE, in the empty folder that -w names.

    With --force a workspace may be there; its ledger and folders are set aside below .fbbatch/ and
    never deleted.
    """
    from fbbatch import batch
    from fbbatch.upkeep.restore import inspected
    from fbbatch.upkeep.restore import restore as put_back

    if call.workspace is None:
        raise NotFoundError("Name the folder to restore into: fbbatch restore FILE -w DIR")
    folder = call.workspace.resolve()
    bundle = inspected(file.resolve(), folder, force=force)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror}") from error
    with batch.locked(folder), progress_of(call) as progress:
        done = put_back(bundle, folder, at=now(dt.UTC), progress=progress)
    if call.as_json:
        call.data(
            {
                **done._asdict(),
                "workspace": str(folder),
                "aside": str(done.aside) if done.aside else None,
            }
        )
        return ExitCode.DONE
    call.say(
        f"{folder}: restored {done.n_files:,} files; the last run is {done.last_run or 'none'}."
    )
    if done.aside:
        call.say(
            f"What was there is in {done.aside}; delete it yourself when you no longer need it."
            " It holds personal data."
        )
    if done.n_waiting or done.n_newer:
        click.echo(
            f"{done.n_waiting} files that waited in its inbox and {done.n_newer} originals"
            " in its archive are not in the backup: drop them into the inbox again;"
            " rows that the ledger has are not registered twice.",
            err=True,
        )
    call.say(f"Next: fbbatch verify -w {folder}")
    return ExitCode.DONE


@command("export")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "jsonl", "xlsx"]),
    default="xlsx",
    show_default=True,
    help="Kind of files.",
)
def export(call: Call, folder: Path | None, kind: str) -> int:
    """Write everything that is in the ledger into FOLDER.

    Without FOLDER: into a new folder in the workspace's exports/.
    """
    from fbbatch import batch
    from fbbatch.upkeep.export import export as write

    shop = call.shop()
    target = (
        folder or shop.folder / "exports" / f"{now(shop.settings.zone):%Y%m%d-%H%M%S}-{kind}"
    ).resolve()
    with (
        batch.locked(shop.folder),
        contextlib.closing(shop.ledger()) as ledger,
        progress_of(call) as progress,
    ):
        counts = write(ledger, shop.book, shop.settings.locale, target, kind, progress)
    if call.as_json:
        call.data({"folder": str(target), "rows": counts})
        return ExitCode.DONE
    call.say(
        f"{target}: {counts['cases']:,} cases, {sum(counts.values()):,} rows"
        f" in {len(counts)} tables. It holds personal data."
    )
    return ExitCode.DONE


@command("anonymise")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Cases closed before this day (default: by retention_days).",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option(
    "--with-files/--keep-files",
    default=True,
    show_default=True,
    help="Remove originals and documents that are about nobody else, and print the others again.",
)
def anonymise(call: Call, before: dt.datetime | None, dry_run: bool, with_files: bool) -> int:
    """Replace the personal data of cases that were closed long ago by pseudonyms.

    This cannot be undone. What is counted stays: classes, dates, departments, and which cases are
    of one person.
    """
    from fbbatch import batch
    from fbbatch.upkeep.anonymise import anonymise as replace

    shop = call.shop()
    clock = now(shop.settings.zone)
    retention = dt.timedelta(days=shop.settings.retention_days)
    day = before.date() if before else clock.date() - retention
    with batch.locked(shop.folder), contextlib.closing(shop.ledger()) as ledger:
        done = replace(
            shop.folder,
            ledger,
            shop.book,
            day,
            at=clock,
            retention=retention,
            dry_run=dry_run,
            with_files=with_files,
        )
    if call.as_json:
        call.data({**done.told(), "dry_run": dry_run})
        return ExitCode.DONE
    counts = ", ".join(f"{number:,} {name}" for name, number in done.counts.items())
    changed = "Would change" if dry_run else "Changed"
    closed = f"{done.n_cases:,} cases closed before {day.isoformat()}"
    call.say(f"{changed}, of {closed}: {counts}.")
    if done.removed:
        removed = ", ".join(
            f"{number:,} {name.replace('_', ' ')}" for name, number in done.removed.items()
        )
        also = (
            f"printed again without them: {done.n_printed_again:,};"
            f" old copies of the ledger: {done.n_old_ledgers:,}"
        )
        call.say(f"{'Would be removed' if dry_run else 'Removed'}: {removed}; {also}.")
    for one in done.left:
        days = [day.isoformat() if day else "a day nobody knows yet" for day in one.until]
        until = f", until {', '.join(days)}" if days else ""
        made = f", made {', '.join(day.isoformat() for day in one.made)}" if one.made else ""
        call.say(f"Still there: {one.number:,} {one.what} ({one.where}){until}{made}")
    return ExitCode.DONE
