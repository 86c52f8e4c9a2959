"""The sentences of the registry's events and reasons, by code (console-flow.md §15)."""

from django.utils.translation import gettext_lazy as _

from accounts.messages import register_audit
from registry.findings import register_messages

register_audit(
    _("Models and versions"),
    {
        "addModel": _("Version imported"),
        "updateModel": _("Description, labels or documents changed"),
        "deleteModel": _("Version deleted"),
        "version.exported": _("Version exported"),
    },
    {
        "version": _("Version"),
        "digest": _("Digest"),
        "cancelled": _("Import cancelled"),
        "description": _("Description"),
        "labels": _("Labels"),
        "documents": _("Documents"),
    },
)

register_messages(
    {
        "import.started": _("Import started"),
        "import.done": _("Model imported"),
        "import.failed": _("Import failed"),
        "file.copied": _("Model files copied in: %(count)s"),
        "file.known": _("Files already in the store, not fetched again: %(count)s (%(bytes)s bytes)"),
        "size.computed": _("Model size computed: %(bytes)s bytes"),
        "build.requested": _("Build request accepted"),
        "build.started": _("Build task started"),
        "build.done": _("Image built"),
        "build.failed": _("Build failed, see log"),
        "edit.description": _("Description changed"),
        "edit.labels": _("Labels changed"),
        "edit.documents": _("Documents changed"),
        "proof.no_preparer": _("Models are not started on this installation, so it was not asked"),
        "cannot_run.unknown_engine": _("This engine is not known here."),
        "cannot_run.retired_engine": _("This engine has no release for a current Python."),
        "cannot_run.needs_ascend": _("This engine needs Ascend hardware."),
        "cannot_run.needs_spark": _("This engine needs a Spark installation with Java."),
        "cannot_run.needs_containers": _("Container images are not started on this installation."),
    }
)
