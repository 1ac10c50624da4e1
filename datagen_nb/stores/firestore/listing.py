"""Lists of jobs in Firestore: pages by keyset in any order, and counts.

Every list is made of queries of one shape, so that one index serves an order with any filter.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.messages import JobPage, JobQuery
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.heads import Head
from datagen_nb.stores.firestore.names import JOBS
from datagen_nb.stores.listing import FIELD, cursor_of, read_cursor

_LOWEST: Mapping[str, Any] = {"ended": "", "name": "", "rows": 0, "made": 0, "took": 0}
"""The lowest value of each field; those without a value are below it."""

_OPTIONAL = frozenset({"ended", "made", "took"})
"""Fields that a job may lack."""

_DIRECTION = {"asc": "ASCENDING", "desc": "DESCENDING"}


async def page(db: FirestoreConnection, customer: str, query: JobQuery) -> JobPage:
    """A page of jobs.

    Raises:
        ConfigurationError: The cursor does not come from a page of such a query.
    """
    last = None if query.cursor is None else read_cursor(query)
    wanted = query.offset + query.limit + 1
    found: list[dict[str, Any]] = []
    for part in _parts(db.of(customer, JOBS), query, last):
        bounded = part if query.text else part.limit(wanted - len(found))
        async with aclosing(db.stream(bounded)) as listed:
            async for job in listed:
                if has_words(job.to_dict(), query.text):
                    found.append(job.to_dict())
                if len(found) == wanted:
                    break
        if len(found) == wanted:
            break
    selected = found[query.offset : query.offset + query.limit]
    next_cursor = None
    if len(found) == wanted:
        next_cursor = cursor_of(query, selected[-1]["job_id"], selected[-1][FIELD[query.sort]])
    jobs = tuple(JobStatus.from_wire(job["status"]) for job in selected)
    return JobPage(jobs=jobs, next_cursor=next_cursor)


async def counts(db: FirestoreConnection, customer: str, query: JobQuery) -> Mapping[State, int]:
    """Count the jobs of a query by state; its own states are ignored."""
    if query.text:
        return await _counts_by_hand(db, customer, query)
    if query.since is None and query.until is None:
        head = Head.of(await db.get(db.head(customer)))
        return {State(state): number for state, number in head.states.items() if number}
    jobs = _created(db.of(customer, JOBS), query)
    found = await asyncio.gather(
        *(
            db.aggregate(jobs.where(filter=FieldFilter("state", "==", state.value)).count("jobs"))
            for state in State
        )
    )
    return {state: one["jobs"] for state, one in zip(State, found, strict=True) if one["jobs"]}


async def _counts_by_hand(
    db: FirestoreConnection, customer: str, query: JobQuery
) -> Mapping[State, int]:
    found: Counter[State] = Counter()
    jobs = _in_states(_created(db.of(customer, JOBS), query), ()).order_by("job_id")
    fields = jobs.select(["state", "words", "job_id"])
    async with aclosing(db.stream(fields)) as all_jobs:
        async for job in all_jobs:
            if has_words(job.to_dict(), query.text):
                found[State(job.get("state"))] += 1
    return found


def has_words(job: Mapping[str, Any], text: str) -> bool:
    """Whether all words of a search are in a job's; one like an id may be part of the id."""
    return all(
        word in job["words"] or (word.startswith("j_") and word in job["job_id"].lower())
        for word in text.casefold().split()
    )


def _parts(jobs: Any, query: JobQuery, last: tuple[Any, str] | None) -> Iterator[Any]:
    """The queries whose results, one after another, are a list from its last job on."""
    field, direction = FIELD[query.sort], _DIRECTION[query.order]
    created = _created(jobs, query)
    listed = _in_states(created, query.status)
    value, job_id = last or (None, None)
    if field == "job_id":
        yield _after(listed.order_by("job_id", direction=direction), job_id)
    elif field == "state":
        # The states of a list are a filter: they are ordered here.
        for state in sorted(query.status or State, reverse=query.order == "desc"):
            if value is not None and (state > value if query.order == "desc" else state < value):
                continue
            one = _in_states(created, (state,)).order_by("job_id", direction="DESCENDING")
            yield _after(one, job_id if state == value else None)
    else:
        with_value = listed.where(filter=FieldFilter(field, ">=", _LOWEST[field]))
        ordered = with_value.order_by(field, direction=direction)
        ordered = ordered.order_by("job_id", direction="DESCENDING")
        if last is None:
            yield ordered
        elif value is not None:
            yield ordered.start_after({field: value, "job_id": job_id})
        if field in _OPTIONAL:
            without = listed.where(filter=FieldFilter(field, "==", None))
            without = without.order_by("job_id", direction="DESCENDING")
            yield _after(without, job_id if value is None else None)


def _after(ordered: Any, job_id: str | None) -> Any:
    return ordered if job_id is None else ordered.start_after({"job_id": job_id})


def _in_states(jobs: Any, states: Sequence[State]) -> Any:
    wanted = [state.value for state in states or State]
    return jobs.where(filter=FieldFilter("state", "in", wanted))


def _created(jobs: Any, query: JobQuery) -> Any:
    since = "" if query.since is None else format_instant(query.since)
    jobs = jobs.where(filter=FieldFilter("created", ">=", since))
    if query.until is None:
        return jobs
    return jobs.where(filter=FieldFilter("created", "<", format_instant(query.until)))
