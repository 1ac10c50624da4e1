"""Several tables before they become a job: each as one table is looked at, and their keys."""

from __future__ import annotations

from collections.abc import Callable

from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import FoundTable, InspectedColumn, Inspection
from datagen_nb.core.pipeline import InputProbe
from datagen_nb.pipelines.inspection.columns import inspected
from datagen_nb.pipelines.opening import opened
from datagen_nb.pipelines.spread import Spread, spread
from datagen_nb.synth import relational
from datagen_nb.tables.table_sets import tables_in


def measure_tables(probe: InputProbe, measured: Callable[[Spread], TableFacts]) -> TableFacts:
    """Find out how large tables are: bytes are for each row of those that rows are asked of."""
    facts = {name: measured(found) for name, found in _spreads(probe).items()}
    asked = probe.config.parameters.get("rows") or [next(iter(facts))]
    rows = sum(facts[name].rows for name in asked if name in facts)
    formats = next(iter(facts.values())).bytes_fixed
    return TableFacts(
        rows=sum(one.rows for one in facts.values()),
        columns=sum(one.columns for one in facts.values()),
        size=sum(one.size for one in facts.values()),
        bytes_fixed={
            format: sum(one.bytes_fixed[format] for one in facts.values()) for format in formats
        },
        bytes_per_row={
            format: sum(one.bytes_per_row[format] * one.rows for one in facts.values())
            / max(rows, 1)
            for format in formats
        },
    )


def inspect_tables(probe: InputProbe) -> Inspection:
    """Describe tables: their columns, and the keys between them.

    Raises:
        InputError: One cannot be read, or a key of the configuration is not for them.
    """
    found = _spreads(probe)
    tables = {name: one.table.replace_schema_metadata(None) for name, one in found.items()}
    texts, notes = probe.config.parameters.get("keys"), list[str]()
    is_whole = all(one.rows == one.table.num_rows for one in found.values())
    if texts is None:
        keys = [str(key) for key in relational.find_keys(tables)]
    elif is_whole:
        keys = [str(key) for key in relational.parse_keys(texts, tables)]
    else:  # in some rows of large tables, values of a key are missing
        keys = list(texts)
    if not is_whole and texts is None:
        notes.append("Keys were looked for in some rows of large tables: a job may find more.")
    columns: list[InspectedColumn] = []
    for name, one in found.items():
        looked = inspected(one)
        columns += [
            column.model_copy(update={"name": f"{name}.{column.name}"}) for column in looked.columns
        ]
        notes += [f"{name}: {note}" for note in looked.notes if "data_type=" not in note]
    if not keys:
        notes.append("No keys between the tables were found: state them in parameters.keys.")
    return Inspection(
        rows=sum(one.rows for one in found.values()),
        exact=all(one.exact for one in found.values()),
        size=sum(one.size for one in found.values()),
        looked_at=sum(one.table.num_rows for one in found.values()),
        columns=tuple(columns),
        sample=(),
        notes=tuple(notes),
        tables=tuple(FoundTable(name=name, rows=one.rows) for name, one in found.items()),
        keys=tuple(keys),
    )


def _spreads(probe: InputProbe) -> dict[str, Spread]:
    config = probe.config
    with opened(config, probe.source) as file:
        found = {}
        for name, one in tables_in(file, config.input_format, config.input_title):
            found[name] = spread(one, config)
        return found
