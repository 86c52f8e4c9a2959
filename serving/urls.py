"""Addresses of services, and of what a version runs in."""

from django.urls import path

from serving.views.environments import version_environment, version_lock, version_prepare
from serving.views.prediction import predict
from serving.views.proof import proof_answer, proof_now, proof_panel, proof_replay

app_name = "serving"
urlpatterns = [
    path("services/<uuid:code>/predict/", predict, name="service-predict"),
    path("versions/<uuid:code>/environment/", version_environment, name="environment"),
    path("versions/<uuid:code>/environment/lock/", version_lock, name="environment-lock"),
    path("versions/<uuid:code>/prepare/", version_prepare, name="version-prepare"),
    path("versions/<uuid:code>/proof/", proof_panel, name="version-proof"),
    path("versions/<uuid:code>/proof/now/", proof_now, name="proof-now"),
    path("versions/<uuid:code>/proof/<uuid:record>/replay/", proof_replay, name="proof-replay"),
    path("versions/<uuid:code>/proof/<uuid:record>/answer/", proof_answer, name="proof-answer"),
]
