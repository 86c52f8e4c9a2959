"""Plans of uploads: everything that can be refused is refused before a byte is sent."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from stores.models import Upload, UploadFile
from stores.paths import INCOMING
from tests.stores.uploading import URL, begin, plan, send


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([], "upload.nothing"),
        ([["../x", 1]], "source.unsafe_name"),
        ([["/x", 1]], "source.unsafe_name"),
        ([["a\\b", 1]], "source.unsafe_name"),
        ([["\ud800", 1]], "source.unsafe_name"),
        ([["a\x00", 1]], "source.unsafe_name"),
        ([[f"{INCOMING}/x", 1]], "source.unsafe_name"),
        ([["d/" * 40 + "x", 1]], "upload.too_deep"),
        ([["k" * 1100, 1]], "source.name_too_long"),
        ([["my model/a", 1]], "upload.space_in_folder"),
        ([["a", 1], ["a", 2]], "upload.duplicate"),
        ([["a", 1], ["A", 2]], "upload.case_collision"),
        ([["a", 1], ["a/b", 2]], "upload.file_and_folder"),
        ([["a", 21 * 1024**3]], "upload.too_large"),
        ([["a", 10**30]], "upload.too_large"),
        ([["a", -1]], "upload.malformed"),
        ([["a", True]], "upload.malformed"),
        ([["a", "1"]], "upload.malformed"),
        ([["a"]], "upload.malformed"),
        ("abc", "upload.malformed"),
        ([None], "upload.malformed"),
    ],
)
def test_a_plan_is_refused_whole_before_a_byte_is_sent(as_developer, bucket, files, code):
    answer = plan(as_developer, [["fine", 1], *files] if files and files != "abc" else files)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert Upload.objects.count() == 0


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"files": [], "folder": 1}', b'{"files": {}, "conflict": []}']
)
def test_a_plan_that_is_none_is_refused(as_developer, bucket, raw):
    answer = as_developer.post(URL, raw, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (422, "upload.malformed")


@pytest.mark.parametrize("thing", [b"[]", b"{}"])
def test_a_plan_that_would_fill_the_memory_is_not_read(as_developer, bucket, thing):
    answer = as_developer.post(URL, b"[" + b",".join([thing] * 1_000_000) + b"]", content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (422, "upload.too_many_files")


@pytest.mark.parametrize("folder", ["../", "a//b", "a\x7fb", INCOMING, "my model"])
def test_a_plan_for_a_hostile_folder_is_refused(as_developer, bucket, folder):
    assert plan(as_developer, [["a", 1]], folder=folder).status_code == 422


def test_a_plan_of_too_many_files_or_bytes_is_refused(as_developer, bucket, settings, monkeypatch):
    settings.UPLOAD_MAX_FILES = 2
    many = plan(as_developer, [["a", 1], ["b", 1], ["c", 1]])
    monkeypatch.setattr("stores.views.uploads.WISH_BYTES", 50)
    long = plan(as_developer, [["k" * 60, 1]])

    assert many.json()["error"] == "Too many files: at most 2 can be uploaded at once."
    assert long.json()["code"] == "upload.malformed"


@pytest.mark.parametrize("count", [3, 40])
@pytest.mark.parametrize(
    ("conflict", "skipped", "renamed"),
    [
        ("skip", [0, 2], {}),
        ("replace", [], {}),
        ("both", [], {"0": "d/a0.bin (3)", "2": "d/sub/c (2).bin"}),
    ],
)
def test_names_that_are_taken_are_found_beforehand(as_developer, put, bucket, count, conflict, skipped, renamed):
    """Few are asked for one by one, many are found by listing: both say the same."""
    for key in ("d/a0.bin", "d/a0 (2).bin", "d/sub/c.bin", "d/zzz", "e"):
        put(key)
    files = [["a0.bin", 1], ["b", 1], ["sub/c.bin", 1], *([f"n{number:02}", 1] for number in range(count - 3))]
    renamed = {number: name.replace("a0.bin (3)", "a0 (3).bin") for number, name in renamed.items()}

    checked = plan(as_developer, files, folder="d", check=True).json()
    planned = plan(as_developer, files, folder="d", conflict=conflict).json()

    assert (checked["conflicts"], checked["names"]) == (2, ["/packages/d/a0.bin", "/packages/d/sub/c.bin"])
    assert (planned["skipped"], planned["renamed"]) == (skipped, renamed)
    assert Upload.objects.count() == 1


def test_names_in_many_folders_are_found_by_walking(as_developer, put, bucket):
    put("d/f07/x")
    put("d/a")
    files = [[f"f{number:02}/x", 1] for number in range(20)]

    assert plan(as_developer, files, folder="d", check=True).json()["names"] == ["/packages/d/f07/x"]


@pytest.mark.parametrize("others", [0, 20])
def test_a_file_never_takes_the_place_of_a_folder(as_developer, put, bucket, others):
    put("folder/x")
    put("file")
    more = [[f"n{number:02}", 1] for number in range(others)]

    on_folder = plan(as_developer, [*more, ["folder", 1]], conflict="replace")
    in_file = plan(as_developer, [*more, ["file/x", 1]], conflict="replace")

    assert on_folder.json()["code"] == "source.is_folder"
    assert in_file.json()["code"] == "source.not_a_folder"


def test_a_plan_costs_few_queries_however_many_files_it_has(as_developer, bucket, django_assert_num_queries):
    for count in (1, 90):
        with django_assert_num_queries(9):
            begin(as_developer, [[f"{count}/f{number}", 1] for number in range(count)])


def test_ten_thousand_files_are_planned_at_once(as_developer, bucket):
    files = [[f"m{number % 40}/file-{number:05}.bin", number] for number in range(10_000)]

    started = now()
    address = begin(as_developer, files, folder="digits")

    assert UploadFile.objects.count() == 10_000
    assert now() - started < timedelta(seconds=10)
    assert send(as_developer, address, 9_999, b"x" * 9_999).json()["done"] is True
