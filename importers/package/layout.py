"""The rules of a package's folder: where `model/` is, what lies in it, and whether it is too much."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from importers.package.names import check_names
from importers.package.notes import Notes, shown, size_text
from importers.package.report import CODE, CONFIG, CheckOptions, FileEntry, Limits
from importers.package.weights import candidates, other_engine_files, weights_of
from registry.engines import Engine
from registry.findings import Severity, Where

MODEL = "model/"
# So many files may lie beside `model/` for each file allowed in it, before the listing is given up.
BESIDE_FACTOR = 5
_LONGEST_LIKE_CODE = 80
_LIKE_CODE = re.compile(r"custom[-\w .]*serv\w*\.py|cust\w{2,6}_?serv\w{2,4}\.py|service\.py")


@dataclass(frozen=True)
class Tree:
    """The files of the package by their paths from `model/` on, and what was put in front of the listed paths."""

    files: tuple[FileEntry, ...] = ()
    root: str = ""

    @property
    def paths(self) -> list[str]:
        return [entry.path for entry in self.files]

    @property
    def total_bytes(self) -> int:
        return sum(entry.size for entry in self.files)

    def find(self, path: str) -> FileEntry | None:
        return next((entry for entry in self.files if entry.path == path), None)


def read_tree(listing: Iterable[FileEntry], options: CheckOptions, notes: Notes) -> Tree:
    """Take the package out of a listing, reading no further than the limits allow."""
    entries, complete = _collect(listing, options.limits)
    if not entries:
        notes.error("layout.empty")
        return Tree()
    tree = _tree_of(entries, options, notes)
    if not complete or len(tree.files) > options.limits.files:
        notes.error("layout.too_many_files", limit=options.limits.files)
    elif not tree.files:
        _say_model_is_missing(entries, notes)
    elif tree.total_bytes > options.limits.bytes:
        notes.error("layout.too_large", size=size_text(tree.total_bytes), limit=size_text(options.limits.bytes))
    check_names(tree.files, options.limits, notes)
    return tree


def _collect(listing: Iterable[FileEntry], limits: Limits) -> tuple[list[FileEntry], bool]:
    """The files of a listing (folder markers are none), and whether that is all of it."""
    entries: list[FileEntry] = []
    inside = 0
    for entry in listing:
        if entry.path.endswith("/"):
            continue
        inside += entry.path.startswith(MODEL)
        if inside > limits.files or len(entries) >= BESIDE_FACTOR * limits.files:
            return entries, False
        entries.append(entry)
    return entries, True


def _tree_of(entries: Sequence[FileEntry], options: CheckOptions, notes: Notes) -> Tree:
    inside = tuple(entry for entry in entries if entry.path.startswith(MODEL))
    if options.source == "template":
        return _template_tree(entries, inside, options, notes)
    if inside:
        if len(entries) > len(inside):
            notes.info("layout.beside_ignored", count=len(entries) - len(inside))
        return Tree(inside)
    if options.folder_name == "model":
        notes.info("layout.parent_taken")
        return _below_model(entries)
    return Tree()


def _template_tree(
    entries: Sequence[FileEntry], inside: tuple[FileEntry, ...], options: CheckOptions, notes: Notes
) -> Tree:
    """A template wants the model folder itself; above it, what is meant is clear."""
    if options.folder_name != "model" and inside:
        notes.info("layout.model_taken")
        return Tree(inside)
    if options.folder_name != "model":
        notes.error("layout.template_folder", folder=shown(options.folder_name))
    return _below_model(entries)


def _say_model_is_missing(entries: Sequence[FileEntry], notes: Notes) -> None:
    for entry in entries:
        folder, found, _rest = f"/{entry.path}".rpartition(f"/{CONFIG}")
        if found and folder:
            notes.error("layout.model_elsewhere", folder=shown(folder.removeprefix("/") + "/"))
            return
    for entry in entries:
        folder, _slash, name = entry.path.rpartition("/")
        if name == "config.json":
            code = "layout.model_named_otherwise" if folder else "layout.model_loose"
            notes.error(code, Where(entry.path), folder=shown(folder))
            return
    notes.error("layout.model_missing")


def _below_model(entries: Sequence[FileEntry]) -> Tree:
    return Tree(tuple(replace(entry, path=MODEL + entry.path) for entry in entries), MODEL)


# Where a configuration can come from differs with the source.
_MISSING = {"image": "image.config_missing", "training": "training.config_missing"}


def check_files(tree: Tree, options: CheckOptions, notes: Notes) -> None:
    """What can be said of the files before the engine is known."""
    has_config = tree.find(CONFIG) is not None or (options.source == "image" and options.config_text is not None)
    if options.source == "template":
        if has_config:
            notes.info("layout.config_ignored", Where(CONFIG))
    elif not has_config:
        supplied = options.config_text is not None
        missing = _MISSING.get(options.source, "layout.config_missing")
        code = "layout.config_supplied" if supplied else missing
        notes.say(Severity.INFO if supplied else Severity.ERROR, code, Where(CONFIG))
    for entry in tree.files:
        name = entry.path.rpartition("/")[2]
        if name == "config.json" and entry.path != CONFIG:
            notes.info("layout.other_config", Where(entry.path), path=entry.path)
        if entry.path != CODE and _LIKE_CODE.fullmatch(name[:_LONGEST_LIKE_CODE].lower()):
            notes.info("code.other_name", Where(entry.path), path=entry.path)


def check_weights(tree: Tree, engine: Engine, notes: Notes, *, template: bool = False) -> None:
    """Whether the files are those of the engine, which a configuration names or a template brings."""
    if not engine.weights:
        return
    paths = candidates(tree.paths)
    weights = weights_of(engine, paths)
    file, other = other_engine_files(engine, paths, also_common=not weights)
    if weights and file:
        code = "layout.template_mixed" if template else "layout.weights_mixed"
        notes.warning(code, Where(file), engine=engine.name, path=file, other=other)
    elif file:
        code = "layout.template_contradict" if template else "layout.weights_contradict"
        notes.error(code, Where(file), engine=engine.name, path=file, other=other)
    elif not weights:
        _say_weights_are_missing(engine, tree.paths, notes)
    if len(weights) > 1:
        names = ", ".join(shown(path, 60) for path in weights[:5])
        if tree.find(CODE):
            notes.info("layout.weights_several", count=len(weights), names=names)
        else:
            notes.error("layout.weights_ambiguous", count=len(weights), names=names)


def check_required(tree: Tree, options: CheckOptions, notes: Notes) -> None:
    """Whether the files are there that the source demands beside the engine's own."""
    paths = [path.removeprefix(MODEL) for path in tree.paths]
    for pattern in options.required_files:
        if not any(fnmatchcase(path, pattern) for path in paths):
            notes.error(f"{options.source}.file_required", pattern=pattern)


def _say_weights_are_missing(engine: Engine, paths: Sequence[str], notes: Notes) -> None:
    keras = next((path for path in paths if path.lower().endswith((".h5", ".keras"))), "")
    if keras and engine.name == "TensorFlow":
        notes.error("layout.weights_keras", Where(keras), path=keras)
        return
    patterns = [" / ".join(part) for part in engine.weights] + [" / ".join(engine.fallback_weights)]
    notes.error("layout.weights_missing", engine=engine.name, patterns=", ".join(filter(None, patterns)))
