"""Where a model comes from without an input: its columns are declared in the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from datagen_nb.core.changes import InputMeasured
from datagen_nb.core.declaration import read
from datagen_nb.core.pipeline import Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.engine.declaring import declared
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.tasks import taken_up
from datagen_nb.pipelines.engine.workspace import Workspace
from datagen_nb.synth.declared.model import DeclaredModel
from datagen_nb.synth.declared.report import report_of
from datagen_nb.synth.model import Model
from datagen_nb.tables.formats import check_writable


@dataclass(slots=True)
class FromSchema:
    """Compiles what is declared; an ``Origin``."""

    task: Task
    workspace: Workspace
    emit: Emit
    log: Reporter

    def check(self) -> None:
        read(self.task.config.parameters["schema"], "parameters.schema")
        self.emit(InputMeasured(self.task.attempt, 0))

    def read(self) -> None:
        """Nothing: there is no input."""

    def model(self) -> Model:
        if (data := self.workspace.model()) is None:
            config = self.task.config
            model = declared(config)
            few = model.generate(0, min(config.data_size, model.block), offset=0)
            check_writable(few, config.output_format, config.input_title)
            data = model.to_bytes()
            self.workspace.save_model(data)
            self.log.log(f"Read the schema: {len(model.kinds)} columns.")
        return taken_up(data)

    def report(self, model: Model, rows: Callable[[int], pa.Table]) -> Report:
        assert isinstance(model, DeclaredModel)  # noqa: S101, no other is kept by such a job
        return report_of(model, rows(REPORT_ROWS))


REPORT_ROWS = 50_000
"""Rows that are compared with what is declared, about."""
