"""Writes docs/schemas.md (the key reference) and schemas/json/*.json from the models.

The latter are JSON Schemas for editors. `python -m fbbatch.schema.reference` rewrites both; a test
sees to it that they are up to date.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from fbbatch.schema.loading import SINGLE_FILES
from fbbatch.schema.models import SchemaModel
from fbbatch.schema.process import Process

_FILES: dict[str, tuple[type[BaseModel] | str, str]] = {
    "settings": ("fbbatch.settings:Settings", "fbbatch.yaml"),
    "schema": (SchemaModel, "schemas/sources/*.yaml, schemas/forms/*.yaml"),
    **{Path(name).stem: (model, f"schemas/{name}") for name, model in SINGLE_FILES.items()},
    "process": (Process, "schemas/processes/<id>.yaml"),
    "template": (
        "fbbatch.documents.templates:Template",
        "templates/<kind>.yaml",
    ),
    "facts": ("fbbatch.documents.templates:FactLabels", "templates/facts.yaml"),
}


def _model(named: type[BaseModel] | str) -> type[BaseModel]:
    """A model, found by name where it lives in a room above this one."""
    if not isinstance(named, str):
        return named
    module, _, name = named.partition(":")
    found: type[BaseModel] = getattr(import_module(module), name)
    return found


def json_schemas() -> dict[str, bytes]:
    """The JSON Schema of each kind of file, by name."""
    return {
        name: orjson.dumps(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                **_draft7(_model(named).model_json_schema(by_alias=True)),
            },
            option=orjson.OPT_INDENT_2,
        )
        + b"\n"
        for name, (named, _) in _FILES.items()
    }


def _draft7(schema: Any) -> Any:
    """Pydantic's 2020-12 schema as draft 7, which YAML editors understand.

    zh-Hans may be left out of a text.
    """
    if isinstance(schema, dict):
        changed = {("definitions" if k == "$defs" else k): _draft7(v) for k, v in schema.items()}
        if isinstance(ref := changed.get("$ref"), str):
            changed["$ref"] = ref.replace("#/$defs/", "#/definitions/")
        return changed
    return [_draft7(item) for item in schema] if isinstance(schema, list) else schema


def key_reference() -> str:
    """docs/schemas.md."""
    lines = [
        "# Key reference",
        "",
        (
            "Generated from the models by `make docs`; do not edit. YAML is read as YAML 1.2: "
            "`no`, `on` and `0123` are text, a key"
        ),
        (
            "may stand only once, and `fbbatch lint` names file, line and column of whatever "
            "does not fit. A *text* has three"
        ),
        (
            "languages, `{zh-Hant: …, zh-Hans: …, en: …}`; where `zh-Hans` is left out "
            "it is made from `zh-Hant`."
        ),
    ]
    for named, place in _FILES.values():
        model = _model(named)
        schema = model.model_json_schema(by_alias=True)
        lines += ["", f"## {place}", "", _first(schema.get("description")), ""]
        lines += _table(schema, schema.get("$defs", {}))
        for name, part in schema.get("$defs", {}).items():
            if "properties" in part:
                lines += [
                    "",
                    f"### {name}",
                    "",
                    _first(part.get("description")),
                    "",
                ]
                lines += _table(part, schema["$defs"])
    return "\n".join(lines) + "\n"


def _first(text: str | None) -> str:
    return (text or "").split("\n\n")[0].replace("\n", " ")


def _table(schema: dict[str, Any], parts: dict[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for key, entry in schema.get("properties", {}).items():
        default = "**required**" if key in required else _default(entry)
        meaning = entry.get("description", "").replace("|", "\\|")
        yield f"| `{key}` | {_kind(entry, parts)} | {default} | {meaning} |"


def _default(entry: dict[str, Any]) -> str:
    if "default" not in entry or entry["default"] in (None, "", [], {}):
        return ""
    return f"`{orjson.dumps(entry['default']).decode()}`"


def _kind(entry: dict[str, Any], parts: dict[str, Any]) -> str:
    if "$ref" in entry:
        name = entry["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})" if "properties" in parts.get(name, {}) else name
    if "anyOf" in entry:
        kinds = dict.fromkeys(
            _kind(option, parts) for option in entry["anyOf"] if option.get("type") != "null"
        )
        return " or ".join(kinds)
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if entry.get("type") == "array":
        return f"list of {_kind(entry.get('items', {}), parts)}"
    if entry.get("type") == "object":
        inner = entry.get("additionalProperties")
        if entry.get("propertyNames", {}).get("enum") == [
            "zh-Hant",
            "zh-Hans",
            "en",
        ]:
            return "text"
        return f"map of {_kind(inner, parts)}" if isinstance(inner, dict) and inner else "map"
    return str(entry.get("type", "any"))


def main() -> None:
    """Write both below the current folder."""
    for name, content in json_schemas().items():
        place = Path("schemas/json") / f"{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    Path("docs/schemas.md").write_text(key_reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
