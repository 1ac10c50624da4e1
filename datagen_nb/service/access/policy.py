"""Each customer's limits: what the operator set, with what was set for this customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.limits import Limits
from datagen_nb.core.ports import Clock
from datagen_nb.core.store import Documents
from datagen_nb.core.wire_model import to_wire_name
from datagen_nb.service.collection import Collection
from datagen_nb.service.settings import Settings

KIND = "limits"

FRESH_SECONDS = 1.0
"""How long what was read is believed; another process may have changed it."""


class Policy:
    """Reads and changes limits."""

    def __init__(self, documents: Documents, clock: Clock, settings: Settings) -> None:
        self._own = Collection[Mapping[str, Any]](documents, KIND, read=dict, write=dict)
        self._clock = clock
        self._settings = settings
        self._known: dict[str, tuple[float, Limits]] = {}

    async def limits_of(self, customer: str) -> Limits:
        """The limits that hold for a customer now."""
        now = self._clock.monotonic()
        read, limits = self._known.get(customer, (float("-inf"), self._settings.limits))
        if now - read > FRESH_SECONDS:
            own = await self._own.get(customer, KIND)
            limits = self._settings.limits.model_copy(update=dict(own or {}))
            self._known[customer] = (now, limits)
        return limits

    def known(self, customer: str) -> Limits:
        """The limits that were last read for a customer, at once."""
        _, limits = self._known.get(customer, (0.0, self._settings.limits))
        return limits

    async def choose(self, customer: str, **values: Any) -> Limits:
        """Change what a customer may choose.

        Args:
            customer: Who chooses.
            values: ``max_waiting``, ``retention_days``; ``None`` goes back to the operator's.

        Raises:
            ConfigurationError: A value is out of the operator's bounds.
        """
        chosen = {name: value for name, value in values.items() if value is not None}
        problems = [
            Problem(
                to_wire_name(name),
                repr(value),
                f"has to be {least:g} to {most:g} here",
                "Choose one of these.",
            )
            for name, value in chosen.items()
            for least, most in [self._bounds(name)]
            if not least <= value <= most
        ]
        if problems:
            raise ConfigurationError(problems)
        return await self.set(customer, **values)

    async def set(self, customer: str, **values: Any) -> Limits:
        """Change a customer's limits as the operator; ``None`` goes back to what is usual.

        Raises:
            ConfigurationError: A value makes no sense.
        """

        def fold(kept: Mapping[str, Any] | None) -> Mapping[str, Any]:
            merged = {**(kept or {}), **values}
            body = {name: value for name, value in merged.items() if value is not None}
            try:
                Limits(**body)
            except ValidationError as error:
                raise ConfigurationError(
                    [
                        Problem(
                            to_wire_name(str(entry["loc"][0])),
                            repr(entry["input"]),
                            entry["msg"],
                            "Choose another.",
                        )
                        for entry in error.errors()
                    ]
                ) from error
            return body

        await self._own.update(customer, KIND, fold)
        self._known.pop(customer, None)
        return await self.limits_of(customer)

    def _bounds(self, name: str) -> tuple[float, float]:
        if name == "retention_days":
            return self._settings.min_retention_days, self._settings.max_retention_days
        return 0, self._settings.max_waiting
