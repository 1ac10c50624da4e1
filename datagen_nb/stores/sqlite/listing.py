"""Lists of jobs in one SQLite file: pages by keyset in any order, and counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from datagen_nb.core.messages import JobPage, JobQuery
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.listing import FIELD, cursor_of, read_cursor


def page(db: sqlite3.Connection, *, customer: str, query: JobQuery) -> JobPage:
    """A page of jobs.

    Raises:
        ConfigurationError: The cursor does not come from a page of such a query.
    """
    conditions, values = _filters(customer, query)
    column, sign = FIELD[query.sort], "<" if query.order == "desc" else ">"
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
