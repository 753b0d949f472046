"""`verify`: what an administrator does besides runs."""

import click

from fbbatch.cli.common import Call, command, progress_of
from fbbatch.errors import ExitCode


@command("verify")
def verify(call: Call) -> int:
    """Check that ledger, outbox and archive agree; change nothing.

    Places in the archive are printed as they are: they may hold the names of files that people dropped.
    """
    from fbbatch import batch
    from fbbatch.upkeep.places import shown
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
    checked = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in result.checked.items())
    call.say(f"{'✗' if result.problems else '✓'} {len(result.problems)} problems. Looked at: {checked or 'nothing'}")
    return ExitCode.STORAGE if result.problems else ExitCode.DONE
