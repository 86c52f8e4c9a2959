import pytest
from django.db.models import Q

from registry import transitions
from registry.models import ModelVersion, RegisteredModel, Status, VersionEvent
from registry.transitions import Line
from tests.factories import make_version

pytestmark = pytest.mark.django_db
DONE = Line("import.done", {"a": 1})
IMPORTING = Q(status=Status.IMPORTING)


def test_move_changes_row_event_and_model():
    version = make_version(status=Status.IMPORTING)

    assert transitions.move(version, Status.NORMAL, DONE, when=IMPORTING, values={"engine": "XGBoost"}) is True

    assert (version.status, version.engine) == (Status.NORMAL, "XGBoost")
    stored = ModelVersion.objects.get()
    assert (stored.status, stored.engine) == (Status.NORMAL, "XGBoost")
    assert list(VersionEvent.objects.values_list("code", "params", "abnormal")) == [("import.done", {"a": 1}, False)]
    model = RegisteredModel.objects.get()
    assert (model.latest_status, model.latest_engine) == (Status.NORMAL, "XGBoost")


def test_move_of_the_loser_changes_nothing():
    version, late = make_version(status=Status.IMPORTING), ModelVersion.objects.get()
    transitions.move(version, Status.NORMAL, DONE, when=IMPORTING)

    assert transitions.move(late, Status.FAILED, Line("import.failed"), when=IMPORTING) is False

    assert late.status == Status.IMPORTING
    assert ModelVersion.objects.get().status == Status.NORMAL
    assert VersionEvent.objects.count() == 1


def test_refresh_latest_takes_the_highest_number_not_the_newest_row():
    high = make_version(number=(0, 10, 0), status=Status.FAILED, deployment_types="edge", engine="Caffe")

    make_version(number=(0, 9, 99))

    model = RegisteredModel.objects.get()
    assert (model.latest, model.version_count) == (high, 2)
    assert (model.latest_status, model.latest_engine, model.latest_types) == (Status.FAILED, "Caffe", "edge")
    assert model.latest_source_kind == "obs"
    assert (model.latest_real_time, model.latest_batch, model.latest_edge) == (False, False, True)
