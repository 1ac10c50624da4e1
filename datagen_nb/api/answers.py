"""Saying what the service is told, and reading what it answered."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from datagen_nb.api import wire
from datagen_nb.core.errors import ConfigurationError, ProtocolError
from datagen_nb.core.wire_model import WireModel, to_wire_name

M = TypeVar("M", bound=WireModel)


def read(model: type[M], body: Any) -> M:
    """Make a model of an answer's body.

    Raises:
        ProtocolError: It is no such model.
    """
    try:
        return model.from_wire(body)
    except (ValidationError, ConfigurationError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.message
        raise ProtocolError(
            f"The service answered a {model.__name__.strip('_')} that this version does not "
            f"understand: {said}. Are both of the same version?",
        ) from error


def say(model: type[WireModel], **values: Any) -> bytes:
    """Make a request's body of what a caller gave.

    Raises:
        ConfigurationError: It breaks a rule of the model's.
    """
    try:
        named = {to_wire_name(name): value for name, value in values.items()}
        return model.from_wire(named).to_json().encode()
    except ValidationError as error:
        raise wire.as_problems(error.errors()) from error
