"""YAML as staff mean it: YAML 1.2 scalars, no duplicate keys, and the place of every value.

PyYAML as it comes reads `12:30` as 750, `0123` as 83 and `no` as False, and lets the second of two
equal keys win in silence. Editors follow YAML 1.2; so does this loader, at the speed of libyaml.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_NULLS = {"", "~", "null", "Null", "NULL"}
_DEPTH = 50
_PLAIN_TAGS = {"str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq"}

YamlPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Yaml:
    """A YAML file's content with the place of every value.

    `marks` maps a path such as `('fields', 3, 'type')` to (line, column), both 1-based.
    """

    file: str
    content: Any
    marks: dict[YamlPath, tuple[int, int]] = field(repr=False)

    def where(self, path: YamlPath) -> str:
        """`file:line:column` of the value at `path`, or of its nearest parent that is written down."""
        for length in range(len(path), -1, -1):
            if mark := self.marks.get(path[:length]):
                return f"{self.file}:{mark[0]}:{mark[1]}"
        return self.file


class YamlProblemError(ValueError):
    """The text is not acceptable YAML; the message begins with `file:line:column`."""


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    if node.style in {"'", '"', "|", ">"}:  # quoted or block text is text
        return text
    if text in _NULLS:
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def parse(text: str, file: str) -> Yaml:
    """Parse one YAML document.

    Args:
        text: the YAML text.
        file: how messages call the file.

    Raises:
        YamlProblemError: syntax error, duplicate key, alias, tag, or nesting deeper than 50.
    """
    try:
        root = yaml.compose(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise YamlProblemError(f"{place}: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise YamlProblemError(f"{file}: {error}") from error
    marks: dict[YamlPath, tuple[int, int]] = {}
    seen_nodes: set[int] = set()

    def build(node: yaml.Node, path: YamlPath) -> Any:
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        marks[path] = place
        if id(node) in seen_nodes:
            raise YamlProblemError(f"{file}:{place[0]}:{place[1]}: aliases (*name) are not used here; write it out")
        seen_nodes.add(id(node))
        if len(path) > _DEPTH:
            raise YamlProblemError(f"{file}:{place[0]}:{place[1]}: nested deeper than {_DEPTH} levels")
        if node.tag.removeprefix("tag:yaml.org,2002:") not in _PLAIN_TAGS:
            raise YamlProblemError(f"{file}:{place[0]}:{place[1]}: the tag {node.tag} means nothing here")
        if isinstance(node, yaml.MappingNode):
            return mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [build(item, (*path, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - there is no fourth kind
        return _scalar(node)

    def mapping(node: yaml.MappingNode, path: YamlPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlProblemError(f"{file}:{line}:{column}: a key must be plain text")
            key = key_node.value
            if key in result:
                raise YamlProblemError(f"{file}:{line}:{column}: key '{key}' again; it is already in line {first[key]}")
            first[key] = line
            result[key] = build(value_node, (*path, key))
            if not isinstance(value_node, yaml.ScalarNode):
                marks[(*path, key)] = (line, column)
        return result

    return Yaml(file, build(root, ()) if root is not None else None, marks)


def load(path: Path, file: str | None = None) -> Yaml:
    """Read and parse the YAML file at `path`; `file` is its name in messages (default: the path).

    Raises:
        YamlProblemError: as `parse`, or the file is not UTF-8.
    """
    name = file or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlProblemError(f"{name}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return parse(text, name)
