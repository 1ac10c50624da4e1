"""The certificate by which a service is served over ``https``."""

from __future__ import annotations

import ssl
from pathlib import Path

from datagen_nb.core.errors import ConfigurationError, Problem


class _KeyIsEncrypted(Exception):
    """OpenSSL asked for the password of a key, which it would read from the terminal."""


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What serves TLS 1.2 and newer with a certificate.

    Args:
        certificate: PEM file with the certificate, and after it those by which it was signed.
        key: PEM file with its private key, unencrypted.

    Raises:
        ConfigurationError: A file cannot be read or holds something else, the key is encrypted, or
            is that of another certificate.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except (OSError, _KeyIsEncrypted) as error:
        raise ConfigurationError([_problem(certificate, key, error)]) from error
    return context


def _refuse_password() -> str:
    raise _KeyIsEncrypted


def _problem(certificate: Path, key: Path, error: Exception) -> Problem:
    """Why a certificate and a key cannot be used; OpenSSL says neither file nor cause."""
    for option, file, mark, content in (
        ("tls-cert", certificate, b"-----BEGIN CERTIFICATE-----", "certificate"),
        ("tls-key", key, b"PRIVATE KEY-----", "private key"),
    ):
        try:
            is_right = mark in file.read_bytes()
        except OSError as unreadable:
            rule = f"cannot be read ({unreadable.strerror})"
            return Problem(option, str(file), rule, "Give a PEM file that this user may read.")
        if not is_right:
            rule = f"has no {content} in PEM form"
            return Problem(option, str(file), rule, f"Give the PEM file of the {content}.")
    if isinstance(error, _KeyIsEncrypted):
        remedy = "Write it without a password by `openssl pkey -in KEY -out NEW`."
        return Problem("tls-key", str(key), "is encrypted", remedy)
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        rule = f"is not the key of the first certificate in {certificate}"
        remedy = "Give the key that the certificate was made for, or put its certificate first."
        return Problem("tls-key", str(key), rule, remedy)
    rule = f"cannot be used with {key} ({error})"
    return Problem("tls-cert", str(certificate), rule, "Check both with `openssl x509` and `pkey`.")
