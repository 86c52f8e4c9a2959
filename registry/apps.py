from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

import registry.messages  # noqa: F401


class RegistryConfig(AppConfig):
    name = "registry"
    verbose_name = _("Models")
