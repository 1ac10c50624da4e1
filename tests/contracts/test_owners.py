"""What every store keeps to between customers, even when all their ids are the same."""

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datagen_nb.core.errors import JobNotFound
from datagen_nb.core.messages import JobQuery, LogEntry
from datagen_nb.core.status import State
from datagen_nb.core.store import Document, JobRecord, JobStore, Notice
from datagen_nb.core.transfer import CopyableStore
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.contracts.test_store import (
    ENDED,
    NOW,
    Opener,
    adapter,
    at,
    ended,
    opened,
    record,
    started,
    store,
)

__all__ = ["adapter", "opened", "store"]  # fixtures: every adapter that test_store knows

JOBS = 4


def twin(number: int, customer: str) -> JobRecord:
    """A job of which each customer has one with the same id and key."""
    return record(number, customer=customer, key=f"key {number}")


def stopped(number: int, customer: str, seconds: float = 60) -> JobRecord:
    """A job that was cancelled while it ran, so that a cooldown begins."""
    return ended(started(twin(number, customer), 5), seconds)


def line(text: str) -> LogEntry:
    return LogEntry(cursor=0, timestamp=NOW, level="info", message=text)


def document(customer: str, id: str = "one", version: int = 0, body: Any = "x") -> Document:
    return Document(customer, "template", id, {"body": body}, version, due=at(1), size=5)


async def fill(store: JobStore, customer: str) -> None:
    """Two jobs that wait, one that runs, one that was cancelled; logs and documents of each."""
    for number in range(JOBS):
        made = await store.add(twin(number, customer))
        await store.append_log(customer, made.job_id, [line(f"{customer} {number}")])
    await store.replace(started(twin(0, customer), 5), "job.updated")
    await store.replace(stopped(1, customer), "job.cancelled")
    await store.documents.put(document(customer), document(customer, "two"))


async def world(store: CopyableStore, customer: str) -> dict[str, Any]:
    """All that a customer can see."""
    seen: dict[str, Any] = {
        "page": await store.page(customer, JobQuery()),
        "queued": await store.in_state(State.QUEUED, customer=customer),
        "running": await store.page(customer, JobQuery(status=(State.RUNNING,))),
        "ended": await store.ended(customer, before=at(10_000), limit=100),
        "usage": await store.usage(customer),
        "counts": await store.counts(customer, JobQuery()),
        "tally": await store.tally(customer, since=at(-10_000), before=[at(10_000)]),
        "events": await store.events(customer, after=0),
        "cursor": await store.last_cursor(customer),
        "documents": await store.documents.page(customer, "template"),
        "all documents": await store.transfer.documents(customer),
        "tombstones": await store.documents.page(customer, "tombstone"),
    }
    for number in range(JOBS):
        job_id = twin(number, customer).job_id
        seen[f"key {number}"] = await store.find(customer, f"key {number}")
        seen[f"log {number}"] = await store.log(customer, job_id, after=0)
        try:
            seen[f"job {number}"] = await store.get(customer, job_id)
        except JobNotFound as error:
            seen[f"job {number}"] = error.code
    for id in ("one", "two"):
        seen[id] = await store.documents.get(customer, "template", id)
    return seen


ACTIONS: dict[str, Callable[[JobStore], Awaitable[Any]]] = {
    "add": lambda store: store.add(twin(9, "ann")),
    "add again": lambda store: store.add(twin(0, "ann")),
    "replace": lambda store: store.replace(started(twin(2, "ann"), 9), "job.updated"),
    "end": lambda store: store.replace(stopped(2, "ann", 99), "job.cancelled"),
    "end one that runs": lambda store: store.replace(
        replace(stopped(0, "ann", 99), version=1), "job.cancelled"
    ),
    "forget": lambda store: store.delete("ann", [twin(1, "ann").job_id], only_in=ENDED, at=NOW),
    "log": lambda store: store.append_log("ann", twin(0, "ann").job_id, [line("more")] * 3),
    "put": lambda store: store.documents.put(document("ann", version=1, body="y")),
    "put new": lambda store: store.documents.put(document("ann", "three")),
    "notice": lambda store: store.documents.put(
        document("ann", "four"), notice=Notice("alert.raised", NOW, {})
    ),
    "delete": lambda store: store.documents.delete("ann", "template", "one"),
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_what_one_does_changes_nothing_of_anothers(store: JobStore, action: str) -> None:
    """Not a byte, not a version, not a number, though the ids are the same."""
    await fill(store, "ann")
    await fill(store, "bob")
    before = await world(store, "bob")
    await ACTIONS[action](store)
    assert await world(store, "bob") == before


def rows(file: Path, customer: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a SQLite file keeps for a customer, by table."""
    with sqlite3.connect(file) as db:
        columns = db.execute(
            "SELECT tables.name FROM pragma_table_list AS tables"
            " JOIN pragma_table_info(tables.name) AS columns ON columns.name = 'customer'"
            " WHERE tables.type = 'table' ORDER BY tables.name"
        )
        return {
            name: db.execute(f"SELECT * FROM {name} WHERE customer = ?", (customer,)).fetchall()
            for (name,) in columns.fetchall()
        }


@pytest.mark.parametrize("action", ACTIONS)
async def test_what_one_does_writes_no_row_of_anothers(tmp_path: Path, action: str) -> None:
    """Not even where what is read of it would be the same."""
    file = tmp_path / "jobs.db"
    store = await SqliteStore.open(file)
    try:
        await fill(store, "ann")
        await fill(store, "bob")
        before = rows(file, "bob")
        assert len(before["events"]) > JOBS
        await ACTIONS[action](store)
        assert rows(file, "bob") == before
    finally:
        await store.aclose()


async def test_each_sees_the_own_alone(store: JobStore) -> None:
    """A customer's world is the same whether there is another or not."""
    await fill(store, "ann")
    alone = await world(store, "ann")
    await fill(store, "bob")
    assert await world(store, "ann") == alone
    assert alone["usage"].running == 1
    for customer in ("ann", "bob"):
        log = await store.log(customer, twin(0, customer).job_id, after=0)
        assert [(entry.cursor, entry.message) for entry in log] == [(1, f"{customer} 0")]
        events = await store.events(customer, after=0)
        assert [event.cursor for event in events] == list(range(1, JOBS + 3))


async def test_what_another_deleted_was_never_ones_own(store: JobStore) -> None:
    """Who never had a job does not hear that it was deleted."""
    await store.add(twin(1, "ann"))
    await store.replace(ended(twin(1, "ann")), "job.cancelled")
    job_id = twin(1, "ann").job_id
    await store.delete("ann", [job_id], only_in=ENDED, at=NOW)
    with pytest.raises(JobNotFound) as theirs:
        await store.get("bob", job_id)
    assert theirs.value.code == "job_not_found"


async def test_an_input_of_anothers_job_is_none_of_ones_own(store: JobStore) -> None:
    """Under the same path; one's own is found in whatever state its job is."""
    assert not await store.has_input("ann", "in.csv")
    await store.add(twin(1, "ann"))
    await store.replace(ended(twin(1, "ann")), "job.cancelled")
    assert await store.has_input("ann", "in.csv")
    assert not await store.has_input("bob", "in.csv")
    assert not await store.has_input("ann", "other.csv")


async def test_what_is_trimmed_is_the_own(opened: Opener) -> None:
    """Which events go does not depend on another customer, whose ids and numbers are the same."""
    store = await opened(events_kept=6)
    try:
        for number in range(4):
            await store.add(twin(number, "bob"))
        for number in (3, 2, 1, 0, *range(4, 9)):
            await store.add(twin(number, "ann"))
        mine = await store.replace(twin(0, "ann"), "job.updated")
        before = await store.events("ann", after=0)
        for number in (3, 2):
            await store.replace(twin(number, "bob"), "job.updated")
        for number in range(4, 9):
            await store.add(twin(number, "bob"))
        assert await store.events("ann", after=0) == before
        kept = [event.cursor for event in await store.events("bob", after=0)]
        assert kept == [1, 2, *range(5, 12)]
        assert await store.get("ann", mine.job_id) == mine
    finally:
        await store.aclose()
