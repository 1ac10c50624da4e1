"""A scripted pipeline, for demonstrations and tests.

It fits nothing: its rows are made up, and every job warns of it. Everything around it is real: the
service, its rules, the store and the files of the result.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from typing import BinaryIO, Literal

import numpy as np
import pyarrow as pa

from datagen_nb.core.changes import (
    Failed,
    InputMeasured,
    Progressed,
    StageCompleted,
    StageStarted,
    Warned,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ConfigurationError,
    DatagenError,
    LimitReached,
    Problem,
    Rejected,
)
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.manifest import Manifest, Part
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import Heartbeat, InputProbe, Logged, PartsWritten, Signal, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.plans import PREVIEW_ROWS, Preview, PreviewColumn
from datagen_nb.core.ports import Clock
from datagen_nb.core.result import ColumnFidelity, Memorisation, Report
from datagen_nb.core.status import StaleAttempt
from datagen_nb.core.words import duration
from datagen_nb.pipelines.built_in import INFO, STAGES
from datagen_nb.pipelines.engine.workspace import Plan, Workspace
from datagen_nb.pipelines.failures import failure
from datagen_nb.tables.formats import assemble, write_part

SCENARIOS = (
    "succeeds",
    "fails_at_stage",
    "slow",
    "flaky",
    "rejected",
    "paused",
    "times_out",
    "flapping",
    "slow_submit",
    "refused_submit",
    "lost_events",
    "duplicated_events",
    "reordered_events",
    "failing_webhooks",
)

SECONDS: Mapping[str, float] = {
    "validate": 0.5,
    "read": 1.0,
    "fit": 4.0,
    "generate": 10.0,
    "write": 1.0,
    "report": 2.0,
}
"""What each stage pretends to take at speed 1."""

FLAP_SECONDS = 60.0
FLAPS: tuple[Literal["healthy", "degraded", "unhealthy"], ...] = (
    "healthy",
    "degraded",
    "healthy",
    "unhealthy",
)
"""How health changes, over and over, at speed 1."""

SUBMIT_SECONDS = 10.0
REFUSALS = 2

LOST_EVERY = 3
"""Of so many signals of stages the last is lost."""

STEPS = 10
COLUMNS = 5
MADE_UP = "These rows were made up by the mock pipeline; no model was trained on your table."


class MockPipeline:
    """Plays one scenario for every job.

    Args:
        scenario: ``succeeds``; ``fails_at_stage``: fails in *generate*; ``slow``: takes ten times
            as long; ``flaky``: loses its first worker in *generate*; ``rejected``: takes no job;
            ``paused``: stands still in *generate* until it is paused and resumed;
            ``times_out``: stands still in *fit* and then reports that its time is over;
            ``flapping``: its health changes every ``FLAP_SECONDS``; ``slow_submit``: takes
            ``SUBMIT_SECONDS`` to accept a job; ``refused_submit``: refuses the first
            ``REFUSALS`` submits as it is busy; ``lost_events``: every third signal of
            its stages is lost; ``duplicated_events``: each is sent twice; ``reordered_events``:
            neighbours change places; ``failing_webhooks``: succeeds, and `MockSender` fails.
        speed: How many times faster than a real job.
        seed: Of the rows, unless the job has one.
        clock: What it waits on.

    Raises:
        ConfigurationError: There is no such scenario, or no such speed.
    """

    def __init__(self, scenario: str, *, speed: float, seed: int, clock: Clock) -> None:
        problems = []
        if scenario not in SCENARIOS:
            choices = ", ".join(SCENARIOS)
            rule = f"has to be one of {choices}"
            problems.append(Problem("scenario", repr(scenario), rule, f"Write one of {choices}."))
        if not speed > 0:
            rule = "has to be above 0"
            problems.append(Problem("speed", repr(speed), rule, "Give a factor, as 20."))
        if problems:
            raise ConfigurationError(problems)
        self._scenario = scenario
        self._pace = (10 if scenario == "slow" else 1) / speed
        self._seed = seed
        self._clock = clock
        self._refusals = REFUSALS if scenario == "refused_submit" else 0

    async def describe(self) -> PipelineInfo:
        return INFO.model_copy(update={"name": "mock"})

    async def check(self, config: JobConfiguration) -> None:
        if self._scenario == "slow_submit":
            await self._clock.sleep(SUBMIT_SECONDS * self._pace)
        if self._refusals:
            self._refusals -= 1
            raise LimitReached(
                "The pipeline is busy: scenario 'refused_submit'. Submit again in a moment.",
                code="pipeline_busy",
                details={"retryAfter": 1},
            )
        if self._scenario == "rejected":
            raise Rejected(
                "The pipeline takes no jobs now: scenario 'rejected'. Connect with another one.",
                details={"dataSize": config.data_size},
            )

    async def run(self, task: Task) -> AsyncGenerator[Signal, None]:
        try:
            async with aclosing(self._attempt(task)) as attempt:
                async with aclosing(disturbed(attempt, self._scenario)) as signals:
                    async for signal in signals:
                        yield signal
        except StaleAttempt:
            return  # a newer attempt has the job, and reports its end

    async def forget(self, job_id: str) -> None:
        """Nothing is kept."""

    async def measure(self, probe: InputProbe) -> TableFacts:
        found = probe.source.head(probe.config.input_path)
        size = found.size if found else 0
        return TableFacts(
            rows=max(size // FORMATS["csv"].row_size, 2),
            columns=COLUMNS,
            size=size,
            bytes_fixed=dict.fromkeys(FORMATS, 300.0),
            bytes_per_row={name: format.row_size for name, format in FORMATS.items()},
        )

    async def inspect(self, probe: InputProbe) -> Inspection:
        """The table as it is: there is nothing to make up."""
        from datagen_nb.pipelines.inspection import probes

        return await asyncio.to_thread(probes.inspect, probe)

    async def preview(self, probe: InputProbe) -> Preview:
        table = self._table(probe.config, 0).slice(0, PREVIEW_ROWS)
        file = io.BytesIO()
        write_part(table, "jsonl", file)
        rows = [json.loads(line) for line in file.getvalue().splitlines()]
        return Preview(
            columns=tuple(
                PreviewColumn(name=field.name, type=str(field.type), kind="mock")
                for field in table.schema
            ),
            rows=tuple(tuple(row.get(name) for name in table.schema.names) for row in rows),
            training_rows=0,
            notes=(MADE_UP,),
        )

    async def check_health(self) -> Health:
        message = f"mock, scenario {self._scenario}"
        if self._scenario != "flapping":
            return Health(status="healthy", message=message)
        turn = int(self._clock.monotonic() / (FLAP_SECONDS * self._pace))
        return Health(status=FLAPS[turn % len(FLAPS)], message=message)

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _attempt(self, task: Task) -> AsyncGenerator[Signal, None]:
        space = Workspace(task.bucket, task.job_id, task.attempt, task.config.output_format)
        yield Heartbeat()
        if (manifest := space.manifest()) is not None:
            yield space.completed(manifest)
            return
        space.claim()
        if task.attempt == 1:
            yield Warned(task.attempt, MADE_UP)
        for stage in STAGES:
            yield StageStarted(task.attempt, stage)
            yield Logged("info", f"{stage}: played by the mock")
            try:
                async with aclosing(self._stage(stage, task, space)) as signals:
                    async for signal in signals:
                        yield signal
                        if isinstance(signal, Failed):
                            return
            except DatagenError as error:
                yield Failed(task.attempt, failure(error, stage))
                return
            if stage == "generate" and self._is_lost(task):
                return
            yield StageCompleted(task.attempt, stage)
        manifest = self._manifest(task, space)
        space.complete(manifest)
        space.clear()
        yield space.completed(manifest)

    def _is_lost(self, task: Task) -> bool:
        return self._scenario == "flaky" and task.attempt == 1

    async def _stage(
        self, stage: str, task: Task, space: Workspace
    ) -> AsyncGenerator[Signal, None]:
        attempt, config = task.attempt, task.config
        if stage == "validate":
            found = task.source.head(config.input_path)
            yield InputMeasured(attempt, found.size if found else 0)
        for step in range(1, STEPS + 1):
            await self._clock.sleep(SECONDS[stage] * self._pace / STEPS)
            if step == STEPS // 2:
                if (failure := await self._halfway(stage, task)) is not None:
                    yield Failed(attempt, failure)
                    return
                if stage == "generate" and self._is_lost(task):
                    return
            done = config.data_size * step // STEPS if stage == "generate" else None
            yield Progressed(attempt, stage, 100 * step / STEPS, done)
        if stage == "generate":
            plan = Plan.of(config, COLUMNS)
            size = 0
            for index in range(plan.count):
                there = space.part_size(index)
                if there is None:
                    write = partial(self._write, config, index)
                    there = space.write_part(index, plan.rows(index), write).size
                size += there
                yield PartsWritten(size)
        elif stage == "write" and config.output_path:
            with task.target.writer(config.output_path) as file:
                assemble(_parts(space, config), config.output_format, file)
        elif stage == "report":
            space.save_report(_report(config.data_size))

    async def _halfway(self, stage: str, task: Task) -> JobFailure | None:
        """What the scenario has in store halfway through a stage."""
        if self._scenario == "fails_at_stage" and stage == "generate":
            return JobFailure(
                code="mock_failure",
                message="The scenario 'fails_at_stage' fails here.",
                details={
                    "stage": stage,
                    "remedy": "Connect with another scenario.",
                    "retryHelps": False,
                },
            )
        if self._scenario == "paused" and stage == "generate" and task.attempt == 1:
            while True:
                await self._clock.sleep(1)
        if self._scenario == "times_out" and stage == "fit":
            await self._clock.sleep(min(task.config.timeout, 60) * self._pace)
            return JobFailure(
                code="timeout",
                message=f"The job ran for {duration(task.config.timeout)}, which is its timeout.",
                details={"stage": stage, "remedy": "Give it more time.", "retryHelps": False},
            )
        return None

    def _write(self, config: JobConfiguration, index: int, file: BinaryIO) -> None:
        write_part(self._table(config, index), config.output_format, file)

    def _table(self, config: JobConfiguration, index: int) -> pa.Table:
        plan = Plan.of(config, COLUMNS)
        rows = plan.rows(index)
        seed = config.parameters.get("seed", self._seed)
        chance = np.random.default_rng((seed, index))
        first = index * plan.part_rows
        amount = np.round(chance.gamma(2.0, 40.0, rows), 2)
        day = np.datetime64("2026-01-01T00:00:00", "us")
        return pa.table(
            {
                "id": pa.array(np.arange(first + 1, first + rows + 1)),
                "kind": pa.array(chance.choice(["book", "pen", "lamp"], rows)),
                "amount": pa.array(amount, mask=chance.random(rows) < 0.05),
                "at": pa.array(day + chance.integers(0, 10**13, rows).astype("m8[us]")),
                "paid": pa.array(chance.random(rows) < 0.8),
            }
        )

    def _manifest(self, task: Task, space: Workspace) -> Manifest:
        plan = Plan.of(task.config, COLUMNS)
        parts: tuple[Part, ...] = tuple(
            space.part(index, plan.rows(index)) for index in range(plan.count)
        )
        schema = self._table(task.config, 0).schema
        return Manifest(
            job_id=task.job_id,
            format=task.config.output_format,
            rows=task.config.data_size,
            size=sum(part.size for part in parts),
            parts=parts,
            arrow_schema=base64.b64encode(schema.serialize()).decode(),
            output_path=task.config.output_path or None,
        )


async def disturbed(
    signals: AsyncGenerator[Signal, None], scenario: str
) -> AsyncGenerator[Signal, None]:
    """Signals of stages lost, doubled or out of order; all others as they were."""
    held: Signal | None = None
    count = 0
    async for signal in signals:
        if not isinstance(signal, StageStarted | Progressed | StageCompleted):
            if held is not None:
                yield held
                held = None
            yield signal
            continue
        count += 1
        if scenario == "lost_events" and count % LOST_EVERY == 0:
            continue
        if scenario == "reordered_events" and held is None:
            held = signal
            continue
        yield signal
        if scenario == "duplicated_events":
            yield signal
        if held is not None:
            yield held
            held = None


def _parts(space: Workspace, config: JobConfiguration) -> Iterator[BinaryIO]:
    for index in range(Plan.of(config, COLUMNS).count):
        with space.open_part(index) as file:
            yield file


def _report(rows: int) -> Report:
    scores = {"id": 1.0, "kind": 0.98, "amount": 0.97, "at": 0.96, "paid": 0.99}
    columns = tuple(
        ColumnFidelity(name=name, kind="mock", score=score, metric="made up")
        for name, score in scores.items()
    )
    mean = sum(scores.values()) / len(scores)
    return Report(
        fidelity=mean,
        column_fidelity=mean,
        pair_fidelity=None,
        columns=columns,
        pairs=(),
        memorisation=Memorisation(dcr_share=0.5, exact_row_share=0.0),
        rows_synthetic=rows,
        rows_training=0,
        rows_held_back=0,
        notes=(MADE_UP,),
    )
