"""What tests need to know of the pipelines of this package."""

from datagen_nb.core.clock import SystemClock
from datagen_nb.pipelines.built_in import INFO
from datagen_nb.pipelines.mock import MockPipeline

WEIGHTS = INFO.stage_weights(1_000)
"""Weights of the stages of a small job."""

A_PIPELINE = MockPipeline("succeeds", speed=1, seed=0, clock=SystemClock())
"""One that is only asked what it is."""
