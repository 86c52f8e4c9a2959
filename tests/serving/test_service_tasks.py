from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings
from django.db import connections
from django.utils.timezone import now

from accounts.messages import AUDIT
from registry.findings import known_codes
from serving import rollout, tasks
from serving.models import Service
from serving.services import RECONCILE
from tests.serving.deployed import instances_of, make_running, make_service

AUDITED = ("addService", "updateService", "startOrStopService", "deleteService")


def test_tasks_are_known_by_their_names():
    current_app.loader.import_default_modules()

    assert {RECONCILE, "serving.instance_changed", "serving.sweep_services"} <= set(current_app.tasks)
    assert settings.CELERY_BEAT_SCHEDULE["sweep-services"]["task"] == "serving.sweep_services"


def test_documented_audit_codes_have_words():
    assert set(AUDITED) <= set(AUDIT)


def test_refusals_and_reasons_have_words():
    codes = {"service.environment_missing", "service.deploy_timeout", "service.some_not_ready", "spec.sold_out"}

    assert codes <= known_codes()


@pytest.mark.django_db
@pytest.mark.usefixtures("machine")
def test_reconciling_by_the_bell_twice_is_done_once():
    service = make_service()

    tasks.reconcile(service.pk)
    tasks.reconcile(service.pk)

    assert instances_of(service).count() == 1


@pytest.mark.django_db
def test_bells_for_what_is_gone_are_nothing():
    tasks.reconcile(1)
    tasks.instance_changed(1)


@pytest.mark.django_db
@pytest.mark.usefixtures("machine")
def test_bell_of_an_instance_brings_its_service_on():
    service = make_service()
    tasks.reconcile(service.pk)
    instances_of(service).update(state="ready")

    tasks.instance_changed(instances_of(service).get().pk)
    tasks.instance_changed(instances_of(service).get().pk)

    assert Service.objects.get().state == "running"
    assert service.events.filter(code="service.started").count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("machine")
def test_sweeps_twice():
    service = make_running()
    Service.objects.update(stops_at=now() - timedelta(seconds=1))

    for _ in range(2):
        tasks.sweep_services()
        tasks.sweep_service_events()

    assert service.events.filter(code="service.auto_stopped").count() == 1


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("machine")
def test_workers_that_reconcile_at_once_make_nothing_twice():
    service = make_service(instances=3)

    def work(_):
        try:
            rollout.reconcile(Service.objects.get(pk=service.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))

    assert instances_of(service).count() == 3
    assert service.events.filter(code="service.scheduled").count() == 1
