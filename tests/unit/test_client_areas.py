"""What the client offers apart from jobs, in plain calls, over the mock."""

import inspect

import pandas as pd
import pytest

import datagen_nb as dg
from datagen_nb.client import resources
from datagen_nb.core import alerts, customer_webhooks, schedules, templates, uploads
from datagen_nb.core.errors import ConfigurationError, NotFound
from datagen_nb.core.limits import RateLimitStatus

PORTS = {
    resources.Alerts: alerts.Alerts,
    resources.Schedules: schedules.Schedules,
    resources.Templates: templates.Templates,
    resources.Uploads: uploads.Uploads,
    resources.Webhooks: customer_webhooks.Webhooks,
}


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as client:
        yield client


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("age,member\n" + "".join(f"{20 + n % 50},{n % 2}\n" for n in range(200)))
    return path


@pytest.mark.parametrize("plain", PORTS)
def test_a_plain_area_has_what_the_port_has(plain):
    """Each method made from the one of its name; only submitting gives a job, at the client."""
    port = PORTS[plain]
    offered = {name for name, _ in inspect.getmembers(plain, inspect.isfunction) if name[0] != "_"}
    asked = {name for name, _ in inspect.getmembers(port, inspect.isfunction) if name[0] != "_"}
    assert offered == asked - {"submit"}
    for name in offered:
        assert getattr(plain, name).__wrapped__ is getattr(port, name)


def test_what_would_be_submitted_can_be_looked_at_first(client, table):
    """A configuration is estimated, previewed, and then submitted as it is."""
    config = client.configure(table, rows=500, seed=3, name="people")
    estimate = client.estimate(config)
    assert estimate.rows == 500
    assert estimate.bytes_low <= estimate.bytes_high
    assert client.inspect(config).columns == client.inspect(config.input_path).columns
    preview = client.preview(config)
    assert isinstance(preview, pd.DataFrame)
    assert len(preview) == 20
    assert preview.attrs["trainingRows"] == 0  # the mock makes its rows up, and says so
    assert preview.attrs["notes"]
    assert client.submit(config).configuration == config


def test_a_template_makes_jobs(client, table):
    """What it leaves open is given at the submit, or asked for by name."""
    config = client.configure(table, rows=100).to_wire()
    del config["dataSize"]
    client.templates.put("people", dg.TemplateDraft(configuration=config))
    with pytest.raises(ConfigurationError, match="dataSize"):
        client.submit_template("people")
    assert client.submit_template("people", {"dataSize": 7}).configuration.data_size == 7
    with pytest.raises(NotFound):
        client.submit_template("nobody")
    assert [found.name for found in client.templates.list().templates] == ["people"]


def test_a_graph_runs_in_its_order(client, table):
    """Each after those that it names."""
    config = client.configure(table, rows=50)
    jobs = client.submit_graph(
        {"second": {**config.to_wire(), "after": ["first"]}, "first": config}
    )
    jobs["second"].wait()
    first, second = jobs["first"].status, jobs["second"].status
    assert first.end_time <= second.start_time


def test_a_schedule_tells_its_next_runs(client, table):
    """And is gone when deleted."""
    config = client.configure(table, rows=50).to_wire()
    draft = dg.ScheduleDraft(cron="0 3 * * *", zone="Europe/Berlin", configuration=config)
    made = client.schedules.put("nightly", draft)
    assert len(made.next_runs) == 5
    client.schedules.delete("nightly")
    assert client.schedules.list().schedules == ()


def test_limits_retention_and_deletion_are_plain_calls(client, table):
    """As the specification names them: current and most jobs, the days, the count."""
    job = client.submit(table, rows=50).wait()
    limits = client.limits()
    assert isinstance(limits, RateLimitStatus)
    assert (limits.current_jobs, limits.max_jobs) == (0, 5)
    assert client.set_max_waiting(0).max_waiting == 0
    assert client.retention_days() == 180
    assert client.set_retention_days(30) == 30
    assert client.clean_up() == 0
    job.delete()
    with pytest.raises(dg.errors.JobNotFound):
        client.jobs.get(job.id)
    assert client.jobs.cancel().cancelled == ()
    assert client.alerts.list().alerts == ()
