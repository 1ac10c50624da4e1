"""The result of a job as a table: fetched part by part, whole only when asked for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from datagen_nb.core.config import FORMATS, format_of
from datagen_nb.core.errors import ConfigurationError, Problem, ProtocolError
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.ports import Jobs
from datagen_nb.core.result import Manifest, Part, Report

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class AsyncDataset:
    """The rows a job made.

    Parts are fetched when first needed and kept in a temporary directory that goes with this
    object; each is checked against its digest.
    """

    def __init__(self, jobs: Jobs, manifest: Manifest) -> None:
        self._jobs = jobs
        self._manifest = manifest
        self._cache = Path(tempfile.mkdtemp(prefix="datagen-"))
        weakref.finalize(self, shutil.rmtree, self._cache, ignore_errors=True)
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
        return self._manifest.job_id

    @property
    def num_rows(self) -> int:
        return self._manifest.rows

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self._manifest.size

    @property
    def format(self) -> str:
        return self._manifest.format

    @property
    def parts(self) -> Sequence[Part]:
        return self._manifest.parts

    @property
    def output_path(self) -> str | None:
        """Where the one assembled file lies, if ``output=`` asked for one."""
        return self._manifest.output_path

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        import pyarrow as pa

        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self._manifest.arrow_schema)))

    async def read(self, start: int, stop: int) -> pa.Table:
        """Rows ``start`` to ``stop``, clamped to those there are; fetches only their parts."""
        import pyarrow as pa

        start, stop = max(start, 0), min(stop, self.num_rows)
        pieces = []
        while start < stop:
            index = bisect_right(self._ends, start)
            first = self._ends[index] - self.parts[index].rows
            end = min(stop, self._ends[index])
            table = await self._part_table(index)
            pieces.append(table.slice(start - first, end - start))
            start = end
        return pa.concat_tables(pieces) if pieces else self.schema.empty_table()

    async def head(self, n: int = 5) -> pd.DataFrame:
        """The first ``n`` rows."""
        return cast("pd.DataFrame", (await self.read(0, n)).to_pandas())

    async def to_arrow(self) -> pa.Table:
        """All rows, in memory."""
        return await self.read(0, self.num_rows)

    async def to_pandas(self) -> pd.DataFrame:
        """All rows, in memory."""
        table = await self.to_arrow()
        return cast("pd.DataFrame", await asyncio.to_thread(table.to_pandas))

    async def iter_batches(self) -> AsyncGenerator[pa.RecordBatch]:
        """All rows, one part in memory at a time."""
        for index in range(len(self.parts)):
            for batch in (await self._part_table(index)).to_batches():
                yield batch

    async def download(self, path: str | os.PathLike[str], *, format: str | None = None) -> Path:
        """Write all rows into one file, whole or not at all.

        Args:
            path: Where to; an existing file is replaced.
            format: ``csv``, ``json``, ``jsonl`` or ``parquet``; by default what the path's
                ending says, else the result's own.

        Raises:
            OutputError: The file cannot be written, or the disk is full.
        """
        target = Path(os.path.abspath(os.path.expanduser(path)))
        format = format or format_of(target.name) or self.format
        if format not in FORMATS:
            choices = ", ".join(FORMATS)
            problem = Problem(
                "format", repr(format), f"has to be one of {choices}", f"Write one of {choices}."
            )
            raise ConfigurationError([problem])
        paths = [await self._fetch(index) for index in range(len(self.parts))]
        await asyncio.to_thread(self._assemble, paths, format, target)
        return target

    async def report(self) -> Report:
        """Fidelity and memorisation."""
        if self._report is None:
            self._report = await self._jobs.report(self.job_id)
        return self._report

    def _assemble(self, paths: Sequence[Path], format: str, target: Path) -> None:
        from datagen_nb.buckets.local import LocalFiles
        from datagen_nb.tables.formats import assemble

        with LocalFiles().writer(str(target)) as file:
            assemble(self._as_format(paths, format), format, file)

    def _as_format(self, paths: Sequence[Path], format: str) -> Iterator[BinaryIO]:
        from datagen_nb.tables.formats import read_part, write_part

        for path in paths:
            with path.open("rb") as file:
                if format == self.format:
                    yield file
                    continue
                with tempfile.TemporaryFile(dir=self._cache) as converted:
                    write_part(read_part(file, self.format, self.schema), format, converted)
                    converted.seek(0)
                    yield converted

    async def _part_table(self, index: int) -> pa.Table:
        path = await self._fetch(index)
        return await asyncio.to_thread(_read, path, self.format, self.schema)

    async def _fetch(self, index: int) -> Path:
        part = self.parts[index]
        path = self._cache / f"{index:05d}"
        async with self._fetching:
            if not path.exists():
                await self._download_part(index, part, path)
        return path

    async def _download_part(self, index: int, part: Part, path: Path) -> None:
        digest = hashlib.sha256()
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            async for chunk in self._jobs.read_part(self.job_id, index):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != part.sha256:
            raise ProtocolError(
                f"Part {index} of job {self.job_id} arrived damaged: its digest differs from "
                "the manifest's. Ask again; if it stays so, rerun the job.",
                code="part_damaged",
                details={"jobId": self.job_id, "part": part.name},
            )
        partial.replace(path)


def _read(path: Path, format: str, schema: pa.Schema) -> pa.Table:
    from datagen_nb.tables.formats import read_part

    with path.open("rb") as file:
        return read_part(file, format, schema)
