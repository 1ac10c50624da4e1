"""The reference server of pipelines in a process of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import psutil

from datagen_nb.api.client.session import Session
from datagen_nb.api.process.home import Home
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.secrets import Secret
from datagen_nb.pipelines.remote.pipeline import RemotePipeline
from datagen_nb.wiring.administration import administration
from tests.deadline import DEADLINE


class PipelineServer:
    """``datagen-nb serve-pipeline``, from entering the block until its end.

    Args:
        folder: For its home and its log.
        roots: What it may use.

    Attributes:
        url: Where it listens, also after it was started again.
        key: An API key of it.
    """

    def __init__(self, folder: Path, *roots: Path) -> None:
        self.home = Home.open(folder / "home")
        self.key = asyncio.run(_new_key(self.home))
        self.url = ""
        self.log = folder / "server.log"
        self._roots = roots
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE)
        self._process.stdout.close()

    def start(self) -> None:
        """Start it, where it listened before."""
        listen = self.url.removeprefix("http://") or "127.0.0.1:0"
        command = [sys.executable, "-m", "datagen_nb", "serve-pipeline", "--listen", listen]
        roots = [part for root in self._roots for part in ("--root", str(root))]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*command, *roots, "--home", str(self.home.path)],
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        line = self._process.stdout.readline().decode()
        assert line.startswith("listening at "), self.log.read_text()
        self.url = line.split()[-1]

    def kill(self) -> None:
        """End it and all of its processes by SIGKILL."""
        victims = psutil.Process(self._process.pid).children(recursive=True)
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE)
        self._process.stdout.close()
        psutil.wait_procs(victims, DEADLINE)  # they end by themselves

    def session(self) -> Session:
        return Session.over_http(self.url, key=Secret(self.key))

    def connect(self) -> RemotePipeline:
        """A pipeline of the event loop that runs."""
        return RemotePipeline(self.session(), SystemClock())


async def _new_key(home: Home) -> str:
    async with administration(home) as access:
        await access.control.create_customer("caller")
        return (await access.control.create_key("caller")).secret
