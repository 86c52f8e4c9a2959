import pytest

from stores.errors import SourceRefused
from stores.paths_images import (
    ImageReference,
    allows,
    is_address,
    is_pattern,
    is_platform,
    is_repository,
    parse_reference,
    with_port,
)

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host.example/team/iris:1.0", ImageReference("host.example", "team/iris", "1.0")),
        ("Host.Example:5000/iris:1", ImageReference("host.example:5000", "iris", "1")),
        ("localhost/iris:1", ImageReference("localhost", "iris", "1")),
        ("[::1]:5000/iris:1", ImageReference("[::1]:5000", "iris", "1")),
        (f"host.example/iris@{DIGEST}", ImageReference("host.example", "iris", "", DIGEST)),
        (f"host.example/iris:1@{DIGEST}", ImageReference("host.example", "iris", "1", DIGEST)),
        (" docker://host.example/a/b/c__d:v1_2-3 ", ImageReference("host.example", "a/b/c__d", "v1_2-3")),
    ],
)
def test_reference_is_read_as_people_write_it(text, expected):
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "image.malformed"),
        ("team/iris:1.0", "image.malformed"),
        ("host.example", "image.malformed"),
        ("host.example/", "image.malformed"),
        ("host.example/Team/iris:1", "image.malformed"),
        ("host.example/team//iris:1", "image.malformed"),
        ("host.example/../iris:1", "image.malformed"),
        ("host.example/iris:", "image.malformed"),
        ("host.example/iris:1:2", "image.malformed"),
        ("host.example/iris:-1", "image.malformed"),
        ("host.example/iris@sha256:12", "image.malformed"),
        ("host.example/iris@", "image.malformed"),
        (f"host.example/iris@md5:{'a' * 32}", "image.malformed"),
        ("user:secret@host.example/iris:1", "image.malformed"),
        ("host.example:99999/iris:1", "image.malformed"),
        ("host.example/iris\x00:1", "image.malformed"),
        (f"host.example/{'a' * 256}:1", "image.malformed"),
        ("host.example/iris", "image.no_tag"),
    ],
)
def test_reference_refuses_what_names_no_image(text, code):
    with pytest.raises(SourceRefused) as refused:
        parse_reference(text)

    assert refused.value.code == code


def test_reference_is_written_as_it_is_read():
    text = f"host.example:5000/team/iris:1@{DIGEST}"

    assert str(parse_reference(text)) == text
    assert str(parse_reference("h.example/a:1").pinned(DIGEST)) == f"h.example/a:1@{DIGEST}"


@pytest.mark.parametrize(
    ("patterns", "repository", "expected"),
    [
        ((), "any/thing", True),
        (("team/*",), "team/iris", True),
        (("team/*",), "team/deep/iris", True),
        (("team/*",), "team", False),
        (("team/*",), "teams/iris", False),
        (("team/iris",), "team/iris", True),
        (("team/iris",), "team/iris2", False),
        (("*/iris",), "team/iris", True),
        (("a*b*c",), "abc", True),
        (("a*b*c",), "ac", False),
        (("ab*ba",), "aba", False),
        (("*",), "x", True),
        (("one", "two*"), "two-three", True),
    ],
)
def test_patterns_allow_what_they_stand_for(patterns, repository, expected):
    assert allows(patterns, repository) is expected


def test_patterns_made_to_take_long_do_not():
    assert not allows(("a*" * 100 + "b",), "a" * 255)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            is_address,
            ["a.b", "a:1", "localhost", "10.0.0.1:5000"],
            ["a", "a..b", "-a.b", "a.b:0", "a.b/c", "A.b", "a.b:x"],
        ),
        (is_repository, ["a", "a/b", "a.b_c-d/e__f"], ["", "A", "/a", "a/", "a//b", "a.", ".a", "a b", "a:b"]),
        (is_pattern, ["a", "team/*", "*", "*/x*"], ["", "A*", "/a", "a/", "a b"]),
        (
            is_platform,
            ["linux/amd64", "linux/arm64/v8", "windows/amd64"],
            ["", "linux", "linux/", "linux/a/b/c", "a b/c"],
        ),
    ],
)
def test_names_are_told_from_what_is_none(check, good, bad):
    assert [text for text in good if not check(text)] == []
    assert [text for text in bad if check(text)] == []


def test_two_ways_to_write_a_host_are_one():
    assert with_port("Host.example", "https") == with_port("host.example:443", "https") == "host.example:443"
    assert with_port("[::1]", "http") == "[::1]:80"
