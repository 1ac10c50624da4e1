"""Who is next: each customer's jobs in the order they came, the slots shared among customers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Container, Mapping

from datagen_nb.core.status import State
from datagen_nb.core.store import JobRecord, JobStore

Key = tuple[str, str]
"""Customer and job."""


class Queue:
    """Queued jobs of all customers.

    The next slot goes to the customer who has the fewest, of several such to the one who was
    served longest ago: a thousand jobs of one delay the single job of another by one slot at most.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

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

    def take(
        self,
        may_start: Callable[[str], bool],
        *,
        slots: Mapping[str, int],
        busy: Container[str] = (),
    ) -> Key | None:
        """The job that gets a free slot.

        Args:
            may_start: Whether a customer may start a job.
            slots: How many each customer has.
            busy: Jobs that cannot start yet, as an earlier run of theirs is still ending.
        """
        able = {
            customer: job_id
            for customer, jobs in self._waiting.items()
            if may_start(customer)
            and (job_id := next((job for job in jobs if job not in busy), None)) is not None
        }
        if not able:
            return None
        customer = min(able, key=lambda customer: slots.get(customer, 0))
        jobs = self._waiting.pop(customer)
        del jobs[able[customer]]
        if jobs:
            self._waiting[customer] = jobs
        return customer, able[customer]

    def position(self, customer: str, job_id: str) -> int | None:
        """Place among the customer's own, from 1."""
        jobs = self._waiting.get(customer, {})
        if job_id not in jobs:
            return None
        # Who has just come is asked for most, and is last.
        return len(jobs) if next(reversed(jobs)) == job_id else [*jobs].index(job_id) + 1

    def jobs_of(self, customer: str) -> set[str]:
        """A customer's jobs that wait."""
        return set(self._waiting.get(customer, ()))

    @property
    def customers(self) -> list[str]:
        """Who waits, in their turn."""
        return list(self._waiting)


async def records_in(store: JobStore, state: State) -> AsyncGenerator[JobRecord, None]:
    """Jobs of all customers in a state, the oldest first."""
    after = ("", "")
    while records := await store.in_state(state, after=after):
        for record in records:
            yield record
        after = (records[-1].job_id, records[-1].customer)
