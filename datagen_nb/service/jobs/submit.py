"""Submits of one customer: checked, estimated, stored once for each idempotency key, queued."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from datagen_nb.core import logs
from datagen_nb.core.buckets import LocalDisk, ObjectMeta
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ConfigurationError,
    DatagenError,
    IdempotencyConflict,
    JobNotFound,
    LimitReached,
    OutputError,
    Problem,
    QuotaExceeded,
    SubmitInFlight,
)
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.limits import check_submit, reservation
from datagen_nb.core.manifest import kept_model
from datagen_nb.core.messages import (
    JobEvent,
)
from datagen_nb.core.output_errors import output_exists
from datagen_nb.core.status import JobStatus, State, new_status
from datagen_nb.core.store import CustomerUsage, JobRecord
from datagen_nb.core.templates import filled
from datagen_nb.service.context import CustomerContext
from datagen_nb.service.jobs.estimates import LOOK_SECONDS, SUBMIT_SECONDS, Estimator
from datagen_nb.service.jobs.ids import JobIds
from datagen_nb.service.jobs.queries import JobQueries
from datagen_nb.service.jobs.reservation import expected_to_keep
from datagen_nb.service.jobs.runner import Runner
from datagen_nb.service.uploads import Uploads

InFlight = set[tuple[str, str]]
"""Customers and idempotency keys whose submits are under way."""


class JobSubmissions:
    """Accepts jobs of one customer.

    Args:
        context: The customer's.
        queries: Of the same customer.
        runner: Runs what is accepted.
        estimator: Estimates what is submitted.
        uploads: Keep inputs that are used.
        ids: Gives ids of jobs.
        in_flight: Shared by all customers.
    """

    def __init__(
        self,
        context: CustomerContext,
        *,
        queries: JobQueries,
        runner: Runner,
        estimator: Estimator,
        uploads: Uploads,
        ids: JobIds,
        in_flight: InFlight,
    ) -> None:
        self._context = context
        self._service = context.service
        self._customer = context.customer
        self._queries = queries
        self._runner = runner
        self._estimator = estimator
        self._uploads = uploads
        self._ids = ids
        self._in_flight = in_flight

    async def create(self, config: JobConfiguration, *, idempotency_key: str) -> JobStatus:
        config = config.after_its_input()
        fingerprint = hashlib.sha256(config.to_json().encode()).hexdigest()
        kept = await self._submit_once(config, idempotency_key, fingerprint)
        if kept.fingerprint != fingerprint:
            raise IdempotencyConflict(
                f"The idempotency key {idempotency_key!r} belongs to job {kept.job_id}, which was "
                "submitted with another configuration. Use a new key.",
                details={"jobId": kept.job_id},
            )
        if not config.is_async:
            return await self._ended(kept.job_id)
        return self._queries.current(kept.status, await self._context.limits())

    async def _submit_once(
        self, config: JobConfiguration, idempotency_key: str, fingerprint: str
    ) -> JobRecord:
        """Make a job of a submit, or find the one that its key has made; never two at a time.

        That a key is new is most likely, and the store looks once more as it adds the job: only
        a kept job is looked for before a refusal is raised.
        """
        submit = (self._customer, idempotency_key)
        if submit in self._in_flight:
            if kept := await self._context.store.find(*submit):
                return kept
            raise SubmitInFlight(
                f"A submit with the idempotency key {idempotency_key!r} is under way. "
                "Ask again in a moment.",
                details={"retryAfter": 1},
            )
        self._in_flight.add(submit)
        try:
            return await self._accept(config, idempotency_key, fingerprint)
        except DatagenError as refusal:
            if kept := await self._context.store.find(*submit):
                return kept
            if isinstance(refusal, LimitReached | QuotaExceeded):
                self._service.observers.refused(self._customer, refusal.code)
            raise
        finally:
            self._in_flight.discard(submit)

    async def _accept(
        self, config: JobConfiguration, idempotency_key: str, fingerprint: str
    ) -> JobRecord:
        pipeline = await self._service.check(config)
        if config.model_job is not None:
            await self._check_model(config.model_job)
        await self._check_predecessors(config)
        found = await self._find_input(config)
        now, limits = self._service.clock.now(), await self._context.limits()
        # Where a quota depends on it, how large the result will be is worth a longer wait.
        timeout = SUBMIT_SECONDS if limits.storage_quota is None else LOOK_SECONDS
        estimate: Estimate | None = None
        if found is not None:
            estimate = await self._estimator.at_submit(
                self._customer, config, found, seconds=timeout
            )
        _check_disk(estimate)
        status = new_status(
            self._ids.next(),
            config,
            now,
            pipeline.stage_weights(config.data_size),
            estimate=estimate,
            request_id=logs.log_field("request"),
        )
        made = JobRecord(self._customer, status, config, idempotency_key, fingerprint)

        def precondition(usage: CustomerUsage) -> int:
            check_submit(usage, limits, now)
            return reservation(usage, limits, *expected_to_keep(config, estimate, limits))

        kept = await self._context.store.add(made, precondition=precondition)
        if kept.job_id == made.job_id:
            if config.has_input:
                await self._uploads.used(self._customer, config.input_path)
            self._service.bus.publish(self._customer)
            self._service.observers.created(self._customer, status)
            self._runner.add(kept)
            if estimate is None and found is not None:
                self._estimator.attach(self._customer, kept.job_id, config)
        return kept

    async def _check_model(self, job_id: str) -> None:
        """Look whether a job has a model, or may come to have one.

        Raises:
            JobNotFound: There is no such job of this customer.
            NotFound: It keeps none.
        """
        if (await self._queries.status(job_id)).status is State.COMPLETED:
            kept_model(await self._queries.manifest(job_id))

    async def _check_predecessors(self, config: JobConfiguration) -> None:
        unknown = []
        for job_id in config.after:
            try:
                record = await self._context.store.get(self._customer, job_id)
            except JobNotFound:
                unknown.append(job_id)
                continue
            if job_id == config.input_job and record.config.output_format != config.input_format:
                format = record.config.output_format
                rule = f"has to be {format}, the format that job {job_id} writes"
                problem = Problem("inputFormat", config.input_format, rule, f"Write {format}.")
                raise ConfigurationError([problem])
        if unknown:
            rule = "has to be the id of a job of yours"
            remedy = "Give the ids of jobs that were submitted before."
            raise ConfigurationError([Problem("after", repr(i), rule, remedy) for i in unknown])

    async def rerun(
        self,
        job_id: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
    ) -> JobStatus:
        record = await self._context.store.get(self._customer, job_id)
        # The file that the job itself has written is no conflict.
        wrote = bool(record.config.output_path) and record.status.status is State.COMPLETED
        overwrite = record.config.overwrite or wrote
        config = record.config.model_copy(update={"after": (), "overwrite": overwrite})
        if overrides:
            config = filled(config.to_wire(), overrides, await self._service.pipeline.describe())
        return await self.create(config, idempotency_key=idempotency_key)

    async def _ended(self, job_id: str) -> JobStatus:
        status = await self._queries.status(job_id)
        try:
            async with asyncio.timeout(self._service.settings.wait_seconds):
                async with aclosing(self._queries.events(job_id=job_id)) as events:
                    async for event in events:
                        if isinstance(event, JobEvent):
                            status = event.data
                        if status.status.is_terminal:
                            break
        except TimeoutError:
            pass  # the bound of the wait; the job goes on, and its status says so
        return status

    async def _find_input(self, config: JobConfiguration) -> ObjectMeta | None:
        """Where the input lies; ``None`` of the result of a job that has not completed yet."""
        target = self._service.buckets(self._customer, config.output_bucket)
        asked = config.output_path if not config.overwrite else ""
        if asked and await asyncio.to_thread(target.head, asked) is not None:
            raise output_exists(config.output_title)
        if config.input_job is not None:
            status = await self._queries.status(config.input_job)
            if status.status is not State.COMPLETED:
                return None
        source = self._service.source_of(self._customer, config)
        if isinstance(source, LocalDisk) and source.is_near:
            return self._estimator.find(self._customer, config)
        return await asyncio.to_thread(self._estimator.find, self._customer, config)


def _check_disk(estimate: Estimate | None) -> None:
    """Refuse a job whose result cannot fit on the disk.

    Raises:
        OutputError: Not even the low end of its estimate does.
    """
    for warning in estimate.warnings if estimate else ():
        if warning.certain and warning.code == "larger_than_disk":
            details = {"remedy": warning.remedy, "rowsThatFit": warning.value}
            raise OutputError(str(warning), code="disk_full", details=details)
