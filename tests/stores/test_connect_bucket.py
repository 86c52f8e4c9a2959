import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent
from accounts.secrets import unseal
from stores.models import Bucket
from tests.seaweedfs import ACCESS_KEY, READER_KEY, READER_SECRET, SECRET_KEY


@pytest.fixture
def keys_are(monkeypatch):
    def put(access_key, secret_key):
        monkeypatch.setenv("BUCKET_ACCESS_KEY", access_key)
        monkeypatch.setenv("BUCKET_SECRET_KEY", secret_key)

    return put


@pytest.fixture
def connect(workspace, s3, keys_are, capsys):
    """`connect("--name", "x")` → what was said on both outputs; keys that work unless others were put."""
    keys_are(ACCESS_KEY, SECRET_KEY)
    remote = s3.make_bucket()

    def run(*more):
        place = ["--workspace", workspace.name, "--endpoint", s3.endpoint, "--bucket", remote]
        call_command("connect_bucket", *place, *more)
        return capsys.readouterr()

    return run


def test_connects_with_keys_from_the_environment(connect):
    said = connect("--name", "cloud", "--prefix", "models")

    bucket = Bucket.objects.get()
    assert said.out == "Bucket cloud was created.\n"
    assert (bucket.name, bucket.prefix, bucket.driver) == ("cloud", "models/", "s3")
    assert unseal(bucket.credentials)["secret_key"] == SECRET_KEY
    assert AuditEvent.objects.get().actor_name == "system"


def test_takes_the_name_of_the_bucket_unless_told(connect):
    connect("--read-only")

    assert Bucket.objects.get().name == Bucket.objects.get().remote_name


def test_says_that_a_bucket_may_not_be_written(connect, keys_are):
    keys_are(READER_KEY, READER_SECRET)

    said = connect("--name", "cloud")

    assert said.out == "Bucket cloud was created.\n"
    assert said.err == (
        "The key may read but not write: packages can be imported from this bucket, not uploaded into it.\n"
    )


def test_says_why_the_test_failed_and_saves_nothing(connect, keys_are, capsys):
    keys_are(ACCESS_KEY, "wrong-secret")

    with pytest.raises(SystemExit) as ended:
        connect("--name", "cloud")

    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err) > 20
    assert "wrong-secret" not in said.err
    assert Bucket.objects.count() == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--endpoint", "ftp://x"], "--endpoint: Write it as https://host"),
        (["--bucket", "a/b"], "--bucket: A bucket has letters"),
        (["--prefix", "../"], "--prefix: "),
        (["--name", "Cloud"], "--name: “Cloud” is not a bucket name."),
        (["--workspace", "nobody"], "There is no workspace “nobody”."),
    ],
)
def test_refuses_arguments_that_can_be_no_place(connect, more, words):
    with pytest.raises(CommandError) as refused:
        connect(*more)

    assert str(refused.value).startswith(words)
    assert Bucket.objects.count() == 0


def test_refuses_half_of_the_keys(connect, monkeypatch):
    monkeypatch.delenv("BUCKET_SECRET_KEY")

    with pytest.raises(CommandError) as refused:
        connect()

    assert str(refused.value).startswith("BUCKET_SECRET_KEY: Access key and secret key belong together")


def test_refuses_a_name_that_is_taken(connect, bucket):
    with pytest.raises(CommandError) as refused:
        connect("--name", "packages")

    assert str(refused.value) == "The name “packages” is taken. Choose another one."
