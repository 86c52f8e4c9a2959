"""The proof switch and the sample request of the import form, and of its twin for scripts."""

import base64
import json
import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from importers.forms_sample import LARGEST_FILES, LARGEST_JSON
from importers.models import ImportJob
from registry.models import ModelVersion
from tests.factories import make_version
from tests.importers.jobs import GOOD, put
from tests.importers.pages import put_package, typed

NEW = reverse("importers:new")
PNG = b"\x89PNG\r\n\x1a\n"


def picture(data=PNG, name="d.png"):
    return SimpleUploadedFile(name, data, "image/png")


def kept_in(html):
    """The files the page keeps."""
    text = re.search(r'name="sample_kept"(?: value="([^"]*)")?', html)[1]
    return json.loads(unescape(text)) if text else []


def entry(data=PNG, name="d.png", parameter=""):
    return {"parameter": parameter, "name": name, "type": "image/png", "data": base64.b64encode(data).decode()}


def test_the_switch_is_on_until_somebody_turns_it_off(as_developer):
    path = put_package()

    assert re.search(r'name="prove"[^>]* checked', as_developer.get(NEW).content.decode())
    as_developer.post(NEW, typed(path, name="asked"))
    as_developer.post(NEW, typed(path, name="left", prove=None))

    assert {version.model.name: version.proof_wanted for version in ModelVersion.objects.all()} == {
        "asked": True,
        "left": False,
    }


def test_json_is_kept_with_the_version_alone(as_developer):
    answer = as_developer.post(NEW, typed(put_package(), sample_json=' {"rows": [1]} '))

    assert answer.status_code == 302
    assert ModelVersion.objects.get().sample == {"json": '{"rows": [1]}', "files": []}
    assert "sample" not in ImportJob.objects.get().request


def test_files_are_kept_with_their_parameter(as_developer):
    as_developer.post(
        NEW, typed(put_package(), sample_file=[picture(), picture(b"x", "e.png")], sample_parameter="images")
    )

    assert ModelVersion.objects.get().sample == {
        "json": "",
        "files": [entry(parameter="images"), entry(b"x", "e.png", "images")],
    }


def test_a_refused_form_keeps_the_file_and_the_next_one_sends_it(as_developer):
    path = put_package()

    refused = as_developer.post(NEW, typed(path, version="x", sample_file=picture(), sample_json="{}"))
    html = refused.content.decode()
    as_developer.post(NEW, typed(path, sample_kept=json.dumps(kept_in(html)), sample_json="{}"))

    assert refused.status_code == 422
    assert "<bdi>d.png</bdi>" in html
    assert ModelVersion.objects.get().sample == {"json": "{}", "files": [entry()]}


def test_kept_names_that_no_database_takes_are_made_harmless(as_developer):
    kept, path = json.dumps([entry(name="a\0\ud800")]), put_package()

    refused = as_developer.post(NEW, typed(path, sample_kept=kept, version="x"))
    as_developer.post(NEW, typed(path, sample_kept=kept))

    assert "<bdi>a\ufffd\ufffd</bdi>" in refused.content.decode()
    assert ModelVersion.objects.get().sample["files"] == [entry(name="a\ufffd\ufffd")]


def test_kept_files_can_be_left_out(as_developer):
    as_developer.post(NEW, typed(put_package(), sample_kept=json.dumps([entry()]), sample_drop="on"))

    assert ModelVersion.objects.get().sample is None


def test_a_new_file_takes_the_place_of_the_kept_one(as_developer):
    kept = json.dumps([entry(b"old")])

    as_developer.post(NEW, typed(put_package(), sample_kept=kept, sample_drop="on", sample_file=picture()))

    assert ModelVersion.objects.get().sample["files"] == [entry()]


@pytest.mark.parametrize(
    ("language", "changes", "message"),
    [
        ("en", {"sample_json": '{"a" 1}'}, "Line 1, column 6: this is no JSON (Expecting ':' delimiter)."),
        ("zh-hans", {"sample_json": '{"a" 1}'}, "第 1 行第 6 列：不是 JSON（Expecting ':' delimiter）。"),
        ("en", {"sample_json": '"' + "x" * LARGEST_JSON + '"'}, "At most 256.0 KB of JSON are kept."),
        ("en", {"sample_json": "[" * 100_000}, "This JSON is nested too deeply, or has numbers that are too long."),
        (
            "en",
            {"sample_kept": json.dumps([entry(b"x" * (LARGEST_FILES + 100))])},
            "These files are too large: at most 1.0 MB together are kept. Choose smaller ones.",
        ),
        ("en", {"sample_kept": '[{"data": "?"}]'}, "The kept files cannot be read any more. Choose them again."),
        ("en", {"sample_kept": "[[1]]"}, "The kept files cannot be read any more. Choose them again."),
        ("en", {"sample_kept": "[" * 100_000}, "The kept files cannot be read any more. Choose them again."),
    ],
)
def test_what_cannot_be_kept_is_refused_at_its_field(as_developer, language, changes, message):
    answer = as_developer.post(NEW, typed(put_package(), **changes), headers={"Accept-Language": language})

    messages = [problem.message for problem in answer.context["page"].problems]
    assert answer.status_code == 422
    assert [text.replace("\xa0", " ") for text in messages] == [message]
    assert not ModelVersion.objects.exists()


def test_sending_the_form_twice_starts_one_import(as_developer):
    data = typed(put_package(), sample_json="{}", submission="one")

    first, second = as_developer.post(NEW, data), as_developer.post(NEW, data)

    assert (first.status_code, second.status_code) == (302, 302)
    assert ImportJob.objects.count() == 1


def test_a_draft_keeps_the_sample(as_developer):
    kept = as_developer.post(reverse("importers:draft"), typed(sample_kept=json.dumps([entry()]), sample_json="[1]"))

    html = as_developer.get(kept.json()["address"]).content.decode()
    assert kept_in(html) == [entry()]
    assert "[1]</textarea>" in html


def test_a_new_version_begins_with_the_sample_of_the_latest(as_developer):
    sample = {"json": "[1]", "files": [entry(parameter="images")]}
    version = make_version("digits", proof_wanted=False, sample=sample)

    html = as_developer.get(NEW, {"model": str(version.model.uuid)}).content.decode()

    assert kept_in(html) == [entry(parameter="images")]
    assert not re.search(r'name="prove"[^>]* checked', html)


@pytest.mark.parametrize(
    ("name", "content", "arguments", "expected"),
    [
        ("s.json", b'\xef\xbb\xbf{"a": 1}', [], {"json": '{"a": 1}', "files": []}),
        ("d.png", PNG, [], {"json": "", "files": [entry()]}),
        ("d.png", PNG, ["--sample-parameter=images"], {"json": "", "files": [entry(parameter="images")]}),
    ],
)
def test_import_model_takes_a_sample(db, workspace, tmp_path, name, content, arguments, expected):
    put(GOOD)
    (tmp_path / name).write_bytes(content)

    _import("--sample", str(tmp_path / name), *arguments)

    version = ModelVersion.objects.get()
    assert (version.sample, version.proof_wanted) == (expected, True)


def test_import_model_starts_nothing_where_no_proof_is_wanted(db, workspace):
    put(GOOD)

    _import("--no-proof")

    assert ModelVersion.objects.get().proof_wanted is False


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.json", b"{", "Line 1, column 2: this is no JSON"),
        ("d.png", b"x" * (LARGEST_FILES + 1), "These files are too large"),
        ("gone", None, "cannot be read"),
    ],
)
def test_import_model_refuses_a_sample_it_cannot_keep(db, workspace, tmp_path, name, content, message):
    put(GOOD)
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(CommandError, match=message):
        _import("--sample", str(tmp_path / name))


def _import(*arguments):
    call_command("import_model", "--workspace=default", "--name=digits", "--path=/packages/digits/", *arguments)
