"""What lists of jobs have in common in every store: what they sort by, and their cursors."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.status import JobStatus

FIELD: Mapping[str, str] = {
    "created": "job_id",
    "ended": "ended",
    "name": "name",
    "rows": "rows",
    "size": "made",
    "status": "state",
    "took": "took",
}
"""The stored field of each sort; job ids sort by creation time."""

LISTING_FIELDS = ("name", "rows", "took", "made", "words")
"""Fields with the values of a status that lists sort and filter by."""


def listing_values(status: JobStatus) -> tuple[Any, ...]:
    """The values of ``LISTING_FIELDS`` for a status."""
    metadata, words = status.metadata, (status.name, *status.tags, status.note)
    return (
        status.name.casefold(),
        status.data_size,
        metadata.processing_time,
        metadata.output_size,
        "\n".join(words).casefold(),
    )


def cursor_of(query: JobQuery, job_id: str, value: Any) -> str:
    """The cursor of a page: its order and its last job."""
    values = [query.sort, query.order, None if query.sort == "created" else value, job_id]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(query: JobQuery) -> tuple[Any, str]:
    """The sort value and the id of the last job of the page before.

    Raises:
        ConfigurationError: The cursor does not come from a page of such a query.
    """
    cursor = query.cursor or ""
    try:
        sort, order, value, job_id = json.loads(base64.urlsafe_b64decode(cursor))
        # base64 decoding skips unknown characters, so that damaged text may still decode.
        is_ours = (
            (sort, order) == (query.sort, query.order)
            and isinstance(value, str | int | float | None)
            and re.fullmatch(r"j_[0-9A-Z]{16}", job_id)
            and cursor_of(query, job_id, value) == cursor
        )
    except (binascii.Error, ValueError, TypeError, RecursionError):
        is_ours = None
    if not is_ours:
        shown = repr(cursor) if len(cursor) <= 80 else f"{cursor[:79]!r}…"
        rule = "is not a cursor of such a list"
        raise ConfigurationError([Problem("cursor", shown, rule, "Start without one.")])
    return value, job_id
