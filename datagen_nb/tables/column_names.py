"""Names of columns: from a header line, unique, and not too many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datagen_nb.core.config_rules import MAX_COLUMNS
from datagen_nb.tables.input_errors import input_error


def named(header: Sequence[str], name: str, warn: Callable[[str], None]) -> list[str]:
    """Names of columns from a header line; a nameless column gets its position's.

    Raises:
        InputError: Two columns have the same name, or there is none.
    """
    if not header:
        raise input_error(
            "input_empty", name, "holds no table", "Give a header line and at least two rows."
        )
    check_columns(len(header), name)
    names = [text or f"column_{position}" for position, text in enumerate(header, 1)]
    if nameless := [position for position, text in enumerate(header, 1) if not text]:
        warn(f"Column {nameless[0]} has no name in the header; it is called column_{nameless[0]}.")
    check_unique(names, name)
    return names


def check_columns(count: int, name: str) -> None:
    """Look whether a table has no more columns than are fitted.

    Raises:
        InputError: It has.
    """
    if count > MAX_COLUMNS:
        raise input_error(
            "too_many_columns",
            name,
            f"has more than {MAX_COLUMNS:,} columns",
            "Give fewer of them; keys that differ from row to row belong into a column of their "
            "own.",
            most=MAX_COLUMNS,
        )


def check_unique(names: Sequence[str], name: str) -> None:
    """Refuse two columns of one name: it would not be clear which is meant.

    Raises:
        InputError: There are two.
    """
    positions: dict[str, int] = {}
    for position, column in enumerate(names, 1):
        if column in positions:
            raise input_error(
                "duplicate_columns",
                name,
                f"has two columns named {column!r}: number {positions[column]} and {position}",
                "Rename one of them.",
                column=column,
            )
        positions[column] = position
