"""What the service counts of itself, in the form that Prometheus reads.

Counters start with the process. No label says whose a thing is: there are as many customers as
there are, and a label has to stay small. Source: the specification, section 5.1.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client import Counter as Count
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from datagen_nb.core.status import JobStatus, State
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.runner import Runner
from datagen_nb.service.monitoring.alerts import Alerting
from datagen_nb.service.monitoring.health import HealthCheck, lag_of_webhooks

SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400)
"""Bounds of the buckets of a job's processing time."""

ANSWER_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
"""Bounds of the buckets of a request's latency."""

LIMIT_CODES = frozenset(
    {
        "queue_full",
        "cooling_down",
        "rate_limited",
        "storage_quota",
        "too_many_looks",
        "too_many_open",
    }
)
"""Limits that are counted apart; any other is ``other``."""

HEALTH = ("healthy", "degraded", "unhealthy")

MAX_CUSTOMERS = 10_000
"""Customers whose bytes are summed for one answer."""


class Metrics:
    """Counts; implements ``core.observer.Observer`` and ``Exposition``.

    Args:
        context: Of the service.
        runner: Whose queue and workers are counted.
        health: How the service is.
        alerting: Whose active alerts are counted.
        deliveries: Attempts at deliveries so far, by outcome.
    """

    def __init__(
        self,
        context: ServiceContext,
        *,
        runner: Runner,
        health: HealthCheck,
        alerting: Alerting,
        deliveries: Counter[str],
    ) -> None:
        self._context = context
        self._runner = runner
        self._check = health
        self._alerting = alerting
        self.registry = registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        registry.register(_Webhooks(deliveries))
        self._created = _count(registry, "jobs_created", "Jobs that were accepted.")
        self._ended = _count(
            registry, "jobs_ended", "Jobs that ended, by their last state.", "state"
        )
        for state in State:
            if state.is_terminal:
                self._ended.labels(state.value)
        self._seconds = Histogram(
            "datagen_job_processing_seconds",
            "Seconds that an ended job spent running.",
            ["state"],
            buckets=SECONDS,
            registry=registry,
        )
        self._placed = _count(
            registry,
            "placed_jobs_ended",
            "Jobs that ended where there are two pipelines, by theirs.",
            "pipeline",
            "state",
        )
        self._refused = _count(registry, "limit_hits", "Requests that a limit stopped.", "limit")
        self._deleted = _count(registry, "retention_deleted_jobs", "Ended jobs that were deleted.")
        self._broken = _count(registry, "retention_failures", "Cleanings that broke off.")
        self._swept = _gauge(
            registry, "retention_last_success_timestamp_seconds", "When one went through."
        )
        self._answers = _count(
            registry, "http_requests", "Requests answered.", "method", "route", "status"
        )
        self._latency = Histogram(
            "datagen_http_request_seconds",
            "Seconds until the head of an answer.",
            ["method", "route"],
            buckets=ANSWER_SECONDS,
            registry=registry,
        )
        self._running = _gauge(registry, "jobs_running", "Jobs that run.")
        self._queued = _gauge(registry, "jobs_queued", "Jobs that wait for a slot.")
        self._slots = _gauge(registry, "job_slots", "Jobs that may run at once.")
        self._memory = _gauge(registry, "worker_memory_bytes", "Resident memory of all workers.")
        self._cpu = _gauge(
            registry, "worker_cpu_seconds", "CPU time of the workers that run, since they began."
        )
        self._stored = _gauge(registry, "stored_bytes", "Bytes kept and reserved, of all.")
        self._fullest = _gauge(
            registry, "quota_used_ratio_max", "Share of its quota that the fullest customer uses."
        )
        self._lag = _gauge(
            registry, "event_log_lag_events", "Events that the slowest webhook is behind its log."
        )
        self._health = _gauge(registry, "health", "1 for how the service does.", "status")
        self._alerts = _gauge(registry, "alerts_active", "Alerts that are active.", "severity")
        self._gauges = {
            "diskRoomBytes": _gauge(
                registry, "disk_room_bytes", "Bytes that can still be written."
            ),
            "queueAgeSeconds": _gauge(
                registry, "queue_age_seconds", "How long the oldest queued job waits."
            ),
            "eventLoopLagSeconds": _gauge(
                registry, "event_loop_lag_seconds", "How late the event loop was at the last look."
            ),
            "pipelineRemoteHealthy": _gauge(
                registry, "remote_pipeline_healthy", "1 if the pipeline elsewhere is healthy."
            ),
            "pipelineCircuitOpen": _gauge(
                registry, "remote_pipeline_circuit_open", "1 while it does not answer."
            ),
            "storeSeconds": _gauge(
                registry, "store_answer_seconds", "How long the store took at the last look."
            ),
        }

    def created(self, customer: str, status: JobStatus) -> None:  # noqa: ARG002  no label is whose
        self._created.inc()

    def changed(self, customer: str, status: JobStatus) -> None:  # noqa: ARG002
        if status.status.is_terminal:
            state = status.status.value
            self._ended.labels(state).inc()
            self._seconds.labels(state).observe(status.metadata.processing_time or 0.0)
            if status.metadata.pipeline is not None:
                self._placed.labels(status.metadata.pipeline, state).inc()

    def refused(self, customer: str, code: str) -> None:  # noqa: ARG002
        self._refused.labels(code if code in LIMIT_CODES else "other").inc()

    def deleted(self, customer: str, jobs: int) -> None:  # noqa: ARG002
        self._deleted.inc(jobs)

    def swept(self) -> None:
        self._swept.set(self._context.clock.now().timestamp())

    def sweep_failed(self, reason: str) -> None:  # noqa: ARG002  the log and the alert tell it
        self._broken.inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._answers.labels(method, route, str(status)).inc()
        self._latency.labels(method, route).observe(seconds)

    async def scrape(self) -> bytes:
        await self._look()
        return await asyncio.to_thread(generate_latest, self.registry)

    async def _look(self) -> None:
        """Set the gauges to what can be seen now."""
        runner = self._runner
        self._running.set(runner.running.total())
        self._queued.set(len(runner.queue))
        self._slots.set(self._context.settings.slots)
        usages = [usage_of(pid) for pid in set(runner.workers.values())]
        self._memory.set(sum(memory for memory, _ in usages))
        self._cpu.set(sum(seconds for _, seconds in usages))
        health = await self._check.look()
        for status in HEALTH:
            self._health.labels(status).set(status == health.status)
        for name, value in (health.metrics or {}).items():
            if name in self._gauges:
                self._gauges[name].set(value)
        severities = Counter(self._alerting.severities())
        for severity in ("warning", "critical"):
            self._alerts.labels(severity).set(severities[severity])
        stored, fullest = await self._room_used()
        self._stored.set(stored)
        self._fullest.set(fullest)
        self._lag.set(await lag_of_webhooks(self._context.store))

    async def _room_used(self) -> tuple[int, float]:
        stored, fullest = 0, 0.0
        for customer in (await self._context.store.customers())[:MAX_CUSTOMERS]:
            usage = await self._context.store.usage(customer)
            limits = await self._context.policy.limits_of(customer)
            stored += usage.stored
            if limits.storage_quota:
                fullest = max(fullest, usage.stored / limits.storage_quota)
        return stored, fullest


def usage_of(pid: int) -> tuple[int, float]:
    """Resident bytes and CPU seconds of a process; zeros where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        # The name, which may hold anything, stands in brackets before the rest.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError, ValueError):
        return 0, 0.0
    ticks = int(fields[11]) + int(fields[12])
    return pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK")


class _Webhooks(Collector):
    """Attempts at deliveries, as the couriers count them."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "datagen_webhook_deliveries",
            "Attempts that delivered or failed; deliveries that went dead.",
            labels=["outcome"],
        )
        for outcome in ("delivered", "failed", "dead"):
            family.add_metric([outcome], self._counts[outcome])
        yield family


def _count(registry: CollectorRegistry, name: str, description: str, *labels: str) -> Count:
    return Count(f"datagen_{name}", description, labels, registry=registry)


def _gauge(registry: CollectorRegistry, name: str, description: str, *labels: str) -> Gauge:
    return Gauge(f"datagen_{name}", description, labels, registry=registry)
