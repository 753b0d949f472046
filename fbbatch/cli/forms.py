"""`forms`: blank registers and questionnaires, and what the forms ask for."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fbbatch.cli.common import Call, command, now
from fbbatch.errors import ExitCode, StorageError
from fbbatch.model import LANGUAGES

if TYPE_CHECKING:
    from fbbatch.schema import FieldModel, SchemaModel
    from fbbatch.validate.parsers import Parsers


@command("forms")
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to (default: outbox/forms).",
)
@click.option(
    "--locale",
    "languages",
    multiple=True,
    type=click.Choice(LANGUAGES),
    help="Language; may be given several times (default: the workspace's).",
)
def forms(
    call: Call, kinds: tuple[str, ...], folder: Path | None, languages: tuple[str, ...]
) -> int:
    """Write blank registers and questionnaires (D01-D04) for the sources named, all by default.

    With --json, tell the fields of the sources and forms named instead.
    """
    shop = call.shop()
    schemas = {schema.id: schema for schema in (*shop.book.sources, *shop.book.forms)}
    known = (
        [*schemas]
        if call.as_json
        else [*(s.id for s in shop.book.sources), "register", "questionnaire"]
    )
    if unknown := [kind for kind in kinds if kind not in known]:
        raise click.BadParameter(
            f"'{unknown[0]}' is none of: {', '.join(known)}", param_hint="KIND"
        )
    if call.as_json:
        from fbbatch.validate.parsers import Parsers

        chosen = [schemas[kind] for kind in kinds] or list(schemas.values())
        parsers = Parsers(shop.book, shop.settings.locale, None)
        call.data([_form(schema, shop.settings.locale, parsers) for schema in chosen])
        return ExitCode.DONE
    from fbbatch.documents import blank_forms

    target = folder or shop.folder / "outbox" / "forms"
    company = shop.settings.company
    made = blank_forms(
        shop.book,
        languages or (shop.settings.locale,),
        company=company.name,
        form_prefix=company.form_prefix,
        templates=shop.templates,
        date=now(shop.settings.zone).date(),
        wanted=lambda form: not kinds or bool({form.schema.id, form.kind} & set(kinds)),
    )
    for path, content, _, _ in made:
        place = target / path
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.write_bytes(content)
        except OSError as error:
            raise StorageError(
                f"The forms cannot be written: {error.strerror}: {place.parent}"
            ) from error
        call.say(str(place))
    return ExitCode.DONE


def _form(schema: "SchemaModel", language: str, parsers: "Parsers") -> dict[str, Any]:
    return {
        "id": schema.id,
        "version": schema.version,
        "kind": schema.kind,
        "title": schema.title[language],
        "clause": schema.clause,
        "fields": [_field(field, language, parsers) for field in schema.fields],
    }


def _field(field: "FieldModel", language: str, parsers: "Parsers") -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": field.id,
        "label": field.label[language],
        "type": field.type,
        "required": field.required,
        "example": parsers.example(field),
    }
    if field.type == "table":
        told["columns"] = [_field(column, language, parsers) for column in field.fields]
    return told
