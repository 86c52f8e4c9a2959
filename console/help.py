"""The help pages: one template for each topic and language."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Topic:
    slug: str
    title: Promise
    summary: Promise
    icon: str

    @property
    def template(self) -> str:
        """Of the active language; English when there is none in it."""
        folder = "zh-hans" if (get_language() or "").startswith("zh") else "en"
        return f"console/help/{folder}/{self.slug}.html"


TOPICS = {
    topic.slug: topic
    for topic in (
        Topic("import", _("Import a model"), _("The form from top to bottom, and what happens afterwards."), "import"),
        Topic("package", _("Model package"), _("Folders, files, engines and what a check says about them."), "archive"),
        Topic("config", _("Configuration file"), _("Every field of config.json, with examples."), "braces"),
        Topic(
            "templates",
            _("Model templates"),
            _("What a template brings, which folder it wants, and the input and output modes."),
            "layers",
        ),
        Topic("inference-code", _("Inference code"), _("What customize_service.py may and must do."), "code"),
        Topic(
            "training",
            _("Training jobs"),
            _("How scripts register runs, and what importing one takes."),
            "activity",
        ),
        Topic(
            "mlflow",
            _("MLflow"),
            _("Connecting a tracking server, and what becomes of its runs."),
            "link",
        ),
        Topic(
            "people",
            _("People and access"),
            _("Roles, inviting, API tokens, policies and the audit trail."),
            "users",
        ),
        Topic("review", _("Review"), _("Who decides on versions, what it means, and the review desk."), "shield"),
        Topic(
            "services",
            _("Real-time services"),
            _("Deploying a version, what happens then, automatic stop, quota and calling it."),
            "play",
        ),
        Topic("storage", _("Storage"), _("Buckets, paths, the picker and uploading a package."), "bucket"),
        Topic("registries", _("Container registries"), _("Connecting one, and what an image tells."), "container"),
    )
}
