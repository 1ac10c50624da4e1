"""A copy of a store in another: everything is written as it was, counted, read back and compared.

No service may use either of them meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from datagen_nb.core.errors import HomeError
from datagen_nb.core.messages import OTHER_EVENTS, Event, LogEntry
from datagen_nb.core.status import State
from datagen_nb.core.store import Document, JobRecord, JobStore
from datagen_nb.core.transfer import CopyableStore, Records

AT_ONCE = 200
"""Records that are read or written at once."""


@dataclass(slots=True)
class Copied:
    """How much was copied."""

    customers: int = 0
    jobs: int = 0
    events: int = 0
    lines: int = 0
    documents: int = 0


async def copy_store(source: CopyableStore, target: CopyableStore) -> Copied:
    """Copy everything into an empty store, then compare.

    Raises:
        HomeError: The target is not empty, or what it has now is not what the source has.
    """
    if await target.transfer.owners():
        raise HomeError("The store to copy to is not empty. Name an empty one.")
    copied = Copied()
    for customer in await source.transfer.owners():
        copied.customers += bool(customer)
        await _copy(customer, source, target, copied)
        await _compare(customer, source, target)
    return copied


async def _copy(
    customer: str, source: CopyableStore, target: CopyableStore, copied: Copied
) -> None:
    newest: dict[str, int] = {}
    restore = target.transfer.restore
    async for events in _pages_of_events(source, customer):
        newest |= {one.job_id: one.cursor for one in events if one.job_id and _is_of_a_job(one)}
        copied.events += len(events)
        await restore(Records(customer, events=events))
    async for jobs in _pages_of_jobs(source, customer):
        copied.jobs += len(jobs)
        await restore(Records(customer, jobs=jobs, newest=newest))
        for job in jobs:
            async for lines in _pages_of_lines(source, job):
                copied.lines += len(lines)
                await restore(Records(customer, lines=[(job.job_id, line) for line in lines]))
    async for documents in _pages_of_documents(source, customer):
        copied.documents += len(documents)
        await restore(Records(customer, documents=documents))
    usage, cursor = await source.usage(customer), await source.last_cursor(customer)
    await target.transfer.finish(customer, usage=usage, cursor=cursor)


async def _compare(customer: str, source: CopyableStore, target: CopyableStore) -> None:
    """Read everything of a customer from both."""
    if customer:  # the service's own documents count for no quota
        _check(customer, "usage", await source.usage(customer), await target.usage(customer))
    cursors = await source.last_cursor(customer), await target.last_cursor(customer)
    _check(customer, "newest event", *cursors)
    theirs = _pages_of_events(target, customer)
    async for events in _pages_of_events(source, customer):
        _check(customer, "events", events, await anext(theirs, None))
    _check(customer, "events", None, await anext(theirs, None))
    copies = _pages_of_jobs(target, customer)
    async for jobs in _pages_of_jobs(source, customer):
        _check(customer, "jobs", jobs, await anext(copies, None))
        for job in jobs:
            copied_lines = _pages_of_lines(target, job)
            async for lines in _pages_of_lines(source, job):
                _check(customer, f"log of {job.job_id}", lines, await anext(copied_lines, None))
    _check(customer, "jobs", None, await anext(copies, None))
    count = 0
    async for documents in _pages_of_documents(source, customer):
        count += len(documents)
        for one in documents:
            found = await target.documents.get(customer, one.kind, one.id)
            _check(customer, f"{one.kind} {one.id}", one, found)
    async for documents in _pages_of_documents(target, customer):
        count -= len(documents)
    _check(customer, "number of documents", count, 0)


def _check(customer: str, what: str, wanted: object, found: object) -> None:
    if wanted != found:
        raise HomeError(
            f"The copy differs: {what} of {customer or 'the service'}. Was a service running? Stop "
            "it, and copy again to an empty store.",
            details={"customer": customer, "what": what},
        )


def _is_of_a_job(event: Event) -> bool:
    return event.event not in OTHER_EVENTS


async def _pages_of_events(store: JobStore, customer: str) -> AsyncGenerator[Sequence[Event], None]:
    after = 0
    while page := [*await store.events(customer, after=after, limit=AT_ONCE)]:
        yield page
        after = page[-1].cursor


async def _pages_of_jobs(
    store: JobStore, customer: str
) -> AsyncGenerator[Sequence[JobRecord], None]:
    for state in State:
        after = ("", "")
        while page := [
            *await store.in_state(state, customer=customer, after=after, limit=AT_ONCE // 2)
        ]:
            yield page
            after = (page[-1].job_id, customer)


async def _pages_of_lines(
    store: JobStore, job: JobRecord
) -> AsyncGenerator[Sequence[LogEntry], None]:
    after = 0
    while page := [*await store.log(job.customer, job.job_id, after=after, limit=AT_ONCE)]:
        yield page
        after = page[-1].cursor


async def _pages_of_documents(
    store: CopyableStore, customer: str
) -> AsyncGenerator[Sequence[Document], None]:
    after = ("", "")
    while page := [*await store.transfer.documents(customer, after=after, limit=AT_ONCE)]:
        yield page
        after = (page[-1].kind, page[-1].id)
