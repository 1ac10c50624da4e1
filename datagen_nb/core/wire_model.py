"""How a value crosses a boundary: camelCase, strict, frozen, instants as RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel as to_wire_name

__all__ = ["Instant", "WireModel", "as_instant", "format_instant", "to_wire_name"]


def as_instant(value: datetime) -> datetime:
    """Bring an aware instant to UTC and to the millisecond, which is what the wire can hold."""
    if value.tzinfo is None:
        raise ValueError("an instant needs a zone")
    value = value.astimezone(UTC)
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def format_instant(value: datetime) -> str:
    """Write an instant as RFC 3339 with milliseconds, as ``2026-11-23T09:30:00.125Z``."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    AfterValidator(as_instant),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]
"""An aware instant in UTC, to the millisecond, so that it round-trips."""


class WireModel(BaseModel):
    """A frozen value whose JSON is the specification's: camelCase names, absent when ``None``."""

    model_config = ConfigDict(
        alias_generator=to_wire_name, populate_by_name=True, frozen=True, extra="forbid"
    )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object of the wire."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def to_json(self) -> str:
        """The JSON text of the wire."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_wire(cls, data: Any) -> Self:
        """Read a JSON object (or its text) of the wire."""
        if isinstance(data, str | bytes):
            return cls.model_validate_json(data)
        return cls.model_validate(data)
