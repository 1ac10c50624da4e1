"""A pipeline for services elsewhere: serve-pipeline."""

from __future__ import annotations

import argparse
import os

from datagen_nb.cli.options import Commands, host_and_port


def add_commands(commands: Commands) -> None:
    """Add ``serve-pipeline``."""
    serve = commands.add(
        "serve-pipeline",
        _serve_pipeline,
        "Run the jobs of services elsewhere, by keys of this home (`datagen-nb keys`).",
    )
    serve.add_argument("--listen", metavar="HOST:PORT", required=True, help="where to listen")
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


def _serve_pipeline(options: argparse.Namespace) -> int:
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.host import Address
    from datagen_nb.wiring import serve_pipeline

    host, port = host_and_port(options.listen)
    home = Home.open(options.home)
    umask = os.umask(0o077)  # what it makes is for this user alone
    try:
        serve_pipeline(
            home,
            Address(host, port),
            options.root,
            slots=options.slots,
            on_listen=lambda url: print(f"listening at {url}", flush=True),
        )
    finally:
        os.umask(umask)
    return 0
