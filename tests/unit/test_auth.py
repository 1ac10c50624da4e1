"""AuthMiddleware: authentication, scopes, rates, origins, and the access log."""

import asyncio
import math
import re
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import Response
from starlette.responses import StreamingResponse

from datagen_nb.api import wire
from datagen_nb.api.server import auth as auth_module
from datagen_nb.api.server.actions import action_of
from datagen_nb.api.server.app import RequestIds, make_app
from datagen_nb.api.server.auth import (
    ApiKeyAuth,
    AuthConfig,
    AuthMiddleware,
    PeerAuth,
    TokenAuth,
    add_access_note,
    caller_of,
)
from datagen_nb.core.access import SCOPE_OF, Scope
from datagen_nb.core.access_log import LOGGED_ACTIONS
from datagen_nb.core.errors import LimitReached
from datagen_nb.core.limits import Limits
from datagen_nb.service.access.audit import Audit
from datagen_nb.service.access.keys import Access
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock
from tests.routes import walk

LIMITS = Limits(request_rate=2, request_burst=4)


class ProtectedApp:
    """The application behind the middleware: answers with the caller, and keeps the paths."""

    def __init__(self):
        self.requests = []
        self.gate = asyncio.Event()
        app = FastAPI()
        app.state.is_deployed = True

        @app.websocket("/{path:path}")
        async def socket(connection: WebSocket):
            self.requests.append(connection.url.path)
            await connection.accept()
            await connection.close()

        @app.get("/v1/events")
        async def stream():
            async def wait():
                yield b"begun"
                await self.gate.wait()

            return StreamingResponse(wait())

        @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        async def route(request: Request, status: int = 200):
            self.requests.append(request.url.path)
            add_access_note(request, "noted")
            return Response(caller_of(request).who, status)

        self.app = app


class World:
    def __init__(self, documents, clock, tmp_path):
        self.clock = clock
        self.access = Access(documents, clock)
        self.log = Audit(documents, clock)
        self.inner = ProtectedApp()

    async def limits(self, customer):
        return LIMITS

    def app(self, authenticator=None, limits=True, origins=frozenset(), **values):
        auth = AuthConfig(
            authenticator or ApiKeyAuth(self.access),
            self.log,
            self.clock,
            self.limits if limits else None,
            origins,
            **values,
        )
        return RequestIds(AuthMiddleware(self.inner.app, auth))

    def client(self, **values):
        transport = httpx.ASGITransport(self.app(**values))
        return httpx.AsyncClient(transport=transport, base_url="http://datagen.test")

    async def key(self, *scopes, customer="acme"):
        made = await self.access.create_key(customer, scopes=scopes or tuple(Scope))
        return {"Authorization": f"Bearer {made.secret}"}

    async def log_lines(self):
        lines = await self.log.entries(limit=1000)
        return [(line.who, line.action, line.outcome) for line in lines]


@pytest.fixture
async def world(tmp_path):
    store = await SqliteStore.open(tmp_path / "jobs.sqlite")
    made = World(store.documents, FakeClock(), tmp_path)
    await made.access.create_customer("acme")
    await made.access.create_customer("beta")
    yield made
    await store.aclose()


async def socketed(app, *, headers=None, path="/v1/events/socket", extensions=()):
    """What a WebSocket's handshake is answered."""
    sent = []
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
        "extensions": {name: {} for name in extensions},
        "subprotocols": [],
        "scheme": "ws",
        "state": {},
    }

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key"])
async def test_a_key_lets_its_customer_in(world, name):
    """By either header."""
    key = (await world.access.create_key("acme")).secret
    value = f"Bearer {key}" if name == "Authorization" else key
    async with world.client() as client:
        answer = await client.get("/v1/jobs", headers={name: value})
    assert answer.status_code == 200
    assert answer.text.startswith("acme:")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic eDp5"},
        {"X-Api-Key": "dg_000000000000_" + "A" * 43},
    ],
)
async def test_without_a_valid_key_nobody_comes_in(world, headers):
    """401 says what is needed; no route is reached, no rate is shown."""
    async with world.client() as client:
        answer = await client.get("/v1/jobs", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="datagen_nb"')
    assert answer.headers["Content-Type"] == wire.PROBLEM_TYPE
    body = answer.json()
    assert body["code"] == "unauthenticated"
    assert body["requestId"] == answer.headers[wire.REQUEST_ID]
    assert "RateLimit" not in answer.headers
    assert world.inner.requests == []
    assert await world.log_lines() == [("anonymous", "jobs.read", "refused")]


async def test_the_log_names_a_key_that_was_refused(world):
    """By its id: the user of one that was revoked can be found."""
    made = await world.access.create_key("acme")
    await world.access.revoke_key(made.key.key_id)
    async with world.client() as client:
        await client.get("/v1/jobs", headers={"X-Api-Key": made.secret})
    (line,) = await world.log.entries()
    assert (line.who, line.note) == ("anonymous", f"key {made.key.key_id}")


async def test_a_key_in_the_url_is_not_accepted(world):
    """URLs are logged."""
    key = (await world.access.create_key("acme")).secret
    async with world.client() as client:
        for name in ("api_key", "key", "access_token", "token"):
            assert (await client.get("/v1/jobs", params={name: key})).status_code == 401


REQUESTS = {
    "GET /v1/info": "service.read",
    "GET /v1/health": "service.read",
    "GET /v1/openapi.json": "service.read",
    "GET /metrics": "metrics.read",
    "GET /v1/metrics": "metrics.read",
    "POST /v1/shutdown": "service.stop",
    "GET /v1/jobs": "jobs.read",
    "GET /v1/jobs/j_1": "jobs.read",
    "GET /v1/jobs/j_1/log": "jobs.read",
    "GET /v1/jobs/j_1/parts/0": "results.read",
    "HEAD /v1/jobs/j_1/parts/0": "results.read",
    "POST /v1/jobs": "jobs.submit",
    "POST /v1/jobs/j_1/rerun": "jobs.submit",
    "POST /v1/templates/t/jobs": "jobs.submit",
    "POST /v1/inspections": "jobs.plan",
    "POST /v1/previews": "jobs.plan",
    "POST /v1/estimates": "jobs.plan",
    "POST /v1/graphs": "jobs.submit",
    "POST /v1/jobs/cancel": "jobs.steer",
    "POST /v1/jobs/j_1/cancel": "jobs.steer",
    "POST /v1/jobs/j_1/pause": "jobs.steer",
    "POST /v1/jobs/j_1/resume": "jobs.steer",
    "PATCH /v1/jobs/j_1": "jobs.steer",
    "POST /v1/jobs/delete": "jobs.delete",
    "GET /v1/jobs/counts": "jobs.read",
    "DELETE /v1/jobs/j_1": "jobs.delete",
    "HEAD /v1/uploads/x.csv": "uploads.write",
    "PUT /v1/uploads/x.csv": "uploads.write",
    "GET /v1/events": "events.read",
    "GET /v1/templates": "settings.read",
    "PUT /v1/templates/t": "settings.change",
    "PUT /v1/retention": "settings.change",
    "POST /v1/webhooks": "webhooks.change",
    "GET /v1/customers": "customers.read",
    "POST /v1/customers": "customers.change",
    "GET /v1/keys": "keys.read",
    "DELETE /v1/keys/k": "keys.change",
    "POST /somewhere/else": "settings.change",
}


@pytest.mark.parametrize("request_line", REQUESTS)
def test_each_request_is_one_action(request_line):
    """Also of paths that are not listed."""
    assert action_of(*request_line.split(" ", 1)) == REQUESTS[request_line]


def test_no_route_is_a_setting_by_accident():
    """Each area of routes has an action of its own, or is listed here."""
    app = make_app(lambda connection: None, describe=lambda info: info)
    spoken_for = {"templates", "schedules", "limits", "retention", "alerts", "webhooks"}
    for route in walk(app.routes):
        for method in getattr(route, "methods", None) or {"GET"}:
            action = action_of(method, re.sub(r"{\w+}", "x", route.path))
            assert not action.startswith("settings.") or route.path.split("/")[2] in spoken_for


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [
        (LimitReached("full", code="queue_full", details={"retryAfter": 4.2}), "5"),
        (LimitReached("cooling", code="cooling_down", details={"retryAfter": 0.1}), "1"),
        (LimitReached("full"), None),
    ],
)
async def test_an_error_that_can_be_retried_has_retry_after(error, retry_after):
    """Whichever route raises it."""

    def refuse(connection):
        raise error

    app = make_app(refuse, describe=lambda info: info)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/v1/jobs")
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After") == retry_after


def test_every_action_has_a_request():
    """Otherwise its scope would have no effect."""
    assert set(REQUESTS.values()) == set(SCOPE_OF)


@pytest.mark.parametrize("end", ["%0A", "%0D", "%0A%0A", "%00", "%7F", "%C2%85", "%E2%80%A8"])
@pytest.mark.parametrize("path", ["/v1/keys", "/v1/jobs/j_1/parts/0", "/v1/shutdown"])
async def test_a_control_character_does_not_bypass_a_scope(world, path, end):
    """A router may ignore a line end, so such a path never reaches the application."""
    headers = await world.key(Scope.READ)
    async with world.client() as client:
        answer = await client.get(f"{path}{end}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert world.inner.requests == []


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("request_line", REQUESTS)
async def test_a_key_allows_exactly_what_its_scopes_name(world, request_line, scope):
    """403 names the scope that is needed; the access log names the key."""
    headers = await world.key(scope)
    method, path = request_line.split(" ", 1)
    if path == "/v1/events":
        world.inner.gate.set()
    async with world.client() as client:
        answer = await client.request(method, path, headers=headers)
    needed = SCOPE_OF[REQUESTS[request_line]]
    if scope is needed:
        assert answer.status_code == 200
        return
    assert answer.status_code == 403
    assert world.inner.requests == []
    ((who, action, outcome),) = await world.log_lines()
    assert (who.split(":")[0], action, outcome) == ("acme", REQUESTS[request_line], "refused")
    if method != "HEAD":
        assert answer.json()["details"] == {"needed": needed, "scopes": [scope]}


@pytest.mark.parametrize("action", sorted(LOGGED_ACTIONS))
@pytest.mark.parametrize(("status", "outcome"), [(200, "allowed"), (404, "failed")])
async def test_a_sensitive_action_is_logged_before_the_response(world, action, status, outcome):
    """With caller, action and outcome, and without the query, which may contain anything."""
    headers = {**await world.key(), wire.REQUEST_ID: "r-1"}
    method, path = next(line for line in REQUESTS if REQUESTS[line] == action).split(" ", 1)
    async with world.client() as client:
        await client.request(
            method, path, params={"status": status, "x": "canary"}, headers=headers
        )
    (line,) = await world.log.entries()
    assert (line.action, line.outcome, line.target) == (action, outcome, f"{method} {path}")
    assert (line.request_id, line.note) == ("r-1", "noted")
    assert "canary" not in line.to_json()


async def test_without_a_log_line_there_is_no_response(world, monkeypatch):
    """A sensitive response needs its log line."""

    async def broken(**values):
        raise OSError("the disk is full")

    headers = await world.key()
    monkeypatch.setattr(world.log, "record", broken)
    async with world.client() as client:
        answer = await client.get("/v1/jobs/j_1/parts/0", headers=headers)
    assert answer.status_code == 500
    assert "acme" not in answer.text


async def test_every_response_has_rate_headers(world):
    """In the draft's form: remaining requests, and seconds until the burst is full again."""
    headers = await world.key()
    async with world.client() as client:
        for left in (3, 2, 1, 0):
            answer = await client.get("/v1/jobs?status=404", headers=headers)
            assert answer.status_code == 404
            assert answer.headers["RateLimit-Policy"] == '"requests";q=4;w=2'
            seconds = math.ceil((4 - left) / 2)
            assert answer.headers["RateLimit"] == f'"requests";r={left};t={seconds}'
            assert "Retry-After" not in answer.headers


async def test_too_many_requests_are_refused_for_a_while(world):
    """429 says how long; after that a request passes. Another customer has its own rate."""
    headers, others = await world.key(), await world.key(customer="beta")
    async with world.client() as client:
        for _ in range(4):
            assert (await client.get("/v1/jobs", headers=headers)).status_code == 200
        refused = await client.get("/v1/jobs", headers=headers)
        assert refused.status_code == 429
        assert refused.json()["code"] == "rate_limited"
        assert refused.headers["Retry-After"] == "1"
        assert refused.headers["RateLimit"].startswith('"requests";r=0;')
        assert (await client.get("/v1/jobs", headers=others)).status_code == 200
        world.clock.advance(refused.json()["details"]["retryAfter"])
        assert (await client.get("/v1/jobs", headers=headers)).status_code == 200
        assert (await client.get("/v1/jobs", headers=headers)).status_code == 429


async def test_a_forbidden_request_counts_towards_the_rate(world):
    """A 403 answers an authenticated customer, and has the rate headers."""
    headers = await world.key(Scope.READ)
    async with world.client() as client:
        answer = await client.post("/v1/jobs", headers=headers)
        assert answer.headers["RateLimit"] == '"requests";r=3;t=1'
        for _ in range(3):
            await client.post("/v1/jobs", headers=headers)
        assert (await client.post("/v1/jobs", headers=headers)).status_code == 429


async def test_open_streams_are_bounded(world):
    """One customer cannot use every connection; closing one allows another."""
    headers = await world.key()
    app = world.app(max_open_requests=2)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/events",
        "raw_path": b"/v1/events",
        "query_string": b"",
        "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
    }

    async def opened():
        began, sent = asyncio.Event(), []

        async def send(message):
            sent.append(message)
            began.set()

        async def receive():
            await asyncio.Event().wait()

        task = asyncio.create_task(app({**scope, "state": {}}, receive, send))
        await began.wait()
        return task, sent[0]["status"]

    streams = [await opened() for _ in range(3)]
    assert [status for _, status in streams] == [200, 200, 429]
    world.inner.gate.set()
    await asyncio.gather(*(task for task, _ in streams))
    world.clock.advance(60)
    task, status = await opened()
    await task
    assert status == 200


async def test_the_local_services_user_has_no_rate(world):
    """There is no other customer to protect."""
    async with world.client(authenticator=PeerAuth(), limits=False) as client:
        for _ in range(20):
            answer = await client.get("/v1/jobs")
            assert (answer.status_code, answer.text) == (200, "local")
            assert "RateLimit" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:80"}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "evil@127.0.0.2"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "localhost", "Authorization": "Bearer wrong"}, 401),
        ({"Host": "localhost", "Origin": "http://localhost"}, 200),
        ({"Host": "localhost", "Origin": "http://localhost:1"}, 403),
        ({"Host": "localhost", "Origin": "https://evil.example"}, 403),
        ({"Host": "localhost", "Origin": "null"}, 403),
        ({"Host": "localhost", "Origin": "http://lab.example:8888"}, 200),
    ],
)
async def test_a_loopback_port_needs_token_host_and_origin(world, headers, status):
    """Pages in a browser can reach such a port, also through a host name of their own."""
    origins = frozenset({"http://lab.example:8888"})
    app = world.app(authenticator=TokenAuth("t0ken"), limits=False, origins=origins)
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": "Bearer t0ken", **headers}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/v1/jobs", headers=headers)).status_code == status
    sent = await socketed(app, headers=headers)
    assert (sent[0]["type"] == "websocket.accept") == (status == 200)


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_stream_ends_when_its_key_is_revoked(world, kind):
    """Within seconds, before more is sent, and with a log line."""
    made = await world.access.create_key("acme")
    sent, reported, more = [], asyncio.Event(), asyncio.Event()

    async def stream(scope, receive, send):
        if kind == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        else:
            await send({"type": "websocket.accept"})
        message = (
            {"type": "http.response.body", "body": b"x", "more_body": True}
            if kind == "http"
            else {"type": "websocket.send", "text": "x"}
        )
        while True:
            await send(message)
            reported.set()
            await more.wait()
            more.clear()

    auth = AuthConfig(ApiKeyAuth(world.access), world.log, world.clock)
    scope = {
        "type": kind,
        "path": "/v1/events",
        "method": "GET",
        "headers": [(b"x-api-key", made.secret.encode())],
    }

    async def send(message):
        sent.append(message)

    task = asyncio.create_task(AuthMiddleware(stream, auth)(scope, None, send))
    for _ in range(2):  # as long as the key is valid, it goes on
        await reported.wait()
        reported.clear()
        world.clock.advance(auth_module.RECHECK_SECONDS)
        more.set()
    await reported.wait()
    await world.access.revoke_key(made.key.key_id)
    world.clock.advance(auth_module.RECHECK_SECONDS)
    more.set()
    with pytest.raises(OSError, match="not valid"):
        await asyncio.wait_for(task, 5)
    assert len(sent) == 5
    end = {"type": "websocket.close", "code": 1008, "reason": "unauthenticated"}
    assert sent[-1] == ({"type": "http.response.body"} if kind == "http" else end)
    assert [outcome for *_, outcome in await world.log_lines()] == ["refused"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
@pytest.mark.parametrize("extensions", [(), ("websocket.http.response",)])
async def test_no_websocket_is_accepted_without_a_key(world, headers, extensions):
    """It is refused with a 401 if the server supports that, else closed; no route runs."""
    sent = await socketed(world.app(), headers=headers, extensions=extensions)
    if extensions:
        assert sent[0]["status"] == 401
        assert b"www-authenticate" in dict(sent[0]["headers"])
    else:
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": "unauthenticated"}]
    assert world.inner.requests == []
    assert await world.log_lines() == [("anonymous", "events.read", "refused")]


async def test_a_websocket_needs_the_scope_and_an_allowed_origin(world):
    """Like the same request over HTTP."""
    app = world.app()
    for scopes, more, expected in (
        ([Scope.READ], {}, "websocket.accept"),
        ([Scope.SUBMIT], {}, "websocket.close"),
        ([Scope.READ], {"Host": "a", "Origin": "https://b"}, "websocket.close"),
        ([Scope.READ], {"Host": "a", "Origin": "https://a"}, "websocket.accept"),
    ):
        world.clock.advance(10)
        sent = await socketed(app, headers={**await world.key(*scopes), **more})
        assert sent[0]["type"] == expected
        if expected == "websocket.accept":
            assert dict(sent[0]["headers"])[b"ratelimit"] == b'"requests";r=3;t=1'


async def test_the_middleware_keeps_no_state_of_ended_requests(world):
    """Nor of customers whose burst is full again."""
    headers = await world.key()
    async with AsyncExitStack() as stack:
        app = world.app()
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")
        await stack.enter_async_context(client)
        await client.get("/v1/jobs", headers=headers)
        assert not app._app._open
