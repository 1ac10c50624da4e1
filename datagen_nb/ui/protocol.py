"""What the browser side of a widget asks of the kernel, and the replies to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any

from datagen_nb.core.errors import DatagenError


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the browser.

    Attributes:
        action: What to do.
        body: Its arguments, JSON.
        buffers: Bytes that came with it.
    """

    action: str
    body: Mapping[str, Any]
    buffers: Sequence[memoryview] = ()


def answer(
    send: Callable[[Mapping[str, Any]], None],
    content: Any,
    buffers: Sequence[memoryview],
    start: Callable[[Request], Future[Any]],
) -> None:
    """Start what a message asks for, and reply under its id with the result or the error.

    A first reply, sent at once, acknowledges the request: without it the browser knows that the
    kernel is busy with a cell. A request that is quiet gets none.

    Args:
        send: Sends a message to the browser.
        content: The message; ignored unless it has an id, since other widgets send some too.
        buffers: The bytes that came with it.
        start: Starts the work, and returns its future result.
    """
    if not isinstance(content, dict) or "id" not in content:
        return
    if not content.get("quiet"):
        send({"id": content["id"], "acknowledged": True})

    def reply(done: Future[Any]) -> None:
        error = CancelledError() if done.cancelled() else done.exception()
        outcome = {"result": done.result()} if error is None else {"error": describe(error)}
        send({"id": content["id"], **outcome})

    body = content.get("body", {})
    if not isinstance(body, dict):
        refused = "This request brings no object of fields. Reload the page and try again."
        send({"id": content["id"], "error": refused})
        return
    request = Request(str(content.get("action")), body, buffers or ())
    start(request).add_done_callback(reply)


def describe(error: BaseException) -> str:
    """An error as the browser shows it."""
    if isinstance(error, CancelledError):
        return "The kernel stopped before it was done. Look at the job again."
    return str(error) if isinstance(error, DatagenError) else f"{type(error).__name__}: {error}"
