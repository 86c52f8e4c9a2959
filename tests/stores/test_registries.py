"""Commands on connections, and what an image of a workspace's own registries is."""

import dataclasses
import time

import pytest

from accounts.models import AuditEvent
from accounts.secrets import unseal
from stores.errors import SourceUnavailable
from stores.models import RegistryConnection
from stores.oci_images import ImageFacts
from stores.services_registries import (
    RegistryEntry,
    check_registry,
    connect_registry,
    digest_now,
    edit_registry,
    place_of,
    probe_registry,
    remove_registry,
    repositories_of,
    resolve_image,
    with_saved_password,
)
from tests.factories import make_workspace
from tests.oci_registry import PASSWORD, USER
from tests.stores import oci_answers
from tests.stores.answers import Answer, answering
from tests.stores.asking import code, refused


def entry_of(connection, **values):
    place = dataclasses.replace(place_of(connection), **values)
    return RegistryEntry(connection.name, place, connection.patterns)


def test_connecting_seals_the_password_and_records_no_secret(connection, admin):
    assert PASSWORD not in connection.password
    assert unseal(connection.password) == {"password": PASSWORD}
    event = AuditEvent.objects.get()
    assert (event.code, event.actor, event.params["username"]) == ("registry.connected", admin, USER)
    assert PASSWORD not in str(event.params)


def test_connecting_refuses_a_name_that_is_taken_in_the_workspace_alone(connection, admin):
    entry = entry_of(connection)

    assert code(connect_registry, connection.workspace, entry, by=admin) == "registry.name_taken"
    assert connect_registry(make_workspace("other"), entry, by=admin).name == "team"


def test_editing_records_what_changed_and_voids_the_test(connection, admin):
    check_registry(connection)

    edit_registry(connection, entry_of(connection, blob_hosts=("blobs.example",)), by=admin)

    connection.refresh_from_db()
    assert (connection.blob_hosts, connection.checked_at, connection.check_code) == ("blobs.example", None, "")
    assert unseal(connection.password) == {"password": PASSWORD}
    event = AuditEvent.objects.first()
    assert (event.code, event.params["changed"]) == ("registry.edited", ["blob_hosts"])


def test_editing_refuses_the_name_of_another(connection, admin):
    other = connect_registry(connection.workspace, RegistryEntry("other", place_of(connection)), by=admin)

    assert code(edit_registry, other, RegistryEntry("team", place_of(other)), by=admin) == "registry.name_taken"


@pytest.mark.parametrize(
    "change",
    [
        {"address": "elsewhere.example"},
        {"insecure": False},
        {"token_host": "elsewhere.example"},
        {"ca": "another"},
        {"username": "bob"},
    ],
)
def test_saved_password_goes_nowhere_else(connection, change):
    place = dataclasses.replace(place_of(connection), password="", **change)

    assert code(with_saved_password, connection, place) == "registry.credentials_needed"


def test_saved_password_stays_where_only_blobs_lie_elsewhere(connection):
    place = dataclasses.replace(place_of(connection), password="", blob_hosts=("blobs.example",))

    assert with_saved_password(connection, place).password == PASSWORD


def test_password_under_another_key_is_said(connection):
    RegistryConnection.objects.update(password="written under another key")
    connection.refresh_from_db()

    assert code(place_of, connection) == "registry.secret_unreadable"
    assert check_registry(connection).code == "registry.secret_unreadable"


def test_removing_forgets_and_records(connection, admin):
    remove_registry(connection, by=admin)

    assert not RegistryConnection.objects.exists()
    assert AuditEvent.objects.first().code == "registry.removed"


def test_check_keeps_what_it_came_to(connection, token_connection):
    check_registry(connection)
    check_registry(token_connection)
    RegistryConnection.objects.filter(pk=connection.pk).update(address="127.0.0.1:9")
    before = RegistryConnection.objects.get(pk=connection.pk)
    assert (before.check_code, before.check_params) == ("works", {})

    check_registry(before)

    codes = RegistryConnection.objects.order_by("name").values_list("check_code", flat=True)
    assert list(codes) == ["registry.connection_refused", "registry.no_catalog"]
    assert RegistryConnection.objects.get(pk=connection.pk).check_params["address"] == "127.0.0.1:9"


def test_probe_says_who_was_asked(passwords):
    with answering(lambda request: oci_answers.as_json({"repositories": []})) as server:
        open_one = probe_registry(oci_answers.place_of(server))

    assert (open_one.signed_in, open_one.catalog) == (False, True)
    assert probe_registry(oci_answers.place_of(passwords)).signed_in


def test_probe_notices_a_password_that_only_the_catalog_asks_for():
    def answer(request):
        if request.path == "/v2/":
            return Answer(200, b"{}")
        return oci_answers.refusing(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')

    with answering(answer) as server:
        assert code(probe_registry, oci_answers.place_of(server)) == "registry.unauthorised"


def test_image_is_resolved_through_the_connection_of_its_registry(connection, passwords):
    digest, _ = passwords.push("team/iris", "1.0")

    facts = resolve_image(connection.workspace, f"{passwords.address}/team/iris:1.0")

    assert isinstance(facts, ImageFacts)
    assert facts.pinned == f"{passwords.address}/team/iris:1.0@{digest}"
    assert resolve_image(connection.workspace, facts.pinned).digest == digest
    with pytest.raises(dataclasses.FrozenInstanceError):
        facts.digest = "other"


def test_image_of_a_registry_that_is_not_connected_is_refused(connection, passwords):
    assert code(resolve_image, connection.workspace, "elsewhere.example/team/iris:1.0") == "image.not_connected"
    assert code(resolve_image, connection.workspace, "not an image") == "image.malformed"


def test_image_of_another_workspace_s_registry_is_refused(connection, passwords):
    passwords.push("team/iris", "1.0")

    outside = code(resolve_image, make_workspace("other"), f"{passwords.address}/team/iris:1.0")

    assert outside == "image.not_connected"


def test_image_outside_the_allowed_repositories_is_refused(connection, passwords):
    passwords.push("private/iris", "1.0")

    refusal = refused(resolve_image, connection.workspace, f"{passwords.address}/private/iris:1.0")

    assert (refusal.code, refusal.params["repository"]) == ("image.not_allowed", "private/iris")


def test_image_is_found_through_whichever_connection_allows_it(connection, passwords, admin):
    passwords.push("private/iris", "1.0")
    connect_registry(connection.workspace, RegistryEntry("zoo", place_of(connection), ("private/*",)), by=admin)

    facts = resolve_image(connection.workspace, f"{passwords.address}/private/iris:1.0")

    assert facts.reference.repository == "private/iris"


def test_image_has_to_be_made_for_the_platform(connection, passwords):
    passwords.push("team/arm", "1.0", platform="linux/arm64")
    reference = f"{passwords.address}/team/arm:1.0"

    assert code(resolve_image, connection.workspace, reference) == "image.platform_missing"
    assert resolve_image(connection.workspace, reference, platform="linux/arm64").platform == "linux/arm64"
    assert code(resolve_image, connection.workspace, reference, platform="a b") == "image.platform_malformed"


def test_repositories_are_those_that_are_allowed(connection, passwords):
    passwords.push("team/iris", "1.0")
    passwords.push("private/iris", "1.0")

    names = repositories_of(connection).names

    assert "team/iris" in names
    assert [name for name in names if not name.startswith("team/")] == []


def test_repositories_allowed_by_name_are_known_without_a_list(token_connection):
    token_connection.repositories = "team/iris\nteam/digits\nother/*"

    names = repositories_of(token_connection)

    assert (names.names, names.complete) == (("team/iris", "team/digits"), False)
    token_connection.repositories = "team/iris"
    assert repositories_of(token_connection).complete
    token_connection.repositories = ""
    assert code(repositories_of, token_connection) == "registry.no_catalog"


def test_digest_now_is_what_the_tag_means_and_takes_no_longer_than_it_may(workspace, admin, passwords):
    digest, _ = passwords.push("team/now", "1.0")
    connect_registry(workspace, RegistryEntry("now", oci_answers.place_of(passwords)), by=admin)
    image = oci_answers.reference(passwords, repository="team/now")

    with pytest.raises(SourceUnavailable) as late:
        digest_now(workspace, image, seconds=0)

    assert digest_now(workspace, image, seconds=5) == digest
    assert late.value.code == "registry.timed_out"


def test_digest_now_gives_up_on_a_registry_that_is_slow(workspace, admin):
    def slowly(request):
        time.sleep(1.5)
        return Answer(200, b"{}", {})

    with answering(slowly) as server:
        connect_registry(workspace, RegistryEntry("slow", oci_answers.place_of(server)), by=admin)
        began = time.monotonic()
        with pytest.raises(SourceUnavailable) as late:
            digest_now(workspace, oci_answers.reference(server), seconds=0.3)

    assert late.value.code == "registry.timed_out"
    assert time.monotonic() - began < 3
