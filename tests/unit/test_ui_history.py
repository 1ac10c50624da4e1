"""The history's Python side over the mock: pages, filters, live changes, what is done to jobs."""

import asyncio
import time

import pytest

import datagen_nb as dg
from datagen_nb.core.status import State
from datagen_nb.ui import history as history_module
from tests.widgets import until


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as connected:
        yield connected


@pytest.fixture
def slow_client():
    """A client whose jobs do not end by themselves."""
    with dg.connect("mock", scenario="slow", speed=1) as connected:
        connected.set_max_waiting(100)
        yield connected


def names(snapshot):
    return [row["name"] for row in snapshot["rows"]]


def done(client, table, number=3, **fields):
    jobs = [client.submit(table, rows=10 + n, name=f"job {n}", **fields) for n in range(number)]
    for job in jobs:
        job.wait()
    return jobs


def test_no_jobs_is_a_page_too(client):
    """With what to expect."""
    history = dg.history(client)

    assert (history.snapshot["rows"], history.snapshot["total"]) == ([], 0)
    assert len(history.frame()) == 0
    assert history.static_repr()[0] == "History: 0 jobs"
    history.close()


def test_a_new_job_appears_and_moves_by_itself(client, table):
    """From the customer's own events."""
    history = dg.history(client)
    client.submit(table, rows=10, name="fresh").wait()

    seen = until(history, lambda shown: shown["counts"].get("completed") == 1)
    assert names(seen) == ["fresh"]
    assert seen["rows"][0]["status"] == "completed"
    assert seen["rows"][0]["size"] > 0
    history.close()


def test_filters_sorts_and_pages(client, table, ask, monkeypatch):
    """From Python and from the browser alike; a page back is the page that was there."""
    monkeypatch.setattr(history_module, "PAGE", 2)
    done(client, table, 5, tags=["nightly"])
    history = dg.history(client)
    assert names(history.snapshot) == ["job 4", "job 3"]

    ask(history, "next")
    assert names(history.snapshot) == ["job 2", "job 1"]
    ask(history, "next")
    assert (names(history.snapshot), history.snapshot["more"]) == (
        ["job 0"],
        False,
    )
    ask(history, "next")
    ask(history, "previous")
    assert (names(history.snapshot), history.snapshot["first"]) == (
        ["job 2", "job 1"],
        2,
    )

    ask(history, "sort", by="rows", order="asc")
    assert names(history.snapshot) == ["job 0", "job 1"]
    assert "not one of a history" in ask(history, "sort", by="luck", order="asc")["error"]
    ask(history, "text", text="job 3")
    assert (names(history.snapshot), history.snapshot["total"]) == (
        ["job 3"],
        1,
    )
    history.filter(text="", status="failed")
    seen = until(history, lambda shown: shown["query"]["status"] == ["failed"])
    assert (seen["rows"], seen["total"], seen["counts"]) == ([], 0, {"completed": 5})
    ask(history, "period", period="today", since="2999-01-01T00:00:00Z")
    assert history.snapshot["query"]["period"] == "today"
    history.close()


def test_what_is_marked_is_a_frame(client, table, ask):
    """Also from another page; what was deleted is left out."""
    jobs = done(client, table)
    history = dg.history(client)
    seen = []
    history.observe(lambda change: seen.append(change.new), "selected")
    ask(history, "select", ids=[jobs[2].id, jobs[0].id])
    assert history.snapshot["selected"] == [jobs[2].id, jobs[0].id]
    history.filter(text="job 2")

    frame = history.selection()
    assert list(frame["name"]) == ["job 2", "job 0"]
    assert list(frame["rows"]) == [12, 10]
    assert list(frame["fidelity"]) == [jobs[2].report.fidelity, jobs[0].report.fidelity]
    assert list(frame["source"]) == [jobs[2].status.source, jobs[0].status.source]
    assert all(row["fidelity"] and row["source"] for row in history.snapshot["rows"])
    assert str(frame["created"].dtype) == "datetime64[ms, UTC]"
    assert seen == [(jobs[2].id, jobs[0].id)]
    jobs[0].delete()
    assert list(history.selection()["name"]) == ["job 2"]
    history.close()


def test_many_are_cancelled_and_deleted_and_refusals_are_reported(slow_client, table, ask):
    """What cannot be done is said, the rest is done."""
    jobs = [slow_client.submit(table, rows=10, name=f"job {n}") for n in range(3)]
    history = dg.history(slow_client)
    ids = [job.id for job in jobs]

    assert ask(history, "cancel", ids=ids[:2])["result"] == {"done": 2, "refused": []}
    ask(history, "select", ids=ids)
    gone = ask(history, "delete", ids=ids)["result"]
    assert gone["done"] == 2
    assert "can be deleted" in gone["refused"][0]
    assert history.selected == (ids[2],)
    until(history, lambda shown: names(shown) == ["job 2"])
    history.close()


def test_one_job_is_paused_resumed_written_on_opened_and_run_again(slow_client, table, ask):
    """Each by its row."""
    job = slow_client.submit(table, rows=10, name="one")
    history = dg.history(slow_client)
    assert ask(history, "pause", id=job.id).get("error") is None
    until(history, lambda shown: shown["rows"][0]["status"] == "paused")
    assert ask(history, "resume", id=job.id).get("error") is None
    until(history, lambda shown: shown["rows"][0]["status"] in {"queued", "running"})

    ask(history, "annotate", id=job.id, tags=["a", "b"], note="n" * 300)
    seen = until(history, lambda shown: shown["rows"][0]["tags"])
    assert (seen["rows"][0]["tags"], len(seen["rows"][0]["note"])) == (["a", "b"], 120)
    assert ask(history, "note", id=job.id)["result"] == {"tags": ["a", "b"], "note": "n" * 300}
    assert "2,000" in ask(history, "annotate", id=job.id, tags=[], note="n" * 2_001)["error"]

    assert ask(history, "open", id=job.id).get("error") is None
    assert len(history.children) == 2
    ask(history, "close")
    assert len(history.children) == 1
    ask(history, "rerun", id=job.id)
    until(history, lambda shown: len(shown["rows"]) == 2)
    assert "no job" in ask(history, "pause", id="j_nowhere")["error"]
    assert "cannot fly" in ask(history, "fly", id=job.id)["error"]
    history.close()


def test_states_are_a_trait_that_only_takes_states(client):
    """A typing error is reported where it was made."""
    history = dg.history(client)
    with pytest.raises(ValueError, match="done"):
        history.status = ("done",)
    history.status = (State.FAILED,)
    assert history.status == ("failed",)
    history.close()


def test_a_hundred_running_jobs_are_reported_twice_a_second(slow_client, table, monkeypatch):
    """However much they tell."""
    history = dg.history(slow_client)
    shown = []
    history.view_model.observe(lambda change: shown.append(change.new), "snapshot")
    began = time.monotonic()
    for n in range(60):
        slow_client.submit(table, rows=10, name=f"job {n}")

    async def rest():
        await asyncio.sleep(1.5)

    slow_client.portal.call(rest())
    assert until(history, lambda one: one["total"] == 60)
    assert len(shown) <= 30
    assert len(shown) <= 4 + 2 * (time.monotonic() - began)
    history.close()


def test_a_report_opens_below_the_history(client, table, ask):
    """By the menu of its row."""
    job = client.submit(table, rows=100).wait()
    history = dg.history(client)
    assert ask(history, "report", id=job.id) == {"result": None}
    assert "Fidelity" in history.children[1].value
