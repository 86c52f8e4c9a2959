"""One real console and one browser for all journeys; both end with them."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, expect, sync_playwright

from tests.console_process import running_console
from tests.journeys.people import Library, Person, Watch, sign_in_by_form
from tests.journeys.serving import supervised_by_us

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
# The registries of the tests speak plain HTTP.
CLEAR = {"MODELPORT_REGISTRY_INSECURE_HOSTS": "127.0.0.1"}
PATIENCE = 15_000  # milliseconds; a machine that does other things, too, is slow
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items):
    for item in items:
        if "journeys" in item.nodeid:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="package")
def console(tmp_path_factory):
    data = tmp_path_factory.mktemp("console") / "data"
    with supervised_by_us(data), running_console(data, MODELPORT_LOGIN_ATTEMPTS="1000", **CLEAR) as process:
        yield process
    shutil.rmtree(data)


# Not the plugin's own fixtures: those live until every test is done, and Django refuses its database beside them.
@pytest.fixture(scope="package")
def playwright():
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browser(playwright):
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def browser_context_args(console):
    return {"base_url": console.url}


@pytest.fixture(scope="package")
def session_of(console, browser):
    """`session_of(language)` → the cookies of somebody who signed in through the form in that language, once."""
    sessions = {}

    def session(language):
        if language not in sessions:
            context = browser.new_context(base_url=console.url, locale=LANGUAGES[language])
            sign_in_by_form(context.new_page(), console.password, language)
            sessions[language] = context.storage_state()
            context.close()
        return sessions[language]

    return session


@pytest.fixture
def visit(new_context):
    """`visit(language, …)` → a page of nobody in particular. No page may complain while a test runs."""
    watches = []

    def start(language="en", **options):
        context = new_context(locale=LANGUAGES[language], reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE)
        watches.append(Watch(context))
        return context.new_page()

    yield start
    assert [complaint for watch in watches for complaint in watch.complaints] == []


@pytest.fixture
def sign_in(visit, session_of):
    """`sign_in(language, width=…, javascript=…, theme=…)` → a person on the overview."""

    def start(language="en", *, width=1280, javascript=True, theme="light"):
        page = visit(
            language,
            viewport={"width": width, "height": 900},
            java_script_enabled=javascript,
            color_scheme=theme,
            storage_state=session_of(language),
        )
        page.goto("/")
        return Person(page, language)

    return start


@pytest.fixture(scope="package")
def visitor(console, browser, session_of):
    """A person for what several journeys stand on."""
    context = browser.new_context(base_url=console.url, storage_state=session_of("en"))
    yield Person(context.new_page(), "en")
    context.close()


@pytest.fixture(scope="package")
def library(console, visitor):
    """A bucket made through the storage page; packages are written straight into its folder."""
    visitor.creates_bucket("library")
    return Library(console.data / "buckets", "library")


@pytest.fixture
def violations_of():
    """What axe says against a page, in its own words; empty when nothing."""

    def check(page):
        page.wait_for_load_state()
        try:
            results = Axe().run(page)
        except Error:  # The page was brought up to date while axe read it.
            page.wait_for_load_state()
            results = Axe().run(page)
        return results.generate_report() if results.violations_count else ""

    return check
