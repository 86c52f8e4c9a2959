"""`manage.py seed_demo`: trains two small models and imports them the way a click does, one also by a template."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User, Workspace
from accounts.roles import Role
from console.demo_state import Stage, read_demo_state, write_demo_state
from console.demo_training import seed_training
from demo.train import HERE, TrainingFailed, train_models
from importers.services import ImportRequest, submit_import
from registry.models import RegisteredModel, Status
from registry.services import VersionDetails
from registry.versions import Version
from stores.errors import SourceRefused
from stores.messages import message_of
from stores.models import Bucket
from stores.services import create_bucket, driver_for

BUCKET = "demo"
CHUNK = 1024 * 1024
REST_SECONDS = 600
# A nought, 8 by 8.
DIGIT = [int(grey, 17) for grey in "005D910000DFAF5003F20B8004C008800580098004B01C7002E5AC00006DA000"]


@dataclass(frozen=True)
class DemoModel:
    """What a demo model is imported from; its packages lie in the bucket of the demo."""

    description: str
    source_kind: str
    source: Mapping[str, str]
    # What it is asked after its build, where nothing follows from what it declares.
    sample: str = ""


MODELS = {
    "digits": DemoModel(
        "Handwritten digits, 8 by 8 pixels, logistic regression", "obs", {"path": f"/{BUCKET}/digits/"}
    ),
    "diabetes": DemoModel(
        "Diabetes progression after one year, boosted trees", "obs", {"path": f"/{BUCKET}/diabetes/"}
    ),
    "digits-by-template": DemoModel(
        "The digits once more, without a configuration of their own",
        "template",
        {"template": "own-sklearn", "mode": "predict-analysis", "path": f"/{BUCKET}/digits-weights/model/"},
        json.dumps({"data": {"req_data": [{"pixels": DIGIT}]}}),
    ),
}


class Command(BaseCommand):
    help = "Brings demo models, a broken package and two training jobs into an empty console."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--again", action="store_true", help="bring what is missing even if the demo ran before")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(name="default").first()
        user = User.objects.filter(memberships__workspace=workspace, memberships__role=Role.ADMIN).first()
        if workspace is None or user is None or not (options["again"] or _wanted(workspace)):
            return
        write_demo_state(Stage.PREPARING)
        try:
            self._seed(workspace, user)
        except (TrainingFailed, SourceRefused) as error:
            self._give_up(message_of(error) if isinstance(error, SourceRefused) else str(error))
            return
        if self._await_rest(workspace):
            write_demo_state(Stage.DONE)
            self._say(_("The demo is ready: the models %(names)s are Normal.") % {"names": ", ".join(MODELS)})
        else:
            self._give_up(_("an import did not end well; the model list says why"))

    def _seed(self, workspace: Workspace, user: User) -> None:
        mine = Bucket.objects.filter(name=BUCKET, workspace=workspace)
        bucket = mine.first() or create_bucket(workspace, BUCKET, by=user)
        _upload(bucket, "broken-diabetes", HERE / "broken")
        self._say(_("Preparing the demo in the background: two models are trained and imported."))
        packages = train_models(settings.DATA / "demo")
        _upload(bucket, "broken-diabetes", packages["diabetes"], only=("*.ubj", "*.py"))
        _upload(bucket, "digits-weights", packages["digits"], only=("*.m", "*.py"))
        for name, package in packages.items():
            _upload(bucket, name, package)
        for name in MODELS:
            _import(name, workspace, user)
        seed_training(workspace, settings.DATA / "demo", by=user, upload=partial(_upload, bucket))

    def _await_rest(self, workspace: Workspace) -> bool:
        """Wait for the imports to end; whether all are Normal."""
        demo = RegisteredModel.objects.filter(workspace=workspace, name__in=MODELS)
        deadline = time.monotonic() + REST_SECONDS
        while demo.filter(latest_status__in=(Status.IMPORTING, Status.BUILDING)).exists():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return demo.filter(latest_status=Status.NORMAL).count() == len(MODELS)

    def _give_up(self, reason: str) -> None:
        write_demo_state(Stage.FAILED, reason)
        self._say(_("The demo could not be prepared: %(reason)s") % {"reason": reason})
        self._say(_("The console works without it; `manage.py seed_demo --again` tries once more."))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _wanted(workspace: Workspace) -> bool:
    interrupted = read_demo_state().stage is Stage.PREPARING
    return interrupted or (
        read_demo_state().stage is Stage.NONE and not RegisteredModel.objects.filter(workspace=workspace).exists()
    )


def _upload(bucket: Bucket, prefix: str, folder: Path, *, only: tuple[str, ...] = ("*",)) -> None:
    driver = driver_for(bucket)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and any(path.match(pattern) for pattern in only):
            driver.write(f"{prefix}/{path.relative_to(folder).as_posix()}", _chunks(path))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _import(name: str, workspace: Workspace, user: User) -> None:
    """Import a demo package once; a console that has the model already keeps it as it is."""
    if RegisteredModel.objects.filter(workspace=workspace, name=name).exists():
        return
    model = MODELS[name]
    request = ImportRequest(
        name=name,
        number=Version(0, 0, 1),
        details=VersionDetails(description=model.description, labels=("demo",)),
        source_kind=model.source_kind,
        source=model.source,
        sample={"json": model.sample, "files": []} if model.sample else None,
    )
    with transaction.atomic():
        submit_import(request, workspace=workspace, by=user)
