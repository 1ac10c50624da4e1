"""Rows to look at, wherever they lie: a result in a bucket, or a table in memory."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa


class Source(Protocol):
    """Rows by number."""

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        ...

    @property
    def num_rows(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, stop: int) -> pa.Table:
        """Rows ``start`` to ``stop``, clamped to those there are."""
        ...
