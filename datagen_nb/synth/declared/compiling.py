"""From a declaration to the model that makes its rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import pdtr

from datagen_nb.codecs import Codec
from datagen_nb.codecs.codec import TextCodec
from datagen_nb.codecs.dates import DateSpelling
from datagen_nb.core.declaration import Declaration, DeclaredColumn
from datagen_nb.core.declared_kinds import READERS, distribution_of, log_scale, on_grid
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.relation_text import Expression, columns_in
from datagen_nb.relations import Relations
from datagen_nb.relations.expression import Columns, compute
from datagen_nb.relations.formula import Formula
from datagen_nb.relations.numbers import CLOCK, DAY, INSTANT, MAX_EXACT, NUMBER, Grid
from datagen_nb.relations.relation import unused
from datagen_nb.synth.declared.columns import Choices, Instants, Numbers, Source
from datagen_nb.synth.declared.makers import maker_of
from datagen_nb.synth.declared.model import DeclaredModel
from datagen_nb.synth.declared.stage import DeclaredStage
from datagen_nb.synth.identities import Maker
from datagen_nb.synth.keys import Group, Level

BLOCK_ROWS = 5_000
BLOCK_CELLS = 500_000
"""Rows, and rows times columns, that are drawn together."""

MIN_ENTITIES = 20
MAX_BLOCK = 100_000
"""A block has so many entities of its coarsest key, unless it had more rows than this."""

SIZES = 1_000
"""Numbers of rows of a key that are kept."""

SECOND = 1_000_000
"""In microseconds."""

_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("number", "integer", "formula"), "numeric"),
    **dict.fromkeys(("date", "datetime", "time"), "datetime"),
    **dict.fromkeys(("id", "uuid", "pattern", "iban"), "id"),
    "boolean": "boolean",
    "category": "categorical",
    "constant": "constant",
}
"""What the rest of the program calls declared kinds; all others are ``text``."""

_UNITS: Mapping[str, pa.DataType] = {
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "time": pa.time64("us"),
}


def model_of(declaration: Declaration, *, seed: int, name: str = "schema") -> DeclaredModel:
    """The model that makes declared rows.

    Args:
        declaration: What is declared.
        seed: Of everything that is drawn.
        name: What problems call the declaration.

    Raises:
        ConfigurationError: A formula has no meaning for the types of its columns.
    """
    return _Compiler(declaration, seed, name).model()


@dataclass(frozen=True, slots=True)
class _Compiler:
    declaration: Declaration
    seed: int
    name: str

    def model(self) -> DeclaredModel:
        columns = self.declaration.columns
        sources = {
            column.name: source for column in columns if (source := _source(column)) is not None
        }
        formulas = self._formulas(sources)
        makers = self._makers()
        types = {name: _type_of(source) for name, source in sources.items()}
        types |= {one.target: one.type for one in formulas}
        types |= {name: _made_type(maker) for name, maker in makers.items()}
        codecs = {column.name: codec for column in columns if (codec := _codec(column))}
        types |= dict.fromkeys(codecs, pa.string())
        groups = self._groups()
        levels = [level for group in groups for level in group.levels]
        flags = {one.flag: self.declaration.by_name[one.target].nulls for one in formulas}
        kinds = {column.name: _KINDS.get(column.kind, "text") for column in columns}
        kinds |= {one.target: "datetime" for one in formulas if one.grid.family != NUMBER}
        return DeclaredModel(
            schema=pa.schema([(column.name, types[column.name]) for column in columns]),
            rows=0,
            kinds=kinds,
            warnings=(),
            seed=self.seed,
            codecs=codecs,
            makers=makers,
            missing={},
            relations=Relations(tuple(reversed(formulas))),
            groups=groups,
            stages=(
                *(self._stage(level.key, sources, {}) for level in levels),
                self._stage(None, sources, {name: share for name, share in flags.items() if name}),
            ),
            dictionaries={},
            declared=json.dumps(self.declaration.given, ensure_ascii=False),
            block=self._block(groups),
        )

    def _makers(self) -> dict[str, Maker]:
        """Each behind those that it needs: names are made of nothing, and whole names of those."""
        found = {}
        for column in sorted(self.declaration.columns, key=_depth):
            maker = maker_of(column, self.declaration.locale, self.seed)
            if maker is not None:
                found[column.name] = maker
        return found

    def _stage(
        self, key: str | None, sources: Mapping[str, Source], flags: Mapping[str, float]
    ) -> DeclaredStage:
        drawn: dict[str, Any] = {}
        nulls = {}
        for column in self.declaration.columns:
            if column.per != key or column.expression is not None:
                continue
            if column.name in sources:
                drawn[column.name] = sources[column.name]
                if column.nulls:
                    nulls[column.name] = column.nulls
            elif column.nulls:
                drawn[column.name] = _yes(column.nulls)
        return DeclaredStage(drawn | {name: _yes(share) for name, share in flags.items()}, nulls)

    def _groups(self) -> tuple[Group, ...]:
        groups: list[Group] = []
        for chain in self.declaration.chains:
            levels = []
            for key in chain:
                own = [
                    column.name
                    for column in self.declaration.columns
                    if column.name == key.name or (column.per == key.name and not column.is_key)
                ]
                sizes = sizes_of(key.options["rows_per_key"])
                levels.append(Level(key.name, tuple(own), sizes, together=not groups))
            groups.append(Group(tuple(levels)))
        return tuple(groups)

    def _block(self, groups: Iterable[Group]) -> int:
        columns = len(self.declaration.columns)
        rows = min(BLOCK_ROWS, max(BLOCK_CELLS // columns, 1))
        for group in groups:
            of_one = math.prod(float(level.sizes.mean()) for level in group.levels)
            rows = max(rows, min(math.ceil(MIN_ENTITIES * of_one), MAX_BLOCK))
        return rows

    def _formulas(self, sources: Mapping[str, Source]) -> list[Formula]:
        """Those of all columns, each behind those that it needs."""
        nothing = pa.table({name: pa.array([], _type_of(one)) for name, one in sources.items()})
        found: list[Formula] = []
        problems = []
        for column in self.declaration.formulas:
            place = f"{self.name}.columns.{column.name}"
            expression = column.expression
            if expression is None or any(
                name not in nothing.column_names for name in columns_in(expression)
            ):
                continue  # it needs another that has no meaning
            try:
                made = self._formula(column, expression, nothing)
            except ValueError as error:
                shown = brief_repr(column.options["formula"])
                remedy = "Compute with numbers, dates and lengths of time that go together."
                problems.append(Problem(f"{place}.formula", shown, str(error), remedy))
                continue
            found.append(made)
            nothing = nothing.append_column(column.name, pa.array([], made.type))
        if problems:
            raise ConfigurationError(problems)
        return found

    def _formula(self, column: DeclaredColumn, expression: Expression, table: pa.Table) -> Formula:
        """The relation that computes a column. Raises ``ValueError`` if it has no meaning."""
        _, family = compute(expression, Columns(table))
        decimals = column.options.get("decimals")
        if family == NUMBER:
            type = pa.int64() if decimals == 0 else pa.float64()
            grid, rounding = Grid(NUMBER, decimals=decimals), "even"
        elif decimals is not None:
            raise ValueError("gives no number, so that decimals means nothing")
        elif family == INSTANT:
            is_date = _is_of_days(expression, table)
            type = pa.date32() if is_date else pa.timestamp("us")
            grid, rounding = Grid(INSTANT, step=DAY if is_date else float(SECOND)), "floor"
        elif family == CLOCK:
            type, grid, rounding = pa.time64("us"), Grid(CLOCK, step=float(SECOND)), "floor"
        else:
            raise ValueError("gives a length of time: write days(…) or hours(…) for its number")
        taken = [*self.declaration.by_name]
        return Formula(
            target=column.name,
            type=type,
            expression=expression,
            grid=grid,
            rounding=rounding,
            flag=unused(f"{column.name} is null", taken) if column.nulls else "",
        )


def sizes_of(declared: Any) -> npt.NDArray[np.int64]:
    """How many rows keys have, by ``rows_per_key``: between bounds, or 1 and a Poisson number."""
    if isinstance(declared, Mapping):
        return np.arange(declared["min"], declared["max"] + 1, dtype=np.int64)
    mean = float(declared) - 1
    if mean <= 0:
        return np.ones(1, dtype=np.int64)
    counts = np.arange(math.ceil(mean + 10 * math.sqrt(mean) + 30))
    middles = (np.arange(SIZES) + 0.5) / SIZES
    found = 1 + np.searchsorted(pdtr(counts, mean), middles)
    return np.asarray(found, dtype=np.int64)


def _depth(column: DeclaredColumn) -> int:
    if column.kind == "person":
        return 1
    return 2 if column.kind in ("email", "username") else 0


def _yes(share: float) -> Choices:
    return Choices.of(pa.array([True, False]), np.array([share, 1 - share]))


def _source(column: DeclaredColumn) -> Source | None:
    """What a column is drawn from; ``None`` if it is made or computed."""
    options = column.options
    match column.kind:
        case "number" | "integer" if not column.is_unique:
            return _numbers(column)
        case "boolean":
            return _yes(float(options.get("share", 0.5)))
        case "constant":
            return Choices.of(_array([options["value"]]), np.ones(1))
        case "category":
            values, shares = options["values"], options.get("shares")
            if isinstance(values, Mapping):
                shares = list(values.values())
            if shares is None:
                shares = [1 / len(values)] * len(values)
            return Choices.of(_array(list(values)), np.array(shares, dtype=np.float64))
        case "date" | "datetime" | "time":
            return _instants(column)
    return None


def _array(values: list[Any]) -> pa.Array:
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        is_whole = all(isinstance(one, int) for one in values)
        return pa.array(values, pa.int64() if is_whole else pa.float64())
    return pa.array(values)


def _numbers(column: DeclaredColumn) -> Numbers:
    options, is_integer = column.options, column.kind == "integer"
    distribution = distribution_of(options)
    decimals = 0 if is_integer else options.get("decimals")
    low, high = float(options.get("min", -math.inf)), float(options.get("max", math.inf))
    if distribution not in ("uniform", "normal"):
        low = max(low, 0.0)
    if is_integer:
        low, high = max(low, -MAX_EXACT), min(high, MAX_EXACT)
    if decimals is not None:
        low = on_grid(low, decimals, ROUND_CEILING)
        high = on_grid(high, decimals, ROUND_FLOOR)
    location, scale = float(options.get("mean", 0.0)), float(options.get("sd", 1.0))
    if distribution == "lognormal":
        location, scale = log_scale(location, scale)
    return Numbers(distribution, location, scale, low, high, decimals, is_integer)


def _instants(column: DeclaredColumn) -> Instants:
    read = READERS[column.kind]
    low, high = (_number(read(column.options[name])) for name in ("from", "to"))
    step = 1 if column.kind == "date" else SECOND
    return Instants(low, (high - low) // step + 1, step, str(_NAMES[column.kind]))


_NAMES = {"date": "date32", "datetime": "timestamp[us]", "time": "time64[us]"}


def _number(value: date | time) -> int:
    """A day, or an instant or a time of day in microseconds."""
    if isinstance(value, datetime):
        return int((np.datetime64(value, "us") - np.datetime64(0, "us")).astype(np.int64))
    if isinstance(value, time):
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return seconds * SECOND + value.microsecond
    return int(np.datetime64(value, "D").astype(np.int64))


def _codec(column: DeclaredColumn) -> Codec | None:
    """How dates are spelled, if they are texts."""
    if "format" not in column.options:
        return None
    spelling = DateSpelling(column.options["format"])
    return TextCodec((spelling,), (), _NAMES[column.kind], "string")


def _type_of(source: Source) -> pa.DataType:
    return source.draw(0, np.random.default_rng(0)).type


def _made_type(maker: Maker) -> pa.DataType:
    none = np.zeros(0, dtype=np.int64)
    nothing = {name: pa.array([], pa.string()) for name in maker.needs}
    return maker.make(none, nothing, np.random.default_rng(0)).type


def _is_of_days(expression: Expression, table: pa.Table) -> bool:
    """Whether an expression of days gives days."""
    operation, *arguments = expression
    if operation in ("hours", "minutes", "seconds", "milliseconds", "time"):
        return False
    if operation == "column":
        type = table.schema.field(arguments[0]).type
        return not (pa.types.is_timestamp(type) or pa.types.is_time(type))
    if operation in ("number", "on"):
        return True
    return all(_is_of_days(one, table) for one in arguments)
