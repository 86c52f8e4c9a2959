"""What a person does in the browser, in their own words; and what the browser complains about meanwhile."""

import re
import shutil
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.journeys.words import words_of
from tests.packages import build_package

IMPORT_MILLISECONDS = 60_000
# What has the focus, and whether an outline or a shadow shows it: on itself, what is drawn for it, or its frame.
FOCUS = """() => {
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const frames = ["label", ".chip-input", ".code-editor", ".stepper"].map(frame => focused.closest(frame));
  const drawn = [focused, focused.nextElementSibling, ...frames].filter(Boolean).map(part => getComputedStyle(part));
  const visible = drawn.some(style => style.outlineStyle !== "none" || style.boxShadow !== "none");
  return {element: focused.outerHTML.slice(0, 200), visible};
}"""


class Watch:
    """Collects what must never happen: errors of scripts, refusals by the content security policy, answers of 500."""

    def __init__(self, context):
        self.complaints = []
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", self._console)
        context.on("response", self._response)

    def _console(self, message):
        # A page that refuses what was sent (409, 422) or does not exist (404) is an error to the browser, too.
        refused = re.search(r"the server responded with a status of (404|409|422)", message.text)
        if message.type == "error" and not (refused and "/static/" not in message.location["url"]):
            self.complaints.append(f"{message.location['url']}: {message.text}")

    def _response(self, response):
        if response.status >= 500:
            self.complaints.append(f"{response.url}: {response.status}")


class Library:
    """The folder of a bucket."""

    def __init__(self, buckets, name):
        self.folder = buckets / name
        self.name = name

    def put(self, name, **package):
        """Write a package and return the path people choose."""
        build_package(self.folder, name=name, **package)
        return f"/{self.name}/{name}/"


MEMBER = """
from accounts.models import Membership, User, Workspace
from accounts.services import follow_memberships
user = User.objects.create_user({name!r}, password={password!r})
Membership.objects.create(user=user, workspace=Workspace.objects.get(name="default"), role={role!r})
follow_memberships(user)
"""


def becomes_member(console, name, role, password):
    console.runs(MEMBER.format(name=name, role=role, password=password))


def sign_in_by_form(page, password, language, *, name="admin"):
    page.goto("/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(password)
    page.get_by_role("button", name=words_of(language).sign_in, exact=True).click()
    expect(page.locator("main.page h1")).to_be_visible()


def zipped(folder):
    """A ZIP archive of a package, with its folder in it."""
    return shutil.make_archive(str(folder), "zip", folder.parent, folder.name)


class Person:
    """Somebody who has signed in."""

    def __init__(self, page, language):
        self.page = page
        self.language = language
        self.words = words_of(language)

    def link(self, words, **options):
        return self.page.get_by_role("link", name=words, **options)

    def button(self, words, **options):
        return self.page.get_by_role("button", name=words, **options)

    def shows_navigation(self):
        """On a narrow screen it lies behind a button."""
        button = self.page.locator(".nav-button")
        if button.is_visible():
            button.click()

    # Storage

    def creates_bucket(self, name):
        self.page.goto("/storage/")
        self.page.locator(".page-actions").get_by_role("link", name=self.words.create_bucket).click()
        self.page.locator("#id_name").fill(name)
        self.button(self.words.create_bucket).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    def uploads(self, *files):
        """Into the folder that is open; an archive is unpacked then."""
        self.page.locator(".page-actions").get_by_role("link", name=self.words.upload).click()
        self.page.locator("#id_sent").set_input_files(files)
        self.button(self.words.upload).click()
        expect(self.page.locator("dialog#upload")).not_to_be_visible()
        live = self.page.locator("#upload-live")
        if live.count():
            self.awaits_by_reloading(live.locator(".status"), self.words.stored)

    # Container registries

    def connects_registry(self, name, address, user, password):
        """Through the form; ends on the page of the connection, whose address it returns."""
        self.page.goto("/registries/new/")
        self.types_registry(name, f"http://{address}", user, password)
        self.page.locator("#registry-save").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)
        return urlsplit(self.page.url).path

    def types_registry(self, name, address, user, password):
        values = {"name": name, "address": address, "username": user, "password": password}
        for field, value in values.items():
            self.page.locator(f"#id_{field}").fill(value)

    # Importing

    @property
    def verdict(self):
        return self.page.locator("#check-verdict")

    @property
    def findings(self):
        return self.page.locator("#check-findings")

    def opens_import_form(self):
        self.shows_navigation()
        self.link(self.words.models, exact=True).click()
        self.link(self.words.import_, exact=True).first.click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.words.import_model)

    def picks(self, bucket, folder):
        """Behind the folder icon."""
        self.button(self.words.browse).click()
        picker = self.page.locator("#picker")
        picker.get_by_role("link", name=bucket, exact=True).click()
        picker.get_by_role("button", name=self.words.choose.format(folder), exact=True).click()
        expect(self.page.locator("#id_path")).to_have_value(f"/{bucket}/{folder}/")

    def types_path(self, path):
        self.page.locator("#id_path").fill(path)
        self.page.locator("#id_path").blur()

    def names(self, name, version="0.0.1"):
        self.page.locator("#id_name").fill(name)
        self.page.locator("#id_version").fill(version)

    def creates(self):
        self.button(self.words.create_now).click()

    def imports(self, path, name, version="0.0.1"):
        """The whole form at its shortest; ends on the list with the new row open."""
        self.page.goto(f"/imports/new/?path={path}&name={name}&version={version}")
        self.creates()
        expect(self.row(version)).to_be_visible()

    def imports_image(self, image, name):
        """With the example as its configuration; the address of the version, once it is Normal."""
        self.page.goto(f"/imports/new/?source=image&image={image}&name={name}")
        self.button(self.words.begin_with_example).click()
        expect(self.verdict).to_contain_text(self.words.importable)
        self.page.locator("#id_agreed").check()
        self.creates()
        return self.address_when(self.words.normal)

    def awaits_by_reloading(self, place, words):
        """What a person without JavaScript does."""
        for _attempt in range(IMPORT_MILLISECONDS // 500):
            if words in place.text_content():
                return
            self.page.wait_for_timeout(500)
            self.page.reload()
        expect(place).to_contain_text(words)

    # The list

    def model(self, name):
        return self.page.locator("tbody.model-group", has=self.link(name, exact=True))

    def row(self, version):
        """Of a version in the open row."""
        return self.page.locator("tr.version-row", has=self.link(version, exact=True))

    def awaits(self, status, version="0.0.1"):
        expect(self.row(version).locator(".status")).to_contain_text(status, timeout=IMPORT_MILLISECONDS)

    def address(self, words):
        """Where a link leads."""
        return self.link(words, exact=True).get_attribute("href")

    def address_when(self, status, version="0.0.1"):
        """Of the version in the open row, once it has that status."""
        self.awaits(status, version)
        return self.address(version)

    def percentages(self, bar, *, enough=101):
        """What a progress bar shows, one entry for each change, until that is enough, or it is full or gone."""
        seen = []
        expect(self.page.locator(bar)).to_have_attribute("value", re.compile(r"\d"))
        while (value := self.page.evaluate("bar => document.querySelector(bar)?.value", bar)) is not None:
            seen += [value] if value not in seen[-1:] else []
            if value == 100 or len(seen) == enough:
                break
            self.page.wait_for_timeout(50)
        return seen

    def requests_review(self, address):
        """Of a version of their own, through its page of the review."""
        self.page.goto(f"{address}review/")
        self.page.locator("#id_comment").fill("Please look.")
        self.page.locator("button[name=decision][value=request]").click()
        expect(self.page.locator("#review .review-words")).to_have_text("Please look.")

    def opens_version(self, version):
        self.row(version).get_by_role("link", name=version, exact=True).click()
        expect(self.page.locator("#version-tabs")).to_be_visible()

    def opens_tab(self, name):
        tab = self.page.locator(f"#tab-{name}")
        expect(tab).to_contain_text(self.words.tabs[name])
        tab.click()
        expect(tab).to_have_attribute("aria-current", "page")

    # The keyboard

    def tabs_to(self, target, *, most=80):
        """Presses Tab until the target has the focus, which must be seen there; returns the target."""
        for _press in range(most):
            if target.evaluate("element => element === document.activeElement"):
                assert self.page.evaluate(FOCUS)["visible"], target
                return target
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not come to {target}")

    def types(self, text, *keys):
        """In the place of what the focused field holds."""
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)
        for key in keys:
            self.page.keyboard.press(key)

    def stops(self, *, most=200):
        """Everything Tab comes to on this page, in order."""
        found = []
        while len(found) < most:
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(FOCUS)
            if stop is None:
                break
            found.append(stop)
        return found
