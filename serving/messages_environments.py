"""The sentences of building environments, by code (console-flow.md §15), and of what people decide about them."""

from django.utils.translation import gettext_lazy as _

from accounts.messages import register_audit
from registry.findings import register_messages

register_audit(
    _("Environments"),
    {
        "version.prepared_again": _("Version built again"),
        "overlay.chosen": _("Other dependencies taken than declared"),
        "overlay.withdrawn": _("Declared dependencies taken again"),
    },
    {"taken": _("Taken instead")},
)

register_messages(
    {
        "build.env_started": _("Environment build task started"),
        "build.env_reused": _("Existing environment reused"),
        "environment.requested": _("An environment was asked for"),
        "environment.built": _("The environment was built"),
        "environment.failed": _("The environment could not be built; the version stays Normal"),
        "overlay.chosen": _("Taken instead of what is declared: %(taken)s"),
        "overlay.withdrawn": _("Dependencies are taken as declared again"),
        "proof.switched_off": _("The proof was switched off for this import, so it was not asked"),
        "build.requirement_invalid": _(
            "“%(requirement)s” is not a package with a version. Name in “dependencies” of config.json only packages of "
            "the index or wheels inside the package: no options, addresses or paths."
        ),
        "build.installer": _(
            "Packages can only be installed with pip here, not with %(installer)s. Declare them under the installer "
            "“pip”, and leave out what the operating system would install."
        ),
        "build.wheel_missing": _(
            "The wheel %(path)s is named in “dependencies” but is not in the package. Put it there and import again."
        ),
        "build.wheel_broken": _(
            "%(path)s is not a whole wheel, or its file name says something else than what is in it. Build it anew "
            "(pip wheel) and import again."
        ),
        "build.package_unknown": _(
            "The package index has no package of this name: %(requirements)s. Check the spelling in “dependencies” of "
            "config.json; modules are often called differently from the package they come in."
        ),
        "build.not_here": _(
            "There is no ready-made build for %(interpreter)s of: %(requirements)s. Nothing is compiled here, because "
            "that would run its code outside of the sandbox."
        ),
        "build.conflict": _(
            "The dependencies contradict each other, so they cannot be installed together: %(requirements)s. The log "
            "says which version wants what."
        ),
        "build.too_slow": _(
            "Building the environment took longer than %(minutes)s minutes, which is as long as it may here. Declare "
            "fewer dependencies, or ask the operator for more time."
        ),
        "build.too_large": _(
            "The environment would be larger than %(mebibytes)s MiB, which is as much as it may be here. Declare fewer "
            "or lighter dependencies, or ask the operator for more."
        ),
        "build.index_unavailable": _("The package index did not answer as it should"),
        "build.index_unavailable_gave_up": _(
            "The package index did not answer as it should in %(attempts)s attempts; the log says what it said. Retry "
            "once it is back, or tell the operator."
        ),
        "build.interrupted": _("The tool that builds environments stopped half-way"),
        "build.interrupted_gave_up": _(
            "The tool that builds environments stopped half-way in %(attempts)s attempts; the log says what it said. "
            "Retry, or tell the operator."
        ),
        "build.store_unavailable": _("The artifact store could not be read"),
        "build.store_unavailable_gave_up": _(
            "The artifact store could not be read in %(attempts)s attempts. Retry once it is back, or tell the "
            "operator."
        ),
        "build.worker_died": _(
            "The worker that prepared this version died in each of %(attempts)s attempts. Retry, or tell the operator."
        ),
        "build.bug": _("Building failed for a reason of ours. Tell the operator this number: %(id)s"),
    }
)
