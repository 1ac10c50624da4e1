"""Event buses: what is published is heard, here and in other processes."""

import asyncio
import logging

from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.service.event_bus import POLL_INTERVAL, LocalEventBus, PollingEventBus
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock
from tests.contracts.test_store import record
from tests.deadline import DEADLINE


def test_a_local_bus_calls_every_listener_at_once():
    """Those of remote changes never: there are no other processes."""
    bus, heard, remote = LocalEventBus(), [], []
    bus.subscribe(heard.append)
    bus.subscribe(lambda customer: heard.append(customer.upper()))
    bus.subscribe_remote(remote.append)
    bus.publish("ann")
    assert (heard, remote) == (["ann", "ANN"], [])


async def test_a_change_of_another_process_is_heard_after_one_poll(tmp_path):
    """By both kinds of listeners; a change from before the start by none."""
    mine = await SqliteStore.open(tmp_path / "jobs.db")
    other = await SqliteStore.open(tmp_path / "jobs.db")
    await other.add(record(1, "early"))
    clock, heard, remote = FakeClock(), asyncio.Queue(), asyncio.Queue()
    bus = PollingEventBus(mine, clock)
    bus.subscribe(heard.put_nowait)
    bus.subscribe_remote(remote.put_nowait)
    await bus.start()
    bus.publish("here")
    await other.add(record(2, "ann"))
    await clock.asleep(POLL_INTERVAL)
    clock.advance(POLL_INTERVAL)
    async with asyncio.timeout(DEADLINE):
        assert await remote.get() == "ann"
        assert [await heard.get(), await heard.get()] == ["here", "ann"]
    await bus.aclose()
    assert remote.empty()
    assert heard.empty()
    await mine.aclose()
    await other.aclose()


async def test_a_bus_outlives_a_store_that_fails_for_a_while(tmp_path, monkeypatch, caplog):
    """It says so, and reports later what it could not read."""
    store = await SqliteStore.open(tmp_path / "jobs.db")
    clock, heard = FakeClock(), asyncio.Queue()
    bus = PollingEventBus(store, clock)
    bus.subscribe_remote(heard.put_nowait)
    await bus.start()
    read = store.changes
    failed = asyncio.Event()

    async def fails(**_):
        failed.set()
        raise ServiceUnavailable("The disk is gone.")

    monkeypatch.setattr(store, "changes", fails)
    await store.add(record(1))
    await clock.asleep(POLL_INTERVAL)
    with caplog.at_level(logging.WARNING):
        clock.advance(POLL_INTERVAL)
        await failed.wait()
        await clock.asleep(POLL_INTERVAL)
    assert "could not be read" in caplog.text
    monkeypatch.setattr(store, "changes", read)
    clock.advance(POLL_INTERVAL)
    async with asyncio.timeout(DEADLINE):
        assert await heard.get() == "ann"
    await bus.aclose()
    await store.aclose()


async def test_an_idle_store_is_polled_less_and_less(tmp_path):
    """Up to a bound, and as often as before once another process has changed something."""
    store = await SqliteStore.open(tmp_path / "jobs.db")
    other = await SqliteStore.open(tmp_path / "jobs.db")
    clock, heard = FakeClock(), asyncio.Queue()
    bus = PollingEventBus(store, clock, longest=5.0)
    bus.subscribe_remote(heard.put_nowait)
    await bus.start()
    for interval in (0.5, 1.0, 2.0, 4.0, 5.0, 5.0):
        await clock.asleep(interval)
        clock.advance(interval)
    await clock.asleep(5.0)
    await other.add(record(1))
    clock.advance(5.0)
    async with asyncio.timeout(DEADLINE):
        assert await heard.get() == "ann"
    await clock.asleep(POLL_INTERVAL)
    await bus.aclose()
    await other.aclose()
    await store.aclose()
