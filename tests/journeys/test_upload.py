"""Uploading in the browser: large, cut, paused, cancelled, met by names that are taken, and from the picker."""

import re
import socket
import threading
import time
from contextlib import suppress

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import LANGUAGES, PATIENCE
from tests.journeys.people import Person
from tests.journeys.words import LANGUAGES as BOTH

SLOW = 60_000
MEGABYTE = 1_000_000
BLOCK = 65_536
# The longest pause between two frames while a page works.
WATCH_FRAMES = """() => {
  window.longest = 0;
  let last = performance.now();
  const tick = (now) => {
    window.longest = Math.max(window.longest, now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}"""


class Line:
    """A connection to the console that can be slow, or cut for a while."""

    def __init__(self, port):
        self.port = port
        self.cut, self.bytes_a_second = False, 0
        self.open = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):  # until it is closed
            while True:
                near = self.listening.accept()[0]
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        if self.cut:
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self.port))
        self.open += [near, far]
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._copy, args=(source, target, source is near), daemon=True).start()

    def _copy(self, source, target, up):
        with suppress(OSError):
            while data := source.recv(BLOCK):
                if up and self.bytes_a_second:
                    time.sleep(len(data) / self.bytes_a_second)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cuts(self):
        self.cut = True
        for end in self.open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mends(self):
        self.cut = False


@pytest.fixture
def line(console):
    line = Line(console.port)
    yield line
    line.listening.close()
    line.cuts()


@pytest.fixture
def ann(line, browser, session_of):
    """Somebody whose connection breaks, which the console of the browser complains about."""
    context = browser.new_context(
        base_url=line.url, storage_state=session_of("en"), locale=LANGUAGES["en"], reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    yield Person(context.new_page(), "en")
    context.close()


def folder_of(tmp_path, *, small=300, large=30 * MEGABYTE):
    folder = tmp_path / "digits"
    (folder / "model").mkdir(parents=True)
    for number in range(small):
        (folder / "model" / f"part-{number:05}.txt").write_text(str(number))
    if large:
        (folder / "model" / "weights.bin").write_bytes(bytes(range(256)) * (large // 256))
    return folder


def opens_upload(person, bucket):
    person.page.goto(f"/storage/{bucket}/")
    person.page.locator(".page-actions").get_by_role("link", name="Upload").click()
    return person.page.locator("dialog#upload")


def chooses(dialog, folder):
    dialog.locator("#id_sent_folder").set_input_files(folder)
    expect(dialog.locator("[data-upload-chosen]")).to_contain_text("Files: ")


def test_a_folder_goes_on_by_itself_after_the_connection_was_lost(ann, line, library, tmp_path):
    dialog = opens_upload(ann, "library")
    ann.page.locator("#id_folder").fill("cut")
    chooses(dialog, folder_of(tmp_path))
    expect(dialog.locator("[data-upload-chosen]")).to_have_text("Files: 301, 28.61 MB")
    line.bytes_a_second = 5 * MEGABYTE

    ann.button("Upload", exact=True).click()
    expect(dialog.locator(".upload-item", has_text="weights.bin").locator("progress")).to_have_attribute(
        "value", re.compile(r"0\.[2-9]"), timeout=SLOW
    )
    line.cuts()
    expect(dialog.locator("[data-upload-rate]")).to_have_text(re.compile("The connection is lost"), timeout=SLOW)
    line.mends()
    line.bytes_a_second = 0

    expect(ann.page.locator(".notices")).to_contain_text("301 files were uploaded.", timeout=SLOW)
    stored = library.folder / "cut" / "digits" / "model"
    assert len(list(stored.iterdir())) == 301
    assert (stored / "weights.bin").read_bytes() == (tmp_path / "digits" / "model" / "weights.bin").read_bytes()


def test_an_upload_is_paused_gone_on_with_and_cancelled(ann, line, library, tmp_path):
    dialog = opens_upload(ann, "library")
    ann.page.locator("#id_folder").fill("cancelled")
    chooses(dialog, folder_of(tmp_path, small=3))
    line.bytes_a_second = 2 * MEGABYTE

    ann.button("Upload", exact=True).click()
    ann.button("Pause").click()
    expect(dialog.locator("[data-upload-rate]")).to_have_text("Paused")
    expect(dialog.locator(".upload-item", has_text="weights.bin").locator(".upload-state")).to_have_text("Paused")
    ann.page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    ann.button("Go on").click()
    expect(dialog.locator("[data-upload-words]")).to_contain_text("Files: 3 of 4")
    ann.button("Cancel the upload").click()

    expect(dialog.locator("[data-upload-words]")).to_have_text("Cancelled. Files that are in the bucket already: 3.")
    dialog.locator("[data-upload-close]").click()
    expect(dialog).not_to_be_visible()
    assert len(list((library.folder / "cancelled" / "digits" / "model").iterdir())) == 3


def test_names_that_are_taken_are_shown_and_chosen_about(sign_in, library, tmp_path):
    ann = sign_in()
    (library.folder / "met" / "digits" / "model").mkdir(parents=True)
    (library.folder / "met" / "digits" / "model" / "part-00001.txt").write_text("old")
    dialog = opens_upload(ann, "library")
    ann.page.locator("#id_folder").fill("met")
    chooses(dialog, folder_of(tmp_path, small=20, large=0))

    expect(dialog.locator("[data-upload-conflicts]")).to_have_text(
        "Files that exist already: 1 of 20, such as /library/met/digits/model/part-00001.txt."
    )
    dialog.get_by_label("Keep both").check()
    ann.button("Upload", exact=True).click()

    expect(ann.page.locator(".notices")).to_contain_text("20 files were uploaded.")
    stored = library.folder / "met" / "digits" / "model"
    assert (stored / "part-00001.txt").read_text() == "old"
    assert (stored / "part-00001 (2).txt").read_text() == "1"


def test_uploading_before_the_bucket_was_looked_at_asks_about_taken_names_first(sign_in, library, tmp_path):
    ann = sign_in()
    taken = library.folder / "early" / "digits" / "model" / "part-00001.txt"
    taken.parent.mkdir(parents=True)
    taken.write_text("old")
    dialog = opens_upload(ann, "library")
    ann.page.locator("#id_folder").fill("early")
    held = []
    ann.page.route("**/uploads/", lambda route: held.append(route), times=1)
    chooses(dialog, folder_of(tmp_path, small=2, large=0))

    ann.button("Upload", exact=True).click()
    expect(dialog.locator("[data-upload-send]")).to_be_disabled()
    held[0].continue_()
    choice = dialog.get_by_role("radio", name="Skip")
    expect(choice).to_be_focused()
    conflicts = "Files that exist already: 1 of 2, such as /library/early/digits/model/part-00001.txt."
    expect(dialog.get_by_role("status")).to_have_text(conflicts)
    assert [path.name for path in taken.parent.iterdir()] == [taken.name]

    dialog.get_by_label("Replace").check()
    ann.button("Upload", exact=True).click()

    expect(ann.page.locator(".notices")).to_contain_text("2 files were uploaded.")
    assert taken.read_text() == "1"


def test_what_is_to_be_deleted_is_ticked_first(sign_in, library):
    ann = sign_in()
    (library.folder / "ticked").mkdir()
    (library.folder / "ticked" / "a.txt").write_text("a")
    ann.page.goto("/storage/library/?prefix=ticked/")
    delete = ann.page.get_by_role("button", name="Delete selected")

    expect(delete).to_be_disabled()
    ann.page.get_by_label("Select a.txt").check()
    expect(delete).to_be_enabled()
    ann.page.get_by_label("Select a.txt").uncheck()
    expect(delete).to_be_disabled()
    ann.page.get_by_label("Select everything on this page").check()
    expect(delete).to_be_enabled()


def test_ten_thousand_files_do_not_freeze_the_page(sign_in, library, tmp_path):
    ann = sign_in()
    dialog = opens_upload(ann, "library")
    ann.page.locator("#id_folder").fill("many")
    folder = folder_of(tmp_path, small=10_000, large=0)
    chooses(dialog, folder)
    ann.page.evaluate(WATCH_FRAMES)
    ann.button("Upload", exact=True).click()
    expect(dialog.locator("[data-upload-words]")).to_have_text(re.compile(r"Files: \d{2,} of 10,000"), timeout=SLOW)

    rows = dialog.locator(".upload-item").count()
    longest = ann.page.evaluate("window.longest")
    ann.button("Cancel the upload").click()

    expect(dialog.locator("[data-upload-words]")).to_contain_text("Cancelled.")
    assert rows <= 10
    assert longest < 2000


@pytest.mark.parametrize("language", BOTH)
def test_a_package_is_uploaded_inside_the_picker_and_chosen(sign_in, library, tmp_path, language):
    ann = sign_in(language)
    name = f"picked-{language}"
    package = folder_of(tmp_path, small=2, large=0).rename(tmp_path / name)
    ann.page.goto("/imports/new/")
    ann.button(ann.words.browse).click()
    picker = ann.page.locator("#picker")
    picker.get_by_role("link", name="library", exact=True).click()
    picker.get_by_role("link", name=ann.words.upload, exact=True).click()

    picker.locator("#id_sent_folder").set_input_files(package)
    picker.get_by_role("button", name=ann.words.upload, exact=True).click()
    picker.get_by_role("button", name=ann.words.choose.format(name), exact=True).click()

    expect(ann.page.locator("#id_path")).to_have_value(f"/library/{name}/")
