"""`manage.py up`: the whole console in one terminal."""

import http.client
import ipaddress
import os
import secrets
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connections
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.services import create_first_admin
from console import env
from console.launcher import (
    CannotStart,
    Launcher,
    Program,
    await_socket,
    broker_program,
    check_port,
    console_programs,
    locked,
    write_keys,
)
from serving.supervisor_sockets import socket_folder

READY_SECONDS = 90.0
# Of the folder in which that of the broker's socket is made.
LONGEST_PLACE = 70


class Command(BaseCommand):
    help = "Starts the console and everything it needs, and stops it on Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--no-demo", action="store_true", help="do not bring the demo models into an empty console")

    def handle(self, *args: Any, **options: Any) -> None:
        launcher = Launcher(say=self._say)
        try:
            with translation.override(_terminal_language()), ExitStack() as stack:
                self._run(launcher, stack, demo=not options["no_demo"])
        except CannotStart as reason:
            if not launcher.stopping:
                self.stderr.write(f"modelport: {reason}")
                sys.exit(2)

    def _run(self, launcher: Launcher, stack: ExitStack, *, demo: bool) -> None:
        run = stack.enter_context(locked(settings.DATA))
        check_port(settings.BIND, settings.PORT)
        check_port(settings.BIND, settings.GATEWAY_PORT, "GATEWAY_PORT")
        write_keys(run)
        sockets = stack.enter_context(socket_folder(run / "sockets", longest=LONGEST_PLACE))
        stack.callback(launcher.stop)
        launcher.stop_on_signals()
        if not env.text("REDIS_URL"):
            self._start_broker(launcher, run, sockets / "broker.sock")
        self._migrate()
        call_command("collectstatic", interactive=False, verbosity=0)
        for program in console_programs(run):
            launcher.start(program)
        host = _reachable(settings.BIND)
        self._await_ready(launcher, host)
        if launcher.stopping:
            return
        self._say_where(f"http://{_named(host)}:{settings.PORT}/")
        if demo:
            launcher.start(Program("demo", (sys.executable, "manage.py", "seed_demo"), once=True))
        launcher.watch()
        self._say(_("Stopping…"))

    def _migrate(self) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            reason = " ".join(str(error).split())
            raise CannotStart(
                _("the database does not answer: check DATABASE_URL (%(reason)s)") % {"reason": reason}
            ) from error

    def _start_broker(self, launcher: Launcher, run: Path, path: Path) -> None:
        folder = settings.DATA / "broker"
        folder.mkdir(exist_ok=True, mode=0o700)
        child = launcher.start(broker_program(folder, path))
        await_socket(path, lambda: child.process.poll() is None and not launcher.stopping)
        (run / "broker-url").write_text(f"redis+socket://{path}")

    def _await_ready(self, launcher: Launcher, host: str) -> None:
        deadline = time.monotonic() + READY_SECONDS

        def ready() -> bool:
            if time.monotonic() > deadline:
                raise CannotStart(
                    _("the console did not become ready: read %(logs)s") % {"logs": settings.DATA / "logs"}
                )
            return _answers(host, settings.PORT, "/readyz")

        launcher.watch(until=ready)

    def _say_where(self, address: str) -> None:
        lines = [_("Modelport is ready: %(address)s") % {"address": address}]
        password = secrets.token_urlsafe(12)
        if create_first_admin(username="admin", password=password):
            lines.append(_("Sign in as admin with the password %(password)s") % {"password": password})
            lines.append(_("It is shown only now; change it from the menu at the top right."))
        connections.close_all()
        lines.append(_("Data and logs: %(data)s  ·  Ctrl-C stops everything") % {"data": settings.DATA})
        self._say("\n".join(lines))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _terminal_language() -> str:
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return "zh-hans" if spoken.lower().startswith("zh") else "en"


def _reachable(host: str) -> str:
    """An address of this machine at which a server bound to `host` answers."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return "::1" if address.version == 6 else "127.0.0.1"


def _named(host: str) -> str:
    """The address in a URL, by name where it has one."""
    address = ipaddress.ip_address(host)
    if address.is_loopback:
        return "localhost"
    return f"[{host}]" if address.version == 6 else host


def _answers(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
