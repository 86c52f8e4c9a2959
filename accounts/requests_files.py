"""How the files of a request are taken in."""

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler


class InMemory(MemoryFileUploadHandler):
    """Keeps files in memory whatever their size; for views that bounded the whole request before."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True
