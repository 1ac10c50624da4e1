"""How API keys are kept: each a document, with the digest of its secret beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from datagen_nb.core.access import ApiKey, KeyPage
from datagen_nb.core.errors import NotFound
from datagen_nb.core.store import Document, Documents
from datagen_nb.service.collection import Collection, Entry

KIND = "key"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key and the digest of its secret."""

    key: ApiKey
    digest: str


class StoredKeys:
    """The keys of all customers, by id.

    Args:
        documents: Where they are kept.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._keys = Collection(documents, KIND, read=_read, write=_body)

    async def find(self, key_id: str) -> StoredKey | None:
        """The key with this id."""
        found = await self._keys.find("", key_id)
        return None if found is None else found.value

    async def entry(self, key_id: str) -> Entry[StoredKey]:
        """The key with this id and its version.

        Raises:
            NotFound: There is none.
        """
        found = await self._keys.find("", key_id)
        if found is None:
            raise _no_key(key_id)
        return found

    async def page(self, *, customer: str | None, after: str, limit: int) -> KeyPage:
        """Keys in order of id, of one customer or of all."""
        shown: list[ApiKey] = []
        while True:
            found = await self._documents.page("", KIND, after=after, limit=limit + 1)
            for document in found[:limit]:
                key = _read(document.body).key
                after = key.key_id
                if customer in (None, key.customer):
                    shown.append(key)
                if len(shown) == limit:
                    break
            is_last = not found or after == found[-1].id
            if is_last or len(shown) == limit:
                return KeyPage(keys=tuple(shown), next_cursor=None if is_last else after)

    async def add(self, stored: StoredKey) -> None:
        """Keep a new key."""
        await self._documents.put(_document(stored))

    async def change(self, key_id: str, change: Callable[[ApiKey], Mapping[str, Any]]) -> ApiKey:
        """Set the fields that ``change`` returns, however many write at once.

        Raises:
            NotFound: There is no such key.
        """

        def fold(stored: StoredKey | None) -> StoredKey:
            if stored is None:
                raise _no_key(key_id)
            return _updated(stored, change(stored.key))

        return (await self._keys.update("", key_id, fold)).key

    async def replace(self, entry: Entry[StoredKey], new: StoredKey, *, expires: datetime) -> None:
        """Keep ``new`` and let the key that was read expire, both or neither.

        Raises:
            VersionConflict: The key was changed after it was read.
        """
        ending = replace(entry, value=_updated(entry.value, {"expires": expires}))
        await self._documents.put(self._keys.document(ending), _document(new))


def _updated(stored: StoredKey, fields: Mapping[str, Any]) -> StoredKey:
    return StoredKey(stored.key.model_copy(update=fields), stored.digest)


def _document(stored: StoredKey) -> Document:
    return Document("", KIND, stored.key.key_id, _body(stored))


def _body(stored: StoredKey) -> Mapping[str, Any]:
    return {**stored.key.to_wire(), "digest": stored.digest}


def _read(stored: Mapping[str, Any]) -> StoredKey:
    body = dict(stored)
    digest = str(body.pop("digest"))
    return StoredKey(ApiKey.from_wire(body), digest)


def _no_key(key_id: str) -> NotFound:
    return NotFound(
        f"There is no key {key_id!r}. `datagen-nb keys list` shows those there are.",
        details={"keyId": key_id},
    )
