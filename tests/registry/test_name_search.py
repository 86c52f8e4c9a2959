"""The index of names on PostgreSQL, whatever an installation has of the extension that it needs."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent.parent
INDEXES = "SELECT count(*) FROM pg_indexes WHERE indexname = 'registry_model_name_search'"


def migrate(url, data, target):
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "registry", target]
    environment = os.environ | {"DATABASE_URL": url, "MODELPORT_DATA": str(data)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_extension_out_of_reach_means_no_index_and_no_failure(tmp_path):
    with postgres.server() as url, psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE SCHEMA elsewhere")
        database.execute("CREATE EXTENSION pg_trgm SCHEMA elsewhere")
        out_of_reach, without = migrate(url, tmp_path, "0002"), database.execute(INDEXES).fetchone()
        migrate(url, tmp_path, "0001")
        database.execute("DROP EXTENSION pg_trgm")
        made, with_it = migrate(url, tmp_path, "0002"), database.execute(INDEXES).fetchone()

    assert (out_of_reach.returncode, out_of_reach.stderr, without) == (0, "", (0,))
    assert (made.returncode, made.stderr, with_it) == (0, "", (1,))
