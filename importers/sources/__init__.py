"""The import sources by kind, found by their files: adding one is adding a file."""

from importlib import import_module
from pkgutil import iter_modules

from importers.sources.base import Source

# What the sources share, and no source itself.
SHARED = {"base", "bucket", "mlmodel"}
SOURCES: dict[str, Source] = {
    module.name: import_module(f"{__name__}.{module.name}").SOURCE
    for module in iter_modules(__path__)
    if module.name not in SHARED
}


def source_for(kind: str) -> Source:
    """The source of that kind; KeyError when there is none."""
    return SOURCES[kind]
