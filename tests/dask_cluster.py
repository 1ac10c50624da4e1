"""A Dask cluster of worker processes on this machine, and tasks for it."""

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import LocalCluster

from datagen_nb.core.errors import InputError
from datagen_nb.processes import ONE_THREAD


@contextmanager
def running(workers: int = 2) -> Iterator[LocalCluster]:
    """A cluster with workers of one thread each."""
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=None,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
    ):
        yield cluster


def scale(cluster: LocalCluster, workers: int) -> None:
    """Let the cluster have exactly so many workers."""
    cluster.scale(workers)
    cluster.sync(cluster._correct_state)
    cluster.wait_for_workers(workers)


def pids(cluster: LocalCluster) -> list[int]:
    """The processes of its workers."""
    return [nanny.pid for nanny in cluster.workers.values()]


class Counted(Iterator[int]):
    """All numbers from 0, and how many were taken."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.taken = 0

    def __next__(self) -> int:
        self.taken += 1
        return next(self._numbers)


def square(part: int) -> int:
    return part**2


def worker(part: int) -> int:
    return os.getpid()


def refuse(part: int) -> int:
    raise InputError(f"Part {part} is refused.", code="refused", details={"part": part})


def die(part: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return part
