"""The operations of a pipeline elsewhere, one method each: section 2.1 of the specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, ProtocolError
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import InputProbe, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.pipeline_service import (
    MEASUREMENTS,
    PIPELINE,
    PIPELINE_CHECKS,
    PIPELINE_HEALTH,
    PIPELINE_INSPECTIONS,
    PIPELINE_JOBS,
    PIPELINE_PREVIEWS,
    Submission,
    UpdatePage,
    pipeline_job_path,
)
from datagen_nb.core.plans import Preview
from datagen_nb.core.ports import Clock
from datagen_nb.core.status import JobStatus
from datagen_nb.core.wire_model import WireModel
from datagen_nb.pipelines.remote.breaker import CircuitBreaker

M = TypeVar("M", bound=WireModel)

JSON_HEADERS = {"Content-Type": "application/json"}


class Connection(Protocol):
    """Sends requests to one address, with its retries and its key; ``api.client`` has one."""

    async def send(
        self,
        method: str,
        path: str,
        *,
        idempotent: bool,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        long_poll: bool = False,
    ) -> bytes:
        """Send a request and return the body of the response.

        Raises:
            DatagenError: What the other side answered, or that it did not.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


class PipelineCalls:
    """Calls one pipeline elsewhere. Every call may be repeated: each names its attempt.

    Each raises ``ServiceUnavailable`` if the pipeline does not answer, ``AccessError`` if it does
    not accept the key, and ``ProtocolError`` if its answer cannot be read.
    """

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self.breaker = CircuitBreaker(clock)

    async def describe(self) -> PipelineInfo:
        return _read(PipelineInfo, await self._get(PIPELINE))

    async def check(self, config: JobConfiguration) -> None:
        """Ask whether it will run a configuration.

        Raises:
            Rejected: It will not.
        """
        await self._post(PIPELINE_CHECKS, config.to_wire())

    async def submit(self, task: Task) -> Submission:
        """Begin an attempt; the same one again changes nothing.

        Raises:
            ActionRefused: A newer attempt at the job has begun.
        """
        return _read(Submission, await self._post(PIPELINE_JOBS, task.to_wire()))

    async def resume(self, job_id: str, attempt: int) -> bool:
        """Go on with a paused job as another attempt.

        Raises:
            JobNotFound: The pipeline does not know the job any more: submit it.
        """
        path = pipeline_job_path(job_id, "resume")
        return _read_bool(await self._post(path, {"attempt": attempt}))

    async def pause(self, job_id: str, attempt: int) -> bool:
        """Stop an attempt within 2 s; what is finished stays."""
        path = pipeline_job_path(job_id, "pause")
        return _read_bool(await self._post(path, {"attempt": attempt}))

    async def cancel(self, job_id: str) -> bool:
        """Stop a job within 2 s, and forget it."""
        return _read_bool(await self._post(pipeline_job_path(job_id, "cancel"), {}))

    async def status(self, job_id: str) -> JobStatus:
        """How a job stands.

        Raises:
            JobNotFound: The pipeline does not know it.
        """
        return _read(JobStatus, await self._get(pipeline_job_path(job_id)))

    async def updates(
        self, job_id: str, attempt: int, *, after: int = 0, wait: float = 0
    ) -> UpdatePage:
        """Get what an attempt has reported after a cursor; wait for it if there is nothing yet.

        Raises:
            JobNotFound: The pipeline does not know the job.
            ActionRefused: Another attempt has replaced this one.
        """
        path = pipeline_job_path(job_id, "updates")
        params = {"attempt": attempt, "after": after, "wait": wait}
        return _read(UpdatePage, await self._get(path, params=params))

    async def measure(self, probe: InputProbe) -> TableFacts:
        return _read(TableFacts, await self._post(MEASUREMENTS, probe.to_wire()))

    async def inspect(self, probe: InputProbe) -> Inspection:
        return _read(Inspection, await self._post(PIPELINE_INSPECTIONS, probe.to_wire()))

    async def preview(self, probe: InputProbe) -> Preview:
        return _read(Preview, await self._post(PIPELINE_PREVIEWS, probe.to_wire()))

    async def check_health(self) -> Health:
        return _read(Health, await self._get(PIPELINE_HEALTH))

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _get(self, path: str, *, params: Mapping[str, Any] | None = None) -> bytes:
        async with self.breaker.call():
            return await self._connection.send(
                "GET", path, idempotent=True, params=params, long_poll=True
            )

    async def _post(self, path: str, body: Mapping[str, Any]) -> bytes:
        content = json.dumps(body).encode()
        async with self.breaker.call():
            return await self._connection.send(
                "POST", path, idempotent=True, headers=JSON_HEADERS, content=content, long_poll=True
            )


def _read(model: type[M], body: bytes) -> M:
    try:
        return model.from_wire(body)
    except (ValidationError, ConfigurationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.message
        raise _not_understood(model.__name__, reason) from error


def _read_bool(body: bytes) -> bool:
    if body not in (b"true", b"false"):
        raise _not_understood("boolean", "it is neither true nor false")
    return body == b"true"


def _not_understood(what: str, reason: str) -> ProtocolError:
    return ProtocolError(
        f"The pipeline sent a {what} that this version cannot read: {reason}. "
        "`datagen-nb check-pipeline` shows what it does otherwise."
    )
