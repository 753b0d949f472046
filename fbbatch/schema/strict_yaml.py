"""YAML as staff mean it: YAML 1.2 scalars, no duplicate keys, and the place of every value.

PyYAML as it comes reads `12:30` as 750, `0123` as 83 and `no` as False, and lets the second of two
equal keys win in silence. Editors follow YAML 1.2; so does this loader, at the speed of libyaml.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NULLS = {"", "~", "null", "Null", "NULL"}
_DEPTH = 50
_DIGITS = 300  # a longer number is none, but text; Python refuses to make one of 4,301 digits
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
        """`file:line:column` of the value at `path`, or of its nearest parent in the file."""
        for length in range(len(path), -1, -1):
            if mark := self.marks.get(path[:length]):
                return f"{self.file}:{mark[0]}:{mark[1]}"
        return self.file


class YamlProblemError(ValueError):
    """The text is not acceptable YAML.

    `place` is `file:line:column`, as far as it is known; `code` the sentence of the group `yaml` in
    `wording.yaml` that says what is wrong, with `details` filled in.
    """

    def __init__(self, place: str, code: str, **details: object) -> None:
        super().__init__(f"{place}: {code} {details}")
        self.place = place
        self.code = code
        self.details = details


_SYNTAX: tuple[tuple[str, str], ...] = (
    ("mapping values are not allowed", "colon"),
    ("tab character", "tab"),
    ("cannot start any token", "start"),
    ("found another document", "two"),
    ("expected ',' or ']'", "]"),
    ("expected ',' or '}'", "}"),
    ("unexpected end of stream", "quote"),
    ("unknown escape character", "escape"),
    ("could not find expected ':'", "no_colon"),
    ("block sequence entries are not allowed", "dash"),
    ("expected node content", "content"),
    ("expected key", "indent"),
    ("expected '-' indicator", "indent"),
    ("undefined alias", "alias"),
    ("duplicate anchor", "alias"),
    ("undefined tag handle", "tag"),
)
"""What libyaml says, in part, and its sentence's code; a bracket is the one that is missing."""


def _syntax(error: yaml.MarkedYAMLError, file: str) -> YamlProblemError:
    """What libyaml could not understand, and where."""
    mark = error.problem_mark or error.context_mark
    place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
    said = f"{error.context} {error.problem}"
    code = next((code for part, code in _SYNTAX if part in said), "other")
    if code in {"]", "}"}:
        return YamlProblemError(place, "bracket", missing=code)
    return (
        YamlProblemError(place, code, tag="!") if code == "tag" else YamlProblemError(place, code)
    )


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    if node.style in {"'", '"', "|", ">"}:  # quoted or block text is text
        return text
    if text in _NULLS:
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text) and len(text) <= _DIGITS:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _place_of_control(text: str, file: str) -> str:
    """Where the first character is that may not stand in YAML."""
    found = _CONTROL.search(text)
    if found is None:
        return file
    above = text.count("\n", 0, found.start())
    return f"{file}:{above + 1}:{found.start() - text.rfind(chr(10), 0, found.start())}"


@lru_cache(maxsize=512)
def parse(text: str, file: str) -> Yaml:
    """Parse one YAML document; the same one is parsed once.

    Nobody changes what comes out.

    Args:
        text: the YAML text.
        file: how messages call the file.

    Raises:
        YamlProblemError: syntax error, duplicate key, alias, tag, or nesting deeper than 50.
    """
    try:
        root = yaml.compose(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, file) from error
    except yaml.YAMLError as error:
        raise YamlProblemError(_place_of_control(text, file), "control") from error
    except UnicodeEncodeError as error:  # a lone surrogate, which no text file holds
        raise YamlProblemError(file, "control") from error
    marks: dict[YamlPath, tuple[int, int]] = {}
    seen_nodes: set[int] = set()

    def build(node: yaml.Node, path: YamlPath) -> Any:
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        marks[path] = place
        if id(node) in seen_nodes:
            raise YamlProblemError(f"{file}:{place[0]}:{place[1]}", "alias")
        seen_nodes.add(id(node))
        if len(path) > _DEPTH:
            raise YamlProblemError(f"{file}:{place[0]}:{place[1]}", "deep", most=_DEPTH)
        if node.tag.removeprefix("tag:yaml.org,2002:") not in _PLAIN_TAGS:
            raise YamlProblemError(f"{file}:{place[0]}:{place[1]}", "tag", tag=node.tag)
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
                raise YamlProblemError(f"{file}:{line}:{column}", "key")
            key = key_node.value
            if key in result:
                raise YamlProblemError(f"{file}:{line}:{column}", "again", key=key, line=first[key])
            first[key] = line
            result[key] = build(value_node, (*path, key))
            if not isinstance(value_node, yaml.ScalarNode):
                marks[(*path, key)] = (line, column)
        return result

    return Yaml(file, build(root, ()) if root is not None else None, marks)


def load(path: Path, file: str | None = None) -> Yaml:
    """Read and parse the YAML file at `path`; `file` is its name in messages (default: the path).

    Raises:
        FileNotFoundError: there is none.
        YamlProblemError: as `parse`, or the file is not UTF-8, or cannot be read.
    """
    name = file or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlProblemError(name, "encoding", byte=error.start) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise YamlProblemError(name, "unreadable", reason=error.strerror) from error
    return parse(text, name)
