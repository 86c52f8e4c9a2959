from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

import importers.job_messages
import importers.messages
import importers.messages_image
import importers.messages_mlflow
import importers.messages_template
import importers.messages_training
import importers.scan_messages  # noqa: F401 - registers the findings of packages


class ImportersConfig(AppConfig):
    name = "importers"
    verbose_name = pgettext_lazy("application", "Imports")
