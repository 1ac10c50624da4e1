"""Who may ask for what: customers, their API keys, scopes, and what the access log says.

Values and rules only. A key is shown once, when it is made; what is kept of it is a digest.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import Field, StringConstraints

from datagen_nb.core.errors import Forbidden
from datagen_nb.core.secrets import KEY_TEXT
from datagen_nb.core.wire_model import Instant, WireModel

CUSTOMER_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
"""Also the name of the customer's directory, so nothing that a path could be led astray with."""

LOCAL_CUSTOMER = "local"
"""The one customer of a local service; reserved, since it alone may read this machine's files."""

CustomerName = Annotated[str, StringConstraints(pattern=rf"^{CUSTOMER_NAME}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{12}$")]


class Scope(StrEnum):
    """What a key may be used for; none includes another."""

    READ = "read"
    SUBMIT = "submit"
    MANAGE = "manage"
    ADMIN = "admin"


USUAL_SCOPES = (Scope.READ, Scope.SUBMIT, Scope.MANAGE)
"""Of a key for which nothing else is said: all that concerns its customer alone."""

DAY = 86_400.0

MOST_SECONDS = 100 * 365 * DAY
"""Longest that a key is valid which ends at all."""

SCOPE_OF: Mapping[str, Scope] = {
    "service.read": Scope.READ,
    "jobs.read": Scope.READ,
    "results.read": Scope.READ,
    "events.read": Scope.READ,
    "settings.read": Scope.READ,
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
alerts; to steer a job is to cancel, pause or resume it."""

LOGGED = frozenset(
    {
        "results.read",
        "jobs.delete",
        "settings.change",
        "webhooks.change",
        "customers.change",
        "keys.change",
        "service.stop",
    }
)
"""Actions that the access log tells of when they were allowed; what was refused it always tells."""


class Customer(WireModel):
    """Someone whose jobs nobody else sees; ``disabled`` since when no key of it is valid."""

    name: CustomerName
    created: Instant
    disabled: Instant | None = None


class ApiKey(WireModel):
    """What may be known of a key by those who manage it; never the key.

    Args:
        key_id: Which it is; part of the key itself.
        customer: Whose jobs it opens.
        name: What it is for, in words.
        prefix: How the key begins, to recognise it by.
        scopes: What it may be used for.
        created: When it was made.
        expires: When it stops being valid, if ever.
        last_used: When it was used last, to the minute.
        revoked: Since when it is no longer valid.
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
        """Whether it opens anything now."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class NewKey(WireModel):
    """A key at the one moment it is shown.

    ``secret`` is the whole key; no ``repr`` shows it.
    """

    key: ApiKey
    secret: str = Field(repr=False)


class CustomerRequest(WireModel):
    """What to make a customer of."""

    name: CustomerName


class KeyRequest(WireModel):
    """What to make a key of.

    Args:
        customer: Whose jobs it opens.
        name: What it is for, in words.
        scopes: What it may be used for.
        expires_in: Seconds for which it is valid; ``None`` for ever.
    """

    customer: CustomerName
    name: str = Field("", max_length=200)
    scopes: tuple[Scope, ...] = Field(USUAL_SCOPES, min_length=1, max_length=len(Scope))
    expires_in: float | None = Field(None, ge=1, le=MOST_SECONDS, allow_inf_nan=False)


class Rotation(WireModel):
    """How a key is replaced; ``overlap``: seconds for which the old one stays valid."""

    overlap: float = Field(DAY, ge=0, le=MOST_SECONDS, allow_inf_nan=False)


class CustomerPage(WireModel):
    """Customers by name; ``next_cursor`` is absent on the last page."""

    customers: tuple[Customer, ...]
    next_cursor: str | None = None


class KeyPage(WireModel):
    """Keys by id; ``next_cursor`` is absent on the last page."""

    keys: tuple[ApiKey, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        customer: Whose jobs are asked for.
        scopes: What for.
        key_id: Which key came along; ``None`` for the user of a local service.
    """

    customer: str
    scopes: frozenset[Scope] = field(default_factory=lambda: frozenset(Scope))
    key_id: str | None = None

    @property
    def who(self) -> str:
        """How the access log names it."""
        return self.customer if self.key_id is None else f"{self.customer}:{self.key_id}"


def check_scope(caller: Caller, action: str) -> None:
    """Decide whether a caller may do this.

    Raises:
        Forbidden: Its key has not the scope for it.
    """
    needed = SCOPE_OF[action]
    if needed not in caller.scopes:
        has = ", ".join(sorted(caller.scopes)) or "none"
        raise Forbidden(
            f"This needs a key with the scope {needed.value!r}; the key has {has}. "
            "Ask whoever runs the service for one.",
            details={"needed": needed.value, "scopes": sorted(caller.scopes)},
        )


def parse_key(text: str) -> tuple[str, str] | None:
    """A key's id and secret; ``None`` when it is no key at all."""
    found = KEY_TEXT.fullmatch(text)
    return None if found is None else (found[1], found[2])


def digest_of(secret: str) -> str:
    """What is kept of a secret.

    One round of SHA-256 is enough: 256 random bits cannot be guessed, however fast one guesses.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same(digest: str, other: str) -> bool:
    """Compare in a time that does not tell where they differ."""
    return hmac.compare_digest(digest.encode(), other.encode())


Outcome = Literal["allowed", "refused", "failed"]


class AccessEntry(WireModel):
    """One line of the access log.

    Args:
        number: Counts from 1 without gaps.
        at: When.
        who: ``customer:keyId``, ``operator`` for the command line, or ``anonymous``.
        action: As in ``SCOPE_OF``.
        target: What it was done to, as a path.
        outcome: What became of it.
        request_id: Of the request that asked for it, if one did.
        note: What else is known of it.
        previous: Digest of the line before; of nothing for the first.
        digest: Of this line and, through ``previous``, of all before it.
    """

    number: int = Field(ge=1)
    at: Instant
    who: str
    action: str
    target: str
    outcome: Outcome
    request_id: str | None = None
    note: str | None = None
    previous: str
    digest: str = ""

    def sealed(self) -> AccessEntry:
        """The line with its digest."""
        return self.model_copy(update={"digest": self.seal()})

    def seal(self) -> str:
        """SHA-256 over all fields but the digest itself."""
        return hashlib.sha256(self.model_copy(update={"digest": ""}).to_json().encode()).hexdigest()


NOTHING = "0" * 64
"""The ``previous`` of the first line."""


class Verdict(WireModel):
    """Whether an access log is whole.

    Args:
        whole: Whether every line is there and as it was written.
        entries: Lines that were looked at.
        head: Number and digest of the last, as ``7:5f3a…``. Noted elsewhere, it also finds a log
            that was written anew as a whole.
        problems: What is wrong, the first few.
    """

    whole: bool
    entries: int
    head: str
    problems: tuple[str, ...] = ()


class AccessLog(Protocol):
    """Remembers who did what. Append-only: what was recorded is found changed if it is."""

    async def record(
        self,
        *,
        who: str,
        action: str,
        target: str,
        outcome: Outcome,
        request_id: str | None = None,
        note: str | None = None,
    ) -> None:
        """Add a line; when this returns it has reached the disk."""
        ...

    async def entries(self, *, after: int = 0, limit: int = 100) -> Sequence[AccessEntry]:
        """Lines numbered above ``after``, in order."""
        ...

    async def verify(self, *, expect: str | None = None) -> Verdict:
        """Look at every line; with ``expect``, also for that head, now or once."""
        ...


class Administration(Protocol):
    """Customers and their keys, for those who manage them.

    Unknown ids raise ``NotFound``; names and times that cannot be, ``ConfigurationError``.
    """

    async def create_customer(self, name: str) -> Customer:
        """Make a customer.

        Raises:
            Conflict: There is one of this name.
        """
        ...

    async def customers(self, *, after: str = "", limit: int = 100) -> CustomerPage: ...

    async def disable_customer(self, name: str) -> Customer:
        """Make all its keys invalid; its jobs go on and stay."""
        ...

    async def enable_customer(self, name: str) -> Customer: ...

    async def create_key(
        self,
        customer: str,
        *,
        name: str = "",
        scopes: Collection[Scope] = USUAL_SCOPES,
        expires_in: float | None = None,
    ) -> NewKey:
        """Make a key, valid for so many seconds."""
        ...

    async def keys(
        self, *, customer: str | None = None, after: str = "", limit: int = 100
    ) -> KeyPage: ...

    async def rotate_key(self, key_id: str, *, overlap: float = DAY) -> NewKey:
        """Make a key like this one, which stays valid for ``overlap`` more seconds.

        Raises:
            Conflict: It is not valid any more.
        """
        ...

    async def revoke_key(self, key_id: str) -> ApiKey:
        """Make a key invalid at once."""
        ...


class AccessControl(Administration, Protocol):
    """Customers and their keys, and who holds which."""

    async def authenticate(self, text: str) -> Caller:
        """Who holds this key.

        Raises:
            Unauthenticated: It is no key, or not valid (any more); why is not told.
        """
        ...
