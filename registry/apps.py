from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

import registry.messages
import registry.messages_exports  # noqa: F401 - registers what events and jobs say


class RegistryConfig(AppConfig):
    name = "registry"
    verbose_name = pgettext_lazy("application", "Models")
