"""What a browser asks is one of the widget's actions, or it is refused in a sentence."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

import datagen_nb as dg
from datagen_nb.ui.actions import BadRequest, read_action
from datagen_nb.ui.card import CardAction
from datagen_nb.ui.dashboard import DashboardAction
from datagen_nb.ui.history_actions import HistoryAction
from datagen_nb.ui.protocol import Request, answer
from datagen_nb.ui.wizard_actions import WizardAction
from tests.golden.typescript import ACTIONS

HUGE = 2**60
MALFORMED = {
    "card": [
        ("cancel", {"id": "j_1"}),
        ("edit", {"field": "dataSize"}),
        ("edit", {"field": "seed", "value": 1}),
        ("edit", {"field": "timeout", "value": "soon"}),
        ("edit", {"field": "timeout", "value": -1}),
        ("logs", {"after": None}),
        ("logs", {"after": -1}),
        ("chunk", {}),
        ("chunk", {"start": True}),
        ("chunk", {"start": HUGE}),
    ],
    "history": [
        ("status", {"states": "running"}),
        ("status", {"states": ["asleep"]}),
        ("text", {}),
        ("text", {"text": "x" * 201}),
        ("period", {"period": "yesterday"}),
        ("period", {"period": "range", "since": "soon"}),
        ("period", {"period": "range", "since": "2026-11-23T10:00:00"}),
        ("sort", {"by": "luck", "order": "asc"}),
        ("sort", {"by": "rows", "order": "random"}),
        ("select", {"ids": [1, None]}),
        ("cancel", {}),
        ("delete", {"ids": {"j_1": True}}),
        ("pause", {"id": ["j_1"]}),
        ("annotate", {"id": "j_1", "tags": "one", "note": ""}),
        ("next", {"pages": 7}),
    ],
    "dashboard": [
        ("days", {}),
        ("days", {"days": 0}),
        ("days", {"days": 367}),
        ("days", {"days": "7"}),
        ("open", {"id": 7}),
        ("open", {"id": "j" * 101}),
        ("acknowledge", {}),
        ("close", {"now": True}),
    ],
    "wizard": [
        ("step", {"to": "party"}),
        ("edit", {}),
        ("edit", {"changes": []}),
        ("edit", {"changes": {"inputBucket": ["a"]}}),
        ("edit", {"changes": {"dataSize": {"rows": 7}}}),
        ("edit", {"changes": {"parameters": {"seed": [7]}}}),
        ("output", {"path": 7}),
        ("column", {"name": "age"}),
        ("columns", {"start": -1, "search": ""}),
        ("path", {}),
        ("frame", {"name": None}),
        ("begin", {"name": "a.csv", "size": -3, "digest": "x"}),
        ("begin", {"name": "a.csv", "size": 3, "digest": "x" * 101}),
        ("chunk", {"offset": "0"}),
        ("submit", {"rows": 7}),
    ],
}  # fmt: skip
KINDS = {
    "card": CardAction,
    "history": HistoryAction,
    "dashboard": DashboardAction,
    "wizard": WizardAction,
}


@pytest.fixture(scope="module")
def client():
    with dg.connect("mock", speed=1000) as connected:
        yield connected


@pytest.fixture(scope="module")
def widgets(client, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "people.csv"
    path.write_text("age\n" + "\n".join(map(str, range(50))))
    job = client.submit(path, rows=10)
    job.result()
    opened = {
        "card": job.card(),
        "history": dg.history(client),
        "dashboard": dg.dashboard(client),
        "wizard": dg.wizard(client),
    }
    yield opened
    for widget in opened.values():
        widget.close()


def state(widget):
    """What an action may change."""
    names = ("status", "selected", "days", "config", "step", "children")
    return {name: getattr(widget, name) for name in names if widget.has_trait(name)}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_action_is_refused_in_a_sentence_and_changes_nothing(name, widgets, ask):
    """The reply says whose action it is not, where, and what to do; the widget goes on."""
    before = state(widgets[name])
    for action, body in MALFORMED[name]:
        refused = ask(widgets[name], action, **body)["error"]
        assert refused.startswith(f"This request is not one of a {name}: {action}"), refused
        assert refused.endswith(". Reload the page and try again."), refused
    assert ask(widgets[name], "explode\x1b[31m")["error"] == f"A {name} cannot explode\\x1b[31m."
    assert state(widgets[name]) == before


def test_bytes_that_no_upload_asked_for_are_refused(widgets, ask):
    """Also a chunk that came without its bytes."""
    wizard = widgets["wizard"]
    assert "No upload was begun" in ask(wizard, "chunk", [memoryview(b"a")], offset=0)["error"]
    ask(wizard, "begin", name="a.csv", size=3, digest="0" * 64)
    assert "without its bytes" in ask(wizard, "chunk", offset=0)["error"]


@pytest.mark.parametrize("body", [None, [], "cancel", 7])
def test_a_message_whose_body_is_no_object_is_refused(body):
    """And nothing is started for it."""
    sent = []
    answer(sent.append, {"id": "1", "action": "cancel", "body": body}, (), start=None)
    assert "brings no object" in sent[-1]["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["id", "ids", "to", "text", "by", "order", "start", "changes", "name", "days", "period"]


@pytest.mark.parametrize("name", KINDS)
@given(
    action=st.sampled_from(["cancel", "edit", "sort", "select", "chunk", "open", "days", "step"]),
    body=st.dictionaries(st.sampled_from(FIELDS) | st.text(), JSON, max_size=4),
)
def test_whatever_is_sent_is_an_action_or_a_bad_request(name, action, body):
    """No other error leaves the reading of it."""
    with suppress(BadRequest):
        read = read_action(TypeAdapter(KINDS[name]), Request(action, body), widget=name)
        assert isinstance(read, KINDS[name])


def test_each_widget_with_actions_is_in_the_generated_types():
    """What the page may ask is checked by its compiler too."""
    assert {f"{name.capitalize()}Actions" for name in KINDS} == set(ACTIONS)
