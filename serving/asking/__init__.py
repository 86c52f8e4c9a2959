"""Asking a model: from the schema of its configuration to form fields, request bytes, samples and snippets. Pure."""

from serving.asking.fields import Field, Kind, Way, fields, method_of, ways
from serving.asking.requests import (
    Asked,
    NotAskable,
    Problem,
    SentFile,
    files_of,
    form_request,
    json_request,
    request_of,
)
from serving.asking.samples import attached_request, example_text, place_to_ask, sample_of
from serving.asking.snippets import Filled, Snippets, attached_example, example_of, snippets

__all__ = [
    "Asked",
    "Field",
    "Filled",
    "Kind",
    "NotAskable",
    "Problem",
    "SentFile",
    "Snippets",
    "Way",
    "attached_example",
    "attached_request",
    "example_of",
    "example_text",
    "fields",
    "files_of",
    "form_request",
    "json_request",
    "method_of",
    "place_to_ask",
    "request_of",
    "sample_of",
    "snippets",
    "ways",
]
