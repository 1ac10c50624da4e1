"""Connections that do nothing, or next to nothing: a service with few descriptors goes on serving.

Each service is a process of its own, with a low bound of descriptors and short deadlines.
"""

import io
import logging
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import httpx

from datagen_nb.api import wire
from datagen_nb.api.process.home import Home
from datagen_nb.core.logs import MAX_REPEATS, REPEAT_SECONDS, RepeatLimitHandler

DESCRIPTORS = 160
TIMEOUT = 60.0

SERVICE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
from datagen_nb.api.server import connections
connections.HEAD_SECONDS, connections.BODY_SECONDS = float(sys.argv[2]), float(sys.argv[3])
from datagen_nb.cli import main
sys.exit(main(["serve", "--listen", "127.0.0.1:0"]))
"""


class Running:
    def __init__(self, home, log, port):
        self.home = Home.open(home)
        self.log = log
        self.port = port

    def connect(self, stack, sent=b""):
        """A connection over the network, on which something has been sent."""
        line = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 10))
        line.sendall(sent)
        return line

    def own(self):
        """A client of the home's own user."""
        transport = httpx.HTTPTransport(uds=str(self.home.socket))
        return httpx.Client(transport=transport, base_url="http://datagen", timeout=TIMEOUT)


@contextmanager
def running(tmp_path, *, head=600.0, body=600.0):
    log = tmp_path / "log"
    with open(log, "wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(DESCRIPTORS), str(head), str(body)],
            env={**os.environ, "DATAGEN_HOME": str(tmp_path / "home"), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
    with process:
        try:
            address = re.fullmatch(r"listening at \S+:(\d+)\n", process.stdout.readline())
            yield Running(tmp_path / "home", log, int(address[1]))
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=TIMEOUT)


def is_ended(line):
    """Whether the other side ends a connection, within the test's time."""
    line.settimeout(TIMEOUT)
    try:
        while line.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def test_half_open_connections_leave_the_homes_own_user_served(tmp_path):
    """More of them than there are descriptors; the log stays small, and says it once."""
    with running(tmp_path) as service, ExitStack() as stack:
        for _ in range(2 * DESCRIPTORS):
            service.connect(stack, b"GET /v1/info HTTP/1.1\r\n")
        with service.own() as own:
            for _ in range(3):
                assert own.get(wire.INFO).status_code == 200
            upload = {"digest": "0" * 64, "format": "csv", "size": 1}  # and the store has its own
            assert own.post(wire.UPLOADS, json=upload).status_code == 201
    assert service.log.stat().st_size < 20_000
    assert service.log.read_text().count("was refused") in range(1, 5)


def test_a_connection_that_sends_no_whole_head_is_cut(tmp_path):
    """Whether it says nothing, a part, or a byte now and then; a busy one is not."""
    with running(tmp_path, head=1) as service, ExitStack() as stack:
        silent = [service.connect(stack, sent) for sent in (b"", b"GET /v1", b"GET / HTTP/1.1\r\n")]
        for line in silent:
            assert is_ended(line)
        slow = service.connect(stack, b"GET / HTTP/1.1\r\n")
        while not select.select([slow], [], [], 0.05)[0]:
            slow.sendall(b"a")
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
        assert is_ended(slow)


def test_a_body_that_does_not_end_is_cut(tmp_path):
    """A byte now and then does not keep it."""
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 999999\r\n"
    with running(tmp_path, body=1) as service, ExitStack() as stack:
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.connect(str(service.home.socket))
        unix.sendall(head.replace(b"999999", b"9999") + b"\r\n")
        begun = time.monotonic()
        while not select.select([unix], [], [], 0.05)[0]:
            unix.sendall(b"a")
        assert unix.recv(100).startswith(b"HTTP/1.1 408 ")
        assert is_ended(unix)
        assert time.monotonic() - begun < TIMEOUT


def test_one_address_holds_at_most_half_of_the_connections():
    """The rest is for others; the home's own user is no address."""
    from datagen_nb.api.server.connections import ConnectionConfig

    class Transport:
        def __init__(self, peer):
            self.peer = peer

        def get_extra_info(self, name):
            assert name == "peername"
            return self.peer

    config = ConnectionConfig(None, max_connections=8)
    held = [Transport(("10.0.0.1", n)) for n in range(5)]
    assert [config.admit(one) for one in held] == [True] * 4 + [False]
    near = [Transport((f"2001:db8:0:1::{n}", n, 0, 0)) for n in range(3)]
    assert all(config.admit(one) for one in near)
    assert not config.admit(Transport(("10.0.0.2", 1)))  # eight are open, one is about to end
    config.release(held[-1])
    config.release(held[0])
    assert config.admit(Transport(""))
    assert config.admit(held[1])  # a connection that became a WebSocket is counted once


def test_a_repeated_warning_is_written_once_and_counted(monkeypatch):
    """The same, and those that differ only in what they name; other lines are all written."""
    written = io.StringIO()
    handler = RepeatLimitHandler()
    monkeypatch.setattr(handler, "stream", written)

    def log(level, text, *args, at):
        record = logging.LogRecord("x", level, "", 0, text, args, None)
        record.created = at
        handler.handle(record)

    for number in range(500):
        log(logging.WARNING, "the same", at=0)
        log(logging.WARNING, "number %d", number, at=1)
        log(logging.INFO, "a job", at=1)
    lines = written.getvalue().splitlines()
    assert lines.count("the same") == 1
    assert sum(line.startswith("number") for line in lines) == MAX_REPEATS
    assert lines.count("a job") == 500

    written.truncate(0)
    log(logging.WARNING, "the same", at=2 + REPEAT_SECONDS)
    handler.close()
    assert [line.strip("\0") for line in written.getvalue().splitlines()] == [
        "the same (and 499 times more)",
        "number %d (and 400 times more)",
        "the same",
    ]
    assert not handler._seen
