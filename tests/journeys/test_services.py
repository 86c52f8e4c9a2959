"""A version is deployed, runs, stops, starts and goes; the builder and the supervisor are played."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.serving import FAILED, has_environment, observes
from tests.journeys.words import LANGUAGES

both_languages = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def version(console, library, visitor):
    """The address of a version that can be deployed."""
    visitor.imports(library.put("served"), "served")
    address = visitor.address_when("Normal")
    has_environment(console, address)
    return address


def opens_form(ann, version):
    """From the row of the version."""
    ann.page.goto("/models/?q=served")
    ann.page.locator("[data-row-toggle]").first.click()
    ann.page.locator(".version-row .menu summary").click()
    ann.page.locator(".version-row .menu-list a").click()
    expect(ann.page.locator("#id_version")).to_have_value(version.rstrip("/").rpartition("/")[2])


def status(ann):
    return ann.page.locator(".service-status .status")


def submits(ann):
    ann.page.locator("#deploy").click()
    ann.page.wait_for_url(re.compile(r"/services/[0-9a-f-]{36}/"))
    return ann.page.url


@both_languages
def test_version_is_deployed_stopped_started_and_deleted(console, sign_in, version, language):
    ann = sign_in(language)
    opens_form(ann, version)
    ann.page.locator("#id_name").fill(f"service-{language}")
    ann.page.locator("#id_instances").fill("2")
    expect(ann.page.locator("#plan")).to_contain_text("4096 MiB")
    service = submits(ann)
    expect(ann.page.locator(".steps .current")).to_be_visible()

    observes(console, service, state="ready")
    expect(status(ann)).to_have_class("status good")
    expect(ann.page.locator(".service-countdown")).to_be_visible()

    ann.page.locator(".page-actions [hx-get$='/stop/']").click()
    ann.page.locator("dialog [type=submit]").click()
    expect(status(ann)).to_have_class("status busy")
    observes(console, service, state="stopped")
    expect(status(ann)).to_have_class("status idle")

    ann.page.locator("#service-actions form button").click()
    expect(status(ann)).to_have_class("status busy")
    observes(console, service, **FAILED)
    expect(ann.page.locator(".service-failure")).to_contain_text("customize_service.py:12")
    ann.page.locator(".service-failure a").click()
    expect(ann.page.locator("[data-log]")).to_contain_text("model loaded")

    ann.page.goto("/services/real-time/")
    row = ann.page.locator(".service-row").filter(has_text=f"service-{language}")
    row.locator("[type=checkbox]").check()
    ann.page.locator("#selection button").click()
    ann.page.locator("dialog [type=submit]").click()
    expect(row).to_have_count(0)


def test_version_is_deployed_and_its_auto_stop_changed_without_javascript(console, sign_in, version):
    ann = sign_in(javascript=False)
    ann.page.goto("/services/new/real-time/")
    ann.page.locator("#id_name").fill("plain")
    ann.page.locator("#id_model").select_option(label="served")
    ann.page.locator(".deploy-selects button").click()
    expect(ann.page.locator("#id_name")).to_have_value("plain")
    expect(ann.page.locator("#plan")).to_contain_text("served 0.0.1")
    ann.page.locator(".documents-summary").click()
    ann.page.locator("#id_variables-2-name").fill("MODE")
    ann.page.locator("#id_variables-2-value").fill("fast")
    ann.page.locator("#id_name").press("Enter")
    ann.page.wait_for_url(re.compile(r"/services/[0-9a-f-]{36}/"))
    service = ann.page.url

    observes(console, service, state="ready")
    ann.page.goto(f"{service}?tab=prediction&way=json")
    assert ann.page.locator("#prediction-json").bounding_box()["width"] > 400
    ann.page.goto(service)
    expect(status(ann)).to_have_class("status good")

    ann.page.locator(".service-status .edit-mark").click()
    ann.page.locator("#id_auto_stop").uncheck()
    ann.page.locator("main [type=submit]").click()
    expect(ann.page.locator(".service-countdown")).to_have_count(0)

    ann.page.goto(f"{service}?tab=configuration")
    expect(ann.page.locator("main")).to_contain_text("MODE=fast")
    ann.page.goto(f"{service}delete/")
    ann.page.locator("main [type=submit]").click()
    expect(ann.page).to_have_url(re.compile("/services/real-time/"))
