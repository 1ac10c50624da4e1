"""The card's Python side, over the mock pipeline: what it tells, and what it answers."""

import re
from html import escape

import pytest

import datagen_nb as dg
from datagen_nb.cli import main
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.result import (
    ColumnFidelity,
    Memorisation,
    NotCompared,
    RelationFidelity,
    Report,
    ReturnedValues,
)
from datagen_nb.ui import card as card_module
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.report import report_html, report_text
from datagen_nb.ui.report_verdicts import PRIVACY
from datagen_nb.ui.static_html import (
    job_html,
    job_text,
    moving_text,
)
from tests.deadline import DEADLINE
from tests.widgets import until


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
        assert card.snapshot["title"] == "people"
        assert 0 < card.snapshot["report"]["fidelity"] <= 1


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


def test_a_rerun_has_a_card_of_its_own_below(client, table, ask):
    """The card stays with its job, as the name in Python does, and says where the new one is."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    job.cancel()
    until(card, lambda snapshot: snapshot["status"]["status"] == "cancelled")
    for count in (1, 2):
        assert ask(card, "rerun") == {"result": None}
        assert len(card.snapshot["reruns"]) == count
        below = card.children[1:]
        assert [one.job.id for one in below] == card.snapshot["reruns"]
        assert all(one.snapshot["status"]["status"] != "cancelled" for one in below)
    assert (card.job, card.status) == (job, "cancelled")
    assert card.snapshot["status"]["jobId"] == job.id
    assert all(f"Run again as {one.job.id}" in card.static_repr()[1] for one in below)


def test_what_is_opened_below_leaves_the_cards_of_reruns_there(client, table, ask):
    """The rows or the report stand between the card and them."""
    card = JobCard(client.submit(table, rows=1_000))
    assert ask(card, "cancel") == {"result": None}
    assert ask(card, "rerun") == {"result": None}
    again = card.children[-1]
    assert ask(card, "edit") == {"result": None}
    assert len(card.children) == 3
    assert card.children[-1] is again
    assert ask(card, "close") == {"result": None}
    assert card.children == (card.view_model, again)
    assert again.view_model.comm is not None


def test_a_cancelled_jobs_card_tells_the_cooldown(monkeypatch, table, ask):
    """When the next job starts, where there is a cooldown."""
    monkeypatch.setenv("DATAGEN_COOLDOWN_PERIOD", "30")
    with dg.connect("mock", scenario="slow", speed=1) as client:
        card = JobCard(client.submit(table, rows=1_000))
        until(card, lambda snapshot: snapshot["status"]["status"] == "running")
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


def test_the_report_opens_below_the_card(done, ask):
    """By its button; another press takes it away."""
    assert ask(done, "report") == {"result": None}
    assert "Fidelity" in done.children[1].value
    assert ask(done, "close") == {"result": None}
    assert len(done.children) == 1


def test_a_fix_of_the_estimate_opens_a_wizard_with_it(client, table, ask):
    """At the review, one press from the submit."""
    card = JobCard(client.submit(table, rows=1_000))
    assert ask(card, "edit", field="dataSize", value=50) == {"result": None}
    wizard = card.children[1]
    assert (wizard.configuration.data_size, wizard.step) == (50, "review")
    wizard.close()


def test_a_card_has_what_its_job_was_asked_to_do(client, table):
    """Source, seed and parameters, of a bounded size: a snapshot is sent at each change."""
    kinds = {f"column {number}": "text" for number in range(60)}
    wide = table.with_name("wide.csv")
    wide.write_text("".join(f"{','.join(line)}\n" for line in (kinds, *[["x"] * 60] * 3)))
    job = client.submit(wide, rows=10, seed=7, parameters={"columns": kinds})
    snapshot = JobCard(job).snapshot
    assert (snapshot["source"], snapshot["seed"]) == (str(wide), 7)
    assert snapshot["parameters"].startswith('{"columns": {"column 0": "text"')
    assert len(snapshot["parameters"]) < 600


def received(card, ask, file):
    """The name and the bytes that the browser puts together of a download."""
    announced = ask(card, "download", file=file)["result"]
    data = b""
    while len(data) < announced["size"]:
        size = ask(card, "chunk", file=file, start=len(data))["result"]["size"]
        content, buffers = ask.events.get(timeout=DEADLINE)
        assert (content["file"], content["start"]) == (file, len(data))
        assert len(buffers[0]) == size
        data += buffers[0]
    return announced["name"], data


def test_a_result_is_downloaded_in_chunks(done, ask, tmp_path, monkeypatch):
    """What the browser puts together is the file that ``download`` writes."""
    monkeypatch.setattr(card_module, "CHUNK", 1_000)
    name, data = received(done, ask, "result")
    assert name == "people-synthetic.csv"
    assert data == done.job.result().download(tmp_path / "wanted.csv").read_bytes()


def test_too_large_a_result_is_saved_beside_the_notebook(done, ask, tmp_path, monkeypatch):
    """Never over a file that is there."""
    monkeypatch.setattr(card_module, "MAX_DOWNLOAD", 10)
    monkeypatch.chdir(tmp_path)
    assert ask(done, "download", file="result")["result"]["tooLarge"]
    first, second = (ask(done, "save", file="result")["result"]["path"] for _ in range(2))
    assert first == str(tmp_path / "people-synthetic.csv")
    assert second == str(tmp_path / "people-synthetic-2.csv")


def test_a_model_is_downloaded_as_the_result_is(table, ask, tmp_path, monkeypatch):
    """Beside it, also by a card that was there before; a large one is saved."""
    home = tmp_path / "home"
    try:
        with dg.connect(home=home) as client:
            job = client.submit(table, rows=1_000)
            early = JobCard(job)
            until(early, lambda snapshot: "report" in snapshot)
            card = JobCard(job)
            assert early.snapshot["modelSize"] == card.snapshot["modelSize"] == job.model.size()

            monkeypatch.setattr(card_module, "CHUNK", 1_000)
            name, data = received(card, ask, "model")
            result = received(card, ask, "result")[1]
            wanted = job.model.download(tmp_path / "wanted.model")
            assert name == "people.model"
            assert data == wanted.read_bytes()
            assert result == job.result().download(tmp_path / "wanted.csv").read_bytes()
            assert dg.load_model(wanted).columns == job.result().schema.names

            monkeypatch.setattr(card_module, "MAX_DOWNLOAD", 10)
            monkeypatch.chdir(tmp_path)
            announced = ask(card, "download", file="model")["result"]
            assert announced == {"name": name, "size": len(data), "tooLarge": True}
            assert ask(card, "save", file="model") == {"result": {"path": str(tmp_path / name)}}
            assert (tmp_path / name).read_bytes() == data
    finally:
        main(["stop", "--home", str(home)])


def test_a_job_without_a_model_offers_none(done, ask):
    """As one of a mock pipeline; what is asked for nevertheless is answered with the reason."""
    assert done.job.model.size() is None
    assert "modelSize" not in done.snapshot
    assert "No model is kept" in ask(done, "download", file="model")["error"]
    assert "no download was begun" in ask(done, "chunk", file="model", start=0)["error"]
    assert "error" in ask(done, "download", file="secrets")


def test_view_opens_the_viewer_below_the_card_and_shuts_it(done, ask):
    """The card stays what it was."""
    assert ask(done, "view") == {"result": None}
    face, viewer = done.children
    assert face is done.view_model
    assert len(viewer.frame) == 1_000
    assert ask(done, "close") == {"result": None}
    assert done.children == (done.view_model,)


def test_a_card_made_late_is_like_one_made_early(client, table):
    """Its truth is the service's: a restarted kernel shows the same."""
    job = client.submit(table, rows=1_000, name="late")
    job.cancel()
    early, late = JobCard(job), JobCard(client.jobs.last())
    assert early.snapshot | {"at": 0} == late.snapshot | {"at": 0}


def test_a_closed_card_follows_no_more(client, table):
    """The job goes on."""
    job = client.submit(table, rows=1_000)
    card = JobCard(job)
    following = list(card._tasks_while_open)
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


def test_still_forms_say_which_pipeline_runs_a_job(client, table):
    """Where there are several; while it runs and when it has ended."""
    snapshot = JobCard(client.submit(table, rows=1_000)).snapshot
    assert "pipeline" not in moving_text(snapshot)
    snapshot["status"]["metadata"]["pipeline"] = "remote"
    assert "remote pipeline" in moving_text(snapshot)
    snapshot["status"]["status"] = "completed"
    assert "remote pipeline" in job_html(snapshot)


HOSTILE = '<img src=x onerror="alert(1)">'
ACTING = "\x1b[31mred\u202egnp.exe"


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


def test_text_forms_show_what_would_act_as_escapes(client, table):
    """Jupyter paints the colours of a plain text, a terminal does more."""
    snapshot = JobCard(client.submit(table, rows=1_000, name=ACTING)).snapshot
    for form in (job_text, moving_text):
        assert form(snapshot).isprintable()
        assert "\\x1b[31mred\\u202egnp.exe" in form(snapshot)
    assert "\x1b" not in report_text(report(ACTING))
    assert f"<bdi>{ACTING}</bdi>" in job_html(snapshot)


def report(column, *scores, dcr_share=0.51, metric=""):
    return Report(
        fidelity=0.98,
        column_fidelity=0.98,
        columns=tuple(
            ColumnFidelity(name=column, kind=column, score=score, metric=metric or column)
            for score in scores or (0.98,)
        ),
        pairs=(),
        memorisation=Memorisation(dcr_share=dcr_share, exact_row_share=0.0),
        rows_synthetic=10,
        rows_training=10,
        rows_held_back=2,
        notes=(column,),
    )


def test_a_report_reads_as_text():
    """Fidelity, privacy in words, the columns."""
    text = report_text(report("carat"))
    first = "Fidelity 98.0 %, privacy OK: no closer to your rows than chance"
    assert text.splitlines()[0] == first
    assert "carat: 98.0 %" in text


@pytest.mark.parametrize(
    ("dcr_share", "level"), [(0.53, "ok"), (0.6, "caution"), (0.7, "bad"), (None, "unknown")]
)
def test_a_report_judges_privacy_by_its_numbers_and_says_by_which(dcr_share, level):
    """In words and a colour; the number below does not contradict them."""
    made = report("carat", dcr_share=dcr_share)
    assert made.memorisation.level == level
    shown = report_html(made)
    sign, words, colour = PRIVACY[level]
    assert sign in shown
    assert words in shown
    assert colour in shown or level == "unknown"
    assert ("up to 55 % may be chance" in shown) == (dcr_share is not None)


@pytest.mark.parametrize(
    ("scores", "widths"), [((0.9, 0.95, 1.0), (0, 50, 100)), ((0.72, 1.0), (6.7, 100))]
)
def test_the_bars_of_a_report_show_differences(scores, widths):
    """From 90 %, or from the ten below the lowest: from 0 all of them would look the same."""
    drawn = re.findall(r"width:([\d.]+)%", report_html(report("carat", *scores)))
    assert [float(width) for width in drawn] == [pytest.approx(width, abs=0.1) for width in widths]


@pytest.mark.parametrize("metric", ["KS complement", "TV complement"])
def test_a_report_names_its_metrics_in_words(metric):
    """With what they measure, once."""
    shown = report_html(report("carat", metric=metric))
    assert metric not in shown
    assert shown.count("100 % minus the") == 1


def test_a_report_shows_what_was_lost_and_what_came_back():
    """Broken relations, columns without a score and returned values; in HTML and in text."""
    made = report("carat")
    returned = (ReturnedValues(column="<city>", kind="categorical", values=40, returned=12),)
    made = made.model_copy(
        update={
            "not_compared": (NotCompared(name="photo", reason="it is a picture"),),
            "relations": (
                RelationFidelity(
                    sentence="a < b", share_input=1.0, share_synthetic=0.43, kept=False
                ),
                RelationFidelity(sentence="c = d", share_input=1.0, share_synthetic=1.0, kept=True),
            ),
            "memorisation": made.memorisation.model_copy(update={"returned": returned}),
        }
    )
    assert made.memorisation.level == "bad"
    for shown, form in ((report_html(made), escape), (report_text(made), str)):
        assert form("a < b: 43.0 % of the rows, 100.0 % in the input") in shown
        assert "photo (it is a picture)" in shown
        assert form("<city> 12 of 40") in shown
        assert "12 values that few rows have came back in 1 column" in shown
    assert "Relations that were kept: <bdi>c = d</bdi>" in report_html(made)
    assert "<city>" not in report_html(made)


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
