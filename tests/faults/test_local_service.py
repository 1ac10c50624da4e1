"""The local service as real processes: started once, found by all, and back after every mishap."""

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import uuid
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import psutil
import pytest

import datagen_nb
from datagen_nb.api.process import launch
from datagen_nb.api.process.home import EXIT_ALREADY_RUNNING, Home
from datagen_nb.api.process.launch import attach, stop
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    HomeError,
    JobNotFound,
    ServiceStartFailed,
    ServiceUnavailable,
    VersionMismatch,
)
from datagen_nb.core.version import __version__
from tests.deadline import DEADLINE

ROOT = Path(datagen_nb.__file__).parents[1]
KERNEL = """
import asyncio, os, sys
from datagen_nb.api.process.home import Home
from datagen_nb.api.process.launch import attach

async def main():
    jobs = await attach(Home.open(sys.argv[1]))
    print((await jobs.info()).pid, flush=True)
    await jobs.aclose()

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
sys.stdin.readline()
"""
OF_ANOTHER_VERSION = """
import sys, datagen_nb.core.version
datagen_nb.core.version.__version__ = "99.0"
from datagen_nb.cli import main
sys.exit(main(["serve", "--local", "--home", sys.argv[1]]))
"""


@pytest.fixture
async def home(tmp_path):
    """A home whose service is stopped at the end."""
    home = Home.open(tmp_path / "home")
    yield home
    await stop(home)


def python(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, *arguments], env=environment, **options)


def kernel(home):
    """A process that attaches when a line is written to it, and stays."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "start_new_session": True}
    return python("-c", KERNEL, str(home.path), **pipes)


@contextlib.contextmanager
def kernels(home, count):
    started = [kernel(home) for _ in range(count)]
    try:
        for one in started:
            assert one.stdout.readline() == b"ready\n"
        yield started
    finally:
        for one in started:
            one.kill()
            one.communicate()


def go(one):
    one.stdin.write(b"\n")
    one.stdin.flush()


def services(home):
    """The processes that serve this home, by their command lines."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "serve" in line and str(home.path) in line:
            found.append(process)
    return found


@asynccontextmanager
async def attached(home, **options):
    jobs = await attach(home, **options)
    try:
        yield jobs
    finally:
        await jobs.aclose()


async def pid_of(home, **options):
    async with attached(home, **options) as jobs:
        return (await jobs.info()).pid


def kill(pid, number=signal.SIGKILL):
    """Send a signal that ends a process, and wait for its end."""
    process = psutil.Process(pid)
    process.send_signal(number)
    process.wait(DEADLINE)


async def a_job(jobs, home):
    """Submit a job and cancel it: two events at least."""
    table = home.path / "in.csv"
    table.write_text("n,word\n1,a\n2,b\n3,a\n")
    config = JobConfiguration(
        data_size=5,
        input_format="csv",
        output_format="csv",
        input_bucket="file",
        input_path=str(table),
    )
    job_id = (await jobs.create(config, idempotency_key=uuid.uuid4().hex)).job_id
    await jobs.cancel(job_id)
    return job_id


@asynccontextmanager
async def following(jobs, home):
    """A follower of all events, as a card is one; its stream is open when the block begins."""
    heard = asyncio.Queue()

    async def follow():
        async with aclosing(jobs.events(after=0)) as events:
            async for event in events:
                heard.put_nowait(event)

    await a_job(jobs, home)
    task = asyncio.create_task(follow())
    try:
        await asyncio.wait_for(heard.get(), DEADLINE)
        yield task, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hears_of(job_id, heard):
    async with asyncio.timeout(DEADLINE):
        while (await heard.get()).job_id != job_id:
            pass


async def until(condition, seconds=DEADLINE):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_one_service_is_started_and_found_again(home):
    """And only its user can reach it."""
    first = await pid_of(home)
    assert await pid_of(home) == first
    assert home.owner().pid == first
    assert home.owner().version == __version__
    for place in (home.path, home.socket.parent):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.socket.stat().st_mode) == 0o600


@pytest.mark.parametrize("count", [2, 8])
async def test_kernels_that_start_it_in_the_same_instant_meet_one_service(home, count):
    """The lock decides; the others find the winner."""
    with kernels(home, count) as started:
        for one in started:
            go(one)
        pids = {int(one.stdout.readline()) for one in started}
    assert len(pids) == 1
    await until(lambda: len(services(home)) == 1)


async def test_killing_a_kernel_and_its_process_group_leaves_the_service(home):
    """Jupyter ends and interrupts a kernel by its group."""
    with kernels(home, 1) as (one,):
        go(one)
        pid = int(one.stdout.readline())
        os.killpg(one.pid, signal.SIGINT)
        os.killpg(one.pid, signal.SIGKILL)
        one.wait(DEADLINE)
    assert await pid_of(home, start=False) == pid


@pytest.mark.parametrize("left", ["socket", "file"])
async def test_what_a_dead_service_left_at_the_sockets_place_is_no_hindrance(home, left):
    """A stale socket, or a file."""
    if left == "socket":
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(home.socket))
    else:
        home.socket.write_text("")
    with pytest.raises(ServiceUnavailable):
        await attach(home, start=False)
    assert psutil.pid_exists(await pid_of(home))


async def part_of_no_job(jobs):
    await anext(jobs.read_part("j_none", 0))


async def events_of_no_job(jobs):
    await anext(jobs.events(job_id="j_none"))


@pytest.mark.parametrize(
    "call",
    [
        lambda jobs: jobs.status("j_none"),
        lambda jobs: jobs.cancel("j_none"),
        part_of_no_job,
        events_of_no_job,
    ],
)
async def test_a_killed_service_is_back_with_the_next_call(home, call):
    """Whatever the call is."""
    async with attached(home) as jobs:
        first = (await jobs.info()).pid
        kill(first)
        with pytest.raises(JobNotFound):
            await call(jobs)
        assert (await jobs.info()).pid != first


async def test_a_follower_outlives_a_killed_service(home):
    """It hears from the next one, without a gap and without being asked again."""
    async with attached(home) as jobs, following(jobs, home) as (_, heard):
        kill((await jobs.info()).pid)
        await hears_of(await a_job(jobs, home), heard)


async def test_a_killed_service_leaves_no_zombie_in_the_kernel_that_started_it(home):
    """A client waits for it."""
    pid = await pid_of(home)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(pid))


async def test_a_stop_is_not_undone_by_who_only_looks_on(home):
    """An open card does not start the service again; the next call does, and the card goes on."""
    async with attached(home) as jobs, following(jobs, home) as (task, heard):
        assert await stop(home)
        # Longer than all tries of a stream that breaks off without a goodbye.
        done, _ = await asyncio.wait([task], timeout=3)
        assert not done
        assert not home.is_locked()
        assert services(home) == []
        await hears_of(await a_job(jobs, home), heard)


async def test_attaching_while_the_old_one_ends_waits_for_its_end(home):
    """Neither a dying service nor its lock fails the start."""
    for _ in range(3):
        first = await pid_of(home)
        os.kill(first, signal.SIGTERM)
        async with attached(home) as jobs:
            await until(lambda pid=first: not psutil.pid_exists(pid))
            assert (await jobs.info()).pid != first


async def test_sigterm_ends_it_cleanly_with_streams_open(home):
    """No trace in the log, no socket left."""
    async with attached(home) as jobs, following(jobs, home):
        kill((await jobs.info()).pid, signal.SIGTERM)
        assert not home.socket.exists()
        assert "Traceback" not in home.log_file.read_text()


async def test_a_service_that_hangs_is_reported_and_can_be_stopped(home):
    """Its process is named; stopping goes on to what cannot be refused."""
    pid = await pid_of(home)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ServiceUnavailable, match=str(pid)) as raised:
        await attach(home, answer_within=0.5)
    assert "datagen-nb stop" in str(raised.value)
    assert await stop(home, seconds_per_try=0.5)
    await until(lambda: not psutil.pid_exists(pid))


async def test_a_stopped_service_is_not_answering_rather_than_not_running(home):
    """Its status names the process; it can be ended in order, without being killed."""
    pid = await pid_of(home)
    os.kill(pid, signal.SIGSTOP)

    status = python("-m", "datagen_nb", "status", "--home", str(home.path), stdout=subprocess.PIPE)
    output = (await asyncio.to_thread(status.communicate))[0].decode()

    assert f"does not answer, process {pid}" in output
    assert status.returncode == 1
    assert await launch.send_signal(home, signal.SIGTERM)
    await until(lambda: not psutil.pid_exists(pid), seconds=30)
    assert b"ended" in home.log_file.read_bytes()


@pytest.mark.parametrize("mishap", ["deleted", "moved", "replaced"])
async def test_a_service_ends_when_its_home_is_gone(tmp_path, mishap):
    """With its workers, an exit code and a sentence; a new one can be started at once."""
    home = Home.open(tmp_path / "home")
    service = python("-m", "datagen_nb", "serve", "--home", str(home.path), stderr=subprocess.PIPE)
    try:
        await until(lambda: launch.is_listening(home), seconds=60)
        jobs = await attach(home, start=False)
        table = tmp_path / "in.csv"
        table.write_text("n,word\n1,a\n2,b\n3,a\n")
        config = JobConfiguration(
            data_size=50_000_000,
            input_format="csv",
            output_format="csv",
            input_bucket="file",
            input_path=str(table),
        )
        job = await jobs.create(config, idempotency_key="k")
        async with asyncio.timeout(60):
            async with aclosing(jobs.events(job_id=job.job_id)) as events:
                async for event in events:
                    if event.data.rows_done:
                        break
        workers = psutil.Process(service.pid).children(recursive=True)
        await jobs.aclose()
        assert workers

        if mishap == "moved":
            home.path.rename(tmp_path / "elsewhere")
        while home.path.exists():  # what is written meanwhile, too
            shutil.rmtree(home.path, ignore_errors=True)
        if mishap == "replaced":
            Home.open(home.path)
        output = (await asyncio.to_thread(service.communicate, timeout=60))[1].decode()

        assert service.returncode == 1
        assert f"was deleted, moved or replaced while the service of {home.path} ran" in output
        await until(lambda: not any(worker.is_running() for worker in workers))
        assert await stop(Home.open(home.path)) is False
    finally:
        service.kill()
        service.wait()


async def test_a_service_whose_socket_is_gone_is_reported_and_can_be_stopped(home):
    """As after a cleaner of temporary files came by."""
    pid = await pid_of(home)
    home.socket.unlink()
    with pytest.raises(ServiceUnavailable, match=str(pid)):
        await attach(home, start_within=0.5)
    assert await stop(home)
    assert await pid_of(home) != pid


async def test_stopping_what_does_not_run_says_so(home):
    """And is no error."""
    assert await stop(home) is False


async def test_another_version_is_reported_and_restarted_on_request(home):
    """Both versions, the process, and what to do."""
    log = subprocess.DEVNULL
    with python("-c", OF_ANOTHER_VERSION, str(home.path), stdout=log, stderr=log) as other:
        await until(lambda: home.socket.exists())
        with pytest.raises(VersionMismatch) as raised:
            await attach(home)
        for word in ("99.0", __version__, str(other.pid), "datagen-nb stop", "restart=True"):
            assert word in str(raised.value)
        assert await pid_of(home, restart=True) != other.pid
        assert other.wait(DEADLINE) == 0


async def test_a_newer_service_is_recognised_though_it_tells_more(home):
    """Version and process are all that is read before they agree."""
    output = json.dumps({"version": "99.0", "pid": 7, "novelty": {"unheard": "of"}}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(output)

    async def answer(reader, writer):
        if await reader.readline():  # a probe of the socket sends nothing
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head + output)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(answer, str(home.socket)):
        with pytest.raises(VersionMismatch, match=r"99\.0"):
            await attach(home)
    home.socket.unlink(missing_ok=True)


def serving(home, idle):
    options = ["serve", "--local", "--home", str(home.path), "--idle-seconds", str(idle)]
    return python("-m", "datagen_nb", *options, stderr=subprocess.DEVNULL)


async def test_an_idle_service_ends_by_itself(home):
    """With status 0 and no socket left."""
    with serving(home, 0.2) as service:
        assert service.wait(DEADLINE) == 0
    assert not home.socket.exists()
    assert not home.is_locked()


async def test_an_open_stream_keeps_it_from_being_idle(home):
    """It ends once the stream is closed."""
    with serving(home, 0.5) as service:
        await until(lambda: launch.is_listening(home))
        async with attached(home, start=False) as jobs:
            async with following(jobs, home) as (task, _):
                await asyncio.wait([task], timeout=2)
                assert service.poll() is None
        assert service.wait(DEADLINE) == 0


async def test_a_second_service_of_a_home_says_that_one_runs(home):
    """With a status of its own, by which a starter knows that it lost a race."""
    await pid_of(home)
    with python(
        "-m", "datagen_nb", "serve", "--home", str(home.path), stderr=subprocess.PIPE
    ) as second:
        _, output = second.communicate(timeout=DEADLINE)
    assert second.returncode == EXIT_ALREADY_RUNNING
    assert b"already runs" in output


@pytest.fixture
def runtime(monkeypatch):
    """A runtime directory with a short path, as systems give it."""
    with tempfile.TemporaryDirectory(prefix="dg", dir="/tmp") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        yield Path(place)


async def test_every_environment_finds_the_same_service(home, request):
    """A terminal and a kernel seldom agree on their runtime directories."""
    pid = await pid_of(home)
    runtime = request.getfixturevalue("runtime")
    assert Home.open(home.path / "other").socket.is_relative_to(runtime)
    other = Home.open(home.path)
    assert other.socket == home.socket
    assert await pid_of(other) == pid


async def test_a_service_that_chose_another_place_than_was_expected_is_found(home, runtime):
    """The home was looked at before a service of another environment started."""
    pid = await pid_of(home)
    assert home.owner().socket.is_relative_to(runtime)
    assert home.owner().socket != home.socket
    assert await pid_of(home) == pid


def test_a_socket_directory_that_is_gone_is_chosen_anew(tmp_path, runtime, monkeypatch):
    """What the home remembers counts only while it is there and the user's own."""
    home = Home.open(tmp_path / "home")
    with home.lock():
        pass
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert home.socket.is_relative_to(runtime)
    assert Home.open(home.path).socket == home.socket
    home.socket.parent.rmdir()
    assert Home.open(home.path).socket != home.socket


async def test_a_service_that_cannot_start_quotes_its_log(home):
    """The database is a directory."""
    home.database.mkdir()
    with pytest.raises(ServiceStartFailed) as raised:
        await attach(home)
    assert str(home.database) in str(raised.value)
    assert str(home.log_file) in str(raised.value)


async def test_a_service_that_cannot_write_says_why(home, monkeypatch):
    """A disk that is full leaves no log to quote; a log that cannot be opened is named."""

    def full(**values):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(launch.sys, "executable", "/bin/false")
    monkeypatch.setattr(launch.tempfile, "TemporaryFile", full)
    with pytest.raises(ServiceStartFailed, match=r"Nothing can be written.*No space left"):
        await attach(home)
    home.log_file.unlink()
    home.log_file.mkdir()
    with pytest.raises(HomeError, match=r"service\.log cannot be written: Is a directory"):
        await attach(home)


def test_a_service_gets_nothing_that_was_meant_for_one_kernel(monkeypatch):
    """Neither a proxy nor a number of threads, nor another home's settings, nor a key."""
    for name in (
        "HTTPS_PROXY",
        "no_proxy",
        "PYTHONSTARTUP",
        "OMP_NUM_THREADS",
        "DATAGEN_HOME",
        "DATAGEN_API_KEY",
        "JPY_PARENT_PID",
        "LD_PRELOAD",
    ):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("DATAGEN_SLOTS", "3")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    given = launch._environment()
    assert "canary" not in given.values()
    assert (given["DATAGEN_SLOTS"], given["LC_ALL"]) == ("3", "C.UTF-8")
    assert given["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_home_that_cannot_be_is_reported_with_path_and_remedy(tmp_path, below):
    """A file stands in its place, or above it."""
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / below
    with pytest.raises(HomeError) as raised:
        Home.open(place)
    assert str(place) in str(raised.value)
    assert "DATAGEN_HOME" in str(raised.value)


def test_a_home_of_another_user_is_refused(tmp_path, monkeypatch):
    """Its owner could read all."""
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: place.stat().st_uid + 1)
    with pytest.raises(HomeError, match="another user"):
        Home.open(place)


def test_a_home_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    """Reported before anything is started."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(HomeError, match="cannot be written to"):
        Home.open(tmp_path / "home")


def test_a_directory_that_serves_others_is_not_closed_to_them(tmp_path):
    """``DATAGEN_HOME=/tmp`` must not take /tmp away from everybody."""
    place = tmp_path / "shared"
    place.mkdir()
    place.chmod(0o755)
    (place / "somebodys").write_text("")
    with pytest.raises(HomeError, match="other users can enter"):
        Home.open(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


@pytest.mark.parametrize("holds", [None, "service.lock"])
def test_an_empty_directory_or_an_old_home_is_closed_to_others(tmp_path, holds):
    """As after ``mkdir``, or from a backup."""
    place = tmp_path / "home"
    place.mkdir()
    place.chmod(0o755)
    if holds:
        (place / holds).write_text("")
    Home.open(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_socket_directory_that_is_a_link_is_refused(tmp_path, runtime):
    """Someone else may have put it there."""
    (runtime / f"datagen-nb-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(HomeError, match="link"):
        Home.open(tmp_path / "home")


def test_the_sockets_path_is_short_wherever_the_home_is(tmp_path, monkeypatch):
    """A socket's path has room for about 100 bytes."""
    deep = tmp_path.joinpath(*["a long name of a directory"] * 6)
    monkeypatch.setenv("TMPDIR", str(deep))
    assert len(os.fsencode(Home.open(deep / "home").socket)) <= 100


def test_a_home_by_another_name_is_the_same_home(tmp_path):
    """Links are resolved."""
    home = Home.open(tmp_path / "home")
    (tmp_path / "link").symlink_to(home.path)
    assert Home.open(tmp_path / "link") == home


def test_a_file_system_without_locks_is_reported(tmp_path, monkeypatch):
    """Rather than two services on one database."""

    def refuse(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    home = Home.open(tmp_path / "home")
    monkeypatch.setattr(fcntl, "flock", refuse)
    for take in (home.is_locked, home.lock().__enter__):
        with pytest.raises(HomeError, match="local disk"):
            take()


def test_a_lock_that_cannot_be_opened_is_reported(tmp_path):
    """With its path."""
    home = Home.open(tmp_path / "home")
    (home.path / "service.lock").mkdir()
    with pytest.raises(HomeError, match=r"service\.lock"):
        home.is_locked()
