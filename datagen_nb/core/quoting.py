"""How error messages quote a value or an unknown name: shortened, however long it is."""

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
