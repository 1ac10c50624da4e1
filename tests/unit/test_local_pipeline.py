"""Workers as real processes: they work, die, are killed, and leave no trace of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import Completed, Failed, Progressed, StageCompleted
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import Rejected
from datagen_nb.core.pipeline import Heartbeat, Logged, Signal, Task
from datagen_nb.pipelines import local
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.pipelines.memory import MIN_LIMIT, available_memory, limit_beside
from tests.deadline import DEADLINE

ROWS = 6_000
PART_ROWS = 200


@pytest.fixture
async def pipeline() -> AsyncIterator[LocalPipeline]:
    pipeline = LocalPipeline()
    await pipeline.warm()
    yield pipeline
    await pipeline.aclose()
    assert [
        child for child in psutil.Process().children() if "pipelines.parent" in _line(child)
    ] == []


@pytest.fixture
def make_task(tmp_path: Path) -> Callable[..., Task]:
    """Tasks for attempts at jobs on one small table."""
    source = tmp_path / "in.csv"
    source.write_text(
        "a,b,c\n" + "".join(f"{i % 97},{i * 0.25},{'xyz'[i % 3]}\n" for i in range(1000))
    )

    def make(job: str, attempt: int = 1, rows: int = ROWS, output: bool = True) -> Task:
        files = LocalFiles()
        config = JobConfiguration(
            data_size=rows,
            input_format="csv",
            output_format="parquet",
            input_bucket="file",
            output_bucket="file",
            input_path=str(source),
            output_path=str(tmp_path / f"{job}.parquet") if output else "",
            parameters={"seed": 7, "partRows": PART_ROWS},
        )
        return Task(job, attempt, config, LocalBucket(tmp_path / "bucket"), files, files)

    return make


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def parents() -> list[psutil.Process]:
    """The parents of workers that this process has started."""
    return [c for c in psutil.Process().children() if "pipelines.parent" in _line(c)]


async def ended(pipeline: LocalPipeline, task: Task) -> list[Signal]:
    """All signals of one attempt."""
    async with asyncio.timeout(DEADLINE):
        return [signal async for signal in pipeline.run(task)]


def parent_pid() -> int:
    (parent,) = parents()
    return parent.pid


async def gone(pid: int, seconds: float, *, reaped: bool = True) -> bool:
    """Whether a process ends within so many seconds, and is reaped if that is up to us."""
    async with asyncio.timeout(seconds):
        while psutil.pid_exists(pid) and (reaped or not _is_zombie(pid)):
            await asyncio.sleep(0.01)
    return True


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def results(task: Task) -> dict[str, bytes]:
    """Everything a finished job left but its report, which tells times."""
    place = f"jobs/{task.job_id}/"
    found = {
        meta.path.removeprefix(place): task.bucket.get(meta.path)
        for meta in objects(task.bucket, place)
    }
    assert "report.json" in found
    del found["report.json"]
    manifest = json.loads(found["manifest.json"])
    assert manifest.pop("jobId") == task.job_id
    assert manifest.pop("outputPath", "") == task.config.output_path
    for item in (manifest["model"], *manifest["parts"]):
        item["name"] = item["name"].removeprefix(place)
    found["manifest.json"] = json.dumps(manifest).encode()
    if task.config.output_path:
        found["output"] = Path(task.config.output_path).read_bytes()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads what a process has mapped")
async def test_what_every_worker_needs_is_loaded_before_it_is_forked(pipeline, make_task):
    """Else each job would load it anew, which takes seconds."""
    await ended(pipeline, make_task("loaded"))
    (parent,) = parents()
    assert any("sklearn/tree/_tree" in mapped.path for mapped in parent.memory_maps())


async def test_an_attempt_tells_of_every_stage_and_completes(
    pipeline: LocalPipeline, make_task: Callable[..., Task]
) -> None:
    """A beat first, the stages in their order, Completed last; only the result remains."""
    task = make_task("j")

    signals = await ended(pipeline, task)

    assert isinstance(signals[0], Heartbeat)
    assert [s.stage for s in signals if isinstance(s, StageCompleted)] == list(STAGES)
    assert isinstance(signals[-1], Completed)
    assert [s.rows_done for s in signals if isinstance(s, Progressed) and s.rows_done][-1] == ROWS
    names = [meta.path for meta in objects(task.bucket, "jobs/j/")]
    assert len([name for name in names if "/parts/" in name]) == ROWS // PART_ROWS
    assert [n for n in names if "/parts/" not in n] == [
        "jobs/j/manifest.json",
        "jobs/j/model",
        "jobs/j/report.json",
    ]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"rules": ['c matches "("']}, "RE2 does not read its pattern"),
        ({"condition": {"c": {"x": 0.9, "y": 0.2}}}, "add up to at most 1"),
        ({"condition": {"c": {"x": 0.9}, "a": {"1": 0.2}}}, "only one column can have shares"),
    ],
)
async def test_a_selection_that_cannot_be_used_is_refused_before_the_job(
    make_task: Callable[..., Task], parameters: dict[str, Any], text: str
) -> None:
    """Also of a request that no client of ours has made."""
    config = make_task("never").config.model_copy(update={"parameters": parameters})
    with pytest.raises(Rejected, match=text):
        await LocalPipeline().check(config)


async def test_closing_ends_the_worker_within_two_seconds(
    pipeline: LocalPipeline, make_task: Callable[..., Task]
) -> None:
    """Closing the generator kills the worker; it is reaped, and no descriptor stays open."""
    before = psutil.Process().num_fds()
    task = make_task("j", rows=10_000_000)
    running = pipeline.run(task)
    beat = await anext(running)
    assert isinstance(beat, Heartbeat)
    assert psutil.pid_exists(beat.pid)

    async with asyncio.timeout(2):
        await running.aclose()
        await gone(beat.pid, DEADLINE)

    assert "jobs/j/manifest.json" not in [meta.path for meta in objects(task.bucket, "jobs/j/")]
    assert psutil.Process().num_fds() == before
    assert (await pipeline.check_health()).metrics == {"workers": 0.0}


async def test_a_killed_worker_ends_the_run_and_says_how(
    pipeline: LocalPipeline, make_task: Callable[..., Task]
) -> None:
    """However it is killed, the generator ends without Completed or Failed."""
    signals: list[Signal] = []
    async with asyncio.timeout(DEADLINE):
        async for signal_ in pipeline.run(make_task("j", rows=10_000_000)):
            signals.append(signal_)
            if isinstance(signal_, Progressed) and signal_.rows_done:
                os.kill(signals[0].pid, signal.SIGKILL)

    assert signals[-1] == Logged(
        "error", "The worker ended by signal SIGKILL before the job was done."
    )
    assert not [s for s in signals if isinstance(s, Completed | Failed)]


@pytest.mark.parametrize("victim", ["worker", "parent"])
async def test_kills_at_random_moments_change_no_byte(
    pipeline: LocalPipeline, make_task: Callable[..., Task], victim: str
) -> None:
    """However often an attempt is killed, the next goes on, and the bytes are the same."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    undisturbed = make_task("calm")
    await ended(pipeline, make_task("warm"))
    began = asyncio.get_running_loop().time()
    await ended(pipeline, undisturbed)
    usual = asyncio.get_running_loop().time() - began
    kills = 0
    for job in ("storm-1", "storm-2", "storm-3"):
        task = make_task(job)
        kills += await _killed(pipeline, task, victim, 0)
        for attempt in range(2, 5 if victim == "worker" else 3):
            task = make_task(job, attempt)
            kills += await _killed(pipeline, task, victim, dice.uniform(0, usual))

        signals = await ended(pipeline, make_task(job, attempt + 1))

        assert isinstance(signals[-1], Completed)
        assert results(task) == results(undisturbed)
    assert kills > 0
    assert not list(task.bucket._root.rglob(".~datagen-*"))


async def _killed(pipeline: LocalPipeline, task: Task, victim: str, delay: float) -> bool:
    """Run an attempt and kill it some time after its first sign of life."""
    running = pipeline.run(task)
    async with asyncio.timeout(DEADLINE):
        beat = await anext(running)
        if not isinstance(beat, Heartbeat):  # the kill before this one was still being noticed
            return False
        pid = parent_pid() if victim == "parent" else beat.pid

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        handle = asyncio.get_running_loop().call_later(delay, kill)
        last: Signal | None = None
        async for emitted in running:
            last = emitted
        handle.cancel()
    await gone(beat.pid, DEADLINE)
    return not isinstance(last, Completed)


SERVICE = """
import asyncio, pickle, sys
from datagen_nb.pipelines import local
from datagen_nb.pipelines.local import LocalPipeline

async def main():
    task = pickle.loads(sys.stdin.buffer.read())
    async for signal in LocalPipeline().run(task):
        if hasattr(signal, "pid"):
            print(signal.pid, flush=True)

asyncio.run(main())
"""


async def test_workers_go_when_their_service_is_killed(
    pipeline: LocalPipeline, make_task: Callable[..., Task]
) -> None:
    """SIGKILL of the service leaves no process; another service goes on from the parts."""
    service = subprocess.Popen(  # noqa: ASYNC220, it starts at once
        [sys.executable, "-c", SERVICE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    service.stdin.write(pickle.dumps(make_task("j", rows=ROWS)))
    service.stdin.close()
    worker = int(await asyncio.to_thread(service.stdout.readline))
    family = psutil.Process(service.pid).children(recursive=True)
    assert worker in {process.pid for process in family}

    service.kill()
    await asyncio.to_thread(service.wait)
    service.stdout.close()

    for process in family:
        assert await gone(process.pid, DEADLINE, reaped=False)
    await ended(pipeline, make_task("calm"))
    assert isinstance((await ended(pipeline, make_task("j", 2)))[-1], Completed)
    assert results(make_task("j")) == results(make_task("calm"))


async def test_a_worker_that_hangs_is_ended(make_task: Callable[..., Task]) -> None:
    """No sign of life for too long ends the run, and the worker."""
    pipeline = LocalPipeline(silence=10)
    await ended(pipeline, make_task("warm", rows=10))  # loading is silent, and may take long
    signals: list[Signal] = []
    async with asyncio.timeout(DEADLINE):
        async for signal_ in pipeline.run(make_task("j", rows=10_000_000)):
            signals.append(signal_)
            if isinstance(signal_, Progressed):
                os.kill(signals[0].pid, signal.SIGSTOP)
    await pipeline.aclose()

    assert signals[-1] == Logged(
        "error", "No heartbeat of the worker for 10 seconds; it was ended."
    )
    assert await gone(signals[0].pid, DEADLINE)


async def test_out_of_memory_is_a_failed_job(make_task: Callable[..., Task]) -> None:
    """A worker that asks for more than its limit fails with a sentence; the next job runs."""
    pipeline = LocalPipeline(memory=512 << 20)
    task = make_task("j", rows=100_000_000)
    parameters = {**task.config.parameters, "partRows": 10_000_000}
    big = replace(task, config=task.config.model_copy(update={"parameters": parameters}))

    signals = await ended(pipeline, big)
    after = await ended(pipeline, make_task("k", rows=10))
    await pipeline.aclose()

    assert isinstance(signals[-1], Failed), signals[-1]
    assert signals[-1].error.code == "out_of_memory"
    assert "part_rows" in signals[-1].error.message
    assert isinstance(after[-1], Completed)


async def test_when_workers_outgrow_their_memory_the_largest_ends(
    make_task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails with what to do; the other goes on to its end."""
    used: dict[int, int] = {}
    monkeypatch.setattr(local, "used_by", lambda pid: used.get(pid, 0))
    pipeline = LocalPipeline(memory=1 << 30)
    small = asyncio.create_task(ended(pipeline, make_task("small")))
    signals: list[Signal] = []
    async with asyncio.timeout(DEADLINE):
        async for signal_ in pipeline.run(make_task("large", rows=10_000_000)):
            signals.append(signal_)
            if isinstance(signal_, Progressed):
                pids = {worker._pid: worker for worker in pipeline._workers}
                used |= dict.fromkeys(filter(None, pids), 400 << 20)
                used[signals[0].pid] = 700 << 20
    beside = await small
    await pipeline.aclose()

    assert isinstance(signals[-1], Failed)
    assert signals[-1].error.code == "out_of_memory"
    assert "memory" in signals[-1].error.message
    assert isinstance(beside[-1], Completed)


async def test_a_worker_that_the_kernel_killed_for_memory_says_so(
    make_task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed by SIGKILL while the kernel counts one more of these; otherwise it is only lost."""
    kills = [3]
    monkeypatch.setattr(local, "kernel_kills", lambda: kills[0])
    pipeline = LocalPipeline()
    last = []
    for more in (1, 0):
        signals: list[Signal] = []
        async with asyncio.timeout(DEADLINE):
            async for signal_ in pipeline.run(make_task(f"j{more}", rows=10_000_000)):
                signals.append(signal_)
                if isinstance(signal_, Progressed):
                    kills[0] += more
                    os.kill(signals[0].pid, signal.SIGKILL)
        last.append(signals[-1])
    await pipeline.aclose()

    assert isinstance(last[0], Failed)
    assert last[0].error.code == "out_of_memory"
    assert isinstance(last[1], Logged)
    assert "SIGKILL" in last[1].message


def test_a_worker_may_take_what_the_others_leave() -> None:
    """Beside what it shares with its parent; always enough to say why it ends."""
    assert limit_beside(8 << 30, [], base=100) == (8 << 30) + 100
    assert limit_beside(8 << 30, [3 << 30, 1 << 30], base=100) == (4 << 30) + 100
    assert limit_beside(8 << 30, [9 << 30], base=100) == MIN_LIMIT + 100


async def test_two_attempts_run_beside_each_other(
    pipeline: LocalPipeline, make_task: Callable[..., Task]
) -> None:
    """Jobs do not wait for each other."""
    one, two = await asyncio.gather(
        ended(pipeline, make_task("one")), ended(pipeline, make_task("two"))
    )

    assert one[0].pid != two[0].pid
    assert results(make_task("one")) == results(make_task("two"))


async def test_the_parent_of_workers_has_one_thread(
    pipeline: LocalPipeline, make_task: Callable[..., Task]
) -> None:
    """Forking is safe only where nothing else runs."""
    await ended(pipeline, make_task("j", rows=1))

    assert psutil.Process(parent_pid()).num_threads() == 1


def test_available_memory_is_at_most_the_machines() -> None:
    """A control group may lower it."""
    assert 0 < available_memory() <= psutil.virtual_memory().total
