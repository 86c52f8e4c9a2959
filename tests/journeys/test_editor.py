"""Writing a configuration: what is wrong and where is said meanwhile, and nothing that was typed is lost."""

import json
import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import CHROMIUM, FLAGS
from tests.package_builder import API
from tests.packages import make_config

BOTH = [("en", 1280), ("zh", 390)]
TEXT = json.dumps(make_config(), indent=2)
SCROLLED = "box => [box.scrollTop, box.scrollLeft]"
SELECTED = "text => text.value.slice(text.selectionStart, text.selectionEnd)"


class Editor:
    def __init__(self, person):
        self.person = person
        self.text = person.page.locator("#id_config_text")
        self.status = person.page.locator("#config-status")
        self.saved = person.page.locator("#config-saved")
        self.marks = person.page.locator(".code-lines .line-error")

    def opens(self, path, name):
        self.person.page.goto(f"/imports/new/?path={path}&name={name}")
        self.person.page.locator("#id_config_edit").check()
        expect(self.text).to_have_value(re.compile("model_type"))
        return self

    def line(self, number):
        return self.person.page.locator("#config-findings").get_by_role(
            "link", name=self.person.words.line.format(number), exact=True
        )


@pytest.mark.parametrize(("language", "width"), BOTH)
def test_configuration_is_corrected_saved_and_imported(sign_in, library, violations_of, language, width):
    ann = sign_in(language, width=width)
    name = f"edited-{language}"
    editor = Editor(ann).opens(library.put(name, config=make_config(model_algorithm="as_found")), name)

    editor.text.fill(TEXT.replace('"metrics": {', '"swr_location": "x",\n  "metrics": {'))
    expect(editor.status).to_have_text(re.compile(ann.words.config_errors.format(1)))
    expect(editor.text).to_have_attribute("aria-invalid", "true")
    expect(editor.marks).to_have_text(["5"])
    ann.tabs_to(editor.line(5)).press("Enter")
    expect(editor.text).to_be_focused()
    assert editor.text.evaluate(SELECTED) == '"x",'
    assert violations_of(ann.page) == ""

    editor.text.fill(TEXT)
    expect(editor.status).to_have_text(re.compile(ann.words.config_good))
    expect(editor.text).not_to_have_attribute("aria-invalid", "true")
    expect(editor.marks).to_have_count(0)
    editor.text.press("Control+s")
    expect(editor.saved).to_contain_text(ann.words.saved)
    ann.page.reload()
    expect(editor.text).to_have_value(TEXT)
    expect(ann.page.locator("#id_name")).to_have_value(name)

    ann.creates()
    ann.awaits(ann.words.normal)
    ann.opens_version("0.0.1")
    ann.opens_tab("config")
    expect(ann.page.locator(".listing-text").first).to_contain_text("predict_analysis")


def test_what_was_written_comes_back_after_the_file_as_found_was_shown(sign_in, library):
    ann = sign_in()
    editor = Editor(ann).opens(library.put("undone"), "undone")

    editor.text.fill("{mine")
    ann.button(ann.words.show_as_found).click()
    expect(editor.text).to_have_value(re.compile("model_type"))
    editor.text.press("Control+z")

    expect(editor.text).to_have_value("{mine")


def test_colours_lie_under_the_text_beside_scroll_bars(playwright, console, session_of, library):
    path = library.put("scrolled")
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=FLAGS, ignore_default_args=["--hide-scrollbars"]
    )
    try:
        page = browser.new_context(base_url=console.url, storage_state=session_of("en")).new_page()
        editor = Editor(SimpleNamespace(page=page)).opens(path, "scrolled")
        editor.text.fill("[\n" * 80 + "x" * 400 + "\n" * 40)
        editor.text.evaluate("text => text.scrollTo(1e6, 1e6)")
        expect(page.locator(".code-highlight")).to_have_js_property("scrollTop", editor.text.evaluate(SCROLLED)[0])
        layer, text = page.locator(".code-highlight").evaluate(SCROLLED), editor.text.evaluate(SCROLLED)
        bars = editor.text.evaluate(
            "text => [text.offsetWidth - text.clientWidth, text.offsetHeight - text.clientHeight]"
        )
    finally:
        browser.close()

    assert layer == text
    assert min(bars) > 0


def test_tab_leaves_the_editor(sign_in, library):
    ann = sign_in()
    editor = Editor(ann).opens(library.put("left"), "left")

    editor.text.focus()
    ann.page.keyboard.press("Tab")
    expect(editor.text).not_to_be_focused()
    ann.page.keyboard.press("Shift+Tab")

    expect(editor.text).to_be_focused()
    expect(editor.text).not_to_have_value(re.compile("\t"))


def test_one_check_follows_much_typing_and_the_last_answer_stays(sign_in, library):
    ann = sign_in()
    editor = Editor(ann).opens(library.put("quick"), "quick")
    expect(editor.status).to_contain_text("No errors")
    asked = []

    def slow_at_first(route):
        asked.append(route.request)
        answer = route.fetch()
        ann.page.wait_for_timeout(2000 if len(asked) == 1 else 0)
        route.fulfill(response=answer)

    ann.page.route("**/imports/preflight/", slow_at_first)
    editor.text.press("ControlOrMeta+End")
    editor.text.press_sequentially("x" * 20, delay=20)
    expect(ann.page.locator("#check-wait")).to_be_visible()
    editor.text.fill(TEXT)
    ann.page.wait_for_timeout(3500)

    assert len(asked) == 2
    expect(editor.status).to_contain_text("No errors")
    expect(ann.verdict).to_contain_text("Importable")


def test_text_is_kept_when_it_cannot_be_saved(sign_in, library):
    ann = sign_in()
    editor = Editor(ann).opens(library.put("unsaved"), "unsaved")
    editor.text.fill("{mine")
    ann.page.route("**/imports/draft/", lambda route: route.fulfill(status=422, body="too large"))

    ann.page.locator("[data-config-save]").click()

    expect(editor.saved).to_have_text("This could not be saved. What you typed is still on this page: try again.")
    expect(editor.text).to_have_value("{mine")


def test_the_last_text_is_kept_however_slowly_an_earlier_one_is_saved(sign_in, library):
    ann = sign_in()
    editor = Editor(ann).opens(library.put("twice"), "twice")
    sent = []

    def slow_at_first(route):
        sent.append(route.request)
        ann.page.wait_for_timeout(1500 if len(sent) == 1 else 0)
        route.continue_()

    ann.page.route("**/imports/draft/", slow_at_first)
    for text in ("{first", "{second"):
        editor.text.fill(text)
        editor.text.press("Control+s")
    ann.page.wait_for_timeout(3000)
    ann.page.reload()

    assert len(sent) == 2
    expect(editor.text).to_have_value("{second")


@pytest.mark.parametrize("javascript", [True, False])
def test_nested_parameters_fold_by_keyboard(sign_in, library, javascript):
    ann = sign_in(javascript=javascript)
    box = {"type": "object", "required": ["x"], "properties": {"x": {"type": "number", "minimum": 0, "maximum": 1}}}
    data = {"type": "object", "properties": {"boxes": {"type": "array", "items": box}}}
    api = API | {"request": {"Content-type": "application/json", "data": data}}
    path = library.put("folded", config=make_config(apis=[api])) if javascript else "/library/folded/"
    ann.page.goto(f"/imports/new/?path={path}")

    ann.tabs_to(ann.page.locator(".api-bar > summary")).press("Enter")
    folds = ann.page.locator("#derived .parameters").first.locator(".parameter-fold > summary")
    ann.tabs_to(folds.nth(0)).press("Enter")
    ann.tabs_to(folds.nth(1)).press("Space")

    expect(ann.page.locator(".parameter-parts .parameter-parts li")).to_have_text(
        re.compile(r"x\s*required\s*number\s*Range\s*0 – 1")
    )
