"""What a host lacks when a process is to be started is no crash: it is named, and tried again until it is there."""

import shutil
from uuid import uuid4

import pytest

from registry.errors import ArtifactStoreUnavailable
from serving import instance_logs, packages
from serving import supervisor_ledger as ledger
from serving.supervisor_ledger import CannotStart
from tests.factories import make_version
from tests.inference import environments
from tests.inference.serving import package_with
from tests.serving.rows import make_instance as make_row
from tests.serving.rows import make_service
from tests.serving.supervising import (
    await_row,
    await_state,
    make_environment,
    make_instance,
    plain_environment,
    supervising,
)


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_start_is_tried_until_the_host_has_what_it_needs(tmp_path):
    package = package_with(tmp_path)
    damaged = environments.CACHE / f"damaged-{uuid4().hex}"
    (damaged / "bin").mkdir(parents=True)
    (damaged / "bin" / "python").touch()
    lacking = make_instance(package, make_environment(damaged / "bin" / "python", uuid4().hex * 2), name="lacking")
    blocked = make_instance(package, plain_environment(), name="blocked")
    folder = instance_logs.folder_of(blocked.uuid)
    folder.parent.mkdir(exist_ok=True)
    folder.touch()
    with supervising():
        rows = [await_state(each, "restarting", "failed") for each in (lacking, blocked)]
        told = [(row.state, row.reason_code, row.reason_params, row.starts) for row in rows]
        again = await_row(blocked, lambda row: row.seen_at > rows[1].seen_at)

        folder.unlink()
        whole = damaged / "bin" / "whole"
        whole.symlink_to((environments.CACHE / "plain" / "bin" / "python").resolve())
        whole.replace(damaged / "bin" / "python")
        states = [await_state(each, "ready", "failed").state for each in (lacking, blocked)]
    shutil.rmtree(damaged)

    assert told == [
        ("restarting", "instance.no_interpreter", {}, 0),
        ("restarting", "instance.cannot_begin", {"reason": "File exists"}, 0),
    ]
    assert (again.state, states) == ("restarting", ["ready", "ready"])


@pytest.mark.parametrize(
    ("error", "code", "params"),
    [
        (OSError(28, "No space left on device"), "instance.cannot_begin", {"reason": "No space left on device"}),
        (OSError(), "instance.cannot_begin", {"reason": "OSError"}),
        (ArtifactStoreUnavailable(), "instance.store_unavailable", {}),
    ],
)
def test_package_that_cannot_be_brought_says_whose_fault_it_is(db, monkeypatch, error, code, params):
    def fails(_version):
        raise error

    monkeypatch.setattr(packages, "materialise", fails)

    with pytest.raises(CannotStart) as reason:
        ledger._package(make_version())

    assert (reason.value.code, reason.value.params, reason.value.final) == (code, params, False)


def test_sweep_takes_folders_of_instances_that_are_gone_and_leaves_what_is_none(db, settings, tmp_path):
    settings.DATA = tmp_path
    kept = make_row(make_service().revision)
    gone = uuid4()
    foreign = ["lost+found", str(kept.uuid).upper(), gone.hex, f"{{{gone}}}"]
    for name in (str(kept.uuid), str(gone), *foreign):
        (tmp_path / "instances" / name).mkdir(parents=True)

    ledger.sweep()
    ledger.sweep()

    left = {path.name for path in (tmp_path / "instances").iterdir()}
    assert left == {str(kept.uuid), *foreign}
