"""`manage.py create_admin`: the first person of an installation that `up` does not start."""

import secrets
import sys
from typing import Any

from django.core.management.base import BaseCommand

from accounts.services import create_first_admin


class Command(BaseCommand):
    help = "Creates the workspace `default` and its administrator in an empty console, and prints a password once."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username", nargs="?", default="admin")

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(12)
        if not create_first_admin(username=options["username"], password=password):
            self.stderr.write("modelport: somebody exists already; `manage.py changepassword NAME` sets a new password")
            sys.exit(2)
        self.stdout.write(f"Sign in as {options['username']} with the password {password}")
