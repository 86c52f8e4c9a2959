"""Uploads as scripts make them: a plan first, then a request for each file."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import AuditEvent
from stores import services, services_uploads
from stores.drivers.folder import FolderDriver
from stores.errors import SourceUnavailable
from stores.models import Upload, UploadFile, UploadState
from stores.paths import INCOMING
from stores.services_receiving import Interrupted, receive_file
from tests import factories
from tests.stores.uploading import JSON, LARGE, begin, finish, plan, send


def scratch(settings):
    return sorted(path.name for path in settings.BUCKETS_ROOT.glob(f"packages/{INCOMING}/*"))


def test_files_are_sent_one_by_one_and_recorded_once(as_developer, bucket, keys):
    address = begin(as_developer, [["model/config.json", 2], ["model/empty", 0]], folder="/packages/digits")

    first = send(as_developer, address, 0, b"{}").json()
    second = send(as_developer, address, 1, b"").json()
    answer = finish(as_developer, address)
    again = finish(as_developer, address)

    assert (first, second) == ({"received": 2, "done": True}, {"received": 0, "done": True})
    assert (answer["state"], answer["files_done"], answer["bytes_done"]) == ("done", 2, 2)
    assert answer["folder"] == "/storage/packages/?prefix=digits%2F"
    assert again == answer
    assert keys() == ["digits/model/config.json", "digits/model/empty"]
    events = AuditEvent.objects.filter(code="storage.uploaded")
    assert [event.params for event in events] == [{"path": "/packages/digits/", "files": 2, "bytes": 2}]


def test_the_next_page_says_what_was_stored_when_asked(as_developer, put, bucket):
    put("a")
    address = begin(as_developer, [["a", 1], ["b", 1], ["c", 1]])
    send(as_developer, address, 1, b"b")
    send(as_developer, address, 2, b"c")

    finish(as_developer, address, "?announce")

    page = as_developer.get("/storage/packages/").content.decode()
    assert "2 files were uploaded. 1 file that existed already was skipped." in page


def test_replacing_keeps_the_old_file_until_the_new_one_is_whole(as_developer, put, bucket):
    put("a", b"old")
    address = begin(as_developer, [["a", 5]], conflict="replace")

    before = services.driver_for(bucket).stat("a").size
    send(as_developer, address, 0, b"newer")

    assert (before, services.driver_for(bucket).stat("a").size) == (3, 5)


@pytest.mark.parametrize("size", [3, LARGE])
def test_a_body_that_is_cut_is_sent_on_from_where_it_broke_off(as_developer, bucket, keys, size):
    content = bytes(number % 251 for number in range(size))
    address = begin(as_developer, [["weights.bin", size]])
    file = UploadFile.objects.select_related("upload__bucket").get()
    parts = iter([content[: size - 2], b""])

    with pytest.raises(Interrupted):
        receive_file(file, start=0, length=size, read=lambda _: next(parts))
    asked = as_developer.get(f"{address}0/").json()
    cut = keys()
    rest = send(as_developer, address, 0, content, start=asked["received"])

    assert asked == {"received": size - 2 if size == LARGE else 0, "done": False}
    assert cut == []
    assert rest.json() == {"received": size, "done": True}
    with services.driver_for(bucket).open("weights.bin") as stream:
        assert stream.read() == content


def test_sending_from_the_wrong_place_is_told_the_right_one(as_developer, bucket):
    content = b"x" * LARGE
    address = begin(as_developer, [["large", LARGE], ["small", 4]])

    large = send(as_developer, address, 0, content, start=100)
    small = send(as_developer, address, 1, b"abcd", start=2)

    assert (large.status_code, large.json()) == (409, {"received": 0, "done": False})
    assert (small.status_code, small.json()) == (409, {"received": 0, "done": False})


def test_parts_that_the_bucket_lost_are_sent_again(as_developer, bucket, keys, settings):
    content = b"x" * LARGE
    address = begin(as_developer, [["large", LARGE]])
    file = UploadFile.objects.select_related("upload__bucket").get()
    parts = iter([content[:100], b""])
    with pytest.raises(Interrupted):
        receive_file(file, start=0, length=LARGE, read=lambda _: next(parts))
    for path in settings.BUCKETS_ROOT.glob(f"packages/{INCOMING}/*"):
        path.unlink()

    asked = as_developer.get(f"{address}0/").json()
    answer = send(as_developer, address, 0, content)

    assert asked == {"received": 0, "done": False}
    assert answer.json()["done"] is True
    assert keys() == ["large"]


@pytest.mark.parametrize("content", [b"", b"abc", b"abcde"])
def test_a_file_of_another_size_than_planned_is_refused(as_developer, bucket, keys, content):
    address = begin(as_developer, [["a", 4]])

    answer = send(as_developer, address, 0, content)

    assert (answer.status_code, answer.json()["code"]) == (422, "upload.wrong_length")
    assert keys() == []


@pytest.mark.parametrize("start", ["-1", "x", "9" * 40, "²"])
def test_a_start_that_is_none_is_refused(as_developer, bucket, start):
    address = begin(as_developer, [["a", 4]])

    assert as_developer.put(f"{address}0/?start={start}", b"abcd").status_code == 422


def test_a_file_that_is_done_may_be_sent_again_without_harm(as_developer, bucket):
    address = begin(as_developer, [["a", 1]])
    send(as_developer, address, 0, b"a")

    again = send(as_developer, address, 0, b"b")

    assert again.json() == {"received": 1, "done": True}
    with services.driver_for(bucket).open("a") as stream:
        assert stream.read() == b"a"
    assert Upload.objects.get().files_done == 1


def test_only_one_request_sends_a_file_at_a_time(as_developer, bucket, keys):
    address = begin(as_developer, [["a", 2]])
    answers = []
    file = UploadFile.objects.select_related("upload__bucket").get()

    def read(_):
        answers.append(send(as_developer, address, 0, b"no"))
        return b"ab"

    receive_file(file, start=0, length=2, read=read)

    assert (answers[0].status_code, answers[0].json()["code"]) == (409, "upload.busy")
    with services.driver_for(bucket).open("a") as stream:
        assert stream.read() == b"ab"


def test_a_request_that_stalled_gives_way_to_the_next_one(as_developer, bucket, settings):
    settings.UPLOAD_LEASE_SECONDS = 0
    address = begin(as_developer, [["a", 2]])
    file = UploadFile.objects.select_related("upload__bucket").get()
    bodies = iter([b"a", b"b"])
    answers = []

    def read(_):
        if not answers:
            answers.append(send(as_developer, address, 0, b"ok").json())
        return next(bodies)

    with pytest.raises(SourceUnavailable) as refused:
        receive_file(file, start=0, length=2, read=read)

    assert refused.value.code == "upload.busy"
    assert answers == [{"received": 2, "done": True}]
    with services.driver_for(bucket).open("a") as stream:
        assert stream.read() == b"ok"


def test_cancelling_keeps_what_is_stored_and_throws_the_rest_away(as_developer, bucket, keys, settings):
    address = begin(as_developer, [["a", 1], ["large", LARGE], ["p.zip", 3]], unpack=True)
    send(as_developer, address, 0, b"a")
    send(as_developer, address, 2, b"zip")
    file = UploadFile.objects.select_related("upload__bucket").get(number=1)
    parts = iter([b"x" * 100, b""])
    with pytest.raises(Interrupted):
        receive_file(file, start=0, length=LARGE, read=lambda _: next(parts))
    held = len(scratch(settings))

    answer = as_developer.post(f"{address}cancel/", **JSON).json()
    late = send(as_developer, address, 1, b"x" * LARGE)

    assert held == 2
    assert (answer["state"], answer["files_done"]) == ("cancelled", 1)
    assert (late.status_code, late.json()["code"]) == (409, "upload.closed")
    assert keys() == ["a"]
    assert scratch(settings) == []


def test_cancelling_in_the_instant_a_file_begins_leaves_nothing_behind(as_developer, bucket, settings, monkeypatch):
    address = begin(as_developer, [["large", LARGE]])
    begin_receiving = FolderDriver.begin

    def cancelled_meanwhile(driver, key, size):
        handle = begin_receiving(driver, key, size)
        as_developer.post(f"{address}cancel/", **JSON)
        return handle

    monkeypatch.setattr(FolderDriver, "begin", cancelled_meanwhile)

    answer = send(as_developer, address, 0, b"x" * LARGE)

    assert (answer.status_code, answer.json()["code"]) == (409, "upload.busy")
    assert scratch(settings) == []


def test_finishing_gives_up_what_did_not_arrive(as_developer, bucket, keys):
    some = begin(as_developer, [["a", 1], ["b", 1]])
    send(as_developer, some, 0, b"a")
    none = begin(as_developer, [["c", 1]])

    first, second = finish(as_developer, some), finish(as_developer, none)

    assert (first["state"], first["files_done"], first["files_total"]) == ("done", 1, 2)
    assert second["state"] == "cancelled"
    assert keys() == ["a"]


def test_the_status_page_and_the_next_one_warn_of_what_did_not_arrive(as_developer, bucket):
    address = begin(as_developer, [["a", 1], ["b", 1]])
    send(as_developer, address, 0, b"a")

    finish(as_developer, address, "?announce")
    page = as_developer.get(address).content.decode()

    missing = "1 file did not arrive. Upload it again."
    assert f'<div class="notice warning"><div>{missing}</div></div>' in page
    assert '<span class="status warn">Stored</span>' in page
    assert f"1 file was uploaded. {missing}" in page


def test_an_upload_that_skipped_everything_is_no_success(as_developer, put, bucket):
    put("a")
    address = begin(as_developer, [["a", 1]])

    finish(as_developer, address, "?announce")
    page = as_developer.get("/storage/packages/")

    told = [(message.level_tag, str(message)) for message in page.context["messages"]]
    assert told == [("warning", "0 files were uploaded. 1 file that existed already was skipped.")]


def test_the_status_page_refreshes_itself_without_scripts_while_it_is_unpacking(as_developer, bucket):
    address = begin(as_developer, [["a", 1]])
    refresh = '<noscript><meta http-equiv="refresh" content="3"></noscript>'

    Upload.objects.update(state=UploadState.UNPACKING)
    unpacking = as_developer.get(address).content.decode()
    Upload.objects.update(state=UploadState.DONE)
    done = as_developer.get(address).content.decode()

    assert (refresh in unpacking, refresh in done) == (True, False)


def test_an_upload_nobody_goes_on_with_is_ended_and_later_forgotten(as_developer, bucket, settings):
    begin(as_developer, [["a", 1]])
    services_uploads.sweep_uploads()
    fresh = Upload.objects.get().state
    Upload.objects.update(touched_at=now() - timedelta(seconds=settings.UPLOAD_IDLE_SECONDS + 1))
    services_uploads.sweep_uploads()
    ended = Upload.objects.get()
    Upload.objects.update(finished_at=now() - timedelta(seconds=settings.UPLOAD_KEPT_SECONDS + 1))

    services_uploads.sweep_uploads()

    assert fresh == UploadState.RECEIVING
    assert (ended.state, ended.reason_code) == (UploadState.CANCELLED, "upload.abandoned")
    assert UploadFile.objects.count() == 0


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_status_page_polls_until_the_upload_has_ended(as_developer, bucket, language):
    address = begin(as_developer, [["a", 1], ["b", 1]])
    send(as_developer, address, 0, b"a")

    running = as_developer.get(address, HTTP_ACCEPT_LANGUAGE=language).content.decode()
    part = as_developer.get(address, HTTP_HX_REQUEST="true").content.decode()
    as_developer.post(f"{address}cancel/")
    ended = as_developer.get(address, HTTP_ACCEPT_LANGUAGE=language).content.decode()

    assert f'<html lang="{language}">' in running
    assert f'hx-get="{address}"' in running
    assert part.lstrip().startswith('<section class="panel upload-live"')
    assert "hx-get" not in ended.split('id="upload-live"')[1].split("</section>")[0]
    assert "<dd>1 / 2</dd>" in ended


def test_uploading_is_not_for_viewers_nor_for_others(as_viewer, developer, bucket):
    client = Client()
    client.force_login(developer)
    address = begin(client, [["a", 1]])
    other = Client()
    other.force_login(factories.make_member("carl", "developer"))

    assert plan(as_viewer, [["a", 1]]).status_code == 403
    assert send(as_viewer, address, 0, b"a").status_code == 403
    assert as_viewer.post(f"{address}cancel/").status_code == 403
    assert as_viewer.get(address).status_code == 200
    assert send(other, address, 0, b"a").status_code == 404
    assert other.post(f"{address}finish/").status_code == 404
    assert send(client, address, 5, b"a").status_code == 404


def test_an_upload_of_another_workspace_is_not_there(client, developer, bucket):
    mine = Client()
    mine.force_login(developer)
    address = begin(mine, [["a", 1]])
    client.force_login(factories.make_member("eve", "admin", workspace=factories.make_workspace("elsewhere")))

    answers = [client.get(address), send(client, address, 0, b"a"), client.post(f"{address}cancel/"), plan(client, [])]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]


def test_every_request_wants_the_csrf_token(developer, bucket, keys):
    client = Client(enforce_csrf_checks=True)
    client.force_login(developer)
    free = Client()
    free.force_login(developer)
    address = begin(free, [["a", 1]])
    client.get("/storage/packages/")
    token = {"HTTP_X_CSRFTOKEN": client.cookies["csrftoken"].value}

    refused = [plan(client, [["a", 1]]), send(client, address, 0, b"a"), client.post(f"{address}cancel/")]
    accepted = client.put(f"{address}0/", b"a", content_type="application/octet-stream", **token)

    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert accepted.json()["done"] is True


def test_a_file_costs_few_queries(as_developer, bucket, django_assert_num_queries):
    address = begin(as_developer, [["a", 1], ["b", 1], ["c", 1]])
    send(as_developer, address, 0, b"a")

    # Three to know the person and the workspace; then the file, its hold, and (in a savepoint) that it is done.
    for number in (1, 2):
        with django_assert_num_queries(9):
            send(as_developer, address, number, b"x")
