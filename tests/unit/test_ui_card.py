"""The card's Python side, over the mock pipeline: what it tells, and what it answers."""

import base64
import gzip
import hashlib
import queue
import threading
from concurrent.futures import Future

import pytest

import datagen_nb as dg
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.result import ColumnFidelity, Memorisation, Report
from datagen_nb.ui import bridge
from datagen_nb.ui import card as card_module
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
    """What cards answer; ``events`` holds what they say besides."""
    answers = queue.Queue()
    said = queue.Queue()

    def send(self, content, buffers=None):
        if "id" in content:
            answers.put(content)
        else:
            said.put((content, buffers))

    monkeypatch.setattr(bridge.Face, "send", send)

    def ask(card, action, **body):
        content = {"id": "7", "action": action, "body": body}
        data = {"method": "custom", "content": content}
        card.face._handle_msg({"content": {"data": data}, "buffers": []})
        answer = answers.get(timeout=DEADLINE)
        assert answer.pop("id") == "7"
        return answer

    ask.events = said

    return ask


def wait_for(card, holds):
    """Wait until the card's snapshot is as it should be."""
    seen = threading.Event()

    def look(_change=None):
        if holds(card.face.snapshot):
            seen.set()

    card.face.observe(look, "snapshot")
    look()
    assert seen.wait(DEADLINE), card.face.snapshot


def test_a_card_follows_its_job_to_the_end(table):
    """Without anyone asking; at the end it has the report."""
    with dg.connect("mock", speed=100) as client:
        card = JobCard(client.submit(table, rows=1_000))
        wait_for(card, lambda snapshot: snapshot["status"]["status"] == "completed")
        assert card.status == "completed"
        assert card.face.snapshot["title"] == "people"
        assert 0 < card.face.snapshot["report"]["fidelity"] <= 1


def test_buttons_do_what_they_say_and_are_answered(client, table, replies):
    """Pause, resume, cancel: each reply bears the id of its request."""
    card = JobCard(client.submit(table, rows=1_000))
    assert replies(card, "pause") == {"result": None}
    wait_for(card, lambda snapshot: snapshot["status"]["status"] == "paused")
    assert replies(card, "resume") == {"result": None}
    assert replies(card, "cancel") == {"result": None}
    wait_for(card, lambda snapshot: snapshot["status"]["status"] == "cancelled")


def test_a_refusal_is_an_answer_too(client, table, replies):
    """The service's sentence reaches the browser; so does nonsense's."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    job.cancel()
    assert "cannot be paused" in replies(card, "pause")["error"]
    assert "cannot dance" in replies(card, "dance")["error"]


def test_rerun_shows_the_new_job(client, table, replies):
    """The same card, another job."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    job.cancel()
    assert replies(card, "rerun") == {"result": None}
    wait_for(card, lambda snapshot: snapshot["status"]["jobId"] != job.id)
    assert card.face.snapshot["status"]["status"] in {"queued", "running"}


def test_a_cancelled_jobs_card_tells_the_cooldown(client, table, replies):
    """When the next job starts."""
    card = JobCard(client.submit(table, rows=1_000))
    assert replies(card, "cancel") == {"result": None}
    wait_for(card, lambda snapshot: "cooldownUntil" in snapshot)


def test_a_log_comes_whole_and_goes_on(client, table, replies):
    """What was said is the answer, what is said later follows; a very long line is cut."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    first = replies(card, "logs")["result"]
    job.cancel()
    lines = [line["cursor"] for line in first]
    wanted = [entry.cursor for entry in job.follow_logs()]
    while lines != wanted:
        content, _ = replies.events.get(timeout=DEADLINE)
        assert content["job"] == job.id
        lines += [line["cursor"] for line in content["lines"]]


@pytest.fixture
def done(table):
    """A card whose job has completed."""
    with dg.connect("mock", speed=1_000) as client:
        job = client.submit(table, rows=1_000, name="../people/..", format="csv")
        job.wait()
        yield JobCard(job)


def test_a_result_is_downloaded_in_chunks(done, replies, tmp_path, monkeypatch):
    """What the browser puts together is the file that ``download`` writes."""
    monkeypatch.setattr(card_module, "CHUNK", 1_000)
    file = replies(done, "download")["result"]
    assert file["name"] == "people-synthetic.csv"
    received = b""
    while len(received) < file["size"]:
        size = replies(done, "chunk", start=len(received))["result"]["size"]
        content, buffers = replies.events.get(timeout=DEADLINE)
        assert (content["start"], len(buffers[0])) == (len(received), size)
        received += buffers[0]
    wanted = done.job.result().download(tmp_path / "wanted.csv").read_bytes()
    assert hashlib.sha256(received).digest() == hashlib.sha256(wanted).digest()


def test_too_large_a_result_is_saved_beside_the_notebook(done, replies, tmp_path, monkeypatch):
    """Never over a file that is there."""
    monkeypatch.setattr(card_module, "MOST_DOWNLOAD", 10)
    monkeypatch.chdir(tmp_path)
    assert replies(done, "download")["result"]["tooLarge"]
    first, second = (replies(done, "save")["result"]["path"] for _ in range(2))
    assert first == str(tmp_path / "people-synthetic.csv")
    assert second == str(tmp_path / "people-synthetic-2.csv")


def test_view_opens_the_grid_below_the_card_and_shuts_it(done, replies):
    """The card stays what it was."""
    assert replies(done, "view") == {"result": None}
    face, grid = done.children
    assert face is done.face
    assert grid.source.num_rows == 1_000
    assert replies(done, "shut") == {"result": None}
    assert done.children == (done.face,)


def test_a_page_gets_the_module_once_however_many_cards(client, table, replies):
    """Each card names it; a host without models can ask for it."""
    job = client.submit(table, rows=1_000)
    one, other = JobCard(job), JobCard(job)
    assert one.face.code == other.face.code
    assert len(one.face._esm) < 3_000
    packed = replies(one, "code")["result"]
    assert gzip.decompress(base64.b64decode(packed)).decode() == bridge.built("card.js")


def test_many_live_widgets_speak_seldom():
    """All together stay below what a server lets through."""
    pace = bridge.Pace()
    assert pace.seconds() == bridge.LEAST_SECONDS
    pace.live = 100
    assert pace.live / pace.seconds() <= bridge.MOST_A_SECOND


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
    wait_for(card, lambda snapshot: snapshot.get("trouble") == "The service is gone.")


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
