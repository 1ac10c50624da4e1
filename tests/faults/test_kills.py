"""SIGKILL at random moments: no job lost, none ended twice, every byte as if nothing had happened.

Each run draws other moments, and prints their seed: KILL_SEED replays one, KILLS sets how many.
"""

import asyncio
import hashlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from datagen_nb.api.process.home import Home
from datagen_nb.api.process.launch import attach, stop
from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.status import State
from tests.deadline import DEADLINE

TABLE = Path(__file__).parents[2] / "notebooks" / "data" / "diamonds.parquet"
KILLS = int(os.environ.get("KILLS", "50"))
JOBS = 4
ROWS = 400_000
PARAMETERS = {"part_rows": 10_000, "sample_rows": 5_000}


def digest(job_id: str, home: Home) -> str:
    """One digest over the parts, in order, and the manifest's account of them."""
    folder = home.buckets / "local" / "jobs" / job_id / "parts"
    whole = hashlib.sha256()
    for part in sorted(folder.iterdir()):
        whole.update(part.name.encode() + part.read_bytes())
    return whole.hexdigest()


async def submit(client: AsyncClient, seed: int) -> AsyncJob:
    return await client.submit(
        TABLE, rows=ROWS, seed=seed, parameters=PARAMETERS, name=f"job {seed}"
    )


def kill(pid: int) -> bool:
    try:
        victim = psutil.Process(pid)
        victim.send_signal(signal.SIGKILL)
        victim.wait(DEADLINE)
    except (psutil.NoSuchProcess, psutil.TimeoutExpired):
        return not psutil.pid_exists(pid)
    return True


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killing_worker_and_service_at_any_moment_changes_no_byte(tmp_path):
    """Kills over running jobs: all complete, each once, with the bytes of undisturbed runs."""
    seed = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(2**32)))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    calm, stormy = Home.open(tmp_path / "calm"), Home.open(tmp_path / "stormy")

    async with AsyncClient(await attach(calm)) as client:
        undisturbed = [await submit(client, number) for number in range(JOBS)]
        for job in undisturbed:
            await job.wait()
        expected = [digest(job.id, calm) for job in undisturbed]
    await stop(calm)

    done: dict[str, int] = {}
    killed: Counter[str] = Counter()
    async with AsyncClient(await attach(stormy)) as client:
        while sum(killed.values()) < KILLS:
            for number in range(JOBS):
                job = await submit(client, number)
                done[job.id] = number
            killed += await storm(client, chance, KILLS - sum(killed.values()))
        for job_id in done:
            job = await client.jobs.get(job_id)
            await job.wait()
            assert digest(job_id, stormy) == expected[done[job_id]]
        await assert_each_ended_once(client, done)
    await stop(stormy)
    print(f"killed {dict(killed)} over {len(done)} jobs")


async def storm(client: AsyncClient, chance: random.Random, most: int) -> Counter[str]:
    """Kill until every job has ended or ``most`` is reached; say what was killed."""
    killed: Counter[str] = Counter()
    lost_at: dict[str, tuple[int, int]] = {}
    while sum(killed.values()) < most and await client.jobs.running():
        await asyncio.sleep(chance.uniform(0.05, 0.8))
        info = await client.info()
        workers = sorted(info.workers)
        if not workers and chance.random() < 0.7:
            continue  # mostly while there is work to lose
        targets = chance.choice(["worker", "worker", "service", "both"])
        if targets != "service" and workers:
            job_id = chance.choice(workers)
            reached = await progress(client, job_id)
            # Losing worker after worker without getting further fails a job, as it should.
            if reached > lost_at.get(job_id, (-1, -1)) and kill(info.workers[job_id]):
                lost_at[job_id] = reached
                killed["worker"] += 1
        if targets != "worker" and kill(info.pid):
            killed["service"] += 1
    return killed


async def progress(client: AsyncClient, job_id: str) -> tuple[int, int]:
    status = (await client.jobs.get(job_id)).status
    done = sum(stage.status == "completed" for stage in status.stages)
    return done, status.rows_done


async def assert_each_ended_once(client: AsyncClient, jobs: dict[str, int]) -> None:
    ends: Counter[str] = Counter()
    deadline = time.monotonic() + DEADLINE
    events = client._service.events(after=0)
    async for event in events:
        if event.event == "job.completed":
            ends[event.job_id] += 1
        if len(ends) == len(jobs) or time.monotonic() > deadline:
            break
    await events.aclose()
    assert ends == Counter(dict.fromkeys(jobs, 1))
    assert len(await client.jobs.list(status=State.COMPLETED, limit=500)) == len(jobs)


async def test_a_service_that_was_killed_is_back_with_the_next_call(tmp_path):
    """The client starts the service again and finds its job."""
    home = Home.open(tmp_path / "home")
    async with AsyncClient(await attach(home)) as client:
        job = await submit(client, 1)
        assert kill((await client.info()).pid)
        assert (await client.jobs.get(job.id)).id == job.id
        await job.cancel()
    await stop(home)
    with pytest.raises(ServiceUnavailable):
        await attach(home, start=False)


async def test_killing_the_worker_of_a_job_of_a_model_changes_no_byte(tmp_path):
    """Though the job that fitted the model was deleted once its copy was made."""
    home = Home.open(tmp_path / "home")
    async with AsyncClient(await attach(home)) as client:
        first = await client.submit(TABLE, rows=50, parameters={"sample_rows": 1_000})
        chosen = {"rows": ROWS, "seed": 8, "parameters": {"part_rows": 10_000}}
        calm = await client.submit(model=first, **chosen)
        await calm.wait()
        stormy = await client.submit(model=first, **chosen)
        async with asyncio.timeout(DEADLINE):
            async for status in stormy.updates():
                if status.rows_done:
                    break
        await first.delete()

        assert kill((await client.info()).workers[stormy.id])
        await stormy.wait()

        assert stormy.status.attempt == 2
        assert digest(stormy.id, home) == digest(calm.id, home)
    await stop(home)
