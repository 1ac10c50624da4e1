"""Opening the input of a job: a file in a bucket, or what another job has made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from datagen_nb.core.buckets import Bucket
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import NotFound
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.places import LOCAL_FILES
from datagen_nb.tables.formats import assemble, schema_from_text
from datagen_nb.tables.input_errors import input_error, missing, not_a_file
from datagen_nb.tables.packed import unpacked


@contextmanager
def opened(config: JobConfiguration, source: Bucket) -> Iterator[BinaryIO]:
    """Open a configuration's input.

    Raises:
        InputError: It is not there, or may not be read.
    """
    if config.input_job is not None:
        with _result(config, config.input_job, source) as joined:
            yield joined
        return
    try:
        file = source.open(config.input_path)
    except NotFound as error:
        if isinstance(error.__cause__, PermissionError):
            raise input_error(
                "input_unreadable",
                config.input_title,
                "may not be read by this user",
                "Change its permissions, or copy it to where you may read it.",
            ) from error
        if error.code == "not_a_file":
            raise not_a_file(config.input_title, error.details["what"]) from error
        is_file = config.input_bucket == LOCAL_FILES
        raise missing(config.input_title, Path(config.input_path) if is_file else None) from error
    with file:
        if not FORMATS[config.input_format].is_text:
            yield file
            return
        with unpacked(file, config.input_title) as plain:
            yield plain


@contextmanager
def _result(config: JobConfiguration, job_id: str, source: Bucket) -> Iterator[BinaryIO]:
    """Open the result of a job as one file; several parts are joined in a temporary one.

    Raises:
        InputError: The job has no result, or not any more.
    """
    try:
        manifest = Manifest.from_wire(source.get(f"jobs/{job_id}/manifest.json"))
        if manifest.tables:
            raise input_error(
                "several_tables",
                config.input_title,
                f"has {len(manifest.tables)} tables",
                "Submit one of them, as job.result()['orders'].to_pandas().",
                jobId=job_id,
            )
        if len(manifest.parts) == 1:
            with source.open(manifest.parts[0].name) as file:
                yield file
            return
        with tempfile.TemporaryFile() as joined:
            schema = schema_from_text(manifest.arrow_schema)
            parts = _parts(manifest, source)
            assemble(parts, manifest.format, cast("BinaryIO", joined), schema=schema)
            joined.seek(0)
            yield cast("BinaryIO", joined)
    except NotFound as error:
        raise input_error(
            "input_not_found",
            config.input_title,
            "is not there",
            "Submit that job again, and this one after it.",
            jobId=job_id,
        ) from error


def _parts(manifest: Manifest, source: Bucket) -> Iterator[BinaryIO]:
    for part in manifest.parts:
        with source.open(part.name) as file:
            yield file
