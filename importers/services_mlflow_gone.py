"""Following what is deleted on a tracking server: its runs stay here, with a mark, until they are restored there."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.utils.timezone import now

from importers.mlflow import Client, Experiment, Run, Runs
from importers.models import MLflowConnection, RunSource, TrainingRun

BATCH = 500


class Deletions:
    """The runs that were read from a server before, by the experiment they are shown under there."""

    def __init__(self, connection: MLflowConnection, client: Client) -> None:
        self.client = client
        self.known: defaultdict[str, list[tuple[int, str, bool]]] = defaultdict(list)
        rows = TrainingRun.objects.filter(job__workspace=connection.workspace, source=RunSource.MLFLOW)
        here = rows.exclude(external_url="").values_list("pk", "external_url", "gone_at")
        for pk, url, gone_at in here.iterator(chunk_size=BATCH):
            pages, _slash, run = url.rpartition("/")
            self.known[f"{pages}/"].append((pk, run, gone_at is not None))

    def follow(self, experiment: str, runs: Runs) -> None:
        """Mark what is deleted, or there no more; take the mark from what is there again."""
        pages = self.client.pages_of(experiment)
        there = _addresses(self.client, pages, (run for run in runs.newest if not run.deleted))
        deleted = _addresses(self.client, pages, (run for run in runs.newest if run.deleted))
        known = self.known.get(pages, [])
        _mark([pk for pk, run, gone in known if not gone and (run in deleted or (not runs.cut and run not in there))])
        _mark([pk for pk, run, gone in known if gone and run in there], gone=False)

    def follow_experiments(self, active: Iterable[Experiment]) -> None:
        """What lies in an experiment that was deleted is deleted with it."""
        there = {experiment.id for experiment in active}
        for experiment in self.client.experiments(deleted=True) if self.known else []:
            if experiment.id not in there:
                self.follow(experiment.id, Runs([]))


def _addresses(client: Client, pages: str, runs: Iterable[Run]) -> set[str]:
    """The last parts of the addresses of their pages."""
    return {client.page_of(run).rpartition("/")[2] for run in runs}


@transaction.atomic
def _mark(runs: list[int], *, gone: bool = True) -> None:
    since = now() if gone else None
    for start in range(0, len(runs), BATCH):
        TrainingRun.objects.filter(pk__in=runs[start : start + BATCH]).update(gone_at=since)
