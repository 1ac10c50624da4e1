"""How the values of a column are distributed, as a report keeps it and shows it to others."""

from __future__ import annotations

from typing import Literal

from datagen_nb.core.wire_model import WireModel


class Distribution(WireModel):
    """Rows by ranges or by values of a column: of the input, and of the result.

    It can be shown to people who may not see the input. A range or a value is listed only if
    ``least`` rows of the input or more have it; a range may also have none. The ends of ranges are
    round and do not depend on the ``least`` - 1 lowest and highest values. Of what an entity has
    once, as a customer with orders has a city, entities are counted in place of rows.

    Args:
        of: What is counted: ``"numbers"``, ``"instants"`` (seconds since 1970), ``"times"``
            (seconds), ``"categories"``, or the ``"lengths"`` of texts that are made anew.
        edges: Ends of the ranges in ascending order, one more than ranges; a range has its lower
            end. The first and the last range have what lies beyond them too. None of categories.
        labels: The categories, the most frequent first, long ones cut; none of ranges.
        input: Rows of the input in each range, or of each category.
        synthetic: The same of the result.
        others: Rows of the input with a value that is not listed.
        others_synthetic: The same of the result.
        missing: Rows of the input without a value.
        missing_synthetic: The same of the result.
        is_logarithmic: Whether the ranges are to be drawn on a logarithmic axis.
        least: The fewest rows of the input that a range or a category may have.
    """

    of: Literal["numbers", "instants", "times", "categories", "lengths"]
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    input: tuple[int, ...] = ()
    synthetic: tuple[int, ...] = ()
    others: int = 0
    others_synthetic: int = 0
    missing: int = 0
    missing_synthetic: int = 0
    is_logarithmic: bool = False
    least: int
