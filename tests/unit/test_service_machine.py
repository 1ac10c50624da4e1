"""The service under any order of events: what must hold always, holds."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from datagen_nb.core.buckets import Buckets, objects
from datagen_nb.core.changes import Completed, Failed, Progressed, StageStarted
from datagen_nb.core.errors import (
    ActionRefused,
    InputError,
    JobNotFound,
    LimitReached,
    VersionConflict,
)
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.manifest import Manifest, Part
from datagen_nb.core.messages import Health, JobEvent
from datagen_nb.core.pipeline import Heartbeat, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.status import State
from datagen_nb.pipelines.built_in import INFO
from datagen_nb.service.service import JobService
from datagen_nb.service.settings import Settings
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock
from tests.deadline import DEADLINE
from tests.unit.test_service import bucket_of, config

CUSTOMERS = ("ann", "bob")
MAX_JOBS, MAX_WAITING, COOLDOWN, WINDOW, DAY = 2, 3, 30, 600, 86_400
ACTIVE = {State.QUEUED, State.RUNNING, State.PAUSED}


class Worker:
    """One attempt that does what the machine says."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.signals: asyncio.Queue = asyncio.Queue()
        self.listening = False


class Workers:
    """A pipeline of workers; each writes a part when asked, and its manifest at the end."""

    def __init__(self) -> None:
        self.alive: dict[str, Worker] = {}

    async def describe(self) -> PipelineInfo:
        return INFO

    async def check(self, config) -> None: ...

    async def forget(self, job_id: str) -> None: ...

    async def measure(self, look):
        raise InputError("Nothing is known of it.")

    async def run(self, task: Task) -> AsyncGenerator:
        worker = self.alive[task.job_id] = Worker(task)
        try:
            yield Heartbeat(pid=1)
            while True:
                worker.listening = worker.signals.empty()
                signal = await worker.signals.get()
                worker.listening = False
                if signal is None:
                    return
                yield signal
        finally:
            if self.alive.get(task.job_id) is worker:
                del self.alive[task.job_id]

    async def check_health(self) -> Health:
        return Health(status="healthy")

    async def aclose(self) -> None: ...


class Service(RuleBasedStateMachine):
    """Any customer does anything at any time, workers live and die, the service restarts."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.Runner()
        self.place = tempfile.TemporaryDirectory()
        self.path = Path(self.place.name)
        self.clock, self.count = FakeClock(), 0
        self.random = Random(0)
        self.seen: dict[tuple[str, str], list] = {}
        self.cursors = dict.fromkeys(CUSTOMERS, 0)
        self.deleted: set[str] = set()
        self.cooling: dict[str, float] = {}
        for customer in CUSTOMERS:
            bucket_of(self.path, customer).put("in.csv", b"a\n1\n")
        self.loop.run(self.open())

    async def open(self) -> None:
        self.workers = Workers()
        self.service = JobService(
            exclusive=True,
            store=await SqliteStore.open(self.path / "jobs.db"),
            buckets=Buckets(lambda customer, name: bucket_of(self.path, customer, name)),
            pipeline=self.workers,
            clock=self.clock,
            random=self.random,
            settings=Settings(
                slots=3, max_jobs=MAX_JOBS, max_waiting=MAX_WAITING, cooldown_period=COOLDOWN
            ),
        )
        await self.service.start()

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run(self.service.aclose())
            self.loop.close()
            self.place.cleanup()

    def do(self, work):
        """Do something and let the service come to rest."""

        async def whole():
            done = await work
            await self.settle()
            return done

        return self.loop.run(whole())

    async def settle(self) -> None:
        runner, store = self.service.runner, self.service.store
        async with asyncio.timeout(DEADLINE):
            for _ in range(3):
                while runner.tasks or not all(
                    job_id in self.workers.alive and self.workers.alive[job_id].listening
                    for job_id in runner._runs
                ):
                    await asyncio.sleep(0)
                await store.documents.delete("", "nothing", "nothing")
                await store.usage("ann")
                await asyncio.to_thread(int)
                await asyncio.sleep(0)

    @rule(customer=st.sampled_from(CUSTOMERS))
    def submit(self, customer: str) -> None:
        self.count += 1
        jobs = self.service.customer(customer)
        before = self.loop.run(jobs.limits())
        made = jobs.create(config(resume_window=WINDOW), idempotency_key=f"key {self.count}")
        try:
            self.do(made)
        except LimitReached:
            assert not before.allowed
        else:
            assert before.allowed

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), action=st.sampled_from(["cancel", "pause", "resume", "delete"]))
    def act(self, data, action: str) -> None:
        customer, job_id = data.draw(st.sampled_from(list(self.seen)))
        status = self.seen[customer, job_id][-1].status
        jobs = self.service.customer(customer)
        expected = {
            "cancel": status in ACTIVE,
            "pause": status in {State.QUEUED, State.RUNNING},
            "resume": status is State.PAUSED,
            "delete": status not in ACTIVE and job_id not in self.deleted,
        }
        try:
            self.do(getattr(jobs, action)(job_id))
        except (ActionRefused, JobNotFound):
            assert not expected[action]
            return
        assert expected[action]
        if action == "delete":
            self.deleted.add(job_id)
        if action == "cancel" and self.seen[customer, job_id][-1].attempt:
            self.cooling[customer] = self.clock.monotonic() + COOLDOWN

    @precondition(lambda self: self.workers.alive)
    @rule(data=st.data(), word=st.sampled_from(["progress", "complete", "fail", "lose", "stumble"]))
    def work(self, data, word: str) -> None:
        alive = [job_id for _, job_id in self.seen if job_id in self.workers.alive]
        worker = self.workers.alive[data.draw(st.sampled_from(alive))]
        task, attempt = worker.task, worker.task.attempt
        if word == "progress":
            task.bucket.put(f"jobs/{task.job_id}/parts/0", b"a\n1\n")
            to_emit = [StageStarted(attempt, "generate"), Progressed(attempt, "generate", 50.0)]
        elif word == "complete":
            to_emit = [Completed(attempt, self.finish(task))]
        elif word == "lose":
            to_emit = [None]
        else:
            details = {"stage": "write", "passing": word == "stumble"}
            to_emit = [Failed(attempt, JobFailure(code="bad", message="Bad.", details=details))]
        for signal in to_emit:
            worker.signals.put_nowait(signal)
            worker.listening = False
        self.do(asyncio.sleep(0))

    def finish(self, task: Task) -> int:
        part = Part(name=f"jobs/{task.job_id}/parts/0", rows=1, size=4, sha256="0" * 64)
        manifest = Manifest(
            job_id=task.job_id, format="csv", rows=1, size=4, parts=(part,), arrow_schema=""
        )
        task.bucket.put(part.name, b"a\n1\n")
        place = f"jobs/{task.job_id}/manifest.json"
        with suppress(VersionConflict):
            task.bucket.put(place, manifest.to_json().encode(), mode="create")
        return 4

    @rule(seconds=st.sampled_from([1, 4, 5, 16, COOLDOWN, WINDOW]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.do(asyncio.sleep(0))

    @rule(seconds=st.sampled_from([-3600, 3600, 400 * DAY]))
    def set_the_wall_clock(self, seconds: int) -> None:
        self.clock.jump(seconds)
        self.do(self.service.customer("ann").clean_up())
        self.clock.jump(-seconds)

    @rule()
    def restart(self) -> None:
        self.loop.run(self.service.aclose())
        self.loop.run(self.open())
        self.do(asyncio.sleep(0))

    @invariant()
    def events_are_gapless_and_each_follows_from_the_last(self) -> None:
        """Ends are final, attempts only grow, nothing starts in a cooldown."""
        if not hasattr(self, "service"):
            return
        for customer in CUSTOMERS:
            jobs = self.service.customer(customer)
            page = self.loop.run(jobs.event_page(after=self.cursors[customer]))
            gone = {event.job_id for event in page.events if event.event == "job.deleted"}
            cursors = [event.cursor for event in page.events]
            if not gone:
                first = self.cursors[customer] + 1
                assert cursors == list(range(first, first + len(cursors)))
            for event in page.events:
                if not isinstance(event, JobEvent):
                    continue
                past = self.seen.setdefault((customer, event.job_id), [])
                if past:
                    before = past[-1]
                    assert before.status in ACTIVE, "an end is final"
                    assert event.data.attempt >= before.attempt
                    started = event.data.attempt > before.attempt
                else:
                    started = False
                if started:
                    assert self.clock.monotonic() >= self.cooling.get(customer, 0)
                past.append(event.data)
            self.cursors[customer] = page.cursor

    @invariant()
    def what_stands_is_what_the_rules_allow(self) -> None:
        """Running never above the limit; one manifest for each completed job, bytes as counted."""
        if not hasattr(self, "service"):
            return
        for customer in CUSTOMERS:
            reported = self.loop.run(self.service.customer(customer).limits())
            assert reported.current_jobs <= MAX_JOBS
            assert reported.current_jobs + reported.waiting_jobs <= MAX_JOBS + MAX_WAITING + 5
            bucket = bucket_of(self.path, customer)
            manifests = {
                found.path.split("/")[1]
                for found in objects(bucket, "jobs/")
                if found.path.endswith("manifest.json")
            }
            states = {
                job_id: past[-1].status
                for (owner, job_id), past in self.seen.items()
                if owner == customer and past and job_id not in self.deleted
            }
            completed = {job for job, state in states.items() if state is State.COMPLETED}
            assert manifests == completed
            kept = sum(
                found.size
                for found in objects(bucket, "jobs/")
                if found.path.split("/")[1] in completed
            )
            active = sum(state in ACTIVE for state in states.values())
            assert reported.storage_used == kept + active


Service.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TestService = Service.TestCase
