"""What is known of a table while its relations are searched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.relations import dependency
from datagen_nb.relations.dependency import Coded
from datagen_nb.relations.expression import Columns, Expression, compute, names_of
from datagen_nb.relations.formula import Formula, are_equal, best_rounding, fitted, rounded
from datagen_nb.relations.numbers import Numbers, read, whole
from datagen_nb.relations.relation import Relation

SAMPLE_ROWS = 240
"""Rows on which candidates are tried before they are tried on all."""

SAMPLE_EXCEPTIONS = 6
"""Of these rows, those that may break a rule that all rows keep but for half a percent."""


class Search:
    """The relations of one table, as they are found.

    Args:
        table: All rows to judge by.
        kinds: The columns' kinds.
        fixed: Columns that follow from no other.
    """

    def __init__(
        self, table: pa.Table, kinds: Mapping[str, str], fixed: Collection[str] = ()
    ) -> None:
        self.table = table
        self.fixed = fixed
        self.kinds = kinds
        self.columns = Columns(table)
        self.relations: dict[str, Relation] = {}
        self.kept: list[Relation] = []
        self.notes: list[str] = []
        self.taken = set(table.column_names)
        self.numbers: dict[str, Numbers] = {}
        for name in table.column_names:
            if self.scale(name) is not Scale.BINARY and (numbers := read(table[name])) is not None:
                self.numbers[name] = numbers
        self.rows = spread(np.arange(table.num_rows), SAMPLE_ROWS)
        self.few = Columns(table.take(pa.array(self.rows)))
        self._coded: dict[str, Coded] = {}

    def scale(self, name: str) -> Scale | None:
        """The scale of a column's kind; ``None`` if it has none."""
        return scale_of(self.kinds.get(name))

    def is_category(self, name: str) -> bool:
        """Whether a column has values that group rows."""
        return self.scale(name) in {Scale.NOMINAL, Scale.BINARY}

    def coded(self, name: str) -> Coded:
        """A column as numbers of its levels."""
        if name not in self._coded:
            levels, codes = dependency.encoded(whole(self.table[name]))
            self._coded[name] = Coded(name, codes, len(levels))
        return self._coded[name]

    def is_open(self, target: str, needs: Sequence[str] = ()) -> bool:
        """Whether a column may become the target of a rule that needs others."""
        is_free = target not in self.relations and target not in self.fixed
        return is_free and target not in self._closure(needs)

    def accept(self, relation: Relation) -> None:
        """Add a relation."""
        for target in relation.targets:
            self.relations[target] = relation
        if not relation.targets:
            self.kept.append(relation)
        self.taken |= set(relation.adds)

    def ordered(self) -> tuple[Relation, ...]:
        """The relations, each before those whose targets it needs; those without targets last."""
        placed: list[Relation] = []
        for target in self.relations:
            self._place(target, placed)
        return (*reversed(placed), *self.kept)

    def _place(self, target: str, placed: list[Relation]) -> None:
        relation = self.relations[target]
        if any(one is relation for one in placed):
            return
        for name in relation.needs:
            if name in self.relations:
                self._place(name, placed)
        placed.append(relation)

    def _closure(self, names: Sequence[str]) -> set[str]:
        """Columns and what they are computed from, back to the first."""
        closure: set[str] = set()
        left = list(names)
        while left:
            name = left.pop()
            if name not in closure:
                closure.add(name)
                left += self.relations[name].needs if name in self.relations else ()
        return closure


def try_formula(
    search: Search, expression: Expression, target: str, tolerance: float, *, hypotheses: float
) -> Formula | None:
    """Accept a formula if all rows keep it."""
    if not search.is_open(target, names_of(expression)) or not _may_hold(
        search, expression, target
    ):
        return None
    formula = fitted(
        expression,
        target,
        search.numbers[target],
        search.columns,
        tolerance=tolerance,
        hypotheses=hypotheses,
        taken=search.taken,
    )
    if formula is not None:
        search.accept(formula)
    return formula


def _may_hold(search: Search, expression: Expression, target: str) -> bool:
    """Whether the sampled rows keep a formula, but for a few."""
    values, family = compute(expression, search.few)
    numbers = search.numbers[target]
    actual = numbers.values[search.rows]
    judged = ~np.isnan(values) & ~np.isnan(actual)
    if family != numbers.grid.family:
        return False
    rounding = best_rounding(values[judged], actual[judged], numbers.grid)
    computed = rounded(values[judged], numbers.grid, rounding)
    return int((~are_equal(computed, actual[judged], numbers.grid)).sum()) <= SAMPLE_EXCEPTIONS


def sampled(search: Search, names: Sequence[str]) -> np.ndarray:
    """Some rows of numeric columns, one column a row."""
    return np.stack([search.numbers[name].values[search.rows] for name in names])


def spread(places: np.ndarray, most: int) -> np.ndarray:
    """Some of the places, evenly spread."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.int64)]
