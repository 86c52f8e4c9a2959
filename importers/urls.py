"""Pages of importers."""

from django.urls import path

from importers.views import form, job, mlflow, mlflow_form, templates, training, training_api, training_run

app_name = "importers"
urlpatterns = [
    path("imports/new/", form.import_new, name="new"),
    path("imports/preflight/", form.preflight, name="preflight"),
    path("imports/source/", form.source_fields, name="source-fields"),
    path("imports/templates/", templates.template_cards, name="template-cards"),
    path("imports/draft/", form.draft, name="draft"),
    path("imports/name/", form.name_hint, name="name-hint"),
    path("imports/of/<uuid:code>/", job.version_progress, name="version-progress"),
    path("imports/of/<uuid:code>/job/", job.version_job, name="version-job"),
    path("model-templates/", templates.template_list, name="template-list"),
    path("model-templates/<slug:slug>/", templates.template_page, name="template"),
    path("imports/<uuid:code>/", job.job_page, name="job"),
    path("imports/<uuid:code>/status/", job.job_status, name="job-status"),
    path("imports/<uuid:code>/cancel/", job.job_cancel, name="job-cancel"),
    path("imports/<uuid:code>/retry/", job.job_retry, name="job-retry"),
    path("training-jobs/", training.training_list, name="training-list"),
    path("training-jobs/new/", training_run.training_new, name="training-new"),
    path("training-jobs/connections/", mlflow.connection_list, name="training-connections"),
    path("training-jobs/connections/new/", mlflow_form.connection_new, name="training-connection-new"),
    path("training-jobs/connections/<uuid:code>/status/", mlflow.connection_status, name="training-connection-status"),
    path("training-jobs/connections/<uuid:code>/sync/", mlflow.connection_sync, name="training-connection-sync"),
    path("training-jobs/connections/<uuid:code>/edit/", mlflow_form.connection_edit, name="training-connection-edit"),
    path("training-jobs/connections/<uuid:code>/remove/", mlflow.connection_remove, name="training-connection-remove"),
    path("training-jobs/algorithms/<slug:name>/<str:file>", training.algorithm_file, name="training-algorithm"),
    path("training-jobs/runs/<uuid:code>/delete/", training_run.run_delete, name="training-run-delete"),
    path("training-jobs/<uuid:code>/", training.training_job, name="training-job"),
    path("training-jobs/<uuid:code>/delete/", training_run.job_delete, name="training-job-delete"),
    path("api/training-runs", training_api.training_runs, name="training-api"),
]
