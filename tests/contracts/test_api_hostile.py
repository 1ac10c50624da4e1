"""Whatever a customer sends, the others are served: on every route, made from the route table.

Bodies are as large as the route takes, in the shapes that cost a careless server most. An answer
that refuses one is small, and no step of the event loop takes long, in the processor's time.
"""

import asyncio
import gc
import json
import re
import time
from contextlib import AsyncExitStack

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.process.home import Home
from datagen_nb.api.process.host import Activity, build_app
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.auth import AuthConfig, PeerAuth
from datagen_nb.api.server.request_limits import MAX_LEVELS, body_limits_of
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config_rules import FIELDS
from datagen_nb.pipelines.built_in import PARAMETERS
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.wiring.server import host_service
from datagen_nb.wiring.service import build_service
from tests.contracts.test_isolation import described, walk

MAX_ANSWER = 64 << 10
"""Bytes of an answer that refuses."""

MAX_STEP = 0.1
"""Seconds of the processor in one step of the loop: five times what is meant."""

CONFIG = {"dataSize": 20, "inputFormat": "csv", "outputFormat": "csv", "inputPath": "in.csv"}

APP = make_app(lambda connection: None, describe=lambda info: info)
ROUTES = [
    name for route in walk(APP.routes) for name in described(route) if not name.startswith("WS ")
]
FIELDS_OF_BODIES = sorted(
    {
        name
        for schema in APP.openapi()["components"]["schemas"].values()
        for name in schema.get("properties", ())
    }
)


def many(size, item):
    """As many items as fit into a route's bounds, joined; the larger route takes more values."""
    made, total = [], 0
    for number in range(1_900 if size < 100_000 else 9_900):
        text = item(number)
        total += len(text) + 1
        if total > size:
            break
        made.append(text)
    return ",".join(made)


def near(number):
    """A name that is almost one that is known."""
    known = [*FIELDS, *PARAMETERS]
    return f'"{known[number % len(known)]}{number}":0'


def config(**values):
    return json.dumps({**CONFIG, **values})


SHAPES = {
    "wide": lambda size: "{" + many(size - 100, lambda n: f'"k{n}":{n}') + "}",
    "near": lambda size: "{" + many(size - 100, near) + "}",
    "parameters": lambda size: config(parameters=0)[:-2] + "{" + many(size - 400, near) + "}}",
    "columns": lambda size: config(
        parameters={"columns": {f"c{n}": "numbr" for n in range(min(size // 30, 1_600))}}
    ),
    "deep": lambda size: '{"parameters":' + '{"a":' * (MAX_LEVELS - 2) + "1" + "}" * MAX_LEVELS,
    "deeper": lambda size: "[" * 1_000,
    "deepest": lambda size: "[" * size,
    "text": lambda size: config(name="x" * (size - 400)),
    "controls": lambda size: config(name="\x01" * (size // 6 - 100)),
    "astral": lambda size: json.dumps({"name": "😀" * (size // 4 - 100)}, ensure_ascii=False),
    "name": lambda size: json.dumps({"n" * (size - 100): 1}),
    "number": lambda size: '{"dataSize":' + "9" * (size - 100) + "}",
    "digits": lambda size: '{"dataSize":' + "9" * 4000 + "}",
    "noise": lambda size: "x" * size,
    "quotes": lambda size: '"' * size,
    "escapes": lambda size: '"' + "\\" * (size - 1),
    "fields": lambda size: (
        "{"
        + ",".join(
            f'"{name}":[{many(size // len(FIELDS_OF_BODIES) - 40, lambda n: "0")}]'
            for name in FIELDS_OF_BODIES
        )[: size - 100].rpartition(',"')[0]
        + "}"
    ),
    "jobs": lambda size: (
        '{"jobs":{'
        + many(size - 100, lambda n: f'"j{n}":{{{near(n)},{near(n + 1)},{near(n + 2)}}}')[
            : size - 100
        ].rpartition(',"j')[0]
        + "}}"
    ),
    "no jobs": lambda size: '{"jobs":{' + many(size - 100, lambda n: f'"j{n}":0') + "}}",
    "ids": lambda size: '{"jobIds":[' + many(size - 100, lambda n: '"j"') + "]}",
    "no ids": lambda size: '{"jobIds":[' + many(size - 100, lambda n: "0") + "]}",
}


@pytest.fixture
async def app(tmp_path):
    async with AsyncExitStack() as stack:
        pipeline = MockPipeline("succeeds", speed=5000, seed=7, clock=SystemClock())
        service = await build_service(tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline)
        hosted = await host_service(service)
        stack.push_async_callback(hosted.aclose)
        auth = AuthConfig(PeerAuth(), hosted.log, hosted.clock)
        yield build_app(hosted, Home.open(tmp_path / "home"), auth, Activity())


@pytest.fixture
def longest_step(monkeypatch):
    """Seconds of the processor that the longest step of the loop has taken."""
    longest = [0.0]
    run = asyncio.Handle._run

    def timed(handle):
        start = time.thread_time()
        run(handle)
        longest[0] = max(longest[0], time.thread_time() - start)

    monkeypatch.setattr(asyncio.Handle, "_run", timed)
    gc.disable()  # which walks through all that the test's process has loaded
    yield longest
    gc.enable()


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


async def asked(client, longest_step, method, path, **request):
    """Ask, and check what holds for every answer; one slow step may be the machine's."""
    least = float("inf")
    for _ in range(3):
        longest_step[0] = 0.0
        answer = await client.request(method, path, **request)
        assert answer.status_code < 500
        assert answer.is_success or len(answer.content) <= MAX_ANSWER
        least = min(least, longest_step[0])
        if least <= MAX_STEP:
            return
    raise AssertionError(f"{method} {path} holds the loop for {least:.3f} s")


HEADERS = {
    wire.IDEMPOTENCY_KEY: "key",
    wire.UPLOAD_OFFSET: "0",
    "Content-Type": "application/json",
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_no_body_holds_up_the_loop_or_is_answered_at_length(client, longest_step, shape):
    """On any route, at its bound."""
    for route in ROUTES:
        method, path = re.sub(r"{\w+}", "x", route).split(" ")
        if method in {"GET", "HEAD"}:
            continue
        await client.request(method, path, headers=HEADERS, content=b"{}")  # what is made once
        body = SHAPES[shape](body_limits_of(path)[0]).encode()
        await asked(client, longest_step, method, path, headers=HEADERS, content=body)


@pytest.mark.parametrize(
    "address",
    [
        "%F0%9F%98%80" * 500,
        "x?" + "&".join(f"limit{n}=1" for n in range(700)),
        "x?status=" + "%01" * 2500,
    ],
    ids=["path", "names", "value"],
)
async def test_no_address_holds_up_the_loop_or_is_answered_at_length(client, longest_step, address):
    """Neither a long path nor many names in a query."""
    part, mark, query = address.partition("?")
    for route in ROUTES:
        method, path = re.sub(r"{\w+}", part, route).split(" ")
        await client.request(method, path, headers=HEADERS)  # what is made once
        await asked(client, longest_step, method, path + mark + query, headers=HEADERS)
