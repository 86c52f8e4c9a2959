"""Every address of the console."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, reverse_lazy
from django.views.generic import RedirectView
from django.views.i18n import set_language

from accounts.views.sign_in import SignOut, desk_sign_in
from console import views

pages = [
    path("", views.overview, name="overview"),
    path("help/", views.help_index, name="help-index"),
    path("help/example-package/", views.example_package, name="example-package"),
    path("help/<slug:topic>/", views.help_topic, name="help"),
]

# The desk signs in, signs out and changes passwords where everybody does: throttled and recorded there.
desk = [
    path("login/", desk_sign_in),
    path("logout/", SignOut.as_view()),
    path("password_change/", RedirectView.as_view(url=reverse_lazy("accounts:password-change"))),
]

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("admin/", include(desk)),
    path("admin/", admin.site.urls),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("", include((pages, "console"))),
    path("", include("accounts.urls")),
    path("", include("stores.urls")),
    path("", include("registry.urls")),
    path("", include("importers.urls")),
    path("", include("serving.urls")),
]

handler400 = "console.views.bad_request"
handler403 = "console.views.not_allowed"
handler404 = "console.views.not_found"
handler500 = "console.views.broken"
