"""The card's Python side, over the mock pipeline: what it tells, and what it answers."""

import threading
from concurrent.futures import Future

import pytest

import datagen_nb as dg
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.result import ColumnFidelity, Memorisation, Report
from datagen_nb.ui import bridge
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.static_html import job_html, job_text, report_html, report_text

DEADLINE = 20.0


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("a,b\n1,x\n2,y\n3,z\n")
    return path


@pytest.fixture
def client():
    """A mock so slow that its jobs do not end by themselves."""
    with dg.connect("mock", scenario="slow", speed=1) as connected:
        yield connected


@pytest.fixture
def replies(monkeypatch):
    """What cards answer, and a way to wait for the next one."""
    sent, news = [], threading.Semaphore(0)

    def send(self, content, buffers=None):
        sent.append(content)
        news.release()

    monkeypatch.setattr(JobCard, "send", send)

    def ask(card, **content):
        data = {"method": "custom", "content": content}
        card._handle_msg({"content": {"data": data}, "buffers": []})
        assert news.acquire(timeout=DEADLINE)
        return sent[-1]

    return ask


def wait_for(card, holds):
    """Wait until the card's snapshot is as it should be."""
    seen = threading.Event()

    def look(_change=None):
        if holds(card.snapshot):
            seen.set()

    card.observe(look, "snapshot")
    look()
    assert seen.wait(DEADLINE), card.snapshot


def test_a_card_follows_its_job_to_the_end(table):
    """Without anyone asking; at the end it has the report."""
    with dg.connect("mock", speed=100) as client:
        card = JobCard(client.submit(table, rows=1_000))
        wait_for(card, lambda snapshot: snapshot["status"]["status"] == "completed")
        assert card.status == "completed"
        assert card.snapshot["title"] == "people"
        assert 0 < card.snapshot["report"]["fidelity"] <= 1


def test_buttons_do_what_they_say_and_are_answered(client, table, replies):
    """Pause, resume, cancel: each reply bears the id of its request."""
    card = JobCard(client.submit(table, rows=1_000))
    assert replies(card, id="1", action="pause") == {"id": "1"}
    wait_for(card, lambda snapshot: snapshot["status"]["status"] == "paused")
    assert replies(card, id="2", action="resume") == {"id": "2"}
    assert replies(card, id="3", action="cancel") == {"id": "3"}
    wait_for(card, lambda snapshot: snapshot["status"]["status"] == "cancelled")


def test_a_refusal_is_an_answer_too(client, table, replies):
    """The service's sentence reaches the browser; so does nonsense's."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    job.cancel()
    refused = replies(card, id="1", action="pause")
    assert refused["id"] == "1"
    assert "cannot be paused" in refused["error"]
    assert "cannot dance" in replies(card, id="2", action="dance")["error"]


def test_rerun_shows_the_new_job(client, table, replies):
    """The same card, another job."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    job.cancel()
    assert replies(card, id="1", action="rerun") == {"id": "1"}
    wait_for(card, lambda snapshot: snapshot["status"]["jobId"] != job.id)
    assert card.snapshot["status"]["status"] in {"queued", "running"}


def test_a_card_made_late_is_like_one_made_early(client, table):
    """Its truth is the service's: a restarted kernel shows the same."""
    job = client.submit(table, rows=1_000, name="late")
    job.cancel()
    early, late = JobCard(job), JobCard(client.jobs.last())
    assert early.snapshot == late.snapshot


def test_a_closed_card_follows_no_more(client, table):
    """The job goes on."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    card.close()
    assert card._feeding.cancelled()
    assert not job.status.status.is_terminal


def test_a_feed_that_breaks_says_why(client, table, monkeypatch):
    """Instead of standing still without a word."""
    job = client.submit(table, rows=1_000)

    async def broken(self):
        raise ServiceUnavailable("The service is gone.")
        yield

    monkeypatch.setattr(type(job.asynchronous), "updates", broken)
    card = JobCard(job)
    wait_for(card, lambda snapshot: snapshot.get("trouble") == "The service is gone.")


def test_a_foreign_message_is_left_alone():
    """No id, no answer."""
    sent = []
    bridge.answer(sent.append, {"event": "hover"}, lambda action: Future())
    bridge.answer(sent.append, "text", lambda action: Future())
    assert sent == []


async def test_a_throttle_passes_the_newest_and_the_last_at_once():
    """Ten values in one instant are two: the first, and the last."""
    got = []
    throttle = bridge.Throttle(got.append, 60)
    for value in range(9):
        throttle.offer(value)
    throttle.offer("end", at_once=True)
    assert got == [0, "end"]
    throttle.offer("later")
    throttle.close()
    assert got == [0, "end"]


def test_every_display_reads_without_a_browser(client, table):
    """Widget, HTML and text; the text of an ended job has no time and no id in it."""
    job = client.submit(table, rows=1_000)
    job.cancel()
    data, _ = job._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "Job people: cancelled, 1,000 rows"
    assert "Cancelled" in data["text/html"]


HOSTILE = '<img src=x onerror="alert(1)">'


def test_still_forms_show_hostile_text_as_text(client, table):
    """Names, errors, remedies, warnings, columns."""
    card = JobCard(client.submit(table, rows=1_000, name=HOSTILE))
    snapshot = card.snapshot
    snapshot["status"] |= {
        "status": "failed",
        "warnings": [HOSTILE],
        "error": {
            "code": HOSTILE,
            "message": HOSTILE,
            "details": {"stage": HOSTILE, "remedy": HOSTILE},
        },
    }
    assert "<img" not in job_html(snapshot)
    assert HOSTILE in job_text(snapshot)
    assert "<img" not in report_html(report(HOSTILE))


def report(column):
    return Report(
        fidelity=0.98,
        column_fidelity=0.98,
        columns=(ColumnFidelity(name=column, kind=column, score=0.98, metric=column),),
        pairs=(),
        memorisation=Memorisation(dcr_share=0.51, exact_row_share=0.0),
        rows_synthetic=10,
        rows_training=10,
        rows_held_back=2,
        notes=(column,),
    )


def test_a_report_reads_as_text():
    """Fidelity, memorisation in words, the columns."""
    text = report_text(report("carat"))
    assert text.splitlines()[0] == "Fidelity 98.0%, no closer to your rows than fresh ones are"
    assert "carat: 98.0%" in text


def test_a_front_end_that_was_not_built_says_so():
    """With what to do."""
    with pytest.raises(dg.errors.ServiceError, match="make build"):
        bridge.built("nothing.js")


def test_a_snapshot_of_an_unnamed_job_has_the_inputs_name(client):
    """Whatever the name, a card has a title."""
    from datagen_nb.ui.snapshot import snapshot_of

    config = JobConfiguration(
        data_size=1, input_format="csv", output_format="jsonl", input_path="/x/people.csv"
    )
    status = client.submit(config_table(), rows=1).status.model_copy(update={"name": ""})
    made = snapshot_of(status, config, None)
    assert (made["title"], made["format"]) == ("people", "JSON Lines")


def config_table():
    import pandas as pd

    return pd.DataFrame({"a": [1, 2]})
