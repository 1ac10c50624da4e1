"""What a card is told: everything it shows, in one JSON object, made anew for each change."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus


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
