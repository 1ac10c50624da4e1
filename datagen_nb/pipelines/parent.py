"""The clean parent of worker processes: everything heavy loaded, no thread, forks on request.

It is a program of its own, started by ``LocalPipeline`` and spoken to over a socket. Importing
scikit-learn takes seconds and is done once here; forking takes milliseconds and is safe because
nothing else runs. The standard library's forkserver is not used because its children import the
caller's ``__main__`` again.

The service asks with a command byte and a worker's number, for a fork with one end of the
worker's own socket beside it. The parent answers with the number and exit status of each
worker that has ended. When the service goes, the socket closes, and everyone here goes too.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from typing import Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.pipelines.engine.executor import Executor, InlineExecutor
from datagen_nb.processes import limit_this_process

REQUEST = struct.Struct("!cI")
ANSWER = struct.Struct("!Ii")
LENGTH = struct.Struct("!I")
FORK, KILL = b"f", b"k"

LOADED = (
    "datagen_nb.pipelines.engine.attempt",
    "datagen_nb.pipelines.inspection.probes",
    "datagen_nb.tables.csv_files",
    "datagen_nb.tables.csv_writer",
    "datagen_nb.tables.json_files",
    "datagen_nb.tables.parquet_files",
)
"""What every worker needs and this process imports once: it takes seconds."""

HEARTBEAT_SECONDS = 1.0

_PR_SET_PDEATHSIG = 1


def serve(control: socket.socket) -> None:
    """Fork workers as asked until the other end closes."""
    for module in LOADED:
        import_module(module)
    workers: dict[int, int] = {}

    def reap(*_: Any) -> None:
        for number, pid in list(workers.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del workers[number]
                code = os.waitstatus_to_exitcode(status)
                with suppress(OSError):
                    control.sendall(ANSWER.pack(number, code))

    signal.signal(signal.SIGCHLD, reap)
    gc.collect()
    gc.freeze()  # what is loaded stays shared between the workers
    while True:
        command, number, handles = _receive(control)
        if command == FORK:
            # A worker that ends before it is entered would be missed by the handler.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            pid = os.fork()
            if pid == 0:
                _become_worker(control, handles[0])
            workers[number] = pid
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        elif command == KILL:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            if number in workers:  # not reaped yet, so the process id is still its own
                os.kill(workers[number], signal.SIGKILL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        else:
            for pid in workers.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        for handle in handles:
            os.close(handle)


def _receive(control: socket.socket) -> tuple[bytes, int, list[int]]:
    data, handles, _, _ = socket.recv_fds(control, REQUEST.size, 1)
    while data and len(data) < REQUEST.size:
        more = control.recv(REQUEST.size - len(data))
        data = data + more if more else b""
    if not data:
        return b"", 0, []
    command, number = REQUEST.unpack(data)
    return command, number, handles


def _become_worker(control: socket.socket, handle: int) -> None:
    """Turn this fork into a worker; never returns."""
    status = 1
    try:
        parent = os.getppid()
        _die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        control.close()
        _work(socket.socket(fileno=handle))
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _work(channel: socket.socket) -> None:
    from datagen_nb.core.pipeline import Task
    from datagen_nb.pipelines.engine.attempt import run_attempt
    from datagen_nb.pipelines.inspection.probes import run_probe

    order, memory_limit, dask = pickle.loads(_read(channel, LENGTH.unpack(_read(channel, 4))[0]))  # noqa: S301, from our own service
    limit_this_process(memory_limit)
    sending = threading.Lock()

    def send(signal: Any) -> None:
        data = pickle.dumps(signal)
        try:
            with sending:
                channel.sendall(LENGTH.pack(len(data)) + data)
        except OSError:  # the reader is gone: that is no failure of the job
            os._exit(1)

    from datagen_nb.core.pipeline import Heartbeat

    send(Heartbeat(os.getpid()))
    threading.Thread(target=_send_heartbeats, args=(send,), daemon=True).start()
    threading.Thread(target=_watch, args=(channel,), daemon=True).start()
    if isinstance(order, Task):
        run_attempt(order, send, _executor(order.config, dask, memory_limit))
    else:
        send(run_probe(*order))


def _executor(config: JobConfiguration, dask: str | None, memory: int) -> Executor:
    if config.parameters.get("engine") != "dask":
        return InlineExecutor()
    from datagen_nb.pipelines.engine.dask_executor import DaskExecutor

    return DaskExecutor(dask, memory=memory)


def _send_heartbeats(send: Any) -> None:
    from datagen_nb.core.pipeline import Heartbeat

    while True:
        time.sleep(HEARTBEAT_SECONDS)
        send(Heartbeat(os.getpid()))


def _watch(channel: socket.socket) -> None:
    """End this process when the service closes its end, or ends itself."""
    with suppress(OSError):
        channel.recv(1)
    os._exit(1)


def _read(channel: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = channel.recv(min(size - len(data), 1 << 16))
        if not piece:
            os._exit(1)
        data += piece
    return bytes(data)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(handle: str) -> None:
    """Serve over the socket that was handed down under this descriptor."""
    with socket.socket(fileno=int(handle)) as control:
        serve(control)
