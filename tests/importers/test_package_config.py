"""Places, defaults, hostile texts and repairs of config.json."""

import json
import time

import pytest

from importers.package.check import CheckOptions, check_package
from tests.packages import API, build_package, check_folder, codes, make_config


def check_config(tmp_path, config, **options):
    return check_folder(build_package(tmp_path, config=config, engine=options.pop("engine", "Scikit_Learn")), **options)


def finding_of(report, code):
    return next(finding for finding in report.findings if finding.code == code)


def place(report, code):
    where = finding_of(report, code).where
    return where.line, where.column, where.pointer


def test_a_finding_has_line_column_and_pointer(tmp_path):
    text = '{\n "model_type": "Scikit_Learn",\n "runtime":  "python9"\n}'

    report = check_config(tmp_path, text)

    assert place(report, "config.runtime_unknown") == (3, 14, "/runtime")


def test_a_pointer_escapes_and_finds_nested_values(tmp_path):
    text = json.dumps(make_config(metrics={"a/b~c": "x"}), indent=1)

    report = check_config(tmp_path, text)

    line, _column, pointer = place(report, "config.metric_unusual")
    assert pointer == "/metrics/a~1b~0c"
    assert '"a/b~c"' in text.splitlines()[line - 1]


def test_places_in_a_repairable_text_are_those_of_the_original(tmp_path):
    text = '{\n // one\n "model_type": "Scikit_Learn", /* two\n */ "runtime": "python9",\n}'

    report = check_config(tmp_path, text)

    assert place(report, "config.repairable")[:2] == (2, 2)
    assert place(report, "config.runtime_unknown") == (4, 16, "/runtime")


def test_all_findings_come_at_once_errors_first(tmp_path):
    config = make_config(
        swr_location="a.example/x", dependencies=[{"installer": "yum", "packages": [{"package_name": "a b"}]}], x=1
    )

    report = check_config(tmp_path, config)

    assert codes(report) == ["config.image_forbidden", "config.installer", "config.requirement", "config.unknown_key"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1,}',
        '{"a": [1, 2,],}',
        '// x\n{"a": 1}',
        '{"a": "// no /* comment */, }" /* yes */}',
        '# x\n{"a": 1 # y\n}',
        '\ufeff{"a": 1 ,\n }',
        '{\r\n "a": 1, // windows\r\n}\r\n',
    ],
)
def test_a_repair_parses_and_keeps_lines(tmp_path, text):
    report = check_config(tmp_path, text)

    assert isinstance(json.loads(report.repair), dict)
    assert report.repair.count("\n") == text.count("\n")
    assert not report.importable


def test_a_repair_keeps_what_looks_like_comments_inside_strings(tmp_path):
    report = check_config(tmp_path, '{"model_algorithm": "a // b, }", }')

    assert json.loads(report.repair) == {"model_algorithm": "a // b, }"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_repaired(tmp_path, encoding):
    config = make_config(extra="模型说明")

    report = check_config(tmp_path, json.dumps(config, ensure_ascii=False).encode(encoding))

    assert json.loads(report.repair) == config
    assert codes(report) == ["config.encoding", "config.unknown_key"]


def test_accepting_the_repair_makes_the_package_importable(tmp_path):
    root = build_package(tmp_path, config=json.dumps(make_config())[:-1] + ",}")
    repair = check_folder(root).repair

    report = check_folder(root, config_text=repair)

    assert (report.importable, report.repair, report.config_used) == (True, None, repair)
    assert report.config_found != report.config_used


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": 01}',
        '{"a": "\n"}',
        '{"a": "\\x"}',
        '{"a": 1} {}',
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        "{,}",
        '{"a": }',
        "[1, 2",
        '{"a": "open',
        "{a: 1}",
        "\x00",
        '{"a": tru}',
    ],
)
def test_a_text_that_is_not_json_is_refused_without_repair(tmp_path, text):
    report = check_config(tmp_path, text)

    assert finding_of(report, codes(report)[0]).code.startswith("config.syntax_")
    assert (report.repair, report.importable) == (None, False)


HOSTILE = {
    "nested arrays": "[" * 100_000,
    "nested objects": '{"a":' * 100_000,
    "50 MB": "{" + " " * 50 * 1024 * 1024 + "}",
    "numbers": "[" + "0," * 500_000 + "0]",
    "duplicates": "{" + '"a":1,' * 150_000 + '"a":1}',
    "long number": '{"metrics": {"f1": ' + "9" * 900_000 + "}}",
    "exponent": '{"metrics": {"f1": 1e999999}}',
    "open comments": "/*" * 500_000,
    "quotes": '["' + '\\"' * 490_000,
    "commas": "," * 1_000_000,
    "spaces": " " * 1_000_000 + "x",
    "apis": json.dumps({"apis": [{}] * 200_000}),
    "packages": json.dumps({"dependencies": [{"installer": "pip", "packages": [{"package_name": "a b"}] * 30_000}]}),
    "dependencies": json.dumps({"dependencies": [{}] * 200_000}),
    "metrics": json.dumps({"metrics": {str(i): "x" for i in range(60_000)}}),
    "keys": json.dumps({"k" * 900_000: 1, "model_typ" * 10_000: 2}),
    "schema": json.dumps({"apis": [API | {"request": {"data": {"properties": {str(i): {} for i in range(60_000)}}}}]}),
    "requirement": json.dumps({"dependencies": [{"packages": [{"package_name": "a[" + "b," * 400_000}]}]}),
    "type": json.dumps({"model_type": "T" * 1_000_000}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_gives_few_clean_findings_quickly(tmp_path, name):
    root = build_package(tmp_path, config=HOSTILE[name])
    start = time.process_time()

    report = check_folder(root)

    assert time.process_time() - start < 8
    assert len(json.dumps([finding.as_dict() for finding in report.findings])) < 100_000
    assert [finding.message for finding in report.findings if "\x00" in finding.message] == []
    assert report.findings


@pytest.mark.parametrize("depth", [64, 65])
def test_nesting_is_refused_beyond_64_levels(tmp_path, depth):
    text = '{"x": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"

    report = check_config(tmp_path, text)

    assert ("config.too_deep" in codes(report)) is (depth > 64)


def test_values_that_cannot_be_stored_are_replaced(tmp_path):
    report = check_config(tmp_path, '{"x": "a\\u0000b\\ud800", "y": 1e999, "model_algorithm": "z"}')

    assert codes(report).count("config.unstorable") == 2
    assert report.config.extra == {"x": "a\ufffdb\ufffd", "y": "1e999"}
    assert json.loads(json.dumps(report.config.as_dict(), allow_nan=False)) == report.config.as_dict()


def test_of_two_equal_keys_the_last_wins_and_the_second_place_is_shown(tmp_path):
    report = check_config(tmp_path, '{"model_algorithm": "one",\n "model_algorithm": "two"}')

    assert report.config.algorithm == "two"
    assert place(report, "config.duplicate_key") == (2, 2, "/model_algorithm")


def test_null_counts_as_absent(tmp_path):
    report = check_config(tmp_path, make_config() | {"runtime": None, "health": None, "dependencies": None})

    assert codes(report) == ["config.runtime_missing"]


def test_typical_vendor_sample_is_importable(tmp_path):
    config = make_config(
        "TensorFlow",
        apis=[
            {
                "procotol": "http",
                "url": "/",
                "method": "post",
                "request": {
                    "Content-type": "multipart/form-data",
                    "data": {"type": "object", "properties": {"images": {"type": "file"}}},
                },
                "response": {
                    "Content-type": "applicaton/json",
                    "data": {
                        "type": "object",
                        "properties": {"mnist_result": {"type": "list", "item": [{"type": "string"}]}},
                    },
                },
            }
        ],
        dependencies=[
            {"installer": "pip", "packages": [{"package_name": "pillow", "package_version": "", "restraint": ""}]}
        ],
    )

    report = check_folder(build_package(tmp_path, engine="TensorFlow", config=config))

    assert report.importable
    api = report.config.apis[0]
    assert (api.protocol, api.method, api.request.content_type) == ("http", "POST", "multipart/form-data")
    assert api.response.as_dict() == {
        "Content-type": "application/json",
        "data": {"type": "object", "properties": {"mnist_result": {"type": "array", "items": [{"type": "string"}]}}},
    }
    assert [row.requirement.line for row in report.config.requirements] == ["pillow"]


def test_data_written_as_text_is_read(tmp_path):
    api = API | {"request": {"Content-type": "application/json", "data": '{"properties": {"x": {"type": "float"}}}'}}

    report = check_config(tmp_path, make_config(apis=[api]))

    assert report.config.apis[0].request.schema == {"properties": {"x": {"type": "number"}}}


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"package_name": "Pillow", "package_version": "5.2.0", "restraint": "ATLEAST"}, "Pillow>=5.2.0"),
        ({"package_name": "numpy", "package_version": "1.19.*", "restraint": "EXACT"}, "numpy==1.19.*"),
        ({"package_name": "gym[atari]", "package_version": "0.21rc1", "restraint": "ATMOST"}, "gym[atari]<=0.21rc1"),
        ({"package_name": "torch", "package_version": "1.8.1+cpu", "restraint": "EXACT"}, "torch==1.8.1+cpu"),
        ({"package_name": "numpy", "package_version": 1.10, "restraint": "EXACT"}, "numpy==1.1"),
        ({"package_name": "numpy", "package_version": "1.19"}, "numpy==1.19"),
        ({"package_name": "numpy", "package_version": "1.19", "restraint": ""}, "numpy"),
        ({"package_name": "numpy", "package_version": "1.19", "restraint": "ABOUT"}, "numpy"),
        ({"package_name": "numpy", "package_version": ">=1.19,<2", "restraint": "EXACT"}, "numpy>=1.19,<2"),
        ({"package_name": "numpy==1.19"}, "numpy==1.19"),
        ({"package_name": "numpy"}, "numpy"),
    ],
)
def test_a_requirement_is_rebuilt_from_its_parts(tmp_path, row, line):
    report = check_config(tmp_path, make_config(dependencies=[{"installer": "pip", "packages": [row]}]))

    assert [found.requirement.line for found in report.config.requirements] == [line]


def test_a_version_written_as_a_number_keeps_its_digits(tmp_path):
    text = json.dumps(
        make_config(
            dependencies=[
                {
                    "installer": "pip",
                    "packages": [{"package_name": "numpy", "package_version": 1.5, "restraint": "EXACT"}],
                }
            ]
        )
    ).replace("1.5", "1.10")

    report = check_config(tmp_path, text)

    assert report.config.requirements[0].version == "1.10"


def test_strict_rules_turn_defaults_into_errors(tmp_path):
    root = build_package(tmp_path, config=make_config(apis=None), code=None)

    report = check_folder(root, strict=True)

    errors = [finding.code for finding in report.findings if finding.severity == "error"]
    assert errors == ["config.apis_missing", "code.missing"]


@pytest.mark.parametrize(
    ("files", "chosen", "engine", "derived"),
    [
        ({"model.onnx": ""}, "", "ONNX", True),
        ({"model.onnx": ""}, "PyTorch", "ONNX", True),
        ({"model.m": ""}, "XGBoost", "XGBoost", False),
    ],
)
def test_an_engine_the_configuration_leaves_out_comes_from_files_or_form(tmp_path, files, chosen, engine, derived):
    root = build_package(tmp_path, config=make_config(model_type=None), files=files)

    report = check_folder(root, engine=chosen)

    assert (report.engine, report.engine_derived) == (engine, derived)


def test_a_choice_that_contradicts_the_configuration_is_said(tmp_path):
    report = check_folder(build_package(tmp_path), engine="PyTorch")

    assert (report.engine, codes(report)) == ("Scikit_Learn", ["config.choice_ignored"])


@pytest.mark.parametrize(
    ("engine", "written", "used"),
    [
        ("PyTorch", "pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64", "python3.7"),
        ("Scikit_Learn", "python3.9", "python3.11"),
        ("TensorFlow", "mine", "python2.7"),
        ("TensorFlow", "tf2.4-python2.7", "python2.7"),
    ],
)
def test_an_unknown_runtime_names_the_one_used_instead(tmp_path, engine, written, used):
    root = build_package(tmp_path, engine=engine, config=make_config(engine, runtime=written))

    report = check_folder(root)

    assert (report.runtime, finding_of(report, "config.runtime_unknown").params["used"]) == (used, used)


def test_an_image_from_the_image_source_needs_no_files():
    report = check_source_image('{"model_algorithm": "x", "apis": []}')

    assert codes(report) == ["config.batch_without_schema", "config.model_type_image", "config.apis_missing"]
    assert (report.engine, report.importable) == ("Image", True)


def test_an_image_source_refuses_another_type():
    assert codes(check_source_image('{"model_type": "PyTorch"}'))[0] == "config.model_type_not_image"


def check_source_image(text):
    return check_package([], lambda path, limit: b"", CheckOptions(source="image", config_text=text))


@pytest.mark.parametrize(
    ("hosts", "code"), [((), "config.image_registry"), (None, "config.image_unchecked"), (("a.example",), None)]
)
def test_an_image_address_is_held_against_the_registries(tmp_path, hosts, code):
    root = build_package(tmp_path, engine="Image", config=make_config("Image", swr_location="a.example/x:1"))

    assert codes(check_folder(root, registry_hosts=hosts)) == ([code] if code else [])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sklearn", "Scikit_Learn"),
        ("Scikit-Learn", "Scikit_Learn"),
        ("SKLEARN", "Scikit_Learn"),
        ("tensorflow", "TensorFlow"),
        ("torch", "PyTorch"),
        ("pytorch", "PyTorch"),
        ("xgboost", "XGBoost"),
        ("onnx", "ONNX"),
        ("mxnet", "MXNet"),
        ("spark mllib", "Spark_MLlib"),
    ],
)
def test_a_usual_name_of_an_engine_is_asked_about_and_not_taken(tmp_path, written, meant):
    report = check_config(tmp_path, make_config(engine="Scikit_Learn") | {"model_type": written})

    assert finding_of(report, "config.model_type_similar").params["meant"] == meant
    assert report.engine == written
