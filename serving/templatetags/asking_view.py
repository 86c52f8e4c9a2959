"""Tags that show how a service is asked."""

from collections.abc import Mapping
from typing import Any

from django import template

from registry.config import Api, ModelConfig
from serving.asking import attached_example, place_to_ask, snippets

register = template.Library()
MOST_APIS = 10
# No shell takes more.
LONGEST_TEXT = 64 * 1024
# What a proof says of a request made up from the declared parameters.
MADE_UP_IN_VAIN = {"proof.derived_refused": "refused", "proof.derived_unanswered": "unanswered"}


@register.inclusion_tag("serving/_calling.html")
def calling_snippets(
    endpoint: str, config: ModelConfig, sample: Mapping[str, Any] | None = None, proved: str = ""
) -> dict[str, Any]:
    """Commands and programs to paste for each API of a model, with the sample of the version or its example values.

    `proved` is what the proof of the version said; example values that it sent in vain are marked.
    """
    apis = config.apis[:MOST_APIS] or (Api(),)
    place = place_to_ask(apis)
    filled = attached_example(apis[place], sample)
    if filled and len(filled.text) > LONGEST_TEXT:
        filled = None
    calls = [(api, snippets(endpoint, api, filled if number == place else None)) for number, api in enumerate(apis)]
    in_vain = "" if filled else MADE_UP_IN_VAIN.get(proved, "")
    return {"calls": calls, "of_sample": apis[place] if filled else None, "in_vain": in_vain, "asked": apis[place]}
