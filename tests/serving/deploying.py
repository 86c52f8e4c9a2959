"""The form to deploy a version, as a browser reads and sends it."""

import re

from tests.serving.deployed import SMALLEST

NEW = "/services/new/real-time/"
PLAN = "/services/new/real-time/plan/"
CHINESE = {"Accept-Language": "zh-hans"}


def page_of(client, version=None, **headers):
    address = f"{NEW}?version={version.uuid}" if version else NEW
    return client.get(address, headers=headers).content.decode()


def rows(*variables):
    """The rows of the environment variables as a browser sends them."""
    data = {"variables-TOTAL_FORMS": "10", "variables-INITIAL_FORMS": "0"}
    for number in range(10):
        name, value = variables[number] if number < len(variables) else ("", "")
        data |= {f"variables-{number}-name": name, f"variables-{number}-value": value}
    return data


def filled(version, text, *variables, **changes):
    """What the form that was opened for the version sends."""
    submission = re.search(r'name="submission" value="([^"]+)"', text)[1]
    data = {
        "submission": submission,
        "name": "service-ab12",
        "description": "",
        "auto_stop": "on",
        "auto_stop_after": "1",
        "auto_stop_hours": "12",
        "model": str(version.model.uuid),
        "version": str(version.uuid),
        "specification": SMALLEST,
        "instances": "1",
        "timeout": "20",
    }
    given = data | rows(*variables) | changes
    return {name: value for name, value in given.items() if value is not None}


def errors(text):
    found = re.findall(r'class="field-error"[^>]*>(.*?)</div>', text, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).strip() for part in found]


def problems(text):
    return re.findall(r'<a href="#([\w-]+)">[^<]+</a> – ([^<]+)</li>', text)


def plan(text):
    part = text[text.index('id="plan"') :]
    found = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", part, re.DOTALL)
    return {name: re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", value)).strip() for name, value in found}
