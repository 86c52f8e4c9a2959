"""`check_artifacts`: after a restore it says what is not there."""

from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command

from registry import artifacts
from registry.models import StoredFile
from tests.factories import make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept():
    """Two files of a version, and where their bytes lie."""
    version = make_version("digits")
    places = {}
    for path, content in {"model/a.bin": b"a" * 10, "model/b.bin": b"b" * 10}.items():
        stored = artifacts.ingest([content])
        StoredFile.objects.create(version=version, path=path, size=stored.size, sha256=stored.sha256)
        places[path] = settings.DATA / "artifacts" / stored.sha256[:2] / stored.sha256
    return places


def check(*options):
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_artifacts", *options, stdout=output)
    return ended.value.code, output.getvalue().splitlines()


def test_whole_store_is_whole(kept):
    assert check("--read") == (0, ["2 files are kept, 0 of them are missing or damaged."])


def test_missing_file_is_named_with_its_version(kept):
    kept["model/b.bin"].unlink()

    code, lines = check()

    assert code == 1
    assert lines == [
        f"missing or damaged: digits 0.0.1 model/b.bin ({kept['model/b.bin'].name})",
        "2 files are kept, 1 of them are missing or damaged.",
    ]


def test_damaged_file_is_found_by_reading(kept):
    kept["model/a.bin"].chmod(0o644)
    kept["model/a.bin"].write_bytes(b"x" * 10)

    assert check()[0] == 0
    assert check("--read") == (
        1,
        [
            f"missing or damaged: digits 0.0.1 model/a.bin ({kept['model/a.bin'].name})",
            "2 files are kept, 1 of them are missing or damaged.",
        ],
    )
