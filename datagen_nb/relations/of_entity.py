"""A stated column that has one value for each entity of a key: ``customer_id -> city``.

The key's values are made anew, so that nothing can be looked up by them: the layer of keys draws
the column once for each entity. The relation keeps two names, and is judged in the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datagen_nb.relations import dependency
from datagen_nb.relations.expression import quoted
from datagen_nb.relations.numbers import Flags, whole
from datagen_nb.relations.relation import known_of


@dataclass(frozen=True)
class OfEntity:
    """A column with one value for each value of a key.

    Attributes:
        column: The column.
        key: The key; rows without one are entities of their own.
    """

    column: str
    key: str
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
        return f"{quoted(self.column)} <- {quoted(self.key)}"

    def reduce(self, table: pa.Table) -> pa.Table:
        return table

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:  # noqa: ARG002, the protocol's
        return table

    def holds(self, table: pa.Table) -> Flags:
        has_key = known_of(whole(table[self.key]))
        found = np.ones(table.num_rows, dtype=np.bool_)
        rows = table.select([self.key, self.column]).filter(pa.array(has_key))
        found[has_key] = dependency.fit(rows, self.column, [self.key]).holds(rows)
        return found
