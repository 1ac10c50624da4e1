"""One action on many jobs: each by itself; what was refused is returned with the reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from datagen_nb.core.errors import ConfigurationError, DatagenError, Problem
from datagen_nb.core.messages import Refusal

MAX_BULK_JOBS = 500


async def each(
    job_ids: Sequence[str], act: Callable[[str], Awaitable[object]]
) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """Act on each job once; those done, and those refused.

    Raises:
        ConfigurationError: They are more than ``MAX_BULK_JOBS``; nothing was done.
    """
    if len(job_ids) > MAX_BULK_JOBS:
        rule, remedy = f"has to be at most {MAX_BULK_JOBS}", "Name them in several calls."
        raise ConfigurationError([Problem("jobIds", f"{len(job_ids)} ids", rule, remedy)])
    done, refused = [], []
    for job_id in dict.fromkeys(job_ids):
        try:
            await act(job_id)
            done.append(job_id)
        except DatagenError as error:
            refused.append(Refusal(job_id=job_id, code=error.code, message=error.message))
    return tuple(done), tuple(refused)
