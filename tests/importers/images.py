"""A real registry with images, a workspace that is connected to it, and imports from there."""

import json

from importers.request import ImportRequest
from importers.services import preview_source, submit_import
from importers.sources.image import WORDS
from registry.versions import Version
from stores.services_registries import RegistryEntry, connect_registry
from tests.factories import make_workspace
from tests.oci_registry import RUN
from tests.stores.oci_answers import place_of

CONFIG = {
    "model_algorithm": "greeter",
    "model_type": "Image",
    "apis": [
        {
            "protocol": "http",
            "url": "/greet",
            "method": "post",
            "request": {
                "Content-type": "application/json",
                "data": {"type": "object", "properties": {"who": {"type": "string"}}},
            },
            "response": {"Content-type": "application/json"},
        }
    ],
}
TEXT = json.dumps(CONFIG, indent=2)
BARE = {name: value for name, value in RUN.items() if name not in ("User", "Entrypoint", "Cmd", "ExposedPorts")}


def connect(registry, workspace=None, name="team", patterns=("team/*",), **values):
    entry = RegistryEntry(name, place_of(registry, **values), patterns)
    return connect_registry(workspace or make_workspace(), entry, by=None)


def image_at(registry, tag="1.0", repository="team/greeter"):
    return f"{registry.address}/{repository}:{tag}"


def preview(image, config=TEXT):
    return preview_source(workspace=make_workspace(), source_kind="image", source={"image": image}, config_text=config)


def request_of(image, config=TEXT, number="0.0.1", consent=WORDS, **values):
    return ImportRequest(
        name="greeter",
        number=Version.parse(number),
        source_kind="image",
        source={"image": image},
        config_text=config,
        config_origin="edited",
        consent=consent,
        **values,
    )


def submit(image, *, by=None, **values):
    return submit_import(request_of(image, **values), workspace=make_workspace(), by=by)
