"""What inference code does that it had better not do: installing at import, unpickling what a request brings."""

import ast
from collections.abc import Iterator

from importers.package.source_tree import Function, SourceTree, statements
from registry.findings import Severity

_SHELLS = (
    "os.system",
    "os.popen",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "subprocess.",
    "commands.",
    "pty.",
    "pip.main",
    "pip._internal",
    "ensurepip.",
)
_UNPICKLERS = frozenset(
    f"{module}.{name}"
    for module in ("pickle", "cPickle", "_pickle", "dill", "cloudpickle")
    for name in ("loads", "Unpickler")
)


def check_hazards(source: SourceTree) -> None:
    for call in _calls_at_import(source):
        name = source.dotted(call.func)
        if name.startswith(_SHELLS):
            source.say(Severity.WARNING, "code.runs_shell", call, name=name)
    for function in _answering(source.tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                _check_call(source, node)


def _check_call(source: SourceTree, call: ast.Call) -> None:
    name = source.dotted(call.func)
    if name in _UNPICKLERS:
        source.say(Severity.WARNING, "code.unpickles", call, name=name)
    for keyword in call.keywords:
        if keyword.arg == "allow_pickle" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True:
            source.say(Severity.WARNING, "code.allow_pickle", call, name=name or "allow_pickle")


def _answering(tree: ast.Module) -> Iterator[ast.AST]:
    """Functions that may run while a request is answered: all but constructors and loaders."""
    outer = (node for statement in statements(tree.body) for node in _functions(statement))
    return (node for node in outer if node.name != "__init__" and not node.name.lstrip("_").startswith("load"))


def _functions(statement: ast.stmt) -> Iterator[Function]:
    if isinstance(statement, Function):
        yield statement
    elif isinstance(statement, ast.ClassDef):
        yield from (member for member in statements(statement.body) if isinstance(member, Function))


def _calls_at_import(source: SourceTree) -> Iterator[ast.Call]:
    """Calls of the module's and its classes' bodies, and of functions those call by name."""
    functions = {node.name: node for node in source.tree.body if isinstance(node, Function)}
    waiting: list[ast.AST] = list(_running(source.tree.body))
    called: set[str] = set()
    while waiting:
        for call in _own_calls(waiting.pop()):
            yield call
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if name in functions and name not in called:
                called.add(name)
                waiting.extend(_running(functions[name].body))


def _running(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The expressions that run with a body; a class body runs too, a function's does not."""
    for statement in statements(body):
        if isinstance(statement, ast.ClassDef):
            yield from _running(statement.body)
        elif not isinstance(statement, Function):
            yield from (
                child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr | ast.withitem)
            )


def _own_calls(node: ast.AST) -> Iterator[ast.Call]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))
