from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

import registry.messages  # noqa: F401


class RegistryConfig(AppConfig):
    name = "registry"
    verbose_name = pgettext_lazy("application", "Models")
