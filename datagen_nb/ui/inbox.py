"""Messages to our widgets, answered while a cell runs.

A Jupyter kernel queues what a browser sends behind the cell that runs, so a press on Cancel would
wait for ``job.result()`` to return. Here the messages to our own widgets are taken from the
kernel's stream before they are queued; all others go where they went, in their order.

- ipykernel 7 reads the stream on a thread of its own: a press arrives even while a cell computes.
- ipykernel 6 reads it on the thread that runs cells: a plain call that waits reads it meanwhile.
- A kernel of another kind is left as it is: a press is answered when the cell ends.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import ipywidgets

from datagen_nb.client.portal import Portal

POLL_SECONDS = 0.05
"""How often a waiting call looks for messages."""


class Inbox:
    """Takes the messages to some widgets from a kernel's stream of requests.

    Args:
        kernel: An ipykernel.
        queue: What the stream called before, for all other messages.
    """

    def __init__(self, kernel: Any, queue: Callable[[list[Any]], Any]) -> None:
        self._kernel = kernel
        self._queue = queue
        self._widgets: WeakValueDictionary[str, ipywidgets.Widget] = WeakValueDictionary()

    def add(self, widget: ipywidgets.Widget) -> None:
        """Answer this widget's requests at once; its handlers must not block, on any thread."""
        self._widgets[widget.model_id] = widget

    def receive(self, frames: list[Any]) -> Any:
        """Take a message, or queue it; what is returned may be awaitable."""
        return None if self._take(frames) else self._queue(frames)

    def _take(self, frames: list[Any]) -> bool:
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(frames, copy=False)
            message = session.deserialize(parts, content=False, copy=False)
            if message["msg_type"] != "comm_msg":
                return False
            content = session.unpack(message["content"])
            widget = self._widgets.get(content["comm_id"])
            if widget is None or content["data"]["method"] != "custom":
                return False
            message = session.deserialize(parts, copy=False)  # now its signature counts as used
        except (ValueError, KeyError, TypeError):
            return False  # the kernel says what is wrong with it
        self._say("busy", message)
        # What calls the handlers of `on_msg`, and reports those that fail.
        asked = message["content"]["data"]["content"]
        widget._handle_custom_msg(asked, message["buffers"])  # noqa: SLF001
        self._say("idle", message)
        return True

    def _say(self, state: str, message: Any) -> None:
        """Every request is framed by these two; a browser waits for the second."""
        self._kernel.session.send(
            self._kernel.iopub_socket,
            "status",
            {"execution_state": state},
            parent=message,
            ident=f"kernel.{self._kernel.ident}.status".encode(),
        )


_inboxes: dict[int, Inbox] = {}


def answer_at_once(widget: ipywidgets.Widget, portal: Portal) -> None:
    """Have a widget's requests answered while cells run, as far as this kernel allows it."""
    kernel = _kernel()
    if kernel is None:
        return
    if id(kernel) not in _inboxes:
        _inboxes[id(kernel)] = _open(kernel, portal)
    _inboxes[id(kernel)].add(widget)


def _kernel() -> Any:
    """The ipykernel of this process, if it reads a stream in a way that is known here."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    stream = getattr(kernel, "shell_stream", None)
    return kernel if getattr(stream, "_recv_callback", None) is not None else None


def _open(kernel: Any, portal: Portal) -> Inbox:
    stream = kernel.shell_stream
    inbox = Inbox(kernel, stream._recv_callback)  # noqa: SLF001  pyzmq tells it in no other way
    reader = getattr(kernel, "shell_channel_thread", None)

    def take_over() -> None:
        stream.on_recv(inbox.receive, copy=False)

    if reader is not None:  # a stream is touched by the thread that reads it
        reader.io_loop.add_callback(take_over)
        return inbox
    if threading.current_thread() is threading.main_thread():
        take_over()
    else:
        kernel.io_loop.add_callback(take_over)

    def attend(waited_for: concurrent.futures.Future[Any]) -> None:
        if threading.current_thread() is threading.main_thread():
            while concurrent.futures.wait([waited_for], timeout=POLL_SECONDS).not_done:
                stream.flush()

    portal.attend = attend
    return inbox
