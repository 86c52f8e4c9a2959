"""What tests of the pages about people share."""

import re
from datetime import timedelta

from django.utils.timezone import now

from accounts.digests import digest_of
from accounts.models import ApiToken, AuditEvent, Invitation
from accounts.roles import Role
from tests.factories import make_workspace

SECRET = "mp_secret-of-a-token"
LINK = "/invitations/secret-of-a-link/"


def audit():
    return list(AuditEvent.objects.order_by("id").values_list("code", "actor_name", "params"))


def make_invitation(by, role=Role.DEVELOPER, workspace=None, secret="secret-of-a-link", **values):
    return Invitation.objects.create(
        workspace=workspace or make_workspace(),
        role=role,
        digest=digest_of(secret),
        created_by=by,
        created_by_name=by.username,
        **{"expires_at": now() + timedelta(days=7)} | values,
    )


def make_token(user, role=Role.VIEWER, workspace=None, secret=SECRET, **values):
    return ApiToken.objects.create(
        workspace=workspace or make_workspace(),
        user=user,
        role=role,
        prefix=secret[:8],
        digest=digest_of(secret),
        **{"name": "nightly"} | values,
    )


def told(response):
    """What the page that a form led to says at its top."""
    html = response.content.decode()
    return [
        re.sub(r"\s+", " ", text).strip() for text in re.findall(r'<div class="notice \w+">\s*<div>(.*?)</div>', html)
    ]


def first_column(response):
    """The names in the rows of a list."""
    return re.findall(r'<td class="primary-cell">.*?<bdi>(.*?)</bdi>', response.content.decode())
