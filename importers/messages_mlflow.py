"""What MLflow connections and the models logged there say: what is wrong and what to do; and their audit events."""

from django.utils.translation import gettext_lazy as _

from accounts.messages import register_audit
from registry.findings import register_messages

register_messages(
    {
        "mlflow.mlmodel_missing": _(
            "There is no MLmodel file in “%(path)s”, so this is no model that MLflow logged. Synchronise the "
            "connection "
            "again, or look in the storage whether the artifacts were deleted."
        ),
        "mlflow.mlmodel_too_large": _("The MLmodel file is larger than %(limit)s. Log the model with fewer columns."),
        "mlflow.mlmodel_malformed": _(
            "The MLmodel file cannot be read (%(reason)s). Log the model again with MLflow itself."
        ),
        "mlflow.flavor_unsupported": _(
            "The model was logged as %(flavors)s. Models of the flavors sklearn and xgboost can be imported; for "
            "others "
            "put a model package into a bucket and import it from OBS."
        ),
        "mlflow.weights_missing": _(
            "The MLmodel file names “%(path)s”, which does not exist. Log the model again, or restore the file."
        ),
        "mlflow.no_signature": _(
            "The model was logged without a signature that describes a table, so the request has no columns. To name "
            "them, log it with infer_signature(…)."
        ),
        "mlflow.other_python": _(
            "The model was logged with Python %(found)s and will run with %(used)s. Most models do not mind; the proof "
            "tells."
        ),
        "mlflow.own_code": _(
            "The model brings its own code in “%(folder)s”, which the inference code puts on its path."
        ),
        "mlflow.requirement_left_out": _(
            "“%(line)s” cannot be expressed in config.json and is left out: only names and versions from a package "
            "index "
            "are. If the model needs it, add it to the dependencies or put a wheel into the package."
        ),
        "mlflow.wrapper_left_out": _("%(names)s is left out of the dependencies: the model runs without it."),
        "mlflow.address_malformed": _(
            "“%(address)s” is no address. Write it as https://host or http://host:port, with a path if the server has "
            "one."
        ),
        "mlflow.address_refused": _(
            "The console does not ask %(address)s. Choose another address, or ask the operator to allow it."
        ),
        "mlflow.unknown_host": _("No server of names knows the host of %(address)s. Check the address."),
        "mlflow.unreachable": _(
            "%(address)s cannot be reached. Check that the MLflow server runs and that this machine may connect to it."
        ),
        "mlflow.timed_out": _("%(address)s did not answer in time. Try again, or look at the MLflow server."),
        "mlflow.no_tls": _("%(address)s does not answer with TLS. Write http:// instead, or check the port."),
        "mlflow.distrusted": _(
            "The certificate of %(address)s is not trusted by this machine. Ask the operator to install its authority."
        ),
        "mlflow.not_authorised": _(
            "%(address)s does not accept the user name and password, or the token. Enter them anew."
        ),
        "mlflow.forbidden": _(
            "%(address)s knows who asks, but does not allow it. Give that user the permission to read."
        ),
        "mlflow.redirected": _(
            "%(address)s leads to another address, which is not followed. Enter the address it leads to."
        ),
        "mlflow.failing": _("%(address)s answers that something is wrong there (%(status)s). Look at its log."),
        "mlflow.not_mlflow": _(
            "There is no MLflow server at %(address)s: its answer is another one. Check the address."
        ),
        "mlflow.too_old": _(
            "The MLflow server at %(address)s is too old (%(version)s): it cannot be searched. Version 2 or newer can."
        ),
        "mlflow.rejected": _("%(address)s rejects the request: %(reason)s."),
        "mlflow.too_large": _(
            "The answer of %(address)s is larger than %(limit)s MB. Name fewer experiments, or ask the operator to "
            "raise "
            "the limit."
        ),
        "mlflow.name_taken": _("There is a connection named “%(name)s” already. Choose another name."),
        "mlflow.secret_unreadable": _(
            "The password or token of “%(name)s” cannot be decrypted: it was saved under another key. Enter it again."
        ),
        "mlflow.credentials_needed": _(
            "Saved passwords and tokens go only where they were given for. Enter it again for the new address or user."
        ),
        "mlflow.experiments_missing": _(
            "There is no experiment named %(names)s. Check the names; the others were read."
        ),
        "mlflow.too_many_runs": _("Only the newest %(limit)s runs of %(names)s were looked at."),
        "mlflow.too_much_said": _(
            "The runs of %(names)s say more than %(limit)s MB, so only the newest were looked at. Log fewer parameters "
            "and metrics, or ask the operator to raise MODELPORT_MLFLOW_MAX_BYTES."
        ),
        "mlflow.skip_forgotten": _("Somebody deleted the run here, so it stays away."),
        "mlflow.skip_deleted": _("The run was deleted in MLflow."),
        "mlflow.skip_failed": _("The run failed or was killed."),
        "mlflow.skip_unfinished": _("The run has not finished yet; it is looked at again."),
        "mlflow.skip_no_model": _("The run logged no model."),
        "mlflow.skip_no_bucket": _(
            "The artifacts lie in %(place)s, which no bucket of this workspace reaches. Add a bucket for that place in "
            "Storage."
        ),
        "mlflow.skip_proxied": _(
            "The server hands out the artifacts itself (mlflow-artifacts:). Enter in the connection in which folder "
            "of a "
            "bucket it keeps them, or start it with --no-serve-artifacts."
        ),
        "mlflow.skip_scheme": _(
            "Artifacts at “%(scheme)s:” cannot be read. Keep them in S3, OBS or a folder that this machine shares."
        ),
        "mlflow.skip_invalid": _("The run says what no run may have here: %(fields)s."),
        "mlflow.skip_more": _("Other reasons."),
    }
)
register_audit(
    "MLflow",
    {
        "mlflow.connected": _("MLflow connection added"),
        "mlflow.edited": _("MLflow connection changed"),
        "mlflow.removed": _("MLflow connection removed"),
        "mlflow.sync_asked": _("MLflow synchronisation asked for"),
    },
    {"address": _("Address")},
)
