"""TensorFlow: a SavedModel by the names of its signature. Collected only where TEST_TENSORFLOW is set."""

import subprocess

import pytest

from tests.inference import environments
from tests.inference.serving import serving
from tests.package_builder import build_package

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]
SAVE = """
import sys
import tensorflow as tf


class Linear(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable([[2.0], [3.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="rows")])
    def __call__(self, rows):
        return {"scores": rows @ self.weights + 1.0}


model = Linear()
tf.saved_model.save(model, sys.argv[1], signatures=model.__call__)
"""
CODE = """
import numpy as np
from model_service.tfserving_model_service import TfServingBaseService


class Service(TfServingBaseService):
    def _preprocess(self, data):
        return {"rows": np.asarray([[len(name), 0] for name in data["names"]])}

    def _postprocess(self, data):
        return {"scores": [row[0] for row in data["scores"]]}
"""


@pytest.fixture(scope="module")
def python():
    return environments.tensorflow()


@pytest.fixture
def package_of(python, tmp_path):
    def build(code):
        package = build_package(tmp_path, "TensorFlow", code=code, files={})
        subprocess.run([python, "-c", SAVE, package / "model"], check=True, capture_output=True)
        return package

    return build


def test_signature_answers_nested_lists_by_name(python, package_of):
    with serving(package_of(None), python=python) as server:
        answer, missing = server.ask({"rows": [[1, 10], [2, 20]]}), server.ask({"x": 1})

    assert answer.value == {"scores": [[33.0], [65.0]]}
    assert (missing.status, missing.value["msg"]) == (400, "The signature's inputs are rows; missing: rows")


def test_service_may_leave_the_inference_to_the_base(python, package_of):
    with serving(package_of(CODE), python=python) as server:
        assert server.ask({"names": ["a", "bb"]}).value == {"scores": [3.0, 5.0]}
