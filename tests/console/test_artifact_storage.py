"""Where artifacts are kept is chosen by the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from console.artifact_storage import artifact_storages

VARIABLES = "MODELPORT_ARTIFACTS_"


@pytest.fixture
def storages_of(monkeypatch, tmp_path):
    """The entries of STORAGES under some variables."""

    def read(**values):
        for name, value in values.items():
            monkeypatch.setenv(VARIABLES + name, value)
        return artifact_storages(tmp_path)

    return read


def test_artifacts_lie_in_a_folder_unless_a_bucket_is_named(storages_of, tmp_path):
    entries = storages_of(ENDPOINT="https://s3.example.org")

    assert list(entries) == ["artifacts"]
    assert entries["artifacts"]["OPTIONS"] == {"location": str(tmp_path)}


def test_artifacts_lie_in_the_bucket_that_is_named(storages_of):
    entries = storages_of(
        BUCKET="artifacts",
        ENDPOINT="https://obs.cn-north-4.example.com/",
        REGION="cn-north-4",
        PREFIX="/modelport/one/",
        ACCESS_KEY="key",
        SECRET_KEY="secret",
    )

    options = entries["artifacts"]["OPTIONS"]
    assert entries["artifacts"]["BACKEND"] == "storages.backends.s3.S3Storage"
    assert {name: options[name] for name in ("bucket_name", "endpoint_url", "region_name", "location")} == {
        "bucket_name": "artifacts",
        "endpoint_url": "https://obs.cn-north-4.example.com",
        "region_name": "cn-north-4",
        "location": "modelport/one",
    }
    assert (options["access_key"], options["secret_key"], options["querystring_auth"]) == ("key", "secret", True)
    assert options["client_config"].s3 == {"addressing_style": "path"}


def test_probe_has_less_patience_and_is_the_same_otherwise(storages_of):
    entries = storages_of(BUCKET="artifacts")
    config, probing = (entries[name]["OPTIONS"].pop("client_config") for name in ("artifacts", "artifacts-probe"))
    transfers = [entry["OPTIONS"].pop("transfer_config") for entry in entries.values()]

    assert entries["artifacts"] == entries["artifacts-probe"]
    assert transfers[0] is transfers[1]
    assert (config.read_timeout, probing.read_timeout) == (60, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUCKET", "a/b"),
        ("BUCKET", "x"),
        ("ENDPOINT", "s3.example.org"),
        ("ENDPOINT", "ftp://s3.example.org"),
        ("ENDPOINT", "https://user:secret@s3.example.org"),
        ("ENDPOINT", "https://s3.example.org/bucket"),
        ("ENDPOINT", "https://[::1"),
        ("PREFIX", "a/../b"),
        ("PREFIX", "a//b"),
        ("ADDRESSING", "auto"),
        ("PRESIGNED", "perhaps"),
    ],
)
def test_variable_that_makes_no_sense_is_named(storages_of, name, value):
    with pytest.raises(ImproperlyConfigured) as refused:
        storages_of(**{"BUCKET": "artifacts", name: value})

    assert str(refused.value).startswith(f"{VARIABLES}{name}={value!r}: write ")


@pytest.mark.parametrize(("given", "absent"), [("ACCESS_KEY", "SECRET_KEY"), ("SECRET_KEY", "ACCESS_KEY")])
def test_key_without_the_other_names_the_one_that_is_missing(storages_of, given, absent):
    with pytest.raises(ImproperlyConfigured) as refused:
        storages_of(BUCKET="artifacts", **{given: "very-secret"})

    assert str(refused.value) == f"{VARIABLES}{absent}='': write it, as the other key is given"
