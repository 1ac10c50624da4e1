"""One attempt at one job, from validating to the report, in whatever process it is called.

Every stage leaves what it made in the bucket, and looks there first: an attempt goes on where
the one before was stopped, and makes the same bytes. The order at the end is: all parts, the
assembled file, the report, and last the manifest, so a job that is complete has all of them.
"""

from __future__ import annotations

import base64
import difflib
import json
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from datagen_nb.core.changes import (
    Completed,
    Failed,
    InputMeasured,
    Progressed,
    StageCompleted,
    StageStarted,
    Warned,
)
from datagen_nb.core.config import LOCAL_FILES, JobConfiguration
from datagen_nb.core.errors import DatagenError, InputError, NotFound, OutputError
from datagen_nb.core.ports import Bucket, Logged, Signal, Task
from datagen_nb.core.result import Manifest
from datagen_nb.core.status import STAGES, StaleAttempt
from datagen_nb.pipelines import sample
from datagen_nb.pipelines.failures import failure
from datagen_nb.pipelines.workspace import Plan, Workspace
from datagen_nb.synth import model as models
from datagen_nb.synth import quality
from datagen_nb.tables.formats import assemble, check_rows, read_batches, read_part, write_part
from datagen_nb.tables.sniff import input_error, look_at, missing

PROGRESS_SECONDS = 0.2
REPORT_PARTS = 8
ROOM_TO_SPARE = 64 << 20

Emit = Callable[[Signal], None]


def run_attempt(task: Task, emit: Emit) -> None:
    """Do one attempt; the last signal is ``Completed`` or ``Failed``.

    An attempt that was replaced by a newer one falls silent: it has no say any more.
    """
    workspace = Workspace(task.bucket, task.job_id, task.attempt, task.config.output_format)
    attempt = _Attempt(task, workspace, emit)
    try:
        try:
            attempt.run()
        except Exception as error:  # the last line of defence: a job must not end without a word
            if isinstance(error, StaleAttempt):
                raise
            told = failure(error, attempt.stage)
            for line in _trace(error):
                emit(Logged("error", line))
            workspace.discard()
            emit(Failed(task.attempt, told))
    except StaleAttempt:
        return


def check_columns(config: JobConfiguration, names: Sequence[str]) -> None:
    """Look whether the columns that the configuration names are there.

    Raises:
        InputError: One is not.
    """
    for name in config.parameters.get("columns", {}):
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"It has {names}."
            raise InputError(
                f"parameters.columns names {name!r}, which the input does not have. {remedy}",
                code="unknown_column",
                details={"column": name, "remedy": remedy},
            )


@contextmanager
def opened(config: JobConfiguration, source: Bucket) -> Iterator[BinaryIO]:
    """Open a configuration's input.

    Raises:
        InputError: It is not there, or may not be read.
    """
    try:
        file = source.open(config.input_path)
    except NotFound as error:
        if isinstance(error.__cause__, PermissionError):
            raise input_error(
                "input_unreadable",
                config.input_title,
                "may not be read by this user",
                "Change its permissions, or copy it to where you may read it.",
            ) from error
        is_file = config.input_bucket == LOCAL_FILES
        raise missing(config.input_title, Path(config.input_path) if is_file else None) from error
    with file:
        yield file


@dataclass(slots=True)
class _Attempt:
    task: Task
    workspace: Workspace
    emit: Emit
    stage: str = STAGES[0]
    _seconds: dict[str, float] = field(default_factory=dict)
    _told_at: float = 0.0

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
            self._log(f"What the job needed while it ran could not be removed: {error.message}")
        self.emit(Completed(self.task.attempt, manifest.size))

    def _stages(self) -> Manifest:
        with self._in_stage("validate"):
            self._validate()
        with self._in_stage("read"):
            training, held_back = self._read()
        with self._in_stage("fit"):
            model = self._fit(training)
        plan = Plan.of(self.task.config, len(model.schema))
        with self._in_stage("generate"):
            self._generate(model, plan)
        with self._in_stage("write"):
            manifest = self._write(model, plan)
        with self._in_stage("report"):
            self._report(model, plan, training, held_back)
            self.workspace.complete(manifest)
        return manifest

    def _validate(self) -> None:
        config = self.task.config
        if self.workspace.load("read.json") is None:
            with opened(config, self.task.source) as file:
                size = file.seek(0, os.SEEK_END)
                look_at(
                    file, config.input_format, name=config.input_title, parameters=config.parameters
                )
            self.emit(InputMeasured(self.task.attempt, size))
        if not config.output_path:
            return
        if config.input_bucket == config.output_bucket and self.task.target.same(
            config.input_path, config.output_path
        ):
            remedy = "Choose another name for the result."
            raise OutputError(
                f"{config.output_path} is the input, which must not be overwritten. {remedy}",
                code="output_is_input",
                details={"path": config.output_path, "remedy": remedy},
            )
        self._probe_output()

    def _probe_output(self) -> None:
        """Begin to write the result and give up, to learn now what would fail at the end."""
        try:
            with self.task.target.writer(self.task.config.output_path):
                raise _GiveUpError
        except _GiveUpError:
            return
        except NotFound as error:
            raise OutputError(
                f"{self.task.config.output_path} is no name for a result. Choose another.",
                details={"path": self.task.config.output_path},
            ) from error

    def _read(self) -> tuple[pa.Table, pa.Table]:
        if self.workspace.load("read.json") is None:
            self._sample()
        tables = [self.workspace.load(name) for name in ("training.arrow", "held-back.arrow")]
        training, held_back = (sample.from_bytes(data or b"") for data in tables)
        return training, held_back

    def _sample(self) -> None:
        config = self.task.config
        seed = config.parameters.get("seed", 0)
        kept = sample.Sample(config.parameters.get("sampleRows", sample.SAMPLE_ROWS), seed)
        with opened(config, self.task.source) as file:
            batches = read_batches(
                file,
                config.input_format,
                name=config.input_title,
                parameters=config.parameters,
                warn=self._warn,
                progress=lambda share: self._progress(100 * share),
            )
            for batch in batches:
                kept.add(batch)
        check_rows(kept.rows, config.input_title)
        table = kept.take()
        check_columns(config, table.schema.names)
        training, held_back = sample.split(table, seed)
        self._log(
            f"Read {kept.rows:,} rows of {table.num_columns} columns; learning from "
            f"{training.num_rows:,}, holding back {held_back.num_rows:,} to judge by."
        )
        self.workspace.save("training.arrow", sample.to_bytes(training))
        self.workspace.save("held-back.arrow", sample.to_bytes(held_back))
        self.workspace.save("read.json", json.dumps({"rows": kept.rows}).encode())

    def _fit(self, training: pa.Table) -> models.Model:
        if (data := self.workspace.load("model")) is not None:
            return models.Model.from_bytes(data)
        parameters = self.task.config.parameters
        model = models.fit(
            training,
            seed=parameters.get("seed", 0),
            columns=parameters.get("columns", {}),
            on_progress=lambda share: self._progress(100 * share),
        )
        for message in model.warnings:
            self._warn(message)
        kinds = ", ".join(f"{name} {kind}" for name, kind in list(model.kinds.items())[:50])
        self._log(f"Learnt {len(model.kinds)} columns: {kinds}.")
        data = model.to_bytes()
        self.workspace.save("model", data)
        # What was written is what is used, so that this attempt cannot differ from a later one.
        return models.Model.from_bytes(data)

    def _generate(self, model: models.Model, plan: Plan) -> None:
        found = 0
        for index in range(plan.count):
            rows = plan.rows(index)
            if self.workspace.has_part(index):
                found += 1
            else:
                table = model.generate(index, rows, offset=index * plan.part_rows)
                self.workspace.write_part(index, rows, partial(write_part, table, plan.format))
            if index == 0:
                self._check_room(plan)
            done = index * plan.part_rows + rows
            self._progress(100 * done / plan.total, done)
        if found:
            self._log(f"{found:,} of {plan.count:,} parts were there from an earlier attempt.")

    def _check_room(self, plan: Plan) -> None:
        """Fail early when the rest will not fit, judging by the first part."""
        config = self.task.config
        first = self.workspace.part(0, plan.rows(0))
        need = int(first.size / first.rows * (plan.total - first.rows))
        places = [(self.task.bucket, first.name, need)]
        if config.output_path:
            places.append((self.task.target, config.output_path, need + first.size))
        rooms = [bucket.room(path) for bucket, path, _ in places]
        if len(set(rooms)) == 1:  # one disk has to hold both
            places = [(*places[-1][:2], sum(size for _, _, size in places))]
        for (_, path, size), room in zip(places, rooms, strict=False):
            if room is not None and plan.count > 1 and room < size + ROOM_TO_SPARE:
                remedy = "Make room, ask for fewer rows, or write elsewhere."
                raise OutputError(
                    f"The result will not fit: about {size:,} bytes are still to be written to "
                    f"{path}, {room:,} are free. {remedy}",
                    code="disk_full",
                    details={
                        "path": path,
                        "freeBytes": room,
                        "neededBytes": size,
                        "remedy": remedy,
                        "retryHelps": True,
                    },
                )

    def _write(self, model: models.Model, plan: Plan) -> Manifest:
        config = self.task.config
        parts = []
        for index in range(plan.count):
            parts.append(self.workspace.part(index, plan.rows(index)))
            self._progress((50 if config.output_path else 100) * (index + 1) / plan.count)
        if config.output_path:
            self.workspace.check()
            with self.task.target.writer(config.output_path) as file:
                assemble(self._opened(plan), plan.format, file)
            self._log(f"Wrote {config.output_path}.")
        return Manifest(
            job_id=self.task.job_id,
            format=plan.format,
            rows=plan.total,
            size=sum(part.size for part in parts),
            parts=tuple(parts),
            arrow_schema=base64.b64encode(model.schema.serialize().to_pybytes()).decode(),
            output_path=config.output_path or None,
        )

    def _opened(self, plan: Plan) -> Iterator[BinaryIO]:
        for index in range(plan.count):
            with self.workspace.open_part(index) as file:
                yield file
            self._progress(50 + 50 * (index + 1) / plan.count)

    def _report(
        self,
        model: models.Model,
        plan: Plan,
        training: pa.Table,
        held_back: pa.Table,
    ) -> None:
        chosen = np.unique(np.linspace(0, plan.count - 1, REPORT_PARTS).astype(int)).tolist()
        each = -(-training.num_rows // len(chosen))
        tables = []
        for index in chosen:
            with self.workspace.open_part(index) as file:
                tables.append(read_part(file, plan.format, model.schema).slice(0, each))
        report = quality.assess(training, held_back, pa.concat_tables(tables), model.kinds)
        self.workspace.save_report(report.model_copy(update={"seconds": self._seconds}))

    @contextmanager
    def _in_stage(self, stage: str) -> Iterator[None]:
        self.stage = stage
        self._told_at = 0.0
        self.emit(StageStarted(self.task.attempt, stage))
        began = time.monotonic()
        yield
        self._seconds[stage] = round(time.monotonic() - began, 3)
        self.emit(StageCompleted(self.task.attempt, stage))

    def _progress(self, percent: float, rows_done: int | None = None) -> None:
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_SECONDS or (rows_done is not None and percent >= 100):
            self._told_at = now
            self.emit(Progressed(self.task.attempt, self.stage, percent, rows_done))

    def _warn(self, message: str) -> None:
        self.emit(Warned(self.task.attempt, message))

    def _log(self, message: str) -> None:
        self.emit(Logged("info", message))


class _GiveUpError(Exception):
    """Ends a trial write."""


def _trace(error: Exception) -> list[str]:
    if isinstance(error, DatagenError):
        return [error.message]
    return "".join(traceback.format_exception(error)).rstrip().splitlines()[-30:]
