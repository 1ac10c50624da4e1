"""The model of a completed job, kept with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from datagen_nb.client.fetching import fetch
from datagen_nb.core.errors import ProtocolError
from datagen_nb.core.lease import Connected
from datagen_nb.core.manifest import kept_model
from datagen_nb.core.output_errors import output_exists
from datagen_nb.core.ports import Jobs


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

    async def size(self) -> int | None:
        """Bytes of the file; ``None`` if the job keeps no model, as one of a mock pipeline.

        Raises:
            ResultNotReady: The job has not completed.

        Example:
            ```python
            await job.model.size()
            ```
        """
        kept = (await self._service.manifest(self._job_id)).model
        return None if kept is None else kept.size

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
