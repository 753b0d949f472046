"""What is said about a workspace's set-up and times, in three languages.

The words stand in `wording.yaml` beside this file, in groups; `fbbatch.wording` reads it.
"""

from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from fbbatch import wording
from fbbatch.schema.strict_yaml import Yaml, YamlPath, YamlProblemError

DEFAULT_LANGUAGE = "zh-Hant"
_LONGEST = 60  # characters of a value that is told


class Phrase(NamedTuple):
    """A part of a sentence that has words of its own in each language."""

    code: str
    details: dict[str, object] = {}


class Problem(NamedTuple):
    """Something wrong in a file.

    `path` says where it stands in `yaml`, `code` which sentence of `wording.yaml` says it;
    `details` are filled in.
    """

    yaml: Yaml
    path: YamlPath
    code: str
    details: dict[str, object]

    def told(self, language: str) -> str:
        """`file:line:column: what is wrong`."""
        return f"{self.yaml.where(self.path)}: {words(self.code, language, **self.details)}"


def words(code: str, language: str, /, **details: object) -> str:
    """The sentence `group.name` of the wording, filled in.

    Phrases among the details are said in the same language.

    Raises:
        KeyError: there is no such sentence, or it needs a detail that is not given.
    """
    filled = {key: _said(value, language) for key, value in details.items()}
    return wording.say(f"schema.{code}", language, **filled)


def _said(value: object, language: str) -> object:
    return words(value.code, language, **value.details) if isinstance(value, Phrase) else value


def trouble(code: str, /, **details: object) -> PydanticCustomError:
    """An exception for a model's validator, whose words are `model.<code>`.

    The detail `at` is the path from there to the culprit.
    """
    said = words(f"model.{code}", "en", **details)
    return PydanticCustomError(code, "{said}", {"said": said, **details})


def say(error: ValidationError, yaml: Yaml, language: str) -> list[str]:
    """What does not fit a model, as lines `file:line:column: key: what is wrong`.

    Where a value may be of several kinds, pydantic tells what each of them misses; they become one
    line.
    """
    places: dict[YamlPath, list[ErrorDetails]] = {}
    for item in error.errors(include_url=False):
        places.setdefault(_path_of(item, yaml.content), []).append(item)
    deepest = [
        path
        for path in places
        if not any(other[: len(path)] == path for other in places if len(other) > len(path))
    ]
    return [f"{yaml.where(path)}: {_sentence(path, places[path], language)}" for path in deepest]


def _path_of(item: ErrorDetails, content: object) -> YamlPath:
    """The path to a value in the file, without pydantic's names for the kinds it has tried."""
    path: list[str | int] = []
    for number, part in enumerate(item["loc"]):
        is_last = number + 1 == len(item["loc"])
        # two branches alike: mypy tells a dict's keys from a list's places
        if isinstance(content, dict) and part in content:  # noqa: SIM114
            content = content[part]
        elif isinstance(content, list) and isinstance(part, int):
            content = content[part]
        elif not (is_last and item["type"] == "missing"):
            continue
        path.append(part)
    return (*path, *item.get("ctx", {}).get("at", ()))


def _sentence(path: YamlPath, items: list[ErrorDetails], language: str) -> str:
    """`key: what is wrong`, of all that is told of one value."""
    for item in items:
        if item["type"] in {"extra_forbidden", "missing"}:
            code = "model.missing_key" if item["type"] == "missing" else "model.unknown_key"
            return words(code, language, key=path[-1] if path else "")
    name = ".".join(str(part + 1 if isinstance(part, int) else part) for part in path) or words(
        "value.whole", language
    )
    known = wording.texts("schema")
    own = [item for item in items if f"model.{item['type']}" in known]
    if own:
        return f"{name}: {words('model.' + own[0]['type'], language, **own[0].get('ctx', {}))}"
    kinds = dict.fromkeys(_expected(item, language) for item in items)
    expected = words("value.or", language).join(kinds)
    found = _found(items[0]["input"], language)
    sentence = words("value.sentence", language, expected=expected, found=found)
    return f"{name}: {sentence}"


_KINDS = {
    "string_type": "quoted",
    "bool_type": "yes_no",
    "bool_parsing": "yes_no",
    "int_type": "whole_number",
    "int_parsing": "whole_number",
    "int_from_float": "whole_number",
    "float_type": "number",
    "float_parsing": "number",
    "finite_number": "number",
    "int_parsing_size": "whole_number",
    "list_type": "list",
    "dict_type": "block",
    "model_type": "block",
    "model_attributes_type": "block",
    "literal_error": "one_of",
    "greater_than": "above",
    "greater_than_equal": "at_least",
    "less_than": "below",
    "less_than_equal": "at_most",
    "too_short": "entries",
    "too_long": "too_many",
    "string_too_short": "characters",
    "string_too_long": "shorter",
    "none_required": "empty",
}
"""Pydantic's kinds of errors, and what of the group `value` a value must then be."""


def _expected(item: ErrorDetails, language: str) -> str:
    """What a value must be, as a phrase."""
    details: dict[str, Any] = dict(item.get("ctx", {}))
    if item["type"] == "string_pattern_mismatch":
        meant = wording.texts("schema").get(f"pattern.{details['pattern']}")
        if meant is None:
            return words("value.other", language)
        return wording.in_language(meant, language)
    if item["type"] == "literal_error":
        details["expected"] = details["expected"].replace("'", "").replace(" or ", ", ")
    return words(f"value.{_KINDS.get(item['type'], 'other')}", language, **details)


def _found(value: object, language: str) -> str:
    """What stands in the file, shortly."""
    if value is None or value == "":
        return words("value.nothing", language)
    if isinstance(value, dict | list):
        return words("value.a_block" if isinstance(value, dict) else "value.a_list", language)
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def told_yaml(error: YamlProblemError, language: str) -> str:
    """What is wrong with the YAML itself, as `file:line:column: …`."""
    return f"{error.place}: {words(f'yaml.{error.code}', language, **error.details)}"
