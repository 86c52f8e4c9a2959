import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import translation

from importers.models import ImportJob, State
from registry.models import ModelVersion, Proof, Status

ICONS = settings.BASE_DIR / "static" / "img" / "icons.svg"


def render(source, **context):
    return " ".join(Template(source).render(Context(context)).split())


@pytest.mark.parametrize(
    ("status", "proof", "shown"),
    [
        (Status.IMPORTING, Proof.NOT_ASKED, '<span class="status busy">Importing</span>'),
        (Status.BUILDING, Proof.NOT_ASKED, '<span class="status busy">Building</span>'),
        (Status.FAILED, Proof.NOT_ASKED, '<span class="status bad">Failed</span>'),
        (Status.BUILD_FAILED, Proof.NOT_ASKED, '<span class="status bad">Build failed</span>'),
        (
            Status.NORMAL,
            Proof.ANSWERED,
            '<span class="status good">Normal<span class="status-more">answered</span></span>',
        ),
        (
            Status.NORMAL,
            Proof.CANNOT_RUN_HERE,
            '<span class="status good">Normal<span class="status-more">cannot run here</span></span>',
        ),
    ],
)
def test_status_badge_of_version_shows_kind_and_words(status, proof, shown):
    version = ModelVersion(status=status, proof=proof)

    badge = render("{% status_badge version %}", version=version)

    assert badge == shown


def test_status_badge_is_never_green_when_the_scan_did_not_come_to_its_end():
    version = ModelVersion(status=Status.NORMAL, proof=Proof.NOT_ASKED, scan_verdict="could-not-scan")

    html = render("{% status_badge version %}", version=version)

    assert html == '<span class="status warn">Normal<span class="status-more">not scanned whole</span></span>'


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (State.QUEUED, "idle"),
        (State.FETCHING, "busy"),
        (State.CHECKING, "busy"),
        (State.STORING, "busy"),
        (State.SUCCEEDED, "good"),
        (State.FAILED, "bad"),
        (State.CANCELLED, "idle"),
    ],
)
def test_status_badge_of_job_knows_every_state(state, kind):
    badge = render("{% status_badge job %}", job=ImportJob(state=state))

    assert badge == f'<span class="status {kind}">{state.label}</span>'


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "--"),
        (0, "0 B"),
        (1023, "1023 B"),
        (49818, "48.65 KB"),
        (286449992, "273.18 MB"),
        (5 * 1024**3, "5.00 GB"),
        (1024**6, "1024.00 PB"),
    ],
)
def test_filesize_has_two_decimals(size, words):
    assert render("{{ size|filesize }}", size=size) == words


def test_timestamp_is_written_in_the_time_zone_of_the_console(settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    moment = datetime(2019, 10, 31, 12, 12, 20, tzinfo=UTC)

    shown = render("{% timestamp moment %}", moment=moment)

    assert shown == ('<time class="nowrap" datetime="2019-10-31T20:12:20+08:00">2019/10/31 20:12:20 GMT+08:00</time>')


@pytest.mark.parametrize(
    ("zone", "offset"), [("America/St_Johns", "GMT-02:30"), ("UTC", "GMT+00:00"), ("Asia/Kathmandu", "GMT+05:45")]
)
def test_timestamp_writes_offsets_of_either_sign(settings, zone, offset):
    settings.TIME_ZONE = zone
    moment = datetime(2019, 7, 1, 12, 0, 0, tzinfo=UTC)

    shown = render("{% timestamp moment %}", moment=moment)

    assert re.search(r"GMT[+-]\d\d:\d\d", shown)[0] == offset


def test_short_timestamp_keeps_the_whole_one_for_who_points_at_it(settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    moment = datetime(2019, 10, 31, 12, 12, 20, tzinfo=UTC)

    shown = render("{% short_timestamp moment %}", moment=moment)

    assert shown == (
        '<time class="nowrap" datetime="2019-10-31T20:12:20+08:00" title="2019/10/31 20:12:20 GMT+08:00">'
        "2019/10/31 20:12</time>"
    )


def test_timestamp_of_nothing_is_dashes():
    assert render("{% timestamp moment %}", moment=None) == "--"


def test_copy_button_escapes_what_it_copies():
    button = render("{% copy_button text %}", text='"><script>')

    assert re.search(r'data-copy="([^"]*)"', button)[1] == "&quot;&gt;&lt;script&gt;"


@pytest.mark.parametrize(("value", "shown"), [("", "--"), (None, "--"), ([], "--"), (0, "0"), ("x", "x")])
def test_dashes_stand_for_what_is_empty(value, shown):
    assert render("{{ value|dashes }}", value=value) == shown


@pytest.mark.parametrize(("seconds", "minutes"), [(1, "1"), (900, "15"), (89, "1")])
def test_minutes_are_whole_and_never_none(seconds, minutes):
    assert render("{{ length|minutes }}", length=timedelta(seconds=seconds)) == minutes


def test_help_link_leads_to_the_part_of_the_topic():
    with translation.override("zh-hans"):
        link = render('{% help_link "config" "apis" %}')

    assert re.search(r'href="([^"]*)"', link)[1] == "/help/config/#apis"


def test_every_icon_that_a_template_names_is_in_the_sprite():
    known = set(re.findall(r'<symbol id="([\w-]+)"', ICONS.read_text()))
    templates = Path(settings.BASE_DIR / "templates").rglob("*.html")

    named = {name for path in templates for name in re.findall(r'{% icon "([\w-]+)" %}', path.read_text())}

    assert named - known == set()


def test_every_help_link_leads_to_a_heading_in_both_languages():
    root = Path(settings.BASE_DIR / "templates")
    links = {
        link
        for path in root.rglob("*.html")
        for link in re.findall(r'{% help_link "([\w-]+)" "([\w-]+)" %}', path.read_text())
    }

    lost = {
        (language, topic, anchor)
        for topic, anchor in links
        for language in ("en", "zh-hans")
        if f'id="{anchor}"' not in (root / "console" / "help" / language / f"{topic}.html").read_text()
    }

    assert lost == set()
