"""A person comes in by a link, is given another role, and lets a program fetch a version."""

import io
import json
import urllib.error
import urllib.request
import zipfile

import pytest
from playwright.sync_api import expect

from tests.journeys.people import Person
from tests.journeys.words import LANGUAGES

PASSWORD = "battery-staple-9"


@pytest.mark.parametrize("language", LANGUAGES)
def test_person_comes_in_by_a_link_and_a_program_exports_with_their_token(sign_in, visit, library, console, language):
    chief = sign_in(language)
    name, model = f"bo-{language}", f"exported-{language}"
    chief.imports(library.put(model), model)
    version = chief.address_when(chief.words.normal)

    link = invite(chief, note=name)
    bo = make_account(visit(language), link, chief, name)
    chief.page.goto("/workspace/members/")
    row = chief.page.locator("tr", has_text=name)
    row.get_by_label(chief.words.role_of.format(name), exact=True).select_option("developer")
    row.get_by_role("button", name=chief.words.save).click()
    expect(chief.page.locator(".notice.success")).to_contain_text(name)
    secret = make_token(bo)

    export = f"{console.url}{version}export/"
    status, content = fetch(export, secret)
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert "RECEIPT.json" in archive.namelist()
    bo.page.reload()
    bo.link(chief.words.revoke).first.click()
    bo.page.locator("dialog").get_by_role("button", name=chief.words.revoke, exact=True).click()
    expect(bo.page.locator(".notice.success")).to_be_visible()
    status, content = fetch(export, secret)
    assert (status, json.loads(content)["error_code"]) == (401, "ModelArts.0203")

    chief.page.goto(f"/workspace/audit/?who={name}")
    expect(chief.page.locator("#audit tbody tr")).to_have_count(4)  # came in, token made, exported, revoked
    chief.page.goto("/workspace/audit/?what=member.set")
    expect(chief.page.locator("#audit tbody tr").first).to_contain_text(chief.words.role_given)


def test_person_is_invited_and_made_an_administrator_without_javascript(sign_in, visit):
    chief = sign_in(javascript=False)
    link = invite(chief, note="without scripts")
    bo = make_account(visit(java_script_enabled=False), link, chief, "plain-bo")

    chief.page.goto("/workspace/members/?q=plain-bo")
    row = chief.page.locator("tr", has_text="plain-bo")
    row.get_by_label("Role of plain-bo", exact=True).select_option("admin")
    row.get_by_role("button", name="Save").click()
    expect(chief.page.locator(".notice.success")).to_have_text("plain-bo is now: Administrator.")

    bo.page.goto("/workspace/policies/")
    bo.page.get_by_label("Deploying needs approval").check()
    bo.button("Save").click()
    expect(bo.page.locator(".notice.success")).to_have_text("Saved.")
    bo.page.get_by_label("Deploying needs approval").uncheck()
    bo.button("Save").click()

    chief.page.goto("/workspace/members/?q=plain-bo")
    chief.link("Remove plain-bo").click()
    chief.button("Remove", exact=True).click()
    expect(chief.page.locator(".notice.success")).to_contain_text("plain-bo is no longer a member")
    bo.page.goto("/")
    expect(bo.page.locator(".empty-title")).to_have_text("You are not a member of a workspace yet")


def invite(chief, note):
    """The link of a new invitation, for a viewer."""
    chief.page.goto("/workspace/members/")
    chief.link(chief.words.invite).click()
    expect(chief.page.locator("[name=note]")).to_be_visible()  # the rows of members choose a role, too
    chief.page.locator("[name=role]").last.select_option("viewer")
    chief.page.locator("[name=note]").fill(note)
    chief.button(chief.words.make_link).click()
    link = chief.page.locator(".secret code").inner_text()
    chief.page.reload()
    expect(chief.page.locator(".secret")).to_have_count(0)
    return link


def make_account(page, link, chief, name):
    page.goto(link)
    page.locator("#id_username").fill(name)
    page.locator("#id_password1").fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    page.get_by_role("button", name=chief.words.make_account).click()
    expect(page.locator(".header-workspace")).to_contain_text("default")
    return Person(page, "zh" if page.locator("html").get_attribute("lang") == "zh-hans" else "en")


def make_token(person):
    """The secret of a new token."""
    person.page.goto("/workspace/tokens/")
    person.link(person.words.new_token).click()
    person.page.locator("#id_name").fill("nightly")
    person.button(person.words.make_token).click()
    return person.page.locator(".secret code").first.inner_text()


def fetch(address, secret):
    """What a program gets: status and body."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {secret}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
