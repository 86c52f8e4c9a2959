from django.apps import AppConfig

import console.checks  # noqa: F401 - registers the deployment checks


class ConsoleConfig(AppConfig):
    name = "console"
