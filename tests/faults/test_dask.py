"""Jobs on a Dask cluster: the same bytes with any workers, also with one that is killed."""

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import Completed, Failed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import Rejected, ServiceError, ServiceUnavailable
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.pipeline import PartsWritten, Signal, Task
from datagen_nb.pipelines import local
from datagen_nb.pipelines.engine import dask_executor
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.pipelines.engine.dask_executor import DaskExecutor
from datagen_nb.pipelines.local import LocalPipeline
from tests import dask_cluster as clusters

ROWS = 4_000


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A job of 40 parts."""
    source = tmp_path / "in.csv"
    source.write_text("a,b\n" + "".join(f"{i % 97},{'xyz'[i % 3]}\n" for i in range(400)))
    config = JobConfiguration(
        data_size=ROWS,
        input_format="csv",
        output_format="csv",
        input_bucket="file",
        output_bucket="default",
        input_path=str(source),
        output_path="",
        parameters={"seed": 7, "partRows": 100, "engine": "dask"},
    )
    files = LocalFiles()
    return Task("j", 1, config, LocalBucket(tmp_path / "bucket"), files, files)


@pytest.fixture
def expected(task: Task, tmp_path: Path) -> dict[str, bytes]:
    """What the same job makes in this process."""
    here = replace(task, bucket=LocalBucket(tmp_path / "here"))
    run(here, None)
    return result(here)


def run(
    task: Task,
    executor: DaskExecutor | None,
    watch: Callable[[Signal], None] = lambda _: None,
) -> list[Signal]:
    signals: list[Signal] = []

    def emit(emitted: Signal) -> None:
        signals.append(emitted)
        watch(emitted)

    run_attempt(task, emit, executor)
    return signals


def result(task: Task) -> dict[str, bytes]:
    """All objects of a job but its report, which tells times."""
    found = {meta.path: task.bucket.get(meta.path) for meta in objects(task.bucket, "")}
    del found["jobs/j/report.json"]
    return found


def failure(signals: list[Signal]) -> JobFailure:
    assert isinstance(signals[-1], Failed)
    return signals[-1].error


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_bytes_are_those_of_one_process(
    task: Task, expected: dict[str, bytes], dask_cluster: LocalCluster, workers: int
) -> None:
    """However many workers make them; and there is one event a part."""
    clusters.scale(dask_cluster, workers)

    signals = run(task, DaskExecutor(dask_cluster.scheduler_address))

    assert isinstance(signals[-1], Completed)
    assert sum(isinstance(emitted, PartsWritten) for emitted in signals) == 40
    assert result(task) == expected


def test_a_killed_worker_costs_its_parts_only(
    task: Task, expected: dict[str, bytes], dask_cluster: LocalCluster
) -> None:
    """The others go on, another makes what it had, and the bytes are the same."""
    clusters.scale(dask_cluster, 2)
    victim = clusters.pids(dask_cluster)[0]

    def kill(emitted: Signal) -> None:
        if isinstance(emitted, PartsWritten) and victim in clusters.pids(dask_cluster):
            os.kill(victim, signal.SIGKILL)

    signals = run(task, DaskExecutor(dask_cluster.scheduler_address), kill)

    assert isinstance(signals[-1], Completed)
    assert not Path(f"/proc/{victim}").exists()
    assert result(task) == expected


def test_a_part_that_ends_its_workers_ends_the_job(
    dask_cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a number of them, and the error says what helps."""
    monkeypatch.setattr(dask_cluster.scheduler, "allowed_failures", 0)

    with pytest.raises(ServiceError, match="part_rows") as raised:
        list(DaskExecutor(dask_cluster.scheduler_address).map(clusters.die, [4]))

    assert raised.value.code == "workers_died"
    assert raised.value.details["part"] == 4


def test_another_environment_is_refused_in_words(
    task: Task, dask_cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What differs is named with both versions: it could make other bytes."""
    ours = {**dask_executor.environment_here(), "numpy": "0.1"}
    monkeypatch.setattr(dask_executor, "environment_here", lambda: ours)

    failed = failure(run(task, DaskExecutor(dask_cluster.scheduler_address)))

    assert failed.code == "version_mismatch"
    assert "this service has numpy 0.1. Use the same versions on both" in failed.message


class Unshared(LocalBucket):
    """A folder that no other process sees: pickled, it is another one."""

    def __reduce__(self) -> tuple[Any, ...]:
        return LocalBucket, (self._root / "elsewhere",)


def test_a_bucket_that_workers_do_not_see_is_named(
    task: Task, tmp_path: Path, dask_cluster: LocalCluster
) -> None:
    """With what to do."""
    task = replace(task, bucket=Unshared(tmp_path / "bucket"))

    failed = failure(run(task, DaskExecutor(dask_cluster.scheduler_address)))

    assert failed.code == "bucket_not_shared"
    assert "DATAGEN_BUCKET" in failed.message


def test_a_scheduler_that_does_not_answer_is_tried_again_later(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure names its address, and passes."""
    monkeypatch.setattr(dask_executor, "CONNECT_SECONDS", 0.5)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"

        failed = failure(run(task, DaskExecutor(address)))

    assert failed.code == "service_unavailable"
    assert address in failed.message
    assert failed.details["passing"]


def test_a_cluster_without_workers_is_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that grows with its work has some time to do so."""
    monkeypatch.setattr(dask_executor, "NO_WORKER_SECONDS", 0.0)
    with clusters.running(0) as empty:
        with pytest.raises(ServiceUnavailable, match="no worker"):
            list(DaskExecutor(empty.scheduler_address).map(clusters.square, [1]))


def test_a_scheduler_that_is_lost_is_tried_again_later() -> None:
    """What it had to do is lost with it, and nothing waits for that."""
    with clusters.running(1) as cluster:
        results = DaskExecutor(cluster.scheduler_address).map(clusters.square, clusters.Counted())
        next(results)

        cluster.close()

        with pytest.raises(ServiceUnavailable):
            list(results)


async def test_a_missing_package_is_said_before_the_job_is_accepted(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setattr(local, "find_spec", lambda _: None)

    with pytest.raises(Rejected, match=r"pip install 'datagen-nb\[dask\]'") as raised:
        await LocalPipeline().check(task.config)

    assert raised.value.code == "package_missing"
