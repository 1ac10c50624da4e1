"""Fit a model to a sample of a table: every layer once, for the whole table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from datagen_nb import relations
from datagen_nb.core.errors import InputError
from datagen_nb.synth import alike, keys
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.decisions import Decisions, decide
from datagen_nb.synth.keys import Codes, Group
from datagen_nb.synth.kinds import identifier, numeric
from datagen_nb.synth.margin_fitting import MIN_COUNT
from datagen_nb.synth.model import Model
from datagen_nb.synth.preparing import Prepared, prepare, typed_columns, value_columns
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.stage import Fit, Given, Stage


def fit(
    sample: pa.Table,
    *,
    seed: int,
    profile: Profile | None = None,
    held_back: pa.Table | None = None,
    columns: Mapping[str, str] | None = None,
    patterns: Mapping[str, str] | None = None,
    min_count: int = MIN_COUNT,
    predict: bool = True,
    mode: str | Sequence[str] = "auto",
    entity: str | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Model:
    """Fit a model.

    Args:
        sample: Rows to fit to, at least 2.
        seed: The same sample and seed give the same model, on any machine.
        profile: Of the whole table that the rows are a sample of; by default they are all.
        held_back: Further rows of the table: not fitted to, but what identifies someone in them is
            not made either.
        columns: Kinds that override the detected ones.
        patterns: How values of columns are written, beside their kinds.
        min_count: A value that fewer rows have is not used as it is.
        predict: Whether predictions are tried beside the trees, which draw more slowly.
        mode: Which relations are kept: ``"auto"``, ``"off"`` or a list of them. Of a list, those
            that the sample breaks are left out with a warning.
        entity: The column that tells entities with several rows apart, where it is not found.
        on_progress: Called with the share done, 0 to 1.

    Raises:
        InputError: Too few rows, a column that cannot be fitted, or a kind it cannot have.
    """
    prepared = prepare(
        sample,
        seed=seed,
        profile=profile,
        held_back=held_back,
        columns=dict(columns or {}) | ({} if entity is None else {entity: identifier.KIND.name}),
        patterns=patterns,
        min_count=min_count,
        predict=predict,
        mode=mode,
        on_progress=on_progress,
    )
    # One thread: several give sums of another order on another machine, and wait for each other.
    with threadpool_limits(1):
        fitted = fit_stages(prepared, entity)
    return Model(**prepared.layers(fitted.stages), groups=fitted.groups, stages=fitted.stages)


def check_choices(
    sample: pa.Table,
    profile: Profile,
    *,
    columns: Mapping[str, str],
    patterns: Mapping[str, str],
    statements: Sequence[str],
) -> Decisions:
    """Check what a user chose against some rows, before a job is made of it.

    Args:
        sample: The rows.
        profile: Of the whole table.
        columns: Kinds that override the detected ones.
        patterns: How values of columns are written.
        statements: Relations that the user states.

    Returns:
        What the columns are.

    Raises:
        InputError: A column cannot be of its kind, values do not have their pattern, or too many
            rows break a relation.
    """
    plain = plain_table(sample)
    decided = decide(profile, plain, columns, patterns=patterns)
    typed = typed_columns(plain, decided)
    found = relations.find(
        typed.select(value_columns(typed)),
        kinds=decided.typed_kinds,
        mode=statements,
        identities=plain.select(list(decided.makers)),
    )
    for text, why in found.refused.items():
        raise InputError(
            f"The relation {text!r} cannot be kept: {why}. Correct it, or leave it out of "
            "parameters.relations.",
            code="broken_relation",
            details={"relation": text, "retryHelps": False},
        )
    return decided


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What depends on a key to another table.

    Attributes:
        columns: It is the same in all rows that belong to one row of the other table.
        stage: Draws it for each of these, all but what is made anew; and the means of numbers in
            which rows that belong together are alike.
    """

    columns: tuple[str, ...]
    stage: Stage


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """How the rows of a table are drawn.

    Attributes:
        levels: One for each key to another table.
        groups: Keys of the table, and what depends on them.
        stages: One for each level of each group, and last that of the rows.
        known: Of each row fitted to.
    """

    levels: tuple[Level, ...]
    groups: tuple[Group, ...]
    stages: tuple[Stage, ...]
    known: Given


def fit_stages(
    prepared: Prepared, entity: str | None = None, above: Sequence[tuple[Codes, Given]] = ()
) -> Fitted:
    """Part columns of entities from those of rows, and fit each level given those above it.

    Args:
        prepared: The table.
        entity: The column that tells entities with several rows apart, where it is not found.
        above: For each key to another table: for each row the number of the one that it belongs
            to, -1 for none, and what is known of these.
    """
    fitting, table, fit = prepared.fitting, prepared.typed, prepared.fit
    sample, makers = fitting.sample, fitting.decided.makers
    raw = {name: keys.codes_of(sample[name]) for name in makers}
    codes = raw | {name: keys.codes_of(table[name]) for name in table.column_names}
    missing = {name: pc.is_null(sample[name]) for name in makers if sample[name].null_count}
    table = pa.table({name: table[name] for name in table.column_names} | missing)
    given, levels = Given.nothing(sample.num_rows), list[Level]()
    for of, parents in above:
        above_rows, known = _level(fit, table, codes, of, parents, len(levels))
        levels.append(above_rows)
        codes = {name: one for name, one in codes.items() if name not in above_rows.columns}
        given = given.beside(known)
    number = len(levels)
    identifying = {name: raw[name] for name in codes if name in makers and makers[name].is_unique}
    groups = keys.find(
        identifying,
        codes,
        entity=entity,
        sizes=fitting.rows_per_key(),
        sources={name: makers[name].needs for name in identifying},
    )
    stages: list[Stage] = []
    grouped = {name for level in levels for name in level.columns}
    for group in groups:
        entities = Given.nothing(sample.num_rows)
        for level in group.levels:
            owners = keys.entities_of(raw[level.key])
            first = keys.first_rows(owners)
            own = [name for name in table.column_names if name in level.columns]
            stage, known = fit.stage(
                table.select(own).take(pa.array(first)), entities.take(first), number
            )
            stages.append(stage)
            grouped |= set(level.columns)
            entities, number = known.take(owners), number + 1
        given = given.beside(entities)
    own = [name for name in table.column_names if name not in grouped]
    stage, known = fit.stage(table.select(own), given, number)
    return Fitted(tuple(levels), groups, (*stages, stage), known)


def _level(
    fit: Fit,
    table: pa.Table,
    codes: Mapping[str, Codes],
    of: Codes,
    parents: Given,
    number: int,
) -> tuple[Level, Given]:
    """What depends on a key to another table, and what is known of each row with it."""
    belonging = np.flatnonzero(of >= 0)
    owners, first, of_rows = np.unique(of[belonging], return_index=True, return_inverse=True)
    depending = tuple(
        name for name, one in codes.items() if keys.depends(one[belonging], on=of[belonging])
    )
    rows = table.take(pa.array(belonging))
    free = [name for name in table.column_names if name in codes and name not in depending]
    given = parents.take(owners)
    means = alike.means(rows.select(free), of_rows, given)
    own = [name for name in table.column_names if name in depending]
    columns = {name: rows[name].take(pa.array(first)) for name in own} | means
    given = given.beside(alike.given_of(np.bincount(of_rows)))
    kinds = {**fit.kinds, **dict.fromkeys(means, numeric.KIND.name)}
    stage, known = replace(fit, kinds=kinds).stage(pa.table(columns), given, number)
    places = np.full(len(of), -1)
    places[belonging] = of_rows
    return Level(depending, stage), known.with_none().take(places)
