"""How a value crosses a boundary: camelCase, strict, frozen, instants as RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic.alias_generators import to_camel as to_wire_name

from datagen_nb.core.errors import MAX_PROBLEMS, ConfigurationError, Problem

__all__ = ["Instant", "RequestModel", "WireModel", "as_instant", "format_instant", "to_wire_name"]


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

    def __dir__(self) -> list[str]:
        """The fields and our own methods: what Tab completes, without pydantic's."""
        ours = [kind for kind in type(self).__mro__ if issubclass(kind, WireModel)]
        names = {name for kind in ours for name in vars(kind) if name[0] != "_"}
        return sorted(names - {"model_config", "model_fields"} | set(type(self).model_fields))

    def to_wire(self) -> dict[str, Any]:
        """The JSON object of the wire."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def to_json(self) -> str:
        """The JSON text of the wire."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def to_compact_json(self) -> str:
        """The JSON text without default values, for storage; ``from_wire`` reads it."""
        return self.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True)

    @classmethod
    def from_wire(cls, data: Any) -> Self:
        """Read a JSON object (or its text) of the wire."""
        if isinstance(data, str | bytes):
            return cls.model_validate_json(data)
        return cls.model_validate(data)


class RequestModel(WireModel):
    """A value that a caller makes; one that breaks a rule is a ``ConfigurationError``."""

    @model_validator(mode="wrap")
    @classmethod
    def _in_our_words(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Self:
        try:
            made: Self = handler(data)
        except ValidationError as error:
            entries = error.errors(include_url=False, include_context=False)
            remedy = f"Fields are {', '.join(cls.model_fields)}."
            problems = [_problem(entry, remedy) for entry in entries[:MAX_PROBLEMS]]
            raise ConfigurationError(problems, count=len(entries)) from None
        return made


def _problem(entry: Any, remedy: str) -> Problem:
    place, value = entry["loc"], entry.get("input")
    is_one = value is None or isinstance(value, str | int | float)
    # A value that is not in a field of ours may be anything, a secret too.
    given = repr(value)[:80] if is_one and place and "secret" not in place else "…"
    rule = entry["msg"].replace("Input should be", "has to be")
    if entry["type"] == "missing":
        given, rule = "(missing)", "is required"
    if entry["type"] == "extra_forbidden":
        rule = "is not known"
    return Problem(".".join(str(part) for part in place) or "value", given, rule, remedy)
