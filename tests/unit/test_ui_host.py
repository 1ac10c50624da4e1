"""Where widgets do not move: which form a card has, and how it is updated in its place."""

import queue
import sys
import types

import pytest
from anywidget._util import enable_custom_widget_manager_once

import datagen_nb as dg
from datagen_nb.ui import host, updated_card
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.updated_card import UpdatedCard
from tests.deadline import DEADLINE


@pytest.fixture
def colab(monkeypatch):
    """Colab's module, as far as it matters; how often its manager was asked for."""
    asked = []
    package, output = types.ModuleType("google.colab"), types.ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: asked.append(True)
    package.output = output
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    enable_custom_widget_manager_once.cache_clear()
    yield asked
    enable_custom_widget_manager_once.cache_clear()


@pytest.fixture
def displays(monkeypatch):
    """What is displayed, then each update."""
    shown = queue.Queue()

    class Handle:
        def update(self, data, *, raw):
            assert raw
            shown.put(data)

    def display(data, *, raw, display_id):
        assert (raw, display_id) == (True, True)
        shown.put(data)
        return Handle()

    monkeypatch.setattr(updated_card, "display", display)
    return shown


def until(displays, words):
    """All that was displayed, up to one that holds these words."""
    seen = []
    while not seen or words not in seen[-1]["text/plain"]:
        seen.append(displays.get(timeout=DEADLINE))
    return seen


def test_colabs_widget_manager_is_enabled_once(colab, table):
    """By itself, before the first widget is shown: anywidget does it."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000)
        assert colab == []
        job.card("widget")
        job.card("widget")
    assert colab == [True]


def test_a_card_has_the_form_that_was_chosen_or_that_the_host_can(colab, table, monkeypatch):
    """The call's word first, then the environment's, then the host's."""
    assert host.form() == "html"
    assert host.form("widget") == "widget"
    monkeypatch.setenv("DATAGEN_DISPLAY", "text")
    assert host.form() == "text"
    assert host.form("html") == "html"
    monkeypatch.delenv("DATAGEN_DISPLAY")
    monkeypatch.delitem(sys.modules, "google.colab")
    assert host.form() == "widget"
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000)
        assert isinstance(job.card(), JobCard)
        assert isinstance(job.card("html"), UpdatedCard)


@pytest.mark.parametrize("word", ["HTML", "card", "none"])
def test_an_unknown_form_is_refused_in_words(word, monkeypatch):
    """With its place and the choice."""
    with pytest.raises(dg.errors.ConfigurationError, match=r"mode.*widget, html, text"):
        host.form(word)
    monkeypatch.setenv("DATAGEN_DISPLAY", word)
    with pytest.raises(dg.errors.ConfigurationError, match=r"DATAGEN_DISPLAY.*widget, html"):
        host.form()


def test_an_html_card_is_updated_to_the_end(table, displays):
    """It moves, and its last form is that of a card that stands still."""
    with dg.connect("mock", speed=20) as client:
        job = client.submit(table, rows=1_000)
        job.card("html")._ipython_display_()
        seen = until(displays, "completed")
    assert len(seen) > 2
    assert "job.cancel()" in seen[0]["text/html"]
    assert "as of" in seen[0]["text/html"]
    assert seen[-1]["text/plain"] == "Job people: completed, 1,000 rows"
    assert "fidelity" in seen[-1]["text/html"]


def test_a_text_card_has_no_html(table, displays):
    """A bar of characters, and a change of state at once."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000)
        job.card("text")._ipython_display_()
        job.pause()
        seen = until(displays, "paused")
        assert "can be resumed until" in seen[-1]["text/plain"]
        job.cancel()
        assert until(displays, "cancelled")[-1] == {
            "text/plain": "Job people: cancelled, 1,000 rows"
        }
    assert set().union(*seen) == {"text/plain"}


def test_an_ended_job_is_displayed_once(table, displays):
    """It is not watched any more."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000)
        job.cancel()
        job.card("text")._ipython_display_()
        assert displays.get(timeout=DEADLINE)["text/plain"].startswith("Job people: cancelled")
        assert displays.empty()


def test_a_service_that_is_gone_is_reported(table, displays, monkeypatch):
    """The card does not just stand."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000)

        async def broken(self):
            raise dg.errors.ServiceUnavailable("The service is gone.")
            yield

        monkeypatch.setattr(type(job.asynchronous), "updates", broken)
        job.card("html")._ipython_display_()
        assert "The job goes on" in until(displays, "The service is gone.")[-1]["text/html"]


def test_hostile_names_stay_text_while_a_job_goes_on(table, displays):
    """In HTML they are escaped."""
    with dg.connect("mock", scenario="slow", speed=1) as client:
        job = client.submit(table, rows=1_000, name="<img src=x onerror=alert(1)>")
        job.card("html")._ipython_display_()
        assert "<img" not in displays.get(timeout=DEADLINE)["text/html"]
