"""Predictions on the page of a service."""

import json
import re
import shutil

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from registry.config import FORM_TYPE, Api, Payload
from serving import calls
from serving.asking.answers import Box
from serving.models import CallMinute, Desired, InstanceState, Service, ServiceState
from serving.views.prediction import LARGEST_BODY
from tests.factories import make_member, make_workspace
from tests.serving.apis_asked import PICTURE
from tests.serving.backends import answers, backend
from tests.serving.models_asked import ANSWERS, REFUSES, observed, package_with, running
from tests.serving.services_asked import HTMX, PNG, address_of, config_with, deployed, wanted

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


@pytest.fixture(autouse=True)
def _empty_spool():
    shutil.rmtree(calls.spool_folder(), ignore_errors=True)
    yield
    shutil.rmtree(calls.spool_folder(), ignore_errors=True)


def test_prediction_of_json_shows_answer_time_and_version(as_developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = as_developer.post(address_of(service), {"way": "json", "json": '{"rows": [1, 2]}'}, headers=HTMX)

    result = answer.context["prediction"].result
    assert (answer.status_code, result.answered.status) == (200, 200)
    assert json.loads(result.reading.text) == {"rows": 2}
    assert re.fullmatch(r"[0-9a-f]{32}", result.request_id)
    assert f'<span class="mono">{result.request_id}</span>' in answer.content.decode()
    text = answer.content.decode()
    assert "Prediction succeeded" in text
    assert "shop-model</bdi> 0.0.1" in text
    assert f"curl {settings.GATEWAY_URL}/infer/{service.uuid}/" in text
    assert answer.context["prediction"].snippets.curl.endswith("-d '{\"rows\": [1, 2]}'")


def test_prediction_of_a_picture_draws_its_boxes(as_developer, tmp_path):
    package = package_with(tmp_path, DETECTS, config=config_with(PICTURE, FORM_TYPE))
    service = deployed(package)
    sent = {"way": "form", "f0": SimpleUploadedFile("a.png", PNG, "image/png"), "f1": "5"}

    with running(wanted(service, settings.HOST_NAME), package):
        answer = as_developer.post(address_of(service), sent, headers=HTMX)

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


def test_prediction_without_javascript_answers_with_the_page(as_developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = as_developer.post(address_of(service), {"way": "json", "json": '{"rows": []}'})

    assert answer.templates[0].name == "serving/prediction.html"
    assert answer.context["prediction"].text == '{"rows": []}'


def test_an_error_of_the_model_is_shown_as_one(as_developer, tmp_path):
    package = package_with(tmp_path, REFUSES)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = as_developer.post(address_of(service), {"way": "json", "json": "{}"}, headers=HTMX)

    assert answer.context["prediction"].result.answered.status == 500
    assert "The model answered with an error" in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", "No instance of this version is ready on this host. Start the service, or wait for it."),
        ("zh-hans", "本主机上没有此版本的就绪实例。请启动服务，或稍候。"),
    ],
)
def test_a_service_that_is_not_ready_says_so(as_developer, tmp_path, language, message):
    service = deployed(package_with(tmp_path, ANSWERS))
    wanted(service, settings.HOST_NAME)

    answer = as_developer.post(
        address_of(service), {"way": "json", "json": "{}"}, headers=HTMX | {"Accept-Language": language}
    )

    assert answer.context["prediction"].result.message == message


def test_what_cannot_be_sent_is_told_at_its_field_and_kept(as_developer):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    service = deployed(None, Api(request=Payload(schema=schema)))

    answer = as_developer.post(address_of(service), {"way": "form", "f0": "one"})

    (entry,) = answer.context["prediction"].entries
    assert answer.status_code == 422
    assert (entry.value, entry.error) == ("one", "Write a whole number.")
    assert 'aria-describedby="f0_error" aria-invalid="true"' in answer.content.decode()
    assert '<a href="#f0"><bdi>n</bdi></a>: Write a whole number.' in answer.content.decode()


def test_htmx_tells_what_is_wrong_at_the_field_too_and_takes_it_back(as_developer):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    service = deployed(None, Api(request=Payload(schema=schema)))

    wrong, right = (
        as_developer.post(address_of(service), {"way": "form", "f0": typed}, headers=HTMX).content.decode()
        for typed in ("one", "1")
    )

    assert re.search(r'<div id="f0_error" hx-swap-oob="true"><p class="field-error">.*Write a whole number', wrong)
    assert '<div id="f0_error" hx-swap-oob="true"></div>' in right


@pytest.mark.parametrize(
    ("language", "words"), [("en", "It can be asked once it is running."), ("zh-hans", "运行后即可")]
)
def test_a_service_that_is_being_deployed_says_so(as_developer, tmp_path, language, words):
    service = deployed(package_with(tmp_path, ANSWERS))
    Service.objects.update(state=ServiceState.DEPLOYING)

    text = as_developer.get(address_of(service), headers={"Accept-Language": language}).content.decode()

    assert words in text


def test_malformed_json_is_told_with_its_place_and_kept(as_developer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))

    answer = as_developer.post(address_of(service), {"way": "json", "json": "{"})

    prediction = answer.context["prediction"]
    assert (answer.status_code, prediction.text) == (422, "{")
    assert prediction.text_error.startswith("Line 1, column 2: this is no JSON")


def test_a_request_that_is_too_large_is_refused_unread(as_developer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    large = SimpleUploadedFile("a.bin", b"x" * (LARGEST_BODY + 1))

    answer = as_developer.post(address_of(service), {"f0": large}, headers=HTMX)

    assert answer.status_code == 422
    assert "This is larger than 8 MB" in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_text_that_is_too_large_is_told(as_developer, tmp_path, headers):
    service = deployed(package_with(tmp_path, ANSWERS))

    answer = as_developer.post(address_of(service), {"way": "json", "json": "1" * 5_000_000}, headers=headers)

    assert answer.status_code == 422
    assert "This is more than 4 MB of text" in answer.content.decode()


def test_whoever_sees_a_service_may_ask_it(client, viewer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)
    client.force_login(viewer)

    with running(wanted(service, settings.HOST_NAME), package):
        answer = client.post(address_of(service), {"way": "json", "json": '{"rows": []}'})

    assert '<button class="button primary" type="submit" data-again="Predict again">' in answer.content.decode()
    assert answer.context["prediction"].result.answered.status == 200


@pytest.mark.parametrize(("code", "failures"), [(ANSWERS, 0), (REFUSES, 1)])
def test_a_prediction_counts_like_a_call_through_the_gateway(as_developer, tmp_path, code, failures):
    package = package_with(tmp_path, code)
    service = deployed(package)

    with running(wanted(service, settings.HOST_NAME), package):
        as_developer.post(address_of(service), {"way": "json", "json": '{"rows": []}'}, headers=HTMX)
    calls.ingest()

    service.refresh_from_db()
    (minute,) = CallMinute.objects.all()
    assert (service.calls, service.failures) == (1, failures)
    assert (minute.version, minute.calls, minute.failures) == (service.revisions.get().version, 1, failures)
    assert list(minute.latencies.values()) == [1]


def test_what_was_never_asked_is_no_call(as_developer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    wanted(service, settings.HOST_NAME)

    as_developer.post(address_of(service), {"way": "json", "json": "{}"}, headers=HTMX)

    assert calls.ingest() == 0


@pytest.mark.parametrize(
    ("language", "notice"),
    [
        ("en", "The service does not run (status: Stopped), so it cannot be asked."),
        ("zh-hans", "服务未在运行（状态：已停止），无法预测。"),
    ],
)
def test_a_stopped_service_says_so_at_the_form_and_offers_to_start(as_developer, tmp_path, language, notice):
    service = deployed(package_with(tmp_path, ANSWERS))
    Service.objects.update(state=ServiceState.STOPPED, desired=Desired.STOPPED)

    text = as_developer.get(address_of(service), headers={"Accept-Language": language}).content.decode()

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


def test_the_button_says_again_only_after_a_prediction(as_developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)

    before = as_developer.get(address_of(service)).content.decode()
    with running(wanted(service, settings.HOST_NAME), package):
        after = as_developer.post(address_of(service), {"way": "json", "json": '{"rows": []}'}).content.decode()

    assert 'data-answer=""' in before
    assert 'data-answer="made"' in after


def test_prediction_of_another_workspace_does_not_exist(as_developer, tmp_path):
    make_member("eve", workspace=make_workspace("elsewhere"))
    service = deployed(package_with(tmp_path, ANSWERS), workspace=make_workspace("elsewhere"))

    assert as_developer.get(address_of(service)).status_code == 404
    assert as_developer.post(address_of(service)).status_code == 404


def test_prediction_checks_the_token_of_the_form(client, developer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    client.handler.enforce_csrf_checks = True
    client.force_login(developer)

    assert client.post(address_of(service), {"json": "{}"}).status_code == 403


def test_an_answer_with_lone_surrogates_is_shown(as_developer, tmp_path):
    value = {"predicted_label": "\ud800", "scores": [["\ud800", "\ud800"]], "detection_boxes": [[1, 2, 3, 4]]}
    answer = json.dumps(value | {"detection_classes": ["\ud800"]}).encode()
    service = deployed(package_with(tmp_path, ANSWERS))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer)

    with backend(answers(head + answer)) as running_backend:
        observed(wanted(service, settings.HOST_NAME), InstanceState.READY, socket=str(running_backend.path))
        shown = as_developer.post(address_of(service), {"way": "json", "json": "{}"}, headers=HTMX)

    assert shown.status_code == 200
    assert "&quot;predicted_label&quot;: &quot;?&quot;" in shown.content.decode()


def test_large_json_is_asked_without_a_command_to_paste(as_developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    service = deployed(package)
    text = json.dumps({"rows": [[0.125] * 28] * 15_000})

    with running(wanted(service, settings.HOST_NAME), package):
        answer = as_developer.post(address_of(service), {"way": "json", "json": text}, headers=HTMX)

    assert answer.context["prediction"].result.reading.value == {"rows": 15_000}
    assert answer.context["prediction"].snippets.curl == ""
    assert len(answer.content) < 10_000
