"""What became of a version's container image: a part of the version page that is loaded after it, or a page."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed
from registry.queries import LARGE, versions_for
from registry.queries_image import fate_of
from registry.views.base import is_part


@require_safe
@vary_on_headers("HX-Request")
def version_image(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """Ask the registry whether the tag still means the image of the version; nothing is changed by it."""
    unused = [name for name in LARGE if name != "source_params"]
    version = get_object_or_404(versions_for(request.user).defer(*unused), uuid=code)
    fate = fate_of(version)
    if fate is None:
        raise Http404
    context = {"version": version, "fate": fate, "allowed": allowed(request, version.model.workspace)}
    part = is_part(request, "image-fate")
    return render(request, "registry/_image_fate.html" if part else "registry/image_fate.html", context)
