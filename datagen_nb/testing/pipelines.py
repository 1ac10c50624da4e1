"""The guarantees of ``core.pipeline.Pipeline``, as tests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import Completed, Failed, StageCompleted, StageStarted, Started
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline import (
    Heartbeat,
    InputProbe,
    Logged,
    PartsWritten,
    Pipeline,
    Signal,
    Task,
    signal_from_wire,
    signal_to_wire,
)
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.result import Report
from datagen_nb.core.status import State, fold, new_status
from datagen_nb.pipelines.engine.workspace import Workspace


class PipelineSuite(ABC):
    """Subclass it, with a name that begins with ``Test``, and define ``make_pipeline``.

    Attributes:
        rows: Rows of the jobs.
        parameters: Of the jobs; where the pipeline has one for it, such that a result has
            several parts.
        timeout: Seconds in which one job has to end.
        stop_seconds: Seconds in which closing a run has to stop it.
    """

    rows: int = 650
    parameters: Mapping[str, Any] = {}
    timeout: float = 120.0
    stop_seconds: float = 2.0

    @abstractmethod
    async def make_pipeline(self) -> Pipeline:
        """A new pipeline, for one test; it is closed afterwards."""

    def make_input(self, path: Path) -> None:
        """Write the table that jobs read, as CSV."""
        lines = (f"{number % 97},{'xyz'[number % 3]}\n" for number in range(500))
        path.write_text("a,b\n" + "".join(lines), encoding="utf-8")

    def make_task(self, folder: Path) -> Task:
        """The first attempt at a job, with its input, its bucket and its result in a folder."""
        source = folder / "in.csv"
        self.make_input(source)
        config = JobConfiguration(
            data_size=self.rows,
            input_format="csv",
            output_format="csv",
            input_bucket="file",
            output_bucket="file",
            input_path=str(source),
            output_path=str(folder / "out.csv"),
            parameters=dict(self.parameters),
        )
        files = LocalFiles()
        return Task(new_job_id(), 1, config, LocalBucket(folder / "bucket"), files, files)

    def test_the_description_crosses_the_wire(self, tmp_path: Path) -> None:
        """It is the same each time, and takes the configuration of the suite."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            info = await pipeline.describe()
            assert PipelineInfo.from_wire(json.loads(info.to_json())) == info
            assert await pipeline.describe() == info
            info.check(task.config)
            await pipeline.check(task.config)

        self._run(check, tmp_path)

    def test_a_run_goes_through_its_stages_and_completes(self, tmp_path: Path) -> None:
        """Each that was described once, in order; ``Completed`` is the last signal."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            info = await pipeline.describe()
            stages = [stage.name for stage in info.stages]
            signals = await self.attempt(pipeline, task)
            assert isinstance(signals[-1], Completed)
            assert [s.stage for s in signals if isinstance(s, StageStarted)] == stages
            assert [s.stage for s in signals if isinstance(s, StageCompleted)] == stages
            status = _folded(task, info, signals)
            assert (status.status, status.rows_done) == (State.COMPLETED, self.rows)
            assert status.metadata.input_size == Path(task.config.input_path).stat().st_size
            assert status.metadata.output_size == manifest_of(task).size
            assert status.metadata.fidelity == report_of(task).fidelity

        self._run(check, tmp_path)

    def test_every_signal_crosses_the_wire(self, tmp_path: Path) -> None:
        """As JSON, and back as it was."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            for signal in await self.attempt(pipeline, task):
                assert signal_from_wire(json.loads(json.dumps(signal_to_wire(signal)))) == signal

        self._run(check, tmp_path)

    def test_a_completed_job_has_all_that_its_manifest_names(self, tmp_path: Path) -> None:
        """Parts with their sizes, digests and rows; a report; the one file; nothing of the work."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            await self.attempt(pipeline, task)
            manifest = manifest_of(task)
            assert (manifest.job_id, manifest.format) == (task.job_id, "csv")
            assert manifest.rows == sum(part.rows for part in manifest.parts) == self.rows
            assert manifest.size == sum(part.size for part in manifest.parts)
            texts = []
            for part in manifest.parts:
                data = task.bucket.get(part.name)
                assert (len(data), hashlib.sha256(data).hexdigest()) == (part.size, part.sha256)
                texts.append(data.decode().splitlines())
                assert len(texts[-1]) == part.rows + 1
            head, *lines = Path(task.config.output_path).read_text("utf-8").splitlines()
            assert {text[0] for text in texts} == {head}
            assert lines == [line for text in texts for line in text[1:]]
            folder = f"jobs/{task.job_id}"
            Report.from_wire(task.bucket.get(f"{folder}/report.json"))
            named = {part.name for part in manifest.parts}
            beside = {f"{folder}/manifest.json", f"{folder}/report.json"}
            if (model := manifest.model) is not None:
                data = task.bucket.get(model.name)
                assert (len(data), hashlib.sha256(data).hexdigest()) == (model.size, model.sha256)
                beside.add(model.name)
            assert set(contents(task)) == named | beside

        self._run(check, tmp_path)

    def test_without_an_output_path_the_parts_are_the_result(self, tmp_path: Path) -> None:
        """No file is written anywhere else."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            config = task.config.model_copy(update={"output_path": ""})
            await self.attempt(pipeline, replace(task, config=config))
            assert manifest_of(task).output_path is None
            assert not Path(task.config.output_path).exists()

        self._run(check, tmp_path)

    def test_an_attempt_after_completion_completes_at_once(self, tmp_path: Path) -> None:
        """As when the service died before it could keep the completion; no byte changes."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            first = (await self.attempt(pipeline, task))[-1]
            made = contents(task)
            again = await self.attempt(pipeline, replace(task, attempt=2))
            assert isinstance(first, Completed)
            assert again[-1] == replace(first, attempt=2)
            assert not any(isinstance(signal, StageStarted) for signal in again)
            assert contents(task) == made

        self._run(check, tmp_path)

    def test_a_closed_run_stops_and_another_goes_on_from_it(self, tmp_path: Path) -> None:
        """In whatever stage; the bytes are those of an undisturbed run."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            await self.attempt(pipeline, task)
            whole = _without_times(task)
            for stage in (await pipeline.describe()).stages:
                folder = tmp_path / stage.name
                folder.mkdir()
                path = {"output_path": str(folder / "out.csv")}
                config = task.config.model_copy(update=path)
                bucket = LocalBucket(folder / "bucket")
                closed = replace(task, job_id=new_job_id(), config=config, bucket=bucket)
                await self._close_in(stage.name, pipeline, closed)
                again = await self.attempt(pipeline, replace(closed, attempt=2))
                assert isinstance(again[-1], Completed), stage.name
                assert _without_times(closed) == whole, stage.name

        self._run(check, tmp_path)

    def test_a_result_that_cannot_be_written_is_a_failure(self, tmp_path: Path) -> None:
        """With its code, its stage and a remedy; it is not raised, and no folder is made."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            nowhere = tmp_path / "missing" / "out.csv"
            config = task.config.model_copy(update={"output_path": str(nowhere)})
            failed = (await self.attempt(pipeline, replace(task, config=config)))[-1]
            assert isinstance(failed, Failed)
            assert (failed.attempt, failed.error.code) == (1, "output_unwritable")
            details = failed.error.details or {}
            assert details["stage"] in {stage.name for stage in (await pipeline.describe()).stages}
            assert details["remedy"]
            assert not nowhere.parent.exists()

        self._run(check, tmp_path)

    def test_an_attempt_that_was_replaced_changes_nothing(self, tmp_path: Path) -> None:
        """It neither completes nor fails the job, and touches none of its objects."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            Workspace(task.bucket, task.job_id, 2, "csv").claim()
            before = contents(task)
            signals = await self.attempt(pipeline, task)
            assert not any(isinstance(signal, Completed | Failed) for signal in signals)
            assert contents(task) == before

        self._run(check, tmp_path)

    def test_runs_beside_each_other_do_not_mix(self, tmp_path: Path) -> None:
        """Two jobs at once, each with its own result."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            changes = {"output_path": "", "data_size": 120}
            config = task.config.model_copy(update=changes)
            other = replace(task, job_id=new_job_id(), config=config)
            ends = await asyncio.gather(self.attempt(pipeline, task), self.attempt(pipeline, other))
            assert all(isinstance(signals[-1], Completed) for signals in ends)
            assert (manifest_of(task).rows, manifest_of(other).rows) == (self.rows, 120)

        self._run(check, tmp_path)

    def test_an_input_can_be_asked_about(self, tmp_path: Path) -> None:
        """Its size, its columns and rows made of it; nothing is kept in any bucket."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            info = await pipeline.describe()
            probe = InputProbe(task.config, task.source)
            facts = await pipeline.measure(probe)
            inspection = await pipeline.inspect(probe)
            preview = await pipeline.preview(probe)
            assert facts.size == Path(task.config.input_path).stat().st_size
            assert facts.rows > 0
            assert facts.columns > 0
            assert set(facts.bytes_per_row) == set(facts.bytes_fixed) == set(FORMATS)
            assert {column.kind for column in inspection.columns} <= set(info.column_kinds)
            assert preview.rows
            assert {len(row) for row in preview.rows} == {len(preview.columns)}
            assert contents(task) == {}

        self._run(check, tmp_path)

    def test_a_job_can_be_forgotten(self, tmp_path: Path) -> None:
        """Once its run is closed, and again, and if it never began; its objects stay."""

        async def check(pipeline: Pipeline, task: Task) -> None:
            first = (await pipeline.describe()).stages[0].name
            await self._close_in(first, pipeline, task)
            before = contents(task)
            for job_id in (task.job_id, task.job_id, new_job_id()):
                await pipeline.forget(job_id)
            assert contents(task) == before

        self._run(check, tmp_path)

    def test_a_pipeline_reports_its_health(self, tmp_path: Path) -> None:
        """Healthy when nothing is the matter."""

        async def check(pipeline: Pipeline, _task: Task) -> None:
            assert (await pipeline.check_health()).status == "healthy"

        self._run(check, tmp_path)

    async def attempt(self, pipeline: Pipeline, task: Task) -> list[Signal]:
        """Run one attempt to its end; its signals."""
        async with asyncio.timeout(self.timeout), aclosing(pipeline.run(task)) as signals:
            return [signal async for signal in signals]

    async def _close_in(self, stage: str, pipeline: Pipeline, task: Task) -> None:
        run = pipeline.run(task)
        async with asyncio.timeout(self.timeout):
            async for signal in run:
                if isinstance(signal, StageStarted) and signal.stage == stage:
                    break
        async with asyncio.timeout(self.stop_seconds):
            await run.aclose()
        assert [signal async for signal in run] == []

    def _run(self, check: Callable[[Pipeline, Task], Awaitable[None]], folder: Path) -> None:
        async def run() -> None:
            pipeline = await self.make_pipeline()
            try:
                await check(pipeline, self.make_task(folder))
            finally:
                await pipeline.aclose()

        asyncio.run(run())


def new_job_id() -> str:
    """An id that no other job has: a pipeline may remember jobs of earlier tests."""
    return f"j_{secrets.token_hex(8)}"


def contents(task: Task) -> dict[str, bytes]:
    """The objects of all jobs in a task's bucket, by their paths."""
    return {meta.path: task.bucket.get(meta.path) for meta in objects(task.bucket, "jobs/")}


def manifest_of(task: Task) -> Manifest:
    """The manifest of a task's completed job."""
    return Manifest.from_wire(task.bucket.get(f"jobs/{task.job_id}/manifest.json"))


def report_of(task: Task) -> Report:
    """The quality report of a task's completed job."""
    return Report.from_wire(task.bucket.get(f"jobs/{task.job_id}/report.json"))


def _folded(task: Task, info: PipelineInfo, signals: list[Signal]) -> Any:
    now = SystemClock().now()
    weights = info.stage_weights(task.config.data_size)
    status = fold(new_status(task.job_id, task.config, now, weights), Started(1), now)
    for signal in signals:
        if not isinstance(signal, Heartbeat | Logged | PartsWritten):
            assert signal.attempt == 1
            status = fold(status, signal, now)
    return status


def _without_times(task: Task) -> dict[str, bytes]:
    """A job's objects but for those that depend on how long things took, or on its id."""
    folder = f"jobs/{task.job_id}/"
    made = {path.removeprefix(folder): data for path, data in contents(task).items()}
    assert "report.json" in made
    parts = {path: data for path, data in made.items() if not path.endswith(".json")}
    manifest = manifest_of(task).model_copy(update={"output_path": None}).to_json()
    return {**parts, "manifest": manifest.replace(task.job_id, "").encode()}
