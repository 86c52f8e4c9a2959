"""Addresses of services, and of what a version runs in."""

from django.urls import URLPattern

app_name = "serving"
urlpatterns: list[URLPattern] = []
