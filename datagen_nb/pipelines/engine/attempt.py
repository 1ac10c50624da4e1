"""One attempt at one job, from validating to the report, in whatever process it is called.

Every stage leaves what it made in the bucket, and looks there first: an attempt goes on where
the one before was stopped, and makes the same bytes. The order at the end is: all parts, the
assembled file, the report, and last the manifest, so a job that is complete has all of them.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Protocol

from datagen_nb.core.changes import Failed, StageCompleted
from datagen_nb.core.data_types import DATA_TYPES
from datagen_nb.core.errors import DatagenError, OutputError
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline import Logged, Task
from datagen_nb.core.result import Report
from datagen_nb.core.status import StaleAttempt
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.pipelines.engine.executor import Executor, InlineExecutor
from datagen_nb.pipelines.engine.one_table import OneTable
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.several_tables import SeveralTables
from datagen_nb.pipelines.engine.workspace import Workspace
from datagen_nb.pipelines.failures import failure


def run_attempt(task: Task, emit: Emit, executor: Executor | None = None) -> None:
    """Do one attempt; the last signal is ``Completed`` or ``Failed``.

    An attempt that was replaced by a newer one emits nothing more.

    Args:
        task: What to do.
        emit: Takes each signal.
        executor: Makes the parts; by default this thread does.
    """
    workspace = Workspace(task.bucket, task.job_id, task.attempt, task.config.output_format)
    report = Reporter(task.attempt, emit)
    kind = SeveralTables if DATA_TYPES[task.config.data_type].has_several_tables else OneTable
    stages = kind(task, workspace, emit, report, executor or InlineExecutor())
    attempt = _Attempt(task, workspace, emit, stages, report)
    try:
        try:
            attempt.run()
        except Exception as error:  # whatever it is, the job has to end with a failure
            if isinstance(error, StaleAttempt):
                raise
            ended = Failed(task.attempt, failure(error, report.stage))
            for line in _trace(error):
                emit(Logged("error", line))
            workspace.discard()
            emit(ended)
    except StaleAttempt:
        return


class Stages(Protocol):
    """What an attempt does: a method for each stage, in their order.

    What is made is left in the workspace, and looked for there first.
    """

    def check(self) -> None:
        """Look at the input and at the output, in the stage *validate*.

        Raises:
            InputError: The input is not there, or is not in the stated format.
            OutputError: The output is the input, or cannot be written.
        """
        ...

    def read(self) -> None:
        """Read what there is to read."""
        ...

    def fit(self) -> None:
        """Fit the model, or take up one."""
        ...

    def generate(self) -> None:
        """Publish all parts of the result."""
        ...

    def write(self) -> Manifest:
        """Write the one file that was asked for, if one was, and list the parts."""
        ...

    def report(self) -> Report:
        """Compare the result with the input."""
        ...


@dataclass(slots=True)
class _Attempt:
    task: Task
    workspace: Workspace
    emit: Emit
    stages: Stages
    report: Reporter

    def run(self) -> None:
        workspace = self.workspace
        if (manifest := workspace.manifest()) is not None:
            for stage in STAGES:
                self.emit(StageCompleted(self.task.attempt, stage))
        else:
            workspace.claim()
            manifest = self._through()
        try:
            workspace.clear()
        except OutputError as error:  # the result is there: what remains only takes room
            self.report.log(f"Temporary objects of the job could not be removed: {error.message}")
        self.emit(workspace.completed(manifest))

    def _through(self) -> Manifest:
        with self.report.in_stage("validate"):
            self.stages.check()
        with self.report.in_stage("read"):
            self.stages.read()
        with self.report.in_stage("fit"):
            self.stages.fit()
        with self.report.in_stage("generate"):
            self.stages.generate()
        with self.report.in_stage("write"):
            manifest = self.stages.write()
        with self.report.in_stage("report"):
            report = self.stages.report()
            if report.memorisation.budget is None:  # times depend on the rows
                report = report.model_copy(update={"seconds": self.report.seconds})
            self.workspace.save_report(report)
            self.workspace.complete(manifest)
        return manifest


def _trace(error: Exception) -> list[str]:
    if isinstance(error, DatagenError):
        return [error.message]
    return "".join(traceback.format_exception(error)).rstrip().splitlines()[-30:]
