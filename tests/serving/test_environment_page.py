import pytest
from celery import current_app
from django.utils.timezone import now

from accounts.models import AuditEvent
from registry.models import ModelVersion, Status
from registry.services import record_event
from serving.models import Environment, EnvironmentState, Overlay, VersionEnvironment
from serving.services_environments import prepare_version_again, take_as_declared, take_instead
from tests.factories import make_member, make_version, make_workspace
from tests.serving.wheels import codes, config_of, fresh

CHINESE = {"Accept-Language": "zh-hans"}
LOCK = f"six==1.17.0 \\\n    --hash=sha256:{'a' * 64}\n"
NUMPY = {"name": "numpy", "declared": "numpy==1.15.4", "taken": "numpy==1.23.2"}
SIX = {"name": "six", "declared": "six==99", "taken": "six==1.17.0"}


@pytest.fixture(autouse=True)
def rung(monkeypatch, settings):
    calls = []
    settings.VERSION_PREPARER = "serving.prepare"
    monkeypatch.setattr(current_app, "send_task", lambda *call, **options: calls.append(call))
    return calls


@pytest.fixture
def failed(db):
    """A version whose build failed because two pins cannot exist."""
    params = {"requirements": "numpy==1.15.4, six==99", "interpreter": "CPython 3.11.7"}
    version = make_version(
        status=Status.BUILD_FAILED,
        digest="d" * 64,
        runtime="python3.6",
        config=config_of("numpy==1.15.4", "six==99").as_dict(),
        status_code="build.not_here",
        status_params=params,
    )
    VersionEnvironment.objects.create(
        version=version,
        requirements=["numpy==1.15.4", "six==99"],
        proposals=[NUMPY, SIX],
        log="No solution found <script>",
    )
    return version


@pytest.fixture
def built(db):
    """A version with an environment that is ready."""
    version = make_version(digest="d" * 64, runtime="python3.6")
    environment = Environment.objects.create(
        digest="e" * 64,
        lock=LOCK,
        interpreter="CPython 3.11.7",
        state=EnvironmentState.READY,
        size=1024**2,
        seconds=2.54,
        used_at=now(),
    )
    VersionEnvironment.objects.create(version=version, environment=environment, requirements=["six"])
    return version


def took(version, person, *difference):
    """An overlay as if somebody had chosen it."""
    return Overlay.objects.create(
        version=version, difference=difference, created_by=person, created_by_name=person.username
    )


def page(version):
    return f"/versions/{version.uuid}/environment/"


def text_of(answer):
    return " ".join(answer.content.decode().split())


def test_page_shows_what_a_version_runs_in(as_developer, built):
    text = text_of(as_developer.get(page(built)))

    assert "<dt>Declared runtime</dt><dd><bdi>python3.6</bdi></dd>" in text
    assert "<dt>Interpreter used</dt><dd><bdi>CPython 3.11.7</bdi></dd>" in text
    assert "<dt>Build time</dt><dd>2.5 s</dd>" in text
    assert "<dt>Size</dt><dd>1.00 MB</dd>" in text
    assert "<code>six</code>" in text
    assert f"--hash=sha256:{'a' * 64}" in text


def test_page_says_it_in_chinese(as_developer, built):
    text = text_of(as_developer.get(page(built), headers=CHINESE))

    assert "<dt>声明的运行环境</dt><dd><bdi>python3.6</bdi></dd>" in text
    assert "<dt>实际使用的解释器</dt><dd><bdi>CPython 3.11.7</bdi></dd>" in text


def test_page_of_a_version_that_was_never_built_says_so(as_developer):
    version = make_version()

    assert "No environment has been built for this version." in text_of(as_developer.get(page(version)))


def test_page_of_an_engine_that_cannot_run_here_says_why(as_developer):
    version = make_version(engine="MXNet", proof="cannot_run_here", proof_code="cannot_run.retired_engine")

    assert "This engine has no release for a current Python." in text_of(as_developer.get(page(version)))


def test_page_offers_what_could_be_taken_instead(as_developer, failed):
    text = text_of(as_developer.get(page(failed)))

    assert "There is no ready-made build for CPython 3.11.7 of: numpy==1.15.4, six==99." in text
    assert "Take <code>numpy==1.23.2</code> instead of <code>numpy==1.15.4</code>" in text
    assert text.count('name="take"') == 2
    assert " checked" not in text
    assert "No solution found &lt;script&gt;" in text


def test_page_says_why_something_later_than_the_nearest_is_offered(as_developer, failed):
    raised = {**NUMPY, "name": "pandas", "taken": "pandas==2.2.2", "nearest": "pandas==1.5.0", "numpy": "2.4.6"}
    VersionEnvironment.objects.update(proposals=[raised, SIX])

    english = text_of(as_developer.get(page(failed)))
    chinese = text_of(as_developer.get(page(failed), headers=CHINESE))

    told = "The nearest one, pandas==1.5.0, was made for numpy 1 and does not load beside numpy 2.4.6"
    assert english.count(told) == 1
    assert "最接近的 pandas==1.5.0 是为 numpy 1 构建的，无法与 numpy 2.4.6 一起加载" in chinese


def test_page_says_which_proposals_were_taken_before_and_failed(as_developer, failed, developer):
    took(failed, developer, SIX | {"taken": "six==1.0"}, NUMPY)
    record_event(failed, "import.failed", abnormal=True, reason="build.bug", reason_params={"id": "abc"})
    took(failed, developer)
    record_event(failed, "build.failed", abnormal=True, reason="build.installer", reason_params={"installer": "apt"})

    english = text_of(as_developer.get(page(failed)))
    chinese = text_of(as_developer.get(page(failed), headers=CHINESE))

    assert english.count("Taken before, and it failed:") == 1
    told = english.partition("Take <code>numpy==1.23.2</code>")[2].partition("</label>")[0]
    assert "Taken before, and it failed: Building failed for a reason of ours." in told
    assert " checked" not in english
    assert chinese.count("以前采用过，但失败了：") == 1


def test_a_failure_names_what_was_taken_instead_of_what_is_declared(as_developer, failed, developer):
    VersionEnvironment.objects.update(overlay=took(failed, developer, NUMPY), proposals=[])
    ModelVersion.objects.update(status=Status.FAILED)
    told = "<code>numpy==1.23.2</code> was taken instead of <code>numpy==1.15.4</code>."

    pages = [text_of(as_developer.get(address)) for address in (page(failed), f"/versions/{failed.uuid}/")]
    chinese = text_of(as_developer.get(page(failed), headers=CHINESE))

    assert [told in text for text in pages] == [True, True]
    assert "采用了 <code>numpy==1.23.2</code>，而不是 <code>numpy==1.15.4</code>。" in chinese


def test_a_failure_with_everything_as_declared_names_nothing(as_developer, failed):
    assert "was taken instead of" not in text_of(as_developer.get(page(failed)))


@pytest.mark.parametrize(("lease", "waits"), [(None, True), (now(), False)])
def test_a_version_in_the_queue_is_said_to_wait_for_the_builder(as_developer, failed, lease, waits):
    ModelVersion.objects.update(status=Status.BUILDING, lease_until=lease)
    told = "It waits for the builder."

    shown = text_of(as_developer.get(page(failed)))
    card = text_of(as_developer.get(f"/versions/{failed.uuid}/"))
    part = text_of(as_developer.get(f"/versions/{failed.uuid}/status/?told=1"))
    badge = text_of(as_developer.get(f"/versions/{failed.uuid}/status/"))

    assert [told in text for text in (shown, part, badge)] == [waits, waits, False]
    assert ("Waits for the builder" in card, "Being built" in card) == (waits, not waits)
    assert "/status/?told=1" in part


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.BUILD_FAILED, "Could not be built"),
        (Status.NORMAL, "None yet. It is built when the version is proved or deployed."),
    ],
)
def test_overview_says_what_became_of_an_environment_that_is_not_there(as_developer, failed, status, told):
    ModelVersion.objects.update(status=status)

    text = text_of(as_developer.get(f"/versions/{failed.uuid}/"))

    card = text.partition('id="environment-title"')[2].partition("</section>")[0]
    words = ["Could not be built", "None yet. It is built when the version is proved or deployed."]
    assert [each for each in words if each in card] == [told]


def test_page_asks_the_same_queries_with_any_number_of_overlays(
    as_developer, failed, developer, django_assert_num_queries
):
    as_developer.get(page(failed))
    for _ in range(3):
        with django_assert_num_queries(8):
            as_developer.get(page(failed))
        Overlay.objects.create(version=failed, difference=[NUMPY], created_by=developer, created_by_name="dev")


def test_overview_shows_the_environment_in_short(as_developer, built):
    text = text_of(as_developer.get(f"/versions/{built.uuid}/"))

    assert "<dt>Interpreter used</dt><dd><bdi>CPython 3.11.7</bdi></dd>" in text
    assert "<dt>Locked packages</dt><dd>1</dd>" in text


def test_a_failed_build_leads_to_its_proposals_and_to_a_retry(as_developer, failed):
    text = text_of(as_developer.get(f"/versions/{failed.uuid}/"))

    assert f'href="{page(failed)}">See what could be taken instead</a>' in text
    assert f'action="/versions/{failed.uuid}/prepare/"' in text


def test_lock_is_downloaded_as_requirements(as_developer, built):
    answer = as_developer.get(f"{page(built)}lock/")

    assert answer.content.decode() == LOCK
    assert answer["Content-Disposition"] == 'attachment; filename="digits-0.0.1-requirements.txt"'


def test_lock_of_a_version_without_one_is_not_there(as_developer, failed):
    assert as_developer.get(f"{page(failed)}lock/").status_code == 404


def test_taking_something_instead_is_recorded_and_builds_again(
    as_developer, failed, rung, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_developer.post(page(failed), {"take": ["numpy"]})

    assert answer["Location"] == f"/versions/{failed.uuid}/"
    overlay = Overlay.objects.get()
    assert (overlay.difference, overlay.created_by_name) == ([NUMPY], "dev")
    assert fresh(failed).status == Status.BUILDING
    assert rung == [("serving.prepare", [failed.pk])]
    assert codes(failed) == ["build.requested", "overlay.chosen"]
    assert failed.events.first().message == "Taken instead of what is declared: numpy==1.15.4 → numpy==1.23.2"
    audit = AuditEvent.objects.get(code="overlay.chosen")
    assert audit.params == {"name": "digits", "version": "0.0.1", "taken": ["numpy==1.15.4 → numpy==1.23.2"]}


def test_a_later_choice_keeps_the_earlier_one(failed, developer):
    Overlay.objects.create(version=failed, difference=[NUMPY], created_by=developer, created_by_name="dev")

    overlay = take_instead(failed, ["six"], by=developer)

    assert overlay.difference == [NUMPY, SIX]


def test_taking_nothing_says_so_and_keeps_the_page(as_developer, failed):
    answer = as_developer.post(page(failed), {})

    assert answer.status_code == 422
    assert "Tick at least one." in text_of(answer)
    assert not Overlay.objects.exists()


def test_taking_what_nobody_proposed_is_refused(as_developer, failed):
    answer = as_developer.post(page(failed), {"take": ["numpy", "--index-url https://example.com"]})

    assert answer.status_code == 422
    assert "These proposals have changed meanwhile" in text_of(answer)
    assert 'value="numpy" checked' in text_of(answer)
    assert fresh(failed).status == Status.BUILD_FAILED


def test_taking_something_instead_for_a_version_that_did_not_fail_changes_nothing(failed, developer):
    failed.status = Status.NORMAL
    failed.save(update_fields=["status"])

    assert take_instead(failed, ["numpy"], by=developer) is None
    assert not Overlay.objects.exists()


def test_going_back_to_what_is_declared_is_recorded(as_developer, failed, developer):
    Overlay.objects.create(version=failed, difference=[NUMPY], created_by=developer, created_by_name="dev")

    as_developer.post(f"/versions/{failed.uuid}/prepare/", {"declared": "1"})

    assert failed.overlays.first().difference == []
    assert codes(failed) == ["build.requested", "overlay.withdrawn"]
    assert AuditEvent.objects.filter(code="overlay.withdrawn").count() == 1


def test_going_back_needs_an_overlay(failed, developer):
    assert take_as_declared(failed, by=developer) is False
    assert fresh(failed).status == Status.BUILD_FAILED


def test_building_again_is_recorded(failed, developer):
    assert prepare_version_again(failed, by=developer) is True
    assert prepare_version_again(failed, by=developer) is False
    assert AuditEvent.objects.filter(code="version.prepared_again").count() == 1


def test_a_viewer_sees_proposals_but_cannot_take_them(client, viewer, failed):
    client.force_login(viewer)

    text = text_of(client.get(page(failed)))

    assert "Developers and administrators of the workspace can decide this." in text
    assert "<fieldset disabled>" in text
    assert client.post(page(failed), {"take": ["numpy"]}).status_code == 403
    assert client.post(f"/versions/{failed.uuid}/prepare/").status_code == 403


def test_another_workspace_has_no_such_page(client, failed):
    client.force_login(make_member("far", "admin", make_workspace("elsewhere")))

    addresses = [page(failed), f"{page(failed)}lock/"]
    assert [client.get(address).status_code for address in addresses] == [404, 404]
    assert client.post(f"/versions/{failed.uuid}/prepare/").status_code == 404


@pytest.fixture
def older(db):
    """Normal, and imported before there were environments."""
    return make_version(digest="d" * 64, config=config_of("six").as_dict())


def test_a_normal_version_without_an_environment_offers_to_build_one(
    as_developer, older, rung, django_capture_on_commit_callbacks
):
    shown = text_of(as_developer.get(page(older)))
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_developer.post(f"/versions/{older.uuid}/prepare/")
    followed = text_of(as_developer.get(page(older)))

    assert "Build its environment" in shown
    assert answer["Location"] == page(older)
    assert rung == [("serving.make_environment", [older.pk])]
    assert "Its environment waits for the builder" in followed
    assert "Build its environment" not in followed
    assert AuditEvent.objects.get(code="version.prepared_again").actor_name == "dev"


def test_asking_for_an_environment_that_is_being_built_begins_nothing(as_developer, older):
    as_developer.post(f"/versions/{older.uuid}/prepare/")

    answer = as_developer.post(f"/versions/{older.uuid}/prepare/", follow=True)

    assert [str(message) for message in answer.context["messages"]][-1].startswith("Nothing was begun")
    assert codes(older) == ["environment.requested"]


def test_the_part_that_polls_ends_with_the_build(as_developer, older):
    VersionEnvironment.objects.create(version=older, making="building", lease_until=now())
    part = {"HX-Request": "true", "HX-Target": "making"}

    polling = text_of(as_developer.get(page(older), headers=part))
    VersionEnvironment.objects.update(making="")
    ended = text_of(as_developer.get(page(older), headers=part))

    assert ("hx-trigger" in polling, "hx-trigger" in ended) == (True, False)
    assert "Its environment is being built" in polling
    assert ended.startswith('<span class="live-status" id="making">')


def test_an_environment_that_could_not_be_made_is_told_in_both_languages(as_developer, older):
    reason = {"reason_code": "build.package_unknown", "reason_params": {"requirements": "sixx"}}
    VersionEnvironment.objects.create(version=older, making="failed", proposals=[SIX], **reason)

    english = text_of(as_developer.get(page(older)))
    chinese = text_of(as_developer.get(page(older), headers=CHINESE))

    assert "The environment could not be built. The version stays Normal." in english
    assert "The package index has no package of this name: sixx." in english
    assert "Take these and build again" in english
    assert "环境构建失败。版本状态保持“正常”。" in chinese


def test_viewers_are_offered_no_build(client, viewer, older):
    client.force_login(viewer)

    text = text_of(client.get(page(older)))
    answer = client.post(f"/versions/{older.uuid}/prepare/")

    assert "Build its environment" not in text
    assert (answer.status_code, VersionEnvironment.objects.exists()) == (403, False)


def test_an_engine_that_cannot_run_here_is_offered_no_build(as_developer):
    version = make_version(digest="d" * 64, engine="MindSpore")

    text = text_of(as_developer.get(page(version)))
    as_developer.post(f"/versions/{version.uuid}/prepare/")

    assert "Build its environment" not in text
    assert not VersionEnvironment.objects.exists()
