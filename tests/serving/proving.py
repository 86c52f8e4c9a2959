"""Proofs, from their begin to their end."""

import json

from serving import proof, tasks
from serving.asking import Asked
from serving.models import ProofRecord

SAMPLE = {"json": '{"rows": [1, 2, 3]}'}


def begun(version):
    assert proof.begin(version) is True
    record = ProofRecord.objects.get(version=version)
    return record, record.instance


def ended(record):
    tasks.run_proof(record.pk)
    record.refresh_from_db()
    record.version.refresh_from_db()
    return record


def answer_of(record):
    kept = Asked.from_dict({"method": "", "path": "", "headers": {}, "body": record.answer["body"]})
    return record.answer["status"], json.loads(kept.body)
