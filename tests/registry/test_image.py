"""The container image of a version on its page, and what became of its tag."""

import pytest
from django.urls import reverse

from registry.models import ModelVersion
from registry.queries_image import fate_of
from stores.models import RegistryConnection
from tests.factories import make_version
from tests.importers.images import connect, image_at, submit
from tests.importers.jobs import run
from tests.ports import free_port

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true", "HX-Target": "image-fate"}


@pytest.fixture
def registry(passwords, workspace):
    connect(passwords)
    return passwords


def imported(registry, image="", **values):
    run(submit(image or image_at(registry), **values))
    return ModelVersion.objects.select_related("model__workspace").get()


def fate_page(client, version, **headers):
    return client.get(reverse("registry:version-image", args=[version.uuid]), headers=PART | headers)


def test_overview_shows_the_image_its_consent_and_asks_for_the_tag_afterwards(as_viewer, registry, developer):
    digest, _ = registry.push("team/greeter", "1.0")
    version = imported(registry, by=developer)

    html = as_viewer.get(version.get_absolute_url()).text

    assert f"{image_at(registry)}@{digest}" in html
    assert "linux/amd64" in html
    assert "1000:1000" in html
    assert f'hx-get="/versions/{version.uuid}/image/" hx-trigger="load"' in html
    assert f'href="/versions/{version.uuid}/image/"' in html
    assert "Consent to share" in html
    assert "<bdi>dev</bdi>" in html


def test_overview_of_another_version_has_no_image(as_viewer):
    html = as_viewer.get(make_version().get_absolute_url()).text

    assert "image-fate" not in html


def test_overview_speaks_chinese(as_viewer, registry):
    registry.push("team/greeter", "1.0")

    html = as_viewer.get(imported(registry).get_absolute_url(), headers={"Accept-Language": "zh-CN"}).text

    assert "共享同意" in html


def test_tag_that_stayed_is_said(as_viewer, registry):
    registry.push("team/greeter", "1.0")

    html = fate_page(as_viewer, imported(registry)).text

    assert "The tag “1.0” still means this image." in html
    assert "<html" not in html


def test_tag_that_moved_is_shown_and_changes_nothing(client, developer, registry):
    client.force_login(developer)
    registry.push("team/greeter", "1.0")
    version = imported(registry)
    before = ModelVersion.objects.values().get()
    moved, _ = registry.push("team/greeter", "1.0", layer=b"another image")

    html = fate_page(client, version).text

    assert "The tag “1.0” means another image by now." in html
    assert moved in html
    assert f"model={version.model.uuid}&amp;source=image" in html
    assert ModelVersion.objects.values().get() == before


def test_viewer_is_not_offered_a_new_version(as_viewer, registry):
    registry.push("team/greeter", "1.0")
    version = imported(registry)
    registry.push("team/greeter", "1.0", layer=b"another image")

    assert "imports/new" not in fate_page(as_viewer, version).text


def test_moved_tag_is_said_in_chinese(as_viewer, registry):
    registry.push("team/greeter", "1.0")
    version = imported(registry)
    registry.push("team/greeter", "1.0", layer=b"another image")

    html = fate_page(as_viewer, version, **{"Accept-Language": "zh-CN"}).text

    assert "标签“1.0”现已指向另一个镜像" in html


def test_image_that_was_deleted_is_said(registry):
    digest, _ = registry.push("team/gone", "1.0", layer=b"soon gone")
    version = imported(registry, image_at(registry, repository="team/gone"))
    registry.delete("team/gone", digest)

    fate = fate_of(version)

    assert (fate.now, fate.moved) == ("", False)
    assert fate.gone != ""


def test_image_chosen_by_digest_has_no_tag_that_could_move(as_viewer, registry):
    digest, _ = registry.push("team/greeter", "1.0")
    version = imported(registry, f"{registry.address}/team/greeter@{digest}")

    assert "It was chosen by its digest" in fate_page(as_viewer, version).text


def test_registry_that_is_not_connected_any_more_is_said(as_viewer, registry):
    registry.push("team/greeter", "1.0")
    version = imported(registry)
    RegistryConnection.objects.all().delete()

    html = fate_page(as_viewer, version).text

    assert "could not be asked" in html
    assert "has no connection to the registry" in html


def test_registry_that_does_not_answer_is_said(as_viewer, registry):
    registry.push("team/greeter", "1.0")
    version = imported(registry)
    away = f"127.0.0.1:{free_port()}"
    RegistryConnection.objects.update(address=away)
    version.source_params["pinned"]["reference"] = version.source_params["pinned"]["reference"].replace(
        registry.address, away
    )
    version.save(update_fields=["source_params"])

    assert "refused the connection" in fate_page(as_viewer, version).text


def test_without_javascript_it_is_a_page(as_viewer, registry):
    registry.push("team/greeter", "1.0")
    version = imported(registry)

    html = as_viewer.get(reverse("registry:version-image", args=[version.uuid])).text

    assert "<html" in html
    assert "The tag “1.0” still means this image." in html
    assert f'href="{version.get_absolute_url()}"' in html


def test_version_without_an_image_has_no_such_page(as_viewer):
    assert fate_page(as_viewer, make_version()).status_code == 404


def test_comparison_shows_the_digests_of_the_images(as_viewer, registry):
    first, _ = registry.push("team/greeter", "1.0")
    run(submit(image_at(registry)))
    second, _ = registry.push("team/greeter", "1.0", layer=b"another image")
    run(submit(image_at(registry), number="0.0.2"))
    model = ModelVersion.objects.first().model

    html = as_viewer.get(reverse("registry:model-compare", args=[model.uuid])).text

    assert "Image digest" in html
    assert first in html
    assert second in html
