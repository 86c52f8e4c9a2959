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
        "review.requested": _("Review requested"),
        "review.withdrawn": _("Request for review withdrawn"),
        "review.approved": _("Version approved"),
        "review.rejected": _("Version rejected"),
    },
    {
        "version": _("Version"),
        "digest": _("Digest"),
        "cancelled": _("Import cancelled"),
        "comment": _("Comment"),
        "description": _("Description"),
        "labels": _("Labels"),
        "documents": _("Documents"),
        "target": _("Saved as"),
        "sha256": _("SHA-256 of the file"),
    },
)

register_messages(
    {
        "import.started": _("Import started"),
        "import.done": _("Model imported"),
        "import.failed": _("Import failed"),
        "file.copied": _("Model files copied in: %(count)s"),
        "file.known": _("Files already in the store, not fetched again: %(count)s (%(bytes)s bytes)"),
        "image.pinned": _("Container image pinned: %(digest)s"),
        "size.computed": _("Model size computed: %(bytes)s bytes"),
        "build.requested": _("Build request accepted"),
        "build.started": _("Build task started"),
        "build.done": _("Image built"),
        "build.failed": _("Build failed, see log"),
        "build.postponed": _("Build put off, it is tried again by itself"),
        "edit.description": _("Description changed"),
        "edit.labels": _("Labels changed"),
        "edit.documents": _("Documents changed"),
        "review.requested": _("Review requested"),
        "review.withdrawn": _("Request for review withdrawn"),
        "review.approved": _("Approved"),
        "review.rejected": _("Rejected"),
        "review.not_normal": _("Only a Normal version can be reviewed."),
        "review.own_version": _(
            "You imported this version yourself. In this workspace somebody else has to decide on it: "
            "ask another reviewer or administrator."
        ),
        "review.comment_missing": _("Say in the comment why it is rejected, so that its author knows what to change."),
        "review.text_too_long": _("At most %(most)s characters are kept. Shorten the text."),
        "review.version_gone": _("The version was deleted meanwhile."),
        "review.already_requested": _("A review was requested already."),
        "review.already_approved": _("The version is approved already."),
        "review.already_rejected": _("The version was rejected already."),
        "review.already_none": _("Nobody asks for a review of this version any more."),
        "review.changed_meanwhile": _(
            "%(name)s decided on it, or asked again, while you looked at it: the page shows what holds now. "
            "Look again before you decide."
        ),
        "review.no_role": _(
            "Your role in workspace “%(workspace)s” does not let you decide. Ask one of its administrators for the "
            "role Reviewer."
        ),
        "review.not_requested": _("Nobody asks for a review of this version: request one first."),
        "use.not_normal": _("Only a Normal version can be used."),
        "use.cannot_run": _("This version cannot run here."),
        "use.type_not_allowed": _("The version was not imported for this deployment type."),
        "use.not_approved": _("The workspace wants it approved first, and it is not."),
        "proof.no_preparer": _("Models are not started on this installation, so it was not asked"),
        "cannot_run.unknown_engine": _("This engine is not known here."),
        "cannot_run.retired_engine": _("This engine has no release for a current Python."),
        "cannot_run.needs_ascend": _("This engine needs Ascend hardware."),
        "cannot_run.needs_spark": _("This engine needs a Spark installation with Java."),
        "cannot_run.needs_containers": _("Container images are not started on this installation."),
    }
)
