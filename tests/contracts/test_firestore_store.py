"""What is peculiar to the store in Firestore: answers that are lost, and whose a change is."""

from dataclasses import replace

import pytest

from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.store import Document
from datagen_nb.stores.firestore import deletion
from datagen_nb.stores.firestore.connection import FirestoreConnection, WriteUncertain
from datagen_nb.stores.firestore.store import FirestoreStore
from tests.contracts.test_store import ENDED, at, ended, line, record, started
from tests.firestore_emulator import VARIABLE, project_at


@pytest.fixture
async def open_store(firestore_emulator, monkeypatch, tmp_path):
    """Opens a store in one database, as one of several services."""
    monkeypatch.setenv(VARIABLE, firestore_emulator)
    stores = []

    async def open_one():
        stores.append(await FirestoreStore.open(project_at(tmp_path)))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.aclose()


@pytest.fixture
def lose_answer(monkeypatch):
    """Lets the answer to the next commit be lost, after it was carried out or before."""
    commit, lost = FirestoreConnection.commit, []

    async def loses(db, writes):
        if not lost:
            return await commit(db, writes)
        if lost.pop() == "after":
            await commit(db, writes)
        raise WriteUncertain from OSError("the line is dead")

    monkeypatch.setattr(FirestoreConnection, "commit", loses)
    return lost.append


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_change_whose_answer_is_lost_is_made_once(open_store, lose_answer, moment):
    """Whether it was carried out is seen by its mark; its result is the same."""
    store = await open_store()
    lose_answer(moment)
    made = await store.add(replace(record(1), size=7))
    lose_answer(moment)
    moved = await store.replace(started(made, 5), "job.updated", log_entry=line("begins"))
    lose_answer(moment)
    await store.append_log("ann", made.job_id, [line("more")])
    lose_answer(moment)
    await store.documents.put(Document("ann", "template", "one", size=3))
    assert moved.version == made.version + 1
    assert await store.get("ann", made.job_id) == moved
    assert await store.last_cursor("ann") == 2
    assert [one.message for one in await store.log("ann", made.job_id, after=0)] == [
        "begins",
        "more",
    ]
    assert (await store.usage("ann")).stored == 10
    assert len((await store.page("ann", JobQuery())).jobs) == 1


async def test_a_lost_answer_about_the_services_own_documents_is_said(open_store, lose_answer):
    """Their writer reads again what is there."""
    store = await open_store()
    lose_answer("after")
    with pytest.raises(ServiceUnavailable, match="the line is dead"):
        await store.documents.put(Document("", "lease", "leader"))
    assert (await store.documents.get("", "lease", "leader")).version == 1


async def test_a_long_job_is_deleted_whole(open_store, monkeypatch):
    """With more events and lines than fit into a commit; those of another job stay."""
    monkeypatch.setattr(deletion, "AT_ONCE", 3)
    store = await open_store()
    other, made = await store.add(record(2)), await store.add(record(1))
    for number in range(5):
        made = await store.replace(made, "job.updated", log_entry=line(f"{number}"))
    made = await store.replace(ended(made), "job.cancelled")
    assert await store.delete("ann", [made.job_id], only_in=ENDED, at=at(99)) == [made.job_id]
    assert await store.log("ann", made.job_id, after=0) == []
    assert [one.job_id for one in await store.events("ann", after=0)] == [
        other.job_id,
        made.job_id,
    ]
