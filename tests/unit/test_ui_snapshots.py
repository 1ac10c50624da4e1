"""What the browser gets is what the classes of ``ui.snapshots`` describe, in TypeScript too."""

import pytest

import datagen_nb as dg
from datagen_nb.ui.snapshots import CardSnapshot, DashboardFacts, HistorySnapshot, WizardSnapshot
from tests.golden import ACTIONS, SNAPSHOTS
from tests.golden.typescript import actions_typescript, snapshots_typescript


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("age,town\n" + "".join(f"{20 + n % 50},t{n % 3}\n" for n in range(300)))
    return path


@pytest.fixture
def client():
    with dg.connect("mock", speed=1000) as connected:
        yield connected


def fits(widget, kind, *more):
    """Whether what a widget shows can be read as ``kind``."""
    added = {"seq", "at", *more}
    return kind.from_wire({key: one for key, one in widget.snapshot.items() if key not in added})


def test_the_types_in_typescript_are_up_to_date():
    """`make golden` writes them anew."""
    assert SNAPSHOTS.read_text() == snapshots_typescript()
    assert ACTIONS.read_text() == actions_typescript()


def test_each_widget_sends_its_kind_of_snapshot(client, table, ask):
    """With what is added on the way: reruns of a card, trouble of a dashboard."""
    job = client.submit(table, rows=10, name="one")
    job.result()
    card = job.card()
    ask(card, "rerun")
    assert len(fits(card, CardSnapshot).reruns) == 1
    history = dg.history(client)
    assert {row.name for row in fits(history, HistorySnapshot).rows} == {"one"}
    dashboard = dg.dashboard(client)
    assert fits(dashboard, DashboardFacts, "trouble").limits.max_jobs
    wizard = dg.wizard(client)
    wizard.use(table)
    assert fits(wizard, WizardSnapshot).table.label == str(table)
    for widget in (card, history, dashboard, wizard):
        widget.close()
