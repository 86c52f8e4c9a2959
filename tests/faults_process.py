"""The real processes of tests/importers/test_faults.py; started as `python -m tests.faults_process ROLE`.

`nursery` forks workers, beat and readers on request, so that each is there at once and a killed one is replaced.
`shell` answers questions about the database. Fault points are wrapped around the pipeline's steps here, so that the
product needs none.
"""

import hashlib
import json
import multiprocessing
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from functools import wraps
from importlib import import_module
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.secrets import seal  # noqa: E402
from console.celery import app  # noqa: E402
from importers import heartbeat, pipeline, services  # noqa: E402
from importers.models import FINISHED, ImportJob  # noqa: E402
from importers.queries import latest_jobs  # noqa: E402
from registry import artifacts, artifacts_folder, exports_job, services_exports, transitions_exports  # noqa: E402
from registry import heartbeat as export_heartbeat  # noqa: E402
from registry.models import ModelVersion, StoredFile  # noqa: E402
from registry.models_exports import ExportJob  # noqa: E402
from registry.services import VersionTaken, delete_version  # noqa: E402
from stores.models import Bucket  # noqa: E402
from tests.importers import jobs  # noqa: E402
from tests.registry import exporting  # noqa: E402
from tests.serving.building import deploy_service, hang_builds, look_at_service  # noqa: E402, F401

STEPS = [
    (pipeline, "examine"),
    (pipeline, "fetch"),
    (pipeline, "check"),
    (pipeline, "scan"),
    (pipeline, "hand_over"),
    (pipeline, "store"),
    (artifacts_folder, "_place"),
    (exports_job, "archive_of"),
    (exports_job, "_store"),
    (transitions_exports, "place"),
    (exports_job, "_finish"),
]
WORKER = ["worker", "--concurrency=1", "--loglevel=WARNING", "--without-gossip", "--without-mingle"]
BEAT = ["beat", "--loglevel=WARNING"]
# What a worker loads when it starts; loaded before so that what is forked need not.
PARTS = ["apps.beat", "apps.worker", "bin.celery", "concurrency.prefork", "worker.autoscale", "worker.consumer"]
current = {"job": ""}
planning = threading.Lock()


# In a worker


def plan_file(name):
    return settings.DATA / "plans" / name


def fault(point):
    """Do what the plan of the current job says about this point of it; mostly nothing."""
    with planning:  # files are fetched by several threads
        try:
            plan = json.loads(plan_file(current["job"]).read_text())
        except (FileNotFoundError, IsADirectoryError):
            return
        if plan["point"] != point or plan["times"] == 0:
            return
        plan["times"] -= 1
        plan_file(current["job"]).write_text(json.dumps(plan))
    if plan["action"] == "die":
        os.killpg(0, signal.SIGKILL)  # the worker and its pool
    elif plan["action"] == "die alone":
        os.kill(os.getpid(), signal.SIGKILL)  # the pool's child
    elif plan["action"] == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (plan["size"], resource.RLIM_INFINITY))
    elif plan["action"] == "dawdle":
        time.sleep(plan["seconds"])
    elif plan["action"] == "rewrite":
        Path(plan["path"]).write_bytes(b"something else")


def with_faults(owner, name):
    step = getattr(owner, name)

    @wraps(step)
    def stepped(*arguments, **options):
        fault(f"before {name}")
        result = step(*arguments, **options)
        fault(f"after {name}")
        return result

    setattr(owner, name, stepped)


def install_faults():
    for owner, name in STEPS:
        with_faults(owner, name)
    for work, beats in ((pipeline, heartbeat.Heartbeat), (exports_job, export_heartbeat.Heartbeat)):
        interrupt(beats)
        note(work)


def interrupt(beats):
    counted = beats.counted

    def interrupted(self, chunks):
        for chunk in counted(self, chunks):
            yield chunk
            fault("within a file")

    beats.counted = interrupted


def note(work):
    run = work.run

    def noting(job):
        current["job"] = job.model_name
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        run(job)

    work.run = noting


def worker(*options):
    install_faults()
    app.worker_main([*WORKER, *options])


def builder(*options):
    hang_builds()
    app.worker_main([*WORKER, "--queues=builds", *options])


def beat():
    app.start([*BEAT, f"--schedule={settings.DATA / 'beat'}", "--pidfile="])


def reader():
    """Ask what polling pages ask for, without a pause."""
    while True:
        versions = list(ModelVersion.objects.select_related("model").order_by("-id")[:25])
        latest_jobs([version.pk for version in versions])
        for job in ImportJob.objects.order_by("-id")[:5]:
            list(job.events.all())


# In the nursery


def fork(role, options, log):
    child = os.fork()
    if child:
        return child
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        {"worker": worker, "builder": builder, "beat": beat, "reader": reader}[role](*options)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def nursery():
    """Read `[role, options, log]` lines; answer each with the process id; replace what dies as `up` would.

    The role `living` asks for the role of each process by its id.
    """
    for part in PARTS:
        import_module(f"celery.{part}")
    import_module("kombu.transport.redis")
    living = {}
    while True:
        readable, _, _ = select.select([0], [], [], 0.05)
        if readable:
            line = sys.stdin.readline()
            if not line:
                break
            wanted = json.loads(line)
            if wanted[0] == "living":
                print(json.dumps({pid: role for pid, (role, *_) in living.items()}), flush=True)
                continue
            child = fork(*wanted)
            living[child] = wanted
            print(child, flush=True)
        replace_dead(living)
    for child in living:
        os.killpg(child, signal.SIGKILL)


def replace_dead(living):
    while living:
        gone, _ = os.waitpid(-1, os.WNOHANG)
        if not gone:
            return
        wanted = living.pop(gone)
        living[fork(*wanted)] = wanted


# In the shell


def make_tables():
    call_command("migrate", run_syncdb=True, verbosity=0)


def submit(name, plan=None, size=100, **values):
    """Import a package with `size` random bytes beside its weights; the job's primary key."""
    path = jobs.put(jobs.GOOD | {"model/data/noise.bin": os.urandom(size)}, folder=name)
    if plan:
        plan_file(name).parent.mkdir(exist_ok=True)
        plan_file(name).write_text(json.dumps({"times": 1, "action": "die"} | plan))
    return jobs.submit(path, name=name, **values).pk


def submit_or_taken(name, at):
    """The job's primary key; None when name and version are taken. Acts at that moment of the clock."""
    time.sleep(max(0.0, at - time.time()))
    try:
        return jobs.submit(f"/packages/{name}/", name=name).pk
    except VersionTaken:
        return None


def submit_twice(name):
    """Two processes submit the same name and version at the same moment."""
    jobs.make_workspace()
    connections.close_all()
    with multiprocessing.get_context("fork").Pool(2) as people:
        return people.starmap(submit_or_taken, [(name, time.time() + 0.3)] * 2, chunksize=1)


def look(pk):
    job = ImportJob.objects.select_related("version").get(pk=pk)
    version = job.version
    return {
        "state": job.state,
        "finished": job.finished,
        "reason": job.reason_code,
        "attempts": job.attempts,
        "findings": jobs.codes(job.findings),
        "timeline": jobs.timeline(job),
        "version": version and version.status,
        "events": [event.code for event in version.events.all()] if version else [],
        "complete": bool(version) and is_complete(version),
    }


def is_complete(version):
    """Whether every file of the package in the bucket is stored, byte for byte, and nothing else."""
    folder = settings.BUCKETS_ROOT / version.source_path.strip("/")
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    kept = {}
    for file in version.files.all():
        with artifacts.open_artifact(file.sha256) as stored:
            kept[file.path] = stored.read()
    return kept == found


def make_place(name, credentials, **values):
    """A bucket of the default workspace, reached with these credentials."""
    Bucket.objects.create(workspace=jobs.make_workspace(), name=name, credentials=seal(credentials), **values)


def submit_many(paths, bucket):
    """Import the package at each path; the primary keys of the jobs, by path."""
    return {path: jobs.submit(f"/{bucket}/{path}/", name=path).pk for path in paths}


def unfinished():
    return ImportJob.objects.exclude(state__in=FINISHED).count()


def states():
    """In which states there are jobs."""
    return sorted(set(ImportJob.objects.values_list("state", flat=True)))


def contents(pk):
    """SHA-256 of what really lies in the store for each file of the job's version, by path."""
    found = {}
    for file in ImportJob.objects.get(pk=pk).version.files.all():
        with artifacts.open_artifact(file.sha256) as stored:
            found[file.path] = hashlib.file_digest(stored, "sha256").hexdigest()
    return found


def orphans():
    """Files in the artifact store that no version refers to, after a sweep."""
    services.sweep_artifacts()
    kept = {path.name for path in (settings.DATA / "artifacts").rglob("*") if path.is_file()}
    return sorted(kept - set(StoredFile.objects.values_list("sha256", flat=True)))


def referred():
    """The SHA-256 of every file of every version, after a sweep."""
    services.sweep_artifacts()
    return sorted(set(StoredFile.objects.values_list("sha256", flat=True)))


def submit_export(name, plan=None):
    """Export a version of 20 MB into a bucket; the job's primary key."""
    if plan:
        plan_file(name).parent.mkdir(exist_ok=True)
        plan_file(name).write_text(json.dumps({"times": 1, "action": "die"} | plan))
    return exporting.submit(exporting.exportable(name, exporting.LARGE), name=f"{name}.zip").pk


def look_export(pk):
    job = ExportJob.objects.select_related("version__model").get(pk=pk)
    target = settings.BUCKETS_ROOT / job.bucket_name / job.key
    return {
        "state": job.state,
        "finished": job.finished,
        "reason": job.reason_code,
        "attempts": job.attempts,
        "timeline": exporting.timeline(job),
        "events": [event.code for event in job.version.events.all()] if job.version else [],
        "complete": target.exists() and target.read_bytes() == exporting.zip_of(job.version),
        "left": job.handle,
    }


def on_their_way():
    """What lies in the temporary area of the bucket of exports."""
    return [path for path in exporting.lying() if path.startswith(".modelport-incoming")]


def cancel_export(pk):
    return services_exports.cancel_export(ExportJob.objects.get(pk=pk), by=None)


def retry_export(pk):
    return services_exports.retry_export(ExportJob.objects.get(pk=pk), by=None)


def retry(pk):
    return services.retry_import(ImportJob.objects.get(pk=pk), by=None)


def cancel(pk):
    return services.cancel_import(ImportJob.objects.get(pk=pk), by=None)


def delete(name):
    """Whether the model went with its version."""
    person = User.objects.get_or_create(username="chief")[0]
    return delete_version(ModelVersion.objects.get(model__name=name), by=person)


def shell():
    """Answer each line, the JSON of `[function, arguments, options]`, with the JSON of `[result, error]`."""
    for line in sys.stdin:
        name, arguments, options = json.loads(line)
        try:
            answer = [globals()[name](*arguments, **options), None]
        except Exception:
            answer = [None, traceback.format_exc()]
        connections.close_all()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    {"nursery": nursery, "shell": shell}[sys.argv[1]]()
