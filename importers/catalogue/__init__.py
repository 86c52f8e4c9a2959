"""The model templates and the input and output modes: data files beside this one, read into frozen values."""

from importers.catalogue.modes import MODES, UNDEFINED, IOMode
from importers.catalogue.templates import KINDS, OWN, TEMPLATES, ModelTemplate, RequiredFile

__all__ = ["KINDS", "MODES", "OWN", "TEMPLATES", "UNDEFINED", "IOMode", "ModelTemplate", "RequiredFile"]
