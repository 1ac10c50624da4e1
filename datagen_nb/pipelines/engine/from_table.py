"""Where a model comes from, usually: it is fitted to a sample of the input's rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from datagen_nb.core.changes import InputMeasured
from datagen_nb.core.pipeline import Task
from datagen_nb.core.result import Report
from datagen_nb.pipelines.built_in import fit_options, settings_of
from datagen_nb.pipelines.checks import check_columns
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.tasks import taken_up, unusable
from datagen_nb.pipelines.engine.workspace import Workspace
from datagen_nb.pipelines.opening import opened
from datagen_nb.pipelines.selecting import selection_of
from datagen_nb.synth import quality, sample
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.data_type import FitOptions, TableType, table_type
from datagen_nb.synth.model import Model
from datagen_nb.synth.profile import Profile
from datagen_nb.tables.excluding import without
from datagen_nb.tables.formats import check_rows, check_writable, read_batches
from datagen_nb.tables.forms import LevelCounts
from datagen_nb.tables.sniff import check_open_file

PROFILE = "profile"
"""Name of the profile of the whole input; when a workspace has it, the input was read."""

SELECTED = "Rules and conditions selected the rows: what they change lowers the scores."


class _Rows:
    """What is kept of the rows of an input as they are read."""

    def __init__(self, type: TableType, limit: int, options: FitOptions) -> None:
        self._type = type
        self._limit = limit
        self._options = options
        self.skipped = 0
        self.clear()

    def clear(self) -> None:
        """Forget all rows; those to come may have other types."""
        self.sample = self._type.sample(self._limit, self._options)
        self.levels = LevelCounts()
        self.profile = Profile.start(pa.schema([]))

    def skip(self, lines: int) -> None:
        self.skipped = lines

    def add(self, batch: pa.RecordBatch) -> None:
        if not self.sample.rows:
            self.profile = Profile.start(batch.schema)
        self.sample.add(batch)
        self.profile.add(batch)
        self.levels.add(batch)


@dataclass(slots=True)
class FromTable:
    """Fits a model to the input; an ``Origin``."""

    task: Task
    workspace: Workspace
    emit: Emit
    log: Reporter
    _tables: tuple[pa.Table, pa.Table] | None = None

    def check(self) -> None:
        config = self.task.config
        if self.workspace.load(PROFILE) is not None:
            return
        with opened(config, self.task.source) as file:
            size = file.seek(0, os.SEEK_END)
            check_open_file(
                file, config.input_format, name=config.input_title, parameters=config.parameters
            )
        self.emit(InputMeasured(self.task.attempt, size))

    def read(self) -> None:
        if self.workspace.load(PROFILE) is None:
            self._sample()
        training, held_back = (
            sample.from_bytes(self.workspace.load(name) or b"")
            for name in ("training.arrow", "held-back.arrow")
        )
        self._tables = training, held_back

    def model(self) -> Model:
        if (data := self.workspace.model()) is not None:
            return taken_up(data)
        training, held_back = self._read
        model = self._type.fit(
            training,
            self._options,
            profile=self._profile(),
            held_back=held_back,
            on_progress=self.log.share,
        )
        warnings = [*model.warnings]
        if (selection := selection_of(self.task.config.parameters)) is not None:
            warnings += selection.check(plain_table(training), model.codecs, model.makers)
        for message in warnings:
            self.log.warn(message)
        if (target := self.task.config.parameters.get("target")) is not None:
            quality.check_utility(training, model.kinds, target, codecs=model.codecs)
        kinds = ", ".join(f"{name} {kind}" for name, kind in list(model.kinds.items())[:50])
        self.log.log(f"Fitted {len(model.kinds)} columns: {kinds}.")
        data = model.to_bytes()
        self.workspace.save_model(data)
        # What was written is what is used, so that this attempt cannot differ from a later one.
        return taken_up(data)

    def report(self, model: Model, rows: Callable[[int], pa.Table]) -> Report:
        training, held_back = self._read
        made = rows(training.num_rows)
        report = quality.assess(
            training,
            held_back,
            made,
            model.kinds,
            codecs=model.codecs,
            relations=tuple(model.relations),
            min_count=self._options.min_count,
            facts=self._profile().facts(),
            shared=[name for name, maker in model.makers.items() if not maker.is_unique],
            keys=model.keys,
            independent=[model.independent(rows) for rows in (training, held_back, made)],
        )
        report = self._type.judged(report, training, made, model)
        report = report.model_copy(update={"rows_skipped": self._profile().skipped})
        report = self._evaluated(report, made, model)
        if selection_of(self.task.config.parameters) is None:
            return report
        return report.model_copy(update={"notes": (*report.notes, SELECTED)})

    def _evaluated(self, report: Report, made: pa.Table, model: Model) -> Report:
        """The report with what was asked for in addition."""
        parameters = self.task.config.parameters
        checks, target = parameters.get("evaluate", ()), parameters.get("target")
        if not checks and target is None:
            return report
        found = quality.evaluate(
            *self._read,
            made,
            model.kinds,
            checks=checks,
            target=target,
            codecs=model.codecs,
            seed=self._options.seed,
            on_progress=self.log.share,
        )
        for note in found.notes:
            self.log.warn(note)
        return found.added_to(report)

    @property
    def _type(self) -> TableType:
        return table_type(self.task.config.data_type)

    @property
    def _options(self) -> FitOptions:
        return fit_options(self.task.config.parameters)

    @property
    def _read(self) -> tuple[pa.Table, pa.Table]:
        assert self._tables is not None, "read comes before"  # noqa: S101, an order of our own
        return self._tables

    def _sample(self) -> None:
        config = self.task.config
        limit = settings_of(config.parameters).sample_rows
        rows = _Rows(self._type, limit, self._options)
        with opened(config, self.task.source) as file:
            for batch in read_batches(
                file,
                config.input_format,
                name=config.input_title,
                parameters=config.parameters,
                warn=self.log.warn,
                note=self.log.log,
                progress=self.log.share,
                skipped=rows.skip,
                take_back=rows.clear,
            ):
                rows.add(without(batch, config.parameters.get("exclude", ()), config.input_title))
        kept, profile = rows.sample, rows.profile
        check_rows(kept.rows, config.input_title)
        table = kept.take()
        least = self._options.min_count
        table = table.cast(rows.levels.without_rare(table.schema, least))
        check_columns(config.parameters, table.schema.names)
        check_writable(table, config.output_format, config.input_title)
        training, held_back = self._type.split(table, self._options)
        self.log.log(
            f"Read {kept.rows:,} rows of {table.num_columns} columns; training on "
            f"{training.num_rows:,}, holding back {held_back.num_rows:,} for the report."
        )
        self.workspace.save("training.arrow", sample.to_bytes(training))
        self.workspace.save("held-back.arrow", sample.to_bytes(held_back))
        profile.skipped = rows.skipped
        self.workspace.save(PROFILE, profile.to_bytes())

    def _profile(self) -> Profile:
        try:
            return Profile.from_bytes(self.workspace.load(PROFILE) or b"")
        except ValueError as error:
            raise unusable("profile", error) from error
