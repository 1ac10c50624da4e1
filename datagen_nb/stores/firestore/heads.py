"""A customer's head: the one document that every change of the customer's data also changes.

It holds what admission needs, so that a rule over it and a write are one step, and the number of
the newest event, so that events have no gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.status import State
from datagen_nb.core.store import CustomerChanges, CustomerUsage
from datagen_nb.stores.firestore.connection import FirestoreConnection, Write
from datagen_nb.stores.firestore.names import customer_of

COMMITS_KEPT = 16
"""Newest commits whose mark a head keeps."""

_LAG = timedelta(seconds=5)
"""More than passes between the arrival of a write and its commit."""


@dataclass(slots=True)
class Head:
    """What a customer has, as one commit changes it.

    Attributes:
        states: Jobs by state.
        stored: Bytes used and reserved.
        cancelled: Latest end of a job that was cancelled after it had started.
        cursor: Number of the newest event.
        trimmed: Up to which number events of no use have been removed.
        commits: Marks of the newest commits; by them one that was not answered is found again.
        at: When it was last updated; ``None`` if it does not exist.
    """

    states: dict[str, int] = field(default_factory=dict)
    stored: int = 0
    cancelled: str | None = None
    cursor: int = 0
    trimmed: int = 0
    commits: Sequence[str] = ()
    at: Any = None

    @classmethod
    def of(cls, snapshot: Any) -> Self:
        """The head in a document, which may not exist."""
        if not snapshot.exists:
            return cls()
        values = snapshot.to_dict()
        return cls(
            values["states"],
            values["stored"],
            values["cancelled"],
            values["cursor"],
            values["trimmed"],
            values["commits"],
            snapshot.update_time,
        )

    def copy(self) -> Head:
        """A copy that may be changed."""
        return Head(
            dict(self.states),
            self.stored,
            self.cancelled,
            self.cursor,
            self.trimmed,
            self.commits,
            self.at,
        )

    @property
    def usage(self) -> CustomerUsage:
        """What preconditions are about."""
        return CustomerUsage(
            running=self.states.get(State.RUNNING, 0),
            waiting=self.states.get(State.QUEUED, 0),
            stored=self.stored,
            last_cancelled=None if self.cancelled is None else instant(self.cancelled),
        )

    def count(self, state: str, number: int) -> None:
        """Count so many jobs more in a state."""
        self.states[state] = self.states.get(state, 0) + number

    def write(self, place: Any, mark: str) -> Write:
        """What writes it, if it has not changed since it was read."""
        self.commits = (*self.commits, mark)[-COMMITS_KEPT:]
        fields: Mapping[str, Any] = {
            "states": self.states,
            "jobs": sum(self.states.values()),
            "stored": self.stored,
            "cancelled": self.cancelled,
            "cursor": self.cursor,
            "trimmed": self.trimmed,
            "commits": list(self.commits),
            "changed": firestore.SERVER_TIMESTAMP,
        }
        return Write(place, fields, self.at)


def instant(text: str) -> datetime:
    """The instant of its stored form."""
    return datetime.fromisoformat(text)


async def customers(db: FirestoreConnection) -> Sequence[str]:
    """Every customer that has a job."""
    found = await db.select(db.heads().where(filter=FieldFilter("jobs", ">", 0)).select([]))
    return sorted(customer_of(one.id) for one in found)


async def changes(
    db: FirestoreConnection, *, after: int | None, is_own: Callable[[str, Any], bool]
) -> CustomerChanges:
    """The customers that have changed after a position: the microsecond of a commit.

    Those are left out of whom ``is_own`` says that only this process has changed them. ``changed``
    is the moment at which a write arrived, which can be searched; commits have an order of their
    own, a moment later.
    """
    heads = db.heads()
    if after is None:
        newest = heads.order_by("changed", direction="DESCENDING").limit(1)
        return CustomerChanges(max([0, *map(_position, await db.select(newest))]))
    since = _EPOCH + timedelta(microseconds=after) - _LAG if after else _EPOCH
    query = heads.where(filter=FieldFilter("changed", ">", since)).order_by("changed")
    found = [one for one in await db.select(query.select(["changed"])) if _position(one) > after]
    found.sort(key=_position)
    customers = [
        customer_of(one.id) for one in found if not is_own(customer_of(one.id), one.update_time)
    ]
    return CustomerChanges(max([after, *map(_position, found)]), customers)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")


def _position(snapshot: Any) -> int:
    return int((snapshot.update_time - _EPOCH) // timedelta(microseconds=1))
