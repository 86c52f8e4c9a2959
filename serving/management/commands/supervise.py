"""`manage.py supervise`: runs the instances of this host."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from serving.supervisor import AlreadySupervised, supervise


class Command(BaseCommand):
    help = "Starts, watches and stops the model processes of this host, until it is told to stop."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            supervise(Path(settings.DATA))
        except AlreadySupervised:
            self.stderr.write(
                f"modelport: {settings.DATA} is supervised already: one supervisor for each host is enough"
            )
            sys.exit(2)
