"""What the form of an import source is made of: the fields of its place, and those of an edited configuration."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from registry.engines import ENGINES
from registry.forms import one_newline
from registry.models import ModelVersion
from stores.errors import SourceRefused
from stores.paths import parse_location

LONGEST_PATH = 2048
# What a check brings anew of the editor.
EDITOR_PARTS = (
    "importers/_config_path.html",
    "importers/_config_status.html",
    "importers/_config_findings.html",
)


def mark_of(origin: str, text: str, place: str = "") -> str:
    """Says where the editor's text was taken from, and recognises that it is still the same text."""
    return f"{origin}:{_digest(text)}:{place}" if place else f"{origin}:{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(one_newline(text).encode(errors="replace")).hexdigest()[:32]


class SourceForm(forms.Form):
    """The part of the import page that belongs to one source.

    `part` stands below the choice of the source, `rows_part` below the deployment types. `live_parts`
    are what a check brings anew beside its findings: each has one root element, swapped out of band when `oob` is
    set. `main_field` takes what the source refuses. `picks` are the fields the storage picker fills, with what it
    picks for them; `asked` those that an address may fill in.
    """

    kind: ClassVar[str]
    part: ClassVar[str]
    rows_part: ClassVar[str] = ""
    live_parts: ClassVar[tuple[str, ...]] = ()
    main_field: ClassVar[str] = "path"
    picks: ClassVar[Mapping[str, str]] = {}
    asked: ClassVar[tuple[str, ...]] = ()
    has_editor: ClassVar[bool] = False
    # Set before the form is asked to be accepted, and not merely shown.
    submitted = False

    @classmethod
    def start_of(cls, version: ModelVersion) -> dict[str, Any]:
        """What the form begins with for a version that follows this one."""
        return {}

    @classmethod
    def start_again(cls, source: Mapping[str, str]) -> dict[str, Any]:
        """What the form begins with for an import that was asked for with these parameters before."""
        return dict(source)

    def offer(self, workspace: Workspace) -> None:
        """Fill the choices that depend on what the workspace has."""

    @property
    def source(self) -> dict[str, str]:
        """The source's parameters as typed, whether valid or not; empty while nothing can be looked at."""
        raise NotImplementedError

    def url_of(self, path: str) -> str:
        """The address of a file below the chosen folder; empty when files have none."""
        return ""

    @property
    def proposed_name(self) -> str:
        """What a model of what the address asks for may be called; empty where nothing tells."""
        return ""

    @property
    def consent(self) -> str:
        """Which words were agreed to, where the source has some."""
        return ""

    @property
    def refused_types(self) -> Mapping[str, str]:
        """The deployment types that what is chosen rules out, each with a sentence that says why."""
        return {}

    @property
    def chosen_engine(self) -> str:
        """The engine somebody chose, where the source leaves that to them."""
        engine = str(self["engine"].value() or "") if "engine" in self.fields else ""
        return engine if engine in ENGINES else ""

    @property
    def config_origin(self) -> str:
        return "found"

    @property
    def config_text_used(self) -> str | None:
        """The text that takes the place of the package's config.json, if any."""
        return None


class PathForm(SourceForm):
    """A source whose files lie in a folder of a bucket."""

    picks: ClassVar[Mapping[str, str]] = {"path": "folder"}
    asked: ClassVar[tuple[str, ...]] = ("path",)

    path = forms.CharField(
        label=_("Meta model"),
        max_length=LONGEST_PATH,
        strip=False,
        widget=forms.TextInput(attrs={"placeholder": "/bucket/folder/", "data-recheck": "", "spellcheck": "false"}),
    )

    @classmethod
    def start_of(cls, version: ModelVersion) -> dict[str, Any]:
        return {"path": version.source_path}

    @property
    def source(self) -> dict[str, str]:
        path = str(self["path"].value() or "")
        return {"path": path} if path and "\0" not in path and len(path) <= LONGEST_PATH else {}

    def url_of(self, path: str) -> str:
        try:
            folder = parse_location(self.source.get("path", "")).folder
        except SourceRefused:
            return ""
        return f"obs:/{folder.display}{path}"


class EditorForm(SourceForm):
    """A source whose configuration may be seen, edited, or taken from another place in a bucket."""

    has_editor = True

    config_edit = forms.BooleanField(
        label=_("Configuration file"),
        required=False,
        widget=forms.CheckboxInput(attrs={"role": "switch", "data-recheck": ""}),
    )
    config_text = forms.CharField(
        label=_("Configuration to edit"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "class": "code-text",
                "rows": 20,
                "wrap": "off",
                "spellcheck": "false",
                "autocapitalize": "off",
                "aria-describedby": "config-status config-keys",
                "aria-keyshortcuts": "Control+S",
                "data-recheck-slowly": "",
            }
        ),
    )
    config_path = forms.CharField(
        label=_("Another configuration file in OBS"),
        required=False,
        max_length=LONGEST_PATH,
        strip=False,
        widget=forms.TextInput(attrs={"placeholder": "/bucket/folder/config.json", "spellcheck": "false"}),
    )
    config_mark = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def shows_text(self) -> bool:
        """Whether the text of the editor counts."""
        return bool(self["config_edit"].value())

    @property
    def config_origin(self) -> str:
        """found, repaired or obs while the editor's text is what was put there; edited once it was changed."""
        text = str(self["config_text"].value() or "")
        if not self.shows_text or not text.strip():
            return "found"
        origin, mark, _place = self._mark
        return origin if mark == _digest(text) and origin in {"found", "repaired", "obs"} else "edited"

    @property
    def loaded_from(self) -> str:
        """The path in a bucket that the text was taken from, as far as that is known."""
        return self._mark[2]

    def wants_file(self, *, pressed: bool) -> bool:
        """Whether the text is to be taken from `config_path`; `pressed` is the button that asks for it."""
        return pressed

    @property
    def _mark(self) -> tuple[str, str, str]:
        origin, _colon, rest = str(self["config_mark"].value() or "").partition(":")
        mark, _colon, place = rest.partition(":")
        return origin, mark, place

    @property
    def config_text_used(self) -> str | None:
        return None if self.config_origin == "found" else one_newline(str(self["config_text"].value()))
