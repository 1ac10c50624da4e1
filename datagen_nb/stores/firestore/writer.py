"""Changes of a customer's data: each is one commit of all its documents, with the head.

A commit carries for each document when it was last updated. If one has changed since, nothing is
written and the change is made anew. What this process wrote or read last it need not read again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from datagen_nb.core.errors import DatagenError, ServiceUnavailable, VersionConflict
from datagen_nb.stores.firestore.connection import (
    FirestoreConnection,
    Write,
    WriteConflict,
    WriteUncertain,
)
from datagen_nb.stores.firestore.heads import Head

T = TypeVar("T")

REMEMBERED = 10_000
"""Documents and heads of which a process remembers when they were updated."""

LONGEST_DELAY = 0.5
"""Seconds before another try, at most; chance decides how many."""

MOST_TRIES = 200

_random = Random()  # noqa: S311  spreads tries, no secret

Facts = Mapping[str, Any]
"""The fields of a document that a change of it needs."""


class Memory:
    """When documents were last updated, with the facts about them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._known: OrderedDict[str, tuple[Any, Facts]] = OrderedDict()

    def get(self, place: Any) -> tuple[Any, Facts] | None:
        """When a document was updated and the facts, if they are remembered."""
        return self._known.get(place.path)

    def note(self, snapshot: Any) -> tuple[Any, Facts] | None:
        """Remember a document as it was read; ``None`` if it does not exist."""
        if not snapshot.exists:
            self.forget(snapshot.reference)
            return None
        return self._keep(snapshot.reference, snapshot.update_time, snapshot.to_dict())

    def note_write(self, write: Write, at: Any) -> None:
        """Remember a document as it was written."""
        if write.fields is None:
            self.forget(write.place)
            return
        _, before = self._known.get(write.place.path, (None, {}))
        self._keep(write.place, at, {**before, **write.fields})

    def forget(self, place: Any) -> None:
        """Read the document again when it is needed."""
        self._known.pop(place.path, None)

    def _keep(self, place: Any, at: Any, fields: Mapping[str, Any]) -> tuple[Any, Facts]:
        kept = at, {name: fields[name] for name in self._names if name in fields}
        self._known[place.path] = kept
        self._known.move_to_end(place.path)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return kept


class Draft:
    """A commit as it is put together.

    Attributes:
        customer: Whose data it changes.
        head: The customer's head, to be changed.
        is_retry: Whether an earlier try was in vain.
        is_fresh: Whether all that it is made from was read since the change began.
    """

    def __init__(
        self,
        db: FirestoreConnection,
        memory: Memory,
        customer: str,
        head: Head,
        *,
        is_retry: bool,
        is_fresh: bool,
    ) -> None:
        self._db = db
        self._memory = memory
        self.customer = customer
        self.head = head
        self.is_retry = is_retry
        self.is_fresh = is_fresh
        self.writes: list[Write] = []
        self.used: list[Any] = []

    async def facts(self, place: Any) -> tuple[Any, Facts] | None:
        """When a document was updated, and the facts about it; ``None`` if it does not exist."""
        self.used.append(place)
        known = self._memory.get(place)
        if known is not None:
            self.is_fresh = False
            return known
        return self._memory.note(await self._db.get(place))

    def create(self, place: Any, fields: Mapping[str, Any]) -> None:
        """Write a document that must not exist."""
        self.writes.append(Write(place, fields))

    def update(self, place: Any, fields: Mapping[str, Any], at: Any) -> None:
        """Change a document that was last updated at a moment."""
        self.writes.append(Write(place, fields, at))

    def delete(self, place: Any, at: Any = None) -> None:
        """Delete a document; with a moment, as it was last updated then."""
        self.writes.append(Write(place, None, at))


class Writer:
    """Makes changes, those of one customer one after another."""

    def __init__(self, db: FirestoreConnection, memory: Memory) -> None:
        self._db = db
        self._memory = memory
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._seen: dict[str, Any] = {}  # when each head was last updated, as far as is known here
        self._changed_elsewhere: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def write(self, customer: str, build: Callable[[Draft], Awaitable[T]]) -> T:
        """Commit what ``build`` puts into a draft; return what it returns.

        ``build`` is called anew after each conflict. An error of it counts if it was made from
        what is stored now.

        Raises:
            ServiceUnavailable: There is no answer, or no end of conflicts.
        """
        lock = self._locks.setdefault(customer, asyncio.Lock())
        with self._db.request():
            async with lock:
                return await self._write(customer, build)

    def is_own(self, customer: str, at: Any) -> bool:
        """Whether only this process has changed a customer, since another was last reported.

        Args:
            customer: Whose head.
            at: When it was last updated.
        """
        is_own = self._seen.get(customer) == at and customer not in self._changed_elsewhere
        self._seen[customer] = at
        self._changed_elsewhere.discard(customer)
        return is_own

    async def _head(self, customer: str) -> Head:
        head = Head.of(await self._db.get(self._db.head(customer)))
        if self._seen.get(customer) != head.at:
            self._seen[customer] = head.at
            self._changed_elsewhere.add(customer)
        return head

    async def _write(self, customer: str, build: Callable[[Draft], Awaitable[T]]) -> T:
        uncertain: dict[str, T] = {}
        for number in range(MOST_TRIES):
            known = self._heads.pop(customer, None)
            head = known or await self._head(customer)
            for mark, result in uncertain.items():
                if mark in head.commits:
                    return result
            draft = self._draft(customer, head.copy(), number, is_fresh=known is None)
            try:
                result = await build(draft)
            except ServiceUnavailable:
                raise
            except (DatagenError, VersionConflict):
                self._forget(draft)
                if draft.is_fresh:
                    raise
                continue
            if not draft.writes and draft.head == head:
                self._heads[customer] = head
                return result
            mark = secrets.token_hex(4)
            draft.writes.append(draft.head.write(self._db.head(customer), mark))
            try:
                times = await self._db.commit(draft.writes)
            except (WriteConflict, WriteUncertain) as error:
                if isinstance(error, WriteUncertain):
                    uncertain[mark] = result
                self._forget(draft)
                await _pause(number)
                continue
            self._remember(draft, times)
            return result
        raise self._db.unavailable(f"too many changes of {customer!r} at once")

    async def write_own(self, build: Callable[[Draft], Awaitable[T]]) -> T:
        """As ``write``, for documents of the service itself, which no head counts.

        Raises:
            ServiceUnavailable: There is no answer; the change may have been made.
        """
        with self._db.request():
            for number in range(MOST_TRIES):
                draft = self._draft("", Head(), number, is_fresh=True)
                try:
                    result = await build(draft)
                    times = await self._db.commit(draft.writes) if draft.writes else []
                except VersionConflict:
                    self._forget(draft)
                    if draft.is_fresh:
                        raise
                except WriteConflict:
                    self._forget(draft)
                    await _pause(number)
                except WriteUncertain as error:
                    self._forget(draft)
                    raise self._db.unavailable(str(error.__cause__)) from error
                else:
                    for write, at in zip(draft.writes, times, strict=True):
                        self._memory.note_write(write, at)
                    return result
        raise self._db.unavailable("too many changes at once")

    def _draft(self, customer: str, head: Head, number: int, *, is_fresh: bool) -> Draft:
        return Draft(self._db, self._memory, customer, head, is_retry=number > 0, is_fresh=is_fresh)

    def _forget(self, draft: Draft) -> None:
        for place in draft.used:
            self._memory.forget(place)

    def _remember(self, draft: Draft, times: Any) -> None:
        *writes, _ = draft.writes
        *others, draft.head.at = times
        for write, at in zip(writes, others, strict=True):
            if write.fields is None or "version" in write.fields:
                self._memory.note_write(write, at)
        self._heads[draft.customer] = draft.head
        self._seen[draft.customer] = draft.head.at
        if len(self._heads) > REMEMBERED:
            self._heads.popitem(last=False)


async def _pause(number: int) -> None:
    """Wait for a time that chance decides, longer after each conflict."""
    await asyncio.sleep(_random.uniform(0, min(LONGEST_DELAY, 0.005 * 2 ** min(number, 10))))
