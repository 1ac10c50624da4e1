"""Static outputs: what a notebook keeps of a widget that no browser shows.

Papermill, nbconvert and Quarto execute a notebook without a browser and export what its cells
displayed. A widget would be blank there, or stand as it was first shown. So its static form alone
is displayed, and updated at the end of each cell, while what executes the notebook still listens.
"""

from __future__ import annotations

from typing import Any, Protocol

from IPython import get_ipython
from IPython.display import DisplayHandle, display

MimeBundle = dict[str, str]
"""A display by media type."""


class Refreshable(Protocol):
    """What is displayed without a browser."""

    def update_static(self) -> bool:
        """Bring it up to date by a plain call; whether it may still change.

        If the service does not answer, it stays as it was.
        """
        ...

    def mime_bundle(self) -> MimeBundle:
        """Its static form."""
        ...


class StaticOutputs:
    """The static outputs of one kernel that may still change."""

    def __init__(self) -> None:
        self._shown: dict[DisplayHandle, tuple[Refreshable, MimeBundle]] = {}
        self._shell: Any = None

    def show(self, refreshable: Refreshable) -> None:
        """Display it, and update the output at the end of each cell after which it has changed."""
        bundle = refreshable.mime_bundle()
        handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._shown[handle] = (refreshable, bundle)
        shell = get_ipython()
        if shell is not None and shell is not self._shell:
            self._shell = shell
            shell.events.register("post_run_cell", self._after_cell)

    def _after_cell(self, _result: Any) -> None:
        for handle, (refreshable, before) in list(self._shown.items()):
            may_change = refreshable.update_static()
            bundle = refreshable.mime_bundle()
            if bundle != before:
                handle.update(bundle, raw=True)  # type: ignore[no-untyped-call]
                self._shown[handle] = (refreshable, bundle)
            if not may_change:
                del self._shown[handle]


static_outputs = StaticOutputs()
