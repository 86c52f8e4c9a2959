from django.apps import AppConfig
from django.utils.translation import pgettext_lazy


class ServingConfig(AppConfig):
    name = "serving"
    verbose_name = pgettext_lazy("application", "Services")
