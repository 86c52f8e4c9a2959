"""From the row of a bucket to the driver that reads it."""

import socket

import pytest
from cryptography.fernet import Fernet

from accounts.secrets import seal
from stores.drivers.folder import FolderDriver
from stores.drivers.s3 import S3Driver
from stores.errors import SourceRefused
from stores.models import Bucket
from stores.services import driver_for
from tests.stores.answers import answering, bucket_of

KEYS = {"access_key": "some-key", "secret_key": "some-secret", "session_token": "some-token"}


def bucket(**values):
    return Bucket(name="packages", driver=Bucket.Driver.S3, **values)


def test_a_folder_bucket_is_read_by_the_folder_driver():
    assert isinstance(driver_for(Bucket(name="packages")), FolderDriver)


def test_a_bucket_on_object_storage_is_reached_as_its_row_says():
    with answering(bucket_of()) as server:
        row = bucket(endpoint=server.endpoint, remote_name="theirs", prefix="a/b", region="cn-north-4")
        row.credentials = seal(KEYS)
        driver = driver_for(row)
        driver.list_folder("")

    asked = server.asked[-1]
    assert isinstance(driver, S3Driver)
    assert (asked.path, asked.query["prefix"]) == ("/theirs", "a/b/")
    assert "Credential=some-key/" in asked.headers["Authorization"]
    assert "/cn-north-4/s3/" in asked.headers["Authorization"]
    assert asked.headers["X-Amz-Security-Token"] == "some-token"


def test_a_bucket_without_a_name_of_its_own_there_has_the_same_name_there():
    with answering(bucket_of()) as server:
        driver_for(bucket(endpoint=server.endpoint)).list_folder("")

    assert server.asked[-1].path == "/packages"
    assert "Authorization" not in server.asked[-1].headers


def test_a_bucket_with_a_host_of_its_own_is_asked_there(monkeypatch):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **values: resolve("127.0.0.1", *args, **values))

    with answering(bucket_of()) as server:
        port = server.server_port
        row = bucket(endpoint=f"http://storage.example:{port}", addressing=Bucket.Addressing.VIRTUAL)
        driver_for(row).list_folder("")

    asked = server.asked[-1]
    assert (asked.headers["Host"], asked.path) == (f"packages.storage.example:{port}", "/")


def test_credentials_under_another_key_are_unreadable(settings):
    row = bucket(endpoint="http://127.0.0.1:9", credentials=seal(KEYS))
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(SourceRefused) as refused:
        driver_for(row)

    assert (refused.value.code, refused.value.params) == ("bucket.secret_unreadable", {"bucket": "packages"})


def test_a_prefix_that_is_not_safe_is_refused():
    with pytest.raises(SourceRefused) as refused:
        driver_for(bucket(endpoint="http://127.0.0.1:9", prefix="a/../b"))

    assert refused.value.code == "source.unsafe_name"
