"""The page of an import job, its live parts, cancelling and retrying, and the desk for operators."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import localtime, now

from accounts.models import User
from accounts.roles import Role
from importers import pipeline, transitions
from importers.models import ImportEvent, ImportJob, State
from registry import preparation
from registry.findings import Finding, Severity, Where, message_for
from registry.models import ModelVersion
from registry.services import fail_import
from tests.factories import make_member, make_version, make_workspace
from tests.importers.jobs import fetching, handed_over, put, run, submit

REFUSED = Finding("config.duplicate_key", Severity.WARNING, Where("model/config.json", 3, 2), {"key": "<b>"})
ERROR = Finding("layout.model_missing", Severity.ERROR)


def polls(html):
    return "hx-trigger" in html


def test_job_page_of_a_version_in_building_claims_no_success(as_developer, job, settings):
    handed_over(job, settings)

    html = as_developer.get(job.get_absolute_url()).content.decode()

    assert polls(html)
    assert ("Succeeded" in html, 'class="progress good"' in html) == (False, False)
    assert re.findall(r"<dt>Finished at</dt><dd>(.*?)</dd>", html) == ["--"]
    assert "Now its environment is built" in html
    assert reverse("importers:job-cancel", args=[job.uuid]) in html


@pytest.mark.parametrize(("language", "words"), [("en", "See the version"), ("zh-hans", "查看版本")])
def test_job_page_of_a_version_that_failed_after_it_says_why(as_developer, job, settings, language, words):
    job = handed_over(job, settings)
    preparation.fail(job.version, "proof.hung_up")

    html = as_developer.get(job.get_absolute_url(), headers={"Accept-Language": language}).content.decode()

    assert not polls(html)
    assert ("Succeeded" in html, 'class="progress good"' in html) == (False, False)
    with translation.override(language):
        # Under the steps, and as the newest line of the timeline.
        assert unescape(html).count(message_for("proof.hung_up", {})) == 2
    assert f'<a href="{job.version.get_absolute_url()}">{words}</a>' in html
    assert re.findall(r'<dd><time[^>]*datetime="([^"]+)"', html)[-1] == localtime(job.version.finished_at).isoformat()


def test_job_page_of_a_running_job_shows_bytes_and_polls(as_developer, job):
    html = as_developer.get(fetching(job).get_absolute_url()).content.decode()

    assert "20.00 MB / 100.00 MB" in html
    assert f'hx-get="{reverse("importers:job-status", args=[job.uuid])}" hx-trigger="load delay:' in html
    assert reverse("importers:job-cancel", args=[job.uuid]) in html
    assert "Version 0.0.1 of digits is deleted" in html


def test_job_page_at_rest_shows_what_the_import_took(as_developer, job):
    run(job)
    ended = now()
    ImportJob.objects.filter(pk=job.pk).update(started_at=ended - timedelta(seconds=3670.5), finished_at=ended)
    ModelVersion.objects.update(finished_at=ended)

    html = as_developer.get(job.get_absolute_url()).content.decode()

    assert "<dd>1:01:11</dd>" in html
    assert ("Time left" in html, "<dt>Rate</dt>" in html) == (False, False)


def test_job_page_speaks_chinese(as_developer, job):
    html = as_developer.get(job.get_absolute_url(), headers={"Accept-Language": "zh-CN"}).content.decode()

    assert '<html lang="zh-hans">' in html


def test_job_page_of_a_finished_job_stops_asking(as_developer, job):
    run(job)

    html = as_developer.get(job.get_absolute_url()).content.decode()

    assert not polls(html)
    assert "Normal" in html
    assert ModelVersion.objects.get().get_absolute_url() in html


def test_job_page_of_a_failed_job_shows_reason_findings_and_ways_on(as_developer, job):
    transitions.fail(fetching(job), "import.refused", {}, [REFUSED.as_dict(), ERROR.as_dict()])
    fail_import(job.version, code="import.refused", findings=[REFUSED, ERROR])

    html = as_developer.get(job.get_absolute_url()).content.decode()

    assert not polls(html)
    assert "The package was refused." in html
    assert html.index('class="finding error"') < html.index('class="finding warning"')
    assert "<b>" not in html
    assert reverse("importers:job-retry", args=[job.uuid]) in html
    assert f"/imports/new/?again={job.uuid}" in html


def test_job_page_of_a_job_that_waits_says_why(as_developer, job):
    transitions.release(fetching(job), "import.store_unavailable", {})

    html = as_developer.get(job.get_absolute_url()).content.decode()

    assert "The artifact store did not take the files." in html
    assert "It is tried again by itself, not before:" in html
    assert polls(html)


def test_job_status_is_a_part_that_ends_asking(as_developer, job):
    running = as_developer.get(reverse("importers:job-status", args=[job.uuid])).content.decode()
    run(job)
    finished = as_developer.get(reverse("importers:job-status", args=[job.uuid])).content.decode()

    assert (polls(running), polls(finished)) == (True, False)
    assert ("<html" in running, 'id="job-announcement"' in running) == (False, False)
    assert 'id="job-announcement"' in finished


@pytest.mark.parametrize("name", ["job", "job-status", "job-cancel", "version-progress", "version-job"])
def test_other_workspaces_jobs_do_not_exist(client, job, name):
    client.force_login(make_member("far", workspace=make_workspace("far")))
    code = job.version.uuid if name.startswith("version-") else job.uuid

    assert client.get(reverse(f"importers:{name}", args=[code])).status_code == 404


@pytest.mark.parametrize("name", ["job-cancel", "job-retry"])
def test_viewers_look_and_change_nothing(client, job, viewer, name):
    client.force_login(viewer)

    html = client.get(job.get_absolute_url()).content.decode()
    answer = client.post(reverse(f"importers:{name}", args=[job.uuid]))

    job.refresh_from_db()
    assert "Cancel the import" not in html
    assert (answer.status_code, job.state) == (403, State.QUEUED)


def test_cancelling_asks_first_without_javascript(as_developer, job):
    html = as_developer.get(reverse("importers:job-cancel", args=[job.uuid])).content.decode()

    job.refresh_from_db()
    assert "Version 0.0.1 of digits is deleted" in html
    assert job.state == State.QUEUED


def test_cancelling_deletes_the_version_and_keeps_the_job(as_developer, job, developer):
    answer = as_developer.post(reverse("importers:job-cancel", args=[job.uuid]), follow=True)

    job.refresh_from_db()
    html = answer.content.decode()
    assert (job.state, job.version, ModelVersion.objects.count()) == (State.CANCELLED, None, 0)
    assert "its number is free again" in html
    assert ImportEvent.objects.last().actor_name == developer.username


def test_cancelling_too_late_says_so(as_developer, job):
    run(job)

    html = as_developer.post(reverse("importers:job-cancel", args=[job.uuid]), follow=True).content.decode()

    job.refresh_from_db()
    assert job.state == State.SUCCEEDED
    assert "It was too late to cancel" in html


def test_retrying_queues_a_failed_job_again(as_developer, developer):
    path = put({"model/config.json": b"{"})
    job = run(submit(path, by=developer))

    html = as_developer.post(reverse("importers:job-retry", args=[job.uuid]), follow=True).content.decode()

    job.refresh_from_db()
    assert job.state == State.QUEUED
    assert "The import is queued again." in html


def test_retrying_a_running_job_does_nothing(as_developer, job):
    fetching(job)

    html = as_developer.post(reverse("importers:job-retry", args=[job.uuid]), follow=True).content.decode()

    job.refresh_from_db()
    assert job.state == State.FETCHING
    assert "Only a failed import" in html


def test_retrying_is_a_post(as_developer, job):
    assert as_developer.get(reverse("importers:job-retry", args=[job.uuid])).status_code == 405


def test_version_progress_becomes_the_badge_and_stops(as_developer, job):
    address = reverse("importers:version-progress", args=[job.version.uuid])
    fetching(job)
    running = as_developer.get(address).content.decode()
    transitions.advance(job, State.QUEUED)
    run(job)
    finished = as_developer.get(address).content.decode()

    assert 'value="20"' in running
    assert job.get_absolute_url() in running
    assert (polls(running), polls(finished)) == (True, False)
    assert "Normal" in finished


def test_version_progress_of_a_cancelled_import_leads_to_its_job(as_developer, job):
    address = reverse("importers:version-progress", args=[job.version.uuid])
    as_developer.post(reverse("importers:job-cancel", args=[job.uuid]))

    html = as_developer.get(address).content.decode()

    assert "Cancelled" in html
    assert job.get_absolute_url() in html
    assert not polls(html)


def test_list_of_a_failed_version_says_why_and_leads_to_its_job(as_developer, job):
    transitions.claim(job)
    pipeline.fail(job, "import.refused")

    table = as_developer.get(reverse("registry:model-versions", args=[job.version.model.uuid])).content.decode()
    address = reverse("importers:version-job", args=[job.version.uuid])

    assert "The package was refused." in table
    assert f'href="{address}"' in table
    assert as_developer.get(address).url == job.get_absolute_url()


def test_version_without_a_job_leads_to_itself(as_developer):
    version = make_version("handmade")

    assert as_developer.get(reverse("importers:version-job", args=[version.uuid])).url == version.get_absolute_url()


@pytest.mark.parametrize("moves", [1, 3])
def test_job_page_asks_the_database_as_often_for_any_history(as_developer, job, moves, django_assert_num_queries):
    for _ in range(moves):
        transitions.record_event(job, State.QUEUED, "import.retried", {}, by=None)

    with django_assert_num_queries(6):
        as_developer.get(job.get_absolute_url())


def test_admin_shows_jobs_of_the_own_workspaces_only(client, job):
    reviewer = make_member("rev", Role.REVIEWER, make_workspace("far"))
    User.objects.filter(pk=reviewer.pk).update(is_staff=True)
    client.force_login(reviewer)

    listed = client.get(reverse("admin:importers_importjob_changelist")).content.decode()

    assert job.model_name not in listed
    assert client.get(reverse("admin:importers_importjob_change", args=[job.pk])).status_code == 302


def test_admin_only_reads(client, job):
    reviewer = make_member("rev", Role.REVIEWER)
    User.objects.filter(pk=reviewer.pk).update(is_staff=True)
    client.force_login(reviewer)

    listed = client.get(reverse("admin:importers_importjob_changelist")).content.decode()
    address = reverse("admin:importers_importjob_change", args=[job.pk])

    assert job.get_absolute_url() in client.get(address).content.decode()
    assert job.model_name in listed
    assert client.get(address).status_code == 200
    assert client.post(address, {"state": "succeeded"}).status_code == 403
    assert client.post(reverse("admin:importers_importjob_delete", args=[job.pk])).status_code == 403


@pytest.mark.parametrize(("person", "offered"), [("developer", True), ("viewer", False)])
def test_version_page_offers_to_cancel_while_it_is_built(client, request, job, settings, person, offered):
    job = handed_over(job, settings)
    client.force_login(request.getfixturevalue(person))

    html = client.get(job.version.get_absolute_url()).content.decode()

    assert (reverse("importers:job-cancel", args=[job.uuid]) in html) == offered


def test_version_progress_while_it_is_built_says_nothing_of_success(as_developer, job, settings):
    job = handed_over(job, settings)

    html = as_developer.get(reverse("importers:version-progress", args=[job.version.uuid])).content.decode()

    assert ("Building" in html, "Succeeded" in html, "<progress" in html) == (True, False, False)
