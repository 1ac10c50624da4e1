"""Jobs' logs in Firestore: a document a line, numbered from 1."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.messages import LogEntry
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.names import JOBS, LOG, number_name
from datagen_nb.stores.firestore.writer import REMEMBERED, Draft


class JobLogs:
    """Appends lines to a draft; remembers the last number of each log."""

    def __init__(self, db: FirestoreConnection) -> None:
        self._db = db
        self._last: OrderedDict[str, int] = OrderedDict()

    def lines(self, customer: str, job_id: str) -> Any:
        """Where the lines of a job are."""
        return self._db.of(customer, JOBS).document(job_id).collection(LOG)

    def begin(self, customer: str, job_id: str) -> None:
        """A job is new: its log is empty."""
        self._remember("/".join(self.lines(customer, job_id)._path), 0)  # noqa: SLF001

    async def append(self, draft: Draft, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Append lines after the last one; a conflict if another process has done so."""
        lines = self.lines(draft.customer, job_id)
        key = "/".join(lines._path)  # noqa: SLF001
        last = None if draft.is_retry else self._last.get(key)
        if last is None:
            newest = lines.order_by("cursor", direction="DESCENDING").limit(1)
            last = max([0, *(one.get("cursor") for one in await self._db.select(newest))])
        for number, entry in enumerate(entries, start=last + 1):
            draft.create(
                lines.document(number_name(number)),
                line_fields(number, entry),
            )
        self._remember(key, last + len(entries))

    async def read(
        self, customer: str, job_id: str, *, after: int, limit: int
    ) -> Sequence[LogEntry]:
        """Lines with a number above ``after``, in order."""
        query = (
            self.lines(customer, job_id)
            .where(filter=FieldFilter("cursor", ">", after))
            .order_by("cursor")
            .limit(limit)
        )
        return [_entry_of(one.to_dict()) for one in await self._db.select(query)]

    def _remember(self, key: str, last: int) -> None:
        self._last[key] = last
        self._last.move_to_end(key)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)


def line_fields(number: int, entry: LogEntry) -> Mapping[str, Any]:
    """The fields of a line."""
    return {
        "cursor": number,
        "at": format_instant(entry.timestamp),
        "level": entry.level,
        "message": entry.message,
    }


def _entry_of(fields: dict[str, Any]) -> LogEntry:
    return LogEntry.model_validate(
        {
            "cursor": fields["cursor"],
            "timestamp": fields["at"],
            "level": fields["level"],
            "message": fields["message"],
        }
    )
