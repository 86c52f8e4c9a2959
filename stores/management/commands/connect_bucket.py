"""`manage.py connect_bucket`: the twin of the bucket form for object storage, for scripts."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.models import Workspace
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms_buckets import BucketForm, PlaceForm
from stores.messages import message_of
from stores.models import Bucket
from stores.services_buckets import Seen, connect_bucket, found_place, probe_place

VARIABLES = {
    "access_key": "BUCKET_ACCESS_KEY",
    "secret_key": "BUCKET_SECRET_KEY",
    "session_token": "BUCKET_SESSION_TOKEN",
}
UNUSABLE = 2


class Command(BaseCommand):
    help = (
        "Connect a bucket at object storage after testing it. Keys come from BUCKET_ACCESS_KEY, BUCKET_SECRET_KEY and "
        "BUCKET_SESSION_TOKEN, never from arguments; without them the bucket is read as a public one. "
        "Exit 0: connected; 1: wrong arguments; 2: the test failed and nothing was saved."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="W")
        parser.add_argument("--name", default="", metavar="N", help="in the console; by default the bucket's own")
        parser.add_argument("--endpoint", required=True, metavar="URL", help="https://obs.cn-north-4.myhuaweicloud.com")
        parser.add_argument("--bucket", required=True, metavar="B", help="the bucket at the endpoint")
        parser.add_argument("--prefix", default="", metavar="P", help="only what lies below this folder")
        parser.add_argument("--region", default="", metavar="R", help="only when the test asks for one")
        parser.add_argument("--virtual", action="store_true", help="https://bucket.endpoint/key")
        parser.add_argument("--read-only", action="store_true", help="do not try to write")

    def handle(self, **options: Any) -> None:
        workspace = Workspace.objects.filter(name=options["workspace"]).first()
        if workspace is None:
            raise CommandError(_("There is no workspace “%(name)s”.") % {"name": options["workspace"]})
        form, place_form = _forms(options)
        if faults := [*_faults(form), *_faults(place_form)]:
            raise CommandError("\n".join(faults))
        place = place_form.place(form.cleaned_data["name"])
        try:
            seen = probe_place(place, write=bool(place.access_key) and not options["read_only"])
        except (SourceRefused, SourceUnavailable) as error:
            self.stderr.write(message_of(error))
            sys.exit(UNUSABLE)
        try:
            bucket = connect_bucket(workspace, found_place(place, seen), by=None)
        except SourceRefused as refusal:
            raise CommandError(message_of(refusal)) from refusal
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self._tell(bucket, seen)

    def _tell(self, bucket: Bucket, seen: Seen) -> None:
        self.stdout.write(_("Bucket %(name)s was created.") % {"name": bucket.name})
        for verdict in (seen.read, seen.write):
            if isinstance(verdict, SourceRefused | SourceUnavailable):
                self.stderr.write(message_of(verdict))


def _forms(options: dict[str, Any]) -> tuple[BucketForm, PlaceForm]:
    """What the arguments and the environment say, as the page would send it."""
    values = {
        "kind": Bucket.Driver.S3,
        "name": options["name"],
        "endpoint": options["endpoint"],
        "remote_name": options["bucket"],
        "remote_prefix": options["prefix"],
        "region": options["region"],
        "addressing": Bucket.Addressing.VIRTUAL if options["virtual"] else Bucket.Addressing.PATH,
    }
    values |= {name: os.environ.get(variable, "") for name, variable in VARIABLES.items()}
    return BucketForm(values), PlaceForm(values)


def _faults(form: BucketForm | PlaceForm) -> list[str]:
    """Each fault with the option or the variable it came from."""
    options = {"remote_name": "--bucket", "remote_prefix": "--prefix", **VARIABLES}
    return [f"{options.get(name, f'--{name}')}: {text}" for name, texts in form.errors.items() for text in texts]
