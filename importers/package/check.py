"""The check of a whole package: a listing and bytes in, one report with all findings out."""

from collections.abc import Iterable

from importers.package.code import LARGEST_CODE, check_code, say_missing
from importers.package.config import CheckedConfig, Surroundings, check_config, without_config
from importers.package.config_text import LARGEST_CONFIG, ConfigText, read_bytes, read_text
from importers.package.layout import MODEL, Tree, check_files, check_required, check_weights, read_tree
from importers.package.mlmodel_package import say_of_mlmodel
from importers.package.notes import Notes
from importers.package.report import (
    ALL_TYPES,
    CODE,
    CONFIG,
    CheckOptions,
    FileEntry,
    Limits,
    PackageReport,
    Read,
)
from importers.package.source_map import Document
from importers.package.weights import candidates, derive_engine
from registry.config import ModelConfig
from registry.engines import IMAGE, engine_of
from registry.findings import Where
from stores.errors import SourceRefused

__all__ = ["ALL_TYPES", "CheckOptions", "FileEntry", "Limits", "PackageReport", "Read", "check_package"]

# Raised when what is an error, or what is accepted, changes; stored with every report.
RULES = "1"


def check_package(files: Iterable[FileEntry], read: Read, options: CheckOptions) -> PackageReport:
    """Check a package and say everything about it at once.

    `files` is consumed lazily, and no further than the limits; `read` is called only for the configuration and the
    inference code, with their listed paths. What it raises as SourceRefused becomes a finding; everything else passes
    through.
    """
    notes = Notes()
    tree = Tree() if options.source == "image" else read_tree(files, options, notes)
    return _Check(tree, read, options, notes).run()


class _Check:
    """One run of the rules over one package."""

    def __init__(self, tree: Tree, read: Read, options: CheckOptions, notes: Notes) -> None:
        self.tree = tree
        self.read = read
        self.options = options
        self.notes = notes

    def run(self) -> PackageReport:
        if self.tree.files or self.options.source == "image":
            check_files(self.tree, self.options, self.notes)
        found, used = self._config_texts()
        checked = self._config(used)
        if self.tree.files:
            self._check_against(checked.config)
        types = self._deployment_types(checked.config, used.document)
        return PackageReport(
            findings=self.notes.findings(),
            engine=checked.config.engine,
            engine_derived=checked.engine_derived,
            runtime=checked.config.runtime,
            config=checked.config,
            config_found=found,
            config_used=used.text,
            repair=used.repair,
            root=self.tree.root,
            files=self.tree.files,
            total_bytes=self.tree.total_bytes,
            file_count=len(self.tree.files),
            deployment_types=types,
            inference_code=CODE if self.tree.find(CODE) else "",
        )

    def _config_texts(self) -> tuple[str | None, ConfigText]:
        """The configuration as found, and the one that counts; only the second is judged."""
        if self.options.source == "template":
            text = self.options.config_text
            return self._ignored_config(), ConfigText() if text is None else read_text(text, self.notes)
        data = self._content(CONFIG, LARGEST_CONFIG)
        if self.options.config_text is not None:
            found = read_bytes(data, Notes()).text if data is not None else None
            return found, read_text(self.options.config_text, self.notes)
        used = read_bytes(data, self.notes) if data is not None else ConfigText()
        return used.text, used

    def _ignored_config(self) -> str | None:
        """What lies in the place of the template's configuration: kept as found, and never judged."""
        entry = self.tree.find(CONFIG)
        if entry is None or entry.link:
            return None
        try:
            data = self.read(CONFIG.removeprefix(self.tree.root), LARGEST_CONFIG + 1)
        except SourceRefused:
            return None
        return read_bytes(data, Notes()).text

    def _config(self, used: ConfigText) -> CheckedConfig:
        derived = derive_engine(candidates(self.tree.paths))
        if used.document is not None:
            around = Surroundings(derived, frozenset(self.tree.paths))
            return check_config(used.document, around, self.options, self.notes)
        return without_config(derived, self.options)

    def _check_against(self, config: ModelConfig) -> None:
        """What the configuration and the files say about each other."""
        engine = engine_of(config.engine)
        if engine is not None:
            check_weights(self.tree, engine, self.notes, template=self.options.source == "template")
        check_required(self.tree, self.options, self.notes)
        if config.engine == IMAGE:
            return
        data = self._content(CODE, LARGEST_CODE)
        if self.options.source == "training":
            say_of_mlmodel(lambda name, size: self._content(MODEL + name, size), self.notes)
        if data is not None:
            template = self.options.source == "template"
            check_code(data, engine, config, self.tree.paths, self.notes, template=template)
        elif engine is not None and self.tree.find(CODE) is None:
            say_missing(engine, self.notes, strict=self.options.strict)

    def _content(self, path: str, limit: int) -> bytes | None:
        """The beginning of a package file, one byte more than the limit; None when it is absent or was refused."""
        entry = self.tree.find(path)
        if entry is None or entry.link:
            return None
        try:
            return self.read(path.removeprefix(self.tree.root), limit + 1)
        except SourceRefused as refused:
            self.notes.error(refused.code, Where(path), **refused.params)
            return None

    def _deployment_types(self, config: ModelConfig, document: Document | None) -> tuple[str, ...]:
        """What the version may be deployed as: batch only when a request has parameters to map."""
        types = self.options.deployment_types
        if not config.apis or "batch" not in types or any(api.request.parameters for api in config.apis):
            return types
        if self.options.source == "template":
            self.notes.error("config.batch_undefined")
            return types
        line, column = document.place(document.offset("/apis")) if document else (None, None)
        self.notes.warning("config.batch_without_schema", Where(CONFIG, line, column, "/apis"))
        return tuple(kind for kind in types if kind != "batch")
