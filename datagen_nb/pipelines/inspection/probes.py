"""Questions about an input before it becomes a job: its size, its columns, rows like its own.

Of a large file some rows are read from all over it, and nothing is kept. Runs in whatever process
it is called.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.data_types import DATA_TYPES
from datagen_nb.core.errors import DatagenError, InputError
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.pipeline import InputProbe
from datagen_nb.core.plans import PREVIEW_ROWS, Preview, PreviewColumn
from datagen_nb.core.relation_text import columns_of, parse
from datagen_nb.pipelines.built_in import fit_options, kinds_of, patterns_of, stated
from datagen_nb.pipelines.checks import check_columns
from datagen_nb.pipelines.engine.declaring import declared, some
from datagen_nb.pipelines.failures import input_too_large, lacks_memory, probe_broke
from datagen_nb.pipelines.inspection.columns import inspected
from datagen_nb.pipelines.inspection.several import inspect_tables, measure_tables
from datagen_nb.pipelines.opening import opened
from datagen_nb.pipelines.selecting import selection_of
from datagen_nb.pipelines.spread import Spread, spread
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.data_type import table_type
from datagen_nb.synth.fitting import check_choices
from datagen_nb.synth.model import Model
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.sample import evenly
from datagen_nb.tables.formats import write_part

FITTED_ROWS = 2_000
FITTED_CELLS = 100_000
"""Rows that a preview is fitted on, and rows times columns, about."""

MAX_COLUMNS = 200

FEW_ROWS = 100


def run_probe(question: str, probe: InputProbe) -> Any:
    """Answer a question about an input; return the error if it cannot be answered.

    Args:
        question: ``measure``, ``inspect`` or ``preview``.
        probe: The input.
    """
    functions: Mapping[str, Callable[[InputProbe], Any]] = {
        "measure": measure,
        "inspect": inspect,
        "preview": preview,
    }
    try:
        return functions[question](probe)
    except Exception as error:
        if lacks_memory(error):
            return input_too_large(probe)
        if isinstance(error, DatagenError):
            return error
        sys.excepthook(*sys.exc_info())
        return probe_broke(error, probe)


def measure(probe: InputProbe) -> TableFacts:
    """Find out how large an input is, and how large its rows are in every format."""
    if not probe.config.has_input:
        table = some(declared(probe.config), FITTED_ROWS)
        return _measured(Spread(table, rows=0, exact=True, from_all_over=True, size=0))
    return measure_tables(probe, _measured) if _has_several(probe) else _measured(_read(probe))


def _measured(found: Spread) -> TableFacts:
    table = _narrowed(found.table)
    few = table.slice(0, max(table.num_rows // 10, 1))
    fixed, each = {}, {}
    for format in FORMATS:
        whole, part = _size_as(table, format), _size_as(few, format)
        more = max(table.num_rows - few.num_rows, 1)
        each[format] = max((whole - part) / more, whole / table.num_rows / 20)
        fixed[format] = max(whole - each[format] * table.num_rows, 0.0)
    return TableFacts(
        rows=found.rows,
        columns=table.num_columns,
        size=found.size,
        bytes_fixed=fixed,
        bytes_per_row=each,
    )


def inspect(probe: InputProbe) -> Inspection:
    """Describe a table: its columns and its first rows; of several, their keys too."""
    if not probe.config.has_input:
        raise _nothing_to_inspect()
    if _has_several(probe):
        return inspect_tables(probe)
    found = _read(probe)
    _check_choices(probe, found)
    return inspected(found)


def preview(probe: InputProbe) -> Preview:
    """Fit on rows from all over the table, and make a few."""
    config = probe.config
    if "epsilon" in config.parameters:
        raise _not_private()
    if _has_several(probe):
        raise _no_preview(config.data_type)
    if not config.has_input:
        return _preview_of_schema(config)
    found = _read(probe)
    table, notes = found.table.replace_schema_metadata(None), [*found.notes]
    if table.num_columns > MAX_COLUMNS:
        notes.append(f"Shows the first {MAX_COLUMNS} of {table.num_columns:,} columns.")
        table = table.select(range(MAX_COLUMNS))
    type, options = table_type(config.data_type), fit_options(config.parameters)
    table = type.few(table, _affordable(table), options)
    if table.num_rows < found.rows:
        which = "rows from all over the table" if found.from_all_over else "of its first rows"
        notes.append(f"Fitted on {table.num_rows:,} {which}; a job is fitted on more.")
    names = table.schema.names
    shown = {name: kind for name, kind in options.columns.items() if name in names}
    entity = options.entity if options.entity in names else None
    order = options.order if options.order in names else None
    profile = Profile.of(table, total=found.rows)
    model = type.fit(
        table, replace(options, columns=shown, entity=entity, order=order), profile=profile
    )
    made = _made(model, config, table, notes)
    return _previewed(model, made, training_rows=table.num_rows, notes=(*notes, *model.warnings))


def _preview_of_schema(config: JobConfiguration) -> Preview:
    """Some of the rows that the job would make."""
    model, notes = declared(config), list[str]()
    made = _made(model, config, some(model, FEW_ROWS), notes)
    if made.num_columns > MAX_COLUMNS:
        notes.append(f"Shows the first {MAX_COLUMNS} of {made.num_columns:,} columns.")
        made = made.select(range(MAX_COLUMNS))
    return _previewed(model, made, training_rows=0, notes=tuple(notes))


def _previewed(
    model: Model, made: pa.Table, *, training_rows: int, notes: tuple[str, ...]
) -> Preview:
    written = io.BytesIO()
    write_part(made, "jsonl", written)
    rows = [json.loads(line) for line in written.getvalue().splitlines()]
    names = made.schema.names
    return Preview(
        columns=tuple(
            PreviewColumn(name=field.name, type=str(field.type), kind=model.kinds[field.name])
            for field in made.schema
        ),
        rows=tuple(tuple(row.get(name) for name in names) for row in rows),
        training_rows=training_rows,
        notes=notes,
    )


def _has_several(probe: InputProbe) -> bool:
    return DATA_TYPES[probe.config.data_type].has_several_tables


def _no_preview(data_type: str) -> InputError:
    remedy = "Submit a job for few rows."
    return InputError(
        f"There is no preview for dataType {data_type}. {remedy}",
        code="no_preview",
        details={"remedy": remedy, "retryHelps": False},
    )


def _nothing_to_inspect() -> InputError:
    remedy = "Preview it, or make rows with schema.sample(100)."
    return InputError(
        f"A schema has no table that could be inspected. {remedy}",
        code="no_input",
        details={"remedy": remedy, "retryHelps": False},
    )


def _not_private() -> InputError:
    remedy = "Submit the job, or leave epsilon out of the preview."
    return InputError(
        "A preview with parameters.epsilon would look at rows that its budget does not pay for. "
        f"{remedy}",
        code="preview_not_private",
        details={"remedy": remedy, "retryHelps": False},
    )


def _made(model: Model, config: JobConfiguration, table: pa.Table, notes: list[str]) -> pa.Table:
    """A few rows, as the job selects them; what is to be known of that is added to the notes."""
    rows, selection = min(PREVIEW_ROWS, config.data_size), selection_of(config.parameters)
    if selection is None:
        return model.generate(0, rows, offset=0)
    if not set(selection.columns) <= set(table.column_names):
        notes.append("Rules and conditions on columns that are not shown are kept by a job alone.")
        return model.generate(0, rows, offset=0)
    notes += selection.check(plain_table(table), model.codecs, model.makers, has_all_levels=False)
    return model.select(0, rows, offset=0, selection=selection).table


def _check_choices(probe: InputProbe, found: Spread) -> None:
    """Refuse relations, patterns, rules and conditions that are not for the table."""
    parameters = probe.config.parameters
    patterns, statements = patterns_of(parameters.get("columns", {})), stated(parameters)
    selection = selection_of(parameters)
    if not patterns and not statements and selection is None:
        return
    names = {name for text in statements for name in columns_of(parse(text))} | set(patterns)
    names |= set(() if selection is None else selection.columns)
    named = [name for name in found.table.schema.names if name in names]
    table = found.table.replace_schema_metadata(None).select(named)
    decided = check_choices(
        _narrowed(table),
        Profile.of(table, total=found.rows),
        columns={
            name: kind
            for name, kind in kinds_of(parameters.get("columns", {})).items()
            if name in names
        },
        patterns=patterns,
        statements=statements,
    )
    if selection is not None:
        selection.check(
            plain_table(table),
            decided.codecs,
            decided.makers,
            has_all_levels=table.num_rows == found.rows,
        )


def _narrowed(table: pa.Table) -> pa.Table:
    """Rows from all over a table, fewer of a wide one, so that it takes no longer."""
    return evenly(table, _affordable(table))


def _affordable(table: pa.Table) -> int:
    columns: int = table.num_columns
    return min(FITTED_ROWS, max(FITTED_CELLS // columns, FEW_ROWS))


def _size_as(table: pa.Table, format: str) -> int:
    file = io.BytesIO()
    write_part(table, format, file)
    return file.tell()


def _read(probe: InputProbe) -> Spread:
    config = probe.config
    with opened(config, probe.source) as file:
        found = spread(file, config)
    check_columns(config.parameters, found.table.schema.names)
    return found
