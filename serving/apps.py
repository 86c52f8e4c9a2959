from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

import serving.messages_environments  # noqa: F401 - registers what builds and their events say


class ServingConfig(AppConfig):
    name = "serving"
    verbose_name = pgettext_lazy("application", "Services")
