"""Messages to our widgets are taken from a kernel's stream; nothing else is touched."""

import uuid
from types import SimpleNamespace

import ipywidgets
import pytest
import zmq
from jupyter_client.session import Session

from datagen_nb.ui.inbox import Inbox


@pytest.fixture
def kernel():
    """What an inbox needs of one."""
    made = SimpleNamespace(session=Session(key=b"secret"), iopub_socket=None, ident="7", sent=[])

    def send(_socket, kind, content, *, parent, ident):
        made.sent.append((kind, content["execution_state"], parent["header"]["msg_id"]))

    made.session.send = send
    return made


@pytest.fixture
def widget():
    """One that keeps what it hears."""
    made = ipywidgets.HTML()
    made.heard = []
    made.on_msg(lambda _widget, content, buffers: made.heard.append((content, buffers)))
    return made


def message(kind, content, *buffers, key=b"secret"):
    """Frames as a browser sends them, and the message's id."""
    sender = Session(key=key)
    made = sender.msg(kind, content)
    frames = [uuid.uuid4().bytes, *sender.serialize(made), *buffers]
    return [zmq.Frame(frame) for frame in frames], made["header"]["msg_id"]


def custom(widget, content, *buffers, **how):
    data = {"method": "custom", "content": content}
    return message("comm_msg", {"comm_id": widget.model_id, "data": data}, *buffers, **how)


def test_a_request_to_our_widget_is_answered_and_never_queued(kernel, widget):
    """With its buffers, and framed as every request is: a browser waits for the idle."""
    queued = []
    inbox = Inbox(kernel, queued.append)
    inbox.add(widget)
    frames, name = custom(widget, {"id": "1", "action": "cancel"}, b"bytes")
    inbox.receive(frames)
    [(content, buffers)] = widget.heard
    assert content == {"id": "1", "action": "cancel"}
    assert [bytes(buffer) for buffer in buffers] == [b"bytes"]
    assert queued == []
    assert kernel.sent == [("status", "busy", name), ("status", "idle", name)]


def test_all_other_messages_are_queued_as_they_are_in_their_order(kernel, widget):
    """Cells, other widgets, changes of traits, what is closed, forged or broken."""
    queued = []
    inbox = Inbox(kernel, queued.append)
    inbox.add(widget)
    other, closed = ipywidgets.HTML(), ipywidgets.HTML()
    inbox.add(closed)
    changed = {"comm_id": widget.model_id, "data": {"method": "update", "state": {}}}
    came = [
        message("execute_request", {"code": "1"})[0],
        custom(other, {"id": "2"})[0],
        message("comm_msg", changed)[0],
        custom(widget, {"id": "3"}, key=b"another")[0],
        message("comm_msg", {"comm_id": widget.model_id, "data": None})[0],
        message("comm_msg", {})[0],
        [zmq.Frame(b"no delimiter")],
        message("execute_request", {"code": "2"})[0],
    ]
    for frames in came:
        inbox.receive(frames)
    assert queued == came
    assert (widget.heard, kernel.sent) == ([], [])


def test_a_message_is_not_answered_twice(kernel, widget):
    """Its signature counts as used; the kernel refuses what comes again."""
    queued = []
    inbox = Inbox(kernel, queued.append)
    inbox.add(widget)
    frames, _ = custom(widget, {"id": "1"})
    inbox.receive(list(frames))
    inbox.receive(list(frames))
    assert (len(widget.heard), len(queued)) == (1, 1)


def test_a_widget_that_fails_is_logged_and_the_stream_goes_on(kernel, widget, caplog):
    """As the kernel does it; the browser gets its idle."""

    def fails(*_asked):
        raise LookupError("no such thing")

    widget.on_msg(fails)
    inbox = Inbox(kernel, pytest.fail)
    inbox.add(widget)
    inbox.receive(custom(widget, {"id": "1"})[0])
    assert "no such thing" in caplog.text
    assert [state for _, state, _ in kernel.sent] == ["busy", "idle"]


def test_what_the_kernel_would_await_is_handed_on(kernel):
    """ipykernel 7 queues in a coroutine."""
    assert Inbox(kernel, lambda _frames: "awaitable").receive([zmq.Frame(b"?")]) == "awaitable"
