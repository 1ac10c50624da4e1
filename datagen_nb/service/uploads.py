"""Uploads as documents: how far each has come, until it is an input and as long as that is kept.

Chunks lie under ``uploads/`` in the customer's bucket, and an input is published whole: a service
that dies loses at most the chunk that was on its way. What an upload announces counts towards the
quota from its begin.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from weakref import WeakValueDictionary

from datagen_nb.core.buckets import Bucket
from datagen_nb.core.errors import Conflict, VersionConflict
from datagen_nb.core.limits import check_storage
from datagen_nb.core.messages import check_page
from datagen_nb.core.places import INPUTS
from datagen_nb.core.status import State
from datagen_nb.core.store import CustomerUsage, Document
from datagen_nb.core.uploads import (
    Upload,
    UploadPage,
    UploadRequest,
    damaged,
    no_upload,
    request_of,
    wrong_offset,
)
from datagen_nb.service.context import ServiceContext

UPLOAD = "upload"

ABANDONED = timedelta(days=1)
"""After which an upload that is not sent further is dropped."""

PLANS = ("template", "schedule")
"""Kinds of documents that name inputs of jobs to come."""

USED_SECONDS = 60.0
"""Seconds after which the use of an input is noted again: few beside any retention."""

MAX_REMEMBERED = 10_000
"""Inputs whose last noted use is remembered."""


class Uploads:
    """What all customers' uploads share."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._documents = context.documents
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._used: dict[tuple[str, str], float] = {}

    def customer(self, name: str) -> CustomerUploads:
        """One customer's uploads."""
        return CustomerUploads(self._context, self.lock, name)

    def lock(self, customer: str, upload_id: str) -> asyncio.Lock:
        """Held while an upload is changed."""
        return self._locks.setdefault((customer, upload_id), asyncio.Lock())

    async def sweep(self) -> int:
        """Drop what was abandoned, and inputs whose time has passed; count them."""
        now, dropped = self._context.clock.now(), 0
        while found := await self._documents.due(UPLOAD, until=now):
            for document in found:
                dropped += await self.customer(document.customer).expire(document.id)
        return dropped

    async def used(self, customer: str, path: str) -> None:
        """Keep an input as long as the job that was just made of it."""
        now = self._context.clock.monotonic()
        if now - self._used.get((customer, path), float("-inf")) < USED_SECONDS:
            return
        for document in await self._named(customer, path):
            await self.customer(customer).keep(document)
        if len(self._used) >= MAX_REMEMBERED:
            self._used.clear()
        self._used[customer, path] = now

    async def released(self, customer: str, path: str) -> None:
        """Drop the input of a job that was deleted on request, if nothing else uses it.

        What a person deletes is gone with the table that was sent for it.
        """
        for document in await self._named(customer, path):
            await self.customer(customer).release(document)
            self._used.pop((customer, path), None)

    async def _named(self, customer: str, path: str) -> Sequence[Document]:
        """The upload that became the input at a path, if one did."""
        digest, _, ending = path.removeprefix(f"{INPUTS}/").partition(".")
        if not path.startswith(f"{INPUTS}/") or "." in ending:
            return ()
        found = await self._documents.page(customer, UPLOAD, prefix=digest)
        return [document for document in found if document.body["path"] == path]


class CustomerUploads:
    """One customer's uploads; implements ``core.uploads.Uploads``."""

    def __init__(
        self,
        context: ServiceContext,
        lock: Callable[[str, str], asyncio.Lock],
        customer: str,
    ) -> None:
        self._context = context
        self._documents = context.documents
        self._lock = lock
        self._customer = customer

    @property
    def _bucket(self) -> Bucket:
        return self._context.default_bucket(self._customer)

    async def begin(self, request: UploadRequest) -> Upload:
        async with self._lock(self._customer, request.upload_id):
            document = await self._documents.get(self._customer, UPLOAD, request.upload_id)
            there = await asyncio.to_thread(self._bucket.head, request.path)
            size = request.size if there is None else there.size
            if document is None or document.size != size:
                document = await self._reserve(request, size, document)
            if there is not None:
                return _shown(await self._whole(document))
            if document.body["whole"]:  # its input was removed behind our back
                document = await self._put(document, offset=0, whole=False)
            if document.body["offset"] == size:
                document = await self._assembled(document)
            return _shown(document)

    async def list(self, *, cursor: str = "", limit: int = 50) -> UploadPage:
        check_page(limit)
        found = await self._documents.page(self._customer, UPLOAD, after=cursor, limit=limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        shown = tuple(_shown(document) for document in found[:limit])
        return UploadPage(uploads=shown, next_cursor=more)

    async def get(self, upload_id: str) -> Upload:
        return _shown(await self._read(upload_id))

    async def append(self, upload_id: str, offset: int, data: bytes) -> Upload:
        async with self._lock(self._customer, upload_id):
            document = await self._read(upload_id)
            known, size = document.body["offset"], document.size
            if offset != known or document.body["whole"]:
                raise wrong_offset(offset, known)
            if offset + len(data) > size:
                await self._drop(document)
                raise damaged(offset + len(data), size)
            if data:
                await asyncio.to_thread(self._bucket.put, _chunk(upload_id, offset), data)
                document = await self._put(document, offset=offset + len(data))
            if document.body["offset"] == size:
                document = await self._assembled(document)
            return _shown(document)

    async def delete(self, upload_id: str) -> None:
        async with self._lock(self._customer, upload_id):
            document = await self._read(upload_id)
            if document.body["whole"] and await self._is_read(document.body["path"]):
                raise Conflict(
                    "A job that has not ended reads this input. Delete it when that has ended.",
                    code="input_in_use",
                )
            await self._drop(document)

    async def expire(self, upload_id: str) -> bool:
        """Drop an upload that is due, unless a job that has not ended reads it."""
        async with self._lock(self._customer, upload_id):
            document = await self._documents.get(self._customer, UPLOAD, upload_id)
            now = self._context.clock.now()
            if document is None or document.due is None or document.due > now:
                return False
            if document.body["whole"] and await self._is_read(document.body["path"]):
                await self.keep(document)
                return False
            await self._drop(document)
            return True

    async def release(self, document: Document) -> None:
        """Drop an input unless something else is made of it, or is to be."""
        async with self._lock(self._customer, document.id):
            path = document.body["path"]
            if await self._context.store.has_input(self._customer, path):
                return
            for kind in PLANS:
                if await self._is_named_in(kind, path):
                    return
            await self._drop(document)

    async def _is_named_in(self, kind: str, path: str) -> bool:
        after = ""
        while page := await self._documents.page(self._customer, kind, after=after):
            if any(path in json.dumps(document.body) for document in page):
                return True
            after = page[-1].id
        return False

    async def keep(self, document: Document) -> None:
        """Let an input's time begin anew."""
        limits = await self._context.policy.limits_of(self._customer)
        due = self._context.clock.now() + timedelta(days=limits.retention_days)
        if document.due is None or due - document.due > timedelta(days=limits.retention_days) / 100:
            try:
                await self._documents.put(replace(document, due=due))
            except VersionConflict:
                return  # another change has restarted its time

    async def _read(self, upload_id: str) -> Document:
        request_of(upload_id, 0)
        document = await self._documents.get(self._customer, UPLOAD, upload_id)
        if document is None:
            raise no_upload(upload_id)
        return document

    async def _reserve(
        self, request: UploadRequest, size: int, before: Document | None
    ) -> Document:
        """Begin anew, if the customer has the room."""
        limits = await self._context.policy.limits_of(self._customer)
        known = 0 if before is None else before.size

        def precondition(usage: CustomerUsage) -> None:
            check_storage(usage, limits, size - known)

        made = Document(
            self._customer,
            UPLOAD,
            request.upload_id,
            {"offset": 0, "whole": False, "path": request.path},
            version=0 if before is None else before.version,
            due=self._context.clock.now() + ABANDONED,
            size=size,
        )
        try:
            await self._documents.put(made, precondition=precondition)
        except VersionConflict as error:
            raise _raced() from error
        return replace(made, version=made.version + 1)

    async def _put(self, document: Document, **changes: object) -> Document:
        changed = replace(
            document,
            body={**document.body, **changes},
            due=self._context.clock.now() + ABANDONED,
        )
        try:
            await self._documents.put(changed)
        except VersionConflict as error:
            raise _raced() from error
        return replace(changed, version=changed.version + 1)

    async def _assembled(self, document: Document) -> Document:
        """Make one input of all chunks.

        Raises:
            InputError: They are not what was announced; nothing of them stays.
        """
        found = await asyncio.to_thread(self._assemble, document)
        if found != document.id.partition(".")[0]:
            await self._drop(document)
            raise damaged(document.size, document.size)
        return await self._whole(document)

    def _assemble(self, document: Document) -> str:
        """Publish the input if it is right; return what its digest is."""
        bucket, place, found = self._bucket, 0, hashlib.sha256()
        try:
            with bucket.writer(document.body["path"]) as whole:
                while place < document.size:
                    chunk = bucket.get(_chunk(document.id, place))
                    found.update(chunk)
                    whole.write(chunk)
                    place += len(chunk)
                if found.hexdigest() != document.id.partition(".")[0]:
                    raise _Wrong
        except _Wrong:
            pass  # what the writer drops must not be published; the digest tells
        return found.hexdigest()

    async def _whole(self, document: Document) -> Document:
        if not document.body["whole"]:
            await asyncio.to_thread(self._bucket.delete_prefix, f"uploads/{document.id}/")
            document = await self._put(document, offset=document.size, whole=True)
        await self.keep(document)
        kept = await self._documents.get(self._customer, UPLOAD, document.id)
        return document if kept is None else kept

    async def _drop(self, document: Document) -> None:
        """Remove bytes, then the record: a service that dies in between does it again."""
        await asyncio.to_thread(self._bucket.delete_prefix, f"uploads/{document.id}/")
        if document.body["whole"]:
            await asyncio.to_thread(self._bucket.delete, document.body["path"])
        await self._documents.delete(self._customer, UPLOAD, document.id)

    async def _is_read(self, path: str) -> bool:
        """Whether a job that has not ended has this input."""
        for state in State:
            after = ("", "")
            while not state.is_terminal and (
                records := await self._context.store.in_state(state, after=after)
            ):
                if any(
                    (record.customer, record.config.input_path) == (self._customer, path)
                    for record in records
                ):
                    return True
                after = (records[-1].job_id, records[-1].customer)
        return False


class _Wrong(Exception):
    """The chunks are not what was announced."""


def _chunk(upload_id: str, offset: int) -> str:
    return f"uploads/{upload_id}/{offset:016x}"


def _raced() -> Conflict:
    return Conflict("The upload was changed by someone else. Ask where it stands, then go on.")


def _shown(document: Document) -> Upload:
    return Upload(
        upload_id=document.id,
        size=document.size,
        offset=document.body["offset"],
        path=document.body["path"] if document.body["whole"] else None,
        expires=document.due,
    )
