from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

import stores.messages  # noqa: F401 - registers what audit events mean


class StoresConfig(AppConfig):
    name = "stores"
    verbose_name = _("Storage")
