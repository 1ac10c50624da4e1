"""The studio: wizard, history and dashboard on one page."""

from __future__ import annotations

from typing import Any

import ipywidgets
import traitlets

from datagen_nb.core.config import JobConfiguration
from datagen_nb.plain_job import Job
from datagen_nb.sync import Client
from datagen_nb.ui import bridge
from datagen_nb.ui.dashboard import Dashboard
from datagen_nb.ui.history import History
from datagen_nb.ui.wizard import Wizard

TABS = {"wizard": "New table", "history": "Jobs", "dashboard": "Overview"}


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
        for child in self.children:
            child.close()
        super().close()

    _ipython_display_ = None

    def _display_(self) -> Any:
        """What marimo shows: it knows no tabs of ipywidgets, but its own."""
        import marimo

        shown = {TABS[name]: getattr(self, name)._display_() for name in TABS}
        return marimo.ui.tabs(shown)

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        html = "".join(child.still()[1] for child in self.children)
        return bridge.bundle(self, text=f"Studio: {', '.join(TABS.values())}", html=html)


def studio(client: Client, start: JobConfiguration | Job | None = None) -> Studio:
    """Wizard, history and dashboard on one page; see ``Studio``."""
    return Studio(client, start)
