"""Jobs past one process: a Dask cluster of one and of two worker processes, beside none.

Run as ``python -m tests.bench.scale [ROWS]``. Measured is the stage that makes the rows. CPU
seconds are those of client, scheduler and workers together; on a machine whose processors do other
work, only these can be compared.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from distributed import LocalCluster

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.changes import Failed, StageCompleted, StageStarted
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline import Signal, Task
from datagen_nb.pipelines.engine.attempt import run_attempt
from datagen_nb.pipelines.engine.dask_executor import DaskExecutor
from tests import dask_cluster

TABLE = Path(__file__).parents[2] / "notebooks" / "data" / "diamonds.parquet"
ROWS = 4_000_000
RUNS = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """How long rows were made, and what of."""

    seconds: float
    cpu: float
    manifest: Manifest


def measure(
    folder: Path, rows: int, executor: DaskExecutor | None, cluster: LocalCluster
) -> Measured:
    """Run a job, and measure its stage ``generate``."""
    config = JobConfiguration(
        data_size=rows,
        input_format="parquet",
        output_format="parquet",
        input_bucket="file",
        output_bucket="default",
        input_path=str(TABLE),
        output_path="",
        parameters={"seed": 7},
    )
    files = LocalFiles()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        task = Task("j", 1, config, LocalBucket(Path(place)), files, files)
        marks: list[tuple[float, float]] = []

        def watch(signal: Signal) -> None:
            if isinstance(signal, StageStarted | StageCompleted) and signal.stage == "generate":
                marks.append((time.perf_counter(), used(cluster)))
            assert not isinstance(signal, Failed), signal

        run_attempt(task, watch, executor)
        (began, before), (ended, after) = marks
        manifest = Manifest.from_wire(task.bucket.get("jobs/j/manifest.json"))
        return Measured(ended - began, after - before, manifest)


def used(cluster: LocalCluster) -> float:
    """CPU seconds of this process and the workers."""
    processes = [psutil.Process(), *map(psutil.Process, dask_cluster.pids(cluster))]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def main(rows: int) -> None:
    results: dict[str, list[Measured]] = {}
    digests = set()
    with tempfile.TemporaryDirectory() as folder, dask_cluster.running(2) as cluster:
        dask = DaskExecutor(cluster.scheduler_address)
        for _ in range(RUNS):
            for name, workers, executor in (
                ("no cluster", 2, None),
                ("two workers", 2, dask),
                ("one worker", 1, dask),
            ):
                dask_cluster.scale(cluster, workers)
                if executor is not None:  # the workers import what they need
                    measure(Path(folder), 400_000, executor, cluster)
                measured = measure(Path(folder), rows, executor, cluster)
                results.setdefault(name, []).append(measured)
                digests.add(hashlib.sha256(repr(measured.manifest.parts).encode()).hexdigest())
    assert len(digests) == 1
    wall = {name: min(one.seconds for one in runs) for name, runs in results.items()}
    cpu = {name: min(one.cpu for one in runs) for name, runs in results.items()}
    for name in results:
        rate = f"{rows / wall[name]:,.0f} rows/s, {rows / cpu[name]:,.0f} rows per CPU second"
        print(f"{name}: {wall[name]:.1f} s, {cpu[name]:.1f} s of CPU; {rate}; best of {RUNS}")
    print(f"{measured.manifest.size / rows:.1f} bytes a row")
    print(f"two workers over one: {wall['one worker'] / wall['two workers']:.2f} x")
    print(f"one worker beside no cluster: {wall['one worker'] / wall['no cluster'] - 1:+.0%}")
    print(f"  by CPU seconds: {cpu['one worker'] / cpu['no cluster'] - 1:+.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
