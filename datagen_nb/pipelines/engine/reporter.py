"""The signals of one attempt: stages, progress, warnings and log lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from datagen_nb.core.changes import Progressed, StageCompleted, StageStarted, Warned
from datagen_nb.core.pipeline import Logged, Signal
from datagen_nb.pipelines.built_in import STAGES

PROGRESS_SECONDS = 0.2

Emit = Callable[[Signal], None]


@dataclass(slots=True)
class Reporter:
    """Emits what an attempt does.

    Attributes:
        attempt: Its number.
        emit: Takes each signal.
        stage: The stage that runs.
        seconds: How long each ended stage took.
    """

    attempt: int
    emit: Emit
    stage: str = STAGES[0]
    seconds: dict[str, float] = field(default_factory=dict)
    _last_progress: float = 0.0

    @contextmanager
    def in_stage(self, stage: str) -> Iterator[None]:
        """Report the begin and the end of a stage around the block."""
        self.stage = stage
        self._last_progress = 0.0
        self.emit(StageStarted(self.attempt, stage))
        began = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - began, 3)
        self.emit(StageCompleted(self.attempt, stage))

    def progress(self, percent: float, rows_done: int | None = None) -> None:
        """Report how much of the stage is done, at most every ``PROGRESS_SECONDS``."""
        now = time.monotonic()
        is_last = rows_done is not None and percent >= 100
        if now - self._last_progress >= PROGRESS_SECONDS or is_last:
            self._last_progress = now
            self.emit(Progressed(self.attempt, self.stage, percent, rows_done))

    def share(self, done: float) -> None:
        """Report the share of the stage that is done, 0 to 1."""
        self.progress(100 * done)

    def warn(self, message: str) -> None:
        self.emit(Warned(self.attempt, message))

    def log(self, message: str) -> None:
        self.emit(Logged("info", message))
