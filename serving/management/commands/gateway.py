"""`manage.py gateway`: answers predictions, from the file that the supervisor writes."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from serving.calls import spool_folder
from serving.gateway.options import Options
from serving.gateway.process import serve
from serving.snapshots import path_of_snapshot


class Command(BaseCommand):
    help = "Answers predictions of the services on this host; needs neither the database nor the broker."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        serve(
            Options(
                host=settings.BIND,
                port=settings.GATEWAY_PORT,
                snapshot=path_of_snapshot(),
                spool=spool_folder(),
                body_bytes=settings.GATEWAY_BODY_BYTES,
                seconds=settings.GATEWAY_SECONDS,
                calls=settings.GATEWAY_CALLS,
                connections=settings.GATEWAY_CONNECTIONS,
            )
        )
