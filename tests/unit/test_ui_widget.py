"""What all widgets share: one writer, answered requests, and a pace."""

import asyncio
import base64
import gzip
import threading
from concurrent.futures import Future

import pytest

import datagen_nb as dg
from datagen_nb.ui import throttle as throttle_module
from datagen_nb.ui import widget
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.modules import built
from datagen_nb.ui.protocol import answer
from datagen_nb.ui.throttle import MAX_PER_SECOND, MIN_INTERVAL, SENDER_SECONDS, SendRate, Throttle
from tests.deadline import DEADLINE


@pytest.fixture
def client():
    """A mock so slow that its jobs do not end by themselves."""
    with dg.connect("mock", scenario="slow", speed=1) as connected:
        yield connected


def test_a_view_model_is_written_by_the_clients_thread_alone(client, table, ask, monkeypatch):
    """Two writers would overtake each other, and the older snapshot would stay."""
    writers = set()
    put = widget.WidgetBase.set_snapshot

    def seen(self, snapshot):
        writers.add(threading.current_thread().name)
        put(self, snapshot)

    monkeypatch.setattr(widget.WidgetBase, "set_snapshot", seen)
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


def test_what_a_browser_has_missed_it_can_ask_for(client, table, ask):
    """The heartbeat carries the number of the newest snapshot."""
    history = dg.history(client)
    before = history.snapshot["seq"]
    history.filter(text="nothing")
    newest = ask(history, "resync")["result"]
    assert newest["seq"] > before
    assert newest == history.snapshot


def test_a_heartbeat_names_the_newest_snapshot(client, table, monkeypatch):
    """So that a browser that has an older one finds out."""
    monkeypatch.setattr(widget, "HEARTBEAT_SECONDS", 0.01)
    history = dg.history(client)
    heard = threading.Event()

    def beaten(change):
        if change.new["seq"] == history.snapshot["seq"] > 0:
            heard.set()

    history.view_model.observe(beaten, "heartbeat")
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
    assert one.view_model.holder == other.view_model.holder
    assert len(one.view_model._esm) < 3_000
    packed = ask(one, "module")["result"]
    assert gzip.decompress(base64.b64decode(packed)).decode() == built("card.js")


def test_many_senders_send_seldom(monkeypatch):
    """All together stay below what a server lets through; a silent one slows none."""
    now = 0.0
    monkeypatch.setattr(throttle_module.time, "monotonic", lambda: now)
    rate = SendRate()
    rate.live = 100
    assert rate.interval() == MIN_INTERVAL
    for who in range(100):
        rate.sent(who)
        rate.sent(who)
    assert 100 / rate.interval() <= MAX_PER_SECOND
    now += SENDER_SECONDS / 2
    rate.sent(7)
    now += SENDER_SECONDS / 2 + 1
    assert rate.interval() == MIN_INTERVAL


def test_a_foreign_message_is_left_alone():
    """No id, no answer."""
    sent = []
    answer(sent.append, {"event": "hover"}, [], lambda asked: Future())
    answer(sent.append, "text", [], lambda asked: Future())
    assert sent == []


async def test_a_throttle_passes_the_newest_and_the_last_at_once():
    """Ten values in one instant are two: the first, and the last."""
    got = []
    throttle = Throttle(got.append, lambda: 60)
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
        built("nothing.js")


def test_a_host_without_boxes_shows_the_call_instead(ask, table):
    """marimo shows no boxes: what cannot be seen is not opened in silence."""
    with dg.connect("mock", speed=1000) as client:
        job = client.submit(table, rows=10).wait()
        card = JobCard(job)
        card._display_()
        assert ask(card, "view")["error"].endswith("write job.result().view()")
        assert card.children == (card.view_model,)
