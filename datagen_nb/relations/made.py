"""What relations keep of a table, reduced to the values that a model makes.

A table such as ``city <- zip`` is found with all of its entries. One whose zip is never drawn is of
no use, and one whose city only few rows have might name someone: neither stays in the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.relations.dependency import Lookup
from datagen_nb.relations.nulls import NullRule
from datagen_nb.relations.numbers import whole
from datagen_nb.relations.relation import Relation, Relations, plain


def only_made(
    found: Relations, levels: Mapping[str, pa.Array], common: Mapping[str, pa.Array]
) -> tuple[Relations, dict[str, pa.Array]]:
    """Leave out entries that are of no use, or that too few rows have.

    Args:
        found: The relations, as they were found.
        levels: The values that may be drawn, of columns of levels.
        common: For columns that follow from others: the values that enough rows have.

    Returns:
        The relations, and ``levels`` with those of the columns that follow by a table.
    """
    made = dict(levels)
    kept: list[Relation] = []
    for relation in reversed(found.relations):  # the order in which columns are made
        if isinstance(relation, Lookup):
            relation = _lookup(relation, made, common)
            made[relation.target] = pc.unique(plain(relation.values))
        elif isinstance(relation, NullRule):
            relation = _null_rule(relation, made)
        kept.append(relation)
    return replace(found, relations=tuple(reversed(kept))), made


def _lookup(
    relation: Lookup, made: Mapping[str, pa.Array], common: Mapping[str, pa.Array]
) -> Lookup:
    rows = relation.rows()
    kept = np.ones(rows.num_rows, dtype=np.bool_)
    for name in relation.operands:
        if name in made:
            kept &= _are_in(rows[name], made[name])
    # Rows with one of the values that are drawn are enough, and all have the same target.
    is_shared = len(relation.operands) == 1 and relation.operands[0] in made
    if relation.target in common and not (is_shared and relation.exceptions == 0):
        are_common = _are_in(rows[relation.target], common[relation.target])
        kept &= are_common | ~are_common.any()
    return relation.only(kept) if kept.any() else relation


def _null_rule(relation: NullRule, made: Mapping[str, pa.Array]) -> NullRule:
    if relation.by in made and not relation.by_null:
        null_at, known_at = (
            levels.filter(pa.array(_are_in(levels, made[relation.by])))
            for levels in (relation.null_at, relation.known_at)
        )
        relation = replace(relation, null_at=null_at, known_at=known_at)
    others = made.get(relation.column)
    if others is None or not len(others) or _are_in(relation.typical, others).all():
        return relation
    return replace(relation, typical=others[:1].cast(relation.typical.type))


def _are_in(values: pa.Array | pa.ChunkedArray, levels: pa.Array) -> np.ndarray:
    """Which values are null, or one of some levels."""
    values = plain(whole(values))
    found = pc.or_(pc.is_in(values, value_set=plain(levels).cast(values.type)), pc.is_null(values))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)
