"""What every store keeps to, whatever it is made of."""

import asyncio
import base64
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.changes import Cancelled, Paused, Progressed, StageStarted, Started
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ConfigurationError,
    JobNotFound,
    LimitReached,
    ServiceUnavailable,
    VersionConflict,
)
from datagen_nb.core.messages import JobQuery, LogEntry
from datagen_nb.core.status import Metadata, State, fold, new_status
from datagen_nb.core.store import (
    EVENTS_KEPT,
    TOMBSTONE,
    CustomerUsage,
    Document,
    JobRecord,
    JobStore,
    Notice,
)
from datagen_nb.stores.firestore.store import FirestoreStore
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.deadline import DEADLINE
from tests.firestore_emulator import VARIABLE, project_at
from tests.pipelines import WEIGHTS

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Opener(Protocol):
    """Opens a store; opening it again gives what was kept there."""

    async def __call__(self, *, events_kept: int = EVENTS_KEPT) -> JobStore: ...


ADAPTERS: dict[str, Callable[[Path], Opener]] = {
    "sqlite": lambda place: partial(SqliteStore.open, place / "jobs.db"),
    "firestore": lambda place: partial(FirestoreStore.open, project_at(place)),
}
"""What opens each store at a place."""

EXAMPLES = {"sqlite": 60, "firestore": 25}
"""How often each store is tried in a test of properties."""


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an adapter, whose database runs."""
    if request.param == "firestore":
        monkeypatch.setenv(VARIABLE, request.getfixturevalue("firestore_emulator"))
    return request.param


@pytest.fixture
def opened(adapter: str, tmp_path: Path) -> Opener:
    return ADAPTERS[adapter](tmp_path)


@pytest.fixture
async def store(opened: Opener) -> AsyncIterator[JobStore]:
    store = await opened()
    yield store
    await store.aclose()


def record(number: int, customer: str = "ann", key: str | None = None) -> JobRecord:
    """A job accepted ``number`` seconds after the first."""
    config = JobConfiguration(
        data_size=1000,
        input_format="csv",
        output_format="csv",
        input_path="in.csv",
        name=f"job {number}",
        parameters={"seed": number, "columns": {"größe": "numeric"}},
        tags=("a", "b"),
    )
    status = new_status(f"j_{number:016d}", config, NOW + timedelta(seconds=number), WEIGHTS)
    return JobRecord(customer, status, config, key or f"key {number}", f"print {number}")


ENDED = [state for state in State if state.is_terminal]


def started(made: JobRecord, seconds: float) -> JobRecord:
    return replace(made, status=fold(made.status, Started(1), at(seconds)))


def ended(made: JobRecord, seconds: float = 60) -> JobRecord:
    return replace(made, status=fold(made.status, Cancelled(), at(seconds)))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def test_what_is_added_is_there_with_its_event(store: JobStore) -> None:
    """Every field comes back, and ``job.created`` is event 1."""
    made = record(1)
    assert await store.add(made) is made
    assert await store.get("ann", made.job_id) == made
    (event,) = await store.events("ann", after=0)
    assert (event.cursor, event.event, event.job_id) == (1, "job.created", made.job_id)
    assert (event.data, event.timestamp) == (made.status, made.status.last_updated)


async def test_the_same_key_gives_the_first_job(store: JobStore) -> None:
    """The second is not kept and makes no event; another customer's key is another key."""
    first, second = record(1, key="k"), record(2, key="k")
    await store.add(first)
    assert await store.add(second) == first
    assert await store.last_cursor("ann") == 1
    with pytest.raises(JobNotFound):
        await store.get("ann", second.job_id)
    other = record(3, customer="bob", key="k")
    assert await store.add(other) is other


async def test_many_adds_of_one_key_at_once_keep_one_job(store: JobStore) -> None:
    """All callers get the same one."""
    kept = await asyncio.gather(*(store.add(record(n, key="k")) for n in range(20)))
    assert len({one.job_id for one in kept}) == 1
    assert len((await store.page("ann", JobQuery())).jobs) == 1


async def test_the_key_finds_the_job_as_it_stands_now(store: JobStore) -> None:
    """A retry of a submit sees how far its job is, and its version."""
    made = record(1, key="k")
    await store.add(made)
    changed = await store.replace(
        replace(made, status=fold(made.status, Started(1), at(5))), "job.updated"
    )
    assert await store.add(record(2, key="k")) == changed
    assert await store.find("ann", "k") == changed
    assert await store.find("ann", "other") is None
    assert await store.find("bob", "k") is None


async def test_an_unknown_job_is_not_found(store: JobStore) -> None:
    """The error names it."""
    with pytest.raises(JobNotFound, match="j_nowhere") as raised:
        await store.get("ann", "j_nowhere")
    assert raised.value.details == {"jobId": "j_nowhere"}


async def test_a_replaced_job_has_its_new_status_and_event(store: JobStore) -> None:
    """The version grows by one with each."""
    made = record(1)
    await store.add(made)
    status = fold(fold(made.status, Started(1), at(5)), StageStarted(1, "fit"), at(6))
    changed = await store.replace(replace(made, status=status), "job.updated")
    assert changed == replace(made, status=status, version=made.version + 1)
    assert await store.get("ann", made.job_id) == changed
    events = await store.events("ann", after=1)
    assert [(event.cursor, event.event, event.data) for event in events] == [
        (2, "job.updated", status)
    ]


async def test_a_change_of_an_old_version_is_refused_whole(store: JobStore) -> None:
    """Neither the status nor an event of it is kept."""
    made = record(1)
    await store.add(made)
    kept = await store.replace(
        replace(made, status=fold(made.status, Paused(9), at(2))), "job.paused"
    )
    with pytest.raises(VersionConflict):
        await store.replace(
            replace(made, status=fold(made.status, Cancelled(), at(3))), "job.cancelled"
        )
    assert await store.get("ann", made.job_id) == kept
    assert await store.last_cursor("ann") == 2


async def test_a_job_that_is_gone_cannot_be_replaced(store: JobStore) -> None:
    """Nor does the attempt bring it back."""
    made = await store.add(ended(record(1)))
    await store.delete("ann", [made.job_id], only_in=ENDED, at=NOW)
    with pytest.raises(VersionConflict):
        await store.replace(made, "job.updated")
    with pytest.raises(JobNotFound):
        await store.get("ann", made.job_id)


async def test_fifty_writers_leave_events_without_gaps(store: JobStore) -> None:
    """Each customer's are 1, 2, 3 …, in the order of each job's changes, nothing lost."""
    changes = 6

    async def live(number: int) -> None:
        customer = f"customer {number % 3}"
        kept = await store.add(record(number, customer))
        kept = await store.replace(
            replace(kept, status=fold(kept.status, Started(1), at(60))), "job.updated"
        )
        for step in range(changes - 2):
            status = fold(kept.status, Progressed(1, "fit", 10.0 * step), at(61 + step))
            kept = await store.replace(replace(kept, status=status), "job.updated")

    await asyncio.gather(*(live(number) for number in range(50)))
    reported = 0
    for customer in ("customer 0", "customer 1", "customer 2"):
        events = await store.events(customer, after=0, limit=500)
        assert [event.cursor for event in events] == list(range(1, len(events) + 1))
        assert await store.last_cursor(customer) == len(events)
        reported += len(events)
        for job_id in {event.job_id for event in events}:
            own = [event.data for event in events if event.job_id == job_id]
            assert len(own) == changes
            assert [status.last_updated for status in own] == sorted(
                status.last_updated for status in own
            )
    assert reported == 50 * changes


async def test_of_many_changes_to_one_version_one_wins(store: JobStore) -> None:
    """The others are asked to read again."""
    made = await store.add(record(1))
    paused = replace(made, status=fold(made.status, Paused(9), at(2)))
    results = await asyncio.gather(
        *(store.replace(paused, "job.paused") for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, VersionConflict) for result in results) == 19
    assert await store.last_cursor("ann") == 2


async def test_events_are_read_from_any_place_on(store: JobStore) -> None:
    """``after`` is not among them; ``limit`` bounds them."""
    for number in range(5):
        await store.add(record(number))
    assert [event.cursor for event in await store.events("ann", after=2)] == [3, 4, 5]
    assert [event.cursor for event in await store.events("ann", after=0, limit=2)] == [1, 2]
    assert await store.events("ann", after=5) == []
    assert await store.last_cursor("nobody") == 0


async def test_an_event_that_was_overtaken_is_never_older_than_it_was(store: JobStore) -> None:
    """Nor newer than the next; its number and its time stay, as does what a job was made as."""
    made = await store.add(record(1))
    kept = await store.replace(started(made, 60), "job.updated")
    for second in range(61, 200):
        moved = fold(kept.status, Progressed(1, "fit", second / 2), at(second))
        kept = await store.replace(replace(kept, status=moved), "job.updated")
    done = await store.replace(ended(kept, 200), "job.cancelled")

    events = await store.events("ann", after=0)

    assert [event.cursor for event in events] == list(range(1, 143))
    assert [event.timestamp for event in events[1:-1]] == [at(s) for s in range(60, 200)]
    assert all(event.data.last_updated >= event.timestamp for event in events)
    read = [event.data.last_updated for event in events]
    assert read == sorted(read)
    assert (events[0].event, events[0].data) == ("job.created", made.status)
    assert (events[-1].event, events[-1].data) == ("job.cancelled", done.status)
    assert {event.event for event in events[1:-1]} == {"job.updated"}


async def test_customers_do_not_see_each_other(store: JobStore) -> None:
    """Not by id, page, count, event or log; nor can one delete the other's."""
    made = ended(record(1, "ann"))
    await store.add(made)
    await store.append_log("ann", made.job_id, [line("hers")])
    with pytest.raises(JobNotFound):
        await store.get("bob", made.job_id)
    with pytest.raises(VersionConflict):
        await store.replace(replace(made, customer="bob"), "job.updated")
    assert (await store.page("bob", JobQuery())).jobs == ()
    assert await store.usage("bob") == CustomerUsage()
    assert await store.ended("bob", before=at(1000), limit=9) == []
    assert await store.events("bob", after=0) == []
    assert await store.log("bob", made.job_id, after=0) == []
    assert await store.delete("bob", [made.job_id], only_in=ENDED, at=NOW) == []
    assert await store.get("ann", made.job_id) == made


async def test_both_customers_may_have_a_job_of_one_name(store: JobStore) -> None:
    """The customer is part of every key."""
    hers, his = record(1, "ann"), replace(record(1, "bob"), fingerprint="his")
    await store.add(hers)
    await store.add(his)
    assert await store.get("ann", hers.job_id) == hers
    assert await store.get("bob", his.job_id) == his


async def walk(store: JobStore, query: JobQuery) -> list[str]:
    """Names of the jobs on all pages; each page but the last is full."""
    found: list[str] = []
    while True:
        page = await store.page("ann", query)
        found += [job.name for job in page.jobs]
        if page.next_cursor is None:
            return found
        assert len(page.jobs) == query.limit
        query = query.model_copy(update={"cursor": page.next_cursor})


@pytest.mark.parametrize("limit", [1, 3, 7, 10, 11, 500])
async def test_pages_hold_every_job_once_the_newest_first(store: JobStore, limit: int) -> None:
    """Whatever the size of a page, also when it divides the number of jobs."""
    for number in (3, 1, 4, 0, 5, 9, 2, 6, 8, 7):
        await store.add(record(number))
    await store.add(record(99, "bob"))
    wanted = [f"job {number}" for number in reversed(range(10))]
    assert await walk(store, JobQuery(limit=limit)) == wanted


async def test_a_job_that_comes_between_two_pages_moves_none(store: JobStore) -> None:
    """A keyset, not an offset."""
    for number in range(6):
        await store.add(ended(record(number)))
    first = await store.page("ann", JobQuery(limit=3))
    await store.add(record(50))
    await store.delete("ann", [record(4).job_id], only_in=ENDED, at=NOW)
    second = await store.page("ann", JobQuery(limit=3, cursor=first.next_cursor))
    assert [job.name for job in second.jobs] == ["job 2", "job 1", "job 0"]
    assert second.next_cursor is None


async def test_pages_keep_to_their_filters(store: JobStore) -> None:
    """States, ``since`` (at or after), ``until`` (before), and all together."""
    for number in range(8):
        kept = await store.add(record(number))
        if number % 2:
            status = fold(kept.status, Cancelled(), at(number))
            await store.replace(replace(kept, status=status), "job.cancelled")
    cancelled = (State.CANCELLED,)
    assert await walk(store, JobQuery(status=cancelled, limit=3)) == [
        "job 7",
        "job 5",
        "job 3",
        "job 1",
    ]
    assert len(await walk(store, JobQuery(status=(State.QUEUED, State.CANCELLED)))) == 8
    assert await walk(store, JobQuery(since=at(6))) == ["job 7", "job 6"]
    assert await walk(store, JobQuery(until=at(2))) == ["job 1", "job 0"]
    both = JobQuery(status=cancelled, since=at(2), until=at(7), limit=1)
    assert await walk(store, both) == ["job 5", "job 3"]
    assert await walk(store, JobQuery(status=(State.PAUSED,))) == []


@st.composite
def jobs(draw):
    """Jobs as they may stand: of all states, with equal and missing values to sort by."""
    made = []
    for number in range(draw(st.integers(0, 14))):
        kept = record(number)
        status = kept.status.model_copy(
            update={
                "status": draw(st.sampled_from(State)),
                "name": draw(st.sampled_from(["", "a", "B", "ä", "a b", "%_", "x" * 200])),
                "data_size": draw(st.integers(1, 3)),
                "end_time": draw(st.one_of(st.none(), st.just(at(1)), st.just(at(2)))),
                "tags": tuple(draw(st.lists(st.sampled_from(["Red", "blue"]), max_size=2))),
                "note": draw(st.sampled_from(["", "seen it"])),
                "metadata": Metadata(
                    output_size=draw(st.one_of(st.none(), st.integers(0, 2))),
                    processing_time=draw(st.one_of(st.none(), st.sampled_from([0.125, 1.5]))),
                ),
            }
        )
        made.append(replace(kept, status=status))
    return made


VALUE = {
    "created": lambda job: job.job_id,
    "ended": lambda job: job.end_time,
    "name": lambda job: job.name.casefold(),
    "rows": lambda job: job.data_size,
    "size": lambda job: job.metadata.output_size,
    "status": lambda job: job.status.value,
    "took": lambda job: job.metadata.processing_time,
}


def test_every_order_has_every_job_once(adapter, tmp_path_factory):
    """Paged, searched and counted as a list in memory would be."""

    async def listed(made, query):
        store = await ADAPTERS[adapter](tmp_path_factory.mktemp("listing"))()
        try:
            for one in made:
                await store.add(one)
            await store.add(record(99, "bob"))
            found, cursor = [], None
            while True:
                page = await store.page("ann", query.model_copy(update={"cursor": cursor}))
                found += page.jobs
                cursor = page.next_cursor
                if cursor is None:
                    return found, await store.counts("ann", query)
        finally:
            await store.aclose()

    @settings(max_examples=EXAMPLES[adapter])
    @given(
        made=jobs(),
        sort=st.sampled_from(sorted(VALUE)),
        order=st.sampled_from(["desc", "asc"]),
        text=st.sampled_from(["", "a", "Ä", "RED", "seen blue", "j_00", "0", "%", "nothing"]),
        states=st.sets(st.sampled_from(State)),
        limit=st.integers(1, 5),
    )
    def check(made, sort, order, text, states, limit):
        def fits(job):
            words = f"{job.name} {' '.join(job.tags)} {job.note}".casefold()
            return all(
                word in words or (word.startswith("j_") and word in job.job_id)
                for word in text.casefold().split()
            )

        query = JobQuery(text=text, sort=sort, order=order, limit=limit, status=tuple(states))
        found, counts = asyncio.run(listed(made, query))
        newest = sorted(
            (one.status for one in made if fits(one.status)), key=lambda job: job.job_id
        )
        wanted = [job for job in reversed(newest) if job.status in (states or State)]
        have = [job for job in wanted if VALUE[sort](job) is not None]
        have.sort(key=VALUE[sort], reverse=order == "desc")
        if sort != "created" and order == "desc":  # reversed, equal ones would be the oldest first
            have.sort(key=lambda job: job.job_id, reverse=True)
            have.sort(key=VALUE[sort], reverse=True)
        assert [job.job_id for job in found] == [
            job.job_id for job in [*have, *(job for job in wanted if VALUE[sort](job) is None)]
        ]
        assert counts == Counter(job.status for job in newest)

    check()


async def test_a_cursor_is_of_one_order(store: JobStore) -> None:
    """In another it would skip jobs without a word."""
    for number in range(3):
        await store.add(record(number))
    cursor = (await store.page("ann", JobQuery(limit=1, sort="name"))).next_cursor
    for other in (JobQuery(sort="rows"), JobQuery(sort="name", order="asc"), JobQuery()):
        with pytest.raises(ConfigurationError):
            await store.page("ann", other.model_copy(update={"cursor": cursor}))


@pytest.mark.parametrize(
    "cursor",
    ["", "!!!!", "x", "äöü", "abcd", base64.urlsafe_b64encode(b"' OR 1=1").decode(), "a" * 10_000],
)
async def test_a_damaged_cursor_is_reported(store: JobStore, cursor: str) -> None:
    """Not an empty page, which would look like the end."""
    await store.add(record(1))
    with pytest.raises(ConfigurationError) as raised:
        await store.page("ann", JobQuery(cursor=cursor))
    assert [problem.field for problem in raised.value.problems] == ["cursor"]


async def test_a_cursor_with_a_piece_cut_off_is_reported(store: JobStore) -> None:
    """As happens when one is copied from a terminal."""
    for number in range(3):
        await store.add(record(number))
    cursor = (await store.page("ann", JobQuery(limit=1))).next_cursor
    assert cursor
    for damaged in (cursor[:-4], cursor[1:], cursor[:5], f"{cursor}AAAA", f"{cursor}!"):
        with pytest.raises(ConfigurationError):
            await store.page("ann", JobQuery(cursor=damaged))


METADATA = Metadata(output_size=7, processing_time=9.0)


def test_a_tally_is_what_one_would_count_by_hand(adapter, tmp_path_factory):
    """Over all states and ends, of one customer."""
    bounds = [at(1), at(1.5), at(9)]

    async def tally(made, since):
        store = await ADAPTERS[adapter](tmp_path_factory.mktemp("tally"))()
        try:
            for one in made:
                await store.add(one)
            for number, state in enumerate(State):
                other = record(90 + number, "bob")
                facts = {"status": state, "end_time": at(3 * number), "metadata": METADATA}
                await store.add(replace(other, status=other.status.model_copy(update=facts)))
            return await store.tally("ann", since=at(since), before=bounds)
        finally:
            await store.aclose()

    @settings(max_examples=EXAMPLES[adapter])
    @given(made=jobs(), since=st.integers(0, 3))
    def check(made, since):
        reported, all_jobs = asyncio.run(tally(made, since)), [one.status for one in made]
        ends = [job for job in all_jobs if job.end_time is not None]
        late = [job for job in ends if job.end_time >= at(since)]
        done = [job for job in late if job.status is State.COMPLETED]
        took = sorted(
            job.metadata.processing_time for job in done if job.metadata.processing_time is not None
        )
        failed = [job.end_time for job in ends if job.status is State.FAILED]
        assert reported.by_state == Counter(job.status for job in all_jobs)
        assert reported.ended == Counter(job.status for job in late)
        assert reported.rows == sum(job.data_size for job in done)
        assert reported.median == (took[math.ceil(len(took) * 0.5) - 1] if took else None)
        assert reported.p95 == (took[math.ceil(len(took) * 0.95) - 1] if took else None)
        assert (reported.last_failed and reported.last_failed.end_time) == max(failed, default=None)
        assert reported.first_end == min((job.end_time for job in ends), default=None)
        assert list(reported.ended_before) == [
            (len(gone), sum(job.metadata.output_size or 0 for job in gone))
            for bound in bounds
            for gone in [[job for job in ends if job.end_time < bound]]
        ]

    check()


async def test_jobs_in_a_state_come_oldest_first_of_all_customers(store: JobStore) -> None:
    """How a starting service finds what an earlier one left."""
    for number, customer in ((3, "ann"), (1, "bob"), (2, "ann")):
        await store.add(record(number, customer))
    paused = await store.get("ann", record(2).job_id)
    await store.replace(replace(paused, status=fold(paused.status, Paused(9), at(5))), "job.paused")
    queued = await store.in_state(State.QUEUED)
    assert [(one.customer, one.config.name) for one in queued] == [
        ("bob", "job 1"),
        ("ann", "job 3"),
    ]
    assert [one.config.name for one in await store.in_state(State.QUEUED, limit=1)] == ["job 1"]
    assert [one.version for one in await store.in_state(State.PAUSED)] == [paused.version + 1]


async def test_usage_counts_one_customers_jobs(store: JobStore) -> None:
    """What runs, what waits, bytes, and when the newest cancelled job ended that had begun."""
    assert await store.usage("ann") == CustomerUsage()
    for number in range(5):
        await store.add(replace(record(number), size=10))
    await store.add(replace(record(9, "bob"), size=7))
    await store.replace(replace(started(record(0), 60), size=10), "job.updated")
    for number, end in ((1, 70), (2, 65)):
        begun = started(record(number), end - 1)
        await store.replace(replace(ended(begun, end), size=3), "job.cancelled")
    await store.replace(replace(ended(record(3), 99), size=10), "job.cancelled")
    expected = CustomerUsage(running=1, waiting=1, stored=36, last_cancelled=at(70))
    assert await store.usage("ann") == expected
    assert (await store.usage("bob")).stored == 7


async def test_a_precondition_reads_the_current_usage(store: JobStore) -> None:
    """A refusal keeps nothing; of many at once only as many are let in as the rule says."""

    def precondition(usage: CustomerUsage) -> None:
        if usage.waiting >= 5:
            raise LimitReached("Full.")

    async def submit(number: int) -> bool:
        try:
            await store.add(record(number), precondition=precondition)
        except LimitReached:
            return False
        return True

    taken = await asyncio.gather(*(submit(number) for number in range(200)))
    assert sum(taken) == 5
    assert (await store.usage("ann")).waiting == 5
    assert await store.last_cursor("ann") == 5


async def test_a_precondition_is_evaluated_before_a_change(store: JobStore) -> None:
    """Of ten that would start at once, the two start that the rule lets."""
    for number in range(10):
        await store.add(record(number))

    def precondition(usage: CustomerUsage) -> None:
        if usage.running >= 2:
            raise LimitReached("Full.")

    async def start(number: int) -> None:
        with suppress(LimitReached):
            await store.replace(
                started(record(number), 60), "job.updated", precondition=precondition
            )

    await asyncio.gather(*(start(number) for number in range(10)))
    assert await store.usage("ann") == CustomerUsage(running=2, waiting=8)


async def test_a_change_that_tells_nobody_makes_no_event(store: JobStore) -> None:
    """Its record is changed all the same."""
    made = await store.add(record(1))
    changed = await store.replace(replace(made, size=5), None)
    assert await store.last_cursor("ann") == 1
    assert await store.get("ann", made.job_id) == changed


async def test_jobs_that_left_something_are_found(store: JobStore) -> None:
    """Cancelled and failed ones that still count bytes, whosever they are."""
    for number, customer in enumerate(("ann", "bob", "ann")):
        made = await store.add(record(number, customer))
        if number < 2:
            await store.replace(replace(ended(made), size=4), "job.cancelled")
        else:
            await store.replace(replace(ended(made), size=0), "job.cancelled")
    assert [found.customer for found in await store.awaiting_cleanup()] == ["ann", "bob"]


async def test_ended_jobs_are_found_by_their_end(store: JobStore) -> None:
    """The oldest end first, whatever the order of their making; running ones never."""
    for number, end in ((1, 90), (2, 70), (3, 80), (4, 200)):
        await store.add(ended(record(number), end))
    await store.add(started(record(5), 1))
    found = await store.ended("ann", before=at(100), limit=9)
    assert found == [record(number).job_id for number in (2, 3, 1)]
    assert await store.ended("ann", before=at(100), limit=1) == found[:1]
    assert await store.ended("ann", before=at(70), limit=9) == []


async def test_customers_with_jobs_are_listed(store: JobStore) -> None:
    """Each once."""
    assert await store.customers() == []
    for number, customer in enumerate(("bob", "ann", "bob", "cy")):
        await store.add(record(number, customer))
    assert await store.customers() == ["ann", "bob", "cy"]


def line(message: str) -> LogEntry:
    return LogEntry(cursor=0, timestamp=at(1.5), level="warning", message=message)


async def test_a_log_is_numbered_by_the_store(store: JobStore) -> None:
    """From 1, without gaps, each job's own."""
    one, two = record(1).job_id, record(2).job_id
    await store.append_log("ann", one, [line("a"), line("b")])
    await store.append_log("ann", two, [line("other")])
    await store.append_log("ann", one, [])
    await store.append_log("ann", one, [line("c")])
    lines = await store.log("ann", one, after=0)
    assert [(entry.cursor, entry.message) for entry in lines] == [(1, "a"), (2, "b"), (3, "c")]
    assert lines[0] == line("a").model_copy(update={"cursor": 1})
    assert [entry.message for entry in await store.log("ann", one, after=1, limit=1)] == ["b"]


async def test_fifty_writers_number_a_log_without_gaps(store: JobStore) -> None:
    """None overwrites another's line."""
    job = record(1).job_id
    await asyncio.gather(*(store.append_log("ann", job, [line(f"l{n}")]) for n in range(50)))
    lines = await store.log("ann", job, after=0)
    assert [entry.cursor for entry in lines] == list(range(1, 51))
    assert {entry.message for entry in lines} == {f"l{n}" for n in range(50)}


async def test_a_deleted_job_leaves_only_a_tombstone(store: JobStore) -> None:
    """Its record, events and log are gone; one notice tells; numbers are never given again."""
    made = await store.add(replace(ended(record(1)), size=9))
    other = await store.add(record(2))
    await store.append_log("ann", made.job_id, [line("a")])
    ids = [made.job_id, other.job_id, "j_unknown"]
    assert await store.delete("ann", ids, only_in=ENDED, at=at(500)) == [made.job_id]
    assert await store.log("ann", made.job_id, after=0) == []
    assert await store.find("ann", made.idempotency_key) is None
    assert (await store.usage("ann")).stored == 0
    with pytest.raises(JobNotFound) as found:
        await store.get("ann", made.job_id)
    assert found.value.code == "job_deleted"
    assert await store.get("ann", other.job_id) == other
    events = await store.events("ann", after=0)
    reported = [(event.cursor, event.event, event.job_id) for event in events]
    assert reported == [(2, "job.created", other.job_id), (3, "job.deleted", made.job_id)]
    (grave,) = await store.documents.due(TOMBSTONE, until=at(500))
    assert (grave.customer, grave.id, grave.due) == ("ann", made.job_id, at(500))
    assert await store.delete("ann", [made.job_id], only_in=ENDED, at=at(501)) == []


async def test_old_events_go_but_each_job_keeps_its_newest(opened: Opener) -> None:
    """However many a customer makes, of jobs, deletions and notices; numbers go on."""
    store = await opened(events_kept=20)
    try:
        silent = await store.add(record(1))
        busy, other = await store.add(record(2)), await store.add(record(3, customer="bob"))
        for number in range(60):
            note = busy.status.model_copy(update={"note": f"note {number}"})
            busy = await store.replace(replace(busy, status=note), "job.updated")
            gone = await store.add(ended(record(10 + number)))
            await store.delete("ann", [gone.job_id], only_in=ENDED, at=at(500))
            await store.documents.put(
                Document("ann", "alert", f"a{number}"), notice=Notice("alert.raised", at(1), {})
            )
        last = await store.last_cursor("ann")
        assert last == 2 + 4 * 60
        events = await store.events("ann", after=0)
        kept = [event.cursor for event in events]
        assert events[0].job_id == silent.job_id
        recent = [cursor for cursor in kept if cursor > last - 20]
        # The creation of the job that is gone by now went with it.
        assert len(recent) == 20 - 5
        assert kept == [1, *recent]
        assert await store.get("ann", silent.job_id) == silent
        assert [event.job_id for event in await store.events("bob", after=0)] == [other.job_id]
        with pytest.raises(JobNotFound) as raised:
            await store.get("ann", gone.job_id)
        assert raised.value.code == "job_deleted"
    finally:
        await store.aclose()


async def test_a_job_without_news_keeps_its_newest_event_alone(opened: Opener) -> None:
    """Its older ones go, also those that stayed for a while as its newest."""
    store = await opened(events_kept=5)
    try:
        quiet = await store.add(record(1))
        for number in range(40):
            if number in {9, 19, 29}:
                quiet = await store.replace(quiet, "job.updated")
            await store.add(record(2 + number))
        events = await store.events("ann", after=0)
        assert len([event for event in events if event.job_id == quiet.job_id]) == 1
    finally:
        await store.aclose()


async def test_a_deletion_does_not_undo_a_cancellation(store: JobStore) -> None:
    """The cooldown holds after what was cancelled is deleted."""
    made = await store.add(record(1))
    await store.replace(ended(started(made, 60), 70), "job.cancelled")
    await store.delete("ann", [made.job_id], only_in=ENDED, at=at(80))
    assert (await store.usage("ann")).last_cancelled == at(70)


async def test_a_store_opened_again_has_everything(opened: Opener) -> None:
    """Jobs, versions, keys, events and logs."""
    first = await opened()
    made = await first.add(record(1))
    kept = await first.replace(
        replace(made, status=fold(made.status, Started(1), at(3))), "job.updated"
    )
    await first.append_log("ann", made.job_id, [line("a")])
    events = await first.events("ann", after=0)
    await first.aclose()
    again = await opened()
    try:
        assert await again.get("ann", made.job_id) == kept
        assert await again.events("ann", after=0) == events
        assert [entry.message for entry in await again.log("ann", made.job_id, after=0)] == ["a"]
        assert await again.add(record(7, key="key 1")) == kept
        await again.add(record(2))
        assert await again.last_cursor("ann") == len(events) + 1
    finally:
        await again.aclose()


async def test_what_was_asked_before_closing_is_done(opened: Opener) -> None:
    """Closing waits for what is under way."""
    store = await opened()
    writes = [asyncio.create_task(store.add(record(number))) for number in range(20)]
    await asyncio.sleep(0)
    await store.aclose()
    await asyncio.gather(*writes)
    again = await opened()
    assert (await again.usage("ann")).waiting == 20
    await again.aclose()


async def test_a_closed_store_answers_and_does_not_hang(opened: Opener) -> None:
    """A writer that comes too late is refused at once."""
    store = await opened()
    await store.aclose()
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(ServiceUnavailable):
            await store.get("ann", "j_1")
        with pytest.raises(ServiceUnavailable):
            await store.add(record(1))
