"""Columns that are drawn as they are declared, each by itself; a ``Drawing``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.stage import Given, Streams


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredStage:
    """Columns of the rows, or of the entities of a key.

    Attributes:
        columns: What each column is drawn from, by its name.
        nulls: Share of missing values of those that have some.
    """

    columns: dict[str, Any]
    nulls: dict[str, float]

    def draw(self, given: Given, streams: Streams) -> tuple[pa.Table, Given]:
        """Draw a row for each row of ``given``, which says nothing about them."""
        rows = len(given.codes)
        drawn = {}
        for place, (name, column) in enumerate(self.columns.items()):
            random = streams(place)
            values = column.draw(rows, random)
            if (share := self.nulls.get(name)) is not None:
                missing = pa.array(random.random(rows) < share)
                values = pc.if_else(missing, pa.scalar(None, values.type), values)
            drawn[name] = values
        return pa.table(drawn), given
