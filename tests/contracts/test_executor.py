"""What every executor keeps to: results, order, bounds, errors."""

import os
from pathlib import Path

import pytest
from distributed import LocalCluster

from datagen_nb.core.errors import InputError
from datagen_nb.pipelines.engine.dask_executor import DaskExecutor
from datagen_nb.pipelines.engine.executor import Executor, InlineExecutor
from tests.dask_cluster import Counted, refuse, square, worker

MOST_AHEAD = 16
"""Parts that may be begun before results of others are taken, by the executors of these tests."""


@pytest.fixture(params=["inline", "dask"])
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "inline":
        return InlineExecutor()
    cluster: LocalCluster = request.getfixturevalue("dask_cluster")
    return DaskExecutor(cluster.scheduler_address)


def test_each_part_has_one_result(executor: Executor) -> None:
    """In whatever order they are ready."""
    assert sorted(executor.map(square, range(40))) == [part**2 for part in range(40)]


def test_no_parts_have_no_results(executor: Executor) -> None:
    """It ends at once."""
    assert list(executor.map(square, [])) == []


def test_few_parts_are_begun_ahead(executor: Executor) -> None:
    """So parts may be any number, and those that wait cost nothing."""
    parts = Counted()
    results = executor.map(square, parts)

    first = [next(results) for _ in range(5)]
    results.close()

    assert len(set(first)) == 5
    assert parts.taken <= len(first) + MOST_AHEAD


def test_an_error_of_a_task_is_raised_as_it_is(executor: Executor) -> None:
    """With its code, its message and its details."""
    with pytest.raises(InputError) as raised:
        list(executor.map(refuse, [3]))

    assert raised.value.code == "refused"
    assert raised.value.message == "Part 3 is refused."
    assert raised.value.details == {"part": 3}


def test_an_executor_can_be_used_again(executor: Executor) -> None:
    """Also after an error."""
    with pytest.raises(InputError):
        list(executor.map(refuse, range(5)))

    assert sorted(executor.map(square, range(3))) == [0, 1, 4]


def test_without_an_address_a_cluster_lives_as_long_as_the_tasks() -> None:
    """Processes of this machine, encrypted, without a page; nothing of them remains."""
    results = DaskExecutor(memory=2 << 30).map(worker, range(8))
    pids = set(results)

    assert os.getpid() not in pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
