"""The access log: append-only, each line sealed over the one before.

Its lines are documents, its head a document written together with them, so that neither a changed
line nor a missing one, the last ones included, goes unseen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from pydantic import ValidationError

from datagen_nb.core.access_log import EMPTY_DIGEST, AccessEntry, LogCheck, Outcome
from datagen_nb.core.errors import ServiceUnavailable, VersionConflict
from datagen_nb.core.limits import gcra
from datagen_nb.core.ports import Clock
from datagen_nb.core.secrets import redact
from datagen_nb.core.store import Document, Documents
from datagen_nb.service.collection import retry_on_conflict

ENTRY = "access"
HEAD = "access-head"

MAX_BATCH = 200
MAX_PROBLEMS = 20

MAX_TRIES = 100
"""Times that other processes may be first, before something must be wrong with the head."""

REFUSALS_PER_SECOND = 1.0
REFUSALS_AT_ONCE = 100
"""What strangers can write into the log; the rest is counted, and the next line has the count."""


class Audit:
    """Implements ``core.access_log.AccessLog`` over documents.

    Lines that are recorded at the same time are written together; processes that write to one log
    take turns by the head's version.
    """

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._writer: asyncio.Task[None] | None = None
        self._waiting: list[tuple[AccessEntry, asyncio.Future[None]]] = []
        self._arrival: float | None = None
        self._untold = 0

    async def record(
        self,
        *,
        who: str,
        action: str,
        target: str,
        outcome: Outcome,
        request_id: str | None = None,
        note: str | None = None,
    ) -> None:
        if outcome == "refused" and not self._may_tell():
            self._untold += 1
            return
        if self._untold:
            more = f"{self._untold} refusals before this were not logged one by one"
            note, self._untold = more if note is None else f"{note}; {more}", 0
        line = AccessEntry(
            number=1,
            at=self._clock.now(),
            who=who,
            action=action,
            target=redact(target)[:500],
            outcome=outcome,
            request_id=request_id,
            note=note,
            previous=EMPTY_DIGEST,
        )
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await written

    async def entries(self, *, after: int = 0, limit: int = 100) -> Sequence[AccessEntry]:
        page = await self._documents.page("", ENTRY, after=_id(after), limit=limit)
        return [AccessEntry.from_wire(document.body) for document in page]

    async def verify(self, *, expect: str | None = None) -> LogCheck:
        # The head first: what is added meanwhile is looked at too, and is no problem.
        number, digest = _number_and_digest(await self._documents.get("", HEAD, HEAD))
        problems: list[str] = []
        heads = {f"0:{EMPTY_DIGEST}"}
        last, before = 0, EMPTY_DIGEST
        async for document in self._all():
            found = _read(document)
            if found is None:
                problems.append(f"line {document.id} cannot be read")
                continue
            missing = found.number - last - 1
            if document.id != _id(found.number):
                problems.append(f"line {document.id} says it is line {found.number}")
            elif missing:
                problems.append(f"{missing} lines before line {found.number} are missing")
            elif found.previous != before:
                problems.append(f"line {found.number} does not follow from the line before it")
            if found.compute_digest() != found.digest or found.to_wire() != document.body:
                problems.append(f"line {found.number} is not as it was written")
            last, before = found.number, found.digest
            heads.add(f"{last}:{before}")
        if number == 0 and last and await self._documents.get("", HEAD, HEAD) is None:
            problems.append("the record of what the last line is, is missing")
        elif f"{number}:{digest}" not in heads:
            problems.append(f"line {number}, once the last, is missing or not as it was")
        if expect is not None and expect not in heads:
            problems.append(f"the log never had the head {expect}")
        return LogCheck(
            whole=not problems,
            entries=len(heads) - 1,
            head=f"{last}:{before}",
            problems=tuple(problems[:MAX_PROBLEMS]),
        )

    async def _write(self) -> None:
        """Write what waits, in a task of its own: a cancelled caller disturbs no other's line."""
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            failure: Exception | None = None
            try:
                await self._append([line for line, _ in batch])
            except Exception as error:
                failure = error
            for _, written in batch:
                if written.done():
                    continue
                if failure is None:
                    written.set_result(None)
                else:
                    written.set_exception(failure)

    async def _append(self, lines: Sequence[AccessEntry]) -> None:
        async def attempt() -> None:
            head = await self._documents.get("", HEAD, HEAD)
            number, digest = _number_and_digest(head)
            documents = []
            for line in lines:
                number += 1
                sealed = line.model_copy(
                    update={"number": number, "previous": digest}
                ).with_digest()
                digest = sealed.digest
                documents.append(Document("", ENTRY, _id(number), sealed.to_wire()))
            body = {"number": number, "digest": digest}
            version = 0 if head is None else head.version
            await self._documents.put(*documents, Document("", HEAD, HEAD, body, version))

        try:
            await retry_on_conflict(attempt, tries=MAX_TRIES)
        except VersionConflict as error:
            raise ServiceUnavailable(
                "The access log cannot be written to, so nothing is done that belongs into it. "
                "`datagen-nb audit verify` says what is wrong with it.",
                code="access_log_unwritable",
            ) from error

    async def _all(self) -> AsyncGenerator[Document, None]:
        after = ""
        while page := await self._documents.page("", ENTRY, after=after, limit=500):
            for document in page:
                yield document
            after = page[-1].id

    def _may_tell(self) -> bool:
        decision = gcra(
            self._arrival,
            self._clock.monotonic(),
            rate=REFUSALS_PER_SECOND,
            burst=REFUSALS_AT_ONCE,
        )
        self._arrival = decision.arrival
        return decision.retry_after is None


def _id(number: int) -> str:
    return f"{number:012d}"


def _number_and_digest(head: Document | None) -> tuple[int, str]:
    if head is None:
        return 0, EMPTY_DIGEST
    return int(head.body.get("number", 0)), str(head.body.get("digest", ""))


def _read(document: Document) -> AccessEntry | None:
    try:
        return AccessEntry.from_wire(document.body)
    except ValidationError:
        return None
