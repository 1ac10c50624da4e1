"""A job is followed to its end through any proxy, and no event is lost or doubled."""

import asyncio
import os
import re
import socket
import subprocess
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from datagen_nb.api.client import event_stream
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.core.status import State
from tests.deadline import DEADLINE
from tests.serving import Proxy, mock_jobs, serving, submitted

NGINX = os.environ.get("NGINX", "/usr/sbin/nginx")
PAGE = Path(__file__).parents[2] / "docs" / "proxies.md"
WAYS = ["passes", "holds", "gathers", "cuts", "dies", "delays"]


@pytest.fixture
async def port(tmp_path):
    """Of a service whose jobs take about a second."""
    async with mock_jobs(tmp_path, speed=20) as jobs, serving(jobs, heartbeat=0.1) as (_, port):
        yield port


@pytest.fixture
async def calm_port(tmp_path):
    """Of one whose streams are not taken for silent when the machine is busy."""
    async with mock_jobs(tmp_path, speed=20) as jobs, serving(jobs, heartbeat=2) as (_, port):
        yield port


@asynccontextmanager
async def client(port):
    jobs = HttpJobs.over_http(f"http://127.0.0.1:{port}")
    try:
        yield jobs
    finally:
        await jobs.aclose()


@pytest.fixture
def hasty(monkeypatch):
    """Timeouts of the client so short that a test need not wait."""
    monkeypatch.setattr(event_stream, "HEARTBEAT_GRACE", 0.5)
    monkeypatch.setattr(event_stream, "FIRST_POLLING_SECONDS", 0.5)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("way", WAYS)
async def test_a_job_is_waited_for_through_any_proxy(port, way):
    """What is not pushed is asked for."""
    async with Proxy(port, way).listening() as front, client(front) as jobs:
        job = AsyncJob(jobs, await submitted(jobs))
        async with asyncio.timeout(DEADLINE):
            assert (await job.wait()).status is State.COMPLETED


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("way", WAYS)
async def test_no_event_is_lost_or_doubled_through_any_proxy(port, way):
    """Streams and pages share a cursor, whichever of them works at the moment.

    An event that was overtaken is read with a later status of its job: cursors and jobs count.
    """
    seen, ended = [], set()
    proxy = Proxy(port, "passes")
    async with proxy.listening() as front, client(front) as jobs:
        async with asyncio.timeout(DEADLINE), aclosing(jobs.events(after=0)) as following:
            await submitted(jobs, "0")
            async for event in following:
                seen.append(event)
                if event.event == "job.completed" and event.data.job_id not in ended:
                    ended.add(event.data.job_id)
                    if len(ended) == 4:
                        break
                    # The way that is tested, and one that works, in turns.
                    proxy.way = way if len(ended) % 2 else "passes"
                    await submitted(jobs, str(len(ended)))
        page, whole = await jobs.event_page(after=0), []
        while page.events:
            whole += page.events
            page = await jobs.event_page(after=page.cursor)
    assert [(event.cursor, event.data.job_id) for event in seen] == [
        (event.cursor, event.data.job_id) for event in whole[: len(seen)]
    ]


@pytest.mark.usefixtures("hasty")
async def test_a_line_that_works_again_is_streamed_over_again(port):
    """Polling is what remains, not what stays."""
    proxy = Proxy(port, "holds")
    async with proxy.listening() as front, client(front) as jobs:
        job = AsyncJob(jobs, await submitted(jobs))
        async with asyncio.timeout(DEADLINE), aclosing(jobs.events()) as following:
            await anext(following)
            await job.wait()
            proxy.way, before = "passes", proxy.streams
            stream = jobs._events._stream
            await read_until(following, lambda: not stream._is_polling and proxy.streams > before)


async def read_until(events, condition):
    """Read events until a condition holds."""
    waiting = asyncio.ensure_future(anext(events))
    while not condition():
        await asyncio.wait([waiting], timeout=0.05)
        if waiting.done():
            waiting = asyncio.ensure_future(anext(events))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def documented():
    """The server that the page on proxies gives for nginx."""
    [block] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return re.sub(r"\n *(ssl_\w+|server_name) .*", "", block)


PLAIN = """server {
    listen 443 ssl;
    location / {
        proxy_pass http://127.0.0.1:8765;
    }
}
"""
CONFIGURATIONS = {
    "plain": PLAIN,
    "holding": PLAIN.replace("8765;", "8765;\n        proxy_ignore_headers X-Accel-Buffering;"),
    "compressing": PLAIN.replace(
        "location", "gzip on;\n    gzip_types *;\n    gzip_proxied any;\n    location"
    ),
    "impatient": PLAIN.replace("8765;", "8765;\n        proxy_read_timeout 1s;"),
}


@asynccontextmanager
async def nginx(folder, upstream, server):
    """Debian's nginx before a service; its port."""
    front = free_port()
    server = server.replace("listen 443 ssl", f"listen 127.0.0.1:{front}")
    server = server.replace("127.0.0.1:8765", f"127.0.0.1:{upstream}")
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{server}}}\n"
    )
    running = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", front)
                    break
                except ConnectionError:
                    if running.returncode is not None:
                        pytest.fail((await running.stderr.read()).decode())
                    await asyncio.sleep(0.05)
        writer.close()
        yield front
    finally:
        running.terminate()
        await running.communicate()


@pytest.mark.skipif(
    not Path(NGINX).exists(), reason=f"no nginx at {NGINX}: apt-get install nginx-light"
)
@pytest.mark.parametrize("configuration", [*CONFIGURATIONS, "documented"])
async def test_a_job_is_waited_for_behind_nginx(calm_port, tmp_path, configuration):
    """With nothing set, with what holds a stream back, and with what our page says."""
    server = CONFIGURATIONS.get(configuration) or documented()
    folder = tmp_path / "nginx"
    folder.mkdir()
    async with nginx(folder, calm_port, server) as front, client(front) as jobs:
        job = AsyncJob(jobs, await submitted(jobs))
        async with asyncio.timeout(DEADLINE):
            assert (await job.wait()).status is State.COMPLETED
        if configuration in {"plain", "documented"}:
            async with asyncio.timeout(DEADLINE), aclosing(jobs.events(after=0)) as following:
                await anext(following)
                assert not jobs._events._stream._is_polling
