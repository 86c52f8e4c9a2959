"""Addresses of services, and of what a version runs in."""

from django.urls import URLPattern, path

from serving.views.environments import version_environment, version_lock, version_prepare

app_name = "serving"
urlpatterns: list[URLPattern] = [
    path("versions/<uuid:code>/environment/", version_environment, name="environment"),
    path("versions/<uuid:code>/environment/lock/", version_lock, name="environment-lock"),
    path("versions/<uuid:code>/prepare/", version_prepare, name="version-prepare"),
]
