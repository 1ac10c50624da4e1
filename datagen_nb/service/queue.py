"""Who is next: each customer's jobs in the order they came, the customers in turn."""

from __future__ import annotations

from collections.abc import Callable

Key = tuple[str, str]
"""Customer and job."""


class Queue:
    """Queued jobs of all customers.

    A customer who was served goes behind all others who wait, so that a thousand jobs of one delay
    the single job of another by one slot at most.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, customer: str, job_id: str) -> None:
        """Put a job behind the others of its customer, unless it already waits."""
        self._waiting.setdefault(customer, {}).setdefault(job_id)

    def put_back(self, customer: str, job_id: str) -> None:
        """Put a job before the others of its customer."""
        others = self._waiting.get(customer, {})
        self._waiting[customer] = {job_id: None} | others

    def remove(self, customer: str, job_id: str) -> None:
        """Forget a job, if it waits."""
        jobs = self._waiting.get(customer, {})
        jobs.pop(job_id, None)
        if not jobs:
            self._waiting.pop(customer, None)

    def take(self, may_start: Callable[[str], bool]) -> Key | None:
        """The next job of the first customer who may start one."""
        for customer, jobs in self._waiting.items():
            if may_start(customer):
                job_id = next(iter(jobs))
                del self._waiting[customer], jobs[job_id]
                if jobs:
                    self._waiting[customer] = jobs
                return customer, job_id
        return None

    def position(self, customer: str, job_id: str) -> int | None:
        """Place among the customer's own, from 1."""
        jobs = self._waiting.get(customer, {})
        if job_id not in jobs:
            return None
        return next(place for place, other in enumerate(jobs, 1) if other == job_id)

    @property
    def customers(self) -> list[str]:
        """Who waits, in their turn."""
        return list(self._waiting)
