"""Taking a configuration for the editor from another place in a bucket."""

from django.utils.translation import gettext as _

from accounts.models import Workspace
from importers.forms_source import EditorForm
from importers.package.config_text import LARGEST_CONFIG
from importers.package.repair import decode
from importers.views.page import ImportPage
from registry.findings import message_for
from stores.errors import SourceRefused, SourceUnavailable
from stores.services import driver_for, resolve


def load_config(page: ImportPage) -> None:
    """Put the file that is wanted into the editor; a refusal is said at its field and changes nothing."""
    if page.data is None or not isinstance(page.source, EditorForm):
        return
    pressed, path = "load" in page.data, page.data.get("config_path", "")
    if not page.source.wants_file(pressed=pressed):
        return
    try:
        page.write_config(read_text(page.workspace, path), "obs", place=path)
    except (SourceRefused, SourceUnavailable) as error:
        page.refuse_config(message_for(error.code, error.params))
    except ValueError as problem:
        page.refuse_config(str(problem))


def read_text(workspace: Workspace, path: str) -> str:
    """The text of a small file in a bucket; ValueError with a sentence when it is too large or no text."""
    bucket, key = resolve(workspace, path)
    if not key or key.endswith("/"):
        raise ValueError(_("Choose a file: this is a folder."))
    with driver_for(bucket).open(key, length=LARGEST_CONFIG + 1) as stream:
        content = stream.read(LARGEST_CONFIG + 1)
    if len(content) > LARGEST_CONFIG:
        raise ValueError(_("This file is larger than 1 MB, the most a configuration may have."))
    decoded = decode(content)
    if decoded is None or "\0" in decoded.text:
        raise ValueError(_("This file is not text. Choose a configuration in JSON, written in UTF-8."))
    return decoded.text.removeprefix("\ufeff")
