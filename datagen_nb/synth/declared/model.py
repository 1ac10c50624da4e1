"""A model of declared columns: its rows do not depend on how they are divided into parts."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from datagen_nb.core.declaration import Declaration, read
from datagen_nb.core.errors import InputError
from datagen_nb.synth.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredModel(Model):
    """What was declared of a table.

    ``rows``, those that it was fitted to, is 0.

    Attributes:
        declared: The declaration, as JSON.
        block: So many rows are drawn together, whatever part asks for them. Entities of keys do
            not go from one block into the next.
    """

    declared: str
    block: int

    @property
    def declaration(self) -> Declaration:
        """What was declared."""
        return read(json.loads(self.declared))

    def part_rows(self, rows: int) -> int:
        scarcest = self.declaration.scarcest
        most = None if scarcest is None else scarcest.values
        if scarcest is not None and most is not None and rows > most:
            raise InputError(
                f"{rows:,} rows cannot be made: the column {scarcest.name!r} of the schema, in "
                f"which no value repeats, has {most:,} values. Ask for fewer rows, or declare "
                "more values.",
                code="too_few_values",
                details={"column": scarcest.name, "values": most, "retryHelps": False},
            )
        return 1

    def generate(self, index: int, rows: int, *, offset: int) -> pa.Table:
        del index  # blocks have their own
        first, last = offset // self.block, (offset + rows - 1) // self.block
        pieces = []
        for number in range(first, last + 1):
            start = number * self.block
            made = Model.generate(self, number, self.block, offset=start)
            begin, end = max(offset - start, 0), min(offset + rows - start, self.block)
            pieces.append(made.slice(begin, end - begin))
        return pa.concat_tables(pieces)
