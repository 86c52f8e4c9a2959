"""Import from a folder of a bucket: the parent of a `model` folder."""

from collections.abc import Mapping

from accounts.models import Workspace
from importers.sources.base import NO_TERMS, Folder, Terms
from importers.sources.bucket import folder_at
from stores.paths import parse_location


class ObsSource:
    """`params["path"]` is `/bucket/prefix/`, `obs://bucket/prefix/` or `s3://bucket/prefix/`."""

    params = ("path",)
    writes_config = False
    consent = ""

    def shown(self, workspace: Workspace, params: Mapping[str, str]) -> str:
        return parse_location(params.get("path", "")).folder.display

    def terms(self, workspace: Workspace, params: Mapping[str, str]) -> Terms:
        return NO_TERMS

    def locate(self, workspace: Workspace, params: Mapping[str, str]) -> Folder:
        return folder_at(workspace, params.get("path", ""))


SOURCE = ObsSource()
