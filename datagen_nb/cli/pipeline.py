"""A pipeline for services elsewhere: serve-pipeline, check-pipeline."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from datagen_nb.cli.options import Commands, add_tls, address, host_and_port, tls_of
from datagen_nb.core.inert import inert


def add_commands(commands: Commands) -> None:
    """Add ``serve-pipeline`` and ``check-pipeline``."""
    serve = commands.add(
        "serve-pipeline",
        _serve_pipeline,
        "Run the jobs of services elsewhere, by the keys of `datagen-nb keys`.",
    )
    serve.add_argument("--listen", metavar="HOST:PORT", required=True, help="where to listen")
    add_tls(serve)
    serve.add_argument(
        "--root",
        metavar="PLACE",
        action="append",
        required=True,
        help="directory, or gs://bucket/folder, whose objects may be used; several may be given",
    )
    serve.add_argument(
        "--slots", type=int, metavar="N", help="jobs that run at once (default: DATAGEN_SLOTS)"
    )

    check = commands.add(
        "check-pipeline",
        lambda options: asyncio.run(_check_pipeline(options)),
        "Check that a pipeline elsewhere keeps the protocol; its key is DATAGEN_PIPELINE_KEY.",
    )
    check.add_argument("url", metavar="URL", type=address, help="its address")
    check.add_argument(
        "--bucket",
        metavar="PLACE",
        required=True,
        help="directory, or gs://bucket/folder, that both can use; what is made is removed",
    )


def _serve_pipeline(options: argparse.Namespace) -> int:
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.host import Address
    from datagen_nb.wiring.server import serve_pipeline

    host, port = host_and_port(options.listen)
    home = Home.open(options.home)
    umask = os.umask(0o077)  # what it makes is for this user alone
    try:
        serve_pipeline(
            home,
            Address(host, port, tls=tls_of(options)),
            options.root,
            slots=options.slots,
            on_listen=lambda url: print(f"listening at {url}", flush=True),
        )
    finally:
        os.umask(umask)
    return 0


async def _check_pipeline(options: argparse.Namespace) -> int:
    from datagen_nb.wiring.pipeline import integration_plan

    place = options.bucket
    if "://" not in place:
        place = Path(place).absolute().as_uri()
    broken = 0
    async with integration_plan(options.url, place) as plan:
        async for point in plan.run():
            broken += point.reason is not None
            reason = "" if point.reason is None else f": {inert(point.reason)}"
            print(f"{'ok  ' if point.reason is None else 'BAD '} {point.name}{reason}", flush=True)
    print("all points hold" if not broken else f"{broken} points do not hold")
    return 1 if broken else 0
