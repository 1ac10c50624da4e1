"""What one customer has, another cannot see: shown on every route, made from the route table.

A customer asks with another's ids. Each answer has to be the one for ids that do not exist: the
same status, the same body but for the ids. A route that this file has no sample for fails.
"""

import asyncio
import hashlib
import json
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.process.home import Home
from datagen_nb.api.process.host import Activity, Address, auth_config, build_app
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.event_streams import StreamTimes
from datagen_nb.core.access import Scope
from datagen_nb.core.alerts import Alert
from datagen_nb.core.buckets import objects
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import HomeError, ServiceUnavailable
from datagen_nb.core.manifest import Manifest, ModelFile
from datagen_nb.core.messages import Health
from datagen_nb.core.schedules import ScheduleDraft
from datagen_nb.core.store import Document
from datagen_nb.core.templates import TemplateDraft
from datagen_nb.core.uploads import UploadRequest
from datagen_nb.core.webhooks import WebhookChange, WebhookConfig
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.server import host_service
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE
from tests.firestore_emulator import project_at
from tests.gcs_emulator import new_bucket
from tests.routes import walk

ANN, BOB = "annika", "bob"
TABLE = b"n,word\n1,a\n2,b\n3,c\n"
KEY = {wire.IDEMPOTENCY_KEY: "key"}
JSON = {"Content-Type": "application/json"}
STREAM = {"Accept": wire.EVENT_STREAM_TYPE}
CONFIG = {
    "dataSize": 20,
    "inputFormat": "csv",
    "outputFormat": "csv",
    "inputPath": "in.csv",
    "name": "annsown",
}


@dataclass(frozen=True)
class Sample:
    """How a route is asked about something that someone has; ``{ids}`` are filled in.

    ``same_for_owner``: why its owner hears no more than a stranger.
    """

    params: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    same_for_owner: str = ""


SAMPLES = {
    "GET /v1/jobs/{job_id}": [Sample()],
    "DELETE /v1/jobs/{job_id}": [Sample()],
    "PATCH /v1/jobs/{job_id}": [Sample(headers=JSON, body={"note": "seen"})],
    "POST /v1/jobs/delete": [
        Sample(headers=JSON, body={"jobIds": ["{job_id}"]}),
    ],
    "POST /v1/jobs/cancel": [
        Sample(headers=JSON, body={"jobIds": ["{job_id}"]}),
    ],
    "GET /v1/jobs/{job_id}/configuration": [Sample()],
    "POST /v1/jobs/{job_id}/cancel": [Sample()],
    "POST /v1/jobs/{job_id}/pause": [Sample()],
    "POST /v1/jobs/{job_id}/resume": [Sample()],
    "POST /v1/jobs/{job_id}/rerun": [
        Sample(headers=KEY),
        Sample(headers={**KEY, **JSON}, body={"overrides": {"dataSize": 5}}),
    ],
    "GET /v1/jobs/{job_id}/log": [Sample(), Sample(params={"after": "1"})],
    "GET /v1/jobs/{job_id}/manifest": [Sample()],
    "GET /v1/jobs/{job_id}/report": [Sample()],
    "GET /v1/jobs/{job_id}/parts/{index}": [Sample(), Sample(headers={"Range": "bytes=0-3"})],
    "HEAD /v1/jobs/{job_id}/parts/{index}": [Sample()],
    "GET /v1/jobs/{job_id}/model": [Sample(), Sample(headers={"Range": "bytes=0-3"})],
    "HEAD /v1/jobs/{job_id}/model": [Sample()],
    "GET /v1/uploads/{upload_id}": [Sample()],
    "HEAD /v1/uploads/{upload_id}": [Sample()],
    "PATCH /v1/uploads/{upload_id}": [Sample(headers={"Upload-Offset": "0"})],
    "DELETE /v1/uploads/{upload_id}": [Sample()],
    "GET /v1/events": [
        Sample(params={"jobId": "{job_id}", "after": "0"}),
        Sample(params={"jobId": "{job_id}", "after": "0"}, headers=STREAM),
    ],
    "WS /v1/events": [Sample(params={"jobId": "{job_id}", "after": "0"})],
    "GET /v1/templates": [Sample()],
    "PUT /v1/templates/{template}": [
        Sample(headers=JSON, body={"configuration": {"dataSize": 0}}, same_for_owner="no template"),
    ],
    "GET /v1/templates/{template}": [Sample(), Sample(params={"version": "1"})],
    "GET /v1/templates/{template}/versions": [Sample()],
    "POST /v1/templates/{template}/jobs": [Sample(headers=KEY | JSON, body={"overrides": {}})],
    "DELETE /v1/templates/{template}": [Sample()],
    "GET /v1/schedules": [Sample()],
    "PUT /v1/schedules/{schedule}": [
        Sample(headers=JSON, body={"cron": "never"}, same_for_owner="no schedule"),
    ],
    "GET /v1/schedules/{schedule}": [Sample()],
    "DELETE /v1/schedules/{schedule}": [Sample()],
    "POST /v1/graphs": [
        Sample(headers=KEY | JSON, body={"jobs": {"a": {**CONFIG, "after": ["{job_id}"]}}}),
    ],
    "GET /v1/webhooks": [Sample()],
    "GET /v1/webhooks/{webhook_id}": [Sample()],
    "PATCH /v1/webhooks/{webhook_id}": [Sample(headers=JSON, body={"events": ["job.failed"]})],
    "POST /v1/webhooks/{webhook_id}/rotate": [Sample(headers=JSON, body={})],
    "GET /v1/webhooks/{webhook_id}/deliveries": [Sample(), Sample(params={"state": "dead"})],
    "POST /v1/webhooks/{webhook_id}/deliveries/replay": [Sample(headers=JSON, body={})],
    "GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}": [Sample()],
    "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": [Sample()],
    "DELETE /v1/webhooks/{webhook_id}": [Sample()],
    "POST /v1/alerts/{alert_id}/acknowledge": [Sample()],
    "POST /v1/customers/{name}/disable": [Sample(same_for_owner="needs the scope admin")],
    "POST /v1/customers/{name}/enable": [Sample(same_for_owner="needs the scope admin")],
    "PUT /v1/customers/{name}/storage": [Sample(same_for_owner="needs the scope admin")],
    "POST /v1/keys/{key_id}/rotate": [Sample(same_for_owner="needs the scope admin")],
    "DELETE /v1/keys/{key_id}": [Sample(same_for_owner="needs the scope admin")],
    "GET /v1/keys": [Sample(params={"customer": ANN}, same_for_owner="needs the scope admin")],
}
"""Requests of every route that takes an id, in its path or elsewhere."""

LISTS = {
    "GET /v1/jobs",
    "GET /v1/jobs/counts",
    "GET /v1/overview",
    "GET /v1/events",
    "GET /v1/alerts",
    "GET /v1/uploads",
    "GET /v1/info",
    "GET /v1/health",
    "GET /v1/limits",
    "GET /v1/retention",
}
"""Routes that need no id and show what the caller has: nothing of anyone else's may be in them."""

WITHOUT_IDS = {
    "GET /v1/openapi.json": "the same for everyone",
    "HEAD /v1/openapi.json": "the same for everyone",
    "POST /v1/jobs": "makes a job; its paths are tried below",
    "POST /v1/uploads": "begins the caller's own",
    "POST /v1/estimates": "makes nothing; its paths are those of a submit",
    "POST /v1/inspections": "makes nothing; its paths are those of a submit",
    "POST /v1/previews": "makes nothing; its paths are those of a submit",
    "GET /healthz": "the same for everyone",
    "GET /readyz": "the same for everyone",
    "GET /metrics": "needs the scope admin",
    "GET /v1/customers": "needs the scope admin",
    "PUT /v1/limits": "sets the caller's own",
    "PUT /v1/retention": "sets the caller's own",
    "POST /v1/retention/cleanup": "deletes the caller's own",
    "POST /v1/webhooks": "makes the caller's own",
    "POST /v1/customers": "needs the scope admin",
    "POST /v1/keys": "needs the scope admin",
}


def described(route):
    """``METHOD path`` of a route, for each of its methods."""
    methods = getattr(route, "methods", None) or {"WS"}
    return [f"{method} {route.path}" for method in sorted(methods)]


APP = make_app(lambda connection: None, describe=lambda info: info)
ROUTES = [name for route in walk(APP.routes) for name in described(route)]

ASKED = [
    pytest.param(route, sample, id=f"{route} {number}")
    for route, samples in SAMPLES.items()
    for number, sample in enumerate(samples)
]


class House:
    """A service for two customers, of whom one has everything there is to have."""

    def __init__(self, service, app, log, keys, ids):
        self.service = service
        self.log = log
        self.app = app
        self.keys = keys
        self.ids = ids

    async def ask(self, who, route, sample, ids):
        """An answer, with the ids and what differs for everyone taken out."""
        method, path = route.split(" ")
        text = json.dumps([path, sample.params, sample.body, sample.headers])
        for name, value in ids.items():
            text = text.replace("{%s}" % name, value)  # noqa: UP031
        path, params, body, headers = json.loads(text)
        assert "{" not in path, f"no id for {path}"
        scope = {
            "type": "websocket" if method == "WS" else "http",
            "method": "GET" if method == "WS" else method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": str(httpx.QueryParams(params)).encode(),
            "headers": [
                (key.lower().encode(), text.encode())
                for key, text in {**headers, **self.keys[who]}.items()
            ],
            "extensions": {"websocket.http.response": {}},
            "subprotocols": [],
            "scheme": "http",
            "state": {},
        }
        content = b"" if body is None else json.dumps(body).encode()
        # A stream of the owner's shows an event; a stream of another's stays silent.
        awaited = '"cursor":' if who == ANN else wire.HEARTBEAT
        status, text = await self._exchange(scope, content, awaited)
        for name, value in ids.items():
            text = text.replace(value, "{%s}" % name) if len(value) > 2 else text  # noqa: UP031
        return status, re.sub(r'("requestId":\s*)"\w+"', r'\1"{request_id}"', text)

    async def _exchange(self, scope, content, awaited):
        """The status of an answer and its text, of a stream until it has sent what is awaited."""
        kind = scope["type"]
        first = {"type": "http.request", "body": content, "more_body": False}
        asked = iter([first if kind == "http" else {"type": "websocket.connect"}])
        sent, seen = [], asyncio.Event()

        async def receive():
            return next(asked, None) or await asyncio.Future()

        async def send(message):
            sent.append(message)
            is_stream = kind == "websocket" or b"event-stream" in _content_type(sent)
            if is_stream and awaited in _text_of(message):
                seen.set()

        task = asyncio.create_task(self.app(scope, receive, send))
        seeing = asyncio.create_task(seen.wait())
        ended, _ = await asyncio.wait(
            [task, seeing], timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED
        )
        assert ended, f"neither ended nor sent {awaited}: {sent}"
        for one in (task, seeing):
            one.cancel()
        await asyncio.gather(task, seeing, return_exceptions=True)
        if kind == "http":
            assert b"ratelimit" in dict(sent[0]["headers"])
        return sent[0].get("status", sent[0]["type"]), "".join(map(_text_of, sent))


def _text_of(message):
    return message.get("text") or message.get("body", b"").decode()


def _content_type(sent):
    return dict(sent[0].get("headers", ())).get(b"content-type", b"")


async def _everything(service, access):
    """Give Ann one of each; return their ids."""
    jobs = service.customer(ANN)
    bucket = service.buckets(ANN, "default")
    await asyncio.to_thread(bucket.put, "in.csv", TABLE)
    digest = "0b1a" * 16
    await jobs.uploads.begin(UploadRequest(digest=digest, format="csv", size=len(TABLE)))
    hook = WebhookConfig(url="https://ann.invalid/", events=("job.completed",))
    webhook_id = (await jobs.webhooks.create(hook)).id
    await jobs.webhooks.change(webhook_id, WebhookChange(enabled=False))  # nothing is sent
    config = JobConfiguration.from_wire({**CONFIG, "isAsync": False})
    job_id = (await jobs.create(config, idempotency_key="ann's")).job_id
    await asyncio.to_thread(_keep_model, bucket, job_id)
    await jobs.templates.put("annstemplate", TemplateDraft(configuration=CONFIG))
    await jobs.schedules.put("annsschedule", ScheduleDraft(cron="0 0 1 1 *", configuration=CONFIG))
    alert = Alert(
        id="job_failures:annsalert",
        kind="job_failures",
        severity="warning",
        message="Ann's jobs fail.",
        raised_time=service.clock.now(),
    )
    await service.store.documents.put(Document(ANN, "alert", alert.id, alert.to_wire()))
    while not (reported := (await jobs.webhooks.deliveries(webhook_id)).deliveries):
        await asyncio.sleep(0.01)
    return {
        "webhook_id": webhook_id,
        "delivery_id": reported[0].id,
        "job_id": job_id,
        "alert_id": alert.id,
        "template": "annstemplate",
        "schedule": "annsschedule",
        "index": "0",
        "upload_id": f"{digest}.csv",
        "digest": digest,
        "name": ANN,
        "key_id": (await access.create_key(ANN)).key.key_id,
    }


def _keep_model(bucket, job_id):
    place = f"jobs/{job_id}/model"
    bucket.put(place, b"annsmodel")
    model = ModelFile(name=place, size=9, sha256=hashlib.sha256(b"annsmodel").hexdigest())
    manifest = Manifest.from_wire(bucket.get(f"jobs/{job_id}/manifest.json"))
    kept = manifest.model_copy(update={"model": model}).to_json()
    bucket.put(f"jobs/{job_id}/manifest.json", kept.encode())


UNKNOWN = {
    "webhook_id": "wh_0000000000000000",
    "delivery_id": "msg_0000000000000000_1",
    "alert_id": "job_failures:nobodysalert",
    "template": "nobodystemplate",
    "schedule": "nobodysschedule",
    "job_id": "j_0000000000000000",
    "index": "0",
    "upload_id": f"{'f' * 64}.csv",
    "digest": "f" * 64,
    "name": "nobody",
    "key_id": "000000000000",
}


@pytest.fixture(params=["home", "cloud"])
def settings(request, tmp_path):
    """Where everything is kept: in a home, or in Firestore and Cloud Storage."""
    if request.param == "home":
        return Settings()
    gcs = request.getfixturevalue("cloud_emulators")
    return Settings(
        store=f"firestore://{project_at(tmp_path)}", bucket=f"gs://{new_bucket(gcs)}/customers"
    )


@pytest.fixture
async def house(settings, tmp_path):
    async with AsyncExitStack() as stack:
        pipeline = MockPipeline("succeeds", speed=5000, seed=7, clock=SystemClock())
        places = (tmp_path / "jobs.sqlite", tmp_path / "buckets")
        service = await build_service(*places, pipeline, settings)
        hosted = await host_service(service)
        stack.push_async_callback(hosted.aclose)
        access = hosted.access
        keys = {}
        for name in (ANN, BOB):
            await access.create_customer(name)
            scopes = set(Scope) - {Scope.ADMIN}
            made = await access.create_key(name, scopes=scopes)
            keys[name] = {"Authorization": f"Bearer {made.secret}"}
        entrance = auth_config(hosted, Address("127.0.0.1", 0))
        app = build_app(hosted, Home.open(tmp_path / "home"), entrance, Activity())
        app.state.stream_times = StreamTimes(heartbeat=0.5)
        yield House(service, app, hosted.log, keys, await _everything(service, access))


def test_every_route_has_a_sample():
    """Who adds a route says here how it is asked, or why it shows nothing of anyone's."""
    known = {*SAMPLES, *LISTS, *WITHOUT_IDS}
    assert set(ROUTES) - known == set(), "routes without a sample"
    assert known - set(ROUTES) == set(), "samples without a route"
    for name in set(ROUTES):
        assert "{" not in name or name in SAMPLES, f"{name} takes an id and needs a sample"


@pytest.mark.parametrize(("route", "sample"), ASKED)
async def test_anothers_id_is_answered_like_an_unknown_one(house, route, sample):
    """Status and body, whatever the route would do for its owner."""
    theirs = await house.ask(BOB, route, sample, house.ids)
    nobodys = await house.ask(BOB, route, sample, UNKNOWN)
    assert theirs == nobodys
    mine = await house.ask(ANN, route, sample, house.ids)
    assert (mine == nobodys) == bool(sample.same_for_owner), "the sample shows nothing"


@pytest.mark.parametrize("route", sorted(LISTS))
async def test_no_list_shows_what_another_has(house, route):
    """It is the same as before the other had anything, and holds none of the other's ids."""
    sample = Sample(params={"after": "0"} if "events" in route else {})
    status, text = await house.ask(BOB, route, sample, UNKNOWN)
    assert status == 200
    for word in (*house.ids.values(), ANN, CONFIG["name"]):
        assert len(word) < 3 or word not in text
    shown = {"GET /v1/jobs": "job_id", "GET /v1/events": "job_id", "GET /v1/alerts": "alert_id"} | {
        "GET /v1/uploads": "digest"
    }
    if route in shown:
        assert house.ids[shown[route]] in (await house.ask(ANN, route, sample, {}))[1]


async def test_nothing_that_another_asked_for_has_changed_anything(house):
    """After every request of Bob's with Ann's ids, all that Ann has is as it was."""

    async def state():
        jobs = house.service.customer(ANN)
        status = await jobs.status(house.ids["job_id"])
        documents = {}
        deliveries = f"delivery:{house.ids['webhook_id']}"
        for kind in ("limits", "template", "schedule", "webhook", deliveries, "upload"):
            documents[kind] = await house.service.store.documents.page(ANN, kind)
        bucket = house.service.buckets(ANN, "default")
        found = [*objects(bucket)]
        return status, documents, found, (await jobs.event_page(after=0)).cursor

    before = await state()
    for route, samples in SAMPLES.items():
        for sample in samples:
            await house.ask(BOB, route, sample, house.ids)
    assert await state() == before


@pytest.mark.parametrize(
    "path",
    ["in.csv", "../annika/in.csv", "/in.csv", "inputs/../../annika/in.csv", "jobs/{job_id}/x"],
)
@pytest.mark.parametrize("bucket", ["default", "file", "annika", "../annika", "gs://annika"])
async def test_an_input_outside_the_customers_bucket_is_not_found(house, bucket, path):
    """Whatever the bucket is called and however the path is spelled; as if nothing were there."""

    async def submit(path):
        body = {**CONFIG, "inputBucket": bucket, "inputPath": path}
        return await house.ask(BOB, "POST /v1/jobs", Sample(headers=KEY, body=body), {})

    path = path.replace("{job_id}", house.ids["job_id"])
    status, text = await submit(path)
    assert status in {404, 422}
    missing, expected = await submit("nowhere.csv")
    if bucket != "default" or ".." not in path:
        assert (status, text.replace(path, "nowhere.csv")) == (missing, expected)


async def test_anothers_model_is_answered_like_an_unknown_one(house):
    """At the submit, for who may submit; its owner's job is taken."""

    async def submit(who, job_id):
        body = {**CONFIG, "inputBucket": "models", "inputPath": job_id}
        status, text = await house.ask(who, "POST /v1/jobs", Sample(headers=KEY, body=body), {})
        return status, text.replace(job_id, "{job_id}")

    theirs = await submit(BOB, house.ids["job_id"])
    assert theirs == await submit(BOB, UNKNOWN["job_id"])
    assert theirs[0] == 404
    assert (await submit(ANN, house.ids["job_id"]))[0] == 201


@pytest.mark.parametrize("bucket", ["file", "annika", "../annika"])
async def test_an_output_outside_the_customers_bucket_is_not_found(house, bucket):
    """A result is written where its customer reads, nowhere else."""
    mine = house.service.buckets(BOB, "default")
    await asyncio.to_thread(mine.put, "in.csv", TABLE)
    body = {**CONFIG, "outputBucket": bucket, "outputPath": "x.csv"}
    status, _ = await house.ask(BOB, "POST /v1/jobs", Sample(headers=KEY, body=body), {})
    assert status in {404, 422}


async def test_one_key_of_two_customers_makes_two_jobs(house):
    """An idempotency key means nothing to anyone else."""
    mine = house.service.buckets(BOB, "default")
    await asyncio.to_thread(mine.put, "in.csv", TABLE)
    sample = Sample(headers=KEY, body=CONFIG)
    first = await house.ask(ANN, "POST /v1/jobs", sample, {})
    second = await house.ask(BOB, "POST /v1/jobs", sample, {})
    assert first[0] == second[0] == 201
    assert json.loads(first[1])["jobId"] not in second[1]


async def test_events_are_numbered_for_each_customer_alone(house):
    """Bob's first event is number 1, though Ann has had many: not even how busy she is shows."""
    mine = house.service.buckets(BOB, "default")
    await asyncio.to_thread(mine.put, "in.csv", TABLE)
    await house.ask(BOB, "POST /v1/jobs", Sample(headers=KEY, body=CONFIG), {})
    _, text = await house.ask(BOB, "GET /v1/events", Sample(params={"after": "0"}), {})
    page = json.loads(text)
    assert page["events"][0]["cursor"] == 1
    assert len({event["jobId"] for event in page["events"]}) == 1


async def test_probes_need_no_key_and_tell_nothing_but_a_state(house, monkeypatch):
    """Whatever is wrong, its words are for those who have a key."""
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert (await client.get(wire.HEALTHZ)).json() == {"status": "ok"}
        ready = await client.get(wire.READYZ)
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})

        async def look():
            return Health(status="unhealthy", message="a canary")

        monkeypatch.setattr(house.service.health, "look", look)
        ready = await client.get(wire.READYZ)
        assert (ready.status_code, ready.json()) == (503, {"status": "not_ready"})
        assert (await client.get(wire.HEALTH)).status_code == 401
        assert (await client.get(wire.HEALTHZ + "/x")).status_code == 401


async def test_submits_and_cancels_stand_in_the_access_log(house):
    """With who did it and which job it made; looking at jobs does not."""
    sample = Sample(headers=KEY, body={**CONFIG, "dataSize": 10**6})
    _, text = await house.ask(ANN, "POST /v1/jobs", sample, {})
    job_id = json.loads(text)["jobId"]
    await house.ask(ANN, "GET /v1/jobs/{job_id}", Sample(), {"job_id": job_id})
    await house.ask(ANN, "POST /v1/jobs/{job_id}/cancel", Sample(), {"job_id": job_id})
    submit, cancel = await house.log.entries()
    assert (submit.action, submit.target) == ("jobs.submit", "POST /v1/jobs")
    assert submit.note == f"job {job_id}"
    assert (cancel.action, cancel.target) == ("jobs.steer", f"POST /v1/jobs/{job_id}/cancel")
    assert submit.who.startswith(ANN)
    assert cancel.who == submit.who


async def test_a_service_says_whether_it_is_deployed(house):
    """To its customers it is; what it costs is no matter of this machine alone."""
    _, text = await house.ask(ANN, "GET /v1/info", Sample(), {})
    assert json.loads(text)["deployed"] is True


async def test_who_is_refused_is_in_the_log(house, caplog):
    """One line, with the key's id and what it wanted, never the key."""
    house.keys["mallory"] = {"Authorization": f"Bearer dg_{'0' * 12}_{'x' * 43}"}
    with caplog.at_level("WARNING"):
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            await client.get(wire.JOBS, headers=house.keys["mallory"])
    (line,) = caplog.messages
    assert line == f"key {'0' * 12} was refused (unauthenticated): GET /v1/jobs"


@pytest.mark.parametrize(
    "error",
    [
        HomeError("/srv/canary/jobs.sqlite is damaged", details={"path": "/srv/canary"}),
        ServiceUnavailable("/srv/canary is full", details={"path": "/srv/canary", "retryAfter": 3}),
    ],
)
async def test_no_place_on_the_services_machine_is_reported_to_a_customer(
    house, monkeypatch, caplog, error
):
    """Its errors keep their codes; the log has the words, under the request's id."""

    async def broken(*given, **values):
        raise error

    for name in ("get", "page", "counts", "in_state"):
        monkeypatch.setattr(house.service.store, name, broken)
    # One that has not looked yet: a look is kept for a while.
    monkeypatch.setattr(
        house.service,
        "health",
        type(house.service.health)(house.service.context, house.service.runner),
    )
    for route, sample in [
        ("GET /v1/jobs", Sample()),
        ("GET /v1/jobs/{job_id}", Sample()),
        ("POST /v1/jobs/{job_id}/cancel", Sample()),
        ("GET /v1/health", Sample()),
    ]:
        status, text = await house.ask(ANN, route, sample, house.ids)
        assert status >= 500
        assert "canary" not in text
        if "health" not in route:
            assert json.loads(text)["code"] == error.code
    assert "canary" in caplog.text
