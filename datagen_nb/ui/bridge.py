"""Between a widget's Python and its browser side: one written trait, and answered requests.

Nothing here runs on the notebook's event loop. What a browser asks is handed to the client's
thread, and the answer goes back from there, however the kernel schedules its handlers.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import anywidget
import ipywidgets
import traitlets

from datagen_nb.core.errors import DatagenError, ServiceError
from datagen_nb.portal import Portal

LEAST_SECONDS = 0.2
MOST_A_SECOND = 20.0
"""Snapshots that all widgets of a kernel send together, and beats as many; a Jupyter server lets
1,000 messages through."""

BEAT_SECONDS = 4.0

SPEAKING_SECONDS = 5.0
"""How long who has spoken counts among those that share the pace."""


def built(name: str) -> str:
    """The text of a built file of the front end.

    Raises:
        ServiceError: The front end was not built (``front_end_missing``).
    """
    path = resources.files("datagen_nb") / "static" / name
    if not path.is_file():
        raise ServiceError(
            f"The front end is not built: {name} is missing. Run `make build` in the checkout, or "
            "install a wheel.",
            code="front_end_missing",
        )
    return path.read_text(encoding="utf-8")


class Code(ipywidgets.Widget):  # type: ignore[misc]
    """A module, held once in a page for every widget that shows with it.

    Sent with each widget, a hundred cards would pass more than a Jupyter server lets through.

    Attributes:
        packed: Its text, gzip in base64: a notebook that is saved with its widgets keeps it.
    """

    packed = traitlets.Unicode().tag(sync=True)


@cache
def _loaded(module: str) -> tuple[str, str]:
    text = built(f"{module}.js").encode()
    packed = base64.b64encode(gzip.compress(text, mtime=0)).decode()
    return f"{module}-{hashlib.sha256(text).hexdigest()[:12]}", packed


_codes: dict[str, Code] = {}


def _code(module: str) -> Code:
    if module not in _codes or _codes[module].comm is None:  # Widget.close_all() closes it too
        _codes[module] = Code(packed=_loaded(module)[1])
    return _codes[module]


class Face(anywidget.AnyWidget):
    """The browser side of a panel.

    Attributes:
        snapshot: What it shows, whole, and ``told``, which counts them; written by its panel alone.
        beat: ``at``, the kernel's time in seconds since 1970, ``every``, the most seconds until it
            is told anew while something is followed, and ``told`` of the newest snapshot: a face
            that has missed it asks for it.
        module: Name and digest of the module that shows it.
        code: The model that holds this module.
    """

    _esm = built("loader.js")

    snapshot = traitlets.Dict().tag(sync=True)
    beat = traitlets.Dict().tag(sync=True)
    module = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)

    def __init__(self, module: str, snapshot: Mapping[str, Any]) -> None:
        holder = _code(module)
        super().__init__(
            module=_loaded(module)[0],
            code=holder.model_id,
            snapshot={**snapshot, "told": 0},
            beat={"at": time.time(), "every": BEAT_SECONDS, "told": 0},
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser asks: ``action`` with what belongs to it, bytes besides."""

    action: str
    body: Mapping[str, Any]
    buffers: Sequence[memoryview] = ()


class Panel(ipywidgets.VBox):  # type: ignore[misc]
    """A widget of this package: its face, and below it what it has opened.

    Args:
        module: Of the front end.
        portal: The client's thread; all that the panel does happens there.
        snapshot: What the face shows at first.
    """

    children: Any

    def __init__(
        self, module: str, portal: Portal, snapshot: Mapping[str, Any], **traits: Any
    ) -> None:
        self.face = Face(module, snapshot)
        self._module = module
        self._portal = portal
        self._following: set[Future[None]] = set()
        self._spoke = time.monotonic()
        self._is_alone = False
        super().__init__([self.face], **traits)
        self.face.on_msg(self._hear)

    def put(self, snapshot: Mapping[str, Any]) -> None:
        """Show this from now on; call it on the portal's loop."""
        self._spoke = time.monotonic()
        self.face.snapshot = {**snapshot, "told": self.face.snapshot["told"] + 1}

    async def act(self, request: Request) -> Any:
        """Do what the browser asks, on the portal's loop; what is returned is the answer."""
        raise ValueError(f"this widget cannot {request.action}")

    def still(self) -> tuple[str, str]:
        """The snapshot as text and as HTML, for where no kernel is."""
        raise NotImplementedError(f"{type(self).__name__} has to say how it stands still")

    def follow(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Begin work on the portal's loop that ends with the panel; the face beats with it."""
        following = self._portal.start(self._alive(work))
        self._following.add(following)
        following.add_done_callback(self._following.discard)
        return following

    async def _alive(self, work: Coroutine[Any, Any, None]) -> None:
        beating = asyncio.ensure_future(self._beat())
        pace.live += 1
        try:
            await work
        finally:
            pace.live -= 1
            beating.cancel()

    async def _beat(self) -> None:
        while True:
            every = max(BEAT_SECONDS, pace.live / MOST_A_SECOND)
            silent = time.monotonic() - self._spoke
            if silent >= every or self.face.beat["every"] != every:
                self._spoke, silent = time.monotonic(), 0.0
                told = self.face.snapshot["told"]
                self.face.beat = {"at": time.time(), "every": every, "told": told}
            await asyncio.sleep(every - silent)

    async def open_below(self, make: Callable[[], ipywidgets.Widget], *, instead: str) -> None:
        """Show another widget under the face, in place of the one before.

        Args:
            make: Makes it; may ask in plain calls, which the portal's loop must not make.
            instead: The Python that shows the same in a cell of its own.

        Raises:
            DatagenError: This host shows faces alone (``nothing_below``).
        """
        if self._is_alone:
            raise DatagenError(
                f"Nothing opens below a widget here. In a cell of its own, write {instead}",
                code="nothing_below",
            )
        self.put_below(await asyncio.to_thread(make))

    def put_below(self, widget: ipywidgets.Widget) -> None:
        """As ``open_below``, of a widget that is there, and without a word where it is not seen."""
        self.shut_below()
        self.children = (self.face, widget)

    def shut_below(self) -> None:
        """Take away what was opened."""
        opened = self.children[1:]
        self.children = (self.face,)
        for widget in opened:
            widget.close()

    def close(self) -> None:
        """Take the panel away; what it followed goes on."""
        for following in list(self._following):
            following.cancel()
        for widget in self.children:
            widget.close()
        super().close()

    def _hear(self, _widget: Any, content: Any, buffers: Any) -> None:
        answer(self.face.send, content, buffers, lambda asked: self._portal.start(self._do(asked)))

    async def _do(self, request: Request) -> Any:
        if request.action == "code":  # where a host has no models to find
            return _loaded(self._module)[1]
        if request.action == "again":  # after a connection that was lost
            return self.face.snapshot
        return await self.act(request)

    _ipython_display_ = None

    def _display_(self) -> Face:
        """What marimo shows: it knows anywidgets, but no boxes of them."""
        self._is_alone = True
        return self.face

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        text, html = self.still()
        return bundle(self, text=text, html=html)


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
    send: Callable[[Mapping[str, Any]], None],
    content: Any,
    buffers: Sequence[memoryview],
    start: Callable[[Request], Future[Any]],
) -> None:
    """Do what a browser asked and reply under its id, an error included."""
    if not isinstance(content, dict) or "id" not in content:
        return  # not one of ours: the page sends other messages too

    def reply(done: Future[Any]) -> None:
        error = CancelledError() if done.cancelled() else done.exception()
        said = {"result": done.result()} if error is None else {"error": _told(error)}
        send({"id": content["id"], **said})

    body = content.get("body")
    request = Request(
        str(content.get("action")), body if isinstance(body, dict) else {}, buffers or ()
    )
    start(request).add_done_callback(reply)


def _told(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "The kernel stopped before it was done. Look at the job again."
    return str(error) if isinstance(error, DatagenError) else f"{type(error).__name__}: {error}"


class Pace:
    """How often a widget may speak, so that all of a kernel stay far below a server's limits.

    Attributes:
        live: Widgets that follow something; those that wait in silence too.
    """

    def __init__(self) -> None:
        self.live = 0
        self._spoke: dict[object, float] = {}

    def spoke(self, who: object) -> None:
        """Count someone among those who speak, for a while."""
        self._spoke.pop(who, None)
        self._spoke[who] = time.monotonic()

    def seconds(self) -> float:
        """Least time between two snapshots of one widget."""
        since = time.monotonic() - SPEAKING_SECONDS
        while self._spoke and next(iter(self._spoke.values())) < since:
            del self._spoke[next(iter(self._spoke))]
        return max(LEAST_SECONDS, len(self._spoke) / MOST_A_SECOND)


pace = Pace()


class Throttle:
    """Passes on the newest of many values, at once or after a pause; lives on one loop.

    Args:
        put: Takes a value.
        seconds: Tells the least time between two values.
    """

    def __init__(
        self, put: Callable[[Any], None], seconds: Callable[[], float] = pace.seconds
    ) -> None:
        self._put = put
        self._seconds = seconds
        self._last = float("-inf")
        self._newest: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def offer(self, value: Any, *, at_once: bool = False) -> None:
        """Take a value; call it on the loop."""
        self._newest = value
        wait = self._last + self._seconds() - time.monotonic()
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
        pace.spoke(self)
        self._put(self._newest)
