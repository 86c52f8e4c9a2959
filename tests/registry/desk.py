"""How tests work at the reviewer's desk."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.models import ModelVersion

QUEUE = reverse("admin:registry_review_changelist")


def page_of(version):
    return reverse("admin:registry_review_change", args=[version.review_record.pk])


def state_of(version):
    return ModelVersion.objects.get(pk=version.pk).review


def said(response):
    return [str(message) for message in response.context["messages"]]


def queries_of(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)
