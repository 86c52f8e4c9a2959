"""A folder that MLflow logged a model in, seen as a model package; configuration and inference code are made for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from django.conf import settings

from importers.package.check import FileEntry
from importers.package.layout import MODEL
from importers.package.mlmodel import LARGEST_MLMODEL, MLMODEL, MLModel, read_mlmodel
from importers.package.mlmodel_package import code_of, config_of, needs_of
from importers.package.report import CODE, CONFIG
from importers.sources.base import NOTHING_ELSE, About, Folder, Origin
from stores.errors import SourceRefused
from stores.paths import shown

# Rows of the training data, which belong to no package.
EXAMPLES = frozenset({"input_example.json", "serving_input_example.json"})


@dataclass(frozen=True)
class MlmodelFolder:
    """The files of `output` below `model/`, with the configuration and the inference code that they lack.

    `place` is how people know the folder. Nothing but MLmodel and the lists of requirements is read beforehand.
    """

    output: Folder
    place: str
    metrics: Mapping[str, float]
    sources: dict[str, str] = field(default_factory=dict)
    supplied: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.output.name

    @property
    def about(self) -> About:
        return NOTHING_ELSE

    def files(self) -> Iterator[FileEntry]:
        self.sources.clear()
        self.supplied.clear()
        most = settings.PACKAGE_MAX_FILES
        listed = {entry.path: entry for entry in islice(self.output.files(), most + 1)}
        if len(listed) > most:
            raise SourceRefused("layout.too_many_files", limit=most)
        model = self._model(listed)
        for path, entry in listed.items():
            if path not in EXAMPLES:
                where = MODEL + (model.place if path == model.weights else path)
                self.sources[where] = path
                yield replace(entry, path=where)
        self._supply(model, listed)
        yield from (FileEntry(path, len(content)) for path, content in self.supplied.items())

    def _model(self, listed: Mapping[str, FileEntry]) -> MLModel:
        if MLMODEL not in listed:
            raise SourceRefused("mlflow.mlmodel_missing", path=shown(self.place))
        model = read_mlmodel(self.output.read(MLMODEL, LARGEST_MLMODEL + 1))
        if model.weights not in listed:
            raise SourceRefused("mlflow.weights_missing", path=shown(self.place + model.weights))
        return model

    def _supply(self, model: MLModel, listed: Mapping[str, FileEntry]) -> None:
        def find(name: str, size: int) -> bytes | None:
            entry = listed.get(name)
            return None if entry is None or entry.link else self.output.read(name, size)

        if CODE not in self.sources:
            self.supplied[CODE] = code_of(model)
        if CONFIG not in self.sources:
            self.supplied[CONFIG] = config_of(model, needs_of(model, find), self.metrics)

    def read(self, path: str, size: int) -> bytes:
        return self.supplied[path][:size] if path in self.supplied else self.output.read(self.sources[path], size)

    def chunks(self, path: str) -> Iterator[bytes]:
        if path in self.supplied:
            yield self.supplied[path]
        else:
            yield from self.output.chunks(self.sources[path])

    def origin(self, path: str) -> Origin | None:
        return None if path in self.supplied else self.output.origin(self.sources[path])
