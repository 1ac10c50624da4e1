"""Tables made from the command line: generate, preview, estimate, demo."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen_nb.cli.options import Commands, add_selection, number, selected
from datagen_nb.cli.output import print_json
from datagen_nb.cli.results import follow, frame_text, print_result
from datagen_nb.client.samples import sample_path
from datagen_nb.client.schema import Schema
from datagen_nb.core.cloud_paths import is_cloud_path
from datagen_nb.core.formats import format_of
from datagen_nb.core.inert import inert

if TYPE_CHECKING:
    from datagen_nb.client.async_client import AsyncClient

SAMPLE = "diamonds"


def add_commands(commands: Commands) -> None:
    """Add the commands that begin with a table."""
    generate = commands.add_for_client(
        "generate", _generate, "Generate a synthetic table like a real one."
    )
    _add_input(generate, is_optional=True)
    generate.add_argument(
        "--schema", metavar="FILE", help="instead of IN: YAML that declares columns, no table"
    )
    _add_rows(generate)
    generate.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="file to write, or gs://…"
    )
    generate.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    generate.add_argument("--seed", type=number, metavar="S", help="same seed, same rows")
    add_selection(generate)
    generate.add_argument(
        "--evaluate",
        action="append",
        metavar="CHECK",
        help="measure also for the report: detection or membership; may be repeated",
    )
    generate.add_argument(
        "--target", metavar="COLUMN", help="measure the utility of the rows to predict this column"
    )
    generate.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")

    preview = commands.add_for_client("preview", _preview, "Print a few rows as a job makes them.")
    _add_input(preview)
    preview.add_argument("--seed", type=number, metavar="S", help="same seed, same rows")

    estimate = commands.add_for_client("estimate", _estimate, "Print what a job would take.")
    _add_input(estimate)
    _add_rows(estimate)

    demo = commands.add_for_client(
        "demo", _demo, "Generate 100,000 diamonds like 53,940 real ones, a table that is built in."
    )
    demo.add_argument("--rows", type=number, default=100_000, metavar="N", help="rows to generate")
    demo.add_argument("-o", "--output", default="demo-output/diamonds.parquet", metavar="OUT")


def _add_input(parser: argparse.ArgumentParser, *, is_optional: bool = False) -> None:
    parser.add_argument(
        "input",
        metavar="IN",
        nargs="?" if is_optional else None,
        help="CSV, JSON, JSON Lines or Parquet file, or gs://…",
    )
    parser.add_argument(
        "--data-type", metavar="TYPE", help="what rows are: tabular (default) or timeseries"
    )


def _add_rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=number, required=True, metavar="N", help="rows to generate")
    parser.add_argument("--format", metavar="F", help="csv, json, jsonl or parquet")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="longest it may run")


async def _generate(options: argparse.Namespace, client: AsyncClient) -> int:
    is_written = client.shares_files or is_cloud_path(options.output)  # by the service
    job = await client.submit(
        options.input,
        schema=None if options.schema is None else Schema.from_yaml(options.schema),
        rows=options.rows,
        data_type=options.data_type,
        seed=options.seed,
        output=options.output if is_written else None,
        overwrite=options.overwrite,
        format=options.format or format_of(options.output),
        timeout=options.timeout,
        parameters=_evaluated(options) | selected(options),
    )
    try:
        await follow(job, quiet=options.quiet)
    except asyncio.CancelledError:
        # An interrupt: only this command waits for the job.
        await job.cancel()
        raise
    output = options.output if is_cloud_path(options.output) else Path(options.output)
    if not is_written:
        await (await job).download(output, format=options.format, overwrite=options.overwrite)
    await print_result(job, output, options)
    return 0


def _evaluated(options: argparse.Namespace) -> dict[str, Any]:
    found = {"evaluate": options.evaluate, "target": options.target}
    return {name: value for name, value in found.items() if value is not None}


async def _preview(options: argparse.Namespace, client: AsyncClient) -> int:
    config = await client.configure(
        options.input, rows=1, data_type=options.data_type, seed=options.seed
    )
    rows = await client.preview(config)
    if options.json:
        print(rows.to_json(orient="records", date_format="iso", indent=2))
    else:
        print(frame_text(rows))
    for note in rows.attrs["notes"]:
        print(inert(note), file=sys.stderr)
    return 0


async def _estimate(options: argparse.Namespace, client: AsyncClient) -> int:
    from datagen_nb.terminal import estimate_lines

    config = await client.configure(
        options.input,
        rows=options.rows,
        data_type=options.data_type,
        format=options.format,
        timeout=options.timeout,
    )
    estimate = await client.estimate(config)
    if options.json:
        print_json(estimate.to_wire())
    else:
        print(estimate_lines(estimate))
    return 0


async def _demo(options: argparse.Namespace, client: AsyncClient) -> int:
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    if not options.json:
        print(f"Generating {options.rows:,} rows like those of a real table, {SAMPLE}.", flush=True)
    options.input, options.seed, options.format = str(sample_path(SAMPLE)), 7, None
    options.timeout, options.quiet, options.overwrite = None, False, True
    options.schema = options.data_type = options.evaluate = options.target = None
    options.rule, options.condition, options.share = [], [], []
    return await _generate(options, client)
