"""Submitting the import form: refusals become errors at their fields."""

from dataclasses import replace
from datetime import timedelta

from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import User
from importers.models import ImportJob
from importers.services import ImportRequest, submit_import
from importers.views.page import ImportPage
from registry.findings import message_for
from registry.models import ModelVersion
from registry.services import VersionTaken
from stores.errors import SourceRefused

TWICE = timedelta(minutes=1)


def submit(page: ImportPage, *, by: User) -> ImportJob | None:
    """Start the import of a valid page; None when it was refused, with the reason at its field."""
    wanted = page.request()
    try:
        return submit_import(wanted, workspace=page.workspace, by=by, replace=page.basic.cleaned_data["replace"])
    except VersionTaken as taken:
        if job := _submitted_twice(taken.version, wanted, by):
            return job
        page.basic.add_error("version", _taken_message(taken))
    except SourceRefused as refused:
        page.source.add_error(page.source.main_field, message_for(refused.code, refused.params))
    return None


def _submitted_twice(version: ModelVersion, wanted: ImportRequest, by: User) -> ImportJob | None:
    """The job that this very form started a moment ago: a second press of the button."""
    recent = ImportJob.objects.filter(version=version, created_by=by, created_at__gt=now() - TWICE)
    job = recent.select_related("version__model").last()
    return job if job and ImportRequest.from_dict(job.request) == replace(wanted, sample=None) else None


def _taken_message(taken: VersionTaken) -> str:
    if taken.replaceable:
        text = _("%(number)s exists and failed. Tick “Replace the failed version” or choose another number.")
    else:
        text = _("%(number)s of this model exists. Choose another number: a version is never overwritten.")
    return text % {"number": taken.version.number}
