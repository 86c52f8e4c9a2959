"""Both languages are complete: every string of the product stands translated in the catalogue."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "console" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def key(entry):
    return entry.msgctxt, entry.msgid


@pytest.fixture(scope="module")
def catalogue():
    return polib.pofile(str(CATALOGUE))


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The strings the sources hold now, collected in a copy so that the tree stays as it is."""
    copy = tmp_path_factory.mktemp("messages") / "tree"
    tracked = [
        "manage.py",
        "console",
        "accounts",
        "stores",
        "registry",
        "importers",
        "serving",
        "templates",
        "static",
        "demo",
    ]
    copy.mkdir()
    for name in tracked:
        put = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        put(ROOT / name, copy / name)
    command = ["makemessages", "--locale", "zh_Hans", "--no-obsolete", "--no-wrap"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "console.settings"}
    subprocess.run([sys.executable, "manage.py", *command], cwd=copy, env=environment, check=True)
    return polib.pofile(str(copy / CATALOGUE.relative_to(ROOT)))


def test_catalogue_has_no_untranslated_or_fuzzy_entry(catalogue):
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
    assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []


def test_catalogue_holds_every_string_of_the_sources(catalogue, collected):
    translated = {key(entry) for entry in catalogue.translated_entries()}

    assert sorted(entry.msgid for entry in collected if key(entry) not in translated) == []


def test_translations_keep_their_placeholders(catalogue):
    broken = [
        entry.msgid
        for entry in catalogue
        for text in [entry.msgstr, *entry.msgstr_plural.values()]
        if text and set(PLACEHOLDER.findall(text)) - set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
    ]

    assert broken == []
