"""What a viewer's browser side asks of the kernel, with a bound on everything that it may ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from datagen_nb.ui.actions import Body, Number, refusal

MAX_ROWS = 1_000
MAX_COLUMNS = 500
MAX_CELLS = 50_000
"""Of the cells that are sent at once; a screen has a few thousand."""

MAX_PROFILED = 100
"""Columns that are profiled at once; a screen has some fifty."""

MAX_COPIED_CELLS = 1_000_000
MAX_TEXT_LENGTH = 1_000


class RowsRequest(Body):
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


class DistinctRequest(Body):
    column: Number
    search: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""


class ProfilesRequest(Body):
    epoch: Number
    columns: Annotated[tuple[Number, ...], Field(min_length=1, max_length=MAX_PROFILED)]


class ChartRequest(Body):
    epoch: Number
    x: Number
    y: Number | None = None


class CellRequest(Body):
    epoch: Number
    row: Number
    column: Number


class CopyRequest(Body):
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


class FindRequest(Body):
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]
    by: Literal[-1, 0, 1] = 0


class ExportRequest(Body):
    format: Literal["csv", "json", "jsonl", "parquet", "xlsx"]
    defuse: bool = False


class SelectRequest(Body):
    top: Number
    bottom: Number
    left: Number
    right: Number
    columns: Annotated[tuple[Number, ...], Field(max_length=MAX_COPIED_CELLS)]


AnyBody = TypeVar("AnyBody", bound=Body)


def read_body(kind: type[AnyBody], body: Mapping[str, Any]) -> AnyBody:
    """Read the body of a request.

    Raises:
        BadRequest: A field is missing, unknown, or beyond its bound.
    """
    try:
        return kind.model_validate(dict(body))
    except ValidationError as error:
        raise refusal(error, widget="viewer") from None


def _check_window(start: int, stop: int, most: int) -> None:
    if not start <= stop <= start + most:
        raise ValueError(f"a window has from 0 to {most:,} rows")
