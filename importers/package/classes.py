"""Which class of customize_service.py is the service, and whether it can answer."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from importers.package.modules import modules_in
from importers.package.source_tree import Function, SourceTree, statements
from registry.engines import BASE_CLASSES, GENERAL_BASE, Engine
from registry.findings import Severity

HOOKS = frozenset({"_preprocess", "_inference", "_postprocess", "inference", "preprocess", "postprocess", "handle"})
_SHOWN_CLASSES = 5
# Every class is held against all it extends; no service comes near this number.
_MOST_CLASSES = 1_000


@dataclass(frozen=True)
class ServiceClass:
    """A class that extends a known base, directly or through classes of the same file."""

    node: ast.ClassDef
    base: str
    methods: frozenset[str]


def check_service_class(
    source: SourceTree, engine: Engine | None, paths: Sequence[str], *, template: bool = False
) -> None:
    """There must be exactly one class the platform would take."""
    nodes = {node.name: node for node in statements(source.tree.body) if isinstance(node, ast.ClassDef)}
    if len(nodes) > _MOST_CLASSES:
        source.say(Severity.ERROR, "code.too_complex")
        return
    classes = _service_classes(source, nodes)
    meant = [found for found in classes if engine and found.base in engine.base_classes] or classes
    if not meant:
        _say_none(source, paths)
    elif len(meant) > 1:
        names = ", ".join(found.node.name for found in meant[:_SHOWN_CLASSES])
        source.say(Severity.ERROR, "code.several_classes", meant[1].node, names=names)
    elif engine is not None:
        _check_one(source, meant[0], engine, template=template)


def _say_none(source: SourceTree, paths: Sequence[str]) -> None:
    """Without a class of ours: perhaps its base, or the class itself, comes from another file of the package."""
    own = modules_in(paths)
    for node in source.nodes:
        module = _module_of_class(source, node)
        if module.startswith(".") or module.partition(".")[0] in own:
            source.say(Severity.WARNING, "code.class_elsewhere", node, module=module)
            return
    source.say(Severity.ERROR, "code.no_class")


def _module_of_class(source: SourceTree, node: ast.AST) -> str:
    """The module an import takes a class from (everything, or a name with a capital), or that of a class's base."""
    if isinstance(node, ast.ClassDef):
        return next(filter(None, (source.dotted(base).rpartition(".")[0] for base in node.bases)), "")
    if isinstance(node, ast.ImportFrom) and any(alias.name == "*" or alias.name[:1].isupper() for alias in node.names):
        return "." * node.level + (node.module or "")
    return ""


def _check_one(source: SourceTree, found: ServiceClass, engine: Engine, *, template: bool) -> None:
    name = found.node.name
    if engine.base_classes and found.base not in engine.base_classes:
        expected = engine.base_classes[0]
        source.say(
            Severity.WARNING,
            "code.other_base_template" if template else "code.other_base",
            found.node,
            name=name,
            base=found.base,
            engine=engine.name,
            expected=expected,
        )
    if engine.name == "PyTorch" and "__init__" not in found.methods:
        source.say(Severity.WARNING, "code.no_constructor", found.node, name=name)
    if not engine.has_default_inference and not found.methods & HOOKS:
        source.say(Severity.WARNING, "code.no_hooks", found.node, name=name)


def _service_classes(source: SourceTree, nodes: dict[str, ast.ClassDef]) -> list[ServiceClass]:
    """The classes on a known base that no other class extends; of two with one name the later counts."""
    parents = {name: [source.dotted(base) for base in node.bases] for name, node in nodes.items()}
    extended = {parent for name, bases in parents.items() for parent in bases if parent != name}
    found = []
    for name in nodes.keys() - extended:
        line = _ancestry(name, parents)
        base = next(filter(None, map(_known_base, line)), "")
        if base:
            methods = {method for ancestor in line if ancestor in nodes for method in _methods(nodes[ancestor])}
            found.append(ServiceClass(nodes[name], base, frozenset(methods)))
    return sorted(found, key=lambda service: service.node.lineno)


def _ancestry(name: str, parents: dict[str, list[str]]) -> list[str]:
    """The class and all it extends, each once, nearest first."""
    line: dict[str, None] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop(0)
        if current not in line:
            line[current] = None
            waiting.extend(parents.get(current, ()))
    return list(line)


def _known_base(dotted: str) -> str:
    name = dotted.rpartition(".")[2]
    return name if name in BASE_CLASSES | {GENERAL_BASE} else ""


def _methods(node: ast.ClassDef) -> set[str]:
    methods = {member.name for member in statements(node.body) if isinstance(member, Function)}
    for member in statements(node.body):
        if isinstance(member, ast.Assign):
            methods |= {target.id for target in member.targets if isinstance(target, ast.Name)}
    return methods
