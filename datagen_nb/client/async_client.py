"""The asynchronous client: submit a table, follow the job, take the result."""

from __future__ import annotations

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.configuration import configure
from datagen_nb.client.history import AsyncHistory
from datagen_nb.client.submitting import new_key, warn_of_estimate
from datagen_nb.core.alerts import Alerts
from datagen_nb.core.config import (
    JobConfiguration,
)
from datagen_nb.core.customer_webhooks import Webhooks
from datagen_nb.core.errors import (
    ArgumentTypeError,
    ServiceUnavailable,
)
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.lease import Connected
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import Overview, ServiceInfo
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.plans import Graph, Preview
from datagen_nb.core.ports import Jobs
from datagen_nb.core.schedules import Schedules
from datagen_nb.core.summary import Summarized, Summary
from datagen_nb.core.templates import Templates
from datagen_nb.core.uploads import Uploads

if TYPE_CHECKING:
    import pandas as pd

    from datagen_nb.client.configuration import KeptModel, Made
    from datagen_nb.client.inputs import Source
    from datagen_nb.client.schema import Schema


class AsyncClient(Summarized, Connected):
    """Submits jobs and finds them again.

    Attributes:
        jobs: Those there are.
        templates: Named, versioned configurations.
        schedules: Jobs that run by the clock.
        webhooks: Where the service sends what happens.
        alerts: What needs attention.
        uploads: Inputs that are sent in chunks.

    Example:
        ```python
        async with dg.AsyncClient.connect() as client:
            job = await client.submit("data/diamonds.parquet", rows=1_000)
            data = await job
        ```
    """

    def __init__(
        self,
        service: Jobs,
        *,
        where: str = "a service",
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._service = service
        self._where = where
        self._close = close or service.aclose
        self._pipeline: PipelineInfo | None = None
        self.jobs = AsyncHistory(service)
        self.templates: Templates = service.templates
        self.schedules: Schedules = service.schedules
        self.webhooks: Webhooks = service.webhooks
        self.alerts: Alerts = service.alerts
        self.uploads: Uploads = service.uploads

    def _summary(self) -> Summary:
        reads = "of this machine" if self.shares_files else "are uploaded"
        facts = [
            ("Files", reads),
            ("Start a job", "client.submit(table, rows=…)"),
            ("Find jobs", "client.jobs.list()"),
            ("See the limits", "client.limits()"),
        ]
        return Summary("Client", f"of {self._where}", facts)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; jobs go on.

        Example:
            ```python
            client = dg.connect()
            client.close()
            ```
        """
        await self._close()

    @property
    def shares_files(self) -> bool:
        """Whether the service reads and writes the files of this machine."""
        return self._service.shares_files

    async def submit(
        self,
        source: Source | Made | Mapping[str, Source] | JobConfiguration | None = None,
        *,
        model: KeptModel | None = None,
        schema: Schema | Mapping[str, Any] | None = None,
        rows: int | Mapping[str, int] | None = None,
        data_type: str | None = None,
        seed: int | None = None,
        output: str | Path | None = None,
        format: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the job's, not this call's
        name: str | None = None,
        tags: Iterable[str] | None = None,
        overwrite: bool | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        """Submit a job; returns as soon as the service has accepted it.

        A ``DatagenWarning`` is shown when the estimate says that the job may not end within its
        timeout or the free storage; it names the argument to change.

        Args:
            source: The table to train on: a path or address, a pandas DataFrame, an Arrow table; a
                job or its result, which need not exist yet: the new job waits for it; or a whole
                ``JobConfiguration``, with no further arguments.
            model: Instead of ``source``: a job, or its id, whose model makes the rows, without a
                new fit. It may still run: the new job waits for it.
            schema: Instead of ``source``: declared columns of rows without an input, a
                ``dg.Schema`` or the dict of one.
            rows: Rows to generate; of several tables those of each that belongs to no other, as
                ``{"customers": 5_000}``, from which those of the others follow.
            data_type: What rows are to each other: ``tabular``, the default, or ``timeseries``;
                a dict of tables is ``relational``.
            seed: The same table, configuration and seed give the same rows; 0 by default, or the
                model's. With another seed a model makes other rows, with its own those of its job
                and further ones.
            output: A file to write the result to; it is kept with the job too.
            format: ``csv``, ``json``, ``jsonl`` or ``parquet``; by default that of ``output``,
                else the input's.
            parameters: How to read the table and fit the synthesizer, as
                ``{"sample_rows": 20_000}``; ``dg.PARAMETERS`` lists them all.
            timeout: Most seconds the job may run; 3,600 by default.
            name: A name to find it by; by default the input's.
            tags: Words to find it by.
            overwrite: Replace a file that is already at ``output``; otherwise it is refused.
            idempotency_key: A key of your own for this submit. Submitting again with the same key
                and configuration returns the same job, also after a crash or a lost answer.

        Returns:
            The job; as the last line of a cell it is a live card.

        Raises:
            ConfigurationError: An argument breaks a rule; nothing was sent.
            JobNotFound: There is no such job to take the model of.
            NotFound: That job keeps no model (``model_not_kept``).
            InputError: The table cannot be read; nothing was sent.
            OutputError: There is a file at ``output`` already (``output_exists``), or the result
                cannot fit on the disk (``disk_full``).
            SubmitError: The service did not accept the job.
            IdempotencyConflict: The key was used with another configuration.
            ArgumentTypeError: The arguments do not go together.

        Example:
            ```python
            job = await client.submit("customers.csv", rows=10_000, seed=7)
            data = await job.result()
            data.head()
            more = await client.submit(model=job, rows=10_000_000, seed=8)
            ```
        """
        chosen = {
            "model": model,
            "schema": schema,
            "rows": rows,
            "data_type": data_type,
            "seed": seed,
            "output": output,
            "format": format,
            "parameters": parameters,
            "timeout": timeout,
            "name": name,
            "tags": tags,
            "overwrite": overwrite,
        }
        if not isinstance(source, JobConfiguration):
            config = await self.configure(source, **chosen)  # type: ignore[arg-type]
        elif any(value is not None for value in chosen.values()):
            raise ArgumentTypeError(
                "A JobConfiguration says it all: give it alone, or give a table with arguments."
            )
        else:
            config = source
        key = new_key() if idempotency_key is None else idempotency_key
        config = config.after_its_input()
        status = await self._service.create(config, idempotency_key=key)
        warn_of_estimate(status)
        return AsyncJob(self._service, status, config)

    async def configure(
        self,
        source: Source | Made | Mapping[str, Source] | None = None,
        *,
        model: KeptModel | None = None,
        schema: Schema | Mapping[str, Any] | None = None,
        rows: int | Mapping[str, int] | None = None,
        data_type: str | None = None,
        seed: int | None = None,
        output: str | Path | None = None,
        format: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the job's, not this call's
        name: str | None = None,
        tags: Iterable[str] | None = None,
        overwrite: bool | None = None,
    ) -> JobConfiguration:
        """Make the configuration that ``submit`` would send, and upload the table if needed.

        Args:
            source: As for ``submit``, and so are the others.
            model: A job whose model makes the rows.
            schema: Declared columns.
            rows: Rows to generate.
            data_type: What rows are to each other.
            seed: The same table, configuration and seed give the same rows.
            output: A file to write the result to.
            format: Format of the result.
            parameters: See ``dg.PARAMETERS``.
            timeout: Most seconds the job may run.
            name: A name to find it by.
            tags: Words to find it by.
            overwrite: Replace a file that is already at ``output``.

        Raises:
            ConfigurationError: An argument breaks a rule.
            InputError: The table cannot be read.

        Example:
            ```python
            config = await client.configure("customers.csv", rows=10_000)
            print(config.to_yaml())
            job = await client.submit(config)
            ```
        """
        return await configure(
            self._service,
            await self.pipeline(),
            source,
            model=model,
            schema=schema,
            rows=rows,
            data_type=data_type,
            seed=seed,
            output=output,
            format=format,
            parameters=parameters,
            timeout=timeout,
            name=name,
            tags=tags,
            overwrite=overwrite,
        )

    async def estimate(self, config: JobConfiguration) -> Estimate:
        """Estimate the bytes and seconds that a job would take, as ranges, from jobs measured here.

        Args:
            config: What ``configure`` returned.

        Raises:
            InputError: The table does not exist or cannot be read.

        Example:
            ```python
            config = await client.configure("customers.csv", rows=10_000_000)
            await client.estimate(config)
            ```
        """
        return await self._service.plans.estimate(config)

    async def inspect(
        self,
        source: Source | Made | Mapping[str, Source] | JobConfiguration,
        *,
        parameters: Mapping[str, Any] | None = None,
    ) -> Inspection:
        """Look at a table before training on it: rows, columns with their kinds, the first values.

        Args:
            source: As for ``submit``.
            parameters: How to read it, as ``{"delimiter": ";"}``; see ``dg.PARAMETERS``.

        Raises:
            InputError: The table does not exist or cannot be read.

        Example:
            ```python
            found = await client.inspect("customers.csv")
            found.rows, [column.kind for column in found.columns]
            ```
        """
        if not isinstance(source, JobConfiguration):
            source = await self.configure(source, rows=1, parameters=parameters)
        return await self._service.plans.inspect(source)

    async def preview(self, config: JobConfiguration) -> pd.DataFrame:
        """Generate a few rows quickly, from a sample of the table; no job is made.

        ``attrs["notes"]`` of the frame says why the job's own rows are better than these.

        Args:
            config: What ``configure`` returned.

        Raises:
            InputError: The table does not exist or cannot be read.
            LimitReached: Too many previews are being made.

        Example:
            ```python
            config = await client.configure("customers.csv", rows=10_000)
            await client.preview(config)
            ```
        """
        return await asyncio.to_thread(_frame, await self._service.plans.preview(config))

    async def submit_template(
        self,
        name: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        """Submit a job made from a template.

        Args:
            name: The template's name.
            overrides: Fields of a ``JobConfiguration`` to add or replace, under the names that they
                have on the wire.
            version: Version of the template; the newest by default.
            idempotency_key: As for ``submit``.

        Raises:
            NotFound: There is no such template.
            ConfigurationError: A field is missing or breaks a rule; every problem at once.

        Example:
            ```python
            job = await client.submit_template("nightly", {"dataSize": 10_000})
            ```
        """
        key = new_key() if idempotency_key is None else idempotency_key
        status = await self._service.templates.submit(
            name, overrides, idempotency_key=key, version=version
        )
        warn_of_estimate(status)
        return AsyncJob(self._service, status)

    async def submit_graph(
        self,
        jobs: Mapping[str, JobConfiguration | Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> Mapping[str, AsyncJob]:
        """Submit jobs that follow one another; in ``after`` each names others of ``jobs``.

        One that is fitted to what another makes has ``"inputBucket": "jobs"`` and the other's name
        in ``"inputPath"``; it follows that one without ``after``.

        Args:
            jobs: Configurations by names of your own.
            idempotency_key: As for ``submit``.

        Returns:
            The jobs by the same names.

        Raises:
            ConfigurationError: A rule is broken, or the jobs follow one another in a circle.

        Example:
            ```python
            config = await client.configure("customers.csv", rows=10_000)
            jobs = await client.submit_graph(
                {"first": config, "second": {**config.to_wire(), "after": ["first"]}}
            )
            ```
        """
        graph = Graph(
            jobs={
                name: config.to_wire() if isinstance(config, JobConfiguration) else config
                for name, config in jobs.items()
            }
        )
        key = new_key() if idempotency_key is None else idempotency_key
        made = await self._service.plans.create_many(graph, idempotency_key=key)
        for status in made.jobs.values():
            warn_of_estimate(status)
        return {name: AsyncJob(self._service, status) for name, status in made.jobs.items()}

    async def info(self) -> ServiceInfo:
        """Get the version, health and workers of the service.

        Example:
            ```python
            info = await client.info()
            info.health.status
            ```
        """
        return await self._service.info()

    async def overview(self, days: int = 30) -> Overview:
        """Count jobs by state, and summarise those that ended lately.

        Args:
            days: How far to look back, 1 to 366.

        Raises:
            ConfigurationError: The days are out of range.

        Example:
            ```python
            overview = await client.overview(days=7)
            overview.success_share
            ```
        """
        return await self._service.overview(days)

    async def limits(self) -> RateLimitStatus:
        """Get what runs and waits, the cooldown, and whether a job submitted now would be accepted.

        Example:
            ```python
            limits = await client.limits()
            limits.allowed
            ```
        """
        return await self._service.limits()

    async def pipeline(self) -> PipelineInfo:
        """Get what the service's pipeline can do: its parameters, formats, stages and bounds.

        Raises:
            ServiceUnavailable: The service cannot reach its pipeline.

        Example:
            ```python
            pipeline = await client.pipeline()
            pipeline.output_formats
            ```
        """
        if self._pipeline is None:
            self._pipeline = (await self._service.info()).pipeline
        if self._pipeline is None:
            raise ServiceUnavailable(
                "The service cannot reach its pipeline. Try again in a moment.",
                code="pipeline_unavailable",
            )
        return self._pipeline

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        """Set how many jobs may queue; 0 refuses at once what cannot start.

        Args:
            jobs: How many; ``None`` returns to what the operator set.

        Raises:
            ConfigurationError: It is more than the operator allows.

        Example:
            ```python
            await client.set_max_waiting(20)
            ```
        """
        return await self._service.set_max_waiting(jobs)

    async def retention_days(self) -> float:
        """Get the days from a job's end until it is deleted with its data.

        Example:
            ```python
            await client.retention_days()
            ```
        """
        return await self._service.retention_days()

    async def set_retention_days(self, days: float | None) -> float:
        """Set the days from a job's end until it is deleted with its data; existing jobs follow.

        Args:
            days: How many; ``None`` returns to what the operator set.

        Raises:
            ConfigurationError: They are outside the operator's bounds.

        Example:
            ```python
            await client.set_retention_days(30)
            ```
        """
        return await self._service.set_retention_days(days)

    async def clean_up(self) -> int:
        """Delete expired jobs now rather than soon.

        Returns:
            How many were deleted.

        Example:
            ```python
            await client.clean_up()
            ```
        """
        return await self._service.clean_up()


def _frame(found: Preview) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(found.rows, columns=[column.name for column in found.columns])
    frame.attrs = {"trainingRows": found.training_rows, "notes": list(found.notes)}
    return frame
