"""Prepare a table: decide its columns and find its relations, whatever draws what is left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb import relations
from datagen_nb.codecs import part_names
from datagen_nb.core.config_rules import MIN_ROWS
from datagen_nb.core.errors import InputError
from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.relations import Relations
from datagen_nb.synth.arrays import plain_table, to_column, to_values
from datagen_nb.synth.decisions import Decisions, decide
from datagen_nb.synth.drawn import FORM
from datagen_nb.synth.missing import missing_text, without
from datagen_nb.synth.profile import Profile
from datagen_nb.synth.stage import Fit, Stage

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


Fixed = Callable[[pa.Table, pa.Table], tuple[Collection[str], Collection[str]]]
"""Given typed columns and those made anew: which follow from no other, and which lie above none."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table whose columns are decided and whose relations are found; what is left is drawn.

    Attributes:
        sample: The rows, in the input's types.
        missing: Texts that stand for a missing value of what is made anew.
        fitting: What is known of the table.
        whole: The typed columns.
        typed: Those of them that do not follow from others.
        relations: What follows.
        fit: How stages are fitted.
        warnings: What a user should know of what was found.
    """

    sample: pa.Table
    missing: Mapping[str, str]
    fitting: Fitting
    whole: pa.Table
    typed: pa.Table
    relations: Relations
    fit: Fit
    warnings: tuple[str, ...]

    def layers(self, stages: Sequence[Stage]) -> dict[str, Any]:
        """The fields of a model that do not depend on how rows are drawn."""
        decided = self.fitting.decided
        common = _common(self.whole, self.relations.targets, self.fit)
        found, levels = relations.only_made(self.relations, _levels(stages), common)
        dictionaries = _dictionaries(self.sample, stages, decided, levels)
        refused = found.refused.items()
        return {
            "schema": _roomy(self.sample.schema, dictionaries),
            "rows": self.fitting.sample.num_rows,
            "kinds": decided.kinds,
            "warnings": (
                *self.warnings,
                *decided.warnings,
                *(f"The relation {text!r} is not kept: {why}." for text, why in refused),
                *_pooled(self.fit, self.fit.min_count),
            ),
            "seed": self.fit.seed,
            "codecs": decided.codecs,
            "makers": decided.makers,
            "missing": self.missing,
            "relations": found,
            "dictionaries": dictionaries,
        }


def prepare(
    sample: pa.Table,
    *,
    seed: int,
    profile: Profile | None,
    held_back: pa.Table | None,
    columns: Mapping[str, str],
    patterns: Mapping[str, str] | None,
    min_count: int,
    mode: str | Sequence[str],
    on_progress: Callable[[float], None],
    predict: bool = True,
    fixed: Fixed = lambda *_: ((), ()),
) -> Prepared:
    """Fit all layers but how rows are drawn; the arguments are those of ``fit``.

    Raises:
        InputError: Too few rows, a column that cannot be fitted, or a kind it cannot have.
    """
    if sample.num_rows < MIN_ROWS:
        raise InputError(
            f"The table has {sample.num_rows} rows; at least {MIN_ROWS} are needed to fit.",
            code="too_few_rows",
        )
    plain, warnings = _affordable(plain_table(sample))
    profile = profile or Profile.of(sample)
    others = [] if held_back is None else [plain_table(held_back)]
    known = pa.concat_tables([plain, *others])
    decided = decide(
        profile, known, columns, patterns=patterns or {}, min_count=min_count, seed=seed
    )
    plain, missing = _without_missing(plain, decided)
    shares = {name: pc.mean(pc.equal(known[name], text)).as_py() for name, text in missing.items()}
    typed = typed_columns(plain, decided)
    values = value_columns(typed)
    forms = {name for name in typed.column_names if name.endswith(FORM)}
    spelled = {
        part
        for name, codec in decided.codecs.items()
        if name + FORM in forms
        for part in part_names(name, codec) or (name,)
    }
    made = plain.select(list(decided.makers))
    not_computed, unbound = fixed(typed, made)
    found = relations.find(
        typed.select(values),
        kinds=decided.typed_kinds,
        mode=mode,
        identities=made,
        fixed=not_computed,
        unbound=unbound,
    )
    fitting = Fitting(plain, profile, decided, shares)
    stage_fit = Fit(
        decided.typed_kinds | found.adds,
        seed,
        min_count,
        fitting.counts(),
        found.deciding,
        frozenset(found.nulls) | spelled,  # whether a value is null is one of its spellings
        predict=predict,
        on_progress=on_progress,
    )
    return Prepared(
        sample,
        missing,
        fitting,
        typed,
        found.reduce(typed),
        found,
        stage_fit,
        tuple(warnings),
    )


def _without_missing(sample: pa.Table, decided: Decisions) -> tuple[pa.Table, dict[str, str]]:
    """The rows without texts that stand for a missing value of what is made anew, and these."""
    missing: dict[str, str] = {}
    for name in decided.makers:
        if (text := missing_text(sample[name])) is not None:
            missing[name] = text
            column = without(sample[name], text)
            sample = sample.set_column(sample.column_names.index(name), name, column)
    return sample, missing


def value_columns(typed: pa.Table) -> list[str]:
    """Names of the columns of values, not of spellings."""
    return [name for name in typed.column_names if not name.endswith(FORM)]


def typed_columns(sample: pa.Table, decided: Decisions) -> pa.Table:
    """The columns that are drawn, by the values behind their spellings."""
    typed: dict[str, Any] = {}
    for name in sample.column_names:
        if name in decided.makers or sample[name].null_count == sample.num_rows:
            continue
        if (codec := decided.codecs.get(name)) is None:
            typed[name] = sample[name]
            continue
        parsed = codec.parse(sample[name])
        parts = part_names(name, codec)
        typed |= (
            dict(zip(parts, parsed.values.flatten(), strict=True))
            if parts
            else {name: parsed.values}
        )
        if parsed.forms is not None:
            typed[name + FORM] = pa.array(parsed.forms, pa.int32())
    return pa.table(typed)


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
