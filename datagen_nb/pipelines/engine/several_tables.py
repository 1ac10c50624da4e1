"""The stages of a job on several tables, which keys hold together.

All tables are in memory while they are read and sampled. The unit of work is a slice: rows of a
root with all rows that belong to them, which are a part of each of its tables.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from datagen_nb.core.changes import InputMeasured
from datagen_nb.core.errors import InputError
from datagen_nb.core.manifest import Manifest, Part, TableParts
from datagen_nb.core.pipeline import PartsWritten, Task
from datagen_nb.core.quoting import did_you_mean
from datagen_nb.core.result import Report
from datagen_nb.pipelines.built_in import settings_of
from datagen_nb.pipelines.engine.executor import Executor
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.slices import MODEL, SliceResult, Slices, WriteSlice, taken_up
from datagen_nb.pipelines.engine.tasks import made_by, unusable
from datagen_nb.pipelines.engine.workspace import MAX_PARTS, PART_CELLS, Workspace
from datagen_nb.pipelines.opening import opened
from datagen_nb.synth import relational, sample
from datagen_nb.synth.data_type import FitOptions
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.quality.tables import Databases, assess_database
from datagen_nb.synth.relational import Division, Key, RelationalModel
from datagen_nb.synth.relational.keys import in_order
from datagen_nb.synth.relational.sampling import Tables, reduced, roots, split
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.formats import (
    check_rows,
    check_writable,
    read_batches,
    read_part,
    schema_as_text,
)
from datagen_nb.tables.forms import LevelCounts
from datagen_nb.tables.table_sets import names_of, tables_in

DATABASE = "database.json"
"""Names of the tables and the keys between them; when a workspace has it, the input was read."""

MAX_CELLS = 100_000_000
"""Rows times columns of all tables, which are in memory together."""

COMPARED_CELLS = 20_000_000
"""Rows times columns of a result that is compared whole; of a larger one the first slices are."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read: rows to fit to, rows held back, and facts of all."""

    keys: tuple[Key, ...]
    training: Tables
    held_back: Tables
    profiles: dict[str, Profile]


@dataclass(slots=True)
class SeveralTables:
    """Makes tables like those of the input; the ``Stages`` of it."""

    task: Task
    workspace: Workspace
    emit: Emit
    log: Reporter
    executor: Executor
    _read: _Read | None = None
    _model: RelationalModel | None = None
    _made: tuple[Mapping[str, tuple[Part, ...]], ...] = ()

    def check(self) -> None:
        config = self.task.config
        if self.workspace.load(DATABASE) is not None:
            return
        with opened(config, self.task.source) as file:
            size = file.seek(0, os.SEEK_END)
            names = names_of(file, config.input_format, config.input_title)
        for name in config.parameters.get("rows", {}):
            if name not in names:
                raise _unfit_rows(name, f"There is no table {name!r}. {did_you_mean(name, names)}")
        self.emit(InputMeasured(self.task.attempt, size))

    def read(self) -> None:
        if self.workspace.load(DATABASE) is None:
            self._sample()
        found = json.loads(self.workspace.load(DATABASE) or b"")
        names = found["tables"]
        training, held_back = (
            {
                name: sample.from_bytes(self.workspace.load(f"{which}-{place}.arrow") or b"")
                for place, name in enumerate(names)
            }
            for which in ("training", "held-back")
        )
        try:
            profiles = {
                name: Profile.from_bytes(self.workspace.load(f"profile-{place}") or b"")
                for place, name in enumerate(names)
            }
        except ValueError as error:
            raise unusable("profile", error) from error
        keys = tuple(Key(*key) for key in found["keys"])
        self._read = _Read(keys, training, held_back, profiles)

    def fit(self) -> None:
        if (data := self.workspace.load(MODEL)) is None:
            read, parameters = self._input, self.task.config.parameters
            settings = settings_of(parameters)
            options = FitOptions(min_count=settings.min_count, predict=settings.predict)
            model = relational.fit(
                read.training,
                read.keys,
                dict.fromkeys(read.training, options),
                seed=parameters.get("seed", 0),
                profiles=read.profiles,
                held_back=read.held_back,
                on_progress=self.log.share,
            )
            for message in model.warnings:
                self.log.warn(message)
            self.log.log(
                f"Fitted {len(model.tables)} tables: "
                + ", ".join(f"{name} ({one.rows:,} rows)" for name, one in model.tables.items())
                + "."
            )
            data = model.to_bytes()
            self.workspace.save(MODEL, data)
        # What was written is what is used, so that this attempt cannot differ from a later one.
        self._model = taken_up(data)

    def generate(self) -> None:
        model, slices = self._fitted, self._slices
        counted = set(self.task.config.parameters.get("rows", model.roots))
        made: dict[int, SliceResult] = {}
        found = size = rows = 0
        task = WriteSlice(self.workspace, slices, self._schemas, model)
        with closing(made_by(self.executor, task, slices.count, self.workspace)) as results:
            for one in results:
                made[one.number] = one
                found += one.was_there
                size += sum(part.size for parts in one.parts.values() for part in parts)
                root, index = slices.of(one.number)
                rows += slices.divisions[root].of(index) if root in counted else 0
                self.emit(PartsWritten(size))
                self.log.progress(100 * len(made) / slices.count, rows)
        if found:
            self.log.log(f"{found:,} of {slices.count:,} slices were there already.")
        self._made = tuple(made[number].parts for number in range(slices.count))

    def write(self) -> Manifest:
        tables, parts = [], list[Part]()
        for name, schema in self._schemas.items():
            own = self._parts_of(name)
            parts += own
            rows = sum(part.rows for part in own)
            tables.append(
                TableParts(
                    name=name, rows=rows, parts=len(own), arrow_schema=schema_as_text(schema)
                )
            )
        self.log.progress(100)
        return Manifest(
            job_id=self.task.job_id,
            format=self.task.config.output_format,
            rows=sum(table.rows for table in tables),
            size=sum(part.size for part in parts),
            parts=tuple(parts),
            arrow_schema="",
            tables=tuple(tables),
        )

    def report(self) -> Report:
        read, model, slices = self._input, self._fitted, self._slices
        schemas = self._schemas
        cells = sum(
            part.rows * len(schemas[name])
            for parts in self._made
            for name, own in parts.items()
            for part in own
        )
        share = min(COMPARED_CELLS / max(cells, 1), 1.0)
        chosen = slices.first(share, model)
        made = {
            name: pa.concat_tables(
                [schema.empty_table()]
                + [
                    self._part_table(part, schema)
                    for number in chosen
                    for part in self._made[number].get(name, ())
                ]
            )
            for name, schema in schemas.items()
        }
        report = assess_database(
            Databases(read.training, read.held_back, made),
            model,
            min_count=settings_of(self.task.config.parameters).min_count,
            is_whole=len(chosen) == slices.count,
        )
        skipped = sum(profile.skipped for profile in read.profiles.values())
        return report.model_copy(update={"rows_skipped": skipped})

    @property
    def _input(self) -> _Read:
        assert self._read is not None, "read comes before"  # noqa: S101, an order of our own
        return self._read

    @property
    def _fitted(self) -> RelationalModel:
        assert self._model is not None, "fit comes before"  # noqa: S101, an order of our own
        return self._model

    @property
    def _schemas(self) -> dict[str, pa.Schema]:
        """Of each table, with the form that it is written in; in the order of the input."""
        tables = self._fitted.tables
        return {
            name: Dialect.of(table.schema)
            .for_path("")
            .attach(tables[name].schema.with_metadata(table.schema.metadata))
            for name, table in self._input.training.items()
        }

    @property
    def _slices(self) -> Slices:
        model, parameters = self._fitted, self.task.config.parameters
        rows = parameters.get("rows")
        if rows is None:
            [root] = model.roots
            rows = {root: self.task.config.data_size}
        divisions = model.divisions(rows, cells=PART_CELLS)
        asked = parameters.get("partRows")
        for root, division in divisions.items():
            each = max(asked or division.slice_rows, -(-division.rows // MAX_PARTS))
            divisions[root] = Division(division.rows, each)
        return Slices(divisions)

    def _parts_of(self, name: str) -> list[Part]:
        return [part for parts in self._made for part in parts.get(name, ())]

    def _part_table(self, part: Part, schema: pa.Schema) -> pa.Table:
        with self.workspace.bucket.open(part.name) as file:
            return read_part(file, self.task.config.output_format, schema)

    def _sample(self) -> None:
        config = self.task.config
        tables, profiles = self._whole()
        texts = config.parameters.get("keys")
        keys = (
            relational.find_keys(tables) if texts is None else relational.parse_keys(texts, tables)
        )
        if not keys:
            raise _no_keys()
        in_order(tables, keys)
        _check_roots(config.parameters.get("rows"), tables, keys)
        found = "found" if texts is None else "stated"
        self.log.log(f"Keys, {found}: {', '.join(map(str, keys))}.")
        settings, seed = settings_of(config.parameters), config.parameters.get("seed", 0)
        kept = reduced(tables, keys, settings.sample_rows, seed)
        training, held_back = split(kept, keys, seed)
        for place, name in enumerate(tables):
            check_rows(training[name].num_rows, f"The table {name!r}, without rows of no other,")
            self.log.log(
                f"Read {tables[name].num_rows:,} rows of {name}; training on "
                f"{training[name].num_rows:,}, holding back {held_back[name].num_rows:,} for the "
                "report."
            )
            self.workspace.save(f"training-{place}.arrow", sample.to_bytes(training[name]))
            self.workspace.save(f"held-back-{place}.arrow", sample.to_bytes(held_back[name]))
            self.workspace.save(f"profile-{place}", profiles[name].to_bytes())
        database = {
            "tables": list(tables),
            "keys": [[key.table, key.column, key.parent, key.parent_column] for key in keys],
        }
        self.workspace.save(DATABASE, json.dumps(database).encode())

    def _whole(self) -> tuple[Tables, dict[str, Profile]]:
        config = self.task.config
        tables: Tables = {}
        profiles: dict[str, Profile] = {}
        cells = 0
        min_count = settings_of(config.parameters).min_count
        with opened(config, self.task.source) as file:
            for name, one in tables_in(file, config.input_format, config.input_title):
                rows = _Rows()
                for batch in read_batches(
                    one,
                    config.input_format,
                    name=f"The table {name!r}",
                    parameters=config.parameters,
                    warn=self.log.warn,
                    note=self.log.log,
                    skipped=rows.skip,
                    take_back=rows.clear,
                ):
                    rows.add(batch)
                    if cells + rows.cells > MAX_CELLS:
                        raise _too_large(config.input_title)
                check_rows(rows.count, f"The table {name!r}")
                cells += rows.cells
                table = pa.Table.from_batches(rows.batches)
                table = table.cast(rows.levels.without_rare(table.schema, min_count))
                check_writable(table, config.output_format, f"The table {name!r}")
                rows.profile.skipped = rows.skipped
                tables[name], profiles[name] = table, rows.profile
        return tables, profiles


class _Rows:
    """The rows of a table as they are read."""

    def __init__(self) -> None:
        self.skipped = 0
        self.clear()

    def clear(self) -> None:
        """Forget all rows; those to come may have other types."""
        self.batches: list[pa.RecordBatch] = []
        self.levels = LevelCounts()
        self.profile = Profile.start(pa.schema([]))
        self.count = self.cells = 0

    def skip(self, lines: int) -> None:
        self.skipped = lines

    def add(self, batch: pa.RecordBatch) -> None:
        if not self.batches:
            self.profile = Profile.start(batch.schema)
        self.batches.append(batch)
        self.profile.add(batch)
        self.levels.add(batch)
        self.count += batch.num_rows
        self.cells += batch.num_rows * batch.num_columns


def _check_roots(rows: Mapping[str, int] | None, tables: Tables, keys: tuple[Key, ...]) -> None:
    """Look whether it is clear how many rows each table gets.

    Raises:
        InputError: Rows are asked for of what is no root, or it is not said of which root.
    """
    own = roots(tables, keys)
    if rows is None and len(own) > 1:
        raise _unfit_rows(
            own[1],
            f"{' and '.join(map(repr, own))} belong to no other table. Say how many rows each is "
            f"to have, as rows={{{own[0]!r}: 1_000}}.",
        )
    for name in rows or ():
        if name not in own:
            raise _unfit_rows(
                name,
                f"How many rows {name!r} has follows from the tables that it belongs to. Ask for "
                f"rows of {' or '.join(map(repr, own))} instead.",
            )


def _unfit_rows(name: str, message: str) -> InputError:
    return InputError(message, code="unfit_rows", details={"table": name, "retryHelps": False})


def _no_keys() -> InputError:
    remedy = (
        "State them, as parameters={'keys': ['orders.customer_id -> customers.id']}, or submit "
        "each table as a job of its own."
    )
    return InputError(
        f"No keys between the tables were found. {remedy}",
        code="no_keys",
        details={"remedy": remedy, "retryHelps": False},
    )


def _too_large(title: str) -> InputError:
    remedy = "Give fewer rows, those of the same customers of all tables, or fewer columns."
    return InputError(
        f"{title} has more than {MAX_CELLS:,} values in all tables, which is the most that can be "
        f"fitted together. {remedy}",
        code="input_too_large",
        details={"remedy": remedy, "retryHelps": False},
    )
