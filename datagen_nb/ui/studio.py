"""The studio: wizard, history and dashboard on one page."""

from __future__ import annotations

from typing import Any

import ipywidgets
import traitlets
from IPython.display import display

from datagen_nb.client.sync import Client, Job
from datagen_nb.core.config import JobConfiguration
from datagen_nb.ui import host
from datagen_nb.ui.dashboard import Dashboard
from datagen_nb.ui.history import History
from datagen_nb.ui.static_output import MimeBundle, static_outputs
from datagen_nb.ui.widget import close_children, display_bundle
from datagen_nb.ui.wizard import Wizard

TABS = {"wizard": "Wizard", "history": "History", "dashboard": "Dashboard"}


class Studio(ipywidgets.Tab):  # type: ignore[misc]
    """The wizard, the history and the dashboard of a client, as tabs.

    Args:
        client: Whose jobs.
        start: What the wizard begins with, as in ``dg.wizard``.

    Attributes:
        tab: Which is shown, ``wizard``, ``history`` or ``dashboard``; for ``observe``, ``link`` and
            to be set.
        wizard: The wizard.
        history: The history.
        dashboard: The dashboard.
    """

    tab = traitlets.Enum(tuple(TABS), default_value=next(iter(TABS)))

    def __init__(self, client: Client, start: JobConfiguration | Job | None = None) -> None:
        self.wizard = Wizard(client, start)
        self.history = History(client)
        self.dashboard = Dashboard(client)
        super().__init__([getattr(self, name) for name in TABS], selected_index=0)
        for place, title in enumerate(TABS.values()):
            self.set_title(place, title)

    @traitlets.observe("tab")
    def _tab_changed(self, change: Any) -> None:
        self.selected_index = list(TABS).index(change.new)

    @traitlets.observe("selected_index")
    def _index_changed(self, change: Any) -> None:
        if change.new is not None:
            self.tab = list(TABS)[change.new]

    def close(self) -> None:
        """Take it away; what its jobs do goes on."""
        close_children(self)
        super().close()

    def update_static(self) -> bool:
        """See ``static_output.Refreshable``."""
        for child in self.children:
            child.update_static()
        return True

    def mime_bundle(self) -> MimeBundle:
        """The still forms of all tabs, one below the other."""
        html = "".join(child.mime_bundle()["text/html"] for child in self.children)
        return {"text/plain": f"Studio: {', '.join(TABS.values())}", "text/html": html}

    def _ipython_display_(self) -> None:
        if host.has_browser():
            data, _ = self._repr_mimebundle_()
            display(data, raw=True)  # type: ignore[no-untyped-call]
        else:
            static_outputs.show(self)

    def _display_(self) -> Any:
        """What marimo shows: it knows no tabs of ipywidgets, but its own."""
        import marimo

        shown = {TABS[name]: getattr(self, name)._display_() for name in TABS}
        return marimo.ui.tabs(shown)

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        return display_bundle(self, self.mime_bundle())


def studio(client: Client, start: JobConfiguration | Job | None = None) -> Studio:
    """Show the wizard, the history and the dashboard of a client as tabs.

    Args:
        client: The client.
        start: A configuration, or a job whose configuration is taken, to begin with.

    Example:
        ```python
        dg.studio(client)
        ```
    """
    return Studio(client, start)
