"""The AI engines a model can declare: their runtimes, files and service classes, and which of them run here."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

IMAGE = "Image"
UNKNOWN_ENGINE_REASON = "cannot_run.unknown_engine"
# The general base of the platform: every deep-learning engine's own base extends it.
GENERAL_BASE = "SingleNodeService"


@dataclass(frozen=True)
class Engine:
    """One row of the table.

    `weights` are the parts a model of this engine consists of; a part is there when a file matches one of its
    patterns (`fnmatch` on the lower-case file name; a pattern ending in `/` is a folder). The last part is the one
    that may be there only once for the default loader. `fallback_weights` count when no part was found.
    `modules` are import names its environment always has.
    """

    name: str
    runtimes: tuple[str, ...] = ()
    weights: tuple[tuple[str, ...], ...] = ()
    fallback_weights: tuple[str, ...] = ()
    base_classes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    json_only: bool = False
    has_default_inference: bool = False
    needs_code: bool = False
    cannot_run_reason: str = ""

    @property
    def default_runtime(self) -> str:
        """The runtime of a package that declares none; empty for Image."""
        return self.runtimes[0] if self.runtimes else ""

    @property
    def runs_here(self) -> bool:
        """Whether an environment for it can be built on this machine."""
        return not self.cannot_run_reason


_PYTHONS = ("python2.7", "python3.6")
# Our addition to the documented table: the Python that environments are built on here.
_CURRENT = "python3.11"
_ARRAYS = ("numpy", "scipy")

_ENGINES = (
    Engine(
        "TensorFlow",
        (
            *_PYTHONS,
            "tf1.13-python2.7-gpu",
            "tf1.13-python2.7-cpu",
            "tf1.13-python3.6-gpu",
            "tf1.13-python3.6-cpu",
            "tf1.13-python3.7-cpu",
            "tf1.13-python3.7-gpu",
            "tf2.1-python3.7",
            "tf1.15-aarch64-c76-d910",
            _CURRENT,
        ),
        weights=(("saved_model.pb",),),
        base_classes=("TfServingBaseService", GENERAL_BASE),
        modules=("tensorflow", "keras", "h5py", "google", "six", "absl", "numpy"),
        has_default_inference=True,
    ),
    Engine(
        "PyTorch",
        (*_PYTHONS, "python3.7", "pytorch1.4-python3.7", _CURRENT),
        weights=(("*.pth", "*.pt"),),
        base_classes=("PTServingBaseService", GENERAL_BASE),
        modules=("torch", "numpy", "typing_extensions"),
        needs_code=True,
    ),
    Engine(
        "Scikit_Learn",
        (*_PYTHONS, _CURRENT),
        weights=(("*.m", "*.joblib", "*.pkl", "*.skops"),),
        base_classes=("XgSklServingBaseService",),
        modules=("sklearn", "joblib", *_ARRAYS),
        json_only=True,
        has_default_inference=True,
    ),
    Engine(
        "XGBoost",
        (*_PYTHONS, _CURRENT),
        weights=(("*.m", "*.ubj", "*.bst"),),
        fallback_weights=("*.json",),
        base_classes=("XgSklServingBaseService",),
        modules=("xgboost", *_ARRAYS),
        json_only=True,
        has_default_inference=True,
    ),
    Engine(
        "ONNX",
        ("python3", _CURRENT),
        weights=(("*.onnx",),),
        base_classes=(GENERAL_BASE,),
        modules=("onnxruntime", "numpy"),
        has_default_inference=True,
    ),
    Engine(
        "MXNet",
        (*_PYTHONS, "python3.7"),
        weights=(("*-symbol.json",), ("*-[0-9][0-9][0-9][0-9].params",)),
        base_classes=("MXNetBaseService", GENERAL_BASE),
        modules=("mxnet", "numpy"),
        cannot_run_reason="cannot_run.retired_engine",
    ),
    Engine(
        "Caffe",
        (
            *_PYTHONS,
            "python2.7-gpu",
            "python3.6-gpu",
            "python2.7-cpu",
            "python3.6-cpu",
            "python3.7",
            "python3.7-gpu",
            "python3.7-cpu",
        ),
        weights=(("*.prototxt",), ("*.caffemodel",)),
        base_classes=("CaffeBaseService", GENERAL_BASE),
        modules=("caffe", "numpy"),
        cannot_run_reason="cannot_run.retired_engine",
    ),
    Engine(
        "MindSpore",
        ("ms1.1-python3.7-c76", "ascend-arm-py2.7"),
        weights=(("*.ckpt", "*.om"),),
        base_classes=(GENERAL_BASE, "HiaiBaseService"),
        modules=("mindspore", "numpy"),
        cannot_run_reason="cannot_run.needs_ascend",
    ),
    Engine(
        "Spark_MLlib",
        _PYTHONS,
        weights=(("spark_model/",),),
        base_classes=("SparkServingBaseService",),
        modules=("pyspark", "py4j", "numpy"),
        json_only=True,
        has_default_inference=True,
        cannot_run_reason="cannot_run.needs_spark",
    ),
    Engine(IMAGE, cannot_run_reason="cannot_run.needs_containers"),
)

ENGINES: Mapping[str, Engine] = MappingProxyType({engine.name: engine for engine in _ENGINES})
# Every service class a package may extend.
BASE_CLASSES = frozenset(base for engine in _ENGINES for base in engine.base_classes)
# Files many packages carry beside their weights: alone they do not speak for another engine.
COMMON_FILES = ("*.pkl", "*.ckpt", "*.json")


def engine_of(name: str) -> Engine | None:
    """The engine of that exact name; None for one we do not know."""
    return ENGINES.get(name)


def cannot_run_reason(name: str) -> str:
    """The code that says why a model of this engine cannot run here; empty when it can."""
    engine = engine_of(name)
    return engine.cannot_run_reason if engine else UNKNOWN_ENGINE_REASON
