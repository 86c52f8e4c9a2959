"""What each refusal of a bucket means, in words that say what to do."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from stores.errors import SourceRefused, SourceUnavailable

MESSAGES: Mapping[str, Promise] = {
    "source.path_malformed": _(
        "“%(path)s” is not a storage path. Write it as /bucket/folder/, obs://bucket/folder/ or s3://bucket/folder/."
    ),
    "source.space_in_path": _("The path “%(path)s” contains a space. Rename the folder or choose another one."),
    "source.bucket_missing": _(
        "There is no bucket “%(bucket)s” in this workspace. Check the name or choose a bucket from the list."
    ),
    "source.missing": _("“%(path)s” does not exist. It may have been moved or deleted; choose it again."),
    "source.empty": _("“%(path)s” is empty. Upload the files first or choose another folder."),
    "source.not_a_folder": _("“%(path)s” is a file. Choose the folder that holds it."),
    "source.is_folder": _("“%(path)s” is a folder. Choose a file."),
    "source.forbidden": _(
        "The console may not read or change “%(path)s”. Ask the operator to give the console permission to it."
    ),
    "source.object_changed": _("“%(path)s” changed while it was being read. Try again when nobody is writing to it."),
    "source.unsafe_name": _(
        "“%(path)s” cannot be used as a path: empty parts, “.”, “..”, backslashes, control characters and names that "
        "are not UTF-8 are not allowed. Rename it."
    ),
    "source.name_too_long": _("“%(path)s” is too long: a path may have %(limit)s bytes. Shorten its names."),
    "source.link": _("“%(path)s” is a symbolic link, and links are never followed. Put the file itself there."),
    "source.special_file": _("“%(path)s” is not a regular file (a pipe, socket or device). Remove it."),
    "source.exists": _("“%(path)s” exists already. Rename the file, or choose to replace files that exist."),
    "source.unavailable": _("The storage did not answer. Try again in a moment."),
    "source.no_space": _("The storage is full. Free some space, then try again."),
}


def message_of(error: SourceRefused | SourceUnavailable) -> str:
    """The sentence for a refusal in the active language; the code itself for one that has none."""
    message = MESSAGES.get(error.code)
    if message is None:
        return error.code
    return str(message) % (error.params if isinstance(error, SourceRefused) else {})
