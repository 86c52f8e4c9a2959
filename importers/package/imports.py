"""What a pickle may import when it is loaded: allowed for an engine, outside that list, or known attack surface."""

import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache


class Judgement(IntEnum):
    """The greater, the worse."""

    ALLOWED = 0
    OUTSIDE = 1
    DANGEROUS = 2


@dataclass(frozen=True)
class Family:
    """Modules of one library whose names of a certain form only hold data."""

    modules: re.Pattern[str]
    names: re.Pattern[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A library's own classes keep state. What its modules merely import (Path, Parallel …) is taken out by NOT_DATA.
CLASS = r"_?[A-Z][A-Za-z0-9_]*"
NOT_DATA = _words(
    "Parallel Path PosixPath Memory Popen Template Request Thread Process Pool Formatter Environment Generator"
    " TempMemmap Interpreter Logger Client Session URLError HTTPError TemporaryDirectory NamedTemporaryFile"
)


def _family(modules: str, names: str = CLASS) -> Family:
    return Family(re.compile(modules), re.compile(names))


def _names(module: str, names: str) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for name in names.split())


_NUMPY_SCALARS = (
    "bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc uintc longlong ulonglong float16 float32"
    " float64 longdouble complex64 complex128 clongdouble str_ bytes_ object_ void datetime64 timedelta64 intp uintp"
)
_UFUNCS = "log log1p log2 log10 exp expm1 sqrt square abs absolute reciprocal sin cos tan tanh sign mean median sum nan"
PLAIN = (
    _names("builtins", "object set frozenset list dict tuple int float complex bool str bytes bytearray slice range")
    | _names("builtins", "Ellipsis NotImplemented")
    | _names("collections", "OrderedDict defaultdict deque Counter")
    | _names("copyreg", "_reconstructor __newobj__ __newobj_ex__")
    | _names("_codecs", "encode")
    | _names("datetime", "date datetime time timedelta timezone")
    | _names("decimal", "Decimal")
    | _names("fractions", "Fraction")
    | _names("uuid", "UUID")
    | _names("numpy", f"ndarray dtype matrix recarray {_NUMPY_SCALARS} {_UFUNCS}")
    | _names("numpy.ma", "MaskedArray")
    | _names("numpy.ma.core", "MaskedArray _mareconstruct")
    | _names("numpy.matrixlib.defmatrix", "matrix")
    | _names("numpy.random._pickle", "__randomstate_ctor __bit_generator_ctor __generator_ctor")
    | _names("numpy.random.bit_generator", "SeedSequence __pyx_unpickle_SeedSequence")
    | frozenset(
        f"numpy.{core}.{place}"
        for core in ("core", "_core")
        for place in ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer", "records.recarray")
    )
    | frozenset(
        f"numpy.random.{place}"
        for place in ("_mt19937.MT19937", "_pcg64.PCG64", "_pcg64.PCG64DXSM", "_philox.Philox", "_sfc64.SFC64")
    )
)
_JOBLIB = _names("joblib.numpy_pickle", "NumpyArrayWrapper") | _names(
    "sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"
)
_PANDAS = (
    _names("pandas.core.frame", "DataFrame")
    | _names("pandas.core.series", "Series")
    | _names("pandas.core.internals.managers", "BlockManager SingleBlockManager")
    | _names("pandas.core.indexes.base", "Index _new_Index")
    | _names("pandas.core.indexes.range", "RangeIndex")
    | _names("pandas._libs.internals", "_unpickle_block")
    | _names("pandas.core.arrays.categorical", "Categorical")
    | _names("pandas.core.dtypes.dtypes", "CategoricalDtype")
)
_XGBOOST = (
    _names("xgboost.core", "Booster")
    | _names("xgboost.sklearn", "XGBModel XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor")
    | _names("xgboost.callback", "EarlyStopping EvaluationMonitor LearningRateScheduler")
    | _names("xgboost.compat", "XGBoostLabelEncoder")
)
_LIGHTGBM = _names("lightgbm.sklearn", "LGBMModel LGBMClassifier LGBMRegressor LGBMRanker") | _names(
    "lightgbm.basic", "Booster"
)
_TORCH = (
    _names("torch", "Size device dtype Tensor")
    | _names(
        "torch", "float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 bool qint8 quint8"
    )
    | _names("torch", "strided sparse_coo per_tensor_affine per_channel_affine contiguous_format preserve_format")
    | _names("torch._utils", "_rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter _rebuild_qtensor")
    | _names("torch._utils", "_rebuild_sparse_tensor _rebuild_parameter_with_state _rebuild_meta_tensor_no_storage")
    | _names("torch._tensor", "_rebuild_from_type_v2 Tensor")
    | _names("torch.nn.parameter", "Parameter Buffer")
    | _names("torch.storage", "UntypedStorage TypedStorage")
    | _names("torch.jit._pickle", "build_intlist build_tensorlist build_doublelist build_boollist restore_type_tag")
    | _names("torch.serialization", "_get_layout")
)
_SKLEARN_PARTS = (
    "base calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy"
    " ensemble feature_extraction feature_selection frozen gaussian_process impute isotonic kernel_approximation"
    " kernel_ridge linear_model manifold mixture model_selection multiclass multioutput naive_bayes neighbors"
    " neural_network pipeline preprocessing random_projection semi_supervised svm tree _loss metrics"
).replace(" ", "|")
_SKLEARN = _names("sklearn.utils", "Bunch") | _names("sklearn.utils._bunch", "Bunch")
_SKLEARN |= _names("sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest")
_SKLEARN |= _names("sklearn.preprocessing._function_transformer", "_identity") | _names(
    "sklearn.feature_selection._univariate_selection", "f_classif f_regression f_oneway chi2 r_regression"
)
_SKLEARN |= _names("sklearn.cluster._kmeans", "_kmeans_single_lloyd _kmeans_single_elkan lloyd_iter_chunked_dense")
_SKLEARN |= _names("scipy._lib.array_api_compat.numpy._aliases", "asarray")
SKLEARN_FAMILIES = (
    _family(rf"sklearn\.({_SKLEARN_PARTS})(\.(?!tests\b)\w+)*", rf"{CLASS}|__pyx_unpickle_\w+"),
    _family(
        r"sklearn\.metrics\.(_dist_metrics|_classification|_regression|_ranking|pairwise)",
        r"newObj|\w+_(score|error|loss|kernel)",
    ),
    _family(r"sklearn\.neighbors\.(_kd_tree|_ball_tree|kd_tree|ball_tree|dist_metrics)", r"newObj"),
)
SCIPY_FAMILIES = (
    _family(r"scipy\.sparse\.(_?(csr|csc|coo|lil|dok|dia|bsr))", r"(csr|csc|coo|lil|dok|dia|bsr)_(matrix|array)"),
    _family(
        r"scipy\.(interpolate|spatial)\.(?!tests\b)_?\w+",
        r"cKDTree|KDTree|interp1d|[A-Z][A-Za-z]*(Interpolator|Spline)",
    ),
)
TORCH_FAMILIES = (
    _family(r"torch\.nn\.modules\.\w+"),
    _family(r"torch\.nn\.parallel\.data_parallel", "DataParallel"),
    _family(
        r"torch", r"(Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|QInt8|QUInt8|QInt32|Complex\w+)Storage"
    ),
    _family(r"torchvision\.models\.\w+(\.\w+)*"),
    # Names only libtorch's own interpreter resolves; no Python module is called so.
    _family(r"__torch__(\.\w+)*", r"\w+"),
)
_SKLEARN_ALL = _SKLEARN | _JOBLIB | _PANDAS | _XGBOOST | _LIGHTGBM
ENGINE_NAMES = {
    "Scikit_Learn": _SKLEARN_ALL,
    "XGBoost": _SKLEARN_ALL,
    "PyTorch": _TORCH,
    "Spark_MLlib": _JOBLIB | _PANDAS,
    "": _SKLEARN_ALL | _TORCH,
}
ENGINE_FAMILIES = {
    "Scikit_Learn": SKLEARN_FAMILIES + SCIPY_FAMILIES,
    "XGBoost": SKLEARN_FAMILIES + SCIPY_FAMILIES,
    "PyTorch": TORCH_FAMILIES,
    "": SKLEARN_FAMILIES + SCIPY_FAMILIES + TORCH_FAMILIES,
}

# Modules of which every name counts as attack surface: processes, files, network, code, other loaders.
DANGEROUS_ROOTS = _words(
    "os posix nt posixpath ntpath subprocess _posixsubprocess sys socket _socket socketserver ssl shutil pty pip"
    " setuptools pkg_resources distutils ensurepip venv ctypes _ctypes cffi importlib _frozen_importlib imp runpy"
    " _frozen_importlib_external _imp pkgutil"
    " zipimport zipapp code codeop pdb bdb cProfile profile timeit trace doctest pydoc idlelib lib2to3 webbrowser"
    " multiprocessing concurrent asyncio _thread signal pickle _pickle cPickle cloudpickle dill marshal shelve"
    " jsonpickle urllib urllib2 urllib3 http httplib requests httpx aiohttp ftplib smtplib telnetlib poplib imaplib"
    " nntplib xmlrpc paramiko fabric commands popen2 platform tempfile fileinput gc inspect atexit site sysconfig"
    " unittest tkinter turtle antigravity IPython pexpect ptyprocess sh plumbum invoke jinja2 mako sqlite3"
    " linecache mmap readline rlcompleter tracemalloc faulthandler xdrlib compileall py_compile pickletools"
    " aifc wave dbm bsddb anydbm whichdb _aix_support _osx_support _pyrepl _sitebuiltins nturl2path tarfile zipfile"
    " torch_extension cython pyximport numba llvmlite"
)
DANGEROUS_MODULES = re.compile(
    r"(numpy\.(f2py|distutils|testing|ctypeslib|compat|lib\._?npyio\w*|lib\._?datasource)"
    r"|torch\.(hub|package|fx|testing|distributed|multiprocessing|serialization|_dynamo|_inductor|_export|export"
    r"|utils\.(cpp_extension|model_zoo|_config_module|bottleneck|collect_env|hipify)"
    r"|jit\.(unsupported_tensor_ops|_script|_serialization|frontend)|ops|_ops|_classes)"
    r"|pandas\.(io|core\.computation|compat|testing|_testing)"
    r"|sklearn\.(datasets|conftest|_build_utils)|scipy\.(io|weave|datasets)"
    r"|joblib\.(externals|_parallel_backends|_store_backends|testing|pool)"
    r"|xgboost\.(dask|spark|testing|tracker|collective|rabit|libpath)|logging\.(config|handlers)|xml\.sax|test\.support)(\..*)?"
)
# What gives these modules' names their power; the other names in them are merely outside the list.
DANGEROUS_NAMES = (
    _names("builtins", "eval exec compile open getattr setattr delattr __import__ globals locals vars breakpoint input")
    | _names("builtins", "help apply execfile reload file exit quit dir hasattr memoryview super map filter")
    | _names("operator", "attrgetter methodcaller call itemgetter")
    | _names("functools", "reduce partialmethod singledispatch cached_property")
    | _names("types", "CodeType FunctionType LambdaType MethodType DynamicClassAttribute")
    | _names("dataclasses", "make_dataclass")
    | _names("io", "open FileIO open_code") | _names("_io", "open FileIO open_code")
    | _names("codecs", "open") | _names("collections", "namedtuple")
    | _names("numpy", "load save savez savez_compressed savetxt loadtxt genfromtxt fromfile fromregex memmap")
    | _names("numpy.core", "_ufunc_reconstruct") | _names("numpy._core", "_ufunc_reconstruct")
    | _names("joblib", "load dump") | _names("joblib.numpy_pickle", "load dump load_temporary_memmap")
    | _names("torch", "load save compile")
    | _names("pandas", "eval read_pickle read_csv read_hdf to_pickle")
    | _names("string", "Formatter") | _names("typing", "get_type_hints ForwardRef")
    | _names("yaml", "load unsafe_load full_load load_all")
)  # fmt: skip
DANGEROUS_LAST = _words(
    "os posix nt sys subprocess builtins __builtin__ __builtins__ importlib socket ctypes shutil pickle marshal runpy"
    " multiprocessing pty cloudpickle dill system popen popen2 popen3 popen4 spawnl spawnle spawnlp spawnv spawnve"
    " spawnvp execl execle execlp execv execve execvp execvpe eval exec execfile __import__ import_module run_module"
    " run_path getattr setattr load_module load_dynamic runstring run_code runcode runsource interact check_output"
    " check_call Popen getoutput getstatusoutput attrgetter methodcaller CodeType FunctionType exec_module urlopen"
    " urlretrieve import_string load_library load_pickle read_pickle resolve_name unsafe_load rmtree fork_exec"
    " _make_function _make_skeleton_class _builtin_type create_subprocess_exec load_model get_file"
)
# Methods that write files or load others, reached through a class by a dotted name.
DANGEROUS_METHODS = _words(
    "tofile dump dumps load loads save savez write write_text write_bytes unlink rename replace open to_pickle to_csv"
    " to_sql to_hdf to_parquet to_json to_excel read read_text call run query eval pipe apply map"
)
_PRECISE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def is_precise(full: str) -> bool:
    """Whether it is a name as Python writes it, a module and something in it."""
    return _PRECISE.fullmatch(full) is not None


def readable(module: str, name: str) -> str:
    """The import as it is shown: one line, no control characters, not too long."""
    text = f"{module}.{name}"
    clean = "".join(char if char.isprintable() else "�" for char in text[:161])
    return clean if len(text) <= 160 else clean[:159] + "…"


@lru_cache(maxsize=4096)
def judge(module: str, name: str, engine: str) -> Judgement:
    """The worse of the name as written and of the name old protocols turn it into."""
    now_module, now_name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return max(_judge(module, name, engine), _judge(now_module, now_name, engine))


def _judge(module: str, name: str, engine: str) -> Judgement:
    module = "builtins" if module == "__builtin__" else "copyreg" if module == "copy_reg" else module
    if _is_dangerous(module, name):
        return Judgement.DANGEROUS
    if f"{module}.{name}" in PLAIN or _is_of_engine(module, name, engine if engine in ENGINE_NAMES else "TensorFlow"):
        return Judgement.ALLOWED
    return Judgement.OUTSIDE


def _is_dangerous(module: str, name: str) -> bool:
    full = f"{module}.{name}"
    if full in PLAIN or full in _TORCH:
        return False
    parts = name.split(".")
    return (
        module.split(".")[0] in DANGEROUS_ROOTS
        or full in DANGEROUS_NAMES
        or DANGEROUS_MODULES.fullmatch(module) is not None
        or any(part in DANGEROUS_LAST for part in parts)
        or _reaches_through(parts)
        or not is_precise(full)
    )


def _reaches_through(parts: list[str]) -> bool:
    """Whether a dotted name walks over a module or the insides of an object, or ends at a method that acts."""
    if len(parts) < 2:
        return False
    inside = any(part in DANGEROUS_ROOTS or (part.startswith("__") and part.endswith("__")) for part in parts)
    return inside or parts[-1] in DANGEROUS_METHODS


def _is_of_engine(module: str, name: str, engine: str) -> bool:
    if f"{module}.{name}" in ENGINE_NAMES.get(engine, frozenset()):
        return True
    return name not in NOT_DATA and any(
        family.modules.fullmatch(module) and family.names.fullmatch(name) for family in ENGINE_FAMILIES.get(engine, ())
    )
