"""`forms`."""

from typing import TYPE_CHECKING, Any

import click

from fbbatch.cli.common import Call, command
from fbbatch.errors import ExitCode

if TYPE_CHECKING:
    from fbbatch.schema import FieldModel, SchemaModel


@command("forms")
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
def forms(call: Call, kinds: tuple[str, ...]) -> int:
    """Write blank registers and questionnaires (D01-D04); with --json, tell the fields of the forms named."""
    shop = call.shop()
    schemas = {schema.id: schema for schema in (*shop.book.sources, *shop.book.forms)}
    if unknown := [kind for kind in kinds if kind not in schemas]:
        raise click.BadParameter(f"'{unknown[0]}' is none of: {', '.join(schemas)}", param_hint="KIND")
    chosen = [schemas[kind] for kind in kinds] or list(schemas.values())
    if call.as_json:
        call.data([_form(schema, shop.settings.locale) for schema in chosen])
        return ExitCode.DONE
    return ExitCode.DONE


def _form(schema: "SchemaModel", language: str) -> dict[str, Any]:
    return {
        "id": schema.id, "version": schema.version, "kind": schema.kind, "title": schema.title[language], "clause": schema.clause,
        "fields": [_field(field, language) for field in schema.fields],
    }  # fmt: skip


def _field(field: "FieldModel", language: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": field.id, "label": field.label[language], "type": field.type, "required": field.required, "example": field.example,
    }  # fmt: skip
    if field.type == "table":
        told["columns"] = [_field(column, language) for column in field.fields]
    return told
