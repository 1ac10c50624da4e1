"""Estimates and previews: what a job will take and make, told before it is one.

The input is looked at once and remembered until it changes; what jobs teach of this machine is
kept in documents, written now and then and at the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    DatagenError,
    InputError,
    LimitReached,
    ServiceUnavailable,
    VersionConflict,
)
from datagen_nb.core.estimates import (
    Estimate,
    TableFacts,
    Throughput,
    estimate,
    kind_of_work,
    taught,
)
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.plans import Preview
from datagen_nb.core.ports import Look, ObjectMeta
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import Document

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

logger = logging.getLogger("datagen_nb.service")

KIND, ALL = "throughput", "all"

REMEMBERED = 1000
"""Inputs whose facts are kept in memory."""

LOOK_SECONDS = 10.0
"""Longest that a look at an input may take."""

LOOKS, MOST_WAITING = 2, 8
"""Looks at once, and those that may wait for one."""

SAVE_SECONDS = 30.0
"""Time in which what jobs teach is gathered before it is written."""

SUBMIT_SECONDS = 1.0
"""Longest that a submit waits for a look."""

HOW_TO_READ = ("encoding", "delimiter", "badLines", "columns")

Key = tuple[object, ...]

T = TypeVar("T")


class Estimator:
    """Estimates of all customers' jobs, and the looks at inputs that they need."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self._facts: OrderedDict[Key, TableFacts] = OrderedDict()
        self._looking: dict[Key, asyncio.Task[TableFacts]] = {}
        self._later: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(LOOKS)
        self._waiting = 0
        self._known: dict[str, Throughput] = {}
        self._unsaved: set[str] = set()
        self._news = asyncio.Event()
        self._saver: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what jobs have taught before."""
        after = ""
        while found := await self._service.store.documents.page("", KIND, after=after):
            for document in found:
                self._known[document.id] = Throughput.from_wire(document.body)
            after = found[-1].id
        self._saver = asyncio.create_task(self._keep_saving())

    async def aclose(self) -> None:
        """Write what jobs have taught."""
        tasks: list[asyncio.Task[Any]] = [*self._later, *self._looking.values()]
        if self._saver is not None:
            tasks.append(self._saver)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._save()

    async def estimate(
        self, customer: str, config: JobConfiguration, found: ObjectMeta | None = None
    ) -> Estimate:
        """Estimate a job; ``found`` is its input, if the caller has looked where it lies.

        Raises:
            InputError: Its input is not there, or is not what it is said to be.
            LimitReached: Too many inputs are being looked at.
        """
        if found is None:
            found = await asyncio.to_thread(self.find, customer, config)
        facts = await self._facts_of(customer, config, found)
        alike = self._known.get(kind_of_work(config, facts.columns), Throughput())
        return estimate(config, facts, alike=alike, any_=self._known.get(ALL, Throughput()))

    async def at_submit(
        self, customer: str, config: JobConfiguration, found: ObjectMeta
    ) -> Estimate | None:
        """Estimate a job that is submitted, which has to be quick and is never refused for it.

        ``None`` when the input is new and takes long to look at, or cannot be read: what is the
        matter with it is the job's to tell.
        """
        try:
            async with asyncio.timeout(SUBMIT_SECONDS):
                return await self.estimate(customer, config, found)
        except (DatagenError, TimeoutError):
            return None

    def attach(self, customer: str, job_id: str, config: JobConfiguration) -> None:
        """Give a job its estimate when the look that its submit did not wait for is done."""
        if self._looking:
            later = asyncio.create_task(self._attach(customer, job_id, config))
            self._later.add(later)
            later.add_done_callback(self._later.discard)

    async def _attach(self, customer: str, job_id: str, config: JobConfiguration) -> None:
        store = self._service.store
        try:
            said = await self.estimate(customer, config)
            while not (record := await store.get(customer, job_id)).status.status.is_terminal:
                status = record.status.model_copy(update={"estimate": said})
                size = max(record.size, said.bytes_high)
                try:
                    await store.replace(replace(record, status=status, size=size), "job.updated")
                except VersionConflict:
                    continue
                self._service.wake(customer)
                return
        except DatagenError as error:
            logger.info("job %s has no estimate: %s", job_id, error)

    async def preview(self, customer: str, config: JobConfiguration) -> Preview:
        """Make a few rows as the job would make them.

        Raises:
            InputError: Its input cannot be learnt from, or not in the time of a look.
            LimitReached: Too many inputs are being looked at.
        """
        await self._service.pipeline.check(config)
        return await self._look(self._service.pipeline.preview, customer, config)

    async def inspect(self, customer: str, config: JobConfiguration) -> Inspection:
        """Tell what an input is.

        Raises:
            InputError: It is not there, cannot be read, or not in the time of a look.
            LimitReached: Too many inputs are being looked at.
        """
        return await self._look(self._service.pipeline.inspect, customer, config)

    async def _look(
        self, look: Callable[[Look], Awaitable[T]], customer: str, config: JobConfiguration
    ) -> T:
        await asyncio.to_thread(self.find, customer, config)
        source = self._service.buckets(customer, config.input_bucket)
        return await self._bounded(partial(look, Look(config, source)), config)

    def find(self, customer: str, config: JobConfiguration) -> ObjectMeta:
        """Look where a configuration's input lies.

        Raises:
            NotFound: There is no such bucket.
            InputError: There is no such input.
        """
        found = self._service.buckets(customer, config.input_bucket).head(config.input_path)
        if found is None:
            raise InputError(
                f"There is no input {config.input_path!r} in bucket {config.input_bucket!r}. "
                "Check the name, or upload it first.",
                code="input_not_found",
                details={"bucket": config.input_bucket, "path": config.input_path},
            )
        return found

    def learn(self, customer: str, config: JobConfiguration, status: JobStatus) -> None:
        """Take a completed job into account."""
        said = status.estimate
        if said is None:
            return
        facts = next(
            (
                facts
                for key, facts in reversed(self._facts.items())
                if key[:3] == (customer, config.input_bucket, config.input_path)
            ),
            None,
        )
        ratios = taught(config, status, facts)
        if ratios is None:
            return
        for kind in (ALL, kind_of_work(config, said.input_columns)):
            self._known[kind] = self._known.get(kind, Throughput()).seeing(ratios)
            self._unsaved.add(kind)
        self._news.set()

    async def _facts_of(
        self, customer: str, config: JobConfiguration, found: ObjectMeta
    ) -> TableFacts:
        """What is known of an input; it is looked at when it is new or has changed."""
        key: Key = (
            customer,
            config.input_bucket,
            config.input_path,
            found.size,
            found.version,
            config.input_format,
            *(repr(config.parameters.get(name)) for name in HOW_TO_READ),
        )
        if key in self._facts:
            self._facts.move_to_end(key)
            return self._facts[key]
        looking = self._looking.get(key)
        if looking is None:
            source = self._service.buckets(customer, config.input_bucket)
            look = partial(self._service.pipeline.measure, Look(config, source))
            looking = asyncio.create_task(self._bounded(look, config))
            self._looking[key] = looking
            looking.add_done_callback(partial(self._looked, key))
        return await asyncio.shield(looking)

    def _looked(self, key: Key, looking: asyncio.Task[TableFacts]) -> None:
        del self._looking[key]
        if looking.cancelled() or looking.exception() is not None:
            return  # who waits for it is told
        self._facts[key] = looking.result()
        while len(self._facts) > REMEMBERED:
            self._facts.popitem(last=False)

    async def _bounded(self, look: Callable[[], Awaitable[T]], config: JobConfiguration) -> T:
        """Do a look in its time, a few at once."""
        if self._room.locked() and self._waiting >= MOST_WAITING:
            raise LimitReached(
                "Too many tables are being looked at. Ask again in a moment.",
                code="too_many_looks",
                details={"retryAfter": 2},
            )
        self._waiting += 1
        try:
            await self._room.acquire()
        finally:
            self._waiting -= 1
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await look()
        except TimeoutError as error:
            raise InputError(
                f"{config.input_title} could not be looked at in {LOOK_SECONDS:g} s. "
                "Submit the job: it takes the time that the table needs.",
                code="look_too_slow",
                details={"path": config.input_path, "seconds": LOOK_SECONDS},
            ) from error
        finally:
            self._room.release()

    async def _keep_saving(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._service.clock.sleep(SAVE_SECONDS)
            try:
                await self._save()
            except ServiceUnavailable as error:
                logger.warning("what jobs taught could not be kept: %s", error)

    async def _save(self) -> None:
        documents = self._service.store.documents
        for kind in sorted(self._unsaved):
            kept = await documents.get("", KIND, kind)
            at = 0 if kept is None else kept.version
            body = self._known[kind].to_wire()
            try:
                await documents.put(Document("", KIND, kind, body, version=at))
            except VersionConflict:
                continue  # another service on this store was quicker; the next time is ours
            self._unsaved.discard(kind)
