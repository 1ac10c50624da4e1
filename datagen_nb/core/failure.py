"""Why a job failed, as its status shows it."""

from __future__ import annotations

from typing import Any

from datagen_nb.core.wire_model import WireModel


class JobFailure(WireModel):
    """Why a job failed.

    ``details`` may have ``stage``, ``remedy`` (what to do), ``retryHelps`` and further facts.
    """

    code: str
    message: str
    details: dict[str, Any] | None = None

    def explained(self) -> str:
        """The message with the stage before it and the remedy behind it."""
        details = self.details or {}
        where = f"In {details['stage']}: " if "stage" in details else ""
        remedy = details.get("remedy", "")
        what = self.message.removesuffix(remedy).rstrip()
        return f"{where}{what} {remedy}".rstrip()
