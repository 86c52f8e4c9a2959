"""What is read of MLmodel files, and what configuration and inference code are made of them. Nothing is opened."""

import ast
import json

import pytest

from importers.package.mlmodel import LARGEST_MLMODEL, read_mlmodel, read_yaml
from importers.package.mlmodel_package import code_of, config_of, needs_of, runtime_of, say_of_mlmodel
from importers.package.mlmodel_requirements import read_requirements
from importers.package.mlmodel_signature import NOTHING, read_shape, result_schema, row_schema
from importers.package.notes import Notes
from registry.config import Requirement
from stores.errors import SourceRefused
from tests.package_builder import build_package, check_folder

SKLEARN = """
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.7}
  sklearn: {pickled_model: model.pkl, serialization_format: cloudpickle, sklearn_version: 1.5.2}
signature:
  inputs: '[{"type": "double", "name": "width", "required": true},
    {"type": "string", "name": "colour", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""
XGBOOST = """
flavors:
  python_function: {loader_module: mlflow.xgboost, data: model.xgb, python_version: 3.9.1}
  xgboost: {data: model.xgb, model_class: xgboost.core.Booster, model_format: xgb, xgb_version: 1.7.6}
"""
TENSOR = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2, 3]}}]


def finding_in(files):
    return lambda name, size: files[name].encode()[:size] if name in files else None


def refused(text):
    with pytest.raises(SourceRefused) as said:
        read_mlmodel(text.encode())
    return said.value.code, said.value.params


def config(text, **files):
    model = read_mlmodel(text.encode())
    return json.loads(config_of(model, needs_of(model, finding_in(files)), {}))


def packages(text):
    return [dict(package) for package in read_requirements(text, python="3.11").packages]


def said_of(files):
    notes = Notes()
    say_of_mlmodel(finding_in(files), notes)
    return [(finding.code, dict(finding.params)) for finding in notes.findings()]


def test_a_scikit_learn_model_is_read():
    model = read_mlmodel(SKLEARN.encode())

    assert (model.engine, model.weights, model.place) == ("Scikit_Learn", "model.pkl", "model.pkl")
    assert (model.library_version, model.python) == ("1.5.2", "3.11.7")
    assert [column.name for column in model.inputs.columns] == ["width", "colour"]


def test_the_old_extension_of_xgboost_becomes_one_of_its_engine():
    model = read_mlmodel(XGBOOST.encode())

    assert (model.engine, model.weights, model.place) == ("XGBoost", "model.xgb", "model.bst")


@pytest.mark.parametrize(
    ("text", "flavors"),
    [
        ("flavors: {python_function: {}, pytorch: {}, onnx: {}}", "pytorch, onnx"),
        ("flavors: {python_function: {}}", "python_function"),
        ("flavors: {}", "python_function"),
        ("just: text", "python_function"),
        ("[a, list]", "python_function"),
        ("", "python_function"),
    ],
)
def test_other_flavors_are_refused_by_name(text, flavors):
    assert refused(text) == ("mlflow.flavor_unsupported", {"flavors": flavors})


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\nb: *a",
        "a: !!python/object/apply:os.system [id]",
        "a: !own x",
        "[" * 40 + "]" * 40,
        "a: [" + "1," * 30_000 + "]",
        "a: 'unclosed",
        "\x00",
        "flavors: {sklearn: {}}",
    ],
)
def test_hostile_or_broken_yaml_is_refused(text):
    assert refused(text)[0] == "mlflow.mlmodel_malformed"


def test_references_that_multiply_are_refused_before_they_do():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]

    assert refused("\n".join(lines))[0] == "mlflow.mlmodel_malformed"


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(SourceRefused, match=r"mlmodel_malformed"):
        read_yaml(b"\xff\xfe\x00")


def test_a_file_that_is_too_large_is_refused():
    assert refused("x" * (LARGEST_MLMODEL + 1)) == ("mlflow.mlmodel_too_large", {"limit": "1 MB"})


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a//b", "a\\b"])
def test_weights_outside_of_the_folder_are_refused(path):
    assert refused(f"flavors: {{sklearn: {{pickled_model: '{path}'}}}}")[0] == "source.unsafe_name"


def test_columns_become_properties_of_a_row():
    api = config(SKLEARN)["apis"][0]
    request, response = (api[side]["data"]["properties"]["data"]["properties"] for side in ("request", "response"))

    assert request["req_data"]["items"] == [
        {
            "type": "object",
            "properties": {"width": {"type": "number"}, "colour": {"type": "string"}},
            "required": ["width"],
        }
    ]
    assert response["resp_data"]["items"] == [{"type": "object", "properties": {"predictresult": {"type": "integer"}}}]


def test_a_tensor_becomes_nested_rows():
    inner = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}

    assert row_schema(read_shape(TENSOR)) == {"type": "array", "items": inner, "minItems": 2, "maxItems": 2}


def test_named_outputs_name_the_answer():
    shape = read_shape([{"type": "double", "name": "low"}, {"type": "double", "name": "high"}])

    assert result_schema(shape) == {
        "type": "object",
        "properties": {"low": {"type": "number"}, "high": {"type": "number"}},
        "required": ["low", "high"],
    }


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "text",
        [{"type": "double", "name": "a"}, {"type": "double"}],
        [{"type": "double", "name": "a"}, {"type": "double", "name": "a"}],
        [{"type": "double", "name": "\u202eevil"}],
        [{"type": "double", "name": "x" * 500}],
        [{"type": "spaceship", "name": "a"}],
        [{"type": "double", "name": str(n)} for n in range(3000)],
        [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, True]}}],
        [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1] * 50}}],
        [TENSOR[0] | {"name": "a"}, TENSOR[0] | {"name": "b"}],
    ],
)
def test_signatures_that_describe_no_table_say_nothing(said):
    assert read_shape(said) == NOTHING


def test_a_model_without_signature_has_rows_of_any_kind():
    assert said_of({"MLmodel": XGBOOST})[0] == ("mlflow.no_signature", {})
    assert row_schema(NOTHING) == {"type": "object"}


@pytest.mark.parametrize(
    ("python", "runtime"),
    [
        ("3.11.7", "python3.11"),
        ("3.12.1", "python3.11"),
        ("3.8.2", "python3.11"),
        ("3.6.9", "python3.6"),
        ("", "python3.11"),
        ("3." + "9" * 5000, "python3.11"),
    ],
)
def test_the_runtime_is_the_nearest(python, runtime):
    text = SKLEARN.replace("python_version: 3.11.7", f"python_version: '{python}'")

    assert runtime_of(read_mlmodel(text.encode())) == runtime


def test_another_python_is_a_warning():
    told = said_of({"MLmodel": SKLEARN.replace("3.11.7", "3.12.1")})

    assert told == [("mlflow.other_python", {"found": "3.12.1", "used": "python3.11"})]


def test_requirements_are_told_in_the_words_of_the_configuration():
    text = """
    numpy==2.1.0  # exact
    pandas>=2
    scipy<=1.14
    scikit-learn
    uvicorn[standard]==0.30
    joblib>=1,<2
    """

    assert packages(text) == [
        {"package_name": "numpy", "package_version": "2.1.0", "restraint": "EXACT"},
        {"package_name": "pandas", "package_version": "2", "restraint": "ATLEAST"},
        {"package_name": "scipy", "package_version": "1.14", "restraint": "ATMOST"},
        {"package_name": "scikit-learn"},
        {"package_name": "uvicorn[standard]", "package_version": "0.30", "restraint": "EXACT"},
        {"package_name": "joblib<2,>=1"},
    ]


def test_markers_are_answered_for_the_runtime():
    text = 'a==1; python_version < "3.10"\nb==1; python_version >= "3.10"\nc==1; sys_platform == "win32"'

    assert [package["package_name"] for package in packages(text)] == ["b"]


@pytest.mark.parametrize(
    "line",
    [
        "git+https://example.org/x.git",
        "own @ https://example.org/own.whl",
        "-e .",
        "-r other.txt",
        "--index-url https://example.org/simple",
        "./own.whl",
        "../../own",
        "what is this?",
    ],
)
def test_lines_that_cannot_be_expressed_are_told(line):
    needs = read_requirements(line, python="3.11")

    assert (needs.packages, needs.left_out) == ((), (line,))


def test_lines_that_no_reader_survives_are_told():
    needs = read_requirements(f"a; {'(' * 30_000}", python="3.11")

    assert (needs.packages, len(needs.left_out)) == ((), 1)


def test_a_marker_that_cannot_be_answered_counts_as_holding():
    assert packages(f"a==1; python_version < '{'9' * 5000}'") == [
        {"package_name": "a", "package_version": "1", "restraint": "EXACT"}
    ]


def test_hashes_continuations_and_the_wrapper_are_left_out():
    needs = read_requirements("mlflow==3.1\nnumpy==2.1 \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb\n", python="3.11")

    assert [package["package_name"] for package in needs.packages] == ["numpy"]
    assert (needs.left_out, needs.wrappers) == ((), ("mlflow",))


def test_one_of_two_distributions_of_xgboost_is_kept():
    assert [each["package_name"] for each in packages("xgboost==3.0\nxgboost-cpu==3.0")] == ["xgboost-cpu"]


def test_the_library_is_added_where_no_requirement_names_it():
    assert config(XGBOOST)["dependencies"][0]["packages"] == [
        {"package_name": "xgboost", "package_version": "1.7.6", "restraint": "EXACT"}
    ]


def test_conda_counts_without_requirements():
    conda = "dependencies: [python=3.11, pip, libgomp=13, {pip: [numpy==2.1, scikit-learn==1.5.2]}]"

    names = [each["package_name"] for each in config(SKLEARN, **{"conda.yaml": conda})["dependencies"][0]["packages"]]
    assert names == ["numpy", "scikit-learn"]
    told = said_of({"MLmodel": SKLEARN, "conda.yaml": conda})
    assert told == [("mlflow.requirement_left_out", {"line": "libgomp=13"})]


def test_known_metrics_are_taken_over():
    model = read_mlmodel(SKLEARN.encode())
    text = config_of(model, needs_of(model, finding_in({})), {"accuracy": 0.9, "f1_score": 0.8, "loss": 3.0})

    assert json.loads(text)["metrics"] == {"f1": 0.8, "accuracy": 0.9}


def test_hostile_names_stay_texts_in_the_code():
    name = "'); import os; os.system('id') #\\"
    inputs = json.dumps([{"type": "double", "name": name}])
    text = f"flavors: {{sklearn: {{pickled_model: model.pkl}}}}\nsignature:\n  inputs: {json.dumps(inputs)}\n"

    tree = ast.parse(code_of(read_mlmodel(text.encode())))

    (facts,) = [node.value.args[0].value for node in tree.body if isinstance(node, ast.Assign)]
    assert json.loads(facts)["columns"] == [[name, "double"]]


def test_the_generated_package_has_no_errors(tmp_path):
    model = read_mlmodel(SKLEARN.encode())
    text = config_of(model, needs_of(model, finding_in({"requirements.txt": "joblib>=1,<2"})), {})
    folder = build_package(tmp_path, "Scikit_Learn", config=text.decode(), code=code_of(model).decode())

    report = check_folder(folder)

    assert [finding.code for finding in report.findings if finding.severity == "error"] == []
    assert Requirement("joblib", specifier="<2,>=1") in report.config.dependencies[0].packages
