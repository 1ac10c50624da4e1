"""The same submit many times at once, the service killed in between: one job, always.

The seed of the moments is printed; set KILL_SEED to replay one.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from datagen_nb.api.process.home import Home
from datagen_nb.api.process.launch import attach, stop
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError, IdempotencyConflict
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.places import LOCAL_FILES
from datagen_nb.core.status import JobStatus
from tests.faults.test_kills import kill

ROUNDS = 8
AT_ONCE = 64


def config(place: Path, **fields) -> JobConfiguration:
    return JobConfiguration(
        data_size=1,
        input_format="csv",
        output_format="csv",
        input_bucket=LOCAL_FILES,
        input_path=str(place / "in.csv"),
        **fields,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_submit_sent_64_times_at_once_makes_one_job(tmp_path, monkeypatch):
    """Also when the service is killed in its middle, as it is in every other round."""
    seed = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(2**32)))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    monkeypatch.setenv("DATAGEN_MAX_WAITING", "1000")
    (tmp_path / "in.csv").write_text("a,b\n" + "1,x\n2,y\n" * 20)
    home = Home.open(tmp_path / "home")
    jobs = await attach(home)
    try:
        for number in range(ROUNDS):
            key, asked = f"round {number}", config(tmp_path, name=f"round {number}")
            submits = [
                asyncio.create_task(jobs.create(asked, idempotency_key=key)) for _ in range(AT_ONCE)
            ]
            if number % 2:
                pid = (await jobs.info()).pid
                await asyncio.sleep(chance.uniform(0, 0.05))
                assert kill(pid)
            answers = await asyncio.gather(*submits, return_exceptions=True)
            made = {answer.job_id for answer in answers if isinstance(answer, JobStatus)}
            strange = [one for one in answers if not isinstance(one, JobStatus | DatagenError)]
            assert not strange
            again = await jobs.create(asked, idempotency_key=key)
            assert made <= {again.job_id}
            other = config(tmp_path, name="another")
            with pytest.raises(IdempotencyConflict):
                await jobs.create(other, idempotency_key=key)
        names = [job.name for job in (await jobs.history(JobQuery(limit=500))).jobs]
        assert sorted(names) == [f"round {number}" for number in range(ROUNDS)]
    finally:
        await jobs.aclose()
        await stop(home)
