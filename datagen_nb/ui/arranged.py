"""A source's rows, filtered and sorted, for the grid."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from datagen_nb.tables.source import CannotArrange, Filter, Sort, Source, arrange

MAX_ARRANGED_ROWS = 2_000_000
"""Rows that are sorted and filtered at most: they are taken into memory for it."""


class Arranged:
    """A source's rows in the order that is shown."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._whole: pa.Table | None = None
        self._order: pa.Array | None = None

    @property
    def num_rows(self) -> int:
        return self.source.num_rows if self._order is None else len(self._order)

    def arrange(self, filters: Sequence[Filter], sorts: Sequence[Sort]) -> None:
        """Choose and order the rows anew.

        Raises:
            CannotArrange: There are too many, or something does not fit.
        """
        self._order = arrange(self.whole(), filters, sorts) if filters or sorts else None

    def window(self, start: int, stop: int) -> tuple[Sequence[int], pa.Table]:
        """Rows ``start`` to ``stop``, clamped, and each one's number in the source."""
        start = max(start, 0)
        stop = max(min(stop, self.num_rows), start)
        if self._order is None or start >= stop:
            return range(start, stop), self.source.read(start, stop)
        numbers = self._order.slice(start, stop - start)
        return numbers.to_pylist(), self.whole().take(numbers)

    def whole(self) -> pa.Table:
        """All rows, in memory."""
        if self._whole is None:
            rows = self.source.num_rows
            if rows > MAX_ARRANGED_ROWS:
                raise CannotArrange(
                    f"Sorting and filtering work up to {MAX_ARRANGED_ROWS:,} rows; this table has "
                    f"{rows:,}. View the rows you need, as dg.view(data.to_arrow().slice(…))."
                )
            self._whole = self.source.read(0, rows)
        return self._whole
