"""What training says: why a run cannot be what somebody says of it."""

from django.utils.translation import gettext_lazy as _

from registry.findings import register_messages

register_messages(
    {
        "training.contradicts": _(
            "“%(field)s” was said before and is different now. A run may advance its status or become deployed, "
            "nothing else; register another run under another external ID."
        ),
        "training.status_back": _("A run that is %(before)s cannot become %(after)s: its status only advances."),
        "training.deployed_not_exeml": _("Only runs of ExeML are imported because they were deployed."),
        "training.deployed_not_successful": _("Only a successful run can have been deployed."),
        "training.changed_meanwhile": _("Somebody else changed the run at this moment. Send it again."),
        "training.registered": _("Training run registered"),
        "training.advanced": _("Training run advanced"),
    }
)
