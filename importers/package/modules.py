"""Whether every module the inference code imports will be there."""

import ast
import re
import sys
from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from importers.package.source_tree import SourceTree
from registry.config import ModelConfig
from registry.engines import Engine
from registry.findings import Severity

# Helper modules the platform puts beside every service.
PLATFORM_MODULES = frozenset({"model_service", "mms", "log", "metric"})
_OWN_NAMES = frozenset({"model", "customize_service", "__future__", "__main__"})
# Import names that differ from the name one installs.
_INSTALLED_AS: dict[str, tuple[str, ...]] = {
    "PIL": ("pillow", "pillow-simd"),
    "cv2": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
    "sklearn": ("scikit-learn",),
    "skimage": ("scikit-image",),
    "yaml": ("pyyaml",),
    "bs4": ("beautifulsoup4",),
    "dateutil": ("python-dateutil",),
    "google": ("protobuf", "googleapis-common-protos"),
    "Crypto": ("pycryptodome", "pycrypto"),
    "attr": ("attrs",),
    "jwt": ("pyjwt",),
    "MySQLdb": ("mysqlclient",),
    "serial": ("pyserial",),
    "dotenv": ("python-dotenv",),
    "mpl_toolkits": ("matplotlib",),
    "pkg_resources": ("setuptools",),
    "git": ("gitpython",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "mxnet": ("mxnet-cpu", "mxnet-cu101"),
    "tensorflow": ("tensorflow-cpu", "tensorflow-gpu"),
    "onnxruntime": ("onnxruntime-gpu",),
    "xgboost": ("xgboost-cpu",),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "torch_geometric": ("torch-geometric",),
    "pytorch_lightning": ("pytorch-lightning", "lightning"),
    "fitz": ("pymupdf",),
    "docx": ("python-docx",),
    "Levenshtein": ("python-levenshtein", "levenshtein"),
    "obs": ("esdk-obs-python",),
    "mmcv": ("mmcv-full", "mmcv-lite"),
}
_EXTENSION = re.compile(r"(\w+)(?:\.[\w-]+)*\.(?:py|pyc|so|pyd)")
_FORGIVING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def modules_in(paths: Sequence[str]) -> frozenset[str]:
    """The names that can be imported from the package itself: files and folders directly below `model/`."""
    names = set(_OWN_NAMES)
    for path in paths:
        first, slash, _rest = path.removeprefix("model/").partition("/")
        match = _EXTENSION.fullmatch(first)
        if slash:
            names.add(first)
        elif match:
            names.add(match[1])
    return frozenset(names)


def check_imports(
    source: SourceTree, engine: Engine | None, config: ModelConfig, paths: Sequence[str], *, template: bool = False
) -> None:
    """Say each module once that is found nowhere; imports whose failure the code catches are its own affair."""
    known = modules_in(paths) | PLATFORM_MODULES | sys.stdlib_module_names | frozenset(engine.modules if engine else ())
    installed = {canonicalize_name(row.requirement.name) for row in config.requirements}
    said: set[str] = set()
    code = "code.module_missing_template" if template else "code.module_missing"
    for module, node in _imported(source):
        name = module.partition(".")[0]
        names = {canonicalize_name(part) for part in (name, module.replace(".", "-"), *_INSTALLED_AS.get(name, ()))}
        if name not in known and name not in said and not names & installed:
            said.add(name)
            source.say(Severity.WARNING, code, node, module=name)


def _imported(source: SourceTree) -> Iterator[tuple[str, ast.AST]]:
    guarded = {id(node) for node in _guarded(source.nodes)}
    for node in source.nodes:
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node


def _guarded(nodes: list[ast.AST]) -> Iterator[ast.AST]:
    """Import statements directly inside a try that survives an ImportError, and those of its handlers."""
    for node in nodes:
        if isinstance(node, ast.Try) and any(_forgives(handler) for handler in node.handlers):
            yield from node.body
            yield from (statement for handler in node.handlers for statement in handler.body)


def _forgives(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _FORGIVING for name in caught)
