"""Every page at two widths and in both themes: nothing overflows, and axe has nothing to say."""

import pytest
from playwright.sync_api import expect

from tests import hostile

OVERFLOW = "document.scrollingElement.scrollWidth - window.innerWidth"
TABS = ("overview", "files", "parameters", "dependencies", "checks", "config", "events")
TOPICS = ("import", "package", "config", "templates", "inference-code", "training", "mlflow", "storage")


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


def is_refused(ann, site):
    ann.page.goto("/imports/new/?name=1&version=x")
    ann.creates()
    expect(ann.page.locator("#problems")).to_be_visible()


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


PAGES = {
    "overview": goes("/"),
    "account menu": presses("/", ".header-user", ".menu-list a"),
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
    "delete as a page": goes("{version}delete/"),
    "edit as a page": goes("{version}edit/?field=documents"),
    "training jobs": goes("/training-jobs/"),
    "training jobs, nothing found": goes("/training-jobs/?q=nothing-like-it"),
    "training job": presses("{training}", ".run-said summary", ".run-entries"),
    "training job, delete": presses("{training}", ".page-actions [hx-get*=delete]", "dialog[open]"),
    "training job, delete as a page": goes("{training}delete/"),
    "training run": goes("/training-jobs/new/"),
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
    "help": goes("/help/"),
    **{f"help, {topic}": goes(f"/help/{topic}/") for topic in TOPICS},
    "password": goes("/accounts/password/"),
    "not found": goes("/nothing-here/"),
    "sign-in": signs_out,
}


@pytest.fixture(scope="package")
def site(library, visitor):
    """Addresses of things to look at: a good version and a failed one, with their jobs."""
    good, broken = library.put("shop"), library.put("shop-broken", config="// x\n{,}")
    bad = library.put("shop-hostile", files={"model.joblib": hostile.attack()})
    visitor.imports(good, "shop")
    model = visitor.page.url.rpartition("=")[2]
    version = visitor.address_when("Normal")
    visitor.imports(bad, "shop-hostile")
    failed = visitor.address_when("Failed")
    visitor.page.goto("/")
    job, failed_job = (visitor.address(f"{name} 0.0.1") for name in ("shop", "shop-hostile"))
    return {
        "training": enters_run(visitor, good),
        "good": good,
        "broken": broken,
        "model": model,
        "version": version,
        "failed": failed,
        "job": job,
        "failed_job": failed_job,
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
