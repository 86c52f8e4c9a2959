"""Importing a container image: what it refuses, what it finds beforehand, and what becomes of it."""

import hashlib
import io
import json
import zipfile
from time import sleep

import pytest
from django.core.management import call_command

from accounts.models import AuditEvent
from importers.models import ImportJob, State
from importers.package.report import ALL_TYPES
from importers.services import preview_source
from importers.sources import source_for
from importers.sources.image import WORDS
from importers.tasks import run_import
from registry import artifacts
from registry.exports import export_chunks
from registry.findings import Finding
from registry.models import ModelVersion, Proof, Status
from stores.errors import SourceRefused
from tests.factories import make_workspace
from tests.importers.images import BARE, TEXT, connect, image_at, preview, submit
from tests.importers.jobs import put, run
from tests.importers.jobs import submit as submit_from_obs
from tests.oci_registry import RUN
from tests.ports import free_port
from tests.stores.answers import Answer, answering
from tests.stores.oci_answers import reference

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry(passwords, workspace):
    connect(passwords)
    return passwords


def codes(report):
    return [finding.code for finding in report.findings]


def test_image_comes_to_normal_with_its_digest_pinned(registry, developer):
    digest, _ = registry.push("team/greeter", "1.0")
    image = image_at(registry)

    job = run(submit(image, by=developer))

    version = ModelVersion.objects.get()
    stored = version.files.get()
    pinned = version.source_params["pinned"]
    assert (job.state, version.status, version.engine) == (State.SUCCEEDED, Status.NORMAL, "Image")
    assert (version.proof, version.proof_code) == (Proof.CANNOT_RUN_HERE, "cannot_run.needs_containers")
    assert (stored.path, artifacts.open_artifact(stored.sha256).read()) == ("model/config.json", TEXT.encode())
    assert (version.source_path, version.scan_verdict) == (image, "")
    assert (pinned["digest"], pinned["reference"]) == (digest, f"{image}@{digest}")
    assert (pinned["platform"], pinned["size"], pinned["layers"]) == ("linux/amd64", 14, 2)
    assert (pinned["user"], pinned["ports"]) == ("1000:1000", ["8080/tcp", "9090/tcp"])
    assert (pinned["entrypoint"], pinned["command"]) == (["/usr/bin/python3"], ["-m", "server"])
    assert pinned["labels"] == RUN["Labels"]
    assert "hidden-value" not in json.dumps(version.source_params)


def test_digest_of_a_version_covers_its_configuration_and_its_image(registry):
    digest, _ = registry.push("team/greeter", "1.0")

    run(submit(image_at(registry)))

    content = TEXT.encode()
    line = f"model/config.json\0{len(content)}\0{hashlib.sha256(content).hexdigest()}\nimage\0{digest}\n"
    assert ModelVersion.objects.get().digest == hashlib.sha256(line.encode()).hexdigest()


def test_registry_that_takes_longer_than_a_lease_is_asked_again_later(settings):
    settings.IMPORT_LEASE_SECONDS = 0.4

    def slowly(request):
        sleep(1)
        return Answer(404)

    with answering(slowly) as server:
        connect(server)
        report = preview(str(reference(server)))
        job = run(submit(str(reference(server))))

    assert codes(report) == ["registry.timed_out"]
    assert (job.state, job.reason_code) == (State.QUEUED, "registry.timed_out")


def test_import_delivered_twice_is_one_import(registry):
    registry.push("team/greeter", "1.0")
    job = submit(image_at(registry))

    run_import(job.pk)
    run_import(job.pk)

    assert ImportJob.objects.get().state == State.SUCCEEDED
    assert ModelVersion.objects.get().files.count() == 1


def test_tag_that_moves_never_changes_a_version(registry):
    first, _ = registry.push("team/greeter", "1.0")
    run(submit(image_at(registry)))
    before = ModelVersion.objects.values().get()

    second, _ = registry.push("team/greeter", "1.0", layer=b"another image")
    run(submit(image_at(registry), number="0.0.2"))

    after, new = ModelVersion.objects.order_by("patch")
    assert ModelVersion.objects.values().get(pk=after.pk) == before
    assert [each.source_params["pinned"]["digest"] for each in (after, new)] == [first, second]
    assert after.digest != new.digest


def test_what_was_looked_at_is_imported_when_the_tag_moves_meanwhile(registry):
    digest, _ = registry.push("team/greeter", "1.0")
    seen = preview(image_at(registry)).pins["image"]
    registry.push("team/greeter", "1.0", layer=b"another image")

    run(submit(seen))

    version = ModelVersion.objects.get()
    assert version.source_params["pinned"]["digest"] == digest
    assert version.source_path == image_at(registry)


def test_index_is_pinned_as_a_whole_and_described_for_the_usual_platform(registry):
    digest, images = registry.push_index("team/greeter", "1.0", ["linux/arm64/v8", "linux/amd64"])

    pinned = preview(image_at(registry)).facts["pinned"]

    assert (pinned["digest"], pinned["manifest_digest"]) == (digest, images[1])
    assert (pinned["platform"], pinned["platforms"]) == ("linux/amd64", ["linux/arm64/v8", "linux/amd64"])


def test_image_may_be_named_by_its_digest_alone(registry):
    digest, _ = registry.push("team/greeter", "1.0")
    image = f"{registry.address}/team/greeter@{digest}"

    run(submit(image))

    assert ModelVersion.objects.get().source_path == image


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "image.missing"),
        ("no image at all", "image.malformed"),
        ("{address}/team/greeter", "image.no_tag"),
        ("{address}/team/greeter:none", "image.tag_missing"),
        ("{address}/team/nothing:1.0", "image.repository_missing"),
        ("{address}/other/greeter:1.0", "image.not_allowed"),
        ("registry.example.com/team/greeter:1.0", "image.not_connected"),
        ("{address}/team/arm:1.0", "image.platform_missing"),
    ],
)
def test_each_refusal_has_its_own_code_beside_what_the_configuration_says(registry, name, code):
    registry.push("team/greeter", "1.0")
    registry.push("team/arm", "1.0", platform="linux/arm64")

    report = preview(name.format(address=registry.address), config="{}")

    assert codes(report)[0] == code
    assert "config.algorithm_missing" in codes(report)
    assert not report.importable
    assert all("%(" not in finding.message for finding in report.findings)


def test_wrong_password_is_a_refusal(passwords, workspace):
    connect(passwords, password="wrong")

    assert codes(preview(image_at(passwords)))[0] == "image.not_signed_in"


def test_repository_the_user_may_not_pull_is_a_refusal(tokens, workspace):
    tokens.push("secret/greeter", "1.0")
    connect(tokens, patterns=(), token_host=tokens.token_host)

    assert codes(preview(image_at(tokens, repository="secret/greeter")))[0] == "image.denied"


def test_registry_of_another_workspace_is_not_this_one_s(passwords, workspace):
    from_elsewhere = type(workspace).objects.create(name="elsewhere")
    connect(passwords, from_elsewhere)
    passwords.push("team/greeter", "1.0")

    assert codes(preview(image_at(passwords)))[0] == "image.not_connected"


def test_image_that_is_too_large_is_refused(registry, settings):
    registry.push("team/greeter", "1.0")
    settings.IMAGE_MAX_BYTES = 10

    report = preview(image_at(registry))

    assert codes(report) == ["image.too_big", "image.unscanned"]
    assert dict(report.findings[0].params) == {"size": "14 bytes", "limit": "10 bytes"}


def test_image_made_for_another_platform_is_accepted_where_that_is_the_usual_one(registry, settings):
    registry.push("team/greeter", "1.0", platform="linux/arm64")
    settings.IMAGE_PLATFORM = "linux/arm64"

    assert preview(image_at(registry)).importable


def test_image_that_says_little_is_imported_with_warnings(registry):
    registry.push("team/greeter", "1.0", run=BARE | {"ExposedPorts": {"9000/tcp": {}}})

    report = preview(image_at(registry))

    assert codes(report) == ["image.no_command", "image.port_other", "image.runs_as_root", "image.unscanned"]
    assert report.importable


def test_configuration_is_needed_and_judged(registry):
    registry.push("team/greeter", "1.0")

    assert "image.config_missing" in codes(preview(image_at(registry), config=None))
    assert "config.dependencies_for_image" in codes(
        preview(image_at(registry), config=json.dumps(json.loads(TEXT) | {"dependencies": [{"installer": "pip"}]}))
    )
    assert "config.model_type_not_image" in codes(
        preview(image_at(registry), config=TEXT.replace('"Image"', '"PyTorch"'))
    )


def test_import_finds_the_same_as_looking_beforehand(registry):
    registry.push("team/greeter", "1.0", run=BARE)
    looked = [finding.as_dict() for finding in preview(image_at(registry), config="{}").findings]

    job = run(submit(image_at(registry), config="{}"))

    assert job.findings == looked


def test_image_that_was_deleted_meanwhile_fails_its_import(registry):
    digest, _ = registry.push("team/greeter", "1.0", layer=b"soon gone")
    job = submit(f"{image_at(registry)}@{digest}")
    registry.delete("team/greeter", digest)

    job = run(job)

    assert (job.state, job.reason_code) == (State.FAILED, "import.refused")
    assert job.findings[0]["code"] == "image.digest_missing"


def test_registry_that_does_not_answer_is_asked_again_later(workspace, settings):
    class Away:
        address = f"127.0.0.1:{free_port()}"

    connect(Away)

    report = preview(image_at(Away))
    job = run(submit(image_at(Away)))

    assert codes(report) == ["registry.connection_refused"]
    assert (job.state, job.reason_code) == (State.QUEUED, "registry.connection_refused")


def test_registry_that_never_answers_is_named_when_the_import_gives_up(workspace, settings):
    class Away:
        address = f"127.0.0.1:{free_port()}"

    connect(Away)
    job = submit(image_at(Away))
    settings.IMPORT_RETRY_SECONDS = 0

    for _attempt in range(settings.IMPORT_ATTEMPTS):
        job = run(job)

    assert (job.state, job.reason_code) == (State.FAILED, "import.source_gave_up")
    (found,) = (Finding.from_dict(each) for each in job.findings)
    assert found.message.startswith(f"{Away.address} refused the connection: no registry listens there.")
    assert [each["code"] for each in job.version.findings] == [found.code]


def test_consent_is_needed_and_recorded(registry, developer):
    registry.push("team/greeter", "1.0")

    with pytest.raises(SourceRefused) as refused:
        submit(image_at(registry), by=developer, consent="")
    assert (refused.value.code, ModelVersion.objects.count()) == ("import.consent_missing", 0)
    run(submit(image_at(registry), by=developer))

    version = ModelVersion.objects.get()
    event = AuditEvent.objects.get(code="import.consented")
    consent = version.source_params["consent"]
    assert (consent["words"], consent["by"]) == (WORDS, "dev")
    assert consent["at"][:16] == version.created_at.isoformat()[:16]
    assert (event.actor, event.params) == (
        developer,
        {"name": "greeter", "version": "0.0.1", "image": image_at(registry), "words": WORDS},
    )


def in_obs(image):
    return put({"model/config.json": json.dumps(json.loads(TEXT) | {"swr_location": image}).encode()}, "greeter")


def test_image_that_a_package_in_obs_names_is_pinned_as_well(registry):
    digest, _ = registry.push("team/greeter", "1.0")
    path = in_obs(image_at(registry))

    looked = preview_source(workspace=make_workspace(), source_kind="obs", source={"path": path})
    job = run(submit_from_obs(path))

    version = ModelVersion.objects.get()
    assert (job.state, version.status, version.source_kind) == (State.SUCCEEDED, Status.NORMAL, "obs")
    assert version.source_params["pinned"]["digest"] == looked.facts["pinned"]["digest"] == digest
    assert version.findings == [finding.as_dict() for finding in looked.findings]
    assert codes(looked)[-2:] == ["image.unscanned", "image.not_asked"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("{address}/team/greeter:none", "image.tag_missing"),
        ("{address}/other/greeter:1.0", "image.not_allowed"),
        ("registry.example.com/team/greeter:1.0", "config.image_registry"),
    ],
)
def test_image_that_a_package_in_obs_names_is_refused_like_any_other(registry, name, code):
    registry.push("team/greeter", "1.0")
    path = in_obs(name.format(address=registry.address))

    looked = preview_source(workspace=make_workspace(), source_kind="obs", source={"path": path})
    job = run(submit_from_obs(path))

    assert code in codes(looked)
    assert not looked.importable
    assert job.findings == [finding.as_dict() for finding in looked.findings]


def test_other_sources_ask_for_no_consent():
    assert [source_for(kind).consent for kind in ("obs", "template")] == ["", ""]


def test_export_holds_configuration_manifest_and_receipt_with_the_image(registry):
    digest, _ = registry.push("team/greeter", "1.0")
    run(submit(image_at(registry)))

    with zipfile.ZipFile(io.BytesIO(b"".join(export_chunks(ModelVersion.objects.get())))) as archive:
        manifest, receipt = (json.loads(archive.read(name)) for name in ("MANIFEST.json", "RECEIPT.json"))
        names, text = archive.namelist(), archive.read("model/config.json")

    assert (names, text) == (["MANIFEST.json", "RECEIPT.json", "model/config.json"], TEXT.encode())
    assert manifest["image"] == {"reference": f"{image_at(registry)}@{digest}", "digest": digest}
    assert receipt["source"]["pinned"]["digest"] == digest
    assert receipt["source"]["consent"]["words"] == WORDS


def test_import_model_imports_an_image(registry, tmp_path, capsys):
    digest, _ = registry.push("team/greeter", "1.0")
    config = tmp_path / "config.json"
    config.write_text(TEXT)
    arguments = ("--workspace", "default", "--name", "greeter", "--source", "image", "--json")

    call_command("import_model", *arguments, "--image", image_at(registry), "--config", str(config))

    run(ImportJob.objects.get())
    version = ModelVersion.objects.get()
    assert json.loads(capsys.readouterr().out)["status"] == "publishing"
    assert (version.status, version.source_params["pinned"]["digest"]) == (Status.NORMAL, digest)
    assert version.types == list(ALL_TYPES)


def test_import_model_says_what_is_missing(registry, capsys):
    registry.push("team/greeter", "1.0")
    arguments = ("--workspace", "default", "--name", "greeter", "--source", "image", "--json")

    with pytest.raises(SystemExit):
        call_command("import_model", *arguments, "--image", image_at(registry))

    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "refused"
    assert "image.config_missing" in [finding["code"] for finding in answer["findings"]]
