"""The port by which everything in a store is copied to another: versions and numbers stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from datagen_nb.core.messages import Event, LogEntry
from datagen_nb.core.store import CustomerUsage, Document, JobRecord, JobStore


@dataclass(frozen=True, slots=True)
class Records:
    """Some of what a store has of one customer.

    Attributes:
        customer: Whose they are; ``""`` for the service's own.
        jobs: With their versions and leases.
        newest: The number of the newest event of each of these jobs that has one.
        events: With their numbers.
        lines: Of logs, with the job and their numbers.
        documents: With their versions.
    """

    customer: str
    jobs: Sequence[JobRecord] = ()
    newest: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[Event] = ()
    lines: Sequence[tuple[str, LogEntry]] = ()
    documents: Sequence[Document] = ()


class Transfer(Protocol):
    """Reads and writes what the other ports of a store have no method for.

    Nothing else may use a store that is written to. Records are of a customer that has none of
    these; ``finish`` comes last.
    """

    async def owners(self) -> Sequence[str]:
        """Everyone of whom anything is stored, ``""`` too."""
        ...

    async def documents(
        self, customer: str, *, after: tuple[str, str] = ("", ""), limit: int = 200
    ) -> Sequence[Document]:
        """A customer's documents of all kinds after a (kind, id), in the order of the store."""
        ...

    async def restore(self, records: Records) -> None:
        """Write records as they were, at most 200."""
        ...

    async def finish(self, customer: str, *, usage: CustomerUsage, cursor: int) -> None:
        """Set what a customer uses, and the number of its newest event, once all else is there."""
        ...


class CopyableStore(JobStore, Protocol):
    """A store that can be copied, and be the copy of another."""

    @property
    def transfer(self) -> Transfer: ...
