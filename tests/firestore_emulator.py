"""Google's own Firestore emulator for tests: one for all tests of a process, a project for each.

It is a Java program, which ``google-cloud-cli-firestore-emulator`` of Google's Debian repository
installs; ``FIRESTORE_EMULATOR_JAR`` names another copy. Where it is not there, tests are skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

VARIABLE = "FIRESTORE_EMULATOR_HOST"
"""By this variable Google's client finds the emulator."""

START_SECONDS = 120

JAR = Path(
    os.environ.get(
        "FIRESTORE_EMULATOR_JAR",
        "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
    )
)
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_JAVA_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.language=en")


def project_at(place: Path) -> str:
    """The project that belongs to a folder of a test; no other test has it."""
    return f"p-{hashlib.sha256(os.fsencode(place)).hexdigest()[:24]}"


@contextmanager
def running() -> Iterator[str]:
    """Host and port of an emulator, which is stopped at the end; skips where it cannot run.

    If one runs already, as ``FIRESTORE_EMULATOR_HOST`` says, it is used.
    """
    if given := os.environ.get(VARIABLE):
        yield given
        return
    java = shutil.which("java")
    if java is None:
        pytest.skip("the Firestore emulator cannot run on this machine: there is no java")
    if not JAR.is_file():
        pytest.skip(
            f"the Firestore emulator is not installed: {JAR} is not there "
            "(package google-cloud-cli-firestore-emulator, or FIRESTORE_EMULATOR_JAR)"
        )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    arguments = ["-cp", str(JAR), _MAIN, "start", "--host=127.0.0.1", f"--port={port}"]
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [java, *_JAVA_OPTIONS, *arguments], cwd=place, stdout=log, stderr=log
        )
        try:
            _wait(server, port)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.skip(
                f"the Firestore emulator cannot run on this machine: it ended ({server.poll()})"
            )
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise TimeoutError("the Firestore emulator does not answer")
