"""Two service processes on one store: leases, takeover after SIGKILL, webhooks, limits."""

import asyncio
import json
import multiprocessing
import os
import signal
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.status import State
from datagen_nb.service.webhooks.records import DeliveryRecord, deliveries_of, message_id
from tests.contracts.test_store import ADAPTERS, adapter
from tests.faults.sharing_service import (
    CUSTOMER,
    LEASE_SECONDS,
    MAX_JOBS,
    MAX_WAITING,
    ROWS,
    run,
)
from tests.firestore_emulator import VARIABLE, project_at
from tests.receiver import receiving

__all__ = ["adapter"]  # a fixture: every store that two processes may share

pytestmark = pytest.mark.timeout(600)

DEADLINE = 180
"""Seconds after which a test gives up, however slow the machine."""

POLL_SECONDS = 0.02

JOBS = 6

SLOW, QUICK = 600.0, 1.0
"""How long a job takes at least: longer than its process lives; and where it is to complete."""


class Member:
    """One of the processes, and the requests to it."""

    def __init__(self, folder, job_seconds, adapter):
        store = None if adapter == "sqlite" else f"firestore://{project_at(folder)}"
        environment = {VARIABLE: os.environ[VARIABLE]} if store else {}
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload(["tests.faults.sharing_service"])
        self._pipe, theirs = processes.Pipe()
        self._process = processes.Process(
            target=run, args=(folder, theirs, job_seconds, store, environment)
        )
        self._process.start()
        theirs.close()

    async def ready(self):
        self.owner = await self._answer()
        return self

    async def submit(self, key):
        return await self._ask("submit", key)

    async def submit_all(self, keys):
        """Many at once; how many were taken and how many refused by a limit."""
        return await self._ask("submit all", keys)

    async def send_webhooks_to(self, url):
        return await self._ask("webhook", url)

    async def kill(self):
        os.kill(self._process.pid, signal.SIGKILL)
        await asyncio.to_thread(self._process.join)
        assert self._process.exitcode == -signal.SIGKILL, "it ended before it was killed"

    async def close(self):
        self._process.kill()
        await asyncio.to_thread(self._process.join)
        self._pipe.close()

    async def _ask(self, request, value):
        self._pipe.send((request, value))
        return await self._answer()

    async def _answer(self):
        assert await asyncio.to_thread(self._pipe.poll, DEADLINE), "it does not answer"
        return self._pipe.recv()


@asynccontextmanager
async def pair(folder, job_seconds, adapter="sqlite"):
    """The first process, which leads, the second, and the store, read by the test.

    ``job_seconds`` says how long a job takes in each of the two.
    """
    bucket = LocalBucket(folder / "buckets" / CUSTOMER)
    bucket.put("in.csv", b"a,b\n1,2\n3,4\n")
    members = []
    store = await ADAPTERS[adapter](folder)()
    try:
        for seconds in job_seconds:
            members.append(Member(folder, seconds, adapter))
            await members[-1].ready()
        yield *members, store
    finally:
        for member in members:
            await member.close()
        await store.aclose()


async def until(store, condition):
    """Read all jobs after each change until a condition holds; the limit holds each time."""
    async with asyncio.timeout(DEADLINE):
        position = (await store.changes()).position
        while True:
            assert (await store.usage(CUSTOMER)).running <= MAX_JOBS
            records = await all_records(store)
            if condition(records):
                return records
            while not (seen := await store.changes(after=position)).customers:
                await asyncio.sleep(POLL_SECONDS)
            position = seen.position


async def all_records(store):
    """Each job once; one that changed its state while they were read, as it was read last."""
    records = [one for state in State for one in await store.in_state(state)]
    return [*{one.job_id: one for one in records}.values()]


def running_at(owner, records):
    return [one for one in records if one.status.status is State.RUNNING and one.owner == owner]


def completed(number):
    """The condition that this many jobs have completed."""
    return lambda records: number == sum(one.status.status is State.COMPLETED for one in records)


async def pending_messages(store, webhook_id):
    """Ids of the messages that were not recorded as delivered: each may have been sent or not."""
    page = await store.documents.page(CUSTOMER, deliveries_of(webhook_id))
    records = [DeliveryRecord.from_wire(document.body) for document in page]
    return {message_id(webhook_id, one.cursor) for one in records if one.state == "pending"}


@pytest.mark.slow
async def test_a_running_job_stays_with_the_process_that_runs_it(tmp_path):
    """For longer than two leases, which its process renews; the other does not take it."""
    async with pair(tmp_path, (QUICK, 2.2 * LEASE_SECONDS)) as (_, second, store):
        await second.submit("one")
        (record,) = await until(store, lambda records: running_at(second.owner, records))
        (done,) = await until(store, completed(1))
        assert (done.job_id, done.status.attempt) == (record.job_id, 1)
        ran = done.status.end_time - done.status.start_time
        assert ran > timedelta(seconds=2 * LEASE_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["the leader", "the other"])
async def test_jobs_of_a_killed_process_are_finished_by_the_other(tmp_path, adapter, victim):
    """Each completes once with all its rows; only messages under way at the kill come twice."""
    seconds = (SLOW, QUICK) if victim == "the leader" else (QUICK, SLOW)
    async with receiving() as receiver, pair(tmp_path, seconds, adapter) as (leader, other, store):
        killed = leader if victim == "the leader" else other
        webhook = await leader.send_webhooks_to(receiver.url)
        # Its own jobs take all slots first: it runs some of them when it is killed.
        ids = [await killed.submit(f"key {n}") for n in range(MAX_JOBS)]
        await until(store, lambda records: len(running_at(killed.owner, records)) == MAX_JOBS)
        ids += [await (leader, other)[n % 2].submit(f"key {n}") for n in range(MAX_JOBS, JOBS)]
        await killed.kill()
        leased = {one.job_id: one for one in running_at(killed.owner, await all_records(store))}
        assert leased, "its job ended before it was killed"
        under_way = await pending_messages(store, webhook) if killed is leader else set()

        records = await until(store, completed(JOBS))
        assert sorted(one.job_id for one in records) == sorted(ids)
        for one in records:
            assert one.status.attempt == 1 + (one.job_id in leased)
            assert rows_of(tmp_path, one.job_id) == ROWS
        events = await store.events(CUSTOMER, after=0)
        for name in ("job.created", "job.completed"):
            assert sorted(one.job_id for one in events if one.event == name) == sorted(ids)

        sent = await messages(receiver, 2 * JOBS)
        assert {id for id, bodies in sent.items() if len(bodies) > 1} <= under_way
        assert all(len(set(bodies)) == 1 for bodies in sent.values())
        sent_first = [json.loads(bodies[0]) for bodies in sent.values()]
        assert sorted((one["event"], one["jobId"]) for one in sent_first) == sorted(
            (name, job_id) for name in ("job.created", "job.completed") for job_id in ids
        )


@pytest.mark.slow
async def test_submits_of_two_processes_never_pass_the_limits(tmp_path, adapter):
    """Of two hundred at once: so many run and so many wait as may, and each refusal says so."""
    async with pair(tmp_path, (SLOW, SLOW), adapter) as (first, second, store):
        keys = [f"key {number}" for number in range(200)]
        submits = asyncio.gather(first.submit_all(keys[::2]), second.submit_all(keys[1::2]))
        while not submits.done():
            usage = await store.usage(CUSTOMER)
            assert usage.running <= MAX_JOBS
            assert usage.running + usage.waiting <= MAX_JOBS + MAX_WAITING
            await asyncio.sleep(POLL_SECONDS)
        taken, refused = map(sum, zip(*await submits, strict=True))
        assert taken == MAX_JOBS + MAX_WAITING
        assert taken + refused == len(keys)
        await until(store, lambda records: len(records) == taken)


async def messages(receiver, number):
    """The bodies received under each message id, once there are as many ids."""

    def by_id():
        sent = defaultdict(list)
        for request in receiver.requests:
            sent[request.headers["webhook-id"]].append(request.body)
        return sent

    async with asyncio.timeout(DEADLINE), receiver.came:
        await receiver.came.wait_for(lambda: len(by_id()) >= number)
    return by_id()


def rows_of(folder, job_id):
    """Rows of a job's parts, none of which is missing."""
    bucket = LocalBucket(folder / "buckets" / CUSTOMER)
    manifest = Manifest.from_wire(bucket.get(f"jobs/{job_id}/manifest.json"))
    for part in manifest.parts:
        assert len(bucket.get(part.name).splitlines()) == part.rows + 1
    return sum(part.rows for part in manifest.parts)
