"""One model package per verdict, each with the codes its check must give; the builder comes along."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.package_builder import (
    API,
    BASES,
    PICKLE,
    WEIGHTS,
    build_package,
    check_folder,
    codes,
    make_config,
    service_code,
)

__all__ = [
    "API",
    "EXPECTED",
    "FIXTURES",
    "WEIGHTS",
    "build_package",
    "check_folder",
    "codes",
    "make_config",
    "service_code",
]

FIXTURES: dict[str, Callable[[Path], Path]] = {}
EXPECTED: dict[str, tuple[str, ...]] = {}


def _fixture(name: str, *expected: str, **package) -> None:
    FIXTURES[name] = lambda tmp_path: build_package(tmp_path, **package)
    EXPECTED[name] = expected


def _config(name: str, *expected: str, engine="Scikit_Learn", changes: dict[str, Any], **package) -> None:
    _fixture(name, *expected, engine=engine, config=make_config(engine, **changes), **package)


def _api(name: str, *expected: str, changes: dict[str, Any], engine="TensorFlow") -> None:
    api = {key: value for key, value in (copy.deepcopy(API) | changes).items() if value is not None}
    _config(name, *expected, engine=engine, changes={"apis": [api]})


def _package(name: str, *expected: str, row: dict[str, Any], **package) -> None:
    dependencies = [{"installer": "pip", "packages": [row]}]
    _config(name, *expected, changes={"dependencies": dependencies}, **package)


def _code(name: str, *expected: str, code, engine="Scikit_Learn", **package) -> None:
    _fixture(name, *expected, engine=engine, code=code, **package)


def _payload(content_type: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Content-type": content_type, "data": {"type": "object", "properties": properties}}


for _engine in (*BASES, "Image"):
    _fixture(f"good {_engine}", engine=_engine)

# Layout
_fixture("weights missing", "layout.weights_missing", files={"notes.txt": "none"})
_fixture("keras weights", "layout.weights_keras", engine="TensorFlow", files={"model.h5": b"\x89HDF"})
_fixture("several weights with code", "layout.weights_several", files={"a.joblib": PICKLE, "b.pkl": PICKLE})
_fixture(
    "several weights without code",
    "layout.weights_ambiguous",
    "code.default_answers",
    files={"a.joblib": PICKLE, "b.pkl": PICKLE},
    code=None,
)
_fixture("files contradict the type", "layout.weights_contradict", engine="TensorFlow", files={"net.pth": PICKLE})
_fixture(
    "files of two engines",
    "layout.weights_mixed",
    engine="TensorFlow",
    files=WEIGHTS["TensorFlow"] | {"net.pth": PICKLE},
)
_fixture("config missing", "layout.config_missing", config=None)
_fixture("another config", "layout.other_config", files=WEIGHTS["Scikit_Learn"] | {"old/config.json": "{}"})
_fixture("files beside", "layout.beside_ignored", files=WEIGHTS["Scikit_Learn"] | {"/README.md": "about"})
_fixture("too deep", "layout.too_deep", files=WEIGHTS["Scikit_Learn"] | {"d/" * 32 + "x": ""})
_fixture("name too long", "layout.name_too_long", files=WEIGHTS["Scikit_Learn"] | {("n" * 200 + "/") * 6 + "x": ""})
_fixture("unsafe name", "layout.unsafe_name", files=WEIGHTS["Scikit_Learn"] | {"a\\b.txt": ""})
_fixture("case collision", "layout.name_collision", files=WEIGHTS["Scikit_Learn"] | {"a.txt": "", "A.txt": ""})


def _empty(tmp_path: Path) -> Path:
    (tmp_path / "package").mkdir()
    return tmp_path / "package"


def _without_model(tmp_path: Path) -> Path:
    root = _model_renamed(tmp_path)
    (root / "mymodel" / "config.json").unlink()
    return root


def _model_renamed(tmp_path: Path) -> Path:
    root = build_package(tmp_path)
    (root / "model").rename(root / "mymodel")
    return root


def _loose_files(tmp_path: Path) -> Path:
    return _model_renamed(tmp_path) / "mymodel"


def _model_deeper(tmp_path: Path) -> Path:
    return build_package(tmp_path, name="package/ocr").parent


def _model_itself(tmp_path: Path) -> Path:
    return build_package(tmp_path) / "model"


def _link(tmp_path: Path) -> Path:
    root = build_package(tmp_path)
    (root / "model" / "hostname").symlink_to("/etc/hostname")
    return root


for _name, _builder, _expected in (
    ("empty", _empty, ("layout.empty",)),
    ("no model folder", _without_model, ("layout.model_missing",)),
    ("model folder of another name", _model_renamed, ("layout.model_named_otherwise",)),
    ("no folder at all", _loose_files, ("layout.model_loose",)),
    ("model folder deeper", _model_deeper, ("layout.model_elsewhere",)),
    ("model folder chosen", _model_itself, ("layout.parent_taken",)),
    ("link", _link, ("layout.link",)),
):
    FIXTURES[_name] = _builder
    EXPECTED[_name] = _expected

# config.json
_TEXT = json.dumps(make_config(), indent=1)
_fixture("config with comments", "config.repairable", config="// mine\n" + _TEXT)
_fixture("config with trailing comma", "config.repairable", config=_TEXT[:-2] + ",\n}")
_fixture("config with BOM", "config.encoding", config="\ufeff" + _TEXT)
_GBK = _TEXT.replace('"f1": 0.9', '"精度": 0.9')
_fixture("config in GBK", "config.encoding", "config.metric_unusual", config=_GBK.encode("gbk"))
_fixture("config in UTF-16", "config.encoding", config=_TEXT.encode("utf-16"))
_fixture("config broken", "config.syntax_unexpected", config="{'model_type': 1}")
_fixture("config cut off", "config.syntax_ended", config=_TEXT[:-3])
_fixture("config of no text", "config.undecodable", config=b"\xff\xff\xff{")
_fixture("config too large", "config.too_large", config=" " * (1024 * 1024) + _TEXT)
_fixture("config too deep", "config.too_deep", config='{"a": ' + "[" * 10_000 + "]" * 10_000 + "}")
_fixture("config no object", "config.not_object", config="[]")
_fixture("duplicate key", "config.duplicate_key", config=_TEXT.replace("{", '{"model_type": "Other", ', 1))
_config("unknown key", "config.unknown_key", changes={"tunable": False})
_config("unknown key, nearly known", "config.unknown_key_similar", changes={"dependancies": []})
_config("type absent", "config.engine_derived", changes={"model_type": None})
_config(
    "type absent, files silent",
    "config.model_type_missing",
    changes={"model_type": None},
    files={"model.m": PICKLE},
)
_config("type unknown", "config.model_type_unknown", engine="Nothing_Known", changes={}, code=None)
_config("type misspelt", "config.model_type_similar", changes={"model_type": "scikit-learn"})
_config("type no text", "config.wrong_type", "config.engine_derived", changes={"model_type": 5})
_config("algorithm absent", "config.algorithm_missing", changes={"model_algorithm": None})
_config("algorithm malformed", "config.algorithm_malformed", changes={"model_algorithm": "图像"})
_config("runtime absent", "config.runtime_missing", changes={"runtime": None})
_config("runtime unknown", "config.runtime_unknown", changes={"runtime": "pytorch_1.8.0-py_3.7-x86_64"})
_config("image address forbidden", "config.image_forbidden", changes={"swr_location": "registry.example.com/x"})
_config("image address missing", "config.image_missing", engine="Image", changes={"swr_location": None})
_config("image elsewhere", "config.image_registry", engine="Image", changes={"swr_location": "other.example.com/x:1"})
_config(
    "dependencies for Image",
    "config.dependencies_for_image",
    engine="Image",
    changes={"dependencies": [{"installer": "pip", "packages": [{"package_name": "numpy"}]}]},
)
_config(
    "installer conda",
    "config.installer",
    changes={"dependencies": [{"installer": "conda", "packages": [{"package_name": "numpy"}]}]},
)
_config(
    "installer absent",
    "config.installer_missing",
    changes={"dependencies": [{"packages": [{"package_name": "numpy"}]}]},
)
_config("dependencies no list", "config.wrong_type", changes={"dependencies": {"installer": "pip"}})
_package("requirement", row={"package_name": "gym[atari]", "package_version": "0.21.0.post1", "restraint": "ATLEAST"})
_package("requirement malformed", "config.requirement", row={"package_name": "num py"})
_package("requirement with marker", "config.requirement", row={"package_name": "numpy; python_version<'3'"})
_package(
    "requirement version malformed",
    "config.requirement",
    row={"package_name": "numpy", "package_version": "newest", "restraint": "EXACT"},
)
for _kind, _value in (
    ("URL", "git+https://example.com/x.git"),
    ("at URL", "numpy @ https://example.com/numpy.whl"),
    ("path", "./numpy"),
    ("absolute path", "/tmp/numpy-1.0-py3-none-any.whl"),
    ("upward path", "../numpy-1.0-py3-none-any.whl"),
    ("option", "--index-url=x"),
    ("archive", "numpy.tar.gz"),
):
    _package(f"requirement {_kind}", "config.requirement_elsewhere", row={"package_name": _value})
_WHEEL = "tool-1.0-py3-none-any.whl"
_package(
    "wheel in the package",
    row={"package_name": f"/home/mind/model/{_WHEEL}"},
    files=WEIGHTS["Scikit_Learn"] | {_WHEEL: b"PK"},
)
_package("wheel absent", "config.wheel_missing", row={"package_name": f"/home/mind/model/{_WHEEL}"})
_package(
    "restraint unknown",
    "config.restraint_unknown",
    row={"package_name": "numpy", "package_version": "1.19", "restraint": "ABOUT"},
)
_package(
    "restraint misspelt",
    "config.restraint_spelling",
    row={"package_name": "numpy", "package_version": "1.19", "restraint": "atleast"},
)
_package("restraint alone", "config.restraint_without_version", row={"package_name": "numpy", "restraint": "EXACT"})
_package("version alone", "config.version_without_restraint", row={"package_name": "numpy", "package_version": "1.19"})
_package(
    "restraint empty",
    "config.any_version",
    row={"package_name": "numpy", "package_version": "1.19", "restraint": ""},
)
_package(
    "version empty",
    "config.any_version",
    row={"package_name": "numpy", "package_version": "", "restraint": "EXACT"},
)
_package(
    "version a number",
    "config.version_as_number",
    row={"package_name": "numpy", "package_version": 1.19, "restraint": "EXACT"},
)
_package("version in the name", "config.version_in_name", row={"package_name": "numpy>=1.19"})
_package("package without name", "config.missing_key", row={"package_version": "1"})
_config("apis absent", "config.apis_missing", "config.batch_without_schema", changes={"apis": None})
_config("apis no list", "config.wrong_type", "config.apis_missing", "config.batch_without_schema", changes={"apis": {}})
_api("api fields absent", "config.api_fields_missing", changes={"protocol": None, "url": None, "method": None})
_config("several apis", "config.apis_several", changes={"apis": [API, API]})
_api("api elsewhere", "config.api_url", changes={"url": "/predict"})
_api("protocol misprinted", "config.key_spelling", changes={"protocol": None, "procotol": "https"})
_api("protocol unknown", "config.protocol_unknown", changes={"protocol": "grpc"})
_api("method unknown", "config.method_unknown", changes={"method": "fetch"})
_api("method unusual", "config.method_unusual", changes={"method": "fetch"}, engine="Image")
_api("content type misprinted", "config.content_type", changes={"request": _payload("applicaton/json", {"x": {}})})
_api(
    "form type misprinted",
    "config.content_type",
    changes={"request": _payload("multipart/from-data", {"images": {"type": "file"}})},
)
_api(
    "schema type misprinted",
    "config.schema_type",
    changes={"request": _payload("application/json", {"x": {"type": "list"}})},
)
_api(
    "schema type unknown",
    "config.schema_type_unknown",
    changes={"request": _payload("application/json", {"x": {"type": "box"}})},
)
_api(
    "items misprinted",
    "config.key_spelling",
    changes={"request": _payload("application/json", {"x": {"type": "array", "item": {"type": "number"}}})},
)
_api(
    "response inside request",
    "config.response_inside_request",
    changes={"request": API["request"] | {"response": API["response"]}, "response": None},
)
_api("response multipart", "config.response_multipart", changes={"response": _payload("multipart/form-data", {})})
_api(
    "multipart for a JSON engine",
    "config.json_only",
    changes={"request": _payload("multipart/form-data", {"rows": {"type": "string"}})},
    engine="Scikit_Learn",
)
_api(
    "JSON with a file",
    "config.json_with_file",
    changes={"request": _payload("application/json", {"x": {"type": "file"}})},
)
_api("batch without schema", "config.batch_without_schema", changes={"request": {"Content-type": "application/json"}})
_config("health for others", "config.health_ignored", changes={"health": {"url": "/health"}})
_config("health empty", "config.health_incomplete", engine="Image", changes={"health": {"timeout_seconds": "3"}})
_config("metrics unusual", *["config.metric_unusual"] * 3, changes={"metrics": {"f1": "0.9", "recall": 97, "auc": 0.5}})
_config("metrics no object", "config.wrong_type_ignored", changes={"metrics": "good"})

# customize_service.py
_fixture("code absent, PyTorch", "code.missing", engine="PyTorch", code=None)
for _engine in ("Caffe", "MXNet", "MindSpore"):
    _fixture(f"code absent, {_engine}", "code.no_default", engine=_engine, code=None)
for _engine in ("TensorFlow", "Scikit_Learn", "XGBoost", "Spark_MLlib", "ONNX"):
    _fixture(f"code absent, {_engine}", "code.default_answers", engine=_engine, code=None)
_fixture(
    "code under another name",
    "code.other_name",
    "code.default_answers",
    code=None,
    files=WEIGHTS["Scikit_Learn"] | {"custom_service.py": service_code()},
)
_code("code in GBK", "code.undecodable", code=("# 服务\n" + service_code()).encode("gbk"))
_code("code in an unknown encoding", "code.unknown_encoding", code="# -*- coding: nonsense -*-\n" + service_code())
_code("code with NUL", "code.null_byte", code=service_code() + "\x00")
_code("code broken", "code.syntax", code=service_code() + "def broken(:\n    pass\n")
_code("code too deep", "code.too_complex", code="x = " + "a." * 200_000 + "b\n")
_code("code too large", "code.too_large", code=service_code() + "#" * 1024 * 1024)
for _kind, _line in (
    ("print", "print 'ready'"),
    ("except", "try:\n    pass\nexcept ValueError, error:\n    pass"),
    ("raise", "raise ValueError, 'no'"),
    ("exec", "exec 'x = 1'"),
    ("long", "x = 10L"),
    ("unequal", "if 1 <> 2:\n    pass"),
    ("backticks", "x = `1`"),
):
    _code(f"code in Python 2, {_kind}", "code.python2", code=service_code() + _line + "\n")
_code("no service class", "code.no_class", code="class Service:\n    pass\n")
_code(
    "two service classes",
    "code.several_classes",
    code=service_code() + "\nclass Other(XgSklServingBaseService):\n    pass\n",
)
_code(
    "service class elsewhere",
    "code.class_elsewhere",
    code="from helper import Service\n",
    files=WEIGHTS["Scikit_Learn"] | {"helper.py": service_code()},
)
_code("base of another engine", "code.other_base", code=service_code("PyTorch"))
_code(
    "PyTorch without constructor",
    "code.no_constructor",
    engine="PyTorch",
    code=service_code("PyTorch").replace("__init__", "start"),
)
_code(
    "no hooks",
    "code.no_hooks",
    engine="MXNet",
    code="from mms.model_service.mxnet_model_service import MXNetBaseService\n\n"
    "class Service(MXNetBaseService):\n    pass\n",
)
_code("module missing", "code.module_missing", code="import pandas\n" + service_code())
_code("installs at import", "code.runs_shell", code="import os\nos.system('pip install x')\n" + service_code())
_code(
    "unpickles the request",
    "code.unpickles",
    code="import pickle\n" + service_code().replace("return data", "return pickle.loads(data)", 1),
)
_code(
    "allows pickles in the request",
    "code.allow_pickle",
    code="import numpy as np\n" + service_code().replace("return data", "return np.load(data, allow_pickle=True)", 1),
)
