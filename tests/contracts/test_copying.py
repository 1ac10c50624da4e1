"""A copy of a store is the store, whatever either of them is made of."""

from dataclasses import replace

import pytest

from datagen_nb.cli import main
from datagen_nb.core.errors import HomeError
from datagen_nb.core.store import Document, Notice
from datagen_nb.stores.copying import copy_store
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.contracts.test_owners import document, fill, stopped, twin, world
from tests.contracts.test_store import ENDED, adapter, at, line, opened, record, started
from tests.firestore_emulator import project_at

__all__ = ["adapter", "opened"]  # fixtures: every adapter that test_store knows


async def filled(folder):
    """A store with two customers, whose jobs stand in several ways, and its own documents."""
    store = await SqliteStore.open(folder / "jobs.sqlite")
    for customer in ("ann", "bob"):
        await fill(store, customer)
    await store.documents.put(document("ann", version=1, body="ö"))
    await store.documents.put(
        Document("ann", "alert", "a/b"), notice=Notice("alert.raised", at(9), {"why": "ü"})
    )
    gone = await store.add(stopped(8, "ann"))
    await store.append_log("ann", gone.job_id, [line("gone")])
    await store.delete("ann", [gone.job_id], only_in=ENDED, at=at(500))
    for kind in ("key", "customer", "a-b"):
        await store.documents.put(document("", kind))
    await store.documents.put(Document("cy", "template", "x"))
    return store


async def test_a_copy_and_its_copy_have_everything(opened, tmp_path):
    """Numbers, versions, keys and usage; and it goes on where the first one was."""
    source, there = await filled(tmp_path), await opened()
    back = await SqliteStore.open(tmp_path / "back.sqlite")
    try:
        copied = await copy_store(source, there)
        assert (copied.customers, copied.jobs, copied.lines) == (3, 8, 8)
        assert copied == await copy_store(there, back)
        for customer in ("ann", "bob"):
            assert await world(there, customer) == await world(source, customer)
            assert await world(back, customer) == await world(source, customer)
        for store in (there, back):
            last = await source.last_cursor("ann")
            kept = await store.find("ann", "key 2")
            moved = await store.replace(started(kept, 9), "job.updated", log_entry=line("on"))
            assert moved.version == kept.version + 1
            assert await store.last_cursor("ann") == last + 1
            lines = await store.log("ann", moved.job_id, after=0)
            assert [one.cursor for one in lines] == [1, 2]
            assert (await store.usage("ann")).running == 2
            assert [one.kind for one in await store.transfer.documents("")] != []
    finally:
        for store in (source, there, back):
            await store.aclose()


async def test_only_an_empty_store_is_copied_to(opened, tmp_path):
    """Nothing of what is there is overwritten."""
    source, there = await filled(tmp_path), await opened()
    try:
        await there.documents.put(Document("", "key", "one"))
        with pytest.raises(HomeError, match="not empty"):
            await copy_store(source, there)
    finally:
        await source.aclose()
        await there.aclose()


async def test_a_copy_that_lacks_something_is_reported(tmp_path, monkeypatch):
    """With what differs, and of whom."""
    source = await filled(tmp_path)
    there = await SqliteStore.open(tmp_path / "there.sqlite")
    restore = there.transfer.restore

    async def loses(records):
        await restore(replace(records, lines=records.lines[:-1]))

    monkeypatch.setattr(there.transfer, "restore", loses)
    try:
        with pytest.raises(HomeError, match=f"log of {twin(2, 'ann').job_id} of ann"):
            await copy_store(source, there)
    finally:
        await source.aclose()
        await there.aclose()


async def test_a_home_is_copied_by_a_command(adapter, tmp_path, capsys, monkeypatch):
    """To a database or another home; what was copied is counted."""
    import asyncio

    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    store = await SqliteStore.open(home / "jobs.sqlite")
    await store.add(record(1))
    await store.aclose()
    target = f"firestore://{project_at(tmp_path)}"
    if adapter == "sqlite":
        target = str(tmp_path / "other")
    arguments = ["copy", "--from", str(home), "--to", target]
    assert await asyncio.to_thread(main, arguments) == 0
    assert "1 customers, 1 jobs, 1 events" in capsys.readouterr().out
    assert await asyncio.to_thread(main, arguments) == 1
    assert "not empty" in capsys.readouterr().err
