"""The table that a wizard's draft learns from: where it lies, what it is, how it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES, JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.inspection import Inspection
from datagen_nb.ui.draft import Chosen, python, short

if TYPE_CHECKING:
    from datagen_nb.client import AsyncClient
    from datagen_nb.inputs import Source

COLUMNS_A_PAGE = 100
COMPARED_ROWS = 5
LONGEST_NAME = 1_000
LONGEST_CELL = 80

TABLE = ("inputBucket", "inputPath", "inputFormat")
HOW_TO_READ = ("encoding", "delimiter", "badLines")


class LearningFrom:
    """The table of one draft; lives on the client's loop.

    Attributes:
        inspection: What it is, once it was looked at.
        looking: What is being looked at; empty at rest.
        trouble: Why it could not be looked at.
        revision: Counts the looks, so that a page of columns can be told from an older one.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._chosen: dict[tuple[str, str], Chosen] = {}
        self.inspection: Inspection | None = None
        self.looking = ""
        self.trouble = ""
        self.revision = 0

    async def place(
        self, source: Source, name: str, parameters: Mapping[str, Any]
    ) -> tuple[JobConfiguration, Chosen]:
        """Bring a table to where the service can read it; ``name`` is a frame's in the notebook."""
        if not isinstance(source, str | Path):
            placed = await self._client.configure(source, rows=1)
            return placed, Chosen(name or None, "table", name or "a frame", placed.input_format)
        reading = {key: value for key, value in parameters.items() if key in HOW_TO_READ}
        placed = await self._client.configure(source, rows=1, parameters=reading)
        is_file = placed.input_bucket == LOCAL_FILES
        label = short(placed.input_bucket, placed.input_path) if is_file else str(source)
        return placed, Chosen(python(label), placed.name, label, placed.input_format)

    def remember(self, placed: JobConfiguration, chosen: Chosen) -> None:
        """Know a table by where it lies."""
        self._chosen[placed.input_bucket, placed.input_path] = chosen

    def choice(self, fields: Mapping[str, Any]) -> Chosen:
        """What is known of a draft's table; of one that came with a configuration, its path."""
        bucket = fields.get("inputBucket", DEFAULT_BUCKET)
        path = str(fields.get("inputPath", ""))
        if (bucket, path) in self._chosen:
            return self._chosen[bucket, path]
        said = short(bucket, path)
        expression = python(said) if bucket == LOCAL_FILES else None
        return Chosen(expression, PurePath(path).stem, said, str(fields.get("inputFormat", "")))

    async def look(self, fields: Mapping[str, Any]) -> None:
        """Look at a draft's table anew."""
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
            self.looking = ""
            self.revision += 1

    def forget(self, label: str) -> None:
        """A look begins: what the one before found is nothing any more."""
        self.inspection, self.trouble, self.looking = None, "", label

    def facts(self) -> dict[str, Any]:
        """What the browser is told of the table as a whole."""
        found = self.inspection
        if found is None:
            return {}
        return {
            "rows": found.rows,
            "exact": found.exact,
            "size": found.size,
            "columns": len(found.columns),
            "notes": [note[:400] for note in found.notes[:10]],
        }

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
            column["label"] = column["name"][:LONGEST_NAME]
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


def cell(value: Any) -> Any:
    """A value of a preview, short enough to be looked at."""
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return f"{text[:LONGEST_CELL]}…" if len(text) > LONGEST_CELL else text
