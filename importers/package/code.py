"""The check of customize_service.py: read as text and as a syntax tree, never imported."""

import ast
import codecs
import io
import re
import tokenize
import warnings
from collections.abc import Sequence

from importers.package.classes import check_service_class
from importers.package.hazards import check_hazards
from importers.package.modules import check_imports
from importers.package.notes import Notes
from importers.package.report import CODE
from importers.package.source_tree import SourceTree
from registry.config import ModelConfig
from registry.engines import Engine
from registry.findings import Severity, Where

LARGEST_CODE = 1024 * 1024
# Codecs for the names of hosts, whose time grows with the square of the text.
_NAME_CODECS = frozenset({"idna", "punycode"})
# Signs that the line an error is in was written for Python 2.
_PYTHON_2 = re.compile(
    r"""^\s*(?:
        print\s+(?![=.\[(]).* | print\s*>>.* | .*[;:]\s*print\s+["'\w].* | exec\s+["'\w].*
        | except\s+[\w.()\s,]+,\s*\w+\s*:.* | raise\s+[\w.]+\s*,.* | .*\w\s*<>\s*\w.* | .*`[^`]+`.*
        | .*\b(?:0[xX][0-9a-fA-F]+|[0-9]+)[lL]\b.* | .*\b0[0-7]+\b.* | .*\b[uU][rR]["'].*
        | def\s+\w+\s*\(.*\(\s*\w+\s*,.* | .*\blambda\s*\(.*
    )$""",
    re.VERBOSE,
)


def say_missing(engine: Engine, notes: Notes, *, strict: bool) -> None:
    """What it means that a package of this engine has no inference code."""
    if engine.needs_code or strict:
        notes.error("code.missing", Where(CODE), engine=engine.name)
    elif engine.has_default_inference:
        notes.info("code.default_answers", Where(CODE), engine=engine.name)
    else:
        notes.warning("code.no_default", Where(CODE), engine=engine.name)


def check_code(
    data: bytes,
    engine: Engine | None,
    config: ModelConfig,
    paths: Sequence[str],
    notes: Notes,
    *,
    template: bool = False,
) -> None:
    """Every rule for the inference code of one package, whose configuration a `template` may have written."""
    if len(data) > LARGEST_CODE:
        notes.warning("code.too_large", Where(CODE))
        return
    text = _decode(data, notes)
    tree = None if text is None else _parse(text, notes)
    if text is None or tree is None:
        return
    source = SourceTree(text, tree, notes)
    check_service_class(source, engine, paths, template=template)
    check_imports(source, engine, config, paths, template=template)
    check_hazards(source)


def _decode(data: bytes, notes: Notes) -> str | None:
    try:
        encoding, _lines = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        unknown = "unknown encoding" in str(error)
        notes.error("code.unknown_encoding" if unknown else "code.undecodable", Where(CODE, *_bad_place(data)))
        return None
    try:
        text = _text(data, encoding)
    except UnicodeDecodeError as error:
        notes.error("code.undecodable", Where(CODE, *_place(data[: error.start].decode(encoding, "replace"))))
        return None
    except (LookupError, UnicodeError):
        notes.error("code.unknown_encoding", Where(CODE, 1, 1))
        return None
    if "\x00" in text:
        notes.error("code.null_byte", Where(CODE, *_place(text[: text.index("\x00")])))
        return None
    return text


def _text(data: bytes, encoding: str) -> str:
    """The decoded text; LookupError for a codec of something else than text, such as hex."""
    if codecs.lookup(encoding).name in _NAME_CODECS:
        raise LookupError(encoding)
    return data.decode(encoding)


def _bad_place(data: bytes) -> tuple[int, int]:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _place(data[: error.start].decode("utf-8"))
    return 1, 1


def _place(before: str) -> tuple[int, int]:
    """The line and column that follow a text."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _parse(text: str, notes: Notes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        line, column = error.lineno or 1, max(error.offset or 1, 1)
        shown = text.splitlines()[line - 1 : line]
        python_2 = isinstance(error, TabError) or bool(shown and _PYTHON_2.match(shown[0][:500]))
        code = "code.python2" if python_2 else "code.syntax"
        notes.say(Severity.ERROR, code, Where(CODE, line, column), reason=error.msg)
    except (RecursionError, MemoryError, ValueError, OverflowError):
        notes.error("code.too_complex", Where(CODE))
    return None
