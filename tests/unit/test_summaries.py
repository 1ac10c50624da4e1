"""What is returned shows itself: a short line as text, and a small table in a notebook."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.client.history import JobList
from datagen_nb.core.estimates import Estimate, EstimateWarning
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.inspection import InspectedColumn, Inspection
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import Overview
from datagen_nb.core.summary import SHOWN
from datagen_nb.core.uploads import Upload, UploadPage
from datagen_nb.core.webhooks import Delivery, DeliveryPage
from datagen_nb.ui.renderers import view

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202egnp"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)

ESTIMATE = Estimate(
    rows=10_000,
    bytes_low=1_200_000,
    bytes_high=3_400_000,
    seconds_low=2,
    seconds_high=5,
    basis="prior",
    input_rows=1_000,
    input_columns=5,
    warnings=(EstimateWarning(code="longer_than_timeout", message=HOSTILE, remedy="Raise it."),),
)
LIMITS = RateLimitStatus(
    current_jobs=1,
    max_jobs=5,
    cooldown_period=0,
    allowed=True,
    starts_at_once=True,
    waiting_jobs=0,
    max_waiting=100,
    cooldown_left=0,
    storage_used=5_000_000,
    reason=HOSTILE,
)
INSPECTION = Inspection(
    rows=1_000,
    exact=True,
    size=20_000,
    looked_at=1_000,
    columns=(
        InspectedColumn(name=HOSTILE, type="string", kind="categorical", nulls=3, distinct=7),
    ),
    sample=(),
    notes=(HOSTILE,),
)
UPLOADS = (
    Upload(upload_id="a", size=1_000_000, offset=500_000),
    Upload(upload_id="b", size=1_000_000, offset=1_000_000, path="inputs/b.csv", expires=NOW),
)
DELIVERY = Delivery(
    id="d",
    webhook_id="wh",
    event="job.completed",
    job_id="j",
    sequence=1,
    state="pending",
    created_time=NOW,
)


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as client:
        yield client


@pytest.fixture
def job(client):
    return client.submit(pd.DataFrame({"a": range(9)}), rows=50, name=HOSTILE).wait()


def overview(job):
    failed = job.status.model_copy(update={"error": JobFailure(code="x", message=HOSTILE)})
    return Overview(
        since=NOW,
        by_state={"completed": 2, "failed": 1},
        ended={"completed": 2},
        rows=100,
        success_share=2 / 3,
        median_seconds=4,
        p95_seconds=9,
        last_failed=failed,
        retention_days=180,
        expiring=(),
    )


def tags_of(html):
    tags = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _attributes: tags.add(tag)
    parser.feed(html)
    return tags


def test_each_value_is_one_printable_line(client, job):
    """The numbers that matter, and no characters that act."""
    lines = {
        "<Client of the mock service>": client,
        "<Estimate 10,000 rows: 1.2 MB to 3.4 MB, 2 seconds to 5 seconds>": ESTIMATE,
        "<Limits 1 of 5 running, 0 of 100 queued, a new job starts at once>": LIMITS,
        "<Inspection 1,000 rows x 1 column, 20 kB>": INSPECTION,
        "<Overview since 2026-11-28: 2 completed>": overview(job),
    }
    assert {repr(value) for value in lines.values()} == set(lines)
    assert all(str(value) == repr(value) for value in lines.values())


def test_html_escapes_what_comes_from_a_user(client, job):
    """Names, messages and notes are text; nothing in them becomes an element."""
    values = [client, ESTIMATE, LIMITS, INSPECTION, overview(job), job.status, client.jobs.list()]
    for value in values:
        html = value._repr_html_()
        assert tags_of(html) <= {"div", "b", "bdi", "table", "tr", "td", "th"}, html
        assert "<img" not in html
    assert "&lt;img" in client.jobs.list()._repr_html_()


def test_html_fits_light_and_dark_pages(client, job):
    """Greys are translucent and the ink is the page's: no colour is fixed."""
    for value in (client, ESTIMATE, LIMITS, INSPECTION, overview(job), client.jobs.list()):
        html = value._repr_html_()
        assert not re.search(r"#[0-9a-f]{3,6}\b|[^-]color:(?!inherit)", html)


def test_pages_of_lists_show_their_entries(client, job):
    """A line with the count; in a notebook a row for each entry, whose text is escaped."""
    config = job.configuration.to_wire()
    client.templates.put("mine", dg.TemplateDraft(description=HOSTILE, configuration=config))
    client.schedules.put("nightly", dg.ScheduleDraft(cron="0 3 * * *", template="mine"))
    pages = {
        "<Templates 1>": client.templates.list(),
        "<Schedules 1>": client.schedules.list(),
        "<Webhooks 0>": client.webhooks.list(),
        "<Alerts 0>": client.alerts.list(),
        "<Uploads 2, and there are more>": UploadPage(uploads=UPLOADS, next_cursor="b"),
        "<Deliveries 1>": DeliveryPage(deliveries=(DELIVERY,)),
    }

    assert [repr(page) for page in pages.values()] == list(pages)
    shown = "".join(page._repr_html_() for page in pages.values())
    assert tags_of(shown) <= {"div", "b", "bdi", "table", "tr", "td", "th"}
    for words in ("&lt;img", "0 3 * * *", "1.0 MB", "500 kB", "job.completed", "pending"):
        assert words in shown


def test_a_list_of_jobs_is_a_list_a_table_and_a_frame(client, job):
    """A row for each job, with types that sort and add up."""
    jobs = client.jobs.list()
    assert [one.id for one in jobs] == [job.id]
    assert repr(jobs).splitlines() == ["<1 job>", f" {jobs[0]!r}"]
    assert job.id in jobs._repr_html_()
    frame = jobs.to_frame()
    assert list(frame["id"]) == [job.id]
    assert frame["rows"].sum() == 50
    assert frame["created"].dt.tz is not None
    assert frame["seconds"].dtype == "Float64"
    assert list(frame["fidelity"]) == [job.report.fidelity]
    assert list(frame["source"]) == [job.status.source] == ["an uploaded table"]
    assert "an uploaded table" in jobs._repr_html_()
    assert client.jobs.running().to_frame().columns.equals(frame.columns)


def test_a_long_list_shows_its_beginning(job):
    """And says how many more there are."""
    jobs = JobList([job] * (SHOWN + 5))
    assert len(repr(jobs).splitlines()) == SHOWN + 2
    assert "and 5 more" in repr(jobs)
    assert jobs._repr_html_().count("<tr>") == SHOWN + 1
    assert "and 5 more" in jobs._repr_html_()


async def test_the_asynchronous_list_is_the_same(client):
    """Of jobs to be awaited."""
    async with dg.AsyncClient.connect("mock", speed=1000) as client:
        assert repr(client) == "<Client of the mock service>"
        await client.submit(pd.DataFrame({"a": range(9)}), rows=50)
        assert len((await client.jobs.list()).to_frame()) == 1


def test_a_grid_prints_in_a_line():
    """Not the state of its widgets; a closed one says so."""
    shown = view(pd.DataFrame({"a": [1, 2], HOSTILE: [3, 4]}))
    assert repr(shown).startswith("<Table of 2 rows: a, ")
    assert repr(shown).isprintable()
    shown.close()
    assert repr(shown) == "<Table, closed>"


def test_a_panel_prints_in_a_line(client, job):
    """The same words as its text in a saved notebook."""
    card = job.card("widget")
    assert len(repr(card).splitlines()) == 1
    assert len(repr(card)) < 300
    card.close()
