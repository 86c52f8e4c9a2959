import pytest

from tests.inference.serving import package_with, serving
from tests.serving.gateway import OTHERS, SECRET, gateway, service_of

SERVICE = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        if isinstance(data, dict) and "sleep" in data:
            time.sleep(data["sleep"])
        return data
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with serving(package_with(tmp_path_factory.mktemp("model"), SERVICE)) as running:
        yield running


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with gateway(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def service(door, model):
    key, services = service_of(model.path)
    door.tell(services)
    return f"/infer/{key}"


def test_call_with_a_token_is_answered_by_the_model(door, service):
    found = door.ask(service, body=b'{"a": 1}', Content_Type="application/json")

    assert (found.status, found.value) == (200, {"a": 1})


@pytest.mark.parametrize("header", ["X-Auth-Token", "Authorization"])
def test_token_is_taken_from_either_header(door, service, header):
    value = SECRET if header == "X-Auth-Token" else f"Bearer {SECRET}"

    found = door.ask(service, body=b"{}", token="", Content_Type="application/json", **{header: value})

    assert found.status == 200


@pytest.mark.parametrize(
    ("token", "status", "code"), [("", 401, "APIG.0301"), ("x", 401, "APIG.0301"), (OTHERS, 404, "APIG.0101")]
)
def test_call_without_a_right_is_refused(door, service, token, status, code):
    found = door.ask(service, body=b"{}", token=token, Content_Type="application/json")

    assert (found.status, found.value["error_code"]) == (status, code)
