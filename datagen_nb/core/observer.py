"""Ports of monitoring: what the service reports to metrics, alerts and logs."""

from __future__ import annotations

from typing import Protocol

from datagen_nb.core.status import JobStatus


class Observer(Protocol):
    """Gets notified of what happens. Methods must return quickly, and must not block or raise."""

    def created(self, customer: str, status: JobStatus) -> None:
        """A job was accepted."""
        ...

    def changed(self, customer: str, status: JobStatus) -> None:
        """A job was changed; ``status`` is the new one."""
        ...

    def refused(self, customer: str, code: str) -> None:
        """A limit refused a request or a submit; ``code`` is the error's."""
        ...

    def deleted(self, customer: str, jobs: int) -> None:
        """Ended jobs were deleted, by retention or on request."""
        ...

    def swept(self) -> None:
        """Retention has finished a full sweep."""
        ...

    def sweep_failed(self, reason: str) -> None:
        """A sweep of retention failed."""
        ...

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A response was sent; ``route`` is the path's template, never the path."""
        ...


class Exposition(Protocol):
    """Metrics for a scraper."""

    async def scrape(self) -> bytes:
        """All metrics in the Prometheus text format, version 0.0.4."""
        ...
