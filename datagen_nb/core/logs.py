"""Logging with context: each line names its request, customer and job.

The fields are kept in a context variable, so they follow an asyncio task into everything it calls.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TextIO

from datagen_nb.core.secrets import redact
from datagen_nb.core.wire_model import format_instant

_FIELDS: ContextVar[Mapping[str, str]] = ContextVar("_FIELDS", default=MappingProxyType({}))

Style = Literal["text", "json"]


@contextmanager
def log_context(**fields: str) -> Generator[None, None, None]:
    """Add fields to every line that is logged in the block, and in tasks started there."""
    before = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(before)


def log_field(name: str) -> str | None:
    """A field of the current context, if it has one of this name."""
    return _FIELDS.get().get(name)


def new_log_context(**fields: str) -> Context:
    """A context for a task with these fields alone, without those of the code that starts it."""
    context = copy_context()
    context.run(_FIELDS.set, fields)
    return context


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time level logger message``, the context's fields, ``trace``.

    API keys and webhook secrets are redacted.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": format_instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_FIELDS.get(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False, default=str))


class TextFormatter(logging.Formatter):
    """A line for people, with the context's fields at the end of its first line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        fields = " ".join(f"{name}={value}" for name, value in _FIELDS.get().items())
        line = super().formatMessage(record)
        return f"{line} [{fields}]" if fields else line

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


REPEAT_SECONDS = 60.0
"""Seconds in which the same warning is written only once."""

MAX_REPEATS = 100
"""Warnings with one format string but different arguments that are written in that time."""


@dataclass(slots=True)
class _Repeated:
    record: logging.LogRecord
    is_one: bool
    count: int = 0

    @property
    def unwritten(self) -> int:
        return max(self.count - (1 if self.is_one else MAX_REPEATS), 0)


class RepeatLimitHandler(logging.StreamHandler[TextIO]):
    """Writes a warning or error once a minute, and then how often it was repeated.

    So an error that a client can provoke a thousand times a second does not fill the disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str, bool], _Repeated] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self._write_repeats(record.created - REPEAT_SECONDS)
        if record.levelno < logging.WARNING or self._is_new(record):
            super().emit(record)

    def close(self) -> None:
        self._write_repeats(float("inf"))
        super().close()

    def _is_new(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        same = self._seen.get((record.name, message, True))
        if same is not None:
            same.count += 1
            return False
        kind = (record.name, str(record.msg), False)
        alike = self._seen.setdefault(kind, _Repeated(record, is_one=False))
        alike.count += 1
        if alike.count > MAX_REPEATS:
            return False
        self._seen[record.name, message, True] = _Repeated(record, is_one=True, count=1)
        return True

    def _write_repeats(self, until: float) -> None:
        """Write how often records first seen before ``until`` were repeated, and drop them."""
        while self._seen:
            key, oldest = next(iter(self._seen.items()))
            if oldest.record.created > until:
                return
            del self._seen[key]
            if oldest.unwritten:
                _, message, _ = key
                fields = {"name": oldest.record.name, "levelno": oldest.record.levelno}
                text = f"{message} (and {oldest.unwritten:,} times more)"
                fields |= {"levelname": oldest.record.levelname, "msg": text}
                super().emit(logging.makeLogRecord(fields))


def formatter(style: Style) -> logging.Formatter:
    """The formatter of a log style."""
    return JsonFormatter() if style == "json" else TextFormatter()
