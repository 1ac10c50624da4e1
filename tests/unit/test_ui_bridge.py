"""What all widgets share: one writer, answered requests, and a pace."""

import asyncio
import base64
import gzip
import threading
from concurrent.futures import Future

import pytest

import datagen_nb as dg
from datagen_nb.ui import bridge
from datagen_nb.ui.card import JobCard

DEADLINE = 20.0


@pytest.fixture
def client():
    """A mock so slow that its jobs do not end by themselves."""
    with dg.connect("mock", scenario="slow", speed=1) as connected:
        yield connected


def test_a_face_is_written_by_the_clients_thread_alone(client, table, ask, monkeypatch):
    """Two writers would overtake each other, and the older snapshot would stay."""
    writers = set()
    put = bridge.Panel.put

    def seen(self, snapshot):
        writers.add(threading.current_thread().name)
        put(self, snapshot)

    monkeypatch.setattr(bridge.Panel, "put", seen)
    job = client.submit(table, rows=10)
    wizard, history = dg.wizard(client, job), dg.history(client)
    wizard.update(rows=20)
    wizard.step = "review"
    history.filter(text="people")
    history.selected = (job.id,)
    dashboard = dg.dashboard(client)
    dashboard.days = 7
    ask(job.card(), "pause")
    assert writers == {"datagen-portal"}


def test_what_a_face_has_missed_it_can_ask_for(client, table, ask):
    """The beat tells which snapshot is the newest."""
    history = dg.history(client)
    before = history.face.snapshot["told"]
    history.filter(text="nothing")
    newest = ask(history, "again")["result"]
    assert newest["told"] > before
    assert newest == history.face.snapshot


def test_a_beat_names_the_newest_snapshot(client, table, monkeypatch):
    """So that a face which has an older one finds out."""
    monkeypatch.setattr(bridge, "BEAT_SECONDS", 0.01)
    history = dg.history(client)
    heard = threading.Event()

    def beaten(change):
        if change.new["told"] == history.face.snapshot["told"] > 0:
            heard.set()

    history.face.observe(beaten, "beat")
    assert heard.wait(DEADLINE)


@pytest.mark.parametrize("way", ["after the cell", "on another thread", "in an awaiting cell"])
def test_requests_are_answered_however_a_kernel_schedules_them(client, table, ask, way):
    """ipykernel 6.31 handles them after the cell, 7.3 beside it, 7.4 while it awaits."""
    card = JobCard(client.submit(table, rows=1_000))
    answers = []

    def asked():
        answers.append(ask(card, "pause"))

    async def awaiting():
        asyncio.get_running_loop().call_soon(asked)
        while not answers:
            await asyncio.sleep(0)

    if way == "on another thread":
        beside = threading.Thread(target=asked)
        beside.start()
        beside.join(DEADLINE)
    elif way == "in an awaiting cell":
        asyncio.run(awaiting())
    else:
        asked()
    assert answers == [{"result": None}]
    assert card.job.status.status == "paused"


def test_a_page_gets_the_module_once_however_many_cards(client, table, ask):
    """Each card names it; a host without models can ask for it."""
    job = client.submit(table, rows=1_000)
    one, other = JobCard(job), JobCard(job)
    assert one.face.code == other.face.code
    assert len(one.face._esm) < 3_000
    packed = ask(one, "code")["result"]
    assert gzip.decompress(base64.b64decode(packed)).decode() == bridge.built("card.js")


def test_many_that_speak_speak_seldom(monkeypatch):
    """All together stay below what a server lets through; who waits in silence slows nobody."""
    now = 0.0
    monkeypatch.setattr(bridge.time, "monotonic", lambda: now)
    pace = bridge.Pace()
    pace.live = 100
    assert pace.seconds() == bridge.LEAST_SECONDS
    for who in range(100):
        pace.spoke(who)
        pace.spoke(who)
    assert 100 / pace.seconds() <= bridge.MOST_A_SECOND
    now += bridge.SPEAKING_SECONDS / 2
    pace.spoke(7)
    now += bridge.SPEAKING_SECONDS / 2 + 1
    assert pace.seconds() == bridge.LEAST_SECONDS


def test_a_foreign_message_is_left_alone():
    """No id, no answer."""
    sent = []
    bridge.answer(sent.append, {"event": "hover"}, [], lambda asked: Future())
    bridge.answer(sent.append, "text", [], lambda asked: Future())
    assert sent == []


async def test_a_throttle_passes_the_newest_and_the_last_at_once():
    """Ten values in one instant are two: the first, and the last."""
    got = []
    throttle = bridge.Throttle(got.append, lambda: 60)
    for value in range(9):
        throttle.offer(value)
    throttle.offer("end", at_once=True)
    assert got == [0, "end"]
    throttle.offer("later")
    throttle.close()
    assert got == [0, "end"]


def test_a_front_end_that_was_not_built_says_so():
    """With what to do."""
    with pytest.raises(dg.errors.ServiceError, match="make build"):
        bridge.built("nothing.js")


def test_a_host_of_faces_alone_is_told_the_call_instead(ask, table):
    """marimo shows no boxes: what cannot be seen is not opened in silence."""
    with dg.connect("mock", speed=1000) as client:
        job = client.submit(table, rows=10).wait()
        card = JobCard(job)
        card._display_()
        assert ask(card, "view")["error"].endswith("write job.result().view()")
        assert card.children == (card.face,)
