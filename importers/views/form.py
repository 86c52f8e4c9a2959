"""The import form, its pre-flight, and submitting it."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Workspace
from accounts.requests import ConsoleRequest, workspace_for
from accounts.requests_files import InMemory
from accounts.roles import Action
from importers.views.config_text import load_config
from importers.views.drafts import browse, forget, gone, initial_of, keep, restored
from importers.views.page import ImportPage
from importers.views.submission import submit

View = Callable[[ConsoleRequest], HttpResponse]
PAGE = "importers/import_new.html"
CHECK = "importers/_check.html"
FINDINGS = "importers/_findings.html"
SOURCE = "importers/_source_fields.html"


def importing_workspace(request: ConsoleRequest) -> Workspace:
    """The workspace the request works in; PermissionDenied unless this person may import there."""
    return workspace_for(request, Action.IMPORT)


def within_size(view: View) -> View:
    """Answer a form that is too large to be read with the form and a sentence, not with a bare error.

    The CSRF check reads the form, so it comes after the size.
    """
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def sized(request: ConsoleRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return _too_large(request)
        request.upload_handlers = [InMemory(request)]
        return protected(request)

    return sized


def _too_large(request: ConsoleRequest) -> HttpResponse:
    page = ImportPage(request.user, importing_workspace(request))
    page.too_large = True
    while request.read(1024 * 1024):
        pass  # a browser that is still sending does not read the answer
    response = render(request, FINDINGS if request.htmx else PAGE, {"page": page}, status=422)
    response["HX-Retarget"], response["HX-Reswap"] = "#check-findings", "innerHTML"
    return response


@within_size
@require_http_methods(["GET", "HEAD", "POST"])
def import_new(request: ConsoleRequest) -> HttpResponse:
    workspace = importing_workspace(request)
    if request.method != "POST":
        page = restored(request, workspace) or ImportPage(
            request.user, workspace, initial=initial_of(request, workspace)
        )
        load_config(page)
        page.check()
        page.saved = page.data is not None and "saved" in request.GET
        page.gone = gone(request) if page.data is None else ""
        return render(request, PAGE, {"page": page})
    page = ImportPage(request.user, workspace, data=request.POST, files=request.FILES)
    load_config(page)
    page.check()
    job = submit(page, by=request.user) if page.is_valid() else None
    if job is None or job.version is None:
        return render(request, PAGE, {"page": page}, status=422)
    forget(request)
    started = _("The import of %(name)s %(version)s has started.")
    messages.info(request, started % {"name": job.model_name, "version": job.version_number})
    return redirect(f"{reverse('registry:model-list')}?open={job.version.model.uuid}")


@within_size
@require_http_methods(["GET", "POST"])
def preflight(request: ConsoleRequest) -> HttpResponse:
    """Check what the form holds now: the parts that changed for htmx, else the whole page with everything kept."""
    workspace = importing_workspace(request)
    if request.method != "POST" and not request.htmx:
        return redirect(f"{reverse('importers:new')}?{request.GET.urlencode()}")
    if "browse" in request.POST:
        return browse(request)
    if "save" in request.POST and not request.htmx:
        kept = keep(request)
        for subject in kept.gone:
            messages.warning(request, _made_room(subject))
        return redirect(f"{kept.address}&saved=1#configuration")
    page = ImportPage(
        request.user, workspace, data=request.POST or None, initial=request.GET.dict(), files=request.FILES
    )
    load_config(page)
    page.check()
    return render(request, CHECK if request.htmx else PAGE, {"page": page})


@within_size
@require_POST
def source_fields(request: ConsoleRequest) -> HttpResponse:
    """The fields that follow from what was chosen: another source, or within one what its other fields depend on."""
    page = ImportPage(request.user, importing_workspace(request), data=request.POST, files=request.FILES)
    load_config(page)
    page.check()
    page.source.errors.clear()  # what was not sent to be accepted is not refused yet
    response = render(request, SOURCE if request.htmx else PAGE, {"page": page})
    response["HX-Replace-Url"] = f"{reverse('importers:new')}?{urlencode(page.address)}"
    return response


@within_size
@require_POST
def draft(request: ConsoleRequest) -> HttpResponse:
    """Keep what the form holds, and say at which address it is shown again."""
    importing_workspace(request)
    saved = _("Saved at %(time)s. This page shows it again until you sign out.")
    time = date_format(localtime(), "H:i:s")
    kept = keep(request)
    told = [saved % {"time": time}, *map(_made_room, kept.gone)]
    return JsonResponse({"address": kept.address, "saved": " ".join(told)})


def _made_room(subject: str) -> str:
    return _("What was saved of “%(subject)s” had to make room.") % {"subject": subject}


@require_GET
def name_hint(request: ConsoleRequest) -> HttpResponse:
    """What the typed name and version mean beside the models that exist."""
    page = ImportPage(request.user, importing_workspace(request), initial=request.GET.dict())
    return render(request, "importers/_name_hint.html", {"page": page})
