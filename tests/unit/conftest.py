"""What the tests of widgets share: a small table, and the browser's part of a request."""

import queue

import pytest

from tests.deadline import DEADLINE


@pytest.fixture
def table(tmp_path):
    """Three rows of people, CSV."""
    path = tmp_path / "people.csv"
    path.write_text("a,b\n1,x\n2,y\n3,z\n")
    return path


@pytest.fixture
def ask(monkeypatch):
    """Asks a widget as a browser does; ``events`` holds what else the widget sends."""
    from datagen_nb.ui.widget import ViewModel

    answers, events = queue.Queue(), queue.Queue()

    def send(self, content, buffers=None):
        if content.get("acknowledged"):
            return
        if "id" in content:
            answers.put(content)
        else:
            events.put((content, buffers))

    def asked(widget, action, buffers=(), **body):
        content = {"id": "7", "action": action, "body": body}
        data = {"method": "custom", "content": content}
        widget.view_model._handle_msg({"content": {"data": data}, "buffers": list(buffers)})
        answer = answers.get(timeout=DEADLINE)
        assert answer.pop("id") == "7"
        return answer

    monkeypatch.setattr(ViewModel, "send", send)
    asked.events = events
    return asked
