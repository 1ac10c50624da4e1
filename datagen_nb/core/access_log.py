"""The access log: who did what, in lines that seal each other. Values and rules only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import Field

from datagen_nb.core.wire_model import Instant, WireModel

LOGGED_ACTIONS = frozenset(
    {
        "results.read",
        "jobs.submit",
        "jobs.steer",
        "jobs.delete",
        "settings.change",
        "webhooks.change",
        "customers.change",
        "keys.change",
        "service.stop",
    }
)
"""Actions that are logged when they are allowed. Refused requests are always logged."""

Outcome = Literal["allowed", "refused", "failed"]


class AccessEntry(WireModel):
    """One line of the access log.

    Args:
        number: Counts from 1 without gaps.
        at: When it happened.
        who: ``customer:keyId``, ``operator`` for the command line, or ``anonymous``.
        action: One of ``SCOPE_OF``.
        target: Method and path.
        outcome: Allowed, refused, or failed.
        request_id: The request's id, if it was one.
        note: Further information.
        previous: Digest of the line before; ``EMPTY_DIGEST`` for the first.
        digest: Digest of this line and, through ``previous``, of all lines before it.
    """

    number: int = Field(ge=1)
    at: Instant
    who: str
    action: str
    target: str
    outcome: Outcome
    request_id: str | None = None
    note: str | None = None
    previous: str
    digest: str = ""

    def with_digest(self) -> AccessEntry:
        """This line with its digest."""
        return self.model_copy(update={"digest": self.compute_digest()})

    def compute_digest(self) -> str:
        """SHA-256 over all fields but the digest itself."""
        return hashlib.sha256(self.model_copy(update={"digest": ""}).to_json().encode()).hexdigest()


EMPTY_DIGEST = "0" * 64
"""The ``previous`` of the first line."""


class LogCheck(WireModel):
    """The result of verifying an access log.

    Args:
        whole: Whether every line is present and unchanged.
        entries: How many lines were checked.
        head: Number and digest of the last line, as ``7:5f3a…``. Kept elsewhere, it also reveals
            a log that was rewritten from the beginning.
        problems: The first few problems found.
    """

    whole: bool
    entries: int
    head: str
    problems: tuple[str, ...] = ()


class AccessLog(Protocol):
    """Append-only record of who did what; a later change of a line can be detected."""

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
        """Add a line; it is on disk when this returns."""
        ...

    async def entries(self, *, after: int = 0, limit: int = 100) -> Sequence[AccessEntry]:
        """Lines numbered above ``after``, in order."""
        ...

    async def verify(self, *, expect: str | None = None) -> LogCheck:
        """Check every line; with ``expect``, also that this head is or was part of the log."""
        ...
