"""Lists of jobs in one SQLite file: pages by keyset in any order, and counts."""

from __future__ import annotations

import base64
import binascii
import json
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.messages import JobPage, JobQuery
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.wire_model import format_instant

COLUMN: Mapping[str, str] = {
    "created": "job_id",
    "ended": "ended",
    "name": "name",
    "rows": "rows",
    "size": "made",
    "status": "state",
    "took": "took",
}
"""The column of each sort; job ids sort by creation time."""

LISTING_COLUMNS = ("name", "rows", "took", "made", "words")
"""Columns with the values of a status that lists sort and filter by."""


def listing_values(status: JobStatus) -> tuple[Any, ...]:
    """The values of ``LISTING_COLUMNS`` for a status."""
    metadata, words = status.metadata, (status.name, *status.tags, status.note)
    return (
        status.name.casefold(),
        status.data_size,
        metadata.processing_time,
        metadata.output_size,
        "\n".join(words).casefold(),
    )


def page(db: sqlite3.Connection, *, customer: str, query: JobQuery) -> JobPage:
    """A page of jobs.

    Raises:
        ConfigurationError: The cursor does not come from a page of such a query.
    """
    conditions, values = _filters(customer, query)
    column, sign = COLUMN[query.sort], "<" if query.order == "desc" else ">"
    if query.cursor is not None:
        more, last = _after(column, sign, *read_cursor(query))
        conditions.append(more)
        values += last
    by_id = column == "job_id"
    order = (
        f"job_id {query.order}"
        if by_id
        else (f"{column} IS NULL, {column} {query.order}, job_id DESC")
    )
    # The default order uses the primary key, any other the covering index.
    index = "" if by_id and not query.text else "INDEXED BY jobs_listing"
    found = db.execute(
        f"SELECT job_id, {column} FROM jobs {index} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {order} LIMIT ? OFFSET ?",
        (*values, query.limit + 1, query.offset),
    ).fetchall()
    selected = found[: query.limit]
    jobs = tuple(
        JobStatus.from_wire(
            db.execute(
                "SELECT status FROM jobs WHERE customer = ? AND job_id = ?", (customer, job_id)
            ).fetchone()[0]
        )
        for job_id, _ in selected
    )
    is_last = len(found) <= query.limit
    return JobPage(jobs=jobs, next_cursor=None if is_last else cursor_of(query, *selected[-1]))


def counts(db: sqlite3.Connection, *, customer: str, query: JobQuery) -> Mapping[State, int]:
    """Count the jobs of a query by state; its own states are ignored."""
    conditions, values = _filters(customer, query.model_copy(update={"status": ()}))
    index = "" if len(conditions) == 1 else "INDEXED BY jobs_listing"
    found = db.execute(
        f"SELECT state, count(*) FROM jobs {index} WHERE {' AND '.join(conditions)} GROUP BY state",
        values,
    )
    return {State(state): count for state, count in found}


def _filters(customer: str, query: JobQuery) -> tuple[list[str], list[Any]]:
    conditions, values = ["customer = ?"], [customer]
    if query.status:
        conditions.append(f"state IN ({', '.join('?' * len(query.status))})")
        values += [state.value for state in query.status]
    if query.since:
        conditions.append("created >= ?")
        values.append(format_instant(query.since))
    if query.until:
        conditions.append("created < ?")
        values.append(format_instant(query.until))
    for word in query.text.split():
        folded = word.casefold()
        if folded.startswith("j_"):
            conditions.append("(instr(words, ?) OR instr(lower(job_id), ?))")
            values += [folded, folded]
        else:  # a short word occurs in many ids
            conditions.append("instr(words, ?)")
            values.append(folded)
    return conditions, values


def _after(column: str, sign: str, value: Any, job_id: str) -> tuple[str, list[Any]]:
    """The condition for jobs after the last one of a page; jobs without a value come last."""
    if column == "job_id":
        return f"job_id {sign} ?", [job_id]
    if value is None:
        return f"{column} IS NULL AND job_id < ?", [job_id]
    same = f"{column} = ? AND job_id < ?"
    return f"({column} {sign} ? OR ({same}) OR {column} IS NULL)", [value, value, job_id]


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
