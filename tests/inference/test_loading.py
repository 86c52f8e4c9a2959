"""Packages that do not load: the exit code and one line that names stage, file and line."""

import pytest

from tests.inference.serving import failing, package_with, serving
from tests.package_builder import build_package

HEAD = "from model_service.pytorch_model_service import PTServingBaseService as Base\n\n\n"
ONE = HEAD + "class One(Base):\n    def _inference(self, data):\n        return 'one'\n"


def refused(tmp_path, code, *options, **more):
    code, line = failing(build_package(tmp_path, more.pop("engine", "PyTorch"), code=code, **more), *options)
    return code, line["stage"], line["file"], line["line"], line["message"]


def test_code_that_does_not_parse_names_its_line(tmp_path):
    found = refused(tmp_path, "import json\n\nprint 'python 2'\n")

    assert found[:4] == (11, "parse", "model/customize_service.py", 3)
    assert found[4].startswith("Missing parentheses in call to 'print'")


def test_helper_that_does_not_parse_names_itself(tmp_path):
    found = refused(tmp_path, "import helper\n" + ONE, files={"net.pth": b"", "helper.py": "x = 1\n  y = 2\n"})

    assert found == (11, "parse", "model/helper.py", 2, "unexpected indent")


def test_import_that_fails_names_its_line(tmp_path):
    found = refused(tmp_path, HEAD + "import os\nimport not_installed_here\n")

    assert found == (11, "import", "model/customize_service.py", 5, "No module named 'not_installed_here'")


def test_import_that_ends_the_process_is_a_failure_all_the_same(tmp_path):
    assert refused(tmp_path, "import sys\nsys.exit(0)\n") == (11, "import", "model/customize_service.py", 2, "0")


def test_init_file_that_fails_names_its_line(tmp_path):
    found = refused(tmp_path, ONE, files={"net.pth": b"", "__init__.py": "1 / 0\n"})

    assert found == (11, "import", "model/__init__.py", 1, "division by zero")


def test_constructor_that_fails_names_its_line(tmp_path):
    methods = "    def __init__(self, model_name, model_path):\n        open(model_path + '.missing')\n"
    code, line = failing(package_with(tmp_path, methods))

    assert (code, line["stage"], line["file"], line["line"]) == (11, "construct", "model/customize_service.py", 9)
    assert (line["error"], line["message"][:35]) == ("FileNotFoundError", "[Errno 2] No such file or directory")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("a, b, c, d, e", "The constructor of Service asks for e, which nothing is known of"),
        ("model_name, *, device", "The constructor of Service asks for device"),
    ],
)
def test_constructor_that_asks_for_the_unknown_is_refused(tmp_path, parameters, message):
    code, line = failing(package_with(tmp_path, f"    def __init__(self, {parameters}):\n        pass\n"))

    assert (code, line["stage"], line["message"]) == (11, "construct", message)


def test_code_without_a_service_class_is_refused(tmp_path):
    found = refused(tmp_path, HEAD + "class Alone:\n    pass\n")

    assert found == (
        10,
        "class",
        None,
        None,
        "model/customize_service.py has no class that extends PTServingBaseService",
    )


def test_code_with_two_service_classes_is_refused(tmp_path):
    found = refused(tmp_path, ONE + "\n\nclass Two(Base):\n    pass\n")

    assert found == (10, "class", None, None, "model/customize_service.py has several service classes: One, Two")


CHOICES = {
    "the last of a line": "\n\nclass Two(One):\n    def _inference(self, data):\n        return 'two'\n\n\n"
    "class One(Two):\n    pass\n",
    "an alias": "\n\nService = One\nsame = One\nTwo = One\nOne._inference = lambda self, data: 'two'\n",
    "the engine's base before another": "    def _inference(self, data):\n        return 'two'\n\n\n"
    "from model_service.tfserving_model_service import TfServingBaseService\n\n\n"
    "class Three(TfServingBaseService):\n    pass\n",
}


@pytest.mark.parametrize("more", CHOICES.values(), ids=CHOICES)
def test_class_that_is_meant_is_chosen(tmp_path, more):
    with serving(build_package(tmp_path, "PyTorch", code=ONE + more)) as server:
        assert server.ask({}).text == "two"


def test_class_on_the_base_of_another_engine_serves(tmp_path):
    with serving(build_package(tmp_path, "TensorFlow", code=ONE)) as server:
        assert server.ask({}).text == "one"


def test_class_may_come_from_another_file_of_the_package(tmp_path):
    files = {"net.pth": b"", "real.py": ONE}
    with serving(build_package(tmp_path, "PyTorch", code="from real import *\n", files=files)) as server:
        assert server.ask({}).text == "one"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "model/config.json cannot be read: "),
        ("{", "model/config.json cannot be read: "),
        ("[]", "model/config.json names no model_type; give --engine"),
        ({"model_type": "Prophet"}, "The engine Prophet is not known here; known: Scikit_Learn, XGBoost, ONNX, "),
    ],
)
def test_configuration_without_a_known_engine_is_refused(tmp_path, config, message):
    code, stage, *_place, text = refused(tmp_path, ONE, config=config)

    assert (code, stage) == (10, "config")
    assert text.startswith(message)


def test_engine_can_be_told_instead(tmp_path):
    package = build_package(tmp_path, "PyTorch", code=ONE, config=None)
    with serving(package, "--engine", "PyTorch", "--name", "net") as server:
        assert server.ask({}).text == "one"


@pytest.mark.parametrize("engine", ["PyTorch", "MXNet", "MindSpore", "Spark_MLlib"])
def test_engine_that_needs_code_is_refused_without(tmp_path, engine):
    code, stage, *_place, text = refused(tmp_path, None, engine=engine)

    assert (code, stage) == (10, "class")
    assert text == f"{engine} has no inference of its own here: model/customize_service.py is missing"


def test_package_without_code_needs_one_file_of_weights(tmp_path):
    files = {"a.joblib": b"", "b.m": b""}

    assert refused(tmp_path, None, engine="Scikit_Learn", files=files, name="two")[4] == (
        "Several weights and no customize_service.py: a.joblib, b.m"
    )
    assert refused(tmp_path, None, engine="ONNX", files={}, name="none")[4] == "No weights of ONNX (*.onnx) in model/"


def test_engine_whose_library_is_missing_is_named(tmp_path):
    found = refused(tmp_path, None, engine="ONNX")

    assert found == (12, "load", None, None, "No module named 'onnxruntime'")


def test_log_line_of_a_failure_names_the_exit_code(tmp_path):
    code, line = failing(build_package(tmp_path, "PyTorch", code="1 / 0"))

    assert (line["exit"], code, line["error"]) == (11, 11, "ZeroDivisionError")
