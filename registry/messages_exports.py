"""What an export into a bucket says of itself: reasons for which it stopped or waits, and lines of histories."""

from django.utils.translation import gettext_lazy as _

from accounts.messages import register_audit
from registry.findings import register_messages
from stores.messages import MESSAGES as SOURCE_MESSAGES

register_audit(
    _("Exporting into a bucket"),
    {
        "export.submitted": _("Export into a bucket requested"),
        "export.cancelled": _("Export into a bucket cancelled"),
        "export.retried": _("Export into a bucket requested again"),
    },
)
register_messages(SOURCE_MESSAGES)
register_messages(
    {
        "version.exported": _("Exported to %(target)s"),
        "export.submitted": _("Export requested"),
        "export.retried": _("Retry requested"),
        "export.cancelled": _("The export was cancelled. Nothing of it is in the bucket."),
        "export.not_given_out": _(
            "This version cannot be exported: only versions that are Normal can, and none that is subscribed or was "
            "trained by ExeML."
        ),
        "export.version_deleted": _("The version was deleted before it was exported whole, so the export ended."),
        "export.bucket_deleted": _(
            "The bucket was removed before the export was in it, so the export ended. Export into another bucket."
        ),
        "export.worker_lost": _("The worker stopped before it was done. The export starts again by itself."),
        "export.worker_stopped": _("The worker was stopped. The export starts again by itself."),
        "export.worker_died": _(
            "The worker stopped %(attempts)s times before it was done. Retry; if that happens again, ask the operator "
            "to look at the worker's memory and log."
        ),
        "export.target_gave_up": _(
            "The storage did not take the file in %(attempts)s attempts. Check that it can be reached and has room, "
            "then retry."
        ),
        "export.store_unavailable": _(
            "The artifact store did not give the files whole. The export is tried again in a moment."
        ),
        "export.store_gave_up": _(
            "The artifact store did not give the files whole in %(attempts)s attempts. Ask the operator to run "
            "check_artifacts, then retry."
        ),
        "export.bug": _("Something went wrong on our side. Retry; if it stays, tell the operator the number %(id)s."),
    }
)
