"""Customers and their API keys: made, found, rotated, revoked, and recognised.

A key is looked up by its id and compared by its digest. What was read is believed for a moment,
since every request comes with one; when a key was used is written now and then, many at once.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict, abc
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from datagen_nb.core.access import (
    CUSTOMER_NAME,
    DAY,
    DEFAULT_SCOPES,
    LOCAL_CUSTOMER,
    MAX_SECONDS,
    ApiKey,
    Caller,
    Customer,
    CustomerPage,
    CustomerStorage,
    KeyPage,
    NewKey,
    Scope,
    digest_of,
    digests_match,
    parse_key,
)
from datagen_nb.core.errors import (
    ConfigurationError,
    Conflict,
    DatagenError,
    NotFound,
    Problem,
    Unauthenticated,
    VersionConflict,
)
from datagen_nb.core.ports import Clock
from datagen_nb.core.store import Document, Documents
from datagen_nb.core.wire_model import WireModel
from datagen_nb.service.access.stored_keys import StoredKey, StoredKeys
from datagen_nb.service.collection import Collection, retry_on_conflict
from datagen_nb.service.tasks import BackgroundTasks

logger = logging.getLogger("datagen_nb.service")

M = TypeVar("M", bound=WireModel)

CUSTOMER = "customer"

FRESH_SECONDS = 1.0
"""How long a key that was read is believed; another process may have revoked it."""

MAX_REMEMBERED = 10_000
"""Keys that are remembered."""

USE_SECONDS = 60.0
"""Between two writings of when keys were used."""

_ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"

_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class _Known:
    """A key as it was read at a moment."""

    read: float
    stored: StoredKey
    is_enabled: bool


class Access:
    """Implements ``core.access.AccessControl`` over documents.

    Args:
        documents: Where customers and keys are kept.
        clock: Tells when a key expires.
        random: Gives so many unpredictable bytes.
    """

    def __init__(
        self,
        documents: Documents,
        clock: Clock,
        *,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._documents = documents
        self._customers = Collection.of(documents, CUSTOMER, Customer)
        self._keys = StoredKeys(documents)
        self._clock = clock
        self._random = random
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._used: dict[str, datetime] = {}
        self._use = asyncio.Event()
        self._tasks = BackgroundTasks()

    async def start(self) -> None:
        """Begin to write down when keys are used."""
        self._tasks.start(self._write_uses(), name="uses of keys")

    async def aclose(self) -> None:
        """Write down what has not been yet."""
        await self._tasks.aclose()
        await self._try_flush()

    async def authenticate(self, text: str) -> Caller:
        parsed = parse_key(text)
        if parsed is None:
            raise _unauthenticated()
        key_id, secret = parsed
        known = await self._find(key_id)
        digest = _NO_DIGEST if known is None else known.stored.digest
        matches = digests_match(digest, digest_of(secret))
        now = self._clock.now()
        if known is None or not (matches and known.is_enabled and known.stored.key.is_valid(now)):
            raise _unauthenticated()
        self._used[key_id] = now
        self._use.set()
        key = known.stored.key
        return Caller(key.customer, frozenset(key.scopes), key_id)

    async def create_customer(self, name: str) -> Customer:
        if name == LOCAL_CUSTOMER:
            raise _problem("name", name, "belongs to local services", "Choose another.")
        customer = _made(Customer, _customer_rules(), name=name, created=self._clock.now())
        try:
            await self._documents.put(Document("", CUSTOMER, name, customer.to_wire()))
        except VersionConflict as conflict:
            raise Conflict(
                f"There is a customer {name!r} already. Choose another name, or make it a key.",
                details={"customer": name},
            ) from conflict
        return customer

    async def customers(self, *, after: str = "", limit: int = 100) -> CustomerPage:
        found = await self._documents.page("", CUSTOMER, after=after, limit=limit + 1)
        shown = [Customer.from_wire(document.body) for document in found[:limit]]
        return CustomerPage(
            customers=tuple(shown), next_cursor=shown[-1].name if len(found) > limit else None
        )

    async def disable_customer(self, name: str) -> Customer:
        return await self._set_disabled(name, self._clock.now())

    async def enable_customer(self, name: str) -> Customer:
        return await self._set_disabled(name, None)

    async def set_storage(
        self,
        name: str,
        *,
        bucket: str | None = None,
        service_account: str | None = None,
        kms_key: str | None = None,
    ) -> Customer:
        storage = _made(
            CustomerStorage, {}, bucket=bucket, service_account=service_account, kms_key=kms_key
        )

        def fold(customer: Customer | None) -> Customer:
            if customer is None:
                raise _no_customer(name)
            return customer.model_copy(update={"storage": storage})

        return await self._customers.update("", name, fold)

    async def create_key(
        self,
        customer: str,
        *,
        name: str = "",
        scopes: abc.Collection[Scope] = DEFAULT_SCOPES,
        expires_in: float | None = None,
    ) -> NewKey:
        if await self._documents.get("", CUSTOMER, customer) is None:
            raise _no_customer(customer)
        if not scopes:
            raise _problem("scopes", "[]", "has to name at least one", "Name read, for example.")
        key, digest, made = self._new_key(customer, name, scopes, expires_in)
        await self._keys.add(StoredKey(key, digest))
        return made

    async def keys(
        self, *, customer: str | None = None, after: str = "", limit: int = 100
    ) -> KeyPage:
        return await self._keys.page(customer=customer, after=after, limit=limit)

    async def rotate_key(self, key_id: str, *, overlap: float = DAY) -> NewKey:
        until = self._clock.now() + timedelta(seconds=_seconds("overlap", overlap, least=0))

        async def attempt() -> NewKey:
            entry = await self._keys.entry(key_id)
            old = entry.value.key
            if not old.is_valid(self._clock.now()):
                raise Conflict(
                    f"The key {key_id} is not valid any more. Make a new one instead.",
                    details={"keyId": key_id},
                )
            lifetime = None if old.expires is None else old.expires - old.created
            seconds = None if lifetime is None else lifetime.total_seconds()
            key, digest, made = self._new_key(old.customer, old.name, old.scopes, seconds)
            ends = until if old.expires is None else min(until, old.expires)
            await self._keys.replace(entry, StoredKey(key, digest), expires=ends)
            return made

        made = await retry_on_conflict(attempt)
        self._known.pop(key_id, None)
        return made

    async def revoke_key(self, key_id: str) -> ApiKey:
        now = self._clock.now()
        key = await self._keys.change(
            key_id, lambda key: {} if key.revoked is not None else {"revoked": now}
        )
        self._known.pop(key_id, None)
        return key

    async def flush(self) -> None:
        """Write down when keys were used."""
        for key_id, at in list(self._used.items()):
            with suppress(NotFound):  # removed meanwhile; there is nothing to write to
                await self._keys.change(key_id, _used_at(at))
            if self._used.get(key_id) == at:
                del self._used[key_id]

    async def _write_uses(self) -> None:
        while True:
            await self._use.wait()
            await self._clock.sleep(USE_SECONDS)
            self._use.clear()
            await self._try_flush()

    async def _try_flush(self) -> None:
        try:
            await self.flush()
        except DatagenError as error:
            logger.warning("the last uses of keys could not be stored: %s", error)

    async def _find(self, key_id: str) -> _Known | None:
        now = self._clock.monotonic()
        known = self._known.get(key_id)
        if known is not None and now - known.read <= FRESH_SECONDS:
            return known
        stored = await self._keys.find(key_id)
        if stored is None:
            self._known.pop(key_id, None)
            return None
        owner = await self._documents.get("", CUSTOMER, stored.key.customer)
        is_enabled = owner is not None and Customer.from_wire(owner.body).disabled is None
        known = self._known[key_id] = _Known(now, stored, is_enabled)
        self._known.move_to_end(key_id)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _set_disabled(self, name: str, since: datetime | None) -> Customer:
        def fold(customer: Customer | None) -> Customer:
            if customer is None:
                raise _no_customer(name)
            if (customer.disabled is None) == (since is None):
                return customer
            return customer.model_copy(update={"disabled": since})

        changed = await self._customers.update("", name, fold)
        self._known.clear()
        return changed

    def _new_key(
        self, customer: str, name: str, scopes: abc.Collection[Scope], expires_in: float | None
    ) -> tuple[ApiKey, str, NewKey]:
        now = self._clock.now()
        key_id = "".join(_ID_LETTERS[byte & 31] for byte in self._random(12))
        secret = urlsafe_b64encode(self._random(32)).decode().rstrip("=")
        lasts = None if expires_in is None else _seconds("expiresIn", expires_in, least=1)
        key = _made(
            ApiKey,
            {"name": ("has to be at most 200 characters", "Shorten it.")},
            key_id=key_id,
            customer=customer,
            name=name,
            prefix=f"dg_{key_id}",
            scopes=tuple(scope for scope in Scope if scope in scopes),
            created=now,
            expires=None if lasts is None else now + timedelta(seconds=lasts),
        )
        return key, digest_of(secret), NewKey(key=key, secret=f"dg_{key_id}_{secret}")


def _used_at(at: datetime) -> Callable[[ApiKey], Mapping[str, Any]]:
    return lambda _: {"last_used": at}


def _unauthenticated() -> Unauthenticated:
    return Unauthenticated(
        "The API key is not valid: unknown, expired or revoked. "
        "Set a valid one with DATAGEN_API_KEY or connect(api_key=…)."
    )


async def storage_of_customers(documents: Documents) -> dict[str, CustomerStorage]:
    """Where the data of those customers is kept for whom it was set."""
    customers = Collection.of(documents, CUSTOMER, Customer)
    return {
        entry.id: entry.value.storage
        async for entry in customers.all("")
        if entry.value.storage is not None
    }


def _no_customer(name: str) -> NotFound:
    return NotFound(
        f"There is no customer {name!r}. `datagen-nb customers list` shows those there are.",
        details={"customer": name},
    )


def _customer_rules() -> dict[str, tuple[str, str]]:
    rule = f"has to match {CUSTOMER_NAME}"
    return {"name": (rule, "Use lower-case letters, digits, - and _.")}


def _seconds(field: str, value: float, *, least: float) -> float:
    if not least <= value <= MAX_SECONDS:  # a NaN is not either
        rule = f"has to be {least:g} to {MAX_SECONDS:g} seconds"
        raise _problem(field, value, rule, "Choose one of these.")
    return value


def _problem(field: str, value: object, rule: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(field, repr(value)[:80], rule, remedy)])


def _made(model: type[M], rules: Mapping[str, tuple[str, str]], **values: Any) -> M:
    try:
        return model(**values)
    except ValidationError as error:
        problems = [
            Problem(
                str(entry["loc"][0]),
                repr(entry["input"])[:80],
                *rules.get(str(entry["loc"][0]), (entry["msg"], "Choose another.")),
            )
            for entry in error.errors()
        ]
        raise ConfigurationError(problems) from error
