import pytest
from django.urls import reverse

from registry import artifacts
from registry.models import StoredFile
from tests.accounts.people import SECRET, make_token
from tests.factories import make_member, make_version, make_workspace


def stored(version, path="model/config.json", content=b"{}"):
    kept = artifacts.ingest([content])
    return StoredFile.objects.create(version=version, path=path, size=kept.size, sha256=kept.sha256)


def address(file):
    return reverse("registry:file-download", args=[file.version.uuid, file.path])


@pytest.mark.parametrize("path", ["model/config.json", "model/数据 1?#%.html", "model/a b/c&d.svg"])
def test_download_gives_the_bytes_as_an_attachment(as_viewer, path):
    file = stored(make_version(), path, b"<script>alert(1)</script>")

    answer = as_viewer.get(address(file))

    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == "25"


@pytest.mark.parametrize("source", ["auto", "subscribe"])
def test_download_never_gives_out_exeml_and_subscribed_versions(client, admin, source):
    version = make_version(model_source=source, file_count=1)
    file = stored(version)
    client.force_login(admin)

    page = client.get(f"/versions/{version.uuid}/?tab=files").content.decode()

    assert client.get(address(file)).status_code == 403
    assert address(file) not in page
    assert "Files of ExeML and subscribed models are not given out." in page


def test_download_of_another_workspace_or_an_unknown_path_does_not_exist(as_viewer):
    theirs = stored(make_version(workspace=make_workspace("elsewhere")))
    ours = stored(make_version())

    assert as_viewer.get(address(theirs)).status_code == 404
    assert as_viewer.get(address(ours) + ".bak").status_code == 404
    assert as_viewer.get(address(ours) + "%00").status_code == 404


def test_download_says_so_when_the_store_lost_the_bytes(as_viewer):
    file = stored(make_version())
    StoredFile.objects.update(sha256="0" * 64)

    answer = as_viewer.get(address(file))

    assert answer.status_code == 503
    assert "The artifact store did not give this file." in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "The artifact store did not give this file. Try again in a moment."),
        ("zh-hans", "制品存储未能提供该文件，请稍后重试。"),
    ],
)
def test_download_with_a_token_says_so_in_json(client, language, said):
    file = stored(make_version())
    StoredFile.objects.update(sha256="0" * 64)
    make_token(make_member("ann"))

    answer = client.get(address(file), headers={"authorization": f"Bearer {SECRET}", "Accept-Language": language})

    assert (answer.status_code, answer.json()) == (503, {"error_code": "ModelArts.0001", "error_msg": said})
