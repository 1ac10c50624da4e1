"""What each column is: decided once from the whole table, and the same wherever it is asked.

An inspection, a preview, a job and its report decide here. Values are taken from some rows, all
counts from the profile of the whole table. The order: what is spelled has a codec, what
identifies someone or something is made anew, everything else is drawn as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.synth import codecs, identities, keys
from datagen_nb.synth.chosen_patterns import check_pattern
from datagen_nb.synth.codecs import Codec
from datagen_nb.synth.identities import Maker, meaning
from datagen_nb.synth.identities.forms import Pattern
from datagen_nb.synth.identities.serial import Counting
from datagen_nb.synth.margins import MIN_COUNT
from datagen_nb.synth.profile import ColumnFacts, Profile, check_type, kind_of

MAX_NAMED = 8
"""Columns that a warning names."""

MIN_LEVELS = 20
"""So few values are levels, even if none has many rows: of a small table nothing else is left."""

FEW_IDENTIFIERS = 10**8
"""Room for fewer new identifiers than this is worth a warning."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the columns of a table are.

    Attributes:
        kinds: Of every column, one of ``pipelines.built_in.COLUMN_KINDS``.
        codecs: Of columns whose values are spelled.
        makers: Of columns that are made anew.
        warnings: What a user should know, in sentences.
    """

    kinds: dict[str, str]
    codecs: dict[str, Codec]
    makers: dict[str, Maker]
    warnings: tuple[str, ...]


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
    kinds, valued = {}, []
    for name in sample.column_names:
        check_type(name, sample[name].type)
        if facts[name].distinct == 0 or sample[name].null_count == sample.num_rows:
            kinds[name] = "constant"
        else:
            valued.append(name)
    wanted = {
        name: kind
        for name, kind in columns.items()
        if name in valued and facts[name].distinct > 1 and _check(name, sample, kind, facts[name])
    }
    shapes = {name: pattern for name, pattern in (patterns or {}).items() if name in valued}
    for name, pattern in shapes.items():
        check_pattern(name, sample[name], columns[name], pattern)
    spelled: dict[str, Codec] = {}
    for name in valued:
        if wanted.get(name) in {"id", "text", "categorical"}:
            continue
        codec = codecs.detect(name, sample[name], wanted=wanted.get(name), pattern=shapes.get(name))
        if codec is not None:
            spelled[name], kinds[name] = codec, codec.kind
    rest = sample.select([name for name in valued if name not in spelled])
    makers = _makers(rest, facts, wanted, shapes, min_count=min_count, seed=seed)
    free = [name for name in rest.column_names if name not in {*makers, *wanted}]
    makers |= _of_entities(sample, free, makers, min_count=min_count, seed=seed)
    kinds |= {name: maker.kind for name, maker in makers.items()}
    for name in rest.column_names:
        if name not in makers:
            kinds[name] = _drawn_as(name, sample[name], facts[name], wanted.get(name))
    return Decisions(
        kinds={name: kinds[name] for name in sample.column_names},
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
    wanted: Mapping[str, str],
    patterns: Mapping[str, str],
    *,
    min_count: int,
    seed: int,
) -> dict[str, Maker]:
    """Makers of what its meaning identifies, and of what has no level to draw."""
    makers = identities.detect(
        table, facts, wanted, patterns=patterns, min_count=min_count, seed=seed
    )
    rest = table.select([name for name in table.column_names if name not in makers])
    without = _without_levels(rest, facts, wanted, min_count)
    return makers | identities.detect(
        rest.select(list(without)), facts, without, min_count=min_count, seed=seed
    )


def _without_levels(
    rest: pa.Table, facts: Mapping[str, ColumnFacts], wanted: Mapping[str, str], min_count: int
) -> dict[str, str]:
    """Texts of which too few rows have any: whatever they are, none of them may be drawn."""
    found = {}
    for name in rest.column_names:
        if name in wanted or not _is_text(rest[name]):
            continue
        kind = kind_of(name, rest[name], facts[name])
        if kind in {"id", "text"}:
            if facts[name].is_unique or _are_rare(rest[name], facts[name], min_count):
                found[name] = kind if _have_words(rest[name]) else "id"
        elif facts[name].distinct >= MIN_LEVELS and _are_rare(rest[name], facts[name], min_count):
            found[name] = "text" if meaning.mean_words(pc.unique(rest[name])) > 1 else "id"
    return found


def _have_words(column: pa.ChunkedArray) -> bool:
    """Whether most texts hold a word; without one, as in ``52.51, 13.40``, they are no prose."""
    return meaning.share_matching(pc.unique(column), r"(?s).*\pL{2}.*") > 0.5


def _are_rare(column: pa.ChunkedArray, facts: ColumnFacts, min_count: int) -> bool:
    """Whether no value has enough rows, in the whole table as far as these rows tell."""
    most = pc.max(pc.value_counts(column.drop_null()).field("counts")).as_py() or 0
    return bool(most < min_count and facts.rows_per_value < min_count)


def _of_entities(
    sample: pa.Table,
    names: list[str],
    makers: Mapping[str, Maker],
    *,
    min_count: int,
    seed: int,
) -> dict[str, Maker]:
    """Texts that identify an entity: many rows may share one, but only those of the same entity."""
    texts = [name for name in names if _is_text(sample[name])]
    if not makers or not texts:
        return {}
    raw = {name: keys.codes_of(sample[name]) for name in makers}
    codes = raw | {name: keys.codes_of(sample[name]) for name in texts}
    identifying = {name: raw[name] for name, maker in makers.items() if maker.is_unique}
    found: dict[str, Maker] = {}
    for level in (level for group in keys.find(identifying, codes) for level in group.levels):
        own = [name for name in level.columns if name in texts]
        first = keys.first_rows(keys.entities_of(raw[level.key]))
        entities = sample.select(own).take(pa.array(first))
        facts = Profile.of(entities).facts()
        found |= _makers(entities, facts, {}, {}, min_count=min_count, seed=seed)
    return found


def _drawn_as(name: str, column: pa.ChunkedArray, facts: ColumnFacts, wanted: str | None) -> str:
    """The kind of a column that is neither spelled nor made anew."""
    detected = kind_of(name, column, facts)
    if wanted is None:
        return "categorical" if detected in {"id", "text"} else detected
    is_read = pa.types.is_temporal(column.type) if wanted == "datetime" else not _is_text(column)
    if wanted != "categorical" and not is_read:
        raise _wrong_kind(name, detected, wanted, column.type)  # no codec reads it as that
    return wanted


def _check(name: str, sample: pa.Table, wanted: str, facts: ColumnFacts) -> bool:
    """Look whether a column can be of the kind that the user chose.

    Raises:
        InputError: It cannot.
    """
    column = sample[name]
    type, is_text = column.type, _is_text(column)
    is_number = pa.types.is_integer(type) or pa.types.is_floating(type)
    fits = {
        "numeric": is_text or is_number or pa.types.is_decimal(type),
        "boolean": is_text or pa.types.is_boolean(type),
        "datetime": is_text or pa.types.is_integer(type) or pa.types.is_temporal(type),
        "id": is_text or pa.types.is_integer(type),
        "text": is_text,
        "categorical": True,
    }
    if not fits.get(wanted, False):
        raise _wrong_kind(name, kind_of(name, column, facts), wanted, type)
    return True


def _is_text(column: pa.ChunkedArray) -> bool:
    type = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return type in {pa.string(), pa.large_string(), pa.string_view()}


def _wrong_kind(name: str, detected: str, wanted: str, type: pa.DataType) -> InputError:
    return InputError(
        f"Column {name!r} holds {type} and cannot be {wanted}; it was found to be {detected}. "
        f"Leave it out of parameters.columns, or convert the column first.",
        code="wrong_kind",
        details={"column": name, "type": str(type), "kind": wanted, "retryHelps": False},
    )


def _warnings(
    profile: Profile, sample: pa.Table, kinds: Mapping[str, str], spelled: Mapping[str, Codec]
) -> tuple[str, ...]:
    found = profile.columns
    empty = [name for name in kinds if found[name].present + found[name].nans == 0]
    warnings = [f"Column {name!r} holds only nulls, and so does the result." for name in empty]
    unseen = [name for name in kinds if name not in empty and kinds[name] == "constant"]
    unseen = [name for name in unseen if sample[name].null_count == sample.num_rows]
    if unseen:
        warnings.append(
            f"The {sample.num_rows:,} rows used for fitting have no value of {_named(unseen)}; "
            "the result holds only nulls there."
        )
    uncounted = [
        name
        for name, kind in kinds.items()
        if kind == "categorical" and name not in spelled and found[name].levels is None
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
