"""SIGKILL of a pipeline elsewhere, and of the service that uses it, in the middle of a job."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from datagen_nb.api.process.home import Home
from datagen_nb.api.process.launch import attach, stop
from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.async_job import AsyncJob
from tests.deadline import DEADLINE
from tests.faults.test_kills import kill
from tests.pipeline_server import PipelineServer

TABLE = "a,b,c\n" + "".join(f"{n % 97},{n * 7 % 1000},{'xyz'[n % 3]}\n" for n in range(2_000))
PARAMETERS = {"part_rows": 10_000}
ROWS = 1_500_000


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineServer]:
    """A pipeline, which the services of this test use."""
    with PipelineServer(tmp_path / "server", tmp_path) as server:
        monkeypatch.setenv("DATAGEN_PIPELINE", server.url)
        monkeypatch.setenv("DATAGEN_PIPELINE_KEY", server.key)
        yield server


async def submit(client: AsyncClient, folder: Path) -> AsyncJob:
    table = folder / "table.csv"
    table.write_text(TABLE)
    return await client.submit(table, rows=ROWS, seed=7, parameters=PARAMETERS)


async def reach_rows(job: AsyncJob, *, attempt: int) -> None:
    """Wait until an attempt has made rows, and more are to come."""
    async with asyncio.timeout(DEADLINE):
        async with aclosing(job.updates()) as updates:
            async for status in updates:
                assert not status.status.is_terminal
                if status.attempt == attempt and status.rows_done:
                    return


def parts(home: Home, job: AsyncJob) -> str:
    """One digest over the parts in their order."""
    folder = home.buckets / "local" / "jobs" / job.id / "parts"
    whole = hashlib.sha256()
    for part in sorted(folder.iterdir()):
        whole.update(part.name.encode() + part.read_bytes())
    return whole.hexdigest()


@pytest.mark.slow
async def test_killing_either_end_in_the_middle_of_a_job_changes_no_byte(
    tmp_path: Path, server: PipelineServer
) -> None:
    """The job goes on from its finished parts, and no log or record has the key."""
    home = Home.open(tmp_path / "home")
    async with AsyncClient(await attach(home)) as client:
        assert (await client.pipeline()).name == "local"
        undisturbed = await submit(client, tmp_path)
        await undisturbed.wait()
        expected = parts(home, undisturbed)

        job = await submit(client, tmp_path)
        await reach_rows(job, attempt=1)
        server.kill()
        server.start()
        await reach_rows(job, attempt=2)
        assert kill((await client.info()).pid)
        await job.wait()
        assert parts(home, job) == expected
        assert (await job.refresh()).attempt == 3
    await stop(home)

    secret = server.key.split("_", 2)[2].encode()
    assert len(secret) > 40
    for folder in (home.path, server.home.path, server.log.parent):
        for file in folder.rglob("*"):
            assert not file.is_file() or secret not in file.read_bytes(), file
