"""Fit a model to a table of series: entities by one stage, their rows given the row before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from datagen_nb.synth import keys, margin_fitting
from datagen_nb.synth.arrays import null_flags, to_values
from datagen_nb.synth.data_type import FitOptions
from datagen_nb.synth.kinds import dates, identifier, numeric
from datagen_nb.synth.preparing import prepare
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.series.axis import Axis, find, numbers_of
from datagen_nb.synth.series.calendar import Calendar
from datagen_nb.synth.series.model import FIRST, MEAN, START, SeriesModel, given_of
from datagen_nb.synth.series.rows import Gaps, Rising, Rows
from datagen_nb.synth.series.schedule import Schedule
from datagen_nb.synth.stage import Fit, Variable
from datagen_nb.synth.trees import grow
from datagen_nb.synth.trees.linear import NO_VALUE, Scores

MIN_RISES = 10
"""Steps up or down of a column that never goes the other way, at least."""

BETWEEN = 0.05
"""Share of a column's variance between entities from which on its mean is looked at."""


def fit(
    sample: pa.Table,
    options: FitOptions,
    *,
    profile: Profile | None = None,
    held_back: pa.Table | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> SeriesModel:
    """Fit a model; the arguments are those of ``TableType.fit``.

    Raises:
        InputError: Nothing orders the rows, or a column cannot be fitted.
    """
    axis = find(sample, entity=options.entity, order=options.order)
    chosen = dict(options.columns)
    if axis.entity is not None:
        chosen[axis.entity] = identifier.KIND.name
    if pa.types.is_integer(sample.schema.field(axis.order).type):
        chosen[axis.order] = numeric.KIND.name

    def fixed(typed: pa.Table, made: pa.Table) -> tuple[Collection[str], Collection[str]]:
        holds_entity = made if axis.entity in made.column_names else typed
        owners = _owners(holds_entity, axis, typed.num_rows)
        rows = _in_order(typed[axis.order], owners)
        same = np.diff(owners[rows]) == 0
        rising = [name for name in typed.column_names if _sign(typed[name].take(rows), same)]
        return [axis.order], rising

    prepared = prepare(
        sample,
        seed=options.seed,
        profile=profile,
        held_back=held_back,
        columns=chosen,
        patterns=options.patterns,
        min_count=options.min_count,
        mode=options.mode,
        on_progress=on_progress,
        fixed=fixed,
    )
    plain, typed = prepared.fitting.sample, prepared.typed
    makers = prepared.fitting.decided.makers
    owners = _owners(plain, axis, typed.num_rows)
    order = _in_order(typed[axis.order], owners)
    flags = {name: pc.is_null(plain[name]) for name in makers if plain[name].null_count}
    lost = typed.num_rows - len(order)
    as_read = _numbers(typed[axis.order])
    by_order = axis.entity is not None and bool((np.diff(as_read[~np.isnan(as_read)]) >= 0).all())
    identities = plain.select(list(makers)).take(order)
    table = pa.table({name: typed[name] for name in typed.column_names} | flags).take(order)
    owners = np.unique(owners[order], return_inverse=True)[1].astype(np.int64)
    one = _Series(axis, table, owners, replace(prepared.fit, counts={}))
    fixed_columns = [
        *(
            name
            for name in table.column_names
            if name != axis.order and one.is_of_entity(table[name])
        ),
        *(name for name in identities.column_names if one.is_of_entity(identities[name])),
        *([] if axis.entity is None else [axis.entity]),
    ]
    of_entity = tuple(dict.fromkeys(fixed_columns))
    with threadpool_limits(1):
        stage, rows_of = one.fitted(of_entity, options.seed)
    layers = prepared.layers([stage])
    if lost:
        warning = f"{lost:,} rows without a place in the order, or an entity, were not fitted to."
        layers["warnings"] = (*layers["warnings"], warning)
    return SeriesModel(
        **layers,
        groups=(),
        stages=(stage,),
        axis=axis,
        # A single entity, which is not made anew, has one series of as many rows as are asked for.
        schedule=Schedule(np.bincount(owners).astype(np.int64), axis.entity not in makers),
        rows_of=rows_of,
        order_type=typed[axis.order].type,
        by_order=by_order,
        of_entity=of_entity,
    )


def _owners(table: pa.Table, axis: Axis, rows: int) -> Any:
    if axis.entity is None:
        return np.zeros(rows, dtype=np.int64)
    return keys.codes_of(table[axis.entity])


def _numbers(column: pa.ChunkedArray) -> Any:
    found = numbers_of(column, None)
    return np.zeros(len(column)) if found is None else found


def _in_order(order: pa.ChunkedArray, owners: Any) -> Any:
    """The rows of entities one after the other, each in its order; those without one left out."""
    values = _numbers(order)
    rows = np.lexsort((values, owners))
    return rows[(owners[rows] >= 0) & ~np.isnan(values[rows])]


def _sign(column: pa.ChunkedArray, same: Any) -> int:
    """1 if a column rises and never falls within an entity, -1 if it falls, else 0."""
    type = column.type
    if not (pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_timestamp(type)):
        return 0
    values = _numbers(column)
    if not np.isfinite(values).all() or len(same) != len(values) - 1:
        return 0
    steps = np.diff(values)[same]
    if (steps > 0).sum() >= MIN_RISES and (steps >= 0).all():
        return 1
    return -1 if (steps < 0).sum() >= MIN_RISES and (steps <= 0).all() else 0


@dataclass(slots=True)
class _Series:
    """Rows of entities, those of each together and in order."""

    axis: Axis
    table: pa.Table
    owners: Any
    fit: Fit

    @property
    def same(self) -> Any:
        """Whether a row belongs to the entity of the one before."""
        return np.append(False, np.diff(self.owners) == 0)

    @property
    def firsts(self) -> Any:
        return np.flatnonzero(~self.same)

    def is_of_entity(self, column: pa.ChunkedArray) -> bool:
        """Whether a column has one value in all rows of an entity, and not in all rows."""
        codes = keys.codes_of(column)
        is_constant = not (np.diff(codes) != 0)[self.same[1:]].any()
        return is_constant and len(np.unique(codes)) > 1 and bool(self.same.any())

    def fitted(self, of_entity: Sequence[str], seed: int) -> tuple[Any, Rows]:
        """The stage of entities, and what follows from row to row."""
        rising = {}
        names = [n for n in self.table.column_names if n not in of_entity and n != self.axis.order]
        names = [name for name in names if self.table[name].null_count < self.table.num_rows]
        for name in names:
            if sign := _sign(self.table[name], self.same[1:]):
                values = to_values(self.table[name])
                rising[name] = Rising(sign, self.table[name].type, _decimals(values))
        order_type = self.table[self.axis.order].type
        values = to_values(self.table[self.axis.order])
        calendar = Calendar.of(values, order_type)
        stage, known = self._entities(of_entity, rising, names)
        given = known.codes[self.owners]
        counted = calendar.counted(values, order_type)
        gaps, gap_seen = self._gaps(counted, calendar, given, seed)
        step = np.arange(len(counted)) - self.firsts[self.owners]
        features = calendar.features(counted)
        base = np.hstack([given, features, gap_seen[:, None], step[:, None].astype(np.float32)])
        return stage, self._rows(names, rising, base, known.unordered, gaps, seed)

    def _entities(
        self, of_entity: Sequence[str], rising: dict[str, Rising], names: Sequence[str]
    ) -> tuple[Any, Any]:
        firsts, axis = pa.array(self.firsts), self.axis
        own = [name for name in of_entity if name in self.table.column_names]
        columns = {name: self.table[name].take(firsts) for name in own}
        columns[START] = self.table[axis.order].take(firsts)
        kinds = dict(self.fit.kinds)
        is_instant = pa.types.is_temporal(columns[START].type)
        kinds[START] = (dates.KIND if is_instant else numeric.KIND).name
        for name in rising:
            columns[FIRST + name] = self.table[name].take(firsts)
            kinds[FIRST + name] = numeric.KIND.name
        sizes = np.bincount(self.owners)
        for name in names:
            values = None if name in rising else numbers_of(self.table[name], None)
            if values is None or len(sizes) < 3:
                continue
            known = np.isfinite(values)
            spread = values[known].std() if known.any() else 0.0
            counts = np.bincount(self.owners[known], minlength=len(sizes))
            sums = np.bincount(self.owners[known], values[known], minlength=len(sizes))
            means = np.where(
                counts > 0,
                sums / np.maximum(counts, 1),
                np.mean(values[known] if known.any() else 0),
            )
            if spread > 0 and means.std() ** 2 >= BETWEEN * spread**2:
                columns[MEAN + name] = pa.array(means)
                kinds[MEAN + name] = numeric.KIND.name
        fit = replace(self.fit, kinds=kinds, never_null=self.fit.never_null & set(own))
        return fit.stage(pa.table(columns), given_of(sizes), 0)

    def _gaps(self, counted: Any, calendar: Calendar, given: Any, seed: int) -> tuple[Gaps, Any]:
        same = self.same
        decimals = _decimals(counted)
        gaps = np.diff(counted, prepend=counted[:1])
        gaps = gaps if decimals is None else np.round(gaps, decimals)
        known = gaps[same] if same.any() else np.ones(1, dtype=gaps.dtype)
        random = np.random.default_rng([seed, 10])
        margin, drawn, _ = margin_fitting.fit(
            known, numeric.KIND.name, random=random, min_count=self.fit.min_count
        )
        codes = np.full(len(counted), -1, dtype=np.int32)
        if same.any():
            codes[same] = drawn
        means = np.append(NO_VALUE, Scores.of(drawn).means).astype(np.float32)
        last = np.append(np.float32(NO_VALUE), means[codes + 1][:-1])
        last[~same] = NO_VALUE
        step = np.arange(len(counted)) - self.firsts[self.owners]
        before = calendar.features(np.append(counted[:1], counted[:-1]))
        whole = np.hstack([given, before, step[:, None].astype(np.float32), last[:, None]])
        known_codes = codes if same.any() else np.zeros_like(codes)
        tree = grow(
            whole.astype(np.float32),
            known_codes,
            ordered=margin.is_ordered,
            unordered=(),
            seed=seed,
            predict=False,
        )
        return Gaps(margin, tree, calendar, decimals), tree.seen(codes)

    def _rows(
        self,
        names: Sequence[str],
        rising: dict[str, Rising],
        base: Any,
        unordered: Sequence[int],
        gaps: Gaps,
        seed: int,
    ) -> Rows:
        margins, variables = {}, []
        for place, name in enumerate(names):
            column = self.table[name]
            if name in rising:
                column = self._steps(column, rising[name])
            random = np.random.default_rng([seed, 4, 1, place])
            margins[name], codes = self.fit.margin(name, column, random)
            if self.table[name].null_count and name not in self.fit.never_null:
                variables.append((Variable(name, "null"), null_flags(self.table[name])))
            variables.append((Variable(name, "value"), codes))
        variables.sort(key=lambda one: max(int(one[1].max(initial=0)), 1))
        count, width = len(variables), base.shape[1]
        given = np.empty((len(base), width + 2 * count), dtype=np.float32)
        given[:, :width] = base
        is_ordered = [self.fit.is_ordered(margins[one.column], one) for one, _ in variables]
        not_ordered, before, trees = list(unordered), [], []
        for place, (variable, codes) in enumerate(variables):
            means = Scores.of(codes[codes >= 0]).means
            plain = np.arange(len(means)).astype(np.float64)
            first = NO_VALUE if is_ordered[place] else -1.0
            before.append(
                np.append(first, means if is_ordered[place] else plain).astype(np.float32)
            )
            seen = before[place][codes + 1]
            given[1:, width + place] = seen[:-1]
            given[~self.same, width + place] = before[place][0]
            if not is_ordered[place] and variable.role == "value":
                not_ordered.append(width + place)
        for place, (variable, codes) in enumerate(variables):
            trees.append(
                grow(
                    given[:, : width + count + place],
                    codes,
                    ordered=is_ordered[place],
                    unordered=not_ordered,
                    seed=int(np.random.default_rng([seed, 3, 1, place]).integers(2**32)),
                    predict=False,
                )
            )
            if not is_ordered[place] and variable.role == "value":
                not_ordered.append(width + count + place)
            given[:, width + count + place] = trees[-1].seen(codes)
            self.fit.on_progress((place + 1) / count)
        schema = pa.schema([pa.field(name, self.table[name].type) for name in names])
        return Rows(
            schema,
            margins,
            tuple(variable for variable, _ in variables),
            tuple(trees),
            tuple(before),
            gaps,
            rising,
        )

    def _steps(self, column: pa.ChunkedArray, rising: Rising) -> pa.ChunkedArray:
        """What a rising column rises by in each row; null in the first of an entity."""
        values = to_values(column)
        steps = rising.sign * np.diff(values, prepend=values[:1])
        steps = steps if rising.decimals is None else np.round(steps, rising.decimals)
        return pa.chunked_array([pa.array(steps, mask=~self.same)])


def _decimals(values: Any) -> int | None:
    return margin_fitting.decimals_of(values) if values.dtype.kind == "f" else None
