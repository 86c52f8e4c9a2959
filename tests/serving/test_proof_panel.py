import base64
import json

import pytest
from django.urls import reverse
from django.utils.timezone import now

from registry.config import Api
from registry.models import Proof, Status
from serving import proof, services_proofs, tasks
from serving.asking import SentFile, form_request
from serving.models import InstanceState, ProofRecord, ProofState, VersionEnvironment
from tests.factories import make_version, make_workspace
from tests.serving.models_asked import ANSWERS, failed, normal, observed, package_with, running
from tests.serving.services_asked import PNG

PART = {"HX-Request": "true", "HX-Target": "version-proof"}


def panel_of(version):
    return reverse("serving:version-proof", args=[version.uuid])


def answered(version, package, by):
    record = services_proofs.prove_now(version, by=by)
    with running(record.instance, package):
        tasks.run_proof(record.pk)
    record.refresh_from_db()
    return record


def test_panel_shows_what_was_asked_and_answered(as_developer, developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    version = normal(package)
    record = answered(version, package, developer)

    answer = as_developer.get(panel_of(version), headers=PART)

    text = answer.content.decode()
    assert answer.templates[0].name == "serving/_proof.html"
    assert '<span class="status good">Answered</span>' in text
    assert "&quot;rows&quot;: 1" in text
    assert "Made up from the declared parameters." in text
    assert "1.50 s" in text
    assert "300.00 MB" in text
    assert "CPU 0.50 · 384 MiB" in text
    assert reverse("serving:proof-replay", args=[version.uuid, record.uuid]) in text
    assert 'hx-trigger="load delay' not in text


def test_panel_is_a_page_without_javascript_in_both_languages(as_developer, tmp_path):
    version = normal(package_with(tmp_path, ANSWERS))

    for language, words in (("en", "This version was never started and asked."), ("zh-hans", "此版本从未启动和提问。")):
        answer = as_developer.get(panel_of(version), headers={"Accept-Language": language})
        assert answer.templates[0].name == "serving/proof.html"
        assert words in answer.content.decode()


def test_panel_asks_for_itself_while_a_proof_runs(as_developer, developer, tmp_path):
    version = normal(package_with(tmp_path, ANSWERS))
    record = services_proofs.prove_now(version, by=developer)
    observed(record.instance, InstanceState.STARTING, started_at=now())

    text = as_developer.get(panel_of(version), headers=PART).content.decode()

    assert 'hx-trigger="load delay' in text
    assert "The model is being started." in text
    assert reverse("serving:proof-now", args=[version.uuid]) not in text


def test_panel_says_that_no_supervisor_runs(as_developer, developer, tmp_path, settings):
    settings.PROOF_NOTICE_SECONDS, settings.HOST_NAME = 0, "<host>"
    version = normal(package_with(tmp_path, ANSWERS))
    services_proofs.prove_now(version, by=developer)

    text = as_developer.get(panel_of(version), headers=PART).content.decode()

    assert "Waiting for the supervisor of host &lt;host&gt; to start the model." in text


def test_panel_lists_earlier_proofs_and_opens_one(as_developer, developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    version = normal(package)
    first = answered(version, package, developer)
    services_proofs.replay(first, by=developer)

    context = as_developer.get(panel_of(version), {"record": str(first.uuid)}, headers=PART).context

    assert context["shown"].record == first
    assert len(context["records"]) == 2


def test_panel_needs_the_same_queries_for_one_and_three_proofs(
    as_developer, developer, tmp_path, django_assert_num_queries
):
    version = normal(package_with(tmp_path, ANSWERS))
    for count in (1, 2):
        for _ in range(count):
            ProofRecord.objects.create(version=version, state=ProofState.STARTED)
        with django_assert_num_queries(8):
            as_developer.get(panel_of(version), headers=PART)


@pytest.mark.parametrize(
    ("status", "digest", "person", "offered"),
    [
        (Status.FAILED, "d" * 64, "developer", True),
        (Status.BUILD_FAILED, "d" * 64, "developer", True),
        (Status.FAILED, "", "developer", False),
        (Status.NORMAL, "d" * 64, "developer", False),
        (Status.FAILED, "d" * 64, "viewer", False),
    ],
)
def test_panel_of_what_failed_after_its_hand_over_offers_to_retry(client, request, status, digest, person, offered):
    client.force_login(request.getfixturevalue(person))
    version = make_version(status=status, digest=digest)

    text = client.get(panel_of(version), headers=PART).content.decode()

    assert (reverse("serving:version-prepare", args=[version.uuid]) in text) == offered


def test_panel_of_a_failed_proof_offers_to_replay_and_says_what_that_does(as_developer, tmp_path):
    version = failed(package_with(tmp_path, ANSWERS))
    record = version.proof_records.get()
    replay = reverse("serving:proof-replay", args=[version.uuid, record.uuid])

    for language, words in (("en", "This version stays Failed even if it answers now"), ("zh-hans", "仍为失败")):
        text = as_developer.get(panel_of(version), headers=PART | {"Accept-Language": language}).content.decode()
        assert replay in text
        assert words in text
        assert reverse("serving:proof-now", args=[version.uuid]) not in text


def test_panel_of_a_failed_proof_says_that_its_environment_is_gone(as_developer, tmp_path):
    version = failed(package_with(tmp_path, ANSWERS))
    VersionEnvironment.objects.update(environment=None)

    text = as_developer.get(panel_of(version), headers=PART).content.decode()

    assert "The environment this version was built into is gone" in text
    assert reverse("serving:proof-replay", args=[version.uuid, version.proof_records.get().uuid]) not in text


def test_viewers_replay_no_failed_proof(client, viewer, tmp_path):
    version = failed(package_with(tmp_path, ANSWERS))
    client.force_login(viewer)
    replay = reverse("serving:proof-replay", args=[version.uuid, version.proof_records.get().uuid])

    assert replay not in client.get(panel_of(version), headers=PART).content.decode()
    assert client.post(replay).status_code == 403


def test_prove_now_starts_one_and_returns(as_developer, tmp_path):
    version = normal(package_with(tmp_path, ANSWERS))

    answer = as_developer.post(reverse("serving:proof-now", args=[version.uuid]))

    assert answer.status_code == 302
    assert answer["Location"] == f"/versions/{version.uuid}/#version-proof"
    assert version.proof_records.get().asked_by_name == "dev"


def test_that_a_proof_runs_is_told_until_it_has_ended(as_developer, developer, tmp_path):
    version = normal(package_with(tmp_path, ANSWERS))

    page = as_developer.post(reverse("serving:proof-now", args=[version.uuid]), follow=True).content.decode()
    runs = as_developer.get(panel_of(version), headers=PART)
    version.proof_records.update(state=ProofState.ANSWERED)
    ended = as_developer.get(panel_of(version), headers=PART)

    assert '<div class="notice fleeting info">' in page
    assert "HX-Trigger" not in runs
    assert json.loads(ended["HX-Trigger"]) == {"moved": {}}


def test_prove_now_says_why_it_cannot(as_developer):
    version = make_version(proof=Proof.CANNOT_RUN_HERE)

    answer = as_developer.post(reverse("serving:proof-now", args=[version.uuid]), follow=True)

    assert [str(message) for message in answer.context["messages"]] == [
        "A model of this engine cannot run on this installation, so it cannot be started."
    ]
    assert not ProofRecord.objects.exists()


def test_replay_begins_another(as_developer, developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    version = normal(package)
    first = answered(version, package, developer)

    as_developer.post(reverse("serving:proof-replay", args=[version.uuid, first.uuid]))

    assert version.proof_records.first().request == first.request | {"occasion": "replay"}


def test_replay_of_another_versions_proof_does_not_exist(as_developer, tmp_path):
    version, other = normal(package_with(tmp_path, ANSWERS)), normal(name="other")
    record = proof.start(other, {})

    assert as_developer.post(reverse("serving:proof-replay", args=[version.uuid, record.uuid])).status_code == 404


def test_the_raw_answer_is_a_file_never_a_page(as_developer):
    version = normal()
    body = base64.b64encode(b"<script>alert(1)</script>").decode()
    record = ProofRecord.objects.create(version=version, answer={"status": 200, "headers": {}, "body": body})

    answer = as_developer.get(reverse("serving:proof-answer", args=[version.uuid, record.uuid]))

    assert answer.content == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"


def asked_with_a_picture(version):
    files = {"images": [SentFile("seven.png", "image/png", PNG), SentFile("<b>.txt", "text/plain", b"<b>\r\n")]}
    asked = form_request(Api(), {"k": "3"}, files)
    request = asked.as_dict() | {"origin": "user"}
    return ProofRecord.objects.create(version=version, state=ProofState.STARTED, request=request)


def test_picture_that_was_asked_is_shown_and_its_files_can_be_had(as_developer):
    version = normal()
    record = asked_with_a_picture(version)
    place = reverse("serving:proof-request", args=[version.uuid, record.uuid])

    text = as_developer.get(panel_of(version), headers=PART).content.decode()
    whole = as_developer.get(place)
    files = [as_developer.get(place, {"file": number}) for number in (0, 1)]

    assert f'data-picture="{base64.b64encode(PNG).decode()}"' in text
    assert f'href="{place}?file=1"><bdi>&lt;b&gt;.txt</bdi>' in text
    assert whole.content == base64.b64decode(record.request["body"])
    assert [each.content for each in files] == [PNG, b"<b>\r\n"]
    assert [each["Content-Type"] for each in (whole, *files)] == [
        "application/octet-stream",
        "image/png",
        "application/octet-stream",
    ]
    assert files[0]["Content-Disposition"] == 'attachment; filename="seven.png"'


@pytest.mark.parametrize("wanted", ["2", "-1", "x", ""])
def test_file_that_was_not_asked_does_not_exist(as_developer, wanted):
    version = normal()
    record = asked_with_a_picture(version)

    place = reverse("serving:proof-request", args=[version.uuid, record.uuid])

    assert as_developer.get(place, {"file": wanted}).status_code == 404


def test_request_of_a_proof_that_asked_nothing_or_of_another_workspace_does_not_exist(as_developer):
    version, other = normal(), make_version(workspace=make_workspace("elsewhere"))
    records = [ProofRecord.objects.create(version=version), asked_with_a_picture(other)]

    places = [reverse("serving:proof-request", args=[each.version.uuid, each.uuid]) for each in records]

    assert [as_developer.get(place).status_code for place in places] == [404, 404]


def test_occasion_says_which_button_began_a_proof(as_developer, developer, tmp_path):
    package = package_with(tmp_path, ANSWERS)
    version = normal(package)
    first = answered(version, package, developer)
    services_proofs.replay(first, by=developer)

    shown = as_developer.get(panel_of(version), headers=PART).context

    assert [each.occasion for each in shown["records"]] == ["Replay", "Prove now"]
    assert shown["shown"].occasion == "Replay"


def test_viewers_see_proofs_and_begin_none(client, viewer, tmp_path):
    version = normal(package_with(tmp_path, ANSWERS))
    client.force_login(viewer)

    assert "Prove now" not in client.get(panel_of(version), headers=PART).content.decode()
    assert client.post(reverse("serving:proof-now", args=[version.uuid])).status_code == 403
    assert not ProofRecord.objects.exists()


def test_proofs_of_another_workspace_do_not_exist(as_developer):
    version = make_version(workspace=make_workspace("elsewhere"))

    assert as_developer.get(panel_of(version)).status_code == 404
    assert as_developer.post(reverse("serving:proof-now", args=[version.uuid])).status_code == 404


def test_the_version_page_loads_the_panel(as_developer):
    version = make_version(digest="0" * 64)

    assert f'hx-get="{panel_of(version)}"' in as_developer.get(version.get_absolute_url()).content.decode()


def test_panel_says_that_the_environment_is_built_first(as_developer):
    version = make_version()

    answer = as_developer.post(reverse("serving:proof-now", args=[version.uuid]), follow=True)
    text = as_developer.get(panel_of(version), headers=PART).content.decode()

    told = "Its environment is being built; then it is started and asked."
    assert [str(message) for message in answer.context["messages"]] == [told]
    assert told in text
    assert "hx-trigger" in text
