"""Signatures of webhook messages, as the published libraries make and check them.

Source: Standard Webhooks, https://www.standardwebhooks.com, symmetric signatures (``v1``).
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256

PREFIX = "whsec_"
"""How a secret begins; base64 of its bytes follows."""

MIN_BYTES, MAX_BYTES = 24, 64
"""Of a secret."""

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
"""The headers of a message: its id, seconds since 1970, and one signature for each live secret."""


def make_secret(random: bytes) -> str:
    """Write random bytes as a secret."""
    return PREFIX + b64encode(random).decode()


def read_secret(secret: str) -> bytes:
    """The bytes of a secret.

    Raises:
        ValueError: It is none; what was given is not quoted.
    """
    text = secret.removeprefix(PREFIX)
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    if text == secret or not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise ValueError(f"has to be {PREFIX!r} and base64 of {MIN_BYTES} to {MAX_BYTES} bytes")
    return key


def fingerprint(secret: str) -> str:
    """What is shown of a secret: eight characters that tell one from another, none of it."""
    return sha256(b"webhook secret" + read_secret(secret)).hexdigest()[:8]


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """One signature of a message, as it stands in ``webhook-signature``.

    Raises:
        ValueError: The secret is none.
    """
    return "v1," + b64encode(_digest(secret, id, str(timestamp), body)).decode()


def sign_all(secrets: Iterable[str], id: str, timestamp: int, body: bytes) -> str:
    """The header that a receiver of any of the secrets can check."""
    return " ".join(sign(secret, id, timestamp, body) for secret in secrets)


def is_signed(secret: str, id: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Whether one of the signatures in a header is the secret's; takes as long for any.

    Raises:
        ValueError: The secret is none.
    """
    expected = _digest(secret, id, timestamp, body)
    matches = False
    for one in signatures.split(" "):
        version, _, text = one.partition(",")
        try:
            given = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        matches |= version == "v1" and hmac.compare_digest(given, expected)
    return matches


def _digest(secret: str, id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(read_secret(secret), f"{id}.{timestamp}.".encode() + body, "sha256")
