"""What a preset stands for: settings, which a fit reads. No fit reads the name of a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What is spent on a fit, and what it keeps to itself.

    Attributes:
        sample_rows: Most rows that are fitted to.
        min_count: A value that fewer rows have is not used as it is.
        predict: Whether predictions are tried beside the trees: nearer, and slower to draw.
    """

    sample_rows: int = 50_000
    min_count: int = 5
    predict: bool = True


PRESETS: Mapping[str, Settings] = {
    "balanced": Settings(),
    "fast": Settings(sample_rows=20_000, predict=False),
    "accurate": Settings(sample_rows=200_000),
    "private": Settings(sample_rows=20_000, min_count=20),
}
"""By the names that a user gives; the first holds where none is given."""
