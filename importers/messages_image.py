"""What importing a container image finds out about it, in words that say what to do."""

from django.utils.translation import gettext_lazy as _

from registry.findings import register_messages

register_messages(
    {
        "image.missing": _("Choose a container image."),
        "image.config_missing": _(
            "There is no configuration yet, and an image does not say by itself what it answers. Import one from OBS, "
            "or write it online."
        ),
        "image.not_asked": _(
            "The administrator of the platform will be able to read this image, and nobody was asked for a consent. "
            "Where that has to be recorded, choose the source Container image instead."
        ),
        "image.not_signed_in": _(
            "%(address)s does not accept the user name or the password that this workspace has for it. An "
            "administrator enters them again under Container registries; check again after that."
        ),
        "image.too_big": _(
            "The image has %(size)s to fetch; at most %(limit)s are allowed. Make it smaller, with a leaner base image "
            "or fewer layers, and push it again."
        ),
        "image.port_other": _(
            "A service asks the image on port 8080, but it declares only %(ports)s. Make sure that it listens on 8080."
        ),
        "image.no_command": _(
            "The image names neither an entry point nor a command, so nothing says what to start. Set CMD or "
            "ENTRYPOINT when it is built."
        ),
        "image.runs_as_root": _("The image runs as root. Set USER when it is built, to give it fewer rights."),
        "image.unscanned": _(
            "The layers of an image are not fetched, so what is in them was not scanned. Use images whose makers you "
            "trust."
        ),
    }
)
