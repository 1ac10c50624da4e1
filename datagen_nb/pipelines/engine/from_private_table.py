"""Where a model with formal differential privacy comes from: noisy counts of all rows of the input.

What a job leaves behind, its result, model, report and log, holds nothing of the rows but these
counts. The size of the input and the time that the job takes are no part of that, nor is the error
of an input that cannot be read.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from datagen_nb.core.changes import InputMeasured
from datagen_nb.core.errors import InputError
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.pipeline import Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.built_in import privacy_of
from datagen_nb.pipelines.checks import check_columns
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.tasks import taken_up
from datagen_nb.pipelines.engine.workspace import Workspace
from datagen_nb.pipelines.opening import opened
from datagen_nb.synth import sample
from datagen_nb.synth.marginals.fitting import fit
from datagen_nb.synth.marginals.model import PrivateModel
from datagen_nb.synth.marginals.report import report_of
from datagen_nb.synth.model import Model
from datagen_nb.tables.excluding import without
from datagen_nb.tables.formats import check_rows, check_writable, read_batches
from datagen_nb.tables.forms import without_levels
from datagen_nb.tables.nested import Nested, is_nested
from datagen_nb.tables.sniff import check_open_file

ROWS = "rows.arrow"
"""Name of the rows; temporary, as the sample of other jobs."""

MAX_CELLS = 100_000_000
"""Rows times columns that are counted at most: all are in memory."""

GUESSED = (
    "The types of the columns, and how they are written, were found by reading the file, and the "
    "guarantee takes them as known: a single odd value could have changed one. Give a Parquet file "
    "where that matters."
)


@dataclass(slots=True)
class FromPrivateTable:
    """Fits a model to noisy counts of the input; an ``Origin``.

    Nothing that is emitted or logged depends on the rows.
    """

    task: Task
    workspace: Workspace
    emit: Emit
    log: Reporter
    _rows: pa.Table | None = None

    def check(self) -> None:
        config = self.task.config
        if self.workspace.load(ROWS) is not None:
            return
        with opened(config, self.task.source) as file:
            size = file.seek(0, os.SEEK_END)
            check_open_file(
                file, config.input_format, name=config.input_title, parameters=config.parameters
            )
        self.emit(InputMeasured(self.task.attempt, size))

    def read(self) -> None:
        if (data := self.workspace.load(ROWS)) is None:
            data = sample.to_bytes(self._read())
            self.workspace.save(ROWS, data)
        self._rows = sample.from_bytes(data)

    def model(self) -> Model:
        if (data := self.workspace.model()) is None:
            assert self._rows is not None, "read comes before"  # noqa: S101, an order of our own
            parameters = self.task.config.parameters
            model = fit(
                self._rows,
                privacy_of(parameters),
                seed=parameters.get("seed", 0),
                coins=secrets.SystemRandom(),
                on_progress=self.log.share,
            )
            # Kept before anything else is done with it: noise that was seen is not drawn again.
            data = model.to_bytes()
            self.workspace.save_model(data)
        model = _private(taken_up(data))
        for message in model.warnings:
            self.log.warn(message)
        budget = model.guarantee
        self.log.log(
            f"Counted {len(model.kinds)} columns with noise, for epsilon {budget.epsilon:g} and "
            f"delta {budget.delta:g}."
        )
        return model

    def report(self, model: Model, rows: Callable[[int], pa.Table]) -> Report:
        private = _private(model)
        report = report_of(private, rows(private.rows))
        if not FORMATS[self.task.config.input_format].is_text:
            return report
        return report.model_copy(update={"notes": (*report.notes, GUESSED)})

    def _read(self) -> pa.Table:
        config, batches = self.task.config, list[pa.RecordBatch]()
        cells = 0
        with opened(config, self.task.source) as file:
            for batch in read_batches(
                file,
                config.input_format,
                name=config.input_title,
                parameters=config.parameters,
                warn=_nothing,
                note=_nothing,
                progress=self.log.share,
                take_back=batches.clear,
            ):
                kept = without(batch, config.parameters.get("exclude", ()), config.input_title)
                cells += kept.num_rows * kept.num_columns
                if cells > MAX_CELLS:
                    raise _too_large(config.input_title)
                batches.append(kept)
        if not batches:
            check_rows(0, config.input_title)
        table = pa.Table.from_batches(batches)
        _check_flat(table.schema, config.input_title)
        table = table.cast(without_levels(table.schema))
        check_columns(config.parameters, table.schema.names)
        check_writable(table.schema.empty_table(), config.output_format, config.input_title)
        return table


def _nothing(message: str) -> None:
    """Keep no word: what is said of the rows while they are read is not paid for."""


def _check_flat(schema: pa.Schema, title: str) -> None:
    """Look whether no column is nested: how one is made flat depends on all of its rows.

    Raises:
        InputError: One is.
    """
    nested = Nested.of(schema)
    columns = (
        [] if nested is None else [one.name for one in nested.schema if is_nested(pa.schema([one]))]
    )
    if columns:
        remedy = "Leave it out with parameters.exclude, or turn it into plain columns."
        raise InputError(
            f"{title} has a column {columns[0]!r} of objects or lists, which parameters.epsilon "
            f"does not allow. {remedy}",
            code="unfit_for_epsilon",
            details={"column": columns[0], "remedy": remedy, "retryHelps": False},
        )


def _private(model: Model) -> PrivateModel:
    assert isinstance(model, PrivateModel)  # noqa: S101, no other is kept by such a job
    return model


def _too_large(title: str) -> InputError:
    remedy = "Leave columns out with parameters.exclude, or give fewer rows."
    return InputError(
        f"{title} has more than {MAX_CELLS:,} values, which is the most that parameters.epsilon "
        f"can count. {remedy}",
        code="input_too_large",
        details={"remedy": remedy, "retryHelps": False},
    )
