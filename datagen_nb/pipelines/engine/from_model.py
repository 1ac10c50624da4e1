"""Where a model comes from without a fit: another job of the customer has kept it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from datagen_nb.core.changes import InputMeasured
from datagen_nb.core.errors import InputError, NotFound
from datagen_nb.core.manifest import Manifest, ModelFile
from datagen_nb.core.pipeline import Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.tasks import taken_up
from datagen_nb.pipelines.engine.workspace import Workspace
from datagen_nb.pipelines.selecting import selection_for, selection_of
from datagen_nb.synth.model import Model
from datagen_nb.tables.formats import check_writable
from datagen_nb.tables.input_errors import input_error

REPORT = "report.json"
"""Name under which a workspace keeps the report of the job that fitted the model."""

UNSEEN = "Rules and conditions selected the rows of this job, which the report does not show."


@dataclass(slots=True)
class FromModel:
    """Copies the model of another job, and its report; an ``Origin``.

    The copy is this job's own: once it is made, that one may be deleted.
    """

    task: Task
    workspace: Workspace
    emit: Emit
    log: Reporter

    def check(self) -> None:
        if self.workspace.model() is None:
            self.emit(InputMeasured(self.task.attempt, self._file().size))

    def read(self) -> None:
        """Nothing: no row of a table is needed."""

    def model(self) -> Model:
        if (data := self.workspace.model()) is not None:
            return taken_up(data)
        file = self._file()
        try:
            data = self.task.source.get(file.name)
            report = self.task.source.get(f"jobs/{self._job}/report.json")
        except NotFound as error:
            raise self._gone() from error
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise input_error(
                "model_damaged",
                self.task.config.input_title,
                "is damaged: its digest differs from the manifest's",
                "Submit the job with its table again.",
                jobId=self._job,
            )
        model = taken_up(data)
        seed = self.task.config.parameters.get("seed", model.seed)
        if seed != model.seed:
            model = model.reseeded(seed)
            data = model.to_bytes()
        config = self.task.config
        _, warnings = selection_for(model, config.parameters)
        for message in warnings:
            self.log.warn(message)
        check_writable(model.schema.empty_table(), config.output_format, config.input_title)
        self.log.log(f"Took the model of job {self._job}: {len(model.kinds)} columns, no new fit.")
        self.workspace.save(REPORT, report)
        self.workspace.save_model(data)
        return taken_up(data)

    def report(self, model: Model, rows: Callable[[int], pa.Table]) -> Report:  # noqa: ARG002
        report = Report.from_wire(self.workspace.load(REPORT) or b"")
        notes, of_job = [note for note in report.notes if note != UNSEEN], report.of_job
        if of_job is None:  # otherwise that job had the model from another one too
            of_job = self._job
            notes.insert(0, f"This is the report of job {of_job}, which fitted the model.")
        if selection_of(self.task.config.parameters) is not None:
            notes.append(UNSEEN)
        return report.model_copy(update={"notes": tuple(notes), "of_job": of_job})

    @property
    def _job(self) -> str:
        return self.task.config.input_path

    def _file(self) -> ModelFile:
        try:
            data = self.task.source.get(f"jobs/{self._job}/manifest.json")
        except NotFound as error:
            raise self._gone() from error
        model = Manifest.from_wire(data).model
        if model is None:
            raise self._gone()
        return model

    def _gone(self) -> InputError:
        return input_error(
            "input_not_found",
            self.task.config.input_title,
            "is not there",
            "Submit that job again, and this one after it.",
            jobId=self._job,
        )
