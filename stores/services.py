"""Commands on buckets and what lies in them."""

from django.conf import settings

from accounts.models import Workspace
from stores.drivers.base import Driver
from stores.drivers.folder import FolderDriver
from stores.errors import SourceRefused
from stores.models import Bucket
from stores.paths import parse_location


def driver_for(bucket: Bucket) -> Driver:
    return FolderDriver(settings.BUCKETS_ROOT, bucket.name)


def resolve(workspace: Workspace, text: str) -> tuple[Bucket, str]:
    """The bucket and key a path names in a workspace; raises SourceRefused. Says nothing of whether the key exists."""
    location = parse_location(text)
    bucket = Bucket.objects.filter(workspace=workspace, name=location.bucket).first()
    if bucket is None:
        raise SourceRefused("source.bucket_missing", bucket=location.bucket)
    return bucket, location.key
