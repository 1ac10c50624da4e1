"""What every store keeps to about documents, whatever it is made of."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import LimitReached, VersionConflict
from datagen_nb.core.store import CustomerUsage, Document, JobStore, Notice
from tests.contracts.test_store import (
    ADAPTERS,
    EXAMPLES,
    NOW,
    Opener,
    adapter,
    at,
    opened,
    record,
    store,
)

__all__ = ["adapter", "opened", "store"]  # fixtures: every adapter that test_store knows


def document(id: str = "one", customer: str = "ann", kind: str = "template", **rest) -> Document:
    return Document(customer, kind, id, rest.pop("body", {"größe": [1, None, "x"]}), **rest)


async def test_what_is_put_is_there(store: JobStore) -> None:
    """Every field comes back, the version one higher."""
    made = document(due=at(5.125), size=7)
    await store.documents.put(made)
    assert await store.documents.get("ann", "template", "one") == replace(made, version=1)
    assert await store.documents.get("ann", "template", "two") is None


async def test_customers_and_kinds_do_not_see_each_other(store: JobStore) -> None:
    """Neither by name nor by page, and one cannot remove the other's."""
    await store.documents.put(document())
    for customer, kind in (("bob", "template"), ("ann", "schedule"), ("", "template")):
        assert await store.documents.get(customer, kind, "one") is None
        assert await store.documents.page(customer, kind) == []
        assert not await store.documents.delete(customer, kind, "one")
    assert await store.documents.delete("ann", "template", "one")
    assert not await store.documents.delete("ann", "template", "one")


async def test_a_change_needs_the_version_that_was_read(store: JobStore) -> None:
    """An older one is a conflict; so is making what is there, or changing what is gone."""
    await store.documents.put(document())
    with pytest.raises(VersionConflict):
        await store.documents.put(document(body={"other": 1}))
    first = await store.documents.get("ann", "template", "one")
    await store.documents.put(replace(first, body={"n": 2}))
    with pytest.raises(VersionConflict):
        await store.documents.put(replace(first, body={"n": 3}))
    assert (await store.documents.get("ann", "template", "one")).body == {"n": 2}
    await store.documents.delete("ann", "template", "one")
    with pytest.raises(VersionConflict):
        await store.documents.put(replace(first, version=2))


async def test_of_many_changes_at_once_none_is_lost(store: JobStore) -> None:
    """Fifty who each add one reach fifty."""
    await store.documents.put(document(body={"n": 0}))

    async def add() -> None:
        while True:
            read = await store.documents.get("ann", "template", "one")
            try:
                await store.documents.put(replace(read, body={"n": read.body["n"] + 1}))
            except VersionConflict:
                continue
            return

    await asyncio.gather(*(add() for _ in range(50)))
    assert (await store.documents.get("ann", "template", "one")).body == {"n": 50}


async def test_several_are_written_together_or_not_at_all(store: JobStore) -> None:
    """With their notice, which is an event like any other."""
    await store.add(record(1))
    notice = Notice("alert.raised", at(9), {"why": "ö"})
    await store.documents.put(document("one"), document("two"), notice=notice)
    (_, reported) = await store.events("ann", after=0)
    assert (reported.cursor, reported.event, reported.job_id) == (2, "alert.raised", None)
    assert (reported.timestamp, reported.data) == (at(9), {"why": "ö"})
    with pytest.raises(VersionConflict):
        await store.documents.put(document("three"), document("two"), notice=notice)
    assert await store.documents.get("ann", "template", "three") is None
    assert await store.last_cursor("ann") == 2


async def test_a_precondition_is_evaluated_before_anything_is_written(store: JobStore) -> None:
    """Over what the customer has at that moment, sizes of documents counted."""
    await store.documents.put(document("one", size=40))
    await store.documents.put(document("his", customer="bob", size=99))

    def precondition(usage: CustomerUsage) -> None:
        if usage.stored + 40 > 100:
            raise LimitReached("Full.")

    await store.documents.put(document("two", size=40), precondition=precondition)
    with pytest.raises(LimitReached):
        await store.documents.put(document("three", size=40), precondition=precondition)
    assert (await store.usage("ann")).stored == 80


async def test_bytes_follow_each_change(store: JobStore) -> None:
    """More, less, gone."""
    for size, version in ((10, 0), (25, 1), (3, 2)):
        await store.documents.put(document(size=size, version=version))
        assert (await store.usage("ann")).stored == size
    await store.documents.delete("ann", "template", "one")
    assert (await store.usage("ann")).stored == 0


async def test_pages_are_by_id(store: JobStore) -> None:
    """Those with a prefix, from behind one on, a bounded number."""
    for id in ("b@2", "a@1", "b@1", "b@10", "ü", "c"):
        await store.documents.put(document(id))

    async def ids(**how) -> list[str]:
        return [found.id for found in await store.documents.page("ann", "template", **how)]

    assert await ids() == ["a@1", "b@1", "b@10", "b@2", "c", "ü"]
    assert await ids(prefix="b@") == ["b@1", "b@10", "b@2"]
    assert await ids(prefix="b@", after="b@1") == ["b@10", "b@2"]
    assert await ids(after="b@2", limit=1) == ["c"]


async def test_what_is_due_is_found_the_oldest_first(store: JobStore) -> None:
    """Of all customers; what is not due, of another kind, or without a time is left out."""
    for id, customer, seconds in (("x", "ann", 30), ("y", "bob", 10), ("z", "ann", 90)):
        await store.documents.put(document(id, customer, due=at(seconds)))
    await store.documents.put(document("never"))
    await store.documents.put(document("other", kind="schedule", due=at(1)))
    found = await store.documents.due("template", until=at(30))
    assert [(one.customer, one.id) for one in found] == [("bob", "y"), ("ann", "x")]
    assert len(await store.documents.due("template", until=at(99), limit=2)) == 2
    assert await store.documents.next_due("template") == at(10)
    assert await store.documents.next_due("nothing") is None


async def test_documents_outlive_the_store(opened: Opener) -> None:
    """Opened again it has them, and goes on counting."""
    first = await opened()
    await first.documents.put(document(size=4, due=NOW + timedelta(days=400)))
    await first.aclose()
    again = await opened()
    try:
        kept = await again.documents.get("ann", "template", "one")
        assert (kept.version, kept.size, kept.due) == (1, 4, NOW + timedelta(days=400))
        assert (await again.usage("ann")).stored == 4
    finally:
        await again.aclose()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)


def test_any_body_and_name_come_back(adapter: str, tmp_path) -> None:
    """Unicode, numbers, nesting: as they were."""

    async def kept(body, id) -> object:
        store = await ADAPTERS[adapter](tmp_path)()
        try:
            old = await store.documents.get("ann", "any", id)
            version = 0 if old is None else old.version
            await store.documents.put(document(id, kind="any", body=body, version=version))
            return (await store.documents.get("ann", "any", id)).body
        finally:
            await store.aclose()

    @given(body=st.dictionaries(st.text(), JSON, max_size=4), id=st.text(min_size=1, max_size=20))
    @settings(max_examples=EXAMPLES[adapter])
    def check(body, id) -> None:
        assert asyncio.run(kept(body, id)) == body

    check()
