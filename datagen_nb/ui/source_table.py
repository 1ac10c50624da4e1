"""The table that a wizard's draft trains on: where it is, what it holds, what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from datagen_nb.client.parameters import from_wire
from datagen_nb.core.cloud_paths import is_cloud
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.places import DEFAULT_BUCKET, LOCAL_FILES, short
from datagen_nb.core.quoting import python
from datagen_nb.ui.draft import SelectedSource
from datagen_nb.ui.snapshots import WizardTable

if TYPE_CHECKING:
    from datagen_nb.client.async_client import AsyncClient
    from datagen_nb.client.inputs import Source

COLUMNS_A_PAGE = 100
COMPARED_ROWS = 5
MAX_NAME_LENGTH = 1_000
MAX_CELL_LENGTH = 80

TABLE = ("inputBucket", "inputPath", "inputFormat")
HOW_TO_READ = ("encoding", "delimiter", "quote", "header", "badLines")


class SourceTable:
    """The table of one draft; lives on the client's loop.

    Attributes:
        inspection: What was found, once it was inspected.
        inspecting: The label of the table that is being inspected, or empty.
        trouble: Why it could not be inspected.
        revision: Counts the inspections: a page of columns belongs to one of them.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._chosen: dict[tuple[str, str], SelectedSource] = {}
        self.inspection: Inspection | None = None
        self.inspecting = ""
        self.trouble = ""
        self.revision = 0

    async def place(
        self, source: Source, name: str, parameters: Mapping[str, Any]
    ) -> tuple[JobConfiguration, SelectedSource]:
        """Bring a table to where the service can read it; ``name`` is a frame's in the notebook."""
        if not isinstance(source, str | Path):
            placed = await self._client.configure(source, rows=1)
            return placed, SelectedSource(
                name or None, "table", name or "a frame", placed.input_format
            )
        reading = {key: value for key, value in parameters.items() if key in HOW_TO_READ}
        placed = await self._client.configure(source, rows=1, parameters=from_wire(reading))
        is_file = placed.input_bucket == LOCAL_FILES
        label = short(placed.input_bucket, placed.input_path) if is_file else str(source)
        return placed, SelectedSource(python(label), placed.name, label, placed.input_format)

    def remember(self, placed: JobConfiguration, selected: SelectedSource) -> None:
        """Know a table by where it is."""
        self._chosen[placed.input_bucket, placed.input_path] = selected

    def choice(self, fields: Mapping[str, Any]) -> SelectedSource:
        """What is known of a draft's table; of one that came with a configuration, its path."""
        bucket = fields.get("inputBucket", DEFAULT_BUCKET)
        path = str(fields.get("inputPath", ""))
        if (bucket, path) in self._chosen:
            return self._chosen[bucket, path]
        label = short(bucket, path)
        expression = python(label) if bucket == LOCAL_FILES or is_cloud(bucket) else None
        return SelectedSource(
            expression, PurePath(path).stem, label, str(fields.get("inputFormat", ""))
        )

    async def inspect(self, fields: Mapping[str, Any]) -> None:
        """Inspect a draft's table again."""
        parameters = fields.get("parameters", {})
        reading = {name: parameters[name] for name in HOW_TO_READ if name in parameters}
        table = {name: fields[name] for name in TABLE if name in fields}
        rest = {"dataSize": 1, "outputFormat": "csv", "parameters": reading}
        try:
            config = JobConfiguration.model_validate({**table, **rest})
            self.inspection = await self._client.inspect(config)
        except DatagenError as error:
            self.trouble = str(error)
        finally:
            self.inspecting = ""
            self.revision += 1

    def reset(self, label: str) -> None:
        """An inspection begins: what the one before found no longer holds."""
        self.inspection, self.trouble, self.inspecting = None, "", label

    def facts(self, label: str) -> WizardTable:
        """What the browser shows of the table as a whole."""
        found = self.inspection
        if found is None:
            return WizardTable(label=label)
        return WizardTable(
            label=label,
            rows=found.rows,
            exact=found.exact,
            looked_at=found.looked_at,
            size=found.size,
            columns=len(found.columns),
            notes=tuple(note[:400] for note in found.notes[:10]),
        )

    def page(self, start: int, search: str, kinds: Mapping[str, str]) -> dict[str, Any]:
        """Some of the columns whose names have ``search`` in them, and how many there are."""
        found = self.inspection.columns if self.inspection else ()
        wanted = search.casefold()
        matching = [one for one in found if wanted in one.name.casefold()]
        columns = [
            {**one.to_wire(), "chosen": kinds.get(one.name)}
            for one in matching[start : start + COLUMNS_A_PAGE]
        ]
        for column in columns:
            column["label"] = column["name"][:MAX_NAME_LENGTH]
        return {"count": len(matching), "columns": columns}

    def beside(self, names: Sequence[str]) -> list[list[Any]]:
        """The table's own first rows, of these columns; none when it has none of them."""
        found = self.inspection
        if found is None or not found.sample:
            return []
        sampled = found.columns[: len(found.sample[0])]
        places = {column.name: at for at, column in enumerate(sampled)}
        if not any(name in places for name in names):
            return []
        return [
            [cell(row[places[name]]) if name in places else None for name in names]
            for row in found.sample[:COMPARED_ROWS]
        ]


def how_read(fields: Mapping[str, Any], wrong: AbstractSet[str]) -> tuple[Any, ...] | None:
    """What an inspection of a draft's table depends on.

    Args:
        fields: The draft.
        wrong: Fields of it that break a rule.

    Returns:
        ``None`` without a table, or while one of these fields is wrong.
    """
    needed = {*TABLE, *(f"parameters.{name}" for name in HOW_TO_READ)}
    if not fields.get("inputPath") or needed & wrong:
        return None
    parameters = fields.get("parameters", {})
    return (
        *(fields.get(name) for name in TABLE),
        *(parameters.get(name) for name in HOW_TO_READ),
    )


def cell(value: Any) -> Any:
    """A value of a preview, short enough to be looked at."""
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return f"{text[:MAX_CELL_LENGTH]}…" if len(text) > MAX_CELL_LENGTH else text
