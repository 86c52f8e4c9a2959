import pytest

from registry.engines import ENGINES, UNKNOWN_ENGINE_REASON, cannot_run_reason, engine_of
from registry.findings import known_codes


def test_the_documented_engines_are_known():
    assert set(ENGINES) == {
        "TensorFlow",
        "PyTorch",
        "Scikit_Learn",
        "XGBoost",
        "ONNX",
        "MXNet",
        "Caffe",
        "MindSpore",
        "Spark_MLlib",
        "Image",
    }


def test_engines_that_run_here():
    assert {name for name, engine in ENGINES.items() if engine.runs_here} == {
        "TensorFlow",
        "PyTorch",
        "Scikit_Learn",
        "XGBoost",
        "ONNX",
    }


@pytest.mark.parametrize("name", ["Unheard_Of", "scikit_learn", ""])
def test_an_unknown_engine_cannot_run(name):
    assert engine_of(name) is None
    assert cannot_run_reason(name) == UNKNOWN_ENGINE_REASON


@pytest.mark.parametrize("name", [*ENGINES, "Unheard_Of"])
def test_every_reason_has_a_sentence(name):
    reason = cannot_run_reason(name)

    assert reason == "" or reason in known_codes()


def test_the_default_runtime_is_the_first_of_the_table():
    assert {name: engine.default_runtime for name, engine in ENGINES.items()} == {
        **dict.fromkeys(
            ["TensorFlow", "PyTorch", "Scikit_Learn", "XGBoost", "MXNet", "Caffe", "Spark_MLlib"], "python2.7"
        ),
        "ONNX": "python3",
        "MindSpore": "ms1.1-python3.7-c76",
        "Image": "",
    }
