import json

import pytest
from django.utils import translation

from registry.config import Api, Dependency, Metric, ModelConfig, Parameter, Payload, Requirement, type_label

FILE_REQUEST = Payload("multipart/form-data", {"type": "object", "properties": {"images": {"type": "file"}}})


def test_a_configuration_survives_being_stored():
    config = ModelConfig(
        algorithm="image_classification",
        engine="TensorFlow",
        runtime="python3.6",
        metrics=(Metric("f1", 0.9),),
        apis=(Api(request=FILE_REQUEST),),
        dependencies=(Dependency("pip", (Requirement("gym", ("atari",), "0.21", "EXACT"),)),),
        health={"url": "/health"},
        extra={"tunable": False},
    )

    assert ModelConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_an_empty_mapping_is_an_empty_configuration():
    assert ModelConfig.from_dict({}) == ModelConfig()


def test_parameters_are_the_top_level_properties():
    schema = {"properties": {"a": {"type": "array", "items": {}}, "b": {"type": ["string", "null"]}, "c": {}, "d": 1}}

    assert Payload(schema=schema).parameters == (
        Parameter("a", "array", {"type": "array", "items": {}}),
        Parameter("b", "string | null", {"type": ["string", "null"]}),
        Parameter("c", "", {}),
        Parameter("d", "", {}),
    )


def test_a_payload_with_a_file_says_so():
    assert (FILE_REQUEST.takes_file, Payload().takes_file) == (True, False)


@pytest.mark.parametrize(
    ("schema", "label"), [({"properties": {}}, "object"), ({"items": []}, "array"), ({"type": "file"}, "file"), (3, "")]
)
def test_a_type_label_is_found_for_any_schema(schema, label):
    assert type_label(schema) == label


@pytest.mark.parametrize(
    ("requirement", "line", "label", "chinese"),
    [
        (Requirement("numpy", (), "1.19", "EXACT"), "numpy==1.19", "current version", "当前版本"),
        (Requirement("numpy", (), "1.19", "ATLEAST"), "numpy>=1.19", "current version or later", "当前版本以上"),
        (Requirement("numpy", (), "1.19", "ATMOST"), "numpy<=1.19", "current version or earlier", "当前版本以下"),
        (Requirement("numpy"), "numpy", "--", "--"),
        (
            Requirement("gym", ("atari", "box2d"), specifier=">=0.2,<1"),
            "gym[atari,box2d]>=0.2,<1",
            ">=0.2,<1",
            ">=0.2,<1",
        ),
    ],
)
def test_a_requirement_has_a_line_and_a_word(requirement, line, label, chinese):
    assert (requirement.line, requirement.constraint_label) == (line, label)
    with translation.override("zh-hans"):
        assert requirement.constraint_label == chinese


def test_requirements_are_the_flattened_dependencies():
    config = ModelConfig(
        dependencies=(
            Dependency("pip", (Requirement("cython"),)),
            Dependency("pip", (Requirement("gym", ("atari",), "0.21", "EXACT"),)),
        )
    )

    assert [(row.installer, row.name, row.version, row.constraint_label) for row in config.requirements] == [
        ("pip", "cython", "", "--"),
        ("pip", "gym[atari]", "0.21", "current version"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1, "1"), ("0,9", "0,9"), (1e-7, "0.0000001"), (1.25e-18, "0.00000000000000000"), ("x.y", "x.y")],
)
def test_a_metric_is_cut_and_never_rounded(value, text):
    assert Metric("f1", value).text == text
