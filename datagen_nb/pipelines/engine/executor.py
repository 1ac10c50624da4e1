"""Where the tasks of an attempt run: the port, and the adapter that runs them here.

A task is a pure function of a part's number that publishes what it makes, so it may run anywhere
and more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

R = TypeVar("R")


class Executor(Protocol):
    """Runs one task for many parts."""

    def map(self, task: Callable[[int], R], parts: Iterable[int]) -> Generator[R, None, None]:
        """Run a task for each part and yield the results in the order in which they are ready.

        Parts are begun in the order given, a bounded number before the results of others are
        taken. Where a worker dies, its parts are begun again. An exception of a task is raised
        here. Closed, it begins no more; parts that are running then may still be published. A
        task, its results and its exceptions can be pickled.
        """
        ...


class InlineExecutor:
    """Runs tasks one after the other in this thread."""

    def map(self, task: Callable[[int], R], parts: Iterable[int]) -> Generator[R, None, None]:
        yield from map(task, parts)
