"""Text of users, for where characters can act: a terminal, the plain text of an output."""

from __future__ import annotations

ONE_LINE = 200
"""Characters of names that one line shows."""


def inert(text: str, *, longest: int | None = None) -> str:
    r"""Characters that would colour, move or turn around what stands beside them, as escapes.

    Args:
        text: Theirs.
        longest: Characters of it that are kept; all by default.

    Example:
        ```python
        print(inert("\x1b[31mred"))  # \x1b[31mred, and nothing is red
        ```
    """
    short = text if longest is None or len(text) <= longest else f"{text[:longest]}…"
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in short)
