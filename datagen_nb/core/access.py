"""Customers, their API keys and scopes: values and rules only.

A key is shown once, when it is created; only its digest is stored.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field, StringConstraints, field_validator

from datagen_nb.core.cloud_paths import checked_folder
from datagen_nb.core.errors import Forbidden
from datagen_nb.core.secrets import KEY_TEXT
from datagen_nb.core.wire_model import Instant, WireModel

CUSTOMER_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
"""Also the name of the customer's directory, so it holds no path separator and no dot."""

LOCAL_CUSTOMER = "local"
"""The only customer of a local service; reserved, because it may read this machine's files."""

CustomerName = Annotated[str, StringConstraints(pattern=rf"^{CUSTOMER_NAME}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{12}$")]


class Scope(StrEnum):
    """What a key allows; no scope includes another."""

    READ = "read"
    SUBMIT = "submit"
    MANAGE = "manage"
    ADMIN = "admin"


DEFAULT_SCOPES = (Scope.READ, Scope.SUBMIT, Scope.MANAGE)
"""Scopes of a key by default: everything that concerns its own customer."""

DAY = 86_400.0

MAX_SECONDS = 100 * 365 * DAY
"""Upper bound of a key's lifetime, if it has one."""

SCOPE_OF: Mapping[str, Scope] = {
    "service.read": Scope.READ,
    "jobs.read": Scope.READ,
    "results.read": Scope.READ,
    "events.read": Scope.READ,
    "settings.read": Scope.READ,
    "jobs.plan": Scope.SUBMIT,
    "jobs.submit": Scope.SUBMIT,
    "jobs.steer": Scope.SUBMIT,
    "uploads.write": Scope.SUBMIT,
    "jobs.delete": Scope.MANAGE,
    "settings.change": Scope.MANAGE,
    "webhooks.change": Scope.MANAGE,
    "customers.read": Scope.ADMIN,
    "customers.change": Scope.ADMIN,
    "keys.read": Scope.ADMIN,
    "keys.change": Scope.ADMIN,
    "metrics.read": Scope.ADMIN,
    "service.stop": Scope.ADMIN,
}
"""The scope that each action needs. ``settings`` are templates, schedules, limits, retention and
alerts. ``jobs.plan`` covers estimates, inspections and previews; ``jobs.steer`` covers cancel,
pause, resume and annotate."""


class CustomerStorage(WireModel):
    """Where a customer's data is kept in Google Cloud Storage; used from the service's next start.

    Args:
        bucket: Its own bucket, as ``gs://bucket`` or ``gs://bucket/folder``; by default a folder
            where the service keeps everything.
        service_account: Email address of its account, which the service impersonates. The
            customer's jobs may then name each ``gs://`` object that this account may use.
        kms_key: Encrypts its new objects, as ``projects/…/locations/…/keyRings/…/cryptoKeys/…``.
    """

    bucket: str | None = Field(None, max_length=1000)
    service_account: str | None = Field(
        None, max_length=300, pattern=r"^[A-Za-z0-9_.+-]+@[a-z0-9.-]+\.gserviceaccount\.com$"
    )
    kms_key: str | None = Field(
        None,
        max_length=1000,
        pattern=r"^projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+$",
    )

    @field_validator("bucket")
    @classmethod
    def _check_bucket(cls, bucket: str | None) -> str | None:
        return None if bucket is None else checked_folder(bucket)


class Customer(WireModel):
    """A customer; its jobs are invisible to others. None of its keys is valid once ``disabled``."""

    name: CustomerName
    created: Instant
    disabled: Instant | None = None
    storage: CustomerStorage | None = None


class ApiKey(WireModel):
    """An API key without its secret.

    Args:
        key_id: Its id; part of the key itself.
        customer: The customer whose jobs it gives access to.
        name: A label for people.
        prefix: The beginning of the key, by which its owner recognises it.
        scopes: What it allows.
        created: When it was created.
        expires: When it stops being valid, if ever.
        last_used: When it was last used, to the minute.
        revoked: When it was revoked, if it was.
    """

    key_id: KeyId
    customer: CustomerName
    name: str = Field("", max_length=200)
    prefix: str
    scopes: tuple[Scope, ...]
    created: Instant
    expires: Instant | None = None
    last_used: Instant | None = None
    revoked: Instant | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class NewKey(WireModel):
    """A new key. ``secret`` is the whole key, shown only here; ``repr`` leaves it out."""

    key: ApiKey
    secret: str = Field(repr=False)


class CustomerRequest(WireModel):
    """A customer to create."""

    name: CustomerName


class KeyRequest(WireModel):
    """A key to create.

    Args:
        customer: The customer whose jobs it gives access to.
        name: A label for people.
        scopes: What it allows.
        expires_in: Seconds until it expires; ``None`` if it does not.
    """

    customer: CustomerName
    name: str = Field("", max_length=200)
    scopes: tuple[Scope, ...] = Field(DEFAULT_SCOPES, min_length=1, max_length=len(Scope))
    expires_in: float | None = Field(None, ge=1, le=MAX_SECONDS, allow_inf_nan=False)


class Rotation(WireModel):
    """How to replace a key; the old one stays valid for ``overlap`` seconds."""

    overlap: float = Field(DAY, ge=0, le=MAX_SECONDS, allow_inf_nan=False)


class CustomerPage(WireModel):
    """A page of customers in order of name; ``next_cursor`` is absent on the last page."""

    customers: tuple[Customer, ...]
    next_cursor: str | None = None


class KeyPage(WireModel):
    """A page of keys in order of id; ``next_cursor`` is absent on the last page."""

    keys: tuple[ApiKey, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated sender of a request.

    Attributes:
        customer: Its customer.
        scopes: What it may do.
        key_id: The key it used; ``None`` for the user of a local service.
    """

    customer: str
    scopes: frozenset[Scope] = field(default_factory=lambda: frozenset(Scope))
    key_id: str | None = None

    @property
    def who(self) -> str:
        """Its name in the access log."""
        return self.customer if self.key_id is None else f"{self.customer}:{self.key_id}"


def check_scope(caller: Caller, action: str) -> None:
    """Check that a caller may perform an action.

    Raises:
        Forbidden: The caller's key lacks the scope.
    """
    needed = SCOPE_OF[action]
    if needed not in caller.scopes:
        has = ", ".join(sorted(caller.scopes)) or "none"
        raise Forbidden(
            f"This needs an API key with the scope {needed.value!r}; yours has {has}. "
            "Ask the operator of the service for such a key.",
            details={"needed": needed.value, "scopes": sorted(caller.scopes)},
        )


def parse_key(text: str) -> tuple[str, str] | None:
    """The id and secret of an API key; ``None`` if the text is not a key."""
    found = KEY_TEXT.fullmatch(text)
    return None if found is None else (found[1], found[2])


def digest_of(secret: str) -> str:
    """The digest under which a secret is stored.

    One round of SHA-256 is enough: a secret has 256 random bits, which no search can guess.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def digests_match(digest: str, other: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(digest.encode(), other.encode())


class Administration(Protocol):
    """Customers and their keys, for those who manage them.

    Unknown ids raise ``NotFound``; invalid names and times raise ``ConfigurationError``.
    """

    async def create_customer(self, name: str) -> Customer:
        """Create a customer.

        Raises:
            Conflict: The name is taken.
        """
        ...

    async def customers(self, *, after: str = "", limit: int = 100) -> CustomerPage: ...

    async def disable_customer(self, name: str) -> Customer:
        """Make all keys of a customer invalid; its jobs continue and are kept."""
        ...

    async def enable_customer(self, name: str) -> Customer: ...

    async def set_storage(
        self,
        name: str,
        *,
        bucket: str | None = None,
        service_account: str | None = None,
        kms_key: str | None = None,
    ) -> Customer:
        """Set where a customer's data is kept, from the service's next start; it is not moved."""
        ...

    async def create_key(
        self,
        customer: str,
        *,
        name: str = "",
        scopes: Collection[Scope] = DEFAULT_SCOPES,
        expires_in: float | None = None,
    ) -> NewKey:
        """Create a key; it expires after ``expires_in`` seconds, if given."""
        ...

    async def keys(
        self, *, customer: str | None = None, after: str = "", limit: int = 100
    ) -> KeyPage: ...

    async def rotate_key(self, key_id: str, *, overlap: float = DAY) -> NewKey:
        """Create a key like an existing one, which stays valid for ``overlap`` more seconds.

        Raises:
            Conflict: The existing key is not valid any more.
        """
        ...

    async def revoke_key(self, key_id: str) -> ApiKey:
        """Make a key invalid immediately."""
        ...


class AccessControl(Administration, Protocol):
    """Customers and their keys, and the check of a key."""

    async def authenticate(self, text: str) -> Caller:
        """The caller who sends this key.

        Raises:
            Unauthenticated: It is not a valid key; the error does not say why.
        """
        ...
