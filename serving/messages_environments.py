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
            "There is no ready-made build for %(interpreter)s of: %(requirements)s. The index has no source of it for "
            "this Python either."
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

register_messages(
    {
        "build.source_started": _("%(package)s has no wheel: its wheel is being built from source"),
        "build.source_not_allowed": _(
            "No wheel for %(interpreter)s, only the source: %(requirements)s. It could be built from source, in the "
            "sandbox, if an administrator of the workspace allows it: Policies, “Dependencies may be built from "
            "source”. Or declare a version that has a wheel."
        ),
        "build.source_too_many": _(
            "These packages have no wheel and would have to be built from source, but at most %(most)s are for one "
            "model: %(requirements)s. Declare versions that have wheels, or ask the operator for more."
        ),
        "build.source_failed": _(
            "%(package)s has no wheel for this Python, and building one from its source failed (code %(status)s). Its "
            "log ends with: %(last)s"
        ),
        "build.source_old_setuptools": _(
            "%(package)s has no wheel for this Python, and it cannot be built from its source here: it needs an older "
            "setuptools than Python has today. Declare a later version, which has a wheel or a newer source. Its log "
            "ends with: %(last)s"
        ),
        "build.source_too_slow": _(
            "Building %(package)s from source took longer than %(minutes)s minutes, which is as long as it may here. "
            "Declare a version that has a wheel, or ask the operator for more time. Its log ends with: %(last)s"
        ),
        "build.source_out_of_memory": _(
            "Building %(package)s from source took more than %(mebibytes)s MiB of memory, which is as much as it may "
            "here. Declare a version that has a wheel, or ask the operator for more."
        ),
        "build.source_wheel": _(
            "Building %(package)s from source came to something else than its wheel: %(found)s. It was thrown away; "
            "declare another version."
        ),
        "build.source_needs": _(
            "To be built from source, %(package)s needs packages that cannot be installed here from wheels: "
            "%(requirements)s. Declare a version that has a wheel."
        ),
        "build.source_requirement": _(
            "To be built from source, %(package)s asks for “%(requirement)s”, which is not a package with a version. "
            "Addresses and options are refused; declare another version."
        ),
        "build.source_unsafe": _(
            "The source of %(package)s is refused: “%(place)s” in its archive would lie outside of its folder, or is "
            "no ordinary file. Declare another version."
        ),
        "build.source_broken": _(
            "The source of %(package)s cannot be read: it is no whole archive of one folder, or its pyproject.toml is "
            "wrong. Declare another version."
        ),
        "build.source_damaged": _(
            "The source of %(package)s is not what the index says: its SHA-256 is another. Tell the operator of the "
            "index."
        ),
        "build.source_too_large": _(
            "The source of %(package)s is larger than it may be here. Declare a version that has a wheel, or ask the "
            "operator for more."
        ),
        "build.source_no_sandbox": _(
            "Nothing is built from source on this host, because its sandbox does not hold (%(names)s). Tell the "
            "operator, or declare versions that have wheels."
        ),
    }
)
