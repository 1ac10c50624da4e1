"""The client of Google Cloud Storage: its credentials, its retries, and what its errors mean."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import google.auth
import requests
from google.api_core.exceptions import GoogleAPICallError, RequestRangeNotSatisfiable
from google.api_core.exceptions import NotFound as GoogleNotFound
from google.auth import impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from datagen_nb.buckets.gcs.access import GcsAccess
from datagen_nb.buckets.gcs.errors import credentials_unusable, meaning

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
IMPERSONATION_SCOPE = "https://www.googleapis.com/auth/cloud-platform"

TIMEOUT = (10.0, 60.0)
"""Seconds in which a server has to accept a connection, and to answer."""

RETRY_SECONDS = 40.0
"""Time in which a request is repeated after errors that pass."""

FIRST_DELAY, LONGEST_DELAY = 0.25, 8.0
"""Seconds between two attempts, about; each is twice the one before."""

REQUEST_OPTIONS: dict[str, Any] = {
    "retry": DEFAULT_RETRY.with_delay(FIRST_DELAY, LONGEST_DELAY, 2).with_timeout(RETRY_SECONDS),
    "timeout": TIMEOUT,
}
"""Arguments of every request to Google; all requests that are made here may be repeated."""

_ENVIRONMENT = (
    "STORAGE_EMULATOR_HOST",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "CLOUDSDK_CONFIG",
)
"""Variables that decide where a client connects to, and as which account."""


@dataclass(frozen=True)
class Connection:
    """Requests to Google Cloud Storage; they raise its own errors, inside ``errors`` ours.

    Attributes:
        client: The library's.
        uploads: Sends the data of resumable uploads, whose addresses need no credentials.
        kms_key: Encrypts new objects.
    """

    client: storage.Client
    uploads: requests.Session
    kms_key: str | None

    def head(self, bucket: str, name: str) -> storage.Blob:
        """An object with its metadata."""
        blob = self.client.bucket(bucket).blob(name)
        blob.reload(**REQUEST_OPTIONS)
        return blob

    def read(self, bucket: str, name: str) -> bytes:
        """A whole object as it is stored, its checksum verified."""
        blob = self.client.bucket(bucket).blob(name)
        data = blob.download_as_bytes(raw_download=True, checksum="crc32c", **REQUEST_OPTIONS)
        return cast("bytes", data)

    def read_range(
        self, bucket: str, name: str, start: int, stop: int, *, generation: int | None = None
    ) -> bytes:
        """The bytes of a range that is not empty, as far as the object has them."""
        blob = self.client.bucket(bucket).blob(name, generation=generation)
        try:
            data = blob.download_as_bytes(
                start=start, end=stop - 1, raw_download=True, checksum=None, **REQUEST_OPTIONS
            )
        except RequestRangeNotSatisfiable:  # it begins after the end
            return b""
        return cast("bytes", data)

    def list(self, bucket: str, prefix: str, *, start: str, page_size: int) -> Iterator[Any]:
        """The objects with a prefix whose names are not before ``start``."""
        return iter(
            self.client.list_blobs(
                bucket,
                prefix=prefix,
                start_offset=start,
                page_size=page_size,
                fields="items(name,size,generation),nextPageToken",
                **REQUEST_OPTIONS,
            )
        )

    def delete(self, bucket: str, name: str) -> None:
        """Remove an object."""
        self.client.bucket(bucket).blob(name).delete(**REQUEST_OPTIONS)

    @contextmanager
    def errors(self, bucket: str, name: str) -> Iterator[None]:
        """Raise what the errors of Google and of the network mean for an object.

        Raises:
            NotFound: There is no such object.
            VersionConflict: The condition of a write does not hold.
            StorageError: The bucket cannot be used.
            ServiceUnavailable: There was no answer, or the bytes arrived damaged.
        """
        try:
            yield
        except Exception as error:
            found = meaning(error, bucket, name, has_bucket=lambda: self._has_bucket(bucket))
            if found is None:
                raise
            raise found from error

    def _has_bucket(self, bucket: str) -> bool:
        """Whether there is a bucket; it is listed, as the right to list it is a common one."""
        try:
            next(iter(self.client.list_blobs(bucket, max_results=1, **REQUEST_OPTIONS)), None)
        except GoogleNotFound:
            return False
        except GoogleAPICallError:
            return True  # something else is wrong, and what was asked for is not there
        return True


def connection(access: GcsAccess) -> Connection:
    """The connection of this process for an access, opened once for each environment.

    Raises:
        CredentialsUnusable: There are no credentials.
    """
    return _connection(access, tuple(map(os.environ.get, _ENVIRONMENT)), os.getpid())


@lru_cache(maxsize=256)
def _connection(
    access: GcsAccess,
    environment: tuple[str | None, ...],
    process: int,  # noqa: ARG001  a connection does not survive a fork
) -> Connection:
    # For its traces the library asks for each bucket's metadata, in threads of its own and with a
    # permission that accounts for objects lack.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    is_emulator = bool(environment[0])
    credentials = AnonymousCredentials() if is_emulator else _credentials(access.service_account)
    client = storage.Client(project=None, credentials=credentials)
    return Connection(client, requests.Session(), access.kms_key)


def _credentials(service_account: str | None) -> Any:
    """Those of the environment, or of an account that they may impersonate."""
    scope = SCOPE if service_account is None else IMPERSONATION_SCOPE
    try:
        credentials, _ = google.auth.default(scopes=[scope])
    except GoogleAuthError as error:
        raise credentials_unusable(is_missing=True) from error
    if service_account is None:
        return credentials
    return impersonated_credentials.Credentials(credentials, service_account, [SCOPE])
