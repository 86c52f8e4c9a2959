"""One real console and one browser for all journeys."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.console_process import running_console

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}


def pytest_collection_modifyitems(items):
    for item in items:
        if "journeys" in item.nodeid:
            item.add_marker(pytest.mark.journey)
            item.add_marker(pytest.mark.xdist_group("journeys"))


@pytest.fixture(scope="session")
def console(tmp_path_factory):
    with running_console(tmp_path_factory.mktemp("console") / "data", MODELPORT_LOGIN_ATTEMPTS="1000") as process:
        yield process


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture
def browser_context_args(browser_context_args, console):
    return browser_context_args | {"base_url": console.url, "viewport": {"width": 1280, "height": 900}}


@pytest.fixture
def sign_in(console, new_context):
    """`sign_in(language=…, width=…, javascript=…)` → a page of somebody who has signed in through the form."""

    def start(*, language="en", width=1280, javascript=True):
        context = new_context(
            locale=LANGUAGES[language],
            viewport={"width": width, "height": 900},
            java_script_enabled=javascript,
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto("/accounts/login/")
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill(console.password)
        page.locator("main form [type=submit], form[data-sign-in] [type=submit]").first.click()
        page.wait_for_url("**/")
        return page

    return start


@pytest.fixture
def assert_accessible():
    """Fails with axe's own words when the page breaks a rule."""

    def check(page):
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    return check
