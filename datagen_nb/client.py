"""The asynchronous client: submit a table, follow the job, take the result."""

from __future__ import annotations

import uuid
from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from datagen_nb.core.alerts import Alerts
from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES, JobConfiguration, format_of
from datagen_nb.core.errors import ConfigurationError
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import Overview, ServiceInfo
from datagen_nb.core.plans import Graph
from datagen_nb.core.ports import Jobs
from datagen_nb.core.schedules import Schedules
from datagen_nb.core.templates import Templates
from datagen_nb.core.uploads import Uploads
from datagen_nb.core.webhooks import Webhooks
from datagen_nb.inputs import place
from datagen_nb.job import AsyncJob
from datagen_nb.listing import AsyncHistory

if TYPE_CHECKING:
    import pandas as pd

    from datagen_nb.inputs import Source

_CALLERS_WORDS = {
    "dataSize": "rows",
    "outputFormat": "format",
    "outputPath": "output",
    "parameters.seed": "seed",
}


class AsyncClient:
    """Submits jobs and finds them again.

    Attributes:
        jobs: Those there are.
        templates: Named, versioned configurations.
        schedules: Jobs that run by the clock.
        webhooks: Where the service tells what happens.
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
        self, service: Jobs, *, close: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._service = service
        self._close = close or service.aclose
        self.jobs = AsyncHistory(service)
        self.templates: Templates = service.templates
        self.schedules: Schedules = service.schedules
        self.webhooks: Webhooks = service.webhooks
        self.alerts: Alerts = service.alerts
        self.uploads: Uploads = service.uploads

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
        """Let go of the connection; jobs go on."""
        await self._close()

    @property
    def shares_files(self) -> bool:
        """Whether the service reads and writes the files of this machine."""
        return self._service.shares_files

    async def submit(
        self,
        source: Source | JobConfiguration,
        *,
        rows: int | None = None,
        seed: int | None = None,
        output: str | Path | None = None,
        format: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the job's, not this call's
        name: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> AsyncJob:
        """Submit a job; returns as soon as the service has accepted it.

        Args:
            source: The table to learn from: a path, a pandas DataFrame, a pyarrow Table; or a
                whole ``JobConfiguration``, with no further arguments.
            rows: Rows to make.
            seed: The same table, configuration and seed give the same rows; 0 if left out.
            output: A file to write the result to, besides keeping it in the bucket.
            format: ``csv``, ``json``, ``jsonl`` or ``parquet``; by default that of ``output``,
                else the input's.
            parameters: For the pipeline, as ``{"sampleRows": 20_000}``.
            timeout: Most seconds the job may run.
            name: What people call it; by default the input's name.
            tags: Words to find it by.

        Raises:
            ConfigurationError: Something breaks a rule; nothing was sent.
            InputError: The table cannot be read; nothing was sent.
            SubmitError: The service did not take the job.
            TypeError: The arguments do not go together.
        """
        chosen = {
            "rows": rows,
            "seed": seed,
            "output": output,
            "format": format,
            "parameters": parameters,
            "timeout": timeout,
            "name": name,
            "tags": tags,
        }
        if not isinstance(source, JobConfiguration):
            config = await self.configure(source, **chosen)  # type: ignore[arg-type]
        elif any(value is not None for value in chosen.values()):
            raise TypeError("a JobConfiguration says it all: give it alone, or give a table")
        else:
            config = source
        status = await self._service.create(config, idempotency_key=uuid.uuid4().hex)
        return AsyncJob(self._service, status, config)

    async def configure(
        self,
        source: Source,
        *,
        rows: int | None = None,
        seed: int | None = None,
        output: str | Path | None = None,
        format: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the job's, not this call's
        name: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> JobConfiguration:
        """Make the configuration that ``submit`` would send, its table put where the service is.

        Arguments and errors are those of ``submit``.
        """
        chosen: dict[str, Any] = {
            "data_size": rows,
            "timeout": timeout,
            "tags": None if tags is None else tuple(tags),
        }
        parameters = dict(parameters or {}) | ({} if seed is None else {"seed": seed})
        values = {key: value for key, value in chosen.items() if value is not None}
        values |= {**self._target(output), "parameters": parameters}
        # Rules before the table: a wrong number is told before gigabytes are read.
        _configure(**values, output_format=format or "csv", input_format="csv", input_path="-")
        placed = await place(source, parameters, self._service)
        return _configure(
            **values,
            input_bucket=placed.bucket,
            input_path=placed.path,
            input_format=placed.format,
            output_format=format or format_of(str(output or "")) or placed.format,
            name=placed.name if name is None else name,
        )

    async def estimate(self, config: JobConfiguration) -> Estimate:
        """What a job would take: bytes and seconds, as ranges, from what this service measured.

        Raises:
            InputError: Its table is not there or cannot be read.
        """
        return await self._service.plans.estimate(config)

    async def inspect(
        self, source: Source | JobConfiguration, *, parameters: Mapping[str, Any] | None = None
    ) -> Inspection:
        """What a table is: rows, columns with the kinds they would be learnt as, the first rows.

        Args:
            source: As for ``submit``.
            parameters: How to read it, as ``{"delimiter": ";"}``.

        Raises:
            InputError: It is not there or cannot be read.
        """
        if not isinstance(source, JobConfiguration):
            source = await self.configure(source, rows=1, parameters=parameters)
        return await self._service.plans.inspect(source)

    async def preview(self, config: JobConfiguration) -> pd.DataFrame:
        """A few rows as a job would make them, from a quick look at the beginning of its table.

        ``attrs["notes"]`` says in words what makes the job's own rows better than these.

        Raises:
            InputError: Its table is not there or cannot be read.
            LimitReached: Too many previews are under way.
        """
        import pandas as pd

        found = await self._service.plans.preview(config)
        frame = pd.DataFrame(found.rows, columns=[column.name for column in found.columns])
        frame.attrs = {"learntRows": found.learnt_rows, "notes": list(found.notes)}
        return frame

    async def submit_template(
        self, name: str, overrides: Mapping[str, Any] | None = None, *, version: int | None = None
    ) -> AsyncJob:
        """Submit a job made from a template.

        Args:
            name: Of the template.
            overrides: Fields of a ``JobConfiguration``, wire names, added or put in their place.
            version: Of the template; the newest if not said.

        Raises:
            NotFound: There is no such template.
            ConfigurationError: Something is still open, or breaks a rule; every problem at once.
        """
        key = uuid.uuid4().hex
        made = self._service.templates.submit(name, overrides, idempotency_key=key, version=version)
        return AsyncJob(self._service, await made)

    async def submit_graph(
        self, jobs: Mapping[str, JobConfiguration | Mapping[str, Any]]
    ) -> Mapping[str, AsyncJob]:
        """Submit jobs that follow one another: in ``after`` each names others of ``jobs``.

        Raises:
            ConfigurationError: A rule is broken, or they follow one another in a circle.
        """
        graph = Graph(
            jobs={
                name: config.to_wire() if isinstance(config, JobConfiguration) else dict(config)
                for name, config in jobs.items()
            }
        )
        made = await self._service.plans.create_many(graph, idempotency_key=uuid.uuid4().hex)
        return {name: AsyncJob(self._service, status) for name, status in made.jobs.items()}

    async def info(self) -> ServiceInfo:
        """What the service says of itself."""
        return await self._service.info()

    async def overview(self, days: int = 30) -> Overview:
        """What the jobs come to, and those that ended in the last ``days``, 1 to 366.

        Raises:
            ConfigurationError: The days are not these.
        """
        return await self._service.overview(days)

    async def limits(self) -> RateLimitStatus:
        """What runs, what waits, the cooldown, and whether a job submitted now would be taken."""
        return await self._service.limits()

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        """Choose how many jobs may queue; 0 refuses at once what cannot start.

        ``None`` goes back to what the operator set.

        Raises:
            ConfigurationError: It is more than the operator allows.
        """
        return await self._service.set_max_waiting(jobs)

    async def retention_days(self) -> float:
        """Days from a job's end until it is deleted with its data."""
        return await self._service.retention_days()

    async def set_retention_days(self, days: float | None) -> float:
        """Choose these days, for the jobs there are as well; ``None`` goes back to the usual.

        Raises:
            ConfigurationError: They are out of the operator's bounds.
        """
        return await self._service.set_retention_days(days)

    async def clean_up(self) -> int:
        """Delete the jobs whose time has passed now rather than soon; count them."""
        return await self._service.clean_up()

    def _target(self, output: str | Path | None) -> dict[str, str]:
        if output is None:
            return {}
        if not self._service.shares_files:
            return {"output_bucket": DEFAULT_BUCKET, "output_path": str(output)}
        path = Path(output).expanduser().absolute()
        return {"output_bucket": LOCAL_FILES, "output_path": str(path)}


def _configure(**values: Any) -> JobConfiguration:
    try:
        return JobConfiguration(**values)
    except ConfigurationError as error:
        problems = [
            replace(problem, field=_CALLERS_WORDS.get(problem.field, problem.field))
            for problem in error.problems
        ]
        raise ConfigurationError(problems) from None
