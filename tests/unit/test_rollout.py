"""Two pipelines: which job runs where, that it stays there, and what an unhealthy one changes."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.changes import Completed, Placed, StageStarted, Started
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import Task
from datagen_nb.core.status import fold, new_status
from datagen_nb.pipelines.built_in import INFO
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.pipelines.remote.pipeline import RemotePipeline
from datagen_nb.pipelines.rollout import RolloutPipeline, RolloutRules
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.pipeline import open_pipeline
from tests.clock import START
from tests.pipelines import WEIGHTS

CONFIG = JobConfiguration(data_size=9, input_format="csv", output_format="csv", input_path="a.csv")
BUCKET = LocalBucket(Path("/nowhere"))
UNHEALTHY = Health(status="unhealthy", message="it does not answer")


class Pipeline:
    """Completes every job; says in a stage's name which one it is."""

    def __init__(self, name, info=INFO):
        self.name = name
        self.info = info
        self.health = Health(status="healthy", metrics={"workers": 1.0})
        self.forgotten = []

    async def describe(self):
        if self.health.status == "unhealthy":
            raise ServiceUnavailable("It does not answer.")
        return self.info

    async def check(self, config): ...

    async def run(self, task):
        yield StageStarted(task.attempt, self.name)
        yield Placed(task.attempt, "somewhere")
        yield Completed(task.attempt, 1)

    async def forget(self, job_id):
        self.forgotten.append(job_id)

    async def check_health(self):
        return self.health

    async def aclose(self):
        self.health = None


def rollout(remote=None, **rules):
    remote = remote or Pipeline("remote")
    return RolloutPipeline(Pipeline("local"), remote, RolloutRules(**rules))


def task(job_id="j_1", *, attempt=1, customer="ann", pipeline=None, **fields):
    config = CONFIG.model_copy(update=fields)
    return Task(job_id, attempt, config, BUCKET, BUCKET, BUCKET, customer, pipeline)


async def placed(pipeline, task):
    """Where a job says that it runs, and where it ran."""
    async with aclosing(pipeline.run(task)) as run:
        signals = [signal async for signal in run]
    assert isinstance(signals[-1], Completed)
    names = [signal.pipeline for signal in signals if isinstance(signal, Placed)]
    (ran,) = [signal.stage for signal in signals if isinstance(signal, StageStarted)]
    return names, ran


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_a_job_that_is_chosen_stays_chosen_when_the_share_grows(job_id, share, more):
    """The choice depends on the id alone; of none, nothing is chosen, of all, everything."""
    low, high = sorted((share, more))
    chosen = RolloutRules(share=low).chooses(task(job_id))
    assert chosen <= RolloutRules(share=high).chooses(task(job_id))
    assert not RolloutRules(share=0).chooses(task(job_id))
    assert RolloutRules(share=100).chooses(task(job_id))


def test_a_share_is_about_that_share_of_the_jobs():
    """Of 10,000 ids; the ids are fixed, and so is the count."""
    chosen = sum(RolloutRules(share=20).chooses(task(f"j_{n}")) for n in range(10_000))
    assert 1_900 < chosen < 2_100


@pytest.mark.parametrize(
    ("rules", "fields", "expected"),
    [
        ({"customers": frozenset({"ann"})}, {}, "remote"),
        ({"customers": frozenset({"ann"})}, {"customer": "bob"}, "local"),
        ({"data_types": frozenset({"tabular"})}, {}, "remote"),
        ({"data_types": frozenset({"graph"})}, {}, "local"),
        ({"share": 0}, {}, "local"),
    ],
)
async def test_rules_choose_the_jobs_that_run_elsewhere(rules, fields, expected):
    """All of them have to fit; the job says where it runs before anything else."""
    assert await placed(rollout(**rules), task(**fields)) == ([expected], expected)


@pytest.mark.parametrize("where", ["local", "remote"])
async def test_a_job_stays_where_it_began(where):
    """Whatever the rules are by then, and however healthy the other one is."""
    for share in (0, 100):
        pipeline = rollout(share=share, falls_back=True)
        assert await placed(pipeline, task(attempt=2, pipeline=where)) == ([], where)


async def test_a_job_that_the_other_one_cannot_do_runs_here():
    """What it describes decides."""
    limited = Pipeline("remote", INFO.model_copy(update={"max_rows": 5}))
    assert await placed(rollout(limited), task()) == (["local"], "local")
    assert await placed(rollout(limited), task(data_size=5)) == (["remote"], "remote")


@pytest.mark.parametrize(("falls_back", "expected"), [(True, "local"), (False, "remote")])
async def test_new_jobs_run_here_while_the_other_one_is_unhealthy_if_so_set(falls_back, expected):
    """Otherwise they wait for it."""
    remote = Pipeline("remote")
    remote.health = UNHEALTHY
    pipeline = rollout(remote, falls_back=falls_back)
    assert await placed(pipeline, task()) == ([expected], expected)
    health = await pipeline.check_health()
    assert health.status == "degraded"
    assert "it does not answer" in health.message
    assert ("run here" in health.message) is falls_back


async def test_the_whole_is_as_healthy_as_what_runs_here():
    """With the metrics of both; it is described as what runs here, and forgets at both."""
    pipeline = rollout()
    assert (await pipeline.check_health()).status == "healthy"
    pipeline._local.health = UNHEALTHY
    assert (await pipeline.check_health()).status == "unhealthy"
    await pipeline.forget("j_1")
    assert pipeline._local.forgotten == pipeline._remote.forgotten == ["j_1"]
    await pipeline.aclose()
    assert pipeline._local.health is pipeline._remote.health is None


def test_a_status_keeps_where_its_job_runs():
    """From the first attempt on; it is shown with the other facts."""
    status = fold(new_status("j_1", CONFIG, START, WEIGHTS), Started(1), START)
    status = fold(status, Placed(1, "remote"), START)
    assert status.to_wire()["metadata"]["pipeline"] == "remote"
    assert "remote" in status._repr_html_()


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, LocalPipeline),
        ({"pipeline": "https://pipeline.example"}, RemotePipeline),
        ({"pipeline": "https://pipeline.example", "pipeline_share": 5}, RolloutPipeline),
        ({"pipeline": "https://pipeline.example", "pipeline_share": 100}, RolloutPipeline),
        ({"pipeline": "https://pipeline.example", "pipeline_fallback": True}, RolloutPipeline),
    ],
)
def test_settings_choose_the_pipeline(settings, kind):
    """The key is shown by neither."""

    async def check():
        chosen = Settings(**settings, pipeline_key="dg_secret")
        assert "secret" not in repr(chosen) + str(chosen)
        pipeline = await open_pipeline(chosen)
        assert isinstance(pipeline, kind)
        await pipeline.aclose()

    asyncio.run(check())


def test_a_key_is_not_sent_in_the_clear():
    """The service does not start."""
    settings = Settings(pipeline="http://pipeline.example", pipeline_key="dg_secret")
    with pytest.raises(ServiceUnavailable, match="unencrypted"):
        asyncio.run(open_pipeline(settings))
