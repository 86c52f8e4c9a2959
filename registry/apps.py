from django.apps import AppConfig

import registry.messages  # noqa: F401


class RegistryConfig(AppConfig):
    name = "registry"
