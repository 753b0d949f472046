"""How dense code is: syntax nodes a line, decisions a function, comprehensions within others."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BRANCHES = (ast.If, ast.For, ast.While, ast.IfExp, ast.ExceptHandler, ast.match_case)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Density(NamedTuple):
    """Of one file: nodes, lines that are not blank, decisions by function, nested comprehensions."""

    nodes: int
    lines: int
    decisions: dict[str, int]
    nested: int

    @property
    def per_line(self) -> float:
        """Syntax nodes per line that is not blank."""
        return self.nodes / max(1, self.lines)


def density(path: Path) -> Density:
    """The density of a Python file."""
    text = path.read_text(encoding="utf-8")
    every = list(ast.walk(ast.parse(text)))
    lines = sum(1 for line in text.splitlines() if line.strip())
    functions = [node for node in every if isinstance(node, _FUNCTIONS)]
    decisions = {f"{node.name}:{node.lineno}": _decisions(node) for node in functions}
    nested = sum(_holds_another(node) for node in every if isinstance(node, _COMPREHENSIONS))
    return Density(len(every), lines, decisions, nested)


def _decisions(function: ast.AST) -> int:
    """Branches, Boolean operators and comprehensions of a function, without functions in it."""
    number = 0
    for node in _own(function):
        if isinstance(node, _BRANCHES):
            number += 1
        elif isinstance(node, ast.BoolOp):
            number += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            number += 1 + len(node.ifs)
    return number


def _own(function: ast.AST) -> Iterator[ast.AST]:
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node
            waiting += ast.iter_child_nodes(node)


def _holds_another(comprehension: ast.AST) -> bool:
    inner = (node for node in ast.walk(comprehension) if node is not comprehension)
    return any(isinstance(node, _COMPREHENSIONS) for node in inner)
