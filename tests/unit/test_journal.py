"""The log's lines about jobs: one for each start, end, failure and refusal."""

import json
import logging

import pytest

from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.logs import formatter
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.wiring.service import build_service


@pytest.mark.parametrize(
    ("scenario", "end", "level"),
    [("succeeds", "is completed", "INFO"), ("fails_at_stage", "failed: ", "WARNING")],
)
async def test_a_job_has_a_line_for_its_start_and_one_for_its_end(
    tmp_path, caplog, scenario, end, level
):
    """However much progress it tells in between; each carries the job and its customer."""
    caplog.set_level("INFO", "datagen_nb.service")
    pipeline = MockPipeline(scenario, speed=500, seed=7, clock=SystemClock())
    service = await build_service(tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline)
    (tmp_path / "in.csv").write_text("n\n1\n2\n")
    config = JobConfiguration(
        data_size=20,
        input_format="csv",
        output_format="csv",
        input_bucket="file",
        input_path=str(tmp_path / "in.csv"),
        is_async=False,
    )
    written = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(formatter("json").format(record))
    logging.getLogger("datagen_nb.service").addHandler(handler)
    try:
        job_id = (await service.customer("local").create(config, idempotency_key="k")).job_id
    finally:
        logging.getLogger("datagen_nb.service").removeHandler(handler)
        await service.aclose()
    entries = [json.loads(line) for line in written if f"job {job_id} " in line]
    assert [line["message"].removeprefix(f"job {job_id} ") for line in entries[:2]] == [
        "was accepted",
        "is running",
    ]
    assert len(entries) == 3
    assert entries[2]["message"].startswith(f"job {job_id} {end}")
    assert entries[2]["level"] == level.lower()
    assert {(line["job"], line["customer"]) for line in entries} == {(job_id, "local")}


async def test_a_refusal_has_a_line(tmp_path, caplog):
    """With the customer and the code of the limit."""
    caplog.set_level("INFO", "datagen_nb.service")
    pipeline = MockPipeline("succeeds", speed=500, seed=7, clock=SystemClock())
    service = await build_service(tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline)
    service.observers.refused("ann", "queue_full")
    await service.aclose()
    assert "customer ann was refused: queue_full" in caplog.messages
