"""Solving an equation for one of its columns: ``a + b = c`` gives ``a = c - b``."""

from __future__ import annotations

from datagen_nb.core.relation_text import Expression
from datagen_nb.relations.expression import names_of


def isolated(side: Expression, name: str, other: Expression) -> Expression | None:
    """What a column has to be for both sides of an equation to be equal.

    Args:
        side: The side with the column.
        name: The column; the other side does not name it.
        other: The other side.

    Returns:
        ``None`` if the column occurs twice, or within a function.

    Example:
        >>> isolated(("+", ("column", "a"), ("column", "b")), "a", ("column", "c"))
        ('-', ('column', 'c'), ('column', 'b'))
    """
    if side == ("column", name):
        return other
    if side[0] not in ("+", "-", "*", "/"):
        return None
    operation, left, right = side
    in_left, in_right = name in names_of(left), name in names_of(right)
    if in_left and in_right:
        return None
    if in_left:
        inverse = {"+": "-", "-": "+", "*": "/", "/": "*"}[operation]
        return isolated(left, name, (inverse, other, right))
    if operation in "+*":
        return isolated(right, name, ({"+": "-", "*": "/"}[operation], other, left))
    return isolated(right, name, (operation, left, other))
