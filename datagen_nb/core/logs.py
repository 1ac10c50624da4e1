"""Log lines that say which request, customer and job they are about.

The facts travel with the task: what is said within ``logged`` carries them, whoever says it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from datagen_nb.core.secrets import redact
from datagen_nb.core.wire_model import format_instant

_FACTS: ContextVar[Mapping[str, str]] = ContextVar("_FACTS", default=MappingProxyType({}))

Style = Literal["text", "json"]


@contextmanager
def logged(**facts: str) -> Generator[None, None, None]:
    """Let every line that is logged in the block, and in tasks begun there, carry these facts."""
    before = _FACTS.set({**_FACTS.get(), **facts})
    try:
        yield
    finally:
        _FACTS.reset(before)


def fact(name: str) -> str | None:
    """What the lines logged here carry under this name."""
    return _FACTS.get().get(name)


def context_of(**facts: str) -> Context:
    """A context for a task that carries these facts and none of whoever happens to begin it."""
    context = copy_context()
    context.run(_FACTS.set, facts)
    return context


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time level logger message``, the facts, ``trace`` if there is one.

    Writes no key, whatever it was told.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": format_instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_FACTS.get(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False, default=str))


class TextLines(logging.Formatter):
    """A line for people, the facts at the end of its first."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        facts = " ".join(f"{name}={value}" for name, value in _FACTS.get().items())
        line = super().formatMessage(record)
        return f"{line} [{facts}]" if facts else line

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def formatter(style: Style) -> logging.Formatter:
    """Give the form that log lines have."""
    return JsonLines() if style == "json" else TextLines()
