import re
from decimal import Decimal

import pytest

from importers.models import ImportJob
from registry.config import Api, Dependency, Metric, ModelConfig, Payload, Requirement
from registry.findings import Finding, Severity, Where
from registry.models import InferenceSpec, Label, ModelDocument, Status, StoredFile
from registry.services import record_event
from tests.factories import make_bucket, make_version, make_workspace

CHINESE = {"Accept-Language": "zh-hans"}
HOSTILE = "<script>alert(1)</script>\u202e"
CONFIG = ModelConfig(
    engine="Scikit_Learn",
    metrics=(Metric("f1", 0.345294), Metric("accuracy", "0.123456789012345678"), Metric("loss", [1, "x"])),
    apis=(
        Api(
            request=Payload("multipart/form-data", {"type": "object", "properties": {"images": {"type": "file"}}}),
            response=Payload(
                "application/json",
                {"type": "object", "properties": {"scores": {"type": "array", "items": {"type": "number"}}}},
            ),
        ),
        Api(url="/goodbye", method="GET"),
    ),
    dependencies=(
        Dependency(
            "pip",
            (
                Requirement("Pillow", version="5.2.0", restraint="ATLEAST"),
                Requirement("h5py"),
                Requirement("numpy", version="1.15.0", restraint="EXACT"),
                Requirement("gym", extras=("atari",), version="0.9", restraint="ATMOST"),
            ),
        ),
    ),
)


def cells(text):
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.S)] for row in rows
    ]


def facts(text):
    pairs = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", text, re.DOTALL)
    return {re.sub(r"<[^>]+>", "", name): " ".join(re.sub(r"<[^>]+>", " ", value).split()) for name, value in pairs}


def test_overview_shows_what_is_known_of_the_version(as_developer):
    make_bucket("packages")
    version = make_version(
        "digits",
        (0, 1, 0),
        source_path="/packages/digits/",
        runtime="python3.6",
        has_inference_code=True,
        digest="a" * 64,
        size=1536,
        file_count=2,
        created_by_name="dev",
        description="Second try",
        config=CONFIG.as_dict(),
    )
    Label.objects.create(version=version, name="vision")
    ModelDocument.objects.create(version=version, name="Card", url="https://example.org/card")
    InferenceSpec.objects.create(version=version, cpu=Decimal("0.25"), memory=512)

    text = as_developer.get(f"/versions/{version.uuid}/").content.decode()
    shown = facts(text)

    assert shown["Name"] == "digits"
    assert shown["Labels"] == "vision"
    assert shown["Version"] == "0.1.0"
    assert shown["ID"] == str(version.uuid)
    assert shown["Size"] == "1.50 KB 2 files"
    assert shown["AI engine"] == "Scikit_Learn"
    assert shown["Runtime environment"] == "python3.6"
    assert shown["Deployment type"] == "Real-time / Batch / Edge"
    assert shown["Meta model source"] == "OBS /packages/digits/"
    assert shown["Inference code"] == "/packages/digits/model/customize_service.py"
    assert shown["Description"] == "Second try"
    assert shown["Model documents"] == "Card"
    assert shown["Digest"] == f"sha256:{'a' * 64}"
    assert shown["Created by"] == "dev"
    assert (shown["CPU"], shown["Memory"]) == ("0.25", "512 MiB")
    assert (shown["F1 score"], shown["Accuracy"], shown["loss"]) == (
        "0.345294",
        "0.12345678901234567",
        "[1, &#x27;x&#x27;]",
    )
    assert 'href="/storage/packages/?prefix=digits/"' in text


@pytest.mark.parametrize(
    ("scan", "shown"),
    [({}, "--"), ({"verdict": "clean"}, "Clean"), ({"verdict": "could-not-scan"}, "Could not be scanned")],
)
def test_overview_says_what_the_scan_came_to(as_developer, scan, shown):
    version = make_version(scan=scan)

    text = as_developer.get(f"/versions/{version.uuid}/").content.decode()

    assert facts(text)["File scan"] == shown


def test_overview_shows_a_scan_without_end_as_a_warning(as_developer):
    version = make_version(scan={"verdict": "could-not-scan"})

    text = as_developer.get(f"/versions/{version.uuid}/").content.decode()

    assert re.findall(r'href="\?tab=checks"><span class="status (\w+)"', text) == ["warn"]


def test_overview_speaks_chinese(as_developer):
    version = make_version(config=CONFIG.as_dict())

    shown = facts(as_developer.get(f"/versions/{version.uuid}/", headers=CHINESE).content.decode())

    assert list(shown)[:4] == ["名称", "标签", "状态", "版本"]
    assert shown["F1值"] == "0.345294"
    assert shown["部署类型"] == "在线服务 / 批量服务 / 边缘服务"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/packages/digits/model/", "/packages/digits/model/customize_service.py"),
        ("/packages/supermodel/", "/packages/supermodel/model/customize_service.py"),
        ("/packages/", "/packages/model/customize_service.py"),
    ],
)
def test_inference_code_lies_below_the_chosen_folder_or_its_parent(as_developer, path, code):
    version = make_version(source_path=path, has_inference_code=True)

    assert facts(as_developer.get(f"/versions/{version.uuid}/").content.decode())["Inference code"] == code


def test_source_of_a_bucket_that_is_gone_is_no_link(as_developer):
    version = make_version(source_path="/gone/digits/")

    text = as_developer.get(f"/versions/{version.uuid}/").content.decode()

    assert facts(text)["Meta model source"] == "OBS /gone/digits/"
    assert "/storage/gone/" not in text


def test_version_menu_switches_and_keeps_the_tab(as_developer):
    older = make_version("digits", (0, 0, 9))
    newer = make_version("digits", (0, 0, 10))

    text = as_developer.get(f"/versions/{older.uuid}/?tab=events").content.decode()

    assert re.findall(r'href="/versions/([^/]+)/\?tab=events"', text)[:2] == [str(newer.uuid), str(older.uuid)]


@pytest.mark.parametrize("tab", ["overview", "files", "parameters", "dependencies", "checks", "config", "events", "x"])
def test_every_tab_works_of_an_importing_version_and_as_a_part(as_developer, tab):
    version = make_version(status=Status.IMPORTING, engine="", deployment_types="")
    address = f"/versions/{version.uuid}/?tab={tab}"

    whole = as_developer.get(address).content.decode()
    part = as_developer.get(address, headers={"HX-Request": "true", "HX-Target": "version-tabs"}).content.decode()

    current = re.findall(r'id="tab-(\w+)"[^>]* aria-current="page"', whole)
    assert current == [tab if tab != "x" else "overview"]
    assert part.lstrip().startswith('<div class="version-tabs" id="version-tabs">')
    assert part.strip() in whole


def test_parameters_show_a_bar_for_each_api(as_developer):
    version = make_version(config=CONFIG.as_dict())

    text = as_developer.get(f"/versions/{version.uuid}/?tab=parameters").content.decode()

    assert re.findall(r'class="method (\w+)">(\w+)<', text) == [("post", "POST"), ("get", "GET")]
    assert re.findall(r'<bdi class="mono">(/\w*)</bdi>', text) == ["/", "/goodbye"]
    lines = re.findall(
        r'<(?:td|span)><bdi class="mono">(.*?)</bdi>\s*</(?:td|span)>\s*<(?:td|span)>\s*<bdi[^>]*>(\w+)<', text
    )
    assert lines == [("images", "file"), ("scores", "array"), ("[ ]", "number")]


def test_dependencies_show_constraints_in_words(as_developer):
    version = make_version(config=CONFIG.as_dict())
    address = f"/versions/{version.uuid}/?tab=dependencies"

    assert [row for row in cells(as_developer.get(address).content.decode()) if row] == [
        ["pip", "Pillow", "5.2.0", "current version or later &gt;= 5.2.0"],
        ["pip", "h5py", "", "--"],
        ["pip", "numpy", "1.15.0", "current version == 1.15.0"],
        ["pip", "gym[atari]", "0.9", "current version or earlier &lt;= 0.9"],
    ]
    assert [row[3] for row in cells(as_developer.get(address, headers=CHINESE).content.decode()) if row] == [
        "当前版本以上 &gt;= 5.2.0",
        "--",
        "当前版本 == 1.15.0",
        "当前版本以下 &lt;= 0.9",
    ]


def test_dependencies_and_parameters_of_an_empty_configuration(as_developer):
    version = make_version()

    dependencies = as_developer.get(f"/versions/{version.uuid}/?tab=dependencies").content.decode()
    parameters = as_developer.get(f"/versions/{version.uuid}/?tab=parameters", headers=CHINESE).content.decode()

    assert [row for row in cells(dependencies) if row] == [["--", "--", "--", "--"]]
    assert "暂无数据" in parameters


def test_files_are_searched_and_paged_by_path(as_developer):
    version = make_version(file_count=120)
    rows = [StoredFile(version=version, path=f"model/part-{n:03}.bin", size=2048, sha256="b" * 64) for n in range(120)]
    StoredFile.objects.bulk_create(rows)
    address = f"/versions/{version.uuid}/"

    def paths(text):
        return re.findall(r'primary-cell mono"><bdi>([^<]+)<', text)

    first = as_developer.get(f"{address}?tab=files").content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    second = as_developer.get(following).content.decode()
    found = as_developer.get(f"{address}?tab=files&q=PART-007").content.decode()

    assert paths(first) == [row.path for row in rows[:100]]
    assert paths(second) == [row.path for row in rows[100:]]
    assert paths(found) == ["model/part-007.bin"]
    assert re.findall(r'data-label="Size">([^<]+)<', found) == ["2.00 KB"]
    assert f'data-copy="{"b" * 64}"' in found
    assert "Show all files" in as_developer.get(f"{address}?tab=files&q=nothing%00").content.decode()


def test_checks_are_grouped_worst_first_with_their_places(as_developer):
    findings = [
        Finding("note", Severity.INFO, Where("model/config.json")),
        Finding("broken", Severity.ERROR, Where("model/customize_service.py", 3, 7)),
        Finding("doubtful", Severity.WARNING, Where("model/config.json", pointer="/apis/0/url")),
    ]
    scan = {
        "verdict": "review",
        "files": [
            {"path": "model/m.pkl", "verdict": "review", "reason_codes": [], "imports": ["numpy.ndarray", HOSTILE]},
            {"path": "model/config.json", "verdict": "clean", "reason_codes": [], "imports": []},
        ],
        "findings": [],
        "tools": {"picklescan": "1.0"},
    }
    version = make_version(findings=[finding.as_dict() for finding in findings], scan=scan)

    text = as_developer.get(f"/versions/{version.uuid}/?tab=checks").content.decode()

    assert re.findall(r'class="finding (\w+)"', text) == ["error", "warning", "info"]
    assert re.findall(r"<h3>(\w+) ", text) == ["Errors", "Warnings", "Notes"]
    assert "model/customize_service.py:3:7" in text
    assert "<bdi>/apis/0/url</bdi>" in text
    assert [re.sub(r"\s+", " ", row[0]) for row in cells(text) if row] == ["model/m.pkl"]
    assert "numpy.ndarray" in text
    assert "1 file is clean." in text
    assert "<script>alert" not in text


def test_config_shows_what_was_found_used_and_understood(as_developer):
    version = make_version(config_found='{"a": 1,}', config_used='{"a": 1}\n{}', config=CONFIG.as_dict())

    text = as_developer.get(f"/versions/{version.uuid}/?tab=config").content.decode()

    texts = re.findall(r'<pre class="listing-text" data-json>(.*?)</pre>', text, re.DOTALL)
    assert texts[:2] == ["{&quot;a&quot;: 1}\n{}", "{&quot;a&quot;: 1,}"]
    assert "&quot;model_type&quot;: &quot;Scikit_Learn&quot;" in texts[2]
    assert re.findall(r'listing-numbers" aria-hidden="true">(.*?)</pre>', text, re.DOTALL)[:2] == ["1\n2", "1"]


def test_config_as_found_is_shown_once_when_it_was_used(as_developer):
    version = make_version(config_found="{}", config_used="{}")

    text = as_developer.get(f"/versions/{version.uuid}/?tab=config").content.decode()

    assert text.count('class="listing-text"') == 1
    assert "As found in the source" not in text


def test_events_show_who_did_what_newest_first(as_developer, developer):
    version = make_version()
    record_event(version, "import.started", by=developer)
    record_event(version, "import.failed", abnormal=True)

    text = as_developer.get(f"/versions/{version.uuid}/?tab=events").content.decode()

    assert [row[:2] for row in cells(text) if row] == [["Abnormal", "Import failed"], ["Normal", "Import started"]]


def job_of(version, state):
    return ImportJob.objects.create(
        workspace=version.model.workspace,
        version=version,
        model_name=version.model.name,
        version_number=version.number,
        version_uuid=version.uuid,
        source_kind="obs",
        state=state,
    )


def test_failed_version_says_why_and_offers_to_retry(as_developer):
    finding = Finding("broken", Severity.ERROR)
    version = make_version(status=Status.FAILED, status_code="import.failed", findings=[finding.as_dict()])
    job = job_of(version, "failed")

    text = as_developer.get(f"/versions/{version.uuid}/").content.decode()

    assert "Import failed" in text
    assert "The check found 1 error in the package." in text
    assert f'action="/imports/{job.uuid}/retry/"' in text
    assert f'href="/imports/{job.uuid}/"' in text


def test_importing_version_shows_its_progress(as_developer):
    version = make_version(status=Status.IMPORTING)

    text = as_developer.get(f"/versions/{version.uuid}/").content.decode()

    assert f'hx-get="/imports/of/{version.uuid}/"' in text


def test_viewer_sees_no_controls(client, viewer):
    version = make_version(status=Status.FAILED)
    job_of(version, "failed")
    client.force_login(viewer)

    text = client.get(f"/versions/{version.uuid}/").content.decode()

    assert "/edit/" not in text
    assert "/delete/" not in text
    assert "/retry/" not in text


def test_version_of_another_workspace_does_not_exist(as_developer):
    version = make_version(workspace=make_workspace("elsewhere"))

    assert as_developer.get(f"/versions/{version.uuid}/").status_code == 404


def test_page_escapes_and_isolates_every_field(as_developer):
    version = make_version(
        HOSTILE,
        engine=HOSTILE[:30],
        runtime=HOSTILE,
        description=HOSTILE,
        source_path=HOSTILE,
        created_by_name=HOSTILE,
        config_used=HOSTILE,
        has_inference_code=True,
        config=ModelConfig(
            metrics=(Metric(HOSTILE, HOSTILE),),
            apis=(Api(HOSTILE, HOSTILE, HOSTILE, Payload(HOSTILE, {"properties": {HOSTILE: {"type": HOSTILE}}})),),
            dependencies=(Dependency(HOSTILE, (Requirement(HOSTILE, version=HOSTILE),)),),
        ).as_dict(),
    )
    Label.objects.create(version=version, name=HOSTILE)
    StoredFile.objects.create(version=version, path=HOSTILE, size=1, sha256="c" * 64)

    for tab in ("overview", "files", "parameters", "dependencies", "config"):
        text = as_developer.get(f"/versions/{version.uuid}/?tab={tab}").content.decode()

        assert "<script>alert" not in text
        assert "<bdi>&lt;script&gt;" in text


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("tab", "queries"), [("overview", 11), ("files", 7), ("events", 7), ("checks", 6)])
def test_page_asks_the_same_queries_for_any_number_of_rows(
    as_developer, tab, queries, count, django_assert_num_queries
):
    versions = [make_version("digits", (0, 0, number), source_path="/packages/digits/") for number in range(count)]
    for number in range(count):
        StoredFile.objects.create(version=versions[0], path=f"{number}", size=1, sha256="d" * 64)
        Label.objects.create(version=versions[0], name=f"l{number}")
        record_event(versions[0], "import.started")

    with django_assert_num_queries(queries):
        as_developer.get(f"/versions/{versions[0].uuid}/?tab={tab}")
