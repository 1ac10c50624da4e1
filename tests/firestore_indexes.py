"""Which indexes the Firestore store needs: derived from the queries that it really makes.

The emulator answers any query; a real database refuses one that has no index. ``python -m
tests.firestore_indexes`` writes the file that a deployment takes. It says of TTL that no field has
a policy; what is written has no field that one could delete by.

Source: https://cloud.google.com/firestore/docs/query-data/index-overview and
https://cloud.google.com/firestore/docs/ttl
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery

from datagen_nb.core.messages import JobQuery
from datagen_nb.core.status import State
from datagen_nb.core.store import Document, Documents, JobStore, Notice
from datagen_nb.stores import firestore
from datagen_nb.stores.firestore.connection import FirestoreConnection, Write
from datagen_nb.stores.firestore.store import FirestoreStore
from datagen_nb.stores.listing import FIELD
from tests.contracts.test_store import ENDED, at, ended, line, record, started
from tests.firestore_emulator import VARIABLE, project_at, running

FILE = Path(firestore.__path__[0]) / "firestore.indexes.json"

NAME = "__name__"
"""Documents are always ordered by it last, and need no index for it alone."""

Order = tuple[str, str]
"""A field and its direction."""

_EQUALITIES = {"EQUAL", "IN", "IS_NULL"}


@dataclass(frozen=True)
class Index:
    """An index of several fields, or for a search in all collections of a name.

    Attributes:
        equal: So many of the fields, the first ones, are compared for equality alone.
    """

    collection: str
    scope: str
    fields: tuple[Order, ...]
    equal: int = 0

    def serves(self, other: Index) -> bool:
        """Whether it also answers a query that needs the other: equal fields come in any order."""
        names = {name for name, _ in self.fields[: other.equal]}
        return (
            (self.collection, self.scope) == (other.collection, other.scope)
            and names == {name for name, _ in other.fields[: other.equal]}
            and self.fields[other.equal :] == other.fields[other.equal :]
        )

    @property
    def is_single(self) -> bool:
        return len(self.fields) == 1


@dataclass
class Recorded:
    """What a store did.

    Attributes:
        indexes: Those that its queries need and that Firestore does not make by itself.
        searched: Fields that queries use, by collection.
        written: Fields that were written, by collection.
        timestamps: Those of them whose values a TTL policy can delete by, with the collection.
    """

    indexes: set[Index] = field(default_factory=set)
    searched: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    written: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    timestamps: set[tuple[str, str]] = field(default_factory=set)

    def add(self, query: StructuredQuery, sums: tuple[str, ...] = ()) -> None:
        source = query.from_[0]
        needed = needed_index(query, sums)
        if needed is not None:
            self.indexes.add(needed)
        orders = {one.field.field_path for one in query.order_by}
        used = {path for path, _ in filters(query.where)} | orders | set(sums)
        self.searched[source.collection_id] |= used

    def add_write(self, write: Write) -> None:
        collection, fields = write.place._path[-2], write.fields or {}
        self.written[collection] |= set(fields)
        self.timestamps |= {
            (collection, name) for name, value in fields.items() if isinstance(value, datetime)
        }

    def as_file(self) -> dict[str, Any]:
        """What ``firebase deploy --only firestore:indexes`` takes."""
        overrides: dict[tuple[str, str], list[dict[str, str]]] = {
            (collection, name): []
            for collection, names in self.written.items()
            for name in names - self.searched[collection]
        }
        for index in self.indexes:
            if index.is_single:
                ((name, order),) = index.fields
                own = [{"order": way, "queryScope": "COLLECTION"} for way in _WAYS]
                everywhere = {"order": order, "queryScope": index.scope}
                overrides[index.collection, name] = [*own, everywhere]
        composite = _without_needless([one for one in self.indexes if not one.is_single])
        return {
            "indexes": [
                {
                    "collectionGroup": index.collection,
                    "queryScope": index.scope,
                    "fields": [{"fieldPath": name, "order": way} for name, way in index.fields],
                }
                for index in sorted(
                    composite, key=lambda one: (one.collection, one.scope, one.fields)
                )
            ],
            "fieldOverrides": [
                {
                    "collectionGroup": collection,
                    "fieldPath": name,
                    "ttl": False,
                    "indexes": indexes,
                }
                for (collection, name), indexes in sorted(overrides.items())
            ],
        }


def _without_needless(indexes: Sequence[Index]) -> Sequence[Index]:
    """The fewest that serve all."""
    kept: list[Index] = []
    for index in sorted(
        indexes, key=lambda one: (one.equal, one.fields, one.collection, one.scope)
    ):
        if not any(other.serves(index) for other in kept):
            kept = [other for other in kept if not index.serves(other)]
            kept.append(index)
    return kept


_WAYS = ("ASCENDING", "DESCENDING")


def filters(where: Any) -> Iterator[tuple[str, str]]:
    """Fields and operators of the conditions of a query."""
    kind = where._pb.WhichOneof("filter_type")
    if kind == "composite_filter":
        for one in where.composite_filter.filters:
            yield from filters(one)
    elif kind is not None:
        one = getattr(where, kind)
        yield one.field.field_path, one.op.name


def needed_index(query: StructuredQuery, sums: tuple[str, ...] = ()) -> Index | None:
    """The index that a query needs, if Firestore does not make it by itself."""
    source = query.from_[0]
    conditions = list(filters(query.where))
    equal = sorted({path for path, operator in conditions if operator in _EQUALITIES})
    ranges = sorted({path for path, operator in conditions if operator not in _EQUALITIES})
    orders = [(one.field.field_path, one.direction.name) for one in query.order_by]
    last = orders[-1][1] if orders else "ASCENDING"
    ordered = {path for path, _ in orders}
    orders += [(path, last) for path in ranges if path not in ordered]
    orders += [(path, last) for path in sums if path not in ordered and path not in ranges]
    orders = [one for one in orders if one[0] != NAME]
    scope = "COLLECTION_GROUP" if source.all_descendants else "COLLECTION"
    fields = (*((path, "ASCENDING") for path in equal), *orders)
    if not fields or (scope == "COLLECTION" and (len(fields) == 1 or not orders)):
        return None
    return Index(source.collection_id, scope, fields, len(equal))


@contextmanager
def recording() -> Iterator[Recorded]:
    """Record what every store does."""
    recorded = Recorded()
    stream, aggregate = FirestoreConnection.stream, FirestoreConnection.aggregate
    commit = FirestoreConnection.commit

    def recorded_stream(db: FirestoreConnection, query: Any) -> Any:
        recorded.add(query._to_protobuf())
        return stream(db, query)

    async def recorded_aggregate(db: FirestoreConnection, query: Any) -> Mapping[str, Any]:
        wanted = query._to_protobuf()
        sums = [one.sum.field.field_path for one in wanted.aggregations if "sum" in one]
        recorded.add(wanted.structured_query, tuple(sums))
        return await aggregate(db, query)

    async def recorded_commit(db: FirestoreConnection, writes: Any) -> Any:
        for write in writes:
            recorded.add_write(write)
        return await commit(db, writes)

    FirestoreConnection.stream = recorded_stream  # type: ignore[method-assign, assignment]
    FirestoreConnection.aggregate = recorded_aggregate  # type: ignore[method-assign]
    FirestoreConnection.commit = recorded_commit  # type: ignore[method-assign]
    try:
        yield recorded
    finally:
        FirestoreConnection.stream = stream  # type: ignore[method-assign]
        FirestoreConnection.aggregate = aggregate  # type: ignore[method-assign]
        FirestoreConnection.commit = commit  # type: ignore[method-assign]


class Called:
    """Notes which methods of an object are called."""

    def __init__(self, target: Any, names: set[str]) -> None:
        self._target = target
        self._names = names

    def __getattr__(self, name: str) -> Any:
        self._names.add(name)
        return getattr(self._target, name)


def methods_of(port: type) -> set[str]:
    """The methods that a port has."""
    return {name for name in vars(port) if not name.startswith("_")}


async def use_everything(project: str) -> set[str]:
    """Call every method of a store in every way that makes a query of its own; their names."""
    called: set[str] = set()
    opened = await FirestoreStore.open(project, events_kept=2)
    store: Any = Called(opened, called)
    documents: Any = Called(opened.documents, called)
    made = await store.add(record(1))
    begun = replace(started(made, 5), owner="a", lease_until=at(30))
    running = await store.replace(begun, "job.updated", log_entry=line("begins"))
    await store.append_log("ann", running.job_id, [line("more")])
    over = await store.add(ended(record(2)))
    for sort in FIELD:
        for order in ("asc", "desc"):
            query = JobQuery(sort=sort, order=order, limit=1, since=at(-9), until=at(99))
            page = await store.page("ann", query)
            await store.page("ann", query.model_copy(update={"cursor": page.next_cursor}))
    for query in (JobQuery(), JobQuery(text="job"), JobQuery(since=at(0))):
        await store.counts("ann", query)
    await store.tally("ann", since=at(0), before=[at(99)])
    for customer in (None, "ann"):
        await store.in_state(State.QUEUED, customer=customer)
    await store.unleased(at=at(99))
    await store.renew_leases("a", until=at(60))
    await store.release_leases("a")
    await store.has_input("ann", "in.csv")
    await store.find("ann", "key 1")
    await store.ended("ann", before=at(99), limit=9)
    await store.awaiting_cleanup()
    await store.customers()
    await store.usage("ann")
    await store.events("ann", after=0)
    await store.last_cursor("ann")
    await store.changes(after=(await store.changes()).position)
    await store.log("ann", running.job_id, after=0)
    await store.delete("ann", [over.job_id], only_in=ENDED, at=at(99))
    for job_id in (running.job_id, over.job_id):
        await asyncio.gather(store.get("ann", job_id), return_exceptions=True)
    await documents.put(
        Document("ann", "template", "one", due=at(1)), notice=Notice("alert.raised", at(1), {})
    )
    await documents.get("ann", "template", "one")
    await documents.page("ann", "template", prefix="o", after="oa")
    await documents.due("template", until=at(1) + timedelta(days=1))
    await documents.next_due("template")
    await documents.delete("ann", "template", "one")
    await opened.transfer.owners()
    await opened.transfer.documents("ann", after=("template", "a"))
    called.add("documents")
    await store.aclose()
    return called


def derived(place: Path) -> tuple[Recorded, set[str]]:
    """What a store did whose every method was called, and which methods were."""
    with recording() as recorded:
        called = asyncio.run(use_everything(project_at(place)))
    return recorded, called


EVERY_METHOD = methods_of(JobStore) | methods_of(Documents)


def main() -> None:
    with tempfile.TemporaryDirectory() as place, running() as address:
        os.environ[VARIABLE] = address
        recorded, _ = derived(Path(place))
    FILE.write_text(json.dumps(recorded.as_file(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
