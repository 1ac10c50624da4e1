"""Fit the tables one after the other, each below those that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from datagen_nb.synth.arrays import plain
from datagen_nb.synth.data_type import FitOptions
from datagen_nb.synth.drawn import Ints
from datagen_nb.synth.fitting import Level, fit_stages
from datagen_nb.synth.keys import codes_of, depends
from datagen_nb.synth.kinds import identifier, numeric
from datagen_nb.synth.model import Model
from datagen_nb.synth.preparing import MAX_SIZES, prepare
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.relational.keys import Key, in_order, orphans_of, rows_of
from datagen_nb.synth.relational.links import ROWS, Link, TableModel
from datagen_nb.synth.relational.model import RelationalModel
from datagen_nb.synth.stage import Fit, Given


def fit(
    tables: Mapping[str, pa.Table],
    keys: Sequence[Key],
    options: Mapping[str, FitOptions] | None = None,
    *,
    seed: int = 0,
    profiles: Mapping[str, Profile] | None = None,
    held_back: Mapping[str, pa.Table] | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> RelationalModel:
    """Fit a model of several tables.

    Args:
        tables: Rows to fit to, by name; at least 2 of each.
        keys: Between them; the first of a table says what its rows belong to.
        options: What the user says of some tables; their seeds follow from ``seed``.
        seed: Of everything that is random.
        profiles: Of the whole tables that the rows are samples of.
        held_back: Further rows: not fitted to, but what identifies someone in them is not made.
        on_progress: Called with the share done, 0 to 1.

    Raises:
        InputError: The tables belong to each other in a circle, or one cannot be fitted.

    Example:
        ```python
        model = fit(tables, find_keys(tables))
        made = model.generate("customers", 0, {"customers": Division(1_000, 1_000)})
        ```
    """
    names = in_order(tables, keys)
    warnings = [_orphans(key, count) for key in keys if (count := orphans_of(key, tables))]
    kept = _without_orphans(tables, keys, names)
    fitted: dict[str, TableModel] = {}
    known: dict[str, Given] = {}
    for place, name in enumerate(names):

        def progress(share: float, place: int = place) -> None:
            on_progress((place + share) / len(names))

        copies = _copies([key for key in keys if key.table == name], kept)
        own = list(copies)
        rows = [_numbers(rows_of(key, kept)) for key in own]
        parents = [known[key.parent] for key in own]
        profile = (profiles or {}).get(name)
        new = {key.parent_column: identifier.KIND.name for key in keys if key.parent == name}
        chosen = (options or {}).get(name, FitOptions())
        chosen = replace(chosen, seed=seed_of(seed, name), columns={**new, **chosen.columns})
        table = kept[name].drop_columns([column for one in copies.values() for column in one])
        model, levels, known[name] = _fitted(
            table,
            chosen,
            list(zip(rows, parents, strict=True)),
            profile=profile,
            held_back=(held_back or {}).get(name),
            on_progress=progress,
        )
        links = tuple(
            _link(key, copies[key], level, of, given, chosen)
            for key, level, of, given in zip(own, levels, rows, parents, strict=True)
        )
        schema = kept[name].schema.remove_metadata()
        for field in model.schema if model else ():
            schema = schema.set(schema.get_field_index(field.name), field)
        warnings += [f"{name}: {message}" for message in (model.warnings if model else ())]
        fitted[name] = TableModel(
            schema,
            kept[name].num_rows,
            profile.rows if profile else tables[name].num_rows,
            links,
            model,
        )
    return RelationalModel(fitted, tuple(keys), seed, tuple(warnings))


def seed_of(seed: int, name: str) -> int:
    """The seed of a table of its own, so that no two draw the same numbers."""
    return int(np.random.default_rng([seed, crc32(name.encode())]).integers(2**32))


def _fitted(
    table: pa.Table,
    options: FitOptions,
    above: Sequence[tuple[Ints, Given]],
    *,
    profile: Profile | None,
    held_back: pa.Table | None,
    on_progress: Callable[[float], None],
) -> tuple[Model | None, Sequence[Level | None], Given]:
    """The columns of a table that are not another's: none if it has only keys."""
    if not table.num_columns:
        given = Given.nothing(len(above[0][0]))
        for of, parents in above:
            given = given.beside(parents.with_none().take(of))
        return None, [None for _ in above], given
    prepared = prepare(
        table,
        seed=options.seed,
        profile=profile,
        held_back=None if held_back is None else held_back.select(table.column_names),
        columns=options.columns,
        patterns=options.patterns,
        min_count=options.min_count,
        mode=options.mode,
        on_progress=on_progress,
    )
    with threadpool_limits(1):
        fitted = fit_stages(prepared, options.entity, above)
    layers = prepared.layers([*(level.stage for level in fitted.levels), *fitted.stages])
    model = Model(**layers, groups=fitted.groups, stages=fitted.stages)
    return model, fitted.levels, fitted.known


def _link(
    key: Key,
    copies: Mapping[str, str],
    level: Level | None,
    of: Ints,
    parents: Given,
    options: FitOptions,
) -> Link:
    """How many rows belong to each of another table, and how they lie."""
    members = of[of >= 0]
    sizes = np.bincount(members, minlength=len(parents.codes))
    drawing = Fit({ROWS: numeric.KIND.name}, options.seed, options.min_count)
    with threadpool_limits(1):
        counts, _ = drawing.stage(pa.table({ROWS: sizes}), parents, crc32(str(key).encode()))
    every = np.linspace(0, len(sizes) - 1, min(len(sizes), MAX_SIZES)).astype(np.int64)
    runs = 1 + int(np.count_nonzero(np.diff(of)))
    return Link(
        key,
        dict(copies),
        level,
        counts,
        np.sort(sizes)[every],
        alone=(len(of) - len(members)) / max(len(members), 1),
        together=runs <= 1.1 * len(np.unique(of)),
    )


def _copies(keys: Sequence[Key], tables: Mapping[str, pa.Table]) -> dict[Key, dict[str, str]]:
    """For each key of a table the columns that repeat one of the other table, and itself.

    As in relations of one table, a column that rarely varies is no evidence. A key that repeats one
    of a table before, as the customer of a line that of its order, is no key of its own.
    """
    found: dict[Key, dict[str, str]] = {}
    taken: set[str] = set()
    own = {key.column for key in keys}
    for key in keys:
        if key.column in taken:
            continue
        table, parent = tables[key.table], tables[key.parent]
        of = _numbers(rows_of(key, tables))
        places = pa.array(of, mask=of < 0)
        found[key] = {key.column: key.parent_column}
        taken.add(key.column)
        for name in table.column_names:
            if name not in taken and (name in own or depends(codes_of(plain(table[name])), on=of)):
                column = table[name].combine_chunks()
                for other in parent.column_names:
                    if column.type == parent[other].type and column.equals(
                        parent[other].combine_chunks().take(places)
                    ):
                        found[key][name] = other
                        taken.add(name)
                        break
    return found


def _numbers(rows: pa.Array) -> Ints:
    return np.asarray(rows.fill_null(-1), dtype=np.int64)


def _without_orphans(
    tables: Mapping[str, pa.Table], keys: Sequence[Key], names: Sequence[str]
) -> dict[str, pa.Table]:
    """The rows whose keys lead somewhere; what belongs to one that does not goes with it."""
    kept = dict(tables)
    for name in names:
        for key in keys:
            if key.table == name:
                found = pc.fill_null(pc.not_equal(rows_of(key, kept), -1), fill_value=True)
                kept[name] = kept[name].filter(found)
    return kept


def _orphans(key: Key, count: int) -> str:
    rows = "rows have" if count > 1 else "row has"
    return (
        f"{count:,} {rows} a value of {key.table}.{key.column} that {key.parent} does not have, "
        "and were left out."
    )
