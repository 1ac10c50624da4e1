"""Job records as Firestore keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.store import JobRecord, Precondition
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.heads import Head, instant
from datagen_nb.stores.listing import LISTING_FIELDS, listing_values

FACTS = ("version", "state", "size", "event", "idempotency_key")
"""What a change of a job or a document needs to know of it."""


def created_fields(record: JobRecord, event: int) -> Mapping[str, Any]:
    """All fields of a new job."""
    return {
        "customer": record.customer,
        "job_id": record.job_id,
        "created": format_instant(record.status.created_time),
        "idempotency_key": record.idempotency_key,
        "fingerprint": record.fingerprint,
        "input": input_digest(record.config.input_path),
        "config": record.config.to_json(),
        **changed_fields(record, event),
    }


def changed_fields(record: JobRecord, event: int) -> Mapping[str, Any]:
    """The fields that a change of a job writes."""
    status = record.status
    has_failed = status.status in {State.CANCELLED, State.FAILED}
    return {
        "version": record.version,
        "state": status.status.value,
        "ended": None if status.end_time is None else format_instant(status.end_time),
        "size": record.size,
        "left_something": has_failed and record.size > 0,
        "status": status.to_compact_json(),
        "event": event,
        **lease_fields(record),
        **dict(zip(LISTING_FIELDS, listing_values(status), strict=True)),
    }


def lease_fields(record: JobRecord) -> Mapping[str, Any]:
    """The fields of a lease; ``free_from`` is when any process may take the job, if ever."""
    until = None if record.lease_until is None else format_instant(record.lease_until)
    free_from: str | None = None
    if record.status.status is State.RUNNING:
        free_from = until or ""
    elif record.status.status is State.QUEUED:
        free_from = until
    return {
        "version": record.version,
        "owner": record.owner,
        "lease_until": until,
        "free_from": free_from,
    }


def record_of(fields: Mapping[str, Any]) -> JobRecord:
    """The job in the fields of a document."""
    until = fields["lease_until"]
    return JobRecord(
        fields["customer"],
        JobStatus.from_wire(fields["status"]),
        JobConfiguration.from_wire(fields["config"]),
        fields["idempotency_key"],
        fields["fingerprint"],
        fields["version"],
        fields["size"],
        fields["owner"],
        None if until is None else instant(until),
    )


def with_size(head: Head, record: JobRecord, precondition: Precondition | None) -> JobRecord:
    """The record, with the size that the precondition returned, if any."""
    size = None if precondition is None else precondition(head.usage)
    return record if size is None else replace(record, size=size)


def input_digest(path: str) -> str:
    """What jobs with an input are found by, however long its path is."""
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()
