"""What the service tells of itself: metrics, log lines, alerts, health, a running job's log."""

import asyncio
import json
import logging
import re
from contextlib import aclosing
from importlib import resources

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.auth import AuthConfig, PeerAuth
from datagen_nb.api.server.request_metrics import RequestMetrics
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.core.alerts import (
    DISK_CRITICAL,
    LOOKS,
    CustomerFacts,
    ServiceFacts,
    customer_findings,
    service_findings,
)
from datagen_nb.core.changes import Failed
from datagen_nb.core.errors import LimitReached, NotFound, ServiceUnavailable
from datagen_nb.core.logs import JsonFormatter, TextFormatter, log_context, new_log_context
from datagen_nb.core.messages import Annotation, Health
from datagen_nb.core.pipeline import Heartbeat, Logged
from datagen_nb.core.status import State
from datagen_nb.service.access.audit import Audit
from datagen_nb.service.monitoring.metrics import usage_of
from tests.deadline import DEADLINE
from tests.unit.test_service import FAILURE, a_world

RUNNING, FAILED = State.RUNNING, State.FAILED
CUSTOMER = "ann"


@pytest.fixture
async def world(tmp_path):
    async with a_world(tmp_path) as made:
        await made.clock.asleep(1e9)  # the first look of its own is over
        yield made


async def figures(world) -> dict[tuple, float]:
    """Every sample of an answer to Prometheus, by its name and its labels' values."""
    text = (await world.service.metrics.scrape()).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def fail(world, **fields):
    job = await world.submit(**fields)
    run = await world.pipeline.next()
    run.say(Failed(1, FAILURE))
    await world.reach(job.job_id, FAILED)
    await world.settled()
    return job


async def alerts(world, **query):
    return {alert.id: alert for alert in (await world.jobs.alerts.list(**query)).alerts}


async def reported(world):
    page = await world.jobs.event_page(after=0)
    return [event.event for event in page.events if event.event.startswith("alert.")]


async def test_jobs_are_counted_by_their_last_state(world):
    """Accepted, ended by state, with the time they took; a note on one that ended is no end."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    found = await figures(world)
    assert found["datagen_jobs_running",] == 1
    run.complete()
    await world.reach(job.job_id, State.COMPLETED)
    await world.jobs.annotate(job.job_id, Annotation(note="seen"))
    await fail(world)
    async with asyncio.timeout(DEADLINE):  # a slot is free only when its worker is gone
        while (found := await figures(world))["datagen_jobs_running",]:
            await asyncio.sleep(0)

    assert found["datagen_jobs_created_total",] == 2
    assert found["datagen_jobs_ended_total", "completed"] == 1
    assert found["datagen_jobs_ended_total", "failed"] == 1
    assert found["datagen_jobs_ended_total", "cancelled"] == 0
    assert found["datagen_job_processing_seconds_count", "completed"] == 1


async def test_what_limits_stop_is_counted_by_limit(tmp_path):
    """Whose request it was is no label."""
    async with a_world(tmp_path, max_jobs=1, max_waiting=0) as world:
        await world.submit()
        with pytest.raises(LimitReached):
            await world.submit()
        world.service.observers.refused("someone", "made_up_by_a_newer_version")
        found = await figures(world)
    assert found["datagen_limit_hits_total", "queue_full"] == 1
    assert found["datagen_limit_hits_total", "other"] == 1


async def test_no_label_grows_with_customers(world):
    """A thousand customers leave the answer as long as it was."""
    before = len(await figures(world))
    for number in range(100):
        world.service.observers.refused(f"c{number}", "queue_full")
    assert len(await figures(world)) <= before + 2


async def test_deletions_and_bytes_are_reported(world):
    """Bytes reserved and kept, and jobs that were deleted."""
    job = await fail(world)
    await world.submit()
    assert (await figures(world))["datagen_stored_bytes",] > 0
    await world.jobs.delete(job.job_id)
    assert (await figures(world))["datagen_retention_deleted_jobs_total",] == 1


async def test_the_memory_of_workers_is_reported(world):
    """This process, which plays the worker, has some."""
    import os

    job = await world.submit()
    run = await world.pipeline.next()
    run.say(Heartbeat(os.getpid()), Logged("info", "begun"))
    await anext(aiter(AsyncJob(world.jobs, job, None).follow_logs(after=1)))
    found = await figures(world)
    assert found["datagen_worker_memory_bytes",] > 1 << 20
    assert found["datagen_worker_cpu_seconds",] > 0
    assert usage_of(2**22 + 1) == (0, 0.0)


def an_app(world):
    auth = AuthConfig(PeerAuth(), Audit(world.service.store.documents, world.clock), world.clock)
    app = make_app(
        lambda connection: world.jobs,
        describe=lambda info: info,
        auth=auth,
        metrics=world.service.metrics,
    )
    app.add_middleware(RequestMetrics, observer=world.service.observers, clock=world.clock)
    return app


@pytest.fixture
async def http(world):
    transport = httpx.ASGITransport(an_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


async def test_answers_are_counted_by_route_and_never_by_path(world, http):
    """Ids are in paths; a label with one in it would never end growing."""
    job = await world.submit()
    await http.get(f"/v1/jobs/{job.job_id}")
    await http.get("/v1/jobs/j_0000000000000000")
    await http.get("/nowhere/at/all")
    answer = await http.get("/metrics")
    found = await figures(world)

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert found["datagen_http_requests_total", "GET", "/v1/jobs/{job_id}", "200"] == 1
    assert found["datagen_http_requests_total", "GET", "/v1/jobs/{job_id}", "404"] == 1
    assert found["datagen_http_requests_total", "GET", "(none)", "404"] == 1
    assert found["datagen_http_request_seconds_count", "GET", "/v1/jobs/{job_id}"] == 2
    assert job.job_id not in answer.text


async def test_three_failures_of_four_jobs_alert_once(world):
    """Raised, written to the event log, not again while it lasts."""
    await world.service.alerting.look()
    assert await alerts(world) == {}
    for _ in range(3):
        await fail(world)
        await world.service.alerting.look()
        await world.service.alerting.look()
    found = (await alerts(world, active=True))["job_failures"]

    assert (found.kind, found.severity, found.times_raised) == ("job_failures", "warning", 1)
    assert found.details == {"failed": 3, "ended": 3}
    assert await reported(world) == ["alert.raised"]


async def test_an_alert_is_cleared_when_its_cause_has_gone(world):
    """And raised anew, unacknowledged, when it comes back."""
    for _ in range(3):
        await fail(world)
    await world.service.alerting.look()
    assert (await world.jobs.alerts.acknowledge("job_failures")).acknowledged_time is not None
    world.clock.advance(3601)
    await world.service.alerting.look()
    cleared = (await alerts(world, active=False))["job_failures"]
    assert cleared.status == "cleared"
    assert cleared.cleared_time == world.clock.now()
    assert await alerts(world, active=True) == {}

    for _ in range(3):
        await fail(world)
    await world.service.alerting.look()
    again = (await alerts(world))["job_failures"]
    assert (again.status, again.times_raised, again.acknowledged_time) == ("active", 2, None)
    assert await reported(world) == ["alert.raised", "alert.cleared", "alert.raised"]


async def test_alerts_outlive_the_service(tmp_path):
    """What was counted is counted again, what was reported is not reported again."""
    async with a_world(tmp_path) as world:
        for _ in range(3):
            await fail(world)
        await world.service.alerting.look()
        clock = world.clock
    async with a_world(tmp_path, clock=clock) as world:
        await world.service.alerting.look()
        assert set(await alerts(world, active=True)) == {"job_failures"}
        assert await reported(world) == ["alert.raised"]
        clock.advance(3601)
        await world.service.alerting.look()
        assert await alerts(world, active=True) == {}


async def test_nobody_sees_or_acknowledges_anothers_alert(world):
    """Foreign and unknown look the same."""
    for _ in range(3):
        await fail(world)
    await world.service.alerting.look()
    other = world.service.customer("other").alerts
    assert (await other.list()).alerts == ()
    for id in ("job_failures", "nothing"):
        with pytest.raises(NotFound) as raised:
            await other.acknowledge(id)
        assert raised.value.code == "alert_not_found"


async def test_alerts_come_in_pages_across_the_wire(world, http):
    """By id, from behind the cursor on; acknowledged there too."""
    for _ in range(3):
        await fail(world)
    for _ in range(20):
        world.service.observers.refused(CUSTOMER, "rate_limited")
    await world.service.alerting.look()
    first = (await http.get("/v1/alerts", params={"limit": 1, "active": True})).json()
    assert [alert["id"] for alert in first["alerts"]] == ["job_failures"]
    rest = (await http.get("/v1/alerts", params={"cursor": first["nextCursor"]})).json()
    assert [alert["id"] for alert in rest["alerts"]] == ["limit_violations"]
    assert "nextCursor" not in rest

    known = await http.post("/v1/alerts/limit_violations/acknowledge")
    assert known.json()["acknowledgedTime"]
    unknown = await http.post("/v1/alerts/nothing/acknowledge")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "alert_not_found")


async def test_a_look_that_is_not_healthy_alerts_the_second_time(world):
    """One bad look is no alert, nor is one good look the end of one."""
    levels = iter(
        [
            "degraded",
            "healthy",
            "degraded",
            "unhealthy",
            "healthy",
            "degraded",
            "healthy",
            "healthy",
        ]
    )
    alerted = []
    for level in levels:
        world.pipeline.health = Health(status=level, message="so it says")
        world.clock.advance(60)
        await world.service.alerting.look()
        operator = await world.service.customer("local").alerts.list(active=True)
        alerted.append("health" in {alert.id for alert in operator.alerts})
    assert alerted == [False, False, False, True, True, True, True, False]


def test_each_rule_of_the_service_has_its_bound():
    """One side of it and the other."""

    def kinds(**facts):
        return [(found.key, found.severity) for found in service_findings(ServiceFacts(**facts))]

    assert kinds(health=("degraded",)) == []
    assert kinds(health=("degraded",) * LOOKS) == [("health", "warning")]
    assert kinds(health=("degraded", "unhealthy")) == [("health", "critical")]
    assert kinds(health=("healthy", "degraded"), health_alerted=True) == [("health", "warning")]
    assert kinds(health=("healthy",) * LOOKS, health_alerted=True) == []
    assert kinds(room=DISK_CRITICAL - 1) == [("disk_space", "critical")]
    assert kinds(room=DISK_CRITICAL) == [("disk_space", "warning")]
    assert kinds(room=1 << 40) == []
    assert kinds(sweep_failure="disk_full") == [("retention", "warning")]
    assert kinds(sweep_late=1) == [("retention", "warning")]


def test_each_rule_of_a_customer_has_its_bound():
    """One side of it and the other."""

    def kinds(**facts):
        return [(found.key, found.severity) for found in customer_findings(CustomerFacts(**facts))]

    assert kinds() == []
    assert kinds(failed=2) == []
    assert kinds(failed=3, completed=4) == []
    assert kinds(failed=3, completed=3) == [("job_failures", "warning")]
    assert kinds(failed=10, completed=1) == [("job_failures", "critical")]
    assert kinds(hits=19) == []
    assert kinds(hits=20) == [("limit_violations", "warning")]
    assert kinds(stored=79, quota=100) == []
    assert kinds(stored=80, quota=100) == [("storage_quota", "warning")]
    assert kinds(stored=95, quota=100) == [("storage_quota", "critical")]
    assert kinds(stored=95) == []
    assert kinds(disabled={"wh_1": "It failed."}) == [("webhook_disabled.wh_1", "warning")]


async def test_health_names_every_reason(world, monkeypatch):
    """The pipeline's and the store's, with the figures; and no place of this machine."""
    world.pipeline.health = Health(status="degraded", message="warming up")
    world.clock.advance(60)
    found = await world.service.health.look()
    assert found.status == "degraded"
    assert "the pipeline is degraded: warming up" in found.message
    assert {"storeSeconds", "queueAgeSeconds", "eventLoopLagSeconds", "jobsRunning"} <= set(
        found.metrics
    )

    async def broken(*args, **kwargs):
        raise ServiceUnavailable(f"{world.place} is gone", code="store_unavailable")

    monkeypatch.setattr(world.service.store, "in_state", broken)
    world.clock.advance(60)
    found = await world.service.health.look()
    assert found.status == "unhealthy"
    assert "the store does not answer: store_unavailable; the pipeline" in found.message
    assert str(world.place) not in found.message


async def test_who_asks_often_makes_no_work(world, monkeypatch):
    """One look serves all who ask within two seconds."""
    looks = 0
    check = world.pipeline.check_health

    async def counted():
        nonlocal looks
        looks += 1
        return await check()

    monkeypatch.setattr(world.pipeline, "check_health", counted)
    world.clock.advance(60)
    await asyncio.gather(*(world.service.health.look() for _ in range(50)))
    assert looks == 1
    world.clock.advance(2)
    await world.service.health.look()
    assert looks == 2


async def test_a_log_is_read_while_its_job_runs(world, http):
    """A reader that waits gets the line when it is said; one of an ended job waits for none."""
    job = await world.submit()
    run = await world.pipeline.next()
    lines = []

    async def follow():
        async with aclosing(AsyncJob(world.jobs, job, None).follow_logs()) as log:
            async for line in log:
                lines.append(line.message)
                logged.set()

    logged = asyncio.Event()
    following = asyncio.create_task(follow())
    for number in range(3):
        logged.clear()
        run.say(Logged("info", f"line {number}"))
        async with asyncio.timeout(DEADLINE):
            while f"line {number}" not in lines:
                logged.clear()
                await logged.wait()
    waiting = asyncio.create_task(http.get(f"/v1/jobs/{job.job_id}/log?after=99&wait=60"))
    run.complete()
    async with asyncio.timeout(DEADLINE):
        await following
        assert (await waiting).json() == {"entries": []}
    assert [line for line in lines if line.startswith("line")] == ["line 0", "line 1", "line 2"]


def lines_of(formatter, say):
    """What a formatter makes of what is logged meanwhile."""
    logger, lines = logging.Logger("datagen_nb.test"), []

    class Kept(logging.Handler):
        def emit(self, record):
            lines.append(formatter.format(record))

    logger.addHandler(Kept())
    say(logger)
    return lines


def test_log_lines_carry_whom_they_are_about():
    """Request and customer of a block, nested; a job's task has its own only."""

    def say(logger):
        with log_context(request="r1"), log_context(customer="acme"):
            logger.warning("in %s", "both")
            new_log_context(customer="acme", job="j_1").run(logger.error, "of the job")
        logger.info("outside")

    first, second, third = map(json.loads, lines_of(JsonFormatter(), say))
    assert {**first, "time": ""} == {
        "time": "",
        "level": "warning",
        "logger": "datagen_nb.test",
        "message": "in both",
        "request": "r1",
        "customer": "acme",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
    assert (second["job"], second["customer"], "request" in second) == ("j_1", "acme", False)
    assert "customer" not in third
    assert lines_of(TextFormatter(), say)[0].endswith(
        "WARNING datagen_nb.test: in both [request=r1 customer=acme]"
    )


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_no_log_line_holds_a_key_or_leaves_its_line(formatter):
    """Not in the message, not in a trace; JSON stays one line whatever is said."""
    key = "dg_" + "a1" * 6 + "_" + "Zz9" * 14

    def say(logger):
        try:
            raise ValueError(f"with {key}")
        except ValueError:
            logger.exception("it broke\nwith %s", key)

    (line,) = lines_of(formatter, say)
    assert key not in line
    if isinstance(formatter, JsonFormatter):
        assert "\n" not in line
        assert "ValueError" in json.loads(line)["trace"]


async def test_the_rules_for_prometheus_name_metrics_there_are(world, http):
    """Each metric that an expression names is one that the service gives, labels and all."""
    await http.get("/v1/health")
    world.service.observers.refused(CUSTOMER, "queue_full")
    await world.service.alerting.look()
    text = (await world.service.metrics.scrape()).decode()
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    # Of a histogram without an observation there are no samples yet, but it is declared.
    declared = set(re.findall(r"^# TYPE (\w+) histogram", text, re.MULTILINE))
    labels |= {f"{name}_bucket": {"le", "state"} for name in declared} if declared else {}

    file = resources.files("datagen_nb.service") / "alerts.rules.yml"
    rules = [
        rule
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 10
    for rule in rules:
        named = re.findall(r"\b(datagen_\w+)(?:\{([^}]*)\})?", rule["expr"])
        assert named or rule["alert"] == "DatagenServiceDown", rule["alert"]
        for name, selector in named:
            assert name in labels, f"{rule['alert']} asks for {name}"
            assert set(re.findall(r"(\w+)\s*=", selector)) <= labels[name], rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "remedy"}
        assert rule["expr"].count("(") == rule["expr"].count(")")
