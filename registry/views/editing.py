"""Small editors: a description in its cell, labels, documents. Without JavaScript each is a page of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.models import User, Workspace
from accounts.queries import require
from accounts.requests import ConsoleRequest, allowed
from accounts.roles import Action
from registry import services
from registry.forms import DescriptionForm, DocumentsFormSet, LabelsForm, initial_documents
from registry.models import ModelVersion, RegisteredModel
from registry.queries import models_for, versions_for
from registry.views.base import way_back

Subject = RegisteredModel | ModelVersion


@dataclass(frozen=True)
class Editor:
    """One thing that may be changed: its form, how it is saved, and the partial that shows it afterwards."""

    field: str
    title: str | Promise
    form: Callable[[Subject, Any], Any]
    save: Callable[[Subject, Any, User], None]


def _description_form(subject: Subject, data: Any) -> DescriptionForm:
    return DescriptionForm(data, initial={"description": subject.description}, auto_id=f"id_{subject.uuid}_%s")


def _save_description(subject: Subject, form: Any, by: User) -> None:
    if isinstance(subject, ModelVersion):
        services.edit_description(subject, form.cleaned_data["description"], by=by)
    else:
        services.edit_model_description(subject, form.cleaned_data["description"], by=by)


def _labels_form(version: Any, data: Any) -> LabelsForm:
    return LabelsForm(data, initial={"labels": tuple(label.name for label in version.labels.all())})


def _save_labels(version: Any, form: Any, by: User) -> None:
    services.edit_labels(version, form.cleaned_data["labels"], by=by)


def _documents_form(version: Any, data: Any) -> Any:
    documents = [(document.name, document.url) for document in version.documents.all()]
    return DocumentsFormSet(data, initial=initial_documents(documents), prefix="documents")


def _save_documents(version: Any, formset: Any, by: User) -> None:
    services.edit_documents(version, formset.documents, by=by)


DESCRIPTION = Editor("description", _("Edit description"), _description_form, _save_description)
VERSION_EDITORS: Mapping[str, Editor] = {
    "description": DESCRIPTION,
    "labels": Editor("labels", _("Edit labels"), _labels_form, _save_labels),
    "documents": Editor("documents", _("Edit model documents"), _documents_form, _save_documents),
}


@require_http_methods(["GET", "HEAD", "POST"])
def model_edit(request: ConsoleRequest, code: UUID) -> HttpResponse:
    model = get_object_or_404(models_for(request.user).select_related("workspace"), uuid=code)
    return _edit(request, model, model.workspace, DESCRIPTION)


@require_http_methods(["GET", "HEAD", "POST"])
def version_edit(request: ConsoleRequest, code: UUID) -> HttpResponse:
    version = get_object_or_404(versions_for(request.user), uuid=code)
    editor = VERSION_EDITORS.get(request.GET.get("field", "description"))
    if editor is None:
        raise Http404
    return _edit(request, version, version.model.workspace, editor)


def _edit(request: ConsoleRequest, subject: Subject, workspace: Workspace, editor: Editor) -> HttpResponse:
    """Show the form; save it; with htmx answer with the part that stood there before."""
    if request.htmx and "shown" in request.GET:
        return _shown(request, subject, workspace, editor)
    require(request.user, Action.EDIT, workspace)
    form = editor.form(subject, request.POST if request.method == "POST" else None)
    back = way_back(request, subject.get_absolute_url())
    if request.method == "POST" and form.is_valid():
        _save(editor, subject, form, request.user)
        return _shown(request, subject, workspace, editor) if request.htmx else HttpResponseRedirect(back)
    address = f"{request.path}?{request.GET.urlencode()}"
    context = {"subject": subject, "editor": editor, "form": form, "back": back, "address": address}
    template = "registry/_edit.html" if request.htmx else "registry/edit.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _save(editor: Editor, subject: Subject, form: Any, by: User) -> None:
    """404 when somebody deleted the subject meanwhile."""
    try:
        editor.save(subject, form, by)
    except (ObjectDoesNotExist, DatabaseError):
        if type(subject)._default_manager.filter(pk=subject.pk).exists():
            raise
        raise Http404 from None


def _shown(request: ConsoleRequest, subject: Subject, workspace: Workspace, editor: Editor) -> HttpResponse:
    context = {"subject": subject, "allowed": allowed(request, workspace), "back": way_back(request, "")}
    return render(request, f"registry/_{editor.field}.html", context)
