"""Import by a model template: the `model` folder alone; the configuration comes from the template and a mode."""

from collections.abc import Mapping

from accounts.models import Workspace
from importers.catalogue import MODES, TEMPLATES, IOMode, ModelTemplate
from importers.sources.base import Folder, Terms
from importers.sources.bucket import folder_at
from stores.errors import SourceRefused
from stores.paths import parse_location, shown


class TemplateSource:
    """`params["template"]` and `params["mode"]` are ids of the catalogue, `params["path"]` is the model folder.

    Without a mode the template's built-in one is meant.
    """

    params = ("template", "mode", "path")
    writes_config = True
    consent = ""

    def shown(self, workspace: Workspace, params: Mapping[str, str]) -> str:
        chosen_of(params)
        return parse_location(params.get("path", "")).folder.display

    def terms(self, workspace: Workspace, params: Mapping[str, str]) -> Terms:
        template, mode = chosen_of(params)
        return Terms(template.config_text(mode), template.demanded_files)

    def locate(self, workspace: Workspace, params: Mapping[str, str]) -> Folder:
        return folder_at(workspace, params.get("path", ""))


def chosen_of(params: Mapping[str, str]) -> tuple[ModelTemplate, IOMode]:
    """The template and the mode; SourceRefused when there is no such template, or it does not take the mode."""
    asked = params.get("template", "")
    template = TEMPLATES.get(asked)
    if template is None:
        raise SourceRefused("template.unknown" if asked else "template.missing", template=shown(asked))
    wanted = params.get("mode") or template.mode
    mode = MODES.get(wanted)
    if mode is None:
        raise SourceRefused("template.mode_unknown", mode=shown(wanted), modes=", ".join(template.mode_ids))
    if mode not in template.modes:
        raise SourceRefused("template.mode_fixed", mode=mode.id, modes=", ".join(template.mode_ids))
    return template, mode


SOURCE = TemplateSource()
