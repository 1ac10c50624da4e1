"""The result of a job as a table: fetched part by part, whole only when asked for."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from datagen_nb.client.fetching import fetch
from datagen_nb.client.misuse import check_not_negative
from datagen_nb.core.cloud_paths import is_cloud
from datagen_nb.core.errors import NotFound, OutputError, ProtocolError
from datagen_nb.core.formats import FORMATS, written_format
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.lease import Connected
from datagen_nb.core.manifest import Manifest, Part
from datagen_nb.core.output_errors import output_exists, output_is_input
from datagen_nb.core.places import LOCAL_FILES, USUAL_MODE
from datagen_nb.core.ports import Jobs
from datagen_nb.core.quoting import did_you_mean
from datagen_nb.core.result import Report
from datagen_nb.tables.frames import to_pandas

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class AsyncDataset(Connected):
    """The rows that a job generated.

    Parts are fetched when first needed and kept in a temporary directory that goes with this
    object; each is checked against its digest.

    Example:
        ```python
        data = await job.result()
        await data.to_pandas()
        ```
    """

    instead_of_pickling = "Take its rows, with to_pandas(), or read them again where they are used."

    def __init__(self, jobs: Jobs, manifest: Manifest, *, first_part: int = 0) -> None:
        self._jobs = jobs
        self._manifest = manifest
        self._first_part = first_part
        self._cache: Path | None = None
        self._fetching = asyncio.Lock()
        self._report: Report | None = None
        self._ends = list(accumulate(part.rows for part in manifest.parts))

    def __repr__(self) -> str:
        names = inert(", ".join(self.schema.names), longest=ONE_LINE)
        return f"<Dataset {self.num_rows:,} rows x {len(self.schema.names)} columns: {names}>"

    def __len__(self) -> int:
        return self.num_rows

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._manifest.job_id

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return self._manifest.rows

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self._manifest.size

    @property
    def format(self) -> str:
        """Format of the parts: ``csv``, ``json``, ``jsonl`` or ``parquet``."""
        return self._manifest.format

    @property
    def parts(self) -> Sequence[Part]:
        """The files that the rows lie in, with their sizes and digests."""
        return self._manifest.parts

    @property
    def output_path(self) -> str | None:
        """Where the one assembled file lies, if ``output=`` asked for one."""
        return self._manifest.output_path

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        from datagen_nb.tables.forms import presented

        schema: pa.Schema = presented(self._stored_schema.empty_table()).schema
        return schema

    @property
    def _stored_schema(self) -> pa.Schema:
        """Of the flat columns that parts are read in, with the form that they are written in."""
        from datagen_nb.tables.formats import schema_from_text

        return schema_from_text(self._manifest.arrow_schema)

    async def read(self, start: int, stop: int) -> pa.Table:
        """Read some rows; fetches only the parts that they lie in.

        Args:
            start: The first row, from 0.
            stop: The row after the last; those behind the end are left out.

        Raises:
            ArgumentError: One is below 0.

        Example:
            ```python
            await data.read(0, 100)
            ```
        """
        check_not_negative("start", start)
        check_not_negative("stop", stop)
        stop = min(stop, self.num_rows)
        pieces = []
        while start < stop:
            index = bisect_right(self._ends, start)
            first = self._ends[index] - self.parts[index].rows
            end = min(stop, self._ends[index])
            table = await self._part_table(index)
            pieces.append(table.slice(start - first, end - start))
            start = end
        import pyarrow as pa  # loaded by now, in a thread

        return pa.concat_tables(pieces) if pieces else self.schema.empty_table()

    async def head(self, n: int = 5) -> pd.DataFrame:
        """Read the first rows.

        Args:
            n: How many; fewer where there are no more.

        Raises:
            ArgumentError: ``n`` is below 0.

        Example:
            ```python
            await data.head()
            ```
        """
        check_not_negative("n", n)
        table = await self.read(0, n)
        return await asyncio.to_thread(to_pandas, table)

    async def to_arrow(self) -> pa.Table:
        """Read all rows into memory, as a pyarrow Table.

        Example:
            ```python
            table = await data.to_arrow()
            ```
        """
        return await self.read(0, self.num_rows)

    async def to_pandas(self) -> pd.DataFrame:
        """Read all rows into memory, as a pandas DataFrame.

        Raises:
            InputError: pandas cannot hold a column; ``to_arrow`` gives it.

        Example:
            ```python
            frame = await data.to_pandas()
            ```
        """
        return await asyncio.to_thread(to_pandas, await self.to_arrow())

    async def iter_batches(self) -> AsyncGenerator[pa.RecordBatch]:
        """Iterate over all rows in record batches, with one part in memory at a time.

        Example:
            ```python
            async for batch in data.iter_batches():
                print(batch.num_rows)
            ```
        """
        for index in range(len(self.parts)):
            for batch in (await self._part_table(index)).to_batches():
                yield batch

    async def download(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        overwrite: bool = True,
    ) -> Path:
        """Write all rows into one file, whole or not at all.

        A regular file of this name is replaced, as pandas does; anything else there is not.

        Args:
            path: Where to.
            format: ``csv``, ``json``, ``jsonl`` or ``parquet``; by default what the path's
                ending says, else the result's own.
            overwrite: Whether a file that is there is replaced; it hands on its permissions.

        Raises:
            ConfigurationError: The path ends in a format that cannot be written.
            OutputError: There is a file already (``output_exists``) and ``overwrite`` is False,
                it is the job's input (``output_is_input``), the path is not a regular file's, it
                cannot be written, or the disk is full.

        Example:
            ```python
            data.download("synthetic.parquet")
            ```
        """
        target = Path(os.path.abspath(os.path.expanduser(path)))
        format = written_format(target.name, format, self.format)
        if not overwrite and await asyncio.to_thread(os.path.lexists, target):
            raise output_exists(str(target))
        config = await self._jobs.configuration(self.job_id)
        if config.input_bucket == LOCAL_FILES and await asyncio.to_thread(
            _is_same_file, target, config.input_path
        ):
            raise output_is_input(str(target))
        paths = [await self._fetch(index) for index in range(len(self.parts))]
        await asyncio.to_thread(self._assemble, paths, format, target, overwrite=overwrite)
        return target

    async def input_path(self) -> str | None:
        """Where the table lies that the rows were made after.

        Returns:
            A path, or ``gs://…``; ``None`` where only the service can read it.

        Example:
            ```python
            dg.compare(data.input_path(), data)
            ```
        """
        config = await self._jobs.configuration(self.job_id)
        bucket, path = config.input_bucket, config.input_path
        if is_cloud(bucket):
            return f"{bucket}/{path}"
        if bucket == LOCAL_FILES and await asyncio.to_thread(os.path.isfile, path):
            return path
        return None

    async def to_csv(
        self, path: str | os.PathLike[str] | None = None, *, overwrite: bool = True
    ) -> str | None:
        """Write all rows as CSV into a file, or return them as text.

        Args:
            path: The file; without one the text is returned.
            overwrite: Whether a file that is already there is replaced.

        Raises:
            OutputError: The file exists already, or cannot be written.

        Example:
            ```python
            await data.to_csv("synthetic.csv")
            ```
        """
        if path is not None:
            await self.download(path, format="csv", overwrite=overwrite)
            return None
        paths = [await self._fetch(index) for index in range(len(self.parts))]
        return await asyncio.to_thread(self._csv_text, paths)

    def _csv_text(self, paths: Sequence[Path]) -> str:
        from datagen_nb.tables.formats import assemble, csv_text

        text = io.BytesIO()
        parts = self._as_format(paths, "csv", self._stored_schema)
        assemble(parts, "csv", text, schema=self._stored_schema)
        return csv_text(text.getvalue(), self._stored_schema)

    async def report(self) -> Report:
        """Get the report on quality and privacy.

        Example:
            ```python
            report = await data.report()
            ```
        """
        if self._report is None:
            self._report = await self._jobs.report(self.job_id)
        return self._report

    def _assemble(
        self, paths: Sequence[Path], format: str, target: Path, *, overwrite: bool
    ) -> None:
        from datagen_nb.files import write_atomically
        from datagen_nb.tables.dialect import Dialect
        from datagen_nb.tables.formats import assemble

        schema = Dialect.of(self._stored_schema).for_path(target.name).attach(self._stored_schema)
        with write_atomically(target, overwrite=overwrite) as file:
            assemble(self._as_format(paths, format, schema), format, file, schema=schema)

    def _as_format(
        self, paths: Sequence[Path], format: str, schema: pa.Schema
    ) -> Iterator[BinaryIO]:
        from datagen_nb.tables.formats import read_part, write_part

        is_same = format == self.format and schema.equals(self._stored_schema, check_metadata=True)

        for path in paths:
            with path.open("rb") as file:
                if is_same:
                    yield file
                    continue
                with tempfile.TemporaryFile(dir=self._cache) as converted:
                    rows = read_part(file, self.format, self._stored_schema).cast(schema)
                    write_part(rows, format, converted)
                    converted.seek(0)
                    yield converted

    async def _part_table(self, index: int) -> pa.Table:
        path = await self._fetch(index)
        return await asyncio.to_thread(_read, path, self.format, self._stored_schema)

    async def _fetch(self, index: int) -> Path:
        part = self.parts[index]
        async with self._fetching:
            if self._cache is None:
                self._cache = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="datagen-"))
                weakref.finalize(self, _remove, self._cache, os.getpid())
            path = self._cache / f"{index:05d}"
            if not await asyncio.to_thread(path.exists):
                await self._download_part(index, part, path)
        return path

    async def _download_part(self, index: int, part: Part, path: Path) -> None:
        partial = path.with_suffix(".partial")
        with await asyncio.to_thread(partial.open, "wb") as file:
            digest = await fetch(self._jobs.read_part(self.job_id, self._first_part + index), file)
        if digest != part.sha256:
            raise ProtocolError(
                f"Part {self._first_part + index} of job {self.job_id} arrived damaged: "
                "its digest differs from the manifest's. Ask again; if it stays so, rerun the job.",
                code="part_damaged",
                details={"jobId": self.job_id, "part": part.name},
            )
        await asyncio.to_thread(partial.replace, path)


class AsyncDatasets(Connected):
    """The tables that a job on several tables generated, by name.

    Example:
        ```python
        data = await job.result()
        orders = await data["orders"].to_pandas()
        ```
    """

    instead_of_pickling = AsyncDataset.instead_of_pickling

    def __init__(self, jobs: Jobs, manifest: Manifest) -> None:
        self._jobs = jobs
        self._manifest = manifest
        self._found: dict[str, AsyncDataset] = {}
        first = 0
        for table in manifest.tables:
            own = manifest.of_table(table.name)
            self._found[table.name] = AsyncDataset(jobs, own, first_part=first)
            first += table.parts

    def __repr__(self) -> str:
        tables = ", ".join(f"{name} {one.num_rows:,} rows" for name, one in self._found.items())
        return f"<Datasets {inert(tables, longest=ONE_LINE)}>"

    def __getitem__(self, name: str) -> AsyncDataset:
        """The rows of one table.

        Raises:
            NotFound: There is no such table.
        """
        if name not in self._found:
            raise NotFound(
                f"There is no table {name!r} in the result. {did_you_mean(name, self._found)}"
            )
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._manifest.job_id

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(self._found)

    @property
    def num_rows(self) -> int:
        """Rows of all tables."""
        return self._manifest.rows

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self._manifest.size

    @property
    def format(self) -> str:
        """Format of the parts: ``csv``, ``json``, ``jsonl`` or ``parquet``."""
        return self._manifest.format

    async def to_pandas(self) -> dict[str, pd.DataFrame]:
        """Read all tables into memory, each as a pandas DataFrame.

        Example:
            ```python
            frames = await data.to_pandas()
            ```
        """
        return {name: await one.to_pandas() for name, one in self._found.items()}

    async def download(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        overwrite: bool = True,
    ) -> Path:
        """Write each table into a file of its name in a folder, which is made if needed.

        Args:
            path: The folder.
            format: ``csv``, ``json``, ``jsonl`` or ``parquet``; by default the result's own.
            overwrite: Whether files that are there are replaced.

        Raises:
            ConfigurationError: There is no such format.
            OutputError: A file cannot be written, or is there and ``overwrite`` is False.

        Example:
            ```python
            data.download("synthetic", format="csv")
            ```
        """
        folder = Path(os.path.abspath(os.path.expanduser(path)))
        format = written_format("", format, self.format)
        try:
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The folder {folder} cannot be made: {error.strerror}. Choose another.",
                details={"path": str(folder)},
            ) from error
        for name, one in self._found.items():
            target = folder / f"{name}{FORMATS[format].endings[0]}"
            await one.download(target, format=format, overwrite=overwrite)
        return folder

    async def report(self) -> Report:
        """Get the report on all tables.

        Example:
            ```python
            report = await data.report()
            ```
        """
        return await self._jobs.report(self.job_id)


def new_file_mode() -> int:
    """Permission bits that a file which this process makes would get."""
    # Asking the system for the umask means setting it, for every thread.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return 0o666 & ~int(line.split()[1], 8)
    return USUAL_MODE


def _remove(cache: Path, process: int) -> None:
    """Remove what a dataset has fetched; not from a process that was forked meanwhile."""
    if os.getpid() == process:
        shutil.rmtree(cache, ignore_errors=True)


def _is_same_file(one: Path, other: str) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there, so neither replaces the other
        return False


def _read(path: Path, format: str, schema: pa.Schema) -> pa.Table:
    from datagen_nb.tables.formats import read_part
    from datagen_nb.tables.forms import presented

    with path.open("rb") as file:
        return presented(read_part(file, format, schema))
