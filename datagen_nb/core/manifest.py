"""The manifest of a result: its parts, its tables, and the model that made it."""

from __future__ import annotations

from datagen_nb.core.errors import NotFound
from datagen_nb.core.wire_model import WireModel


class Part(WireModel):
    """A part of a result: one object in the bucket.

    Args:
        name: Its path in the customer's bucket.
        rows: Number of rows.
        size: Size in bytes.
        sha256: SHA-256 of its bytes, in hex.
    """

    name: str
    rows: int
    size: int
    sha256: str


class ModelFile(WireModel):
    """The model that a result was made from: one object in the bucket.

    Args:
        name: Its path in the customer's bucket.
        size: Size in bytes.
        sha256: SHA-256 of its bytes, in hex.
    """

    name: str
    size: int
    sha256: str


class TableParts(WireModel):
    """One of several tables of a result.

    Args:
        name: Of the table.
        rows: Rows of all of its parts.
        parts: How many parts of the result are its own; they follow those of the table before.
        arrow_schema: The Arrow schema of its rows: base64 of its IPC message.
    """

    name: str
    rows: int
    parts: int
    arrow_schema: str


class Manifest(WireModel):
    """The list of a result's parts; written once, when the result is complete.

    Args:
        job_id: The job.
        format: Format of all parts.
        rows: Rows of all parts.
        size: Bytes of all parts.
        parts: The parts in the order of their rows.
        arrow_schema: The Arrow schema of the rows: base64 of its IPC message; empty for several
            tables, of which each has its own.
        tables: The tables of a result of several, in the order of their parts.
        output_path: Path of the assembled file, if one was requested.
        model: The model that made the rows; absent if the pipeline keeps none.
    """

    job_id: str
    format: str
    rows: int
    size: int
    parts: tuple[Part, ...]
    arrow_schema: str
    tables: tuple[TableParts, ...] = ()
    output_path: str | None = None
    model: ModelFile | None = None

    def of_table(self, name: str) -> Manifest:
        """The manifest of one of several tables; ``name`` is one of them."""
        begin = 0
        for table in self.tables:
            parts = self.parts[begin : begin + table.parts]
            if table.name == name:
                break
            begin += table.parts
        else:
            raise KeyError(name)
        return self.model_copy(
            update={
                "rows": table.rows,
                "size": sum(part.size for part in parts),
                "parts": parts,
                "arrow_schema": table.arrow_schema,
                "tables": (),
            }
        )


def kept_model(manifest: Manifest) -> ModelFile:
    """The model that is kept with a result.

    Raises:
        NotFound: None is.
    """
    if manifest.model is None:
        raise NotFound(
            f"No model is kept with job {manifest.job_id}: its pipeline keeps none, or an older "
            "version of datagen_nb ran it. Run the job again.",
            code="model_not_kept",
            details={"jobId": manifest.job_id},
        )
    return manifest.model
