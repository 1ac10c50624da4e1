"""The log's lines about jobs: one for each start, end, failure and refusal."""

from __future__ import annotations

import logging

from datagen_nb.core.logs import log_context
from datagen_nb.core.status import JobStatus, State

logger = logging.getLogger("datagen_nb.service")


class Journal:
    """Writes what happens to jobs into the log; implements ``core.observer.Observer``."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}

    def created(self, customer: str, status: JobStatus) -> None:
        with log_context(customer=customer, job=status.job_id):
            logger.info("job %s was accepted", status.job_id)

    def changed(self, customer: str, status: JobStatus) -> None:
        """Writes a line when the state is another one; progress writes none."""
        before = self._states.get(status.job_id)
        if before is status.status:
            return
        with log_context(customer=customer, job=status.job_id):
            if status.status is State.FAILED:
                code = "" if status.error is None else status.error.code
                logger.warning("job %s failed: %s", status.job_id, code)
            else:
                logger.info("job %s is %s", status.job_id, status.status)
        if status.status.is_terminal:
            self._states.pop(status.job_id, None)
        else:
            self._states[status.job_id] = status.status

    def refused(self, customer: str, code: str) -> None:
        with log_context(customer=customer):
            logger.warning("customer %s was refused: %s", customer, code)

    def deleted(self, customer: str, jobs: int) -> None:
        with log_context(customer=customer):
            logger.info("%d jobs of %s were deleted", jobs, customer)

    def swept(self) -> None:
        """Writes nothing: it happens all the time."""

    def sweep_failed(self, reason: str) -> None:
        """Writes nothing: retention does."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Writes nothing: metrics count answers."""
