"""Typed documents of one kind, and the one loop that repeats a write after a conflict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from datagen_nb.core.errors import VersionConflict
from datagen_nb.core.event_bus import Listener
from datagen_nb.core.store import Document, Documents, Notice
from datagen_nb.core.wire_model import WireModel

T = TypeVar("T")
M = TypeVar("M", bound=WireModel)


async def retry_on_conflict(attempt: Callable[[], Awaitable[T]], *, tries: int | None = None) -> T:
    """Read and write again until no other write came in between.

    Args:
        attempt: Reads, decides and writes; is called anew after each conflict.
        tries: Calls at most; ``None`` for as many as it takes.

    Raises:
        VersionConflict: So many tries were in vain.
    """
    done = 0
    while True:
        done += 1
        try:
            return await attempt()
        except VersionConflict:
            if done == tries:
                raise
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A value of a collection with what its document records beside it; see ``Document``."""

    customer: str
    id: str
    value: T
    version: int = 0
    due: datetime | None = None
    size: int = 0


class Collection(Generic[T]):
    """The documents of one kind as typed values.

    Args:
        documents: Where they are stored.
        kind: Their kind.
        read: Makes a value of a document's body.
        write: Makes a body of a value.
        publish: Called with the customer's name after a notice was written.

    Example:
        ```python
        alerts = Collection.of(documents, "alert", Alert)
        await alerts.update("ann", "quota", lambda alert: alert and alert.acknowledge(now))
        ```
    """

    def __init__(
        self,
        documents: Documents,
        kind: str,
        read: Callable[[Mapping[str, Any]], T],
        write: Callable[[T], Mapping[str, Any]],
        *,
        publish: Listener = lambda _: None,
    ) -> None:
        self._documents = documents
        self._kind = kind
        self._read = read
        self._write = write
        self._publish = publish

    @classmethod
    def of(
        cls: type[Collection[M]],
        documents: Documents,
        kind: str,
        model: type[M],
        *,
        publish: Listener = lambda _: None,
    ) -> Collection[M]:
        """The collection of a wire model."""
        return cls(documents, kind, model.from_wire, lambda value: value.to_wire(), publish=publish)

    async def find(self, customer: str, id: str) -> Entry[T] | None:
        """A value with its version, due time and size; ``None`` if it is not there."""
        found = await self._documents.get(customer, self._kind, id)
        return None if found is None else self.entry(found)

    async def get(self, customer: str, id: str) -> T | None:
        """A value; ``None`` if it is not there."""
        found = await self.find(customer, id)
        return None if found is None else found.value

    async def list(
        self, customer: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> list[Entry[T]]:
        """A page of values by id."""
        found = await self._documents.page(
            customer, self._kind, prefix=prefix, after=after, limit=limit
        )
        return [self.entry(document) for document in found]

    async def all(self, customer: str, *, after: str = "") -> AsyncGenerator[Entry[T], None]:
        """Every value by id, read page by page."""
        while page := await self.list(customer, after=after):
            for entry in page:
                yield entry
            after = page[-1].id

    async def put(self, entry: Entry[T], *, notice: Notice | None = None) -> None:
        """Write a value that was read at its version; version 0 is for a new one.

        Raises:
            VersionConflict: It has changed since, or was there already.
        """
        await self._documents.put(self.document(entry), notice=notice)
        if notice is not None:
            self._publish(entry.customer)

    async def update(
        self,
        customer: str,
        id: str,
        fold: Callable[[T | None], T],
        *,
        notice: Callable[[T | None, T], Notice | None] | None = None,
    ) -> T:
        """Write what ``fold`` makes of a value, however many others do so at once.

        Args:
            customer: Whose value.
            id: Which.
            fold: Gives the new value; may be called more than once, and raise to write nothing.
                ``None`` stands for a value that is not there. An equal value is not written.
            notice: The event that is written with it, of the values before and after.

        Returns:
            The value as it is now.
        """

        def change(kept: Entry[T] | None) -> Entry[T]:
            if kept is None:
                return Entry(customer, id, fold(None))
            return replace(kept, value=fold(kept.value))

        return (await self.update_entry(customer, id, change, notice=notice)).value

    async def update_entry(
        self,
        customer: str,
        id: str,
        fold: Callable[[Entry[T] | None], Entry[T]],
        *,
        notice: Callable[[T | None, T], Notice | None] | None = None,
    ) -> Entry[T]:
        """As ``update``, for a change of the due time or the size too."""

        async def attempt() -> Entry[T]:
            kept = await self.find(customer, id)
            changed = fold(kept)
            if changed != kept:
                before = None if kept is None else kept.value
                event = None if notice is None else notice(before, changed.value)
                await self.put(changed, notice=event)
            return changed

        return await retry_on_conflict(attempt)

    async def delete(self, customer: str, id: str) -> bool:
        """Remove a value; return whether it was there."""
        return await self._documents.delete(customer, self._kind, id)

    def entry(self, document: Document) -> Entry[T]:
        """A document of this kind as a value."""
        return Entry(
            document.customer,
            document.id,
            self._read(document.body),
            document.version,
            document.due,
            document.size,
        )

    def document(self, entry: Entry[T]) -> Document:
        """A value as a document, to write it together with others."""
        return Document(
            entry.customer,
            self._kind,
            entry.id,
            self._write(entry.value),
            entry.version,
            entry.due,
            entry.size,
        )
