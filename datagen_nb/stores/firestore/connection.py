"""One Firestore database: requests to it, and what their errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Self

from google.api_core import exceptions as google
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore

from datagen_nb.core.errors import CredentialsUnusable, HomeError, ServiceUnavailable
from datagen_nb.stores.firestore.names import CUSTOMERS, customer_name

_PASSING = (
    google.ServiceUnavailable,
    google.InternalServerError,
    google.DeadlineExceeded,
    google.Unknown,
    google.Cancelled,
)
"""Errors of a request that may have been carried out all the same."""

_CONFLICT = (google.AlreadyExists, google.FailedPrecondition, google.NotFound, google.Aborted)

_TIMEOUT = 20.0
"""Seconds in which a request is answered."""

_READS: dict[str, Any] = {
    "timeout": _TIMEOUT,
    "retry": AsyncRetry(
        if_exception_type(*_PASSING, google.ResourceExhausted), initial=0.1, maximum=5, timeout=40
    ),
}


class WriteConflict(Exception):
    """A document of a commit is not as it was expected to be; nothing was written."""


class WriteUncertain(Exception):
    """A commit was not answered: it may have been carried out."""


@dataclass(frozen=True, slots=True)
class Write:
    """What a commit does to one document.

    Attributes:
        place: Which.
        fields: Values of its fields, others stay; ``None`` deletes the document.
        at: When the document was last updated, if it is to be as it was then; ``None`` if it must
            not exist.
    """

    place: Any
    fields: Mapping[str, Any] | None
    at: Any = None


class FirestoreConnection:
    """Requests to one database; create it with ``open``."""

    def __init__(self, client: firestore.AsyncClient, label: str) -> None:
        self._client = client
        self._label = label
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closed = False

    @classmethod
    async def open(cls, project: str, database: str) -> Self:
        """Connect to a database, and make sure that it can be read.

        Raises:
            CredentialsUnusable: There are no credentials.
            HomeError: There is no such database, or it may not be used.
        """
        label = f"firestore://{project}/{database}"
        try:
            client = await asyncio.to_thread(
                firestore.AsyncClient, project=project, database=database
            )
        except GoogleAuthError as error:
            raise _no_credentials(label) from error
        made = cls(client, label)
        try:
            await made.get(made.head(""))
        except ServiceUnavailable as error:
            await made.aclose()
            if not isinstance(error.__cause__, google.ClientError):
                raise
            raise HomeError(
                f"The database {label} cannot be used: {error.__cause__.message}. "
                "Check its name, that it is in native mode, and that this account has the role "
                "Cloud Datastore User.",
                details={"database": label},
            ) from error
        return made

    def head(self, customer: str) -> Any:
        """Where the head of a customer is."""
        return self._client.collection(CUSTOMERS).document(customer_name(customer))

    def heads(self) -> Any:
        """The heads of all customers."""
        return self._client.collection(CUSTOMERS)

    def of(self, customer: str, collection: str) -> Any:
        """A collection of one customer."""
        return self.head(customer).collection(collection)

    def of_all(self, collection: str) -> Any:
        """A collection of all customers, to be searched."""
        return self._client.collection_group(collection)

    async def get(self, place: Any) -> Any:
        """One document as it is now, whether it exists or not."""
        with self.request():
            return await place.get(**_READS)

    async def get_all(self, places: Sequence[Any]) -> Sequence[Any]:
        """Several documents, in the order of their places."""
        with self.request():
            found = {
                one.reference.path: one async for one in self._client.get_all(places, **_READS)
            }
        return [found[place.path] for place in places]

    async def select(self, query: Any) -> Sequence[Any]:
        """All documents that a query finds."""
        async with aclosing(self.stream(query)) as found:
            return [one async for one in found]

    async def stream(self, query: Any) -> AsyncGenerator[Any, None]:
        """The documents that a query finds, as they arrive."""
        with self.request():
            async with aclosing(query.stream(**_READS)) as found:
                async for one in found:
                    yield one

    async def aggregate(self, query: Any) -> Mapping[str, Any]:
        """The values of an aggregation by their names."""
        with self.request():
            (values,) = await query.get(**_READS)
        return {one.alias: one.value for one in values}

    async def commit(self, writes: Sequence[Write]) -> Sequence[Any]:
        """Write several documents, all or none; return when each was updated.

        Raises:
            WriteConflict: A document is not as it was expected.
            WriteUncertain: There was no answer.
        """
        batch = self._client.batch()
        for write in writes:
            if write.fields is None:
                batch.delete(write.place, self._unchanged(write.at))
            elif write.at is None:
                batch.create(write.place, write.fields)
            else:
                batch.update(write.place, write.fields, self._unchanged(write.at))
        with self.request():
            try:
                results = await batch.commit(retry=None, timeout=_TIMEOUT)
            except _CONFLICT as error:
                raise WriteConflict from error
            except _PASSING as error:
                raise WriteUncertain from error
        return [result.update_time for result in results]

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request, so that closing waits for it, and raise what its errors mean.

        Raises:
            ServiceUnavailable: The database did not answer or refused; or it is closed.
        """
        if self._is_closed:
            raise self.unavailable("it has been closed")
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        except (google.GoogleAPICallError, google.RetryError) as error:
            cause = error.cause if isinstance(error, google.RetryError) else error
            raise self.unavailable(getattr(cause, "message", None) or str(cause)) from cause
        except GoogleAuthError as error:
            raise _no_credentials(self._label) from error
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def unavailable(self, reason: str) -> ServiceUnavailable:
        """The error of a database that does not do what it is asked."""
        return ServiceUnavailable(
            f"The database {self._label} did not take or give a record: {reason}. "
            "Check status.cloud.google.com and the rights of the service's account; "
            "then try again.",
            code="store_unavailable",
            details={"database": self._label},
        )

    async def aclose(self) -> None:
        """Finish the requests under way and disconnect."""
        await self._idle.wait()
        self._is_closed = True
        # The library has no other way to close its channel.
        await self._client._firestore_api.transport.close()  # noqa: SLF001

    def _unchanged(self, at: Any) -> Any:
        return None if at is None else self._client.write_option(last_update_time=at)


def _no_credentials(label: str) -> CredentialsUnusable:
    remedy = (
        "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to "
        "the key file of a service account."
    )
    return CredentialsUnusable(
        f"No valid credentials for {label} were found. {remedy}", details={"remedy": remedy}
    )
