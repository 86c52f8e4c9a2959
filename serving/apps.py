from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

import serving.messages_environments
import serving.messages_instances
import serving.messages_proofs
import serving.messages_services  # noqa: F401 - registers the words of serving


class ServingConfig(AppConfig):
    name = "serving"
    verbose_name = pgettext_lazy("application", "Services")
