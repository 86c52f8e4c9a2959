from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

import serving.messages_services  # noqa: F401 - registers what services say


class ServingConfig(AppConfig):
    name = "serving"
    verbose_name = pgettext_lazy("application", "Services")
