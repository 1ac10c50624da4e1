"""What the errors of Google Cloud Storage, of its credentials and of the network mean."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from datagen_nb.core.errors import (
    BucketNotFound,
    CredentialsUnusable,
    NotFound,
    RequesterPays,
    ServiceUnavailable,
    StorageError,
    StorageForbidden,
    VersionConflict,
)

NO_ANSWER = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    TransportError,
    ConnectionError,
    TimeoutError,
)
"""Errors of a request that got no response, or half of one."""

PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})
"""Statuses that another attempt may not get."""

MAX_QUOTED = 300
"""Characters of Google's own message that are shown."""

_PERMISSION = re.compile(r"\bstorage\.\w+\.\w+")
_SERVICE_ACCOUNT = re.compile(r"[\w.+-]+@[\w.-]+\.gserviceaccount\.com")


def meaning(
    error: BaseException, bucket: str, name: str, *, has_bucket: Callable[[], bool]
) -> Exception | None:
    """The error of this package that an error of a request stands for.

    Args:
        error: As the libraries raise it.
        bucket: The bucket of the request.
        name: The object, or the prefix of a listing.
        has_bucket: Called when the response does not tell whether the bucket or the object is
            missing.

    Returns:
        ``None`` for an error that comes from neither Google nor the network.
    """
    if isinstance(error, RetryError) and error.cause is not None:
        error = error.cause
    label = f"gs://{bucket}/{name}"
    if isinstance(error, DataCorruption):
        return damaged(label)
    if isinstance(error, InvalidResponse | GoogleAPICallError):
        response = error.response
        status = error.code if isinstance(error, GoogleAPICallError) else response.status_code
        return of_status(int(status or 0), quoted(response), bucket, label, has_bucket)
    if isinstance(error, NO_ANSWER):
        return unavailable(label, "the network is not there, or the server does not answer")
    if isinstance(error, GoogleAuthError):
        if error.retryable:
            return unavailable(label, "the account could not be verified")
        return credentials_unusable(is_missing=False)
    return None


def of_status(
    status: int, message: str, bucket: str, label: str, has_bucket: Callable[[], bool]
) -> Exception:
    """The error that a response stands for.

    Args:
        status: Of the response.
        message: What Google writes in it.
        bucket: The bucket of the request.
        label: The object as messages name it.
        has_bucket: As of ``meaning``.
    """
    if status == HTTPStatus.NOT_FOUND:
        is_object = message.startswith("No such object")
        if "bucket does not exist" in message or not (is_object or has_bucket()):
            return bucket_not_found(bucket)
        return NotFound(f"There is no object {label}.", details={"path": label})
    if status == HTTPStatus.PRECONDITION_FAILED:
        return VersionConflict(label)
    if status == HTTPStatus.UNAUTHORIZED:
        return credentials_unusable(is_missing=False)
    if status == HTTPStatus.FORBIDDEN:
        return forbidden(label, message)
    if status == HTTPStatus.BAD_REQUEST and "requester pays" in message.lower():
        return requester_pays(bucket)
    if status == HTTPStatus.BAD_REQUEST and "crc32c" in message.lower():
        return damaged(label)
    if status in PASSING:
        return unavailable(label, f"it answered with status {status}")
    details = {"path": label, "status": status}
    answer = f"{message} (status {status})" if message else f"status {status}"
    return StorageError(f"Google Cloud Storage refused {label}: {answer}.", details=details)


def quoted(response: Any) -> str:
    """Google's own message in an error response; nothing of the request."""
    try:
        message = response.json()["error"]["message"]
    except (AttributeError, ValueError, KeyError, TypeError):
        return ""
    return " ".join(str(message).split())[:MAX_QUOTED].rstrip(".")


def unavailable(label: str, reason: str) -> ServiceUnavailable:
    """The error of a storage that does not answer; the worker's attempt is repeated."""
    remedy = "Check the network and status.cloud.google.com, then try again."
    return ServiceUnavailable(
        f"Google Cloud Storage could not be reached for {label}: {reason}. {remedy}",
        code="storage_unavailable",
        details={"path": label, "reason": reason, "remedy": remedy},
    )


def damaged(label: str) -> ServiceUnavailable:
    """The error of bytes whose checksum is not that of the object."""
    remedy = "Try again; if it stays, check the proxy between here and Google."
    return ServiceUnavailable(
        f"The bytes of {label} were damaged on their way: their CRC32C is wrong. {remedy}",
        code="storage_unavailable",
        details={"path": label, "reason": "wrong CRC32C", "remedy": remedy},
    )


def bucket_not_found(bucket: str) -> BucketNotFound:
    """The error of a bucket that does not exist."""
    remedy = f"Check its name, or create it: gcloud storage buckets create gs://{bucket}"
    return BucketNotFound(
        f"There is no bucket gs://{bucket}. {remedy}",
        details={"bucket": bucket, "remedy": remedy},
    )


def forbidden(label: str, message: str) -> StorageForbidden:
    """The error of an account that lacks a permission."""
    permission, account = _PERMISSION.search(message), _SERVICE_ACCOUNT.search(message)
    details = {"path": label}
    who, what = "This account", f"may not use {label}"
    if account:
        who = details["account"] = account[0]
    if permission:
        what = f"lacks the permission {permission[0]} for {label}"
        details["permission"] = permission[0]
    details["remedy"] = remedy = (
        "Ask the bucket's owner for the role Storage Object User (to read only: Storage Object "
        "Viewer), or use another account."
    )
    own_words = f" Google: {message}." if message and not permission else ""
    return StorageForbidden(f"{who} {what}.{own_words} {remedy}", details=details)


def requester_pays(bucket: str) -> RequesterPays:
    """The error of a bucket whose reader pays, and no project to bill."""
    remedy = (
        "Set GOOGLE_CLOUD_QUOTA_PROJECT to the project that is billed, then "
        "dg.connect(restart=True)."
    )
    return RequesterPays(
        f"Who reads the bucket gs://{bucket} pays for it, and no project to bill is set. {remedy}",
        details={"bucket": bucket, "remedy": remedy},
    )


def credentials_unusable(*, is_missing: bool) -> CredentialsUnusable:
    """The error of a process without credentials, or with expired, revoked or unreadable ones."""
    what = (
        "No credentials for Google Cloud Storage were found, or their file cannot be read"
        if is_missing
        else "The credentials for Google Cloud Storage are expired or not valid"
    )
    remedy = (
        "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to "
        "the key file of a service account; in Colab, google.colab.auth.authenticate_user(). The "
        "local service has the environment that it was started with: then dg.connect(restart=True)."
    )
    return CredentialsUnusable(f"{what}. {remedy}", details={"remedy": remedy})
