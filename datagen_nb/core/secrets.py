"""Secrets that are handed on without being shown, and taken out of whatever texts they got into."""

from __future__ import annotations

import re
from typing import Any, NoReturn

KEY_TEXT = re.compile(r"dg_([0-9a-z]{12})_([A-Za-z0-9_-]{43})")
"""An API key as its owner holds it: what it is, which, and a secret of 256 random bits."""

_SECRETS = re.compile(r"dg_([0-9a-z]{12})_[A-Za-z0-9_-]+|whsec_[A-Za-z0-9+/=_-]+")
"""Also of the beginning of one, as when a text was cut."""


class Secret:
    """A text that is handed on without being shown: not by ``repr``, in no error, in no pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def redact(text: str) -> str:
    """Take keys and webhook secrets out of a text; which key it was stays."""
    return _SECRETS.sub(lambda found: f"dg_{found[1]}_…" if found[1] else "whsec_…", text)


def redact_all(value: Any) -> Any:
    """As ``redact``, for every text in a JSON-like value."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact_all(key): redact_all(kept) for key, kept in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(redact_all(kept) for kept in value)
    return value
