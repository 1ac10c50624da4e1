"""Relations that a user states: the text of each becomes the relation that keeps it.

A statement is judged by the rows, not by evidence against chance: the user knows it. One that more
than ``MAX_EXCEPTIONS`` of the rows break is no relation of the table and is not kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.relation_text import (
    Dependency,
    Equation,
    NullRule,
    Order,
    Statement,
    columns_of,
    parse,
)
from datagen_nb.relations import bands, composition, dates, dependency, nulls, order
from datagen_nb.relations.expression import Expression, compute, names_of
from datagen_nb.relations.formula import CLOSE, Formula, best_rounding, in_units
from datagen_nb.relations.isolating import isolated
from datagen_nb.relations.numbers import NUMBER, Flags, whole
from datagen_nb.relations.of_entity import OfEntity
from datagen_nb.relations.relation import Relation, as_flags, known_of, plain, unused
from datagen_nb.relations.state import Search

MAX_EXCEPTIONS = 0.05
"""Share of the rows that may break a stated relation."""


class NotKept(Exception):
    """A stated relation cannot be kept; the message is the reason."""


@dataclass(frozen=True)
class Watched:
    """A stated relation that nothing enforces, since its columns follow from others.

    Attributes:
        relation: What is judged.
    """

    relation: Relation
    targets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    adds: Mapping[str, str] = field(default_factory=dict)
    nulls: tuple[str, ...] = ()
    deciding: tuple[str, ...] = ()
    exceptions: float = 0.0

    @property
    def alters(self) -> tuple[str, ...]:
        return ()

    @property
    def sentence(self) -> str:
        return self.relation.sentence

    def reduce(self, table: pa.Table) -> pa.Table:
        return table

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:  # noqa: ARG002, the protocol's
        return table

    def holds(self, table: pa.Table) -> Flags:
        return self.relation.holds(table)


def relations_of(text: str, search: Search, all_columns: Search) -> list[Relation]:
    """The relations that keep what a user states.

    Args:
        text: The statement.
        search: What relations that were found before leave of the table.
        all_columns: The whole table, in which a statement is judged whose columns are left no more.

    Raises:
        NotKept: The table lacks a column, or too many of its rows break the statement.
        Unreadable: It is no statement.
    """
    statement = parse(text)
    columns = columns_of(statement)
    for name in columns:
        if name not in all_columns.table.column_names:
            raise NotKept(f"the values of {name!r} are made anew, or all are null")
    try:
        if not set(columns) <= set(search.table.column_names):
            return [Watched(one) for one in _built(statement, all_columns)]
        return _built(statement, search)
    except ValueError as error:  # an operation of operands that it is not for
        raise NotKept(str(error)) from error


def is_of_entity(statement: Statement, identities: Collection[str]) -> TypeGuard[Dependency]:
    """Whether columns are stated to follow from a single one, whose values are made anew."""
    if not isinstance(statement, Dependency) or statement.by_null or len(statement.by) != 1:
        return False
    return statement.by[0] in identities


def of_entities(statement: Dependency, table: pa.Table) -> list[OfEntity]:
    """The relations of columns to a key.

    Args:
        statement: One that ``is_of_entity``.
        table: The rows, with the columns that are made anew.

    Raises:
        NotKept: The table lacks a column, or too many of its rows break the statement.
    """
    found = []
    for target in statement.targets:
        if target not in table.column_names:
            raise NotKept(f"all values of {target!r} are null")
        relation = OfEntity(column=target, key=statement.by[0])
        broken = float((~relation.holds(table)).mean())
        if broken > MAX_EXCEPTIONS:
            raise _broken(broken)
        found.append(relation)
    return found


def _built(statement: Statement, search: Search) -> list[Relation]:
    match statement:
        case Equation():
            return [_equation(statement, search)]
        case Order():
            return [_order(statement, search)]
        case Dependency():
            return [_dependency(statement, target, search) for target in statement.targets]
        case NullRule():
            return [_null_rule(statement, search)]


def _equation(statement: Equation, search: Search) -> Relation:
    composed = _composition(statement, search)
    if composed is not None:
        return composed
    best, blocked = 1.0, None
    for target, expression in _forms(statement):
        found = _formula(target, expression, search)
        if isinstance(found, float):
            best = min(best, found)
        elif search.is_open(target, found.needs):
            return found
        else:
            blocked = blocked or found
    if blocked is not None:
        return Watched(blocked)
    raise _broken(best)


def _forms(statement: Equation) -> Iterator[tuple[str, Expression]]:
    """Columns and what gives them; those that stand alone first."""
    left, right = statement.left, statement.right
    for one, other in ((left, right), (right, left)):
        if one[0] == "column" and one[1] not in names_of(other):
            yield one[1], other
    for one, other in ((left, right), (right, left)):
        for name in reversed(names_of(one)):
            if one[0] != "column" and name not in names_of(other):
                expression = isolated(one, name, other)
                if expression is not None:
                    yield name, expression


def _formula(target: str, expression: Expression, search: Search) -> Relation | float:
    """The relation that gives a target, or the share of rows that break it."""
    numbers = search.numbers.get(target)
    if numbers is None:
        if expression[0] != "column":
            raise NotKept(f"{target!r} holds no numbers or dates")
        lookup = dependency.fit(
            search.table.select([expression[1], target]), target, [expression[1]]
        )
        same = _equal_texts(search, target, expression[1])
        return lookup if same <= MAX_EXCEPTIONS else same
    _, family = compute(expression, search.columns)
    best = 1.0
    for form in in_units(expression, (family, numbers.grid.family)):
        values, _ = compute(form, search.columns)
        judged = ~np.isnan(values) & numbers.known
        if not judged.any():
            continue
        draft = Formula(
            target=target,
            type=search.table.schema.field(target).type,
            expression=form,
            grid=numbers.grid,
            rounding=best_rounding(values[judged], numbers.values[judged], numbers.grid),
        )
        found = draft.settled(search.table, MAX_EXCEPTIONS, search.taken)
        if found is not None:
            return found
        best = min(best, 1 - float(draft.holds(search.table)[judged].mean()))
    return best


def _equal_texts(search: Search, one: str, other: str) -> float:
    """Share of rows in which two columns differ."""
    left, right = (plain(whole(search.table[name])) for name in (one, other))
    if left.type != right.type:
        raise NotKept(f"{one!r} holds {left.type} and {other!r} {right.type}")
    both_null = ~known_of(left) & ~known_of(right)
    return float((~(as_flags(pc.equal(left, right)) | both_null)).mean())


def _composition(statement: Equation, search: Search) -> Relation | None:
    """Columns none of which is negative, and that add up to a constant, as shares."""
    for one, other in (
        (statement.left, statement.right),
        (statement.right, statement.left),
    ):
        parts = _summands(one)
        if other[0] != "number" or parts is None or len(set(parts)) < 2:
            continue
        if any(name not in search.numbers for name in parts):
            return None
        grids = [search.numbers[name].grid for name in parts]
        decimals = {grid.decimals for grid in grids}
        is_free = all(search.is_open(part) for part in parts)
        is_plain = len(decimals) == 1 and None not in decimals and grids[0].family == NUMBER
        if not is_free or not is_plain or not composition.can_compose(parts, search.table):
            return None
        shares: list[str] = []
        for part in parts[1:-1]:
            shares.append(unused(f"{part} share", [*search.taken, *shares]))
        found = composition.Composition(
            parts=tuple(parts),
            shares=tuple(shares),
            types=tuple(search.table.schema.field(part).type for part in parts),
            total=float(other[1]),
            decimals=grids[0].decimals or 0,
        )
        return found if found.holds(search.table).all() else None
    return None


def _summands(expression: Expression) -> list[str] | None:
    """The columns of a plain sum."""
    if expression[0] == "column":
        return [expression[1]]
    if expression[0] != "+":
        return None
    left, right = _summands(expression[1]), _summands(expression[2])
    return None if left is None or right is None else left + right


def _order(statement: Order, search: Search) -> Relation:
    if statement.upper[0] != "column":
        raise NotKept("a single column has to stand on the upper side")
    target, lower = statement.upper[1], statement.lower
    bases = lower[1:] if lower[0] == "max" else (lower,)
    names = names_of(lower)
    if not names:
        raise NotKept("a column has to stand on the lower side; ranges of columns are kept anyway")
    upper = search.numbers.get(target)
    if upper is None:
        raise NotKept(f"{target!r} holds no numbers or dates")
    computed = [compute(base, search.columns) for base in bases]
    if {family for _, family in computed} != {upper.grid.family}:
        raise NotKept("the two sides cannot be compared")
    lows = np.max([values for values, _ in computed], axis=0)
    judged = upper.known & ~np.isnan(lows)
    if not judged.any():
        raise NotKept("no row has values on both sides")
    above, below = upper.values[judged], lows[judged]
    above = np.where(np.abs(above - below) <= CLOSE * np.abs(above), below, above)
    broken = float((above <= below if statement.strict else above < below).mean())
    if broken > MAX_EXCEPTIONS:
        raise _broken(broken)
    gap = order.gap_of(
        target,
        [(base, values) for base, (values, _) in zip(bases, computed, strict=True)],
        upper,
        search.columns,
        tolerance=MAX_EXCEPTIONS,
        taken=search.taken,
    )
    if len(bases) == 1 and lower[0] == "column" and not order.is_near(above, below):
        return order.Floor(column=target, base=lower[1], grid=upper.grid)
    if gap is None:
        raise NotKept("the difference of the two sides cannot be written in the column's decimals")
    return gap if search.is_open(target, names) else Watched(gap)


def _dependency(statement: Dependency, target: str, search: Search) -> Relation:
    found = _decided(statement, target, search)
    if found.exceptions > MAX_EXCEPTIONS:
        raise _broken(found.exceptions)
    return found if search.is_open(target, found.needs) else Watched(found)


def _decided(statement: Dependency, target: str, search: Search) -> Relation:
    if statement.part is not None:
        labels = dates.labels_of(target, statement.part, search.columns, MAX_EXCEPTIONS)
        labels = labels and labels.settled(search.table, MAX_EXCEPTIONS, search.taken)
        if labels is None:
            raise _broken(None)
        return labels
    if statement.by_null:
        coded = search.coded(target)
        if coded.levels != 2:
            raise NotKept(f"{target!r} has {coded.levels:,} values, not two")
        found = nulls.presence_of(
            target,
            coded.codes == 1,
            statement.by[0],
            search.table,
            tolerance=MAX_EXCEPTIONS,
            hypotheses=1.0,
        )
        if found is None:
            raise _broken(None)
        return found
    return _by_columns(target, statement.by, search)


def _by_columns(target: str, by: Sequence[str], search: Search) -> Relation:
    if len(by) == 1 and (numbers := search.numbers.get(by[0])) is not None:
        coded = search.coded(target)
        if search.coded(by[0]).levels > bands.MAX_LEVELS * 2 and coded.levels <= bands.MAX_LEVELS:
            found = bands.bands_of(target=coded, number=by[0], numbers=numbers, table=search.table,
                                   hypotheses=1.0)  # fmt: skip
            settled = found and found.settled(search.table, MAX_EXCEPTIONS, search.taken)
            if settled is not None:
                return settled
    return dependency.fit(search.table.select([*by, target]), target, by)


def _null_rule(statement: NullRule, search: Search) -> Relation:
    table = search.table
    values = table[statement.column].combine_chunks()
    by_null = statement.values is None
    levels, codes = dependency.encoded(table[statement.by].combine_chunks())
    if by_null:
        is_missing = np.asarray(levels.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)
        levels, codes = pa.array([False, True]), is_missing[codes].astype(np.int64)
        named = np.array([False, True])
    else:
        texts = [str(one) for one in levels.to_pylist()]
        wanted = set(statement.values or ())
        if missing := sorted(wanted - set(texts)):
            raise NotKept(f"{statement.by!r} has no value {missing[0]!r}")
        named = np.array([text in wanted for text in texts])
    others = ~named if statement.is_whole else np.zeros_like(named)
    null_at, known_at = (named, others) if statement.is_null else (others, named)
    is_null = ~known_of(values)
    broken = float(((null_at[codes] & ~is_null) | (known_at[codes] & is_null)).mean())
    if broken > MAX_EXCEPTIONS:
        raise _broken(broken)
    if is_null.all():
        raise NotKept(f"{statement.column!r} holds only nulls")
    return nulls.NullRule(
        column=statement.column,
        by=statement.by,
        null_at=levels.filter(pa.array(null_at)),
        known_at=levels.filter(pa.array(known_at)),
        by_null=by_null,
        is_whole=statement.is_whole,
        typical=nulls.middle_of(values),
    )


def _broken(share: float | None) -> NotKept:
    if share is None:
        return NotKept(f"more than {MAX_EXCEPTIONS:.0%} of the rows break it")
    return NotKept(f"{share:.1%} of the rows break it; at most {MAX_EXCEPTIONS:.0%} may")
