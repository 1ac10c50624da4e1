"""The pipeline of this machine: each attempt runs in a worker process of its own.

Workers are forked from a clean parent (``pipelines.parent``) and tell what they do over a
socket each. Closing ``run`` kills its worker; whatever dies, nothing it left disturbs the
next attempt, because a worker publishes only whole objects.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import signal
import socket
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import Any

from datagen_nb.core.changes import Completed, Failed, StageStarted
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenError, Rejected, ServiceUnavailable
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import Heartbeat, InputProbe, Logged, Signal, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.plans import Preview
from datagen_nb.core.words import duration
from datagen_nb.pipelines.built_in import INFO, STAGES
from datagen_nb.pipelines.checks import (
    check_of_epsilon,
    check_of_model,
    check_of_rules,
    check_of_tables,
    check_of_type,
)
from datagen_nb.pipelines.failures import input_too_large, out_of_memory
from datagen_nb.pipelines.memory import kernel_kills, limit_beside, used_by, usual_budget
from datagen_nb.pipelines.parent import ANSWER, FORK, KILL, LENGTH, REQUEST
from datagen_nb.processes import start_python

WATCH_SECONDS = 0.25
SILENCE_SECONDS = 60.0
KILL_SECONDS = 2.0


class LocalPipeline:
    """Runs jobs in worker processes of this machine.

    Args:
        memory: Bytes that all workers may use together; by default a share of what this
            machine, or the control group that the service runs in, has.
        silence: Seconds without a sign of life after which a worker is taken to hang.
        dask: Address of the Dask cluster that makes the rows of jobs with the engine ``dask``; by
            default each of them starts one on this machine.
    """

    def __init__(
        self,
        *,
        memory: int | None = None,
        silence: float = SILENCE_SECONDS,
        dask: str | None = None,
    ) -> None:
        self._memory = memory or usual_budget()
        self._dask = dask
        self._silence = silence
        self._parent: _Parent | None = None
        self._starting = asyncio.Lock()
        self._workers: set[_Worker] = set()
        self._watch: asyncio.Task[None] | None = None

    async def warm(self) -> None:
        """Start the parent, so that the first job need not wait until everything is loaded."""
        await self._living_parent()

    async def describe(self) -> PipelineInfo:
        return INFO

    async def check(self, config: JobConfiguration) -> None:
        """Take what keeps the configuration's rules, if its packages and patterns can be used."""
        check_of_type(config)
        check_of_tables(config)
        check_of_model(config)
        check_of_epsilon(config)
        check_of_rules(config)
        if config.parameters.get("engine") == "dask" and find_spec("distributed") is None:
            remedy = "Install it where the service runs: pip install 'datagen-nb[dask]'."
            raise Rejected(
                f"The engine dask takes another package. {remedy}",
                code="package_missing",
                details={"remedy": remedy},
            )
        if not config.has_input:
            await asyncio.to_thread(_check_schema, config)
        elif "rules" in config.parameters or "condition" in config.parameters:
            await asyncio.to_thread(_check_selection, config)

    async def run(self, task: Task) -> AsyncGenerator[Signal, None]:
        stage = STAGES[0]
        async with self._worker(task) as worker:
            while (signal := await worker.receive(self._silence)) is not None:
                if isinstance(signal, StageStarted):
                    stage = signal.stage
                yield signal
                if isinstance(signal, Completed | Failed):
                    return
            if await worker.lacked_memory():
                yield Failed(task.attempt, out_of_memory(stage, alone=len(self._workers) < 2))
            else:
                yield await worker.describe_exit(self._silence)

    async def forget(self, job_id: str) -> None:
        """Nothing is kept: a worker ends with its attempt."""

    async def measure(self, probe: InputProbe) -> TableFacts:
        facts: TableFacts = await self._probe("measure", probe)
        return facts

    async def inspect(self, probe: InputProbe) -> Inspection:
        found: Inspection = await self._probe("inspect", probe)
        return found

    async def preview(self, probe: InputProbe) -> Preview:
        made: Preview = await self._probe("preview", probe)
        return made

    async def _probe(self, question: str, probe: InputProbe) -> Any:
        """Have a worker answer a question about an input, and nothing else."""
        async with self._worker((question, probe)) as worker:
            while isinstance(answer := await worker.receive(self._silence), Heartbeat):
                pass
            if answer is None and await worker.lacked_memory():
                raise input_too_large(probe)
            if answer is None:
                raise ServiceUnavailable((await worker.describe_exit(self._silence)).message)
            if isinstance(answer, DatagenError):
                raise answer
            return answer

    @asynccontextmanager
    async def _worker(self, order: Any) -> AsyncGenerator[_Worker, None]:
        """A worker that has been sent an order, ended with the block."""
        parent = await self._living_parent()
        worker = await parent.fork()
        base = used_by(parent.pid)
        others = [one.used(base) for one in self._workers]
        self._workers.add(worker)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_memory(), name="memory of workers")
        try:
            await worker.send((order, limit_beside(self._memory, others, base), self._dask))
            yield worker
        finally:
            self._workers.discard(worker)
            await worker.end()

    async def _watch_memory(self) -> None:
        """End the largest worker whenever all together use more than their budget."""
        while self._workers:
            await asyncio.sleep(WATCH_SECONDS)
            if (parent := self._parent) is None:
                continue
            base = used_by(parent.pid)
            used = {worker: worker.used(base) for worker in self._workers}
            if sum(used.values()) > self._memory:
                max(used, key=lambda worker: used[worker]).end_for_memory()
        self._watch = None

    async def check_health(self) -> Health:
        metrics = {"workers": float(len(self._workers))}
        if self._parent is not None and self._parent.is_alive:
            return Health(status="healthy", metrics=metrics)
        message = "The parent of workers does not run; the next job starts it."
        return Health(status="degraded", message=message, metrics=metrics)

    async def aclose(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._parent is not None:
            await self._parent.aclose()
            self._parent = None

    async def _living_parent(self) -> _Parent:
        async with self._starting:
            if self._parent is None or not self._parent.is_alive:
                if self._parent is not None:
                    await self._parent.aclose()
                self._parent = await _Parent.start()
            return self._parent


class _Parent:
    """Our end of the parent process: asks for workers, hears of their ends."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._numbers = itertools.count(1)
        self._exits: dict[int, asyncio.Future[int | None]] = {}
        self._heard = b""
        self.is_alive = True
        asyncio.get_running_loop().add_reader(control, self._hear)

    @classmethod
    async def start(cls) -> _Parent:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        with theirs:
            try:
                process = await asyncio.to_thread(_launch, theirs)
            except BaseException:
                ours.close()
                raise
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def fork(self) -> _Worker:
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                reader, writer = await asyncio.open_unix_connection(sock=ours)
            except BaseException:
                ours.close()
                raise
            self._exits[number] = asyncio.get_running_loop().create_future()
            with suppress(OSError):  # a parent that just died: the channel will say so
                socket.send_fds(self._control, [REQUEST.pack(FORK, number)], [theirs.fileno()])
        return _Worker(self, number, reader, writer)

    def kill(self, number: int) -> None:
        if self.is_alive:
            with suppress(OSError):
                self._control.send(REQUEST.pack(KILL, number))

    async def exit_code(self, number: int) -> int | None:
        """Wait until a worker has ended; ``None`` when its exit status is unknown."""
        if not self.is_alive:
            return None
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(self._exits[number]), KILL_SECONDS)
        return None

    def forget(self, number: int) -> None:
        self._exits.pop(number, None)

    async def aclose(self) -> None:
        self._end()
        try:
            await asyncio.to_thread(self._process.wait, KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _hear(self) -> None:
        try:
            data = self._control.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        self._heard += data
        while len(self._heard) >= ANSWER.size:
            number, code = ANSWER.unpack_from(self._heard)
            self._heard = self._heard[ANSWER.size :]
            exited = self._exits.get(number)
            if exited is not None and not exited.done():
                exited.set_result(code)

    def _end(self) -> None:
        if self.is_alive:
            self.is_alive = False
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
        for exited in self._exits.values():
            if not exited.done():
                exited.set_result(None)


class _Worker:
    """Our end of one worker's channel."""

    def __init__(
        self,
        parent: _Parent,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._parent = parent
        self._number = number
        self._reader = reader
        self._writer = writer
        self._is_silent = False
        self._is_too_large = False
        self._pid: int | None = None
        self._kills = kernel_kills()

    async def send(self, order: Any) -> None:
        data = pickle.dumps(order)
        with suppress(OSError):  # it died at once: hearing nothing says so
            self._writer.write(LENGTH.pack(len(data)) + data)
            await self._writer.drain()

    async def receive(self, silence: float) -> Any:
        """Its next signal or answer; ``None`` when it is gone or has been silent for too long."""
        try:
            async with asyncio.timeout(silence):
                size = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))[0]
                data = await self._reader.readexactly(size)
        except TimeoutError:
            self._is_silent = True
            return None
        except (asyncio.IncompleteReadError, OSError):
            return None
        message = pickle.loads(data)  # noqa: S301, from our own child
        if isinstance(message, Heartbeat):
            self._pid = message.pid
        return message

    def used(self, base: int) -> int:
        """Bytes of memory that it uses beyond what it has from its parent."""
        return 0 if self._pid is None else max(used_by(self._pid) - base, 0)

    def end_for_memory(self) -> None:
        """Kill it, since the memory of all workers is used up."""
        self._is_too_large = True
        self._parent.kill(self._number)

    async def lacked_memory(self) -> bool:
        """Whether it was ended, by us or by the kernel, for want of memory."""
        if self._is_too_large:
            return True
        if self._is_silent or await self._parent.exit_code(self._number) != -signal.SIGKILL:
            return False
        return kernel_kills() > self._kills

    async def describe_exit(self, silence: float) -> Logged:
        """How a worker ended that did not finish."""
        if self._is_silent:
            return Logged(
                "error", f"No heartbeat of the worker for {duration(silence)}; it was ended."
            )
        code = await self._parent.exit_code(self._number)
        if code is None:
            how = "with the process that starts workers"
        elif code < 0:
            how = f"by signal {signal.Signals(-code).name}"
        else:
            how = f"with exit code {code}"
        return Logged("error", f"The worker ended {how} before the job was done.")

    async def end(self) -> None:
        """Kill the worker, if it still runs, and wait until it is reaped."""
        self._parent.kill(self._number)
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        await self._parent.exit_code(self._number)
        self._parent.forget(self._number)


def _check_selection(config: JobConfiguration) -> None:
    # What rows are selected with takes a second to import, and few services need it.
    from datagen_nb.pipelines.selecting import selection_of

    selection_of(config.parameters)


def _check_schema(config: JobConfiguration) -> None:
    # The same holds for what makes the rows of a schema.
    from datagen_nb.pipelines.engine.declaring import declared

    declared(config)


def _launch(control: socket.socket) -> subprocess.Popen[bytes]:
    handle = control.fileno()
    return start_python(
        "datagen_nb.pipelines.parent", str(handle), stdin=subprocess.DEVNULL, pass_fds=[handle]
    )
