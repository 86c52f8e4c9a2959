"""The names of the platform that customize_service.py imports: `model_service`, `mms`, `log`, `metric`.

They are found by a finder and not by `sys.path`, so that they can be what this process already has.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any


class PlatformNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the given top-level names below this package."""

    def __init__(self, roots: frozenset[str]) -> None:
        self.roots = roots

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        parent, _dot, _name = fullname.rpartition(".")
        ours = fullname in self.roots or getattr(sys.modules.get(parent), "__name__", "").startswith(__name__ + ".")
        own = f"{__name__}.{fullname}"
        if not ours or fullname.startswith(__name__) or importlib.util.find_spec(own) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=False)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return importlib.import_module(f"{__name__}.{spec.name}")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: the module is there."""


def install() -> None:
    """Let packages import the platform's names.

    `model_service` and `mms` are the platform's whatever the package brings, as where its server had loaded them
    before the package; a package's own `log` or `metric` comes before the platform's.
    """
    sys.meta_path.insert(0, PlatformNames(frozenset({"model_service", "mms"})))
    sys.meta_path.append(PlatformNames(frozenset({"log", "metric"})))
