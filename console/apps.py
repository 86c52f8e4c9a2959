from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

import console.checks  # noqa: F401 - registers the deployment checks


class ConsoleConfig(AppConfig):
    name = "console"


class DeskConfig(AdminConfig):
    default_site = "console.desk.DeskSite"
