import io
import zipfile

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import AuditEvent
from stores import services, tasks
from stores.drivers.folder import FolderDriver
from stores.errors import SourceUnavailable
from stores.models import Upload
from stores.paths import INCOMING

URL = "/storage/packages/upload/"


def sent(name, content=b"x"):
    return SimpleUploadedFile(name, content)


def archive(files, name="package.zip"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, content in files.items():
            packed.writestr(path, content)
    return sent(name, buffer.getvalue())


@pytest.fixture
def unpacked(as_developer):
    """Lets the worker unpack what an answer leads to; the page that says how it went."""

    def wait(answer):
        tasks.unpack_upload(Upload.objects.latest("id").pk)
        return as_developer.get(answer.headers["Location"]).content.decode()

    return wait


def scratch():
    """What lies in the temporary area of the bucket."""
    return sorted(path.name for path in settings.BUCKETS_ROOT.glob(f"packages/{INCOMING}/*"))


def test_upload_stores_several_files_and_records_it(as_developer, bucket, keys):
    answer = as_developer.post(URL, {"folder": "digits", "sent": [sent("a.txt"), sent("b.txt", b"yy")]})

    assert answer.headers["Location"] == "/storage/packages/?prefix=digits%2F"
    assert keys() == ["digits/a.txt", "digits/b.txt"]
    assert AuditEvent.objects.first().code == "storage.uploaded"
    assert AuditEvent.objects.first().params == {"path": "/packages/digits/", "files": 2, "bytes": 3}


def test_upload_unpacks_archives_when_asked(as_developer, unpacked, bucket, keys):
    package = {"model/": b"", "model/config.json": b"{}", "model/weights.pkl": b"w"}

    status = unpacked(as_developer.post(URL, {"folder": "digits/", "sent": [archive(package)], "unpack": "on"}))
    as_developer.post(URL, {"folder": "packed/", "sent": [archive(package)]})

    assert "<dd>2 / 2</dd>" in status
    assert keys() == ["digits/model/config.json", "digits/model/weights.pkl", "packed/package.zip"]
    assert scratch() == []


@pytest.mark.parametrize(
    ("conflict", "expected"),
    [
        ("", {"a": 3, "b": 3}),
        ("skip", {"a": 3, "b": 3}),
        ("replace", {"a": 5, "b": 3}),
        ("both", {"a": 3, "a (2)": 5, "b": 3}),
    ],
)
def test_upload_does_what_was_chosen_for_files_that_exist(as_developer, put, bucket, conflict, expected):
    put("a", b"old")

    as_developer.post(URL, {"sent": [sent("a", b"newer"), sent("b", b"new")], "conflict": conflict})

    assert {entry.key: entry.size for entry in services.driver_for(bucket).walk("")} == expected
    assert scratch() == []


def test_upload_refuses_a_file_where_a_folder_is_and_keeps_nothing_then(as_developer, put, keys):
    put("b/x")

    answer = as_developer.post(URL, {"sent": [sent("a"), sent("b")], "conflict": "replace"})

    assert "is a folder" in answer.context["form"].errors["sent"][0]
    assert keys() == ["b/x"]
    assert scratch() == []


def test_upload_says_how_much_it_stored_before_the_bucket_was_full(as_developer, bucket, keys, monkeypatch):
    moved = []
    move = FolderDriver.move

    def full(*args):
        moved.append(args)
        if len(moved) == 2:
            raise SourceUnavailable("full", code="source.no_space")
        return move(*args)

    monkeypatch.setattr(FolderDriver, "move", full)

    answer = as_developer.post(URL, {"sent": [sent("a"), sent("b")]})
    status = as_developer.get(answer.headers["Location"]).content.decode()

    assert "The storage is full." in status
    assert "1 file was uploaded. They stay in the bucket." in status
    assert keys() == ["a"]
    assert scratch() == []


@pytest.mark.parametrize("size", [3 * 1024 * 1024, 8 * 1024 * 1024, 20 * 1024 * 1024 + 7])
def test_upload_takes_large_files_in_parts(as_developer, bucket, size):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    as_developer.post(URL, {"sent": [sent("weights.bin", content)]})

    with services.driver_for(bucket).open("weights.bin") as stream:
        assert stream.read() == content
    assert scratch() == []


def test_upload_keeps_a_chosen_folder_as_it_was(as_developer, bucket, keys):
    files = [sent("config.json"), sent("inner.zip", b"left packed")]

    as_developer.post(URL, {"sent": files, "path": ["iris/model/config.json", "iris/inner.zip"], "unpack": "on"})

    assert keys() == ["iris/inner.zip", "iris/model/config.json"]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a\\b", "d/" * 40 + "x"])
def test_upload_refuses_an_unsafe_path_in_a_folder(as_developer, bucket, keys, path):
    answer = as_developer.post(URL, {"sent": [sent("x")], "path": [path]})

    assert answer.status_code == 422
    assert keys() == []


@pytest.mark.parametrize(
    "folder", ["/packages/digits/", "/packages/digits", "obs://packages/digits/", "s3://packages/digits", "/digits"]
)
def test_upload_takes_a_whole_path_for_its_folder(as_developer, bucket, keys, folder):
    as_developer.post(URL, {"folder": folder, "sent": [sent("a")]})

    assert keys() == ["digits/a"]


@pytest.mark.parametrize(("folder", "path"), [("my model", "a"), ("", "my model/model/a")])
def test_upload_refuses_a_folder_that_could_never_be_imported(as_developer, bucket, keys, folder, path):
    answer = as_developer.post(URL, {"folder": folder, "sent": [sent("a")], "path": [path]})

    assert answer.status_code == 422
    assert "contains a space cannot be imported" in str(answer.context["form"].errors)
    assert keys() == []


def test_upload_takes_spaces_inside_the_package_and_in_file_names(as_developer, bucket, keys):
    as_developer.post(URL, {"sent": [sent("a"), sent("b")], "path": ["iris/model/my data/a", "read me.txt"]})

    assert keys() == ["iris/model/my data/a", "read me.txt"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"../x": b"x"}, "cannot be used as a path"),
        ({"/etc/passwd": b"x"}, "cannot be used as a path"),
        ({"a\\b": b"x"}, "cannot be used as a path"),
        ({"Model/a": b"x", "model/b": b"x"}, "differ only in upper and lower case"),
        ({"A": b"x", "a": b"y"}, "differ only in upper and lower case"),
        ({"a": b"x", "a/b": b"x"}, "is both a file and a folder"),
        ({"d/" * 40 + "x": b"x"}, "lies too deep"),
        ({"k" * 1100: b"x"}, "is too long"),
        ({"zeros": b"\0" * 3_000_000}, "times its size"),
        ({}, "holds no file"),
    ],
)
def test_upload_refuses_a_bad_archive_whole(as_developer, unpacked, bucket, keys, files, words):
    content = {"fine": b"x", **files} if files else files

    answer = as_developer.post(URL, {"sent": [archive(content)], "unpack": "on"})

    status = unpacked(answer)

    assert words in status
    assert keys() == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_upload_refuses_a_name_that_occurs_twice(as_developer, unpacked, bucket, keys):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("a", b"x")
        packed.writestr("a", b"y")

    answer = as_developer.post(URL, {"sent": [sent("p.zip", buffer.getvalue())], "unpack": "on"})

    assert "“a” occurs twice. Remove one of the two." in unpacked(answer)
    assert keys() == []


def test_upload_refuses_what_is_no_archive(as_developer, unpacked, bucket, keys):
    answer = as_developer.post(URL, {"sent": [sent("p.zip", b"not a zip")], "unpack": "on"})

    assert "is not a complete ZIP archive" in unpacked(answer)
    assert keys() == []


@pytest.mark.parametrize("folder", ["../", "a//b", "/etc/../x", "a\\b", "a\x7fb", ".modelport-incoming"])
def test_upload_refuses_a_hostile_folder_and_keeps_what_was_typed(as_developer, bucket, keys, folder):
    answer = as_developer.post(URL, {"folder": folder, "sent": [sent("a")]})

    assert answer.status_code == 422
    assert answer.context["form"]["folder"].value() == folder
    assert list(answer.context["form"].errors) in (["folder"], ["sent"])
    assert keys() == []


@pytest.mark.parametrize("name", ["..", "a/../../b", "..\\..\\b", "/etc/passwd", "x\x00y", "<b>.txt", "e\u202evil"])
def test_upload_makes_file_names_plain(as_developer, bucket, keys, name):
    as_developer.post(URL, {"sent": [sent("fine"), sent("x")]})
    body = (
        b'--B\r\nContent-Disposition: form-data; name="sent"; filename="'
        + name.encode()
        + b'"\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--\r\n'
    )

    answer = as_developer.post(URL, body, content_type="multipart/form-data; boundary=B")

    assert answer.status_code in (302, 422)
    assert all(key.count("/") == 0 for key in keys())


def test_upload_without_files_says_so(as_developer, bucket):
    answer = as_developer.post(URL, {"folder": "digits"})

    assert answer.context["form"].errors["sent"] == ["Choose at least one file."]


def test_upload_too_large_is_refused_before_it_is_read(as_developer, bucket, settings):
    settings.UPLOAD_MAX_BYTES = 100

    answer = as_developer.post(URL, {"sent": [sent("a", b"x" * 200)]})

    assert answer.context["error"] == "Too large: at most 100\xa0bytes can be uploaded at once. Nothing was stored."


def test_upload_of_too_many_files_is_refused(as_developer, unpacked, bucket, settings, keys):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    many = as_developer.post(URL, {"sent": [sent(f"{n}") for n in range(3)]})
    settings.UPLOAD_MAX_FILES = 1
    packed = unpacked(as_developer.post(URL, {"sent": [archive({"a": b"x", "b": b"x"})], "unpack": "on"}))

    assert "Too many files: at most 2 can be uploaded at once." in many.content.decode()
    assert "holds too many files: at most 1" in packed
    assert keys() == []


def test_upload_is_not_for_viewers(as_viewer, bucket, keys):
    assert as_viewer.get(URL).status_code == 403
    assert as_viewer.post(URL, {"sent": [sent("a")]}).status_code == 403
    assert keys() == []


def test_upload_wants_the_csrf_token(developer, bucket, keys):
    client = Client(enforce_csrf_checks=True)
    client.force_login(developer)

    assert client.post(URL, {"sent": [sent("a")]}).status_code == 403
    assert keys() == []
    assert scratch() == []


def test_upload_page_is_there_without_javascript_in_both_languages(as_developer, bucket):
    page = as_developer.get(f"{URL}?prefix=digits/").content.decode()
    chinese = as_developer.get(URL, HTTP_ACCEPT_LANGUAGE="zh-hans").content.decode()

    assert 'value="digits/"' in page
    assert '<html lang="zh-hans">' in chinese
