"""The service's listening sockets, which reserve file descriptors.

A process without a free descriptor can neither open its store nor answer its own user. So
connections from the network may use only a part of them, the home's own user more, and the rest is
reserved for the store and the workers. The kernel always assigns the lowest free number, so the
number of a new connection says how many are in use.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

from datagen_nb.api.process.home import Home
from datagen_nb.core.errors import ServiceStartFailed

logger = logging.getLogger("datagen_nb.api")

MAX_DESCRIPTORS = 65_536
"""Upper bound of the limit that a service sets for itself."""

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

RETRY_SECONDS = 1.0
"""Seconds after which asyncio accepts again when there was no descriptor."""


def raise_descriptor_limit() -> int:
    """Raise the process's limit of descriptors as far as allowed; return the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


def reserved_descriptors(limit: int) -> int:
    """Descriptors that connections from the network cannot use."""
    return min(256, limit // 4)


class _Listener(socket.socket):
    """A listening socket that refuses connections whose descriptor would be a reserved one."""

    first_reserved = MAX_DESCRIPTORS
    _exhausted_at = float("-inf")

    def accept(self) -> tuple[socket.socket, Any]:
        try:
            connection, address = super().accept()
        except OSError as error:
            # asyncio goes on accepting after such an error, and would log each failure.
            now = time.monotonic()
            if error.errno in _EXHAUSTED and now - self._exhausted_at < RETRY_SECONDS / 2:
                raise BlockingIOError from error
            if error.errno in _EXHAUSTED:
                self._exhausted_at = now
            raise
        if connection.fileno() >= self.first_reserved:
            connection.close()
            logger.warning("a connection was refused: only reserved descriptors are left")
            raise ConnectionAbortedError("no descriptor is left for it")
        return connection, address


class UserSocket(_Listener):
    """A unix socket that accepts only processes of its own user.

    Its directory is closed to others already; this check also holds where that is not enough, as
    when a container shares the directory.
    """

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        if hasattr(socket, "SO_PEERCRED"):
            size = struct.calcsize("3i")
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            _, uid, _ = struct.unpack("3i", credentials)
            if uid != os.getuid():
                connection.close()
                logger.warning("a process of user %d was refused", uid)
                raise ConnectionAbortedError(f"user {uid} is not the home's")
        return connection, address


@contextmanager
def listen_on_socket(home: Home) -> Generator[socket.socket, None, None]:
    """Listen on a home's socket."""
    with suppress(FileNotFoundError):
        home.socket.unlink()  # stale: this process holds the lock
    with UserSocket(socket.AF_UNIX) as listener:
        limit = raise_descriptor_limit()
        listener.first_reserved = limit - reserved_descriptors(limit) // 2
        before = os.umask(0o177)
        try:
            listener.bind(str(home.socket))
        finally:
            os.umask(before)
        listener.listen(512)
        listener.setblocking(False)  # noqa: FBT003  positional only
        ours = home.socket.stat().st_ino
        try:
            yield listener
        finally:
            # If the home was replaced, another service may listen at the same path now.
            with suppress(FileNotFoundError):
                if home.socket.stat().st_ino == ours:
                    home.socket.unlink()


@contextmanager
def listen_on_address(host: str, port: int) -> Generator[socket.socket, None, None]:
    """Listen at an address.

    Raises:
        ServiceStartFailed: It is not an address of this machine, or is in use.
    """
    try:
        if not 0 <= port < 1 << 16:
            raise OverflowError("ports are 0 to 65535")
        family, _, _, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.create_server(place[:2], family=family, backlog=512)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ServiceStartFailed(
            f"The service cannot listen at {host}:{port}: {error}. "
            "Choose another address with --listen HOST:PORT.",
            details={"host": host, "port": port},
        ) from error
    with _Listener(made.family, made.type, made.proto, fileno=made.detach()) as listener:
        limit = raise_descriptor_limit()
        listener.first_reserved = limit - reserved_descriptors(limit)
        listener.setblocking(False)  # noqa: FBT003  positional only
        yield listener


def url_of(listener: socket.socket, scheme: str) -> str:
    """The URL at which clients reach a listener."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
