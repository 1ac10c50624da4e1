"""What a card is told: everything it shows, in one JSON object, made anew for each change."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import PurePath
from typing import Any

from datagen_nb.client import AsyncClient
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus, State
from datagen_nb.job import AsyncJob
from datagen_nb.ui.bridge import Throttle


def snapshot_of(
    status: JobStatus,
    config: JobConfiguration,
    report: Report | None,
    *,
    cooldown_until: str | None = None,
) -> dict[str, Any]:
    """The snapshot of a job; its form is ``widgets/src/snapshot.ts``."""
    made: dict[str, Any] = {
        "status": status.to_wire(),
        "title": status.name or PurePath(config.input_path).stem,
        "format": {"csv": "CSV", "json": "JSON", "jsonl": "JSON Lines", "parquet": "Parquet"}[
            config.output_format
        ],
    }
    if config.output_path:
        made["outputPath"] = config.output_path
    if cooldown_until is not None:
        made["cooldownUntil"] = cooldown_until
    if report is not None:
        made["report"] = {
            "fidelity": report.fidelity,
            "memorisation": report.memorisation.in_words(),
        }
    return made


async def feed(
    throttle: Throttle, job: AsyncJob, config: JobConfiguration, client: AsyncClient
) -> None:
    """Offer each newer snapshot until the job has ended; a change of its state goes at once.

    Who cannot be asked any more is told in the last one, as ``trouble``.
    """
    made = snapshot_of(job.status, config, None)
    try:
        async with aclosing(job.updates()) as updates:
            async for status in updates:
                before, made = made, await _newer(status, job, config, client)
                changed = made["status"]["status"] != before["status"]["status"]
                throttle.offer(made, at_once=changed)
    except DatagenError as error:
        throttle.offer({**made, "trouble": str(error)}, at_once=True)
    finally:
        throttle.close()


async def _newer(
    status: JobStatus, job: AsyncJob, config: JobConfiguration, client: AsyncClient
) -> dict[str, Any]:
    """With what a card shows besides: the report, the end of a cooldown."""
    report = await job.report() if status.status is State.COMPLETED else None
    until = None
    if status.status is State.CANCELLED:
        until = (await client.limits()).to_wire().get("cooldownUntil")
    return snapshot_of(status, config, report, cooldown_until=until)
