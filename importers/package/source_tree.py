"""A parsed Python file, with the places and dotted names the rules ask for."""

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from importers.package.notes import Notes
from importers.package.report import CODE
from registry.findings import Severity, Where

Function = ast.FunctionDef | ast.AsyncFunctionDef


class SourceTree:
    def __init__(self, text: str, tree: ast.Module, notes: Notes) -> None:
        self.lines = text.splitlines()
        self.tree = tree
        self._notes = notes

    def say(self, severity: Severity, code: str, node: ast.AST | None = None, **params: Any) -> None:
        """Add a finding at the place of a node, or of the file."""
        where = None if self._notes.has_enough(code) else self._where(node)
        self._notes.say(severity, code, where, **params)

    def _where(self, node: ast.AST | None) -> Where:
        line: int | None = getattr(node, "lineno", None)
        if line is None:
            return Where(CODE)
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        before = text.encode("utf-8", "surrogatepass")[: getattr(node, "col_offset", 0)]
        return Where(CODE, line, len(before.decode("utf-8", "replace")) + 1)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node, walked once."""
        return list(ast.walk(self.tree))

    @cached_property
    def names(self) -> dict[str, str]:
        """What each imported name stands for: `np` → `numpy`, `loads` → `pickle.loads`."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return names

    def dotted(self, node: ast.AST) -> str:
        """The full dotted name of an expression (`np.load` → `numpy.load`); empty when it is none."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run with this body: those inside if, try, for, while and with too, not those of functions."""
    waiting = list(reversed(body))
    while waiting:
        statement = waiting.pop()
        yield statement
        if not isinstance(statement, Function | ast.ClassDef):
            inner = [child for child in _blocks(statement) if isinstance(child, ast.stmt)]
            waiting.extend(reversed(inner))


def _blocks(statement: ast.stmt) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body
        else:
            yield child
