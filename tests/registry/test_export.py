"""Exporting a version: the same bytes each time, whole, and only to those who may have them."""

import io
import json
import zipfile

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from registry.artifacts import ingest
from registry.digests import package_digest
from registry.errors import ArtifactStoreUnavailable
from registry.exports import archive_of, export_chunks, receipt
from registry.models import ModelSource, Status
from tests import factories
from tests.artifact_kinds import Files
from tests.registry.exporting import PACKAGE, exportable, zip_of

pytestmark = pytest.mark.django_db


def address(version):
    return reverse("registry:version-export", args=[version.uuid])


def test_export_holds_the_package_with_its_manifest_and_receipt():
    version = exportable(source_path="/demo/digits/", created_by_name="ann")

    with zipfile.ZipFile(io.BytesIO(zip_of(version))) as archive:
        names = archive.namelist()
        found = {name: archive.read(name) for name in names}

    assert names == ["MANIFEST.json", "RECEIPT.json", *sorted(PACKAGE)]
    assert {name: found[name] for name in PACKAGE} == PACKAGE
    manifest, receipt = json.loads(found["MANIFEST.json"]), json.loads(found["RECEIPT.json"])
    assert manifest["digest"] == receipt["digest"] == f"sha256:{version.digest}"
    assert [file["path"] for file in manifest["files"]] == sorted(PACKAGE)
    assert (receipt["imported_by"], receipt["source"]["path"]) == ("ann", "/demo/digits/")


def test_receipt_names_the_tools_that_judged_the_package_and_what_they_said():
    tools = {"modelport-check": "1", "modelaudit-picklescan": "0.1.12"}
    version = exportable(scan={"verdict": "clean", "files": [], "tools": tools}, findings=[{"code": "a"}])

    said = receipt(version)

    assert (said["tools"], said["findings"]) == (tools, [{"code": "a"}])
    assert said["scan"] == {"verdict": "clean", "files": []}


def test_export_is_the_same_each_time():
    version = exportable()

    assert zip_of(version) == zip_of(version)


def test_what_was_exported_has_the_digest_of_the_version():
    version = exportable()

    with zipfile.ZipFile(io.BytesIO(zip_of(version))) as archive:
        files = [(name, ingest([archive.read(name)])) for name in archive.namelist() if name.startswith("model/")]

    assert package_digest((name, kept.size, kept.sha256) for name, kept in files) == version.digest


def test_export_of_an_image_version_holds_only_its_configuration():
    version = exportable(engine="Image")

    with zipfile.ZipFile(io.BytesIO(zip_of(version))) as archive:
        assert archive.namelist() == ["MANIFEST.json", "RECEIPT.json", "model/config.json"]


def test_export_comes_in_pieces():
    version = exportable(package={"model/config.json": b"{}", "model/large.bin": b"x" * (5 * 1024 * 1024)})

    assert max(len(chunk) for chunk in export_chunks(version)) < 2 * 1024 * 1024


NAMES = {"model/config.json": b"{}", "model/数据.txt": b"", "model/large.bin": b"x" * 3000, "model/z.bin": b"z" * 999}


@pytest.mark.parametrize(("limit", "count"), [(2**31 - 1, 9), (3000, 9), (2999, 9), (500, 9), (9999, 3)])
def test_size_is_known_before_anything_is_read(monkeypatch, limit, count):
    """With the limits beyond which the format needs wider numbers brought down to these sizes."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", count)
    version = exportable(package=NAMES)

    assert archive_of(version).size == len(zip_of(version))


@pytest.mark.parametrize("content", [b"short", b"x" * 9000])
def test_export_breaks_off_when_a_stored_file_is_not_whole(content):
    version = exportable()
    Files().spoil(version.files.get(path="model/model.pkl").sha256, content)

    with pytest.raises(ArtifactStoreUnavailable):
        zip_of(version)


def test_page_gives_the_archive_as_an_attachment_and_records_who_took_it(client, viewer):
    version = exportable()
    client.force_login(viewer)

    response = client.get(address(version))

    whole = response.getvalue()
    assert whole == zip_of(version)
    assert response["Content-Length"] == str(len(whole))
    assert response["Content-Disposition"] == 'attachment; filename="digits-0.0.1.zip"'
    event = AuditEvent.objects.get(code="version.exported")
    assert (event.actor, event.params["version"], event.params["digest"]) == (viewer, "0.0.1", version.digest)


@pytest.mark.parametrize("source", [ModelSource.EXEML, ModelSource.SUBSCRIBED])
def test_exeml_and_subscribed_versions_are_never_given_out(client, admin, source):
    version = exportable(model_source=source)
    client.force_login(admin)

    answer = client.get(address(version))

    assert answer.status_code == 403
    assert ("ExeML" if source == ModelSource.EXEML else "belong to their publisher") in answer.text
    assert "Back to the version" in answer.text
    assert "/export/" not in client.get(version.get_absolute_url()).text


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.NORMAL])
def test_version_that_is_not_normal_is_refused_with_the_reason(client, viewer, status):
    version = factories.make_version(status=status)
    client.force_login(viewer)

    response = client.get(address(version))

    assert response.status_code == 409
    assert "Only a version that is Normal can be exported" in response.text


def test_version_of_another_workspace_is_not_found(client, viewer):
    version = exportable(workspace=factories.make_workspace("theirs"))
    client.force_login(viewer)

    assert client.get(address(version)).status_code == 404
