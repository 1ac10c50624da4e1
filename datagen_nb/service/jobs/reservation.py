"""How many bytes a job will store, as far as they count towards the quota."""

from __future__ import annotations

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.estimates import UNKNOWN_ROW, Estimate
from datagen_nb.core.limits import Limits
from datagen_nb.core.places import DEFAULT_BUCKET


def kept_copies(config: JobConfiguration) -> int:
    """How often the result of a job is kept where it counts towards the quota."""
    return 2 if config.output_path and config.output_bucket == DEFAULT_BUCKET else 1


def expected_to_keep(
    config: JobConfiguration, estimate: Estimate | None, limits: Limits
) -> tuple[int, int]:
    """Least and most bytes that a job keeps; without an estimate, as many as could well be."""
    copies = kept_copies(config)
    if estimate is not None:
        return estimate.bytes_low * copies, estimate.bytes_high * copies
    return 1, 1 if limits.storage_quota is None else config.data_size * UNKNOWN_ROW * copies
