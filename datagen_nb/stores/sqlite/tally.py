"""Statistics of a customer's jobs in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from datagen_nb.core.messages import JobQuery
from datagen_nb.core.status import State
from datagen_nb.core.store import Tally
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite.listing import counts, page

_MINE = "FROM jobs INDEXED BY jobs_listing WHERE customer = ?"
_COMPLETED = f"{_MINE} AND ended >= ? AND state = '{State.COMPLETED}' AND took IS NOT NULL"


def tally(
    db: sqlite3.Connection, *, customer: str, since: datetime, before: Sequence[datetime]
) -> Tally:
    """Compute the statistics, from the covering index of lists alone."""
    window = (customer, format_instant(since))
    ended = db.execute(
        f"SELECT state, count(*), sum(rows) {_MINE} AND ended >= ? GROUP BY state", window
    ).fetchall()
    median, p95 = db.execute(
        "SELECT min(took) FILTER (WHERE share >= 0.5), min(took) FILTER (WHERE share >= 0.95)"
        f" FROM (SELECT took, cume_dist() OVER (ORDER BY took) AS share {_COMPLETED})",
        window,
    ).fetchone()
    (first_end,) = db.execute(f"SELECT min(ended) {_MINE}", (customer,)).fetchone()
    failed = JobQuery(status=(State.FAILED,), sort="ended", limit=1)
    return Tally(
        by_state=counts(db, customer=customer, query=JobQuery()),
        ended={State(state): number for state, number, _ in ended},
        rows=sum(rows for state, _, rows in ended if state == State.COMPLETED),
        median=median,
        p95=p95,
        last_failed=next(iter(page(db, customer=customer, query=failed).jobs), None),
        first_end=first_end and datetime.fromisoformat(first_end),
        ended_before=[
            db.execute(
                f"SELECT count(*), coalesce(sum(made), 0) {_MINE} AND ended < ?",
                (customer, format_instant(bound)),
            ).fetchone()
            for bound in before
        ],
    )
