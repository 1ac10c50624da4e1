"""Two pipelines at once: some jobs run elsewhere, the others on this machine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from datagen_nb.core.changes import Placed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, DatagenError, Rejected
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import InputProbe, Pipeline, Signal, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.plans import Preview

LOCAL, REMOTE = "local", "remote"


@dataclass(frozen=True, slots=True)
class RolloutRules:
    """Which jobs run elsewhere: those that fit all of these.

    Attributes:
        share: Percentage of the jobs, 0 to 100.
        customers: Their customers; empty for all.
        data_types: Their data types; empty for all.
        falls_back: Whether a job that has not begun runs here while the other pipeline is
            unhealthy; otherwise it waits.
    """

    share: float = 100.0
    customers: frozenset[str] = frozenset()
    data_types: frozenset[str] = frozenset()
    falls_back: bool = False

    def chooses(self, task: Task) -> bool:
        """Whether a job is one that runs elsewhere; always the same for one id."""
        digest = hashlib.sha256(task.job_id.encode()).digest()
        return (
            int.from_bytes(digest[:8]) * 100 < self.share * 2**64
            and (not self.customers or task.customer in self.customers)
            and (not self.data_types or task.config.data_type in self.data_types)
        )


class RolloutPipeline:
    """Runs some jobs on a remote pipeline and the others on the local one.

    The first attempt decides, and the job's status keeps it (``metadata.pipeline``): a job stays
    where it began. What can be asked for is what the local pipeline does; of that, jobs that the
    remote one does not do run here.

    Args:
        local: Of this machine; answers every question about inputs.
        remote: Elsewhere.
        rules: Which jobs run elsewhere.
    """

    def __init__(self, local: Pipeline, remote: Pipeline, rules: RolloutRules) -> None:
        self._pipelines = {LOCAL: local, REMOTE: remote}
        self._local, self._remote = local, remote
        self._rules = rules

    async def describe(self) -> PipelineInfo:
        return await self._local.describe()

    async def check(self, config: JobConfiguration) -> None:
        await self._local.check(config)

    async def run(self, task: Task) -> AsyncGenerator[Signal, None]:
        name = task.pipeline or await self._choose(task)
        if name != task.pipeline:
            yield Placed(task.attempt, name)
        async with aclosing(self._pipelines[name].run(task)) as signals:
            async for signal in signals:
                if not isinstance(signal, Placed):
                    yield signal

    async def forget(self, job_id: str) -> None:
        await self._local.forget(job_id)
        await self._remote.forget(job_id)

    async def measure(self, probe: InputProbe) -> TableFacts:
        return await self._local.measure(probe)

    async def inspect(self, probe: InputProbe) -> Inspection:
        return await self._local.inspect(probe)

    async def preview(self, probe: InputProbe) -> Preview:
        return await self._local.preview(probe)

    async def check_health(self) -> Health:
        """Degraded while the remote pipeline is unhealthy: the other jobs go on."""
        local, remote = await asyncio.gather(
            self._local.check_health(), self._remote.check_health()
        )
        metrics = {**(local.metrics or {}), **(remote.metrics or {})}
        if remote.status == "healthy" or local.status == "unhealthy":
            return local.model_copy(update={"metrics": metrics})
        where = "new jobs run here" if self._rules.falls_back else "its jobs wait"
        why = remote.message or "no word why"
        message = f"the remote one is {remote.status} ({why}); {where}"
        return Health(status="degraded", message=message, metrics=metrics)

    async def aclose(self) -> None:
        await self._remote.aclose()
        await self._local.aclose()

    async def _choose(self, task: Task) -> str:
        if not self._rules.chooses(task):
            return LOCAL
        falls_back = self._rules.falls_back
        if falls_back and (await self._remote.check_health()).status == "unhealthy":
            return LOCAL
        try:
            (await self._remote.describe()).check(task.config)
            await self._remote.check(task.config)
        except (ConfigurationError, Rejected):
            return LOCAL
        except DatagenError:
            return LOCAL if falls_back else REMOTE
        return REMOTE
