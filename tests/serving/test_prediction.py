import base64
import json
import re
import shutil
import struct

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from registry.config import FORM_TYPE, Api, Payload
from serving import calls
from serving.asking.answers import Box, Reading, Score
from serving.asking.pictures import media_type, size_of
from serving.models import CallMinute, Desired, InstanceState, Service, ServiceState
from serving.views.prediction import LARGEST_BODY
from tests.factories import make_member, make_version, make_workspace
from tests.package_builder import make_config
from tests.serving.backends import answers, backend
from tests.serving.models_asked import ANSWERS, REFUSES, observed, package_with, running
from tests.serving.services_asked import add_revision, deployed, wanted

HTMX = {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\0\0\0"
DETECTS = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        files = data["images"]
        return {
            "detection_classes": ["face", "<b>"],
            "detection_boxes": [[48, 64, 240, 320], [0, 0, 10, 10]],
            "detection_scores": [0.7, "0.125"],
            "size": sum(len(file.read()) for file in files.values()),
            "k": data.get("k"),
        }
"""
PICTURE = {"type": "object", "properties": {"images": {"type": "file"}, "k": {"type": "integer", "default": 3}}}


def config_with(schema, content_type="application/json", **api):
    request = {"Content-type": content_type, "data": schema}
    return make_config("PyTorch", apis=[{"url": "/", "method": "post", "request": request} | api])


def address_of(service):
    return reverse("serving:service-predict", args=[service.uuid])


@pytest.fixture(autouse=True)
def _empty_spool():
    shutil.rmtree(calls.spool_folder(), ignore_errors=True)
    yield
    shutil.rmtree(calls.spool_folder(), ignore_errors=True)


@pytest.fixture
def signed_in(client, developer):
    client.force_login(developer)
    return client


def test_prediction_of_json_shows_answer_time_and_version(signed_in, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = signed_in.post(address_of(service), {"way": "json", "json": '{"rows": [1, 2]}'}, headers=HTMX)

    result = answer.context["prediction"].result
    assert (answer.status_code, result.answered.status) == (200, 200)
    assert json.loads(result.reading.text) == {"rows": 2}
    text = answer.content.decode()
    assert "Prediction succeeded" in text
    assert "shop-model</bdi> 0.0.1" in text
    assert f"curl {settings.GATEWAY_URL}/infer/{service.uuid}/" in text
    assert answer.context["prediction"].snippets.curl.endswith("-d '{\"rows\": [1, 2]}'")


def test_prediction_of_a_picture_draws_its_boxes(signed_in, tmp_path):
    package = package_with(tmp_path, DETECTS, config=config_with(PICTURE, FORM_TYPE))
    service = deployed(package)
    sent = {"way": "form", "f0": SimpleUploadedFile("a.png", PNG, "image/png"), "f1": "5"}

    with running(wanted(service, settings.HOST_NAME), package):
        answer = signed_in.post(address_of(service), sent, headers=HTMX)

    result = answer.context["prediction"].result
    assert result.reading.value["size"] == len(PNG)
    assert result.reading.value["k"] == "5"
    assert result.boxes == (Box("face(70%)", 64, 48, 256, 192), Box("<b>(12%)", 0, 0, 10, 10))
    text = answer.content.decode()
    assert 'viewBox="0 0 640 480"' in text
    assert '<rect x="64.00" y="48.00" width="256.00" height="192.00"/>' in text
    assert "&lt;b&gt;(12%)" in text
    assert "<b>" not in text
    assert "-F images=@a.png" in answer.context["prediction"].snippets.curl


def test_prediction_without_javascript_answers_with_the_page(signed_in, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = signed_in.post(address_of(service), {"way": "json", "json": '{"rows": []}'})

    assert answer.templates[0].name == "serving/prediction.html"
    assert answer.context["prediction"].text == '{"rows": []}'


def test_an_error_of_the_model_is_shown_as_one(signed_in, tmp_path):
    package = package_with(tmp_path, REFUSES)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = signed_in.post(address_of(service), {"way": "json", "json": "{}"}, headers=HTMX)

    assert answer.context["prediction"].result.answered.status == 500
    assert "The model answered with an error" in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "No instance of this version is ready on this host. Start the service, or wait for it."),
        ("zh-hans", "本主机上没有此版本的就绪实例。请启动服务，或稍候。"),
    ],
)
def test_a_service_that_is_not_ready_says_so(signed_in, tmp_path, language, message):
    service = deployed(package_with(tmp_path, ANSWERS))
    wanted(service, settings.HOST_NAME)

    answer = signed_in.post(
        address_of(service), {"way": "json", "json": "{}"}, headers=HTMX | {"Accept-Language": language}
    )

    assert answer.context["prediction"].result.message == message


def test_what_cannot_be_sent_is_told_at_its_field_and_kept(signed_in):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    service = deployed(None, Api(request=Payload(schema=schema)))

    answer = signed_in.post(address_of(service), {"way": "form", "f0": "one"})

    (entry,) = answer.context["prediction"].entries
    assert answer.status_code == 422
    assert (entry.value, entry.error) == ("one", "Write a whole number.")
    assert 'aria-describedby="f0_error" aria-invalid="true"' in answer.content.decode()
    assert '<a href="#f0"><bdi>n</bdi></a>: Write a whole number.' in answer.content.decode()


def test_htmx_tells_what_is_wrong_at_the_field_too_and_takes_it_back(signed_in):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    service = deployed(None, Api(request=Payload(schema=schema)))

    wrong, right = (
        signed_in.post(address_of(service), {"way": "form", "f0": typed}, headers=HTMX).content.decode()
        for typed in ("one", "1")
    )

    assert re.search(r'<div id="f0_error" hx-swap-oob="true"><p class="field-error">.*Write a whole number', wrong)
    assert '<div id="f0_error" hx-swap-oob="true"></div>' in right


@pytest.mark.parametrize(
    ("language", "words"), [("en", "It can be asked once it is running."), ("zh-hans", "运行后即可")]
)
def test_a_service_that_is_being_deployed_says_so(signed_in, tmp_path, language, words):
    service = deployed(package_with(tmp_path, ANSWERS))
    Service.objects.update(state=ServiceState.DEPLOYING)

    text = signed_in.get(address_of(service), headers={"Accept-Language": language}).content.decode()

    assert words in text


def test_malformed_json_is_told_with_its_place_and_kept(signed_in, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))

    answer = signed_in.post(address_of(service), {"way": "json", "json": "{"})

    prediction = answer.context["prediction"]
    assert (answer.status_code, prediction.text) == (422, "{")
    assert prediction.text_error.startswith("Line 1, column 2: this is no JSON")


def test_a_request_that_is_too_large_is_refused_unread(signed_in, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    large = SimpleUploadedFile("a.bin", b"x" * (LARGEST_BODY + 1))

    answer = signed_in.post(address_of(service), {"f0": large}, headers=HTMX)

    assert answer.status_code == 422
    assert "This is larger than 8 MB" in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_text_that_is_too_large_is_told(signed_in, tmp_path, headers):
    service = deployed(package_with(tmp_path, ANSWERS))

    answer = signed_in.post(address_of(service), {"way": "json", "json": "1" * 5_000_000}, headers=headers)

    assert answer.status_code == 422
    assert "This is more than 4 MB of text" in answer.content.decode()


def test_the_form_follows_the_schema(signed_in):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "number", "minimum": 0, "maximum": 9, "description": "<i>"}, "b": {"enum": ["x"]}},
    }
    service = deployed(None, Api(request=Payload(schema=schema)))

    text = signed_in.get(address_of(service), {"way": "form"}).content.decode()

    assert '&lt;i&gt; <span class="nowrap">0 … 9</span>' in text
    assert "<option>x</option>" in text


def give_sample(service, **sample):
    version = service.revisions.get().version
    version.sample = sample
    version.save(update_fields=["sample"])


def test_json_begins_with_the_sample_of_the_version(signed_in):
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    service = deployed(None, Api(url="/", method="get"), Api(url="/ask", request=Payload(schema=schema)))
    give_sample(service, json='{"text": "great"}')

    answer = signed_in.get(address_of(service), {"api": "1"})
    form = signed_in.get(address_of(service), {"api": "1", "way": "form"})

    prediction = answer.context["prediction"]
    assert (prediction.text, prediction.sample_shown) == ('{"text": "great"}', True)
    assert prediction.snippets.curl.endswith("""-d '{"text": "great"}'""")
    assert "Filled in with the sample request that came with the version." in answer.content.decode()
    assert [entry.value for entry in form.context["prediction"].entries] == ["great"]
    assert signed_in.get(address_of(service), {"api": "0"}).context["prediction"].sample_shown is False


def test_a_form_begins_with_the_sample_and_names_its_files(signed_in):
    service = deployed(None, Api(request=Payload(FORM_TYPE, PICTURE)))
    give_sample(service, json='{"k": 5}', files=[{"parameter": "", "name": "cat.jpg", "type": "", "data": "AAAA"}])

    answer = signed_in.get(address_of(service))

    assert [entry.value for entry in answer.context["prediction"].entries] == ["", "5"]
    assert "has files, too: cat.jpg. Choose them anew." in answer.content.decode()


def test_the_path_is_chosen_where_there_are_several(signed_in):
    service = deployed(None, Api(), Api(url="/goodbye", method="get"))

    prediction = signed_in.get(address_of(service), {"api": "1"}).context["prediction"]

    assert (prediction.method, prediction.api.url) == ("GET", "/goodbye")
    assert signed_in.get(address_of(service), {"api": "9" * 5000}).context["prediction"].number == 0


def test_the_version_is_chosen_where_there_are_several(signed_in, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    other = make_version("other")
    add_revision(service, other, weight=0)

    prediction = signed_in.get(address_of(service), {"version": str(other.uuid)}).context["prediction"]

    assert prediction.revision.version == other


def test_a_service_without_versions_says_so(signed_in, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    service.revisions.get().route.delete()

    assert "No version of this service answers requests yet." in signed_in.get(address_of(service)).content.decode()


def test_whoever_sees_a_service_may_ask_it(client, viewer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)
    client.force_login(viewer)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = client.post(address_of(service), {"way": "json", "json": '{"rows": []}'})

    assert '<button class="button primary" type="submit" data-again="Predict again">' in answer.content.decode()
    assert answer.context["prediction"].result.answered.status == 200


@pytest.mark.parametrize(("code", "failures"), [(ANSWERS, 0), (REFUSES, 1)])
def test_a_prediction_counts_like_a_call_through_the_gateway(signed_in, tmp_path, code, failures):
    package = package_with(tmp_path, code)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        signed_in.post(address_of(service), {"way": "json", "json": '{"rows": []}'}, headers=HTMX)
    calls.ingest()

    service.refresh_from_db()
    (minute,) = CallMinute.objects.all()
    assert (service.calls, service.failures) == (1, failures)
    assert (minute.version, minute.calls, minute.failures) == (service.revisions.get().version, 1, failures)
    assert list(minute.latencies.values()) == [1]


def test_what_was_never_asked_is_no_call(signed_in, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    wanted(service, settings.HOST_NAME)

    signed_in.post(address_of(service), {"way": "json", "json": "{}"}, headers=HTMX)

    assert calls.ingest() == 0


@pytest.mark.parametrize(
    ("language", "notice"),
    [
        ("en", "The service does not run (status: Stopped), so it cannot be asked."),
        ("zh-hans", "服务未在运行（状态：已停止），无法预测。"),
    ],
)
def test_a_stopped_service_says_so_at_the_form_and_offers_to_start(signed_in, tmp_path, language, notice):
    service = deployed(package_with(tmp_path, ANSWERS))
    Service.objects.update(state=ServiceState.STOPPED, desired=Desired.STOPPED)

    text = signed_in.get(address_of(service), headers={"Accept-Language": language}).content.decode()

    assert notice in text
    assert f'action="/services/{service.uuid}/start/"' in text
    assert '<button class="button primary" type="submit" disabled data-again' in text


def test_a_viewer_is_not_offered_to_start(client, viewer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    Service.objects.update(state=ServiceState.STOPPED, desired=Desired.STOPPED)
    client.force_login(viewer)

    text = client.get(address_of(service)).content.decode()

    assert "so it cannot be asked." in text
    assert "/start/" not in text


def test_the_button_says_again_only_after_a_prediction(signed_in, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)

    before = signed_in.get(address_of(service)).content.decode()
    with running(wanted(service, settings.HOST_NAME), package):
        after = signed_in.post(address_of(service), {"way": "json", "json": '{"rows": []}'}).content.decode()

    assert 'data-answer=""' in before
    assert 'data-answer="made"' in after


def test_prediction_of_another_workspace_does_not_exist(signed_in, tmp_path):
    make_member("eve", workspace=make_workspace("elsewhere"))
    service = deployed(package_with(tmp_path, ANSWERS), workspace=make_workspace("elsewhere"))

    assert signed_in.get(address_of(service)).status_code == 404
    assert signed_in.post(address_of(service)).status_code == 404


def test_prediction_checks_the_token_of_the_form(client, developer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    client.handler.enforce_csrf_checks = True
    client.force_login(developer)

    assert client.post(address_of(service), {"json": "{}"}).status_code == 403


@pytest.mark.parametrize(
    ("value", "label", "scores"),
    [
        (
            {"predicted_label": "rose", "scores": [["rose", "0.99"], ["tulip", 0.01]]},
            "rose",
            (Score("rose", "0.99", 0.99), Score("tulip", "0.01", 0.01)),
        ),
        ({"data": {"resp_data": [{"predicted_label": 7, "scores": [0.9, 0.1]}]}}, "7", ()),
        ({"scores": "many", "predicted_label": None}, "", ()),
        ([1, 2], "", ()),
    ],
)
def test_a_classification_is_read(value, label, scores):
    reading = Reading(json.dumps(value).encode())

    assert (reading.label, reading.scores) == (label, scores)


@pytest.mark.parametrize(
    ("boxes", "size", "expected"),
    [
        ([[0.1, 0.2, 0.5, 0.6]], (100, 200), [("", 20.0, 20.0, 40.0, 80.0)]),
        ([[10, 20, 50, 60]], (100, 200), [("", 20.0, 10.0, 40.0, 40.0)]),
        ([[50, 60, 10, 20]], None, [("", 20.0, 10.0, 40.0, 40.0)]),
        ([[1, 2, 3], "x", [None] * 4, ["a"] * 4, [1e300] * 4], (10, 10), []),
        ("nothing", (10, 10), []),
    ],
)
def test_boxes_are_read_however_they_are_written(boxes, size, expected):
    reading = Reading(json.dumps({"detection_boxes": boxes}).encode())

    found = [(box.label, box.x, box.y, round(box.width, 6), round(box.height, 6)) for box in reading.boxes(size)]
    assert found == expected


def test_pictures_in_an_answer_are_found():
    picture = PNG + b"\0" * 100
    reading = Reading(json.dumps({"image": "data:image/png;base64," + base64.b64encode(picture).decode()}).encode())

    assert [(each.media_type, each.size) for each in reading.pictures] == [("image/png", len(picture))]
    assert Reading(picture).text == ""
    assert Reading(b"\xff\xfe no json").text == "\ufffd\ufffd no json"


@pytest.mark.parametrize(
    ("data", "kind", "size"),
    [
        (PNG, "image/png", (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 3, 4), "image/gif", (3, 4)),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x10\0\x20", "image/jpeg", (32, 16)),
        (b"BM" + b"\0" * 16 + struct.pack("<ii", 5, -6), "image/bmp", (5, 6)),
        (b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x09\0\0\x04\0\0", "image/webp", (10, 5)),
        (b"\xff\xd8\xff", "image/jpeg", None),
        (b"\x89PNG\r\n\x1a\n", "image/png", None),
        (b"<svg/>", "", None),
        (b"", "", None),
    ],
)
def test_kind_and_size_of_pictures_are_read_from_their_head(data, kind, size):
    assert (media_type(data), size_of(data)) == (kind, size)


def test_a_deeply_nested_answer_is_shown_in_a_moment():
    body = b"[" * 200 + b"1," * 20_000 + b"1" + b"]" * 200

    reading = Reading(body)

    assert len(reading.text) < 2 * len(body)
    assert json.loads(reading.text) == json.loads(body)


def test_an_answer_with_lone_surrogates_is_shown(signed_in, tmp_path):
    value = {"predicted_label": "\ud800", "scores": [["\ud800", "\ud800"]], "detection_boxes": [[1, 2, 3, 4]]}
    answer = json.dumps(value | {"detection_classes": ["\ud800"]}).encode()
    service = deployed(package_with(tmp_path, ANSWERS))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)

    with backend(answers(head + answer)) as running_backend:
        observed(wanted(service, settings.HOST_NAME), InstanceState.READY, socket=str(running_backend.path))
        shown = signed_in.post(address_of(service), {"way": "json", "json": "{}"}, headers=HTMX)

    assert shown.status_code == 200
    assert "&quot;predicted_label&quot;: &quot;?&quot;" in shown.content.decode()


@pytest.mark.parametrize("api", ["00009", "1", "-1", "x", "٠", "0" * 5000])
def test_a_path_that_is_not_there_is_the_first(signed_in, tmp_path, api):
    service = deployed(package_with(tmp_path, ANSWERS))

    answer = signed_in.get(address_of(service), {"api": api})

    assert answer.context["prediction"].number == 0


def test_large_json_is_asked_without_a_command_to_paste(signed_in, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)
    text = json.dumps({"rows": [[0.125] * 28] * 15_000})

    with running(wanted(service, settings.HOST_NAME), package):
        answer = signed_in.post(address_of(service), {"way": "json", "json": text}, headers=HTMX)

    assert answer.context["prediction"].result.reading.value == {"rows": 15_000}
    assert answer.context["prediction"].snippets.curl == ""
    assert len(answer.content) < 10_000
