from django.apps import AppConfig

import importers.job_messages
import importers.messages
import importers.scan_messages  # noqa: F401 - registers the findings of packages


class ImportersConfig(AppConfig):
    name = "importers"
