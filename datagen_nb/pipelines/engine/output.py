"""The file that a job writes its result to: checked before the work, written after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from datagen_nb.core.buckets import LocalDisk, Mode, free_bytes
from datagen_nb.core.errors import (
    NotFound,
    OutputError,
    VersionConflict,
)
from datagen_nb.core.manifest import Part
from datagen_nb.core.output_errors import output_exists, output_is_input
from datagen_nb.core.pipeline import Task
from datagen_nb.core.places import LOCAL_FILES, USUAL_MODE
from datagen_nb.core.words import size as in_bytes
from datagen_nb.pipelines.engine.workspace import Plan, Workspace

SPARE_BYTES = 64 << 20
"""Bytes that a disk keeps free beside a result."""

_BEGUN = "output-begun"


@dataclass(frozen=True, slots=True)
class OutputFile:
    """The output of one job, as one attempt may write it."""

    task: Task
    workspace: Workspace

    def check(self) -> None:
        """Begin to write the result and stop: what would fail at the end fails now.

        Raises:
            OutputError: It is the input, or cannot be written.
        """
        config, target = self.task.config, self.task.target
        is_one_bucket = config.has_input and config.input_bucket == config.output_bucket
        if is_one_bucket and (
            target.is_same(config.input_path, config.output_path)
            if isinstance(target, LocalDisk)
            else config.input_path == config.output_path
        ):
            raise output_is_input(config.output_title)
        try:
            with self.open():
                raise _StopWritingError
        except _StopWritingError:
            return
        except NotFound as error:
            raise OutputError(
                f"{config.output_title} is no name for a result. Choose another.",
                details={"path": config.output_path},
            ) from error

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file to write to; one that is there is replaced if an earlier attempt wrote it."""
        config, target = self.task.config, self.task.target
        mode: Mode = "overwrite" if config.overwrite or self._was_begun() else "create"
        if config.output_bucket == LOCAL_FILES and isinstance(target, LocalDisk):
            permissions = USUAL_MODE if config.output_mode is None else config.output_mode
            writer = target.writer(config.output_path, mode=mode, permissions=permissions)
        else:
            writer = target.writer(config.output_path, mode=mode)
        try:
            with writer as file:
                yield file
        except VersionConflict as error:
            raise output_exists(config.output_title) from error

    def mark_begun(self) -> None:
        """Let later attempts know that a file which is there may be this job's own."""
        if not self._was_begun():
            self.workspace.save(_BEGUN, b"")

    def check_space(self, plan: Plan, first: Part) -> None:
        """Fail early when the rest will not fit, judging by the first part.

        Raises:
            OutputError: A disk has too few free bytes.
        """
        config = self.task.config
        need = int(first.size / first.rows * (plan.total - first.rows))
        needs = [(self.task.bucket, first.name, need)]
        if config.output_path:
            needs.append((self.task.target, config.output_path, need + first.size))
        free = [free_bytes(bucket, path) for bucket, path, _ in needs]
        if len(set(free)) == 1:  # one disk has to hold both
            needs = [(*needs[-1][:2], sum(size for _, _, size in needs))]
        for (_, path, size), left in zip(needs, free, strict=False):
            if left is not None and plan.count > 1 and left < size + SPARE_BYTES:
                remedy = "Make room, ask for fewer rows, or write elsewhere."
                raise OutputError(
                    f"The result will not fit: about {in_bytes(size)} are still to be written to "
                    f"{path}, {in_bytes(left)} are free. {remedy}",
                    code="disk_full",
                    details={
                        "path": path,
                        "freeBytes": left,
                        "neededBytes": size,
                        "remedy": remedy,
                        "retryHelps": True,
                    },
                )

    def _was_begun(self) -> bool:
        return self.workspace.load(_BEGUN) is not None


class _StopWritingError(Exception):
    """Ends a trial write."""
