"""Models as request bodies, and responses as models."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from datagen_nb.api import wire
from datagen_nb.core.errors import ConfigurationError, ProtocolError
from datagen_nb.core.wire_model import WireModel, to_wire_name

M = TypeVar("M", bound=WireModel)


def parse_response(model: type[M], body: Any) -> M:
    """Parse a response's body.

    Raises:
        ProtocolError: The body is not a valid ``model``.
    """
    try:
        return model.from_wire(body)
    except (ValidationError, ConfigurationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.message
        raise ProtocolError(
            f"The service sent a {model.__name__.strip('_')} that this version cannot read: "
            f"{reason}. Check that both have the same version; `datagen-nb status` shows it.",
        ) from error


def build_body(model: type[WireModel], **values: Any) -> bytes:
    """Build a request's body from a caller's values.

    Raises:
        ConfigurationError: A value breaks a rule of the model.
    """
    try:
        named = {to_wire_name(name): value for name, value in values.items()}
        return model.from_wire(named).to_json().encode()
    except ValidationError as error:
        raise wire.as_configuration_error(error.errors()) from error
