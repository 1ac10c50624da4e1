"""The whole description against a live server: whatever is sent, only what is described comes back.

Schemathesis makes the requests from the description alone, good ones and bad ones. Where it asks
for something by its id, every other time it is given one that is there.
"""

import asyncio
import random
import threading
from contextlib import contextmanager, suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from datagen_nb.api import wire
from datagen_nb.api.process.home import Home
from datagen_nb.api.process.host import Activity, Address, Server, auth_config, build_app
from datagen_nb.api.process.listeners import listen_on_address
from datagen_nb.core.access import Scope
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.schedules import ScheduleDraft
from datagen_nb.core.templates import TemplateDraft
from datagen_nb.core.uploads import UploadRequest
from datagen_nb.core.webhooks import WebhookConfig
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.server import host_service
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE
from tests.golden import OPENAPI

EXAMPLES = 14
"""Requests of each operation."""

SEED = 20
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TABLE = b"n,word\n1,a\n2,b\n3,c\n"
CONFIG = {"dataSize": 20, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "in.csv"}
DIGEST = "0b1a" * 16

schemathesis.serializer.alias(wire.CHUNK_TYPE, "application/octet-stream")
api = schemathesis.openapi.from_path(OPENAPI)


async def _furnished(service):
    """Give a customer one of each; return their ids, by the name of the path's parameter."""
    jobs = service.customer("ann")
    await asyncio.to_thread(service.buckets("ann", "default").put, "in.csv", TABLE)
    done = JobConfiguration.from_wire({**CONFIG, "isAsync": False})
    long = JobConfiguration.from_wire({**CONFIG, "dataSize": 1_000_000})
    ids = [(await jobs.create(done, idempotency_key="done")).job_id]
    ids += [(await jobs.create(long, idempotency_key=str(n))).job_id for n in range(7)]
    await jobs.templates.put("mine", TemplateDraft(configuration=CONFIG))
    await jobs.schedules.put("mine", ScheduleDraft(cron="0 0 1 1 *", configuration=CONFIG))
    upload = await jobs.uploads.begin(UploadRequest(digest=DIGEST, format="csv", size=9))
    hook = await jobs.webhooks.create(
        WebhookConfig(url="https://example.com/hook", events=["job.created"])
    )
    return {
        "job_id": ids,
        "index": [0],
        "template": ["mine"],
        "schedule": ["mine"],
        "upload_id": [upload.upload_id],
        "webhook_id": [hook.id],
        "name": ["ann", "bob"],
    }


class Live:
    """A server in a thread of its own, with the door that customers come in by."""

    def __init__(self, folder):
        self.folder = folder
        self.ready = threading.Event()
        self.chance = random.Random(SEED)

    def run(self):
        with suppress(asyncio.CancelledError):
            asyncio.run(self._serve())

    async def _serve(self):
        pipeline = MockPipeline("succeeds", speed=2000, seed=7, clock=SystemClock())
        limits = Settings(
            wait_seconds=0.3, request_rate=100_000, request_burst=1_000_000, max_waiting=50
        )
        service = await build_service(
            self.folder / "jobs.sqlite", self.folder / "buckets", pipeline, limits
        )
        hosted = await host_service(service)
        for name in ("ann", "bob"):
            await hosted.access.create_customer(name)
        self.key = (await hosted.access.create_key("ann", scopes=set(Scope))).secret
        self.ids = await _furnished(service)
        address = Address("127.0.0.1", 0)
        with listen_on_address(address.host, address.port) as listener:
            self.url = "http://127.0.0.1:%d" % listener.getsockname()[1]  # noqa: UP031
            home = Home.open(self.folder / "home")
            self.loop = asyncio.get_running_loop()
            self.server = Server(build_app(hosted, home, auth_config(hosted, address), Activity()))
            self.ready.set()
            await self.server.serve(sockets=[listener])
        await hosted.aclose()

    def stop(self):
        self.loop.call_soon_threadsafe(self.server.stop)


@contextmanager
def serving(folder):
    live = Live(folder)
    thread = threading.Thread(target=live.run, daemon=True)
    thread.start()
    assert live.ready.wait(DEADLINE)
    try:
        yield live
    finally:
        live.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("fuzz")) as live:
        yield live


@pytest.mark.slow
@api.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[*HealthCheck],
)
def test_only_what_is_described_comes_back(live, case):
    """No fault of ours, no status, type, header or body that the description does not have."""
    for name, known in live.ids.items():
        if name in (case.path_parameters or {}) and live.chance.random() < 0.5:
            case.path_parameters[name] = live.chance.choice(known)
    if case.query and "wait" in case.query and live.chance.random() < 0.9:
        case.query["wait"] = 0.01
    case.call_and_validate(
        base_url=live.url,
        headers={"Authorization": f"Bearer {live.key}"},
        checks=CHECKS,
        timeout=70,
    )
