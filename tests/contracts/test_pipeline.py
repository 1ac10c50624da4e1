"""What every pipeline keeps to, whatever does its work."""

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pytest

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.changes import (
    Completed,
    Failed,
    StageCompleted,
    StageStarted,
    Started,
    WorkerChange,
)
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.ports import Pipeline, Signal, Task
from datagen_nb.core.result import Manifest, Report
from datagen_nb.core.status import STAGES, State, fold, new_status
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.pipelines.workspace import Workspace

ROWS, PART_ROWS = 650, 100


async def mock() -> Pipeline:
    return MockPipeline("succeeds", speed=10_000, seed=0, clock=SystemClock())


async def local() -> Pipeline:
    pipeline = LocalPipeline()
    await pipeline.warm()
    return pipeline


ADAPTERS: dict[str, Callable[[], Awaitable[Pipeline]]] = {"mock": mock, "local": local}


@pytest.fixture(params=ADAPTERS)
async def pipeline(request: pytest.FixtureRequest) -> AsyncIterator[Pipeline]:
    pipeline = await ADAPTERS[request.param]()
    yield pipeline
    await pipeline.aclose()


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """The first attempt at a job on a small table."""
    source = tmp_path / "in.csv"
    source.write_text("a,b\n" + "".join(f"{i % 97},{'xyz'[i % 3]}\n" for i in range(500)))
    config = JobConfiguration(
        data_size=ROWS,
        input_format="csv",
        output_format="csv",
        input_bucket="file",
        output_bucket="file",
        input_path=str(source),
        output_path=str(tmp_path / "out.csv"),
        parameters={"seed": 7, "partRows": PART_ROWS},
    )
    files = LocalFiles()
    return Task("j_0000000000000001", 1, config, LocalBucket(tmp_path / "bucket"), files, files)


async def every(pipeline: Pipeline, task: Task) -> list[Signal]:
    async with asyncio.timeout(60), aclosing(pipeline.run(task)) as signals:
        return [signal async for signal in signals]


def objects(task: Task) -> dict[str, bytes]:
    return {meta.path: task.bucket.get(meta.path) for meta in task.bucket.list("jobs/")}


def manifest_of(task: Task) -> Manifest:
    return Manifest.from_wire(task.bucket.get(f"jobs/{task.job_id}/manifest.json"))


async def test_a_run_goes_through_its_stages_and_completes(pipeline: Pipeline, task: Task) -> None:
    """Each stage once, in order; ``Completed`` is the last word, and folds to a completed job."""
    signals = await every(pipeline, task)
    assert isinstance(signals[-1], Completed)
    assert [s.stage for s in signals if isinstance(s, StageStarted)] == list(STAGES)
    assert [s.stage for s in signals if isinstance(s, StageCompleted)] == list(STAGES)
    now = SystemClock().now()
    status = fold(new_status(task.job_id, task.config, now), Started(1), now)
    for signal in signals:
        if isinstance(signal, WorkerChange):
            assert signal.attempt == 1
            status = fold(status, signal, now)
    assert (status.status, status.rows_done) == (State.COMPLETED, ROWS)
    assert status.metadata.input_size == Path(task.config.input_path).stat().st_size
    assert status.metadata.output_size == manifest_of(task).size


async def test_a_completed_job_has_all_that_its_manifest_names(
    pipeline: Pipeline, task: Task
) -> None:
    """Parts with their sizes, digests and rows; a report; the one file; nothing of the work."""
    await every(pipeline, task)
    manifest = manifest_of(task)
    assert (manifest.job_id, manifest.format, manifest.rows) == (task.job_id, "csv", ROWS)
    assert [part.rows for part in manifest.parts] == [100] * 6 + [50]
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(manifest.arrow_schema)))
    tables = []
    for part in manifest.parts:
        data = task.bucket.get(part.name)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (part.size, part.sha256)
        tables.append(pa.csv.read_csv(io.BytesIO(data)))
        assert tables[-1].num_rows == part.rows
        assert tables[-1].schema.names == schema.names
    assert manifest.size == sum(part.size for part in manifest.parts)
    Report.from_wire(task.bucket.get(f"jobs/{task.job_id}/report.json"))
    whole = pa.csv.read_csv(task.config.output_path)
    assert whole.equals(pa.concat_tables(tables))
    wanted = {part.name for part in manifest.parts} | {
        f"jobs/{task.job_id}/{name}.json" for name in ("manifest", "report")
    }
    assert set(objects(task)) == wanted


async def test_without_an_output_path_the_parts_are_the_result(
    pipeline: Pipeline, task: Task
) -> None:
    """No file is written anywhere else."""
    config = task.config.model_copy(update={"output_path": ""})
    await every(pipeline, replace(task, config=config))
    assert manifest_of(task).output_path is None
    assert not Path(task.config.output_path).exists()


async def test_an_attempt_after_completion_completes_at_once(
    pipeline: Pipeline, task: Task
) -> None:
    """As when the service died before it could keep the completion; no byte changes."""
    first = (await every(pipeline, task))[-1]
    made = objects(task)
    again = await every(pipeline, replace(task, attempt=2))
    assert again[-1] == replace(first, attempt=2)
    assert not any(isinstance(signal, StageStarted) for signal in again)
    assert objects(task) == made


@pytest.mark.parametrize("stage", STAGES)
async def test_a_closed_run_stops_and_another_goes_on_from_it(
    pipeline: Pipeline, task: Task, tmp_path: Path, stage: str
) -> None:
    """Closing takes less than 2 s, and the bytes are those of an undisturbed run."""
    undisturbed = replace(task, bucket=LocalBucket(tmp_path / "undisturbed"))
    await every(pipeline, undisturbed)
    run = pipeline.run(task)
    async with asyncio.timeout(60):
        async for signal in run:
            if isinstance(signal, StageStarted) and signal.stage == stage:
                break
    async with asyncio.timeout(2):
        await run.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(run)
    assert isinstance((await every(pipeline, replace(task, attempt=2)))[-1], Completed)
    ours, theirs = objects(task), objects(undisturbed)
    report = f"jobs/{task.job_id}/report.json"
    assert ours.pop(report)
    assert theirs.pop(report)  # it tells how long things took
    assert ours == theirs


async def test_a_result_that_cannot_be_written_is_a_failure(pipeline: Pipeline, task: Task) -> None:
    """Told with its code, its stage and a remedy, not raised."""
    nowhere = str(Path(task.config.output_path).parent / "missing" / "out.csv")
    config = task.config.model_copy(update={"output_path": nowhere})
    failed = (await every(pipeline, replace(task, config=config)))[-1]
    assert isinstance(failed, Failed)
    assert (failed.attempt, failed.error.code) == (1, "output_unwritable")
    assert failed.error.details
    assert failed.error.details["stage"] in STAGES
    assert not Path(nowhere).parent.exists()


async def test_an_attempt_that_was_replaced_changes_nothing(pipeline: Pipeline, task: Task) -> None:
    """It neither completes nor fails the job, and touches none of its objects."""
    Workspace(task.bucket, task.job_id, 2, "csv").claim()
    before = objects(task)
    signals = await every(pipeline, task)
    assert not any(isinstance(signal, Completed | Failed) for signal in signals)
    assert objects(task) == before


async def test_runs_beside_each_other_do_not_mix(pipeline: Pipeline, task: Task) -> None:
    """Two jobs at once, each with its own result."""
    other = replace(
        task,
        job_id="j_0000000000000002",
        config=task.config.model_copy(update={"output_path": "", "data_size": 120}),
    )
    ends = await asyncio.gather(every(pipeline, task), every(pipeline, other))
    assert all(isinstance(signals[-1], Completed) for signals in ends)
    assert (manifest_of(task).rows, manifest_of(other).rows) == (ROWS, 120)


async def test_a_pipeline_says_how_it_is(pipeline: Pipeline) -> None:
    """Healthy when nothing is the matter."""
    assert (await pipeline.check_health()).status == "healthy"
