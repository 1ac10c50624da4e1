"""Following a job in a terminal, and printing what came of it."""

from __future__ import annotations

import argparse
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb.cli.output import print_json
from datagen_nb.core.inert import inert

if TYPE_CHECKING:
    import pandas as pd

    from datagen_nb.client.async_job import AsyncJob
    from datagen_nb.client.dataset import AsyncDataset

FIRST_ROWS = 5


async def follow(job: AsyncJob, *, quiet: bool) -> None:
    """Show the progress of a job until it has ended.

    Raises:
        JobFailed: It failed.
        JobCancelled: It was cancelled.
    """
    from datagen_nb.terminal import Progress

    progress = Progress()
    try:
        async with aclosing(job.updates()) as updates:
            async for status in updates:
                if not quiet:
                    progress.show(status)
    finally:
        if not quiet:
            progress.end()
    await job.wait()


async def print_result(
    job: AsyncJob, output: Path | str | None, options: argparse.Namespace
) -> None:
    """Print what a completed job made: for people, or as JSON where that was asked for.

    Args:
        job: The job.
        output: The file that its rows were written to, if one was; a text if it is not here.
        options: Its ``json`` and ``quiet`` are looked at.
    """
    data = await job
    if options.json:
        print_json(
            {
                "jobId": job.id,
                "rows": data.num_rows,
                "columns": data.schema.names,
                "format": data.format,
                "size": data.size,
                **({} if output is None else {"output": str(output)}),
            }
        )
    elif not options.quiet:
        await _print_summary(job, data, output)


async def _print_summary(job: AsyncJob, data: AsyncDataset, output: Path | str | None) -> None:
    from datagen_nb.terminal import report_lines, stage_times

    size = f" ({output.stat().st_size:,} bytes)" if isinstance(output, Path) else ""
    where = "" if output is None else f" in {output}{size}"
    print(f"{data.num_rows:,} rows{where}\n")
    print(frame_text(await data.head(FIRST_ROWS)), "\n")
    print(report_lines(await data.report()))
    print(f"time       {stage_times(job.status)}")
    for warning in job.status.warnings:
        print(f"warning    {inert(warning)}")


def frame_text(frame: pd.DataFrame) -> str:
    """The rows of a frame as aligned text."""
    return "\n".join(inert(line) for line in frame.to_string(index=False).splitlines())
