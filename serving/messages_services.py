"""The sentences of services, by code: their events (services.md §13), reasons and refusals."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.messages import register_audit
from registry.findings import register_messages

register_audit(
    pgettext_lazy("application", "Services"),
    {
        "addService": _("Service deployed"),
        "updateService": _("Service changed"),
        "startOrStopService": _("Service started or stopped"),
        "deleteService": _("Service deleted"),
    },
    {
        "model": _("Model"),
        "specification": _("Specification"),
        "instances": _("Instances"),
        "operation": _("Operation"),
    },
)

register_messages(
    {
        # Events
        "service.deploy_started": _("Deployment begins"),
        "service.starting": _("Service is starting"),
        "service.environment_ready": _("[%(model)s %(version)s] Environment prepared"),
        "service.scheduled": _("[%(model)s %(version)s] Resources scheduled"),
        "service.model_starting": _("[%(model)s %(version)s] Starting the model"),
        "service.started": _("Service %(name)s started"),
        "service.recovered": _("Every instance answers again"),
        "service.host_stopped": _("Stopped together with the console, with which it starts again"),
        "service.started_again": _("Service %(name)s started again"),
        "service.instance_lost": _("An instance is given up: nothing was heard of host %(host)s for a while"),
        "service.concerning": _("Only %(ready)s of %(total)s instances are ready"),
        "service.failed": _("Service %(name)s failed"),
        "service.deploy_timed_out": _("Deployment timed out"),
        "service.stopping": _("Service is stopping"),
        "service.stopped": _("Service stopped"),
        "service.auto_stop_on": _("Automatic stop switched on: %(time)s after the start"),
        "service.auto_stop_set": _("Automatic stop switched on: in %(time)s"),
        "service.auto_stop_off": _("Automatic stop switched off"),
        "service.auto_stopped": _("Stopped because the time of the automatic stop has come"),
        "service.deleting": _("Service is being deleted"),
        # Reasons
        "service.some_not_ready": _("Only %(ready)s of %(total)s instances are ready."),
        "service.instances_failed": _("The model did not start. Its log says more."),
        "service.deploy_timeout": _(
            "The model was not ready within %(minutes)s minutes. Its log says how far it came; a larger time-out can "
            "be chosen when it is deployed anew."
        ),
        # Refusals
        "service.version_gone": _("The version was deleted meanwhile. Choose another one."),
        "service.environment_missing": _(
            "This version has no environment to run in. Its page says why, and what to do about it."
        ),
        "service.name_taken": _("A service named %(name)s exists in this workspace. Choose another name."),
        "service.quota": _(
            "You have %(quota)s real-time services in this workspace, as many as one person may; stopped ones count, "
            "too. Delete one you no longer need."
        ),
        "service.wrong_state": _("This cannot be done while the service is %(state)s."),
        "service.too_many_instances": _("A service has at least 1 and at most %(most)s instances here."),
        "service.specification_unknown": _("Choose one of the specifications of the list."),
        "spec.too_large": _("This machine has %(cores)s cores and %(memory)s MiB of memory."),
        "spec.sold_out": _(
            "Sold out: %(needed)s MiB of memory are needed and %(left)s MiB of this machine's %(memory)s MiB are left. "
            "Stop a service, wait until the proofs that run have ended, or take less."
        ),
        "spec.below_needs": _("Less than the version asks for: %(cpu)s cores and %(memory)s MiB"),
        "spec.below_measured": _("Less than its proof suggests: %(cpu)s cores and %(memory)s MiB"),
        "spec.no_accelerator": _("The version asks for an accelerator, which this pool has not got"),
        "variable.name_invalid": _("A name has letters A–Z, digits and _, and does not begin with a digit."),
        "variable.name_too_long": _("At most 64 characters."),
        "variable.name_reserved": _("The sandbox sets this variable itself. Choose another name."),
        "variable.value_too_long": _("At most 1,024 characters."),
        "variable.value_hidden": _("Line breaks and control characters cannot stand in a value."),
        "variable.name_twice": _("This name stands there twice."),
        "variable.name_missing": _("Give this value a name, or clear it."),
    }
)
