from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

import serving.messages_instances  # noqa: F401 - registers the words of instances


class ServingConfig(AppConfig):
    name = "serving"
    verbose_name = pgettext_lazy("application", "Services")
