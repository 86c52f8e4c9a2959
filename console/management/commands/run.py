"""`manage.py run`: one process of the console, for a supervisor such as systemd."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from console.checks import missing_keys
from console.launcher import ROLES, command


class Command(BaseCommand):
    help = "Becomes one process of the console: the web server, a worker, the builder, beat, the supervisor or gateway."
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("role", choices=ROLES)
        parser.add_argument("--node", default="", help="the name of this worker, its own on this host")

    def handle(self, *args: Any, **options: Any) -> None:
        if missing := missing_keys():
            names = " and ".join(missing)
            self.stderr.write(f"modelport: set {names}: it must be the same in every process of every host")
            sys.exit(2)
        run = settings.DATA / "run"
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chdir(settings.BASE_DIR)
        argv = command(options["role"], run=run, node=options["node"] or options["role"])
        os.execv(argv[0], argv)  # noqa: S606  (in the place of this process, so that it gets the signals)
