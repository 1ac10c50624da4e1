"""The rows a job made, in plain calls."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen_nb.core.result import Part
from datagen_nb.dataset import AsyncDataset
from datagen_nb.portal import Portal

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from datagen_nb.sync import Views


class Dataset:
    """The rows a job made; see ``AsyncDataset``."""

    def __init__(self, data: AsyncDataset, portal: Portal, views: Views) -> None:
        self._data = data
        self._portal = portal
        self._views = views

    def __repr__(self) -> str:
        return repr(self._data)

    def __len__(self) -> int:
        return self.num_rows

    @property
    def job_id(self) -> str:
        return self._data.job_id

    @property
    def num_rows(self) -> int:
        return self._data.num_rows

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self._data.size

    @property
    def format(self) -> str:
        return self._data.format

    @property
    def parts(self) -> Sequence[Part]:
        return self._data.parts

    @property
    def output_path(self) -> str | None:
        """See ``AsyncDataset.output_path``."""
        return self._data.output_path

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self._data.schema

    @property
    def report(self) -> Any:
        """Fidelity and memorisation, to read; its fields are those of ``Report``."""
        return self._views.report(self._portal.call(self._data.report()))

    def view(self) -> Any:
        """The rows in a grid."""
        return self._views.grid(self)

    def read(self, start: int, stop: int) -> pa.Table:
        """See ``AsyncDataset.read``."""
        return self._portal.call(self._data.read(start, stop))

    def head(self, n: int = 5) -> pd.DataFrame:
        """See ``AsyncDataset.head``."""
        return self._portal.call(self._data.head(n))

    def to_arrow(self) -> pa.Table:
        """See ``AsyncDataset.to_arrow``."""
        return self._portal.call(self._data.to_arrow())

    def to_pandas(self) -> pd.DataFrame:
        """See ``AsyncDataset.to_pandas``."""
        return self._portal.call(self._data.to_pandas())

    def iter_batches(self) -> Iterator[pa.RecordBatch]:
        """See ``AsyncDataset.iter_batches``."""
        return self._portal.iterate(self._data.iter_batches())

    def download(self, path: str | os.PathLike[str], *, format: str | None = None) -> Path:
        """See ``AsyncDataset.download``."""
        return self._portal.call(self._data.download(path, format=format))
