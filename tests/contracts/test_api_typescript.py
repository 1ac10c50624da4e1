"""What the server sends is what the specification's TypeScript says, checked by ``tsc --strict``.

A sample is a constant first and checked when it is assigned: further fields pass, a field that is
missing or of another type does not.
"""

import asyncio
import copy
import json
import shutil
import socket
import subprocess
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.process.host import Server
from datagen_nb.api.server.app import make_app
from datagen_nb.core.clock import SystemClock
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE
from tests.golden import FOLDER
from tests.receiver import receiving

TSC = Path(__file__).parents[2] / "widgets" / "node_modules" / "typescript" / "bin" / "tsc"
CONFIG = {
    "dataSize": 200_000,
    "inputFormat": "csv",
    "outputFormat": "csv",
    "inputPath": "in.csv",
    "parameters": {"seed": 7},
    "name": "größe ✓ `${x}`",
}


def checked(folder, *blocks):
    """What ``tsc`` says of a module made of the specification's interfaces and these lines."""
    node = shutil.which("node")
    assert node, "node is needed: the widgets are built with it too"
    assert TSC.exists(), "run `npm ci` in widgets/ first"
    shutil.copy(FOLDER / "spec.ts", folder / "spec.ts")
    text = "\n".join(['import type * as spec from "./spec";', *blocks]) + "\n"
    (folder / "samples.ts").write_text(text)
    options = ["--strict", "--noEmit", "--exactOptionalPropertyTypes", "--target", "es2022"]
    options += ["--module", "esnext", "--moduleResolution", "bundler"]
    done = subprocess.run(
        [node, TSC, *options, "samples.ts"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def assigned(number, kind, value, *, wrong=False):
    """Lines that keep a value, then assign it; ``wrong`` if that has to fail."""
    expected = "// @ts-expect-error\n" if wrong else ""
    text = json.dumps(value, ensure_ascii=False)
    return (
        f"const raw{number} = {text} as const;\n"
        f"{expected}export const sample{number}: spec.Sent<spec.{kind}> = raw{number};"
    )


@asynccontextmanager
async def served(folder, scenario="succeeds", speed=20_000):
    """A client of a real server."""
    async with AsyncExitStack() as stack:
        pipeline = MockPipeline(scenario, speed=speed, seed=7, clock=SystemClock())
        settings = Settings(webhooks_to_private=True, max_jobs=1, wait_seconds=DEADLINE)
        folder.mkdir()
        service = await build_service(
            folder / "jobs.sqlite", folder / "buckets", pipeline, settings
        )
        stack.push_async_callback(service.aclose)
        jobs = service.customer("local")
        await asyncio.to_thread(service.buckets("local", "default").put, "in.csv", b"a,b\n1,2\n")
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(folder / "s"))
        listener.listen()
        listener.setblocking(False)
        server = Server(make_app(lambda _: jobs, describe=lambda info: info))
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def end():
            server.stop()
            await serving

        stack.push_async_callback(end)
        transport = httpx.AsyncHTTPTransport(uds=str(folder / "s"))
        client = httpx.AsyncClient(transport=transport, base_url="http://x", timeout=60)
        yield await stack.enter_async_context(client)


async def submitted(client, key, **changes):
    headers = {wire.IDEMPOTENCY_KEY: key}
    answer = await client.post(wire.JOBS, json=CONFIG | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def reached(client, job_id, state):
    async with asyncio.timeout(DEADLINE):
        while (found := (await client.get(wire.job_path(job_id))).json())["status"] != state:
            await asyncio.sleep(0.02)
    return found


async def sent(folder):
    """What a server sends, by the interface that it has to be: of every state at least one."""
    statuses, others = [], []
    async with receiving() as receiver, served(folder / "good") as client:
        hook = {"url": receiver.url, "events": ["job.created", "job.completed"]}
        others.append(("WebhookConfig", (await client.post(wire.WEBHOOKS, json=hook)).json()))
        done = await submitted(client, "done", dataSize=20, isAsync=False)
        statuses.append(done)
        running = (await submitted(client, "running", dataSize=10**9))["jobId"]
        statuses.append(await reached(client, running, "running"))
        statuses.append(await submitted(client, "queued"))
        statuses.append((await client.post(wire.job_path(running, "pause"))).json())
        await reached(client, running, "paused")
        statuses.append((await client.post(wire.job_path(running, "cancel"))).json())
        path = wire.job_path(running, "configuration")
        others.append(("JobConfiguration", (await client.get(path)).json()))
        statuses += (await client.get(wire.JOBS)).json()["jobs"]
        reported = (await client.get(wire.EVENTS, params={"after": 0})).json()["events"]
        statuses += [event["data"] for event in reported]
        others.append(("RateLimitStatus", (await client.get(wire.LIMITS)).json()))
        others.append(("Health", (await client.get(wire.HEALTH)).json()))
        async with asyncio.timeout(DEADLINE):
            await receiver.count(2)
        others += [("WebhookPayload", json.loads(one.body)) for one in receiver.requests]
    async with served(folder / "bad", "fails_at_stage") as client:
        statuses.append(await submitted(client, "failed", isAsync=False))
    return [("JobStatus", status) for status in statuses] + others


async def test_what_is_sent_is_what_the_specification_says(tmp_path):
    """Statuses in all states, events, history, configuration, limits, health, webhooks."""
    samples = await sent(tmp_path)
    states = {sample["status"] for kind, sample in samples if kind == "JobStatus"}
    assert states == {"queued", "running", "paused", "cancelled", "completed", "failed"}
    kinds = {kind for kind, _ in samples}
    assert len(kinds) == 6
    seen = {json.dumps(sample): sample for sample in samples}.values()  # events repeat much
    blocks = [assigned(number, kind, value) for number, (kind, value) in enumerate(seen)]
    assert await asyncio.to_thread(checked, tmp_path, *blocks) == ""


STATUS = {
    "jobId": "j_1",
    "status": "failed",
    "progress": 1.5,
    "startTime": "2026-11-23T09:30:00.125Z",
    "lastUpdated": "2026-11-23T09:30:00.125Z",
    "error": {"code": "x", "message": "y", "details": {"any": [1, None]}},
    "stages": [{"name": "fit", "status": "running"}],
    "metadata": {"inputSize": 1, "retryCount": 0},
    "further": {"fields": True},
}
GOOD = {
    "JobStatus": STATUS,
    "JobConfiguration": {
        **dict.fromkeys(("dataType", "inputFormat", "outputFormat", "inputBucket"), "x"),
        **dict.fromkeys(("outputBucket", "inputPath", "outputPath"), "x"),
        **dict.fromkeys(("dataSize", "timeout", "resumeWindow"), 1),
        "isAsync": True,
        "parameters": {"seed": 1, "deep": {"er": []}},
    },
    "RateLimitStatus": {"currentJobs": 1, "maxJobs": 5, "cooldownPeriod": 30.5},
    "Health": {"status": "degraded"},
    "WebhookConfig": {"url": "x", "secret": "y", "events": ["job.created"]},
    "WebhookPayload": {
        "event": "job.created",
        "jobId": "j_1",
        "timestamp": "x",
        "data": STATUS,
        "signature": "y",
    },
}
OPTIONAL = {"error", "details", "further"}


def places(value, path=()):
    """Paths to every field that the interfaces want."""
    for name, below in value.items() if isinstance(value, dict) else enumerate(value):
        if name not in OPTIONAL:
            yield (*path, name)
        if isinstance(below, dict | list) and name not in {"details", "parameters", "further"}:
            yield from places(below, (*path, name))


def broken(value, path, change):
    value = copy.deepcopy(value)
    place = value
    for step in path[:-1]:
        place = place[step]
    change(place, path[-1])
    return value


def removed(place, name):
    del place[name]


def replaced(place, name):
    place[name] = [1] if isinstance(place[name], str | int | float) else 1


@pytest.fixture(scope="module")
def wrongs():
    return [
        (kind, broken(value, path, change))
        for kind, value in GOOD.items()
        for path in places(value)
        for change in (removed, replaced)
        if not (change is removed and isinstance(path[-1], int))
    ]


def test_a_field_that_is_missing_or_different_would_be_seen(tmp_path, wrongs):
    """Each field of each interface, one at a time: ``tsc`` complains there and only there."""
    wrongs = [
        *wrongs,
        ("JobStatus", STATUS | {"status": "done"}),
        ("JobStatus", STATUS | {"startTime": "yesterday"}),
        ("JobStatus", STATUS | {"endTime": None}),
        ("Health", {"status": "fine"}),
    ]
    good = [assigned(f"Good{n}", kind, value) for n, (kind, value) in enumerate(GOOD.items())]
    bad = [assigned(n, kind, value, wrong=True) for n, (kind, value) in enumerate(wrongs)]
    assert len(bad) > 80
    assert checked(tmp_path, *good, *bad) == ""
