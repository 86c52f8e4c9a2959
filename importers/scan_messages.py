"""What the scan says of a file: one sentence for each reason."""

from django.utils.translation import gettext_lazy as _

from registry.findings import register_messages

register_messages(
    {
        "scan.blocked_import": _(
            "Loading %(member)s would run code that can harm the host (%(names)s), so the package is refused. Save the "
            "model again without it, for example as plain weights, ONNX or safetensors."
        ),
        "scan.hidden_import": _(
            "%(member)s hides what it imports: the names are made up only while it is loaded. No honest tool writes "
            "that, so the package is refused. Save the model again."
        ),
        "scan.hidden_payload": _(
            "%(member)s holds a hidden payload or was built to deceive analysers (%(names)s), so the package is "
            "refused. Save the model again."
        ),
        "scan.tampered": _(
            "%(member)s changes a class or function while it is loaded (%(names)s). No honest tool writes that, so the "
            "package is refused. Save the model again."
        ),
        "scan.blocked_operation": _(
            "The graph %(member)s contains operations that write files when the model answers (%(names)s), so the "
            "package is refused. Export the model without them."
        ),
        "scan.archive_escapes": _(
            "The archive %(member)s has names or links that lead outside of it (%(names)s), so the package is refused. "
            "Pack it again with relative names and without links."
        ),
        "scan.archive_bomb": _(
            "Unpacking %(member)s takes far more space or entries than allowed, so the package is refused. Pack what "
            "is needed without extreme compression."
        ),
        "scan.archive_hides": _(
            "The archive %(member)s hides content: its table and what really lies in it differ, or something lies "
            "around it. The package is refused. Pack it again with an ordinary tool."
        ),
        "scan.outside_import": _(
            "Loading %(member)s imports names that are not expected of this engine: %(names)s. Approve the version "
            "only if you know that code."
        ),
        "scan.computed_call": _(
            "Loading %(member)s calls objects that it makes itself (%(names)s), which cannot be judged beforehand. "
            "Approve the version only if you trust its author."
        ),
        "scan.suspicious": _(
            "The analyser finds %(member)s suspicious (%(names)s). Approve the version only if you trust its author."
        ),
        "scan.native_code": _(
            "%(member)s is a program or library in machine code, which a scan cannot judge. Approve the version only "
            "if you trust its author."
        ),
        "scan.bytecode": _(
            "%(member)s is compiled Python, which a scan cannot judge. Put the source file into the package instead."
        ),
        "scan.layer_code": _(
            "%(member)s names code that some loaders run, such as a Lambda layer. Approve the version only if you "
            "trust its author."
        ),
        "scan.operation": _(
            "The graph %(member)s contains operations that read files or call Python (%(names)s). Approve the version "
            "only if you know why."
        ),
        "scan.truncated": _(
            "%(member)s breaks off before its end and could not be scanned whole. Copy the file again; it is probably "
            "incomplete."
        ),
        "scan.damaged": _("%(member)s is damaged and could not be scanned whole. Save or copy the file again."),
        "scan.encrypted": _("%(member)s is encrypted and could not be scanned. Put it into the package unencrypted."),
        "scan.too_deep": _("%(member)s is packed in too many layers and could not be scanned. Unpack it first."),
        "scan.too_large": _(
            "%(member)s needs more memory than a scan may use and could not be scanned whole. Unpack it, or split it."
        ),
        "scan.too_complex": _(
            "%(member)s is too complex to be scanned whole. Save large arrays as arrays, not as lists."
        ),
        "scan.unsupported": _(
            "%(member)s is packed in a way that cannot be scanned. Use zip, tar, gzip, bzip2 or xz, or no compression."
        ),
        "scan.unexpected_text": _(
            "%(member)s holds plain text, which is no file of that kind: a broken copy, or a pointer that Git LFS left "
            "in place of the file. It will hardly load. Put the real file in its place and import a new version."
        ),
        "scan.empty": _(
            "%(member)s is empty, so it cannot be loaded. Put the real file in its place and import a new version."
        ),
        "scan.unknown_content": _(
            "What %(member)s contains was not recognised, so it could not be scanned. Remove it if the model does not "
            "need it."
        ),
        "scan.trailing_data": _(
            "Something that was not recognised follows the actual content of %(member)s, so it could not be scanned "
            "whole. Save the file again."
        ),
        "scan.ambiguous": _(
            "Different programs would read %(member)s differently, so it could not be scanned reliably. Save the model "
            "again with a current version of its library."
        ),
        "scan.unreadable": _("%(member)s could not be read during the scan. Retry the import."),
        "scan.timeout": _(
            "%(member)s could not be scanned in the time allowed. Retry, or ask the operator to allow more time."
        ),
        "scan.crashed": _("The scan of %(member)s stopped unexpectedly. Save the file again, or ask the operator."),
    }
)
