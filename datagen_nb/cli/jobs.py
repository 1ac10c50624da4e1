"""Jobs from the command line: jobs, cancel, pause, resume, rerun, logs, result, report."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from datagen_nb.cli.options import Commands, number
from datagen_nb.cli.output import print_json, print_table
from datagen_nb.cli.results import follow, print_result
from datagen_nb.core.errors import JobNotFound
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.status import State
from datagen_nb.core.wire_model import format_instant

if TYPE_CHECKING:
    from datagen_nb.client.async_client import AsyncClient
    from datagen_nb.client.async_job import AsyncJob
    from datagen_nb.core.messages import LogEntry
    from datagen_nb.core.status import JobStatus

LAST = "last"
"""Stands for the id of the newest job."""


def add_commands(commands: Commands) -> None:
    """Add the commands that act on jobs."""
    jobs = commands.add_for_client("jobs", _jobs, "List jobs, the newest first.")
    jobs.add_argument(
        "--status",
        action="append",
        choices=[state.value for state in State],
        help="only jobs in this state; may be given several times",
    )
    jobs.add_argument(
        "--search", default="", metavar="TEXT", help="only jobs with this in name, tags or note"
    )
    jobs.add_argument("--limit", type=int, default=50, metavar="N", help="most to list (50)")

    cancel = commands.add_for_client("cancel", _cancel, "Cancel jobs.")
    which = cancel.add_mutually_exclusive_group(required=True)
    which.add_argument("job", metavar="JOB", nargs="*", default=[], help="ids, or `last`")
    which.add_argument("--all", action="store_true", help="all that have not ended")

    for name, run, help in (
        ("pause", _pause, "Pause a job; its finished parts are kept."),
        ("resume", _resume, "Resume a paused job."),
    ):
        add_job(commands.add_for_client(name, run, help))

    rerun = commands.add_for_client("rerun", _rerun, "Submit the configuration of a job again.")
    add_job(rerun)
    rerun.add_argument("--rows", type=number, metavar="N", help="rows to generate")

    logs = commands.add_for_client("logs", _logs, "Print the log of a job.")
    add_job(logs)
    logs.add_argument("-f", "--follow", action="store_true", help="until the job has ended")

    result = commands.add_for_client("result", _result, "Wait for a job and take its rows.")
    add_job(result)
    result.add_argument("-o", "--output", metavar="OUT", help="file to write them to")
    result.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    result.add_argument("--format", metavar="F", help="csv, json, jsonl or parquet")
    result.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")

    report = commands.add_for_client("report", _report, "Print the quality report of a job.")
    add_job(report)
    report.add_argument("--html", metavar="OUT", help="write it as a page to a file")
    report.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")


def add_job(parser: argparse.ArgumentParser) -> None:
    """Add ``JOB`` to a command."""
    parser.add_argument("job", metavar="JOB", help="id of the job, or `last`")


async def _job(options: argparse.Namespace, client: AsyncClient) -> AsyncJob:
    return await find_job(options.job, client)


async def find_job(job_id: str, client: AsyncClient) -> AsyncJob:
    """The job of an id, or the newest one.

    Raises:
        JobNotFound: There is none.
    """
    if job_id != LAST:
        return await client.jobs.get(job_id)
    newest = await client.jobs.last()
    if newest is None:
        raise JobNotFound("There is no job yet. `datagen-nb generate` makes one.")
    return newest


async def _jobs(options: argparse.Namespace, client: AsyncClient) -> int:
    # One more than is printed shows whether there are more.
    found = await client.jobs.list(
        status=options.status or (), text=options.search, limit=options.limit + 1
    )
    statuses = [job.status for job in found[: options.limit]]
    if options.json:
        print_json([status.to_wire() for status in statuses])
    else:
        print_table(
            ["ID", "STATUS", "PROGRESS", "ROWS", "CREATED", "NAME"],
            [_row(status) for status in statuses],
        )
    if len(found) > options.limit:
        print(f"There are more jobs; --limit {2 * options.limit} lists more.", file=sys.stderr)
    return 0


def _row(status: JobStatus) -> list[str]:
    return [
        status.job_id,
        status.status.value,
        f"{status.progress:.0f} %",
        f"{status.data_size:,}",
        f"{status.created_time.astimezone():%Y-%m-%d %H:%M:%S}",
        inert(status.name, longest=ONE_LINE),
    ]


async def _cancel(options: argparse.Namespace, client: AsyncClient) -> int:
    # Without an id, all that have not ended are cancelled: the parser asks for --all then.
    done = await client.jobs.cancel(*[(await find_job(job, client)).id for job in options.job])
    if options.json:
        print_json(done.to_wire())
    else:
        for job_id in done.cancelled:
            print(f"{job_id}\tcancelled")
    for refusal in done.refused:
        print(f"datagen-nb: {refusal.message}", file=sys.stderr)
    return 1 if done.refused else 0


async def _pause(options: argparse.Namespace, client: AsyncClient) -> int:
    return _print_status(await (await _job(options, client)).pause(), options)


async def _resume(options: argparse.Namespace, client: AsyncClient) -> int:
    return _print_status(await (await _job(options, client)).resume(), options)


async def _rerun(options: argparse.Namespace, client: AsyncClient) -> int:
    again = await (await _job(options, client)).rerun(rows=options.rows)
    return _print_status(again.status, options)


def _print_status(status: JobStatus, options: argparse.Namespace) -> int:
    if options.json:
        print_json(status.to_wire())
    else:
        print(f"{status.job_id}\t{status.status.value}")
    return 0


async def _logs(options: argparse.Namespace, client: AsyncClient) -> int:
    job = await _job(options, client)
    if options.follow:
        async for line in job.follow_logs():
            _print_line(line, options)
            sys.stdout.flush()
        return 0
    for line in await job.logs():
        _print_line(line, options)
    return 0


def _print_line(line: LogEntry, options: argparse.Namespace) -> None:
    if options.json:
        print(line.to_json())
    else:
        print(f"{format_instant(line.timestamp)}\t{line.level}\t{inert(line.message)}")


async def _result(options: argparse.Namespace, client: AsyncClient) -> int:
    job = await _job(options, client)
    await follow(job, quiet=options.quiet)
    output = None
    if options.output is not None:
        output = await (await job).download(
            options.output, format=options.format, overwrite=options.overwrite
        )
    await print_result(job, output, options)
    return 0


async def _report(options: argparse.Namespace, client: AsyncClient) -> int:
    from datagen_nb.terminal import report_lines

    report = await (await _job(options, client)).report()
    if options.html is not None:
        from datagen_nb.ui.report_html import report_page, write_page

        page = report_page(report, "Quality report")
        await asyncio.to_thread(write_page, options.html, page, overwrite=options.overwrite)
    if options.json:
        print_json(report.to_wire())
    else:
        print(report_lines(report))
    return 0
