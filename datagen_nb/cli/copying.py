"""Copying a store: from a home to Firestore, and back."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb.cli.options import Commands

if TYPE_CHECKING:
    from datagen_nb.core.transfer import CopyableStore
    from datagen_nb.stores.copying import Copied

PLACE = "DIRECTORY|firestore://PROJECT/DATABASE"


def add_commands(commands: Commands) -> None:
    """Add ``copy``."""
    copy = commands.add(
        "copy", _run, "Copy jobs, events, customers and keys to an empty store, and compare."
    )
    for name, help in (
        ("from", "home whose service is stopped, or a database that no service uses"),
        ("to", "an empty one of these"),
    ):
        copy.add_argument(f"--{name}", dest=name, required=True, metavar=PLACE, help=help)


def _run(options: argparse.Namespace) -> int:
    copied = asyncio.run(_copy(getattr(options, "from"), options.to))
    print(
        f"copied and compared: {copied.customers:,} customers, {copied.jobs:,} jobs, "
        f"{copied.events:,} events, {copied.lines:,} lines of logs, {copied.documents:,} documents"
    )
    print("Inputs and results stay where they are: copy the buckets too, if they are to move.")
    return 0


async def _copy(source: str, target: str) -> Copied:
    from datagen_nb.stores.copying import copy_store

    async with _store_at(source) as one, _store_at(target) as other:
        return await copy_store(one, other)


@asynccontextmanager
async def _store_at(place: str) -> AsyncGenerator[CopyableStore, None]:
    from datagen_nb.api.process.home import Home
    from datagen_nb.stores.registry import open_store

    with ExitStack() as stack:
        if "://" in place:
            opened = await open_store(place, Path())
        else:
            home = Home.open(place)
            stack.enter_context(home.lock())
            opened = await open_store(None, home.database)
        async with aclosing(opened) as store:
            yield store
