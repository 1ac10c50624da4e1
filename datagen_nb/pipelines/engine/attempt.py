"""One attempt at one job, from validating to the report, in whatever process it is called.

Every stage leaves what it made in the bucket, and looks there first: an attempt goes on where
the one before was stopped, and makes the same bytes. The order at the end is: all parts, the
assembled file, the report, and last the manifest, so a job that is complete has all of them.
"""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from datagen_nb.core.changes import (
    Failed,
    InputMeasured,
    StageCompleted,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    DatagenError,
    InputError,
    OutputError,
)
from datagen_nb.core.pipeline import Logged, PartsWritten, Task
from datagen_nb.core.relation_text import columns_of, parse
from datagen_nb.core.result import Manifest
from datagen_nb.core.status import StaleAttempt
from datagen_nb.pipelines.built_in import STAGES, fit_options, stated
from datagen_nb.pipelines.engine import sample
from datagen_nb.pipelines.engine.executor import Executor, InlineExecutor
from datagen_nb.pipelines.engine.output import OutputFile
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.tasks import MODEL, PartResult, WritePart
from datagen_nb.pipelines.engine.workspace import Plan, Workspace
from datagen_nb.pipelines.failures import failure
from datagen_nb.pipelines.opening import opened
from datagen_nb.synth import quality
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.model import Model
from datagen_nb.synth.profile import Profile
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.formats import (
    assemble,
    check_rows,
    check_writable,
    read_batches,
    read_part,
    schema_as_text,
)
from datagen_nb.tables.forms import LevelCounts, with_form
from datagen_nb.tables.sniff import check_open_file

REPORT_PARTS = 8

PROFILE = "profile"
"""Name of the profile of the whole input; when a workspace has it, the input was read."""

MIN_COUNT = 5
"""Rows that have to have a category which the result may declare."""


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
    attempt = _Attempt(task, workspace, emit, executor or InlineExecutor(), report)
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


def check_columns(config: JobConfiguration, names: Sequence[str]) -> None:
    """Look whether the columns that the configuration names are there.

    Raises:
        InputError: One is not.
    """
    named = [("columns", name) for name in config.parameters.get("columns", {})]
    if (entity := config.parameters.get("entity")) is not None:
        named.append(("entity", entity))
    for text in stated(config.parameters):
        named += [("relations", name) for name in columns_of(parse(text))]
    for parameter, name in named:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"It has {names}."
            raise InputError(
                f"parameters.{parameter} names {name!r}, which the input does not have. {remedy}",
                code="unknown_column",
                details={"column": name, "remedy": remedy},
            )


class _Rows:
    """What is kept of the rows of an input as they are read."""

    def __init__(self, limit: int, seed: int) -> None:
        self._limit = limit
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Forget all rows; those to come may have other types."""
        self.sample = sample.Sample(self._limit, self._seed)
        self.levels = LevelCounts()
        self.profile = Profile.start(pa.schema([]))

    def add(self, batch: pa.RecordBatch) -> None:
        if not self.sample.rows:
            self.profile = Profile.start(batch.schema)
        self.sample.add(batch)
        self.profile.add(batch)
        self.levels.add(batch)


@dataclass(slots=True)
class _Attempt:
    task: Task
    workspace: Workspace
    emit: Emit
    executor: Executor
    report: Reporter

    @property
    def _output(self) -> OutputFile:
        return OutputFile(self.task, self.workspace)

    def run(self) -> None:
        workspace = self.workspace
        if (manifest := workspace.manifest()) is not None:
            for stage in STAGES:
                self.emit(StageCompleted(self.task.attempt, stage))
        else:
            workspace.claim()
            manifest = self._stages()
        try:
            workspace.clear()
        except OutputError as error:  # the result is there: what remains only takes room
            self.report.log(f"Temporary objects of the job could not be removed: {error.message}")
        self.emit(workspace.completed(manifest))

    def _stages(self) -> Manifest:
        with self.report.in_stage("validate"):
            self._validate()
        with self.report.in_stage("read"):
            training, held_back = self._read()
        with self.report.in_stage("fit"):
            model = self._fit(training, held_back)
        plan = Plan.of(self.task.config, len(model.schema))
        schema = with_form(model.schema, training.schema)
        schema = Dialect.of(schema).for_path(self.task.config.output_path or "").attach(schema)
        with self.report.in_stage("generate"):
            self._generate(model, plan, schema)
        with self.report.in_stage("write"):
            manifest = self._write(schema, plan)
        with self.report.in_stage("report"):
            self._assess(model, plan, schema, training, held_back)
            self.workspace.complete(manifest)
        return manifest

    def _validate(self) -> None:
        config = self.task.config
        if self.workspace.load(PROFILE) is None:
            with opened(config, self.task.source) as file:
                size = file.seek(0, os.SEEK_END)
                check_open_file(
                    file, config.input_format, name=config.input_title, parameters=config.parameters
                )
            self.emit(InputMeasured(self.task.attempt, size))
        if config.output_path:
            self._output.check()

    def _read(self) -> tuple[pa.Table, pa.Table]:
        if self.workspace.load(PROFILE) is None:
            self._sample()
        tables = [self.workspace.load(name) for name in ("training.arrow", "held-back.arrow")]
        training, held_back = (sample.from_bytes(data or b"") for data in tables)
        return training, held_back

    def _sample(self) -> None:
        config = self.task.config
        seed = config.parameters.get("seed", 0)
        rows = _Rows(config.parameters.get("sampleRows", sample.SAMPLE_ROWS), seed)
        with opened(config, self.task.source) as file:
            for batch in read_batches(
                file,
                config.input_format,
                name=config.input_title,
                parameters=config.parameters,
                warn=self.report.warn,
                note=self.report.log,
                progress=self.report.share,
                take_back=rows.clear,
            ):
                rows.add(batch)
        kept, profile = rows.sample, rows.profile
        check_rows(kept.rows, config.input_title)
        table = kept.take()
        least = config.parameters.get("minCount", MIN_COUNT)
        table = table.cast(rows.levels.without_rare(table.schema, least))
        check_columns(config, table.schema.names)
        check_writable(table, config.output_format, config.input_title)
        training, held_back = sample.split(table, seed)
        self.report.log(
            f"Read {kept.rows:,} rows of {table.num_columns} columns; training on "
            f"{training.num_rows:,}, holding back {held_back.num_rows:,} for the report."
        )
        self.workspace.save("training.arrow", sample.to_bytes(training))
        self.workspace.save("held-back.arrow", sample.to_bytes(held_back))
        self.workspace.save(PROFILE, profile.to_bytes())

    def _profile(self) -> Profile:
        return Profile.from_bytes(self.workspace.load(PROFILE) or b"")

    def _fit(self, training: pa.Table, held_back: pa.Table) -> Model:
        if (data := self.workspace.load(MODEL)) is not None:
            return Model.from_bytes(data)
        options = fit_options(self.task.config.parameters)
        model = fit(
            training,
            profile=self._profile(),
            held_back=held_back,
            on_progress=self.report.share,
            **options,
        )
        for message in model.warnings:
            self.report.warn(message)
        kinds = ", ".join(f"{name} {kind}" for name, kind in list(model.kinds.items())[:50])
        self.report.log(f"Fitted {len(model.kinds)} columns: {kinds}.")
        data = model.to_bytes()
        self.workspace.save(MODEL, data)
        # What was written is what is used, so that this attempt cannot differ from a later one.
        return Model.from_bytes(data)

    def _generate(self, model: Model, plan: Plan, schema: pa.Schema) -> None:
        found = size = rows = 0
        task = WritePart(self.workspace, plan, schema, model)
        with closing(self._made(task, plan)) as parts:
            for made in parts:
                self.workspace.record(made.part)
                found += made.was_there
                size += made.part.size
                rows += made.part.rows
                self.emit(PartsWritten(size))
                if made.index == 0 and plan.count > 1:
                    self._output.check_space(plan, made.part)
                self.report.progress(100 * rows / plan.total, rows)
        if found:
            self.report.log(f"{found:,} of {plan.count:,} parts were there already.")

    def _made(self, task: WritePart, plan: Plan) -> Generator[PartResult, None, None]:
        try:
            yield from self.executor.map(task, range(plan.count))
        except StaleAttempt:
            self.workspace.check()
            remedy = "Keep it in a bucket that they reach too (DATAGEN_BUCKET)."
            raise OutputError(
                f"The workers do not see {self.workspace.bucket.address()} as this service does. "
                f"{remedy}",
                code="bucket_not_shared",
                details={"remedy": remedy},
            ) from None

    def _write(self, schema: pa.Schema, plan: Plan) -> Manifest:
        config = self.task.config
        parts = []
        for index in range(plan.count):
            parts.append(self.workspace.part(index, plan.rows(index)))
            self.report.progress((50 if config.output_path else 100) * (index + 1) / plan.count)
        if config.output_path:
            self.workspace.check()
            with self._output.open() as file:
                assemble(self._opened(plan), plan.format, file, schema=schema)
                self._output.mark_begun()
            self.report.log(f"Wrote {config.output_title}.")
        return Manifest(
            job_id=self.task.job_id,
            format=plan.format,
            rows=plan.total,
            size=sum(part.size for part in parts),
            parts=tuple(parts),
            arrow_schema=schema_as_text(schema),
            output_path=config.output_title or None,
        )

    def _opened(self, plan: Plan) -> Iterator[BinaryIO]:
        for index in range(plan.count):
            with self.workspace.open_part(index) as file:
                yield file
            self.report.progress(50 + 50 * (index + 1) / plan.count)

    def _assess(
        self,
        model: Model,
        plan: Plan,
        schema: pa.Schema,
        training: pa.Table,
        held_back: pa.Table,
    ) -> None:
        chosen = np.unique(np.linspace(0, plan.count - 1, REPORT_PARTS).astype(int)).tolist()
        each = -(-training.num_rows // len(chosen))
        tables = []
        for index in chosen:
            with self.workspace.open_part(index) as file:
                tables.append(read_part(file, plan.format, schema).slice(0, each))
        report = quality.assess(
            training,
            held_back,
            pa.concat_tables(tables),
            model.kinds,
            codecs=model.codecs,
            relations=tuple(model.relations),
            min_count=fit_options(self.task.config.parameters)["min_count"],
            facts=self._profile().facts(),
            shared=[name for name, maker in model.makers.items() if not maker.is_unique],
        )
        self.workspace.save_report(report.model_copy(update={"seconds": self.report.seconds}))


def _trace(error: Exception) -> list[str]:
    if isinstance(error, DatagenError):
        return [error.message]
    return "".join(traceback.format_exception(error)).rstrip().splitlines()[-30:]
