"""An executor of several processes: forks of this one, which end with it.

They are forked while this process has no thread, and wait for parts. How many of them work at a
time is ``allowed``, which may change while a job runs: so jobs share the cores of a machine.
"""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar, cast

from datagen_nb.core.config import JobConfiguration
from datagen_nb.pipelines.engine.workspace import PART_ROWS

MIN_ROWS_PER_PROCESS = PART_ROWS // 5
"""Below this many rows each, the parts of a job are made sooner in one process."""

POLL_SECONDS = 0.5
"""After this time a change of ``allowed`` is noticed, if no part has ended before."""

R = TypeVar("R")


def count_processes(config: JobConfiguration, available: int) -> int:
    """How many processes a job can keep busy.

    Args:
        config: Of the job.
        available: Processes that it may have, at least 1.
    """
    rows: int = config.parameters.get("partRows", MIN_ROWS_PER_PROCESS)
    return max(min(available, -(-config.data_size // rows)), 1)


def share_processes(processes: int, jobs: int) -> list[int]:
    """Divide processes among running jobs, the oldest first: evenly, and at least one each."""
    each, more = divmod(processes, max(jobs, 1))
    return [max(each + (job < more), 1) for job in range(jobs)]


class ProcessExecutor:
    """Runs tasks in forks of this process.

    The calling thread only hands out parts. If a fork dies, this process dies of the same signal:
    the processes of a job live and end together.

    Args:
        count: Forks to start.
        after_fork: Called in each of them first.

    Attributes:
        allowed: Forks that may work at a time; another thread may set it.
    """

    def __init__(self, count: int, *, after_fork: Callable[[], None]) -> None:
        self.allowed = count
        self._forks: dict[Connection, int] = {}
        for _ in range(count):
            ours, theirs = Pipe()
            pid = os.fork()
            if pid == 0:
                for other in (*self._forks, ours):
                    other.close()
                _run_fork(theirs, after_fork)
            theirs.close()
            self._forks[ours] = pid

    def map(self, task: Callable[[int], R], parts: Iterable[int]) -> Iterator[R]:
        waiting = iter(parts)
        part = next(waiting, None)
        idle = list(self._forks)
        busy: list[Connection] = []
        data = pickle.dumps(task)
        for fork in idle:
            self._send(fork, data)
        while busy or part is not None:
            while part is not None and idle and len(busy) < max(self.allowed, 1):
                fork = idle.pop()
                self._send(fork, pickle.dumps(part))
                busy.append(fork)
                part = next(waiting, None)
            for ready in cast("list[Connection]", wait(busy, POLL_SECONDS)):
                busy.remove(ready)
                idle.append(ready)
                error, result = self._receive(ready)
                if error is not None:
                    raise error
                yield result

    def _send(self, fork: Connection, data: bytes) -> None:
        try:
            fork.send_bytes(data)
        except OSError:
            self._die_with(fork)

    def _receive(self, fork: Connection) -> Any:
        try:
            return fork.recv()
        except (EOFError, OSError):
            self._die_with(fork)

    def _die_with(self, fork: Connection) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(self._forks[fork], 0)[1])
        os.kill(os.getpid(), -code if code < 0 else signal.SIGKILL)


def _run_fork(channel: Connection, after_fork: Callable[[], None]) -> None:
    """Do tasks until the other end closes; never returns."""
    try:
        after_fork()
        task: Any = None
        while True:
            message = channel.recv()
            if callable(message):
                task = message
            else:
                channel.send_bytes(_outcome(task, message))
    except (EOFError, OSError):  # the process that forked this one has ended
        os._exit(0)
    finally:
        os._exit(1)


def _outcome(task: Callable[[int], Any], part: int) -> bytes:
    """The pickled error and result of a task, one of them ``None``."""
    try:
        return pickle.dumps((None, task(part)))
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))
        return pickle.dumps((error, None))
