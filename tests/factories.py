"""Rows for tests, with just enough in them."""

from django.contrib.auth import get_user_model

from accounts.models import Membership, Workspace
from accounts.roles import Role
from registry.models import ModelVersion, RegisteredModel, SourceKind, Status
from registry.transitions import refresh_latest
from stores.models import Bucket

ALL_TYPES = "real-time,batch,edge"


def make_workspace(name="default"):
    return Workspace.objects.get_or_create(name=name)[0]


def make_user(username="ann", **values):
    return get_user_model().objects.create_user(username, password="correct horse", **values)


def make_member(username="ann", role=Role.DEVELOPER, workspace=None):
    user = make_user(username)
    Membership.objects.create(workspace=workspace or make_workspace(), user=user, role=role)
    return user


def make_bucket(name="packages", workspace=None):
    return Bucket.objects.create(name=name, workspace=workspace or make_workspace())


def make_version(name="digits", number=(0, 0, 1), workspace=None, status=Status.NORMAL, **values):
    """One version and its model, whose `latest_*` columns follow it."""
    model, _ = RegisteredModel.objects.get_or_create(workspace=workspace or make_workspace(), name=name)
    fields = {"source_kind": SourceKind.OBS, "engine": "Scikit_Learn", "deployment_types": ALL_TYPES} | values
    fields.setdefault("scan_verdict", fields.get("scan", {}).get("verdict", ""))
    major, minor, patch = number
    version = ModelVersion.objects.create(model=model, major=major, minor=minor, patch=patch, status=status, **fields)
    refresh_latest(model)
    return version
