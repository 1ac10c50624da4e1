"""Models from the command line: model takes that of a job, sample makes rows by one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from datagen_nb.cli.jobs import add_job, find_job
from datagen_nb.cli.options import Commands, add_selection, number, selected
from datagen_nb.cli.output import print_json
from datagen_nb.cli.results import follow
from datagen_nb.core.formats import format_of

if TYPE_CHECKING:
    from datagen_nb.client.async_client import AsyncClient


def add_commands(commands: Commands) -> None:
    """Add the commands of models."""
    model = commands.add_for_client("model", _model, "Wait for a job and take its model.")
    add_job(model)
    model.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="file to write it to, as a.model"
    )
    model.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    model.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")

    sample = commands.add_without_service(
        "sample", _sample, "Make rows by a model in a file, without a service."
    )
    sample.add_argument("model", metavar="MODEL", help="file that `datagen-nb model` wrote")
    sample.add_argument("--rows", type=number, required=True, metavar="N", help="rows to make")
    sample.add_argument("-o", "--output", required=True, metavar="OUT", help="file to write")
    sample.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    sample.add_argument("--format", metavar="F", help="csv, json, jsonl or parquet")
    sample.add_argument("--seed", type=number, metavar="S", help="same seed, same rows")
    add_selection(sample)
    sample.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


async def _model(options: argparse.Namespace, client: AsyncClient) -> int:
    job = await find_job(options.job, client)
    await follow(job, quiet=options.quiet)
    path = await job.model.download(options.output, overwrite=options.overwrite)
    size = path.stat().st_size
    if options.json:
        print_json({"jobId": job.id, "size": size, "output": str(path)})
    elif not options.quiet:
        print(f"The model of job {job.id} in {path} ({size:,} bytes)")
    return 0


def _sample(options: argparse.Namespace) -> int:
    from datagen_nb.client.loaded_model import load_model
    from datagen_nb.terminal import ShareProgress

    model = load_model(options.model)
    progress = ShareProgress(is_quiet=options.quiet)
    try:
        path = model.write(
            options.output,
            options.rows,
            seed=options.seed,
            **selected(options),
            format=options.format,
            overwrite=options.overwrite,
            on_progress=progress.show,
        )
    finally:
        progress.end()
    size = path.stat().st_size
    if options.json:
        print_json(
            {
                "rows": options.rows,
                "columns": model.columns,
                "format": options.format or format_of(path.name),
                "size": size,
                "output": str(path),
            }
        )
    elif not options.quiet:
        print(f"{options.rows:,} rows in {path} ({size:,} bytes)")
    return 0
