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
"""The column that each sort orders by; ids are in the order of their creation."""


LISTED = ("name", "rows", "took", "made", "words")
"""Columns that hold of a status what lists need."""


def listed(status: JobStatus) -> tuple[Any, ...]:
    """The values of ``LISTED``."""
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
        ConfigurationError: The cursor is none that a page of such a query gave.
    """
    conditions, values = _filters(customer, query)
    column, sign = COLUMN[query.sort], "<" if query.order == "desc" else ">"
    if query.cursor is not None:
        more, last = _behind(column, sign, *read_cursor(query))
        conditions.append(more)
        values += last
    by_id = column == "job_id"
    order = (
        f"job_id {query.order}"
        if by_id
        else (f"{column} IS NULL, {column} {query.order}, job_id DESC")
    )
    # The newest are found by their key, any other order in the index that holds all it needs.
    index = "" if by_id and not query.text else "INDEXED BY jobs_listing"
    found = db.execute(
        f"SELECT job_id, {column} FROM jobs {index} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {order} LIMIT ?",
        (*values, query.limit + 1),
    ).fetchall()
    shown = found[: query.limit]
    jobs = tuple(
        JobStatus.from_wire(
            db.execute(
                "SELECT status FROM jobs WHERE customer = ? AND job_id = ?", (customer, job_id)
            ).fetchone()[0]
        )
        for job_id, _ in shown
    )
    is_last = len(found) <= query.limit
    return JobPage(jobs=jobs, next_cursor=None if is_last else cursor_of(query, *shown[-1]))


def counts(db: sqlite3.Connection, *, customer: str, query: JobQuery) -> Mapping[State, int]:
    """How many jobs of a query are in each state; that which it names is not looked at."""
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
        said = word.casefold()
        if said.startswith("j_"):
            conditions.append("(instr(words, ?) OR instr(lower(job_id), ?))")
            values += [said, said]
        else:  # a short word would be found in many an id
            conditions.append("instr(words, ?)")
            values.append(said)
    return conditions, values


def _behind(column: str, sign: str, value: Any, job_id: str) -> tuple[str, list[Any]]:
    """What comes behind the last job of a page; those without a value come last, always."""
    if column == "job_id":
        return f"job_id {sign} ?", [job_id]
    if value is None:
        return f"{column} IS NULL AND job_id < ?", [job_id]
    same = f"{column} = ? AND job_id < ?"
    return f"({column} {sign} ? OR ({same}) OR {column} IS NULL)", [value, value, job_id]


def cursor_of(query: JobQuery, job_id: str, value: Any) -> str:
    """A page's cursor: its order, and where it ended in it."""
    said = [query.sort, query.order, None if query.sort == "created" else value, job_id]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(query: JobQuery) -> tuple[Any, str]:
    """The value and the id at which the page before ended.

    Raises:
        ConfigurationError: No page of such a query gave this cursor.
    """
    cursor = query.cursor or ""
    try:
        sort, order, value, job_id = json.loads(base64.urlsafe_b64decode(cursor))
        # Decoding skips what it does not know, so that damaged text may still give something.
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
        rule = "is none that a page of such a list gave"
        raise ConfigurationError([Problem("cursor", shown, rule, "Start without one.")])
    return value, job_id
