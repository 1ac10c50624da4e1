"""A trace of each job, from its submit to its parts, for OpenTelemetry (extra ``otel``).

It is made when the job ends, of what its status says and of when its parts were reported here. So
it is one trace also of a job that several processes ran, and costs nothing while the job runs.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context

from datagen_nb.core.changes import Annotated, Change
from datagen_nb.core.store import JobRecord
from datagen_nb.core.version import __version__
from datagen_nb.core.wire_model import as_instant

MAX_JOBS = 1_000
"""Running jobs whose parts are noted."""

MAX_PARTS = 1_000
"""Parts of a job that its trace has, the newest."""


class JobTraces:
    """Makes the traces of the jobs that end in this process.

    Args:
        tracer: Takes the spans.

    Example:
        ```python
        traces = JobTraces.sent_to("http://collector:4318")
        service.changes.subscribe(traces.on_change)
        service.runner.part_hooks.append(traces.on_part)
        ```
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._parts: OrderedDict[str, deque[datetime]] = OrderedDict()

    @classmethod
    def sent_to(cls, address: str) -> Self:
        """Those that are sent to a collector, in the background; the last ones at exit.

        Args:
            address: Of an OTLP receiver over HTTP, as ``http://collector:4318``.
        """
        resource = Resource.create({"service.name": "datagen-nb", "service.version": __version__})
        provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider.get_tracer("datagen_nb", __version__))

    def on_part(self, job_id: str, at: datetime) -> None:
        """A part of a job is in its bucket since then; a hook of ``Runner``."""
        parts = self._parts.setdefault(job_id, deque(maxlen=MAX_PARTS))
        parts.append(as_instant(at))  # no finer than the times of a status
        if len(self._parts) > MAX_JOBS:
            self._parts.popitem(last=False)

    def on_change(self, record: JobRecord, change: Change) -> None:
        """Make the trace of a job that has just ended; a hook of ``JobChanges``."""
        status = record.status
        if not status.status.is_terminal or isinstance(change, Annotated):
            return
        parts = self._parts.pop(status.job_id, ())
        end = status.end_time or status.last_updated
        job = self._tracer.start_span(
            "job", Context(), start_time=_nanoseconds(status.created_time)
        )
        job.set_attributes(
            {
                "datagen.job": status.job_id,
                "datagen.customer": record.customer,
                "datagen.state": status.status.value,
                "datagen.rows": status.rows_done,
                "datagen.attempts": status.attempt,
                "datagen.pipeline": status.metadata.pipeline or "",
            }
        )
        if status.error is not None:
            job.set_status(StatusCode.ERROR, status.error.code)
        begun = status.start_time if status.attempt else end
        self._add("queued", job, status.created_time, begun)
        for stage in status.stages:
            if stage.start_time is not None:
                self._add_stage(stage.name, job, stage.start_time, stage.end_time or end, parts)
        job.end(_nanoseconds(end))

    def _add_stage(
        self, name: str, job: Span, start: datetime, end: datetime, parts: Iterable[datetime]
    ) -> None:
        """Add a stage; a part of it lasts from the one before it."""
        stage = self._add(name, job, start, end)
        for at in parts:
            if start <= at <= end:
                self._add("part", stage, start, at)
                start = at

    def _add(self, name: str, parent: Span, start: datetime, end: datetime) -> Span:
        context = set_span_in_context(parent, Context())
        span = self._tracer.start_span(name, context, start_time=_nanoseconds(start))
        span.end(_nanoseconds(end))
        return span


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1_000
