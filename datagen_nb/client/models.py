"""Fitted models: that of a completed job, and one in a file, which makes rows without a service."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from datagen_nb.client.fetching import fetch
from datagen_nb.core.config_rules import MAX_ROWS, MAX_SEED
from datagen_nb.core.errors import ArgumentError, ProtocolError
from datagen_nb.core.lease import Connected
from datagen_nb.core.output_errors import output_exists
from datagen_nb.core.ports import Jobs
from datagen_nb.core.result import kept_model
from datagen_nb.core.summary import Summarized, Summary, Table, count

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from datagen_nb.synth.model import Model as FittedModel

MAX_BYTES = 1 << 30
"""Largest file of a model that is loaded."""


class AsyncJobModel(Connected):
    """The model that a job fitted, kept with the job and deleted with it.

    It holds values of the table that it was fitted to, as categories and ranges of numbers: give
    it to those who may know them.

    Example:
        ```python
        await job.model.download("customers.model")
        ```
    """

    instead_of_pickling = "Download it, and load the file where it is used."

    def __init__(self, service: Jobs, job_id: str) -> None:
        self._service = service
        self._job_id = job_id

    def __repr__(self) -> str:
        return f"<Model of job {self._job_id}>"

    @property
    def job_id(self) -> str:
        """The job that keeps it."""
        return self._job_id

    async def download(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
        """Write the model into a file, whole or not at all; ``dg.load_model`` reads it.

        Args:
            path: Where to.
            overwrite: Whether a file that is there is replaced.

        Raises:
            ResultNotReady: The job has not completed.
            NotFound: The job keeps no model (``model_not_kept``): a mock pipeline ran it, or an
                older version.
            OutputError: There is a file already (``output_exists``) and ``overwrite`` is False,
                or it cannot be written.

        Example:
            ```python
            await job.model.download("customers.model")
            ```
        """
        target = Path(os.path.abspath(os.path.expanduser(path)))
        if not overwrite and await asyncio.to_thread(os.path.lexists, target):
            raise output_exists(str(target))
        found = kept_model(await self._service.manifest(self._job_id))
        with await asyncio.to_thread(tempfile.TemporaryFile) as fetched:
            digest = await fetch(self._service.read_model(self._job_id), fetched)
            if digest != found.sha256:
                raise ProtocolError(
                    f"The model of job {self._job_id} arrived damaged: its digest differs from "
                    "the manifest's. Ask again; if it stays so, rerun the job.",
                    code="model_damaged",
                    details={"jobId": self._job_id},
                )
            await asyncio.to_thread(_publish, fetched, target, overwrite=overwrite)
        return target


def _publish(fetched: BinaryIO, target: Path, *, overwrite: bool) -> None:
    from datagen_nb.files import write_atomically

    fetched.seek(0)
    with write_atomically(target, overwrite=overwrite) as file:
        shutil.copyfileobj(fetched, file)


def load_model(path: str | os.PathLike[str]) -> Model:
    """Load a model from the file that ``job.model.download`` wrote.

    The file holds arrays and JSON, nothing that could run. One that is broken is refused, in no
    more memory than its size explains.

    Args:
        path: The file.

    Raises:
        InputError: It is not there (``input_not_found``), no model or a broken one
            (``model_damaged``), or of another version (``model_other_version``).

    Example:
        ```python
        model = dg.load_model("customers.model")
        model.sample(1_000)
        ```
    """
    from datagen_nb.synth import packing
    from datagen_nb.synth.model import Model as FittedModel
    from datagen_nb.tables.input_errors import input_error
    from datagen_nb.tables.sniff import open_file

    source = Path(path).expanduser()
    with open_file(source) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        limit = f"is larger than {MAX_BYTES >> 30} GiB, more than a model has"
        raise input_error("model_damaged", str(source), limit, "Name the file of a model.")
    try:
        model = Model(FittedModel.from_bytes(data), name=source.name)
        model._repr_html_()
        model.sample_arrow(1)
    except packing.OtherFormat as error:
        raise input_error(
            "model_other_version",
            str(source),
            f"was written by version {error.version} of datagen_nb, which keeps models otherwise",
            "Load it with that version, or fit the model again.",
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # what a file holds may fail anywhere
        why = f"is no model that can be used: {error}"
        raise input_error("model_damaged", str(source), why, "Download it again.") from error
    return model


class Model(Summarized):
    """A fitted model, loaded from a file: makes rows in this process, without a service.

    As the last line of a cell it shows what was fitted.

    Example:
        ```python
        model = dg.load_model("customers.model")
        model.sample(1_000, seed=7)
        ```
    """

    def __init__(self, fitted: FittedModel, *, name: str) -> None:
        self._fitted = fitted
        self._name = name

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        from datagen_nb.tables.forms import presented

        schema: pa.Schema = presented(self._fitted.schema.empty_table()).schema
        return schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kind of each column, as ``numeric``; of nested columns, of each one inside."""
        return dict(self._fitted.kinds)

    @property
    def relations(self) -> Sequence[str]:
        """The rules between columns that the rows keep, as ``total = quantity * price``."""
        return [relation.sentence for relation in self._fitted.relations]

    @property
    def warnings(self) -> Sequence[str]:
        """What the fit left out or replaced, in sentences."""
        return list(self._fitted.warnings)

    @property
    def rows_fitted(self) -> int:
        """How many rows of the table it was fitted to; 0 if its columns were declared."""
        return self._fitted.rows

    @property
    def seed(self) -> int:
        """The seed of the job."""
        return self._fitted.seed

    def sample(self, rows: int, *, seed: int | None = None) -> pd.DataFrame:
        """Make rows, as a pandas DataFrame.

        Args:
            rows: How many, from 1.
            seed: Another seed gives other rows, the same seed the same ones; by default the job's,
                which gives the job's rows.

        Raises:
            ArgumentError: There cannot be so many rows, or there is no such seed.
            InputError: The model cannot make rows (``model_damaged``), or pandas cannot hold a
                column; ``sample_arrow`` gives it.

        Example:
            ```python
            frame = model.sample(1_000, seed=7)
            ```
        """
        from datagen_nb.tables.frames import to_pandas

        return to_pandas(self.sample_arrow(rows, seed=seed))

    def sample_arrow(self, rows: int, *, seed: int | None = None) -> pa.Table:
        """Make rows, as a pyarrow Table.

        Args:
            rows: As for ``sample``, and so is the other.
            seed: Another seed gives other rows.

        Raises:
            ArgumentError: There cannot be so many rows, or there is no such seed.
            InputError: The model cannot make rows (``model_damaged``).

        Example:
            ```python
            table = model.sample_arrow(1_000)
            ```
        """
        check_whole("rows", rows, 1, MAX_ROWS)
        fitted = self._fitted
        if seed is not None:
            check_whole("seed", seed, 0, MAX_SEED)
            fitted = replace(fitted, seed=seed)
        try:
            return rows_of(fitted, rows)
        except MemoryError:
            raise
        except Exception as error:  # more rows may meet what the first did not
            from datagen_nb.tables.input_errors import input_error

            raise input_error(
                "model_damaged",
                self._name,
                f"cannot make rows: {type(error).__name__}: {error}",
                "Download it again, or fit the model again.",
            ) from error

    def _summary(self) -> Summary:
        relations, kinds = self.relations, self.kinds
        origin = f"fitted to {count(self.rows_fitted, 'row')}" if self.rows_fitted else "declared"
        line = f"{count(len(kinds), 'column')}, {origin}"
        facts = [("Make rows", "model.sample(1_000)")]
        if relations:
            facts.insert(0, ("Relations", "; ".join(relations)))
        if self._fitted.privacy:
            facts.insert(0, ("Privacy", self._fitted.privacy))
        types = {field.name: str(field.type) for field in self._fitted.schema}
        rows = [(name, kind, types.get(name, "")) for name, kind in kinds.items()]
        table = Table(("column", "kind", "type"), rows, numbers=(False, False, False))
        return Summary("Model", line, facts, table, self.warnings)


def rows_of(fitted: FittedModel, rows: int) -> pa.Table:
    """Rows in parts, as a job makes them."""
    import pyarrow as pa

    from datagen_nb.pipelines.engine.workspace import usual_part_rows
    from datagen_nb.tables.forms import presented

    each = max(usual_part_rows(len(fitted.schema)), fitted.part_rows(rows))
    parts = [
        fitted.generate(index, min(each, rows - start), offset=start)
        for index, start in enumerate(range(0, rows, each))
    ]
    return presented(pa.concat_tables(parts))


def check_whole(name: str, value: int, least: int, most: int) -> None:
    """Look whether an argument is a whole number between two bounds.

    Raises:
        ArgumentError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ArgumentError(
            f"{name} = {value!r} has to be a whole number from {least} to {most:,}. "
            "Give one, as 1_000."
        )
