"""Why an import by a model template is refused before its files are looked at."""

from django.utils.translation import gettext_lazy as _

from registry.findings import register_messages

register_messages(
    {
        "template.missing": _("Choose a model template."),
        "template.unknown": _("There is no model template “%(template)s”. Choose one of the catalogue."),
        "template.file_required": _(
            "The template needs “%(pattern)s” in the model folder. Add the file, or choose another template."
        ),
        "template.mode_unknown": _("There is no input and output mode “%(mode)s”. Choose one of %(modes)s."),
        "template.mode_fixed": _(
            "This template does not take the input and output mode “%(mode)s”. Choose one of %(modes)s."
        ),
    }
)
