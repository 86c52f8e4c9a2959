"""What a proof says: its outcomes, and why a model did not start or answer."""

from django.utils.translation import gettext_lazy as _

from accounts.messages import register_audit
from registry.findings import register_messages

register_audit(_("Proofs"), {"proof.started": _("Model started to be asked")})

register_messages(
    {
        "proof.passed": _("Proof: it was started and asked, and answered"),
        "proof.only_started": _("Proof"),
        "proof.failed": _("Proof failed"),
        "proof.nothing_to_ask": _(
            "It started. Nothing was asked: no sample request was attached, and none follows from the declared "
            "parameters."
        ),
        "proof.derived_refused": _(
            "It started. A request made up from the declared parameters was answered with status %(status)s: "
            "%(detail)s. That may be the request's fault: attach a sample request to the next import."
        ),
        "proof.derived_unanswered": _(
            "It started. A request made up from the declared parameters got no answer: %(detail)s. That may be the "
            "request's fault: attach a sample request to the next import."
        ),
        "proof.sample_refused": _("The sample request was answered with status %(status)s: %(detail)s"),
        "proof.too_slow": _("The sample request was not answered within %(seconds)s seconds."),
        "proof.hung_up": _(
            "The sample request was not answered: the model's process ended, or closed the connection. The log of the "
            "proof has its last words."
        ),
        "proof.stage.config": _("The configuration was refused: %(detail)s"),
        "proof.stage.package": _("The package was refused: %(detail)s"),
        "proof.stage.parse": _("The inference code is no Python of this version: %(detail)s"),
        "proof.stage.import": _("The inference code could not be imported: %(detail)s"),
        "proof.stage.class": _("The service class could not be chosen: %(detail)s"),
        "proof.stage.construct": _("The service could not be constructed: %(detail)s"),
        "proof.stage.load": _("The model could not be loaded: %(detail)s"),
        "proof.stage.listen": _("The model's server could not listen: %(detail)s"),
        "proof.not_started": _(
            "The model's process did not start, or ended before it was ready (exit code %(exit_code)s). The log of "
            "the proof has its last words."
        ),
        "proof.not_healthy": _("It did not become ready within %(seconds)s seconds."),
        "proof.no_supervisor": _(
            "Nothing started it within %(seconds)s seconds. See that the supervisor of host %(host)s runs "
            "(`manage.py up` starts it), then try again."
        ),
        "proof.no_room": _(
            "Within %(seconds)s seconds host %(host)s had no %(memory)s MiB of memory free for it: services and other "
            "proofs use them. Stop a service, then use “Prove now”."
        ),
        "proof.instance_gone": _("Its process was taken away before it was asked. Try again."),
        "proof.worker_died": _(
            "The worker stopped %(attempts)s times while it asked. Try again; if that happens again, ask the operator "
            "to look at the worker's memory and log."
        ),
        "proof.bug": _(
            "Something went wrong on our side. Try again; if it stays, tell the operator the number %(id)s."
        ),
        "proof.superseded": _("A later build began its own proof."),
        "proof.not_normal": _("Only a Normal version can be proved now."),
        "proof.environment_gone": _(
            "The environment this version was built into is gone, so nothing can be started. “Retry” builds it again."
        ),
        "proof.no_environment": _("A model of this engine cannot run on this installation, so it cannot be started."),
        "proof.runs_already": _("A proof of this version runs already."),
        "ask.json_malformed": _("Line %(line)s, column %(column)s: this is no JSON (%(error)s)."),
        "ask.json_unusable": _("This JSON cannot be sent: it is nested too deeply, or has NaN or Infinity in it."),
        "ask.too_large": _("This is larger than 8 MB, so it was not sent. Choose a smaller file."),
        "ask.text_too_large": _("This is more than 4 MB of text, so it was not sent. A program can send more."),
        "ask.none_ready": _("No instance of this version is ready on this host. Start the service, or wait for it."),
        "ask.slow": _("The model did not answer within %(seconds)s seconds."),
        "ask.hung_up": _("The model's process ended, or closed the connection. The log of the service may say why."),
        "ask.file_missing": _("Choose a file."),
        "ask.value_missing": _("This is required."),
        "ask.not_number": _("Write a number."),
        "ask.not_integer": _("Write a whole number."),
        "ask.not_boolean": _("Choose yes or no."),
        "ask.not_choice": _("Choose one of the values."),
        "ask.not_json": _("Write JSON, such as [1, 2] or {}."),
        "ask.not_text": _("Write a text."),
    }
)
