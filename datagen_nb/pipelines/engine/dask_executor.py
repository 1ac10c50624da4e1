"""An executor on a Dask cluster: one that runs elsewhere, or processes of this machine.

The scheduler passes on numbers of parts and what is reported of each. Workers read the model from
the bucket, and publish parts there. If a worker dies, others make the parts that it was making.
"""

from __future__ import annotations

import logging
import os
import pickle
import platform
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib import metadata
from itertools import islice
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

import dask
from distributed import CancelledError, Client, Future, KilledWorker, LocalCluster

from datagen_nb.core.errors import ServiceError, ServiceUnavailable, VersionMismatch
from datagen_nb.core.version import __version__
from datagen_nb.processes import ONE_THREAD

PER_THREAD = 2
"""Parts that are at the cluster for each thread of its workers: one is made, one waits."""

ALLOWED_FAILURES = 10
"""Workers that may die while they have a part, which need not be its fault, before it fails."""

CONNECT_SECONDS = 10.0
WATCH_SECONDS = 1.0
NO_WORKER_SECONDS = 300.0
"""How long a cluster may be without a worker: one that grows with its work begins with none."""

COMPARED = ("distributed", "numpy", "pandas", "pyarrow", "scipy", "scikit-learn")
"""Packages of which both ends have the same version, so that they make the same bytes."""

_LOCAL = {
    "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.nanny.pre-spawn-environ": ONE_THREAD,
}
"""Settings of a cluster that lives as long as one job: it shows no pages. Dask's own environment
of workers is replaced: with it they give all freed memory back at once, which doubles the time."""

R = TypeVar("R")


class DaskExecutor:
    """Runs tasks on the workers of a Dask cluster.

    Args:
        address: Of the scheduler, as ``tcp://host:8786``; by default a cluster of this machine is
            started for the tasks, with a process for each processor.
        memory: Bytes that the workers of such a cluster may use together.
    """

    def __init__(self, address: str | None = None, *, memory: int | None = None) -> None:
        self._address = address
        self._memory = memory

    def map(self, task: Callable[[int], R], parts: Iterable[int]) -> Generator[R, None, None]:
        """Run a task for each part.

        Raises:
            ServiceUnavailable: The cluster does not answer, has no workers, or lost the tasks.
            VersionMismatch: A worker has other versions of what makes the rows.
            ServiceError: A part ended each worker that had it.
        """
        with self._client() as client:
            yield from _results(client, task, parts)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        if self._address is None:
            with _local_cluster(self._memory) as cluster, _connect(cluster) as client:
                yield client
            return
        try:
            client = _connect(self._address)
        except OSError as error:
            raise ServiceUnavailable(
                f"No Dask scheduler answers at {self._address}. Start it, or correct DATAGEN_DASK."
            ) from error
        with client:
            yield client


def run_task(pickled: bytes, environment: Mapping[str, str], part: int) -> Any:
    """Run a task for one part, on a worker.

    Args:
        pickled: The task.
        environment: Where it was pickled, as ``environment_here`` describes it.
        part: Number of the part.

    Raises:
        VersionMismatch: This worker has another environment.
    """
    here = environment_here()
    differing = [name for name in environment if here[name] != environment[name]]
    if differing:
        theirs = ", ".join(f"{name} {here[name]}" for name in differing)
        ours = ", ".join(f"{name} {environment[name]}" for name in differing)
        raise VersionMismatch(
            f"A worker of the Dask cluster has {theirs}; this service has {ours}. Use the same "
            "versions on both, as by one container image.",
            details={"worker": here, "service": dict(environment)},
        )
    return _unpickled(pickled)(part)


@cache
def environment_here() -> dict[str, str]:
    """Versions that the bytes of a part may depend on, by name."""
    python = ".".join(platform.python_version_tuple()[:2])
    versions = {name: metadata.version(name) for name in COMPARED}
    return {"datagen-nb": __version__, "python": python, **versions}


@lru_cache(maxsize=4)
def _unpickled(pickled: bytes) -> Callable[[int], Any]:
    """The task, the same for all parts of a job: what it has read of the bucket, it keeps."""
    task: Callable[[int], Any] = pickle.loads(pickled)  # noqa: S301, from our own service
    return task


def _connect(cluster: str | LocalCluster) -> Client:
    return Client(cluster, timeout=CONNECT_SECONDS, set_as_default=False)


@contextmanager
def _local_cluster(memory: int | None) -> Iterator[LocalCluster]:
    workers = len(os.sched_getaffinity(0))
    with (
        dask.config.set(_LOCAL),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=None if memory is None else memory // workers,
            host="127.0.0.1",
            security=True,  # others of this machine reach its port, and a task is a program
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.ERROR,
        ) as cluster,
    ):
        yield cluster


def _results(
    client: Client, task: Callable[[int], R], parts: Iterable[int]
) -> Generator[R, None, None]:
    job, pickled, environment = uuid.uuid4().hex, pickle.dumps(task), environment_here()
    to_begin = iter(parts)
    running: set[Future] = set()
    ended: SimpleQueue[Future] = SimpleQueue()
    while True:
        room = PER_THREAD * max(_threads(client), 1) - len(running)
        for part in islice(to_begin, max(room, 0)):
            future = client.submit(run_task, pickled, environment, part, key=(f"part-{job}", part))
            running.add(future)
            future.add_done_callback(ended.put)
        if not running:
            return
        future = _next_ended(client, ended)
        running.discard(future)
        yield _result(future)


def _threads(client: Client) -> int:
    try:
        return sum(client.nthreads().values())
    except OSError as error:
        raise _lost() from error


def _next_ended(client: Client, ended: SimpleQueue[Future]) -> Future:
    """Wait for a part, as long as there is something that could make it."""
    alive = monotonic()
    while True:
        try:
            return ended.get(timeout=WATCH_SECONDS)
        except Empty:
            if _threads(client):
                alive = monotonic()
            elif monotonic() - alive > NO_WORKER_SECONDS:
                raise ServiceUnavailable(
                    f"The Dask cluster has had no worker for {NO_WORKER_SECONDS:.0f} s. Start some."
                ) from None


def _result(future: Future) -> Any:
    try:
        return future.result()
    except KilledWorker as error:
        remedy = "Lower the parameter part_rows (rows of a part), or give workers more memory."
        raise ServiceError(
            f"Part {future.key[1]} was on {error.allowed_failures + 1} workers of the Dask cluster "
            f"that died. {remedy}",
            code="workers_died",
            details={"part": future.key[1], "remedy": remedy, "retryHelps": True},
        ) from error
    except CancelledError as error:
        raise _lost() from error


def _lost() -> ServiceUnavailable:
    return ServiceUnavailable(
        "The scheduler of the Dask cluster was lost, and its tasks with it. Start it again; the "
        "parts that were made are kept."
    )
