"""The client's thread: nothing blocks it, and an interrupt only stops the waiting."""

import asyncio
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.widget import ViewModel
from tests.deadline import DEADLINE

FILES = {"open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir"}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n3,z\n" * 20)
    return path


@pytest.fixture
def client():
    with dg.connect("mock", speed=1_000) as connected:
        yield connected


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A service in a process of its own: what its client does is the client's."""
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.launch import stop

    home = tmp_path_factory.mktemp("home")
    with dg.connect(home=home) as connected:
        yield connected
    asyncio.run(stop(Home.open(home)))


_touched: list[str] | None = None


def _audit(event, arguments):
    if _touched is None or event not in FILES:
        return
    if threading.current_thread().name != "datagen-portal":
        return
    path = str(arguments[0]) if arguments else ""
    is_module = path.endswith((".py", ".pyc", ".so")) or "site-packages" in path
    if not is_module and not path.startswith("/proc/"):
        _touched.append(f"{event} {path}")


sys.addaudithook(_audit)


def test_no_file_is_touched_on_the_clients_thread(local, table, tmp_path):
    """A file system that hangs, or a pipe, would hold up every client of the process."""
    global _touched
    frame = pd.DataFrame({"a": range(100), "b": ["x"] * 100})
    local.submit(table, rows=5).result().head()  # what is imported at first is read on the way
    _touched = []
    try:
        job = local.submit(table, rows=50, output=tmp_path / "made.csv").wait()
        local.submit(frame, rows=50).wait()
        local.estimate(local.configure(table, rows=5))
        data = job.result()
        assert len(data.head()) == 5
        assert len(data.to_pandas()) == 50
        data.download(tmp_path / "down.parquet")
        assert _touched == []
    finally:
        _touched = None


def interrupt(client, monkeypatch, *, after=0):
    """Have the kernel interrupted while a plain call waits, once so many have."""
    waits = []

    def attend(_waited_for):
        waits.append(1)
        if len(waits) == after + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(client.portal, "attend", attend)


@pytest.mark.parametrize("call", ["result", "wait", "updates", "follow_logs"])
def test_an_interrupt_stops_the_waiting_alone(monkeypatch, table, call):
    """The job goes on, and so does the client."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=5)
        interrupt(client, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            list(getattr(job, call)() or ())
        assert not job.status.status.is_terminal
        assert next(iter(job.updates())).job_id == job.id
        assert job.cancel().status == "cancelled"


def test_a_walk_that_is_interrupted_between_two_steps_is_closed(monkeypatch, table):
    """A step that waits is given up before the walk is closed."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=5)
        updates = job.updates()
        next(updates)
        interrupt(client, monkeypatch, after=3)
        with pytest.raises(KeyboardInterrupt):
            for _ in updates:
                pass
        assert not job.status.status.is_terminal


def test_many_widgets_opened_at_once_do_not_wait_for_one_another(client, table, monkeypatch):
    """What they ask in plain calls is done by other threads than they hold."""
    answers = queue.Queue()
    monkeypatch.setattr(
        ViewModel, "send", lambda _model, content, _buffers=None: answers.put(content)
    )
    loop = client.portal.loop
    before, few = loop._default_executor, ThreadPoolExecutor(1)
    job = client.submit(table, rows=5).wait()
    loop.set_default_executor(few)
    try:
        for name in ("1", "2", "3"):
            asked = {"id": name, "action": "view", "body": {}}
            JobCard(job).view_model._handle_custom_msg(asked, [])
        found = [answers.get(timeout=DEADLINE) for _ in range(6)]
    finally:
        loop.set_default_executor(before)
        few.shutdown()
    opened = [answer for answer in found if "acknowledged" not in answer]
    assert sorted(answer["id"] for answer in opened) == ["1", "2", "3"]
    assert all(answer["result"] is None for answer in opened)
