"""How tests work at the operators' desk."""

import re

PEOPLE = "/admin/accounts/user/"
WORKSPACES = "/admin/accounts/workspace/"
AUDIT = "/admin/accounts/auditevent/"


def listed(client, url):
    html = client.get(url).content.decode()
    return sorted(re.findall(r'<th class="field-\w+"><a href="[^"]*">([^<]*)</a>', html))


def members_form(*rows, initial=0):
    """The management form and the rows of the inline of memberships."""
    form = {"memberships-TOTAL_FORMS": str(len(rows)), "memberships-INITIAL_FORMS": str(initial)}
    for number, row in enumerate(rows):
        form |= {f"memberships-{number}-{name}": str(value) for name, value in row.items()}
    return form


def held(membership, **changes):
    row = {"id": membership.pk, "workspace": membership.workspace_id, "user": membership.user_id}
    return row | {"role": membership.role} | changes
