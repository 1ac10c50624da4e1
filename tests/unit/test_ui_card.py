"""The card's Python side, over the mock pipeline: what it tells, and what it answers."""

import hashlib

import pytest

import datagen_nb as dg
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.result import ColumnFidelity, Memorisation, Report
from datagen_nb.ui import card as card_module
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.static_html import (
    job_html,
    job_text,
    moving_text,
    report_html,
    report_text,
)
from tests.faces import until

DEADLINE = 20.0


@pytest.fixture
def client():
    """A mock so slow that its jobs do not end by themselves."""
    with dg.connect("mock", scenario="slow", speed=1) as connected:
        yield connected


def test_a_card_follows_its_job_to_the_end(table):
    """Without anyone asking; at the end it has the report."""
    with dg.connect("mock", speed=100) as client:
        card = JobCard(client.submit(table, rows=1_000))
        until(card, lambda snapshot: snapshot["status"]["status"] == "completed")
        assert card.status == "completed"
        assert card.face.snapshot["title"] == "people"
        assert 0 < card.face.snapshot["report"]["fidelity"] <= 1


def test_buttons_do_what_they_say_and_are_answered(client, table, ask):
    """Pause, resume, cancel: each reply bears the id of its request."""
    card = JobCard(client.submit(table, rows=1_000))
    assert ask(card, "pause") == {"result": None}
    until(card, lambda snapshot: snapshot["status"]["status"] == "paused")
    assert ask(card, "resume") == {"result": None}
    assert ask(card, "cancel") == {"result": None}
    until(card, lambda snapshot: snapshot["status"]["status"] == "cancelled")


def test_a_refusal_is_an_answer_too(client, table, ask):
    """The service's sentence reaches the browser; so does nonsense's."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    job.cancel()
    assert "cannot be paused" in ask(card, "pause")["error"]
    assert "cannot dance" in ask(card, "dance")["error"]


def test_rerun_shows_the_new_job(client, table, ask):
    """The same card, another job."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    job.cancel()
    assert ask(card, "rerun") == {"result": None}
    until(card, lambda snapshot: snapshot["status"]["jobId"] != job.id)
    assert card.face.snapshot["status"]["status"] in {"queued", "running"}


def test_a_cancelled_jobs_card_tells_the_cooldown(client, table, ask):
    """When the next job starts."""
    card = JobCard(client.submit(table, rows=1_000))
    assert ask(card, "cancel") == {"result": None}
    until(card, lambda snapshot: "cooldownUntil" in snapshot)


def test_a_log_comes_whole_and_goes_on(client, table, ask):
    """What was said is the answer, what is said later follows; a very long line is cut."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    first = ask(card, "logs")["result"]
    job.cancel()
    lines = [line["cursor"] for line in first]
    wanted = [entry.cursor for entry in job.follow_logs()]
    while lines != wanted:
        content, _ = ask.events.get(timeout=DEADLINE)
        assert content["job"] == job.id
        lines += [line["cursor"] for line in content["lines"]]


@pytest.fixture
def done(table):
    """A card whose job has completed."""
    with dg.connect("mock", speed=1_000) as client:
        job = client.submit(table, rows=1_000, name="../people/..", format="csv")
        job.wait()
        yield JobCard(job)


def test_a_result_is_downloaded_in_chunks(done, ask, tmp_path, monkeypatch):
    """What the browser puts together is the file that ``download`` writes."""
    monkeypatch.setattr(card_module, "CHUNK", 1_000)
    file = ask(done, "download")["result"]
    assert file["name"] == "people-synthetic.csv"
    received = b""
    while len(received) < file["size"]:
        size = ask(done, "chunk", start=len(received))["result"]["size"]
        content, buffers = ask.events.get(timeout=DEADLINE)
        assert (content["start"], len(buffers[0])) == (len(received), size)
        received += buffers[0]
    wanted = done.job.result().download(tmp_path / "wanted.csv").read_bytes()
    assert hashlib.sha256(received).digest() == hashlib.sha256(wanted).digest()


def test_too_large_a_result_is_saved_beside_the_notebook(done, ask, tmp_path, monkeypatch):
    """Never over a file that is there."""
    monkeypatch.setattr(card_module, "MOST_DOWNLOAD", 10)
    monkeypatch.chdir(tmp_path)
    assert ask(done, "download")["result"]["tooLarge"]
    first, second = (ask(done, "save")["result"]["path"] for _ in range(2))
    assert first == str(tmp_path / "people-synthetic.csv")
    assert second == str(tmp_path / "people-synthetic-2.csv")


def test_view_opens_the_grid_below_the_card_and_shuts_it(done, ask):
    """The card stays what it was."""
    assert ask(done, "view") == {"result": None}
    face, grid = done.children
    assert face is done.face
    assert grid.source.num_rows == 1_000
    assert ask(done, "shut") == {"result": None}
    assert done.children == (done.face,)


def test_a_card_made_late_is_like_one_made_early(client, table):
    """Its truth is the service's: a restarted kernel shows the same."""
    job = client.submit(table, rows=1_000, name="late")
    job.cancel()
    early, late = JobCard(job), JobCard(client.jobs.last())
    assert early.face.snapshot == late.face.snapshot


def test_a_closed_card_follows_no_more(client, table):
    """The job goes on."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    following = list(card._following)
    card.close()
    assert following
    assert all(one.cancelled() for one in following)
    assert not job.status.status.is_terminal


def test_a_feed_that_breaks_says_why(client, table, monkeypatch):
    """Instead of standing still without a word."""
    job = client.submit(table, rows=1_000)

    async def broken(self):
        raise ServiceUnavailable("The service is gone.")
        yield

    monkeypatch.setattr(type(job.asynchronous), "updates", broken)
    card = JobCard(job)
    until(card, lambda snapshot: snapshot.get("trouble") == "The service is gone.")


def test_every_display_reads_without_a_browser(client, table):
    """Widget, HTML and text; the text of an ended job has no time and no id in it."""
    job = client.submit(table, rows=1_000)
    job.cancel()
    data, _ = job.card()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "Job people: cancelled, 1,000 rows"
    assert "Cancelled" in data["text/html"]


HOSTILE = '<img src=x onerror="alert(1)">'
ACTING = "\x1b[31mred\u202egnp.exe"


def test_still_forms_show_hostile_text_as_text(client, table):
    """Names, errors, remedies, warnings, columns."""
    card = JobCard(client.submit(table, rows=1_000, name=HOSTILE))
    snapshot = card.face.snapshot
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


def test_text_forms_show_what_would_act_as_escapes(client, table):
    """Jupyter paints the colours of a plain text, a terminal does more."""
    snapshot = JobCard(client.submit(table, rows=1_000, name=ACTING)).face.snapshot
    for form in (job_text, moving_text):
        assert form(snapshot).isprintable()
        assert "\\x1b[31mred\\u202egnp.exe" in form(snapshot)
    assert "\x1b" not in report_text(report(ACTING))
    assert f"<bdi>{ACTING}</bdi>" in job_html(snapshot)


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
