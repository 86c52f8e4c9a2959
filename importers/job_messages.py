"""What an import job says of itself: the reasons for which it stopped or waits, and the lines of its history."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.messages import register_audit
from registry.findings import register_messages
from stores.messages import MESSAGES as SOURCE_MESSAGES

register_audit(
    pgettext_lazy("audit", "Importing"),
    {"import.consented": _("Agreed that the administrator of the platform may read an image")},
    {"image": pgettext_lazy("audit", "Container image"), "words": _("Wording")},
)
register_messages(SOURCE_MESSAGES)
register_messages(
    {
        "import.submitted": _("Import requested"),
        "import.version_taken": _("%(name)s %(version)s exists already. Choose another version number."),
        "import.consent_missing": _(
            "Nobody agreed yet that the administrator of the platform may read the image. Tick the box if you may "
            "share it."
        ),
        "import.retried": _("Retry requested"),
        "import.cancelled": _("The import was cancelled. The name and version are free again."),
        "import.version_deleted": _("The version was deleted while it was being imported, so the import ended."),
        "import.refused": _("The package was refused. Correct what the check reports, then retry."),
        "import.worker_lost": _("The worker stopped before it was done. The import starts again by itself."),
        "import.worker_stopped": _("The worker was stopped. The import starts again by itself."),
        "import.worker_died": _(
            "The worker stopped %(attempts)s times before it was done. Retry; if that happens again, ask the operator "
            "to look at the worker's memory and log."
        ),
        "import.source_gave_up": _(
            "Where the model comes from did not answer in %(attempts)s attempts: see what the check says. Retry once "
            "it can be reached again."
        ),
        "import.store_unavailable": _(
            "The artifact store did not take the files. The import is tried again in a moment."
        ),
        "import.store_gave_up": _(
            "The artifact store did not take the files in %(attempts)s attempts; its disk may be full. Ask the "
            "operator to make room, then retry."
        ),
        "import.bug": _("Something went wrong on our side. Retry; if it stays, tell the operator the number %(id)s."),
    }
)
