"""The examples of ``docs/pipeline.md``: requests to the reference server, and its answers."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import httpx

from datagen_nb.api.client.session import Session
from datagen_nb.api.server.auth import AuthConfig
from datagen_nb.api.server.pipeline_app import make_pipeline_app
from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.buckets.roots import Roots
from datagen_nb.core.changes import Completed, Progressed, StageCompleted, StageStarted
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.pipeline import InputProbe, PartsWritten, Task
from datagen_nb.core.pipeline_info import PipelineInfo, StageInfo
from datagen_nb.pipelines.remote.calls import PipelineCalls
from datagen_nb.pipelines.remote.service import PipelineService
from tests.clock import FakeClock
from tests.remote_world import AnyKey, NoLog, QuickClock, Scripted

PIPELINE_PAGE = Path(__file__).parents[2] / "docs" / "pipeline.md"

INFO = PipelineInfo(
    name="acme",
    version="3.1",
    stages=(StageInfo(name="fit", seconds=60), StageInfo(name="generate", seconds=1)),
    parameters={"seed": {"type": "integer", "minimum": 0}},
    input_formats=("parquet",),
    output_formats=("parquet",),
    presets=("balanced",),
)
CONFIG = JobConfiguration(
    data_size=1_000_000,
    input_format="parquet",
    output_format="parquet",
    input_path="inputs/orders.parquet",
    parameters={"seed": 7},
)
BUCKET = GcsBucket("acme-data", "customers/ann/")
TASK = Task("j_01k9zq3m5v8x2abc", 1, CONFIG, BUCKET, BUCKET, BUCKET)
SIGNALS = (
    StageStarted(1, "fit"),
    Progressed(1, "fit", 100.0),
    StageCompleted(1, "fit"),
    StageStarted(1, "generate"),
    Progressed(1, "generate", 5.0, 50_000),
    PartsWritten(1_400_000),
)


class Acme(Scripted):
    """A pipeline that gets so far and no further."""

    async def describe(self):
        return INFO

    async def run(self, task):
        for signal in self.signals:
            speaks = not isinstance(signal, PartsWritten)
            yield replace(signal, attempt=task.attempt) if speaks else signal
        if task.attempt == 1:
            await asyncio.Event().wait()
        yield Completed(task.attempt, 27_900_000, 0.97)

    async def measure(self, probe):
        return TableFacts(
            rows=53_940,
            columns=10,
            size=1_482_000,
            bytes_fixed={"parquet": 3_200.0},
            bytes_per_row={"parquet": 27.4},
        )


class Recorder(httpx.AsyncBaseTransport):
    """Writes down what passes."""

    def __init__(self, server):
        self._server = server
        self.messages: list[str] = []

    async def handle_async_request(self, request):
        response = await self._server.handle_async_request(request)
        answer = await response.aread()
        target = request.url.raw_path.decode()
        head = f"{request.method} {target}"
        body = f"\n{_json(request.content)}" if request.content else ""
        self.messages.append(f"{head}{body}\n\n{response.status_code}\n{_json(answer)}")
        return httpx.Response(response.status_code, headers=response.headers, content=answer)


async def _record() -> str:
    pipeline = Acme(*SIGNALS)
    service = PipelineService(pipeline, Roots(["gs://acme-data"]), FakeClock())
    auth = AuthConfig(AnyKey(), NoLog(), QuickClock())
    recorder = Recorder(httpx.ASGITransport(make_pipeline_app(service, auth)))
    client = httpx.AsyncClient(transport=recorder, base_url="https://pipeline.example")
    calls = PipelineCalls(Session(client, clock=QuickClock()), QuickClock())
    job = TASK.job_id
    await calls.describe()
    await calls.check_health()
    await calls.check(CONFIG)
    await calls.submit(TASK)
    while (await service.status("ann", job)).rows_done == 0:
        await asyncio.sleep(0)
    await calls.updates(job, 1, after=2, wait=10)
    await calls.pause(job, 1)
    await calls.resume(job, 2)
    while not (await service.status("ann", job)).status.is_terminal:
        await asyncio.sleep(0)
    await calls.status(job)
    await calls.cancel(job)
    await calls.measure(InputProbe(CONFIG, BUCKET))
    for refused in (
        calls.submit(Task("j_2", 1, CONFIG, GcsBucket("other"), BUCKET, BUCKET)),
        calls.updates(job, 1),
        calls.status("j_3"),
    ):
        try:
            await refused
        except DatagenError:
            continue
    await calls.aclose()
    await service.aclose()
    return "\n\n".join(f"```\n{one}\n```" for one in recorder.messages) + "\n"


def _json(content: bytes) -> str:
    value = json.loads(content)
    if isinstance(value, dict) and "requestId" in value:
        value["requestId"] = "…"
    lines = json.dumps(value, indent=1, ensure_ascii=False)
    # Inner objects and lists that fit in a line are put in one.
    return re.sub(r"([\[{])\n\s+([^\[\]{}]{1,80}?)\n\s+([\]}])", _in_a_line, lines)


def _in_a_line(found: re.Match[str]) -> str:
    return found[1] + re.sub(r"\n\s+", " ", found[2]) + found[3]


def pipeline_page() -> str:
    """``docs/pipeline.md`` with its examples as they are now."""
    before, heading, _ = PIPELINE_PAGE.read_text().partition("## Examples\n")
    return f"{before}{heading}\n{asyncio.run(_record())}"
