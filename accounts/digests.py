"""Secrets that are shown once and kept only as a digest: links of invitations and API tokens."""

import hashlib
import secrets

TOKEN_MARK = "mp_"  # noqa: S105 - by which a token is known for what it is, wherever it turns up
SHOWN = 8


def new_secret() -> str:
    """256 bits of chance, fit for an address."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is stored of a secret. Plain SHA-256: nobody guesses 256 bits, so slowness would protect nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
