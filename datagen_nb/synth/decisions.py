"""What each column is: decided once from the whole table, and the same wherever it is asked.

An inspection, a preview, a job and its report decide here. Values are taken from some rows, all
counts from the profile of the whole table. The order: what is spelled has a codec, what
identifies someone or something is made anew, everything else is drawn as it is. The kinds of
columns say of what they are: ``column_kind``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from datagen_nb.codecs import Codec, with_parts
from datagen_nb.core.errors import InputError
from datagen_nb.core.kinds import Scale
from datagen_nb.synth import keys
from datagen_nb.synth.arrays import plain
from datagen_nb.synth.chosen_patterns import check_pattern
from datagen_nb.synth.column_kind import ColumnKind, column_kind
from datagen_nb.synth.identities import Candidate, Maker, is_text
from datagen_nb.synth.identities.forms import Pattern
from datagen_nb.synth.identities.serial import Counting
from datagen_nb.synth.kinds import constant
from datagen_nb.synth.margin_fitting import MIN_COUNT
from datagen_nb.synth.missing import missing_text, without
from datagen_nb.synth.profile import ColumnFacts, Profile, check_type
from datagen_nb.synth.rare_texts import kind_without_levels
from datagen_nb.synth.recognition import Made, codec_of, drawn_kind, makers_of

MAX_NAMED = 8
"""Columns that a warning names."""

FEW_IDENTIFIERS = 10**8
"""Room for fewer new identifiers than this is worth a warning."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the columns of a table are.

    Attributes:
        kinds: Of every column, the name of its kind.
        codecs: Of columns whose values are spelled.
        makers: Of columns that are made anew.
        warnings: What a user should know, in sentences.
    """

    kinds: dict[str, str]
    codecs: dict[str, Codec]
    makers: dict[str, Maker]
    warnings: tuple[str, ...]

    @property
    def typed_kinds(self) -> dict[str, str]:
        """Of every column, and of each number in texts that have several."""
        return with_parts(self.kinds, self.codecs)


def decide(
    profile: Profile,
    sample: pa.Table,
    columns: Mapping[str, str],
    *,
    patterns: Mapping[str, str] | None = None,
    min_count: int = MIN_COUNT,
    seed: int = 0,
) -> Decisions:
    """Decide what each column is.

    Args:
        profile: Of the whole table.
        sample: Rows of it, in their order.
        columns: Kinds that the user chose; those of columns that ``sample`` lacks are left out.
        patterns: How values of these columns are written, as the user chose.
        min_count: A value that fewer rows have is not used as it is.
        seed: Of what is made anew.

    Raises:
        InputError: A column's type cannot be fitted, or cannot be of the chosen kind.
    """
    facts = profile.facts()
    kinds: dict[str, ColumnKind] = {}
    for name in sample.column_names:
        check_type(name, sample[name].type)
        if facts[name].distinct == 0 or sample[name].null_count == sample.num_rows:
            kinds[name] = constant.KIND
    valued = [name for name in sample.column_names if name not in kinds]
    wanted = {
        name: _chosen(name, sample, kind, profile)
        for name, kind in columns.items()
        if name in valued and facts[name].distinct > 1
    }
    shapes = {name: pattern for name, pattern in (patterns or {}).items() if name in valued}
    for name, pattern in shapes.items():
        check_pattern(name, sample[name], column_kind(columns[name]), pattern)
    spelled: dict[str, Codec] = {}
    for name in valued:
        found = codec_of(name, sample[name], wanted=wanted.get(name), pattern=shapes.get(name))
        if found is not None:
            kinds[name], spelled[name] = found
    rest = sample.select([name for name in valued if name not in spelled])
    made = _makers(rest, facts, wanted, shapes, min_count=min_count, seed=seed)
    free = [name for name in rest.column_names if name not in {*made, *wanted}]
    made |= _of_entities(sample, free, made, min_count=min_count, seed=seed)
    kinds |= {name: one.kind for name, one in made.items()}
    for name in rest.column_names:
        if name not in made:
            column = Candidate(name, plain(sample[name]), facts[name], is_wanted=name in wanted)
            drawn = drawn_kind(column, wanted.get(name))
            if drawn is None:  # no codec reads it as what the user says
                raise _wrong_kind(name, sample, columns[name], profile)
            kinds[name] = drawn
    # What others need comes first.
    ordered = sorted(made.items(), key=lambda item: item[1].maker.needs)
    makers = {name: one.maker for name, one in ordered}
    return Decisions(
        kinds={name: kinds[name].name for name in sample.column_names},
        codecs=spelled,
        makers=makers,
        warnings=(
            *_warnings(profile, sample, kinds, spelled),
            *_small_types(sample, makers),
            *_small_patterns(profile, shapes, makers),
        ),
    )


def _makers(
    table: pa.Table,
    facts: Mapping[str, ColumnFacts],
    wanted: Mapping[str, ColumnKind],
    patterns: Mapping[str, str],
    *,
    min_count: int,
    seed: int,
) -> dict[str, Made]:
    """Makers of what its meaning identifies, and of what has no level to draw."""
    made = makers_of(table, facts, wanted, patterns, min_count=min_count, seed=seed)
    without: dict[str, ColumnKind] = {}
    for name in table.column_names:
        if name in made or name in wanted or not is_text(table[name].type):
            continue
        kind = kind_without_levels(table[name], facts[name], min_count)
        if kind is not None:
            without[name] = kind
    rest = table.select(list(without))
    return made | makers_of(rest, facts, without, {}, min_count=min_count, seed=seed)


def _of_entities(
    sample: pa.Table,
    names: list[str],
    made: Mapping[str, Made],
    *,
    min_count: int,
    seed: int,
) -> dict[str, Made]:
    """Texts that identify an entity: many rows may share one, but only those of the same entity."""
    texts = [name for name in names if is_text(sample[name].type)]
    if not made or not texts:
        return {}
    raw = {}
    for name in made:
        missing = missing_text(sample[name])
        column = sample[name] if missing is None else without(sample[name], missing)
        raw[name] = keys.codes_of(column)
    codes = raw | {name: keys.codes_of(sample[name]) for name in texts}
    identifying = {name: raw[name] for name, one in made.items() if one.maker.is_unique}
    found: dict[str, Made] = {}
    for level in (level for group in keys.find(identifying, codes) for level in group.levels):
        own = [name for name in level.columns if name in texts]
        first = keys.first_rows(keys.entities_of(raw[level.key]))
        entities = sample.select(own).take(pa.array(first))
        facts = Profile.of(entities).facts()
        found |= _makers(entities, facts, {}, {}, min_count=min_count, seed=seed)
    return found


def _chosen(name: str, sample: pa.Table, wanted: str, profile: Profile) -> ColumnKind:
    """The kind that the user chose for a column.

    Raises:
        InputError: The column cannot be of it.
    """
    type = sample[name].type
    if pa.types.is_dictionary(type):
        type = type.value_type
    kind = column_kind(wanted)
    if not kind.holds(type):
        raise _wrong_kind(name, sample, wanted, profile)
    return kind


def _wrong_kind(name: str, sample: pa.Table, wanted: str, profile: Profile) -> InputError:
    type = sample[name].type
    detected = decide(profile, sample.select([name]), {}).kinds[name]
    return InputError(
        f"Column {name!r} holds {type} and cannot be {wanted}; it was found to be {detected}. "
        f"Leave it out of parameters.columns, or convert the column first.",
        code="wrong_kind",
        details={"column": name, "type": str(type), "kind": wanted, "retryHelps": False},
    )


def _warnings(
    profile: Profile,
    sample: pa.Table,
    kinds: Mapping[str, ColumnKind],
    spelled: Mapping[str, Codec],
) -> tuple[str, ...]:
    found = profile.columns
    empty = [name for name in kinds if found[name].present + found[name].nans == 0]
    warnings = [f"Column {name!r} holds only nulls, and so does the result." for name in empty]
    unseen = [name for name in kinds if name not in empty and kinds[name] is constant.KIND]
    unseen = [name for name in unseen if sample[name].null_count == sample.num_rows]
    if unseen:
        warnings.append(
            f"The {sample.num_rows:,} rows used for fitting have no value of {_named(unseen)}; "
            "the result holds only nulls there."
        )
    uncounted = [
        name
        for name, kind in kinds.items()
        if kind.scale is Scale.NOMINAL and name not in spelled and found[name].levels is None
    ]
    if uncounted and profile.rows > sample.num_rows:
        warnings.append(
            f"{_named(uncounted)}: too many different values to count each. Those that the "
            f"{sample.num_rows:,} rows used for fitting lack are not in the result."
        )
    return tuple(warnings)


def _small_types(sample: pa.Table, makers: Mapping[str, Maker]) -> list[str]:
    """Warnings of identifiers of a type that has few."""
    return [
        f"Column {name!r} holds {sample[name].type}, which has room for {maker.room:,} new "
        "identifiers; further rows repeat them."
        for name, maker in makers.items()
        if isinstance(maker, Counting) and maker.room < FEW_IDENTIFIERS
    ]


def _small_patterns(
    profile: Profile, patterns: Mapping[str, str], makers: Mapping[str, Maker]
) -> list[str]:
    """Warnings of patterns of identifiers that leave too few new ones for as many rows."""
    warnings = []
    for name, pattern in patterns.items():
        maker = makers.get(name)
        if not isinstance(maker, Pattern):
            continue
        room = sum(form.size for form in maker.forms) - profile.columns[name].distinct
        if room < profile.rows:
            warnings.append(
                f"The pattern {pattern!r} of column {name!r} leaves {max(room, 0):,} new values; "
                "further ones have a number behind them."
            )
    return warnings


def _named(columns: list[str]) -> str:
    named = ", ".join(map(repr, columns[:MAX_NAMED]))
    return f"{named} and {len(columns) - MAX_NAMED} more" if len(columns) > MAX_NAMED else named
