"""Jobs that read and write ``gs://`` paths: a real local service, real workers, an emulator."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pandas as pd
import psutil
import pytest

from datagen_nb.api.process.home import Home
from datagen_nb.api.process.launch import attach, stop
from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.core.buckets import Bucket, objects
from datagen_nb.core.changes import Completed, Failed
from datagen_nb.core.config import DEFAULT_BUCKET, JobConfiguration
from datagen_nb.core.errors import (
    ArgumentError,
    BucketNotFound,
    ConfigurationError,
    CredentialsUnusable,
    DatagenError,
    InputError,
    JobFailed,
    OutputError,
)
from datagen_nb.core.pipeline import Signal, Task
from datagen_nb.core.status import State
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.wiring.buckets import customers_buckets
from tests.conftest import DIAMONDS
from tests.deadline import DEADLINE
from tests.gcs_emulator import new_bucket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TABLE = "id,age,member\n" + "".join(f"{i},{20 + i % 50},{i % 3 > 0}\n" for i in range(300))
LONG = {"rows": 1_000_000, "parameters": {"part_rows": 10_000, "sample_rows": 5_000}}


@pytest.fixture
def bucket(gcs_emulator: str, monkeypatch: pytest.MonkeyPatch) -> GcsBucket:
    """An empty bucket of the emulator, which services that are started here use."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_emulator)
    return GcsBucket(new_bucket(gcs_emulator))


@pytest.fixture
async def client(bucket: GcsBucket, tmp_path: Path) -> AsyncIterator[AsyncClient]:
    home = Home.open(tmp_path / "home")
    async with AsyncClient(await attach(home)) as client:
        yield client
    await stop(home)


def in_cloud(bucket: GcsBucket, path: str) -> str:
    return f"gs://{bucket.name}/{path}"


async def generating(job: AsyncJob) -> None:
    """Wait until some of a job's rows are there."""
    async with aclosing(job.updates()) as updates:
        async for status in updates:
            assert not status.status.is_terminal, status.error
            if status.rows_done:
                return


@pytest.mark.parametrize("format", ["csv", "parquet"])
async def test_rows_are_those_of_the_same_table_in_a_file(
    client: AsyncClient, bucket: GcsBucket, tmp_path: Path, format: str
) -> None:
    """Byte for byte, in the format that the name of the output says."""
    source = DIAMONDS
    if format == "csv":
        source = tmp_path / "table.csv"
        source.write_text(TABLE)
    bucket.put(f"in/table.{format}", source.read_bytes())
    table, output = in_cloud(bucket, f"in/table.{format}"), in_cloud(bucket, f"out/new.{format}")

    found = await client.inspect(table)
    job = await client.submit(table, rows=2_000, seed=1, output=output)
    data = await job
    beside = await client.submit(source, rows=2_000, seed=1, output=tmp_path / f"new.{format}")
    await beside.wait()

    assert found.rows == (300 if format == "csv" else 53_940)
    assert bucket.get(f"out/new.{format}") == (tmp_path / f"new.{format}").read_bytes()
    assert (data.output_path, job.name) == (output, "table")
    assert job.status.source == table


async def test_a_cancelled_job_leaves_no_output(client: AsyncClient, bucket: GcsBucket) -> None:
    """An upload that was not finished is not there."""
    bucket.put("table.csv", TABLE.encode())
    output = in_cloud(bucket, "new.csv")
    job = await client.submit(in_cloud(bucket, "table.csv"), output=output, **LONG)
    await generating(job)

    await job.cancel()

    assert (await job.refresh()).status is State.CANCELLED
    assert bucket.head("new.csv") is None


async def test_a_killed_service_goes_on_with_the_job(
    client: AsyncClient, bucket: GcsBucket
) -> None:
    """Its parts are found again, and the output is written once, whole."""
    bucket.put("table.csv", TABLE.encode())
    job = await client.submit(
        in_cloud(bucket, "table.csv"), output=in_cloud(bucket, "new.csv"), **LONG
    )
    await generating(job)
    service = psutil.Process((await client.info()).pid)

    service.send_signal(signal.SIGKILL)
    service.wait(DEADLINE)
    data = await job

    assert data.num_rows == LONG["rows"]
    assert bucket.get("new.csv").count(b"\n") == LONG["rows"] + 1


WRONG: dict[str, tuple[type[DatagenError], str]] = {
    "gs://Acme/table.csv": (ArgumentError, "'Acme' cannot be a bucket's name"),
    "gs:///table.csv": (ArgumentError, "cannot be a bucket's name"),
    "gs://{bucket}": (ArgumentError, "is a bucket, not an object"),
    "gs://{bucket}/folder/": (ArgumentError, "is a folder, not an object"),
    "gs://{bucket}/folder.csv": (InputError, "gs://{bucket}/folder.csv is a folder"),
    "gs://{bucket}/none.csv": (InputError, "no input gs://{bucket}/none.csv"),
    "gs://{bucket}/notes.txt.pdf": (ConfigurationError, "no ending that names a format"),
    "gs://{bucket}/image.csv": (InputError, "gs://{bucket}/image.csv"),
    "gs://no-such-bucket-of-ours/table.csv": (BucketNotFound, "no-such-bucket-of-ours"),
}


async def test_a_wrong_table_is_named_at_once(client: AsyncClient, bucket: GcsBucket) -> None:
    """Which object, and what is wrong with it."""
    bucket.put("folder/a.csv", b"x")
    bucket.put("folder.csv/a", b"x")
    bucket.put("image.csv", b"\x89PNG\r\n\x1a\n" + bytes(100))

    for source, (kind, message) in WRONG.items():
        with pytest.raises(kind, match=message.format(bucket=bucket.name)):
            await client.inspect(source.format(bucket=bucket.name))


async def test_a_wrong_output_is_refused_before_the_work(
    client: AsyncClient, bucket: GcsBucket
) -> None:
    """One that exists, the input itself, and a bucket that does not exist."""
    table = in_cloud(bucket, "table.csv")
    bucket.put("table.csv", TABLE.encode())
    bucket.put("there.csv", b"x")

    with pytest.raises(OutputError, match=r"gs://.*/there\.csv exists already"):
        await client.submit(table, rows=9, output=in_cloud(bucket, "there.csv"))
    with pytest.raises(ConfigurationError, match="must not be the input"):
        await client.submit(table, rows=9, output=table, overwrite=True)
    with pytest.raises(ArgumentError, match="is a folder"):
        await client.submit(table, rows=9, output=in_cloud(bucket, "out/"))
    job = await client.submit(
        table, rows=9, output="gs://no-such-bucket-of-ours/new.csv", overwrite=True
    )
    with pytest.raises(JobFailed, match="no bucket gs://no-such-bucket-of-ours"):
        await job.wait()


async def test_an_output_is_replaced_on_request(client: AsyncClient, bucket: GcsBucket) -> None:
    """As a file is."""
    bucket.put("table.csv", TABLE.encode())
    bucket.put("new.csv", b"old")

    job = await client.submit(
        in_cloud(bucket, "table.csv"), rows=20, output=in_cloud(bucket, "new.csv"), overwrite=True
    )
    await job.wait()

    assert bucket.get("new.csv").count(b"\n") == 21


async def test_without_credentials_the_remedy_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service without any says how to have some, and does not wait for a network."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    home = Home.open(tmp_path / "home")
    async with AsyncClient(await attach(home)) as client:
        with pytest.raises(CredentialsUnusable, match="application-default login"):
            await client.inspect("gs://acme-tables/table.csv")
    await stop(home)


async def signals(pipeline: LocalPipeline, task: Task) -> list[Signal]:
    return [signal async for signal in pipeline.run(task)]


def unchecked(bucket: Bucket, source: str, target: str) -> Task:
    """A job of a customer who has this bucket, as if a service had let everything through."""
    config = JobConfiguration(
        data_size=20,
        input_format="csv",
        output_format="csv",
        input_path=source,
        output_path=target,
        overwrite=True,
    )
    return Task(f"j_{secrets.token_hex(8)}", 1, config, bucket, bucket, bucket)


WAYS_OUT = ["in.csv", "../ann/in.csv", "all/ann/in.csv", "gs://{bucket}/all/ann/in.csv"]


async def test_no_worker_reads_or_writes_what_another_customer_has(
    bucket: GcsBucket, tmp_path: Path
) -> None:
    """However a path is spelled; its owner's job reads and writes it."""
    buckets = customers_buckets(tmp_path, f"gs://{bucket.name}/all", {})
    anns, bobs = (buckets(customer, DEFAULT_BUCKET) for customer in ("ann", "bob"))
    anns.put("in.csv", TABLE.encode())
    bobs.put("own.csv", TABLE.encode())
    before = bucket.get("all/ann/in.csv")
    pipeline = LocalPipeline()
    await pipeline.warm()
    try:
        for way in WAYS_OUT:
            path = way.format(bucket=bucket.name)
            *_, last = await signals(pipeline, unchecked(bobs, path, "new.csv"))
            assert isinstance(last, Failed), path
            assert last.error.code == "input_not_found"
            await signals(pipeline, unchecked(bobs, "own.csv", path))
        *_, last = await signals(pipeline, unchecked(anns, "in.csv", "new.csv"))
        assert isinstance(last, Completed)
    finally:
        await pipeline.aclose()
    assert bucket.get("all/ann/in.csv") == before
    of_ann = {one.path for one in objects(bucket, "all/ann/")}
    assert {one for one in of_ann if "/jobs/" not in one} == {"all/ann/in.csv", "all/ann/new.csv"}
    assert all(one.path.startswith(("all/ann/", "all/bob/")) for one in objects(bucket))


CANARY = "canary-5e0b1f0c"


async def test_the_contents_of_a_key_file_go_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not into the home, its database and log, nor into an error: usable or not."""
    key = tmp_path / "key.json"
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    home = Home.open(tmp_path / "home")
    shown = []
    async with AsyncClient(await attach(home)) as client:
        for content in UNUSABLE_KEYS:
            key.write_text(content)
            with pytest.raises(DatagenError) as raised:
                await client.inspect("gs://acme-tables/table.csv")
            shown.append(f"{raised.value!r} {raised.value} {raised.value.details}")
            job = await client.submit(
                DIAMONDS, rows=9, output="gs://acme-tables/new.csv", overwrite=True
            )
            with pytest.raises(JobFailed) as failed:
                await job.wait()
            shown += [f"{failed.value} {failed.value.details}", str(await job.logs())]
    await stop(home)

    kept = [file.read_bytes() for file in home.path.rglob("*") if file.is_file()]
    assert CANARY.encode() not in b"".join(kept)
    assert CANARY not in "".join(shown)


UNUSABLE_KEYS = [
    CANARY,
    f'{{"type": "service_account", "private_key": "{CANARY}"}}',
    f'{{"type": "authorized_user", "client_id": "{CANARY}"}}',
    f'{{"type": "{CANARY}"}}',
]


def test_the_command_line_takes_and_writes_objects(bucket: GcsBucket, tmp_path: Path) -> None:
    """``generate`` with ``gs://`` on both sides; what it prints names the object."""
    bucket.put("table.csv", TABLE.encode())
    output = in_cloud(bucket, "new.parquet")
    environment = {**os.environ, "DATAGEN_HOME": str(tmp_path / "home")}

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "datagen_nb", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=DEADLINE,
        )
        return done.stdout

    try:
        printed = command("generate", in_cloud(bucket, "table.csv"), "--rows", "50", "-o", output)
    finally:
        command("stop")

    assert f"50 rows in {output}" in printed
    assert bucket.get("new.parquet").startswith(b"PAR1")


async def test_results_are_kept_in_the_bucket_of_the_settings(
    bucket: GcsBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads, parts and manifests; a killed service finds them, and a deleted job leaves none."""
    monkeypatch.setenv("DATAGEN_BUCKET", f"gs://{bucket.name}/results")
    home = Home.open(tmp_path / "home")
    async with AsyncClient(await attach(home)) as client:
        job = await client.submit(pd.DataFrame({"n": range(300)}), **LONG)
        await generating(job)
        service = psutil.Process((await client.info()).pid)
        service.send_signal(signal.SIGKILL)
        service.wait(DEADLINE)
        data = await job
        table = await data.to_arrow()
        folder = f"results/local/jobs/{job.id}/"
        kept = [meta.path for meta in objects(bucket)]
        await job.delete()
        await client.clean_up()
        left = [meta.path for meta in objects(bucket, folder)]
    await stop(home)

    assert table.num_rows == LONG["rows"]
    assert f"{folder}manifest.json" in kept
    assert all(path.startswith("results/local/") for path in kept)
    assert left == []
    assert not home.buckets.exists()
