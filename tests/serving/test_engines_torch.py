"""A PyTorch package of the documented platform through the whole product, with the PyTorch this machine has."""

import pytest

from registry.models import Proof, Status
from serving.models import ProofState
from tests.inference import environments
from tests.serving.proved import DEFAULTS, answer_of, package_of, proved
from tests.serving.supervising import await_state, supervising

pytestmark = [pytest.mark.engines, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

TRAIN = """
import sys, torch
net = torch.nn.Linear(4, 2)
net.load_state_dict({"weight": torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]]), "bias": torch.zeros(2)})
torch.save(net.state_dict(), sys.argv[1] + "/net.pth")
"""
CODE = """
import log
import numpy as np
import torch
from model_service.pytorch_model_service import PTServingBaseService
from PIL import Image

logger = log.getLogger(__name__)


class BrighterHalf(PTServingBaseService):
    def __init__(self, model_name, model_path):
        super(BrighterHalf, self).__init__(model_name, model_path)
        self.model = torch.nn.Linear(4, 2)
        self.model.load_state_dict(torch.load(model_path, map_location="cpu"))
        self.model.eval()
        self.label = ["top", "bottom"]

    def _preprocess(self, data):
        batches = {}
        for key, files in data.items():
            pictures = [np.asarray(Image.open(file).convert("L"), dtype="float32") for file in files.values()]
            batches[key] = torch.from_numpy(np.stack(pictures)).view(-1, 4)
        return batches

    def _postprocess(self, data):
        return [{key: self.label[torch.argmax(scores[0])]} for key, scores in data.items()]
"""


def test_package_of_the_documented_platform_is_built_proved_and_answers_a_picture(settings, tmp_path):
    settings.FIND_LINKS = environments.torch_wheels()
    built = environments.pytorch_built()
    package = package_of(tmp_path, built, engine="PyTorch", code=CODE, train=TRAIN, runtime="python3.7")

    with supervising(host=settings.HOST_NAME, **DEFAULTS):
        record = proved(package, built, engine="PyTorch")
        stopped = await_state(record.instance, "stopped", "failed")

    version = record.version
    assert (record.state, record.reason_code) == (ProofState.ANSWERED, ""), record.log
    assert (version.status, version.proof) == (Status.NORMAL, Proof.ANSWERED)
    assert answer_of(record) == [{"images": "bottom"}]
    assert "torch==2.13.0" in version.environment_record.environment.lock
    assert stopped.state == "stopped"
