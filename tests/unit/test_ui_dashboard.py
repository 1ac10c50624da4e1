"""The dashboard's and the studio's Python side over the mock."""

import json

import ipywidgets
import pytest
import traitlets

import datagen_nb as dg
from datagen_nb.core.errors import ServiceUnavailable
from tests.widgets import until


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as connected:
        yield connected


def test_a_dashboard_shows_what_there_is_and_stays_live(client, table):
    """Sums, limits, health and the newest jobs; a job that ends later appears by itself."""
    first = client.submit(table, rows=10, name="first")
    first.wait()
    dashboard = dg.dashboard(client)
    seen = dashboard.snapshot
    assert seen["sums"]["ended"] == {"completed": 1}
    assert seen["sums"]["successShare"] == 1.0
    assert seen["limits"]["maxJobs"] == client.limits().max_jobs
    assert seen["recent"][0]["name"] == "first"
    assert dashboard.status == seen["health"]["status"] in {"healthy", "degraded"}
    assert dashboard.overview.rows == 10

    client.submit(table, rows=5, name="second").wait()
    until(dashboard, lambda reported: reported["sums"]["ended"].get("completed") == 2)
    assert [bar["name"] for bar in dashboard.snapshot["recent"]] == ["second", "first"]
    dashboard.close()


def test_how_far_it_looks_back_is_a_trait(client, ask):
    """Set from Python, linked, or chosen in the page; what is out of bounds is refused."""
    dashboard = dg.dashboard(client, days=7)
    slider = ipywidgets.IntSlider(value=7, min=1, max=90)
    traitlets.link((dashboard, "days"), (slider, "value"))
    slider.value = 90
    until(dashboard, lambda reported: reported["days"] == 90)
    assert "error" not in ask(dashboard, "days", days=30)
    assert slider.value == 30
    with pytest.raises(traitlets.TraitError):
        dashboard.days = 0
    dashboard.close()


def test_a_job_opens_below(client, table, ask):
    """From its bar; what is not there is reported."""
    job = client.submit(table, rows=5)
    job.wait()
    dashboard = dg.dashboard(client)
    assert "error" not in ask(dashboard, "open", id=job.id)
    assert dashboard.children[1].job.id == job.id
    ask(dashboard, "close")
    assert dashboard.children == (dashboard.view_model,)
    assert "There is no job" in ask(dashboard, "open", id="j_0000000000000000")["error"]
    assert "cannot juggle" in ask(dashboard, "juggle")["error"]
    dashboard.close()


def test_no_more_of_a_webhook_than_its_host_is_reported(client):
    """The path of many a chat's hook is its secret; the signing secret never leaves."""
    made = client.webhooks.create(
        dg.WebhookConfig(
            url="https://hooks.example.com/T0/B0/canary-path?k=canary-query",
            events=("job.completed",),
        )
    )
    dashboard = dg.dashboard(client)
    state = json.dumps(dashboard.view_model.get_state(), default=str)
    assert dashboard.snapshot["webhooks"][0]["host"] == "hooks.example.com"
    assert "canary" not in state
    assert made.secret not in state
    dashboard.close()


def test_a_service_that_does_not_answer_is_reported_and_the_rest_stays(client, monkeypatch):
    """And its status is then unknown."""
    dashboard = dg.dashboard(client)

    async def gone(days):
        raise ServiceUnavailable("The service does not answer.")

    monkeypatch.setattr(client.asynchronous, "overview", gone)
    dashboard.days = 8
    until(dashboard, lambda reported: "does not answer" in reported["trouble"])
    assert "sums" in dashboard.snapshot
    assert dashboard.status == "unknown"
    dashboard.close()


def test_a_saved_dashboard_says_what_it_said(client, table):
    """As text and as HTML, with nothing in it that runs."""
    client.submit(table, rows=5, name="<img src=x onerror=alert(1)>").wait()
    dashboard = dg.dashboard(client)
    data, _ = dashboard._repr_mimebundle_()
    assert "1 completed in 30 days" in data["text/plain"]
    assert "completed in 30 days" in data["text/html"]
    assert "<img" not in data["text/html"]
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == dashboard.model_id
    dashboard.close()


def test_a_studio_is_three_tabs_with_one_trait(client, table):
    """SelectedSource in the page or from Python."""
    studio = dg.studio(client)
    assert studio.children == (studio.wizard, studio.history, studio.dashboard)
    assert [studio.get_title(place) for place in range(3)] == ["Wizard", "History", "Dashboard"]
    studio.tab = "dashboard"
    assert studio.selected_index == 2
    studio.selected_index = 1
    assert studio.tab == "history"
    with pytest.raises(traitlets.TraitError):
        studio.tab = "elsewhere"
    job = client.submit(table, rows=5, name="first")
    job.wait()
    until(studio.history, lambda reported: reported["counts"] == {"completed": 1})
    data, _ = studio._repr_mimebundle_()
    assert data["text/plain"] == "Studio: Wizard, History, Dashboard"
    assert "first" in data["text/html"]
    studio.close()


def test_a_studio_begins_with_a_job(client, table):
    """As the wizard does."""
    job = client.submit(table, rows=7, seed=3)
    studio = dg.studio(client, job)
    assert studio.wizard.configuration.data_size == 7
    studio.close()
