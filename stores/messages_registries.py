"""What each refusal of a container registry means, in words that say what to do."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MESSAGES: Mapping[str, Promise] = {
    "image.malformed": _(
        "“%(reference)s” is not the path of an image. Write it as registry.example.com/team/model:1.0, or as "
        "registry.example.com/team/model@sha256:… with its digest."
    ),
    "image.no_tag": _("“%(reference)s” names no version of the image. Put its tag behind it, such as “:1.0”."),
    "image.not_connected": _(
        "This workspace has no connection to the registry %(address)s. Choose an image of a registry that is "
        "connected, or ask an administrator to connect this one."
    ),
    "image.not_allowed": _(
        "The connection to %(address)s does not allow the repository “%(repository)s”. Choose another one, or ask an "
        "administrator to allow it there."
    ),
    "image.repository_malformed": _(
        "“%(repository)s” is not a repository. It has lower-case letters, digits, dots, underscores, hyphens and "
        "slashes, such as team/model."
    ),
    "image.platform_malformed": _("“%(wanted)s” is not a platform. Write it as linux/amd64."),
    "image.repository_missing": _(
        "There is no repository “%(repository)s” at %(address)s. Check its name, or push the image first."
    ),
    "image.tag_missing": _(
        "Repository “%(repository)s” has no tag “%(tag)s”. Check the tag, or choose one from the list."
    ),
    "image.digest_missing": _(
        "Repository “%(repository)s” has no image with the digest %(tag)s. It may have been deleted; choose a tag."
    ),
    "image.blob_missing": _(
        "The image is not whole: the registry does not have its part %(tag)s any more. Push the image again."
    ),
    "image.denied": _(
        "The user of the connection may not read the repository “%(repository)s” at %(address)s, or there is none of "
        "that name. Ask the administrator of the registry for permission to pull."
    ),
    "image.platform_missing": _(
        "The image is not made for %(wanted)s. It is made for: %(offered)s. Build it for %(wanted)s and push it again."
    ),
    "image.not_an_image": _(
        "“%(repository)s:%(tag)s” is not a container image that can run: it is of the type %(reason)s. Push an image "
        "in the Docker (version 2, schema 2) or OCI format."
    ),
    "image.malformed_manifest": _(
        "What the registry says about “%(repository)s:%(tag)s” cannot be understood (%(reason)s). Build the image "
        "anew and push it again."
    ),
    "image.digest_mismatch": _(
        "What arrived of “%(repository)s:%(tag)s” has another digest than the registry says, so it was changed on its "
        "way or is damaged. Try again; if it happens again, ask the operator of the registry."
    ),
    "image.too_large": _(
        "The description of “%(repository)s:%(tag)s” is larger than %(limit)s. Build the image with less metadata."
    ),
    "registry.unauthorised": _(
        "%(address)s does not accept the user name or the password of the connection. Enter them again; where the "
        "registry gives out access tokens, the token is the password."
    ),
    "registry.sign_in_needed": _("%(address)s wants a user name and a password. Enter them in the connection."),
    "registry.denied": _(
        "%(address)s refuses this user. Ask the administrator of the registry which permission is missing."
    ),
    "registry.no_catalog": _(
        "%(address)s does not let this user list its repositories. Type the name of a repository instead."
    ),
    "registry.address_refused": _(
        "The console may not talk to %(host)s. Write the address as host or host:port, and ask the operator to allow "
        "that host; link-local addresses are never allowed."
    ),
    "registry.plain_refused": _(
        "The console does not talk to %(host)s without encryption. Use https, or ask the operator to name the host in "
        "MODELPORT_REGISTRY_INSECURE_HOSTS."
    ),
    "registry.host_unknown": _("No server of names knows the host of %(address)s. Check the address."),
    "registry.certificate": _(
        "The certificate of %(address)s is not trusted. If the registry has an authority of its own, enter that "
        "authority's certificate in the connection."
    ),
    "registry.no_tls": _(
        "No encrypted connection to %(address)s came about. If the registry speaks plain HTTP there, write "
        "http://%(address)s, which the operator has to allow."
    ),
    "registry.not_a_registry": _(
        "%(address)s does not answer as a container registry does. Check host and port; the address has no path."
    ),
    "registry.rejected": _(
        "%(address)s rejected the request (%(reason)s). Ask the operator of the registry what it means."
    ),
    "registry.redirected": _(
        "%(address)s sends the console to %(host)s, where it does not go. Enter the address of the registry itself; "
        "if blobs are stored at that host, enter it among the hosts of blobs."
    ),
    "registry.token_host_refused": _(
        "%(address)s wants the password to be sent to %(host)s. If that is its token service, enter it as such in the "
        "connection."
    ),
    "registry.answer_too_large": _(
        "An answer of %(address)s is larger than %(limit)s, which nothing the console asks for can be."
    ),
    "registry.unavailable": _("%(address)s cannot answer now (%(status)s). Try again in a moment."),
    "registry.throttled": _(
        "%(address)s answers no more requests of this user for a while. Try again later, or connect it with another "
        "user."
    ),
    "registry.connection_refused": _(
        "%(address)s refused the connection: no registry listens there. Check host and port, or try again in a moment."
    ),
    "registry.timed_out": _(
        "%(address)s did not answer in time. Check host and port, and whether a firewall is in the way, or try again "
        "in a moment."
    ),
    "registry.unreachable": _(
        "%(address)s cannot be reached from this machine. Check the host, or try again in a moment."
    ),
    "registry.broke_off": _("%(address)s broke off in the middle of an answer. Try again in a moment."),
    "registry.name_taken": _("There is a connection named “%(name)s” already. Choose another name."),
    "registry.ca_malformed": _("That is not a certificate in PEM form. It begins with -----BEGIN CERTIFICATE-----."),
    "registry.credentials_needed": _(
        "The saved password belongs to the address, the token service, the certificate and the user it was given for. "
        "Type it again to use it elsewhere."
    ),
    "registry.secret_unreadable": _(
        "The stored password of the connection “%(name)s” cannot be decrypted any more. Enter it again."
    ),
}
