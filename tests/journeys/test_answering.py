"""From a package to an address that answers, with nothing played: environment, sandbox, supervisor and gateway."""

import json
import os
import re
import subprocess
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.console_process import running_console
from tests.journeys.conftest import CLEAR, LANGUAGES, PATIENCE
from tests.journeys.people import Library, Person, Watch, sign_in_by_form
from tests.package_builder import BASES, make_config
from tests.ports import free_port
from tests.serving.wheels import wheel_bytes

# A build, a start and a first answer on a machine that does other things, too.
MILLISECONDS = 90_000
# The model needs none of what its engine brings, so that it is small and comes from nowhere.
STANDING_IN = ("scikit-learn", "joblib", "numpy", "scipy")
CODE = """
import json

from {module} import {base}


class Service({base}):
    def __init__(self, model_name, model_path):
        self.model_path = model_path

    def _preprocess(self, data):
        return json.loads(data)["rows"]

    def _inference(self, rows):
        return [sum(row.values()) for row in rows]

    def _postprocess(self, sums):
        return {{"labels": [f"sum {{value:g}}" for value in sums]}}
"""
ROWS = {
    "type": "array",
    "items": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
}
WORDS = {
    "en": {"answered": "answered", "ended": "Prediction succeeded"},
    "zh": {"answered": "已应答", "ended": "预测成功"},
}


@pytest.fixture(scope="module")
def busy_console(tmp_path_factory):
    """One that prepares and serves."""
    folder = tmp_path_factory.mktemp("answering")
    wheels = folder / "wheels"
    wheels.mkdir()
    for name in STANDING_IN:
        own = name.replace("-", "_")
        (wheels / f"{own}-9.0-py3-none-any.whl").write_bytes(wheel_bytes(own, "9.0"))
    gateway = free_port()
    serving = {
        "MODELPORT_VERSION_PREPARER": "serving.prepare",
        "MODELPORT_FIND_LINKS": str(wheels),
        "UV_NO_INDEX": "1",
        "GATEWAY_PORT": str(gateway),
        "GATEWAY_URL": f"http://127.0.0.1:{gateway}",
        "MODELPORT_LOGIN_ATTEMPTS": "1000",
    }
    with running_console(folder / "data", **serving, **CLEAR) as process:
        yield process


@contextmanager
def somebody(browser, console, language, width):
    context = browser.new_context(
        base_url=console.url,
        locale=LANGUAGES[language],
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE)
    watch = Watch(context)
    page = context.new_page()
    sign_in_by_form(page, console.password, language)
    yield Person(page, language)
    context.close()
    assert watch.complaints == []


@pytest.fixture(scope="module")
def source(busy_console, browser):
    """The path of the package to import."""
    with somebody(browser, busy_console, "en", 1280) as ann:
        ann.creates_bucket("library")
    module, base = BASES["Scikit_Learn"]
    config = make_config()
    config["apis"][0]["request"]["data"]["properties"] = {"rows": ROWS}
    library = Library(busy_console.data / "buckets", "library")
    return library.put("sums", config=config, code=CODE.format(module=module, base=base))


def imports_with_sample(ann, path, name):
    ann.page.goto(f"/imports/new/?path={path}&name={name}")
    ann.page.locator(".sample-request summary").click()
    ann.page.locator("#id_sample_json").fill('{"rows": [{"a": 1, "b": 2.5}]}')
    ann.creates()
    expect(ann.row("0.0.1")).to_be_visible()


def deploys_from_row(ann, name):
    ann.page.reload()  # No longer brought up to date under the hand.
    row = ann.row("0.0.1")
    row.locator(".menu summary").click()
    row.locator(".menu-list a").click()
    ann.page.locator("#id_name").fill(name)
    ann.page.locator("#deploy").click()
    ann.page.wait_for_url(re.compile(r"/services/[0-9a-f-]{36}/"))
    return ann.page.url


def becomes(ann, kind):
    expect(ann.page.locator(".service-status .status")).to_have_class(f"status {kind}", timeout=MILLISECONDS)


def makes_token(ann, name):
    ann.page.goto("/workspace/tokens/new/")
    ann.page.locator("[name=name]").fill(name)
    ann.page.locator("main button[type=submit]").click()
    return ann.page.locator(".secret code").first.inner_text()


def predicts(ann, service, a, b):
    """On the page; what it shows as a command comes back."""
    ann.page.goto(f"{service}?tab=prediction")
    ann.page.locator(".prediction-head [name=way][value=json]").check(force=True)
    ann.page.locator("#prediction-json").fill(json.dumps({"rows": [{"a": a, "b": b}]}))
    ann.page.locator(".prediction-form button[type=submit]").click()
    answer = ann.page.locator("#prediction-answer")
    expect(answer.locator(".status.good")).to_have_text(WORDS[ann.language]["ended"])
    expect(answer).to_contain_text(f"sum {a + b:g}")
    answer.locator(".disclosure summary").click()
    return answer.locator(".prediction-command pre").inner_text()


def answers(command, token, what):
    """Once the gateway knows what the page says already, which takes it half a second."""
    deadline = time.monotonic() + 10
    while (found := runs(command, token)) != what and found.get("error_code") != what:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def runs(command, token):
    """What was shown to paste, in a shell."""
    environment = {"PATH": os.environ["PATH"], "SERVICE_TOKEN": token}
    done = subprocess.run(
        ["sh", "-c", f"{command} --silent"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("zh", 390)])
def test_package_answers_from_the_import_to_the_address_until_it_is_deleted(
    busy_console, browser, source, language, width
):
    name = f"sums-{language}"
    with somebody(browser, busy_console, language, width) as ann:
        imports_with_sample(ann, source, name)
        expect(ann.row("0.0.1").locator(".status")).to_have_text(
            re.compile(f"{ann.words.normal}.*{WORDS[language]['answered']}"), timeout=MILLISECONDS
        )
        version = ann.address("0.0.1")

        service = deploys_from_row(ann, name)
        becomes(ann, "good")
        command = predicts(ann, service, 2, 3)
        token = makes_token(ann, name)
        answers(command, token, {"labels": ["sum 5"]})
        answers(command, "mp_none", "APIG.0301")

        ann.page.goto(f"{service}?tab=monitoring")
        # Once from the page, once by the command.
        ann.awaits_by_reloading(ann.page.locator(".monitoring-stats .stat-value").first, "2")

        ann.page.goto(service)
        ann.page.locator(".page-actions [hx-get$='/stop/']").click()
        ann.page.locator("dialog [type=submit]").click()
        becomes(ann, "idle")
        answers(command, token, "ModelArts.4203")
        ann.page.locator("#service-actions form button").click()
        becomes(ann, "good")
        answers(command, token, {"labels": ["sum 5"]})

        ann.page.goto(f"{version}delete/")
        expect(ann.page.locator("main a[href^='/services/']")).to_have_text(name)
        expect(ann.button(ann.words.delete, exact=True)).to_have_count(0)
        ann.page.goto(f"{service}delete/")
        ann.button(ann.words.delete, exact=True).click()
        ann.page.wait_for_url("**/services/real-time/**")
        expect(ann.page.locator(".service-row").filter(has_text=name)).to_have_count(0, timeout=MILLISECONDS)
        answers(command, token, "APIG.0101")
        ann.page.goto(f"{version}delete/")
        ann.button(ann.words.delete, exact=True).click()
        expect(ann.page.locator(".notice.success")).to_contain_text(f"{name} 0.0.1")
