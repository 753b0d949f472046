"""`schema from`: the draft of a schema, made of a file's headers and rows."""

from pathlib import Path
from typing import Any

import click

from fbbatch.cli.common import Call, command
from fbbatch.errors import ExitCode, StorageError

_ID = r"^[a-z][a-z0-9_]*$"


@command("schema")
@click.argument("action", type=click.Choice(["from"]))
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE...",
)
@click.option("--id", "schema_id", required=True, help="Id of the schema, e.g. app_survey.")
@click.option("--title", help="What the source is called (default: the name of the first file).")
@click.option(
    "--folder", "folders", multiple=True, help="Inbox sub-folder of such files (default: the id)."
)
@click.option("--show", is_flag=True, help="Print the schema; write nothing.")
def schema(
    call: Call,
    action: str,
    files: tuple[Path, ...],
    schema_id: str,
    title: str | None,
    folders: tuple[str, ...],
    show: bool,
) -> int:
    """Write a schema for files like FILE... into schemas/sources, and say what each column became.

    Look through it before the next run; what it says is yours to change.
    """
    import re

    from fbbatch.upkeep.drafting import as_yaml

    if not re.match(_ID, schema_id):
        raise click.BadParameter(
            "small Latin letters, digits and _, a letter first", param_hint="--id"
        )
    shop = call.shop()
    place = shop.folder / "schemas" / "sources" / f"{schema_id}.yaml"
    if place.exists() and not show:
        raise click.BadParameter(f"{place.name} is there already; it stays", param_hint="--id")
    made = _drafted(shop, files)
    source = shop.book.sources[0].source_code
    head: dict[str, Any] = {
        "id": schema_id,
        "source": source,
        "title": title or files[0].stem,
    }
    if folders:
        head["folders"] = list(folders)
    text = as_yaml(head, made["fields"])
    if show:
        click.echo(text, nl=False)
        return ExitCode.DONE
    _write(shop.folder, place, text, shop.settings.locale)
    if call.as_json:
        call.data({"path": str(place), **{k: made[k] for k in ("told", "header_row", "n_rows")}})
        return ExitCode.DONE
    _tell(call, made)
    call.say(f"→ {place}")
    return ExitCode.DONE


def _tell(call: Call, made: dict[str, Any]) -> None:
    """What each column became; no answer is shown, for it may be personal."""
    call.say(f"Header in row {made['header_row']}, {made['n_rows']} rows looked at.")
    for columns, header, field, type_, is_known, n_options in made["told"]:
        became = [type_]
        if n_options:
            became.append(f"{n_options} options")
        if is_known:
            became.append("known")
        call.say(f"  {columns:6} {header} → {field} ({', '.join(became)})")


def _drafted(shop: Any, files: tuple[Path, ...]) -> dict[str, Any]:
    """The draft, made by a worker: the files are of strangers."""
    import contextlib

    import orjson

    from fbbatch import workers
    from fbbatch.upkeep.drafting import DraftSetup
    from fbbatch.words import spellings

    limits = shop.settings.limits
    blanks = spellings(shop.settings.placeholders)
    setup = DraftSetup(shop.book.sources, limits, blanks)
    job = workers.Job(
        "fbbatch.upkeep.drafting:work",
        setup,
        limits.memory_bytes,
        limits.cpu_seconds,
        limits.wall_seconds,
    )
    paths = [str(file.resolve()) for file in files]
    running = workers.run_tasks([paths], job, jobs=1)
    with contextlib.closing(running) as answers:
        try:
            frames = next(answers).frames
            told: dict[str, Any] = orjson.loads(b"".join(frames))
        except workers.WorkerLostError as error:
            told = {"reason": ["FB-too-expensive", {"what": str(error)}]}
    if "reason" in told:
        why = _why_not(told["reason"], shop.settings.locale)
        raise click.BadParameter(why, param_hint="FILE")
    return told


def _why_not(reason: list[Any] | None, language: str) -> str:
    """Why no schema can be made of a file.

    Args:
        reason: code and details of the finding that keeps it from being read; None where it is
            read, and holds no table.
        language: of the workspace.
    """
    from fbbatch import findings
    from fbbatch.model import Finding

    if reason is None:
        return "no row of three different headers within the first 20 rows"
    code, details = reason
    found = Finding(code, "error", details=details)
    said: list[str] = []
    for part in ("found", "expected", "remedy"):
        said.append(findings.part(found, part, language, {}))
    return "; ".join(said)


def _write(workspace: Path, place: Path, text: str, language: str) -> None:
    """Write the schema once a copy of all schemas is seen to bear it; a run never meets half of it.

    Args:
        workspace: whose schemas they are.
        place: where the new one is to stand among them.
        text: the new one, as YAML.
        language: of what is said to be wrong.

    Raises:
        InvalidSetupError: they do not bear it; nothing is written.
        StorageError: it cannot be written.
    """
    import shutil
    import tempfile

    from fbbatch.schema import load_book

    schemas = workspace / "schemas"
    with tempfile.TemporaryDirectory(prefix="fbbatch-") as scratch:
        copy = Path(scratch) / "schemas"
        shutil.copytree(schemas, copy)
        inside = place.relative_to(schemas)
        (copy / inside).write_text(text, encoding="utf-8")
        load_book(copy, language)
    partial = place.with_name(f".{place.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(place)
    except OSError as error:
        raise StorageError(f"{place}: {error.strerror}") from error
