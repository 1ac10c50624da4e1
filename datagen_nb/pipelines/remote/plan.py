"""The integration test plan of a pipeline elsewhere: whether it keeps what the protocol promises.

It runs small jobs on the real pipeline, over a bucket that both ends can use, and removes what
they left.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from datagen_nb.buckets.registry import open_bucket
from datagen_nb.core.changes import Completed, Failed, StageStarted
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.data_types import is_of_one_table
from datagen_nb.core.errors import AccessError, ActionRefused, DatagenError, JobNotFound
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline import InputProbe, Signal, Task, signal_from_wire
from datagen_nb.core.status import State
from datagen_nb.pipelines.remote.calls import PipelineCalls
from datagen_nb.pipelines.remote.pipeline import STOP_SECONDS

TABLE = "a,b\n" + "".join(f"{number % 97},{'xyz'[number % 3]}\n" for number in range(500))
ROWS = 20_000
PART_ROWS = 2_000
WAIT_SECONDS = 10.0


class BrokenPoint(Exception):
    """What a pipeline did otherwise than the protocol says."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the plan.

    Attributes:
        name: What has to hold, as ``runs a job to its end``.
        reason: Why it does not; ``None`` if it does.
    """

    name: str
    reason: str | None


class IntegrationPlan:
    """Checks one pipeline, point by point.

    Args:
        calls: Reach it with a key.
        anonymous: Reach it without one.
        place: Address of a bucket that both ends can use.
        timeout: Seconds that one point may take.
    """

    def __init__(
        self, calls: PipelineCalls, anonymous: PipelineCalls, place: str, *, timeout: float = 300
    ) -> None:
        self._calls = calls
        self._anonymous = anonymous
        self._timeout = timeout
        self._bucket = open_bucket(place)
        self._folder = f"check-{secrets.token_hex(6)}"
        self._jobs: list[str] = []
        self._finished: Task | None = None

    async def run(self) -> AsyncGenerator[Point, None]:
        """Check each point; those after a broken one too."""
        points: dict[str, Callable[[], Awaitable[None]]] = {
            "describes itself": self._describes,
            "reports its health": self._is_healthy,
            "refuses requests without a key": self._asks_for_a_key,
            "answers questions about an input": self._answers_probes,
            "rejects a configuration that it cannot run, and says why": self._rejects,
            "rejects buckets that it may not use": self._keeps_to_its_places,
            "does not know what was not submitted": self._knows_no_other_job,
            "runs a job to its end": self._runs,
            "makes one run of a submit that is repeated": self._is_idempotent,
            "gives its updates again, with growing cursors": self._gives_updates_again,
            "stops within 2 s when it is paused, and goes on to the same bytes": self._resumes,
            "refuses an attempt that was replaced": self._refuses_old_attempts,
            "stops within 2 s when it is cancelled, for good": self._cancels,
        }
        await asyncio.to_thread(self._bucket.put, self._input, TABLE.encode())
        try:
            for name, check in points.items():
                yield Point(name, await self._reason(check))
        finally:
            await asyncio.to_thread(self._clean_up)

    async def _reason(self, check: Callable[[], Awaitable[None]]) -> str | None:
        try:
            async with asyncio.timeout(self._timeout):
                await check()
        except TimeoutError:
            return f"it took more than {self._timeout:g} s"
        except (BrokenPoint, DatagenError) as error:
            return str(error)
        return None

    async def _describes(self) -> None:
        info = await self._calls.describe()
        _hold(info == await self._calls.describe(), "two descriptions differ")
        info.check(await self._config())

    async def _is_healthy(self) -> None:
        health = await self._calls.check_health()
        _hold(health.status == "healthy", f"it is {health.status}: {health.message}")

    async def _asks_for_a_key(self) -> None:
        status = partial(self._anonymous.status, "j_1")
        await _refused(AccessError, self._anonymous.describe, status)

    async def _answers_probes(self) -> None:
        probe = InputProbe(await self._config(), self._bucket)
        facts = await self._calls.measure(probe)
        _hold(facts.size == len(TABLE), f"it measured {facts.size} of {len(TABLE)} bytes")
        names = [column.name for column in (await self._calls.inspect(probe)).columns]
        _hold(names == ["a", "b"], f"it found the columns {names}")
        _hold(bool((await self._calls.preview(probe)).rows), "its preview has no rows")

    async def _rejects(self) -> None:
        task = await self._task(parameters={"no such parameter": 1})
        submission = await self._calls.submit(task)
        _hold(submission.status == "rejected", f"it answered {submission.status}")
        _hold(bool(submission.message), "it does not say why")
        try:
            await self._calls.check(task.config)
        except DatagenError:
            return
        raise BrokenPoint("the check of the same configuration passed")

    async def _keeps_to_its_places(self) -> None:
        elsewhere = open_bucket(f"file:///{self._folder}")
        submission = await self._calls.submit(replace(await self._task(), bucket=elsewhere))
        _hold(submission.status == "rejected", f"it answered {submission.status}")

    async def _knows_no_other_job(self) -> None:
        job_id = _new_id()
        await _refused(
            JobNotFound,
            partial(self._calls.status, job_id),
            partial(self._calls.updates, job_id, 1),
            partial(self._calls.pause, job_id, 1),
            partial(self._calls.resume, job_id, 2),
            partial(self._calls.cancel, job_id),
        )

    async def _runs(self) -> None:
        task = await self._task()
        signals = await self._to_its_end(task)
        described = [stage.name for stage in (await self._calls.describe()).stages]
        began = [signal.stage for signal in signals if isinstance(signal, StageStarted)]
        _hold(began == described, f"it described the stages {described} and ran {began}")
        status = await self._calls.status(task.job_id)
        _hold(status.status is State.COMPLETED, f"its status is {status.status}")
        manifest = self._manifest(task)
        _hold(manifest.rows == ROWS, f"its manifest has {manifest.rows} rows, not {ROWS}")
        for part in manifest.parts:
            data = await asyncio.to_thread(self._bucket.get, part.name)
            same = (len(data), hashlib.sha256(data).hexdigest()) == (part.size, part.sha256)
            _hold(same, f"{part.name} is not what its manifest says")
        self._finished = task

    async def _is_idempotent(self) -> None:
        task = self._completed()
        before = await self._calls.updates(task.job_id, 1)
        submission = await self._calls.submit(task)
        _hold(submission.status == "accepted", f"it answered {submission.status}")
        _hold(before == await self._calls.updates(task.job_id, 1), "it ran the attempt again")

    async def _gives_updates_again(self) -> None:
        job_id = self._completed().job_id
        page = await self._calls.updates(job_id, 1)
        cursors = [update.cursor for update in page.updates]
        _hold(cursors == sorted(set(cursors)), "its cursors do not grow")
        _hold(page.has_ended, "it does not say that the attempt has ended")
        _hold(len(cursors) > 1, "it has fewer than two updates of a job that ran to its end")
        rest = await self._calls.updates(job_id, 1, after=cursors[-2])
        _hold(rest.updates == page.updates[-1:], "after a cursor come others than the later ones")
        late = await self._calls.updates(job_id, 1, after=cursors[-1], wait=WAIT_SECONDS)
        _hold(late.updates == () and late.has_ended, "after the last update comes another")

    async def _resumes(self) -> None:
        whole = self._completed()
        task = await self._task()
        await self._begin(task)
        began = time.monotonic()
        _hold(await self._calls.pause(task.job_id, 1), "it says that the attempt did not run")
        _hold(time.monotonic() - began < STOP_SECONDS, "pausing took longer")
        status = await self._calls.status(task.job_id)
        _hold(status.status is State.PAUSED, f"the status of the paused job is {status.status}")
        _hold(not await self._calls.pause(task.job_id, 1), "it paused the attempt twice")
        _hold(await self._calls.resume(task.job_id, 2), "it did not resume the paused job")
        await self._follow(replace(task, attempt=2))
        same = _digests(self._manifest(task)) == _digests(self._manifest(whole))
        _hold(same, "the parts differ from those of an undisturbed job")
        self._finished = replace(task, attempt=2)

    async def _refuses_old_attempts(self) -> None:
        task = self._completed()
        newer = replace(task, attempt=task.attempt + 1)
        await self._to_its_end(newer)
        await _refused(
            ActionRefused,
            partial(self._calls.submit, task),
            partial(self._calls.updates, task.job_id, task.attempt),
        )
        paused = await self._calls.pause(task.job_id, task.attempt)
        _hold(not paused, "it paused an attempt that was replaced")

    async def _cancels(self) -> None:
        task = await self._task()
        await self._begin(task)
        began = time.monotonic()
        _hold(await self._calls.cancel(task.job_id), "it says that the job had ended")
        _hold(time.monotonic() - began < STOP_SECONDS, "cancelling took longer")
        status = await self._calls.status(task.job_id)
        _hold(status.status is State.CANCELLED, f"its status is {status.status}")
        _hold(not await self._calls.cancel(task.job_id), "it cancelled the job twice")
        _hold(not await self._calls.resume(task.job_id, 2), "it resumed a cancelled job")

    async def _to_its_end(self, task: Task) -> list[Signal]:
        submission = await self._calls.submit(task)
        _hold(submission.status == "accepted", f"it rejected the job: {submission.message}")
        return await self._follow(task)

    async def _begin(self, task: Task) -> None:
        """Submit a task and wait until its first stage has begun."""
        await self._calls.submit(task)
        async for signal in self._signals(task):
            if isinstance(signal, StageStarted):
                return

    async def _follow(self, task: Task) -> list[Signal]:
        signals = [signal async for signal in self._signals(task)]
        last = signals[-1] if signals else None
        if isinstance(last, Failed):
            raise BrokenPoint(f"the job failed: {last.error.message}")
        _hold(isinstance(last, Completed), "the attempt ended without a result")
        return signals

    async def _signals(self, task: Task) -> AsyncGenerator[Signal, None]:
        cursor = 0
        while True:
            page = await self._calls.updates(
                task.job_id, task.attempt, after=cursor, wait=WAIT_SECONDS
            )
            for update in page.updates:
                cursor = update.cursor
                yield signal_from_wire(update.signal)
            if page.has_ended:
                return

    async def _config(self, **fields: object) -> JobConfiguration:
        info = await self._calls.describe()
        parameters = {"partRows": PART_ROWS} if "partRows" in info.parameters else {}
        return JobConfiguration(
            data_size=ROWS,
            data_type=next(filter(is_of_one_table, info.data_types)),
            input_format="csv",
            output_format=info.output_formats[0],
            input_path=self._input,
            parameters=parameters,
        ).model_copy(update=fields)

    async def _task(self, **fields: object) -> Task:
        self._jobs.append(_new_id())
        config = await self._config(**fields)
        return Task(self._jobs[-1], 1, config, self._bucket, self._bucket, self._bucket)

    @property
    def _input(self) -> str:
        return f"{self._folder}/in.csv"

    def _completed(self) -> Task:
        if self._finished is None:
            raise BrokenPoint("no job ran to its end")
        return self._finished

    def _manifest(self, task: Task) -> Manifest:
        return Manifest.from_wire(self._bucket.get(f"jobs/{task.job_id}/manifest.json"))

    def _clean_up(self) -> None:
        for folder in (self._folder, *(f"jobs/{job_id}" for job_id in self._jobs)):
            self._bucket.delete_prefix(f"{folder}/")


def _new_id() -> str:
    return f"j_{secrets.token_hex(8)}"


def _digests(manifest: Manifest) -> list[str]:
    return [part.sha256 for part in manifest.parts]


async def _refused(
    kind: type[DatagenError], *calls: Callable[[], Coroutine[Any, Any, object]]
) -> None:
    """Make sure that each call is answered with one error."""
    for call in calls:
        try:
            await call()
        except kind:
            continue
        raise BrokenPoint(f"a request was answered where {kind.code} was due")


def _hold(holds: bool, otherwise: str) -> None:  # noqa: FBT001  reads as an assertion
    if not holds:
        raise BrokenPoint(otherwise)
