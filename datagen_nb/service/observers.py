"""Several observers of the service as one."""

from __future__ import annotations

from datagen_nb.core.observer import Observer
from datagen_nb.core.status import JobStatus


class Observers:
    """Reports to each of several observers; implements ``core.observer.Observer``."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, *observers: Observer) -> None:
        """Report to further observers from now on."""
        self._observers += observers

    def created(self, customer: str, status: JobStatus) -> None:
        for observer in self._observers:
            observer.created(customer, status)

    def changed(self, customer: str, status: JobStatus) -> None:
        for observer in self._observers:
            observer.changed(customer, status)

    def refused(self, customer: str, code: str) -> None:
        for observer in self._observers:
            observer.refused(customer, code)

    def deleted(self, customer: str, jobs: int) -> None:
        for observer in self._observers:
            observer.deleted(customer, jobs)

    def swept(self) -> None:
        for observer in self._observers:
            observer.swept()

    def sweep_failed(self, reason: str) -> None:
        for observer in self._observers:
            observer.sweep_failed(reason)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        for observer in self._observers:
            observer.answered(method, route, status, seconds)
