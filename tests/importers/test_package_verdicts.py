"""Every row of the verdicts has a package, and the check says about it what the row says, and nothing else."""

import ast
import re

import pytest
from django.conf import settings
from django.utils import translation

from registry.findings import Severity, known_codes
from tests.packages import EXPECTED, FIXTURES, check_folder, codes

AREAS = ("layout.", "config.", "code.", "check.")
# Kept in reports that were stored, and said by no check now.
FORMER = {"layout.file_required"}
# Rows whose verdict is a warning or information; every other code is an error.
WARNINGS = {
    "config.algorithm_malformed",
    "config.algorithm_missing",
    "config.api_url",
    "config.apis_several",
    "config.batch_without_schema",
    "config.content_type",
    "config.duplicate_key",
    "config.health_incomplete",
    "config.installer_missing",
    "config.json_only",
    "config.key_spelling",
    "config.method_unknown",
    "config.method_unusual",
    "config.model_type_similar",
    "config.model_type_unknown",
    "config.protocol_unknown",
    "config.response_inside_request",
    "config.response_multipart",
    "config.restraint_spelling",
    "config.restraint_unknown",
    "config.restraint_without_version",
    "config.runtime_unknown",
    "config.schema_type",
    "config.schema_type_unknown",
    "config.version_as_number",
    "config.version_in_name",
    "config.version_without_restraint",
    "config.wheel_missing",
    "code.allow_pickle",
    "code.class_elsewhere",
    "code.module_missing",
    "code.no_constructor",
    "code.no_default",
    "code.no_hooks",
    "code.other_base",
    "code.runs_shell",
    "code.too_large",
    "code.unpickles",
    "layout.weights_mixed",
}
INFOS = {
    "config.any_version",
    "config.api_fields_missing",
    "config.apis_missing",
    "config.engine_derived",
    "config.health_ignored",
    "config.json_with_file",
    "config.metric_unusual",
    "config.runtime_missing",
    "config.unknown_key",
    "config.unknown_key_similar",
    "config.wrong_type_ignored",
    "code.default_answers",
    "code.other_name",
    "layout.beside_ignored",
    "layout.other_config",
    "layout.parent_taken",
    "layout.weights_several",
}


def severity_of(code):
    return Severity.WARNING if code in WARNINGS else Severity.INFO if code in INFOS else Severity.ERROR


@pytest.mark.parametrize("name", FIXTURES)
def test_check_gives_the_verdict_of_each_row(name, tmp_path):
    report = check_folder(FIXTURES[name](tmp_path))

    assert sorted(codes(report)) == sorted(EXPECTED[name])
    assert {finding.code: finding.severity for finding in report.findings} == {
        code: severity_of(code) for code in EXPECTED[name]
    }


@pytest.mark.parametrize("name", FIXTURES)
def test_every_finding_has_a_sentence_in_both_languages(name, tmp_path):
    report = check_folder(FIXTURES[name](tmp_path))

    for language in ("en", "zh-hans"):
        with translation.override(language):
            assert [finding.message for finding in report.findings if finding.message == finding.code] == []


def test_every_code_in_the_source_has_a_sentence():
    constants = {
        node.value
        for path in (settings.BASE_DIR / "importers" / "package").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    codes_said = {text for text in constants if re.fullmatch(r"(layout|config|code|check)\.[a-z0-9_]+", text)}
    known = {code for code in known_codes() if code.startswith(AREAS)}
    assert known >= FORMER
    assert codes_said - {"config.json"} == known - FORMER
