"""The client against a real registry, with a password file and with a token service."""

import ipaddress
import json
import subprocess

import pytest

from stores.oci import RegistryClient
from stores.oci_place import RegistryPlace
from tests import oci_registry
from tests.oci_registry import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, PASSWORD, USER, sha256
from tests.stores.asking import code, refused
from tests.stores.oci_answers import client_of, reference

AMD, ARM = "linux/amd64", "linux/arm64/v8"


@pytest.fixture
def anybody(passwords):
    return client_of(passwords)


def test_ping_takes_the_right_password_alone(passwords):
    client = client_of(passwords)

    client.ping()

    assert client.signed_in
    assert code(client_of(passwords, password="wrong").ping) == "registry.unauthorised"
    assert code(client_of(passwords, username="bob").ping) == "registry.unauthorised"
    assert code(client_of(passwords, username="", password="").ping) == "registry.sign_in_needed"


@pytest.mark.parametrize("docker", [False, True])
def test_image_of_one_platform_is_described(passwords, anybody, docker):
    digest, _ = passwords.push("team/one", "1.0", docker=docker)

    facts = anybody.resolve(reference(passwords, repository="team/one"))

    kind = DOCKER_MANIFEST if docker else OCI_MANIFEST
    assert (facts.digest, facts.manifest_digest, facts.media_type, facts.manifest_type) == (digest, digest, kind, kind)
    assert [(each.platform, each.digest) for each in facts.platforms] == [(AMD, digest)]
    assert (facts.platform, facts.size, len(facts.layers)) == (AMD, len(b"a layer") + len(b"another"), 2)
    assert facts.pinned == f"{passwords.address}/team/one:1.0@{digest}"
    config = facts.config
    assert (config.user, config.working_dir, config.created) == ("1000:1000", "/srv", "2026-01-02T03:04:05Z")
    assert config.ports == ("8080/tcp", "9090/tcp")
    assert (config.entrypoint, config.command) == (("/usr/bin/python3",), ("-m", "server"))
    assert config.labels == (("maintainer", "team"), ("org.opencontainers.image.version", "1.0"))
    assert config.env_names == ("PATH", "API_KEY")
    assert "hidden-value" not in str(facts)


def test_index_describes_the_wanted_platform_and_names_all(passwords, anybody):
    digest, (amd, arm) = passwords.push_index("team/two", "1.0", [AMD, ARM])
    image = reference(passwords, repository="team/two")

    usual = anybody.resolve(image)
    other = anybody.resolve(image, platform="linux/arm64")

    assert (usual.digest, usual.manifest_digest, usual.platform) == (digest, amd, AMD)
    assert (other.digest, other.manifest_digest, other.platform) == (digest, arm, ARM)
    assert [each.platform for each in usual.platforms] == [AMD, ARM]
    assert (usual.media_type, usual.manifest_type) == (OCI_INDEX, OCI_MANIFEST)
    assert usual.size == len(AMD) + len(b"another")


def test_index_without_the_platform_says_what_it_is_made_for(passwords, anybody):
    passwords.push_index("team/two", "1.0", [AMD, ARM])

    refusal = refused(anybody.resolve, reference(passwords, repository="team/two"), platform="linux/s390x")

    assert (refusal.code, refusal.params["offered"]) == ("image.platform_missing", f"{AMD}, {ARM}")


def test_image_for_another_platform_is_refused_only_when_one_is_wanted(passwords, anybody):
    passwords.push("team/arm", "1.0", platform=ARM)
    image = reference(passwords, repository="team/arm")

    assert code(anybody.resolve, image, platform=AMD) == "image.platform_missing"
    assert anybody.resolve(image).platform == ARM


def test_moved_tag_is_another_digest_and_the_old_one_stays(passwords, anybody):
    before, _ = passwords.push("team/moved", "1.0", layer=b"before")
    pinned = anybody.resolve(reference(passwords, repository="team/moved")).digest
    after, _ = passwords.push("team/moved", "1.0", layer=b"after")

    assert anybody.resolve(reference(passwords, repository="team/moved")).digest == after
    assert anybody.resolve(reference(passwords, repository="team/moved", digest=pinned)).digest == before


def test_deleted_manifest_is_missing_by_tag_and_by_digest(passwords, anybody):
    digest, _ = passwords.push("team/gone", "1.0", layer=b"to be deleted")
    passwords.push("team/gone", "2.0", layer=b"to be kept")
    passwords.delete("team/gone", digest)

    assert code(anybody.resolve, reference(passwords, repository="team/gone")) == "image.tag_missing"
    assert code(anybody.resolve, reference(passwords, repository="team/gone", digest=digest)) == "image.digest_missing"


def test_missing_repository_is_told_from_missing_tag(passwords, anybody):
    passwords.push("team/one", "1.0")

    assert code(anybody.resolve, reference(passwords, "9", "team/one")) == "image.tag_missing"
    assert code(anybody.resolve, reference(passwords, "9", "team/none")) == "image.repository_missing"
    assert code(anybody.tags, "team/none") == "image.repository_missing"


def test_image_without_its_configuration_is_not_whole(passwords, anybody):
    passwords.push("team/broken", "1.0", run={"User": "broken"})
    digest = anybody.resolve(reference(passwords, repository="team/broken")).config_digest
    algorithm, value = digest.split(":")
    links = passwords.folder / "data/docker/registry/v2/repositories/team/broken/_layers" / algorithm / value
    (links / "link").unlink()

    assert code(anybody.resolve, reference(passwords, repository="team/broken")) == "image.blob_missing"


def test_thousand_tags_and_repositories_are_listed_whole(passwords, anybody):
    passwords.tag_many("team/many", [f"v1.{number}" for number in range(1000)])
    passwords.make_many([f"bulk/r{number:04}" for number in range(1000)])

    tags, repositories = anybody.tags("team/many"), anybody.repositories()

    assert (len(tags.names), tags.complete) == (1000, True)
    assert set(tags.names) == {f"v1.{number}" for number in range(1000)}
    assert repositories.complete
    assert {name for name in repositories.names if name.startswith("bulk/")} == {f"bulk/r{i:04}" for i in range(1000)}


def test_what_skopeo_pushes_is_read(passwords, anybody, tmp_path):
    """Another program's images, from a layout on disk, in both formats."""
    make_layout(tmp_path / "layout")
    push = ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", f"--dest-creds={USER}:{PASSWORD}"]
    target = f"docker://{passwords.address}/team/skopeo"
    subprocess.run([*push, f"oci:{tmp_path}/layout:1.0", f"{target}:oci"], check=True, capture_output=True)
    docker = [*push, "--format=v2s2", f"oci:{tmp_path}/layout:1.0", f"{target}:docker"]
    subprocess.run(docker, check=True, capture_output=True)

    oci = anybody.resolve(reference(passwords, "oci", "team/skopeo"), platform=AMD)
    converted = anybody.resolve(reference(passwords, "docker", "team/skopeo"), platform=AMD)

    assert (oci.media_type, converted.media_type) == (OCI_MANIFEST, DOCKER_MANIFEST)
    assert oci.config.ports == converted.config.ports == ("8080/tcp",)


def make_layout(folder):
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(body, kind):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        (blobs / sha256(body).partition(":")[2]).write_bytes(body)
        return {"mediaType": kind, "digest": sha256(body), "size": len(body)}

    layer = bytes(10240)  # an empty archive
    root = {"type": "layers", "diff_ids": [sha256(layer)]}
    config = {"os": "linux", "architecture": "amd64", "rootfs": root, "config": {"ExposedPorts": {"8080/tcp": {}}}}
    parts = {
        "config": put(config, oci_registry.OCI_CONFIG),
        "layers": [put(layer, "application/vnd.oci.image.layer.v1.tar")],
    }
    entry = put({"schemaVersion": 2, "mediaType": OCI_MANIFEST, **parts}, OCI_MANIFEST)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "1.0"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def test_token_service_gives_what_its_user_may_read(tokens):
    tokens.push("team/iris", "1.0")
    tokens.push("other/secret", "1.0")
    client = client_of(tokens, token_host=tokens.token_host)

    client.ping()

    assert client.resolve(reference(tokens)).platform == AMD
    assert client.tags("team/iris").names == ("1.0",)
    assert code(client.resolve, reference(tokens, repository="other/secret")) == "image.denied"
    assert code(client.tags, "other/secret") == "image.denied"
    assert code(client.repositories) == "registry.no_catalog"
    assert code(client.may_list) == "registry.no_catalog"


def test_token_service_is_asked_for_no_more_than_to_pull(tokens):
    tokens.push("team/iris", "1.0")
    tokens.tokens.asked.clear()

    client_of(tokens, token_host=tokens.token_host).resolve(reference(tokens))

    assert [scope for scope, _ in tokens.tokens.asked] == ["repository:team/iris:pull"]


def test_token_service_refuses_a_wrong_password(tokens):
    wrong = client_of(tokens, token_host=tokens.token_host, password="wrong")

    assert code(wrong.ping) == "registry.unauthorised"


def test_nobody_is_asked_for_a_token_without_a_password(tokens):
    tokens.push("team/iris", "1.0")
    nobody = client_of(tokens, token_host=tokens.token_host, username="", password="")
    tokens.tokens.asked.clear()

    assert code(nobody.resolve, reference(tokens)) == "image.denied"
    assert [authorization for _, authorization in tokens.tokens.asked] == [""]


def test_password_goes_to_no_token_service_that_was_not_named(tokens):
    tokens.tokens.asked.clear()

    refusal = refused(client_of(tokens).ping)

    assert (refusal.code, refusal.params["host"]) == ("registry.token_host_refused", tokens.token_host)
    assert tokens.tokens.asked == []


def test_catalog_is_listed_where_the_token_service_allows_it():
    with oci_registry.registry_with_tokens(catalog=True) as running:
        running.push("team/iris", "1.0")

        assert client_of(running, token_host=running.token_host).repositories().names == ("team/iris",)


def test_certificate_is_believed_only_from_a_known_authority():
    with oci_registry.registry_with_tls([ipaddress.ip_address("127.0.0.1")]) as (running, certificate):
        known = RegistryClient(RegistryPlace(running.address, ca=certificate))

        known.ping()

        assert not known.signed_in
        assert code(RegistryClient(RegistryPlace(running.address)).ping) == "registry.certificate"
        clear = RegistryClient(RegistryPlace(running.address, insecure=True))
        assert code(clear.ping) == "registry.not_a_registry"


def test_certificate_of_another_host_is_not_believed():
    with oci_registry.registry_with_tls([ipaddress.ip_address("127.0.0.2")]) as (running, certificate):
        assert code(RegistryClient(RegistryPlace(running.address, ca=certificate)).ping) == "registry.certificate"


def test_encryption_is_asked_for_where_there_is_none(passwords):
    assert code(RegistryClient(RegistryPlace(passwords.address)).ping) == "registry.no_tls"
