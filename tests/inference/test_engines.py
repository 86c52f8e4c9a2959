"""Real libraries: what scikit-learn, XGBoost and ONNX answer by themselves, and packages that run unchanged."""

import shutil
import subprocess
from contextlib import ExitStack
from functools import cache

import pytest

from tests.inference import environments
from tests.inference.serving import failing, serving
from tests.package_builder import build_package

pytestmark = pytest.mark.engines
ROOT = environments.ROOT
REQUEST = {"meta": {"uuid": "u-1"}, "data": {"req_data": [{"width": 1, "height": 10}, {"width": 2, "height": 20}]}}
XGB = (
    "from model_service.python_model_service import XgSklServingBaseService\n\n\nclass Own(XgSklServingBaseService):\n"
)
NODE = "from model_service.model_service import SingleNodeService\n\n\nclass Own(SingleNodeService):\n"


@pytest.fixture(scope="module")
def python():
    return environments.classic()


@pytest.fixture(scope="module")
def models(python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([python, ROOT / "tests" / "inference" / "train.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def package_of(tmp_path_factory, models):
    """A package with the weights of that name, and nothing or the given code."""
    folders = {"Scikit_Learn": "sklearn_models", "XGBoost": "xgboost_models", "ONNX": "onnx_models"}

    def build(engine, weights, code=None):
        content = (models / folders[engine] / weights).read_bytes()
        return build_package(tmp_path_factory.mktemp("of"), engine, code=code, files={weights: content})

    return build


@pytest.fixture(scope="module")
def served(python, package_of):
    """A server for each package without code, started when it is first asked for."""
    with ExitStack() as stack:
        yield cache(lambda engine, weights: stack.enter_context(serving(package_of(engine, weights), python=python)))


def rows(*values):
    return {"data": {"req_data": list(values)}}


def results(answer):
    assert answer.status == 200, answer.text
    return [row["predictresult"] for row in answer.value["data"]["resp_data"]]


def test_scikit_learn_answers_in_the_convention_and_echoes_meta(served):
    server = served("Scikit_Learn", "linear.m")
    answer, bare = server.ask(REQUEST), server.ask({"req_data": [[1, 10]]})

    assert answer.value == {
        "meta": {"uuid": "u-1"},
        "data": {"resp_data": [{"predictresult": pytest.approx(33)}, {"predictresult": pytest.approx(65)}]},
    }
    assert bare.value["meta"] == {"uuid": ""}
    assert results(bare) == [pytest.approx(33)]


@pytest.mark.parametrize(
    ("weights", "sent", "expected"),
    [
        ("tree.pkl", [{"w": 1, "h": 10}, {"w": 3, "h": 5}], ["a", "b"]),
        ("two.joblib", [{"w": 1, "h": 10}], [[pytest.approx(32), pytest.approx(1)]]),
        ("linear.m", [{"pixels": [1, 10]}], [pytest.approx(33)]),
        ("linear.m", [{"w": "1", "h": "10"}], [pytest.approx(33)]),
        ("named.joblib", [{"height": 10, "width": 1}], [pytest.approx(32)]),
        ("named.joblib", [{"anything": 1, "else": 10}], [pytest.approx(32)]),
        ("mixed.joblib", [{"size": 3.0, "colour": "red"}], [pytest.approx(30)]),
    ],
)
def test_scikit_learn_takes_rows_of_any_kind(served, weights, sent, expected):
    assert results(served("Scikit_Learn", weights).ask(rows(*sent))) == expected


@pytest.mark.parametrize("weights", ["plain.m", "plain.ubj", "plain.json", "named.ubj"])
def test_xgboost_reads_each_of_its_formats(served, weights):
    server = served("XGBoost", weights)
    low, high = results(server.ask(rows({"width": 0, "height": 1}, {"width": 3, "height": 30})))

    assert low < 0.5 < high


def test_xgboost_takes_columns_by_the_names_it_was_trained_with(served):
    server = served("XGBoost", "named.ubj")

    assert results(server.ask(rows({"height": 30, "width": 3}))) == results(server.ask(rows([3, 30])))


def test_xgboost_pickled_answers_classes(served):
    server = served("XGBoost", "classifier.m")
    found = results(server.ask(rows({"width": 0, "height": 1}, {"width": 3, "height": 30})))

    assert found == [0, 1]


def test_values_that_are_missing_are_taken_where_the_model_takes_them(served):
    server = served("XGBoost", "plain.ubj")
    (missing,) = results(server.ask(rows({"width": None, "height": 1})))

    assert 0 < missing < 1


def test_onnx_takes_inputs_by_name_and_rows(served):
    server = served("ONNX", "linear.onnx")
    named, by_rows = server.ask({"rows": [[1, 10], [2, 20]]}), server.ask(REQUEST)

    assert named.value == {"scores": [[33.0], [65.0]]}
    assert by_rows.value == {"data": {"resp_data": [{"scores": [33.0]}, {"scores": [65.0]}]}}


def test_onnx_turns_values_into_the_types_its_inputs_want(served):
    server = served("ONNX", "power.onnx")
    answer = server.ask({"values": [2, 3], "power": [3, 2]})

    assert answer.value == {"raised": [8.0, 9.0]}


@pytest.mark.parametrize(
    ("engine", "weights", "sent", "reason"),
    [
        ("Scikit_Learn", "linear.m", {"a": 1}, 'No rows: expected {"data": {"req_data": [{"name": value, …}, …]}}'),
        ("Scikit_Learn", "linear.m", rows([1]), "req_data[0] has 1 values, expected 2"),
        ("Scikit_Learn", "linear.m", rows([1, 2], [1, 2, 3]), "req_data[1] has 3 values, expected 2"),
        ("Scikit_Learn", "linear.m", rows({"a": None, "b": 1}), "The model does not take these values: Input X cont"),
        ("Scikit_Learn", "named.joblib", rows({"width": 1}), "req_data[0] lacks height"),
        ("XGBoost", "plain.ubj", rows(["a", 1]), "req_data holds what is no number: could not convert string to float"),
        ("ONNX", "linear.onnx", {"x": 1}, "The body lacks rows; the model's inputs: rows"),
        ("ONNX", "linear.onnx", {"rows": [["a"]]}, "rows is no tensor(float): could not convert string to float: 'a'"),
        ("ONNX", "linear.onnx", {"rows": [[1, 2, 3]]}, "The model does not take these values: "),
    ],
)  # fmt: skip
def test_request_the_model_cannot_take_is_answered_400_with_the_reason(served, engine, weights, sent, reason):
    answer = served(engine, weights).ask(sent)

    assert answer.status == 400
    assert answer.value["msg"].startswith(reason)


def test_body_that_is_no_json_is_answered_400(served):
    server = served("Scikit_Learn", "linear.m")
    answer = server.ask(body=b"{", Content_Type="application/json")

    assert answer.status == 400
    assert answer.value["msg"].startswith("The body is not JSON (")


@pytest.mark.parametrize(
    ("engine", "weights", "message"),
    [
        ("Scikit_Learn", "dict.joblib", "dict.joblib holds a dict, which cannot predict"),
        ("Scikit_Learn", "damaged.joblib", ""),
        ("XGBoost", "damaged.json", ""),
    ],
)
def test_weights_that_cannot_be_read_end_the_process_with_the_reason(python, package_of, engine, weights, message):
    code, line = failing(package_of(engine, weights), python=python)

    assert (code, line["stage"]) == (12, "load")
    assert line["message"].startswith(message)
    assert line["message"]


@pytest.mark.parametrize(("engine", "weights"), [("Scikit_Learn", "linear.m"), ("XGBoost", "plain.ubj")])
def test_service_may_leave_the_inference_to_the_base(python, package_of, engine, weights):
    code = (
        XGB
        + """
    def __init__(self, model_name, model_path):
        self.unit = "cm"

    def _preprocess(self, data):
        import json
        return [[row["w"], row["h"]] for row in json.loads(data)["rows"]]

    def _postprocess(self, data):
        return [{"value": round(float(value), 2), "unit": self.unit} for value in data]
"""
    )
    with serving(package_of(engine, weights, code), python=python) as server:
        answer = server.ask({"rows": [{"w": 1, "h": 10}]})

    assert (answer.status, answer.value[0]["unit"]) == (200, "cm")


def test_service_may_leave_onnx_to_the_base(python, package_of):
    code = (
        NODE
        + """
    def _preprocess(self, data):
        return {"rows": [[float(len(name)) for name in data["names"]]]}

    def _postprocess(self, data):
        return {"score": data["scores"][0][0]}
"""
    )
    with serving(package_of("ONNX", "linear.onnx", code), python=python) as server:
        assert server.ask({"names": ["a", "bb"]}).value == {"score": 9.0}


def test_numpy_in_an_answer_is_written(python, package_of):
    code = (
        XGB
        + """
    def _inference(self, data):
        import numpy, pandas
        return {"frame": pandas.DataFrame({"a": [1, 2]}), "row": numpy.float32(0.5), "at": pandas.Timestamp(0)}

    def _postprocess(self, data):
        return data
"""
    )
    with serving(package_of("Scikit_Learn", "linear.m", code), python=python) as server:
        answer = server.ask({})

    assert answer.value == {"frame": [{"a": 1}, {"a": 2}], "row": 0.5, "at": "1970-01-01T00:00:00"}


def test_example_package_runs_unchanged(python):
    iris = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
    with serving(ROOT / "console" / "example_package" / "iris-example", python=python) as server:
        answer = server.ask(rows(iris, iris | {"petal_length": 5.1, "petal_width": 1.8}))
        incomplete = server.ask(rows({"sepal_length": 5.1}))

    assert [row["setosa"] for row in answer.value["data"]["resp_data"]] == [True, False]
    assert (incomplete.status, incomplete.value["msg"]) == (400, "KeyError: 'sepal_width'")


@pytest.mark.parametrize(
    ("name", "row", "key"),
    [
        ("digits", {"pixels": [0.0] * 64}, "digit"),
        (
            "diabetes",
            dict.fromkeys(["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"], 0.01),
            "progression",
        ),
    ],
)
def test_demo_packages_run_unchanged(python, tmp_path, name, row, key):
    package = tmp_path / name
    shutil.copytree(ROOT / "demo" / name / "model", package / "model")
    subprocess.run([python, "-I", ROOT / "demo" / name / "train.py", package / "model"], check=True)

    with serving(package, python=python) as server:
        answer = server.ask(rows(row))

    assert answer.status == 200
    assert key in answer.value["data"]["resp_data"][0]
