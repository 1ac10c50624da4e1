"""What every store guarantees about leases and about changes that other processes made."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from datagen_nb.core.errors import VersionConflict
from datagen_nb.core.status import State
from datagen_nb.core.store import CustomerUsage, Document, JobRecord, JobStore, Notice
from tests.contracts.test_store import (
    ENDED,
    Opener,
    adapter,
    at,
    ended,
    line,
    opened,
    record,
    started,
    store,
)

__all__ = ["adapter", "opened", "store"]  # fixtures: every adapter that test_store knows


async def leased(
    store: JobStore, number: int, owner: str, until: datetime | None, customer: str = "ann"
) -> JobRecord:
    """A job that a process runs."""
    made = await store.add(record(number, customer))
    begun = replace(started(made, number + 1), owner=owner, lease_until=until)
    return await store.replace(begun, "job.updated")


async def ids(store: JobStore, seconds: float) -> set[str]:
    return {found.job_id for found in await store.unleased(at=at(seconds))}


async def test_a_lease_is_stored_with_its_job(store: JobStore) -> None:
    """Owner and end come back, and another change keeps or clears them."""
    kept = await leased(store, 1, "a", at(30))
    assert await store.get("ann", kept.job_id) == kept
    assert (kept.owner, kept.lease_until) == ("a", at(30))
    cleared = await store.replace(replace(kept, owner="", lease_until=None), None)
    assert await store.get("ann", kept.job_id) == cleared


async def test_only_jobs_without_a_live_lease_are_unleased(store: JobStore) -> None:
    """Running ones that have none or an expired one, of any owner; never queued ones."""
    dead = await leased(store, 1, "a", at(30))
    alive = await leased(store, 2, "b", at(60))
    none = await leased(store, 3, "", None, customer="bob")
    await store.add(record(4))
    assert await ids(store, 10) == {none.job_id}
    assert await ids(store, 31) == {none.job_id, dead.job_id}
    assert await ids(store, 61) == {none.job_id, dead.job_id, alive.job_id}
    assert len(await store.unleased(at=at(61), limit=2)) == 2


async def test_a_queued_job_may_be_held_for_its_owner(store: JobStore) -> None:
    """As while it waits to be tried again; when that has expired, any process may start it."""
    made = await store.add(record(1))
    await store.replace(replace(made, owner="a", lease_until=at(30)), None)
    assert await ids(store, 10) == set()
    assert await ids(store, 31) == {made.job_id}


async def test_an_owner_renews_its_own_leases(store: JobStore) -> None:
    """Those of running jobs, all at once; it learns which they are."""
    mine = await leased(store, 1, "a", at(30))
    his = await leased(store, 2, "b", at(30))
    over = await leased(store, 3, "a", at(30))
    await store.replace(ended(over), "job.cancelled")
    held = await store.renew_leases("a", until=at(60))
    assert {tuple(key) for key in held} == {("ann", mine.job_id)}
    assert await ids(store, 40) == {his.job_id}
    assert await store.renew_leases("nobody", until=at(60)) == []


async def test_a_renewed_lease_cannot_be_taken_over(store: JobStore) -> None:
    """A writer that read the job before the renewal has an old version."""
    kept = await leased(store, 1, "a", at(30))
    (read,) = await store.unleased(at=at(31))
    await store.renew_leases("a", until=at(60))
    with pytest.raises(VersionConflict):
        await store.replace(replace(read, owner="b", lease_until=at(60)), "job.updated")
    assert (await store.get("ann", kept.job_id)).owner == "a"


async def test_released_leases_are_free_at_once(store: JobStore) -> None:
    """Those of the owner, in every state; no one else's."""
    mine = await leased(store, 1, "a", at(30))
    await leased(store, 2, "b", at(30))
    held = await store.add(record(3))
    await store.replace(replace(held, owner="a", lease_until=at(30)), None)
    await store.release_leases("a")
    assert await ids(store, 1) == {mine.job_id}
    for job_id in (mine.job_id, held.job_id):
        assert (await store.get("ann", job_id)).owner == ""


async def test_of_many_that_take_one_job_over_one_does(store: JobStore) -> None:
    """The others read again."""
    await leased(store, 1, "a", at(30))
    (read,) = await store.unleased(at=at(31))
    taken = await asyncio.gather(
        *(
            store.replace(replace(read, owner=f"p{n}", lease_until=at(60)), "job.updated")
            for n in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, VersionConflict) for one in taken) == 19


async def test_jobs_in_a_state_are_found_by_customer(store: JobStore) -> None:
    """The oldest first; another customer's are left out."""
    for number, customer in ((2, "ann"), (1, "ann"), (3, "bob")):
        await store.add(record(number, customer))
    found = await store.in_state(State.QUEUED, customer="ann")
    assert [one.config.name for one in found] == ["job 1", "job 2"]
    assert [one.customer for one in await store.in_state(State.QUEUED, customer="bob")] == ["bob"]


async def test_every_change_is_reported_with_its_customer(store: JobStore) -> None:
    """Of jobs, logs, documents and notices; each once, and only what came after the position."""
    made = await store.add(record(1))
    position = (await store.changes()).position
    assert not (await store.changes(after=position)).customers

    async def reported() -> list[str]:
        nonlocal position
        found = await store.changes(after=position)
        position = found.position
        return list(found.customers)

    await store.add(record(2, "bob"))
    await store.add(record(3, "bob"))
    assert await reported() == ["bob"]
    await store.replace(ended(made), "job.cancelled")
    assert await reported() == ["ann"]
    await store.append_log("bob", record(2).job_id, [line("a")])
    await store.documents.put(Document("cy", "template", "x"), notice=None)
    await store.documents.put(
        Document("ann", "alert", "x"), notice=Notice("alert.raised", at(1), {})
    )
    assert await reported() == ["bob", "cy", "ann"]
    await store.documents.delete("cy", "template", "x")
    await store.delete("ann", [made.job_id], only_in=ENDED, at=at(99))
    assert await reported() == ["cy", "ann"]
    assert await reported() == []


async def test_two_that_share_a_store_see_each_others_changes(opened: Opener) -> None:
    """As two service processes do: jobs, usage, events, positions."""
    one, two = await opened(), await opened()
    try:
        position = (await two.changes()).position
        made = await one.add(record(1))
        assert list((await two.changes(after=position)).customers) == ["ann"]
        assert await two.usage("ann") == CustomerUsage(waiting=1)
        kept = await two.replace(started(made, 5), "job.updated")
        with pytest.raises(VersionConflict):
            await one.replace(ended(made), "job.cancelled")
        await one.replace(ended(kept), "job.cancelled")
        cursors = [event.cursor for event in await two.events("ann", after=0)]
        assert cursors == [1, 2, 3]
    finally:
        await one.aclose()
        await two.aclose()


async def test_a_store_knows_its_own_changes(opened: Opener) -> None:
    """Those of another are reported, also when its own came after them."""
    one, other = await opened(), await opened()
    try:
        made = await one.add(record(1))
        position = (await one.changes()).position

        async def reported() -> list[str]:
            nonlocal position
            found = await one.changes(after=position, by_others=True)
            position = found.position
            return list(found.customers)

        await reported()
        made = await one.replace(started(made, 5), "job.updated")
        assert await reported() == []
        await other.append_log("ann", made.job_id, [line("other")])
        assert await reported() == ["ann"]
        await other.append_log("ann", made.job_id, [line("other")])
        await one.replace(made, "job.updated")
        assert await reported() == ["ann"]
        await one.append_log("ann", made.job_id, [line("own")])
        assert await reported() == []
    finally:
        await one.aclose()
        await other.aclose()
