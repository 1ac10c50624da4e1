"""Fit a model to a sample of a table: every layer once, for the whole table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from datagen_nb import relations
from datagen_nb.core.errors import InputError
from datagen_nb.synth import keys
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.decisions import Decisions, decide
from datagen_nb.synth.keys import Group
from datagen_nb.synth.kinds import identifier
from datagen_nb.synth.margin_fitting import MIN_COUNT
from datagen_nb.synth.model import Above, Model
from datagen_nb.synth.preparing import Prepared, prepare, typed_columns, value_columns
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.stage import Given, Stage


def fit(
    sample: pa.Table,
    *,
    seed: int,
    profile: Profile | None = None,
    held_back: pa.Table | None = None,
    columns: Mapping[str, str] | None = None,
    patterns: Mapping[str, str] | None = None,
    min_count: int = MIN_COUNT,
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
        mode=mode,
        on_progress=on_progress,
    )
    # One thread: several give sums of another order on another machine, and wait for each other.
    with threadpool_limits(1):
        groups, stages, _ = fit_stages(prepared, entity)
    return Model(**prepared.layers(stages), groups=groups, stages=stages)


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
        kinds=decided.kinds,
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


def fit_stages(
    prepared: Prepared, entity: str | None = None, above: Mapping[str, Above] | None = None
) -> tuple[tuple[Group, ...], tuple[Stage, ...], Given]:
    """Part columns of entities from those of rows, and fit each level given those above it.

    Args:
        prepared: The table.
        entity: The column that tells entities with several rows apart, where it is not found.
        above: Rows of other tables that the rows belong to, by a name of the key.

    Returns:
        The keys, those to other tables first; the stages; all that is known of each row.
    """
    fitting, table, fit = prepared.fitting, prepared.typed, prepared.fit
    sample, makers = fitting.sample, fitting.decided.makers
    raw = {name: keys.codes_of(sample[name]) for name in makers}
    codes = raw | {name: keys.codes_of(table[name]) for name in table.column_names}
    missing = {name: pc.is_null(sample[name]) for name in makers if sample[name].null_count}
    table = pa.table({name: table[name] for name in table.column_names} | missing)
    groups: list[Group] = []
    stages: list[Stage] = []
    given, grouped = Given.nothing(sample.num_rows), set[str]()
    for key, one in (above or {}).items():
        owners, first, of_rows = np.unique(one.members.of, return_index=True, return_inverse=True)
        own = [
            name
            for name in codes
            if name not in grouped and keys.depends(codes[name], on=one.members.of)
        ]
        drawn = [name for name in table.column_names if name in own]
        stage, known = fit.stage(
            table.select(drawn).take(pa.array(first)), one.given.take(owners), len(stages)
        )
        stages.append(stage)
        grouped |= set(own)
        groups.append(Group((keys.Level(key, tuple(own), one.members.sizes, together=True),)))
        given = given.beside(known.take(of_rows))
    identifying = {
        name: raw[name] for name, maker in makers.items() if maker.is_unique and name not in grouped
    }
    found = keys.find(
        identifying,
        {name: one for name, one in codes.items() if name not in grouped},
        entity=entity,
        sizes=fitting.rows_per_key(),
    )
    for group in found:
        known_above = Given.nothing(sample.num_rows)
        for level in group.levels:
            owners = keys.entities_of(raw[level.key])
            first = keys.first_rows(owners)
            own = [name for name in table.column_names if name in level.columns]
            stage, known = fit.stage(
                table.select(own).take(pa.array(first)), known_above.take(first), len(stages)
            )
            stages.append(stage)
            grouped |= set(level.columns)
            known_above = known.take(owners)
        given = given.beside(known_above)
    own = [name for name in table.column_names if name not in grouped]
    stage, known = fit.stage(table.select(own), given, len(stages))
    return (*groups, *found), (*stages, stage), known
