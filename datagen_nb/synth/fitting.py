"""Fit a model to a sample of a table: every layer once, for the whole table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from datagen_nb import relations
from datagen_nb.core.config_rules import MIN_ROWS
from datagen_nb.core.errors import InputError
from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.synth import keys
from datagen_nb.synth.arrays import plain_table, to_column, to_values
from datagen_nb.synth.decisions import Decisions, decide
from datagen_nb.synth.keys import Group
from datagen_nb.synth.kinds import identifier
from datagen_nb.synth.margin_fitting import MIN_COUNT
from datagen_nb.synth.missing import missing_text, without
from datagen_nb.synth.model import FORM, Model
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.stage import Fit, Given, Stage

MAX_CELLS = 6_000_000
"""Rows times columns to fit to at most; a wide table is fitted to fewer rows."""

MAX_SIZES = 10_000
"""Entities whose numbers of rows are kept, about."""

MAX_NAMED = 8
"""Columns that a warning names."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """What is known when the columns are decided.

    Attributes:
        sample: The rows, every column in a plain type.
        profile: Of the whole table.
        decided: What the columns are.
        missing: For columns that are made anew and have a text that stands for a missing value, the
            share of rows with it.
    """

    sample: pa.Table
    profile: Profile
    decided: Decisions
    missing: Mapping[str, float]

    @property
    def is_sampled(self) -> bool:
        """Whether the table has more rows than are fitted to."""
        return bool(self.profile.rows > self.sample.num_rows)

    def counts(self) -> dict[str, dict[Any, int]]:
        """Rows of each level of categories in the whole table, where the rows are a sample."""
        if not self.is_sampled:
            return {}
        return {
            name: dict(zip(levels["value"].to_pylist(), levels["count"].to_pylist(), strict=True))
            for name, kind in self.decided.kinds.items()
            if KINDS[kind].scale is Scale.NOMINAL
            and name not in self.decided.codecs
            and (levels := self.profile.columns[name].levels) is not None
        }

    def rows_per_key(self) -> dict[str, Any]:
        """For keys, the rows of some entities in the whole table, where the rows are a sample."""
        if not self.is_sampled:
            return {}
        found = {}
        for name in self.decided.makers:
            sizes, values = self.profile.columns[name].rows_per_value
            if name in self.missing and len(sizes):  # no entity, though the profile counts it
                off = np.abs(sizes - self.missing[name] * self.profile.rows)
                values = values - ((off == off.min()) & (off < sizes / 5))
            share = max(values.sum() / MAX_SIZES, 1.0)
            found[name] = np.repeat(sizes, np.ceil(values / share).astype(np.int64))
        return found


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
    if sample.num_rows < MIN_ROWS:
        raise InputError(
            f"The table has {sample.num_rows} rows; at least {MIN_ROWS} are needed to fit.",
            code="too_few_rows",
        )
    schema = sample.schema
    plain, warnings = _affordable(plain_table(sample))
    profile = profile or Profile.of(sample)
    chosen = dict(columns or {}) | ({} if entity is None else {entity: identifier.KIND.name})
    others = [] if held_back is None else [plain_table(held_back)]
    known = pa.concat_tables([plain, *others])
    decided = decide(
        profile, known, chosen, patterns=patterns or {}, min_count=min_count, seed=seed
    )
    plain, missing = _without_missing(plain, decided)
    shares = {name: pc.mean(pc.equal(known[name], text)).as_py() for name, text in missing.items()}
    fitting = Fitting(plain, profile, decided, shares)
    typed = _typed(plain, decided)
    values = _values(typed)
    forms = {name for name in typed.column_names if name.endswith(FORM)}
    spelled = {name for name in values if name + FORM in forms}
    found = relations.find(
        typed.select(values),
        kinds=decided.kinds,
        mode=mode,
        identities=plain.select(list(decided.makers)),
    )
    whole, typed = typed, found.reduce(typed)
    stage_fit = Fit(
        decided.kinds | found.adds,
        seed,
        min_count,
        fitting.counts(),
        found.deciding,
        frozenset(found.nulls) | spelled,  # whether a value is null is one of its spellings
        on_progress=on_progress,
    )
    # One thread: several give sums of another order on another machine, and wait for each other.
    with threadpool_limits(1):
        groups, stages = _stages(fitting, typed, stage_fit, entity)
    found, levels = relations.only_made(
        found, _levels(stages), _common(whole, found.targets, stage_fit)
    )
    dictionaries = _dictionaries(sample, stages, decided, levels)
    return Model(
        schema=_roomy(schema, dictionaries),
        rows=sample.num_rows,
        kinds=decided.kinds,
        warnings=(
            *warnings,
            *decided.warnings,
            *(f"The relation {text!r} is not kept: {why}." for text, why in found.refused.items()),
            *_pooled(stage_fit, min_count),
        ),
        seed=seed,
        codecs=decided.codecs,
        makers=decided.makers,
        missing=missing,
        relations=found,
        groups=groups,
        stages=stages,
        dictionaries=dictionaries,
    )


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
    typed = _typed(plain, decided)
    found = relations.find(
        typed.select(_values(typed)),
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


def _without_missing(sample: pa.Table, decided: Decisions) -> tuple[pa.Table, dict[str, str]]:
    """The rows without texts that stand for a missing value of what is made anew, and these."""
    missing: dict[str, str] = {}
    for name in decided.makers:
        if (text := missing_text(sample[name])) is not None:
            missing[name] = text
            column = without(sample[name], text)
            sample = sample.set_column(sample.column_names.index(name), name, column)
    return sample, missing


def _values(typed: pa.Table) -> list[str]:
    return [name for name in typed.column_names if not name.endswith(FORM)]


def _typed(sample: pa.Table, decided: Decisions) -> pa.Table:
    """The columns that are drawn, by the values behind their spellings."""
    typed: dict[str, Any] = {}
    for name in sample.column_names:
        if name in decided.makers or sample[name].null_count == sample.num_rows:
            continue
        if (codec := decided.codecs.get(name)) is None:
            typed[name] = sample[name]
            continue
        parsed = codec.parse(sample[name])
        typed[name] = parsed.values
        if parsed.forms is not None:
            typed[name + FORM] = pa.array(parsed.forms, pa.int32())
    return pa.table(typed)


def _stages(
    fitting: Fitting, table: pa.Table, fit: Fit, entity: str | None
) -> tuple[tuple[Group, ...], tuple[Stage, ...]]:
    """Part columns of entities from those of rows, and fit each level given those above it."""
    sample, makers = fitting.sample, fitting.decided.makers
    raw = {name: keys.codes_of(sample[name]) for name in makers}
    codes = raw | {name: keys.codes_of(table[name]) for name in table.column_names}
    identifying = {name: raw[name] for name, maker in makers.items() if maker.is_unique}
    groups = keys.find(identifying, codes, entity=entity, sizes=fitting.rows_per_key())
    missing = {name: pc.is_null(sample[name]) for name in makers if sample[name].null_count}
    table = pa.table({name: table[name] for name in table.column_names} | missing)
    stages: list[Stage] = []
    given, grouped = Given.nothing(sample.num_rows), set[str]()
    for group in groups:
        above = Given.nothing(sample.num_rows)
        for level in group.levels:
            owners = keys.entities_of(raw[level.key])
            first = keys.first_rows(owners)
            own = [name for name in table.column_names if name in level.columns]
            stage, known = fit.stage(
                table.select(own).take(pa.array(first)), above.take(first), len(stages)
            )
            stages.append(stage)
            grouped |= set(level.columns)
            above = known.take(owners)
        given = given.beside(above)
    own = [name for name in table.column_names if name not in grouped]
    stage, _ = fit.stage(table.select(own), given, len(stages))
    return groups, (*stages, stage)


def _affordable(sample: pa.Table) -> tuple[pa.Table, list[str]]:
    rows = max(MAX_CELLS // max(sample.num_columns, 1), 1_000)
    if sample.num_rows <= rows:
        return sample, []
    every = np.linspace(0, sample.num_rows - 1, rows).astype(np.int64)
    return sample.take(pa.array(every)), [
        f"The table has {sample.num_columns} columns; {rows:,} of its rows were used for fitting."
    ]


def _pooled(fit: Fit, min_count: int) -> tuple[str, ...]:
    """A warning of the values that are not used."""
    rare = {name.removesuffix(FORM): one for name, one in fit.pooled.items()}
    if not rare:
        return ()
    named = [f"{name!r} ({one.values:,})" for name, one in list(rare.items())[:MAX_NAMED]]
    more = f" and {len(rare) - MAX_NAMED} more columns" if len(rare) > MAX_NAMED else ""
    return (
        f"Values that fewer than {min_count} rows have are not used, others stand for them: "
        f"{', '.join(named)}{more}.",
    )


def _levels(stages: Sequence[Stage]) -> dict[str, pa.Array]:
    """The values that are drawn of columns of which no others are made."""
    return {
        field.name: to_column(stage.margins[field.name].support, None, field.type)
        for stage in stages
        for field in stage.schema
        if not stage.margins[field.name].is_smooth
    }


def _common(table: pa.Table, names: Sequence[str], fit: Fit) -> dict[str, pa.Array]:
    """The values of some columns that enough rows have, in the whole table as far as counted."""
    found = {}
    for name in names:
        counts = pc.value_counts(table[name].combine_chunks().drop_null())
        values, rows = counts.field("values"), counts.field("counts").to_numpy()
        known = fit.counts.get(name, {})
        whole = np.array([known.get(value, 0) for value in values.to_pylist()], dtype=np.int64)
        found[name] = values.filter(pa.array(np.maximum(rows, whole) >= fit.min_count))
    return found


def _dictionaries(
    sample: pa.Table,
    stages: Sequence[Stage],
    decided: Decisions,
    levels: Mapping[str, pa.Array],
) -> dict[str, pa.Array]:
    """Levels of the columns that Arrow holds as dictionaries, in their order; no rare one."""
    fitted = {name: margin for stage in stages for name, margin in stage.margins.items()}
    found = {}
    for field_ in sample.schema:
        name = field_.name
        if not pa.types.is_dictionary(field_.type) or name in decided.makers:
            continue
        margin = fitted.get(name)
        is_nominal = KINDS[decided.kinds[name]].scale is Scale.NOMINAL
        is_level = margin is None and is_nominal  # follows from another column
        if not is_level and (margin is None or margin.is_smooth):
            continue
        column = sample[name].unify_dictionaries()
        own = column.chunk(0).dictionary if column.num_chunks else pa.array([])
        plain = to_values(pa.chunked_array([own]))
        used = to_values(sample[name])
        kept = to_values(pa.chunked_array([levels[name]])) if name in levels else used
        rare = np.isin(plain, np.setdiff1d(np.unique(used), kept))
        found[name] = own.filter(pa.array(~rare))
    return found


def _roomy(schema: pa.Schema, dictionaries: Mapping[str, pa.Array]) -> pa.Schema:
    """The schema; a dictionary of values that are made anew can count more of them."""
    for place, column in enumerate(schema):
        if not pa.types.is_dictionary(column.type) or column.name in dictionaries:
            continue
        if column.type.index_type.bit_width < 32:
            wider = pa.dictionary(pa.int32(), column.type.value_type, column.type.ordered)
            schema = schema.set(place, column.with_type(wider))
    return schema
