"""The report on several tables: each by itself, and how their rows belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.codecs import with_parts
from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.core.result import KeyFidelity, PairFidelity, Report, TableFidelity
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.quality.assessment import MIN_COUNT, assess
from datagen_nb.synth.quality.columns import Column, Tables, columns_of, typed
from datagen_nb.synth.quality.pairs import compare_pairs
from datagen_nb.synth.relational.keys import Key, rows_of
from datagen_nb.synth.relational.model import RelationalModel

Ints = npt.NDArray[np.int64]


class Databases(NamedTuple):
    """The tables of three databases, each by name."""

    training: Mapping[str, pa.Table]
    held_back: Mapping[str, pa.Table]
    synthetic: Mapping[str, pa.Table]


def assess_tables(
    databases: Databases, model: RelationalModel, *, min_count: int = MIN_COUNT
) -> dict[str, Report]:
    """Compare each table of a result with that of the input, by name.

    Args:
        databases: Rows fitted to, held back, and made.
        model: That made them.
        min_count: A value that fewer rows of the input have is rare, and must not come back.
    """
    reports = {}
    for name, table in model.tables.items():
        makers = table.model.makers if table.model else {}
        reports[name] = assess(
            databases.training[name],
            databases.held_back[name],
            databases.synthetic[name],
            model.kinds_of(name),
            codecs=model.codecs_of(name),
            relations=tuple(table.model.relations) if table.model else (),
            min_count=min_count,
            shared=[column for column, maker in makers.items() if not maker.is_unique],
        )
    return reports


def compare_keys(databases: Databases, model: RelationalModel) -> tuple[KeyFidelity, ...]:
    """Compare each key of a result with that of the rows fitted to.

    Args:
        databases: Rows fitted to, held back, and made; the last whole.
        model: That made them.
    """
    return tuple(_compared(key, databases, model) for key in model.keys)


def _compared(key: Key, databases: Databases, model: RelationalModel) -> KeyFidelity:
    real, made = (_Owned.of(key, tables) for tables in (databases.training, databases.synthetic))
    return KeyFidelity(
        key=str(key),
        kept=made.kept,
        missing=real.missing,
        missing_synthetic=made.missing,
        rows=_mean(real.sizes),
        rows_synthetic=_mean(made.sizes),
        without=_mean(real.sizes == 0),
        without_synthetic=_mean(made.sizes == 0),
        distance=_distance(real.sizes, made.sizes),
        pairs=_pairs(key, databases, model),
    )


class _Owned(NamedTuple):
    """How the rows of one table belong to those of another."""

    kept: float
    missing: float
    sizes: Ints

    @classmethod
    def of(cls, key: Key, tables: Mapping[str, pa.Table]) -> _Owned:
        rows = rows_of(key, tables)
        known = np.asarray(rows.drop_null(), dtype=np.int64)
        sizes = np.bincount(known[known >= 0], minlength=tables[key.parent].num_rows)
        missing = rows.null_count / max(len(rows), 1)
        return cls(_mean(known >= 0, empty=1.0), round(missing, 6), sizes)


def _pairs(key: Key, databases: Databases, model: RelationalModel) -> tuple[PairFidelity, ...]:
    """Pairs of a column of each table, over rows with those that they belong to."""
    kinds = {
        f"{name}.{column}": kind
        for name in (key.table, key.parent)
        for column, kind in model.kinds_of(name).items()
        if scale_of(kind) is not Scale.NEW
    }
    codecs = {
        f"{name}.{column}": codec
        for name in (key.table, key.parent)
        for column, codec in model.codecs_of(name).items()
    }
    joined = Tables(*(plain_table(_joined(key, one, list(kinds))) for one in databases))
    parsed, spellings = typed(joined, {name: codecs[name] for name in codecs if name in kinds})
    columns = [
        one
        for one in columns_of(parsed, with_parts(kinds, codecs), spellings)
        if isinstance(one, Column)
    ]
    found = compare_pairs(columns).pairs
    return tuple(pair for pair in found if len({one.split(".")[0] for one in pair.columns}) > 1)


def _joined(key: Key, tables: Mapping[str, pa.Table], names: list[str]) -> pa.Table:
    table, parent = tables[key.table], tables[key.parent]
    of = np.asarray(rows_of(key, tables).fill_null(-1), dtype=np.int64)
    own, above = pa.array(np.flatnonzero(of >= 0)), pa.array(of[of >= 0])
    columns = {
        f"{name}.{column}": one[column].take(places)
        for name, one, places in ((key.table, table, own), (key.parent, parent, above))
        for column in one.column_names
    }
    return pa.table({name: columns[name] for name in names})


def _distance(one: Ints, other: Ints) -> float:
    if not len(one) or not len(other):
        return 0.0
    places = np.union1d(one, other)
    shares = [
        np.searchsorted(np.sort(sizes), places, side="right") / len(sizes) for sizes in (one, other)
    ]
    return round(float(np.abs(shares[0] - shares[1]).max()), 4)


def _mean(values: npt.NDArray[np.generic], *, empty: float = 0.0) -> float:
    return round(float(values.mean()), 6) if len(values) else empty


def assess_database(
    databases: Databases, model: RelationalModel, *, min_count: int = MIN_COUNT, is_whole: bool
) -> Report:
    """One report on all tables of a result and the keys between them.

    Columns have the name of their table before theirs. Of memorisation, the figures are those of
    the table whose rows came closest.

    Args:
        databases: Rows fitted to, held back, and made.
        model: That made them.
        min_count: A value that fewer rows of the input have is rare, and must not come back.
        is_whole: Whether all rows of the result are among those made; otherwise keys between rows
            of different roots are not compared, for their rows are of some slices alone.
    """
    reports = assess_tables(databases, model, min_count=min_count)
    kept = [
        key
        for key in model.keys
        if is_whole or model.root_of(key.table) == model.root_of(key.parent)
    ]
    keys = tuple(_compared(key, databases, model) for key in kept)
    notes = [f"{name}: {note}" for name, report in reports.items() for note in report.notes]
    if not is_whole:
        notes.append("Judged by the first rows of the result, with all that belong to them.")
    if left := [str(key) for key in model.keys if key not in kept]:
        notes.append(f"Not compared, for that all rows were needed: {', '.join(left)}.")
    closest = max(reports.values(), key=lambda one: one.memorisation.dcr_share or 0).memorisation
    returned = [
        one.model_copy(update={"column": f"{name}.{one.column}"})
        for name, report in reports.items()
        for one in report.memorisation.returned
    ]
    returned.sort(key=lambda one: one.returned, reverse=True)
    return Report(
        fidelity=_rounded([one.fidelity for one in reports.values()]) or 0.0,
        column_fidelity=_rounded([one.column_fidelity for one in reports.values()]) or 0.0,
        pair_fidelity=_rounded([one.pair_fidelity for one in reports.values()]),
        relation_fidelity=_rounded([one.relation_fidelity for one in reports.values()]),
        dependence_kept=_rounded([one.dependence_kept for one in reports.values()]),
        columns=tuple(
            one.model_copy(update={"name": f"{name}.{one.name}"})
            for name, report in reports.items()
            for one in report.columns
        ),
        not_compared=tuple(
            one.model_copy(update={"name": f"{name}.{one.name}"})
            for name, report in reports.items()
            for one in report.not_compared
        ),
        pairs=tuple(
            one.model_copy(update={"columns": tuple(f"{name}.{each}" for each in one.columns)})
            for name, report in reports.items()
            for one in report.pairs
        ),
        relations=tuple(
            one.model_copy(update={"sentence": f"{name}: {one.sentence}"})
            for name, report in reports.items()
            for one in report.relations
        ),
        tables=tuple(
            TableFidelity(
                name=name,
                fidelity=report.fidelity,
                rows_synthetic=report.rows_synthetic,
                rows_training=report.rows_training,
                rows_held_back=report.rows_held_back,
                dcr_share=report.memorisation.dcr_share,
            )
            for name, report in reports.items()
        ),
        keys=keys,
        memorisation=closest.model_copy(update={"returned": tuple(returned)}),
        rows_synthetic=sum(one.rows_synthetic for one in reports.values()),
        rows_training=sum(one.rows_training for one in reports.values()),
        rows_held_back=sum(one.rows_held_back for one in reports.values()),
        notes=tuple(notes),
    )


def _rounded(scores: Sequence[float | None]) -> float | None:
    """The mean of those there are."""
    found = [score for score in scores if score is not None]
    return round(sum(found) / len(found), 4) if found else None
