"""Every page at two widths and in both themes: nothing overflows, and axe has nothing to say."""

import pytest
from playwright.sync_api import expect

from console.help import TOPICS
from tests import hostile
from tests.journeys.serving import FAILED, has_environment, is_called, is_not_built, is_proved, observes
from tests.oci_registry import PASSWORD, USER

OVERFLOW = "document.scrollingElement.scrollWidth - window.innerWidth"
TABS = ("overview", "files", "parameters", "dependencies", "checks", "config", "events")
SERVICE_TABS = ("usage", "prediction", "monitoring", "configuration", "events", "logs")
DESKS = (
    "registry/review",
    "registry/modelversion",
    "registry/registeredmodel",
    "importers/importjob",
    "stores/bucket",
    "stores/upload",
    "stores/registryconnection",
    "registry/exportjob",
    "accounts/invitation",
    "accounts/apitoken",
    "accounts/workspace",
    "accounts/user",
    "accounts/auditevent",
)


def goes(address):
    return lambda ann, site: ann.page.goto(address.format(**site))


def presses(address, selector, sight):
    """Opens something on a page by pressing what the selector names."""

    def open_it(ann, site):
        ann.page.goto(address.format(**site))
        ann.page.locator(selector).first.click()
        expect(ann.page.locator(sight).first).to_be_visible()

    return open_it


def shows_findings_and_editor(ann, site):
    presses("/imports/new/?path={broken}", "[data-jump-line]", "#id_config_text")(ann, site)
    expect(ann.page.locator("#id_config_text")).not_to_have_value("")


def finds_image(ann, site):
    """With everything unfolded that the source has."""
    presses("/imports/new/?source=image&image={address}/team/iris:1.0", "[name=example]", "#id_config_text")(ann, site)
    expect(ann.page.locator("#check-verdict .status.good")).to_be_visible()
    ann.page.locator("#id_health").check()
    expect(ann.page.locator("#id_health_url")).to_be_visible()


def sees_image(ann, site):
    goes("{pinned}")(ann, site)
    expect(ann.page.locator("#image-fate .status")).to_be_visible()


def is_refused(ann, site):
    ann.page.goto("/imports/new/?name=1&version=x")
    ann.creates()
    expect(ann.page.locator("#problems")).to_be_visible()


def is_shown_a_secret(address, name):
    """Makes something whose secret is shown once."""

    def make(ann, site):
        ann.page.goto(address)
        ann.page.locator(f"[name={name}]").fill("every page")
        ann.page.locator("main button[type=submit]").click()
        expect(ann.page.locator(".shown-once")).to_be_visible()

    return make


def follows_an_invitation(ann, site):
    is_shown_a_secret("/workspace/members/invite/", "note")(ann, site)
    link = ann.page.locator(".secret code").inner_text()
    if site.get("signed_out"):
        ann.page.context.clear_cookies()
    ann.page.goto(link)


def follows_an_invitation_signed_out(ann, site):
    follows_an_invitation(ann, site | {"signed_out": True})


def opens_first(desk):
    """The page of the first row of a list at the desk; some are forms."""

    def open_it(ann, site):
        ann.page.goto(f"/admin/{desk}/?review=all" if desk.endswith("review") else f"/admin/{desk}/")
        link = ann.page.locator("#result_list tbody a").first
        if link.count():
            ann.page.goto(link.get_attribute("href"))

    return open_it


def chooses_all(ann, site):
    ann.page.goto("/admin/registry/review/")
    ann.page.locator("#action-toggle").check()
    ann.page.locator("select[name=action]").select_option("reject_selected")
    ann.page.locator("button[name=index]").click()
    expect(ann.page.locator(".desk-narrow")).to_be_visible()


def is_refused_a_deployment(ann, site):
    """With two environment variables, one of which nobody may set."""
    ann.page.goto(f"/services/new/real-time/?version={site['version'].split('/')[-2]}")
    ann.page.locator("#id_name").fill("a b")
    ann.page.locator("[data-document-add]").click()
    ann.page.locator("#id_variables-0-name").fill("PATH")
    ann.page.locator("#deploy").click()
    expect(ann.page.locator("#problems")).to_be_visible()


def deploys(ann, version, name):
    """Where the new service stands."""
    ann.page.goto(f"/services/new/real-time/?version={version.split('/')[-2]}")
    ann.page.locator("#id_name").fill(name)
    ann.page.locator("#deploy").click()
    ann.page.wait_for_url("**/services/*-*/")
    return ann.page.url


def signs_out(ann, site):
    ann.page.context.clear_cookies()
    ann.page.goto("/accounts/login/?next=/models/")


def enters_run(ann, path):
    """Where the job of the run stands."""
    ann.page.goto("/training-jobs/new/")
    ann.page.locator("#id_job").fill("shop-training")
    ann.page.locator("#id_output_path").fill(path)
    ann.page.locator("#id_metrics").fill("accuracy = 0.97")
    ann.page.locator("#id_parameters").fill("depth = 3")
    ann.button("Add", exact=True).click()
    ann.page.wait_for_url("**/training-jobs/*-*/#V0001")
    return ann.page.url.partition("#")[0]


def updates_a_run(ann, site):
    """One whose output nobody said; told once, whichever page asks for it first."""
    ann.page.goto("/training-jobs/new/")
    for name in ("job", "external_id"):
        ann.page.locator(f"#id_{name}").fill("unfinished")
    ann.page.locator(".training-form button[type=submit]").click()
    ann.page.wait_for_url("**/training-jobs/*-*/#V0001")
    ann.page.locator("a[href*='/training-jobs/new/?run=']").click()
    expect(ann.page.locator("#id_job")).to_be_disabled()


PAGES = {
    "overview": goes("/"),
    "account menu": presses("/", ".header-user", "details[open] .menu-list a"),
    "shortcuts": lambda ann, site: ann.page.keyboard.press("?"),
    "list": goes("/models/"),
    "list, a row open": goes("/models/?open={model}"),
    "list, nothing found": goes("/models/?q=nothing-like-it"),
    "list, editing": presses("/models/?open={model}", ".version-row [data-edit]", "[data-editing]"),
    "versions": goes("/models/{model}/versions/"),
    "import form": goes("/imports/new/"),
    "import form, importable": goes("/imports/new/?path={good}"),
    "import form, findings and editor": shows_findings_and_editor,
    "import form, refused": is_refused,
    "import form, template": goes("/imports/new/?source=template"),
    "import form, template chosen": goes(
        "/imports/new/?source=template&template=own-sklearn&mode=undefined&path={good}"
    ),
    "import form, template refused": goes(
        "/imports/new/?source=template&template=tf-image-classification-py27&path={good}"
    ),
    "import form, image": goes("/imports/new/?source=image"),
    "import form, image found": finds_image,
    "import form, image refused": goes("/imports/new/?source=image&image={address}/team/iris:none"),
    "version, image": sees_image,
    "image of a version": goes("{pinned}image/"),
    "proof of a version": goes("{version}proof/"),
    "proof of a version, the one that failed": presses(
        "{version}proof/", "#version-proof .disclosure summary", "#version-proof .disclosure[open]"
    ),
    "version that was not built": goes("{not_built}"),
    "environment that was not built": goes("{not_built}environment/"),
    "template rules": presses("/imports/new/?source=template", ".template-card .help-mark", "dialog[open]"),
    "templates": goes("/model-templates/"),
    "templates, nothing found": goes("/model-templates/?q=nothing-like-it"),
    "template": goes("/model-templates/tf-image-classification-py27/"),
    "picker": presses("/imports/new/", "[value=path].picker-button", "#picker .picker-row"),
    "picker as a page": goes("/storage/library/?pick=folder&field=id_path&next=/imports/new/"),
    "job": goes("{job}"),
    "failed job": goes("{failed_job}"),
    **{f"version, {tab}": goes(f"{{version}}?tab={tab}") for tab in TABS},
    "failed version": goes("{failed}"),
    "failed version, checks": goes("{failed}?tab=checks"),
    "version, delete": presses("{version}", ".page-actions [hx-get*=delete]", "dialog[open]"),
    "version, export": presses("{version}", ".page-actions [hx-get*=export]", "dialog[open]"),
    "export as a page": goes("{version}export/form/"),
    "export job": goes("{export}"),
    "delete as a page": goes("{version}delete/"),
    "environment of a version": goes("{version}environment/"),
    "edit as a page": goes("{version}edit/?field=documents"),
    "training jobs": goes("/training-jobs/"),
    "training jobs, nothing found": goes("/training-jobs/?q=nothing-like-it"),
    "training job": presses("{training}", ".run-said summary", ".run-entries"),
    "training job, delete": presses("{training}", ".page-actions [hx-get*=delete]", "dialog[open]"),
    "training job, delete as a page": goes("{training}delete/"),
    "training run": goes("/training-jobs/new/"),
    "training run, update": updates_a_run,
    "training run, built-in": presses("/training-jobs/new/", "[name=kind][value=built-in]", "#id_algorithm"),
    "import form, training job": goes("/imports/new/?source=training"),
    "MLflow connections": goes("/training-jobs/connections/"),
    "new MLflow connection": goes("/training-jobs/connections/new/"),
    "storage": goes("/storage/"),
    "new bucket": goes("/storage/-/new/"),
    "new bucket at object storage": goes("/storage/-/new/?kind=s3"),
    "new folder": presses("/storage/library/", ".page-actions [hx-get*=folder]", "dialog[open]"),
    "new folder as a page": goes("/storage/library/folder/"),
    "rename": presses("/storage/library/", ".browser-operations [hx-get*=rename]", "dialog[open]"),
    "bucket": goes("/storage/library/"),
    "folder": goes("/storage/library/?prefix=shop/model/"),
    "upload": presses("/storage/library/", "[data-dialog-open='#upload']", "dialog[open]"),
    "upload as a page": goes("/storage/library/upload/"),
    "delete files": presses("/storage/library/", ".browser-operations [hx-get*=delete]", "dialog[open]"),
    "registries": goes("/registries/"),
    "connect registry": goes("/registries/new/"),
    "edit connection": goes("{registry}edit/"),
    "remove connection": presses("/registries/", ".browser-operations [hx-get*=remove]", "dialog[open]"),
    "registry": goes("{registry}"),
    "registry, nothing found": goes("{registry}?q=nothing-like-it"),
    "repository": goes("{registry}?repository=team/iris"),
    "image": goes("{registry}?repository=team/iris&tag=1.0"),
    "image picker": goes("/registries/?pick=image&field=id_image&next=/imports/new/"),
    "image picker, tags": goes("{registry}?repository=team/iris&pick=image&field=id_image&next=/imports/new/"),
    "image picker, image": goes("{registry}?repository=team/iris&tag=1.0&pick=image&field=id_image"),
    "services": goes("/services/real-time/"),
    "services, nothing found": goes("/services/real-time/?q=nothing-like-it"),
    "services, more": presses("/services/real-time/", ".service-row .menu summary", "details[open] .menu-list a"),
    "services, editing": presses("/services/real-time/", ".service-row [data-edit]", "[data-editing]"),
    "services, stopping": presses("/services/real-time/", ".service-row [hx-get$='/stop/']", "dialog[open]"),
    "version, deploy": presses("{version}", ".page-actions .menu .primary", "details[open] .menu-list a"),
    "deploy form": goes("/services/new/real-time/"),
    "deploy form, version": lambda ann, site: ann.page.goto(
        f"/services/new/real-time/?version={site['version'].split('/')[-2]}"
    ),
    "deploy form, refused": is_refused_a_deployment,
    **{f"service, {tab}": goes(f"{{service}}?tab={tab}") for tab in SERVICE_TABS},
    "service without JSON editor": goes("{service}predict/?way=form"),
    "service, monitored longer": goes("{service}?tab=monitoring&range=12"),
    "service, automatic stop": presses("{service}", "[hx-get*=auto-stop]", "dialog[open]"),
    "service, delete": presses("{service}", ".page-actions [hx-get*=delete]", "dialog[open]"),
    "service, delete as a page": goes("{service}delete/"),
    "service, stop as a page": goes("{service}stop/"),
    "service, edit as a page": goes("{service}edit/"),
    "service, automatic stop as a page": goes("{service}auto-stop/"),
    "deploying service": goes("{deploying}"),
    "failed service": goes("{failed_service}"),
    "help": goes("/help/"),
    **{f"help, {topic}": goes(f"/help/{topic}/") for topic in TOPICS},
    "password": goes("/accounts/password/"),
    "workspace menu": presses("/", ".header-workspace", "details[open] .menu-list a"),
    "members": goes("/workspace/members/"),
    "members, nobody found": goes("/workspace/members/?q=nobody-like-it"),
    "members, removing": presses("/workspace/members/", ".operations [hx-get*=remove]", "dialog[open]"),
    "members, inviting": presses("/workspace/members/", ".page-actions [hx-get*=invite]", "dialog[open]"),
    "members, an invitation made": is_shown_a_secret("/workspace/members/invite/", "note"),
    "invitation": follows_an_invitation,
    "invitation that is not open": goes("/invitations/none/"),
    "tokens": goes("/workspace/tokens/"),
    "tokens, one made": is_shown_a_secret("/workspace/tokens/new/", "name"),
    "tokens, making one": presses("/workspace/tokens/", ".page-actions [hx-get*=new]", "dialog[open]"),
    "tokens, revoking": presses("/workspace/tokens/", ".operations [hx-get*=revoke]", "dialog[open]"),
    "policies": goes("/workspace/policies/"),
    "audit": goes("/workspace/audit/"),
    "audit, nothing found": goes("/workspace/audit/?who=nobody"),
    "new workspace": goes("/workspace/new/"),
    "desk": goes("/admin/"),
    "desk, one application": goes("/admin/accounts/"),
    **{f"desk, {desk}": goes(f"/admin/{desk}/") for desk in DESKS},
    **{f"desk, one of {desk}": opens_first(desk) for desk in DESKS},
    "desk, nothing found": goes("/admin/registry/review/?q=nothing-like-it"),
    "desk, a filter open": presses("/admin/registry/review/", ".desk-filter summary", ".desk-filter .menu-list a"),
    "desk, several chosen": chooses_all,
    "desk, new workspace": goes("/admin/accounts/workspace/add/"),
    "desk, new person": goes("/admin/accounts/user/add/"),
    "desk, new bucket": goes("/admin/stores/bucket/add/"),
    "desk, deleting": goes("/admin/accounts/workspace/1/delete/"),
    "desk, history": goes("/admin/accounts/workspace/1/history/"),
    "desk, new password": goes("/admin/accounts/user/1/password/"),
    "not found": goes("/nothing-here/"),
    "invitation, signed out": follows_an_invitation_signed_out,
    "sign-in": signs_out,
}


@pytest.fixture(scope="package")
def site(console, library, visitor, passwords):
    """Addresses of things to look at: a good version and a failed one, with their jobs; services in three states."""
    good, broken = library.put("shop"), library.put("shop-broken", config="// x\n{,}")
    bad = library.put("shop-hostile", files={"model.joblib": hostile.attack()})
    visitor.imports(good, "shop")
    model = visitor.page.url.rpartition("=")[2]
    version = visitor.address_when("Normal")
    visitor.imports(bad, "shop-hostile")
    failed = visitor.address_when("Failed")
    visitor.page.goto(f"{version}export/form/")
    visitor.page.locator("#id_folder").fill("/library/exports/")
    visitor.button("Save to a bucket").last.click()
    expect(visitor.page.locator("#export-folder")).to_be_visible()
    export = visitor.page.url
    visitor.requests_review(version)
    visitor.page.goto("/")
    job, failed_job = (visitor.address(f"{name} 0.0.1") for name in ("shop", "shop-hostile"))
    passwords.push_index("team/iris", "1.0", ["linux/amd64", "linux/arm64/v8"])
    registry = visitor.connects_registry("lab", passwords.address, USER, PASSWORD)
    pinned = visitor.imports_image(f"{passwords.address}/team/iris:1.0", "iris")
    has_environment(console, version)
    service, failed_service, deploying = (deploys(visitor, version, f"service-{name}") for name in "abc")
    is_proved(console, version)
    visitor.imports(library.put("shop-unbuilt"), "shop-unbuilt")
    not_built = visitor.address_when("Normal")
    is_not_built(console, not_built)
    observes(console, service, state="ready")
    is_called(console, service)
    observes(console, failed_service, **FAILED)
    return {
        "service": service,
        "failed_service": failed_service,
        "deploying": deploying,
        "not_built": not_built,
        "registry": registry,
        "address": passwords.address,
        "pinned": pinned,
        "good": good,
        "broken": broken,
        "model": model,
        "version": version,
        "failed": failed,
        "job": job,
        "failed_job": failed_job,
        "export": export,
        "training": enters_run(visitor, good),
    }


@pytest.mark.parametrize(("language", "width", "theme"), [("en", 1280, "light"), ("zh", 390, "dark")])
def test_page_fits_and_is_accessible(sign_in, site, violations_of, language, width, theme):
    ann = sign_in(language, width=width, theme=theme)
    wrong = {}

    for name, opens in PAGES.items():
        opens(ann, site)
        overflow = ann.page.evaluate(OVERFLOW)
        if overflow > 0 or (said := violations_of(ann.page)):
            wrong[name] = f"{overflow} px too wide" if overflow > 0 else said

    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
