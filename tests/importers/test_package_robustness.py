"""Whatever bytes a package holds, the check answers with findings and never raises."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from importers.package.check import CheckOptions, FileEntry, check_package
from importers.package.repair import repaired
from importers.package.source_map import JsonProblem, parse
from registry.config import ModelConfig
from tests.packages import API, make_config, service_code

PATHS = st.lists(
    st.one_of(st.text(max_size=20), st.sampled_from(["model/config.json", "model/x.pth", "model/a/", "/"]))
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
WORDS = (
    "Content-type data properties type items item procotol installer packages package_name package_version restraint "
    "dependencies health f1"
)
KEYS = st.sampled_from([*make_config("Image"), *API, *WORDS.split()]) | st.text(max_size=5)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8))
ODD_WORDS = st.sampled_from(["Image", "PyTorch", "", "EXACT", "pip", "/", "x.whl", "multipart/json", "list", "1.0"])
ODD_JSON = st.recursive(SCALARS | ODD_WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner))
MANY = settings(max_examples=80, deadline=None)


CODE = service_code()


def check(config, code=CODE, **options):
    contents = {"model/config.json": config, "model/customize_service.py": code.encode(), "model/x.joblib": b""}
    files = [FileEntry(path, len(content)) for path, content in contents.items()]
    report = check_package(files, lambda path, limit: contents[path][:limit], CheckOptions(**options))
    assert_storable(report)
    return report


def assert_storable(report):
    """Everything of a report can be kept in a database: JSON without NaN, NUL or half characters."""
    stored = [finding.as_dict() for finding in report.findings] + [report.config.as_dict()]
    text = json.dumps(stored, allow_nan=False, ensure_ascii=False)
    assert not re.search(r"(?<!\\)\\u0000", text)
    for kept in (text, report.config_found or "", report.config_used or "", report.repair or ""):
        assert "\x00" not in kept
        kept.encode()
    assert ModelConfig.from_dict(report.config.as_dict()) == report.config
    assert [finding for finding in report.findings if not finding.message] == []


@MANY
@given(st.binary(max_size=300))
def test_any_bytes_as_configuration(data):
    check(data)


@MANY
@given(st.text(max_size=300))
def test_any_text_as_configuration(text):
    check(b"{}", config_text=text)


@MANY
@given(JSON)
def test_any_json_as_configuration(value):
    check(json.dumps(value).encode())


@MANY
@given(st.dictionaries(st.sampled_from([*make_config("Image"), "dependencies", "health"]), ODD_JSON))
def test_any_values_under_the_documented_keys(value):
    check(json.dumps(value).encode())


@MANY
@given(st.dictionaries(st.sampled_from(list(API)), ODD_JSON), st.dictionaries(KEYS, ODD_JSON))
def test_any_values_in_apis_and_packages(api, package):
    value = make_config(apis=[api], dependencies=[{"installer": "pip", "packages": [package]}])
    check(json.dumps(value).encode(), source="obs")


@MANY
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_as_inference_code(data):
    check(json.dumps(make_config()).encode(), code=data.decode("latin-1"))


@MANY
@given(PATHS, st.sampled_from(["obs", "template", "image", "training"]), st.sampled_from(["", "model"]))
def test_any_listing(paths, source, folder_name):
    options = CheckOptions(source=source, folder_name=folder_name)

    assert_storable(check_package([FileEntry(path, 1) for path in paths], lambda path, limit: b"{}", options))


@MANY
@given(JSON)
def test_reader_agrees_with_the_standard_library(value):
    text = json.dumps(value, allow_nan=False) if _finite(value) else "0"

    document = parse(text)

    if not document.odd:
        assert document.value == json.loads(text)


@MANY
@given(st.text(alphabet='{}[]",:/*#\\ \n1ae', max_size=60))
def test_what_the_reader_takes_the_standard_library_takes(text):
    try:
        value = parse(text).value
    except JsonProblem:
        return

    assert value == json.loads(text)


@MANY
@given(st.text(alphabet='{}[]",:/*#\\ \n1ae', max_size=60))
def test_a_repair_is_always_json_of_as_many_lines(text):
    repair = repaired(text)

    if repair is not None:
        json.loads(repair)
        assert repair.count("\n") == text.count("\n")


def _finite(value):
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
