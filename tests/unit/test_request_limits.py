"""How much one request may send and one page may hold: each bound, at it and above it."""

import asyncio
import json
import re

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.request_limits import (
    MAX_ADDRESS,
    MAX_BODY,
    MAX_GRAPH,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_LEVELS,
    MAX_VALUES,
    RequestLimits,
)
from tests.deadline import DEADLINE


@pytest.fixture
async def client():
    """A client of an application without a service behind it."""

    async def echo(scope, receive, send):
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})

    transport = httpx.ASGITransport(RequestLimits(echo))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


def is_refused(answer, status, code):
    """Whether a refusal is a problem document that names what is too long."""
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == wire.PROBLEM_TYPE
    assert answer.headers[wire.REQUEST_ID] == body["requestId"]
    assert "at most" in body["detail"]


async def chunks(size, chunk=64 << 10):
    while size > 0:
        yield b"x" * min(size, chunk)
        size -= chunk


async def test_a_body_is_bounded(client):
    """Announced or not."""
    assert (await client.post("/v1/jobs", content=b"x" * MAX_BODY)).text == str(MAX_BODY)
    is_refused(await client.post("/v1/jobs", content=b"x" * (MAX_BODY + 1)), 413, "body_too_long")
    assert (await client.post("/v1/jobs", content=chunks(MAX_BODY))).text == str(MAX_BODY)
    is_refused(await client.post("/v1/jobs", content=chunks(MAX_BODY + 1)), 413, "body_too_long")


async def test_a_body_that_lies_about_its_length_is_bounded_all_the_same(client):
    """What comes is counted."""
    headers = {"Content-Length": "5"}
    answer = await client.post("/v1/jobs", content=chunks(MAX_BODY + 1), headers=headers)
    is_refused(answer, 413, "body_too_long")


async def test_an_endless_body_is_not_read_to_its_end(client):
    """A little above the bound, and no further."""
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 1 << 16
            yield b"x" * (1 << 16)

    async with asyncio.timeout(DEADLINE):
        is_refused(await client.post("/v1/jobs", content=endless()), 413, "body_too_long")
    assert read <= MAX_BODY + (2 << 16)


@pytest.mark.parametrize(
    "body",
    [
        "[" * (MAX_LEVELS + 1),
        '{"a":' * (MAX_LEVELS + 1),
        "[" + "0," * MAX_VALUES + "0]",
        "[" + "[]," * MAX_VALUES + "0]",
        '"a"' * (4 * MAX_VALUES),
    ],
    ids=["lists", "objects", "wide", "empty", "texts"],
)
async def test_json_is_bounded_before_it_is_read(client, body):
    """In its depth and its values, whether it is JSON at all."""
    is_refused(await client.post("/v1/jobs", content=body), 422, "body_too_complex")
    assert (await client.patch("/v1/uploads/x", content=body)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"a": "[{," * 5_000}),
        json.dumps({"a": '"[' * 5_000}),
        json.dumps({"a": "\\" * 5_000 + "["}),
        "[" * MAX_LEVELS,
        json.dumps([0] * (MAX_VALUES - 1)),
    ],
    ids=["marks", "quotes", "escapes", "deep", "wide"],
)
async def test_what_stands_in_a_text_is_not_counted(client, body):
    """And what is at the bound is let through, whole."""
    assert (await client.post("/v1/jobs", content=body)).text == str(len(body))


async def test_a_graph_may_be_larger(client):
    """It holds as many configurations as may be submitted together."""
    content = b"x" * MAX_GRAPH
    assert (await client.post(wire.GRAPHS, content=content)).text == str(MAX_GRAPH)
    is_refused(await client.post(wire.GRAPHS, content=content + b"x"), 413, "body_too_long")


async def test_an_address_is_bounded(client):
    """Path and query together."""
    path = "/v1/jobs?cursor="
    assert (await client.get(path + "x" * (MAX_ADDRESS - len(path) - 16))).status_code == 200
    is_refused(await client.get(path + "x" * MAX_ADDRESS), 414, "address_too_long")
    is_refused(await client.get("/v1/" + "x" * MAX_ADDRESS), 414, "address_too_long")


async def test_headers_are_bounded(client):
    """Their number and their bytes."""
    many = {f"x-{n}": "v" for n in range(MAX_HEADERS - 20)}
    assert (await client.get("/", headers=many)).status_code == 200
    many = {f"x-{n}": "v" for n in range(MAX_HEADERS + 1)}
    is_refused(await client.get("/", headers=many), 431, "headers_too_long")
    long = {"x": "v" * (MAX_HEADER_BYTES - 1000)}
    assert (await client.get("/", headers=long)).status_code == 200
    is_refused(
        await client.get("/", headers={"x": "v" * MAX_HEADER_BYTES}), 431, "headers_too_long"
    )


async def test_a_websockets_handshake_is_bounded_too():
    """It is closed before anything hears of it."""
    heard, sent = [], []

    async def app(scope, receive, send):
        heard.append(scope)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/v1/events",
        "raw_path": b"/v1/events",
        "query_string": b"x" * MAX_ADDRESS,
        "headers": [],
    }
    await RequestLimits(app)(scope, None, send)
    assert heard == []
    assert sent == [{"type": "websocket.close", "code": 1009, "reason": "too long"}]


DESCRIBED = make_app(lambda connection: None, describe=lambda info: info).openapi()["paths"]

PAGES = [
    path
    for path, methods in DESCRIBED.items()
    for parameter in methods.get("get", {}).get("parameters", ())
    if parameter["name"] == "limit"
]


def test_every_list_is_among_the_pages():
    """What names a list has a limit."""
    assert {"/v1/jobs", "/v1/customers", "/v1/keys", "/v1/templates"} <= set(PAGES)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("limit", ["0", "-1", "501", "1e9", "x", "9" * 400])
async def test_a_pages_size_is_bounded(path, limit):
    """A list is read in pages of at most 500, on every route."""

    class Unguarded:
        """Fails when it is asked for more than there may be on a page."""

        def __getattr__(self, name):
            raise AssertionError(f"{name} was asked")

    app = make_app(lambda connection: Unguarded(), describe=lambda info: info, access=Unguarded())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get(re.sub(r"{\w+}", "x", path), params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_configuration"
