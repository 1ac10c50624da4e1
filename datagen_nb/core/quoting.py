"""How messages quote a value or an unknown name, shortened; how code writes a value, whole."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

MAX_NAME_LENGTH = 64
"""Longest unknown name that is compared with the known ones."""

_repr = reprlib.Repr()
_repr.maxlevel = 4
_repr.maxdict = _repr.maxlist = _repr.maxtuple = _repr.maxset = 8
_repr.maxstring = _repr.maxother = 100


def brief_repr(value: Any) -> str:
    """The ``repr`` of a value in at most 80 characters; never builds the whole text."""
    try:
        text = _repr.repr(value)
    except ValueError:  # an int with too many digits for str()
        text = "(a number with too many digits)"
    return text if len(text) <= 80 else f"{text[:77]}…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the most similar known one, or the list of them."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1) if len(name) <= MAX_NAME_LENGTH else []
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(names)}."


def python(value: Any) -> str:
    """A value as Python that a formatter would leave alone, where it can."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python(key)}: {python(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(python(one) for one in value) + "]"
    literal = repr(value)
    if isinstance(value, str) and literal[0] == "'" and '"' not in literal and "\\'" not in literal:
        return f'"{literal[1:-1]}"'
    return literal
