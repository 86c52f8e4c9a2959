import re

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import Membership
from accounts.roles import Role
from tests.factories import make_member, make_user, make_workspace

CSS = settings.BASE_DIR / "static" / "css"
TEMPLATES = settings.BASE_DIR / "templates"

pytestmark = pytest.mark.django_db


def page(client, url="/", **headers):
    return client.get(url, **headers).content.decode()


def test_shell_marks_where_one_is(client):
    client.force_login(make_member())

    html = page(client, "/help/")

    assert re.findall(r'<a class="nav-link" href="([^"]*)" aria-current="page">', html) == ["/help/"]


@pytest.mark.parametrize(("role", "shown"), [(Role.DEVELOPER, 0), (Role.ADMIN, 1)])
def test_shell_links_to_the_desk_only_for_staff(client, role, shown):
    user = make_member(role=role)
    user.is_staff = role == Role.ADMIN
    user.save()
    client.force_login(user)

    assert page(client).count(f'href="{reverse("admin:index")}"') == shown


def test_shell_offers_a_switch_only_to_members_of_several_workspaces(client):
    user = make_member(workspace=make_workspace("alpha"))
    client.force_login(user)

    before = page(client).count(reverse("accounts:workspace-switch"))
    Membership.objects.create(user=user, workspace=make_workspace("beta"), role=Role.VIEWER)
    after = page(client).count(reverse("accounts:workspace-switch"))

    assert (before, after) == (0, 1)


def test_language_follows_the_browser(client):
    html = page(client, reverse("accounts:login"), headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"})

    assert re.search(r'<html lang="([^"]*)"', html)[1] == "zh-hans"


def test_language_switch_works_before_sign_in_and_wins_over_the_browser(client):
    answer = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/accounts/login/?next=/help/"})
    html = page(client, answer["Location"], headers={"accept-language": "en"})

    assert answer["Location"] == "/accounts/login/?next=/help/"
    assert re.search(r'<html lang="([^"]*)"', html)[1] == "zh-hans"


def test_language_switch_leads_nowhere_else(client):
    answer = client.post(reverse("set_language"), {"language": "en", "next": "https://elsewhere.example/"})

    assert answer["Location"] == "/"


def test_pages_carry_a_policy_without_inline_script_or_style(client):
    client.force_login(make_user())

    policy = client.get("/")["Content-Security-Policy"]

    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self'" in policy


def test_templates_hold_no_inline_script_style_or_handler():
    forbidden = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|hx-on|javascript:", re.IGNORECASE)

    found = {path.name for path in TEMPLATES.rglob("*.html") if forbidden.search(path.read_text())}

    assert found == set()


def test_raw_colours_and_sizes_stand_only_in_the_tokens():
    raw = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(|\b\d*\.?\d+(?:px|rem)\b", re.IGNORECASE)

    found = {}
    for path in sorted(CSS.rglob("*.css")):
        if path.name == "tokens.css":
            continue
        rules = re.sub(r"/\*.*?\*/|@(?:media|container)[^{]*", "", path.read_text(), flags=re.DOTALL)
        if raw.search(rules):
            found[path.name] = raw.findall(rules)

    assert found == {}


def test_every_stylesheet_of_a_component_is_linked():
    linked = set(re.findall(r"css/components/([\w-]+\.css)", (TEMPLATES / "components/stylesheets.html").read_text()))

    assert linked == {path.name for path in (CSS / "components").glob("*.css")}


def test_every_token_that_is_used_exists():
    text = "".join(path.read_text() for path in CSS.rglob("*.css"))

    used = set(re.findall(r"var\((--[\w-]+)", text))
    defined = set(re.findall(r"(--[\w-]+):", text))

    assert used - defined == set()


def test_every_javascript_module_that_is_imported_exists():
    folder = settings.BASE_DIR / "static" / "js"

    imported = {name for path in folder.glob("*.js") for name in re.findall(r'"\./([\w-]+\.js)"', path.read_text())}

    assert {name for name in imported if not (folder / name).exists()} == set()
