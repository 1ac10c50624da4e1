"""Declared columns: what ``parameters.schema`` says of rows that are made without an input.

A declaration is a JSON object, ``{"locale": "en", "columns": {name: column, …}}``; a column is an
object of ``kind`` and options (``core.declared_kinds``), or the kind alone. docs/schema.md has the
whole grammar. How rows are made of it is in ``synth.declared``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from datagen_nb.core.declared_kinds import (
    COMMON,
    DECLARED_KINDS,
    LOCALES,
    MARKS,
    distribution_of,
)
from datagen_nb.core.errors import MAX_PROBLEMS, ConfigurationError, Problem
from datagen_nb.core.quoting import brief_repr, did_you_mean
from datagen_nb.core.relation_text import Expression, Unreadable, columns_in, parse_expression
from datagen_nb.core.rules import broken, is_text, one_of, unknown_names

MAX_DECLARED = 2_000
"""Columns that a declaration has at most."""

MAX_DECLARED_BYTES = 1_000_000
"""Bytes of a declaration as a text."""

MAX_NAME = 200
"""Characters of a column's name."""

_LOCALE = one_of(LOCALES)
_PARTS = ("locale", "columns")
_NAME_KINDS = ("person", "first_name", "last_name")


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column that keeps the rules.

    Attributes:
        name: Of the column.
        kind: A key of ``DECLARED_KINDS``.
        options: Its own ones, as they are declared.
        nulls: Share of missing values.
        is_unique: Whether no value repeats.
        per: The key that has one value of it each; ``None`` for a value a row.
        names: Columns of names that its texts go with.
        expression: What it is computed by, of the kind ``formula``.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    nulls: float = 0.0
    is_unique: bool = False
    per: str | None = None
    names: tuple[str, ...] = ()
    expression: Expression | None = None

    @property
    def is_key(self) -> bool:
        """Whether it repeats, in the rows of one entity."""
        return "rows_per_key" in self.options

    @property
    def values(self) -> int | None:
        """How many different values there are, where none may repeat."""
        pattern = self.options.get("pattern")
        if pattern is not None and (self.is_unique or self.kind == "id"):
            return pattern_size(pattern)
        if self.kind == "integer" and self.is_unique:
            return int(self.options["max"]) - int(self.options["min"]) + 1
        return None


@dataclass(frozen=True)
class Declaration:
    """All columns of a table.

    Attributes:
        columns: In their order.
        locale: The language of names and places.
    """

    columns: tuple[DeclaredColumn, ...]
    locale: str = "en"
    given: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def by_name(self) -> Mapping[str, DeclaredColumn]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    @property
    def chains(self) -> tuple[tuple[DeclaredColumn, ...], ...]:
        """Keys that lie within each other, from the coarsest to the finest."""
        chains = []
        for key in self.columns:
            if key.is_key and key.per is None:
                chain = [key]
                while below := [
                    one for one in self.columns if one.is_key and one.per == chain[-1].name
                ]:
                    chain += below
                chains.append(tuple(chain))
        return tuple(chains)

    @property
    def formulas(self) -> tuple[DeclaredColumn, ...]:
        """Computed columns, each after those that it needs."""
        uses = {
            column.name: columns_in(column.expression)
            for column in self.columns
            if column.expression is not None
        }
        order = TopologicalSorter(uses).static_order()
        return tuple(self.by_name[name] for name in order if name in uses)

    @property
    def scarcest(self) -> DeclaredColumn | None:
        """The column without repetition that has the fewest values; ``None`` if none is bounded."""
        bounded = [column for column in self.columns if column.values is not None]
        return min(bounded, key=lambda column: column.values or 0, default=None)


def read(given: Any, name: str = "schema") -> Declaration:
    """Read a declaration.

    Args:
        given: The JSON object.
        name: What problems call it.

    Raises:
        ConfigurationError: It breaks rules; every problem at once.

    Example:
        >>> read({"columns": {"id": "id", "paid": "boolean"}}).columns[1].kind
        'boolean'
    """
    found = list(problems(given, name))
    if found:
        raise ConfigurationError(found[:MAX_PROBLEMS], count=len(found))
    columns = {key: _normal(one) for key, one in given["columns"].items()}
    return Declaration(
        tuple(_column(key, one, columns) for key, one in columns.items()),
        given.get("locale", "en"),
        given,
    )


def problems(given: Any, name: str = "schema") -> Iterator[Problem]:
    """The rules that a declaration breaks."""
    if not isinstance(given, Mapping):
        yield Problem(name, brief_repr(given), "has to be an object", "Give columns.")
        return
    if not _is_small(given):
        rule = f"has to be an object of JSON values, of at most {MAX_DECLARED_BYTES:,} bytes"
        yield Problem(name, brief_repr(given), rule, "Declare fewer columns or values.")
        return
    if "locale" in given:
        yield from broken(f"{name}.locale", given["locale"], _LOCALE)
    yield from unknown_names(f"{name}.", given, _PARTS)
    columns = given.get("columns")
    if not isinstance(columns, Mapping) or not 1 <= len(columns) <= MAX_DECLARED:
        rule = f"has to map the names of 1 to {MAX_DECLARED:,} columns to what they are"
        shown = brief_repr(columns) if "columns" in given else "(missing)"
        yield Problem(f"{name}.columns", shown, rule, "Write for example {id: id, paid: boolean}.")
        return
    own = [one for key, column in columns.items() for one in _of_column(name, key, column)]
    yield from own
    if not own:
        normal = {key: _normal(one) for key, one in columns.items()}
        for key, one in normal.items():
            yield from _between(f"{name}.columns.{key}", key, one, normal)
        yield from _of_chains(name, normal)
        yield from _of_formulas(name, normal)


def pattern_size(pattern: str) -> int:
    """How many texts have a pattern.

    Example:
        >>> pattern_size("AB-##")
        100
    """
    size, signs = 1, iter(pattern)
    for sign in signs:
        if sign == "\\":
            next(signs, None)
        else:
            size *= MARKS.get(sign, 1)
    return size


def _is_small(given: Mapping[str, Any]) -> bool:
    try:
        text = json.dumps(given, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return is_text(text) and len(text.encode()) <= MAX_DECLARED_BYTES


def _normal(column: Any) -> Mapping[str, Any]:
    """A column as an object with its kind."""
    if isinstance(column, str):
        return {"kind": column}
    if "formula" in column and "kind" not in column:
        return {"kind": "formula", **column}
    return dict(column)


def _of_column(name: str, key: Any, given: Any) -> Iterator[Problem]:
    """The rules that a column breaks by itself."""
    place = f"{name}.columns.{key}"
    if not is_text(key) or not 1 <= len(key) <= MAX_NAME or "\0" in key:
        rule = f"has to have a name of 1 to {MAX_NAME} characters"
        yield Problem(f"{name}.columns", brief_repr(key), rule, "Name it, in quotes if need be.")
        return
    if not isinstance(given, str | Mapping):
        remedy = "Write for example {kind: number, min: 0, max: 100}."
        yield Problem(place, brief_repr(given), "has to be an object or a kind", remedy)
        return
    column = _normal(given)
    kind = column.get("kind")
    if not isinstance(kind, str) or kind not in DECLARED_KINDS:
        shown = "(missing)" if "kind" not in column else brief_repr(kind)
        remedy = did_you_mean(kind if isinstance(kind, str) else "", DECLARED_KINDS)
        yield Problem(f"{place}.kind", shown, "has to be a kind of columns", remedy)
        return
    known = DECLARED_KINDS[kind]
    rules = {**COMMON, **known.options}
    found: list[Problem] = []
    for option, value in column.items():
        if option in rules:
            found += broken(f"{place}.{option}", value, rules[option])
    for option in known.required:
        if option not in column:
            remedy = known.options[option].instruction
            found.append(
                Problem(f"{place}.{option}", "(missing)", f"is required for kind {kind}", remedy)
            )
    found += unknown_names(f"{place}.", column, rules)
    if not found and known.check is not None:
        found += known.check(place, column)
    yield from found
    if not found:
        yield from _of_common(place, kind, column)


def _of_common(place: str, kind: str, column: Mapping[str, Any]) -> Iterator[Problem]:
    """The options of every kind that cannot be asked of this one."""
    if column.get("unique") and not DECLARED_KINDS[kind].can_be_unique and kind not in _IDS:
        remedy = f"Leave it out, or use {' or '.join(_IDS)}."
        yield Problem(f"{place}.unique", "True", f"is not for kind {kind}", remedy)
    elif column.get("unique") and kind == "integer" and distribution_of(column) != "uniform":
        remedy = "Leave the distribution out, and give min and max."
        yield Problem(f"{place}.unique", "True", "is for distribution uniform", remedy)
    if column.get("unique") is False and kind in _IDS:
        yield Problem(f"{place}.unique", "False", f"is always so of kind {kind}", "Leave it out.")
    if "rows_per_key" in column and column.get("nulls"):
        yield Problem(
            f"{place}.nulls", brief_repr(column["nulls"]), "is not for a key", "Leave it out."
        )
    if kind == "formula":
        if "per" in column:
            rule = "is not for a formula, which has one value wherever its columns have"
            yield Problem(f"{place}.per", brief_repr(column["per"]), rule, "Leave it out.")
        try:
            expression = parse_expression(column["formula"])
        except Unreadable as error:
            remedy = "Write for example quantity * price; other names in double quotes."
            shown, rule = brief_repr(column["formula"]), f"cannot be read: {error}"
            yield Problem(f"{place}.formula", shown, rule, remedy)
        else:
            if not columns_in(expression):
                remedy = "Use the kind constant, or name a column."
                shown = brief_repr(column["formula"])
                yield Problem(f"{place}.formula", shown, "names no column", remedy)


_IDS = ("id", "uuid")


def _between(
    place: str, key: str, column: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """The rules that a column breaks with others."""
    if (per := column.get("per")) is not None:
        if per not in columns:
            remedy = did_you_mean(per, columns)
            yield Problem(f"{place}.per", brief_repr(per), "is no column", remedy)
        elif "rows_per_key" not in columns[per]:
            rule, remedy = "is no key", f"Give {per} rows_per_key, as 3."
            yield Problem(f"{place}.per", brief_repr(per), rule, remedy)
        elif len(_above(key, columns)) > len(columns):
            remedy = "Let one of them be per no other."
            yield Problem(f"{place}.per", brief_repr(per), "goes in a circle", remedy)
    given = column.get("of", ())
    for name in [given] if isinstance(given, str) else given:
        if name not in columns:
            remedy = did_you_mean(name, columns)
            yield Problem(f"{place}.of", brief_repr(name), "is no column", remedy)
        elif columns[name]["kind"] not in _NAME_KINDS or name == key:
            remedy = f"Name one of kind {', '.join(_NAME_KINDS)}."
            yield Problem(f"{place}.of", brief_repr(name), "is no column of names", remedy)
        elif columns[name].get("per") not in (None, *_above(key, columns)) or (
            columns[name].get("per") is None and column.get("per") is not None
        ):
            rule = "has not one name for each value"
            remedy = f"Give {name} the same per."
            yield Problem(f"{place}.of", brief_repr(name), rule, remedy)
        elif column["kind"] == "person" and columns[name]["kind"] == "person":
            rule = "is of kind person itself"
            yield Problem(f"{place}.of", brief_repr(name), rule, "Name first and last names.")


def _above(key: str, columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The keys that a column belongs to, the nearest first; more than columns in a circle."""
    found: list[str] = []
    per: str | None = columns[key].get("per")
    while per is not None and per in columns and len(found) <= len(columns):
        found.append(per)
        per = columns[per].get("per")
    return found


def _of_formulas(name: str, columns: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Formulas name columns that can be computed with, and none its own."""
    uses = {
        key: columns_in(parse_expression(column["formula"]))
        for key, column in columns.items()
        if column["kind"] == "formula"
    }
    for key, used in uses.items():
        place, text = f"{name}.columns.{key}.formula", brief_repr(columns[key]["formula"])
        for other in used:
            if other not in columns:
                rule = f"names {brief_repr(other)}, which is no column"
                yield Problem(place, text, rule, did_you_mean(other, columns))
            elif not _is_computable(columns[other]):
                rule = f"names {brief_repr(other)}, which holds no numbers or dates to compute with"
                yield Problem(place, text, rule, "Name other columns.")
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        circle = error.args[1][:-1]
        shown = " and ".join(map(brief_repr, circle[:3]))
        key = str(circle[0])
        place, text = f"{name}.columns.{key}.formula", brief_repr(columns[key]["formula"])
        rule = f"goes in a circle: {shown} need each other" if circle[1:] else "needs itself"
        yield Problem(place, text, rule, "Let one of the formulas name other columns.")


def _is_computable(column: Mapping[str, Any]) -> bool:
    kind = column["kind"]
    if kind == "constant":
        values = [column["value"]]
    elif kind == "category":
        values = list(column["values"])
    else:
        is_made = not DECLARED_KINDS[kind].is_drawn or bool(column.get("unique"))
        return not is_made and kind != "boolean"
    return not any(isinstance(one, str | bool) for one in values)


def _of_chains(name: str, columns: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Each key has at most one finer key below it."""
    taken: dict[str, str] = {}
    for key, column in columns.items():
        per: str | None = column.get("per")
        if "rows_per_key" not in column or per is None or per not in columns:
            continue
        if per in taken:
            rule = f"has the key {brief_repr(taken[per])} below it already"
            remedy = f"Let it be per {taken[per]}, or per no other."
            yield Problem(f"{name}.columns.{key}.per", brief_repr(per), rule, remedy)
        taken[per] = key


def _column(
    key: str, given: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]]
) -> DeclaredColumn:
    kind = given["kind"]
    formula = given.get("formula")
    return DeclaredColumn(
        name=key,
        kind=kind,
        options={name: one for name, one in given.items() if name not in COMMON},
        nulls=float(given.get("nulls", 0)),
        is_unique=bool(given.get("unique", kind in _IDS)),
        per=given.get("per"),
        names=_names(key, given, columns),
        expression=None if formula is None else parse_expression(formula),
    )


def _names(
    key: str, given: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any]]
) -> tuple[str, ...]:
    """The columns of names that a text goes with: those that are named, else those beside it."""
    if "of" not in DECLARED_KINDS[given["kind"]].options:
        return ()
    if (named := given.get("of")) is not None:
        return (named,) if isinstance(named, str) else tuple(named)
    beside: dict[str, str] = {}
    for name, one in columns.items():
        if one["kind"] in _NAME_KINDS and one.get("per") == given.get("per") and name != key:
            beside.setdefault(str(one["kind"]), name)
    if "first_name" in beside and "last_name" in beside:
        return beside["first_name"], beside["last_name"]
    if given["kind"] != "person" and "person" in beside:
        return (beside["person"],)
    return ()
