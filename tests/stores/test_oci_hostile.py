"""The client against what no good registry says: lies, nonsense, and descriptions made to harm."""

import json

import pytest

from stores.oci import LIST_BYTES, MIB
from tests.oci_registry import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, sha256
from tests.stores.answers import Answer, answering
from tests.stores.asking import code
from tests.stores.oci_answers import (
    as_json,
    client_of,
    config,
    failing,
    holding,
    index,
    manifest,
    proxy,
    reference,
    refusing,
)

# What is changed on the way from a real registry.


@pytest.mark.parametrize("part", ["/manifests/", "/blobs/"])
def test_bytes_changed_on_their_way_are_noticed(passwords, part):
    digest, _ = passwords.push("team/iris", "1.0")

    def change(request, answer):
        body = answer.body.replace(b"1000:1000", b"0000:0000").replace(b'"size": 7', b'"size": 8')
        return Answer(answer.status, body if part in request.path else answer.body, answer.headers)

    with proxy(passwords, change) as between:
        assert code(client_of(between).resolve, reference(between)) == "image.digest_mismatch"
        assert code(client_of(between).resolve, reference(between, digest=digest)) == "image.digest_mismatch"


def test_bytes_of_another_image_are_noticed(passwords):
    asked, _ = passwords.push("team/iris", "1.0", layer=b"asked")
    other, _ = passwords.push("team/iris", "2.0", layer=b"other")
    swapped = passwords.ask("GET", f"team/iris/manifests/{other}").data

    def change(request, answer):
        if "/manifests/" not in request.path:
            return answer
        return Answer(200, swapped, answer.headers | {"Docker-Content-Digest": other})

    with proxy(passwords, change) as between:
        assert code(client_of(between).resolve, reference(between, digest=asked)) == "image.digest_mismatch"


# What it answers instead.

CODES = [
    (401, "UNAUTHORIZED", "registry.not_a_registry"),
    (403, "DENIED", "image.denied"),
    (403, "", "image.denied"),
    (404, "NAME_UNKNOWN", "image.repository_missing"),
    (404, "MANIFEST_UNKNOWN", "image.tag_missing"),
    (404, "", "image.tag_missing"),
    (429, "TOOMANYREQUESTS", "registry.throttled"),
    (429, "", "registry.throttled"),
    (500, "UNKNOWN", "registry.unavailable"),
    (503, "", "registry.unavailable"),
    (400, "MANIFEST_INVALID", "registry.rejected"),
    (418, "", "registry.rejected"),
    (302, "", "registry.redirected"),
    (206, "", "registry.rejected"),
]


@pytest.mark.parametrize(("status", "said", "expected"), CODES)
def test_refusals_of_a_manifest_are_told_apart(status, said, expected):
    def answer(request):
        return as_json({"tags": ["2.0"]}) if request.path.endswith("/tags/list") else refusing(status, said)

    with answering(answer) as server:
        assert failing(client_of(server).resolve, reference(server)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, "registry.no_catalog"),
        (404, "registry.no_catalog"),
        (405, "registry.no_catalog"),
        (400, "registry.no_catalog"),
        (429, "registry.throttled"),
        (500, "registry.unavailable"),
    ],
)
def test_refusals_of_the_catalog_are_told_apart(status, expected):
    with answering(lambda request: refusing(status)) as server:
        assert failing(client_of(server).repositories) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}), "registry.not_a_registry"),
        (Answer(200, b"[]"), "registry.not_a_registry"),
        (Answer(200, b"[" * 100_000), "registry.not_a_registry"),
        (Answer(404, b"<html>"), "registry.not_a_registry"),
        (Answer(400, b"plain HTTP to a TLS port"), "registry.not_a_registry"),
        (Answer(401, b"", {"WWW-Authenticate": 'Negotiate, Digest realm="x"'}), "registry.not_a_registry"),
        (Answer(401, b"", {"WWW-Authenticate": 'Bearer service="x"'}), "registry.not_a_registry"),
        (Answer(401, b"", {"WWW-Authenticate": "Basic"}), "registry.unauthorised"),
        (Answer(403, b"{}"), "registry.denied"),
        (Answer(301, b"", {"Location": "https://elsewhere.example/"}), "registry.redirected"),
        (Answer(302, b"", {"Location": "http://[::"}), "registry.redirected"),
        (Answer(200, b"x" * (MIB + 1)), "registry.answer_too_large"),
        (Answer(200, b"{}", announced=100), "registry.broke_off"),
        (Answer(503, b"busy"), "registry.unavailable"),
    ],
)
def test_ping_tells_what_is_no_registry(answer, expected):
    with answering(lambda request: answer) as server:
        assert failing(client_of(server).ping) == expected


@pytest.mark.parametrize(
    "answer",
    [Answer(200, b"{}"), Answer(200, b""), Answer(200, b"true", {"Docker-Distribution-Api-Version": "registry/2.0"})],
)
def test_ping_takes_what_registries_answer(answer):
    with answering(lambda request: answer) as server:
        assert client_of(server).ping() is None


# Hostile descriptions of images.

DEEP = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
LAYER = {"mediaType": "x", "digest": sha256(b""), "size": 1}
NONSENSE = [
    (b"", "image.malformed_manifest"),
    (b"null", "image.malformed_manifest"),
    (b"\xff\xfe", "image.malformed_manifest"),
    (DEEP, "image.malformed_manifest"),
    (b'{"schemaVersion": 2, "config": ' + b"9" * 5000 + b"}", "image.malformed_manifest"),
    (manifest(schemaVersion=1), "image.malformed_manifest"),
    (manifest(schemaVersion=True), "image.malformed_manifest"),
    (manifest(manifests=[]), "image.malformed_manifest"),
    (manifest(layers={}), "image.malformed_manifest"),
    (manifest(layers=[1]), "image.malformed_manifest"),
    (manifest(layers=[LAYER] * 3000), "image.malformed_manifest"),
    (manifest(layers=[LAYER | {"size": -1}]), "image.malformed_manifest"),
    (manifest(layers=[LAYER | {"size": 1e3}]), "image.malformed_manifest"),
    (manifest(layers=[LAYER | {"size": True}]), "image.malformed_manifest"),
    (manifest(layers=[LAYER | {"size": 10**30}]), "image.malformed_manifest"),
    (manifest(layers=[LAYER | {"digest": "sha256:../../x"}]), "image.malformed_manifest"),
    (manifest(config={"mediaType": OCI_CONFIG, "digest": "sha256:zz", "size": 1}), "image.malformed_manifest"),
    (manifest(config={"mediaType": OCI_CONFIG, "digest": 5, "size": 1}), "image.malformed_manifest"),
    (manifest(config=LAYER | {"mediaType": OCI_CONFIG, "size": 9 * MIB}), "image.too_large"),
    (manifest(config=LAYER | {"mediaType": "application/vnd.cncf.helm.config.v1+json"}), "image.not_an_image"),
    (manifest(mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws"), "image.not_an_image"),
    (manifest(annotations={"padding": "x" * (4 * MIB)}), "image.too_large"),
    (index(), "image.platform_missing"),
    (
        index({"mediaType": OCI_INDEX, "digest": sha256(b""), "size": 1, "platform": {"os": "linux"}}),
        "image.platform_missing",
    ),
    (index(5), "image.malformed_manifest"),
    (index({"mediaType": OCI_MANIFEST, "platform": []}), "image.malformed_manifest"),
]


@pytest.mark.parametrize(("body", "expected"), NONSENSE)
def test_manifests_that_make_no_sense_are_refused(body, expected):
    with holding(body) as server:
        assert code(client_of(server).resolve, reference(server)) == expected


def test_manifest_of_two_types_is_refused():
    with holding(manifest(), kind=OCI_INDEX) as server:
        assert code(client_of(server).resolve, reference(server)) == "image.malformed_manifest"


def test_manifest_says_its_type_where_the_server_does_not():
    with holding(manifest(), kind="application/json") as server:
        assert client_of(server).resolve(reference(server)).media_type == OCI_MANIFEST


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        config(config=[]),
        config(config={"Cmd": "sh -c"}),
        config(config={"Cmd": [1]}),
        config(config={"Labels": {"a": 1}}),
        config(config={"ExposedPorts": []}),
        config(config={"User": {}}),
        config(os=1),
    ],
)
def test_configurations_that_make_no_sense_are_refused(body):
    with holding(manifest(body), body) as server:
        assert code(client_of(server).resolve, reference(server)) == "image.malformed_manifest"


def test_configuration_with_nothing_in_it_is_one():
    body = config(config={"Cmd": None, "Labels": None, "ExposedPorts": None, "Env": None})

    with holding(manifest(body), body) as server:
        facts = client_of(server).resolve(reference(server))

    assert (facts.config.command, facts.config.labels, facts.config.ports, facts.config.env_names) == ((), (), (), ())


def test_texts_of_an_image_cannot_deceive():
    """Control characters, half characters and characters that turn the line are written out, and nothing is endless."""
    labels = {"a": "\u202eevil\x00", "b": "\ud800", "c": "x" * 10_000}
    ports = {"80/tcp": {}, "x\n/tcp": {}, "99999999/tcp": {}}
    body = config(config={"Labels": labels, "User": "\x1b[31mroot", "ExposedPorts": ports})

    with holding(manifest(body), body) as server:
        facts = client_of(server).resolve(reference(server))

    found = dict(facts.config.labels)
    assert (found["a"], found["b"], len(found["c"])) == ("\\u202eevil\\u0000", "\\ud800", 4097)
    assert facts.config.user == "\\u001b[31mroot"
    assert facts.config.ports == ("80/tcp",)


def test_entries_of_an_index_that_run_nowhere_are_left_out():
    inner = json.dumps(manifest()).encode()
    entry = {"mediaType": OCI_MANIFEST, "digest": sha256(inner), "size": len(inner)}
    runs = entry | {"platform": {"os": "linux", "architecture": "amd64"}}
    attestation = entry | {"platform": {"os": "unknown", "architecture": "unknown"}}
    outer = json.dumps(index(attestation, runs)).encode()

    def answer(request):
        if "/blobs/" in request.path:
            return Answer(200, config())
        whole = request.path.endswith("/1.0")
        return Answer(200, outer if whole else inner, {"Content-Type": OCI_INDEX if whole else OCI_MANIFEST})

    with answering(answer) as server:
        facts = client_of(server).resolve(reference(server))

    assert [each.platform for each in facts.platforms] == ["linux/amd64"]


# Lists.


@pytest.mark.parametrize("body", [b"", b"[]", b'{"tags": 5}', b'{"tags": {}}', b"<html>"])
def test_lists_that_are_none_are_refused(body):
    with answering(lambda request: Answer(200, body)) as server:
        assert code(client_of(server).tags, "team/iris") == "registry.not_a_registry"


def test_lists_keep_only_what_can_be_a_name():
    values = {"tags": ["1.0", "", None, 5, "a b", "../x", "x" * 200, "<script>", "1.0", "\ud800"]}

    with answering(lambda request: as_json(values)) as server:
        assert client_of(server).tags("team/iris").names == ("1.0",)


def test_list_of_a_repository_without_tags_is_empty():
    with answering(lambda request: as_json({"name": "team/iris", "tags": None})) as server:
        assert client_of(server).tags("team/iris").names == ()


def test_pages_of_a_list_are_followed_to_its_end():
    def answer(request):
        page = int(request.query.get("page", 0))
        following = {"Link": f'</v2/team/iris/tags/list?page={page + 1}>; rel="next"'} if page < 3 else {}
        return as_json({"tags": [f"t{page}"]}, **following)

    with answering(answer) as server:
        names = client_of(server).tags("team/iris")

    assert (names.names, names.complete) == (("t0", "t1", "t2", "t3"), True)


def test_list_without_end_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr("stores.oci.MAX_PAGES", 20)

    def answer(request):
        page = int(request.query.get("page", 0)) + 1
        return as_json({"tags": [f"t{page}"]}, Link=f'</v2/team/iris/tags/list?page={page}>; rel="next"')

    with answering(answer) as server:
        names = client_of(server).tags("team/iris")

    assert (len(names.names), names.complete, len(server.asked)) == (20, False, 20)


def test_list_whose_next_page_is_itself_ends():
    def answer(request):
        return as_json({"tags": ["1.0"]}, Link='</v2/team/iris/tags/list?n=1000>; rel="next"')

    with answering(answer) as server:
        assert client_of(server).tags("team/iris").names == ("1.0",)
        assert len(server.asked) == 1


def test_page_of_a_list_is_no_larger_than_can_be():
    with answering(lambda request: Answer(200, b" " * (LIST_BYTES + 1))) as server:
        assert code(client_of(server).tags, "team/iris") == "registry.answer_too_large"


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:1/v2/x", "http://169.254.169.254/", "file:///etc/passwd", "https://x.example/", "http://[x"],
)
def test_next_page_lies_nowhere_else(target):
    with answering(lambda request: as_json({"tags": ["1"]}, Link=f'<{target}>; rel="next"')) as server:
        assert code(client_of(server).tags, "team/iris") == "registry.redirected"
