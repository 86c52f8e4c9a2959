"""Pages of importers."""

from django.urls import path

from importers.views import form, job

app_name = "importers"
urlpatterns = [
    path("imports/new/", form.import_new, name="new"),
    path("imports/preflight/", form.preflight, name="preflight"),
    path("imports/source/", form.source_fields, name="source-fields"),
    path("imports/draft/", form.draft, name="draft"),
    path("imports/name/", form.name_hint, name="name-hint"),
    path("imports/of/<uuid:code>/", job.version_progress, name="version-progress"),
    path("imports/of/<uuid:code>/job/", job.version_job, name="version-job"),
    path("imports/<uuid:code>/", job.job_page, name="job"),
    path("imports/<uuid:code>/status/", job.job_status, name="job-status"),
    path("imports/<uuid:code>/cancel/", job.job_cancel, name="job-cancel"),
    path("imports/<uuid:code>/retry/", job.job_retry, name="job-retry"),
]
