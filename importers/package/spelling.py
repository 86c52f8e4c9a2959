"""What real configurations write instead of the documented words, and what they mean by it."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from importers.package.source_map import pointer_to
from registry.config import FORM_TYPE, JSON_TYPE
from registry.engines import ENGINES

TOP_KEYS = (
    "model_algorithm",
    "model_type",
    "runtime",
    "swr_location",
    "metrics",
    "apis",
    "dependencies",
    "health",
)
API_KEYS = ("protocol", "url", "method", "request", "response")
PAYLOAD_KEYS = ("Content-type", "data")
DEPENDENCY_KEYS = ("installer", "packages")
PACKAGE_KEYS = ("package_name", "package_version", "restraint")
METRIC_KEYS = ("f1", "recall", "precision", "accuracy")
KEY_ALIASES = {"procotol": "protocol", "content-type": "Content-type", "content_type": "Content-type"}
RESTRAINTS = {"==": "EXACT", ">=": "ATLEAST", "<=": "ATMOST"}
SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null", "file")
SCHEMA_ALIASES = {
    "list": "array",
    "tuple": "array",
    "json": "object",
    "dict": "object",
    "map": "object",
    "float": "number",
    "double": "number",
    "int": "integer",
    "long": "integer",
    "bool": "boolean",
    "str": "string",
    "text": "string",
    "date": "string",
    "timestamp": "string",
}
# The import names and short names of the engines, without case, spaces, hyphens and underscores.
ENGINE_ALIASES = {
    "sklearn": "Scikit_Learn",
    "scikit": "Scikit_Learn",
    "tf": "TensorFlow",
    "keras": "TensorFlow",
    "savedmodel": "TensorFlow",
    "torch": "PyTorch",
    "torchvision": "PyTorch",
    "xgb": "XGBoost",
    "onnxruntime": "ONNX",
    "onnxrt": "ONNX",
    "caffe2": "Caffe",
    "gluon": "MXNet",
    "spark": "Spark_MLlib",
    "pyspark": "Spark_MLlib",
    "mllib": "Spark_MLlib",
    "docker": "Image",
    "container": "Image",
}
_CLOSE = 0.8
_LONGEST_WORD = 64


def close_match(word: str, known: tuple[str, ...]) -> str:
    """The known word this one is most likely a misprint of; empty when none is near."""
    if len(word) > _LONGEST_WORD:
        return ""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=_CLOSE)
    return by_lower[found[0]] if found else ""


def meant_engine(declared: str) -> str:
    """The engine that was meant by a word that is the name of none; empty when nothing is near."""
    plain = re.sub(r"[-_ .]", "", declared[:_LONGEST_WORD].lower())
    exact = {name.replace("_", "").lower(): name for name in ENGINES}
    return exact.get(plain) or ENGINE_ALIASES.get(plain) or close_match(declared, tuple(ENGINES))


def meant_content_type(written: str, *, takes_file: bool) -> str:
    """The content type that was meant; parameters such as a charset do not count."""
    plain = written.partition(";")[0].strip().lower()
    if plain == "multipart/json":
        return FORM_TYPE if takes_file else JSON_TYPE
    return close_match(plain, (JSON_TYPE, FORM_TYPE)) or (FORM_TYPE if takes_file else JSON_TYPE)


def schema_type(written: str) -> str:
    """The JSON Schema type of a word; empty when the word means nothing to us."""
    plain = written.strip().lower()
    return plain if plain in SCHEMA_TYPES else SCHEMA_ALIASES.get(plain, "")


def rename_keys(value: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give misprinted keys of APIs their names, in place; yields pointer, key found, key meant."""
    apis = value.get("apis")
    for index, api in enumerate(apis if isinstance(apis, list) else ()):
        if isinstance(api, dict):
            yield from _rename(api, API_KEYS, pointer_to("apis", index))
            for side in ("request", "response"):
                if isinstance(api.get(side), dict):
                    yield from _rename(api[side], PAYLOAD_KEYS, pointer_to("apis", index, side))


def _rename(owner: dict[str, Any], known: tuple[str, ...], pointer: str) -> Iterator[tuple[str, str, str]]:
    for key in list(owner):
        meant = KEY_ALIASES.get(key.lower(), "")
        if key != meant and meant in known and meant not in owner:
            owner[meant] = owner.pop(key)
            yield pointer + pointer_to(key), key, meant
