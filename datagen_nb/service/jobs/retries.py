"""How often a job is tried again: after a failure that passes, and after its worker has died."""

from __future__ import annotations

from collections import Counter

from datagen_nb.core.failure import JobFailure
from datagen_nb.core.status import JobStatus
from datagen_nb.service.settings import Settings


class Retries:
    """Counts of the jobs that run here; they begin anew with the process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._retried: Counter[tuple[str, str]] = Counter()
        self._lost: dict[str, tuple[int, tuple[int, int]]] = {}

    def wait_before_retry(self, job_id: str, failure: JobFailure) -> float | None:
        """Count one more retry of the stage that failed.

        Returns:
            Seconds to wait before it; None if the failure stays or was retried often enough.
        """
        details = failure.details or {}
        if not details.get("passing"):
            return None
        key = job_id, str(details.get("stage", ""))
        tried = self._retried[key]
        if tried >= self._settings.max_retries:
            return None
        self._retried[key] += 1
        return self._settings.retry_seconds * float(4**tried)

    def count_loss(self, status: JobStatus) -> int:
        """Count a worker that died.

        Returns:
            How many died in a row without getting further than the one before.
        """
        losses, furthest = self._lost.get(status.job_id, (0, (-1, -1)))
        completed = sum(stage.status == "completed" for stage in status.stages)
        reached = completed, status.rows_done
        losses = losses + 1 if reached <= furthest else 1
        self._lost[status.job_id] = losses, max(reached, furthest)
        return losses

    def forget(self, job_id: str) -> None:
        """Drop the counts of a job that has ended."""
        self._lost.pop(job_id, None)
        for key in [key for key in self._retried if key[0] == job_id]:
            del self._retried[key]
