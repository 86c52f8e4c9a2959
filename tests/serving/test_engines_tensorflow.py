"""A TensorFlow package of the documented platform through the whole product. Collected where TEST_TENSORFLOW is set."""

import pytest

from registry.models import Proof, Status
from serving.models import ProofState
from tests.inference import environments
from tests.serving.proved import DEFAULTS, answer_of, package_of, proved
from tests.serving.supervising import await_state, supervising

pytestmark = [pytest.mark.engines, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

TRAIN = """
import sys
import tensorflow as tf


class BrighterHalf(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable([[1.0, 0], [1, 0], [0, 1], [0, 1]])

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="images")])
    def __call__(self, images):
        return {"scores": images @ self.weights}


model = BrighterHalf()
tf.saved_model.save(model, sys.argv[1], signatures={"predict_images": model.__call__})
"""
CODE = """
import numpy as np
from model_service.tfserving_model_service import TfServingBaseService
from PIL import Image


class brighter_service(TfServingBaseService):
    def _preprocess(self, data):
        ready = {}
        for key, files in data.items():
            for file in files.values():
                ready[key] = np.asarray(Image.open(file).convert("L"), dtype=np.float32).reshape(1, 4)
        return ready

    def _postprocess(self, data):
        return {name: ["top", "bottom"][rows[0].index(max(rows[0]))] for name, rows in data.items()}
"""


def test_package_of_the_documented_platform_is_built_proved_and_answers_a_picture(settings, tmp_path):
    built = environments.tensorflow_built()
    package = package_of(tmp_path, built, engine="TensorFlow", code=CODE, train=TRAIN, runtime="tf2.1-python3.7")

    with supervising(host=settings.HOST_NAME, **DEFAULTS):
        record = proved(package, built, engine="TensorFlow")
        stopped = await_state(record.instance, "stopped", "failed")

    version = record.version
    assert (record.state, record.reason_code) == (ProofState.ANSWERED, ""), record.log
    assert (version.status, version.proof) == (Status.NORMAL, Proof.ANSWERED)
    assert answer_of(record) == {"scores": "bottom"}
    assert stopped.state == "stopped"
