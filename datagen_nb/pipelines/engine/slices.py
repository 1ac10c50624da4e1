"""The task of a job on several tables: a slice, a function of its number that any process can run.

What a slice has is kept beside its parts; a slice of which it is there is finished.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from typing import Any

import pyarrow as pa

from datagen_nb.core.errors import OutputError
from datagen_nb.core.manifest import Part
from datagen_nb.pipelines.engine.tasks import unusable
from datagen_nb.pipelines.engine.workspace import Workspace
from datagen_nb.synth.relational import Division, RelationalModel
from datagen_nb.tables.formats import write_part

MODEL = "model-of-tables"
"""Name under which a workspace keeps the model of all tables."""

Parts = Mapping[str, tuple[Part, ...]]
"""By table; of a table without rows there is one in the first slice alone."""


@dataclass(frozen=True, slots=True)
class Slices:
    """All slices of a result, numbered from the first root to the last."""

    divisions: Mapping[str, Division]

    @property
    def count(self) -> int:
        return sum(division.count for division in self.divisions.values())

    def of(self, number: int) -> tuple[str, int]:
        """The root of a slice, and its number in it."""
        for root, division in self.divisions.items():
            if number < division.count:
                return root, number
            number -= division.count
        raise IndexError(number)

    def first(self, share: float, model: RelationalModel) -> list[int]:
        """Slices of about a share of each root, with all that their rows refer to."""
        counts = {root: division.count for root, division in self.divisions.items()}
        chosen = {root: max(round(count * share), 1) for root, count in counts.items()}
        changed = True
        while changed:
            changed = False
            for key in model.keys:
                own, other = model.root_of(key.table), model.root_of(key.parent)
                if own == other:
                    continue
                last = chosen[own] - 1
                place = last * counts[other] // counts[own]
                end = max(chosen[own] * counts[other] // counts[own], place + 1)
                if end > chosen[other]:
                    chosen[other], changed = end, True
        begins = [0, *accumulate(counts.values())]
        return [
            begin + index
            for begin, root in zip(begins, counts, strict=False)
            for index in range(chosen[root])
        ]


@dataclass(frozen=True, slots=True)
class SliceResult:
    """What a task says of one slice.

    Attributes:
        number: Of the slice.
        parts: Of each of its tables.
        was_there: Whether an earlier attempt had finished it.
    """

    number: int
    parts: Parts
    was_there: bool


@dataclass(frozen=True)
class WriteSlice:
    """Makes one slice and publishes a part of each of its tables, unless it is finished.

    Attributes:
        workspace: Of the job.
        slices: Of the result.
        schemas: Of each table, with the form that it is written in.
        model: What makes them; ``None`` to read it from the workspace.
    """

    workspace: Workspace
    slices: Slices
    schemas: Mapping[str, pa.Schema]
    model: RelationalModel | None = None

    def __call__(self, number: int) -> SliceResult:
        done = f"slice-{number:05d}.json"
        if (data := self.workspace.load(done)) is not None:
            kept = {
                name: tuple(Part.model_validate(part) for part in parts)
                for name, parts in json.loads(data).items()
            }
            return SliceResult(number, kept, was_there=True)
        root, index = self.slices.of(number)
        places = {name: place for place, name in enumerate(self.schemas)}
        parts: dict[str, tuple[Part, ...]] = {}
        for name, made in self._model.generate(root, index, self.slices.divisions).items():
            if not made.num_rows and index:
                continue
            table = pa.Table.from_arrays(made.columns, schema=self.schemas[name])
            write = partial(write_part, table, self.workspace.format)
            part = self.workspace.write_part(index, table.num_rows, write, table=places[name])
            parts[name] = (part,)
        self.workspace.save(
            done,
            json.dumps(
                {name: [part.to_wire() for part in own] for name, own in parts.items()}
            ).encode(),
        )
        return SliceResult(number, parts, was_there=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the model out: every process reads it once."""
        return WriteSlice, (self.workspace, self.slices, self.schemas, None)

    @cached_property
    def _model(self) -> RelationalModel:
        if self.model is not None:
            return self.model
        data = self.workspace.load(MODEL)
        if data is None:
            self.workspace.check()
            raise OutputError("The job's model is gone from its bucket. Run the job again.")
        return taken_up(data)


def taken_up(data: bytes) -> RelationalModel:
    """A model of several tables that an attempt has kept.

    Raises:
        OutputError: An attempt of another version of the package has.
    """
    try:
        return RelationalModel.from_bytes(data)
    except ValueError as error:
        raise unusable("model", error) from error
