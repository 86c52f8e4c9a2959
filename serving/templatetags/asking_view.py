"""Tags that show how a service is asked."""

from typing import Any

from django import template

from registry.config import Api, ModelConfig
from serving.asking import snippets

register = template.Library()
MOST_APIS = 10


@register.inclusion_tag("serving/_calling.html")
def calling_snippets(endpoint: str, config: ModelConfig) -> dict[str, Any]:
    """Commands and programs to paste for each API of a model, with its example values."""
    apis = config.apis[:MOST_APIS] or (Api(),)
    return {"calls": [(api, snippets(endpoint, api)) for api in apis]}
