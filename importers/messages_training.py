"""What training says: why a run cannot be what somebody says of it, or be imported; and its audit events."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.messages import register_audit
from registry.findings import register_messages

register_messages(
    {
        "training.contradicts": _(
            "“%(field)s” was said before and is different now. A run may advance its status, become "
            "deployed or say what was not said yet; register another run under another external ID."
        ),
        "training.status_back": _("A run that is %(before)s cannot become %(after)s: its status only advances."),
        "training.deployed_not_exeml": _("Only runs of ExeML are imported because they were deployed."),
        "training.deployed_not_successful": _("Only a successful run can have been deployed."),
        "training.deployed_without_output": _("Say where the deployed run left its output: output_path is missing."),
        "training.changed_meanwhile": _("Somebody else changed the run at this moment. Send it again."),
        "training.run_missing": _(
            "There is no run %(run)s of a training job “%(job)s” here; it may have been deleted. Choose another one."
        ),
        "training.run_gone": _(
            "%(run)s of “%(job)s” was deleted in MLflow. Restore it there and synchronise the connection, or choose "
            "another run."
        ),
        "training.run_not_successful": _(
            "%(run)s of “%(job)s” was not successful. Only successful runs can be imported; choose another one."
        ),
        "training.run_without_output": _(
            "Nobody said where %(run)s of “%(job)s” left its output. Press Update beside the run and give its "
            "output path, or send the run again with it."
        ),
        "training.output_missing": _(
            "Nothing lies in %(path)s, where %(run)s of “%(job)s” left its output. Put the files back there, or choose "
            "another run."
        ),
        "training.config_missing": _(
            "There is no configuration file. Put config.json into the model folder of the run's output, then check "
            "again; or choose that folder under OBS, where a configuration can be written in the form."
        ),
        "training.file_required": _(
            "A run of a common framework or of an algorithm of your own brings its own inference code, and there is no "
            "“%(pattern)s” in the model folder of its output. Put the file there, then check again."
        ),
        "training.exeml_not_deployed": _(
            "ExeML brings in a model of the project “%(project)s” by itself once it is deployed there."
        ),
        "training.unknown_algorithm": _(
            "“%(algorithm)s” is no built-in algorithm of this console. Put configuration and inference code into the "
            "model folder and register the run as one of a common framework."
        ),
        "training.columns_missing": _(
            "%(path)s is missing or too large. The script of a built-in algorithm writes it beside the weights: give "
            "the folder it wrote as the output path."
        ),
        "training.columns_malformed": _(
            "%(file)s is not as the script of the built-in algorithm wrote it. Train again, or register the run as one "
            "of a common framework with a configuration and inference code of yours."
        ),
    }
)
register_audit(
    _("Training"),
    {
        "training.registered": _("Training run registered"),
        "training.advanced": _("Training run advanced"),
        "training.run_deleted": _("Training run deleted"),
        "training.job_deleted": _("Training job deleted"),
    },
    {"status": _("Status"), "runs": pgettext_lazy("column", "Runs")},
)
