"""What the browser asks of a widget, as types; anything else is refused.

An action is a class with a literal ``action``, several where they bring the same; the union of a
widget's actions stands beside what does them. ``widgets/src/actions.ts`` is made from these unions
by ``make golden``; a test fails when it is out of date.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.wire_model import to_wire_name
from datagen_nb.ui.protocol import Request

Number = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
JobId = Annotated[str, Field(max_length=100)]
JobIds = Annotated[tuple[JobId, ...], Field(max_length=10_000)]
Text = Annotated[str, Field(max_length=100_000)]


class BadRequest(DatagenError, ValueError):
    """The browser asked for something that no widget of this kind does."""

    code = "invalid_request"


class Body(BaseModel):
    """What a request brings; a field more is as wrong as one that is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_wire_name)


class Action(Body):
    """A request. Each kind of it has ``action``, a literal of its names."""


AnyAction = TypeVar("AnyAction")


def read_action(kinds: TypeAdapter[AnyAction], request: Request, *, widget: str) -> AnyAction:
    """Read what is asked of a widget.

    Args:
        kinds: The widget's actions.
        request: Of the browser.
        widget: What the widget is called.

    Raises:
        BadRequest: It is none of these actions, or what it brings is wrong.
    """
    try:
        return kinds.validate_python({**request.body, "action": request.action})
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] == "union_tag_invalid":
            raise BadRequest(f"A {widget} cannot {inert(request.action[:ONE_LINE])}.") from None
        raise refusal(error, widget=widget) from None


def refusal(error: ValidationError, *, widget: str) -> BadRequest:
    """The first thing that is wrong with a request, in a sentence."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = inert(".".join(map(str, problem["loc"])), longest=ONE_LINE)
    what = str(problem["msg"]).removeprefix("Value error, ")
    return BadRequest(
        f"This request is not one of a {widget}: {where}: {what}. Reload the page and try again."
    )
