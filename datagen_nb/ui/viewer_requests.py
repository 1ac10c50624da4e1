"""What a viewer's browser side asks of the kernel, with a bound on everything that it may ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from datagen_nb.core.errors import DatagenError

MAX_ROWS = 1_000
MAX_COLUMNS = 500
MAX_CELLS = 50_000
"""Of the cells that are sent at once; a screen has a few thousand."""

MAX_COPIED_CELLS = 1_000_000
MAX_TEXT_LENGTH = 1_000

Number = Annotated[int, Field(ge=0, lt=2**53, strict=True)]


class BadRequest(DatagenError, ValueError):
    """The browser asked for something that no viewer asks for."""

    code = "invalid_request"


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RowsRequest(_Body):
    epoch: Number
    start: Number
    stop: Number
    columns: Annotated[tuple[Number, ...], Field(max_length=MAX_COLUMNS)]

    @model_validator(mode="after")
    def _is_a_window(self) -> RowsRequest:
        _check_window(self.start, self.stop, MAX_ROWS)
        if (self.stop - self.start) * len(self.columns) > MAX_CELLS:
            raise ValueError(f"at most {MAX_CELLS:,} cells are sent at once")
        return self


class DistinctRequest(_Body):
    column: Number
    search: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""


class ProfileRequest(_Body):
    epoch: Number
    column: Number


class CellRequest(_Body):
    epoch: Number
    row: Number
    column: Number


class CopyRequest(_Body):
    start: Number
    stop: Number
    columns: Annotated[tuple[Number, ...], Field(max_length=MAX_COPIED_CELLS)]
    headers: bool = False

    @model_validator(mode="after")
    def _is_bounded(self) -> CopyRequest:
        _check_window(self.start, self.stop, MAX_COPIED_CELLS)
        if (self.stop - self.start) * len(self.columns) > MAX_COPIED_CELLS:
            raise ValueError(
                f"at most {MAX_COPIED_CELLS:,} cells are copied at once; export the rows instead"
            )
        return self


class FindRequest(_Body):
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]
    by: Literal[-1, 0, 1] = 0


class ExportRequest(_Body):
    format: Literal["csv", "json", "jsonl", "parquet", "xlsx"]
    defuse: bool = False


class SelectRequest(_Body):
    top: Number
    bottom: Number
    left: Number
    right: Number
    columns: Annotated[tuple[Number, ...], Field(max_length=MAX_COPIED_CELLS)]


Body = TypeVar("Body", bound=_Body)


def read_body(kind: type[Body], body: Mapping[str, Any]) -> Body:
    """Read the body of a request.

    Raises:
        BadRequest: A field is missing, unknown, or beyond its bound.
    """
    try:
        return kind.model_validate(dict(body))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"]))
        what = str(problem["msg"]).removeprefix("Value error, ")
        raise BadRequest(f"This request is not one of a viewer: {where} {what}.") from None


def _check_window(start: int, stop: int, most: int) -> None:
    if not start <= stop <= start + most:
        raise ValueError(f"a window has from 0 to {most:,} rows")
