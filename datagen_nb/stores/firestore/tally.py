"""Statistics of a customer's jobs in Firestore, by its own counts and sums where it has them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.messages import JobQuery
from datagen_nb.core.status import State
from datagen_nb.core.store import Tally
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.heads import instant
from datagen_nb.stores.firestore.listing import counts, page
from datagen_nb.stores.firestore.names import JOBS


async def tally(
    db: FirestoreConnection, customer: str, *, since: datetime, before: Sequence[datetime]
) -> Tally:
    """Compute the statistics. The running times of the completed jobs are read one by one."""
    jobs = db.of(customer, JOBS)
    late = jobs.where(filter=FieldFilter("ended", ">=", format_instant(since)))
    by_state = await counts(db, customer, JobQuery())
    failed = JobQuery(status=(State.FAILED,), sort="ended", limit=1)
    ended, rows, took, last_failed, first_end, ended_before = await asyncio.gather(
        asyncio.gather(*(db.aggregate(_in(late, state).count("jobs")) for state in State)),
        db.aggregate(_in(late, State.COMPLETED).sum("rows", "rows")),
        _times(db, _in(late, State.COMPLETED)),
        page(db, customer, failed),
        _first_end(db, jobs),
        asyncio.gather(*(_ended_before(db, jobs, bound) for bound in before)),
    )
    return Tally(
        by_state=by_state,
        ended={state: one["jobs"] for state, one in zip(State, ended, strict=True) if one["jobs"]},
        rows=int(rows["rows"]),
        median=_quantile(took, 0.5),
        p95=_quantile(took, 0.95),
        last_failed=next(iter(last_failed.jobs), None),
        first_end=first_end,
        ended_before=ended_before,
    )


def _in(jobs: Any, state: State) -> Any:
    return jobs.where(filter=FieldFilter("state", "==", state.value))


async def _times(db: FirestoreConnection, jobs: Any) -> Sequence[float]:
    found = await db.select(jobs.select(["took"]))
    return sorted(took for one in found if (took := one.get("took")) is not None)


def _quantile(values: Sequence[float], share: float) -> float | None:
    return values[math.ceil(len(values) * share) - 1] if values else None


async def _first_end(db: FirestoreConnection, jobs: Any) -> datetime | None:
    query = jobs.where(filter=FieldFilter("ended", ">=", "")).order_by("ended").limit(1)
    found = await db.select(query.select(["ended"]))
    return instant(found[0].get("ended")) if found else None


async def _ended_before(db: FirestoreConnection, jobs: Any, bound: datetime) -> tuple[int, int]:
    gone = jobs.where(filter=FieldFilter("ended", "<", format_instant(bound)))
    sums = await db.aggregate(gone.count("jobs").sum("made", "bytes"))
    return int(sums["jobs"]), int(sums["bytes"])
