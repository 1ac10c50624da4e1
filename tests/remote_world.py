"""A pipeline, its service, and a remote pipeline that reaches it by a network with faults."""

import asyncio
from collections import Counter
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx

from datagen_nb.api.client.session import Session
from datagen_nb.api.server.auth import AuthConfig
from datagen_nb.api.server.pipeline_app import make_pipeline_app
from datagen_nb.buckets.local import LocalBucket
from datagen_nb.buckets.roots import Roots
from datagen_nb.core.access import Caller
from datagen_nb.core.changes import (
    Completed,
    InputMeasured,
    Progressed,
    StageCompleted,
    StageStarted,
    Warned,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import InputError
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import Heartbeat, Logged, PartsWritten, Task
from datagen_nb.pipelines.built_in import INFO
from datagen_nb.pipelines.remote.pipeline import RemotePipeline
from datagen_nb.pipelines.remote.service import PipelineService
from tests.clock import START, FakeClock
from tests.deadline import DEADLINE

CONFIG = JobConfiguration(
    data_size=100, input_format="csv", output_format="csv", input_path="a.csv"
)
SIGNALS = (
    StageStarted(1, "validate"),
    InputMeasured(1, 99),
    StageCompleted(1, "validate"),
    StageStarted(1, "generate"),
    Warned(1, "odd"),
    *(Progressed(1, "generate", done, int(done)) for done in (10.0, 20.0, 30.0)),
    PartsWritten(50),
    Logged("info", "half"),
    Progressed(1, "generate", 100.0, 100),
    PartsWritten(100),
    StageCompleted(1, "generate"),
    Completed(1, 100, 0.9),
)


class Scripted:
    """A pipeline that reports what a test lets it."""

    def __init__(self, *signals):
        self.signals = signals
        self.health = Health(status="healthy")
        self.refusal: Exception | None = None
        self.tasks: list[Task] = []
        self.stopped = Counter()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def describe(self):
        return INFO

    async def check(self, config):
        if self.refusal is not None:
            raise self.refusal

    async def run(self, task):
        self.tasks.append(task)
        try:
            for signal in self.signals:
                if isinstance(signal, Exception):
                    raise signal
                yield signal
                await asyncio.sleep(0)
                await self.may_go_on.wait()
        finally:
            self.stopped[task.attempt] += 1

    async def forget(self, job_id): ...

    async def measure(self, probe):
        raise InputError("No table.", details={"path": probe.config.input_path})

    inspect = preview = measure

    async def check_health(self):
        return self.health

    async def aclose(self): ...


class QuickClock:
    """Sleeps at once; its time is what was slept."""

    def __init__(self):
        self.slept = []

    def now(self):
        return START

    def monotonic(self):
        return sum(self.slept)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)


class AnyKey:
    """All are the same caller, unless a header says otherwise."""

    async def authenticate(self, headers):
        return Caller(headers.get("x-caller", "ann"))


class NoLog:
    async def record(self, **_): ...


class Network(httpx.AsyncBaseTransport):
    """Carries requests, but for what happens to the next ones.

    ``loses`` a request or its answer (``forgets``), ``doubles`` a request, brings an answer of
    before again (``repeats``), or is ``busy``; ``is_down`` until that is over.
    """

    def __init__(self, app):
        self._server = httpx.ASGITransport(app)
        self._before = {}
        self.faults = []
        self.is_down = False
        self.requests = []

    async def handle_async_request(self, request):
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else "none"
        place = request.method, request.url.path
        if self.is_down:
            raise httpx.ReadTimeout("down")
        if fault == "loses":
            raise httpx.ConnectError("lost")
        if fault == "busy":
            return httpx.Response(503, headers={"Retry-After": "7"})
        if fault == "repeats" and place in self._before:
            return httpx.Response(200, content=self._before[place])
        if fault == "doubles":
            await self._send(request)
        response = await self._send(request)
        if fault == "forgets":
            raise httpx.ReadError("lost on its way back")
        return response

    async def _send(self, request):
        response = await self._server.handle_async_request(request)
        content = await response.aread()
        if response.status_code == 200:
            self._before[request.method, request.url.path] = content
        return httpx.Response(response.status_code, headers=response.headers, content=content)


class World:
    """A pipeline, its service, and a remote pipeline that reaches it by a network."""

    def __init__(self, folder: Path, pipeline, server_clock=None):
        self.folder = folder
        self.pipeline = pipeline
        self.clock = QuickClock()
        self.server_clock = server_clock or FakeClock()
        self.service = PipelineService(pipeline, Roots([str(folder)]), self.server_clock, slots=1)
        auth = AuthConfig(AnyKey(), NoLog(), self.clock)
        self.network = Network(make_pipeline_app(self.service, auth))
        self.remote = self.connect()

    def connect(self, **headers):
        client = httpx.AsyncClient(
            transport=self.network, base_url="http://pipeline", headers=headers
        )
        session = Session(client, clock=self.clock, jitter=lambda: 1.0)
        return RemotePipeline(session, self.clock)

    def task(self, attempt=1, job_id="j_1", **fields):
        bucket = LocalBucket(self.folder / "bucket")
        config = CONFIG.model_copy(update=fields)
        return Task(job_id, attempt, config, bucket, bucket, bucket)

    async def run(self, *, attempt=1, remote=None, **fields):
        """What an attempt reports, heartbeats left out."""
        async with asyncio.timeout(DEADLINE):
            async with aclosing((remote or self.remote).run(self.task(attempt, **fields))) as run:
                return [signal async for signal in run if not isinstance(signal, Heartbeat)]

    async def restart(self):
        """The server forgets everything, as after SIGKILL."""
        await self.service.aclose()
        self.service = PipelineService(
            self.pipeline, Roots([str(self.folder)]), self.server_clock, slots=1
        )
        auth = AuthConfig(AnyKey(), NoLog(), self.clock)
        self.network._server = httpx.ASGITransport(make_pipeline_app(self.service, auth))


@asynccontextmanager
async def a_world(folder, *signals, **options):
    world = World(folder, Scripted(*signals), **options)
    try:
        yield world
    finally:
        await world.remote.aclose()
        await world.service.aclose()
