"""What each refusal of a bucket or a registry means, in words that say what to do."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.messages import register_audit
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages_registries import MESSAGES as OF_REGISTRIES

register_audit(
    _("Storage"),
    {
        "bucket.created": _("Bucket created"),
        "bucket.connected": _("Bucket connected"),
        "bucket.edited": _("Bucket changed"),
        "bucket.deleted": _("Bucket deleted"),
        "storage.uploaded": _("Files uploaded"),
        "storage.folder_made": _("Folder made"),
        "storage.renamed": _("Renamed"),
        "storage.deleted": _("Files deleted"),
    },
    {
        "bucket": _("Bucket"),
        "path": _("Path"),
        "to": _("New path"),
        "files": _("Files"),
        "bytes": _("Size"),
        "endpoint": _("Endpoint"),
        "remote_name": _("Bucket there"),
        "prefix": _("Prefix"),
        "region": _("Region"),
        "addressing": _("Addressing"),
        "credentials": _("Credentials"),
    },
)
register_audit(
    _("Container registries"),
    {
        "registry.connected": _("Registry connected"),
        "registry.edited": _("Registry connection changed"),
        "registry.removed": _("Registry disconnected"),
    },
    {
        "registry": _("Container registry"),
        "address": _("Address"),
        "insecure": _("Without encryption"),
        "username": _("User name"),
        "password": _("Password"),
        "token_host": _("Token service"),
        "blob_hosts": _("Hosts of blobs"),
        "ca": _("Certificate of the authority"),
        "repositories": _("Allowed repositories"),
        "changed": _("Changed"),
    },
)

MESSAGES: Mapping[str, Promise] = {
    "source.path_malformed": _(
        "“%(path)s” is not a storage path. Write it as /bucket/folder/, obs://bucket/folder/ or s3://bucket/folder/."
    ),
    "source.space_in_path": _("The path “%(path)s” contains a space. Rename the folder or choose another one."),
    "source.bucket_missing": _(
        "There is no bucket “%(bucket)s” in this workspace. Check the name or choose a bucket from the list."
    ),
    "source.bucket_gone": _(
        "Bucket “%(bucket)s” is gone: its folder is not on this machine any more. Ask the operator to put it back."
    ),
    "source.bucket_unknown": _(
        "There is no bucket “%(remote)s” at %(endpoint)s. Check the name of the bucket; the prefix is not part of it."
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
    "source.other_region": _(
        "The bucket of “%(bucket)s” is in region %(region)s, not in %(expected)s. Enter its region in the bucket's "
        "settings, or choose a bucket of this region."
    ),
    "source.encrypted": _(
        "“%(path)s” is encrypted with a key the console does not have. Store it without customer-provided keys, or let "
        "the console's access key use the encryption key."
    ),
    "source.archived": _("“%(path)s” is archived and cannot be read at once. Restore it at the storage first."),
    "source.credentials": _(
        "The endpoint does not accept the access key or the secret key of bucket “%(bucket)s”. Enter them again."
    ),
    "source.expired": _("The temporary credentials of bucket “%(bucket)s” have expired. Enter new ones."),
    "source.clock_skew": _(
        "The clocks of the console and of the endpoint of bucket “%(bucket)s” differ too much. Ask the operator to set "
        "the clock of this machine."
    ),
    "source.endpoint_unknown": _(
        "There is no object storage at %(endpoint)s: its name is unknown, its certificate is not trusted, or it does "
        "not speak S3. Check the endpoint."
    ),
    "source.no_tls": _(
        "No encrypted connection to %(endpoint)s came about. If the storage speaks plain HTTP there, enter %(plain)s "
        "as its endpoint."
    ),
    "source.endpoint_refused": _(
        "The console may not talk to %(endpoint)s. Write the endpoint as https://host or https://host:port, and ask "
        "the operator to allow that host; link-local addresses are never allowed."
    ),
    "source.rejected": _("The storage refused “%(path)s” (%(reason)s). Ask the operator of the storage what it means."),
    "source.damaged": _(
        "An object arrived with other bytes than its checksum says. Try again; if it happens again, upload it anew."
    ),
    "bucket.secret_unreadable": _(
        "The stored access key of bucket “%(bucket)s” cannot be decrypted any more. Enter it again."
    ),
    "source.unavailable": _("The storage did not answer. Try again in a moment."),
    "source.connection_refused": _(
        "%(endpoint)s refused the connection: no storage listens there. Check host and port, or try again in a moment."
    ),
    "source.timed_out": _(
        "%(endpoint)s did not answer in time. Check host and port, and whether a firewall is in the way, or try again "
        "in a moment."
    ),
    "source.unreachable": _(
        "%(endpoint)s cannot be reached from this machine. Check the host, or try again in a moment."
    ),
    "source.no_space": _("The storage is full. Free some space, then try again."),
    "bucket.name_invalid": _(
        "“%(bucket)s” is not a bucket name. Use 3 to 63 lower-case letters, digits, hyphens and dots, with a letter or "
        "digit at both ends and around every dot; it must not look like an IP address."
    ),
    "bucket.name_taken": _("The name “%(bucket)s” is taken. Choose another one."),
    "bucket.folder_taken": _(
        "A folder “%(bucket)s” with files in it lies among the buckets already. Choose another name, or ask the "
        "operator to add this bucket in the administration."
    ),
    "bucket.credentials_needed": _(
        "The saved credentials belong to the endpoint and the bucket they were given for. Type the keys again to use "
        "them elsewhere."
    ),
    "bucket.not_writable": _(
        "The key may read but not write: packages can be imported from this bucket, not uploaded into it."
    ),
    "bucket.uploading": _(
        "Files are being uploaded into bucket “%(bucket)s”. Cancel these uploads first, or wait until they have ended."
    ),
    "bucket.not_empty": _("The bucket “%(bucket)s” is not empty. Delete what lies in it first."),
    "rename.invalid": _(
        "“%(name)s” cannot be a name: slashes, backslashes, control characters, “.” and “..” are not allowed. Type "
        "another one."
    ),
    "rename.taken": _("“%(path)s” exists already, and nothing is overwritten. Type another name."),
    "rename.folder_taken": _(
        "There is a folder “%(path)s” already. Type another name, or choose to put the files into that folder."
    ),
    "rename.too_many": _(
        "“%(path)s” holds more than %(limit)s files, which is too much to rename while you wait. Rename the folders in "
        "it one by one, use a tool of the storage service, or upload it again under the new name."
    ),
    "rename.halfway": _(
        "The storage failed halfway: %(count)s files lie in “%(path)s” now, the others where they were. Nothing is "
        "lost. Rename again to the same name and choose to put the files into the folder that exists."
    ),
    "upload.nothing": _("Choose at least one file."),
    "upload.too_many_files": _("Too many files: at most %(limit)s can be uploaded at once."),
    "upload.too_large": _("Too large: at most %(limit)s can be uploaded at once. Nothing was stored."),
    "upload.too_deep": _("“%(path)s” lies too deep: at most %(limit)s folders may lie in each other."),
    "upload.space_in_folder": _(
        "A folder whose name contains a space cannot be imported: “%(path)s”. Give it a name without spaces, such as "
        "my_model."
    ),
    "upload.duplicate": _("“%(path)s” occurs twice. Remove one of the two."),
    "upload.case_collision": _("“%(path)s” and “%(other)s” differ only in upper and lower case. Rename one of them."),
    "upload.file_and_folder": _("“%(path)s” is both a file and a folder. Rename one of them."),
    "upload.malformed": _("The list of files could not be read. Choose the files again."),
    "upload.busy": _("Another request is sending this file. Wait a moment, then try again."),
    "upload.closed": _("This upload has ended. Start a new one for the files that are missing."),
    "upload.wrong_length": _(
        "“%(path)s” changed after it was chosen: %(expected)s bytes were announced. Choose the file again."
    ),
    "upload.abandoned": _("Nobody went on with this upload for a day, so it was ended. Send what is missing again."),
    "upload.worker_died": _(
        "Unpacking broke off %(attempts)s times without saying why. Unpack the archive yourself and upload the files."
    ),
    "upload.interrupted": _("The upload broke off before it was complete. Nothing was stored; send it again."),
    "upload.gone": _("What was sent of “%(path)s” is not kept any more. Send the file again from its start."),
    "upload.wrong_size": _("“%(path)s” did not arrive with the size it was announced with. Send it again."),
    "zip.broken": _("“%(path)s” is not a complete ZIP archive, or it is damaged. Pack it again."),
    "zip.empty": _("“%(path)s” holds no file. Pack the files again."),
    "zip.encrypted": _("“%(path)s” is encrypted. Pack it again without a password."),
    "zip.method": _(
        "“%(path)s” is packed with a method that cannot be read here. Pack it again with Deflate (the usual method)."
    ),
    "zip.link": _("“%(path)s” is a link or a special file inside the archive. Pack the file itself."),
    "zip.too_many_files": _("“%(path)s” holds too many files: at most %(limit)s can be unpacked."),
    "zip.too_large": _("“%(path)s” would unpack to more than %(limit)s. Nothing was stored."),
    "zip.expansion": _(
        "“%(path)s” would unpack to more than %(limit)s times its size, as archives made to fill a disk do. "
        "Upload the files themselves instead."
    ),
    **OF_REGISTRIES,
}


def message_of(error: SourceRefused | SourceUnavailable) -> str:
    """The sentence for a refusal in the active language; the code itself for one that has none."""
    message = MESSAGES.get(error.code)
    if message is None:
        return error.code
    return str(message) % error.params
