"""PyTorch through service classes: written as packages in the field are, and run unchanged."""

import subprocess

import pytest

from tests.inference import environments
from tests.inference.serving import serving
from tests.package_builder import build_package

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

NETWORK = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, rows):
        return self.layer(rows)
"""
SAVE = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from network import Net
net = Net()
net.load_state_dict({"layer.weight": torch.tensor([[2.0, 3.0]]), "layer.bias": torch.tensor([1.0])})
torch.save(net.state_dict(), sys.argv[1] + "/net.pth")
torch.save(net, sys.argv[1] + "/whole.pth")
"""
# The base feeds each preprocessed value through self.model, and its constructor is never called.
LEAVES_INFERENCE = """
import json
import os

import torch
from metric.metrics_manager import MetricsManager
from model_service.pytorch_model_service import PTServingBaseService

import log
from network import Net

logger = log.getLogger(__name__)
here = os.path.dirname(os.path.realpath(__file__))


class Service(PTServingBaseService):
    def __init__(self, model_name, model_path):
        folder = os.path.dirname(os.path.realpath(model_path))
        with open(os.path.join(folder, "labels.json")) as file:
            self.labels = json.load(file)
        self.model = Net()
        self.model.load_state_dict(torch.load(model_path, map_location="cpu"))
        self.model.eval()

    def _preprocess(self, data):
        return {key: torch.tensor(rows, dtype=torch.float32) for key, rows in data.items()}

    def _postprocess(self, data):
        return [{key: self.labels[0], "score": value} for key, value in data.items()]
"""
# Loads for itself, calls its base, overrides `inference` whole, and answers tensors.
OVERRIDES_INFERENCE = """
import time

import torch
from model_service.pytorch_model_service import PTServingBaseService

from model.network import Net


class Service(PTServingBaseService):
    def __init__(self, model_name, model_path):
        super(Service, self).__init__(model_name, model_path)
        self.net = Net()
        self.net.load_state_dict(torch.load(self.model_path))

    def _preprocess(self, data):
        (upload,) = data["csv_file"].values()
        lines = upload.read().decode().split()
        return torch.tensor([[float(value) for value in line.split(",")] for line in lines])

    def _inference(self, data):
        return {"scores": self.net(data), "shape": tuple(data.shape)}

    def inference(self, data):
        begun = time.time()
        answer = self._postprocess(self._inference(self._preprocess(data)))
        answer["latency_time"] = time.time() - begun
        return answer
"""
# As written before torch.load took weights alone unless told otherwise.
LOADS_NETWORK = """
import torch
from model_service.pytorch_model_service import PTServingBaseService


class Service(PTServingBaseService):
    def __init__(self, model_name, model_path):
        self.model = torch.load(model_path)

    def _preprocess(self, data):
        return torch.tensor(data["rows"], dtype=torch.float32)
"""
WITHOUT_MODEL = """
from model_service.pytorch_model_service import PTServingBaseService


class Service(PTServingBaseService):
    def _preprocess(self, data):
        return data
"""


@pytest.fixture(scope="module")
def python():
    return environments.pytorch()


@pytest.fixture(scope="module")
def weights(python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    (folder / "network.py").write_text(NETWORK)
    subprocess.run([python, "-c", SAVE, folder], check=True)
    return {name: (folder / f"{name}.pth").read_bytes() for name in ("net", "whole")}


@pytest.fixture
def package_of(tmp_path, weights):
    def build(code, saved="net"):
        files = {"net.pth": weights[saved], "network.py": NETWORK, "labels.json": '["only"]'}
        return build_package(tmp_path, "PyTorch", code=code, files=files)

    return build


def test_base_feeds_what_was_preprocessed_through_the_model(python, package_of):
    with serving(package_of(LEAVES_INFERENCE), python=python) as server:
        answer = server.ask({"rows": [[1, 10], [2, 20]]})

    assert answer.value == [{"rows": "only", "score": [[33.0], [65.0]]}]


def test_service_that_does_all_by_itself_answers_tensors(python, package_of):
    body = b'--X\r\nContent-Disposition: form-data; name="csv_file"; filename="a.csv"\r\n\r\n1,10\n2,20\n\r\n--X--\r\n'
    with serving(package_of(OVERRIDES_INFERENCE), python=python) as server:
        answer = server.ask(body=body, Content_Type="multipart/form-data; boundary=X")
        wrong = server.ask({"csv": 1})

    assert answer.status == 200
    assert (answer.value["scores"], answer.value["shape"]) == ([[33.0], [65.0]], [2, 2])
    assert (wrong.status, wrong.value["msg"]) == (400, "KeyError: 'csv_file'")


def test_network_that_was_saved_whole_is_loaded_as_older_releases_do(python, package_of):
    with serving(package_of(LOADS_NETWORK, saved="whole"), python=python) as server:
        assert server.ask({"rows": [[1, 10], [2, 20]]}).value == [[33.0], [65.0]]


def test_service_without_a_model_is_told_to_build_one(python, package_of):
    with serving(package_of(WITHOUT_MODEL), python=python) as server:
        answer = server.ask({"rows": [[1, 10]]})

    assert answer.status == 500
    assert answer.value["msg"] == (
        "EngineFailed: Weights of PyTorch have no network of their own: build it in __init__ as self.model"
    )
