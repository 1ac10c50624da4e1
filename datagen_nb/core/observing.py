"""What is told of the service's work to whoever counts it: metrics, alerts."""

from __future__ import annotations

from typing import Literal, Protocol

from datagen_nb.core.status import JobStatus

Outcome = Literal["delivered", "failed", "dead"]


class Observer(Protocol):
    """Hears what has happened. Every method is quick, waits for nothing and raises nothing."""

    def created(self, customer: str, status: JobStatus) -> None:
        """A job was accepted."""
        ...

    def changed(self, customer: str, status: JobStatus) -> None:
        """A job was changed; ``status`` is the new one."""
        ...

    def refused(self, customer: str, code: str) -> None:
        """A limit stopped a request or a submit; ``code`` is the error's."""
        ...

    def deleted(self, customer: str, jobs: int) -> None:
        """Ended jobs were deleted, because their time had passed or on request."""
        ...

    def swept(self) -> None:
        """Retention has looked everywhere and has nothing left to delete."""
        ...

    def sweep_failed(self, reason: str) -> None:
        """Retention broke off."""
        ...

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; ``route`` is the path's template, never the path."""
        ...


class Exposition(Protocol):
    """Gives what was counted."""

    async def scrape(self) -> bytes:
        """Everything counted, in the text format of Prometheus, version 0.0.4."""
        ...
