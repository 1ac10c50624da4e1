"""Estimates and previews: what a job would take and make, before it is submitted.

The input is looked at once and remembered until it changes; how fast jobs ran here is
kept in documents, written now and then and at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from datagen_nb.core.buckets import Bucket, LocalDisk, ObjectMeta, free_bytes
from datagen_nb.core.changes import Change, Completed
from datagen_nb.core.cloud_paths import is_cloud
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    DatagenError,
    InputError,
    LimitReached,
    NotFound,
    ServiceUnavailable,
)
from datagen_nb.core.estimates import Estimate, Space, TableFacts, judge
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.limits import reservation
from datagen_nb.core.pipeline import InputProbe
from datagen_nb.core.plans import Preview
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import CustomerUsage, JobRecord, Precondition
from datagen_nb.core.throughput import Throughput, estimate, kind_of_work, observed_ratios
from datagen_nb.core.words import duration
from datagen_nb.service.collection import Collection
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.jobs.reservation import expected_to_keep, kept_copies
from datagen_nb.service.tasks import BackgroundTasks

logger = logging.getLogger("datagen_nb.service")

KIND, ALL = "throughput", "all"

REMEMBERED = 1000
"""Inputs whose facts are kept in memory."""

LOOK_SECONDS = 30.0
"""Longest that a look at an input may take."""

LOOKS, MAX_WAITING = 2, 8
"""Looks at once, and those that may wait for one."""

SAVE_SECONDS = 30.0
"""Time in which the throughput of jobs is gathered before it is written."""

SUBMIT_SECONDS = 1.0
"""Longest that a submit waits for a look, where no quota depends on it."""

HOW_TO_READ = ("encoding", "delimiter", "quote", "header", "badLines", "columns", "exclude")

SCHEMA = "schema"
"""The parameter that declares columns, where there is no input."""

Key = tuple[object, ...]

T = TypeVar("T")


class Estimator:
    """Estimates of all customers' jobs, and the looks at inputs that they need."""

    def __init__(self, context: ServiceContext, changes: JobChanges) -> None:
        self._context = context
        self._changes = changes
        self._kept = Collection.of(context.documents, KIND, Throughput)
        self._facts: OrderedDict[Key, TableFacts] = OrderedDict()
        self._looking: dict[Key, asyncio.Task[TableFacts]] = {}
        self._tasks = BackgroundTasks()
        self._room = asyncio.Semaphore(LOOKS)
        self._waiting = 0
        self._known: dict[str, Throughput] = {}
        self._unsaved: set[str] = set()
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Read the throughput of earlier jobs."""
        async for entry in self._kept.all(""):
            self._known[entry.id] = entry.value
        self._tasks.start(self._keep_saving(), name="throughput")

    async def aclose(self) -> None:
        """Write the throughput of jobs."""
        await self._tasks.aclose()
        probes = list(self._looking.values())
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)
        await self._save()

    async def estimate(
        self, customer: str, config: JobConfiguration, found: ObjectMeta | None = None
    ) -> Estimate:
        """Estimate a job and say why it may not complete.

        ``found`` is its input, if the caller has looked where it lies.

        Raises:
            InputError: Its input is not there, or is not in the stated format.
            LimitReached: Too many inputs are being looked at.
        """
        if found is None:
            found = await asyncio.to_thread(self.find, customer, config)
        facts = await self._facts_of(customer, config, found)
        alike = self._known.get(kind_of_work(config, facts.columns), Throughput())
        made = estimate(config, facts, alike=alike, overall=self._known.get(ALL, Throughput()))
        return judge(config, made, await self._spaces(customer, config))

    async def _spaces(self, customer: str, config: JobConfiguration) -> list[Space]:
        """The places that a job's result has to fit into, as much as they have left now."""
        own = self._context.default_bucket(customer)
        places = [(own, "jobs")]
        if config.output_path:
            target = self._context.buckets(customer, config.output_bucket)
            places.append((target, config.output_path))
        if all(isinstance(bucket, LocalDisk) and bucket.is_near for bucket, _ in places):
            rooms = [free_bytes(bucket, path) for bucket, path in places]
        else:
            rooms = await asyncio.to_thread(lambda: [free_bytes(*place) for place in places])
        left = [room for room in rooms if room is not None]
        if len(set(left)) == 1:  # one disk has to hold them all
            spaces = [Space("larger_than_disk", left[0], len(left))]
        else:
            spaces = [Space("larger_than_disk", room) for room in left]
        quota = (await self._context.policy.limits_of(customer)).storage_quota
        if quota is not None:
            stored = (await self._context.store.usage(customer)).stored
            spaces.append(Space("larger_than_quota", quota - stored, kept_copies(config)))
        return spaces

    async def at_submit(
        self,
        customer: str,
        config: JobConfiguration,
        found: ObjectMeta,
        *,
        seconds: float = SUBMIT_SECONDS,
    ) -> Estimate | None:
        """Estimate a job that is submitted, in at most so many seconds; refuses none for it.

        ``None`` when the input is new and takes long to look at, or cannot be read: what is the
        matter with it is the job's to tell. ``None`` too of a job with a privacy budget: an
        estimate counts rows, and is kept with the job.
        """
        if _has_budget(config):
            return None
        try:
            async with asyncio.timeout(seconds):
                return await self.estimate(customer, config, found)
        except (DatagenError, TimeoutError):
            return None

    def attach(self, customer: str, job_id: str, config: JobConfiguration) -> None:
        """Give a job its estimate when the look that its submit did not wait for is done."""
        if self._looking and not _has_budget(config):
            work = self._attach(customer, job_id, config)
            self._tasks.start(work, name=f"estimate of {job_id}")

    async def _attach(self, customer: str, job_id: str, config: JobConfiguration) -> None:
        try:
            made = await self.estimate(customer, config)
            limits = await self._context.policy.limits_of(customer)
            _, most = expected_to_keep(config, made, limits)

            def fold(record: JobRecord) -> JobRecord:
                if record.status.status.is_terminal:
                    return record
                status = record.status.model_copy(update={"estimate": made})
                return replace(record, status=status)

            def precondition_of(record: JobRecord) -> Precondition:
                def precondition(usage: CustomerUsage) -> int:
                    others = replace(usage, stored=usage.stored - record.size)
                    return reservation(others, limits, 1, most)

                return precondition

            await self._changes.update(
                customer, job_id, fold, event="job.updated", precondition=precondition_of
            )
        except DatagenError as error:
            logger.info("job %s has no estimate: %s", job_id, error)

    async def preview(self, customer: str, config: JobConfiguration) -> Preview:
        """Make a few rows as the job would make them.

        Raises:
            InputError: Its input cannot be used, or not within the time of an inspection.
            LimitReached: Too many inputs are being looked at.
        """
        await self._context.check(config)
        return await self._look(self._context.pipeline.preview, customer, config)

    async def inspect(self, customer: str, config: JobConfiguration) -> Inspection:
        """Tell what an input is.

        Raises:
            InputError: It is not there, cannot be read, or not in the time of a look.
            LimitReached: Too many inputs are being looked at.
        """
        (await self._context.pipeline.describe()).check(config)
        return await self._look(self._context.pipeline.inspect, customer, config)

    async def _look(
        self, look: Callable[[InputProbe], Awaitable[T]], customer: str, config: JobConfiguration
    ) -> T:
        await asyncio.to_thread(self.find, customer, config)
        source = self._context.source_of(customer, config)
        return await self._bounded(partial(look, InputProbe(config, source)), config)

    def find(self, customer: str, config: JobConfiguration) -> ObjectMeta:
        """Look where a configuration's input lies; a schema is its own, wherever.

        Raises:
            NotFound: There is no such bucket.
            InputError: There is no such input.
        """
        if not config.has_input:
            declared = json.dumps(config.parameters.get(SCHEMA), sort_keys=True)
            return ObjectMeta("", 0, hashlib.sha256(declared.encode()).hexdigest())
        bucket = self._context.source_of(customer, config)
        job_id = config.input_job
        found = bucket.head(config.input_path if job_id is None else manifest_path(job_id))
        if found is None:
            raise _no_input(bucket, config) if job_id is None else _no_result(job_id)
        return found

    def on_change(self, record: JobRecord, change: Change) -> None:
        """Learn from a job that has completed; a hook of ``JobChanges``."""
        if isinstance(change, Completed):
            self._learn(record.customer, record.config, record.status)

    def _learn(self, customer: str, config: JobConfiguration, status: JobStatus) -> None:
        estimate = status.estimate
        if estimate is None:
            return
        facts = next(
            (
                facts
                for key, facts in reversed(self._facts.items())
                if key[:3] == (customer, config.input_bucket, config.input_path)
            ),
            None,
        )
        ratios = observed_ratios(config, status, facts)
        if ratios is None:
            return
        for kind in (ALL, kind_of_work(config, estimate.input_columns)):
            self._known[kind] = self._known.get(kind, Throughput()).updated(ratios)
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
            source = self._context.source_of(customer, config)
            look = partial(self._context.pipeline.measure, InputProbe(config, source))
            looking = asyncio.create_task(self._bounded(look, config))
            self._looking[key] = looking
            looking.add_done_callback(partial(self._looked, key))
        return await asyncio.shield(looking)

    def _looked(self, key: Key, looking: asyncio.Task[TableFacts]) -> None:
        del self._looking[key]
        if looking.cancelled() or looking.exception() is not None:
            return  # its waiters get the error
        self._facts[key] = looking.result()
        while len(self._facts) > REMEMBERED:
            self._facts.popitem(last=False)

    async def _bounded(self, look: Callable[[], Awaitable[T]], config: JobConfiguration) -> T:
        """Do a look in its time, a few at once."""
        if self._room.locked() and self._waiting >= MAX_WAITING:
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
                f"{config.input_title} could not be looked at in {duration(LOOK_SECONDS)}. "
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
            await self._context.clock.sleep(SAVE_SECONDS)
            try:
                await self._save()
            except ServiceUnavailable as error:
                logger.warning("the throughput of jobs could not be kept: %s", error)

    async def _save(self) -> None:
        for kind in sorted(self._unsaved):
            await self._kept.update("", kind, partial(_newest, self._known[kind]))
            self._unsaved.discard(kind)


def _has_budget(config: JobConfiguration) -> bool:
    return "epsilon" in config.parameters


def _newest(newest: Throughput, _: Throughput | None) -> Throughput:
    return newest


def manifest_path(job_id: str) -> str:
    """Where the manifest of a job lies, if it has completed."""
    return f"jobs/{job_id}/manifest.json"


def _no_result(job_id: str) -> InputError:
    return InputError(
        f"Job {job_id} has no result to train on: it has not completed, or is gone. "
        "Submit the job all the same: it waits for that one.",
        code="input_not_found",
        details={"jobId": job_id},
    )


def _no_input(bucket: Bucket, config: JobConfiguration) -> InputError:
    """The error for an input that ``head`` does not find; opening it says why."""
    what = ""
    try:
        bucket.open(config.input_path).close()
    except NotFound as error:
        what = error.details.get("what", "")
    if what:
        return InputError(
            f"{config.input_title} is {what}, not a file. Name a regular file.",
            code="input_not_a_file",
            details={"bucket": config.input_bucket, "path": config.input_path},
        )
    where = (
        config.input_title
        if is_cloud(config.input_bucket)
        else f"{config.input_path!r} in bucket {config.input_bucket!r}"
    )
    return InputError(
        f"There is no input {where}. Check the name, or upload it first.",
        code="input_not_found",
        details={"bucket": config.input_bucket, "path": config.input_path},
    )
