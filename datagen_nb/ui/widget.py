"""What every widget of this package is made of: a view model that the browser shows, and requests.

Nothing here runs on the notebook's event loop. What a browser asks is handed to the client's
thread, and the answer goes back from there, however the kernel schedules its handlers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import anywidget
import ipywidgets
import traitlets
from IPython.display import display, update_display

from datagen_nb.client.portal import Portal
from datagen_nb.core.errors import DatagenError
from datagen_nb.ui import host
from datagen_nb.ui.inbox import answer_at_once
from datagen_nb.ui.modules import built, holder_of, load_module
from datagen_nb.ui.protocol import Request, answer
from datagen_nb.ui.static_html import as_of
from datagen_nb.ui.static_output import MimeBundle, static_outputs
from datagen_nb.ui.throttle import MAX_PER_SECOND, send_rate

T = TypeVar("T")

HEARTBEAT_SECONDS = 4.0


class ViewModel(anywidget.AnyWidget):
    """What the browser shows of a widget; written by that widget alone.

    Attributes:
        snapshot: All that is shown, with ``seq``, which counts snapshots, and ``at``, the kernel's
            time in seconds since 1970.
        heartbeat: ``at`` as above; ``every``, the most seconds until the next heartbeat while
            something is followed; and ``seq`` of the newest snapshot, so that a browser that has
            missed it asks for it.
        module: Key of the module that shows it.
        holder: Id of the model that holds this module.
    """

    _esm = built("loader.js")

    snapshot = traitlets.Dict().tag(sync=True)
    heartbeat = traitlets.Dict().tag(sync=True)
    module = traitlets.Unicode().tag(sync=True)
    holder = traitlets.Unicode().tag(sync=True)

    def __init__(self, module: str, snapshot: Mapping[str, Any]) -> None:
        super().__init__(
            module=load_module(module).key,
            holder=holder_of(module).model_id,
            snapshot={**snapshot, "seq": 0, "at": time.time()},
            heartbeat={"at": time.time(), "every": HEARTBEAT_SECONDS, "seq": 0},
        )


class WidgetBase(ipywidgets.VBox):  # type: ignore[misc]
    """A widget: its view model, and below it the widgets that it has opened.

    Args:
        module: Of the front end.
        portal: The client's thread, on which all work of the widget is done.
        snapshot: What is shown at first.
    """

    children: Any

    def __init__(
        self, module: str, portal: Portal, snapshot: Mapping[str, Any], **traits: Any
    ) -> None:
        self.view_model = ViewModel(module, snapshot)
        self._module = module
        self._portal = portal
        self._tasks_while_open: set[Future[None]] = set()
        self._last_sent = time.monotonic()
        self._displayed: MimeBundle | None = None
        self._is_bare = False
        self._added: tuple[ipywidgets.Widget, ...] = ()
        super().__init__([self.view_model], **traits)
        self.view_model.on_msg(self._receive)
        answer_at_once(self.view_model, portal)

    def __repr__(self) -> str:
        return f"<{self.static_repr()[0]}>"

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """What is shown now."""
        return self.view_model.snapshot

    def set_snapshot(self, snapshot: Mapping[str, Any]) -> None:
        """Show this from now on; call it on the portal's loop."""
        self._last_sent = time.monotonic()
        seq = self.snapshot["seq"] + 1
        self.view_model.snapshot = {**snapshot, "seq": seq, "at": time.time()}

    async def act(self, request: Request) -> Any:
        """Do what the browser asks, on the portal's loop; what is returned is the answer."""
        raise ValueError(f"this widget cannot {request.action}")

    def static_repr(self) -> tuple[str, str]:
        """The snapshot as text and as HTML, for where no kernel is.

        Every widget defines it; the metaclass of traitlets leaves no room for that of ``abc``.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a static_repr")

    def start_task(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Start work on the portal's loop, with heartbeats; it ends when the widget is closed."""
        task = self._portal.start(self._run_alive(work))
        self._tasks_while_open.add(task)
        task.add_done_callback(self._tasks_while_open.discard)
        return task

    async def _run_alive(self, work: Coroutine[Any, Any, None]) -> None:
        heartbeats = asyncio.ensure_future(self._send_heartbeats())
        send_rate.live += 1
        try:
            await work
        finally:
            send_rate.live -= 1
            heartbeats.cancel()

    async def _send_heartbeats(self) -> None:
        while True:
            every = max(HEARTBEAT_SECONDS, send_rate.live / MAX_PER_SECOND)
            silent = time.monotonic() - self._last_sent
            if silent >= every or self.view_model.heartbeat["every"] != every:
                self._last_sent, silent = time.monotonic(), 0.0
                seq = self.snapshot["seq"]
                self.view_model.heartbeat = {"at": time.time(), "every": every, "seq": seq}
            await asyncio.sleep(every - silent)

    async def open_below(self, make: Callable[[], ipywidgets.Widget], *, instead: str) -> None:
        """Show another widget below, in place of the one before.

        Args:
            make: Makes it, on a thread where plain calls may be made.
            instead: The Python that shows the same in a cell of its own.

        Raises:
            DatagenError: This host shows no boxes of widgets (``nothing_below``).
        """
        if self._is_bare:
            raise DatagenError(
                f"Nothing opens below a widget here. In a cell of its own, write {instead}",
                code="nothing_below",
            )
        self.set_below(await run_in_thread(make))

    def set_below(self, widget: ipywidgets.Widget) -> None:
        """Show a widget that exists already below, in place of the one before."""
        self.close_below()
        self.children = (self.view_model, widget, *self._added)

    def add_below(self, widget: ipywidgets.Widget) -> None:
        """Show a widget below all others, for as long as this one is open."""
        self._added += (widget,)
        self.children = (*self.children, widget)

    def close_below(self) -> None:
        """Close what ``open_below`` or ``set_below`` shows."""
        opened = self.children[1 : len(self.children) - len(self._added)]
        self.children = (self.view_model, *self._added)
        for widget in opened:
            close_tree(widget)

    def close(self) -> None:
        """Remove the widget; the jobs that it shows go on."""
        # ipywidgets closes what it deletes, also a widget whose ``__init__`` failed.
        for task in list(getattr(self, "_tasks_while_open", ())):
            task.cancel()
        close_children(self)
        super().close()

    def _receive(self, _widget: Any, content: Any, buffers: Any) -> None:
        answer(
            self.view_model.send,
            content,
            buffers,
            lambda request: self._portal.start(self._answer(request)),
        )

    async def _answer(self, request: Request) -> Any:
        if request.action == "module":  # where a host finds no models by their id
            return load_module(self._module).packed
        if request.action == "resync":  # after a connection that was lost
            return self.snapshot
        if request.action == "save_output":  # what a saved notebook has of it is out of date
            return self._save_output()
        return await self.act(request)

    @property
    def is_final(self) -> bool:
        """Whether what is shown changes no more."""
        return False

    async def refresh(self) -> None:
        """Bring the snapshot up to date, where no task does."""

    def update_static(self) -> bool:
        """See ``static_output.Refreshable``."""
        if not self.is_final:
            with suppress(DatagenError):  # as it was last seen, with its age
                self._portal.call(self.refresh())
        return not self.is_final

    def mime_bundle(self) -> MimeBundle:
        """What is shown without a kernel, with its age if it may have changed since."""
        text, html = self.static_repr()
        if not self.is_final:
            html += as_of(self.snapshot["at"])
        return {"text/plain": text, "text/html": html}

    def _ipython_display_(self) -> None:
        if host.has_browser():
            self._displayed = self.mime_bundle()
            data, _ = self._repr_mimebundle_()
            # The browser asks for another of these once what it shows is final.
            display(data, raw=True, display_id=self.model_id)  # type: ignore[no-untyped-call]
        else:
            static_outputs.show(self)

    def _save_output(self) -> None:
        """Write what is shown into each output that displays it, for a notebook that is saved."""
        bundle = self.mime_bundle()
        if self._displayed in (None, bundle):
            return  # displayed by other means, or up to date
        self._displayed = bundle
        data, _ = self._repr_mimebundle_()
        update_display(data, raw=True, display_id=self.model_id)  # type: ignore[no-untyped-call]

    def _display_(self) -> ViewModel:
        """What marimo shows, which has no boxes of widgets."""
        self._is_bare = True
        return self.view_model

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        return display_bundle(self, self.mime_bundle())


_threads = ThreadPoolExecutor(8, thread_name_prefix="datagen-widgets")


async def run_in_thread(call: Callable[[], T]) -> T:
    """Run what makes plain calls, which would block the portal's loop.

    Its threads are not those of the loop, which do the work that such calls wait for.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


def close_tree(widget: ipywidgets.Widget) -> None:
    """Close a widget and the models that it is made of; see ``close_children``."""
    close_children(widget)
    widget.close()


def close_children(widget: ipywidgets.Widget) -> None:
    """Close the models that a widget is made of: what it shows, its layout, its style.

    Each is kept by the kernel until it is closed, whether anything refers to it or not.
    """
    for name in widget.keys:
        for part in _widgets_in(getattr(widget, name)):
            if part.comm is not None:
                close_tree(part)


def _widgets_in(value: Any) -> Iterator[ipywidgets.Widget]:
    if isinstance(value, ipywidgets.Widget):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _widgets_in(one)


def display_bundle(widget: Any, static: MimeBundle) -> tuple[dict[str, Any], dict[str, Any]]:
    """A widget's display with its static form, the same under ipywidgets 7 and 8.

    Where no browser is, the view is left out: an export would prefer it, and be blank. The widget's
    class sets ``_ipython_display_`` itself: that of ipywidgets 7 would go first.
    """
    data: dict[str, Any] = dict(static)
    if host.has_browser():
        view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        data["application/vnd.jupyter.widget-view+json"] = view
    return data, {}
