"""The catalogue of model templates: its list, each template's rules, and the cards of the import form."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.requests import ConsoleRequest, allowed, workspace_for
from accounts.roles import Action
from importers.catalogue import TEMPLATES
from importers.catalogue.search import Filters, Picker
from importers.forms_template import TemplateSourceForm
from importers.views.form import importing_workspace
from registry.models import SourceKind
from registry.views.base import is_part


@require_safe
def template_cards(request: ConsoleRequest) -> HttpResponse:
    """The part of the import form that shows the cards; the form itself for a browser that asks for a page."""
    importing_workspace(request)
    if not request.htmx:
        return redirect(f"{reverse('importers:new')}?source={SourceKind.TEMPLATE}")
    form = TemplateSourceForm(request.GET)
    return render(request, "importers/_template_picker.html", {"picker": form.picker})


@require_safe
def template_list(request: ConsoleRequest) -> HttpResponse:
    workspace = workspace_for(request, Action.VIEW)
    picker = Picker(Filters.read(request.GET))
    context = {"picker": picker, "allowed": allowed(request, workspace)}
    part = is_part(request, "model-templates")
    return render(request, f"importers/{'_templates' if part else 'templates'}.html", context)


@require_safe
def template_page(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Rules, runtime and modes of one template; as a dialog when the import form asks."""
    workspace = workspace_for(request, Action.VIEW)
    template = TEMPLATES.get(slug)
    if template is None:
        raise Http404
    context = {"template": template, "allowed": allowed(request, workspace)}
    part = is_part(request, "picker-place")
    return render(request, f"importers/{'_template_dialog' if part else 'template'}.html", context)
