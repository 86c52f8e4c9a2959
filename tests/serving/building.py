"""For the processes of tests/faults_process.py: builds that hang, and a service that is rolled out beside them."""

import time

from django.conf import settings

from serving import building
from serving.models import Service
from tests.serving.deployed import instances_of, make_deployable, make_service


def hang_builds():
    """Each build of this process takes as long as there is a file `hang`; meanwhile it says that it lives."""
    obtain = building.obtain

    def hanging(version, heartbeat, **options):
        while (settings.DATA / "hang").exists():
            heartbeat.beat()
            time.sleep(0.05)
        obtain(version, heartbeat, **options)

    building.obtain = hanging


def deploy_service(name):
    """The primary key of a service that was just asked for; its environment stands."""
    return make_service(make_deployable(name), name=name).pk


def look_at_service(pk):
    service = Service.objects.get(pk=pk)
    return {"state": service.state, "phase": service.phase, "instances": instances_of(service).count()}
