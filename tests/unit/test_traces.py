"""A trace of each job that ends: one, from the submit to the parts."""

import asyncio
from datetime import timedelta

import pytest

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed (extra otel)")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import Annotation
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.monitoring.traces import JobTraces
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE
from tests.receiver import receiving

CONFIG = JobConfiguration.from_wire(
    {
        "dataSize": 20,
        "inputFormat": "csv",
        "outputFormat": "csv",
        "inputPath": "in.csv",
        "isAsync": False,
        "parameters": {"partRows": 5},
    }
)
MICROSECOND = 1_000


async def traced(tmp_path, scenario, act=lambda jobs, job: asyncio.sleep(0)):
    """Run a job; its status and the spans that it left."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = JobTraces(provider.get_tracer("test"))
    pipeline = MockPipeline(scenario, speed=5_000, seed=7, clock=SystemClock())
    service = await build_service(tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline)
    service.changes.subscribe(traces.on_change)
    service.runner.part_hooks.append(traces.on_part)
    try:
        service.buckets("ann", "default").put("in.csv", b"n\n1\n2\n")
        jobs = service.customer("ann")
        async with asyncio.timeout(DEADLINE):
            status = await jobs.create(CONFIG, idempotency_key="one")
            await act(jobs, status)
        return status, exporter.get_finished_spans()
    finally:
        await service.aclose()
        provider.shutdown()


def named(spans, name):
    return [span for span in spans if span.name == name]


async def test_a_job_is_one_trace_from_its_submit_to_its_parts(tmp_path):
    """Each span lies in its parent, and the parts are those of the stage that makes rows."""
    status, spans = await traced(tmp_path, "succeeds")

    (job,) = named(spans, "job")
    assert job.parent is None
    assert job.attributes["datagen.job"] == status.job_id
    assert (job.attributes["datagen.state"], job.attributes["datagen.rows"]) == ("completed", 20)
    assert {span.context.trace_id for span in spans} == {job.context.trace_id}
    under_job = [one.name for one in spans if one.parent and one.parent == job.context]
    assert under_job == ["queued", *STAGES]
    (generate,) = named(spans, "generate")
    parts = named(spans, "part")
    assert [part.parent for part in parts] == [generate.context] * 4
    by_id = {span.context.span_id: span for span in spans}
    for span in spans:
        assert span.start_time <= span.end_time
        if span.parent:
            around = by_id[span.parent.span_id]
            assert around.start_time <= span.start_time
            assert span.end_time <= around.end_time
    ran = timedelta(microseconds=(job.end_time - job.start_time) / MICROSECOND)
    assert ran == status.end_time - status.created_time


async def test_a_failed_job_says_why_by_its_code(tmp_path):
    """Nothing of the customer's table or words is in a trace."""
    _, spans = await traced(tmp_path, "fails_at_stage")

    (job,) = named(spans, "job")
    assert job.status.status_code is StatusCode.ERROR
    assert job.status.description == "mock_failure"
    assert named(spans, "report") == []


async def test_a_note_on_an_ended_job_makes_no_second_trace(tmp_path):
    """A job ends once."""

    async def annotate(jobs, job):
        await jobs.annotate(job.job_id, Annotation(note="seen"))

    _, spans = await traced(tmp_path, "succeeds", annotate)

    assert len(named(spans, "job")) == 1


async def test_a_trace_is_sent_to_the_collector_of_the_settings(tmp_path, monkeypatch):
    """As OTLP over HTTP, by the service itself."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    pipeline = MockPipeline("succeeds", speed=5_000, seed=7, clock=SystemClock())
    async with receiving() as collector:
        service = await build_service(
            tmp_path / "jobs.sqlite",
            tmp_path / "buckets",
            pipeline,
            Settings(traces=f"http://127.0.0.1:{collector.port}/"),
        )
        try:
            service.buckets("ann", "default").put("in.csv", b"n\n1\n2\n")
            await service.customer("ann").create(CONFIG, idempotency_key="one")
            request, *_ = await collector.count(1)
        finally:
            await service.aclose()

    assert (request.method, request.path) == ("POST", "/v1/traces")
    (resource,) = ExportTraceServiceRequest.FromString(request.body).resource_spans
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert attributes["service.name"] == "datagen-nb"
    names = {span.name for scope in resource.scope_spans for span in scope.spans}
    assert names <= {"job", "queued", "part", *STAGES}
