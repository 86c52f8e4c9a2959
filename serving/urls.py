"""Addresses of services, and of what a version runs in."""

from django.urls import path

from serving.views.acting import (
    service_auto_stop,
    service_delete,
    service_edit,
    service_start,
    service_stop,
    services_delete,
)
from serving.views.deploying import service_new, service_plan
from serving.views.environments import version_environment, version_lock, version_prepare
from serving.views.listing import service_list, service_status
from serving.views.prediction import predict
from serving.views.proof import proof_answer, proof_now, proof_panel, proof_replay, proof_request
from serving.views.service import instance_log, service_detail

app_name = "serving"
urlpatterns = [
    path("services/real-time/", service_list, name="service-list"),
    path("services/real-time/delete/", services_delete, name="services-delete"),
    path("services/new/real-time/", service_new, name="service-new"),
    path("services/new/real-time/plan/", service_plan, name="service-plan"),
    path("services/<uuid:code>/", service_detail, name="service"),
    path("services/<uuid:code>/status/", service_status, name="service-status"),
    path("services/<uuid:code>/start/", service_start, name="service-start"),
    path("services/<uuid:code>/stop/", service_stop, name="service-stop"),
    path("services/<uuid:code>/delete/", service_delete, name="service-delete"),
    path("services/<uuid:code>/auto-stop/", service_auto_stop, name="service-auto-stop"),
    path("services/<uuid:code>/edit/", service_edit, name="service-edit"),
    path("services/<uuid:code>/logs/<uuid:instance>/", instance_log, name="instance-log"),
    path("services/<uuid:code>/predict/", predict, name="service-predict"),
    path("versions/<uuid:code>/environment/", version_environment, name="environment"),
    path("versions/<uuid:code>/environment/lock/", version_lock, name="environment-lock"),
    path("versions/<uuid:code>/prepare/", version_prepare, name="version-prepare"),
    path("versions/<uuid:code>/proof/", proof_panel, name="version-proof"),
    path("versions/<uuid:code>/proof/now/", proof_now, name="proof-now"),
    path("versions/<uuid:code>/proof/<uuid:record>/replay/", proof_replay, name="proof-replay"),
    path("versions/<uuid:code>/proof/<uuid:record>/request/", proof_request, name="proof-request"),
    path("versions/<uuid:code>/proof/<uuid:record>/answer/", proof_answer, name="proof-answer"),
]
