"""Between a widget's Python and its browser side: one written trait, and answered requests.

Nothing here runs on the notebook's event loop. What a browser asks is handed to the client's
thread, and the answer goes back from there, however the kernel schedules its handlers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from importlib import resources
from pathlib import Path
from typing import Any

from datagen_nb.core.errors import DatagenError, ServiceError


def built(name: str) -> Path:
    """A built file of the front end.

    Raises:
        ServiceError: The front end was not built (``front_end_missing``).
    """
    path = Path(str(resources.files("datagen_nb") / "static" / name))
    if not path.is_file():
        raise ServiceError(
            f"The front end is not built: {name} is missing. Run `make build` in the checkout, or "
            "install a wheel.",
            code="front_end_missing",
        )
    return path


def bundle(widget: Any, *, text: str, html: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A widget's display with its still forms, the same under ipywidgets 7 and 8.

    The widget's class sets ``_ipython_display_`` to ``None``: in ipywidgets 7 it would go first.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    data = {
        "text/plain": text,
        "text/html": html,
        "application/vnd.jupyter.widget-view+json": view,
    }
    return data, {}


def answer(
    send: Callable[[Mapping[str, Any]], None], request: Any, start: Callable[[str], Future[Any]]
) -> None:
    """Do what a browser asked and reply under its id, an error included."""
    if not isinstance(request, dict) or "id" not in request:
        return  # not one of ours: the page sends other messages too

    def reply(done: Future[Any]) -> None:
        error = CancelledError() if done.cancelled() else done.exception()
        said = {} if error is None else {"error": _told(error)}
        send({"id": request["id"], **said})

    start(str(request.get("action"))).add_done_callback(reply)


def _told(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "The kernel stopped before it was done. Look at the job again."
    return str(error) if isinstance(error, DatagenError) else f"{type(error).__name__}: {error}"


class Throttle:
    """Passes on the newest of many values, at once or after a pause; lives on one loop.

    Args:
        put: Takes a value.
        seconds: Least time between two values.
    """

    def __init__(self, put: Callable[[Any], None], seconds: float) -> None:
        self._put = put
        self._seconds = seconds
        self._last = float("-inf")
        self._newest: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def offer(self, value: Any, *, at_once: bool = False) -> None:
        """Take a value; call it on the loop."""
        self._newest = value
        wait = self._last + self._seconds - time.monotonic()
        if at_once or wait <= 0:
            self._pass()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._pass)

    def close(self) -> None:
        """Pass on nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass(self) -> None:
        self.close()
        self._last = time.monotonic()
        self._put(self._newest)
