"""The pages of exports: both ways to choose from, the job, cancelling and retrying."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from registry import transitions_exports as transitions
from registry.models import ModelSource, Status
from registry.models_exports import ExportJob, ExportState
from stores.drivers.folder import FolderDriver
from stores.errors import SourceUnavailable
from tests.factories import make_member, make_version, make_workspace
from tests.registry.exporting import exportable, folder_bucket, run, submit

pytestmark = pytest.mark.django_db
CHINESE = {"Accept-Language": "zh-hans"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def version():
    folder_bucket()
    return exportable()


def form_of(version):
    return reverse("registry:version-export-form", args=[version.uuid])


def wish(**values):
    return {"folder": "/exports/digits/", "name": "digits-0.0.1.zip"} | values


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_form_offers_both_ways_in_both_languages(as_developer, version):
    english = as_developer.get(form_of(version))
    chinese = as_developer.get(form_of(version), headers=CHINESE)

    assert "Download as ZIP" in english.text
    assert f'href="/versions/{version.uuid}/export/" download' in english.text
    assert 'value="digits-0.0.1.zip"' in english.text
    assert "下载ZIP" in chinese.text
    assert "保存到桶" in chinese.text


def test_htmx_gets_the_same_as_a_dialog(as_developer, version):
    answer = as_developer.get(form_of(version), headers=HTMX)

    assert answer.text.lstrip().startswith("<dialog")
    assert "Save to a bucket" in answer.text


def test_pages_of_the_version_lead_to_the_form(as_developer, version):
    link = f'href="{form_of(version)}" hx-get="{form_of(version)}"'

    assert link in as_developer.get(version.get_absolute_url()).text
    assert link in as_developer.get(f"/models/{version.model.uuid}/versions/").text


def test_form_remembers_where_the_version_was_exported_last(as_developer, version):
    run(submit(version, prefix="deep/er/"))

    page = as_developer.get(form_of(version)).text

    assert 'value="/exports/deep/er/"' in page
    assert "/exports/deep/er/digits-0.0.1.zip" in page


@pytest.mark.parametrize("count", [1, 3])
def test_form_asks_as_little_for_three_exports_as_for_one(as_developer, version, django_assert_num_queries, count):
    for number in range(count):
        submit(version, name=f"{number}.zip")
    as_developer.get(form_of(version))

    with django_assert_num_queries(8):
        as_developer.get(form_of(version))


def test_wish_leads_to_the_page_of_the_job(as_developer, developer, version):
    answer = as_developer.post(form_of(version), wish())

    job = ExportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/exports/{job.uuid}/")
    assert (job.path, job.replace, job.created_by) == ("/exports/digits/digits-0.0.1.zip", False, developer)
    assert run(job).state == ExportState.SUCCEEDED


def test_wish_of_the_dialog_leads_to_the_page_of_the_job(as_developer, version):
    answer = as_developer.post(form_of(version), wish(replace="on"), headers=HTMX)

    job = ExportJob.objects.get()
    assert (answer["HX-Redirect"], job.replace) == (f"/exports/{job.uuid}/", True)


REFUSED = {
    "no folder": ({"folder": ""}, "Choose the bucket and the folder to save into."),
    "no path": ({"folder": "exports"}, "is not a storage path"),
    "a space": ({"folder": "/exports/a b/"}, "contains a space"),
    "no bucket": ({"folder": "/nothing/"}, "There is no bucket “nothing” in this workspace."),
    "temporary area": ({"folder": "/exports/.modelport-incoming/"}, "cannot be used as a path"),
    "no name": ({"name": ""}, "Give the file a name."),
    "a path for a name": ({"name": "a/b.zip"}, "cannot be a name"),
    "no ZIP": ({"name": "digits"}, "End the name in .zip"),
    "a long name": ({"name": "数" * 90 + ".zip"}, "a path may have 255 bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wish_that_cannot_be_is_refused_with_the_reason_and_everything_typed(as_developer, version, case):
    values, reason = REFUSED[case]

    answer = as_developer.post(form_of(version), wish(**values))

    assert answer.status_code == 422
    assert reason in answer.text
    assert all(f'value="{typed}"' in answer.text for typed in wish(**values).values() if typed)
    assert not ExportJob.objects.exists()


def test_name_that_is_taken_offers_to_replace(as_developer, version):
    run(submit(version))

    refused = as_developer.post(form_of(version), wish())
    chinese = as_developer.post(form_of(version), wish(), headers=CHINESE)
    accepted = as_developer.post(form_of(version), wish(replace="on"))

    assert (refused.status_code, accepted.status_code) == (422, 302)
    assert "“/exports/digits/digits-0.0.1.zip” exists already. Type another name, or tick that" in refused.text
    assert "“/exports/digits/digits-0.0.1.zip”已存在。" in chinese.text


def test_name_that_differs_in_case_alone_is_told(as_developer, version):
    run(submit(version))

    answer = as_developer.post(form_of(version), wish(name="Digits-0.0.1.zip", replace="on"))

    assert answer.status_code == 422
    assert "differ only in upper and lower case" in answer.text


def test_storage_that_does_not_answer_is_told(as_developer, version, monkeypatch):
    def unavailable(*_, **__):
        raise SourceUnavailable("down")

    monkeypatch.setattr(FolderDriver, "list_folder", unavailable)

    answer = as_developer.post(form_of(version), wish(), headers=HTMX)

    assert answer.status_code == 422
    assert "The storage did not answer. Try again in a moment." in answer.text


def test_looking_for_a_folder_without_javascript_keeps_what_was_typed(as_developer, version):
    there = as_developer.post(form_of(version), wish(name="mine.zip", replace="on", browse="folder"))
    picker = as_developer.get(there["Location"], follow=True)
    back = as_developer.get(f"{form_of(version)}?name=mine.zip&replace=on&folder=/exports/a/")

    assert f"{form_of(version)}?name=mine.zip&amp;replace=on&amp;folder=%2Fexports%2F" in picker.text
    assert 'value="/exports/a/"' in back.text
    assert 'value="mine.zip"' in back.text
    assert "checked" in back.text


def test_viewer_may_download_but_not_save(client, viewer, version):
    client.force_login(viewer)

    page = client.get(form_of(version))
    refused = client.post(form_of(version), wish())

    assert "Your role does not include bringing files into buckets." in page.text
    assert 'name="folder"' not in page.text
    assert refused.status_code == 403
    assert not ExportJob.objects.exists()


def test_bucket_of_another_workspace_is_not_there(as_developer, version):
    folder_bucket("theirs")
    workspace = make_workspace("theirs")
    type(version.model.workspace.buckets.get(name="theirs")).objects.filter(name="theirs").update(workspace=workspace)

    answer = as_developer.post(form_of(version), wish(folder="/theirs/"))

    assert answer.status_code == 422
    assert "There is no bucket “theirs” in this workspace." in answer.text


@pytest.mark.parametrize("source", [ModelSource.EXEML, ModelSource.SUBSCRIBED])
def test_version_that_is_never_given_out_says_why(as_developer, source):
    version = exportable(model_source=source)

    assert as_developer.get(form_of(version)).status_code == 403
    assert as_developer.post(form_of(version), wish()).status_code == 403
    assert "可在此部署，但不能下载或导出" in as_developer.get(form_of(version), headers=CHINESE).text


def test_version_that_is_not_normal_says_why_also_to_a_list_that_is_out_of_date(as_developer):
    version = make_version(status=Status.FAILED, status_code="import.refused")

    page = as_developer.get(form_of(version))
    dialog = as_developer.get(form_of(version), headers=HTMX)

    assert page.status_code == 409
    assert "Only a version that is Normal can be exported" in page.text
    assert dialog["HX-Redirect"] == form_of(version)


def test_things_of_another_workspace_are_not_found(as_developer):
    version = exportable(workspace=make_workspace("theirs"))
    other = exportable("mine")
    job = submit(other)
    ExportJob.objects.update(workspace=version.model.workspace)

    assert as_developer.get(form_of(version)).status_code == 404
    for page in ("", "status/"):
        assert as_developer.get(f"{job.get_absolute_url()}{page}").status_code == 404
    for action in ("cancel/", "retry/"):
        assert as_developer.post(f"{job.get_absolute_url()}{action}").status_code == 404


# The job


def test_page_of_a_job_polls_until_it_has_ended(as_developer, version):
    job = submit(version)
    waiting = as_developer.get(job.get_absolute_url()).text
    run(job)
    ended = as_developer.get(f"{job.get_absolute_url()}status/").text

    assert f'hx-get="{job.get_absolute_url()}status/"' in waiting
    assert "hx-trigger" not in ended
    assert "The file is in the bucket, whole." in ended
    assert ExportJob.objects.get().sha256 in ended
    assert '/storage/exports/?prefix=digits%2F"' in ended


def test_page_of_a_job_speaks_chinese(as_developer, version):
    job = run(submit(version))

    page = as_developer.get(job.get_absolute_url(), headers=CHINESE).text

    assert "文件已完整存入桶中。" in page
    assert "已提交导出" in page


def test_page_shows_how_far_a_job_is(as_developer, version):
    job = submit(version)
    transitions.claim(job)
    ExportJob.objects.update(bytes_total=4096, bytes_done=1024)

    page = as_developer.get(job.get_absolute_url()).text

    assert 'value="25"' in page
    assert "1.00 KB / 4.00 KB" in page
    assert "Cancel the export" in page


def test_page_of_a_job_that_waits_says_for_what(as_developer, version):
    job = submit(version)
    transitions.claim(job)
    transitions.release(job, "source.unavailable", {})

    page = as_developer.get(job.get_absolute_url()).text

    assert "The storage did not answer. Try again in a moment." in page
    assert "It is tried again by itself, not before:" in page


def test_cancelling_says_what_became_of_it(as_developer, developer, version):
    job = submit(version)

    first = as_developer.post(f"{job.get_absolute_url()}cancel/")
    second = as_developer.post(f"{job.get_absolute_url()}cancel/")

    assert first["Location"] == job.get_absolute_url()
    assert said(first) == ["The export was cancelled. Nothing of it is in the bucket."]
    assert said(second)[-1].startswith("It was too late to cancel")
    assert job.events.get(code="export.cancelled").actor_name == developer.username


def test_failed_export_is_retried_or_changed(as_developer, version):
    job = submit(version)
    transitions.claim(job)
    transitions.fail(job, "source.exists", {"path": job.path})

    page = as_developer.get(job.get_absolute_url()).text
    first = as_developer.post(f"{job.get_absolute_url()}retry/")
    second = as_developer.post(f"{job.get_absolute_url()}retry/")

    assert "The export failed. Nothing of it is in the bucket." in page
    assert "exists already" in page
    assert f"{form_of(version)}?folder=%2Fexports%2Fdigits%2F&amp;name=digits-0.0.1.zip" in page
    assert said(first) == ["The export is queued again."]
    assert said(second)[-1] == "Only a failed export whose version and bucket still exist can be retried."


def test_viewer_sees_a_job_but_may_not_touch_it(client, viewer, version):
    job = submit(version)
    client.force_login(viewer)

    page = client.get(job.get_absolute_url())

    assert page.status_code == 200
    assert "Cancel the export" not in page.text
    for action in ("cancel/", "retry/"):
        assert client.post(f"{job.get_absolute_url()}{action}").status_code == 403


def test_job_outlives_its_version_and_its_bucket(as_developer, version):
    job = run(submit(version))
    version.model.delete()
    job.bucket.delete()

    page = as_developer.get(job.get_absolute_url())

    assert page.status_code == 200
    assert "/exports/digits/digits-0.0.1.zip" in page.text
    assert "See it in the bucket" not in page.text


def test_event_of_the_version_names_the_target(as_developer, version):
    run(submit(version, by=make_member("ann")))

    english = as_developer.get(f"{version.get_absolute_url()}?tab=events").text
    chinese = as_developer.get(f"{version.get_absolute_url()}?tab=events", headers=CHINESE).text

    assert "Exported to /exports/digits/digits-0.0.1.zip" in english
    assert "已导出到/exports/digits/digits-0.0.1.zip" in chinese


def test_desk_shows_jobs_to_read(client, admin, version):
    job = run(submit(version))
    admin.is_staff = True
    admin.save(update_fields=["is_staff"])
    client.force_login(admin)

    listed = client.get("/admin/registry/exportjob/")
    shown = client.get(f"/admin/registry/exportjob/{job.pk}/change/")

    assert job.path in listed.text
    assert "Export requested" in shown.text
    assert 'name="_save"' not in shown.text
