"""What a card shows, whole, in one JSON object, made anew for each change."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime
from pathlib import PurePath
from typing import Any

from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.parameters import from_wire
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.places import source_of
from datagen_nb.core.quoting import python
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus, State
from datagen_nb.ui.report_verdicts import privacy_level, privacy_reason
from datagen_nb.ui.snapshots import CardSnapshot, ReportSummary
from datagen_nb.ui.throttle import Throttle

MAX_DETAIL_LENGTH = 500
"""Characters of the source and of the parameters: a snapshot is sent at each change."""


def snapshot_of(
    status: JobStatus,
    config: JobConfiguration,
    report: Report | None,
    *,
    cooldown_until: datetime | None = None,
    model_size: int | None = None,
) -> dict[str, Any]:
    """The snapshot of a job, as it is sent."""
    parameters = {name: value for name, value in config.parameters.items() if name != "seed"}
    return CardSnapshot(
        status=status,
        title=status.name or PurePath(config.input_path).stem or config.data_type,
        format=FORMATS[config.output_format].label,
        output_path=config.output_title if config.output_path else None,
        cooldown_until=cooldown_until,
        source=_cut(source_of(config.input_bucket, config.input_path)),
        seed=config.parameters.get("seed", 0),
        parameters=_cut(python(from_wire(parameters))) if parameters else "",
        timeout=config.timeout,
        report=None if report is None else _summary(report),
        model_size=model_size,
    ).to_wire()


def _summary(report: Report) -> ReportSummary:
    return ReportSummary(
        fidelity=report.fidelity,
        privacy=privacy_reason(report),
        level=privacy_level(report),
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DETAIL_LENGTH else f"{text[:MAX_DETAIL_LENGTH]}…"


async def feed(
    throttle: Throttle, job: AsyncJob, config: JobConfiguration, client: AsyncClient
) -> None:
    """Offer each newer snapshot until the job has ended; a change of its state goes at once.

    If the service does not answer any more, the last one says so, as ``trouble``.
    """
    made = snapshot_of(job.status, config, None)
    try:
        async with aclosing(job.updates()) as updates:
            async for status in updates:
                before, made = made, await newer(status, job, config, client)
                changed = made["status"]["status"] != before["status"]["status"]
                throttle.offer(made, at_once=changed)
    except DatagenError as error:
        throttle.offer({**made, "trouble": str(error)}, at_once=True)
    finally:
        throttle.close()


async def newer(
    status: JobStatus, job: AsyncJob, config: JobConfiguration, client: AsyncClient
) -> dict[str, Any]:
    """With what a card shows in addition: the report and the model, the end of a cooldown."""
    report = model_size = until = None
    if status.status is State.COMPLETED:
        report, model_size = await job.report(), await job.model.size()
    if status.status is State.CANCELLED:
        until = (await client.limits()).cooldown_until
    return snapshot_of(status, config, report, cooldown_until=until, model_size=model_size)
