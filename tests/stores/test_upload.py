import io
import os
import zipfile

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import AuditEvent
from stores import services
from stores.errors import SourceRefused

URL = "/storage/packages/upload/"
JSON = {"HTTP_ACCEPT": "application/json"}


def sent(name, content=b"x"):
    return SimpleUploadedFile(name, content)


def archive(files, name="package.zip"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, content in files.items():
            packed.writestr(path, content)
    return sent(name, buffer.getvalue())


def test_upload_stores_several_files_and_records_it(as_developer, bucket, keys):
    answer = as_developer.post(URL, {"folder": "digits", "sent": [sent("a.txt"), sent("b.txt", b"yy")]})

    assert answer.headers["Location"] == "/storage/packages/?prefix=digits%2F"
    assert keys() == ["digits/a.txt", "digits/b.txt"]
    assert AuditEvent.objects.first().code == "storage.uploaded"
    assert AuditEvent.objects.first().params == {"path": "/packages/digits/", "files": 2, "bytes": 3}


def test_upload_unpacks_archives_when_asked(as_developer, bucket, keys):
    package = {"model/": b"", "model/config.json": b"{}", "model/weights.pkl": b"w"}

    as_developer.post(URL, {"folder": "digits/", "sent": [archive(package)], "unpack": "on"})
    as_developer.post(URL, {"folder": "packed/", "sent": [archive(package)]})

    assert keys() == ["digits/model/config.json", "digits/model/weights.pkl", "packed/package.zip"]


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
    answer = as_developer.post(URL, {"folder": folder, "sent": [sent("a")], "path": [path]}, **JSON)

    assert answer.status_code == 422
    assert "contains a space cannot be imported" in answer.json()["errors"][0]
    assert keys() == []


def test_upload_takes_spaces_inside_the_package_and_in_file_names(as_developer, bucket, keys):
    as_developer.post(URL, {"sent": [sent("a"), sent("b")], "path": ["iris/model/my data/a", "read me.txt"]})

    assert keys() == ["iris/model/my data/a", "read me.txt"]


def test_upload_says_how_many_files_all_requests_stored(as_developer, bucket):
    as_developer.post(URL, {"sent": [sent("a")]}, **JSON)
    as_developer.post(URL, {"sent": [sent("b")], "before": "1"}, **JSON)

    assert "2 files were uploaded." in as_developer.get("/storage/packages/").content.decode()


def test_upload_answers_scripts_with_json(as_developer, bucket):
    good = as_developer.post(URL, {"sent": [sent("a")]}, **JSON)
    bad = as_developer.post(URL, {"sent": [sent("a")]}, **JSON)

    assert good.json() == {"files": 1, "bytes": 1, "address": "/storage/packages/"}
    assert bad.status_code == 422
    assert bad.json() == {
        "errors": ["“/packages/a” exists already. Rename the file, or choose to replace files that exist."]
    }


def test_upload_replaces_only_when_asked(as_developer, put, bucket):
    put("a", b"old")
    driver = services.driver_for(bucket)

    as_developer.post(URL, {"sent": [sent("a", b"new")]})
    assert driver.stat("a").size == 3
    as_developer.post(URL, {"sent": [sent("a", b"newer")], "replace": "on"})

    assert driver.stat("a").size == 5


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
def test_upload_refuses_a_bad_archive_whole(as_developer, bucket, keys, files, words):
    content = {"fine": b"x", **files} if files else files

    answer = as_developer.post(URL, {"sent": [archive(content)], "unpack": "on"})

    assert answer.status_code == 422
    assert words in answer.context["form"].errors["sent"][0]
    assert keys() == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_upload_refuses_a_name_that_occurs_twice(as_developer, bucket, keys):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("a", b"x")
        packed.writestr("a", b"y")

    answer = as_developer.post(URL, {"sent": [sent("p.zip", buffer.getvalue())], "unpack": "on"})

    assert answer.context["form"].errors["sent"] == ["“a” occurs twice. Remove one of the two."]
    assert keys() == []


def test_upload_refuses_what_is_no_archive(as_developer, bucket, keys):
    answer = as_developer.post(URL, {"sent": [sent("p.zip", b"not a zip")], "unpack": "on"})

    assert "is not a complete ZIP archive" in answer.context["form"].errors["sent"][0]
    assert keys() == []


def test_upload_refuses_to_replace_folders_and_keeps_nothing_then(as_developer, put, keys):
    put("b/x")

    answer = as_developer.post(URL, {"sent": [sent("a"), sent("b")], "replace": "on"})

    assert "is a folder" in answer.context["form"].errors["sent"][0]
    assert keys() == ["b/x"]


def test_upload_that_breaks_off_keeps_nothing_new(bucket, put, keys, developer, monkeypatch):
    put("b", b"old")
    written = []
    rename = os.rename

    def full(*args, **values):
        written.append(args)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        return rename(*args, **values)

    monkeypatch.setattr(os, "rename", full)

    with pytest.raises(services.SourceUnavailable):
        services.upload_files(bucket, "", [sent("a"), sent("b"), sent("c")], unpack=False, replace=True, by=developer)

    assert keys() == ["b"]


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

    answer = as_developer.post(URL, {"sent": [sent("a", b"x" * 200)]}, **JSON)

    assert answer.json() == {"errors": ["Too large: at most 100\xa0bytes can be uploaded at once. Nothing was stored."]}


def test_upload_of_too_many_files_is_refused(as_developer, bucket, settings, keys):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    many = as_developer.post(URL, {"sent": [sent(f"{n}") for n in range(3)]})
    settings.UPLOAD_MAX_FILES = 1
    packed = as_developer.post(URL, {"sent": [archive({"a": b"x", "b": b"x"})], "unpack": "on"})

    assert "Too many files: at most 2 can be uploaded at once." in many.content.decode()
    assert "holds too many files: at most 1" in packed.content.decode()
    assert keys() == []


def test_upload_on_a_full_temporary_disk_is_said(as_developer, bucket, monkeypatch):
    def full(*args, **values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("django.core.files.uploadhandler.TemporaryUploadedFile.__init__", full)

    answer = as_developer.post(URL, {"sent": [sent("a")]}, **JSON)

    assert answer.status_code == 507
    assert answer.json() == {"errors": ["The storage is full. Free some space, then try again."]}


def test_upload_is_not_for_viewers(as_viewer, bucket, keys):
    assert as_viewer.get(URL).status_code == 403
    assert as_viewer.post(URL, {"sent": [sent("a")]}).status_code == 403
    assert keys() == []


def test_upload_wants_the_csrf_token(developer, bucket, keys):
    client = Client(enforce_csrf_checks=True)
    client.force_login(developer)

    assert client.post(URL, {"sent": [sent("a")]}).status_code == 403
    assert keys() == []


def test_upload_page_is_there_without_javascript_in_both_languages(as_developer, bucket):
    page = as_developer.get(f"{URL}?prefix=digits/").content.decode()
    chinese = as_developer.get(URL, HTTP_ACCEPT_LANGUAGE="zh-hans").content.decode()

    assert 'value="digits/"' in page
    assert '<html lang="zh-hans">' in chinese


def test_upload_can_write_no_more_than_a_bucket_key_allows(bucket, developer):
    with pytest.raises(SourceRefused) as refused:
        services.upload_files(bucket, "d/" * 511, [sent("longer")], unpack=False, replace=False, by=developer)

    assert refused.value.code == "source.name_too_long"
    assert settings.PACKAGE_MAX_KEY_BYTES == 1024
