"""Builds model packages for tests: faultless until told otherwise."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

from importers.package.check import CheckOptions, check_package
from importers.package.local import open_local

_SERVICE = """\
{imports}

class Service({base}):
    def __init__(self, model_name, model_path):
        self.model_path = model_path

    def _preprocess(self, data):
        return data

    def _inference(self, data):
        return data

    def _postprocess(self, data):
        return data
"""
BASES = {
    "TensorFlow": ("model_service.tfserving_model_service", "TfServingBaseService"),
    "PyTorch": ("model_service.pytorch_model_service", "PTServingBaseService"),
    "Scikit_Learn": ("model_service.python_model_service", "XgSklServingBaseService"),
    "XGBoost": ("model_service.python_model_service", "XgSklServingBaseService"),
    "ONNX": ("model_service.model_service", "SingleNodeService"),
    "MXNet": ("mms.model_service.mxnet_model_service", "MXNetBaseService"),
    "Caffe": ("model_service.caffe_model_service", "CaffeBaseService"),
    "MindSpore": ("model_service.model_service", "SingleNodeService"),
    "Spark_MLlib": ("model_service.spark_model_service", "SparkServingBaseService"),
}
PICKLE = pickle.dumps({"coefficients": [0.25, -1.5], "intercept": 0.5})
WEIGHTS = {
    "TensorFlow": {"saved_model.pb": b"\x08\x01", "variables/variables.index": b"\x00"},
    "PyTorch": {"net.pth": PICKLE},
    "Scikit_Learn": {"model.joblib": PICKLE},
    "XGBoost": {"model.json": b'{"learner": {}, "version": [2, 1, 1]}'},
    "ONNX": {"model.onnx": b"\x08\x07"},
    "MXNet": {"net-symbol.json": b"{}", "net-0000.params": b"\x12\x01"},
    "Caffe": {"deploy.prototxt": b"name: 'net'", "net.caffemodel": b"\x0a\x03net"},
    "MindSpore": {"net.ckpt": b"\x0a\x01"},
    "Spark_MLlib": {"spark_model/metadata/part-00000": b"{}"},
    "Image": {},
    "Nothing_Known": {"weights.bin": b"\x00"},
}
RUNTIMES = {"ONNX": "python3", "MindSpore": "ms1.1-python3.7-c76"}
API = {
    "protocol": "https",
    "url": "/",
    "method": "post",
    "request": {
        "Content-type": "application/json",
        "data": {"type": "object", "properties": {"rows": {"type": "array", "items": [{"type": "number"}]}}},
    },
    "response": {
        "Content-type": "application/json",
        "data": {"type": "object", "properties": {"labels": {"type": "array", "items": {"type": "string"}}}},
    },
}


def make_config(engine="Scikit_Learn", **changes) -> dict[str, Any]:
    """A configuration nobody can find fault with; a change to None takes the key out."""
    config = {
        "model_algorithm": "predict_analysis",
        "model_type": engine,
        "runtime": RUNTIMES.get(engine, "python3.6"),
        "metrics": {"f1": 0.9, "recall": 0.9, "precision": 0.9, "accuracy": 0.9},
        "apis": [copy.deepcopy(API)],
    }
    if engine == "Image":
        del config["runtime"]
        config["swr_location"] = "registry.example.com/team/image:1"
    return {key: value for key, value in (config | changes).items() if value is not None}


def service_code(engine="Scikit_Learn") -> str:
    module, base = BASES[engine]
    return _SERVICE.format(imports=f"from {module} import {base}\n", base=base)


def build_package(tmp_path: Path, engine="Scikit_Learn", config=..., code=..., files=..., name="package") -> Path:
    """Write a package and return the folder to choose. `config` and `code` may be text, bytes, a dict, or None (no
    such file); `files` are the other files below `model/` (a path that begins with `/` lies beside it)."""
    root = tmp_path / name
    config = make_config(engine) if config is ... else config
    code = (service_code(engine) if engine in BASES else None) if code is ... else code
    contents = dict(WEIGHTS[engine] if files is ... else files)
    contents |= {"config.json": config} if config is not None else {}
    contents |= {"customize_service.py": code} if code is not None else {}
    (root / "model").mkdir(parents=True)
    for path, content in contents.items():
        target = root / path[1:] if path.startswith("/") else root / "model" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_bytes(content))
    return root


def _bytes(content) -> bytes:
    if isinstance(content, dict | list):
        content = json.dumps(content, indent=1)
    return content.encode() if isinstance(content, str) else content


def check_folder(path: Path, **options):
    """The report on a package folder or zip."""
    values = {"registry_hosts": ("registry.example.com",)} | options
    limits = CheckOptions(**values).limits
    with open_local(path, limits) as package:
        given = CheckOptions(**({"folder_name": package.folder_name} | values))
        return check_package(package.files, package.read, given)


def codes(report) -> list[str]:
    return [finding.code for finding in report.findings]
