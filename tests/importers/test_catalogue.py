"""The catalogue against the tables of the documentation, and every configuration it writes against our own rules."""

import json

import pytest
from django.utils import translation

from importers.catalogue import MODES, OWN, TEMPLATES
from importers.package.check import CheckOptions, FileEntry, check_package
from registry.engines import ENGINES

DOCUMENTED = {
    "tf-image-classification-py27": (
        "TensorFlow image classification template",
        "TensorFlow图像分类模板",
        "TensorFlow",
        "python2.7",
        "Classification / TensorFlow / python2.7",
    ),
    "tf-py27": (
        "TensorFlow-py27 general template",
        "TensorFlow-py27通用模板",
        "TensorFlow",
        "python2.7",
        "Common / TensorFlow1.8 / python2.7",
    ),
    "tf-py36": (
        "TensorFlow-py36 general template",
        "TensorFlow-py36通用模板",
        "TensorFlow",
        "python3.6",
        "Common / TensorFlow1.8 / python3.6",
    ),
    "mxnet-py27": (
        "MXNet-py27 general template",
        "MXNet-py27通用模板",
        "MXNet",
        "python2.7",
        "Common / MXNet1.2.1 / python2.7",
    ),
    "mxnet-py36": (
        "MXNet-py36 general template",
        "MXNet-py36通用模板",
        "MXNet",
        "python3.6",
        "Common / MXNet1.2.1 / python3.6",
    ),
    "pytorch-py27": (
        "PyTorch-py27 general template",
        "PyTorch-py27通用模板",
        "PyTorch",
        "python2.7",
        "Common / PyTorch1.0 / python2.7",
    ),
    "pytorch-py36": (
        "PyTorch-py36 general template",
        "PyTorch-py36通用模板",
        "PyTorch",
        "python3.6",
        "Common / PyTorch1.0 / python3.6",
    ),
    "caffe-cpu-py27": (
        "Caffe-CPU-py27 general template",
        "Caffe-CPU-py27通用模板",
        "Caffe",
        "python2.7-cpu",
        "Common / Caffe1.0 CPU / python2.7",
    ),
    "caffe-gpu-py27": (
        "Caffe-GPU-py27 general template",
        "Caffe-GPU-py27通用模板",
        "Caffe",
        "python2.7-gpu",
        "Common / Caffe1.0 GPU / python2.7",
    ),
    "caffe-cpu-py36": (
        "Caffe-CPU-py36 general template",
        "Caffe-CPU-py36通用模板",
        "Caffe",
        "python3.6-cpu",
        "Common / Caffe1.0 CPU / python3.6",
    ),
    "caffe-gpu-py36": (
        "Caffe-GPU-py36 general template",
        "Caffe-GPU-py36通用模板",
        "Caffe",
        "python3.6-gpu",
        "Common / Caffe1.0 GPU / python3.6",
    ),
    "arm-ascend": (
        "Arm-Ascend template",
        "ARM-Ascend模板",
        "MindSpore",
        "ascend-arm-py2.7",
        "Common / MindSpore / ascend-arm-py2.7",
    ),
}
SAMPLES = {
    "TensorFlow": ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"],
    "MXNet": ["resnet-50-symbol.json", "resnet-50-0000.params"],
    "PyTorch": ["resnet50.pth"],
    "Caffe": ["deploy.prototxt", "resnet.caffemodel"],
    "MindSpore": ["model.om"],
}
OURS = {
    "own-sklearn": ("Scikit_Learn", ["predict-analysis", "undefined"]),
    "own-xgboost": ("XGBoost", ["predict-analysis", "undefined"]),
    "own-onnx": ("ONNX", list(MODES)),
    "own-pytorch": ("PyTorch", list(MODES)),
}
FILE = {"type": "object", "properties": {"images": {"type": "file"}}}
# path, protocol, method, type of the request, what the model is marked as, batch
DOCUMENTED_MODES = {
    "predict-analysis": ("/", "http", "POST", "application/json", "predict_analysis", True),
    "image-processing": ("/", "https", "POST", "multipart/form-data", "image_classification", True),
    "object-detection": ("/", "http", "POST", "multipart/form-data", "object_detection", True),
    "undefined": ("/", "http", "POST", "application/json", "custom", False),
}
everything = [(template, mode) for template in TEMPLATES.values() for mode in template.modes]


def test_documented_templates_are_those_of_the_documentation():
    documented = [template for template in TEMPLATES.values() if not template.own]

    assert {
        template.id: (
            template.name.en,
            template.name.zh,
            template.engine,
            template.runtime,
            " / ".join([template.kind_words.en, template.engine_chip, template.environment]),
        )
        for template in documented
    } == DOCUMENTED
    assert {template.id: [file.sample for file in template.files] for template in documented} == {
        template.id: SAMPLES[template.engine] for template in documented
    }


def test_newest_templates_come_first():
    ours, documented = list(TEMPLATES)[:4], list(TEMPLATES)[4:]

    assert ours == list(OURS)
    assert documented == list(reversed(DOCUMENTED))


def test_only_the_classification_template_has_a_fixed_mode():
    fixed = {template.id: template.mode for template in TEMPLATES.values() if not template.overridable}

    assert fixed == {"tf-image-classification-py27": "image-processing"}
    assert [mode.id for mode in TEMPLATES["tf-image-classification-py27"].modes] == ["image-processing"]
    assert {TEMPLATES[each].mode for each in DOCUMENTED if each not in fixed} == {"undefined"}
    assert {TEMPLATES[each].mode_ids for each in DOCUMENTED if each not in fixed} == {tuple(MODES)}


def test_our_templates_stand_apart_and_are_for_the_current_python():
    ours = [template for template in TEMPLATES.values() if template.kind == OWN]

    assert {template.id: (template.engine, list(template.mode_ids)) for template in ours} == OURS
    assert {template.runtime for template in ours} == {"python3.11"}


def test_modes_are_those_of_the_documentation():
    assert {
        mode.id: (
            mode.api.url,
            mode.api.protocol,
            mode.api.method,
            mode.api.request.content_type,
            mode.algorithm,
            mode.allows_batch,
        )
        for mode in MODES.values()
    } == DOCUMENTED_MODES


def test_modes_declare_what_goes_in_and_out():
    rows = {"type": "array", "items": [{"type": "object", "properties": {}}]}
    analysis, detection = MODES["predict-analysis"].api, MODES["object-detection"].api

    assert MODES["image-processing"].api.request.schema == detection.request.schema == FILE
    assert analysis.request.schema["properties"]["data"]["properties"] == {"req_data": rows}
    assert analysis.response.schema["properties"]["data"]["properties"] == {"resp_data": rows}
    assert [(each.name, each.type) for each in detection.response.parameters] == [
        ("detection_classes", "array"),
        ("detection_boxes", "array"),
        ("detection_scores", "array"),
    ]
    assert detection.response.schema["properties"]["detection_scores"]["items"] == {"type": "number"}
    assert detection.response.schema["properties"]["detection_boxes"]["items"]["maxItems"] == 4
    assert MODES["undefined"].api.request.parameters == ()


@pytest.mark.parametrize(("template", "mode"), everything, ids=lambda value: value.id)
def test_configuration_of_every_template_and_mode_has_no_fault(template, mode):
    text = template.config_text(mode)
    files = [FileEntry(file.sample, 1) for file in template.files]
    options = CheckOptions(
        config_text=text,
        deployment_types=("real-time", "edge"),
        source="template",
        folder_name="model",
        required_files=template.demanded_files,
    )

    report = check_package(files, lambda path, size: b"", options)

    assert json.loads(text)["runtime"] in ENGINES[template.engine].runtimes
    assert [finding.code for finding in report.findings if finding.code.startswith(("config.", "layout."))] == []
    assert (report.engine, report.runtime) == (template.engine, template.runtime)
    assert (report.config.algorithm, report.config.apis) == (mode.algorithm, (mode.api,))
    assert report.config.dependencies == ()


def test_catalogue_speaks_both_languages():
    words = [template.name for template in TEMPLATES.values()]
    words += [each for mode in MODES.values() for each in (mode.name, mode.line, mode.purpose)]
    words += [note for template in TEMPLATES.values() for note in template.notes]

    assert all(each.en and each.zh for each in words)
    with translation.override("zh-hans"):
        assert str(TEMPLATES["tf-py27"].name) == "TensorFlow-py27通用模板"
    with translation.override("en"):
        assert str(TEMPLATES["tf-py27"].name) == "TensorFlow-py27 general template"
